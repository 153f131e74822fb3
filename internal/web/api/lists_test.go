package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/station"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/web/api"
)

// lists makes what compares lists in the bench's database.
func (b *bench) lists() *reconcile.Service {
	b.t.Helper()
	svc, err := reconcile.New(reconcile.Config{
		Store: b.st, Planner: planner(b.t, b.st, func() time.Time { return epoch }), Now: func() time.Time { return epoch },
		Alarm: func(e911.OrgID, journal.Alarm) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return svc
}

// Proves: N-15, N-34, W-55, N-17
func TestAPlatformsListIsSentComparedAndMended(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	key, base := b.key(e911.OrgID(org)), "/organisations/key:harbor/lists"
	webex := map[string]any{"key": "webex", "kind": "users", "key_column": "Mail", "key_field": "email", "site": "mill", "action": "report", "columns": map[string]any{"name": "Name"}}

	if g := b.want(422, key, "POST", base, map[string]any{"key": "we bex", "kind": "users", "columns": map[string]any{"shoe": "S"}}); g.faults() != "/key syntax, /key_column required, /columns/shoe unknown_key" {
		t.Errorf("a list that cannot be compared: %s", g.text)
	}
	made := b.want(201, key, "POST", base, webex)
	b.want(409, key, "POST", base, webex)
	if g := b.want(200, key, "GET", base+":status", nil); !strings.Contains(g.text, "no list was pushed yet") {
		t.Errorf("before a list came: %s", g.text)
	}
	run := b.want(200, key, "POST", base+"/webex/push?file=webex.csv", "Mail,Name\nada@example.com,Ada Quay\nnew@example.com,New One\n", "Content-Type", "text/csv")
	counts, _ := run.body["counts"].(map[string]any)
	if run.body["state"] != "drift" || counts["missing"] != float64(1) || counts["unregistered"] != float64(1) {
		t.Errorf("the comparison: %s", run.text)
	}
	for _, at := range []string{"/last", "/differences"} {
		if g := b.want(200, key, "GET", base+"/key:webex"+at, nil); !strings.Contains(g.text, `"unregistered":true`) {
			t.Errorf("%s: %s", at, g.text)
		}
	}
	plan := b.want(200, key, "POST", base+"/webex/plan", nil)
	b.want(200, key, "POST", "/organisations/key:harbor/plans/"+plan.id()+"/apply", map[string]any{"hash": plan.body["hash"]})
	if g := b.want(200, key, "POST", base+"/webex/runs", nil); g.body["state"] != "same" {
		t.Errorf("after it was mended: %s", g.text)
	}
	b.want(409, key, "POST", base+"/webex/plan", nil)
	if g := b.want(200, key, "GET", base+"/webex/runs", nil); len(g.body["items"].([]any)) != 2 {
		t.Errorf("the runs: %s", g.text)
	}

	webex["every_minutes"] = 60
	b.want(428, key, "PUT", base+"/webex", webex)
	next := b.want(200, key, "PUT", base+"/webex", webex, "If-Match", made.etag())
	b.want(412, key, "PUT", base+"/webex", webex, "If-Match", made.etag())
	b.want(304, key, "GET", base+"/webex", nil, "If-None-Match", next.etag())
	b.want(412, key, "DELETE", base+"/webex", nil, "If-Match", made.etag())
	b.want(204, key, "DELETE", base+"/webex", nil, "If-Match", next.etag())
	b.want(404, key, "GET", base+"/webex", nil)
}

// The server's folder of lists is one for all organisations.
//
// Proves: E14
func TestAFileOfTheServerIsTheOperatorsToName(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	key, base := b.key(e911.OrgID(org)), "/organisations/"+org+"/lists"
	l := map[string]any{"key": "l", "kind": "users", "key_column": "Mail", "action": "report", "file": "others.csv"}
	if g := b.want(422, key, "POST", base, l); g.faults() != "/file forbidden" {
		t.Errorf("another's file: %s", g.text)
	}
	made := b.want(201, b.operator, "POST", base, l)
	l["paused"] = true
	made = b.want(200, key, "PUT", base+"/l", l, "If-Match", made.etag())
	l["file"] = "another.csv"
	b.want(422, key, "PUT", base+"/l", l, "If-Match", made.etag())
}

// Every change by the API says in the audit trail by which key and from where.
//
// Proves: W-49, N-39
func TestTheTrailSaysByWhichKeyAndFromWhere(t *testing.T) {
	b := newBench(t, nil)
	org, _ := b.town()
	key := b.key(e911.OrgID(org))
	keys, err := b.keys.List(t.Context(), e911.OrgID(org), "", 10)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	base := "/organisations/" + org
	b.want(201, key, "POST", base+"/lists", map[string]any{"key": "l", "kind": "users", "key_column": "Mail"})
	b.want(201, key, "POST", base+"/users", map[string]any{"site": "key:mill", "key": "bob", "name": "Bob"})
	b.want(200, key, "PATCH", base+"/users/key:bob", map[string]any{"name": "Bob B"}, "If-Match", "*")
	b.want(200, key, "POST", base+"/users:bulk", map[string]any{"steps": []any{map[string]any{"verb": "delete", "key": "bob"}}})
	b.want(201, key, "POST", base+"/keys", map[string]any{"name": "second", "scopes": []any{"read"}})
	all, err := b.st.FindAudit(t.Context(), admin.AuditQuery{Org: e911.OrgID(org), Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	by := 0
	for _, e := range all {
		if e.Session != "key "+keys[0].ID {
			continue
		}
		if by++; e.Address != "192.0.2.1" { // httptest's
			t.Errorf("%s %s came from %q", e.Verb, e.Key, e.Address)
		}
	}
	if by != 5 {
		t.Errorf("%d entries name the key, want 5: %+v", by, all)
	}
}

func form(t *testing.T, files map[string]string) (body, media string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for name, text := range files {
		p, err := w.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String(), w.FormDataContentType()
}

// Proves: N-19, N-22
func TestAnotherProductsFilesAreTakenAsAFormOrAsTheBody(t *testing.T) {
	var asked api.ForeignAsk
	b := newBench(t, func(c *api.Config) {
		c.Foreign = func(_ context.Context, _ admin.Actor, _ e911.OrgID, a api.ForeignAsk) (api.ForeignPlan, error) {
			asked = a
			return api.ForeignPlan{}, nil
		}
	})
	org, _ := b.town()
	key, base := b.key(e911.OrgID(org)), "/organisations/"+org+"/imports/from/"
	text, media := form(t, map[string]string{"../a.csv": "A\n1\n", "b.csv": "B\n2\n"})
	b.want(200, key, "POST", base+"teams?site=mill&subnet_bits=24&as=a.csv=subnets&partial=true", text, "Content-Type", media)
	if len(asked.Files) != 2 || asked.Origin != "teams" || asked.Options.SubnetBits != 24 || asked.Options.As["a.csv"] != "subnets" || !asked.Partial || asked.Options.Site != "mill" {
		t.Errorf("asked: %+v", asked)
	}
	for _, f := range asked.Files {
		if strings.Contains(f.Name, "/") {
			t.Errorf("a file has the path %q", f.Name)
		}
	}
	b.want(200, key, "POST", base+"auto?file=webex.csv", "x", "Content-Type", "text/csv")
	if len(asked.Files) != 1 || asked.Files[0].Name != "webex.csv" || string(asked.Files[0].Data) != "x" {
		t.Errorf("asked: %+v", asked.Files)
	}
	b.want(404, key, "POST", base+"nobody", "x", "Content-Type", "text/csv")
	b.want(400, key, "POST", base+"teams", "", "Content-Type", "text/csv")
	b.want(400, key, "POST", base+"teams", text[:len(text)-20], "Content-Type", media)
	b.want(400, key, "POST", base+"teams?subnet_bits=900&mac=x&as=y", "x", "Content-Type", "text/csv")
	b.want(413, key, "POST", base+"teams", strings.NewReader(strings.Repeat("x", 65<<20)), "Content-Type", "text/csv")
	b.want(403, b.key(e911.OrgID(org), apikey.ScopeWrite), "POST", base+"teams", "x", "Content-Type", "text/csv")
	if g := b.want(200, key, "GET", "/products", nil); !strings.Contains(g.text, `"key":"redsky"`) {
		t.Errorf("the products: %s", g.text)
	}
}

// Proves: N-26, F-39
func TestStationsAreToldAsJSONAndAsATable(t *testing.T) {
	b := newBench(t, func(c *api.Config) {
		c.Stations = func(_ context.Context, _ e911.OrgID, site string) (station.Report, error) {
			return station.Report{Org: "harbor", At: epoch, Stations: []station.Row{{Site: site, Key: "=1+1"}}}, nil
		}
	})
	org, _ := b.town()
	key, at := b.key(e911.OrgID(org)), "/organisations/"+org+"/stations?site=mill"
	if g := b.want(200, key, "GET", at, nil); !strings.Contains(g.text, `"site":"mill"`) {
		t.Errorf("as JSON: %s", g.text)
	}
	g := b.want(200, key, "GET", at+"&format=csv", nil)
	if !strings.HasPrefix(g.text, "site,kind,key") || !strings.Contains(g.text, "mill,,'=1+1") || !strings.HasPrefix(g.head.Get("Content-Type"), "text/csv") {
		t.Errorf("as a table: %v %s", g.head, g.text)
	}
	b.want(400, key, "GET", at+"&format=pdf", nil)
}
