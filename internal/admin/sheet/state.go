package sheet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// state is the organisation as it will be when the table is in: what is stored,
// with what the table puts and takes on top. A kind is read whole when it is first
// asked for. It is what package check looks at.
type state struct {
	admin.View
	ctx   context.Context //nolint:containedctx // a state lives inside one call
	org   e911.OrgID
	kinds map[e911.ObjectKind]*group
	asked map[admin.Ref]admin.Object // of other kinds: every row asks for its organisation
	orgs  []e911.Org
	err   error // the first of the view
}

// group holds the objects of one kind.
type group struct {
	stored map[string]admin.Object // by id
	now    map[string]admin.Object // by id; as it will be
	keys   map[string]string       // id by key; of now
	folded map[string]string       // a key by its small letters, as it was when first asked for
	index  map[admin.Field]map[string][]admin.Object
	sorted map[admin.Field][]admin.Object // elements in order of BSSID or of key
}

func newState(ctx context.Context, view admin.View, org e911.OrgID) *state {
	return &state{View: view, ctx: ctx, org: org, kinds: map[e911.ObjectKind]*group{}, asked: map[admin.Ref]admin.Object{}}
}

func (s *state) group(kind e911.ObjectKind) *group {
	if g := s.kinds[kind]; g != nil {
		return g
	}
	g := &group{stored: map[string]admin.Object{}, now: map[string]admin.Object{}, keys: map[string]string{}}
	s.kinds[kind] = g
	q := admin.Query{Kind: kind, Org: s.org}
	for s.err == nil {
		page, err := s.View.List(s.ctx, q)
		if err != nil {
			s.err = fmt.Errorf("read what is stored: %w", err)
			break
		}
		for _, o := range page {
			g.stored[o.Ref.ID], g.now[o.Ref.ID] = o, o
			g.keys[admin.KeyOf(o.Value)] = o.Ref.ID
		}
		if len(page) < admin.MaxPage {
			break
		}
		q.After = page[len(page)-1].Ref.ID
	}
	return g
}

// byKey finds an object as it will be.
func (s *state) byKey(kind e911.ObjectKind, key string) (admin.Object, bool) {
	if kind == e911.KindModel {
		found, err := s.View.List(s.ctx, admin.Query{Kind: kind, Field: admin.ByKey, Value: key, Limit: 1})
		if err != nil && s.err == nil {
			s.err = err
		}
		if len(found) == 0 {
			return admin.Object{}, false
		}
		return found[0], true
	}
	g := s.group(kind)
	o, ok := g.now[g.keys[key]]
	return o, ok
}

// byID finds one by its id.
func (s *state) byID(kind e911.ObjectKind, id string) (admin.Object, bool) {
	if kind == e911.KindModel {
		o, err := s.View.Get(s.ctx, admin.Ref{Kind: kind, ID: id})
		return o, err == nil
	}
	o, ok := s.group(kind).now[id]
	return o, ok
}

// put changes the state.
func (s *state) put(value any) {
	ref := admin.RefOf(value)
	g := s.group(ref.Kind)
	if old, ok := g.now[ref.ID]; ok {
		s.drop(g, old)
	}
	o := admin.Object{Ref: ref, Version: g.stored[ref.ID].Version, Value: value}
	g.now[ref.ID] = o
	g.keys[admin.KeyOf(value)] = ref.ID
	delete(g.index, "")
	g.sorted = nil
	for f, by := range g.index {
		v := fieldOf(value, f)
		i, _ := slices.BinarySearchFunc(by[v], o, byID)
		by[v] = slices.Insert(by[v], i, o)
	}
}

// drop takes an object out of all but now. The index of no field at all is made
// again when it is asked for: it is as long as the kind.
func (s *state) drop(g *group, o admin.Object) {
	delete(g.keys, admin.KeyOf(o.Value))
	delete(g.index, "")
	g.sorted = nil
	for f, by := range g.index {
		v := fieldOf(o.Value, f)
		if i, ok := slices.BinarySearchFunc(by[v], o, byID); ok {
			by[v] = slices.Delete(by[v], i, i+1)
		}
	}
}

func (s *state) remove(o admin.Object) {
	g := s.group(o.Ref.Kind)
	delete(g.now, o.Ref.ID)
	s.drop(g, o)
}

// Get implements admin.View.
func (s *state) Get(ctx context.Context, ref admin.Ref) (admin.Object, error) {
	if ref.Org != s.org || !held(ref.Kind) {
		if o, ok := s.asked[ref]; ok {
			return o, nil
		}
		o, err := s.View.Get(ctx, ref)
		if err == nil {
			s.asked[ref] = o
		}
		return o, err
	}
	if o, ok := s.group(ref.Kind).now[ref.ID]; ok {
		return o, nil
	}
	if s.err != nil {
		return admin.Object{}, s.err
	}
	return admin.Object{}, e911.Errorf(e911.NotFound, "there is no such %s", ref.Kind)
}

// Orgs implements admin.View.
func (s *state) Orgs(ctx context.Context) (_ []e911.Org, err error) {
	if s.orgs == nil {
		s.orgs, err = s.View.Orgs(ctx)
	}
	return s.orgs, err
}

// held are the kinds that a table may change.
func held(k e911.ObjectKind) bool {
	switch k {
	case e911.KindSite, e911.KindBuilding, e911.KindLocation, e911.KindElement, e911.KindUser, e911.KindDevice, e911.KindNumber, e911.KindAlert:
		return true
	}
	return false
}

