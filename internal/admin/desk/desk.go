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
	Answering string `json:"answering,omitempty"`
	// Responder is who goes out for the service, by the maps of the place.
	Responder string         `json:"responder,omitempty"`
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
	f.place()
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
	var found []*snapshot.Org
	key := f.q.Org
	prefix, rest, named := strings.Cut(f.q.Location, "/")
	for o := range f.World.Orgs() {
		if wall != "" && o.ID() != wall || key != "" && o.Config().Key != key {
			continue
		}
		if f.q.Location != "" && !has(o, f.q.Location) && !(named && o.Config().Key == prefix && has(o, rest)) {
			continue
		}
		found = append(found, o)
	}
	switch {
	case len(found) == 1:
		f.org = found[0]
		f.a.Org = &Named{f.org.Config().Key, f.org.Config().Name}
	case len(found) > 1 && f.q.Location != "":
		return e911.Errorf(e911.Invalid, "several organisations have a location %q: name one, ORG/LOCATION", f.q.Location)
	case f.q.Location != "":
		return e911.Errorf(e911.NotFound, "there is no location %q", f.q.Location)
	case len(found) == 0 && key != "":
		return e911.Errorf(e911.NotFound, "there is no organisation %q", key)
	}
	return nil
}

func has(o *snapshot.Org, location string) bool {
	_, ok := locationOf(o, location)
	return ok
}

func locationOf(o *snapshot.Org, key string) (e911.LocationID, bool) {
	for l := range o.Locations() {
		if l.Key == key {
			return l.ID, true
		}
	}
	return "", false
}

// place finds where the question is about.
func (f *finding) place() {
	switch {
	case f.q.Location != "":
		id, ok := locationOf(f.org, f.q.Location)
		if !ok {
			_, rest, _ := strings.Cut(f.q.Location, "/")
			id, _ = locationOf(f.org, rest)
		}
		f.where, _ = f.org.Place(id)
		where := f.where
		f.validate(f.where.Civic, "")
		f.where, f.a.Point, f.a.Address.Display = where, where.Area, where.Display // as a call from there has it
	case f.q.Point != nil:
		f.where = e911.Place{Area: f.q.Point, Display: f.q.String()}
		f.a.Point = f.q.Point
	default:
		parsed, notes := civic.Parse(f.q.Address, civic.Hint{Postal: f.Postal})
		f.where = e911.Place{Civic: parsed.Address}
		f.validate(parsed.Address, f.q.Address)
		for _, n := range notes {
			f.a.Address.Notes = append(f.a.Address.Notes, n.Text)
		}
	}
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
	for _, x := range r.Faults {
		if x.Reason != "" {
			a.Notes = append(a.Notes, x.Reason)
		}
	}
	if r.Verdict == e911.VerdictInvalid {
		f.warn("THE ADDRESS IS NOT RIGHT: ask the caller again")
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
	}
	f.responder()
	f.advise(&d)
}

// responders are what the maps of NENA-STA-006 call those who go out.
var responders = map[string]string{
	ecrf.ServicePolice:    "urn:emergency:service:responder.police",
	ecrf.ServiceFire:      "urn:emergency:service:responder.fire",
	ecrf.ServiceAmbulance: "urn:emergency:service:responder.ems",
}

// responder finds who goes out; who is called is another question.
func (f *finding) responder() {
	urn, ok := responders[f.q.Service]
	if !ok || f.a.PSAP == nil {
		return
	}
	hit, ok, _ := f.World.PSAPs().Resolve(f.where, ecrf.Options{DemonstrationAllowed: f.org.Config().Demonstration, Service: urn, Now: f.Now})
	if ok {
		f.a.Responder = hit.Name()
	}
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
	transfer := "dial 911 where you are, and ask for a transfer to the 911 center of " + f.words()
	relay := a.Relay != nil && a.Relay.Line != ""
	switch {
	case f.abroad():
		a.Advice = "the place is not in the United States or Canada, and Callbox knows no other country: look for the emergency number of that country"
	case d.Basis.Source == route.SourceDemonstration:
		a.Advice = "this is a demonstration, no real 911 center is known: " + transfer
	case a.PSAP != nil && a.PSAP.Line != "":
		a.Call, a.Advice = a.PSAP.Line, a.PSAP.Name
		f.doubt(a.PSAP)
	case a.PSAP != nil && relay:
		a.Call, a.Advice = a.Relay.Line, fmt.Sprintf("%s; ask for %s, whose own number is not known", a.Relay.Name, a.PSAP.Name)
		f.doubt(a.Relay)
	case a.PSAP != nil:
		a.Advice = fmt.Sprintf("the number of %s is not known: %s", a.PSAP.Name, transfer)
	case relay:
		a.Call, a.Advice = a.Relay.Line, a.Relay.Name+"; which 911 center serves the place is not known"
		f.doubt(a.Relay)
	default:
		a.Advice = "which 911 center serves the place is not known: " + transfer
	}
	if a.Answering != "" {
		f.warn("this is the number for every emergency there; say what you need")
	}
	if d.Disagree != "" {
		f.warn("%s; the authority is followed", d.Disagree)
	}
	if d.Share > 0 && d.Share < 1 || slices.ContainsFunc(d.Findings, func(x e911.Finding) bool { return !x.Chosen && strings.Contains(x.Why, "on the edge") }) {
		f.warn("another 911 center may serve the place: say where it is first, and ask if it is theirs")
	}
	if a.PSAP != nil && f.where.Area == nil {
		f.warn("the place is on no map here: the 911 center was found by the names in the address alone")
	}
	if a.Address != nil && a.Address.Verdict == e911.VerdictUnverified {
		f.warn("nobody has checked the address: repeat it to the caller")
	}
	if f.a.Org == nil && f.several() {
		a.Findings = append(a.Findings, e911.Finding{Rule: route.RuleOverride, Why: "no organisation is named (--org KEY), so what organisations chose themselves was not looked at"})
	}
}

func (f *finding) several() bool {
	for range f.World.Orgs() {
		return true
	}
	return false
}

// abroad reports an address of a country that is not served.
func (f *finding) abroad() bool {
	c := f.where.Civic.Country
	return c != "" && !strings.EqualFold(c, "US") && !strings.EqualFold(c, "CA")
}

// words are what the place is asked for by: an address that is not right is no
// name of it.
func (f *finding) words() string {
	if c := f.where.Civic; f.a.Address != nil && f.a.Address.Verdict == e911.VerdictInvalid {
		if c.A3 == "" {
			return "the caller's city"
		}
		return strings.TrimSuffix(c.A3+", "+c.A1, ", ")
	}
	return cmp.Or(f.where.Display, "the place")
}

// doubt says how old the line is.
func (f *finding) doubt(p *PSAP) {
	switch {
	case p.LineChecked == nil:
		f.warn("nobody has tried this number: if nobody answers, dial 911 where you are and ask for a transfer")
	case f.Now.Sub(*p.LineChecked) > LineGood:
		f.warn("this number was last tried on %s: if nobody answers, dial 911 where you are and ask for a transfer", p.LineChecked.Format(time.DateOnly))
	}
}
