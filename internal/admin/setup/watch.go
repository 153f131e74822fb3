package setup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// watcher is who writes what administrators were told.
const watcher = "callbox"

// toldFor is how long it is kept that they were.
const toldFor = 100 * 24 * time.Hour

// The codes of notices to administrators.
const (
	SaidRunsOut      = "attended_test_runs_out"
	SaidFellBack     = "site_fell_back"
	SaidUnregistered = "unregistered_calls"
)

// AdminNotice is something that the administrators of an organisation are told of.
type AdminNotice struct {
	Code    string // one of those above
	Subject string // one line
	Text    string
}

// once is a notice with what keeps it from being told twice.
type once struct {
	AdminNotice
	key string
}

// WatchSites looks at how far the sites of an organisation are at a time, and returns
// what its administrators were not told of yet: a test that runs out within a week, and
// a site that is not as far as it was when it was last looked at. Each is returned once.
// It moves no call.
func (s *Service) WatchSites(ctx context.Context, org e911.OrgID, now time.Time) ([]AdminNotice, error) {
	at := &Service{cfg: s.cfg}
	at.cfg.Now = func() time.Time { return now }
	st, err := at.Status(ctx, org)
	if err != nil {
		return nil, err
	}
	var found []once
	is := map[e911.SiteID]rules.SiteState{}
	for i := range st.Sites {
		v := &st.Sites[i]
		is[v.ID] = v.State
		if n, ok := v.runsOut(&st, now); ok {
			found = append(found, n)
		}
		if was := st.record.Was[v.ID]; rules.FellBack(was, v.State) {
			found = append(found, v.fellBack(&st, was, now))
		}
	}
	return at.tell(ctx, org, now, found, is)
}

// WatchCalls returns what administrators were not told yet of the unregistered calls of
// the month that now lies in: once a month and step of the price list (N-41).
func (s *Service) WatchCalls(ctx context.Context, org e911.OrgID, now time.Time) ([]AdminNotice, error) {
	at := &Service{cfg: s.cfg}
	at.cfg.Now = func() time.Time { return now }
	o, err := at.org(org)
	if err != nil {
		return nil, err
	}
	b, err := at.Charges(ctx, org, now)
	if err != nil || b.Warning == rules.WarnNone {
		return nil, err
	}
	money := func(cents int64) string {
		return fmt.Sprintf("%d.%02d %s", cents/100, cents%100, b.Prices.Currency)
	}
	calls := fmt.Sprintf("%d 911 calls in %s were not registered", len(b.Unregistered), b.Month)
	if len(b.Unregistered) == 1 {
		calls = "a 911 call in " + b.Month + " was not registered"
	}
	lines := []string{
		o.Config().Name + ": " + calls + ".",
		"Their caller was not known, or his place, or a relay centre had to ask where he was.",
		"", "Each costs " + money(b.Prices.Call) + ", together " + money(b.Amount) + ".", "",
	}
	if b.Warning == rules.WarnSevere {
		lines = append(lines, "Who runs this Callbox may suspend the ordinary calls of the organisation. 911 and 988 go on whatever is owed.")
	}
	lines = append(lines, "To have none: keep the lists of people and the network map in step.", "Which they were: callbox setup charges --month "+b.Month+" --org "+o.Config().Key)
	return at.tell(ctx, org, now, []once{{
		AdminNotice{SaidUnregistered, o.Config().Name + ": " + calls, strings.Join(lines, "\n") + "\n"},
		SaidUnregistered + "/" + b.Month + "/" + string(b.Warning),
	}}, nil)
}

// tell keeps that notices are told and how far sites are, and returns those that were
// not told before. Of two who do so at once, one tells.
func (s *Service) tell(ctx context.Context, org e911.OrgID, now time.Time, found []once, is map[e911.SiteID]rules.SiteState) ([]AdminNotice, error) {
	has, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return nil, err
	}
	said := func(r *Record) func(once) bool {
		return func(o once) bool { _, ok := r.Said[o.key]; return ok }
	}
	if left := slices.DeleteFunc(slices.Clone(found), said(&has)); len(left) == 0 && (is == nil || maps.Equal(is, has.Was)) {
		return nil, nil
	}
	var out []AdminNotice
	_, err = s.change(ctx, watcher, org, Note{Verb: "tell_administrators"}, func(r *Record) error {
		out = nil
		kept := map[string]time.Time{}
		for key, at := range r.Said {
			if now.Sub(at) < toldFor || strings.HasPrefix(key, saidDialPlan) {
				kept[key] = at
			}
		}
		for _, o := range slices.DeleteFunc(slices.Clone(found), said(r)) {
			kept[o.key] = now.UTC().Truncate(time.Millisecond)
			out = append(out, o.AdminNotice)
		}
		if r.Said = kept; is != nil {
			r.Was = is
		}
		return nil
	})
	return out, err
}

// runsOut tells of the test at the site that runs out first, within a week, where hours
// are left without anybody then.
func (v *SiteStatus) runsOut(st *Status, now time.Time) (once, bool) {
	var first *Destination
	for i := range v.Destinations {
		d := &v.Destinations[i]
		if !d.Tested.IsZero() && d.Tested.Add(rules.TestCounts).After(now) && (first == nil || d.Tested.Before(first.Tested)) {
			first = d
		}
	}
	weak := slices.ContainsFunc(v.Checklist, func(i rules.Item) bool { return i.Step == rules.StepAttended && i.Done && i.Amber != "" })
	if first == nil || !weak {
		return once{}, false
	}
	day := first.Tested.Add(rules.TestCounts).Format(time.DateOnly)
	subject := fmt.Sprintf("%s, site %s: a test of who is told runs out on %s", st.Name, v.Name, day)
	text := fmt.Sprintf("Somebody showed on %s that he attends %s of site %s. That counts for 30 days, up to %s. From then on hours of the week have nobody who is shown to see or hear of a 911 call, and the site is not compliant. Calls go on as they do.\n\nSend a test: callbox setup attended-test %s --org %s\n",
		first.Tested.Format(time.DateOnly), first.Name, v.Name, day, first.Key, st.Org)
	return once{AdminNotice{SaidRunsOut, subject, text}, SaidRunsOut + "/" + string(v.ID) + "/" + first.Key + "/" + day}, true
}

func (v *SiteStatus) fellBack(st *Status, was rules.SiteState, now time.Time) once {
	subject := fmt.Sprintf("%s, site %s is not as far as it was: %s", st.Name, v.Name, strings.ReplaceAll(string(v.State), "_", " "))
	var b strings.Builder
	fmt.Fprintf(&b, "Site %s was %s and is %s now. 911 goes %s.\n\nOpen is:\n", v.Name, strings.ReplaceAll(string(was), "_", " "), strings.ReplaceAll(string(v.State), "_", " "), v.Goes)
	for _, i := range v.Checklist {
		if !i.Done {
			fmt.Fprintf(&b, "- %s: %s\n", i.Why, i.Fix)
		}
	}
	fmt.Fprintf(&b, "\ncallbox setup %s --org %s\n", v.Key, st.Org)
	return once{AdminNotice{SaidFellBack, subject, b.String()}, SaidFellBack + "/" + string(v.ID) + "/" + string(v.State) + "/" + now.UTC().Format(time.RFC3339)}
}
