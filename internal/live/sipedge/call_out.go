package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

var errConnLost = errors.New("connection to the other side was lost")

// clientState is that of an INVITE client transaction (RFC 3261, 17.1.1; RFC
// 6026).
type clientState uint8

const (
	unsent clientState = iota
	calling
	proceeding
	refused  // final response from 300 on
	accepted // 2xx
)

// inviteClient is an INVITE or re-INVITE of ours.
type inviteClient struct {
	out    outgoing
	branch string
	w      way
	h      hop
	bytes  []byte
	state  clientState
	r      *repeat
	again  bool // sent again after its connection was lost
	proved bool // with credentials, after a challenge
	heard  bool // 100 was reported
	offer  bool // carried a body, so that the ACK needs none

	cancel     bool // CANCEL was asked for
	cancelSent bool
	reason     string

	ack    ackSent
	answer Message // what the ACK carried
	needs  bool    // the owner's Ack is waited for
	glares int
	// refresh: no wish of the owner's, but our duty (RFC 4028).
	refresh bool
}

// ackSent is an ACK for a 2xx as it went out, for repetitions of that 2xx.
type ackSent struct {
	h hop
	b []byte
}

func (a ackSent) repeat() bool { return a.b != nil && a.h.send(a.b) == nil }

// waits reports whether the transaction has no final response and hangs on t.
func (a *inviteClient) waits(t *stream) bool {
	return a.h.conn == t && (a.state == calling || a.state == proceeding)
}

// settle ends what a final response ends.
func (a *inviteClient) settle() {
	a.r.stop()
	a.bytes, a.out.m = nil, Message{}
}

// Dial sends an INVITE on a leg of its own. It never blocks: all results come
// as events. When ctx ends the leg is ended with what its state allows, CANCEL
// or BYE, and a 2xx that comes later is acknowledged and hung up.
func (e *Edge) Dial(ctx context.Context, in Invite) *Leg {
	if in.CallID == "" {
		in.CallID = random(16)
	}
	c := e.newCall(in.CallID)
	leg := &Leg{c: c, events: c.events}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := in.check()
	if e.stopping.Load() {
		err = ErrStopped
	}
	if err != nil {
		c.finish(&Event{Kind: SendFailed, Err: err})
		return leg
	}
	c.base = way{network: in.Transport, dest: netip.AddrPortFrom(in.Dest.Addr().Unmap(), in.Dest.Port()), name: in.ServerName}
	c.d = dialog{localTag: c.tag(0), localSeq: 1}
	c.flow, c.authorize, c.tap = in.Flow.h, in.Authorize, e.newTap(in.Trace)
	c.d.local = nameAddr(in.From) + ";tag=" + c.d.localTag
	c.d.remote = nameAddr(in.To)
	a := &inviteClient{branch: e.newBranch(), w: c.base, offer: len(in.Body) > 0 && !in.NoOffer}
	a.out = outgoing{
		method: "INVITE", uri: in.URI, branch: a.branch, from: c.d.local, to: c.d.remote,
		callID: in.CallID, seq: 1, contact: true, routes: in.Routes,
		m: Message{Headers: in.Headers, Body: in.Body, ContentType: in.ContentType},
	}
	c.honours = in.Honours
	a.out.honours = in.Honours
	a.out.m.Headers = append(slices.Clone(in.Headers), Header{"Supported", supported(a.offer, in.Honours)})
	c.ask = a
	c.keep = in.Keep
	e.table.add(c, nil)
	c.detach = context.AfterFunc(ctx, c.abandon)
	c.tellKeeper(a)
	c.sendInvite(a)
	return leg
}

func (in Invite) check() error {
	if err := (Message{in.Headers, in.Body, in.ContentType}).check(); err != nil {
		return err
	}
	switch {
	case in.Flow.Valid():
	case in.Transport != "udp" && in.Transport != "tcp" && in.Transport != "tls":
		return fmt.Errorf("%w: transport %q", ErrMessage, limit(in.Transport, 8))
	case !in.Dest.IsValid() || in.Dest.Port() == 0:
		return fmt.Errorf("%w: no destination", ErrMessage)
	case in.Transport == "tls" && in.ServerName == "":
		return fmt.Errorf("%w: TLS needs the name that the other side's certificate must have", ErrMessage)
	}
	if in.URI == "" || in.From == "" || in.To == "" {
		return fmt.Errorf("%w: Request-URI, From and To are needed", ErrMessage)
	}
	if strings.ContainsAny(in.URI, " \t<>") || strings.ContainsAny(in.URI+in.From+in.To+in.CallID+strings.Join(in.Routes, ""), "\r\n\x00") {
		return fmt.Errorf("%w: Request-URI, Route, From, To or Call-ID", ErrMessage)
	}
	return nil
}

