package events_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/web/events"
)

// source is a board of one organisation with a counter for its calls.
type source struct {
	mu   sync.Mutex
	seq  uint64
	wake chan struct{}
}

func newSource() *source { return &source{wake: make(chan struct{}, 1)} }

func (s *source) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *source) Changes(_ e911.OrgID, after report.Mark) report.Changes {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := report.Changes{Mark: report.Mark{Node: "n1", Seq: s.seq}}
	if after.Seq < s.seq {
		c.Calls = []report.CallRecord{{}}
	}
	return c
}

func (s *source) Watch(e911.OrgID) (<-chan struct{}, func()) { return s.wake, func() {} }

// client takes what is written to it, or refuses it.
type client struct {
	mu     sync.Mutex
	header http.Header
	body   strings.Builder
	stuck  bool
}

func (c *client) Header() http.Header { return c.header }
func (c *client) WriteHeader(int)     {}
func (c *client) Flush()              {}
func (c *client) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stuck {
		return 0, errors.New("i/o timeout")
	}
	return c.body.Write(b)
}

func (c *client) got() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body.String()
}

func newStream(t *testing.T, s *source, in *atomic.Bool) *events.Stream {
	t.Helper()
	stream, err := events.New(events.Config{
		Source: s,
		Org:    func(*http.Request) (e911.OrgID, bool) { return "a", in.Load() },
		Render: func(context.Context, e911.OrgID, report.Changes) ([]events.Message, error) {
			return []events.Message{{Event: "one", Data: "line\nbreak"}, {Event: "two", Data: 2}}, nil
		},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// serve runs one stream and returns its client and how it is ended and awaited.
func serve(t *testing.T, s *events.Stream) (*client, func(), chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeHTTP(c, httptest.NewRequestWithContext(ctx, http.MethodGet, "/events?after=n1-0", nil))
	}()
	return c, cancel, done
}

// Proves: D-12
func TestOnlyTheLastEventOfABatchCarriesTheID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, in := newSource(), &atomic.Bool{}
		in.Store(true)
		src.change()
		c, cancel, done := serve(t, newStream(t, src, in))
		synctest.Wait()
		_, batch, _ := strings.Cut(c.got(), "event: one")
		if want := "\ndata: \"line\\nbreak\"\n\nid: n1-1\nevent: two\ndata: 2\n\n"; batch != want {
			t.Errorf("got %q, want %q", batch, want)
		}
		cancel()
		<-done
	})
}

func TestChangesThatComeTogetherTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, in := newSource(), &atomic.Bool{}
		in.Store(true)
		c, cancel, done := serve(t, newStream(t, src, in))
		for range 1000 { // a second in which something changes every millisecond
			src.change()
			<-time.After(time.Millisecond)
		}
		synctest.Wait()
		if n := strings.Count(c.got(), "event: two"); n > 21 || n < 15 {
			t.Errorf("1000 changes made %d batches, want some 20", n)
		}
		cancel()
		<-done
	})
}

func TestAStreamBeatsAndEndsWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, in := newSource(), &atomic.Bool{}
		in.Store(true)
		c, cancel, done := serve(t, newStream(t, src, in))
		defer cancel()
		<-time.After(46 * time.Second)
		if n := strings.Count(c.got(), "event: beat"); n != 3 {
			t.Errorf("46 seconds hold %d beats, want 3", n)
		}
		in.Store(false)
		<-done // within one more beat
		if !strings.Contains(c.got(), "event: bye") {
			t.Error("the page is not told that its session is over")
		}
	})
}

// Proves: E14
func TestAClientThatTakesNothingIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, in := newSource(), &atomic.Bool{}
		in.Store(true)
		c, cancel, done := serve(t, newStream(t, src, in))
		defer cancel()
		synctest.Wait()
		c.mu.Lock()
		c.stuck = true
		c.mu.Unlock()
		src.change()
		<-done
	})
}

// Proves: E14
func TestAStuckSocketIsBoundedInTime(t *testing.T) {
	src, in := newSource(), &atomic.Bool{}
	in.Store(true)
	gone := make(chan struct{})
	stream, err := events.New(events.Config{
		Source: src, Org: func(*http.Request) (e911.OrgID, bool) { return "a", true },
		Render: func(context.Context, e911.OrgID, report.Changes) ([]events.Message, error) {
			src.change() // there is always more
			return []events.Message{{Event: "much", Data: strings.Repeat("x", 1<<20)}}, nil
		},
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Gap: time.Millisecond, Patience: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		stream.ServeHTTP(w, r)
	}))
	defer server.Close()
	src.change()
	resp, err := http.Get(server.URL) // and reads nothing
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		t.Fatal("a client that reads nothing is served for ever")
	}
}

func TestEventIDs(t *testing.T) {
	for id, want := range map[string]report.Mark{
		"n1-17": {Node: "n1", Seq: 17}, "node-with-dashes-3": {Node: "node-with-dashes", Seq: 3},
		"": {}, "17": {}, "-17": {}, "n1-": {}, "n1-x": {}, "n1--1": {Node: "n1-", Seq: 1}, strings.Repeat("n", 300) + "-1": {},
	} {
		if got := events.ParseID(id); got != want {
			t.Errorf("%q: got %+v, want %+v", id, got, want)
		}
	}
	m := report.Mark{Node: "a-b", Seq: 1<<64 - 1}
	if got := events.ParseID(events.ID(m)); got != m {
		t.Errorf("got %+v, want %+v", got, m)
	}
}

// FuzzParseID promises no panic, and that what is read is written the same.
func FuzzParseID(f *testing.F) {
	f.Add("n1-17")
	f.Fuzz(func(t *testing.T, id string) {
		if m := events.ParseID(id); m.Node != "" && events.ParseID(events.ID(m)) != m {
			t.Errorf("%q reads as %+v", id, m)
		}
	})
}
