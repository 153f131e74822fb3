package emergency

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/testcall"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/pidflo"
)

// settled makes a call, lets it be answered and hung up, and returns its kit.
func settled(t *testing.T, k *kit, r *sipedge.Request) {
	t.Helper()
	if r.At.IsZero() {
		r.At = time.Now()
	}
	before := len(k.journal.all(""))
	foretold, _ := k.h.Foresee(Supposed{Request: r})
	if wrote := k.journal.all("")[before:]; len(wrote) > 0 || k.dialled() > 0 {
		t.Errorf("a call that was only foreseen left %d facts and %d legs", len(wrote), k.dialled())
	}
	caller := k.call(t.Context(), r)
	after(5 * time.Second)
	caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
	k.run.Wait()
	asForetold(t, k, foretold)
}

// asForetold compares what was foreseen of a call with its record: every test
// that settles a call shows it.
func asForetold(t *testing.T, k *kit, f Foreseen) {
	t.Helper()
	last := func(kind journal.Kind) string {
		facts := k.journal.all(kind)
		if len(facts) == 0 {
			return ""
		}
		return string(facts[len(facts)-1].Body)
	}
	for kind, foretold := range map[journal.Kind]any{
		journal.CallIdentified: f.Identified, journal.CallLocated: f.Located, journal.CallRouted: f.Routed, journal.NotifyDue: f.Due,
	} {
		b, err := json.Marshal(foretold)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(b), last(kind)); diff != "" {
			t.Errorf("%s is not what was foreseen (- foreseen, + recorded):\n%s", kind, diff)
		}
	}
}

const ourToken = "https://lis.example/loc/k1.abc"

// Proves: E10, F-21, F-25, F-26, N-10, N-14
func TestWhatThePSAPGets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t)
		k.token(ourToken)
		settled(t, k, invite(
			header("Geolocation", "<"+ourToken+">;inserted-by=endpoint, <sip:x@other.example>"),
			header("Geolocation-Routing", "no"), header("Privacy", "id"), header("Require", "100rel"),
			header("Resource-Priority", "esnet.4"), header("Identity", "eyJ.eyJ.sig;info=<https://c.example/c.pem>"),
		))
		in := k.leg(1).invite
		if in.URI != "sip:psap@127.0.0.21:5071;transport=tcp" || in.Transport != "tcp" || in.Dest.String() != carrierA {
			t.Errorf("URI %q by %s to %s", in.URI, in.Transport, in.Dest)
		}
		const me = "<sip:+16175550111@callbox.example;user=phone>"
		if in.From != me || in.Headers.Get("P-Asserted-Identity") != me {
			t.Errorf("From %q, PAI %q, want %q", in.From, in.Headers.Get("P-Asserted-Identity"), me)
		}
		if in.To != "<sip:psap@127.0.0.21:5071>" {
			t.Errorf("To = %q", in.To)
		}
		for _, name := range []string{"Privacy", "Require", "Proxy-Require", "Resource-Priority"} {
			if v := in.Headers.All(name); v != nil {
				t.Errorf("%s went out: %q", name, v)
			}
		}
		if got := in.Headers.All("Geolocation-Routing"); !slices.Equal(got, []string{"yes"}) {
			t.Errorf("Geolocation-Routing = %q", got)
		}
		if got := in.Headers.Get("Identity"); got == "" {
			t.Error("the PASSporT was not passed on")
		}
		if got := in.Headers.Get("Max-Forwards"); got != "69" {
			t.Errorf("Max-Forwards = %q", got)
		}
		if got := in.Headers.All("Supported"); !slices.Equal(got, []string{"geolocation-sip", "geolocation-http"}) {
			t.Errorf("Supported = %q", got)
		}
		if got := in.Headers.Get("Call-Info"); !strings.HasPrefix(got, "<urn:emergency:uid:callid:") || !strings.HasSuffix(got, ":callbox.example>;purpose=emergency-CallId") {
			t.Errorf("Call-Info = %q", got)
		}
		sdp, locations, others := bodyParts(in.ContentType, in.Body)
		if string(sdp) != phoneSDP || len(locations) != 1 || len(others) != 0 {
			t.Fatalf("body has %d locations and %d other parts, and SDP\n%s", len(locations), len(others), sdp)
		}
		want := "<cid:" + locations[0].id() + ">, <" + ourToken + ">;inserted-by=endpoint, <sip:x@other.example>"
		if got := in.Headers.Get("Geolocation"); got != want {
			t.Errorf("Geolocation = %q, want %q", got, want)
		}
		checkPIDF(t, k, locations[0].body)
		att := one[journal.Attempt](t, k.journal, journal.CallAttempt)
		if att.PIDFLO != string(locations[0].body) || att.Geo != want || !att.Sent || att.Transport != "tcp" {
			t.Errorf("the record says something else than was sent: %+v", att)
		}
	})
}

