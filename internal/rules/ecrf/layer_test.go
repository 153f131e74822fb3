package ecrf_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/wire/pidflo"
)

// layer is a reference layer with these boundaries.
func layer(t interface{ Fatal(args ...any) }, key string, grade e911.LayerGrade, list ...gis.Boundary) gis.Layer {
	b := gis.NewBuilder()
	for _, f := range list {
		if err := b.Boundary(f); err != nil {
			t.Fatal(f.NGUID, err)
		}
	}
	return gis.Layer{Layer: e911.Layer{Key: key, Grade: grade, Version: 1}, Content: b.Build()}
}

func sos(id string, area e911.MultiPolygon) gis.Boundary {
	return gis.Boundary{NGUID: id, Service: ecrf.ServiceSOS, Name: "Boundary " + id, Area: area}
}

func day(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }

// Proves: W-10, F-23, RFC 5222 section 8.4.1
func TestWhoseABoundaryIsAndWhichDecides(t *testing.T) {
	agency := func(b gis.Boundary, a string) gis.Boundary { b.Agency = a; return b }
	of := func(b gis.Boundary, service string) gis.Boundary { b.Service = service; return b }
	span := func(b gis.Boundary, from, till time.Time) gis.Boundary {
		b.Effective, b.Expire = from, till
		return b
	}
	const auth, ref, demo = e911.GradeAuthoritative, e911.GradeReference, e911.GradeDemonstration
	here := box(42, -72, 1)
	for _, c := range []struct {
		name   string
		psaps  []e911.PSAP
		layers []gis.Layer
		o      ecrf.Options
		want   string // ID or, of nobody's, "key " and NGUID; empty: none
		as     string // service that answered, where it is another than asked
	}{
		{"a PSAP that names the feature", []e911.PSAP{{ID: "1", Key: "a", Features: []string{"f1"}}}, []gis.Layer{layer(t, "l", auth, sos("f1", here))}, ecrf.Options{}, "1", ""},
		{"the feature goes before the agency", []e911.PSAP{{ID: "1", Key: "a", Features: []string{"f1"}}, {ID: "2", Key: "b", Agency: "x.example"}}, []gis.Layer{layer(t, "l", auth, agency(sos("f1", here), "x.example"))}, ecrf.Options{}, "1", ""},
		{"the agency, whatever the case", []e911.PSAP{{ID: "2", Key: "b", Agency: "X.example"}}, []gis.Layer{layer(t, "l", auth, agency(sos("f1", here), "x.EXAMPLE"))}, ecrf.Options{}, "2", ""},
		{"an agency of two is nobody's", []e911.PSAP{{ID: "1", Key: "a", Agency: "x.example"}, {ID: "2", Key: "b", Agency: "x.example"}}, []gis.Layer{layer(t, "l", auth, agency(sos("f1", here), "x.example"))}, ecrf.Options{}, "key f1", ""},
		{"a boundary stands for itself", nil, []gis.Layer{layer(t, "l", auth, sos("f1", here))}, ecrf.Options{}, "key f1", ""},
		{"the relay centre owns none", []e911.PSAP{{ID: "9", Key: "r", Relay: true, Features: []string{"f1"}}}, []gis.Layer{layer(t, "l", auth, sos("f1", here))}, ecrf.Options{}, "key f1", ""},
		{"the authority goes before public data", nil, []gis.Layer{layer(t, "l", ref, sos("a", here)), layer(t, "m", auth, sos("z", here))}, ecrf.Options{}, "key z", ""},
		{"of one grade the first key", nil, []gis.Layer{layer(t, "l", auth, sos("b", here)), layer(t, "m", auth, sos("a", here))}, ecrf.Options{}, "key a", ""},
		{"public data goes before a demonstration", nil, []gis.Layer{layer(t, "l", demo, sos("a", here)), layer(t, "m", ref, sos("z", here))}, ecrf.Options{DemonstrationAllowed: true}, "key z", ""},
		{"a demonstration is withheld", nil, []gis.Layer{layer(t, "l", demo, sos("a", here))}, ecrf.Options{}, "", ""},
		{"a demonstration is allowed", nil, []gis.Layer{layer(t, "l", demo, sos("a", here))}, ecrf.Options{DemonstrationAllowed: true}, "key a", ""},
		{"a layer without a grade is a demonstration", nil, []gis.Layer{layer(t, "l", "", sos("a", here))}, ecrf.Options{}, "", ""},
		{"not in effect yet", nil, []gis.Layer{layer(t, "l", auth, span(sos("a", here), day(20), time.Time{}), sos("b", here))}, ecrf.Options{Now: day(19)}, "key b", ""},
		{"in effect on its first day", nil, []gis.Layer{layer(t, "l", auth, span(sos("a", here), day(20), time.Time{}), sos("b", here))}, ecrf.Options{Now: day(20)}, "key a", ""},
		{"expired to the second", nil, []gis.Layer{layer(t, "l", auth, span(sos("a", here), time.Time{}, day(20)), sos("b", here))}, ecrf.Options{Now: day(20)}, "key b", ""},
		{"without a time all hold", nil, []gis.Layer{layer(t, "l", auth, span(sos("a", here), time.Time{}, day(20)), sos("b", here))}, ecrf.Options{}, "key a", ""},
		{"all expired", nil, []gis.Layer{layer(t, "l", auth, span(sos("a", here), time.Time{}, day(20)))}, ecrf.Options{Now: day(21)}, "", ""},
		{"police has a boundary of its own", nil, []gis.Layer{layer(t, "l", auth, sos("a", here), of(sos("p", here), ecrf.ServicePolice))}, ecrf.Options{Service: ecrf.ServicePolice}, "key p", ""},
		{"sos is not answered by police", nil, []gis.Layer{layer(t, "l", auth, of(sos("p", here), ecrf.ServicePolice))}, ecrf.Options{}, "", ""},
		{"fire falls to sos", nil, []gis.Layer{layer(t, "l", auth, sos("a", here), of(sos("p", here), ecrf.ServicePolice))}, ecrf.Options{Service: ecrf.ServiceFire}, "key a", ecrf.ServiceSOS},
		{"police elsewhere falls to sos here", nil, []gis.Layer{layer(t, "l", auth, sos("a", here), of(sos("p", box(10, 10, 1)), ecrf.ServicePolice))}, ecrf.Options{Service: ecrf.ServicePolice}, "key a", ecrf.ServiceSOS},
		{"expired police falls to sos", nil, []gis.Layer{layer(t, "l", auth, sos("a", here), span(of(sos("p", here), ecrf.ServicePolice), time.Time{}, day(1)))}, ecrf.Options{Service: ecrf.ServicePolice, Now: day(2)}, "key a", ecrf.ServiceSOS},
		{"sos.psap answers sos", nil, []gis.Layer{layer(t, "l", auth, of(sos("a", here), "urn:emergency:service:sos.psap"))}, ecrf.Options{}, "key a", "urn:emergency:service:sos.psap"},
		{"sos.psap by its old name", nil, []gis.Layer{layer(t, "l", auth, of(sos("a", here), "urn:nena:service:sos.psap"))}, ecrf.Options{Service: "urn:emergency:service:sos.psap"}, "key a", ""},
		{"a test is served by nobody", nil, []gis.Layer{layer(t, "l", auth, sos("a", here))}, ecrf.Options{Service: "urn:service:test.sos"}, "", ""},
		{"a hole", nil, []gis.Layer{layer(t, "l", auth, sos("a", e911.MultiPolygon{{box(40, -74, 4)[0][0], box(42.1, -71.9, 0.8)[0][0]}}))}, ecrf.Options{}, "", ""},
		{"an island in the hole", nil, []gis.Layer{layer(t, "l", auth, sos("a", e911.MultiPolygon{{box(40, -74, 4)[0][0], box(42.1, -71.9, 0.8)[0][0]}, box(42.4, -71.6, 0.2)[0]}))}, ecrf.Options{}, "key a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := ecrf.New(c.psaps, c.layers)
			hit, ok, findings := x.Resolve(at(42.5, -71.5), c.o)
			got := ""
			if ok {
				if got = string(hit.PSAP.ID); got == "" {
					got = "key " + hit.PSAP.Key
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q; findings %+v", got, c.want, findings)
			}
			if want := cmpOr(c.as, c.o.Service, ecrf.ServiceSOS); ok && hit.Service != want {
				t.Errorf("%s answered, want %s", hit.Service, want)
			}
			if bare, found := x.At(e911.Point{Lat: 42.5, Lon: -71.5}, c.o); found != ok || ok && bare.Boundary != hit.Boundary {
				t.Errorf("At = %v, %v; Resolve = %v, %v", bare.SourceID(), found, hit.SourceID(), ok)
			}
		})
	}
}

