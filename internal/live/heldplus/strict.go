package heldplus

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Bounds of a body.
const (
	maxBody     = 64 << 10
	maxDepth    = 8
	maxValues   = 8192
	maxWarnings = 32
)

// decode reads a JSON object into v, a pointer to a struct. Keys that v does not
// know are left out and reported; a key that stands twice, a wrong type, text
// that is not UTF-8, a depth above maxDepth and anything behind the object are
// faults. Keys are compared as they are written, which encoding/json does not.
func decode(body []byte, v any) (warnings, faults []Fault) {
	if !utf8.Valid(body) {
		return nil, []Fault{{Rule: "format", Msg: "the body is not UTF-8", Fix: "encode it as UTF-8"}}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	w := walker{dec: d}
	w.value("", reflect.TypeOf(v).Elem(), 0)
	if w.err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			w.fault("", "format", "something stands behind the JSON value", "send one JSON object")
		}
	}
	if w.err != nil {
		w.fault("", "format", "the body is not JSON: "+clip(w.err.Error(), 120), "send one JSON object as application/json")
	}
	if len(w.faults) > 0 {
		return w.warnings, w.faults
	}
	if err := json.Unmarshal(body, v); err != nil {
		f := Fault{Rule: "type", Msg: "a value has the wrong form", Fix: "see " + Prefix + "/openapi.json"}
		if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			f.Field, f.Msg = typed.Field, fmt.Sprintf("this is a %s where a %s is wanted", typed.Value, kindName(typed.Type))
		}
		return w.warnings, []Fault{f}
	}
	return w.warnings, nil
}

// walker looks at every key of a document beside the type that it is read into.
type walker struct {
	dec      *json.Decoder
	values   int
	warnings []Fault
	faults   []Fault
	err      error
}

func (w *walker) fault(path, rule, msg, fix string) {
	if len(w.faults) < maxWarnings {
		w.faults = append(w.faults, Fault{Field: path, Rule: rule, Msg: msg, Fix: fix})
	}
}

func (w *walker) stopped() bool { return w.err != nil || len(w.faults) > 0 }

func (w *walker) token() json.Token {
	t, err := w.dec.Token()
	if err != nil {
		w.err = err
	}
	return t
}

// value walks one value. Type is nil below a key that nobody knows.
func (w *walker) value(path string, t reflect.Type, depth int) {
	if w.values++; w.values > maxValues {
		w.fault(path, "limit", "the body holds too many values", "tell less")
		return
	}
	tok := w.token()
	delim, ok := tok.(json.Delim)
	if w.err != nil {
		return
	}
	if !ok {
		if path == "" {
			w.fault("", "type", "the body is no JSON object", "send one JSON object")
		}
		return
	}
	if depth == maxDepth {
		w.fault(path, "limit", "values are nested too deeply", "")
		return
	}
	if delim == '{' {
		w.object(path, t, depth)
	} else {
		if path == "" {
			w.fault("", "type", "the body is no JSON object", "send one JSON object")
			return
		}
		w.array(path, t, depth)
	}
}

func (w *walker) object(path string, t reflect.Type, depth int) {
	fields := fieldsOf(t)
	seen := map[string]bool{}
	for w.dec.More() && !w.stopped() {
		name, _ := w.token().(string)
		if w.err != nil {
			return
		}
		at := join(path, name)
		if seen[name] {
			w.fault(at, "duplicate_key", "this key stands twice", "send it once")
			return
		}
		seen[name] = true
		ft, known := fields[name]
		if fields != nil && !known && len(w.warnings) < maxWarnings {
			w.warnings = append(w.warnings, Fault{Field: at, Rule: "unknown_field", Msg: "this version does not know the key; it was left out", Fix: "see " + Prefix + "/openapi.json"})
		}
		if fields != nil && !known && foldsInto(fields, name) {
			// encoding/json would take it for the other spelling.
			w.fault(at, "unknown_field", "keys are written in small letters", "write "+strings.ToLower(name))
			return
		}
		w.value(at, ft, depth+1)
	}
	if !w.stopped() {
		w.token()
	}
}

func (w *walker) array(path string, t reflect.Type, depth int) {
	t = plainType(t)
	var elem reflect.Type
	if t != nil && t.Kind() == reflect.Slice {
		elem = t.Elem()
	}
	for i := 0; w.dec.More() && !w.stopped(); i++ {
		w.value(fmt.Sprintf("%s[%d]", path, i), elem, depth+1)
	}
	if !w.stopped() {
		w.token()
	}
}

func join(path, name string) string {
	name = clip(name, 40)
	if path == "" {
		return name
	}
	return path + "." + name
}

func plainType(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

var textual = reflect.TypeFor[encoding.TextUnmarshaler]()

// fieldsOf lists the keys of a struct; nil for what is none.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	t = plainType(t)
	if t == nil || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(textual) {
		return nil
	}
	out := make(map[string]reflect.Type, t.NumField())
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out[name] = f.Type
	}
	return out
}

func foldsInto(fields map[string]reflect.Type, name string) bool {
	for k := range fields {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

func kindName(t reflect.Type) string {
	switch t = plainType(t); t.Kind() {
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		return "list"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	}
	return "number"
}

// clip cuts a text to at most n octets, at a whole character, and takes out what
// is not to be shown.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return -1
		}
		return r
	}, s)
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
