package saml

import (
	"bytes"
	"compress/flate"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

const (
	oaep   = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	oaep11 = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
	cbc128 = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	cbc256 = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	gcm128 = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	gcm256 = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
)

// Proves: C-60a, saml-profiles-2.0-os section 4.1.4
func TestAnAnswerIsBelieved(t *testing.T) {
	w := keys()
	for _, c := range []struct {
		name  string
		a     answer
		certs []*x509.Certificate
		warn  string
	}{
		{name: "its assertion is signed"},
		{name: "the response alone is signed", a: answer{response: true}},
		{name: "both are signed", a: answer{both: true}},
		{name: "signed with SHA-512", a: answer{method: dsig.RSASHA512SignatureMethod}},
		{name: "the signature does not say by which certificate", a: answer{noKeyInfo: true}},
		{name: "encrypted with AES-256-CBC inside a signature of the assertion", a: answer{seal: sealed(cbc256, oaep, 32)}},
		{name: "encrypted with AES-128-CBC, response signed too", a: answer{both: true, seal: sealed(cbc128, oaep, 16)}},
		{name: "encrypted with AES-256-GCM, response alone signed", a: answer{response: true, seal: sealed(gcm256, oaep11, 32)}},
		{name: "encrypted with AES-128-GCM", a: answer{seal: sealed(gcm128, oaep, 16)}},
		{name: "rolled over: the metadata has two certificates, the old one signs", certs: []*x509.Certificate{w.next.cert, w.idp.cert}},
		{name: "rolled over: the new one signs and does not name itself", a: answer{signer: w.next, noKeyInfo: true}, certs: []*x509.Certificate{w.idp.cert, w.next.cert}},
		{name: "the certificate in the metadata has ended", a: answer{signer: w.old}, certs: []*x509.Certificate{w.old.cert}, warn: "ended on 2026-11-19"},
		{name: "our clock is a minute and a half ahead of its end", a: answer{before: [][2]string{{"12:05:00Z", "11:58:30Z"}, {"12:00:00Z", "11:56:00Z"}, {"11:59:30Z", "11:56:00Z"}}}},
		{name: "its clock is a minute and a half ahead", a: answer{before: [][2]string{{"12:00:00Z", "12:01:30Z"}, {"11:59:30Z", "12:01:30Z"}}}},
		{name: "times with fractions and an offset", a: answer{before: [][2]string{{"12:00:00Z", "13:00:00.1234567+01:00"}}}},
		{name: "the response does not say for which address, and is not signed", a: answer{after: [][2]string{{` Destination="` + expected().ACS + `"`, ""}}}},
		{name: "the audience is one of several", a: answer{before: [][2]string{{"<saml:Audience>", "<saml:Audience>urn:other</saml:Audience><saml:Audience>"}}}},
		{name: "another confirmation stands before the bearer's", a: answer{before: [][2]string{{"<saml:SubjectConfirmation ", `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/><saml:SubjectConfirmation `}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := expected(c.certs...).Verify(c.a.document(t))
			if err != nil {
				t.Fatal(err)
			}
			claims, err := got.claims(federation.Names{})
			if err != nil {
				t.Fatal(err)
			}
			want := federation.Claims{Subject: "ann@corp.example", Email: "ann@corp.example", Groups: []string{"desk", "staff"}, AuthTime: noon.Add(-time.Minute)}
			if d := cmp.Diff(want, claims); d != "" {
				t.Error(d)
			}
			if warned := strings.Join(got.Warnings, "; "); !strings.Contains(warned, c.warn) || c.warn == "" && warned != "" {
				t.Errorf("warned %q, want %q", warned, c.warn)
			}
		})
	}
}

// evil is a copy of the assertion in which somebody else is signed in.
func evil(root *etree.Element, id string) (original, forged *etree.Element) {
	original = one(root, nsAssertion, "Assertion")
	forged = original.Copy()
	if sig := one(forged, nsSignature, "Signature"); sig != nil {
		forged.RemoveChild(sig)
	}
	forged.RemoveAttr("ID")
	forged.CreateAttr("ID", id)
	name := forged.FindElement("./Subject/NameID")
	name.SetText("boss@corp.example")
	return original, forged
}

// take removes an element from its parent and returns it.
func take(el *etree.Element) *etree.Element {
	el.Parent().RemoveChild(el)
	return el
}

func signatureOf(el *etree.Element) *etree.Element { return one(el, nsSignature, "Signature") }

// wrappings are XSW1 to XSW8 (Somorovsky and others, "On Breaking SAML: Be Whoever You
// Want to Be", USENIX Security 2012).
var wrappings = []struct {
	name string
	a    answer
}{
	{"XSW1: the signed response stands in the signature of a forged one", answer{response: true, tree: func(root *etree.Element) {
		inner, sig := root.Copy(), signatureOf(root)
		take(signatureOf(inner))
		as, forged := evil(root, "_evil")
		root.RemoveChild(as)
		root.AddChild(forged)
		root.CreateAttr("ID", "_evil_r")
		sig.AddChild(inner)
	}}},
	{"XSW2: the signed response stands beside its signature in a forged one", answer{response: true, tree: func(root *etree.Element) {
		inner := root.Copy()
		take(signatureOf(inner))
		as, forged := evil(root, "_evil")
		root.RemoveChild(as)
		root.AddChild(forged)
		root.CreateAttr("ID", "_evil_r")
		root.AddChild(inner)
	}}},
	{"XSW3: a forged assertion stands before the signed one", answer{tree: func(root *etree.Element) {
		as, forged := evil(root, "_evil")
		root.InsertChildAt(as.Index(), forged)
	}}},
	{"XSW4: the signed assertion stands in a forged one", answer{tree: func(root *etree.Element) {
		as, forged := evil(root, "_evil")
		root.RemoveChild(as)
		forged.AddChild(as)
		root.AddChild(forged)
	}}},
	{"XSW5: the forged assertion has the signature, the signed one follows without", answer{tree: func(root *etree.Element) {
		as, forged := evil(root, "_evil")
		forged.AddChild(take(signatureOf(as)))
		root.InsertChildAt(as.Index(), forged)
	}}},
	{"XSW6: the forged assertion has the signature, and in it the signed one", answer{tree: func(root *etree.Element) {
		as, forged := evil(root, "_evil")
		sig := take(signatureOf(as))
		root.RemoveChild(as)
		sig.AddChild(as)
		forged.AddChild(sig)
		root.AddChild(forged)
	}}},
	{"XSW7: the forged assertion stands in the extensions", answer{tree: func(root *etree.Element) {
		_, forged := evil(root, "_a1")
		ext := etree.NewElement("samlp:Extensions")
		ext.AddChild(forged)
		root.InsertChildAt(0, ext)
	}}},
	{"XSW8: the signed assertion stands in an object of the forged one's signature", answer{tree: func(root *etree.Element) {
		as, forged := evil(root, "_a1")
		sig := take(signatureOf(as))
		root.RemoveChild(as)
		sig.CreateElement("ds:Object").AddChild(as)
		forged.AddChild(sig)
		root.AddChild(forged)
	}}},
	{"the forged assertion is called something else to one reader", answer{tree: func(root *etree.Element) {
		_, forged := evil(root, "_evil")
		forged.CreateAttr("xmlns:other", "urn:other")
		forged.Space = "other"
		root.InsertChildAt(0, forged)
	}}},
	{"a forged encrypted assertion stands beside the signed one", answer{tree: func(root *etree.Element) {
		as, forged := evil(root, "_evil")
		alone := forged.Copy()
		alone.CreateAttr("xmlns:saml", nsAssertion)
		doc := etree.NewDocument()
		doc.SetRoot(alone)
		plain, _ := doc.WriteToBytes()
		wrap := etree.NewElement("saml:EncryptedAssertion")
		wrap.AddChild(sealed(cbc256, oaep, 32)(plain))
		root.InsertChildAt(as.Index(), wrap)
	}}},
	{"a second reference in the signature covers something else", answer{tree: func(root *etree.Element) {
		info := root.FindElement("./Assertion/Signature/SignedInfo")
		info.AddChild(info.FindElement("./Reference").Copy())
	}}},
	{"a second SignedInfo stands in the signature", answer{tree: func(root *etree.Element) {
		sig := root.FindElement("./Assertion/Signature")
		sig.InsertChildAt(0, sig.FindElement("./SignedInfo").Copy())
	}}},
	{"a second digest stands in the reference", answer{tree: func(root *etree.Element) {
		ref := root.FindElement("./Assertion/Signature/SignedInfo/Reference")
		ref.InsertChildAt(0, ref.FindElement("./DigestValue").Copy())
	}}},
}

// Proves: C-60a; issue 9 "Bad input" (SAML with a wrapped signature)
func TestWrappedSignaturesAreRefused(t *testing.T) {
	for _, c := range wrappings {
		t.Run(c.name, func(t *testing.T) {
			a, err := expected().Verify(c.a.document(t))
			if e911.KindOf(err) != e911.Denied || cmp.Diff(Answer{}, a) != "" {
				t.Errorf("%v, as %q", err, a.NameID)
			}
		})
	}
}

// Without the look at the shape, what the signature covers is still all that counts:
// the answer is refused, or is Ann's.
//
// Proves: C-60a
func TestAWrappedSignatureSignsInNobodyElseWithoutTheLookAtTheShape(t *testing.T) {
	for _, c := range wrappings {
		root, err := read(c.a.document(t), ofResponse)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_ = walk(root, 1, func(el *etree.Element, _ int) error {
			if len(all(el, nsSignature, "Signature")) != 1 {
				return nil
			}
			content, _, err := covered(el, expected().IDP.Keys)
			if err == nil && strings.Contains(write(t, content), "boss@") {
				t.Errorf("%s: the signature is said to cover what was forged", c.name)
			}
			return nil
		})
	}
}

// Proves: C-60a; issue 9 "Bad input" (unsigned assertion, wrong audience, clock skew of the identity provider)
func TestAnAnswerIsRefused(t *testing.T) {
	w, e := keys(), expected()
	deflated := func() []byte {
		var b bytes.Buffer
		f, _ := flate.NewWriter(&b, 9)
		_, _ = f.Write(bytes.Repeat([]byte(" "), 10<<20))
		_ = f.Close()
		return b.Bytes()
	}
	exchanged := func(pairs ...string) answer {
		var a answer
		for i := 0; i < len(pairs); i += 2 {
			a.before = append(a.before, [2]string{pairs[i], pairs[i+1]})
		}
		return a
	}
	forged := func(pairs ...string) answer {
		a := exchanged(pairs...)
		a.before, a.after = nil, a.before
		return a
	}
	status := `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>`
	for _, c := range []struct {
		name  string
		a     answer
		raw   []byte
		certs []*x509.Certificate
		want  string
	}{
		{name: "nothing is signed", a: answer{tree: func(root *etree.Element) { take(root.FindElement("./Assertion/Signature")) }}, want: "neither the answer nor its assertion is signed"},
		{name: "encrypted, and nothing is signed", a: answer{seal: func(plain []byte) *etree.Element {
			doc := etree.NewDocument()
			_ = doc.ReadFromBytes(plain)
			take(signatureOf(doc.Root()))
			plain, _ = doc.WriteToBytes()
			return sealed(cbc256, oaep, 32)(plain)
		}}, want: "neither the answer nor its assertion is signed"},
		{name: "somebody else signed it", a: answer{signer: w.stranger}, want: "signed with another certificate than those in the metadata"},
		{name: "somebody else signed it and names our certificate", a: answer{signer: pair{key: w.stranger.key, cert: w.idp.cert}}, want: "the signature of the answer is wrong"},
		{name: "somebody else signed it and names nobody", a: answer{signer: w.stranger, noKeyInfo: true}, want: "the signature of the answer is wrong"},
		{name: "the response is signed by somebody else, the assertion rightly", a: answer{tree: func(root *etree.Element) {
			signed := answer{signer: w.stranger}.sign(t, root)
			root.AddChild(take(signatureOf(signed)))
		}}, want: "signed with another certificate"},
		{name: "the name was changed after signing", a: forged("ann@corp", "boss@corp"), want: "the signature of the answer is wrong"},
		{name: "the name was changed after signing the response", a: answer{response: true, after: [][2]string{{"ann@corp", "boss@corp"}}}, want: "the signature of the answer is wrong"},
		{name: "the algorithm was changed after signing", a: forged("#rsa-sha256", "#rsa-sha512"), want: "the signature of the answer is wrong"},
		{name: "SHA-1", a: answer{method: dsig.RSASHA1SignatureMethod}, want: "signed with SHA-1"},
		{name: "SHA-1 of the response over a good assertion", a: answer{tree: func(root *etree.Element) {
			signed := answer{signer: w.idp, method: dsig.RSASHA1SignatureMethod}.sign(t, root)
			root.AddChild(take(signatureOf(signed)))
		}}, want: "signed with SHA-1"},
		{name: "HMAC with the certificate as the key", a: forged("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#hmac-sha256"), want: "RSA or ECDSA with SHA-256"},
		{name: "the reference is to nothing", a: forged(`URI="#_a1"`, `URI=""`), want: "does not cover what it stands in"},
		{name: "the reference is to another element", a: forged(`URI="#_a1"`, `URI="#_r1"`), want: "does not cover what it stands in"},
		{name: "a transform that selects", a: forged("http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>", "http://www.w3.org/TR/1999/REC-xslt-19991116\"/></ds:Transforms>"), want: "as transforms, no others"},
		{name: "inclusive canonicalisation", a: forged(`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`, `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2006/12/xml-c14n11"/>`), want: "exclusive canonicalisation"},

		{name: "a comment in the name cuts it (2018)", a: answer{before: [][2]string{{"ann@corp.example<", "ann@corp.example.evil.example<"}}, after: [][2]string{{"ann@corp.example.evil.example</saml:NameID>", "ann@corp.example<!-- -->.evil.example</saml:NameID>"}}}, want: "has a comment"},
		{name: "a comment in the mail address", a: answer{before: [][2]string{{"ann@corp.example<", "ann@corp.example.evil.example<"}}, after: [][2]string{{"ann@corp.example.evil.example</saml:AttributeValue>", "ann@corp.example<!---->.evil.example</saml:AttributeValue>"}}}, want: "has a comment"},
		{name: "a processing instruction in the name", a: forged("ann@corp.example</saml:NameID>", "ann@corp.example<?x y?></saml:NameID>"), want: "processing instruction"},
		{name: "an element in the name", a: exchanged("ann@corp.example</saml:NameID>", "ann@corp.example<saml:x/>.evil.example</saml:NameID>"), want: "not plain text"},
		{name: "a document type", raw: []byte(`<!DOCTYPE x><x/>`), want: "document type"},
		{name: "an entity that is read from a file", raw: []byte(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>`), want: "document"},
		{name: "entities that grow (a billion laughs)", raw: []byte(`<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><l>&b;</l>`), want: "document"},
		{name: "an entity of its own without a document type", a: forged("ann@corp", "ann&x;@corp"), want: "not XML"},
		{name: "a prefix that changes on the way (2020)", raw: []byte(`<x::Response xmlns:x="urn:x"/>`), want: "not XML that has one reading"},
		{name: "another character set", raw: []byte(`<?xml version="1.0" encoding="utf-7"?><x/>`), want: "not in UTF-8"},
		{name: "two roots", raw: []byte(`<a/><b/>`), want: "more than one root"},
		{name: "no XML at all", raw: []byte("hello"), want: "empty"},
		{name: "10 MiB, deflated", raw: deflated(), want: "not XML"},
		{name: "too large", raw: bytes.Repeat([]byte("<x>"), 100<<10), want: "larger than 256 KiB"},
		{name: "too many levels", raw: []byte(strings.Repeat("<x>", 30) + strings.Repeat("</x>", 30)), want: "levels"},
		{name: "too many elements", raw: []byte("<x>" + strings.Repeat("<y/>", 1000) + "</x>"), want: "fewer groups"},
		{name: "one attribute twice", a: forged(`<saml:Assertion `, `<saml:Assertion Version="2.0" `), want: "twice"},
		{name: "one id twice", a: forged(`ID="_r1"`, `ID="_a1"`), want: "an id stands in the document twice"},
		{name: "two assertions, both signed", a: answer{tree: func(root *etree.Element) {
			as := one(root, nsAssertion, "Assertion").Copy()
			as.CreateAttr("ID", "_a2")
			take(signatureOf(as))
			root.AddChild(answer{signer: w.idp}.sign(t, tree(t, strings.Replace(write(t, as), "<saml:Assertion ", `<saml:Assertion xmlns:saml="`+nsAssertion+`" `, 1))))
		}}, want: "more than one"},
		{name: "no assertion", a: answer{tree: func(root *etree.Element) { take(one(root, nsAssertion, "Assertion")) }}, want: "no assertion in it"},
		{name: "no response", raw: []byte(`<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`), want: "no answer to a SAML request"},
		{name: "SAML 1.1", raw: []byte(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:1.0:protocol"/>`), want: "no answer to a SAML request"},

		{name: "another audience", a: exchanged("<saml:Audience>"+e.EntityID, "<saml:Audience>https://other.example.com"), want: "for another application than " + e.EntityID},
		{name: "two restrictions of audience, one is another's", a: exchanged("</saml:AudienceRestriction>", "</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>urn:x</saml:Audience></saml:AudienceRestriction>"), want: "for another application"},
		{name: "no audience", a: exchanged("<saml:AudienceRestriction><saml:Audience>"+e.EntityID+"</saml:Audience></saml:AudienceRestriction>", ""), want: "whom it is for"},
		{name: "another provider of the same identity provider: audience", a: exchanged(e.EntityID, strings.Replace(e.EntityID, "p1", "p2", 1)), want: "for another application"},
		{name: "another provider of the same identity provider: address", a: exchanged(e.ACS, strings.Replace(e.ACS, "p1", "p2", 1)), want: "meant for another address"},
		{name: "a condition that is not understood", a: exchanged("</saml:Conditions>", `<saml:Condition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x:Only" xmlns:x="urn:x"/></saml:Conditions>`), want: "a condition that is not understood"},
		{name: "no conditions at all", a: answer{before: [][2]string{{"saml:Conditions", "saml:Conditional"}}}, want: "whom it is for"},
		{name: "another address in the subject", a: exchanged(`Recipient="`+e.ACS, `Recipient="https://evil.example.com/acs`), want: "meant for another address than " + e.ACS},
		{name: "another destination", a: exchanged(`Destination="`+e.ACS, `Destination="https://evil.example.com/acs`), want: "meant for another address than " + e.ACS},
		{name: "a signed response without a destination", a: answer{response: true, before: [][2]string{{` Destination="` + e.ACS + `"`, ""}}}, want: "meant for another address"},
		{name: "another issuer of the assertion", a: exchanged(`12:00:00Z"><saml:Issuer>`+theirs, `12:00:00Z"><saml:Issuer>https://other.example.com`), want: "not from " + theirs},
		{name: "another issuer of the response", a: exchanged(`><saml:Issuer>`+theirs+"</saml:Issuer><samlp:Status>", `><saml:Issuer>https://other.example.com</saml:Issuer><samlp:Status>`), want: "not from " + theirs},
		{name: "no issuer of the assertion", a: exchanged(`12:00:00Z"><saml:Issuer>`+theirs+"</saml:Issuer><saml:Subject>", `12:00:00Z"><saml:Subject>`), want: "not from"},
		{name: "no bearer", a: exchanged("cm:bearer", "cm:holder-of-key"), want: "no bearer confirmation"},
		{name: "no subject", a: answer{before: [][2]string{{"saml:Subject>", "saml:Sub>"}}}, want: "nothing about whom"},
		{name: "no statement that he was proved", a: answer{before: [][2]string{{"saml:AuthnStatement", "saml:Statement"}}}, want: "does not say that the person was proved"},

		{name: "begun at the identity provider", a: exchanged(` InResponseTo="`+request+`"`, ""), want: "begun at the identity provider"},
		{name: "begun at the identity provider, the response claims our request", a: exchanged(`<saml:SubjectConfirmationData InResponseTo="`+request+`"`, "<saml:SubjectConfirmationData"), want: "begun at the identity provider"},
		{name: "for another request", a: exchanged(request, "_other"), want: "another sign-in than the one that this browser began"},
		{name: "an assertion for another request in a response to ours", a: exchanged(`<saml:SubjectConfirmationData InResponseTo="`+request+`"`, `<saml:SubjectConfirmationData InResponseTo="_other"`), want: "another sign-in"},

		{name: "ended ten minutes ago", a: exchanged("12:05:00Z", "11:50:00Z", "12:00:00Z", "11:45:00Z", "11:59:30Z", "11:45:00Z"), want: "ended 10m0s ago; it was made 15m0s ago"},
		{name: "ended exactly two minutes ago", a: exchanged("12:05:00Z", "11:58:00Z", "11:59:30Z", "11:55:00Z"), want: "ended 2m0s ago"},
		{name: "the confirmation ended, the conditions did not", a: exchanged(`Recipient="`+e.ACS+`" NotOnOrAfter="2026-11-22T12:05:00Z"`, `Recipient="`+e.ACS+`" NotOnOrAfter="2026-11-22T11:50:00Z"`), want: "ended 10m0s ago"},
		{name: "begins in five minutes", a: exchanged("11:59:30Z", "12:05:00Z"), want: "begins in 5m0s: the clock of the identity provider is ahead of ours by about 5m0s"},
		{name: "made in the future", a: exchanged("12:00:00Z", "12:07:12Z"), want: "is 7m12s ahead of ours; more than 2m0s"},
		{name: "no end", a: exchanged(`Recipient="`+e.ACS+`" NotOnOrAfter="2026-11-22T12:05:00Z"`, `Recipient="`+e.ACS+`"`), want: "no end of its validity"},
		{name: "a time that is none", a: exchanged("2026-11-22T11:59:30Z", "soon"), want: "a time that is none"},
		{name: "the session there is over", a: exchanged(`SessionIndex="s1"`, `SessionNotOnOrAfter="2026-11-22T11:00:00Z"`), want: "the session at the identity provider ended 1h0m0s ago"},

		{name: "the person is not proved there", a: exchanged(status, `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode>`), want: "said no: the person could not be proved there"},
		{name: "the text of a refusal is not shown", a: exchanged(status, `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/><samlp:StatusMessage>call 0900 1234</samlp:StatusMessage>`), want: "said no: its log says why"},
		{name: "no status", a: exchanged("samlp:Status>", "samlp:State>"), want: "no status"},

		{name: "encrypted for somebody else", a: answer{seal: sealed(cbc256, oaep, 32), tree: func(root *etree.Element) {
			v := root.FindElement("./EncryptedAssertion/EncryptedData/KeyInfo/EncryptedKey/CipherData/CipherValue")
			v.SetText(base64.StdEncoding.EncodeToString(make([]byte, 256)))
		}}, want: "cannot be opened with our key"},
		{name: "a key in PKCS 1.5", a: answer{seal: sealed(cbc256, "http://www.w3.org/2001/04/xmlenc#rsa-1_5", 32)}, want: "cannot be opened with our key"},
		{name: "a ciphertext that was cut", a: answer{seal: sealed(cbc256, oaep, 32), tree: func(root *etree.Element) {
			root.FindElement("./EncryptedAssertion/EncryptedData/CipherData/CipherValue").SetText("AAAA")
		}}, want: "cannot be opened with our key"},
		{name: "a ciphertext of GCM that was cut", a: answer{seal: sealed(gcm128, oaep, 16), tree: func(root *etree.Element) {
			root.FindElement("./EncryptedAssertion/EncryptedData/CipherData/CipherValue").SetText("AAAA")
		}}, want: "cannot be opened with our key"},
		{name: "a ciphertext with something behind it", a: answer{seal: sealed(cbc256, oaep, 32), tree: func(root *etree.Element) {
			v := root.FindElement("./EncryptedAssertion/EncryptedData/CipherData/CipherValue")
			octets, _ := base64.StdEncoding.DecodeString(v.Text())
			v.SetText(base64.StdEncoding.EncodeToString(append(octets, 1)))
		}}, want: "cannot be opened with our key"},
		{name: "two assertions in one envelope", a: answer{seal: func(plain []byte) *etree.Element { return sealed(cbc256, oaep, 32)(append(plain, plain...)) }}, want: "cannot be opened with our key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := c.raw
			if raw == nil {
				raw = c.a.document(t)
			}
			a, err := expected(c.certs...).Verify(raw)
			if e911.KindOf(err) != e911.Denied || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			if c.name != "an element in the name" && a.NameID != "" {
				t.Errorf("signed in as %q", a.NameID)
			}
		})
	}
}

// Proves: C-60a
func TestTheFirstAnswerToARequestIsKnownFromOneThatNobodyAskedFor(t *testing.T) {
	asked := answer{}.document(t)
	unasked := answer{before: [][2]string{{` InResponseTo="` + request + `"`, ""}}}.document(t)
	if NotAsked(asked) || !NotAsked(unasked) || NotAsked([]byte("x")) {
		t.Error("who began is not seen")
	}
}

// Whatever somebody makes of answers that are signed, nobody but who was signed comes
// out of it.
//
// Proves: C-60a
func FuzzVerify(f *testing.F) {
	for _, a := range []answer{{}, {response: true}, {both: true}, {seal: sealed(cbc128, oaep, 16)}, {response: true, seal: sealed(gcm256, oaep11, 32)}, {noKeyInfo: true}} {
		f.Add(a.document(f))
	}
	for _, c := range wrappings {
		f.Add(c.a.document(f))
	}
	e := expected()
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := e.Verify(raw)
		if err == nil && (a.NameID != "ann@corp.example" || a.ID != "_a1") {
			t.Errorf("signed in as %q by %q", a.NameID, raw)
		}
		if err != nil && e911.KindOf(err) != e911.Denied {
			t.Errorf("%v", err)
		}
	})
}

// Proves: C-60a
func FuzzMetadata(f *testing.F) {
	f.Add(metadataOf(theirs, fixed().idp.cert))
	f.Add("<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\"/>")
	f.Fuzz(func(t *testing.T, raw string) {
		idp, faults := ReadMetadata(raw, "")
		if len(faults) == 0 && (idp.EntityID == "" || idp.SSO == "" || len(idp.Keys) == 0) {
			t.Errorf("%+v is taken", idp)
		}
	})
}
