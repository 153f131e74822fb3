package saml

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/callbox911/callbox/internal/e911"
)

func newCurve(t *testing.T, curve elliptic.Curve) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: curve.Params().Name}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{ec: key, cert: cert}
}

// asNumbers writes a signature of goxmldsig, in DER, as XML has it: two numbers, each as
// long as the order of the curve (RFC 9231, section 2.3.6).
func asNumbers(t testing.TB, value *etree.Element, key *ecdsa.PrivateKey) {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(value.Text())
	if err != nil {
		t.Fatal(err)
	}
	var n struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &n); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 2*((key.Params().BitSize+7)/8))
	n.R.FillBytes(raw[:len(raw)/2])
	n.S.FillBytes(raw[len(raw)/2:])
	value.SetText(base64.StdEncoding.EncodeToString(raw))
}

// Proves: C-60a, RFC 9231 section 2.3.6
func TestAnAnswerIsSignedWithECDSA(t *testing.T) {
	w := keys()
	p256, p384, p521, stranger := newCurve(t, elliptic.P256()), newCurve(t, elliptic.P384()), newCurve(t, elliptic.P521()), newCurve(t, elliptic.P256())
	certs := []*x509.Certificate{w.idp.cert, p256.cert, p384.cert, p521.cert}
	sha1 := strings.Replace(dsig.ECDSASHA256SignatureMethod, "sha256", "sha1", 1)
	value := func(change func(raw []byte) []byte) func(root *etree.Element) {
		return func(root *etree.Element) {
			v := root.FindElement("./Assertion/Signature/SignatureValue")
			raw, _ := base64.StdEncoding.DecodeString(v.Text())
			v.SetText(base64.StdEncoding.EncodeToString(change(raw)))
		}
	}
	for _, c := range []struct {
		name  string
		a     answer
		certs []*x509.Certificate
		want  string // of what is refused; "": taken
	}{
		{name: "P-256 and SHA-256", a: answer{signer: p256}},
		{name: "P-384 and SHA-384", a: answer{signer: p384, method: dsig.ECDSASHA384SignatureMethod}},
		{name: "P-521 and SHA-512, the response too", a: answer{signer: p521, method: dsig.ECDSASHA512SignatureMethod, both: true}},
		{name: "rolled over from RSA, and it does not name itself", a: answer{signer: p256, noKeyInfo: true}},
		{name: "RSA goes on beside it", a: answer{signer: w.idp}},
		{name: "encrypted too", a: answer{signer: p256, seal: sealed(gcm256, oaep11, 32)}},

		{name: "somebody else's key", a: answer{signer: stranger}, want: "another certificate than those in the metadata"},
		{name: "somebody else's, in our name", a: answer{signer: pair{ec: stranger.ec, cert: p256.cert}}, want: "the signature of the answer is wrong"},
		{name: "a key that is not in the metadata", a: answer{signer: p256}, certs: []*x509.Certificate{w.idp.cert, p384.cert}, want: "another certificate"},
		{name: "SHA-1", a: answer{signer: p256, after: [][2]string{{dsig.ECDSASHA256SignatureMethod, sha1}}}, want: "signed with SHA-1"},
		{name: "in DER, as XML does not have it", a: answer{signer: p256, der: true}, want: "the signature of the answer is wrong"},
		{name: "an octet too many", a: answer{signer: p256, tree: value(func(raw []byte) []byte { return append(raw, 0) })}, want: "the signature of the answer is wrong"},
		{name: "zeros (CVE-2022-21449)", a: answer{signer: p256, tree: value(func(raw []byte) []byte { return make([]byte, len(raw)) })}, want: "the signature of the answer is wrong"},
		{name: "nothing", a: answer{signer: p256, tree: value(func([]byte) []byte { return nil })}, want: "signature"},
		{name: "RSA is claimed over a signature of ECDSA", a: answer{signer: p256, after: [][2]string{{dsig.ECDSASHA256SignatureMethod, dsig.RSASHA256SignatureMethod}}}, want: "the signature of the answer is wrong"},
		{name: "ECDSA is claimed over a signature of RSA", a: answer{after: [][2]string{{dsig.RSASHA256SignatureMethod, dsig.ECDSASHA256SignatureMethod}}}, want: "the signature of the answer is wrong"},
		{name: "the name was changed after signing", a: answer{signer: p256, after: [][2]string{{"ann@corp", "boss@corp"}}}, want: "the signature of the answer is wrong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.certs == nil {
				c.certs = certs
			}
			got, err := expected(c.certs...).Verify(c.a.document(t))
			if c.want == "" {
				if err != nil || got.NameID != "ann@corp.example" {
					t.Errorf("%q, %v", got.NameID, err)
				}
				return
			}
			if e911.KindOf(err) != e911.Denied || !strings.Contains(err.Error(), c.want) || got.NameID != "" {
				t.Errorf("got %q, %v\nwant %s", got.NameID, err, c.want)
			}
		})
	}
	t.Run("metadata with such keys", func(t *testing.T) {
		p := provider("p1")
		p.SAML.Metadata = metadataOf(theirs, certs...)
		if f := speaker(t, noon).Faults(p); len(f) > 0 {
			t.Error(f)
		}
		p.SAML.Metadata = metadataOf(theirs, newCurve(t, elliptic.P224()).cert)
		if f := speaker(t, noon).Faults(p); len(f) != 1 || f[0].Code != "weak_key" {
			t.Errorf("P-224: %v", f)
		}
	})
}
