// Package callflow is the state machine of one emergency call: two legs, the
// ladder of routes, and when people are told (design 2.3, F-02, F-09, F-15,
// F-16). It is pure: events come in, actions come out, and time exists only as
// timers that the actions set. The same events give the same actions.
//
// Its promises, which FuzzStep checks:
//
//   - While the caller waits and a route exists, an attempt is out or the next
//     one is set: only the caller ends the search (E1).
//   - An attempt that rings or sends early media is never cancelled before
//     another one answered or the caller hung up (F-02).
//   - Two answered legs are never kept, but while one takes the place of the
//     other and for Policy.Drain after; a 200 that crosses our CANCEL is kept
//     when it is the first.
//   - A call that is handed on is never lost by it: whoever had it keeps it until
//     the caller is connected to who comes, and when who comes is gone at once it
//     goes back to who had it, if that one is still there (F-15).
//   - People are told exactly once why they are first told, at most once that
//     the call is not connected, and at most once that it was abandoned.
//   - No final response goes to the caller before the arrival is on disk or
//     200 ms have passed (F-29), and no refusal while an attempt was possible.
//   - "Not connected" means: for 4 s no attempt was answered or in progress, that
//     is, had more than a 100 (F-02, F-09). A local or TDM route that said 100 is
//     in progress for its 10 s, in which silence is nothing unusual.
//   - A call that is up or waits when the server stops is handed over: nothing is
//     hung up, cancelled or refused, no end is recorded, and Resume goes on with it
//     (D-17, F-02). Only one without any route is refused.
//   - A hang-up of the caller ends the call whatever its state, and after
//     Finish nothing follows.
//
// The owner's duties, in order: carry the actions out in their order; report
// back what happens to each leg; fire the timers that were set and not
// stopped; after Finish hang up whatever still answers. An event without meaning in the present state is ignored, because
// the network may deliver a late answer after a hang-up.
package callflow

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/rules/ladder"
)

// Policy holds the times of a call. Zero values are not defaults: start from
// DefaultPolicy.
type Policy struct {
	NoProgress     time.Duration // nothing, or only 100, on SIP routes
	NoProgressSlow time.Duration // the same on local and TDM routes
	SecondLeg      time.Duration // ringing before a second leg is added beside it; 0: never
	Told           time.Duration // people are told at latest
	NotConnected   time.Duration // without a leg in progress before the alert says so
	Recorded       time.Duration // a final response waits for the journal at most
	CallerLost     time.Duration // new attempts go on for a caller whose connection is lost
	Drain          time.Duration // cancelled legs may still answer for so long
	// Of calls that were gone on with (Resume): when their sides are asked whether
	// they are there, how often then, and when one with a silent side is over.
	Ask, AskAgain, Longest time.Duration
}

// DefaultPolicy returns the times of F-02, F-09 and F-29. CallerLost and Drain
// are 64*T1, the time in which RFC 3261 gives up a transaction.
func DefaultPolicy() Policy {
	return Policy{
		NoProgress:     4 * time.Second,
		NoProgressSlow: 10 * time.Second,
		SecondLeg:      90 * time.Second,
		Told:           250 * time.Millisecond,
		NotConnected:   4 * time.Second,
		Recorded:       200 * time.Millisecond,
		CallerLost:     32 * time.Second,
		Drain:          32 * time.Second,
		Ask:            3 * time.Second,
		AskAgain:       5 * time.Minute,
		Longest:        12 * time.Hour,
	}
}

// maxFollow bounds a chain of redirects (RFC 3261, section 8.1.3.4 leaves the
// bound to us): a route that sends us round in circles must not hold a caller.
const maxFollow = 2

// maxRinging is how many legs ring for one caller: a second beside the first,
// and no more (F-02).
const maxRinging = 2

// slimCodes are the refusals that a body, an option tag or an offer can cause
// (F-16).
var slimCodes = []int{400, 413, 415, 420, 421, 488, 513, 606}

// Route is what the machine knows of a rung.
type Route struct {
	Slow bool // local or TDM: the longer no-progress time
	Down bool // known down: skipped on the first pass
	Slim bool // it refused the full INVITE lately: the slim one goes first (F-16)
}

