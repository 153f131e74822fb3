package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Whose asks whose emergency callback number: that of one Number, Site or User
// by their keys; none of them: of every site and area.
type Whose struct {
	Org    string // key; none where there is one organisation
	Number string // as people write it
	Site   string
	User   string
}

// Callback is what a PSAP is given for somebody whose place is not known, by the
// rules of a call (W-04 to W-06).
type Callback struct {
	Org   string         `json:"org"`
	Of    string         `json:"of"` // "number +16175550111"
	Value e911.Number    `json:"effectiveValue,omitempty"`
	Level identify.Level `json:"effectiveLevel"`
	Grade identify.Grade `json:"quality"`
	Why   string         `json:"why"`
	Flags []string       `json:"flags,omitempty"`
	// Uses is who depends on the number that was asked about, else on Value.
	Uses identify.Dependencies `json:"dependencies"`
	// Evidence is what was passed over, and what was chosen.
	Evidence []e911.Finding `json:"evidence,omitempty"`
}

// Callbacks answers it. Errors are e911.Invalid and e911.NotFound.
func (c Config) Callbacks(w Whose) ([]Callback, error) {
	o, err := c.orgOf(w.Org)
	if err != nil {
		return nil, err
	}
	b := callbacks{org: o, billing: ""}
	if p := o.Config().PSALI; p != nil {
		b.billing = p.Main
	}
	switch {
	case w.Number != "":
		return b.number(w.Number)
	case w.User != "":
		return b.user(w.User)
	}
	sites := slices.SortedFunc(o.Sites(), func(x, y e911.Site) int { return cmp.Compare(x.Key, y.Key) })
	var out []Callback
	for _, s := range sites {
		if w.Site == "" || w.Site == s.Key {
			out = append(out, b.site(s)...)
		}
	}
	if len(out) == 0 && w.Site != "" {
		return nil, e911.Errorf(e911.NotFound, "there is no site %s", w.Site)
	}
	return out, nil
}

func (c Config) orgOf(key string) (*snapshot.Org, error) {
	var found []*snapshot.Org
	for o := range c.World.Orgs() {
		if key == "" || o.Config().Key == key {
			found = append(found, o)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case key != "":
		return nil, e911.Errorf(e911.NotFound, "there is no organisation %s", key)
	case len(found) == 0:
		return nil, e911.Errorf(e911.NotFound, "there is no organisation")
	}
	return nil, e911.Errorf(e911.Invalid, "there are several organisations: name one with --org")
}

// callbacks answers for one organisation.
type callbacks struct {
	org     *snapshot.Org
	billing e911.Number
}

func (b callbacks) of(what string, who identify.Result, at e911.Place, asked e911.Number) Callback {
	r := who.WithCallback(b.org, identify.Scene{Place: at, Billing: b.billing})
	return Callback{
		Org: b.org.Config().Key, Of: what, Value: r.Callback, Level: r.Level, Grade: r.Grade, Why: r.CallbackWhy,
		Flags: r.Flags, Uses: b.uses(cmp.Or(asked, r.Callback)), Evidence: r.Findings,
	}
}

func (b callbacks) uses(n e911.Number) (d identify.Dependencies) {
	rec, ok := b.org.Number(n)
	if !ok {
		rec.Number = n
	}
	for s := range b.org.Sites() {
		d.Site(n, s)
	}
	for u := range b.org.Users() {
		d.User(rec, u)
	}
	for v := range b.org.Devices() {
		d.Device(rec, v)
	}
	for l := range b.org.Numbers() {
		d.Line(rec, l)
	}
	d.Sorted()
	return d
}

func (b callbacks) number(text string) ([]Callback, error) {
	n, err := e911.ParseNumber(text)
	if err != nil {
		return nil, err
	}
	r := identify.Result{Line: n}
	if rec, ok := b.org.Number(n); ok {
		r.LineRec = &rec
		if u, ok := b.org.User(rec.User); ok && rec.User != "" {
			r.User = &u
		}
	}
	a := b.of("number "+string(n), r, e911.Place{}, n)
	grade, why := identify.GradeOf(b.org, n)
	a.Evidence = append([]e911.Finding{{Rule: "quality", Said: string(n), Why: fmt.Sprintf("itself it is %s: %s", grade, why)}}, a.Evidence...)
	return []Callback{a}, nil
}

func (b callbacks) user(key string) ([]Callback, error) {
	for u := range b.org.Users() {
		if u.Key != key {
			continue
		}
		lines := b.org.NumbersOf(u.ID)
		if len(lines) == 0 {
			return []Callback{b.of("user "+u.Key, identify.Result{User: &u}, e911.Place{}, "")}, nil
		}
		var out []Callback
		for _, l := range lines {
			out = append(out, b.of("user "+u.Key+" on "+string(l.Number), identify.Result{User: &u, Line: l.Number, LineRec: &l}, e911.Place{}, ""))
		}
		return out, nil
	}
	return nil, e911.Errorf(e911.NotFound, "there is no user %s", key)
}

func (b callbacks) site(s e911.Site) []Callback {
	out := []Callback{b.of("site "+s.Key, identify.Result{}, e911.Place{Site: s.ID}, s.Callback())}
	for _, a := range s.Areas {
		at := e911.Place{Site: s.ID}
		if len(a.Locations) > 0 {
			at.Location = a.Locations[0]
		} else if len(a.Buildings) > 0 {
			at.Building = a.Buildings[0]
		}
		out = append(out, b.of("area "+a.Key+" of site "+s.Key, identify.Result{}, at, a.ECBN))
	}
	return out
}

// Text tells it to a person.
func (c Callback) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", c.Of, cmp.Or(string(c.Value), "none"))
	fmt.Fprintf(&b, "  %s, %s: %s\n", c.Level, c.Grade, c.Why)
	for _, f := range c.Evidence {
		if !f.Chosen {
			fmt.Fprintf(&b, "  %s: %s\n", cmp.Or(f.Said, f.Rule), f.Why)
		}
	}
	if len(c.Flags) > 0 {
		fmt.Fprintf(&b, "  flags: %s\n", strings.Join(c.Flags, " "))
	}
	for _, d := range c.Uses.By {
		fmt.Fprintf(&b, "  needed by %s %s: %s\n", d.Kind, d.Key, d.How)
	}
	return b.String()
}
