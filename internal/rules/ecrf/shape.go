package ecrf

import (
	"cmp"
	"math"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Hit is a PSAP whose boundary holds a shape or a part of it.
type Hit struct {
	PSAP  *e911.PSAP // must not be changed
	Share float64    // of the shape's surface, 0 to 1; 1 for a point
}

// Served is who serves a shape or an address, best first.
type Served struct {
	Hits []Hit
	// Withheld says that a demonstration layer has an answer which this asker
	// must not be given (F-23).
	Withheld bool
}

// Bounds of a shape that somebody may be in.
const (
	maxReachM = 1_000_000 // a caller's place is not half a continent
	poleLat   = 89
	corners   = 64 // of the outline of a round shape
)

// ByShape returns the PSAPs whose boundaries a shape reaches into: who holds
// more of it first, then by key, so that a shape always has the same answer.
// For a point all boundaries that hold it, edges included. Volumes are taken by
// their footprint. The error is Invalid for a shape that is none, one at a pole
// or one that is larger than 1,000 km.
func (x *Index) ByShape(s pidflo.Shape, o Options) (Served, error) {
	s = pidflo.Flatten(s)
	ring, point, err := outline(s)
	if err != nil {
		return Served{}, err
	}
	if x == nil || x.areas == nil {
		return Served{}, nil
	}
	var out Served
	if ring == nil {
		for _, i := range x.areas.All(nil, point) {
			out.add(&x.psaps[i], 1, o)
		}
		return out, nil
	}
	shares := map[int]float64{}
	for _, shift := range []float64{0, 360, -360} {
		r := shifted(ring, shift)
		least, most := geo.Box(r)
		if most.Lon < -180 || least.Lon > 180 {
			continue
		}
		for _, i := range x.areas.Reach(nil, least, most) {
			shares[i] += geo.Share(r, x.psaps[i].Area)
		}
	}
	order := make([]int, 0, len(shares))
	for i, share := range shares {
		// To a millionth: rounding must not choose between equals.
		if shares[i] = min(math.Round(share*1e6)/1e6, 1); share > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(shares[b], shares[a]), cmp.Compare(a, b)) })
	for _, i := range order {
		out.add(&x.psaps[i], shares[i], o)
	}
	return out, nil
}

// ByCivic returns the PSAP that an address names by its state and county, where
// only one has that county.
func (x *Index) ByCivic(c e911.Civic, o Options) Served {
	psap, ok, findings := x.Find(e911.Place{Civic: c}, o)
	if !ok {
		return Served{Withheld: slices.ContainsFunc(findings, func(f e911.Finding) bool { return f.Why == demonstrationOnly })}
	}
	return Served{Hits: []Hit{{PSAP: &psap, Share: 1}}}
}

// All returns the PSAPs that have an area, by key. They must not be changed.
func (x *Index) All() []e911.PSAP {
	if x == nil {
		return nil
	}
	return x.psaps
}

func (s *Served) add(p *e911.PSAP, share float64, o Options) {
	if !allowed(p, o) {
		s.Withheld = true
		return
	}
	s.Hits = append(s.Hits, Hit{PSAP: p, Share: share})
}

