package lvf

import (
	"math"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// No standard says how exact the placement methods of NENA-STA-006.3 are. These
// radii at 95 % are estimates of ours, on the large side: a building, a lot, a
// few lots.
const (
	structureM = 25
	accessM    = 50 // the gate of a property
	parcelM    = 75 // the middle of a lot or a site
	geocodedM  = 150
	unknownM   = 100

	setBackM   = 10  // of an interpolated address from its centre line
	leastLineM = 30  // radius of an interpolated address
	leastM     = 100 // radius of a street or a place
)

// radiusOf is the radius at 95 % of an address point of a placement.
func radiusOf(placement string) float64 {
	switch strings.ToLower(placement) {
	case "structure", "exterioraccess", "interioraccess", "interiorcentroid":
		return structureM
	case "propertyaccess":
		return accessM
	case "parcel", "site":
		return parcelM
	case "geocoding":
		return geocodedM
	}
	return unknownM
}

// plane maps degrees near a point to metres, good to a thousandth within some
// kilometres.
type plane struct {
	origin e911.Point
	perLon float64
	perLat float64
}

// metresPerDegree of latitude on the sphere of package geo.
const metresPerDegree = 6371008.8 * math.Pi / 180

func planeAt(p e911.Point) plane {
	return plane{origin: p, perLat: metresPerDegree, perLon: metresPerDegree * max(math.Cos(p.Lat*math.Pi/180), 1e-6)}
}

func (m plane) xy(p e911.Point) (x, y float64) {
	return (p.Lon - m.origin.Lon) * m.perLon, (p.Lat - m.origin.Lat) * m.perLat
}

func (m plane) point(x, y float64) e911.Point {
	return e911.Point{Lat: m.origin.Lat + y/m.perLat, Lon: m.origin.Lon + x/m.perLon}
}

// interpolate places a house number on its side of a segment, set back from the
// line. The radius is half of the segment: within its block a house may stand
// anywhere.
func (l *layer) interpolate(segment int, right bool, r gis.Range, number int) e911.Area {
	share := 0.5
	if r.From != r.To {
		share = float64(number-r.From) / float64(r.To-r.From)
	}
	var room [32]e911.Point
	line := l.Line(room[:0], segment)
	m := planeAt(line[0])
	length := 0.0
	for i := 1; i < len(line); i++ {
		length += m.distance(line[i-1], line[i])
	}
	at := e911.Area{Point: m.along(line, share*length, right), RadiusM: max(leastLineM, length/2+setBackM)}
	return at
}

func (m plane) distance(p, q e911.Point) float64 {
	px, py := m.xy(p)
	qx, qy := m.xy(q)
	return math.Hypot(qx-px, qy-py)
}

// along walks so many metres from the first point and steps aside.
func (m plane) along(line []e911.Point, walk float64, right bool) e911.Point {
	for i := 1; i < len(line); i++ {
		px, py := m.xy(line[i-1])
		qx, qy := m.xy(line[i])
		d := math.Hypot(qx-px, qy-py)
		if walk > d && i < len(line)-1 || d == 0 && i < len(line)-1 {
			walk -= d
			continue
		}
		if d == 0 {
			return line[i]
		}
		t := min(walk/d, 1)
		nx, ny := -(qy-py)/d*setBackM, (qx-px)/d*setBackM // to the left
		if right {
			nx, ny = -nx, -ny
		}
		return m.point(px+t*(qx-px)+nx, py+t*(qy-py)+ny)
	}
	return line[0]
}

// streetMiddle is the middle of a street in some places with a circle around all
// of it; false where it has none there.
func (l *layer) streetMiddle(q *question, places map[int32]bool) (e911.Area, bool) {
	if q.street < 0 {
		return e911.Area{}, false
	}
	var points []e911.Point
	for _, name := range l.groups.of(int(q.street)) {
		for s := int(l.segAt[name]); s < int(l.segAt[name+1]); s++ {
			left, right := l.Sides(s)
			if (places[int32(left.Place)] || places[int32(right.Place)]) && l.lineActive(s, q.now) { //nolint:gosec // places are fewer than 2^31
				points = l.Line(points, s)
			}
		}
		for w := l.wayAt[name]; w < l.wayAt[name+1]; w++ {
			way := l.Way(int(w))
			if !places[int32(way.Place)] { //nolint:gosec // as above
				continue
			}
			for a := way.First; a < way.End; a++ {
				if l.active(a, q.now) {
					points = append(points, l.AddressAt(a))
				}
			}
		}
	}
	if len(points) == 0 {
		return e911.Area{}, false
	}
	return midst(points), true
}

// midst is the one of the points that is nearest to the middle of their box, so
// that it lies on the street, with a circle around all.
func midst(points []e911.Point) e911.Area {
	b := emptyBox
	for _, p := range points {
		b.add(around(p))
	}
	middle := b.middle()
	at := points[0]
	for _, p := range points {
		if geo.Metres(middle, p) < geo.Metres(middle, at) {
			at = p
		}
	}
	out := e911.Area{Point: at, RadiusM: leastM}
	for _, p := range points {
		out.RadiusM = max(out.RadiusM, geo.Metres(at, p))
	}
	return out
}

func (b *box) middle() e911.Point {
	return e911.Point{Lat: (float64(b.south) + float64(b.north)) / 2 / degree, Lon: (float64(b.west) + float64(b.east)) / 2 / degree}
}

// placeMiddle is the middle of the postal code, or else of the town, as far as
// the features of the layer reach.
func (l *layer) placeMiddle(q *question, places []int32) (e911.Area, bool) {
	all, code := emptyBox, emptyBox
	for _, p := range places {
		a := &l.areas[p]
		all.add(a.box)
		if q.sameCode(a) {
			code.add(a.box)
		}
	}
	b := code
	if b.empty() {
		b = all
	}
	if b.empty() {
		return e911.Area{}, false
	}
	middle := b.middle()
	south := e911.Point{Lat: float64(b.south) / degree, Lon: float64(b.west) / degree}
	north := e911.Point{Lat: float64(b.north) / degree, Lon: float64(b.west) / degree}
	return e911.Area{Point: middle, RadiusM: max(leastM, geo.Metres(middle, south), geo.Metres(middle, north))}, true
}

// roughly geocodes an address that has no feature of its own: the middle of its
// street, else of its place.
func (l *layer) roughly(q *question, places []int32) (e911.Area, e911.GeocodeMethod, bool) {
	set := make(map[int32]bool, len(places))
	coded := make(map[int32]bool, len(places))
	for _, p := range places {
		set[p] = true
		if q.sameCode(&l.areas[p]) {
			coded[p] = true
		}
	}
	if a, ok := l.streetMiddle(q, coded); ok {
		return a, e911.GeocodeStreet, true
	}
	if a, ok := l.streetMiddle(q, set); ok {
		return a, e911.GeocodeStreet, true
	}
	a, ok := l.placeMiddle(q, places)
	return a, e911.GeocodePlace, ok
}
