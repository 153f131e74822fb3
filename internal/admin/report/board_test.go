package report_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// stage is a journal with a board that follows it.
type stage struct {
	*report.Board
	journal *reporttest.Journal
}

func newStage(t *testing.T, keep int, now time.Time) stage {
	t.Helper()
	j := reporttest.NewJournal()
	b, err := report.NewBoard(report.BoardConfig{
		Node: reporttest.Node, Feed: j, Keep: keep, Now: func() time.Time { return now }, Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return stage{b, j}
}

func (s stage) tell(t *testing.T, facts ...journal.Fact) {
	t.Helper()
	s.journal.Add(facts...)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Reached(ctx, uint64(len(s.journal.Facts()))); err != nil {
		t.Fatal(err)
	}
}

func at(n int, o e911.OrgID) *reporttest.Story {
	return &reporttest.Story{Org: o, Call: reporttest.CallID(n), At: arrival.Add(time.Duration(n) * time.Minute)}
}

func ids(calls []report.CallRecord) []e911.CallID {
	var out []e911.CallID
	for _, c := range calls {
		out = append(out, c.ID)
	}
	return out
}

// Proves: D-12, E14
func TestTheBoardHoldsTheNewestCallsOfEachOrganisation(t *testing.T) {
	s := newStage(t, 0, arrival.Add(time.Hour))
	s.tell(t, at(1, "a").Arrived().Ended(9, "caller", 0).Take()...)
	s.tell(t, at(2, "b").Arrived().Take()...)
	s.tell(t, at(3, "a").Arrived().Take()...)
	if d := cmp.Diff([]e911.CallID{reporttest.CallID(3), reporttest.CallID(1)}, ids(s.Calls("a"))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]e911.CallID{reporttest.CallID(2)}, ids(s.Calls("b"))); d != "" {
		t.Error(d)
	}
	if _, ok := s.Call("a", reporttest.CallID(2)); ok {
		t.Error("one organisation sees another's call")
	}
	if len(s.Calls("c")) != 0 {
		t.Error("an unknown organisation has calls")
	}
}

// Proves: D-12, E14
func TestTheBoardForgetsOldCallsButNoneInProgress(t *testing.T) {
	s := newStage(t, 10, arrival.Add(2*time.Hour))
	s.tell(t, at(1, "a").Arrived().Take()...)
	s.tell(t, at(1, "quiet").Arrived().Ended(5, "caller", 0).Take()...)
	for n := 2; n < 80; n++ {
		s.tell(t, at(n, "a").Arrived().Ended(9, "caller", 0).Take()...)
	}
	calls := s.Calls("a")
	if len(calls) > 40 || len(calls) < 11 {
		t.Errorf("the board holds %d calls, want some 10 past ones and one in progress", len(calls))
	}
	if calls[len(calls)-1].ID != reporttest.CallID(1) {
		t.Error("the call in progress was forgotten")
	}
	if len(s.Calls("quiet")) != 1 {
		t.Error("one organisation's calls drove out another's")
	}
}

// Proves: D-12
func TestTheBoardShowsNoHalfCalls(t *testing.T) {
	s := newStage(t, 0, arrival)
	late := at(1, "a").Arrived()
	late.Take() // it arrived before the board began to read
	s.tell(t, late.Identified().Answered(5, 1).Told(9, journal.DueLegOut).Take()...)
	if calls := s.Calls("a"); len(calls) != 0 {
		t.Errorf("half a call would hide the whole one in the store: %+v", calls)
	}
}

// Proves: D-12
func TestWhoWasAwayGetsEachChangedCallOnceAsItIsNow(t *testing.T) {
	s := newStage(t, 0, arrival.Add(time.Hour))
	s.tell(t, at(1, "a").Arrived().Take()...)
	mark := s.Mark()
	s.tell(t, at(2, "a").Arrived().Identified().Take()...)
	second := at(1, "a").Answered(50, 1).Ended(80, "caller", 30)
	s.tell(t, second.Take()...)
	s.tell(t, at(3, "b").Arrived().Take()...)
	got := s.Changes("a", mark)
	if d := cmp.Diff([]e911.CallID{reporttest.CallID(2), reporttest.CallID(1)}, ids(got.Calls)); d != "" {
		t.Errorf("changed calls (-want +got):\n%s", d)
	}
	if got.Reset || got.Calls[1].State != report.Ended {
		t.Errorf("reset %v, state %s", got.Reset, got.Calls[1].State)
	}
	if again := s.Changes("a", got.Mark); len(again.Calls) != 0 || again.Reset {
		t.Errorf("told twice: %v", ids(again.Calls))
	}
}

// Proves: D-12
func TestAMarkThatIsTooOldOrOfAnotherJournalStartsAnew(t *testing.T) {
	s := newStage(t, 4, arrival.Add(2*time.Hour))
	s.tell(t, at(1, "a").Arrived().Ended(9, "caller", 0).Take()...)
	old := s.Mark()
	for n := 2; n < 60; n++ {
		s.tell(t, at(n, "a").Arrived().Ended(9, "caller", 0).Take()...)
	}
	for name, m := range map[string]report.Mark{
		"older than what is held": {Node: reporttest.Node, Seq: old.Seq},
		"another journal":         {Node: "n9", Seq: 4},
		"the future":              {Node: reporttest.Node, Seq: 1 << 40},
	} {
		got := s.Changes("a", m)
		if !got.Reset || len(got.Calls) == 0 {
			t.Errorf("%s: reset %v with %d calls", name, got.Reset, len(got.Calls))
		}
	}
	if s.Changes("a", report.Mark{}).Reset {
		t.Error("a page that never saw anything is told that it missed something")
	}
}

// Proves: E1, E14
func TestAlarmsBelongToTheirOrganisation(t *testing.T) {
	s := newStage(t, 2, arrival)
	for i, o := range []e911.OrgID{"a", "", "a", "b", "a"} {
		s.tell(t, journal.New(journal.AlarmRaised, arrival, o, "", journal.Alarm{Code: "c", Detail: string(rune('1' + i))}))
	}
	var got []string
	for _, a := range s.Alarms("a") {
		got = append(got, a.Detail)
	}
	if d := cmp.Diff([]string{"5", "3"}, got); d != "" {
		t.Errorf("alarms of a, newest first, two kept (-want +got):\n%s", d)
	}
	if len(s.Alarms("")) != 0 {
		t.Error("alarms of nobody are shown to somebody")
	}
}

func TestAWatcherIsWokenForItsOwnOrganisationOnly(t *testing.T) {
	s := newStage(t, 0, arrival)
	wake, stop := s.Watch("a")
	other, stopOther := s.Watch("b")
	defer stopOther()
	s.tell(t, at(1, "a").Arrived().Identified().Located().Take()...)
	select {
	case <-wake:
	case <-time.After(10 * time.Second):
		t.Fatal("not woken")
	}
	select {
	case <-other:
		t.Error("woken by another organisation's call")
	default:
	}
	stop()
}

// Proves: D-12, E3
func TestTheProjectorOutlivesAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, store := reporttest.NewJournal(), reporttest.NewStore()
		down := true
		store.Fail(func(string) error {
			if down {
				return e911.Errorf(e911.Unavailable, "disk I/O error")
			}
			return nil
		})
		p, err := report.NewProjector(report.ProjectorConfig{Node: reporttest.Node, Feed: j, Store: store, Now: time.Now, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		board, err := report.NewBoard(report.BoardConfig{Node: reporttest.Node, Feed: j, Now: time.Now, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var parts sync.WaitGroup
		parts.Go(func() { _ = p.Run(ctx) })
		parts.Go(func() { _ = board.Run(ctx) })
		story := tale().Arrived().Identified().Located().Routed().Attempt(4, 1).Answered(900, 1)
		j.Add(story.Take()...)
		if err := board.Reached(ctx, 6); err != nil {
			t.Fatal(err)
		}
		if calls := board.Calls(org); len(calls) != 1 || calls[0].State != report.Connected {
			t.Errorf("with the store down the board shows %v", calls)
		}
		soon, stop := context.WithTimeout(ctx, time.Hour)
		if err := store.Reached(soon, reporttest.Node, 1); err == nil {
			t.Error("a store that is down kept a call")
		}
		stop()
		down = false
		if err := store.Reached(ctx, reporttest.Node, 6); err != nil {
			t.Fatal(err)
		}
		// A call that goes on after a restart is read from the store first.
		cancel()
		parts.Wait()
		ctx, cancel = context.WithCancel(t.Context())
		p, _ = report.NewProjector(report.ProjectorConfig{Node: reporttest.Node, Feed: j, Store: store, Now: time.Now, Log: quiet()})
		parts.Go(func() { _ = p.Run(ctx) })
		j.Add(story.Ended(60_000, "psap", 59_000).Take()...)
		if err := store.Reached(ctx, reporttest.Node, 7); err != nil {
			t.Fatal(err)
		}
		got, err := store.Call(ctx, org, reporttest.CallID(1))
		if err != nil || got.State != report.Ended || len(got.Timeline) != 7 {
			t.Errorf("after a restart: %v, %s, %d entries, want 7", err, got.State, len(got.Timeline))
		}
		cancel()
		parts.Wait()
	})
}

// Proves: F-31
func TestARecordThatTheStoreRefusesHoldsBackNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := reporttest.NewJournal()
		store := &picky{Store: reporttest.NewStore(), refuse: reporttest.CallID(2)}
		p, err := report.NewProjector(report.ProjectorConfig{Node: reporttest.Node, Feed: j, Store: store, Now: time.Now, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var parts sync.WaitGroup
		parts.Go(func() { _ = p.Run(ctx) })
		for n := 1; n <= 3; n++ {
			j.Add(at(n, org).Arrived().Take()...)
		}
		if err := store.Reached(ctx, reporttest.Node, 3); err != nil {
			t.Fatal(err)
		}
		calls, err := store.ListCalls(ctx, org, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]e911.CallID{reporttest.CallID(3), reporttest.CallID(1)}, ids(calls)); d != "" {
			t.Error(d)
		}
		cancel()
		parts.Wait()
	})
}

