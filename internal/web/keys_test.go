package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// formUser is a browser without scripts.
type formUser struct {
	t    *testing.T
	base string
	c    *http.Client
	// page is the last one, at where; form is its token.
	page, where, form string
	status            int
}

func newFormUser(t *testing.T, base string) *formUser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &formUser{t: t, base: base, c: &http.Client{Jar: jar}}
}

func (v *formUser) read(resp *http.Response, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.page, v.where, v.status = string(b), resp.Request.URL.String(), resp.StatusCode
	if _, rest, ok := strings.Cut(v.page, `name="form" value="`); ok {
		v.form, _, _ = strings.Cut(rest, `"`)
	}
}

func (v *formUser) get(path string) { v.t.Helper(); v.read(v.c.Get(v.base + path)) }

// post sends a form of the page; pairs are names and values.
func (v *formUser) post(path string, pairs ...string) {
	v.t.Helper()
	in := url.Values{"form": {v.form}}
	for i := 0; i < len(pairs); i += 2 {
		in.Add(pairs[i], pairs[i+1])
	}
	v.read(v.c.PostForm(v.base+path, in))
}

func (v *formUser) signIn(email, password string) {
	v.t.Helper()
	v.get("/sign-in")
	v.post("/sign-in", "email", email, "password", password)
}

var shownKey = regexp.MustCompile(`cbk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}`)

// Proves: N-17, N-42, N-05, C-50
func TestKeysOfProgramsAreMadeChangedAndEndedOnTheirPage(t *testing.T) {
	base, _, _ := peopled(t)
	v := newFormUser(t, base)
	v.get("/keys")
	if !strings.HasSuffix(v.where, "/sign-in") {
		t.Errorf("the page without sign-in: %d at %s", v.status, v.where)
	}
	v.signIn("gus@example.com", guardPassword)
	v.get("/keys")
	if v.status != 200 || strings.Contains(v.page, `value="provider"`) || !strings.Contains(v.page, `value="directory"`) {
		t.Fatalf("the page: %d: %s", v.status, v.page)
	}
	for _, path := range []string{"/keys", "/keys/rotate", "/keys/secret/end", "/keys/end", "/keys/held/end"} {
		resp, err := v.c.PostForm(base+path, url.Values{"name": {"x"}, "scope": {"read"}, "days": {"1"}})
		if err != nil || resp.StatusCode != 403 {
			t.Errorf("%s without the token of the page: %v, %v", path, resp.StatusCode, err)
		}
		resp.Body.Close()
	}
	v.post("/keys", "name", "nightly import", "scope", "read", "scope", "imports", "days", "90")
	key := shownKey.FindStringSubmatch(v.page)
	if v.status != 200 || key == nil || strings.Count(v.page, key[0]) != 1 || strings.Contains(v.where, "cbk_") || strings.Contains(v.where, "?") {
		t.Fatalf("a key is made: %d at %s: %s", v.status, v.where, v.page)
	}
	v.get("/keys")
	for _, want := range []string{"nightly import", "read, imports", "never", "Gus Guard", "cbk_" + key[1]} {
		if !strings.Contains(v.page, want) {
			t.Errorf("the list does not say %q", want)
		}
	}
	if shownKey.MatchString(v.page) {
		t.Error("the key is shown again")
	}
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"no name":                      {[]string{"name", " ", "scope", "read", "days", "1"}, "a key has a name"},
		"no scope":                     {[]string{"name", "x", "days", "1"}, "may do nothing"},
		"a scope that he may not give": {[]string{"name", "x", "scope", "provider", "days", "1"}, "you cannot give the scope provider"},
		"a scope that there is not":    {[]string{"name", "x", "scope", "all", "days", "1"}, "does not exist"},
		"days that are none":           {[]string{"name", "x", "scope", "read", "days", "many"}, "1 to 3650 days"},
	} {
		if v.post("/keys", c.pairs...); v.status < 400 || !strings.Contains(v.page, c.want) || shownKey.MatchString(v.page) {
			t.Errorf("%s: %d, want %q: %s", name, v.status, c.want, v.page)
		}
	}
	v.post("/keys/rotate", "key", key[1], "keep", "24")
	next := shownKey.FindString(v.page)
	if v.status != 200 || next == "" || next == key[0] || strings.Count(v.page, `action="/keys/secret/end"`) != 2 {
		t.Fatalf("a new secret: %d: %s", v.status, v.page)
	}
	if v.post("/keys/secret/end", "key", key[1], "secret", "1"); v.status != 200 || strings.Contains(v.page, `action="/keys/secret/end"`) {
		t.Errorf("its old secret ends: %d", v.status)
	}
	if v.post("/keys/secret/end", "key", key[1], "secret", "2"); v.status != 409 {
		t.Errorf("its only secret ends: %d", v.status)
	}
	if v.post("/keys/rotate", "key", "0000000000000000", "keep", "24"); v.status != 404 {
		t.Errorf("a key that is not there: %d", v.status)
	}
	if v.post("/keys/end", "key", key[1]); v.status != 200 || strings.Contains(v.page, `action="/keys/rotate"`) || !strings.Contains(v.page, "Ended") {
		t.Errorf("the key ends: %d: %s", v.status, v.page)
	}
}

