package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
	"github.com/callbox911/callbox/internal/web/oauth"
)

// served is the API and the exchange of keys on a port.
func (b *bench) served() string {
	b.t.Helper()
	h, err := oauth.New(oauth.Config{Keys: b.keys, BaseURL: "http://127.0.0.1", Now: func() time.Time { return epoch }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if oauth.Serves(r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		b.h.ServeHTTP(w, r)
	}))
	b.t.Cleanup(server.Close)
	return server.URL
}

// The page's commands, as they stand there.
//
// Proves: N-17, N-42
func TestTheCommandsOfThePageOfProgramsDoWhatItSays(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the page's commands need %s", tool)
		}
	}
	page, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "## Programs")
	_, rest, ok2 := strings.Cut(rest, "```sh\n")
	commands, _, ok3 := strings.Cut(rest, "```")
	if !ok || !ok2 || !ok3 {
		t.Fatal("the page has no commands")
	}
	b := newBench(t, nil)
	org, _ := b.town()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Env = append(os.Environ(), "CALLBOX="+b.served(), "ADMIN="+b.key(e911.OrgID(org)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the page's commands: %v\n%s", err, out)
	}
	var scopes []string
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var self api.Self
		if err := dec.Decode(&self); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		scopes = append(scopes, strings.Join(self.Scopes, "+"))
	}
	if got := strings.Join(scopes, " "); got != "read+imports read read+imports" {
		t.Errorf("the key, its token and its next secret may %s", got)
	}
	keys := b.want(200, b.operator, "GET", "/organisations/"+org+"/keys", nil)
	if !strings.Contains(keys.text, `"name":"nightly import"`) || !strings.Contains(keys.text, `"revoked":"`) {
		t.Errorf("after the commands: %s", keys.text)
	}
}

// Proves: N-17
func TestEveryPlaceListsTheSameScopes(t *testing.T) {
	page, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, nil)
	document, err := b.h.Document(false)
	if err != nil {
		t.Fatal(err)
	}
	listed := b.want(200, "", "GET", "/scopes", nil).text
	rows := 0
	for _, r := range apikey.Scopes() {
		if row := fmt.Sprintf("| `%s` | %s |\n", r.Scope, r.Allows); !strings.Contains(string(page), row) {
			t.Errorf("docs/api.md does not have the row %s", row)
		}
		if !strings.Contains(string(document), fmt.Sprintf("%q: %q", r.Scope, r.Allows)) || !strings.Contains(listed, fmt.Sprintf(`"scope":%q`, r.Scope)) {
			t.Errorf("the document or /scopes does not have %s", r.Scope)
		}
		rows++
	}
	_, table, _ := strings.Cut(string(page), "| scope | allows |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if n := strings.Count(table, "\n") + 1; n != rows {
		t.Errorf("docs/api.md lists %d scopes, there are %d", n, rows)
	}
}

// Proves: E14, N-17, N-42
func TestNobodyGetsMoreByRotatingAKeyThanHeMayGive(t *testing.T) {
	p := newPeople(t)
	base := "/organisations/" + p.org + "/keys"
	strong := p.want(201, p.operator, "POST", base, map[string]any{"name": "strong", "scopes": []any{"read", "calls"}}).id()
	weak := p.key(e911.OrgID(p.org), apikey.ScopeKeys, apikey.ScopeRead)
	if g := p.do(weak, "POST", base+"/"+strong+"/secrets", map[string]any{"keep_hours": 1}); g.status != 403 {
		t.Errorf("a key that sees no calls takes over one that does: %d %s", g.status, g.text)
	}
	if g := p.as("partner", "POST", base+"/"+strong+"/secrets", map[string]any{"keep_hours": 1}); g.status != 403 {
		t.Errorf("a partner takes over a key that sees calls: %d %s", g.status, g.text)
	}
	g := p.as("organisation", "POST", base+"/"+strong+"/secrets", map[string]any{"keep_hours": 1})
	if g.status != 201 || !strings.Contains(g.text, `"secret":"cbk_`+strong) || !strings.Contains(g.text, `"ends":"`) {
		t.Errorf("an administrator rotates it: %d %s", g.status, g.text)
	}
	if g := p.as("organisation", "POST", base+"/"+strong+"/secrets", map[string]any{"keep_hours": 1 << 40}); g.status != 422 || g.faults() != "/keep_hours range" {
		t.Errorf("for a hundred million years: %d %s", g.status, g.text)
	}
	if g := p.as("partner", "DELETE", base+"/"+strong+"/secrets/1", nil); g.status != 204 { // ending is not taking over
		t.Errorf("a partner ends a secret: %d %s", g.status, g.text)
	}
	if g := p.as("organisation", "DELETE", base+"/"+strong+"/secrets/2", nil); g.status != 409 {
		t.Errorf("the only secret: %d %s", g.status, g.text)
	}
}
