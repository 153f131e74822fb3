// Package dereference asks other location servers what their location URIs mean
// (RFC 6753, F-17). A call waits for an answer no longer than it wants to: each
// question is asked on the side, and its answer comes when it comes.
//
// Whoever sends a location URI makes us send a request to a host of his choice.
// So only references from sources that are known are asked about, never at an
// address of this machine, of the link, or of a cloud's metadata service unless
// that is configured; no redirect leaves its host; answers are bounded.
package dereference

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Why a reference was not asked about, or has no answer. Answer.Err wraps them.
var (
	ErrRefused = errors.New("not asked")
	ErrBusy    = errors.New("not asked: too many questions are under way")
	ErrAnswer  = errors.New("the location server gave no location")
	ErrClosed  = errors.New("not asked: the server stops")
)

// Config is what a Client needs. Nothing is required.
type Config struct {
	// Hosts are location servers that are known from the start, "lis.example.org"
	// or "lis.example.org:8443": references to them are asked about whoever sends
	// them, and a connection to each is kept open.
	Hosts []string
	// Networks are special addresses that may be asked all the same: of this
	// machine, of the link.
	Networks []netip.Prefix
	// Within bounds one question, its answer read; zero: 10 s. A call does not wait
	// for so long: what comes later goes to the PSAP after it.
	Within time.Duration
	// Most bounds the questions under way; zero: 256. Those of one host may be a
	// quarter of them.
	Most int
	TLS  *tls.Config      // none: the machine's roots, no certificate of ours
	Now  func() time.Time // none: time.Now
	Log  *slog.Logger     // none: discarded
}

func (c *Config) validate() error {
	var errs []error
	for _, h := range c.Hosts {
		if u, err := url.Parse("https://" + h); err != nil || u.Host != h || u.Hostname() == "" || strings.ContainsAny(h, "/@?#") {
			errs = append(errs, fmt.Errorf("location server %q: want a host name, or host:port", h))
		}
	}
	if c.Within == 0 {
		c.Within = 10 * time.Second
	}
	if c.Within < 0 || c.Within > time.Minute {
		errs = append(errs, fmt.Errorf("a location server is waited for up to a minute, not %v", c.Within))
	}
	if c.Most == 0 {
		c.Most = 256
	}
	if c.Most < 4 {
		errs = append(errs, fmt.Errorf("at least 4 questions at a time, not %d", c.Most))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Question is a location URI that came with a message.
type Question struct {
	Org e911.OrgID // whose call or telephone it is
	URI string
	// Trusted: it came from a trunk, or from a telephone, that is known. Others are
	// asked about only at hosts that are known.
	Trusted bool
}

// Answer is what came of a Question.
type Answer struct {
	URI    string
	Host   string // that was asked; empty: none
	Asked  time.Time
	Took   time.Duration
	Method string           // POST, or GET where the server takes no other
	Doc    *pidflo.Document // nil with Err
	Err    error
}

// At is when the answer was there.
func (a Answer) At() time.Time { return a.Asked.Add(a.Took) }

// Client asks and remembers. Safe for concurrent use. Close ends what it began.
type Client struct {
	cfg       Config
	http      *http.Client
	transport *http.Transport

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	answers memory
	hosts   known
	busy    map[string]int // questions under way of each host
	all     int
	waiting map[key][]chan Answer
}

// key is a reference of an organisation: what one tenant's telephones may see is
// no other's.
type key struct {
	org e911.OrgID
	uri string
}

// New makes a Client. The error names every fault of the Config.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure questions to other location servers: %w", err)
	}
	c := &Client{cfg: cfg, answers: newMemory(), hosts: newKnown(), busy: map[string]int{}, waiting: map[key][]chan Answer{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second, Control: c.mayDial}
	c.transport = &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: cfg.TLS.Clone(), TLSHandshakeTimeout: 3 * time.Second,
		ForceAttemptHTTP2: true, MaxIdleConns: 256, MaxIdleConnsPerHost: 4, MaxConnsPerHost: cfg.Most / 4,
		IdleConnTimeout: 2 * warmEvery, MaxResponseHeaderBytes: 16 << 10,
		DisableCompression: true, // what is unpacked here could be of any size
	}
	c.http = &http.Client{Transport: c.transport, CheckRedirect: stayThere}
	for _, h := range cfg.Hosts {
		c.hosts.configured[strings.ToLower(h)] = true
	}
	return c, nil
}

// Close ends the questions under way, whose askers get ErrClosed, and waits for
// their end.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	c.transport.CloseIdleConnections()
}

// Known is the last answer about a reference, if it is not older than 15
// minutes: of a telephone's registration, say. It never waits.
func (c *Client) Known(org e911.OrgID, uri string) (Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers.get(key{org, uri}, c.cfg.Now())
}

// Ahead asks about a reference that came with a registration, so that the answer
// is known when its telephone calls (F-17). It never waits; one that was asked
// about a minute ago is left as it is, and so are all while calls need the room.
func (c *Client) Ahead(q Question) {
	now := c.cfg.Now()
	c.mu.Lock()
	a, ok := c.answers.get(key{q.Org, q.URI}, now)
	room := c.all < c.cfg.Most/2
	c.mu.Unlock()
	if room && (!ok || now.Sub(a.At()) > time.Minute) {
		c.Ask(q)
	}
}

// Ask puts a question and returns at once. The channel gives one answer, within
// Config.Within. Questions about one reference at a time are one.
func (c *Client) Ask(q Question) <-chan Answer {
	out := make(chan Answer, 1)
	now := c.cfg.Now()
	u, host, err := read(q.URI)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
	case c.closed:
		err = ErrClosed
	case !q.Trusted && !c.hosts.has(q.Org, host):
		err = fmt.Errorf("%w: it came from an unknown source, and %s is no location server that is known", ErrRefused, host)
	}
	if err != nil {
		out <- Answer{URI: q.URI, Host: host, Asked: now, Err: err}
		return out
	}
	if q.Trusted {
		c.hosts.seen(q.Org, u, now)
	}
	k := key{q.Org, q.URI}
	if under, is := c.waiting[k]; is {
		c.waiting[k] = append(under, out)
		return out
	}
	if c.all >= c.cfg.Most || c.busy[host] >= c.cfg.Most/4 {
		out <- Answer{URI: q.URI, Host: host, Asked: now, Err: ErrBusy}
		return out
	}
	c.all++
	c.busy[host]++
	c.waiting[k] = []chan Answer{out}
	c.work.Go(func() { c.answered(k, host, c.ask(u, host, q.URI)) })
	return out
}

// answered gives an answer to all who asked.
func (c *Client) answered(k key, host string, a Answer) {
	if a.Err != nil && c.ctx.Err() != nil {
		a.Err = ErrClosed
	}
	if a.Err != nil {
		c.cfg.Log.Info("ask another location server", slog.String("host", host), obs.Err(a.Err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, out := range c.waiting[k] {
		out <- a
	}
	delete(c.waiting, k)
	c.all--
	if c.busy[host]--; c.busy[host] <= 0 {
		delete(c.busy, host)
	}
	if a.Err == nil {
		c.answers.put(k, a)
	}
}
