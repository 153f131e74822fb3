package callflow

// Newcomer is the caller who comes again from another place, until he has his.
const Newcomer = -1

// coming is who takes a place in a call that is up: the target of a REFER that
// we dial (RFC 3515), or who asked for a place by INVITE with Replaces (RFC 3891).
type coming struct {
	n     int
	from  int // whose place it is
	state comingState
	refer bool // from sent a REFER, and is told how it goes
	asked bool // came by himself, and waits for an answer
	// up: he made no offer, so he was answered with ours at once.
	up bool
	// alone: from hung up meanwhile, and the caller has nobody else.
	alone bool
	again bool // the PSAP is called again, because nobody else took the call
	code  int  // of the failure, in state leaving
	route int
}

type comingState string

const (
	trying  comingState = "trying"  // dialled, without an answer
	offered comingState = "offered" // his ACK will say what he answers to our offer
	ready   comingState = "ready"   // answered; another re-INVITE is under way
	joins   comingState = "joins"   // the other side was told of him
	leaving comingState = "leaving" // gone before the other side has answered that
)

// refuseChange refuses what only a call that is up can do.
func refuseChange(ev Event, code int) (acts []Action, refused bool) {
	switch {
	case ev.Kind == Refer && ev.N == 0 && code != codeNoCall:
		return []Action{{Do: AnswerRefer, N: 0, Code: 403}}, true
	case ev.Kind == Refer:
		return []Action{{Do: AnswerRefer, N: ev.N, Code: code}}, true
	case ev.Kind == Replace:
		return []Action{{Do: TurnAway, Code: code}}, true
	}
	return nil, false
}

// change handles who comes into a call and who leaves it (F-15); false when the
// event is about neither.
func (m *Machine) change(ev Event) (acts []Action, ok bool) {
	c := m.coming
	switch {
	case ev.Kind == Refer:
		return m.refer(ev), true
	case ev.Kind == Replace:
		return m.replace(ev), true
	case ev.Kind == Fired && ev.Timer.Name == TimerParting:
		return m.partWith("handed the call on"), true
	case m.parting != 0 && ev.N == m.parting && ends(ev.Kind):
		acts := append(m.surely(ev), stop(TimerParting, 0))
		m.drop(m.find(m.parting))
		m.parting = 0
		return acts, true
	case m.parting != 0 && ev.Kind == Bye && ev.N == m.winner && c == nil:
		return m.goBack(), true
	case c == nil:
		return nil, false
	case ev.Kind == Fired && ev.Timer == Timer{TimerNoProgress, c.n}:
		return m.comerSilent(c), true
	case ev.Kind == ReInviteAnswered && m.reinvite == joining:
		return m.answeredTo(c, ev), true
	case ev.N == c.n:
		return m.comer(c, ev), true
	case ev.Kind == Bye && ev.N == m.winner && c.n != Newcomer:
		// Who hands a call on may hang up at once: the caller waits for who comes.
		m.drop(m.find(ev.N))
		m.winner, c.alone = 0, true
		acts := m.unanswered()
		return append(acts, m.goOn()...), true
	}
	return nil, false
}

func ends(k EventKind) bool {
	return k == Bye || k == Lost || k == Failed || k == SendFailed || k == Cancelled
}

// refer: the caller's is refused, the PSAP's is followed.
func (m *Machine) refer(ev Event) []Action {
	code := 0
	switch {
	case ev.N == 0:
		code = 403
	case ev.N != m.winner:
		code = codeNoCall
	case m.coming != nil:
		code = 491
	case !ev.Follow:
		code = 403
	}
	if code != 0 {
		return []Action{{Do: AnswerRefer, N: ev.N, Code: code}}
	}
	acts := append(m.partWith("handed the call on"), Action{Do: AnswerRefer, N: ev.N, Code: 202}, Action{Do: TellRefer, N: ev.N, Code: 100})
	return append(acts, m.dialComer(Transfer, &coming{from: ev.N, refer: true})...)
}

// dialComer dials who is to take the call, by the route of who has it.
func (m *Machine) dialComer(do Verb, c *coming) []Action {
	route := 0
	if a := m.find(c.from); a != nil {
		route = a.route
	}
	return m.dialOn(do, c, route)
}

func (m *Machine) dialOn(do Verb, c *coming, route int) []Action {
	m.n++
	c.n, c.state, c.route = m.n, trying, route
	m.coming = c
	m.live = append(m.live, &attempt{n: m.n, route: route, state: dialing})
	return []Action{{Do: do, N: m.n, Route: route}, set(TimerNoProgress, m.n, m.cfg.Policy.NoProgressSlow)}
}

