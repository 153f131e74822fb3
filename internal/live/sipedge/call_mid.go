package sipedge

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// RefusalOf is what a method that nobody serves is answered with: 405 for those
// that are known, 501 for REFER, which only legs that honour it take, and for
// what is not here (RFC 3261, section 8.2.1).
func RefusalOf(method string) int {
	switch method {
	case "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "INFO", "UPDATE", "OPTIONS":
		return 405
	case "PRACK", "BYE":
		return 481
	}
	return 501
}

// inDialog takes a request with a To-tag; false when it is not of this dialog.
func (c *call) inDialog(m *message, h hop) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.matches(m) {
		return false
	}
	if c.restored && c.inbound && h.conn != nil && (c.conn == nil || !c.conn.alive()) {
		c.conn = h.conn // the connection that it had ended with the process before
	}
	if c.tap != nil {
		h.tap = c.tap
		c.tap.in(m, h)
	}
	if m.method == "ACK" {
		return c.ackLocked(m)
	}
	if m.method == "INVITE" || m.method == "UPDATE" && len(m.body) > 0 {
		c.reInvited(m, h)
		return true
	}
	key := m.method + m.via.key()
	if m.method == "REFER" && c.referredAgain(key, h) {
		return true
	}
	if key == c.lastKey {
		c.e.answer(h, c.lastReply)
		return true
	}
	if m.cseq < c.d.remoteSeq && c.phase != over {
		c.e.reply(m, h, response{code: 500}) // RFC 3261, section 12.2.2
		return true
	}
	c.d.remoteSeq = max(c.d.remoteSeq, m.cseq)
	r := response{code: RefusalOf(m.method)}
	after := func() {}
	switch m.method {
	case "BYE":
		r.code, after = c.byeIn(m)
	case "OPTIONS":
		r.code = 200
	case "UPDATE":
		r = c.refreshedBy(m, h)
	case "REFER":
		if c.phase == up && c.honours {
			c.takeRefer(m, h, key)
			return true
		}
	}
	if c.phase == over && m.method != "BYE" {
		r = response{code: 481}
	}
	b := respond(m, r)
	c.lastKey, c.lastReply = key, b
	c.e.answer(h, b)
	after()
	return true
}

// matches compares the tags (RFC 3261, section 12.2.2). A dialled leg without
// an answer has early dialogs, whose remote tags are not kept.
func (c *call) matches(m *message) bool {
	if c.inbound && m.from.tag != c.d.remoteTag {
		return false
	}
	switch {
	case c.d.localTag != "":
		return m.to.tag == c.d.localTag && (c.inbound || !c.wasUp || m.from.tag == c.d.remoteTag)
	default: // inbound, not answered: any attempt's dialog
		return strings.HasPrefix(m.to.tag, c.tagBase+".")
	}
}

// byeIn says what a BYE is answered with, and what follows.
func (c *call) byeIn(m *message) (code int, after func()) {
	gone := &Event{Kind: ByeReceived, Headers: m.headers}
	switch {
	case c.phase == over && c.wasUp:
		return 200, func() {}
	case c.phase == over, c.phase == opening && !c.inbound:
		return 481, func() {}
	case c.phase == opening:
		return 200, func() {
			c.final(c.first, response{code: 487, tag: c.tag(0)})
			c.finish(gone)
		}
	}
	return 200, func() { c.finish(gone) }
}

// reInvited takes an INVITE inside the dialog, or an UPDATE with an offer
// (RFC 3311, section 5.2), which needs no ACK and is the same to an owner.
func (c *call) reInvited(m *message, h hop) {
	key := m.via.key()
	if s := c.in; s != nil && s.key == key && s.seq == m.cseq {
		if s.last != nil && (!s.acked || s.update) {
			s.h = h
			c.reply(s)
		}
		return
	}
	switch {
	case c.phase == ending, c.phase == over:
		c.e.reply(m, h, response{code: 481})
		return
	case c.phase == opening, c.in != nil && c.in.final == 0, m.cseq < c.d.remoteSeq:
		c.e.reply(m, h, response{code: 500, m: Message{Headers: retryAfter(rand.IntN(11))}}) // section 14.2
		return
	case c.out != nil && c.out.pending():
		c.e.reply(m, h, response{code: 491})
		return
	}
	for _, s := range []*inviteServer{c.first, c.in} {
		if s != nil && s.final > 0 && s.final < 300 {
			c.acknowledged(s, nil)
		}
	}
	if c.phase != up { // a hang-up waited for that ACK
		c.e.reply(m, h, response{code: 481})
		return
	}
	c.d.remoteSeq = m.cseq
	c.d.target = contactOf(m, c.d.target)
	ev := Event{Kind: ReInvite, Method: m.method, Headers: m.headers, Body: m.body, ContentType: m.contentType, Moved: c.follow(h)}
	c.in = &inviteServer{msg: m, h: h, key: key, seq: m.cseq, update: m.method == "UPDATE"}
	if !c.in.update {
		c.in.last = respond(m, response{code: 100})
		c.reply(c.in)
	}
	c.push(ev)
}

