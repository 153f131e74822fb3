package app

import (
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/lint"
)

const (
	// lintRest is how long the dial plans are let alone after a look at them, in times
	// that it took: publishes come many a second while tables come in.
	lintRest = 10
	// lintAgain is when who could not be told is told again.
	lintAgain = time.Minute
)

// lookAtDialPlans looks at the dial plan of each organisation when it was published
// anew, so that findings stand ready for who asks, and tells administrators of new
// dangers (N-48), until ctx ends. No call and no publish waits for it.
func (s *Server) lookAtDialPlans(ctx context.Context) error {
	again := time.NewTicker(lintAgain)
	defer again.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	told := map[e911.OrgID][]lint.Finding{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-rest.C:
		}
		began := time.Now()
		s.lookAtDialPlansNow(ctx, told)
		rest.Reset(lintRest * time.Since(began))
		select {
		case <-ctx.Done():
			return nil
		case <-s.replaced:
		case <-again.C:
		}
	}
}

// lookAtDialPlansNow looks at those that are another than told has them.
func (s *Server) lookAtDialPlansNow(ctx context.Context, told map[e911.OrgID][]lint.Finding) {
	w := s.holder.Load()
	for id := range told {
		if w.Org(id) == nil {
			delete(told, id)
		}
	}
	for o := range w.Orgs() {
		found := s.lints.Of(w, o)
		if was, ok := told[o.ID()]; ok && slices.Equal(was, found) || ctx.Err() != nil {
			continue
		}
		svc, err := s.setupDesk()
		if err != nil {
			return // the database went away this moment
		}
		now := s.cfg.Now()
		n, err := svc.WatchDialPlan(ctx, o.ID(), now)
		if err != nil {
			if ctx.Err() == nil {
				s.cfg.Log.WarnContext(ctx, "who is told of a dial plan cannot be kept", obs.KeyOrg, o.ID(), obs.Err(err))
			}
			continue
		}
		if told[o.ID()] = found; n != nil {
			s.tellAdmins(ctx, o.ID(), now, *n)
		}
	}
}

// worldReplaced says that another world was published.
func (s *Server) worldReplaced() {
	select {
	case s.replaced <- struct{}{}:
	default: // somebody looks already, at what is newest
	}
}
