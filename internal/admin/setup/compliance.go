package setup

import (
	"cmp"
	"context"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lint"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// Standing is how an organisation stands, in one line of a provider's or partner's
// list (W-25).
type Standing struct {
	ID         e911.OrgID       `json:"id"`
	Key        string           `json:"key"`
	Name       string           `json:"name"`
	State      e911.OrgState    `json:"state"`
	Compliance rules.Compliance `json:"compliance"`
	Sites      int              `json:"sites"`
	// By counts its sites by state.
	By       map[rules.SiteState]int `json:"sites_by_state"`
	Declared int                     `json:"declared"` // sites in stage 911 by the operator's word alone
	Open     int                     `json:"open"`     // lines of all checklists
	Dangers  int                     `json:"dangers"`  // that the dial plan's linter found
	// Unregistered calls of this month, and how far they have gone (N-41).
	Unregistered int           `json:"unregistered_calls"`
	Warning      rules.Warning `json:"warning,omitempty"`
	// Why says why nothing is known of it; the rest is empty then.
	Why string `json:"why,omitempty"`
}

// Standings tells of the organisations, by key; without any of all that calls know.
// Whoever asks may see them: that is not looked at here. One that cannot be judged
// keeps none of the others from the list.
func (s *Service) Standings(ctx context.Context, orgs ...e911.OrgID) ([]Standing, error) {
	if len(orgs) == 0 {
		for o := range s.cfg.World().Orgs() {
			orgs = append(orgs, o.ID())
		}
	}
	out := make([]Standing, 0, len(orgs))
	for _, org := range orgs {
		st, err := s.Status(ctx, org)
		if ctx.Err() != nil {
			return nil, err
		}
		v := Standing{ID: org, By: map[rules.SiteState]int{}}
		if err != nil {
			v.Why = err.Error()
			out = append(out, v)
			continue
		}
		v.Key, v.Name, v.State, v.Compliance, v.Sites, v.Open = st.Org, st.Name, st.State, st.Compliance, len(st.Sites), st.Open
		for i := range st.Sites {
			v.By[st.Sites[i].State]++
			if o := st.Sites[i].Override; o != nil && o.Declared != "" && st.Sites[i].Stage == e911.Stage911 {
				v.Declared++
			}
		}
		for _, f := range st.DialPlan {
			if f.Level == lint.Danger {
				v.Dangers++
			}
		}
		if b := st.Charges; b != nil {
			v.Unregistered, v.Warning = len(b.Unregistered), b.Warning
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Standing) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// WriteStandings writes the list as CSV, one organisation a row, as of a time.
func WriteStandings(w io.Writer, all []Standing, at time.Time) error {
	states := []rules.SiteState{
		rules.SiteLocation, rules.SiteAlerts, rules.SiteNetwork, rules.SiteRouting, rules.SiteCompliant, rules.SiteOptedOut, rules.SiteExempt,
	}
	head := []string{"organisation", "name", "state", "compliance", "sites"}
	for _, s := range states {
		head = append(head, string(s))
	}
	out := csv.NewWriter(w)
	if err := out.Write(append(head, "declared", "open", "dangers", "unregistered_calls", "as_of")); err != nil {
		return err
	}
	for i := range all {
		v := &all[i]
		row := []string{sheet.Inert(v.Key), sheet.Inert(v.Name), string(v.State), string(v.Compliance), strconv.Itoa(v.Sites)}
		for _, s := range states {
			row = append(row, strconv.Itoa(v.By[s]))
		}
		for _, n := range []int{v.Declared, v.Open, v.Dangers, v.Unregistered} {
			row = append(row, strconv.Itoa(n))
		}
		if err := out.Write(append(row, at.UTC().Format(time.RFC3339))); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
