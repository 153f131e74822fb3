package callflow

import "slices"

// stepTalking handles a call whose caller was answered.
func (m *Machine) stepTalking(ev Event) []Action {
	switch {
	case ev.Kind == Cancelled && ev.N == 0, ev.Kind == Bye && ev.N == 0:
		return m.hangUp(ByCaller, "caller hung up")
	}
	if acts, ok := m.change(ev); ok {
		return acts
	}
	switch {
	case ev.Kind == Bye && ev.N == m.winner:
		return m.psapHangsUp("psap hung up", "psap hung up")
	case ev.Kind == Lost:
		return m.lostTalking(ev.N)
	case ev.Kind == Relocated:
		return m.relocate()
	case ev.Kind == Answered:
		return m.stepAttempt(ev)
	case ev.Kind == ReInvite, ev.Kind == ReInviteAnswered, ev.Kind == Acked:
		return m.media(ev)
	case ev.Kind == SendFailed, ev.Kind == Failed, ev.Kind == Bye:
		if ev.N != m.winner {
			m.drop(m.find(ev.N))
		}
	case ev.Kind == Stopped:
		// Media flows past us (D-05): the two go on talking. Of who is being handed on,
		// and has nobody else, the next process goes on with who took the call.
		if c := m.coming; m.winner == 0 && c != nil {
			if a := m.find(c.n); a != nil && a.state == answered {
				m.winner = c.n
			}
		}
		m.live, m.state = nil, ended
		return []Action{{Do: HandOver}, {Do: Finish}}
	}
	if m.silent != nil {
		return m.asking(ev)
	}
	return nil
}

// lostTalking: signalling was lost, the media goes past us and may go on. So
// one lost side is said and nothing is hung up; two lost sides are the end.
func (m *Machine) lostTalking(n int) []Action {
	var acts []Action
	switch {
	case n == 0 && !m.callerLost:
		m.callerLost = true
		acts = []Action{{Do: Alarm, Reason: AlarmCallerLost}}
	case n == m.winner && n != 0 && !m.psapLost:
		m.psapLost = true
		acts = []Action{{Do: Alarm, Reason: AlarmPSAPLost}}
	case n != 0 && n != m.winner:
		m.drop(m.find(n))
	}
	if m.callerLost && m.psapLost {
		m.drop(m.find(m.winner))
		acts = append(acts, Action{Do: ByeLeg, N: m.winner, Reason: "lost"}, Action{Do: ByeLeg, N: 0, Reason: "lost"})
		acts = append(acts, m.closeLegs(ByCallbox, "both connections were lost", false)...)
	}
	return acts
}

// media handles re-INVITEs (D-04, F-15). From the caller only one that keeps
// sendrecv passes; from the PSAP each. One at a time: a second one is answered
// 491 and tried again by its sender (RFC 3261, section 14.2).
func (m *Machine) media(ev Event) []Action {
	fromCaller := ev.N == 0
	if !fromCaller && ev.N != m.winner {
		if ev.Kind == ReInvite {
			return []Action{{Do: RefuseReInvite, N: ev.N, Code: 481}}
		}
		return nil
	}
	switch ev.Kind {
	case ReInvite:
		switch {
		case m.reinvite != nobody || m.winner == 0:
			return []Action{{Do: RefuseReInvite, N: ev.N, Code: 491}}
		case fromCaller && ev.Media == MediaNone:
			return []Action{{Do: OfferCaller}}
		case fromCaller && ev.Media == MediaHold:
			return []Action{{Do: AnswerHold}}
		}
		m.reinvite = ev.N
		return []Action{{Do: PassReInvite, N: ev.N}}
	case ReInviteAnswered:
		asker := m.reinvite
		if asker == nobody || asker == joining {
			return nil
		}
		m.reinvite = nobody
		if asker < nobody {
			return m.goOn()
		}
		return append([]Action{{Do: PassAnswer, N: ev.N, Code: ev.Code}}, m.goOn()...)
	case Acked:
		if !fromCaller && ev.Media != MediaNone {
			return []Action{{Do: PassAck, N: 0}}
		}
		return m.ackedMedia(ev.Media)
	}
	return nil
}

// ackedMedia handles SDP in an ACK of the caller: the answer to an offer of
// the PSAP that we relayed, or to one that we made for him.
func (m *Machine) ackedMedia(media Media) []Action {
	switch {
	case media == MediaNone || media == MediaSame:
		return nil
	case !m.acked:
		m.acked = true
		return append([]Action{{Do: PassAck, N: m.winner}}, m.flushPlace()...)
	case media == MediaTalk && m.reinvite == nobody && m.winner != 0:
		m.reinvite = ourself
		return []Action{{Do: UpdatePSAP, N: m.winner}}
	}
	return nil
}

