package xmltok_test

import (
	"fmt"
	"testing"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// What may be written as it is, is accepted as xs:anyURI by the schemas: here
// as the ContactURI of RFC 7852.
//
// Proves: RFC 3986, E10
func TestValidURIsAreValidForTheSchema(t *testing.T) {
	docs := map[string][]byte{}
	for uri, want := range map[string]bool{
		"tel:+16175550100": true, "tel:+358 50 4871445": true, "a:b<c\"{}|\\^`'": true, "a:é": true, "http://[::1]/": true, "http://[::1]:80/a?b#c": true,
		"http://a:99999/": true, "http://user:pw@a:8/": true, "urn:service:sos": true, "http:///x": true, "a:b?c/d:@": true, "http://é b/": true,
		"": false, "a": false, "a:": false, "1a:b": false, "a_b:c": false, ":b": false, "//x": false, "http://": false, "a:%zz": false, "a:%4": false, "a:[b]": false,
		"http://[::1": false, "http://[::1]x/": false, "http://[x]/": false, "http://a/[b]": false, "a:b#c#d": false, "a:b?c[d]": false, "http://a:b/": false,
		"http://a:/": false, "http://a:123456/": false, "http://a@b@c/": false, "http://%zz@a/": false, "http://a%/": false, "a: b ": false, "a:b  c": false,
		"a:b\nc": false, "a:b\x00": false, "a:\xff": false,
	} {
		if got := xmltok.ValidURI(uri); got != want {
			t.Errorf("%q: got %v", uri, got)
		}
		if want {
			docs[fmt.Sprintf("%q", uri)] = xmltok.AppendElement([]byte(`<EmergencyCallDataReference xmlns="urn:ietf:params:xml:ns:EmergencyCallData" purpose="x"`+
				string(xmltok.AppendAttr(nil, "ref", uri))+`>`), "", "")
			docs[fmt.Sprintf("%q", uri)] = append(docs[fmt.Sprintf("%q", uri)], "</EmergencyCallDataReference>"...)
		}
	}
	schemacheck.Check(t, schemacheck.XSD(t, docs), docs)
}