// outline returns the outer line of a flat shape, unwrapped where it crosses the
// antimeridian; nil and its position for a shape without surface.
func outline(s pidflo.Shape) ([]e911.Point, e911.Point, error) {
	bad := func(why string) ([]e911.Point, e911.Point, error) {
		return nil, e911.Point{}, e911.Errorf(e911.Invalid, "%s", why)
	}
	if s == nil {
		return bad("there is no shape")
	}
	if _, err := pidflo.AppendShape(nil, s); err != nil {
		// Sides that cross are met in the i3 test suite: the caller is somewhere
		// between those corners.
		if hull := hullOf(s); hull != nil {
			return outline(pidflo.Polygon{Exterior: hull})
		}
		return nil, e911.Point{}, e911.Errorf(e911.Invalid, "the shape cannot be used: %v", err)
	}
	around := s.Enclose()
	middle := e911.Point{Lat: around.Center.Lat, Lon: around.Center.Lon}
	const metresPerDegree = 111_195
	switch {
	case !geo.Valid(middle):
		return bad("the position is off the globe; latitude comes first")
	case math.IsNaN(around.Radius) || around.Radius > maxReachM:
		return bad("the shape is wider than 2,000 km")
	case math.Abs(middle.Lat)+around.Radius/metresPerDegree > poleLat:
		return bad("the shape is at a pole, which no boundary serves")
	}
	var ring []e911.Point
	switch v := s.(type) {
	case pidflo.Circle:
		ring = round(middle, 360, func(float64) float64 { return v.Radius })
	case pidflo.Ellipse:
		ring = round(middle, 360, func(bearing float64) float64 {
			sin, cos := math.Sincos((bearing - v.Orientation) * math.Pi / 180)
			return v.SemiMajor * v.SemiMinor / math.Hypot(v.SemiMinor*cos, v.SemiMajor*sin)
		})
	case pidflo.ArcBand:
		ring = band(v)
	case pidflo.Polygon:
		for _, p := range v.Exterior {
			ring = append(ring, e911.Point{Lat: p.Lat, Lon: p.Lon})
		}
	}
	for i, p := range ring {
		ring[i].Lon = middle.Lon + math.Remainder(p.Lon-middle.Lon, 360)
	}
	if around.Radius <= 0 || geo.SquareKM(e911.MultiPolygon{{ring}}) == 0 {
		return nil, middle, nil
	}
	return ring, middle, nil
}

// hullOf returns the line around the corners of a polygon whose sides cross; nil
// for anything else, and where there is no such line.
func hullOf(s pidflo.Shape) []pidflo.Pos {
	v, ok := s.(pidflo.Polygon)
	if !ok || len(v.Exterior) < 4 {
		return nil
	}
	ring := make([]e911.Point, len(v.Exterior))
	for i, p := range v.Exterior {
		ring[i] = e911.Point{Lat: p.Lat, Lon: v.Exterior[0].Lon + math.Remainder(p.Lon-v.Exterior[0].Lon, 360)}
		if !geo.Valid(e911.Point{Lat: p.Lat, Lon: p.Lon}) {
			return nil
		}
	}
	hull := geo.Hull(ring)
	if len(hull) < 3 {
		return nil
	}
	out := make([]pidflo.Pos, len(hull))
	for i, p := range hull {
		out[i] = pidflo.Pos{Lat: p.Lat, Lon: math.Remainder(p.Lon, 360)}
	}
	if _, err := pidflo.AppendShape(nil, pidflo.Polygon{Exterior: out}); err != nil {
		return nil
	}
	return out
}

// round is the line at a distance in every direction.
func round(middle e911.Point, degrees float64, metres func(bearing float64) float64) []e911.Point {
	ring := make([]e911.Point, corners)
	for i := range ring {
		bearing := degrees * float64(i) / corners
		ring[i] = geo.Offset(middle, metres(bearing), bearing)
	}
	return ring
}

// band is the line around a sector of a ring.
func band(a pidflo.ArcBand) []e911.Point {
	middle := e911.Point{Lat: a.Center.Lat, Lon: a.Center.Lon}
	opens := math.Mod(a.Opens, 360)
	if opens == 0 && a.Opens != 0 {
		// The whole ring; its hole is not looked at, as the circle is what
		// can be said of it with one line.
		return round(middle, 360, func(float64) float64 { return a.Outer })
	}
	var ring []e911.Point
	for i := range corners/2 + 1 {
		ring = append(ring, geo.Offset(middle, a.Outer, a.Start+opens*float64(i)/(corners/2)))
	}
	if a.Inner <= 0 {
		return append(ring, middle)
	}
	for i := range corners/2 + 1 {
		ring = append(ring, geo.Offset(middle, a.Inner, a.Start+opens*(1-float64(i)/(corners/2))))
	}
	return ring
}

func shifted(ring []e911.Point, by float64) []e911.Point {
	if by == 0 {
		return ring
	}
	out := make([]e911.Point, len(ring))
	for i, p := range ring {
		out[i] = e911.Point{Lat: p.Lat, Lon: p.Lon + by}
	}
	return out
}