// nameAddr puts a bare URI in brackets, so that its parameters stay its own.
func nameAddr(s string) string {
	if strings.Contains(s, "<") {
		return s
	}
	return "<" + s + ">"
}

// sendInvite hands the INVITE to the transport.
func (c *call) sendInvite(a *inviteClient) {
	c.transmit(a.w, func(o origin) []byte {
		if c.phase == over || a.cancel {
			c.neverSent(a)
			return nil
		}
		return a.out.write(o)
	}, func(h hop, b []byte, err error) {
		c.inviteSent(a, h, b, err)
	})
}

// neverSent ends a call that was given up while its connection was opened.
func (c *call) neverSent(a *inviteClient) {
	if a == c.ask {
		c.finish(&Event{Kind: Failed, Code: 487, Reason: reasonOf(487)})
	}
}

func (c *call) inviteSent(a *inviteClient, h hop, b []byte, err error) {
	initial := a == c.ask
	if err != nil {
		switch {
		case !initial:
			c.reInviteDone(a, Event{Kind: ReInviteAnswered, Code: 503, Reason: reasonOf(503), Err: err})
		case a.again:
			c.finish(&Event{Kind: Lost, Err: err})
		default:
			c.finish(&Event{Kind: SendFailed, Err: err})
		}
		return
	}
	a.h, a.bytes = h, b
	if a.state == unsent && initial && !a.proved {
		c.push(Event{Kind: Sent, Transport: h.network})
	}
	a.state = calling
	a.r = c.repeat(c.lifetime(), c.lifetime(), c.resend(a), func() { c.inviteTimeout(a) })
	c.watch(h.conn)
}

// resend repeats the INVITE over UDP (timer A), but not one that was given up:
// it would make a PSAP ring that nobody waits for.
func (c *call) resend(a *inviteClient) func() {
	if a.h.conn != nil {
		return nil
	}
	return func() {
		if !a.cancel {
			_ = a.h.send(a.bytes)
		}
	}
}

func (c *call) inviteTimeout(a *inviteClient) {
	if a == c.ask {
		c.finish(&Event{Kind: Failed, Code: 408, Reason: reasonOf(408), Err: ErrTimeout})
		return
	}
	c.reInviteDone(a, Event{Kind: ReInviteAnswered, Code: 408, Reason: reasonOf(408), Err: ErrTimeout})
}

// asked takes a response to the INVITE.
func (c *call) asked(m *message) {
	a := c.ask
	c.strict = false // of a leg that was taken up again: it is there
	switch {
	case m.code < 200:
		if c.phase != opening || !c.reliable(m) {
			return
		}
		a.state = proceeding
		if !a.cancelSent {
			a.r.stop()
		}
		if m.code > 100 || !a.heard {
			c.push(eventOf(Provisional, m))
		}
		a.heard = true
		if a.cancel {
			c.sendCancel(a)
		}
	case m.code < 300:
		c.answered(m)
	default:
		c.ackRefusal(a, m)
		if c.phase != opening || c.prove(a, m) {
			return
		}
		a.state = refused
		c.finish(new(eventOf(Failed, m)))
	}
}

// prove sends the INVITE of a dialled leg again with credentials when the other
// side asks for them (RFC 3261, section 22.2): once, in the same dialog to be.
func (c *call) prove(a *inviteClient, m *message) bool {
	if c.authorize == nil || a.proved || a.cancel || (m.code != 401 && m.code != 407) {
		return false
	}
	credentials := c.authorize(Challenge{Method: "INVITE", URI: a.out.uri, Body: a.out.m.Body, Code: m.code, Headers: m.headers})
	if credentials == nil || (Message{Headers: credentials}).check() != nil {
		return false
	}
	a.r.stop()
	a.state = refused
	c.d.localSeq++
	next := &inviteClient{out: a.out, branch: c.e.newBranch(), w: a.w, offer: a.offer, heard: a.heard, proved: true}
	next.out.branch, next.out.seq = next.branch, c.d.localSeq
	next.out.m.Headers = append(slices.Clone(a.out.m.Headers), credentials...)
	c.challenged, c.ask = a, next
	c.tellKeeper(next)
	c.sendInvite(next)
	return true
}

func eventOf(kind EventKind, m *message) Event {
	return Event{Kind: kind, Code: m.code, Reason: m.reason, Headers: m.headers, Body: m.body, ContentType: m.contentType}
}

// ackRefusal acknowledges a final response from 300 on, on the way that the
// INVITE took and with its branch (RFC 3261, section 17.1.1.3).
func (c *call) ackRefusal(a *inviteClient, m *message) {
	if a.h.network == "" {
		return
	}
	o := a.out
	o.method, o.to, o.contact, o.m = "ACK", m.to.raw, false, Message{}
	_ = a.h.send(o.write(a.h.origin())) // the other side repeats
}

