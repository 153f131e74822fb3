package geo_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

func tile(south, west, side float64) []e911.Point {
	return []e911.Point{{Lat: south, Lon: west}, {Lat: south, Lon: west + side}, {Lat: south + side, Lon: west + side}, {Lat: south + side, Lon: west}}
}

// Proves: W-10, F-23
func TestThePartOfARingThatLiesInAnArea(t *testing.T) {
	u := []e911.Point{{Lat: 0, Lon: 0}, {Lat: 0, Lon: 3}, {Lat: 3, Lon: 3}, {Lat: 3, Lon: 2}, {Lat: 1, Lon: 2}, {Lat: 1, Lon: 1}, {Lat: 3, Lon: 1}, {Lat: 3, Lon: 0}}
	hole := e911.MultiPolygon{{tile(0, 0, 4), tile(1, 1, 2)}}
	for _, c := range []struct {
		name string
		ring []e911.Point
		area e911.MultiPolygon
		want float64
	}{
		{"all of it", tile(1, 1, 1), e911.MultiPolygon{{tile(0, 0, 4)}}, 1},
		{"nothing of it", tile(10, 10, 1), e911.MultiPolygon{{tile(0, 0, 4)}}, 0},
		{"half of it", tile(0, -1, 2), e911.MultiPolygon{{tile(0, 0, 4)}}, 0.5},
		{"half of it, clockwise", []e911.Point{{Lat: 0, Lon: -1}, {Lat: 2, Lon: -1}, {Lat: 2, Lon: 1}, {Lat: 0, Lon: 1}}, e911.MultiPolygon{{tile(0, 0, 4)}}, 0.5},
		{"what lies in a hole does not count", tile(0, 0, 4), hole, 0.75},
		{"all in the hole", tile(1.25, 1.25, 1), hole, 0},
		{"polygons of one area add up", tile(0, 0, 2), e911.MultiPolygon{{tile(0, 0, 1)}, {tile(1, 1, 1)}}, 0.5},
		{"a shape with a bay", u, e911.MultiPolygon{{tile(1, 1, 2)}}, 2.0 / 7},
		{"the bay of a shape", u, e911.MultiPolygon{{tile(1.5, 1.2, 0.5)}}, 0},
		{"a bay of the area", tile(0, 0, 3), e911.MultiPolygon{{u}}, 7.0 / 9},
		{"edges that only touch", tile(0, 4, 1), e911.MultiPolygon{{tile(0, 0, 4)}}, 0},
		{"a line has no surface", []e911.Point{{}, {Lat: 1}, {Lat: 2}}, e911.MultiPolygon{{tile(0, 0, 4)}}, 0},
		{"no area", tile(0, 0, 1), nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := geo.Share(c.ring, c.area); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("Share = %v, want %v", got, c.want)
			}
		})
	}
}

// What one side of a line has of a shape and what the other side has are the
// whole shape, also of one with bays.
//
// Proves: W-10
func TestSharesOfAPartitionAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 24).Draw(t, "corners")
		ring := make([]e911.Point, n) // a star: no sides cross
		for i := range ring {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
			r := rapid.Float64Range(0.1, 2).Draw(t, "radius")
			ring[i] = e911.Point{Lat: 40 + r*sin, Lon: -70 + r*cos}
		}
		cut := rapid.Float64Range(-72, -68).Draw(t, "cut")
		west := e911.MultiPolygon{{{{Lat: 30, Lon: -80}, {Lat: 30, Lon: cut}, {Lat: 50, Lon: cut}, {Lat: 50, Lon: -80}}}}
		east := e911.MultiPolygon{{{{Lat: 30, Lon: cut}, {Lat: 30, Lon: -60}, {Lat: 50, Lon: -60}, {Lat: 50, Lon: cut}}}}
		if sum := geo.Share(ring, west) + geo.Share(ring, east); math.Abs(sum-1) > 1e-9 {
			t.Errorf("west and east are %v of the shape", sum)
		}
	})
}
