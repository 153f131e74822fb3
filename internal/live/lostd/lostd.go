// Package lostd is the LoST server (RFC 5222) of the platform: it tells which
// PSAP serves a place, from the boundaries of the snapshot or, where it has an
// upstream, from the authority (F-23).
//
// It answers from memory alone but for recursion: one snapshot a request, no
// SQL, no session (D-11). Work and memory are bounded for every request. It
// answers only those it was told to answer, because boundaries and routes of an
// organisation are not everybody's business; who else asks gets forbidden.
package lostd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
)

// Upstream asks other LoST servers; live/lostc has one. Safe for concurrent use.
type Upstream interface {
	// Cached answers from unexpired mappings alone, without waiting.
	Cached(q *lost.FindService) (*lost.FindServiceResponse, bool)
	// Find asks. Errors that a server answered with are *lost.Errors and
	// *lost.Redirect.
	Find(ctx context.Context, q *lost.FindService) (*lost.FindServiceResponse, error)
	// List asks for the services at a location.
	List(ctx context.Context, q *lost.ListServicesByLocation) (*lost.ListServicesByLocationResponse, error)
	// Target is the application unique string of the server to ask instead of
	// us; empty when there is none.
	Target() string
}

// Receiver keeps mappings that another server pushes (RFC 6739).
type Receiver interface {
	// Push updates, adds and deletes, and returns the deletions that found
	// nothing.
	Push(mappings []lost.Mapping) (notDeleted []lost.Mapping)
}

// Config is what a Server needs. Snapshot, Name and URI are required.
type Config struct {
	Snapshot *snapshot.Holder
	// Name is our application unique string: dotted, such as "lost.example.org".
	Name string
	// URI is where a call for a mapping of ours goes: our own SIP address, for
	// the ladder of the PSAP is walked here.
	URI string
	// TTL is how long a mapping may be kept; 1 min to 7 days, zero means 24 h.
	TTL time.Duration
	// Trusted are answered, beside those that Known reports; nil: loopback.
	Trusted []netip.Prefix
	Known   func(netip.Addr) bool // none: nobody
	// PushFrom may push mappings, when Receiver is there.
	PushFrom []netip.Prefix
	Receiver Receiver
	// TrustedProxies may tell the client's address in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	Upstream       Upstream // none: our own layer alone
	// UpstreamWithin bounds recursion; zero means 2 s, and 100 ms where our own
	// layer has an answer (E3).
	UpstreamWithin time.Duration
	// DefaultMapping answers with the relay centre, and a warning, where no
	// boundary holds the place.
	DefaultMapping bool
	// BoundaryURIs answers with the addresses of calls that the boundaries of
	// layers have, as an ECRF inside an ESInet does. Otherwise calls for PSAPs of
	// our directory come to URI, and only for others go where the boundary says.
	BoundaryURIs bool
	Postal       civic.Postal // table of postal codes; none: the rules go without
	// Concurrent bounds requests under way; zero means 64. Beyond: 503.
	Concurrent int
	Now        func() time.Time // none: time.Now
	Log        *slog.Logger     // none: discarded
}

// Bounds of Config.TTL.
const (
	MinTTL = time.Minute
	MaxTTL = 7 * 24 * time.Hour
)

// uniqueName is the form of an application unique string in the grammar.
var uniqueName = regexp.MustCompile(`^([a-zA-Z0-9-]+\.)+[a-zA-Z0-9]+$`)

// ValidName reports whether name can be an application unique string (RFC 5222,
// section 4).
func ValidName(name string) bool { return uniqueName.MatchString(name) }

func (c *Config) validate() error {
	var errs []error
	if c.Snapshot == nil {
		errs = append(errs, errors.New("snapshot is required"))
	}
	if !ValidName(c.Name) {
		errs = append(errs, fmt.Errorf("name %q: want a dotted name such as lost.example.org", c.Name))
	}
	if u, err := url.Parse(c.URI); err != nil || (u.Scheme != "sip" && u.Scheme != "sips") || strings.ContainsAny(c.URI, " \t\r\n<>") {
		errs = append(errs, fmt.Errorf("URI %q: want the SIP address that calls go to", c.URI))
	}
	if c.TTL == 0 {
		c.TTL = 24 * time.Hour
	}
	if c.TTL < MinTTL || c.TTL > MaxTTL {
		errs = append(errs, fmt.Errorf("a mapping lives %v to %v, not %v", MinTTL, MaxTTL, c.TTL))
	}
	if c.Trusted == nil {
		c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if c.Known == nil {
		c.Known = func(netip.Addr) bool { return false }
	}
	if len(c.PushFrom) > 0 && c.Receiver == nil {
		errs = append(errs, errors.New("pushed mappings need a receiver"))
	}
	if c.UpstreamWithin == 0 {
		c.UpstreamWithin = 2 * time.Second
	}
	if c.UpstreamWithin < 0 || c.UpstreamWithin > 10*time.Second {
		errs = append(errs, fmt.Errorf("upstreams are waited for up to 10 s, not %v", c.UpstreamWithin))
	}
	if c.Concurrent == 0 {
		c.Concurrent = 64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Server answers LoST over HTTP. Safe for concurrent use; it starts nothing and
// needs no stopping.
type Server struct {
	cfg     Config
	slots   chan struct{}
	catalog atomic.Pointer[catalog]
	agenda  atomic.Pointer[agenda]
	pushed  atomic.Pointer[pushedMappings]
}

// New makes a Server. The error names every fault of the Config.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the LoST server: %w", err)
	}
	return &Server{cfg: cfg, slots: make(chan struct{}, cfg.Concurrent)}, nil
}

// Serves reports whether a path is the server's: /lost and /LoST, as RFC 5222
// leaves it open and the i3 test suite has it, and those of planned changes.
func Serves(path string) bool {
	return path == "/lost" || path == "/LoST" || path == pathPoll || path == pathChangeSet
}

// ServeHTTP answers POST /lost and POST /LoST, GET /PlannedChangePoll and GET
// /GetChangeSet?changeSetId=...; 404 for the rest.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = neverStored
	h["X-Content-Type-Options"] = noSniffing
	if !Serves(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	if r.URL.Path == pathPoll || r.URL.Path == pathChangeSet {
		s.servePlanned(w, r)
		return
	}
	s.serve(w, r)
}

var errAsOf = errors.New("the time of asOf cannot be read")

// What every answer says in its headers; shared, never changed.
var (
	neverStored = []string{"no-store"}
	noSniffing  = []string{"nosniff"}
)
