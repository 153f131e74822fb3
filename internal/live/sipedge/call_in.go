package sipedge

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// inviteServer is an INVITE or re-INVITE of the other side (RFC 3261, section
// 17.2.1; RFC 6026).
type inviteServer struct {
	msg   *message // until the final response
	h     hop
	key   string
	seq   uint32
	last  []byte   // newest response
	rings response // newest provisional one, none: code 0
	final int
	acked bool
	// update: an UPDATE, whose final response is repeated when it is asked for again.
	update bool
	r      *repeat
}

// everyMinute keeps proxies between us and the caller from giving up a call
// that rings for long (RFC 3261, section 13.3.1.1; their timer C is 3 min).
const everyMinute = time.Minute

// tag is our tag for an attempt (D-04).
func (c *call) tag(attempt int) string { return c.tagBase + "." + strconv.Itoa(attempt) }

// invite takes a new INVITE from a known source.
func (e *Edge) invite(m *message, h hop, src netip.AddrPort) {
	emergency := e.cfg.Emergency(m.uri)
	if e.stopping.Load() {
		e.reply(m, h, response{code: 503, m: Message{Headers: retryAfter(1)}})
		return
	}
	if !emergency && (e.refusedOrdinary(m, h) || e.unproved(m, h, src)) {
		return
	}
	if emergency {
		for _, name := range []string{"Require", "Proxy-Require", "Replaces"} {
			if v := m.headers.Get(name); v != "" {
				m.repair("%s was not obeyed", name)
			}
		}
	}
	if ok, why := e.admit.admit(emergency, src.Addr(), e.table.size.Load(), e.cfg.Now()); !ok {
		e.counts.shed.Add(1)
		if emergency {
			e.alarms.raise(Alarm{
				Code: AlarmOverload, At: e.cfg.Now(), Source: src.Addr(), Transport: h.network,
				Dialled: dialled(m.uri), Emergency: true, Detail: why,
			})
		}
		e.reply(m, h, response{code: 503, m: Message{Headers: retryAfter(1)}})
		return
	}
	if len(m.repaired) > 0 {
		e.counts.repaired.Add(1)
	}
	// What is kept is copied: a part of the message would hold the whole of it.
	c := e.newCall(strings.Clone(m.callID))
	c.inbound, c.emergency = true, emergency
	c.fromTag, c.inviteKey, c.inviteSeq = strings.Clone(m.from.tag), strings.Clone(m.via.key()), m.cseq
	c.accept(m, h, src)
	leg := &Leg{c: c, events: c.events, req: e.inviteOf(m, h, src)}
	if old := e.table.add(c, func(o *call) bool { return o.sameInvite(m) }); old != nil {
		e.admit.live.Add(-1)
		e.admit.release(emergency)
		old.repeated(m, h)
		return
	}
	c.mu.Lock()
	c.first.last = respond(m, response{code: 100})
	c.reply(c.first)
	c.mu.Unlock()
	if !e.spawn(func() { e.handle(leg) }) {
		c.shutdown()
	}
}

// handle runs the owner. A panic in it must not take the node, and with it
// every other call, down: the caller gets 503 and people an alarm.
func (e *Edge) handle(leg *Leg) {
	defer leg.c.abandon()
	defer func() {
		if r := recover(); r != nil {
			e.log.log.Error("handler of a call panicked", "panic", r)
		}
	}()
	e.cfg.Handle(e.ctx, leg)
}

// refusedOrdinary answers what a user agent must refuse; emergency calls are
// spared (E1).
func (e *Edge) refusedOrdinary(m *message, h hop) bool {
	r := response{}
	require := m.headers.values("Require")
	switch {
	case e.draining.Load():
		r = response{code: 503, m: Message{Headers: retryAfter(5)}}
	case e.cfg.Tight():
		e.counts.shed.Add(1)
		r = response{code: 503, m: Message{Headers: retryAfter(5)}}
	case m.version != "":
		r.code = 505
	case len(require) > 0:
		r = response{code: 420, m: Message{Headers: Headers{{"Unsupported", strings.Join(require, ", ")}}}}
	default:
		return false
	}
	e.reply(m, h, r)
	return true
}

