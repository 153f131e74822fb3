// Package psap is a simulated PSAP: a SIP user agent that answers, is busy,
// stays silent, rings for ever, hangs up or calls back, and keeps every call as
// it came. It calls itself simulated in every message (E12).
package psap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/sim/rtpend"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// Behaviour is what the PSAP does with a call; a closed list.
type Behaviour string

// The behaviours.
const (
	Answer      Behaviour = "answer"      // rings once, answers
	Busy        Behaviour = "busy"        // 486
	Unavailable Behaviour = "unavailable" // 503
	Silent      Behaviour = "silent"      // takes the INVITE and says nothing more than 100
	RingForEver Behaviour = "ring"        // 180, no answer
	HangUp      Behaviour = "hangup"      // answers, hangs up after Config.After
	CallBack    Behaviour = "callback"    // answers, hangs up after Config.After, calls the number back
)

// Behaviours lists them all.
func Behaviours() []Behaviour {
	return []Behaviour{Answer, Busy, Unavailable, Silent, RingForEver, HangUp, CallBack}
}

// Name is what every message of a simulated PSAP says of itself.
const Name = "Callbox simulated PSAP"

// Config is what a PSAP needs.
type Config struct {
	Listen    netip.AddrPort // port 0: any
	Behaviour Behaviour
	RingFor   time.Duration  // before an answer
	After     time.Duration  // hangup, callback; 1 s
	Back      netip.AddrPort // callback: where the INVITE goes
}

// Received is one call as the PSAP saw it.
type Received struct {
	At       time.Time
	Invite   *ua.Message
	From     string // user part of From
	Asserted string // user part of P-Asserted-Identity
	PIDFLO   []byte // body part, nil when there was none
	SDP      []byte
	Call     *ua.Call
	Media    *rtpend.End
}

// PSAP is a running simulation. Safe for concurrent use.
type PSAP struct {
	agent *ua.Agent
	calls chan Received

	mu   sync.Mutex
	cfg  Config
	ctx  context.Context //nolint:containedctx // the life of Run, for calls that arrive meanwhile
	back *ua.Call
	wg   sync.WaitGroup
}

// New binds the sockets.
func New(cfg Config) (*PSAP, error) {
	if cfg.Behaviour == "" {
		cfg.Behaviour = Answer
	}
	known := false
	for _, b := range Behaviours() {
		known = known || b == cfg.Behaviour
	}
	if !known {
		return nil, fmt.Errorf("simulated PSAP: %q is none of %v", cfg.Behaviour, Behaviours())
	}
	if cfg.Behaviour == CallBack && !cfg.Back.IsValid() {
		return nil, errors.New("simulated PSAP: callback needs an address to call")
	}
	if cfg.After <= 0 {
		cfg.After = time.Second
	}
	ep, err := ua.Listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("simulated PSAP: %w", err)
	}
	p := &PSAP{cfg: cfg, calls: make(chan Received, 1024), ctx: context.Background()}
	p.agent = ua.NewAgent(ep, Name, p.take)
	return p, nil
}

// Addr is where the PSAP is reached, over UDP and TCP.
func (p *PSAP) Addr() netip.AddrPort { return p.agent.Addr() }

// Calls brings the calls received; up to 1,024 wait for the reader.
func (p *PSAP) Calls() <-chan Received { return p.calls }

// Behave changes what the PSAP does with the next call.
func (p *PSAP) Behave(b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.Behaviour = b
}

// Run serves until ctx ends.
func (p *PSAP) Run(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	p.mu.Unlock()
	err := p.agent.Run(ctx)
	p.wg.Wait()
	return err
}

