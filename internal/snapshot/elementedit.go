package snapshot

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// elementIndexes makes the next version of the network map, and of what finds
// those elements in it that have no record's key.
type elementIndexes struct {
	net         *networkEdit
	patterns    *tableEdit[string, []portPattern]
	named       *tableEdit[name, *e911.Element]
	spans       spanEdit
	radio       spanEdit
	tunnels     spanEdit
	ignored     spanEdit
	ignoredMACs spanEdit
}

func editElements(o *Org) elementIndexes {
	return elementIndexes{
		net: o.net.edit(), patterns: o.patterns.edit(), named: o.named.edit(),
		spans: editSpans(o.spans), radio: editSpans(o.radio),
		tunnels: editSpans(o.tunnels), ignored: editSpans(o.ignored), ignoredMACs: editSpans(o.ignoredMACs),
	}
}

// finish puts the indexes into their organisation.
func (x *elementIndexes) finish(o *Org) {
	o.net, o.patterns, o.named = x.net.done(), x.patterns.done(), x.named.done()
	o.spans, o.radio = x.spans.some(), x.radio.some()
	o.tunnels, o.ignored, o.ignoredMACs = x.tunnels.some(), x.ignored.some(), x.ignoredMACs.some()
}

const taken = "another network element of the organisation has the same key"

// putElement puts in a network element under the key by which it is found.
func (e *orgEdit) putElement(o Object, v *e911.Element) {
	v.Org = e.id // one text for all elements
	if n := kindNumber(v.Kind); n != 0 {
		v.Kind = kindOf(n)
	}
	i := e.net.set(v)
	if bad := netmap.Faults(*v); bad != nil {
		for _, f := range bad {
			e.world.fault(o, f.Path, "invalid", f.Msg, f.Fix)
		}
		return
	}
	switch v.Kind {
	case e911.ElementBSSID:
		if v.MACTo != "" {
			e.putRadio(o, v)
			return
		}
		e.claim(o, "mac", i)
		if !e.remask && !e.net.putMasked(e.masks, i) {
			e.sameMasked(o, "mac", v.ID)
		}
	case e911.ElementMAC, e911.ElementGateway:
		e.claim(o, "mac", i)
	case e911.ElementLLDPPort, e911.ElementLLDPChassis:
		e.claim(o, "lldp", i)
	case e911.ElementLLDPPorts:
		e.putPattern(o, v)
	case e911.ElementDECTBase, e911.ElementAP, e911.ElementATAPort:
		claim(e, e.named, nameOf(v), v, o, "name", taken)
	case e911.ElementIP:
		e.putRange(o, v, i)
	case e911.ElementVPN, e911.ElementProxy, e911.ElementSASE, e911.ElementIgnore:
		t, s := e.nowhere(v)
		if twin := sameSpan(t.t, s); twin != nil {
			e.world.fault(o, "range", "duplicate", taken, "")
			return
		}
		t.add(s, v)
	}
}

func (e *orgEdit) claim(o Object, field string, i uint32) {
	if !e.net.claim(i) {
		e.world.fault(o, field, "duplicate", taken, "")
	}
}

// takeElement takes out an element that is there.
func (e *orgEdit) takeElement(id e911.ElementID) {
	i, ok := e.net.number(id)
	if !ok {
		return
	}
	if r := e.net.network.recs.at(i); r.form == formWhole {
		v, _ := e.net.whole.get(i)
		e.takeKey(v, i)
	} else {
		e.net.release(i)
		switch r.kind {
		case numBSSID:
			e.net.takeMasked(e.masks, i)
		case numIP:
			e.world.shared(e.net.element(e.id, i).Range, e.id, -1)
		}
	}
	e.net.drop(i)
}

