package snapshot_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Proves: E3, D-07, F-19
func TestEverythingIsFoundByWhatCallsKnow(t *testing.T) {
	s := build(t, demonstration())
	if s.Version != 1 || !s.At.Equal(published) {
		t.Errorf("version %d at %s", s.Version, s.At)
	}
	o := s.Org("harbor")
	if o == nil || o.ID() != "harbor" || o.Config().Name != "Harbor Foods" {
		t.Fatalf("organisation %+v", o)
	}
	location := func(name string, id e911.LocationID, ok bool, want e911.LocationID) {
		t.Helper()
		if id != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", name, id, ok, want)
		}
	}
	id, ok := o.ByBSSID("00:11:22:33:44:50")
	location("an access point", id, ok, "f2-210")
	id, ok = o.ByBSSID("00:11:22:33:44:5f")
	location("its other BSSID, by the mask", id, ok, "f2-210")
	id, ok = o.ByBSSID("00:11:23:33:44:5f")
	location("another vendor's", id, ok, "")
	id, ok = o.ByBSSID("x")
	location("no BSSID", id, ok, "")
	id, ok = o.ByLLDPPort(e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"})
	location("a port", id, ok, "f2-210")
	id, ok = o.ByLLDPPort(e911.LLDPPort{Chassis: "0c:75:bd:00:00:01"})
	location("a port without a name", id, ok, "")
	id, ok = o.ByLLDPChassis("0c:75:bd:00:00:01")
	location("a switch", id, ok, "f3")
	id, ok = o.ByMAC("00:11:22:00:00:07")
	location("a fixed device", id, ok, "f3")
	id, ok = o.ByIP(addr("127.0.2.10"))
	location("an address", id, ok, "f2-210")
	id, ok = o.ByIP(addr("::ffff:127.0.2.10"))
	location("an address in the form of the other family", id, ok, "f2-210")
	id, ok = o.ByIP(addr("2001:db8::7"))
	location("an IPv6 address", id, ok, "f3")
	id, ok = o.ByIP(addr("127.0.3.10"))
	location("an address that is not mapped", id, ok, "")
	id, ok = o.ByIP(netip.Addr{})
	location("no address", id, ok, "")

	p, ok := o.Place("f2-210")
	if !ok || p.Display != "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139" || !p.Dispatchable ||
		p.Building != "mill-1" || p.Site != "hq" || p.Key != "mill-1-f2-210" || p.Area == nil || p.Area.Lat != 42.36684 {
		t.Errorf("place %+v", p)
	}
	if list := o.BuildingPlaces("hq"); len(list) != 1 || list[0].Display != "795 Massachusetts Avenue, Mill 1, Cambridge, MA 02139" || list[0].Dispatchable {
		t.Errorf("buildings of the site %+v", list)
	}
	if u, ok := o.UserByDeviceUserID("agent4711"); !ok || u.ID != "u-4711" {
		t.Errorf("user %+v, %v", u, ok)
	}
	if u, ok := o.UserByDeviceUserID("agent471"); ok {
		t.Errorf("part of an id finds %+v", u)
	}
	if d, ok := o.DeviceByMAC("00:11:22:aa:bb:cc"); !ok || d.ID != "d-4711" {
		t.Errorf("device %+v, %v", d, ok)
	}
	if n, ok := o.Number("+16175550111"); !ok || n.Location != "f2-210" {
		t.Errorf("number %+v, %v", n, ok)
	}
	if len(o.DevicesOf("u-4711")) != 1 || len(o.NumbersOf("u-4711")) != 1 || len(o.Alerts("hq")) != 1 {
		t.Error("devices, numbers or alerts are missing")
	}
	if !o.InPublicRange(addr("203.0.113.9")) || o.InPublicRange(addr("203.0.114.9")) {
		t.Error("public range")
	}
}

