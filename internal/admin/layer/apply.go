package layer

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Result says what was done.
type Result struct {
	Layer     e911.Layer `json:"layer"`
	Removed   bool       `json:"removed,omitempty"`
	Buildings int        `json:"buildings"` // whose validation changed
}

// Apply makes the plan with this hash true: the layer, what it holds, and the
// validation of every building, in one transaction. It is a Conflict when the
// layers are not those that the plan was made for, and says what changed;
// buildings may have changed, they are validated as they are now.
func (p *Planner) Apply(ctx context.Context, who admin.Actor, hash string) (Result, error) {
	n := p.recall(hash)
	switch {
	case n == nil:
		return Result{}, e911.Errorf(e911.Conflict, "there is no plan %s, or it is too old: plan again", hash)
	case n.plan.Refused != "":
		return Result{}, e911.Errorf(e911.Invalid, "%s", n.plan.Refused)
	}
	if !n.plan.Remove {
		if err := p.cfg.Store.PutLayerBlob(ctx, n.plan.Layer.Digest, n.bytes); err != nil {
			return Result{}, err
		}
	}
	var res Result
	err := p.cfg.Store.Write(ctx, who, func(w admin.Writer) (err error) {
		res, err = p.apply(ctx, w, who, n)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	p.forget(n)
	// What it replaces costs space and nothing else: the next change sweeps it.
	_ = p.cfg.Store.SweepLayerBlobs(ctx)
	return res, nil
}

func (p *Planner) apply(ctx context.Context, w admin.Writer, who admin.Actor, n *planned) (Result, error) {
	stored, err := list[e911.Layer](ctx, w, e911.KindLayer, "")
	if err != nil {
		return Result{}, err
	}
	if why := n.differs(stored); why != "" {
		return Result{}, e911.Errorf(e911.Conflict, "the plan is out of date: %s. Look at a new plan", why)
	}
	before, err := p.cfg.Shelf.Layers(ctx, w)
	if err != nil {
		return Result{}, err
	}
	res := Result{Layer: n.plan.Layer, Removed: n.plan.Remove}
	res.Layer.ImportedAt, res.Layer.ImportedBy = p.cfg.Now().UTC().Truncate(time.Millisecond), string(who)
	switch {
	case n.plan.Remove:
		err = w.Delete(ctx, admin.RefOf(n.plan.Layer), n.version)
	case n.version == 0:
		_, err = w.Create(ctx, res.Layer)
	default:
		_, err = w.Update(ctx, res.Layer, n.version)
	}
	if err != nil {
		return Result{}, err
	}
	res.Buildings, err = p.revalidate(ctx, w, before, n.after(before))
	return res, err
}

// revalidate gives every building the verdict of the layers.
func (p *Planner) revalidate(ctx context.Context, w admin.Writer, before, after []gis.Layer) (int, error) {
	e, err := p.evaluation(ctx, w, before, after)
	if err != nil {
		return 0, err
	}
	changed := 0
	err = e.run(ctx, w, func(c change) error {
		did, err := store(ctx, w, c)
		if did {
			changed++
		}
		return err
	})
	return changed, err
}

// store keeps what was found out about a building, where that is something else.
func store(ctx context.Context, w admin.Writer, c change) (bool, error) {
	if c.effect.Location != "" || admin.Same(c.before, c.after) {
		return false, nil
	}
	_, err := w.Update(ctx, c.after, c.stored.Version)
	return true, err
}