// takeKey takes out the key of an element that is kept whole.
func (e *orgEdit) takeKey(v *e911.Element, i uint32) {
	switch v.Kind {
	case e911.ElementBSSID:
		s, _ := netmap.MACSpan(v.MAC, v.MACTo)
		e.radio.remove(s, v)
	case e911.ElementLLDPPorts:
		remove(e.patterns, v.LLDP.Chassis, func(p portPattern) bool { return p.element == v })
	case e911.ElementDECTBase, e911.ElementAP, e911.ElementATAPort:
		release(e.named, nameOf(v), v)
	case e911.ElementIP:
		e.takeRange(v, i)
	case e911.ElementVPN, e911.ElementProxy, e911.ElementSASE, e911.ElementIgnore:
		t, s := e.nowhere(v)
		t.remove(s, v)
	}
}

func nameOf(v *e911.Element) name {
	switch v.Kind {
	case e911.ElementAP:
		return name{v.Kind, "", netmap.APKey(v.Name)}
	case e911.ElementATAPort:
		return name{v.Kind, v.MAC, v.Name}
	}
	return name{v.Kind, "", v.Name}
}

// nowhere returns where an element that has no place is kept, and its range.
func (e *orgEdit) nowhere(v *e911.Element) (spanEdit, netmap.Span) {
	if v.MAC != "" {
		s, _ := netmap.MACSpan(v.MAC, cmp.Or(v.MACTo, v.MAC))
		return e.ignoredMACs, s
	}
	s, _ := netmap.SpanOf(*v)
	if v.Kind == e911.ElementIgnore {
		return e.ignored, s
	}
	return e.tunnels, s
}

// putPattern puts in a pattern of ports. Two that overlap must be at one place,
// or one within the other, which then is the more specific one.
func (e *orgEdit) putPattern(o Object, v *e911.Element) {
	ports, err := netmap.ParsePorts(v.LLDP.Port)
	if err != nil {
		return // told by netmap.Faults
	}
	list, _ := e.patterns.get(v.LLDP.Chassis)
	for _, p := range list {
		in, out := ports.Within(p.ports), p.ports.Within(ports)
		switch {
		case in && out:
			e.world.fault(o, "lldp", "duplicate", taken, "")
			return
		case !in && !out && p.element.Location != v.Location && ports.Overlaps(p.ports):
			e.world.fault(o, "lldp", "ambiguous", fmt.Sprintf("the patterns %s at %s and %s at %s have ports in common, and neither is the more specific one",
				ports, e.where(v.Location), p.ports, e.where(p.element.Location)), "let no port be in both")
			return
		}
	}
	add(e.patterns, v.LLDP.Chassis, portPattern{ports, v}, func(a, b portPattern) int { return cmp.Compare(a.ports.String(), b.ports.String()) })
}

// where names a location as the customer does.
func (e *orgEdit) where(id e911.LocationID) string {
	if l, ok := e.locations.get(id); ok && l.key != "" {
		return l.key
	}
	return string(id)
}

// putRadio puts in a range of BSSIDs. Two that overlap are at one place.
func (e *orgEdit) putRadio(o Object, v *e911.Element) {
	s, _ := netmap.MACSpan(v.MAC, v.MACTo)
	for x := range e.radio.meeting(s) {
		switch {
		case x.MAC == v.MAC && x.MACTo == v.MACTo:
			e.world.fault(o, "mac", "duplicate", taken, "")
			return
		case x.Location != v.Location:
			e.world.fault(o, "mac", "ambiguous", fmt.Sprintf("the ranges %s to %s at %s and %s to %s at %s overlap",
				v.MAC, v.MACTo, e.where(v.Location), x.MAC, x.MACTo, e.where(x.Location)), "let no BSSID be in both")
			return
		}
	}
	e.radio.add(s, v)
}

