package callback

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/stir"
	"github.com/callbox911/callbox/internal/rules/callbackflow"
)

const byPBX = "dial sip:+16175550111@127.0.0.11:5082"

// A callback from the PSTN without Priority rings the line that called, at the
// platform's own address, marked so that no setting of it stands in the way.
//
// Proves: F-11, F-12, F-25, W-54, E6
func TestACallbackFromThePSTNWithoutPriority(t *testing.T) {
	k := newKit(t)
	call := k.emergency(given{elin: true})
	k.over(call)
	psap := k.back(elinA, pstn)
	k.await(byPBX)
	in := k.leg(1).invite
	if in.Headers.Get("Priority") != "psap-callback" || in.Headers.Get("Resource-Priority") != "esnet.0" || in.Headers.Get("Max-Forwards") != "67" ||
		in.Headers.Get("Require") != "" || string(in.Body) != sdp || in.From != "<sip:6175550000@callbox.example>" {
		t.Errorf("the leg is %+v", in)
	}
	k.leg(1).happens(sipedge.Provisional, 180)
	k.await("psap hears 180")
	k.leg(1).happens(sipedge.Answered, 200)
	k.await("psap answered by 1 with true")
	psap.happens(sipedge.ByeReceived, 0)
	k.await("leg1 hung up on")
	k.await("served")
	k.await("fact notify.due callback")
	for _, kind := range []journal.Kind{journal.CallbackCame, journal.CallbackRang, journal.CallbackAnswered, journal.CallbackEnded} {
		if k.kinds(kind) != 1 {
			t.Errorf("%d facts %s", k.kinds(kind), kind)
		}
	}
}

// Proves: E6, D-17
func TestTheServerStopsWhileACallbackIsUp(t *testing.T) {
	k := newKit(t)
	k.over(k.emergency(given{elin: true}))
	psap := k.back(elinA, pstn)
	k.await(byPBX)
	k.leg(1).happens(sipedge.Answered, 200)
	k.await("psap answered by 1 with true")
	psap.events <- sipedge.Event{Kind: sipedge.Lost, Err: sipedge.ErrStopped}
	k.await("served")
	for _, line := range k.lines {
		if strings.HasSuffix(line, "hung up on") {
			t.Errorf("the stop of the server cut the call: %s", line)
		}
	}
}

// An address of the platform at which nothing listens costs that address, not the
// caller.
//
// Proves: E6
func TestTheNextWayWhereNothingListens(t *testing.T) {
	k := newKit(t)
	k.over(k.emergency(given{elin: true}))
	psap := k.back(elinA, pstn)
	k.await(byPBX)
	k.leg(1).events <- sipedge.Event{Kind: sipedge.Lost, Err: sipedge.ErrUnreachable}
	k.await("dial sip:+16175550111@127.0.0.11:5080")
	psap.happens(sipedge.Cancelled, 0)
	k.await("served")
}

// One minute before the end of the window the callback reaches the caller, one
// minute after it goes to the default point: the security desk. A live call's
// window never ends.
//
// Proves: W-07, F-08
func TestTheWindowOfACallback(t *testing.T) {
	for _, c := range []struct {
		name  string
		live  time.Duration // length of the call
		after time.Duration
		rings string
	}{
		{"one minute before the end of the window", time.Hour, 179 * time.Minute, byPBX},
		{"one minute after it", time.Hour, 181 * time.Minute, "dial sip:+16175550100@127.0.0.11:5060;transport=tcp"},
		{"in a call that lasts for days", 50 * time.Hour, -time.Minute, byPBX},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t)
			call := k.emergency(given{elin: true})
			k.pass(c.live)
			if c.after >= 0 {
				k.over(call)
				k.pass(c.after)
			}
			psap := k.back(elinA, pstn)
			k.await(c.rings)
			psap.happens(sipedge.Cancelled, 0)
			k.await("served")
		})
	}
}

