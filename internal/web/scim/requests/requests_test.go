// Package requests_test fuzzes whole requests. It stands by itself, without a
// database: with one in it, watching its coverage takes minutes to build.
package requests_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/scim"
)

const enterprise = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`

// ann is a person as Entra ID tells of one who is new.
const ann = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",` + enterprise + `],"externalId":"ann","userName":"Ann@example.test","active":true,` +
	`"displayName":"Ann Lee","emails":[{"primary":true,"type":"work","value":"ann@example.test"}],"meta":{"resourceType":"User"},` +
	`"name":{"formatted":"Ann Lee","familyName":"Lee","givenName":"Ann"},"roles":[],"password":"never kept",` + enterprise + `:{"employeeNumber":"A-17","department":"Mill"}}`

// memory is a directory without a database.
type memory struct {
	entries map[string]directory.Entry
	made    int
}

func (m *memory) SCIM(context.Context, e911.OrgID) (directory.Source, error) {
	return directory.Source{}, nil
}

func (m *memory) Check(context.Context, string, netip.Addr) (apikey.Key, error) {
	return apikey.Key{Org: "o", Scopes: []apikey.Scope{apikey.ScopeDirectory}}, nil
}

func (m *memory) List(_ context.Context, _ directory.Source, q directory.Query) (out []directory.Entry, err error) {
	for _, e := range m.entries {
		if !e.Deleted && e.Kind == q.Kind && (q.Name == "" || directory.Fold(q.Name) == directory.Fold(e.Name)) && (q.External == "" || q.External == e.External) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b directory.Entry) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func (m *memory) Entry(_ context.Context, _ directory.Source, kind directory.Kind, id string) (directory.Entry, error) {
	e, ok := m.entries[id]
	if !ok || e.Deleted || e.Kind != kind {
		return directory.Entry{}, e911.Errorf(e911.NotFound, "there is none")
	}
	return e, nil
}

func (m *memory) Put(_ context.Context, _ directory.Source, e directory.Entry) (directory.Entry, error) {
	for _, x := range m.entries {
		if e.Kind == directory.User && x.Kind == directory.User && x.ID != e.ID && !x.Deleted && directory.Fold(x.Name) == directory.Fold(e.Name) {
			return e, e911.Errorf(e911.Conflict, "taken")
		}
	}
	if was, there := m.entries[e.ID]; e.ID != "" && (!there || was.Version != e.Version) {
		return e, e911.Errorf(e911.Conflict, "it was changed meanwhile")
	}
	if e.ID == "" {
		m.made++
		e.ID = fmt.Sprint("id-", m.made)
	}
	e.Version++
	m.entries[e.ID] = e
	return e, nil
}

// guarded is a memory whose directory has one key.
type guarded struct{ *memory }

func (guarded) Check(_ context.Context, text string, _ netip.Addr) (apikey.Key, error) {
	switch text {
	case "key":
		return apikey.Key{Org: "o", Scopes: []apikey.Scope{apikey.ScopeDirectory}}, nil
	case "other":
		return apikey.Key{Org: "o"}, nil
	}
	return apikey.Key{}, e911.Errorf(e911.Denied, "no such key")
}

// asked is a handler over a memory, with somebody and his group in it.
type asked struct {
	t *testing.T
	m *memory
	h http.Handler
}

func newAsked(t *testing.T) *asked {
	t.Helper()
	a := &asked{t: t, m: &memory{entries: map[string]directory.Entry{}}}
	h, err := scim.New(scim.Config{
		Directories: func() scim.Directories { return a.m }, Keys: guarded{a.m}, BaseURL: "https://callbox.example", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.h = h
	a.send("POST", "/Users", "", ann)
	a.send("POST", "/Groups", "", `{"displayName":"g","members":[{"value":"id-1"}]}`)
	return a
}

// send sends a request with headers as "Name: value" lines, under the key where they
// name none.
func (a *asked) send(method, target, headers, body string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/scim/v2", strings.NewReader(body))
	r.Method = method
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut("/scim/v2"+target, "?")
	r.Header.Set("Authorization", "Bearer key")
	for line := range strings.SplitSeq(headers, "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok {
			r.Header.Set(strings.TrimSpace(k), strings.TrimSpace(v))
		}
	}
	w := httptest.NewRecorder()
	a.h.ServeHTTP(w, r)
	return w
}

// kept is all that is stored, as text.
func (a *asked) kept() string {
	a.t.Helper()
	b, err := json.Marshal(a.m.entries) // in order of id
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b)
}

// Proves: C-59, E14, RFC 7644: whatever is sent, it is answered in SCIM and never by a
// fault of ours, the same each time; who has no key changes nothing, and neither does
// what is refused or only asks; what is told of a resource can be sent back and is the
// same then.
func FuzzRequest(f *testing.F) {
	const op = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`
	for _, s := range [][4]string{
		{"POST", "/Users", "", ann},
		{"POST", "//Users/", "Content-Type: application/json; charset=utf-8", `{"userName":"zoe","active":[{"value":"False"}],"emails":"z@x.test","urn:a:b:2.0:User":{"c":[1,{"d":null}]}}`},
		{"POST", "/Users", "Content-Type: text/plain", `{"userName":"zoe"}`},
		{"POST", "/Users", "Authorization: Bearer other", `{"userName":"zoe"}`},
		{"POST", "/Users", "Authorization: Basic a2V5", `{"userName":"zoe"}`},
		{"POST", "/Users", "", `{"userName":"k","urn:scim:schemas:extension:enterprise:1.0":{"employeeNumber":1},"Department":"d","urn:ietf:params:scim:schemas:core:2.0:User":{"manager":"m"}}`},
		{"POST", "/Groups", "", `{"displayName":"h","members":[{"value":"id-1"},"id-1",{"value":"nobody"}]}`},
		{"POST", "/Groups", "", `{"displayName":"G"}`},
		{"PUT", "/Users/id-1", `If-Match: W/"1"`, strings.ReplaceAll(ann, "Lee", "Kim")},
		{"PUT", "/Users/id-1", `If-Match: "7", *`, `{"userName":"u"}`},
		{"PUT", "/Groups/id-2", "", `{"displayName":"h","members":null}`},
		{"PATCH", "/Users/id-1", "", op + `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x"},{"op":"add","value":{"name.givenName":"A"}}]}`},
		{"PATCH", "/Users/id-1", "", op + `{"op":"add","path":"emails[type eq \"home\"].primary","value":"True"},{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}]}`},
		{"PATCH", "/Users/id-1", "", op + `{"op":"replace","value":{"groups":[],"manager":"x","manager.displayName":"y","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department":""}}]}`},
		{"PATCH", "/Users/id-1", "If-Match: *", op + `]}`},
		{"PATCH", "/Groups/id-2", "", op + `{"op":"Remove","path":"members","value":[{"value":"id-1"}]},{"op":"add","path":"members[value eq \"x\"]"}]}`},
		{"PATCH", "/Groups/id-2", "", op + `{"op":"remove","path":"members[value eq \"id-1\"]"}]}`},
		{"GET", `/Users?filter=emails%5Btype%20eq%20%22work%22%5D.value+eq+%22ann@example.test%22&attributes=id`, "", ""},
		{"GET", "/Users?filter=userName++EQ+%22a%22+AND+not+(active+pr)", "", ""},
		{"GET", "/Users/id-1?attributes=groups,userName", `If-None-Match: W/"1"`, ""},
		{"GET", "/Groups?startIndex=-1&count=99999999999999999999&excludedAttributes=members", "", ""},
		{"GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "", ""},
		{"POST", "/Bulk", "", `{"Operations":[]}`},
		{"DELETE", "/Users/id-1", `If-Match: "2"`, ""},
		{"DELETE", "/Users/id-1", "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	f.Fuzz(func(t *testing.T, method, target, headers, body string) {
		a := newAsked(t)
		before := a.kept()
		w := a.send(method, target, headers, body)
		a.answered(method, target, w, before)
		b := newAsked(t)
		if again := b.send(method, target, headers, body); again.Body.String() != w.Body.String() || b.kept() != a.kept() {
			t.Fatalf("the same request gives %s and %s, and %s and %s", w.Body, again.Body, a.kept(), b.kept())
		}
		a.sendBack()
	})
}

// sendBack sends what is told of everybody back, and it is the same then.
func (a *asked) sendBack() {
	a.t.Helper()
	for id, e := range a.m.entries {
		at := map[directory.Kind]string{directory.User: "/Users/", directory.Group: "/Groups/"}[e.Kind] + id
		told := a.send("GET", at, "", "")
		if e.Deleted != (told.Code == 404) || !e.Deleted && told.Code != 200 {
			a.t.Fatalf("%s: %d %s", at, told.Code, told.Body)
		}
		if e.Deleted {
			continue
		}
		if again := a.send("PUT", at, "", told.Body.String()); again.Code != 200 || same(a.t, again.Body.String()) != same(a.t, told.Body.String()) {
			a.t.Fatalf("told was %s, and sent back it is %d %s", told.Body, again.Code, again.Body)
		}
	}
}

// answered looks at one answer, and at what it changed.
func (a *asked) answered(method, target string, w *httptest.ResponseRecorder, before string) {
	a.t.Helper()
	status := w.Code
	if status >= 500 && status != http.StatusNotImplemented {
		a.t.Fatalf("%s %s: %d %s", method, target, status, w.Body)
	}
	if (status >= 300 || method == http.MethodGet || method == http.MethodHead) && a.kept() != before {
		a.t.Fatalf("%s %s is answered %d and changed something: %s", method, target, status, a.kept())
	}
	// What is no path of ours, or another method, the multiplexer answers.
	if w.Body.Len() == 0 || status >= 300 && w.Header().Get("Content-Type") != "application/scim+json" && (status < 400 || status == 404 || status == 405) {
		return
	}
	var o map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil || w.Header().Get("Content-Type") != "application/scim+json" {
		a.t.Fatalf("%s %s is answered in %q: %s", method, target, w.Header().Get("Content-Type"), w.Body)
	}
	if list, _ := o["schemas"].([]any); len(list) == 0 || status >= 400 && (list[0] != "urn:ietf:params:scim:api:messages:2.0:Error" || o["status"] != fmt.Sprint(status)) {
		a.t.Fatalf("%s %s: %d %s", method, target, status, w.Body)
	}
}

// same is a resource without its version.
func same(t *testing.T, s string) string {
	var o map[string]any
	if err := json.Unmarshal([]byte(s), &o); err != nil {
		t.Fatal(err)
	}
	delete(o, "meta")
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
