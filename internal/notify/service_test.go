package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/journal/disk/diskfault"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/webhook"
)

// Proves: W-15, W-34, E4, E10, F-36
func TestACallIsToldByMailAndWebhook(t *testing.T) {
	h := newHouse(t)
	h.start()
	began := time.Now()
	h.record(1)
	r := h.hooks(1)[0]
	webhookAfter := r.At.Sub(began)
	m := h.mails(1)[0]
	mailAfter := m.At.Sub(began)
	t.Logf("webhook after %v, mail after %v", webhookAfter, mailAfter)
	var p webhook.Payload
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatal(err)
	}
	if got, want := m.Header.Get(email.HeaderLocation), string(p.Location.ID); got != want || got == "" {
		t.Errorf("location in mail %q, in webhook %q", got, want)
	}
	if got, want := m.Header.Get(email.HeaderCallback), string(p.Caller.Callback); got != want || got != "+16175550111" {
		t.Errorf("callback in mail %q, in webhook %q", got, want)
	}
	if got, want := p.Call.URL, "https://callbox.example/calls/call-1"; got != want {
		t.Errorf("link = %q, want %q", got, want)
	}
	told := map[string]bool{}
	for _, f := range h.facts(journal.NotifySent, 2) {
		n, err := journal.Decode[journal.Notice](f)
		if err != nil {
			t.Fatal(err)
		}
		if f.Call != "call-1" || f.Org != "org-harbor" || n.Try != 1 || n.Reason != journal.DueLegOut || n.Error != "" {
			t.Errorf("fact %+v %+v", f, n)
		}
		told[n.Channel+" "+n.To] = true
	}
	if !told["mail security@harbor.example"] || !told["webhook "+h.hook.URL()] {
		t.Errorf("told: %v", told)
	}
}

// Proves: W-34, W-35
func TestTwoRulesForOneDestinationTellItOnce(t *testing.T) {
	h := newHouse(t)
	h.rules.bySit["site-hq"] = append([]e911.Alert{{
		ID: "alert-second", Key: "second", On: []e911.AlertOn{e911.AlertEmergency},
		Mail:    []string{"Security@Harbor.example", "director@harbor.example"},
		Webhook: []e911.Webhook{{URL: h.hook.URL(), Secret: "another secret"}, {URL: h.hook.URL(), Secret: secret}},
	}}, h.rules.bySit["site-hq"]...)
	h.start()
	h.record(1)
	if got := len(h.facts(journal.NotifySent, 3)); got != 3 {
		t.Errorf("%d notices", got)
	}
	to := map[string]int{}
	for _, m := range h.mails(2) {
		to[strings.ToLower(m.To[0])]++
	}
	if to["security@harbor.example"] != 1 || to["director@harbor.example"] != 1 || len(h.hooks(1)) != 1 {
		t.Errorf("mails: %v, webhooks: %d", to, len(h.hooks(1)))
	}
	h.once()
}

// Proves: W-34, F-36, N-25
func TestWhoIsTold(t *testing.T) {
	other := e911.Alert{ID: "alert-b", Key: "b", On: []e911.AlertOn{e911.AlertEmergency}, Mail: []string{"b@harbor.example"}}
	for _, c := range []struct {
		name   string
		change func(*journal.Due)
		hqOn   []e911.AlertOn
		want   string
	}{
		{"the site's rule", func(*journal.Due) {}, []e911.AlertOn{e911.AlertEmergency}, "security@harbor.example"},
		{"every rule of the organisation when the site is not known", func(d *journal.Due) { d.Site = "" }, []e911.AlertOn{e911.AlertEmergency}, "security@harbor.example b@harbor.example"},
		{"every rule of the organisation when the site's rules do not listen", func(*journal.Due) {}, []e911.AlertOn{e911.AlertTest}, "b@harbor.example"},
		{"the rules that listen to tests", func(d *journal.Due) { d.Class, d.Reason = e911.ClassTest933, journal.DueTest }, []e911.AlertOn{e911.AlertTest}, "security@harbor.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.rules.bySit["site-hq"][0].On = c.hqOn
			h.rules.bySit["site-hq"][0].Webhook = nil
			h.rules.bySit["site-b"] = []e911.Alert{other}
			h.start()
			h.record(1, c.change)
			want := strings.Fields(c.want)
			got := map[string]bool{}
			for _, m := range h.mails(len(want)) {
				got[m.To[0]] = true
			}
			h.stop() // everything that will be sent has been
			for _, w := range want {
				if !got[w] {
					t.Errorf("%s was not told", w)
				}
			}
			if n := len(h.mail.Received()); n != len(want) {
				t.Errorf("%d mails, want %d", n, len(want))
			}
		})
	}
}

