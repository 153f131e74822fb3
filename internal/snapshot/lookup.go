package snapshot

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// name is how an element is found that has a name: kind, the hardware address
// of what has the name where it is unique only there, and the name as key.
type name struct {
	kind e911.ElementKind
	mac  e911.MAC
	name string
}

// portPattern is a pattern of ports of one switch.
type portPattern struct {
	ports   netmap.Ports
	element *e911.Element
}

// ByBSSID finds the location of an access point: exactly, then by a range of
// BSSIDs, then by the organisation's masks (F-19).
func (o *Org) ByBSSID(m e911.MAC) (e911.LocationID, bool) {
	k, ok := macKeyOf(numBSSID, m)
	if !ok {
		return "", false
	}
	if at, ok := o.net.locate(k); ok {
		return at, true
	}
	if e := inSpan(o.radio, netmap.MACAddr(m)); e != nil {
		return e.Location, true
	}
	if o.net.masked.n == 0 {
		return "", false
	}
	if key, ok := mask(o.config.BSSIDMasking, [6]byte(k[3:9])); ok {
		if at, ok := o.net.masked.get(key); ok {
			return e911.LocationID(o.net.places.text(at.loc)), true
		}
	}
	return "", false
}

// ByLLDPPort finds the location of a switch port, verbatim, then by the most
// specific pattern.
func (o *Org) ByLLDPPort(p e911.LLDPPort) (e911.LocationID, bool) {
	if k, ok := o.net.portKey(numPort, p); ok {
		if at, ok := o.net.locate(k); ok {
			return at, true
		}
	}
	list, _ := o.patterns.get(p.Chassis)
	best := -1
	for i := range list {
		// Two patterns of one port are at one place, or one is within the other.
		if list[i].ports.Match(p.Port) && (best < 0 || list[i].ports.Within(list[best].ports)) {
			best = i
		}
	}
	if best < 0 {
		return "", false
	}
	return list[best].element.Location, true
}

// ByLLDPChassis finds the location of a switch.
func (o *Org) ByLLDPChassis(chassis string) (e911.LocationID, bool) {
	k, ok := o.net.portKey(numChassis, e911.LLDPPort{Chassis: chassis})
	if !ok {
		return "", false
	}
	return o.net.locate(k)
}

// ByMAC finds the location of a device that never moves.
func (o *Org) ByMAC(m e911.MAC) (e911.LocationID, bool) { return o.byMAC(numMAC, m) }

// ByGateway finds the location of a network by its default gateway.
func (o *Org) ByGateway(m e911.MAC) (e911.LocationID, bool) { return o.byMAC(numGateway, m) }

func (o *Org) byMAC(kind uint8, m e911.MAC) (e911.LocationID, bool) {
	k, ok := macKeyOf(kind, m)
	if !ok {
		return "", false
	}
	return o.net.locate(k)
}

// ByDECTBase finds the location of a DECT base by its RFPI, ten lower-case
// hexadecimal digits.
func (o *Org) ByDECTBase(rfpi string) (e911.LocationID, bool) {
	return at(o.named.get(name{e911.ElementDECTBase, "", rfpi}))
}

// ByAP finds the location of an access point by the name that its controller
// gives it, whatever the case.
func (o *Org) ByAP(ap string) (e911.LocationID, bool) {
	return at(o.named.get(name{e911.ElementAP, "", netmap.APKey(ap)}))
}

// ByATAPort finds the location of a port of an analogue adapter, verbatim.
func (o *Org) ByATAPort(m e911.MAC, port string) (e911.LocationID, bool) {
	return at(o.named.get(name{e911.ElementATAPort, m, port}))
}

// ByIP finds the location of the smallest mapped range that holds a.
func (o *Org) ByIP(a netip.Addr) (e911.LocationID, bool) {
	a = plain(a)
	if !a.IsValid() {
		return "", false
	}
	best := inSpan(o.spans, a)
	for p, i := range o.net.prefixes(a) {
		if best != nil {
			if s, _ := netmap.SpanOf(*best); netmap.PrefixSpan(p).Compare(s) >= 0 {
				break
			}
		}
		return o.net.location(i), true
	}
	return at(best, best != nil)
}

// Tunnel reports that a is the egress or in the pool of a VPN, a proxy or a
// secure access service edge, and of which: it proves nothing about where the
// device is (F-06). The smallest such range counts.
func (o *Org) Tunnel(a netip.Addr) (e911.ElementKind, bool) {
	if e := inSpan(o.tunnels, plain(a)); e != nil {
		return e.Kind, true
	}
	return "", false
}

// IgnoredAddr reports an address of a virtual adapter, which is to be ignored.
func (o *Org) IgnoredAddr(a netip.Addr) bool { return inSpan(o.ignored, plain(a)) != nil }

// IgnoredMAC reports a hardware address of a virtual adapter.
func (o *Org) IgnoredMAC(m e911.MAC) bool { return inSpan(o.ignoredMACs, netmap.MACAddr(m)) != nil }

// inSpan returns the smallest range that holds a.
func inSpan(t *bart.Table[[]*e911.Element], a netip.Addr) *e911.Element {
	if t == nil || !a.IsValid() {
		return nil
	}
	var best *e911.Element
	for _, list := range t.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		for _, e := range list {
			if best == nil || smaller(e, best) {
				best = e
			}
		}
	}
	return best
}

// spanEdit makes the next version of a table of ranges, each laid into the
// prefixes that it is made of.
type spanEdit struct{ *prefixEdit[[]*e911.Element] }

// smaller orders ranges by size; ranges of hardware addresses that overlap are
// at one place, so that their order means nothing.
func smaller(a, b *e911.Element) bool {
	x, ok := netmap.SpanOf(*a)
	y, ok2 := netmap.SpanOf(*b)
	return ok && ok2 && x.Compare(y) < 0
}

func editSpans(t *bart.Table[[]*e911.Element]) spanEdit {
	return spanEdit{editPrefixes(t)}
}

// add lays a range in and returns its pieces.
func (e spanEdit) add(s netmap.Span, v *e911.Element) []netip.Prefix {
	pieces := s.Prefixes()
	for _, p := range pieces {
		e.modify(p, func(list []*e911.Element, _ bool) ([]*e911.Element, bool) {
			return append(slices.Clone(list), v), false
		})
	}
	return pieces
}

// remove takes it out again.
func (e spanEdit) remove(s netmap.Span, v *e911.Element) []netip.Prefix {
	pieces := s.Prefixes()
	for _, p := range pieces {
		e.modify(p, func(list []*e911.Element, _ bool) ([]*e911.Element, bool) {
			next := slices.DeleteFunc(slices.Clone(list), func(x *e911.Element) bool { return x == v })
			return next, len(next) == 0
		})
	}
	return pieces
}

// meeting lists what overlaps a range, some more than once.
func (e spanEdit) meeting(s netmap.Span) iter.Seq[*e911.Element] {
	return func(yield func(*e911.Element) bool) {
		for _, p := range s.Prefixes() {
			for _, all := range []iter.Seq2[netip.Prefix, []*e911.Element]{e.t.Supernets(p), e.t.Subnets(p)} {
				for _, list := range all {
					for _, x := range list {
						if !yield(x) {
							return
						}
					}
				}
			}
		}
	}
}
