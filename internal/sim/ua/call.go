package ua

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// State is how far a call is.
type State string

// The states of a call.
const (
	Calling  State = "calling"
	Ringing  State = "ringing"
	Answered State = "answered"
	Ended    State = "ended"
)

// Event is one thing that happened to a call.
type Event struct {
	State State
	Code  int    // response that brought it, 0 for BYE and CANCEL
	By    string // "us", "them"
	SDP   []byte
	Msg   *Message
	At    time.Time
}

// Agent places and takes calls at one endpoint. Safe for concurrent use.
type Agent struct {
	ep     *Endpoint
	name   string // Server and User-Agent: says that it is simulated (E12)
	onCall func(*Call)

	mu    sync.Mutex
	calls map[string]*Call // by Call-ID
}

// NewAgent makes an agent at the endpoint. onCall gets each inbound INVITE on
// a goroutine of its own; it may be nil, then calls are refused with 480.
func NewAgent(ep *Endpoint, name string, onCall func(*Call)) *Agent {
	return &Agent{ep: ep, name: name, onCall: onCall, calls: map[string]*Call{}}
}

// Addr is where the agent is reached.
func (a *Agent) Addr() netip.AddrPort { return a.ep.Addr() }

// Run serves until ctx ends. Call it before placing calls.
func (a *Agent) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, a.endAll)
	defer stop()
	return a.ep.Run(ctx, a.handle)
}

// endAll ends every call without a word, as a phone does whose plug is pulled.
func (a *Agent) endAll() {
	a.mu.Lock()
	calls := slices.Collect(maps.Values(a.calls))
	a.mu.Unlock()
	for _, c := range calls {
		c.emit(Event{State: Ended, By: "us"})
	}
}

// Call is one dialog, placed or taken.
type Call struct {
	agent     *Agent
	Invite    *Message // as sent or received
	inbound   bool
	transport string
	dest      netip.AddrPort
	events    chan Event

	mu      sync.Mutex
	state   State
	callID  string
	local   string // From or To value with our tag
	remote  string
	target  string // remote Contact
	route   []string
	seq     int
	acked   chan struct{}
	ackOnce sync.Once
	branch  string // of our INVITE, for CANCEL
	sdp     []byte // theirs, last seen
	ours    []byte
	done    context.CancelFunc
	reInv   func(*Message) (int, []byte)
	// last is the newest response to the INVITE of an inbound call, repeated the
	// newest repetition of that INVITE.
	last, repeated *Message
	// answer is Outgoing.Answer until it was asked.
	answer func(challenges []string, method, uri string) (string, error)
}

// Events brings what happens, in order; it is closed when the call is over.
// Up to 64 wait for the reader.
func (c *Call) Events() <-chan Event { return c.events }

// ID is the Call-ID.
func (c *Call) ID() string { return c.callID }

// RemoteSDP is the last session description of the other side.
func (c *Call) RemoteSDP() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sdp
}

// OnReInvite sets what answers a re-INVITE: status and SDP. Without it they are
// answered 200 with our last SDP.
func (c *Call) OnReInvite(f func(*Message) (int, []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reInv = f
}

func (c *Call) emit(e Event) {
	e.At = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Ended {
		return
	}
	c.state = e.State
	select {
	case c.events <- e:
	default: // nobody reads; the state still holds
	}
	if e.State == Ended {
		close(c.events)
		c.agent.forget(c)
	}
}

func (a *Agent) forget(c *Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.calls, c.callID)
}

// Outgoing is a call to place.
type Outgoing struct {
	URI       string // Request-URI
	Dest      netip.AddrPort
	Transport string // udp, tcp
	From, To  string // name-addr without tag
	Headers   []Header
	SDP       []byte
	Body      []byte // instead of SDP, with ContentType
	BodyType  string
	// Answer answers a challenge by proxy or server once (RFC 3261, section 22): the
	// value of the header with our credentials. None: a challenge ends the call.
	Answer func(challenges []string, method, uri string) (string, error)
}

