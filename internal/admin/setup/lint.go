package setup

import (
	"context"
	"sync"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lint"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Lint looks at the dial plan of the organisation as calls see it (N-48); with the
// text of a PBX's dial plan, at that instead. It changes nothing.
func (s *Service) Lint(ctx context.Context, org e911.OrgID, pbx string) ([]lint.Finding, error) {
	if pbx != "" {
		return lint.PBX(pbx)
	}
	g, err := s.gather(ctx, org)
	if err != nil {
		return nil, err
	}
	return g.lint(s.cfg.Lints), nil
}

// Lints keeps what was found in the dial plans of organisations for as long as their
// configuration is the same. Safe for concurrent use; the zero Lints is empty.
type Lints struct {
	mu   sync.Mutex
	kept map[e911.OrgID]linted
}

type linted struct {
	world, org any // of which they are: the very snapshots
	found      []lint.Finding
}

// of returns what is kept of an organisation in a world, or finds it.
func (l *Lints) of(w *snapshot.Snapshot, o *snapshot.Org, find func() []lint.Finding) []lint.Finding {
	if l == nil {
		return find()
	}
	l.mu.Lock()
	has, ok := l.kept[o.ID()]
	l.mu.Unlock()
	if ok && has.world == any(w) && has.org == any(o) {
		return has.found
	}
	found := find()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = map[e911.OrgID]linted{}
	}
	for id := range l.kept {
		if w.Org(id) == nil {
			delete(l.kept, id)
		}
	}
	l.kept[o.ID()] = linted{world: w, org: o, found: found}
	return found
}

// lint is what is kept of the organisation's dial plan, or found now.
func (g *gathering) lint(kept *Lints) []lint.Finding { return kept.of(g.snap, g.org, g.look) }

func (g *gathering) look() []lint.Finding {
	p := lint.Plan{Carrier: len(g.org.Config().Carriers) > 0}
	keys := map[e911.TrunkID]string{}
	for t := range g.org.Trunks() {
		keys[t.ID] = t.Key
		planTrunk(&p, t)
	}
	for t := range g.snap.Trunks() {
		if t.Org == "" {
			planTrunk(&p, t)
		}
	}
	site := map[e911.SiteID]string{}
	for i := range g.sites {
		f := &g.sites[i]
		v := lint.Site{
			Key: f.site.Key, Countries: f.facts.Countries, Stage: f.site.Stage, Callback: string(f.site.Callback()), Main: string(f.site.MainNumber),
		}
		for _, t := range f.site.Local {
			v.Local = append(v.Local, keys[t])
		}
		site[f.site.ID] = f.site.Key
		p.Sites = append(p.Sites, v)
	}
	for d := range g.org.Devices() {
		p.Lines = append(p.Lines, lint.Line{What: "device " + d.Key, Site: site[d.Site], Digits: d.Key})
		if d.SIP != nil && d.SIP.User != d.Key {
			p.Lines = append(p.Lines, lint.Line{What: "telephone " + d.Key, Site: site[d.Site], Digits: d.SIP.User})
		}
	}
	for u := range g.org.Users() {
		p.Lines = append(p.Lines, lint.Line{What: "user " + u.Key, Site: site[u.Site], Digits: u.DeviceUserID})
	}
	return lint.Organisation(p)
}

// planTrunk adds a trunk of the organisation's, or of nobody alone.
func planTrunk(p *lint.Plan, t e911.Trunk) {
	if t.National {
		p.National = append(p.National, t.Key)
	}
	if t.Side == e911.SidePlatform {
		return
	}
	v := lint.Trunk{Key: t.Key, Side: t.Side, Profile: t.Profile}
	if t.To != "" {
		v.Targets = append(v.Targets, t.To)
	}
	for _, to := range t.Targets {
		v.Targets = append(v.Targets, to.URI)
	}
	p.Trunks = append(p.Trunks, v)
}
