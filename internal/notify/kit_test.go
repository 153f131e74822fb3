package notify_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/notifytest"
	"github.com/callbox911/callbox/internal/notify/webhook"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/mail"
)

const secret = "whsec-test"

// patience is for a machine that does ten other things; nothing waits so long
// where all goes well.
const patience = 90 * time.Second

// rules are alert rules by site.
type rules struct {
	mu    sync.Mutex
	bySit map[e911.SiteID][]e911.Alert
	unset bool
}

func (r *rules) Alerts(_ e911.OrgID, site e911.SiteID) ([]e911.Alert, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unset {
		return nil, false
	}
	if site != "" {
		return r.bySit[site], true
	}
	var all []e911.Alert
	for _, s := range []e911.SiteID{"site-hq", "site-b"} {
		all = append(all, r.bySit[s]...)
	}
	return all, true
}

// house is a journal, the service, and the other sides of its channels.
type house struct {
	t     testing.TB
	dir   string
	rules *rules
	mail  *mail.Sink
	hook  *hook.Sink
	fs    disk.FS
	open  func(string) (*sql.DB, error)
	long  time.Duration

	journal *disk.Journal
	service *notify.Service
	stop    func()
}

func newHouse(t testing.TB) *house {
	t.Helper()
	m, err := mail.Listen(mail.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	h, err := hook.Listen(hook.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return &house{
		t: t, dir: t.TempDir(), mail: m, hook: h, stop: func() {}, long: 100 * time.Millisecond,
		rules: &rules{bySit: map[e911.SiteID][]e911.Alert{"site-hq": {{
			ID: "alert-desk", Key: "desk", On: []e911.AlertOn{e911.AlertEmergency, e911.AlertTest},
			Mail: []string{"security@harbor.example"}, Webhook: []e911.Webhook{{URL: h.URL(), Secret: secret}},
		}}}},
	}
}

// start runs journal and service until the returned function, or the end of
// the test.
func (h *house) start() {
	h.t.Helper()
	j, err := disk.Open(disk.Config{Dir: filepath.Join(h.dir, "journal"), Node: "node-1", FS: h.fs})
	if err != nil {
		h.t.Fatal(err)
	}
	m, err := email.New(email.Config{Server: h.mail.Addr(), TLS: email.TLSNone, From: "callbox@harbor.example", Timeout: 2 * time.Second})
	if err != nil {
		h.t.Fatal(err)
	}
	w := webhook.New(webhook.Config{Timeout: 2 * time.Second})
	s, err := notify.New(notify.Config{
		Dir: filepath.Join(h.dir, "outbox"), Feed: j, Recorder: j, Overdue: j, Rules: h.rules, Channels: []notify.Channel{m, w},
		BaseURL: "https://callbox.example/", Open: h.open, FirstPause: 10 * time.Millisecond, LongPause: h.long,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.journal, h.service = j, s
	jctx, stopJournal := context.WithCancel(context.Background())
	sctx, stopService := context.WithCancel(context.Background())
	jdone, sdone := make(chan error, 1), make(chan error, 1)
	go func() { jdone <- j.Run(jctx) }()
	go func() { sdone <- s.Run(sctx) }()
	var once sync.Once
	h.stop = func() {
		once.Do(func() {
			stopService()
			if err := <-sdone; err != nil {
				h.t.Errorf("stop of the service: %v", err)
			}
			stopJournal()
			if err := <-jdone; err != nil {
				h.t.Errorf("stop of the journal: %v", err)
			}
			m.Close()
			w.Close()
		})
	}
	h.t.Cleanup(func() { h.stop() })
}

// due is call n as the call path tells it.
func due(n int, at time.Time, change ...func(*journal.Due)) journal.Fact {
	d := notifytest.Due()
	d.ArrivedAt = at.UTC().Truncate(time.Millisecond)
	for _, c := range change {
		c(&d)
	}
	return journal.New(journal.NotifyDue, at, "org-harbor", e911.CallID(fmt.Sprintf("call-%d", n)), d)
}

func (h *house) record(n int, change ...func(*journal.Due)) journal.Receipt {
	return h.journal.Record(due(n, time.Now(), change...))
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *house) mails(n int) []mail.Message {
	h.t.Helper()
	got, err := h.mail.Await(h.ctx(), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *house) hooks(n int) []hook.Request {
	h.t.Helper()
	got, err := h.hook.Await(h.ctx(), n)
	if err != nil {
		h.t.Fatalf("%v; refused: %v", err, h.hook.Refused())
	}
	return got
}

// facts reads facts of one kind from the journal until n are there.
func (h *house) facts(kind journal.Kind, n int) []journal.Fact {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out []journal.Fact
	for f := range h.journal.Subscribe(ctx, 1) {
		if f.Kind != kind {
			continue
		}
		if out = append(out, f); len(out) == n {
			return out
		}
	}
	h.t.Fatalf("%d facts %s, want %d", len(out), kind, n)
	return nil
}

func (h *house) alarm(code string) {
	h.t.Helper()
	for n := 1; ; n++ {
		all := h.facts(journal.AlarmRaised, n)
		body, err := journal.Decode[journal.Alarm](all[n-1])
		if err != nil {
			h.t.Fatal(err)
		}
		if body.Code == code {
			return
		}
	}
}

// rows returns how many notices the outbox has in a state.
func (h *house) rows(state int) int {
	h.t.Helper()
	db, err := notify.OpenSQLite(filepath.Join(h.dir, "outbox", "outbox.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM notice WHERE state = ?", state).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// once checks that nothing came twice.
func (h *house) once() {
	h.t.Helper()
	for _, m := range h.mail.Received() {
		if m.Repeats != 0 {
			h.t.Errorf("mail %s came %d times", m.ID, m.Repeats+1)
		}
	}
	for _, r := range h.hook.Received() {
		if r.Repeats != 0 {
			h.t.Errorf("webhook %s came %d times", r.ID, r.Repeats+1)
		}
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		tellForEver(dir)
		return
	}
	os.Exit(m.Run())
}
