// Package heldplus answers HELD+: JSON over HTTP below /heldplus/v1, for clients
// that run on a user's computer or telephone. A client signs its user in, tells
// what it sees of its network, and is told where it is, or that its user must be
// asked; what he answers is kept for that network, so that he is not asked there
// again (W-08).
//
// It answers from memory: the snapshot, the location server's table, and a table
// of its own that the journal brings back after a restart. What a user says
// never waits for publish (F-31). Every input is a stranger's until its session
// token opens, and one broken part of a report costs that part alone: a client
// that cannot be read is a caller who cannot be found.
//
// Who is believed: the organisation's secret lies on each of its machines, so it
// proves the organisation and not the person. A user's own locations are
// therefore shown only to the client that set them, by its client id, which is
// its secret.
package heldplus

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Prefix is the path that everything of this version is below.
const Prefix = "/heldplus/v1"

// LIS is what the location server does for HELD+; *lis.Server is one.
type LIS interface {
	Sightings
	Observe(lis.Observation) (lis.Observed, error)
	Mint(org e911.OrgID, device string, found locate.Evidence, generation uint64) (uri string, expires time.Time, err error)
	Sessions
}

// Sightings is what the location server knows.
type Sightings interface {
	AskedHELD(e911.OrgID, e911.DeviceID) bool
	UserByMail(o *snapshot.Org, mail string) (e911.User, bool)
	// Source is the address of who asks.
	Source(*http.Request) netip.Addr
}

// Sessions is who uses a device, and what was given out for it.
type Sessions interface {
	SignIn(e911.OrgID, string, e911.UserID)
	SignOut(e911.OrgID, string)
	Revoke(org e911.OrgID, device, by, why string)
	Revoked(org e911.OrgID, device string, issued time.Time) bool
}

// Policy is how clients behave. The zero value of a field is its default.
type Policy struct {
	SessionTTL time.Duration // 30 days; a client signs in again before
	Report     time.Duration // a client reports at least so often: 15 minutes
	// TTL is how long an answer holds for a client that cannot reach us: 4 hours.
	TTL time.Duration
	// HereAge is how long a client that fell silent is still taken to be where it
	// was last: 24 hours.
	HereAge time.Duration
	// ConfirmedAge and UserSetAge are those of ranks 5 and 6 (F-18).
	ConfirmedAge, UserSetAge time.Duration
	// Emergency are the strings that a client treats as emergency calls.
	Emergency []string
}

func (p *Policy) fill() {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&p.SessionTTL, 30*24*time.Hour)
	set(&p.Report, 15*time.Minute)
	set(&p.TTL, 4*time.Hour)
	set(&p.HereAge, 24*time.Hour)
	set(&p.ConfirmedAge, locate.MaxAge(e911.ByConfirmed))
	set(&p.UserSetAge, locate.MaxAge(e911.ByUserSet))
	if len(p.Emergency) == 0 {
		p.Emergency = []string{"911", "933"}
	}
}

// Config is what a Server needs. Snapshot, Journal and LIS are required.
type Config struct {
	Snapshot *snapshot.Holder
	Journal  journal.Recorder
	LIS      LIS
	Postal   civic.Postal // table of postal codes; none: the rules go without
	Policy   Policy
	Limits   Limits
	Now      func() time.Time // none: time.Now
	Log      *slog.Logger     // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if c.Snapshot == nil {
		errs = append(errs, errors.New("snapshot is required"))
	}
	if c.Journal == nil {
		errs = append(errs, errors.New("journal is required"))
	}
	if c.LIS == nil {
		errs = append(errs, errors.New("location server is required"))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Policy.fill()
	c.Limits.fill()
	return errors.Join(errs...)
}

// Server answers HELD+. Safe for concurrent use; it starts nothing and needs no
// stopping.
type Server struct {
	cfg    Config
	book   *book
	limits limits
	routes []route
	spec   []byte
}

// New makes a Server. The error names every fault of the Config.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure HELD+: %w", err)
	}
	s := &Server{cfg: cfg, book: newBook(), limits: newLimits(cfg.Limits)}
	s.routes = s.table()
	spec, err := document(s.routes)
	if err != nil {
		return nil, fmt.Errorf("describe HELD+: %w", err)
	}
	s.spec = spec
	return s, nil
}

// now is the time to the millisecond, which is what facts and tokens keep.
func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// Own returns what the user of a device said of where it is, as far as it counts
// on the network that the device is on: candidates of ranks 5 and 6, and what
// its operating system told, for the location server and calls. It never waits.
func (s *Server) Own(org e911.OrgID, device string, now time.Time) []locate.Candidate {
	cs, _ := s.book.candidates(key{org, device}, &s.cfg.Policy, now)
	return cs
}

// SignedIn lists the devices that a user is signed in on by a client.
func (s *Server) SignedIn(org e911.OrgID, user e911.UserID) []e911.DeviceID {
	return s.book.devicesOf(org, user)
}

// Callback returns the callback number that a user set himself, none when he
// did not (N-30).
func (s *Server) Callback(org e911.OrgID, user e911.UserID) e911.Number {
	return s.book.callback(userKey{org, user})
}

// ConfigPending reports a configured device that can ask and has not fetched its
// configuration yet: it neither asked HELD nor reported (W-47).
func (s *Server) ConfigPending(org e911.OrgID, device e911.DeviceID) bool {
	snap := s.cfg.Snapshot.Load()
	o := snap.Org(org)
	if o == nil {
		return false
	}
	d, ok := o.Device(device)
	if !ok || s.book.reported(key{org, string(device)}) || s.cfg.LIS.AskedHELD(org, device) {
		return false
	}
	m, ok := snap.Model(d.Model)
	return ok && m.HELD
}
