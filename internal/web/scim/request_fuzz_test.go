package scim_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/scim"
)

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
	if e.ID == "" {
		m.made++
		e.ID = fmt.Sprint("id-", m.made)
	}
	e.Version++
	m.entries[e.ID] = e
	return e, nil
}

// Whatever is sent, it is answered in SCIM and never by a fault of ours; what is told
// of a resource can be sent back and is the same then.
func FuzzRequest(f *testing.F) {
	const op = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`
	for _, s := range [][3]string{
		{"POST", "/Users", ann},
		{"POST", "/Users", `{"userName":"zoe","active":[{"value":"False"}],"emails":"z@x.test","urn:a:b:2.0:User":{"c":[1,{"d":null}]}}`},
		{"POST", "/Groups", `{"displayName":"g","members":[{"value":"id-1"},"id-1",{"value":"nobody"}]}`},
		{"PUT", "/Users/id-1", strings.ReplaceAll(ann, "Lee", "Kim")},
		{"PUT", "/Groups/id-2", `{"displayName":"h","members":null}`},
		{"PATCH", "/Users/id-1", op + `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x"},{"op":"add","value":{"name.givenName":"A"}}]}`},
		{"PATCH", "/Groups/id-2", op + `{"op":"Remove","path":"members","value":[{"value":"id-1"}]}]}`},
		{"PATCH", "/Groups/id-2", op + `{"op":"remove","path":"members[value eq \"id-1\"]"}]}`},
		{"GET", `/Users?filter=emails[type eq "work"].value eq "x"&attributes=id`, ""},
		{"GET", "/Groups?startIndex=-1&count=99999999999999999999&excludedAttributes=members", ""},
		{"POST", "/Bulk", `{"Operations":[]}`},
		{"DELETE", "/Users/id-1", ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		m := &memory{entries: map[string]directory.Entry{}}
		h, err := scim.New(scim.Config{
			Directories: func() scim.Directories { return m }, Keys: m, BaseURL: "https://callbox.example", Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		send := func(method, path, body string) (int, string) {
			r := httptest.NewRequest(http.MethodGet, "/scim/v2", strings.NewReader(body))
			r.Method = method
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut("/scim/v2"+path, "?")
			if k, v, ok := strings.Cut(r.URL.RawQuery, "filter="); ok {
				r.URL.RawQuery = k + "filter=" + url.QueryEscape(v)
			}
			r.Header.Set("Authorization", "Bearer key")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if ct := w.Header().Get("Content-Type"); w.Body.Len() > 0 && strings.HasPrefix(path, "/Users") && w.Code < 300 && ct != "application/scim+json" {
				t.Fatalf("%s %s is answered in %q", method, path, ct)
			}
			return w.Code, w.Body.String()
		}
		send("POST", "/Users", ann)
		send("POST", "/Groups", `{"displayName":"g","members":[{"value":"id-1"}]}`)
		if status, answer := send(method, path, body); status >= 500 && status != http.StatusNotImplemented {
			t.Fatalf("%s %s: %d %s", method, path, status, answer)
		}
		for id, e := range m.entries {
			at := map[directory.Kind]string{directory.User: "/Users/", directory.Group: "/Groups/"}[e.Kind] + id
			status, told := send("GET", at, "")
			if e.Deleted != (status == 404) || !e.Deleted && status != 200 {
				t.Fatalf("%s: %d %s", at, status, told)
			}
			if e.Deleted {
				continue
			}
			if status, again := send("PUT", at, told); status != 200 || same(t, again) != same(t, told) {
				t.Fatalf("told was %s, and sent back it is %d %s", told, status, again)
			}
		}
	})
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
