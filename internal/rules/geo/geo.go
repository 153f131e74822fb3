// Package geo answers "is this point inside that area" fast and the same way
// every time, checks that an area is plausible, and reads the TopoJSON of
// us-atlas. Coordinates are WGS 84 degrees; polygons are planar in degrees,
// never across the antimeridian.
package geo

import (
	"fmt"
	"math"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// earthRadiusKM is the mean radius of the earth (IUGG R1).
const earthRadiusKM = 6371.0088

// Contains reports whether m holds p, edges included: the edge of a hole too.
func Contains(m e911.MultiPolygon, p e911.Point) bool {
	q, twice := beyond(p)
	return slices.ContainsFunc(m, func(rings [][]e911.Point) bool { return contains(rings, p) || twice && contains(rings, q) })
}

// OnEdge reports whether p lies on a side of m: on the edge of a hole too.
func OnEdge(m e911.MultiPolygon, p e911.Point) bool {
	q, twice := beyond(p)
	return slices.ContainsFunc(m, func(rings [][]e911.Point) bool { return onEdge(rings, p) || twice && onEdge(rings, q) })
}

// Metres returns the great-circle distance of two points.
func Metres(a, b e911.Point) float64 {
	const rad = math.Pi / 180
	dLat, dLon := (b.Lat-a.Lat)*rad, (b.Lon-a.Lon)*rad
	s, c := math.Sin(dLat/2), math.Sin(dLon/2)
	h := s*s + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*c*c
	return 2 * earthRadiusKM * 1000 * math.Asin(math.Sqrt(min(h, 1)))
}

// Valid reports a position on the globe.
func Valid(p e911.Point) bool {
	return p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180 // false for NaN
}

// SquareKM returns the surface of m in square kilometres on a sphere, holes
// taken off.
func SquareKM(m e911.MultiPolygon) float64 {
	var sum float64
	for _, poly := range m {
		for i, ring := range poly {
			if a := math.Abs(signedSquareKM(ring)); i == 0 {
				sum += a
			} else {
				sum -= a
			}
		}
	}
	return sum
}

// signedSquareKM is positive for a counter-clockwise ring. It adds up the areas
// between each edge and the equator (Chamberlain and Duquette, "Some algorithms
// for polygons on a sphere", JPL 2007), exact enough for a plausibility check.
func signedSquareKM(ring []e911.Point) float64 {
	const rad = math.Pi / 180
	var sum float64
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += (q.Lon - p.Lon) * rad * (2 + math.Sin(p.Lat*rad) + math.Sin(q.Lat*rad))
	}
	return -sum * earthRadiusKM * earthRadiusKM / 2
}

// What a plausible boundary of a PSAP is: more than a city block's corner, less
// than any state or territory that has a PSAP (Nunavut has 2.1 million km²). A
// ring turned inside out on the sphere has nearly the whole earth.
const (
	minSquareKM = 0.001
	maxSquareKM = 3e6
)

// Check returns what makes m unusable as an area: too few points, points off
// the globe, no surface, a surface no PSAP has, a ring across the antimeridian,
// a hole larger than its polygon. Paths are relative to m: "[0][1]" is the first
// polygon's first hole.
func Check(m e911.MultiPolygon) []e911.Fault {
	if len(m) == 0 {
		return []e911.Fault{{Path: "", Code: "empty", Msg: "an area needs at least one polygon"}}
	}
	var faults []e911.Fault
	for i, poly := range m {
		if len(poly) == 0 {
			faults = append(faults, e911.Fault{Path: fmt.Sprintf("[%d]", i), Code: "empty", Msg: "a polygon needs an outer ring"})
			continue
		}
		for j, ring := range poly {
			if f, bad := checkRing(ring); bad {
				f.Path = fmt.Sprintf("[%d][%d]", i, j)
				faults = append(faults, f)
			}
		}
	}
	if len(faults) > 0 {
		return faults
	}
	for i, poly := range m {
		if a := SquareKM(e911.MultiPolygon{poly}); a <= 0 {
			faults = append(faults, e911.Fault{Path: fmt.Sprintf("[%d]", i), Code: "implausible", Msg: "the holes are as large as the polygon"})
		}
	}
	if a := SquareKM(m); len(faults) == 0 && (a < minSquareKM || a > maxSquareKM) {
		faults = append(faults, e911.Fault{
			Path: "", Code: "implausible", Msg: fmt.Sprintf("%.3g km² is not the area of a PSAP", a),
			Fix: "look for swapped latitude and longitude, or a ring turned inside out",
		})
	}
	return faults
}

func checkRing(ring []e911.Point) (e911.Fault, bool) {
	west, east := math.Inf(1), math.Inf(-1)
	distinct := map[e911.Point]struct{}{}
	for _, p := range ring {
		if !Valid(p) {
			return e911.Fault{Code: "off_the_globe", Msg: "a point lies off the globe", Fix: "latitude comes first, within 90 degrees"}, true
		}
		west, east = min(west, p.Lon), max(east, p.Lon)
		distinct[p] = struct{}{}
	}
	switch {
	case len(distinct) < 3:
		return e911.Fault{Code: "too_few_points", Msg: "a ring needs three different points"}, true
	case east-west > 180:
		return e911.Fault{Code: "antimeridian", Msg: "a ring is wider than half the globe", Fix: "split it at longitude 180"}, true
	case signedSquareKM(ring) == 0:
		return e911.Fault{Code: "no_surface", Msg: "a ring has no surface"}, true
	}
	return e911.Fault{}, false
}

// Offset returns the point that lies metres away in the direction of bearing,
// degrees clockwise from north, on a sphere. Its longitude stays within 180.
func Offset(from e911.Point, metres, bearing float64) e911.Point {
	const rad = math.Pi / 180
	d, b := metres/(earthRadiusKM*1000), bearing*rad
	lat := from.Lat * rad
	toLat := math.Asin(math.Sin(lat)*math.Cos(d) + math.Cos(lat)*math.Sin(d)*math.Cos(b))
	dLon := math.Atan2(math.Sin(b)*math.Sin(d)*math.Cos(lat), math.Cos(d)-math.Sin(lat)*math.Sin(toLat))
	return e911.Point{Lat: toLat / rad, Lon: math.Remainder(from.Lon+dLon/rad, 360)}
}