// replace: who comes for the place of one of the two.
func (m *Machine) replace(ev Event) []Action {
	code := 0
	switch {
	case ev.N != 0 && ev.N != m.winner:
		code = codeNoCall
	case !ev.Follow:
		code = 403
	case m.coming != nil || m.winner == 0:
		code = 491
	case !ev.SDP && ev.N == 0:
		code = 488
	case ev.N == 0 && m.reinvite != nobody:
		code = 491
	}
	if code != 0 {
		return []Action{{Do: TurnAway, Code: code}}
	}
	if ev.N == 0 {
		m.coming = &coming{n: Newcomer, asked: true, state: joins}
		m.reinvite = joining
		return []Action{{Do: Take, N: Newcomer}, {Do: Move, N: Newcomer}}
	}
	acts := m.partWith("handed the call on")
	m.n++
	route := m.find(ev.N).route
	m.coming = &coming{n: m.n, from: ev.N, asked: true, state: ready, route: route}
	m.live = append(m.live, &attempt{n: m.n, route: route, state: answered})
	acts = append(acts, Action{Do: Take, N: m.n})
	if !ev.SDP {
		m.coming.state, m.coming.up = offered, true
		return append(acts, Action{Do: Accept, N: m.n})
	}
	return append(acts, m.goOn()...)
}

// comer handles what happened to who comes.
func (m *Machine) comer(c *coming, ev Event) []Action {
	a := m.find(c.n)
	switch {
	case ends(ev.Kind):
		return m.comerGone(c, ev)
	case ev.Kind == ReInvite:
		return []Action{{Do: RefuseReInvite, N: ev.N, Code: 491}}
	case ev.Kind == Acked && c.state == offered && ev.Media == MediaNone:
		m.drop(a)
		return append([]Action{{Do: ByeLeg, N: c.n, Reason: "no answer to the offer"}}, m.comerFailed(c, 488)...)
	case ev.Kind == Acked && c.state == offered:
		c.state = ready
		return m.goOn()
	case a == nil && ev.Kind == Answered:
		return []Action{{Do: ByeLeg, N: ev.N, Reason: "too late"}}
	case a == nil || c.state != trying:
		return nil
	case ev.Kind == Progress:
		a.heard = true
		if ev.Code == 100 || ev.Code == 199 || a.state == ringing {
			return nil
		}
		a.state = ringing
		return append([]Action{stop(TimerNoProgress, a.n)}, c.tell(ev.Code)...)
	case ev.Kind == Answered:
		acts := stopOf(a)
		a.state, c.state = answered, ready
		return append(acts, m.goOn()...)
	}
	return nil
}

// tell tells who handed the call on how it goes.
func (c *coming) tell(code int) []Action {
	if !c.refer || c.alone {
		return nil
	}
	return []Action{{Do: TellRefer, N: c.from, Code: code}}
}

// goOn does what waited for the end of a re-INVITE.
func (m *Machine) goOn() []Action {
	switch c := m.coming; {
	case m.reinvite != nobody:
	case c != nil && c.state == ready:
		c.state, m.reinvite = joins, joining
		return []Action{{Do: Connect, N: c.n}}
	case m.owed && m.winner != 0:
		m.owed, m.reinvite = false, mending
		return []Action{{Do: Connect, N: m.winner}}
	}
	return m.flushPlace()
}

// answeredTo: the other side has answered for who comes.
func (m *Machine) answeredTo(c *coming, ev Event) []Action {
	if c.n == Newcomer && ev.N != m.winner || c.n != Newcomer && ev.N != 0 {
		return nil
	}
	m.reinvite = nobody
	switch {
	case c.state == leaving && c.n == Newcomer:
		m.coming = nil
		if ev.Code >= 300 {
			return m.goOn()
		}
		m.reinvite = ourself
		return []Action{{Do: Move, N: 0}}
	case c.state == leaving:
		m.owed = m.owed || ev.Code < 300
		return m.comerFailed(c, c.code)
	case ev.Code >= 300:
		acts := []Action{{Do: Decline, N: c.n, Code: ev.Code}}
		if !c.asked || c.up {
			acts = []Action{{Do: ByeLeg, N: c.n, Reason: "the caller's side refused"}}
		}
		m.drop(m.find(c.n))
		return append(acts, m.comerFailed(c, ev.Code)...)
	}
	m.coming = nil
	if c.n == Newcomer {
		m.callerLost = false
		return append([]Action{{Do: Accept, N: Newcomer}, {Do: Joined, N: 0, Reason: "caller moved"}}, m.goOn()...)
	}
	return m.join(c, ev)
}

