package sipedge

import (
	"net/netip"
	"slices"
	"strings"
)

// receive takes one message, on the goroutine of its socket. It returns false
// to end a connection.
func (e *Edge) receive(m *message, h hop, src netip.AddrPort) bool {
	if !m.request() {
		e.response(m)
		return true
	}
	m.stamp(src)
	if h.network == "udp" {
		h.addr = m.via.replyTo(src)
	}
	if !e.cfg.Known(h.source(src)) && (h.conn == nil || !h.conn.dialled) {
		return e.stranger(m, h, src)
	}
	e.counts.requests.Add(1)
	if h.network == "tcp" {
		h.back = netip.AddrPortFrom(src.Addr(), 5060)
		if m.via.port != 0 {
			h.back = netip.AddrPortFrom(src.Addr(), m.via.port)
		}
	}
	if m.missing != "" {
		e.refuse(m, h, src, 400, "no "+m.missing)
		return true
	}
	e.request(m, h, src)
	return true
}

// stamp completes the topmost Via with where the request came from.
func (m *message) stamp(src netip.AddrPort) {
	for i := range m.headers {
		if m.headers[i].Name != "Via" {
			continue
		}
		_, rest := cutValue(m.headers[i].Value)
		v := m.via.stamp(src)
		if strings.TrimSpace(rest) != "" {
			v += "," + rest
		}
		m.headers[i].Value = v
		return
	}
}

// response looks for the transaction by our branch, which nobody can guess, so
// that the source need not be asked for.
func (e *Edge) response(m *message) {
	for _, c := range e.table.get(m.callID) {
		if c.response(m) {
			return
		}
	}
}

func (e *Edge) request(m *message, h hop, src netip.AddrPort) {
	calls := e.table.get(m.callID)
	switch {
	case m.method == "ACK":
		for _, c := range calls {
			if c.ack(m) {
				return
			}
		}
		return // RFC 3261, section 17: an ACK is never answered
	case m.method == "CANCEL":
		again := func() bool { return e.cfg.Resuming && taken(m, h, e.table.get(m.callID), (*call).cancelled) }
		if taken(m, h, calls, (*call).cancelled) || e.park(m, h, src) || again() {
			return
		}
		e.reply(m, h, response{code: 481})
	case m.to.tag != "":
		for _, c := range calls {
			if c.inDialog(m, h) {
				return
			}
		}
		if m.method == "INVITE" && e.cfg.Emergency(m.uri) {
			// The Request-URI inside a dialog is our Contact, never an emergency
			// number: this is a call for help with a To that has a tag too many.
			m.untag()
			e.newInvite(m, h, src, calls)
			return
		}
		// Looked for once more: its call may have been taken up again in between.
		if e.park(m, h, src) || e.cfg.Resuming && taken(m, h, e.table.get(m.callID), (*call).inDialog) {
			return
		}
		e.reply(m, h, response{code: 481})
	case m.method == "INVITE":
		e.newInvite(m, h, src, calls)
	case e.refusedRequest(m, h):
	case m.method == "OPTIONS":
		r := response{code: 200, m: Message{Headers: Headers{{"Accept", "application/sdp, multipart/mixed, application/pidf+xml"}}}}
		if e.draining.Load() {
			r = response{code: 503, m: Message{Headers: retryAfter(5)}}
		}
		e.reply(m, h, r)
	case e.desk != nil:
		e.desk.take(m, h, src)
	default:
		e.reply(m, h, response{code: RefusalOf(m.method)})
	}
}

// taken gives a request to the call that it is of.
func taken(m *message, h hop, calls []*call, take func(*call, *message, hop) bool) bool {
	return slices.ContainsFunc(calls, func(c *call) bool { return take(c, m, h) })
}

// newInvite takes an INVITE outside of dialogs.
func (e *Edge) newInvite(m *message, h hop, src netip.AddrPort, calls []*call) {
	for _, c := range calls {
		if c.sameInvite(m) {
			c.repeated(m, h)
			return
		}
	}
	if m.headers.Get("Replaces") != "" && e.replaced(m, h, src) {
		return
	}
	if code, why := e.looped(m, calls); code != 0 {
		e.cutLoop(m, h, src, code, why)
		return
	}
	if e.parkCall(m, h, src) {
		return
	}
	e.invite(m, h, src)
}

// untag takes the tag out of To.
func (m *message) untag() {
	m.repair("To has a tag and there is no such dialog")
	m.to = address{raw: "<" + m.to.uri + ">", uri: m.to.uri}
	for i := range m.headers {
		if m.headers[i].Name == "To" {
			m.headers[i].Value = m.to.raw
		}
	}
}

// refusedRequest answers what makes a request other than INVITE one that
// nobody may serve (RFC 3261, section 8.2).
func (e *Edge) refusedRequest(m *message, h hop) bool {
	scheme, _, _ := strings.Cut(m.uri, ":")
	require := m.headers.values("Require")
	var r response
	switch {
	case m.version != "":
		r.code = 505
	case m.broken != "":
		r = response{code: 400, reason: reasonOf(400) + " (" + m.broken + ")"}
	case RefusalOf(m.method) == 501:
		r.code = 501
	case !slices.Contains([]string{"sip", "sips", "tel", "urn"}, strings.ToLower(scheme)):
		r.code = 416
	case len(require) > 0:
		r = response{code: 420, m: Message{Headers: Headers{{"Unsupported", strings.Join(require, ", ")}}}}
	default:
		return false
	}
	e.reply(m, h, r)
	return true
}

// refuse answers a request that cannot be served. A lost call for help is
// alarmed.
func (e *Edge) refuse(m *message, h hop, src netip.AddrPort, code int, why string) {
	if m.method == "ACK" {
		return
	}
	e.counts.malformed.Add(1)
	if m.method == "INVITE" && e.cfg.Emergency(m.uri) {
		e.alarms.raise(Alarm{
			Code: AlarmMalformed, At: e.cfg.Now(), Source: src.Addr(), Transport: h.network,
			Dialled: dialled(m.uri), Emergency: true, Detail: "an emergency call could not be read: " + why,
		})
	}
	e.reply(m, h, response{code: code, reason: reasonOf(code) + " (" + why + ")"})
}

// reply answers without state: the same request gets the same answer.
func (e *Edge) reply(m *message, h hop, r response) {
	if r.tag == "" {
		r.tag = statelessTag(e.seed, m)
	}
	e.answer(h, respond(m, r))
}

// answer sends a response. Over TCP, when the connection of the request is
// gone, a new one is opened to its sender (RFC 3261, section 18.2.2).
func (e *Edge) answer(h hop, b []byte) {
	err := h.send(b)
	if err == nil {
		e.counts.answers.Add(1)
		return
	}
	e.log.limited("answer", "sip response could not be sent", "error", err)
	if h.network != "tcp" || !h.back.IsValid() {
		return
	}
	e.spawn(func() {
		if t, err := e.connect(e.ctx, way{network: h.network, dest: h.back}); err == nil {
			_ = t.send(b) // a repetition of the request asks again
		}
	})
}
