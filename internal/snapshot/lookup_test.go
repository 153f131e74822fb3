package snapshot_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
	"github.com/callbox911/callbox/internal/snapshot"
)

// floors is an organisation of n locations l0, l1 ... and nothing else.
func floors(t testing.TB, n int, more ...e911.Element) (*snapshot.Snapshot, error) {
	t.Helper()
	list := []snapshot.Change{
		put(e911.Org{ID: "o", Key: "o", PublicRanges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, BSSIDMasking: []e911.BSSIDMask{{OUI: "00:11:22", Digits: 1}}}),
		put(e911.Site{ID: "s", Org: "o", Key: "s"}), put(e911.Building{ID: "b", Org: "o", Site: "s", Key: "b"}),
	}
	for i := range n {
		id := e911.LocationID(fmt.Sprint("l", i))
		list = append(list, put(e911.Location{ID: id, Org: "o", Building: "b", Key: string(id)}))
	}
	for i, e := range more {
		e.Org = "o"
		if e.ID == "" {
			e.ID = e911.ElementID(fmt.Sprint("e", i))
		}
		list = append(list, put(e))
	}
	return snapshot.Build(list, published)
}

// Proves: W-08, W-09, F-06, F-19, F-33
func TestEveryKindOfElementIsFound(t *testing.T) {
	sw := "0c:75:bd:00:00:01"
	s, err := floors(t, 9,
		e911.Element{Kind: e911.ElementLLDPPorts, LLDP: e911.LLDPPort{Chassis: sw, Port: "Gi1/0/*"}, Location: "l0"},
		e911.Element{Kind: e911.ElementLLDPPorts, LLDP: e911.LLDPPort{Chassis: sw, Port: "Gi1/0/[1-24]"}, Location: "l1"},
		e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: sw, Port: "Gi1/0/7"}, Location: "l2"},
		e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: sw, Port: "gi1/0/7"}, Location: "l3"},
		e911.Element{Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:50", Location: "l0"},
		e911.Element{Kind: e911.ElementBSSID, MAC: "00:11:22:33:44:00", MACTo: "00:11:22:33:44:ff", Location: "l1"},
		e911.Element{Kind: e911.ElementBSSID, MAC: "00:11:22:33:55:50", Location: "l2"},
		e911.Element{Kind: e911.ElementGateway, MAC: "00:1b:54:00:00:2e", Location: "l4"},
		e911.Element{Kind: e911.ElementDECTBase, Name: "01234567ab", Location: "l5"},
		e911.Element{Kind: e911.ElementAP, Name: "AP Mill 2", Location: "l6"},
		e911.Element{Kind: e911.ElementATAPort, MAC: "00:1b:54:00:00:2f", Name: "FXS 1", Location: "l7"},
		e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.20.0.0/16"), Location: "l0"},
		e911.Element{Kind: e911.ElementIP, From: netip.MustParseAddr("10.20.0.5"), To: netip.MustParseAddr("10.20.0.20"), Location: "l1"},
		e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.20.0.8/30"), Location: "l2"},
		e911.Element{Kind: e911.ElementIP, From: netip.MustParseAddr("2001:db8::5"), To: netip.MustParseAddr("2001:db8::9"), Location: "l3"},
		e911.Element{Kind: e911.ElementVPN, Range: netip.MustParsePrefix("10.8.0.0/16")},
		e911.Element{Kind: e911.ElementSASE, From: netip.MustParseAddr("198.51.100.7"), To: netip.MustParseAddr("198.51.100.9")},
		e911.Element{Kind: e911.ElementIgnore, Range: netip.MustParsePrefix("172.17.0.0/16")},
		e911.Element{Kind: e911.ElementIgnore, MAC: "02:42:00:00:00:00", MACTo: "02:42:ff:ff:ff:ff"},
	)
	if err != nil {
		t.Fatal(err)
	}
	o := s.Org("o")
	port := func(p string) (e911.LocationID, bool) { return o.ByLLDPPort(e911.LLDPPort{Chassis: sw, Port: p}) }
	ip := func(a string) (e911.LocationID, bool) { return o.ByIP(netip.MustParseAddr(a)) }
	check := func(what string, got e911.LocationID, ok bool, want e911.LocationID) {
		t.Helper()
		if got != want || ok != (want != "") {
			t.Errorf("%s is at %q, want %q", what, got, want)
		}
	}
	for p, want := range map[string]e911.LocationID{"Gi1/0/7": "l2", "gi1/0/7": "l3", "Gi1/0/8": "l1", "Gi1/0/48": "l0", "Gi2/0/1": "", "Gi1/0/": ""} {
		got, ok := port(p)
		check("port "+p, got, ok, want)
	}
	for m, want := range map[e911.MAC]e911.LocationID{
		"00:11:22:33:44:50": "l0", "00:11:22:33:44:51": "l1", "00:11:22:33:44:ff": "l1", "00:11:22:33:55:5f": "l2", "00:11:22:33:55:60": "", "": "",
	} {
		got, ok := o.ByBSSID(m)
		check("BSSID "+string(m), got, ok, want)
	}
	for a, want := range map[string]e911.LocationID{
		"10.20.0.4": "l0", "10.20.0.5": "l1", "10.20.0.8": "l2", "10.20.0.12": "l1", "10.20.0.21": "l0", "::ffff:10.20.0.8": "l2",
		"2001:db8::5": "l3", "2001:db8::9%eth0": "l3", "2001:db8::a": "", "10.8.0.1": "",
	} {
		got, ok := ip(a)
		check(a, got, ok, want)
	}
	got, ok := o.ByGateway("00:1b:54:00:00:2e")
	check("gateway", got, ok, "l4")
	got, ok = o.ByMAC("00:1b:54:00:00:2e")
	check("gateway as device", got, ok, "")
	got, ok = o.ByDECTBase("01234567ab")
	check("DECT base", got, ok, "l5")
	got, ok = o.ByAP("ap mill 2")
	check("access point by name", got, ok, "l6")
	got, ok = o.ByATAPort("00:1b:54:00:00:2f", "FXS 1")
	check("port of an adapter", got, ok, "l7")
	got, ok = o.ByATAPort("00:1b:54:00:00:2f", "fxs 1")
	check("port of an adapter in another case", got, ok, "")
	if k, ok := o.Tunnel(netip.MustParseAddr("::ffff:10.8.3.1")); !ok || k != e911.ElementVPN {
		t.Errorf("VPN pool: %v %v", k, ok)
	}
	if k, ok := o.Tunnel(netip.MustParseAddr("198.51.100.9")); !ok || k != e911.ElementSASE {
		t.Errorf("SASE egress: %v %v", k, ok)
	}
	if _, ok := o.Tunnel(netip.MustParseAddr("198.51.100.10")); ok {
		t.Error("an address outside is a tunnel")
	}
	if !o.IgnoredAddr(netip.MustParseAddr("172.17.0.2")) || o.IgnoredAddr(netip.MustParseAddr("172.18.0.2")) {
		t.Error("virtual addresses")
	}
	if !o.IgnoredMAC("02:42:ac:11:00:02") || o.IgnoredMAC("02:43:ac:11:00:02") || o.IgnoredMAC("") {
		t.Error("virtual adapters")
	}
	if orgs := s.OrgsByAddress(netip.MustParseAddr("2001:db8::7")); len(orgs) != 1 {
		t.Errorf("%d organisations by an address in a low-high range", len(orgs))
	}
	// All of it can be taken out again.
	var gone []snapshot.Change
	for e := range o.Elements() {
		gone = append(gone, snapshot.Change{Kind: e911.KindElement, Org: "o", ID: string(e.ID)})
	}
	after, err := s.Apply(gone, published)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := floors(t, 9)
	if err != nil {
		t.Fatal(err)
	}
	if after.Digest() != bare.Digest() {
		t.Error("something of the elements stays")
	}
	if got, ok := after.Org("o").ByIP(netip.MustParseAddr("10.20.0.8")); ok {
		t.Errorf("an address is still at %s", got)
	}
	if len(after.OrgsByAddress(netip.MustParseAddr("2001:db8::7"))) != 0 {
		t.Error("the address is still the organisation's")
	}
	if got, ok = ip("10.20.0.8"); got != "l2" || !ok {
		t.Error("the world before has changed")
	}
}