// stepClosing waits for the ends of cancelled legs: a 200 may still cross.
func (m *Machine) stepClosing(ev Event) []Action {
	if acts, late := refuseChange(ev, codeNoCall); late {
		return acts
	}
	switch {
	case ev.Kind == Fired && ev.Timer.Name == TimerDrain, ev.Kind == Stopped:
		m.live = nil
	case ev.N <= m.cfg.First || ev.N > m.n:
		return nil
	case ev.Kind == Answered:
		m.drop(m.find(ev.N))
		return append([]Action{{Do: ByeLeg, N: ev.N, Reason: "caller is gone"}}, m.finish()...)
	case ev.Kind == ReInvite:
		return []Action{{Do: RefuseReInvite, N: ev.N, Code: 481}}
	case ev.Kind == SendFailed, ev.Kind == Failed, ev.Kind == Lost, ev.Kind == Bye:
		m.drop(m.find(ev.N))
	}
	return m.finish()
}

// abandon ends a call that the caller did not hear answered.
func (m *Machine) abandon(by, why string) []Action {
	acts := append(m.stopTimers(), stop(TimerRecorded, 0))
	acts = append(acts, Action{Do: Notify, Reason: Abandoned})
	return append(acts, m.closeLegs(by, why, true)...)
}

func (m *Machine) hangUp(by, why string) []Action {
	return m.closeLegs(by, why, false)
}

// closeLegs ends every leg that is out and records the end of the call.
func (m *Machine) closeLegs(by, why string, abandoned bool) []Action {
	acts := m.letNobodyIn()
	for _, a := range slices.Clone(m.live) {
		acts = append(acts, m.letGo(a, why)...)
		if a.state == answered {
			m.drop(a)
		}
	}
	return append(acts, m.close(by, why, abandoned)...)
}

// close records the end and waits for cancelled legs, if there are any.
func (m *Machine) close(by, why string, abandoned bool) []Action {
	m.state = closing
	acts := []Action{{Do: EndCall, By: by, Reason: why, Abandoned: abandoned}}
	if len(m.live) > 0 {
		return append(acts, set(TimerDrain, 0, m.cfg.Policy.Drain))
	}
	return append(acts, m.finish()...)
}

func (m *Machine) finish() []Action {
	if len(m.live) > 0 || m.state != closing {
		return nil
	}
	m.state = ended
	return []Action{{Do: Finish}}
}

// tell gives the first notice, for whichever reason comes first (E4, F-09).
func (m *Machine) tell(reason string) []Action {
	if m.told {
		return nil
	}
	m.told = true
	return []Action{stop(TimerTold, 0), {Do: Notify, Reason: reason}}
}

func (m *Machine) tellNotConnected() []Action {
	if m.toldNotConnected {
		return nil
	}
	m.toldNotConnected = true
	return []Action{{Do: Notify, Reason: NotConnected}}
}

// tellOverdue tells it as soon as no local route at work holds it back.
func (m *Machine) tellOverdue() []Action {
	if !m.overdue || m.slowAtWork() {
		return nil
	}
	m.overdue = false
	return m.tellNotConnected()
}

// armNotConnected starts the time without a leg in progress anew.
func (m *Machine) armNotConnected() []Action {
	if m.toldNotConnected {
		return nil
	}
	return []Action{set(TimerNotConnected, 0, m.cfg.Policy.NotConnected)}
}

// ring lets the caller hear ringback unless he hears something already (F-32).
func (m *Machine) ring() []Action {
	if m.ringback || m.state != waiting {
		return nil
	}
	m.ringback = true
	return []Action{{Do: Ringback, N: max(m.n, m.cfg.First+1)}}
}

// stopTimers stops what belongs to the search.
func (m *Machine) stopTimers() []Action {
	m.retrying = false
	return []Action{stop(TimerTold, 0), stop(TimerNotConnected, 0), stop(TimerRetry, 0), stop(TimerCallerLost, 0)}
}

// stopOf stops the timers of an attempt that is over.
func stopOf(a *attempt) []Action {
	switch a.state {
	case dialing:
		return []Action{stop(TimerNoProgress, a.n)}
	case ringing:
		return []Action{stop(TimerSecondLeg, a.n)}
	}
	return nil
}

func (m *Machine) find(n int) *attempt {
	for _, a := range m.live {
		if a.n == n {
			return a
		}
	}
	return nil
}

func (m *Machine) drop(a *attempt) {
	m.live = slices.DeleteFunc(m.live, func(b *attempt) bool { return a == b })
}

func (m *Machine) any(s legState) bool {
	return slices.ContainsFunc(m.live, func(a *attempt) bool { return a.state == s })
}

// slowAtWork reports an attempt by a local route that was heard of and is still
// inside its no-progress time.
func (m *Machine) slowAtWork() bool {
	return slices.ContainsFunc(m.live, func(a *attempt) bool {
		return a.state == dialing && a.heard && m.cfg.Routes[a.route].Slow
	})
}

// rings reports whether an attempt by the route rings now.
func (m *Machine) rings(route int) bool {
	return slices.ContainsFunc(m.live, func(a *attempt) bool { return a.route == route && a.state == ringing })
}
