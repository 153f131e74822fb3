package emergency

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
)

// bubble runs a test with its own time and waits for every call in it.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func (k *kit) want(lines string) {
	k.t.Helper()
	want := strings.TrimSpace(lines)
	var trimmed []string
	for l := range strings.SplitSeq(want, "\n") {
		trimmed = append(trimmed, strings.TrimLeft(l, "\t"))
	}
	var got []string
	for l := range strings.SplitSeq(k.tr.String(), "\n") {
		got = append(got, strings.TrimLeft(l, " "))
	}
	for i := range trimmed {
		trimmed[i] = strings.TrimLeft(trimmed[i], " ")
	}
	if diff := cmp.Diff(trimmed, got); diff != "" {
		k.t.Errorf("trace (-want +got):\n%s", diff)
	}
}

// Proves: E1, E3, E4, E5, F-09, D-06
func TestACallFromInviteToHangUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		caller := k.call(t.Context(), invite())
		after(30 * time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		k.want(`
			0.000 fact call.arrived
			0.000 fact call.identified
			0.000 fact call.located
			0.000 fact call.routed
			0.000 leg1 dialled to 127.0.0.21:5071
			0.000 fact call.attempt 1
			0.000 fact notify.due leg_out
			0.000 caller gets 180 of 1
			0.000 fact call.progress 1
			0.000 caller gets 180 of 1
			1.000 fact call.answered 1
			1.000 caller answered by 1 sdp
			30.000 leg1 hung up on: caller hung up
			30.000 fact call.ended caller hung up
			30.000 served`)
		if got := caller.body("answered"); got != psapSDP {
			t.Errorf("the caller's SDP was changed:\n%s", got)
		}
		e := one[journal.Ended](t, k.journal, journal.CallEnded)
		if e.By != "caller" || e.DurationMS != 30_000 || e.TalkMS != 29_000 || e.Abandoned {
			t.Errorf("ended = %+v", e)
		}
		for _, f := range k.journal.facts {
			if f.Call == "" || f.Org != id[e911.OrgID](1) || f.Call != k.journal.facts[0].Call {
				t.Errorf("fact %s belongs to call %q of %q", f.Kind, f.Call, f.Org)
			}
		}
	})
}

// Proves: E1, F-02, F-16, W-50
func TestTheLadderOverLegs(t *testing.T) {
	cases := []struct {
		name    string
		a, b, r psap
		wait    time.Duration
		want    []string // dialled, in order
		told    []string
		answer  string
	}{
		{"busy: the next route", refuses(486), answers(time.Second), nil, 5 * time.Second, []string{carrierA, carrierB}, []string{"leg_out"}, "2"},
		{"503: the next route", refuses(503), answers(time.Second), nil, 5 * time.Second, []string{carrierA, carrierB}, []string{"leg_out"}, "2"},
		{"TCP refused: the next route", unreachable, answers(time.Second), nil, 5 * time.Second, []string{carrierA, carrierB}, []string{"leg_failed"}, "2"},
		{"silent: the next route after 4 s, and people hear of it", silent, answers(time.Second), nil, 10 * time.Second, []string{carrierA, carrierB}, []string{"leg_out", "not_connected"}, "2"},
		{"rings for 60 s and answers", answers(60 * time.Second), nil, nil, 70 * time.Second, []string{carrierA}, []string{"leg_out"}, "1"},
		{"rings for ever: a second leg beside it", ringsForEver, answers(time.Second), nil, 100 * time.Second, []string{carrierA, carrierB}, []string{"leg_out"}, "2"},
		{"both routes refuse: the relay centre", refuses(486), refuses(503), answers(time.Second), 5 * time.Second, []string{carrierA, carrierB, ecrcA}, []string{"leg_out"}, "3"},
		{"415: the same route once more, slim", refuses(415), answers(time.Second), nil, 5 * time.Second, []string{carrierA, carrierA, carrierB}, []string{"leg_out"}, "3"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				k.psaps = map[string]psap{carrierA: c.a, carrierB: c.b, ecrcA: c.r}
				caller := k.call(t.Context(), invite())
				after(c.wait)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				var dialled []string
				for _, l := range k.legs {
					dialled = append(dialled, l.invite.Dest.String())
				}
				if diff := cmp.Diff(c.want, dialled); diff != "" {
					t.Errorf("dialled (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.told, reasons(t, k.journal)); diff != "" {
					t.Errorf("people were told (-want +got):\n%s", diff)
				}
				if !strings.Contains(k.tr.String(), "caller answered by "+c.answer+" sdp") {
					t.Errorf("the caller was not answered by %s:\n%s", c.answer, k.tr)
				}
				if strings.Contains(k.tr.String(), "caller refused") {
					t.Errorf("the caller was refused:\n%s", k.tr)
				}
			})
		})
	}
}

