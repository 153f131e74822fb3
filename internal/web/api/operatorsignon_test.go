package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web/api"
)

// agreeable is a protocol that finds no fault and asks nobody.
type agreeable struct{}

func (agreeable) Faults(federation.Provider) []e911.Fault { return nil }

func (agreeable) Probe(context.Context, federation.Provider) error { return nil }

func (agreeable) Begin(context.Context, federation.Provider, federation.Start) (string, []byte, error) {
	return "https://idp.example/", nil, nil
}

func (agreeable) Finish(context.Context, federation.Provider, federation.Callback, []byte) (federation.Claims, error) {
	return federation.Claims{}, nil
}

// providers is a desk of identity providers over the database that store returns.
func providers(t testing.TB, store func() federation.Store) *federation.Desk {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := federation.New(federation.Config{
		Store: store, Protocols: map[federation.Via]federation.Protocol{federation.ViaOIDC: agreeable{}}, Ring: ring, BaseURL: "https://callbox.example",
		Mail: func(string, string, string) bool { return false }, Now: func() time.Time { return epoch }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Proves: C-60a, N-17, E14
func TestTheOperatorsIdentityProvidersOverTheAPI(t *testing.T) {
	p := newPeople(t)
	const all = "/sign_on/providers"
	wish := map[string]any{
		"key": "staff", "protocol": "oidc", "name": "Our staff", "domains": []any{"Ops.Example"},
		"oidc": map[string]any{"issuer": "https://login.ops.example", "client_id": "callbox", "client_secret": "hush"},
	}
	made := p.want(201, p.operator, "POST", all, wish)
	if made.head.Get("Location") != api.Base+all+"/staff" || made.body["confirmed"] == nil || strings.Contains(made.text, "hush") {
		t.Errorf("made: %s %s", made.head.Get("Location"), made.text)
	}
	p.want(409, p.operator, "POST", all, wish)
	read := p.want(200, p.operator, "GET", all+"/key:staff", nil)
	p.want(304, p.operator, "GET", all+"/staff", nil, "If-None-Match", read.etag())
	wish["name"] = "Staff"
	p.want(428, p.operator, "PUT", all+"/staff", wish)
	p.want(200, p.operator, "PUT", all+"/staff", wish, "If-Match", read.etag())
	p.want(412, p.operator, "PUT", all+"/staff", wish, "If-Match", read.etag())
	p.want(204, p.operator, "POST", all+"/staff/probe", nil)
	p.want(404, p.operator, "POST", all+"/staff/unlink", map[string]any{"email": "ann@example.com"})
	if g := p.want(200, p.operator, "GET", "/organisations/"+p.org+all, nil); strings.Contains(g.text, "staff") {
		t.Errorf("an organisation has the operator's provider: %s", g.text)
	}
	p.want(404, p.operator, "GET", "/organisations/"+p.org+all+"/staff", nil)

	t.Run("what it must have is said", func(t *testing.T) {
		for _, c := range []struct {
			name  string
			wrong map[string]any
			fault string
		}{
			{"no domains", map[string]any{"domains": nil}, "/domains missing"},
			{"roles by group", map[string]any{"roles": []any{map[string]any{"group": "g", "role": "user"}}}, "/roles level"},
			{"a protocol that is not", map[string]any{"protocol": "kerberos"}, "/protocol unknown"},
		} {
			body := map[string]any{}
			for k, v := range wish {
				body[k] = v
			}
			body["key"] = "other"
			for k, v := range c.wrong {
				body[k] = v
			}
			if g := p.do(p.operator, "POST", all, body); g.status != 422 || !strings.Contains(g.faults(), c.fault) {
				t.Errorf("%s: %d %s, want %s", c.name, g.status, g.faults(), c.fault)
			}
		}
	})
	// Whoever changes it can become an administrator of each customer whose domain it has.
	t.Run("whom no role lets into a customer changes none", func(t *testing.T) {
		weak := p.key("", apikey.ScopeProvider, apikey.ScopeRead, apikey.ScopeKeys)
		for _, c := range []struct {
			name string
			do   func(method, path string, body any) got
			read int
		}{
			{"an administrator of the provider reads it", func(m, path string, body any) got { return p.as("provider", m, path, body, "If-Match", "*") }, 200},
			{"an administrator of an organisation does not", func(m, path string, body any) got { return p.as("organisation", m, path, body, "If-Match", "*") }, 403},
			{"nor a partner's", func(m, path string, body any) got { return p.as("partner", m, path, body, "If-Match", "*") }, 403},
			{"a key of the operator's that sets no secrets reads it", func(m, path string, body any) got { return p.do(weak, m, path, body, "If-Match", "*") }, 200},
			{"the key of an organisation does not", func(m, path string, body any) got {
				return p.do(p.key(e911.OrgID(p.org)), m, path, body, "If-Match", "*")
			}, 403},
		} {
			if g := c.do("GET", all+"/staff", nil); g.status != c.read {
				t.Errorf("%s: %d %s", c.name, g.status, g.text)
			}
			for _, change := range []struct {
				method, path string
				body         any
			}{
				{"POST", all, wish},
				{"PUT", all + "/staff", wish},
				{"POST", all + "/staff/probe", nil},
				{"POST", all + "/staff/unlink", map[string]any{"email": "x@example.com"}},
				{"DELETE", all + "/staff", nil},
			} {
				if g := c.do(change.method, change.path, change.body); g.status != http.StatusForbidden {
					t.Errorf("%s: %s %s: %d %s", c.name, change.method, change.path, g.status, g.text)
				}
			}
		}
		if g := p.as("provider", "POST", "/keys", map[string]any{"name": "x", "scopes": []any{"provider", "keys", "secrets"}}); g.status != 403 {
			t.Errorf("a key by which he could: %d %s", g.status, g.text)
		}
	})
	p.want(204, p.operator, "DELETE", all+"/staff", nil, "If-Match", "*")
	p.want(404, p.operator, "GET", all+"/staff", nil)
}
