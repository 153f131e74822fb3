package emergency

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/snapshot"
)

// startEdge runs an edge on an address of the loopback net, UDP and TCP on one
// port, until the test ends.
func startEdge(t *testing.T, addr string, handle func(context.Context, *sipedge.Leg)) (*sipedge.Edge, netip.AddrPort) {
	t.Helper()
	cfg := sipedge.Config{
		Listen:    []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort(addr + ":0")}},
		Known:     func(sipedge.Source) bool { return true },
		Emergency: func(uri string) bool { _, ok := dialplan.Find(uri); return ok },
		Handle:    handle, Alarm: func(sipedge.Alarm) {},
	}
	var edge *sipedge.Edge
	for try := range 20 { // the port of UDP may be taken for TCP
		first, err := sipedge.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		at := first.Listeners()[0].Addr
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		cfg.Listen = []sipedge.Listener{{Network: "udp", Addr: at}, {Network: "tcp", Addr: at}}
		if edge, err = sipedge.New(cfg); err == nil {
			break
		}
		if try == 19 {
			t.Fatal(err)
		}
		cfg.Listen = []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort(addr + ":0")}}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- edge.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run edge %s: %v", addr, err)
		}
	})
	return edge, edge.Listeners()[0].Addr
}

// overSockets is a Handler behind a real edge; its trunks lead to the PSAPs.
func overSockets(t *testing.T, a, b netip.AddrPort, change ...func(*world)) (*memoryJournal, netip.AddrPort) {
	t.Helper()
	w := theWorld()
	for _, f := range change {
		f(&w)
	}
	w.carrierA.To = fmt.Sprintf("sip:psap@%s;transport=tcp", a)
	w.carrierB.To = fmt.Sprintf("sip:psap@%s;transport=tcp", b)
	w.model.HELD = false // so that the number's address counts
	snap, err := snapshot.Build(w.changes(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	holder := &snapshot.Holder{}
	holder.Store(snap)
	j := &memoryJournal{tr: &trace{start: time.Now()}}
	var edge *sipedge.Edge
	ready := make(chan struct{})
	h, err := New(Config{
		Snapshot: holder, Journal: j, Domain: "callbox.example",
		Dial: func(ctx context.Context, in sipedge.Invite) Callee { return edge.Dial(ctx, in) },
	})
	if err != nil {
		t.Fatal(err)
	}
	edge, at := startEdge(t, "127.0.0.10", func(ctx context.Context, l *sipedge.Leg) {
		<-ready
		h.Handle(ctx, l)
	})
	close(ready)
	return j, at
}

func next(t *testing.T, l *sipedge.Leg, kind sipedge.EventKind) sipedge.Event {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case ev, ok := <-l.Events():
			if !ok {
				t.Fatalf("the leg is over, want %s", kind)
			}
			if ev.Kind == kind {
				return ev
			}
		case <-limit:
			t.Fatalf("no %s", kind)
		}
	}
}

// Proves: E1, E10, D-01, D-04, F-02, F-16
func TestOverSocketsABusyPSAPThenOneThatAnswers(t *testing.T) {
	_, busy := startEdge(t, "127.0.0.21", func(_ context.Context, l *sipedge.Leg) { _ = l.Reject(486, "Busy Here", nil) })
	got := make(chan *sipedge.Request, 1)
	over := make(chan struct{})
	_, good := startEdge(t, "127.0.0.22", func(_ context.Context, l *sipedge.Leg) {
		got <- l.Request()
		_ = l.Provisional(1, 180, "Ringing", sipedge.Message{})
		_ = l.Answer(1, sipedge.Message{Body: []byte(psapSDP), ContentType: typeSDP})
		for ev := range l.Events() {
			if ev.Kind == sipedge.ByeReceived {
				close(over)
			}
		}
	})
	j, at := overSockets(t, busy, good)
	pbx, _ := startEdge(t, "127.0.0.11", func(context.Context, *sipedge.Leg) {})
	call := pbx.Dial(t.Context(), sipedge.Invite{
		URI: "sip:911@" + at.String(), Dest: at, Transport: "udp", From: "<sip:+16175550111@pbx.example>", To: "<sip:911@callbox.example>",
		Headers: sipedge.Headers{{Name: "P-Asserted-Identity", Value: "<sip:+16175550111@pbx.example>"}},
		Body:    []byte(phoneSDP), ContentType: typeSDP,
	})
	if ev := next(t, call, sipedge.Answered); string(ev.Body) != psapSDP {
		t.Errorf("the caller's answer:\n%s", ev.Body)
	}
	req := <-got
	if req.Transport != "tcp" {
		t.Errorf("the PSAP was called by %s, want tcp", req.Transport)
	}
	sdp, locations, _ := bodyParts(req.ContentType, req.Body)
	if string(sdp) != phoneSDP || len(locations) != 1 {
		t.Errorf("the PSAP got %d locations and SDP\n%s", len(locations), sdp)
	}
	if !strings.Contains(req.Headers.Get("Geolocation"), locations[0].id()) || req.Headers.Get("Geolocation-Routing") != "yes" {
		t.Errorf("Geolocation %q, routing %q", req.Headers.Get("Geolocation"), req.Headers.Get("Geolocation-Routing"))
	}
	if !strings.HasPrefix(req.Headers.Get("From"), "<sip:+16175550100@callbox.example;user=phone>") {
		t.Errorf("From = %q", req.Headers.Get("From"))
	}
	call.Bye("done")
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Fatal("the PSAP's leg was not hung up")
	}
	if att := j.all(journal.CallAttempt); len(att) != 2 {
		t.Errorf("%d attempts in the record, want 2", len(att))
	}
}

