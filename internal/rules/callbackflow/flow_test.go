package callbackflow

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever happens in whatever order: nobody is dialled twice, there are never
// two who have the call, whoever answers without getting it is hung up, what
// rings at the end is cancelled, the PSAP is answered once at most, and after the
// end nobody is dialled.
//
// Proves: F-11, F-12, E6
func TestAnyOrderOfEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 4).Draw(t, "groups")
		m := New(Config{Groups: groups, LateOffer: rapid.Bool().Draw(t, "late offer")})
		watch := watcher{t: t, open: map[int]bool{}, had: map[int]bool{}}
		n := 0
		for _, g := range groups {
			n += g
		}
		watch.take(m.Step(Event{Kind: Arrived}))
		kinds := []EventKind{Ringing, Answered, Failed, Lost, Cancelled, Bye, ReInvite, ReInviteAnswered, Acked, Fired, Stopped}
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			ev := Event{
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), N: rapid.IntRange(-1, n+1).Draw(t, "n"),
				Code:  rapid.SampledFrom([]int{0, 180, 200, 408, 480, 486, 503, 603}).Draw(t, "code"),
				Timer: rapid.SampledFrom([]Timer{TimerNext, TimerGiveUp}).Draw(t, "timer"),
			}
			if ev.Kind == Fired || ev.Kind == Stopped {
				ev.N = 0
			}
			over := m.Ended()
			acts := m.Step(ev)
			if over && slices.ContainsFunc(acts, func(a Action) bool { return a.Do != ByeLeg }) {
				t.Fatalf("after the end: %v", acts)
			}
			if ev.Kind == Failed || ev.Kind == Lost || ev.Kind == Bye {
				delete(watch.open, ev.N)
			}
			if ev.Kind == Answered && ev.N > 0 && ev.N <= n && watch.had[ev.N] && m.Winner() != ev.N &&
				!slices.ContainsFunc(acts, func(a Action) bool { return a.Do == ByeLeg && a.N == ev.N }) {
				t.Fatalf("leg %d answered, has not the call, and is not hung up", ev.N)
			}
			watch.take(acts)
			if m.Ended() && m.Winner() == 0 && len(watch.open) > 0 {
				t.Fatalf("ended while %v ring", watch.open)
			}
		}
	})
}

// watcher follows what a machine wants.
type watcher struct {
	t        *rapid.T
	open     map[int]bool // ringing
	had      map[int]bool // ever dialled
	answers  int
	rejects  int
	finished int
}

func (w *watcher) take(acts []Action) {
	for _, a := range acts {
		switch a.Do {
		case Dial:
			if w.had[a.N] {
				w.t.Fatalf("leg %d is dialled twice", a.N)
			}
			w.had[a.N], w.open[a.N] = true, true
		case Cancel, ByeLeg:
			delete(w.open, a.N)
		case Answer:
			w.answers++
			delete(w.open, a.N)
		case Reject:
			w.rejects++
		case End:
			w.finished++
		}
	}
	if w.answers+w.rejects > 1 || w.finished > 1 {
		w.t.Fatalf("%d answers, %d refusals, %d ends", w.answers, w.rejects, w.finished)
	}
}
