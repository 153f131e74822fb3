package explain

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// loggingService is the published interface of the i3 logging service. The schema
// of an event is that of its logEventType.
type loggingService map[string]any

func publishedLoggingService(t *testing.T) loggingService {
	t.Helper()
	b, err := os.ReadFile(shared("schemas", "openapi", "loggingservice.yaml"))
	if err != nil {
		t.Skipf("the published interface of the logging service is not there, set CALLBOX_SHARED: %v", err)
	}
	var doc struct {
		Components struct{ Schemas map[string]any }
	}
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas
}

func shared(path ...string) string {
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	return filepath.Join(append([]string{dir}, path...)...)
}

// faults lists what is wrong with an event. A member that its type does not have
// is a fault too, though the schema does not close its objects.
func (s loggingService) faults(event []byte) []string {
	var v map[string]any
	if err := json.Unmarshal(event, &v); err != nil {
		return []string{err.Error()}
	}
	kind, _ := v["logEventType"].(string)
	schema, ok := s[kind].(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("logEventType: no schema %q", kind)}
	}
	known := map[string]bool{}
	out := s.check("", schema, v, known)
	for name := range v {
		if !known[name] {
			out = append(out, name+": no member of "+kind)
		}
	}
	slices.Sort(out)
	return out
}

func (s loggingService) check(at string, schema map[string]any, v any, known map[string]bool) (out []string) {
	if ref, ok := schema["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		target, ok := s[name].(map[string]any)
		if !ok {
			return []string{at + ": the schema refers to " + ref}
		}
		return s.check(at, target, v, known)
	}
	for _, part := range list(schema["allOf"]) {
		out = append(out, s.check(at, part.(map[string]any), v, known)...)
	}
	if enum := list(schema["enum"]); enum != nil && !slices.Contains(enum, v) {
		out = append(out, fmt.Sprintf("%s: %v is none of the list", at, v))
	}
	switch schema["type"] {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return append(out, at+": no object")
		}
		for _, name := range list(schema["required"]) {
			if _, ok := m[name.(string)]; !ok {
				out = append(out, fmt.Sprintf("%s%s: required", at, name))
			}
		}
		props, _ := schema["properties"].(map[string]any)
		for name, p := range props {
			if known != nil {
				known[name] = true
			}
			if value, ok := m[name]; ok {
				out = append(out, s.check(at+name, p.(map[string]any), value, nil)...)
			}
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			return append(out, at+": no string")
		}
		out = append(out, form(at, schema["format"], text)...)
	case "integer":
		if n, ok := v.(float64); !ok || n != float64(int64(n)) {
			out = append(out, at+": no integer")
		}
	case "array":
		items, ok := v.([]any)
		if !ok {
			return append(out, at+": no array")
		}
		for i, item := range items {
			out = append(out, s.check(fmt.Sprintf("%s[%d]", at, i), schema["items"].(map[string]any), item, nil)...)
		}
	}
	return out
}

func form(at string, format any, text string) []string {
	switch format {
	case "date-time":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return []string{at + ": no date-time"}
		}
	case "uri":
		if u, err := url.Parse(text); err != nil || u.Scheme == "" {
			return []string{at + ": no URI"}
		}
	}
	return nil
}

func list(v any) []any { l, _ := v.([]any); return l }

// The check finds what is wrong, and nothing in what others published as right.
func TestTheCheckOfLogEventsFindsFaults(t *testing.T) {
	s := publishedLoggingService(t)
	for _, name := range []string{
		"CallStartLogEvent_object_example_v010.3f.3.0.1.json", "CallEndLogEvent_object_example_v010.3f.3.0.1.json",
		"CallSignalingMessageLogEvent_example_v010.3f.3.0.1.json", "LogEvent_object_example_v010.3f.3.0.3.json",
	} {
		b, err := os.ReadFile(shared("schemas", "i3", "json", "log_event", name))
		if err != nil {
			t.Skipf("the published examples are not there, set CALLBOX_SHARED: %v", err)
		}
		if got := s.faults(b); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	const good = `{"logEventType":"CallStartLogEvent","timestamp":"2026-03-09T08:01:00.000-04:00","elementId":"a.example","agencyId":"a.example","direction":"incoming"}`
	for _, c := range []struct{ name, from, to, want string }{
		{"nothing", "", "", ""},
		{"another type", "CallStart", "CallStarted", "logEventType"},
		{"a time without zone", "-04:00", "", "timestamp"},
		{"another direction", "incoming", "inbound", "direction"},
		{"no element", `"elementId":"a.example",`, "", "elementId: required"},
		{"a member of another type", `"direction"`, `"text":"x","direction"`, "text: no member"},
		{"a number for a name", `"agencyId":"a.example"`, `"agencyId":7`, "agencyId: no string"},
	} {
		got := strings.Join(s.faults([]byte(strings.Replace(good, c.from, c.to, 1))), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