// Place sends an INVITE. What comes of it arrives as events.
func (a *Agent) Place(ctx context.Context, o Outgoing) (*Call, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &Call{
		agent: a, transport: o.Transport, dest: o.Dest, events: make(chan Event, 64), state: Calling,
		callID: rand.Text() + "@" + a.ep.Addr().Addr().String(), local: o.From + ";tag=" + rand.Text(), remote: o.To,
		target: o.URI, seq: 1, branch: NewBranch(), ours: o.SDP, done: cancel, acked: make(chan struct{}), answer: o.Answer,
	}
	m := &Message{Start: "INVITE " + o.URI + " SIP/2.0", Headers: []Header{
		{"Via", fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(o.Transport), a.ep.Addr(), c.branch)},
		{"Max-Forwards", "70"},
		{"From", c.local},
		{"To", c.remote},
		{"Call-ID", c.callID},
		{"CSeq", "1 INVITE"},
		{"Contact", c.contact()},
		{"User-Agent", a.name},
		{"Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS"},
	}}
	m.Headers = append(m.Headers, o.Headers...)
	switch {
	case o.Body != nil:
		m.Headers, m.Body = append(m.Headers, Header{"Content-Type", o.BodyType}), o.Body
	case o.SDP != nil:
		m.Headers, m.Body = append(m.Headers, Header{"Content-Type", "application/sdp"}), o.SDP
	}
	c.Invite = m
	a.mu.Lock()
	a.calls[c.callID] = c
	a.mu.Unlock()
	responses, err := a.ep.Request(ctx, m, o.Dest, o.Transport, a.handle)
	if err != nil {
		cancel()
		a.forget(c)
		return nil, fmt.Errorf("place a call: %w", err)
	}
	a.ep.wg.Go(func() { c.follow(ctx, responses) })
	return c, nil
}

// follow reads the responses to our INVITE.
func (c *Call) follow(ctx context.Context, responses <-chan *Message) {
	defer c.done()
	for r := range responses {
		code := r.Status()
		switch {
		case code < 200:
			if sdp, _ := r.Part("application/sdp"); sdp != nil || code >= 180 {
				c.emit(Event{State: Ringing, Code: code, By: "them", SDP: sdp, Msg: r})
			}
		case code < 300:
			first := c.confirm(r)
			if err := c.ack(ctx, r); err == nil && first {
				c.emit(Event{State: Answered, Code: code, By: "them", SDP: c.RemoteSDP(), Msg: r})
			}
		default:
			c.ackFailure(ctx, r)
			if again := c.prove(ctx, r); again != nil {
				c.follow(ctx, again)
				return
			}
			c.emit(Event{State: Ended, Code: code, By: "them", Msg: r})
			return
		}
	}
	c.mu.Lock()
	over := c.state == Answered || c.state == Ended
	c.mu.Unlock()
	if !over {
		c.emit(Event{State: Ended, Code: 408, By: "us"})
	}
}

// confirm takes the dialog from the first 2xx.
func (c *Call) confirm(r *Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Answered || c.state == Ended {
		return false
	}
	c.remote = r.Get("To")
	if contact := r.Get("Contact"); contact != "" {
		c.target = Address(contact)
	}
	rr := r.All("Record-Route")
	for i := len(rr) - 1; i >= 0; i-- {
		c.route = append(c.route, rr[i])
	}
	if sdp, _ := r.Part("application/sdp"); sdp != nil {
		c.sdp = sdp
	}
	return true
}

func (c *Call) contact() string {
	return fmt.Sprintf("<sip:sim@%s;transport=%s>", c.agent.ep.Addr(), c.transport)
}

// request makes a request inside the dialog.
func (c *Call) request(method string, seq int) *Message {
	m := &Message{Start: method + " " + c.target + " SIP/2.0", Headers: []Header{
		{"Max-Forwards", "70"},
		{"From", c.local},
		{"To", c.remote},
		{"Call-ID", c.callID},
		{"CSeq", strconv.Itoa(seq) + " " + method},
		{"User-Agent", c.agent.name},
	}}
	for _, r := range c.route {
		m.Headers = append(m.Headers, Header{"Route", r})
	}
	return m
}

// hop is where requests of the dialog go: the remote Contact, or the neighbour
// when that is no address.
func (c *Call) hop() netip.AddrPort {
	if ap, _, err := HostPort(c.target); err == nil && len(c.route) == 0 {
		return ap
	}
	return c.dest
}

func (c *Call) ack(ctx context.Context, r *Message) error {
	seq, _, _ := strings.Cut(r.Get("CSeq"), " ")
	n, err := strconv.Atoi(seq)
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	c.mu.Lock()
	m := c.request("ACK", n)
	hop := c.hop()
	c.mu.Unlock()
	return c.agent.ep.Send(ctx, m, hop, c.transport, c.agent.handle)
}

