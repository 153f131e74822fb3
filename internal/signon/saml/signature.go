package saml

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"github.com/callbox911/callbox/internal/e911"
)

// The algorithms that are taken (RFC 9231; SHA-1 is not).
var (
	signatureMethods = map[string]bool{
		dsig.RSASHA256SignatureMethod: true, dsig.RSASHA384SignatureMethod: true, dsig.RSASHA512SignatureMethod: true,
		dsig.ECDSASHA256SignatureMethod: true, dsig.ECDSASHA384SignatureMethod: true, dsig.ECDSASHA512SignatureMethod: true,
	}
	digestMethods = map[string]crypto.Hash{
		"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
		"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	}
)

// reference is what a signature says that it covers.
type reference struct {
	hash     crypto.Hash
	digest   []byte
	prefixes string // of the exclusive canonicalisation
}

func badSignature(why string) error {
	return denied("the signature of the answer is not of the kind that SAML allows: %s", why)
}

// readSignature takes the one shape of a signature that SAML has (saml-core-2.0-os,
// section 5.4): one reference, to the id of what it stands in, with the enveloped
// signature and exclusive canonicalisation. More references, other transforms or an
// empty URI would leave open what was signed.
func readSignature(sig *etree.Element, id string) (reference, error) {
	info, ref := one(sig, nsSignature, "SignedInfo"), (*etree.Element)(nil)
	if info != nil {
		ref = one(info, nsSignature, "Reference")
	}
	keyInfos := len(all(sig, nsSignature, "KeyInfo"))
	if info == nil || ref == nil || one(sig, nsSignature, "SignatureValue") == nil || keyInfos > 1 ||
		len(sig.ChildElements()) != 2+keyInfos || len(info.ChildElements()) != 3 || len(ref.ChildElements()) != 3 {
		return reference{}, badSignature("it has parts that are missing, twice, or unknown")
	}
	method, canon := one(info, nsSignature, "SignatureMethod"), one(info, nsSignature, "CanonicalizationMethod")
	transforms, digest, value := one(ref, nsSignature, "Transforms"), one(ref, nsSignature, "DigestMethod"), one(ref, nsSignature, "DigestValue")
	if method == nil || canon == nil || transforms == nil || digest == nil || value == nil {
		return reference{}, badSignature("it has parts that are missing, twice, or unknown")
	}
	if id == "" || attr(ref, "URI") != "#"+id {
		return reference{}, badSignature("it does not cover what it stands in")
	}
	by, over := attr(method, "Algorithm"), attr(digest, "Algorithm")
	if strings.HasSuffix(by, "sha1") || strings.HasSuffix(over, "sha1") {
		return reference{}, denied("the answer is signed with SHA-1, which can be forged; set the signature algorithm to SHA-256 at the identity provider")
	}
	r := reference{hash: digestMethods[over]}
	if !signatureMethods[by] || r.hash == 0 {
		return reference{}, badSignature("RSA or ECDSA with SHA-256, SHA-384 or SHA-512 is taken")
	}
	if !strings.HasPrefix(attr(canon, "Algorithm"), nsExclusive) {
		return reference{}, badSignature("exclusive canonicalisation is taken, no other")
	}
	if err := r.readTransforms(transforms); err != nil {
		return reference{}, err
	}
	said, ok := text(value)
	d, err := base64.StdEncoding.DecodeString(said)
	if !ok || err != nil {
		return reference{}, badSignature("its digest is not base64")
	}
	r.digest = d
	return r, nil
}

func (r *reference) readTransforms(transforms *etree.Element) error {
	list := transforms.ChildElements()
	if len(list) != 2 || attr(list[0], "Algorithm") != string(dsig.EnvelopedSignatureAltorithmId) || len(list[0].ChildElements()) > 0 {
		return badSignature("enveloped signature and exclusive canonicalisation are taken as transforms, no others")
	}
	switch dsig.AlgorithmID(attr(list[1], "Algorithm")) {
	case dsig.CanonicalXML10ExclusiveAlgorithmId, dsig.CanonicalXML10ExclusiveWithCommentsAlgorithmId:
	default:
		return badSignature("enveloped signature and exclusive canonicalisation are taken as transforms, no others")
	}
	for _, c := range list[1].ChildElements() {
		if !is(c, nsExclusive, "InclusiveNamespaces") {
			return badSignature("its canonicalisation has something unknown")
		}
		r.prefixes = attr(c, "PrefixList")
	}
	return nil
}

// covered proves the signature in el by one of the keys, and returns what it covers:
// read anew from the octets that were hashed, without the signature. The key is
// returned too.
func covered(el *etree.Element, keys []*x509.Certificate) (*etree.Element, *x509.Certificate, error) {
	alone, err := detach(el)
	if err != nil {
		return nil, nil, err
	}
	sig := one(alone, nsSignature, "Signature")
	if sig == nil {
		return nil, nil, badSignature("there is none, or several")
	}
	ref, err := readSignature(sig, attr(alone, "ID"))
	if err != nil {
		return nil, nil, err
	}
	named := ""
	if info := one(sig, nsSignature, "KeyInfo"); info != nil {
		named = fingerprintIn(info)
		sig.RemoveChild(info) // which key counts, the metadata says
	}
	value := one(sig, nsSignature, "SignatureValue")
	said := value.Text()
	for _, key := range keys {
		if !spell(value, said, key) {
			continue
		}
		v := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{key}})
		v.IdAttribute = "ID"
		v.Clock = dsig.NewFakeClockAt(key.NotBefore) // its dates do not count, see the package
		signed, err := v.Validate(alone)
		if err != nil {
			continue
		}
		content, err := ref.content(signed)
		return content, key, err
	}
	if named != "" && !knows(keys, named) {
		return nil, nil, denied("the answer is signed with another certificate than those in the metadata; if the identity provider has a new one, fetch its metadata again. The new one has the SHA-256 fingerprint %s", named)
	}
	return nil, nil, denied("the signature of the answer is wrong: it was changed on the way, or not signed by this identity provider")
}

