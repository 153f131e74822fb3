package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/seal"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ring(t *testing.T, b byte) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(seal.Key{ID: "m1", Secret: bytes.Repeat([]byte{b}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// feed is a journal in memory.
type feed struct {
	mu    sync.Mutex
	node  string
	facts []journal.Fact
	more  chan struct{}
}

func newFeed(node string) *feed { return &feed{node: node, more: make(chan struct{})} }

func (f *feed) add(facts ...journal.Fact) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range facts {
		x.Node, x.Seq = f.node, uint64(len(f.facts)+1)
		f.facts = append(f.facts, x)
	}
	close(f.more)
	f.more = make(chan struct{})
}

func (f *feed) last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.facts))
}

func (f *feed) Subscribe(ctx context.Context, from uint64) <-chan journal.Fact {
	out := make(chan journal.Fact)
	go func() {
		defer close(out)
		for {
			f.mu.Lock()
			var next *journal.Fact
			if from <= uint64(len(f.facts)) {
				next = &f.facts[from-1]
			}
			more := f.more
			f.mu.Unlock()
			if next == nil {
				select {
				case <-more:
					continue
				case <-ctx.Done():
					return
				}
			}
			select {
			case out <- *next:
				from++
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// heard is what a node was told.
type heard struct {
	mu    sync.Mutex
	facts []journal.Fact
	more  chan struct{}
}

func (h *heard) hear(_ string, f journal.Fact) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.facts = append(h.facts, f)
	if h.more != nil {
		close(h.more)
	}
	h.more = make(chan struct{})
	return nil
}

// until waits until what was told fits.
func (h *heard) until(t *testing.T, what string, fits func([]journal.Fact) bool) []journal.Fact {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		h.mu.Lock()
		ok, n := fits(h.facts), len(h.facts)
		facts := h.facts[:n:n]
		if h.more == nil {
			h.more = make(chan struct{})
		}
		more := h.more
		h.mu.Unlock()
		if ok {
			return facts
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("%s: it did not come to that; %d facts were told", what, n)
		}
	}
}

// one is a node of a test.
type one struct {
	name   string
	feed   *feed
	heard  *heard
	mesh   *Mesh
	alarms chan journal.Alarm
	stop   func()
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start makes a node; others are its peers.
func start(t *testing.T, name string, l net.Listener, change func(*Config), others ...Peer) *one {
	t.Helper()
	o := &one{name: name, feed: newFeed(name), heard: &heard{}, alarms: make(chan journal.Alarm, 64)}
	cfg := Config{
		Node: name, Ring: ring(t, 1), Peers: others, Listener: l, Feed: o.feed, Last: o.feed.last, Hear: o.heard.hear,
		Alarm: func(a journal.Alarm) {
			select {
			case o.alarms <- a:
			default:
			}
		},
	}
	if change != nil {
		change(&cfg)
	}
	o.run(t, cfg)
	return o
}

func (o *one) run(t *testing.T, cfg Config) {
	t.Helper()
	var err error
	if o.mesh, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.mesh.Run(ctx) }()
	o.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(o.stop)
}

func at(l net.Listener, name string) Peer {
	return Peer{Name: name, URL: "https://" + l.Addr().String()}
}

func located(device string) journal.Fact {
	return journal.New(journal.DeviceLocated, noon, "harbor", "", journal.DeviceSeen{Device: device})
}

func count(n int) func([]journal.Fact) bool {
	return func(f []journal.Fact) bool { return len(f) >= n }
}

// Proves: F-07
func TestNodesHearEachOthersFactsInOrderAndPassNothingOn(t *testing.T) {
	la, lb := listen(t, "127.0.57.1:0"), listen(t, "127.0.57.2:0")
	a := start(t, "a", la, func(c *Config) {
		c.SIP = func() []SIP { return []SIP{{"udp", mustAddr("127.0.57.1:5060")}, {"tcp", mustAddr("0.0.0.0:5061")}} }
	}, at(lb, "b"))
	b := start(t, "b", lb, nil, at(la, "a"))
	a.feed.add(located("one"), journal.New(journal.NotifySent, noon, "harbor", "", struct{}{}), located("two"))
	b.feed.add(located("three"))
	got := b.heard.until(t, "b hears a", count(2))
	for i, want := range []string{"one", "two"} {
		if d, _ := journal.Decode[journal.DeviceSeen](got[i]); d.Device != want || got[i].Node != "a" {
			t.Errorf("fact %d is of %q by %q, want %q", i, d.Device, got[i].Node, want)
		}
	}
	a.heard.until(t, "a hears b", count(1))
	a.feed.add(located("four"))
	b.heard.until(t, "b hears more", count(3))
	if n := len(a.heard.until(t, "", count(1))); n != 1 {
		t.Errorf("a was told %d facts, want its peer's one alone", n)
	}
	if addr, transport, ok := b.mesh.Way("a"); !ok || transport != "tcp" || addr.String() != "127.0.57.1:5061" {
		t.Errorf("a takes calls at %s %s, %t", transport, addr, ok)
	}
	if !b.mesh.Known(mustAddr("127.0.57.1:1").Addr()) || b.mesh.Known(mustAddr("127.0.57.9:1").Addr()) {
		t.Error("the address of a is not known, or that of a stranger is")
	}
}

// A break costs nothing and repeats nothing; a node whose journal is another one
// is heard from its first fact on.
//
// Proves: F-07
func TestWhatWasMissedIsToldAfterABreak(t *testing.T) {
	la := listen(t, "127.0.57.3:0")
	addr := la.Addr().String()
	pb := Peer{Name: "b", URL: "https://127.0.57.4:1"}
	a := start(t, "a", la, nil, pb)
	b := start(t, "b", nil, nil, Peer{"a", "https://" + addr})
	a.feed.add(located("one"), located("two"))
	b.heard.until(t, "before the break", count(2))
	a.stop()
	a.feed.add(located("three"))
	again := &one{name: "a", feed: a.feed, heard: &heard{}}
	again.run(t, Config{Node: "a", Ring: ring(t, 1), Peers: []Peer{pb}, Listener: listen(t, addr), Feed: a.feed, Last: a.feed.last, Hear: again.heard.hear})
	b.heard.until(t, "after the break", count(3))
	again.stop()

	other := newFeed("a")
	for i := range 5 {
		f := located(fmt.Sprintf("new %d", i))
		f.At = f.At.Add(time.Hour)
		other.add(f)
	}
	third := &one{name: "a", feed: other, heard: &heard{}}
	third.run(t, Config{Node: "a", Ring: ring(t, 1), Peers: []Peer{pb}, Listener: listen(t, addr), Feed: other, Last: other.last, Hear: third.heard.hear})
	got := b.heard.until(t, "another journal", count(8))
	if d, _ := journal.Decode[journal.DeviceSeen](got[3]); d.Device != "new 0" || len(got) != 8 {
		t.Errorf("%d facts; the fourth is of %q", len(got), d.Device)
	}
}

// Proves: F-07, D-09
func TestWhoDoesNotHoldTheMasterKeyIsNotHeardAndHearsNothing(t *testing.T) {
	la, lb := listen(t, "127.0.57.5:0"), listen(t, "127.0.57.6:0")
	a := start(t, "a", la, nil, at(lb, "b"))
	forger := start(t, "b", lb, func(c *Config) { c.Ring = ring(t, 2) }, at(la, "a"))
	a.feed.add(located("one"))
	forger.feed.add(located("forged"))
	for _, o := range []*one{a, forger} {
		for range 3 {
			if heard, err := o.mesh.stream(t.Context(), o.mesh.peers[0]); heard || err == nil {
				t.Errorf("%s hears the other: %v", o.name, err)
			}
		}
		if len(o.heard.facts) > 0 {
			t.Errorf("%s was told %d facts", o.name, len(o.heard.facts))
		}
	}
	// Nor who shows no certificate at all.
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a stranger
	if res, err := c.Get("https://" + la.Addr().String() + factsPath + "?node=b"); err == nil {
		res.Body.Close()
		t.Errorf("a stranger is answered %s", res.Status)
	}
}

// A holder of the key is heard as the node that it is, with facts of its own,
// each once; what is none of these ends the hearing, and people are told.
//
// Proves: F-07
func TestAForgedMessageIsRefused(t *testing.T) {
	said := func(l ...line) string {
		var b bytes.Buffer
		for _, x := range l {
			if err := json.NewEncoder(&b).Encode(x); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	fact := func(node string, seq uint64, kind journal.Kind) line {
		f := located("x")
		f.Node, f.Seq, f.Kind = node, seq, kind
		return line{Fact: &f}
	}
	hi := line{Hello: &hello{Node: "a"}}
	for name, c := range map[string]struct {
		says string
		want int
	}{
		"another node":                 {said(line{Hello: &hello{Node: "c"}}, fact("a", 1, journal.DeviceLocated)), 0},
		"no greeting":                  {said(fact("a", 1, journal.DeviceLocated)), 0},
		"a fact of another node":       {said(hi, fact("c", 1, journal.DeviceLocated)), 0},
		"a kind that is not told":      {said(hi, fact("a", 1, journal.DeviceLocated), fact("a", 2, journal.NotifyDue)), 1},
		"a kind of a later version":    {said(hi, fact("a", 1, "device.later"), fact("a", 2, journal.DeviceLocated)), 1},
		"a fact that came before":      {said(hi, fact("a", 2, journal.DeviceLocated), fact("a", 2, journal.DeviceLocated)), 1},
		"no JSON":                      {said(hi) + "GET / HTTP/1.1\n", 0},
		"a line that does not end":     {said(hi) + strings.Repeat("x", 2*maxLine), 0},
		"a fact that makes us stumble": {said(hi, fact("a", 7, "panic")), 0},
	} {
		t.Run(name, func(t *testing.T) {
			lb := listen(t, "127.0.57.8:0")
			_, server, err := tlsConfigs(ring(t, 1), "a")
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(c.says)) })}
			go func() { _ = srv.Serve(tls.NewListener(lb, server)) }()
			defer srv.Close()
			h := &heard{}
			alarms := 0
			m, err := New(Config{
				Node: "b", Ring: ring(t, 1), Peers: []Peer{at(lb, "a")}, Feed: newFeed("b"), Hear: h.hear,
				Alarm: func(a journal.Alarm) { alarms++ },
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := m.stream(t.Context(), m.peers[0]); err == nil {
					t.Error("it is heard to its end")
				}
			}
			if len(h.facts) != c.want || m.States()[0].Heard {
				t.Errorf("%d facts were taken, want %d", len(h.facts), c.want)
			}
			if alarms > 1 || alarms == 0 && !strings.Contains(name, "does not end") {
				t.Errorf("%d alarms", alarms)
			}
		})
	}
}

// Proves: F-07
func TestAPeerThatFloodsIsBounded(t *testing.T) {
	la := listen(t, "127.0.57.9:0")
	a := start(t, "a", la, nil, Peer{"b", "https://127.0.57.9:1"})
	var flood []journal.Fact
	for i := range 5000 {
		flood = append(flood, located(fmt.Sprint(i)))
	}
	a.feed.add(flood...)
	began := time.Now()
	b := start(t, "b", nil, func(c *Config) { c.Rate = 400 }, at(la, "a"))
	b.heard.until(t, "the first", count(200))
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("200 facts in %s at 400 a second", took)
	}
}

