package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

// What Say refuses with.
var (
	// ErrMissing: this binary was built without the speech module.
	ErrMissing = errors.New("speech module is missing")
	// ErrBusy: more sentences wait than the queue holds.
	ErrBusy = errors.New("speech is busy")
	// ErrStopped: the speaker has stopped, or cannot go on.
	ErrStopped = errors.New("speech has stopped")
	// ErrSentence: empty, too long, or not plain ASCII text.
	ErrSentence = errors.New("sentence cannot be spoken")
)

// Config is what a Speaker needs; the zero value of every field works.
type Config struct {
	Voice string // slt (default), rms, awb, kal16

	// Fixed are sentences made at start and kept for ever. They are what is left
	// to say when the queue is full or the worker fails, see Kept.
	Fixed []string

	// Worker is the command line of the worker process, its program first: the
	// running binary ("/proc/self/exe" on Linux, which also holds after the file
	// was replaced) and the hidden command that calls Serve with Voice. Empty:
	// speech is made in this process, at six times the CPU.
	Worker []string

	Queue      int           // sentences that may wait; 16
	CacheBytes int           // 8 MiB, some 8 minutes of sound
	Timeout    time.Duration // from Say to sound; 8 s

	Log *slog.Logger // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if c.Voice == "" {
		c.Voice = voices[0]
	}
	if !slices.Contains(voices, c.Voice) {
		errs = append(errs, fmt.Errorf("voice %q is none of %v", c.Voice, voices))
	}
	for _, s := range c.Fixed {
		if err := check(s); err != nil {
			errs = append(errs, fmt.Errorf("fixed sentence %q: %w", s, err))
		}
	}
	if c.Queue < 0 || c.CacheBytes < 0 || c.Timeout < 0 {
		errs = append(errs, errors.New("queue, cache and timeout are not negative"))
	}
	if c.Queue == 0 {
		c.Queue = 16
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 8 << 20
	}
	if c.Timeout == 0 {
		c.Timeout = 8 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// renderer makes 16 kHz samples of a sentence; it is asked by one goroutine.
type renderer interface {
	render(ctx context.Context, sentence string) ([]int16, error)
	close(ctx context.Context) error
}

// Speaker speaks. Safe for concurrent use.
type Speaker struct {
	cfg      Config
	wasm     []byte // nil when missing
	missing  error
	halver   halver
	requests chan request
	stopped  chan struct{} // closed when Run has ended
	prepared chan struct{} // closed when the Fixed sentences were made or given up

	mu    sync.Mutex
	kept  map[string]Audio
	cache *cache
}

type request struct {
	ctx      context.Context
	sentence string
	done     chan<- answer // holds one: the worker never waits
}

type answer struct {
	audio Audio
	err   error
}

// New checks the configuration. A binary without the speech module is no fault
// of it: New logs what is missing and how to mend it, Missing says it too, and
// Say refuses with it.
func New(cfg Config) (*Speaker, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure speech: %w", err)
	}
	s := &Speaker{
		cfg: cfg, halver: newHalver(), requests: make(chan request, cfg.Queue),
		stopped: make(chan struct{}), prepared: make(chan struct{}),
		kept: map[string]Audio{}, cache: newCache(cfg.CacheBytes),
	}
	if s.wasm, s.missing = embedded(); s.missing != nil {
		cfg.Log.Warn("933 will answer with tones only", obs.Err(s.missing))
	}
	return s, nil
}

// Missing is ErrMissing, with what to do about it, when this binary was built
// without the speech module; else nil.
func (s *Speaker) Missing() error { return s.missing }

// Prepared is closed when every Fixed sentence was made, or given up for now.
func (s *Speaker) Prepared() <-chan struct{} { return s.prepared }

// Kept returns a sentence of Config.Fixed, once it was made. It never waits.
func (s *Speaker) Kept(sentence string) (Audio, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.kept[sentence]
	return a, ok
}

// Say returns the sentence as sound, from memory when it was said before. It
// waits for the worker until ctx ends or Config.Timeout has passed, and not at
// all when too many wait already.
func (s *Speaker) Say(ctx context.Context, sentence string) (Audio, error) {
	if err := check(sentence); err != nil {
		return nil, err
	}
	if a, ok := s.known(sentence); ok {
		return a, nil
	}
	if s.missing != nil {
		return nil, s.missing
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	done := make(chan answer, 1)
	select {
	case <-s.stopped:
		return nil, ErrStopped
	case s.requests <- request{ctx: ctx, sentence: sentence, done: done}:
	default:
		return nil, ErrBusy
	}
	select {
	case a := <-done:
		return a.audio, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for speech: %w", context.Cause(ctx))
	case <-s.stopped:
		return nil, ErrStopped
	}
}

func (s *Speaker) known(sentence string) (Audio, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.kept[sentence]; ok {
		return a, true
	}
	return s.cache.get(sentence)
}

// check accepts what the module reads as it is written. Other bytes it would
// drop, or end the argument at.
func check(sentence string) error {
	if len(sentence) > maxSentence || strings.Trim(sentence, " ,.") == "" {
		return ErrSentence
	}
	for i := range len(sentence) {
		if c := sentence[i]; c < ' ' || c > '~' {
			return ErrSentence
		}
	}
	return nil
}

// Run is the worker: it makes the Fixed sentences and what Say asks for, one at
// a time, callers first, until ctx ends. It returns nil then; it does not fail,
// because a call can do without speech.
func (s *Speaker) Run(ctx context.Context) error {
	defer close(s.stopped)
	if s.missing != nil {
		close(s.prepared)
		<-ctx.Done()
		return nil
	}
	w := &worker{Speaker: s}
	defer w.shut()
	if len(s.cfg.Fixed) == 0 {
		close(s.prepared)
	}
	for fixed, tries := slices.Clone(s.cfg.Fixed), fixedTries*len(s.cfg.Fixed); ; {
		select {
		case r := <-s.requests:
			w.serve(ctx, r)
			continue
		default:
		}
		if len(fixed) > 0 && ctx.Err() == nil {
			next := fixed[0]
			fixed = fixed[1:]
			if tries--; !w.keep(ctx, next) && tries > 0 {
				fixed = append(fixed, next)
			}
			if len(fixed) == 0 {
				close(s.prepared)
			}
			continue
		}
		select {
		case r := <-s.requests:
			w.serve(ctx, r)
		case <-ctx.Done():
			return nil
		}
	}
}

// fixedTries is how often, on average, a fixed sentence is tried at start. One
// that could not be made then is kept when Say makes it.
const fixedTries = 3