// Proves: F-36
func TestACallThatNobodyIsToldOfRaisesAnAlarm(t *testing.T) {
	h := newHouse(t)
	h.rules.bySit = nil
	h.start()
	h.record(1, func(d *journal.Due) { d.Class, d.Reason = e911.ClassTest933, journal.DueTest }) // a test may be nobody's business
	h.record(2)
	h.alarm(notify.AlarmNobody)
	if all := h.facts(journal.AlarmRaised, 1); all[0].Call != "call-2" {
		t.Errorf("the alarm is about %s", all[0].Call)
	}
}

// Proves: W-34, E5
func TestMailIsDownForAWhile(t *testing.T) {
	for name, fault := range map[string]struct{ down, up func(h *house) }{
		"connections refused": {func(h *house) { h.mail.Down() }, func(h *house) {
			if err := h.mail.Up(); err != nil {
				t.Error(err)
			}
		}},
		"try later": {func(h *house) { h.mail.SetMode("later") }, func(h *house) { h.mail.SetMode("accept") }},
		"silence":   {func(h *house) { h.mail.SetMode("silent") }, func(h *house) { h.mail.SetMode("accept") }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			fault.down(h)
			h.start()
			const n = 8
			for i := range n {
				began := time.Now()
				h.record(i + 1)
				h.hooks(i + 1) // webhooks are not held up
				if took := time.Since(began); took > time.Second {
					t.Errorf("webhook %d took %v while mail was down", i+1, took)
				}
			}
			h.facts(journal.NotifyFailed, 1)
			fault.up(h)
			for i, m := range h.mails(n) {
				if got, want := m.Header.Get(email.HeaderCall), fmt.Sprintf("call-%d", i+1); got != want {
					t.Errorf("mail %d is about %s, want %s: the order was lost", i, got, want)
				}
			}
			h.stop()
			h.once()
			if got := h.rows(1); got != 2*n {
				t.Errorf("%d notices noted as sent, want %d", got, 2*n)
			}
		})
	}
}

// Proves: W-34, E5
func TestARestartSendsWhatIsLeftAndNothingTwice(t *testing.T) {
	h := newHouse(t)
	h.mail.Down()
	h.start()
	for i := range 5 {
		h.record(i + 1)
	}
	h.hooks(5)
	h.facts(journal.NotifySent, 5)
	h.stop()
	if err := h.mail.Up(); err != nil {
		t.Fatal(err)
	}
	h.start()
	for i, m := range h.mails(5) {
		if got, want := m.Header.Get(email.HeaderCall), fmt.Sprintf("call-%d", i+1); got != want {
			t.Errorf("mail %d is about %s, want %s", i, got, want)
		}
	}
	h.stop()
	h.start()
	h.record(6)
	h.mails(6)
	h.hooks(6)
	h.stop()
	h.once()
}

// Proves: W-34
func TestRefusalsHoldNobodyUp(t *testing.T) {
	h := newHouse(t)
	h.rules.bySit["site-hq"][0].Mail = []string{"not an address", "security@harbor.example"}
	h.start()
	h.mail.SetMode("refuse")
	h.record(1)
	h.facts(journal.NotifyFailed, 3) // one given up at once, two refusals
	h.mail.SetMode("accept")
	h.record(2)
	got := map[string]bool{}
	for _, m := range h.mails(2) {
		got[m.Header.Get(email.HeaderCall)] = true
	}
	if !got["call-1"] || !got["call-2"] {
		t.Errorf("mails about %v", got)
	}
	h.alarm(notify.AlarmGaveUp)
	h.hook.Answer(410)
	h.record(3)
	for n := 1; ; n++ {
		body, err := journal.Decode[journal.Notice](h.facts(journal.NotifyFailed, n)[n-1])
		if err != nil {
			t.Fatal(err)
		}
		if body.Channel == notify.Webhook && body.GaveUp && strings.Contains(body.Error, "410") {
			break
		}
	}
}