// Proves: E3, E14, F-10, F-23
func TestTheWorldIsFoundByWhereCallsComeFrom(t *testing.T) {
	s := build(t, demonstration())
	for _, c := range []struct {
		name, addr string
		want       e911.TrunkID
	}{
		{"the platform", "127.0.0.11", "pbx"},
		{"its disaster-recovery range", "127.0.0.12", "pbx"},
		{"a carrier", "127.0.0.21", "carrier-a"},
		{"the form of the other family", "::ffff:127.0.0.11", "pbx"},
		{"a stranger", "127.0.0.66", ""},
		{"the other family", "::1", ""},
	} {
		if got, ok := s.TrunkBySource(addr(c.addr)); got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.name, got.ID, ok, c.want)
		}
	}
	if _, ok := s.TrunkBySource(netip.Addr{}); ok {
		t.Error("no address has a trunk")
	}
	orgs := func(a string) (ids []e911.OrgID) {
		for _, o := range s.OrgsByAddress(addr(a)) {
			ids = append(ids, o.ID())
		}
		return ids
	}
	if got := orgs("203.0.113.5"); !slices.Equal(got, []e911.OrgID{"harbor"}) {
		t.Errorf("public range: %v", got)
	}
	if got := orgs("127.0.2.5"); !slices.Equal(got, []e911.OrgID{"harbor"}) {
		t.Errorf("mapped range: %v", got)
	}
	if got := orgs("127.0.0.66"); got != nil {
		t.Errorf("a stranger: %v", got)
	}
	if o := s.OrgByCompanyID("7c0e"); o == nil || o.ID() != "harbor" {
		t.Errorf("company id: %+v", o)
	}
	if s.OrgByCompanyID("") != nil || s.OrgByCompanyID("7c0f") != nil || s.Org("nobody") != nil {
		t.Error("an organisation without a name")
	}
	if r, ok := s.Relay(); !ok || r.ID != "ecrc" {
		t.Errorf("relay %+v, %v", r, ok)
	}
	psap, ok, _ := s.PSAPs().Find(e911.Place{Area: &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}}}, ecrf.Options{DemonstrationAllowed: true})
	if !ok || psap.ID != "middlesex" {
		t.Errorf("PSAP %+v, %v", psap, ok)
	}
	if m, ok := s.Model("demo-phone"); !ok || !m.HELD {
		t.Errorf("model %+v, %v", m, ok)
	}
	if _, err := s.TokenRing().Seal("loc", []byte("x")); err != nil {
		t.Errorf("seal: %v", err)
	}
}

// Proves: E3
func TestTheEmptyWorldAnswersEverything(t *testing.T) {
	var h snapshot.Holder
	s := h.Load()
	h.Store(nil)
	o := new(snapshot.Org)
	if _, ok := s.TrunkBySource(addr("127.0.0.1")); ok || s.Org("x") != nil || s.OrgByCompanyID("x") != nil || s.OrgsByAddress(addr("::1")) != nil {
		t.Error("the empty world knows somebody")
	}
	if _, ok := s.PSAPs().At(e911.Point{}, ecrf.Options{}); ok {
		t.Error("the empty world has a PSAP")
	}
	if _, ok := s.Relay(); ok {
		t.Error("the empty world has a relay centre")
	}
	if _, err := s.TokenRing().Open("loc", "k.x"); err == nil {
		t.Error("the empty world opens a token")
	}
	if _, ok := o.ByIP(addr("::1")); ok || o.InPublicRange(addr("::1")) || o.Alerts("x") != nil || o.ID() != "" {
		t.Error("the empty organisation knows something")
	}
	if _, ok := o.ByBSSID("00:11:22:33:44:50"); ok {
		t.Error("the empty organisation knows an access point")
	}
	for range s.All() {
		t.Error("the empty world lists something")
	}
	if s := build(t, nil); s.Version != 1 {
		t.Errorf("an empty build has version %d", s.Version)
	}
}