func retryAfter(s int) Headers { return Headers{{"Retry-After", strconv.Itoa(s)}} }

func requestOf(m *message, h hop, src netip.AddrPort, now time.Time) *Request {
	return &Request{
		Method: m.method, URI: m.uri, Headers: m.headers, Body: m.body, ContentType: m.contentType,
		Source: src, Local: h.local, Transport: h.network, Peer: h.source(src).Names, Lapsed: h.source(src).Lapsed, CallID: m.callID, At: now, Repaired: m.repaired,
		Flow: Flow{h: hop{network: h.network, addr: src, local: h.local, conn: h.conn, sock: h.sock}},
	}
}

// accept fills the call from its INVITE (RFC 3261, section 12.1.1).
func (c *call) accept(m *message, h hop, src netip.AddrPort) {
	c.first = &inviteServer{msg: m, h: h, key: c.inviteKey, seq: m.cseq}
	c.conn = h.conn
	c.base = way{network: h.network, dest: src}
	if h.back.IsValid() {
		c.base.dest = h.back // the connection that it came on is used first
	}
	own := m.to.raw
	if m.to.fault != "" {
		own = "<" + m.to.uri + ">"
	}
	c.d = dialog{
		local: strings.Clone(own), remote: strings.Clone(m.from.raw), remoteTag: c.fromTag, remoteSeq: m.cseq,
		target: contactOf(m, "sip:"+c.base.dest.String()), routes: routesOf(m),
	}
}

// reply sends the newest response of s.
func (c *call) reply(s *inviteServer) {
	if !c.byRegistration(s) {
		c.e.answer(s.h, s.last)
	}
}

// final sends a final response and keeps it for repetitions: 2xx until the ACK
// on any transport (section 13.3.1.4), others over UDP only (17.2.1).
func (c *call) final(s *inviteServer, r response) {
	s.last = respond(s.msg, r)
	s.final, s.msg = r.code, nil
	s.r.stop()
	c.reply(s)
	send := func() { c.reply(s) }
	switch {
	case s.update:
	case r.code < 300:
		s.r = c.repeat(c.e.cfg.Timers.T2, c.lifetime(), send, func() { c.ackMissing(s) })
	case s.h.network == "udp":
		s.r = c.repeat(c.e.cfg.Timers.T2, c.lifetime(), send, nil)
	}
}

func (c *call) ackMissing(s *inviteServer) {
	if s == c.first && c.hangUp != nil {
		c.bye(*c.hangUp)
		return
	}
	c.push(Event{Kind: AckMissing, Err: ErrTimeout})
}

// sameInvite: a request outside dialogs that is this INVITE again, by whatever
// way it came. It reads only what never changes.
func (c *call) sameInvite(m *message) bool {
	return c.inbound && m.to.tag == "" && m.method == "INVITE" && m.from.tag == c.fromTag && m.cseq == c.inviteSeq
}

// repeated answers an INVITE that is here already: its newest response again,
// or 482 when it came by another way (RFC 3261, section 8.2.2.2).
func (c *call) repeated(m *message, h hop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.via.key() != c.inviteKey {
		if c.unreachable() {
			c.adopt(m, h)
			return
		}
		c.e.reply(m, h, response{code: 482})
		return
	}
	if c.first.last != nil && !c.first.acked {
		c.first.h = h
		c.reply(c.first)
	}
}

// unreachable reports a caller in need who waits, and whose connection is gone.
func (c *call) unreachable() bool {
	f := c.first
	return c.emergency && c.phase == opening && f.h.network != "udp" && (f.h.conn == nil || !f.h.conn.alive())
}

// adopt goes on with an INVITE by the way by which its sender tries it once more,
// because he lost the first (RFC 3263, section 4.3: by a new transaction, and
// otherwise the same): he is not refused what he has already (E1).
func (c *call) adopt(m *message, h hop) {
	s := c.first
	c.inviteKey = strings.Clone(m.via.key())
	s.msg, s.h, s.key, c.conn = m, h, c.inviteKey, h.conn
	r := s.rings
	if r.code == 0 {
		r.code = 100
	}
	s.last = respond(m, r)
	c.reply(s)
}

