package app

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
)

// endedByCrash is the reason on record of a call that was in progress when its
// node stopped. Its media flows past us (D-05) and may well have gone on.
const endedByCrash = "Callbox was stopped or restarted during the call; the talk may have gone on"

// flagRestarted marks a notice that was made after a restart: the node stopped
// between the call's arrival and telling people.
const flagRestarted = "node_restarted"

// left is what the journal knows of a call that has no end.
type left struct {
	arrived journal.Fact
	told    bool
	who     journal.Identified
	where   journal.Located
	route   journal.Routed
}

// resume reads the journal once from the start: where devices were, which
// telephones are registered, and which calls were in progress when the node
// stopped: those that were up, and those whose callers waited for an answer, are
// gone on with before anything else. New calls do not wait for it. Then it only waits for ctx, and carries those calls.
func (s *Server) resume(ctx context.Context) error {
	var carried sync.WaitGroup
	defer carried.Wait()
	if last := s.before; last > 0 {
		known := make(chan struct{})
		taken := s.resumeCalls(ctx, last, &carried, known)
		open := map[e911.CallID]*left{}
		read, cancel := context.WithCancel(ctx)
		defer cancel()
		for f := range s.journal.Subscribe(read, 1) {
			if err := errors.Join(s.lis.Restore(f), s.plus.Restore(f), s.phones.Restore(f), s.door.Restore(f), s.backs.Restore(f), noteLeft(open, f)); err != nil {
				s.cfg.Log.Warn("a fact in the journal is unreadable", obs.Err(err))
			}
			if err := s.trials.Restore(f); err != nil {
				s.cfg.Log.Warn("a test in the journal is unreadable", obs.Err(err))
			}
			if f.Seq >= last {
				break
			}
		}
		s.backs.Restored()
		close(known)
		if ctx.Err() == nil {
			s.endLeft(open, taken)
		}
	}
	if ctx.Err() == nil {
		s.trials.Restored()
	}
	<-ctx.Done()
	return nil
}

// noteLeft keeps what is known of every call that has no end yet.
func noteLeft(open map[e911.CallID]*left, f journal.Fact) (err error) {
	if f.Kind == journal.CallArrived {
		open[f.Call] = &left{arrived: f}
		return nil
	}
	l := open[f.Call]
	if l == nil {
		return nil
	}
	switch f.Kind {
	case journal.CallIdentified:
		l.who, err = journal.Decode[journal.Identified](f)
	case journal.CallLocated:
		l.where, err = journal.Decode[journal.Located](f)
	case journal.CallRouted:
		l.route, err = journal.Decode[journal.Routed](f)
	case journal.NotifyDue:
		l.told = true
	case journal.CallEnded:
		delete(open, f.Call)
	}
	return err
}

// endLeft makes good what the stopped node did not come to: people are told of
// calls of which nobody was (F-29), and an end is put on record of those that
// are not gone on with, so that no page shows such a call as in progress for
// ever. A call whose caller waits tells people itself.
func (s *Server) endLeft(open map[e911.CallID]*left, taken map[e911.CallID]goesOn) {
	now := s.cfg.Now()
	for id, l := range open {
		org := l.arrived.Org
		how, on := taken[id]
		if !l.told && !how.waits {
			due, err := s.lateDue(l)
			if err != nil {
				s.cfg.Log.Error("a fact in the journal is unreadable", obs.Err(err))
			}
			s.journal.Record(journal.New(journal.NotifyDue, now, org, id, due))
		}
		if on {
			continue
		}
		s.journal.Record(journal.New(journal.CallEnded, now, org, id, journal.Ended{
			By: "callbox", Reason: endedByCrash, DurationMS: now.Sub(l.arrived.At).Milliseconds(),
		}))
		s.backs.End(id, now)
		s.cfg.Log.Warn("a call was in progress when this node stopped", obs.KeyCall, id, obs.KeyOrg, org, "told", l.told)
	}
}

// lateDue makes the notice of a call from what the journal has of it.
func (s *Server) lateDue(l *left) (journal.Due, error) {
	a, err := journal.Decode[journal.Arrived](l.arrived)
	due := journal.Due{
		Reason: journal.DueLate, Class: a.Class, Dialled: a.Dialled, IdentifiedBy: l.who.By, Line: l.who.Line, Callback: l.who.Callback,
		Place: l.where.Place, LocatedBy: l.where.By, PSAP: l.route.PSAP, ArrivedAt: l.arrived.At, Demonstration: a.Demonstration,
		Flags: slices.Concat(l.who.Flags, l.where.Flags, l.route.Flags, []string{flagRestarted}),
	}
	if a.Class == e911.ClassTest933 {
		due.Reason = journal.DueTest
	}
	switch {
	case l.who.User != nil && l.who.User.Name != "":
		due.Who = l.who.User.Name
	case l.who.Line != "":
		due.Who = string(l.who.Line)
	default:
		due.Who = "unknown caller on trunk " + a.Trunk.Key
	}
	o := s.holder.Load().Org(l.arrived.Org)
	if o == nil {
		return due, err
	}
	due.OrgName = o.Config().Name
	site := l.where.Place.Site
	if site == "" && l.who.Site != nil {
		site = e911.SiteID(l.who.Site.ID)
	}
	if st, ok := o.Site(site); ok {
		due.Site, due.SiteName, due.Zone = st.ID, st.Name, st.Zone
	}
	return due, err
}
