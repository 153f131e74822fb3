package api_test

import (
	"context"
	"encoding"
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// filled sets every field that is written as JSON, so that none is left out.
func filled(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(epoch))
		return
	case time.Duration:
		v.SetInt(int64(time.Minute))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("10.0.0.0/8")))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.MustParseAddr("10.0.0.1")))
		return
	case json.RawMessage:
		v.SetBytes([]byte("{}"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		v.SetUint(1)
	case reflect.Float64, reflect.Float32:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(t, v.Index(0))
	case reflect.Map:
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		filled(t, k)
		filled(t, e)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				filled(t, v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			filled(t, v.Index(i))
		}
	case reflect.Interface: // nothing of ours
	default:
		t.Fatalf("a field of type %s cannot be written as JSON", v.Type())
	}
}

// members are the fields of a type of the document by name, with what their tag
// says of reading and writing.
func members(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" && !f.Anonymous {
			out[name] = f
		}
	}
	return out
}

// drift lists what is read and not described, and what is described and not read.
func drift(at string, shown any, t reflect.Type) (out []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if l, ok := shown.([]any); ok && t.Kind() == reflect.Slice {
		if len(l) > 0 {
			return drift(at, l[0], t.Elem())
		}
		return nil
	}
	m, ok := shown.(map[string]any)
	_, text := reflect.New(t).Interface().(encoding.TextMarshaler)
	if !ok || t.Kind() != reflect.Struct || text {
		return nil
	}
	described := members(t)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f, known := described[name]
		if !known {
			out = append(out, at+"/"+name+" is read and not described")
			continue
		}
		out = append(out, drift(at+"/"+name, m[name], f.Type)...)
	}
	for _, name := range slices.Sorted(maps.Keys(described)) {
		if _, read := m[name]; !read && described[name].Tag.Get("writeOnly") != "true" && at+name != "keys" && at+name != "org" { // the world part has no organisation
			out = append(out, at+"/"+name+" is described and not read")
		}
	}
	return out
}

// feedsAll says that a directory feeds everything of whom it is asked.
type feedsAll struct{}

func (feedsAll) Fed(_ context.Context, _ e911.OrgID, users ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	out := map[e911.UserID]admin.Fed{}
	for _, u := range users {
		out[u] = admin.Fed{Directory: "entra", Fields: []string{"name", "email", "site"}, Location: true}
	}
	return out, nil
}

// What the API reads of an object and what package client and the document say of
// it have the same fields, whatever is added to e911.
//
// Proves: N-17
func TestTheDocumentHasEveryFieldOfEveryObject(t *testing.T) {
	b := newBench(t, func(c *api.Config) { c.Feeds = feedsAll{} })
	for kind, types := range api.Kinds() {
		v := reflect.New(types[0]).Elem()
		filled(t, v)
		shown, err := b.h.Shown(t.Context(), kind, v.Interface())
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		for _, d := range drift("", shown, types[1]) {
			t.Errorf("%s: %s", kind, d)
		}
	}
	var source reconcile.Source
	filled(t, reflect.ValueOf(&source).Elem())
	text, err := json.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	var shown map[string]any
	if err := json.Unmarshal(text, &shown); err != nil {
		t.Fatal(err)
	}
	for _, d := range drift("", shown, reflect.TypeFor[client.List]()) {
		t.Errorf("list: %s", d)
	}
	var people directory.Source
	filled(t, reflect.ValueOf(&people).Elem())
	people.Server.Password = "" // never read
	if text, err = json.Marshal(people); err != nil {
		t.Fatal(err)
	}
	shown = nil
	if err := json.Unmarshal(text, &shown); err != nil {
		t.Fatal(err)
	}
	for _, d := range drift("", shown, reflect.TypeFor[client.Directory]()) {
		t.Errorf("directory: %s", d)
	}
	if got := drift("", map[string]any{"new": 1, "key": "x"}, reflect.TypeFor[client.Model]()); len(got) < 2 {
		t.Errorf("a difference is not seen: %v", got)
	}
}
