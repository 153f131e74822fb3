package scim_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web/scim"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

// bench is a handler over a store.
type bench struct {
	t     *testing.T
	h     http.Handler
	svc   *directory.Service
	store *sqlite.Store
	keys  *apikey.Keeper
	key   string
	org   e911.OrgID
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, org: e911.NewID[e911.OrgID]()}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return epoch }
	if b.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	log := slog.New(slog.DiscardHandler)
	if b.keys, err = apikey.New(apikey.Config{Store: func() apikey.Store { return b.store }, Now: clock, Log: log}); err != nil {
		t.Fatal(err)
	}
	if b.svc, err = directory.New(directory.Config{Store: b.store, Now: clock, Log: log, Alarm: func(e911.OrgID, journal.Alarm) {}}); err != nil {
		t.Fatal(err)
	}
	if b.h, err = scim.New(scim.Config{
		Directories: func() scim.Directories { return b.svc }, Keys: b.keys, BaseURL: "https://callbox.example", Log: log,
	}); err != nil {
		t.Fatal(err)
	}
	b.key = b.newKey(b.org, apikey.ScopeDirectory)
	if _, err := b.svc.Save(t.Context(), "test", directory.Source{Org: b.org, Key: "entra", Protocol: directory.SCIM}); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return b
}

func (b *bench) newKey(org e911.OrgID, scopes ...apikey.Scope) string {
	b.t.Helper()
	if org != "" { // a key of an organisation that is not there is none; the first makes it
		_ = b.store.Write(b.t.Context(), "test", func(w admin.Writer) error {
			_, err := w.Create(b.t.Context(), e911.Org{ID: org, Key: "org-" + string(org)})
			return err
		})
	}
	_, text, err := b.keys.Create(b.t.Context(), "test", apikey.Wish{Org: org, Name: "directory", Scopes: scopes})
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
	return text
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (b *bench) ask(method, path, body string, headers ...string) answer {
	b.t.Helper()
	r := httptest.NewRequest(method, "/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+b.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Result().Header}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			b.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	return a
}

// make tells of a person or group, and gives its id.
func (b *bench) make(path, body string) string {
	b.t.Helper()
	a := b.ask("POST", path, body)
	if a.status != http.StatusCreated {
		b.t.Fatalf("%d %v", a.status, a.body)
	}
	return a.body["id"].(string)
}

// plain is a resource without what differs each time.
func (a answer) plain() map[string]any {
	delete(a.body, "id")
	delete(a.body, "meta")
	delete(a.body, "schemas")
	return a.body
}

func object(s string) (o map[string]any) {
	if err := json.Unmarshal([]byte(s), &o); err != nil {
		panic(err)
	}
	return o
}

const enterprise = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`

// ann is a person as Entra ID tells of one who is new.
const ann = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",` + enterprise + `],"externalId":"ann","userName":"Ann@example.test","active":true,` +
	`"displayName":"Ann Lee","emails":[{"primary":true,"type":"work","value":"ann@example.test"}],"meta":{"resourceType":"User"},` +
	`"name":{"formatted":"Ann Lee","familyName":"Lee","givenName":"Ann"},"roles":[],"password":"never kept",` + enterprise + `:{"employeeNumber":"A-17","department":"Mill"}}`

const annKept = `{"externalId":"ann","userName":"Ann@example.test","active":true,"displayName":"Ann Lee","emails":[{"primary":true,"type":"work","value":"ann@example.test"}],` +
	`"name":{"formatted":"Ann Lee","familyName":"Lee","givenName":"Ann"},` + enterprise + `:{"employeeNumber":"A-17","department":"Mill"}}`

func patched(ops string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + ops + `]}`
}

// What identity providers send, in the shapes that Microsoft and Okta document, and
// what of Ann is another afterwards.
// Proves: C-59, RFC 7644 section 3.5.2
func TestPatchesOfRealSendersAreUnderstood(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ name, ops, want string }{
		{"Entra ID: a boolean as a text", `{"op":"Replace","path":"active","value":"False"}`, `{"active":false}`},
		{"Entra ID compliant: a boolean", `{"op":"replace","path":"active","value":false}`, `{"active":false}`},
		{"Okta: no path", `{"op":"replace","value":{"active":false}}`, `{"active":false}`},
		{"Entra ID: Add in capitals", `{"op":"Add","path":"title","value":"Miller"}`, `{"title":"Miller"}`},
		{"Entra ID: a single value in a list of objects", `{"op":"Add","path":"nickName","value":[{"value":"Annie"}]}`, `{"nickName":"Annie"}`},
		{
			"Entra ID: a value of a list by its type", `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"a@x.test"}`,
			`{"emails":[{"primary":true,"type":"work","value":"a@x.test"}]}`,
		},
		{
			"Entra ID: a value of a list that is not there yet", `{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+16175550100"}`,
			`{"phoneNumbers":[{"type":"mobile","value":"+16175550100"}]}`,
		},
		{
			"Entra ID: an address, part by part",
			`{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Lowell"},{"op":"Add","path":"addresses[type eq \"work\"].streetAddress","value":"1 Mill St"}`,
			`{"addresses":[{"type":"work","locality":"Lowell","streetAddress":"1 Mill St"}]}`,
		},
		{"a part of a name", `{"op":"replace","path":"name.familyName","value":"Kim"}`, `{"name":{"formatted":"Ann Lee","familyName":"Kim","givenName":"Ann"}}`},
		{
			"Entra ID: names with dots in a value without a path", `{"op":"replace","value":{"displayName":"Ann Kim","name.familyName":"Kim"}}`,
			`{"displayName":"Ann Kim","name":{"formatted":"Ann Lee","familyName":"Kim","givenName":"Ann"}}`,
		},
		{
			"Entra ID: an attribute of the extension by its URN", `{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber","value":"A-18"}`,
			`{` + enterprise + `:{"employeeNumber":"A-18","department":"Mill"}}`,
		},
		{
			"the same without a path", `{"op":"Add","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber":"A-18"}}`,
			`{` + enterprise + `:{"employeeNumber":"A-18","department":"Mill"}}`,
		},
		{
			"Okta: the extension as an object", `{"op":"replace","value":{"id":"x","schemas":[],` + enterprise + `:{"department":"Quay"}}}`,
			`{` + enterprise + `:{"employeeNumber":"A-17","department":"Quay"}}`,
		},
		{
			"Entra ID: a manager as a text", `{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"m-1"}`,
			`{` + enterprise + `:{"employeeNumber":"A-17","department":"Mill","manager":{"value":"m-1"}}}`,
		},
		{
			"another primary address", `{"op":"add","path":"emails","value":[{"type":"home","value":"h@x.test","primary":true}]}`,
			`{"emails":[{"type":"work","value":"ann@example.test"},{"type":"home","value":"h@x.test","primary":true}]}`,
		},
		{"an address goes", `{"op":"remove","path":"emails[value eq \"ann@example.test\"]"}`, `{"emails":null}`},
		{"names in any case", `{"OP":"replace","Path":"DISPLAYNAME","VALUE":"Ann K"}`, `{"displayName":"Ann K"}`},
		{"an attribute of nobody's schema is kept", `{"op":"add","path":"urn:example:2.0:User:badge","value":"7"}`, `{"urn:example:2.0:User":{"badge":"7"}}`},
		{"nothing is there to remove", `{"op":"remove","path":"phoneNumbers[type eq \"work\"]"}`, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			id := b.make("/Users", ann)
			defer b.ask("DELETE", "/Users/"+id, "")
			a := b.ask("PATCH", "/Users/"+id, patched(c.ops))
			if a.status != http.StatusOK {
				t.Fatalf("%d %v", a.status, a.body)
			}
			want := object(annKept)
			for k, v := range object(c.want) {
				want[k] = v
				if v == nil {
					delete(want, k)
				}
			}
			if d := cmp.Diff(want, a.plain()); d != "" {
				t.Error(d)
			}
		})
	}
}

