package route_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func box(south, west, side float64) e911.MultiPolygon {
	return e911.MultiPolygon{{{
		{Lat: south, Lon: west}, {Lat: south, Lon: west + side}, {Lat: south + side, Lon: west + side}, {Lat: south + side, Lon: west},
	}}}
}

// here is a place that every boundary of these tests holds.
func here() e911.Place {
	return e911.Place{
		Location: "l1", Building: "b1", Site: "s1", Display: "1 Main Street, Cambridge, MA 02139",
		Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", RD: "Main", STS: "Street", HNO: "1"},
		Area:  &e911.Area{Point: e911.Point{Lat: 42.5, Lon: -71.5}},
	}
}

// The PSAPs of these tests: town serves the place by the layer, county by the
// demonstration layer, agreed and closer are chosen by an organisation, named is
// whom the authority means.
func directory() []e911.PSAP {
	return []e911.PSAP{
		{ID: "town", Key: "town", Name: "Town Communications", Agency: "town.example.gov", Routes: []e911.TrunkID{"t-town"}},
		{ID: "county", Key: "county", Name: "Middlesex (demonstration)", Boundary: e911.Boundary{USCounty: "25017"}, Area: box(42, -72, 1), Routes: []e911.TrunkID{"t-county"}},
		{ID: "agreed", Key: "agreed", Name: "Campus Police", Routes: []e911.TrunkID{"t-agreed"}},
		{ID: "closer", Key: "closer", Name: "Lab Security", Routes: []e911.TrunkID{"t-closer"}},
		{ID: "named", Key: "named", Name: "Regional Center", Features: []string{"authority-7"}, Routes: []e911.TrunkID{"t-named"}},
		{ID: "relay", Key: "relay", Name: "Relay Center", Relay: true, Routes: []e911.TrunkID{"t-relay"}},
	}
}

type world struct {
	psaps  []e911.PSAP
	layers []gis.Layer
	to     map[string]string // trunks whose address is another than their own
}

func (w *world) PSAP(id e911.PSAPID) (e911.PSAP, bool) {
	for _, p := range w.psaps {
		if p.ID == id {
			return p, true
		}
	}
	return e911.PSAP{}, false
}

func (w *world) Relays() []e911.PSAP {
	if p, ok := w.PSAP("relay"); ok {
		return []e911.PSAP{p}
	}
	return nil
}

func (w *world) PSAPs() *ecrf.Index { return ecrf.New(w.psaps, w.layers) }

func (w *world) Trunk(id e911.TrunkID) (e911.Trunk, bool) {
	to := "sip:psap@127.0.0.21:5071"
	if id == "t-far" {
		to = "sip:psap@192.0.2.1:5060"
	}
	return e911.Trunk{ID: id, Key: string(id), Side: e911.SideCarrier, Kind: e911.RouteProvider, To: to}, true
}

func (w *world) TrunkTo(host string) (e911.Trunk, bool) {
	if id, ok := w.to[host]; ok {
		return w.Trunk(e911.TrunkID(id))
	}
	return e911.Trunk{}, false
}

type org struct {
	cfg       e911.Org
	overrides []e911.PSAPOverride
}

func (o org) Config() e911.Org                         { return o.cfg }
func (o org) Overrides(e911.Place) []e911.PSAPOverride { return o.overrides }
func override(key string, psap e911.PSAPID) e911.PSAPOverride {
	return e911.PSAPOverride{ID: e911.OverrideID(key), Key: key, PSAP: psap, Agreement: "Chief Reyes, 2026-01-05, file 12"}
}

func boundary(agency, service string, uris ...string) gis.Boundary {
	return gis.Boundary{NGUID: "boundary-1", Service: service, Name: "Town Communications", Agency: agency, URIs: uris, Area: box(42, -72, 1)}
}

func layer(t *testing.T, grade e911.LayerGrade, list ...gis.Boundary) gis.Layer {
	t.Helper()
	b := gis.NewBuilder()
	for _, f := range list {
		if err := b.Boundary(f); err != nil {
			t.Fatal(err)
		}
	}
	return gis.Layer{Layer: e911.Layer{Key: "town-gis", Grade: grade, Version: 3, AsOf: now.AddDate(0, -1, 0)}, Content: b.Build()}
}

func mapping(expires time.Time) *ecrf.Answer {
	return &ecrf.Answer{
		Origin: ecrf.OriginCached, Source: "ecrf.state.example", SourceID: "authority-7", Name: "Regional Center",
		URIs: []string{"sip:911@esinet.example"}, Expires: expires,
	}
}