func (c *call) answerIn(code int, reason string, m Message) {
	r := response{code: code, reason: reason, m: m}
	if code < 300 {
		r.contact = c.in.h.origin().contact("")
		r.m.Headers = slices.Concat(m.Headers, c.sessionAnswer(c.in.msg))
		c.sessionFrom(c.in.msg, m)
	}
	c.final(c.in, r)
	if c.in.update {
		c.in.acked = true
		c.kick()
	}
}

func (c *call) answerReInvite(code int, reason string, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case code < 200 || code > 699:
		return ErrState
	case c.in == nil || c.in.final != 0 || c.phase == over:
		return ErrOver
	}
	if err := m.check(); err != nil {
		return err
	}
	c.answerIn(code, reason, m)
	return nil
}

// reInvite starts or queues ours. A newer one takes the place of one that
// still waits: only the last state of the session matters.
func (c *call) reInvite(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := m.check()
	if c.phase == opening {
		err = ErrState
	}
	if err != nil {
		c.push(Event{Kind: ReInviteAnswered, Code: 500, Reason: reasonOf(500), Err: err})
		return
	}
	if c.phase != up {
		return
	}
	if c.next != nil {
		c.push(Event{Kind: ReInviteAnswered, Code: 491, Reason: reasonOf(491), Err: ErrState})
	}
	c.next = &m
	c.kick()
}

// kick sends the re-INVITE that waits, once no INVITE is under way in either
// direction (RFC 3261, section 14.1).
func (c *call) kick() {
	if c.next == nil || c.phase != up || c.hangUp != nil {
		return
	}
	switch {
	case c.out != nil && (c.out.pending() || c.out.needs),
		c.in != nil && (c.in.final == 0 || !c.in.acked && c.in.final < 300),
		c.awaitsAck(),
		c.ask != nil && c.ask.needs:
		return
	}
	m := *c.next
	c.next = nil
	c.sendReInvite(m, inviteClient{})
}

// sendReInvite sends a re-INVITE; as says what it is beside that.
func (c *call) sendReInvite(m Message, as inviteClient) {
	c.d.localSeq++
	o := c.inside(&c.d, "INVITE", c.d.localSeq, c.withSession(m))
	o.contact = true
	as.out, as.branch, as.w, as.offer = o, o.branch, c.nextHop(&c.d), len(m.Body) > 0
	c.out = &as
	c.sendInvite(c.out)
}

// pending reports a transaction without a final response.
func (a *inviteClient) pending() bool { return a.state < refused }

// reAsked takes a response to our re-INVITE.
func (c *call) reAsked(a *inviteClient, m *message) {
	switch {
	case m.code < 200:
		if a.pending() {
			a.state = proceeding
			a.r.stop()
		}
	case m.code < 300:
		if !a.pending() {
			c.ackAgain(a)
			return
		}
		a.state = accepted
		c.sessionUntil(m, a.out.m)
		a.settle()
		c.d.target = contactOf(m, c.d.target)
		if a.refresh {
			c.acknowledge(a, Message{})
			c.kick()
			return
		}
		if a.offer || c.phase != up {
			c.acknowledge(a, Message{})
		} else {
			a.needs = true
		}
		c.push(eventOf(ReInviteAnswered, m))
		c.kick()
	default:
		c.ackRefusal(a, m)
		if !a.pending() {
			return
		}
		if m.code == 491 && !a.refresh && a.glares < maxGlares && c.phase == up {
			c.glare(a)
			return
		}
		c.reInviteDone(a, eventOf(ReInviteAnswered, m))
	}
}

func (c *call) reInviteDone(a *inviteClient, ev Event) {
	a.state = refused
	a.settle()
	if a.refresh {
		c.notRefreshed(ev.Code, ev.Err)
	} else {
		c.push(ev)
	}
	c.kick()
}

const maxGlares = 5

// glare tries the re-INVITE again after the times of RFC 3261, section 14.1:
// 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other. With T1
// other than 500 ms they shrink alike.
func (c *call) glare(a *inviteClient) {
	m, glares := a.out.m, a.glares+1
	a.state = refused
	a.settle()
	ms := rand.IntN(200) * 10
	if !c.inbound {
		ms = 2100 + rand.IntN(191)*10
	}
	wait := time.Duration(ms) * time.Millisecond * c.e.cfg.Timers.T1 / (500 * time.Millisecond)
	time.AfterFunc(wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case c.gone || c.phase != up || c.out != a:
		case c.next != nil:
			c.push(Event{Kind: ReInviteAnswered, Code: 491, Reason: reasonOf(491), Err: ErrState})
			c.kick()
		case c.in != nil && (c.in.final == 0 || !c.in.acked && c.in.final < 300):
			c.next = &m // after theirs
		default:
			c.sendReInvite(m, inviteClient{glares: glares})
		}
	})
}

// bye hangs up (RFC 3261, section 15.1.1). The leg is over when the BYE was
// answered or gave up.
func (c *call) bye(reason string) {
	if c.phase != up {
		return
	}
	if c.awaitsAck() && !c.first.r.stopped {
		c.hangUp = &reason // section 15: not before the ACK
		return
	}
	c.phase = ending
	if c.out != nil && c.out.pending() {
		c.out.settle()
		c.out.state = refused
	}
	c.d.localSeq++
	c.send(c.nextHop(&c.d), c.inside(&c.d, "BYE", c.d.localSeq, Message{Headers: reasonField(reason)}),
		func(*message, hop, error) { c.finish(nil) })
}