// putRange puts in a mapped range of addresses: of those that hold an address
// the smallest counts, so that there must be one.
func (e *orgEdit) putRange(o Object, v *e911.Element, i uint32) {
	s, _ := netmap.SpanOf(*v)
	p := v.Range
	if !p.IsValid() {
		p, _ = s.Prefix()
	}
	if p.IsValid() {
		if _, there := e.net.find(prefixKeyOf(p)); there {
			e.world.fault(o, "range", "duplicate", taken, "")
			return
		}
	} else if sameSpan(e.spans.t, s) != nil {
		e.world.fault(o, "range", "duplicate", taken, "")
		return
	}
	if at, ok := e.equalSize(s, v.Location, p.IsValid()); ok {
		e.world.fault(o, "range", "ambiguous", fmt.Sprintf("%s at %s and one of the same size at %s overlap, and neither is the smaller one",
			s, e.where(v.Location), e.where(at)), "let no address be in both")
		return
	}
	if p.IsValid() {
		e.net.claim(i)
		e.world.shared(p, e.id, 1)
		return
	}
	for _, p := range e.spans.add(s, v) {
		e.world.shared(p, e.id, 1)
	}
}

// takeRange takes out a range that is written as low and high address.
func (e *orgEdit) takeRange(v *e911.Element, i uint32) {
	s, _ := netmap.SpanOf(*v)
	if p, ok := s.Prefix(); ok {
		e.net.release(i)
		e.world.shared(p, e.id, -1)
		return
	}
	for _, p := range e.spans.remove(s, v) {
		e.world.shared(p, e.id, -1)
	}
}

// equalSize finds where else than at the location a range is of the same size
// that overlaps s and is another: such a one holds one end of s. Two prefixes
// never are.
func (e *orgEdit) equalSize(s netmap.Span, location e911.LocationID, prefix bool) (e911.LocationID, bool) {
	if prefix && e.spans.t.Size() == 0 {
		return "", false
	}
	for _, end := range []netip.Addr{s.From, s.To} {
		for _, list := range e.spans.t.Supernets(netip.PrefixFrom(end, end.BitLen())) {
			for _, x := range list {
				if o, _ := netmap.SpanOf(*x); x.Location != location && o != s && o.Compare(s) == 0 {
					return x.Location, true
				}
			}
		}
		if prefix {
			continue
		}
		if i, ok := e.net.equalPrefix(s, end); ok && e.net.location(i) != location {
			return e.net.location(i), true
		}
	}
	return "", false
}

// sameSpan finds the range that is the very same.
func sameSpan(t *bart.Table[[]*e911.Element], s netmap.Span) *e911.Element {
	pieces := s.Prefixes()
	if len(pieces) == 0 {
		return nil
	}
	list, _ := t.Get(pieces[0])
	for _, x := range list {
		o, ok := netmap.SpanOf(*x)
		if x.MAC != "" {
			o, ok = netmap.MACSpan(x.MAC, cmp.Or(x.MACTo, x.MAC))
		}
		if ok && o == s {
			return x
		}
	}
	return nil
}

// lookElement is look for what there may be a million of. Elements of one
// location mostly come together.
func (e *orgEdit) lookElement(o Object, v *e911.Element) {
	if v.Location == "" {
		return // netmap.Faults says when one is needed
	}
	if e.near == nil || e.near.id != v.Location {
		l, ok := e.locations.get(v.Location)
		if !ok {
			e.world.fault(o, "location", "dangling", "the location "+string(v.Location)+" does not exist", "")
			return
		}
		e.near = l
	}
	v.Location = e.near.id // one text for all elements of a location
}

// sameMasked is a fault of an access point whose masked BSSID is at another
// place already: the two would be taken for each other (F-19).
func (e *orgEdit) sameMasked(o Object, field string, id e911.ElementID) {
	e.world.fault(o, field, "masked", "the organisation's BSSID masks make the access point "+string(id)+" and one at another location the same", "shorten or remove the vendor's mask")
}

// settle enters all access points again where the masks changed. What they make
// the same is the fault of the masks.
func (e *orgEdit) settle() {
	if !e.remask {
		return
	}
	e.net.unmask()
	if len(e.masks) == 0 {
		return
	}
	for i, r := range e.net.network.recs.all() {
		if r.form == formMAC && r.kind == numBSSID && !e.net.putMasked(e.masks, i) {
			e.sameMasked(Object{e911.KindOrg, e.id, string(e.id)}, "bssid_masking", e.net.element(e.id, i).ID)
		}
	}
}
