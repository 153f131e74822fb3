package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// DialogState is an answered leg as another process takes it up again (D-17):
// all that RFC 3261, section 12, calls the state of a dialog, and where its
// requests go. As JSON it is some 1 KiB, and later versions only add fields. It
// holds addresses and numbers of the parties, and on an inbound leg our 200 with
// its SDP: it does not belong into a log.
type DialogState struct {
	Inbound   bool   `json:"inbound,omitempty"`
	Emergency bool   `json:"emergency,omitempty"` // inbound: an emergency call
	CallID    string `json:"call_id"`
	LocalTag  string `json:"local_tag"`
	RemoteTag string `json:"remote_tag,omitempty"`
	// Local and Remote are From and To of our requests, tags and all.
	Local  string   `json:"local"`
	Remote string   `json:"remote"`
	Target string   `json:"target"` // Contact of the other side
	Routes []string `json:"routes,omitempty"`
	// LocalSeq and RemoteSeq are the last CSeq numbers of either side.
	LocalSeq  uint32 `json:"local_seq,omitempty"`
	RemoteSeq uint32 `json:"remote_seq,omitempty"`

	// Transport, Dest and ServerName lead to the peer itself, where the dialog
	// names nothing better; Plain: TCP to it failed, the call goes by UDP.
	Transport  string         `json:"transport"`
	Dest       netip.AddrPort `json:"dest"`
	ServerName string         `json:"server_name,omitempty"`
	Plain      bool           `json:"plain,omitempty"`
	// Flow is the way to a telephone that registered, by which the leg was dialled.
	Flow *FlowState `json:"flow,omitempty"`

	// The INVITE that made the dialog: its CSeq number and its branch, on an
	// inbound leg with the method and sender, as it is matched.
	InviteSeq uint32 `json:"invite_seq"`
	Branch    string `json:"branch"`
	// Answer is our 200 on an inbound leg, sent at Answered by the way AnswerBy: it
	// is repeated when the process ended before the ACK can have come.
	Answer   []byte     `json:"answer,omitempty"`
	AnswerBy *FlowState `json:"answer_by,omitempty"`
	Answered time.Time  `json:"answered,omitzero"`

	// Session is the session timer (RFC 4028), nil without one.
	Session *SessionState `json:"session,omitempty"`
}

// FlowState is a Flow, as far as it outlives a process. Back is where the sender
// listens, for TCP.
type FlowState struct {
	Transport string         `json:"transport"`
	Local     netip.AddrPort `json:"local"`
	Remote    netip.AddrPort `json:"remote"`
	Back      netip.AddrPort `json:"back,omitzero"`
}

// seqAhead is how far our CSeq numbers jump on a leg that is taken up again, for
// requests sent since its state was written (RFC 3261, section 12.2.1.1, only
// asks that they grow).
const seqAhead = 1000

var errNoDialog = errors.New("state of a sip leg without a dialog")

// Dialog is the state of an answered leg, as it is now or was at its end. An
// inbound leg keeps its 200 in it until the ACK came.
func (l *Leg) Dialog() (DialogState, error) {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.wasUp {
		return DialogState{}, ErrState
	}
	s := c.state()
	s.Session = c.session.state()
	if f := c.first; f != nil && !f.acked && f.final == 200 {
		s.Answer, s.AnswerBy, s.Answered = f.last, flowState(f.h), c.answeredAt
	}
	return s, nil
}

// DialogIf is what Dialog will say of an inbound leg once Answer was called with
// the same attempt and message, so that it can be written down before the 200
// leaves.
func (l *Leg) DialogIf(attempt int, m Message) (DialogState, error) {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.inbound || attempt < 1:
		return DialogState{}, ErrState
	case c.phase != opening:
		return DialogState{}, ErrOver
	}
	s := c.state()
	if every, ours, ok := sessionAsked(c.first.msg); ok {
		s.Session = newSession(every, ours, c.first.msg, m).state()
	}
	s.LocalTag = c.tag(attempt)
	s.Local += ";tag=" + s.LocalTag
	s.Answer = respond(c.first.msg, c.okTo(s.LocalTag, m))
	s.AnswerBy, s.Answered = flowState(c.first.h), c.e.cfg.Now()
	return s, nil
}