// Proves: E1, F-03
func TestTheLadderIsWalkedUntilTheCallerHangsUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps = map[string]psap{carrierA: refuses(486), carrierB: unreachable, ecrcA: refuses(503)}
		caller := k.call(t.Context(), invite())
		after(time.Hour)
		n := k.dialled()
		if n < 3*700 {
			t.Errorf("%d attempts in an hour, want at least one pass in 5 s", n)
		}
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
		if got := k.dialled(); got != n {
			t.Errorf("%d attempts after the hang-up", got-n)
		}
		if diff := cmp.Diff([]string{"leg_out", "not_connected", "abandoned"}, reasons(t, k.journal)); diff != "" {
			t.Errorf("people were told (-want +got):\n%s", diff)
		}
	})
}

// Proves: F-09, E4
func TestACallerWhoGivesUp(t *testing.T) {
	cases := []struct {
		name string
		a    psap
		when time.Duration
		told []string
		trac string
	}{
		{"at once", func(*fakeLeg) {}, 0, []string{"abandoned"}, "leg1 cancelled: caller gave up"},
		{"while only 100 came", sends, time.Second, []string{"leg_out", "abandoned"}, "leg1 cancelled: caller gave up"},
		{"while it rings", ringsForEver, time.Second, []string{"leg_out", "abandoned"}, "leg1 cancelled: caller gave up"},
		{"while nothing was heard", silent, 3 * time.Second, []string{"leg_out", "abandoned"}, "leg1 cancelled: caller gave up"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				k.psaps = map[string]psap{carrierA: c.a}
				caller := k.call(t.Context(), invite())
				after(c.when)
				caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
				k.run.Wait()
				if diff := cmp.Diff(c.told, reasons(t, k.journal)); diff != "" {
					t.Errorf("people were told (-want +got):\n%s", diff)
				}
				if !strings.Contains(k.tr.String(), c.trac) {
					t.Errorf("want %q in\n%s", c.trac, k.tr)
				}
				e := one[journal.Ended](t, k.journal, journal.CallEnded)
				if !e.Abandoned || e.By != "caller" {
					t.Errorf("ended = %+v, want abandoned by the caller", e)
				}
			})
		})
	}
}

// Proves: F-02
func TestA200ThatCrossesTheHangUpIsHungUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps = map[string]psap{carrierA: func(l *fakeLeg) {
			sends(l)
			<-l.dead
			l.mu.Lock() // the leg lives on: its 200 crossed our CANCEL
			l.over, l.dead = false, make(chan struct{})
			l.mu.Unlock()
			l.emit(sipedge.Event{Kind: sipedge.Answered, Code: 200, Body: []byte(psapSDP), ContentType: typeSDP})
		}}
		caller := k.call(t.Context(), invite())
		after(time.Second)
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
		if want := "leg1 hung up on: caller is gone"; !strings.Contains(k.tr.String(), want) {
			t.Errorf("want %q in\n%s", want, k.tr)
		}
	})
}

