package app

import (
	"context"
	"errors"
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

const (
	// resumeWithin is how old a call may be that is gone on with after a restart.
	resumeWithin = 24 * time.Hour
	// waitsWithin is how long ago the last fact of a call may be whose caller waited
	// for an answer: after that he has given up unheard, and a PSAP must not be
	// called for nobody.
	waitsWithin = 5 * time.Minute
	// knowFirst is how long a call whose caller waits is let wait for what the
	// journal knows of devices and telephones, so that it is decided by all of it.
	knowFirst = time.Second
)

// callKinds are the facts by which a call is gone on with, or is over.
var callKinds = []journal.Kind{
	journal.CallArrived, journal.CallIdentified, journal.CallLocated, journal.CallDialog, journal.CallEnded,
	journal.CallInvite, journal.CallRouted, journal.CallLeg, journal.CallAttempt, journal.CallProgress, journal.CallFailed,
	journal.CallChanged, journal.NotifyDue,
}

// goesOn says of a call that it is gone on with, and how.
type goesOn struct{ waits bool }

// leftCall is a call without an end: its facts, unread, for most calls of a
// segment have ended.
type leftCall struct{ facts []journal.Fact }

// resumeCalls takes up again the calls that were up when the process before
// ended, and those whose callers waited for an answer (D-17, F-02). It reads the end of the journal alone, so that a BYE which waits
// for its call waits no longer than that takes; it waits in any case no longer
// than this function runs. The calls are carried until ctx ends and they are
// handed over once more; carried tells when all are over, and known is closed
// when the whole journal was read.
func (s *Server) resumeCalls(ctx context.Context, last uint64, carried *sync.WaitGroup, known <-chan struct{}) (taken map[e911.CallID]goesOn) {
	defer s.edge.Resumed()
	taken = map[e911.CallID]goesOn{}
	open, err := s.leftUp(ctx, last)
	if err != nil {
		s.cfg.Log.Error("read which calls were up", obs.Err(err))
	}
	s.returning(open)
	for id, l := range open {
		log := s.cfg.Log.With(obs.KeyCall, id, obs.KeyOrg, l.Arrived.Org)
		waits := l.Dialogs.N == 0
		if s.tooLongAgo(l) {
			continue
		}
		r, err := s.calls.Resume(*l)
		if err != nil {
			log.Error("a call that was in progress cannot be gone on with; its media may go on", "waiting", waits, obs.Err(err))
			continue
		}
		taken[id] = goesOn{waits}
		log.Info("a call that was in progress when the node stopped goes on", "waiting", waits, "handed_over", l.Dialogs.HandedOver)
		carried.Go(func() {
			if waits {
				awaitKnown(ctx, known)
			}
			r.Carry(ctx)
		})
	}
	return taken
}

// returning tells the edge which calls come back, so that no other waits for them.
func (s *Server) returning(open map[e911.CallID]*emergency.Left) {
	ids := make([]string, 0, len(open))
	for _, l := range open {
		if s.tooLongAgo(l) {
			continue
		}
		if l.Waiting == nil || l.Waiting.Invite == nil || l.Waiting.Invite.SIPCallID == "" {
			return // it may be any
		}
		ids = append(ids, l.Waiting.Invite.SIPCallID)
	}
	s.edge.Returning(ids)
}

// tooLongAgo reports a call that nobody is there for any more.
func (s *Server) tooLongAgo(l *emergency.Left) bool {
	now := s.cfg.Now()
	return now.Sub(l.Arrived.At) > resumeWithin || l.Dialogs.N == 0 && now.Sub(l.Waiting.Last) > waitsWithin
}

func awaitKnown(ctx context.Context, known <-chan struct{}) {
	limit := time.NewTimer(knowFirst)
	defer limit.Stop()
	select {
	case <-known:
	case <-limit.C:
	case <-ctx.Done():
	}
}

// leftUp finds the calls that have no end.
func (s *Server) leftUp(ctx context.Context, last uint64) (map[e911.CallID]*emergency.Left, error) {
	a, err := disk.OpenArchive(filepath.Join(s.cfg.DataDir, "journal"))
	if err != nil {
		return nil, err
	}
	seen := map[e911.CallID]*leftCall{}
	segments := a.Segments()
	oldest := s.cfg.Now().Add(-resumeWithin)
	for i, seg := range segments {
		if i+1 < len(segments) && segments[i+1].Created.Before(oldest) {
			continue
		}
		err = seg.Scan(ctx, disk.Filter{Kinds: callKinds}, func(f journal.Fact) bool {
			if f.Seq <= last {
				noteUp(seen, f)
			}
			return true
		})
		if err != nil {
			break
		}
	}
	open := make(map[e911.CallID]*emergency.Left, len(seen))
	for id, l := range seen {
		var bad error
		if open[id], bad = l.left(); bad != nil {
			s.cfg.Log.Warn("a fact in the journal is unreadable", obs.Err(bad))
		}
	}
	return open, err
}

func noteUp(seen map[e911.CallID]*leftCall, f journal.Fact) {
	switch l := seen[f.Call]; {
	case f.Kind == journal.CallArrived:
		seen[f.Call] = &leftCall{[]journal.Fact{f}}
	case l == nil:
	case f.Kind == journal.CallEnded:
		delete(seen, f.Call)
	default:
		l.facts = append(l.facts, f)
	}
}

// left reads the facts of a call.
func (l *leftCall) left() (*emergency.Left, error) {
	out := &emergency.Left{Arrived: l.facts[0], Waiting: &emergency.Waiting{Last: l.facts[0].At}}
	var errs []error
	for _, f := range l.facts[1:] {
		var err error
		switch f.Kind {
		case journal.CallIdentified:
			out.Who, err = journal.Decode[journal.Identified](f)
		case journal.CallLocated:
			out.Where, err = journal.Decode[journal.Located](f)
		case journal.CallDialog:
			out.Dialogs, err = journal.Decode[journal.Dialogs](f)
		case journal.CallFailed:
			var gone journal.Failed
			if gone, err = journal.Decode[journal.Failed](f); err == nil && gone.N == out.Dialogs.N && out.Dialogs.AnsweredAt.IsZero() {
				out.Dialogs = journal.Dialogs{} // it hung up before the caller was connected
			}
		}
		errs = append(errs, err, out.Waiting.Note(f))
	}
	return out, errors.Join(errs...)
}

// restoreLeg is how the call path takes a leg up again.
func (s *Server) restoreLeg(ctx context.Context, d sipedge.DialogState) (emergency.Leg, error) {
	l, err := s.edge.Restore(ctx, d)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// reopenLeg and redialLeg do the same for legs that nobody has answered.
func (s *Server) reopenLeg(ctx context.Context, invite *sipedge.Request, tag string) (emergency.Leg, error) {
	l, err := s.edge.RestoreInvite(ctx, invite, tag)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (s *Server) redialLeg(ctx context.Context, d sipedge.DialledState, with sipedge.Redialled) (emergency.Leg, error) {
	l, err := s.edge.RestoreDialled(ctx, d, with)
	if err != nil {
		return nil, err
	}
	return l, nil
}
