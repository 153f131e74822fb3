package emergency

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

// waits is a leg of a caller that can be written down before he is answered.
type waits struct{ written }

func (waits) Tag() string  { return "ours" }
func (waits) KeepWaiting() {}

// keeps makes a kit's legs tell how they are gone on with, as the edge does.
func (k *kit) keeps() {
	dial := k.h.cfg.Dial
	k.h.cfg.Dial = func(ctx context.Context, in sipedge.Invite) Callee {
		if in.Keep != nil {
			in.Keep(sipedge.DialledState{CallID: "leg", Branch: "z9hG4bKa", URI: in.URI, Dest: in.Dest, Body: in.Body, ContentType: in.ContentType})
		}
		return written{dial(ctx, in).(*fakeLeg)}
	}
}

// leftWaiting runs a call until its process is gone, killed at once after so long,
// and returns what its facts tell.
func leftWaiting(t *testing.T, k *kit, d time.Duration, stopped bool) Left {
	t.Helper()
	k.keeps()
	caller := newLeg(t, k.tr, "caller")
	caller.req = invite()
	caller.req.At = time.Now()
	ctx, stop := context.WithCancel(t.Context())
	k.run.Go(func() { k.h.Serve(ctx, waits{written{caller}}) })
	after(d)
	k.journal.mu.Lock()
	facts := slices.Clone(k.journal.facts)
	k.journal.mu.Unlock()
	stop()
	k.run.Wait()
	if stopped {
		facts = k.journal.facts
	}
	return leftBehind(t, facts)
}

func leftBehind(t *testing.T, facts []journal.Fact) Left {
	t.Helper()
	l := Left{Arrived: facts[0], Waiting: &Waiting{}}
	for _, f := range facts {
		if err := l.Waiting.Note(f); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// nextProcess goes on with a call; legs are those that are taken up again.
func nextProcess(t *testing.T, k *kit, l Left) (caller, psap *fakeLeg) {
	t.Helper()
	caller, psap = newLeg(t, k.tr, "caller"), newLeg(t, k.tr, "psap")
	k.h.cfg.Restore = func(context.Context, sipedge.DialogState) (Leg, error) { return nil, sipedge.ErrState }
	k.h.cfg.Reopen = func(_ context.Context, r *sipedge.Request, tag string) (Leg, error) {
		if tag != "ours" || r.URI != "sip:911@callbox.example" && !strings.Contains(r.URI, "911") {
			t.Errorf("reopened %s with tag %s", r.URI, tag)
		}
		caller.req = r
		return written{caller}, nil
	}
	k.h.cfg.Redial = func(ctx context.Context, s sipedge.DialledState, _ sipedge.Redialled) (Leg, error) {
		k.tr.add("psap taken up again")
		psap.ctx, psap.invite.Body = ctx, s.Body
		return written{psap}, nil
	}
	k.keeps()
	r, err := k.h.Resume(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.h.Resume(l); err == nil {
		t.Error("one call is gone on with twice")
	}
	k.run.Go(func() { r.Carry(t.Context()) })
	return caller, psap
}

var answer200 = sipedge.Event{Kind: sipedge.Answered, Code: 200, Body: []byte(psapSDP), ContentType: typeSDP}

// Whoever rang when the process was killed rings on, and his answer reaches the
// caller; nobody is told twice, and the record is whole.
//
// Proves: F-02, F-29, D-17, D-04, E4, E5
func TestKilledWhileItRang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k1 := fixedKit(t)
		k1.psaps[carrierA] = ringsForEver
		l := leftWaiting(t, k1, 9*time.Second, false)
		k := fixedKit(t)
		caller, psap := nextProcess(t, k, l)
		after(time.Second)
		psap.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "tcp"})
		psap.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 180, Reason: "Ringing"})
		after(20 * time.Second)
		psap.emit(answer200)
		after(time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		want := []string{
			"psap taken up again", "fact call.changed 1", "caller gets 180 of 1", "fact call.progress 1", "caller gets 180 of 1",
			"fact call.answered 1", "fact call.dialog 1", "caller answered by 1 sdp", "psap hung up on: caller hung up", "fact call.ended caller hung up",
		}
		var got []string
		for _, line := range k.lines() {
			got = append(got, strings.TrimSpace(line[strings.IndexByte(line, ' '):]))
		}
		if !slices.Equal(want, got) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if f := k.journal.all(journal.CallEnded)[0]; f.Call != l.Arrived.Call || f.Org != l.Arrived.Org {
			t.Errorf("the end is of %s %s", f.Org, f.Call)
		}
		if told := reasons(t, k.journal); len(told) > 0 {
			t.Errorf("people were told again: %v", told)
		}
		if len(psap.invite.Body) == 0 {
			t.Error("the INVITE was taken up without its body")
		}
	})
}

