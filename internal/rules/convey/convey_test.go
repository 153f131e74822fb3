package convey_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/sipgeo"
)

type headers map[string][]string

func (h headers) All(name string) []string { return h[name] }

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

var target = convey.Target{URI: "sip:psap@192.0.2.10:5060;transport=tcp", Plain: "sip:psap@192.0.2.10:5060"}

// theCall is a call from room 210 with everything known.
func theCall(change ...func(*convey.Call)) convey.Call {
	c := convey.Call{
		ID: "c1", Domain: "callbox.example", Now: now,
		Name: "urn:emergency:uid:callid:c1:callbox.example", Incident: "urn:emergency:uid:incidentid:c1:callbox.example",
		Callback: "+16175550111", Line: "+16175550111", HELD: identify.HELDYes,
		Where: locate.Result{
			By: e911.ByLLDPPort, Method: "Wiremap", Rank: locate.RankNetwork, At: now.Add(-time.Minute),
			Place: e911.Place{
				Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", HNO: "795", FLR: "2", ROOM: "210"},
				Area:  &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}},
			},
		},
		ELIN: "+16175550142", ELINWhy: "the location has none", Reference: "https://lis.example/loc/k1.call",
		Provider:   convey.Provider{Name: "Callbox operator", CompanyID: "CBOX", Contact: "tel:+18005550100"},
		Subscriber: convey.Subscriber{Name: "Front desk", Org: "Harbor Foods", Desk: "+16175550100"},
		Came:       convey.Came{Headers: headers{}},
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func came(name string, values ...string) func(*convey.Call) {
	return func(c *convey.Call) { c.Came.Headers.(headers)[name] = values }
}

func trunk(p e911.HeaderProfile) e911.Trunk {
	return e911.Trunk{Key: "t", Side: e911.SideCarrier, Profile: p}
}

// text writes a leg as a person reads it.
func text(l convey.Leg) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INVITE %s\n", l.URI)
	for _, r := range l.Routes {
		fmt.Fprintf(&b, "Route: %s\n", r)
	}
	fmt.Fprintf(&b, "From: %s\nTo: %s\n", l.From, l.To)
	for _, h := range l.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	for _, p := range l.Parts {
		fmt.Fprintf(&b, "part %s <%s> %s\n", p.Type, p.ID, p.Disposition)
	}
	if l.Forward {
		b.WriteString("and the parts that came in\n")
	}
	if len(l.Flags) > 0 {
		fmt.Fprintf(&b, "flags %s\n", strings.Join(l.Flags, " "))
	}
	return b.String()
}

const (
	me      = "<sip:+16175550111@callbox.example;user=phone>"
	plainTo = "INVITE sip:psap@192.0.2.10:5060;transport=tcp\n"
)

