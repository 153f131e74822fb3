package lis_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// uri asks for a location URI of a device.
func (b *bench) uri(a ask) string {
	b.t.Helper()
	resp, err := b.ask(a)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(resp.URIs) != 1 {
		b.t.Fatalf("URIs %v", resp.URIs)
	}
	return resp.URIs[0]
}

func path(t *testing.T, uri string) string {
	t.Helper()
	p, ok := strings.CutPrefix(uri, "http://lis.example:8080")
	if !ok {
		t.Fatalf("location URI %s", uri)
	}
	return p
}

// RFC 6753, section 3.
//
// Proves: W-31, F-26, D-08
func TestALocationURIIsDereferenced(t *testing.T) {
	b := newBench(t)
	loc := path(t, b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))}))
	for _, c := range []struct {
		name        string
		method      string
		accept      string
		req         *held.Request
		contentType string
	}{
		{"GET", http.MethodGet, "", nil, held.ContentType},
		{"GET of anything", http.MethodGet, "*/*", nil, held.ContentType},
		{"GET by a browser", http.MethodGet, "text/html,application/xml;q=0.9,*/*;q=0.8", nil, held.ContentType},
		{"GET of a presence document", http.MethodGet, "application/pidf+xml", nil, pidflo.MediaType},
		{"GET as Kamailio asks", http.MethodGet, "application/pidf+xml,application/held+xml;q=0.5", nil, pidflo.MediaType},
		{"GET with the other weighted more", http.MethodGet, "application/pidf+xml;q=0.5,application/held+xml", nil, held.ContentType},
		{"POST", http.MethodPost, held.MediaType, request(withTypes(false, held.Civic, held.Geodetic)), held.ContentType},
		{"POST for a presence document", http.MethodPost, pidflo.MediaType, &held.Request{}, pidflo.MediaType},
		{"POST that also wants a URI", http.MethodPost, held.MediaType, request(withTypes(true, held.LocationURI, held.Civic)), held.ContentType},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := b.do(ask{method: c.method, path: loc, from: stranger, req: c.req, header: map[string]string{"Accept": c.accept}})
			if w.Code != 200 || w.Header().Get("Content-Type") != c.contentType {
				t.Fatalf("HTTP %d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			resp, err := held.ParseReply(w.Body.Bytes())
			if got := roomOf(t, resp, err); got != "210" {
				t.Errorf("got %s", got)
			}
			if resp != nil && len(resp.URIs) > 0 {
				t.Errorf("a location URI gave %v", resp.URIs)
			}
		})
	}
	facts := len(b.journal.facts)
	for _, c := range []struct {
		name string
		ask  ask
		want held.Code
	}{
		{"exactly a URI", ask{path: loc, req: request(withTypes(true, held.LocationURI))}, held.CannotProvideLIType},
		{"an identity is never valid there", ask{path: loc, req: request(withID(held.IDURI, "sip:a@b"))}, held.BadIdentifier},
		{"one letter changed", ask{method: http.MethodGet, path: loc[:len(loc)-1] + string(loc[len(loc)-1]^1)}, held.LocationUnknown},
		{"made up", ask{method: http.MethodGet, path: "/loc/k1.AAAA"}, held.LocationUnknown},
		{"nothing", ask{method: http.MethodGet, path: "/loc/"}, held.LocationUnknown},
	} {
		c.ask.from = stranger
		if got := b.room(c.ask); got != string(c.want) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	if w := b.do(ask{method: http.MethodGet, path: loc, from: stranger, header: map[string]string{"Accept": "text/html"}}); w.Code != http.StatusNotAcceptable {
		t.Errorf("only HTML accepted: HTTP %d", w.Code)
	}
	if w := b.do(ask{method: http.MethodHead, path: loc, from: stranger}); w.Code != http.StatusOK {
		t.Errorf("HEAD: HTTP %d", w.Code)
	}
	if got := len(b.journal.facts); got != facts {
		t.Errorf("dereferencing wrote %d facts: it is safe and idempotent", got-facts)
	}
	b.pass(24*time.Hour + time.Second)
	if got := b.room(ask{method: http.MethodGet, path: loc, from: stranger}); got != string(held.LocationUnknown) {
		t.Errorf("after its end: got %s", got)
	}
}