// checkPIDF compares the location object with the record and the notice (E10).
func checkPIDF(t *testing.T, k *kit, body []byte) {
	t.Helper()
	doc, err := pidflo.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	l := doc.Locations()
	if len(l) != 1 || len(doc.Elements) != 1 || doc.Elements[0].Kind != pidflo.Device {
		t.Fatalf("want one device with one location:\n%s", body)
	}
	g := l[0].Geopriv
	due := one[journal.Due](t, k.journal, journal.NotifyDue)
	loc := one[journal.Located](t, k.journal, journal.CallLocated)
	if diff := cmp.Diff(due.Place, loc.Place); diff != "" {
		t.Errorf("notice and record differ:\n%s", diff)
	}
	if got := placeOf(g); got.Civic != due.Place.Civic || got.Area.Point != due.Place.Area.Point || got.Display != due.Place.Display {
		t.Errorf("the PSAP got %+v, people hear %+v", got, due.Place)
	}
	if doc.Entity != "pres:"+string(due.Callback)+"@callbox.example" {
		t.Errorf("entity = %q", doc.Entity)
	}
	if !g.Retransmission || g.Method != "Wiremap" || g.ProvidedBy.Empty() || g.ProvidedBy.Providers[0].ContactURI != "tel:+16175550100" || g.Info[0].Shape == nil || g.Info[1].Civic == nil {
		t.Errorf("geopriv = %+v", g)
	}
	if d := g.Retention.Sub(k.tr.start); d < 23*time.Hour || d > 25*time.Hour {
		t.Errorf("retention-expiry in %s", d)
	}
	if l[0].Element.Timestamp.After(k.tr.start.Add(time.Second)) {
		t.Errorf("timestamp = %s, want that of the evidence", l[0].Element.Timestamp)
	}
}

