package notify_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/webhook"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/mail"
)

const childEnv = "CALLBOX_NOTIFY_CHILD"

// tellForEver is the process that is killed: it records calls, says which are
// written, and tells people of them.
func tellForEver(arg string) {
	parts := strings.Split(arg, "|") // folder, mail server, webhook, first call
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	first, err := strconv.Atoi(parts[3])
	fail(err)
	j, err := disk.Open(disk.Config{Dir: filepath.Join(parts[0], "journal"), Node: "node-1"})
	fail(err)
	m, err := email.New(email.Config{Server: parts[1], TLS: email.TLSNone, From: "callbox@harbor.example"})
	fail(err)
	s, err := notify.New(notify.Config{
		Dir: filepath.Join(parts[0], "outbox"), Feed: j, Recorder: j, Overdue: j, Channels: []notify.Channel{m, webhook.New(webhook.Config{})},
		Rules: &rules{bySit: map[e911.SiteID][]e911.Alert{"site-hq": {{
			ID: "alert-desk", On: []e911.AlertOn{e911.AlertEmergency}, Mail: []string{"security@harbor.example"},
			Webhook: []e911.Webhook{{URL: parts[2], Secret: secret}},
		}}}},
		BaseURL: "https://callbox.example", FirstPause: 10 * time.Millisecond, LongPause: 50 * time.Millisecond,
	})
	fail(err)
	go func() { fail(j.Run(context.Background())) }()
	go func() { fail(s.Run(context.Background())) }()
	for n := first; ; n++ {
		<-j.Record(due(n, time.Now())).Written
		fmt.Println("written", n)
		<-time.After(time.Duration(rand.IntN(4000)) * time.Microsecond)
		if n-first == 40 { // enough to be killed in; a slow machine must not fall behind for ever
			select {}
		}
	}
}

// Proves: E5, F-29, W-34
func TestAKillLosesNoNoticeAndRepeatsOnlyTheSame(t *testing.T) {
	kills := 25
	if testing.Short() {
		kills = 3
	}
	h := newHouse(t)
	written := map[string]bool{}
	next := 1
	for k := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{h.dir, h.mail.Addr(), h.hook.URL(), strconv.Itoa(next)}, "|"))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The kill comes while something is sent: shortly after a connection or
		// an arrival that is chosen at random.
		go func() {
			for range rand.IntN(40) {
				select {
				case <-h.mail.Changed():
				case <-h.hook.Changed():
				case <-time.After(2 * time.Second):
				}
			}
			<-time.After(time.Duration(rand.IntN(1500)) * time.Microsecond)
			_ = cmd.Process.Kill()
		}()
		for sc := bufio.NewScanner(out); sc.Scan(); {
			var n int
			if _, err := fmt.Sscanf(sc.Text(), "written %d", &n); err != nil {
				if strings.HasPrefix(sc.Text(), "error") {
					t.Fatalf("kill %d: %s", k, sc.Text())
				}
				continue
			}
			written[fmt.Sprintf("call-%d", n)] = true
			next = n + 1
		}
		_ = cmd.Wait()
		next++ // a call that was written and not said keeps its own number
	}
	h.start()
	h.mails(len(written))
	h.hooks(len(written))
	h.record(0) // one more call comes after all that is left, at each destination
	for n := len(written); !slices.ContainsFunc(h.mail.Received(), func(m mail.Message) bool { return m.Header.Get(email.HeaderCall) == "call-0" }); n++ {
		h.mails(n + 1)
	}
	for n := len(written); !slices.ContainsFunc(h.hook.Received(), func(r hook.Request) bool { return strings.Contains(string(r.Body), `"id":"call-0"`) }); n++ {
		h.hooks(n + 1)
	}
	h.stop()
	repeats := 0
	mailed, posted := map[string]int{}, map[string]int{}
	for _, m := range h.mail.Received() {
		mailed[m.Header.Get(email.HeaderCall)]++
		repeats += m.Repeats
		if m.Different != 0 {
			t.Errorf("mail %s came again with other content", m.ID)
		}
	}
	for _, r := range h.hook.Received() {
		var call string
		if _, after, ok := strings.Cut(string(r.Body), `"call":{"id":"`); ok {
			call, _, _ = strings.Cut(after, `"`)
		}
		posted[call]++
		repeats += r.Repeats
		if r.Different != 0 {
			t.Errorf("webhook %s came again with other content: %s", r.ID, r.Body)
		}
	}
	for call := range written {
		if mailed[call] != 1 || posted[call] != 1 {
			t.Errorf("%s: %d different mails, %d different webhooks, want one each", call, mailed[call], posted[call])
		}
	}
	t.Logf("%d kills, %d calls, %d repetitions", kills, len(written), repeats)
	if repeats > kills*2 { // one mail and one webhook are in flight at a kill
		t.Errorf("%d repetitions after %d kills", repeats, kills)
	}
}