// Proves: E4, E5, F-29
func TestTheLegWaitsForTheWriteAndTheAnswerForTheDisk(t *testing.T) {
	cases := []struct {
		name     string
		set      func(*memoryJournal)
		dialled  string
		answered string
		alarms   []string
	}{
		{"written and synced at once", func(*memoryJournal) {}, "   0.000 leg1 dialled", "   0.000 caller answered", nil},
		{"synced after 30 ms", func(j *memoryJournal) { j.slow = 30 * time.Millisecond }, "   0.000 leg1 dialled", "   0.030 caller answered", nil},
		{"nothing is ever written", func(j *memoryJournal) { j.hangs = true }, "   0.005 leg1 dialled", "   0.200 caller answered", []string{"journal_late", "journal_slow"}},
		{"the disk is full", func(j *memoryJournal) { j.broken = context.DeadlineExceeded }, "   0.000 leg1 dialled", "   0.000 caller answered", []string{"journal_failed"}},
		{"the journal panics", func(j *memoryJournal) { j.panics = true }, "   0.005 leg1 dialled", "   0.200 caller answered", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				c.set(k.journal)
				k.psaps[carrierA] = answers(0)
				caller := k.call(t.Context(), invite())
				after(time.Second)
				for _, want := range []string{c.dialled, c.answered} {
					if !strings.Contains(k.tr.String(), want) {
						t.Errorf("want %q in\n%s", want, k.tr)
					}
				}
				if diff := cmp.Diff(c.alarms, alarms(t, k.journal)); diff != "" {
					t.Errorf("alarms (-want +got):\n%s", diff)
				}
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
			})
		})
	}
}

// Proves: E4, F-09
func TestPeopleAreToldInTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps = map[string]psap{carrierA: func(l *fakeLeg) {
			l.wait(600 * time.Millisecond)
			l.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "udp"})
		}}
		r := invite()
		r.At = time.Now().Add(-100 * time.Millisecond) // it waited in a queue
		caller := k.call(t.Context(), r)
		after(time.Second)
		if want := "   0.150 fact notify.due late"; !strings.Contains(k.tr.String(), want) {
			t.Errorf("want %q in\n%s", want, k.tr)
		}
		if want := "   0.150 caller gets 180 of 1"; !strings.Contains(k.tr.String(), want) {
			t.Errorf("want %q in\n%s", want, k.tr)
		}
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
	})
}

// Proves: E1, C-99
func TestWithoutAnyRouteTheCallerGets503AndPeopleHearIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t, func(w *world) { w.noPSAP, w.noRelay = true, true })
		k.call(t.Context(), invite())
		k.run.Wait()
		k.want(`
			0.000 fact call.arrived
			0.000 fact alarm.raised no_route
			0.000 fact call.identified
			0.000 fact call.located
			0.000 fact call.routed
			0.000 fact notify.due leg_failed
			0.000 fact notify.due not_connected
			0.000 caller refused 503
			0.000 fact call.ended no route
			0.000 served`)
	})
}

// Proves: E2, E1
func TestEveryWritingOf911IsTaken(t *testing.T) {
	cases := []struct {
		uri  string
		want string
	}{
		{"sip:911@callbox.example", "emergency"},
		{"tel:911", "emergency"},
		{"urn:service:sos", "emergency"},
		{"sip:urn:service:sos@callbox.example", "emergency"},
		{"sip:9911@callbox.example;user=phone", "emergency"},
		{"sip:933@callbox.example", "test_933"},
		{"sip:+16175550123@callbox.example", ""},
	}
	for _, c := range cases {
		t.Run(c.uri, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				caller := k.call(t.Context(), invite(func(r *sipedge.Request) { r.URI = c.uri }))
				after(5 * time.Second)
				if c.want == "" {
					k.run.Wait()
					k.want("0.000 caller refused 404\n0.000 served")
					return
				}
				a := one[journal.Arrived](t, k.journal, journal.CallArrived)
				if string(a.Class) != c.want || a.Dialled != c.uri {
					t.Errorf("arrived = %q %q, want %q", a.Class, a.Dialled, c.want)
				}
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
			})
		})
	}
}

