// Package hook is a simulated receiver of webhooks: it checks the signature of
// every POST and keeps it, folded by its notice id.
package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Post is one webhook, as it first came.
type Post struct {
	At        time.Time
	ID        string // Callbox-Notice-Id
	Path      string
	Body      []byte
	SignedAt  time.Time
	Valid     bool // the signature holds and is fresh
	Repeats   int
	Different int // repetitions with another body
}

// Sink is a running receiver. Safe for concurrent use.
type Sink struct {
	l      net.Listener
	secret string

	mu     sync.Mutex
	status int
	byID   map[string]*Post
	order  []string
	change chan struct{}
}

// New binds the address; secret is that of the alert rule.
func New(addr, secret string) (*Sink, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("simulated webhook receiver: %w", err)
	}
	return &Sink{l: l, secret: secret, status: http.StatusNoContent, byID: map[string]*Post{}, change: make(chan struct{})}, nil
}

// Addr is where it listens.
func (s *Sink) Addr() string { return s.l.Addr().String() }

// SetStatus makes it answer with that status; what is not 2xx is not kept.
func (s *Sink) SetStatus(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = code
}

// All returns the posts in the order they first came.
func (s *Sink) All() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Post, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, *s.byID[id])
	}
	return all
}

// Wait returns all posts once there are at least n, or the error of ctx.
func (s *Sink) Wait(ctx context.Context, n int) ([]Post, error) {
	for {
		s.mu.Lock()
		have, change := len(s.order), s.change
		s.mu.Unlock()
		if have >= n {
			return s.All(), nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return s.All(), fmt.Errorf("wait for %d webhooks, have %d: %w", n, have, ctx.Err())
		}
	}
}

// Run serves until ctx ends.
func (s *Sink) Run(ctx context.Context) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(s.l); ctx.Err() == nil {
		return fmt.Errorf("simulated webhook receiver: %w", err)
	}
	return nil
}

// ServeHTTP takes one webhook.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	now := time.Now()
	p := Post{At: now, ID: r.Header.Get("Callbox-Notice-Id"), Path: r.URL.Path, Body: body}
	p.SignedAt, p.Valid = s.verify(r.Header.Get("Callbox-Signature"), body, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Server", "Callbox simulated webhook receiver")
	w.WriteHeader(s.status)
	if s.status/100 != 2 {
		return
	}
	if first := s.byID[p.ID]; first != nil {
		first.Repeats++
		if string(first.Body) != string(p.Body) {
			first.Different++
		}
	} else {
		s.byID[p.ID] = &p
		s.order = append(s.order, p.ID)
	}
	close(s.change)
	s.change = make(chan struct{})
}

// verify checks "t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>".
func (s *Sink) verify(signature string, body []byte, now time.Time) (time.Time, bool) {
	var stamp, sum string
	for part := range strings.SplitSeq(signature, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "t":
			stamp = v
		case "v1":
			sum = v
		}
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	mac := hmac.New(sha256.New, []byte(s.secret))
	fmt.Fprintf(mac, "%s.%s", stamp, body)
	want, err := hex.DecodeString(sum)
	at := time.Unix(unix, 0)
	return at, err == nil && hmac.Equal(want, mac.Sum(nil)) && now.Sub(at).Abs() < 5*time.Minute
}
