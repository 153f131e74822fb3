package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// lateDirectories follows directories of people with the database once it is open.
type lateDirectories struct{ l *lateStore }

func viaDirectories[T any](l lateDirectories, ask func(*directory.Service) (T, error)) (T, error) {
	svc := l.l.people.Load()
	if svc == nil {
		var none T
		return none, errNoStore
	}
	return ask(svc)
}

func (l lateDirectories) Sources(ctx context.Context, org e911.OrgID) ([]directory.Source, error) {
	return viaDirectories(l, func(s *directory.Service) ([]directory.Source, error) { return s.Sources(ctx, org) })
}

func (l lateDirectories) Source(ctx context.Context, org e911.OrgID, key string) (directory.Source, error) {
	return viaDirectories(l, func(s *directory.Service) (directory.Source, error) { return s.Source(ctx, org, key) })
}

func (l lateDirectories) Save(ctx context.Context, who admin.Actor, src directory.Source) (directory.Source, error) {
	return viaDirectories(l, func(s *directory.Service) (directory.Source, error) { return s.Save(ctx, who, src) })
}

func (l lateDirectories) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error {
	_, err := viaDirectories(l, func(s *directory.Service) (struct{}, error) { return struct{}{}, s.Delete(ctx, who, org, key) })
	return err
}

func (l lateDirectories) Last(ctx context.Context, org e911.OrgID, key string) (directory.Report, error) {
	return viaDirectories(l, func(s *directory.Service) (directory.Report, error) { return s.Last(ctx, org, key) })
}

func (l lateDirectories) Unplaced(ctx context.Context, org e911.OrgID) (map[e911.UserID]time.Time, error) {
	return viaDirectories(l, func(s *directory.Service) (map[e911.UserID]time.Time, error) { return s.Unplaced(ctx, org) })
}

func (l lateDirectories) Placed(ctx context.Context, org e911.OrgID, user e911.UserID) error {
	_, err := viaDirectories(l, func(s *directory.Service) (struct{}, error) { return struct{}{}, s.Placed(ctx, org, user) })
	return err
}

// directoryJob reads or takes over a directory; its result is the report.
func (s *Server) directoryJob(ctx context.Context, w job.Work) (any, error) {
	var a api.DirectorySync
	if err := json.Unmarshal(w.Args, &a); err != nil {
		return nil, e911.Errorf(e911.Invalid, "the run of a directory cannot be read: %v", err)
	}
	svc := s.store.people.Load()
	if svc == nil {
		return nil, errNoStore
	}
	return svc.Sync(ctx, w.Job.Who, w.Job.Org, a.Key, a.Shrunk)
}
