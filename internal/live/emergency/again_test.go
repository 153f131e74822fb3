package emergency

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// A platform that lost its connection sends the call once more by another one,
// while the first still waits: it is carried. What comes back from a carrier, or
// by a trunk by which the first went out, or too often, is a loop.
//
// Proves: E1
func TestACallThatIsSentAgainWhileTheFirstWaitsIsCarried(t *testing.T) {
	uid := header("Call-Info", "<urn:emergency:uid:callid:a1b2c3:pbx.example>;purpose=emergency-CallId")
	from := func(addr string) func(*sipedge.Request) {
		return func(r *sipedge.Request) { r.CallID, r.Source = "in-2", netip.MustParseAddrPort(addr) }
	}
	for _, c := range []struct {
		name   string
		before int // calls with the id that wait
		again  func(*sipedge.Request)
		want   string
	}{
		{"the platform's next try", 1, from("127.0.0.11:5062"), "caller answered by 1"},
		{"its third", 3, from("127.0.0.11:5062"), "caller answered by 1"},
		{"one too many", 4, from("127.0.0.11:5062"), "caller refused 482"},
		{"back from a carrier", 1, from(carrierB), "caller refused 482"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				k.psaps[carrierA] = ringsForEver
				var first []*fakeLeg
				for range c.before {
					first = append(first, k.call(t.Context(), invite(uid)))
					synctest.Wait()
				}
				k.psaps = map[string]psap{carrierA: answers(time.Second)}
				again := k.call(t.Context(), invite(uid, c.again))
				after(2 * time.Second)
				if !strings.Contains(k.tr.String(), c.want) {
					t.Errorf("want %q in\n%s", c.want, k.tr)
				}
				for _, l := range append(first, again) {
					l.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				}
				k.run.Wait()
				if n := len(k.h.uids); n != 0 {
					t.Errorf("%d emergency call ids are remembered", n)
				}
			})
		})
	}
}

// A platform's own trunk may be a way out too: what comes back by it is the call
// that went out there.
//
// Proves: E1
func TestACallThatComesBackByTheTrunkThatItWentOutByIsALoop(t *testing.T) {
	h := &Handler{uids: map[string][]*call{}, active: map[e911.CallID]*entry{}}
	pbx := e911.Trunk{ID: "pbx", Side: e911.SidePlatform}
	first := &call{id: "1", uid: "u"}
	second := &call{id: "2", uid: "u"}
	second.trunk, second.known = pbx, true
	h.uids["u"] = []*call{first}
	if h.looped(second) {
		t.Error("a next try is a loop")
	}
	h.sent(first, pbx.ID)
	if !h.looped(second) {
		t.Error("a loop is not seen")
	}
	first.sentBy = nil
	first.madeIncident, first.incident, second.incident = true, "i", "i"
	if !h.looped(second) {
		t.Error("our own incident id is not seen")
	}
}

// A call that just came waits for its turn for 50 ms at most, however busy the node
// is, and tests are never in its way.
//
// Proves: E4, E12
func TestANewcomerWaitsAShortTimeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := fixedKit(t)
		var others sync.WaitGroup
		for range 100 * cap(k.h.newcomers.taken) {
			others.Go(func() { k.h.newcomers.inTurn(func() { <-time.After(10 * time.Millisecond) }) })
		}
		hang := make(chan struct{})
		for range cap(k.h.tests.taken) {
			others.Go(func() { k.h.tests.inTurn(func() { <-hang }) })
		}
		synctest.Wait()
		began := time.Now()
		caller := k.call(t.Context(), invite())
		for !strings.Contains(k.tr.String(), "leg1 dialled") && time.Since(began) < time.Second {
			<-time.After(time.Millisecond)
			synctest.Wait()
		}
		if took := time.Since(began); took > 60*time.Millisecond {
			t.Errorf("the leg waited %v", took)
		}
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
		// 933 stands behind tests alone.
		began = time.Now()
		test := k.call(t.Context(), invite(func(r *sipedge.Request) { r.URI = "sip:933@callbox.example" }))
		synctest.Wait()
		if len(k.h.newcomers.taken) > cap(k.h.newcomers.taken) || time.Since(began) != 0 {
			t.Error("a test took a turn of a call for help")
		}
		close(hang)
		after(time.Second)
		test.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		others.Wait()
		k.run.Wait()
	})
}

// freed remembers whose numbers were given back.
type freed struct {
	Callbacks
	ended []e911.CallID
}

func (f *freed) End(id e911.CallID, _ time.Time) { f.ended = append(f.ended, id) }

// A fault that nothing else catches ends the call, and leaves nothing behind: people
// are told, the end is on record, and the line is not busy for ever.
//
// Proves: E5, F-09, F-12
func TestAFaultThatEndsACallLeavesItsLineFree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		f := &freed{}
		k.h.cfg.Callbacks = f
		k.h.newMachine = func(callflow.Config) machine { panic("a fault") }
		caller := k.call(t.Context(), invite())
		k.run.Wait()
		caller.end()
		if len(f.ended) != 1 || len(k.journal.all(journal.CallEnded)) != 1 || len(reasons(t, k.journal)) == 0 {
			t.Errorf("%d lines are free, %d ends, told: %v", len(f.ended), len(k.journal.all(journal.CallEnded)), reasons(t, k.journal))
		}
		if n := len(k.h.Active()) + len(k.h.uids); n != 0 {
			t.Errorf("%d calls in progress", n)
		}
	})
}

