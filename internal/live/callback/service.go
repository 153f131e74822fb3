package callback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callbackflow"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Phones knows the telephones that registered here; *registrar.Registrar does.
type Phones interface {
	// Caller is the contact that a request comes from.
	Caller(q *sipedge.Request) (registrar.Binding, bool)
	// Bindings lists where a user is registered, the latest first.
	Bindings(org e911.OrgID, user string) []registrar.Binding
	// Prove checks a telephone's password, or says what to ask it.
	Prove(q *sipedge.Request) (p registrar.Phone, challenge sipedge.Headers, ok bool)
}

// Trunks knows where the calls of trunks go; *trunk.Keeper does. A callback is
// part of an emergency: it is counted as one, and no capacity keeps it out.
type Trunks interface {
	emergency.Trunks
}

// Alarm codes of this package.
const (
	AlarmLow    = "elin_pool_low"       // 80 % of a location's ELINs are lent
	AlarmShared = "elin_shared"         // none was free: two calls have one
	AlarmMissed = "callback_unanswered" // a PSAP called back and reached nobody
)

// Config is what a Service needs. Snapshot, Journal, Dial and Domain are
// required.
type Config struct {
	Snapshot *snapshot.Holder
	Journal  journal.Recorder
	// Dial makes a leg. It must not block.
	Dial   func(ctx context.Context, in sipedge.Invite) emergency.Callee
	Phones Phones // none: no telephone registers here
	Trunks Trunks // none: each trunk goes to the address in its To
	// Passports checks signatures: one that vouches for a PSAP's callback counts by
	// whatever trunk it comes (RFC 9027, section 5). None: the trunk's mark alone.
	Passports emergency.Passports
	// UDPFlow makes the way to an address from one of ours, for a telephone that
	// called before a restart; none: its registration leads to it, or nothing.
	UDPFlow func(local, remote netip.AddrPort) (sipedge.Flow, bool)
	Domain  string // our name in SIP addresses
	// Window is how long after the end of a call its numbers lead back to it; zero:
	// 180 min; at least 10, at most 1440 (F-08).
	Window time.Duration
	Node   elinpool.Node
	// Nodes are the others; none: this one is alone. Ring seals what they tell each
	// other with a call; it is required with Nodes. Elsewhere names the other nodes
	// at which a user is registered, the latest first; none: nobody knows.
	Nodes     Nodes
	Ring      *seal.Ring
	Elsewhere func(org e911.OrgID, user string) []string
	Policy    callbackflow.Policy // zero: callbackflow.DefaultPolicy
	// Bound is how many numbers are remembered; 20,000. Those of live calls are
	// never forgotten, of others the oldest go first.
	Bound int
	// Restoring: facts of an earlier run are given to Restore, and Restored is
	// called after the last. Until then calls wait to be told whether somebody is
	// called back, for 10 s at most.
	Restoring bool
	Now       func() time.Time // none: time.Now
	Log       *slog.Logger     // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if c.Snapshot == nil {
		errs = append(errs, errors.New("snapshot is required"))
	}
	if c.Journal == nil {
		errs = append(errs, errors.New("journal is required"))
	}
	if c.Dial == nil {
		errs = append(errs, errors.New("dial is required"))
	}
	if c.Nodes != nil && c.Ring == nil {
		errs = append(errs, errors.New("ring is required with nodes"))
	}
	if c.Domain == "" {
		errs = append(errs, errors.New("domain is required"))
	}
	if c.Window != 0 && c.Window != elinpool.Window(c.Window) {
		errs = append(errs, fmt.Errorf("window %s: give between %s and %s", c.Window, elinpool.MinWindow, elinpool.MaxWindow))
	}
	if c.Bound < 0 {
		errs = append(errs, errors.New("bound is negative"))
	} else if c.Bound == 0 {
		c.Bound = 20_000
	}
	c.Window = elinpool.Window(c.Window)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Service is safe for concurrent use.
type Service struct {
	cfg   Config
	table *table

	mu     sync.Mutex
	active int
	gone   chan struct{} // closed, and made anew, when a call ends
	low    map[e911.LocationID]time.Time
	early  map[e911.CallID]time.Time // calls that ended before they were restored

	restored chan struct{} // closed by Restored
}

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure callbacks: %w", err)
	}
	s := &Service{
		cfg: cfg, table: newTable(cfg.Bound), gone: make(chan struct{}), low: map[e911.LocationID]time.Time{},
		early: map[e911.CallID]time.Time{}, restored: make(chan struct{}),
	}
	if !cfg.Restoring {
		s.Restored()
	}
	return s, nil
}

// Drain waits until no callback is in progress, or ctx ends and its error is
// returned.
func (s *Service) Drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, gone := s.active, s.gone
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d callbacks in progress: %w", n, ctx.Err())
		}
	}
}

func (s *Service) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active++
}

func (s *Service) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	close(s.gone)
	s.gone = make(chan struct{})
}

// Awaited reports whether a call to a Request-URI is a callback: such a call has
// the room of emergency calls (E1). It answers from memory.
func (s *Service) Awaited(uri string) bool {
	n, ok := identify.LineOf(uri)
	return ok && len(s.table.held(n, s.cfg.Now())) > 0
}

func (s *Service) alarm(org e911.OrgID, call e911.CallID, a journal.Alarm) {
	s.cfg.Journal.Record(journal.New(journal.AlarmRaised, s.cfg.Now(), org, call, a))
}
