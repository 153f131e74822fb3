package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

func (c *checker) element(v e911.Element) {
	before := len(c.faults)
	for _, f := range netmap.Faults(v) {
		c.add(f.Path, f.Code, f.Msg, f.Fix)
	}
	c.refers("location", e911.KindLocation, v.Org, string(v.Location), false)
	switch v.Kind {
	case e911.ElementLLDPPort, e911.ElementLLDPPorts, e911.ElementLLDPChassis:
		c.noPhone(v)
	case e911.ElementIP:
		c.trusted(v)
	}
	if len(c.faults) == before {
		c.onePlace(v)
	}
}

// noPhone refuses a phone as switch.
func (c *checker) noPhone(v e911.Element) {
	m, err := e911.ParseMAC(v.LLDP.Chassis)
	if err != nil {
		return
	}
	if d, ok := c.other(e911.KindDevice, v.Org, admin.ByMAC, string(m)); ok {
		c.add("lldp.chassis", Ambiguous, fmt.Sprintf("this is the phone %s, and phones move (F-19)", d.(e911.Device).Key), "map the switch that the phone hangs on")
	}
}

// homeRanges are what routers for the home give out: the same addresses stand
// in very many living rooms (F-06).
var homeRanges = []netip.Prefix{
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("10.0.0.0/23"), netip.MustParsePrefix("172.16.0.0/23"),
}

// trusted refuses a range that is the same in many homes as long as nothing
// tells the office from them (F-06).
func (c *checker) trusted(v e911.Element) {
	s, fine := netmap.SpanOf(v)
	o, ok := lookup[e911.Org](c, e911.KindOrg, v.Org, string(v.Org))
	if !fine || !ok || len(o.PublicRanges) > 0 || !inHomes(s) {
		return
	}
	c.add("range", Ambiguous, fmt.Sprintf("%s is in use in many homes: without public_ranges a worker at home would be sent help to the office (F-06)", s),
		"give the organisation its public_ranges first")
}

// inHomes reports ranges that routers for the home give out.
func inHomes(s netmap.Span) bool {
	return slices.ContainsFunc(homeRanges, func(h netip.Prefix) bool { return s.Overlaps(netmap.PrefixSpan(h)) })
}

// onePlace refuses an element that another location has already, exactly, in
// part, or through a mask (F-19).
func (c *checker) onePlace(v e911.Element) {
	if x, taken := c.other(e911.KindElement, v.Org, admin.ByKey, admin.ElementKey(v)); taken {
		o := x.(e911.Element)
		msg := fmt.Sprintf("%s is mapped twice: to %s and to %s", elementText(v), c.placeKey(v), c.placeKey(o))
		if !v.Kind.Places() {
			msg = fmt.Sprintf("%s stands here twice, as %s and as %s", elementText(v), v.Kind, o.Kind)
		}
		c.add("", Duplicate, msg, "an access point, port or range is in one place: keep one of the two")
		return
	}
	switch v.Kind {
	case e911.ElementBSSID:
		if v.MACTo != "" {
			c.bssidsApart(v)
			return
		}
		c.masksApart(v)
	case e911.ElementLLDPPorts:
		c.patternsApart(v)
	case e911.ElementIP:
		c.rangesApart(v)
	}
}

func (c *checker) masksApart(v e911.Element) {
	o, ok := lookup[e911.Org](c, e911.KindOrg, v.Org, string(v.Org))
	if !ok {
		return
	}
	for _, m := range o.BSSIDMasking {
		if strings.HasPrefix(string(v.MAC), m.OUI+":") && m.Digits >= 1 && m.Digits <= maxMask {
			c.apart(v, m, "mac")
		}
	}
}

// bssidsApart refuses ranges of BSSIDs that overlap and are at two places. A
// range has the addresses of one vendor.
func (c *checker) bssidsApart(v e911.Element) {
	s, _ := netmap.MACSpan(v.MAC, v.MACTo)
	q := admin.Query{Kind: e911.KindElement, Org: v.Org, Field: admin.ByKeyPrefix, Value: admin.BSSIDsPrefix(v.MAC[:8])}
	c.each(q, func(x any) bool {
		o := x.(e911.Element)
		if t, ok := netmap.MACSpan(o.MAC, o.MACTo); !ok || o.Location == v.Location || !s.Overlaps(t) {
			return true
		}
		c.add("mac_to", Ambiguous, fmt.Sprintf("%s at %s and %s at %s have BSSIDs in common", elementText(v), c.placeKey(v), elementText(o), c.placeKey(o)),
			"let no BSSID be in both")
		return false
	})
}

// patternsApart refuses two patterns of ports at two places that have ports in
// common, unless one is within the other and so the more specific one.
func (c *checker) patternsApart(v e911.Element) {
	p, err := netmap.ParsePorts(v.LLDP.Port)
	if err != nil {
		return
	}
	q := admin.Query{Kind: e911.KindElement, Org: v.Org, Field: admin.ByKeyPrefix, Value: admin.PatternsPrefix(v.LLDP.Chassis)}
	c.each(q, func(x any) bool {
		o := x.(e911.Element)
		r, err := netmap.ParsePorts(o.LLDP.Port)
		if err != nil || !p.Overlaps(r) {
			return true
		}
		in, out := p.Within(r), r.Within(p)
		if in != out || (!in && o.Location == v.Location) {
			return true
		}
		c.add("lldp.port", Ambiguous, fmt.Sprintf("%s at %s and %s at %s have ports in common, and neither is the more specific one",
			elementText(v), c.placeKey(v), elementText(o), c.placeKey(o)), "let no port be in both")
		return false
	})
}

