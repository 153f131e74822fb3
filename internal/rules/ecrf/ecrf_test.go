package ecrf_test

import (
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
)

func box(south, west, side float64) e911.MultiPolygon {
	return e911.MultiPolygon{{{
		{Lat: south, Lon: west},
		{Lat: south, Lon: west + side},
		{Lat: south + side, Lon: west + side},
		{Lat: south + side, Lon: west},
	}}}
}

// world has two counties of a demonstration layer that touch at longitude -71,
// a third that overlaps the second, and a PSAP with an official boundary.
func world() *ecrf.Index {
	return ecrf.New([]e911.PSAP{
		{ID: "4", Key: "relay", Name: "Relay", Relay: true, Area: box(-90, -180, 180)},
		{ID: "3", Key: "c-overlap", Name: "Overlap", Boundary: e911.Boundary{USCounty: "25003"}, Area: box(42.5, -71, 1)},
		{ID: "2", Key: "b-east", Name: "East", Boundary: e911.Boundary{USCounty: "25002", State: "MA", County: "Essex"}, Area: box(42, -71, 1)},
		{ID: "1", Key: "a-west", Name: "West", Boundary: e911.Boundary{USCounty: "25001", State: "MA", County: "Middlesex"}, Area: box(42, -72, 1)},
		{ID: "5", Key: "official", Name: "Official", Area: box(50, -72, 1)},
		{ID: "6", Key: "z-no-area", Name: "No area"},
		{ID: "7", Key: "twin-1", Name: "Twin", Boundary: e911.Boundary{USCounty: "48001", State: "TX", County: "Twin"}, Area: box(30, -100, 1)},
		{ID: "8", Key: "twin-2", Name: "Twin too", Boundary: e911.Boundary{USCounty: "48002", State: "TX", County: "Twin"}, Area: box(32, -100, 1)},
	}, nil)
}

func at(lat, lon float64) e911.Place {
	return e911.Place{Area: &e911.Area{Point: e911.Point{Lat: lat, Lon: lon}}}
}

func address(c e911.Civic) e911.Place { return e911.Place{Civic: c} }

// Proves: W-10, F-23, E11
func TestWhichPSAPServesAPlace(t *testing.T) {
	for _, c := range []struct {
		name  string
		place e911.Place
		demo  bool
		want  e911.PSAPID // "" for the relay centre
		lost  int         // findings that were not chosen
	}{
		{"inside one boundary", at(42.2, -71.5), true, "1", 0},
		{"on the shared edge the first key serves", at(42.2, -71), true, "1", 1},
		{"in an overlap the first key serves", at(42.7, -70.5), true, "2", 1},
		{"outside every boundary", at(10, 10), true, "", 1},
		{"a county does not decide elsewhere", at(42.2, -71.5), false, "", 1},
		{"an official boundary decides everywhere", at(50.5, -71.5), false, "5", 0},
		{"an address with its county", address(e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County"}), true, "1", 0},
		{"state and county in other words", address(e911.Civic{A1: "massachusetts", A2: " ESSEX "}), true, "2", 0},
		{"the county of another state", address(e911.Civic{A1: "NJ", A2: "Middlesex County"}), true, "", 1},
		{"a county does not decide by name elsewhere", address(e911.Civic{A1: "MA", A2: "Middlesex"}), false, "", 1},
		{"a name that two PSAPs have", address(e911.Civic{A1: "TX", A2: "Twin County"}), true, "", 2},
		{"an address without a county", address(e911.Civic{A1: "MA", A3: "Cambridge"}), true, "", 1},
		{"a county of another country", address(e911.Civic{Country: "GB", A1: "MA", A2: "Middlesex"}), true, "", 1},
		{"no place at all", e911.Place{}, true, "", 1},
		{"a point decides over the address", e911.Place{Area: at(42.2, -70.5).Area, Civic: e911.Civic{A1: "MA", A2: "Middlesex"}}, true, "2", 0},
		{"uncertainty across an edge is told", e911.Place{Area: &e911.Area{Point: e911.Point{Lat: 42.2, Lon: -71.001}, RadiusM: 500}}, true, "1", 1},
		{"uncertainty inside one boundary is not", e911.Place{Area: &e911.Area{Point: e911.Point{Lat: 42.2, Lon: -71.5}, RadiusM: 500}}, true, "1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			psap, ok, findings := world().Find(c.place, ecrf.Options{DemonstrationAllowed: c.demo})
			if psap.ID != c.want || ok != (c.want != "") {
				t.Errorf("Find = %q, %v, want %q", psap.ID, ok, c.want)
			}
			chosen, lost := 0, 0
			for _, f := range findings {
				if f.Why == "" || f.Rule == "" {
					t.Errorf("finding %+v does not say why", f)
				}
				if f.Chosen {
					chosen++
				} else {
					lost++
				}
			}
			if lost != c.lost || (chosen == 1) != ok {
				t.Errorf("findings %+v: %d chosen, %d lost, want %d lost", findings, chosen, lost, c.lost)
			}
		})
	}
}

// Proves: F-23
func TestAnIndexWithoutPSAPsSaysSo(t *testing.T) {
	var none *ecrf.Index
	for _, x := range []*ecrf.Index{none, {}, ecrf.New(nil, nil)} {
		if _, ok, findings := x.Find(at(42, -71), ecrf.Options{DemonstrationAllowed: true}); ok || len(findings) != 1 {
			t.Errorf("Find = %v, %v, want no PSAP and one finding", ok, findings)
		}
		if h, ok := x.At(e911.Point{Lat: 42, Lon: -71}, ecrf.Options{}); ok {
			t.Errorf("At = %+v, want none", h)
		}
	}
	if h, ok := world().At(e911.Point{Lat: 42.2, Lon: -71}, ecrf.Options{DemonstrationAllowed: true}); !ok || h.PSAP.ID != "1" {
		t.Errorf("At a shared edge = %+v, want West", h)
	}
}