// answered takes a 2xx: the first one makes the dialog; a repetition gets its
// ACK again; one from another dialog, or after the call is over, is
// acknowledged and hung up (RFC 3261, section 13.2.2.4).
func (c *call) answered(m *message) {
	a := c.ask
	switch {
	case c.phase == opening:
		a.state = accepted
		said := a.out.m
		a.settle()
		c.phase, c.wasUp = up, true
		c.d.establish(m, a.out.uri)
		c.sessionUntil(m, said)
		if a.offer {
			c.acknowledge(a, Message{})
		} else {
			a.needs = true
		}
		c.push(eventOf(Answered, m))
		if c.abandoned {
			if a.needs {
				c.acknowledge(a, Message{})
			}
			c.bye("")
		}
	case a.state == accepted && m.to.tag == c.d.remoteTag:
		c.ackAgain(a)
	default:
		c.discard(m)
	}
}

// establish fills the dialog from a 2xx (RFC 3261, section 12.1.2).
func (d *dialog) establish(m *message, uri string) {
	d.remoteTag, d.remote = strings.Clone(m.to.tag), strings.Clone(m.to.raw)
	d.target = contactOf(m, uri)
	d.routes = routesOf(m)
	slices.Reverse(d.routes)
}

func routesOf(m *message) []string {
	routes := m.headers.values("Record-Route")
	for i := range routes {
		routes[i] = strings.Clone(routes[i])
	}
	return routes
}

// contactOf is the URI of the first Contact, or the other where there is none
// that could be used in a request.
func contactOf(m *message, otherwise string) string {
	for _, v := range m.headers.values("Contact") {
		if a := parseAddress(v); a.fault == "" && a.uri != "*" && !strings.ContainsAny(a.uri, " \t<>\"") {
			return strings.Clone(a.uri)
		}
	}
	return otherwise
}

// acknowledge sends the ACK for a 2xx.
func (c *call) acknowledge(a *inviteClient, m Message) {
	a.needs, a.answer = false, m
	o := c.inside(&c.d, "ACK", a.out.seq, m)
	c.transmit(c.nextHop(&c.d), o.write, func(h hop, b []byte, err error) {
		if err == nil {
			a.ack = ackSent{h, b}
		}
	})
}

// ackAgain answers a repeated 2xx; by a new way when the old one is gone.
func (c *call) ackAgain(a *inviteClient) {
	if !a.needs && !a.ack.repeat() {
		c.acknowledge(a, a.answer)
	}
}

// discard acknowledges and hangs up a dialog that nobody wants.
func (c *call) discard(m *message) {
	if sent, ok := c.discarded[m.to.tag]; ok {
		_ = sent.repeat() // the other side repeats its 2xx
		return
	}
	if len(c.discarded) >= 16 {
		return // more branches than any PSAP has
	}
	if c.discarded == nil {
		c.discarded = map[string]ackSent{}
	}
	tag := m.to.tag
	c.discarded[tag] = ackSent{}
	d := c.d
	d.establish(m, c.ask.out.uri)
	w := c.nextHop(&d)
	c.transmit(w, c.inside(&d, "ACK", c.ask.out.seq, Message{}).write, func(h hop, b []byte, err error) {
		if err == nil {
			c.discarded[tag] = ackSent{h, b}
		}
	})
	c.send(w, c.inside(&d, "BYE", c.d.localSeq+1, Message{}), nil)
}

// cancelNow gives the INVITE up.
func (c *call) cancelNow(reason string) {
	a := c.ask
	if a == nil || a.cancel || c.phase != opening {
		return
	}
	a.cancel, a.reason = true, reason
	if a.state == proceeding {
		c.sendCancel(a)
	}
}

// sendCancel sends the CANCEL (RFC 3261, section 9.1): same Request-URI,
// branch, CSeq number and Route as the INVITE, on the way that it took.
func (c *call) sendCancel(a *inviteClient) {
	if a.cancelSent {
		return
	}
	a.cancelSent = true
	o := a.out
	o.method, o.contact, o.m = "CANCEL", false, Message{Headers: reasonField(a.reason)}
	b := o.write(a.h.origin())
	key := "CANCEL" + a.branch
	t := &otherClient{}
	t.done = func(*message, error) {
		delete(c.others, key)
		t.r.stop()
	}
	if c.others == nil {
		c.others = map[string]*otherClient{}
	}
	c.others[key] = t
	_ = a.h.send(b) // repeated below over UDP; a lost connection ends the call
	t.r = c.repeat(c.e.cfg.Timers.T2, c.lifetime(), again(a.h, b), func() { t.done(nil, ErrTimeout) })
	// An other side that never says 487 is not waited for longer than this.
	a.r.stop()
	a.r = c.repeat(c.lifetime(), c.lifetime(), nil, func() { c.inviteTimeout(a) })
}
