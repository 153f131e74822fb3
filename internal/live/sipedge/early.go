package sipedge

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// DialledState is a dialled leg without a final response as another process goes
// on with it: its INVITE and the transaction that it went out by (RFC 3261,
// section 17.1.1). It holds addresses, numbers and the place of the caller: it
// does not belong into a log. Later versions only add fields.
type DialledState struct {
	CallID   string `json:"call_id"`
	LocalTag string `json:"local_tag"`
	// From and To are the INVITE's own, the tag in From and all.
	From string `json:"from"`
	To   string `json:"to"`
	Seq  uint32 `json:"seq"`
	// Branch is that of its Via, by which responses are known.
	Branch string `json:"branch"`

	// Transport, Dest and ServerName lead to the other side; Plain: TCP to it
	// failed, and the INVITE went by UDP. Flow instead: to a telephone.
	Transport  string         `json:"transport,omitempty"`
	Dest       netip.AddrPort `json:"dest,omitzero"`
	ServerName string         `json:"server_name,omitempty"`
	Plain      bool           `json:"plain,omitempty"`
	Flow       *FlowState     `json:"flow,omitempty"`

	URI         string   `json:"uri"`
	Routes      []string `json:"routes,omitempty"`
	Headers     Headers  `json:"headers,omitempty"`
	ContentType string   `json:"content_type,omitempty"`
	Body        []byte   `json:"body,omitempty"`
	Honours     bool     `json:"honours,omitempty"`
	NoOffer     bool     `json:"no_offer,omitempty"`
}

// Redialled is what a leg that is taken up again needs beside its state, as
// Invite has it.
type Redialled struct {
	Authorize func(Challenge) Headers
	Keep      func(DialledState)
	Trace     func(Traced)
}

// Tag is what our To-tags on an inbound leg begin with (D-04).
func (l *Leg) Tag() string { return l.c.tagBase }

// KeepWaiting says of an inbound leg that its caller goes on waiting when the edge
// stops: he is answered nothing then, for the owner wrote the call down and
// another process goes on with it by RestoreInvite.
func (l *Leg) KeepWaiting() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.c.kept = true
}

// tellKeeper lets the owner write the INVITE down before its bytes go.
func (c *call) tellKeeper(a *inviteClient) {
	if c.keep == nil {
		return
	}
	c.kept = true
	o := a.out
	c.keep(DialledState{
		CallID: c.callID, LocalTag: c.d.localTag, From: o.from, To: o.to, Seq: o.seq, Branch: a.branch,
		Transport: c.base.network, Dest: c.base.dest, ServerName: c.base.name, Plain: c.noTCP, Flow: flowState(c.flow),
		URI: o.uri, Routes: o.routes, Headers: o.m.Headers, ContentType: o.m.ContentType, Body: o.m.Body,
		Honours: o.honours, NoOffer: len(o.m.Body) > 0 && !a.offer,
	})
}

// RestoreDialled goes on with a leg that has no final response: the same INVITE
// goes out once more, which for the other side is a repetition of the one that it
// rings for and brings its last response again (RFC 3261, section 17.2.1), or is
// the first that it hears of it. Events are those of Dial, Sent or Lost first.
// Over TCP it goes by a new connection, and by nothing else.
func (e *Edge) RestoreDialled(ctx context.Context, s DialledState, with Redialled) (*Leg, error) {
	in := Invite{
		URI: s.URI, Dest: s.Dest, Transport: s.Transport, ServerName: s.ServerName, From: s.From, To: s.To, Routes: s.Routes,
		Headers: s.Headers, Body: s.Body, ContentType: s.ContentType, CallID: s.CallID, Flow: Flow{h: e.hopAgain(s.Flow)},
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if s.CallID == "" || s.LocalTag == "" || s.Branch == "" || s.Seq == 0 || strings.ContainsAny(s.LocalTag+s.Branch, "\r\n\x00 ;") {
		return nil, errNoDialog
	}
	if e.stopping.Load() {
		return nil, ErrStopped
	}
	c := e.newCall(s.CallID)
	c.restored, c.kept = true, true
	c.tagBase, _, _ = strings.Cut(s.LocalTag, ".")
	c.base = way{network: s.Transport, dest: s.Dest, name: s.ServerName}
	c.flow, c.noTCP, c.strict = in.Flow.h, s.Plain, s.Transport == "tcp" && !s.Plain
	c.authorize, c.keep, c.tap, c.honours = with.Authorize, with.Keep, e.newTap(with.Trace), s.Honours
	c.d = dialog{localTag: s.LocalTag, localSeq: s.Seq, local: s.From, remote: s.To}
	a := &inviteClient{branch: s.Branch, w: c.base, offer: len(s.Body) > 0 && !s.NoOffer, again: true}
	a.out = outgoing{
		method: "INVITE", uri: s.URI, branch: s.Branch, from: s.From, to: s.To, callID: s.CallID, seq: s.Seq, contact: true,
		routes: s.Routes, honours: s.Honours, m: Message{Headers: s.Headers, Body: s.Body, ContentType: s.ContentType},
	}
	c.ask = a
	leg := &Leg{c: c, events: c.events}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := e.table.add(c, c.sameDialled); old != nil {
		e.admit.live.Add(-1)
		return nil, fmt.Errorf("take a dialled sip leg up again: %w", ErrState)
	}
	c.detach = context.AfterFunc(ctx, c.abandon)
	c.sendInvite(a)
	return leg, nil
}

// sameDialled reports that the leg is here already.
func (c *call) sameDialled(o *call) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.inbound && o.d.localTag == c.d.localTag && o.phase != over
}

