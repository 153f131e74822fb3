package layer

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// Effect is what a change of layers does to one building, and with it to all
// locations in it. Fields that stay are the same twice.
type Effect struct {
	Org       string `json:"org"` // keys of the customer's
	Building  string `json:"building"`
	Locations int    `json:"locations"`

	VerdictBefore e911.Verdict `json:"verdict_before,omitempty"`
	Verdict       e911.Verdict `json:"verdict"`
	Why           string       `json:"why,omitempty"` // of an address that becomes invalid
	MovedM        float64      `json:"moved_m,omitempty"`
	PointLost     bool         `json:"point_lost,omitempty"`
	PSAPBefore    string       `json:"psap_before,omitempty"` // key, or NGUID of a boundary; empty: the relay centre
	PSAP          string       `json:"psap,omitempty"`
	// Relay: calls reached a PSAP and would fall to the relay centre.
	Relay bool `json:"relay,omitempty"`
}

// Counts sums the effects up, over all buildings.
type Counts struct {
	Buildings  int `json:"buildings"`
	Valid      int `json:"valid"` // afterwards, as the next two
	Unverified int `json:"unverified"`
	Invalid    int `json:"invalid"`
	Verdicts   int `json:"verdicts"` // that change, as all that follow
	Points     int `json:"points"`
	PSAPs      int `json:"psaps"`
	Relay      int `json:"relay"`
	Locations  int `json:"locations"` // in buildings whose verdict or PSAP changes
}

// movedM is how far a geocode must move to be told: less is the drawing.
const movedM = 10

// change is one building before and after.
type change struct {
	org    e911.Org
	stored admin.Object
	before e911.Building
	after  e911.Building
	effect Effect
}

// evaluation compares the stored buildings under two sets of layers.
type evaluation struct {
	psaps, psapsBefore *ecrf.Index
	addresses          check.Addresses
	now                time.Time
}

func (p *Planner) evaluation(psaps []e911.PSAP, before, after []gis.Layer) *evaluation {
	return &evaluation{
		psaps: ecrf.New(psaps, after), psapsBefore: ecrf.New(psaps, before), addresses: judge{lvf.New(after), p.cfg.Shelf.postal}, now: p.cfg.Now(),
	}
}

// run hands every building to visit, by organisation.
func (e *evaluation) run(ctx context.Context, view admin.View, visit func(change) error) error {
	orgs, err := view.Orgs(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(orgs, func(a, b e911.Org) int { return cmp.Compare(a.Key, b.Key) })
	for _, o := range orgs {
		buildings, err := listObjects(ctx, view, e911.KindBuilding, o.ID)
		if err != nil {
			return err
		}
		locations, err := list[e911.Location](ctx, view, e911.KindLocation, o.ID)
		if err != nil {
			return err
		}
		inside := map[e911.BuildingID]int{}
		for _, l := range locations {
			inside[l.Building]++
		}
		for _, b := range buildings {
			c := e.building(o, b)
			c.effect.Locations = inside[c.after.ID]
			if err := visit(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *evaluation) building(o e911.Org, stored admin.Object) change {
	before := stored.Value.(e911.Building)
	after, faults, notes := check.Settle(e.addresses, before, &before, check.Entry{By: before.Validation.By, Now: e.now, Demonstration: o.Demonstration})
	c := change{org: o, stored: stored, before: before, after: after, effect: Effect{
		Org: o.Key, Building: before.Key, VerdictBefore: before.Validation.Verdict, Verdict: after.Validation.Verdict,
	}}
	for _, f := range append(faults, notes...) {
		if f.Code == check.Invalid {
			c.effect.Why = f.Msg + "; " + f.Fix
		}
	}
	switch {
	case before.Point != nil && after.Point == nil:
		c.effect.PointLost = true
	case before.Point != nil && *before.Point != *after.Point:
		if d := geo.Metres(*before.Point, *after.Point); d > movedM {
			c.effect.MovedM = d
		}
	}
	was, reachedBefore := e.serves(e.psapsBefore, o, before)
	is, reached := e.serves(e.psaps, o, after)
	c.effect.PSAPBefore, c.effect.PSAP, c.effect.Relay = was, is, reachedBefore && !reached
	return c
}

// serves names the PSAP of a building, and reports whether a route leads there:
// its own, or the organisation's carriers.
func (e *evaluation) serves(x *ecrf.Index, o e911.Org, b e911.Building) (key string, reached bool) {
	place := e911.Place{Building: b.ID, Site: b.Site, Civic: b.Address}
	if b.Point != nil {
		place.Area = &e911.Area{Point: *b.Point}
	}
	p, ok, _ := x.Find(place, ecrf.Options{DemonstrationAllowed: o.Demonstration, Now: e.now})
	if !ok {
		return "", false
	}
	return p.Key, len(p.Routes) > 0 || len(o.Carriers) > 0
}

// matters reports whether a person should read of it.
func (f Effect) matters() bool {
	return f.VerdictBefore != f.Verdict || f.PSAPBefore != f.PSAP || f.MovedM > 0 || f.PointLost || f.Relay
}

func (n *Counts) add(f Effect) {
	n.Buildings++
	switch f.Verdict {
	case e911.VerdictValid:
		n.Valid++
	case e911.VerdictInvalid:
		n.Invalid++
	default:
		n.Unverified++
	}
	if f.VerdictBefore != f.Verdict {
		n.Verdicts++
	}
	if f.MovedM > 0 || f.PointLost {
		n.Points++
	}
	if f.PSAPBefore != f.PSAP {
		n.PSAPs++
	}
	if f.Relay {
		n.Relay++
	}
	if f.VerdictBefore != f.Verdict || f.PSAPBefore != f.PSAP {
		n.Locations += f.Locations
	}
}
