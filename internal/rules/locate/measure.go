package locate

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Measured looks a measurement up in the map: what it proves, best first in
// the order of network evidence, and a finding for every key, also those that
// matched nothing.
func Measured(n Map, m Measurement) ([]Evidence, []e911.Finding) {
	k := &lookup{n: n, m: m}
	k.all()
	slices.SortStableFunc(k.found, func(a, b Evidence) int { return order(a.By) - order(b.By) })
	return k.found, k.findings
}

// lookup collects what one measurement proves.
type lookup struct {
	n Map
	m Measurement
	// tunnel says why addresses and gateways prove nothing; empty when they do.
	tunnel string
	// quiet: findings of what is on the map are left out; Decide makes them.
	quiet    bool
	found    []Evidence
	findings []e911.Finding
}

func (k *lookup) all() {
	k.tunnel = k.throughTunnel()
	k.withoutSource()
	k.source()
}

// withoutSource looks up all but the source address.
func (k *lookup) withoutSource() {
	if ata := k.m.ATA; ata.Adapter != "" || ata.Port != "" {
		k.ata(ata)
	}
	k.on(k.m.flat())
	for _, in := range k.m.Interfaces {
		if k.counts(in) {
			k.on(in)
		}
	}
	if base := k.m.DECTBase; base != "" {
		k.named(e911.ByDECTBase, base, k.n.ByDECTBase, "DECT base "+base)
	}
	if ap := k.m.AP; ap != "" {
		k.named(e911.ByAP, ap, k.n.ByAP, "access point "+ap+" of the controller")
	}
}

// throughTunnel says why the request's addresses are not the device's network's
// (F-06).
func (k *lookup) throughTunnel() string {
	if k.m.Tunnel {
		return "the client says that a tunnel is up (F-06)"
	}
	kind, ok := k.n.Tunnel(k.m.Source.Unmap())
	if !ok || !k.m.Source.IsValid() {
		return ""
	}
	name := map[e911.ElementKind]string{e911.ElementVPN: "VPN", e911.ElementProxy: "proxy", e911.ElementSASE: "secure access service edge"}[kind]
	if name == "" {
		name = "tunnel"
	}
	return "the request comes through a " + name + ", which may be anywhere (F-06)"
}

// counts reports an interface whose evidence counts, and says of the others why
// it does not.
func (k *lookup) counts(in Interface) bool {
	by, why := e911.ByMAC, ""
	if len(in.LLDP) > 0 {
		by = e911.ByLLDPPort
	} else if in.Serving != "" {
		by = e911.ByBSSID
	} else if in.MAC == "" && len(in.Addrs) > 0 {
		by = kindOf(in.Addrs[0])
	}
	switch {
	case in.Down:
		why = "the interface has no link (F-19)"
	case in.Virtual:
		why = "the interface is virtual: what stands behind it is no place (W-38)"
	case in.MAC != "" && k.n.IgnoredMAC(in.MAC):
		why = "the interface has the hardware address of a virtual adapter (W-38)"
	default:
		return true
	}
	said := "interface " + in.Name
	if in.Name == "" {
		said = "interface " + string(in.MAC)
	}
	k.say(by, said, "", why)
	return false
}

// on looks up what was seen on one interface.
func (k *lookup) on(in Interface) {
	for _, l := range in.LLDP {
		k.port(l)
	}
	if in.Serving != "" {
		k.mac(e911.ByBSSID, in.Serving, k.n.ByBSSID, "access point "+string(in.Serving))
	}
	if len(in.Neighbours) > 0 {
		k.neighbours(in)
	}
	for _, l := range in.LLDP {
		k.chassis(l)
	}
	if in.MAC != "" {
		k.mac(e911.ByMAC, in.MAC, k.n.ByMAC, "hardware address "+string(in.MAC))
	}
	if in.Gateway != "" {
		said := "default gateway " + string(in.Gateway)
		if k.tunnel != "" {
			k.say(e911.ByGateway, said, "", k.tunnel)
		} else {
			k.mac(e911.ByGateway, in.Gateway, k.n.ByGateway, said)
		}
	}
	k.own(in.Addrs)
}

func (k *lookup) say(by e911.LocatedBy, said, place, why string) {
	at := k.m.At
	k.findings = append(k.findings, e911.Finding{Rule: string(by), Said: said, Place: place, At: &at, Why: why})
}

// hit keeps evidence of a location of ours.
func (k *lookup) hit(by e911.LocatedBy, id e911.LocationID, said string) {
	e, ok := FromLocation(k.n, id, by, k.m.At)
	if !ok {
		k.say(by, said, "", "it is mapped to a location that does not exist")
		return
	}
	e.Said = said
	k.keep(e, "it is on the map")
}

// keep adds evidence that the map gave.
func (k *lookup) keep(e Evidence, why string) {
	e.Who = k.m.who()
	k.found = append(k.found, e)
	if !k.quiet {
		k.say(e.By, e.Said, e.Place.Display, why)
	}
}

const notMapped = "it is not on the map"

func (k *lookup) named(by e911.LocatedBy, key string, find func(string) (e911.LocationID, bool), said string) {
	if id, ok := find(key); ok {
		k.hit(by, id, said)
	} else {
		k.say(by, said, "", notMapped)
	}
}

