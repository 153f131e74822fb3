package trial

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/snapshot"
)

// nowhere has no trunk that leads anywhere.
type nowhere struct{}

func (nowhere) Targets(e911.Trunk) []ladder.Target { return nil }

func (nowhere) Authorize(e911.TrunkID) func(sipedge.Challenge) sipedge.Headers { return nil }

func (nowhere) Take(e911.TrunkID) (func(), bool) { return func() {}, true }

func (nowhere) Request(context.Context, sipedge.Outgoing) (sipedge.Response, error) {
	return sipedge.Response{}, errors.New("nobody is there")
}

// paper is a Service that remembers and dials nothing.
type paper struct {
	*Service
	facts *memory
	clock time.Time

	mu     sync.Mutex
	alarms []string
}

func (p *paper) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.alarms)
}

func newPaper(t *testing.T, now func() time.Time, trunks ...e911.Trunk) *paper {
	t.Helper()
	p := &paper{facts: &memory{}, clock: began}
	if now == nil {
		now = func() time.Time { return p.clock }
	}
	holder := &snapshot.Holder{}
	holder.Store(worldOf(t, trunks...))
	ports, err := media.New(media.Config{Addr: netip.MustParseAddr(ours)})
	if err != nil {
		t.Fatal(err)
	}
	p.Service, err = New(Config{
		Snapshot: holder, Trunks: nowhere{}, Ask: nowhere{}, Media: ports, Journal: p.facts, Domain: "callbox.example", Now: now,
		Dial: func(context.Context, sipedge.Invite) Leg { panic("nothing is dialled here") },
		Alarm: func(_ e911.OrgID, a journal.Alarm) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.alarms = append(p.alarms, a.Code+": "+a.Detail)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func monthly() e911.Trunk {
	return trunkOf(1, "carrier-a", e911.SideCarrier, "sip:psap@carrier.example", e911.MarkMonthly933)
}

func placedFact(at time.Time, kind calltrace.Kind, answered bool) journal.Fact {
	return journal.New(journal.TestPlaced, at, "", "", journal.PlacedTest{
		Kind: string(kind), Trunk: journal.Ref{ID: string(id[e911.TrunkID](1)), Key: "carrier-a"}, Dialled: "933", Answered: answered, Verdict: "said",
	})
}

// Proves: F-28
func TestAMonthlyTestIsToldOfOnceAWeekUntilItWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper(t, time.Now, monthly(), trunkOf(2, "carrier-b", e911.SideCarrier, "sip:psap@b.example"))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		after := func(d time.Duration, want int, why string) {
			t.Helper()
			<-time.After(d) // of the bubble
			synctest.Wait()
			if got := p.told(); len(got) != want {
				t.Errorf("%s: %d alarms, want %d: %q", why, len(got), want, got)
			}
		}
		after(48*time.Hour, 0, "before the journal was read it is not known what is due")
		p.Restored()
		p.Restored() // once more does nothing
		after(time.Second, 1, "there never was a good one")
		after(6*24*time.Hour, 1, "within the week")
		after(26*time.Hour, 2, "a week later")
		if err := p.Restore(placedFact(time.Now(), calltrace.Through933, true)); err != nil {
			t.Fatal(err)
		}
		after(30*24*time.Hour, 2, "for a month after a good one")
		after(25*time.Hour, 3, "31 days after a good one")
		if want := "test_overdue: the monthly test through 933 of the trunk carrier-a is due, the last good one was 31 days ago: callbox call --trunk carrier-a"; p.told()[2] != want {
			t.Errorf("alarm %q, want %q", p.told()[2], want)
		}
		for _, kind := range []calltrace.Kind{calltrace.TestURN, calltrace.Other} {
			_ = p.Restore(placedFact(time.Now(), kind, true))
		}
		_ = p.Restore(placedFact(time.Now(), calltrace.Through933, false))
		after(8*24*time.Hour, 4, "neither other kinds nor a test that failed will do")
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := kindsOf(p.facts.all()); got != strings.TrimSpace(strings.Repeat("test.overdue ", 4)) {
			t.Errorf("facts: %s", got)
		}
	})
}

