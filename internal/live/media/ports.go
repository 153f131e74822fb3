package media

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
)

// What Answer, Accept and Renegotiate refuse with.
var (
	// ErrNotAcceptable: the description has no audio that we can take part in; the
	// text says why. In SIP 488.
	ErrNotAcceptable = errors.New("media not acceptable")
	// ErrNoPort: every port of the range is taken. In SIP 503.
	ErrNoPort = errors.New("no media port is free")
)

// Config is where media sessions live.
type Config struct {
	Addr netip.Addr // bound, and written into SDP
	// Public is written into SDP in the place of Addr, where an address
	// translator stands before us. Of the same family as Addr.
	Public netip.Addr
	// MinPort to MaxPort is the range, ends included. Even ports are used. Both
	// zero: any free port.
	MinPort, MaxPort uint16
	Log              *slog.Logger // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if !c.Addr.IsValid() || c.Addr.IsUnspecified() || c.Addr.IsMulticast() {
		errs = append(errs, errors.New("media address must be one of this machine's own"))
	}
	if !c.Public.IsValid() {
		c.Public = c.Addr
	}
	c.Addr, c.Public = c.Addr.Unmap(), c.Public.Unmap()
	if c.Public.Is4() != c.Addr.Is4() || c.Public.IsUnspecified() {
		errs = append(errs, errors.New("public media address must be of the family of the media address"))
	}
	if c.MinPort > c.MaxPort || (c.MinPort == 0 && c.MaxPort > 0) || c.MaxPort-c.MinPort == 0 && c.MinPort%2 == 1 {
		errs = append(errs, fmt.Errorf("media ports %d to %d hold no even port", c.MinPort, c.MaxPort))
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Ports opens sessions. Safe for concurrent use.
type Ports struct{ cfg Config }

// New checks the configuration; it binds nothing yet.
func New(cfg Config) (*Ports, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure media: %w", err)
	}
	return &Ports{cfg: cfg}, nil
}

// Answer opens the session that answers an offer: its SDP is the answer. from is
// the address that the offer came from in SIP. It reads at once and sends from
// Start on.
func (p *Ports) Answer(offer []byte, from netip.Addr) (*Session, error) {
	d, err := parse(offer)
	if err != nil {
		return nil, err
	}
	a, err := d.pick(p.cfg.Public.Is4())
	if err != nil {
		return nil, err
	}
	s, err := p.open(from)
	if err != nil {
		return nil, err
	}
	s.agree(a)
	s.local = s.describe(d, a)
	return s, nil
}

// Offer opens a session for an INVITE without SDP: its SDP is an offer, and
// Accept takes the answer.
func (p *Ports) Offer(from netip.Addr) (*Session, error) {
	s, err := p.open(from)
	if err != nil {
		return nil, err
	}
	s.local = s.describeOffer()
	return s, nil
}

// open binds a socket: even ports in the range, from a random one on, so that a
// port just closed, at which packets of an old call still arrive, is not taken
// again at once.
func (p *Ports) open(from netip.Addr) (*Session, error) {
	first := int(p.cfg.MinPort+1) / 2
	n := int(p.cfg.MaxPort)/2 - first + 1
	start := rand.IntN(n)
	var last error
	for i := range n {
		port := 2 * (first + (start+i)%n)
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.cfg.Addr, uint16(port))))
		if err == nil {
			return newSession(p.cfg, conn, from), nil
		}
		last = err
	}
	return nil, fmt.Errorf("%w: %w", ErrNoPort, last)
}
