package netmap

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
)

// Codes of the faults, of the closed list of package check.
const (
	required  = "required"
	syntax    = "syntax"
	beyond    = "range"
	ambiguous = "ambiguous"
	forbidden = "forbidden"
)

const (
	// MaxBSSIDs is how many BSSIDs a range at one place may have.
	MaxBSSIDs = 1 << 16
	// maxName bounds port ids and names (IEEE 802.1AB, 8.5.3; AP names of
	// controllers are shorter).
	maxName = 255
	// The widest ranges of addresses that an organisation may map.
	widest4, widest6 = 8, 20
)

// Kinds lists the kinds of network element.
func Kinds() []e911.ElementKind {
	return []e911.ElementKind{
		e911.ElementBSSID, e911.ElementLLDPPort, e911.ElementLLDPPorts, e911.ElementLLDPChassis, e911.ElementMAC, e911.ElementGateway,
		e911.ElementDECTBase, e911.ElementAP, e911.ElementATAPort, e911.ElementIP,
		e911.ElementVPN, e911.ElementProxy, e911.ElementSASE, e911.ElementIgnore,
	}
}

// Canonical is e with keys in the one form: the kind as we know it, names
// without blanks around them, an RFPI in ten lower-case digits, addresses
// without zone and IPv4 never wrapped in IPv6, a range of one as the one. What
// cannot be read stays as it is, for Faults to refuse. Port ids stay verbatim.
func Canonical(e e911.Element) e911.Element {
	for _, k := range Kinds() {
		if e.Kind == k {
			e.Kind = k // one text for a million elements
		}
	}
	e.MAC, e.MACTo = canonicalMAC(e.MAC), canonicalMAC(e.MACTo)
	if e.MACTo == e.MAC {
		e.MACTo = ""
	}
	if m, err := e911.ParseMAC(e.LLDP.Chassis); err == nil {
		e.LLDP.Chassis = string(m)
	}
	switch e.Kind {
	case e911.ElementDECTBase:
		if id, ok := RFPI(e.Name); ok {
			e.Name = id
		}
	case e911.ElementAP:
		e.Name = strings.TrimSpace(e.Name)
	}
	e.From, e.To = plain(e.From), plain(e.To)
	if e.Range.Addr().Is4In6() && e.Range.Bits() >= 96 {
		e.Range = netip.PrefixFrom(e.Range.Addr().Unmap(), e.Range.Bits()-96)
	}
	if !e.Range.IsValid() {
		if p, ok := (Span{e.From, e.To}).Prefix(); ok {
			e.Range, e.From, e.To = p, netip.Addr{}, netip.Addr{}
		}
	}
	return e
}

func canonicalMAC(m e911.MAC) e911.MAC {
	if _, ok := macOctets(m); ok {
		return m
	}
	if c, err := e911.ParseMAC(string(m)); err == nil {
		return c
	}
	return m
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// RFPI reads the identity of a DECT base in any notation: ten hexadecimal
// digits (ETSI EN 300 175-6), in lower case.
func RFPI(s string) (string, bool) {
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(s)) {
		switch {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
			b.WriteByte(c)
		case c != ':' && c != '-' && c != '.' && c != ' ':
			return "", false
		}
	}
	return b.String(), b.Len() == 10
}

// APKey is what the name of an access point is compared by.
func APKey(name string) string { return strings.ToLower(name) }

