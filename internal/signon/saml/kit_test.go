package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// noon is when all of it happens.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	base    = "https://e911.example.com"
	theirs  = "https://idp.example.com/saml"
	sso     = "https://idp.example.com/sso"
	request = "_0123456789abcdef0123456789abcdef01234567"
)

// pair is a key with its certificate.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
	ec   *ecdsa.PrivateKey // in place of key
}

func newPair(name string, until time.Time, bits int) pair {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.AddDate(-3, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return pair{key: key, cert: cert}
}

// world are the keys of all tests: making them takes longer than the tests.
type world struct {
	idp, next, old, stranger pair
	ourCert                  string
	ourKey                   e911.Secret
	our                      *rsa.PrivateKey
}

// Where TestMain leaves the keys that fuzzing needs: each of its processes inherits
// the first one's environment, and an answer that one of them signed is read by all.
const (
	idpEnv = "CALLBOX_TEST_SAML_IDP"
	ourEnv = "CALLBOX_TEST_SAML_OUR"
)

// kept reads a certificate and its key, in PEM, from the environment.
func kept(name string) (p pair, certificate, key string) {
	raw := []byte(os.Getenv(name))
	c, rest := pem.Decode(raw)
	certificate, key = string(raw[:len(raw)-len(rest)]), string(rest)
	var err error
	if p.cert, err = x509.ParseCertificate(c.Bytes); err != nil {
		panic(err)
	}
	k, _ := pem.Decode(rest)
	parsed, err := x509.ParsePKCS8PrivateKey(k.Bytes)
	if err != nil {
		panic(err)
	}
	p.key = parsed.(*rsa.PrivateKey)
	return p, certificate, key
}

var fixed = sync.OnceValue(func() (w world) {
	w.idp, _, _ = kept(idpEnv)
	our, cert, key := kept(ourEnv)
	w.our, w.ourCert, w.ourKey = our.key, cert, e911.Secret(key)
	return w
})

var keys = sync.OnceValue(func() world {
	w := fixed()
	w.next, w.old, w.stranger = newPair("idp next", noon.AddDate(4, 0, 0), 2048), newPair("idp old", noon.AddDate(0, 0, -3), 2048), newPair("stranger", noon.AddDate(1, 0, 0), 2048)
	return w
})

// TestMain makes the key pairs that all processes of a run share, once.
func TestMain(m *testing.M) {
	if os.Getenv(ourEnv) == "" {
		idp := newPair("idp", noon.AddDate(2, 0, 0), 2048)
		private, err := x509.MarshalPKCS8PrivateKey(idp.key)
		if err != nil {
			panic(err)
		}
		cert, key, err := NewKeyPair("Callbox "+base, noon)
		if err != nil {
			panic(err)
		}
		text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: idp.cert.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
		for name, value := range map[string]string{idpEnv: string(text), ourEnv: cert + string(key)} {
			if err := os.Setenv(name, value); err != nil {
				panic(err)
			}
		}
	}
	m.Run()
}

// metadataOf is an identity provider's metadata with these signing certificates.
func metadataOf(entity string, certs ...*x509.Certificate) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-8"?><!-- made by hand -->
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`, entity)
	for _, c := range certs {
		text := base64.StdEncoding.EncodeToString(c.Raw)
		fmt.Fprintf(&b, "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>\n%s\n  %s\n</X509Certificate></X509Data></KeyInfo></KeyDescriptor>", text[:64], text[64:])
	}
	fmt.Fprintf(&b, `<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%[1]s/post"/><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="%[1]s"/></IDPSSODescriptor></EntityDescriptor>`, sso)
	return b.String()
}

// provider is one as it is saved.
func provider(id string) federation.Provider {
	w := fixed()
	return federation.Provider{
		ID: id, Org: "org-1", Key: "corp", Via: federation.ViaSAML, Name: "Corp",
		SAML: &federation.SAML{Metadata: metadataOf(theirs, w.idp.cert), Certificate: w.ourCert, SigningKey: w.ourKey},
	}
}