// Config is what a Machine needs.
type Config struct {
	Routes []Route
	Policy Policy
	// LateOffer: the caller's INVITE had no SDP, so the PSAP makes the offer and
	// the caller's ACK answers it (RFC 3261, section 13.2.1).
	LateOffer bool
	// First is the number of attempts made before this machine took over; its
	// own are counted on from there, so that To-tags stay distinct (D-04).
	First int
}

type callState string

const (
	idle      callState = "idle"
	waiting   callState = "waiting"   // the caller waits, the ladder is walked
	refusing  callState = "refusing"  // no route at all; 503 waits for the journal
	answering callState = "answering" // an attempt answered; the caller's 200 waits for the journal
	talking   callState = "talking"
	closing   callState = "closing" // over for both parties; cancelled legs may still answer
	ended     callState = "ended"   // or handed over
)

type legState string

const (
	dialing   legState = "dialing"   // no progress yet
	lagging   legState = "lagging"   // the no-progress time passed and nothing at all was heard
	ringing   legState = "ringing"   // 18x or early media
	cancelled legState = "cancelled" // CANCEL is out; a 200 may cross it
	answered  legState = "answered"
)

type attempt struct {
	n       int
	route   int
	state   legState
	heard   bool // any response, 100 too
	long    bool // rings for so long that a second leg may be added
	early   bool // its early media reached the caller
	slim    bool
	follows int
	// unheard: it rang before Resume, and nothing was heard of it since.
	unheard bool
	resumed bool // out since before Resume
}

// Machine is the state of one call. Not safe for concurrent use: the goroutine
// that owns the call steps it.
type Machine struct {
	cfg   Config
	state callState
	walk  *ladder.Walk
	live  []*attempt // in the order of dialling
	n     int        // last attempt's number
	slim  []bool     // routes that get the slim INVITE: they refused the full one
	tried []bool     // routes that refused the slim one, which went first

	held     *ladder.Step // next step, put back because a leg came to life
	retrying bool         // waits for the back-off
	winner   int
	recorded bool

	told, toldNotConnected       bool
	overdue                      bool // only a local route at work holds the alert back
	ringback                     bool // the caller hears something
	callerLost, psapLost, noMore bool
	acked                        bool         // no offer of the PSAP waits for the caller's ACK
	silent                       map[int]bool // sides that do not answer when asked; nil: nobody asks
	place                        bool         // the PSAP is to be told where the caller is now
	reinvite                     int          // who waits for an answer to a re-INVITE; none, or as below

	coming  *coming // who takes a place in the call; nil: nobody
	parting int     // who handed the call on and has not hung up yet; 0: nobody
	owed    bool    // the caller's media is to be brought back to the winner
}

// Who has a re-INVITE pending.
const (
	nobody  = -1
	ourself = -2 // we told the PSAP about new SDP of the caller; nobody waits
	joining = -3 // the other side of who is coming was told of him
	mending = -4 // the caller was brought back to the winner
)

// New makes the machine of a call that has not arrived yet.
func New(cfg Config) *Machine {
	down, slim := make([]bool, len(cfg.Routes)), make([]bool, len(cfg.Routes))
	for i, r := range cfg.Routes {
		down[i], slim[i] = r.Down, r.Slim
	}
	return &Machine{
		cfg: cfg, state: idle, n: cfg.First, reinvite: nobody, acked: !cfg.LateOffer,
		walk: ladder.NewWalk(down), slim: slim, tried: make([]bool, len(cfg.Routes)),
	}
}

// Ended reports whether Finish was given.
func (m *Machine) Ended() bool { return m.state == ended }

// Waiting reports whether the caller still waits for an answer.
func (m *Machine) Waiting() bool {
	return m.state == waiting || m.state == refusing || m.state == answering
}

// Winner is the attempt whose leg the caller talks or will talk to; 0 is none.
func (m *Machine) Winner() int { return m.winner }

// Step applies ev and returns what to do about it, in order.
func (m *Machine) Step(ev Event) []Action {
	if ev.N == Newcomer && (m.coming == nil || m.coming.n != Newcomer) {
		return nil
	}
	switch m.state {
	case idle:
		return m.stepIdle(ev)
	case waiting, refusing, answering:
		return m.stepWaiting(ev)
	case talking:
		return m.stepTalking(ev)
	case closing:
		return m.stepClosing(ev)
	}
	return nil
}

