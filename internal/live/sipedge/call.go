package sipedge

import (
	"net/netip"
	"sync"
	"time"
)

// phase is how far a call is.
type phase uint8

const (
	opening phase = iota // no final response yet
	up                   // 2xx sent or received
	ending               // our BYE is out
	over                 // nothing more to report; late messages are still met
)

// call is one leg's transactions and dialog. All of it is guarded by mu and
// runs on whichever goroutine brings the next message, timer or order; no
// method waits. The Leg that an owner holds points here; the edge's table
// keeps the call for 64*T1 after its end, to meet what comes late.
type call struct {
	e         *Edge
	inbound   bool
	emergency bool
	callID    string

	// Identity of an inbound INVITE, never changed.
	fromTag   string
	inviteKey string
	inviteSeq uint32
	tagBase   string

	mu     sync.Mutex
	phase  phase
	wasUp  bool
	gone   bool // out of the table
	events chan Event
	closed bool

	d      dialog
	base   way // the peer itself, where the dialog names nothing better
	conn   *stream
	noTCP  bool // TCP to the peer failed: the rest of the call goes by UDP
	strict bool // TCP means TCP
	flow   hop  // the way to a registered phone, whatever the dialog says
	// restored: taken up again from another process, which may have heard more.
	restored bool
	byFlow   bool // dialled to a telephone that registered, in that process
	// kept: unanswered, it is left as it is when the edge stops; keep is told of a
	// dialled leg's INVITE before it goes.
	kept       bool
	keep       func(DialledState)
	answeredAt time.Time // when our 200 was sent
	// authorize answers challenges; nil: nobody does.
	authorize func(Challenge) Headers
	tap       *tap     // nil: nobody traces the call
	busy      bool     // a connection is being opened
	queue     []func() // what waits for it, in order
	detach    func() bool
	// Connections that tell us of their end, kept until forget.
	watched []*stream

	first *inviteServer // inbound: the INVITE
	ask   *inviteClient // dialled: the INVITE
	// challenged is the INVITE before ask that got 401 or 407.
	challenged *inviteClient
	in         *inviteServer // the newest re-INVITE of the other side
	out        *inviteClient // our newest re-INVITE
	next       *Message      // a re-INVITE that waits for its turn

	refer     *referServer            // the newest REFER, and who is told of it
	referred  bool                    // there was one before it
	honours   bool                    // REFER and Replaces are the owner's to answer
	rseq      map[string]uint32       // reliable provisional responses acknowledged, by To-tag
	session   *session                // nil: no session timer (RFC 4028)
	others    map[string]*otherClient // CANCEL, BYE, by method and branch
	lastKey   string                  // newest request answered other than INVITE
	lastReply []byte
	discarded map[string]ackSent // 2xx of further dialogs, by To-tag
	abandoned bool
	hangUp    *string // Bye was asked for before the ACK came
}

// dialog is the state of RFC 3261, section 12.
type dialog struct {
	localTag, remoteTag string
	local, remote       string // From and To of our requests, tags and all
	target              string
	routes              []string
	localSeq, remoteSeq uint32
}

// way is where a request goes and how.
type way struct {
	network string
	dest    netip.AddrPort
	name    string // network tls: what the other side's certificate must name
}

const (
	eventQueue      = 32
	provisionalRoom = 20
)

func (e *Edge) newCall(callID string) *call {
	e.admit.live.Add(1)
	return &call{e: e, callID: callID, tagBase: random(8), events: make(chan Event, eventQueue)}
}

// push queues an event; see Leg.Events for why nothing but a provisional
// response can be dropped.
func (c *call) push(ev Event) {
	if c.closed || (ev.Kind == Provisional && len(c.events) >= provisionalRoom) {
		return
	}
	ev.At = c.e.cfg.Now()
	select {
	case c.events <- ev:
	default:
		c.e.log.limited("events", "owner of a sip leg does not read its events")
	}
}

