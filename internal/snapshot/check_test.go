package snapshot_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// other is a second organisation, a neighbour of harbor.
func other() []snapshot.Change {
	return []snapshot.Change{
		put(e911.Org{ID: "other", Key: "other", Name: "Other", HELD: e911.HELDAccess{CompanyID: "0001"}, PublicRanges: prefixes("203.0.113.0/24")}),
		put(e911.Site{ID: "other-hq", Org: "other", Key: "hq"}),
	}
}

// Proves: E15, F-31, F-19, F-23, E14
func TestABadChangeSetIsRefusedWithEveryFault(t *testing.T) {
	trunk := func(id string, org e911.OrgID, from, recovery []netip.Prefix) snapshot.Change {
		side, to := e911.SideCarrier, "sip:a@127.0.0.99"
		if org != "" {
			side, to = e911.SidePlatform, ""
		}
		return put(e911.Trunk{ID: e911.TrunkID(id), Org: org, Key: id, Side: side, To: to, From: from, DRFrom: recovery})
	}
	for _, c := range []struct {
		name    string
		changes []snapshot.Change
		want    []string // path and code of each fault
	}{
		// What is pointed at.
		{"a building without its site", []snapshot.Change{edited("mill-1", func(b *e911.Building) { b.Site = "nowhere" })}, []string{"building[mill-1].site dangling"}},
		{"a building of no site", []snapshot.Change{edited("mill-1", func(b *e911.Building) { b.Site = "" })}, []string{"building[mill-1].site required"}},
		{"a location without its building", []snapshot.Change{edited("f3", func(l *e911.Location) { l.Building = "x" })}, []string{"location[f3].building dangling"}},
		{"an element without its location", []snapshot.Change{edited("e-ip", func(e *e911.Element) { e.Location = "x" })}, []string{"network_element[e-ip].location dangling"}},
		{"a user without his site", []snapshot.Change{edited("u-4711", func(u *e911.User) { u.Site = "x" })}, []string{"user[u-4711].site dangling"}},
		{"a device without user and model", []snapshot.Change{edited("d-4711", func(d *e911.Device) { d.User, d.Model = "x", "y" })}, []string{"device[d-4711].user dangling", "device[d-4711].model dangling"}},
		{"a number without anything", []snapshot.Change{edited("n-111", func(n *e911.NumberRec) { n.Site, n.User, n.Location = "x", "y", "z" })}, []string{"number[n-111].site dangling", "number[n-111].user dangling", "number[n-111].location dangling"}},
		{"an alert without its site", []snapshot.Change{edited("a-desk", func(a *e911.Alert) { a.Site = "x" })}, []string{"alert[a-desk].site dangling"}},
		{"a PSAP without its routes", []snapshot.Change{edited("middlesex", func(p *e911.PSAP) { p.Routes = []e911.TrunkID{"x", "carrier-a"} })}, []string{"psap[middlesex].routes[0] dangling"}},
		{"an object of no organisation", []snapshot.Change{put(e911.Site{ID: "s", Org: "nobody"})}, []string{"site[s].org dangling"}},
		{"references do not cross organisations", append(other(), put(e911.Building{ID: "b", Org: "other", Site: "hq"})), []string{"building[b].site dangling"}},
		{"a site that is in use", []snapshot.Change{gone(e911.KindSite, "harbor", "hq")}, []string{"site[hq] in_use"}},
		{"a location that is in use", []snapshot.Change{gone(e911.KindLocation, "harbor", "f2-210")}, []string{"location[f2-210] in_use"}},
		{"a trunk that is in use", []snapshot.Change{gone(e911.KindTrunk, "", "carrier-a")}, []string{"trunk[carrier-a] in_use"}},
		{"a model that is in use", []snapshot.Change{gone(e911.KindModel, "", "demo-phone")}, []string{"model[demo-phone] in_use"}},
		{"an organisation that is in use", []snapshot.Change{gone(e911.KindOrg, "harbor", "harbor")}, []string{"organisation[harbor] in_use"}},
		{"an organisation that keeps a trunk", []snapshot.Change{
			put(e911.Org{ID: "o"}), trunk("t", "o", prefixes("10.9.0.1/32"), nil), gone(e911.KindOrg, "o", "o"),
		}, []string{"trunk[t].org dangling", "organisation[o] in_use"}},

		// Source addresses.
		{"one source address, two organisations", append(other(), trunk("t", "other", prefixes("127.0.0.11/32"), nil)), []string{"trunk[t].from[0] duplicate"}},
		{"part of a range of another organisation", append(other(), trunk("t", "other", prefixes("127.0.0.0/24"), nil)), []string{"trunk[t].from[0] duplicate"}},
		{"one trunk's own address, another's recovery", append(other(), trunk("t", "other", prefixes("10.0.0.1/32"), prefixes("127.0.0.11/32"))), []string{"trunk[t].dr_from[0] duplicate"}},
		{"one trunk's recovery, another's own address", append(other(), trunk("t", "other", prefixes("127.0.0.12/32"), nil)), []string{"trunk[t].from[0] duplicate"}},
		{"two recoveries", append(other(), trunk("t", "other", prefixes("10.0.0.1/32"), prefixes("127.0.0.12/32"))), []string{"trunk[t].dr_from[0] duplicate"}},
		{"a platform and a carrier", []snapshot.Change{trunk("t", "", prefixes("127.0.0.11/32"), nil)}, []string{"trunk[t].from[0] duplicate"}},
		{"two trunks of one organisation", []snapshot.Change{trunk("t", "harbor", prefixes("127.0.0.11/32"), nil)}, []string{"trunk[t].from[0] duplicate"}},
		{"the whole internet", []snapshot.Change{trunk("t", "harbor", prefixes("0.0.0.0/0"), nil)}, []string{"trunk[t].from[0] invalid"}},
		{"a range with host bits", []snapshot.Change{trunk("t", "harbor", prefixes("10.0.0.1/8"), nil)}, []string{"trunk[t].from[0] invalid"}},
		{"no range at all", []snapshot.Change{trunk("t", "harbor", []netip.Prefix{{}}, nil)}, []string{"trunk[t].from[0] invalid"}},
		{"a platform without a source", []snapshot.Change{trunk("t", "harbor", nil, nil)}, []string{"trunk[t].from required"}},
		{"a platform of nobody", []snapshot.Change{put(e911.Trunk{ID: "t", Side: e911.SidePlatform, From: prefixes("10.9.9.9/32")})}, []string{"trunk[t].org required"}},
		{"one trunk of two organisations", append(other(), trunk("pbx", "other", prefixes("10.9.9.9/32"), nil), edited("pbx", func(*e911.Trunk) {})), []string{"trunk[pbx].id duplicate"}},
		{"a route that leads nowhere", []snapshot.Change{edited("middlesex", func(p *e911.PSAP) { p.Routes = []e911.TrunkID{"pbx"} })}, []string{"psap[middlesex].routes[0] invalid"}},

		// Keys that are taken.
		{"two elements of one key each", []snapshot.Change{
			put(e911.Element{ID: "x1", Org: "harbor", Location: "f3", Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50"}),
			put(e911.Element{ID: "x2", Org: "harbor", Location: "f3", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}}),
			put(e911.Element{ID: "x3", Org: "harbor", Location: "f3", Kind: e911.ElementLLDPChassis, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01"}}),
			put(e911.Element{ID: "x4", Org: "harbor", Location: "f3", Kind: e911.ElementMAC, MAC: "00:11:22:00:00:07", Mobility: e911.MobilityFixed}),
			put(e911.Element{ID: "x5", Org: "harbor", Location: "f3", Kind: e911.ElementIP, Range: netip.MustParsePrefix("127.0.2.0/24")}),
		}, []string{
			"network_element[x1].mac duplicate", "network_element[x1].mac masked", "network_element[x2].lldp duplicate",
			"network_element[x3].lldp duplicate", "network_element[x4].mac duplicate", "network_element[x5].range duplicate",
		}},
		{"access points that a mask makes one", []snapshot.Change{put(e911.Element{ID: "x", Org: "harbor", Location: "f3", Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:5f"})}, []string{"network_element[x].mac masked"}},
		{"a mask that makes access points one", []snapshot.Change{edited("harbor", func(o *e911.Org) { o.BSSIDMasking = []e911.BSSIDMask{{OUI: "00:11:22", Digits: 2}} })}, []string{"organisation[harbor].bssid_masking masked"}},
		{"a mask that is none", []snapshot.Change{edited("harbor", func(o *e911.Org) {
			o.BSSIDMasking = []e911.BSSIDMask{{OUI: "00-11-22", Digits: 1}, {OUI: "00:11:22", Digits: 7}}
		})}, []string{"organisation[harbor].bssid_masking[0] invalid", "organisation[harbor].bssid_masking[1] invalid"}},
		{"a key that finds nobody", []snapshot.Change{put(e911.Element{ID: "x", Org: "harbor", Location: "f3", Kind: e911.ElementBSSID, MAC: "02:11:22:33:44:50"})}, []string{"network_element[x].mac invalid"}},
		{"a user id, a hardware address and a number twice", []snapshot.Change{
			put(e911.User{ID: "x", Org: "harbor", DeviceUserID: "agent4711"}),
			put(e911.Device{ID: "y", Org: "harbor", MAC: "00:11:22:aa:bb:cc"}),
			put(e911.NumberRec{ID: "z", Org: "harbor", Number: "+16175550111"}),
		}, []string{"user[x].device_user_id duplicate", "device[y].mac duplicate", "number[z].number duplicate"}},
		{"a company id twice", []snapshot.Change{put(e911.Org{ID: "o", HELD: e911.HELDAccess{CompanyID: "7c0e"}})}, []string{"organisation[o].held.company_id duplicate"}},
		{"a second relay centre", []snapshot.Change{put(e911.PSAP{ID: "r2", Relay: true, Routes: []e911.TrunkID{"ecrc-a"}})}, []string{"psap[r2].relay duplicate"}},

		// Values that cannot be.
		{"a PSAP without an area", []snapshot.Change{edited("middlesex", func(p *e911.PSAP) { p.Area = nil })}, []string{"psap[middlesex].boundary required"}},
		{"a PSAP of half a continent", []snapshot.Change{edited("middlesex", func(p *e911.PSAP) { p.Area = square(20, -130, 50) })}, []string{"psap[middlesex].area implausible"}},
		{"a token key that is too short", []snapshot.Change{put(e911.TokenKey{ID: "k2", Secret: []byte("short")})}, []string{"token_key[k2].secret invalid"}},
		{"numbers that are none", []snapshot.Change{
			edited("hq", func(s *e911.Site) { s.ECBN = "6175550100" }), edited("u-4711", func(u *e911.User) { u.Callback = "x" }), edited("n-111", func(n *e911.NumberRec) { n.Number = "" }),
		}, []string{"site[hq].ecbn invalid", "user[u-4711].callback invalid", "number[n-111].number invalid"}},
		{"a hardware address in another notation", []snapshot.Change{edited("d-4711", func(d *e911.Device) { d.MAC = "0011.22aa.bbcc" })}, []string{"device[d-4711].mac invalid"}},
		{"a point off the globe", []snapshot.Change{edited("mill-1", func(b *e911.Building) { b.Point = &e911.Point{Lat: 142, Lon: -71} })}, []string{"building[mill-1].point invalid"}},
		{"a public range with host bits", []snapshot.Change{edited("harbor", func(o *e911.Org) { o.PublicRanges = prefixes("203.0.113.7/24") })}, []string{"organisation[harbor].public_ranges[0] invalid"}},

		// Changes that are none.
		{"no id", []snapshot.Change{{Kind: e911.KindSite, Org: "harbor"}}, []string{"site[] id"}},
		{"a kind of another version", []snapshot.Change{{Kind: "ring_group", Org: "harbor", ID: "x"}}, []string{"ring_group[x] kind"}},
		{"an object of another kind", []snapshot.Change{{Kind: e911.KindSite, Org: "harbor", ID: "x", Object: e911.User{ID: "x", Org: "harbor"}}}, []string{"site[x] kind"}},
		{"an object of another name", []snapshot.Change{{Kind: e911.KindSite, Org: "harbor", ID: "x", Object: e911.Site{ID: "y", Org: "harbor"}}}, []string{"site[x] kind"}},
		{"an object of another organisation", []snapshot.Change{{Kind: e911.KindSite, Org: "harbor", ID: "x", Object: e911.Site{ID: "x", Org: "other"}}}, []string{"site[x] kind"}},
		{"something else", []snapshot.Change{{Kind: e911.KindSite, Org: "harbor", ID: "x", Object: 7}}, []string{"site[x] kind"}},
		{"a site of nobody", []snapshot.Change{{Kind: e911.KindSite, ID: "x", Object: e911.Site{ID: "x"}}}, []string{"site[x].org org"}},
		{"a PSAP of somebody", []snapshot.Change{{Kind: e911.KindPSAP, Org: "harbor", ID: "x"}}, []string{"psap[x].org org"}},
		{"an organisation of another", []snapshot.Change{{Kind: e911.KindOrg, Org: "harbor", ID: "x"}}, []string{"organisation[x].org org"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := build(t, demonstration())
			before := s.Digest()
			next, err := s.Apply(c.changes, published)
			if next != nil || e911.KindOf(err) != e911.Invalid {
				t.Fatalf("Apply = %v, %v, want an Invalid error", next, err)
			}
			var got []string
			for _, f := range e911.FaultsOf(err) {
				got = append(got, f.Path+" "+f.Code)
				if f.Msg == "" || strings.Contains(f.Msg, "127.0") || strings.Contains(f.Msg, "617555") {
					t.Errorf("fault %q", f.Msg)
				}
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(c.want))
			if !slices.Equal(got, want) {
				t.Errorf("faults %v, want %v", got, want)
			}
			rejected, ok := errors.AsType[*snapshot.Rejected](err)
			if !ok || len(rejected.Objects) == 0 {
				t.Errorf("no rejected objects in %v", err)
			}
			if s.Digest() != before {
				t.Error("the old world changed")
			}
		})
	}
}

// Proves: F-31, E15
func TestOneBadRowFreezesNobody(t *testing.T) {
	s := build(t, demonstration())
	changes := []snapshot.Change{
		edited("hq", func(s *e911.Site) { s.Name = "Main building" }),                                 // good
		edited("mill-1", func(b *e911.Building) { b.Name = "Mill One"; b.Site = "nowhere" }),          // bad: keeps its last good form
		put(e911.Site{ID: "s2", Org: "harbor", ECBN: "x"}),                                            // bad and new
		put(e911.Building{ID: "b2", Org: "harbor", Site: "s2"}),                                       // hangs on it
		put(e911.Location{ID: "l2", Org: "harbor", Building: "b2"}),                                   // and on that
		put(e911.Location{ID: "l3", Org: "harbor", Building: "mill-1", Detail: e911.Civic{FLR: "4"}}), // good: the old building is there
		gone(e911.KindTrunk, "", "carrier-b"),                                                         // bad: in use
		gone(e911.KindElement, "harbor", "e-ip"),                                                      // good
	}
	next, left, err := s.ApplyGood(changes, published)
	var ids []string
	for _, c := range left {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	if want := []string{"b2", "carrier-b", "l2", "mill-1", "s2"}; !slices.Equal(ids, want) {
		t.Errorf("left out %v, want %v", ids, want)
	}
	if len(e911.FaultsOf(err)) != 5 {
		t.Errorf("error %v, want a fault for each", err)
	}
	o := next.Org("harbor")
	if site, _ := o.Site("hq"); site.Name != "Main building" {
		t.Error("the good change is not there")
	}
	if b, _ := o.Building("mill-1"); b.Name != "Mill 1" || b.Site != "hq" {
		t.Errorf("the bad building is %+v, want its last good form", b)
	}
	if p, ok := o.Place("l3"); !ok || p.Civic.BLD != "Mill 1" {
		t.Errorf("the new location %+v, %v", p, ok)
	}
	if _, ok := o.ByIP(addr("127.0.2.10")); ok {
		t.Error("the good deletion is not there")
	}
	if next.Version != s.Version+1 {
		t.Errorf("version %d", next.Version)
	}
	if same, left, err := s.ApplyGood(nil, published); err != nil || left != nil || same.Digest() != s.Digest() {
		t.Errorf("nothing to apply: %v, %v", left, err)
	}
}

// In one organisation PBXs stand in for each other: an address is its owner's
// first, and another trunk's in a disaster.
//
// Proves: F-10
func TestRecoveryRangesInsideOneOrganisation(t *testing.T) {
	s := build(t, append(demonstration(),
		put(e911.Trunk{ID: "pbx-2", Org: "harbor", Key: "pbx-2", Side: e911.SidePlatform, From: prefixes("127.0.0.13/32"), DRFrom: prefixes("127.0.0.11/32", "127.0.0.12/32", "127.0.0.12/32")}),
		put(e911.Trunk{ID: "pbx-0", Org: "harbor", Key: "pbx-0", Side: e911.SidePlatform, From: prefixes("127.0.0.14/32", "127.0.0.14/32"), DRFrom: prefixes("127.0.0.12/32")}),
	))
	for a, want := range map[string]e911.TrunkID{"127.0.0.11": "pbx", "127.0.0.13": "pbx-2", "127.0.0.12": "pbx", "127.0.0.14": "pbx-0"} {
		if got, _ := s.TrunkBySource(addr(a)); got.ID != want {
			t.Errorf("%s belongs to %s, want %s", a, got.ID, want)
		}
	}
	next := apply(t, s, gone(e911.KindTrunk, "harbor", "pbx"))
	for a, want := range map[string]e911.TrunkID{"127.0.0.11": "pbx-2", "127.0.0.12": "pbx-0"} {
		if got, _ := next.TrunkBySource(addr(a)); got.ID != want {
			t.Errorf("without its owner %s belongs to %s, want %s", a, got.ID, want)
		}
	}
	// A trunk may change hands in one change.
	moved := apply(t, s, append(other(), gone(e911.KindTrunk, "harbor", "pbx-2"),
		put(e911.Trunk{ID: "pbx-2", Org: "other", Key: "pbx-2", Side: e911.SidePlatform, From: prefixes("127.0.0.13/32")}))...)
	if got, _ := moved.TrunkBySource(addr("127.0.0.13")); got.Org != "other" {
		t.Errorf("the trunk is still %s's", got.Org)
	}
	if _, ok := moved.Org("harbor").Trunk("pbx-2"); ok {
		t.Error("the former owner still has the trunk")
	}
}

// Proves: E14, D-11
func TestARangeMayBelongToSeveralOrganisations(t *testing.T) {
	s := build(t, append(demonstration(), other()...))
	ids := func(s *snapshot.Snapshot, a string) (out []e911.OrgID) {
		for _, o := range s.OrgsByAddress(addr(a)) {
			out = append(out, o.ID())
		}
		return out
	}
	if got := ids(s, "203.0.113.5"); !slices.Equal(got, []e911.OrgID{"harbor", "other"}) {
		t.Errorf("organisations %v", got)
	}
	// An organisation that has a range twice keeps it until both are gone.
	s = apply(t, s, put(e911.Element{ID: "e-public", Org: "harbor", Location: "f3", Kind: e911.ElementIP, Range: netip.MustParsePrefix("203.0.113.0/24")}))
	s = apply(t, s, edited("harbor", func(o *e911.Org) { o.PublicRanges = nil }))
	if got := ids(s, "203.0.113.5"); !slices.Equal(got, []e911.OrgID{"harbor", "other"}) {
		t.Errorf("organisations %v, want both still", got)
	}
	s = apply(t, s, gone(e911.KindElement, "harbor", "e-public"))
	if got := ids(s, "203.0.113.5"); !slices.Equal(got, []e911.OrgID{"other"}) {
		t.Errorf("organisations %v, want the other alone", got)
	}
}

// Any sequence of changes leads to the world that a fresh build of what is left
// gives: indexes, counts and places are never behind.
//
// Proves: D-07, E15, F-31
func TestApplyingIsTheSameAsBuilding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := snapshot.Build(ground(), published)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 6).Draw(t, "change sets") {
			var changes []snapshot.Change
			for range rapid.IntRange(0, 8).Draw(t, "changes") {
				changes = append(changes, anyChange(t))
			}
			next, _, _ := s.ApplyGood(changes, published)
			if next == nil {
				t.Fatal("ApplyGood returned no world")
			}
			s = next
			var all []snapshot.Change
			for c := range s.All() {
				all = append(all, c)
			}
			fresh, err := snapshot.Build(all, published)
			if err != nil {
				t.Fatalf("the world does not pass its own checks: %v", err)
			}
			sameAnswers(t, s, fresh)
		}
	})
}

// ground is what most changes of anyChange hang on.
func ground() []snapshot.Change {
	var all []snapshot.Change
	for _, org := range []e911.OrgID{"o0", "o1"} {
		all = append(all, put(e911.Org{ID: org}))
		for i := range 3 {
			n := fmt.Sprint(i) + string(org)
			all = append(all,
				put(e911.Site{ID: e911.SiteID("site" + n), Org: org}),
				put(e911.Building{ID: e911.BuildingID("building" + n), Org: org, Site: e911.SiteID("site" + n)}),
				put(e911.Location{ID: e911.LocationID("location" + n), Org: org, Building: e911.BuildingID("building" + n)}),
				put(e911.User{ID: e911.UserID("user" + n), Org: org}))
		}
	}
	return all
}

func anyChange(t *rapid.T) snapshot.Change {
	n := func(name string, most int) string { return fmt.Sprint(rapid.IntRange(0, most).Draw(t, name)) }
	org := e911.OrgID("o" + n("org", 1))
	kind := rapid.SampledFrom([]string{"org", "site", "building", "location", "element", "element", "element", "user", "device", "number", "trunk", "alert"}).Draw(t, "kind")
	id := kind + n("id", 2) + string(org)
	var c snapshot.Change
	switch kind {
	case "org":
		o := e911.Org{ID: org, HELD: e911.HELDAccess{CompanyID: "c" + n("company", 1)}, PublicRanges: prefixes("10." + n("range", 1) + ".0.0/16")}
		if rapid.Bool().Draw(t, "masked") {
			o.BSSIDMasking = []e911.BSSIDMask{{OUI: "00:11:22", Digits: rapid.IntRange(1, 2).Draw(t, "digits")}}
		}
		c = put(o)
	case "site":
		c = put(e911.Site{ID: e911.SiteID(id), Org: org})
	case "building":
		c = put(e911.Building{ID: e911.BuildingID(id), Org: org, Site: e911.SiteID("site" + n("site", 2) + string(org)), Name: "B" + n("name", 9)})
	case "location":
		c = put(e911.Location{ID: e911.LocationID(id), Org: org, Building: e911.BuildingID("building" + n("building", 2) + string(org)), Detail: e911.Civic{FLR: n("floor", 9)}})
	case "element":
		e := e911.Element{ID: e911.ElementID(id), Org: org, Location: e911.LocationID("location" + n("location", 2) + string(org))}
		switch n("what", 2) {
		case "0":
			e.Kind, e.MAC = e911.ElementBSSID, e911.MAC("00:11:22:33:4"+n("row", 1)+":5"+n("bssid", 9))
		case "1":
			e.Kind, e.Range = e911.ElementIP, netip.MustParsePrefix("10."+n("net", 2)+".0.0/16")
		case "2":
			e.Kind, e.LLDP = e911.ElementLLDPPort, e911.LLDPPort{Chassis: "sw", Port: n("port", 3)}
		}
		c = put(e)
	case "user":
		c = put(e911.User{ID: e911.UserID(id), Org: org, DeviceUserID: "d" + n("uid", 2)})
	case "device":
		c = put(e911.Device{ID: e911.DeviceID(id), Org: org, Key: id, User: e911.UserID("user" + n("user", 2) + string(org))})
	case "number":
		c = put(e911.NumberRec{ID: e911.NumberID(id), Org: org, Number: e911.Number("+1617555010" + n("number", 3)), User: e911.UserID("user" + n("user", 2) + string(org))})
	case "trunk":
		c = put(e911.Trunk{ID: e911.TrunkID(id), Org: org, Key: id, Side: e911.SidePlatform, From: prefixes("127.0.0." + n("from", 3) + "/32"), DRFrom: prefixes("127.0.0." + n("dr", 3) + "/32")})
	case "alert":
		c = put(e911.Alert{ID: e911.AlertID(id), Org: org, Key: id, Site: e911.SiteID("site" + n("site", 2) + string(org))})
	}
	if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		c.Object = nil
	}
	return c
}

// sameAnswers compares two worlds by what calls would ask.
func sameAnswers(t *rapid.T, a, b *snapshot.Snapshot) {
	if a.Digest() != b.Digest() {
		t.Fatal("another world")
	}
	for i := range 4 {
		from := addr(fmt.Sprintf("127.0.0.%d", i))
		x, okX := a.TrunkBySource(from)
		y, okY := b.TrunkBySource(from)
		if x.ID != y.ID || okX != okY {
			t.Fatalf("source %s: %s and %s", from, x.ID, y.ID)
		}
		in := addr(fmt.Sprintf("10.%d.0.1", i))
		if x, y := len(a.OrgsByAddress(in)), len(b.OrgsByAddress(in)); x != y {
			t.Fatalf("address %s: %d and %d organisations", in, x, y)
		}
	}
	for _, id := range []string{"c0", "c1"} {
		x, y := a.OrgByCompanyID(id), b.OrgByCompanyID(id)
		if (x == nil) != (y == nil) || (x != nil && x.ID() != y.ID()) {
			t.Fatalf("company id %s", id)
		}
	}
	for x := range a.Orgs() {
		y := b.Org(x.ID())
		for row := range 2 {
			for digit := range 10 {
				m := e911.MAC(fmt.Sprintf("00:11:22:33:4%d:5%d", row, digit))
				idX, okX := x.ByBSSID(m)
				idY, okY := y.ByBSSID(m)
				if idX != idY || okX != okY {
					t.Fatalf("access point %s: %q and %q", m, idX, idY)
				}
			}
		}
		for i := range 4 {
			in := addr(fmt.Sprintf("10.%d.0.1", i))
			idX, _ := x.ByIP(in)
			idY, _ := y.ByIP(in)
			portX, _ := x.ByLLDPPort(e911.LLDPPort{Chassis: "sw", Port: fmt.Sprint(i)})
			portY, _ := y.ByLLDPPort(e911.LLDPPort{Chassis: "sw", Port: fmt.Sprint(i)})
			numberX, _ := x.Number(e911.Number(fmt.Sprintf("+1617555010%d", i)))
			numberY, _ := y.Number(e911.Number(fmt.Sprintf("+1617555010%d", i)))
			userX, _ := x.UserByDeviceUserID(fmt.Sprint("d", i))
			userY, _ := y.UserByDeviceUserID(fmt.Sprint("d", i))
			if idX != idY || portX != portY || numberX != numberY || userX != userY {
				t.Fatalf("organisation %s answers differently", x.ID())
			}
		}
		for l := range x.Locations() {
			p, _ := x.Place(l.ID)
			q, _ := y.Place(l.ID)
			if p.Display != q.Display || p.Civic != q.Civic || p.Site != q.Site {
				t.Fatalf("place %q and %q", p.Display, q.Display)
			}
		}
		for s := range x.Sites() {
			if len(x.BuildingPlaces(s.ID)) != len(y.BuildingPlaces(s.ID)) || len(x.Alerts(s.ID)) != len(y.Alerts(s.ID)) {
				t.Fatalf("site %s has other buildings or alerts", s.ID)
			}
		}
		for u := range x.Users() {
			if !slices.Equal(x.DevicesOf(u.ID), y.DevicesOf(u.ID)) || !slices.Equal(x.NumbersOf(u.ID), y.NumbersOf(u.ID)) {
				t.Fatalf("user %s has other devices or numbers", u.ID)
			}
		}
	}
}
