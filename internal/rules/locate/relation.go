package locate

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// relation says whether two places can be one.
type relation int

const (
	unrelated relation = iota // not known: a point against an address without one
	agree
	disjoint
)

// depth is how far inside a building evidence tells places apart.
type depth int

const (
	depthBuilding depth = iota // a subnet spans floors
	depthFloor                 // radio goes through walls
	depthRoom
)

func depthOf(by e911.LocatedBy) depth {
	switch by {
	case e911.ByPrivateIP, e911.ByPublicIP, e911.ByGateway:
		return depthBuilding
	case e911.ByBSSID, e911.ByNeighbours, e911.ByAP, e911.ByDECTBase:
		return depthFloor
	}
	return depthRoom
}

// relate compares two pieces of evidence as finely as the coarser of them can
// tell.
func relate(a, b Evidence) relation {
	return relatePlaces(a.Place, b.Place, min(depthOf(a.By), depthOf(b.By)))
}

func relatePlaces(a, b e911.Place, d depth) relation {
	if a.Location != "" && a.Location == b.Location {
		return agree
	}
	if a.Building != "" && b.Building != "" {
		if a.Building != b.Building || inside(a.Civic, b.Civic, d) {
			return disjoint
		}
		return agree
	}
	street := relateStreets(a.Civic, b.Civic)
	area := relateAreas(a.Area, b.Area)
	switch {
	case area == disjoint:
		return disjoint
	case street == agree && inside(a.Civic, b.Civic, d):
		return disjoint
	case street == agree:
		return agree
	case area == agree:
		// Addresses that differ in their text but not on the ground: a postal
		// and a legal name, an abbreviation that we do not know.
		return agree
	}
	return street
}

// inside reports two different places of one building: a floor, wing or room
// that both name and name differently.
func inside(a, b e911.Civic, d depth) bool {
	if d == depthBuilding {
		return false
	}
	if differ(a.BLD, b.BLD) || differ(a.FLR, b.FLR) {
		return true
	}
	return d == depthRoom && (differ(a.WING, b.WING) || differ(a.UNIT, b.UNIT) || differ(a.ROOM, b.ROOM) || differ(a.SEAT, b.SEAT))
}

// relateStreets compares addresses from the country down. It knows an agreement
// only where both have street and number.
func relateStreets(a, b e911.Civic) relation {
	if differ(a.Country, b.Country) || differ(state(a.A1), state(b.A1)) {
		return disjoint
	}
	// A postal code stands for its town, which goes by several names.
	if a.PC != "" && b.PC != "" {
		if differ(first(a.PC, 5), first(b.PC, 5)) {
			return disjoint
		}
	} else if differ(a.A3, b.A3) {
		return disjoint
	}
	if a.RD == "" || b.RD == "" {
		return unrelated
	}
	if differ(a.RD, b.RD) {
		return disjoint
	}
	if a.HNO == "" || b.HNO == "" {
		return unrelated
	}
	if differ(a.HNP+a.HNO+a.HNS, b.HNP+b.HNO+b.HNS) {
		return disjoint
	}
	return agree
}

// unstatedM is the radius that a position gets which comes without one: not a
// point's width (RFC 5491), rather a building's.
const unstatedM = 250

func relateAreas(a, b *e911.Area) relation {
	if a == nil || b == nil {
		return unrelated
	}
	radius := func(x *e911.Area) float64 {
		if x.RadiusM <= 0 {
			return unstatedM
		}
		return x.RadiusM
	}
	if geo.Metres(a.Point, b.Point) > radius(a)+radius(b) {
		return disjoint
	}
	return agree
}

func differ(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a != "" && b != "" && !strings.EqualFold(a, b)
}

func state(a1 string) string {
	if s, ok := civic.StateOf(a1); ok {
		return s.Code
	}
	return a1
}

func first(s string, n int) string {
	s = strings.TrimSpace(s)
	return s[:min(n, len(s))]
}
