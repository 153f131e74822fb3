package sipedge

import (
	"net/netip"
	"strconv"
	"strings"
)

// referServer is a REFER of the other side and the subscription that it makes
// (RFC 3515).
type referServer struct {
	msg  *message // until the answer
	h    hop
	key  string
	last []byte
	id   string // of the event: names the REFER where it was not the first
	// mute: the sender wants no notices (RFC 4488).
	mute bool
	over bool // the last notice is out
}

// Honour makes REFER and INVITEs with Replaces that name this leg the owner's to
// answer: they come as Referred and Replaced. Without it they are refused.
func (l *Leg) Honour() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.honours = true
}

// referredAgain answers a repetition of the newest REFER.
func (c *call) referredAgain(key string, h hop) bool {
	if c.refer == nil || c.refer.key != key {
		return false
	}
	c.refer.h = h
	if c.refer.last != nil {
		c.e.answer(h, c.refer.last)
	}
	return true
}

// takeRefer hands a REFER to the owner, one at a time.
func (c *call) takeRefer(m *message, h hop, key string) {
	if c.refer != nil && (c.refer.msg != nil || !c.refer.over) {
		c.e.reply(m, h, response{code: 491})
		return
	}
	r := &referServer{msg: m, h: h, key: key, mute: strings.EqualFold(strings.TrimSpace(firstOf(m.headers.Get("Refer-Sub"))), "false")}
	if c.referred {
		r.id = ";id=" + strconv.FormatUint(uint64(m.cseq), 10)
	}
	c.refer, c.referred = r, true
	c.push(Event{Kind: Referred, Method: m.method, Headers: m.headers, Body: m.body, ContentType: m.contentType})
}

// AnswerRefer answers the REFER last reported. After a 2xx its sender is told
// how it goes by TellRefer, to the end.
func (l *Leg) AnswerRefer(code int, reason string) error {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.refer
	switch {
	case code < 200 || code > 699:
		return ErrState
	case r == nil || r.msg == nil || c.phase == over:
		return ErrOver
	}
	res := response{code: code, reason: reason}
	if code < 300 {
		res.contact = r.h.origin().contact("")
		if r.mute {
			res.m.Headers = Headers{{"Refer-Sub", "false"}}
		}
	}
	r.over = code >= 300 || r.mute
	r.last, r.msg = respond(r.msg, res), nil
	c.e.answer(r.h, r.last)
	return nil
}

// TellRefer tells the sender of the REFER that was accepted what its target
// said: 100 at first, then what came, and with a final response (or 503 for none)
// the subscription ends (RFC 3515, section 2.4.5).
func (l *Leg) TellRefer(code int, reason string) error {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.refer
	switch {
	case code < 100 || code > 699:
		return ErrState
	case r == nil || r.over || r.msg != nil || c.phase != up:
		return ErrOver
	}
	state := "active;expires=180"
	if code >= 200 {
		state, r.over = "terminated;reason=noresource", true
	}
	if reason == "" || strings.ContainsAny(reason, "\r\n") {
		reason = reasonOf(code)
	}
	c.d.localSeq++
	o := c.inside(&c.d, "NOTIFY", c.d.localSeq, Message{
		Headers:     Headers{{"Event", "refer" + r.id}, {"Subscription-State", state}},
		ContentType: "message/sipfrag;version=2.0",
		Body:        []byte("SIP/2.0 " + strconv.Itoa(code) + " " + reason + "\r\n"),
	})
	o.contact, o.honours = true, c.honours
	c.send(c.nextHop(&c.d), o, nil)
	return nil
}

// replaced takes an INVITE that is to take the place of another dialog (RFC
// 3891): it is a leg of its own, and its owner that of the leg it names. It
// returns false for a call for help that names no leg of ours: such a call is a
// new one, whatever else it says.
func (e *Edge) replaced(m *message, h hop, src netip.AddrPort) bool {
	emergency := e.cfg.Emergency(m.uri)
	if !emergency && e.unproved(m, h, src) {
		return true
	}
	old, code := e.dialogOf(firstOf(m.headers.Get("Replaces")))
	if old == nil {
		if emergency {
			return false
		}
		if e.park(m, h, src) {
			return true // the leg may be one that is being taken up again
		}
		e.reply(m, h, response{code: code})
		return true
	}
	c := e.newCall(strings.Clone(m.callID))
	c.inbound, c.emergency, c.honours = true, true, true // it is a part of a call for help
	c.fromTag, c.inviteKey, c.inviteSeq = strings.Clone(m.from.tag), strings.Clone(m.via.key()), m.cseq
	c.accept(m, h, src)
	leg := &Leg{c: c, events: c.events, req: e.inviteOf(m, h, src)}
	if again := e.table.add(c, func(o *call) bool { return o.sameInvite(m) }); again != nil {
		e.admit.live.Add(-1)
		again.repeated(m, h)
		return true
	}
	e.admit.retake(true)
	c.mu.Lock()
	c.first.last = respond(m, response{code: 100})
	c.reply(c.first)
	c.mu.Unlock()
	old.mu.Lock()
	taken := !old.closed && old.phase == up && len(old.events) < eventQueue
	if taken {
		old.push(Event{Kind: Replaced, Method: m.method, Headers: m.headers, Body: m.body, ContentType: m.contentType, Leg: leg})
	}
	old.mu.Unlock()
	if !taken {
		_ = leg.TurnAway(481) // it is unanswered, so it can be
	}
	return true
}

// dialogOf finds the leg that a Replaces value names, or the code to refuse it
// with (RFC 3891, section 3).
func (e *Edge) dialogOf(v string) (*call, int) {
	id, params, _ := strings.Cut(v, ";")
	local, _ := param(params, "to-tag")
	remote, _ := param(params, "from-tag")
	for _, c := range e.table.get(strings.TrimSpace(id)) {
		c.mu.Lock()
		same := local != "" && c.d.localTag == local && c.d.remoteTag == remote
		phase, honours := c.phase, c.honours
		c.mu.Unlock()
		_, early := param(params, "early-only")
		switch {
		case !same:
		case phase > up:
			return nil, 603
		case phase == opening:
			return nil, 481
		case early:
			return nil, 486
		case !honours:
			return nil, 501
		default:
			return c, 0
		}
	}
	return nil, 481
}

// follow notes from where a request came that may change the target of the
// dialog (RFC 3261, section 12.2.2): a telephone in another network is answered
// and called there from now on. It returns where, when that is new.
func (c *call) follow(h hop) (moved netip.AddrPort) {
	from := h.addr
	if h.conn != nil {
		c.conn = h.conn
		from = h.conn.remote
	}
	if !c.inbound && c.flow.network == "" || from.Addr() == c.base.dest.Addr() && c.flow.network == "" {
		return moved
	}
	if c.flow.network != "" {
		if from == c.flow.addr {
			return moved
		}
		c.flow = hop{network: h.network, addr: from, local: h.local, conn: h.conn, sock: h.sock}
	}
	c.base = way{network: h.network, dest: from}
	if h.back.IsValid() {
		c.base.dest = h.back
	}
	c.noTCP = false
	return from
}
