package callback

import (
	"context"
	"testing"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// A fault of ours that ends a callback costs no more than that one: it has an end on
// record, people are told, and the next one rings.
//
// Proves: E5, E6
func TestAFaultThatEndsACallbackIsTold(t *testing.T) {
	k := newKit(t)
	k.over(k.emergency(given{elin: true}))
	dial, broke := k.s.cfg.Dial, false
	k.s.cfg.Dial = func(ctx context.Context, in sipedge.Invite) emergency.Callee {
		if !broke {
			broke = true
			panic("a fault")
		}
		return dial(ctx, in)
	}
	k.back(elinA, pstn)
	k.await("served")
	if k.kinds(journal.CallbackEnded) != 1 || k.kinds(journal.AlarmRaised) != 1 {
		t.Errorf("%d ends, %d alarms", k.kinds(journal.CallbackEnded), k.kinds(journal.AlarmRaised))
	}
	k.await("fact notify.due callback_missed")
	next := k.back(elinA, pstn)
	k.await(byPBX)
	next.happens(sipedge.Cancelled, 0)
}
