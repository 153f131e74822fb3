package emergency

import (
	"context"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/testcall"
)

// urns answers calls to test URNs and keeps what it was to say.
type urns struct {
	readsOut
	got []testcall.URNTest
}

func (u *urns) AnswerURN(_ context.Context, leg testcall.Leg, t testcall.URNTest) testcall.URNResult {
	u.got = append(u.got, t)
	_ = leg.Answer(1, sipedge.Message{})
	return testcall.URNResult{Code: 200, Why: "the test is over"}
}

// A call to a test URN is decided as a call for help is, and reaches nobody: no
// leg, no notice, no record of a call.
//
// Proves: E2, E12, F-28, W-50, RFC 6881 section 15
func TestATestURNIsAnsweredHereAndLeavesNoCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t)
		k.token(ourToken)
		tests := &urns{}
		k.h.cfg.TestCall = tests
		l := k.call(t.Context(), invite(func(r *sipedge.Request) { r.URI = "urn:service:test.sos.fire" }, header("Geolocation", "<"+ourToken+">")))
		k.run.Wait()
		if k.dialled() != 0 {
			t.Error("a leg was dialled")
		}
		if len(tests.got) != 1 {
			t.Fatalf("asked for %d tests; %v", len(tests.got), l)
		}
		text := tests.got[0].Text
		for _, want := range []string{"No PSAP was called.", "Service: urn:service:test.sos.fire", "Location received: 0 by value, 1 by reference", "Location used: 795 Massachusetts Avenue", "Callback: +1617"} {
			if !strings.Contains(text, want) {
				t.Errorf("the text lacks %q:\n%s", want, text)
			}
		}
		if tests.got[0].Caller == "" {
			t.Error("nobody is limited")
		}
		r := one[journal.ReceivedTest](t, k.journal, journal.TestReceived)
		if r.Service != "urn:service:test.sos.fire" || r.Code != 200 || !r.Located || r.ByRef != 1 || r.PSAP.Key == "" || r.Trunk.Key == "" {
			t.Errorf("%+v", r)
		}
		for _, kind := range []journal.Kind{journal.CallArrived, journal.NotifyDue, journal.CallEnded} {
			if n := len(k.journal.all(kind)); n != 0 {
				t.Errorf("%d facts %s", n, kind)
			}
		}
	})
}

// Proves: F-28, RFC 6881 section 15
func TestATestURNWithoutATestServiceIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := newKit(t)
		k.h.cfg.TestCall = nil
		l := k.call(t.Context(), invite(func(r *sipedge.Request) { r.URI = "urn:service:test.sos" }))
		k.run.Wait()
		if got := k.tr.String(); !strings.Contains(got, "404") || k.dialled() != 0 {
			t.Errorf("%v; %s", l, got)
		}
	})
}
