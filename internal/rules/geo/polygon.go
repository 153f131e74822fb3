package geo

import "github.com/callbox911/callbox/internal/e911"

// polygon is an outer ring with its holes as one list of sides: by the even-odd
// rule the direction of the rings means nothing, which spares us the clockwise
// rings of TopoJSON. The sides lie in bands of latitude, so that a question
// looks at about ten of them however many there are.
type polygon struct {
	min, max e911.Point
	// corners are all rings, one after the other. One ring alone is the caller's
	// own; several are copies that end as they begin.
	corners []e911.Point
	sides   []uint32 // first corners, band by band
	start   []uint32 // of each band's sides, one more than bands; nil without bands
	perLat  float64  // bands per degree
}

// sidesPerBand is how many sides begin in a band on average. A ring of up to few
// sides has no bands: to go along it is as fast.
const (
	sidesPerBand = 8
	few          = 64
)

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
	if len(rings) == 1 && n <= few {
		return g
	}
	bands := n/sidesPerBand + 1
	if height := g.max.Lat - g.min.Lat; height > 0 {
		g.perLat = float64(bands) / height
	}
	g.start = make([]uint32, bands+1)
	eachSide(rings, func(_ int, a, b e911.Point) {
		for i := g.band(min(a.Lat, b.Lat)); i <= g.band(max(a.Lat, b.Lat)); i++ {
			g.start[i+1]++
		}
	})
	for i := range bands {
		g.start[i+1] += g.start[i]
	}
	g.sides = make([]uint32, g.start[bands])
	next := append([]uint32(nil), g.start[:bands]...)
	eachSide(rings, func(at int, a, b e911.Point) {
		for i := g.band(min(a.Lat, b.Lat)); i <= g.band(max(a.Lat, b.Lat)); i++ {
			g.sides[next[i]] = uint32(at)
			next[i]++
		}
	})
	return g
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

// band never falls as lat rises: what reaches over p's latitude is in its band.
func (g *polygon) band(lat float64) int {
	return min(max(int((lat-g.min.Lat)*g.perLat), 0), len(g.start)-2)
}

func (g *polygon) mayHold(p e911.Point) bool {
	return p.Lon >= g.min.Lon && p.Lon <= g.max.Lon && p.Lat >= g.min.Lat && p.Lat <= g.max.Lat
}

// each visits every side that has a length, once.
func (g *polygon) each(visit func(a, b e911.Point)) {
	if g.start == nil {
		eachSide([][]e911.Point{g.corners}, func(_ int, a, b e911.Point) { visit(a, b) })
		return
	}
	for i := range len(g.start) - 1 {
		for _, first := range g.sides[g.start[i]:g.start[i+1]] {
			a, b := g.side(first)
			// It is listed in every band that it reaches.
			if g.band(min(a.Lat, b.Lat)) == i {
				visit(*a, *b)
			}
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

// holds casts a ray eastwards and counts the sides that it crosses.
func (g *polygon) holds(p e911.Point) bool {
	// A point just outside may be so near a corner that rounding puts it on the
	// side; the box decides, here as in the grid.
	if !g.mayHold(p) {
		return false
	}
	in := false
	if g.start == nil {
		b := &g.corners[len(g.corners)-1]
		for i := range g.corners {
			a := b
			b = &g.corners[i]
			if a.Lat < p.Lat && b.Lat < p.Lat || a.Lat > p.Lat && b.Lat > p.Lat || a.Lon < p.Lon && b.Lon < p.Lon || *a == *b {
				continue
			}
			crossed, on := cross(a, b, p)
			if on {
				return true
			}
			in = in != crossed
		}
		return in
	}
	i := g.band(p.Lat)
	for _, first := range g.sides[g.start[i]:g.start[i+1]] {
		a, b := g.side(first)
		// Most sides of a band lie north or south of p, or west of it: they need
		// no arithmetic.
		if a.Lat < p.Lat && b.Lat < p.Lat || a.Lat > p.Lat && b.Lat > p.Lat || a.Lon < p.Lon && b.Lon < p.Lon {
			continue
		}
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
// side is in both.
func cross(a, b *e911.Point, p e911.Point) (crossed, on bool) {
	if b.Lat < a.Lat || (b.Lat == a.Lat && b.Lon < a.Lon) {
		a, b = b, a
	}
	if p.Lat < a.Lat || p.Lat > b.Lat || a.Lon < p.Lon && b.Lon < p.Lon {
		return false, false
	}
	if a.Lat == b.Lat {
		return false, p.Lon >= a.Lon && p.Lon <= b.Lon
	}
	// Positive: the side runs east of p at p's latitude.
	side := (b.Lon-a.Lon)*(p.Lat-a.Lat) - (p.Lon-a.Lon)*(b.Lat-a.Lat)
	// A northern end belongs to the next side, or a ray through a corner would
	// count twice.
	return side > 0 && p.Lat < b.Lat, side == 0
}

// contains is holds without preparation.
func contains(rings [][]e911.Point, p e911.Point) bool {
	in, on := false, false
	var least, most e911.Point
	n := 0
	eachSide(rings, func(_ int, a, b e911.Point) {
		if n == 0 {
			least, most = a, a
		}
		n++
		least.Lat, least.Lon = min(least.Lat, a.Lat, b.Lat), min(least.Lon, a.Lon, b.Lon)
		most.Lat, most.Lon = max(most.Lat, a.Lat, b.Lat), max(most.Lon, a.Lon, b.Lon)
		c, o := cross(&a, &b, p)
		in, on = in != c, on || o
	})
	g := polygon{min: least, max: most}
	return n > 0 && (in || on) && g.mayHold(p)
}

// onEdge reports whether p lies on a side.
func onEdge(rings [][]e911.Point, p e911.Point) bool {
	on := false
	eachSide(rings, func(_ int, a, b e911.Point) {
		if p.Lon >= min(a.Lon, b.Lon) && p.Lon <= max(a.Lon, b.Lon) {
			_, o := cross(&a, &b, p)
			on = on || o
		}
	})
	return on
}