// Proves: E10, F-16, F-21, F-25, W-43, W-48 (design 2.4; NENA-STA-010.3 2.1.6; RFC 6442; RFC 7852 6.1)
func TestWhatEachProfileCarries(t *testing.T) {
	values := func(c *convey.Call) {
		c.Came.Values = sipgeo.ParseGeolocation([]string{"<cid:in@pbx>, <https://lis.example/loc/k1.phone>"})
	}
	cases := []struct {
		name    string
		profile e911.HeaderProfile
		slim    bool
		call    convey.Call
		want    string
	}{
		{
			"i3", e911.ProfileI3, false, theCall(values),
			"INVITE urn:service:sos\nRoute: <sip:psap@192.0.2.10:5060;transport=tcp;lr>\nFrom: " + me + "\nTo: <urn:service:sos>\n" +
				"Max-Forwards: 70\nP-Asserted-Identity: " + me + "\n" +
				"Geolocation: <cid:loc-c1@callbox.example>, <https://lis.example/loc/k1.call>, <cid:in@pbx>, <https://lis.example/loc/k1.phone>\n" +
				"Geolocation-Routing: yes\nSupported: geolocation-http\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\n" +
				"Call-Info: <urn:emergency:uid:incidentid:c1:callbox.example>;purpose=emergency-IncidentId\n" +
				"Call-Info: <cid:provider-c1@callbox.example>;purpose=EmergencyCallData.ProviderInfo\n" +
				"Call-Info: <cid:service-c1@callbox.example>;purpose=EmergencyCallData.ServiceInfo\n" +
				"Call-Info: <cid:subscriber-c1@callbox.example>;purpose=EmergencyCallData.SubscriberInfo\n" +
				"Resource-Priority: esnet.1\n" +
				"part application/pidf+xml <loc-c1@callbox.example> \n" +
				"part application/EmergencyCallData.ProviderInfo+xml <provider-c1@callbox.example> by-reference;handling=optional\n" +
				"part application/EmergencyCallData.ServiceInfo+xml <service-c1@callbox.example> by-reference;handling=optional\n" +
				"part application/EmergencyCallData.SubscriberInfo+xml <subscriber-c1@callbox.example> by-reference;handling=optional\n" +
				"and the parts that came in\n",
		},
		{
			"i3, slim: references alone", e911.ProfileI3, true, theCall(values),
			"INVITE urn:service:sos\nRoute: <sip:psap@192.0.2.10:5060;transport=tcp;lr>\nFrom: " + me + "\nTo: <urn:service:sos>\n" +
				"Max-Forwards: 70\nP-Asserted-Identity: " + me + "\n" +
				"Geolocation: <https://lis.example/loc/k1.call>, <https://lis.example/loc/k1.phone>\n" +
				"Geolocation-Routing: yes\nSupported: geolocation-http\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\n" +
				"Call-Info: <urn:emergency:uid:incidentid:c1:callbox.example>;purpose=emergency-IncidentId\n" +
				"Resource-Priority: esnet.1\n",
		},
		{
			"carrier: by value, and what came in", e911.ProfileCarrier, false, theCall(values),
			plainTo + "From: " + me + "\nTo: <sip:psap@192.0.2.10:5060>\nMax-Forwards: 70\nP-Asserted-Identity: " + me + "\n" +
				"Geolocation: <cid:loc-c1@callbox.example>, <cid:in@pbx>, <https://lis.example/loc/k1.phone>\n" +
				"Geolocation-Routing: yes\nSupported: geolocation-http\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\n" +
				"part application/pidf+xml <loc-c1@callbox.example> \nand the parts that came in\n",
		},
		{
			"elin: the confirmed ELIN, and nothing of the place", e911.ProfileELIN, false, theCall(values, came("P-Access-Network-Info", "IEEE-802.11;i-wlan-node-id=001122334455")),
			plainTo + "From: <sip:+16175550142@callbox.example;user=phone>\nTo: <sip:psap@192.0.2.10:5060>\nMax-Forwards: 70\n" +
				"P-Asserted-Identity: <sip:+16175550142@callbox.example;user=phone>\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\n",
		},
		{
			"elin without a confirmed one: the callback number, flagged", e911.ProfileELIN, false, theCall(func(c *convey.Call) { c.ELIN = "" }),
			plainTo + "From: " + me + "\nTo: <sip:psap@192.0.2.10:5060>\nMax-Forwards: 70\nP-Asserted-Identity: " + me + "\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\nflags no_confirmed_elin\n",
		},
		{
			"plain: the number alone, never an ELIN", e911.ProfilePlain, false, theCall(values),
			plainTo + "From: " + me + "\nTo: <sip:psap@192.0.2.10:5060>\nMax-Forwards: 70\nP-Asserted-Identity: " + me + "\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\n",
		},
		{
			"nothing known: the call goes on", e911.ProfileI3, false,
			convey.Call{ID: "c1", Domain: "callbox.example", Now: now, Line: "+442079460000", Name: "urn:emergency:uid:callid:c1:callbox.example", Incident: "urn:emergency:uid:incidentid:c1:callbox.example"},
			"INVITE urn:service:sos\nRoute: <sip:psap@192.0.2.10:5060;transport=tcp;lr>\n" +
				"From: \"No callback number, line +442079460000\" <sip:unknown@callbox.example>\nTo: <urn:service:sos>\nMax-Forwards: 70\n" +
				"P-Asserted-Identity: \"No callback number, line +442079460000\" <sip:unknown@callbox.example>\n" +
				"Call-Info: <urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId\n" +
				"Call-Info: <urn:emergency:uid:incidentid:c1:callbox.example>;purpose=emergency-IncidentId\n" +
				"Call-Info: <cid:service-c1@callbox.example>;purpose=EmergencyCallData.ServiceInfo\nResource-Priority: esnet.1\n" +
				"part application/EmergencyCallData.ServiceInfo+xml <service-c1@callbox.example> by-reference;handling=optional\n" +
				"and the parts that came in\nflags sent_without_place no_reference no_provider_contact\n",
		},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			l := convey.Write(k.call, trunk(k.profile), target, k.slim)
			if diff := cmp.Diff(k.want, text(l)); diff != "" {
				t.Errorf("leg (-want +got):\n%s", diff)
			}
		})
	}
}

