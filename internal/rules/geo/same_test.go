package geo_test

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// star is a ring around a middle, with corners at random distances in the order
// of their bearings: its sides do not cross.
func star(t *rapid.T, middle e911.Point, least, most float64, corners int) []e911.Point {
	ring := make([]e911.Point, corners)
	reach := rapid.SliceOfN(rapid.Float64Range(least, most), corners, corners).Draw(t, "reach")
	for k := range ring {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(corners))
		ring[k] = pt(middle.Lat+reach[k]*sin, middle.Lon+reach[k]*cos)
	}
	return ring
}

// exactly says by exact arithmetic whether a ring holds a point: inside or on a
// side. The third is false where the sides as the numbers write them pass the
// point by less than a nanodegree, so that rounding may have its way.
func exactly(rings [][]e911.Point, p e911.Point) (in, clear bool) {
	rat := func(f float64) *big.Rat { return new(big.Rat).SetFloat64(f) }
	px, py := rat(p.Lon), rat(p.Lat)
	near := rat(1e-9)
	clear = true
	for _, ring := range rings {
		for i := range ring {
			a, b := ring[i], ring[(i+1)%len(ring)]
			if a.Lat > b.Lat {
				a, b = b, a
			}
			if p.Lat < a.Lat-1e-9 || p.Lat > b.Lat+1e-9 {
				continue
			}
			if a.Lat == b.Lat {
				clear = clear && (p.Lon < min(a.Lon, b.Lon)-1e-9 || p.Lon > max(a.Lon, b.Lon)+1e-9)
				continue
			}
			// The longitude of the side at p's latitude, less p's.
			d := new(big.Rat).Sub(py, rat(a.Lat))
			d.Mul(d, new(big.Rat).Sub(rat(b.Lon), rat(a.Lon)))
			d.Quo(d, new(big.Rat).Sub(rat(b.Lat), rat(a.Lat)))
			d.Add(d, rat(a.Lon)).Sub(d, px)
			if new(big.Rat).Abs(d).Cmp(near) <= 0 {
				clear = false
			}
			if p.Lat >= a.Lat && p.Lat < b.Lat && d.Sign() > 0 {
				in = !in
			}
		}
	}
	return in, clear
}

// probes are points where an answer is hard: corners, sides, level with
// corners, and a little beside each.
func probes(t *rapid.T, areas []e911.MultiPolygon) []e911.Point {
	var list []e911.Point
	nudge := rapid.SampledFrom([]float64{0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-5, 1e-2})
	sign := rapid.SampledFrom([]float64{-1, 0, 1})
	for range 25 {
		m := areas[rapid.IntRange(0, len(areas)-1).Draw(t, "area")]
		rings := m[rapid.IntRange(0, len(m)-1).Draw(t, "polygon")]
		ring := rings[rapid.IntRange(0, len(rings)-1).Draw(t, "ring")]
		k := rapid.IntRange(0, len(ring)-1).Draw(t, "corner")
		a, b := ring[k], ring[(k+1)%len(ring)]
		f := rapid.SampledFrom([]float64{0, 0.25, 0.5, 0.9, 1}).Draw(t, "along")
		p := pt(a.Lat+f*(b.Lat-a.Lat), a.Lon+f*(b.Lon-a.Lon))
		p.Lat += sign.Draw(t, "north") * nudge.Draw(t, "by")
		p.Lon += sign.Draw(t, "east") * nudge.Draw(t, "by")
		if rapid.Bool().Draw(t, "level") { // with a corner, anywhere
			p.Lon = rapid.Float64Range(a.Lon-1, a.Lon+1).Draw(t, "lon")
		}
		list = append(list, p)
	}
	return list
}