// Proves: E8, F-15, D-04, D-05, W-52
func TestMidCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps[carrierA] = answers(0)
		caller := k.call(t.Context(), invite())
		after(time.Second)
		leg := k.leg(1)
		reinvite := func(l *fakeLeg, sdp string) {
			l.emit(sipedge.Event{Kind: sipedge.ReInvite, Body: []byte(sdp), ContentType: typeSDP})
			synctest.Wait()
		}
		answer := func(l *fakeLeg, sdp string) {
			l.emit(sipedge.Event{Kind: sipedge.ReInviteAnswered, Code: 200, Body: []byte(sdp), ContentType: typeSDP})
			synctest.Wait()
		}
		// Hold: answered here.
		reinvite(caller, phoneSDP+"a=sendonly\r\n")
		if got, want := caller.body("re-invite-answered"), strings.Replace(psapSDP, "sendrecv", "recvonly", 1); got != want {
			t.Errorf("hold was answered with\n%s\nwant\n%s", got, want)
		}
		if leg.body("re-invited") != "" {
			t.Error("the PSAP heard of the hold")
		}
		// New media address: passed.
		moved := strings.Replace(phoneSDP, "4000", "4002", 1)
		reinvite(caller, moved)
		if got := leg.body("re-invited"); got != moved {
			t.Errorf("the PSAP got\n%s\nwant\n%s", got, moved)
		}
		movedPSAP := strings.Replace(psapSDP, "6000", "6002", 1)
		answer(leg, movedPSAP)
		if got := caller.body("re-invite-answered"); got != movedPSAP {
			t.Errorf("the caller got\n%s\nwant\n%s", got, movedPSAP)
		}
		// The PSAP's hold: passed.
		hold := strings.Replace(movedPSAP, "sendrecv", "sendonly", 1)
		reinvite(leg, hold)
		if got := caller.body("re-invited"); got != hold {
			t.Errorf("the caller got\n%s\nwant\n%s", got, hold)
		}
		answer(caller, phoneSDP+"a=recvonly\r\n")
		if got := leg.body("re-invite-answered"); got != phoneSDP+"a=recvonly\r\n" {
			t.Errorf("the PSAP got\n%s", got)
		}
		// A re-INVITE without SDP: the PSAP's SDP is offered; the answer in the
		// ACK reaches the PSAP only when it is new and keeps talking.
		before := strings.Count(k.tr.String(), "leg1 re-invited")
		caller.emit(sipedge.Event{Kind: sipedge.ReInvite})
		synctest.Wait()
		if got := caller.body("re-invite-answered"); got != hold {
			t.Errorf("the caller was offered\n%s\nwant\n%s", got, hold)
		}
		caller.emit(sipedge.Event{Kind: sipedge.Acked, Body: []byte(phoneSDP + "a=sendonly\r\n"), ContentType: typeSDP})
		synctest.Wait()
		if n := strings.Count(k.tr.String(), "leg1 re-invited"); n != before {
			t.Error("the PSAP heard of a hold by ACK")
		}
		leg.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
		if want := "caller hung up on: psap hung up"; !strings.Contains(k.tr.String(), want) {
			t.Errorf("want %q in\n%s", want, k.tr)
		}
	})
}