func cmpOr(list ...string) string {
	i := slices.IndexFunc(list, func(s string) bool { return s != "" })
	return list[i]
}

// Proves: W-10, F-23, RFC 5222 section 13.2
func TestAnAddressFindsTheBoundaryThatNamesMostOfIt(t *testing.T) {
	civic := func(id, county, city string) gis.Boundary {
		return gis.Boundary{NGUID: id, Service: ecrf.ServiceSOS, Name: id, Civic: e911.Civic{Country: "US", A1: "MA", A2: county, A3: city}}
	}
	world := layer(t, "l", e911.GradeAuthoritative, civic("state", "", ""), civic("county", "Middlesex County", ""), civic("city", "Middlesex", "Cambridge"),
		civic("twin-1", "Essex", ""), civic("twin-2", "Essex County", ""))
	for _, c := range []struct {
		name  string
		civic e911.Civic
		want  string
	}{
		{"all of it", e911.Civic{Country: "US", A1: "MA", A2: "Middlesex", A3: "Cambridge"}, "city"},
		{"whatever the case, the state by name", e911.Civic{A1: "Massachusetts", A2: "MIDDLESEX county", A3: "cambridge"}, "city"},
		{"another city of the county", e911.Civic{Country: "US", A1: "MA", A2: "Middlesex", A3: "Somerville"}, "county"},
		{"another county", e911.Civic{Country: "US", A1: "MA", A2: "Suffolk", A3: "Boston"}, "state"},
		{"two that are as good choose nobody", e911.Civic{Country: "US", A1: "MA", A2: "Essex", A3: "Salem"}, ""},
		{"another state", e911.Civic{Country: "US", A1: "NH"}, ""},
		{"another country", e911.Civic{Country: "CA", A1: "MA"}, ""},
	} {
		x := ecrf.New(nil, []gis.Layer{world})
		hit, ok, findings := x.Resolve(e911.Place{Civic: c.civic}, ecrf.Options{})
		if ok != (c.want != "") || ok && hit.PSAP.Key != c.want {
			t.Errorf("%s: got %v %v, want %q; %+v", c.name, ok, hit.PSAP, c.want, findings)
		}
	}
	one := []e911.PSAP{{ID: "1", Key: "one", Features: []string{"twin-1", "twin-2"}}}
	if p, ok, _ := ecrf.New(one, []gis.Layer{world}).Find(e911.Place{Civic: e911.Civic{Country: "US", A1: "MA", A2: "Essex"}}, ecrf.Options{}); !ok || p.ID != "1" {
		t.Errorf("two boundaries of one PSAP: %v, %v", p.ID, ok)
	}
}