// An index answers as looking at each polygon alone does, to the last bit, and
// as exact arithmetic does wherever a point is a nanodegree off the sides. The
// areas overlap, touch, have holes, and many corners in few cells.
//
// Proves: E11, F-23
func TestIndexAgreesWithExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		areas := make([]e911.MultiPolygon, rapid.IntRange(1, 5).Draw(t, "areas"))
		for i := range areas {
			for range rapid.IntRange(1, 2).Draw(t, "polygons") {
				middle := pt(rapid.Float64Range(-2, 2).Draw(t, "lat"), rapid.Float64Range(-2, 2).Draw(t, "lon"))
				size := rapid.SampledFrom([]float64{0.001, 0.3, 1, 3}).Draw(t, "size")
				rings := [][]e911.Point{star(t, middle, 0.5*size, size, rapid.IntRange(3, 80).Draw(t, "corners"))}
				if rapid.Bool().Draw(t, "hole") {
					rings = append(rings, star(t, middle, 0.1*size, 0.3*size, rapid.IntRange(3, 12).Draw(t, "corners of the hole")))
				}
				areas[i] = append(areas[i], rings)
			}
			if rapid.IntRange(0, 4).Draw(t, "like the first") == 0 {
				areas[i] = areas[0]
			}
		}
		x := geo.NewIndex(areas)
		for _, p := range probes(t, areas) {
			var want []int
			for i, m := range areas {
				in := geo.Contains(m, p)
				if in {
					want = append(want, i)
				}
				really, clear := false, true
				for _, rings := range m {
					one, sure := exactly(rings, p)
					really, clear = really || one, clear && sure
				}
				if clear && in != really {
					t.Fatalf("Contains(%v) = %v, exact arithmetic says %v", p, in, really)
				}
			}
			if got := x.All(nil, p); !slices.Equal(got, want) {
				t.Fatalf("All(%v) = %v, want %v", p, got, want)
			}
			if got := x.First(p); got < 0 != (len(want) == 0) || got >= 0 && got != want[0] {
				t.Fatalf("First(%v) = %d, want the first of %v", p, got, want)
			}
		}
	})
}

// Where a ring begins, which way it runs, and that a corner stands in it twice
// mean nothing, on the sides too.
//
// Proves: E11, F-23
func TestTheWayARingIsWrittenMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		middle := pt(rapid.Float64Range(-80, 80).Draw(t, "lat"), rapid.Float64Range(-170, 170).Draw(t, "lon"))
		ring := star(t, middle, 0.5, 1, rapid.IntRange(3, 200).Draw(t, "corners"))
		hole := star(t, middle, 0.1, 0.2, rapid.IntRange(3, 9).Draw(t, "corners of the hole"))
		from := rapid.IntRange(0, len(ring)-1).Draw(t, "begins at")
		turned := slices.Concat(ring[from:], ring[:from])
		if rapid.Bool().Draw(t, "the other way") {
			turned = reversed(turned)
		}
		twice := slices.Clone(turned)
		for range rapid.IntRange(0, 3).Draw(t, "doubled") {
			k := rapid.IntRange(0, len(twice)-1).Draw(t, "corner")
			twice = slices.Insert(twice, k, twice[k])
		}
		if rapid.Bool().Draw(t, "closed") {
			twice = append(twice, twice[0])
		}
		areas := []e911.MultiPolygon{{{ring, hole}}, {{turned, reversed(hole)}}, {{twice, hole}}, {{ring}}}
		x := geo.NewIndex(areas)
		alone := geo.NewIndex(areas[2:3])
		for _, p := range probes(t, areas[:1]) {
			got := x.All(nil, p)
			if slices.Contains(got, 0) != slices.Contains(got, 1) || slices.Contains(got, 0) != slices.Contains(got, 2) {
				t.Fatalf("%v lies in %v: all of the first three, or none", p, got)
			}
			if (alone.First(p) == 0) != slices.Contains(got, 2) {
				t.Fatalf("%v: alone and among others the answer is another", p)
			}
			if slices.Contains(got, 0) && !slices.Contains(got, 3) {
				t.Fatalf("%v lies in the ring with a hole and not in the one without", p)
			}
		}
	})
}
