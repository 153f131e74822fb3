// Package callbackflow decides how a call back from a PSAP goes (F-11, F-12,
// W-54): who is rung when, who gets the call, who is left in peace. It is pure:
// events in, actions out.
//
// Groups of legs ring one after the other. A group that rings goes on ringing
// when the next one begins: the one who called may yet come to his telephone.
// The first answer gets the call, whatever group it belongs to; all others are
// cancelled, and an answer that crosses its CANCEL is hung up. No answer of a
// leg, busy or declined, ends the others. The PSAP hears ringback, never an
// announcement, until somebody answers, the PSAP gives up, or everybody was
// tried. There are never two answered legs, and no leg is dialled twice.
package callbackflow

import (
	"slices"
	"time"
)

// Policy is how long things take.
type Policy struct {
	// Next is how long a group rings before the next one rings too, Silent how long
	// nothing is heard of any of its legs.
	Next, Silent time.Duration
	// GiveUp is how long is rung in all. A PSAP that waits for so long has hung up
	// or is a machine.
	GiveUp time.Duration
}

// DefaultPolicy rings a telephone for as long as it takes to cross a room before
// others ring too. A leg of which nothing is heard gets the time that F-02 gives
// a SIP route.
func DefaultPolicy() Policy {
	return Policy{Next: 20 * time.Second, Silent: 4 * time.Second, GiveUp: 5 * time.Minute}
}

// Config is whom a callback rings.
type Config struct {
	Groups []int // how many legs are in each group
	Policy Policy
	// LateOffer: the PSAP's INVITE has no SDP; its ACK will.
	LateOffer bool
}

type state uint8

const (
	idle state = iota
	ringing
	talking
	over
)

type legState uint8

const (
	notDialled legState = iota
	dialled
	gone
)

// Machine is one callback. Not safe for concurrent use.
type Machine struct {
	cfg    Config
	state  state
	group  int        // the next to ring
	heard  bool       // of the group before it
	legs   []legState // by N-1
	rang   bool       // somebody was reached, if in vain: he is busy, or did not answer
	tones  bool       // the PSAP hears ringback
	winner int
}

// New makes a machine; a zero Policy is the default one.
func New(c Config) *Machine {
	if c.Policy == (Policy{}) {
		c.Policy = DefaultPolicy()
	}
	n := 0
	for _, g := range c.Groups {
		n += g
	}
	return &Machine{cfg: c, legs: make([]legState, n)}
}

// Ended reports whether nothing follows.
func (m *Machine) Ended() bool { return m.state == over }

// Winner is the leg that answered; 0: none yet.
func (m *Machine) Winner() int { return m.winner }

// Step applies ev and returns what to do about it, in order. What has no meaning
// now is ignored: the network delivers late.
func (m *Machine) Step(ev Event) []Action {
	if ev.N < 0 || ev.N > len(m.legs) {
		return nil
	}
	switch m.state {
	case idle:
		if ev.Kind == Arrived {
			return m.begin()
		}
	case ringing:
		return m.ring(ev)
	case talking:
		return m.talk(ev)
	case over:
		if ev.Kind == Answered && ev.N > 0 {
			return []Action{{Do: ByeLeg, N: ev.N, Reason: "the call is over"}}
		}
	}
	return nil
}

func (m *Machine) begin() []Action {
	m.state = ringing
	acts := m.next()
	if m.state == ringing {
		acts = append(acts, Action{Do: SetTimer, Timer: TimerGiveUp, After: m.cfg.Policy.GiveUp})
	}
	return acts
}

// next rings the next group that has legs; without one the callback is missed
// when nobody rings any more.
func (m *Machine) next() []Action {
	first := 1
	for _, g := range m.cfg.Groups[:m.group] {
		first += g
	}
	for m.group < len(m.cfg.Groups) {
		size := m.cfg.Groups[m.group]
		m.group++
		m.heard = false
		if size == 0 {
			continue
		}
		var acts []Action
		for n := first; n < first+size; n++ {
			m.legs[n-1] = dialled
			acts = append(acts, Action{Do: Dial, N: n})
		}
		if m.more() {
			acts = append(acts, Action{Do: SetTimer, Timer: TimerNext, After: m.cfg.Policy.Silent})
		}
		return acts
	}
	if !slices.Contains(m.legs, dialled) {
		return m.missed("everybody was tried")
	}
	return nil
}

// more reports whether a group is left.
func (m *Machine) more() bool {
	return slices.ContainsFunc(m.cfg.Groups[m.group:], func(g int) bool { return g > 0 })
}

// missed answers the PSAP that nobody was reached: 480 when somebody was there
// who did not answer, else 503.
func (m *Machine) missed(why string) []Action {
	code := 503
	if m.rang {
		code = 480
	}
	acts := append(m.cancelAll(0), Action{Do: Missed, Code: code, Reason: why}, Action{Do: Reject, Code: code})
	return append(acts, m.end(ByCallbox, why, code)...)
}

