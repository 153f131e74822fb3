package world

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// name is what the file refers to an object by.
type name struct {
	kind e911.ObjectKind
	org  string // key of the organisation
	key  string
}

// resolver gives the objects of a file their ids: those of the stored objects
// with the same keys, new ones otherwise. So a second import finds everything
// as it left it.
type resolver struct {
	s      *source
	d      *draft
	orgIDs map[string]e911.OrgID
	stored map[name]admin.Object // in the touched parts
	ids    map[name]string       // of the objects of the file, and world objects that are not in it
	first  map[name]int          // index of the item that has the name
	notes  map[int][]e911.Fault  // what is worth a word, by index of the item
}

// nested marks a field that the file expresses by where the object stands; a
// fault in it would be a second one for that of the parent.
const nested = "-"

func (r *resolver) load(ctx context.Context, base admin.View) error {
	orgs, err := base.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("read the organisations: %w", err)
	}
	known := map[string]e911.OrgID{}
	for _, o := range orgs {
		known[o.Key] = o.ID
	}
	for _, key := range r.d.orgs {
		id, have := known[key]
		if !have {
			id = e911.NewID[e911.OrgID]()
		}
		r.orgIDs[key] = id
		if !have {
			continue
		}
		for _, kind := range admin.Kinds() {
			if worldKind(kind) {
				continue
			}
			if err := r.loadKind(ctx, base, kind, id, key); err != nil {
				return err
			}
		}
	}
	for _, kind := range []e911.ObjectKind{e911.KindModel, e911.KindTrunk, e911.KindPSAP} {
		if err := r.loadKind(ctx, base, kind, "", ""); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) loadKind(ctx context.Context, base admin.View, kind e911.ObjectKind, org e911.OrgID, key string) error {
	q := admin.Query{Kind: kind, Org: org}
	for {
		page, err := base.List(ctx, q)
		if err != nil {
			return fmt.Errorf("read what is stored: %w", err)
		}
		for _, o := range page {
			n := name{kind, key, admin.KeyOf(o.Value)}
			r.stored[n] = o
			if key == "" && (!r.d.world || listed(o.Value)) {
				r.ids[n] = o.Ref.ID
			}
		}
		if len(page) < admin.MaxPage {
			return nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

func worldKind(kind e911.ObjectKind) bool {
	return kind == e911.KindModel || kind == e911.KindPSAP || kind == e911.KindTokenKey || kind == e911.KindLayer
}

// assign gives every item its id and drops those whose name is taken inside
// the file.
func (r *resolver) assign() {
	kept := r.d.items[:0]
	for _, it := range r.d.items {
		n := name{admin.RefOf(it.value).Kind, it.org, admin.KeyOf(it.value)}
		if i, twice := r.first[n]; twice && n.key != "" {
			r.twice(it, kept[i], n)
			continue
		}
		id := e911.NewID[string]()
		switch o, have := r.stored[n]; {
		case n.kind == e911.KindOrg:
			id = string(r.orgIDs[it.org])
		case have:
			id = o.Ref.ID
		}
		r.first[n], r.ids[n] = len(kept), id
		it.value = admin.WithID(it.value, id)
		it.value = admin.Keep(it.value, r.stored[n].Value) // what the carrier holds is no matter of the file
		if v, ok := it.value.(e911.PSAP); ok {
			it.value = keepListing(v, r.stored[n].Value)
		}
		kept = append(kept, it)
	}
	r.d.items = kept
}

func (r *resolver) twice(it, first item, n name) {
	if a, ok := it.value.(e911.Element); ok {
		b := first.value.(e911.Element)
		msg := fmt.Sprintf("%s is mapped twice: to %s in line %d and to %s", strings.ReplaceAll(n.key, `"`, ""), b.Location, first.at.row, a.Location)
		if a.Location == "" {
			msg = fmt.Sprintf("%s stands here twice, first in line %d", strings.ReplaceAll(n.key, `"`, ""), first.at.row)
		}
		r.s.add(it.path, it.at, check.Duplicate, msg,
			"an access point, port or range is in one place: keep one of the two")
		return
	}
	path := it.path + ".key"
	if n.kind == e911.KindNumber {
		path = it.path + ".number"
	}
	r.s.add(path, r.s.where(path), check.Duplicate, fmt.Sprintf("there is another %s %q, in line %d", n.kind, short(n.key), first.at.row),
		"keys are unique among those of one kind: choose another")
}

// link puts ids where the file has keys.
func (r *resolver) link() {
	for i := range r.d.items {
		it := &r.d.items[i]
		org := r.orgIDs[it.org]
		find := func(path string, kind e911.ObjectKind, key string) string { return r.find(it, path, kind, key) }
		switch v := it.value.(type) {
		case e911.Trunk:
			v.Org = org
			it.value = v
		case e911.PSAP:
			v.Routes = slices.Clone(v.Routes)
			for j, key := range v.Routes {
				v.Routes[j] = e911.TrunkID(find(fmt.Sprintf("routes[%d]", j), e911.KindTrunk, string(key)))
			}
			v.Alternates = slices.Clone(v.Alternates)
			for j, a := range v.Alternates {
				v.Alternates[j].PSAP = e911.PSAPID(find(fmt.Sprintf("alternates[%d].psap", j), e911.KindPSAP, string(a.PSAP)))
			}
			it.value = v
		case e911.Org:
			v.Carriers = slices.Clone(v.Carriers)
			for j, key := range v.Carriers {
				v.Carriers[j] = e911.TrunkID(find(fmt.Sprintf("carriers[%d]", j), e911.KindTrunk, string(key)))
			}
			it.value = v
		case e911.PSAPOverride:
			v.Org = org
			v.Site = e911.SiteID(find("site", e911.KindSite, string(v.Site)))
			v.Building = e911.BuildingID(find("building", e911.KindBuilding, string(v.Building)))
			v.Location = e911.LocationID(find("location", e911.KindLocation, string(v.Location)))
			v.PSAP = e911.PSAPID(find("psap", e911.KindPSAP, string(v.PSAP)))
			it.value = v
		case e911.Site:
			v.Org = org
			linkPlaces(&v, find)
			v.Local = slices.Clone(v.Local)
			for j, key := range v.Local {
				v.Local[j] = e911.TrunkID(find(fmt.Sprintf("local[%d]", j), e911.KindTrunk, string(key)))
			}
			it.value = v
		case e911.Building:
			v.Org, v.Site = org, e911.SiteID(find(nested+"site", e911.KindSite, string(v.Site)))
			it.value = v
		case e911.Location:
			v.Org, v.Building = org, e911.BuildingID(find(nested+"building", e911.KindBuilding, string(v.Building)))
			it.value = v
		case e911.Element:
			v.Org = org
			if v.Location != "" {
				v.Location = e911.LocationID(find(nested+"location", e911.KindLocation, string(v.Location)))
			}
			if !v.Kind.Places() && it.paths != nil {
				it.paths["location"] = it.path // it stands below one, and must not
			}
			it.value = v
		case e911.User:
			v.Org, v.Site = org, e911.SiteID(find(nested+"site", e911.KindSite, string(v.Site)))
			it.value = v
		case e911.Device:
			v.Org, v.Site = org, e911.SiteID(find(nested+"site", e911.KindSite, string(v.Site)))
			v.User = e911.UserID(find("user", e911.KindUser, string(v.User)))
			v.Model = e911.ModelID(find("model", e911.KindModel, string(v.Model)))
			it.value = v
		case e911.NumberRec:
			v.Org, v.Site = org, e911.SiteID(find(nested+"site", e911.KindSite, string(v.Site)))
			v.User = e911.UserID(find("user", e911.KindUser, string(v.User)))
			v.Location = e911.LocationID(find("location", e911.KindLocation, string(v.Location)))
			it.value = v
		case e911.Alert:
			v.Org, v.Site = org, e911.SiteID(find(nested+"site", e911.KindSite, string(v.Site)))
			it.value = v
		}
	}
}

// find returns the id of what the item names by key. An unknown key is a fault
// at the field and gives an id that nothing has.
func (r *resolver) find(it *item, field string, kind e911.ObjectKind, key string) string {
	field, silent := strings.CutPrefix(field, nested)
	if silent {
		it.drop(field)
	}
	if key == "" {
		return ""
	}
	n := name{kind, it.org, key}
	if of := admin.RefOf(it.value).Kind; worldKind(kind) || of == e911.KindPSAP || of == e911.KindOrg {
		n.org = ""
	}
	if id, ok := r.ids[n]; ok {
		return id
	}
	if !silent {
		path := it.pathOf(field)
		var keys []string
		for have := range r.ids {
			if have.kind == kind && have.org == n.org {
				keys = append(keys, have.key)
			}
		}
		slices.Sort(keys)
		fix := "name one that stands in the file"
		if s := suggest(key, keys); strings.HasPrefix(s, "did you mean") {
			fix = s
		}
		r.s.add(path, r.s.where(path), check.Unknown, fmt.Sprintf("there is no %s %q", kind, short(key)), fix)
	}
	return "unknown:" + key
}

func (it *item) drop(field string) {
	paths := map[string]string{field: nested}
	for k, v := range it.paths {
		paths[k] = v
	}
	it.paths = paths
}

// pathOf finds the field of the file for a field of the object.
func (it *item) pathOf(field string) string {
	if p, ok := it.paths[field]; ok {
		return p
	}
	if field == "" {
		return it.path
	}
	return it.path + "." + field
}