// The order in which PSAPs, layers and boundaries come means nothing, and the
// bare question has the answer of the full one.
//
// Proves: F-23, E11
func TestTheSamePlaceAlwaysHasTheSameAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grade := rapid.SampledFrom([]e911.LayerGrade{e911.GradeAuthoritative, e911.GradeReference, e911.GradeDemonstration})
		layers := make([]gis.Layer, rapid.IntRange(1, 3).Draw(t, "layers"))
		coord := rapid.IntRange(0, 6)
		n := 0
		for i := range layers {
			var list []gis.Boundary
			for range rapid.IntRange(1, 4).Draw(t, "boundaries") {
				b := sos(string(rune('a'+n)), box(float64(40+coord.Draw(t, "lat")), float64(-80+coord.Draw(t, "lon")), float64(1+coord.Draw(t, "side"))))
				n++
				b.Service = rapid.SampledFrom([]string{ecrf.ServiceSOS, ecrf.ServiceFire, "urn:emergency:service:sos.psap"}).Draw(t, "service")
				if rapid.Bool().Draw(t, "ends") {
					b.Expire = day(20)
				}
				list = append(list, b)
			}
			layers[i] = layer(t, string(rune('A'+i)), grade.Draw(t, "grade"), list...)
		}
		psaps := []e911.PSAP{
			{ID: "1", Key: "k1", Name: "One", Features: []string{"a"}},
			{ID: "2", Key: "k2", Name: "Two", Area: box(41, -79, 3)},
			{ID: "3", Key: "k3", Name: "Three", Boundary: e911.Boundary{USCounty: "25017"}, Area: box(42, -78, 3)},
		}
		x := ecrf.New(psaps, layers)
		psaps2, layers2 := rapid.Permutation(psaps).Draw(t, "psaps"), rapid.Permutation(layers).Draw(t, "order")
		y := x.Replace(psaps2, layers2)
		for range 30 {
			o := ecrf.Options{
				DemonstrationAllowed: rapid.Bool().Draw(t, "allowed"), Service: rapid.SampledFrom([]string{"", ecrf.ServiceFire}).Draw(t, "asked"),
				Now: rapid.SampledFrom([]time.Time{{}, day(19), day(20)}).Draw(t, "now"),
			}
			half := rapid.IntRange(0, 28)
			p := e911.Point{Lat: 39 + float64(half.Draw(t, "lat"))/2, Lon: -81 + float64(half.Draw(t, "lon"))/2}
			place := e911.Place{Area: &e911.Area{Point: p}}
			first, ok, found := x.Resolve(place, o)
			second, ok2, found2 := y.Resolve(place, o)
			if ok != ok2 || ok && first.SourceID() != second.SourceID() {
				t.Fatalf("%v: %v %q, in another order %v %q", p, ok, id(first, ok), ok2, id(second, ok2))
			}
			if d := cmp.Diff(found, found2); d != "" {
				t.Fatalf("%v: other findings in another order: %s", p, d)
			}
			if bare, ok3 := x.At(p, o); ok3 != ok || ok && bare.SourceID() != first.SourceID() {
				t.Fatalf("%v: At says %v %q, Resolve %v %q", p, ok3, id(bare, ok3), ok, id(first, ok))
			}
			shape := pidflo.Circle{Center: pidflo.Pos{Lat: p.Lat, Lon: p.Lon}, Radius: rapid.SampledFrom([]float64{1, 100, 90_000}).Draw(t, "radius")}
			a, err := x.ByShape(shape, o)
			if err != nil {
				t.Fatal(err)
			}
			b, err := y.ByShape(shape, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(ids(a), ids(b)); d != "" || a.Withheld != b.Withheld {
				t.Fatalf("%v: a circle has another answer in another order: %s", p, d)
			}
		}
	})
}

