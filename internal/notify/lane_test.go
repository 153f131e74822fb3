package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// bench is a sender whose destinations are functions.
type bench struct {
	*sender
	mu      sync.Mutex
	began   time.Time
	tries   []string // "10s a:1", in order
	settled []string
}

func newBench(ctx context.Context, deliver func(e *entry) error) *bench {
	b := &bench{began: time.Now()}
	b.sender = &sender{
		now: time.Now, first: time.Second, long: 5 * time.Minute, maxAge: 24 * time.Hour, stopped: ctx, hard: ctx,
		by: map[destination]*lane{}, slots: map[string]chan struct{}{}, orgSlots: map[string]map[e911.OrgID]chan struct{}{},
		deliver: func(ctx context.Context, e *entry) error {
			b.mu.Lock()
			b.tries = append(b.tries, fmt.Sprintf("%v %s:%s", time.Since(b.began).Round(time.Millisecond), e.To, e.ID))
			b.mu.Unlock()
			return deliver(e)
		},
		outcome: func(e *entry, err error, gaveUp bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if err == nil || gaveUp {
				b.settled = append(b.settled, fmt.Sprintf("%v %s %v", time.Since(b.began).Round(time.Millisecond), e.ID, err))
			}
		},
	}
	return b
}

func (b *bench) send(to, id string, org e911.OrgID) {
	b.add(&entry{Notice: Notice{ID: e911.NoticeID(id), Channel: Webhook, To: to, Org: org, At: time.Now()}})
}

func (b *bench) log(which *[]string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(*which)
}

// Proves: W-34, E5
func TestADestinationThatIsDownIsTriedLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var up atomic.Bool
		b := newBench(ctx, func(*entry) error {
			if !up.Load() {
				return errors.New("connection refused")
			}
			return nil
		})
		b.send("a", "1", "org")
		b.send("a", "2", "org")
		<-time.After(20 * time.Minute)
		want := []string{"0s", "1s", "3s", "7s", "15s", "31s", "1m3s", "2m7s", "4m15s", "8m31s", "13m31s", "18m31s"}
		for i := range want {
			want[i] += " a:1" // the first in the row, always
		}
		if got := b.log(&b.tries); !slices.Equal(got, want) {
			t.Errorf("tries:\n%q\nwant:\n%q", got, want)
		}
		up.Store(true)
		<-time.After(5 * time.Minute)
		if got, want := b.log(&b.settled), []string{"23m31s 1 <nil>", "23m31s 2 <nil>"}; !slices.Equal(got, want) {
			t.Errorf("settled: %q, want %q", got, want)
		}
		b.end()
	})
}

// Proves: E4, W-34
func TestSomethingNewIsTriedAtOnceButNotTwiceInASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var up atomic.Bool
		b := newBench(ctx, func(*entry) error {
			if !up.Load() {
				return errors.New("connection refused")
			}
			return nil
		})
		b.send("a", "1", "org")
		<-time.After(9 * time.Minute) // the next try of its own would be at 13m31s
		before := len(b.log(&b.tries))
		for range 10 {
			b.send("a", "more", "org")
			<-time.After(100 * time.Millisecond)
		}
		if got := len(b.log(&b.tries)) - before; got > 2 {
			t.Errorf("%d tries in a second", got)
		}
		up.Store(true)
		b.send("a", "last", "org")
		<-time.After(1100 * time.Millisecond) // a try at the very moment may still have failed
		settled := b.log(&b.settled)
		if len(settled) != 12 || settled[0][:5] != "9m1s " && settled[0][:5] != "9m2s " {
			t.Errorf("settled: %q, want all 12 within a second or so after the news", settled)
		}
		cancel()
		b.end()
	})
}

// Proves: E14, W-34
func TestDeadDestinationsOfOneOrganisationDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := newBench(ctx, func(e *entry) error {
			if e.Org == "bad" {
				<-time.After(5 * time.Second) // silence until the timeout
				return errors.New("timeout")
			}
			return nil
		})
		for i := range 500 {
			b.send(fmt.Sprintf("dead-%d", i), fmt.Sprint(i), "bad")
		}
		<-time.After(time.Second)
		b.send("good", "x", "good")
		synctest.Wait()
		if got, want := b.log(&b.settled), []string{"1s x <nil>"}; !slices.Equal(got, want) {
			t.Errorf("settled: %q, want %q", got, want)
		}
		cancel()
		b.end()
	})
}