// What stands in the journal is all that is needed.
//
// Proves: F-28
func TestAfterARestartTheSameIsKnown(t *testing.T) {
	before := newPaper(t, nil, monthly())
	for _, f := range []journal.Fact{
		placedFact(began.Add(-40*24*time.Hour), calltrace.Through933, true), placedFact(began.Add(-time.Hour), calltrace.Through933, false),
		placedFact(began.Add(-2*time.Hour), calltrace.TestURN, true), placedFact(began.Add(-3*time.Hour), calltrace.Other, false),
		journal.New(journal.TestReceived, began.Add(-time.Minute), id[e911.OrgID](testOrg), "", journal.ReceivedTest{Service: "urn:service:test.sos", Code: 200}),
	} {
		before.record(f)
	}
	one, err := before.Arrange(id[e911.OrgID](testOrg), journal.Arranged{PSAP: "Middlesex", Contact: "Sgt. Wood, +1 617 555 0199", For: began.Add(time.Hour), Script: "say that it is a test", By: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	before.clock = began.Add(2 * time.Hour)
	if err := before.Result(journal.ArrangedResult{ID: one, Outcome: Passed, ReadBack: "795 Massachusetts Avenue, room 210", Evidence: "call.wav", SHA256: strings.Repeat("ab", 32), Bytes: 7, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	before.tell(before.clock)

	after := newPaper(t, nil, monthly())
	after.clock = before.clock
	for _, f := range before.facts.all() {
		if err := after.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before.List(), after.List()); diff != "" {
		t.Errorf("before and after the restart (-before +after):\n%s", diff)
	}
	l := after.List()
	if len(l.Through) != 1 || !l.Through[0].Overdue || !l.Through[0].Good.Answered || l.Through[0].Last.Answered || len(l.TestURNs) != 1 || len(l.Others) != 1 || len(l.Received) != 1 {
		t.Errorf("%+v", l)
	}
	if a := l.Arranged; len(a) != 1 || a[0].Result == nil || a[0].Result.SHA256 != strings.Repeat("ab", 32) || a[0].Result.ReadBack != "795 Massachusetts Avenue, room 210" || !a[0].ResultAt.Equal(before.clock) {
		t.Errorf("%+v", a)
	}
	after.tell(after.clock)
	if len(before.told()) != 1 || len(after.told()) != 0 {
		t.Errorf("alarms before %q, after %q: the restart forgot what was told", before.told(), after.told())
	}
	if err := after.Restore(journal.Fact{Kind: journal.TestPlaced, Body: []byte("{")}); err == nil {
		t.Error("a fact that cannot be read is no error")
	}
	if err := after.Restore(journal.Fact{Kind: "call.arrived", Body: []byte("{")}); err != nil {
		t.Errorf("a fact of something else: %v", err)
	}
}

// Proves: F-28
func TestAnArrangedTestNeedsWhoAgreedAndWhatWasReadBack(t *testing.T) {
	p := newPaper(t, nil)
	_, err := p.Arrange("", journal.Arranged{Place: strings.Repeat("x", maxText+1)})
	var paths []string
	for _, f := range e911.FaultsOf(err) {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "psap contact for place" {
		t.Errorf("faults in %s: %v", got, err)
	}
	one, err := p.Arrange("", journal.Arranged{PSAP: "Middlesex", Contact: "Sgt. Wood", For: began.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		after time.Duration
		r     journal.ArrangedResult
		kind  e911.Kind
	}{
		{"no outcome", 2 * time.Hour, journal.ArrangedResult{ID: one}, e911.Invalid},
		{"passed without what was read back", 2 * time.Hour, journal.ArrangedResult{ID: one, Outcome: Passed}, e911.Invalid},
		{"evidence without its digest", 2 * time.Hour, journal.ArrangedResult{ID: one, Outcome: Failed, Evidence: "call.wav"}, e911.Invalid},
		{"a digest of nothing", 2 * time.Hour, journal.ArrangedResult{ID: one, Outcome: Failed, SHA256: strings.Repeat("ab", 32)}, e911.Invalid},
		{"another test", 2 * time.Hour, journal.ArrangedResult{ID: "arranged-x", Outcome: Failed}, e911.NotFound},
		{"a result before its time", 0, journal.ArrangedResult{ID: one, Outcome: Passed, ReadBack: "x"}, e911.Invalid},
	} {
		p.clock = began.Add(c.after)
		if err := p.Result(c.r); err == nil || e911.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %v", c.name, err, c.kind)
		}
	}
	p.clock = began
	if err := p.Result(journal.ArrangedResult{ID: one, Outcome: Cancelled}); err != nil {
		t.Errorf("cancelled before its time: %v", err)
	}
	if got := kindsOf(p.facts.all()); got != "test.arranged test.result" {
		t.Errorf("facts: %s", got)
	}
	for range maxArranged + 5 {
		p.record(journal.New(journal.TestArranged, began, "", "", journal.Arranged{ID: "arranged-other"}))
	}
	if n := len(p.List().Arranged); n != maxArranged {
		t.Errorf("%d are remembered, %d allowed", n, maxArranged)
	}
}

// Proves: E9
func TestTheConfigurationTellsAllItsFaults(t *testing.T) {
	_, err := New(Config{AtOnce: -1})
	for _, want := range []string{"snapshot", "trunks", "asker", "dial", "media", "journal", "alarm", "domain", "clock", "not negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}