// The demonstration call, decided on the snapshot itself: who, callback, where.
//
// Proves: F-13, F-21, W-10, E10
func TestTheDemonstrationCallIsDecidedOnTheSnapshot(t *testing.T) {
	s := build(t, demonstration())
	o := s.Org("harbor")
	trunk, _ := s.TrunkBySource(addr("127.0.0.11"))
	who := func(headers header) identify.Result {
		return identify.Who(s, o, identify.Call{Trunk: trunk, Headers: headers}).WithCallback(o, identify.Scene{})
	}
	pai := []string{"<sip:+16175550111@127.0.0.11>"}
	with := who(header{"E911-User-ID": {"agent4711"}, "P-Asserted-Identity": pai})
	if with.By != e911.ByDeviceUserID || with.Callback != "+16175550111" || with.Site.ID != "hq" || with.HELD != identify.HELDYes {
		t.Errorf("with the header: %+v", with)
	}
	without := who(header{"P-Asserted-Identity": pai})
	if without.By != e911.ByLineNumber || without.Callback != "+16175550100" {
		t.Errorf("without the header: %+v", without)
	}
	evidence, _ := locate.Measured(o, locate.Measurement{
		At: published, LLDP: []locate.Neighbour{{Chassis: "0c:75:bd:00:00:01", ChassisSubtype: 4, Port: "Gi1/0/7"}}, Serving: "00:11:22:33:44:50",
	})
	var candidates []locate.Candidate
	for _, e := range evidence {
		candidates = append(candidates, locate.Candidate{Evidence: e, Rank: locate.RankNetwork, Via: "held"})
	}
	candidates = append(candidates, locate.FromNumbers(o, "u-4711", "+16175550111")...)
	r := locate.Decide(candidates, locate.Situation{HELD: true}, published.Add(time.Minute))
	if r.By != e911.ByLLDPPort || r.Place.Location != "f2-210" || r.Class != locate.Fresh {
		t.Errorf("located by %s at %s", r.By, r.Place.Display)
	}
}

type header map[string][]string

func (h header) All(name string) []string { return h[name] }

