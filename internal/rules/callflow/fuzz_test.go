package callflow

import (
	"slices"
	"testing"
	"time"
)

// FuzzStep feeds arbitrary events, also impossible ones, and checks the
// promises of the package comment, not particular answers.
//
// Proves: E1, E4, F-02, F-09, F-15, F-16, F-29, D-17
func FuzzStep(f *testing.F) {
	f.Add(uint8(3), []byte{0, 0, 2, 1, 4, 1, 5, 1, 8, 0})
	f.Add(uint8(1), []byte{0, 0, 2, 1, 3, 1, 18, 0, 2, 2, 4, 2, 5, 2, 9, 0})
	f.Add(uint8(0), []byte{0, 0, 1, 0})
	f.Add(uint8(2), []byte{0, 0, 1, 0, 4, 1, 19, 1, 4, 2, 5, 2, 5, 1, 10, 1, 8, 0, 6, 1})
	f.Add(uint8(0x42), []byte{0, 0, 5, 1, 9, 1, 2, 2, 5, 2, 1, 0, 12, 0, 11, 0})
	f.Add(uint8(2), []byte{0, 0, 1, 0, 5, 1, 18, 129, 3, 2, 5, 2, 13, 1 << 4, 9, 1, 18, 130, 5, 3, 9, 3, 13, 0, 9, 2})
	f.Add(uint8(2), []byte{0, 0, 1, 0, 5, 1, 19, 193, 13, 16, 19, 192, 13, 2, 9, 2})
	f.Add(uint8(2), []byte{0, 0, 1, 0, 5, 1, 18, 129, 9, 1, 6, 2, 5, 3, 13, 0, 9, 0})
	f.Add(uint8(0x12), []byte{1, 3, 1, 5, 1, 9, 0})
	f.Add(uint8(0x12), []byte{7, 20, 0, 11, 1, 5, 2, 16, 0})
	f.Add(uint8(0x13), []byte{9, 20, 1, 4, 2, 5, 1, 5, 2})
	f.Add(uint8(0x11), []byte{3, 16, 0})
	f.Fuzz(func(t *testing.T, routes uint8, script []byte) {
		cfg := Config{Policy: DefaultPolicy(), First: int(routes >> 6), LateOffer: routes&32 != 0}
		for i := range int(routes & 3) {
			cfg.Routes = append(cfg.Routes, Route{Down: routes&4 != 0 && i == 0, Slow: routes&8 != 0 && i == 1})
		}
		w := &watch{t: t, m: New(cfg), cfg: cfg, timers: map[Timer]bool{}, told: map[string]int{}, attempts: map[int]*seen{}}
		if routes&16 != 0 && len(cfg.Routes) > 0 && len(script) > 0 {
			w.resume(script[0])
			script = script[1:]
		}
		for i := 0; i+1 < len(script) && i < 400; i += 2 {
			w.step(w.event(script[i], script[i+1]))
		}
		w.end()
	})
}

// watch is an owner of the machine that keeps account of its promises.
type watch struct {
	t        *testing.T
	m        *Machine
	cfg      Config
	timers   map[Timer]bool
	told     map[string]int
	attempts map[int]*seen

	arrived, hungUp, stopped, final, ended, finished bool
	recorded, answeredCaller                         bool
	someAnswered                                     bool
	last                                             int
}

type seen struct{ progressed, cancelled, answered, hungUp bool }

// resume puts a machine in the place of w's that goes on with a caller who waits,
// of whom how tells what the one before left.
func (w *watch) resume(how byte) {
	w.cfg.First = 0
	left := Waits{Since: time.Duration(how) * time.Millisecond, Told: how&32 != 0, NotConnected: how&64 != 0}
	for i := range int(how & 3) {
		o := Out{N: i + 1, Route: i % len(w.cfg.Routes), Rings: how&4 != 0 && i == 0 || how&8 != 0 && i == 1, Slim: how&16 != 0}
		left.Out, left.Made = append(left.Out, o), i+1
		w.attempts[o.N] = &seen{progressed: o.Rings}
	}
	if how&128 != 0 {
		left.Made++
		left.Tried = []int{0}
		w.attempts[left.Made] = &seen{}
	}
	w.arrived, w.recorded, w.last = true, true, left.Made
	if left.Told {
		w.told[LegOut] = 1
	}
	if left.NotConnected {
		w.told[NotConnected] = 1
	}
	var acts []Action
	w.m, acts = Resume(w.cfg, Standing{Waits: &left})
	for _, a := range acts {
		w.check(Event{}, a)
	}
	w.settled(Event{})
}