// List implements admin.View.
func (s *state) List(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	if q.Org != s.org || !held(q.Kind) {
		return s.View.List(ctx, q)
	}
	g := s.group(q.Kind)
	if s.err != nil {
		return nil, s.err
	}
	var list []admin.Object
	switch q.Field {
	case admin.ByBSSIDPrefix:
		list = startingWith(g.inOrder(q.Field, bssidOf), bssidOf, q.Value)
	case admin.ByKeyPrefix:
		list = startingWith(g.inOrder(q.Field, groupedOf), groupedOf, q.Value)
	default:
		list = g.with(q.Field)[q.Value]
	}
	if q.After != "" {
		i, found := slices.BinarySearchFunc(list, q.After, func(o admin.Object, id string) int { return strings.Compare(o.Ref.ID, id) })
		if found {
			i++
		}
		list = list[i:]
	}
	limit := q.Limit
	if limit <= 0 || limit > admin.MaxPage {
		limit = admin.MaxPage
	}
	return list[:min(len(list), limit)], nil
}

func byID(a, b admin.Object) int { return strings.Compare(a.Ref.ID, b.Ref.ID) }

// with indexes the group by a field when it is first asked for.
func (g *group) with(f admin.Field) map[string][]admin.Object {
	if have, ok := g.index[f]; ok {
		return have
	}
	by := map[string][]admin.Object{}
	for _, o := range g.now {
		v := ""
		if f != "" {
			v = fieldOf(o.Value, f)
		}
		by[v] = append(by[v], o)
	}
	for _, list := range by {
		slices.SortFunc(list, byID)
	}
	if g.index == nil {
		g.index = map[admin.Field]map[string][]admin.Object{}
	}
	g.index[f] = by
	return by
}

// inOrder is the elements that have a text, in its order.
func (g *group) inOrder(f admin.Field, text func(admin.Object) string) []admin.Object {
	if have, ok := g.sorted[f]; ok {
		return have
	}
	list := []admin.Object{}
	for _, o := range g.now {
		if text(o) != "" {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b admin.Object) int { return strings.Compare(text(a), text(b)) })
	if g.sorted == nil {
		g.sorted = map[admin.Field][]admin.Object{}
	}
	g.sorted[f] = list
	return list
}

func bssidOf(o admin.Object) string {
	if e, ok := o.Value.(e911.Element); ok && e.Kind == e911.ElementBSSID && e.MACTo == "" {
		return string(e.MAC)
	}
	return ""
}

// groupedOf is the key of a range of BSSIDs or a pattern of ports: they alone are
// looked for by the beginning of their key.
func groupedOf(o admin.Object) string {
	if e, ok := o.Value.(e911.Element); ok && (e.Kind == e911.ElementBSSID && e.MACTo != "" || e.Kind == e911.ElementLLDPPorts) {
		return admin.ElementKey(e)
	}
	return ""
}

func startingWith(list []admin.Object, text func(admin.Object) string, p string) []admin.Object {
	i, _ := slices.BinarySearchFunc(list, p, func(o admin.Object, p string) int { return strings.Compare(text(o), p) })
	var found []admin.Object
	for ; i < len(list) && strings.HasPrefix(text(list[i]), p); i++ {
		found = append(found, list[i])
	}
	slices.SortFunc(found, byID)
	return found
}

// fieldOf returns what a value has in a field, as the store's columns do.
func fieldOf(value any, f admin.Field) string {
	if f == admin.ByKey {
		return admin.KeyOf(value)
	}
	has := map[admin.Field]string{}
	switch v := value.(type) {
	case e911.Building:
		has[admin.BySite] = string(v.Site)
	case e911.Location:
		has[admin.ByBuilding] = string(v.Building)
	case e911.Element:
		has[admin.ByLocation], has[admin.ByElementKind] = string(v.Location), string(v.Kind)
		if v.Kind == e911.ElementIP && v.Range.IsValid() {
			has[admin.ByRange] = v.Range.String()
		} else if v.Kind == e911.ElementIP {
			has[admin.ByLowHigh] = "1"
		}
		if v.Kind == e911.ElementMAC {
			has[admin.ByMAC] = string(v.MAC)
		}
		if v.LLDP.Chassis != "" {
			has[admin.ByLLDP] = admin.ElementKey(v)
		}
	case e911.User:
		has[admin.BySite], has[admin.ByDeviceUserID], has[admin.ByMember] = string(v.Site), v.DeviceUserID, string(v.ECBN.Member)
	case e911.Device:
		has[admin.BySite], has[admin.ByUser], has[admin.ByModel] = string(v.Site), string(v.User), string(v.Model)
		has[admin.ByMAC], has[admin.ByMember] = string(v.MAC), string(v.ECBN.Member)
		if v.SIP != nil {
			has[admin.BySIPUser] = v.SIP.User
		}
	case e911.NumberRec:
		has[admin.BySite], has[admin.ByUser], has[admin.ByLocation] = string(v.Site), string(v.User), string(v.Location)
		has[admin.ByNumber], has[admin.ByMember] = string(v.Number), string(v.ECBN.Member)
		if v.ELIN || v.ALI != nil {
			has[admin.ByALI] = "1"
		}
	case e911.Alert:
		has[admin.BySite] = string(v.Site)
	}
	return has[f]
}
