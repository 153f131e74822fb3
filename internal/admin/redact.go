package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// FieldChange is one field of an object before and after, as JSON. Absent: there
// is no such value. Secrets are "[secret]".
type FieldChange struct {
	Name   string          `json:"name"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Diff names the fields in which two values of a kind differ, in order of name;
// nil stands for no object. A field whose secret alone was changed is named, with
// the same text twice. A value too long to be read is told by its digest.
func Diff(before, after any) []FieldChange {
	was, is := fieldsOf(before), fieldsOf(after)
	var names []string
	for name, v := range is {
		if !bytes.Equal(was[name], v) {
			names = append(names, name)
		}
	}
	for name := range was {
		if _, still := is[name]; !still {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	was, is = shown(before, was), shown(after, is)
	out := make([]FieldChange, len(names))
	for i, name := range names {
		out[i] = FieldChange{Name: name, Before: readable(was[name]), After: readable(is[name])}
	}
	return out
}

// Redacted is the JSON of any value with "[secret]" in place of secrets: of
// e911.Secret and of octets. Nil when it has no JSON.
func Redacted(value any) json.RawMessage {
	b, err := json.Marshal(value)
	if err != nil || value == nil {
		return nil
	}
	paths := secretsOf(reflect.TypeOf(value), nil)
	if len(paths) == 0 {
		return b
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil
	}
	for _, p := range paths {
		tree = hide(tree, p)
	}
	if b, err = json.Marshal(tree); err != nil {
		return nil
	}
	return b
}

func fieldsOf(value any) map[string]json.RawMessage {
	if value == nil {
		return nil
	}
	b, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(b, &out); err != nil {
		return nil
	}
	return out
}

// shown is the fields without secrets; plain is what fieldsOf said.
func shown(value any, plain map[string]json.RawMessage) map[string]json.RawMessage {
	if value == nil || len(secretPaths[reflect.TypeOf(value)]) == 0 {
		return plain
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(Redacted(value), &out); err != nil {
		return nil
	}
	return out
}

// maxShown bounds the JSON of one field: the area of a county has a megabyte.
const maxShown = 4096

func readable(v json.RawMessage) json.RawMessage {
	if len(v) <= maxShown {
		return v
	}
	sum := sha256.Sum256(v)
	b, _ := json.Marshal(map[string]any{"octets": len(v), "sha256": hex.EncodeToString(sum[:])})
	return b
}

const hidden = "[secret]"

// every stands in a path for each item of a list or a map.
const every = "*"

// hide replaces what stands at the path.
func hide(tree any, path []string) any {
	if len(path) == 0 {
		if s, ok := tree.(string); ok && s == "" || tree == nil {
			return tree
		}
		return hidden
	}
	switch v := tree.(type) {
	case map[string]any:
		if path[0] == every {
			for k := range v {
				v[k] = hide(v[k], path[1:])
			}
		} else if x, ok := v[path[0]]; ok {
			v[path[0]] = hide(x, path[1:])
		}
	case []any:
		for i := range v {
			v[i] = hide(v[i], path[1:])
		}
	}
	return tree
}

// secretPaths are the places of secrets in the JSON of configured objects.
var secretPaths = func() map[reflect.Type][][]string {
	out := map[reflect.Type][][]string{}
	for _, v := range Examples() {
		t := reflect.TypeOf(v)
		out[t] = walkSecrets(t, nil, nil)
	}
	return out
}()

// Examples is one empty value of each kind of configured object.
func Examples() []any {
	return []any{
		e911.TokenKey{},
		e911.Model{},
		e911.Layer{},
		e911.Org{},
		e911.Trunk{},
		e911.PSAP{},
		e911.Site{},
		e911.Building{},
		e911.Location{},
		e911.PSAPOverride{},
		e911.Element{},
		e911.User{},
		e911.Device{},
		e911.NumberRec{},
		e911.Alert{},
	}
}

func secretsOf(t reflect.Type, seen []reflect.Type) [][]string {
	if p, known := secretPaths[t]; known {
		return p
	}
	return walkSecrets(t, nil, seen)
}

var (
	secretType  = reflect.TypeFor[e911.Secret]()
	marshalJSON = reflect.TypeFor[json.Marshaler]()
	marshalText = reflect.TypeFor[encoding.TextMarshaler]()
)

func walkSecrets(t reflect.Type, at []string, seen []reflect.Type) (out [][]string) {
	octets := t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
	if t == secretType || octets && !t.Implements(marshalJSON) && !t.Implements(marshalText) {
		return [][]string{slices.Clone(at)}
	}
	if slices.Contains(seen, t) || t.Implements(marshalJSON) || t.Implements(marshalText) {
		return nil
	}
	seen = append(slices.Clone(seen), t)
	switch t.Kind() {
	case reflect.Pointer:
		return walkSecrets(t.Elem(), at, seen)
	case reflect.Slice, reflect.Array, reflect.Map:
		return walkSecrets(t.Elem(), append(slices.Clone(at), every), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			next := at
			if !f.Anonymous || name != "" {
				if name == "" {
					name = f.Name
				}
				next = append(slices.Clone(at), name)
			}
			out = append(out, walkSecrets(f.Type, next, seen)...)
		}
	}
	return out
}
