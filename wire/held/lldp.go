package held

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Subtypes of LLDP ids (IEEE 802.1AB-2016, tables 8-2 and 8-3).
const (
	ChassisMAC     = 4
	ChassisAddress = 5
	PortMAC        = 3
	PortAddress    = 4
	PortIfName     = 5
	PortCircuit    = 6
	PortLocal      = 7
)

// maxLLDP is the longest id (IEEE 802.1AB-2016, section 8.5.2).
const maxLLDP = 255

// LLDPID is a chassis or port id. Octets is its value; RFC 7105 sends it in
// hexadecimal.
type LLDPID struct {
	Type   int // subtype, -1 when it was not said
	Octets []byte
	sent   string // the text of the element
}

// TextID makes an id of a name, as switches give it for PortIfName.
func TextID(subtype int, name string) LLDPID { return LLDPID{Type: subtype, Octets: []byte(name)} }

// MACID makes an id of a hardware address in any notation.
func MACID(subtype int, mac string) (LLDPID, error) {
	b, ok := octets(mac)
	if !ok || len(b) != 6 {
		return LLDPID{}, fmt.Errorf("%q is no hardware address", mac)
	}
	return LLDPID{Type: subtype, Octets: b}, nil
}

// octets reads hexadecimal digits with colons, hyphens or dots between them.
func octets(s string) ([]byte, bool) {
	digits := make([]byte, 0, 16)
	for i := range len(s) {
		if c := s[i]; c != ':' && c != '-' && c != '.' {
			digits = append(digits, c)
		}
	}
	out := make([]byte, hex.DecodedLen(len(digits)))
	_, err := hex.Decode(out, digits)
	return out, err == nil && len(digits)%2 == 0
}

// readLLDPID takes what a device sent: hexadecimal as it should be, or the
// text itself, as some phones have it.
func readLLDPID(subtype int, text string) LLDPID {
	id := LLDPID{Type: subtype, sent: text}
	if b, err := hex.DecodeString(text); err == nil {
		id.Octets = b
	} else {
		id.Octets = []byte(text)
	}
	if len(id.Octets) > maxLLDP {
		id.Octets = id.Octets[:maxLLDP]
	}
	return id
}

// Text writes the id as people who configure switches do. Six octets said to be
// a hardware address, or that are not text, become "00:11:22:33:44:55"; a
// network address its usual form; printable octets their text; the rest what
// was sent. The subtype alone is not trusted: RFC 7105's own example marks an
// address as a MAC.
func (id LLDPID) Text(chassis bool) string {
	mac := id.Type == ChassisMAC
	address := id.Type == ChassisAddress
	if !chassis {
		mac, address = id.Type == PortMAC, id.Type == PortAddress
	}
	printable := printable(id.Octets)
	switch {
	case len(id.Octets) == 6 && (mac || !printable):
		return colons(id.Octets)
	case address && len(id.Octets) > 1:
		// The first octet is the IANA address family.
		if a, ok := netip.AddrFromSlice(id.Octets[1:]); ok {
			return a.String()
		}
	}
	text := string(id.Octets)
	if mac {
		if other, err := MACID(id.Type, text); err == nil {
			return colons(other.Octets) // sent as text
		}
	}
	if printable {
		return strings.TrimSpace(text)
	}
	if id.sent != "" {
		return id.sent
	}
	return hex.EncodeToString(id.Octets)
}

func colons(b []byte) string {
	var s strings.Builder
	for i, o := range b {
		if i > 0 {
			s.WriteByte(':')
		}
		s.WriteString(hex.EncodeToString([]byte{o}))
	}
	return s.String()
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}