// event maps two bytes to an event; timers fire only when they are set.
func (w *watch) event(what, who byte) Event {
	kinds := []EventKind{
		Arrived, Recorded, Sent, Progress, Progress, Answered, Failed, Failed, Cancelled, Bye, Bye, Lost,
		ReInvite, ReInviteAnswered, Acked, SendFailed, Stopped, Relocated,
		Refer, Replace,
	}
	if int(what) >= len(kinds) {
		set := make([]Timer, 0, len(w.timers))
		for t := range w.timers {
			set = append(set, t)
		}
		if len(set) == 0 {
			return Event{Kind: Recorded}
		}
		slices.SortFunc(set, func(a, b Timer) int {
			if a.Name != b.Name {
				return int(a.Name[0]) - int(b.Name[0]) + 1000*(int(a.Name[1])-int(b.Name[1]))
			}
			return a.N - b.N
		})
		return Event{Kind: Fired, Timer: set[int(who)%len(set)]}
	}
	codes := []int{100, 180, 183, 199, 302, 415, 486, 488, 503, 603}
	ev := Event{
		Kind: kinds[what], N: int(who & 15), Code: codes[int(who)%len(codes)], SDP: who&64 != 0, Follow: who&128 != 0,
		Media: []Media{MediaNone, MediaTalk, MediaHold, MediaSame}[who>>4&3],
	}
	if ev.Kind == Progress && ev.Code >= 200 {
		ev.Code = 180
	}
	if ev.Kind == Failed && ev.Code < 300 {
		ev.Code = 486
	}
	if ev.N == 15 {
		ev.N = Newcomer
	}
	if slices.Contains([]EventKind{Arrived, Recorded, Cancelled, Stopped, Relocated}, ev.Kind) {
		ev.N = 0
	}
	return ev
}

func (w *watch) step(ev Event) {
	if ev.Kind == Fired {
		delete(w.timers, ev.Timer)
	}
	a := w.attempts[ev.N]
	switch {
	case ev.Kind == Arrived:
		w.arrived = true
	case ev.Kind == Recorded && w.arrived, ev.Kind == Fired && ev.Timer.Name == TimerRecorded:
		w.recorded = true
	case ev.Kind == Stopped && w.arrived:
		w.stopped = true
	case w.arrived && ev.N == 0 && (ev.Kind == Cancelled || ev.Kind == Bye):
		w.hungUp = true
	case a != nil && ev.Kind == Progress && ev.Code != 100 && ev.Code != 199 && !a.cancelled:
		a.progressed = true
	case a != nil && ev.Kind == Answered:
		a.answered, a.hungUp = true, false
		w.someAnswered = true
	case a != nil && (ev.Kind == Bye || ev.Kind == Failed):
		a.hungUp = true
	}
	for _, act := range w.m.Step(ev) {
		w.check(ev, act)
	}
	w.settled(ev)
}