// RestoreInvite goes on with an inbound leg that has no final response, by its
// INVITE as it was handed out and what Tag said of it. Nothing is sent. A
// repetition of the INVITE and a CANCEL find it; what is sent on it goes by UDP
// from where the INVITE came to, over TCP by a new connection to where its sender
// listens (RFC 3261, section 18.2.2), and over the others by Config.Way, once the
// telephone is registered again. ErrState: the same INVITE has come anew.
func (e *Edge) RestoreInvite(ctx context.Context, r *Request, tag string) (*Leg, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "INVITE %s SIP/2.0\r\n", r.URI)
	for _, f := range r.Headers {
		if !strings.EqualFold(f.Name, "Content-Length") {
			fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
		}
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	m, err := parseDatagram(b.Bytes())
	switch {
	case err != nil:
		return nil, fmt.Errorf("read an INVITE again: %w", err)
	case m.missing != "" || m.method != "INVITE" || tag == "" || !slices.Contains(networks, r.Transport) || !r.Source.IsValid():
		return nil, errNoDialog
	case e.stopping.Load():
		return nil, ErrStopped
	}
	emergency := e.cfg.Emergency(m.uri)
	c := e.newCall(strings.Clone(m.callID))
	c.inbound, c.emergency, c.restored, c.kept, c.tagBase = true, emergency, true, true, tag
	c.fromTag, c.inviteKey, c.inviteSeq = strings.Clone(m.from.tag), strings.Clone(m.via.key()), m.cseq
	c.accept(m, e.wayBack(m, r), r.Source)
	c.first.last = respond(m, response{code: 100})
	leg := &Leg{c: c, events: c.events, req: r}
	e.admit.retake(emergency)
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := e.table.add(c, func(o *call) bool { return o.sameInvite(m) }); old != nil {
		e.admit.live.Add(-1)
		e.admit.release(emergency)
		return nil, fmt.Errorf("take an inbound sip leg up again: %w", ErrState)
	}
	c.detach = context.AfterFunc(ctx, c.abandon)
	return leg, nil
}

// wayBack is where responses to an INVITE of another process go.
func (e *Edge) wayBack(m *message, r *Request) hop {
	f := FlowState{Transport: r.Transport, Local: r.Local, Remote: r.Source}
	switch r.Transport {
	case "udp":
		f.Remote = m.via.replyTo(r.Source)
	case "tcp":
		f.Back = netip.AddrPortFrom(r.Source.Addr(), 5060)
		if m.via.port != 0 {
			f.Back = netip.AddrPortFrom(r.Source.Addr(), m.via.port)
		}
	default:
		return hop{network: r.Transport, addr: r.Source, local: r.Local}
	}
	return e.hopAgain(&f)
}

// byRegistration sends a response by the way by which its telephone is registered
// now, where the connection of its INVITE ended with another process.
func (c *call) byRegistration(s *inviteServer) bool {
	if !c.restored || s != c.first || s.h.network == "udp" || s.h.conn != nil && s.h.conn.alive() {
		return false
	}
	h, ok := c.registered()
	return ok && h.send(s.last) == nil
}