func speaker(t testing.TB, now time.Time) *Protocol {
	t.Helper()
	s, err := New(Config{BaseURL: base + "/", Local: true, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func expected(certs ...*x509.Certificate) Expected {
	w := fixed()
	if certs == nil {
		certs = []*x509.Certificate{w.idp.cert}
	}
	s := Protocol{cfg: Config{BaseURL: base}}
	return Expected{
		IDP: IDP{EntityID: theirs, SSO: sso, Keys: certs}, EntityID: s.EntityID("p1"), ACS: s.ACS("p1"), Key: w.our, RequestID: request, Now: noon,
	}
}

// answer is what an identity provider says; text of it can be exchanged, before it is
// signed and after.
type answer struct {
	signer          pair
	method          string // of the signature; "": RSA with SHA-256
	assertion, both bool   // what is signed: the assertion, the response too
	response        bool   // the response alone
	noKeyInfo       bool
	der             bool // ECDSA as TLS writes it, not as XML does
	seal            func(plain []byte) *etree.Element
	before          [][2]string // exchanged before signing
	after           [][2]string // exchanged in the document that is sent
	tree            func(root *etree.Element)
}

// text is the document of somebody who does everything right: Ann.
const text0 = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0" IssueInstant="2026-11-22T12:00:00Z" Destination="ACS" InResponseTo="REQUEST">` +
	`<saml:Issuer>IDP</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>` +
	`<saml:Assertion ID="_a1" Version="2.0" IssueInstant="2026-11-22T12:00:00Z"><saml:Issuer>IDP</saml:Issuer>` +
	`<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">ann@corp.example</saml:NameID>` +
	`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo="REQUEST" Recipient="ACS" NotOnOrAfter="2026-11-22T12:05:00Z"/></saml:SubjectConfirmation></saml:Subject>` +
	`<saml:Conditions NotBefore="2026-11-22T11:59:30Z" NotOnOrAfter="2026-11-22T12:05:00Z"><saml:AudienceRestriction><saml:Audience>OURS</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
	`<saml:AuthnStatement AuthnInstant="2026-11-22T11:59:00Z" SessionIndex="s1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
	`<saml:AttributeStatement><saml:Attribute Name="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"><saml:AttributeValue>ann@corp.example</saml:AttributeValue></saml:Attribute>` +
	`<saml:Attribute Name="groups"><saml:AttributeValue>desk</saml:AttributeValue><saml:AttributeValue>staff</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>` +
	`</saml:Assertion></samlp:Response>`

func tree(t testing.TB, text string) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

func write(t testing.TB, el *etree.Element) string {
	t.Helper()
	doc := etree.NewDocument()
	doc.SetRoot(el.Copy())
	s, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign puts a signature into el.
func (a answer) sign(t testing.TB, el *etree.Element) *etree.Element {
	t.Helper()
	signer := crypto.Signer(a.signer.key)
	if a.signer.ec != nil {
		signer = a.signer.ec
	}
	ctx, err := dsig.NewSigningContext(signer, [][]byte{a.signer.cert.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	method := a.method
	if method == "" {
		method = dsig.RSASHA256SignatureMethod
		if a.signer.ec != nil {
			method = dsig.ECDSASHA256SignatureMethod
		}
	}
	if err := ctx.SetSignatureMethod(method); err != nil {
		t.Fatal(err)
	}
	alone, err := detach(el)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ctx.SignEnveloped(alone)
	if err != nil {
		t.Fatal(err)
	}
	signed = tree(t, write(t, signed)) // the library leaves the signature without a parent
	if a.signer.ec != nil && !a.der {
		asNumbers(t, one(one(signed, nsSignature, "Signature"), nsSignature, "SignatureValue"), a.signer.ec)
	}
	if a.noKeyInfo {
		sig := one(signed, nsSignature, "Signature")
		sig.RemoveChild(one(sig, nsSignature, "KeyInfo"))
	}
	return signed
}

// document is what the browser brings.
func (a answer) document(t testing.TB) []byte {
	t.Helper()
	if a.signer.cert == nil {
		a.signer = fixed().idp
	}
	if !a.assertion && !a.response && !a.both {
		a.assertion = true
	}
	e := expected()
	text := strings.NewReplacer("ACS", e.ACS, "REQUEST", e.RequestID, "OURS", e.EntityID, "IDP", theirs).Replace(text0)
	text = exchange(t, text, a.before)
	root := tree(t, text)
	as := one(root, nsAssertion, "Assertion")
	if as != nil && (a.assertion || a.both) {
		signed := a.sign(t, as)
		root.RemoveChild(as)
		root.AddChild(signed)
		as = signed
	}
	if a.seal != nil {
		alone, err := detach(as)
		if err != nil {
			t.Fatal(err)
		}
		root.RemoveChild(as)
		wrap := root.CreateElement("saml:EncryptedAssertion")
		wrap.AddChild(a.seal([]byte(write(t, alone))))
	}
	if a.response || a.both {
		root = a.sign(t, root)
	}
	if a.tree != nil {
		root = tree(t, write(t, root))
		a.tree(root)
	}
	return []byte(exchange(t, write(t, root), a.after))
}

func exchange(t testing.TB, text string, pairs [][2]string) string {
	t.Helper()
	for _, p := range pairs {
		if !strings.Contains(text, p[0]) {
			t.Fatalf("the document does not have %q:\n%s", p[0], text)
		}
		text = strings.ReplaceAll(text, p[0], p[1])
	}
	return text
}

// sealed encrypts for us as xmlenc has it, by a block cipher and a way to wrap keys.
func sealed(cipherURI, wrapURI string, size int) func([]byte) *etree.Element {
	return func(plain []byte) *etree.Element {
		secret := make([]byte, size)
		_, _ = rand.Read(secret)
		block, err := aes.NewCipher(secret)
		if err != nil {
			panic(err)
		}
		var body []byte
		if strings.HasSuffix(cipherURI, "gcm") {
			aead, _ := cipher.NewGCM(block)
			nonce := make([]byte, aead.NonceSize())
			_, _ = rand.Read(nonce)
			body = aead.Seal(nonce, nonce, plain, nil)
		} else {
			pad := 16 - len(plain)%16
			plain = append(append([]byte{}, plain...), make([]byte, pad)...)
			plain[len(plain)-1] = byte(pad)
			iv := make([]byte, 16)
			_, _ = rand.Read(iv)
			body = make([]byte, len(plain))
			cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, plain)
			body = append(iv, body...)
		}
		pub := &fixed().our.PublicKey
		var wrapped []byte
		digest := ""
		switch {
		case strings.HasSuffix(wrapURI, "rsa-1_5"):
			wrapped, err = rsa.EncryptPKCS1v15(rand.Reader, pub, secret) //nolint:staticcheck // that it is refused is the test
		case strings.HasSuffix(wrapURI, "mgf1p"):
			wrapped, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, pub, secret, nil)
		default:
			digest = `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/>`
			wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, secret, nil)
		}
		if err != nil {
			panic(err)
		}
		doc := etree.NewDocument()
		text := fmt.Sprintf(`<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Id="_e1" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="%s"/>`+
			`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey Id="_e2"><xenc:EncryptionMethod Algorithm="%s">%s</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>`+
			`<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>`,
			cipherURI, wrapURI, digest, base64.StdEncoding.EncodeToString(wrapped), base64.StdEncoding.EncodeToString(body))
		if err := doc.ReadFromString(text); err != nil {
			panic(err)
		}
		return doc.Root()
	}
}