func (m *Machine) end(by, reason string, code int) []Action {
	m.state = over
	return []Action{
		{Do: StopTimer, Timer: TimerNext},
		{Do: StopTimer, Timer: TimerGiveUp},
		{Do: End, By: by, Reason: reason, Code: code},
	}
}

// cancelAll cancels what rings, but the winner.
func (m *Machine) cancelAll(winner int) (acts []Action) {
	for i := range m.legs {
		if m.legs[i] == dialled && i+1 != winner {
			m.legs[i] = gone
			acts = append(acts, Action{Do: Cancel, N: i + 1})
		}
	}
	return acts
}

func (m *Machine) ring(ev Event) []Action {
	if ev.N > 0 {
		return m.leg(ev)
	}
	switch ev.Kind {
	case Cancelled, Bye:
		return append(m.cancelAll(0), m.end(ByPSAP, "gave up before an answer", 487)...)
	case Lost:
		return append(m.cancelAll(0), m.end(ByPSAP, "the connection to the PSAP was lost", 0)...)
	case Fired:
		if ev.Timer == TimerNext {
			return m.next()
		}
		m.rang = true // somebody rings still
		return m.missed("nobody answered")
	case Stopped:
		acts := append(m.cancelAll(0), Action{Do: Reject, Code: 503})
		return append(acts, m.end(ByCallbox, "the server stops", 503)...)
	}
	return nil
}

// leg is what happens to a leg while nobody has the call.
func (m *Machine) leg(ev Event) []Action {
	if m.legs[ev.N-1] != dialled {
		if ev.Kind == Answered { // it crossed the CANCEL
			return []Action{{Do: ByeLeg, N: ev.N, Reason: "somebody else answered"}}
		}
		return nil
	}
	switch ev.Kind {
	case Ringing:
		m.rang = true
		var acts []Action
		if !m.tones {
			m.tones = true
			acts = append(acts, Action{Do: Ringback, N: ev.N})
		}
		if !m.heard && m.newest(ev.N) && m.more() {
			m.heard = true
			acts = append(acts, Action{Do: SetTimer, Timer: TimerNext, After: m.cfg.Policy.Next})
		}
		return acts
	case Answered:
		m.state, m.winner = talking, ev.N
		acts := []Action{{Do: StopTimer, Timer: TimerNext}, {Do: StopTimer, Timer: TimerGiveUp}, {Do: Answer, N: ev.N}}
		return append(acts, m.cancelAll(ev.N)...)
	case Failed, Lost, Bye:
		m.legs[ev.N-1] = gone
		m.rang = m.rang || reached(ev.Code)
		if slices.Contains(m.legs, dialled) {
			return nil
		}
		return append([]Action{{Do: StopTimer, Timer: TimerNext}}, m.next()...)
	}
	return nil
}

// newest reports whether a leg is of the group that was rung last.
func (m *Machine) newest(n int) bool {
	before := 0
	for _, g := range m.cfg.Groups[:m.group-1] {
		before += g
	}
	return n > before
}

// reached reports a refusal by a person's device: busy, unavailable, declined.
func reached(code int) bool {
	switch code {
	case 480, 486, 600, 603:
		return true
	}
	return false
}

// talk is what happens once somebody has the call: both may do what they like.
func (m *Machine) talk(ev Event) []Action {
	if ev.N != 0 && ev.N != m.winner {
		if ev.Kind == Answered {
			return []Action{{Do: ByeLeg, N: ev.N, Reason: "somebody else answered"}}
		}
		return nil
	}
	other, by := m.winner, ByPSAP
	if ev.N == m.winner {
		other, by = 0, ByCaller
	}
	switch ev.Kind {
	case Bye, Cancelled:
		return append([]Action{{Do: ByeLeg, N: other, Reason: "hung up"}}, m.end(by, "hung up", 200)...)
	case Lost:
		return append([]Action{{Do: ByeLeg, N: other, Reason: "the connection was lost"}}, m.end(by, "the connection was lost", 200)...)
	case ReInvite:
		return []Action{{Do: PassReInvite, N: ev.N}}
	case ReInviteAnswered:
		return []Action{{Do: PassAnswer, N: ev.N, Code: ev.Code}}
	case Acked:
		if ev.N == 0 && (m.cfg.LateOffer || ev.SDP) {
			return []Action{{Do: PassAck, N: m.winner}}
		}
		if ev.N == m.winner && ev.SDP {
			return []Action{{Do: PassAck}}
		}
	case Stopped:
		// The media flows past us: the talk goes on (D-05, D-17).
		return m.end(ByCallbox, "the server stops; the talk goes on", 200)
	}
	return nil
}