// Proves: RFC 7644 section 3.12
func TestBadRequestsAreRefusedWithTheirReason(t *testing.T) {
	b := newBench(t)
	id := b.make("/Users", ann)
	b.make("/Users", strings.ReplaceAll(strings.ReplaceAll(ann, "Ann@", "Bob@"), `"A-17"`, `"B-1"`))
	big := `{"userName":"x","displayName":"` + strings.Repeat("x", 9<<20) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		kind                     string
	}{
		{"a name that another has, in other letters", "POST", "/Users", `{"userName":"aNN@EXAMPLE.test"}`, 409, "uniqueness"},
		{"a change to a name that another has", "PATCH", "/Users/" + id, patched(`{"op":"replace","path":"userName","value":"bob@example.test"}`), 409, "uniqueness"},
		{"a person without a name", "POST", "/Users", `{"displayName":"x"}`, 400, "invalidValue"},
		{"the name goes", "PATCH", "/Users/" + id, patched(`{"op":"remove","path":"userName"}`), 400, "invalidValue"},
		{"no JSON", "POST", "/Users", `{"userName":`, 400, "invalidSyntax"},
		{"a list", "POST", "/Users", `[]`, 400, "invalidSyntax"},
		{"a body that is too large", "POST", "/Users", big, 413, ""},
		{"neither true nor false", "PATCH", "/Users/" + id, patched(`{"op":"replace","path":"active","value":"maybe"}`), 400, "invalidValue"},
		{"an operation that is none", "PATCH", "/Users/" + id, patched(`{"op":"move","path":"title"}`), 400, "invalidSyntax"},
		{"a removal of nothing said", "PATCH", "/Users/" + id, patched(`{"op":"remove"}`), 400, "noTarget"},
		{"a path that is none", "PATCH", "/Users/" + id, patched(`{"op":"replace","path":"emails[type eq","value":"x"}`), 400, "invalidPath"},
		{"the id", "PATCH", "/Users/" + id, patched(`{"op":"replace","path":"id","value":"x"}`), 400, "mutability"},
		{"groups of a person", "PATCH", "/Users/" + id, patched(`{"op":"add","path":"groups","value":[{"value":"g"}]}`), 400, "mutability"},
		{"Operations that are no list", "PATCH", "/Users/" + id, `{"Operations":{"op":"remove"}}`, 400, "invalidSyntax"},
		{"a filter that is none", "GET", "/Users?filter=userName+eq", "", 400, "invalidFilter"},
		{"SQL in a filter", "GET", "/Users?filter=userName+eq+%22x%22%3B+DROP+TABLE+users--", "", 400, "invalidFilter"},
		{"a filter that is nested too deep", "GET", "/Users?filter=" + strings.Repeat("(", 3000), "", 400, "invalidFilter"},
		{"somebody who is not there", "GET", "/Users/" + e911.NewID[string](), "", 404, ""},
		{"a person as a group", "GET", "/Groups/" + id, "", 404, ""},
		{"what is not offered", "POST", "/Bulk", "{}", 501, ""},
	} {
		a := b.ask(c.method, c.path, c.body)
		kind, _ := a.body["scimType"].(string)
		if a.status != c.status || kind != c.kind || a.body["status"] != fmt.Sprint(c.status) || a.body["detail"] == "" {
			t.Errorf("%s: %d %v", c.name, a.status, a.body)
		}
	}
	if a := b.ask("POST", "/Users", ann, "Content-Type", "text/xml"); a.status != 415 {
		t.Errorf("XML: %d", a.status)
	}
	if a := b.ask("GET", "/Users/"+id, ""); cmp.Diff(object(annKept), a.plain()) != "" {
		t.Errorf("a refused request changed something: %v", a.body)
	}
}