// Faults says what is wrong with an element by itself: a key that is not of
// its kind, not in its one form, or on more than one device (F-19). Paths are
// those of the element's JSON names. Nil when nothing is wrong.
func Faults(e e911.Element) []e911.Fault {
	f := &faults{}
	f.strangers(e)
	switch e.Kind {
	case e911.ElementBSSID:
		f.mac("mac", e.MAC, "access point")
		if e.MACTo != "" {
			f.bssids(e)
		}
	case e911.ElementMAC:
		f.mac("mac", e.MAC, "device")
		f.mobility(e.Mobility)
	case e911.ElementGateway:
		f.mac("mac", e.MAC, "gateway")
	case e911.ElementATAPort:
		f.mac("mac", e.MAC, "adapter")
		f.name("name", e.Name, "a port of an adapter has a name", "write it as the adapter does, as FXS 1/0/3")
	case e911.ElementLLDPPort, e911.ElementLLDPPorts, e911.ElementLLDPChassis:
		f.lldp(e)
	case e911.ElementDECTBase:
		if id, ok := RFPI(e.Name); !ok || id != e.Name {
			f.add("name", syntax, "the RFPI of a DECT base has ten hexadecimal digits", "write it as 0123456789")
		}
	case e911.ElementAP:
		f.name("name", e.Name, "an access point has a name in its controller", "write it as the controller does")
	case e911.ElementIP, e911.ElementVPN, e911.ElementProxy, e911.ElementSASE:
		f.addresses(e)
	case e911.ElementIgnore:
		f.ignore(e)
	default:
		f.add("kind", syntax, fmt.Sprintf("%q is no kind of network element that this version knows", e.Kind), "write one of "+kindList())
	}
	return f.list
}

func kindList() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, " ")
}

type faults struct{ list []e911.Fault }

