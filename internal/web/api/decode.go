package api

import (
	"encoding"
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// decoder writes a tree into Go values by their JSON names and keeps every fault,
// with the JSON pointer of its place (RFC 6901) as path.
type decoder struct{ faults []e911.Fault }

func (d *decoder) fault(at, code, msg, fix string) {
	if len(d.faults) < maxFaults {
		d.faults = append(d.faults, e911.Fault{Path: at, Code: code, Msg: msg, Fix: fix})
	}
}

// maxFaults bounds how many faults one answer tells.
const maxFaults = 100

// into decodes a tree into *v.
func (d *decoder) into(tree any, v any) { d.value("", tree, reflect.ValueOf(v).Elem()) }

var (
	timeOf   = reflect.TypeFor[time.Time]()
	prefixOf = reflect.TypeFor[netip.Prefix]()
	spanOf   = reflect.TypeFor[time.Duration]()
	rawOf    = reflect.TypeFor[json.RawMessage]()
)

func (d *decoder) value(at string, tree any, v reflect.Value) {
	if tree == nil {
		v.SetZero() // null is absent
		return
	}
	switch v.Type() {
	case timeOf:
		d.time(at, tree, v)
		return
	case prefixOf:
		d.prefix(at, tree, v)
		return
	case spanOf:
		d.span(at, tree, v)
		return
	case rawOf:
		b, err := json.Marshal(tree)
		if err == nil {
			v.SetBytes(b)
		}
		return
	}
	if t, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if s, ok := d.text(at, tree); ok {
			if err := t.UnmarshalText([]byte(s)); err != nil {
				d.fault(at, check.Syntax, "this cannot be read", "")
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		if s, ok := d.text(at, tree); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		if b, ok := tree.(bool); ok {
			v.SetBool(b)
		} else {
			d.wrong(at, tree, "true or false")
		}
	case reflect.Int, reflect.Int64, reflect.Float64:
		d.number(at, tree, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(at, tree, v.Elem())
	case reflect.Slice:
		d.list(at, tree, v)
	case reflect.Map:
		d.dictionary(at, tree, v)
	case reflect.Struct:
		d.object(at, tree, v)
	case reflect.Interface:
		v.Set(reflect.ValueOf(tree))
	}
}

func (d *decoder) text(at string, tree any) (string, bool) {
	s, ok := tree.(string)
	if !ok {
		d.wrong(at, tree, "a text")
	} else if len(s) > maxText {
		d.fault(at, check.Range, "the text is longer than "+strconv.Itoa(maxText)+" bytes", "shorten it")
		return "", false
	}
	return s, ok
}

// maxText bounds one text of a body; certificates' hashes and notes are far
// below.
const maxText = 8 << 10

func (d *decoder) wrong(at string, tree any, want string) {
	is := "something else"
	switch tree.(type) {
	case string:
		is = "a text"
	case bool:
		is = "true or false"
	case json.Number:
		is = "a number"
	case []any:
		is = "a list"
	case map[string]any:
		is = "an object"
	}
	d.fault(at, check.Syntax, "this is "+is, "it is "+want)
}

func (d *decoder) number(at string, tree any, v reflect.Value) {
	n, ok := tree.(json.Number)
	if !ok {
		d.wrong(at, tree, "a number")
		return
	}
	if v.Kind() == reflect.Float64 {
		f, err := n.Float64()
		if err != nil {
			d.fault(at, check.Range, "the number is too large", "")
			return
		}
		v.SetFloat(f)
		return
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || i > 1<<53 || i < -(1<<53) {
		d.fault(at, check.Range, "this is no whole number that fits", "")
		return
	}
	v.SetInt(i)
}

func (d *decoder) time(at string, tree any, v reflect.Value) {
	s, ok := d.text(at, tree)
	if !ok || s == "" {
		return
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	if err != nil || t.Year() < 1900 || t.Year() > 9999 {
		d.fault(at, check.Syntax, "this is no time", "write 2026-01-31T14:00:00Z, or 2026-01-31")
		return
	}
	v.Set(reflect.ValueOf(t.UTC()))
}

func (d *decoder) prefix(at string, tree any, v reflect.Value) {
	s, ok := d.text(at, tree)
	if !ok {
		return
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		v.Set(reflect.ValueOf(netip.PrefixFrom(a, a.BitLen())))
		return
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		d.fault(at, check.Syntax, "this is no address range", "write 203.0.113.0/24, or one address as 203.0.113.7/32")
		return
	}
	v.Set(reflect.ValueOf(p))
}

func (d *decoder) span(at string, tree any, v reflect.Value) {
	if n, ok := tree.(json.Number); ok { // as it is stored
		if i, err := n.Int64(); err == nil {
			v.SetInt(i)
			return
		}
	}
	s, ok := d.text(at, tree)
	if !ok || s == "" {
		return
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		d.fault(at, check.Syntax, "this is no duration", "write 30s or 10m")
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) list(at string, tree any, v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		d.fault(at, check.Unknown, "this is not set here", "leave it out")
		return
	}
	l, ok := tree.([]any)
	if !ok {
		d.wrong(at, tree, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(l), len(l))
	for i, e := range l {
		if e == nil {
			d.fault(at+"/"+strconv.Itoa(i), check.Syntax, "a list holds no null", "leave it out")
			continue
		}
		d.value(at+"/"+strconv.Itoa(i), e, out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) dictionary(at string, tree any, v reflect.Value) {
	m, ok := tree.(map[string]any)
	if !ok {
		d.wrong(at, tree, "an object")
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(at+"/"+escape(name), m[name], e)
		out.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), e)
	}
	v.Set(out)
}

func (d *decoder) object(at string, tree any, v reflect.Value) {
	m, ok := tree.(map[string]any)
	if !ok {
		d.wrong(at, tree, "an object")
		return
	}
	fields := fieldsOf(v.Type())
	for _, name := range slices.Sorted(maps.Keys(m)) {
		index, known := fields[name]
		if !known {
			d.fault(at+"/"+escape(name), "unknown_key", "there is no such field", "it is one of "+strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			continue
		}
		d.value(at+"/"+escape(name), m[name], v.FieldByIndex(index))
	}
}

// fieldsOf are the fields of a struct by JSON name.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "-" || name == "" {
			continue
		}
		fields[name] = f.Index
	}
	return fields
}

// escape writes a name as part of a JSON pointer (RFC 6901, section 3).
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// pointer turns a path as package check writes it, "areas[0].ecbn", into a JSON
// pointer, "/areas/0/ecbn".
func pointer(path string) string {
	if path == "" || strings.HasPrefix(path, "/") {
		return path
	}
	path = strings.ReplaceAll(path, "]", "")
	return "/" + strings.Join(strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' }), "/")
}