// The attempt that was out is lost, or cannot be taken up: the same route once
// more, by the decision of before, and the record says each.
//
// Proves: F-02, F-29, E1, E10
func TestTheLadderGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k1 := fixedKit(t)
		k1.psaps[carrierA] = ringsForEver
		l := leftWaiting(t, k1, 9*time.Second, true)
		before := one[journal.Attempt](t, k1.journal, journal.CallAttempt)
		k := fixedKit(t)
		k.locator = nil // it forgot what it knew of devices
		caller, psap := nextProcess(t, k, l)
		after(time.Second)
		psap.emit(sipedge.Event{Kind: sipedge.Lost, Err: sipedge.ErrUnreachable})
		close(psap.events)
		after(5 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		if f := one[journal.Failed](t, k.journal, journal.CallFailed); f.N != 1 || f.Reason != "transport lost" {
			t.Errorf("failed %+v", f)
		}
		a := one[journal.Attempt](t, k.journal, journal.CallAttempt)
		if a.N != 2 || a.Rung != before.Rung || a.To != before.To || a.Number != before.Number {
			t.Errorf("the second attempt %+v\nafter %+v", a, before)
		}
		if !strings.Contains(k.tr.String(), "caller answered by 2") {
			t.Errorf("the caller was not connected:\n%s", k.tr)
		}
		if c := one[journal.Changed](t, k.journal, journal.CallChanged); c.What != journal.ChangedResumed || !strings.Contains(c.Why, "rang") {
			t.Errorf("changed %+v", c)
		}
	})
}

// Wherever the process was killed before an answer, the call goes on, in the world
// of today or in one that has nothing of it any more.
//
// Proves: F-02, F-29, D-17, E1, E4
func TestKilledAtAnyFactBeforeTheAnswer(t *testing.T) {
	var kinds []journal.Kind
	synctest.Test(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps[carrierA] = ringsForEver
		leftWaiting(t, k, 2*time.Second, false)
		for _, f := range k.journal.facts {
			kinds = append(kinds, f.Kind)
		}
	})
	for i := 2; i <= len(kinds); i++ {
		t.Run("after "+string(kinds[i-1]), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k1 := fixedKit(t)
				k1.psaps[carrierA] = ringsForEver
				leftWaiting(t, k1, 2*time.Second, false)
				l := leftBehind(t, k1.journal.facts[:i])
				k := fixedKit(t)
				caller, psap := nextProcess(t, k, l)
				if slices.Contains(kinds[:i], journal.CallLeg) {
					psap.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "tcp"})
					psap.emit(answer200)
				}
				after(5 * time.Second)
				if !strings.Contains(k.tr.String(), "caller answered by 1") {
					t.Errorf("the caller was not connected:\n%s", k.tr)
				}
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				count := map[journal.Kind]int{}
				for _, f := range slices.Concat(k1.journal.facts[:i], k.journal.facts) {
					count[f.Kind]++
				}
				for _, once := range []journal.Kind{journal.CallArrived, journal.CallAttempt, journal.CallAnswered, journal.CallEnded, journal.NotifyDue} {
					if count[once] != 1 {
						t.Errorf("%d facts %s\n%s", count[once], once, k.tr)
					}
				}
			})
		})
	}
	t.Run("in a world without it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k1 := fixedKit(t)
			k1.psaps[carrierA] = ringsForEver
			l := leftWaiting(t, k1, 2*time.Second, false)
			k := fixedKit(t)
			empty, err := snapshot.Build(nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			k.h.cfg.Snapshot.Store(empty)
			caller, psap := nextProcess(t, k, l)
			psap.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "tcp"})
			psap.emit(answer200)
			after(time.Second)
			caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
			k.run.Wait()
			if a := one[journal.Answered](t, k.journal, journal.CallAnswered); a.Trunk.Key == "" {
				t.Errorf("answered by nobody: %+v", a)
			}
		})
	})
}