// finish ends the call for its owner. What must still be repeated or met goes
// on until forget.
func (c *call) finish(last *Event) {
	if c.phase == over {
		return
	}
	if last != nil {
		c.push(*last)
	}
	c.phase = over
	c.closed = true
	close(c.events)
	c.events = nil // the owner's Leg has it; the rest stays for 64*T1 without it
	c.next = nil
	c.session.stop()
	if c.ask != nil {
		c.ask.settle()
	}
	if c.out != nil {
		c.out.settle()
	}
	if c.first != nil && c.first.final < 300 {
		c.first.r.stop()
	}
	if c.in != nil {
		if c.in.final == 0 {
			c.answerIn(487, "", Message{})
		} else if c.in.final < 300 {
			c.in.r.stop()
		}
	}
	if c.detach != nil {
		c.detach()
	}
	c.e.admit.live.Add(-1)
	if c.inbound {
		c.e.admit.release(c.emergency)
	}
	time.AfterFunc(64*c.e.cfg.Timers.T1, c.forget)
}

// forget takes the call out of the table.
func (c *call) forget() {
	c.mu.Lock()
	c.gone = true
	watched := c.watched
	c.watched = nil
	c.mu.Unlock()
	for _, t := range watched {
		t.unwatch(c)
	}
	c.e.table.remove(c)
}

// shutdown is the edge's stop: unanswered callers are told to try elsewhere,
// ringing PSAPs are told to stop, but for legs that another process goes on with;
// calls that are up go on without us.
func (c *call) shutdown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == over {
		return
	}
	switch {
	case c.phase != opening || c.kept:
	case c.inbound:
		c.final(c.first, response{code: 503, tag: c.tag(0), m: Message{Headers: retryAfter(1)}})
	default:
		c.cancelNow("node stops")
	}
	c.finish(&Event{Kind: Lost, Err: ErrStopped})
}

// abandon is called when nobody owns the call any more.
func (c *call) abandon() {
	if c.e.stopping.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandoned = true
	switch {
	case c.phase == opening && c.inbound:
		if c.emergency {
			c.e.alarms.raise(Alarm{
				Code: AlarmHandler, At: c.e.cfg.Now(), Source: c.base.dest.Addr(),
				Transport: c.base.network, Emergency: true, Count: 1,
				Detail: "an emergency call was left without an answer by its handler; the caller got 503",
			})
		}
		c.final(c.first, response{code: 503, tag: c.tag(0)})
		c.finish(nil)
	case c.phase == opening:
		c.cancelNow("")
	case c.phase == up:
		c.bye("")
	}
}

// repeat sends again at growing intervals until it is stopped or total is
// over; then end is called. Both run with the call's lock held. A nil send
// only waits: reliable transports repeat nothing.
type repeat struct {
	c           *call
	timer       *time.Timer
	stopped     bool
	wait, limit time.Duration
	left        time.Duration
	send, end   func()
}

func (c *call) repeat(limit, total time.Duration, send, end func()) *repeat {
	r := &repeat{c: c, wait: c.e.cfg.Timers.T1, limit: limit, left: total, send: send, end: end}
	if send == nil {
		r.wait = total
	}
	r.wait = min(r.wait, r.left)
	r.timer = time.AfterFunc(r.wait, r.fire)
	return r
}

func (r *repeat) fire() {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.stopped || r.c.gone {
		return
	}
	if r.left -= r.wait; r.left <= 0 {
		r.stopped = true
		if r.end != nil {
			r.end()
		}
		return
	}
	r.send()
	r.wait = min(2*r.wait, r.limit, r.left)
	r.timer.Reset(r.wait)
}

func (r *repeat) stop() {
	if r != nil && !r.stopped {
		r.stopped = true
		r.timer.Stop()
		r.send, r.end = nil, nil
	}
}

// lifetime is 64*T1, the time after which RFC 3261 gives up.
func (c *call) lifetime() time.Duration { return 64 * c.e.cfg.Timers.T1 }

