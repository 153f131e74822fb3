// Package ecrf answers which PSAP serves a place, from our own layer (design
// 2.3, F-23). It is the last of three sources and the only one so far.
package ecrf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// Index finds the PSAP of a place. Immutable; safe for concurrent use. A nil
// Index knows no PSAP.
type Index struct {
	psaps    []e911.PSAP // with an area, by key
	areas    *geo.Index  // positions are those of psaps
	byCounty map[countyName][]int
}

// countyName is a state's two letters and a county's bare name in lower case.
type countyName struct{ state, county string }

// Options of one question.
type Options struct {
	// DemonstrationAllowed lets a demonstration layer decide: true only for a
	// call of an organisation marked demonstration (F-23).
	DemonstrationAllowed bool
}

// Rules that a Finding of this package names.
const (
	RuleBoundary = "psap_boundary" // the point lies inside
	RuleCounty   = "psap_county"   // the address names its county
)

// New makes an Index over all PSAPs that have a boundary; the relay centre is
// none of them. Where boundaries overlap or touch, the PSAP whose key comes
// first serves the place.
func New(psaps []e911.PSAP) *Index {
	x := &Index{byCounty: map[countyName][]int{}}
	for _, p := range psaps {
		if !p.Relay && len(p.Area) > 0 {
			x.psaps = append(x.psaps, p)
		}
	}
	slices.SortFunc(x.psaps, func(a, b e911.PSAP) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(string(a.ID), string(b.ID)))
	})
	areas := make([]e911.MultiPolygon, len(x.psaps))
	for i, p := range x.psaps {
		areas[i] = p.Area
		if p.Boundary.State != "" && p.Boundary.County != "" {
			n := countyName{p.Boundary.State, bareCounty(p.Boundary.County)}
			x.byCounty[n] = append(x.byCounty[n], i)
		}
	}
	x.areas = geo.NewIndex(areas)
	return x
}

// Find returns the PSAP that serves the place and how that was found. A point
// decides; an address without one is found by state and county where exactly
// one PSAP has that county. Without a PSAP, outside every boundary, ok is false
// and the call is the relay centre's.
func (x *Index) Find(place e911.Place, o Options) (psap e911.PSAP, ok bool, findings []e911.Finding) {
	if x == nil || len(x.psaps) == 0 {
		return psap, false, []e911.Finding{{Rule: RuleBoundary, Why: "no PSAP with a boundary is configured"}}
	}
	if place.Area != nil {
		return x.byPoint(place, o)
	}
	return x.byName(place, o)
}

func (x *Index) byPoint(place e911.Place, o Options) (e911.PSAP, bool, []e911.Finding) {
	var chosen *e911.PSAP
	var findings []e911.Finding
	for _, i := range x.areas.All(nil, place.Area.Point) {
		p := &x.psaps[i]
		f := finding(RuleBoundary, p, place)
		switch {
		case !allowed(p, o):
			f.Why = demonstrationOnly
		case chosen != nil:
			f.Why = "the point lies in this boundary too; " + chosen.Name + " comes first in the order of keys"
		default:
			chosen = p
			f.Chosen, f.Why = true, "the point lies inside the boundary"
		}
		findings = append(findings, f)
	}
	if chosen == nil {
		if len(findings) == 0 {
			findings = []e911.Finding{{Rule: RuleBoundary, Place: place.Display, Why: "the point lies outside every boundary"}}
		}
		return e911.PSAP{}, false, findings
	}
	if other := x.near(place.Area, chosen, o); other != nil {
		f := finding(RuleBoundary, other, place)
		f.Why = fmt.Sprintf("the uncertainty of %.0f m reaches into this boundary; the middle lies in %s", place.Area.RadiusM, chosen.Name)
		findings = append(findings, f)
	}
	return *chosen, true, findings
}

// near looks at eight points on the circle of uncertainty for another PSAP.
func (x *Index) near(a *e911.Area, chosen *e911.PSAP, o Options) *e911.PSAP {
	if a.RadiusM <= 0 {
		return nil
	}
	for i := range 8 {
		if p := x.At(geo.Offset(a.Point, a.RadiusM, float64(i)*45)); p != nil && p.ID != chosen.ID && allowed(p, o) {
			return p
		}
	}
	return nil
}

func (x *Index) byName(place e911.Place, o Options) (e911.PSAP, bool, []e911.Finding) {
	c := place.Civic
	state, known := civic.StateOf(c.A1)
	if !known || strings.TrimSpace(c.A2) == "" || (c.Country != "" && !strings.EqualFold(c.Country, "US")) {
		return e911.PSAP{}, false, []e911.Finding{{Rule: RuleCounty, Place: place.Display, Why: "the place has no point, and its address names no county of the United States"}}
	}
	hits := x.byCounty[countyName{state.Code, bareCounty(c.A2)}]
	var findings []e911.Finding
	var chosen *e911.PSAP
	for _, i := range hits {
		p := &x.psaps[i]
		f := finding(RuleCounty, p, place)
		switch {
		case !allowed(p, o):
			f.Why = demonstrationOnly
		case len(hits) > 1:
			f.Why = "several PSAPs have this county; without a point none can be chosen"
		default:
			chosen = p
			f.Chosen, f.Why = true, "the place has no point; its address names this PSAP's county"
		}
		findings = append(findings, f)
	}
	if chosen == nil {
		if len(findings) == 0 {
			findings = []e911.Finding{{Rule: RuleCounty, Place: place.Display, Said: c.A2 + ", " + state.Code, Why: "no PSAP has this county"}}
		}
		return e911.PSAP{}, false, findings
	}
	return *chosen, true, findings
}

const demonstrationOnly = "its boundary is a demonstration layer, which decides only for organisations marked demonstration (F-23)"

func allowed(p *e911.PSAP, o Options) bool {
	return o.DemonstrationAllowed || !p.Boundary.Demonstration()
}

func finding(rule string, p *e911.PSAP, place e911.Place) e911.Finding {
	return e911.Finding{Rule: rule, Said: p.Name, Place: place.Display}
}

// At returns the PSAP whose boundary holds p, edges included, without telling
// why: the bare question of the benchmark. It does not allocate. The PSAP must
// not be changed.
func (x *Index) At(p e911.Point) *e911.PSAP {
	if x == nil || x.areas == nil {
		return nil
	}
	i := x.areas.First(p)
	if i < 0 {
		return nil
	}
	return &x.psaps[i]
}

// bareCounty makes "Middlesex County" and "middlesex" the same.
func bareCounty(name string) string {
	name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	for _, suffix := range []string{" county", " parish", " city and borough", " borough", " census area", " municipality", " municipio", " municipio."} {
		if bare, ok := strings.CutSuffix(name, suffix); ok && bare != "" {
			return bare
		}
	}
	return name
}
