package held_test

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/callbox911/callbox/wire/held"
)

// One test for each MUST of the documents that a codec can keep.

func reply(t *testing.T, body string) *held.Response {
	t.Helper()
	r, err := held.ParseReply([]byte(`<locationResponse xmlns="` + held.Space + `">` + body + `</locationResponse>`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func refusal(t *testing.T, doc string) *held.Error {
	t.Helper()
	_, err := held.ParseReply([]byte(doc))
	e, ok := errors.AsType[*held.Error](err)
	if !ok {
		t.Fatalf("no HELD error but %v", err)
	}
	return e
}

// Proves: RFC 5985 section 5
func TestRFC5985Section5MessagesAreUTF8AndSayTheirCharset(t *testing.T) {
	b := must(held.AppendError(nil, &held.Error{Code: held.GeneralLISError, Message: "caf\xe9 \xff"}))
	if !utf8.Valid(b) || !strings.HasPrefix(string(b), `<?xml version="1.0" encoding="UTF-8"?>`) {
		t.Errorf("%q", b)
	}
	if held.ContentType != "application/held+xml;charset=utf-8" {
		t.Error(held.ContentType)
	}
}

// Proves: RFC 5985 section 5.1
func TestRFC5985Section51WhatIsNotUnderstoodIsIgnored(t *testing.T) {
	r := read(t, open+` v:a="b" xmlns:v="urn:v" responseTime="soonish"><v:x><v:y/></v:x><locationType>civic orbital</locationType><nothing/></locationRequest>`)
	if len(r.Types) != 1 || r.HasWithin {
		t.Errorf("%+v", r)
	}
	_, err := held.ParseRequest([]byte(`<locationRevocation xmlns="` + held.Space + `"/>`))
	if e, ok := errors.AsType[*held.Error](err); !ok || e.Code != held.UnsupportedMessage {
		t.Errorf("another document element: %v", err)
	}
}

// Proves: RFC 5985 section 5.2
func TestRFC5985Section52ASuccessHasALocationOrAURI(t *testing.T) {
	if b, err := held.AppendResponse(nil, &held.Response{}); err == nil {
		t.Errorf("%s", b)
	}
}

// Proves: RFC 5985 section 5.3, RFC 5985 section 6.3
func TestRFC5985Section53AnErrorHasACode(t *testing.T) {
	if b, err := held.AppendError(nil, &held.Error{Message: "x"}); err == nil {
		t.Errorf("%s", b)
	}
	for _, c := range []held.Code{
		held.RequestError, held.XMLError, held.GeneralLISError, held.LocationUnknown, held.UnsupportedMessage, held.Timeout,
		held.CannotProvideLIType, held.NotLocatable, held.BadIdentifier,
	} {
		if e := refusal(t, string(must(held.AppendError(nil, &held.Error{Code: c})))); e.Code != c || e.Message != "" {
			t.Errorf("%s comes back as %+v", c, e)
		}
	}
}

// Proves: RFC 5985 section 6.2, RFC 5985 section 6.2.1
func TestRFC5985Section62NoTypeMeansAnyAndAnyIsNeverExact(t *testing.T) {
	for _, doc := range []string{open + "/>", open + `><locationType exact="true">any</locationType></locationRequest>`} {
		r := read(t, doc)
		if r.Exact || !r.Wants(held.Civic) || !r.Wants(held.Geodetic) || !r.Wants(held.LocationURI) {
			t.Errorf("%s: %+v", doc, r)
		}
	}
}

// Proves: RFC 5985 section 6.4
func TestRFC5985Section64AMessageIsInALanguage(t *testing.T) {
	e := refusal(t, `<error xmlns="`+held.Space+`" code="timeout"><message> Too
		late </message><message xml:lang="de">Zu spät</message></error>`)
	if e.Message != "Too late" || e.Lang != "" || len(e.More) != 1 || e.More[0] != (held.Text{Lang: "de", Text: "Zu spät"}) {
		t.Errorf("%+v", e)
	}
	if b := string(must(held.AppendError(nil, e))); !strings.Contains(b, `<message xml:lang="en">Too late`) {
		t.Error(b)
	}
	// The prose of section 5.3 has an attribute.
	if e := refusal(t, `<error xmlns="`+held.Space+`" code="timeout" message="late"/>`); e.Message != "late" {
		t.Errorf("%+v", e)
	}
}

// Proves: RFC 5985 section 6.5.1
func TestRFC5985Section651URIsOfEverySchemeArriveInOrder(t *testing.T) {
	want := []string{"https://a.example/1", "http://a.example/1", "sips:1@a.example", "sip:1@a.example"}
	r, err := held.ParseReply(must(held.AppendResponse(nil, &held.Response{URIs: want, Expires: at("2026-11-22T13:00:00Z")})))
	if err != nil || strings.Join(r.URIs, " ") != strings.Join(want, " ") {
		t.Errorf("%v, %v", r, err)
	}
}

// Proves: RFC 5985 section 6.5.2
func TestRFC5985Section652TimesAreUTCWithTAndZ(t *testing.T) {
	zone := time.FixedZone("", 5*3600)
	r := &held.Response{URIs: []string{"sip:a@b"}, Expires: time.Date(2026, 11, 22, 2, 0, 0, 7_999_999, zone)}
	b := string(must(held.AppendResponse(nil, r)))
	if !strings.Contains(b, `expires="2026-11-21T21:00:00.007Z"`) {
		t.Error(b)
	}
	q := &held.Request{Measurements: []held.Measurement{{Time: r.Expires, Expires: r.Expires}}}
	form := regexp.MustCompile(`(time|expires)="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	if b := must(held.AppendRequest(nil, q)); len(form.FindAll(b, -1)) != 2 {
		t.Errorf("%s", b)
	}
	if b, err := held.AppendResponse(nil, &held.Response{URIs: []string{"sip:a@b"}}); err == nil {
		t.Errorf("no expiry: %s", b)
	}
	for in, want := range map[string]string{
		"2006-01-01T13:00:00.0Z": "2006-01-01T13:00:00Z", "2006-01-01T15:00:00+02:00": "2006-01-01T13:00:00Z",
		" 2006-01-01T13:00:00 ": "2006-01-01T13:00:00Z", "tomorrow": "0001-01-01T00:00:00Z",
	} {
		got := reply(t, `<locationUriSet expires="`+in+`"><locationURI>sip:a@b</locationURI></locationUriSet>`)
		if !got.Expires.Equal(at(want)) || len(got.URIs) != 1 {
			t.Errorf("%q: %v", in, got.Expires)
		}
	}
}

// Proves: RFC 5985 section 7
func TestRFC5985Section7TheSetOfURIsComesFirst(t *testing.T) {
	b := string(must(held.AppendResponse(nil, deskAnswer())))
	if set, doc := strings.Index(b, "<locationUriSet"), strings.Index(b, "<presence"); set < 0 || doc < set {
		t.Error(b)
	}
}

// Proves: RFC 6155 section 3.1
func TestRFC6155Section31AnAddressSaysItsVersion(t *testing.T) {
	b := string(must(held.AppendDevice(nil, []held.Identifier{{Kind: held.IDIP, Value: "192.0.2.5"}, {Kind: held.IDIP, Value: "2001:db8::5"}})))
	if !strings.Contains(b, `<ip v="4">192.0.2.5</ip><ip v="6">2001:db8::5</ip>`) {
		t.Error(b)
	}
}

// Proves: RFC 6155 section 3.2
func TestRFC6155Section32AHardwareAddressHasHyphens(t *testing.T) {
	b := string(must(held.AppendDevice(nil, []held.Identifier{{Kind: held.IDMAC, Value: "0012.f0a0.80ef"}})))
	if !strings.Contains(b, "<mac>00-12-F0-A0-80-EF</mac>") {
		t.Error(b)
	}
}

// Proves: RFC 6155 section 3.4
func TestRFC6155Section34ANAIHasOctets(t *testing.T) {
	id := held.Identifier{Kind: held.IDNAI, Value: `f\c3\bc\ff@bar.com`}
	if got := id.NAI(); got != "fü\xff@bar.com" || id.Check() != nil {
		t.Errorf("%q, %v", got, id.Check())
	}
}

// Proves: RFC 6155 section 5
func TestRFC6155Section5RequiredIdentifiersAreQualifiedNames(t *testing.T) {
	for _, doc := range []string{
		`<error xmlns="` + held.Space + `" code="badIdentifier"><i:requiredIdentifiers xmlns:i="` + held.SpaceID + `" xmlns:f="` + held.SpaceFlow + `" xmlns:v="urn:v">i:mac v:ip f:flow</i:requiredIdentifiers></error>`,
		string(must(held.AppendError(nil, &held.Error{Code: held.BadIdentifier, Required: []string{"mac", "flow"}}))),
	} {
		if e := refusal(t, doc); strings.Join(e.Required, " ") != "mac flow" {
			t.Errorf("%s: %v", doc, e.Required)
		}
	}
}

// Proves: RFC 6915 section 3
func TestRFC6915Section3AFlowIsWhole(t *testing.T) {
	f := held.Flow{Src: netip.MustParseAddrPort("[::ffff:192.0.2.1]:5060"), Dst: netip.MustParseAddrPort("192.0.2.2:5061"), Layer4: "udp", TargetDst: true}
	b := must(held.AppendFlow(nil, f))
	if !strings.Contains(string(b), `layer3="ipv4" layer4="udp" target="dst"`) {
		t.Errorf("%s", b)
	}
	got, err := held.ParseFlow(b)
	if err != nil || got.Target().String() != "192.0.2.2:5061" || got.Src.String() != "192.0.2.1:5060" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, broken := range map[string]held.Flow{
		"layer 3":  {Src: f.Src, Dst: netip.MustParseAddrPort("[::1]:1"), Layer4: "udp"},
		"layer 4":  {Src: f.Src, Dst: f.Dst, Layer4: "256"},
		"src":      {Dst: f.Dst, Layer4: "udp"},
		"dst":      {Src: f.Src, Layer4: "udp"},
		"dst port": {Src: f.Src, Dst: netip.AddrPortFrom(f.Dst.Addr(), 0), Layer4: "udp"},
	} {
		if b, err := held.AppendFlow(nil, broken); err == nil {
			t.Errorf("%s: %s", name, b)
		}
	}
}

// Proves: RFC 6753 section 3.1
func TestRFC6753Section31AnIdentityIsSeenSoThatItCanBeRefused(t *testing.T) {
	for doc, want := range map[string]bool{
		open + `/>`: false,
		open + `><device xmlns="` + held.SpaceID + `"><mac>00-12-F0-A0-80-EF</mac></device></locationRequest>`:                                                                                                        true,
		open + `><device xmlns="` + held.SpaceID + `"/></locationRequest>`:                                                                                                                                            false,
		open + `><flow xmlns="` + held.SpaceFlow + `" layer3="ipv4" layer4="tcp"><src><address>192.0.2.1</address><port>1</port></src><dst><address>192.0.2.2</address><port>1</port></dst></flow></locationRequest>`: true,
	} {
		if got := read(t, doc).Identified(); got != want {
			t.Errorf("%s: %v", doc, got)
		}
	}
}

// Proves: RFC 6753 section 3.3
func TestRFC6753Section33APresenceDocumentAloneIsAnAnswer(t *testing.T) {
	r, err := held.ParseReply([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"/>`))
	if err != nil || r.Presence == nil || r.Presence.Entity != "pres:a@b" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := held.ParseReply([]byte(`<presence xmlns="urn:v" entity="pres:a@b"/>`)); err == nil {
		t.Error("a presence of another namespace was taken")
	}
}

// Proves: RFC 7105 section 4.1
func TestRFC7105Section41TimesBelongToTheirMeasurements(t *testing.T) {
	m, err := held.ParseMeasurements([]byte(`<measurements xmlns="` + held.SpaceLM + `" time="2008-04-29T14:33:58" timeError="2e-5" expires="2008-04-29T17:33:58Z"/>`))
	if err != nil || !m.Time.Equal(at("2008-04-29T14:33:58Z")) || !m.Expires.Equal(at("2008-04-29T17:33:58Z")) || m.TimeError != 2e-5 {
		t.Errorf("%+v, %v", m, err)
	}
}

// Proves: RFC 7105 section 4.3
func TestRFC7105Section43AMeasurementRequestMeansNothingElsewhere(t *testing.T) {
	r := read(t, open+`><measurementRequest xmlns="`+held.SpaceLM+`"><measurement xmlns:w="`+held.SpaceWiFi+`" type="w:wifi"/></measurementRequest></locationRequest>`)
	if r.Identified() || r.Measurements != nil || len(r.Extras) != 0 {
		t.Errorf("%+v", r)
	}
}

// Proves: RFC 7105 section 5.1
func TestRFC7105Section51IdsAreVerbatim(t *testing.T) {
	id := held.LLDPID{Type: held.ChassisMAC, Octets: []byte{0, 0xff, 'a'}}
	b := must(held.AppendMeasurements(nil, &held.Measurement{LLDP: []held.LLDP{{Chassis: id, Port: held.TextID(held.PortIfName, " Gi1/0/7 ")}}}))
	if !strings.Contains(string(b), `<chassis type="4">00ff61</chassis><port type="5">20476931`) {
		t.Errorf("%s", b)
	}
}

// Proves: RFC 7105 section 5.2
func TestRFC7105Section52ARelayHasAnAddress(t *testing.T) {
	d := held.DHCPRelay{GIAddr: netip.MustParseAddr("::ffff:192.0.2.158"), Circuit: []byte{0x10, 0x8b}, Remote: []byte{1}, Enterprise: 9, Subscriber: []byte{2}}
	b := must(held.AppendMeasurements(nil, &held.Measurement{DHCP: []held.DHCPRelay{d}}))
	if !strings.Contains(string(b), `<giaddr>192.0.2.158</giaddr><circuit>108b</circuit><remote enterprise="9">01</remote><subscriber>02</subscriber>`) {
		t.Errorf("%s", b)
	}
}

// Proves: RFC 7105 section 5.3
func TestRFC7105Section53AnotherUnitThanDBmIsSaid(t *testing.T) {
	s := &held.Signal{RCPI: held.Reading{Known: true, Value: 170, RMSError: 2, Samples: 3}, NotDBm: true}
	m := held.Measurement{WiFi: []held.AccessPoint{{BSSID: "00-12-F0-A0-80-EF", APSignal: s}}}
	b := must(held.AppendMeasurements(nil, &m))
	if !strings.Contains(string(b), `<rcpi dBm="false" rmsError="2" samples="3">170</rcpi>`) {
		t.Errorf("%s", b)
	}
	got, err := held.ParseMeasurements(b)
	if err != nil || !got.WiFi[0].APSignal.NotDBm {
		t.Errorf("%+v, %v", got, err)
	}
}

// Proves: RFC 7105 section 5.4
func TestRFC7105Section54LeadingZerosOfCodesStay(t *testing.T) {
	m, err := held.ParseMeasurements([]byte(`<measurements xmlns="` + held.SpaceLM + `"><cellular xmlns="` + held.SpaceCell + `"><servingCell><mcc>001</mcc><mnc>01</mnc><eucid>7</eucid></servingCell></cellular></measurements>`))
	if err != nil || m.Cells[0].MCC != "001" || m.Cells[0].MNC != "01" || !m.Cells[0].Serving {
		t.Errorf("%+v, %v", m, err)
	}
}

// Proves: RFC 7199 section 4
func TestRFC7199Section4PolicyElementsAreCarried(t *testing.T) {
	r := read(t, open+`><requestPolicyUri xmlns="`+held.SpacePolicy+`"/></locationRequest>`)
	if len(r.Extensions) != 1 || r.Extensions[0].Space != held.SpacePolicy || r.Extensions[0].Local != "requestPolicyUri" {
		t.Errorf("%+v", r.Extensions)
	}
}

// Proves: RFC 7840 section 3
func TestRFC7840Section3RoutingIsAskedForAndGiven(t *testing.T) {
	if r := read(t, open+`><requestRoutingInformation xmlns="`+held.SpaceRouting+`"/></locationRequest>`); r.Routing != "urn:service:sos" {
		t.Errorf("no service: %q", r.Routing)
	}
	if r := read(t, open+`><requestRoutingInformation xmlns="`+held.SpaceRouting+`" service=" urn:service:sos.fire "/></locationRequest>`); r.Routing != "urn:service:sos.fire" {
		t.Errorf("a service: %q", r.Routing)
	}
	r := reply(t, `<routingInformation xmlns="`+held.SpaceRouting+`"><service serviceUri="urn:service:sos" defaultRoute="1"><dest> sip:112@example.com </dest><dest>xmpp:112@example.com</dest><l:x xmlns:l="urn:l"/></service><l:mapping xmlns:l="urn:ietf:params:xml:ns:lost1"/></routingInformation>`)
	if x := r.Routing; !x.Default || x.Service != "urn:service:sos" || strings.Join(x.Dest, " ") != "sip:112@example.com xmpp:112@example.com" || len(x.Extensions) != 1 || len(x.ServiceExtensions) != 1 {
		t.Errorf("%+v", x)
	}
}
