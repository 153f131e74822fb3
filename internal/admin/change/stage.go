package change

import (
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// stages asks the guard about the steps that raise sites to stage 911. A set that
// undoes another is not asked: what it goes back to had passed, and its proof is
// kept. Nor is a world file, which declares.
func (p *Planner) stages(ctx context.Context, s Set, undoes string) (map[int][]e911.Fault, error) {
	if p.cfg.Stages == nil || undoes != "" || s.Declared != "" {
		return nil, nil
	}
	var steps []int
	for i := range s.Steps {
		if _, yes := admin.Raises(nil, s.Steps[i].Value); yes && s.Steps[i].Verb != admin.Deleted {
			steps = append(steps, i)
		}
	}
	if len(steps) == 0 {
		return nil, nil
	}
	at, sites := map[e911.OrgID][]int{}, map[e911.OrgID][]e911.Site{}
	err := p.cfg.Store.Read(ctx, func(r admin.Reader) error {
		for _, i := range steps {
			site := s.Steps[i].Value.(e911.Site)
			now, have, err := stored911(ctx, r, s.Steps[i].ref(), site)
			if err != nil {
				return fmt.Errorf("look for a site: %w", err)
			}
			if have {
				if _, yes := admin.Raises(now.Value, site); !yes {
					continue
				}
				site.ID = e911.SiteID(now.Ref.ID)
			}
			at[site.Org], sites[site.Org] = append(at[site.Org], i), append(sites[site.Org], site)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[int][]e911.Fault{}
	for org := range at {
		refused, err := p.cfg.Stages.Refuse(ctx, org, sites[org])
		if err != nil {
			return nil, err
		}
		for k, i := range at[org] {
			out[i] = refused[k]
		}
	}
	return out, nil
}

// stored911 finds the site that a step is about, by its id or its key.
func stored911(ctx context.Context, r admin.Reader, ref admin.Ref, site e911.Site) (admin.Object, bool, error) {
	if ref.ID == "" {
		return find(ctx, r, ref.Org, e911.KindSite, site.Key)
	}
	o, err := r.Get(ctx, ref)
	if err != nil && e911.KindOf(err) == e911.NotFound {
		return admin.Object{}, false, nil
	}
	return o, err == nil, err
}

// raising asks again when a plan is applied: a proof may have grown old since.
func (p *Planner) raising(ctx context.Context, plan *Plan, ops []op) error {
	set := Set{Org: plan.Org, Declared: plan.Declared, Steps: make([]Step, len(ops))}
	for i := range ops {
		set.Steps[i] = ops[i].again()
	}
	refused, err := p.stages(ctx, set, plan.Undoes)
	if err != nil {
		return err
	}
	e := &e911.Error{Kind: e911.Conflict, Msg: "a site is not ready for stage 911 any more: plan again"}
	for i := range ops {
		e.Faults = append(e.Faults, refused[i]...)
	}
	if len(e.Faults) > 0 {
		return e
	}
	return nil
}

// declare records what a world file declares.
func (p *Planner) declare(ctx context.Context, w admin.Writer, plan *Plan, ops []op) error {
	if p.cfg.Stages == nil || plan.Declared == "" {
		return nil
	}
	var sites []e911.Site
	for i := range ops {
		if site, yes := admin.Raises(ops[i].before, ops[i].after); yes {
			sites = append(sites, site)
		}
	}
	if len(sites) == 0 {
		return nil
	}
	return p.cfg.Stages.Declare(ctx, w, plan.Who, plan.Declared, sites)
}
