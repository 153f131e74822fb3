package trial

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/snapshot"
)

// id is an id for tests; n up to 9999.
func id[T ~string](n int) T {
	return T("00000000-0000-7000-8000-00000000" + string([]byte{byte('0' + n/1000%10), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)}))
}

var began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// trunkOf is a trunk of nobody alone.
func trunkOf(n int, key string, side e911.TrunkSide, to string, marks ...e911.TrunkMark) e911.Trunk {
	return e911.Trunk{ID: id[e911.TrunkID](n), Key: key, Side: side, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: to, DRFrom: []netip.Prefix{}, Marks: marks}
}

const testOrg = 50

func worldOf(t testing.TB, trunks ...e911.Trunk) *snapshot.Snapshot {
	t.Helper()
	org := id[e911.OrgID](testOrg)
	changes := []snapshot.Change{{Kind: e911.KindOrg, Org: org, ID: string(org), Object: e911.Org{ID: org, Key: "works", Name: "Works"}}}
	var carrier, relay e911.TrunkID
	for _, v := range trunks {
		changes = append(changes, snapshot.Change{Kind: e911.KindTrunk, Org: v.Org, ID: string(v.ID), Object: v})
		switch v.Side {
		case e911.SideCarrier:
			carrier = v.ID
		case e911.SideRelay:
			relay = v.ID
		}
	}
	if carrier != "" && relay != "" {
		for _, p := range []e911.PSAP{
			{ID: id[e911.PSAPID](61), Key: "psap-middlesex", Name: "Middlesex", Routes: []e911.TrunkID{carrier}, Line: "+16175550199"},
			{ID: id[e911.PSAPID](62), Key: "psap-london", Name: "London", Routes: []e911.TrunkID{carrier}, Line: "+442079460911"},
			{ID: id[e911.PSAPID](63), Key: "ecrc", Name: "Relay centre", Relay: true, Routes: []e911.TrunkID{relay}, Line: "+18005550198"},
		} {
			changes = append(changes, snapshot.Change{Kind: e911.KindPSAP, ID: string(p.ID), Object: p})
		}
	}
	w, err := snapshot.Build(changes, began)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return w
}

// sides are one trunk of each side, by key.
func sides() map[string]e911.Trunk {
	m := map[string]e911.Trunk{}
	for _, v := range []e911.Trunk{
		trunkOf(1, "carrier", e911.SideCarrier, "sip:psap@carrier.example"),
		trunkOf(2, "marked", e911.SideCarrier, "sip:e9-1-desk@marked.example;transport=tcp", e911.MarkTestURN),
		trunkOf(3, "relay", e911.SideRelay, "sip:+18005550177@relay.example:5070"),
		trunkOf(4, "esinet", e911.SideESInet, "sip:192.0.2.9:5060", e911.MarkTestURN),
	} {
		m[v.Key] = v
	}
	local := trunkOf(5, "local", e911.SideLocal, "sip:911@192.0.2.30")
	local.Org, local.Kind = id[e911.OrgID](testOrg), e911.RouteLocal
	m["local"] = local
	pbx := trunkOf(6, "pbx", e911.SidePlatform, "")
	pbx.Org, pbx.Kind, pbx.From = local.Org, "", []netip.Prefix{netip.MustParsePrefix("192.0.2.40/32")}
	m["pbx"] = pbx
	return m
}

func world(t testing.TB) (*snapshot.Snapshot, map[string]e911.Trunk) {
	t.Helper()
	m := sides()
	var list []e911.Trunk
	for _, v := range m {
		list = append(list, v)
	}
	return worldOf(t, list...), m
}

