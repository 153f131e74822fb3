package netimport

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// known is one network element of the state as it will be.
type known struct {
	element e911.Element
	version int64 // 0: it comes with the file
	line    int   // of the file; 0: it is stored, and the file does not name it
	moved   bool  // it is stored, and the file has it at another place
	key     string
}

// view is the organisation as it will be, for package check: its elements from
// memory, by what the checks ask for, everything else as it is stored.
type view struct {
	admin.View
	org       e911.Org
	locations map[string]admin.Object // by id
	byKey     map[string]e911.LocationID
	phones    map[string]admin.Object // devices by hardware address

	elements []known
	at       map[string]int32 // by ElementKey
	ids      map[e911.ElementID]int32
	bssids   []int32 // in order of BSSID
	grouped  []int32 // ranges of BSSIDs and patterns of ports, in order of key
	lowHigh  []int32
}

// load reads what the checks will ask for.
func load(ctx context.Context, base admin.View, orgKey string) (*view, error) {
	v := &view{
		View: base, locations: map[string]admin.Object{}, byKey: map[string]e911.LocationID{}, phones: map[string]admin.Object{}, at: map[string]int32{},
	}
	orgs, err := base.Orgs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the organisations: %w", err)
	}
	i := slices.IndexFunc(orgs, func(o e911.Org) bool { return o.Key == orgKey })
	if i < 0 {
		return nil, e911.Errorf(e911.NotFound, "there is no organisation %q", orgKey)
	}
	v.org = orgs[i]
	err = v.each(ctx, e911.KindLocation, func(o admin.Object) {
		l := o.Value.(e911.Location)
		v.locations[o.Ref.ID], v.byKey[l.Key] = o, l.ID
	})
	if err != nil {
		return nil, err
	}
	err = v.each(ctx, e911.KindDevice, func(o admin.Object) {
		if d := o.Value.(e911.Device); d.MAC != "" {
			v.phones[string(d.MAC)] = o
		}
	})
	if err != nil {
		return nil, err
	}
	return v, v.each(ctx, e911.KindElement, func(o admin.Object) {
		e := o.Value.(e911.Element)
		v.put(known{element: e, version: o.Version, key: admin.ElementKey(e)})
	})
}

func (v *view) each(ctx context.Context, kind e911.ObjectKind, do func(admin.Object)) error {
	q := admin.Query{Kind: kind, Org: v.org.ID}
	for {
		page, err := v.View.List(ctx, q)
		if err != nil {
			return fmt.Errorf("read what is stored: %w", err)
		}
		for _, o := range page {
			do(o)
		}
		if len(page) < admin.MaxPage {
			return nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// put adds an element whose key is free.
func (v *view) put(k known) {
	v.at[k.key] = int32(len(v.elements))
	v.elements = append(v.elements, k)
}

// keep leaves the elements for which it returns true.
func (v *view) keep(stays func(known) bool) (gone []known) {
	kept := v.elements[:0]
	for _, k := range v.elements {
		if stays(k) {
			v.at[k.key] = int32(len(kept))
			kept = append(kept, k)
		} else {
			delete(v.at, k.key)
			gone = append(gone, k)
		}
	}
	clear(v.elements[len(kept):])
	v.elements = kept
	return gone
}

// index must follow the last put, before the first question.
func (v *view) index() {
	v.ids = make(map[e911.ElementID]int32, len(v.elements))
	for i := range v.elements {
		e, n := &v.elements[i].element, int32(i)
		v.ids[e.ID] = n
		switch {
		case e.Kind == e911.ElementBSSID && e.MACTo == "":
			v.bssids = append(v.bssids, n)
		case e.Kind == e911.ElementBSSID, e.Kind == e911.ElementLLDPPorts:
			v.grouped = append(v.grouped, n)
		case e.Kind == e911.ElementIP && !e.Range.IsValid():
			v.lowHigh = append(v.lowHigh, n)
		}
	}
	slices.SortFunc(v.bssids, func(a, b int32) int { return strings.Compare(v.bssid(a), v.bssid(b)) })
	slices.SortFunc(v.grouped, func(a, b int32) int { return strings.Compare(v.elements[a].key, v.elements[b].key) })
}

func (v *view) bssid(i int32) string { return string(v.elements[i].element.MAC) }

func (v *view) object(i int32) admin.Object {
	e := v.elements[i].element
	return admin.Object{Ref: admin.RefOf(e), Version: v.elements[i].version, Value: e}
}

// Get implements admin.View.
func (v *view) Get(ctx context.Context, ref admin.Ref) (admin.Object, error) {
	if ref.Org != v.org.ID {
		return v.View.Get(ctx, ref)
	}
	switch ref.Kind {
	case e911.KindOrg:
		return admin.Object{Ref: ref, Value: v.org}, nil
	case e911.KindLocation:
		if o, ok := v.locations[ref.ID]; ok {
			return o, nil
		}
	case e911.KindElement:
		if i, ok := v.ids[e911.ElementID(ref.ID)]; ok {
			return v.object(i), nil
		}
	default:
		return v.View.Get(ctx, ref)
	}
	return admin.Object{}, e911.Errorf(e911.NotFound, "there is no such object")
}

// List implements admin.View.
func (v *view) List(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	if q.Org != v.org.ID {
		return v.View.List(ctx, q)
	}
	if q.Kind == e911.KindDevice && q.Field == admin.ByMAC {
		if o, ok := v.phones[q.Value]; ok && q.After == "" {
			return []admin.Object{o}, nil
		}
		return nil, nil
	}
	if q.Kind != e911.KindElement {
		return v.View.List(ctx, q)
	}
	var found []int32
	one := func(key string) {
		if i, ok := v.at[key]; ok {
			found = append(found, i)
		}
	}
	switch q.Field {
	case admin.ByKey:
		one(q.Value)
	case admin.ByRange:
		one("ip " + q.Value)
	case admin.ByBSSIDPrefix:
		found = startingWith(v.bssids, v.bssid, q.Value)
	case admin.ByKeyPrefix:
		found = startingWith(v.grouped, func(i int32) string { return v.elements[i].key }, q.Value)
	case admin.ByLowHigh:
		found = v.lowHigh
	default:
		panic(fmt.Sprintf("netimport: elements are not looked for by %s", q.Field))
	}
	return v.page(found, q.After), nil
}

// page is the page of found, in order of id, that begins after an id.
func (v *view) page(found []int32, after string) []admin.Object {
	if len(found) == 0 || len(found) == 1 && after == "" {
		if len(found) == 0 {
			return nil
		}
		return []admin.Object{v.object(found[0])}
	}
	id := func(i int32) string { return string(v.elements[i].element.ID) }
	if len(found) > admin.MaxPage {
		found = slices.DeleteFunc(slices.Clone(found), func(i int32) bool { return id(i) <= after })
	}
	out := make([]admin.Object, 0, len(found))
	for _, i := range found {
		if id(i) > after {
			out = append(out, v.object(i))
		}
	}
	slices.SortFunc(out, func(a, b admin.Object) int { return strings.Compare(a.Ref.ID, b.Ref.ID) })
	return out[:min(len(out), admin.MaxPage)]
}

// startingWith returns those of list, which is in order of text, whose text
// starts with p.
func startingWith(list []int32, text func(int32) string, p string) []int32 {
	i, _ := slices.BinarySearchFunc(list, p, func(i int32, p string) int { return strings.Compare(text(i), p) })
	n := i
	for n < len(list) && strings.HasPrefix(text(list[n]), p) {
		n++
	}
	return list[i:n]
}