// spoils does something when a leg is taken up again.
type spoils struct {
	alone
	it func()
}

func (s spoils) Authorize(e911.TrunkID) func(sipedge.Challenge) sipedge.Headers {
	s.it()
	return nil
}

// A journal of which a part is not there, or that breaks us, costs at most the call
// that it tells of: the node starts.
//
// Proves: E1, F-29, F-31, D-06, D-17
func TestACallWhoseFactsAreHalfWrittenIsGoneOnWith(t *testing.T) {
	without := func(l *Left) { l.Waiting.Routed = nil }
	for _, c := range []struct {
		name  string
		spoil func(l *Left)
	}{
		{"its routes are lost", without},
		{"its routes are lost, and the rung has a number of nothing", func(l *Left) { without(l); l.Waiting.legs[1].rung = 77 }},
		{"the rung has a number below nothing", func(l *Left) { l.Waiting.legs[1].rung = -1 }},
		{"its leg has no text", func(l *Left) { l.Waiting.legs[1].leg.SIP = nil }},
		{"its leg has other text", func(l *Left) { l.Waiting.legs[1].leg.SIP = json.RawMessage(`{"seq":"x"}`) }},
		{"nothing but the INVITE is there", func(l *Left) { l.Waiting = &Waiting{Invite: l.Waiting.Invite} }},
		{"its time is ahead of ours", func(l *Left) { l.Arrived.At = l.Arrived.At.Add(time.Hour); l.Waiting.told = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k1 := fixedKit(t)
				k1.psaps[carrierA] = ringsForEver
				l := leftWaiting(t, k1, 9*time.Second, false)
				c.spoil(&l)
				k := fixedKit(t)
				caller, psap := nextProcess(t, k, l)
				after(time.Second)
				if c.name == "its time is ahead of ours" && len(reasons(t, k.journal)) == 0 {
					t.Error("nobody was told in time")
				}
				psap.emit(sipedge.Event{Kind: sipedge.Lost, Err: sipedge.ErrUnreachable})
				after(20 * time.Second)
				if got := k.tr.String(); !strings.Contains(got, "caller answered by") {
					t.Errorf("the caller was not answered:\n%s", got)
				}
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
			})
		})
	}
	t.Run("a fault of ours", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k1 := fixedKit(t)
			k1.psaps[carrierA] = ringsForEver
			l := leftWaiting(t, k1, 9*time.Second, false)
			k := fixedKit(t)
			k.h.cfg.Reopen = func(context.Context, *sipedge.Request, string) (Leg, error) { panic("a fault") }
			k.h.cfg.Redial = func(context.Context, sipedge.DialledState, sipedge.Redialled) (Leg, error) {
				return nil, sipedge.ErrState
			}
			if _, err := k.h.Resume(l); err == nil || !strings.Contains(err.Error(), "a fault") {
				t.Errorf("resumed: %v", err)
			}
			if n := len(k.h.Active()) + len(k.h.uids); n != 0 {
				t.Errorf("%d calls in progress", n)
			}
		})
	})
	t.Run("a fault while it is decided how it goes on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k1 := fixedKit(t)
			k1.psaps[carrierA] = ringsForEver
			l := leftWaiting(t, k1, 9*time.Second, false)
			k := fixedKit(t)
			k.h.cfg.Trunks = spoils{alone{newHealth(), time.Now}, func() { l.Waiting.legs[2] = nil }}
			caller, _ := nextProcess(t, k, l)
			after(5 * time.Second)
			if got := k.tr.String(); !strings.Contains(got, "dialled to "+ecrcA) || !strings.Contains(got, "caller answered by") {
				t.Errorf("the caller was not answered:\n%s", got)
			}
			if !slices.Contains(alarms(t, k.journal), "panic") {
				t.Error("nobody was alarmed")
			}
			caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
			k.run.Wait()
		})
	})
}

// The place of before holds for how a call that is gone on with is decided; what is
// learned of the caller after that reaches the PSAP and people as in any call.
//
// Proves: E10, F-17, F-29
func TestACallThatIsGoneOnWithIsLocatedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k1 := fixedKit(t)
		k1.psaps[carrierA] = ringsForEver
		l := leftWaiting(t, k1, 9*time.Second, false)
		k := fixedKit(t)
		caller, psap := nextProcess(t, k, l)
		after(time.Second)
		psap.emit(answer200)
		after(time.Second)
		e, _ := locate.FromLocation(k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1)), id[e911.LocationID](17), e911.ByLLDPPort, time.Now())
		k.locator.latest[id[e911.DeviceID](5)] = e
		k.h.Moved(id[e911.OrgID](1), string(id[e911.DeviceID](5)))
		after(time.Second)
		if b := psap.body("re-invited"); !strings.Contains(b, "FLR>3<") {
			t.Errorf("the PSAP was not told:\n%s", k.tr)
		}
		if len(k.journal.all(journal.CallRelocated)) != 1 {
			t.Errorf("it is not on record:\n%s", k.tr)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}
