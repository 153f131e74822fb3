package setup

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// TakeStage moves a site to a stage (W-29, W-30). What is missing is an Invalid
// error with a fault for each open line. A reason overrides missing proofs alone,
// and is kept while the site is in stage 2. Going back is never refused.
func (s *Service) TakeStage(ctx context.Context, who admin.Actor, org e911.OrgID, site string, to e911.Stage, reason string) (SiteStatus, error) {
	if !slices.Contains([]e911.Stage{e911.StageNone, e911.Stage933, e911.Stage911}, to) {
		return SiteStatus{}, fault("stage", "unknown", "there is no such stage", "none, 933 or 911")
	}
	g, err := s.gather(ctx, org)
	if err != nil {
		return SiteStatus{}, err
	}
	i := slices.IndexFunc(g.sites, func(f siteFacts) bool { return f.site.Key == site || string(f.site.ID) == site })
	if i < 0 {
		return SiteStatus{}, e911.Errorf(e911.NotFound, "there is no site %s", site)
	}
	f := &g.sites[i]
	stored, err := s.cfg.Editor.Sites.Get(ctx, org, string(f.site.ID))
	if err != nil {
		return SiteStatus{}, err
	}
	f.facts.Stage = stored.Value.Stage // the published one may be a moment behind
	if stored.Value.Stage != e911.Stage911 {
		f.facts.Override = rules.Override{} // it was for the time that has ended
	}
	plain := rules.Take(g.status.facts, f.facts, to, g.now)
	override := s.reason(who, strings.TrimSpace(reason))
	if to == e911.Stage911 && override.Reason != "" {
		f.facts.Override = rules.Override(override)
	}
	if faults := rules.Take(g.status.facts, f.facts, to, g.now); len(faults) > 0 {
		return SiteStatus{}, &e911.Error{Kind: e911.Invalid, Msg: "the site is not ready for stage " + string(to), Faults: faults}
	}
	if f.facts.OptedOut && to != e911.StageNone {
		return SiteStatus{}, e911.Errorf(e911.Conflict, "the site has opted out: opt in first")
	}
	used := to == e911.Stage911 && override.Reason != "" && len(plain) > 0
	if _, had := g.record.Overrides[f.site.ID]; used || had && to != e911.Stage911 {
		note := Note{Verb: "override_stage", Key: f.site.Key, Detail: map[string]any{"stage": to, "reason": override.Reason}}
		if g.record, err = s.change(ctx, who, org, note, func(r *Record) error {
			r.Overrides = maps.Clone(r.Overrides)
			if r.Overrides == nil {
				r.Overrides = map[e911.SiteID]Reason{}
			}
			delete(r.Overrides, f.site.ID)
			if used {
				r.Overrides[f.site.ID] = override
			}
			return nil
		}); err != nil {
			return SiteStatus{}, err
		}
	}
	v := stored.Value
	v.Stage = to
	if stored, err = s.cfg.Editor.Sites.Update(ctx, who, v, stored.Version); err != nil {
		return SiteStatus{}, err
	}
	f.site, f.facts.Stage = stored.Value, to
	out := f.status(&g.status, g.now)
	out.State = f.facts.State(g.status.facts, g.now)
	return out, nil
}

// OptOut hands 911 to the organisation's PSTN provider, which sends the address of
// the number (W-24); with a site, of that alone. Calls of a site without a trunk of
// its own still go by the E911 path (F-24).
func (s *Service) OptOut(ctx context.Context, who admin.Actor, org e911.OrgID, site, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault("reason", "required", "opting out needs a reason", "say why, and who takes emergency calls instead")
	}
	if site != "" {
		return s.optSite(ctx, who, org, site, &reason)
	}
	return s.move(ctx, who, org, e911.OrgOptedOut, "opt_out", reason)
}

// OptIn takes an opt-out back, to the state or stage that was before.
func (s *Service) OptIn(ctx context.Context, who admin.Actor, org e911.OrgID, site string) error {
	if site != "" {
		return s.optSite(ctx, who, org, site, nil)
	}
	return s.moveBack(ctx, who, org, e911.OrgOptedOut, "opt_in")
}