// Proves: F-21, F-25, W-05 (NENA-STA-010.3 2.1.6; RFC 4412; RFC 7135; RFC 8224)
func TestWhatCameInAndTravelsOnOrNot(t *testing.T) {
	marked := func(c *convey.Call) { c.Came.Priority = true }
	const theirs = "<urn:emergency:uid:callid:theirs:bcf.example>;purpose=emergency-CallId"
	const incident = "<urn:emergency:uid:incidentid:theirs:bcf.example>;purpose=emergency-IncidentId"
	cases := []struct {
		name    string
		profile e911.HeaderProfile
		call    convey.Call
		header  string
		want    []string
	}{
		{"Privacy is removed", e911.ProfileI3, theCall(came("Privacy", "id")), "Privacy", nil},
		{"Require is removed", e911.ProfileI3, theCall(came("Require", "100rel")), "Require", nil},
		{"Proxy-Require is removed", e911.ProfileCarrier, theCall(came("Proxy-Require", "x")), "Proxy-Require", nil},
		{"priority from who is not marked is stripped", e911.ProfileCarrier, theCall(came("Resource-Priority", "esnet.4")), "Resource-Priority", nil},
		{"and ours is sent on i3", e911.ProfileI3, theCall(came("Resource-Priority", "esnet.4, ets.0")), "Resource-Priority", []string{"esnet.1"}},
		{"priority from who is marked goes on", e911.ProfileCarrier, theCall(marked, came("Resource-Priority", "ets.0", "esnet.1")), "Resource-Priority", []string{"ets.0, esnet.1"}},
		{"but never another level of ours", e911.ProfileI3, theCall(marked, came("Resource-Priority", "esnet.4, ets.0")), "Resource-Priority", []string{"esnet.1, ets.0"}},
		{"a PASSporT goes on", e911.ProfilePlain, theCall(came("Identity", "eyJ.eyJ.sig;info=<https://c.example/c.pem>")), "Identity", []string{"eyJ.eyJ.sig;info=<https://c.example/c.pem>"}},
		{"names that came in are kept, none is added", e911.ProfileI3, theCall(came("Call-Info", theirs, incident)), "Call-Info", []string{
			"<cid:provider-c1@callbox.example>;purpose=EmergencyCallData.ProviderInfo", "<cid:service-c1@callbox.example>;purpose=EmergencyCallData.ServiceInfo",
			"<cid:subscriber-c1@callbox.example>;purpose=EmergencyCallData.SubscriberInfo",
		}},
		{"the incident is named when only the call is", e911.ProfileCarrier, theCall(came("Call-Info", theirs)), "Call-Info", []string{theirs}},
		{"what points into a body that is not sent is left out", e911.ProfilePlain, theCall(came("Call-Info", theirs, "<cid:x@y>;purpose=EmergencyCallData.Comment")), "Call-Info", []string{theirs}},
		{"hops are counted down", e911.ProfilePlain, theCall(came("Max-Forwards", "3")), "Max-Forwards", []string{"2"}},
		{"junk for hops", e911.ProfilePlain, theCall(came("Max-Forwards", "many")), "Max-Forwards", []string{"70"}},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			var got []string
			for _, h := range convey.Write(k.call, trunk(k.profile), target, false).Headers {
				if h.Name == k.header {
					got = append(got, h.Value)
				}
			}
			want := k.want
			if k.header == "Call-Info" && k.profile == e911.ProfileI3 {
				want = slices.Concat(want, k.call.Came.Headers.All("Call-Info"))
				slices.Sort(want)
				slices.Sort(got)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", k.header, diff)
			}
		})
	}
}

// Proves: F-21
func TestNumbersAreWrittenAsTheTrunkWantsThem(t *testing.T) {
	for _, c := range []struct {
		number   e911.Number
		national bool
		want     string
	}{
		{"+16175550111", false, "+16175550111"},
		{"+16175550111", true, "6175550111"},
		{"+442079460000", true, "+442079460000"},
		{"", true, ""},
	} {
		if got := convey.Format(c.number, e911.Trunk{National: c.national}); got != c.want {
			t.Errorf("%s, national %v: %s, want %s", c.number, c.national, got, c.want)
		}
	}
	national := trunk(e911.ProfileELIN)
	national.National = true
	l := convey.Write(theCall(), national, target, false)
	if l.From != "<sip:6175550142@callbox.example;user=phone>" || l.Number != "+16175550142" {
		t.Errorf("From %s, number %s", l.From, l.Number)
	}
}

