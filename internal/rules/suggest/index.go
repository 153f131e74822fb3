package suggest

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// Index is the network map of one organisation, laid out for neighbours. It is
// immutable and safe for concurrent use.
type Index struct {
	ports  map[string][]place // by chassis: its ports, and the chassis itself under ""
	radios []radio            // BSSIDs by number
	names  []place            // access points, DECT bases and ATA ports, by name
	ranges []span
	macs   []radio // fixed devices, docks, gateways and adapters, by number
}

type place struct {
	key string
	loc e911.LocationID
}

type radio struct {
	from, to uint64
	loc      e911.LocationID
}

type span struct {
	from, to netip.Addr
	loc      e911.LocationID
}

// New indexes elements. Those without a Location, and kinds that place nothing,
// are left out.
func New(elements iter.Seq[e911.Element]) *Index {
	x := &Index{ports: map[string][]place{}}
	for e := range elements {
		if e.Location != "" && e.Kind.Places() {
			x.add(e)
		}
	}
	byNumber := func(a, b radio) int { return cmp.Compare(a.from, b.from) }
	slices.SortFunc(x.radios, byNumber)
	slices.SortFunc(x.macs, byNumber)
	for _, list := range x.ports {
		slices.SortFunc(list, func(a, b place) int { return cmp.Compare(a.key, b.key) })
	}
	slices.SortFunc(x.names, func(a, b place) int { return cmp.Compare(a.key, b.key) })
	slices.SortFunc(x.ranges, func(a, b span) int { return a.from.Compare(b.from) })
	return x
}

func (x *Index) add(e e911.Element) {
	switch e.Kind {
	case e911.ElementLLDPPort, e911.ElementLLDPPorts, e911.ElementLLDPChassis:
		x.ports[e.LLDP.Chassis] = append(x.ports[e.LLDP.Chassis], place{e.LLDP.Port, e.Location})
	case e911.ElementBSSID:
		from, to := number(e.MAC), number(cmp.Or(e.MACTo, e.MAC))
		x.radios = append(x.radios, radio{from, to, e.Location})
	case e911.ElementMAC, e911.ElementGateway, e911.ElementATAPort:
		x.macs = append(x.macs, radio{number(e.MAC), number(e.MAC), e.Location})
		if e.Kind == e911.ElementATAPort {
			x.names = append(x.names, place{ataName(e.MAC, e.Name), e.Location})
		}
	case e911.ElementAP, e911.ElementDECTBase:
		x.names = append(x.names, place{string(e.Kind) + " " + strings.ToLower(e.Name), e.Location})
	case e911.ElementIP:
		if s, ok := netmap.SpanOf(e); ok {
			x.ranges = append(x.ranges, span{s.From, s.To, e.Location})
		}
	}
}

func ataName(m e911.MAC, port string) string { return "ata_port " + string(m) + " " + port }

// Suggest returns the likely places of k, best first, at most MaxSuggestions
// and each Location once. Seen is better evidence than any neighbour; it may be
// empty.
func (x *Index) Suggest(k Key, seen ...Seen) []Suggestion {
	r := &ranking{}
	r.seen(seen)
	switch k.Kind {
	case e911.ElementLLDPPort, e911.ElementLLDPPorts, e911.ElementLLDPChassis:
		x.sameSwitch(r, k.LLDP)
	case e911.ElementBSSID:
		x.sameRadio(r, k.MAC)
	case e911.ElementIP:
		x.sameSubnet(r, k.Addr)
	case e911.ElementGateway, e911.ElementMAC:
		x.nearMAC(r, k.MAC)
	case e911.ElementATAPort:
		x.sameAdapter(r, k.MAC)
	case e911.ElementAP, e911.ElementDECTBase:
		x.likeName(r, string(k.Kind)+" "+strings.ToLower(k.Name))
	}
	return r.best()
}

// sameSwitch looks at the other ports of the chassis, nearest port first.
func (x *Index) sameSwitch(r *ranking, p e911.LLDPPort) {
	near, all := tally{}, tally{}
	for _, o := range x.ports[p.Chassis] {
		if o.key == "" {
			r.add(o.loc, 70, "the switch itself is mapped there")
			continue
		}
		all.add(o.loc)
		if d, ok := portDistance(p.Port, o.key); ok && d <= 2 {
			near.add(o.loc)
		}
	}
	if loc, n := near.most(); n > 0 {
		r.add(loc, 60+20*b2i(len(near) == 1 && len(all) == 1)+10*b2i(len(near) == 1), fmt.Sprintf("%s beside it on the same switch", count(n, "port is", "ports are")))
	}
	for loc, n := range all {
		r.add(loc, 30+30*n/all.total()+15*b2i(len(all) == 1 && all.total() > 1), fmt.Sprintf("%d of %d mapped ports of the same switch are there", n, all.total()))
	}
}

