package trial

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
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Leg is a call that we made; *sipedge.Leg is one.
type Leg interface {
	Events() <-chan sipedge.Event
	Cancel(reason string)
	Bye(reason string)
	AnswerReInvite(code int, reason string, m sipedge.Message) error
}

// Trunks knows where calls of trunks go; *trunk.Keeper does.
type Trunks interface {
	Targets(t e911.Trunk) []ladder.Target
	Authorize(id e911.TrunkID) func(sipedge.Challenge) sipedge.Headers
	// Take counts a call that is no emergency, or reports that there is no room
	// but what is reserved.
	Take(id e911.TrunkID) (done func(), ok bool)
}

// Asker sends OPTIONS; *sipedge.Edge does.
type Asker interface {
	Request(ctx context.Context, o sipedge.Outgoing) (sipedge.Response, error)
}

// Media opens the sound of a test; *media.Ports does.
type Media interface {
	Offer(from netip.Addr) (*media.Session, error)
}

// Config is what a Service needs. Zero values of the limits are the defaults
// beside them.
type Config struct {
	Snapshot *snapshot.Holder
	Trunks   Trunks
	Ask      Asker
	Dial     func(ctx context.Context, in sipedge.Invite) Leg
	Media    Media
	Journal  journal.Recorder
	Alarm    func(org e911.OrgID, a journal.Alarm)
	Domain   string
	Provider convey.Provider

	AtOnce     int           // tests at one time; 2
	PerTrunk   int           // tests of one trunk in Window; 6
	Window     time.Duration // 10 min
	NoProgress time.Duration // nothing heard: the next target; that of calls
	Ring       time.Duration // a test does not let it ring longer; 30 s
	Settle     time.Duration // the trace waits for the last answer; 2 s

	Now func() time.Time
	Log *slog.Logger // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	for what, missing := range map[string]bool{
		"snapshot": c.Snapshot == nil, "trunks": c.Trunks == nil, "asker": c.Ask == nil, "dial": c.Dial == nil, "media": c.Media == nil,
		"journal": c.Journal == nil, "alarm": c.Alarm == nil, "domain": c.Domain == "", "clock": c.Now == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", what))
		}
	}
	if c.AtOnce < 0 || c.PerTrunk < 0 || c.Window < 0 || c.NoProgress < 0 || c.Ring < 0 || c.Settle < 0 {
		errs = append(errs, errors.New("limits are not negative"))
	}
	if c.AtOnce == 0 {
		c.AtOnce = 2
	}
	if c.PerTrunk == 0 {
		c.PerTrunk = 6
	}
	for d, otherwise := range map[*time.Duration]time.Duration{
		&c.Window: 10 * time.Minute, &c.NoProgress: callflow.DefaultPolicy().NoProgress, &c.Ring: 30 * time.Second, &c.Settle: 2 * time.Second,
	} {
		if *d == 0 {
			*d = otherwise
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Service places tests and remembers them. Safe for concurrent use.
type Service struct {
	cfg  Config
	book *book

	mu       sync.Mutex
	now      int
	recent   map[e911.TrunkID][]time.Time
	busy     map[e911.TrunkID]bool
	restored chan struct{}
	once     sync.Once
}

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure tests of trunks: %w", err)
	}
	return &Service{
		cfg: cfg, book: newBook(), recent: map[e911.TrunkID][]time.Time{}, busy: map[e911.TrunkID]bool{}, restored: make(chan struct{}),
	}, nil
}

// Caller is whose call a test pretends to be. The zero Caller has no number and
// no place.
type Caller struct {
	Org      e911.OrgID
	Name     string
	OrgName  string
	Line     e911.Number
	Callback e911.Number
	ELIN     e911.Number // the confirmed one of the place
	Where    locate.Result
}

// Order is a test to place.
type Order struct {
	Trunk e911.TrunkID
	// Number is dialled at each target of the trunk, or URI whatever the target.
	// None of both: 933.
	Number, URI string
	Options     bool               // no call, OPTIONS alone
	Seconds     int                // how long to talk; none: 5, at most 60
	Profile     e911.HeaderProfile // instead of the trunk's own
	Caller      Caller
	By          string // who started it
}

