package disk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
)

var noon = time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)

// numbered is a fact that tells itself from all others.
func numbered(n int) journal.Fact {
	return journal.New(journal.CallArrived, noon.Add(time.Duration(n)*time.Millisecond), "org", e911.CallID(fmt.Sprintf("call-%d", n)),
		journal.Arrived{Class: e911.ClassEmergency, Dialled: "sip:911@callbox.example", SIPCallID: fmt.Sprint(n)})
}

func numberOf(t testing.TB, f journal.Fact) int {
	t.Helper()
	body, err := journal.Decode[journal.Arrived](f)
	if err != nil {
		t.Fatalf("fact %d: %v", f.Seq, err)
	}
	var n int
	if _, err := fmt.Sscan(body.SIPCallID, &n); err != nil {
		t.Fatalf("fact %d: %v", f.Seq, err)
	}
	return n
}

// alarms collects alarms and lets a test wait for one.
type alarms struct {
	mu   sync.Mutex
	all  []disk.Alarm
	more chan struct{}
}

func newAlarms() *alarms { return &alarms{more: make(chan struct{})} }

func (a *alarms) add(al disk.Alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, al)
	close(a.more)
	a.more = make(chan struct{})
}

func (a *alarms) count(code disk.AlarmCode) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, al := range a.all {
		if al.Code == code {
			n++
		}
	}
	return n
}

func (a *alarms) await(t testing.TB, code disk.AlarmCode) {
	t.Helper()
	limit := time.After(60 * time.Second)
	for {
		a.mu.Lock()
		more := a.more
		a.mu.Unlock()
		if a.count(code) > 0 {
			return
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("no alarm %s came; alarms: %v", code, a.all)
		}
	}
}

func (a *alarms) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprint(a.all)
}

// running is a journal with its Run going.
type running struct {
	*disk.Journal
	stop func() error
}

func start(t testing.TB, cfg disk.Config) *running {
	t.Helper()
	if cfg.Node == "" {
		cfg.Node = "node-1"
	}
	j, err := disk.Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	var once sync.Once
	var stopErr error
	stop := func() error {
		once.Do(func() { cancel(); stopErr = <-done })
		return stopErr
	}
	t.Cleanup(func() { _ = stop() })
	return &running{Journal: j, stop: stop}
}

func await(t testing.TB, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(60 * time.Second):
		t.Fatalf("%s did not happen", what)
	}
}

// take reads n facts.
func take(t testing.TB, feed <-chan journal.Fact, n int) []journal.Fact {
	t.Helper()
	limit := time.After(60 * time.Second)
	var out []journal.Fact
	for len(out) < n {
		select {
		case f, ok := <-feed:
			if !ok {
				t.Fatalf("the feed ended after %d of %d facts", len(out), n)
			}
			out = append(out, f)
		case <-limit:
			t.Fatalf("%d of %d facts came", len(out), n)
		}
	}
	return out
}

// all opens the folder and reads everything that is in it.
func all(t testing.TB, cfg disk.Config) []journal.Fact {
	t.Helper()
	j := start(t, cfg)
	defer j.stop()
	st := j.Stat()
	if st.Synced == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out []journal.Fact
	feed := j.Subscribe(ctx, 1)
	for {
		select {
		case f := <-feed:
			out = append(out, f)
			if f.Seq == st.Synced {
				return out
			}
		case <-time.After(60 * time.Second):
			t.Fatalf("fact %d, the last one, is not read; the one before is %v", st.Synced, out[max(0, len(out)-1):])
		}
	}
}

// inOrder checks that facts are numbered want... without a gap and that each
// is the one that was recorded under its number.
func inOrder(t testing.TB, facts []journal.Fact, first int) {
	t.Helper()
	for i, f := range facts {
		if got, want := f.Seq, uint64(first+i); got != want {
			t.Fatalf("fact %d has number %d, want %d", i, got, want)
		}
		if got, want := numberOf(t, f), first+i; got != want {
			t.Fatalf("fact %d is the one recorded as %d", f.Seq, got)
		}
	}
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
