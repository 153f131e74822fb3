// Package walktest lets ten thousand simulated devices live through a working
// day and compares what rules/locate answers with where they are (F-38c). It is
// used by tests only. The same Config gives the same Report.
package walktest

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const (
	floors        = 4
	portsPerFloor = 48
	apsPerFloor   = 6
	basesPerFloor = 2
	ataPerFloor   = 4 // ports of one adapter in the floor's closet
	roomsPerFloor = 12
)

// building is one of the simulated organisation's.
type building struct {
	id, site string
	octet    int // of its addresses, and of all hardware addresses in it
	lan      netip.Prefix
	lanOnMap bool
	egress   netip.Addr
}

// campus is the map of the organisation and the truth of its network, which
// agree: what is simulated is devices, not wrong maps.
type campus struct {
	buildings []building
	places    map[e911.LocationID]e911.Place
	ports     map[e911.LLDPPort]e911.LocationID
	chassis   map[string]e911.LocationID
	bssids    map[e911.MAC]e911.LocationID
	bases     map[string]e911.LocationID
	atas      map[locate.ATAPort]e911.LocationID
	gateways  map[e911.MAC]e911.LocationID
	lans      []building
	public    []netip.Addr
	vpn       netip.Prefix
	sase      netip.Addr
}

var homeLAN = netip.MustParsePrefix("192.168.1.0/24")

// newCampus builds five sites of eight buildings: a campus of three behind one
// public address, a branch whose traffic leaves at the campus, a branch with a
// public address of its own that is on the map, one of which the map knows
// cables and access points but no addresses, and one whose addresses are the
// same as in every home.
func newCampus() *campus {
	c := &campus{
		places: map[e911.LocationID]e911.Place{}, ports: map[e911.LLDPPort]e911.LocationID{}, chassis: map[string]e911.LocationID{},
		bssids: map[e911.MAC]e911.LocationID{}, bases: map[string]e911.LocationID{}, atas: map[locate.ATAPort]e911.LocationID{},
		gateways: map[e911.MAC]e911.LocationID{}, vpn: netip.MustParsePrefix("10.250.0.0/16"), sase: netip.MustParseAddr("203.0.113.99"),
	}
	campusOut, ownOut, plainOut := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2"), netip.MustParseAddr("203.0.113.3")
	for i, b := range []building{
		{id: "north", site: "campus", lanOnMap: true, egress: campusOut},
		{id: "south", site: "campus", lanOnMap: true, egress: campusOut},
		{id: "tower", site: "campus", lanOnMap: true, egress: campusOut},
		{id: "branch", site: "branch", lanOnMap: true, egress: campusOut},
		{id: "depot", site: "depot", lanOnMap: false, egress: ownOut},
		{id: "yard", site: "yard", lanOnMap: false, egress: plainOut},
		{id: "shop", site: "shop", lanOnMap: true, egress: plainOut, lan: homeLAN},
		{id: "annex", site: "shop", lanOnMap: true, egress: plainOut},
	} {
		b.octet = i + 1
		if !b.lan.IsValid() {
			b.lan = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(b.octet), 0, 0}), 16)
		}
		c.add(b)
	}
	c.public = []netip.Addr{campusOut, ownOut, plainOut}
	return c
}

func (c *campus) add(b building) {
	c.buildings = append(c.buildings, b)
	c.place(b, "", "")
	if b.lanOnMap {
		c.lans = append(c.lans, b)
	}
	c.gateways[b.gateway()] = e911.LocationID(b.id)
	for f := 1; f <= floors; f++ {
		floor := c.place(b, fmt.Sprint(f), "")
		c.chassis[string(b.mac(1, f, 0))] = floor
		for r := range roomsPerFloor {
			c.place(b, fmt.Sprint(f), fmt.Sprint(100*f+r))
		}
		for p := range portsPerFloor {
			c.ports[b.port(f, p)] = b.room(f, p%roomsPerFloor)
		}
		for a := range apsPerFloor {
			c.bssids[b.mac(2, f, a)] = floor
		}
		for d := range basesPerFloor {
			c.bases[b.rfpi(f, d)] = floor
		}
		for p := range ataPerFloor {
			c.atas[b.ata(f, p)] = b.room(f, p)
		}
	}
}