func id(h ecrf.Hit, ok bool) string {
	if !ok {
		return ""
	}
	return h.SourceID()
}

func ids(s ecrf.Served) (list []string) {
	for i := range s.Hits {
		list = append(list, s.Hits[i].SourceID())
	}
	return list
}

// A shape that lies across the antimeridian has its parts on both sides, and 180
// and -180 are one line.
//
// Proves: W-10, F-23
func TestATurnAroundTheGlobeMeansNothing(t *testing.T) {
	x := ecrf.New(nil, []gis.Layer{layer(t, "l", e911.GradeAuthoritative, sos("fiji", append(box(-18, 178, 2), box(-18, -180, 2)...)), sos("east", box(-18, -178, 3)))})
	away := ecrf.New(nil, []gis.Layer{layer(t, "l", e911.GradeAuthoritative, sos("fiji", append(box(-18, -2, 2), box(-18, 0, 2)...)), sos("east", box(-18, 2, 3)))})
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Float64Range(-19, -15).Draw(t, "lat"), rapid.Float64Range(177, 186).Draw(t, "lon")
		size := rapid.Float64Range(0.01, 2).Draw(t, "size")
		ring := func(turn func(float64) float64) pidflo.Shape {
			var p pidflo.Polygon
			for k := range 4 {
				sin, cos := math.Sincos(math.Pi/4 + math.Pi/2*float64(k))
				p.Exterior = append(p.Exterior, pidflo.Pos{Lat: lat + size*sin, Lon: turn(lon + size*cos)})
			}
			return p
		}
		wrap := func(v float64) float64 { return math.Remainder(v, 360) }
		a, err := x.ByShape(ring(wrap), ecrf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		// The antimeridian has two names.
		b, err := x.ByShape(ring(func(v float64) float64 {
			if v = wrap(v); v == -180 {
				return 180
			}
			return v
		}), ecrf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(ids(a), ids(b)); d != "" {
			t.Fatal(d)
		}
		// The same shape and boundaries half around the globe, where nothing wraps.
		far, err := away.ByShape(ring(func(v float64) float64 { return v - 180 }), ecrf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		share := func(s ecrf.Served) map[string]float64 {
			m := map[string]float64{}
			for i := range s.Hits {
				m[s.Hits[i].SourceID()] = s.Hits[i].Share
			}
			return m
		}
		if d := cmp.Diff(share(far), share(a), cmpopts.EquateApprox(0, 1e-5)); d != "" {
			t.Fatal(d)
		}
		east, ok := x.At(e911.Point{Lat: lat, Lon: 180}, ecrf.Options{})
		west, ok2 := x.At(e911.Point{Lat: lat, Lon: -180}, ecrf.Options{})
		if ok != ok2 || ok && east.SourceID() != west.SourceID() {
			t.Fatalf("at 180: %v, at -180: %v", ok, ok2)
		}
	})
}

// A snapshot with another PSAP keeps what is laid out; one with another
// boundary does not.
//
// Proves: W-10
func TestWhatHasNotMovedIsKept(t *testing.T) {
	l := layer(t, "l", e911.GradeAuthoritative, sos("a", box(42, -72, 1)), sos("b", box(42, -71, 1)))
	x := ecrf.New(nil, []gis.Layer{l})
	y := x.Replace([]e911.PSAP{{ID: "1", Key: "k", Features: []string{"a"}}}, []gis.Layer{l})
	if h, ok := y.At(e911.Point{Lat: 42.5, Lon: -71.5}, ecrf.Options{}); !ok || h.PSAP.ID != "1" {
		t.Errorf("the new PSAP is %v, %v", h.PSAP, ok)
	}
	z := y.Replace(nil, []gis.Layer{layer(t, "l", e911.GradeAuthoritative, sos("a", box(42, -75, 1)), sos("b", box(42, -71, 1)))})
	if h, ok := z.At(e911.Point{Lat: 42.5, Lon: -71.5}, ecrf.Options{}); ok {
		t.Errorf("the boundary that moved still answers: %v", h.SourceID())
	}
	if h, ok := z.At(e911.Point{Lat: 42.5, Lon: -74.5}, ecrf.Options{}); !ok || h.PSAP.ID != "" || h.PSAP.Key != "a" {
		t.Errorf("the boundary that moved does not answer: %v", ok)
	}
}
