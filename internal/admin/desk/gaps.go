package desk

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/snapshot"
)

// GapCode says what is missing.
type GapCode string

// The codes, worst first.
const (
	GapNoPSAP        GapCode = "no_psap"            // the relay centre takes every call from there
	GapDemonstration GapCode = "demonstration_only" // a county chose, and a county is not a PSAP
	GapNoRoute       GapCode = "no_route"           // nothing leads to the PSAP but the relay centre
	GapDisagree      GapCode = "authority_differs"  // the authority names another PSAP than our layer
	GapOverrideOver  GapCode = "override_expired"
	GapOverrideEnds  GapCode = "override_expiring"
	GapBorder        GapCode = "near_a_border" // the uncertainty of the place reaches into another boundary
	GapNoLine        GapCode = "no_line"       // nobody on site can call the PSAP himself
	GapLineUnchecked GapCode = "line_unchecked"
)

// GapCodes lists them in order.
func GapCodes() []GapCode {
	return []GapCode{
		GapNoPSAP, GapDemonstration, GapNoRoute, GapDisagree, GapOverrideOver, GapOverrideEnds, GapBorder, GapNoLine, GapLineUnchecked,
	}
}

const (
	// expiresSoon is how long before its end an override is told of.
	expiresSoon = 30 * 24 * time.Hour
	// leastUncertain is how far a building's point may be off that nobody stated an
	// uncertainty for, metres: half a large building.
	leastUncertain = 50
	maxGaps        = 10_000
)

// Gap is one place that a call would surprise somebody at.
type Gap struct {
	Code GapCode         `json:"code"`
	Org  string          `json:"organisation"` // keys
	Site string          `json:"site,omitempty"`
	Kind e911.ObjectKind `json:"kind"`
	Key  string          `json:"key"`
	PSAP string          `json:"psap,omitempty"`
	Msg  string          `json:"msg"`
	Fix  string          `json:"fix"`
}

// GapReport is what is missing so that every call finds its PSAP.
type GapReport struct {
	At      time.Time       `json:"at"`
	Places  int             `json:"places"` // looked at
	Counts  map[GapCode]int `json:"counts"`
	Gaps    []Gap           `json:"gaps"`
	Omitted int             `json:"omitted,omitempty"`
}

// Gaps looks at every building, and at every site without one. Wall is the
// organisation that is looked at; none: all of them.
func (c Config) Gaps(wall e911.OrgID) GapReport {
	g := &gaps{Config: c, r: GapReport{At: c.Now.UTC(), Counts: map[GapCode]int{}, Gaps: []Gap{}}}
	for o := range c.World.Orgs() {
		if wall == "" || o.ID() == wall {
			g.organisation(o)
		}
	}
	order := GapCodes()
	slices.SortStableFunc(g.r.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Code), slices.Index(order, b.Code)), cmp.Compare(a.Org, b.Org), cmp.Compare(a.Key, b.Key))
	})
	return g.r
}

type gaps struct {
	Config
	r GapReport

	org  *snapshot.Org
	site string
}

func (g *gaps) add(x Gap) {
	x.Org, x.Site = g.org.Config().Key, g.site
	if g.r.Counts[x.Code]++; len(g.r.Gaps) >= maxGaps {
		g.r.Omitted++
		return
	}
	g.r.Gaps = append(g.r.Gaps, x)
}

func (g *gaps) organisation(o *snapshot.Org) {
	g.org = o
	for s := range o.Sites() {
		g.site = s.Key
		places := o.BuildingPlaces(s.ID)
		for _, p := range places {
			b, _ := o.Building(p.Building)
			g.place(p, b)
		}
		if len(places) == 0 {
			g.r.Places++
			g.add(Gap{Code: GapNoPSAP, Kind: e911.KindSite, Key: s.Key, Msg: "the site has no building: nobody there can be found", Fix: "give it a building with an address and a point"})
		}
	}
	g.site = ""
	for v := range o.AllOverrides() {
		g.override(v)
	}
}