// Proves: E1, D-05
func TestAnInviteWithoutSDP(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps[carrierA] = answers(0)
		caller := k.call(t.Context(), invite(func(r *sipedge.Request) { r.Body, r.ContentType = nil, "" }))
		after(time.Second)
		leg := k.leg(1)
		if !leg.invite.NoOffer || sdpOf(leg.invite.ContentType, leg.invite.Body) != nil {
			t.Errorf("the leg was made with an offer: %q", leg.invite.Body)
		}
		if got := caller.body("answered"); got != psapSDP {
			t.Errorf("the caller was offered %q", got)
		}
		caller.emit(sipedge.Event{Kind: sipedge.Acked, Body: []byte(phoneSDP), ContentType: typeSDP})
		synctest.Wait()
		if got := leg.body("acked"); got != phoneSDP {
			t.Errorf("the PSAP's ACK carries %q", got)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// Proves: D-04, F-32
func TestEarlyMediaReachesTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		early := strings.Replace(psapSDP, "6000", "6100", 1)
		k.psaps[carrierA] = func(l *fakeLeg) {
			sends(l)
			l.emit(sipedge.Event{Kind: sipedge.Provisional, Code: 183, Body: []byte(early), ContentType: typeSDP})
			l.wait(time.Second)
			// The 200 carries no SDP: that of the 183 is the answer.
			l.emit(sipedge.Event{Kind: sipedge.Answered, Code: 200})
		}
		caller := k.call(t.Context(), invite())
		after(2 * time.Second)
		if got := caller.body("gets"); got != early {
			t.Errorf("early media = %q", got)
		}
		if got := caller.body("answered"); got != early {
			t.Errorf("the answer carries %q, want the SDP of the 183", got)
		}
		p := one[journal.Progress](t, k.journal, journal.CallProgress)
		if !p.EarlyMedia || p.Code != 183 {
			t.Errorf("progress = %+v", p)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// Proves: F-02, F-23
func TestARedirectIsFollowedToTheTrunksOwnAddressesOnly(t *testing.T) {
	cases := []struct {
		name, contact string
		want          []string
	}{
		{"inside the trunk's addresses", "<sip:queue2@127.0.0.21:5075;transport=tcp>", []string{carrierA, "127.0.0.21:5075"}},
		{"inside them, off this machine: this is a demonstration", "<sip:queue2@192.0.2.7:5075>", []string{carrierA, carrierB}},
		{"elsewhere", "<sip:queue2@127.0.0.99:5075>", []string{carrierA, carrierB}},
		{"a name", "<sip:queue2@psap.example>", []string{carrierA, carrierB}},
		{"nothing", "", []string{carrierA, carrierB}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t, func(w *world) {
					w.carrierA.From = append(w.carrierA.From, netip.MustParsePrefix("192.0.2.0/24"))
				})
				k.psaps["192.0.2.7:5075"] = answers(0)
				k.psaps[carrierA] = func(l *fakeLeg) {
					sends(l)
					l.emit(sipedge.Event{Kind: sipedge.Failed, Code: 302, Headers: sipedge.Headers{{Name: "Contact", Value: c.contact}}})
					close(l.events)
				}
				k.psaps["127.0.0.21:5075"] = answers(0)
				caller := k.call(t.Context(), invite())
				after(2 * time.Second)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				var dialled []string
				for _, l := range k.legs {
					dialled = append(dialled, l.invite.Dest.String())
				}
				if diff := cmp.Diff(c.want, dialled); diff != "" {
					t.Errorf("dialled (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Proves: F-03
func TestASilentTrunkIsSkippedOnTheFirstPassOfTheNextCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.psaps[carrierA] = silent
		first := k.call(t.Context(), invite())
		after(10 * time.Second)
		second := k.call(t.Context(), invite(func(r *sipedge.Request) { r.CallID = "in-2" }))
		after(time.Second)
		if got := k.leg(3).invite.Dest.String(); got != carrierB {
			t.Errorf("the second call began with %s, want %s", got, carrierB)
		}
		first.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		second.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// Proves: E1
func TestACallThatComesBackToUsIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		first := k.call(t.Context(), invite())
		synctest.Wait()
		back := k.leg(1).invite.Headers.Get("Call-Info")
		k.call(t.Context(), invite(header("Call-Info", back)))
		after(5 * time.Second)
		if want := "caller refused 482"; !strings.Contains(k.tr.String(), want) {
			t.Errorf("want %q in\n%s", want, k.tr)
		}
		if got := alarms(t, k.journal); !slices.Equal(got, []string{"loop"}) {
			t.Errorf("alarms = %v", got)
		}
		first.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// A platform that gave up one way and sends the call by the next one keeps its
// emergency call id (NENA-STA-010): it is no loop, though a leg of the first may
// still answer.
//
// Proves: E1
func TestACallThatIsSentAgainIsNoLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		uid := header("Call-Info", "<urn:emergency:uid:callid:a1b2c3:pbx.example>;purpose=emergency-CallId")
		k.psaps = map[string]psap{carrierA: silent}
		first := k.call(t.Context(), invite(uid))
		after(time.Second)
		first.emit(sipedge.Event{Kind: sipedge.Cancelled})
		synctest.Wait()
		k.psaps = map[string]psap{carrierA: answers(time.Second)}
		second := k.call(t.Context(), invite(uid))
		after(2 * time.Second)
		if !strings.Contains(k.tr.String(), "caller answered by 1") || strings.Contains(k.tr.String(), "refused") {
			t.Errorf("the call that was sent again was not carried:\n%s", k.tr)
		}
		second.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// counting counts what is said to be in use.
type counting struct {
	alone
	used int
}

func (c *counting) Occupy(e911.TrunkID) func() {
	c.used++
	return func() { c.used-- }
}

// Proves: E1 (who waits for hours costs no more for it), E9
func TestAnAttemptWhoseWayIsLostIsLetGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		trunks := &counting{alone: alone{newHealth(), time.Now}}
		k.h.cfg.Trunks = trunks
		k.psaps = map[string]psap{carrierA: func(l *fakeLeg) {
			l.emit(sipedge.Event{Kind: sipedge.Sent, Transport: "udp"})
			l.emit(sipedge.Event{Kind: sipedge.Lost, Err: sipedge.ErrUnreachable})
			close(l.events)
		}}
		caller := k.call(t.Context(), invite())
		after(time.Minute)
		if trunks.used > 1 {
			t.Errorf("a caller who waits takes %d places on trunks", trunks.used)
		}
		caller.emit(sipedge.Event{Kind: sipedge.Cancelled})
		k.run.Wait()
	})
}

// brittle breaks when the first place is given back.
type brittle struct {
	alone
	broke bool
}

func (b *brittle) Occupy(e911.TrunkID) func() {
	return func() {
		if !b.broke {
			b.broke = true
			panic("a fault")
		}
	}
}

// Proves: E1
func TestAFaultAfterAnEventCostsNoCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.h.cfg.Trunks = &brittle{alone: alone{newHealth(), time.Now}}
		k.psaps[carrierA] = refuses(503)
		caller := k.call(t.Context(), invite())
		after(5 * time.Second)
		if !strings.Contains(k.tr.String(), "caller answered by 2") {
			t.Errorf("the call did not go on:\n%s", k.tr)
		}
		if got := alarms(t, k.journal); !slices.Contains(got, "panic") {
			t.Errorf("alarms = %v", got)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// Proves: E1 (what is not decided goes to the relay centre)
func TestAFaultInTheDecisionAsAWholeCostsNoCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := fixedKit(t)
		k.h.newcomers = nil
		caller := k.call(t.Context(), invite())
		after(5 * time.Second)
		if !strings.Contains(k.tr.String(), "leg1 dialled to "+ecrcA) || !strings.Contains(k.tr.String(), "caller answered by 1") {
			t.Errorf("the call was not carried:\n%s", k.tr)
		}
		caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
		k.run.Wait()
	})
}

// Proves: D-17, E1, F-02
func TestTheServerStops(t *testing.T) {
	t.Run("a caller who waits goes on waiting, and what rings for him goes on ringing", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k := fixedKit(t)
			k.psaps[carrierA] = ringsForEver
			ctx, stop := context.WithCancel(t.Context())
			k.call(ctx, invite())
			after(time.Second)
			stop()
			k.run.Wait()
			for _, no := range []string{"caller refused", "leg1 cancelled", "fact call.ended"} {
				if strings.Contains(k.tr.String(), no) {
					t.Errorf("%q in\n%s", no, k.tr)
				}
			}
			if k.leg(1).ctx.Err() != nil || one[journal.Changed](t, k.journal, journal.CallChanged).What != journal.ChangedLeft {
				t.Errorf("it was not left as it is:\n%s", k.tr)
			}
		})
	})
	t.Run("two who talk are left alone", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k := fixedKit(t)
			ctx, stop := context.WithCancel(t.Context())
			k.call(ctx, invite())
			after(5 * time.Second)
			stop()
			k.run.Wait()
			if strings.Contains(k.tr.String(), "hung up on") || k.leg(1).ctx.Err() != nil {
				t.Errorf("somebody was hung up on:\n%s", k.tr)
			}
		})
	})
	t.Run("draining waits for the last call, and for no longer than it may", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k := fixedKit(t)
			caller := k.call(t.Context(), invite())
			after(5 * time.Second)
			if a := k.h.Active(); len(a) != 1 || !a[0].Answered || a[0].Class != e911.ClassEmergency {
				t.Errorf("active = %+v", a)
			}
			short, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := k.h.Drain(short); err == nil {
				t.Error("Drain returned while a call was in progress")
			}
			time.AfterFunc(time.Minute, func() { caller.emit(sipedge.Event{Kind: sipedge.ByeReceived}) })
			if err := k.h.Drain(t.Context()); err != nil {
				t.Errorf("Drain = %v", err)
			}
			k.run.Wait()
			if a := k.h.Active(); len(a) != 0 {
				t.Errorf("active = %+v", a)
			}
		})
	})
}

