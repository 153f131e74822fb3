package scim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/directory"
)

// object is a JSON object.
type object = map[string]any

// fault is a refusal of RFC 7644, section 3.12.
type fault struct {
	status int
	kind   string // scimType; empty: none
	detail string
}

func (f *fault) Error() string { return f.detail }

func invalid(kind, format string, args ...any) *fault {
	return &fault{400, kind, fmt.Sprintf(format, args...)}
}

// The scimTypes of RFC 7644, table 9.
const (
	badFilter  = "invalidFilter"
	badSyntax  = "invalidSyntax"
	badPath    = "invalidPath"
	badValue   = "invalidValue"
	noTarget   = "noTarget"
	mutability = "mutability"
	uniqueness = "uniqueness"
)

// Bounds of a resource.
const (
	maxDepth  = 8
	maxValues = 50_000 // members of a group
)

// decode reads one JSON object and nothing after it.
func decode(b []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil || o == nil {
		return nil, invalid(badSyntax, "the body is not a JSON object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, invalid(badSyntax, "something stands after the JSON object")
	}
	return o, nil
}

// keyIn is the key of an attribute in an object, whose names are compared in any case
// (RFC 7643, section 2.1); name itself when it is not there.
func keyIn(o object, name string) string {
	if _, ok := o[name]; ok {
		return name
	}
	found := ""
	for k := range o {
		if strings.EqualFold(k, name) && (found == "" || k < found) {
			found = k
		}
	}
	return cmp.Or(found, name)
}

// lookup returns a value, and whether it is there.
func lookup(o object, name string) (any, bool) {
	v, ok := o[keyIn(o, name)]
	return v, ok
}

// tidy writes a resource in its one form: names and types of the schemas, lists where
// the schema has lists, no nulls. What senders write otherwise and can be understood
// is understood ("active": "False"); what is not in the schemas is kept.
func tidy(t *resourceType, o object) (object, error) {
	out, extension := object{}, object{}
	var loose []string // of the extension, without its URN
	for _, k := range slices.Sorted(maps.Keys(o)) {
		v, urn := o[k], canonical(t, k)
		inner, isObject := v.(object)
		switch low := strings.ToLower(k); {
		case low == "schemas", low == "id", low == "meta", low == "password", v == nil:
		case (urn == t.urn || urn == enterpriseURN) && !isObject:
			return nil, invalid(badValue, "%s is an object", k)
		case urn == t.urn: // what belongs to the core, written with its URN
			tidied, err := tidy(t, inner)
			if err != nil {
				return nil, err
			}
			if x, ok := tidied[enterpriseURN].(object); ok {
				fill(extension, x)
				delete(tidied, enterpriseURN)
			}
			maps.Copy(out, tidied)
		case urn == enterpriseURN:
			x, err := tidyAll(enterpriseAttributes, inner)
			if err != nil {
				return nil, err
			}
			maps.Copy(extension, x)
		case ofEnterprise(t, k):
			loose = append(loose, k)
		default:
			if err := tidyInto(out, t.attributes, k, v); err != nil {
				return nil, err
			}
		}
	}
	for _, k := range loose {
		x := object{}
		if err := tidyInto(x, enterpriseAttributes, k, o[k]); err != nil {
			return nil, err
		}
		fill(extension, x)
	}
	if len(extension) > 0 {
		out[enterpriseURN] = extension
	}
	return out, nil
}

// fill adds what is not there yet.
func fill(into, more object) {
	for k, v := range more {
		if _, there := into[k]; !there {
			into[k] = v
		}
	}
}

func tidyAll(list []attribute, o object) (object, error) {
	out := object{}
	for _, k := range slices.Sorted(maps.Keys(o)) {
		if err := tidyInto(out, list, k, o[k]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func tidyInto(out object, list []attribute, k string, v any) error {
	a := find(list, k)
	if a == nil {
		if depth(v) > maxDepth {
			return invalid(badValue, "%s is nested too deep", short(k))
		}
		if v != nil {
			out[k] = v
		}
		return nil
	}
	if a.readOnly {
		return nil // ignored (RFC 7644, section 3.5.1)
	}
	v, err := tidyValue(a, v)
	if err != nil || v == nil {
		return err
	}
	if _, twice := out[a.name]; twice {
		return invalid(badSyntax, "%s is there twice", a.name)
	}
	out[a.name] = v
	return nil
}

func tidyValue(a *attribute, v any) (any, error) {
	if !a.multi {
		return tidyOne(a, v)
	}
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil, nil
		}
		list = []any{v}
	}
	if len(list) > maxValues {
		return nil, invalid(badValue, "%s has more than %d values", a.name, maxValues)
	}
	out := make([]any, 0, len(list))
	for _, x := range list {
		one, err := tidyOne(a, x)
		if err != nil {
			return nil, err
		}
		if one != nil {
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return nil, nil // no value (RFC 7643, section 2.5)
	}
	return out, nil
}

func tidyOne(a *attribute, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if a.kind == "complex" {
		switch x := v.(type) {
		case object:
			o, err := tidyAll(a.subs, x)
			if err != nil || len(o) == 0 {
				return nil, err
			}
			return o, nil
		case string: // Entra ID writes a manager so, others an address
			if x == "" {
				return nil, nil
			}
			if find(a.subs, "value") != nil {
				return object{"value": x}, nil
			}
			if find(a.subs, "formatted") != nil {
				return object{"formatted": x}, nil
			}
		}
		return nil, invalid(badValue, "%s is an object", a.name)
	}
	if a.kind == "boolean" {
		switch x := v.(type) {
		case bool:
			return x, nil
		case string: // Entra ID writes "True"
			switch strings.ToLower(strings.TrimSpace(x)) {
			case "true":
				return true, nil
			case "false":
				return false, nil
			}
		}
		if inner, ok := unwrapped(v); ok {
			return tidyOne(a, inner)
		}
		return nil, invalid(badValue, "%s is true or false", a.name)
	}
	switch x := v.(type) {
	case string:
		return x, nil
	case json.Number:
		return x.String(), nil
	}
	if inner, ok := unwrapped(v); ok {
		return tidyOne(a, inner)
	}
	return nil, invalid(badValue, "%s is a text", a.name)
}

// unwrapped is a single value that was sent as a list of one, or as {"value": …};
// Entra ID does both at times.
func unwrapped(v any) (any, bool) {
	switch x := v.(type) {
	case []any:
		if len(x) == 1 {
			return x[0], true
		}
	case object:
		inner, ok := lookup(x, "value")
		for k, y := range x {
			ok = ok && (y == nil || strings.EqualFold(k, "value"))
		}
		return inner, ok
	}
	return nil, false
}

func depth(v any) int {
	deepest := 0
	switch x := v.(type) {
	case object:
		for _, y := range x {
			deepest = max(deepest, depth(y))
		}
	case []any:
		for _, y := range x {
			deepest = max(deepest, depth(y))
		}
	default:
		return 0
	}
	return deepest + 1
}

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// clone copies what a patch may change.
func clone(v any) any {
	switch x := v.(type) {
	case object:
		out := make(object, len(x))
		for k, y := range x {
			out[k] = clone(y)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, y := range x {
			out[i] = clone(y)
		}
		return out
	}
	return v
}

// entry gives an entry what a tidy resource says.
func entry(t *resourceType, o object, e directory.Entry) (directory.Entry, error) {
	text := func(name string) string { s, _ := o[name].(string); return s }
	e.External = text("externalId")
	switch t {
	case users:
		e.Kind, e.Name = directory.User, strings.TrimSpace(text("userName"))
		active, said := o["active"].(bool)
		e.Active = active || !said
		o["active"] = e.Active
		e.Attributes = attributes(o)
	case groups:
		e.Kind, e.Name, e.Active = directory.Group, strings.TrimSpace(text("displayName")), true
		e.Members = nil
		list, _ := o["members"].([]any)
		seen := make(map[string]bool, len(list))
		kept := make([]any, 0, len(list))
		for _, m := range list {
			x, _ := m.(object)
			id, _ := x["value"].(string)
			if id == "" || seen[id] {
				continue
			}
			seen[id] = true
			e.Members, kept = append(e.Members, id), append(kept, m)
		}
		if len(kept) > 0 {
			o["members"] = kept
		}
	}
	if e.Name == "" {
		return e, invalid(badValue, "a %s has a %s", strings.ToLower(t.name), required(t))
	}
	if len(e.Name) > 256 || strings.ContainsFunc(e.Name, func(r rune) bool { return r < ' ' }) {
		return e, invalid(badValue, "%s is one line of at most 256 octets", required(t))
	}
	if len(e.External) > 1024 || strings.ContainsFunc(e.External, func(r rune) bool { return r < ' ' }) {
		return e, invalid(badValue, "externalId is one line of at most 1024 octets")
	}
	b, err := json.Marshal(o)
	if err != nil {
		return e, invalid(badSyntax, "the resource cannot be kept")
	}
	e.Resource = b
	return e, nil
}

func required(t *resourceType) string {
	for _, a := range t.attributes {
		if a.required {
			return a.name
		}
	}
	return ""
}

// attributes flattens a resource: see directory.Attributes.
func attributes(o object) directory.Attributes {
	out := directory.Attributes{}
	add := func(name, v string) {
		if name = strings.ToLower(name); v != "" && !slices.Contains(out[name], v) {
			out[name] = append(out[name], v)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(o)) { // names that differ in capitals alone come in one order
		v := o[k]
		if strings.HasPrefix(strings.ToLower(k), "urn:") {
			inner, _ := v.(object)
			for _, name := range slices.Sorted(maps.Keys(inner)) {
				flatten(k+":"+name, inner[name], add)
				if k == enterpriseURN {
					flatten(name, inner[name], add)
				}
			}
			continue
		}
		flatten(k, v, add)
	}
	return out
}

func flatten(name string, v any, add func(name, v string)) {
	switch x := v.(type) {
	case string:
		add(name, x)
	case json.Number:
		add(name, x.String())
	case bool:
		add(name, fmt.Sprint(x))
	case object:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if k == "value" {
				flatten(name, x[k], add)
			}
			flatten(name+"."+k, x[k], add)
		}
	case []any:
		list := slices.Clone(x)
		slices.SortStableFunc(list, func(a, b any) int { return primary(b) - primary(a) })
		for _, y := range list {
			e, ok := y.(object)
			if !ok {
				flatten(name, y, add)
				continue
			}
			kind, _ := e["type"].(string)
			for _, k := range slices.Sorted(maps.Keys(e)) {
				s, ok := e[k].(string)
				if !ok || k == "type" {
					continue
				}
				at := ""
				if k != "value" {
					at = "." + k
				}
				add(name+at, s)
				if kind != "" {
					add(name+"."+kind+at, s)
				}
			}
		}
	}
}

func primary(v any) int {
	if o, ok := v.(object); ok && o["primary"] == true {
		return 1
	}
	return 0
}
