package geo_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

func pt(lat, lon float64) e911.Point { return e911.Point{Lat: lat, Lon: lon} }

// square is a ring with its south-western corner at lat, lon.
func square(lat, lon, side float64) []e911.Point {
	return []e911.Point{pt(lat, lon), pt(lat, lon+side), pt(lat+side, lon+side), pt(lat+side, lon)}
}

func reversed(ring []e911.Point) []e911.Point {
	ring = slices.Clone(ring)
	slices.Reverse(ring)
	return ring
}

// Proves: D-07, E11
func TestEdgesAreInsideAndHolesAreNot(t *testing.T) {
	ring := e911.MultiPolygon{
		{square(40, -75, 4), square(41, -74, 1)}, // with a hole
		{square(50, -75, 1)},
	}
	clockwise := e911.MultiPolygon{{reversed(ring[0][0]), reversed(ring[0][1])}, {reversed(ring[1][0])}}
	for _, c := range []struct {
		name string
		p    e911.Point
		want bool
	}{
		{"well inside", pt(40.5, -74.5), true},
		{"in the hole", pt(41.5, -73.5), false},
		{"on the edge of the hole", pt(41, -73.5), true},
		{"on a corner of the hole", pt(41, -74), true},
		{"on the southern edge", pt(40, -73), true},
		{"on the northern edge", pt(44, -73), true},
		{"on the western edge", pt(42, -75), true},
		{"on the eastern edge", pt(42, -71), true},
		{"on a corner", pt(44, -71), true},
		{"level with a corner of the hole, inside", pt(41, -74.5), true},
		{"level with a corner, outside", pt(44, -76), false},
		{"level with a side, outside", pt(40, -75.0001), false},
		{"in the other polygon", pt(50.5, -74.5), true},
		{"between the two", pt(47, -74.5), false},
		{"nowhere", pt(math.NaN(), math.NaN()), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for way, m := range map[string]e911.MultiPolygon{"counter-clockwise": ring, "clockwise": clockwise} {
				if got := geo.Contains(m, c.p); got != c.want {
					t.Errorf("%s: Contains = %v, want %v", way, got, c.want)
				}
				if got := geo.NewIndex([]e911.MultiPolygon{m}).First(c.p) == 0; got != c.want {
					t.Errorf("%s: Index.First finds it: %v, want %v", way, got, c.want)
				}
			}
		})
	}
	var none geo.Index
	if got := none.First(pt(1, 1)); got != -1 {
		t.Errorf("an empty index answers %d", got)
	}
}

// A point on the side that two areas share is in both, and the first of them
// answers; a point near it is never in neither.
//
// Proves: E11, F-23
func TestNoPointFallsBetweenNeighbours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(-1, 1)
		a, b := pt(40+f.Draw(t, "a lat"), -75+f.Draw(t, "a lon")), pt(44+f.Draw(t, "b lat"), -75+f.Draw(t, "b lon"))
		west := e911.MultiPolygon{{{pt(30, -90), a, b, pt(60, -90)}}}
		east := e911.MultiPolygon{{{pt(30, -60), pt(60, -60), b, a}}}
		areas := []e911.MultiPolygon{west, east}
		x := geo.NewIndex(areas)
		for range 50 {
			s := rapid.Float64Range(0, 1).Draw(t, "along")
			p := pt(a.Lat+s*(b.Lat-a.Lat), a.Lon+s*(b.Lon-a.Lon))
			in := []bool{geo.Contains(west, p), geo.Contains(east, p)}
			if !in[0] && !in[1] {
				t.Fatalf("%v on the side %v %v is in neither", p, a, b)
			}
			want := slices.Index(in, true)
			if got := x.First(p); got != want {
				t.Fatalf("First(%v) = %d, want %d", p, got, want)
			}
		}
		if got := x.First(a); got != 0 {
			t.Fatalf("First of a shared corner = %d, want 0", got)
		}
	})
}

