package app

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/explain"
	"github.com/callbox911/callbox/internal/rules/logevent"
	"github.com/callbox911/callbox/internal/sim/phone"
)

// One call, asked about as it was; after the world changed, as it would be; and
// with the server gone.
//
// Proves: E11, E14, N-01, N-47, D-14; NENA-STA-010.3, section 4.12.3
func TestExplainACallSaysWhatItDidAndWhatItWouldDoToday(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	running, stop := context.WithCancel(ctx)
	defer stop()
	a := newAsked(running, t)
	uri := a.locate(a.desk).URI
	a.advance(time.Minute)
	call, err := a.desk.Dial(ctx, phone.Dialling{Number: "911", Location: uri})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
	id := "call=" + string(a.record().ID)
	if err := waitFor(ctx, 20*time.Second, "what became of both notices", func() bool { return len(a.record().Notices) == 2 }); err != nil {
		t.Fatal(err)
	}
	a.advance(time.Hour)

	same, text := a.explain(id)
	a.said("call", a.withoutSteps(text))
	if !same.Replayed || len(same.Differs) != 0 || len(same.Made) != 1 || same.Made[0].Invite == nil {
		t.Errorf("nothing changed since: replayed %v, differs %v, %d calls", same.Replayed, same.Differs, len(same.Made))
	}

	logged, _ := a.explain(id + "&i3=true")
	a.loggedAsI3(logged.LogEvents)

	a.importWorld(`callback: "+16175550111"`, `callback: "+16175550119"`, "port: Gi1/0/8}", "port: Gi1/0/7}", "port: Gi1/0/7}", "port: Gi1/0/8}") // two ports are swapped
	other, text := a.explain(id)
	a.said("call-today", a.withoutSteps(text))
	for _, want := range []string{"callback", "location"} {
		if !slices.ContainsFunc(other.Differs, func(d explain.Difference) bool { return d.What == want && d.Then != d.Now }) {
			t.Errorf("the world has another %s, and the answer does not say so: %v", want, other.Differs)
		}
	}
	if slices.ContainsFunc(other.Differs, func(d explain.Difference) bool { return d.What == "user" || d.What == "device" }) {
		t.Errorf("user and device are the same: %v", other.Differs)
	}

	for _, c := range []struct {
		params string
		kind   e911.Kind
	}{
		{"call=01890a5d-ac96-774b-bcce-b302099a8057", e911.NotFound},
		{"call=1234", e911.Invalid},
		{id + "&user=agent4711", e911.Invalid},
		{id + "&org=somebody-else", e911.NotFound},
	} {
		v, _ := url.ParseQuery(c.params)
		if _, err := Explain(ctx, a.s.cfg.DataDir, v, a.clock); e911.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %s", c.params, err, c.kind)
		}
	}
	v, _ := url.ParseQuery(id)
	if _, err := a.s.explainFor(ctx, "01890a5d-ac96-774b-bcce-b302099a8057", v); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation asks: %v, want not found", err)
	}

	stop()
	a.ctx = ctx
	release, err := lock(a.s.cfg.DataDir)
	for err != nil && ctx.Err() == nil {
		release, err = lock(a.s.cfg.DataDir)
	}
	if err != nil {
		t.Fatal(err)
	}
	release()
	_, offline := a.explain(id)
	if strings.TrimSpace(offline) != strings.TrimSpace(text) {
		t.Errorf("without a server it says something else:\n%s", offline)
	}
}

// loggedAsI3 looks for the call in its LogEvents.
func (a *asked) loggedAsI3(events []logevent.Event) {
	a.t.Helper()
	var got []string
	for _, e := range events {
		got = append(got, strings.TrimSuffix(string(e.Type), "LogEvent")+string(e.State))
		if e.Element != a.s.cfg.Domain || e.Call == "" || e.Incident == "" || !strings.HasPrefix(e.Timestamp, "2026-03-09T08:01:00.000-04:00") {
			a.t.Errorf("%s at %s of %s: call %q, incident %q", e.Type, e.Timestamp, e.Element, e.Call, e.Incident)
		}
	}
	// All are at one time, and the INVITE is written when the first leg is out.
	for _, want := range []string{"CallStart", "CallSignalingMessage", "Route", "CallStateChangecallAnswered", "CallEnd"} {
		if !slices.Contains(got, want) {
			a.t.Errorf("the call has no event %s: %v", want, got)
		}
	}
}

// withoutSteps leaves the steps out, of which some come at the same time in any
// order, after a look at those that do not.
func (a *asked) withoutSteps(text string) string {
	a.t.Helper()
	before, steps, ok := strings.Cut(text, "\nStep by step\n")
	steps, after, _ := strings.Cut(steps, "\n\n")
	last := -1
	for _, want := range []string{"911 call arrived", "By carrier-a, TCP", "answered: By carrier-a", "The caller hung up"} {
		i := strings.Index(steps, want)
		if i <= last {
			a.t.Errorf("the steps do not tell %q in its place:\n%s", want, steps)
		}
		last = i
	}
	if !ok {
		a.t.Error("there are no steps")
	}
	return before + "\n" + after
}
