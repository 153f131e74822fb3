package web_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/web"
)

// Proves: E14
func TestNoURLShowsAnotherOrganisationsCalls(t *testing.T) {
	s := newSite(t, noon)
	id := string(reporttest.CallID(1))
	s.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	s.tell(t, answered(summit, 2, noon.Add(-2*time.Hour)).Take()...)
	s.tell(t, story(harbor, 3, noon.Add(-time.Second)).Arrived().Identified().Located().Take()...)
	s.tell(t, journal.New(journal.AlarmRaised, noon, harbor, "", journal.Alarm{Code: "x", Detail: "Harbor’s alarm"}))
	owner, other := s.signIn(t, harbor), s.signIn(t, summit)

	// What each address gives to a session of the other organisation.
	want := map[string]int{
		"GET /":                  http.StatusSeeOther,
		"GET /calls":             http.StatusOK,
		"GET /calls/{id}":        http.StatusNotFound,
		"GET /calls/{id}/detail": http.StatusNotFound,
		"GET /events":            http.StatusOK, // looked at below: it does not end
		"GET /api/session":       http.StatusOK,
		"GET /api/calls":         http.StatusOK,
		"GET /api/calls/{id}":    http.StatusNotFound,
		"GET /api/v1/explain":    http.StatusNotFound, // without an engine; its walls are tested on the whole server
		"GET /api/v1/route":      http.StatusNotFound, // as is that
		"GET /help":              http.StatusOK,
		"GET /help/{topic}":      http.StatusOK,
		"GET /lists":             http.StatusOK,
		"GET /seen":              http.StatusForbidden, // without the link of a test
		"POST /seen":             http.StatusForbidden,
		"GET /tests":             http.StatusOK,
		"POST /tests":            http.StatusForbidden, // without the token of its form
		"GET /healthz":           http.StatusOK,
		"GET /readyz":            http.StatusOK,
		"GET /robots.txt":        http.StatusOK,
		"GET /favicon.ico":       http.StatusFound,
		"GET /login":             http.StatusSeeOther,
		"POST /login":            http.StatusForbidden,
		"POST /logout":           http.StatusOK,
		"GET /assets/*":          http.StatusNotFound,
		"HEAD /assets/*":         http.StatusNotFound,
	}
	var served []string
	for k := range want {
		served = append(served, k)
	}
	slices.Sort(served)
	routes := s.handler.Routes()
	slices.Sort(routes)
	if d := cmp.Diff(served, routes); d != "" {
		t.Fatalf("this test must know every address (-known +served):\n%s", d)
	}

	secrets := []string{"Front desk", "795 Massachusetts", "555-0111", "5550111", "Harbor", "security@harbor"}
	for route, status := range want {
		if route == "GET /events" || route == "POST /logout" || strings.HasPrefix(route, "HEAD") {
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{id}", id, "*", "x", "{topic}", "set-up").Replace(path)
		req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := other.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: got %d, want %d", route, resp.StatusCode, status)
		}
		body := strings.ReplaceAll(string(b), string(reporttest.CallID(2)), "")
		if route == "GET /calls" || route == "GET /api/calls" {
			// Summit's own call was told with the same words; what must not be
			// there is the id of any call of Harbor's, and its alarm.
			for _, secret := range []string{id, string(reporttest.CallID(3)), "Harbor’s alarm"} {
				if strings.Contains(body, secret) {
					t.Errorf("%s shows %q of another organisation", route, secret)
				}
			}
			continue
		}
		for _, secret := range secrets {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %q of another organisation", route, secret)
			}
		}
	}
	if resp, body := s.get(t, owner, "/calls/"+id); resp.StatusCode != http.StatusOK || !strings.Contains(body, "795 Massachusetts") {
		t.Errorf("the owner itself gets %s", resp.Status)
	}
	if _, body := s.get(t, other, "/calls?before="+string(reporttest.CallID(9)), "X-Part", "past"); strings.Contains(body, id) {
		t.Error("the next page shows another organisation's call")
	}
}