// Proves: E11, E13, F-04, F-13, F-21, F-33, W-39, W-48, W-51, N-10
func TestWhoAndWhereAndWhich(t *testing.T) {
	point := func(lat, lon string) string {
		return `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:gml="http://www.opengis.net/gml" entity="pres:a@b"><dm:device id="d"><gp:geopriv><gp:location-info><gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>` +
			lat + " " + lon + `</gml:pos></gml:Point></gp:location-info><gp:usage-rules/><gp:method>GPS</gp:method></gp:geopriv><dm:timestamp>TIME</dm:timestamp></dm:device></presence>`
	}
	withPIDF := func(doc string) func(*sipedge.Request) {
		return func(r *sipedge.Request) {
			r.ContentType = "multipart/mixed;boundary=b1"
			r.Body = []byte(multi("Content-Type: application/sdp\r\n\r\n"+phoneSDP,
				"Content-Type: application/pidf+xml\r\nContent-ID: <in@pbx>\r\n\r\n"+strings.Replace(doc, "TIME", time.Now().UTC().Format(time.RFC3339), 1)))
			header("Geolocation", "<cid:in@pbx>")(r)
		}
	}
	asUnknown := []func(*sipedge.Request){without("P-Asserted-Identity"), without("E911-User-ID"), without("From"), header("From", "<sip:+12125550000@pbx>;tag=1")}
	cases := []struct {
		name   string
		world  func(*world)
		set    func(*kit)
		invite []func(*sipedge.Request)

		by       e911.IdentifiedBy
		callback e911.Number
		located  e911.LocatedBy
		via      string
		psap     string
		flags    []string // each must be there
		why      string   // in the evidence of where
	}{
		{
			name: "token and user id", set: func(k *kit) { k.token(ourToken) }, invite: []func(*sipedge.Request){header("Geolocation", "<"+ourToken+">")},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByLLDPPort, via: "token", psap: "psap-middlesex",
		},
		{
			name: "token alone names the device", set: func(k *kit) { k.token(ourToken) },
			invite: append(slices.Clone(asUnknown), header("Geolocation", "<"+ourToken+">")),
			by:     e911.ByLocationToken, callback: "+16175550100", located: e911.ByLLDPPort, via: "token", psap: "psap-middlesex", flags: []string{"unknown_number"},
		},
		{
			name: "user id without token: where his device was seen by HELD",
			set: func(k *kit) {
				org := k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1))
				e, _ := locate.FromLocation(org, id[e911.LocationID](17), e911.ByBSSID, time.Now())
				k.locator.latest[id[e911.DeviceID](5)] = e
			},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByBSSID, via: "held", psap: "psap-middlesex",
		},
		{
			name: "a fixed line: the address of its number", world: func(w *world) { w.model.HELD = false },
			invite: []func(*sipedge.Request){without("E911-User-ID")},
			by:     e911.ByLineNumber, callback: "+16175550100", located: e911.ByNumber, via: "number", psap: "psap-middlesex",
		},
		{
			name: "a nomadic device without evidence: the relay centre, not its number's address",
			by:   e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc",
		},
		{
			name: "unknown number from a known trunk: the relay centre, flagged", invite: asUnknown,
			by: e911.ByTrunkOnly, callback: "+16175550100", located: e911.ByNothing, psap: "ecrc", flags: []string{"unknown_number", "callback_guessed"},
		},
		{
			name: "unknown token", invite: []func(*sipedge.Request){header("Geolocation", "<"+ourToken+">")},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc", why: "not a location reference of ours",
		},
		{
			name: "expired token still names its device",
			set: func(k *kit) {
				k.locator.refs[ourToken] = lis.Resolved{Device: string(id[e911.DeviceID](5)), Known: true}
				k.locator.errs[ourToken] = lis.ErrExpired
			},
			invite: append(slices.Clone(asUnknown), header("Geolocation", "<"+ourToken+">")),
			by:     e911.ByLocationToken, callback: "+16175550100", located: e911.ByNothing, psap: "ecrc", why: "an expired location reference",
		},
		{
			name: "token of another organisation",
			set: func(k *kit) {
				k.locator.errs[ourToken] = lis.ErrOtherOrg
			},
			invite: []func(*sipedge.Request){header("Geolocation", "<"+ourToken+">")},
			by:     e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc", why: "a location reference of another organisation",
		},
		{
			name: "a location by value", invite: []func(*sipedge.Request){withPIDF(point("42.37", "-71.11"))},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByPIDFLO, via: "invite", psap: "psap-middlesex",
		},
		{
			name: "a location by value outside every boundary", invite: []func(*sipedge.Request){withPIDF(point("10.0", "10.0"))},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByPIDFLO, via: "invite", psap: "ecrc", flags: []string{"outside_coverage"},
		},
		{
			name: "a location by value that is no XML", invite: []func(*sipedge.Request){withPIDF("<presence")},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc", why: "could not be read",
		},
		{
			name: "an empty location by value", invite: []func(*sipedge.Request){withPIDF(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"/>`)},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc", why: "holds no location",
		},
		{
			name: "a site that is not set up: the call goes all the same", world: func(w *world) { w.site.Stage, w.model.HELD = e911.StageNone, false },
			invite: []func(*sipedge.Request){without("E911-User-ID")},
			by:     e911.ByLineNumber, callback: "+16175550100", located: e911.ByNumber, via: "number", psap: "psap-middlesex", flags: []string{"site_not_set_up"},
		},
		{
			name: "a Wi-Fi telephone: the access point that its platform names, not its number's address",
			world: func(w *world) {
				w.model.HELD = false
				w.elements = []e911.Element{{ID: id[e911.ElementID](90), Org: w.org.ID, Location: id[e911.LocationID](17), Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50"}}
			},
			invite: []func(*sipedge.Request){without("E911-User-ID"), header("P-Access-Network-Info", "IEEE-802.11; i-wlan-node-id=001122334450")},
			by:     e911.ByLineNumber, callback: "+16175550100", located: e911.ByBSSID, via: "invite", psap: "psap-middlesex",
		},
		{
			name: "a DECT handset without its base: the building, the floor unknown", world: func(w *world) { w.model.HELD = false },
			invite: []func(*sipedge.Request){without("E911-User-ID"), header("P-Access-Network-Info", "DECT; rfpi=00c0010203")},
			by:     e911.ByLineNumber, callback: "+16175550100", located: e911.ByNumber, via: "number", psap: "psap-middlesex", flags: []string{locate.FlagFloor}, why: "DECT base 00c0010203",
		},
		{
			name: "what was seen before the device left the map is a hint, and locates nobody",
			set: func(k *kit) {
				org := k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1))
				e, _ := locate.FromLocation(org, id[e911.LocationID](17), e911.ByBSSID, time.Now())
				k.locator.over = "over: the device has left"
				k.locator.latest[id[e911.DeviceID](5)] = e
			},
			by: e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc", why: "the device has left",
		},
		{
			name:   "9911 is taken, with a warning",
			invite: []func(*sipedge.Request){func(r *sipedge.Request) { r.URI = "sip:9911@callbox.example" }},
			by:     e911.ByDeviceUserID, callback: "+16175550111", located: e911.ByNothing, psap: "ecrc", flags: []string{"prefixed"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var changes []func(*world)
				if c.world != nil {
					changes = append(changes, c.world)
				}
				k := newKit(t, changes...)
				if c.set != nil {
					c.set(k)
				}
				settled(t, k, invite(c.invite...))
				ident := one[journal.Identified](t, k.journal, journal.CallIdentified)
				if ident.By != c.by || ident.Callback != c.callback {
					t.Errorf("identified by %s, callback %s (%s), want %s, %s", ident.By, ident.Callback, ident.CallbackWhy, c.by, c.callback)
				}
				loc := one[journal.Located](t, k.journal, journal.CallLocated)
				if loc.By != c.located || loc.Via != c.via {
					t.Errorf("located by %s via %q, want %s via %q", loc.By, loc.Via, c.located, c.via)
				}
				routed := one[journal.Routed](t, k.journal, journal.CallRouted)
				if routed.PSAP.Key != c.psap || routed.Relay != (c.psap == "ecrc") {
					t.Errorf("routed to %+v, relay %v, want %s", routed.PSAP, routed.Relay, c.psap)
				}
				due := one[journal.Due](t, k.journal, journal.NotifyDue)
				if due.Callback != ident.Callback || due.PSAP != routed.PSAP || cmp.Diff(due.Place, loc.Place) != "" || !due.Demonstration {
					t.Errorf("the notice says something else: %+v", due)
				}
				for _, f := range c.flags {
					if !slices.Contains(due.Flags, f) {
						t.Errorf("flags = %v, want %s", due.Flags, f)
					}
				}
				if text, _ := json.Marshal(loc.Evidence); !strings.Contains(string(text), c.why) {
					t.Errorf("want %q in the evidence:\n%s", c.why, text)
				}
				want := carrierA
				if c.psap == "ecrc" {
					want = ecrcA
				}
				if got := k.leg(1).invite.Dest.String(); got != want {
					t.Errorf("dialled %s, want %s", got, want)
				}
				if !k.tr.has("caller answered by 1") {
					t.Errorf("the caller was not answered:\n%s", k.tr)
				}
			})
		})
	}
}