// Proves: F-19, E15
func TestTwoPlacesOfOneKeyAreRefusedWithBothNamed(t *testing.T) {
	sw := "0c:75:bd:00:00:01"
	pattern := func(p string, at e911.LocationID) e911.Element {
		return e911.Element{Kind: e911.ElementLLDPPorts, LLDP: e911.LLDPPort{Chassis: sw, Port: p}, Location: at}
	}
	radio := func(from, to e911.MAC, at e911.LocationID) e911.Element {
		return e911.Element{Kind: e911.ElementBSSID, MAC: from, MACTo: to, Location: at}
	}
	ends := func(from, to string, at e911.LocationID) e911.Element {
		return e911.Element{Kind: e911.ElementIP, From: netip.MustParseAddr(from), To: netip.MustParseAddr(to), Location: at}
	}
	for name, c := range map[string]struct {
		a, b e911.Element
		want string // what the fault says; empty: both are taken
	}{
		"patterns that overlap in part":         {pattern("Gi1/0/[1-24]", "l0"), pattern("Gi1/0/[20-48]", "l1"), "ambiguous"},
		"the same at one place":                 {pattern("Gi1/0/[1-24]", "l0"), pattern("Gi1/0/[20-48]", "l0"), ""},
		"a pattern within another":              {pattern("Gi1/0/*", "l0"), pattern("Gi1/0/[20-48]", "l1"), ""},
		"the same ports twice":                  {pattern("Gi1/0/[10-24]", "l0"), pattern("Gi1/0/[10-24]", "l0"), "duplicate"},
		"BSSIDs that overlap":                   {radio("00:11:22:33:44:00", "00:11:22:33:44:50", "l0"), radio("00:11:22:33:44:50", "00:11:22:33:44:60", "l1"), "ambiguous"},
		"BSSIDs within others elsewhere":        {radio("00:11:22:33:44:00", "00:11:22:33:44:50", "l0"), radio("00:11:22:33:44:10", "00:11:22:33:44:20", "l1"), "ambiguous"},
		"BSSIDs side by side":                   {radio("00:11:22:33:44:00", "00:11:22:33:44:4f", "l0"), radio("00:11:22:33:44:50", "00:11:22:33:44:60", "l1"), ""},
		"ranges of one size that overlap":       {ends("10.0.0.1", "10.0.0.10", "l0"), ends("10.0.0.5", "10.0.0.14", "l1"), "ambiguous"},
		"a range and a prefix of its size":      {ends("10.0.0.2", "10.0.0.5", "l0"), e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.0.0.4/30"), Location: "l1"}, "ambiguous"},
		"a smaller range in a larger":           {ends("10.0.0.1", "10.0.0.10", "l0"), ends("10.0.0.5", "10.0.0.7", "l1"), ""},
		"the same range in two notations":       {ends("10.0.0.0", "10.0.0.255", "l0"), e911.Element{Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.0.0.0/24"), Location: "l1"}, "duplicate"},
		"one name in two cases":                 {e911.Element{Kind: e911.ElementAP, Name: "AP 1", Location: "l0"}, e911.Element{Kind: e911.ElementAP, Name: "ap 1", Location: "l1"}, "duplicate"},
		"one range as VPN and as proxy":         {e911.Element{Kind: e911.ElementVPN, Range: netip.MustParsePrefix("10.0.0.0/24")}, e911.Element{Kind: e911.ElementProxy, Range: netip.MustParsePrefix("10.0.0.0/24")}, "duplicate"},
		"two ports whose names differ in case":  {e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: sw, Port: "Gi1"}, Location: "l0"}, e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: sw, Port: "gi1"}, Location: "l1"}, ""},
		"two ports whose names differ by space": {e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: sw, Port: "P 1"}, Location: "l0"}, e911.Element{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: sw, Port: "P1"}, Location: "l1"}, ""},
	} {
		for _, swapped := range []bool{false, true} {
			a, b := c.a, c.b
			if swapped {
				a, b = b, a
			}
			_, err := floors(t, 2, a, b)
			var got []string
			for _, f := range e911.FaultsOf(err) {
				got = append(got, f.Code)
				if f.Code == "ambiguous" && (!strings.Contains(f.Msg, "l0") || !strings.Contains(f.Msg, "l1")) {
					t.Errorf("%s: not both places are named: %s", name, f.Msg)
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s: %q, want %q", name, s, c.want)
			}
		}
	}
}