func (m *Machine) stepIdle(ev Event) []Action {
	if ev.Kind != Arrived {
		return nil
	}
	p := m.cfg.Policy
	acts := []Action{set(TimerRecorded, 0, p.Recorded)}
	if len(m.cfg.Routes) == 0 {
		m.state = refusing
		acts = append(acts, m.tell(LegFailed)...)
		return append(acts, m.tellNotConnected()...)
	}
	m.state = waiting
	acts = append(acts, set(TimerTold, 0, p.Told), set(TimerNotConnected, 0, p.NotConnected))
	return append(acts, m.press()...)
}

func (m *Machine) stepWaiting(ev Event) []Action {
	if acts, early := refuseChange(ev, 491); early {
		return acts
	}
	if ev.N > 0 {
		return m.stepAttempt(ev)
	}
	switch ev.Kind {
	case Recorded:
		return m.release(stop(TimerRecorded, 0))
	case Relocated:
		return m.relocate()
	case Fired:
		return m.fired(ev.Timer)
	case Cancelled, Bye:
		return m.abandon(ByCaller, "caller gave up")
	case Lost:
		if m.callerLost {
			return nil
		}
		m.callerLost = true
		return []Action{{Do: Alarm, Reason: AlarmCallerLost}, set(TimerCallerLost, 0, m.cfg.Policy.CallerLost)}
	case ReInvite:
		return []Action{{Do: RefuseReInvite, N: 0, Code: 491}}
	case Stopped:
		return m.stopWaiting()
	}
	return nil
}

// stopWaiting leaves a call because the server stops: who rings goes on ringing,
// who waits goes on waiting, and Resume goes on with both. With an answer at hand
// the two are connected first.
func (m *Machine) stopWaiting() []Action {
	switch m.state {
	case answering:
		m.state = talking
		acts := []Action{stop(TimerRecorded, 0), {Do: Answer, N: m.winner}}
		return append(acts, m.stepTalking(Event{Kind: Stopped})...)
	case refusing:
		return m.release(stop(TimerRecorded, 0))
	}
	m.live, m.state = nil, ended
	return []Action{{Do: HandOver}, {Do: Finish}}
}

// release lets a final response that waited for the journal go.
func (m *Machine) release(acts ...Action) []Action {
	if m.recorded {
		return nil
	}
	m.recorded = true
	switch m.state {
	case answering:
		m.state = talking
		return append(append(acts, Action{Do: Answer, N: m.winner}), m.flushPlace()...)
	case refusing:
		acts = append(acts, Action{Do: Reject, Code: 503})
		return append(acts, m.close(ByCallbox, "no route", false)...)
	}
	return acts
}

// fired handles a timer of the time before the answer.
func (m *Machine) fired(t Timer) []Action {
	switch t.Name {
	case TimerRecorded:
		if m.recorded {
			return nil
		}
		return append([]Action{{Do: Alarm, Reason: AlarmJournalSlow}}, m.release()...)
	case TimerTold:
		return append(m.tell(Late), m.ring()...)
	case TimerNotConnected:
		switch {
		case m.state == answering || m.any(ringing):
			return nil
		case m.slowAtWork():
			m.overdue = true
			return nil
		}
		return m.tellNotConnected()
	case TimerNoProgress:
		return m.noProgress(t.N)
	case TimerRetry:
		if m.state != waiting || !m.retrying {
			return nil
		}
		m.retrying = false
		return m.press()
	case TimerSecondLeg:
		if a := m.find(t.N); a != nil {
			a.long = true
		}
		return m.press()
	case TimerCallerLost:
		m.noMore = true
		return m.press()
	}
	return nil
}

// stepAttempt handles what happened to an attempt while the caller waits.
func (m *Machine) stepAttempt(ev Event) []Action {
	if ev.N <= m.cfg.First || ev.N > m.n {
		return nil
	}
	a := m.find(ev.N)
	if ev.Kind == Answered {
		return m.answer(ev.N, a)
	}
	if m.state == answering {
		return m.stepGated(ev, a)
	}
	if a == nil {
		return nil
	}
	switch ev.Kind {
	case Sent:
		return append(m.tell(LegOut), m.ring()...)
	case Progress:
		return m.progress(a, ev)
	case SendFailed:
		return append(append(m.tell(LegFailed), m.ring()...), m.fail(a, ev, "not sent")...)
	case Failed:
		return append(m.tell(LegFailed), m.fail(a, ev, "refused")...)
	case Lost:
		return append(m.tell(LegFailed), m.fail(a, ev, "transport lost")...)
	case Bye:
		return append(m.tell(LegFailed), m.fail(a, ev, "hung up while ringing")...)
	case ReInvite:
		return []Action{{Do: RefuseReInvite, N: a.n, Code: 491}}
	}
	return nil
}

