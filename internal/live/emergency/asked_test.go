package emergency

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Who was asked where he is and did not answer calls as if nobody had asked: the facts
// and what people are told have it besides, with its date.
//
// Proves: N-07, E1, F-24, E11
func TestACallerWhoOwesAnAnswerCallsLikeAnyOther(t *testing.T) {
	at := time.Date(1999, 12, 20, 9, 0, 0, 0, time.UTC)
	type outcome struct {
		routed journal.Routed
		place  string
		where  []string
		asked  *time.Time
		due    journal.Due
	}
	dial := func(t *testing.T, change func(*world)) (o outcome) {
		t.Helper()
		bubble(t, func(t *testing.T) {
			k := newKit(t, change)
			settled(t, k, invite())
			located := one[journal.Located](t, k.journal, journal.CallLocated)
			o = outcome{
				routed: one[journal.Routed](t, k.journal, journal.CallRouted), place: located.Place.Display, where: located.Flags, asked: located.Asked,
				due: one[journal.Due](t, k.journal, journal.NotifyDue),
			}
		})
		return o
	}
	bare := func(w *world) { w.number.Location, w.model.HELD = "", false }
	plain := dial(t, bare)
	owes := dial(t, func(w *world) { bare(w); w.user.Asked = at })
	if plain.asked != nil || plain.due.Asked != nil || slices.Contains(plain.due.Flags, identify.FlagUnanswered) {
		t.Errorf("nobody was asked: %+v", plain)
	}
	if owes.asked == nil || !owes.asked.Equal(at) || !slices.Contains(owes.where, identify.FlagUnanswered) {
		t.Errorf("located: asked %v, flags %v", owes.asked, owes.where)
	}
	if owes.due.Asked == nil || !owes.due.Asked.Equal(at) || !slices.Contains(owes.due.Flags, identify.FlagUnanswered) {
		t.Errorf("people are told: asked %v, flags %v", owes.due.Asked, owes.due.Flags)
	}
	if diff := cmp.Diff(plain.routed, owes.routed); diff != "" || plain.place != owes.place {
		t.Errorf("the call goes another way (-not asked +asked):\n%s\n%q, then %q", diff, plain.place, owes.place)
	}
	answered := dial(t, func(w *world) { w.user.Asked, w.model.HELD = at, false })
	if answered.asked != nil || answered.due.Asked != nil || slices.Contains(answered.where, identify.FlagUnanswered) {
		t.Errorf("his number has an address: %+v", answered)
	}
}
