package setup

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

var _ admin.Stages = (*Service)(nil)

// Refuse implements admin.Stages by the rule that TakeStage follows, without its
// reasons: those are given there, where they are kept.
func (s *Service) Refuse(ctx context.Context, org e911.OrgID, sites []e911.Site) ([][]e911.Fault, error) {
	out := make([][]e911.Fault, len(sites))
	g, err := s.gather(ctx, org)
	if err != nil && e911.KindOf(err) != e911.NotFound { // NotFound: the organisation is made with them
		return nil, err
	}
	for i, site := range sites {
		out[i] = refusal(g, site)
	}
	return out, nil
}

// refusal says what keeps a site from stage 911; without a gathering nothing of its
// organisation is published.
func refusal(g *gathering, site e911.Site) []e911.Fault {
	k, known := 0, false
	if g != nil {
		k, known = g.at[site.ID]
	}
	if !known {
		return []e911.Fault{{
			Path: "stage", Code: "new_site", Msg: "a site that is not there yet cannot be in stage 911: nothing of it is proved",
			Fix: "make it with stage none or 933; then: callbox setup stage " + site.Key + " 911",
		}}
	}
	f := g.sites[k].facts
	f.Override = rules.Override{}
	if f.Stage == e911.Stage911 {
		f.Stage = e911.Stage933 // it was lowered this moment
	}
	faults := rules.Take(g.status.facts, f, e911.Stage911, g.now)
	if f.OptedOut {
		faults = append(faults, e911.Fault{
			Path: "stage", Code: "opted_out", Msg: "the site has opted out", Fix: "callbox setup opt-out --undo --site " + site.Key,
		})
	}
	for i := range faults {
		if faults[i].Code == string(rules.StepProofs) {
			faults[i].Fix += "; or give a reason to go without: callbox setup stage " + site.Key + " 911 --reason ..."
		}
	}
	return faults
}

// Declare implements admin.Stages.
func (s *Service) Declare(ctx context.Context, w admin.Writer, who admin.Actor, file string, sites []e911.Site) error {
	return Declaration{File: file, By: who, At: s.cfg.Now(), Sites: sites}.Record(ctx, w)
}

// Declaration is the operator's word that sites are in stage 911.
type Declaration struct {
	File  string
	By    admin.Actor
	At    time.Time
	Sites []e911.Site
}

// Record keeps the declaration in the transaction of w, with a line of the audit
// trail for each organisation.
func (d Declaration) Record(ctx context.Context, w admin.Writer) error {
	sw, ok := w.(Writer)
	if !ok {
		return e911.Errorf(e911.Internal, "this store keeps no set-up")
	}
	byOrg := map[e911.OrgID][]e911.Site{}
	for _, v := range d.Sites {
		byOrg[v.Org] = append(byOrg[v.Org], v)
	}
	said := Reason{Reason: "declared in " + d.File + " by the operator", By: string(d.By), At: d.At.UTC().Truncate(time.Millisecond), Declared: d.File}
	for _, org := range slices.Sorted(maps.Keys(byOrg)) {
		r, err := sw.SetupRecord(ctx, org)
		if err != nil {
			return err
		}
		if r.Overrides == nil {
			r.Overrides = map[e911.SiteID]Reason{}
		}
		keys := make([]string, len(byOrg[org]))
		for i, v := range byOrg[org] {
			r.Overrides[v.ID], keys[i] = said, v.Key
		}
		note := Note{Verb: "declare_stage", Key: d.File, Detail: map[string]any{"stage": e911.Stage911, "sites": keys}}
		if _, err := sw.SaveSetupRecord(ctx, r, note); err != nil {
			return err
		}
	}
	return nil
}
