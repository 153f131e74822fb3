package ecrf

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/peterstace/simplefeatures/geom"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Bounds of one report, some seconds of one core: corners of all boundaries that
// are joined, and of all pairs that are laid over each other.
const (
	mostJoined = 250_000
	mostPaired = 2_000_000
)

// ErrTooLarge says that boundaries have more corners than can be laid over each
// other in some seconds; the rest of the import does not depend on it. A county
// (5,000 corners) is far from it, a state may be too large.
var ErrTooLarge = errors.New("the boundaries have too many corners to be laid over each other")

// Patch is an area where boundaries leave a gap or overlap. Slivers that are
// nowhere a metre wide are none: publishers round their corners.
type Patch struct {
	Area     e911.MultiPolygon // one polygon
	SquareKM float64
	Point    e911.Point // well inside
	NGUIDs   []string   // of the two that overlap; none for a gap
}

// Gaps returns what of the served area no boundary of the list holds, the
// largest first. Without a served area, what the boundaries enclose counts: the
// holes in their union. The list is of one service; a boundary without an area
// holds nothing. The error names a boundary whose area is none, or
// is ErrTooLarge.
func Gaps(list []gis.Boundary, served e911.MultiPolygon) ([]Patch, error) {
	var shapes []geom.Geometry
	n := cornersOf(served)
	for i := range list {
		n += cornersOf(list[i].Area)
	}
	if n > mostJoined {
		return nil, ErrTooLarge
	}
	for i := range list {
		g, err := shapeOf(list[i].Area)
		if err != nil {
			return nil, fmt.Errorf("read the area of boundary %s: %w", list[i].NGUID, err)
		}
		shapes = append(shapes, g)
	}
	union, err := geom.UnionMany(shapes)
	if err != nil {
		return nil, fmt.Errorf("join the boundaries: %w", err)
	}
	if len(served) == 0 {
		var holes []Patch
		for _, rings := range polygonsOf(union) {
			for _, hole := range rings[1:] {
				holes = appendPatch(holes, [][]e911.Point{hole})
			}
		}
		return bySize(holes), nil
	}
	whole, err := shapeOf(served)
	if err != nil {
		return nil, fmt.Errorf("read the served area: %w", err)
	}
	left, err := geom.Difference(whole, union)
	if err != nil {
		return nil, fmt.Errorf("take the boundaries off the served area: %w", err)
	}
	return patches(left), nil
}

// Overlaps returns where two boundaries of the list hold the same area, the
// largest first. The list is of one service. The error is as that of Gaps; with
// ErrTooLarge come the overlaps that were found before.
func Overlaps(list []gis.Boundary) ([]Patch, error) {
	areas := make([]e911.MultiPolygon, len(list))
	shapes := make([]*geom.Geometry, len(list))
	for i := range list {
		areas[i] = list[i].Area
	}
	near := geo.NewIndex(areas)
	var all []Patch
	n := 0
	for i, m := range areas {
		if len(m) == 0 {
			continue
		}
		var corners []e911.Point
		for _, rings := range m {
			corners = append(corners, rings[0]...)
		}
		least, most := geo.Box(corners)
		for _, j := range near.Reach(nil, least, most) {
			if j <= i {
				continue
			}
			if n += cornersOf(m) + cornersOf(areas[j]); n > mostPaired {
				return bySize(all), ErrTooLarge
			}
			for _, k := range []int{i, j} {
				if shapes[k] != nil {
					continue
				}
				g, err := shapeOf(areas[k])
				if err != nil {
					return nil, fmt.Errorf("read the area of boundary %s: %w", list[k].NGUID, err)
				}
				shapes[k] = &g
			}
			both, err := geom.Intersection(*shapes[i], *shapes[j])
			if err != nil {
				return nil, fmt.Errorf("lay boundaries %s and %s over each other: %w", list[i].NGUID, list[j].NGUID, err)
			}
			for _, p := range patches(both) {
				p.NGUIDs = []string{list[i].NGUID, list[j].NGUID}
				slices.Sort(p.NGUIDs)
				all = append(all, p)
			}
		}
	}
	return bySize(all), nil
}

// Unserved returns the positions of places that no boundary serves, as a call
// from there would be asked for.
func (x *Index) Unserved(places []e911.Place, o Options) (list []int) {
	for i := range places {
		if _, ok, _ := x.Find(places[i], o); !ok {
			list = append(list, i)
		}
	}
	return list
}

func cornersOf(m e911.MultiPolygon) (n int) {
	for _, rings := range m {
		for _, ring := range rings {
			n += len(ring)
		}
	}
	return n
}

// shapeOf is an area for the overlay; the union mends rings that overlap.
func shapeOf(m e911.MultiPolygon) (geom.Geometry, error) {
	var list []geom.Geometry
	for _, rings := range m {
		var coords [][]float64
		for _, ring := range rings {
			if len(ring) < 3 {
				return geom.Geometry{}, e911.Errorf(e911.Invalid, "a ring has fewer than three corners")
			}
			var xy []float64
			for _, p := range ring {
				xy = append(xy, p.Lon, p.Lat)
			}
			coords = append(coords, append(xy, ring[0].Lon, ring[0].Lat))
		}
		p := geom.NewPolygonXY(coords...)
		if err := p.Validate(); err != nil {
			return geom.Geometry{}, fmt.Errorf("the polygon is not valid: %w", err)
		}
		list = append(list, p.AsGeometry())
	}
	return geom.UnionMany(list)
}

