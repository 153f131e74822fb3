package snapshot

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// elementIndexes makes the next version of what finds network elements by
// their keys.
type elementIndexes struct {
	bssids      *tableEdit[e911.MAC, *e911.Element]
	masked      *tableEdit[e911.MAC, []*e911.Element]
	macs        *tableEdit[e911.MAC, *e911.Element]
	ports       *tableEdit[e911.LLDPPort, *e911.Element]
	patterns    *tableEdit[string, []portPattern]
	chassis     *tableEdit[string, *e911.Element]
	gateways    *tableEdit[e911.MAC, *e911.Element]
	names       *tableEdit[name, *e911.Element]
	ranges      *prefixEdit[*e911.Element]
	spans       spanEdit
	radio       spanEdit
	tunnels     spanEdit
	ignored     spanEdit
	ignoredMACs spanEdit
}

func editElements(o *Org, ranges int) elementIndexes {
	return elementIndexes{
		bssids: o.bssids.edit(), masked: o.masked.edit(), macs: o.macs.edit(), ports: o.ports.edit(), patterns: o.patterns.edit(),
		chassis: o.chassis.edit(), gateways: o.gateways.edit(), names: o.names.edit(),
		ranges: editPrefixes(o.ranges, ranges), spans: editSpans(o.spans, ranges), radio: editSpans(o.radio, ranges),
		tunnels: editSpans(o.tunnels, ranges), ignored: editSpans(o.ignored, ranges), ignoredMACs: editSpans(o.ignoredMACs, ranges),
	}
}

// finish puts the indexes into their organisation.
func (x *elementIndexes) finish(o *Org) {
	o.bssids, o.masked, o.macs, o.ports, o.patterns = x.bssids.done(), x.masked.done(), x.macs.done(), x.ports.done(), x.patterns.done()
	o.chassis, o.gateways, o.names = x.chassis.done(), x.gateways.done(), x.names.done()
	o.ranges, o.spans, o.radio = x.ranges.t, x.spans.some(), x.radio.some()
	o.tunnels, o.ignored, o.ignoredMACs = x.tunnels.some(), x.ignored.some(), x.ignoredMACs.some()
}

const taken = "another network element of the organisation has the same key"

// putElement puts in a network element under the key by which it is found.
func (e *orgEdit) putElement(o Object, v *e911.Element) {
	v.Org = e.id // one text for a million elements
	v.Kind = e.world.kind(v.Kind)
	e.elements.set(v.ID, v)
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
		claim(e, e.bssids, v.MAC, v, o, "mac", taken)
		if !e.remask {
			e.putMasked(o, "mac", v)
		}
	case e911.ElementMAC:
		claim(e, e.macs, v.MAC, v, o, "mac", taken)
	case e911.ElementGateway:
		claim(e, e.gateways, v.MAC, v, o, "mac", taken)
	case e911.ElementLLDPPort:
		claim(e, e.ports, v.LLDP, v, o, "lldp", taken)
	case e911.ElementLLDPPorts:
		e.putPattern(o, v)
	case e911.ElementLLDPChassis:
		claim(e, e.chassis, v.LLDP.Chassis, v, o, "lldp", taken)
	case e911.ElementDECTBase, e911.ElementAP, e911.ElementATAPort:
		claim(e, e.names, nameOf(v), v, o, "name", taken)
	case e911.ElementIP:
		e.putRange(o, v)
	case e911.ElementVPN, e911.ElementProxy, e911.ElementSASE, e911.ElementIgnore:
		t, s := e.nowhere(v)
		if twin := sameSpan(t.t, s); twin != nil {
			e.world.fault(o, "range", "duplicate", taken, "")
			return
		}
		t.add(s, v)
	}
}

func (e *orgEdit) takeKey(v *e911.Element) {
	switch v.Kind {
	case e911.ElementBSSID:
		if v.MACTo != "" {
			s, _ := netmap.MACSpan(v.MAC, v.MACTo)
			e.radio.remove(s, v)
			return
		}
		release(e.bssids, v.MAC, v)
		if key, ok := maskWith(e.masks, v.MAC); ok {
			remove(e.masked, key, func(x *e911.Element) bool { return x == v })
		}
	case e911.ElementMAC:
		release(e.macs, v.MAC, v)
	case e911.ElementGateway:
		release(e.gateways, v.MAC, v)
	case e911.ElementLLDPPort:
		release(e.ports, v.LLDP, v)
	case e911.ElementLLDPPorts:
		remove(e.patterns, v.LLDP.Chassis, func(p portPattern) bool { return p.element == v })
	case e911.ElementLLDPChassis:
		release(e.chassis, v.LLDP.Chassis, v)
	case e911.ElementDECTBase, e911.ElementAP, e911.ElementATAPort:
		release(e.names, nameOf(v), v)
	case e911.ElementIP:
		e.takeRange(v)
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
				ports, e.where(v), p.ports, e.where(p.element)), "let no port be in both")
			return
		}
	}
	add(e.patterns, v.LLDP.Chassis, portPattern{ports, v}, func(a, b portPattern) int { return cmp.Compare(a.ports.String(), b.ports.String()) })
}

