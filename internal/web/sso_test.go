package web_test

import (
	"bufio"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/signon/oidc"
	"github.com/callbox911/callbox/internal/signon/oidc/fakeidp"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
)

// ssoSite is the pages with Gus, the administrator of harbor.
type ssoSite struct {
	t    *testing.T
	base string
	fed  *federation.Desk
	now  func() time.Time
}

func newSSO(t *testing.T) *ssoSite {
	t.Helper()
	s := newSite(t, time.Now().UTC()) // an identity provider has no other clock
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, e911.FaultsOf(err))
		}
	}
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, s.Now)
	must(err)
	t.Cleanup(func() { st.Close() })
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(err)
	site := &ssoSite{t: t, base: "http://" + l.Addr().String(), now: s.Now}
	log := slog.New(slog.DiscardHandler)
	client, err := oidc.New(oidc.Config{Now: s.Now, Local: true})
	must(err)
	p := &web.People{Mail: func(string, string, string) bool { return false }}
	p.Federation, err = federation.New(federation.Config{
		Store: func() federation.Store { return st }, Protocols: map[federation.Via]federation.Protocol{federation.ViaOIDC: client},
		Ring: s.ring, BaseURL: site.base, Mail: p.Mail, Now: s.Now, Log: log,
	})
	must(err)
	site.fed = p.Federation
	p.Members, err = member.New(member.Config{Now: s.Now, Store: func() member.Store { return st }, Stays: site.fed.Stays})
	must(err)
	p.SignOn, err = signon.New(signon.Config{Now: s.Now, Log: log, Issuer: "Callbox", Store: func() signon.Store { return st }, Gate: site.fed})
	must(err)
	h, err := web.New(web.Config{Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: site.base, Now: s.Now, Log: log, Lists: &s.lists, People: p})
	must(err)
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { h.Close(); _ = server.Close(); <-done })
	_, err = p.Members.First(t.Context(), "operator", "root@example.com", "Root")
	must(err)
	g, err := p.Members.Give(t.Context(), member.Operator, member.Wish{Email: "gus@example.com", Name: "Gus Guard", Role: access.Organisation, At: access.Node{Org: string(harbor)}})
	must(err)
	must(p.SignOn.SetPassword(t.Context(), g.Identity.ID, "", guardPassword, "", true))
	return site
}

// provide adds an identity provider of harbor that has the domain of Gus.
func (s *ssoSite) provide(issuer, client, secret string) federation.Provider {
	s.t.Helper()
	p, err := s.fed.Save(s.t.Context(), "test", federation.Provider{
		Org: harbor, Key: "corp", Via: federation.ViaOIDC, Name: "Harbor Foods", Domains: []string{"example.com"},
		OIDC: &federation.OIDC{Issuer: issuer, ClientID: client, ClientSecret: e911.Secret(secret)},
	}, true)
	if err != nil {
		s.t.Fatal(err, e911.FaultsOf(err))
	}
	return p
}

// surfer is a browser without scripts.
type surfer struct {
	t    *testing.T
	c    *http.Client
	path string // of the page that is open
	url  *url.URL
	page string
	code int
}

func newSurfer(t *testing.T) *surfer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &surfer{t: t, c: &http.Client{Jar: jar}}
}

func (s *surfer) took(res *http.Response, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.url, s.path, s.page, s.code = res.Request.URL, res.Request.URL.Path, string(b), res.StatusCode
	if to, ok := strings.CutPrefix(res.Header.Get("Refresh"), "0; url="); ok {
		s.open(to)
	}
}

func (s *surfer) open(address string) {
	s.t.Helper()
	s.took(s.c.Get(address)) //nolint:noctx // a browser; took closes it
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	hidden     = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

// send fills in the one form whose action contains that, with its hidden fields.
func (s *surfer) send(action string, fields url.Values) {
	s.t.Helper()
	for _, part := range strings.SplitAfter(s.page, "</form>") {
		m := formAction.FindStringSubmatch(part)
		if m == nil || !strings.Contains(m[1], action) {
			continue
		}
		for _, h := range hidden.FindAllStringSubmatch(part, -1) {
			if !fields.Has(h[1]) {
				fields.Set(h[1], html.UnescapeString(h[2]))
			}
		}
		to, err := s.url.Parse(html.UnescapeString(m[1]))
		if err != nil {
			s.t.Fatal(err)
		}
		s.took(s.c.PostForm(to.String(), fields)) //nolint:noctx // a browser; took closes it
		return
	}
	s.t.Fatalf("no form leads to %s on %s: %s", action, s.path, s.page)
}

// oidcProvider starts oidc-provider of npm and returns its issuer.
func oidcProvider(t *testing.T, callback string) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("no node here: ", err)
	}
	if _, err := os.Stat("../../node_modules/oidc-provider/package.json"); err != nil {
		t.Skip("oidc-provider is not installed, run npm ci: ", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/idp.mjs", callback)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "http://") {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
			return lines.Text()
		}
	}
	t.Fatal("the identity provider did not start: ", lines.Err())
	return ""
}

