package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web/api"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

// bench is the API over a database of its own.
type bench struct {
	t    testing.TB
	st   *sqlite.Store
	h    *api.Handler
	keys *apikey.Keeper
	// operator is a key of the operator's with every scope.
	operator string
	log      *bytes.Buffer
	// standing is how makers of keys stand; nil: nobody is known.
	standing func(ctx context.Context, identity string, org e911.OrgID) (apikey.Standing, error)
}

func newBench(t testing.TB, change func(*api.Config)) *bench {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return epoch }
	b := &bench{t: t, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	if b.st, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.st.Close() })
	editor, err := edit.New(edit.Config{Store: b.st, Layer: layers.USCountyBoundary, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if b.keys, err = apikey.New(apikey.Config{Store: func() apikey.Store { return b.st }, Standing: b.stands, Ring: ring, Now: now, Log: log}); err != nil {
		t.Fatal(err)
	}
	planner := planner(t, b.st, now)
	cfg := api.Config{
		Objects: objects(editor), Keys: b.keys, Views: b.st, Replays: func() apikey.Replays { return b.st }, Ring: ring, Audit: b.st,
		Session: func(*http.Request) (e911.OrgID, bool) { return "", false }, Calls: b.st, Plans: planner, Applied: planner, Now: now, Log: log, Version: "test",
	}
	cfg.Lists, cfg.Directories = b.lists(), b.directories()
	if change != nil {
		change(&cfg)
	}
	if b.h, err = api.New(cfg); err != nil {
		t.Fatal(err)
	}
	var scopes []apikey.Scope
	for _, r := range apikey.Scopes() {
		scopes = append(scopes, r.Scope)
	}
	b.operator = b.key("", scopes...)
	return b
}

func (b *bench) stands(ctx context.Context, identity string, org e911.OrgID) (apikey.Standing, error) {
	if b.standing == nil {
		return apikey.Standing{}, e911.Errorf(e911.NotFound, "nobody")
	}
	return b.standing(ctx, identity, org)
}

func planner(t testing.TB, st *sqlite.Store, now func() time.Time) *change.Planner {
	t.Helper()
	holder := &snapshot.Holder{}
	p, err := change.New(change.Config{Store: st, Layer: layers.USCountyBoundary, World: func() (*snapshot.Snapshot, admin.Head) { return holder.Load(), admin.Head{} }, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func objects(e *edit.Editor) map[e911.ObjectKind]api.Objects {
	return map[e911.ObjectKind]api.Objects{
		e911.KindModel: of(e911.KindModel, &e.Models), e911.KindTrunk: of(e911.KindTrunk, &e.Trunks), e911.KindPSAP: of(e911.KindPSAP, &e.PSAPs),
		e911.KindLayer: of(e911.KindLayer, &e.Layers), e911.KindOrg: of(e911.KindOrg, &e.Orgs), e911.KindSite: of(e911.KindSite, &e.Sites),
		e911.KindBuilding: of(e911.KindBuilding, &e.Buildings), e911.KindLocation: of(e911.KindLocation, &e.Locations),
		e911.KindElement: of(e911.KindElement, &e.Elements), e911.KindUser: of(e911.KindUser, &e.Users), e911.KindDevice: of(e911.KindDevice, &e.Devices),
		e911.KindNumber: of(e911.KindNumber, &e.Numbers), e911.KindAlert: of(e911.KindAlert, &e.Alerts), e911.KindOverride: of(e911.KindOverride, &e.Overrides),
	}
}

func of[T any](k e911.ObjectKind, o *edit.Objects[T]) api.Objects {
	return api.Of(k, func() (*edit.Objects[T], error) { return o, nil })
}

// key makes a key; without scopes it has all that an organisation's may have.
func (b *bench) key(org e911.OrgID, scopes ...apikey.Scope) string {
	b.t.Helper()
	if len(scopes) == 0 {
		for _, r := range apikey.Scopes() {
			if r.Scope != apikey.ScopeProvider {
				scopes = append(scopes, r.Scope)
			}
		}
	}
	_, text, err := b.keys.Create(b.t.Context(), "test", apikey.Wish{Org: org, Name: "test", Scopes: scopes})
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// got is an answer.
type got struct {
	status int
	head   http.Header
	text   string
	body   map[string]any
}

func (g got) etag() string { return g.head.Get("ETag") }

func (g got) id() string { s, _ := g.body["id"].(string); return s }

// do sends a request; head are names and values. The body may be nil, a string, a
// reader, or anything that is written as JSON.
func (b *bench) do(key, method, path string, body any, head ...string) got {
	b.t.Helper()
	var r io.Reader
	switch v := body.(type) {
	case nil:
	case io.Reader:
		r = v
	case string:
		r = strings.NewReader(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req := httptest.NewRequestWithContext(b.t.Context(), method, api.Base+path, r)
	req.Header.Set("Authorization", "Bearer "+key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, req)
	g := got{status: w.Code, head: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &g.body)
	return g
}

// want is do that must have the status.
func (b *bench) want(status int, key, method, path string, body any, head ...string) got {
	b.t.Helper()
	g := b.do(key, method, path, body, head...)
	if g.status != status {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, g.status, status, g.text)
	}
	return g
}

// faults are the pointers and codes of a problem.
func (g got) faults() string {
	var out []string
	list, _ := g.body["faults"].([]any)
	for _, f := range list {
		m, _ := f.(map[string]any)
		out = append(out, fmt.Sprint(m["pointer"], " ", m["code"]))
	}
	return strings.Join(out, ", ")
}

// collections are in the order in which examples name each other.
var collections = []e911.ObjectKind{
	e911.KindSite, e911.KindBuilding, e911.KindLocation, e911.KindElement, e911.KindUser, e911.KindDevice, e911.KindNumber, e911.KindAlert, e911.KindTrunk,
}

var paths = map[e911.ObjectKind]string{
	e911.KindSite: "sites", e911.KindBuilding: "buildings", e911.KindLocation: "locations", e911.KindElement: "elements", e911.KindUser: "users",
	e911.KindDevice: "devices", e911.KindNumber: "numbers", e911.KindAlert: "alerts", e911.KindTrunk: "trunks", e911.KindOverride: "psap_overrides",
}

// town makes the organisation of the examples with one of everything; ids by kind.
func (b *bench) town() (org string, ids map[e911.ObjectKind]string) {
	b.t.Helper()
	org = b.want(201, b.operator, "POST", "/organisations", api.SampleOf(e911.KindOrg)).id()
	carrier := map[string]any{"key": "carrier-1", "side": "carrier", "kind": "provider", "profile": "carrier", "to": "sip:psap@127.0.0.21:5071;transport=tcp", "from": []any{"127.0.0.21/32"}, "dr_from": []any{}}
	b.want(201, b.operator, "POST", "/trunks", carrier)
	ids = map[e911.ObjectKind]string{}
	ids[e911.KindPSAP] = b.want(201, b.operator, "POST", "/psaps", api.SampleOf(e911.KindPSAP)).id()
	ids[e911.KindModel] = b.want(201, b.operator, "POST", "/models", api.SampleOf(e911.KindModel)).id()
	for _, k := range append(collections, e911.KindOverride) {
		ids[k] = b.want(201, b.operator, "POST", "/organisations/"+org+"/"+paths[k], api.SampleOf(k)).id()
	}
	return org, ids
}

// Proves: W-46, E14, F-19, N-17
func TestAnObjectIsMadeReadChangedAndDeleted(t *testing.T) {
	b := newBench(t, nil)
	org, ids := b.town()
	key, base := b.key(e911.OrgID(org)), "/organisations/key:harbor"

	g := b.want(200, key, "GET", base+"/locations/key:hq-2-210", nil)
	names, _ := g.body["keys"].(map[string]any)
	if g.body["FLR"] != "2" || g.body["building"] != ids[e911.KindBuilding] || names[ids[e911.KindBuilding]] != "hq" || g.body["detail"] != nil {
		t.Errorf("a location reads %s", g.text)
	}
	b.want(304, key, "GET", base+"/locations/"+ids[e911.KindLocation], nil, "If-None-Match", g.etag())
	if g := b.want(200, key, "GET", base+"/buildings/key:hq", nil); fmt.Sprint(g.body["address"].(map[string]any)["point"]) != "[42.36684 -71.10565]" {
		t.Errorf("a building reads %s", g.text)
	}

	path := base + "/sites/" + ids[e911.KindSite]
	site := b.want(200, key, "GET", path, nil)
	b.want(428, key, "PATCH", path, map[string]any{"name": "Mill"})
	one := b.want(200, key, "PATCH", path, map[string]any{"name": "Mill"}, "If-Match", site.etag())
	if one.body["name"] != "Mill" || one.body["ecbn"] != "+16175550100" || one.etag() != `"2"` {
		t.Errorf("after a patch: %s", one.text)
	}
	// The second of two administrators is told, with what is there now.
	late := b.want(412, key, "PUT", path, site.body, "If-Match", site.etag())
	if late.etag() != `"2"` {
		t.Errorf("who was late is told %q", late.etag())
	}
	b.want(200, key, "PUT", path, one.body, "If-Match", one.etag()) // as it was read
	if g := b.want(409, key, "DELETE", path, nil, "If-Match", "*"); g.faults() == "" {
		t.Errorf("what is in the way is not said: %s", g.text)
	}
	b.want(204, key, "DELETE", base+"/alerts/key:front-desk", nil, "If-Match", `"1"`)
	b.want(404, key, "GET", base+"/alerts/key:front-desk", nil)
	b.want(404, key, "GET", base+"/alerts/"+ids[e911.KindAlert], nil)
}

// Proves: N-17, N-21
func TestObjectsAreFoundByWhatTheyAre(t *testing.T) {
	b := newBench(t, nil)
	org, ids := b.town()
	base := "/organisations/" + org
	b.want(201, b.operator, "POST", base+"/elements", map[string]any{"location": "key:hq-2-210", "kind": "lldp_port", "chassis": "0C75.BD00.0001", "port": "Gi1/0/7"})
	b.want(201, b.operator, "POST", base+"/elements", map[string]any{"location": "key:hq-2-210", "kind": "ip", "range": "10.20.0.7-10.20.0.40"})
	for _, c := range []struct {
		query string
		kind  e911.ObjectKind
		want  int
	}{
		{"elements?bssid=0011.2233.4450", e911.KindElement, 1},
		{"elements?bssid_prefix=00:11:22", e911.KindElement, 1},
		{"elements?chassis=0c:75:bd:00:00:01&port=Gi1/0/7", "", 1},
		{"elements?chassis=0c:75:bd:00:00:01&port=Gi1/0/8", "", 0},
		{"elements?location=key:hq-2-210", "", 3},
		{"numbers?number=617-555-0111", e911.KindNumber, 1},
		{"users?email=ADA@example.com", e911.KindUser, 1},
		{"users?device_user_id=ada@example.com", e911.KindUser, 1},
		{"users?key=ada", e911.KindUser, 1},
		{"users?site=key:nowhere", "", 0},
		{"devices?mac=001b5400002d", e911.KindDevice, 1},
		{"devices?user=key:ada", e911.KindDevice, 1},
	} {
		g := b.want(200, b.operator, "GET", base+"/"+c.query, nil)
		items, _ := g.body["items"].([]any)
		if len(items) != c.want || (c.kind != "" && items[0].(map[string]any)["id"] != ids[c.kind]) {
			t.Errorf("%s: %s", c.query, g.text)
		}
	}
	b.want(400, b.operator, "GET", base+"/users?nmae=x", nil)
	b.want(400, b.operator, "GET", base+"/users?site=x&key=y", nil)
}

// Proves: N-17, D-12
func TestPagesJoin(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	base := "/organisations/" + org + "/users"
	for i := range 7 {
		b.want(201, b.operator, "POST", base, map[string]any{"site": "key:mill", "key": fmt.Sprint("u", i), "name": "U"})
	}
	seen, cursor, pages := map[string]bool{}, "", 0
	for {
		g := b.want(200, b.operator, "GET", base+"?limit=3"+cursor, nil)
		pages++
		for _, u := range g.body["items"].([]any) {
			key, _ := u.(map[string]any)["key"].(string)
			if seen[key] {
				t.Errorf("%s came twice", key)
			}
			seen[key] = true
		}
		next, _ := g.body["next"].(string)
		if next == "" {
			break
		}
		cursor = "&cursor=" + next
		b.want(400, b.operator, "GET", "/organisations/"+org+"/devices?cursor="+next, nil) // of another list
		b.want(400, b.operator, "GET", base+"?key=u1&cursor="+next, nil)                   // of another filter
	}
	if len(seen) != 8 || pages != 3 {
		t.Errorf("%d users on %d pages", len(seen), pages)
	}
}

// Proves: N-17
func TestAListIsSorted(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	base := "/organisations/" + org + "/users"
	for _, k := range []string{"zoe", "ann", "mia"} {
		b.want(201, b.operator, "POST", base, map[string]any{"site": "key:mill", "key": k, "name": "U"})
	}
	read := func(query string) (keys []string) {
		for cursor := ""; ; {
			g := b.want(200, b.operator, "GET", base+"?limit=1&"+query+cursor, nil)
			for _, u := range g.body["items"].([]any) {
				key, _ := u.(map[string]any)["key"].(string)
				keys = append(keys, key)
			}
			next, _ := g.body["next"].(string)
			if next == "" {
				return keys
			}
			cursor = "&cursor=" + next
			b.want(400, b.operator, "GET", base+"?limit=1&sort=changed&site=key:mill&cursor="+next, nil) // of another order
		}
	}
	for query, want := range map[string]string{"sort=key": "ada ann mia zoe", "sort=-key": "zoe mia ann ada", "sort=-key&site=key:mill": "zoe mia ann ada", "": "ada zoe ann mia"} {
		if keys := strings.Join(read(query), " "); keys != want {
			t.Errorf("%q: %s, want %s", query, keys, want)
		}
	}
	for _, bad := range []string{"colour", "-", "--key", "key,changed"} {
		b.want(400, b.operator, "GET", base+"?sort="+bad, nil)
	}
}

// Each refusal names the field as the body has it, the rule and the way out, and
// stores nothing.
//
// Proves: F-31, N-17
func TestAFaultNamesItsField(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	base := "/organisations/" + org
	for _, c := range []struct{ path, body, want string }{
		{"/users", `{"site":"key:mill","key":"x","nmae":"X"}`, "/nmae unknown_key"},
		{"/users", `{"site":"key:nowhere","key":"x","name":"X"}`, "/site unknown"},
		{"/users", `{"site":7,"key":true,"name":"X"}`, "/key syntax, /site syntax"},
		{"/locations", `{"building":"key:hq","key":"x","FLR":3}`, "/FLR syntax"},
		{"/locations", `{"building":"key:hq","key":"x","detail":{"FLR":"3"}}`, "/detail unknown_key"},
		{"/elements", `{"location":"key:hq-2-210","kind":"ip","range":"10.x"}`, "/range syntax"},
		{"/elements", `{"location":"key:hq-2-210","kind":"lldp_port","chassis":"switch one","port":"1"}`, "/chassis"},
		{"/buildings", `{"site":"key:mill","key":"x","name":"X","address":{"country":"US","point":[1]}}`, "/address/point syntax"},
		{"/sites", `{"key":"x","zone":"Nowhere/None"}`, "/zone"},
		{"/sites", `{"key":"x","zone":"America/New_York","areas":[{"key":"a","ecbn":"911"}]}`, "/areas/0/ecbn"},
		{"/alerts", `{"site":"key:mill","key":"x","on":["fire"]}`, "/on/0"},
		{"/users", `{"site":"key:mill","key":"x","key":"y"}`, ""},
		{"/users", `[]`, ""},
		{"/users", `{"site":"a\u0000"}`, ""},
		{"/users", "{\"site\":\"\xff\"}", ""},
		{"/users", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), ""},
	} {
		g := b.do(b.operator, "POST", base+c.path, c.body)
		want := 422
		if c.want == "" {
			want = 400
		}
		if g.status != want || !strings.Contains(g.faults(), c.want) || g.head.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s, want %s: %s", c.path, c.body, g.status, g.faults(), c.want, g.text)
		}
	}
	b.want(415, b.operator, "POST", base+"/users", "key=x", "Content-Type", "application/x-www-form-urlencoded")
	b.want(413, b.operator, "POST", base+"/users", `{"key":"`+strings.Repeat("x", 2<<20)+`"}`)
}

// Proves: D-09, N-17
func TestASecretIsToldOnceAndKept(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	base := "/organisations/" + org
	o := b.want(200, b.operator, "GET", base, nil)
	b.want(200, b.operator, "PATCH", base, map[string]any{"sip_domain": "pbx.harbor.example"}, "If-Match", o.etag())
	made := b.want(201, b.operator, "POST", base+"/devices", map[string]any{"site": "key:mill", "key": "p1", "sip": map[string]any{"user": "4001"}})
	secret, _ := made.body["sip"].(map[string]any)["secret"].(string)
	if len(secret) < 20 {
		t.Fatalf("no secret was made: %s", made.text)
	}
	read := b.want(200, b.operator, "GET", base+"/devices/key:p1", nil)
	if strings.Contains(read.text, secret) || read.body["sip"].(map[string]any)["has_secret"] != true {
		t.Errorf("a device reads %s", read.text)
	}
	stored := func() string {
		t.Helper()
		o, err := b.device(org, made.id())
		if err != nil {
			t.Fatal(err)
		}
		return string(o.SIP.Secret)
	}
	put := b.want(200, b.operator, "PUT", base+"/devices/key:p1", read.body, "If-Match", read.etag())
	patched := b.want(200, b.operator, "PATCH", base+"/devices/key:p1", map[string]any{"sip": map[string]any{"guest": true}}, "If-Match", put.etag())
	if stored() != secret {
		t.Errorf("the secret did not outlive a change that does not name it")
	}
	weak := b.key(e911.OrgID(org), apikey.ScopeRead, apikey.ScopeWrite)
	b.want(403, weak, "PATCH", base+"/devices/key:p1", map[string]any{"sip": map[string]any{"secret": "0123456789abcdefgh"}}, "If-Match", patched.etag())
	b.want(200, b.operator, "PATCH", base+"/devices/key:p1", map[string]any{"sip": map[string]any{"secret": "0123456789abcdefgh"}}, "If-Match", patched.etag())
	if stored() != "0123456789abcdefgh" {
		t.Errorf("the new secret is not there")
	}
}