func (g *gaps) override(v e911.PSAPOverride) {
	p, _ := g.World.PSAP(v.PSAP)
	x := Gap{Kind: e911.KindOverride, Key: v.Key, PSAP: p.Key, Fix: "agree with " + p.Name + " anew, or take the override out"}
	switch left := v.Expires.Sub(g.Now); {
	case v.Expires.IsZero() || left > expiresSoon:
		return
	case left <= 0:
		x.Code, x.Msg = GapOverrideOver, "the agreement ended on "+v.Expires.UTC().Format(time.DateOnly)+": calls go to the serving PSAP"
	default:
		x.Code, x.Msg = GapOverrideEnds, fmt.Sprintf("the agreement ends on %s, in %d days", v.Expires.UTC().Format(time.DateOnly), int(left.Hours()/24))
	}
	g.add(x)
}

func (g *gaps) place(p e911.Place, b e911.Building) {
	g.r.Places++
	q := route.Question{Place: p, Located: true, Now: g.Now}
	if g.Authority != nil {
		if m, ok := g.Authority.Mapping(p, g.Now); ok {
			q.Mapping = &m
		}
	}
	d := route.Decide(g.World, g.org, q)
	gap := func(code GapCode, msg, fix string) {
		x := Gap{Code: code, Kind: e911.KindBuilding, Key: b.Key, Msg: msg, Fix: fix}
		if d.PSAP != nil {
			x.PSAP = d.PSAP.Key
		}
		g.add(x)
	}
	if d.PSAP == nil {
		why := "no boundary holds it"
		if len(d.Findings) > 0 {
			why = d.Findings[0].Why
		}
		gap(GapNoPSAP, "no PSAP follows from the place: "+why, "import the authority's PSAP boundaries (callbox import layer), or give the building a point")
		return
	}
	if d.Basis.Source == route.SourceDemonstration {
		gap(GapDemonstration, d.PSAP.Name+" is a county of the demonstration layer, and a county is not a PSAP", "import the authority's PSAP boundaries")
	}
	if !slices.ContainsFunc(d.Rungs, func(r ladder.Rung) bool { return r.Kind == ladder.KindPSAP || r.Kind == ladder.KindCarrier }) {
		gap(GapNoRoute, "nothing leads to "+d.PSAP.Name+" but the relay centre", "give the PSAP routes, or the organisation carriers")
	}
	if d.Disagree != "" {
		gap(GapDisagree, d.Disagree+"; the authority is followed", "ask the authority; then correct the layer, or name the boundary among the features of one PSAP")
	}
	g.line(d.PSAP, gap)
	g.border(p, b, gap)
}

// line looks at the number that people call when the call does not connect.
func (g *gaps) line(p *e911.PSAP, gap func(code GapCode, msg, fix string)) {
	const fix = "callbox import psaps FILE.csv, with the columns key,line,line_checked"
	switch at := p.Listing.LineChecked; {
	case p.Line == "":
		gap(GapNoLine, "no 24x7 line of "+p.Name+" is known: when a call does not connect, people on site can only dial 911 again", fix)
	case at.IsZero():
		gap(GapLineUnchecked, "nobody has checked the line of "+p.Name, "call it once, and tell the day: "+fix)
	case g.Now.Sub(at) > LineGood:
		gap(GapLineUnchecked, fmt.Sprintf("the line of %s was last checked on %s", p.Name, at.Format(time.DateOnly)), "call it once, and tell the day: "+fix)
	}
}

// border looks how near another boundary is.
func (g *gaps) border(p e911.Place, b e911.Building, gap func(code GapCode, msg, fix string)) {
	if p.Area == nil {
		return
	}
	area := *p.Area
	if v := b.Validation.Point; v != nil {
		area.RadiusM = max(area.RadiusM, v.RadiusM)
	}
	if area.RadiusM == 0 {
		area.RadiusM = leastUncertain
	}
	p.Area = &area
	hit, ok, findings := g.World.PSAPs().Resolve(p, ecrf.Options{DemonstrationAllowed: g.org.Config().Demonstration, Now: g.Now})
	if !ok || hit.Share >= 1 {
		return
	}
	other := "no boundary at all"
	for _, f := range findings {
		if !f.Chosen {
			other = f.Said
			break
		}
	}
	gap(GapBorder, fmt.Sprintf("within %.0f m of the place the boundary of %s ends; beyond it is %s", area.RadiusM, hit.Name(), other),
		"check the building's point, and ask the PSAP whose the address is")
}
