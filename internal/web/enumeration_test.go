package web_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/signon/passkey"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
)

// quiet is a protocol whose providers are always there.
type quiet struct{}

func (quiet) Faults(federation.Provider) []e911.Fault          { return nil }
func (quiet) Probe(context.Context, federation.Provider) error { return nil }
func (quiet) Begin(_ context.Context, _ federation.Provider, s federation.Start) (string, []byte, error) {
	return "https://idp.example/?state=" + s.State + "&hint=" + url.QueryEscape(s.Hint), nil, nil
}

func (quiet) Finish(context.Context, federation.Provider, federation.Callback, []byte) (federation.Claims, error) {
	return federation.Claims{}, errors.New("nobody comes back in this test")
}

// crowd is the pages with people of every kind, and counts what a request makes them do.
type crowd struct {
	t       *testing.T
	base    string
	people  *web.People
	derived atomic.Int64
	opened  atomic.Int64 // transactions
	wrote   atomic.Int64 // rows that remember a link, or that somebody asked for one
	mails   atomic.Int64
	clock   atomic.Int64 // seconds past noon
}

func (c *crowd) now() time.Time { return noon.Add(time.Duration(c.clock.Load()) * time.Second) }

// derive stands for Argon2id: it is counted, and takes no time.
func (c *crowd) derive(password, salt []byte, _, _ uint32, _ uint8, n uint32) []byte {
	c.derived.Add(1)
	h := sha256.Sum256(append(slices.Clone(salt), password...))
	return h[:n]
}

// counted is a store whose transactions are counted.
type counted struct {
	*sqlite.Store
	c *crowd
}

func (s counted) ReadSignOn(ctx context.Context, do func(signon.Tx) error) error {
	s.c.opened.Add(1)
	return s.Store.ReadSignOn(ctx, do)
}

func (s counted) WriteSignOn(ctx context.Context, who admin.Actor, do func(signon.Tx) error) error {
	s.c.opened.Add(1)
	return s.Store.WriteSignOn(ctx, who, do)
}

func (s counted) ReadFederation(ctx context.Context, do func(federation.Tx) error) error {
	s.c.opened.Add(1)
	return s.Store.ReadFederation(ctx, do)
}

func (s counted) ReadMembers(ctx context.Context, do func(member.Tx) error) error {
	s.c.opened.Add(1)
	return s.Store.ReadMembers(ctx, do)
}

func (s counted) WriteMembers(ctx context.Context, who admin.Actor, do func(member.Tx) error) error {
	s.c.opened.Add(1)
	return s.Store.WriteMembers(ctx, who, func(tx member.Tx) error { return do(countedTx{tx, s.c}) })
}

type countedTx struct {
	member.Tx
	c *crowd
}

func (t countedTx) PutLink(ctx context.Context, l member.Link) error {
	t.c.wrote.Add(1)
	return t.Tx.PutLink(ctx, l)
}

func (t countedTx) UseOnce(ctx context.Context, hash []byte, until, now time.Time) error {
	t.c.wrote.Add(1)
	return t.Tx.UseOnce(ctx, hash, until, now)
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{t: t}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, e911.FaultsOf(err))
		}
	}
	s, ctx := newSite(t, noon), t.Context()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, c.now)
	must(err)
	t.Cleanup(func() { db.Close() })
	st := counted{db, c}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	must(err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c.base = "http://localhost:" + port
	party, err := passkey.New(c.base, "Callbox")
	must(err)
	log := slog.New(slog.DiscardHandler)
	c.people = &web.People{Mail: func(string, string, string) bool { c.mails.Add(1); return true }}
	c.people.Federation, err = federation.New(federation.Config{
		Store: func() federation.Store { return st }, Protocols: map[federation.Via]federation.Protocol{federation.ViaOIDC: quiet{}}, Ring: s.ring, BaseURL: c.base,
		Mail: c.people.Mail, Now: c.now, Log: log,
	})
	must(err)
	c.people.Members, err = member.New(member.Config{Now: c.now, Mails: true, Store: func() member.Store { return st }})
	must(err)
	c.people.SignOn, err = signon.New(signon.Config{
		Now: c.now, Log: log, Issuer: "Callbox", Passkeys: party, Ring: s.ring, Mail: c.people.Mail, Store: func() signon.Store { return st }, Gate: c.people.Federation, Derive: c.derive,
	})
	must(err)
	h, err := web.New(web.Config{Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: c.base, Now: c.now, Log: log, Lists: &s.lists, People: c.people})
	must(err)
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { h.Close(); _ = server.Close(); <-done })
	must(st.WriteFederation(ctx, "test", func(tx federation.Tx) error { return c.settle(ctx, tx) }))
	for _, who := range []string{"ann", "tim", "dis", "sam"} {
		must(c.people.SignOn.SetPassword(ctx, who, "", guardPassword, "", true))
	}
	must(c.people.Members.Disable(ctx, "root", "dis", true))
	return c
}

