// Package lis is the location information server (LIS): it tells devices where
// they are (HELD, RFC 5985 and RFC 6155), gives out location URIs that hold a
// sealed token (D-08), dereferences them (RFC 6753), and tells the call path
// what it knows about a device.
//
// It answers from memory alone: one snapshot a request, a table of what devices
// last said, no SQL, no session (D-11). Work and memory are bounded for every
// request, whoever sends it. An organisation's data is told only to who proves
// to be its own: by a secret, or by a source address that can be of that
// organisation only (E14).
package lis

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/calldata"
)

// Bounds of the life of a location URI (RFC 5985, section 6.5.1).
const (
	MinURITTL = 30 * time.Minute
	MaxURITTL = 24 * time.Hour
)

// Config is what a Server needs. Snapshot, Journal and BaseURL are required.
type Config struct {
	Snapshot *snapshot.Holder
	Journal  journal.Recorder
	// BaseURL is where devices and PSAPs reach this server: "https://lis.example".
	// Location URIs are BaseURL + "/loc/" + token.
	BaseURL string
	// URITTL is how long a location URI lives; zero means MaxURITTL.
	URITTL time.Duration
	// TrustedProxies may tell the client's address in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	// ClientRoots returns those who vouch for client certificates whose names
	// platforms are known by, as they are now; nil, or none: only hashes of
	// certificates count. It is asked by request and must not wait.
	ClientRoots func() *x509.CertPool
	// Provider stands in the provided-by of every answer (RFC 7852); left out
	// without a ContactURI.
	Provider calldata.ProviderInfo
	// Own tells what the user of a device said of where it is (ranks 5 and 6), as
	// far as it counts where the device is now; none: nobody says anything. It
	// must not wait, nor ask this server.
	Own func(org e911.OrgID, device string, now time.Time) []locate.Candidate
	// Registered is the place that a user said is his, whatever he calls from (rank 7);
	// none: nobody says anything. It must not wait, nor ask this server.
	Registered func(org e911.OrgID, user e911.UserID) locate.Registered
	// Moved is told of a device that is located anew; none: nobody is. It must not
	// wait, nor ask this server.
	Moved func(org e911.OrgID, device string)
	Now   func() time.Time // none: time.Now
	Log   *slog.Logger     // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	if c.Snapshot == nil {
		errs = append(errs, errors.New("snapshot is required"))
	}
	if c.Journal == nil {
		errs = append(errs, errors.New("journal is required"))
	}
	if u, err := url.Parse(c.BaseURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		errs = append(errs, fmt.Errorf("base URL %q: want http or https, a host and at most a path", c.BaseURL))
	}
	if c.URITTL == 0 {
		c.URITTL = MaxURITTL
	}
	if c.URITTL < MinURITTL || c.URITTL > MaxURITTL {
		errs = append(errs, fmt.Errorf("a location URI lives %v to %v, not %v", MinURITTL, MaxURITTL, c.URITTL))
	}
	if c.ClientRoots == nil {
		c.ClientRoots = func() *x509.CertPool { return nil }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Server answers HELD over HTTP and the questions of the call path. Safe for
// concurrent use; it starts nothing and needs no stopping.
type Server struct {
	cfg     Config
	prefix  string // what location URIs of ours start with
	path    string // of BaseURL, mostly empty
	host    string // of BaseURL, for pseudonyms
	digest  *digest.Verifier
	guard   *guard
	vouched vouched
	alias   *aliases

	devices   *table
	revoked   *revocations
	calls     *calls
	unknown   *unknowns
	templates templates
	owners    nameIndex
	known     atomic.Pointer[index]
	shownKey  [16]byte
}

// now is the time to the millisecond, which is what documents and facts keep.
func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// New makes a Server. The error names every fault of the Config.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the location server: %w", err)
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	u, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("configure the location server: %w", err)
	}
	srv := &Server{
		cfg:     cfg,
		prefix:  cfg.BaseURL + "/loc/",
		path:    u.Path,
		host:    u.Hostname(),
		digest:  digest.NewVerifier(realm),
		guard:   newGuard(),
		alias:   newAliases(),
		devices: newTable(),
		revoked: newRevocations(),
		calls:   newCalls(),
		unknown: newUnknowns(),
	}
	_, _ = rand.Read(srv.shownKey[:]) // never fails (crypto/rand, Go 1.24)
	return srv, nil
}

// What every answer says in its headers; shared, never changed.
var (
	neverStored = []string{"private, no-store"}
	noSniffing  = []string{"nosniff"}
)

// ServeHTTP answers POST /held, POST /held/{companyID}, GET /held/discovery and
// GET or POST /loc/{token}, below the path of BaseURL or at the root; 404 for
// the rest.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Control"] = neverStored
	h["X-Content-Type-Options"] = noSniffing
	path := strings.TrimPrefix(r.URL.Path, s.path)
	if path == "/held" || path == "/held/" {
		s.serveHELD(w, r, "")
	} else if path == "/held/discovery" && r.Method != http.MethodPost {
		s.serveDiscovery(w, r)
	} else if company, ok := strings.CutPrefix(path, "/held/"); ok && !strings.Contains(company, "/") {
		s.serveHELD(w, r, company)
	} else if token, ok := strings.CutPrefix(path, "/loc/"); ok && !strings.Contains(token, "/") {
		s.serveLocation(w, r, token)
	} else {
		http.NotFound(w, r)
	}
}