// Proves: F-02, F-29 (an answer that waits for the disk)
func TestKilledWhileAnAnswerWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fixedKit(t)
		k.journal.slow = time.Hour
		k.psaps[carrierA] = answers(time.Millisecond)
		l := leftWaiting(t, k, 100*time.Millisecond, false)
		if !k.tr.has("0.001 fact call.dialog 1") || k.tr.has("0.001 caller answered") {
			t.Fatalf("not written down before the disk had the arrival:\n%s", k.tr)
		}
		var d journal.Dialogs
		for _, f := range k.journal.all(journal.CallDialog)[:1] {
			if err := json.Unmarshal(f.Body, &d); err != nil {
				t.Fatal(err)
			}
		}
		if d.N != 1 || !d.AnsweredAt.IsZero() {
			t.Fatalf("kept %+v", d)
		}
		l.Dialogs = d
		k2 := fixedKit(t)
		legs := map[string]*fakeLeg{"caller": newLeg(t, k2.tr, "caller"), "leg1": newLeg(t, k2.tr, "psap")}
		k2.h.cfg.Restore = func(_ context.Context, s sipedge.DialogState) (Leg, error) { return written{legs[s.CallID]}, nil }
		r, err := k2.h.Resume(l)
		if err != nil {
			t.Fatal(err)
		}
		k2.run.Go(func() { r.Carry(t.Context()) })
		after(time.Second)
		legs["caller"].emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k2.run.Wait()
		one[journal.Answered](t, k2.journal, journal.CallAnswered)
		if e := one[journal.Ended](t, k2.journal, journal.CallEnded); e.By != "caller" || e.TalkMS != 1000 {
			t.Errorf("ended %+v", e)
		}
	})
}

// Proves: F-02, W-24 (a caller who gives up, however long his PSAP rings)
func TestACallerGivesUpAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k1 := fixedKit(t)
		k1.psaps[carrierA] = ringsForEver
		l := leftWaiting(t, k1, 9*time.Second, false)
		k := fixedKit(t)
		caller, psap := nextProcess(t, k, l)
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		after(time.Second)
		psap.gone()
		k.run.Wait()
		if !k.tr.has("psap cancelled: caller gave up") || !slices.Equal(reasons(t, k.journal), []string{journal.DueAbandoned}) {
			t.Errorf("told %v:\n%s", reasons(t, k.journal), k.tr)
		}
		if a := k.h.Active(); len(a) > 0 {
			t.Errorf("active %+v", a)
		}
	})
}

// Proves: D-17 (a drain waits for those who wait, not for those who talk)
func TestADrainWaitsForThoseWhoWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps[carrierA] = answers(10 * time.Second)
		caller := k.call(t.Context(), invite())
		after(time.Second)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.h.DrainWaiting(short); err == nil {
			t.Error("it does not wait for a caller who waits")
		}
		began := time.Now()
		if err := k.h.DrainWaiting(t.Context()); err != nil || time.Since(began) != 8*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}