// stepGated handles legs while the answer waits for the journal. A PSAP that
// hangs up now never reached the caller, who goes on waiting: next rung.
func (m *Machine) stepGated(ev Event, a *attempt) []Action {
	if a == nil {
		return nil
	}
	switch ev.Kind {
	case Bye:
		if ev.N == m.winner {
			m.state, m.winner = waiting, 0
			acts := m.armNotConnected()
			if m.callerLost {
				acts = append(acts, set(TimerCallerLost, 0, m.cfg.Policy.CallerLost))
			}
			return append(acts, m.fail(a, ev, "hung up before the caller was connected")...)
		}
	case ReInvite:
		return []Action{{Do: RefuseReInvite, N: a.n, Code: 491}}
	case SendFailed, Failed, Lost:
		if ev.N != m.winner {
			m.drop(a)
		}
	}
	return nil
}

// progress handles a provisional response. 199 tells of the end of an early
// dialog beyond the next hop (RFC 6228) and is no progress.
func (m *Machine) progress(a *attempt, ev Event) []Action {
	a.heard = true
	if ev.Code == 100 || ev.Code == 199 {
		if a.state == lagging {
			a.state = cancelled
			return []Action{{Do: Cancel, N: a.n, Reason: "no progress"}}
		}
		return nil
	}
	if a.state == cancelled {
		return nil
	}
	acts := []Action{}
	if a.state == dialing {
		acts = append(acts, stop(TimerNoProgress, a.n))
	}
	if a.state != ringing {
		a.state = ringing
		m.overdue = false
		acts = append(acts, m.holdRetry()...)
		acts = append(acts, stop(TimerNotConnected, 0))
		acts = append(acts, m.secondLegIn(a)...)
	}
	if a.unheard {
		a.unheard, a.long = false, false
		acts = append(acts, stop(TimerSecondLeg, a.n))
		acts = append(acts, m.secondLegIn(a)...)
	}
	m.ringback = true
	a.early = a.early || ev.SDP
	return append(acts, Action{Do: Relay, N: a.n, Code: ev.Code})
}

// secondLegIn starts the time after which another leg may ring beside this one.
func (m *Machine) secondLegIn(a *attempt) []Action {
	if d := m.cfg.Policy.SecondLeg; d > 0 {
		return []Action{set(TimerSecondLeg, a.n, d)}
	}
	return nil
}

// holdRetry puts a rung that waits for its back-off aside, because a leg rings.
func (m *Machine) holdRetry() []Action {
	if !m.retrying {
		return nil
	}
	m.retrying = false
	return []Action{stop(TimerRetry, 0)}
}

func (m *Machine) noProgress(n int) []Action {
	a := m.find(n)
	if a == nil || a.state != dialing || m.state != waiting {
		return nil
	}
	// Nothing at all was heard: a CANCEL would have to wait for the first
	// response (RFC 3261, section 9.1), and if that were a 180 it would hang up
	// on a ringing PSAP. So the attempt is left; should it wake up ringing, it
	// is a second leg.
	acts := []Action{{Do: GiveUp, N: n, Reason: "no progress", Silent: !a.heard}}
	a.state = lagging
	if a.heard {
		a.state = cancelled
		acts = append(acts, Action{Do: Cancel, N: n, Reason: "no progress"})
	}
	acts = append(acts, m.tellOverdue()...)
	return append(acts, m.press()...)
}

// answer takes the first 200, also one that crosses our CANCEL; later ones are
// hung up.
func (m *Machine) answer(n int, a *attempt) []Action {
	if m.state != waiting {
		if n != m.winner {
			m.drop(a)
			return []Action{{Do: ByeLeg, N: n, Reason: "answered elsewhere"}}
		}
		return nil
	}
	acts := m.tell(LegOut)
	if a == nil { // it was believed lost
		a = &attempt{n: n}
		m.live = append(m.live, a)
	}
	a.state = answered
	m.winner = n
	acts = append(acts, m.stopTimers()...)
	for _, other := range m.live {
		if other != a {
			acts = append(acts, m.letGo(other, "answered elsewhere")...)
		}
	}
	if !m.recorded {
		m.state = answering
		return acts
	}
	m.state = talking
	return append(append(acts, Action{Do: Answer, N: n}), m.flushPlace()...)
}

