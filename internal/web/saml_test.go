package web_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/signon/saml"
	"github.com/callbox911/callbox/internal/signon/saml/samltest"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
)

// samlSite is the pages on 127.0.0.1 and an identity provider on localhost, which is
// another site to a browser.
type samlSite struct {
	t        *testing.T
	base     string
	idp      *samltest.IDP
	provider federation.Provider
}

func newSAML(t *testing.T) *samlSite {
	t.Helper()
	s := newSite(t, time.Now().UTC()) // the identity provider has no other clock
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, s.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	log := slog.New(slog.DiscardHandler)
	p := &web.People{Mail: func(string, string, string) bool { return false }}
	if p.Members, err = member.New(member.Config{Now: s.Now, Store: func() member.Store { return st }}); err != nil {
		t.Fatal(err)
	}
	if p.SignOn, err = signon.New(signon.Config{Now: s.Now, Log: log, Issuer: "Callbox", Store: func() signon.Store { return st }}); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := &samlSite{t: t, base: "http://" + l.Addr().String(), idp: samltest.New(t)}
	proto, err := saml.New(saml.Config{BaseURL: site.base, Local: true, Now: s.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	p.SAML = proto
	if p.Federation, err = federation.New(federation.Config{
		Store: func() federation.Store { return st }, Protocols: map[federation.Via]federation.Protocol{federation.ViaSAML: proto},
		Ring: s.ring, BaseURL: site.base, Mail: p.Mail, Now: s.Now, Log: log,
	}); err != nil {
		t.Fatal(err)
	}
	h, err := web.New(web.Config{Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: site.base, Now: s.Now, Log: log, Lists: &s.lists, People: p})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { h.Close(); _ = server.Close(); <-done })

	if _, err := p.Members.First(t.Context(), "operator", "root@example.com", "Root"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Members.Give(t.Context(), member.Operator, member.Wish{Email: "gus@harbor.example", Name: "Gus Guard", Role: access.Organisation, At: access.Node{Org: string(harbor)}}); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	site.provider, err = p.Federation.Save(t.Context(), "root", federation.Provider{
		Org: harbor, Key: "corp", Via: federation.ViaSAML, Name: "Harbor", Domains: []string{"harbor.example"}, SAML: &federation.SAML{MetadataURL: site.idp.MetadataURL()},
	}, true)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	status, text := site.get(site.base + saml.MetadataPath(site.provider.ID))
	if status != 200 || strings.Contains(text, "PRIVATE") {
		t.Fatalf("our metadata: %d %s", status, text)
	}
	if err := site.idp.Trust([]byte(text)); err != nil {
		t.Fatal(err)
	}
	site.idp.SignIn(samltest.Person{Subject: "u-1", Email: "gus@harbor.example", Name: "Gus Guard"})
	return site
}

func (s *samlSite) get(to string) (int, string) {
	s.t.Helper()
	return s.send(http.DefaultClient, http.MethodGet, to, nil, "")
}

// send sends as a browser does: from is the site whose page it is.
func (s *samlSite) send(c *http.Client, method, to string, form url.Values, from string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", from)
		req.Header.Set("Sec-Fetch-Site", map[bool]string{true: "same-origin", false: "cross-site"}[from == s.base])
	}
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Request.URL.Path + "\n" + string(b)
}

// tab is a browser with cookies. With what another site posts it sends none: they are
// SameSite=Lax.
func tab(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// away begins a sign-in and returns what the identity provider's page would post.
func (s *samlSite) away(c *http.Client) (acs string, form url.Values) {
	s.t.Helper()
	status, page := s.send(c, http.MethodGet, s.base+"/sign-in/sso/"+s.provider.ID, nil, "")
	if status != 200 {
		s.t.Fatalf("%d %s", status, page)
	}
	return samltest.Form(s.t, strings.NewReader(page))
}

// again is what our own page posts once more.
func (s *samlSite) again(acs string, form url.Values) url.Values {
	s.t.Helper()
	status, page := s.send(http.DefaultClient, http.MethodPost, acs, form, s.idp.URL)
	if status != 200 {
		s.t.Fatalf("the answer from the other site: %d %s", status, page)
	}
	to, more := samltest.Form(s.t, strings.NewReader(page))
	if s.base+to != acs {
		s.t.Errorf("our page sends to %s", to)
	}
	return more
}

// Proves: C-60a
func TestSomebodySignsInBySAMLThroughThePages(t *testing.T) {
	s, c := newSAML(t), tab(t)
	acs, form := s.away(c)
	more := s.again(acs, form)
	if status, page := s.send(c, http.MethodPost, acs, more, s.base); status != 200 || !strings.HasPrefix(page, "/calls\n") || !strings.Contains(page, "Harbor Foods") {
		t.Fatalf("%d %s", status, page)
	}

	// The same once more, in this browser and in another one.
	for name, who := range map[string]*http.Client{"the browser that used it": c, "another browser": tab(t)} {
		if status, page := s.send(who, http.MethodPost, acs, more, s.base); status != http.StatusForbidden || !strings.Contains(page, "did not begin in this browser") {
			t.Errorf("%s: %d %s", name, status, page)
		}
	}

	// Somebody is made to bring the answer of somebody else (login CSRF).
	victim := tab(t)
	s.away(victim)
	_, foreign := s.away(tab(t))
	if status, page := s.send(victim, http.MethodPost, acs, s.again(acs, foreign), s.base); status != http.StatusForbidden || !strings.Contains(page, "did not begin in this browser") {
		t.Errorf("an answer of another browser: %d %s", status, page)
	}
}

// Proves: C-60a
func TestWhatTheAddressOfAnswersRefuses(t *testing.T) {
	s := newSAML(t)
	acs, good := s.away(tab(t))
	with := func(key, value string) url.Values {
		form := url.Values{}
		for k, v := range good {
			form[k] = append([]string(nil), v...)
		}
		form.Set(key, value)
		return form
	}
	twice := with("x", "y")
	twice["SAMLResponse"] = append(twice["SAMLResponse"], "x")
	status, page := s.get(s.idp.URL + "/unasked?sp=" + url.QueryEscape(s.base+saml.MetadataPath(s.provider.ID)) + "&state=" + good.Get("RelayState"))
	if status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	_, unasked := samltest.Form(t, strings.NewReader(page))
	for _, c := range []struct {
		name, to string
		form     url.Values
		status   int
		want     string
	}{
		{"begun at the identity provider", acs, unasked, 403, "begun at the identity provider"},
		{"an address to go to afterwards (open redirect)", acs, with("RelayState", "https://evil.example/"), 403, "did not begin in this browser"},
		{"no state", acs, with("RelayState", ""), 403, "did not begin in this browser"},
		{"one answer and another", acs, twice, 403, "not complete"},
		{"no answer", acs, url.Values{}, 403, "not complete"},
		{"a megabyte", acs, with("SAMLResponse", strings.Repeat("A", 1<<20)), 403, "too large"},
		{"an answer again, with a script in it", acs, with("again", "1"), 403, "did not begin in this browser"},
		{"the same from another site at another address of ours", s.base + "/sign-in", good, 403, "this form came from another site"},
		{"the same below the address", acs + "/x", good, 403, "this form came from another site"},
		{"the same at sign-out", s.base + "/sign-out", good, 403, "this form came from another site"},
	} {
		status, page := s.send(tab(t), http.MethodPost, c.to, c.form, s.idp.URL)
		if status != c.status || !strings.Contains(page, c.want) {
			t.Errorf("%s: %d %s", c.name, status, page)
		}
	}
	if status, page := s.send(http.DefaultClient, http.MethodPost, acs, with("SAMLResponse", `"><script>alert(1)</script>`), s.idp.URL); strings.Contains(page, "<script>") {
		t.Errorf("what came is written as it is: %d %s", status, page)
	}
	for _, path := range []string{saml.MetadataPath("nobody"), saml.MetadataPath("")} {
		if status, _ := s.get(s.base + path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}

	if status, _ := s.get(acs); status != http.StatusMethodNotAllowed {
		t.Errorf("an answer by GET: %d", status)
	}
}

// A browser of today keeps our cookies from the post of another site, and sends them
// with that of our own page.
//
// Proves: C-60a
func TestSAMLInABrowser(t *testing.T) {
	s := newSAML(t)
	b := newBrowser(t, 390, 800, false)
	b.do(chromedp.Navigate(s.base + "/sign-in/sso/" + s.provider.ID))
	b.until(`location.pathname === '/calls' && document.getElementById('link')?.dataset.state === 'live'`)
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
	}
}