// Proves: E14
func TestWithoutASessionNothingIsShown(t *testing.T) {
	s := newSite(t, noon)
	s.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	for _, path := range []string{"/", "/calls", "/calls/" + string(reporttest.CallID(1)), "/calls/" + string(reporttest.CallID(1)) + "/detail", "/events", "/api/session", "/api/calls", "/api/calls/" + string(reporttest.CallID(1)), "/api/v1/explain", "/api/v1/route"} {
		resp, body := s.get(t, s.stranger(t), path)
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %s, want 401", path, resp.Status)
		}
		if strings.Contains(body, "Massachusetts") || strings.Contains(body, "Harbor") {
			t.Errorf("%s shows something", path)
		}
		json := strings.Contains(resp.Header.Get("Content-Type"), "json")
		if program := strings.HasPrefix(path, "/api") || path == "/events" || strings.HasSuffix(path, "/detail"); program != json {
			t.Errorf("%s answers with %s", path, resp.Header.Get("Content-Type"))
		}
		if path == "/calls" && !strings.Contains(body, "callbox login ORGANISATION") {
			t.Error("the page does not say how to get a link")
		}
	}
}

func TestASignInLinkWorksOnceAndNotForEver(t *testing.T) {
	s := newSite(t, noon)
	post := func(link string) (int, string) {
		t.Helper()
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.stranger(t).PostForm(s.server.URL+"/login", url.Values{"t": {u.Query().Get("t")}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}

	link := s.link(harbor)
	for range 3 { // programs that look at links use nothing up
		resp, body := s.get(t, s.stranger(t), strings.TrimPrefix(link, s.server.URL))
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Sign in to Harbor Foods") || len(resp.Cookies()) > 0 {
			t.Fatalf("looking at a link: %s with cookies %v", resp.Status, resp.Cookies())
		}
	}
	if got, _ := post(link); got != http.StatusSeeOther {
		t.Fatalf("first use: got %d, want 303", got)
	}
	if got, body := post(link); got != http.StatusForbidden || !strings.Contains(body, "used before") {
		t.Errorf("second use: got %d", got)
	}
	if resp, _ := s.get(t, s.stranger(t), strings.TrimPrefix(link, s.server.URL)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("looking at a used link: got %s, want 403", resp.Status)
	}
	old := s.link(harbor)
	s.advance(15 * time.Minute)
	if got, body := post(old); got != http.StatusForbidden || !strings.Contains(body, "older than 15 minutes") {
		t.Errorf("after 15 minutes: got %d", got)
	}
	if got, body := post(web.LoginLink(s.ring, s.server.URL, harbor, noon.Add(-time.Minute))); got != http.StatusForbidden || strings.Contains(body, "Harbor") {
		t.Errorf("a link from before the start: got %d", got)
	}
	if got, _ := post(s.link("org-nobody")); got != http.StatusForbidden {
		t.Errorf("a link for nobody: got %d", got)
	}
	forged, _ := s.ring.Seal("session", []byte(`{"o":"org-harbor","e":99999999999999,"i":99999999999999}`))
	if got, _ := post("http://x/login?t=" + url.QueryEscape(forged)); got != http.StatusForbidden {
		t.Errorf("a cookie passed as a link: got %d", got)
	}
	if got, _ := post("http://x/login?t=" + strings.Repeat("A", 50_000)); got == http.StatusSeeOther {
		t.Error("a very long token signs in")
	}
}

func TestASessionEndsWithItsTimeItsOrganisationOrByHand(t *testing.T) {
	s := newSite(t, noon)
	c := s.signIn(t, harbor)
	u, _ := url.Parse(s.server.URL)
	if resp, _ := s.get(t, c, "/calls"); resp.StatusCode != http.StatusOK {
		t.Fatalf("signed in: %s", resp.Status)
	}
	cookie := c.Jar.Cookies(u)[0]
	s.advance(12*time.Hour - time.Second)
	if resp, _ := s.get(t, c, "/calls"); resp.StatusCode != http.StatusOK {
		t.Errorf("just before twelve hours: %s", resp.Status)
	}
	s.advance(time.Second)
	if resp, _ := s.get(t, c, "/calls"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after twelve hours: %s", resp.Status)
	}
	if !strings.HasPrefix(cookie.Value, "k1.") || strings.Contains(cookie.Value, "harbor") {
		t.Errorf("the cookie is not sealed: %s", cookie.Value)
	}

	c = s.signIn(t, summit)
	s.remove(summit)
	if resp, _ := s.get(t, c, "/api/calls"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the organisation is gone: %s", resp.Status)
	}

	c = s.signIn(t, harbor)
	resp, err := c.PostForm(s.server.URL+"/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp, _ := s.get(t, c, "/calls"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("signed out: %s", resp.Status)
	}
}

func TestAfterSignInTheCallThatWasAskedForOpens(t *testing.T) {
	s := newSite(t, noon)
	c := s.stranger(t)
	path := "/calls/" + string(reporttest.CallID(1))
	s.get(t, c, path)
	token, _ := url.Parse(s.link(harbor))
	resp, err := c.PostForm(s.server.URL+"/login", url.Values{"t": {token.Query().Get("t")}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Location"); got != path {
		t.Errorf("after sign-in: got %q, want %q", got, path)
	}
	cookie := resp.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != 12*3600 {
		t.Errorf("cookie: %+v", cookie)
	}
	for _, bad := range []string{"//evil.example/x", "/calls/../logout", "https://evil.example/"} {
		c := s.stranger(t)
		u, _ := url.Parse(s.server.URL)
		c.Jar.SetCookies(u, []*http.Cookie{{Name: "callbox_wanted", Value: bad}})
		token, _ := url.Parse(s.link(harbor))
		resp, err := c.PostForm(s.server.URL+"/login", url.Values{"t": {token.Query().Get("t")}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Location"); got != "/calls" {
			t.Errorf("wanted %q: led to %q", bad, got)
		}
	}
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	s := newSite(t, noon)
	c := s.signIn(t, harbor)
	for _, path := range []string{"/calls", "/login", "/api/calls", "/nowhere", "/healthz"} {
		resp, body := s.get(t, c, path)
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if strings.Contains(body, "<script>") || strings.Contains(body, "style=") || strings.Contains(body, "onclick") {
			t.Errorf("%s holds something inline", path)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+"/logout", nil)
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: got %s, want 403", resp.Status)
	}
}

// Proves: E10, E11
func TestAScriptReadsTheRecordThatThePageShows(t *testing.T) {
	s := newSite(t, noon)
	s.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	c := s.signIn(t, harbor)
	resp, body := s.get(t, c, "/api/calls/"+string(reporttest.CallID(1)))
	var got report.CallRecord
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	want, _ := s.board.Call(harbor, reporttest.CallID(1))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("record (-board +API):\n%s", d)
	}
	if got.Place.Location != "l-210" || got.Callback != "+16175550111" || got.PSAP.Key != "psap-middlesex" {
		t.Errorf("location %q, callback %q, PSAP %q", got.Place.Location, got.Callback, got.PSAP.Key)
	}
	_, page := s.get(t, c, "/calls/"+string(reporttest.CallID(1)))
	for _, say := range []string{
		"795 Massachusetts Avenue, Mill 1, Floor 2, Room 210", "+1 617-555-0111", "Middlesex (demonstration)", "Switch port (LLDP)",
		"Older than 30 minutes", "The address of a number is not used", "security@harbor.example", "&lt;ca:ROOM&gt;210&lt;/ca:ROOM&gt;",
		"Demonstration", "13:02:11 EST", `data-lat="42.366840"`,
	} {
		if !strings.Contains(page, say) {
			t.Errorf("the page does not say %q", say)
		}
	}
}

func TestListsComeInPages(t *testing.T) {
	s := newSite(t, noon)
	for n := 1; n <= 130; n++ {
		s.journal.Add(story(harbor, n, noon.Add(-time.Duration(200-n)*time.Hour)).Arrived().Identified().Ended(900, "caller", 0).Take()...)
	}
	s.tell(t, answered(summit, 500, noon).Take()...)
	c := s.signIn(t, harbor)
	seen := map[e911.CallID]bool{}
	before := ""
	for pages := 0; ; pages++ {
		resp, body := s.get(t, c, "/api/calls?limit=40&before="+before)
		var page struct {
			Calls    []report.CallRecord
			Next     string
			Complete bool
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatalf("%s: %v", resp.Status, err)
		}
		for _, r := range page.Calls {
			if seen[r.ID] {
				t.Errorf("%s is on two pages", r.ID)
			}
			seen[r.ID] = true
		}
		if before = page.Next; before == "" || pages > 10 {
			break
		}
	}
	if len(seen) != 130 {
		t.Errorf("the pages hold %d calls, want 130", len(seen))
	}
	for _, bad := range []string{"0", "-1", "x", "100000"} {
		if resp, _ := s.get(t, c, "/api/calls?limit="+bad); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("limit %s: got %s, want 400", bad, resp.Status)
		}
	}
	_, page := s.get(t, c, "/calls")
	if !strings.Contains(page, "Show older calls") {
		t.Error("the page offers no older calls")
	}
}

// Proves: E3, D-12
func TestThePageWorksWithTheDatabaseDown(t *testing.T) {
	s := newSite(t, noon)
	s.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	s.store.Fail(func(string) error { return errors.New("disk I/O error") })
	live := story(harbor, 2, noon).Arrived().Identified().Located()
	s.journal.Add(live.Take()...)
	s.boardHas(t, uint64(len(s.journal.Facts())))
	c := s.signIn(t, harbor)
	resp, page := s.get(t, c, "/calls/"+string(reporttest.CallID(2)))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s", resp.Status)
	}
	for _, say := range []string{"Older calls cannot be read right now", "911 call from Front desk", string(reporttest.CallID(1))} {
		if !strings.Contains(page, say) {
			t.Errorf("the page does not say %q", say)
		}
	}
	if resp, _ := s.get(t, c, "/calls/"+string(reporttest.CallID(9))); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a call that only the store could know: got %s, want 503", resp.Status)
	}
	var list struct {
		Calls    []report.CallRecord
		Complete bool
	}
	_, body := s.get(t, c, "/api/calls")
	if err := json.Unmarshal([]byte(body), &list); err != nil || list.Complete || len(list.Calls) != 2 {
		t.Errorf("API: %v, complete %v, %d calls", err, list.Complete, len(list.Calls))
	}
	if strings.Contains(s.log.String(), "Massachusetts") || strings.Contains(s.log.String(), "5550111") {
		t.Error("the log tells where somebody is")
	}
}

