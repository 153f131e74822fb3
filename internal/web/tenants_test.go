package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
	"github.com/callbox911/callbox/internal/web/signin"
)

// town is the pages with somebody for each role.
type town struct {
	t       *testing.T
	base    string
	site    *site
	handler *web.Handler
	desk    *member.Desk
	signon  *signon.Desk
	who     map[string]string // identity by what he is
	partner string
	people  *web.People
	mu      sync.Mutex
	mails   []string
}

func (w *town) mail(to, subject, text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mails = append(w.mails, to+"\n"+subject+"\n"+text)
	return false
}

func newTown(t *testing.T) *town {
	t.Helper()
	s := newSite(t, noon)
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, s.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	log := slog.New(slog.DiscardHandler)
	w := &town{t: t, site: s, who: map[string]string{}}
	if w.desk, err = member.New(member.Config{Now: s.Now, Store: func() member.Store { return st }}); err != nil {
		t.Fatal(err)
	}
	if w.signon, err = signon.New(signon.Config{Now: s.Now, Log: log, Issuer: "Callbox", Store: func() signon.Store { return st }}); err != nil {
		t.Fatal(err)
	}
	made := []e911.Org{{ID: harbor, Key: "harbor", Name: "Harbor Foods"}, {ID: summit, Key: "summit", Name: "Summit Clinics"}}
	keys, err := apikey.New(apikey.Config{Store: func() apikey.Store { return st }, Ring: s.ring, Now: s.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	providers, err := federation.New(federation.Config{Store: func() federation.Store { return st }, Ring: s.ring, BaseURL: "http://localhost", Mail: w.mail, Now: s.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := member.NewAccounts(member.AccountsConfig{
		Members: w.desk, Mail: w.mail,
		Orgs: func(context.Context) ([]e911.Org, error) { return made, nil },
		Make: func(_ context.Context, _ admin.Actor, o e911.Org) (e911.Org, error) {
			o.ID = e911.NewID[e911.OrgID]()
			made = append(made, o)
			return o, nil
		},
		Unmake: func(context.Context, admin.Actor, e911.OrgID) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.people = &web.People{SignOn: w.signon, Members: w.desk, Accounts: accounts, Keys: keys, Federation: providers, Mail: w.mail, Sites: func(id e911.OrgID) []signin.Site {
		return []signin.Site{{ID: "hq", Name: "Harbor House"}, {ID: "pier", Name: "Pier 4"}}
	}}
	w.handler, err = web.New(web.Config{
		Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: "http://localhost", Now: s.Now, Log: log, Lists: &s.lists,
		People: w.people,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.handler)
	t.Cleanup(func() { w.handler.Close(); server.Close() })
	w.base = server.URL
	w.fill()
	return w
}

func (w *town) give(what, by string, wish member.Wish) {
	w.t.Helper()
	wish.Email, wish.Name = strings.ReplaceAll(what, " ", "-")+"@example.com", strings.ToUpper(what[:1])+what[1:]
	g, err := w.desk.Give(w.t.Context(), by, wish)
	if err != nil {
		w.t.Fatal(what, err, e911.FaultsOf(err))
	}
	w.who[what] = g.Identity.ID
}

func (w *town) fill() {
	w.t.Helper()
	ctx, at := w.t.Context(), access.Node{Org: string(harbor)}
	north, err := w.desk.AddPartner(ctx, member.Operator, "north", "North Telecom")
	if err != nil {
		w.t.Fatal(err)
	}
	south, err := w.desk.AddPartner(ctx, member.Operator, "south", "South Voice")
	if err != nil {
		w.t.Fatal(err)
	}
	w.partner = north.ID
	w.give("provider", member.Operator, member.Wish{Role: access.Provider})
	w.give("partner", member.Operator, member.Wish{Role: access.Partner, At: access.Node{Partner: north.ID}})
	w.give("other partner", member.Operator, member.Wish{Role: access.Partner, At: access.Node{Partner: south.ID}})
	w.give("organisation", member.Operator, member.Wish{Role: access.Organisation, At: at})
	w.give("other admin", member.Operator, member.Wish{Role: access.Organisation, At: access.Node{Org: string(summit)}})
	admin := w.who["organisation"]
	w.give("site administrator", admin, member.Wish{Role: access.Site, At: access.Node{Org: string(harbor), Site: "hq"}})
	w.give("security desk", admin, member.Wish{Role: access.Desk, At: at})
	w.give("auditor", admin, member.Wish{Role: access.Auditor, At: at})
	w.give("integrator", admin, member.Wish{Role: access.Integrator, At: at})
	w.give("user", admin, member.Wish{Role: access.User, At: at})
	w.give("support", admin, member.Wish{Role: access.Auditor, At: at, Support: true, Until: noon.Add(48 * time.Hour), Reason: "the trunk is down"})
	tr, err := w.desk.AskTransfer(ctx, member.Operator, harbor, north.ID)
	for _, by := range []string{w.who["partner"], admin} {
		if err == nil {
			_, err = w.desk.Agree(ctx, by, tr.ID)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// sender is a browser in which somebody is signed in; "" is nobody. Form is the token of
// its forms.
type sender struct {
	t    *testing.T
	base string
	http *http.Client
	form string
}

func (w *town) browser(who string, org e911.OrgID) *sender {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &sender{t: w.t, base: w.base, form: strings.Repeat("f", 43), http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	u, _ := url.Parse(w.base)
	cookies := []*http.Cookie{{Name: "callbox_form", Value: b.form, Path: "/"}, {Name: "callbox_org", Value: string(org), Path: "/"}}
	if who != "" {
		_, secret, err := w.signon.Admit(w.t.Context(), w.who[who], signon.Admission{By: []string{"password"}, Address: netip.MustParseAddr("127.0.0.1"), Agent: "test"})
		if err != nil {
			w.t.Fatal(who, err)
		}
		cookies = append(cookies, &http.Cookie{Name: "callbox_person", Value: secret, Path: "/"})
	}
	jar.SetCookies(u, cookies)
	return b
}

func (b *sender) do(method, path string, form url.Values) (status int, where, text string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location"), string(body)
}

func (b *sender) get(path string) (status int, where, text string) {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

func (b *sender) post(path string, pairs ...string) (status int, where, text string) {
	b.t.Helper()
	form := url.Values{"form": {b.form}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

// The routes that a form of ours does not send, and what guards them in place of the
// token of forms.
var formless = map[string]string{
	"POST /login":      "a sealed link that works once, and the browser's word where the form is from",
	"POST /logout":     "it ends a session and begins none; the browser's word where the form is from",
	"POST /saml/acs":   "an assertion that an identity provider signed",
	"POST /sso/saml":   "an assertion that an identity provider signed",
	"POST /oauth":      "a program's credentials",
	"POST /api":        "a header that no form can send",
	"POST /passkey":    "a challenge that is signed, and a header",
	"POST /scim":       "a program's key",
	"POST /sign-in/sa": "an assertion that an identity provider signed",
}

func guarded(route string) bool {
	for prefix := range formless {
		if strings.HasPrefix(route, prefix) {
			return true
		}
	}
	return false
}

// public are pages for people who are not signed in.
var public = []string{
	"GET /healthz", "GET /readyz", "GET /robots.txt", "GET /favicon.ico", "GET /assets/*", "GET /sign-in", "GET /forgotten", "GET /account",
	"GET /sign-in/sso", "POST /sign-in/passkey/begin", "GET /help", "GET /help/{topic}",
}

// table is what pages of an organisation or a partner ask. What is not here is one's
// own, or says by itself whose it is.
var table = map[string]struct {
	area access.Area
	verb access.Verb
}{
	"GET /members": {access.Members, access.Read}, "POST /members": {access.Members, access.Read},
	"POST /members/remove": {access.Members, access.Read}, "POST /members/change": {access.Members, access.Read}, "POST /members/invite": {access.Members, access.Read},
	"GET /support": {access.Support, access.Read}, "POST /support": {access.Support, access.Read}, "POST /support/end": {access.Support, access.Read},
	"POST /moves": {access.Members, access.Write}, "GET /partners": {access.Tenants, access.Read},
	"POST /partners": {access.Tenants, access.Read}, "GET /calls": {access.Calls, access.Read}, "GET /lists": {access.Calls, access.Read},
	"GET /tests":   {access.Calls, access.Read},
	"GET /sign-on": {access.SignOn, access.Read}, "POST /sign-on": {access.SignOn, access.Write},
	"GET /keys": {access.Keys, access.Read}, "POST /keys": {access.Keys, access.Write}, "POST /keys/rotate": {access.Keys, access.Write},
	"POST /keys/secret/end": {access.Keys, access.Write}, "POST /keys/end": {access.Keys, access.Write}, "POST /keys/held/end": {access.Keys, access.Write},
}

// Every page of the router, asked by nobody and by somebody of each role; every form
// also without its token.
//
// Proves: E14, N-05, N-16, N-45, W-21; issue 9 "Bad input" (CSRF on every form)
func TestEveryPageAsksWhoMay(t *testing.T) {
	w := newTown(t)
	in := map[string]*sender{}
	for who := range w.who {
		in[who] = w.browser(who, harbor)
	}
	nobody, walked, forms := w.browser("", harbor), 0, 0
	for _, route := range w.handler.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if method == "HEAD" || pattern == "/events" || pattern == "/assets/*" {
			continue // a stream that does not end; files
		}
		path := strings.NewReplacer("{id}", "0198aaaa-0000-7000-8000-000000000000", "{org}", string(harbor), "*", "x").Replace(pattern)
		if method == http.MethodPost && !guarded(route) {
			forms++
			for _, b := range []*sender{nobody, in["organisation"], in["provider"]} {
				for _, form := range []url.Values{{}, {"form": {""}}, {"form": {strings.Repeat("g", 43)}}} {
					if status, _, text := b.do(method, path, form); status != 403 {
						t.Errorf("%s without the token of its form: %d %.80s", route, status, text)
					}
				}
			}
		}
		if guarded(route) {
			continue
		}
		ask := func(b *sender) int {
			t.Helper()
			status, _, text := b.do(method, path, url.Values{"form": {b.form}})
			if status >= 500 && status != 503 {
				t.Errorf("%s: %d %.120s", route, status, text)
			}
			walked++
			return status
		}
		if status := ask(nobody); status == 200 && !slices.Contains(public, route) && pattern != "/forgotten" && pattern != "/sign-out" {
			t.Errorf("%s is open to nobody", route)
		}
		need, listed := table[route]
		for who, b := range in {
			if method == http.MethodPost && (pattern == "/sign-out" || strings.Contains(pattern, "end")) {
				continue // would end what the walk goes on with
			}
			status := ask(b)
			if !listed {
				continue
			}
			at := access.Node{Org: string(harbor)}
			if who == "site administrator" && (route == "GET /calls" || route == "GET /tests") {
				at.Site = "hq" // he sees the calls of his site
			}
			if need.area == access.Tenants {
				at = access.Node{Partner: w.partner}
				if who == "other partner" {
					continue // has a page of his own
				}
			}
			a, err := w.desk.Ask(t.Context(), w.who[who], access.Question{At: at, Area: need.area, Verb: need.verb})
			if err != nil {
				t.Fatal(err)
			}
			if open := status != 403 && status != 303; open != a.Allowed && !(need.area == access.Tenants && a.Allowed) {
				t.Errorf("%s as %s: %d, the table of roles says %t", route, who, status, a.Allowed)
			}
		}
	}
	if forms < 20 || walked < 400 {
		t.Errorf("the walk was short: %d forms, %d questions", forms, walked)
	}
}

// Proves: C-54, C-56, W-27, E14
func TestAnInvitationInABrowserWhereSomebodyElseIsSignedIn(t *testing.T) {
	w := newTown(t)
	ann := w.browser("organisation", harbor)
	status, _, text := ann.post("/members", "emails", "New Guard <new@example.com>\nnot an address\nUSER@example.com", "role", "security_desk")
	if status != 200 || !strings.Contains(text, "/invitation?t=") || !strings.Contains(text, "this is no mail address") {
		t.Fatalf("three addresses at once: %d %s", status, text)
	}
	_, rest, _ := strings.Cut(text, "/invitation?t=")
	secret, _, _ := strings.Cut(rest, "<")
	if status, _, text := ann.get("/invitation?t=" + secret); status != 200 || !strings.Contains(text, "You are signed in as organisation@example.com") {
		t.Errorf("the link where Ann is signed in: %d %s", status, text)
	}
	other := w.browser("", "")
	var wg sync.WaitGroup
	codes := make([]int, 2)
	for i, b := range []*sender{ann, other} {
		wg.Go(func() { codes[i], _, _ = b.post("/invitation", "t", secret, "password", guardPassword) })
	}
	wg.Wait()
	slices.Sort(codes)
	if !slices.Equal(codes, []int{303, 403}) {
		t.Errorf("two browsers at once: %v; one is let in", codes)
	}
	_, has, err := w.desk.Of(t.Context(), w.who["user"])
	if err != nil || len(has) != 2 {
		t.Errorf("an address that has an identity: %v, %v", has, err)
	}
}

// Proves: E14, W-27
func TestOneIdentityOpensAnotherOrganisation(t *testing.T) {
	w := newTown(t)
	both := w.browser("organisation", harbor)
	if _, _, text := both.get("/calls"); strings.Contains(text, "Your organisations") {
		t.Error("somebody with one organisation is offered a choice")
	}
	if _, err := w.desk.Give(t.Context(), w.who["other admin"], member.Wish{Email: "organisation@example.com", Role: access.Desk, At: access.Node{Org: string(summit)}}); err != nil {
		t.Fatal(err)
	}
	if _, _, text := both.get("/calls"); !strings.Contains(text, "Your organisations") || !strings.Contains(text, "Summit Clinics") {
		t.Errorf("no choice of organisations: %s", text)
	}
	for next, want := range map[string]string{"": "/calls", "/calls/0198aaaa": "/calls/0198aaaa", "https://evil.example/": "/calls", "//evil.example": "/calls"} {
		if status, where, _ := both.post("/organisation", "org", string(summit), "next", next); status != 303 || where != want {
			t.Errorf("opened with %q: %d %q", next, status, where)
		}
	}
	if status, _, _ := w.browser("user", harbor).post("/organisation", "org", string(summit)); status != 404 {
		t.Errorf("somebody else's organisation: %d", status)
	}
}

// Proves: W-21, W-22, W-28, N-16
func TestPartnersSupportAndMovesByPages(t *testing.T) {
	w := newTown(t)
	north, ann := w.browser("partner", ""), w.browser("organisation", harbor)
	if status, _, text := north.get("/partners"); status != 200 || !strings.Contains(text, "Harbor Foods") || strings.Contains(text, "Summit") || strings.Contains(text, "South Voice") {
		t.Errorf("the partner's page: %d %s", status, text)
	}
	if status, _, text := north.post("/partners/organisations", "partner", w.partner, "key", "forge", "name", "Forge Ltd", "email", "fay@forge.example"); status != 200 || !strings.Contains(text, "/invitation?t=") {
		t.Errorf("an organisation: %d %s", status, text)
	}
	if status, _, _ := w.browser("other partner", "").post("/partners/organisations", "partner", w.partner, "key", "spy", "name", "Spy"); status != 403 {
		t.Errorf("under another partner: %d", status)
	}
	stranger := w.browser("", "")
	if status, _, text := stranger.post("/account", "organisation", "Mill", "email", "mia@mill.example", "partner", "nowhere"); status != 422 || !strings.Contains(text, "there is no partner with this id") {
		t.Errorf("a request with an unknown partner: %d %s", status, text)
	}
	if status, _, text := stranger.post("/account", "organisation", "Mill", "email", "mia@mill.example", "partner", "north"); status != 200 || !strings.Contains(text, "24 November 2026") {
		t.Errorf("a request, on a Friday: %d %s", status, text)
	}
	_, _, text := north.get("/partners")
	_, rest, _ := strings.Cut(text, `name="request" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	if status, _, text := north.post("/partners/requests", "request", id, "do", "refuse", "reason", "no such subscription"); status != 200 || !strings.Contains(text, "no such subscription") {
		t.Errorf("it is refused: %d %s", status, text)
	}
	if status, _, _ := north.get("/calls"); status == 200 {
		t.Error("a partner sees calls")
	}
	if status, _, text := ann.post("/support", "email", "partner@example.com", "role", "auditor", "hours", "8", "reason", "look at the trunk"); status != 200 || !strings.Contains(text, "look at the trunk") {
		t.Errorf("support: %d %s", status, text)
	}
	help := w.browser("partner", harbor)
	if status, _, _ := help.get("/calls"); status != 200 {
		t.Errorf("support does not see calls: %d", status)
	}
	w.site.advance(8 * time.Hour)
	if status, _, _ := w.browser("partner", harbor).get("/calls"); status == 200 {
		t.Error("support sees calls after its time")
	}
	ann = w.browser("organisation", harbor)
	if status, _, text := ann.post("/moves", "to", "south"); status != 200 || !strings.Contains(text, "Waits for") {
		t.Errorf("a move: %d %s", status, text)
	}
	all, err := w.desk.Transfers(t.Context(), harbor)
	if err != nil {
		t.Fatal(err)
	}
	move := all[len(all)-1].ID
	for _, who := range []string{"partner", "other partner"} {
		if status, _, text := w.browser(who, "").post("/moves/agree", "move", move); status != 200 {
			t.Errorf("%s agrees: %d %s", who, status, text)
		}
	}
	if status, _, text := w.browser("other partner", "").get("/partners"); status != 200 || !strings.Contains(text, "Harbor Foods") {
		t.Errorf("after the move: %d %s", status, text)
	}
	if _, _, text := w.browser("partner", "").get("/partners"); strings.Contains(text, "Harbor Foods") {
		t.Error("the old partner still has the organisation")
	}
}

// Proves: C-50, W-28
func TestPagesOfAccessInABrowser(t *testing.T) {
	w := newTown(t)
	if _, err := w.desk.Give(t.Context(), w.who["other admin"], member.Wish{Email: "organisation@example.com", Role: access.Desk, At: access.Node{Org: string(summit)}}); err != nil {
		t.Fatal(err)
	}
	for _, wide := range []int{1280, 390} {
		b := newBrowser(t, wide, 900, wide < 500)
		for _, c := range []struct{ who, path string }{{"organisation", "/members"}, {"organisation", "/support"}, {"organisation", "/moves"}, {"provider", "/partners"}, {"", "/account"}} {
			in := w.browser(c.who, harbor)
			u, _ := url.Parse(w.base)
			b.do(chromedp.Navigate(w.base + "/robots.txt"))
			for _, cookie := range in.http.Jar.Cookies(u) {
				eval[bool](b, `document.cookie = "`+cookie.Name+`=`+cookie.Value+`; path=/", true`)
			}
			b.do(chromedp.Navigate(w.base + c.path))
			b.until(`document.querySelector('main') !== null`)
			if over := eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); over {
				t.Errorf("%s at %d is wider than the window", c.path, wide)
			}
			keepPicture(b, "tenants"+strings.ReplaceAll(c.path, "/", "-")+"-"+map[bool]string{true: "390", false: "1280"}[wide < 500])
		}
		if c := b.complaints(); len(c) > 0 {
			t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
		}
	}
}
