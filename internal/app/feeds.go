package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
)

// feedsOf tells what directories feed, out of a database (C-59). It follows nothing.
func feedsOf(st *database) admin.Feeds {
	svc, err := directoriesOf(st)
	if err != nil {
		return noFeeds{err}
	}
	return svc
}

func directoriesOf(st *database) (*directory.Service, error) {
	return directory.New(directory.Config{
		Store: st, Now: time.Now, Alarm: func(e911.OrgID, journal.Alarm) {}, Log: slog.New(slog.DiscardHandler),
	})
}

// leaversOf tells who left the directories, out of a database.
func leaversOf(st *database) func(context.Context, e911.OrgID) ([]admin.Leaver, error) {
	return func(ctx context.Context, org e911.OrgID) ([]admin.Leaver, error) {
		svc, err := directoriesOf(st)
		if err != nil {
			return nil, err
		}
		return svc.Leavers(ctx, org)
	}
}

// noFeeds says why it is not known what directories feed: nothing is changed then.
type noFeeds struct{ err error }

func (n noFeeds) Fed(context.Context, e911.OrgID, ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	return nil, n.err
}

// lateFeeds asks the database once it is open.
type lateFeeds struct{ l *lateStore }

func (l lateFeeds) Fed(ctx context.Context, org e911.OrgID, users ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	st := l.l.get()
	if st == nil {
		return nil, errNoStore
	}
	return feedsOf(st).Fed(ctx, org, users...)
}

// exportTable reads a table; what directories feed is left blank.
func exportTable(ctx context.Context, st *database, org e911.OrgID, kind sheet.Kind) (t sheet.Table, err error) {
	var fed map[e911.UserID]admin.Fed
	if kind == sheet.Users || kind == sheet.Numbers {
		if fed, err = feedsOf(st).Fed(ctx, org); err != nil {
			return t, err
		}
	}
	err = st.Read(ctx, func(r admin.Reader) error {
		t, err = sheet.ExportFed(ctx, r, org, kind, fed)
		return err
	})
	return t, err
}

// offlineRoles ends the roles that a directory gave while no server runs. It gives
// none: nothing reads a directory then. Sessions need no end: without a role they
// open nothing.
func offlineRoles(st *database) func(context.Context, e911.OrgID, string, []directory.RoleWish) ([]e911.Fault, error) {
	return func(ctx context.Context, org e911.OrgID, source string, _ []directory.RoleWish) ([]e911.Fault, error) {
		desk, err := member.New(member.Config{Now: time.Now, Store: func() member.Store { return st }})
		if err != nil {
			return nil, err
		}
		c, err := desk.ApplyDirectory(ctx, org, source, nil)
		return c.Faults, err
	}
}

// directoryRoles brings the roles that a directory gives in step: who is new gets an
// invitation, and the sessions of who has left end.
func (s *Server) directoryRoles(ctx context.Context, org e911.OrgID, source string, wishes []directory.RoleWish) ([]e911.Fault, error) {
	roles := make([]member.DirectoryRole, len(wishes))
	for i, w := range wishes {
		roles[i] = member.DirectoryRole{Email: w.Email, Name: w.Name, Role: w.Role, Site: w.Site, Group: w.Group, Ends: w.Ends}
	}
	c, err := s.access.members.ApplyDirectory(ctx, org, source, roles)
	if err != nil {
		return nil, err
	}
	for _, g := range c.Given {
		if g.Secret == "" || s.signsInElsewhere(ctx, org) {
			continue
		}
		if _, mailed := s.web.Invite(g); !mailed {
			c.Faults = append(c.Faults, e911.Fault{
				Path: "roles", Code: "no_mail", Msg: "somebody new was given a role, and no invitation could be mailed", Fix: "make him a link: callbox member link ADDRESS",
			})
		}
	}
	for _, who := range c.Left {
		if err := s.access.signon.End(ctx, who, nil, true); err != nil {
			return c.Faults, err
		}
	}
	return c.Faults, nil
}

// signsInElsewhere reports whether people of an organisation sign in by its own
// identity provider alone: a link to choose a password would lead nowhere. When it
// cannot be told, they are invited.
func (s *Server) signsInElsewhere(ctx context.Context, org e911.OrgID) bool {
	p, err := s.access.providers.desk.Policy(ctx, org)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "it cannot be told whether people sign in by their organisation alone; they are invited", obs.Err(err))
	}
	return err == nil && p.Force
}
