package setup

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lint"
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
	return g.lint(), nil
}

func (g *gathering) lint() []lint.Finding {
	p := lint.Plan{Carrier: len(g.org.Config().Carriers) > 0}
	keys := map[e911.TrunkID]string{}
	for t := range g.org.Trunks() {
		keys[t.ID] = t.Key
		if t.National {
			p.National = append(p.National, t.Key)
		}
	}
	for t := range g.snap.Trunks() {
		if t.Org == "" && t.National {
			p.National = append(p.National, t.Key)
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
