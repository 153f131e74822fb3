package locate

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Network is the network map of an organisation; *snapshot.Org is one.
type Network interface {
	ByLLDPPort(e911.LLDPPort) (e911.LocationID, bool)
	ByLLDPChassis(chassis string) (e911.LocationID, bool)
	ByBSSID(e911.MAC) (e911.LocationID, bool)
	ByMAC(e911.MAC) (e911.LocationID, bool)
	ByIP(netip.Addr) (e911.LocationID, bool)
}

// Ranges knows the public addresses of an organisation; *snapshot.Org is one.
type Ranges interface {
	InPublicRange(netip.Addr) bool
}

// Map is all that a measurement is looked up in.
type Map interface {
	Network
	Places
	Ranges
}

// Neighbour is one LLDP neighbour. Chassis is the canonical MAC where the id
// is one, else the text as it came.
type Neighbour struct {
	Chassis        string
	ChassisSubtype int // IEEE 802.1AB, table 8-2; 0 when unknown
	Port           string
}

// Measurement is what a device says about its network, and the source address
// that we saw. Evidence of an interface without link is left out by whoever
// fills it (F-19).
type Measurement struct {
	At         time.Time // of the measurement, at the latest that of the request
	LLDP       []Neighbour
	Serving    e911.MAC     // BSSID
	Neighbours []e911.MAC   // BSSIDs heard
	MAC        e911.MAC     // the device's own
	Addrs      []netip.Addr // the device's own, as it says
	Source     netip.Addr   // observed
	SourceAt   time.Time    // when Source was observed; zero: At
	Tunnel     bool         // the client says that a VPN is up
	// PhoneAt tells where a known phone is, for a PC that sees the phone as its
	// LLDP neighbour (F-19); may be nil.
	PhoneAt func(e911.MAC) (Evidence, bool)
}

// Measured looks a measurement up in the map: what it proves, best first in
// the order of network evidence, and a finding for every key, also those that
// matched nothing.
func Measured(n Map, m Measurement) ([]Evidence, []e911.Finding) {
	k := &lookup{n: n, m: m}
	for _, l := range m.LLDP {
		k.port(l)
	}
	if m.Serving != "" {
		k.mac(e911.ByBSSID, m.Serving, n.ByBSSID, "access point "+string(m.Serving))
	}
	k.neighbours()
	for _, l := range m.LLDP {
		k.chassis(l)
	}
	if m.MAC != "" {
		k.mac(e911.ByMAC, m.MAC, n.ByMAC, "hardware address "+string(m.MAC))
	}
	k.addresses()
	slices.SortStableFunc(k.found, func(a, b Evidence) int { return order(a.By) - order(b.By) })
	return k.found, k.findings
}

// lookup collects what one measurement proves.
type lookup struct {
	n        Map
	m        Measurement
	found    []Evidence
	findings []e911.Finding
}

func (k *lookup) say(by e911.LocatedBy, said, place, why string) {
	at := k.m.At
	k.findings = append(k.findings, e911.Finding{Rule: string(by), Said: said, Place: place, At: &at, Why: why})
}

// hit keeps evidence of a location of ours.
func (k *lookup) hit(by e911.LocatedBy, id e911.LocationID, at time.Time, said string) {
	e, ok := FromLocation(k.n, id, by, at)
	if !ok {
		k.say(by, said, "", "it is mapped to a location that does not exist")
		return
	}
	e.Said = said
	k.found = append(k.found, e)
	k.say(by, said, e.Place.Display, "it is on the map")
}

const notMapped = "it is not on the map"

func (k *lookup) port(l Neighbour) {
	if l.Chassis == "" || l.Port == "" {
		return
	}
	said := "port " + l.Port + " of " + l.Chassis
	if id, ok := k.n.ByLLDPPort(e911.LLDPPort{Chassis: l.Chassis, Port: l.Port}); ok {
		k.hit(e911.ByLLDPPort, id, k.m.At, said)
	} else {
		k.say(e911.ByLLDPPort, said, "", notMapped)
	}
}

func (k *lookup) chassis(l Neighbour) {
	if l.Chassis == "" {
		return
	}
	said := "switch " + l.Chassis
	mac, err := e911.ParseMAC(l.Chassis)
	if err == nil && k.m.PhoneAt != nil {
		// A phone with a switch in it, and a PC behind it (F-19).
		if e, ok := k.m.PhoneAt(mac); ok {
			e.By, e.Said = e911.ByLLDPChassis, "behind the phone "+l.Chassis
			if k.m.At.Before(e.At) {
				e.At = k.m.At
			}
			k.found = append(k.found, e)
			k.say(e.By, e.Said, e.Place.Display, "the neighbour is a phone that is known")
			return
		}
	}
	why := chassisFault(l.Chassis)
	if l.ChassisSubtype == subtypeInterface || l.ChassisSubtype == subtypeLocal {
		why = "a chassis id of this kind is not unique"
	}
	if why != "" {
		k.say(e911.ByLLDPChassis, said, "", why)
		return
	}
	if id, ok := k.n.ByLLDPChassis(l.Chassis); ok {
		k.hit(e911.ByLLDPChassis, id, k.m.At, said)
	} else {
		k.say(e911.ByLLDPChassis, said, "", notMapped)
	}
}

