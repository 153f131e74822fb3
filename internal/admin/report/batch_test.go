package report

import (
	"context"
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

// kept is a store in memory; a save is whole or nothing.
type kept struct {
	cursor uint64
	calls  map[e911.CallID]string
	writes int
}

func (k *kept) Cursor(context.Context, string) (uint64, error) { return k.cursor, nil }

func (k *kept) SaveCalls(_ context.Context, _ string, upTo uint64, calls []CallRecord) error {
	if upTo < k.cursor {
		return e911.Errorf(e911.Conflict, "the cursor goes back")
	}
	for _, c := range calls {
		k.calls[c.ID], k.writes = encoded(c), k.writes+1
	}
	k.cursor = upTo
	return nil
}

func (k *kept) Call(_ context.Context, _ e911.OrgID, id e911.CallID) (r CallRecord, err error) {
	text, ok := k.calls[id]
	if !ok {
		return r, e911.Errorf(e911.NotFound, "none")
	}
	return r, json.Unmarshal([]byte(text), &r)
}

// However the facts of many calls fall into batches, whenever the process is killed
// between two of them, and however much it reads again then, each record is what
// its facts tell one after the other.
//
// Proves: E5, F-29
func TestRecordsAreWholeWhereverTheBatchesEndAndTheProcessDies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var facts []journal.Fact
		left := map[int][]journal.Fact{}
		for i := range rapid.IntRange(1, 4).Draw(t, "calls") {
			left[i] = story(e911.CallID(fmt.Sprint("call", i)), 1)
		}
		for len(left) > 0 { // the facts of different calls come as they like
			for i := range 4 {
				if len(left[i]) > 0 && rapid.Bool().Draw(t, "next") {
					facts, left[i] = append(facts, left[i][0]), left[i][1:]
				}
				if len(left[i]) == 0 {
					delete(left, i)
				}
			}
		}
		want := map[e911.CallID]*CallRecord{}
		for i := range facts {
			facts[i].Seq = uint64(i + 1)
			if want[facts[i].Call] == nil {
				want[facts[i].Call] = &CallRecord{}
			}
			Apply(want[facts[i].Call], facts[i])
		}

		now := time.Date(2026, 11, 22, 9, 41, 8, 0, time.UTC)
		store := &kept{calls: map[e911.CallID]string{}}
		start := func() *Projector {
			p, err := NewProjector(ProjectorConfig{Node: "node", Feed: none{}, Store: store, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			p.cursor = store.cursor
			return p
		}
		p := start()
		for at := 0; at < len(facts); {
			n := rapid.IntRange(1, len(facts)-at).Draw(t, "batch")
			if err := p.project(t.Context(), facts[at:at+n]); err != nil {
				t.Fatal(err)
			}
			at += n
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 30}).Draw(t, "later")) * time.Second)
			if rapid.Bool().Draw(t, "killed") {
				p = start()
				at -= rapid.IntRange(0, at).Draw(t, "read again")
			}
		}
		for id, r := range want {
			got, err := store.Call(t.Context(), "org", id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(encoded(*r), encoded(got)); diff != "" {
				t.Fatalf("%s:\n%s", id, diff)
			}
		}
	})
}

// A short call whose facts come in one batch is written once, and what follows its
// end does not read it from the store again.
//
// Proves: E5, N-20
func TestAShortCallIsWrittenOnce(t *testing.T) {
	store := &kept{calls: map[e911.CallID]string{}}
	now := time.Date(2026, 11, 22, 9, 41, 8, 0, time.UTC)
	p, err := NewProjector(ProjectorConfig{Node: "node", Feed: none{}, Store: store, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	facts := story("call", 1)
	last := len(facts) - 1
	if err := p.project(t.Context(), facts[:last]); err != nil {
		t.Fatal(err)
	}
	if store.writes != 1 || len(p.calls) != 1 {
		t.Errorf("%d writes, %d calls in memory", store.writes, len(p.calls))
	}
	now = now.Add(heldEnded)
	if err := p.project(t.Context(), facts[last:]); err != nil {
		t.Fatal(err)
	}
	if store.writes != 2 || len(p.calls) != 0 {
		t.Errorf("at the end %d writes, %d calls in memory", store.writes, len(p.calls))
	}
}
