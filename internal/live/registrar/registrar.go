// Package registrar knows the organisations' telephones: it answers REGISTER
// (RFC 3261, section 10; RFC 5626; RFC 5627), keeps in memory by which way each
// is reached, and tells which telephone a request comes from (F-13). It also
// remembers for 30 days where a telephone was, so that a call for help from
// there is heard whatever became of its registration (F-10).
//
// REGISTERs take a lock; what calls ask (Known, Phone, Bindings) takes none.
package registrar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	// minExpires and maxExpires bound a registration's life. Shorter ones would
	// be a load, longer ones would outlive what a NAT remembers.
	minExpires = time.Minute
	maxExpires = time.Hour
	// remember is how long a place that a telephone registered from is known
	// (F-10).
	remember = 30 * 24 * time.Hour
	sweepAll = 10 * time.Second
)

// Limits bound what strangers and telephones can make the registrar keep.
type Limits struct {
	Contacts int // of one user; the one that is due to expire first goes; 10
	Bindings int // of all; beyond it new ones are answered 503; 100,000
	Seen     int // telephones at addresses that are remembered; 200,000
	Guesses  int // wrong passwords in five minutes, from an address or for a user; 60
	Guessers int // addresses and users whose wrong passwords are counted; 50,000
}

// Config is what a Registrar needs. Snapshot and Journal are required.
type Config struct {
	Snapshot *snapshot.Holder
	Journal  journal.Recorder
	// UDPFlow makes the way to an address from one of ours, when a registration
	// is taken up again after a restart; none: registrations begin anew then.
	UDPFlow func(local, remote netip.AddrPort) (sipedge.Flow, bool)
	// Alarm is told of somebody who guesses passwords; none: nobody is.
	Alarm  func(e911.OrgID, journal.Alarm)
	Limits Limits
	Now    func() time.Time // none: time.Now
	Log    *slog.Logger     // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if c.Snapshot == nil {
		errs = append(errs, errors.New("snapshot is required"))
	}
	if c.Journal == nil {
		errs = append(errs, errors.New("journal is required"))
	}
	for _, l := range []struct {
		n     *int
		usual int
	}{
		{&c.Limits.Contacts, 10},
		{&c.Limits.Bindings, 100_000},
		{&c.Limits.Seen, 200_000},
		{&c.Limits.Guesses, 60},
		{&c.Limits.Guessers, 50_000},
	} {
		if *l.n < 0 {
			errs = append(errs, errors.New("a limit is negative"))
		} else if *l.n == 0 {
			*l.n = l.usual
		}
	}
	if c.Alarm == nil {
		c.Alarm = func(e911.OrgID, journal.Alarm) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Binding is one contact of a telephone. It is never changed.
type Binding struct {
	Org      e911.OrgID
	Device   e911.DeviceID
	User     string // user part of its address, its domain the organisation's
	Contact  string // URI
	Params   string // of the Contact, without expires: ";+sip.instance=..."
	Instance string // RFC 5626; may be empty
	RegID    string
	GRUU     bool // it wants to be told its public GRUU
	CallID   string
	CSeq     uint32
	Source   netip.AddrPort // observed: behind a NAT not what Contact says
	Local    netip.AddrPort
	Flow     sipedge.Flow // zero: none, the telephone has to come again
	Agent    string       // what it calls itself
	MAC      e911.MAC     // that it says it has; may be empty
	At       time.Time
	Expires  time.Time
}

func (b *Binding) live(now time.Time) bool { return now.Before(b.Expires) }

// Registrar is safe for concurrent use. Run sweeps it.
type Registrar struct {
	cfg Config

	// Read without lock, written under mu; what they hold is never changed.
	users   sync.Map // account -> []*Binding
	flows   sync.Map // sipedge.Flow -> []*Binding
	sources sync.Map // netip.Addr -> source
	seen    sync.Map // sighting -> time.Time

	verifiers sync.Map // domain -> *digest.Verifier

	elsewhere elsewhere

	mu        sync.Mutex
	bindings  int
	sightings int
	devices   map[account]instance
	guesses   *digest.Guesses
	askers    map[asker]unanswered
}

// account is whose registrations are kept together.
type account struct {
	org  e911.OrgID
	user string
}

// instance is what a telephone last proved to be.
type instance struct {
	id string
	at time.Time
}

// New checks cfg, reporting all its faults.
func New(cfg Config) (*Registrar, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the registrar: %w", err)
	}
	return &Registrar{cfg: cfg, devices: map[account]instance{}, guesses: digest.NewGuesses(cfg.Limits.Guesses, cfg.Limits.Guessers), askers: map[asker]unanswered{}}, nil
}

// Registers reports whether telephones of somebody register with that name; it
// is what sipedge.Config wants.
func (r *Registrar) Registers(domain string) bool {
	return r.cfg.Snapshot.Load().OrgBySIPDomain(strings.ToLower(domain)) != nil
}

// verifier returns the one of a domain. There are as many as organisations.
func (r *Registrar) verifier(domain string) *digest.Verifier {
	if v, ok := r.verifiers.Load(domain); ok {
		return v.(*digest.Verifier)
	}
	v, _ := r.verifiers.LoadOrStore(domain, digest.NewVerifier(domain))
	return v.(*digest.Verifier)
}

// Run forgets what is over until ctx ends.
func (r *Registrar) Run(ctx context.Context) error {
	t := time.NewTicker(sweepAll)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			r.sweep(r.cfg.Now())
			r.elsewhere.sweep(r.cfg.Now())
		}
	}
}