func (w *watch) check(ev Event, act Action) {
	t := w.t
	if w.finished {
		t.Fatalf("%+v after finish, on %+v", act, ev)
	}
	switch act.Do {
	case Dial, Transfer:
		if act.N != max(w.last, w.cfg.First)+1 {
			t.Fatalf("dialled %d after %d", act.N, w.last)
		}
		if w.hungUp || w.stopped || w.answeredCaller && w.m.coming == nil {
			t.Fatalf("dialled %d for nobody, on %+v", act.N, ev)
		}
		w.last = act.N
		w.attempts[act.N] = &seen{}
	case Cancel:
		a := w.attempts[act.N]
		if a.progressed && !w.hungUp && w.m.Winner() == 0 {
			t.Fatalf("cancelled %d, which rings, on %+v", act.N, ev)
		}
		if a.cancelled {
			t.Fatalf("cancelled %d twice", act.N)
		}
		a.cancelled = true
	case Take:
		if act.N == Newcomer {
			break
		}
		if act.N != w.last+1 && act.N != max(w.last, w.cfg.First)+1 {
			t.Fatalf("took %d after %d", act.N, w.last)
		}
		w.last = act.N
		w.attempts[act.N] = &seen{}
	case Accept:
		if act.N > 0 {
			w.attempts[act.N].answered = true
		}
		if w.hungUp || w.ended {
			t.Fatalf("let %d into a call that is over", act.N)
		}
	case AnswerRefer:
		if act.N == 0 && act.Code < 300 {
			t.Fatal("followed a referral of the caller")
		}
	case ByeLeg:
		if act.N > 0 {
			w.attempts[act.N].hungUp = true
		}
	case Answer:
		if w.final || !w.recorded && !w.stopped {
			t.Fatalf("answered the caller twice or too early, on %+v", ev)
		}
		if !w.attempts[act.N].answered {
			t.Fatalf("answered the caller by %d, which did not answer", act.N)
		}
		w.final, w.answeredCaller = true, true
	case Reject:
		if w.final || len(w.cfg.Routes) > 0 && !w.stopped || !w.recorded && !w.stopped || act.Code != 503 {
			t.Fatalf("rejected with %d, on %+v", act.Code, ev)
		}
		w.final = true
	case Notify:
		w.told[act.Reason]++
		if w.told[act.Reason] > 1 {
			t.Fatalf("told twice of %s", act.Reason)
		}
	case EndCall:
		if w.ended {
			t.Fatal("ended twice")
		}
		w.ended = true
	case HandOver:
		if w.ended || w.final && !w.answeredCaller {
			t.Fatalf("handed over a call that is over, on %+v", ev)
		}
		w.ended = true
	case Finish:
		w.finished = true
	case SetTimer:
		if act.After <= 0 {
			t.Fatalf("timer %+v runs out at once", act.Timer)
		}
		w.timers[act.Timer] = true
	case StopTimer:
		delete(w.timers, act.Timer)
	}
}

// settled checks what must hold after each step.
func (w *watch) settled(ev Event) {
	t := w.t
	if first := w.told[LegOut] + w.told[LegFailed] + w.told[Late]; first > 1 {
		t.Fatalf("told for the first time %d times", first)
	}
	if w.finished {
		return // who answers now is hung up by the owner
	}
	kept := 0
	for _, a := range w.attempts {
		if a.answered && !a.hungUp {
			kept++
		}
	}
	// Who hands the call on keeps it until the caller is connected to who comes,
	// and a little longer.
	if kept > 2 || kept > 1 && w.m.coming == nil && w.m.parting == 0 {
		t.Fatalf("two answered legs are kept, after %+v", ev)
	}
	if w.hungUp && !w.ended {
		t.Fatalf("the caller hung up and the call goes on, after %+v", ev)
	}
	if w.hungUp && kept > 0 {
		t.Fatalf("the caller hung up and an answered leg is kept, after %+v", ev)
	}
	if w.arrived && !w.ended && !w.timers[Timer{Name: TimerTold}] && w.told[LegOut]+w.told[LegFailed]+w.told[Late] == 0 {
		t.Fatalf("nobody was told and nothing will make it so, after %+v", ev)
	}
	if w.m.state != waiting || w.m.noMore {
		return
	}
	for _, a := range w.m.live {
		if a.state == ringing || a.state == dialing && w.timers[Timer{TimerNoProgress, a.n}] {
			return
		}
	}
	if !w.timers[Timer{Name: TimerRetry}] {
		t.Fatalf("the caller waits for nothing, after %+v: %+v", ev, w.m)
	}
}

// end hangs up and lets every timer run out: the call must be over.
func (w *watch) end() {
	if !w.arrived {
		return
	}
	w.step(Event{Kind: Bye})
	for range 100 {
		for timer := range w.timers {
			w.step(Event{Kind: Fired, Timer: timer})
			break
		}
	}
	if !w.ended || !w.finished && !w.stopped || len(w.m.live) > 0 {
		w.t.Fatalf("the caller hung up and the call is not over: %+v", w.m)
	}
	if !w.stopped && w.told[LegOut]+w.told[LegFailed]+w.told[Late]+w.told[Abandoned]+w.told[NotConnected] == 0 {
		w.t.Fatal("nobody was told")
	}
}
