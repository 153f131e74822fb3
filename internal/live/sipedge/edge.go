package sipedge

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/admission"
)

// Edge is the SIP side of one node. Safe for concurrent use.
type Edge struct {
	cfg     Config
	log     *limitedLog
	seed    maphash.Seed
	udp     []*udpSock
	streams []*streamSock
	table   table
	gate    gate
	doors   doors
	alarms  *alarms
	admit   places
	desk    *desk // nil: no Config.Serve
	counts  counts
	parked  parking

	ctx      context.Context // ends when Run stops: handlers, connects
	cancel   context.CancelFunc
	stopping atomic.Bool
	draining atomic.Bool

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
	conns  map[*stream]struct{}
	pool   map[way][]*stream         // those that we dialled
	routes map[netip.Addr]netip.Addr // our address towards a peer, for listeners on any address
}

// New checks cfg, reporting all its faults, and binds the sockets. Port 0 is
// allowed; Listeners tells what was bound. Nothing is read before Run.
func New(cfg Config) (*Edge, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.defaults()
	e := &Edge{
		cfg:    cfg,
		log:    newLimitedLog(cfg.Log, cfg.Now),
		seed:   maphash.MakeSeed(),
		conns:  map[*stream]struct{}{},
		pool:   map[way][]*stream{},
		routes: map[netip.Addr]netip.Addr{},
	}
	e.table.init(e.seed)
	e.gate.init()
	e.doors.init(e)
	e.alarms = newAlarms(cfg.Alarm)
	e.parked.open, e.parked.calls = cfg.Resuming, cfg.Resuming
	e.admit.limits = cfg.Limits
	e.admit.shares = admission.NewShares[netip.Addr](cfg.Limits.OrdinaryRate)
	if cfg.Serve != nil {
		e.desk = newDesk(e)
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	for _, l := range cfg.Listen {
		if err := e.bind(l); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e, nil
}

func (cfg *Config) validate() error {
	var faults []e911.Fault
	need := func(ok bool, path, msg string) {
		if !ok {
			faults = append(faults, e911.Fault{Path: path, Code: "required", Msg: msg})
		}
	}
	need(len(cfg.Listen) > 0, "listen", "at least one address to listen on")
	for i, l := range cfg.Listen {
		need(slices.Contains(networks, l.Network), fmt.Sprintf("listen[%d].network", i), "udp, tcp, tls, ws or wss")
		need(!secure(l.Network) || cfg.TLS != nil, "tls", "a certificate, for "+l.Network)
		need(l.Addr.IsValid(), fmt.Sprintf("listen[%d].addr", i), "an address and a port")
	}
	need(cfg.Known != nil, "known", "who is a known source")
	need(cfg.Emergency != nil, "emergency", "what is an emergency call")
	need(cfg.Handle != nil, "handle", "who owns calls")
	need(cfg.Alarm != nil, "alarm", "who takes alarms")
	if len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "sip edge configuration", Faults: faults}
	}
	return nil
}

func (cfg *Config) defaults() {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Tight == nil {
		cfg.Tight = func() bool { return false }
	}
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&cfg.Limits.OrdinaryCalls, 2_000)
	def(&cfg.Limits.EmergencyCalls, 30_000)
	def(&cfg.Limits.Connections, 4_096)
	def(&cfg.Limits.MessageBytes, 64<<10)
	def(&cfg.Limits.Requests, 1_024)
	def(&cfg.Limits.Replies, 65_536)
	dur := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	dur(&cfg.Timers.T1, 500*time.Millisecond)
	dur(&cfg.Timers.T2, 4*time.Second)
	dur(&cfg.Timers.T4, 5*time.Second)
	dur(&cfg.Timers.TCPConnect, 500*time.Millisecond)
	dur(&cfg.Timers.Partial, 5*time.Second)
	dur(&cfg.Timers.Handshake, 2*time.Second)
	dur(&cfg.Timers.Stranger, 10*time.Second)
}

// Listeners tells what is bound, in the order of Config.Listen.
func (e *Edge) Listeners() []Listener {
	var ls []Listener
	u, t := e.udp, e.streams
	for _, l := range e.cfg.Listen {
		if l.Network == "udp" {
			ls, u = append(ls, Listener{"udp", u[0].addr}), u[1:]
		} else {
			ls, t = append(ls, Listener{l.Network, t[0].addr}), t[1:]
		}
	}
	return ls
}

// Run serves until ctx ends, then answers what is unanswered (503), cancels
// what is ringing, leaves calls that are up alone (their media flows past us,
// D-17), closes the sockets and waits for every Handle and goroutine. It runs
// once.
func (e *Edge) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.alarms.run(e.cfg.Now)
	}()
	for _, s := range e.udp {
		e.spawn(s.read)
	}
	for _, s := range e.streams {
		e.spawn(s.accept)
	}
	for i := 0; e.desk != nil && i < servers; i++ {
		e.spawn(e.desk.run)
	}
	<-ctx.Done()
	err := e.Close()
	e.alarms.stop()
	<-done
	return err
}

