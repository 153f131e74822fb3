package world

import (
	"context"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// settle validates the addresses of the buildings. One that has a fault of form
// already gets no second one.
func (im *Importer) settle(ctx context.Context, r *resolver, base admin.View, who admin.Actor) error {
	if im.cfg.Layers == nil {
		return nil
	}
	x, err := im.cfg.Layers.Addresses(ctx, base)
	if err != nil {
		return err
	}
	demonstration := map[string]bool{}
	for _, it := range r.d.items {
		if o, ok := it.value.(e911.Org); ok {
			demonstration[it.org] = o.Demonstration
		}
	}
	if r.notes == nil {
		r.notes = map[int][]e911.Fault{}
	}
	now := im.cfg.Now()
	for i := range r.d.items {
		it := &r.d.items[i]
		b, ok := it.value.(e911.Building)
		if !ok || r.s.faultyBelow(it.path) {
			continue
		}
		var before *e911.Building
		if o, have := r.stored[name{e911.KindBuilding, it.org, b.Key}]; have {
			v := o.Value.(e911.Building)
			before = &v
		}
		settled, faults, notes := check.Settle(x, b, before, check.Entry{By: string(who), Now: now, Demonstration: demonstration[it.org]})
		r.report(it, faults)
		it.value, r.notes[i] = settled, append(r.notes[i], notes...)
	}
	return nil
}

// faultyBelow reports a fault of the object or of one of its fields.
func (s *source) faultyBelow(path string) bool {
	return slices.ContainsFunc(s.faults, func(f e911.Fault) bool {
		return f.Path == path || strings.HasPrefix(f.Path, path+".address") || f.Path == path+".key"
	})
}
