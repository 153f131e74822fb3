package world

import (
	"context"
	"maps"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// unrouted looks for places whose calls reach their PSAP today, and would not with
// the file. They are faults, so that the file is refused whole (E15); forced, they
// are returned.
func (im *Importer) unrouted(ctx context.Context, r *resolver, base admin.View, forced bool) ([]e911.Fault, error) {
	if len(r.s.faults) > 0 {
		return nil, nil // it is refused anyway, and half of it would mislead
	}
	var orgs []e911.OrgID // none: all, since all go by the world part
	if !r.d.world {
		orgs = slices.Collect(maps.Values(r.orgIDs))
	}
	var layers []gis.Layer
	var err error
	if im.cfg.Layers != nil {
		if layers, err = im.cfg.Layers.Layers(ctx, base); err != nil {
			return nil, err
		}
	}
	now := im.cfg.Now()
	before, err := layer.WaysOf(ctx, base, layers, now, orgs...)
	if err != nil || before.Empty() {
		return nil, err
	}
	after, err := layer.WaysOf(ctx, r.after(base), layers, now, orgs...)
	if err != nil {
		return nil, err
	}
	lost := before.Lost(after)
	if forced {
		return lost, nil
	}
	const path = "organisations"
	for _, f := range lost {
		r.s.add(path, r.s.where(path), f.Code, f.Path+": "+f.Msg, f.Fix+": --force-unroute REASON")
	}
	return nil, nil
}
