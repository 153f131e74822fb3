package change

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/route"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Words for what an effect is not.
const (
	toRelay     = "the relay centre"
	toNobody    = "nobody"
	notLocated  = "not located"
	notOnTheMap = "not on the map"
	noNumber    = "no number"
)

// outcome is what an emergency call would do, as far as effects tell it.
type outcome struct {
	place    string // as the PSAP reads it
	psap     string
	relay    bool
	callback string
}

// decider foretells calls of one organisation in one world, by the rules that decide
// calls. What it leaves out is of the moment: which trunks are silent, what an
// authority's server said, what the telephone itself says in its INVITE.
type decider struct {
	world *snapshot.Snapshot
	org   *snapshot.Org
	now   time.Time
	mem   func(e911.OrgID, string) locate.Memory
	ways  map[wayKey]way
	trunk e911.Trunk // the platform's by which calls come that name a user; zero: there is none
}

type wayKey struct {
	location e911.LocationID
	building e911.BuildingID
	home     e911.SiteID
	located  bool
}

type way struct {
	psap  string
	relay bool
}

func (p *Planner) decider(world *snapshot.Snapshot, org e911.OrgID, now time.Time) *decider {
	d := &decider{world: world, org: world.Org(org), now: now, mem: p.cfg.Memory, ways: map[wayKey]way{}}
	if d.org == nil {
		d.org = &snapshot.Org{}
	}
	for t := range d.org.Trunks() {
		if t.Side == e911.SidePlatform && (d.trunk.ID == "" || t.Key < d.trunk.Key) {
			d.trunk = t
		}
	}
	return d
}

// caller is who calls: one of the three.
type caller struct {
	device e911.DeviceID
	user   *e911.User
	line   e911.Number
}

// headers are those of the INVITE that is supposed.
type headers map[string]string

// All implements identify.Headers.
func (h headers) All(name string) []string {
	if v, ok := h[name]; ok {
		return []string{v}
	}
	return nil
}

func (d *decider) call(c caller) outcome {
	h := headers{}
	if c.line != "" {
		h["P-Asserted-Identity"] = "<sip:" + string(c.line) + "@callbox.invalid>"
	}
	call := identify.Call{Headers: h, TokenDevice: c.device}
	if c.user != nil && c.user.DeviceUserID != "" && d.trunk.ID != "" {
		call.Trunk = d.trunk
		h[cmp.Or(d.trunk.IdentityHeader, identify.HeaderDeviceUserID)] = c.user.DeviceUserID
	}
	who := identify.Who(d.world, d.org, call)
	var candidates []locate.Candidate
	held := who.HELD == identify.HELDYes
	if d.mem != nil {
		for _, dev := range who.Devices {
			m := d.mem(d.org.ID(), string(dev.ID))
			held = held || len(m.Sightings) > 0
			candidates = append(candidates, m.Recall(d.org, nil).Candidates...)
		}
	}
	var user e911.UserID
	if who.User != nil {
		user = who.User.ID
	}
	candidates = append(candidates, locate.FromNumbers(d.org, user, who.Line)...)
	var home e911.SiteID
	if who.Site != nil {
		home = who.Site.ID
		if k, ok := locate.FromSite(d.org, home); ok {
			candidates = append(candidates, k)
		}
	}
	where := locate.Decide(candidates, locate.Situation{HELD: held, DIDFallback: d.org.Config().DIDFallback}, d.now)
	located := where.By != e911.ByNothing
	scene := identify.Scene{Place: where.Place}
	if ali := d.org.Config().PSALI; ali != nil {
		scene.Billing = ali.Main
	}
	w := d.way(where.Place, located, home)
	out := outcome{place: notLocated, psap: w.psap, relay: w.relay, callback: cmp.Or(string(who.WithCallback(d.org, scene).Callback), noNumber)}
	if located {
		out.place = where.Place.Display
	}
	return out
}

// at is the outcome for whoever calls from a location of the map.
func (d *decider) at(id e911.LocationID) outcome {
	p, ok := d.org.Place(id)
	if !ok {
		return outcome{place: notOnTheMap}
	}
	w := d.way(p, true, p.Site)
	return outcome{place: p.Display, psap: w.psap, relay: w.relay}
}

// way is who answers.
func (d *decider) way(p e911.Place, located bool, home e911.SiteID) way {
	k := wayKey{p.Location, p.Building, home, located}
	if w, ok := d.ways[k]; ok {
		return w
	}
	q := route.Question{Place: p, Located: located, Now: d.now}
	q.Caller.State = d.org.Config().State
	q.Caller.Home = d.site(home)
	if located {
		q.Caller.Here = d.site(p.Site)
	}
	r := route.Decide(d.world, d.org, q)
	w := way{psap: toNobody, relay: !slices.ContainsFunc(r.Rungs, func(r ladder.Rung) bool { return r.Kind != ladder.KindRelay })}
	switch {
	case len(r.Rungs) == 0:
	case w.relay:
		w.psap = toRelay
	case r.PSAP != nil:
		w.psap = cmp.Or(r.PSAP.Name, r.PSAP.Key)
	default:
		w.psap = r.Rungs[0].PSAPName
	}
	d.ways[k] = w
	return w
}

func (d *decider) site(id e911.SiteID) *ladder.Site {
	s, ok := d.org.Site(id)
	if !ok {
		return nil
	}
	out := &ladder.Site{ID: s.ID, Name: s.Name, Local: s.Local, ECBN: s.Callback(), Mode: e911.ModeDynamic, Stage: e911.Stage911}
	for _, p := range d.org.BuildingPlaces(id) {
		out.Country = p.Civic.Country
		break
	}
	return out
}