func (c *call) state() DialogState {
	s := DialogState{
		Inbound: c.inbound, Emergency: c.emergency, CallID: c.callID, LocalTag: c.d.localTag, RemoteTag: c.d.remoteTag,
		Local: c.d.local, Remote: c.d.remote, Target: c.d.target, Routes: slices.Clone(c.d.routes),
		LocalSeq: c.d.localSeq, RemoteSeq: c.d.remoteSeq,
		Transport: c.base.network, Dest: c.base.dest, ServerName: c.base.name, Plain: c.noTCP, Flow: flowState(c.flow),
	}
	if s.Transport == "" { // dialled by a flow alone
		s.Transport, s.Dest = c.flow.network, c.flow.addr
	}
	if c.inbound {
		s.InviteSeq, s.Branch = c.inviteSeq, c.inviteKey
	} else if c.ask != nil {
		s.InviteSeq, s.Branch = c.ask.out.seq, c.ask.branch
	}
	return s
}

func flowState(h hop) *FlowState {
	if h.network == "" {
		return nil
	}
	return &FlowState{Transport: h.network, Local: h.local, Remote: h.addr, Back: h.back}
}

// okTo is our 200 to the INVITE of an inbound leg.
func (c *call) okTo(tag string, m Message) response {
	m.Headers = slices.Concat(m.Headers, c.sessionAnswer(c.first.msg))
	return response{code: 200, tag: tag, contact: c.first.h.origin().contact(""), rr: true, m: m}
}

// Restore takes an answered leg up again that another process wrote down: its
// requests are heard as before, and ours go on. The leg is hung up when ctx
// ends, unless the edge stops. Connections did not outlive that process: the
// other side's own next one is used, else one that we open, else Config.Way.
// A 200 that can still want an ACK is sent again. On a dialled leg, a 2xx that is
// repeated gets its ACK, without a body.
func (e *Edge) Restore(ctx context.Context, s DialogState) (*Leg, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if e.stopping.Load() {
		return nil, ErrStopped
	}
	c := e.newCall(s.CallID)
	c.inbound, c.emergency, c.restored = s.Inbound, s.Emergency, true
	c.phase, c.wasUp = up, true
	c.d = dialog{
		localTag: s.LocalTag, remoteTag: s.RemoteTag, local: s.Local, remote: s.Remote, target: s.Target, routes: s.Routes,
		localSeq: s.LocalSeq + seqAhead, remoteSeq: s.RemoteSeq,
	}
	c.base = way{network: s.Transport, dest: s.Dest, name: s.ServerName}
	c.noTCP = s.Plain
	c.flow, c.byFlow = e.hopAgain(s.Flow), s.Flow != nil
	leg := &Leg{c: c, events: c.events}
	if s.Inbound {
		c.fromTag, c.inviteKey, c.inviteSeq = s.RemoteTag, s.Branch, s.InviteSeq
		c.tagBase, _, _ = strings.Cut(s.LocalTag, ".")
		e.admit.retake(s.Emergency)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := e.table.add(c, c.sameDialog); old != nil {
		e.admit.live.Add(-1)
		if s.Inbound {
			e.admit.release(s.Emergency)
		}
		return nil, fmt.Errorf("take a sip leg up again: %w", ErrState)
	}
	c.detach = context.AfterFunc(ctx, c.abandon)
	c.resumeSession(s.Session)
	if s.Inbound {
		c.answeredBefore(s)
	} else {
		c.ask = &inviteClient{branch: s.Branch, state: accepted, w: c.base, offer: true, out: outgoing{method: "INVITE", uri: s.Target, branch: s.Branch, callID: s.CallID, seq: s.InviteSeq}}
	}
	return leg, nil
}

func (s *DialogState) check() error {
	texts := s.CallID + s.LocalTag + s.RemoteTag + s.Local + s.Remote + s.Target + strings.Join(s.Routes, "")
	switch {
	case s.CallID == "" || s.LocalTag == "" || s.Local == "" || s.Remote == "" || s.Target == "":
		return errNoDialog
	case strings.ContainsAny(texts, "\r\n\x00"), strings.ContainsAny(s.Target, " \t<>\""):
		return fmt.Errorf("%w: %w", errNoDialog, ErrMessage)
	case !slices.Contains(networks, s.Transport) || !s.Dest.IsValid() && s.Flow == nil:
		return fmt.Errorf("%w: no way to its other side", errNoDialog)
	case s.LocalSeq > 1<<31-2*seqAhead:
		return fmt.Errorf("%w: CSeq is at its end", errNoDialog)
	}
	return nil
}

// sameDialog reports another leg of the same dialog.
func (c *call) sameDialog(o *call) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.d.localTag == c.d.localTag && o.d.remoteTag == c.d.remoteTag && o.phase != over
}

