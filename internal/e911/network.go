package e911

import (
	"encoding/hex"
	"strings"
)

// MAC is a 48-bit hardware address in the one form "00:11:22:33:44:50"; a
// BSSID is one too.
type MAC string

// ParseMAC reads any notation: colons, dashes, Cisco dots, bare.
func ParseMAC(s string) (MAC, error) {
	var digits [12]byte
	n := 0
	for i := range len(s) {
		c := s[i]
		if c == ':' || c == '-' || c == '.' || c == ' ' {
			continue
		}
		if n < len(digits) {
			digits[n] = c
		}
		n++
	}
	var b [6]byte
	if _, err := hex.Decode(b[:], digits[:]); err != nil || n != len(digits) {
		return "", Errorf(Invalid, "a MAC address has 12 hexadecimal digits")
	}
	return MACFrom(b), nil
}

// MACFrom writes six octets in the one form.
func MACFrom(b [6]byte) MAC {
	const digits = "0123456789abcdef"
	var text [17]byte
	for i, o := range b {
		text[3*i], text[3*i+1] = digits[o>>4], digits[o&15]
		if i < len(b)-1 {
			text[3*i+2] = ':'
		}
	}
	return MAC(text[:])
}

// Group reports a multicast or broadcast address (I/G bit).
func (m MAC) Group() bool { return m.firstOctet()&1 != 0 }

// Local reports a locally administered address (U/L bit).
func (m MAC) Local() bool { return m.firstOctet()&2 != 0 }

// VirtualRouter reports the shared addresses of VRRP, HSRP and GLBP, which
// stand on many routers and so find nobody (F-19).
func (m MAC) VirtualRouter() bool {
	for _, p := range []string{"00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:07:b4:"} {
		if strings.HasPrefix(string(m), p) {
			return true
		}
	}
	return false
}

func (m MAC) firstOctet() byte {
	b, err := hex.DecodeString(string(m[:min(2, len(m))]))
	if err != nil || len(b) == 0 {
		return 0
	}
	return b[0]
}

// LLDPPort names a switch port as LLDP does (IEEE 802.1AB). Chassis is the
// canonical MAC where the id is one, else the text as it came; Port is the
// vendor's text verbatim. An empty Port means the chassis alone.
type LLDPPort struct {
	Chassis string `json:"chassis" yaml:"chassis"`
	Port    string `json:"port,omitempty" yaml:"port,omitempty"`
}

// ElementKind is the kind of key by which a network element is recognised.
type ElementKind string

// The kinds of network element that this version knows.
const (
	ElementBSSID       ElementKind = "bssid"        // MAC, or the range MAC to MACTo
	ElementLLDPPort    ElementKind = "lldp_port"    // LLDP, the port verbatim
	ElementLLDPPorts   ElementKind = "lldp_ports"   // LLDP, the port a pattern: "Gi1/0/[1-24]", "Gi2/0/*"
	ElementLLDPChassis ElementKind = "lldp_chassis" // LLDP without port
	ElementMAC         ElementKind = "mac"          // MAC of a device that stays, with Mobility
	ElementGateway     ElementKind = "gateway"      // MAC of a default gateway
	ElementDECTBase    ElementKind = "dect_base"    // Name is the RFPI, ten hex digits
	ElementAP          ElementKind = "ap"           // Name of an access point as its controller tells it
	ElementATAPort     ElementKind = "ata_port"     // MAC of the adapter, Name of the port
	ElementIP          ElementKind = "ip"           // Range, or From to To
)

// The kinds of network element that prove nothing about a place (F-06). They
// have no Location: a request that comes from one of them yields no evidence of
// addresses and gateways.
const (
	ElementVPN    ElementKind = "vpn"    // egress or pool of a VPN: Range, or From to To
	ElementProxy  ElementKind = "proxy"  // egress of a proxy
	ElementSASE   ElementKind = "sase"   // egress of a secure access service edge
	ElementIgnore ElementKind = "ignore" // virtual adapters: Range, From to To, or MAC to MACTo
)

// Places reports whether elements of the kind map to a Location.
func (k ElementKind) Places() bool {
	switch k {
	case ElementVPN, ElementProxy, ElementSASE, ElementIgnore:
		return false
	}
	return true
}

// Mobility says whether what an ElementMAC names stays where it is. Portable
// devices are no network elements: they would carry the place along (F-19).
type Mobility string

// The mobilities of an ElementMAC.
const (
	MobilityFixed Mobility = "fixed"
	MobilityDock  Mobility = "dock"
)
