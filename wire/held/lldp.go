package held

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
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
// hexadecimal. The zero value is none: an id has an octet at least.
type LLDPID struct {
	Type   int // subtype, -1 when it was not said
	Octets []byte
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
	digits := make([]byte, 0, 32)
	for i := range len(s) {
		if c := s[i]; c != ':' && c != '-' && c != '.' {
			digits = append(digits, c)
		}
	}
	out := make([]byte, hex.DecodedLen(len(digits)))
	_, err := hex.Decode(out, digits)
	return out, err == nil && len(digits)%2 == 0
}

// appendMAC appends a hardware address of 6 or 8 octets, given in any notation,
// as RFC 6155 and RFC 7105 want it: "00-12-F0-A0-80-EF".
func appendMAC(dst []byte, s string) ([]byte, bool) {
	const upper = "0123456789ABCDEF"
	start, n := len(dst), 0
	for i := range len(s) {
		c := s[i]
		if c == ':' || c == '-' || c == '.' {
			continue
		}
		v, ok := unhex(c)
		if !ok || n == 16 {
			return dst[:start], false
		}
		if n > 0 && n%2 == 0 {
			dst = append(dst, '-')
		}
		dst = append(dst, upper[v])
		n++
	}
	if n != 12 && n != 16 {
		return dst[:start], false
	}
	return dst, true
}

// canonicalMAC returns s in the form of appendMAC, and as it is when it cannot.
func canonicalMAC(s string) string {
	var buf [24]byte
	b, ok := appendMAC(buf[:0], s)
	if !ok || string(b) == s {
		return s
	}
	return string(b)
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// unhexString appends what s says in hexadecimal.
func unhexString(dst []byte, s string) ([]byte, bool) {
	if len(s)%2 != 0 {
		return dst, false
	}
	start := len(dst)
	for i := 0; i < len(s); i += 2 {
		hi, ok := unhex(s[i])
		lo, also := unhex(s[i+1])
		if !ok || !also {
			return dst[:start], false
		}
		dst = append(dst, hi<<4|lo)
	}
	return dst, true
}

// lldpOctets takes what a device sent: hexadecimal as it should be, or the text
// itself, as some phones have it.
func lldpOctets(dst []byte, text string) []byte {
	start := len(dst)
	dst, ok := unhexString(dst, text)
	if !ok {
		dst = append(dst, text...)
	}
	return dst[:min(len(dst), start+maxLLDP)]
}

// Text writes the id as people who configure switches do. Six octets said to be
// a hardware address, or that are not text, become "00:11:22:33:44:55"; a
// network address its usual form; text is text; the rest is hexadecimal. The
// subtype alone is not trusted: RFC 7105's own example marks an address as a
// MAC.
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
	if printable || (utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0) {
		return strings.TrimSpace(text)
	}
	return hex.EncodeToString(id.Octets)
}

func colons(b []byte) string {
	out := make([]byte, 0, 3*len(b))
	for i := range b {
		if i > 0 {
			out = append(out, ':')
		}
		out = hex.AppendEncode(out, b[i:i+1])
	}
	return string(out)
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}
