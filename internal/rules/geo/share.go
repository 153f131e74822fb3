package geo

import (
	"cmp"
	"math"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// mostWork bounds the corners of a shape times those of a boundary near it.
const mostWork = 1 << 21

// Share returns which part of the surface of ring lies within m, 0 to 1, in the
// plane of degrees; 0 for a ring without surface. The ring's sides do not
// cross; its direction means nothing. For a ring of hundreds of corners over a
// boundary of ten thousands nearby its box stands, so that the work is bounded.
func Share(ring []e911.Point, m e911.MultiPolygon) float64 {
	whole := math.Abs(planar(ring))
	if whole == 0 || len(ring) < 3 {
		return 0
	}
	west, east := Box(ring)
	box := []e911.Point{west, {Lat: west.Lat, Lon: east.Lon}, east, {Lat: east.Lat, Lon: west.Lon}}
	near := make([][][]e911.Point, 0, len(m))
	corners := 0
	for _, poly := range m {
		var cut [][]e911.Point
		for i, r := range poly {
			c := clip(r, box)
			if i == 0 && len(c) < 3 {
				break
			}
			corners += len(c)
			cut = append(cut, c)
		}
		if len(cut) > 0 {
			near = append(near, cut)
		}
	}
	parts := triangles(ring)
	if 3*len(parts)*corners > mostWork {
		parts, whole = []part{{box, 1}}, math.Abs(planar(box))
	}
	var inside float64
	for _, poly := range near {
		for i, r := range poly {
			var a float64
			for _, p := range parts {
				a += p.sign * math.Abs(planar(clip(r, p.ring)))
			}
			if i > 0 {
				a = -a
			}
			inside += a
		}
	}
	return max(0, min(1, inside/whole))
}

// Box returns the south-western and north-eastern corner around a ring.
func Box(ring []e911.Point) (least, most e911.Point) {
	if len(ring) == 0 {
		return least, most
	}
	least, most = ring[0], ring[0]
	for _, p := range ring {
		least.Lat, least.Lon = min(least.Lat, p.Lat), min(least.Lon, p.Lon)
		most.Lat, most.Lon = max(most.Lat, p.Lat), max(most.Lon, p.Lon)
	}
	return least, most
}

// part is a convex counter-clockwise ring that counts for or against.
type part struct {
	ring []e911.Point
	sign float64
}

// triangles takes a ring apart: the ring itself where it is convex, else the
// fan from its first corner, in which what lies outside counts twice, once for
// and once against.
func triangles(ring []e911.Point) []part {
	ccw := planar(ring) > 0
	if convex(ring) {
		return []part{{turned(ring, !ccw), 1}}
	}
	parts := make([]part, 0, len(ring)-2)
	for i := 1; i+1 < len(ring); i++ {
		t := []e911.Point{ring[0], ring[i], ring[i+1]}
		a := planar(t)
		if a == 0 {
			continue
		}
		sign := 1.0
		if a > 0 != ccw {
			sign = -1
		}
		parts = append(parts, part{turned(t, a < 0), sign})
	}
	return parts
}

func turned(ring []e911.Point, back bool) []e911.Point {
	if !back {
		return ring
	}
	out := make([]e911.Point, len(ring))
	for i, p := range ring {
		out[len(ring)-1-i] = p
	}
	return out
}

// convex reports a ring that always turns the same way, once around.
func convex(ring []e911.Point) bool {
	var left, right bool
	turns, last := 0, 0.0
	for i, b := range ring {
		a, c := ring[(i+len(ring)-1)%len(ring)], ring[(i+1)%len(ring)]
		switch s := side(a, b, c); {
		case s > 0:
			left = true
		case s < 0:
			right = true
		}
		if d := c.Lon - b.Lon; d != 0 {
			if last*d < 0 {
				turns++
			}
			last = d
		}
	}
	return !(left && right) && turns <= 2
}

// side is positive where c lies left of the line from a to b.
func side(a, b, c e911.Point) float64 {
	return (b.Lon-a.Lon)*(c.Lat-a.Lat) - (b.Lat-a.Lat)*(c.Lon-a.Lon)
}

// planar is twice the signed surface of a ring in square degrees.
func planar(ring []e911.Point) float64 {
	var sum float64
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		// Relative to the first corner: small rings far from 0,0 keep their digits.
		sum += (p.Lon-ring[0].Lon)*(q.Lat-ring[0].Lat) - (q.Lon-ring[0].Lon)*(p.Lat-ring[0].Lat)
	}
	return sum
}

// clip returns what of a ring lies inside a convex counter-clockwise one
// (Sutherland and Hodgman). Where the result falls apart, sides without surface
// join the pieces.
func clip(ring, window []e911.Point) []e911.Point {
	out := ring
	for i, a := range window {
		b := window[(i+1)%len(window)]
		if len(out) == 0 {
			return nil
		}
		in := out
		out = make([]e911.Point, 0, len(in)+4)
		p := in[len(in)-1]
		ps := side(a, b, p)
		for _, q := range in {
			qs := side(a, b, q)
			if (ps >= 0) != (qs >= 0) {
				t := ps / (ps - qs)
				out = append(out, e911.Point{Lat: p.Lat + t*(q.Lat-p.Lat), Lon: p.Lon + t*(q.Lon-p.Lon)})
			}
			if qs >= 0 {
				out = append(out, q)
			}
			p, ps = q, qs
		}
	}
	return out
}

// Hull returns the convex line around points, counter-clockwise; fewer than
// three corners when they lie on one line.
func Hull(points []e911.Point) []e911.Point {
	p := slices.Clone(points)
	slices.SortFunc(p, func(a, b e911.Point) int { return cmp.Or(cmp.Compare(a.Lon, b.Lon), cmp.Compare(a.Lat, b.Lat)) })
	p = slices.Compact(p)
	if len(p) < 3 {
		return p
	}
	half := func(out []e911.Point) []e911.Point {
		from := len(out)
		for _, q := range p {
			for len(out) >= from+2 && side(out[len(out)-2], out[len(out)-1], q) <= 0 {
				out = out[:len(out)-1]
			}
			out = append(out, q)
		}
		return out[:len(out)-1] // it begins the other half
	}
	out := half(nil)
	slices.Reverse(p)
	return half(out)
}
