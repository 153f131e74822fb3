package testcall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/voice"
)

// Leg is the caller's leg, a *sipedge.Leg. It has one method more than the house
// rule wants: peers send a re-INVITE as soon as a call is up, to move its media
// or to prove that it lives, and a leg that ignores it is torn down.
type Leg interface {
	Request() *sipedge.Request
	Events() <-chan sipedge.Event
	Answer(attempt int, m sipedge.Message) error
	Reject(code int, reason string, h sipedge.Headers) error
	Bye(reason string)
	AnswerReInvite(code int, reason string, m sipedge.Message) error
}

// Voice speaks, a *voice.Speaker.
type Voice interface {
	Say(ctx context.Context, sentence string) (voice.Audio, error)
	Kept(sentence string) (voice.Audio, bool)
}

// Config is what a Service needs. Voice and Media are required; zero values of
// the rest are the defaults beside them.
type Config struct {
	Voice     Voice
	Media     *media.Ports
	MaxCalls  int           // tests at one time; 10
	PerCaller int           // tests of one caller in Window; 6
	Window    time.Duration // 10 min
	Wait      time.Duration // for a digit after the reading, then we hang up; 20 s
	Longest   time.Duration // of one test, whatever happens; 4 min
	Now       func() time.Time
	Log       *slog.Logger // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if c.Voice == nil {
		errs = append(errs, errors.New("voice is required"))
	}
	if c.Media == nil {
		errs = append(errs, errors.New("media is required"))
	}
	if c.MaxCalls < 0 || c.PerCaller < 0 || c.Window < 0 || c.Wait < 0 || c.Longest < 0 {
		errs = append(errs, errors.New("limits are not negative"))
	}
	if c.MaxCalls == 0 {
		c.MaxCalls = 10
	}
	if c.PerCaller == 0 {
		c.PerCaller = 6
	}
	if c.Window == 0 {
		c.Window = 10 * time.Minute
	}
	if c.Wait == 0 {
		c.Wait = 20 * time.Second
	}
	if c.Longest == 0 {
		c.Longest = 4 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Service answers test calls. Safe for concurrent use.
type Service struct {
	cfg   Config
	admit *admission
	urns  *admission // of calls to test URNs
}

// New checks the configuration.
func New(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure test calls: %w", err)
	}
	bound := func() *admission {
		return &admission{most: cfg.MaxCalls, perCaller: cfg.PerCaller, window: cfg.Window, callers: map[string][]time.Time{}}
	}
	return &Service{cfg: cfg, admit: bound(), urns: bound()}, nil
}

// How a test call ends other than by us after the reading.
var (
	// ErrHungUp: the caller hung up, or was lost, after the answer.
	ErrHungUp = errors.New("the caller hung up")
	// ErrCancelled: the caller gave up before the answer.
	ErrCancelled = errors.New("the caller gave up before the answer")
)

// Refused says that the call was answered with this final response.
type Refused struct {
	Code   int
	Reason string // for a person
}

func (r *Refused) Error() string {
	return fmt.Sprintf("test call refused with %d: %s", r.Code, r.Reason)
}

// Answer takes the call: it answers the leg or rejects it, reads, and returns
// when the leg is over or its BYE was sent. What was said is returned also with
// an error, which is Refused, ErrCancelled, ErrHungUp, or why ctx ended; nil
// when we hung up because all was said.
func (s *Service) Answer(ctx context.Context, leg Leg, r Readback) (journal.Spoken, error) {
	req := leg.Request()
	caller := r.Caller
	if caller == "" {
		caller = req.Source.Addr().String()
	}
	if retry, why := s.admit.enter(caller, s.cfg.Now()); why != "" {
		after := strconv.Itoa(int(math.Ceil(retry.Seconds())))
		return journal.Spoken{}, refuse(leg, 486, "Busy Here", why, sipedge.Headers{{Name: "Retry-After", Value: after}})
	}
	defer s.admit.leave()
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Longest, errTooLong)
	defer cancel()

	session, offered, err := s.open(req)
	switch {
	case errors.Is(err, media.ErrNotAcceptable):
		// Warning 304: media type not available (RFC 3261, section 20.43).
		return journal.Spoken{}, refuse(leg, 488, "Not Acceptable Here", err.Error(),
			sipedge.Headers{{Name: "Warning", Value: fmt.Sprintf("304 callbox %q", err.Error())}})
	case err != nil:
		return journal.Spoken{}, refuse(leg, 503, "Service Unavailable", err.Error(), nil)
	}
	defer session.Close()
	if err := leg.Answer(1, sipedge.Message{Body: session.SDP(), ContentType: "application/sdp"}); err != nil {
		if errors.Is(err, sipedge.ErrOver) {
			return journal.Spoken{}, ErrCancelled
		}
		return journal.Spoken{}, fmt.Errorf("answer test call: %w", err)
	}
	c := newCall(s.cfg, leg, session, r)
	err = c.run(ctx, offered)
	return c.spoken(), err
}

var errTooLong = errors.New("the test took too long")

// open makes the media session: the answer to the caller's offer, or an offer
// where he made none; offered tells which.
func (s *Service) open(req *sipedge.Request) (session *media.Session, offered bool, err error) {
	offer, err := sdpOf(req.ContentType, req.Body)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", media.ErrNotAcceptable, err)
	}
	if offer == nil {
		session, err = s.cfg.Media.Offer(req.Source.Addr())
		return session, true, err
	}
	session, err = s.cfg.Media.Answer(offer, req.Source.Addr())
	return session, false, err
}

func refuse(leg Leg, code int, phrase, why string, h sipedge.Headers) error {
	r := &Refused{Code: code, Reason: why}
	if err := leg.Reject(code, phrase, h); err != nil {
		if errors.Is(err, sipedge.ErrOver) {
			return ErrCancelled
		}
		return errors.Join(r, err)
	}
	return r
}
