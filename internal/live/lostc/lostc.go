// Package lostc asks other LoST servers, the authority's ECRF and LVF, and
// keeps their mappings (RFC 5222): until they expire, and for every place inside
// their boundaries, so that an upstream that is down changes nothing for the
// places that were asked for before (E3). The call path reads the memory alone.
package lostc

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// Upstream is another LoST server.
type Upstream struct {
	Name string // application unique string, such as "ecrf.example.org"
	URL  string // where it is asked
	// Pull asks it for all its mappings, too (RFC 6739, section 4), at the start
	// and every hour.
	Pull bool
}

// Config is what a Client needs. Upstreams and Source are required.
type Config struct {
	// Upstreams are asked in order. They are also the only servers that a
	// redirect may lead to: who may send our queries where is configured, not
	// told by a server.
	Upstreams []Upstream
	Source    string // our application unique string
	// Within bounds one question to all upstreams; zero means 2 s.
	Within time.Duration
	// MostMappings bounds the memory; zero means 4096. MostPlaces bounds the
	// places whose mapping has no boundary; zero means 65536.
	MostMappings, MostPlaces int
	// File keeps the mappings with boundaries over a restart; empty: memory
	// alone. They are public knowledge and not sealed.
	File string
	// Transport reaches the upstreams; none: one without proxies, 4 connections
	// a host.
	Transport http.RoundTripper
	Alarm     func(journal.Alarm) // none: logged
	Now       func() time.Time    // none: time.Now
	Log       *slog.Logger        // none: discarded
}

// Codes of alarms.
const (
	AlarmDown    = "lost_upstream_down" // no upstream answered the last rounds
	AlarmNoPlace = "lost_unmapped"      // places of ours that the authority does not know
	// AlarmCertificate: an upstream's certificate has expired, or nobody vouches
	// for it.
	AlarmCertificate = "lost_upstream_certificate"
	// AlarmPush: a server to which our mappings are pushed does not take them.
	AlarmPush = "lost_push_failed"
)

var uniqueName = regexp.MustCompile(`^([a-zA-Z0-9-]+\.)+[a-zA-Z0-9]+$`)

func (c *Config) validate() error {
	var errs []error
	if len(c.Upstreams) == 0 {
		errs = append(errs, errors.New("name an upstream"))
	}
	seen := map[string]bool{}
	for i, u := range c.Upstreams {
		p, err := url.Parse(u.URL)
		if err != nil || (p.Scheme != "http" && p.Scheme != "https") || p.Host == "" || p.User != nil {
			errs = append(errs, fmt.Errorf("upstream %d: %q is no http or https address", i+1, u.URL))
		}
		if !uniqueName.MatchString(u.Name) || seen[strings.ToLower(u.Name)] {
			errs = append(errs, fmt.Errorf("upstream %d: name %q: want a dotted name that no other has", i+1, u.Name))
		}
		seen[strings.ToLower(u.Name)] = true
		if strings.EqualFold(u.Name, c.Source) {
			errs = append(errs, fmt.Errorf("upstream %d is this server itself", i+1))
		}
	}
	if !uniqueName.MatchString(c.Source) {
		errs = append(errs, fmt.Errorf("source %q: want a dotted name", c.Source))
	}
	if c.Within == 0 {
		c.Within = 2 * time.Second
	}
	if c.Within < 0 || c.Within > 10*time.Second {
		errs = append(errs, fmt.Errorf("an upstream is waited for up to 10 s, not %v", c.Within))
	}
	if c.MostMappings == 0 {
		c.MostMappings = 4096
	}
	if c.MostPlaces == 0 {
		c.MostPlaces = 65536
	}
	if c.MostMappings < 1 || c.MostPlaces < 1 {
		errs = append(errs, errors.New("the memory needs room"))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy, t.MaxConnsPerHost, t.MaxIdleConnsPerHost, t.MaxResponseHeaderBytes = nil, 4, 2, 16<<10
		t.DisableCompression = true // what is unpacked here could be of any size
		c.Transport = t
	}
	return errors.Join(errs...)
}

// Client asks upstreams and keeps what they said. Safe for concurrent use. Run
// keeps it warm; without Run it works, and keeps nothing in its file.
type Client struct {
	cfg    Config
	http   *http.Client
	mem    *memory
	health []health // of each upstream
}

// New makes a Client and reads its file; a file that cannot be read is logged
// and written anew. The error names every fault of the Config.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the LoST client: %w", err)
	}
	c := &Client{cfg: cfg, mem: newMemory(cfg.MostMappings, cfg.MostPlaces), health: make([]health, len(cfg.Upstreams))}
	if c.cfg.Alarm == nil {
		c.cfg.Alarm = func(a journal.Alarm) { cfg.Log.Warn("alarm", "code", a.Code, "detail", a.Detail) }
	}
	c.http = newHTTP(cfg.Transport)
	c.load()
	return c, nil
}

func newHTTP(t http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: t,
		// RFC 5222, section 14: HTTP may redirect. Within one server alone, as
		// with the redirects of LoST.
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) >= mostHops || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
				return errRedirect
			}
			return nil
		},
	}
}

// Target is the server to ask instead of us.
func (c *Client) Target() string { return c.cfg.Upstreams[0].Name }

// mostHops bounds the redirects of one question.
const mostHops = 3

var errRedirect = errors.New("the server redirects elsewhere, or again and again")
