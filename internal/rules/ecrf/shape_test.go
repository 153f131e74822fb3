package ecrf_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/wire/pidflo"
)

// authority has official boundaries: two neighbours, one that overlaps the
// second, one with a hole, one in two pieces across the antimeridian.
func authority() *ecrf.Index {
	split := append(box(-18, 178, 2), box(-18, -180, 2)...)
	ring := e911.MultiPolygon{append(box(10, 10, 4)[0], box(11, 11, 2)[0]...)}
	return ecrf.New([]e911.PSAP{
		{ID: "1", Key: "a-west", Name: "West", Area: box(42, -72, 1)},
		{ID: "2", Key: "b-east", Name: "East", Area: box(42, -71, 1)},
		{ID: "3", Key: "c-over", Name: "Over", Area: box(42, -70.5, 1)},
		{ID: "4", Key: "d-ring", Name: "Ring", Area: ring},
		{ID: "5", Key: "e-fiji", Name: "Fiji", Area: split},
		{ID: "6", Key: "f-demo", Name: "Demo", Boundary: e911.Boundary{USCounty: "25017"}, Area: box(30, -72, 1)},
	}, nil)
}

func pos(lat, lon float64) pidflo.Pos { return pidflo.Pos{Lat: lat, Lon: lon} }

// Proves: W-10, F-23
func TestWhoHoldsMoreOfAShapeServesIt(t *testing.T) {
	rect := func(south, west, north, east float64) pidflo.Polygon {
		return pidflo.Polygon{Exterior: []pidflo.Pos{pos(south, west), pos(south, east), pos(north, east), pos(north, west)}}
	}
	for _, c := range []struct {
		name     string
		shape    pidflo.Shape
		want     []e911.PSAPID
		share    float64 // of the first
		withheld bool
	}{
		{"a point inside", pidflo.Point{Pos: pos(42.5, -71.5)}, []e911.PSAPID{"1"}, 1, false},
		{"a point on the shared edge goes by key", pidflo.Point{Pos: pos(42.5, -71)}, []e911.PSAPID{"1", "2"}, 1, false},
		{"a point in an overlap goes by key", pidflo.Point{Pos: pos(42.5, -70.2)}, []e911.PSAPID{"2", "3"}, 1, false},
		{"a point in a hole", pidflo.Point{Pos: pos(12, 12)}, nil, 0, false},
		{"a point on the edge of a hole", pidflo.Point{Pos: pos(11, 12)}, []e911.PSAPID{"4"}, 1, false},
		{"a point with altitude", pidflo.Point{Pos: pidflo.Pos{Lat: 42.5, Lon: -71.5, Alt: 30, HasAlt: true}}, []e911.PSAPID{"1"}, 1, false},
		{"a circle inside", pidflo.Circle{Center: pos(42.5, -71.5), Radius: 100}, []e911.PSAPID{"1"}, 1, false},
		{"a circle whose middle is in one and most in the other", rect(42.4, -71.1, 42.5, -70.8), []e911.PSAPID{"2", "1"}, 2.0 / 3, false},
		{"two equal halves go by key", rect(42.4, -71.1, 42.5, -70.9), []e911.PSAPID{"1", "2"}, 0.5, false},
		{"all in two goes by key", pidflo.Circle{Center: pos(42.5, -70.2), Radius: 100}, []e911.PSAPID{"2", "3"}, 1, false},
		{"a sliver is enough", rect(42.4, -73, 42.5, -71.9999), []e911.PSAPID{"1"}, 0.0001, false},
		{"a circle in a hole", pidflo.Circle{Center: pos(12, 12), Radius: 100}, nil, 0, false},
		{"a circle across the antimeridian", pidflo.Circle{Center: pos(-17, 179.9999), Radius: 5000}, []e911.PSAPID{"5"}, 1, false},
		{"a polygon across the antimeridian", pidflo.Polygon{Exterior: []pidflo.Pos{pos(-17.5, 179.5), pos(-17.5, -179.5), pos(-17, -179.5), pos(-17, 179.5)}}, []e911.PSAPID{"5"}, 1, false},
		{"a polygon whose sides cross is what lies between its corners", pidflo.Polygon{Exterior: []pidflo.Pos{pos(42.4, -71.6), pos(42.5, -71.5), pos(42.4, -71.5), pos(42.5, -71.6)}}, []e911.PSAPID{"1"}, 1, false},
		{"an ellipse inside", pidflo.Ellipse{Center: pos(42.5, -71.5), SemiMajor: 200, SemiMinor: 50, Orientation: 30}, []e911.PSAPID{"1"}, 1, false},
		{"an arc-band inside", pidflo.ArcBand{Center: pos(42.5, -71.5), Inner: 100, Outer: 900, Start: 20, Opens: 20}, []e911.PSAPID{"1"}, 1, false},
		// The mast stands in the west, the caller is east of it.
		{"an arc-band beyond the edge", pidflo.ArcBand{Center: pos(42.5, -71.001), Inner: 500, Outer: 900, Start: 60, Opens: 60}, []e911.PSAPID{"2"}, 1, false},
		{"a prism", pidflo.Prism{Base: []pidflo.Pos{{Lat: 42.4, Lon: -71.5, HasAlt: true}, {Lat: 42.4, Lon: -71.4, HasAlt: true}, {Lat: 42.5, Lon: -71.4, HasAlt: true}}, Height: 3}, []e911.PSAPID{"1"}, 1, false},
		{"outside of all", pidflo.Circle{Center: pos(0, 0), Radius: 100}, nil, 0, false},
		{"a demonstration layer is withheld", pidflo.Circle{Center: pos(30.5, -71.5), Radius: 100}, nil, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 3 { // the same every time
				got, err := authority().ByShape(c.shape, ecrf.Options{})
				if err != nil {
					t.Fatal(err)
				}
				var ids []e911.PSAPID
				for _, h := range got.Hits {
					ids = append(ids, h.PSAP.ID)
				}
				if d := cmp.Diff(c.want, ids); d != "" || got.Withheld != c.withheld {
					t.Errorf("%s withheld %v", d, got.Withheld)
				}
				if len(got.Hits) > 0 && math.Abs(got.Hits[0].Share-c.share) > 0.01*c.share {
					t.Errorf("share %v, want %v", got.Hits[0].Share, c.share)
				}
			}
		})
	}
	if got, err := authority().ByShape(pidflo.Circle{Center: pos(30.5, -71.5), Radius: 100}, ecrf.Options{DemonstrationAllowed: true}); err != nil || len(got.Hits) != 1 {
		t.Errorf("a demonstration organisation gets %v, %v", got, err)
	}
}