// nextHop is where a request inside the dialog goes (RFC 3261, section
// 12.2.1.1). An address that the dialog names is used only when it is the
// peer's own or known: else a Contact could aim our requests at anybody.
func (c *call) nextHop(d *dialog) way {
	uri := d.target
	if len(d.routes) > 0 {
		uri = parseAddress(d.routes[0]).uri
	}
	t := parseTarget(uri)
	w := c.base
	if t.addr.IsValid() && (t.addr.Addr() == w.dest.Addr() || c.e.cfg.Known(Source{Addr: t.addr.Addr(), Transport: w.network})) {
		w.dest = t.addr
		if t.transport != "" && !secure(w.network) {
			w.network = t.transport
		}
	}
	return w
}

// inside makes a request inside a dialog. A first route without lr is a strict
// router of RFC 2543 and gets the Request-URI (RFC 3261, section 12.2.1.1).
func (c *call) inside(d *dialog, method string, seq uint32, m Message) outgoing {
	o := outgoing{
		method: method, uri: d.target, branch: c.e.newBranch(), from: d.local, to: d.remote,
		callID: c.callID, seq: seq, routes: d.routes, m: m,
	}
	if len(d.routes) > 0 {
		if first := parseAddress(d.routes[0]); !parseTarget(first.uri).loose {
			o.uri = first.uri
			o.routes = append(append([]string{}, d.routes[1:]...), "<"+d.target+">")
		}
	}
	return o
}

// transmit sends what build makes for the transport that is used; build may
// return nil when there is nothing to send any more. sent is told what became
// of it. Requests of one call leave in the order of the calls of transmit,
// also when a connection must be opened for the first of them.
func (c *call) transmit(w way, build func(origin) []byte, sent func(hop, []byte, error)) {
	if c.busy {
		c.queue = append(c.queue, func() { c.transmit(w, build, sent) })
		return
	}
	put := func(h hop) error {
		h.tap = c.tap
		b := build(h.origin())
		if b == nil {
			return nil
		}
		err := h.send(b)
		if err == nil {
			sent(h, b, nil)
		}
		return err
	}
	if c.flow.network != "" {
		if err := put(c.flow); err != nil {
			sent(hop{}, nil, err)
		}
		return
	}
	if w.network == "udp" || c.noTCP {
		h, err := c.e.udpHop(w.dest)
		if err == nil {
			err = put(h)
		}
		if err != nil {
			sent(hop{}, nil, err)
		}
		return
	}
	if t := c.usable(w); t != nil && put(c.e.streamHop(t)) == nil {
		c.conn = t
		return
	}
	if h, ok := c.registered(); ok && put(h) == nil {
		return
	}
	c.busy = true
	if !c.e.spawn(func() { c.open(w, put, sent) }) {
		c.busy = false
		sent(hop{}, nil, ErrStopped)
	}
}

// usable is an open connection for dest: one that we dialled, or, on an
// inbound leg, the one that the leg came on. Never any other accepted one.
func (c *call) usable(w way) *stream {
	if t := c.conn; t != nil && t.alive() {
		switch {
		case !t.dialled && t.remote.Addr() == w.dest.Addr():
			return t
		case t.dialled && t.way() == w && t.fresh():
			return t
		}
	}
	return c.e.pooled(w)
}

// open connects, or goes by UDP where that does not succeed in time (F-16).
func (c *call) open(w way, put func(hop) error, sent func(hop, []byte, error)) {
	t, err := c.e.connect(c.e.ctx, w)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if err != nil && c.tap != nil {
		c.tap.failed(w, err)
	}
	if err == nil {
		if err = put(c.e.streamHop(t)); err == nil {
			c.conn = t
		}
	}
	switch {
	case err == nil:
	case w.network != "tcp" || c.strict: // what was to be kept secret does not go in the open
		sent(hop{}, nil, err)
	default:
		c.noTCP = true
		h, uerr := c.e.udpHop(w.dest)
		if uerr == nil {
			uerr = put(h)
		}
		if uerr != nil {
			sent(hop{}, nil, err)
		}
	}
	waiting := c.queue
	c.queue = nil
	for _, f := range waiting {
		f()
	}
}