// answeredBefore puts the INVITE of an inbound leg back, and repeats the 200
// that may have had no ACK: one that had gets another (RFC 3261, section
// 13.2.2.4), or nothing.
func (c *call) answeredBefore(s DialogState) {
	f := &inviteServer{key: s.Branch, seq: s.InviteSeq, final: 200, last: s.Answer, h: c.e.hopAgain(s.AnswerBy)}
	c.first, c.answeredAt = f, s.Answered
	left := c.lifetime() - c.e.cfg.Now().Sub(s.Answered)
	if len(s.Answer) == 0 || f.h.network == "" || left <= 0 || left > c.lifetime() {
		f.acked = true
		return
	}
	c.reply(f)
	f.r = c.repeat(c.e.cfg.Timers.T2, left, func() { c.reply(f) }, func() {
		f.acked = true // by all that can be known: the caller may have sent it before the restart
		c.kick()
	})
}

// hopAgain is a way of another process, as far as it still exists: by UDP from
// the same address of ours, by TCP to where the sender listens.
func (e *Edge) hopAgain(f *FlowState) hop {
	switch {
	case f == nil:
	case f.Transport == "udp":
		if flow, ok := e.FlowTo(f.Local, f.Remote); ok {
			return flow.h
		}
		if h, err := e.udpHop(f.Remote); err == nil {
			return h
		}
	case f.Transport == "tcp" && f.Back.IsValid():
		return hop{network: f.Transport, addr: f.Remote, local: f.Local, back: f.Back}
	}
	return hop{}
}

// awaitsAck reports that nothing else may be sent in the dialog yet, because the
// caller may not know it. Of a leg that was taken up again the ACK may have come
// before, so nothing waits for it.
func (c *call) awaitsAck() bool { return c.first != nil && !c.first.acked && !c.restored }

// Probe asks the other side of an answered leg by OPTIONS in the dialog whether
// it is there (RFC 3261, section 11). What comes of it is the event Probed; 481
// says that the other side has no such call any more (section 12.2.1.2).
func (l *Leg) Probe() {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != up {
		return
	}
	c.d.localSeq++
	c.send(c.nextHop(&c.d), c.inside(&c.d, "OPTIONS", c.d.localSeq, Message{}), func(m *message, _ hop, err error) {
		if m != nil {
			c.push(Event{Kind: Probed, Code: m.code, Reason: m.reason})
			return
		}
		c.push(Event{Kind: Probed, Code: 408, Reason: reasonOf(408), Err: err})
	})
}

// registered is the way to a telephone whose leg came in by a connection that
// is lost: only the telephone can open another one.
func (c *call) registered() (hop, bool) {
	if !c.inbound && !c.byFlow || c.e.cfg.Way == nil {
		return hop{}, false
	}
	f, ok := c.e.cfg.Way(c.d.target, parseAddress(c.d.remote).uri, c.base.dest.Addr())
	return f.h, ok && f.Valid()
}
