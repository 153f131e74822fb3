// Package resolve turns the SIP URIs of trunks into addresses (RFC 3263), ahead
// of calls: a call takes what is in memory and never asks a name server (E3).
//
// What it promises: an answer that was had once stays until a better one comes,
// however long the name servers are dead, also over a restart. A name that is
// said not to exist any more is kept likewise, with an alarm: a mistake in a zone
// must not take a PSAP off the map. So it is with each server of a service: it
// keeps its address while nobody says what it is.
package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// Target is one address that a URI leads to.
type Target struct {
	Addr      netip.AddrPort `json:"addr"`
	Transport string         `json:"transport"` // "udp", "tcp", "tls"
	// ServerName is what the certificate must name, for "tls": the host of the URI,
	// not what the name servers made of it (RFC 5922, section 4).
	ServerName string `json:"server_name,omitempty"`
	Priority   int    `json:"priority"` // lowest first
	Weight     int    `json:"weight"`   // share among equals
	// Host is the name whose address it is; empty: an address was given.
	Host string `json:"host,omitempty"`
}

// Answer is what is known of a URI.
type Answer struct {
	Targets []Target  `json:"targets"`
	At      time.Time `json:"at"`      // when the name servers said so
	Expires time.Time `json:"expires"` // when they are asked again; zero: an address, nobody is asked
	// Fault says why the newest question had no answer; empty when it had one.
	Fault string `json:"fault,omitempty"`
}

// DNS asks name servers. Errors that wrap ErrNoName say that the name has no
// such record, all others that nobody answered.
type DNS interface {
	NAPTR(ctx context.Context, name string) ([]NAPTR, time.Duration, error)
	SRV(ctx context.Context, name string) ([]SRV, time.Duration, error)
	// Addresses may give both addresses and an error: those of one family are known.
	Addresses(ctx context.Context, name string) ([]netip.Addr, time.Duration, error)
}

// NAPTR is a record for SIP (RFC 3263, section 4.1).
type NAPTR struct {
	Order, Preference uint16
	Service           string // "SIP+D2U", "SIP+D2T", "SIPS+D2T"
	Replacement       string // name of SRV records
}

// SRV is a server of a service (RFC 2782).
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string
}

// ErrNoName says that a name or record does not exist.
var ErrNoName = errors.New("name servers know no such name")

// Config is what a Resolver needs; DNS and Now are required.
type Config struct {
	DNS   DNS
	File  string              // keeps what is known; none: memory alone
	Alarm func(journal.Alarm) // none: nobody
	Now   func() time.Time
	Log   *slog.Logger // none: discarded
	// Least and Most bound how long an answer is used before the name servers are
	// asked again; zero: 30 s and 1 h.
	Least, Most time.Duration
}

// Resolver keeps the answers. Safe for concurrent use.
type Resolver struct {
	cfg Config

	mu    sync.Mutex
	known map[string]Answer
	wake  chan struct{}
}

// maxKnown bounds what is kept: trunks have some hundred targets.
const maxKnown = 10_000