func (k *lookup) mac(by e911.LocatedBy, m e911.MAC, find func(e911.MAC) (e911.LocationID, bool), said string) {
	if why := macFault(m); why != "" {
		k.say(by, said, "", why)
		return
	}
	if id, ok := find(m); ok {
		k.hit(by, id, k.m.At, said)
	} else {
		k.say(by, said, "", notMapped)
	}
}

// neighbours takes the location that more than half of the mapped access points
// heard agree on; where they agree on the building alone, or only one is
// mapped, the building: radio goes through walls and floors.
func (k *lookup) neighbours() {
	locations, buildings := map[e911.LocationID]int{}, map[e911.BuildingID]int{}
	var seen []e911.MAC
	var places []e911.Place // of the mapped ones, in the order heard
	for _, m := range k.m.Neighbours {
		if m == "" || m == k.m.Serving || slices.Contains(seen, m) || macFault(m) != "" {
			continue
		}
		seen = append(seen, m)
		id, ok := k.n.ByBSSID(m)
		if !ok {
			continue
		}
		if place, ok := k.n.Place(id); ok {
			locations[id]++
			buildings[place.Building]++
			places = append(places, place)
		}
	}
	if len(seen) == 0 {
		return
	}
	mapped := len(places)
	said := fmt.Sprintf("%d access points nearby, %d on the map", len(seen), mapped)
	for _, place := range places {
		if 2*locations[place.Location] > mapped && mapped > 1 {
			k.hit(e911.ByNeighbours, place.Location, k.m.At, said)
			return
		}
	}
	for _, place := range places {
		if 2*buildings[place.Building] > mapped && place.Building != "" {
			place = buildingOf(place)
			k.found = append(k.found, Evidence{By: e911.ByNeighbours, At: k.m.At, Place: place, Said: said})
			k.say(e911.ByNeighbours, said, place.Display, "they agree on the building, not on the place in it")
			return
		}
	}
	why := notMapped
	if mapped > 0 {
		why = "they do not agree"
	}
	k.say(e911.ByNeighbours, said, "", why)
}

// buildingOf leaves the building of a place.
func buildingOf(p e911.Place) e911.Place {
	c := civic.Outdoors(p.Civic)
	return e911.Place{
		Building: p.Building, Site: p.Site, Civic: c, Area: p.Area,
		Dispatchable: civic.Dispatchable(c), Display: civic.Display(c),
	}
}

// addresses looks up the source address, which counts when it is mapped itself,
// and what the device says of its own, which counts when the source is one of
// the organisation's public addresses (F-06). Private addresses are the same in
// every home; a tunnel makes both meaningless.
func (k *lookup) addresses() {
	if source := k.m.Source.Unmap(); source.IsValid() {
		at := k.m.SourceAt
		if at.IsZero() {
			at = k.m.At
		}
		by, said := kindOf(source), "source address "+source.String()
		id, ok := k.n.ByIP(source)
		switch {
		case ok && k.m.Tunnel:
			k.say(by, said, "", "the client says that a tunnel is up")
		case ok:
			k.hit(by, id, at, said)
		default:
			k.say(by, said, "", notMapped)
		}
	}
	atHome := k.m.Source.IsValid() && k.n.InPublicRange(k.m.Source.Unmap())
	for _, a := range k.m.Addrs {
		a = a.Unmap()
		if !a.IsValid() || a == k.m.Source.Unmap() {
			continue
		}
		by, said := kindOf(a), "own address "+a.String()
		id, ok := k.n.ByIP(a)
		switch {
		case !ok:
			k.say(by, said, "", notMapped)
		case k.m.Tunnel:
			k.say(by, said, "", "the client says that a tunnel is up")
		case !atHome:
			k.say(by, said, "", "the request does not come from a public address of the organisation: this private address may be any network's")
		default:
			k.hit(by, id, k.m.At, said)
		}
	}
}

// kindOf tells private from public addresses; shared address space (RFC 6598)
// and loopback are private here.
func kindOf(a netip.Addr) e911.LocatedBy {
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(a) {
		return e911.ByPrivateIP
	}
	return e911.ByPublicIP
}

// Chassis id subtypes of IEEE 802.1AB, table 8-2, that name nothing in the world.
const (
	subtypeInterface = 6
	subtypeLocal     = 7
)

// KeyFault says why an element's key finds nobody alone, "" when it is unique
// (F-19): import refuses it with this reason.
func KeyFault(e e911.Element) string {
	switch e.Kind {
	case e911.ElementBSSID, e911.ElementMAC:
		return macFault(e.MAC)
	case e911.ElementLLDPChassis:
		return chassisFault(e.LLDP.Chassis)
	case e911.ElementLLDPPort:
		if e.LLDP.Chassis == "" || e.LLDP.Port == "" {
			return "a switch port needs its chassis id and its port id"
		}
	case e911.ElementIP:
		if !e.Range.IsValid() || e.Range != e.Range.Masked() {
			return "an address range needs its network address and length"
		}
	default:
		return "this version does not know elements of this kind"
	}
	return ""
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
