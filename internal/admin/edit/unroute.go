package edit

import (
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Unrouting returns an editor whose changes may leave places without any way to
// their PSAP, for a reason that the audit trail keeps. Every other editor refuses
// them (E15).
func (e *Editor) Unrouting(reason string) (*Editor, error) {
	if _, err := layer.Reason("", reason); err != nil || reason == "" {
		return nil, e911.Errorf(e911.Invalid, "leaving places without a way needs a reason of one line")
	}
	cfg := e.cfg
	cfg.unroute = reason
	return New(cfg)
}

// leads are the kinds of objects that a call's way hangs on.
var leads = []e911.ObjectKind{e911.KindTrunk, e911.KindPSAP, e911.KindOrg, e911.KindSite, e911.KindBuilding, e911.KindOverride}

// write is Store.Write for a change of an object that is there, refused when a
// place would lose its way by it.
func (o *Objects[T]) write(ctx context.Context, who admin.Actor, org e911.OrgID, do func(admin.Writer) error) error {
	e := o.editor
	if !slices.Contains(leads, o.kind) {
		return e.cfg.Store.Write(ctx, who, do)
	}
	var orgs []e911.OrgID // none: all
	if org != "" {
		orgs = []e911.OrgID{org}
	}
	actor, err := layer.Reason(who, e.cfg.unroute)
	if err != nil {
		return err
	}
	return e.cfg.Store.Write(ctx, actor, func(w admin.Writer) error {
		if e.cfg.unroute != "" {
			return do(w)
		}
		before, err := e.ways(ctx, w, orgs)
		if err != nil {
			return err
		}
		if err := do(w); err != nil {
			return err
		}
		after, err := e.ways(ctx, w, orgs)
		if err != nil {
			return err
		}
		if lost := before.Lost(after); len(lost) > 0 {
			return &e911.Error{Kind: e911.Conflict, Msg: "the change leaves places without a way to their PSAP", Faults: lost}
		}
		return nil
	})
}

func (e *Editor) ways(ctx context.Context, w admin.Writer, orgs []e911.OrgID) (layer.Ways, error) {
	var layers []gis.Layer
	var err error
	if e.cfg.Layers != nil {
		if layers, err = e.cfg.Layers.Layers(ctx, w); err != nil {
			return layer.Ways{}, err
		}
	}
	return layer.WaysOf(ctx, w, layers, e.cfg.Now(), orgs...)
}