func (f *faults) add(path, code, msg, fix string) {
	f.list = append(f.list, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
}

// strangers finds values that the kind does not have: whoever wrote them meant
// something that would not happen.
func (f *faults) strangers(e e911.Element) {
	var mac, macTo, lldp, addrs, name bool
	switch e.Kind {
	case e911.ElementBSSID:
		mac, macTo = true, true
	case e911.ElementMAC, e911.ElementGateway:
		mac = true
	case e911.ElementATAPort:
		mac, name = true, true
	case e911.ElementLLDPPort, e911.ElementLLDPPorts, e911.ElementLLDPChassis:
		lldp = true
	case e911.ElementDECTBase, e911.ElementAP:
		name = true
	case e911.ElementIP, e911.ElementVPN, e911.ElementProxy, e911.ElementSASE:
		addrs = true
	case e911.ElementIgnore:
		mac, macTo, addrs = true, true, true
	default:
		return
	}
	for _, s := range []struct {
		path string
		odd  bool
	}{
		{"mac", e.MAC != "" && !mac},
		{"mac_to", e.MACTo != "" && !macTo},
		{"lldp", e.LLDP != (e911.LLDPPort{}) && !lldp},
		{"range", (e.Range.IsValid() || e.From.IsValid() || e.To.IsValid()) && !addrs},
		{"name", e.Name != "" && !name},
		{"mobility", e.Mobility != "" && e.Kind != e911.ElementMAC},
	} {
		if s.odd {
			f.add(s.path, forbidden, fmt.Sprintf("an element of kind %s has no %s", e.Kind, s.path), "remove "+s.path)
		}
	}
	switch {
	case e.Kind.Places() && e.Location == "":
		f.add("location", required, "a location must be named", "name one of the organisation's own")
	case !e.Kind.Places() && e.Location != "":
		f.add("location", forbidden, fmt.Sprintf("an element of kind %s proves nothing about a place (F-06)", e.Kind), "remove location")
	}
}

// mac checks an address that finds one thing.
func (f *faults) mac(path string, m e911.MAC, what string) bool {
	code, why := macFault(m)
	if why != "" {
		fix := "map the " + what + " by an address of its own"
		if code == syntax {
			fix = "write it as 00:11:22:33:44:55"
		}
		f.add(path, code, why, fix)
	}
	return why == ""
}

func macFault(m e911.MAC) (code, why string) {
	b, ok := macOctets(m)
	switch {
	case !ok || strings.ToLower(string(m)) != string(m):
		return syntax, "this is no hardware address"
	case b == [6]byte{}:
		return ambiguous, "an address of zeros is no device's (F-19)"
	case m.Group():
		return ambiguous, "a multicast address is not one device's (F-19)"
	case m.VirtualRouter():
		return ambiguous, "this is a virtual router's address, which stands on many devices (F-19)"
	case m.Local():
		return ambiguous, "a locally administered address is not unique (F-19)"
	}
	return "", ""
}

func (f *faults) bssids(e e911.Element) {
	if !f.mac("mac_to", e.MACTo, "access point") {
		return
	}
	lo, _ := macOctets(e.MAC)
	hi, _ := macOctets(e.MACTo)
	switch n := int64(number(hi)) - int64(number(lo)); {
	case n <= 0:
		f.add("mac_to", beyond, "the last of the range does not come after the first", "swap the two, or leave mac_to out for one access point")
	case [3]byte(lo[:3]) != [3]byte(hi[:3]):
		f.add("mac_to", ambiguous, "the range reaches from one vendor's addresses into another's", "write one range for each vendor")
	case n >= MaxBSSIDs:
		f.add("mac_to", beyond, fmt.Sprintf("no place has more than %d BSSIDs", MaxBSSIDs), "write the ranges that your access points really have")
	}
}

func number(b [6]byte) uint64 {
	var n uint64
	for _, o := range b {
		n = n<<8 | uint64(o)
	}
	return n
}

func (f *faults) mobility(m e911.Mobility) {
	const fix = "write mobility: fixed, or dock"
	switch m {
	case e911.MobilityFixed, e911.MobilityDock:
	case "":
		f.add("mobility", required, "a MAC address finds a place only when its device stays there (F-19)", fix)
	case "portable":
		f.add("mobility", ambiguous, "a portable device is no network element: it would carry the place along (F-19)", "map the switch port, or the dock")
	default:
		f.add("mobility", syntax, fmt.Sprintf("%q says nothing of whether it moves", m), fix)
	}
}

func (f *faults) name(path, s, missing, fix string) {
	switch {
	case s == "":
		f.add(path, required, missing, fix)
	case len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		f.add(path, syntax, fmt.Sprintf("this has more than %d octets, or is no text without control characters", maxName), fix)
	}
}

// lldp checks a switch. Chassis ids of subtype local and interface name are
// not unique ("switch1"); what is neither a hardware nor a network address is
// taken for one (IEEE 802.1AB, 8.5.2; F-19).
func (f *faults) lldp(e e911.Element) {
	chassis, port := e.LLDP.Chassis, e.LLDP.Port
	switch {
	case e.Kind == e911.ElementLLDPChassis && port != "":
		f.add("lldp.port", forbidden, "this names a port, and the element is a whole switch", "leave port out")
	case e.Kind == e911.ElementLLDPPort:
		f.name("lldp.port", port, "a switch port has a name", "write it as the switch does, as Gi1/0/7")
	case e.Kind == e911.ElementLLDPPorts:
		if _, err := ParsePorts(port); err != nil {
			bad := err.(*PatternError) //nolint:errorlint // it is one, as its doc says
			f.add("lldp.port", syntax, bad.Msg, bad.Fix)
		}
	}
	if chassis == "" {
		f.add("lldp.chassis", required, "a switch has a chassis id", "write its MAC address")
		return
	}
	if _, err := e911.ParseMAC(chassis); err == nil {
		f.mac("lldp.chassis", e911.MAC(chassis), "switch")
		return
	}
	if a, err := netip.ParseAddr(chassis); err != nil || a.String() != chassis || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
		f.add("lldp.chassis", ambiguous, "a chassis id that is no hardware or network address is not the only one of its name (F-19)",
			"let the switch send its MAC address as chassis id, and write that")
	}
}

