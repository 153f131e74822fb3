package locate_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const (
	sw           = "0c:75:bd:00:00:01"
	gw  e911.MAC = "00:11:22:77:00:01"
	pub          = "203.0.113.5" // of the organisation, on no place
	vpn          = "10.250.0.9"
	foo          = "192.0.2.77" // somebody's home
)

func office() *network {
	n := newNetwork()
	n.gateway = map[e911.MAC]e911.LocationID{gw: "mill/2"}
	n.dect = map[string]e911.LocationID{"0011223344": "mill/3"}
	n.aps = map[string]e911.LocationID{"ap-mill-3": "mill/3"}
	n.ata = map[locate.ATAPort]e911.LocationID{{Adapter: "00:11:22:55:00:01", Port: "2"}: "annex/1"}
	n.tunnels = map[netip.Prefix]e911.ElementKind{
		netip.MustParsePrefix("10.250.0.0/16"):   e911.ElementVPN,
		netip.MustParsePrefix("203.0.113.99/32"): e911.ElementSASE,
		netip.MustParsePrefix("203.0.113.98/32"): e911.ElementProxy,
	}
	n.ignored = []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16")}
	n.virtual = []e911.MAC{"00:15:5d:00:00:01"}
	n.ip[netip.MustParsePrefix("10.20.0.0/16")] = "depot/1"
	n.ip[netip.MustParsePrefix("10.10.0.0/16")] = "mill/1"
	return n
}

func portOf(p string) []locate.Neighbour {
	return []locate.Neighbour{{Chassis: sw, ChassisSubtype: 4, Port: p}}
}

// day is a list of requests, and the Memory after them.
type day []locate.Measurement

func (d day) memory() locate.Memory {
	var m locate.Memory
	for _, me := range d {
		m, _ = m.Observe(me)
		m = m.Recall(office(), nil).Memory
	}
	return m
}

// answer is what a call at now is told.
func answer(n locate.Map, m locate.Memory, more ...locate.Candidate) locate.Result {
	return locate.Decide(append(m.Recall(n, nil).Candidates, more...), locate.Situation{HELD: true}, now)
}

func from(age time.Duration, source string, change ...func(*locate.Measurement)) locate.Measurement {
	m := locate.Measurement{At: ago(age), Source: addr(source)}
	for _, c := range change {
		c(&m)
	}
	return m
}

func onPort(p string) func(*locate.Measurement) {
	return func(m *locate.Measurement) { m.LLDP = portOf(p) }
}

func onAP(b e911.MAC) func(*locate.Measurement) { return func(m *locate.Measurement) { m.Serving = b } }

func tunnelUp(m *locate.Measurement) { m.Tunnel = true }

func on(in ...locate.Interface) func(*locate.Measurement) {
	return func(m *locate.Measurement) { m.Interfaces = in }
}

