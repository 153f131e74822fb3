package world

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// set is the state as it will be when the file is in: for the organisations of
// the file (and the world part, when it has one) what the file says, for all
// others what is stored. It is what the checks look at.
type set struct {
	base    admin.View
	touched map[e911.OrgID]bool // "" is the world part
	objects map[admin.Ref]admin.Object
	groups  map[admin.Ref]*group // by kind and organisation
	asked   map[admin.Query][]admin.Object
}

// group holds the objects of one kind and organisation.
type group struct {
	byID  []admin.Object // in order of id
	index map[admin.Field]map[string][]admin.Object
	macs  []admin.Object // access points in order of BSSID
	keys  []admin.Object // network elements in order of key, once asked for
}

func newSet(base admin.View) *set {
	return &set{
		base: base, touched: map[e911.OrgID]bool{}, objects: map[admin.Ref]admin.Object{},
		groups: map[admin.Ref]*group{}, asked: map[admin.Query][]admin.Object{},
	}
}

// put adds a value; finish must follow before the first question.
func (s *set) put(value any) {
	ref := admin.RefOf(value)
	o := admin.Object{Ref: ref, Value: value}
	if _, have := s.objects[ref]; have {
		return
	}
	s.objects[ref] = o
	k := admin.Ref{Kind: ref.Kind, Org: ref.Org}
	g := s.groups[k]
	if g == nil {
		g = &group{index: map[admin.Field]map[string][]admin.Object{}}
		s.groups[k] = g
	}
	g.byID = append(g.byID, o)
}

func (s *set) finish() {
	for _, g := range s.groups {
		slices.SortFunc(g.byID, func(a, b admin.Object) int { return strings.Compare(a.Ref.ID, b.Ref.ID) })
		for _, o := range g.byID {
			if e, ok := o.Value.(e911.Element); ok && e.Kind == e911.ElementBSSID && e.MACTo == "" {
				g.macs = append(g.macs, o)
			}
		}
		slices.SortFunc(g.macs, func(a, b admin.Object) int { return strings.Compare(bssid(a), bssid(b)) })
	}
}

func bssid(o admin.Object) string { return string(o.Value.(e911.Element).MAC) }

// Get implements admin.View.
func (s *set) Get(ctx context.Context, ref admin.Ref) (admin.Object, error) {
	if !s.touched[ref.Org] {
		return s.base.Get(ctx, ref)
	}
	if o, ok := s.objects[ref]; ok {
		return o, nil
	}
	return admin.Object{}, e911.Errorf(e911.NotFound, "there is no such %s", ref.Kind)
}

// List implements admin.View.
func (s *set) List(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	if !s.touched[q.Org] {
		if have, ok := s.asked[q]; ok {
			return have, nil
		}
		have, err := s.base.List(ctx, q)
		if err == nil {
			s.asked[q] = have
		}
		return have, err
	}
	g := s.groups[admin.Ref{Kind: q.Kind, Org: q.Org}]
	if g == nil {
		return nil, nil
	}
	list := g.byID
	switch q.Field {
	case "":
	case admin.ByBSSIDPrefix:
		list = startingWith(g.macs, bssid, q.Value)
	case admin.ByKeyPrefix:
		list = startingWith(g.byKey(), elementKey, q.Value)
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

// startingWith returns those of list, which is in order of text, whose text
// starts with p, in order of id.
func startingWith(list []admin.Object, text func(admin.Object) string, p string) []admin.Object {
	i, _ := slices.BinarySearchFunc(list, p, func(o admin.Object, p string) int { return strings.Compare(text(o), p) })
	var found []admin.Object
	for ; i < len(list) && strings.HasPrefix(text(list[i]), p); i++ {
		found = append(found, list[i])
	}
	slices.SortFunc(found, func(a, b admin.Object) int { return strings.Compare(a.Ref.ID, b.Ref.ID) })
	return found
}

func elementKey(o admin.Object) string { return admin.ElementKey(o.Value.(e911.Element)) }

// byKey is the network elements whose keys are asked for by their beginning:
// ranges of BSSIDs and patterns of ports.
func (g *group) byKey() []admin.Object {
	if g.keys != nil {
		return g.keys
	}
	g.keys = []admin.Object{}
	for _, o := range g.byID {
		if e, ok := o.Value.(e911.Element); ok && (e.MACTo != "" || e.Kind == e911.ElementLLDPPorts) {
			g.keys = append(g.keys, o)
		}
	}
	slices.SortFunc(g.keys, func(a, b admin.Object) int { return strings.Compare(elementKey(a), elementKey(b)) })
	return g.keys
}

// with indexes the group by a field when it is first asked for.
func (g *group) with(f admin.Field) map[string][]admin.Object {
	if have, ok := g.index[f]; ok {
		return have
	}
	by := map[string][]admin.Object{}
	for _, o := range g.byID {
		for _, v := range fieldOf(o.Value, f) {
			by[v] = append(by[v], o)
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
	panic(fmt.Sprintf("world: %T is not looked for by %s", value, f))
}

// Orgs implements admin.View.
func (s *set) Orgs(ctx context.Context) ([]e911.Org, error) {
	stored, err := s.base.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	orgs := slices.DeleteFunc(stored, func(o e911.Org) bool { return s.touched[o.ID] })
	for ref, o := range s.objects {
		if ref.Kind == e911.KindOrg {
			orgs = append(orgs, o.Value.(e911.Org))
		}
	}
	slices.SortFunc(orgs, func(a, b e911.Org) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return orgs, nil
}

// TrunksFrom implements admin.View.
func (s *set) TrunksFrom(ctx context.Context, p netip.Prefix) ([]e911.Trunk, error) {
	stored, err := s.base.TrunksFrom(ctx, p)
	if err != nil {
		return nil, err
	}
	trunks := slices.DeleteFunc(stored, func(t e911.Trunk) bool { return s.touched[t.Org] })
	for k, g := range s.groups {
		if k.Kind != e911.KindTrunk {
			continue
		}
		for _, o := range g.byID {
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
