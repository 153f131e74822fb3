package setup

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// From when on an outage is reported to NORS: a loss of communications to PSAPs that
// lasts this long and potentially affects this many user-minutes, where no other way
// was there for all (47 CFR 4.5(e)(1), 4.9(g); user-minutes: 4.7).
const (
	NORSDuration    = 30 * time.Minute
	NORSUserMinutes = 900_000
)

// TrunkState is that a trunk went down, or answers again. The last word on a trunk
// counts, whichever node said it.
type TrunkState struct {
	Trunk string
	At    time.Time
	Down  bool
}

// Ways are the trunks by which 911 leaves a site: of each Group one is enough, and
// the site is out when one group has none. Who is told nothing of is up.
type Ways struct {
	Org, Site string // keys
	Users     int    // registered there
	Groups    [][]string
}

// Outage is a time in which sites had no way to a PSAP, one or several at once.
type Outage struct {
	Start       time.Time    `json:"start"`
	End         time.Time    `json:"end"`            // so far, where it goes on
	Open        bool         `json:"open,omitempty"` // it goes on
	Minutes     int64        `json:"minutes"`        // begun ones count
	Users       int          `json:"users"`
	UserMinutes int64        `json:"user_minutes"`
	Reportable  bool         `json:"reportable"` // both thresholds are reached
	Sites       []SiteOutage `json:"sites"`
}

// SiteOutage is the part of one site, and of one span where it was out twice.
type SiteOutage struct {
	Org         string    `json:"org"`
	Site        string    `json:"site"`
	Users       int       `json:"users"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	UserMinutes int64     `json:"user_minutes"`
}

// Outages finds those that reach into the time from one moment up to another, the
// newest first; states are of before it too, so that what began earlier is whole. Spans
// of sites that overlap are one outage: they are reported as one.
func Outages(states []TrunkState, ways []Ways, from, to time.Time) []Outage {
	down := downs(states, to)
	var parts []SiteOutage
	for _, w := range ways {
		for _, s := range w.out(down) {
			parts = append(parts, SiteOutage{Org: w.Org, Site: w.Site, Users: w.Users, Start: s.start, End: s.end, UserMinutes: int64(w.Users) * minutes(s)})
		}
	}
	slices.SortFunc(parts, func(a, b SiteOutage) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Org, b.Org), cmp.Compare(a.Site, b.Site))
	})
	var all []Outage
	for _, p := range parts {
		if n := len(all); n > 0 && !p.Start.After(all[n-1].End) {
			o := &all[n-1]
			o.Sites = append(o.Sites, p)
			if p.End.After(o.End) {
				o.End = p.End
			}
			continue
		}
		all = append(all, Outage{Start: p.Start, End: p.End, Sites: []SiteOutage{p}})
	}
	out := []Outage{}
	for _, o := range slices.Backward(all) {
		if o.End.After(from) && o.Start.Before(to) {
			out = append(out, o.summed(to))
		}
	}
	return out
}

// summed counts an outage; at now one that reaches it goes on.
func (o Outage) summed(now time.Time) Outage {
	type site struct{ org, key string }
	users := map[site]int{}
	for _, s := range o.Sites {
		users[site{s.Org, s.Site}] = s.Users
		o.UserMinutes += s.UserMinutes
	}
	for n := range maps.Values(users) {
		o.Users += n
	}
	o.Minutes, o.Open = minutes(span{o.Start, o.End}), !o.End.Before(now)
	o.Reportable = o.End.Sub(o.Start) >= NORSDuration && o.UserMinutes >= NORSUserMinutes
	return o
}

type span struct{ start, end time.Time }

// minutes counts those that were begun.
func minutes(s span) int64 {
	return int64((s.end.Sub(s.start) + time.Minute - 1) / time.Minute)
}

// downs are the spans in which each trunk was down; one that has not come back is so
// up to the end.
func downs(states []TrunkState, end time.Time) map[string][]span {
	states = slices.Clone(states)
	slices.SortStableFunc(states, func(a, b TrunkState) int { return a.At.Compare(b.At) })
	out, since := map[string][]span{}, map[string]time.Time{}
	for _, s := range states {
		began, is := since[s.Trunk]
		switch {
		case !s.At.Before(end):
		case s.Down && !is:
			since[s.Trunk] = s.At
		case !s.Down && is:
			delete(since, s.Trunk)
			out[s.Trunk] = append(out[s.Trunk], span{began, s.At})
		}
	}
	for t, began := range since {
		out[t] = append(out[t], span{began, end})
	}
	return out
}

// out are the spans in which a site had no way, in order, none overlapping another.
func (w Ways) out(down map[string][]span) []span {
	var all []span
	for _, g := range w.Groups {
		if len(g) == 0 {
			continue // it never had a way: that is no outage but the checklist's matter
		}
		spans := down[g[0]]
		for _, t := range g[1:] {
			spans = both(spans, down[t])
		}
		all = append(all, spans...)
	}
	slices.SortFunc(all, func(a, b span) int { return a.start.Compare(b.start) })
	var out []span
	for _, s := range all {
		if n := len(out); n > 0 && !s.start.After(out[n-1].end) {
			if s.end.After(out[n-1].end) {
				out[n-1].end = s.end
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// both are the times that lie in a span of each; spans of one list do not overlap.
func both(a, b []span) (out []span) {
	for _, x := range a {
		for _, y := range b {
			s := span{x.start, x.end}
			if y.start.After(s.start) {
				s.start = y.start
			}
			if y.end.Before(s.end) {
				s.end = y.end
			}
			if s.start.Before(s.end) {
				out = append(out, s)
			}
		}
	}
	return out
}