// brokenMachine panics at the step that the test says.
type brokenMachine struct {
	machine
	at callflow.EventKind
}

func (b brokenMachine) Step(ev callflow.Event) []callflow.Action {
	if ev.Kind == b.at {
		panic("a fault")
	}
	return b.machine.Step(ev)
}

// Proves: E1
func TestAFaultOfOursCostsTheFaultNotTheCall(t *testing.T) {
	cases := []struct {
		name string
		set  func(*kit)
		want string
	}{
		{"the location server panics", func(k *kit) { k.locator.breaks = true }, "caller answered by 1"},
		{"dialling panics once: the next route", func(k *kit) {
			k.dials = func(n int) {
				if n == 1 && !k.tr.has("boom") {
					k.tr.add("boom")
					panic("dial")
				}
			}
		}, "caller answered by 2"},
		{"the call flow panics at its first step: the relay centre", func(k *kit) {
			k.h.newMachine = func(c callflow.Config) machine { return brokenMachine{callflow.New(c), callflow.Arrived} }
		}, "leg1 dialled to " + ecrcA},
		{"the call flow panics while it rings: the relay centre", func(k *kit) {
			k.psaps[carrierA] = ringsForEver
			k.h.newMachine = func(c callflow.Config) machine { return brokenMachine{callflow.New(c), callflow.Progress} }
		}, "caller answered by 2"},
		{"the choice of routes panics: the relay centre", func(k *kit) { k.h.cfg.Trunks = nil }, "leg1 dialled to " + ecrcA},
		{"the call flow panics when the PSAP hangs up: it ends all the same", func(k *kit) {
			k.psaps[carrierA] = func(l *fakeLeg) {
				answers(0)(l)
				l.wait(time.Second)
				l.emit(sipedge.Event{Kind: sipedge.ByeReceived})
			}
			k.h.newMachine = func(c callflow.Config) machine { return brokenMachine{callflow.New(c), callflow.Bye} }
		}, "fact call.ended hung up"},
		{"the call flow panics at the hang-up: it ends all the same", func(k *kit) {
			k.h.newMachine = func(c callflow.Config) machine { return brokenMachine{callflow.New(c), callflow.Bye} }
		}, "served"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k := fixedKit(t)
				c.set(k)
				caller := k.call(t.Context(), invite(header("Geolocation", "<https://lis.example/loc/k1.abc>")))
				after(10 * time.Second)
				caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
				k.run.Wait()
				if !strings.Contains(k.tr.String(), c.want) {
					t.Errorf("want %q in\n%s", c.want, k.tr)
				}
				told := reasons(t, k.journal)
				slices.Sort(told)
				if n := len(slices.Compact(slices.Clone(told))); n != len(told) {
					t.Errorf("people were told twice: %v", told)
				}
				if got := alarms(t, k.journal); !slices.Contains(got, "panic") {
					t.Errorf("alarms = %v, want one of a panic", got)
				}
			})
		})
	}
}

func (tr *trace) has(s string) bool { return strings.Contains(tr.String(), s) }