// Proves: E12, F-28, W-12
func TestWhatATestMayCall(t *testing.T) {
	w, trunks := world(t)
	const no = calltrace.Kind("")
	for _, c := range []struct {
		name, trunk string
		order       Order
		want        calltrace.Kind
		out         string // what is dialled then
	}{
		{"nothing is 933", "carrier", Order{}, calltrace.Through933, "933"},
		{"933", "carrier", Order{Number: "933"}, calltrace.Through933, "933"},
		{"933 with the key that ends dialling", "carrier", Order{Number: " 9-3-3#"}, calltrace.Through933, "933"},
		{"933 over a site's own trunk", "local", Order{Number: "933"}, calltrace.Through933, "933"},
		{"933 as a SIP URI", "carrier", Order{URI: "sip:933@carrier.example;user=phone"}, calltrace.Through933, "sip:933@carrier.example;user=phone"},
		{"933 as a tel URI", "carrier", Order{URI: "tel:933;phone-context=+1"}, calltrace.Through933, "tel:933;phone-context=+1"},
		{"a number of somebody's own", "carrier", Order{Number: "+1 (617) 555-0150"}, calltrace.Other, "+16175550150"},
		{"a number of somebody's own by its URI", "carrier", Order{URI: "sip:+16175550150@carrier.example;user=phone"}, calltrace.Other, "sip:+16175550150@carrier.example;user=phone"},
		{"a tel URI", "local", Order{URI: "tel:+1-617-555-0150"}, calltrace.Other, "tel:+1-617-555-0150"},
		{"a name", "carrier", Order{URI: "sip:echo-test@carrier.example"}, calltrace.Other, "sip:echo-test@carrier.example"},
		{"a test URN over a marked trunk", "marked", Order{URI: "URN:service:Test.SOS"}, calltrace.TestURN, "urn:service:test.sos"},
		{"a test URN of the police over a marked trunk", "marked", Order{URI: "urn:service:test.sos.police"}, calltrace.TestURN, "urn:service:test.sos.police"},
		{"a test URN as the user of a SIP URI", "marked", Order{URI: "sip:urn%3Aservice%3Atest.sos@x"}, calltrace.TestURN, "urn:service:test.sos"},
		{"a test URN over a marked ESInet", "esinet", Order{URI: "urn:service:test.sos"}, calltrace.TestURN, "urn:service:test.sos"},
		{"OPTIONS to a relay centre", "relay", Order{Options: true}, calltrace.Options, ""},
		{"OPTIONS to a platform", "pbx", Order{Options: true}, calltrace.Options, ""},

		{"a test URN over a trunk without the mark", "carrier", Order{URI: "urn:service:test.sos"}, no, ""},
		{"a test URN hidden in a user part over a trunk without the mark", "carrier", Order{URI: "sip:urn:service:test.sos@x"}, no, ""},
		{"a number and a URI", "carrier", Order{Number: "933", URI: "sip:933@x"}, no, ""},
		{"a call to a platform", "pbx", Order{}, no, ""},
		{"933 to a relay centre", "relay", Order{}, no, ""},
		{"933 to an ESInet", "esinet", Order{}, no, ""},
		{"a number to a relay centre", "relay", Order{Number: "+16175550150"}, no, ""},
		{"a name at an ESInet", "esinet", Order{URI: "sip:echo@esinet.example"}, no, ""},

		{"911", "carrier", Order{Number: "911"}, no, ""},
		{"911 with an outside digit", "carrier", Order{Number: "9911"}, no, ""},
		{"911 as E.164", "carrier", Order{Number: "+1911"}, no, ""},
		{"911 with separators", "carrier", Order{Number: "(9) 1.1-"}, no, ""},
		{"911 with the key that ends dialling", "carrier", Order{Number: "911#"}, no, ""},
		{"911 after a code of the exchange", "carrier", Order{Number: "*67911"}, no, ""},
		{"911 after a code and an outside digit", "carrier", Order{Number: "*67-9-911"}, no, ""},
		{"911 after a hash", "carrier", Order{Number: "#911"}, no, ""},
		{"911 and more digits", "carrier", Order{Number: "9115550150"}, no, ""},
		{"911 of a distance and more digits", "carrier", Order{Number: "1 911 555 0150"}, no, ""},
		{"911 as a SIP URI", "carrier", Order{URI: "sip:911@carrier.example"}, no, ""},
		{"911 as a SIPS URI in capitals", "carrier", Order{URI: "SIPS:911@CARRIER.EXAMPLE"}, no, ""},
		{"911 as a telephone's user part", "carrier", Order{URI: "sip:911@carrier.example;user=phone"}, no, ""},
		{"911 with a context", "carrier", Order{URI: "sip:911;phone-context=+1@carrier.example"}, no, ""},
		{"911 as a tel URI", "carrier", Order{URI: "tel:911"}, no, ""},
		{"911 as a tel URI with separators", "carrier", Order{URI: "tel:9-1-1;phone-context=+1"}, no, ""},
		{"911 in escapes", "carrier", Order{URI: "sip:%39%31%31@carrier.example"}, no, ""},
		{"911 in escapes of escapes", "carrier", Order{URI: "sip:%2539%2531%2531@carrier.example"}, no, ""},
		{"911 after an escape that is none", "carrier", Order{URI: "sip:%zz911@carrier.example"}, no, ""},
		{"911 with a password", "carrier", Order{URI: "sip:911:x@carrier.example"}, no, ""},
		{"911 as the host", "carrier", Order{URI: "sip:911"}, no, ""},
		{"911 without a scheme", "carrier", Order{URI: "911"}, no, ""},
		{"911 in brackets", "carrier", Order{URI: "<sip:911@carrier.example>"}, no, ""},
		{"911 in the digits of other scripts", "carrier", Order{URI: "sip:９１１@carrier.example"}, no, ""},
		{"911 in a name", "carrier", Order{URI: "sip:e911@carrier.example"}, no, ""},
		{"911 behind a second at sign", "carrier", Order{URI: "sip:echo@911@carrier.example"}, no, ""},
		{"911 as an address to go to", "carrier", Order{URI: "sip:echo@carrier.example;maddr=911"}, no, ""},
		{"911 in header fields of the URI", "carrier", Order{URI: "sip:echo@carrier.example?Route=%3Csip:911@x%3E"}, no, ""},
		{"a line break", "carrier", Order{URI: "sip:echo@carrier.example\r\nX: sip:911@x"}, no, ""},

		{"the service URN", "marked", Order{URI: "urn:service:sos"}, no, ""},
		{"the service URN of the police", "marked", Order{URI: "urn:service:sos.police"}, no, ""},
		{"the service URN in a user part", "marked", Order{URI: "sip:URN%3aService%3asos@carrier.example"}, no, ""},
		{"another service", "marked", Order{URI: "urn:service:counseling"}, no, ""},
		{"another service in a user part", "marked", Order{URI: "sip:urn:service:counseling@x"}, no, ""},
		{"a name of helpers", "carrier", Order{URI: "sip:sos@carrier.example"}, no, ""},
		{"a name of helpers in capitals", "carrier", Order{URI: "sip:Fire-Desk@carrier.example"}, no, ""},

		{"112", "carrier", Order{Number: "112"}, no, ""},
		{"112 with a plus sign", "carrier", Order{Number: "+112"}, no, ""},
		{"112 with a password", "carrier", Order{URI: "sip:112:x@carrier.example"}, no, ""},
		{"112 with a comma", "carrier", Order{URI: "sip:112,@carrier.example"}, no, ""},
		{"112 with parameters of its own", "carrier", Order{URI: "sip:112;isub=1@carrier.example"}, no, ""},
		{"112 as a tel URI", "carrier", Order{URI: "tel:112"}, no, ""},
		{"112 and more digits", "local", Order{Number: "1125550150"}, no, ""},
		{"999", "carrier", Order{Number: "999"}, no, ""},
		{"000 and more digits", "local", Order{Number: "0005550150"}, no, ""},
		{"the crisis lifeline", "carrier", Order{Number: "988"}, no, ""},
		{"the crisis lifeline as E.164", "carrier", Order{Number: "+1988"}, no, ""},
		{"another test number of a carrier", "carrier", Order{Number: "922"}, no, ""},
		{"a number that is too short", "carrier", Order{Number: "550150"}, no, ""},
		{"no digits", "carrier", Order{Number: "+"}, no, ""},

		{"the line of a PSAP", "carrier", Order{Number: "+16175550199"}, no, ""},
		{"the line of a PSAP without the plus sign", "carrier", Order{Number: "16175550199"}, no, ""},
		{"the line of a PSAP with ten digits", "carrier", Order{Number: "617-555-0199"}, no, ""},
		{"the line of a PSAP as its neighbours dial it", "local", Order{Number: "5550199"}, no, ""},
		{"the line of a PSAP after an outside digit", "local", Order{Number: "9 1 617 555 0199"}, no, ""},
		{"the line of a PSAP with more digits than are waited for", "local", Order{Number: "6175550199000"}, no, ""},
		{"the line of a PSAP as a tel URI", "carrier", Order{URI: "tel:+1-617-555-0199"}, no, ""},
		{"the line of a PSAP in a context", "carrier", Order{URI: "tel:5550199;phone-context=+1617"}, no, ""},
		{"the line of a PSAP in escapes", "carrier", Order{URI: "sip:%2B1617555%30199@carrier.example"}, no, ""},
		{"the line of a PSAP of another country", "carrier", Order{Number: "+44 20 7946 0911"}, no, ""},
		{"the line of a PSAP of another country from there", "carrier", Order{Number: "02079460911"}, no, ""},
		{"the line of the relay centre", "carrier", Order{Number: "+18005550198"}, no, ""},
		{"the number by which calls reach the relay centre", "carrier", Order{Number: "8005550177"}, no, ""},
		{"the name by which calls for help go over the trunk", "carrier", Order{URI: "sip:psap@carrier.example"}, no, ""},
		{"that of another trunk", "carrier", Order{URI: "sip:E9-1-Desk@carrier.example"}, no, ""},
		{"the host of the relay centre", "carrier", Order{URI: "sip:+16175550150@relay.example"}, no, ""},
		{"933 at the host of the relay centre", "carrier", Order{URI: "sip:933@Relay.example.:5070"}, no, ""},
		{"the host of an ESInet", "carrier", Order{URI: "sip:+16175550150@192.0.2.9"}, no, ""},
		{"another scheme", "carrier", Order{URI: "https://carrier.example/933"}, no, ""},
		{"letters as a number", "carrier", Order{Number: "1-800-CALL-NOW"}, no, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.order
			kind, err := allowed(w, trunks[c.trunk], &o)
			if kind != c.want || (err == nil) != (c.want != no) {
				t.Fatalf("%+v over %s: %q, %v; want %q", c.order, c.trunk, kind, err, c.want)
			}
			if err != nil {
				return
			}
			if got := o.Number + o.URI; got != c.out && !o.Options {
				t.Errorf("dialled %q, want %q", got, c.out)
			}
		})
	}
}