// picky refuses one call for what it is.
type picky struct {
	*reporttest.Store
	refuse e911.CallID
}

func (p *picky) SaveCalls(ctx context.Context, node string, upTo uint64, calls []report.CallRecord) error {
	for _, c := range calls {
		if c.ID == p.refuse {
			return e911.Errorf(e911.Invalid, "too long")
		}
	}
	return p.Store.SaveCalls(ctx, node, upTo, calls)
}

func TestAProjectorSaysWhenItsJournalWasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, store := reporttest.NewJournal(), reporttest.NewStore()
		if err := store.SaveCalls(t.Context(), reporttest.Node, 5000, nil); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		p, err := report.NewProjector(report.ProjectorConfig{
			Node: reporttest.Node, Feed: j, Store: store, Now: time.Now, Last: func() uint64 { return 3 },
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = p.Run(ctx) }()
		synctest.Wait()
		cancel()
		<-done
		if !strings.Contains(log.String(), "the journal was replaced") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// Proves: E5
func TestTheProjectorGathersFactsThatComeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, store := reporttest.NewJournal(), reporttest.NewStore()
		for n := 1; n <= 100; n++ {
			j.Add(at(n, org).Arrived().Identified().Ended(9, "caller", 0).Take()...)
		}
		p, err := report.NewProjector(report.ProjectorConfig{Node: reporttest.Node, Feed: j, Store: store, Now: time.Now, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var parts sync.WaitGroup
		parts.Go(func() { _ = p.Run(ctx) })
		began := time.Now()
		if err := store.Reached(ctx, reporttest.Node, 300); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("records reach the store after %v, want within a second", took)
		}
		if n := store.Saves(); n > 5 {
			t.Errorf("300 facts took %d transactions", n)
		}
		cancel()
		parts.Wait()
	})
}

func TestConfigurationsReportAllFaults(t *testing.T) {
	if _, err := report.NewBoard(report.BoardConfig{Keep: -1}); err == nil || len(strings.Split(err.Error(), "\n")) != 5 {
		t.Errorf("board: got %v, want five faults", err)
	}
	if _, err := report.NewProjector(report.ProjectorConfig{}); err == nil || len(strings.Split(err.Error(), "\n")) != 5 {
		t.Errorf("projector: got %v, want five faults", err)
	}
}