// settle makes the people: Ann has a password, Tim one-time codes too, Pia a passkey
// alone, Ivo an invitation, Dis was shut out, Sam's organisation forces its provider.
func (c *crowd) settle(ctx context.Context, tx federation.Tx) error {
	org := access.Node{Org: string(harbor)}
	var all []error
	for _, x := range []struct {
		id   string
		role access.Role
		at   access.Node
	}{
		{"root", access.Provider, access.Node{}},
		{"ann", access.Auditor, access.Node{}},
		{"tim", access.Auditor, access.Node{}},
		{"pia", access.Auditor, access.Node{}},
		{"ivo", access.Auditor, access.Node{}},
		{"dis", access.Auditor, access.Node{}},
		{"sam", access.User, org},
	} {
		all = append(all, tx.CreateIdentity(ctx, member.Identity{ID: x.id, Email: x.id + "@corp.example", Name: x.id, Made: noon}),
			tx.AddGrant(ctx, member.Grant{Grant: access.Grant{ID: e911.NewID[string](), Identity: x.id, Role: x.role, At: x.at}, Made: noon}))
	}
	_, err := tx.PutProvider(ctx, federation.Provider{
		ID: "p1", Org: harbor, Key: "corp", Via: federation.ViaOIDC, Name: "Corp", Domains: []string{"corp.example"}, Confirmed: []string{"corp.example"}, OIDC: &federation.OIDC{},
	})
	_, err2 := tx.PutPolicy(ctx, federation.Policy{Org: harbor, Force: true})
	return errors.Join(append(all, err, err2,
		tx.PutCredential(ctx, signon.Credential{ID: "t", Identity: "tim", Kind: signon.TOTP, Data: []byte("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), Made: noon}),
		tx.PutCredential(ctx, signon.Credential{ID: "AAAAAAAAAAAAAAAAAAAAAA", Identity: "pia", Kind: signon.Passkey, Data: []byte(`{"handle":"AA==","key":"AA==","party":"localhost"}`), Made: noon}))...)
}

// outside is what somebody outside sees of an answer, and what it took.
type outside struct {
	Status       int
	Head, Cookie []string // names; values but those that are random
	Body         string   // with what was typed, and what is random, masked
	Derived      int64
	Opened       int64
	Wrote        int64
}

var random = regexp.MustCompile(`(name="form" value="|state=|"challenge":"|name="t" value=")[A-Za-z0-9_-]{20,}`)

// ask opens a page in a new browser and sends a form of it.
func (c *crowd) ask(page, to string, fields url.Values) outside {
	c.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	read := func(method, path string, in url.Values) (*http.Response, string) {
		req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(in.Encode()))
		if err != nil {
			c.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(req)
		if err != nil {
			c.t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			c.t.Fatal(err)
		}
		return res, string(text)
	}
	_, text := read(http.MethodGet, page, nil)
	_, rest, _ := strings.Cut(text, `name="form" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	in := maps.Clone(fields)
	in.Set("form", token)
	derived, opened, wrote := c.derived.Load(), c.opened.Load(), c.wrote.Load()
	res, text := read(http.MethodPost, to, in)
	out := outside{Status: res.StatusCode, Derived: c.derived.Load() - derived, Opened: c.opened.Load() - opened, Wrote: c.wrote.Load() - wrote}
	mask := func(s string) string {
		for _, typed := range []string{fields.Get("email"), url.QueryEscape(fields.Get("email")), fields.Get("t")} {
			if typed != "" {
				s = strings.ReplaceAll(s, typed, "TYPED")
			}
		}
		return random.ReplaceAllString(s, "${1}RANDOM")
	}
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		switch name {
		case "Date", "Content-Length", "Set-Cookie":
			out.Head = append(out.Head, name)
		default:
			out.Head = append(out.Head, name+": "+mask(strings.Join(res.Header[name], ", ")))
		}
	}
	for _, k := range res.Cookies() {
		out.Cookie = append(out.Cookie, k.Name)
	}
	out.Body = mask(text)
	return out
}

// Nobody learns from an answer, or from what it takes, who is known here, how he signs
// in, whether he was shut out, and whom his organisation sends to its provider.
//
// Proves: C-60a, E14; issue 9 "no user enumeration"
func TestNobodyLearnsWhoIsKnown(t *testing.T) {
	kinds := []string{"ann", "tim", "pia", "ivo", "dis", "sam"}
	same := func(t *testing.T, what string, want, got outside) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is told from somebody who is not known:\n%s", what, diff)
		}
	}
	t.Run("signing in", func(t *testing.T) {
		c := newCrowd(t)
		try := func(who string) outside {
			return c.ask("/sign-in", "/sign-in", url.Values{"email": {who + "@corp.example"}, "password": {"not the password"}})
		}
		want := try("nobody")
		if want.Status != http.StatusForbidden || want.Derived != 1 {
			t.Errorf("somebody who is not known: %d, %d keys derived", want.Status, want.Derived)
		}
		try("somebody")
		for _, who := range kinds {
			same(t, who, want, try(who))
		}
		same(t, "a code that comes with it", c.ask("/sign-in", "/sign-in", url.Values{"email": {"nobody@corp.example"}, "password": {"x"}, "code": {"123456"}}),
			c.ask("/sign-in", "/sign-in", url.Values{"email": {"tim@corp.example"}, "password": {"x"}, "code": {"123456"}}))
		same(t, "the right password of one who was shut out", want, c.ask("/sign-in", "/sign-in", url.Values{"email": {"dis@corp.example"}, "password": {guardPassword}}))
		for range 9 { // until both have to wait
			same(t, "ann, who is tried again and again", try("somebody"), try("ann"))
		}
		if last := try("ann"); last.Derived != 0 || !strings.Contains(last.Body, "wait") {
			t.Errorf("after many tries %d keys are derived: %s", last.Derived, last.Body)
		}
	})
	t.Run("a forgotten password", func(t *testing.T) {
		c := newCrowd(t)
		try := func(who string) outside {
			return c.ask("/forgotten", "/forgotten", url.Values{"email": {who}})
		}
		before := c.mails.Load()
		want := try("nobody@corp.example")
		if want.Status != http.StatusOK || want.Wrote != 1 || c.mails.Load() != before {
			t.Errorf("somebody who is not known: %+v", want)
		}
		for _, who := range kinds {
			same(t, who, want, try(who+"@corp.example"))
		}
		if n := c.mails.Load() - before; n != int64(len(kinds)-1) {
			t.Errorf("%d mails: none is for who was shut out", n)
		}
	})
	t.Run("the way to one's provider", func(t *testing.T) {
		c := newCrowd(t)
		try := func(email string) outside { return c.ask("/sign-in/sso", "/sign-in/sso", url.Values{"email": {email}}) }
		want := try("nobody@corp.example")
		if want.Status != http.StatusOK || !strings.Contains(strings.Join(want.Head, " "), "https://idp.example/") {
			t.Errorf("somebody who is not known: %+v", want)
		}
		for _, who := range kinds {
			same(t, who, want, try(who+"@corp.example"))
		}
		same(t, "one of a domain that nobody has", try("nobody@elsewhere.example"), try("ann@elsewhere.example"))
	})
	t.Run("a passkey", func(t *testing.T) {
		c := newCrowd(t)
		try := func(who string) outside {
			return c.ask("/sign-in", "/sign-in/passkey/begin", url.Values{"email": {who + "@corp.example"}})
		}
		want := try("nobody")
		if want.Status != http.StatusOK || !strings.Contains(want.Body, `"challenge":"RANDOM`) || want.Opened != 0 {
			t.Errorf("somebody who is not known: %+v", want)
		}
		for _, who := range kinds {
			same(t, who, want, try(who))
		}
	})
	t.Run("an invitation", func(t *testing.T) {
		c := newCrowd(t)
		ctx := t.Context()
		link := func(who string, life time.Duration) string {
			_, secret, err := c.people.Members.NewLink(ctx, who+"@corp.example", member.LinkInvitation, life)
			if err != nil || secret == "" {
				t.Fatal(secret, err)
			}
			return secret
		}
		used, late, shut := link("ivo", time.Hour), link("pia", time.Second), link("sam", time.Hour)
		if _, err := c.people.Members.Follow(ctx, used, member.LinkInvitation); err != nil {
			t.Fatal(err)
		}
		if err := c.people.Members.Disable(ctx, "root", "sam", true); err != nil {
			t.Fatal(err)
		}
		c.clock.Add(60)
		try := func(secret string) outside {
			return c.ask("/sign-in", "/invitation", url.Values{"t": {secret}, "password": {"ferry lamp under nine"}})
		}
		want := try(strings.Repeat("A", len(used)))
		if want.Status != http.StatusForbidden || want.Derived != 0 {
			t.Errorf("a link that never was: %+v", want)
		}
		same(t, "one who used his", want, try(used))
		same(t, "one whose link has expired", want, try(late))
		same(t, "one who was shut out", want, try(shut))
	})
}