// Proves: F-08
func TestANumberIsAskedOfAllPeersAtOnce(t *testing.T) {
	hole := listen(t, "127.0.57.10:0") // accepts, and says nothing
	defer hole.Close()
	lb, lc := listen(t, "127.0.57.11:0"), listen(t, "127.0.57.12:0")
	a := start(t, "a", nil, nil, at(hole, "hole"), at(lb, "b"), at(lc, "c"))
	start(t, "b", lb, nil, Peer{"a", "https://127.0.57.10:1"})
	var asked atomic.Int32
	start(t, "c", lc, func(c *Config) {
		c.Held = func(n e911.Number) []journal.Fact {
			asked.Add(1)
			if n != "+16175550121" {
				return nil
			}
			return []journal.Fact{journal.New(journal.CallbackBound, noon, "harbor", "call", journal.Given{Number: n})}
		}
	}, Peer{"a", "https://127.0.57.10:1"})
	if !a.mesh.Ask(t.Context(), "+16175550121") {
		t.Error("nobody knows the number")
	}
	if f := a.heard.until(t, "the answer", count(1)); f[0].Kind != journal.CallbackBound || f[0].Node != "c" {
		t.Errorf("told %+v", f[0])
	}
	began := time.Now()
	if a.mesh.Ask(t.Context(), "+16175550122") {
		t.Error("somebody knows another number")
	}
	if took := time.Since(began); took < 150*time.Millisecond || took > 400*time.Millisecond {
		t.Errorf("one who says nothing is waited for for %s, want 200 ms", took)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// A peer's times are never later than ours, and clocks that differ are told of.
//
// Proves: F-07
func TestAPeersClockIsBounded(t *testing.T) {
	la := listen(t, "127.0.57.13:0")
	a := start(t, "a", la, func(c *Config) { c.Now = func() time.Time { return noon.Add(time.Hour) } }, Peer{"b", "https://127.0.57.13:1"})
	f := located("early")
	f.At = noon.Add(time.Hour)
	a.feed.add(f)
	b := start(t, "b", nil, func(c *Config) { c.Now = func() time.Time { return noon } }, at(la, "a"))
	if got := b.heard.until(t, "the fact", count(1)); !got[0].At.Equal(noon) {
		t.Errorf("it is of %s", got[0].At)
	}
	select {
	case alarm := <-b.alarms:
		if alarm.Code != AlarmClock || alarm.Source != "a" {
			t.Errorf("alarm %+v", alarm)
		}
	case <-time.After(5 * time.Second):
		t.Error("nobody is told of the clocks")
	}
}

// A node that no --peer names is not told anything, though it holds the key.
//
// Proves: F-08
func TestANodeThatIsNotNamedIsRefused(t *testing.T) {
	la := listen(t, "127.0.57.14:0")
	a := start(t, "a", la, nil, Peer{"b", "https://127.0.57.14:1"})
	c := start(t, "c", nil, nil, at(la, "a"))
	a.feed.add(located("one"))
	select {
	case alarm := <-a.alarms:
		if alarm.Code != AlarmRefused {
			t.Errorf("alarm %+v", alarm)
		}
	case <-time.After(5 * time.Second):
		t.Error("nobody is told")
	}
	c.stop()
	if len(c.heard.facts) != 0 {
		t.Error("it was told")
	}
}

// Proves: F-07
func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	la, lb := listen(t, "127.0.57.15:0"), listen(t, "127.0.57.16:0")
	a := start(t, "a", la, nil, at(lb, "b"))
	b := start(t, "b", lb, nil, at(la, "a"))
	a.feed.add(located("one"))
	b.heard.until(t, "one", count(1))
	a.mesh.Ask(t.Context(), "+16175550121")
	a.stop()
	b.stop()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		<-time.After(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// Proves: D-10
func TestAPeerIsNamedWithItsAddress(t *testing.T) {
	if p, err := ParsePeer("n2=https://192.0.2.2:5670/"); err != nil || p != (Peer{"n2", "https://192.0.2.2:5670"}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"", "n2", "n2=http://192.0.2.2:5670", "=https://192.0.2.2:5670", "n2=https://192.0.2.2", "n2=https://u@h:1", "n2=https://h:1/x"} {
		if _, err := ParsePeer(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	_, err := New(Config{Node: "a", Ring: ring(t, 1), Feed: newFeed("a"), Hear: (&heard{}).hear, Peers: []Peer{{"a", "https://h:1"}, {"b", "x"}}})
	if err == nil || !strings.Contains(err.Error(), "name of its own") || !strings.Contains(err.Error(), "write NAME") {
		t.Errorf("the faults: %v", err)
	}
}

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
