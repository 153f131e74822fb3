package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/job"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/web"
	"github.com/callbox911/callbox/internal/web/setuppages"
)

// setUpBench is the pages over the example, no site of it in a stage, with a site of
// which nothing is there but a number.
type setUpBench struct {
	t       *testing.T
	store   *sqlite.Store
	editor  *edit.Editor
	svc     *setup.Service
	org     e911.OrgID
	annex   e911.SiteID
	base    string
	now     func() time.Time
	down    atomic.Bool
	said    saidHere
	jobs    *job.Queue
	handler *web.Handler
	rows    int // of a table that comes in; 0: as many as usual
}

// newSetUpBench gives a password, which takes its time, to Ann and to whom it names.
func newSetUpBench(t *testing.T, also ...string) *setUpBench {
	t.Helper()
	s := newSite(t, noon)
	b := &setUpBench{t: t, now: s.Now}
	var err error
	b.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), s.ring, s.Now)
	b.must(err)
	t.Cleanup(func() { b.store.Close() })
	im, err := world.New(world.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: s.Now})
	b.must(err)
	text := strings.ReplaceAll(string(examples.Harbor()), `stage: "911"`, `stage: "none"`)
	_, err = im.Import(t.Context(), "test", "harbor.yaml", []byte(text), world.Options{})
	b.must(err)
	b.editor, err = edit.New(edit.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: s.Now})
	b.must(err)
	b.svc, err = setup.New(setup.Config{Store: b.store, Editor: b.editor, World: b.world, Now: s.Now})
	b.must(err)
	for o := range b.world().Orgs() {
		b.org = o.ID()
	}
	annex, err := b.editor.Sites.Create(t.Context(), "test", e911.Site{Org: b.org, Key: "annex", Name: "Annex", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone})
	b.must(err)
	b.annex = annex.Value.ID
	_, err = b.editor.Numbers.Create(t.Context(), "test", e911.NumberRec{Org: b.org, Site: b.annex, Number: "+16175550190", Owner: e911.OwnerWorkspace})
	b.must(err)
	b.serve(s, append(also, "ann@example.com"))
	return b
}

func (b *setUpBench) serve(s *site, enter []string) {
	b.t.Helper()
	away := e911.Errorf(e911.Unavailable, "the database is away")
	log := slog.New(slog.DiscardHandler)
	p := &web.People{Mail: func(string, string, string) bool { return false }}
	var err error
	p.Members, err = member.New(member.Config{Now: s.Now, Store: func() member.Store { return b.store }})
	b.must(err)
	p.SignOn, err = signon.New(signon.Config{Now: s.Now, Log: log, Issuer: "Callbox", Store: func() signon.Store { return b.store }})
	b.must(err)
	h, err := web.New(web.Config{
		Board: s.board, Calls: s.store, Ring: s.ring, BaseURL: "http://localhost", Now: s.Now, Log: log, People: p,
		Org: func(id e911.OrgID) (web.Org, bool) { return web.Org{Name: "Harbor Foods"}, id == b.org },
		My:  b.mine(),
		SetUp: &setuppages.Desks{
			Setup: func() (*setup.Service, error) {
				if b.down.Load() {
					return nil, away
				}
				return b.svc, nil
			},
			Editor:    func() (*edit.Editor, error) { return b.editor, nil },
			Published: func(context.Context) error { return nil },
			Imports:   b.imports(),
		},
	})
	b.must(err)
	b.handler = h
	server := httptest.NewServer(h)
	b.t.Cleanup(func() { h.Close(); server.Close() })
	b.base = server.URL
	_, err = p.Members.First(b.t.Context(), "operator", "root@example.com", "Root")
	b.must(err)
	org, by := access.Node{Org: string(b.org)}, member.Operator
	for _, w := range []member.Wish{
		{Email: "ann@example.com", Name: "Ann Admin", Role: access.Organisation, At: org},
		{Email: "sid@example.com", Name: "Sid Site", Role: access.Site, At: access.Node{Org: string(b.org), Site: string(b.annex)}},
		{Email: "aud@example.com", Name: "Aud Auditor", Role: access.Auditor, At: org},
		{Email: "gus@example.com", Name: "Gus Guard", Role: access.Desk, At: org},
		{Email: "uma@example.com", Name: "Uma User", Role: access.User, At: org},
		{Email: "vic@example.com", Name: "Vic Unknown", Role: access.User, At: org},
	} {
		g, err := p.Members.Give(b.t.Context(), by, w)
		b.must(err)
		if w.Role == access.Organisation {
			by = g.Identity.ID
		}
		if slices.Contains(enter, w.Email) {
			b.must(p.SignOn.SetPassword(b.t.Context(), g.Identity.ID, "", guardPassword, "", true))
		}
	}
}

