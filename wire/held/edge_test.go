package held_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/internal/schemacheck"
	"github.com/callbox911/callbox/wire/pidflo"
)

const measured = `<measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm"><wifi xmlns="urn:ietf:params:xml:ns:geopriv:lm:wifi">`

// A device that hears ten thousand access points is refused by size, one that
// tells of more than counts is read in part; neither takes long.
//
// Proves: E14
func TestManyAccessPointsHaveADefinedOutcome(t *testing.T) {
	doc := func(n int) []byte {
		var b strings.Builder
		b.WriteString(open + `>` + measured)
		for i := range n {
			fmt.Fprintf(&b, "<ap><bssid>00-12-F0-%02X-%02X-EF</bssid></ap>", i>>8&255, i&255)
		}
		b.WriteString("</wifi></measurements></locationRequest>")
		return []byte(b.String())
	}
	start := time.Now()
	_, err := held.ParseRequest(doc(10_000))
	if e, ok := errors.AsType[*held.Error](err); !ok || e.Code != held.RequestError {
		t.Errorf("10,000: got %v", err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("refused after %v", d)
	}
	r, err := held.ParseRequest(doc(1000))
	if err != nil || len(r.Measurements[0].WiFi) != 128 {
		t.Errorf("1,000: %v, %d kept", err, len(r.Measurements[0].WiFi))
	}
}

// Proves: RFC 7105 section 5.3
func TestSSIDsAreOctets(t *testing.T) {
	for sent, want := range map[string]string{
		`corp`:                            "corp",
		`caf\c3\a9`:                       "café",
		`café`:                            "café",
		`\ff\00\7f`:                       "\xff\x00\x7f",
		`\20two\20\20spaces\20`:           " two  spaces ",
		`back\5cslash`:                    `back\slash`,
		`back\slash`:                      `back\slash`,
		`\`:                               `\`,
		`&lt;&amp;&quot;`:                 `<&"`,
		strings.Repeat("\\E2\\82\\ac", 2): "€€",
	} {
		r := read(t, open+">"+measured+"<ap><bssid>00-12-F0-A0-80-EF</bssid><ssid>"+sent+"</ssid></ap></wifi></measurements></locationRequest>")
		if got := r.Measurements[0].WiFi[0].SSID; got != want {
			t.Errorf("%q: got %q, want %q", sent, got, want)
		}
		again, err := held.ParseRequest(must(held.AppendRequest(nil, r)))
		if err != nil || again.Measurements[0].WiFi[0].SSID != want {
			t.Errorf("%q comes back as %+v, %v", sent, again, err)
		}
	}
}

// Proves: RFC 6155 section 3.2, RFC 7105 section 5.3, F-19
func TestHardwareAddressesInAnyNotation(t *testing.T) {
	for in, want := range map[string]string{
		"00-12-F0-A0-80-EF": "00-12-F0-A0-80-EF", "0012f0a080ef": "00-12-F0-A0-80-EF", "00:12:f0:a0:80:ef": "00-12-F0-A0-80-EF",
		"0012.f0a0.80ef": "00-12-F0-A0-80-EF", "00-12-f0-ff-fe-a0-80-ef": "00-12-F0-FF-FE-A0-80-EF",
		"0:12:f0:a0:80:ef": "0:12:f0:a0:80:ef", "nonsense": "nonsense", "00-12-F0-A0-80": "00-12-F0-A0-80",
	} {
		r := read(t, open+"><device xmlns='"+held.SpaceID+"'><mac> "+in+" </mac></device>"+measured+"<ap><bssid>"+in+"</bssid></ap></wifi></measurements></locationRequest>")
		if got := r.Identity[0].Value; got != want {
			t.Errorf("mac %q: got %q, want %q", in, got, want)
		}
		if got := r.Measurements[0].WiFi[0].BSSID; got != want {
			t.Errorf("bssid %q: got %q, want %q", in, got, want)
		}
		good := len(want) == 17 || len(want) == 23
		if err := r.Identity[0].Check(); (err == nil) != good {
			t.Errorf("%q: Check says %v", in, err)
		}
		if _, err := held.AppendRequest(nil, r); (err == nil) != good {
			t.Errorf("%q: writing says %v", in, err)
		}
	}
}

// Proves: RFC 6155 section 3.1, RFC 6915 section 3
func TestAddressesOfEverySort(t *testing.T) {
	for in, c := range map[string]struct {
		addr  string // what Addr gives
		sends bool
	}{
		"192.0.2.5":         {"192.0.2.5", true},
		"2001:db8::1":       {"2001:db8::1", true},
		"2001:DB8:0:0::1":   {"2001:db8::1", true},
		"::ffff:192.0.2.5":  {"192.0.2.5", true},
		"fe80::1%eth0":      {"fe80::1", false},
		"192.0.2.05":        {"", false},
		"192.0.2.5:5060":    {"", false},
		"[2001:db8::1]":     {"", false},
		"phone.example.com": {"", false},
	} {
		r := read(t, open+`><device xmlns="`+held.SpaceID+`"><ip v="4">`+in+`</ip></device></locationRequest>`)
		got, ok := r.Identity[0].Addr()
		if ok != (c.addr != "") || (ok && got.String() != c.addr) {
			t.Errorf("%q: got %v, %v", in, got, ok)
		}
		b, err := held.AppendRequest(nil, r)
		if (err == nil) != c.sends {
			t.Errorf("%q: writing says %v", in, err)
		}
		if v6 := strings.Contains(string(b), `<ip v="6">`); err == nil && v6 != strings.Contains(in, ":") {
			t.Errorf("%q is written in %s", in, b)
		}
		flow := `<flow xmlns="` + held.SpaceFlow + `" layer4="udp"><src><address>` + in + `</address><port>5060</port></src><dst><address>` + in + `</address><port>1</port></dst></flow>`
		f, err := held.ParseFlow([]byte(flow))
		if (err == nil) != c.sends || (err == nil && f.Target() != netip.AddrPortFrom(got, 5060)) {
			t.Errorf("flow with %q: %+v, %v", in, f, err)
		}
	}
}

// A flow that cannot be read must not turn the request into one about whoever
// sent it.
//
// Proves: RFC 6915 section 3, RFC 6155 section 5
func TestABrokenFlowIsABadIdentifier(t *testing.T) {
	const end = `<src><address>192.0.2.1</address><port>1</port></src>`
	for name, c := range map[string]struct{ flow, path string }{
		"no destination":         {`<flow xmlns="` + held.SpaceFlow + `" layer3="ipv4" layer4="tcp">` + end + `</flow>`, "/locationRequest/flow"},
		"a port of zero":         {`<flow xmlns="` + held.SpaceFlow + `" layer3="ipv4" layer4="tcp"><src><address>192.0.2.1</address><port>0</port></src></flow>`, "/locationRequest/flow/src/port"},
		"a strange layer 4":      {`<flow xmlns="` + held.SpaceFlow + `" layer3="ipv4" layer4="ip"/>`, "/locationRequest/flow"},
		"versions that differ":   {`<flow xmlns="` + held.SpaceFlow + `" layer3="ipv4" layer4="6">` + end + `<dst><address>::1</address><port>1</port></dst></flow>`, "/locationRequest/flow"},
		"layer 3 that is wrong":  {`<flow xmlns="` + held.SpaceFlow + `" layer3="ipv6" layer4="6">` + end + strings.ReplaceAll(end, "src", "dst") + `</flow>`, "/locationRequest/flow"},
		"a target that is wrong": {`<flow xmlns="` + held.SpaceFlow + `" target="both" layer3="ipv4" layer4="6">` + end + `</flow>`, "/locationRequest/flow"},
		"inside a device":        {`<device xmlns="` + held.SpaceID + `"><flow xmlns="` + held.SpaceFlow + `" layer3="ipv4" layer4="6"/></device>`, "/locationRequest/device/flow"},
	} {
		_, err := held.ParseRequest([]byte(open + ">" + c.flow + "</locationRequest>"))
		e, ok := errors.AsType[*held.Error](err)
		if !ok || e.Code != held.BadIdentifier {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if at, ok := errors.AsType[*held.ParseError](err); !ok || at.Path != c.path || at.Reason == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Proves: RFC 6155 sections 3 and 5
func TestIdentifiersFollowTheirLexicalRules(t *testing.T) {
	for kind, c := range map[string]struct{ good, bad []string }{
		held.IDIP:       {[]string{"192.0.2.5", "::"}, []string{"", "1.2.3", "::1%lo", "1.2.3.4/8"}},
		held.IDMAC:      {[]string{"A0-12-34-56-78-90", "a0123456789000ff"}, []string{"", "A0-12-34-56-78", "G0-12-34-56-78-90"}},
		held.IDUDPPort:  {[]string{"0", "65535"}, []string{"", "-1", "65536", "0x10"}},
		held.IDTCPPort:  {[]string{"1"}, []string{"99999"}},
		held.IDSCTPPort: {[]string{"1"}, []string{"1.0"}},
		held.IDDCCPPort: {[]string{"1"}, []string{"a"}},
		held.IDNAI:      {[]string{"user@example.net", "user", `f\c3\bc\ff@bar.com`, "@realm.example"}, []string{"", `a\zz@b.c`, "a@b", "a@-b.c"}},
		held.IDURI:      {[]string{"sip:user@example.net;gr=kjh29x97us97d", "tel:800-555-1111;extension=1234;phone-context=+1", "urn:uuid:1"}, []string{"", `"Desk 5" <tel:+4312345>`, "://"}},
		held.IDFQDN:     {[]string{"host.example.net", "pc1"}, []string{"", "a..b", "-a", "ho st"}},
		held.IDDUID:     {[]string{"1234567890AaBbCcDdEeFf"}, []string{"", "123", "0x12"}},
		held.IDMSISDN:   {[]string{"11235550123", "123456"}, []string{"+11235550123", "12345", "1234567890123456"}},
		held.IDIMSI:     {[]string{"310150123456789"}, []string{"12345", "31015012345678a"}},
		held.IDIMEI:     {[]string{"1", "490154203237518"}, []string{"", "4901542032375180"}},
		held.IDMIN:      {[]string{"1234567890"}, []string{"123456789", "12345678901"}},
		held.IDMDN:      {[]string{"5035550123"}, []string{"503-555-0123"}},
		"iccid":         {nil, []string{"89"}},
	} {
		for _, v := range c.good {
			if err := (held.Identifier{Kind: kind, Value: v}).Check(); err != nil {
				t.Errorf("%s %q: %v", kind, v, err)
			}
		}
		for _, v := range c.bad {
			id := held.Identifier{Kind: kind, Value: v}
			err := id.Check()
			if at, ok := errors.AsType[*held.ParseError](err); !ok || at.Path != "/"+kind {
				t.Errorf("%s %q: got %v", kind, v, err)
			}
			if _, werr := held.AppendRequest(nil, &held.Request{Identity: []held.Identifier{id}}); werr == nil || !strings.HasPrefix(werr.Error(), "/locationRequest/device/"+kind) {
				t.Errorf("%s %q is written: %v", kind, v, werr)
			}
		}
	}
}

// Proves: E10, RFC 5985 section 5
func TestWhatTheSchemaRefusesIsNotWritten(t *testing.T) {
	lldp := func(c, p held.LLDPID) held.Measurement {
		return held.Measurement{LLDP: []held.LLDP{{Chassis: c, Port: p}}}
	}
	one := held.TextID(5, "x")
	ap := func(change func(*held.AccessPoint)) held.Measurement {
		a := held.AccessPoint{BSSID: "00-12-F0-A0-80-EF"}
		change(&a)
		return held.Measurement{WiFi: []held.AccessPoint{a}}
	}
	for name, m := range map[string]held.Measurement{
		"chassis: not 1 to 255 octets":   lldp(held.LLDPID{}, one),
		"port: not 1 to 255 octets":      lldp(one, held.TextID(5, strings.Repeat("x", 256))),
		"chassis: a subtype":             lldp(held.LLDPID{Type: -1, Octets: []byte{1}}, one),
		"timeError":                      {TimeError: -1},
		"giaddr":                         {DHCP: []held.DHCPRelay{{}}},
		"giaddr: not an address without": {DHCP: []held.DHCPRelay{{GIAddr: netip.MustParseAddr("fe80::1%1")}}},
		"remote":                         {DHCP: []held.DHCPRelay{{GIAddr: netip.MustParseAddr("::1"), Enterprise: 9}}},
		"nicType without":                {NIC: "x"},
		"bssid":                          {WiFi: []held.AccessPoint{{}}},
		"32 octets":                      ap(func(a *held.AccessPoint) { a.SSID = strings.Repeat("x", 33) }),
		"channel":                        ap(func(a *held.AccessPoint) { a.Channel = -1 }),
		"letters":                        ap(func(a *held.AccessPoint) { a.Type = "802.11a" }),
		"operating class or antenna":     ap(func(a *held.AccessPoint) { a.Antenna = 256 }),
		"country is two":                 ap(func(a *held.AccessPoint) { a.RegClass, a.Country = 1, "USA" }),
		"flight time":                    ap(func(a *held.AccessPoint) { a.FlightTime = held.Reading{Known: true, Value: -1} }),
		"location":                       ap(func(a *held.AccessPoint) { a.Location = foreign.Element{Local: "x", Space: "urn:x", XML: "<x>"} }),
		"more than one":                  {Cells: []held.Cell{{Serving: true}, {Serving: true}}},
		"2^28-1":                         {Cells: []held.Cell{{Net: held.CDMA, ID: 1 << 28}}},
		"country code of 3":              {Cells: []held.Cell{{Net: held.GSM, MCC: "46", MNC: "20"}}},
		"without the kind":               {Cells: []held.Cell{{ID: 1}}},
		"kind of network":                {Cells: []held.Cell{{Net: "nr"}}},
		"namespace of its own":           {Extensions: []foreign.Element{{Space: held.SpaceLM, Local: "x", XML: "<x/>"}}},
	} {
		out, err := held.AppendMeasurements([]byte("before"), &m)
		if at, ok := errors.AsType[*held.ParseError](err); !ok || string(out) != "before" || !strings.HasPrefix(at.Path, "/measurements") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, r := range map[string]held.Request{
		"not both":             {For: held.EmergencyRouting, HasWithin: true},
		"no purpose":           {For: "lunch"},
		"below zero":           {HasWithin: true, Within: -1},
		"exact without":        {Exact: true},
		"no type of location":  {Types: []held.LocationType{"orbital"}},
		"service is not a URI": {Routing: "a b:"},
		"no name":              {Extras: []held.Extra{{Value: "x"}}},
		"of a vendor":          {Extras: []held.Extra{{Space: held.SpaceLM, Name: "x"}}},
		"two ports":            {Flow: held.Flow{Src: netip.MustParseAddrPort("192.0.2.1:0"), Dst: netip.MustParseAddrPort("192.0.2.1:1"), Layer4: "udp"}},
	} {
		out, err := held.AppendRequest([]byte("before"), &r)
		if _, ok := errors.AsType[*held.ParseError](err); !ok || string(out) != "before" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, r := range map[string]held.Response{
		"neither a location nor":    {},
		"no time of expiry":         {URIs: []string{"https://a/b"}},
		"locationURI[2]: not a URI": {URIs: []string{"https://a/b", " <&>"}, Expires: at("2026-01-01T00:00:00Z")},
		"no destination":            {Presence: &pidflo.Document{Entity: "pres:a@b.example"}, Routing: held.Routing{Service: held.ServiceSOS}},
		"serviceUri":                {Presence: &pidflo.Document{Entity: "pres:a@b.example"}, Routing: held.Routing{Dest: []string{"sip:a@b"}}},
	} {
		_, err := held.AppendResponse(nil, &r)
		if _, ok := errors.AsType[*held.ParseError](err); !ok || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, e := range map[string]held.Error{
		"no error code":         {Message: "x"},
		"no kind of identifier": {Code: held.BadIdentifier, Required: []string{"shoe"}},
		"qualified name":        {Code: held.LocationUnknown, Measure: &held.MeasurementRequest{Wanted: []held.Wanted{{}}}},
	} {
		_, err := held.AppendError(nil, &e)
		if _, ok := errors.AsType[*held.ParseError](err); !ok || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// What is nasty and yet text is written so that it is valid.
//
// Proves: F-26, E10
func TestNastyTextsAreWrittenValid(t *testing.T) {
	const bad = " <&>\"'\x00\xff é %zz ]]> "
	docs := map[string][]byte{
		"error": must(held.AppendError(nil, &held.Error{Code: held.NotLocatable, Message: bad, Lang: bad, More: []held.Text{{Lang: "de-AT", Text: bad}, {}}})),
		"extra": must(held.AppendRequest(nil, &held.Request{Extras: []held.Extra{{Name: "x", Value: bad}, {Name: "a b", Value: bad}}})),
		"ssid":  must(held.AppendRequest(nil, &held.Request{Measurements: []held.Measurement{{NIC: bad, WiFi: []held.AccessPoint{{BSSID: "001122334455", SSID: bad}}}}})),
		"uri":   must(held.AppendResponse(nil, &held.Response{URIs: []string{"https://a/b c<\"é"}, Expires: at("2026-01-01T00:00:00+02:00")})),
		"empty": must(held.AppendRequest(nil, &held.Request{})),
		"soon":  must(held.AppendRequest(nil, &held.Request{HasWithin: true, Within: 1500*time.Millisecond + 1})),
	}
	schemacheck.Check(t, schemacheck.XSD(t, docs), docs)
	for name, doc := range docs {
		_, err := held.ParseRequest(doc)
		if _, rerr := held.ParseReply(doc); err != nil && name != "error" && rerr != nil {
			t.Errorf("%s cannot be read: %v, %v", name, err, rerr)
		}
	}
}

// An element of another namespace is foreign whatever its name; one without
// namespace, or in that of the element around it, is ours.
//
// Proves: W-31, RFC 5985 section 5.1
func TestNamespacesDecideWhatAnElementIs(t *testing.T) {
	r := read(t, open+`><device xmlns="urn:v"><ip>192.0.2.1</ip></device><measurements xmlns="urn:v"><lldp/></measurements>
		<v:locationType xmlns:v="urn:v">civic</v:locationType><requestRoutingInformation xmlns="urn:v" service="urn:service:sos"/>
		<flow xmlns="urn:v"><src/></flow></locationRequest>`)
	if r.Identified() || r.Measurements != nil || r.Types != nil || r.Routing != "" || len(r.Extensions) != 4 {
		t.Errorf("foreign elements were taken for ours: %+v", r)
	}
	if got := r.Extra("ip"); got != "192.0.2.1" {
		t.Errorf("inside of an extension: %q", got)
	}
	r = read(t, open+`><device><ip>192.0.2.1</ip></device><measurements><lldp><chassis type="4">01</chassis></lldp></measurements><locationType xmlns="">civic</locationType></locationRequest>`)
	if len(r.Identity) != 1 || len(r.Measurements) != 1 || len(r.Measurements[0].LLDP) != 1 || len(r.Types) != 1 || r.Extensions != nil {
		t.Errorf("elements without their namespace: %+v", r)
	}
}

// Proves: W-18, E10
func TestWhatVendorsAddIsKeptAndSentOn(t *testing.T) {
	r := read(t, open+`><companyID xmlns="urn:v">abc</companyID><p name="secret" value="s3"/><d:list xmlns:d="urn:d" kind="d:k"><d:vlan>7</d:vlan></d:list>
		<device xmlns="`+held.SpaceID+`"><serial>9</serial></device></locationRequest>`)
	want := []held.Extra{{Space: "urn:v", Name: "companyID", Value: "abc"}, {Name: "secret", Value: "s3"}, {Name: "serial", Value: "9"}, {Space: "urn:d", Name: "vlan", Value: "7", Inside: true}}
	if diff := cmp.Diff(want, r.Extras, opts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := read(t, string(must(held.AppendRequest(nil, r))))
	if diff := cmp.Diff(r, again, opts); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

// Proves: RFC 5985 section 8
func TestMediaTypesThatAreRead(t *testing.T) {
	for in, want := range map[string]bool{
		held.ContentType: true, held.MediaType: true, "": true, "text/xml": true, "application/xml; charset=\"UTF-8\"": true,
		"Application/HELD+XML; charset=us-ascii": true, "application/json": true, "application/json;charset=utf-8": true,
		"application/held+xml;version=1": true, "application/held+xml;charset=utf-16": false, "text/html": false, "application/lost+xml": false,
	} {
		if got := held.IsMediaType(in); got != want {
			t.Errorf("%q: got %v", in, got)
		}
	}
}

// Proves: E14
func TestOnlyUTF8IsRead(t *testing.T) {
	for name, doc := range map[string]string{
		"a byte that is none": open + " a=\"\xff\"/>",
		"UTF-16":              "\xff\xfe<\x00l\x00",
	} {
		_, err := held.ParseRequest([]byte(doc))
		if e, ok := errors.AsType[*held.Error](err); !ok || e.Code != held.XMLError {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