func (c *call) provisional(attempt, code int, reason string, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.inbound || code <= 100 || code > 199 || attempt < 1:
		return ErrState
	case c.phase != opening:
		return ErrOver
	}
	if err := m.check(); err != nil {
		return err
	}
	s := c.first
	s.rings = response{code: code, reason: reason, tag: c.tag(attempt), contact: s.h.origin().contact(""), rr: true, m: m}
	s.last = respond(s.msg, s.rings)
	c.reply(s)
	s.r.stop()
	c.remind(s)
	return nil
}

// remind repeats the provisional response every minute.
func (c *call) remind(s *inviteServer) {
	s.r = c.repeat(everyMinute, everyMinute, nil, func() {
		c.reply(s)
		c.remind(s)
	})
}

func (c *call) answer(attempt int, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.inbound || attempt < 1:
		return ErrState
	case c.phase != opening:
		return ErrOver
	}
	if err := m.check(); err != nil {
		return err
	}
	c.phase, c.wasUp, c.answeredAt = up, true, c.e.cfg.Now()
	c.d.localTag = c.tag(attempt)
	c.d.local += ";tag=" + c.d.localTag
	c.sessionFrom(c.first.msg, m)
	c.final(c.first, c.okTo(c.d.localTag, m))
	return nil
}

func (c *call) reject(code int, reason string, h Headers) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.inbound || code < 300 || code > 699:
		return ErrState
	case c.phase != opening:
		return ErrOver
	}
	m := Message{Headers: h}
	if err := m.check(); err != nil {
		return err
	}
	c.final(c.first, response{code: code, reason: reason, tag: c.tag(0), m: m})
	c.finish(nil)
	return nil
}

// cancelled takes a CANCEL; false when it is for no INVITE of this call. One
// whose branch is wrong but whose tag, number and Call-ID fit is obeyed: a
// caller who gave up must not go on ringing at a PSAP.
func (c *call) cancelled(m *message, h hop) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := m.via.key()
	switch {
	case c.first != nil && (c.first.key == key || (m.to.tag == "" && m.from.tag == c.fromTag && m.cseq == c.inviteSeq)):
		c.e.reply(m, h, response{code: 200, tag: c.tag(0)})
		if c.phase == opening {
			c.final(c.first, response{code: 487, tag: c.tag(0)})
			c.finish(&Event{Kind: Cancelled, Headers: m.headers})
		}
		return true
	case c.in != nil && c.in.key == key && !c.in.update:
		c.e.reply(m, h, response{code: 200})
		if c.in.final == 0 {
			c.answerIn(487, "", Message{})
			c.push(Event{Kind: ReInviteGone, Headers: m.headers})
		}
		return true
	}
	return false
}

// ack takes an ACK; false when it is for no INVITE of this call.
func (c *call) ack(m *message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ackLocked(m)
}

func (c *call) ackLocked(m *message) bool {
	for _, s := range []*inviteServer{c.first, c.in} {
		if s == nil || s.seq != m.cseq || s.final == 0 {
			continue
		}
		if s.final >= 300 {
			if s.key != m.via.key() {
				continue
			}
			s.acked = true
			s.r.stop()
			c.kick()
			return true
		}
		if m.to.tag != c.d.localTag || m.from.tag != c.d.remoteTag {
			continue
		}
		c.acknowledged(s, m)
		return true
	}
	return false
}

// acknowledged is told of the ACK for our 2xx, or of what proves that the 2xx
// came (m is nil then).
func (c *call) acknowledged(s *inviteServer, m *message) {
	if s.acked {
		return
	}
	s.acked = true
	s.r.stop()
	ev := Event{Kind: Acked}
	if m != nil {
		ev.Headers, ev.Body, ev.ContentType = m.headers, m.body, m.contentType
	}
	c.push(ev)
	if s == c.first && c.hangUp != nil {
		c.bye(*c.hangUp)
		return
	}
	c.kick()
}