// join gives the call to who came.
func (m *Machine) join(c *coming, ev Event) []Action {
	old := m.winner
	m.winner, m.psapLost, m.owed = c.n, false, false
	var acts []Action
	switch {
	case c.asked:
		if !c.up {
			acts = append(acts, Action{Do: Accept, N: c.n})
		}
		acts = append(acts, Action{Do: Joined, N: c.n, Reason: "replaced"})
		if old != 0 {
			m.drop(m.find(old))
			acts = append(acts, Action{Do: ByeLeg, N: old, Reason: "replaced"})
		}
	default:
		acts = append(acts, Action{Do: Joined, N: c.n, Reason: "transferred"})
		acts = append(acts, c.tell(200)...)
		if old != 0 {
			m.parting = old
			acts = append(acts, set(TimerParting, 0, m.cfg.Policy.Drain))
		}
	}
	if ev.Media == MediaTalk && (!c.asked || c.up) {
		m.reinvite = ourself
		return append(acts, Action{Do: UpdatePSAP, N: c.n})
	}
	return append(acts, m.flushPlace()...)
}

// comerSilent: nothing but a 100 came in the time of a slow route. Only who does
// not ring is given up.
func (m *Machine) comerSilent(c *coming) []Action {
	a := m.find(c.n)
	if a == nil || a.state != dialing {
		return nil
	}
	a.state = cancelled
	acts := []Action{{Do: GiveUp, N: a.n, Reason: "no progress", Silent: !a.heard}, {Do: Cancel, N: a.n, Reason: "no progress"}}
	return append(acts, m.comerFailed(c, codeTimeout)...)
}

// comerGone: who comes has hung up, refused, or was never reached.
func (m *Machine) comerGone(c *coming, ev Event) []Action {
	code := ev.Code
	if code < 300 {
		code = 503
	}
	a := m.find(c.n)
	acts := m.surely(ev)
	m.drop(a)
	if a != nil && c.state == trying {
		acts = append([]Action{{Do: GiveUp, N: c.n, Code: code, Reason: "refused"}}, stopOf(a)...)
	}
	if c.state == joins || c.state == leaving {
		c.state, c.code = leaving, code // the caller has his SDP already
		return acts
	}
	return append(acts, m.comerFailed(c, code)...)
}

// comerFailed leaves the call with who had it. Where that one has hung up, its
// route is dialled again, once: it is the caller's call, not that of who handed
// it on.
func (m *Machine) comerFailed(c *coming, code int) []Action {
	acts := c.tell(code)
	m.coming = nil
	switch {
	case !c.alone:
		return append(acts, m.goOn()...)
	case c.again:
		return append(acts, m.psapHangsUp("psap hung up", "psap hung up, and nobody took the call")...)
	}
	m.owed = false
	acts = append(acts, Action{Do: Alarm, Reason: AlarmTransferLost})
	return append(acts, m.dialOn(Dial, &coming{alone: true, again: true}, c.route)...)
}

// surely hangs up on an answered leg whose end is not its own hang-up.
func (m *Machine) surely(ev Event) []Action {
	if a := m.find(ev.N); a != nil && a.state == answered && ev.Kind != Bye && ev.Kind != Failed {
		return []Action{{Do: ByeLeg, N: ev.N, Reason: "lost"}}
	}
	return nil
}

// partWith hangs up on who handed the call on and is still there.
func (m *Machine) partWith(why string) []Action {
	if m.parting == 0 {
		return nil
	}
	n := m.parting
	m.parting = 0
	m.drop(m.find(n))
	return []Action{stop(TimerParting, 0), {Do: ByeLeg, N: n, Reason: why}}
}

// goBack gives the call back to who handed it on and has not hung up.
func (m *Machine) goBack() []Action {
	m.drop(m.find(m.winner))
	m.winner, m.parting, m.owed = m.parting, 0, true
	acts := append(m.unanswered(), stop(TimerParting, 0), Action{Do: Joined, N: m.winner, Reason: "returned"})
	return append(acts, m.goOn()...)
}

// unanswered frees the turn of a re-INVITE to who had the call: he has hung up and
// answers nothing any more. The caller tries his own again.
func (m *Machine) unanswered() []Action {
	switch m.reinvite {
	case ourself:
		m.reinvite = nobody
	case 0:
		m.reinvite = nobody
		return []Action{{Do: RefuseReInvite, N: 0, Code: 491}}
	}
	return nil
}

// letNobodyIn ends the coming of who has no answer yet, because the call ends.
func (m *Machine) letNobodyIn() []Action {
	c := m.coming
	m.coming, m.parting = nil, 0
	acts := []Action(nil)
	if c != nil && c.asked && !c.up && c.state != leaving {
		m.drop(m.find(c.n))
		acts = append(acts, Action{Do: Decline, N: c.n, Code: codeNoCall})
	}
	return acts
}

// psapHangsUp ends the call.
func (m *Machine) psapHangsUp(said, why string) []Action {
	m.drop(m.find(m.winner))
	acts := []Action{{Do: ByeLeg, N: 0, Reason: said}}
	return append(acts, m.closeLegs(ByPSAP, why, false)...)
}
