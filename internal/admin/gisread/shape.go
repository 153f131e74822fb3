package gisread

import (
	"math"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// shapeKind is what a geometry is, whatever its number of parts.
type shapeKind uint8

const (
	shapeNone shapeKind = iota
	shapePoint
	shapeLine
	shapeArea
	shapeOther // a kind that no table here has
)

// shape is a geometry as read: a point is one ring of one point, the parts of a
// line are the rings of one polygon.
type shape struct {
	kind  shapeKind
	polys [][][]e911.Point
	bad   *problem // it cannot be used
	esri  bool     // outer rings run clockwise, and rings are not grouped
}

// drawing collects a shape point by point within a limit.
type drawing struct {
	max, n int
	ring   []e911.Point
	rings  [][]e911.Point
	polys  [][][]e911.Point
}

func (d *drawing) reset() { *d = drawing{max: d.max} }

// point adds a position in the order of files: longitude, latitude.
func (d *drawing) point(lon, lat float64) {
	if d.n++; d.n <= d.max {
		d.ring = append(d.ring, e911.Point{Lat: lat, Lon: lon})
	}
}

func (d *drawing) endRing() {
	if len(d.ring) > 0 {
		d.rings = append(d.rings, d.ring)
	}
	d.ring = nil
}

func (d *drawing) endPoly() {
	if len(d.rings) > 0 {
		d.polys = append(d.polys, d.rings)
	}
	d.rings = nil
}

// shape closes what is open and returns the whole.
func (d *drawing) shape(k shapeKind) shape {
	d.endRing()
	d.endPoly()
	s := shape{kind: k, polys: d.polys}
	if d.n > d.max {
		s = shape{kind: k, bad: &problem{code: CodeTooLarge, reason: "The geometry has more points than a feature may have.", fix: "Simplify it, or cut it into several features."}}
	}
	d.reset()
	return s
}

// home reports a position in the United States, its territories or Canada: the
// continent north of 13°, the Aleutians beyond the date line, Guam and the
// Northern Marianas, American Samoa. The boxes are generous.
func home(p e911.Point) bool {
	switch {
	case p.Lon >= -180 && p.Lon <= -50:
		return p.Lat >= 13 && p.Lat <= 84 || p.Lon <= -167 && p.Lat >= -15 && p.Lat <= -10
	case p.Lon >= 170 && p.Lon <= 180:
		return p.Lat >= 50 && p.Lat <= 56
	}
	return p.Lon >= 144 && p.Lon <= 147 && p.Lat >= 12 && p.Lat <= 21
}

// placed tests that a shape lies where it can, by all of its points.
func (s *shape) placed() *problem {
	if s.bad != nil {
		return s.bad
	}
	n := 0
	for _, poly := range s.polys {
		for _, ring := range poly {
			for _, p := range ring {
				if f := misplaced(p); f != nil {
					return f
				}
				n++
			}
		}
	}
	if n == 0 {
		return &problem{code: CodeGeometryNone, reason: "The row has no geometry."}
	}
	return nil
}

func misplaced(p e911.Point) *problem {
	turned := e911.Point{Lat: p.Lon, Lon: p.Lat}
	switch {
	case home(p):
		return nil
	case math.IsNaN(p.Lat) || math.IsNaN(p.Lon) || math.IsInf(p.Lat, 0) || math.IsInf(p.Lon, 0):
		return &problem{code: CodeGeometryRange, reason: "A coordinate is not a number."}
	case home(turned):
		return &problem{code: CodeSwapped, reason: "Latitude and longitude are swapped.", fix: "Write longitude first."}
	case !geo.Valid(p):
		return &problem{
			code: CodeGeometryRange, reason: "A point lies off the globe.",
			fix: "Export in degrees of WGS 84 (EPSG:4326); this looks like metres or feet of a projection.",
		}
	}
	return &problem{code: CodeElsewhere, reason: "The row lies neither in the United States nor in Canada."}
}

// single returns the position of a point; the first of several, when there is
// one alone.
func (s *shape) single() (e911.Point, *problem) {
	if s.kind != shapePoint || len(s.polys) != 1 || len(s.polys[0]) != 1 || len(s.polys[0][0]) != 1 {
		return e911.Point{}, &problem{code: CodeGeometryForm, reason: "The geometry is not one point."}
	}
	return s.polys[0][0][0], nil
}

// joinMetres is how far two parts of a line may lie apart to be one.
const joinMetres = 0.5

// line returns the points of a line without repeated ones. Parts that do not
// touch are joined by straight pieces, in the order and direction that keeps
// them shortest from one to the next; apart tells of it.
func (s *shape) line() (line []e911.Point, apart bool, bad *problem) {
	if s.kind != shapeLine {
		return nil, false, &problem{code: CodeGeometryForm, reason: "The geometry is not a line."}
	}
	for _, parts := range s.polys {
		for _, part := range parts {
			if len(line) > 0 && len(part) > 0 {
				apart = apart || geo.Metres(line[len(line)-1], part[0]) > joinMetres
			}
			for _, p := range part {
				if len(line) == 0 || line[len(line)-1] != p {
					line = append(line, p)
				}
			}
		}
	}
	total := 0
	for _, parts := range s.polys {
		for _, part := range parts {
			total += len(part)
		}
	}
	switch {
	case total < 2:
		return nil, false, &problem{code: CodeTooFewPoints, reason: "A line needs two points."}
	case len(line) < 2:
		return nil, false, &problem{code: CodeZeroLength, reason: "The line has no length: all its points are the same."}
	}
	return line, apart, nil
}

// area is a polygon made fit: rings not closed by a repeated point, outer ones
// counter-clockwise, holes clockwise.
type area struct {
	m       e911.MultiPolygon
	turned  bool // a ring ran the other way round
	dropped int  // rings without surface that were left out
}

func (s *shape) area() (area, *problem) {
	var a area
	if s.kind != shapeArea {
		return a, &problem{code: CodeGeometryForm, reason: "The geometry is not a polygon."}
	}
	polys := s.polys
	if s.esri {
		polys = groupRings(polys)
	}
	for _, rings := range polys {
		var poly [][]e911.Point
		for i, ring := range rings {
			ring = open(ring)
			turn := twiceArea(ring)
			if len(ring) < 3 || turn == 0 {
				a.dropped++
				if i == 0 {
					break // its holes have nothing to be in
				}
				continue
			}
			if (turn > 0) != (i == 0) {
				ring = reversed(ring)
				a.turned = a.turned || !s.esri
			}
			poly = append(poly, ring)
		}
		if len(poly) > 0 {
			a.m = append(a.m, poly)
		}
	}
	if len(a.m) == 0 {
		return a, &problem{code: CodeTooFewPoints, reason: "A polygon needs three points that are not on one line."}
	}
	return a, nil
}

// open drops repeated points and the last one that repeats the first.
func open(ring []e911.Point) []e911.Point {
	out := make([]e911.Point, 0, len(ring))
	for _, p := range ring {
		if len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	for len(out) > 1 && out[0] == out[len(out)-1] {
		out = out[:len(out)-1]
	}
	return out
}

// twiceArea is twice the surface in square degrees, positive counter-clockwise.
func twiceArea(ring []e911.Point) float64 {
	var sum float64
	if len(ring) == 0 {
		return 0
	}
	o := ring[0] // near the ring, so that nothing is lost in large numbers
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += (p.Lon-o.Lon)*(q.Lat-o.Lat) - (q.Lon-o.Lon)*(p.Lat-o.Lat)
	}
	return sum
}

func reversed(ring []e911.Point) []e911.Point {
	out := make([]e911.Point, len(ring))
	for i, p := range ring {
		out[len(ring)-1-i] = p
	}
	return out
}

// groupRings gives the holes of a shapefile to the outer rings they lie in: an
// outer ring runs clockwise there, a hole counter-clockwise, in any order.
// A hole in no ring becomes a polygon of its own.
func groupRings(in [][][]e911.Point) [][][]e911.Point {
	var outer [][][]e911.Point
	var holes [][]e911.Point
	for _, poly := range in {
		for _, ring := range poly {
			if twiceArea(open(ring)) > 0 {
				holes = append(holes, ring)
			} else {
				outer = append(outer, [][]e911.Point{ring})
			}
		}
	}
	if len(outer) == 1 {
		outer[0] = append(outer[0], holes...)
		return outer
	}
	for _, h := range holes {
		best, least := -1, math.Inf(1)
		for i, poly := range outer {
			if a := math.Abs(twiceArea(open(poly[0]))); a < least && geo.Contains(e911.MultiPolygon{{open(poly[0])}}, h[0]) {
				best, least = i, a
			}
		}
		if best < 0 {
			outer = append(outer, [][]e911.Point{h})
		} else {
			outer[best] = append(outer[best], h)
		}
	}
	return outer
}
