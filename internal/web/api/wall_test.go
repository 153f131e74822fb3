package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

func (b *bench) device(org, id string) (e911.Device, error) {
	var v e911.Device
	err := b.st.Read(b.t.Context(), func(r admin.Reader) error {
		o, err := r.Get(b.t.Context(), admin.Ref{Kind: e911.KindDevice, Org: e911.OrgID(org), ID: id})
		v, _ = o.Value.(e911.Device)
		return err
	})
	return v, err
}

// described is one operation of the document.
type described struct {
	method, path string
	ID           string                     `json:"operationId"`
	Summary      string                     `json:"summary"`
	Scopes       []string                   `json:"x-scopes"`
	Area         string                     `json:"x-area"`
	Security     []any                      `json:"security"`
	Responses    map[string]json.RawMessage `json:"responses"`
	Body         *struct {
		Content map[string]struct {
			Example any `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
	Parameters []struct{ Name, In string } `json:"parameters"`
}

func (b *bench) document() []described {
	b.t.Helper()
	text, err := b.h.Document(false)
	if err != nil {
		b.t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]described `json:"paths"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		b.t.Fatal(err)
	}
	var out []described
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			d := doc.Paths[path][method]
			d.method, d.path = strings.ToUpper(method), strings.TrimPrefix(path, api.Base)
			out = append(out, d)
		}
	}
	return out
}

// fill puts real ids into the address of an operation.
func fill(d described, org string, ids map[e911.ObjectKind]string) string {
	p := strings.ReplaceAll(d.path, "{org}", org)
	p = strings.ReplaceAll(p, "{table}", "users")
	id := "0198aaaa-0000-7000-8000-000000000000"
	for k, name := range paths {
		if strings.Contains(d.path, "/"+name+"/{id}") {
			id = ids[k]
		}
	}
	if strings.HasPrefix(d.path, "/psaps/") {
		id = ids[e911.KindPSAP]
	}
	if strings.HasPrefix(d.path, "/models/") {
		id = ids[e911.KindModel]
	}
	return strings.ReplaceAll(p, "{id}", id)
}

// Proves: E14
func TestAnotherOrganisationFindsNothingInTheWholeDocument(t *testing.T) {
	b := newBench(t, nil)
	org, ids := b.town()
	other := b.want(201, b.operator, "POST", "/organisations", map[string]any{"key": "quay", "demonstration": true}).id()
	stranger := b.key(e911.OrgID(other))
	before := b.everything()
	walked := 0
	for _, d := range b.document() {
		if len(d.Security) == 0 || d.path == "/self" || (d.path == "/organisations" || d.path == "/compliance") && d.method == "GET" { // they answer with one's own
			continue
		}
		want := 403 // the world is the operator's
		if strings.Contains(d.path, "{org}") {
			want = 404
		}
		for _, name := range []string{org, "key:harbor"} {
			g := b.do(stranger, d.method, fill(d, name, ids), body(d), "If-Match", "*", "Content-Type", "application/json")
			if g.status != want {
				t.Errorf("%s %s (%s): %d, want %d: %s", d.method, d.path, name, g.status, want, g.text)
			}
			walked++
		}
		if !strings.Contains(d.path, "{id}") || want == 403 {
			continue
		}
		// Under its own name, with the id of the first one's object.
		g := b.do(stranger, d.method, fill(d, other, ids), body(d), "If-Match", "*", "Content-Type", "application/json")
		if g.status != 404 && g.status != 503 && g.status != 403 {
			t.Errorf("%s %s in its own name: %d: %s", d.method, d.path, g.status, g.text)
		}
	}
	if walked < 150 {
		t.Errorf("only %d addresses were walked", walked)
	}
	if after := b.everything(); after != before {
		t.Errorf("a stranger changed something:\n%s\n%s", before, after)
	}
	if g := b.want(200, stranger, "GET", "/organisations", nil); strings.Contains(g.text, "harbor") {
		t.Errorf("a stranger sees %s", g.text)
	}
}

