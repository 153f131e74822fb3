package setup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lint"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Lint looks at the dial plan of the organisation as calls see it (N-48); with the
// text of a PBX's dial plan, at that instead. It changes nothing.
func (s *Service) Lint(_ context.Context, org e911.OrgID, pbx string) ([]lint.Finding, error) {
	if pbx != "" {
		return lint.PBX(pbx)
	}
	o, err := s.org(org)
	if err != nil {
		return nil, err
	}
	return s.cfg.Lints.Of(s.cfg.World(), o), nil
}

// Lints keeps what was found in the dial plans of organisations for as long as their
// configuration is the same. Safe for concurrent use; the zero Lints is empty, and a
// nil one keeps nothing.
type Lints struct {
	mu   sync.Mutex
	kept map[e911.OrgID]linted
}

type linted struct {
	org    *snapshot.Org
	trunks [sha256.Size]byte // of nobody alone
	found  []lint.Finding
}

// Of returns what is found in an organisation's dial plan in a world. It is looked for
// where something of the organisation, or of the trunks that all share, is another.
func (l *Lints) Of(w *snapshot.Snapshot, o *snapshot.Org) []lint.Finding {
	if l == nil {
		return lint.Organisation(planOf(w, o))
	}
	trunks := sharedTrunks(w)
	l.mu.Lock()
	has, ok := l.kept[o.ID()]
	l.mu.Unlock()
	if ok && has.org == o && has.trunks == trunks {
		return has.found
	}
	found := lint.Organisation(planOf(w, o))
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
	l.kept[o.ID()] = linted{org: o, trunks: trunks, found: found}
	return found
}

// sharedTrunks tells by what the linter sees of them whether trunks of nobody alone
// are as they were.
func sharedTrunks(w *snapshot.Snapshot) [sha256.Size]byte {
	var p lint.Plan
	for t := range w.Trunks() {
		if t.Org == "" {
			planTrunk(&p, t)
		}
	}
	slices.SortFunc(p.Trunks, func(a, b lint.Trunk) int { return cmp.Compare(a.Key, b.Key) }) // a world lists them in no order
	slices.Sort(p.National)
	return sha256.Sum256(fmt.Append(nil, p.Trunks, p.National))
}

// planOf is what the linter looks at, of the world alone: it can be asked at each
// publish.
func planOf(w *snapshot.Snapshot, o *snapshot.Org) lint.Plan {
	p := lint.Plan{Carrier: len(o.Config().Carriers) > 0}
	keys := map[e911.TrunkID]string{}
	for t := range o.Trunks() {
		keys[t.ID] = t.Key
		planTrunk(&p, t)
	}
	for t := range w.Trunks() {
		if t.Org == "" {
			planTrunk(&p, t)
		}
	}
	site, countries := map[e911.SiteID]string{}, countriesOf(o)
	for _, v := range slices.SortedFunc(o.Sites(), func(a, b e911.Site) int { return cmp.Compare(a.Key, b.Key) }) {
		x := lint.Site{Key: v.Key, Countries: countries[v.ID], Stage: v.Stage, Callback: string(v.Callback()), Main: string(v.MainNumber)}
		for _, t := range v.Local {
			x.Local = append(x.Local, keys[t])
		}
		site[v.ID] = v.Key
		p.Sites = append(p.Sites, x)
	}
	for d := range o.Devices() {
		p.Lines = append(p.Lines, lint.Line{What: "device " + d.Key, Site: site[d.Site], Digits: d.Key})
		if d.SIP != nil && d.SIP.User != d.Key {
			p.Lines = append(p.Lines, lint.Line{What: "telephone " + d.Key, Site: site[d.Site], Digits: d.SIP.User})
		}
	}
	for u := range o.Users() {
		p.Lines = append(p.Lines, lint.Line{What: "user " + u.Key, Site: site[u.Site], Digits: u.DeviceUserID})
	}
	return p
}

