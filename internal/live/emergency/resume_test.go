package emergency

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

// written is a leg that can be written down, and is called in its state what it
// is called here.
type written struct{ *fakeLeg }

func (l written) Dialog() (sipedge.DialogState, error) {
	return sipedge.DialogState{CallID: l.name}, nil
}

func (l written) DialogIf(int, sipedge.Message) (sipedge.DialogState, error) { return l.Dialog() }

func (l written) Probe() { l.note("asked whether it is there", nil) }

// leftBy runs a call for 30 s of talk and returns what its process left when it
// was gone.
func leftBy(t *testing.T, k *kit) Left {
	t.Helper()
	dial := k.h.cfg.Dial
	k.h.cfg.Dial = func(ctx context.Context, in sipedge.Invite) Callee { return written{dial(ctx, in).(*fakeLeg)} }
	r := invite()
	r.At = time.Now()
	caller := newLeg(t, k.tr, "caller")
	caller.req = r
	ctx, stop := context.WithCancel(t.Context())
	k.run.Go(func() { k.h.Serve(ctx, written{caller}) })
	after(time.Second + 30*time.Second)
	kept := k.journal.all(journal.CallDialog)
	if len(kept) != 1 {
		t.Fatalf("%d facts %s, want 1\n%s", len(kept), journal.CallDialog, k.tr)
	}
	lines := k.tr.String()
	if strings.Index(lines, "fact call.dialog") > strings.Index(lines, "caller answered by 1") {
		t.Errorf("the caller was answered before his dialog was a fact:\n%s", lines)
	}
	stop()
	k.run.Wait()
	if n := len(k.journal.all(journal.CallEnded)); n != 0 || strings.Contains(k.tr.String(), "hung up on") {
		t.Errorf("a server that stops ended the call (%d ends):\n%s", n, k.tr)
	}
	kept = k.journal.all(journal.CallDialog)
	d, err := journal.Decode[journal.Dialogs](kept[len(kept)-1])
	if err != nil || !d.HandedOver {
		t.Fatalf("not handed over: %+v, %v", d, err)
	}
	return Left{Arrived: k.journal.all(journal.CallArrived)[0], Dialogs: d}
}

// The next process goes on with the call, in a world in which nothing of it is
// left: no trunk, no site, no organisation.
//
// Proves: F-29, D-17, D-04, E8, F-15
func TestACallIsGoneOnWithInAnEmptyWorld(t *testing.T) {
	for _, c := range []struct {
		name   string
		happen func(caller, psap *fakeLeg)
		by     string
		trace  []string
	}{
		{"the caller hangs up", func(caller, _ *fakeLeg) { caller.emit(sipedge.Event{Kind: sipedge.ByeReceived}) }, "caller", []string{"psap hung up on: caller hung up"}},
		{"the PSAP hangs up", func(_, psap *fakeLeg) { psap.emit(sipedge.Event{Kind: sipedge.ByeReceived}) }, "psap", []string{"caller hung up on: psap hung up"}},
		{"the caller had hung up while nobody heard it", func(caller, _ *fakeLeg) {
			after(4 * time.Second)
			caller.emit(sipedge.Event{Kind: sipedge.Probed, Code: 481})
		}, "caller", []string{"psap asked whether it is there", "psap hung up on: caller hung up unheard, during a restart"}},
		{"a hold is answered and not passed on", func(caller, _ *fakeLeg) {
			hold := strings.ReplaceAll(psapSDP, "sendrecv", "sendonly")
			caller.emit(sipedge.Event{Kind: sipedge.ReInvite, Body: []byte(hold), ContentType: typeSDP})
			after(time.Millisecond)
			caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		}, "caller", []string{"caller re-invite-answered 200 sdp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := leftBy(t, newKit(t))
				k := newKit(t)
				empty, err := snapshot.Build(nil, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				k.h.cfg.Snapshot.Store(empty)
				legs := map[string]*fakeLeg{"caller": newLeg(t, k.tr, "caller"), "leg1": newLeg(t, k.tr, "psap")}
				k.h.cfg.Restore = func(_ context.Context, s sipedge.DialogState) (Leg, error) { return written{legs[s.CallID]}, nil }
				r, err := k.h.Resume(l)
				if err != nil {
					t.Fatal(err)
				}
				if a := k.h.Active(); len(a) != 1 || !a[0].Answered {
					t.Errorf("active: %+v", a)
				}
				if _, err := k.h.Resume(l); err == nil {
					t.Error("one call is gone on with twice")
				}
				k.run.Go(func() { r.Carry(t.Context()) })
				after(time.Second)
				c.happen(legs["caller"], legs["leg1"])
				k.run.Wait()
				end := one[journal.Ended](t, k.journal, journal.CallEnded)
				if end.By != c.by || end.TalkMS < 31_000 || end.TalkMS > 36_000 {
					t.Errorf("ended %+v", end)
				}
				if f := k.journal.all(journal.CallEnded)[0]; f.Org != l.Arrived.Org || f.Call != l.Arrived.Call {
					t.Errorf("the end is of %s %s", f.Org, f.Call)
				}
				lines := strings.Split(k.tr.String(), "\n")
				for _, want := range c.trace {
					if !slices.ContainsFunc(lines, func(s string) bool { return strings.HasSuffix(s, want) }) {
						t.Errorf("no %q in\n%s", want, k.tr)
					}
				}
				if told := reasons(t, k.journal); len(told) != 0 {
					t.Errorf("people were told again: %v", told)
				}
			})
		})
	}
}

// One side cannot be taken up again: the other one is not hung up on, for the talk
// goes on past us, and is forgotten when it ends.
//
// Proves: D-17, E1
func TestACallThatCannotBeGoneOnWithIsNotHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := leftBy(t, newKit(t))
		k := newKit(t)
		caller := newLeg(t, k.tr, "caller")
		k.h.cfg.Restore = func(ctx context.Context, s sipedge.DialogState) (Leg, error) {
			if s.CallID != "caller" {
				return nil, sipedge.ErrState
			}
			caller.ctx = ctx
			return written{caller}, nil
		}
		if _, err := k.h.Resume(l); err == nil {
			t.Fatal("a call without a PSAP is gone on with")
		}
		after(time.Hour)
		if caller.ctx.Err() != nil || len(k.h.Active()) != 0 {
			t.Errorf("the caller was let go: %v, active %v", caller.ctx.Err(), k.h.Active())
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		close(caller.events)
		after(time.Second)
		if caller.ctx.Err() == nil {
			t.Error("his leg stays for ever")
		}
	})
}