// addresses checks a range of addresses.
func (f *faults) addresses(e e911.Element) {
	const fix = "write 203.0.113.0/24, or 203.0.113.7-203.0.113.40"
	if !e.Range.IsValid() {
		s, ok := SpanOf(e)
		switch {
		case !e.From.IsValid() && !e.To.IsValid():
			f.add("range", required, "a range of addresses is missing", fix)
		case e.From.Is4In6() || e.To.Is4In6() || e.From.Zone() != "" || e.To.Zone() != "":
			f.add("range", syntax, "this is no plain IPv4 or IPv6 range", "write IPv4 as 203.0.113.7, and no zone")
		case !ok:
			f.add("range", syntax, "the two ends of the range are not of one family, or do not rise", fix)
		default:
			f.width(s)
		}
		return
	}
	switch a := e.Range.Addr(); {
	case e.From.IsValid() || e.To.IsValid():
		f.add("range", forbidden, "the range is written twice, as prefix and as low and high address", "keep one of the two")
	case a.Is4In6():
		f.add("range", syntax, "this is no plain IPv4 or IPv6 range", "write an IPv4 range as 203.0.113.0/24, and no zone")
	case e.Range.Masked() != e.Range:
		f.add("range", syntax, fmt.Sprintf("%s has bits beyond its length", e.Range),
			fmt.Sprintf("write %s, or %s for the one address", e.Range.Masked(), netip.PrefixFrom(a, a.BitLen())))
	default:
		f.width(PrefixSpan(e.Range))
	}
}

func (f *faults) width(s Span) {
	least := widest6
	if s.From.Is4() {
		least = widest4
	}
	common := 0
	for a, b := s.From.AsSlice(), s.To.AsSlice(); common < s.From.BitLen(); common++ {
		if (a[common/8]^b[common/8])&(0x80>>(common%8)) != 0 {
			break
		}
	}
	switch {
	// A range over a boundary of prefixes has few bits in common and may still be narrow.
	case common < least && s.Compare(PrefixSpan(netip.PrefixFrom(s.From, least))) > 0:
		f.add("range", beyond, fmt.Sprintf("%s is wider than /%d", s, least), "list the ranges that are really yours")
	case s.From.IsUnspecified() || s.From.IsMulticast() || s.To.IsMulticast():
		f.add("range", beyond, fmt.Sprintf("%s has addresses that no packet comes from", s), "give the source addresses")
	}
}

// String writes a range as people do.
func (s Span) String() string {
	if p, ok := s.Prefix(); ok {
		return p.String()
	}
	return s.From.String() + "-" + s.To.String()
}

// ignore checks virtual adapters, whose hardware addresses are often locally
// administered.
func (f *faults) ignore(e e911.Element) {
	addrs := e.Range.IsValid() || e.From.IsValid() || e.To.IsValid()
	switch {
	case addrs && e.MAC != "":
		f.add("mac", forbidden, "an element is a range of addresses or of hardware addresses, not both", "make two elements of it")
	case addrs:
		f.addresses(e)
	case e.MAC == "":
		f.add("mac", required, "what is to be ignored is missing", "give a range of addresses, or mac and mac_to")
	default:
		for _, m := range []struct {
			path string
			mac  e911.MAC
		}{{"mac", e.MAC}, {"mac_to", e.MACTo}} {
			if m.mac == "" {
				continue
			}
			if _, ok := macOctets(m.mac); !ok || m.mac.Group() || strings.ToLower(string(m.mac)) != string(m.mac) {
				f.add(m.path, syntax, "this is no hardware address of an adapter", "write it as 00:11:22:33:44:55")
				return
			}
		}
		lo, _ := macOctets(e.MAC)
		hi, _ := macOctets(e.MACTo)
		switch {
		case e.MACTo == "":
		case number(hi) <= number(lo):
			f.add("mac_to", beyond, "the last of the range does not come after the first", "swap the two")
		case [3]byte(lo[:3]) != [3]byte(hi[:3]) && !e.MAC.Local():
			f.add("mac_to", beyond, "the range reaches from one vendor's addresses into another's", "write one range for each vendor")
		}
	}
}