func (p *PSAP) take(c *ua.Call) {
	p.mu.Lock()
	cfg, ctx := p.cfg, p.ctx
	p.mu.Unlock()
	m := c.Invite
	r := Received{
		At: m.At, Invite: m, Call: c, SDP: c.RemoteSDP(),
		From: ua.User(ua.Address(m.Get("From"))), Asserted: ua.User(ua.Address(m.Get("P-Asserted-Identity"))),
	}
	r.PIDFLO, _ = m.Part("application/pidf+xml")
	switch cfg.Behaviour {
	case Busy:
		_ = c.Refuse(486, "Busy Here")
	case Unavailable:
		_ = c.Refuse(503, "Service Unavailable")
	case RingForEver:
		_ = c.Progress(180, "Ringing", nil)
	case Answer, HangUp, CallBack:
		r.Media = p.answer(ctx, c, cfg)
	}
	select {
	case p.calls <- r:
	default: // nobody counts them
	}
	if r.Media != nil && (cfg.Behaviour == HangUp || cfg.Behaviour == CallBack) {
		p.end(ctx, c, cfg, r)
	}
}

func (p *PSAP) answer(ctx context.Context, c *ua.Call, cfg Config) *rtpend.End {
	media, err := rtpend.Listen(p.Addr().Addr())
	if err != nil {
		_ = c.Refuse(500, "No Media Port")
		return nil
	}
	media.Echo()
	sdp := media.SDP("sendrecv")
	if len(c.RemoteSDP()) > 0 {
		if err := media.Connect(c.RemoteSDP()); err != nil {
			_ = c.Refuse(488, "Not Acceptable Here")
			return nil
		}
	}
	if cfg.RingFor > 0 {
		_ = c.Progress(180, "Ringing", nil)
		if !ringOut(ctx, c, cfg.RingFor) {
			media.Close()
			return nil
		}
	}
	mediaCtx, cancel := context.WithCancel(ctx)
	p.wg.Go(func() { media.Run(mediaCtx) })
	p.wg.Go(func() {
		defer cancel()
		for { // until the call is over: a server that was killed never ends it
			select {
			case <-ctx.Done():
				return
			case _, open := <-c.Events():
				if !open {
					return
				}
			}
		}
	})
	p.wg.Go(func() { _ = c.Accept(ctx, sdp) })
	return media
}

// ringOut waits while the phone rings and reports whether the call is still
// there to be answered.
func ringOut(ctx context.Context, c *ua.Call, d time.Duration) bool {
	ring := time.NewTimer(d)
	defer ring.Stop()
	for {
		select {
		case <-ring.C:
			return true
		case <-ctx.Done():
			return false
		case e, open := <-c.Events():
			if !open || e.State == ua.Ended {
				return false
			}
		}
	}
}

// end hangs up after a while, and calls back where that is the behaviour.
func (p *PSAP) end(ctx context.Context, c *ua.Call, cfg Config, r Received) {
	wait := time.NewTimer(cfg.After)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return
	}
	_ = c.Hangup()
	if cfg.Behaviour != CallBack {
		return
	}
	number := r.Asserted
	if number == "" {
		number = r.From
	}
	call, err := p.Dial(ctx, number, cfg.Back)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.back = call
	p.mu.Unlock()
}

// Dial calls a number by way of a destination, as a PSAP calls back
// (RFC 7090: Priority: psap-callback).
func (p *PSAP) Dial(ctx context.Context, number string, dest netip.AddrPort) (*ua.Call, error) {
	return p.Place(ctx, number, dest, ua.Header{Name: "Priority", Value: "psap-callback"})
}

// Place is Dial with other headers, or none: as the call comes in from the PSTN.
func (p *PSAP) Place(ctx context.Context, number string, dest netip.AddrPort, headers ...ua.Header) (*ua.Call, error) {
	media, err := rtpend.Listen(p.Addr().Addr())
	if err != nil {
		return nil, err
	}
	p.wg.Go(func() { media.Run(ctx) })
	return p.agent.Place(ctx, ua.Outgoing{
		URI: fmt.Sprintf("sip:%s@%s", number, dest), Dest: dest, Transport: "udp",
		From: fmt.Sprintf("<sip:psap@%s>", p.Addr().Addr()), To: fmt.Sprintf("<sip:%s@%s>", number, dest.Addr()),
		Headers: headers, SDP: media.SDP("sendrecv"),
	})
}
