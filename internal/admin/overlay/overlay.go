// Package overlay shows the store as it will be after changes that are not made
// yet: it is what checks look at, so that objects of one change set may name each
// other and what goes is gone.
package overlay

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// View is a base view with changes over it. Not safe for concurrent use.
type View struct {
	base   admin.View
	whole  map[e911.OrgID]bool // nothing of them is asked of the base
	groups map[part]*group
	asked  map[admin.Query][]admin.Object
	got    map[admin.Ref]admin.Object
	orgs   []e911.Org // of the base
	read   bool       // orgs were read
}

// part is the objects of one kind and organisation.
type part struct {
	kind e911.ObjectKind
	org  e911.OrgID
}

// group is what is known of a part.
type group struct {
	whole   bool // all of it: the base is not asked
	put     map[string]admin.Object
	gone    map[string]bool
	byID    []admin.Object // of put, in order of id; nil: to be made
	index   map[admin.Field]map[string][]admin.Object
	radio   []keyed // access points in order of BSSID
	keys    []keyed // network elements in order of key
	indexed bool
}

type keyed struct {
	key string
	o   admin.Object
}

// maxAsked bounds how many answers of the base are kept: checks of many objects
// ask the same again.
const maxAsked = 20_000

// New lays an empty overlay over a view.
func New(base admin.View) *View {
	return &View{
		base: base, whole: map[e911.OrgID]bool{}, groups: map[part]*group{},
		asked: map[admin.Query][]admin.Object{}, got: map[admin.Ref]admin.Object{},
	}
}

// Replace says that of the organisation ("" is the world part) there is nothing
// but what is Put.
func (v *View) Replace(org e911.OrgID) { v.whole[org] = true }

// Load reads a part into memory, so that many questions about it cost nothing.
// It must come before the part is changed.
func (v *View) Load(ctx context.Context, kind e911.ObjectKind, org e911.OrgID) error {
	g := v.group(part{kind, org})
	if g.whole || v.whole[org] {
		return nil
	}
	q := admin.Query{Kind: kind, Org: org}
	for {
		page, err := v.base.List(ctx, q)
		if err != nil {
			return err
		}
		for _, o := range page {
			g.put[o.Ref.ID] = o
		}
		if len(page) < admin.MaxPage {
			break
		}
		q.After = page[len(page)-1].Ref.ID
	}
	g.whole = true
	g.stale()
	return nil
}

func (v *View) group(p part) *group {
	g := v.groups[p]
	if g == nil {
		g = &group{put: map[string]admin.Object{}, gone: map[string]bool{}}
		v.groups[p] = g
	}
	return g
}

func (g *group) stale() { g.byID, g.index, g.radio, g.keys, g.indexed = nil, nil, nil, nil, false }

// Put adds an object, or puts it in the place of the one with its id.
func (v *View) Put(o admin.Object) {
	g := v.group(part{o.Ref.Kind, o.Ref.Org})
	g.put[o.Ref.ID] = o
	delete(g.gone, o.Ref.ID)
	g.stale()
}

// Delete takes an object away.
func (v *View) Delete(ref admin.Ref) {
	g := v.group(part{ref.Kind, ref.Org})
	delete(g.put, ref.ID)
	g.gone[ref.ID] = true
	g.stale()
}

// Gone reports that the object was deleted in the overlay.
func (v *View) Gone(ref admin.Ref) bool {
	g := v.groups[part{ref.Kind, ref.Org}]
	return g != nil && g.gone[ref.ID]
}

// Has reports that the overlay itself holds the object.
func (v *View) Has(ref admin.Ref) bool {
	g := v.groups[part{ref.Kind, ref.Org}]
	if g == nil {
		return false
	}
	_, ok := g.put[ref.ID]
	return ok
}

// Get implements admin.View.
func (v *View) Get(ctx context.Context, ref admin.Ref) (admin.Object, error) {
	g := v.groups[part{ref.Kind, ref.Org}]
	if g != nil {
		if o, ok := g.put[ref.ID]; ok {
			return o, nil
		}
	}
	if v.whole[ref.Org] || g != nil && (g.whole || g.gone[ref.ID]) {
		return admin.Object{}, e911.Errorf(e911.NotFound, "there is no such %s", ref.Kind)
	}
	if o, ok := v.got[ref]; ok {
		return o, nil
	}
	o, err := v.base.Get(ctx, ref)
	if err == nil && len(v.got) < maxAsked {
		v.got[ref] = o
	}
	return o, err
}

