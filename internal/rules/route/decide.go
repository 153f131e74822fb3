package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// Rules that a Finding of this package names; own layers have those of ecrf.
const (
	RuleOverride  = "psap_override"
	RuleAuthority = "psap_authority"
	RuleAlternate = "psap_alternate"
)

// Decide answers a question.
func Decide(w World, o Org, q Question) Decision {
	c := &choice{w: w, o: o, q: q, cfg: o.Config()}
	c.d.Basis.Source = SourceNone
	if q.Located {
		c.ownLayer()
		// What counts less is looked at all the same: it is told (E11), and the two
		// may disagree.
		c.override()
		c.authority()
		c.layer()
	}
	c.ladder()
	return c.d
}

// choice is one question while it is decided.
type choice struct {
	w   World
	o   Org
	q   Question
	cfg e911.Org
	d   Decision

	hit         ecrf.Hit // of our layers
	own         e911.PSAP
	ownFound    bool
	ownFindings []e911.Finding
	other       *e911.PSAP // what our layers say against an authority whose PSAP has no route
	alternates  []e911.PSAP
}

func (c *choice) took() bool { return c.d.Basis.Source != SourceNone }

func (c *choice) say(f e911.Finding) {
	f.Place = cmp.Or(f.Place, c.q.Place.Display)
	c.d.Findings = append(c.d.Findings, f)
}

// holds reports that something without an end, or before it, is still good.
func holds(until, now time.Time) bool { return until.IsZero() || now.Before(until) }

// override takes the closest choice of the organisation's own that still holds.
// It is made for 911: other services have their own boundaries.
func (c *choice) override() {
	if c.q.Service != "" && c.q.Service != ecrf.ServiceSOS {
		return
	}
	for _, v := range c.o.Overrides(c.q.Place) {
		f := e911.Finding{Rule: RuleOverride, Said: v.Key}
		p, ok := c.w.PSAP(v.PSAP)
		if ok {
			f.Said = p.Name
		}
		switch {
		case !holds(v.Expires, c.q.Now):
			f.Why = "the agreement of " + v.Key + " ended on " + v.Expires.UTC().Format(time.DateOnly)
		case v.Agreement == "":
			f.Why = "no agreement with that PSAP is recorded for " + v.Key + " (F-23)"
		case !ok:
			f.Why = v.Key + " names a PSAP that does not exist"
		case c.took():
			f.Why = "a choice that is closer to the caller comes first; it is an alternate"
			c.alternates = append(c.alternates, p)
		default:
			f.Chosen, f.Why = true, "the organisation's own choice, agreed with that PSAP: "+v.Agreement
			c.d.PSAP = &p
			c.d.Basis = Basis{Source: SourceOverride, Name: v.Key, Expires: v.Expires, Agreement: v.Agreement}
		}
		c.say(f)
	}
}

// authority takes an unexpired mapping.
func (c *choice) authority() {
	m := c.q.Mapping
	if m == nil {
		return
	}
	f := e911.Finding{Rule: RuleAuthority, Said: m.Name}
	if !holds(m.Expires, c.q.Now) {
		f.Why = "the mapping of " + m.Source + " expired at " + m.Expires.UTC().Format(time.RFC3339)
		c.say(f)
		return
	}
	p, known := c.w.PSAPs().Named(m)
	known = known && !elsewhere(&p, c.q.Place)
	if c.ownFound && !c.agree(m, p) {
		c.d.Disagree = fmt.Sprintf("%s names %s, our own layer names %s", m.Source, cmp.Or(m.Name, "another PSAP"), c.own.Name)
	}
	if c.took() {
		f.Why = "the organisation's own choice comes before the mapping of " + m.Source
		if known {
			c.alternates = append(c.alternates, p)
		}
		c.say(f)
		return
	}
	if !known {
		p = e911.PSAP{Key: m.SourceID, Name: cmp.Or(m.Name, "the PSAP that "+m.Source+" names"), Line: lineOf(m.URIs)}
	}
	f.Chosen, f.Why = true, "an unexpired mapping of the authority's server "+m.Source
	c.d.PSAP, c.d.URIs = &p, m.URIs
	c.d.Basis = Basis{Source: SourceAuthority, Name: m.Source, Feature: m.SourceID, Expires: m.Expires}
	if !known {
		f.Why += "; no PSAP of the directory is meant by it"
	}
	c.say(f)
	if !c.reach() && c.ownFound && c.d.Disagree != "" {
		c.other = &c.own
	}
}

// elsewhere reports a PSAP that is only listed, in another state than the place:
// the directory has many of one name.
func elsewhere(p *e911.PSAP, place e911.Place) bool {
	if len(p.Routes) > 0 || len(p.Features) > 0 || p.Agency != "" || len(p.Area) > 0 || p.Listing.State == "" {
		return false
	}
	s, ok := civic.StateOf(place.Civic.A1)
	return ok && s.Code != p.Listing.State
}

// agree reports that the authority means whom our own layer means. A
// demonstration layer is nobody's opinion.
func (c *choice) agree(m *ecrf.Answer, named e911.PSAP) bool {
	return c.hit.Demonstration() || named.ID != "" && named.ID == c.own.ID || !ecrf.Disagree(m, &c.own) ||
		slices.ContainsFunc(m.URIs, func(u string) bool { return slices.Contains(c.hit.URIs(), u) })
}

