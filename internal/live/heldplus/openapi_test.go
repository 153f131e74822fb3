package heldplus

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// The document tells every route, and each example fits its schema with all its
// keys: an example shows every key of its type, so document and Go types cannot
// differ.
//
// Proves: issue 4 "OpenAPI described"
func TestTheDocumentIsWhatIsServed(t *testing.T) {
	s := &Server{}
	routes := s.table()
	text, err := document(routes)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI    string                                `json:"openapi"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, methods := range doc.Paths {
		n += len(methods)
	}
	if doc.OpenAPI != "3.1.0" || n != len(routes) {
		t.Errorf("%s with %d operations for %d routes", doc.OpenAPI, n, len(routes))
	}
	c := fitting{t: t, schemas: doc.Components.Schemas, shown: map[string]bool{}}
	for i := range routes {
		rt := &routes[i]
		if doc.Paths[Prefix+rt.path][strings.ToLower(rt.method)] == nil {
			t.Errorf("%s %s is not in the document", rt.method, rt.path)
		}
		for _, example := range []any{rt.in, rt.out} {
			if example == nil {
				continue
			}
			b, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			c.fits(rt.name, v, map[string]any{"$ref": "#/components/schemas/" + reflect.TypeOf(example).Name()})
		}
		if rt.in != nil {
			// The decoder knows every key of the example.
			b, _ := json.Marshal(rt.in)
			v := reflect.New(reflect.TypeOf(rt.in))
			if warnings, faults := decode(b, v.Interface()); len(warnings)+len(faults) > 0 {
				t.Errorf("%s: %v %v", rt.name, warnings, faults)
			}
		}
	}
	for name, schema := range doc.Components.Schemas {
		if name == "Civic" || name == "Problem" {
			continue
		}
		for key := range schema["properties"].(map[string]any) {
			if !c.shown[name+"."+key] {
				t.Errorf("no example shows %s of %s", key, name)
			}
		}
	}
}

// fitting checks values against schemas.
type fitting struct {
	t       *testing.T
	schemas map[string]map[string]any
	shown   map[string]bool
}

func (c *fitting) fits(path string, v any, schema map[string]any) {
	name := ""
	if ref, ok := schema["$ref"].(string); ok {
		name = ref[strings.LastIndex(ref, "/")+1:]
		if schema = c.schemas[name]; schema == nil {
			c.t.Errorf("%s: no schema %s", path, name)
			return
		}
	}
	kinds := map[string]string{"string": "string", "bool": "boolean", "float64": "number", "slice": "array", "map": "object"}
	kind := kinds[reflect.TypeOf(v).Kind().String()]
	if want := schema["type"]; want != kind && (want != "integer" || kind != "number") {
		c.t.Errorf("%s: a %s where the schema has a %s", path, kind, want)
		return
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		c.t.Errorf("%s: %v is none of %v", path, v, enum)
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			c.fits(path+"[]", x, schema["items"].(map[string]any))
		}
	case map[string]any:
		props := schema["properties"].(map[string]any)
		for key, x := range v {
			p, ok := props[key].(map[string]any)
			if !ok {
				c.t.Errorf("%s: %s is not in the schema", path, key)
				continue
			}
			c.shown[name+"."+key] = true
			c.fits(path+"."+key, x, p)
		}
		required, _ := schema["required"].([]any)
		for _, key := range required {
			if _, ok := v[key.(string)]; !ok {
				c.t.Errorf("%s: %s is missing", path, key)
			}
		}
	}
}

// Whatever comes, the decoder ends, and what it takes encoding/json takes too.
//
// Proves: issue 4 "Every client input hostile"
func FuzzDecode(f *testing.F) {
	s := &Server{}
	for _, rt := range s.table() {
		if rt.in != nil {
			b, _ := json.Marshal(rt.in)
			f.Add(b)
		}
	}
	f.Add([]byte(`{"interfaces":[{"name":"a","name":"b"}]}`))
	f.Add([]byte("{\"at\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v ReportRequest
		warnings, faults := decode(b, &v)
		if len(warnings) > maxWarnings || len(faults) > maxWarnings {
			t.Errorf("%d warnings, %d faults", len(warnings), len(faults))
		}
		for _, x := range slices.Concat(warnings, faults) {
			if !utf8.ValidString(x.Field) || !utf8.ValidString(x.Msg) {
				t.Errorf("%q is not UTF-8", x)
			}
		}
		if len(faults) == 0 && !json.Valid(b) {
			t.Errorf("taken, and not JSON: %q", b)
		}
		var in SignInRequest
		decode(b, &in)
		var set SetRequest
		decode(b, &set)
	})
}

// Whatever a user types, it is one address or none, and judged without a fault
// of ours.
//
// Proves: N-29
func FuzzParse(f *testing.F) {
	for _, s := range []string{"12 Elm Street, Unit 3, Cambridge, MA 02139", "1 1/2 N Main St Apt 4, Boston MA", "24 Sussex Drive, Ottawa, ON K1M 1M4, Canada", ",,,", "# ,5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || len(s) > 500 {
			return
		}
		plus := &Server{}
		var j judged
		j.entered, j.notes = plus.readLine(s)
		j.result = (*lvf.Index)(nil).Validate(j.entered, lvf.Options{})
		j.suggested = j.result.Candidates
		if (j.result.Verdict == e911.VerdictInvalid) != (len(j.faults("text", false)) > 0) {
			t.Errorf("%q: %s with %v", s, j.result.Verdict, j.result.Faults)
		}
		for _, k := range j.candidates() {
			if k.Civic == j.result.Address || len(k.Changed) == 0 {
				t.Errorf("%q: a candidate that is what was given", s)
			}
		}
		for _, n := range slices.Concat(j.faults("text", false), j.notes) {
			if n.Msg == "" || n.Rule == "" {
				t.Errorf("%q: %+v", s, n)
			}
		}
	})
}