// Suspend marks an organisation whose ordinary calls are to be cut off. Emergency
// calls go on (N-41). It is the operator's alone.
func (s *Service) Suspend(ctx context.Context, who admin.Actor, org e911.OrgID, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault("reason", "required", "a suspension needs a reason", "say why")
	}
	return s.move(ctx, who, org, e911.OrgSuspended, "suspend", reason)
}

// Resume takes a suspension back.
func (s *Service) Resume(ctx context.Context, who admin.Actor, org e911.OrgID) error {
	return s.moveBack(ctx, who, org, e911.OrgSuspended, "resume")
}

func (s *Service) move(ctx context.Context, who admin.Actor, org e911.OrgID, to e911.OrgState, verb admin.Verb, reason string) error {
	stored, err := s.cfg.Editor.Orgs.Get(ctx, org, string(org))
	if err != nil {
		return err
	}
	before := stored.Value.State
	if before == to || before == e911.OrgOptedOut || before == e911.OrgSuspended {
		return e911.Errorf(e911.Conflict, "the organisation is %s", before)
	}
	out := OptOut{Reason: s.reason(who, reason), State: before}
	if _, err := s.change(ctx, who, org, Note{Verb: verb, Key: stored.Value.Key, Detail: out}, func(r *Record) error {
		r.OptedOut = &out
		return nil
	}); err != nil {
		return err
	}
	stored.Value.State = to
	_, err = s.cfg.Editor.Orgs.Update(ctx, who, stored.Value, stored.Version)
	return err
}

func (s *Service) moveBack(ctx context.Context, who admin.Actor, org e911.OrgID, from e911.OrgState, verb admin.Verb) error {
	stored, err := s.cfg.Editor.Orgs.Get(ctx, org, string(org))
	if err != nil {
		return err
	}
	if stored.Value.State != from {
		return e911.Errorf(e911.Conflict, "the organisation is not %s", from)
	}
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return err
	}
	stored.Value.State = ""
	if r.OptedOut != nil {
		stored.Value.State = r.OptedOut.State
	}
	if _, err := s.cfg.Editor.Orgs.Update(ctx, who, stored.Value, stored.Version); err != nil {
		return err
	}
	_, err = s.change(ctx, who, org, Note{Verb: verb, Key: stored.Value.Key}, func(r *Record) error {
		r.OptedOut = nil
		return nil
	})
	return err
}

// optSite opts a site out, or in where there is no reason. A site that is out is in
// no stage.
func (s *Service) optSite(ctx context.Context, who admin.Actor, org e911.OrgID, key string, reason *string) error {
	o, err := s.org(org)
	if err != nil {
		return err
	}
	site, ok := siteNamed(o, key)
	if !ok {
		return e911.Errorf(e911.NotFound, "there is no site %s", key)
	}
	stored, err := s.cfg.Editor.Sites.Get(ctx, org, string(site.ID))
	if err != nil {
		return err
	}
	stage, verb := e911.StageNone, admin.Verb("opt_out")
	var out OptOut
	if reason != nil {
		out = OptOut{Reason: s.reason(who, *reason), Stage: stored.Value.Stage}
	} else {
		verb = "opt_in"
	}
	if _, err := s.change(ctx, who, org, Note{Verb: verb, Key: site.Key, Detail: out}, func(r *Record) error {
		was, is := r.OptedSites[site.ID]
		if is == (reason != nil) {
			return e911.Errorf(e911.Conflict, "nothing changes: the site is opted out: %v", is)
		}
		r.OptedSites = maps.Clone(r.OptedSites)
		if reason == nil {
			stage = was.Stage
			delete(r.OptedSites, site.ID)
			return nil
		}
		if r.OptedSites == nil {
			r.OptedSites = map[e911.SiteID]OptOut{}
		}
		r.OptedSites[site.ID] = out
		return nil
	}); err != nil {
		return err
	}
	stored.Value.Stage = stage
	_, err = s.cfg.Editor.Sites.Update(ctx, who, stored.Value, stored.Version)
	return err
}