// ackFailure acknowledges a final response of 300 or more inside the INVITE's
// transaction (RFC 3261, section 17.1.1.3).
func (c *Call) ackFailure(ctx context.Context, r *Message) {
	m := &Message{Start: "ACK " + c.Invite.URI() + " SIP/2.0", Headers: []Header{
		{"Via", c.Invite.Get("Via")},
		{"Max-Forwards", "70"},
		{"From", c.local},
		{"To", r.Get("To")},
		{"Call-ID", c.callID},
		{"CSeq", c.Invite.cseq() + " ACK"},
	}}
	_ = c.agent.ep.Send(ctx, m, c.dest, c.transport, c.agent.handle) // a lost ACK brings the response again
}

// Cancel gives up a call that we placed and nobody answered.
func (c *Call) Cancel() error {
	c.mu.Lock()
	if c.inbound || c.state == Answered || c.state == Ended {
		c.mu.Unlock()
		return errors.New("cancel: the call is not waiting for an answer")
	}
	m := &Message{Start: "CANCEL " + c.Invite.URI() + " SIP/2.0", Headers: []Header{
		{"Via", c.Invite.Get("Via")},
		{"Max-Forwards", "70"},
		{"From", c.local},
		{"To", c.Invite.Get("To")},
		{"Call-ID", c.callID},
		{"CSeq", c.Invite.cseq() + " CANCEL"},
	}}
	c.mu.Unlock()
	_, err := c.agent.ep.Request(context.Background(), m, c.dest, c.transport, c.agent.handle)
	return err
}

// Hangup sends BYE and ends the call.
func (c *Call) Hangup() error {
	c.mu.Lock()
	if c.state != Answered {
		c.mu.Unlock()
		return errors.New("hang up: the call is not up")
	}
	c.seq++
	m := c.request("BYE", c.seq)
	hop := c.hop()
	c.mu.Unlock()
	responses, err := c.agent.ep.Request(context.Background(), m, hop, c.transport, c.agent.handle)
	if err == nil {
		for r := range responses {
			if r.Status() >= 200 {
				break
			}
		}
	}
	c.emit(Event{State: Ended, By: "us"})
	return err
}

// Drop ends the call on this side without a word, as a phone does that is
// switched off. Requests inside it are answered 481 from then on.
func (c *Call) Drop() { c.emit(Event{State: Ended, By: "us"}) }

// ReInvite offers a new session description and returns the final response.
func (c *Call) ReInvite(ctx context.Context, sdp []byte) (*Message, error) {
	c.mu.Lock()
	if c.state != Answered {
		c.mu.Unlock()
		return nil, errors.New("re-invite: the call is not up")
	}
	c.seq++
	m := c.request("INVITE", c.seq)
	m.Headers = append(m.Headers, Header{"Contact", c.contact()}, Header{"Content-Type", "application/sdp"})
	m.Body = sdp
	hop := c.hop()
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	responses, err := c.agent.ep.Request(ctx, m, hop, c.transport, c.agent.handle)
	if err != nil {
		return nil, err
	}
	for r := range responses {
		if r.Status() < 200 {
			continue
		}
		if r.Status() < 300 {
			if err := c.ack(ctx, r); err != nil {
				return nil, err
			}
			c.mu.Lock()
			if body, _ := r.Part("application/sdp"); body != nil {
				c.sdp = body
			}
			c.ours = sdp
			c.mu.Unlock()
		} else {
			ack := &Message{Start: "ACK " + m.URI() + " SIP/2.0", Headers: []Header{
				{"Via", m.Get("Via")},
				{"Max-Forwards", "70"},
				{"From", m.Get("From")},
				{"To", r.Get("To")},
				{"Call-ID", c.callID},
				{"CSeq", strings.Fields(r.Get("CSeq"))[0] + " ACK"},
			}}
			_ = c.agent.ep.Send(ctx, ack, hop, c.transport, c.agent.handle)
		}
		return r, nil
	}
	return nil, errors.New("re-invite: no response")
}

// Go runs f on a goroutine that Run waits for; f must end when the agent does.
func (a *Agent) Go(f func()) { a.ep.wg.Go(f) }