// Proves: E14, W-44
func TestOnlyAKeyOfTheDirectoryIsLetIn(t *testing.T) {
	b := newBench(t)
	id := b.make("/Users", ann)
	for name, c := range map[string]struct {
		key    string
		status int
	}{
		"no key":                        {"", 401},
		"a wrong key":                   {b.key[:len(b.key)-1] + "!", 401},
		"a key without the scope":       {b.newKey(b.org, apikey.ScopeWrite), 403},
		"the operator's":                {b.newKey("", apikey.ScopeProvider, apikey.ScopeDirectory), 403},
		"one of another's without SCIM": {b.newKey(e911.NewID[e911.OrgID](), apikey.ScopeDirectory), 403},
	} {
		if a := b.ask("GET", "/Users/"+id, "", "Authorization", "Bearer "+c.key); a.status != c.status {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	other := e911.NewID[e911.OrgID]()
	if _, err := b.svc.Save(t.Context(), "test", directory.Source{Org: other, Key: "okta", Protocol: directory.SCIM}); err != nil {
		t.Fatal(err)
	}
	key := "Bearer " + b.newKey(other, apikey.ScopeDirectory)
	if a := b.ask("GET", "/Users/"+id, "", "Authorization", key); a.status != 404 {
		t.Errorf("another organisation reads: %d", a.status)
	}
	if a := b.ask("GET", "/Users", "", "Authorization", key); a.body["totalResults"] != 0.0 {
		t.Errorf("another organisation lists: %v", a.body)
	}
}

// Proves: RFC 7644 section 3.4.2
func TestListsAreFilteredAndPaged(t *testing.T) {
	b := newBench(t)
	src, err := b.svc.SCIM(t.Context(), b.org)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]directory.Entry, 10_000)
	for i := range many {
		name := fmt.Sprintf("p%05d", i)
		many[i] = directory.Entry{
			ID: e911.NewID[string](), Kind: directory.User, Name: name, External: "x" + name, Active: i%2 == 0, Made: epoch, Changed: epoch,
			Resource: json.RawMessage(fmt.Sprintf(`{"userName":%q,"externalId":"x%s","active":%v,"emails":[{"type":"work","value":"%s@a\"b.test"}]}`, name, name, i%2 == 0, name)),
		}
	}
	if _, err := b.store.SaveDirectoryEntries(t.Context(), b.org, src.ID, many); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query       string
		total, page int
	}{
		{"", 10_000, 100},
		{"startIndex=9951&count=100", 10_000, 50},
		{"count=0", 10_000, 0},
		{"startIndex=-7&count=99999", 10_000, 1000},
		{`filter=userName eq "P00042"`, 1, 1},
		{`filter=externalId eq "xp00042"`, 1, 1},
		{`filter=externalId eq "XP00042"`, 0, 0},
		{`filter=userName sw "p000" and active eq true`, 50, 50},
		{`filter=active eq "False" and (userName ew "1" or userName co "00003")`, 1001, 100},
		{`filter=emails[type eq "work" and value eq "p00001@a\"b.test"]`, 1, 1},
		{`filter=emails.value eq "p00001@a\"b.test"`, 1, 1},
		{`filter=not (userName pr)`, 0, 0},
		{`filter=userName eq "' OR '1'='1"`, 0, 0},
		{`filter=title eq "x"`, 0, 0},
	} {
		q := strings.NewReplacer(" ", "%20", `"`, "%22", `\`, "%5C").Replace(c.query)
		a := b.ask("GET", "/Users?"+q, "")
		list, _ := a.body["Resources"].([]any)
		if a.status != 200 || a.body["totalResults"] != float64(c.total) || len(list) != c.page {
			t.Errorf("%s: %d, %v in all, %d in the page", c.query, a.status, a.body["totalResults"], len(list))
		}
	}
	a := b.ask("GET", "/Users?count=1&attributes=userName", "")
	if x := a.body["Resources"].([]any)[0].(map[string]any); len(x) != 3 {
		t.Errorf("more than was asked for: %v", x)
	}
}

// Proves: C-59, RFC 7644 section 3.5.2
func TestGroupsAndTheirMembers(t *testing.T) {
	b := newBench(t)
	one, two := b.make("/Users", ann), b.make("/Users", `{"userName":"bob"}`)
	id := b.make("/Groups", `{"displayName":"Admins","externalId":"g","members":[]}`)
	for _, c := range []struct {
		name, ops string
		want      []string
	}{
		{"Entra ID adds", `{"op":"Add","path":"members","value":[{"value":"` + one + `"}]}`, []string{one}},
		{"it is there already", `{"op":"add","path":"members","value":[{"value":"` + one + `"},{"value":"` + two + `"}]}`, []string{one, two}},
		{"Okta removes with a filter", `{"op":"remove","path":"members[value eq \"` + one + `\"]"}`, []string{two}},
		{"Entra ID removes with values", `{"op":"Remove","path":"members","value":[{"value":"` + two + `"}]}`, nil},
		{"Okta replaces, and sends the id", `{"op":"replace","value":{"id":"` + id + `","displayName":"Admins"}},{"op":"replace","path":"members","value":[{"value":"` + two + `","display":"Bob"}]}`, []string{two}},
		{"all of them go", `{"op":"remove","path":"members"}`, nil},
		{"no path", `{"op":"Add","value":{"members":[{"value":"` + one + `"}]}}`, []string{one}},
	} {
		if a := b.ask("PATCH", "/Groups/"+id, patched(c.ops)); a.status != 200 {
			t.Fatalf("%s: %d %v", c.name, a.status, a.body)
		}
		var got []string
		list, _ := b.ask("GET", "/Groups/"+id, "").body["members"].([]any)
		for _, m := range list {
			got = append(got, m.(map[string]any)["value"].(string))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if g, _ := b.ask("GET", "/Users/"+one, "").body["groups"].([]any); len(g) != 1 || g[0].(map[string]any)["display"] != "Admins" {
		t.Errorf("the groups of a person: %v", g)
	}
	if a := b.ask("GET", "/Groups?excludedAttributes=members", ""); strings.Contains(fmt.Sprint(a.body), "members") {
		t.Errorf("members are told though nobody asked: %v", a.body)
	}
}

// Proves: RFC 7644 section 3.14
func TestVersionsGuardChanges(t *testing.T) {
	b := newBench(t)
	id := b.make("/Users", ann)
	first := b.ask("GET", "/Users/"+id, "").header.Get("ETag")
	if a := b.ask("GET", "/Users/"+id, "", "If-None-Match", first); a.status != 304 {
		t.Errorf("the same was told again: %d", a.status)
	}
	put := strings.Replace(ann, `"displayName":"Ann Lee",`, "", 1)
	a := b.ask("PUT", "/Users/"+id, put, "If-Match", first)
	if a.status != 200 || a.body["displayName"] != nil || a.header.Get("ETag") == first {
		t.Errorf("%d %v", a.status, a.body)
	}
	for _, m := range []string{"PUT", "DELETE"} {
		if a := b.ask(m, "/Users/"+id, put, "If-Match", first); a.status != 412 {
			t.Errorf("%s of an old version: %d", m, a.status)
		}
	}
	if a := b.ask("DELETE", "/Users/"+id, ""); a.status != 204 {
		t.Errorf("%d", a.status)
	}
	if a := b.ask("DELETE", "/Users/"+id, ""); a.status != 404 {
		t.Errorf("deleted twice: %d", a.status)
	}
	b.make("/Users", ann) // the name is free
}

// Proves: RFC 7643 sections 5 to 8
func TestWhatIsOfferedIsDescribed(t *testing.T) {
	b := newBench(t)
	for path, want := range map[string]string{
		"/ServiceProviderConfig": "oauthbearertoken", "/Schemas": "employeeNumber", "/ResourceTypes": "/Users", "/ResourceTypes/Group": "/Groups",
		"/Schemas/urn:ietf:params:scim:schemas:core:2.0:User": "userName",
	} {
		if a := b.ask("GET", path, ""); a.status != 200 || !strings.Contains(fmt.Sprint(a.body), want) {
			t.Errorf("%s: %d %v", path, a.status, a.body)
		}
	}
}
