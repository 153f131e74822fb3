package app

import (
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
)

const (
	// lookAtCalls is how often unregistered calls are counted, lookAtSites how often
	// the checklists are looked at.
	lookAtCalls = time.Hour
	lookAtSites = 24 * time.Hour
)

// watchSetUps tells administrators of what runs out, falls back or costs, until ctx
// ends. Nothing of it is asked by a call.
func (s *Server) watchSetUps(ctx context.Context) error {
	tick := time.NewTicker(lookAtCalls)
	defer tick.Stop()
	var sites time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := s.cfg.Now()
		due := now.Sub(sites) >= lookAtSites
		if due {
			sites = now
		}
		s.lookAtSetUps(ctx, now, due)
	}
}

// lookAtSetUps looks at each organisation at a time, and with sites at its checklists.
// One that cannot be looked at keeps none of the others from it.
func (s *Server) lookAtSetUps(ctx context.Context, now time.Time, sites bool) {
	svc, err := s.setupDesk()
	if err != nil {
		return // the database went away this moment
	}
	for o := range s.holder.Load().Orgs() {
		found, err := svc.WatchCalls(ctx, o.ID(), now)
		if err == nil && sites {
			var more []setup.AdminNotice
			more, err = svc.WatchSites(ctx, o.ID(), now)
			found = append(found, more...)
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "look at the set-up of an organisation", obs.KeyOrg, o.ID(), obs.Err(err))
		}
		for _, n := range found {
			s.tellAdmins(ctx, o.ID(), now, n)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// tellAdmins raises an alarm, and writes to the administrators of the organisation, for
// "" to those of the provider, or, where there is none, to nobody.
func (s *Server) tellAdmins(ctx context.Context, org e911.OrgID, now time.Time, n setup.AdminNotice) {
	s.alarm(org, journal.Alarm{Code: n.Code, Detail: n.Subject})
	all, err := s.access.members.At(ctx, access.Node{Org: string(org)})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "nobody was written to, whom an alarm is for", obs.KeyOrg, org, obs.Err(err))
		return
	}
	admin := access.Organisation
	if org == "" {
		admin = access.Provider
	}
	var to []string
	for _, m := range all {
		if m.Grant.Role == admin && m.Grant.Holds(now) && m.Identity.Disabled.IsZero() && !slices.Contains(to, member.FoldEmail(m.Identity.Email)) {
			to = append(to, member.FoldEmail(m.Identity.Email))
			s.post(m.Identity.Email, n.Subject, n.Text)
		}
	}
	if len(to) == 0 {
		s.cfg.Log.WarnContext(ctx, "an organisation has no administrator who could be written to", obs.KeyOrg, org, obs.KeyCode, n.Code)
	}
}
