package layer

import (
	"cmp"
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/route"
)

// Effect is what a change of layers does to one building, and with it to all
// locations in it. Fields that stay are the same twice.
type Effect struct {
	Org      string `json:"org"` // keys of the customer's
	Building string `json:"building"`
	// Location is set where it is about one location alone, for which the
	// organisation has an override of its own.
	Location  string `json:"location,omitempty"`
	Locations int    `json:"locations"` // that go where the building goes

	VerdictBefore e911.Verdict `json:"verdict_before,omitempty"`
	Verdict       e911.Verdict `json:"verdict"`
	Why           string       `json:"why,omitempty"` // of an address that becomes invalid
	MovedM        float64      `json:"moved_m,omitempty"`
	PointLost     bool         `json:"point_lost,omitempty"`
	PSAPBefore    string       `json:"psap_before,omitempty"` // key, or NGUID of a boundary; empty: the relay centre
	PSAP          string       `json:"psap,omitempty"`
	// Relay: calls reached a PSAP and would fall to the relay centre.
	Relay bool `json:"relay,omitempty"`
	// Override is the organisation's own choice that holds afterwards. The layers
	// under it decide nothing then; LayerBefore and Layer are set where they change
	// their mind about the PSAP, so that the agreement is looked at again.
	Override    string `json:"override,omitempty"`
	LayerBefore string `json:"layer_before,omitempty"`
	Layer       string `json:"layer,omitempty"`
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
	Overrides  int `json:"overrides"` // with an override that the layers now see otherwise
	Locations  int `json:"locations"` // in buildings whose verdict or PSAP changes
}

// movedM is how far a geocode must move to be told: less is the drawing.
const movedM = 10

// change is one building before and after; without a stored object, it is about
// one location.
type change struct {
	org    e911.Org
	stored admin.Object
	before e911.Building
	after  e911.Building
	effect Effect
}

// evaluation compares the stored buildings in two worlds.
type evaluation struct{ before, after *world }

// run hands every building to visit, by organisation, and after it the locations
// that have an override of their own.
func (e *evaluation) run(ctx context.Context, view admin.View, visit func(change) error) error {
	orgs, err := view.Orgs(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(orgs, func(a, b e911.Org) int { return cmp.Compare(a.Key, b.Key) })
	for _, o := range orgs {
		if err := e.org(ctx, view, o, visit); err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) org(ctx context.Context, view admin.View, o e911.Org, visit func(change) error) error {
	buildings, err := listObjects(ctx, view, e911.KindBuilding, o.ID)
	if err != nil {
		return err
	}
	locations, err := list[e911.Location](ctx, view, e911.KindLocation, o.ID)
	if err != nil {
		return err
	}
	overrides, err := list[e911.PSAPOverride](ctx, view, e911.KindOverride, o.ID)
	if err != nil {
		return err
	}
	t := &tenant{config: o, overrides: overrides}
	inside, apart := map[e911.BuildingID]int{}, map[e911.BuildingID][]e911.Location{}
	for _, l := range locations {
		if slices.ContainsFunc(overrides, func(v e911.PSAPOverride) bool { return v.Location == l.ID }) {
			apart[l.Building] = append(apart[l.Building], l)
		} else {
			inside[l.Building]++
		}
	}
	for _, b := range buildings {
		c := e.building(t, b)
		c.effect.Locations = inside[c.after.ID]
		if err := visit(c); err != nil {
			return err
		}
		for _, l := range apart[c.after.ID] {
			if err := visit(e.location(t, c, l)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *evaluation) building(t *tenant, stored admin.Object) change {
	before := stored.Value.(e911.Building)
	// What is stored may be of an older day than the first of the two worlds.
	first, _, _ := e.before.settle(t, before)
	after, faults, notes := e.after.settle(t, before)
	c := change{org: t.config, stored: stored, before: before, after: after, effect: Effect{
		Org: t.config.Key, Building: before.Key, VerdictBefore: before.Validation.Verdict, Verdict: after.Validation.Verdict,
	}}
	if e.later() {
		c.effect.VerdictBefore = first.Validation.Verdict
	}
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
	if !e.later() {
		first = before
	}
	e.served(t, &c.effect, placeOf(first, nil), placeOf(after, nil))
	return c
}

// later reports that the two worlds are of two times, and not of two sets of
// layers.
func (e *evaluation) later() bool { return !e.before.now.Equal(e.after.now) }

// location is a change of a location whose PSAP is chosen apart from the
// building's.
func (e *evaluation) location(t *tenant, house change, l e911.Location) change {
	f := Effect{Org: t.config.Key, Building: house.effect.Building, Location: l.Key, Locations: 1, VerdictBefore: house.effect.Verdict, Verdict: house.effect.Verdict}
	e.served(t, &f, placeOf(house.before, &l), placeOf(house.after, &l))
	return change{org: t.config, before: house.before, after: house.after, effect: f}
}

func placeOf(b e911.Building, l *e911.Location) e911.Place {
	p := e911.Place{Building: b.ID, Site: b.Site, Civic: b.Address}
	if l != nil {
		p.Location = l.ID
	}
	if b.Point != nil {
		p.Area = &e911.Area{Point: *b.Point}
	}
	return p
}

// served fills in who answers before and after.
func (e *evaluation) served(t *tenant, f *Effect, before, after e911.Place) {
	was, reachedBefore := e.before.serves(t, before)
	is, reached := e.after.serves(t, after)
	f.PSAPBefore, f.PSAP, f.Relay = keyOf(was), keyOf(is), reachedBefore && !reached
	if is.Basis.Source != route.SourceOverride {
		return
	}
	f.Override = is.Basis.Name
	if a, b := e.before.layer(t, before), e.after.layer(t, after); a != b {
		f.LayerBefore, f.Layer = a, b
	}
}

func keyOf(d route.Decision) string {
	if d.PSAP == nil {
		return ""
	}
	return d.PSAP.Key
}

// layer is whom the layers alone would name.
func (w *world) layer(t *tenant, place e911.Place) string {
	p, ok, _ := w.index.Find(place, ecrf.Options{DemonstrationAllowed: t.config.Demonstration, Now: w.now})
	if !ok {
		return ""
	}
	return p.Key
}

// matters reports whether a person should read of it.
func (f Effect) matters() bool {
	return f.VerdictBefore != f.Verdict || f.PSAPBefore != f.PSAP || f.MovedM > 0 || f.PointLost || f.Relay || f.LayerBefore != f.Layer
}

func (n *Counts) add(f Effect) {
	if f.Location == "" {
		n.house(f)
	}
	if f.PSAPBefore != f.PSAP {
		n.PSAPs++
	}
	if f.Relay {
		n.Relay++
	}
	if f.LayerBefore != f.Layer {
		n.Overrides++
	}
	if f.VerdictBefore != f.Verdict || f.PSAPBefore != f.PSAP {
		n.Locations += f.Locations
	}
}

func (n *Counts) house(f Effect) {
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
}