// letGo gives up an attempt for which there is no use any more.
func (m *Machine) letGo(a *attempt, why string) []Action {
	switch a.state {
	case cancelled:
		return nil
	case answered:
		return []Action{{Do: ByeLeg, N: a.n, Reason: why}}
	}
	var acts []Action
	if a.state != lagging { // a lagging one was given up when its time passed
		acts = append(acts, Action{Do: GiveUp, N: a.n, Reason: why})
	}
	acts = append(acts, stopOf(a)...)
	a.state = cancelled
	return append(acts, Action{Do: Cancel, N: a.n, Reason: why})
}

// fail handles the end of an attempt without an answer.
func (m *Machine) fail(a *attempt, ev Event, why string) []Action {
	m.drop(a)
	if a.state == cancelled || a.state == lagging {
		return m.press()
	}
	deaf := !a.heard && (ev.Kind == SendFailed || ev.Kind == Lost) // nobody is there
	acts := append([]Action{{Do: GiveUp, N: a.n, Code: ev.Code, Reason: why, Silent: deaf}}, stopOf(a)...)
	if a.state == ringing && !m.any(ringing) {
		acts = append(acts, m.armNotConnected()...)
		if a.early { // local ringback in gaps (F-32), in a dialog of its own
			acts = append(acts, Action{Do: Ringback, N: m.n + 1})
		}
	}
	acts = append(acts, m.tellOverdue()...)
	again := ev.Kind == Failed && !m.noMore
	switch {
	case ev.Kind == Lost && a.resumed && !m.noMore && !m.any(dialing): // by the restart, not by its PSAP
		return append(acts, m.dial(a.route, a.slim, 0)...)
	case again && ev.Follow && a.follows < maxFollow:
		return append(acts, m.dial(a.route, a.slim, a.follows+1)...)
	case again && a.slim && m.cfg.Routes[a.route].Slim && !m.tried[a.route] && slices.Contains(slimCodes, ev.Code):
		// The slim one went first and was refused: the body is not the reason.
		m.slim[a.route], m.tried[a.route] = false, true
		return append(acts, m.dial(a.route, false, 0)...)
	case again && !a.slim && !m.tried[a.route] && slices.Contains(slimCodes, ev.Code):
		m.slim[a.route] = true
		return append(acts, m.dial(a.route, true, 0)...)
	}
	return append(acts, m.press()...)
}

// press keeps the search going: an attempt on its way, or one ringing for less
// than the time of a second leg, or two ringing, is enough.
func (m *Machine) press() []Action {
	if m.state != waiting || m.retrying || m.any(dialing) {
		return nil
	}
	rings := 0
	for _, a := range m.live {
		if a.state == ringing {
			rings++
			if !a.long || rings == maxRinging || rings == len(m.cfg.Routes) {
				return nil
			}
		}
	}
	if m.noMore {
		if rings > 0 {
			return nil
		}
		return m.abandon(ByCaller, "connection to the caller was lost")
	}
	var wait time.Duration
	for range len(m.cfg.Routes) + 1 {
		s, ok := m.nextStep()
		if !ok {
			return nil
		}
		wait = max(wait, s.Wait)
		if m.rings(s.Rung) {
			continue
		}
		if wait == 0 {
			return m.dial(s.Rung, m.slim[s.Rung], 0)
		}
		m.retrying = true
		m.held = &ladder.Step{Rung: s.Rung, Pass: s.Pass}
		return []Action{set(TimerRetry, 0, wait)}
	}
	return nil
}

func (m *Machine) nextStep() (ladder.Step, bool) {
	if s := m.held; s != nil {
		m.held = nil
		return *s, true
	}
	return m.walk.Next()
}

func (m *Machine) dial(route int, slim bool, follows int) []Action {
	m.n++
	m.live = append(m.live, &attempt{n: m.n, route: route, state: dialing, slim: slim, follows: follows})
	d := m.cfg.Policy.NoProgress
	if m.cfg.Routes[route].Slow {
		d = m.cfg.Policy.NoProgressSlow
	}
	return []Action{
		{Do: Dial, N: m.n, Route: route, Slim: slim, Follow: follows > 0},
		set(TimerNoProgress, m.n, d),
	}
}