// Proves: F-23, E11
func TestIndexAgreesWithLookingAtEveryArea(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Float64Range(-85, 80), rapid.Float64Range(-179, 170)
		areas := make([]e911.MultiPolygon, rapid.IntRange(1, 12).Draw(t, "areas"))
		for i := range areas {
			for range rapid.IntRange(1, 3).Draw(t, "polygons") {
				a, o := lat.Draw(t, "lat"), lon.Draw(t, "lon")
				n := rapid.IntRange(3, 9).Draw(t, "corners")
				ring := make([]e911.Point, n)
				for k := range ring {
					r := rapid.Float64Range(0.01, 4.9).Draw(t, "radius")
					turn := 2 * math.Pi * float64(k) / float64(n)
					ring[k] = pt(a+r*math.Sin(turn), o+r*math.Cos(turn))
				}
				areas[i] = append(areas[i], [][]e911.Point{ring})
			}
		}
		x := geo.NewIndex(areas)
		check := func(p e911.Point) {
			var want []int
			for i, m := range areas {
				if geo.Contains(m, p) {
					want = append(want, i)
				}
			}
			if got := x.All(nil, p); !slices.Equal(got, want) {
				t.Fatalf("All(%v) = %v, want %v", p, got, want)
			}
			first := -1
			if len(want) > 0 {
				first = want[0]
			}
			if got := x.First(p); got != first {
				t.Fatalf("First(%v) = %d, want %d", p, got, first)
			}
		}
		for _, m := range areas {
			for _, poly := range m {
				for i, p := range poly[0] {
					q := poly[0][(i+1)%len(poly[0])]
					check(p)
					check(pt((p.Lat+q.Lat)/2, (p.Lon+q.Lon)/2))
				}
			}
		}
		for range 20 {
			check(pt(rapid.Float64Range(-90, 90).Draw(t, "p lat"), rapid.Float64Range(-180, 180).Draw(t, "p lon")))
		}
	})
}

// Proves: F-23, F-31
func TestImplausibleAreasAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		m    e911.MultiPolygon
		code string // "" when it is fine
		path string
	}{
		{"a county", e911.MultiPolygon{{square(42, -71, 0.5)}}, "", ""},
		{"a county with a lake", e911.MultiPolygon{{square(42, -71, 0.5), square(42.1, -70.9, 0.1)}}, "", ""},
		{"no polygon", nil, "empty", ""},
		{"no ring", e911.MultiPolygon{{}}, "empty", "[0]"},
		{"two points", e911.MultiPolygon{{{pt(42, -71), pt(43, -71), pt(42, -71)}}}, "too_few_points", "[0][0]"},
		{"a line", e911.MultiPolygon{{{pt(42, -71), pt(42, -70), pt(42, -69)}}}, "no_surface", "[0][0]"},
		{"longitude first", e911.MultiPolygon{{{pt(-100, 42), pt(-101, 42), pt(-100, 43)}}}, "off_the_globe", "[0][0]"},
		{"not a number", e911.MultiPolygon{{{pt(math.NaN(), 42), pt(1, 42), pt(2, 43)}}}, "off_the_globe", "[0][0]"},
		{"across the antimeridian", e911.MultiPolygon{{{pt(51, 179), pt(51, -179), pt(52, -179), pt(52, 179)}}}, "antimeridian", "[0][0]"},
		{"half a continent", e911.MultiPolygon{{square(20, -130, 50)}}, "implausible", ""},
		{"a doormat", e911.MultiPolygon{{square(42, -71, 1e-5)}}, "implausible", ""},
		{"a hole that leaves nothing", e911.MultiPolygon{{square(42, -71, 0.5), square(42, -71, 0.5)}}, "implausible", "[0]"},
		{"the fault names the ring", e911.MultiPolygon{{square(42, -71, 1)}, {square(44, -71, 1), {pt(1, 1)}}}, "too_few_points", "[1][1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := geo.Check(c.m)
			if c.code == "" {
				if len(faults) != 0 {
					t.Errorf("faults %v, want none", faults)
				}
				return
			}
			if len(faults) != 1 || faults[0].Code != c.code || faults[0].Path != c.path {
				t.Errorf("faults %v, want one %s at %q", faults, c.code, c.path)
			}
		})
	}
}

// Proves: F-23
func TestDistancesAndAreas(t *testing.T) {
	// One degree of latitude is 60 nautical miles of about 1853 m.
	if got := geo.Metres(pt(42, -71), pt(43, -71)); math.Abs(got-111_195) > 5 {
		t.Errorf("one degree of latitude = %.0f m", got)
	}
	if got := geo.Metres(pt(0, 0), pt(0, 180)); math.Abs(got-math.Pi*6371008.8) > 1 {
		t.Errorf("half around = %.0f m", got)
	}
	// A square degree at the equator.
	if got := geo.SquareKM(e911.MultiPolygon{{square(0, 0, 1)}}); math.Abs(got-12364) > 5 {
		t.Errorf("a square degree = %.0f km²", got)
	}
}