// leaves is the Request-URI that would go out.
func leaves(t e911.Trunk, o Order) string {
	if o.URI != "" {
		return o.URI
	}
	return withUser(t.To, o.Number)
}

// Whatever is made of pieces that mean something: what is let through is no
// emergency call on the wire, and rings no PSAP.
//
// Proves: E12, F-28
func TestNothingThatLeavesIsACallForHelp(t *testing.T) {
	w, trunks := world(t)
	everywhere := dialplan.NewPlan(dialplan.Countries()...)
	pieces := []string{
		"9", "1", "11", "911", "112", "999", "933", "988", "+", "+1", "*67", "#", "-", ".", "(", ")", " ", "%20", "%39", "%3", "%", "sip:", "tel:", "SIPS:", "urn:service:",
		"sos", "test.sos", ".police", "@", "carrier.example", "relay.example", "x", ":", ";", "user=phone", "phone-context=+1", "?", ",", "6175550199", "6175550150", "5550199", "psap", "echo",
	}
	rapid.Check(t, func(rt *rapid.T) {
		what := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 7).Draw(rt, "pieces"), "")
		trunk := trunks[rapid.SampledFrom([]string{"carrier", "local", "marked", "relay", "esinet"}).Draw(rt, "trunk")]
		o := Order{Number: what}
		if rapid.Bool().Draw(rt, "uri") {
			o = Order{URI: what}
		}
		kind, err := allowed(w, trunk, &o)
		if err != nil {
			return
		}
		out := leaves(trunk, o)
		m, found := everywhere.Find(out)
		switch {
		case found && m.Class == e911.ClassEmergency:
			rt.Fatalf("%q leaves as %q, which is an emergency call", what, out)
		case found && m.Class == e911.ClassTestURN && (kind != calltrace.TestURN || !trunk.Marked(e911.MarkTestURN)):
			rt.Fatalf("%q leaves over %s as %q", what, trunk.Key, out)
		case strings.Contains(digitsIn(out), "6175550199"), strings.Contains(out, "psap"), strings.ContainsAny(out, " \r\n<>"):
			rt.Fatalf("%q leaves as %q", what, out)
		}
	})
}

// Proves: F-28
func TestTheURIOfATrunkWithAnotherUser(t *testing.T) {
	for _, c := range []struct{ uri, user, want string }{
		{"sip:psap@192.0.2.1:5071;transport=tcp", "933", "sip:933@192.0.2.1:5071;transport=tcp"},
		{"sip:carrier.example", "933", "sip:933@carrier.example"},
		{"sips:+1911;phone-context=x@carrier.example", "+16175550150", "sips:+16175550150@carrier.example"},
		{"sip:911@[2001:db8::1]:5060", "933", "sip:933@[2001:db8::1]:5060"},
	} {
		if got := withUser(c.uri, c.user); got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.uri, c.user, got, c.want)
		}
	}
}
