package lis

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Strangers inside a network may invent as many devices as they like: table and
// journal stay bounded, and configured devices are not turned out.
//
// Proves: E14, D-11
func TestInventedDevicesAreBounded(t *testing.T) {
	tab := newTable()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	see := func(name string, known bool) change {
		ev := locate.Evidence{By: e911.ByLLDPPort, At: now, Place: e911.Place{Location: "floor-2"}, Said: "port 7"}
		return tab.put(key{"org", name}, sighting{known: known, now: now, found: ev, located: true})
	}
	const configured = 1000
	for i := range configured {
		if c := see(fmt.Sprintf("dev-%d", i), true); !c.write {
			t.Fatal("no fact of a configured device")
		}
	}
	const invented = 2 * maxUnknownShard * shards
	facts := 0
	for i := range invented {
		if i%1000 == 0 {
			now = now.Add(100 * time.Millisecond)
		}
		if see(fmt.Sprintf("unknown-%d", i), false).write {
			facts++
		}
	}
	entries := 0
	for i := range tab.shards {
		entries += len(tab.shards[i].entries)
	}
	if most := maxUnknownShard*shards + configured; entries > most {
		t.Errorf("%d entries, at most %d", entries, most)
	}
	// 26 s of the clock touch three or four windows of each shard.
	if most := 4 * unknownFacts * shards; facts > most || facts == 0 {
		t.Errorf("%d facts of %d invented devices, at most %d", facts, invented, most)
	}
	for i := range configured {
		if e, ok := tab.get(key{"org", fmt.Sprintf("dev-%d", i)}); !ok || e.verdict.location != "floor-2" {
			t.Fatalf("device %d was turned out: %+v %v", i, e, ok)
		}
	}
	// Who was seen last is still there.
	if _, ok := tab.get(key{"org", fmt.Sprintf("unknown-%d", invented-1)}); !ok {
		t.Error("the newest was turned out")
	}
}

// Proves: E13
func TestAnOlderSightingChangesNothing(t *testing.T) {
	tab := newTable()
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	k := key{"org", "dev"}
	see := func(loc e911.LocationID, measured, now time.Time) change {
		ev := locate.Evidence{By: e911.ByBSSID, At: measured, Place: e911.Place{Location: loc}, Said: string(loc)}
		return tab.put(k, sighting{known: true, now: now, found: ev, located: true})
	}
	see("new", at, at)
	if c := see("old", at.Add(-time.Minute), at.Add(time.Minute)); c.write || c.generation != 1 {
		t.Errorf("got %+v", c)
	}
	if e, _ := tab.get(k); e.verdict.location != "new" {
		t.Errorf("got %+v", e.verdict)
	}
	// A sighting of an unknown network that is older than the evidence neither.
	tab.put(k, sighting{known: true, now: at.Add(-time.Second), elsewhere: true})
	if e, _ := tab.get(k); e.verdict.location != "new" || !e.elsewhere.IsZero() {
		t.Errorf("got %+v", e)
	}
}
