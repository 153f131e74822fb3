package lis_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// asks lets the desk phone ask at a port.
func (b *bench) asks(port string) {
	b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(withPort(port), withMAC(deskMAC))})
}

// told gives all facts of one node to another.
func (b *bench) told(t *testing.T, from *bench) {
	t.Helper()
	for _, f := range from.journal.facts {
		if err := b.server.Hear(f); err != nil {
			t.Fatal(err)
		}
	}
}

// room is where a node believes the desk phone to be.
func where(t *testing.T, b *bench) e911.LocationID {
	t.Helper()
	ev, ok := b.server.Latest(harbor, desk)
	if !ok {
		t.Fatal("the device is nowhere")
	}
	return ev.Place.Location
}

func nodes(t *testing.T) (a, b *bench) {
	a, b = newBench(t), newBench(t)
	b.now = a.clock()
	b.holder.Store(a.holder.Load())
	return a, b
}

// A device is located by one node; another one knows it at once, by the evidence
// of its own time, and takes no fact twice.
//
// Proves: F-07, D-08
func TestAnotherNodeKnowsWhereADeviceIs(t *testing.T) {
	a, b := nodes(t)
	a.asks("Gi1/0/7")
	seen := a.clock()
	for _, x := range []*bench{a, b} {
		x.pass(time.Minute)
	}
	b.told(t, a)
	b.told(t, a)
	if got := where(t, b); got != floor2 {
		t.Errorf("at %s", got)
	}
	if got := portAt(t, b.server); !got.Equal(seen.Truncate(time.Millisecond)) {
		t.Errorf("seen at %v, want %v", got, seen)
	}
	if n := len(b.journal.facts); n != 0 {
		t.Errorf("%d facts of what another node told", n)
	}
}

// Two nodes do not hear each other while a device moves; then they do. The newest
// evidence wins on both, whatever order the facts come in and however often each
// node counted before.
//
// Proves: F-07, E13
func TestAfterABreakTheNewestEvidenceWins(t *testing.T) {
	for name, newest := range map[string]int{"the newest is here": 0, "the newest is at the other": 1} {
		t.Run(name, func(t *testing.T) {
			a, b := nodes(t)
			list := []*bench{a, b}
			pass := func() {
				for _, x := range list {
					x.pass(time.Minute)
				}
			}
			old, last := list[1-newest], list[newest]
			for range 3 { // it counts more than the other
				old.asks("Gi1/0/7")
				pass()
				old.asks("Gi1/0/1")
				pass()
			}
			last.asks("Gi1/0/7")
			pass()
			a.told(t, b)
			b.told(t, a)
			for _, x := range list {
				if got := where(t, x); got != floor2 {
					t.Errorf("at %s", got)
				}
			}
		})
	}
}

// The phone stands still at A, which need not write that down; B, cut off, saw it
// elsewhere in between. A keeps what it saw later, and tells B at the next request.
//
// Proves: F-07, E13
func TestANodeThatErrsIsToldAgain(t *testing.T) {
	a, b := nodes(t)
	a.asks("Gi1/0/7")
	for _, x := range []*bench{a, b} {
		x.pass(time.Minute)
	}
	b.asks("Gi1/0/1")
	a.pass(time.Minute)
	b.pass(time.Minute)
	a.asks("Gi1/0/7")
	before := len(a.journal.seen(t))
	a.told(t, b)
	if got := where(t, a); got != floor2 {
		t.Fatalf("a has it at %s", got)
	}
	a.pass(time.Minute)
	a.asks("Gi1/0/7")
	if n := len(a.journal.seen(t)); n != before+1 {
		t.Fatalf("%d facts, want one more than %d", n, before)
	}
	b.pass(time.Minute)
	b.told(t, a)
	if got := where(t, b); got != floor2 {
		t.Errorf("b has it at %s", got)
	}
}

// A clock that is a day ahead makes nothing newer than now.
//
// Proves: F-07, E13
func TestTheClockOfAnotherNodeIsBounded(t *testing.T) {
	a, b := nodes(t)
	a.pass(24 * time.Hour)
	a.asks("Gi1/0/7")
	b.told(t, a)
	if got := portAt(t, b.server); got.After(b.clock()) {
		t.Errorf("seen at %v, now is %v", got, b.clock())
	}
	b.pass(time.Minute)
	b.asks("Gi1/0/1")
	if got := where(t, b); got != floor1 {
		t.Errorf("at %s: the other node's clock wins", got)
	}
}

// Who uses a device is who signed in last, whichever node tells it last; what was
// given out before is void everywhere; a broken fact is refused.
//
// Proves: F-07, D-08
func TestSignInsAreHeard(t *testing.T) {
	a, b := nodes(t)
	a.server.SignIn(harbor, string(desk), "user-lobby")
	a.pass(time.Minute)
	b.pass(time.Minute)
	b.server.SignIn(harbor, string(desk), "user-agent")
	b.told(t, a)
	a.told(t, b)
	for _, x := range []*bench{a, b} {
		if d, _ := x.server.Device(harbor, string(desk)); d.User != "user-agent" {
			t.Errorf("used by %q", d.User)
		}
	}
	issued := b.clock().Truncate(time.Millisecond)
	b.server.Revoke(harbor, string(desk), "somebody", "a test")
	a.told(t, b)
	if !a.server.Revoked(harbor, string(desk), issued) {
		t.Error("what was revoked at one node is good at the other")
	}
	for _, kind := range []journal.Kind{journal.DeviceLocated, journal.DevicePresent, journal.DeviceSignedIn} {
		if err := a.server.Hear(journal.Fact{Kind: kind, At: issued, Body: json.RawMessage(`{"device":5}`)}); err == nil || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if err := a.server.Hear(journal.New(journal.DeviceLocated, issued, harbor, "", journal.DeviceSeen{Device: "x", Memory: json.RawMessage(`5`)})); err == nil {
		t.Error("a broken memory is taken")
	}
}
