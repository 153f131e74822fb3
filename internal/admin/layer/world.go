package layer

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
)

// Authority is what the authority's servers said of places, from memory: their
// word comes before the layers (F-23).
type Authority interface {
	Mapping(place e911.Place, now time.Time) (ecrf.Answer, bool)
}

// directory is what is stored about who answers, apart from layers.
type directory struct {
	psaps     map[e911.PSAPID]e911.PSAP
	list      []e911.PSAP
	trunks    map[e911.TrunkID]e911.Trunk
	authority Authority
}

func (p *Planner) directory(ctx context.Context, view admin.View) (*directory, error) {
	d, err := directoryOf(ctx, view)
	if err == nil {
		d.authority = p.cfg.Authority
	}
	return d, err
}

// directoryOf is the directory without an authority.
func directoryOf(ctx context.Context, view admin.View) (*directory, error) {
	d := &directory{psaps: map[e911.PSAPID]e911.PSAP{}, trunks: map[e911.TrunkID]e911.Trunk{}}
	var err error
	if d.list, err = list[e911.PSAP](ctx, view, e911.KindPSAP, ""); err != nil {
		return nil, err
	}
	for _, v := range d.list {
		d.psaps[v.ID] = v
	}
	trunks, err := list[e911.Trunk](ctx, view, e911.KindTrunk, "")
	for _, v := range trunks {
		d.trunks[v.ID] = v
	}
	return d, err
}

// world is what layers say at a time: it judges addresses and names who answers.
// It is a route.World.
type world struct {
	*directory
	index     *ecrf.Index
	addresses check.Addresses
	now       time.Time
}

func (d *directory) world(layers []gis.Layer, x check.Addresses, now time.Time) *world {
	return &world{directory: d, index: ecrf.New(d.list, layers), addresses: x, now: now}
}

// at is the same layers at another time.
func (w *world) at(now time.Time) *world {
	other := *w
	other.now = now
	return &other
}

func (w *world) PSAP(id e911.PSAPID) (e911.PSAP, bool) { p, ok := w.psaps[id]; return p, ok }

func (w *world) PSAPs() *ecrf.Index { return w.index }

func (w *world) Trunk(id e911.TrunkID) (e911.Trunk, bool) { t, ok := w.trunks[id]; return t, ok }

func (w *world) Relays() (found []e911.PSAP) {
	for _, p := range w.list {
		if p.Relay {
			found = append(found, p)
		}
	}
	return found
}

func (w *world) TrunkTo(host string) (e911.Trunk, bool) {
	return route.TrunkTo(maps.Values(w.trunks), host)
}

// tenant is an organisation with its own choices of PSAPs; it is a route.Org.
type tenant struct {
	config    e911.Org
	overrides []e911.PSAPOverride
}

func (t *tenant) Config() e911.Org { return t.config }

// Overrides lists those for the place, the closest first.
func (t *tenant) Overrides(p e911.Place) []e911.PSAPOverride {
	var out []e911.PSAPOverride
	near := func(v e911.PSAPOverride) int {
		switch {
		case v.Location != "" && v.Location == p.Location:
			return 1
		case v.Building != "" && v.Building == p.Building:
			return 2
		case v.Site != "" && v.Site == p.Site:
			return 3
		}
		return 0
	}
	for _, v := range t.overrides {
		if near(v) > 0 {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b e911.PSAPOverride) int { return cmp.Compare(near(a), near(b)) })
	return out
}

// settle is check.Settle of a stored building.
func (w *world) settle(t *tenant, b e911.Building) (e911.Building, []e911.Fault, []e911.Fault) {
	return check.Settle(w.addresses, b, &b, check.Entry{By: b.Validation.By, Now: w.now, Demonstration: t.config.Demonstration})
}

// serves decides as a call would, and reports whether it would reach a PSAP: by
// the PSAP's own routes, or the organisation's carriers.
func (w *world) serves(t *tenant, place e911.Place) (route.Decision, bool) {
	q := route.Question{Place: place, Located: true, Now: w.now}
	if w.authority != nil {
		if m, ok := w.authority.Mapping(place, w.now); ok {
			q.Mapping = &m
		}
	}
	d := route.Decide(w, t, q)
	return d, slices.ContainsFunc(d.Rungs, func(r ladder.Rung) bool { return r.Kind != ladder.KindRelay })
}
