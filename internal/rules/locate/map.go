package locate

import (
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
)

// Wired is the part of the network map that cables lead to.
type Wired interface {
	ByLLDPPort(e911.LLDPPort) (e911.LocationID, bool) // exactly, then by patterns
	ByLLDPChassis(chassis string) (e911.LocationID, bool)
	ByMAC(e911.MAC) (e911.LocationID, bool) // fixed devices and docks
	ByATAPort(adapter e911.MAC, port string) (e911.LocationID, bool)
}

// Wireless is the part of the network map that radio leads to.
type Wireless interface {
	ByBSSID(e911.MAC) (e911.LocationID, bool)       // exactly, then by range, then by mask
	ByAP(name string) (e911.LocationID, bool)       // as the controller names it, whatever the case
	ByDECTBase(rfpi string) (e911.LocationID, bool) // ten lower-case hexadecimal digits
}

// Addresses is the part of the network map that network addresses lead to.
type Addresses interface {
	ByGateway(e911.MAC) (e911.LocationID, bool) // hardware address of a default gateway
	ByIP(netip.Addr) (e911.LocationID, bool)    // the smallest range that holds it
}

// Network is the network map of an organisation; *snapshot.Org is one.
type Network interface {
	Wired
	Wireless
	Addresses
}

// Ranges knows the public addresses of an organisation; *snapshot.Org is one.
type Ranges interface {
	InPublicRange(netip.Addr) bool
}

// Tunnels knows what proves nothing about a place (F-06, W-38); *snapshot.Org
// is one.
type Tunnels interface {
	// Tunnel says which kind of tunnel an address is the egress or a pool of:
	// ElementVPN, ElementProxy or ElementSASE.
	Tunnel(netip.Addr) (kind e911.ElementKind, ok bool)
	// IgnoredAddr and IgnoredMAC report addresses of virtual adapters.
	IgnoredAddr(netip.Addr) bool
	IgnoredMAC(e911.MAC) bool
}

// Map is all that a measurement is looked up in.
type Map interface {
	Network
	Places
	Ranges
	Tunnels
}
