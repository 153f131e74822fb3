package layer

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// OwnPlace is a place that a user set himself: at home, on the way.
type OwnPlace struct {
	Org     e911.OrgID
	Place   e911.Place
	Entered e911.Civic // as he gave it
	Verdict e911.Verdict
}

// OwnCounts says what a change does to users' own places. It only counts: where
// people live is not for whoever imports a layer (F-39 (7)).
type OwnCounts struct {
	Places   int `json:"places"`
	Verdicts int `json:"verdicts"` // that change, as all that follow
	Invalid  int `json:"invalid"`  // that become so
	PSAPs    int `json:"psaps"`
	Relay    int `json:"relay"`
}

func (p *Planner) own(ctx context.Context, view admin.View, e *evaluation) (*OwnCounts, error) {
	if p.cfg.Own == nil {
		return nil, nil //nolint:nilnil // not looked at, and nothing wrong
	}
	orgs, err := view.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	tenants := map[e911.OrgID]*tenant{}
	for _, o := range orgs {
		overrides, err := list[e911.PSAPOverride](ctx, view, e911.KindOverride, o.ID)
		if err != nil {
			return nil, err
		}
		tenants[o.ID] = &tenant{config: o, overrides: overrides}
	}
	n := &OwnCounts{}
	for v := range p.cfg.Own() {
		// What lies in the organisation's own building goes where that goes.
		if t := tenants[v.Org]; t != nil && v.Place.Building == "" && v.Place.Location == "" {
			e.own(t, n, v)
		}
	}
	return n, nil
}

func (e *evaluation) own(t *tenant, n *OwnCounts, v OwnPlace) {
	res := e.after.addresses.Validate(v.Entered, lvf.Options{Now: e.after.now, Demonstration: t.config.Demonstration})
	n.Places++
	if res.Verdict != v.Verdict {
		n.Verdicts++
		if res.Verdict == e911.VerdictInvalid {
			n.Invalid++
		}
	}
	after := v.Place
	if res.Verdict == e911.VerdictValid {
		after.Civic, after.Area = res.Address, res.Point
	}
	was, reachedBefore := e.before.serves(t, v.Place)
	is, reached := e.after.serves(t, after)
	if keyOf(was) != keyOf(is) {
		n.PSAPs++
	}
	if reachedBefore && !reached {
		n.Relay++
	}
}
