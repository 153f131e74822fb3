package change

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Config is what a Planner needs.
type Config struct {
	Store Store
	Layer check.Layer // layers.USCountyBoundary
	// Layers validate the addresses of buildings; nil: nobody looks at them.
	Layers check.Layers
	// World is what calls use now, for the effects.
	World func() *snapshot.Snapshot
	Now   func() time.Time
}

// Planner plans, applies and undoes change sets. Safe for concurrent use.
type Planner struct{ cfg Config }

// New checks the configuration and reports all its faults.
func New(cfg Config) (*Planner, error) {
	if cfg.Store == nil || cfg.Layer == nil || cfg.World == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "a planner needs a store, a layer, a world and a clock")
	}
	return &Planner{cfg: cfg}, nil
}

// Store keeps the objects, the plans and the applied sets. The errors are those of
// admin.Store.
type Store interface {
	admin.Store
}

// Plan says what the set would do and keeps that for Life. Faults of steps are in
// the plan; the error is Invalid for a set that is no set, or the store's.
func (p *Planner) Plan(ctx context.Context, who admin.Actor, s Set) (Plan, error) {
	return Plan{}, e911.Errorf(e911.Unavailable, "plans are not kept here")
}

// Get returns a plan that has not expired; NotFound, also when it is another
// organisation's.
func (p *Planner) Get(ctx context.Context, org e911.OrgID, id string) (Plan, error) {
	return Plan{}, e911.Errorf(e911.NotFound, "there is no such plan")
}

// List returns a page of the organisation's plans in order of id, newest last.
func (p *Planner) List(ctx context.Context, org e911.OrgID, after string, limit int) ([]Plan, error) {
	return nil, nil
}

// Changes returns a page of a plan's changes: from offset, up to limit (at most
// admin.MaxPage).
func (p *Planner) Changes(ctx context.Context, org e911.OrgID, id string, offset, limit int) ([]Change, error) {
	return nil, e911.Errorf(e911.NotFound, "there is no such plan")
}

// Apply does what the plan says, in one transaction. Hash is the plan's: who applies
// has seen it. Conflict, with the difference, when what it rests on has moved.
func (p *Planner) Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, hash string) (Applied, error) {
	return Applied{}, e911.Errorf(e911.NotFound, "there is no such plan")
}

// GetApplied returns a set that was applied.
func (p *Planner) GetApplied(ctx context.Context, org e911.OrgID, id string) (Applied, error) {
	return Applied{}, e911.Errorf(e911.NotFound, "there is no such applied set")
}

// ListApplied returns a page of what was applied, newest first; before is the id of
// the last one of the page before.
func (p *Planner) ListApplied(ctx context.Context, org e911.OrgID, before string, limit int) ([]Applied, error) {
	return nil, nil
}

// Undo plans to put everything back that the applied set did. Conflict, with the
// difference, when something of it was changed since.
func (p *Planner) Undo(ctx context.Context, who admin.Actor, org e911.OrgID, appliedID string) (Plan, error) {
	return Plan{}, e911.Errorf(e911.NotFound, "there is no such applied set")
}