// Two counties share arc 0; one is cut out of arcs taken backwards, one has a
// hole, one is empty.
//
// Proves: F-23, F-31
func TestTopoJSONIsStitchedUnquantisedAndTurned(t *testing.T) {
	// Quantised: one unit is half a degree, the origin at lon -70, lat 40.
	// Rings run clockwise, as those of us-atlas do.
	const doc = `{"type":"Topology","transform":{"scale":[0.5,0.5],"translate":[-70,40]},
	 "objects":{"counties":{"type":"GeometryCollection","geometries":[
	  {"type":"Polygon","id":"00001","properties":{"name":"West"},"arcs":[[1,0]]},
	  {"type":"MultiPolygon","id":"00002","properties":{"name":"East"},"arcs":[[[-1,2],[3]],[[4]]]},
	  {"type":"Polygon","id":"00003","properties":{"name":"Collapsed"},"arcs":[[5,-6]]},
	  {"type":null,"id":"00004","properties":{"name":"None"}}]}},
	 "arcs":[[[4,4],[0,-4]],[[4,0],[-4,0],[0,4],[4,0]],[[4,4],[4,0],[0,-4],[-4,0]],[[5,1],[0,1],[1,0],[0,-1],[-1,0]],[[10,0],[0,1],[1,0],[-1,-1]],[[0,0],[1,1]]]}`
	counties, err := geo.DecodeCounties([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if len(counties) != 4 {
		t.Fatalf("%d counties, want 4", len(counties))
	}
	for i, want := range []struct {
		fips, name string
		in, out    []e911.Point
	}{
		{"00001", "West", []e911.Point{pt(41, -69), pt(40, -70), pt(41, -68)}, []e911.Point{pt(41, -67)}},
		{"00002", "East", []e911.Point{pt(41, -68), pt(41.9, -66.1), pt(40.4, -65.0+0.01), pt(40.5, -67.5)}, []e911.Point{pt(40.75, -67.25), pt(41, -69)}},
		{"00003", "Collapsed", nil, []e911.Point{pt(40.25, -69.75)}},
		{"00004", "None", nil, nil},
	} {
		c := counties[i]
		if c.FIPS != want.fips || c.Name != want.name {
			t.Errorf("county %d is %s %s", i, c.FIPS, c.Name)
		}
		for _, p := range want.in {
			if !geo.Contains(c.Area, p) {
				t.Errorf("%s does not hold %v", c.Name, p)
			}
		}
		for _, p := range want.out {
			if geo.Contains(c.Area, p) {
				t.Errorf("%s holds %v", c.Name, p)
			}
		}
		for _, poly := range c.Area {
			for k, ring := range poly {
				if ccw := turn(ring) > 0; ccw != (k == 0) {
					t.Errorf("%s: ring %d counter-clockwise: %v", c.Name, k, ccw)
				}
				if ring[0] == ring[len(ring)-1] {
					t.Errorf("%s: ring %d repeats its first point", c.Name, k)
				}
			}
		}
	}
	for name, bad := range map[string]string{
		"no JSON":           `{`,
		"another document":  `{"type":"FeatureCollection"}`,
		"no counties":       `{"type":"Topology","objects":{"states":{}}}`,
		"an arc not there":  `{"type":"Topology","objects":{"counties":{"geometries":[{"type":"Polygon","arcs":[[7]]}]}}}`,
		"a backwards one":   `{"type":"Topology","objects":{"counties":{"geometries":[{"type":"Polygon","arcs":[[-7]]}]}}}`,
		"arcs of no number": `{"type":"Topology","objects":{"counties":{"geometries":[{"type":"Polygon","arcs":["x"]}]}}}`,
	} {
		if _, err := geo.DecodeCounties([]byte(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// turn is positive for a counter-clockwise ring in the plane.
func turn(ring []e911.Point) float64 {
	var sum float64
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += p.Lon*q.Lat - q.Lon*p.Lat
	}
	return sum
}

// Proves: F-23
func TestCountiesOfTheUnitedStates(t *testing.T) {
	counties := atlas(t)
	if len(counties) != 3231 {
		t.Errorf("%d counties, want 3231", len(counties))
	}
	var total float64
	areas := make([]e911.MultiPolygon, len(counties))
	byFIPS := map[string]int{}
	for i, c := range counties {
		byFIPS[c.FIPS], areas[i] = i, c.Area
		faults := geo.Check(c.Area)
		if bad := c.FIPS == "51610"; bad != (len(faults) > 0) {
			t.Errorf("county %s %s: %v", c.FIPS, c.Name, faults) // only Falls Church collapses at this scale
		}
		total += geo.SquareKM(c.Area)
		for _, poly := range c.Area {
			for k, ring := range poly {
				if ccw := turn(ring) > 0; ccw != (k == 0) {
					t.Errorf("county %s: ring %d counter-clockwise: %v", c.FIPS, k, ccw)
				}
			}
		}
	}
	// Land and inland water of states and territories, Census Bureau: 9.38 million.
	if total < 9.2e6 || total > 9.6e6 {
		t.Errorf("all counties together have %.4g km²", total)
	}
	x := geo.NewIndex(areas)
	mill := pt(42.36684, -71.10565)
	if got := x.First(mill); got != byFIPS["25017"] {
		t.Errorf("the demonstration building is in county %d, want Middlesex (25017)", got)
	}
	if got := x.First(pt(42.3601, -71.0589)); got != byFIPS["25025"] {
		t.Errorf("Boston is in county %d, want Suffolk (25025)", got)
	}
	if got := x.First(pt(41, -65)); got != -1 {
		t.Errorf("the Atlantic is in county %d", got)
	}
}

// The same counties as another program (OGR) decoded and repaired them answer
// the same for points away from their edges.
//
// Proves: F-23, F-38
func TestAnotherDecoderSeesTheSameCounties(t *testing.T) {
	counties := atlas(t)
	b, err := os.ReadFile(filepath.Join(sharedDir(t), "data", "boundaries-us", "us_counties_with_psap.geojson"))
	if err != nil {
		t.Skipf("no reference material: %v", err)
	}
	var doc struct {
		Features []struct {
			ID         any            `json:"id"`
			Properties map[string]any `json:"properties"`
			Geometry   struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	other := map[string]e911.MultiPolygon{}
	for _, f := range doc.Features {
		fips, _ := f.Properties["fips"].(string)
		if fips == "" {
			fips, _ = f.ID.(string)
		}
		var polygons [][][][2]float64
		if f.Geometry.Type == "Polygon" {
			polygons = make([][][][2]float64, 1)
			err = json.Unmarshal(f.Geometry.Coordinates, &polygons[0])
		} else {
			err = json.Unmarshal(f.Geometry.Coordinates, &polygons)
		}
		if err != nil || fips == "" {
			t.Fatalf("feature %v: %v", f.Properties, err)
		}
		for _, poly := range polygons {
			var rings [][]e911.Point
			for _, r := range poly {
				ring := make([]e911.Point, len(r)-1)
				for i := range ring {
					ring[i] = pt(r[i][1], r[i][0])
				}
				rings = append(rings, ring)
			}
			other[fips] = append(other[fips], rings)
		}
	}
	differ, asked := 0, 0
	for _, c := range counties {
		for _, poly := range c.Area {
			// Points around the first corners, inside and outside.
			for i := 0; i < len(poly[0]); i += 5 {
				for _, d := range []e911.Point{pt(0.01, 0.01), pt(-0.01, 0.01), pt(0.01, -0.01), pt(-0.01, -0.01)} {
					p := pt(poly[0][i].Lat+d.Lat, poly[0][i].Lon+d.Lon)
					asked++
					if geo.Contains(c.Area, p) != geo.Contains(other[c.FIPS], p) {
						differ++
					}
				}
			}
		}
	}
	// The other file is rounded to five decimals and repaired where rings cross.
	if asked < 10_000 || differ > asked/500 {
		t.Errorf("%d of %d points differ", differ, asked)
	}
	t.Logf("%d of %d points near edges differ", differ, asked)
}

// Proves: F-23
func TestOffsetGoesThatFar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := pt(rapid.Float64Range(-80, 80).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon"))
		metres := rapid.Float64Range(1, 200_000).Draw(t, "metres")
		to := geo.Offset(from, metres, rapid.Float64Range(0, 360).Draw(t, "bearing"))
		if got := geo.Metres(from, to); !geo.Valid(to) || math.Abs(got-metres) > metres/1e6+0.001 {
			t.Fatalf("Offset(%v, %.3f) = %v, %.3f m away", from, metres, to, got)
		}
	})
	if north := geo.Offset(pt(42, -71), 111_195, 0); math.Abs(north.Lat-43) > 1e-3 || math.Abs(north.Lon+71) > 1e-9 {
		t.Errorf("one degree north of 42, -71 is %v", north)
	}
}
