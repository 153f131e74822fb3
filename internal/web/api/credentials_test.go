package api_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/api"
)

// ways is Ann's sessions and credentials.
type ways struct{ dropped []string }

func (*ways) Sessions(_ context.Context, who string) ([]signon.Session, error) {
	if who != "ann" {
		return nil, nil
	}
	return []signon.Session{{ID: "here", Identity: "ann"}, {ID: "there", Identity: "ann"}}, nil
}
func (*ways) End(context.Context, string, []string, bool) error { return nil }
func (*ways) AskedForLink(netip.Addr, string) error             { return nil }
func (*ways) Own(context.Context, string) ([]signon.Shown, error) {
	return []signon.Shown{{ID: "k1", Kind: signon.Passkey, Name: "Laptop", Made: epoch, Host: "callbox.example.com"}}, nil
}

func (w *ways) Drop(_ context.Context, in signon.Session, id string) error {
	if in.ID == "there" {
		return signon.ErrProve
	}
	w.dropped = append(w.dropped, in.ID+" "+id)
	return nil
}

// Proves: C-60a, E14
func TestOnesOwnCredentialsOverTheAPI(t *testing.T) {
	w := &ways{}
	p := newBench(t, func(c *api.Config) {
		var err error
		if c.Members, err = member.New(member.Config{Store: func() member.Store { return nil }, Now: func() time.Time { return epoch }}); err != nil {
			t.Fatal(err)
		}
		c.SignOn = w
		c.Person = func(r *http.Request) (api.Person, bool, error) {
			id, session, ok := strings.Cut(r.Header.Get(personHead), " in ")
			return api.Person{Identity: id, Session: session}, ok, nil
		}
		c.Session = func(r *http.Request) (e911.OrgID, bool) { return "", false }
	})
	as := func(who, method, path string) got {
		return p.do("", method, path, nil, "Authorization", "", personHead, who, "X-Callbox-Request", "1")
	}
	if g := as("ann in here", "GET", "/profile/credentials"); g.status != 200 || !strings.Contains(g.text, `"name":"Laptop"`) {
		t.Errorf("%d %s", g.status, g.text)
	}
	for who, want := range map[string]int{"ann in here": 204, "ann in there": 403, "ann in another": 403, "bob in here": 403} {
		if g := as(who, "DELETE", "/profile/credentials/k1"); g.status != want {
			t.Errorf("%s: %d, want %d: %s", who, g.status, want, g.text)
		}
	}
	if g := p.do(p.operator, "GET", "/profile/credentials", nil); g.status != 403 {
		t.Errorf("a key has credentials: %d", g.status)
	}
	if len(w.dropped) != 1 || w.dropped[0] != "here k1" {
		t.Errorf("dropped: %q", w.dropped)
	}
}
