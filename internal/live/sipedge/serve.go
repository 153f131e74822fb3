package sipedge

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// servers is how many requests Serve answers at one time.
const servers = 4

// sourceShare is the part of Limits.Requests, as its divisor, that one source
// may fill: phones behind one address must fit, a flood must not fill it all.
const sourceShare = 4

// waiting is a request for Serve.
type waiting struct {
	m   *message
	h   hop
	src netip.AddrPort
}

// desk hands requests to Config.Serve and keeps its answers for 64*T1, so that
// a repetition gets the same one (RFC 3261, section 17.2.2). It is bounded: the
// oldest answers go first.
type desk struct {
	e     *Edge
	queue chan waiting

	mu    sync.Mutex
	done  map[string][]byte // nil value: being served
	order []kept
	by    map[netip.Addr]int // how many of each source wait or are served
}

type kept struct {
	key string
	at  time.Time
}

func newDesk(e *Edge) *desk {
	return &desk{e: e, queue: make(chan waiting, e.cfg.Limits.Requests), done: map[string][]byte{}, by: map[netip.Addr]int{}}
}

// take queues a request, or answers it at once: again when it is a repetition,
// with 503 when too many wait.
func (d *desk) take(m *message, h hop, src netip.AddrPort) {
	key := m.method + " " + m.via.host + " " + m.via.key() + " " + m.callID
	d.mu.Lock()
	b, repeated := d.done[key]
	room := d.by[src.Addr()] < max(1, d.e.cfg.Limits.Requests/sourceShare)
	if !repeated && room {
		d.by[src.Addr()]++
		d.done[key] = nil
		d.order = append(d.order, kept{key: key, at: d.e.cfg.Now()})
		d.sweep()
	}
	d.mu.Unlock()
	if repeated {
		if b != nil {
			d.e.answer(h, b)
		}
		return
	}
	if room {
		select {
		case d.queue <- waiting{m, h, src}:
		default:
			d.leave(src)
			d.forget(key)
			room = false
		}
	}
	if !room {
		d.e.counts.shed.Add(1)
		d.e.reply(m, h, response{code: 503, m: Message{Headers: retryAfter(5)}})
	}
}

// sweep forgets what is old, and what is too much.
func (d *desk) sweep() {
	old := d.e.cfg.Now().Add(-64 * d.e.cfg.Timers.T1)
	n := 0
	for n < len(d.order) && (d.order[n].at.Before(old) || len(d.order)-n > d.e.cfg.Limits.Replies) {
		delete(d.done, d.order[n].key)
		n++
	}
	if n > 0 {
		d.order = append(d.order[:0], d.order[n:]...)
	}
}

func (d *desk) forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.done, key)
}

// leave gives the room of one request of a source back.
func (d *desk) leave(src netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by[src.Addr()]--; d.by[src.Addr()] <= 0 {
		delete(d.by, src.Addr())
	}
}

func (d *desk) run() {
	for {
		select {
		case w := <-d.queue:
			d.serve(w)
			d.leave(w.src)
		case <-d.e.ctx.Done():
			return
		}
	}
}

// serve runs Config.Serve. A panic in it costs one answer, not the node.
func (d *desk) serve(w waiting) {
	res := Response{Code: 500}
	func() {
		defer func() {
			if r := recover(); r != nil {
				d.e.log.log.Error("handler of a request panicked", "method", w.m.method, "panic", r)
			}
		}()
		res = d.e.cfg.Serve(d.e.ctx, requestOf(w.m, w.h, w.src, d.e.cfg.Now()))
	}()
	if res.Code < 200 || res.Code > 699 || res.Message.check() != nil {
		d.e.log.limited("serve", "answer of a handler cannot be sent", "method", w.m.method, "code", res.Code)
		res = Response{Code: 500}
	}
	r := response{code: res.Code, reason: res.Reason, m: res.Message, tag: statelessTag(d.e.seed, w.m), contacts: res.Contacts}
	b := respond(w.m, r)
	key := w.m.method + " " + w.m.via.host + " " + w.m.via.key() + " " + w.m.callID
	d.mu.Lock()
	if _, ok := d.done[key]; ok {
		d.done[key] = b
	}
	d.mu.Unlock()
	d.e.answer(w.h, b)
}

// Request sends a request outside of dialogs and waits for its final response,
// 64*T1 at most. The error is ErrMessage for what cannot be sent, ErrTimeout
// without an answer, ErrStopped, the context's, or the transport's.
func (e *Edge) Request(ctx context.Context, o Outgoing) (Response, error) {
	if err := o.check(); err != nil {
		return Response{}, err
	}
	if e.stopping.Load() {
		return Response{}, ErrStopped
	}
	if o.CallID == "" {
		o.CallID = random(16)
	}
	c := e.newCall(o.CallID)
	c.flow, c.tap = o.Flow.h, e.newTap(o.Trace)
	type result struct {
		m   *message
		h   hop
		err error
	}
	got := make(chan result, 1)
	c.mu.Lock()
	c.base = way{network: o.Transport, dest: netip.AddrPortFrom(o.Dest.Addr().Unmap(), o.Dest.Port()), name: o.ServerName}
	c.strict = true
	e.table.add(c, nil)
	c.send(c.base, o.outgoing(e.newBranch()), func(m *message, h hop, err error) { got <- result{m, h, err} })
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.finish(nil)
		c.mu.Unlock()
	}()
	select {
	case r := <-got:
		if r.err != nil {
			return Response{}, r.err
		}
		return Response{
			Code: r.m.code, Reason: r.m.reason, Transport: r.h.network, Local: r.h.local,
			Message: Message{Headers: r.m.headers, Body: r.m.body, ContentType: r.m.contentType},
		}, nil
	case <-ctx.Done():
		return Response{}, ctx.Err()
	}
}

func (o Outgoing) outgoing(branch string) outgoing {
	return outgoing{
		method: o.Method, uri: o.URI, branch: branch, from: nameAddr(o.From) + ";tag=" + random(8), to: nameAddr(o.To),
		callID: o.CallID, seq: max(o.CSeq, 1), contact: o.Contact, user: o.ContactUser, params: o.ContactParams, m: o.Message,
	}
}

func (o Outgoing) check() error {
	if err := o.Message.check(); err != nil {
		return err
	}
	switch {
	case !isToken(o.Method) || o.Method == "INVITE" || o.Method == "ACK" || o.Method == "CANCEL":
		return fmt.Errorf("%w: method %q", ErrMessage, limit(o.Method, 16))
	case strings.ContainsAny(o.ContactUser, " \t<>@;\r\n\x00") || strings.ContainsAny(o.ContactParams, "\r\n\x00"):
		return fmt.Errorf("%w: Contact", ErrMessage)
	}
	return Invite{
		URI: o.URI, Dest: o.Dest, Transport: o.Transport, ServerName: o.ServerName, Flow: o.Flow, From: o.From, To: o.To, CallID: o.CallID,
	}.check()
}