// The smallest range that holds an address wins, whatever was added and taken
// out in which order.
// Proves: W-08, F-06
func TestAddressesAgreeWithANaiveSearch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		addr := func(label string) netip.Addr {
			return netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(rt, label)})
		}
		var have []e911.Element
		s, err := floors(t, 4)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			if len(have) > 0 && rapid.IntRange(0, 4).Draw(rt, "delete") == 0 {
				n := rapid.IntRange(0, len(have)-1).Draw(rt, "which")
				if s, err = s.Apply([]snapshot.Change{{Kind: e911.KindElement, Org: "o", ID: string(have[n].ID)}}, published); err != nil {
					rt.Fatal(err)
				}
				have = slices.Delete(have, n, n+1)
				continue
			}
			e := e911.Element{ID: e911.ElementID(fmt.Sprint("e", i)), Org: "o", Kind: e911.ElementIP, Location: e911.LocationID(fmt.Sprint("l", rapid.IntRange(0, 3).Draw(rt, "at")))}
			if rapid.Bool().Draw(rt, "prefix") {
				e.Range = netip.PrefixFrom(addr("addr"), rapid.IntRange(24, 32).Draw(rt, "bits")).Masked()
			} else {
				e.From, e.To = addr("from"), addr("to")
				if e.To.Less(e.From) {
					e.From, e.To = e.To, e.From
				}
			}
			next, err := s.Apply([]snapshot.Change{put(e)}, published)
			x, _ := netmap.SpanOf(e)
			clash := slices.ContainsFunc(have, func(o e911.Element) bool {
				y, _ := netmap.SpanOf(o)
				return x == y || x.Overlaps(y) && x.Compare(y) == 0 && o.Location != e.Location
			})
			if (err != nil) != clash {
				rt.Fatalf("%s is refused: %v, want %v", x, err, clash)
			}
			if err == nil {
				s, have = next, append(have, e)
			}
		}
		for range 30 {
			a := addr("ask")
			best := netmap.Span{}
			want := map[e911.LocationID]bool{}
			for _, e := range have {
				y, _ := netmap.SpanOf(e)
				switch {
				case !y.Has(a):
				case !best.Valid() || y.Compare(best) < 0:
					best, want = y, map[e911.LocationID]bool{e.Location: true}
				case y.Compare(best) == 0:
					want[e.Location] = true
				}
			}
			got, ok := s.Org("o").ByIP(a)
			if ok != best.Valid() || ok && !want[got] || len(want) > 1 {
				rt.Fatalf("%s is at %q, want %v", a, got, want)
			}
		}
	})
}