// sameRadio looks for BSSIDs of the same access point, which as a rule differ
// in the last digit or in the last two, and for the nearest of the vendor block.
func (x *Index) sameRadio(r *ranking, m e911.MAC) {
	for _, d := range []struct {
		bits, score int
		why         string
	}{
		{4, 90, "differing in the last digit only: as a rule the same access point"},
		{8, 55, "differing in the last two digits: the same access point, or one bought with it"},
		{16, 20, "of the same vendor block"},
	} {
		n := number(m)
		from, to := n>>d.bits<<d.bits, n|(1<<d.bits-1)
		t := tally{}
		for _, o := range within(x.radios, from, to) {
			t.add(o.loc)
		}
		for loc, c := range t {
			r.add(loc, d.score*c/t.total(), fmt.Sprintf("%s %s", count(c, "BSSID is there,", "BSSIDs are there,"), d.why))
		}
		if len(t) > 0 && d.bits == 4 {
			return
		}
	}
}

// sameSubnet widens the address until mapped ranges lie in it.
func (x *Index) sameSubnet(r *ranking, a netip.Addr) {
	a = a.Unmap().WithZone("")
	widths := []struct{ bits, score int }{{28, 60}, {24, 50}, {22, 25}}
	if a.Is6() {
		widths = []struct{ bits, score int }{{72, 60}, {64, 50}, {56, 25}}
	}
	for _, w := range widths {
		p, err := a.Prefix(w.bits)
		if err != nil {
			return
		}
		around := netmap.PrefixSpan(p)
		t := tally{}
		for _, s := range x.ranges {
			if s.from.BitLen() == a.BitLen() && s.from.Compare(around.To) <= 0 && s.to.Compare(around.From) >= 0 {
				t.add(s.loc)
			}
		}
		for loc, c := range t {
			r.add(loc, w.score*c/t.total(), fmt.Sprintf("%s in %s", count(c, "mapped range is there,", "mapped ranges are there,"), p))
		}
		if len(t) > 0 {
			return
		}
	}
}

// nearMAC: devices bought together are often put up together; that is little.
func (x *Index) nearMAC(r *ranking, m e911.MAC) {
	n := number(m)
	t := tally{}
	for _, o := range within(x.macs, n>>8<<8, n|0xff) {
		t.add(o.loc)
	}
	for loc, c := range t {
		r.add(loc, 25*c/t.total(), fmt.Sprintf("%s with the next hardware addresses", count(c, "device is there", "devices are there")))
	}
}

func (x *Index) sameAdapter(r *ranking, m e911.MAC) {
	t := tally{}
	prefix := ataName(m, "")
	for _, o := range x.names {
		if strings.HasPrefix(o.key, prefix) {
			t.add(o.loc)
		}
	}
	for loc, c := range t {
		r.add(loc, 60*c/t.total(), fmt.Sprintf("%s of the same adapter", count(c, "port is there", "ports are there")))
	}
}

// likeName: "hq-2-east-07" stands near "hq-2-east-06" when all that share the
// name up to its last number do.
func (x *Index) likeName(r *ranking, name string) {
	stem := strings.TrimRight(name, "0123456789")
	if i := strings.IndexByte(stem, ' '); i < 0 || len(stem)-i < 4 {
		return
	}
	t := tally{}
	at, _ := slices.BinarySearchFunc(x.names, stem, func(p place, s string) int { return cmp.Compare(p.key, s) })
	for _, o := range x.names[at:] {
		if !strings.HasPrefix(o.key, stem) {
			break
		}
		t.add(o.loc)
	}
	for loc, c := range t {
		r.add(loc, 55*c/t.total(), fmt.Sprintf("%s with a name of the same beginning", count(c, "is there", "are there")))
	}
}

// number reads a MAC as a 48-bit number, 0 when it is none.
func number(m e911.MAC) uint64 {
	b, err := hex.DecodeString(strings.ReplaceAll(string(m), ":", ""))
	if err != nil || len(b) != 6 {
		return 0
	}
	var n uint64
	for _, o := range b {
		n = n<<8 | uint64(o)
	}
	return n
}

// within returns the entries that begin in from to to. A range that begins
// before is no neighbour but would have matched.
func within(list []radio, from, to uint64) []radio {
	lo, _ := slices.BinarySearchFunc(list, from, func(r radio, n uint64) int { return cmp.Compare(r.from, n) })
	hi, _ := slices.BinarySearchFunc(list, to+1, func(r radio, n uint64) int { return cmp.Compare(r.from, n) })
	return list[lo:hi]
}
