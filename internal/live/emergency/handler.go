package emergency

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/testcall"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Dialog is what both legs of a call can do; *sipedge.Leg can.
type Dialog interface {
	Events() <-chan sipedge.Event
	ReInvite(m sipedge.Message)
	AnswerReInvite(code int, reason string, m sipedge.Message) error
	Ack(m sipedge.Message) error
	Bye(reason string)
}

// Caller is the leg that came in.
type Caller interface {
	Dialog
	Request() *sipedge.Request
	Provisional(attempt, code int, reason string, m sipedge.Message) error
	Answer(attempt int, m sipedge.Message) error
	Reject(code int, reason string, h sipedge.Headers) error
}

// Callee is a leg that we dialled.
type Callee interface {
	Dialog
	CallID() string
	Cancel(reason string)
}

// Locator knows what the location server knows; *lis.Server is one.
type Locator interface {
	// Resolve opens a location URI or bare token of ours for an organisation.
	Resolve(ref string, org e911.OrgID, now time.Time) (lis.Resolved, error)
	// Known is all that a device and its network told of where it is.
	Known(org e911.OrgID, device e911.DeviceID) locate.Recollection
	// AskedHELD reports whether the device ever asked.
	AskedHELD(org e911.OrgID, device e911.DeviceID) bool
	// Elsewhere reports that the device was last seen off the map.
	Elsewhere(org e911.OrgID, device e911.DeviceID) bool
}

// Phones knows which telephone sent a request, by its registration (F-13);
// *registrar.Registrar does. It answers from memory.
type Phones interface {
	Phone(q *sipedge.Request) (registrar.Phone, bool)
}

// Authority knows what the authority's servers said of who serves a place;
// *lostc.Client does. It answers from memory alone and waits for nothing: a fresh
// question has no place in a call (E3), the memory is kept warm ahead of it.
type Authority interface {
	Mapping(p e911.Place, now time.Time) (ecrf.Answer, bool)
}

// References makes a location reference for a call and holds it to the call's end
// and 24 h longer (F-27); *lis.Server does. Neither waits.
type References interface {
	MintForCall(call e911.CallID, p lis.CallPlace) (uri string, err error)
	EndCall(call e911.CallID, at time.Time)
}

// TestCall answers 933; *testcall.Service does.
type TestCall interface {
	Answer(ctx context.Context, leg testcall.Leg, r testcall.Readback) (journal.Spoken, error)
}

// Provider is who operates this Callbox, as a PSAP is told (RFC 7852, F-26).
// What is empty is filled by the organisation's name and its site's emergency
// callback number.
type Provider struct {
	Name      string // for a person
	CompanyID string // NENA company id, may be empty
	Contact   string // URI that is answered round the clock, "tel:+16175550100"
}

