package layer

import (
	"context"
	"slices"
	"strings"

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
	Org        string          `json:"org"`
	Building   string          `json:"building"`
	Address    string          `json:"address"`
	Locations  int             `json:"locations"`
	Validation e911.Validation `json:"validation"`
	Why        string          `json:"why,omitempty"`
	PSAP       string          `json:"psap,omitempty"`  // key; empty: the relay centre
	Stale      bool            `json:"stale,omitempty"` // the stored validation was another
}

// Addresses validates the address of every building by the layers of now, of one
// organisation or, with an empty key, of all. With save it stores what changed.
func (p *Planner) Addresses(ctx context.Context, who admin.Actor, org string, save bool) ([]Address, error) {
	var out []Address
	known := org == ""
	look := func(r admin.Reader, changed func(change) error) error {
		out = nil
		layers, err := p.cfg.Shelf.Layers(ctx, r)
		if err != nil {
			return err
		}
		psaps, err := list[e911.PSAP](ctx, r, e911.KindPSAP, "")
		if err != nil {
			return err
		}
		orgs, err := r.Orgs(ctx)
		if err != nil {
			return err
		}
		known = known || slices.ContainsFunc(orgs, func(o e911.Org) bool { return o.Key == org })
		return p.evaluation(psaps, layers, layers).run(ctx, r, func(c change) error {
			if org != "" && c.org.Key != org {
				return nil
			}
			stale := !admin.Same(c.before, c.after)
			out = append(out, Address{
				Org: c.org.Key, Building: c.after.Key, Address: civic.Display(c.after.Address), Locations: c.effect.Locations,
				Validation: c.after.Validation, Why: c.effect.Why, PSAP: c.effect.PSAP, Stale: stale,
			})
			if !stale {
				return nil
			}
			return changed(c)
		})
	}
	var err error
	if save {
		err = p.cfg.Store.Write(ctx, who, func(w admin.Writer) error {
			return look(w, func(c change) error { _, err := w.Update(ctx, c.after, c.stored.Version); return err })
		})
	} else {
		err = p.cfg.Store.Read(ctx, func(r admin.Reader) error { return look(r, func(change) error { return nil }) })
	}
	if err == nil && !known {
		err = e911.Errorf(e911.NotFound, "there is no organisation %q", org)
	}
	return out, err
}
