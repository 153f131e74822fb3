package locate

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// How long evidence is fresh (design 2.2, F-01, F-14, F-18). A base or an
// access point that a controller names is radio, as the serving BSSID is; a
// gateway tells as much as a range of addresses does.
const (
	wiredAge     = 24 * time.Hour
	bssidAge     = 30 * time.Minute
	neighbourAge = 10 * time.Minute
	addressAge   = 4 * time.Hour
	confirmedAge = 30 * 24 * time.Hour
	userSetAge   = 12 * time.Hour
)

// DefaultInviteLimit is how old a location by value may be (F-14).
const DefaultInviteLimit = 15 * time.Minute

// MaxAge returns how long evidence of a kind is fresh; zero for what has no age:
// a number's address, a site's building. Confirmed and set locations have the
// ages of the default policy.
func MaxAge(by e911.LocatedBy) time.Duration {
	switch by {
	case e911.ByLLDPPort, e911.ByLLDPChassis, e911.ByMAC, e911.ByATAPort:
		return wiredAge
	case e911.ByBSSID, e911.ByDECTBase, e911.ByAP:
		return bssidAge
	case e911.ByNeighbours:
		return neighbourAge
	case e911.ByPrivateIP, e911.ByPublicIP, e911.ByGateway:
		return addressAge
	case e911.ByConfirmed:
		return confirmedAge
	case e911.ByUserSet:
		return userSetAge
	case e911.ByNumber, e911.ByRegistered, e911.BySiteDefault, e911.ByNothing:
		return 0
	}
	return DefaultInviteLimit // a PIDF-LO, or a kind of a newer version
}

// MethodOf returns the PIDF-LO method token of a kind of evidence (F-26). A
// DECT base is a radio antenna, for which the registry has "Cell".
func MethodOf(by e911.LocatedBy) string {
	switch by {
	case e911.ByLLDPPort, e911.ByLLDPChassis, e911.ByMAC, e911.ByATAPort:
		return "Wiremap"
	case e911.ByBSSID, e911.ByNeighbours, e911.ByAP:
		return "802.11"
	case e911.ByDECTBase:
		return "Cell"
	case e911.ByPrivateIP, e911.ByPublicIP, e911.ByGateway:
		return "DHCP"
	case e911.ByConfirmed, e911.ByUserSet, e911.ByNumber, e911.ByRegistered:
		return "Manual"
	}
	return "Default"
}

// order is the order of network evidence in design 2.2. The port of an analogue
// adapter stands before all: it is the only key that names the telephone
// itself, while port, switch and addresses of the same device are the
// adapter's, from which cables run to several rooms (F-33). A foreign
// reference's own location, whose evidence nobody told us, stands before mere
// addresses.
func order(by e911.LocatedBy) int {
	switch by {
	case e911.ByATAPort:
		return 0
	case e911.ByLLDPPort:
		return 1
	case e911.ByBSSID:
		return 2
	case e911.ByNeighbours:
		return 3
	case e911.ByLLDPChassis:
		return 4
	case e911.ByMAC:
		return 5
	case e911.ByGateway:
		return 6
	case e911.ByDECTBase:
		return 7
	case e911.ByAP:
		return 8
	case e911.ByPrivateIP:
		return 10
	case e911.ByPublicIP:
		return 11
	}
	return 9
}

// family groups kinds of evidence that can be wrong together: two kinds of one
// family do not bear each other out.
func family(by e911.LocatedBy) string {
	switch by {
	case e911.ByLLDPPort, e911.ByLLDPChassis, e911.ByATAPort:
		return "cable"
	case e911.ByBSSID, e911.ByNeighbours, e911.ByAP, e911.ByDECTBase:
		return "radio"
	case e911.ByMAC:
		return "hardware"
	case e911.ByGateway, e911.ByPrivateIP, e911.ByPublicIP:
		return "address"
	case e911.ByConfirmed, e911.ByUserSet:
		return "person"
	case e911.ByNumber, e911.ByRegistered, e911.BySiteDefault:
		return "record"
	}
	return string(by)
}

// exact reports kinds that name one spot of a building by themselves.
func exact(by e911.LocatedBy) bool {
	switch by {
	case e911.ByATAPort, e911.ByLLDPPort, e911.ByBSSID, e911.ByMAC, e911.ByDECTBase, e911.ByAP, e911.ByPIDFLO:
		return true
	}
	return false
}

// wired reports network evidence that does not fade with age (F-01).
func wired(by e911.LocatedBy) bool {
	switch by {
	case e911.ByLLDPPort, e911.ByLLDPChassis, e911.ByMAC, e911.ByATAPort:
		return true
	}
	return false
}

// fades reports network evidence of which age leaves the building (F-18).
func fades(by e911.LocatedBy) bool {
	switch by {
	case e911.ByBSSID, e911.ByNeighbours, e911.ByDECTBase, e911.ByAP, e911.ByGateway, e911.ByPrivateIP, e911.ByPublicIP:
		return true
	}
	return false
}

// base reports evidence of where a handset itself is: what it hears, not what
// its charger or its base is plugged into (F-33).
func base(by e911.LocatedBy) bool {
	switch by {
	case e911.ByDECTBase, e911.ByAP, e911.ByBSSID, e911.ByNeighbours, e911.ByPIDFLO, e911.ByUserSet, e911.ByConfirmed:
		return true
	}
	return false
}

// words says a kind of evidence to a person.
func words(by e911.LocatedBy) string {
	switch by {
	case e911.ByPIDFLO:
		return "location in the INVITE"
	case e911.ByLLDPPort:
		return "switch port"
	case e911.ByBSSID:
		return "access point"
	case e911.ByNeighbours:
		return "access points nearby"
	case e911.ByLLDPChassis:
		return "switch"
	case e911.ByMAC:
		return "hardware address"
	case e911.ByGateway:
		return "default gateway"
	case e911.ByDECTBase:
		return "DECT base"
	case e911.ByAP:
		return "access point as its controller tells it"
	case e911.ByATAPort:
		return "port of the analogue adapter"
	case e911.ByPrivateIP:
		return "private address range"
	case e911.ByPublicIP:
		return "public address range"
	case e911.ByConfirmed:
		return "address the user confirmed"
	case e911.ByUserSet:
		return "location the user set"
	case e911.ByNumber:
		return "address of the number"
	case e911.ByRegistered:
		return "place the user registered"
	case e911.BySiteDefault:
		return "the site's only building"
	}
	return string(by)
}
