package layer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// BuiltIn is the layer that comes with Callbox: the counties of the United
// States. A county is not a PSAP; it decides only for an organisation marked
// demonstration (F-23).
func BuiltIn() e911.Layer {
	return e911.Layer{
		Key: "us-counties", Name: "Counties of the United States (built-in demonstration)", Grade: e911.GradeDemonstration,
		Source: "us-atlas, from the Census Bureau's cartographic boundaries",
	}
}

// List returns the stored layers by key.
func (p *Planner) List(ctx context.Context) ([]e911.Layer, error) {
	var out []e911.Layer
	err := p.cfg.Store.Read(ctx, func(r admin.Reader) (err error) {
		out, err = list[e911.Layer](ctx, r, e911.KindLayer, "")
		return err
	})
	slices.SortFunc(out, func(a, b e911.Layer) int { return strings.Compare(a.Key, b.Key) })
	return out, err
}

// Address is what is known about the address of a building.
type Address struct {
	Org      string `json:"org"`
	Building string `json:"building"`
	// Location is set where it is about one location alone, for which the
	// organisation has an override of its own.
	Location   string          `json:"location,omitempty"`
	Address    string          `json:"address"`
	Locations  int             `json:"locations"`
	Validation e911.Validation `json:"validation"` // with what was entered, and by whom
	Why        string          `json:"why,omitempty"`
	PSAP       string          `json:"psap,omitempty"`     // key; empty: no PSAP of ours
	Override   string          `json:"override,omitempty"` // the organisation's own choice that says so
	Relay      bool            `json:"relay,omitempty"`    // as Effect: it would fall there
	Stale      bool            `json:"stale,omitempty"`    // the stored validation was another
	// Today has what is another today, in an answer for a time to come.
	Today *Today `json:"today,omitempty"`
}

// Today is the verdict and the PSAP of today.
type Today struct {
	Verdict e911.Verdict `json:"verdict"`
	PSAP    string       `json:"psap,omitempty"`
}

// AddressesRequest asks for the addresses of buildings.
type AddressesRequest struct {
	Org  string // key; empty: of all organisations
	Save bool   // store what changed
	// AsOf asks what changes by a time to come, because features of the layers
	// begin or end to hold, or an override ends: the answer has the places that
	// change. Zero: the answer has all as they are today.
	AsOf time.Time
}

// Addresses validates the address of every building by the layers of now.
func (p *Planner) Addresses(ctx context.Context, who admin.Actor, q AddressesRequest) ([]Address, error) {
	if !q.AsOf.IsZero() && (q.Save || !q.AsOf.After(p.cfg.Now())) {
		return nil, e911.Errorf(e911.Invalid, "as-of asks for a day to come, and nothing of that can be stored")
	}
	out, known := []Address(nil), q.Org == ""
	look := func(r admin.View, changed func(change) error) error {
		out = []Address{}
		layers, err := p.cfg.Shelf.Layers(ctx, r)
		if err != nil {
			return err
		}
		orgs, err := r.Orgs(ctx)
		if err != nil {
			return err
		}
		known = known || slices.ContainsFunc(orgs, func(o e911.Org) bool { return o.Key == q.Org })
		e, err := p.evaluation(ctx, r, layers, layers)
		if err != nil {
			return err
		}
		if !q.AsOf.IsZero() {
			e.after = e.after.at(q.AsOf)
		}
		return e.run(ctx, r, func(c change) error {
			if q.Org != "" && c.org.Key != q.Org {
				return nil
			}
			a := c.address()
			switch {
			case q.AsOf.IsZero() && c.effect.Location == "":
				out = append(out, a)
			case e.later() && c.effect.turns():
				a.Stale, a.Today = false, &Today{c.effect.VerdictBefore, c.effect.PSAPBefore}
				out = append(out, a)
			}
			return changed(c)
		})
	}
	var err error
	if q.Save {
		err = p.cfg.Store.Write(ctx, who, func(w admin.Writer) error {
			return look(w, func(c change) error { _, err := store(ctx, w, c); return err })
		})
	} else {
		err = p.cfg.Store.Read(ctx, func(r admin.Reader) error { return look(r, func(change) error { return nil }) })
	}
	if err == nil && !known {
		err = e911.Errorf(e911.NotFound, "there is no organisation %q", q.Org)
	}
	return out, err
}

func (c *change) address() Address {
	f := c.effect
	return Address{
		Org: f.Org, Building: f.Building, Location: f.Location, Address: civic.Display(c.after.Address), Locations: f.Locations,
		Validation: c.after.Validation, Why: f.Why, PSAP: f.PSAP, Override: f.Override, Relay: f.Relay,
		Stale: f.Location == "" && !admin.Same(c.before, c.after),
	}
}

// turns reports another verdict or another PSAP.
func (f *Effect) turns() bool { return f.VerdictBefore != f.Verdict || f.PSAPBefore != f.PSAP }