// Proves: C-60a (against an identity provider of another make)
func TestGusSignsInByOIDCProvider(t *testing.T) {
	s := newSSO(t)
	s.provide(oidcProvider(t, s.base+federation.OIDCPath), "callbox", "a secret for tests")
	b := newSurfer(t)
	b.open(s.base + "/sign-in")
	if !strings.Contains(b.page, `href="/sign-in/sso"`) {
		t.Fatal("the page of sign-in does not lead to organisations")
	}
	b.open(s.base + "/sign-in/sso")
	b.send("/sign-in/sso", url.Values{"email": {"gus@example.com"}})
	b.send("/interaction/", url.Values{"login": {"gus@example.com"}, "password": {"any"}})
	b.send("/interaction/", url.Values{}) // consent
	if b.path != "/calls" || !strings.Contains(b.page, "Harbor Foods") {
		t.Fatalf("he is at %s: %s", b.url, b.page)
	}
	b.open(s.base + "/sign-on")
	if b.code != http.StatusOK || !strings.Contains(b.page, "last used") {
		t.Errorf("the page of sign-on, %d: %s", b.code, b.page)
	}
	b.open(s.base + "/profile")
	if text := html.UnescapeString(b.page); strings.Contains(text, "/profile/password") || !strings.Contains(text, "to change how you sign in here, sign in with your own password") {
		t.Errorf("the profile lets him change credentials: %s", text)
	}
}

// Proves: C-60a; open redirect, state of another browser, no user enumeration; issue 9 "Bad input" (open redirect)
func TestTheWayToAProviderAndBack(t *testing.T) {
	s := newSSO(t)
	idp := fakeidp.New(t, s.now, map[string]any{"sub": "gus", "email": "gus@example.com", "email_verified": true})
	p := s.provide(idp.URL, fakeidp.ClientID, fakeidp.Secret)

	b := newSurfer(t)
	b.open(s.base + "/sign-in/sso/" + p.ID + "?next=https://evil.example/&redirect_uri=https://evil.example/")
	if b.url.Host != strings.TrimPrefix(s.base, "http://") || b.path != "/calls" {
		t.Fatalf("he is at %s", b.url)
	}
	// The callback of one browser opened in another.
	thief := newSurfer(t)
	var callback string
	thief.c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == federation.OIDCPath {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	thief.open(s.base + "/sign-in/sso/" + p.ID)
	victim := newSurfer(t)
	victim.open(callback)
	if victim.code != http.StatusForbidden || !strings.Contains(victim.page, "did not begin in this browser") {
		t.Errorf("the victim is at %s, %d: %s", victim.url, victim.code, victim.page)
	}
	// Who is known makes no difference, the domain does.
	ask := func(email string) (int, string) {
		b := newSurfer(t)
		b.c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.open(s.base + "/sign-in/sso")
		_, rest, _ := strings.Cut(b.page, `name="form" value="`)
		token, _, _ := strings.Cut(rest, `"`)
		res, err := b.c.PostForm(s.base+"/sign-in/sso", url.Values{"form": {token}, "email": {email}}) //nolint:noctx // a browser
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		to, _, _ := strings.Cut(res.Header.Get("Refresh"), "?")
		return res.StatusCode, to
	}
	s1, to1 := ask("gus@example.com")
	s2, to2 := ask("nobody@example.com")
	if s1 != s2 || to1 != to2 || to1 != "0; url="+idp.URL+"/authorize" {
		t.Errorf("one who is known: %d %s; one who is not: %d %s", s1, to1, s2, to2)
	}
	if code, to := ask("gus@elsewhere.example"); code != http.StatusNotFound || to != "" {
		t.Errorf("another domain: %d %s", code, to)
	}
	// A form without the token of the browser.
	res, err := newSurfer(t).c.PostForm(s.base+"/sign-in/sso", url.Values{"email": {"gus@example.com"}}) //nolint:noctx // a browser
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("without a token: %d", res.StatusCode)
	}
	// A provider that is down hurts no password.
	idp.Close()
	b = newSurfer(t)
	b.open(s.base + "/sign-in")
	b.send("/sign-in", url.Values{"email": {"gus@example.com"}, "password": {guardPassword}})
	if b.path != "/calls" {
		t.Errorf("by password he is at %s, %d", b.url, b.code)
	}
}

// Proves: C-60a (by a person, in Chromium)
func TestSignOnInABrowser(t *testing.T) {
	s := newSSO(t)
	idp := fakeidp.New(t, s.now, map[string]any{"sub": "gus", "email": "gus@example.com", "email_verified": true})
	s.provide(idp.URL, fakeidp.ClientID, fakeidp.Secret)
	b := newBrowser(t, 1280, 900, false)
	b.do(chromedp.Navigate(s.base + "/sign-in"))
	b.until(`document.querySelector('a[href="/sign-in/sso"]') !== null`)
	seen(b, "sso-sign-in")
	b.do(chromedp.Navigate(s.base + "/sign-in/sso"))
	b.until(`document.querySelector('form[action="/sign-in/sso"]') !== null`)
	seen(b, "sso-ask")
	eval[bool](b, `document.querySelector('[name=email]').value='gus@example.com', document.querySelector('form[action="/sign-in/sso"] button').click(), true`)
	b.until(`location.pathname === '/calls'`)
	b.do(chromedp.Navigate(s.base + "/sign-on"))
	b.until(`document.querySelector('#provider') !== null`)
	seen(b, "sso-page")
	eval[bool](b, `[...document.querySelectorAll('form')].find(f => f.querySelector('[value=probe]')).querySelector('button').click(), true`)
	b.until(`(document.querySelector('.said') || {}).textContent?.includes('answers')`)
}

// seen keeps pictures of the page at two widths, and refuses one that is too wide.
func seen(b *browser, name string) {
	b.t.Helper()
	for _, x := range []struct {
		width int64
		name  string
	}{{390, "-390"}, {1280, "-1280"}} {
		b.do(chromedp.EmulateViewport(x.width, 900))
		if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
			b.t.Errorf("%s is wider than %d", name, x.width)
		}
		keepPicture(b, name+x.name)
	}
}
