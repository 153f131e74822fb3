package e911

import (
	"cmp"
	"strings"
)

// Capability is how a device of a model tells where it is (W-49).
type Capability string

// The capabilities.
const (
	CapabilityNone     Capability = "none"  // the address of its number, or what the network tells of it
	CapabilityHELD     Capability = "held"  // asks the location server by HELD
	CapabilityHELDPlus Capability = "held+" // a client that signs its user in and reports its network
)

// Asks reports whether such a device asks the location server itself.
func (c Capability) Asks() bool { return c == CapabilityHELD || c == CapabilityHELDPlus }

// Model is a device model; HELD says that it asks the location server itself,
// whatever its firmware. The call path goes by that alone.
type Model struct {
	ID   ModelID `json:"id"`
	Key  string  `json:"key"`
	HELD bool    `json:"held"`

	Maker string `json:"maker,omitempty"`
	// Names are what devices of the model call themselves, beside Key.
	Names []string `json:"names,omitempty"`
	// Firmware says what differs by version; the first that holds it counts.
	Firmware []FirmwareRule `json:"firmware,omitempty"`
}

// FirmwareRule is what a range of firmware can do. Either end may be open.
type FirmwareRule struct {
	From       string     `json:"from,omitempty"` // inclusive
	To         string     `json:"to,omitempty"`   // inclusive
	Capability Capability `json:"capability"`
}

// Holds reports whether the version lies in the range.
func (r FirmwareRule) Holds(version string) bool {
	return version != "" && (r.From == "" || CompareFirmware(version, r.From) >= 0) &&
		(r.To == "" || CompareFirmware(version, r.To) <= 0)
}

// Capability is what a device of the model can do with a firmware; an empty or
// unmatched version counts as HELD says.
func (m Model) Capability(firmware string) Capability {
	for _, r := range m.Firmware {
		if r.Holds(firmware) {
			return r.Capability
		}
	}
	if m.HELD {
		return CapabilityHELD
	}
	return CapabilityNone
}

// Called reports whether a device that calls itself name is of the model.
func (m Model) Called(name string) bool {
	if name = strings.TrimSpace(name); name == "" {
		return false
	}
	if strings.EqualFold(m.Key, name) {
		return true
	}
	for _, n := range m.Names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// CompareFirmware orders versions as their makers count: runs of digits by
// number, other letters as text, separators not at all, a shorter version
// before one that it begins ("11.2.3" < "11.2.10" < "11.2.10SR1" < "12.0").
func CompareFirmware(a, b string) int {
	for {
		var x, y string
		x, a = firmwarePart(a)
		y, b = firmwarePart(b)
		if x == "" || y == "" {
			return cmp.Compare(len(x), len(y))
		}
		xd, yd := isDigit(x[0]), isDigit(y[0])
		var c int
		switch {
		case xd && yd:
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			c = cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		case xd != yd:
			c = 1 // "11.2a" comes before "11.2.1"
			if yd {
				c = -1
			}
		default:
			c = cmp.Compare(strings.ToLower(x), strings.ToLower(y))
		}
		if c != 0 {
			return c
		}
	}
}

// firmwarePart cuts the next run of digits or of letters off.
func firmwarePart(s string) (part, rest string) {
	i := 0
	for i < len(s) && !isDigit(s[i]) && !isLetter(s[i]) {
		i++
	}
	j := i
	for j < len(s) && (isDigit(s[j]) && isDigit(s[i]) || isLetter(s[j]) && isLetter(s[i])) {
		j++
	}
	return s[i:j], s[j:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