// xpath asks xmllint, so that it is not our own reader that judges.
func xpath(t *testing.T, doc []byte, expr string) string {
	t.Helper()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	cmd := exec.Command(lint, "--nonet", "--xpath", "string("+expr+")", "-")
	cmd.Stdin = bytes.NewReader(doc)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("xmllint %s: %v: %s\n%s", expr, err, out, doc)
	}
	return strings.TrimSpace(string(out))
}

// Proves: F-26, F-30, E10, RFC 7852 section 4
func TestWhatIsInThePartsOfAnI3Leg(t *testing.T) {
	l := convey.Write(theCall(), trunk(e911.ProfileI3), target, false)
	part := func(purpose string) []byte {
		for _, p := range l.Parts {
			if p.Type == calldata.MediaType(purpose) {
				return p.Body
			}
		}
		t.Fatalf("no part %s", purpose)
		return nil
	}
	local := func(names ...string) string {
		s := ""
		for _, n := range names {
			s += "//*[local-name()='" + n + "']"
		}
		return s
	}
	provider, service, subscriber := part(calldata.PurposeProviderInfo), part(calldata.PurposeServiceInfo), part(calldata.PurposeSubscriberInfo)
	for _, c := range []struct {
		doc        []byte
		expr, want string
	}{
		{l.Object, "/*/@entity", "pres:+16175550111@callbox.example"},
		{l.Object, "count(/*/*[local-name()='device'])", "1"},
		{l.Object, local("civicAddress", "HNO"), "795"},
		{l.Object, local("civicAddress", "ROOM"), "210"},
		{l.Object, "normalize-space(" + local("pos") + ")", "42.36684 -71.10565"},
		{l.Object, "local-name(" + local("location-info") + "/*[1])", "Point"},
		{l.Object, local("method"), "Wiremap"},
		{l.Object, local("retransmission-allowed"), "true"},
		{l.Object, local("retention-expiry"), "2026-11-02T12:00:00Z"},
		{l.Object, local("timestamp"), "2026-11-01T11:59:00Z"},
		{l.Object, local("provided-by", "ContactURI"), "tel:+18005550100"},
		{provider, local("DataProviderString"), "Callbox operator"},
		{provider, local("ProviderID"), "CBOX"},
		{provider, local("ContactURI"), "tel:+18005550100"},
		{service, local("ServiceEnvironment"), "Business"},
		{service, local("ServiceMobility"), "Nomadic"},
		{subscriber, local("fn", "text"), "Front desk"},
		{subscriber, local("org", "text"), "Harbor Foods"},
		{subscriber, local("tel") + "[1]//*[local-name()='uri']", "tel:+16175550111"},
		{subscriber, "(" + local("tel") + ")[2]//*[local-name()='uri']", "tel:+16175550100"},
	} {
		if got := xpath(t, c.doc, c.expr); got != c.want {
			t.Errorf("%s = %q, want %q", c.expr, got, c.want)
		}
	}
}

// Proves: F-26
func TestTheLocationObjectIsWrittenAsFarAsItCanBe(t *testing.T) {
	// No schema takes a radius without end; the address is worth more.
	c := theCall(func(c *convey.Call) {
		c.Where.Place.Area = &e911.Area{Point: e911.Point{Lat: 420, Lon: 0}}
		c.Where.Rank, c.Where.At = locate.RankSite, time.Time{}
	})
	l := convey.Write(c, trunk(e911.ProfileCarrier), target, false)
	if got := xpath(t, l.Object, "//*[local-name()='HNO']"); got != "795" {
		t.Errorf("the address is lost: %q", got)
	}
	if got := xpath(t, l.Object, "//*[local-name()='method']"); got != "Default" {
		t.Errorf("method of a site's default = %q", got)
	}
	if got := xpath(t, l.Object, "//*[local-name()='timestamp']"); got != "2026-11-01T12:00:00Z" {
		t.Errorf("timestamp = %q", got)
	}
	if len(l.Findings) == 0 {
		t.Error("it is not said that something was left out")
	}
}
