// Package desk answers "911 for somebody elsewhere" (F-39 (3)): a person at a
// desk has somebody on the line who is in another place, and needs the number of
// the PSAP that serves it. It decides by rules/route, as a call does.
package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/lvf"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/snapshot"
)

// LineGood is how long the check of a 24x7 line is believed.
const LineGood = 365 * 24 * time.Hour

// Authority is what the authority's servers said of places, from memory alone.
type Authority interface {
	Mapping(p e911.Place, now time.Time) (ecrf.Answer, bool)
}

// Named is a configured object by the customer's key.
type Named struct {
	Key  string `json:"key,omitempty"`
	Name string `json:"name,omitempty"`
}

// Address is what was found out about an address.
type Address struct {
	Entered    string             `json:"entered,omitempty"`
	Civic      e911.Civic         `json:"civic"`
	Display    string             `json:"display"`
	Verdict    e911.Verdict       `json:"verdict"`
	Missing    []string           `json:"missing,omitempty"`
	Method     e911.GeocodeMethod `json:"method,omitempty"`
	Layer      string             `json:"layer,omitempty"`
	Candidates []string           `json:"candidates,omitempty"` // what may have been meant
	Notes      []string           `json:"notes,omitempty"`
}

// PSAP is who answers.
type PSAP struct {
	Key      string      `json:"key,omitempty"`
	Name     string      `json:"name"`
	Registry string      `json:"registry,omitempty"`
	City     string      `json:"city,omitempty"`
	State    string      `json:"state,omitempty"`
	Line     e911.Number `json:"line,omitempty"`
	// LineChecked is when a person last reached it there; none: never.
	LineChecked *time.Time `json:"line_checked,omitempty"`
	URIs        []string   `json:"uris,omitempty"`
	Listed      bool       `json:"listed"` // it is in our directory
}

// Rung is one trunk of a call of the organisation's.
type Rung struct {
	Kind     string `json:"kind"`
	Trunk    string `json:"trunk"`
	PSAP     string `json:"psap"`
	Expected bool   `json:"expected,omitempty"`
}

// Answer is what a person at the desk is told.
type Answer struct {
	// Call is the number to call; none: nobody knows one. Advice is what to do, in
	// one sentence.
	Call    e911.Number `json:"call,omitempty"`
	Advice  string      `json:"advice"`
	Asked   string      `json:"asked"`
	At      time.Time   `json:"at"`
	Org     *Named      `json:"organisation,omitempty"`
	Service string      `json:"service"`
	// Answering is the service whose boundary answered, where that is a parent of
	// the one asked for.
	Answering string         `json:"answering,omitempty"`
	Address   *Address       `json:"address,omitempty"`
	Point     *e911.Area     `json:"point,omitempty"`
	PSAP      *PSAP          `json:"psap,omitempty"`
	By        route.Basis    `json:"by"`
	Relay     *PSAP          `json:"relay,omitempty"`
	Rungs     []Rung         `json:"rungs"`
	Disagree  string         `json:"disagree,omitempty"`
	Warnings  []string       `json:"warnings"`
	Findings  []e911.Finding `json:"findings"`
}

// Config is what a Desk needs at one moment.
type Config struct {
	World     *snapshot.Snapshot
	Authority Authority // nil: none
	Postal    civic.Postal
	Now       time.Time
}

// Find answers a question. Wall is the organisation that asks, and the only one
// that is answered for; none: the operator. Errors are e911.Invalid and
// e911.NotFound.
func (c Config) Find(q Question, wall e911.OrgID) (Answer, error) {
	f := &finding{Config: c, q: q, a: Answer{
		Asked: q.String(), At: c.Now.UTC(), Service: q.Service, Rungs: []Rung{}, Warnings: []string{}, Findings: []e911.Finding{},
	}}
	if err := f.organisation(wall); err != nil {
		return Answer{}, err
	}
	if err := f.place(); err != nil {
		return Answer{}, err
	}
	f.route()
	return f.a, nil
}