// reach looks for a way to a PSAP that has no routes of its own: a carrier's
// trunk that leads to the very address that the authority or the layer gives.
func (c *choice) reach() bool {
	if len(c.d.PSAP.Routes) > 0 {
		return true
	}
	for _, u := range c.d.URIs {
		if t, ok := c.w.TrunkTo(hostOf(u)); ok {
			c.d.PSAP.Routes = []e911.TrunkID{t.ID}
			return true
		}
	}
	return false
}

// layer takes what our own layers said, when nothing before it did.
func (c *choice) layer() {
	for _, f := range c.ownFindings {
		if f.Chosen && c.took() {
			f.Chosen = false
			f.Why += "; " + map[Source]string{
				SourceOverride:  "the organisation's own choice comes first",
				SourceAuthority: "the authority's mapping comes first",
			}[c.d.Basis.Source]
		}
		c.say(f)
	}
	if c.d.Basis.Source == SourceOverride && c.ownFound {
		c.alternates = append(c.alternates, c.own) // who serves the place needs no agreement
	}
	if c.took() || !c.ownFound {
		return
	}
	c.d.PSAP, c.d.URIs, c.d.Service, c.d.Share = &c.own, c.hit.URIs(), c.hit.Service, c.hit.Share
	c.d.Basis = c.basis()
	c.reach()
}

// ownLayer asks our own layers.
func (c *choice) ownLayer() {
	c.hit, c.ownFound, c.ownFindings = c.w.PSAPs().Resolve(c.q.Place, ecrf.Options{
		DemonstrationAllowed: c.cfg.Demonstration, Service: c.q.Service, Now: c.q.Now,
	})
	if c.ownFound {
		c.own = *c.hit.PSAP
	}
}

// basis is what our own layers went by.
func (c *choice) basis() Basis {
	b := Basis{Source: SourceLayer, Grade: c.hit.Grade(), Feature: c.hit.SourceID(), Expires: c.hit.Expires()}
	if c.hit.Demonstration() {
		b.Source = SourceDemonstration
	}
	switch l := c.hit.Layer; {
	case l != nil:
		b.Name, b.Version, b.AsOf = l.Key, l.Version, l.AsOf
	case b.Source == SourceDemonstration:
		b.Name, b.Feature = "us-counties", c.own.Boundary.USCounty
	default:
		b.Name = c.own.Key
	}
	return b
}

// ladder orders the trunks.
func (c *choice) ladder() {
	c.agreed()
	plan := ladder.Build(ladder.Input{
		PSAP: c.d.PSAP, Other: c.other, Alternates: c.alternates, Relays: c.w.Relays(), Carriers: c.cfg.Carriers, Located: c.q.Located,
		Country: c.country(), Caller: c.q.Caller,
		Demonstration: c.cfg.Demonstration, Trunk: c.w.Trunk, Down: c.q.Down, Targets: c.q.Targets,
	})
	c.d.Rungs, c.d.Relay, c.d.Gate, c.d.Gated = plan.Rungs, plan.Relay, plan.Gate, plan.Gated
	for _, f := range plan.Left {
		c.say(f)
	}
}

// agreed adds those that take the PSAP's calls by an agreement that holds (F-23).
func (c *choice) agreed() {
	if c.d.PSAP == nil {
		return
	}
	for _, a := range c.d.PSAP.Alternates {
		f := e911.Finding{Rule: RuleAlternate, Said: string(a.PSAP)}
		p, ok := c.w.PSAP(a.PSAP)
		if ok {
			f.Said = p.Name
		}
		switch {
		case a.Agreement == "":
			f.Why = "no agreement with that PSAP is recorded (F-23)"
		case !holds(a.Expires, c.q.Now):
			f.Why = "the agreement ended on " + a.Expires.UTC().Format(time.DateOnly)
		case !ok:
			f.Why = "it does not exist"
		default:
			f.Chosen, f.Why = true, "it takes the calls that cannot reach "+c.d.PSAP.Name+": "+a.Agreement
			c.alternates = append(c.alternates, p)
		}
		c.say(f)
	}
}

// country is that of the place: of its address, else of who serves it.
func (c *choice) country() string {
	if got := c.q.Place.Civic.Country; got != "" || c.d.PSAP == nil {
		return got
	}
	if c.d.PSAP.Boundary.Demonstration() && c.d.PSAP.Boundary.USCounty != "" {
		return "US"
	}
	s, ok := civic.StateOf(cmp.Or(c.d.PSAP.Boundary.State, c.d.PSAP.Listing.State))
	switch {
	case !ok:
		return ""
	case s.FIPS == "":
		return "CA"
	}
	return "US"
}

// lineOf is the telephone number among the addresses of a service.
func lineOf(uris []string) e911.Number {
	for _, u := range uris {
		if len(u) > 4 && strings.EqualFold(u[:4], "tel:") {
			n, _, _ := strings.Cut(u[4:], ";")
			if v, err := e911.ParseNumber(n); err == nil {
				return v
			}
		}
	}
	return ""
}

// hostOf is host and port of a SIP address, in lower case; none: empty.
func hostOf(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	if !strings.EqualFold(scheme, "sip") {
		return ""
	}
	if _, host, ok := strings.Cut(rest, "@"); ok {
		rest = host
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "?")
	if rest != "" && !strings.Contains(strings.TrimSuffix(rest[strings.LastIndexByte(rest, ']')+1:], ":"), ":") {
		rest += ":5060" // RFC 3263, section 4.2
	}
	return strings.ToLower(rest)
}
