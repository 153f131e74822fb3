package desk

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Entry is one PSAP of the directory.
type Entry struct {
	Key      string      `json:"key"`
	Name     string      `json:"name"`
	Registry string      `json:"registry,omitempty"`
	Kind     string      `json:"kind,omitempty"`
	City     string      `json:"city,omitempty"`
	County   string      `json:"county,omitempty"`
	State    string      `json:"state,omitempty"`
	Line     e911.Number `json:"line,omitempty"`
	// LineChecked is when a person last reached it there; none: never. Old says
	// that it is more than 12 months ago, or never was, for one that has a line.
	LineChecked *time.Time `json:"line_checked,omitempty"`
	Old         bool       `json:"line_old,omitempty"`
	Relay       bool       `json:"relay,omitempty"`
	Routes      int        `json:"routes"`
	Boundaries  int        `json:"boundaries"` // that it claims by name
}

// Filter narrows the directory.
type Filter struct {
	State  string // two letters; none: all
	Search string // in name, city, county, key or id, whatever the case
	All    bool   // also orphaned and gone ones that nothing was configured for
}

// List is the directory in order of state, name and key.
func (c Config) List(f Filter) []Entry {
	out := []Entry{}
	for p := range c.World.AllPSAPs() {
		l := p.Listing
		unused := len(p.Routes) == 0 && len(p.Features) == 0 && p.Line == ""
		if !f.All && unused && (l.Kind == e911.ListedOrphaned || l.Kind == e911.ListedGone) {
			continue
		}
		if f.State != "" && !strings.EqualFold(f.State, cmp.Or(l.State, p.Boundary.State)) || !holds(f.Search, p.Name, l.City, l.County, p.Key, l.Registry) {
			continue
		}
		e := Entry{
			Key: p.Key, Name: p.Name, Registry: l.Registry, Kind: l.Kind, City: l.City, County: l.County, State: cmp.Or(l.State, p.Boundary.State),
			Line: p.Line, Relay: p.Relay, Routes: len(p.Routes), Boundaries: len(p.Features),
		}
		if at := l.LineChecked; !at.IsZero() {
			e.LineChecked = &at
		}
		e.Old = p.Line != "" && c.Now.Sub(l.LineChecked) > LineGood
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.State, b.State), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return out
}

func holds(search string, texts ...string) bool {
	search = strings.ToLower(strings.TrimSpace(search))
	return search == "" || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), search) })
}
