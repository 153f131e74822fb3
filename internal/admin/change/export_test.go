package change

import (
	"context"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
)

// EffectsOfEverybody compares the calls of everybody, whoever is concerned by a plan.
func (p *Planner) EffectsOfEverybody(ctx context.Context, t testing.TB, plan Plan) Effects {
	t.Helper()
	ops, err := p.ops(ctx, plan.Org, plan.ID)
	if err != nil {
		t.Fatal(err)
	}
	before, after, err := p.worlds(ctx, plan.Base, ops)
	if err != nil {
		t.Fatal(err)
	}
	all := map[e911.OrgID]*scope{}
	for o := range before.Orgs() {
		all[o.ID()] = newScope()
		all[o.ID()].wide = true
	}
	return p.compare(before, after, all)
}
