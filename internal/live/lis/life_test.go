package lis_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/suggest"
	"github.com/callbox911/callbox/wire/held"
)

// restarted is a server that read the journal of another and has its world.
func restarted(t *testing.T, from *bench) *bench {
	t.Helper()
	b := newBench(t)
	b.now = from.clock()
	b.holder.Store(from.holder.Load())
	for _, f := range from.journal.facts {
		if err := b.server.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (r *recorder) of(kind journal.Kind) []journal.Fact {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []journal.Fact
	for _, f := range r.facts {
		if f.Kind == kind {
			out = append(out, f)
		}
	}
	return out
}

func (b *bench) get(uri string) string {
	b.t.Helper()
	return b.room(ask{method: http.MethodGet, path: strings.TrimPrefix(uri, "http://lis.example:8080"), from: stranger})
}

// Proves: D-08, F-07, W-31
func TestALocationURICanBeTakenBack(t *testing.T) {
	phone := ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))}
	for name, c := range map[string]struct {
		revoke  func(*lis.Server)
		reaches bool
	}{
		"one device":           {func(s *lis.Server) { s.Revoke(harbor, string(desk), "admin", "stolen") }, true},
		"another device":       {func(s *lis.Server) { s.Revoke(harbor, "dev-lobby", "admin", "stolen") }, false},
		"the organisation":     {func(s *lis.Server) { s.Revoke(harbor, "", "admin", "key lost") }, true},
		"another organisation": {func(s *lis.Server) { s.Revoke(rival, "", "admin", "key lost") }, false},
		"its user's devices":   {func(s *lis.Server) { s.RevokeUser(harbor, "user-agent", "admin", "left") }, true},
		"signing out": {func(s *lis.Server) {
			s.SignIn(harbor, string(desk), "user-agent")
			s.SignOut(harbor, string(desk))
		}, true},
		"signing in again": {func(s *lis.Server) {
			s.SignIn(harbor, string(desk), "user-agent")
			s.SignIn(harbor, string(desk), "user-agent")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			uri := b.uri(phone)
			b.pass(time.Second)
			c.revoke(b.server)
			b.pass(time.Second)
			other := newBench(t) // knows the revocation by its fact alone
			other.now = b.clock()
			for _, f := range b.journal.of(journal.DeviceRevoked) {
				if err := other.server.Restore(f); err != nil {
					t.Fatal(err)
				}
			}
			for where, node := range map[string]*bench{"here": b, "after a restart": restarted(t, b), "on another node": other} {
				want := "210"
				if c.reaches {
					want = "locationUnknown"
				}
				if got := node.get(uri); got != want {
					t.Errorf("%s: got %s, want %s", where, got, want)
				}
				r, err := node.server.Resolve(uri, harbor, node.clock())
				if errors.Is(err, lis.ErrRevoked) != c.reaches || r.Device != string(desk) || !r.Located {
					t.Errorf("%s, on the call path it still names its device: %+v %v", where, r, err)
				}
			}
			if got := b.get(b.uri(phone)); got != "210" {
				t.Errorf("a new one: got %s", got)
			}
		})
	}
}