// Every combination of what may be known about a place: who decides, which rung
// comes first, and that each loser is told with the reason.
//
// Proves: F-23, E11, E1, W-10
func TestWhoDecidesInEveryCombination(t *testing.T) {
	type situation struct {
		override, mapping, layer string
		demo, located            bool
	}
	var all []situation
	for _, o := range []string{"none", "valid", "expired"} {
		for _, m := range []string{"absent", "fresh", "expired", "unknown"} {
			for _, l := range []string{"none", "authoritative", "reference", "demonstration"} {
				for _, demo := range []bool{false, true} {
					for _, located := range []bool{true, false} {
						all = append(all, situation{o, m, l, demo, located})
					}
				}
			}
		}
	}
	for _, c := range all {
		t.Run(fmt.Sprintf("override %s, mapping %s, layer %s, demonstration %t, located %t", c.override, c.mapping, c.layer, c.demo, c.located), func(t *testing.T) {
			w, o := &world{psaps: directory()}, org{cfg: e911.Org{Demonstration: c.demo}}
			if c.layer == "none" || c.layer == "authoritative" || c.layer == "reference" {
				w.psaps = slices.DeleteFunc(w.psaps, func(p e911.PSAP) bool { return p.ID == "county" })
			}
			if c.layer == "authoritative" || c.layer == "reference" {
				w.layers = append(w.layers, layer(t, e911.LayerGrade(c.layer), boundary("town.example.gov", ecrf.ServiceSOS)))
			}
			q := route.Question{Place: here(), Located: c.located, Now: now}
			if !c.located {
				q.Place = e911.Place{}
			}
			if c.override != "none" {
				v := override("campus", "agreed")
				if c.override == "expired" {
					v.Expires = now.Add(-time.Second)
				}
				o.overrides = []e911.PSAPOverride{v}
			}
			switch c.mapping {
			case "fresh":
				q.Mapping = mapping(now.Add(time.Hour))
			case "expired":
				q.Mapping = mapping(now)
			case "unknown":
				q.Mapping = mapping(now.Add(time.Hour))
				q.Mapping.SourceID, q.Mapping.Name = "authority-9", "Somewhere Dispatch"
			}

			want, psap, lost := route.SourceNone, "", map[string]string{} // by rule
			take := func(s route.Source, id string) bool {
				if want == route.SourceNone {
					want, psap = s, id
					return true
				}
				return false
			}
			if c.located {
				switch c.override {
				case "valid":
					take(route.SourceOverride, "agreed")
				case "expired":
					lost[route.RuleOverride] = "ended on 2026-11-22"
				}
				switch c.mapping {
				case "fresh":
					if !take(route.SourceAuthority, "named") {
						lost[route.RuleAuthority] = "own choice comes before"
					}
				case "unknown":
					if !take(route.SourceAuthority, "") {
						lost[route.RuleAuthority] = "own choice comes before"
					}
				case "expired":
					lost[route.RuleAuthority] = "expired at 2026-11-22T03:00:00Z"
				}
				first := "comes first"
				switch c.layer {
				case "authoritative", "reference":
					if !take(route.SourceLayer, "town") {
						lost[ecrf.RuleBoundary] = first
					}
				case "demonstration":
					if !c.demo {
						lost[ecrf.RuleBoundary] = "demonstration layer, which decides only for organisations marked demonstration"
					} else if !take(route.SourceDemonstration, "county") {
						lost[ecrf.RuleBoundary] = first
					}
				}
			}

			d := route.Decide(w, o, q)
			if d.Basis.Source != want {
				t.Fatalf("by %s, want %s: %+v", d.Basis.Source, want, d.Findings)
			}
			if got := d.PSAP != nil; got != (want != route.SourceNone) || got && string(d.PSAP.ID) != psap {
				t.Errorf("PSAP %+v, want %q", d.PSAP, psap)
			}
			chosen := 0
			for _, f := range d.Findings {
				if f.Rule == "" || f.Why == "" {
					t.Errorf("%+v does not say why", f)
				}
				if f.Chosen {
					chosen++
					continue
				}
				if say, ok := lost[f.Rule]; ok && strings.Contains(f.Why, say) {
					delete(lost, f.Rule)
				}
			}
			if len(lost) > 0 {
				t.Errorf("nobody says that %v; findings %+v", lost, d.Findings)
			}
			if wantChosen := want != route.SourceNone; (chosen == 1) != wantChosen || chosen > 1 {
				t.Errorf("%d findings were chosen: %+v", chosen, d.Findings)
			}
			// Somebody answers whatever is known (E1), the relay centre at the last.
			kind, last := ladder.KindPSAP, ladder.KindRelay
			if d.PSAP == nil || len(d.PSAP.Routes) == 0 {
				kind = ladder.KindRelay
				if d.Disagree != "" {
					last = ladder.KindOther // better than nobody
				}
			}
			if n := len(d.Rungs); n == 0 || d.Rungs[0].Kind != kind || d.Rungs[n-1].Kind != last {
				t.Errorf("rungs %+v, want %s first and %s last", d.Rungs, kind, last)
			}
			differ := c.located && (c.mapping == "fresh" || c.mapping == "unknown") && (c.layer == "authoritative" || c.layer == "reference")
			if (d.Disagree != "") != differ {
				t.Errorf("disagree %q, want some: %t", d.Disagree, differ)
			}
		})
	}
}