// connLost is told by a connection that ended.
func (c *call) connLost(t *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	for _, o := range c.others {
		if o.h.conn == t && o.retry != nil {
			o.r.stop()
			retry := o.retry
			o.retry = nil // once
			retry()
		}
	}
	if c.phase == over {
		return
	}
	if a := c.ask; a != nil && a.waits(t) {
		if a.state == calling && !a.again {
			// Nothing was heard since: the connection may have been dead when the
			// INVITE was written. The same INVITE, for the other side a
			// retransmission, goes out once more on a new one.
			a.again = true
			a.r.stop()
			c.sendInvite(a)
			return
		}
		c.finish(&Event{Kind: Lost, Err: errConnLost})
		return
	}
	if o := c.out; o != nil && o.waits(t) {
		c.reInviteDone(o, Event{Kind: ReInviteAnswered, Code: 503, Reason: reasonOf(503), Err: errConnLost})
	}
}

// undelivered is told that the other side's host does not take our request:
// it ends what has heard nothing yet. A ringing call is not ended by it.
func (c *call) undelivered(m *message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a := c.ask; {
	case c.gone, m.method != "INVITE":
	case a != nil && a.branch == m.via.branch && a.state == calling && a.h.conn == nil && c.phase == opening:
		c.finish(&Event{Kind: Lost, Err: ErrUnreachable})
	case c.out != nil && c.out.branch == m.via.branch && c.out.state == calling && c.out.h.conn == nil:
		c.reInviteDone(c.out, Event{Kind: ReInviteAnswered, Code: 503, Reason: reasonOf(503), Err: ErrUnreachable})
	}
}

// otherClient is a client transaction other than INVITE (RFC 3261, 17.1.2).
type otherClient struct {
	h     hop
	r     *repeat
	retry func() // sends it once more when its connection is lost; nil: not again
	done  func(m *message, err error)
}

// watch asks to be told of the end of a connection.
func (c *call) watch(t *stream) {
	if t == nil {
		return
	}
	if !t.watch(c) {
		c.e.spawn(func() { c.connLost(t) }) // it ended since
		return
	}
	for _, o := range c.watched {
		if o == t {
			return
		}
	}
	c.watched = append(c.watched, t)
}

// send starts such a transaction. done runs once, with the lock held: with the
// final response, or with what came instead of one.
func (c *call) send(w way, o outgoing, done func(m *message, h hop, err error)) {
	key := o.method + o.branch
	t := &otherClient{}
	if c.others == nil {
		c.others = map[string]*otherClient{}
	}
	c.others[key] = t
	t.done = func(m *message, err error) {
		if c.others[key] == t {
			delete(c.others, key)
			t.r.stop()
			if done != nil {
				done(m, t.h, err)
			}
		}
	}
	try := func() {
		c.transmit(w, o.write, func(h hop, b []byte, err error) {
			if err != nil {
				t.done(nil, err)
				return
			}
			t.h = h
			t.r = c.repeat(c.e.cfg.Timers.T2, c.lifetime(), again(h, b), func() { t.done(nil, ErrTimeout) })
			c.watch(h.conn)
		})
	}
	t.retry = try
	try()
}

// again sends bytes once more over UDP; nil for TCP, which needs no repetition.
func again(h hop, b []byte) func() {
	if h.conn != nil {
		return nil
	}
	return func() { _ = h.send(b) } // the next repetition or the timeout follows
}

// response takes a response; false when it belongs to none of ours.
func (c *call) response(m *message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tap != nil {
		c.tap.in(m, hop{})
	}
	branch := m.via.branch
	if m.cseqMethod == "INVITE" {
		switch {
		case c.ask != nil && c.ask.branch == branch:
			c.asked(m)
			return true
		case c.out != nil && c.out.branch == branch:
			c.reAsked(c.out, m)
			return true
		case c.challenged != nil && c.challenged.branch == branch:
			if m.code >= 300 {
				c.ackRefusal(c.challenged, m)
			}
			return true
		}
		return false
	}
	t := c.others[m.cseqMethod+branch]
	if t == nil {
		return false
	}
	if m.code >= 200 {
		t.done(m, nil)
	}
	return true
}
