package lis

import (
	"hash/maphash"
	"net/netip"
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
	presentEvery    = 10 * time.Minute // between two facts that a device is still there
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

// entry is what is known of one device.
type entry struct {
	known      bool
	proved     bool // it, or who told of it, ever showed a secret
	via        string
	source     netip.Addr
	says       []journal.Named
	user       e911.UserID // who is signed in
	userAt     time.Time   // since when
	seen       time.Time   // last request
	elsewhere  time.Time   // last seen in a network that is not on the map; zero: on the map
	memory     string      // a locate.Memory in its binary form
	steady     *steady
	verdict    verdict
	generation uint64
	written    verdict // of the last fact
	writtenAt  time.Time
	presentAt  time.Time // of the last fact that it is there
}

// settled is the memory with what the last requests repeated.
func (e *entry) settled() locate.Memory {
	m, err := locate.ParseMemory(e.memory)
	if err != nil {
		return locate.Memory{} // cannot be: keep wrote it
	}
	if e.steady == nil || e.steady.at <= e.steady.since {
		return m
	}
	return m.Again(time.Unix(0, e.steady.since), time.Unix(0, e.steady.at))
}

// keep enters a memory.
func (e *entry) keep(m locate.Memory) {
	b, err := m.AppendBinary(nil)
	if err != nil {
		b = nil // cannot be: an address has a binary form
	}
	e.memory = string(b)
}

// evidence is where the device is by what it and others told of its network,
// looked up in the map as it is now: an element that was moved on the map since
// counts as it stands now. It keeps its own time and place, so that it grows old
// by itself in the decision that it goes into (F-01). phoneAt may be nil.
func (e *entry) evidence(o *snapshot.Org, phoneAt func(e911.MAC) (locate.Evidence, bool), now time.Time) (locate.Evidence, bool) {
	cs := e.settled().Recall(o, phoneAt).Candidates
	r := locate.Decide(cs, locate.Situation{HELD: true}, now)
	return chosen(cs, r)
}

// chosen is the candidate that a decision chose, as it was found.
func chosen(cs []locate.Candidate, r locate.Result) (locate.Evidence, bool) {
	if r.By == e911.ByNothing {
		return locate.Evidence{}, false
	}
	text := said(r.Findings)
	for i := range cs {
		if cs[i].By == r.By && cs[i].Said == text && cs[i].Over == "" {
			return cs[i].Evidence, true
		}
	}
	return locate.Evidence{By: r.By, At: r.At, Place: r.Place, Said: text}, true
}

type shard struct {
	mu      sync.Mutex
	entries map[key]*entry
	unknown int
	window  time.Time // of the facts of new unknown devices
	facts   int
}

// table keeps what is known of devices. Safe for concurrent use.
type table struct {
	seed   maphash.Seed
	shards [shards]shard

	// own addresses that devices name, for who asks by address alone
	addrMu sync.Mutex
	addrs  map[addrKey]string
}

type addrKey struct {
	org  e911.OrgID
	addr netip.Addr
}

// maxAddrs bounds the addresses that are remembered.
const maxAddrs = 500_000

func newTable() *table {
	t := &table{seed: maphash.MakeSeed(), addrs: map[addrKey]string{}}
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
	return e.copy(), true
}

// copy is for who reads without the lock: what a steady state changes by itself
// is taken along as it is now.
func (e *entry) copy() entry {
	c := *e
	if c.steady != nil {
		st := *c.steady
		c.steady = &st
	}
	return c
}

// hasProved reports whether the device ever proved itself.
func (t *table) hasProved(k key) bool {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	return e != nil && e.proved
}

// byAddress finds the device that last named an address as its own.
func (t *table) byAddress(org e911.OrgID, a netip.Addr) (string, bool) {
	t.addrMu.Lock()
	defer t.addrMu.Unlock()
	name, ok := t.addrs[addrKey{org, a}]
	return name, ok
}

func (t *table) nameAddresses(org e911.OrgID, device string, addrs []netip.Addr) {
	if len(addrs) == 0 {
		return
	}
	t.addrMu.Lock()
	defer t.addrMu.Unlock()
	for _, a := range addrs[:min(len(addrs), 4)] {
		if len(t.addrs) >= maxAddrs {
			for old := range t.addrs {
				delete(t.addrs, old)
				break
			}
		}
		t.addrs[addrKey{org, a}] = device
	}
}

// sign enters who uses a device and returns who did before.
func (t *table) sign(k key, user e911.UserID, now time.Time) (before e911.UserID) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	if e == nil {
		e = s.add(k, false)
		e.seen = now
	}
	if now.Before(e.userAt) {
		return e.user // heard late of another node
	}
	before, e.user, e.userAt = e.user, user, now
	return before
}