// Proves: F-01, F-06, F-18, F-19, E13, W-38
func TestWhatIsRememberedOfADevice(t *testing.T) {
	const strangeAP e911.MAC = "00:99:00:00:00:10"
	port := onPort("Gi1/0/7") // mill/2/210
	eth := func(down bool) locate.Interface {
		i := locate.Interface{Name: "eth0", Down: down}
		if !down {
			i.LLDP = portOf("Gi1/0/7")
		}
		return i
	}
	for _, c := range []struct {
		name  string
		day   day
		by    e911.LocatedBy
		place string
		class locate.Class
		flags []string
	}{
		{"a later request with a mapped address of the same building leaves the port", day{from(time.Hour, pub, port), from(time.Minute, "10.10.0.7")}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, nil},
		{"one with a mapped address of another building contradicts it", day{from(time.Hour, pub, port), from(time.Minute, "10.20.0.7")}, e911.ByPrivateIP, "depot/1", locate.Fresh, []string{locate.FlagContradicted}},
		{"an address that was there when the port was measured is no news", day{from(time.Hour, "10.20.0.7", port), from(time.Minute, "10.20.0.7")}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, []string{locate.FlagFar}},
		{"unless another address was seen between", day{from(time.Hour, "10.20.0.7", port), from(30*time.Minute, "10.10.0.7"), from(time.Minute, "10.20.0.7")}, e911.ByPrivateIP, "depot/1", locate.Fresh, []string{locate.FlagContradicted}},
		{"a request that shows nothing leaves what is known", day{from(time.Hour, pub, port), from(time.Minute, pub)}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, nil},
		{"a port of months ago is used, and flagged", day{from(90*24*time.Hour, pub, port)}, e911.ByLLDPPort, "mill/2/210", locate.Aged, []string{locate.FlagAged}},

		{"an unknown access point ends the trust", day{from(time.Hour, pub, port), from(time.Minute, pub, onAP(strangeAP))}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"one that was there when the port was measured does not", day{from(time.Hour, pub, port, onAP(strangeAP)), from(time.Minute, pub, onAP(strangeAP))}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, nil},
		{"one of home, where the device was before the office", day{from(9*time.Hour, foo, onAP(strangeAP)), from(2*time.Hour, pub, port), from(time.Minute, foo, onAP(strangeAP))}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"one that was seen before the port, but not with it", day{from(9*time.Hour, pub, onAP(strangeAP)), from(2*time.Hour, pub, port), from(time.Minute, pub, onAP(strangeAP))}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"an unknown switch ends the trust", day{from(time.Hour, pub, onAP(ap1)), from(time.Minute, pub, func(m *locate.Measurement) { m.LLDP = []locate.Neighbour{{Chassis: "00:99:00:00:00:01", Port: "1"}} })}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"a public address of nobody ends the trust", day{from(time.Hour, pub, port), from(time.Minute, foo)}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"the office again after home", day{from(3*time.Hour, pub, port), from(2*time.Hour, foo), from(time.Minute, pub, onAP(ap1))}, e911.ByBSSID, "mill/2", locate.Fresh, nil},
		{"an unknown access point at a known address", day{from(time.Hour, pub, port), from(time.Minute, "10.10.0.7", onAP(strangeAP))}, e911.ByPrivateIP, "mill/1", locate.Fresh, nil},

		{"dialled into the VPN since: it has left", day{from(time.Hour, pub, port), from(time.Minute, vpn)}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"the client says so", day{from(time.Hour, pub, port), from(time.Minute, pub, tunnelUp)}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"the VPN up in the office: the physical interface counts", day{from(time.Minute, vpn, port, tunnelUp)}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, nil},
		{"and still counts when only the VPN is seen again", day{from(time.Hour, vpn, port, tunnelUp), from(time.Minute, vpn, tunnelUp)}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, nil},
		{"a proxy since weakens", day{from(time.Hour, pub, port), from(time.Minute, "203.0.113.98")}, e911.ByLLDPPort, "mill/2/210", locate.Aged, []string{locate.FlagAged, locate.FlagWeak}},
		{"another address of the organisation that is not on the map weakens", day{from(time.Hour, pub, port), from(time.Minute, "203.0.113.6")}, e911.ByLLDPPort, "mill/2/210", locate.Aged, []string{locate.FlagAged, locate.FlagWeak}},
		{"another lease of the same network does not", day{from(time.Hour, "10.99.1.5", port), from(time.Minute, "10.99.1.6")}, e911.ByLLDPPort, "mill/2/210", locate.Fresh, nil},
		{"another network does", day{from(time.Hour, "10.99.1.5", port), from(time.Minute, "10.99.2.6")}, e911.ByLLDPPort, "mill/2/210", locate.Aged, []string{locate.FlagAged, locate.FlagWeak}},

		{"a cable that was pulled", day{from(time.Hour, pub, on(eth(false))), from(time.Minute, pub, on(eth(true)))}, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
		{"pulled, and on the air", day{from(time.Hour, pub, on(eth(false))), from(time.Minute, pub, on(eth(true), locate.Interface{Name: "wlan0", Serving: ap1}))}, e911.ByBSSID, "mill/2", locate.Fresh, nil},
		{"a late request changes nothing", day{from(time.Minute, pub, onAP(ap3)), from(2*time.Minute, pub, onAP(ap1))}, e911.ByBSSID, "mill/3", locate.Fresh, nil},
		{"roaming: the last access point", day{from(9*time.Minute, pub, onAP(ap1)), from(time.Minute, pub, onAP(ap3))}, e911.ByBSSID, "mill/3", locate.Fresh, nil},
		{"an access point of forty minutes ago is its building", day{from(40*time.Minute, pub, onAP(ap1))}, e911.ByBSSID, "mill", locate.Aged, []string{locate.FlagAged, locate.FlagCoarse, locate.FlagNotDispatch}},
		{"nothing at all", nil, e911.ByNothing, "", locate.None, []string{locate.FlagUnlocated}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.day.memory()
			r := answer(office(), m)
			where := r.Place.Key
			if where == "" {
				where = string(r.Place.Building)
			}
			if r.By != c.by || where != c.place || r.Class != c.class || !slices.Equal(r.Flags, c.flags) {
				t.Errorf("%s at %q, %s %v, want %s at %q, %s %v\n%s", r.By, where, r.Class, r.Flags, c.by, c.place, c.class, c.flags, strings.Join(locate.Explain(r), "\n"))
			}
			if gone := !m.Recall(office(), nil).Elsewhere.IsZero(); gone && r.By != e911.ByNothing {
				t.Errorf("elsewhere, and located by %s", r.By)
			}
		})
	}
}

