package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

func (c *checker) element(v e911.Element) {
	c.refers("location", e911.KindLocation, v.Org, string(v.Location), true)
	before := len(c.faults)
	switch v.Kind {
	case e911.ElementBSSID:
		c.mac("mac", v.MAC, "access point")
	case e911.ElementMAC:
		c.mac("mac", v.MAC, "device")
		c.mobility(v.Mobility)
	case e911.ElementLLDPPort, e911.ElementLLDPChassis:
		c.lldp(v)
	case e911.ElementIP:
		c.addressRange(v)
	default:
		c.add("kind", Syntax, fmt.Sprintf("%q is no kind of network element", v.Kind), "write bssid, lldp, mac or ip")
	}
	if v.Kind != e911.ElementMAC && v.Mobility != "" {
		c.add("mobility", Forbidden, "only of a MAC address is it said whether it moves", "remove mobility")
	}
	if len(c.faults) == before {
		c.onePlace(v)
	}
}

func (c *checker) mobility(m e911.Mobility) {
	const fix = "write mobility: fixed, or dock"
	switch m {
	case e911.MobilityFixed, e911.MobilityDock:
	case "":
		c.add("mobility", Required, "a MAC address finds a place only when its device stays there (F-19)", fix)
	case "portable":
		c.add("mobility", Ambiguous, "a portable device is no network element: it would carry the place along (F-19)", "map the switch port, or the dock")
	default:
		c.add("mobility", Syntax, fmt.Sprintf("%q says nothing of whether it moves", m), fix)
	}
}

// lldp checks a switch port. Chassis ids of subtype local and interface name
// are not unique ("switch1"); what is neither a hardware nor a network address
// is taken for one (IEEE 802.1AB, 8.5.2; F-19).
func (c *checker) lldp(v e911.Element) {
	chassis, port := v.LLDP.Chassis, v.LLDP.Port
	if v.Kind == e911.ElementLLDPPort && port == "" {
		c.add("lldp.port", Required, "a switch port has a name", "write it as the switch does, as Gi1/0/7")
	}
	if v.Kind == e911.ElementLLDPChassis && port != "" {
		c.add("lldp.port", Forbidden, "this names a port, and the element is a whole switch", "leave port out")
	}
	if len(port) > 255 || strings.ContainsFunc(port, unicode.IsControl) {
		c.add("lldp.port", Syntax, "a port id has at most 255 characters and no control characters", "write it as the switch does")
	}
	if chassis == "" {
		c.add("lldp.chassis", Required, "a switch has a chassis id", "write its MAC address")
		return
	}
	if m, err := e911.ParseMAC(chassis); err == nil {
		c.mac("lldp.chassis", e911.MAC(chassis), "switch")
		if d, ok := c.other(e911.KindDevice, v.Org, admin.ByMAC, string(m)); ok {
			c.add("lldp.chassis", Ambiguous, fmt.Sprintf("this is the phone %s, and phones move (F-19)", d.(e911.Device).Key), "map the switch that the phone hangs on")
		}
		return
	}
	if a, err := netip.ParseAddr(chassis); err != nil || a.String() != chassis || !usable(a) {
		c.add("lldp.chassis", Ambiguous, "a chassis id that is no hardware or network address is not the only one of its name (F-19)", "let the switch send its MAC address as chassis id, and write that")
	}
}

func usable(a netip.Addr) bool { return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() }

// homeRanges are what routers for the home give out: the same addresses stand
// in very many living rooms (F-06).
var homeRanges = []netip.Prefix{
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("10.0.0.0/23"), netip.MustParsePrefix("172.16.0.0/23"),
}

func (c *checker) addressRange(v e911.Element) {
	if !c.prefix("range", v.Range, widest4, widest6) {
		return
	}
	o, ok := lookup[e911.Org](c, e911.KindOrg, v.Org, string(v.Org))
	if !ok || len(o.PublicRanges) > 0 {
		return
	}
	if inHomes(v.Range) {
		c.add("range", Ambiguous, fmt.Sprintf("%s is in use in many homes: without public_ranges a worker at home would be sent help to the office (F-06)", v.Range),
			"give the organisation its public_ranges first")
	}
}

// inHomes reports ranges that routers for the home give out.
func inHomes(p netip.Prefix) bool {
	return slices.ContainsFunc(homeRanges, func(h netip.Prefix) bool { return p.IsValid() && p.Overlaps(h) })
}

// onePlace refuses an element that another location has already, exactly or
// through a mask (F-19).
func (c *checker) onePlace(v e911.Element) {
	if o, taken := c.other(e911.KindElement, v.Org, admin.ByKey, admin.ElementKey(v)); taken {
		c.add("", Duplicate, fmt.Sprintf("%s is mapped twice: to %s and to %s", elementText(v), c.placeKey(v), c.placeKey(o.(e911.Element))),
			"an access point, port or range is in one place: keep one of the two")
		return
	}
	if v.Kind != e911.ElementBSSID {
		return
	}
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

func elementText(v e911.Element) string {
	switch v.Kind {
	case e911.ElementIP:
		return "the range " + v.Range.String()
	case e911.ElementLLDPPort:
		return fmt.Sprintf("port %s of %s", v.LLDP.Port, v.LLDP.Chassis)
	case e911.ElementLLDPChassis:
		return "the switch " + v.LLDP.Chassis
	}
	return fmt.Sprintf("the %s %s", v.Kind, v.MAC)
}
