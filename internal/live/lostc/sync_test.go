package lostc_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lostc"
	"github.com/callbox911/callbox/wire/lost"
)

// taker is a server that mappings are pushed to.
type taker struct {
	*httptest.Server
	mu     sync.Mutex
	has    map[string]lost.Mapping
	pushes int
	down   bool
}

func newTaker(t *testing.T) *taker {
	t.Helper()
	k := &taker{has: map[string]lost.Mapping{}}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Type") != lost.MediaTypeSync+";charset=utf-8" {
			t.Errorf("%v %v", err, r.Header)
		}
		if k.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		m, err := lost.ParseAs[*lost.PushMappings](b, lost.SyncLimits())
		if err != nil {
			t.Errorf("%v in %s", err, b)
			return
		}
		k.pushes++
		var answer lost.Message = &lost.PushMappingsResponse{}
		for _, mp := range m.Mappings {
			if !mp.Deletes() {
				k.has[mp.SourceID] = mp
			} else if _, ok := k.has[mp.SourceID]; ok {
				delete(k.has, mp.SourceID)
			} else {
				answer = &lost.Errors{Exceptions: lost.Exceptions{Source: "taker.example"}, NotDeleted: []lost.NotDeleted{{Message: lost.Text{Text: "none", Lang: "en"}, Mappings: []lost.Mapping{mp}}}}
			}
		}
		b, err = lost.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *taker) ids() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for id, m := range k.has {
		out = append(out, id+"@"+m.LastUpdated.Format("15:04"))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (k *taker) set(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = down
}

func ours(id string, updated time.Time) lost.Mapping {
	m := (&authority{}).mapping()
	m.Source, m.SourceID, m.LastUpdated, m.Expires = "lost.callbox.example", id, updated, lost.Expires{Caching: lost.NoExpiration}
	return m
}

// What changes is pushed once, what goes is deleted, also what went while we
// were down; a peer that does not answer is tried again, and tells by an alarm.
//
// Proves: RFC 6739 section 5; E3
func TestOurMappingsArePushed(t *testing.T) {
	k, now := newTaker(t), noon
	var alarms []journal.Alarm
	list := []lost.Mapping{ours("a", noon), ours("b", noon), (&authority{}).mapping()} // the last is of others
	file := filepath.Join(t.TempDir(), "pushed.json")
	cfg := lostc.PusherConfig{
		Peers: []lostc.Upstream{{Name: "taker.example", URL: k.URL}}, Source: "lost.callbox.example", File: file,
		Mappings: func() []lost.Mapping { return list },
		Now:      func() time.Time { return now }, Alarm: func(a journal.Alarm) { alarms = append(alarms, a) },
	}
	p, err := lostc.NewPusher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	round := func(want string, sent int) {
		t.Helper()
		if n := p.Round(t.Context()); n != sent || k.ids() != want {
			t.Errorf("sent %d, there are %q; want %d, %q", n, k.ids(), sent, want)
		}
	}
	round("a@12:00 b@12:00", 1)
	round("a@12:00 b@12:00", 0)
	list = []lost.Mapping{ours("a", noon.Add(time.Hour)), ours("c", noon)}
	round("a@13:00 c@12:00", 1)

	k.set(true)
	list = []lost.Mapping{ours("a", noon.Add(2*time.Hour)), ours("c", noon)}
	for range 3 {
		round("a@13:00 c@12:00", 0)
		round("a@13:00 c@12:00", 0) // not before its time
		now = now.Add(time.Hour)
	}
	if len(alarms) != 1 || alarms[0].Code != lostc.AlarmPush || !strings.Contains(alarms[0].Detail, "taker.example") {
		t.Errorf("alarms %+v", alarms)
	}
	k.set(false)
	now = now.Add(time.Hour)
	round("a@14:00 c@12:00", 1)

	list = list[:1]
	if p, err = lostc.NewPusher(cfg); err != nil { // the next start
		t.Fatal(err)
	}
	round("a@14:00", 1)

	list = nil
	k.mu.Lock()
	delete(k.has, "a") // it lost it itself: to delete it is done
	k.mu.Unlock()
	round("", 1)
	round("", 0)

	for i := range 600 {
		list = append(list, ours(fmt.Sprintf("n%03d", i), noon))
	}
	if n := p.Round(t.Context()); n != 3 || len(k.has) != 600 {
		t.Errorf("%d messages, %d mappings", n, len(k.has))
	}
}

// Run pushes at once and ends with its context.
//
// Proves: RFC 6739 section 5
func TestAPusherRunsAndEnds(t *testing.T) {
	k := newTaker(t)
	asked := make(chan struct{}, 64)
	p, err := lostc.NewPusher(lostc.PusherConfig{
		Peers: []lostc.Upstream{{Name: "taker.example", URL: k.URL}}, Source: "lost.callbox.example",
		Mappings: func() []lost.Mapping { asked <- struct{}{}; return []lost.Mapping{ours("a", noon)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, time.Millisecond) }()
	<-asked
	<-asked
	cancel()
	if err := <-done; err != nil || k.ids() != "a@12:00" {
		t.Errorf("%v, %q", err, k.ids())
	}
	if _, err := lostc.NewPusher(lostc.PusherConfig{Source: "single"}); err == nil || !strings.Contains(err.Error(), "single") || !strings.Contains(err.Error(), "mappings") {
		t.Errorf("%v", err)
	}
}

// An upstream so marked is asked for all it has, with what we have of it; a
// mapping of ours is not taken back.
//
// Proves: RFC 6739 section 4; E3
func TestMappingsArePulled(t *testing.T) {
	now := noon
	var exists [][]lost.Fingerprint
	back := ours("mine", noon)
	theirs := (&authority{}).mapping()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		q, err := lost.ParseAs[*lost.GetMappingsRequest](b, lost.Limits{})
		if err != nil {
			t.Errorf("%v in %s", err, b)
			return
		}
		exists = append(exists, q.Exists)
		var m lost.Message = &lost.GetMappingsResponse{Mappings: []lost.Mapping{theirs, back}}
		if len(q.Exists) > 0 {
			m = &lost.Errors{Exceptions: lost.Exceptions{Source: "up0.example", List: []lost.Exception{{Kind: lost.NotFound, Message: lost.Text{Text: "none", Lang: "en"}}}}}
		}
		b, _ = lost.Marshal(m)
		_, _ = w.Write(b)
	}))
	defer srv.Close()
	cl := client(t, &now, func(c *lostc.Config) { c.Upstreams[0].Pull = true }, srv.URL)
	if n, err := cl.Pull(t.Context()); err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	if got, ok := cl.Mapping(at(42.1, -71.1, 20), now); !ok || got.Source != "ecrf.example" {
		t.Errorf("%+v, %v", got, ok)
	}
	if n, err := cl.Pull(t.Context()); err != nil || n != 0 || len(exists) != 2 || len(exists[1]) != 1 || exists[1][0].SourceID != "1" {
		t.Errorf("again: %d, %v, asked with %+v", n, err, exists)
	}
	q := &lost.FindService{Service: "urn:service:sos", Locations: []lost.Location{{ID: "x", Profile: lost.ProfileGeodetic, Shape: theirs.Boundaries[0].Shapes[0]}}}
	if r, ok := cl.Cached(q); ok && (len(r.Path) != 2 || r.Path[0].Source != "lost.callbox.example" || r.Path[1].Source != "ecrf.example") {
		t.Errorf("path %+v", r.Path)
	}
	srv.Close()
	if _, err := cl.Pull(t.Context()); err == nil || !strings.Contains(err.Error(), "up0.example") {
		t.Errorf("down: %v", err)
	}
}
