package app

import (
	"context"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/snapshot"
)

// lookAtFirstUse is how often it is looked who did not say where he is.
const lookAtFirstUse = time.Hour

// remindUsers writes to users who were asked where they are and did not answer, until
// ctx ends. No call asks it.
func (s *Server) remindUsers(ctx context.Context) error {
	tick := time.NewTicker(lookAtFirstUse)
	defer tick.Stop()
	for {
		s.lookAtUsers(ctx, s.cfg.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookAtUsers looks at each organisation at a time. One that cannot be looked at keeps
// none of the others from it.
func (s *Server) lookAtUsers(ctx context.Context, now time.Time) {
	desk, err := s.firstUse()
	st, people := s.store.get(), s.store.people.Load()
	svc, serr := s.setupDesk()
	if err != nil || serr != nil || st == nil || people == nil {
		return // the database went away this moment
	}
	for o := range s.holder.Load().Orgs() {
		if ctx.Err() != nil {
			return
		}
		on, err := s.reminds(ctx, svc.Reminders, o)
		if err == nil && on {
			var since map[e911.UserID]time.Time
			if since, err = people.Unplaced(ctx, o.ID()); err == nil {
				_, err = desk.Remind(ctx, st, firstuse.Look{Org: o.ID(), Now: now, Since: since, Node: s.cfg.Node, Hand: s.handReminder})
			}
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "look who did not say where he is", obs.KeyOrg, o.ID(), obs.Err(err))
		}
	}
}

// reminds reports whether users of an organisation are written to: not those of a
// demonstration, whose addresses are made up.
func (s *Server) reminds(ctx context.Context, wanted func(context.Context, e911.OrgID) (bool, error), o *snapshot.Org) (bool, error) {
	if s.cfg.Mail.Server == "" || o.Config().Demonstration {
		return false, nil
	}
	return wanted(ctx, o.ID())
}

// handReminder gives a letter to the outbox, by a fact: it is there after a crash, and
// two facts of one letter are one mail.
func (s *Server) handReminder(ctx context.Context, l firstuse.Letter) error {
	due := journal.Due{
		Reason: journal.DueFirstUse, OrgName: l.OrgName, ArrivedAt: l.At,
		FirstUse: &journal.FirstUse{To: l.To, User: l.User, Name: l.Name, Times: l.Times, Placed: l.Placed, Accepted: l.Accepted},
	}
	if base := strings.TrimRight(s.cfg.BaseURL, "/"); base != "" {
		due.FirstUse.Link = base + "/my"
	}
	receipt := s.journal.Record(journal.New(journal.NotifyDue, l.At, l.Org, "", due))
	select {
	case <-receipt.Synced:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := receipt.Err(); err != nil {
		return err
	}
	// A call of his says from now on that he was asked. Where that cannot be noted the
	// letter goes all the same.
	if _, err := s.asking().Ask(ctx, "reminder of first use", l.Org, l.User); err != nil {
		s.cfg.Log.WarnContext(ctx, "note that a user is asked where he is", obs.KeyOrg, l.Org, obs.Err(err))
	}
	return nil
}

// FirstUse implements api.FirstUse.
func (f lateFirstUse) FirstUse(ctx context.Context, org e911.OrgID) (firstuse.State, error) {
	return f.s.stateOfFirstUse(ctx, org)
}

// SetReminders implements api.FirstUse.
func (f lateFirstUse) SetReminders(ctx context.Context, who admin.Actor, org e911.OrgID, on bool) error {
	svc, err := f.s.setupDesk()
	if err != nil {
		return err
	}
	return svc.SetReminders(ctx, who, org, on)
}

// lateFirstUse is who did not say where he is, once the database is open.
type lateFirstUse struct{ s *Server }

func (s *Server) stateOfFirstUse(ctx context.Context, org e911.OrgID) (firstuse.State, error) {
	out := firstuse.State{Mails: s.cfg.Mail.Server != ""}
	desk, err := s.firstUse()
	if err != nil {
		return out, err
	}
	svc, err := s.setupDesk()
	if err != nil {
		return out, err
	}
	st, people := s.store.get(), s.store.people.Load()
	if st == nil || people == nil {
		return out, errNoStore
	}
	since, err := people.Unplaced(ctx, org)
	if err != nil {
		return out, err
	}
	if out.Reminders, err = svc.Reminders(ctx, org); err != nil {
		return out, err
	}
	if out.Users, err = desk.Report(ctx, org, since); err != nil {
		return out, err
	}
	was, err := st.Reminded(ctx, org)
	if err != nil {
		return out, err
	}
	desk.Remindable(org, out.Users, was, out.Mails, !out.Reminders)
	return out, nil
}