// List implements admin.View.
func (v *View) List(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	limit := q.Limit
	if limit <= 0 || limit > admin.MaxPage {
		limit = admin.MaxPage
	}
	g := v.groups[part{q.Kind, q.Org}]
	var own []admin.Object
	if g != nil {
		own = after(g.matching(q), q.After)
	}
	if v.whole[q.Org] || g != nil && g.whole {
		return own[:min(len(own), limit)], nil
	}
	if g == nil {
		return v.ask(ctx, q)
	}
	below, err := v.below(ctx, g, q, limit)
	if err != nil {
		return nil, err
	}
	if len(below) == 0 {
		return own[:min(len(own), limit)], nil
	}
	all := append(slices.Clone(own), below...)
	slices.SortFunc(all, byID)
	return all[:min(len(all), limit)], nil
}

// below is what the base has and the overlay has not changed: limit objects, or
// all that there are.
func (v *View) below(ctx context.Context, g *group, q admin.Query, limit int) ([]admin.Object, error) {
	var out []admin.Object
	for {
		page, err := v.ask(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			if _, changed := g.put[o.Ref.ID]; !changed && !g.gone[o.Ref.ID] {
				out = append(out, o)
			}
		}
		if len(page) < limit || len(out) >= limit {
			return out, nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

func (v *View) ask(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	if have, ok := v.asked[q]; ok {
		return have, nil
	}
	have, err := v.base.List(ctx, q)
	if err == nil && len(v.asked) < maxAsked {
		v.asked[q] = have
	}
	return have, err
}

func byID(a, b admin.Object) int { return strings.Compare(a.Ref.ID, b.Ref.ID) }

// after is those of a list in order of id that come after one.
func after(list []admin.Object, id string) []admin.Object {
	if id == "" {
		return list
	}
	i, found := slices.BinarySearchFunc(list, id, func(o admin.Object, id string) int { return strings.Compare(o.Ref.ID, id) })
	if found {
		i++
	}
	return list[i:]
}

// matching is what the overlay holds that the query asks for, in order of id.
func (g *group) matching(q admin.Query) []admin.Object {
	g.freeze()
	switch q.Field {
	case "":
		return g.byID
	case admin.ByBSSIDPrefix:
		if g.radio == nil {
			g.radio = sorted(g.byID, func(e e911.Element) (string, bool) {
				return string(e.MAC), e.Kind == e911.ElementBSSID && e.MACTo == ""
			})
		}
		return startingWith(g.radio, q.Value)
	case admin.ByKeyPrefix:
		if g.keys == nil {
			g.keys = sorted(g.byID, func(e e911.Element) (string, bool) { return admin.ElementKey(e), true })
		}
		return startingWith(g.keys, q.Value)
	}
	return g.with(q.Field)[q.Value]
}

func (g *group) freeze() {
	if g.indexed {
		return
	}
	g.byID = make([]admin.Object, 0, len(g.put))
	for _, o := range g.put {
		g.byID = append(g.byID, o)
	}
	slices.SortFunc(g.byID, byID)
	g.index, g.indexed = map[admin.Field]map[string][]admin.Object{}, true
}

func sorted(list []admin.Object, key func(e911.Element) (string, bool)) []keyed {
	out := make([]keyed, 0, len(list))
	for _, o := range list {
		if e, ok := o.Value.(e911.Element); ok {
			if k, ok := key(e); ok {
				out = append(out, keyed{k, o})
			}
		}
	}
	slices.SortFunc(out, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	return out
}

// startingWith returns those whose key starts with p, in order of id.
func startingWith(list []keyed, p string) []admin.Object {
	i, _ := slices.BinarySearchFunc(list, p, func(k keyed, p string) int { return strings.Compare(k.key, p) })
	var found []admin.Object
	for ; i < len(list) && strings.HasPrefix(list[i].key, p); i++ {
		found = append(found, list[i].o)
	}
	slices.SortFunc(found, byID)
	return found
}

// with indexes the group by a field when it is first asked for.
func (g *group) with(f admin.Field) map[string][]admin.Object {
	if have, ok := g.index[f]; ok {
		return have
	}
	by := map[string][]admin.Object{}
	for _, o := range g.byID {
		for _, x := range fieldOf(o.Value, f) {
			by[x] = append(by[x], o)
		}
	}
	g.index[f] = by
	return by
}

// fieldOf returns what a value has in a field, as the store's columns do.
func fieldOf(value any, f admin.Field) []string {
	if f == admin.ByKey {
		return []string{admin.KeyOf(value)}
	}
	has := map[admin.Field]string{}
	switch v := value.(type) {
	case e911.Building:
		has[admin.BySite] = string(v.Site)
	case e911.Location:
		has[admin.ByBuilding] = string(v.Building)
	case e911.Element:
		has[admin.ByLocation], has[admin.ByElementKind] = string(v.Location), string(v.Kind)
		has[admin.ByRange], has[admin.ByLowHigh] = "", ""
		if v.Kind == e911.ElementIP && v.Range.IsValid() {
			has[admin.ByRange] = v.Range.String()
		} else if v.Kind == e911.ElementIP {
			has[admin.ByLowHigh] = "1"
		}
	case e911.User:
		has[admin.BySite], has[admin.ByDeviceUserID] = string(v.Site), v.DeviceUserID
		has[admin.ByMember] = string(v.ECBN.Member)
	case e911.Device:
		has[admin.BySite], has[admin.ByUser] = string(v.Site), string(v.User)
		has[admin.ByModel], has[admin.ByMAC] = string(v.Model), string(v.MAC)
		has[admin.BySIPUser], has[admin.ByMember] = "", string(v.ECBN.Member)
		if v.SIP != nil {
			has[admin.BySIPUser] = v.SIP.User
		}
	case e911.NumberRec:
		has[admin.BySite], has[admin.ByUser] = string(v.Site), string(v.User)
		has[admin.ByLocation], has[admin.ByNumber] = string(v.Location), string(v.Number)
		has[admin.ByMember] = string(v.ECBN.Member)
	case e911.Alert:
		has[admin.BySite] = string(v.Site)
	case e911.PSAPOverride:
		has[admin.BySite], has[admin.ByBuilding] = string(v.Site), string(v.Building)
		has[admin.ByLocation], has[admin.ByPSAP] = string(v.Location), string(v.PSAP)
	case e911.PSAP:
		if f == admin.ByTrunk {
			ids := make([]string, len(v.Routes))
			for i, r := range v.Routes {
				ids[i] = string(r)
			}
			return ids
		}
	}
	if v, ok := has[f]; ok {
		return []string{v}
	}
	panic(fmt.Sprintf("overlay: %T is not looked for by %s", value, f))
}

// Orgs implements admin.View.
func (v *View) Orgs(ctx context.Context) ([]e911.Org, error) {
	if !v.read {
		var err error
		if v.orgs, err = v.base.Orgs(ctx); err != nil {
			return nil, err
		}
		v.read = true
	}
	orgs := slices.DeleteFunc(slices.Clone(v.orgs), func(o e911.Org) bool {
		return v.whole[o.ID] || v.Gone(admin.RefOf(o)) || v.Has(admin.RefOf(o))
	})
	for p, g := range v.groups {
		if p.kind == e911.KindOrg {
			for _, o := range g.put {
				orgs = append(orgs, o.Value.(e911.Org))
			}
		}
	}
	slices.SortFunc(orgs, func(a, b e911.Org) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return orgs, nil
}

// TrunksFrom implements admin.View.
func (v *View) TrunksFrom(ctx context.Context, p netip.Prefix) ([]e911.Trunk, error) {
	stored, err := v.base.TrunksFrom(ctx, p)
	if err != nil {
		return nil, err
	}
	trunks := slices.DeleteFunc(stored, func(t e911.Trunk) bool {
		return v.whole[t.Org] || v.Gone(admin.RefOf(t)) || v.Has(admin.RefOf(t))
	})
	for k, g := range v.groups {
		if k.kind != e911.KindTrunk {
			continue
		}
		for _, o := range g.put {
			t := o.Value.(e911.Trunk)
			meets := func(q netip.Prefix) bool { return q.IsValid() && q.Overlaps(p) }
			if slices.ContainsFunc(t.From, meets) || slices.ContainsFunc(t.DRFrom, meets) {
				trunks = append(trunks, t)
			}
		}
	}
	slices.SortFunc(trunks, func(a, b e911.Trunk) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return trunks, nil
}