func (k *lookup) ata(a ATAPort) {
	said := "port " + a.Port + " of the analogue adapter " + string(a.Adapter)
	if why := macFault(a.Adapter); why != "" {
		k.say(e911.ByATAPort, said, "", why)
	} else if id, ok := k.n.ByATAPort(a.Adapter, a.Port); ok {
		k.hit(e911.ByATAPort, id, said)
	} else {
		k.say(e911.ByATAPort, said, "", notMapped)
	}
}

func (k *lookup) port(l Neighbour) {
	if l.Chassis == "" || l.Port == "" {
		return
	}
	said := "port " + l.Port + " of " + l.Chassis
	if id, ok := k.n.ByLLDPPort(e911.LLDPPort{Chassis: l.Chassis, Port: l.Port}); ok {
		k.hit(e911.ByLLDPPort, id, said)
	} else {
		k.say(e911.ByLLDPPort, said, "", notMapped)
	}
}

func (k *lookup) chassis(l Neighbour) {
	if l.Chassis == "" {
		return
	}
	said := "switch " + l.Chassis
	if mac, err := e911.ParseMAC(l.Chassis); err == nil && k.m.PhoneAt != nil {
		// A phone with a switch in it, and a PC behind it (F-19).
		if e, ok := k.m.PhoneAt(mac); ok {
			k.behindPhone(e, l.Chassis)
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
		k.hit(e911.ByLLDPChassis, id, said)
	} else {
		k.say(e911.ByLLDPChassis, said, "", notMapped)
	}
}

// behindPhone takes the phone's place for that of the PC behind it, as old as
// the older of the two. A phone that was carried away since took no PC along.
func (k *lookup) behindPhone(e Evidence, chassis string) {
	e.By, e.Said = e911.ByLLDPChassis, "behind the phone "+chassis
	if e.Since.After(k.m.At) {
		k.say(e.By, e.Said, e.Place.Display, "the phone has moved since")
		return
	}
	if k.m.At.Before(e.At) {
		e.At = k.m.At
	}
	e.Since = time.Time{}
	k.keep(e, "the neighbour is a phone that is known")
}

func (k *lookup) mac(by e911.LocatedBy, m e911.MAC, find func(e911.MAC) (e911.LocationID, bool), said string) {
	why := macFault(m)
	if why == "" && k.n.IgnoredMAC(m) {
		why = "it belongs to a virtual adapter (W-38)"
	}
	if why != "" {
		k.say(by, said, "", why)
		return
	}
	if id, ok := find(m); ok {
		k.hit(by, id, said)
	} else {
		k.say(by, said, "", notMapped)
	}
}

// neighbours takes the location that more than half of the mapped access points
// heard agree on; where they agree on the building alone, or only one is
// mapped, the building: radio goes through walls and floors.
func (k *lookup) neighbours(in Interface) {
	locations, buildings := map[e911.LocationID]int{}, map[e911.BuildingID]int{}
	var seen []e911.MAC
	var places []e911.Place // of the mapped ones, in the order heard
	for _, m := range in.Neighbours {
		if m == "" || m == in.Serving || slices.Contains(seen, m) || macFault(m) != "" || k.n.IgnoredMAC(m) {
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
			k.hit(e911.ByNeighbours, place.Location, said)
			return
		}
	}
	for _, place := range places {
		if 2*buildings[place.Building] > mapped && place.Building != "" {
			place = buildingOf(place)
			k.keep(Evidence{By: e911.ByNeighbours, At: k.m.At, Place: place, Said: said}, "they agree on the building, not on the place in it")
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

// source looks up the address that the request came from, which we saw
// ourselves. It counts when it is mapped itself.
func (k *lookup) source() {
	source := k.m.Source.Unmap()
	if !source.IsValid() {
		return
	}
	by, said := kindOf(source), "source address "+source.String()
	id, ok := k.n.ByIP(source)
	switch {
	case k.n.IgnoredAddr(source):
		k.say(by, said, "", "it belongs to a virtual adapter (W-38)")
	case k.tunnel != "":
		k.say(by, said, "", k.tunnel)
	case !ok:
		k.say(by, said, "", notMapped)
	default:
		n := len(k.found)
		k.hit(by, id, said)
		for i := n; i < len(k.found); i++ {
			k.found[i].At, k.found[i].Since, k.found[i].Who = k.m.sourceTime(), k.m.sourceSince(), ByServer
		}
	}
}

// own looks up what the device says of its own addresses, which counts when the
// source is one of the organisation's public addresses (F-06). Private addresses
// are the same in every home; a tunnel makes them meaningless.
func (k *lookup) own(addrs []netip.Addr) {
	if len(addrs) == 0 {
		return
	}
	source := k.m.Source.Unmap()
	atHome := source.IsValid() && k.n.InPublicRange(source)
	for _, a := range addrs {
		a = a.Unmap()
		if !a.IsValid() || a == source {
			continue
		}
		by, said := kindOf(a), "own address "+a.String()
		id, ok := k.n.ByIP(a)
		_, pool := k.n.Tunnel(a)
		switch {
		case k.n.IgnoredAddr(a):
			k.say(by, said, "", "it belongs to a virtual adapter (W-38)")
		case pool:
			k.say(by, said, "", "it comes from the pool of a tunnel, which is no place (F-06)")
		case !ok:
			k.say(by, said, "", notMapped)
		case k.tunnel != "":
			k.say(by, said, "", k.tunnel)
		case !atHome:
			k.say(by, said, "", "the request does not come from a public address of the organisation: this private address may be any network's")
		default:
			k.hit(by, id, said)
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
