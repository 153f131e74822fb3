package app

import (
	"context"
	"fmt"
	"io"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/foreign"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/station"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// lateLists compares platforms' lists with the database once it is open.
type lateLists struct{ l *lateStore }

func viaLists[T any](l lateLists, ask func(*reconcile.Service) (T, error)) (T, error) {
	svc := l.l.lists.Load()
	if svc == nil {
		var none T
		return none, errNoStore
	}
	return ask(svc)
}

func (l lateLists) Status(ctx context.Context, org e911.OrgID) ([]reconcile.Status, error) {
	return viaLists(l, func(s *reconcile.Service) ([]reconcile.Status, error) { return s.Status(ctx, org) })
}

func (l lateLists) Sources(ctx context.Context, org e911.OrgID) ([]reconcile.Source, error) {
	return viaLists(l, func(s *reconcile.Service) ([]reconcile.Source, error) { return s.Sources(ctx, org) })
}

func (l lateLists) Source(ctx context.Context, org e911.OrgID, key string) (reconcile.Source, error) {
	return viaLists(l, func(s *reconcile.Service) (reconcile.Source, error) { return s.Source(ctx, org, key) })
}

func (l lateLists) Save(ctx context.Context, who admin.Actor, src reconcile.Source) (reconcile.Source, error) {
	return viaLists(l, func(s *reconcile.Service) (reconcile.Source, error) { return s.Save(ctx, who, src) })
}

func (l lateLists) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error {
	_, err := viaLists(l, func(s *reconcile.Service) (struct{}, error) { return struct{}{}, s.Delete(ctx, who, org, key) })
	return err
}

func (l lateLists) Last(ctx context.Context, org e911.OrgID, key string) (reconcile.Run, error) {
	return viaLists(l, func(s *reconcile.Service) (reconcile.Run, error) { return s.Last(ctx, org, key) })
}

func (l lateLists) Runs(ctx context.Context, org e911.OrgID, key string, limit int) ([]reconcile.Run, error) {
	return viaLists(l, func(s *reconcile.Service) ([]reconcile.Run, error) { return s.Runs(ctx, org, key, limit) })
}

func (l lateLists) Compare(ctx context.Context, org e911.OrgID, key string) (reconcile.Run, error) {
	return viaLists(l, func(s *reconcile.Service) (reconcile.Run, error) { return s.Compare(ctx, org, key) })
}

func (l lateLists) RunNow(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (reconcile.Run, error) {
	return viaLists(l, func(s *reconcile.Service) (reconcile.Run, error) { return s.RunNow(ctx, who, org, key) })
}

func (l lateLists) Push(ctx context.Context, who admin.Actor, org e911.OrgID, key, name string, list io.Reader) (reconcile.Run, error) {
	return viaLists(l, func(s *reconcile.Service) (reconcile.Run, error) { return s.Push(ctx, who, org, key, name, list) })
}

func (l lateLists) Plan(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (change.Plan, error) {
	return viaLists(l, func(s *reconcile.Service) (change.Plan, error) { return s.Plan(ctx, who, org, key) })
}

// stationsOf reports the stations of an organisation that is known by its id.
func (s *Server) stationsOf(ctx context.Context, org e911.OrgID, site string) (station.Report, error) {
	return s.Stations(ctx, s.orgKey(org), site)
}

// foreignOf plans what other products' exports would change. One reading at a time:
// files are read whole, and calls come first.
func (s *Server) foreignOf() api.Foreign {
	busy := make(chan struct{}, 1)
	return func(ctx context.Context, who admin.Actor, org e911.OrgID, ask api.ForeignAsk) (api.ForeignPlan, error) {
		st := s.store.get()
		if st == nil {
			return api.ForeignPlan{}, errNoStore
		}
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		case <-ctx.Done():
			return api.ForeignPlan{}, fmt.Errorf("wait for another import: %w", ctx.Err())
		}
		res, err := foreign.Read(ask.Origin, ask.Files, ask.Options)
		if err != nil {
			return api.ForeignPlan{}, err
		}
		p, err := s.changePlanner(st)
		if err != nil {
			return api.ForeignPlan{}, err
		}
		report := ForeignReport{Result: res}
		err = importForeign(ctx, foreignStore{st, s.shelf(st), p}, foreignJob{
			ForeignTarget: ForeignTarget{id: org, who: who, Partial: ask.Partial, Replace: ask.Replace, Unroute: ask.Unroute, DryRun: true},
			Result:        res, Tables: res.Tables,
		}, &report)
		return api.ForeignPlan{Result: report.Result, Tables: report.Tables, Plan: report.Plan}, err
	}
}
