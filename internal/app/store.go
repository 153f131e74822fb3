package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/run"
)

// reopenAfter is how long the server waits before it tries again to open a
// database that could not be opened.
const reopenAfter = 5 * time.Second

var errNoStore = e911.Errorf(e911.Unavailable, "the database does not answer now; calls go on, changes have to wait")

// lateStore is the database once it is open: the server takes calls before.
type lateStore struct {
	p      atomic.Pointer[database]
	desk   atomic.Pointer[inventoryDesk]
	layers atomic.Pointer[layer.Planner]
	lists  atomic.Pointer[reconcile.Service]
	jobs   atomic.Pointer[job.Queue]
	people atomic.Pointer[directory.Service]
}

func (l *lateStore) get() *database { return l.p.Load() }

// ListCalls implements report.Reader.
func (l *lateStore) ListCalls(ctx context.Context, org e911.OrgID, before e911.CallID, limit int) ([]report.CallRecord, error) {
	if st := l.get(); st != nil {
		return st.ListCalls(ctx, org, before, limit)
	}
	return nil, errNoStore
}

// Call implements report.Reader.
func (l *lateStore) Call(ctx context.Context, org e911.OrgID, id e911.CallID) (report.CallRecord, error) {
	if st := l.get(); st != nil {
		return st.Call(ctx, org, id)
	}
	return report.CallRecord{}, errNoStore
}

// runStore opens the database, again and again until it can, and then keeps
// call records and publishes changes until ctx ends.
func (s *Server) runStore(ctx context.Context) error {
	if s.cfg.NoStore {
		<-ctx.Done()
		return nil
	}
	for {
		st, err := openDatabase(ctx, databaseConfig{
			Dir: s.cfg.DataDir, Where: s.cfg.Store, Ring: s.ring, Now: s.cfg.Now, Log: s.cfg.Log, Wrap: s.cfg.WrapDB,
		})
		if err == nil {
			s.cfg.Log.Info("the database is open", "where", s.storePlace())
			return s.useStore(ctx, st)
		}
		s.cfg.Log.Error("the database cannot be opened; calls go on", obs.Err(err))
		again := time.NewTimer(reopenAfter)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return nil
		}
	}
}

func (s *Server) useStore(ctx context.Context, st *database) error {
	projector, err := report.NewProjector(report.ProjectorConfig{
		Node: s.cfg.Node, Feed: s.journal, Store: st, Now: s.cfg.Now, Log: s.cfg.Log,
		Last: func() uint64 { return s.journal.Stat().Next - 1 },
	})
	if err != nil {
		return errors.Join(err, st.Close())
	}
	desk, keep, err := s.openInventory(st)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	s.store.desk.Store(desk)
	defer s.store.desk.Store(nil)
	if err := desk.editor.EnsureTokenKey(ctx, "server"); err != nil {
		s.cfg.Log.WarnContext(ctx, "the key of location tokens was not made; devices are told where they are by value alone", obs.Err(err))
	}
	planner, err := s.layerDesk(st)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	watch, err := s.addressWatch(planner)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	lists, compare, err := s.reconciler(st)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	s.store.lists.Store(lists)
	defer s.store.lists.Store(nil)
	people, follow, err := s.followDirectories(st)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	s.store.people.Store(people)
	defer s.store.people.Store(nil)
	jobs, err := s.openJobs(st)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	s.store.jobs.Store(jobs)
	defer s.store.jobs.Store(nil)
	s.store.layers.Store(planner)
	defer s.store.layers.Store(nil)
	s.store.p.Store(st)
	defer s.store.p.Store(nil)
	var g run.Group
	g.Go(run.Part{Name: "call records", Run: projector.Run})
	g.Go(keep)
	g.Go(watch)
	g.Go(compare)
	g.Go(follow)
	g.Go(run.Part{Name: "tests of who is told, and charges", Run: s.watchSetUps})
	g.Go(run.Part{Name: "users who are asked where they are", Run: s.remindUsers})
	g.Go(run.Part{Name: "who holds keys, and what ends of identity providers", Run: s.watchSignOn})
	g.Go(run.Part{Name: "dial plans", Run: s.lookAtDialPlans})
	g.Go(run.Part{Name: "states of trunks", Run: func(ctx context.Context) error { return s.keepTrunkStates(ctx, st) }})
	g.Go(run.Part{Name: "jobs", Run: jobs.Run})
	g.Go(run.Part{Name: "publish", Run: func(ctx context.Context) error { return s.publish.Run(ctx, st) }})
	select {
	case <-ctx.Done():
	case err = <-g.Failed():
	}
	return errors.Join(err, g.Stop(), st.Close())
}
