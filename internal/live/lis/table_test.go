package lis

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// oneFloor is an organisation with two ports on one floor each.
func oneFloor(t *testing.T) *snapshot.Org {
	t.Helper()
	c := func(kind e911.ObjectKind, id string, object any) snapshot.Change {
		return snapshot.Change{Kind: kind, Org: "org", ID: id, Object: object}
	}
	changes := []snapshot.Change{
		c(e911.KindOrg, "org", e911.Org{ID: "org", Key: "org", Name: "Org"}),
		c(e911.KindSite, "site", e911.Site{ID: "site", Org: "org", Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550100"}),
		c(e911.KindBuilding, "bld", e911.Building{ID: "bld", Org: "org", Site: "site", Key: "b", Name: "B", Address: e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "1", RD: "Main", STS: "Street", PC: "02139"}}),
	}
	for i, loc := range []e911.LocationID{"floor-1", "floor-2"} {
		changes = append(changes,
			c(e911.KindLocation, string(loc), e911.Location{ID: loc, Org: "org", Building: "bld", Key: string(loc), Detail: e911.Civic{FLR: fmt.Sprint(i + 1)}}),
			c(e911.KindElement, "el-"+string(loc), e911.Element{ID: e911.ElementID("el-" + loc), Org: "org", Location: loc, Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: fmt.Sprint(i + 1)}}))
	}
	s, err := snapshot.Build(changes, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s.Org("org")
}

func atPort(port string, at time.Time) locate.Measurement {
	return locate.Measurement{At: at, LLDP: []locate.Neighbour{{Chassis: "0c:75:bd:00:00:01", ChassisSubtype: 4, Port: port}}}
}

// Strangers inside a network may invent as many devices as they like: table and
// journal stay bounded, and configured devices are not turned out.
//
// Proves: E14, D-11
func TestInventedDevicesAreBounded(t *testing.T) {
	tab, org := newTable(), oneFloor(t)
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	see := func(name string, known bool) change {
		m := locate.Measurement{At: now}
		if known {
			m = atPort("2", now)
		}
		return tab.put(key{"org", name}, sighting{known: known, now: now, org: org, measured: m})
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
		if see(fmt.Sprintf("unknown-%d", i), false).present {
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
	tab, org := newTable(), oneFloor(t)
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	k := key{"org", "dev"}
	see := func(port string, measured, now time.Time) change {
		return tab.put(k, sighting{known: true, now: now, org: org, measured: atPort(port, measured)})
	}
	see("2", at, at)
	if c := see("1", at.Add(-time.Minute), at.Add(time.Minute)); c.write || c.generation != 1 {
		t.Errorf("got %+v", c)
	}
	if e, _ := tab.get(k); e.verdict.location != "floor-2" {
		t.Errorf("got %+v", e.verdict)
	}
	// A sighting of an unknown network that is older than the evidence neither.
	tab.put(k, sighting{known: true, now: at.Add(time.Second), org: org, measured: atPort("99", at.Add(-time.Second))})
	if e, _ := tab.get(k); e.verdict.location != "floor-2" || !e.elsewhere.IsZero() {
		t.Errorf("got %+v", e)
	}
}