func (b *setUpBench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
}

// world is what the store has now.
func (b *setUpBench) world() *snapshot.Snapshot {
	all, err := b.store.All(context.Background())
	b.must(err)
	var changes []snapshot.Change
	for _, r := range all.Rows {
		changes = append(changes, snapshot.Change{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID, Object: r.Value})
	}
	w, err := snapshot.Build(changes, b.now())
	b.must(err)
	return w
}

// call933 keeps a 933 that was read to its end, from a place in the building.
func (b *setUpBench) call933(building string) {
	b.t.Helper()
	at := b.now()
	r := report.CallRecord{
		ID: e911.NewID[e911.CallID](), Org: b.org, Class: e911.ClassTest933, ArrivedAt: at, AnsweredAt: &at, EndedAt: &at, State: report.Ended,
		Spoken: &journal.Spoken{Whole: true},
	}
	o := b.world().Org(b.org)
	for l := range o.Locations() {
		if in, ok := o.Building(l.Building); ok && in.Key == building {
			p, _ := o.Place(l.ID)
			r.Place = &p
		}
	}
	b.must(b.store.SaveCalls(b.t.Context(), "n1", uint64(at.UnixNano()), []report.CallRecord{r}))
}

// person is a browser without a screen, signed in.
type person struct {
	b *setUpBench
	c *http.Client
}

func (b *setUpBench) signIn(email string) (p person, landed string) {
	b.t.Helper()
	jar := newJar(b.t)
	p = person{b, &http.Client{Jar: jar}}
	_, _, page := p.get("/sign-in")
	status, landed, text := p.send("/sign-in", url.Values{"form": {tokenOf(page)}, "email": {email}, "password": {guardPassword}})
	if status != http.StatusOK {
		b.t.Fatalf("%s cannot sign in: %d %s", email, status, text)
	}
	return p, landed
}

var fieldPattern = regexp.MustCompile(`name="(form|org|seen|version|id)" value="([^"]*)"`)

