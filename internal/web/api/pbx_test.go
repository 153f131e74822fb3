package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/web/api"
)

// withSetup is the people of newPeople with the set-up of their organisations.
func withSetup(t *testing.T) *people {
	t.Helper()
	var p *people
	now := func() time.Time { return epoch }
	p = newPeople(t, func(c *api.Config) {
		c.Setup = func() (*setup.Service, error) {
			editor, err := edit.New(edit.Config{Store: p.bench.st, Layer: layers.USCountyBoundary, Now: now})
			if err != nil {
				return nil, err
			}
			world := func() *snapshot.Snapshot { return published(t, p.bench) }
			return setup.New(setup.Config{Store: p.bench.st, Editor: editor, World: world, Now: now, Door: setup.Door{Domain: "callbox.example"}})
		}
	})
	return p
}

// published is what the store has now, as calls see it.
func published(t *testing.T, b *bench) *snapshot.Snapshot {
	t.Helper()
	all, err := b.st.All(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var changes []snapshot.Change
	for _, r := range all.Rows {
		changes = append(changes, snapshot.Change{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID, Object: r.Value})
	}
	w, err := snapshot.Build(changes, epoch)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return w
}

// Who connects a PBX, who sees and changes its proofs, and who decides of addresses.
//
// Proves: N-44, N-16, E14, W-27
func TestWhoConnectsAPBX(t *testing.T) {
	p := withSetup(t)
	base := "/organisations/" + p.org + "/setup"
	made := p.as("organisation", "POST", base+"/pbxs", map[string]any{"key": "pbx-own", "inbound": "asterisk"})
	secret, _ := made.body["secret"].(string)
	if made.status != 200 || len(secret) < 40 || !strings.HasPrefix(made.body["user"].(string), "pbx-") || !strings.Contains(made.text, "callbox.example") {
		t.Fatalf("an administrator connects his PBX: %d %s", made.status, made.text)
	}
	for _, c := range []struct {
		who, method, path string
		body              map[string]any
		want              int
	}{
		{"provider", "POST", "/pbxs", map[string]any{"key": "x"}, 403}, // he would see the secret
		{"partner", "POST", "/pbxs/pbx-own/secrets/end", map[string]any{"mark": "00000000"}, 404},
		{"site_administrator", "POST", "/pbxs", map[string]any{"key": "x"}, 403},
		{"site_administrator", "GET", "/pbxs?site=key:mill", nil, 400}, // a PBX is of no site
		{"security_desk", "GET", "/pbxs", nil, 403},
		{"integrator", "GET", "/pbxs", nil, 200},
		{"integrator", "POST", "/pbxs", map[string]any{"key": "x"}, 403},
		{"auditor", "POST", "/pbxs/pbx-own/remove", map[string]any{"agree": true}, 403},
		{"user", "GET", "/pbxs", nil, 403},
		{"other admin", "GET", "/pbxs", nil, 404},
		{"other admin", "POST", "/pbxs/pbx-own/secrets", map[string]any{}, 404},
		{"organisation", "PUT", "/pbx_policy", map[string]any{"most": 100, "capacity": 1}, 403},
		{"organisation", "POST", "/pbxs/pbx-own/remove", map[string]any{}, 409},
	} {
		if g := p.as(c.who, c.method, base+c.path, c.body); g.status != c.want {
			t.Errorf("%s, %s %s: %d, want %d: %s", c.who, c.method, c.path, g.status, c.want, g.text)
		}
	}
	if list := p.as("auditor", "GET", base+"/pbxs", nil); list.status != 200 || strings.Contains(list.text, secret) || !strings.Contains(list.text, "pbx-own") {
		t.Errorf("the list: %d %s", list.status, list.text)
	}
	few := p.key(e911.OrgID(p.org), apikey.ScopeRead, apikey.ScopeWrite)
	if g := p.do(few, "POST", base+"/pbxs", map[string]any{"key": "x"}); g.status != 403 {
		t.Errorf("a key without the secrets: %d %s", g.status, g.text)
	}
	// What an administrator may not write of a trunk by any other door.
	if g := p.as("organisation", "POST", "/organisations/"+p.org+"/trunks", map[string]any{
		"key": "gw", "side": "local", "kind": "local", "profile": "plain", "to": "sip:x@169.254.169.254", "from": []string{"127.0.0.77/32"}, "dr_from": []string{},
	}); g.status != 403 {
		t.Errorf("a gateway of his own: %d %s", g.status, g.text)
	}
	p.decide(base)
}

// decide is the way of a request for addresses.
func (p *people) decide(base string) {
	t := p.t
	asked := p.as("organisation", "POST", base+"/pbxs/pbx-own/ranges", map[string]any{"from": []string{"127.0.0.88/32"}, "note": "our border controller"})
	id, _ := asked.body["id"].(string)
	if asked.status != 200 || asked.body["state"] != "requested" {
		t.Fatalf("addresses are asked for: %d %s", asked.status, asked.text)
	}
	path := base + "/range_requests/" + id + "/decide"
	for _, who := range []string{"organisation", "partner", "auditor"} {
		if g := p.as(who, "POST", path, map[string]any{"approve": true}); g.status != 403 {
			t.Errorf("%s decides: %d %s", who, g.status, g.text)
		}
		if g := p.as(who, "GET", "/range_requests", nil); g.status != 403 {
			t.Errorf("%s sees who asks for what: %d %s", who, g.status, g.text)
		}
	}
	if g := p.as("provider", "GET", "/range_requests", nil); g.status != 200 || !strings.Contains(g.text, id) || !strings.Contains(g.text, `"overlaps"`) {
		t.Errorf("the provider sees it: %d %s", g.status, g.text)
	}
	if g := p.as("provider", "POST", path, map[string]any{"approve": true}); g.status != 200 || g.body["state"] != "approved" {
		t.Errorf("the provider decides: %d %s", g.status, g.text)
	}
}