// rangesApart refuses two ranges of one size at two places that overlap: of
// the ranges that hold an address the smallest counts. It also refuses a range
// that is a tunnel's, which proves nothing (F-06).
func (c *checker) rangesApart(v e911.Element) {
	s, _ := netmap.SpanOf(v)
	if o, taken := c.other(e911.KindElement, v.Org, admin.ByKey, "tunnel "+s.String()); taken {
		c.add("range", Ambiguous, fmt.Sprintf("%s is also listed as %s, whose addresses prove nothing about a place (F-06)", s, o.(e911.Element).Kind), "keep one of the two")
		return
	}
	clash := func(x any) bool {
		o := x.(e911.Element)
		t, ok := netmap.SpanOf(o)
		if !ok || o.Location == v.Location || !s.Overlaps(t) || s.Compare(t) != 0 {
			return true
		}
		c.add("range", Ambiguous, fmt.Sprintf("%s at %s and %s at %s overlap, and neither is the smaller one", s, c.placeKey(v), t, c.placeKey(o)),
			"let no address be in both")
		return false
	}
	before := len(c.faults)
	c.each(admin.Query{Kind: e911.KindElement, Org: v.Org, Field: admin.ByLowHigh, Value: "1"}, clash)
	bits, power := s.Bits()
	if v.Range.IsValid() || !power || len(c.faults) > before {
		return
	}
	for _, end := range []netip.Addr{s.From, s.To} {
		p := netip.PrefixFrom(end, bits).Masked()
		if o, ok := c.other(e911.KindElement, v.Org, admin.ByRange, p.String()); ok && !clash(o) {
			return
		}
	}
}

// apart refuses an access point that falls together with one in another place.
func (c *checker) apart(v e911.Element, m e911.BSSIDMask, path string) bool {
	fine := true
	q := admin.Query{Kind: e911.KindElement, Org: v.Org, Field: admin.ByBSSIDPrefix, Value: masked(v.MAC, m.Digits)}
	c.each(q, func(x any) bool {
		o := x.(e911.Element)
		if o.ID == v.ID || o.Location == v.Location {
			return true
		}
		c.add(path, Ambiguous, fmt.Sprintf("with the last %d hex digits masked, %s at %s and %s at %s are the same access point (F-19)",
			m.Digits, v.MAC, c.placeKey(v), o.MAC, c.placeKey(o)), "mask fewer digits, or map every BSSID by itself")
		fine = false
		return false
	})
	return fine
}

// maxMask is as many digits as any vendor uses for the BSSIDs of one radio.
const maxMask = 3

// masked is what is left of m without its last digits.
func masked(m e911.MAC, digits int) string {
	keep := 12 - digits
	return string(m[:min(len(m), keep+(keep-1)/2)])
}

func (c *checker) masks(v e911.Org) {
	for i, m := range v.BSSIDMasking {
		at := fmt.Sprintf("bssid_masking[%d]", i)
		if !wellFormedOUI(m.OUI) {
			c.add(at+".oui", Syntax, "this is no vendor's half of a hardware address", `write it as "00:11:22"`)
			continue
		}
		for _, o := range v.BSSIDMasking[:i] {
			if o.OUI == m.OUI {
				c.add(at+".oui", Duplicate, m.OUI+" stands here twice", "keep one of the two")
			}
		}
		if m.Digits < 1 || m.Digits > maxMask {
			c.add(at+".digits", Range, fmt.Sprintf("%d digits: the BSSIDs of one access point differ in 1 to %d", m.Digits, maxMask), "ask the vendor; 1 with most")
			continue
		}
		q := admin.Query{Kind: e911.KindElement, Org: v.ID, Field: admin.ByBSSIDPrefix, Value: m.OUI + ":"}
		c.each(q, func(x any) bool { return c.apart(x.(e911.Element), m, at) })
	}
}

func wellFormedOUI(s string) bool {
	m, err := e911.ParseMAC(s + ":00:00:00")
	return err == nil && len(s) == 8 && string(m[:8]) == s
}

// placeKey names the element's location as the customer does.
func (c *checker) placeKey(v e911.Element) string {
	l, ok := lookup[e911.Location](c, e911.KindLocation, v.Org, string(v.Location))
	if !ok {
		return "an unknown location"
	}
	return l.Key
}

// elementText names an element for a person.
func elementText(v e911.Element) string {
	switch v.Kind {
	case e911.ElementIP, e911.ElementVPN, e911.ElementProxy, e911.ElementSASE:
		s, _ := netmap.SpanOf(v)
		return "the range " + s.String()
	case e911.ElementLLDPPort:
		return fmt.Sprintf("port %s of %s", v.LLDP.Port, v.LLDP.Chassis)
	case e911.ElementLLDPPorts:
		return fmt.Sprintf("ports %s of %s", v.LLDP.Port, v.LLDP.Chassis)
	case e911.ElementLLDPChassis:
		return "the switch " + v.LLDP.Chassis
	case e911.ElementDECTBase:
		return "the DECT base " + v.Name
	case e911.ElementAP:
		return "the access point " + v.Name
	case e911.ElementATAPort:
		return fmt.Sprintf("port %s of the adapter %s", v.Name, v.MAC)
	}
	if s, ok := netmap.SpanOf(v); ok {
		return "the range " + s.String()
	}
	if v.MACTo != "" {
		return fmt.Sprintf("the range %s to %s", v.MAC, v.MACTo)
	}
	return fmt.Sprintf("the %s %s", v.Kind, v.MAC)
}