// After a restart the bindings come back from the journal.
//
// Proves: F-29, E6
func TestARestartBetweenCallAndCallback(t *testing.T) {
	k := newKit(t)
	k.over(k.emergency(given{elin: true}))
	live := k.emergency(given{elin: true})
	again := k.service(t)
	for _, f := range k.facts {
		if err := again.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	k.s = again
	k.pass(179 * time.Minute)
	psap := k.back(elinA, pstn)
	k.await(byPBX)
	psap.happens(sipedge.Cancelled, 0)
	k.await("served")
	k.pass(time.Hour)
	if !k.s.Awaited("sip:6175550122@x") || k.s.Awaited("sip:6175550121@x") {
		t.Error("the live call's number is not awaited, or that of the ended one is")
	}
	k.s.End(live, k.clock())
}

// A call that was gone on with after a restart ends while its facts are still
// read, and a PSAP calls back by then already: the window runs from that end, and
// the PSAP waits instead of hearing that there is nobody.
//
// Proves: F-29, D-17, F-08, E6
func TestACallbackWhileTheJournalIsRead(t *testing.T) {
	synctest.Test(t, whileTheJournalIsRead)
}

func whileTheJournalIsRead(t *testing.T) {
	k := newKit(t)
	call := k.emergency(given{elin: true})
	again, err := New(Config{
		Snapshot: k.holder, Journal: k, Dial: k.dial, Phones: k.phones, Domain: "callbox.example", Now: k.clock, Restoring: true,
		Policy: callbackflow.Policy{Next: time.Hour, Silent: time.Hour, GiveUp: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	earlier := k.facts
	k.s = again
	k.pass(time.Hour)
	k.s.End(call, k.clock())
	psap := k.back(elinA, pstn)
	synctest.Wait()
	for _, f := range earlier {
		if err := again.Restore(f); err != nil {
			t.Fatal(err)
		}
	}
	again.Restored()
	again.Restored()
	k.await(byPBX)
	psap.happens(sipedge.Cancelled, 0)
	k.await("served")
	k.pass(179 * time.Minute)
	if !k.s.Awaited("sip:6175550121@x") {
		t.Error("the window does not run from the end of the call")
	}
	k.pass(2 * time.Minute)
	if k.s.Awaited("sip:6175550121@x") {
		t.Error("the window of a call that ended while its facts were read has no end")
	}
}

// Two calls from one location have two ELINs; a third shares that of the call
// that ended longest ago: both are marked, people are told, and a call back rings
// both and the desk.
//
// Proves: F-08, W-07
func TestELINsAreLentAndShared(t *testing.T) {
	k := newKit(t)
	first := k.emergency(given{elin: true, line: "+16175550131"})
	k.over(first)
	k.pass(time.Minute)
	k.over(k.emergency(given{elin: true, line: "+16175550132"}))
	k.await("fact alarm.raised elin_pool_low")
	k.pass(time.Minute)
	numbers := map[e911.Number]int{}
	for _, f := range k.facts {
		if g, err := journal.Decode[journal.Given](f); err == nil && f.Kind == journal.CallbackBound {
			numbers[g.Number]++
		}
	}
	if numbers[elinA] != 1 || numbers[elinB] != 1 {
		t.Fatalf("two calls were lent %v", numbers)
	}
	k.emergency(given{elin: true, line: "+16175550133"})
	k.await("fact alarm.raised elin_shared")
	marked := map[e911.CallID]bool{}
	for _, f := range k.facts {
		if g, err := journal.Decode[journal.Given](f); err == nil && f.Kind == journal.CallbackBound && g.Crowded {
			marked[f.Call] = true
		}
	}
	if len(marked) != 2 || !marked[first] {
		t.Errorf("marked as shared: %v", marked)
	}
	psap := k.back(elinA, pstn)
	k.await("dial sip:+16175550133@127.0.0.11:5082")
	k.await("dial sip:+16175550131@127.0.0.11:5082")
	k.await("dial sip:+16175550100@127.0.0.11:5082")
	psap.happens(sipedge.Cancelled, 0)
	k.await("served")
	if n := k.kinds(journal.NotifyDue); n != 2 {
		t.Errorf("%d notices, want one of each call", n)
	}
}

// The contact that called is rung, not the others of the account; when it is
// gone the others are; without any the way that the call came, if it is known.
//
// Proves: F-30, F-11
func TestTheContactThatCalledIsRung(t *testing.T) {
	k := newKit(t)
	org, dev := id[e911.OrgID](1), id[e911.DeviceID](5)
	flow := aFlow(t)
	here := registrar.Binding{Org: org, Device: dev, User: "1001", Contact: "sip:1001@127.0.0.51", Instance: "urn:uuid:1", Source: netip.MustParseAddrPort("127.0.0.51:5060"), Flow: flow}
	there := here
	there.Contact, there.Instance, there.Source = "sip:1001@127.0.0.52", "urn:uuid:2", netip.MustParseAddrPort("127.0.0.52:5060")
	k.phones.list = []registrar.Binding{here, there}
	k.over(k.emergency(given{elin: true, phone: &here}))
	ring := func(want string, others int) {
		t.Helper()
		k.legs, k.lines = nil, nil
		psap := k.back(elinA, pstn)
		k.await(want)
		psap.happens(sipedge.Cancelled, 0)
		k.await("served")
		if len(k.legs) != others {
			t.Errorf("%d legs, want %d", len(k.legs), others)
		}
	}
	ring("dial sip:1001@127.0.0.51", 1)
	moved := here
	moved.Contact = "sip:1001@127.0.0.53"
	k.phones.list = []registrar.Binding{there, moved}
	ring("dial sip:1001@127.0.0.53", 1)
	k.phones.list = []registrar.Binding{there}
	ring("dial sip:1001@127.0.0.52", 1)
}

// Proves: F-11
func TestASharedNumber(t *testing.T) {
	k := newKit(t)
	k.over(k.emergency(given{number: deskN, own: mobile}))
	psap := k.back(deskN, pstn)
	k.await(byPBX)
	k.await("dial sip:+16175550100@127.0.0.11:5082") // usual way and desk are one
	k.leg(1).happens(sipedge.Provisional, 180)
	k.await("psap hears 180")
	k.leg(2).happens(sipedge.Answered, 200)
	k.await("psap answered by 2 with true")
	psap.happens(sipedge.ByeReceived, 0)
	k.await("served")
	if k.kinds(journal.NotifyDue) != 0 {
		t.Error("people are told of a PSAP although nothing says that one calls")
	}
	k.lines = nil
	k.back(deskN, esinet, priority)
	k.await("fact notify.due callback")
	k.await(byPBX)
	k.leg(3).happens(sipedge.Failed, 486)
	k.await("dial sip:+16175550177@127.0.0.31:5060")
	k.leg(4).happens(sipedge.Failed, 503)
	k.await("dial sip:+16175550177@127.0.0.11:5082")
	k.leg(5).happens(sipedge.Failed, 480)
	k.await("dial sip:+16175550100@127.0.0.11:5082")
	k.leg(6).happens(sipedge.Failed, 480)
	k.await("psap refused 480")
	k.await("fact notify.due callback_missed")
	k.await("fact alarm.raised callback_unanswered")
}

// vouchers says what signatures are worth by their value.
type vouchers struct{}

func (vouchers) Check(identity []string, _, dest, _ string, _ time.Time) []stir.Verdict {
	v := stir.Verdict{Token: &stir.Token{PPT: stir.RPH, Auth: []string{"esnet.0"}, SPH: "psap-callback"}}
	switch {
	case identity[0] == "panic":
		panic("check")
	case identity[0] != "vouched" || dest == "":
		v.Err = stir.ErrSignature
	}
	return []stir.Verdict{v}
}

// Proves: F-11, F-12, F-25, E14
func TestWhoGetsThrough(t *testing.T) {
	for _, c := range []struct {
		name string
		over bool
		to   e911.Number
		from string
		more []sipedge.Header
		want string
	}{
		{"the number that the PSAP has, in the call", false, elinA, pstn, nil, byPBX},
		{"another number of the telephone, in the call: busy", false, lineA, pstn, nil, "psap refused 486"},
		{"another number of it, after the call", true, lineA, pstn, nil, "psap refused 404"},
		{"the mark of a trunk that may not carry it counts nothing", true, lineA, pstn, []sipedge.Header{priority}, "psap refused 404"},
		{"the mark of a trunk that may", true, lineA, esinet, []sipedge.Header{priority}, byPBX},
		{"a signature that vouches for it, by a trunk without the mark", true, lineA, pstn, []sipedge.Header{priority, {Name: "Identity", Value: "vouched"}}, byPBX},
		{"a signature that does not hold", true, lineA, pstn, []sipedge.Header{priority, {Name: "Identity", Value: "forged"}}, "psap refused 404"},
		{"a signature of which the check breaks", true, lineA, pstn, []sipedge.Header{priority, {Name: "Identity", Value: "panic"}}, "psap refused 404"},
		{"a signature without the mark in the request", true, lineA, pstn, []sipedge.Header{{Name: "Identity", Value: "vouched"}}, "psap refused 404"},
		{"no number of ours", true, "+16175559999", pstn, nil, "psap refused 404"},
		{"another organisation's trunk", true, elinA, "127.0.0.41:5060", nil, "psap refused 404"},
		{"a telephone without a password", true, elinA, "127.0.0.51:5060", []sipedge.Header{{Name: "From", Value: "<sip:1@other>"}}, "psap refused 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t)
			k.s.cfg.Passports = vouchers{}
			call := k.emergency(given{elin: true})
			if c.over {
				k.over(call)
			}
			psap := k.back(c.to, c.from, c.more...)
			k.await(c.want)
			psap.happens(sipedge.Cancelled, 0)
			k.await("served")
		})
	}
}

// A telephone is asked for its password, and then told that nothing but
// emergency calls is carried; one of the same organisation may call who called.
//
// Proves: F-10, E14
func TestAnOrdinaryCallFromATelephone(t *testing.T) {
	good := sipedge.Header{Name: "Proxy-Authorization", Value: "good"}
	for _, c := range []struct {
		name string
		to   e911.Number
		more []sipedge.Header
		want string
	}{
		{"it is asked first", "+16175559999", nil, "psap refused 407"},
		{"it is told that there is no such service", "+16175559999", []sipedge.Header{good}, "psap refused 404"},
		{"the desk calls who called", elinA, []sipedge.Header{good}, byPBX},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t)
			k.over(k.emergency(given{elin: true}))
			more := append([]sipedge.Header{{Name: "From", Value: "<sip:1002@harbor.example>"}}, c.more...)
			psap := k.back(c.to, "127.0.0.61:5060", more...)
			k.await(c.want)
			psap.happens(sipedge.Cancelled, 0)
			k.await("served")
		})
	}
}