func tokenOf(page string) string {
	_, rest, _ := strings.Cut(page, `name="form" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

func (p person) read(resp *http.Response, err error) (status int, path, text string) {
	p.b.t.Helper()
	p.b.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	p.b.must(err)
	return resp.StatusCode, resp.Request.URL.Path, string(body)
}

func (p person) get(path string) (status int, at, text string) {
	return p.read(p.c.Get(p.b.base + path))
}

func (p person) send(path string, v url.Values) (status int, at, text string) {
	return p.read(p.c.PostForm(p.b.base+path, v))
}

// fill sends the nth form of a page with that action: its hidden fields and more.
func (p person) fill(page, action string, more url.Values) (status int, at, text string) {
	p.b.t.Helper()
	_, _, html := p.get(page)
	return p.send(action, p.hidden(html, action, more))
}

func (p person) hidden(html, action string, more url.Values) url.Values {
	p.b.t.Helper()
	_, form, ok := strings.Cut(html, `action="`+action+`"`)
	if !ok {
		p.b.t.Fatalf("there is no form %s in: %s", action, html)
	}
	form, _, _ = strings.Cut(form, "</form>")
	v := url.Values{}
	for _, m := range fieldPattern.FindAllStringSubmatch(form, -1) {
		v.Set(m[1], m[2])
	}
	for k, x := range more {
		v[k] = x
	}
	return v
}

// Proves: W-28, N-05, C-57, W-23, C-58
func TestWhoSeesWhichPageOfTheSetUp(t *testing.T) {
	b := newSetUpBench(t, "sid@example.com", "aud@example.com", "gus@example.com")
	for _, c := range []struct {
		who, lands string
		see        map[string]int
		say, not   string // of the page of the annex, or of /setup
	}{
		{"ann@example.com", "/setup", map[string]int{"/setup": 200, "/setup/sites/hq": 200, "/setup/sites/annex": 200, "/setup/settings": 200, "/setup/secrets": 200, "/setup/charges": 200, "/setup/sites/none": 404}, "Headquarters", ""},
		{"sid@example.com", "/setup", map[string]int{"/setup": 200, "/setup/sites/annex": 200, "/setup/sites/hq": 404, "/setup/settings": 200, "/setup/secrets": 403, "/setup/charges": 403}, "Annex", "Headquarters"},
		{"aud@example.com", "/calls", map[string]int{"/setup": 200, "/setup/sites/hq": 200, "/setup/settings": 200, "/setup/secrets": 403, "/setup/charges": 200}, "Headquarters", `action="/setup/opt-out"`},
		{"gus@example.com", "/calls", map[string]int{"/setup": 403, "/setup/sites/hq": 403, "/setup/secrets": 403}, "Not yours to see", "Headquarters"},
	} {
		t.Run(c.who, func(t *testing.T) {
			p, landed := b.signIn(c.who)
			if landed != c.lands {
				t.Errorf("a sign-in leads to %s, want %s", landed, c.lands)
			}
			for path, want := range c.see {
				if status, _, _ := p.get(path); status != want {
					t.Errorf("%s: %d, want %d", path, status, want)
				}
			}
			_, _, text := p.get("/setup")
			if !strings.Contains(text, c.say) || c.not != "" && strings.Contains(text, c.not) {
				t.Errorf("the set-up does not say %q, or says %q", c.say, c.not)
			}
		})
	}
	t.Run("who leaves it is not led there again, and the page of calls warns", func(t *testing.T) {
		p, _ := b.signIn("ann@example.com")
		if _, at, text := p.fill("/setup", "/setup/leave", nil); at != "/calls" || !strings.Contains(text, "911 is not set up at every site yet") {
			t.Errorf("leaving leads to %s without a banner", at)
		}
		p.fill("/profile", "/sign-out", nil)
		_, _, page := p.get("/sign-in")
		_, at, _ := p.send("/sign-in", url.Values{"form": {tokenOf(page)}, "email": {"ann@example.com"}, "password": {guardPassword}})
		if at != "/calls" {
			t.Errorf("the second sign-in leads to %s", at)
		}
		guard, _ := b.signIn("gus@example.com")
		if _, _, text := guard.get("/calls"); strings.Contains(text, "/setup") {
			t.Error("the guard is sent to a set-up that he may not see")
		}
	})
}

// Proves: E14, W-28
func TestFormsOfTheSetUpThatAreRefused(t *testing.T) {
	b := newSetUpBench(t, "sid@example.com", "aud@example.com")
	ann, _ := b.signIn("ann@example.com")
	sid, _ := b.signIn("sid@example.com")
	aud, _ := b.signIn("aud@example.com")
	annStage := url.Values{"stage": {"933"}}
	_, _, hq := ann.get("/setup/sites/hq")
	good := ann.hidden(hq, "/setup/sites/hq/stage", annStage)
	without := func(name, value string) url.Values {
		v := url.Values{}
		for k, x := range good {
			v[k] = x
		}
		v.Set(name, value)
		return v
	}
	_, _, own := sid.get("/setup/sites/annex")
	mine := sid.hidden(own, "/setup/sites/annex/destination", url.Values{"name": {"x"}, "kind": {"screen"}, "hours": {"always"}})
	_, _, auditors := aud.get("/setup/sites/hq")
	_, _, profile := aud.get("/profile") // has forms, and so the token
	looked := url.Values{"form": {tokenOf(profile)}, "org": {string(b.org)}, "stage": {"933"}}
	if strings.Contains(auditors, `method="post"`) {
		t.Error("an auditor is shown forms that he may not send")
	}
	for _, c := range []struct {
		name string
		who  person
		path string
		form url.Values
		want int
	}{
		{"without the token of the browser", ann, "/setup/sites/hq/stage", without("form", "x"), 403},
		{"of another organisation than is open", ann, "/setup/sites/hq/stage", without("org", "other"), 409},
		{"made before somebody changed it", ann, "/setup/sites/hq/stage", without("seen", "old"), 409},
		{"by a site's administrator at another site", sid, "/setup/sites/hq/stage", mine, 404},
		{"by a site's administrator for all", sid, "/setup/opt-out", mine, 403},
		{"by a site's administrator on secrets", sid, "/setup/secrets", mine, 403},
		{"by an auditor", aud, "/setup/sites/hq/stage", looked, 403},
		{"of somebody else's destination", sid, "/setup/sites/annex/destination/delete", with(mine, "key", "hq-desk"), 404},
		{"that would take a destination of another site over", sid, "/setup/sites/annex/destination", with(mine, "key", "hq-desk"), 404},
	} {
		b.must(b.svc.SetDestination(t.Context(), "test", b.org, setup.Destination{Key: "hq-desk", Site: "hq", Kind: "screen", Name: "desk", Hours: "always"}))
		if status, _, text := c.who.send(c.path, c.form); status != c.want {
			t.Errorf("a form %s: %d, want %d\n%s", c.name, status, c.want, text)
		}
	}
	_, _, page := aud.get("/setup")
	if status, _, _ := aud.send("/setup/tasks", url.Values{"form": {tokenOf(page)}, "org": {string(b.org)}, "task": {"contract"}, "done": {"yes"}}); status != 403 {
		t.Errorf("an auditor ticks: %d", status)
	}
	st, err := b.svc.Status(t.Context(), b.org)
	b.must(err)
	for _, s := range st.Sites {
		if s.Stage != e911.StageNone || s.Key == "annex" && len(s.Destinations) > 0 || s.Key == "hq" && len(s.Destinations) != 1 {
			t.Errorf("%s was changed: %+v", s.Key, s)
		}
	}
}

func with(v url.Values, name, value string) url.Values {
	out := url.Values{name: {value}}
	for k, x := range v {
		if k != name {
			out[k] = x
		}
	}
	return out
}

// Two administrators look at one page; the second one's form says what happened.
//
// Proves: W-28, W-30, N-13, N-48
func TestTwoAdministratorsOfOneSetUp(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	_, _, before := ann.get("/setup")
	tick := ann.hidden(before, "/setup/tasks", url.Values{"task": {"contract"}, "done": {"yes"}})
	if status, at, text := ann.send("/setup/tasks", tick); status != 200 || at != "/setup" || !strings.Contains(text, "Ann Admin, 20 Nov 2026, 19:02 UTC") {
		t.Fatalf("a tick: %d at %s", status, at)
	}
	if status, _, text := ann.send("/setup/tasks", tick); status != 409 || !strings.Contains(text, "Somebody changed this") {
		t.Errorf("the same tick from an old page: %d", status)
	}
	status, _, text := ann.fill("/setup/sites/annex", "/setup/sites/annex/stage", url.Values{"stage": {"933"}})
	if status != 422 || !strings.Contains(text, "The site has no building.") {
		t.Errorf("stage 933 of a site without a building: %d", status)
	}
	sites, err := b.editor.Sites.Get(t.Context(), b.org, string(b.annex))
	b.must(err)
	_, _, old := ann.get("/setup/sites/annex")
	form := ann.hidden(old, "/setup/sites/annex/callback", url.Values{"ecbn": {"+16175550190"}})
	sites.Value.Name = "Annex, north"
	_, err = b.editor.Sites.Update(t.Context(), "bob", sites.Value, sites.Version)
	b.must(err)
	if status, _, _ := ann.send("/setup/sites/annex/callback", form); status != 409 {
		t.Errorf("a number on a site that changed meanwhile: %d", status)
	}
}

// Proves: W-18, W-26
func TestSecretsOnPages(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	status, _, text := ann.fill("/setup/secrets", "/setup/secrets", url.Values{"note": {"telephones"}})
	_, rest, shown := strings.Cut(text, `<code id="made">`)
	secret, _, _ := strings.Cut(rest, "<")
	if status != 200 || !shown || len(secret) < 20 {
		t.Fatalf("a new secret: %d %s", status, text)
	}
	if _, _, text := ann.get("/setup/secrets"); strings.Contains(text, secret) || !strings.Contains(text, "telephones") {
		t.Error("the secret is shown a second time, or is not listed")
	}
	other := url.Values{"company_id": {"aaaabbbbccccddddaaaabbbbccccdddd"}, "secret": {"other-secret-of-the-platform"}}
	status, _, text = ann.fill("/setup/secrets", "/setup/secrets/link", other)
	if status != 409 || !strings.Contains(text, "I agree to update") || strings.Contains(text, "other-secret") {
		t.Errorf("a platform with another company id: %d", status)
	}
	if o := b.world().Org(b.org).Config(); o.HELD.CompanyID == "aaaabbbbccccddddaaaabbbbccccdddd" {
		t.Error("it was taken without consent")
	}
	other.Set("agree", "yes")
	if status, _, _ = ann.fill("/setup/secrets", "/setup/secrets/link", other); status != 200 {
		t.Errorf("with consent: %d", status)
	}
	if o := b.world().Org(b.org).Config(); o.HELD.CompanyID != "aaaabbbbccccddddaaaabbbbccccdddd" || len(o.HELD.Secrets) != 3 {
		t.Errorf("after consent: %d secrets", len(o.HELD.Secrets))
	}
	trail, err := b.store.FindAudit(t.Context(), admin.AuditQuery{All: true, Text: secret})
	b.must(err)
	if len(trail) > 0 {
		t.Error("the audit trail has the secret")
	}
}

// Proves: D-12, F-24
func TestTheSetUpWhileTheDatabaseIsDown(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	b.down.Store(true)
	for _, path := range []string{"/setup", "/setup/sites/hq", "/setup/secrets", "/setup/charges"} {
		if status, _, text := ann.get(path); status != 503 || !strings.Contains(text, "911 and 933 go on") {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := ann.get("/help/tests"); status != 200 {
		t.Error("help needs the database")
	}
	if status, _, _ := ann.get("/calls"); status != 200 {
		t.Errorf("the page of calls: %d", status)
	}
}

var linkPattern = regexp.MustCompile(`href="(/[^"#?]*)`)

// Every link of the pages leads somewhere, help without a sign-in too.
//
// Proves: N-46
func TestEveryLinkOfTheSetUpResolves(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	stranger := person{b, &http.Client{Jar: newJar(t)}}
	seen := map[string]bool{}
	todo := []string{"/setup", "/help"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] || strings.HasPrefix(path, "/assets/") {
			continue
		}
		seen[path] = true
		who := ann
		if strings.HasPrefix(path, "/help") {
			who = stranger
		}
		status, at, text := who.get(path)
		if status != http.StatusOK || at != path {
			t.Errorf("%s: %d at %s", path, status, at)
		}
		if strings.HasPrefix(path, "/setup/templates/") || strings.HasPrefix(path, "/setup/exports/") {
			continue // files
		}
		if strings.HasPrefix(path, "/setup") && !strings.Contains(text, `href="/help/`) {
			t.Errorf("%s has no link to help", path)
		}
		if !strings.HasPrefix(path, "/setup") && !strings.HasPrefix(path, "/help") {
			continue
		}
		for _, m := range linkPattern.FindAllStringSubmatch(text, -1) {
			todo = append(todo, m[1])
		}
	}
	for _, want := range []string{"/setup/sites/annex", "/setup/charges", "/help/tests", "/help/secrets", "/help/roll-out", "/help/settings"} {
		if !seen[want] {
			t.Errorf("no link leads to %s", want)
		}
	}
}

// Proves: W-13
func TestFaultsStandBesideTheFields(t *testing.T) {
	b := newSetUpBench(t)
	ann, _ := b.signIn("ann@example.com")
	status, _, text := ann.fill("/setup/sites/annex", "/setup/sites/annex/building", url.Values{"name": {"Annex hall"}, "A3": {"Cambridge"}, "country": {"US"}, "point": {"here"}})
	_, field, _ := strings.Cut(text, `name="point"`)
	field, _, _ = strings.Cut(field, "</label>")
	if status != 422 || !strings.Contains(field, "cannot be read") || !strings.Contains(text, `value="Annex hall"`) {
		t.Errorf("a place that cannot be read: %d, beside the field: %s", status, field)
	}
	status, _, text = ann.fill("/setup/sites/annex", "/setup/sites/annex/building", url.Values{"name": {""}, "country": {"US"}})
	if status != 422 {
		t.Errorf("a building of nothing: %d", status)
	}
	var beside []string
	for _, label := range regexp.MustCompile(`(?s)<label class="field">.*?</label>`).FindAllString(text, -1) {
		if name := regexp.MustCompile(`name="([^"]+)"`).FindStringSubmatch(label); name != nil && strings.Contains(label, "su-fault") {
			beside = append(beside, name[1])
		}
	}
	if !slices.Contains(beside, "name") || len(beside) < 2 {
		t.Errorf("faults stand beside %v", beside)
	}
	status, _, text = ann.fill("/setup/sites/annex", "/setup/sites/annex/destination", url.Values{"name": {"Guard"}, "kind": {"screen"}, "hours": {"often"}})
	if status != 422 || !strings.Contains(text, `no span of whole hours`) || !strings.Contains(text, `value="often"`) {
		t.Errorf("hours that cannot be read: %d", status)
	}
}

func newJar(t *testing.T) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}
