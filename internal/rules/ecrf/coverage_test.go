package ecrf_test

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Proves: F-23, W-10
func TestGapsAndOverlapsAreFoundAndSliversAreNot(t *testing.T) {
	b := func(id string, area e911.MultiPolygon) gis.Boundary {
		return gis.Boundary{NGUID: id, Service: ecrf.ServiceSOS, Area: area}
	}
	const sliver = 0.000001 // degrees: a tenth of a metre
	for _, c := range []struct {
		name     string
		list     []gis.Boundary
		served   e911.MultiPolygon
		gaps     int
		overlaps [][]string
	}{
		{"neighbours", []gis.Boundary{b("a", box(42, -72, 1)), b("b", box(42, -71, 1))}, box(42, -72, 1), 0, nil},
		{"half of it is missing", []gis.Boundary{b("a", box(42, -72, 1))}, box(42, -71.5, 1), 1, nil},
		{"a sliver between two", []gis.Boundary{b("a", box(42, -72, 1)), b("b", box(42, -71+sliver, 1))}, box(42, -71.5, 1), 0, nil},
		{"a sliver in both", []gis.Boundary{b("a", box(42, -72, 1)), b("b", box(42, -71-sliver, 1))}, box(42, -71.5, 1), 0, nil},
		{"two that overlap", []gis.Boundary{b("b", box(42, -71.5, 1)), b("a", box(42, -72, 1))}, nil, 0, [][]string{{"a", "b"}}},
		{"a hole that nobody serves", []gis.Boundary{b("a", e911.MultiPolygon{append(box(10, 10, 4)[0], box(11, 11, 2)[0]...)})}, nil, 1, nil},
		{"a hole that is filled", []gis.Boundary{b("a", e911.MultiPolygon{append(box(10, 10, 4)[0], box(11, 11, 2)[0]...)}), b("b", box(11, 11, 2))}, nil, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			gaps, err := ecrf.Gaps(c.list, c.served)
			if err != nil || len(gaps) != c.gaps {
				t.Errorf("Gaps = %+v, %v, want %d", gaps, err, c.gaps)
			}
			for _, g := range gaps {
				for _, b := range c.list {
					if geo.Contains(b.Area, g.Point) {
						t.Errorf("%v in a gap lies in %s", g.Point, b.NGUID)
					}
				}
				if g.SquareKM < 1000 {
					t.Errorf("%.0f km²", g.SquareKM)
				}
			}
			overlaps, err := ecrf.Overlaps(c.list)
			var got [][]string
			for _, o := range overlaps {
				got = append(got, o.NGUIDs)
				if !geo.Contains(c.list[0].Area, o.Point) || !geo.Contains(c.list[1].Area, o.Point) {
					t.Errorf("%v is not in both", o.Point)
				}
			}
			if d := cmp.Diff(c.overlaps, got); d != "" || err != nil {
				t.Error(d, err)
			}
		})
	}
	if _, err := ecrf.Gaps([]gis.Boundary{b("bad", e911.MultiPolygon{{{{Lat: 1, Lon: 1}, {Lat: 2, Lon: 2}}}})}, nil); err == nil {
		t.Error("two corners are an area")
	}
	if list := world().Unserved([]e911.Place{at(42.2, -71.5), at(10, 10)}, ecrf.Options{DemonstrationAllowed: true}); len(list) != 1 || list[0] != 1 {
		t.Errorf("Unserved = %v", list)
	}
}

// Proves: W-10
func TestTooManyCornersAreSaidAndNotJoined(t *testing.T) {
	ring := make([]e911.Point, 130_000)
	for i := range ring {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(len(ring)))
		ring[i] = e911.Point{Lat: 42 + sin, Lon: -71 + cos}
	}
	list := []gis.Boundary{{NGUID: "a", Area: e911.MultiPolygon{{ring}}}, {NGUID: "b", Area: e911.MultiPolygon{{ring}}}}
	if _, err := ecrf.Gaps(list, nil); !errors.Is(err, ecrf.ErrTooLarge) {
		t.Errorf("Gaps = %v", err)
	}
}
