package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/web/api"
)

// document is OpenAPI 3.1 as far as programs that read one rely on it. It checks
// what the meta-schema of the specification says of the parts that we write.
type document struct {
	root   map[string]any
	used   map[string]bool // schemas by name
	faults []string
}

func (d *document) fault(at, format string, args ...any) {
	d.faults = append(d.faults, at+": "+fmt.Sprintf(format, args...))
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func list(v any) []any { l, _ := v.([]any); return l }

func text(v any) string { s, _ := v.(string); return s }

func (d *document) check() {
	if d.root["openapi"] != "3.1.0" || text(object(d.root["info"])["title"]) == "" || text(object(d.root["info"])["version"]) == "" {
		d.fault("", "version, title or version of the API is missing")
	}
	for _, name := range slices.Sorted(maps.Keys(d.root)) {
		if !slices.Contains([]string{"openapi", "info", "servers", "paths", "components", "tags", "security", "externalDocs", "webhooks", "jsonSchemaDialect"}, name) {
			d.fault(name, "is no field of a document")
		}
	}
	ids := map[string]bool{}
	for path, item := range object(d.root["paths"]) {
		for method, op := range object(item) {
			at := strings.ToUpper(method) + " " + path
			if !slices.Contains([]string{"get", "put", "post", "delete", "patch", "head", "options", "trace"}, method) {
				d.fault(at, "is no method")
			}
			o := object(op)
			if id := text(o["operationId"]); id == "" || ids[id] {
				d.fault(at, "operationId %q is missing or there twice", id)
			} else {
				ids[id] = true
			}
			d.parameters(at, path, list(o["parameters"]))
			d.body(at, method, o)
			d.responses(at, object(o["responses"]))
			d.security(at, list(o["security"]))
		}
	}
	for name, s := range object(object(d.root["components"])["schemas"]) {
		if !regexp.MustCompile(`^[a-zA-Z0-9._-]+$`).MatchString(name) {
			d.fault(name, "is no name of a component")
		}
		d.schema("schema "+name, s)
	}
	for name := range object(object(d.root["components"])["schemas"]) {
		if !d.used[name] {
			d.fault("schema "+name, "nothing uses it")
		}
	}
}

func (d *document) parameters(at, path string, params []any) {
	inPath := map[string]bool{}
	for _, m := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(path, -1) {
		inPath[m[1]] = true
	}
	seen := map[string]bool{}
	for _, p := range params {
		m := object(p)
		name, in := text(m["name"]), text(m["in"])
		if seen[in+" "+name] {
			d.fault(at, "the parameter %s is there twice", name)
		}
		seen[in+" "+name] = true
		switch in {
		case "path":
			if !inPath[name] || m["required"] != true {
				d.fault(at, "the parameter %s is not of the path, or not required", name)
			}
			delete(inPath, name)
		case "query", "header", "cookie":
		default:
			d.fault(at, "the parameter %s is in %q", name, in)
		}
		if text(m["description"]) == "" {
			d.fault(at, "nothing is said of the parameter %s", name)
		}
		d.schema(at+" "+name, m["schema"])
	}
	for name := range inPath {
		d.fault(at, "the part %s of the path is not described", name)
	}
}

func (d *document) body(at, method string, op map[string]any) {
	b := object(op["requestBody"])
	if b == nil {
		return
	}
	if method == "get" || method == "delete" || method == "head" {
		d.fault(at, "has a body")
	}
	d.content(at+" body", b["content"])
}

func (d *document) content(at string, v any) {
	for media, c := range object(v) {
		if !strings.Contains(media, "/") {
			d.fault(at, "%q is no media type", media)
		}
		m := object(c)
		d.schema(at, m["schema"])
		if example := m["example"]; example != nil && object(m["schema"])["$ref"] != nil {
			d.fits(at+" example", example, m["schema"])
		}
	}
	if len(object(v)) == 0 {
		d.fault(at, "has no content")
	}
}

func (d *document) responses(at string, all map[string]any) {
	good := 0
	for status, r := range all {
		if !regexp.MustCompile(`^[1-5][0-9][0-9]$`).MatchString(status) || text(object(r)["description"]) == "" {
			d.fault(at, "the answer %s has no status or description", status)
		}
		if status[0] == '2' {
			good++
		}
		if c := object(r)["content"]; c != nil {
			d.content(at+" "+status, c)
		}
	}
	if good != 1 {
		d.fault(at, "has %d answers for when it went well", good)
	}
}

func (d *document) security(at string, all []any) {
	schemes := object(object(d.root["components"])["securitySchemes"])
	for _, s := range all {
		for name := range object(s) {
			if schemes[name] == nil {
				d.fault(at, "there is no way to sign in that is called %s", name)
			}
		}
	}
}

var schemaTypes = []string{"object", "array", "string", "integer", "number", "boolean", "null"}

func (d *document) named(ref string) map[string]any {
	name, ok := strings.CutPrefix(ref, "#/components/schemas/")
	if !ok {
		return nil
	}
	d.used[name] = true
	return object(object(object(d.root["components"])["schemas"])[name])
}

func typesOf(v any) (out []string) {
	if s := text(v); s != "" {
		return []string{s}
	}
	for _, t := range list(v) {
		out = append(out, text(t))
	}
	return out
}

// schema checks one of JSON Schema 2020-12, with all below it.
func (d *document) schema(at string, v any) {
	s := object(v)
	if s == nil {
		if v != true { // takes anything
			d.fault(at, "has no schema")
		}
		return
	}
	if ref := text(s["$ref"]); ref != "" {
		if d.named(ref) == nil {
			d.fault(at, "%s leads nowhere", ref)
		}
		return
	}
	if s["nullable"] != nil {
		d.fault(at, "nullable is of OpenAPI 3.0")
	}
	for _, t := range typesOf(s["type"]) {
		if !slices.Contains(schemaTypes, t) {
			d.fault(at, "%q is no type", t)
		}
	}
	properties := object(s["properties"])
	for _, name := range list(s["required"]) {
		if properties[text(name)] == nil {
			d.fault(at, "%v is required and not described", name)
		}
	}
	if e, said := s["enum"]; said && len(list(e)) == 0 {
		d.fault(at, "an empty enum takes nothing")
	}
	low, ok1 := s["minimum"].(float64)
	high, ok2 := s["maximum"].(float64)
	if ok1 && ok2 && low > high {
		d.fault(at, "the minimum is more than the maximum")
	}
	for name, p := range properties {
		d.schema(at+"/"+name, p)
	}
	if items := s["items"]; items != nil {
		d.schema(at+"/items", items)
	} else if slices.Contains(typesOf(s["type"]), "array") {
		d.fault(at, "nothing is said of the items")
	}
	if more, ok := s["additionalProperties"].(map[string]any); ok {
		d.schema(at+"/*", more)
	}
}

// fits checks the types and names of an example.
func (d *document) fits(at string, v, schema any) {
	s := object(schema)
	if ref := text(s["$ref"]); ref != "" {
		s = d.named(ref)
	}
	is := "null"
	switch v := v.(type) {
	case string:
		is = "string"
		if e := list(s["enum"]); len(e) > 0 && !slices.Contains(e, any(v)) {
			d.fault(at, "%q is none of %v", v, e)
		}
	case bool:
		is = "boolean"
	case float64:
		is = "number"
		if v == float64(int64(v)) && !slices.Contains(typesOf(s["type"]), is) {
			is = "integer"
		}
	case []any:
		is = "array"
		for i, e := range v {
			d.fits(fmt.Sprint(at, "/", i), e, s["items"])
		}
	case map[string]any:
		is = "object"
		properties := object(s["properties"])
		for name, e := range v {
			switch p := properties[name]; {
			case p != nil:
				d.fits(at+"/"+name, e, p)
			case s["additionalProperties"] == false:
				d.fault(at+"/"+name, "is not described")
			}
		}
	}
	if t := typesOf(s["type"]); len(t) > 0 && !slices.Contains(t, is) {
		d.fault(at, "is of type %s, not %v", is, t)
	}
}

// Proves: N-17
func TestTheDocumentIsOpenAPI(t *testing.T) {
	b, err := api.Describe("test", false)
	if err != nil {
		t.Fatal(err)
	}
	d := &document{used: map[string]bool{}}
	if err := json.Unmarshal(b, &d.root); err != nil {
		t.Fatal(err)
	}
	d.check()
	slices.Sort(d.faults)
	for _, f := range d.faults {
		t.Error(f)
	}
	// What is broken is seen.
	delete(object(object(d.root["components"])["schemas"]), "Site")
	broken := &document{root: d.root, used: map[string]bool{}}
	if broken.check(); !slices.ContainsFunc(broken.faults, func(f string) bool { return strings.Contains(f, "leads nowhere") }) {
		t.Error("a reference that leads nowhere is not seen")
	}
}
