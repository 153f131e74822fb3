package lost_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/lost"
)

// seeds are one small document of each type, and traps.
var seeds = []string{
	`<findService xmlns="urn:ietf:params:xml:ns:lost1" recursive="1"><location id="a" profile="civic"><civicAddress xmlns="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><A1>X</A1></civicAddress></location><service>urn:service:sos</service><path><via source="a.b"/></path></findService>`,
	`<findService xmlns="urn:ietf:params:xml:ns:lost1"><location><gml:Polygon><gml:exterior><gml:LinearRing><gml:pos>1, 2</gml:pos><gml:pos>1 3</gml:pos><gml:pos>0 3</gml:pos></gml:LinearRing></gml:exterior></gml:Polygon></location><asOf>x</asOf></findService>`,
	`<x:listServices xmlns:x="urn:ietf:params:xml:ns:lost1" recursive="true"/>`,
	`<listServicesByLocation xmlns="urn:ietf:params:xml:ns:lost1"><location id="a"><p:Circle xmlns:p="http://www.opengis.net/pidflo/1.0"><pos>1 2</pos><radius>3</radius></p:Circle></location><s:serviceListBoundaryRequest xmlns:s="urn:ietf:params:xml:ns:lost1:slb" type="value"/></listServicesByLocation>`,
	`<getServiceBoundary xmlns="urn:ietf:params:xml:ns:lost1" key="k"/>`,
	`<findServiceResponse xmlns="urn:ietf:params:xml:ns:lost1"><mapping expires="NO-CACHE" lastUpdated="2007-01-01T00:00:00.5+01:00" source="a.b" sourceId="x"><uri/></mapping><locationValidation><valid>ca:A1 A3 :</valid></locationValidation><warnings source="a.b"><locationProfileUnrecognized unsupportedProfiles="x"/></warnings></findServiceResponse>`,
	`<errors xmlns="urn:ietf:params:xml:ns:lost1" source="a.b"><SRSInvalid/><s:notDeleted xmlns:s="urn:ietf:params:xml:ns:lostsync1"><mapping/></s:notDeleted></errors>`,
	`<redirect xmlns="urn:ietf:params:xml:ns:lost1" target="a.b" source="c.d" message="m"/>`,
	`<getServiceListBoundaryResponse xmlns="urn:ietf:params:xml:ns:lost1:slb"><serviceListBoundary expires="NO-EXPIRATION"><v:z xmlns:v="v:v"/></serviceListBoundary></getServiceListBoundaryResponse>`,
	`<s:pushMappings xmlns:s="urn:ietf:params:xml:ns:lostsync1" xmlns="urn:ietf:params:xml:ns:lost1"><mapping source="a.b" sourceId="1"/></s:pushMappings>`,
	`<getMappingsRequest xmlns="urn:ietf:params:xml:ns:lostsync1"><exists><mapping-fingerprint source="a" sourceId="b" lastUpdated="2006-11-01T01:00:00Z"/></exists></getMappingsRequest>`,
	"\xff\xfe<\x00a\x00/\x00>\x00",
}

// publishedSeeds are the published documents, none where the material is not.
func publishedSeeds(f *testing.F) [][]byte {
	f.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	var out [][]byte
	for _, pattern := range publishedPatterns {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			out = append(out, b)
		}
	}
	return out
}

// FuzzParse checks that any document is read or refused, and that what is
// written of it is read as the same.
//
// Proves: issue 3, E10
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for _, b := range publishedSeeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := lost.Parse(b)
		if err != nil {
			return
		}
		settles(t, m)
	})
}

// FuzzParseMapping does the same for a mapping alone.
//
// Proves: issue 3, E10
func FuzzParseMapping(f *testing.F) {
	f.Add([]byte(`<mapping xmlns="urn:ietf:params:xml:ns:lost1" expires="NO-CACHE" lastUpdated="2007-01-01T00:00:00Z" source="a.b" sourceId="x"/>`))
	for _, b := range publishedSeeds(f) {
		if bytes.Contains(b[:min(len(b), 60)], []byte("<mapping")) {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := lost.ParseMapping(b)
		if err != nil {
			return
		}
		out, err := lost.AppendMapping(nil, &m)
		if err != nil {
			return
		}
		if _, err := lost.ParseMapping(out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		settles(t, &lost.PushMappings{Mappings: []lost.Mapping{m}})
	})
}

// settles writes m, reads that, and does so again: the second time nothing may
// change any more.
func settles(t *testing.T, m lost.Message) {
	t.Helper()
	out, err := lost.Marshal(m)
	if err != nil {
		var p *lost.ParseError
		if !errors.As(err, &p) || p.Path == "" {
			t.Fatalf("an error without path: %v", err)
		}
		return
	}
	// What is written may be longer than what was read: prefixes are declared
	// in each element.
	once, err := lost.Limits{Bytes: 64 << 20}.Parse(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	again, err := lost.Marshal(once)
	if err != nil {
		t.Fatalf("what was read of what was written is not written: %v\n%s", err, out)
	}
	if !bytes.Equal(out, again) {
		t.Fatalf("(-first +second)\n%s", cmp.Diff(string(out), string(again)))
	}
}
