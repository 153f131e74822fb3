// Package lldp reads what a switch says of itself by the Link Layer Discovery
// Protocol (IEEE 802.1AB-2016): one Ethernet frame, or the ids as the LLDP-MIB
// repeats them. It gives ids the very form in which a phone's HELD measurement
// (RFC 7105, section 5.1) is looked up in the network map, so that what a
// frame, a switch and a phone say of one port is one key. It is pure; whoever
// opens a socket hands the octets in.
package lldp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/held"
)

// Subtypes of chassis ids (IEEE 802.1AB-2016, table 8-2).
const (
	ChassisComponent = 1
	ChassisIfAlias   = 2
	ChassisPort      = 3
	ChassisMAC       = held.ChassisMAC
	ChassisAddress   = held.ChassisAddress
	ChassisIfName    = 6
	ChassisLocal     = 7
)

// Subtypes of port ids (IEEE 802.1AB-2016, table 8-3).
const (
	PortIfAlias   = 1
	PortComponent = 2
	PortMAC       = held.PortMAC
	PortAddress   = held.PortAddress
	PortIfName    = held.PortIfName
	PortCircuit   = held.PortCircuit
	PortLocal     = held.PortLocal
)

// Capability is a set of system capabilities (IEEE 802.1AB-2016, table 8-4).
type Capability uint16

// The capabilities that tell what may stand behind a port.
const (
	Bridge      Capability = 1 << 2
	AccessPoint Capability = 1 << 3
	Router      Capability = 1 << 4
	Telephone   Capability = 1 << 5
	Station     Capability = 1 << 7
)

// Has reports whether c holds any of want.
func (c Capability) Has(want Capability) bool { return c&want != 0 }

// CapabilityBITS reads the BITS of lldpLocSysCapEnabled and lldpRemSysCapEnabled,
// whose first bit is the highest of the first octet (RFC 2578, section 7.1.4),
// while in a frame it is the lowest of 16.
func CapabilityBITS(b []byte) Capability {
	var c Capability
	for i := range min(2, len(b)) {
		for bit := range 8 {
			if b[i]&(0x80>>bit) != 0 {
				c |= 1 << (8*i + bit)
			}
		}
	}
	return c
}

// ID is a chassis or port id: its subtype, and its value as it was sent.
type ID struct {
	Subtype int
	Octets  []byte
}

// Unique reports whether a chassis id of this subtype can name a switch in the
// world: interface names and local ids do not (F-19).
func (id ID) Unique() bool { return id.Subtype != ChassisIfName && id.Subtype != ChassisLocal }

// Key gives the port the form that the network map keys on: that of a HELD
// measurement (wire/held). An empty port id means the chassis alone.
func Key(chassis, port ID) e911.LLDPPort {
	k := e911.LLDPPort{Chassis: held.LLDPID{Type: chassis.Subtype, Octets: chassis.Octets}.Text(true)}
	if len(port.Octets) > 0 {
		k.Port = held.LLDPID{Type: port.Subtype, Octets: port.Octets}.Text(false)
	}
	return k
}

// Frame is one LLDP announcement.
type Frame struct {
	Source      e911.MAC // of the Ethernet frame; "" when only the LLDPDU was read
	Chassis     ID
	Port        ID
	TTL         time.Duration // 0: the sender takes back what it said (section 8.5.4)
	PortText    string        // port description
	SystemName  string
	SystemText  string // system description
	Can, Does   Capability
	DeviceClass int // of LLDP-MED (ANSI/TIA-1057, section 10.2.2.1), 3 = a phone; 0 = not said
}

// Key is the key of the port that sent the frame.
func (f Frame) Key() e911.LLDPPort { return Key(f.Chassis, f.Port) }

// EtherType is that of LLDP (IEEE 802.1AB-2016, section 7.3).
const EtherType = 0x88cc

