package report

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// story is the facts of one call.
func story(call e911.CallID, from uint64) []journal.Fact {
	at := time.Date(2026, 11, 22, 9, 41, 7, 0, time.UTC)
	bodies := []struct {
		kind journal.Kind
		body any
	}{
		{journal.CallArrived, journal.Arrived{Class: e911.ClassEmergency, Dialled: "sip:911@callbox.example"}},
		{journal.CallIdentified, journal.Identified{By: e911.ByLineNumber, Line: "+16175550111", Flags: []string{"a", "b"}}},
		{journal.CallLocated, journal.Located{By: e911.ByLLDPPort, Class: "fresh", Place: e911.Place{Display: "Mill 1, Floor 2"}}},
		{journal.CallRouted, journal.Routed{PSAP: journal.Ref{ID: "psap"}}},
		{journal.NotifyDue, journal.Due{Reason: journal.DueLegOut, Who: "Front desk"}},
		{journal.CallAttempt, journal.Attempt{N: 1, Sent: true, To: "sip:psap@127.0.0.21", PIDFLO: "<presence/>"}},
		{journal.CallAnswered, journal.Answered{N: 1}},
		{journal.NotifySent, journal.Notice{ID: "n1", Channel: "mail", To: "desk@harbor.example", Try: 1}},
		{journal.CallEnded, journal.Ended{By: "caller", Reason: "hung up"}},
		{journal.NotifySent, journal.Notice{ID: "n2", Channel: "webhook", To: "https://harbor.example", Try: 1}},
	}
	facts := make([]journal.Fact, len(bodies))
	for i, b := range bodies {
		facts[i] = journal.New(b.kind, at.Add(time.Duration(i)*10*time.Millisecond), "org", call, b.body)
		facts[i].Node, facts[i].Seq = "node", from+uint64(i)
	}
	return facts
}

// However often and whenever somebody looks, the board shows what the facts tell
// one after the other, and what was shown is never changed.
//
// Proves: E11, D-12
func TestTheBoardShowsTheSameWheneverSomebodyLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, err := NewBoard(BoardConfig{Node: "node", Feed: none{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		want := &CallRecord{}
		type shown struct {
			record CallRecord
			text   string
		}
		var all []shown
		for _, f := range story("call", 1) {
			b.take(f)
			if rapid.Bool().Draw(t, "again") {
				b.take(f) // a fact that comes twice tells nothing new
			}
			Apply(want, f)
			if rapid.Bool().Draw(t, "look") {
				r, ok := b.Call("org", "call")
				if !ok {
					t.Fatal("the call is not on the board")
				}
				if diff := cmp.Diff(*want, r); diff != "" {
					t.Fatalf("after %s:\n%s", f.Kind, diff)
				}
				all = append(all, shown{r, encoded(r)})
			}
		}
		for i, s := range all {
			if encoded(s.record) != s.text {
				t.Fatalf("what was shown first, %d, was changed since", i)
			}
		}
		if got := b.Calls("org"); len(got) != 1 || cmp.Diff(*want, got[0]) != "" {
			t.Fatalf("at the end: %v", got)
		}
	})
}

func encoded(r CallRecord) string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type none struct{ journal.Feed }

func BenchmarkBoardOfABusyNode(b *testing.B) {
	board, err := NewBoard(BoardConfig{Node: "node", Feed: none{}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	seq := uint64(1)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		facts := story(e911.CallID(fmt.Sprint("call", i)), seq)
		seq += uint64(len(facts))
		b.StartTimer()
		for _, f := range facts {
			board.take(f)
		}
	}
}
