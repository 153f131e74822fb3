package web_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// notPages are addresses that show nobody a page.
var notPages = []string{
	"/healthz", "/readyz", "/robots.txt", "/favicon.ico", "/assets/*", "/events", "/api/", "/calls/{id}/detail", "/tests", "/sign-in/saml/", "/setup/templates/", "/setup/exports/",
	"/setup/import/{id}/{file}", "/sign-in/oidc/callback", "/sign-in/sso/{provider}",
}

func isPage(pattern string) bool {
	for _, p := range notPages {
		if strings.HasPrefix(pattern, p) {
			return false
		}
	}
	return true
}

// withKey are pages that need a token or an id which nobody has here: what they show
// without is a page too.
var withKey = []string{"/invitation", "/reset", "/seen", "/login", "/{", "/help/{topic}"}

var (
	helpLinks = regexp.MustCompile(`href="(/help[^"]*)"`)
	documents = regexp.MustCompile(`More: (docs/[a-z-]+\.md)`)
)

// reader reads pages, and the help that they lead to.
type reader struct {
	t    *testing.T
	base string
	told map[string]string // text by path of help
}

func (r *reader) get(c *http.Client, path string) (status int, html bool, text string) {
	r.t.Helper()
	resp, err := c.Get(r.base + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"), string(b)
}

// resolves asks for a page of help as somebody who is signed in nowhere.
func (r *reader) resolves(link string) {
	r.t.Helper()
	path, part, _ := strings.Cut(link, "#")
	text, ok := r.told[path]
	if !ok {
		var status int
		if status, _, text = r.get(http.DefaultClient, path); status != http.StatusOK {
			r.t.Errorf("%s: %d", link, status)
		}
		r.told[path] = text
		for _, m := range documents.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				r.t.Errorf("%s names %s, which is not there", path, m[1])
			}
		}
	}
	if part != "" && !strings.Contains(text, `id="`+part+`"`) {
		r.t.Errorf("%s: there is no such part", link)
	}
}

// Every page of every room, for nobody and for who may see most, has a link to help
// that is about it, and the page and part that it leads to are there without a sign-in.
//
// Proves: N-46
func TestEveryPageHasHelp(t *testing.T) {
	w, b := newTown(t), newSetUpBench(t, "uma@example.com")
	ann, _ := b.signIn("ann@example.com")
	uma, _ := b.signIn("uma@example.com")
	in := w.browser("organisation", harbor)
	in.http.CheckRedirect = nil
	provider := w.browser("provider", harbor)
	provider.http.CheckRedirect = nil
	r := &reader{t: t, told: map[string]string{}}
	shown := map[string]bool{}
	walk := func(base string, routes []string, c *http.Client) {
		r.base = base
		for _, route := range routes {
			method, pattern, _ := strings.Cut(route, " ")
			if method != http.MethodGet || !isPage(pattern) {
				continue
			}
			path := strings.NewReplacer("{key}", "hq", "{topic}", "calls", "{id}", "0198aaaa-0000-7000-8000-000000000000", "{file}", "x").Replace(pattern)
			status, html, text := r.get(c, path)
			if !html {
				t.Errorf("%s: no page, %d", route, status)
				continue
			}
			shown[pattern] = shown[pattern] || status == http.StatusOK
			links := helpLinks.FindAllStringSubmatch(text, -1)
			about := strings.HasPrefix(pattern, "/help")
			for _, m := range links {
				r.resolves(m[1])
				about = about || m[1] != "/help"
			}
			if !about {
				t.Errorf("%s: %d, and no link to help about it", route, status)
			}
		}
	}
	for _, c := range []*http.Client{http.DefaultClient, in.http, provider.http} {
		walk(w.base, w.handler.Routes(), c)
	}
	for _, c := range []*http.Client{http.DefaultClient, ann.c, uma.c} {
		walk(b.base, b.handler.Routes(), c)
	}
	for pattern, ok := range shown {
		needsKey := false
		for _, k := range withKey {
			needsKey = needsKey || strings.Contains(pattern, k)
		}
		if !ok && !needsKey {
			t.Errorf("nobody was shown %s", pattern)
		}
	}
	if len(shown) < 30 {
		t.Errorf("only %d pages were asked", len(shown))
	}
	_, _, list := r.get(http.DefaultClient, "/help")
	for _, m := range helpLinks.FindAllStringSubmatch(list, -1) {
		r.resolves(m[1])
	}
}
