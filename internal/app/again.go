package app

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
)

// resumeWithin is how old a call may be that is gone on with after a restart.
const resumeWithin = 24 * time.Hour

// callKinds are the facts by which a call is gone on with, or is over.
var callKinds = []journal.Kind{
	journal.CallArrived, journal.CallIdentified, journal.CallLocated, journal.CallDialog, journal.CallEnded,
}

// resumeCalls takes up again the calls that were up when the process before
// ended (D-17). It reads the end of the journal alone, so that a BYE which waits
// for its call waits no longer than that takes; it waits in any case no longer
// than this function runs. The calls are carried until ctx ends and they are
// handed over once more; carried tells when all are over.
func (s *Server) resumeCalls(ctx context.Context, last uint64, carried *sync.WaitGroup) (taken map[e911.CallID]bool) {
	defer s.edge.Resumed()
	taken = map[e911.CallID]bool{}
	open, err := s.leftUp(ctx, last)
	if err != nil {
		s.cfg.Log.Error("read which calls were up", obs.Err(err))
	}
	for id, l := range open {
		log := s.cfg.Log.With(obs.KeyCall, id, obs.KeyOrg, l.Arrived.Org)
		if s.cfg.Now().Sub(l.Arrived.At) > resumeWithin {
			continue
		}
		r, err := s.calls.Resume(*l)
		if err != nil {
			log.Error("a call that was up cannot be gone on with; its media may go on", obs.Err(err))
			continue
		}
		taken[id] = true
		log.Info("a call that was up when the node stopped goes on", "handed_over", l.Dialogs.HandedOver)
		carried.Go(func() { r.Carry(ctx) })
	}
	return taken
}

// leftUp finds the calls that were up.
func (s *Server) leftUp(ctx context.Context, last uint64) (map[e911.CallID]*emergency.Left, error) {
	a, err := disk.OpenArchive(filepath.Join(s.cfg.DataDir, "journal"))
	if err != nil {
		return nil, err
	}
	seen := map[e911.CallID]*emergency.Left{}
	segments := a.Segments()
	oldest := s.cfg.Now().Add(-resumeWithin)
	for i, seg := range segments {
		if i+1 < len(segments) && segments[i+1].Created.Before(oldest) {
			continue
		}
		err = seg.Scan(ctx, disk.Filter{Kinds: callKinds}, func(f journal.Fact) bool {
			if f.Seq <= last {
				if err := noteUp(seen, f); err != nil {
					s.cfg.Log.Warn("a fact in the journal is unreadable", obs.Err(err))
				}
			}
			return true
		})
		if err != nil {
			break
		}
	}
	for id, l := range seen {
		if l.Dialogs.N == 0 {
			delete(seen, id)
		}
	}
	return seen, err
}

func noteUp(seen map[e911.CallID]*emergency.Left, f journal.Fact) (err error) {
	if f.Kind == journal.CallArrived {
		seen[f.Call] = &emergency.Left{Arrived: f}
		return nil
	}
	l := seen[f.Call]
	if l == nil {
		return nil
	}
	switch f.Kind {
	case journal.CallIdentified:
		l.Who, err = journal.Decode[journal.Identified](f)
	case journal.CallLocated:
		l.Where, err = journal.Decode[journal.Located](f)
	case journal.CallDialog:
		l.Dialogs, err = journal.Decode[journal.Dialogs](f)
	case journal.CallEnded:
		delete(seen, f.Call)
	}
	return err
}

// restoreLeg is how the call path takes a leg up again.
func (s *Server) restoreLeg(ctx context.Context, d sipedge.DialogState) (emergency.Leg, error) {
	l, err := s.edge.Restore(ctx, d)
	if err != nil {
		return nil, err
	}
	return l, nil
}
