package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
)

const guardPassword = "ferry lamp under nine"

// peopled is the pages with a guard of harbor who has a password.
func peopled(t *testing.T) (base string, down *atomic.Bool, members *member.Desk) {
	t.Helper()
	s := newSite(t, noon)
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, s.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	down = &atomic.Bool{}
	log := slog.New(slog.DiscardHandler)
	p := &web.People{Mail: func(string, string, string) bool { return false }}
	if p.Members, err = member.New(member.Config{Now: s.Now, Store: func() member.Store {
		if down.Load() {
			return nil
		}
		return st
	}}); err != nil {
		t.Fatal(err)
	}
	if p.SignOn, err = signon.New(signon.Config{Now: s.Now, Log: log, Issuer: "Callbox", Store: func() signon.Store {
		if down.Load() {
			return nil
		}
		return st
	}}); err != nil {
		t.Fatal(err)
	}
	keys, err := apikey.New(apikey.Config{Store: func() apikey.Store { return st }, Ring: s.ring, Now: s.Now, Log: log, Standing: func(ctx context.Context, identity string, org e911.OrgID) (apikey.Standing, error) {
		i, roles, at, err := p.Members.Standing(ctx, identity, org)
		return apikey.Standing{Email: i.Email, Name: i.Name, Disabled: i.Disabled, Roles: roles, At: at}, err
	}})
	if err == nil {
		err = st.Write(t.Context(), "test", func(w admin.Writer) error { // whose keys there are
			_, err := w.Create(t.Context(), e911.Org{ID: harbor, Key: "harbor"})
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Keys = keys
	h, err := web.New(web.Config{Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: "http://localhost", Now: s.Now, Log: log, Lists: &s.lists, People: p})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(func() { h.Close(); server.Close() })
	if _, err := p.Members.First(t.Context(), "operator", "root@example.com", "Root"); err != nil {
		t.Fatal(err)
	}
	g, err := p.Members.Give(t.Context(), member.Operator, member.Wish{Email: "gus@example.com", Name: "Gus Guard", Role: access.Organisation, At: access.Node{Org: string(harbor)}})
	if err == nil {
		err = p.SignOn.SetPassword(t.Context(), g.Identity.ID, "", guardPassword, "", true)
	}
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return server.URL, down, p.Members
}

// Proves: D-12, E14, C-50
func TestWhoIsSignedInSeesTheBoardWhileTheDatabaseIsDown(t *testing.T) {
	base, down, _ := peopled(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	read := func(resp *http.Response, err error) (status int, path, text string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Request.URL.Path, string(b)
	}
	if status, _, _ := read(c.Get(base + "/calls")); status != 401 {
		t.Errorf("the board for a stranger: %d", status)
	}
	_, _, page := read(c.Get(base + "/sign-in"))
	_, rest, _ := strings.Cut(page, `name="form" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	in := url.Values{"form": {token}, "email": {"gus@example.com"}, "password": {guardPassword}, "next": {"https://evil.example/"}}
	status, path, text := read(c.PostForm(base+"/sign-in", in))
	if status != 200 || path != "/calls" || !strings.Contains(text, "Harbor Foods") {
		t.Fatalf("sign-in: %d at %s: %s", status, path, text)
	}
	u, _ := url.Parse(base)
	for _, cookie := range jar.Cookies(u) {
		if cookie.Name == "callbox_form" && cookie.Value == token {
			t.Error("the token of forms is that from before the sign-in")
		}
	}
	down.Store(true)
	if status, path, _ := read(c.Get(base + "/calls")); status != 200 || path != "/calls" {
		t.Errorf("the board while the database is down: %d at %s", status, path)
	}
	if status, _, _ := read(c.Get(base + "/profile")); status != 503 {
		t.Errorf("the profile while the database is down: %d", status)
	}
}

// Proves: C-50, E14
func TestPeopleInABrowser(t *testing.T) {
	base, _, _ := peopled(t)
	b := newBrowser(t, 1180, 900, false)
	b.do(chromedp.Navigate(base + "/sign-in"))
	b.until(`document.querySelector('form[action="/sign-in"]') !== null`)
	eval[bool](b, `document.querySelector('[name=email]').value='gus@example.com', document.querySelector('[name=password]').value='`+guardPassword+`', document.querySelector('form[action="/sign-in"]').submit(), true`)
	b.until(`document.getElementById('link')?.dataset.state === 'live'`)
	for path, want := range map[string]string{"/profile": "Where you are signed in", "/members": "gus@example.com"} {
		b.do(chromedp.Navigate(base + path))
		b.until(`document.querySelector('main.sheet') !== null`)
		if text := eval[string](b, `document.body.innerText`); !strings.Contains(text, want) {
			t.Errorf("%s says %s", path, text)
		}
		if wide := eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
			t.Errorf("%s is wider than the window", path)
		}
		keepPicture(b, "people"+strings.ReplaceAll(path, "/", "-"))
	}
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
	}
}

// keepPicture keeps the page for the eyes of those who work on it.
func keepPicture(b *browser, name string) {
	b.t.Helper()
	dir := os.Getenv("CALLBOX_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}