// Proves: E12
func TestADemonstrationIsLabelledEverywhere(t *testing.T) {
	s := newSite(t, noon)
	s.tell(t, answered(harbor, 1, noon.Add(-time.Hour)).Take()...)
	s.tell(t, story(harbor, 3, noon).Arrived().Identified().Take()...)
	s.tell(t, answered(summit, 2, noon.Add(-time.Hour)).Take()...)
	for org, want := range map[e911.OrgID]bool{harbor: true, summit: false} {
		c := s.signIn(t, org)
		id := reporttest.CallID(1)
		if org == summit {
			id = reporttest.CallID(2)
		}
		_, page := s.get(t, c, "/calls/"+string(id))
		for part, mark := range map[string]string{
			"top": `title="A demonstration organisation`, "band": "No real PSAP is called", "row": `>Demo</span>`,
			"call": `>Demonstration</span></p>`,
		} {
			if got := strings.Contains(page, mark); got != want {
				t.Errorf("%s: the label of the %s is there: %v, want %v", org, part, got, want)
			}
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	s := newSite(t, noon)
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp, _ := s.get(t, s.stranger(t), path); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	h, err := web.New(web.Config{
		Board: s.board, Calls: s.store, Org: s.org, Ring: s.ring, BaseURL: "http://localhost", Now: s.Now, Log: slog.New(slog.DiscardHandler),
		Ready: func() error { return errors.New("the journal is being read") },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := newRecorder()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	h.ServeHTTP(w, req)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "being read") {
		t.Errorf("not ready: got %d %s", w.Code, w.Body)
	}
	if _, err := web.New(web.Config{BaseURL: "ftp://x"}); err == nil || strings.Count(err.Error(), "\n") != 6 {
		t.Errorf("an empty configuration: %v, want seven faults", err)
	}
}

func TestAssetsAreKeptForEverAndComePacked(t *testing.T) {
	s := newSite(t, noon)
	c := s.signIn(t, harbor)
	_, page := s.get(t, c, "/calls")
	_, after, _ := strings.Cut(page, `<script type="module" src="`)
	script, _, _ := strings.Cut(after, `"`)
	for _, packed := range []bool{true, false} {
		c.Transport = &http.Transport{DisableCompression: true}
		var head []string
		if packed {
			head = []string{"Accept-Encoding", "br, gzip"}
		}
		resp, body := s.get(t, c, script, head...)
		if resp.StatusCode != http.StatusOK || (resp.Header.Get("Content-Encoding") == "gzip") != packed {
			t.Errorf("packed %v: %s, coding %q", packed, resp.Status, resp.Header.Get("Content-Encoding"))
		}
		if !packed && !strings.Contains(body, "EventSource") {
			t.Error("the script does not come plain")
		}
		if !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/javascript") {
			t.Errorf("headers: %v", resp.Header)
		}
	}
	for _, path := range []string{"/assets/app.js", "/assets/0000000000000000/app.js", strings.Replace(script, "app.js", "../assets.go", 1)} {
		if resp, _ := s.get(t, c, path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}
