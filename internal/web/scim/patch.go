package scim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// maxOperations bounds one patch.
const maxOperations = 5000

// operation is one of RFC 7644, section 3.5.2, as it was sent.
type operation struct {
	op, path string
	value    any
	given    bool // there is a value
}

// readPatch reads the body of a PATCH in the shapes that senders write: names in any
// case, operations in any case.
func readPatch(body object) ([]operation, error) {
	raw, ok := lookup(body, "Operations")
	list, isList := raw.([]any)
	if !ok || !isList { // one of none changes nothing: Microsoft's validator sends it
		return nil, invalid(badSyntax, "a patch has a list of Operations")
	}
	if len(list) > maxOperations {
		return nil, invalid(badValue, "a patch has at most %d operations", maxOperations)
	}
	out := make([]operation, 0, len(list))
	for _, x := range list {
		o, ok := x.(object)
		if !ok {
			return nil, invalid(badSyntax, "an operation is an object")
		}
		var op operation
		verb, _ := lookup(o, "op")
		op.op, _ = verb.(string)
		op.op = strings.ToLower(op.op)
		if op.op != "add" && op.op != "replace" && op.op != "remove" {
			return nil, invalid(badSyntax, "an operation is add, replace or remove")
		}
		if p, ok := lookup(o, "path"); ok && p != nil {
			if op.path, ok = p.(string); !ok {
				return nil, invalid(badPath, "a path is a text")
			}
			op.path = strings.TrimSpace(op.path)
		}
		op.value, op.given = lookup(o, "value")
		out = append(out, op)
	}
	return out, nil
}

// patch does the operations on a tidy resource, all or none: o is left alone when it
// fails.
func patch(t *resourceType, o object, ops []operation) (object, error) {
	out, _ := clone(o).(object)
	for len(ops) > 0 {
		n, err := 0, error(nil)
		if t == groups {
			n, err = rollCall(out, ops)
		}
		if n == 0 && err == nil {
			n, err = 1, do(t, out, &ops[0])
		}
		if err != nil {
			return nil, err
		}
		if out, err = tidy(t, out); err != nil {
			return nil, err
		}
		ops = ops[n:]
	}
	return out, nil
}

func do(t *resourceType, o object, op *operation) error {
	if op.op != "remove" && !op.given && !strings.HasSuffix(op.path, "]") { // OneLogin adds members[value eq "…"]
		return invalid(badValue, "%s needs a value", op.op)
	}
	if op.path != "" {
		return at(t, o, op)
	}
	if op.op == "remove" {
		return invalid(noTarget, "remove needs a path")
	}
	all, ok := asObject(op.value)
	if !ok {
		return invalid(badValue, "without a path the value is an object")
	}
	for _, k := range slices.Sorted(maps.Keys(all)) { // a whole attribute before its parts
		v := all[k]
		switch strings.ToLower(k) {
		case "id", "schemas", "meta", "password": // Okta sends the id along
			continue
		}
		if a := find(t.attributes, k); a != nil && a.readOnly {
			continue // some send the whole resource back, with the groups of a person
		}
		if inner, ok := v.(object); ok {
			if urn := canonical(t, k); urn == t.urn || urn == enterpriseURN {
				if err := whole(t, o, &operation{op: op.op, path: urn, value: inner, given: true}); err != nil {
					return err
				}
				continue
			}
		}
		if err := at(t, o, &operation{op: op.op, path: k, value: v, given: true}); err != nil {
			return err
		}
	}
	return nil
}

// asObject also reads an object that was sent as a text.
func asObject(v any) (object, bool) {
	switch x := v.(type) {
	case object:
		return x, true
	case string:
		o, err := decode([]byte(x))
		return o, err == nil
	}
	return nil, false
}