// What Order bounds.
const (
	talkDefault = 5
	talkMost    = 60
)

// Place carries a test out and waits for its end. The report tells also of what
// did not work; the error is an *e911.Error for what is refused before anything
// is sent.
func (s *Service) Place(ctx context.Context, o Order) (calltrace.Report, error) {
	w := s.cfg.Snapshot.Load()
	t, ok := w.Trunk(o.Trunk)
	if !ok {
		return calltrace.Report{}, e911.Errorf(e911.NotFound, "there is no such trunk")
	}
	if o.Profile != "" {
		t.Profile = o.Profile
	}
	kind, err := allowed(w, t, &o)
	if err != nil {
		return calltrace.Report{}, err
	}
	if o.Seconds < 0 || o.Seconds > talkMost {
		return calltrace.Report{}, e911.Errorf(e911.Invalid, "a test talks for up to %d seconds", talkMost)
	}
	if o.Seconds == 0 {
		o.Seconds = talkDefault
	}
	leave, err := s.enter(t.ID)
	if err != nil {
		return calltrace.Report{}, err
	}
	defer leave()
	r := &run{s: s, trunk: t, order: o, report: calltrace.Report{
		Trunk: t.Key, Side: string(t.Side), Profile: string(t.Profile), Kind: kind, By: o.By, At: s.cfg.Now(), Steps: []calltrace.Step{},
	}, seen: map[string]bool{}, moved: make(chan struct{}, 1)}
	if org := w.Org(t.Org); org != nil {
		r.report.Org = org.Config().Key
	}
	if kind == calltrace.Options {
		r.options(ctx)
		return r.told(), nil
	}
	done, ok := s.cfg.Trunks.Take(t.ID)
	if !ok {
		return calltrace.Report{}, e911.Errorf(e911.Unavailable, "the trunk %s is full but for the room that is reserved for emergency calls; try later", t.Key)
	}
	defer done()
	r.call(ctx)
	s.keep(t, &r.report)
	return r.told(), nil
}

// enter admits a test of a trunk, one at a time and some in a while.
func (s *Service) enter(id e911.TrunkID) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	times := s.recent[id]
	for len(times) > 0 && now.Sub(times[0]) >= s.cfg.Window {
		times = times[1:]
	}
	switch {
	case s.busy[id]:
		return nil, e911.Errorf(e911.Conflict, "a test of this trunk is under way")
	case s.now >= s.cfg.AtOnce:
		return nil, e911.Errorf(e911.Unavailable, "%d tests are under way; try again in a minute", s.now)
	case len(times) >= s.cfg.PerTrunk:
		return nil, e911.Errorf(e911.Unavailable, "this trunk was tested %d times in %s; try again in %s", len(times), s.cfg.Window, (s.cfg.Window - now.Sub(times[0])).Round(time.Second))
	}
	s.recent[id] = append(times, now)
	s.busy[id] = true
	s.now++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, id)
		s.now--
	}, nil
}

// keep records a test.
func (s *Service) keep(t e911.Trunk, r *calltrace.Report) {
	f := journal.PlacedTest{
		Kind: string(r.Kind), Trunk: journal.Ref{ID: string(t.ID), Key: t.Key}, Dialled: r.Dialled, By: r.By,
		DurationMS: r.Talk.Milliseconds(), Heard: r.Heard, Verdict: r.Verdict.Text,
	}
	if n := len(r.Tries); n > 0 {
		last := r.Tries[n-1]
		f.Target, f.Code, f.Slim, f.Answered = last.Target, last.Code, last.Slim, last.Code >= 200 && last.Code < 300
	}
	s.record(journal.New(journal.TestPlaced, r.At, t.Org, "", f))
}

// record keeps a fact in the journal and in memory.
func (s *Service) record(f journal.Fact) {
	s.cfg.Journal.Record(f)
	if err := s.Restore(f); err != nil {
		s.cfg.Log.Error("remember a test", slog.String("error", err.Error()))
	}
}
