// Package peer lets nodes tell each other what they know (F-07, F-08): where
// devices were located, where telephones registered, and whom the numbers that
// PSAPs were given lead back to. Each node gives its own facts to those who ask,
// in their order in its journal, and hears those of its peers; no fact is passed
// on. It is best effort: nothing on the way of a call waits for it but a PSAP's
// call back whose number nobody here knows, and that for 200 ms.
//
// Nodes prove themselves to each other by the master key that they share (D-09):
// both sides of TLS show the key that follows from it.
package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/seal"
)

// Alarm codes of this package.
const (
	AlarmSilent  = "peer_silent"  // a peer could not be reached for 30 s
	AlarmRefused = "peer_refused" // what came from a peer was none of its facts, or who asks is none
	AlarmClock   = "peer_clock"   // a peer's clock and ours differ by more than 2 s
)

// Peer is another node.
type Peer struct {
	Name string // as it calls itself
	URL  string // https://host:port of its listener
}

// SIP is an address at which a node takes calls.
type SIP struct {
	Transport string         `json:"transport"`
	Addr      netip.AddrPort `json:"addr"`
}

// Config is what a Mesh needs. Node, Ring, Feed and Hear are required.
type Config struct {
	Node  string
	Ring  *seal.Ring
	Peers []Peer
	// Listener is where peers ask; none: nobody hears us. Run closes it.
	Listener net.Listener
	Feed     journal.Feed
	Last     func() uint64 // newest fact of our journal; required with a Listener
	// Hear takes up a fact of a peer. It must be safe for concurrent use, change
	// nothing when a fact comes twice, and not wait.
	Hear func(node string, f journal.Fact) error
	// Held gives the facts by which a number leads back to who called, as this node
	// knows it by itself; none: no number does.
	Held func(n e911.Number) []journal.Fact
	// SIP tells where calls of peers are taken.
	SIP func() []SIP
	// Rate bounds the facts of one peer that are taken up in a second; 20,000. What
	// is beyond waits at the peer.
	Rate  int
	Alarm func(journal.Alarm) // none: nobody is told
	Now   func() time.Time    // none: time.Now
	Log   *slog.Logger        // none: discarded
}

// ParsePeer reads NAME=https://host:port.
func ParsePeer(s string) (Peer, error) {
	name, base, ok := strings.Cut(s, "=")
	u, err := url.Parse(base)
	if !ok || name == "" || err != nil || u.Scheme != "https" || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return Peer{}, fmt.Errorf("peer %q: write NAME=https://HOST:PORT, with the name that the other node has", s)
	}
	return Peer{Name: name, URL: "https://" + u.Host}, nil
}

