package lostc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lostc"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// authority answers every query with one mapping, and counts.
type authority struct {
	*httptest.Server
	asked  atomic.Int64
	change func(*lost.Mapping) // of the mapping
	down   atomic.Bool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		body, err := io.ReadAll(r.Body)
		q, bad := lost.ParseAs[*lost.FindService](body, lost.Limits{})
		if err != nil || bad != nil || r.Header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(r.Header.Get("Content-Type"), lost.MediaType) {
			t.Errorf("query %v %v %v", err, bad, r.Header)
		}
		if a.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		b, err := lost.Marshal(&lost.FindServiceResponse{Mappings: []lost.Mapping{a.mapping()}, Path: []lost.Via{{Source: "ecrf.example"}}, LocationUsed: q.Locations[0].ID})
		if err != nil {
			t.Errorf("write: %v", err)
		}
		w.Header().Set("Content-Type", lost.MediaType)
		_, _ = w.Write(b)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) mapping() lost.Mapping {
	m := lost.Mapping{
		Source: "ecrf.example", SourceID: "1", LastUpdated: noon, Expires: lost.Expires{At: noon.Add(time.Hour)}, Service: "urn:service:sos",
		DisplayNames: []lost.Text{{Text: "Cambridge", Lang: "en"}}, URIs: []string{"sip:psap@ecrf.example"}, ServiceNumber: "911",
		Boundaries: []lost.Boundary{{Profile: lost.ProfileGeodetic, Shapes: []pidflo.Shape{pidflo.Polygon{Exterior: []pidflo.Pos{{Lat: 42, Lon: -72}, {Lat: 42, Lon: -71}, {Lat: 43, Lon: -71}, {Lat: 43, Lon: -72}}}}}},
	}
	if a.change != nil {
		a.change(&m)
	}
	return m
}