// Proves: F-23, E11, W-10
func TestWhatDecidesInDetail(t *testing.T) {
	bare := func(list []e911.PSAP) []e911.PSAP { // without routes
		for i := range list {
			if list[i].ID == "town" {
				list[i].Routes = nil
			}
		}
		return list
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, w *world, o *org, q *route.Question)
		want   string // source, PSAP and rungs
		why    string // in some finding
	}{
		{"the closest of two choices", func(_ *testing.T, _ *world, o *org, _ *route.Question) {
			o.overrides = []e911.PSAPOverride{override("lab", "closer"), override("campus", "agreed")}
		}, "override closer: psap t-closer, alternate t-agreed, alternate t-town, relay t-relay", "a choice that is closer to the caller comes first"},
		{"the closest one has ended: the next", func(_ *testing.T, _ *world, o *org, _ *route.Question) {
			o.overrides = []e911.PSAPOverride{override("lab", "closer"), override("campus", "agreed")}
			o.overrides[0].Expires = now
		}, "override agreed: psap t-agreed, alternate t-town, relay t-relay", "the agreement of lab ended"},
		{"a choice without an agreement is none", func(_ *testing.T, _ *world, o *org, _ *route.Question) {
			o.overrides = []e911.PSAPOverride{override("campus", "agreed")}
			o.overrides[0].Agreement = ""
		}, "own_layer town: psap t-town, relay t-relay", "no agreement with that PSAP is recorded"},
		{"a choice of a PSAP that is gone is none", func(_ *testing.T, _ *world, o *org, _ *route.Question) {
			o.overrides = []e911.PSAPOverride{override("campus", "nobody")}
		}, "own_layer town: psap t-town, relay t-relay", "names a PSAP that does not exist"},
		{"a choice is for 911, not for the fire service", func(t *testing.T, w *world, o *org, q *route.Question) {
			o.overrides = []e911.PSAPOverride{override("campus", "agreed")}
			w.layers = []gis.Layer{layer(t, e911.GradeAuthoritative, boundary("fire.example.gov", ecrf.ServiceFire))}
			q.Service = ecrf.ServiceFire
		}, "own_layer : relay t-relay", "the place lies inside the boundary"},
		{"carriers of the organisation after the PSAP's own routes", func(_ *testing.T, _ *world, o *org, _ *route.Question) {
			o.cfg.Carriers = []e911.TrunkID{"t-any", "t-town"}
		}, "own_layer town: psap t-town, carrier t-any, relay t-relay", "stands higher in the ladder already"},
		{"nobody knows where: the relay centre before the carriers", func(_ *testing.T, _ *world, o *org, q *route.Question) {
			o.cfg.Carriers = []e911.TrunkID{"t-any"}
			q.Located, q.Place = false, e911.Place{}
		}, "none : relay t-relay, carrier t-any", ""},
		{"a boundary that is nobody's of ours goes to the trunk that its address names", func(t *testing.T, w *world, _ *org, _ *route.Question) {
			w.layers = []gis.Layer{layer(t, e911.GradeAuthoritative, boundary("other.example.gov", ecrf.ServiceSOS, "sip:911@ESInet.example"))}
			w.to = map[string]string{"esinet.example:5060": "t-esinet"}
		}, "own_layer : psap t-esinet, relay t-relay", ""},
		{"a boundary that is nobody's and leads nowhere: the carriers", func(t *testing.T, w *world, o *org, _ *route.Question) {
			w.layers = []gis.Layer{layer(t, e911.GradeAuthoritative, boundary("other.example.gov", ecrf.ServiceSOS, "sip:911@esinet.example"))}
			o.cfg.Carriers = []e911.TrunkID{"t-any"}
		}, "own_layer : carrier t-any, relay t-relay", ""},
		{"the authority names a PSAP that we cannot reach: ours is the last rung", func(_ *testing.T, _ *world, _ *org, q *route.Question) {
			q.Mapping = mapping(now.Add(time.Hour))
			q.Mapping.SourceID, q.Mapping.Name = "", "Somewhere Dispatch"
		}, "authority : relay t-relay, other t-town", "no PSAP of the directory is meant by it"},
		{"the authority and our layer mean the same", func(_ *testing.T, _ *world, _ *org, q *route.Question) {
			q.Mapping = mapping(now.Add(time.Hour))
			q.Mapping.SourceID, q.Mapping.Name = "", "town  communications"
		}, "authority town: psap t-town, relay t-relay", "the authority's mapping comes first"},
		{"the same address is the same PSAP, whatever it is called", func(t *testing.T, w *world, _ *org, q *route.Question) {
			w.psaps = bare(w.psaps)
			w.layers = []gis.Layer{layer(t, e911.GradeAuthoritative, boundary("town.example.gov", ecrf.ServiceSOS, "sip:911@esinet.example"))}
			q.Mapping = mapping(now.Add(time.Hour))
			q.Mapping.SourceID, q.Mapping.Name = "", "Town Comm Ctr"
			w.to = map[string]string{"esinet.example:5060": "t-esinet"}
		}, "authority : psap t-esinet, relay t-relay", ""},
		{"a PSAP that is only listed, in another state, is not the one that is meant", func(_ *testing.T, w *world, _ *org, q *route.Question) {
			w.psaps = append(w.psaps, e911.PSAP{ID: "far", Key: "far", Name: "Springfield Police", Listing: e911.PSAPListing{Registry: "1", State: "OR"}})
			q.Mapping = mapping(now.Add(time.Hour))
			q.Mapping.SourceID, q.Mapping.Name = "", "Springfield Police"
		}, "authority : relay t-relay, other t-town", "no PSAP of the directory is meant by it"},
		{"a demonstration does not leave this machine, whoever decides", func(_ *testing.T, w *world, o *org, _ *route.Question) {
			o.cfg.Demonstration = true
			w.psaps[0].Routes = []e911.TrunkID{"t-far", "t-town"}
		}, "own_layer town: psap t-town, relay t-relay", "calls of a demonstration must not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{psaps: directory(), layers: []gis.Layer{layer(t, e911.GradeAuthoritative, boundary("town.example.gov", ecrf.ServiceSOS))}}
			o, q := org{}, route.Question{Place: here(), Located: true, Now: now}
			c.change(t, w, &o, &q)
			d := route.Decide(w, o, q)
			var rungs []string
			for _, r := range d.Rungs {
				rungs = append(rungs, string(r.Kind)+" "+string(r.Trunk.ID))
			}
			id := ""
			if d.PSAP != nil {
				id = string(d.PSAP.ID)
			}
			got := fmt.Sprintf("%s %s: %s", d.Basis.Source, id, strings.Join(rungs, ", "))
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !slices.ContainsFunc(d.Findings, func(f e911.Finding) bool { return strings.Contains(f.Why, c.why) }) && c.why != "" {
				t.Errorf("nobody says %q: %+v", c.why, d.Findings)
			}
		})
	}
}