func (c *campus) place(b building, floor, room string) e911.LocationID {
	p := e911.Place{Building: e911.BuildingID(b.id), Site: e911.SiteID(b.site)}
	p.Civic = e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: fmt.Sprint(100 * b.octet), RD: "Main", STS: "Street", PC: "02139", BLD: b.id, FLR: floor, ROOM: room}
	p.Location = e911.LocationID(strings.TrimRight(b.id+"/"+floor+"/"+room, "/"))
	p.Key = string(p.Location)
	p.Dispatchable, p.Display = civic.Dispatchable(p.Civic), civic.Display(p.Civic)
	c.places[p.Location] = p
	return p.Location
}

func (b building) room(floor, room int) e911.LocationID {
	return e911.LocationID(fmt.Sprintf("%s/%d/%d", b.id, floor, 100*floor+room))
}

// mac makes a hardware address of a kind of element. The last digit is left out,
// as access points count up there.
func (b building) mac(kind, floor, n int) e911.MAC {
	return e911.MACFrom([6]byte{0x00, 0x1b, byte(kind), byte(b.octet), byte(floor), byte(n << 4)})
}

func (b building) gateway() e911.MAC { return b.mac(3, 0, 0) }

func (b building) port(floor, n int) e911.LLDPPort {
	return e911.LLDPPort{Chassis: string(b.mac(1, floor, 0)), Port: fmt.Sprintf("Gi1/0/%d", n+1)}
}

func (b building) rfpi(floor, n int) string {
	return fmt.Sprintf("00c0%02x%02x%02x", b.octet, floor, n)
}

func (b building) ata(floor, port int) locate.ATAPort {
	return locate.ATAPort{Adapter: b.mac(4, floor, 0), Port: fmt.Sprintf("FXS%d", port+1)}
}

// ByLLDPPort and its likes make a campus a locate.Map.
func (c *campus) ByLLDPPort(p e911.LLDPPort) (e911.LocationID, bool) { return get(c.ports, p) }

func (c *campus) ByLLDPChassis(id string) (e911.LocationID, bool) { return get(c.chassis, id) }

func (c *campus) ByMAC(e911.MAC) (e911.LocationID, bool) { return "", false }

func (c *campus) ByATAPort(m e911.MAC, port string) (e911.LocationID, bool) {
	return get(c.atas, locate.ATAPort{Adapter: m, Port: port})
}

func (c *campus) ByBSSID(m e911.MAC) (e911.LocationID, bool) { return get(c.bssids, m) }

func (c *campus) ByAP(string) (e911.LocationID, bool) { return "", false }

func (c *campus) ByDECTBase(rfpi string) (e911.LocationID, bool) { return get(c.bases, rfpi) }

func (c *campus) ByGateway(m e911.MAC) (e911.LocationID, bool) { return get(c.gateways, m) }

// depotOut is the public address that is on the map.
var depotOut = netip.MustParseAddr("203.0.113.2")

func (c *campus) ByIP(a netip.Addr) (e911.LocationID, bool) {
	if a == depotOut {
		return "depot", true
	}
	for _, b := range c.lans {
		if b.lan.Contains(a) {
			return e911.LocationID(b.id), true
		}
	}
	return "", false
}

func (c *campus) InPublicRange(a netip.Addr) bool {
	for _, p := range c.public {
		if p == a {
			return true
		}
	}
	return false
}

func (c *campus) Place(id e911.LocationID) (e911.Place, bool) { return get(c.places, id) }

func (c *campus) Tunnel(a netip.Addr) (e911.ElementKind, bool) {
	switch {
	case c.vpn.Contains(a):
		return e911.ElementVPN, true
	case a == c.sase:
		return e911.ElementSASE, true
	}
	return "", false
}

func (c *campus) IgnoredAddr(netip.Addr) bool { return false }

func (c *campus) IgnoredMAC(e911.MAC) bool { return false }

func get[K comparable, V any](m map[K]V, k K) (V, bool) {
	v, ok := m[k]
	return v, ok
}
