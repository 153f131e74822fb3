package lostd_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostc"
	"github.com/callbox911/callbox/internal/live/lostd"
	"github.com/callbox911/callbox/wire/lost"
)

// pair is an authority over Maryland and New York, and a server in front of it
// that knows Boston alone.
type pair struct {
	front, back *kit
	asked       atomic.Int64
}

func newPair(t *testing.T, change func(*lostd.Config)) *pair {
	t.Helper()
	p := &pair{}
	p.back = newKit(t, func(c *lostd.Config) { c.Name = "authority.example" })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.back.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	c, err := lostc.New(lostc.Config{
		Upstreams: []lostc.Upstream{{Name: "authority.example", URL: srv.URL + "/lost"}}, Source: "lost.callbox.example",
		Now: func() time.Time { return noon }, Within: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.front = newKit(t, func(cfg *lostd.Config) {
		cfg.Upstream, cfg.UpstreamWithin = c, 10*time.Second
		if change != nil {
			change(cfg)
		}
	})
	p.front.holder.Store(world(t, e911.PSAP{ID: "0190-x", Key: "boston", Name: "Boston", Area: e911.MultiPolygon{rect(42.2, -71.2, 42.5, -70.9)}}))
	return p
}

// Proves: RFC 5222 sections 6, 8.3.3, 13.3; NENA-STA-010.3; E3, F-23
func TestTwoServers(t *testing.T) {
	p := newPair(t, nil)
	q := find(at(40.71, -73.985))
	q.CallIDs = lost.CallIDs{CallID: "urn:emergency:uid:callid:1:x.example", IncidentID: "urn:emergency:uid:incidentid:1:x.example"}

	t.Run("iteratively the next server is named", func(t *testing.T) {
		if m := p.front.query(t, q); outcome(m) != "redirect to authority.example" || p.asked.Load() != 0 {
			t.Errorf("%s, asked %d times", outcome(m), p.asked.Load())
		}
		l := &lost.ListServicesByLocation{Locations: at(40.71, -73.985)}
		if m := p.front.query(t, l); outcome(m) != "redirect to authority.example" {
			t.Errorf("%s", outcome(m))
		}
	})
	t.Run("iteratively nobody is sent back", func(t *testing.T) {
		back := *q
		back.Path = []lost.Via{{Source: "authority.example"}}
		if m := p.front.query(t, &back); outcome(m) != "notFound" {
			t.Errorf("%s", outcome(m))
		}
	})
	t.Run("recursively it is asked, and both are in the path", func(t *testing.T) {
		q.Recursive = true
		m := p.front.query(t, q)
		r, ok := m.(*lost.FindServiceResponse)
		if !ok || mapped(m) != "New York 2" || len(r.Path) != 2 || r.Path[0].Source != "lost.callbox.example" || r.Path[1].Source != "authority.example" || r.LocationUsed != "here" {
			t.Fatalf("%s %+v", outcome(m), m)
		}
	})
	t.Run("the next place inside that boundary is answered from memory, iteratively too", func(t *testing.T) {
		before := p.asked.Load()
		next := find(at(40.712, -73.982))
		m := p.front.query(t, next)
		if r, ok := m.(*lost.FindServiceResponse); !ok || mapped(m) != "New York 2" || len(r.Path) != 2 || p.asked.Load() != before {
			t.Errorf("%s, asked %d more", outcome(m), p.asked.Load()-before)
		}
	})
	t.Run("errors of the authority come through with their source", func(t *testing.T) {
		none := find(at(10, 10))
		none.Recursive = true
		m := p.front.query(t, none)
		if e, ok := m.(*lost.Errors); !ok || outcome(m) != "notFound" || e.Source != "authority.example" {
			t.Errorf("%s %+v", outcome(m), m)
		}
	})
	t.Run("our own layer decides where the authority knows nothing", func(t *testing.T) {
		boston := find(at(42.3, -71))
		boston.Recursive = true
		if m := p.front.query(t, boston); mapped(m) != "Boston" {
			t.Errorf("%s %s", outcome(m), mapped(m))
		}
	})
	t.Run("services at a place", func(t *testing.T) {
		l := &lost.ListServicesByLocation{Locations: at(40.71, -73.985), Recursive: true}
		if m, ok := p.front.query(t, l).(*lost.ListServicesByLocationResponse); !ok || len(m.Path) != 2 {
			t.Errorf("%+v", m)
		}
	})
}

// Two servers that ask each other end at once, with loop.
//
// Proves: RFC 5222 sections 6, 13.1
func TestServersThatAskEachOther(t *testing.T) {
	p := newPair(t, nil)
	front := httptest.NewServer(p.front)
	t.Cleanup(front.Close)
	c, err := lostc.New(lostc.Config{
		Upstreams: []lostc.Upstream{{Name: "another-name.example", URL: front.URL + "/lost"}}, Source: "authority.example", Within: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	back := newKit(t, func(cfg *lostd.Config) {
		cfg.Name, cfg.Upstream, cfg.UpstreamWithin = "authority.example", c, 10*time.Second
	})
	p.back.Server = back.Server
	q := find(at(10, 10))
	q.Recursive = true
	if m := p.front.query(t, q); outcome(m) != "loop" {
		t.Errorf("%s", outcome(m))
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("the authority was asked %d times", n)
	}
}

// Proves: RFC 5222 section 13.1, E3
func TestAnUpstreamThatGivesNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"no LoST", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, "serverError"},
		{"an HTTP error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "serverError"},
		{"a mapping without its parts", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`<findServiceResponse xmlns="urn:ietf:params:xml:ns:lost1"><mapping><uri>sip:a@b</uri></mapping></findServiceResponse>`))
		}, "serverError"},
		{"silence", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "serverTimeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(c.handler)
			t.Cleanup(srv.Close)
			client, err := lostc.New(lostc.Config{Upstreams: []lostc.Upstream{{Name: "up.example", URL: srv.URL}}, Source: "lost.callbox.example", Within: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			k := newKit(t, func(cfg *lostd.Config) { cfg.Upstream, cfg.UpstreamWithin = client, 200*time.Millisecond })
			q := find(at(10, 10))
			q.Recursive = true
			if m := k.query(t, q); outcome(m) != c.want {
				t.Errorf("outside of our layer: %s, want %s", outcome(m), c.want)
			}
			q = find(at(40.71, -73.985))
			q.Recursive = true
			if m := k.query(t, q); !strings.HasPrefix(mapped(m), "New York 2") {
				t.Errorf("inside of our layer: %s", outcome(m))
			}
		})
	}
}
