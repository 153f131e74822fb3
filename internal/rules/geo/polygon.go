package geo

import (
	"math"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// polygon is an outer ring with its holes as one list of sides: by the even-odd
// rule the direction of the rings means nothing, which spares us the clockwise
// rings of TopoJSON. A side is known by the place of its first corner.
type polygon struct {
	min, max e911.Point
	// corners are all rings, one after the other. One ring alone is the caller's
	// own; several are copies that end as they begin.
	corners []e911.Point
	bands   *bands // nil: no cell of the grid needs them
}

func prepare(rings [][]e911.Point) polygon {
	g := polygon{corners: joined(rings)}
	n := 0
	eachSide(rings, func(_ int, a, b e911.Point) {
		if n == 0 {
			g.min, g.max = a, a
		}
		n++
		g.min.Lat, g.min.Lon = min(g.min.Lat, a.Lat, b.Lat), min(g.min.Lon, a.Lon, b.Lon)
		g.max.Lat, g.max.Lon = max(g.max.Lat, a.Lat, b.Lat), max(g.max.Lon, a.Lon, b.Lon)
	})
	if n == 0 {
		return polygon{}
	}
	return g
}

// bands are the sides of a polygon by latitude, so that a question looks at
// about ten of them however many there are.
type bands struct {
	sides  []uint32 // band by band
	start  []uint32 // of each band's sides, one more than bands
	south  float64
	perLat float64 // bands per degree
}

// sidesPerBand is how many sides begin in a band on average; mostPerSide bounds
// in how many bands a side is listed on average, where they are long.
const (
	sidesPerBand = 8
	mostPerSide  = 4
)

func newBands(g *polygon, rings [][]e911.Point) *bands {
	n, climb := 0, 0.0
	eachSide(rings, func(_ int, a, b e911.Point) {
		n++
		climb += math.Abs(a.Lat - b.Lat)
	})
	s := &bands{south: g.min.Lat}
	count := n/sidesPerBand + 1
	if height := g.max.Lat - g.min.Lat; height > 0 {
		count = min(count, int(mostPerSide*float64(n)*height/climb)+1)
		s.perLat = float64(count) / height
	}
	s.start = make([]uint32, count+1)
	eachSide(rings, func(_ int, a, b e911.Point) {
		for i := s.of(min(a.Lat, b.Lat)); i <= s.of(max(a.Lat, b.Lat)); i++ {
			s.start[i+1]++
		}
	})
	for i := range count {
		s.start[i+1] += s.start[i]
	}
	s.sides = make([]uint32, s.start[count])
	next := slices.Clone(s.start)
	eachSide(rings, func(at int, a, b e911.Point) {
		for i := s.of(min(a.Lat, b.Lat)); i <= s.of(max(a.Lat, b.Lat)); i++ {
			s.sides[next[i]] = uint32(at) //nolint:gosec // corners of one polygon
			next[i]++
		}
	})
	return s
}

// of never falls as lat rises: what reaches over a point's latitude is in its
// band.
func (s *bands) of(lat float64) int {
	return min(max(int((lat-s.south)*s.perLat), 0), len(s.start)-2)
}

// joined is one list of corners in which the one after a side's first is its
// second.
func joined(rings [][]e911.Point) []e911.Point {
	if len(rings) == 1 {
		return rings[0]
	}
	n := 0
	for _, r := range rings {
		n += len(r) + 1
	}
	all := make([]e911.Point, 0, n)
	for _, r := range rings {
		if len(r) > 0 {
			all = append(append(all, r...), r[0])
		}
	}
	return all
}

// eachSide visits the sides that have a length; at is where the first corner
// lies in what joined returns.
func eachSide(rings [][]e911.Point, visit func(at int, a, b e911.Point)) {
	at := 0
	for _, ring := range rings {
		for i, a := range ring {
			b := ring[0]
			if i+1 < len(ring) {
				b = ring[i+1]
			}
			if a != b {
				visit(at+i, a, b)
			}
		}
		if len(ring) > 0 {
			at += len(ring) + 1
		}
	}
}

// side is the two ends of a side.
func (g *polygon) side(first uint32) (a, b *e911.Point) {
	second := int(first) + 1
	if second == len(g.corners) {
		second = 0
	}
	return &g.corners[first], &g.corners[second]
}

// holds casts a ray eastwards and counts the sides that it crosses. It needs
// the bands.
func (g *polygon) holds(p e911.Point) bool {
	in := false
	i := g.bands.of(p.Lat)
	for _, first := range g.bands.sides[g.bands.start[i]:g.bands.start[i+1]] {
		a, b := g.side(first)
		crossed, on := cross(a, b, p)
		if on {
			return true
		}
		in = in != crossed
	}
	return in
}

// cross reports whether the ray from p eastwards crosses the side between two
// corners, and whether p lies on it. The side is taken from its southern end
// (western, where both are as far south), so that two areas which share it
// compute the very same numbers: no point falls between them, and one on the
// side is in both. Only a point in the box around the side needs arithmetic:
// rounding puts none outside of it on the side.
func cross(a, b *e911.Point, p e911.Point) (crossed, on bool) {
	if b.Lat < a.Lat || (b.Lat == a.Lat && b.Lon < a.Lon) {
		a, b = b, a
	}
	if p.Lat < a.Lat || p.Lat > b.Lat || a.Lon < p.Lon && b.Lon < p.Lon {
		return false, false
	}
	if a.Lat == b.Lat {
		return false, p.Lon >= a.Lon // not east of b, as was seen
	}
	// A northern end belongs to the next side, or a ray through a corner would
	// count twice.
	if p.Lon < a.Lon && p.Lon < b.Lon {
		return p.Lat < b.Lat, false
	}
	// Positive: the side runs east of p at p's latitude.
	side := (b.Lon-a.Lon)*(p.Lat-a.Lat) - (p.Lon-a.Lon)*(b.Lat-a.Lat)
	return side > 0 && p.Lat < b.Lat, side == 0
}

// contains is holds without preparation.
func contains(rings [][]e911.Point, p e911.Point) bool {
	in, on := false, false
	eachSide(rings, func(_ int, a, b e911.Point) {
		c, o := cross(&a, &b, p)
		in, on = in != c, on || o
	})
	return in || on
}

// onEdge reports whether p lies on a side.
func onEdge(rings [][]e911.Point, p e911.Point) bool {
	on := false
	eachSide(rings, func(_ int, a, b e911.Point) {
		_, o := cross(&a, &b, p)
		on = on || o
	})
	return on
}
