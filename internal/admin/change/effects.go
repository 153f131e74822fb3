package change

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
)

// MaxWho is how many callers an Effect names.
const MaxWho = 10

// worlds are what calls would use before and after the ops.
func (p *Planner) worlds(ctx context.Context, head admin.Head, ops []op) (before, after *snapshot.Snapshot, err error) {
	before, err = p.present(ctx, head)
	if err != nil {
		return nil, nil, err
	}
	changes := make([]snapshot.Change, len(ops))
	for i := range ops {
		o := &ops[i]
		changes[i] = snapshot.Change{Kind: o.ref.Kind, Org: o.ref.Org, ID: o.ref.ID}
		if o.verb != admin.Deleted {
			changes[i].Object = o.after
		}
	}
	if after, err = before.Apply(changes, p.cfg.Now()); err != nil {
		return nil, nil, err
	}
	return before, after, nil
}

// present is the world as the store has it at head: the published one and what was
// committed since.
func (p *Planner) present(ctx context.Context, head admin.Head) (*snapshot.Snapshot, error) {
	world, at := p.cfg.World()
	if at == head {
		return world, nil
	}
	if at.Store != head.Store {
		world, at = world.Emptied(), admin.Head{}
	}
	batch, err := p.cfg.Store.Since(ctx, at.Seq, nil)
	if err != nil {
		return nil, fmt.Errorf("read what was changed since calls' world: %w", err)
	}
	changes := make([]snapshot.Change, 0, len(batch.Rows))
	for _, r := range batch.Rows {
		if r.Err != nil {
			continue // its last good form holds
		}
		c := snapshot.Change{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID, Object: r.Value}
		if l, ok := r.Value.(e911.Layer); ok {
			content, have := world.LayerContent(l.Digest)
			if !have {
				b, err := p.cfg.Store.LayerBlob(ctx, l.Digest)
				if err != nil {
					return nil, fmt.Errorf("read what the layer holds: %w", err)
				}
				if content, err = gis.Decode(b); err != nil {
					return nil, fmt.Errorf("read what the layer holds: %w", err)
				}
			}
			c.Object = gis.Layer{Layer: l, Content: content}
		}
		changes = append(changes, c)
	}
	next, _, err := world.ApplyGood(changes, p.cfg.Now())
	if next == nil {
		return nil, fmt.Errorf("bring calls' world up to date: %w", err)
	}
	return next, nil
}

// effects compares calls in two worlds. Compared are callers whom both know.
func (p *Planner) effects(before, after *snapshot.Snapshot, ops []op) Effects {
	return p.compare(before, after, scopesOf(before, ops))
}

// scopesOf says by organisation whose calls may change.
func scopesOf(before *snapshot.Snapshot, ops []op) map[e911.OrgID]*scope {
	scopes := map[e911.OrgID]*scope{}
	world := false
	for i := range ops {
		o := &ops[i]
		if o.ref.Org == "" {
			world = true
			continue
		}
		if scopes[o.ref.Org] == nil {
			scopes[o.ref.Org] = newScope()
		}
		scopes[o.ref.Org].add(o)
	}
	if world {
		for o := range before.Orgs() {
			if scopes[o.ID()] == nil {
				scopes[o.ID()] = newScope()
			}
			scopes[o.ID()].wide = true
		}
	}
	return scopes
}

func (p *Planner) compare(before, after *snapshot.Snapshot, scopes map[e911.OrgID]*scope) Effects {
	e := &tally{out: Effects{By: map[Aspect]int{}}, groups: map[groupKey]*Effect{}}
	now := p.cfg.Now()
	for id, s := range scopes {
		if before.Org(id) == nil || after.Org(id) == nil {
			continue
		}
		c := &comparison{t: e, s: s, before: p.decider(before, id, now), after: p.decider(after, id, now), org: before.Org(id).Config().Key}
		c.run()
	}
	return e.finish()
}

// scope is whose calls may change by the ops of one organisation.
type scope struct {
	wide     bool // anybody's
	radio    bool // of whoever was seen in the network
	users    map[e911.UserID]bool
	devices  map[e911.DeviceID]bool
	numbers  map[e911.Number]bool
	elements map[e911.ElementID]bool
}

func newScope() *scope {
	return &scope{
		users: map[e911.UserID]bool{}, devices: map[e911.DeviceID]bool{}, numbers: map[e911.Number]bool{}, elements: map[e911.ElementID]bool{},
	}
}

func (s *scope) add(o *op) {
	switch o.ref.Kind {
	case e911.KindAlert:
	case e911.KindElement:
		s.radio = true
		s.elements[e911.ElementID(o.ref.ID)] = true
	case e911.KindUser:
		s.users[e911.UserID(o.ref.ID)] = true
	case e911.KindDevice:
		s.devices[e911.DeviceID(o.ref.ID)] = true
		for _, v := range []any{o.before, o.after} {
			if d, ok := v.(e911.Device); ok && d.User != "" {
				s.users[d.User] = true
			}
		}
	case e911.KindNumber:
		for _, v := range []any{o.before, o.after} {
			if n, ok := v.(e911.NumberRec); ok {
				s.numbers[n.Number] = true
				if n.User != "" {
					s.users[n.User] = true
				}
			}
		}
		s.wide = true // others may be called back by it, also before it was ours
	default:
		s.wide = true
	}
}