// polygonsOf lists the polygons in a geometry; lines and points are left out.
func polygonsOf(g geom.Geometry) (list [][][]e911.Point) {
	for _, part := range g.Dump() {
		p, ok := part.AsPolygon()
		if !ok || p.IsEmpty() {
			continue
		}
		rings := [][]e911.Point{ringOf(p.ExteriorRing())}
		for i := range p.NumInteriorRings() {
			rings = append(rings, ringOf(p.InteriorRingN(i)))
		}
		list = append(list, rings)
	}
	return list
}

func ringOf(l geom.LineString) []e911.Point {
	seq := l.Coordinates()
	ring := make([]e911.Point, 0, seq.Length())
	for i := range seq.Length() - 1 { // the last is the first
		xy := seq.GetXY(i)
		ring = append(ring, e911.Point{Lat: xy.Y, Lon: xy.X})
	}
	return ring
}

func patches(g geom.Geometry) (list []Patch) {
	for _, rings := range polygonsOf(g) {
		list = appendPatch(list, rings)
	}
	return bySize(list)
}

func appendPatch(list []Patch, rings [][]e911.Point) []Patch {
	p, radius := widest(rings)
	if radius < 0.5 {
		return list
	}
	area := e911.MultiPolygon{rings}
	return append(list, Patch{Area: area, SquareKM: geo.SquareKM(area), Point: p})
}

func bySize(list []Patch) []Patch {
	slices.SortStableFunc(list, func(a, b Patch) int {
		switch {
		case a.SquareKM > b.SquareKM:
			return -1
		case a.SquareKM < b.SquareKM:
			return 1
		}
		return slices.Compare(a.NGUIDs, b.NGUIDs)
	})
	return list
}

// mostTries bounds the search for the widest place of a patch.
const mostTries = 3000

// square is a part of a patch that is looked at, with its middle's distance to
// the nearest side; both in metres, the distance negative outside.
type square struct {
	lat, lon, half, metres float64
}

// widest returns a point far from the sides of a polygon and that distance in
// metres, by halving the most promising square (Garcia-Castellanos and Lombardo,
// "Poles of inaccessibility", 2007). Where the search ends early the width is at
// least the surface by the length of the sides.
func widest(rings [][]e911.Point) (e911.Point, float64) {
	const perDegree = 111_195.0
	least, most := geo.Box(rings[0])
	east := perDegree * math.Cos((least.Lat+most.Lat)/2*math.Pi/180)
	at := func(lat, lon, half float64) square {
		return square{lat, lon, half, distance(rings, e911.Point{Lat: lat, Lon: lon}, east, perDegree)}
	}
	side := max((most.Lat-least.Lat)*perDegree, (most.Lon-least.Lon)*east)
	open := []square{at((least.Lat+most.Lat)/2, (least.Lon+most.Lon)/2, side/2)}
	best := open[0]
	for tries := 0; len(open) > 0 && tries < mostTries; tries++ {
		k := 0
		for i, s := range open {
			if s.metres+s.half*math.Sqrt2 > open[k].metres+open[k].half*math.Sqrt2 {
				k = i
			}
		}
		s := open[k]
		open = slices.Delete(open, k, k+1)
		// A fifth more is no reason to look on.
		if s.metres+s.half*math.Sqrt2 <= max(best.metres*1.2, 0.5) {
			break
		}
		h := s.half / 2
		for _, d := range [4][2]float64{{-h, -h}, {-h, h}, {h, -h}, {h, h}} {
			n := at(s.lat+d[0]/perDegree, s.lon+d[1]/east, h)
			if n.metres > best.metres {
				best = n
			}
			if n.metres+n.half*math.Sqrt2 > best.metres {
				open = append(open, n)
			}
		}
	}
	p := e911.Point{Lat: best.lat, Lon: best.lon}
	if best.metres < 0.5 && len(open) > 0 {
		length := 0.0
		for _, ring := range rings {
			for i, a := range ring {
				length += geo.Metres(a, ring[(i+1)%len(ring)])
			}
		}
		return p, max(best.metres, geo.SquareKM(e911.MultiPolygon{rings})*1e6/max(length, 1e-9))
	}
	return p, best.metres
}

// distance is how far p lies from the nearest side, negative outside.
func distance(rings [][]e911.Point, p e911.Point, east, north float64) float64 {
	least := math.Inf(1)
	for _, ring := range rings {
		for i, a := range ring {
			b := ring[(i+1)%len(ring)]
			ax, ay := (a.Lon-p.Lon)*east, (a.Lat-p.Lat)*north
			dx, dy := (b.Lon-a.Lon)*east, (b.Lat-a.Lat)*north
			t := 0.0
			if d := dx*dx + dy*dy; d > 0 {
				t = max(0, min(1, -(ax*dx+ay*dy)/d))
			}
			least = min(least, math.Hypot(ax+t*dx, ay+t*dy))
		}
	}
	if !geo.Contains(e911.MultiPolygon{rings}, p) {
		return -least
	}
	return least
}
