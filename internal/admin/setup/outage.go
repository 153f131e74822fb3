package setup

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/snapshot"
)

// TrunkState is that nothing answered on a trunk any more, or something does again, as
// a node told it.
type TrunkState struct {
	Trunk e911.TrunkID
	Node  string
	At    time.Time
	Down  bool
}

// TrunkStates keeps what was told of trunks, of all organisations.
type TrunkStates interface {
	// AddTrunkState keeps one, and forgets those from before a time. The same one twice is
	// one.
	AddTrunkState(ctx context.Context, v TrunkState, before time.Time) error
	// TrunkStatesSince lists those from a time on, in order of time.
	TrunkStatesSince(ctx context.Context, from time.Time) ([]TrunkState, error)
}

// KeepTrunkStates is how long they are kept: NORS asks for reports within days, and a
// year's comparison is of use.
const KeepTrunkStates = 400 * 24 * time.Hour

// OutageReport is the outages of a month, counted as NORS counts them (47 CFR 4.5, 4.7
// and 4.9; F-39). A person decides what is reported.
type OutageReport struct {
	Month string `json:"month"` // "2026-11", UTC
	// Since is from when on anything is known; zero: nothing is yet.
	Since       time.Time      `json:"since,omitzero"`
	Minutes     int            `json:"threshold_minutes"`
	UserMinutes int64          `json:"threshold_user_minutes"`
	Users       int            `json:"users"` // registered now, at all sites that are counted
	Outages     []rules.Outage `json:"outages"`
}

// Outages counts the outages that reach into the month that a time lies in, of the
// organisations: none are all, whose sites together make one outage. Users and the ways
// of calls are those of now.
func (s *Service) Outages(ctx context.Context, in time.Time, orgs ...e911.OrgID) (OutageReport, error) {
	in = in.UTC()
	from := time.Date(in.Year(), in.Month(), 1, 0, 0, 0, 0, time.UTC)
	now := s.cfg.Now()
	to := from.AddDate(0, 1, 0)
	if to.After(now) {
		to = now
	}
	r := OutageReport{
		Month: from.Format("2006-01"), Minutes: int(rules.NORSDuration / time.Minute), UserMinutes: rules.NORSUserMinutes, Outages: []rules.Outage{},
	}
	if s.cfg.Trunks == nil {
		return r, nil
	}
	told, err := s.cfg.Trunks.TrunkStatesSince(ctx, now.Add(-KeepTrunkStates))
	if err != nil {
		return r, err
	}
	states := make([]rules.TrunkState, len(told))
	for i, v := range told {
		states[i] = rules.TrunkState{Trunk: string(v.Trunk), At: v.At, Down: v.Down}
	}
	if len(told) > 0 {
		r.Since = told[0].At
	}
	w := s.cfg.World()
	var ways []rules.Ways
	for o := range w.Orgs() {
		if len(orgs) == 0 || slices.Contains(orgs, o.ID()) {
			ways = append(ways, waysOf(w, o, now)...)
		}
	}
	for _, x := range ways {
		r.Users += x.Users
	}
	r.Outages = rules.Outages(states, ways, from, to)
	return r, nil
}

// waysOf are the trunks by which 911 would leave each site now. The relay centre is none:
// who gets there has lost the way to his PSAP.
func waysOf(w *snapshot.Snapshot, o *snapshot.Org, now time.Time) []rules.Ways {
	users := map[e911.SiteID]int{}
	for u := range o.Users() {
		users[u.Site]++
	}
	c, countries := o.Config(), countriesOf(o)
	var out []rules.Ways
	for _, v := range slices.SortedFunc(o.Sites(), func(a, b e911.Site) int { return cmp.Compare(a.Key, b.Key) }) {
		here := ladder.Site{ID: v.ID, Name: v.Name, Local: v.Local, ECBN: v.ECBN, Mode: v.Mode, Stage: v.Stage}
		if len(countries[v.ID]) > 0 {
			here.Country = countries[v.ID][0]
		}
		caller := ladder.Caller{State: c.State, Here: &here, Home: &here}
		groups := map[string][]string{}
		for _, p := range o.BuildingPlaces(v.ID) {
			addGroup(groups, route.Decide(w, o, route.Question{Place: p, Located: true, Now: now, Caller: caller}))
		}
		if len(groups) == 0 {
			addGroup(groups, route.Decide(w, o, route.Question{Now: now, Caller: caller}))
		}
		x := rules.Ways{Org: c.Key, Site: v.Key, Users: users[v.ID]}
		for _, key := range slices.Sorted(maps.Keys(groups)) {
			x.Groups = append(x.Groups, groups[key])
		}
		out = append(out, x)
	}
	return out
}

// addGroup adds the trunks of a decision, once for buildings that have the same.
func addGroup(groups map[string][]string, d route.Decision) {
	var trunks []string
	for i := range d.Rungs {
		if id := string(d.Rungs[i].Trunk.ID); d.Rungs[i].Kind != ladder.KindRelay && !slices.Contains(trunks, id) {
			trunks = append(trunks, id)
		}
	}
	slices.Sort(trunks)
	groups[strings.Join(trunks, " ")] = trunks
}
