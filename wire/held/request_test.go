package held_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/held"
)

const open = `<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held"`

func read(t *testing.T, doc string) *held.Request {
	t.Helper()
	r, err := held.ParseRequest([]byte(doc))
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return r
}

// RFC 5985, section 5.2.
//
// Proves: W-31
func TestLocationTypesAreReadAsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name, body string
		types      []held.LocationType
		exact      bool
	}{
		{"none means any", ``, nil, false},
		{"any", `<locationType>any</locationType>`, nil, false},
		{"any exactly is as without exactly", `<locationType exact="true">any</locationType>`, nil, false},
		{"the order is kept and nothing twice", `<locationType exact="1"> locationURI
			civic locationURI </locationType>`, []held.LocationType{held.LocationURI, held.Civic}, true},
		{"what is unknown is left out", `<locationType>civic orbital</locationType>`, []held.LocationType{held.Civic}, false},
		{"only what is unknown", `<locationType>orbital</locationType>`, nil, false},
		{"only the first counts", `<locationType>civic</locationType><locationType>geodetic</locationType>`, []held.LocationType{held.Civic}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := read(t, open+">"+c.body+"</locationRequest>")
			if diff := cmp.Diff(c.types, r.Types); diff != "" || r.Exact != c.exact {
				t.Errorf("exact %v, types (-want +got):\n%s", r.Exact, diff)
			}
		})
	}
}

// Proves: W-31, RFC 5985 section 6.1
func TestResponseTimeIsReadInEveryForm(t *testing.T) {
	for in, want := range map[string]held.Request{
		"":                        {},
		"emergencyRouting":        {For: held.EmergencyRouting},
		" emergencyDispatch ":     {For: held.EmergencyDispatch},
		"0":                       {HasWithin: true},
		"1500":                    {HasWithin: true, Within: 1500 * time.Millisecond},
		"99999999999999999999999": {HasWithin: true, Within: 10 * time.Minute},
		"-1":                      {},
		"soon":                    {},
	} {
		r := read(t, open+` responseTime="`+in+`"/>`)
		if r.For != want.For || r.Within != want.Within || r.HasWithin != want.HasWithin {
			t.Errorf("%q: got %q %v %v", in, r.For, r.HasWithin, r.Within)
		}
	}
}

// RFC 5985, section 6.3: each fault has its code.
//
// Proves: W-31, E14, RFC 5985 section 6.3
func TestBadRequestsAreToldByTheirCode(t *testing.T) {
	for doc, want := range map[string]held.Code{
		``:         held.XMLError,
		`not xml`:  held.XMLError,
		open + `>`: held.XMLError,
		`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + open + `/>`:                       held.XMLError,
		`<locationResponse xmlns="urn:ietf:params:xml:ns:geopriv:held"/>`:                            held.UnsupportedMessage,
		`<locationRequest xmlns="urn:example"/>`:                                                     held.UnsupportedMessage,
		open + `><locationType exact="true">orbital</locationType></locationRequest>`:                held.RequestError,
		open + `>` + strings.Repeat(" ", held.MaxBytes) + `</locationRequest>`:                       held.RequestError,
		open + `>` + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + `</locationRequest>`: held.RequestError,
	} {
		_, err := held.ParseRequest([]byte(doc))
		var e *held.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%.80s: got %v, want %s", doc, err, want)
		}
	}
}

// What phones of several makers add, in every form that is known.
//
// Proves: W-18, W-31
func TestVendorsElementsAreFound(t *testing.T) {
	for name, body := range map[string]string{
		"an element beside the others": `<companyID xmlns="urn:v">abc</companyID><companySecret>s3</companySecret>`,
		"inside device":                `<device xmlns="urn:ietf:params:xml:ns:geopriv:held:id"><mac>00-11-22-33-44-55</mac><companyID> abc </companyID><companySecret>s3</companySecret></device>`,
		"other spelling":               `<Company-Id>abc</Company-Id><company_secret>s3</company_secret>`,
		"name and value as attributes": `<p name="companyID" value="abc"/><p value="s3" name="companySecret"/>`,
		"name as attribute":            `<p name="companyID">abc</p><p name="companySecret">s3</p>`,
		"name and value as elements":   `<e><name>companyID</name><value>abc</value></e><e><value>s3</value><name>companySecret</name></e>`,
		"deep inside something":        `<vendor xmlns="urn:v"><list><companyID>abc</companyID></list><list><p name="companySecret" value="s3"/></list></vendor>`,
		"an empty one before it":       `<companyID/><companyID>abc</companyID><companySecret>s3</companySecret>`,
	} {
		t.Run(name, func(t *testing.T) {
			r := read(t, open+">"+body+"</locationRequest>")
			if id, secret := r.Extra("companyID"), r.Extra("companySecret"); id != "abc" || secret != "s3" {
				t.Errorf("got %q and %q in %+v", id, secret, r.Extras)
			}
		})
	}
	r := read(t, open+">"+strings.Repeat(`<x>y</x>`, 500)+"</locationRequest>")
	if len(r.Extras) > 32 {
		t.Errorf("%d extras were kept", len(r.Extras))
	}
}

// Proves: W-36, F-19
func TestLLDPIdsReadAsPeopleConfigureThem(t *testing.T) {
	for _, c := range []struct {
		name, chassis, port   string
		wantChassis, wantPort string
	}{
		{"hexadecimal, as it should be", `<chassis type="4">0c75bd000001</chassis>`, `<port type="5">4769312f302f37</port>`, "0c:75:bd:00:00:01", "Gi1/0/7"},
		{"text, as some send it", `<chassis type="4">0C-75-BD-00-00-01</chassis>`, `<port type="5">Gi1/0/7</port>`, "0c:75:bd:00:00:01", "Gi1/0/7"},
		{"text in hexadecimal of a hardware address", `<chassis type="4">30633a37353a62643a30303a30303a3031</chassis>`, `<port type="7">37</port>`, "0c:75:bd:00:00:01", "7"},
		{"six octets without subtype", `<chassis>0c75bd000001</chassis>`, `<port type="3">0c75bd000107</port>`, "0c:75:bd:00:00:01", "0c:75:bd:00:01:07"},
		{"six printable octets of a name", `<chassis type="7">737769746368</chassis>`, `<port type="5">706f72743130</port>`, "switch", "port10"},
		{"a network address", `<chassis type="5">010a01003c</chassis>`, `<port type="6">c2</port>`, "10.1.0.60", "c2"},
		{"RFC 7105's example, whose subtype is wrong", `<chassis type="4">0a01003c</chassis>`, `<port type="6">c2</port>`, "0a01003c", "c2"},
		{"a number that was not put in hexadecimal", `<chassis type="7">sw</chassis>`, `<port type="7">10</port>`, "sw", "10"},
		{"nothing", ``, ``, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := read(t, open+`><measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm" time="2026-11-22T01:00:00Z"><lldp>`+c.port+c.chassis+`</lldp><cellular/></measurements></locationRequest>`)
			l := r.Measurements[0].LLDP[0]
			if got := l.Chassis.Text(true); got != c.wantChassis {
				t.Errorf("chassis: got %q, want %q", got, c.wantChassis)
			}
			if got := l.Port.Text(false); got != c.wantPort {
				t.Errorf("port: got %q, want %q", got, c.wantPort)
			}
		})
	}
}
