package app

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
)

// latePlans are the plans of the database once it is open.
type latePlans struct{ s *Server }

func viaPlanner[T any](s *Server, ask func(*change.Planner) (T, error)) (T, error) {
	d, err := s.changeDesk()
	if err != nil {
		var none T
		return none, err
	}
	return ask(d.p)
}

func (l latePlans) Plan(ctx context.Context, who admin.Actor, set change.Set) (change.Plan, error) {
	return viaPlanner(l.s, func(p *change.Planner) (change.Plan, error) { return p.Plan(ctx, who, set) })
}

func (l latePlans) Get(ctx context.Context, org e911.OrgID, id string) (change.Plan, error) {
	return viaPlanner(l.s, func(p *change.Planner) (change.Plan, error) { return p.Get(ctx, org, id) })
}

func (l latePlans) List(ctx context.Context, org e911.OrgID, after string, limit int) ([]change.Plan, error) {
	return viaPlanner(l.s, func(p *change.Planner) ([]change.Plan, error) { return p.List(ctx, org, after, limit) })
}

func (l latePlans) Changes(ctx context.Context, org e911.OrgID, id string, offset, limit int) ([]change.Change, error) {
	return viaPlanner(l.s, func(p *change.Planner) ([]change.Change, error) { return p.Changes(ctx, org, id, offset, limit) })
}

func (l latePlans) Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, hash string) (change.Applied, error) {
	return viaPlanner(l.s, func(p *change.Planner) (change.Applied, error) { return p.Apply(ctx, who, org, id, hash) })
}

func (l latePlans) GetApplied(ctx context.Context, org e911.OrgID, id string) (change.Applied, error) {
	return viaPlanner(l.s, func(p *change.Planner) (change.Applied, error) { return p.GetApplied(ctx, org, id) })
}

func (l latePlans) ListApplied(ctx context.Context, org e911.OrgID, before string, limit int) ([]change.Applied, error) {
	return viaPlanner(l.s, func(p *change.Planner) ([]change.Applied, error) { return p.ListApplied(ctx, org, before, limit) })
}

func (l latePlans) Undo(ctx context.Context, who admin.Actor, org e911.OrgID, id string) (change.Plan, error) {
	return viaPlanner(l.s, func(p *change.Planner) (change.Plan, error) { return p.Undo(ctx, who, org, id) })
}