// Proves: E3
func TestALocationServerThatHangsCosts100Milliseconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t)
		k.locator.hangs = make(chan struct{})
		// Two references and three further questions: together no more.
		caller := k.call(t.Context(), invite(header("Geolocation", "<"+ourToken+">, <https://lis.example/loc/k1.b>")))
		after(time.Second)
		if want := "   0.100 leg1 dialled"; !k.tr.has(want) {
			t.Errorf("want %q in\n%s", want, k.tr)
		}
		if got := alarms(t, k.journal); !slices.Equal(got, []string{"locator_slow"}) {
			t.Errorf("alarms = %v", got)
		}
		close(k.locator.hangs)
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
	})
}

// Proves: F-16, E10
func TestSlimLeavesTheLocationBodyOutAndSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t)
		k.token(ourToken)
		n := 0
		k.psaps[carrierA] = func(l *fakeLeg) {
			if n++; n == 1 {
				refuses(415)(l)
				return
			}
			answers(0)(l)
		}
		settled(t, k, invite(header("Geolocation", "<"+ourToken+">")))
		in := k.leg(2).invite
		if in.Dest.String() != carrierA || in.ContentType != typeSDP || string(in.Body) != phoneSDP {
			t.Errorf("to %s: %s\n%s", in.Dest, in.ContentType, in.Body)
		}
		if got := in.Headers.Get("Geolocation"); got != "<"+ourToken+">" {
			t.Errorf("Geolocation = %q, want the reference alone", got)
		}
		if got := alarms(t, k.journal); !slices.Equal(got, []string{"sent_without_location"}) {
			t.Errorf("alarms = %v", got)
		}
		var slim []bool
		for _, f := range k.journal.all(journal.CallAttempt) {
			a, _ := journal.Decode[journal.Attempt](f)
			slim = append(slim, a.Slim)
			if a.Slim != (a.PIDFLO == "") {
				t.Errorf("slim %v with the document %q in the record", a.Slim, a.PIDFLO)
			}
		}
		if !slices.Equal(slim, []bool{false, true}) {
			t.Errorf("slim = %v", slim)
		}
	})
}