// A key is kept, not a place: what changes on the map answers at once, without a
// new request.
//
// Proves: F-01
func TestAnElementThatMovesOnTheMapMovesItsDevices(t *testing.T) {
	n := office()
	m := day{from(time.Hour, pub, onPort("Gi1/0/7"))}.memory()
	n.ports[e911.LLDPPort{Chassis: sw, Port: "Gi1/0/7"}] = "annex/1"
	if r := answer(n, m); r.Place.Key != "annex/1" || r.By != e911.ByLLDPPort {
		t.Errorf("%s at %s, want the port's new place", r.By, r.Place.Key)
	}
	delete(n.ports, e911.LLDPPort{Chassis: sw, Port: "Gi1/0/7"})
	if r := answer(n, m); r.By != e911.ByLLDPChassis {
		t.Errorf("by %s after the port left the map, want the switch", r.By)
	}
	delete(n.chassis, sw)
	if r := answer(n, m); r.By != e911.ByNothing || m.Recall(n, nil).Elsewhere.IsZero() {
		t.Errorf("by %s after the switch left the map", r.By)
	}

	const late e911.MAC = "00:99:00:00:00:10"
	m = day{from(20*time.Minute, pub, onAP(late))}.memory()
	if rec := m.Recall(n, nil); rec.Elsewhere.IsZero() || len(rec.Candidates) > 0 {
		t.Errorf("an unknown access point: %+v", rec)
	}
	n.bssid[late] = "mill/3"
	if r := answer(n, m); r.By != e911.ByBSSID || r.Place.Key != "mill/3" {
		t.Errorf("%s at %s, want the access point that was put on the map", r.By, r.Place.Key)
	}
}

// What the relay centre is told of a device that went off the map.
//
// Proves: E11, E13
func TestWhatIsOverIsAHint(t *testing.T) {
	m := day{from(25*time.Minute, pub, onAP(ap1)), from(time.Minute, pub, onAP("00:99:00:00:00:10"))}.memory()
	r := answer(office(), m)
	if r.By != e911.ByNothing || len(r.Lost) != 1 || r.Lost[0].Place.Key != "mill/2" || r.Lost[0].Usable || r.Lost[0].Why == "" {
		t.Errorf("%s, lost %+v, want the access point of before, not to be sent", r.By, r.Lost)
	}
}

// Proves: F-19
func TestAPhoneThatWasCarriedAwayTakesNoPCAlong(t *testing.T) {
	m := day{from(2*time.Hour, pub, func(m *locate.Measurement) {
		m.LLDP = []locate.Neighbour{{Chassis: string(phone), ChassisSubtype: 4, Port: "2"}}
	})}.memory()
	for _, c := range []struct {
		name  string
		since time.Time
		want  int
	}{
		{"there since before", ago(3 * time.Hour), 1},
		{"carried away since", ago(time.Hour), 0},
		{"nobody knows since when", time.Time{}, 1},
	} {
		rec := m.Recall(office(), func(m e911.MAC) (locate.Evidence, bool) {
			return locate.Evidence{By: port, At: ago(time.Minute), Since: c.since, Place: place("mill/2/210")}, m == phone
		})
		if len(rec.Candidates) != c.want {
			t.Errorf("%s: %+v", c.name, rec.Candidates)
		}
	}
}

// A fixed telephone's own address is no network: it neither ends the trust in
// other evidence nor contradicts it.
//
// Proves: F-19
func TestAFixedAddressIsNoNews(t *testing.T) {
	n := office()
	n.mac["00:11:22:aa:00:01"] = "depot/1"
	fixed := func(m *locate.Measurement) { m.MAC = "00:11:22:aa:00:01" }
	m := day{from(time.Hour, pub, fixed, onPort("Gi1/0/7")), from(time.Minute, pub, fixed)}.memory()
	if r := answer(n, m); r.By != e911.ByLLDPPort {
		t.Errorf("by %s, want the port", r.By)
	}
	m, _ = m.Observe(from(time.Second, foo, fixed))
	if r := answer(n, m); r.By != e911.ByMAC || !slices.Contains(r.Flags, locate.FlagWeak) {
		t.Errorf("by %s %v from a strange address, want the fixed address, weakened", r.By, r.Flags)
	}
}