func body(d described) any {
	if d.Body == nil {
		return nil
	}
	for _, c := range d.Body.Content {
		if c.Example != nil {
			return c.Example
		}
	}
	return "x"
}

// everything is how many objects of each kind there are, and their versions.
func (b *bench) everything() string {
	b.t.Helper()
	head, err := b.st.Head(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprint(head)
}

// Proves: E14, N-17
func TestAKeyDoesWhatItsScopesSay(t *testing.T) {
	b := newBench(t, nil)
	org, ids := b.town()
	for _, d := range b.document() {
		if len(d.Scopes) == 0 || !strings.Contains(d.path, "{org}") {
			continue
		}
		var others []apikey.Scope
		for _, r := range apikey.Scopes() {
			if r.Scope != apikey.ScopeProvider && !slices.Contains(d.Scopes, string(r.Scope)) {
				others = append(others, r.Scope)
			}
		}
		if g := b.do(b.key(e911.OrgID(org), others...), d.method, fill(d, org, ids), body(d), "If-Match", "*"); g.status != 403 {
			t.Errorf("%s %s without %v: %d: %s", d.method, d.path, d.Scopes, g.status, g.text)
		}
	}
	own, base := b.key(e911.OrgID(org)), "/organisations/"+org
	o := b.want(200, own, "GET", base, nil)
	if g := b.want(403, own, "PATCH", base, map[string]any{"state": "suspended", "carriers": []any{"key:carrier-1"}}, "If-Match", o.etag()); g.faults() != "/carriers forbidden, /state forbidden" {
		t.Errorf("an organisation that suspends itself is told %s", g.text)
	}
	b.want(200, own, "PATCH", base, map[string]any{"name": "Harbor Bio"}, "If-Match", o.etag())
	b.want(403, own, "POST", base+"/trunks", api.SampleOf(e911.KindTrunk))
	for _, wrong := range []string{"", "cbk_x", own[:len(own)-1] + "_", "cbk_0000000000000000_" + strings.Repeat("A", 43)} {
		if g := b.do(wrong, "GET", "/self", nil); g.status != 401 || g.head.Get("WWW-Authenticate") == "" {
			t.Errorf("the key %q: %d %s", wrong, g.status, g.text)
		}
	}
}

// Proves: N-17
func TestTheDocumentIsWholeAndStable(t *testing.T) {
	b := newBench(t, nil)
	ids := map[string]bool{}
	for _, d := range b.document() {
		if d.ID == "" || ids[d.ID] || d.Summary == "" {
			t.Errorf("%s %s: id %q, summary %q", d.method, d.path, d.ID, d.Summary)
		}
		ids[d.ID] = true
		if d.Responses["400"] == nil || d.Responses["503"] == nil || (len(d.Security) > 0 && (d.Responses["401"] == nil || d.Responses["404"] == nil)) {
			t.Errorf("%s says too little of errors", d.ID)
		}
		if d.Body != nil && body(d) == nil {
			t.Errorf("%s has no example", d.ID)
		}
	}
	for _, yaml := range []bool{false, true} {
		first, err := b.h.Document(yaml)
		if err != nil {
			t.Fatal(err)
		}
		again, err := newBench(t, nil).h.Document(yaml)
		if err != nil || string(first) != string(again) {
			t.Errorf("the document is another each time (yaml %v), %v", yaml, err)
		}
	}
	text, _ := b.h.Document(false)
	for _, name := range []string{`"openapi": "3.1.0"`, `"#/components/schemas/Site"`, `"ChangePlan"`} {
		if !strings.Contains(string(text), name) {
			t.Errorf("the document lacks %s", name)
		}
	}
	if dir := os.Getenv("CALLBOX_OPENAPI_OUT"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "openapi.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// junk are values that no field expects.
var junk = []any{
	nil, true, -1, 0, 1e308, 9007199254740993, "", " ", "x", "key:", "key:mill", "911", "+16175550111", "\u202e\U0001F691", strings.Repeat("é", 5000), "'; DROP TABLE users; --",
	"=cmd|' /C calc'!A0", "../../etc/passwd", "0.0.0.0/0", "::/0", "9999-12-31", "0000-00-00",
	[]any{},
	[]any{nil},
	[]any{"x", 1},
	map[string]any{},
	map[string]any{"a": 1},
	[]any{map[string]any{}},
	[]any{[]any{[]any{}}},
	map[string]any{"secret": 1},
	map[string]any{"point": []any{"a", "b"}},
}

// Whatever is sent to whatever the document has is refused or done: never a fault
// of ours, never half.
//
// Proves: E15, F-31
func TestNoRequestIsAFaultOfOurs(t *testing.T) {
	b := newBench(t, nil)
	org, ids := b.town()
	rnd := rand.New(rand.NewPCG(20260309, 1))
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"}
	media := []string{"application/json", "application/merge-patch+json", "text/plain", "application/json; charset=\"", "", "multipart/form-data", "text/csv"}
	ops := b.document()
	statuses := map[int]int{}
	for range 1500 {
		d := ops[rnd.IntN(len(ops))]
		method := d.method
		if rnd.IntN(10) == 0 {
			method = methods[rnd.IntN(len(methods))]
		}
		path := fill(d, org, ids)
		if rnd.IntN(6) == 0 {
			path = strings.ReplaceAll(path, org, url.PathEscape(fmt.Sprint(junk[rnd.IntN(len(junk))])))
		}
		for _, p := range d.Parameters {
			if p.In == "query" && rnd.IntN(4) == 0 {
				sep := "?"
				if strings.Contains(path, "?") {
					sep = "&"
				}
				path += sep + p.Name + "=" + url.QueryEscape(fmt.Sprint(junk[rnd.IntN(len(junk))]))
			}
		}
		head := []string{"If-Match", []string{"*", `"1"`, `"x`, ""}[rnd.IntN(4)], "Content-Type", media[0]}
		if rnd.IntN(10) == 0 {
			head[3] = media[rnd.IntN(len(media))]
		}
		before := b.everything()
		g := b.do(b.operator, method, path, mutated(rnd, body(d)), head...)
		statuses[g.status]++
		if g.status >= 500 && g.status != http.StatusServiceUnavailable {
			t.Fatalf("%s %s: %d: %s\n%s", method, path, g.status, g.text, b.log)
		}
		if g.status == http.StatusServiceUnavailable && !strings.Contains(g.text, "not offered here") {
			t.Fatalf("%s %s: %s\n%s", method, path, g.text, b.log)
		}
		if g.status >= 400 && b.everything() != before {
			t.Fatalf("%s %s was refused and changed something: %s", method, path, g.text)
		}
	}
	if statuses[422] < 50 || statuses[200] < 50 {
		t.Errorf("the requests were not as various as they should be: %v", statuses)
	}
	b.want(200, b.operator, "GET", "/organisations/"+org, nil)
}

// mutated replaces a part of a body by junk, at times all of it.
func mutated(rnd *rand.Rand, v any) any {
	if v == nil || rnd.IntN(12) == 0 {
		return junk[rnd.IntN(len(junk))]
	}
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := maps.Clone(m)
	for range rnd.IntN(3) {
		names := append(slices.Sorted(maps.Keys(out)), "key", "id", "nobody", "secret", "ecbn", "sip", "areas", "held", "firmware", "routes", "steps", "verb")
		name := names[rnd.IntN(len(names))]
		if rnd.IntN(3) == 0 {
			out[name] = mutated(rnd, out[name])
		} else {
			out[name] = junk[rnd.IntN(len(junk))]
		}
	}
	return out
}
