package notify

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// noRules are those of nobody, and not even loaded.
type noRules struct{}

func (noRules) Alerts(e911.OrgID, e911.SiteID) ([]e911.Alert, bool) { return nil, false }

func reminder(at time.Time) journal.Fact {
	return journal.Fact{Node: "a", Org: "o", Kind: journal.NotifyDue, At: at}
}

// A user who was asked where he is is told himself and nobody else, whatever the alert
// rules say; the same letter, told twice, is one notice.
//
// Proves: N-07, E5
func TestAReminderGoesToItsUserAlone(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	due := journal.Due{Reason: journal.DueFirstUse, OrgName: "Harbor", ArrivedAt: at, FirstUse: &journal.FirstUse{To: "Uma@harbor.example", Times: 1}}
	first, ready := expand(reminder(at), due, noRules{}, "")
	if !ready || len(first) != 1 || first[0].Channel != Mail || first[0].To != "Uma@harbor.example" || first[0].Org != "o" {
		t.Fatalf("%v %+v", ready, first)
	}
	again, _ := expand(reminder(at), due, noRules{}, "")
	later, _ := expand(reminder(at.Add(24*time.Hour)), due, noRules{}, "")
	if again[0].ID != first[0].ID || later[0].ID == first[0].ID {
		t.Errorf("%s, again %s, the next day %s", first[0].ID, again[0].ID, later[0].ID)
	}
	if h := Headline(due); h != "Harbor: say where you are, so that 911 finds you" {
		t.Errorf("%q", h)
	}
}

// Reminders that hang hold up no word of a call, not even to the same person.
//
// Proves: N-07, E4
func TestRemindersHoldUpNoWordOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := newBench(ctx, func(e *entry) error {
			if e.Due.FirstUse != nil {
				<-ctx.Done() // a mail server that hangs
			}
			return nil
		})
		for _, to := range []string{"guard@x", "uma@x", "bo@x", "cy@x", "di@x", "ed@x", "flo@x", "gil@x", "hal@x"} {
			b.add(&entry{Notice: Notice{ID: e911.NoticeID("ask " + to), Channel: Mail, To: to, Org: "o", At: time.Now(), Due: journal.Due{FirstUse: &journal.FirstUse{To: to}}}})
		}
		synctest.Wait()
		b.add(&entry{Notice: Notice{ID: "call", Channel: Mail, To: "guard@x", Org: "o", At: time.Now()}})
		synctest.Wait()
		if tries := b.log(&b.tries); len(tries) != 2 || !slices.Contains(tries, "0s guard@x:call") {
			t.Errorf("one reminder and the call are on their way: %v", tries)
		}
		cancel()
		b.end()
	})
}
