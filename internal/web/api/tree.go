package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// maxDepth bounds how deep a body may nest; no object of ours is deeper than six.
const maxDepth = 32

// parse reads one JSON value into maps, lists, strings, json.Numbers, bools and
// nil. What a lenient reader lets through is refused: a name that is there twice,
// text that is not UTF-8, NUL (no database takes it), and anything after the value.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, badJSON("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, badJSON("something follows the JSON value")
	}
	return v, nil
}

func badJSON(msg string) error {
	return &statusError{status: 400, err: &e911.Error{Kind: e911.Invalid, Msg: msg, Faults: []e911.Fault{
		{Path: "", Code: check.Syntax, Msg: msg, Fix: "send one JSON value"},
	}}}
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, badJSON("the body nests deeper than " + strconv.Itoa(maxDepth) + " levels")
	}
	tok, err := d.Token()
	if err != nil {
		return nil, badJSON("the body is no JSON, near byte " + strconv.FormatInt(d.InputOffset(), 10))
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '{' {
			return parseObject(d, depth)
		}
		list := []any{}
		for d.More() {
			e, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		_, err := d.Token()
		return list, wrapJSON(err)
	case string:
		if strings.ContainsRune(v, 0) {
			return nil, badJSON("a text holds the character NUL")
		}
	}
	return tok, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for d.More() {
		tok, err := d.Token()
		name, ok := tok.(string)
		if err != nil || !ok {
			return nil, badJSON("the body is no JSON, near byte " + strconv.FormatInt(d.InputOffset(), 10))
		}
		if _, twice := m[name]; twice {
			return nil, badJSON("the name " + strconv.Quote(name) + " is there twice in one object")
		}
		if m[name], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return m, wrapJSON(err)
}

func wrapJSON(err error) error {
	if err != nil {
		return badJSON("the body ends before its JSON does")
	}
	return nil
}

// treeOf is the value as a tree, by its JSON names.
func treeOf(v any) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	m := map[string]any{}
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("decode %T: %w", v, err)
	}
	return m, nil
}

// mergePatch lays a patch over a tree (RFC 7396, section 2). Neither is changed.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if t, ok := target.(map[string]any); ok {
		maps.Copy(out, t)
	}
	for name, v := range p {
		if v == nil {
			delete(out, name)
			continue
		}
		out[name] = mergePatch(out[name], v)
	}
	return out
}

// secretNames are the fields that are written and never read, with what a reader
// is told instead.
var secretNames = map[string]string{"secret": "has_secret", "secrets": "secret_count"}

// hideSecrets replaces secrets by whether, or how many, there are.
func hideSecrets(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = hideSecrets(v[i])
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			told, secret := secretNames[name]
			if !secret {
				v[name] = hideSecrets(v[name])
				continue
			}
			switch s := v[name].(type) {
			case []any:
				v[told] = len(s)
			case string:
				v[told] = s != ""
			}
			delete(v, name)
		}
	}
	return v
}

// saysSecrets reports whether a body sets secrets.
func saysSecrets(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, saysSecrets)
	case map[string]any:
		for name, e := range v {
			if _, secret := secretNames[name]; secret || saysSecrets(e) {
				return true
			}
		}
	}
	return false
}

// keepSecrets puts the secrets that a body does not mention back from what is
// stored. Elements of lists are the same when they have the same url, name or
// user. A secret that is null is taken away.
func keepSecrets(v, stored any) any {
	switch v := v.(type) {
	case []any:
		was, _ := stored.([]any)
		for i := range v {
			v[i] = keepSecrets(v[i], sameElement(v[i], was))
		}
	case map[string]any:
		for _, told := range secretNames {
			delete(v, told)
		}
		was, _ := stored.(map[string]any)
		for name := range secretNames {
			if e, said := v[name]; said && e == nil {
				delete(v, name)
			} else if kept, had := was[name]; had && !said {
				v[name] = kept
			}
		}
		for name, e := range v {
			if _, secret := secretNames[name]; !secret {
				v[name] = keepSecrets(e, was[name])
			}
		}
	}
	return v
}

func sameElement(v any, among []any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	for _, field := range []string{"url", "name", "user"} {
		if m[field] == nil {
			continue
		}
		for _, a := range among {
			if o, ok := a.(map[string]any); ok && o[field] == m[field] {
				return o
			}
		}
		return nil
	}
	return nil
}