func (c *Config) validate() error {
	var errs []error
	if c.Node == "" || c.Ring == nil || c.Feed == nil || c.Hear == nil {
		errs = append(errs, errors.New("node, ring, feed and hear are required"))
	}
	if c.Listener != nil && c.Last == nil {
		errs = append(errs, errors.New("last is required with a listener"))
	}
	seen := map[string]bool{c.Node: true}
	for _, p := range c.Peers {
		if _, err := ParsePeer(p.Name + "=" + p.URL); err != nil {
			errs = append(errs, err)
		}
		if seen[p.Name] {
			errs = append(errs, fmt.Errorf("peer %s: each node has a name of its own", p.Name))
		}
		seen[p.Name] = true
	}
	if c.Rate == 0 {
		c.Rate = 20_000
	}
	if c.Rate < ticks {
		errs = append(errs, fmt.Errorf("rate %d: at least %d facts a second", c.Rate, ticks))
	}
	if c.Held == nil {
		c.Held = func(e911.Number) []journal.Fact { return nil }
	}
	if c.SIP == nil {
		c.SIP = func() []SIP { return nil }
	}
	if c.Alarm == nil {
		c.Alarm = func(journal.Alarm) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// kinds are the facts that nodes tell each other.
var kinds = map[journal.Kind]bool{
	journal.DeviceLocated: true, journal.DevicePresent: true, journal.DeviceSignedIn: true, journal.DeviceRevoked: true,
	journal.ClientSession: true, journal.ClientNetwork: true, journal.OwnLocation: true, journal.OwnForgotten: true, journal.OwnCallback: true, journal.OwnRegistered: true,
	journal.BindingMade: true, journal.BindingGone: true,
	journal.CallbackBound: true, journal.CallReferenced: true, journal.CallEnded: true,
}

// Mesh is this node among its peers. Safe for concurrent use; Run makes it hear
// and be heard.
type Mesh struct {
	cfg    Config
	client *tls.Config
	server *tls.Config
	peers  []*node
	asking chan struct{} // room for questions that are under way
	asks   sync.WaitGroup

	mu      sync.Mutex
	streams map[string]context.CancelFunc // of peers that hear us
	told    map[string]time.Time          // alarms, by code and peer
}

// New checks cfg, reporting all its faults. It starts nothing.
func New(cfg Config) (*Mesh, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure peers: %w", err)
	}
	m := &Mesh{
		cfg: cfg, asking: make(chan struct{}, maxAsking), streams: map[string]context.CancelFunc{}, told: map[string]time.Time{},
	}
	var err error
	if m.client, m.server, err = tlsConfigs(cfg.Ring, cfg.Node); err != nil {
		return nil, fmt.Errorf("configure peers: %w", err)
	}
	for _, p := range cfg.Peers {
		m.peers = append(m.peers, newNode(p, m.client))
	}
	return m, nil
}

// Run hears the peers and is heard by them until ctx ends. A listener that fails
// ends only the hearing by others.
func (m *Mesh) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, p := range m.peers {
		all.Go(func() { m.follow(ctx, p) })
	}
	if m.cfg.Listener != nil {
		all.Go(func() { m.serve(ctx) })
	}
	<-ctx.Done()
	all.Wait()
	m.asks.Wait()
	for _, p := range m.peers {
		p.http.CloseIdleConnections()
	}
	return nil
}

// State is what is known of a peer.
type State struct {
	Name  string
	Heard bool   // we hear it now
	Next  uint64 // of its facts, that which comes next
}

// States lists the peers as they were configured.
func (m *Mesh) States() []State {
	out := make([]State, len(m.peers))
	for i, p := range m.peers {
		p.mu.Lock()
		out[i] = State{Name: p.name, Heard: p.heard, Next: p.last.seq + 1}
		p.mu.Unlock()
	}
	return out
}

// Way is where a peer that is heard now takes calls: by TCP where it can.
func (m *Mesh) Way(name string) (addr netip.AddrPort, transport string, ok bool) {
	i := slices.IndexFunc(m.peers, func(p *node) bool { return p.name == name })
	if i < 0 {
		return netip.AddrPort{}, "", false
	}
	p := m.peers[i]
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.heard {
		return netip.AddrPort{}, "", false
	}
	for _, want := range []string{"tcp", "udp"} {
		for _, s := range p.sip {
			if s.Transport == want {
				return s.Addr, want, true
			}
		}
	}
	return netip.AddrPort{}, "", false
}

// Known reports an address of a peer: where it takes calls, or from where it
// proved itself.
func (m *Mesh) Known(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range m.peers {
		p.mu.Lock()
		known := p.from == a || p.at == a || slices.ContainsFunc(p.sip, func(s SIP) bool { return s.Addr.Addr() == a })
		p.mu.Unlock()
		if known {
			return true
		}
	}
	return false
}

// alarmEvery bounds how often the same is told of a peer.
const alarmEvery = time.Hour

func (m *Mesh) alarm(code, name, detail string) {
	m.cfg.Log.Warn("peer", obs.KeyCode, code, obs.KeyNode, name, "detail", detail)
	now := m.cfg.Now()
	m.mu.Lock()
	key := code + " " + name
	at, told := m.told[key]
	tell := !told || now.Sub(at) >= alarmEvery
	if tell {
		m.told[key] = now
	}
	m.mu.Unlock()
	if tell {
		m.cfg.Alarm(journal.Alarm{Code: code, Detail: detail, Source: name})
	}
}