// where names an element's location as the customer does.
func (e *orgEdit) where(v *e911.Element) string {
	if l, ok := e.locations.get(v.Location); ok && l.loc.Key != "" {
		return l.loc.Key
	}
	return string(v.Location)
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
				v.MAC, v.MACTo, e.where(v), x.MAC, x.MACTo, e.where(x)), "let no BSSID be in both")
			return
		}
	}
	e.radio.add(s, v)
}

// putRange puts in a mapped range of addresses: of those that hold an address
// the smallest counts, so that there must be one.
func (e *orgEdit) putRange(o Object, v *e911.Element) {
	s, _ := netmap.SpanOf(*v)
	p := v.Range
	if !p.IsValid() {
		p, _ = s.Prefix()
	}
	if p.IsValid() {
		if _, ok := e.ranges.t.Get(p); ok {
			e.world.fault(o, "range", "duplicate", taken, "")
			return
		}
	} else if sameSpan(e.spans.t, s) != nil {
		e.world.fault(o, "range", "duplicate", taken, "")
		return
	}
	if x := e.equalSize(s, p.IsValid()); x != nil && x.Location != v.Location {
		e.world.fault(o, "range", "ambiguous", fmt.Sprintf("%s at %s and one of the same size at %s overlap, and neither is the smaller one",
			s, e.where(v), e.where(x)), "let no address be in both")
		return
	}
	if p.IsValid() {
		e.ranges.modify(p, func(*e911.Element, bool) (*e911.Element, bool) { return v, false })
		e.world.shared(p, e.id, 1)
		return
	}
	for _, p := range e.spans.add(s, v) {
		e.world.shared(p, e.id, 1)
	}
}

func (e *orgEdit) takeRange(v *e911.Element) {
	s, _ := netmap.SpanOf(*v)
	if p := v.Range; p.IsValid() {
		e.takePrefix(p, v)
		return
	}
	if p, ok := s.Prefix(); ok {
		e.takePrefix(p, v)
		return
	}
	for _, p := range e.spans.remove(s, v) {
		e.world.shared(p, e.id, -1)
	}
}

func (e *orgEdit) takePrefix(p netip.Prefix, v *e911.Element) {
	e.ranges.modify(p, func(x *e911.Element, ok bool) (*e911.Element, bool) { return x, !ok || x == v })
	e.world.shared(p, e.id, -1)
}

// equalSize finds a range of the same size that overlaps s and is another: such
// a one holds one end of s. Two prefixes never are.
func (e *orgEdit) equalSize(s netmap.Span, prefix bool) *e911.Element {
	if prefix && e.spans.t.Size() == 0 {
		return nil
	}
	for _, end := range []netip.Addr{s.From, s.To} {
		at := netip.PrefixFrom(end, end.BitLen())
		for _, list := range e.spans.t.Supernets(at) {
			for _, x := range list {
				if o, _ := netmap.SpanOf(*x); o != s && o.Compare(s) == 0 {
					return x
				}
			}
		}
		if prefix {
			continue
		}
		for p, x := range e.ranges.t.Supernets(at) {
			if netmap.PrefixSpan(p).Compare(s) == 0 {
				return x
			}
		}
	}
	return nil
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
	if e.near == nil || e.near.loc.ID != v.Location {
		l, ok := e.locations.get(v.Location)
		if !ok {
			e.world.fault(o, "location", "dangling", "the location "+string(v.Location)+" does not exist", "")
			return
		}
		e.near = l
	}
	v.Location = e.near.loc.ID // one text for all elements of a location
}

// putMasked enters an access point under what its vendor's mask leaves. Two of
// one entry would be taken for each other, so they must be at one place (F-19).
func (e *orgEdit) putMasked(o Object, field string, v *e911.Element) {
	key, ok := maskWith(e.masks, v.MAC)
	if !ok {
		return
	}
	list, _ := e.masked.get(key)
	if len(list) > 0 && list[0].Location != v.Location {
		e.world.fault(o, field, "masked", "the organisation's BSSID masks make the access point "+string(v.ID)+" and one at another location the same", "shorten or remove the vendor's mask")
		return
	}
	add(e.masked, key, v, func(a, b *e911.Element) int { return cmp.Compare(a.MAC, b.MAC) })
}

// settle enters all access points again where the masks changed. What they make
// the same is the fault of the masks.
func (e *orgEdit) settle() {
	if !e.remask {
		return
	}
	e.masked = new(table[e911.MAC, []*e911.Element]).edit()
	for v := range e.bssids.t.values() {
		e.putMasked(Object{e911.KindOrg, e.id, string(e.id)}, "bssid_masking", v)
	}
}

// kind is the one text of a kind, for a million elements.
func (e *edit) kind(k e911.ElementKind) e911.ElementKind {
	if i := slices.Index(e.kinds, k); i >= 0 {
		return e.kinds[i]
	}
	return k
}
