package lis

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Bounds of the device table. Configured devices are never turned out: there
// are as many as the snapshot has. Names of unknown ones are made by whoever
// asks, so they are.
const (
	shards          = 64
	maxUnknownShard = 2048             // 131,072 in all
	factsPerDevice  = time.Second      // shortest time between two facts of one device
	unknownFacts    = 64               // facts of new unknown devices in one window and shard
	unknownWindow   = 10 * time.Second // 410 a second in all, at most
)

type key struct {
	org    e911.OrgID
	device string
}

// verdict is what decides whether a device's location changed: who decided and
// what it said. The time does not count (D-11).
type verdict struct {
	by       e911.LocatedBy
	said     string
	location e911.LocationID
}

// entry is what is known of one device by its own word.
type entry struct {
	known    bool
	verdict  verdict
	at       time.Time // of the deciding evidence
	measured locate.Measurement
	has      bool // measured is there; not after a restart
	// elsewhere is when the device was seen in a network that is not on the
	// map; zero while the last evidence stands.
	elsewhere  time.Time
	generation uint64
	seen       time.Time // last request
	written    verdict   // of the last fact
	writtenAt  time.Time
}

// evidence looks the measurement up again, so that an element that was moved
// on the map since counts as it stands now (F-01). phoneAt may be nil.
func (e *entry) evidence(m *snapshot.Org, phoneAt func(e911.MAC) (locate.Evidence, bool)) (locate.Evidence, bool) {
	if !e.elsewhere.IsZero() || e.at.IsZero() {
		return locate.Evidence{}, false
	}
	if e.has {
		again := e.measured
		again.PhoneAt = phoneAt
		found, _ := locate.Measured(m, again)
		for _, ev := range found {
			if ev.By == e.verdict.by && ev.Said == e.verdict.said {
				return ev, true
			}
		}
		if len(found) == 0 {
			return locate.Evidence{}, false
		}
		return found[0], true
	}
	ev, ok := evidenceAt(m, e.verdict.location, e.verdict.by, e.at)
	if ok && e.verdict.said != "" {
		ev.Said = e.verdict.said
	}
	return ev, ok
}

type shard struct {
	mu      sync.Mutex
	entries map[key]*entry
	unknown int
	window  time.Time // of the facts of new unknown devices
	facts   int
}

// table keeps what devices said. Safe for concurrent use.
type table struct {
	seed   maphash.Seed
	shards [shards]shard
}

func newTable() *table {
	t := &table{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].entries = make(map[key]*entry)
	}
	return t
}

func (t *table) shard(k key) *shard {
	return &t.shards[maphash.Comparable(t.seed, k)%shards]
}

// get returns a copy of what is known.
func (t *table) get(k key) (entry, bool) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[k]
	if !ok {
		return entry{}, false
	}
	return *e, true
}

// sighting is one request of a device about itself.
type sighting struct {
	known    bool
	now      time.Time
	measured locate.Measurement
	// found is the deciding evidence; located is false when there is none.
	found   locate.Evidence
	located bool
	// elsewhere: the request shows a network that is not on the map.
	elsewhere bool
}

// change is what came of a sighting.
type change struct {
	generation uint64
	write      bool // a fact is due
}

// put takes a sighting. What is older than what is known changes nothing. A
// request that shows no network at all leaves the last evidence standing; one
// that shows an unknown network ends it (E13).
func (t *table) put(k key, s sighting) change {
	sh := t.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.entries[k]
	if e == nil {
		e = sh.add(k, s.known)
	}
	e.seen = s.now
	s.measured.PhoneAt = nil // it would keep a whole snapshot alive
	next := e.verdict
	switch {
	case s.located && !s.found.At.Before(e.at):
		next = verdict{s.found.By, s.found.Said, reference(s.found.Place)}
		e.at, e.measured, e.has, e.elsewhere = s.found.At, s.measured, true, time.Time{}
	case !s.located && s.elsewhere && s.now.After(e.at):
		next = verdict{by: e911.ByNothing}
		e.elsewhere = s.now
	}
	if next != e.verdict {
		e.verdict = next
		e.generation++
	}
	c := change{generation: e.generation}
	if e.verdict != e.written && (e.writtenAt.IsZero() || s.now.Sub(e.writtenAt) >= factsPerDevice) {
		c.write = e.known || !e.writtenAt.IsZero() || sh.mayTell(s.now)
	}
	if c.write {
		e.written, e.writtenAt = e.verdict, s.now
	}
	return c
}

// mayTell bounds the facts that strangers can cause with names that they make.
func (sh *shard) mayTell(now time.Time) bool {
	if now.Sub(sh.window) >= unknownWindow || now.Before(sh.window) {
		sh.window, sh.facts = now, 0
	}
	sh.facts++
	return sh.facts <= unknownFacts
}

// add makes room for an unknown device by turning out the longest unseen of a
// few others.
func (sh *shard) add(k key, known bool) *entry {
	if !known && sh.unknown >= maxUnknownShard {
		const look = 16
		var oldest key
		var at time.Time
		n := 0
		for other, e := range sh.entries {
			if e.known {
				continue
			}
			if n == 0 || e.seen.Before(at) {
				oldest, at = other, e.seen
			}
			if n++; n == look {
				break
			}
		}
		delete(sh.entries, oldest)
		sh.unknown--
	}
	if !known {
		sh.unknown++
	}
	e := &entry{known: known}
	sh.entries[k] = e
	return e
}

// restore puts back what a fact told, unless something newer is known.
func (t *table) restore(k key, f journal.DeviceSeen) {
	sh := t.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.entries[k]
	if e == nil {
		e = sh.add(k, f.Known)
	}
	if f.EvidenceAt.Before(e.at) || f.Generation < e.generation {
		return
	}
	said := ""
	for _, ev := range f.Evidence {
		if ev.Chosen {
			said = ev.Said
		}
	}
	e.verdict = verdict{f.By, said, reference(f.Place)}
	e.generation, e.seen = f.Generation, f.EvidenceAt
	if f.By == e911.ByNothing {
		e.verdict = verdict{by: f.By}
		e.elsewhere = f.EvidenceAt
	} else {
		e.at, e.elsewhere = f.EvidenceAt, time.Time{}
	}
	e.has, e.measured = false, locate.Measurement{}
	e.written, e.writtenAt = e.verdict, f.EvidenceAt
}
