package sipedge

import "slices"

// Leg is one call between us and one neighbour, with its dialogs: inbound when
// it was given to Config.Handle, dialled when Dial made it. Safe for
// concurrent use; methods never wait for the network.
type Leg struct {
	req    *Request
	events <-chan Event
	c      *call
}

// Request is the INVITE of an inbound leg; nil on a dialled one.
func (l *Leg) Request() *Request { return l.req }

// CallID is the Call-ID on the wire.
func (l *Leg) CallID() string { return l.c.callID }

// Events brings what happens to the leg, in order, and is closed when the leg
// is over. The edge never waits for the reader: up to 32 events are kept, of
// which provisional responses fill at most 20 (further ones are dropped; their
// news is already in the queue). Every other kind follows an act of the owner
// or happens once, so the rest cannot overflow.
func (l *Leg) Events() <-chan Event { return l.events }

// Provisional sends a 1xx on an inbound leg. Each attempt has its own To-tag,
// an early dialog of its own (D-04); attempts are counted from 1.
func (l *Leg) Provisional(attempt, code int, reason string, m Message) error {
	return l.c.provisional(attempt, code, reason, m)
}

// Answer sends a 200 on an inbound leg with the To-tag of the attempt, and
// again until its ACK comes (RFC 3261, section 13.3.1.4).
func (l *Leg) Answer(attempt int, m Message) error { return l.c.answer(attempt, m) }

// Reject sends a final response of 300 or more on an inbound leg.
func (l *Leg) Reject(code int, reason string, h Headers) error { return l.c.reject(code, reason, h) }

// TurnAway refuses a leg that Replaced brought, and that nobody has listened to.
// One that dials for help is none to refuse: it goes on as a call of its own (E1),
// but for 491, after which its sender comes again.
func (l *Leg) TurnAway(code int) error {
	e := l.c.e
	if code == 491 || !e.cfg.Emergency(l.req.URI) {
		return l.Reject(code, "", nil)
	}
	req := *l.req
	req.Repaired = append(slices.Clone(req.Repaired), "Replaces was not obeyed")
	if own := (&Leg{c: l.c, events: l.events, req: &req}); !e.spawn(func() { e.handle(own) }) {
		l.c.shutdown()
	}
	return nil
}

// Cancel gives up a dialled leg that has no answer yet. The CANCEL goes out
// once a provisional response has come (RFC 3261, section 9.1). A 2xx that
// crosses it is acknowledged and reported as Answered: the owner keeps the
// call, or ends it with Bye.
func (l *Leg) Cancel(reason string) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.cancelNow(reason)
}

// Bye ends the leg whatever its state: BYE when answered (on an inbound leg
// after the ACK, RFC 3261, section 15), CANCEL and a BYE for a late 2xx on a
// dialled leg, 487 on an inbound one.
func (l *Leg) Bye(reason string) {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.phase == opening && c.inbound:
		c.final(c.first, response{code: 487, tag: c.tag(0)})
		c.finish(nil)
	case c.phase == opening:
		c.abandoned = true
		c.cancelNow(reason)
	case c.phase == up:
		c.bye(reason)
	}
}

// Ack acknowledges the 2xx to an INVITE or re-INVITE of ours that carried no
// body, with the answer to the offer in that 2xx. All others are acknowledged
// by the edge itself.
func (l *Leg) Ack(m Message) error {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := m.check(); err != nil {
		return err
	}
	for _, a := range []*inviteClient{c.ask, c.out} {
		if a != nil && a.needs && c.phase == up {
			c.acknowledge(a, m)
			c.kick()
			return nil
		}
	}
	return ErrState
}

// ReInvite sends a re-INVITE in the dialog. The result comes as
// ReInviteAnswered. Glare (491) is tried again after the times of RFC 3261,
// section 14.1, five times at most.
func (l *Leg) ReInvite(m Message) { l.c.reInvite(m) }

// AnswerReInvite answers the re-INVITE last reported, 2xx until its ACK comes.
func (l *Leg) AnswerReInvite(code int, reason string, m Message) error {
	return l.c.answerReInvite(code, reason, m)
}