// Proves: F-01, F-07
func TestAMemoryIsAValueThatIsWrittenCompactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m locate.Memory
		n := office()
		for range rapid.IntRange(0, 30).Draw(t, "requests") {
			before := fmt.Sprintf("%+v", m)
			next, changed := m.Observe(anyMeasurement(t))
			if got := fmt.Sprintf("%+v", m); got != before {
				t.Fatalf("Observe changed the value it was called on")
			}
			if again, more := next.Observe(locate.Measurement{}); more || !cmp.Equal(again, next, cmpopts.EquateEmpty(), compareAddrs()) {
				t.Fatalf("an empty measurement changes %+v to %+v", next, again)
			}
			_ = changed
			m = next
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 12_000 || len(m.Sightings) > 24 {
			t.Fatalf("%d octets, %d sightings", len(text), len(m.Sightings))
		}
		var again locate.Memory
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again, cmpopts.EquateEmpty(), compareAddrs()); diff != "" {
			t.Fatalf("read back otherwise:\n%s", diff)
		}
		if diff := cmp.Diff(m.Recall(n, nil), again.Recall(n, nil), cmpopts.EquateEmpty(), compareAddrs()); diff != "" {
			t.Fatalf("says otherwise when it was read back:\n%s", diff)
		}
		packed, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = locate.ParseMemory(string(packed)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, again, cmpopts.EquateEmpty(), compareAddrs()); diff != "" {
			t.Fatalf("unpacked otherwise:\n%s", diff)
		}
		if len(packed) > 0 {
			_, _ = locate.ParseMemory(string(packed[:rapid.IntRange(0, len(packed)-1).Draw(t, "cut")])) // no panic
		}
		r := locate.Decide(m.Candidates(n), anySituation(t), now)
		if r.By != e911.ByNothing && !locate.Routable(r.Place) {
			t.Fatalf("no PSAP follows from %+v", r.Place)
		}
	})
}

// Proves: F-01, D-11
func TestTheSameAgainNeedsNoMeasurement(t *testing.T) {
	repeated := 0
	rapid.Check(t, func(t *rapid.T) {
		var m locate.Memory
		for range rapid.IntRange(0, 5).Draw(t, "requests") {
			m, _ = m.Observe(anyMeasurement(t))
		}
		me := anyMeasurement(t)
		me.At = now
		if rapid.Bool().Draw(t, "flat") {
			me.Interfaces = nil
		}
		m, _ = m.Observe(me)
		if !m.Repeats(me) {
			return
		}
		repeated++
		later := now.Add(time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "later"))).Truncate(time.Millisecond)
		again := me
		again.At, again.SourceAt = later, later
		want, _ := m.Observe(again)
		if diff := cmp.Diff(want, m.Again(me.At, later), cmpopts.EquateEmpty(), compareAddrs()); diff != "" {
			t.Fatalf("the same again is otherwise than when it is observed (-want +got):\n%s", diff)
		}
	})
	if repeated == 0 {
		t.Error("nothing was ever repeated")
	}
}

func compareAddrs() cmp.Option {
	return cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
}

// anyMeasurement draws what devices tell, true or not.
func anyMeasurement(t *rapid.T) locate.Measurement {
	macs := rapid.SampledFrom([]e911.MAC{ap1, ap2, ap3, gw, "", "00:99:00:00:00:10", "02:00:00:00:00:01", "rubbish", "00:15:5d:00:00:01"})
	addrs := rapid.SampledFrom([]string{pub, vpn, foo, "10.10.0.7", "10.20.0.7", "172.17.0.2", "fe80::1", "2001:db8:7::9", "::ffff:10.10.0.8", "203.0.113.99"})
	in := func(i int) locate.Interface {
		return locate.Interface{
			Name: rapid.SampledFrom([]string{"", "eth0", "wlan0", "tun0"}).Draw(t, "name"), Down: rapid.Bool().Draw(t, "down"), Virtual: i == 2,
			MAC: macs.Draw(t, "mac"), Serving: macs.Draw(t, "serving"), Gateway: macs.Draw(t, "gateway"),
			Neighbours: rapid.SliceOfN(macs, 0, 20).Draw(t, "neighbours"), Addrs: []netip.Addr{addr(addrs.Draw(t, "own")), {}},
			LLDP: []locate.Neighbour{{Chassis: rapid.SampledFrom([]string{sw, "", "sw-7", string(phone), strings.Repeat("x", 300)}).Draw(t, "chassis"), Port: rapid.SampledFrom([]string{"", "Gi1/0/7", "é"}).Draw(t, "port")}},
		}
	}
	m := locate.Measurement{
		At: ago(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(48*time.Hour)).Draw(t, "age"))), Tunnel: rapid.Bool().Draw(t, "tunnel"),
		DECTBase: rapid.SampledFrom([]string{"", "0011223344", "x"}).Draw(t, "base"), AP: rapid.SampledFrom([]string{"", "AP-Mill-3"}).Draw(t, "ap"),
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "interfaces") {
		m.Interfaces = append(m.Interfaces, in(i))
	}
	if rapid.Bool().Draw(t, "flat") {
		f := in(0)
		m.MAC, m.LLDP, m.Serving, m.Neighbours, m.Gateway, m.Addrs = f.MAC, f.LLDP, f.Serving, f.Neighbours, f.Gateway, f.Addrs
	}
	if rapid.Bool().Draw(t, "source known") {
		m.Source, m.SourceAt = addr(addrs.Draw(t, "source")), now
	}
	return m
}