// at does an operation at a path.
func at(t *resourceType, o object, op *operation) error {
	path := canonical(t, op.path)
	if path == enterpriseURN || path == t.urn {
		return whole(t, o, op)
	}
	p, err := parsePath(path)
	if err != nil {
		return err
	}
	name := p.AttributePath.AttributeName
	if p.AttributePath.URI() == "" && ofEnterprise(t, name) {
		urn := enterpriseURN
		p.AttributePath.URIPrefix = &urn
	}
	switch strings.ToLower(name) {
	case "id", "meta", "schemas":
		return invalid(mutability, "%s cannot be changed", name)
	case "password":
		return nil // never kept
	}
	in, list := home(t, o, p.AttributePath)
	if in == nil {
		if op.op == "remove" {
			return nil
		}
		in = object{}
		urn := p.AttributePath.URI()
		if strings.EqualFold(urn, enterpriseURN) {
			urn = enterpriseURN
		}
		o[urn] = in
	}
	a := find(list, name)
	if a == nil { // of no schema: kept as it is
		a = &attribute{name: keyIn(in, name), kind: "any"}
	}
	if a.readOnly {
		return invalid(mutability, "%s cannot be changed", a.name)
	}
	sub := p.AttributePath.SubAttributeName()
	if p.SubAttribute != nil {
		sub = *p.SubAttribute
	}
	switch {
	case op.op != "remove" && !op.given && (p.ValueExpression == nil || sub != ""):
		return invalid(badValue, "%s needs a value", op.op)
	case p.ValueExpression != nil || a.multi && sub != "":
		return some(in, a, p.ValueExpression, sub, op)
	case sub != "":
		inner, _ := in[a.name].(object)
		if inner == nil {
			inner = object{}
		}
		if op.op == "remove" {
			delete(inner, keyIn(inner, sub))
		} else {
			inner[keyIn(inner, sub)] = op.value
		}
		in[a.name] = inner
		return nil
	}
	return plain(in, a, op)
}

// whole does an operation on all of an extension.
func whole(t *resourceType, o object, op *operation) error {
	urn := canonical(t, op.path)
	if op.op == "remove" {
		if urn != enterpriseURN {
			return invalid(noTarget, "all of a resource is not removed by a patch")
		}
		delete(o, keyIn(o, enterpriseURN))
		return nil
	}
	all, ok := asObject(op.value)
	if !ok {
		return invalid(badValue, "the value of %s is an object", op.path)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := at(t, o, &operation{op: op.op, path: urn + ":" + name, value: all[name], given: true}); err != nil {
			return err
		}
	}
	return nil
}

// plain does an operation on a whole attribute.
func plain(in object, a *attribute, op *operation) error {
	if op.op == "remove" {
		if a.multi && op.value != nil { // Entra ID names the members to remove so
			return without(in, a, op.value)
		}
		delete(in, a.name)
		return nil
	}
	v, err := op.value, error(nil)
	if a.kind != "any" {
		if v, err = tidyValue(a, v); err != nil {
			return err
		}
	}
	had := in[a.name]
	switch {
	case v == nil:
		if op.op == "replace" {
			delete(in, a.name)
		}
	case a.multi && op.op == "add":
		list, _ := had.([]any)
		in[a.name] = join(list, v.([]any))
	case a.kind == "complex" && !a.multi:
		inner, _ := had.(object)
		if inner == nil {
			inner = object{}
		}
		for k, x := range v.(object) {
			inner[k] = x
		}
		in[a.name] = inner
	default:
		in[a.name] = v
	}
	return nil
}

