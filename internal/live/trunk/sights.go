package trunk

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/snapshot"
)

const (
	// remember is how long the address of a neighbour that proved itself is known
	// (F-10).
	remember = 30 * 24 * time.Hour
	// again is how often it is put on record that it proved itself there.
	again = 24 * time.Hour
	// maxSeen bounds the sights of all neighbours, maxPlaces those of one, so that who
	// changes his address all the time makes nobody else forgotten; maxHere those at one
	// address.
	maxSeen   = 10_000
	maxPlaces = 64
	maxHere   = 32
)

// sight is when a neighbour proved itself at an address.
type sight struct {
	at       time.Time
	recorded time.Time
}

// sights are the addresses where neighbours without ranges proved themselves. Several
// may share one: a hosted PBX of many tenants, a translator. Safe for concurrent use.
type sights struct {
	mu   sync.RWMutex
	at   map[netip.Addr]map[e911.TrunkID]sight
	of   map[e911.TrunkID]map[netip.Addr]bool
	seen int
}

func newSights() *sights {
	return &sights{at: map[netip.Addr]map[e911.TrunkID]sight{}, of: map[e911.TrunkID]map[netip.Addr]bool{}}
}

// put files that a trunk's neighbour proved itself, and reports whether that is to be
// put on record.
func (s *sights) put(a netip.Addr, t e911.TrunkID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.at[a][t]
	record := !ok || now.Sub(was.recorded) >= again
	v := sight{at: now, recorded: now}
	if !record {
		v.recorded = was.recorded
	}
	s.file(a, t, v)
	return record
}

// restore files a sight of an earlier run.
func (s *sights) restore(a netip.Addr, t e911.TrunkID, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.at[a][t]; !ok || was.at.Before(at) {
		s.file(a, t, sight{at: at, recorded: at})
	}
}

// file makes room and files; the lock is held.
func (s *sights) file(a netip.Addr, t e911.TrunkID, v sight) {
	if _, ok := s.at[a][t]; !ok {
		if len(s.of[t]) >= maxPlaces {
			s.dropOldestOf(t)
		}
		if len(s.at[a]) >= maxHere {
			s.dropOldestAt(a)
		}
		if s.seen >= maxSeen {
			s.dropOldestOf(s.widest())
		}
		s.seen++
	}
	if s.at[a] == nil {
		s.at[a] = map[e911.TrunkID]sight{}
	}
	if s.of[t] == nil {
		s.of[t] = map[netip.Addr]bool{}
	}
	s.at[a][t], s.of[t][a] = v, true
}

// widest is the trunk with the most addresses.
func (s *sights) widest() (t e911.TrunkID) {
	for k, places := range s.of {
		if t == "" || len(places) > len(s.of[t]) {
			t = k
		}
	}
	return t
}

func (s *sights) dropOldestOf(t e911.TrunkID) {
	var oldest netip.Addr
	for a := range s.of[t] {
		if !oldest.IsValid() || s.at[a][t].at.Before(s.at[oldest][t].at) {
			oldest = a
		}
	}
	s.drop(oldest, t)
}

func (s *sights) dropOldestAt(a netip.Addr) {
	var oldest e911.TrunkID
	for t, v := range s.at[a] {
		if oldest == "" || v.at.Before(s.at[a][oldest].at) {
			oldest = t
		}
	}
	s.drop(a, oldest)
}

func (s *sights) drop(a netip.Addr, t e911.TrunkID) {
	if _, ok := s.at[a][t]; !ok {
		return
	}
	s.seen--
	if delete(s.at[a], t); len(s.at[a]) == 0 {
		delete(s.at, a)
	}
	if delete(s.of[t], a); len(s.of[t]) == 0 {
		delete(s.of, t)
	}
}

// here are the trunks of the snapshot that proved themselves at an address within 30
// days, the newest first.
func (s *sights) here(w *snapshot.Snapshot, a netip.Addr, now time.Time) []e911.Trunk {
	s.mu.RLock()
	defer s.mu.RUnlock()
	there := s.at[a]
	if len(there) == 0 {
		return nil
	}
	out := make([]e911.Trunk, 0, len(there))
	for id, v := range there {
		if t, ok := w.Trunk(id); ok && now.Sub(v.at) < remember {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b e911.Trunk) int { return there[b.ID].at.Compare(there[a.ID].at) })
	return out
}

// last is where and when a trunk's neighbour last proved itself.
func (s *sights) last(t e911.TrunkID) (from netip.Addr, at time.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for a := range s.of[t] {
		if v := s.at[a][t]; v.at.After(at) {
			from, at = a, v.at
		}
	}
	return from, at
}

// Seen is where the neighbour of a trunk without ranges last proved itself by its
// secret, within 30 days; false: nowhere.
func (d *Door) Seen(t e911.TrunkID) (from netip.Addr, at time.Time, ok bool) {
	from, at = d.sights.last(t)
	return from, at, from.IsValid() && d.cfg.Now().Sub(at) < remember
}

// whose tells which of the neighbours that share an address sent an INVITE that proves
// nothing. Those of one organisation stand for each other. Of several organisations it
// is the one whose user, or whose number, the call is from; false: it could be any
// one's, and is nobody's. To guess would send help to the wrong house, and tell one
// organisation of another's call (E14).
func whose(v *visitor, there []e911.Trunk) (e911.Trunk, bool) {
	from := identify.UserOf(v.q.Headers.Get("From"))
	for _, t := range there {
		if t.Admit.User != "" && t.Admit.User == from {
			return t, true
		}
	}
	if !slices.ContainsFunc(there, func(t e911.Trunk) bool { return t.Org != there[0].Org }) {
		return there[0], true
	}
	line := identify.Asserted(v.q.Headers)
	var found e911.Trunk
	for _, t := range there {
		o := v.w.Org(t.Org)
		if o == nil || line == "" || found.Org == t.Org && found.ID != "" {
			continue
		}
		if _, has := o.Number(line); !has {
			continue
		}
		if found.ID != "" {
			return e911.Trunk{}, false // two have it in their lists
		}
		found = t
	}
	return found, found.ID != ""
}
