package api

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// byKey begins a reference that names the customer's key.
const byKey = "key:"

// targets are the types of ids that refer to other objects.
var targets = map[reflect.Type]e911.ObjectKind{
	reflect.TypeFor[e911.SiteID]():     e911.KindSite,
	reflect.TypeFor[e911.BuildingID](): e911.KindBuilding,
	reflect.TypeFor[e911.LocationID](): e911.KindLocation,
	reflect.TypeFor[e911.UserID]():     e911.KindUser,
	reflect.TypeFor[e911.TrunkID]():    e911.KindTrunk,
	reflect.TypeFor[e911.PSAPID]():     e911.KindPSAP,
	reflect.TypeFor[e911.ModelID]():    e911.KindModel,
}

var (
	numberOf = reflect.TypeFor[e911.Number]()
	macOf    = reflect.TypeFor[e911.MAC]()
	choiceOf = reflect.TypeFor[e911.ECBNChoice]()
)

// eachText visits the texts of a value by their pointers in the stored form. What
// visit returns replaces the text. The value's own id is not visited.
func eachText(v reflect.Value, at string, visit func(at string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		visit(at, v)
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), at, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), at+"/"+strconv.Itoa(i), visit)
		}
	case reflect.Struct:
		for name, index := range fieldsOf(v.Type()) {
			if at == "" && (name == "id" || name == "org") {
				continue
			}
			if f := v.FieldByIndex(index); f.CanSet() {
				eachText(f, at+"/"+name, visit)
			}
		}
	}
}

// finder finds ids by keys: of the store, and in a bulk of what it makes.
type finder func(ctx context.Context, kind e911.ObjectKind, key string) (id string, ok bool, err error)

// link puts ids where the value has keys, and numbers and hardware addresses in
// their one form. The value is a pointer. Faults have pointers of the stored form.
func link(ctx context.Context, value any, find finder) (faults []e911.Fault, err error) {
	eachText(reflect.ValueOf(value).Elem(), "", func(at string, v reflect.Value) {
		switch v.Type() {
		case numberOf:
			if n, e := e911.ParseNumber(v.String()); e == nil {
				v.SetString(string(n))
			}
			return
		case macOf:
			if m, e := e911.ParseMAC(v.String()); e == nil {
				v.SetString(string(m))
			}
			return
		case choiceOf:
			if v.String() == "NONE" {
				v.SetString("")
			}
			return
		}
		kind, refers := targets[v.Type()]
		key, named := strings.CutPrefix(v.String(), byKey)
		if !refers || !named || err != nil {
			return
		}
		id, ok, e := find(ctx, kind, key)
		switch {
		case e != nil:
			err = e
		case !ok:
			faults = append(faults, e911.Fault{
				Path: at, Code: check.Unknown, Msg: "there is no " + strings.ReplaceAll(string(kind), "_", " ") + " " + strconv.Quote(key),
				Fix: "make it first, or mend the key",
			})
			v.SetString("")
		default:
			v.SetString(id)
		}
	})
	return faults, err
}

// find looks for an object by its key, in the organisation and, for what the
// world has too, in the world.
func (h *Handler) find(org e911.OrgID) finder {
	return func(ctx context.Context, kind e911.ObjectKind, key string) (string, bool, error) {
		objects, ok := h.cfg.Objects[kind]
		if !ok || key == "" {
			return "", false, nil
		}
		for _, o := range scopesOf(kind, org) {
			found, err := objects.Find(ctx, admin.Query{Kind: kind, Org: o, Field: keyField(kind), Value: key, Limit: 2})
			if err != nil {
				return "", false, err
			}
			for _, f := range found {
				if admin.KeyOf(f.Value) == key {
					return f.Ref.ID, true, nil
				}
			}
		}
		return "", false, nil
	}
}

// keyField is what an object of a kind is found by from its key.
func keyField(kind e911.ObjectKind) admin.Field {
	switch kind {
	case e911.KindNumber:
		return admin.ByNumber
	case e911.KindElement:
		return admin.ByKeyPrefix
	}
	return admin.ByKey
}

// scopesOf lists where an object that an organisation names may stand.
func scopesOf(kind e911.ObjectKind, org e911.OrgID) []e911.OrgID {
	switch kind {
	case e911.KindPSAP, e911.KindModel, e911.KindLayer:
		return []e911.OrgID{""}
	case e911.KindTrunk:
		if org != "" {
			return []e911.OrgID{org, ""}
		}
	}
	return []e911.OrgID{org}
}

// names finds the keys of what a value refers to, by id. Seen keeps them from one
// object of a page to the next.
func (h *Handler) names(ctx context.Context, org e911.OrgID, value any, seen map[string]string) map[string]string {
	out := map[string]string{}
	p := reflect.New(reflect.TypeOf(value))
	p.Elem().Set(reflect.ValueOf(value))
	eachText(p.Elem(), "", func(_ string, v reflect.Value) {
		kind, refers := targets[v.Type()]
		id := v.String()
		if !refers || id == "" {
			return
		}
		key, known := seen[id]
		if objects, ok := h.cfg.Objects[kind]; ok && !known {
			for _, o := range scopesOf(kind, org) {
				if found, err := objects.Get(ctx, o, id); err == nil {
					key = admin.KeyOf(found.Value)
					break
				}
			}
			seen[id] = key
		}
		if key != "" {
			out[id] = key
		}
	})
	return out
}
