package app

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
)

// endedByCrash is the reason on record of a call that was in progress when its
// node stopped. Its media flows past us (D-05) and may well have gone on.
const endedByCrash = "Callbox was stopped or restarted during the call; the talk may have gone on"

// resume reads the journal once from the start: where devices were, and which
// calls were in progress when the node stopped. Calls do not wait for it.
// Then it only waits for ctx.
func (s *Server) resume(ctx context.Context) error {
	if last := s.journal.Stat().Synced; last > 0 {
		open := map[e911.CallID]journal.Fact{}
		read, cancel := context.WithCancel(ctx)
		defer cancel()
		for f := range s.journal.Subscribe(read, 1) {
			if err := s.lis.Restore(f); err != nil {
				s.cfg.Log.Warn("a device location in the journal is unreadable", obs.Err(err))
			}
			noteOpen(open, f)
			if f.Seq >= last {
				break
			}
		}
		if ctx.Err() == nil {
			s.endOpen(open)
		}
	}
	<-ctx.Done()
	return nil
}

// noteOpen keeps the arrival of every call that has no end yet.
func noteOpen(open map[e911.CallID]journal.Fact, f journal.Fact) {
	switch f.Kind {
	case journal.CallArrived:
		open[f.Call] = f
	case journal.CallEnded:
		delete(open, f.Call)
	}
}

// endOpen puts an end on record for calls that a stopped node left open, so
// that no page shows them as in progress for ever.
func (s *Server) endOpen(open map[e911.CallID]journal.Fact) {
	now := s.cfg.Now()
	for id, arrived := range open {
		s.journal.Record(journal.New(journal.CallEnded, now, arrived.Org, id, journal.Ended{
			By: "callbox", Reason: endedByCrash, DurationMS: now.Sub(arrived.At).Milliseconds(),
		}))
		s.cfg.Log.Warn("a call was in progress when this node stopped", obs.KeyCall, id, obs.KeyOrg, arrived.Org)
	}
}