// Proves: W-10, RFC 5222 section 13.1
func TestShapesThatNobodyCanBeIn(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape pidflo.Shape
	}{
		{"none", nil},
		{"swapped latitude and longitude", pidflo.Point{Pos: pos(-171, 42)}},
		{"not a number", pidflo.Point{Pos: pos(math.NaN(), 42)}},
		{"infinite radius", pidflo.Circle{Center: pos(42, -71), Radius: math.Inf(1)}},
		{"a pole", pidflo.Point{Pos: pos(90, 0)}},
		{"a circle around a pole", pidflo.Circle{Center: pos(88.5, 0), Radius: 200_000}},
		{"half a continent", pidflo.Circle{Center: pos(42, -71), Radius: 2_000_000}},
		{"two corners", pidflo.Polygon{Exterior: []pidflo.Pos{pos(42, -71), pos(43, -71)}}},
		{"negative radius", pidflo.Circle{Center: pos(42, -71), Radius: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := authority().ByShape(c.shape, ecrf.Options{}); e911.KindOf(err) != e911.Invalid {
				t.Errorf("ByShape = %v, %v, want Invalid", got, err)
			}
		})
	}
}

// Proves: RFC 5031, RFC 5222 section 13.2
func TestServicesAndTheirParents(t *testing.T) {
	for _, c := range []struct {
		urn, mapped     string
		substituted, ok bool
	}{
		{"urn:service:sos", "urn:service:sos", false, true},
		{"URN:Service:SOS.Police", "urn:service:sos.police", false, true},
		{"urn:service:sos.fire", "urn:service:sos.fire", false, true},
		{"urn:service:sos.marine", "urn:service:sos", true, true},
		{"urn:service:sos.police.municipal", "urn:service:sos.police", true, true},
		{"urn:service:sosx", "", false, false},
		{"urn:service:sos.", "", false, false},
		{"urn:service:test.sos", "", false, false}, // E12: a test never gets a PSAP
		{"urn:service:counseling", "", false, false},
		{"urn:emergency:service:sos", "", false, false},
		{"", "", false, false},
	} {
		mapped, substituted, ok := new(ecrf.Index).Service(c.urn)
		if mapped != c.mapped || substituted != c.substituted || ok != c.ok {
			t.Errorf("Service(%q) = %q, %v, %v", c.urn, mapped, substituted, ok)
		}
	}
}

// Proves: F-23
func TestTheAuthorityAndOurLayerDisagree(t *testing.T) {
	own := &e911.PSAP{ID: "1", Name: "Cambridge  Emergency", Line: "+16175550123"}
	demo := &e911.PSAP{ID: "2", Name: "Middlesex", Boundary: e911.Boundary{USCounty: "25017"}}
	for _, c := range []struct {
		name   string
		answer *ecrf.Answer
		own    *e911.PSAP
		want   bool
	}{
		{"the same name", &ecrf.Answer{Name: "CAMBRIDGE Emergency"}, own, false},
		{"the same line", &ecrf.Answer{Name: "ECC 17", URIs: []string{"sip:x@y", "tel:+16175550123"}}, own, false},
		{"another name", &ecrf.Answer{Name: "Somerville"}, own, true},
		{"a demonstration layer has no opinion", &ecrf.Answer{Name: "Somerville"}, demo, false},
		{"no authority", nil, own, false},
		{"no layer", &ecrf.Answer{Name: "Somerville"}, nil, false},
	} {
		if got := ecrf.Disagree(c.answer, c.own); got != c.want {
			t.Errorf("%s: Disagree = %v", c.name, got)
		}
	}
	x := ecrf.New([]e911.PSAP{{ID: "1", Key: "a", Name: "One", Area: box(1, 1, 1)}, {ID: "2", Key: "b", Name: "Two", Area: box(3, 3, 1)}, {ID: "3", Key: "c", Name: "two", Area: box(5, 5, 1)}}, nil)
	if p, ok := x.Named(&ecrf.Answer{Name: "one"}); !ok || p.ID != "1" {
		t.Errorf("Named(one) = %v, %v", p.ID, ok)
	}
	if p, ok := x.Named(&ecrf.Answer{Name: "Two"}); ok {
		t.Errorf("a name of two PSAPs means %v", p.ID)
	}
}
