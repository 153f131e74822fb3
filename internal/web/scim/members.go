package scim

import (
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// roll is the members of a group while operations of one patch take and give them.
// Okta sends one for each member: each costs the same here, however many members the
// group has. What comes out is what the operations give one by one.
type roll struct {
	list    []any            // nil where one was taken
	byValue map[string][]int // every place of a value
	bySame  map[string]int   // as for join
}

func newRoll(list []any) *roll {
	r := &roll{list: make([]any, 0, len(list)), byValue: make(map[string][]int, len(list)), bySame: make(map[string]int, len(list))}
	for _, x := range list {
		r.put(x)
	}
	return r
}

func valueOf(x any) string {
	o, _ := x.(object)
	s, _ := o["value"].(string)
	return s
}

func (r *roll) put(x any) {
	i := len(r.list)
	r.list = append(r.list, x)
	r.byValue[valueOf(x)] = append(r.byValue[valueOf(x)], i)
	r.bySame[same(x)] = i
}

func (r *roll) add(list []any) {
	for _, x := range list {
		if i, there := r.bySame[same(x)]; there {
			r.list[i] = x
			continue
		}
		r.put(x)
	}
}

func (r *roll) remove(value string) {
	for _, i := range r.byValue[value] {
		delete(r.bySame, same(r.list[i]))
		r.list[i] = nil
	}
	delete(r.byValue, value)
}

// rest are those who are left.
func (r *roll) rest() []any {
	out := r.list[:0]
	for _, x := range r.list {
		if x != nil {
			out = append(out, x)
		}
	}
	return out
}

// rollCall does the operations at the beginning of ops that take members from a group
// and give it some, and returns how many it did.
func rollCall(o object, ops []operation) (int, error) {
	a := find(groupAttributes, "members")
	var r *roll
	for n := range ops {
		op := &ops[n]
		value, byFilter := taken(op)
		if !byFilter && !strings.EqualFold(op.path, a.name) || op.op == "replace" || !byFilter && op.value == nil {
			return r.into(o, a, n), nil
		}
		if r == nil {
			list, _ := o[a.name].([]any)
			r = newRoll(list)
		}
		if byFilter {
			r.remove(value)
			continue
		}
		v, err := tidyValue(a, op.value)
		if err != nil {
			return n, err
		}
		list, _ := v.([]any)
		if op.op == "add" {
			r.add(list)
			continue
		}
		for _, x := range list {
			r.remove(valueOf(x))
		}
	}
	return r.into(o, a, len(ops)), nil
}

func (r *roll) into(o object, a *attribute, done int) int {
	if r != nil {
		o[a.name] = r.rest()
	}
	return done
}

// taken is the member that an operation removes by members[value eq "…"].
func taken(op *operation) (string, bool) {
	if op.op != "remove" || len(op.path) < 8 || !strings.EqualFold(op.path[:8], "members[") {
		return "", false
	}
	p, err := parsePath(op.path)
	if err != nil || p.SubAttribute != nil {
		return "", false
	}
	e, ok := p.ValueExpression.(*filter.AttributeExpression)
	if !ok || e.Operator != filter.EQ || !strings.EqualFold(e.AttributePath.AttributeName, "value") || e.AttributePath.SubAttribute != nil || e.AttributePath.URI() != "" {
		return "", false
	}
	s, ok := literal(e.CompareValue).(string)
	return s, ok && s != ""
}