// What the record keeps of the choice.
//
// Proves: F-23, E11
func TestTheBasisNamesWhatWasGoneBy(t *testing.T) {
	w := &world{psaps: directory(), layers: []gis.Layer{layer(t, e911.GradeReference, boundary("town.example.gov", ecrf.ServiceSOS))}}
	q := route.Question{Place: here(), Located: true, Now: now}
	v := override("campus", "agreed")
	v.Expires = now.Add(time.Hour)
	for _, c := range []struct {
		name string
		o    org
		m    *ecrf.Answer
		want route.Basis
	}{
		{"a layer", org{}, nil, route.Basis{
			Source: route.SourceLayer, Name: "town-gis", Version: 3, Grade: e911.GradeReference, Feature: "boundary-1", AsOf: now.AddDate(0, -1, 0),
		}},
		{"the authority", org{}, mapping(now.Add(time.Hour)), route.Basis{
			Source: route.SourceAuthority, Name: "ecrf.state.example", Feature: "authority-7", Expires: now.Add(time.Hour),
		}},
		{"an own choice", org{overrides: []e911.PSAPOverride{v}}, nil, route.Basis{
			Source: route.SourceOverride, Name: "campus", Expires: now.Add(time.Hour), Agreement: v.Agreement,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q.Mapping = c.m
			if d := cmp.Diff(c.want, route.Decide(w, c.o, q).Basis); d != "" {
				t.Error(d)
			}
		})
	}
}

// A PSAP that is none of ours has the line that the authority tells.
//
// Proves: F-23, F-39
func TestALineOfTheAuthoritysIsTaken(t *testing.T) {
	w := &world{psaps: directory()}
	m := mapping(now.Add(time.Hour))
	m.SourceID, m.Name, m.URIs = "x", "Somewhere Dispatch", []string{"sip:911@esinet.example", "TEL:+16175550100;phone-context=x"}
	d := route.Decide(w, org{}, route.Question{Place: here(), Located: true, Now: now, Mapping: m})
	if d.PSAP == nil || d.PSAP.Line != "+16175550100" || d.PSAP.Key != "x" || d.PSAP.ID != "" {
		t.Errorf("%+v", d.PSAP)
	}
}