// comparison is that of one organisation.
type comparison struct {
	t             *tally
	s             *scope
	org           string
	before, after *decider
}

func (c *comparison) run() {
	for d := range c.before.org.Devices() {
		if _, stays := c.after.org.Device(d.ID); stays && (c.s.wide || c.s.radio || c.s.devices[d.ID] || c.s.users[d.User]) {
			who := caller{device: d.ID}
			c.t.compare(c.org, Caller{e911.KindDevice, string(d.ID), d.Key}, c.before.call(who), c.after.call(who))
		}
	}
	for u := range c.before.org.Users() {
		v, stays := c.after.org.User(u.ID)
		if stays && (c.s.wide || c.s.radio || c.s.users[u.ID]) {
			c.t.compare(c.org, Caller{e911.KindUser, string(u.ID), u.Key},
				c.before.call(caller{user: &u, line: first(c.before, u.ID)}), c.after.call(caller{user: &v, line: first(c.after, u.ID)}))
		}
	}
	for n := range c.before.org.Numbers() {
		if _, stays := c.after.org.Number(n.Number); stays && (c.s.wide || c.s.radio || c.s.numbers[n.Number] || c.s.users[n.User]) {
			who := caller{line: n.Number}
			c.t.compare(c.org, Caller{e911.KindNumber, string(n.ID), string(n.Number)}, c.before.call(who), c.after.call(who))
		}
	}
	c.elements()
}

// first is the number that a user calls from.
func first(d *decider, u e911.UserID) e911.Number {
	if list := d.org.NumbersOf(u); len(list) > 0 {
		return list[0].Number
	}
	return ""
}

// elements compares whoever is at an access point, a port, an address: by location,
// since all in one place go one way.
func (c *comparison) elements() {
	type pair struct{ before, after e911.LocationID }
	known := map[pair][2]outcome{}
	look := func(e e911.Element) {
		if !e.Kind.Places() || e.Location == "" {
			return
		}
		then, _ := c.after.org.Element(e.ID) // of what goes: no location
		k := pair{e.Location, then.Location}
		if _, ok := known[k]; !ok {
			known[k] = [2]outcome{c.before.at(e.Location), c.after.at(then.Location)}
		}
		c.t.compare(c.org, Caller{e911.KindElement, string(e.ID), admin.ElementKey(e)}, known[k][0], known[k][1])
	}
	if !c.s.wide {
		for id := range c.s.elements {
			if e, ok := c.before.org.Element(id); ok {
				look(e)
			}
		}
		return
	}
	for e := range c.before.org.Elements() {
		look(e)
	}
}

type groupKey struct {
	aspect             Aspect
	org, before, after string
}

// tally counts effects.
type tally struct {
	out    Effects
	groups map[groupKey]*Effect
}

func (t *tally) compare(org string, who Caller, before, after outcome) {
	if before == after {
		return
	}
	note := func(a Aspect, was, is string) {
		t.out.By[a]++
		k := groupKey{a, org, was, is}
		g := t.groups[k]
		if g == nil {
			g = &Effect{Aspect: a, Org: org, Before: was, After: is}
			t.groups[k] = g
		}
		g.Count++
		g.Who = append(g.Who, who)
		if len(g.Who) > 4*MaxWho {
			g.Who = firstOf(g.Who)
		}
	}
	if before.place != after.place {
		note(AspectLocation, before.place, after.place)
	}
	lost := after.place == notOnTheMap // who would answer is then not for the map to say
	switch {
	case lost || before.psap == after.psap:
	case after.relay && !before.relay:
		note(AspectRelay, before.psap, after.psap)
	default:
		note(AspectPSAP, before.psap, after.psap)
	}
	if before.callback != after.callback {
		note(AspectCallback, before.callback, after.callback)
	}
	switch who.Kind {
	case e911.KindDevice:
		t.out.Devices++
	case e911.KindUser:
		t.out.Users++
	case e911.KindNumber:
		t.out.Numbers++
	case e911.KindElement:
		t.out.Elements++
	}
}

// firstOf keeps those that come first, whatever the order in which they came.
func firstOf(who []Caller) []Caller {
	slices.SortFunc(who, func(a, b Caller) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Key, b.Key), strings.Compare(a.ID, b.ID))
	})
	return who[:min(len(who), MaxWho)]
}

// aspects in the order in which a person should read them.
var aspects = []Aspect{AspectRelay, AspectPSAP, AspectLocation, AspectCallback}

func (t *tally) finish() Effects {
	for _, g := range t.groups {
		g.Who = firstOf(g.Who)
		t.out.Groups = append(t.out.Groups, *g)
	}
	slices.SortFunc(t.out.Groups, func(a, b Effect) int {
		return cmp.Or(slices.Index(aspects, a.Aspect)-slices.Index(aspects, b.Aspect), b.Count-a.Count,
			strings.Compare(a.Org, b.Org), strings.Compare(a.Before, b.Before), strings.Compare(a.After, b.After))
	})
	if n := len(t.out.Groups); n > MaxListed {
		t.out.Beyond, t.out.Groups = n-MaxListed, t.out.Groups[:MaxListed]
	}
	return t.out
}
