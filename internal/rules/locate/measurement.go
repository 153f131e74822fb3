package locate

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Neighbour is one LLDP neighbour. Chassis is the canonical MAC where the id
// is one, else the text as it came.
type Neighbour struct {
	Chassis        string
	ChassisSubtype int // IEEE 802.1AB, table 8-2; 0 when unknown
	Port           string
}

// Interface is one network interface of a device with what was seen on it, as
// the device's client tells it.
type Interface struct {
	Name string // as the device names it, the same in each of its measurements
	// Down: it has no link. Nothing on it counts, and what was seen on it
	// before is over (F-19).
	Down bool
	// Virtual: no hardware stands behind it: a VPN's, a container's. Nothing on
	// it counts (W-38).
	Virtual bool

	MAC        e911.MAC
	LLDP       []Neighbour
	Serving    e911.MAC
	Neighbours []e911.MAC
	Gateway    e911.MAC // hardware address of the default gateway
	Addrs      []netip.Addr
}

// ATAPort names the jack of an analogue adapter that a telephone hangs on.
type ATAPort struct {
	Adapter e911.MAC
	Port    string
}

// Measurement is what is said about the network around a device, and the source
// address that we saw.
type Measurement struct {
	At time.Time // of the measurement, at the latest that of the request
	// Who measured; empty: the device itself.
	Who Witness

	// Interfaces is for clients that tell their interfaces apart. What stands in
	// the fields below it was seen on an interface that has link.
	Interfaces []Interface
	LLDP       []Neighbour
	Serving    e911.MAC     // BSSID
	Neighbours []e911.MAC   // BSSIDs heard
	MAC        e911.MAC     // the device's own
	Gateway    e911.MAC     // hardware address of the default gateway
	Addrs      []netip.Addr // the device's own, as it says

	DECTBase string  // RFPI, ten lower-case hexadecimal digits (F-33)
	AP       string  // name of the access point, from its controller
	ATA      ATAPort // of a telephone behind an analogue adapter
	SSID     string  // name of the radio network; for Fingerprint, never for a place

	Source   netip.Addr // observed
	SourceAt time.Time  // when Source was observed; zero: At
	Tunnel   bool       // the client says that a VPN is up
	// PhoneAt tells where a known phone is, for a PC that sees the phone as its
	// LLDP neighbour (F-19); may be nil.
	PhoneAt func(e911.MAC) (Evidence, bool)
}

// Witness is who saw what evidence says, as RFC 7105 lets a PIDF-LO tell
// (lmsrc, section 4.6).
type Witness string

// The witnesses. Evidence without one is not told apart.
const (
	ByDevice  Witness = "device" // the device's word, which nobody checked
	ByServer  Witness = "lis"    // we observed it, as the source address of a request
	ByNetwork Witness = "other"  // a controller or a switch told us
)

// sameMoment is how far apart the parts of one request may be measured and
// still count as taken together: the longest life of an LLDP frame that
// switches send by default (IEEE 802.1AB, section 9.2.5: 30 s four times over).
const sameMoment = 2 * time.Minute

// sourceTime returns when the source address was seen.
func (m *Measurement) sourceTime() time.Time {
	if m.SourceAt.IsZero() {
		return m.At
	}
	return m.SourceAt
}

// sourceSince is the time from which the source address is news: with the rest
// of its request, unless that was measured long before.
func (m *Measurement) sourceSince() time.Time {
	at := m.sourceTime()
	if d := at.Sub(m.At); m.At.IsZero() || d < 0 || d > sameMoment {
		return at
	}
	return m.At
}

func (m *Measurement) who() Witness {
	if m.Who == "" {
		return ByDevice
	}
	return m.Who
}

// flat is the interface that no name was told of.
func (m *Measurement) flat() Interface {
	return Interface{MAC: m.MAC, LLDP: m.LLDP, Serving: m.Serving, Neighbours: m.Neighbours, Gateway: m.Gateway, Addrs: m.Addrs}
}

// interfaces lists all there are; the first is what no interface was named for.
func (m *Measurement) interfaces() []Interface {
	return append([]Interface{m.flat()}, m.Interfaces...)
}