// Proves: F-19
func TestRangesOfAccessPointsAgreeWithANaiveSearch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mac := func(label string) e911.MAC {
			return e911.MACFrom([6]byte{0, 0x11, 0x23, 0, rapid.Byte().Draw(rt, label) & 1, rapid.Byte().Draw(rt, label)})
		}
		var have []e911.Element
		s, err := floors(t, 3)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			e := e911.Element{ID: e911.ElementID(fmt.Sprint("e", i)), Org: "o", Kind: e911.ElementBSSID, MAC: mac("mac"), Location: e911.LocationID(fmt.Sprint("l", rapid.IntRange(0, 2).Draw(rt, "at")))}
			if to := mac("to"); to > e.MAC && rapid.Bool().Draw(rt, "range") {
				e.MACTo = to
			}
			if next, err := s.Apply([]snapshot.Change{put(e)}, published); err == nil {
				s, have = next, append(have, e)
			}
		}
		for range 30 {
			m, want := mac("ask"), e911.LocationID("")
			for _, e := range have {
				if e.MACTo != "" && e.MAC <= m && m <= e.MACTo {
					if want != "" && want != e.Location {
						rt.Fatalf("%s is in ranges of two places", m)
					}
					want = e.Location
				}
			}
			for _, e := range have {
				if e.MACTo == "" && e.MAC == m {
					want = e.Location
				}
			}
			if got, _ := s.Org("o").ByBSSID(m); got != want {
				rt.Fatalf("%s is at %q, want %q", m, got, want)
			}
		}
	})
}

// One end of a range may lie in a range of the same size at the same place, and
// the other in one at another place.
// Proves: F-19
func TestBothEndsOfARangeAreLookedAt(t *testing.T) {
	range4 := func(id, at, from, to string) e911.Element {
		return e911.Element{ID: e911.ElementID(id), Org: "o", Kind: e911.ElementIP, Location: e911.LocationID(at), From: netip.MustParseAddr(from), To: netip.MustParseAddr(to)}
	}
	for _, others := range [][]e911.Element{
		{
			{ID: "a", Org: "o", Kind: e911.ElementIP, Location: "l0", Range: netip.MustParsePrefix("10.0.0.0/30")},
			{ID: "b", Org: "o", Kind: e911.ElementIP, Location: "l1", Range: netip.MustParsePrefix("10.0.0.4/30")},
		},
		{range4("a", "l0", "10.0.0.1", "10.0.0.3"), range4("b", "l1", "10.0.0.4", "10.0.0.6")},
	} {
		bad := range4("c", "l0", "10.0.0.1", "10.0.0.4")
		if others[0].From.IsValid() {
			bad = range4("c", "l0", "10.0.0.2", "10.0.0.4")
		}
		if _, err := floors(t, 4, append(others, bad)...); err == nil {
			t.Errorf("%v is taken beside %v", bad, others)
		}
		bad.Location = "l1"
		if _, err := floors(t, 4, append(others[1:], bad)...); err != nil {
			t.Errorf("%v is refused beside %v: %v", bad, others[1:], err)
		}
	}
}