// sighting is one request of a device, or what somebody told of it.
type sighting struct {
	known, proved bool
	now           time.Time
	via           string
	source        netip.Addr
	says          []journal.Named
	measured      locate.Measurement
	org           *snapshot.Org
	phoneAt       func(e911.MAC) (locate.Evidence, bool)
	situation     locate.Situation
	also          []locate.Candidate // further evidence of this one decision
	// alone: the name may stand for several devices, so that what was seen under
	// it before is not this one's.
	alone bool
}

// change is what came of a sighting.
type change struct {
	result     locate.Result
	chosen     locate.Evidence
	found      locate.Recollection
	memory     locate.Memory
	generation uint64
	write      bool // a fact of a new location is due
	present    bool // a fact that the device is there is due
}

// put takes a sighting and decides where the device is now by all that is known
// of it.
func (t *table) put(k key, s sighting) change {
	t.nameAddresses(k.org, k.device, s.measured.Addrs)
	sh := t.shard(k)
	// What a device says is looked up outside the lock, because phoneAt asks for
	// other devices; the memory is a value, and whoever comes between is not lost:
	// the sighting is then taken in again.
	var e entry
	old, was := t.get(k)
	for {
		e = old
		if s.alone {
			e.memory, e.steady = "", nil
		}
		memory, _ := e.settled().Observe(s.measured)
		recalled := memory.Recall(s.org, s.phoneAt)
		cs := recalled.Candidates
		if len(s.also) > 0 {
			cs = append(cs[:len(cs):len(cs)], s.also...)
		}
		c := change{result: locate.Decide(cs, s.situation, s.now), found: recalled, memory: recalled.Memory}
		c.chosen, _ = chosen(cs, c.result)
		sh.mu.Lock()
		now := sh.entries[k]
		if now != nil && (!was || now.generation != old.generation || !now.seen.Equal(old.seen)) {
			old, was = now.copy(), true
			sh.mu.Unlock()
			continue
		}
		if now == nil {
			now = sh.add(k, s.known)
		}
		sh.enter(now, &c, &s)
		sh.mu.Unlock()
		return c
	}
}

// enter keeps what was decided. The lock is held.
func (sh *shard) enter(e *entry, c *change, s *sighting) {
	e.keep(c.memory)
	e.steady = nil
	e.seen, e.via, e.source = s.now, s.via, s.source
	e.proved = e.proved || s.proved
	if len(s.says) > 0 {
		e.says = s.says
	}
	e.elsewhere = c.found.Elsewhere
	if c.result.By != e911.ByNothing {
		e.elsewhere = time.Time{}
	}
	next := verdict{by: e911.ByNothing}
	if c.result.By != e911.ByNothing {
		next = verdict{c.result.By, c.chosen.Said, reference(c.chosen.Place)}
	} else if e.verdict.by == "" && e.elsewhere.IsZero() {
		next = verdict{} // never located, and shows nothing
	}
	if next != e.verdict {
		e.verdict = next
		e.generation++
	}
	c.generation = e.generation
	if e.verdict != e.written && (e.writtenAt.IsZero() || s.now.Sub(e.writtenAt) >= factsPerDevice) {
		c.write = e.known || !e.writtenAt.IsZero() || sh.mayTell(s.now)
	}
	switch {
	case c.write:
		e.written, e.writtenAt, e.presentAt = e.verdict, s.now, s.now
	case e.presentAt.IsZero() || s.now.Sub(e.presentAt) >= presentEvery:
		if c.present = e.known || !e.presentAt.IsZero() || sh.mayTell(s.now); c.present {
			e.presentAt = s.now
		}
	}
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
