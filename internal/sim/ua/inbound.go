package ua

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// handle answers every request that reaches the endpoint.
func (a *Agent) handle(m *Message) {
	a.mu.Lock()
	c := a.calls[m.Get("Call-ID")]
	a.mu.Unlock()
	switch m.Method() {
	case "INVITE":
		switch {
		case c == nil:
			a.take(m)
		case Tag(m.Get("To")) != "":
			c.answerReInvite(m)
		case c.inbound:
			c.again(m)
		}
	case "ACK":
		if c != nil {
			c.ackOnce.Do(func() { close(c.acked) })
		}
	case "CANCEL":
		_ = m.Reply(m.Response(200, "OK", ""))
		if c != nil && c.inbound {
			c.cancelled()
		}
	case "BYE":
		if c == nil {
			_ = m.Reply(m.Response(481, "Call/Transaction Does Not Exist", ""))
			return
		}
		_ = m.Reply(m.Response(200, "OK", ""))
		c.emit(Event{State: Ended, By: "them", Msg: m})
	case "OPTIONS":
		if c == nil && Tag(m.Get("To")) != "" { // RFC 3261, section 12.2.2
			_ = m.Reply(m.Response(481, "Call/Transaction Does Not Exist", ""))
			return
		}
		_ = m.Reply(m.Response(200, "OK", rand.Text()))
	default:
		_ = m.Reply(m.Response(501, "Not Implemented", rand.Text()))
	}
}

// take starts an inbound call.
func (a *Agent) take(m *Message) {
	if a.onCall == nil {
		_ = m.Reply(m.Response(480, "Temporarily Unavailable", rand.Text()))
		return
	}
	tag := rand.Text()
	c := &Call{
		agent: a, Invite: m, inbound: true, transport: m.Transport, dest: m.Source, events: make(chan Event, 64), state: Calling,
		callID: m.Get("Call-ID"), local: m.Get("To") + ";tag=" + tag, remote: m.Get("From"), target: Address(m.Get("Contact")),
		route: m.All("Record-Route"), seq: 100, acked: make(chan struct{}), done: func() {},
	}
	if sdp, _ := m.Part("application/sdp"); sdp != nil {
		c.sdp = sdp
	}
	a.mu.Lock()
	a.calls[c.callID] = c
	a.mu.Unlock()
	_ = m.Reply(m.Response(100, "Trying", ""))
	a.ep.wg.Go(func() { a.onCall(c) })
}

// cancelled answers the INVITE of a call that its caller gave up.
func (c *Call) cancelled() {
	c.mu.Lock()
	waiting := c.state == Calling || c.state == Ringing
	c.mu.Unlock()
	if waiting {
		_ = c.respond(c.Invite.Response(487, "Request Terminated", Tag(c.local)))
		c.emit(Event{State: Ended, By: "them"})
	}
}

// Progress sends a 1xx with SDP when there is one.
func (c *Call) Progress(code int, reason string, sdp []byte) error {
	r := c.Invite.Response(code, reason, Tag(c.local))
	r.Headers = append(r.Headers, Header{"Contact", c.contact()}, Header{"Server", c.agent.name})
	if sdp != nil {
		r.Headers, r.Body = append(r.Headers, Header{"Content-Type", "application/sdp"}), sdp
	}
	c.emit(Event{State: Ringing, Code: code, By: "us"})
	return c.respond(r)
}

// Refuse sends a final response of 300 or more.
func (c *Call) Refuse(code int, reason string) error {
	r := c.Invite.Response(code, reason, Tag(c.local))
	r.Headers = append(r.Headers, Header{"Server", c.agent.name})
	err := c.respond(r)
	c.emit(Event{State: Ended, Code: code, By: "us"})
	return err
}

// respond sends a response to the INVITE by the way that it came last.
func (c *Call) respond(r *Message) error {
	c.mu.Lock()
	c.last = r
	by := c.Invite
	if c.repeated != nil {
		by = c.repeated
	}
	c.mu.Unlock()
	return by.Reply(r)
}

// again answers a repetition of the INVITE by the newest response, and from then
// on by the way by which the repetition came (RFC 3261, section 17.2.1).
func (c *Call) again(m *Message) {
	c.mu.Lock()
	c.repeated = m
	r := c.last
	c.mu.Unlock()
	if r != nil {
		_ = m.Reply(r) // it is repeated, or asked for again
	}
}

// Accept sends the 200 until its ACK comes (RFC 3261, section 13.3.1.4).
func (c *Call) Accept(ctx context.Context, sdp []byte) error {
	c.mu.Lock()
	if c.state == Ended || c.state == Answered {
		c.mu.Unlock()
		return errors.New("accept: the call is not waiting for an answer")
	}
	c.ours = sdp
	c.mu.Unlock()
	r := c.Invite.Response(200, "OK", Tag(c.local))
	r.Headers = append(r.Headers, Header{"Contact", c.contact()}, Header{"Server", c.agent.name}, Header{"Content-Type", "application/sdp"})
	r.Body = sdp
	c.emit(Event{State: Answered, Code: 200, By: "us", SDP: c.sdp})
	return c.repeat(ctx, r)
}

func (c *Call) repeat(ctx context.Context, r *Message) error {
	end := time.NewTimer(giveUp)
	defer end.Stop()
	for wait := t1; ; wait = min(2*wait, t2) {
		// A connection that is gone is no end: the INVITE may come again by another.
		if err := c.respond(r); err != nil && c.transport == "udp" {
			return err
		}
		again := time.NewTimer(wait)
		select {
		case <-c.acked:
			again.Stop()
			return nil
		case <-again.C:
		case <-end.C:
			again.Stop()
			return errors.New("accept: no ACK came")
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		}
	}
}

func (c *Call) answerReInvite(m *Message) {
	c.mu.Lock()
	answer, code := c.ours, 200
	f := c.reInv
	if sdp, _ := m.Part("application/sdp"); sdp != nil {
		c.sdp = sdp
	}
	if contact := m.Get("Contact"); contact != "" {
		c.target = Address(contact)
	}
	c.mu.Unlock()
	if f != nil {
		code, answer = f(m)
	}
	r := m.Response(code, "", Tag(c.local))
	if code < 300 {
		r.Headers, r.Body = append(r.Headers, Header{"Contact", c.contact()}, Header{"Content-Type", "application/sdp"}), answer
	}
	_ = m.Reply(r) // without an ACK the other side repeats its INVITE, and gets it again
}