// Proves: F-08, F-39 (an ELIN is found by its location, and by no other, through every change)
func TestELINsAreFoundByTheirLocation(t *testing.T) {
	elin := func(number e911.Number, at e911.LocationID) func(*e911.NumberRec) {
		return func(n *e911.NumberRec) { n.Number, n.Location, n.ELIN = number, at, true }
	}
	numbers := func(s *snapshot.Snapshot, at e911.LocationID) (list []e911.Number) {
		for _, n := range s.Org("harbor").ELINs(at) {
			list = append(list, n.Number)
		}
		return list
	}
	s := build(t, demonstration())
	if got := numbers(s, "f3"); got != nil {
		t.Fatalf("before any is marked: %v", got)
	}
	marked := apply(t, s, edited("n-111", elin("+16175550119", "f3")))
	if got := numbers(marked, "f3"); len(got) != 1 || got[0] != "+16175550119" {
		t.Errorf("marked: %v", got)
	}
	unmarked := apply(t, marked, edited("n-111", func(n *e911.NumberRec) { n.Location = "f3" }))
	gone := apply(t, marked, gone(e911.KindNumber, "harbor", "n-111"))
	for name, w := range map[string]*snapshot.Snapshot{"unmarked": unmarked, "deleted": gone, "the world before": s} {
		if got := numbers(w, "f3"); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Proves: F-05, W-10 (a house at the city limit is found by how sure its point is)
func TestAGeocodeIsAsSureAsItSays(t *testing.T) {
	at := e911.Point{Lat: 42.36684, Lon: -71.10565}
	for _, c := range []struct {
		name   string
		change func(*e911.Building)
		want   float64
	}{
		{"the operator's own point", func(b *e911.Building) { b.Point = &at }, 0},
		{"the point of the geocode", func(b *e911.Building) {
			b.Point, b.Validation.Point = &at, &e911.Area{Point: at, RadiusM: 45}
		}, 45},
		{"another point than the geocode's", func(b *e911.Building) {
			b.Point, b.Validation.Point = &at, &e911.Area{Point: e911.Point{Lat: 42.4, Lon: -71.1}, RadiusM: 45}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := apply(t, build(t, demonstration()), edited("mill-1", c.change))
			p, ok := s.Org("harbor").Place("f3")
			if !ok || p.Area == nil || p.Area.Point != at || p.Area.RadiusM != c.want {
				t.Errorf("place %+v, area %+v, want %.0f m", p.Display, p.Area, c.want)
			}
		})
	}
}

// Proves: E15, D-07
func TestApplyLeavesTheOldWorldAlone(t *testing.T) {
	old := build(t, demonstration())
	before := old.Digest()
	next := apply(t, old,
		edited("mill-1", func(b *e911.Building) { b.Name = "Mill One" }),
		edited("e-ap", func(e *e911.Element) { e.Location = "f3"; e.MAC = "00:11:22:33:44:70" }),
		gone(e911.KindElement, "harbor", "e-ip"),
		edited("n-111", func(n *e911.NumberRec) { n.Number = "+16175550112" }),
		edited("u-4711", func(u *e911.User) { u.DeviceUserID = "desk" }),
		put(e911.Site{ID: "depot", Org: "harbor", Key: "depot"}),
		put(e911.Trunk{ID: "pbx", Org: "harbor", Key: "pbx", Side: e911.SidePlatform, From: prefixes("127.0.0.13/32")}),
	)
	if got := old.Digest(); got != before {
		t.Error("the old world changed")
	}
	if next.Version != old.Version+1 || next.At.Equal(old.At) {
		t.Errorf("version %d at %s after version %d", next.Version, next.At, old.Version)
	}
	o, n := old.Org("harbor"), next.Org("harbor")
	if p, _ := o.Place("f3"); p.Civic.BLD != "Mill 1" {
		t.Errorf("old place %s", p.Display)
	}
	for _, id := range []e911.LocationID{"f3", "f2-210"} {
		if p, _ := n.Place(id); p.Civic.BLD != "Mill One" {
			t.Errorf("new place %s", p.Display)
		}
	}
	if id, ok := o.ByIP(addr("127.0.2.10")); !ok || id != "f2-210" {
		t.Error("the old range is gone")
	}
	if _, ok := n.ByIP(addr("127.0.2.10")); ok {
		t.Error("the new world still has the range")
	}
	if len(next.OrgsByAddress(addr("127.0.2.10"))) != 0 || len(old.OrgsByAddress(addr("127.0.2.10"))) != 1 {
		t.Error("organisations by address")
	}
	if _, ok := n.ByBSSID("00:11:22:33:44:51"); ok {
		t.Error("the old mask still finds the access point")
	}
	if id, ok := n.ByBSSID("00:11:22:33:44:79"); !ok || id != "f3" {
		t.Error("the new mask does not find it")
	}
	if _, ok := n.Number("+16175550111"); ok || len(n.NumbersOf("u-4711")) != 1 || n.NumbersOf("u-4711")[0].Number != "+16175550112" {
		t.Error("the old number is still there")
	}
	if _, ok := n.UserByDeviceUserID("agent4711"); ok {
		t.Error("the old user id is still there")
	}
	if _, ok := next.TrunkBySource(addr("127.0.0.11")); ok {
		t.Error("the old source address is still there")
	}
	if _, ok := next.TrunkBySource(addr("127.0.0.12")); ok {
		t.Error("the old disaster-recovery address is still there")
	}
	if tr, ok := next.TrunkBySource(addr("127.0.0.13")); !ok || tr.ID != "pbx" {
		t.Error("the new source address is not there")
	}
	if tr, ok := n.Trunk("pbx"); !ok || tr.From[0].String() != "127.0.0.13/32" {
		t.Errorf("the organisation's trunk %+v", tr)
	}
}

// Proves: E15, D-07
func TestWhatWayAWorldWasBuiltDoesNotShow(t *testing.T) {
	all := demonstration()
	want := build(t, all)
	// One object after the other, in an order that the references allow.
	s := new(snapshot.Snapshot)
	for _, c := range all {
		s = apply(t, s, c)
	}
	if s.Digest() != want.Digest() {
		t.Error("one by one gives another world")
	}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	if build(t, reversed).Digest() != want.Digest() {
		t.Error("the order of changes makes another world")
	}
	var listed []snapshot.Change
	for c := range want.All() {
		listed = append(listed, c)
	}
	again := build(t, listed)
	if again.Digest() != want.Digest() {
		t.Error("a world built from its own list is another")
	}
	if len(listed) != len(all) {
		t.Errorf("%d objects listed, want %d", len(listed), len(all))
	}
	// There and back.
	back := apply(t, apply(t, want, edited("hq", func(s *e911.Site) { s.Name = "x" })), edited("hq", func(*e911.Site) {}))
	if back.Digest() != want.Digest() {
		t.Error("there and back is another world")
	}
	if other := apply(t, want, edited("hq", func(s *e911.Site) { s.Name = "x" })); other.Digest() == want.Digest() {
		t.Error("a changed world has the same digest")
	}
	// Taken apart completely.
	var deleted []snapshot.Change
	for _, c := range all {
		deleted = append(deleted, gone(c.Kind, c.Org, c.ID))
	}
	empty := apply(t, want, deleted...)
	if empty.Digest() != new(snapshot.Snapshot).Digest() {
		t.Error("what is left of a world that was deleted is not nothing")
	}
	if _, ok := empty.TrunkBySource(addr("127.0.0.11")); ok || len(empty.OrgsByAddress(addr("203.0.113.5"))) != 0 || empty.OrgByCompanyID("7c0e") != nil {
		t.Error("indexes outlive their objects")
	}
	if _, ok := empty.Relay(); ok {
		t.Error("the relay centre outlives its deletion")
	}
	// And back again: no index remembers the deleted.
	if apply(t, empty, all...).Digest() != want.Digest() {
		t.Error("the world cannot be built again")
	}
}

// Proves: E15
func TestObjectsMayTradeKeysInOneChange(t *testing.T) {
	s := build(t, demonstration())
	next := apply(t, s,
		edited("e-ap", func(e *e911.Element) { e.MAC = "00:11:22:33:44:60" }),
		edited("e-ap3", func(e *e911.Element) { e.MAC = "00:11:22:33:44:50" }),
		put(e911.NumberRec{ID: "n-new", Org: "harbor", Number: "+16175550111"}),
		gone(e911.KindNumber, "harbor", "n-111"),
	)
	if id, _ := next.Org("harbor").ByBSSID("00:11:22:33:44:50"); id != "f3" {
		t.Errorf("the access points did not trade: %s", id)
	}
	if n, _ := next.Org("harbor").Number("+16175550111"); n.ID != "n-new" {
		t.Errorf("the number is still %s", n.ID)
	}
	// Of two changes to one object the later counts.
	twice := apply(t, s, edited("hq", func(s *e911.Site) { s.Name = "first" }), edited("hq", func(s *e911.Site) { s.Name = "second" }))
	if site, _ := twice.Org("harbor").Site("hq"); site.Name != "second" {
		t.Errorf("site %s", site.Name)
	}
	back := apply(t, s, gone(e911.KindUser, "harbor", "u-4711"), edited("u-4711", func(*e911.User) {}))
	if back.Digest() != s.Digest() {
		t.Error("deleted and put again is another world")
	}
}

// Proves: D-08
func TestTheNewestTokenKeySeals(t *testing.T) {
	s := build(t, demonstration())
	old, err := s.TokenRing().Seal("loc", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	next := apply(t, s, put(e911.TokenKey{ID: "a0", Secret: seal.NewSecret(), Created: published.Add(time.Hour)}))
	fresh, err := next.TokenRing().Seal("loc", []byte("x"))
	if err != nil || fresh[:3] != "a0." {
		t.Errorf("sealed %s, %v, want by the newest key", fresh, err)
	}
	if _, err := next.TokenRing().Open("loc", old); err != nil {
		t.Errorf("the older key does not open: %v", err)
	}
}

// Proves: E3, E14
func TestListsHoldEverything(t *testing.T) {
	s := build(t, demonstration())
	o := s.Org("harbor")
	for name, c := range map[string]struct{ got, want []string }{
		"sites":     {keysOf(o.Sites(), func(v e911.Site) string { return v.Key }), []string{"hq"}},
		"buildings": {keysOf(o.Buildings(), func(v e911.Building) string { return v.Key }), []string{"mill-1"}},
		"locations": {keysOf(o.Locations(), func(v e911.Location) string { return v.Key }), []string{"mill-1-f2-210", "mill-1-f3"}},
		"elements":  {keysOf(o.Elements(), func(v e911.Element) string { return string(v.ID) }), []string{"e-ap", "e-ap3", "e-ip", "e-ip6", "e-mac", "e-port", "e-switch"}},
		"users":     {keysOf(o.Users(), func(v e911.User) string { return v.Key }), []string{"agent-4711"}},
		"devices":   {keysOf(o.Devices(), func(v e911.Device) string { return v.Key }), []string{"sep001122aabbcc"}},
		"numbers":   {keysOf(o.Numbers(), func(v e911.NumberRec) string { return string(v.Number) }), []string{"+16175550111"}},
		"alerts":    {keysOf(o.AllAlerts(), func(v e911.Alert) string { return v.Key }), []string{"desk"}},
		"trunks":    {keysOf(o.Trunks(), func(v e911.Trunk) string { return v.Key }), []string{"pbx"}},
		"all":       {keysOf(s.Trunks(), func(v e911.Trunk) string { return v.Key }), []string{"carrier-a", "carrier-b", "ecrc-a", "pbx"}},
		"psaps":     {keysOf(s.AllPSAPs(), func(v e911.PSAP) string { return v.Key }), []string{"ecrc", "psap-middlesex"}},
		"orgs":      {keysOf(s.Orgs(), func(v *snapshot.Org) string { return string(v.ID()) }), []string{"harbor"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if v, ok := o.Element("e-mac"); !ok || v.Mobility != e911.MobilityFixed {
		t.Errorf("element %+v, %v", v, ok)
	}
	if v, ok := o.Building("mill-1"); !ok || v.Name != "Mill 1" {
		t.Errorf("building %+v, %v", v, ok)
	}
	if v, ok := o.Location("f3"); !ok || v.Key != "mill-1-f3" {
		t.Errorf("location %+v, %v", v, ok)
	}
	if v, ok := o.Alert("a-desk"); !ok || v.Key != "desk" {
		t.Errorf("alert %+v, %v", v, ok)
	}
	if v, ok := s.PSAP("ecrc"); !ok || !v.Relay {
		t.Errorf("PSAP %+v, %v", v, ok)
	}
}

// Readers go on with the world that they loaded while others are made; the race
// detector watches.
//
// Proves: E3, D-07
func TestReadersNeverMeetAWriter(t *testing.T) {
	var h snapshot.Holder
	h.Store(build(t, demonstration()))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := h.Load()
				o := s.Org("harbor")
				id, ok := o.ByBSSID("00:11:22:33:44:50")
				p, found := o.Place(id)
				if _, known := s.TrunkBySource(addr("127.0.0.11")); !ok || !found || !known || p.Site != "hq" {
					t.Error("a reader met half a world")
					return
				}
			}
		})
	}
	for i := range 200 {
		h.Store(apply(t, h.Load(),
			edited("mill-1", func(b *e911.Building) { b.Name = fmt.Sprint("Mill ", i) }),
			edited("e-ap", func(e *e911.Element) { e.Location = []e911.LocationID{"f3", "f2-210"}[i%2] }),
			edited("pbx", func(tr *e911.Trunk) { tr.DRFrom = prefixes(fmt.Sprintf("127.0.1.%d/32", i)) })))
	}
	close(stop)
	readers.Wait()
}