// Proves: D-08, F-01, F-07, E13, E14
func TestTheCallPathResolvesAReference(t *testing.T) {
	b := newBench(t)
	uri := b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	token := uri[strings.LastIndex(uri, "/")+1:]
	made := b.clock()
	for name, ref := range map[string]string{
		"the URI": uri, "a bare token": token, "with white space": " " + uri + " ",
		"the same by another node's name": "https://other.example/base/loc/" + token,
	} {
		r, err := b.server.Resolve(ref, harbor, b.clock())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Device != string(desk) || !r.Known || !r.Located || r.Local || r.Org != harbor || r.Evidence.By != e911.ByLLDPPort || r.Evidence.Place.Location != floor2 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for name, ref := range map[string]string{
		"nothing": "", "another's URI": "https://lis.other.example/uri/357yc6s64ceyoiuy5ax3o", "a sip URI": "sip:" + token + "@x/loc/",
		"a changed token": token[:len(token)-2] + "AA", "another key": "k9" + token[2:], "very long": strings.Repeat("x", 5000),
		"only the start": "http://lis.example:8080/loc/",
	} {
		if r, err := b.server.Resolve(ref, harbor, b.clock()); !errors.Is(err, lis.ErrUnknown) || r != (lis.Resolved{}) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if r, err := b.server.Resolve(uri, rival, b.clock()); !errors.Is(err, lis.ErrOtherOrg) || r != (lis.Resolved{}) {
		t.Errorf("another organisation: %+v, %v", r, err)
	}

	// The phone is carried to floor 1 and says so: the token of before is
	// brought up to date.
	b.pass(time.Hour)
	b.uri(ask{from: inside, req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
	r, err := b.server.Resolve(uri, harbor, b.clock())
	if err != nil || !r.Local || r.Evidence.Place.Location != floor1 || !r.Evidence.At.After(made) {
		t.Errorf("after a move: %+v, %v", r, err)
	}

	// Expired, it still names the device, and where that was last (F-01).
	b.pass(24 * time.Hour)
	r, err = b.server.Resolve(uri, harbor, b.clock())
	if !errors.Is(err, lis.ErrExpired) || r.Device != string(desk) || r.Evidence.Place.Location != floor1 {
		t.Errorf("expired: %+v, %v", r, err)
	}
}

// A node that never saw the device locates it by the token alone.
//
// Proves: F-07, D-08
func TestAnotherNodeResolvesByTheTokenAlone(t *testing.T) {
	a, b := newBench(t), newBench(t)
	uri := a.uri(ask{from: inside, req: request(withAP(apFloor1, true), withMAC(deskMAC))})
	r, err := b.server.Resolve(uri, harbor, b.clock())
	if err != nil || r.Device != string(desk) || !r.Located || r.Local || r.Evidence.By != e911.ByBSSID || r.Evidence.Place.Location != floor1 {
		t.Errorf("%+v, %v", r, err)
	}
	b.publish(change(e911.KindElement, harbor, "el-port-1", nil), change(e911.KindElement, harbor, "el-ap-1", nil),
		change(e911.KindNumber, harbor, "num-agent", nil), change(e911.KindNumber, harbor, "num-lobby", nil), change(e911.KindLocation, harbor, string(floor1), nil))
	if r, err := b.server.Resolve(uri, harbor, b.clock()); err != nil || r.Located || r.Device != string(desk) {
		t.Errorf("its location is gone from the map: %+v, %v", r, err)
	}
}

// Proves: E13, F-04, F-18
func TestAnUnknownNetworkEndsWhatWasKnown(t *testing.T) {
	for _, c := range []struct {
		name  string
		ask   ask
		kept  bool
		where string
	}{
		{"an unknown switch port", ask{from: inside, req: request(withPort("Gi7/7"))}, false, ""},
		{"an unknown access point", ask{from: inside, req: request(withAP(apUnknown, true))}, false, ""},
		{"an address outside, with a secret", ask{path: "/held/" + company, from: stranger, req: request(), header: proof()}, false, ""},
		{"no measurement, from inside: a phone that has only started", ask{from: inside, req: request()}, true, "Gi1/0/7"},
		{"no measurement, from a private address", ask{path: "/held/" + company, from: "10.9.9.9:1", req: request(), header: proof()}, true, "Gi1/0/7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			uri := b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
			b.pass(time.Minute)
			withMAC(deskMAC)(c.ask.req)
			want := string(held.LocationUnknown)
			if c.kept {
				want = "210" // the port of a minute ago: nothing speaks against it
			}
			if got := b.room(c.ask); got != want {
				t.Fatalf("got %s", got)
			}
			ev, ok := b.server.Latest(harbor, desk)
			r, err := b.server.Resolve(uri, harbor, b.clock())
			if err != nil || ok != c.kept || r.Located != c.kept || r.Elsewhere == c.kept || b.server.Elsewhere(harbor, desk) == c.kept {
				t.Errorf("latest %v %v; resolved %+v, %v", ev, ok, r, err)
			}
			if !strings.Contains(ev.Said, c.where) {
				t.Errorf("said %q", ev.Said)
			}
			b.pass(time.Minute)
			b.uri(ask{path: c.ask.path, header: c.ask.header, from: inside, req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
			if ev, ok := b.server.Latest(harbor, desk); !ok || ev.Place.Location != floor1 || b.server.Elsewhere(harbor, desk) {
				t.Errorf("back again: %+v %v", ev, ok)
			}
		})
	}
}

// Proves: F-01, E13
func TestAnElementThatIsMovedOnTheMapMovesItsDevices(t *testing.T) {
	b := newBench(t)
	uri := b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	b.pass(time.Minute)
	b.publish(change(e911.KindElement, harbor, "el-port-2", e911.Element{
		ID: "el-port-2", Org: harbor, Location: floor1, Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "Gi1/0/7"},
	}))
	if ev, ok := b.server.Latest(harbor, desk); !ok || ev.Place.Location != floor1 {
		t.Errorf("latest: %+v %v", ev, ok)
	}
	if r, err := b.server.Resolve(uri, harbor, b.clock()); err != nil || r.Evidence.Place.Location != floor1 || !r.Local {
		t.Errorf("resolved: %+v %v", r, err)
	}
	b.publish(change(e911.KindElement, harbor, "el-port-2", nil))
	if ev, ok := b.server.Latest(harbor, desk); ok {
		t.Errorf("taken off the map: %+v", ev)
	}
}

// Proves: F-19
func TestAPCBehindAPhoneIsWhereThePhoneIs(t *testing.T) {
	b := newBench(t)
	b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	b.pass(time.Minute)
	phone, err := held.MACID(held.ChassisMAC, string(deskMAC))
	if err != nil {
		t.Fatal(err)
	}
	req := request(withMAC("00:50:56:00:00:01"))
	measurements(req).LLDP = []held.LLDP{{Chassis: phone, Port: held.TextID(held.PortLocal, "PC Port")}}
	uri := b.uri(ask{from: inside, req: req})
	r, err := b.server.Resolve(uri, harbor, b.clock())
	if err != nil || r.Known || r.Evidence.By != e911.ByLLDPChassis || r.Evidence.Place.Location != floor2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Proves: D-11, E5
func TestAFactIsWrittenWhenTheLocationOrItsReasonChanged(t *testing.T) {
	b := newBench(t)
	say := func(options ...func(*held.Request)) {
		t.Helper()
		b.pass(time.Minute)
		if w := b.do(ask{from: inside, req: request(append(options, withMAC(deskMAC))...)}); w.Code != 200 {
			t.Fatalf("HTTP %d", w.Code)
		}
	}
	type told struct {
		by  e911.LocatedBy
		loc e911.LocationID
		gen uint64
	}
	say(withPort("Gi1/0/7"))
	say(withPort("Gi1/0/7"))
	say(withPort("Gi1/0/7"), withAP(apFloor2, true)) // the port decides as before
	say(withAP(apFloor2, true))                      // the port of a minute ago still decides
	say(withAP(apFloor1, true))
	say(withAP(apUnknown, true))
	say(withAP(apUnknown, true))
	say(withPort("Gi1/0/7"))
	want := []told{
		{e911.ByLLDPPort, floor2, 1}, {e911.ByBSSID, floor1, 2}, {e911.ByNothing, "", 3}, {e911.ByLLDPPort, floor2, 4},
	}
	seen := b.journal.seen(t)
	if len(seen) != len(want) {
		t.Fatalf("%d facts, want %d: %+v", len(seen), len(want), seen)
	}
	for i, f := range seen {
		if got := (told{f.By, f.Place.Location, f.Generation}); got != want[i] {
			t.Errorf("fact %d: got %+v, want %+v", i, got, want[i])
		}
		if f.Device != string(desk) || !f.Known || f.Source != "203.0.113.7" || len(f.Evidence) == 0 {
			t.Errorf("fact %d: %+v", i, f)
		}
	}
	// A device that flaps writes at most one fact a second.
	before := len(seen)
	for i := range 100 {
		ap := apFloor1
		if i%2 == 0 {
			ap = apFloor2
		}
		b.pass(10 * time.Millisecond)
		b.do(ask{from: inside, req: request(withAP(ap, true), withMAC(deskMAC))})
	}
	if n := len(b.journal.seen(t)) - before; n < 1 || n > 2 {
		t.Errorf("%d facts in one second of flapping", n)
	}
}

// Proves: F-07, D-17
func TestARestartedServerKnowsItsDevicesFromTheJournal(t *testing.T) {
	a := newBench(t)
	uri := a.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	a.pass(time.Minute)
	a.uri(ask{from: inside, req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
	a.do(ask{from: inside, req: request(withAP(apUnknown, true), withMAC("00:50:56:00:00:02"))})

	b := newBench(t)
	b.pass(2 * time.Minute)
	for _, f := range a.journal.facts {
		if err := b.server.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	ev, ok := b.server.Latest(harbor, desk)
	if !ok || ev.By != e911.ByLLDPPort || ev.Place.Location != floor1 || !b.server.AskedHELD(harbor, desk) || b.server.AskedHELD(harbor, "dev-lobby") {
		t.Errorf("%+v %v", ev, ok)
	}
	if r, err := b.server.Resolve(uri, harbor, b.clock()); err != nil || !r.Local || r.Evidence.Place.Location != floor1 {
		t.Errorf("%+v %v", r, err)
	}
	// The same again is no change, and the generation goes on.
	b.uri(ask{from: inside, req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
	if seen := b.journal.seen(t); len(seen) != 0 {
		t.Errorf("facts %+v", seen)
	}
	if err := b.server.Restore(a.journal.facts[0]); err != nil {
		t.Fatal(err)
	}
	if ev, _ := b.server.Latest(harbor, desk); ev.Place.Location != floor1 {
		t.Errorf("an old fact won: %+v", ev)
	}
}

// Proves: W-31, E14
func TestAnUnknownDeviceHasAStableName(t *testing.T) {
	b := newBench(t)
	name := func(a ask) string {
		t.Helper()
		uri := b.uri(a)
		r, err := b.server.Resolve(uri, harbor, b.clock())
		if err != nil || r.Known {
			t.Fatalf("%+v, %v", r, err)
		}
		return r.Device
	}
	const mac = "00:50:56:00:00:01"
	first := name(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(mac))})
	if again := name(ask{path: "/held/" + company, from: stranger, header: proof(), req: request(withPort("Gi1/0/1"), withExtra("mac", "0050.5600.0001"))}); again != first {
		t.Errorf("the same hardware address: %s and %s", first, again)
	}
	if other := name(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC("00:50:56:00:00:09"))}); other == first {
		t.Error("two devices of one name")
	}
	byAddress := name(ask{from: "203.0.113.50:1000", req: request(withPort("Gi1/0/7"))})
	if again := name(ask{from: "203.0.113.50:2000", req: request(withPort("Gi1/0/1"))}); again != byAddress || again == first {
		t.Errorf("the same source address: %s and %s", byAddress, again)
	}
}

// Proves: F-18, F-07, D-08
func TestABuildingIsAPlaceForATokenToo(t *testing.T) {
	a, b := newBench(t), newBench(t)
	uri := a.uri(ask{from: inside, req: request(withAP(apFloor2, false), withMAC(deskMAC))})
	r, err := b.server.Resolve(uri, harbor, b.clock())
	if err != nil || !r.Located || r.Evidence.By != e911.ByNeighbours || r.Evidence.Place.Location != "" || r.Evidence.Place.Building != "bld-mill" || r.Evidence.Place.Civic.HNO != "795" {
		t.Errorf("by the token alone: %+v, %v", r, err)
	}
	for _, f := range a.journal.facts {
		if err := b.server.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	if ev, ok := b.server.Latest(harbor, desk); !ok || ev.Place.Building != "bld-mill" || ev.Place.Location != "" {
		t.Errorf("after a restart: %+v %v", ev, ok)
	}
	b.publish(change(e911.KindElement, harbor, "el-ap-2", nil))
	if got := a.room(ask{method: http.MethodGet, path: path(t, uri), from: stranger}); got != "floor " {
		t.Errorf("dereferenced: %s", got)
	}
}

// What is kept of a device grows old by itself: the room of a serving access
// point becomes its building after half an hour, told by the same reference.
//
// Proves: F-01, F-18, E13
func TestEvidenceGrowsOldBehindAReference(t *testing.T) {
	b := newBench(t)
	uri := b.uri(ask{from: inside, req: request(withAP(apFloor1, true), withMAC(deskMAC))})
	get := ask{method: http.MethodGet, path: path(t, uri), from: stranger}
	if got := b.room(get); got != "101" {
		t.Errorf("at once: %s", got)
	}
	b.pass(31 * time.Minute)
	if got := b.room(get); got != "floor " {
		t.Errorf("after 31 minutes: %s", got)
	}
	// The call path gets the evidence as it was measured and ages it itself.
	r, err := b.server.Resolve(uri, harbor, b.clock())
	if err != nil || r.Evidence.Place.Location != floor1 || b.clock().Sub(r.Evidence.At) < 31*time.Minute {
		t.Errorf("resolved: %+v, %v", r, err)
	}
}