// Close does what Run does when its context ends. An Edge whose Run was never
// called is given back with it.
func (e *Edge) Close() error {
	e.stopping.Store(true)
	e.mu.Lock()
	e.closed = true
	var conns []*stream
	for t := range e.conns {
		conns = append(conns, t)
	}
	e.mu.Unlock()
	for _, c := range e.table.all() { // no call can begin any more
		c.shutdown()
	}
	e.cancel()
	var errs []error
	for _, s := range e.udp {
		errs = append(errs, closing(s.c.Close()))
	}
	for _, s := range e.streams {
		errs = append(errs, closing(s.l.Close()))
	}
	for _, t := range conns {
		t.flush()
		t.close()
	}
	e.wg.Wait()
	for _, c := range e.table.all() {
		c.forget()
	}
	return errors.Join(errs...)
}

func closing(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Drain makes the edge refuse new calls that are not emergency, with 503 and
// Retry-After, and answer OPTIONS with 503. It cannot be undone.
func (e *Edge) Drain() { e.draining.Store(true) }

// Live is the number of legs that are not over.
func (e *Edge) Live() int { return int(e.admit.live.Load()) }

// Stats are counts since New, for metrics.
type Stats struct {
	Requests  int64 // from known sources
	Answers   int64 // responses sent, repetitions too
	Repaired  int64 // INVITEs that were read in spite of faults
	Malformed int64 // requests beyond repair: 400
	Forbidden int64 // INVITEs from unknown sources, answered or not
	Shed      int64 // INVITEs answered 503 for want of room
	Looped    int64 // INVITEs in a loop: 482 or 483
	Junk      int64 // datagrams and connections that are not SIP
}

type counts struct {
	requests, answers, repaired, malformed, forbidden, shed, looped, junk atomic.Int64
}

// Stats tells the counts.
func (e *Edge) Stats() Stats {
	c := &e.counts
	return Stats{
		Requests: c.requests.Load(), Answers: c.answers.Load(), Repaired: c.repaired.Load(), Malformed: c.malformed.Load(),
		Forbidden: c.forbidden.Load(), Shed: c.shed.Load(), Looped: c.looped.Load(), Junk: c.junk.Load(),
	}
}

// spawn runs f on a goroutine that Run waits for; false after the stop.
func (e *Edge) spawn(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		f()
	}()
	return true
}

// hold counts a connection among those that Close closes; false after the stop.
func (e *Edge) hold(t *stream) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.conns[t] = struct{}{}
	if t.dialled {
		e.pool[t.way()] = append(e.pool[t.way()], t)
	}
	return true
}

// remember starts reading from a connection; false after the stop.
func (e *Edge) remember(t *stream) bool {
	if !e.hold(t) {
		return false
	}
	if e.spawn(t.read) {
		return true
	}
	e.forget(t)
	return false
}

func (e *Edge) forget(t *stream) {
	if !t.dialled {
		e.doors.leave(t)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, t)
	if !t.dialled {
		return
	}
	w := t.way()
	kept := e.pool[w][:0]
	for _, o := range e.pool[w] {
		if o != t {
			kept = append(kept, o)
		}
	}
	if len(kept) == 0 {
		delete(e.pool, w)
		return
	}
	e.pool[w] = kept
}

func (e *Edge) pooled(w way) *stream {
	e.mu.Lock()
	dialled := slices.Clone(e.pool[w])
	e.mu.Unlock()
	for _, t := range dialled { // with e.mu free: a connection's lock is taken before it
		if t.fresh() {
			return t
		}
	}
	return nil
}

// table finds calls by Call-ID. Slices in it are never changed in place, so a
// reader may keep what it got.
type table struct {
	seed   maphash.Seed
	shards [64]shard
	size   atomic.Int64
}

type shard struct {
	mu sync.Mutex
	m  map[string][]*call
}

func (t *table) init(seed maphash.Seed) {
	t.seed = seed
	for i := range t.shards {
		t.shards[i].m = map[string][]*call{}
	}
}

func (t *table) shard(id string) *shard {
	return &t.shards[maphash.String(t.seed, id)%uint64(len(t.shards))]
}

func (t *table) get(id string) []*call {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[id]
}

// add files c unless another one there is the same; that one is returned.
func (t *table) add(c *call, same func(*call) bool) *call {
	s := t.shard(c.callID)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.m[c.callID]
	for _, o := range old {
		if same != nil && same(o) {
			return o
		}
	}
	s.m[c.callID] = append(old[:len(old):len(old)], c)
	t.size.Add(1)
	return nil
}

func (t *table) remove(c *call) {
	s := t.shard(c.callID)
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []*call
	for _, o := range s.m[c.callID] {
		if o != c {
			kept = append(kept, o)
		}
	}
	if len(kept) < len(s.m[c.callID]) {
		t.size.Add(-1)
	}
	if len(kept) == 0 {
		delete(s.m, c.callID)
		return
	}
	s.m[c.callID] = kept
}

func (t *table) all() []*call {
	var cs []*call
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, c := range s.m {
			cs = append(cs, c...)
		}
		s.mu.Unlock()
	}
	return cs
}
