package ecrf

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Served is who serves a shape or an address, best first.
type Served struct {
	Hits []Hit
	// Service is the URN that answered; empty without Hits. It is the one that was
	// asked for, or, Substituted, one above it.
	Service     string
	Substituted bool
	// Withheld says that a demonstration layer has an answer which this asker
	// must not be given (F-23).
	Withheld bool
}

// served is an answer whose hits are all of one service.
func served(hits []Hit, o Options) Served {
	s := Served{Hits: hits, Service: hits[0].Service}
	asked := cmp.Or(strings.ToLower(o.Service), ServiceSOS)
	if c := canonical(asked); c == s.Service || c == ServiceSOS && s.Service == servicePSAP {
		s.Service = asked
	} else {
		s.Substituted = true
	}
	return s
}

// Bounds of a shape that somebody may be in.
const (
	maxReachM = 1_000_000 // a caller's place is not half a continent
	poleLat   = 89
	corners   = 64 // of the outline of a round shape
)

// candidate is a boundary that a place reaches into.
type candidate struct {
	row   *row
	share float64
}

// mostly is the share from which on a boundary of a better grade comes before
// one that holds more.
const mostly = 0.5

// compare is the order of candidates: a demonstration layer last; then those
// that hold half of the place or more, by grade; then by what they hold; then by
// grade and key.
func (c candidate) compare(d candidate) int {
	flag := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	half := c.share >= mostly && d.share >= mostly
	return cmp.Or(
		cmp.Compare(flag(c.row.grade == demonstration), flag(d.row.grade == demonstration)),
		cmp.Compare(flag(d.share >= mostly), flag(c.share >= mostly)),
		flag(half)*cmp.Compare(c.row.grade, d.row.grade),
		cmp.Compare(d.share, c.share),
		c.row.compare(d.row),
	)
}

// around lists the boundaries that hold a part of where somebody may be.
func (s *service) around(a *e911.Area) ([]candidate, error) {
	var shape pidflo.Shape = pidflo.Point{Pos: pidflo.Pos{Lat: a.Lat, Lon: a.Lon}}
	if a.RadiusM > 0 && a.RadiusM <= maxReachM {
		shape = pidflo.Circle{Center: pidflo.Pos{Lat: a.Lat, Lon: a.Lon}, Radius: a.RadiusM}
	}
	ring, point, err := outline(shape)
	if err != nil {
		return nil, err
	}
	return s.reached(ring, point), nil
}

// reached lists the boundaries that hold a part of what a line encloses, or of a
// point where there is none, in no order.
func (s *service) reached(ring []e911.Point, point e911.Point) []candidate {
	var list []candidate
	if ring == nil {
		var room [8]int
		for _, i := range s.areas.All(room[:0], point) {
			list = append(list, candidate{s.rows[i], 1})
		}
		return list
	}
	shares := map[int]float64{}
	for _, shift := range []float64{0, 360, -360} {
		r := shifted(ring, shift)
		least, most := geo.Box(r)
		if most.Lon < -180 || least.Lon > 180 {
			continue
		}
		for _, i := range s.areas.Reach(nil, least, most) {
			shares[i] += s.areas.Share(r, i)
		}
	}
	for i, share := range shares {
		if share > 0 {
			// To a millionth: rounding must not choose between equals.
			list = append(list, candidate{s.rows[i], min(math.Round(share*1e6)/1e6, 1)})
		}
	}
	return list
}

// ByShape returns the boundaries that a shape reaches into: first those that
// hold more of it, a better grade before a lower one that holds as much, then by
// key, so that a shape always has the same answer. For a point all boundaries
// that hold it, edges included. Volumes are taken by their footprint. The error
// is Invalid for a shape that is none, one at a pole or one that is larger than
// 1,000 km.
func (x *Index) ByShape(s pidflo.Shape, o Options) (Served, error) {
	if _, flat := s.(pidflo.Point); !flat { // the height of one is not looked at
		s = pidflo.Flatten(s)
	}
	ring, point, err := outline(s)
	if err != nil || x == nil {
		return Served{}, err
	}
	withheld := false
	for _, service := range x.chain(o.Service) {
		cands := service.reached(ring, point)
		slices.SortFunc(cands, candidate.compare)
		var hits []Hit
		for _, c := range cands {
			switch {
			case !c.row.active(o):
			case !c.row.allowed(o):
				withheld = true
			default:
				hit := c.row.hit
				hit.Share = c.share
				hits = append(hits, hit)
			}
		}
		if len(hits) > 0 {
			out := served(hits, o)
			out.Withheld = withheld
			return out, nil
		}
	}
	return Served{Withheld: withheld}, nil
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
	if p, ok := s.(pidflo.Point); ok {
		at := e911.Point{Lat: p.Pos.Lat, Lon: p.Pos.Lon}
		switch {
		case !geo.Valid(at):
			return bad("the position is off the globe; latitude comes first")
		case math.Abs(at.Lat) > poleLat:
			return bad("the shape is at a pole, which no boundary serves")
		}
		return nil, at, nil
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