// Proves: D-08, F-07
func TestALocationURIIsGoodOnANodeThatNeverSawItsDevice(t *testing.T) {
	a := newBench(t)
	uri := a.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	b := newBench(t)
	b.holder.Store(a.holder.Load())
	if got := b.get(uri); got != "210" {
		t.Errorf("got %s", got)
	}
	a.pass(time.Minute)
	a.uri(ask{from: inside, req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
	if got := a.get(uri); got != "101" {
		t.Errorf("where its device moved since: got %s", got)
	}
}

// Proves: F-27, D-08
func TestACallHasItsOwnReference(t *testing.T) {
	const call e911.CallID = "0192f000-0000-7000-8000-00000000ca11"
	setUp := func(t *testing.T) (*bench, string) {
		b := newBench(t)
		b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
		ev, _ := b.server.Latest(harbor, desk)
		b.pass(time.Second)
		uri, err := b.server.MintForCall(call, lis.CallPlace{Org: harbor, Device: string(desk), Evidence: ev})
		if err != nil {
			t.Fatal(err)
		}
		return b, uri
	}
	move := func(b *bench) {
		b.pass(time.Minute)
		b.uri(ask{from: inside, req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
	}
	t.Run("where the caller was, then where he went, then where he was at the end", func(t *testing.T) {
		b, uri := setUp(t)
		if got := b.get(uri); got != "210" {
			t.Errorf("at the call: %s", got)
		}
		b.server.SignOut(harbor, string(desk))
		b.server.Revoke(harbor, "", "admin", "all")
		move(b)
		if got := b.get(uri); got != "101" {
			t.Errorf("moved during the call, and all else revoked: %s", got)
		}
		b.pass(time.Minute)
		b.server.EndCall(call, b.clock())
		b.pass(time.Minute)
		b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
		if got := b.get(uri); got != "101" {
			t.Errorf("moved after the call: %s", got)
		}
		b.pass(23 * time.Hour)
		if got := b.get(uri); got != "101" {
			t.Errorf("23 hours later: %s", got)
		}
		b.pass(2 * time.Hour)
		if got := b.get(uri); got != "locationUnknown" {
			t.Errorf("25 hours later: %s", got)
		}
	})
	t.Run("each use is on record", func(t *testing.T) {
		b, uri := setUp(t)
		for range 50 { // a reader that does not stop
			b.get(uri)
		}
		b.pass(time.Second)
		b.get(uri)
		facts := b.journal.of(journal.CallDereferenced)
		if len(facts) != 2 || facts[0].Call != call {
			t.Fatalf("%d facts", len(facts))
		}
		d, err := journal.Decode[journal.Dereferenced](facts[1])
		if err != nil || d.Source != "192.0.2.66" || d.Folded != 49 || d.By != e911.ByLLDPPort {
			t.Errorf("%+v %v", d, err)
		}
	})
	t.Run("after a restart, and on another node", func(t *testing.T) {
		b, uri := setUp(t)
		other := newBench(t)
		other.holder.Store(b.holder.Load())
		other.now = b.clock()
		if got := other.get(uri); got != "210" {
			t.Errorf("another node: %s", got)
		}
		again := restarted(t, b)
		move(again)
		if got := again.get(uri); got != "101" {
			t.Errorf("restarted, and moved: %s", got)
		}
		again.pass(49 * time.Hour)
		if got := again.get(uri); got != "locationUnknown" {
			t.Errorf("no end was ever told: %s", got)
		}
	})
	t.Run("a place that is not on the map", func(t *testing.T) {
		b := newBench(t)
		uri, err := b.server.MintForCall(call, lis.CallPlace{Org: harbor, Evidence: locate.Evidence{
			By: e911.ByPIDFLO, At: b.clock(), Place: e911.Place{Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", ROOM: "at home"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.get(uri); got != "at home" {
			t.Errorf("got %s", got)
		}
		if got := restarted(t, b).get(uri); got != "at home" {
			t.Errorf("after a restart: got %s", got)
		}
	})
	t.Run("of nothing", func(t *testing.T) {
		b := newBench(t)
		if _, err := b.server.MintForCall("", lis.CallPlace{Org: harbor}); err == nil {
			t.Error("a reference of no call")
		}
		if _, err := b.server.MintForCall(call, lis.CallPlace{Org: "nobody"}); err == nil {
			t.Error("a reference of no organisation")
		}
	})
}

// Proves: W-16, W-37
func TestUnknownElementsAreCounted(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.pass(time.Second)
		b.do(ask{from: inside, req: request(withPort("Gi7/0/7"), withAP(apUnknown, true), withMAC(e911.MACFrom([6]byte{0, 0x15, 0x65, 0, 0, byte(i)})))})
	}
	b.do(ask{from: inside, req: request(withPort("Gi1/0/7"), withAP("00:11:22:99:99:00", true), withMAC(deskMAC))})
	check := func(b *bench) {
		t.Helper()
		list := slices.Collect(b.server.UnknownElements(harbor))
		if len(list) != 3 {
			t.Fatalf("%d keys: %+v", len(list), list)
		}
		port := suggest.Key{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "Gi7/0/7"}}
		if list[0].Stranded < 4 || list[0].Devices < 4 || list[2].Stranded != 0 || list[2].Devices != 1 {
			t.Errorf("%+v", list)
		}
		i := slices.IndexFunc(list, func(u lis.Unknown) bool { return u.Key == port })
		if i < 0 || !slices.Contains(list[i].Siblings, suggest.Key{Kind: e911.ElementBSSID, MAC: apUnknown}) {
			t.Errorf("the port with what was shown beside it: %+v", list)
		}
	}
	check(b)
	if list := slices.Collect(b.server.UnknownElements(harbor)); list[2].Seen == nil || list[2].Seen[0].Location != floor2 {
		t.Errorf("where a device stood that saw it: %+v", list[2])
	}
	if n := len(b.journal.of(journal.NetworkUnknown)); n < 3 || n > 9 {
		t.Errorf("%d facts", n)
	}
	check(restarted(t, b))
	b.publish(change(e911.KindElement, harbor, "el-new", e911.Element{ID: "el-new", Org: harbor, Location: floor1, Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: chassis, Port: "Gi7/0/7"}}))
	if list := slices.Collect(b.server.UnknownElements(harbor)); len(list) != 2 {
		t.Errorf("a key that was put on the map: %+v", list)
	}
	if got := b.room(ask{from: platform, req: request(withMAC("00:15:65:00:00:03"))}); got != "101" {
		t.Errorf("who saw it before it was on the map: %s", got)
	}
	// Strangers may invent as many keys as they like.
	for i := range 6000 {
		b.do(ask{from: inside, req: request(withAP(e911.MACFrom([6]byte{0, 0x15, 0x99, 0, byte(i >> 8), byte(i)}), true))})
	}
	if n := len(slices.Collect(b.server.UnknownElements(harbor))); n > 4096 {
		t.Errorf("%d keys", n)
	}
	if n := len(b.journal.of(journal.NetworkUnknown)); n > 50 {
		t.Errorf("%d facts", n)
	}
}

// Proves: W-41, W-47
func TestTheInventoryTellsOfEachDevice(t *testing.T) {
	b := newBench(t)
	b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(
		withPort("Gi1/0/7"), withMAC(deskMAC), withExtra("model", "SIP-T54W"), withExtra("firmware", "96.86.0.75"), withExtra("companySecret", secret), withExtra("companyID", company),
	)})
	b.server.SignIn(harbor, string(desk), "user-agent")
	check := func(b *bench) {
		t.Helper()
		d, ok := b.server.Device(harbor, string(desk))
		if !ok || !d.Known || !d.Proved || d.Via != "held" || d.User != "user-agent" || d.Where.Place.Location != floor2 || d.Source != netip.MustParseAddr("203.0.113.7") || d.At.IsZero() {
			t.Errorf("%+v", d)
		}
		if want := []journal.Named{{Name: "model", Value: "SIP-T54W"}, {Name: "firmware", Value: "96.86.0.75"}}; !slices.Equal(d.Says, want) {
			t.Errorf("says %v", d.Says)
		}
		n := 0
		for range b.server.Devices(harbor) {
			n++
		}
		for range b.server.Devices(rival) {
			n += 100
		}
		if n != 1 {
			t.Errorf("%d devices", n)
		}
	}
	check(b)
	check(restarted(t, b))
	// It is there: a fact now and then, not one for each request.
	for range 60 {
		b.pass(time.Minute)
		b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	}
	if n := len(b.journal.of(journal.DevicePresent)); n < 4 || n > 7 {
		t.Errorf("%d facts in an hour of asking each minute", n)
	}
	for _, f := range b.journal.facts {
		if text, _ := json.Marshal(f); strings.Contains(string(text), secret) {
			t.Fatal("a secret is in a fact")
		}
	}
}

// Proves: W-14, F-33, D-11
func TestWhatOthersObserveCounts(t *testing.T) {
	b := newBench(t)
	b.publish(change(e911.KindElement, harbor, "el-wlc", e911.Element{ID: "el-wlc", Org: harbor, Location: floor1, Kind: e911.ElementAP, Name: "ap-f1-east"}))
	name, known := b.server.DeviceName(harbor, deskMAC)
	if !known || name != string(desk) {
		t.Fatalf("%s %v", name, known)
	}
	got, err := b.server.Observe(lis.Observation{
		Org: harbor, Device: name, Via: "controller", Proved: true, Measured: locate.Measurement{AP: "AP-F1-East", Who: locate.ByNetwork},
	})
	if err != nil || got.Result.Place.Location != floor1 || got.Result.By != e911.ByAP {
		t.Fatalf("%+v %v", got, err)
	}
	uri, _, err := b.server.Mint(harbor, name, got.Found, got.Generation)
	if err != nil {
		t.Fatal(err)
	}
	if where := b.get(uri); where != "101" {
		t.Errorf("got %s", where)
	}
	if ev, ok := restarted(t, b).server.Latest(harbor, desk); !ok || ev.Place.Location != floor1 {
		t.Errorf("after a restart: %+v", ev)
	}
	if _, err := b.server.Observe(lis.Observation{Org: "nobody", Device: "x"}); err == nil {
		t.Error("taken for no organisation")
	}
	if seen, _ := b.server.Device(harbor, name); seen.Via != "controller" {
		t.Errorf("%+v", seen)
	}
}

// RFC 5986, section 4, and RFC 7216, section 4.
//
// Proves: W-31
func TestDiscoveryRecords(t *testing.T) {
	r := lis.Records{Domain: "example.com", URI: "https://lis.example.com:4802/?c=ex"}
	if got, want := r.NAPTR(), `example.com. IN NAPTR 100 10 "u" "LIS:HELD" "!.*!https://lis.example.com:4802/?c=ex!" .`; got != want {
		t.Errorf("got %s", got)
	}
	made, err := lis.NewRecords("Access.Harbor.Example.", "https://lis.harbor.example/")
	if err != nil {
		t.Fatal(err)
	}
	if made.URI != "https://lis.harbor.example/held" || string(made.DHCP4()) != "\x06access\x06harbor\x07example\x00" {
		t.Errorf("%+v %q", made, made.DHCP4())
	}
	for _, c := range []struct{ prefix, first, last string }{
		{"192.0.2.75/32", "75.2.0.192.in-addr.arpa", "75.2.0.192.in-addr.arpa"},
		{"192.0.2.0/24", "2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"},
		{"192.0.2.0/30", "0.2.0.192.in-addr.arpa", "3.2.0.192.in-addr.arpa"},
		{"198.51.0.0/16", "51.198.in-addr.arpa", "51.198.in-addr.arpa"},
		{"198.51.0.0/14", "48.198.in-addr.arpa", "51.198.in-addr.arpa"},
		{"2001:db8::/32", "8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"},
		{"2001:db8:1:2::/64", "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
	} {
		names, ok := lis.Reverse(netip.MustParsePrefix(c.prefix))
		if !ok || names[0] != c.first || names[len(names)-1] != c.last {
			t.Errorf("%s: %v %v", c.prefix, names, ok)
		}
	}
	if names, ok := lis.Reverse(netip.MustParsePrefix("0.0.0.0/0")); ok {
		t.Errorf("the whole net: %v", names)
	}
	for _, bad := range [][2]string{{"", "https://x"}, {"a..b", "https://x"}, {"a b", "https://x"}, {"example.com", "ftp://x"}, {"example.com", `https://x/!"`}} {
		if _, err := lis.NewRecords(bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	b := newBench(t)
	w := b.do(ask{method: http.MethodGet, path: "/held/discovery?domain=harbor.example", from: stranger})
	if w.Code != 200 || !strings.Contains(w.Body.String(), `harbor.example. IN NAPTR 100 10 "u" "LIS:HELD" "!.*!http://lis.example:8080/held!" .`) || !strings.Contains(w.Body.String(), "Use https.") {
		t.Errorf("HTTP %d %s", w.Code, w.Body)
	}
	if w := b.do(ask{method: http.MethodGet, path: "/held/discovery?domain=a%0Ab", from: stranger}); w.Code != 400 {
		t.Errorf("a domain with a line break: HTTP %d", w.Code)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "discovery.md"))
	if err != nil || !strings.Contains(string(text), `"LIS:HELD"`) {
		t.Errorf("docs/discovery.md: %v", err)
	}
}

// RFC 7840.
//
// Proves: W-31, F-23
func TestRoutingInformation(t *testing.T) {
	b := newBench(t)
	b.publish(
		change(e911.KindTrunk, "", "t-relay", e911.Trunk{ID: "t-relay", Key: "relay", Side: e911.SideRelay, Kind: e911.RouteProvider, Profile: e911.ProfileCarrier, To: "sip:relay@127.0.0.31:5060;transport=tcp", From: prefixes("127.0.0.31/32"), DRFrom: prefixes()}),
		change(e911.KindPSAP, "", "relay", e911.PSAP{ID: "relay", Key: "relay", Name: "Relay centre", Relay: true, Routes: []e911.TrunkID{"t-relay"}, Line: "+18005550199"}),
	)
	req := request(withPort("Gi1/0/7"))
	req.Routing = held.ServiceSOS
	for range 2 { // the second time as the first, from what is kept
		resp, err := b.ask(ask{from: inside, req: req})
		if err != nil || !resp.Routing.Default || !slices.Equal(resp.Routing.Dest, []string{"sip:relay@127.0.0.31:5060;transport=tcp", "tel:+18005550199"}) {
			t.Fatalf("without a PSAP for the place the relay centre: %+v %v", resp, err)
		}
	}
	if resp, err := b.ask(ask{from: inside, req: request(withPort("Gi1/0/7"))}); err != nil || resp.Routing.Service != "" {
		t.Errorf("not asked for: %+v %v", resp, err)
	}
}