// New makes a Resolver with what its file holds. A file that cannot be read is
// left out with a warning: names are asked for again.
func New(cfg Config) (*Resolver, error) {
	var errs []error
	if cfg.DNS == nil {
		errs = append(errs, errors.New("name servers are required"))
	}
	if cfg.Now == nil {
		errs = append(errs, errors.New("clock is required"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(journal.Alarm) {}
	}
	if cfg.Least <= 0 {
		cfg.Least = 30 * time.Second
	}
	if cfg.Most < cfg.Least {
		cfg.Most = max(time.Hour, cfg.Least)
	}
	r := &Resolver{cfg: cfg, known: map[string]Answer{}, wake: make(chan struct{}, 1)}
	r.load()
	return r, nil
}

func (r *Resolver) load() {
	if r.cfg.File == "" {
		return
	}
	b, err := os.ReadFile(r.cfg.File)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var known map[string]Answer
	if err == nil {
		err = json.Unmarshal(b, &known)
	}
	if err != nil {
		r.cfg.Log.Warn("what name servers said before the start could not be read; they are asked again", "error", err)
		return
	}
	for uri, a := range known {
		if _, err := parse(uri); err == nil && len(a.Targets) > 0 && len(r.known) < maxKnown {
			r.known[uri] = a
		}
	}
}

// Targets returns what is known of a URI now, without waiting; ok is false when
// nothing is. An address needs no name server. The first question for a name
// asks for it in the background, where Run runs.
func (r *Resolver) Targets(uri string) (Answer, bool) {
	p, err := parse(uri)
	if err != nil {
		return Answer{Fault: err.Error()}, false
	}
	if p.addr.IsValid() {
		return Answer{Targets: []Target{p.target(p.addr, p.port, 0, 1)}}, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.known[uri]
	if !ok && len(r.known) < maxKnown {
		r.known[uri] = Answer{}
		r.kick()
	}
	return a, len(a.Targets) > 0
}

func (r *Resolver) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Keep forgets every URI but these and asks for those that are new.
func (r *Resolver) Keep(uris []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uri := range r.known {
		if !slices.Contains(uris, uri) {
			delete(r.known, uri)
		}
	}
	for _, uri := range uris {
		if p, err := parse(uri); err != nil || p.addr.IsValid() || len(r.known) >= maxKnown {
			continue
		}
		if _, ok := r.known[uri]; !ok {
			r.known[uri] = Answer{}
			r.kick()
		}
	}
}

// Run asks for what is due until ctx ends.
func (r *Resolver) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		timer.Reset(r.Refresh(ctx))
	}
}

// askWithin bounds one name's questions.
const askWithin = 5 * time.Second

// Refresh asks for every name that is due and returns how long nothing is.
func (r *Resolver) Refresh(ctx context.Context) time.Duration {
	now := r.cfg.Now()
	r.mu.Lock()
	var due []string
	for uri, a := range r.known {
		if !now.Before(a.Expires) {
			due = append(due, uri)
		}
	}
	r.mu.Unlock()
	slices.Sort(due)
	changed := false
	for _, uri := range due {
		if ctx.Err() != nil {
			return r.cfg.Least
		}
		one, cancel := context.WithTimeout(ctx, askWithin)
		changed = r.ask(one, uri) || changed
		cancel()
	}
	if changed {
		r.save()
	}
	next := r.cfg.Most
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.known {
		next = min(next, max(a.Expires.Sub(r.cfg.Now()), time.Second))
	}
	return next
}

// ask asks for one URI and keeps the answer, or keeps the old one with the
// reason; it reports whether the targets are others than before.
func (r *Resolver) ask(ctx context.Context, uri string) bool {
	p, err := parse(uri)
	if err != nil {
		return false
	}
	r.mu.Lock()
	p.before = r.known[uri].Targets
	r.mu.Unlock()
	targets, ttl, err := p.find(ctx, r.cfg.DNS)
	now := r.cfg.Now()
	r.mu.Lock()
	old, wanted := r.known[uri]
	if !wanted {
		r.mu.Unlock()
		return false
	}
	if err != nil {
		first := old.Fault == ""
		old.Fault, old.Expires = err.Error(), now.Add(r.cfg.Least)
		r.known[uri] = old
		r.mu.Unlock()
		if first {
			r.tell(uri, old)
		}
		return false
	}
	ttl = min(max(ttl, r.cfg.Least), r.cfg.Most)
	r.known[uri] = Answer{Targets: targets, At: now, Expires: now.Add(ttl)}
	r.mu.Unlock()
	return !slices.Equal(old.Targets, targets)
}

// tell raises the alarm of a name that has no answer.
func (r *Resolver) tell(uri string, a Answer) {
	detail := fmt.Sprintf("the name in %s has no address: %s; calls cannot take this way", uri, a.Fault)
	if len(a.Targets) > 0 {
		detail = fmt.Sprintf("the name in %s is not answered for any more: %s; calls go on with what it was on %s",
			uri, a.Fault, a.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	r.cfg.Alarm(journal.Alarm{Code: "name_server", Detail: detail})
}

func (r *Resolver) save() {
	if r.cfg.File == "" {
		return
	}
	r.mu.Lock()
	kept := make(map[string]Answer, len(r.known))
	for uri, a := range r.known {
		if len(a.Targets) > 0 {
			kept[uri] = a
		}
	}
	r.mu.Unlock()
	if err := write(r.cfg.File, kept); err != nil {
		r.cfg.Log.Warn("what name servers said could not be kept for the next start", "error", err)
	}
}

func write(file string, kept map[string]Answer) error {
	b, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write names: %w", err), os.Remove(f.Name()))
	}
	return nil
}
