// Package hook is a simulated receiver of webhooks: it checks the signature of
// each request as docs/webhooks.md says, keeps it in memory, and folds
// repetitions by their notice id. It shares no code with the sender, so that
// the two prove each other.
package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBody   = 1 << 20
	maxKept   = 100_000
	tolerance = 5 * time.Minute // between the signature's clock and ours
)

// Config is what Listen needs.
type Config struct {
	Addr   string // 127.0.0.1:0 when empty
	Secret string
	Now    func() time.Time
}

// Request is one webhook as it first came.
type Request struct {
	At        time.Time
	ID        string // Callbox-Notice-Id
	Path      string
	Body      []byte
	SignedAt  time.Time
	Repeats   int // times that it came again
	Different int // of those, how often with another body
}

// Sink is a running receiver. Safe for concurrent use.
type Sink struct {
	cfg    Config
	addr   string
	closed chan struct{}

	mu       sync.Mutex
	server   *http.Server // nil while down
	served   chan struct{}
	status   int
	silent   bool
	requests []*Request
	byID     map[string]*Request
	refused  []string // the newest 100
	hits     int
	changed  chan struct{}
}

// Listen binds and serves until Close.
func Listen(cfg Config) (*Sink, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Sink{cfg: cfg, addr: cfg.Addr, closed: make(chan struct{}), status: http.StatusNoContent, byID: map[string]*Request{}, changed: make(chan struct{})}
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr is where it listens; the same after Down and Up.
func (s *Sink) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// URL is where webhooks go; the same after Down and Up.
func (s *Sink) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.addr + "/hook"
}

// Up listens again after Down.
func (s *Sink) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listen for simulated webhooks: %w", err)
	}
	server, served := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}, make(chan struct{})
	s.addr, s.server, s.served = l.Addr().String(), server, served
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with Close
	}()
	return nil
}

// Down refuses connections and cuts those that are there.
func (s *Sink) Down() {
	s.mu.Lock()
	server, served := s.server, s.served
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		server.Close()
		<-served
	}
}

// Answer makes the sink answer with status from now on; the default is 204.
// What is not answered with 2xx is not kept.
func (s *Sink) Answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.silent = status, false
}

// Silence makes the sink read requests and answer none, until Answer.
func (s *Sink) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = true
}

// Close stops the server.
func (s *Sink) Close() {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	s.Down()
}

// Run serves until ctx ends, for a group of parts.
func (s *Sink) Run(ctx context.Context) error {
	<-ctx.Done()
	s.Close()
	return nil
}

// Count is how many Received returns.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// Received returns the good requests so far in the order of their first arrival.
func (s *Sink) Received() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.requests))
	for i, p := range s.requests {
		out[i] = *p
	}
	return out
}

// Refused returns why requests were refused with 401.
func (s *Sink) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

// Hits returns how many requests came, whatever became of them.
func (s *Sink) Hits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// Changed returns a channel that is closed when the next request comes.
func (s *Sink) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Await returns all requests once there are at least n, or the error of ctx.
func (s *Sink) Await(ctx context.Context, n int) ([]Request, error) {
	for {
		changed := s.Changed()
		got := s.Received()
		if len(got) >= n {
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, fmt.Errorf("wait for %d webhooks, have %d: %w", n, len(got), ctx.Err())
		}
	}
}

// ServeHTTP takes one webhook. One whose signature does not hold is answered
// with 401 and not kept.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	p := &Request{At: s.cfg.Now(), ID: r.Header.Get("Callbox-Notice-Id"), Path: r.URL.Path, Body: body}
	p.SignedAt, err = s.check(r, body, p.At)
	s.mu.Lock()
	status, silent := s.status, s.silent
	s.hits++
	switch {
	case err != nil:
		s.refused = append(s.refused[max(0, len(s.refused)-99):], err.Error())
		status = http.StatusUnauthorized
	case status/100 == 2 && !silent:
		s.keep(p)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	if silent {
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		return
	}
	w.Header().Set("Server", "Callbox simulated webhook receiver")
	if status/100 == 3 {
		w.Header().Set("Location", "http://"+r.Host+"/elsewhere")
	}
	w.WriteHeader(status)
}

// keep stores one post; called with mu held.
func (s *Sink) keep(p *Request) {
	if first := s.byID[p.ID]; first != nil {
		first.Repeats++
		if !bytes.Equal(first.Body, p.Body) {
			first.Different++
		}
		return
	}
	s.byID[p.ID] = p
	if len(s.requests) == maxKept {
		delete(s.byID, s.requests[0].ID)
		s.requests = s.requests[1:]
	}
	s.requests = append(s.requests, p)
}

// check does what docs/webhooks.md asks of a receiver.
func (s *Sink) check(r *http.Request, body []byte, now time.Time) (signed time.Time, err error) {
	switch {
	case r.Method != http.MethodPost:
		return signed, fmt.Errorf("%s, want POST", r.Method)
	case r.Header.Get("Content-Type") != "application/json" || !json.Valid(body):
		return signed, errors.New("not JSON")
	case r.Header.Get("Callbox-Notice-Id") == "":
		return signed, errors.New("no notice id")
	}
	var stamp string
	var sums []string
	for part := range strings.SplitSeq(r.Header.Get("Callbox-Signature"), ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "t":
			stamp = value
		case "v1":
			sums = append(sums, value)
		}
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return signed, errors.New("the signature has no time")
	}
	signed = time.Unix(unix, 0)
	mac := hmac.New(sha256.New, []byte(s.cfg.Secret))
	fmt.Fprintf(mac, "%s.%s", stamp, body)
	want := mac.Sum(nil)
	if !slices.ContainsFunc(sums, func(v string) bool {
		got, err := hex.DecodeString(v)
		return err == nil && hmac.Equal(got, want)
	}) {
		return signed, errors.New("the signature is not ours")
	}
	if now.Sub(signed).Abs() > tolerance {
		return signed, errors.New("the signature is too old")
	}
	return signed, nil
}