// Proves: F-09, E8
func TestOverSocketsTheCallerGivesUpWhileItRings(t *testing.T) {
	rings, cancelled := make(chan struct{}), make(chan struct{})
	_, psap := startEdge(t, "127.0.0.21", func(_ context.Context, l *sipedge.Leg) {
		_ = l.Provisional(1, 180, "Ringing", sipedge.Message{})
		close(rings)
		for ev := range l.Events() {
			if ev.Kind == sipedge.Cancelled {
				close(cancelled)
			}
		}
	})
	j, at := overSockets(t, psap, psap)
	pbx, _ := startEdge(t, "127.0.0.11", func(context.Context, *sipedge.Leg) {})
	call := pbx.Dial(t.Context(), sipedge.Invite{
		URI: "tel:911", Dest: at, Transport: "udp", From: "<sip:+16175550111@pbx.example>", To: "<tel:911>", Body: []byte(phoneSDP), ContentType: typeSDP,
	})
	<-rings
	for next(t, call, sipedge.Provisional).Code != 180 {
	}
	call.Cancel("changed my mind")
	if ev := next(t, call, sipedge.Failed); ev.Code != 487 {
		t.Errorf("the caller got %d, want 487", ev.Code)
	}
	select {
	case <-cancelled:
	case <-time.After(20 * time.Second):
		t.Fatal("the PSAP's leg was not cancelled")
	}
	told := reasons(t, j)
	if len(told) != 2 || told[1] != "abandoned" {
		t.Errorf("people were told %v", told)
	}
}

// sharedFile finds reference material outside the repository.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s: %v", name, err)
	}
	return path
}

// Kamailio, SIPp and others read what we send with code of their own: here SIPp
// is both the caller and the PSAP, whose scenario checks Geolocation,
// Geolocation-Routing and the PIDF-LO body.
//
// Proves: E10, F-38
func TestSIPpOnBothEnds(t *testing.T) {
	sipp, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("needs sipp (Debian package sip-tester)")
	}
	uas, uac, csv := sharedFile(t, "interop/sipp/uas_psap.xml"), sharedFile(t, "interop/sipp/uac_pidflo.xml"), sharedFile(t, "interop/sipp/locs.csv")
	// SIPp cannot be asked which port it took: a port that was free a moment
	// ago is free for it.
	edge, err := sipedge.New(sipedge.Config{
		Listen: []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.21:0")}}, Known: func(sipedge.Source) bool { return true },
		Emergency: func(string) bool { return true }, Handle: func(context.Context, *sipedge.Leg) {}, Alarm: func(sipedge.Alarm) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	psapAt := edge.Listeners()[0].Addr
	if err := edge.Close(); err != nil {
		t.Fatal(err)
	}
	// The scenario's location is in San Jose.
	j, at := overSockets(t, psapAt, psapAt, func(w *world) {
		w.psap.Area = e911.MultiPolygon{{{{Lat: 37, Lon: -122.5}, {Lat: 37, Lon: -121.5}, {Lat: 37.7, Lon: -121.5}, {Lat: 37.7, Lon: -122.5}}}}
	})
	dir := t.TempDir()
	const calls = "5"
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), sipp, append(args, "-nostdin", "-m", calls, "-timeout", "30", "-trace_err", "-error_file", filepath.Join(dir, name+".err"))...)
		cmd.Dir = filepath.Dir(uac) // it plays hello.ulaw from there
		cmd.Env = append(os.Environ(), "TERM=dumb")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	p := run("uas", "-sf", uas, "-t", "t1", "-i", "127.0.0.21", "-p", fmt.Sprint(psapAt.Port()))
	c := run("uac", at.String(), "-sf", uac, "-inf", csv, "-i", "127.0.0.11", "-r", "2", "-t", "u1")
	for name, cmd := range map[string]*exec.Cmd{"caller": c, "PSAP": p} {
		if err := cmd.Wait(); err != nil {
			errs, _ := filepath.Glob(filepath.Join(dir, "*.err"))
			for _, f := range errs {
				b, _ := os.ReadFile(f)
				t.Logf("%s:\n%s", filepath.Base(f), b)
			}
			t.Fatalf("%s (SIPp): %v\n%s", name, err, j.tr)
		}
	}
	if n := len(j.all(journal.CallAnswered)); n != 5 {
		t.Errorf("%d calls answered in the record, want 5", n)
	}
	for _, f := range j.all(journal.CallLocated) {
		l, err := journal.Decode[journal.Located](f)
		if err != nil {
			t.Fatal(err)
		}
		if l.By != e911.ByPIDFLO || l.Place.Civic.A3 != "San Jose" {
			t.Errorf("located by %s at %q", l.By, l.Place.Display)
		}
	}
}
