package locate

import (
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Chassis id subtypes of IEEE 802.1AB, table 8-2, that name nothing in the world.
const (
	subtypeInterface = 6
	subtypeLocal     = 7
)

// KeyFault says why an element's key finds nobody alone, "" when it is unique
// (F-19): import refuses it with this reason.
func KeyFault(e e911.Element) string {
	switch e.Kind {
	case e911.ElementBSSID:
		if why := macFault(e.MAC); why != "" || e.MACTo == "" {
			return why
		}
		return rangeFault(e.MAC, e.MACTo)
	case e911.ElementMAC, e911.ElementGateway:
		return macFault(e.MAC)
	case e911.ElementLLDPChassis:
		return chassisFault(e.LLDP.Chassis)
	case e911.ElementLLDPPort, e911.ElementLLDPPorts:
		if e.LLDP.Chassis == "" || e.LLDP.Port == "" {
			return "a switch port needs its chassis id and its port id"
		}
	case e911.ElementDECTBase:
		if !rfpi(e.Name) {
			return "a DECT base needs its RFPI: ten hexadecimal digits"
		}
	case e911.ElementAP:
		if strings.TrimSpace(e.Name) == "" {
			return "an access point of a controller needs its name"
		}
	case e911.ElementATAPort:
		if strings.TrimSpace(e.Name) == "" {
			return "the port of an analogue adapter needs the port's name"
		}
		return macFault(e.MAC)
	case e911.ElementIP, e911.ElementVPN, e911.ElementProxy, e911.ElementSASE:
		return addressFault(e)
	case e911.ElementIgnore:
		if e.MAC == "" {
			return addressFault(e)
		}
		// Virtual adapters have locally administered addresses: here they may.
		if canonical, err := e911.ParseMAC(string(e.MAC)); err != nil || canonical != e.MAC {
			return "it is no hardware address"
		}
		if e.MACTo != "" {
			return rangeFault(e.MAC, e.MACTo)
		}
	default:
		return "this version does not know elements of this kind"
	}
	return ""
}

func addressFault(e e911.Element) string {
	if e.From.IsValid() || e.To.IsValid() {
		switch {
		case e.Range.IsValid():
			return "an address range is a prefix or a lowest and a highest address, not both"
		case !e.From.IsValid() || !e.To.IsValid() || e.From.BitLen() != e.To.BitLen():
			return "an address range needs its lowest and its highest address, of one family"
		case e.To.Less(e.From):
			return "the highest address of a range lies below its lowest"
		}
		return ""
	}
	if !e.Range.IsValid() || e.Range != e.Range.Masked() {
		return "an address range needs its network address and length"
	}
	return ""
}

func rangeFault(from, to e911.MAC) string {
	canonical, err := e911.ParseMAC(string(to))
	switch {
	case err != nil || canonical != to:
		return "the last of the range is no hardware address"
	case to < from:
		return "the last of the range lies below its first"
	}
	return ""
}

// rfpi reports the canonical form of a DECT base's identity, 40 bits (ETSI EN
// 300 175-6).
func rfpi(s string) bool {
	return len(s) == 10 && strings.Trim(s, "0123456789abcdef") == ""
}

func macFault(m e911.MAC) string {
	canonical, err := e911.ParseMAC(string(m))
	switch {
	case err != nil || canonical != m:
		return "it is no hardware address"
	case m == "00:00:00:00:00:00":
		return "it is no device's address"
	case m.Group():
		return "a multicast address is not one device's"
	case m.VirtualRouter():
		return "the address of a virtual router stands on several devices"
	case m.Local():
		return "a locally administered address is not unique"
	}
	return ""
}

// chassisFault judges a chassis id without its port: a MAC or a network address
// names one switch, a name may be given to many.
func chassisFault(chassis string) string {
	if mac, err := e911.ParseMAC(chassis); err == nil {
		return macFault(mac)
	}
	if _, err := netip.ParseAddr(chassis); err == nil {
		return ""
	}
	return "a chassis id that is neither a hardware nor a network address is not unique"
}
