package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web"
)

// The organisations of these tests.
const (
	harbor e911.OrgID = "org-harbor" // a demonstration
	summit e911.OrgID = "org-summit"
)

// site is the pages with all that is behind them, on a socket of this machine.
type site struct {
	journal *reporttest.Journal
	store   *reporttest.Store
	board   *report.Board
	handler *web.Handler
	server  *httptest.Server
	ring    *seal.Ring
	log     *strings.Builder
	lists   platformLists
	tests   keptTests

	mu   sync.Mutex
	now  time.Time
	gone map[e911.OrgID]bool
}

// Now is the site's clock, which stands still until a test moves it; the
// browser tests let it run.
func (s *site) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.IsZero() {
		return time.Now()
	}
	return s.now
}

func (s *site) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *site) remove(org e911.OrgID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[org] = true
}

func (s *site) org(id e911.OrgID) (web.Org, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[id] {
		return web.Org{}, false
	}
	switch id {
	case harbor:
		return web.Org{Name: "Harbor Foods", Demonstration: true}, true
	case summit:
		return web.Org{Name: "Summit Clinics"}, true
	}
	return web.Org{}, false
}

// noon is when most tests happen: Friday 20 November 2026, 14:02 in New York.
var noon = time.Date(2026, 11, 20, 19, 2, 11, 0, time.UTC)

func newSite(t *testing.T, now time.Time) *site {
	t.Helper()
	ring, err := seal.NewRing(seal.Key{ID: "k1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		journal: reporttest.NewJournal(), store: reporttest.NewStore(), ring: ring, now: now,
		gone: map[e911.OrgID]bool{}, log: &strings.Builder{},
	}
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: s.log}, nil))
	s.board, err = report.NewBoard(report.BoardConfig{Node: reporttest.Node, Feed: s.journal, Now: s.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	projector, err := report.NewProjector(report.ProjectorConfig{
		Node: reporttest.Node, Feed: s.journal, Store: s.store, Now: s.Now, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler, err = web.New(web.Config{
		Board: s.board, Calls: s.store, Org: s.org, Ring: ring, BaseURL: "http://localhost", Now: s.Now, Log: log, Lists: &s.lists, Tests: &s.tests,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = s.board.Run(ctx) })
	parts.Go(func() { _ = projector.Run(ctx) })
	s.server = httptest.NewServer(s.handler)
	t.Cleanup(func() {
		s.handler.Close()
		s.server.Close()
		cancel()
		parts.Wait()
	})
	return s
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// tell adds the facts and waits until board and store have them.
func (s *site) tell(t *testing.T, facts ...journal.Fact) {
	t.Helper()
	s.journal.Add(facts...)
	s.boardHas(t, uint64(len(s.journal.Facts())))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.store.Reached(ctx, reporttest.Node, uint64(len(s.journal.Facts()))); err != nil {
		t.Fatalf("the store did not get the facts: %v", err)
	}
}

// boardHas waits until the board has read the journal up to seq.
func (s *site) boardHas(t *testing.T, seq uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.board.Reached(ctx, seq); err != nil {
		t.Fatalf("the board did not get the facts: %v", err)
	}
}

func (s *site) link(org e911.OrgID) string {
	return web.LoginLink(s.ring, s.server.URL, org, s.Now())
}

// signIn returns a client that is signed in to the organisation. It does not
// follow redirections.
func (s *site) signIn(t *testing.T, org e911.OrgID) *http.Client {
	t.Helper()
	c := s.stranger(t)
	u, err := url.Parse(s.link(org))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.PostForm(s.server.URL+"/login", url.Values{"t": {u.Query().Get("t")}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign-in: got %s, want 303", resp.Status)
	}
	return c
}

// stranger returns a client with cookies of its own, not signed in.
func (s *site) stranger(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *site) get(t *testing.T, c *http.Client, path string, head ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func story(org e911.OrgID, n int, at time.Time) *reporttest.Story {
	return &reporttest.Story{Org: org, Call: reporttest.CallID(n), At: at, Demo: org == harbor}
}

// answered is a whole 911 call that went well.
func answered(org e911.OrgID, n int, at time.Time) *reporttest.Story {
	return story(org, n, at).Arrived().Identified().Located().Routed().Attempt(4, 1).
		Due(5, journal.DueLegOut).Told(62, journal.DueLegOut).Progress(130, 1, 180).Answered(6420, 1).Ended(138_400, "psap", 131_980)
}

func alarm(org e911.OrgID, detail string) journal.Fact {
	return journal.New(journal.AlarmRaised, noon, org, "", journal.Alarm{Code: "x", Detail: detail})
}

// history is a past worth reading.
func history(t *testing.T, s *site) {
	t.Helper()
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	s.tell(t, answered(harbor, 1, ago(75*time.Hour)).Take()...)
	s.tell(t, story(harbor, 2, ago(50*time.Hour)).Arrived().Unknown().Nowhere().ToRelay().RelayAttempt(5, 1).
		Due(6, journal.DueLegOut).Told(80, journal.DueLegOut).RelayAnswered(4100, 1).Ended(95_000, "caller", 90_900).Take()...)
	s.tell(t, story(harbor, 3, ago(26*time.Hour)).Test().Identified().Located().Add(3, journal.CallAnswered, journal.Answered{}).
		Due(5, journal.DueTest).Told(60, journal.DueTest).Spoken(900).Ended(26_300, "caller", 26_297).Take()...)
	s.tell(t, story(harbor, 4, ago(25*time.Hour)).Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).
		Told(70, journal.DueLegOut).Failed(31, 1, 486, "Busy Here").Attempt(33, 2).Progress(180, 2, 180).Answered(5210, 2).
		Ended(64_000, "caller", 58_790).Take()...)
	dead := story(harbor, 5, ago(5*time.Hour)).Arrived().Identified().Located().Routed().
		Add(4, journal.CallAttempt, journal.Attempt{
			N: 1, Trunk: journal.Ref{Key: "carrier-a"}, PSAP: journal.Ref{Name: "Middlesex (demonstration)"},
			To: "sip:psap@127.0.0.21:5071;transport=tcp", Error: "connection refused",
		}).Due(6, journal.DueLegFailed).Failed(600, 2, 0, "no answer to the INVITE in 4 s").Due(4000, journal.DueNotConnected)
	dead.Add(4100, journal.NotifyFailed, journal.Notice{ID: "m-5", Channel: "mail", To: "security@harbor.example", Reason: journal.DueNotConnected, Try: 2, Error: "connect to the mail server: connection refused"})
	dead.Told(4200, journal.DueNotConnected)
	s.tell(t, dead.Abandoned(31_000).Take()...)
	s.tell(t, story(harbor, 6, ago(40*time.Minute)).Arrived().Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).
		Told(70, journal.DueLegOut).Progress(120, 1, 180).Due(3100, journal.DueAbandoned).Abandoned(3100).Take()...)
	s.tell(t, journal.New(journal.AlarmRaised, ago(2*time.Hour), harbor, "", journal.Alarm{
		Code: "route_down", Detail: "carrier-a refused a call and carrier-b took it", Source: "127.0.0.21:5071", Count: 2,
	}))
}
