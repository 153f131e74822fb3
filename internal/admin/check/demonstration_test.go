package check_test

import (
	"context"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// stored is a view of a few objects.
type stored struct {
	admin.View // nil: what else is asked is a fault of the test
	list       []any
}

func (s stored) Get(_ context.Context, ref admin.Ref) (admin.Object, error) {
	for _, v := range s.list {
		if admin.RefOf(v) == ref {
			return admin.Object{Ref: ref, Version: 1, Value: v}, nil
		}
	}
	return admin.Object{}, e911.Errorf(e911.NotFound, "there is no %s", ref)
}

func (s stored) List(_ context.Context, q admin.Query) ([]admin.Object, error) {
	var out []admin.Object
	for _, v := range s.list {
		ref := admin.RefOf(v)
		if ref.Kind != q.Kind || q.Org != "" && ref.Org != q.Org {
			continue
		}
		switch o := v.(type) {
		case e911.Building:
			if q.Field == admin.BySite && string(o.Site) != q.Value {
				continue
			}
		case e911.PSAPOverride:
			if q.Field == admin.BySite && string(o.Site) != q.Value || q.Field == admin.ByBuilding && string(o.Building) != q.Value {
				continue
			}
		}
		if q.Field == admin.ByKey && admin.KeyOf(v) != q.Value {
			continue
		}
		out = append(out, admin.Object{Ref: ref, Version: 1, Value: v})
	}
	return out, nil
}

func (s stored) Orgs(context.Context) (list []e911.Org, _ error) {
	for _, v := range s.list {
		if o, ok := v.(e911.Org); ok {
			list = append(list, o)
		}
	}
	return list, nil
}

type shelf []gis.Layer

func (s shelf) Layers(context.Context, admin.View) ([]gis.Layer, error)        { return s, nil }
func (s shelf) Addresses(context.Context, admin.View) (check.Addresses, error) { return nil, nil }

func area(south, west, side float64) e911.MultiPolygon {
	return e911.MultiPolygon{{{
		{Lat: south, Lon: west}, {Lat: south, Lon: west + side}, {Lat: south + side, Lon: west + side}, {Lat: south + side, Lon: west},
	}}}
}

// A server that has a demonstration county beside real maps takes the calls of
// real sites; a site that only the county serves does not go live.
//
// Proves: F-23
func TestADemonstrationLayerIsInTheWayOnlyWhereItWouldDecide(t *testing.T) {
	county := e911.PSAP{ID: "p1", Key: "county", Name: "Middlesex", Boundary: e911.Boundary{USCounty: "25017", State: "MA", County: "Middlesex"}, Area: area(42, -72, 1)}
	real := gis.NewBuilder()
	if err := real.Boundary(gis.Boundary{NGUID: "b", Service: ecrf.ServiceSOS, Name: "Town", Agency: "town.example.gov", Area: area(42, -72, 1)}); err != nil {
		t.Fatal(err)
	}
	town := gis.Layer{Layer: e911.Layer{ID: "l", Key: "town", Grade: e911.GradeAuthoritative}, Content: real.Build()}
	demo := town
	demo.Layer.Grade = e911.GradeDemonstration
	point := func(lat, lon float64) e911.Building {
		return e911.Building{ID: "b1", Org: "o1", Site: "s1", Key: "mill", Name: "Mill", Point: &e911.Point{Lat: lat, Lon: lon}}
	}
	named := e911.Building{ID: "b1", Org: "o1", Site: "s1", Key: "mill", Name: "Mill", Address: e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge"}}
	for _, c := range []struct {
		name    string
		objects []any
		layers  check.Layers
		refused bool
	}{
		{"the county alone holds the building", []any{county, point(42.5, -71.5)}, shelf{}, true},
		{"nothing is known of layers", []any{county, point(42.5, -71.5)}, nil, true},
		{"the county alone names the building's address", []any{county, named}, shelf{}, true},
		{"a demonstration layer holds it, of whatever form", []any{county, point(42.5, -71.5)}, shelf{demo}, true},
		{"the authority's boundary holds it too", []any{county, point(42.5, -71.5)}, shelf{town}, false},
		{"the building lies elsewhere", []any{county, point(45, -109)}, shelf{}, false},
		{"the site has no building", []any{county}, shelf{}, false},
		{"no demonstration layer is here", []any{point(42.5, -71.5)}, shelf{}, false},
		{"another PSAP is agreed for the site", []any{county, point(42.5, -71.5), e911.PSAPOverride{ID: "v", Org: "o1", Key: "v", Site: "s1", PSAP: "p2", Agreement: "Chief Reyes"}}, shelf{}, false},
		{"another PSAP is agreed for the building", []any{county, point(42.5, -71.5), e911.PSAPOverride{ID: "v", Org: "o1", Key: "v", Building: "b1", PSAP: "p2", Agreement: "Chief Reyes"}}, shelf{}, false},
		{"what is agreed is not recorded", []any{county, point(42.5, -71.5), e911.PSAPOverride{ID: "v", Org: "o1", Key: "v", Site: "s1", PSAP: "p2"}}, shelf{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			site := e911.Site{ID: "s1", Org: "o1", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.Stage911}
			org := e911.Org{ID: "o1", Key: "mills", Name: "Mills"}
			for _, on := range []struct {
				what   string
				value  any
				org    e911.Org
				path   string
				refuse bool
			}{
				{"the stage", site, org, "stage", c.refused},
				{"taking the mark away", org, e911.Org{ID: "o1", Key: "mills", Name: "Mills", Demonstration: true}, "demonstration", c.refused},
				{"the stage of a demonstration", site, e911.Org{ID: "o1", Key: "mills", Name: "Mills", Demonstration: true}, "stage", false},
			} {
				faults, err := check.ObjectBy(t.Context(), stored{list: append([]any{on.org, site}, c.objects...)}, c.layers, on.value)
				if err != nil {
					t.Fatal(err)
				}
				got := false
				for _, f := range faults {
					if f.Path == on.path && f.Code == check.Forbidden && strings.Contains(f.Msg, "F-23") && strings.Contains(f.Msg, "mill") && f.Fix != "" {
						got = true
					} else {
						t.Errorf("%s: %+v", on.what, f)
					}
				}
				if got != on.refuse {
					t.Errorf("%s: refused %t, want %t", on.what, got, on.refuse)
				}
			}
		})
	}
}
