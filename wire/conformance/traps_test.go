package conformance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// The two times below are those that separate the formats: one is a whole
// second and one is not.
var (
	whole = time.Date(2026, 11, 22, 13, 0, 0, 0, time.FixedZone("", -5*3600))
	parts = whole.Add(250*time.Millisecond + 999*time.Microsecond)
)

func presence() *pidflo.Document {
	c := &pidflo.Civic{}
	c.Set("country", "US")
	c.Set("RD", "Harbor")
	return &pidflo.Document{Entity: "pres:a@b.example", Elements: []pidflo.Element{{
		Kind: pidflo.Device, ID: "d", Timestamp: parts, Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: c}}, Method: "Wiremap"}},
	}}}
}

// Traps that conformance suites for these formats set: a reader that compares
// text, not XML, sees the right text.
//
// Proves: W-31, RFC 5222 section 5.2, RFC 5985 section 6.5.2, RFC 3863 section 4.1
func TestTextsThatConformanceSuitesLookFor(t *testing.T) {
	mapping := lost.Mapping{
		Source: "ecrf.example", SourceID: "1", LastUpdated: parts, Expires: lost.Expires{At: parts},
		Service: "urn:service:sos", URIs: []string{"sip:psap@example.com"}, ServiceNumber: "911",
	}
	answer := must(t)(lost.Marshal(&lost.FindServiceResponse{
		Mappings: []lost.Mapping{mapping}, Path: []lost.Via{{Source: "ecrf.example"}}, LocationUsed: "loc-1",
	}))
	found := must(t)(held.MarshalResponse(&held.Response{URIs: []string{"https://lis.example/1"}, Expires: whole, Presence: presence()}))
	later := must(t)(held.MarshalResponse(&held.Response{URIs: []string{"https://lis.example/1"}, Expires: parts}))
	object := must(t)(pidflo.Marshal(presence()))
	for name, c := range map[string]struct{ doc, has, not string }{
		"LoST expires is whole seconds with Z":           {string(answer), `expires="2026-11-22T18:00:00Z"`, ""},
		"LoST lastUpdated is whole seconds with Z":       {string(answer), `lastUpdated="2026-11-22T18:00:00Z"`, ""},
		"locationUsed and its id have no prefix":         {string(answer), `<locationUsed id="loc-1"/>`, ":locationUsed"},
		"the default namespace of LoST appears":          {string(answer), `<findServiceResponse xmlns="urn:ietf:params:xml:ns:lost1"`, ""},
		"HELD expires has a fraction on a whole second":  {string(found), `expires="2026-11-22T18:00:00.000Z"`, ""},
		"HELD expires has a fraction to the millisecond": {string(later), `expires="2026-11-22T18:00:00.250Z"`, ""},
		"the default namespace of HELD appears":          {string(found), `<locationResponse xmlns="urn:ietf:params:xml:ns:geopriv:held"`, ""},
		"the default namespace of PIDF appears":          {string(object), `<presence xmlns="urn:ietf:params:xml:ns:pidf"`, ":presence"},
		"and inside of HELD":                             {string(found), `<presence xmlns="urn:ietf:params:xml:ns:pidf"`, ":presence"},
		"a PIDF-LO says its encoding":                    {string(object), `<?xml version="1.0" encoding="UTF-8"?>`, ""},
	} {
		if !strings.Contains(c.doc, c.has) || (c.not != "" && strings.Contains(c.doc, c.not)) {
			t.Errorf("%s: %s\n%s", name, c.has, c.doc)
		}
	}
}

func must(t *testing.T) func([]byte, error) []byte {
	t.Helper()
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// An element is what its namespace says, not its name: the same name of somebody
// else is kept as his, and does not become ours.
//
// Proves: W-31, RFC 6848 section 2.1
func TestANameOfAnotherNamespaceIsForeign(t *testing.T) {
	c, err := pidflo.ParseCivic([]byte(`<civicAddress xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" xmlns:x="urn:x"><country>US</country><x:RD>Theirs</x:RD></civicAddress>`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Get("RD"); got != "" {
		t.Errorf("their RD became ours: %q", got)
	}
	want := pidflo.Field{Space: "urn:x", Name: "RD", Value: "Theirs"}
	if len(c.Fields) != 2 || cmp.Diff(want, c.Fields[1]) != "" {
		t.Errorf("their RD is not kept: %+v", c.Fields)
	}
	if out := string(must(t)(pidflo.AppendCivic(nil, c))); !strings.Contains(out, `xmlns:x="urn:x">Theirs<`) {
		t.Errorf("their RD does not go on: %s", out)
	}

	req, err := held.ParseRequest([]byte(`<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held" xmlns:x="urn:x"><x:locationType exact="true">civic</x:locationType></locationRequest>`))
	if err != nil {
		t.Fatal(err)
	}
	if req.Exact || req.Types != nil {
		t.Errorf("their locationType became ours: %+v", req)
	}

	m, err := lost.Parse([]byte(`<listServices xmlns="urn:ietf:params:xml:ns:lost1" xmlns:x="urn:x"><x:service>urn:service:sos</x:service></listServices>`))
	if err != nil {
		t.Fatal(err)
	}
	if q, ok := m.(*lost.ListServices); !ok || q.Service != "" || len(q.Extensions) != 1 {
		t.Errorf("their service became ours: %+v", m)
	}
}

// Proves: W-31, RFC 5985 section 8
func TestXMLUnderAnotherMediaTypeIsRead(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/held+xml": true, "application/held+xml;charset=utf-8": true, `Application/HELD+XML; Charset="UTF-8"; q=1`: true,
		"application/json": true, "text/xml": true, "text/xml; charset=utf-8": true, "application/xml": true, "": true,
		"text/xml; charset=utf-16": false, "application/pdf": false, "multipart/mixed": false,
	} {
		if got := held.IsMediaType(contentType); got != want {
			t.Errorf("%q: got %v", contentType, got)
		}
	}
}