const (
	etherVLAN    = 0x8100
	etherService = 0x88a8
	maxID        = 255 // section 8.5.2.3: an id has 1 to 255 octets
	maxText      = 255 // section 8.5.5: so has a text
	maxTLVs      = 512 // three times what fits in an Ethernet frame when each has a length of 6
)

// ErrNotLLDP says that a frame carries something else.
var ErrNotLLDP = errors.New("no LLDP frame")

// ParseFrame reads an Ethernet frame, with or without VLAN tags.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < 14 {
		return Frame{}, ErrNotLLDP
	}
	source := e911.MACFrom([6]byte(b[6:12]))
	at := 12
	for tags := 0; ; tags++ {
		if len(b) < at+2 {
			return Frame{}, ErrNotLLDP
		}
		kind := binary.BigEndian.Uint16(b[at:])
		at += 2
		switch {
		case kind == EtherType:
			f, err := ParseUnit(b[at:])
			f.Source = source
			return f, err
		case (kind == etherVLAN || kind == etherService) && tags < 2:
			at += 2
		default:
			return Frame{}, ErrNotLLDP
		}
	}
}

// ParseUnit reads an LLDPDU (IEEE 802.1AB-2016, section 8). The first three
// TLVs decide whether it is one (section 9.2.7.7.1); a fault after them ends
// the reading but keeps what was read, for the ids name the port all the same.
func ParseUnit(b []byte) (Frame, error) {
	var f Frame
	for n := 0; n < maxTLVs; n++ {
		kind, value, rest, err := next(b)
		switch {
		case n < 3 && err != nil:
			return Frame{}, err
		case n < 3 && kind != n+1:
			return Frame{}, fmt.Errorf("LLDP: TLV %d is of type %d, but the first three are chassis id, port id and time to live", n+1, kind)
		case n < 3:
			if err := f.mandatory(kind, value); err != nil {
				return Frame{}, err
			}
		case err != nil || kind == 0:
			return f, nil
		default:
			f.optional(kind, value)
		}
		b = rest
	}
	return f, nil
}

func next(b []byte) (kind int, value, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errors.New("LLDP: the unit ends before a TLV")
	}
	head := binary.BigEndian.Uint16(b)
	n := int(head & 0x1ff)
	if len(b) < 2+n {
		return 0, nil, nil, fmt.Errorf("LLDP: a TLV of type %d says %d octets, %d are there", head>>9, n, len(b)-2)
	}
	return int(head >> 9), b[2 : 2+n], b[2+n:], nil
}

func (f *Frame) mandatory(kind int, value []byte) error {
	if kind == 3 {
		if len(value) < 2 {
			return errors.New("LLDP: the time to live has two octets")
		}
		f.TTL = time.Duration(binary.BigEndian.Uint16(value)) * time.Second
		return nil
	}
	if len(value) < 2 || len(value) > 1+maxID {
		return fmt.Errorf("LLDP: an id has 1 to %d octets after its subtype, this has %d", maxID, len(value)-1)
	}
	id := ID{Subtype: int(value[0]), Octets: slices.Clone(value[1:])}
	if kind == 1 {
		f.Chassis = id
	} else {
		f.Port = id
	}
	return nil
}

func (f *Frame) optional(kind int, value []byte) {
	switch kind {
	case 4:
		f.PortText = Text(value)
	case 5:
		f.SystemName = Text(value)
	case 6:
		f.SystemText = Text(value)
	case 7:
		if len(value) >= 4 {
			f.Can, f.Does = Capability(binary.BigEndian.Uint16(value)), Capability(binary.BigEndian.Uint16(value[2:]))
		}
	case 127:
		// LLDP-MED capabilities: OUI 00-12-bb, subtype 1.
		if len(value) >= 7 && string(value[:4]) == "\x00\x12\xbb\x01" {
			f.DeviceClass = int(value[6])
		}
	}
}

// Text makes text of octets that a network element calls text: what cannot be
// shown becomes a question mark, NULs are dropped, and it
// has at most 255 octets.
func Text(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), maxText)]), "?")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == 0:
			return -1
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r == utf8.RuneError:
			return '?'
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}
