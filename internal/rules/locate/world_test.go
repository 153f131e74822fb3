package locate_test

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
)

var now = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

var (
	cambridge = &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}}
	dallas    = &e911.Area{Point: e911.Point{Lat: 32.7767, Lon: -96.797}}
)

// place makes a place of ours: "mill/2/210" is room 210 on floor 2 of Mill 1,
// "mill/2" the floor, "mill" the building alone; "depot" is one in Dallas.
func place(key string) e911.Place {
	parts := strings.Split(key, "/")
	p := e911.Place{Building: e911.BuildingID(parts[0]), Site: "hq", Area: cambridge}
	p.Civic = e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139", BLD: "Mill 1"}
	switch parts[0] {
	case "annex":
		p.Civic.HNO, p.Civic.BLD = "799", "Annex"
	case "depot":
		p.Site, p.Area = "depot", dallas
		p.Civic = e911.Civic{Country: "US", A1: "TX", A2: "Dallas County", A3: "Dallas", HNO: "1500", RD: "Main", STS: "Street", PC: "75201", BLD: "Depot"}
	}
	if len(parts) > 1 {
		p.Location, p.Key, p.Civic.FLR = e911.LocationID(key), key, parts[1]
	}
	if len(parts) > 2 {
		p.Civic.ROOM = parts[2]
	}
	p.Dispatchable, p.Display = civic.Dispatchable(p.Civic), civic.Display(p.Civic)
	return p
}

// point is a place that came from outside: a position and nothing else.
func point(lat, lon, radius float64) e911.Place {
	return e911.Place{Area: &e911.Area{Point: e911.Point{Lat: lat, Lon: lon}, RadiusM: radius}, Display: "a point"}
}

func held(by e911.LocatedBy, key string, age time.Duration) locate.Candidate {
	return locate.Candidate{Evidence: locate.Evidence{By: by, At: ago(age), Place: place(key), Said: string(by)}, Rank: locate.RankNetwork, Via: "held"}
}

func token(by e911.LocatedBy, key string, age time.Duration) locate.Candidate {
	c := held(by, key, age)
	c.Rank, c.Via = locate.RankToken, "token"
	return c
}

func number(key string) locate.Candidate {
	return locate.Candidate{Evidence: locate.Evidence{By: e911.ByNumber, Place: place(key), Said: "+16175550111"}, Rank: locate.RankNumber, Via: "number"}
}

func siteDefault(key string) locate.Candidate {
	return locate.Candidate{Evidence: locate.Evidence{By: e911.BySiteDefault, Place: place(key)}, Rank: locate.RankSite, Via: "site"}
}

func invite(p e911.Place, method string, age time.Duration) locate.Candidate {
	return locate.FromInvite(locate.Invite{Place: p, Method: method, Timestamp: ago(age)}, now, 0)
}

func userSet(key string, age time.Duration) locate.Candidate {
	return locate.Candidate{Evidence: locate.Evidence{By: e911.ByUserSet, At: ago(age), Place: place(key)}, Rank: locate.RankUserSet, Via: "user"}
}

func confirmed(key string, age time.Duration) locate.Candidate {
	return locate.Candidate{Evidence: locate.Evidence{By: e911.ByConfirmed, At: ago(age), Place: place(key)}, Rank: locate.RankConfirmed, Via: "user"}
}

// network is a map of keys to places.
type network struct {
	ports   map[e911.LLDPPort]e911.LocationID
	chassis map[string]e911.LocationID
	bssid   map[e911.MAC]e911.LocationID
	mac     map[e911.MAC]e911.LocationID
	ip      map[netip.Prefix]e911.LocationID
	gateway map[e911.MAC]e911.LocationID
	dect    map[string]e911.LocationID
	aps     map[string]e911.LocationID // lower-case
	ata     map[locate.ATAPort]e911.LocationID
	tunnels map[netip.Prefix]e911.ElementKind
	ignored []netip.Prefix
	virtual []e911.MAC
	public  []netip.Prefix
	numbers []e911.NumberRec
	gone    e911.LocationID // mapped to, but there is no such location
}

func (n *network) ByLLDPPort(p e911.LLDPPort) (e911.LocationID, bool) {
	id, ok := n.ports[p]
	return id, ok
}

func (n *network) ByLLDPChassis(c string) (e911.LocationID, bool) {
	id, ok := n.chassis[c]
	return id, ok
}

func (n *network) ByBSSID(m e911.MAC) (e911.LocationID, bool) {
	id, ok := n.bssid[m]
	return id, ok
}

func (n *network) ByMAC(m e911.MAC) (e911.LocationID, bool) {
	id, ok := n.mac[m]
	return id, ok
}

func (n *network) ByIP(a netip.Addr) (e911.LocationID, bool) {
	var best netip.Prefix
	for p := range n.ip {
		if p.Contains(a) && (!best.IsValid() || p.Bits() > best.Bits()) {
			best = p
		}
	}
	return n.ip[best], best.IsValid()
}

func (n *network) InPublicRange(a netip.Addr) bool {
	for _, p := range n.public {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (n *network) Place(id e911.LocationID) (e911.Place, bool) {
	if id == "" || id == n.gone {
		return e911.Place{}, false
	}
	return place(string(id)), true
}

func (n *network) Number(want e911.Number) (e911.NumberRec, bool) {
	for _, r := range n.numbers {
		if r.Number == want {
			return r, true
		}
	}
	return e911.NumberRec{}, false
}

func (n *network) NumbersOf(u e911.UserID) []e911.NumberRec {
	var out []e911.NumberRec
	for _, r := range n.numbers {
		if r.User == u {
			out = append(out, r)
		}
	}
	return out
}

func (n *network) ByGateway(m e911.MAC) (e911.LocationID, bool) {
	id, ok := n.gateway[m]
	return id, ok
}

func (n *network) ByDECTBase(rfpi string) (e911.LocationID, bool) {
	id, ok := n.dect[rfpi]
	return id, ok
}

func (n *network) ByAP(name string) (e911.LocationID, bool) {
	id, ok := n.aps[strings.ToLower(name)]
	return id, ok
}

func (n *network) ByATAPort(m e911.MAC, port string) (e911.LocationID, bool) {
	id, ok := n.ata[locate.ATAPort{Adapter: m, Port: port}]
	return id, ok
}

func (n *network) Tunnel(a netip.Addr) (e911.ElementKind, bool) {
	for p, kind := range n.tunnels {
		if p.Contains(a) {
			return kind, true
		}
	}
	return "", false
}

func (n *network) IgnoredAddr(a netip.Addr) bool {
	return slices.ContainsFunc(n.ignored, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (n *network) IgnoredMAC(m e911.MAC) bool { return slices.Contains(n.virtual, m) }