func client(t *testing.T, now *time.Time, change func(*lostc.Config), urls ...string) *lostc.Client {
	t.Helper()
	cfg := lostc.Config{Source: "lost.callbox.example", Now: func() time.Time { return *now }, Within: 5 * time.Second}
	for i, u := range urls {
		cfg.Upstreams = append(cfg.Upstreams, lostc.Upstream{Name: fmt.Sprintf("up%d.example", i), URL: u})
	}
	if change != nil {
		change(&cfg)
	}
	c, err := lostc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(lat, lon, radius float64) e911.Place {
	return e911.Place{Area: &e911.Area{Point: e911.Point{Lat: lat, Lon: lon}, RadiusM: radius}}
}

// Proves: RFC 5222 sections 5.2, 5.5; E3, F-23
func TestWhatIsAnsweredFromMemory(t *testing.T) {
	noBoundary := func(m *lost.Mapping) { m.Boundaries = nil }
	first := at(42.5, -71.5, 0)
	for _, c := range []struct {
		name   string
		change func(*lost.Mapping)
		later  time.Duration
		place  e911.Place
		want   bool
	}{
		{"the same place", nil, 0, first, true},
		{"another place inside the boundary", nil, 0, at(42.1, -71.1, 0), true},
		{"a circle inside the boundary", nil, 0, at(42.1, -71.1, 50), true},
		{"a circle across its edge", nil, 0, at(42.5, -71.0001, 500), false},
		{"outside of the boundary", nil, 0, at(44, -71.5, 0), false},
		{"just before it expires", nil, time.Hour - time.Second, first, true},
		{"when it has expired", nil, time.Hour + time.Second, first, false},
		{"never to be kept", func(m *lost.Mapping) { m.Expires = lost.Expires{Caching: lost.NoCache} }, 0, first, false},
		{"without expiration", func(m *lost.Mapping) { m.Expires = lost.Expires{Caching: lost.NoExpiration} }, 1000 * time.Hour, first, true},
		{"the same place without a boundary", noBoundary, 0, first, true},
		{"another place without a boundary", noBoundary, 0, at(42.1, -71.1, 0), false},
		{"an address is no point", nil, 0, e911.Place{Civic: e911.Civic{Country: "US", A1: "MA"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, now := newAuthority(t), noon
			a.change = c.change
			cl := client(t, &now, nil, a.URL)
			got, err := cl.Ask(t.Context(), first)
			if err != nil || got.Origin != ecrf.OriginQueried || got.Name != "Cambridge" {
				t.Fatalf("%+v, %v", got, err)
			}
			got, ok := cl.Mapping(c.place, noon.Add(c.later))
			if ok != c.want || ok && (got.Origin != ecrf.OriginCached || got.URIs[0] != "sip:psap@ecrf.example") {
				t.Errorf("Mapping = %+v, %v", got, ok)
			}
			if a.asked.Load() != 1 {
				t.Errorf("asked %d times", a.asked.Load())
			}
		})
	}
}

// All places of a world cost one query where one boundary holds them, and an
// upstream that goes down afterwards changes nothing until they expire.
//
// Proves: E3, F-23
func TestWarmingAndAnUpstreamThatGoesDown(t *testing.T) {
	a, now := newAuthority(t), noon
	file := filepath.Join(t.TempDir(), "mappings.xml")
	cl := client(t, &now, func(c *lostc.Config) { c.File = file }, a.URL)
	places := slices.Values([]e911.Place{at(42.1, -71.1, 0), at(42.2, -71.2, 20), {}, at(42.3, -71.3, 0)})
	w, err := cl.Warm(t.Context(), places)
	if err != nil || w != (lostc.Warmed{Places: 3, Asked: 1}) {
		t.Fatalf("%+v, %v", w, err)
	}
	if w, err = cl.Warm(t.Context(), places); err != nil || w.Asked != 0 {
		t.Errorf("again: %+v, %v", w, err)
	}
	a.down.Store(true)
	now = noon.Add(50 * time.Minute) // past three quarters
	if w, err = cl.Warm(t.Context(), places); err == nil || w.Failed != 3 {
		t.Errorf("down: %+v, %v", w, err)
	}
	if _, ok := cl.Mapping(at(42.15, -71.15, 0), now); !ok {
		t.Error("an unexpired mapping is lost while the upstream is down")
	}
	a.down.Store(false)
	a.change = func(m *lost.Mapping) { m.Expires.At = now.Add(time.Hour) }
	if w, err = cl.Warm(t.Context(), places); err != nil || w.Asked != 1 {
		t.Errorf("up again: %+v, %v", w, err)
	}
	if _, ok := cl.Mapping(at(42.15, -71.15, 0), noon.Add(100*time.Minute)); !ok {
		t.Error("not renewed")
	}

	// Run keeps them in the file, and the next start has them.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	now = now.Add(50 * time.Minute)
	looked := make(chan struct{}, 8)
	go func() {
		done <- cl.Run(ctx, time.Millisecond, func() iter.Seq[e911.Place] {
			looked <- struct{}{}
			return places
		})
	}()
	<-looked
	<-looked // the first round is over, and saved
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	next := client(t, &now, func(c *lostc.Config) { c.File = file }, "http://127.0.0.1:1")
	if got, ok := next.Mapping(at(42.15, -71.15, 0), now); !ok || got.Name != "Cambridge" {
		t.Errorf("after a restart: %+v, %v", got, ok)
	}
}

// Proves: E3, F-17, RFC 5222 section 13.3
func TestUpstreamsThatMisbehave(t *testing.T) {
	now := noon
	var self *httptest.Server
	redirect := func(target string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			b, err := lost.Marshal(&lost.Redirect{Target: target, Source: "up0.example", Message: lost.Text{Text: "x", Lang: "en"}})
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(b)
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string // in the error
	}{
		{"bytes that trickle", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(" ")); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
			}
		}, "deadline"},
		{"without end", func(w http.ResponseWriter, _ *http.Request) {
			for range 256 {
				_, _ = w.Write(make([]byte, 32<<10))
			}
		}, "larger"},
		{"a redirect of HTTP to itself", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		}, "redirects"},
		{"a redirect of HTTP elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.9:9/", http.StatusTemporaryRedirect)
		}, "redirects"},
		{"a redirect of LoST to itself", redirect("up0.example"), "redirects"},
		{"a redirect of LoST to who is not configured", redirect("stranger.example"), "stranger.example"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte("<html>"))
		}, "page"},
		{"entities", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><x/>`))
		}, ""},
		{"another answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`<listServicesResponse xmlns="urn:ietf:params:xml:ns:lost1"><serviceList/><path><via source="a.b"/></path></listServicesResponse>`))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			self = httptest.NewServer(c.handler)
			defer self.Close()
			within := 5 * time.Second
			if c.want == "deadline" {
				within = 100 * time.Millisecond
			}
			cl := client(t, &now, func(cfg *lostc.Config) { cfg.Within = within }, self.URL)
			_, err := cl.Ask(t.Context(), at(42.5, -71.5, 0))
			if err == nil || !strings.Contains(err.Error(), c.want) && !(c.want == "deadline" && errors.Is(err, context.DeadlineExceeded)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	t.Run("a name that does not resolve, and one that does beside it", func(t *testing.T) {
		a := newAuthority(t)
		cl := client(t, &now, nil, "http://callbox-test.invalid/lost", a.URL)
		if got, err := cl.Ask(t.Context(), at(42.5, -71.5, 0)); err != nil || got.Name != "Cambridge" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("a redirect to another upstream is followed", func(t *testing.T) {
		a := newAuthority(t)
		first := httptest.NewServer(redirect("up1.example"))
		defer first.Close()
		cl := client(t, &now, nil, first.URL, a.URL)
		if got, err := cl.Ask(t.Context(), at(42.5, -71.5, 0)); err != nil || got.Name != "Cambridge" || a.asked.Load() != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// Proves: RFC 6739 section 5.1, F-23
func TestMappingsThatArePushed(t *testing.T) {
	a, now := newAuthority(t), noon
	cl := client(t, &now, func(c *lostc.Config) { c.MostMappings = 2 }, a.URL)
	m := a.mapping()
	name := func() string {
		got, _ := cl.Mapping(at(42.5, -71.5, 0), now)
		return got.Name
	}
	cl.Push([]lost.Mapping{m})
	if name() != "Cambridge" {
		t.Fatalf("added: %q", name())
	}
	m.DisplayNames = []lost.Text{{Text: "Older", Lang: "en"}}
	m.LastUpdated = noon.Add(-time.Hour)
	if cl.Push([]lost.Mapping{m}); name() != "Cambridge" {
		t.Errorf("an older one: %q", name())
	}
	m.DisplayNames[0].Text, m.LastUpdated = "Newer", noon.Add(time.Minute)
	if cl.Push([]lost.Mapping{m}); name() != "Newer" {
		t.Errorf("a newer one: %q", name())
	}
	gone := lost.Mapping{Source: m.Source, SourceID: m.SourceID, LastUpdated: noon.Add(time.Hour), Expires: m.Expires}
	if missing := cl.Push([]lost.Mapping{gone}); len(missing) != 0 || name() != "" {
		t.Errorf("deleted: %v %q", missing, name())
	}
	if missing := cl.Push([]lost.Mapping{gone}); len(missing) != 1 {
		t.Errorf("deleted twice: %v", missing)
	}
	for i := range 10 { // bounded
		m.SourceID = fmt.Sprint("x", i)
		cl.Push([]lost.Mapping{m})
	}
	if name() != "Newer" {
		t.Errorf("after many: %q", name())
	}
}

// Proves: F-23
func TestAClientConfigTellsAllItsFaults(t *testing.T) {
	_, err := lostc.New(lostc.Config{Source: "single", Upstreams: []lostc.Upstream{{Name: "x", URL: "ftp://y"}, {Name: "a.b", URL: "http://u:p@h/"}}, Within: time.Hour})
	for _, want := range []string{"single", "ftp://y", `"x"`, "upstream 2", "10 s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}