// Proves: C-50, N-17
func TestThePageOfKeysInABrowser(t *testing.T) {
	base, _, members := peopled(t)
	gus, left, _ := beaMakesAKey(t, base, members)
	if err := members.Take(t.Context(), gus.ID, left.Grant.ID, left.Identity.ID); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, 1280, 900, false)
	b.do(chromedp.Navigate(base + "/sign-in"))
	b.until(`document.querySelector('form[action="/sign-in"]') !== null`)
	eval[bool](b, `document.querySelector('[name=email]').value='gus@example.com', document.querySelector('[name=password]').value='`+guardPassword+`', document.querySelector('form[action="/sign-in"]').submit(), true`)
	b.until(`document.getElementById('link')?.dataset.state === 'live'`)
	b.do(chromedp.Navigate(base + "/keys"))
	b.until(`document.querySelector('form[action="/keys"]') !== null`)
	for i, name := range []string{"nightly import of the network map", "Entra ID"} {
		eval[bool](b, fmt.Sprintf(`document.querySelector('[name=name]').value=%q, document.querySelectorAll('[name=scope]')[%d].click(), document.querySelectorAll('[name=scope]')[3].click(), document.querySelector('form[action="/keys"] button').click(), true`, name, 2*i))
		b.until(fmt.Sprintf(`document.getElementById('fresh')?.innerText === %q`, name))
	}
	eval[bool](b, `document.querySelector('form[action="/keys/rotate"] button').click(), true`)
	b.until(`document.querySelectorAll('form[action="/keys/secret/end"]').length === 2`)
	b.until(`document.querySelector('section.held h2')?.innerText.includes('Bea')`)
	for _, width := range []int64{1280, 390} {
		b.do(chromedp.EmulateViewport(width, 900))
		if wide := eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
			t.Errorf("the page is wider than a window of %d", width)
		}
		keepPicture(b, fmt.Sprintf("keys-%d", width))
	}
	unlabelled := eval[int](b, `[...document.querySelectorAll('main input:not([type=hidden]), main select, main button')].filter((e) => !(e.labels?.length || e.innerText || e.ariaLabel)).length`)
	if unlabelled != 0 {
		t.Errorf("%d fields have no label", unlabelled)
	}
	marked := eval[string](b, `(getSelection().selectAllChildren(document.querySelector('.once')), getSelection().toString().trim())`)
	if !shownKey.MatchString(marked) || len(marked) != len(shownKey.FindString(marked)) {
		t.Errorf("what is marked is not the key alone: %d letters", len(marked))
	}
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
	}
}
