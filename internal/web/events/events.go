// Package events tells open pages what changes, by server-sent events (HTML
// standard, section 9.2). An event's id is a place in the journal: a page that
// was away says the last id it saw and gets each call that changed since, as
// the call is now, so nothing is lost and nothing is kept for the page
// meanwhile. A client that does not take its events in time is let go.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// Source is where changes come from; *report.Board is one.
type Source interface {
	// Changes returns what changed in the organisation after the mark. The
	// answer is bounded.
	Changes(org e911.OrgID, after report.Mark) report.Changes
	// Watch wakes when something changed; at most one wake-up waits.
	Watch(org e911.OrgID) (wake <-chan struct{}, stop func())
}

// Message is one event as the page gets it: Data travels as one line of JSON.
type Message struct {
	Event string
	Data  any
}

// Config is what a Stream needs.
type Config struct {
	Source Source
	// Org tells whose events the request may see, again and again while the
	// stream lasts: a session that is over ends its stream.
	Org func(*http.Request) (e911.OrgID, bool)
	// Render turns changes into what the page gets.
	Render func(ctx context.Context, org e911.OrgID, c report.Changes) ([]Message, error)
	Now    func() time.Time
	Log    *slog.Logger

	Heartbeat time.Duration // default 15 s
	Gap       time.Duration // least time between two batches of one stream, default 50 ms
	Patience  time.Duration // what a client may take for one batch, default 10 s
	Streams   int           // open streams of one organisation, default 256
}

func (c *Config) validate() error {
	var errs []error
	if c.Source == nil {
		errs = append(errs, errors.New("source is missing"))
	}
	if c.Org == nil {
		errs = append(errs, errors.New("session check is missing"))
	}
	if c.Render == nil {
		errs = append(errs, errors.New("renderer is missing"))
	}
	if c.Now == nil {
		errs = append(errs, errors.New("clock is missing"))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("log is missing"))
	}
	return errors.Join(errs...)
}

// Stream serves the events. Safe for concurrent use.
type Stream struct {
	cfg  Config
	done chan struct{}
	once sync.Once

	mu   sync.Mutex
	open map[e911.OrgID]int
}

// New checks the configuration and reports all its faults.
func New(cfg Config) (*Stream, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 15 * time.Second
	}
	if cfg.Gap == 0 {
		cfg.Gap = 50 * time.Millisecond
	}
	if cfg.Patience == 0 {
		cfg.Patience = 10 * time.Second
	}
	if cfg.Streams == 0 {
		cfg.Streams = 256
	}
	return &Stream{cfg: cfg, done: make(chan struct{}), open: map[e911.OrgID]int{}}, nil
}

// Close ends all streams; their pages come back by themselves.
func (s *Stream) Close() { s.once.Do(func() { close(s.done) }) }

// enter counts a stream of the organisation and reports whether there is room:
// one organisation's open pages must not slow another's (E14).
func (s *Stream) enter(org e911.OrgID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[org] >= s.cfg.Streams {
		return false
	}
	s.open[org]++
	return true
}

func (s *Stream) leave(org e911.OrgID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[org]--; s.open[org] == 0 {
		delete(s.open, org)
	}
}

// ServeHTTP streams until the client goes, is too slow, or its session is over.
// The starting point is the header Last-Event-ID, else the parameter "after".
func (s *Stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	org, ok := s.cfg.Org(r)
	if !ok {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	if !s.enter(org) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many open pages of this organisation", http.StatusServiceUnavailable)
		return
	}
	defer s.leave(org)
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("after")
	}
	wake, stop := s.cfg.Source.Watch(org)
	defer stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c := &client{s: s, w: w, rc: http.NewResponseController(w), org: org, mark: ParseID(id)}
	if err := c.follow(r, wake); err != nil {
		s.cfg.Log.Debug("an event stream ended", obs.KeyOrg, org, obs.Err(err))
	}
}

// client is one open stream.
type client struct {
	s    *Stream
	w    http.ResponseWriter
	rc   *http.ResponseController
	org  e911.OrgID
	mark report.Mark
}

func (c *client) follow(r *http.Request, wake <-chan struct{}) error {
	cfg, ctx := &c.s.cfg, r.Context()
	beat := time.NewTicker(cfg.Heartbeat)
	defer beat.Stop()
	gap := time.NewTimer(cfg.Gap)
	defer gap.Stop()
	if err := c.send([]Message{{"hello", c.clock()}}, "retry: 2000\n"); err != nil {
		return err
	}
	for {
		if err := c.catchUp(ctx); err != nil {
			return err
		}
		// Changes that come close together travel together.
		gap.Reset(cfg.Gap)
		select {
		case <-gap.C:
		case <-ctx.Done():
			return nil
		case <-c.s.done:
			return nil
		}
		for woken := false; !woken; {
			select {
			case <-wake:
				woken = true
			case <-beat.C:
				if org, ok := cfg.Org(r); !ok || org != c.org {
					return c.send([]Message{{"bye", struct{}{}}}, "")
				}
				if err := c.send([]Message{{"beat", c.clock()}}, ""); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			case <-c.s.done:
				return nil
			}
		}
	}
}

func (c *client) clock() any {
	return map[string]int64{"now": c.s.cfg.Now().UnixMilli()}
}

// catchUp sends what changed since the mark.
func (c *client) catchUp(ctx context.Context) error {
	changes := c.s.cfg.Source.Changes(c.org, c.mark)
	var messages []Message
	switch {
	case changes.Reset:
		messages = []Message{{"reset", struct{}{}}}
	case len(changes.Calls) == 0 && len(changes.Alarms) == 0:
		c.mark = changes.Mark
		return nil
	default:
		var err error
		if messages, err = c.s.cfg.Render(ctx, c.org, changes); err != nil {
			return fmt.Errorf("render events: %w", err)
		}
	}
	c.mark = changes.Mark
	return c.send(messages, "")
}

// send writes the messages as one batch. Only the last carries the id: who
// loses the line in between gets the whole batch again.
func (c *client) send(messages []Message, preamble string) error {
	var b strings.Builder
	b.WriteString(preamble)
	for i, m := range messages {
		data, err := json.Marshal(m.Data)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", m.Event, err)
		}
		if i == len(messages)-1 && m.Event != "hello" {
			fmt.Fprintf(&b, "id: %s\n", ID(c.mark))
		}
		fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", m.Event, data)
	}
	deadline := time.Now().Add(c.s.cfg.Patience) // the wall clock, which is what the socket goes by
	if err := c.rc.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("bound the time of an event: %w", err)
	}
	if _, err := c.w.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	if err := c.rc.Flush(); err != nil {
		return fmt.Errorf("send events: %w", err)
	}
	return nil
}

// ID writes a mark as an event id, "node-17".
func ID(m report.Mark) string { return m.Node + "-" + strconv.FormatUint(m.Seq, 10) }

// ParseID reads an event id; what is none is the zero Mark, from which
// everything is told.
func ParseID(id string) report.Mark {
	i := strings.LastIndexByte(id, '-')
	if i <= 0 || len(id) > 256 {
		return report.Mark{}
	}
	seq, err := strconv.ParseUint(id[i+1:], 10, 64)
	if err != nil {
		return report.Mark{}
	}
	return report.Mark{Node: id[:i], Seq: seq}
}
