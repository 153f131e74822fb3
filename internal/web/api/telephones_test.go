package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/web/api"
)

// phones has a telephone of Nia's, and tells of each change who made it.
type phones struct {
	said []string
	over bool
}

func (p *phones) note(what string, who admin.Actor, email string) error {
	if p.over {
		return ownphone.ErrTooMany
	}
	p.said = append(p.said, what+" "+email)
	if who == "" {
		return e911.Errorf(e911.Internal, "nobody does it")
	}
	return nil
}

func (*phones) Of(_ e911.OrgID, email string) (ownphone.Own, error) {
	return ownphone.Own{Domain: "phones.example", Phones: []ownphone.Phone{{ID: "d1", Name: "desk of " + email}}}, nil
}

func (p *phones) SetUp(_ context.Context, who admin.Actor, _ e911.OrgID, email string, w ownphone.Wish) (ownphone.Made, error) {
	return ownphone.Made{Phone: ownphone.Phone{ID: "d1", Name: w.Name}, Password: "shown-this-once"}, p.note("sets up", who, email)
}

func (p *phones) Renew(_ context.Context, who admin.Actor, _ e911.OrgID, email string, id e911.DeviceID) (ownphone.Made, error) {
	return ownphone.Made{Password: "another"}, p.note("renews "+string(id), who, email)
}

func (p *phones) Remove(_ context.Context, who admin.Actor, _ e911.OrgID, email string, id e911.DeviceID) error {
	return p.note("removes "+string(id), who, email)
}

// Proves: C-64, E14, N-17
func TestOnesOwnTelephonesOverTheAPI(t *testing.T) {
	var b *bench
	now := func() time.Time { return epoch }
	desk, err := member.New(member.Config{Store: func() member.Store { return b.st }, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	has := &phones{}
	b = newBench(t, func(c *api.Config) {
		c.Members, c.Telephones = desk, has
		c.Person = func(r *http.Request) (api.Person, bool, error) {
			id := r.Header.Get(personHead)
			return api.Person{Identity: id, Session: "s"}, id != "", nil
		}
		c.Session = func(*http.Request) (e911.OrgID, bool) { return "", false }
	})
	org := b.want(201, b.operator, "POST", "/organisations", map[string]any{"key": "works", "demonstration": true}).id()
	b.want(201, b.operator, "POST", "/organisations", map[string]any{"key": "quay", "demonstration": true})
	who := map[string]string{}
	by, at := member.Operator, access.Node{Org: org}
	for _, w := range []member.Wish{{Email: "ada@example.com", Role: access.Organisation, At: at}, {Email: "nia@example.com", Role: access.User, At: at}, {Email: "aud@example.com", Role: access.Auditor, At: at}} {
		g, err := desk.Give(t.Context(), by, w)
		if err != nil {
			t.Fatal(err, e911.FaultsOf(err))
		}
		who[w.Email[:3]] = g.Identity.ID
		if by == member.Operator {
			by = g.Identity.ID
		}
	}
	as := func(name, method, path string, body any) got {
		return b.do("", method, path, body, "Authorization", "", personHead, who[name], "X-Callbox-Request", "1")
	}
	const list = "/profile/telephones"
	for _, c := range []struct {
		name, who, method, path string
		body                    any
		status                  int
		says                    string
	}{
		{"hers", "nia", "GET", list + "?org=key:works", nil, 200, "desk of nia@example.com"},
		{"no organisation is named", "nia", "GET", list, nil, 422, "?org="},
		{"one that she has nothing to do with", "nia", "GET", list + "?org=key:quay", nil, 404, "there is no such organisation"},
		{"she sets one up", "nia", "POST", list + "?org=key:works", map[string]any{"name": "my desk"}, 201, `"password":"shown-this-once"`},
		{"a field that is none", "nia", "POST", list + "?org=key:works", map[string]any{"secret": "mine"}, 422, "secret"},
		{"she renews it", "nia", "POST", list + "/d1/password?org=key:works", nil, 201, `"another"`},
		{"and takes it away", "nia", "DELETE", list + "/d1/password?org=key:works", nil, 204, ""},
	} {
		if g := as(c.who, c.method, c.path, c.body); g.status != c.status || !strings.Contains(g.text, c.says) {
			t.Errorf("%s: %d, want %d with %q: %s", c.name, g.status, c.status, c.says, g.text)
		}
	}
	if want := "sets up nia@example.com, renews d1 nia@example.com, removes d1 nia@example.com"; strings.Join(has.said, ", ") != want {
		t.Errorf("done: %q", has.said)
	}
	if g := b.do(b.operator, "GET", list+"?org=key:works", nil); g.status != 403 {
		t.Errorf("a key has telephones: %d", g.status)
	}
	has.over = true
	if g := as("nia", "POST", list+"?org=key:works", map[string]any{}); g.status != 429 {
		t.Errorf("too often: %d %s", g.status, g.text)
	}
}