// Proves: E4, E5, F-38
func TestPeopleAreToldWhileTheJournalsDiskStandsStill(t *testing.T) {
	for _, op := range []diskfault.Op{diskfault.Write, diskfault.Sync} {
		t.Run(string(op), func(t *testing.T) {
			h := newHouse(t)
			fs := diskfault.New(disk.OS())
			h.fs = fs
			h.start()
			h.record(1)
			h.mails(1)
			h.hooks(1)
			release := fs.Hang(op)
			defer release()
			began := time.Now()
			r := h.record(2)
			got := h.hooks(2)[1]
			t.Logf("webhook %v after the call, disk hanging", got.At.Sub(began))
			h.mails(2)
			select {
			case <-r.Synced:
				t.Error("the disk did not hang")
			default:
			}
			release()
			select {
			case <-r.Synced:
			case <-time.After(20 * time.Second):
				t.Fatal("not synced after the disk recovered")
			}
			h.record(3)
			h.mails(3)
			h.hooks(3)
			h.stop()
			h.once() // the fact came twice, the notice did not
		})
	}
	t.Run("full", func(t *testing.T) {
		h := newHouse(t)
		fs := diskfault.New(disk.OS())
		h.fs = fs
		h.start()
		fs.Fail(diskfault.Write, syscall.ENOSPC)
		h.record(1)
		h.hooks(1)
		h.mails(1)
		fs.Fail(diskfault.Write, nil)
		h.facts(journal.NotifySent, 2)
		h.stop()
		h.once()
	})
}

// Proves: E5
func TestAnOldJournalWithoutAnOutboxRingsNobodyAgain(t *testing.T) {
	h := newHouse(t)
	j, err := disk.Open(disk.Config{Dir: filepath.Join(h.dir, "journal"), Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	for i := range 3 {
		<-j.Record(due(i+1, time.Now().Add(-time.Hour))).Synced
	}
	<-j.Record(due(4, time.Now().Add(-time.Minute))).Synced
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.start()
	if got := h.mails(1)[0].Header.Get(email.HeaderCall); got != "call-4" {
		t.Errorf("mail about %s, want call-4", got)
	}
	h.stop()
	if got := len(h.mail.Received()); got != 1 {
		t.Errorf("%d mails, want 1", got)
	}
}

// Proves: E3
func TestTheServiceWaitsForTheRules(t *testing.T) {
	h := newHouse(t)
	h.rules.unset = true
	h.start()
	h.record(1)
	h.record(2)
	h.rules.mu.Lock()
	h.rules.unset = false
	h.rules.mu.Unlock()
	h.mails(2)
	h.hooks(2)
	h.stop()
	h.once()
}

// Proves: E15
func TestConfigReportsAllFaults(t *testing.T) {
	_, err := notify.New(notify.Config{MaxAge: -1})
	if got := len(e911.FaultsOf(err)); got != 5 {
		t.Errorf("%d faults, want 5: %v", got, err)
	}
}

// Proves: W-34
func TestHeadlineIsOneBoundedLine(t *testing.T) {
	d := journal.Due{Who: "a\r\nb\u202e", Place: e911.Place{Display: strings.Repeat("x ", 1000)}, Demonstration: true}
	got := notify.Headline(d)
	if strings.ContainsAny(got, "\r\n\u202e") || len([]rune(got)) > 180 || !strings.HasSuffix(got, "… (demonstration)") {
		t.Errorf("headline = %q", got)
	}
}

// BenchmarkTold is one call at a time, from the fact to the webhook's arrival.
func BenchmarkTold(b *testing.B) {
	h := newHouse(b)
	h.rules.bySit["site-hq"][0].Mail = nil
	h.start()
	n := 0
	for b.Loop() {
		n++
		h.record(n)
		h.hooks(n)
	}
	h.stop()
}

// BenchmarkBacklog is a thousand calls at once to one mail address and one URL.
func BenchmarkBacklog(b *testing.B) {
	for b.Loop() {
		h := newHouse(b)
		h.start()
		for n := range 1000 {
			h.record(n + 1)
		}
		h.hooks(1000)
		h.mails(1000)
		h.stop()
	}
}