// Config is what a Handler needs. Snapshot, Journal, Dial and Domain are
// required.
type Config struct {
	Snapshot *snapshot.Holder
	Journal  journal.Recorder
	// Dial makes a leg. It must not block: results come as events of the leg.
	Dial func(ctx context.Context, in sipedge.Invite) Callee
	// Restore takes a leg up again that another process wrote down; none: calls
	// end with the process (D-17).
	Restore func(ctx context.Context, s sipedge.DialogState) (Leg, error)
	// Reopen and Redial do the same for legs without an answer: that of a caller who
	// waits, by his INVITE, and one that was dialled for him. None: calls that
	// nobody had answered when their process ended are over.
	Reopen  func(ctx context.Context, invite *sipedge.Request, tag string) (Leg, error)
	Redial  func(ctx context.Context, s sipedge.DialledState, with sipedge.Redialled) (Leg, error)
	Locator Locator // none: tokens are not understood, devices not known
	People  People  // none: nobody said anything by a client
	Phones  Phones  // none: no telephone registers here
	// Authority is asked before our own layers (F-23); none: they decide.
	Authority Authority
	// References makes the location references that legs carry (F-27); none: they
	// carry none of ours.
	References References
	// Foreign asks other location servers (F-17); none: nobody does. A call waits
	// for them at most ReferenceWait, 250 ms to 3 s; zero: DefaultReferenceWait.
	Foreign       Foreign
	ReferenceWait time.Duration
	TestCall      TestCall  // none: 933 is answered 503
	Passports     Passports // none: signatures that come in are not looked at
	Signs         Signs     // none: calls go out as they came in, unsigned
	// Callbacks remembers numbers and lends ELINs; none: nobody is called back.
	Callbacks Callbacks
	Ordinary  Ordinary // none: calls that are no emergency are answered 404
	Trunks    Trunks   // none: each trunk goes to the address in its To
	// Domain is our name in SIP addresses and emergency call ids, a host name.
	Domain   string
	Provider Provider
	Policy   callflow.Policy // zero: callflow.DefaultPolicy
	Now      func() time.Time
	Log      *slog.Logger // none: discarded
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
	if !isDomain(c.Domain) {
		errs = append(errs, fmt.Errorf("domain %q is no host name", c.Domain))
	}
	if c.Policy == (callflow.Policy{}) {
		c.Policy = callflow.DefaultPolicy()
	}
	if c.ReferenceWait == 0 {
		c.ReferenceWait = DefaultReferenceWait
	}
	if c.ReferenceWait < MinReferenceWait || c.ReferenceWait > MaxReferenceWait {
		errs = append(errs, fmt.Errorf("a call waits %v to %v for another location server, not %v", MinReferenceWait, MaxReferenceWait, c.ReferenceWait))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

func isDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, r := range s {
		if r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// Handler takes emergency and test calls. Safe for concurrent use.
type Handler struct {
	cfg Config
	// disputes are the disagreements about PSAPs that were told of.
	disputes *disputes
	detours  detours
	node     string // id of this run
	statics  *statics
	// Calls that are decided, and calls that go on: those wait for each other alone,
	// so that an answer is not heard late, as silence, because many more came. Tests
	// wait for tests: a call for help never stands behind them.
	newcomers, turns, tests *turns

	// newMachine is replaced by tests that break it.
	newMachine func(callflow.Config) machine

	mu      sync.Mutex
	active  map[e911.CallID]*entry
	uids    map[string][]*call                 // by emergency call ids on the way, to see a loop
	watched map[movedDevice]map[*call]struct{} // calls that Moved finds
	gone    chan struct{}                      // closed, and made anew, when a call ends or is answered
}

type machine interface {
	Step(callflow.Event) []callflow.Action
	Ended() bool
	Waiting() bool
	Winner() int
}

type entry struct{ Active }

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure emergency calls: %w", err)
	}
	if cfg.Trunks == nil {
		cfg.Trunks = alone{health: newHealth(), now: cfg.Now}
	}
	return &Handler{
		cfg: cfg, node: string(e911.NewID[e911.TrunkID]()), disputes: &disputes{}, newcomers: newTurns(newcomerWait), turns: newTurns(0), tests: newTurns(0), statics: &statics{trunks: map[e911.TrunkID]map[[sha256.Size]byte]*static{}}, active: map[e911.CallID]*entry{}, uids: map[string][]*call{}, watched: map[movedDevice]map[*call]struct{}{}, gone: make(chan struct{}),
		newMachine: func(c callflow.Config) machine { return callflow.New(c) },
	}, nil
}

// Handle owns one inbound call until it is over; it is what sipedge.Config
// wants. When ctx ends the server stops: calls that are up or ring are left alone,
// for the next process to go on with (D-05, D-17, F-02).
func (h *Handler) Handle(ctx context.Context, leg *sipedge.Leg) { h.Serve(ctx, leg) }

// Active is a call in progress.
type Active struct {
	Call     e911.CallID
	Org      e911.OrgID
	Class    e911.CallClass
	Since    time.Time
	Answered bool
}

// Active lists the calls in progress in no order.
func (h *Handler) Active() []Active {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Active, 0, len(h.active))
	for _, e := range h.active {
		list = append(list, e.Active)
	}
	return list
}

// Drain waits until no call is in progress, or ctx ends and its error is
// returned. Calls that come meanwhile are taken and waited for too: emergency
// calls are never refused. What is left is ended by the context of Handle.
func (h *Handler) Drain(ctx context.Context) error {
	for {
		h.mu.Lock()
		n, gone := len(h.active), h.gone
		h.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d calls in progress: %w", n, ctx.Err())
		}
	}
}

// DrainWaiting waits until no caller of an emergency call waits for an answer any
// more, or ctx ends and its error is returned. Calls that come meanwhile are taken
// and waited for too.
func (h *Handler) DrainWaiting(ctx context.Context) error {
	for {
		h.mu.Lock()
		n, gone := 0, h.gone
		for _, e := range h.active {
			if !e.Answered && e.Class == e911.ClassEmergency {
				n++
			}
		}
		h.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-gone:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d callers who wait for an answer: %w", n, ctx.Err())
		}
	}
}

// enter lists a call and reports false when it came back to us in a loop.
func (h *Handler) enter(c *call) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looped(c) {
		return false
	}
	h.uids[c.uid] = append(h.uids[c.uid], c)
	h.active[c.id] = &entry{Active{Call: c.id, Org: c.org.ID(), Class: c.class, Since: c.at}}
	return true
}

func (h *Handler) leave(c *call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.freeID(c)
	delete(h.active, c.id)
	h.unwatch(c)
	h.stir()
}

// forget drops a call by its id, wherever a fault left it.
func (h *Handler) forget(id e911.CallID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for uid, list := range h.uids {
		if h.uids[uid] = slices.DeleteFunc(list, func(c *call) bool { return c.id == id }); len(h.uids[uid]) == 0 {
			delete(h.uids, uid)
		}
	}
	delete(h.active, id)
	h.stir()
}

// stir wakes up who waits for calls. The caller holds h.mu.
func (h *Handler) stir() {
	close(h.gone)
	h.gone = make(chan struct{})
}

// ended lets a call come with the same emergency call id: whoever sent this one
// tries another way, while legs of it may still drain (E1).
func (h *Handler) ended(c *call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.freeID(c)
}

func (h *Handler) answered(c *call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.active[c.id]; e != nil {
		e.Answered = true
	}
	h.stir()
}