type finding struct {
	Config
	q     Question
	org   *snapshot.Org
	where e911.Place
	a     Answer
}

func (f *finding) warn(format string, args ...any) {
	f.a.Warnings = append(f.a.Warnings, fmt.Sprintf(format, args...))
}

// organisation finds whose call it would be: the one named, or the only one.
func (f *finding) organisation(wall e911.OrgID) error {
	f.org = new(snapshot.Org)
	key := f.q.Org
	if f.q.Location != "" {
		if org, _, ok := strings.Cut(f.q.Location, "/"); ok && wall == "" {
			key = org
		}
	}
	var found []*snapshot.Org
	for o := range f.World.Orgs() {
		if (wall == "" || o.ID() == wall) && (key == "" || o.Config().Key == key) {
			found = append(found, o)
		}
	}
	switch {
	case len(found) == 1:
		f.org = found[0]
		f.a.Org = &Named{f.org.Config().Key, f.org.Config().Name}
	case len(found) == 0 && key != "":
		return e911.Errorf(e911.NotFound, "there is no organisation %q", key)
	}
	return nil
}

// place finds where the question is about.
func (f *finding) place() error {
	switch {
	case f.q.Location != "":
		key := f.q.Location
		if _, after, ok := strings.Cut(key, "/"); ok {
			key = after
		}
		for l := range f.org.Locations() {
			if l.Key == key {
				f.where, _ = f.org.Place(l.ID)
				f.validate(f.where.Civic, "")
				return nil
			}
		}
		return e911.Errorf(e911.NotFound, "there is no location %q", f.q.Location)
	case f.q.Point != nil:
		f.where = e911.Place{Area: f.q.Point, Display: f.q.String()}
	default:
		parsed, notes := civic.Parse(f.q.Address, civic.Hint{Postal: f.Postal})
		f.where = e911.Place{Civic: parsed.Address}
		f.validate(parsed.Address, f.q.Address)
		for _, n := range notes {
			f.a.Address.Notes = append(f.a.Address.Notes, n.Text)
		}
	}
	f.a.Point = f.where.Area
	return nil
}

// validate looks an address up in the layers, and gives the place the point that
// they have for it.
func (f *finding) validate(c e911.Civic, entered string) {
	r := f.World.LVF().Validate(c, lvf.Options{Now: f.Now, Demonstration: f.org.Config().Demonstration, Postal: f.Postal})
	a := &Address{Entered: entered, Civic: r.Address, Display: civic.Display(r.Address), Verdict: r.Verdict, Missing: r.Missing, Method: r.Method}
	if r.Layer != nil {
		a.Layer = r.Layer.Key
	}
	for _, k := range r.Candidates {
		if len(a.Candidates) < 5 {
			a.Candidates = append(a.Candidates, civic.Display(k.Address))
		}
	}
	f.a.Address = a
	f.where.Civic, f.where.Display = r.Address, a.Display
	if f.where.Area == nil {
		f.where.Area = r.Point
	}
	f.a.Point = f.where.Area
	switch r.Verdict {
	case e911.VerdictInvalid:
		f.warn("the address is not valid: ask the caller again before you send anybody there")
	case e911.VerdictUnverified:
		f.warn("no layer of good repute has this address: it is not verified")
	}
	for _, x := range r.Faults {
		if x.Reason != "" {
			a.Notes = append(a.Notes, x.Reason)
		}
	}
	if f.where.Area == nil {
		f.warn("no point is known for the address: who serves it was looked for by its names alone")
	}
}