// Proves: F-26
func TestASiteDefaultIsSentAsSuch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t, func(w *world) { w.number.Location = "" })
		settled(t, k, invite())
		if loc := one[journal.Located](t, k.journal, journal.CallLocated); loc.By != e911.BySiteDefault {
			t.Fatalf("located by %s, want %s", loc.By, e911.BySiteDefault)
		}
		_, locations, _ := bodyParts(k.leg(1).invite.ContentType, k.leg(1).invite.Body)
		doc, err := pidflo.Parse(locations[0].body)
		if err != nil {
			t.Fatal(err)
		}
		if g := doc.Locations()[0].Geopriv; g.Method != "Default" || g.Civic().Get("FLR") != "" {
			t.Errorf("method %q, floor %q, want Default and no floor made up", g.Method, g.Civic().Get("FLR"))
		}
	})
}

// Proves: F-10
func TestASourceKnownByItsAddressAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t, func(w *world) { w.org.PublicRanges = []netip.Prefix{netip.MustParsePrefix("127.0.2.0/24")} })
		settled(t, k, invite(func(r *sipedge.Request) { r.Source = netip.MustParseAddrPort("127.0.2.10:5060") }))
		a := one[journal.Arrived](t, k.journal, journal.CallArrived)
		ident := one[journal.Identified](t, k.journal, journal.CallIdentified)
		if a.Trunk.ID != "" || !slices.Contains(ident.Flags, FlagUnauthenticated) || ident.By == e911.ByDeviceUserID {
			t.Errorf("arrived by %+v, identified %+v", a.Trunk, ident)
		}
		if got := k.journal.all(journal.CallArrived)[0].Org; got != id[e911.OrgID](1) {
			t.Errorf("organisation = %q", got)
		}
	})
}

// Proves: W-50, N-14, E12, F-28, F-29
func Test933(t *testing.T) {
	cases := []struct {
		name  string
		err   error
		text  string
		by    string
		aband bool
	}{
		{"all was read", nil, "This is a test.", "callbox", false},
		{"the caller hangs up", testcall.ErrHungUp, "This is", "caller", false},
		{"the caller gives up before", testcall.ErrCancelled, "", "caller", true},
		{"too many tests", &testcall.Refused{Code: 486, Reason: "too many"}, "", "callbox", false},
		{"the service panics", nil, "panic", "callbox", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := newKit(t)
				k.token(ourToken)
				k.journal.slow = 20 * time.Millisecond
				k.tests.err, k.tests.text = c.err, c.text
				k.call(t.Context(), invite(func(r *sipedge.Request) { r.URI = "sip:933@callbox.example" }, header("Geolocation", "<"+ourToken+">")))
				k.run.Wait()
				if k.dialled() != 0 {
					t.Errorf("a test reached a carrier:\n%s", k.tr)
				}
				if want := "   0.020 test service answers"; !k.tr.has(want) {
					t.Errorf("want %q in\n%s", want, k.tr)
				}
				rb := k.tests.got[0]
				if rb.Number != "+16175550111" || rb.Callback != "+16175550111" || rb.PSAPName != "Middlesex (demonstration)" || rb.Relay || !rb.Demonstration ||
					rb.Place.Civic.ROOM != "210" || rb.Caller != string(id[e911.DeviceID](5)) {
					t.Errorf("read back %+v", rb)
				}
				if diff := cmp.Diff([]string{"test"}, reasons(t, k.journal)); diff != "" {
					t.Errorf("people were told (-want +got):\n%s", diff)
				}
				e := one[journal.Ended](t, k.journal, journal.CallEnded)
				if e.By != c.by || e.Abandoned != c.aband {
					t.Errorf("ended = %+v", e)
				}
				if n := len(k.journal.all(journal.CallSpoken)); (n == 1) != (c.text != "" && c.text != "panic") {
					t.Errorf("%d facts of what was spoken", n)
				}
			})
		})
	}
}

// Proves: F-09
func TestTheNoticeOfAnUnconnectedCallHasThePSAPsLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t)
		k.token(ourToken)
		k.psaps = map[string]psap{}
		caller := k.call(t.Context(), invite(header("Geolocation", "<"+ourToken+">")))
		after(5 * time.Second)
		for _, f := range k.journal.all(journal.NotifyDue) {
			d, _ := journal.Decode[journal.Due](f)
			if d.PSAPLine != "+16175550199" || d.Who != "Front desk" || d.SiteName != "HQ" || d.Zone != "America/New_York" || d.OrgName != "Harbor Foods" {
				t.Errorf("due = %+v", d)
			}
		}
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
		if diff := cmp.Diff([]string{"leg_failed", "not_connected", "abandoned"}, reasons(t, k.journal)); diff != "" {
			t.Errorf("people were told (-want +got):\n%s", diff)
		}
	})
}