// spell writes the value of a signature as goxmldsig reads it for a key. Of ECDSA
// XML has the two numbers one after the other (RFC 9231, section 2.3.6), and the
// library wants them in DER. False: the value cannot be of that key.
func spell(value *etree.Element, said string, key *x509.Certificate) bool {
	value.SetText(said)
	pub, ok := key.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return true
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(said), ""))
	half := (pub.Curve.Params().BitSize + 7) / 8
	if err != nil || len(raw) != 2*half {
		return false
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	if err != nil {
		return false
	}
	value.SetText(base64.StdEncoding.EncodeToString(der))
	return true
}

// content are the octets that were hashed, hashed once more and read.
func (r reference) content(signed *etree.Element) (*etree.Element, error) {
	octets, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(r.prefixes).Canonicalize(signed.Copy())
	if err != nil {
		return nil, &e911.Error{Kind: e911.Denied, Msg: "what the signature covers cannot be written in canonical form", Err: err}
	}
	h := r.hash.New()
	h.Write(octets)
	if !bytes.Equal(h.Sum(nil), r.digest) {
		return nil, badSignature("what it covers reads differently the second time")
	}
	return read(octets, ofResponse)
}

// detach copies an element out of its document with the namespaces that it needs.
func detach(el *etree.Element) (*etree.Element, error) {
	ctx, err := etreeutils.NSBuildParentContext(el)
	if err == nil {
		ctx, err = ctx.SubContext(el)
	}
	if err == nil {
		el, err = etreeutils.NSDetatch(ctx, el)
	}
	if err != nil {
		return nil, &e911.Error{Kind: e911.Denied, Msg: "the namespaces of the answer cannot be understood", Err: err}
	}
	return el, nil
}

// fingerprintIn is that of the certificate that a signature names, if it names one.
func fingerprintIn(info *etree.Element) string {
	data := one(info, nsSignature, "X509Data")
	if data == nil {
		return ""
	}
	for _, c := range all(data, nsSignature, "X509Certificate") {
		if cert, err := readCertificate(c.Text()); err == nil {
			return fingerprint(cert)
		}
	}
	return ""
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func knows(keys []*x509.Certificate, print string) bool {
	for _, k := range keys {
		if fingerprint(k) == print {
			return true
		}
	}
	return false
}

// readCertificate reads one as XML has it: base64 with any white space.
func readCertificate(s string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it was
	}
	return x509.ParseCertificate(der) //nolint:wrapcheck // likewise
}