// route decides as a call of the organisation would be.
func (f *finding) route() {
	q := route.Question{Place: f.where, Located: f.where.Area != nil || !f.where.Civic.Empty(), Service: f.q.Service, Now: f.Now}
	if f.Authority != nil && f.q.Service == ecrf.ServiceSOS {
		if m, ok := f.Authority.Mapping(f.where, f.Now); ok {
			q.Mapping = &m
		}
	}
	d := route.Decide(f.World, f.org, q)
	f.a.By, f.a.Disagree = d.Basis, d.Disagree
	f.a.Findings = append(f.a.Findings, d.Findings...)
	if d.PSAP != nil {
		f.a.PSAP = psapOf(d.PSAP, d.URIs)
	}
	if d.Relay != nil {
		f.a.Relay = psapOf(d.Relay, nil)
	}
	for _, r := range d.Rungs {
		f.a.Rungs = append(f.a.Rungs, Rung{Kind: string(r.Kind), Trunk: r.Trunk.Key, PSAP: r.PSAPName, Expected: r.Expected()})
	}
	if d.Service != "" && d.Service != f.q.Service {
		f.a.Answering = d.Service
		f.warn("no boundary is known for %s here: who answers %s is told", f.q.Service, d.Service)
	}
	f.advise(&d)
}

func psapOf(p *e911.PSAP, uris []string) *PSAP {
	out := &PSAP{
		Key: p.Key, Name: p.Name, Registry: p.Listing.Registry, City: p.Listing.City, State: p.Listing.State, Line: p.Line, URIs: uris, Listed: p.ID != "",
	}
	if !p.Listing.LineChecked.IsZero() {
		at := p.Listing.LineChecked
		out.LineChecked = &at
	}
	return out
}

// advise says what to do, and what to doubt.
func (f *finding) advise(d *route.Decision) {
	a := &f.a
	dispatch := "dial 911 where you are and ask to be transferred to the PSAP of " + cmp.Or(f.where.Display, "the place")
	switch {
	case d.Basis.Source == route.SourceDemonstration:
		a.Advice = "DEMONSTRATION, not a real PSAP: " + dispatch
		f.warn("%s is a county of the demonstration layer: a county is not a PSAP (F-40)", a.PSAP.Name)
	case a.PSAP != nil && a.PSAP.Line != "":
		a.Call = a.PSAP.Line
		a.Advice = "call " + a.PSAP.Name
	case a.PSAP != nil && a.Relay != nil && a.Relay.Line != "":
		a.Call = a.Relay.Line
		a.Advice = fmt.Sprintf("no 24x7 line of %s is known: call %s and ask for it", a.PSAP.Name, a.Relay.Name)
	case a.PSAP != nil:
		a.Advice = fmt.Sprintf("no 24x7 line of %s is known: %s", a.PSAP.Name, dispatch)
	case a.Relay != nil && a.Relay.Line != "":
		a.Call = a.Relay.Line
		a.Advice = "no PSAP follows from the place: call " + a.Relay.Name
	default:
		a.Advice = "no PSAP follows from the place: " + dispatch
	}
	if a.PSAP != nil && a.PSAP.Line != "" {
		f.doubt(a.PSAP)
	}
	if d.Disagree != "" {
		f.warn("%s; the authority is followed", d.Disagree)
	}
	if a.PSAP != nil && !a.PSAP.Listed {
		f.warn("%s is not in the directory: what is known of it is what %s says", a.PSAP.Name, cmp.Or(d.Basis.Name, "the layer"))
	}
	if slices.ContainsFunc(d.Findings, func(x e911.Finding) bool {
		return !x.Chosen && strings.Contains(x.Why, "uncertainty") || strings.Contains(x.Why, "may be;") || strings.Contains(x.Why, "edge")
	}) {
		f.warn("the place lies at the border of another PSAP: say the place first, and ask whether it is theirs")
	}
	if f.a.Org == nil {
		f.warn("no organisation is named, so own choices and carriers of organisations are not looked at: --org KEY")
	}
}

// doubt says how old the line is.
func (f *finding) doubt(p *PSAP) {
	switch {
	case p.LineChecked == nil:
		f.warn("nobody has checked the line of %s: when it does not answer, dial 911 where you are and ask for a transfer", p.Name)
	case f.Now.Sub(*p.LineChecked) > LineGood:
		f.warn("the line of %s was last checked on %s, more than 12 months ago", p.Name, p.LineChecked.Format(time.DateOnly))
	}
}