// countriesOf are those of the buildings of each site, in order of the buildings' keys.
func countriesOf(o *snapshot.Org) map[e911.SiteID][]string {
	out := map[e911.SiteID][]string{}
	for _, b := range slices.SortedFunc(o.Buildings(), func(a, b e911.Building) int { return cmp.Compare(a.Key, b.Key) }) {
		if c := b.Address.Country; c != "" && !slices.Contains(out[b.Site], c) {
			out[b.Site] = append(out[b.Site], c)
		}
	}
	return out
}

// SaidDialPlan is the code of a notice that a dial plan has become dangerous.
const SaidDialPlan = "dial_plan"

// maxFindings bounds those of one notice.
const maxFindings = 20

// WatchDialPlan returns what the administrators of an organisation were not told yet of
// the dangers in its dial plan, as one notice; nil: nothing (N-48). What is mended and
// comes back is told again. It gates nothing.
func (s *Service) WatchDialPlan(ctx context.Context, org e911.OrgID, now time.Time) (*AdminNotice, error) {
	o, err := s.org(org)
	if err != nil {
		return nil, err
	}
	is := map[string]lint.Finding{}
	for _, f := range s.cfg.Lints.Of(s.cfg.World(), o) {
		if f.Level == lint.Danger {
			sum := sha256.Sum256([]byte(f.Code + "\x00" + f.Where + "\x00" + f.Dialled))
			is[saidDialPlan+hex.EncodeToString(sum[:8])] = f
		}
	}
	has, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil || dialPlanTold(has.Said, is) {
		return nil, err
	}
	var fresh []lint.Finding
	_, err = s.change(ctx, watcher, org, Note{Verb: "tell_administrators"}, func(r *Record) error {
		fresh = nil
		kept := maps.Clone(r.Said)
		if kept == nil {
			kept = map[string]time.Time{}
		}
		maps.DeleteFunc(kept, func(key string, _ time.Time) bool {
			_, still := is[key]
			return strings.HasPrefix(key, saidDialPlan) && !still
		})
		for key, f := range is {
			if _, told := kept[key]; !told {
				kept[key] = now.UTC().Truncate(time.Millisecond)
				fresh = append(fresh, f)
			}
		}
		r.Said = kept
		return nil
	})
	if err != nil || len(fresh) == 0 {
		return nil, err
	}
	return dialPlanNotice(o.Config(), fresh), nil
}

const saidDialPlan = SaidDialPlan + "/"

// dialPlanTold reports that exactly these dangers are kept as told.
func dialPlanTold(said map[string]time.Time, is map[string]lint.Finding) bool {
	n := 0
	for key := range said {
		if !strings.HasPrefix(key, saidDialPlan) {
			continue
		}
		if _, still := is[key]; !still {
			return false
		}
		n++
	}
	return n == len(is)
}

func dialPlanNotice(c e911.Org, fresh []lint.Finding) *AdminNotice {
	slices.SortFunc(fresh, func(a, b lint.Finding) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Dialled, b.Dialled))
	})
	var b strings.Builder
	b.WriteString("Since the last change somebody who dials for help may reach somebody else, or nobody. Calls go on as they do; nothing was kept from being changed.\n\n")
	for _, f := range fresh[:min(len(fresh), maxFindings)] {
		dialled := ""
		if f.Dialled != "" {
			dialled = "who dials " + f.Dialled + ": "
		}
		fmt.Fprintf(&b, "- %s: %s%s. %s.\n", f.Where, dialled, f.Happens, f.Fix)
	}
	if more := len(fresh) - maxFindings; more > 0 {
		fmt.Fprintf(&b, "- and %d more\n", more)
	}
	fmt.Fprintf(&b, "\ncallbox lint dialplan --org %s\n", c.Key)
	subject := fmt.Sprintf("%s: %d new dangers in the dial plan", c.Name, len(fresh))
	if len(fresh) == 1 {
		subject = c.Name + ": a new danger in the dial plan, " + fresh[0].Where
	}
	return &AdminNotice{SaidDialPlan, subject, b.String()}
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