// Proves: W-34
func TestARefusedNoticeIsGivenUpAfterItsTriesAndHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := newBench(ctx, func(e *entry) error {
			switch e.ID {
			case "bad":
				return fmt.Errorf("no: %w", ErrRefused)
			case "gone":
				return fmt.Errorf("never: %w", ErrGone)
			}
			return nil
		})
		b.send("a", "bad", "org")
		b.send("a", "gone", "org")
		b.send("a", "good", "org")
		<-time.After(time.Hour)
		got := b.log(&b.settled)
		want := []string{"0s gone never: gone", "0s good <nil>", "18m31s bad no: refused"}
		if !slices.Equal(got, want) {
			t.Errorf("settled: %q, want %q", got, want)
		}
		if n := b.waiting(); n != 0 {
			t.Errorf("%d wait", n)
		}
		b.end()
	})
}

// Proves: E5
func TestWhatIsADayOldIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b := newBench(ctx, func(*entry) error { return errors.New("down") })
		b.send("a", "1", "org")
		<-time.After(25 * time.Hour)
		if got := b.log(&b.settled); len(got) != 1 || got[0][:3] != "24h" {
			t.Errorf("settled: %q, want it given up after 24 h", got)
		}
		b.end()
	})
}

// Proves: E5
func TestTheQueueOfADestinationIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := newBench(ctx, func(*entry) error { return errors.New("down") })
		var out []string
		for i := range maxWaiting + 3 {
			if e := b.add(&entry{Notice: Notice{ID: e911.NoticeID(fmt.Sprint(i)), Channel: Mail, To: "a", At: time.Now()}}); e != nil {
				out = append(out, string(e.ID))
			}
		}
		if want := []string{"1", "2", "3"}; !slices.Equal(out, want) { // 0 may be on its way
			t.Errorf("pushed out: %v, want %v", out, want)
		}
		cancel()
		b.end()
	})
}

// Proves: E5
func TestTheIDFollowsFromTheFactAndTheDestination(t *testing.T) {
	r := oneRule{}
	seen := map[e911.NoticeID]string{}
	for _, change := range []struct{ node, org, call, reason, to string }{
		{"n", "o", "c", "r", "t@x"},
		{"n2", "o", "c", "r", "t@x"},
		{"n", "o2", "c", "r", "t@x"},
		{"n", "o", "c2", "r", "t@x"},
		{"n", "o", "c", "r2", "t@x"},
		{"n", "o", "c", "r", "t2@x"},
		{"n", "oc", "", "r", "t@x"},
	} {
		for range 2 {
			r.to = change.to
			f := fact(change.node, change.org, change.call, change.reason)
			due := f.due
			got, ready := expand(f.Fact, due, r, "")
			if !ready || len(got) != 1 {
				t.Fatal(got, ready)
			}
			key := fmt.Sprint(change)
			if was, there := seen[got[0].ID]; there && was != key {
				t.Errorf("%s and %s have one id", was, key)
			}
			seen[got[0].ID] = key
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d ids for 7 notices", len(seen))
	}
}

type oneRule struct{ to string }

func (r oneRule) Alerts(e911.OrgID, e911.SiteID) ([]e911.Alert, bool) {
	return []e911.Alert{{On: []e911.AlertOn{e911.AlertEmergency}, Mail: []string{r.to}}}, true
}

type dueFact struct {
	journal.Fact
	due journal.Due
}

func fact(node, org, call, reason string) dueFact {
	d := journal.Due{Reason: reason, Class: e911.ClassEmergency}
	f := journal.New(journal.NotifyDue, time.Unix(1_770_000_000, 0), e911.OrgID(org), e911.CallID(call), d)
	f.Node = node
	return dueFact{f, d}
}
