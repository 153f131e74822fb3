package snapshot_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// campus is an organisation of n network elements in n/20 locations, n/10
// devices, users and numbers.
func campus(n int) []snapshot.Change {
	out := []snapshot.Change{
		put(e911.Org{ID: e911.NewID[e911.OrgID](), Key: "campus", BSSIDMasking: []e911.BSSIDMask{{OUI: "00:11:22", Digits: 1}}}),
	}
	org := out[0].Org
	site := e911.Site{ID: e911.NewID[e911.SiteID](), Org: org, Key: "site", ECBN: "+16175550100"}
	out = append(out, put(site))
	address := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", PC: "02139"}
	var locations []e911.LocationID
	for i := range max(n/1000, 1) {
		a := address
		a.HNO = fmt.Sprint(i + 1)
		b := e911.Building{ID: e911.NewID[e911.BuildingID](), Org: org, Site: site.ID, Name: fmt.Sprint("Building ", i), Address: a, Point: &e911.Point{Lat: 42.3, Lon: -71.1}}
		out = append(out, put(b))
		for k := range 50 {
			l := e911.Location{ID: e911.NewID[e911.LocationID](), Org: org, Building: b.ID, Key: fmt.Sprint(i, "-", k), Detail: e911.Civic{FLR: fmt.Sprint(k / 10), ROOM: fmt.Sprint(k)}}
			locations = append(locations, l.ID)
			out = append(out, put(l))
		}
	}
	for i := range n {
		e := e911.Element{ID: e911.NewID[e911.ElementID](), Org: org, Location: locations[i%len(locations)]}
		switch i % 4 {
		case 0, 1:
			e.Kind = e911.ElementBSSID
			e.MAC = e911.MACFrom([6]byte{0x00, 0x11 + byte(i&1), 0x30 + byte(i>>20), byte(i >> 12), byte(i >> 4), byte(i << 4)})
		case 2:
			e.Kind, e.LLDP = e911.ElementLLDPPort, e911.LLDPPort{Chassis: string(e911.MACFrom([6]byte{0x0c, 0x75, 0xbd, 0, byte(i >> 14), byte(i >> 6)})), Port: fmt.Sprint("Gi1/0/", i%64)}
		case 3:
			e.Kind, e.Range = e911.ElementIP, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i) &^ 3}), 30)
		}
		out = append(out, put(e))
	}
	for i := range n / 10 {
		u := e911.User{ID: e911.NewID[e911.UserID](), Org: org, Site: site.ID, Key: fmt.Sprint("u", i), Name: "A. Name", DeviceUserID: fmt.Sprint("agent", i)}
		out = append(out, put(u),
			put(e911.Device{ID: e911.NewID[e911.DeviceID](), Org: org, Site: site.ID, Key: fmt.Sprint("d", i), MAC: e911.MACFrom([6]byte{0, 0x13, 0, byte(i >> 16), byte(i >> 8), byte(i)}), User: u.ID}),
			put(e911.NumberRec{ID: e911.NewID[e911.NumberID](), Org: org, Site: site.ID, Number: e911.Number(fmt.Sprintf("+1617%07d", 2000000+i)), User: u.ID, Location: locations[i%len(locations)]}))
	}
	return out
}

// The world of the design's section 8: a million elements, 100,000 devices.
func BenchmarkMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("a million elements take minutes")
	}
	changes := campus(1_000_000)
	org := changes[0].Org
	var s *snapshot.Snapshot
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			var err error
			if s, err = snapshot.Build(changes, published); err != nil {
				b.Fatal(err)
			}
		}
	})
	var element e911.Element
	for i := range changes {
		if e, ok := changes[i].Object.(e911.Element); ok && e.Kind == e911.ElementBSSID {
			element = e
		}
	}
	b.Run("apply one element", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Apply([]snapshot.Change{put(element)}, published); err != nil {
				b.Fatal(err)
			}
		}
	})
	dir := b.TempDir()
	keys, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write base", func(b *testing.B) {
		for b.Loop() {
			if err := snapshot.OpenFile(dir, keys).WriteBase(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	s, changes = nil, nil
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if s, err = snapshot.OpenFile(dir, keys).Load(); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-live")
	})
	o := s.Org(org)
	b.Run("look up BSSID and place", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			id, ok := o.ByBSSID(element.MAC)
			if _, found := o.Place(id); !ok || !found {
				b.Fatal("not found")
			}
		}
	})
	b.Run("look up address", func(b *testing.B) {
		b.ReportAllocs()
		a := netip.MustParseAddr("10.3.2.9")
		for b.Loop() {
			o.ByIP(a)
			s.TrunkBySource(a)
		}
	})
}