// same tells values of a list apart (RFC 7643, section 2.4).
func same(v any) string {
	if o, ok := v.(object); ok {
		if x, ok := o["value"].(string); ok {
			kind, _ := o["type"].(string)
			return strings.ToLower(kind) + "\x00" + x
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// join adds values to a list that are not in it. A new primary value is the only one.
func join(list, more []any) []any {
	at := make(map[string]int, len(list))
	for i, x := range list {
		at[same(x)] = i
	}
	for _, x := range more {
		if primary(x) == 1 {
			for _, y := range list {
				if o, ok := y.(object); ok {
					delete(o, "primary")
				}
			}
		}
		if i, there := at[same(x)]; there {
			list[i] = x
			continue
		}
		at[same(x)] = len(list)
		list = append(list, x)
	}
	return list
}

// without takes the values out of a list that are named.
func without(in object, a *attribute, value any) error {
	v, err := tidyValue(a, value)
	if err != nil || v == nil {
		return err
	}
	out := map[string]bool{}
	for _, x := range v.([]any) {
		if o, ok := x.(object); ok {
			id, _ := o["value"].(string)
			out[id] = true
		}
	}
	list, _ := in[a.name].([]any)
	kept := make([]any, 0, len(list))
	for _, x := range list {
		o, _ := x.(object)
		if id, _ := o["value"].(string); !out[id] {
			kept = append(kept, x)
		}
	}
	in[a.name] = kept
	return nil
}

// some does an operation on the values of a list that a filter names; without one, on
// all of them.
func some(in object, a *attribute, e filter.Expression, sub string, op *operation) error {
	list, isList := in[a.name].([]any)
	if !isList && in[a.name] != nil {
		list = []any{in[a.name]}
	}
	kept, found := make([]any, 0, len(list)), false
	var first object // the value that is the primary one by this operation
	for _, x := range list {
		o, ok := x.(object)
		if !ok || e != nil && !matches(e, nil, a.subs, o) {
			kept = append(kept, x)
			continue
		}
		found = true
		was := truth(o["primary"])
		switch {
		case op.op != "remove" && !op.given: // it is there
		case op.op == "remove" && sub == "":
			continue
		case op.op == "remove":
			delete(o, keyIn(o, sub))
		case sub != "":
			o[keyIn(o, sub)] = op.value
		default:
			more, ok := asObject(op.value)
			if !ok {
				return invalid(badValue, "the value of %s is an object", short(op.path))
			}
			for k, v := range more {
				o[keyIn(o, k)] = v
			}
		}
		if len(o) > 0 {
			kept = append(kept, o)
		}
		if !was && truth(o["primary"]) {
			first = o
		}
	}
	if !found && op.op != "remove" {
		o, err := fresh(e, sub, op)
		if err != nil {
			return err
		}
		kept = append(kept, o)
		if truth(o["primary"]) {
			first = o
		}
	}
	if first != nil {
		onlyPrimary(kept, first)
	}
	in[a.name] = kept
	return nil
}

// onlyPrimary takes the mark from the other values: one is the primary one (RFC 7644,
// section 3.5.2).
func onlyPrimary(list []any, first object) {
	for _, x := range list {
		if o, ok := x.(object); ok && truth(o["primary"]) {
			delete(o, "primary")
		}
	}
	first["primary"] = true
}

// truth reports whether a value is true, as it may be written.
func truth(v any) bool {
	b, err := tidyOne(&attribute{kind: "boolean"}, v)
	return err == nil && b == true
}

// fresh makes the value that a filter describes, where none is there: Entra ID sets
// emails[type eq "work"].value of somebody who had no address.
func fresh(e filter.Expression, sub string, op *operation) (object, error) {
	o := object{}
	if e != nil && !described(e, o) {
		return nil, invalid(noTarget, "no value is meant by %s", short(op.path))
	}
	switch {
	case !op.given:
		return o, nil
	case sub != "":
		o[sub] = op.value
		return o, nil
	}
	more, ok := asObject(op.value)
	if !ok {
		return nil, invalid(badValue, "the value of %s is an object", short(op.path))
	}
	for k, v := range more {
		o[keyIn(o, k)] = v
	}
	return o, nil
}

func described(e filter.Expression, o object) bool {
	switch x := e.(type) {
	case *filter.AttributeExpression:
		if x.Operator != filter.EQ || x.AttributePath.SubAttribute != nil || x.CompareValue == nil {
			return false
		}
		switch v := literal(x.CompareValue).(type) {
		case string, bool:
			o[x.AttributePath.AttributeName] = v
			return true
		}
	case *filter.LogicalExpression:
		return x.Operator == filter.AND && described(x.Left, o) && described(x.Right, o)
	}
	return false
}
