package lostc

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// known is one mapping with the ground that it covers.
type known struct {
	mapping lost.Mapping
	path    []lost.Via
	warned  []lost.Exceptions
	asked   string // service that was asked for, where another was answered
	ground  *geo.Index
	corners int // of the boundary, which are what it costs
	civics  []pidflo.Civic
	since   time.Time
	rank    int // of the upstream it is from: the first one's is 0, and outranks
}

// mostCorners bounds the boundaries of the memory together, some 200 MB.
const mostCorners = 2_000_000

// identity is what RFC 6739 tells mappings apart by, with the service that was
// asked for: after a substitution one mapping answers several. The rank keeps an
// upstream from replacing what one before it said.
type identity struct {
	source, id, asked string
	rank              int
}

// place is a location that was asked for, in one spelling.
type place struct {
	service string
	point   e911.Point
	civic   e911.Civic
}

// memory is what upstreams said. Safe for concurrent use; its locks are held
// for no longer than a look.
type memory struct {
	mostMappings, mostPlaces int

	mu       sync.RWMutex
	mappings map[identity]*known
	order    []*known // oldest first
	corners  int
	places   map[place]identity
	changed  bool // since news was asked
}

// news reports whether a mapping came or went since the last time.
func (m *memory) news() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.changed
	m.changed = false
	return was
}

func newMemory(mappings, places int) *memory {
	return &memory{mostMappings: mappings, mostPlaces: places, mappings: map[identity]*known{}, places: map[place]identity{}}
}

// keep stores the first mapping of an answer, when it may be kept.
func (m *memory) keep(q *lost.FindService, resp *lost.FindServiceResponse, rank int, now time.Time) {
	if len(resp.Mappings) == 0 || !keepable(&resp.Mappings[0], now) || slices.ContainsFunc(resp.Warnings, func(w lost.Exceptions) bool {
		return w.Has(lost.DefaultMappingReturned) // of this place alone, and to be asked again
	}) {
		return
	}
	k := newKnown(&resp.Mappings[0], strings.ToLower(q.Service), resp.Path, now)
	k.warned, k.rank = cloneWarnings(resp.Warnings), rank
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k)
	// Where the boundary does not hold the place, the answer was for once.
	if key, exact := keyOf(q, resp.LocationUsed); exact && (k.ground == nil || key.civic != (e911.Civic{}) || k.ground.First(key.point) >= 0) {
		if len(m.places) >= m.mostPlaces {
			m.dropPlaces(now)
		}
		m.places[key] = k.identity()
	}
}

// keepable reports a mapping that may be used again and can be told from others.
func keepable(mp *lost.Mapping, now time.Time) bool {
	return mp.Expires.Fresh(now) && mp.Source != "" && mp.SourceID != ""
}

func newKnown(mp *lost.Mapping, asked string, path []lost.Via, now time.Time) *known {
	k := &known{mapping: cloneMapping(mp), asked: asked, path: slices.Clone(path), since: now}
	for i := range k.path {
		k.path[i].Source = strings.Clone(k.path[i].Source)
	}
	var area e911.MultiPolygon
	for i := range k.mapping.Boundaries {
		b := &k.mapping.Boundaries[i]
		if b.Err != nil {
			continue // what is left is not the whole region, but inside it
		}
		for _, s := range b.Shapes {
			if rings, ok := ringsOf(s); ok {
				area = append(area, rings)
				for _, r := range rings {
					k.corners += len(r)
				}
			}
		}
		k.civics = append(k.civics, b.Civics...)
	}
	if len(area) > 0 && len(geo.Check(area)) == 0 {
		k.ground = geo.NewIndex([]e911.MultiPolygon{area})
	}
	return k
}

func ringsOf(s pidflo.Shape) ([][]e911.Point, bool) {
	ring := func(list []pidflo.Pos) []e911.Point {
		out := make([]e911.Point, len(list))
		for i, p := range list {
			out[i] = e911.Point{Lat: p.Lat, Lon: p.Lon}
		}
		return out
	}
	switch v := s.(type) {
	case pidflo.Polygon:
		return [][]e911.Point{ring(v.Exterior)}, true
	case pidflo.Region:
		out := [][]e911.Point{ring(v.Exterior)}
		for _, h := range v.Holes {
			out = append(out, ring(h))
		}
		return out, true
	}
	return nil, false // a round boundary: asked again for other places
}

func (k *known) identity() identity {
	return identity{k.mapping.Source, k.mapping.SourceID, k.asked, k.rank}
}

// put stores, under the lock.
func (m *memory) put(k *known) {
	id := k.identity()
	if was, ok := m.mappings[id]; ok {
		m.forget(was)
	}
	for len(m.order) > 0 && (len(m.order) >= m.mostMappings || m.corners+k.corners > mostCorners) {
		m.forget(m.order[0])
	}
	m.changed = true
	m.mappings[id] = k
	m.corners += k.corners
	m.order = append(m.order, k)
}

func (m *memory) forget(k *known) {
	m.changed = true
	delete(m.mappings, k.identity())
	if i := slices.Index(m.order, k); i >= 0 {
		m.order = slices.Delete(m.order, i, i+1)
		m.corners -= k.corners
	}
}

// dropPlaces makes room: expired ones first, else whichever comes.
func (m *memory) dropPlaces(now time.Time) {
	for key, id := range m.places {
		if k := m.mappings[id]; k == nil || !k.mapping.Expires.Fresh(now) {
			delete(m.places, key)
		}
	}
	for key := range m.places {
		if len(m.places) < m.mostPlaces {
			return
		}
		delete(m.places, key)
	}
}

// find returns an unexpired mapping for a service at a place: the one that was
// answered for that very place, else one whose boundary holds it. Of several the
// upstream that is asked first wins, then what it said last.
func (m *memory) find(key place, area *e911.Area, now time.Time) (*known, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if id, ok := m.places[key]; ok && (area == nil || area.RadiusM <= 0) {
		if k := m.mappings[id]; k != nil && k.mapping.Expires.Fresh(now) {
			return k, true
		}
	}
	var found *known
	for _, k := range m.order {
		if k.serves(key.service) && (found == nil || k.before(found)) && k.mapping.Expires.Fresh(now) && k.holds(area, key.civic) {
			found = k
		}
	}
	return found, found != nil
}

func (k *known) before(other *known) bool {
	return k.rank < other.rank || k.rank == other.rank && !k.since.Before(other.since)
}

func (k *known) serves(service string) bool {
	if k.asked != "" {
		return k.asked == service
	}
	return strings.EqualFold(k.mapping.Service, service) // it was pushed
}

// holds reports that the boundary holds all of an area, or, without one, the
// address.
func (k *known) holds(a *e911.Area, c e911.Civic) bool {
	if a != nil {
		if k.ground == nil || k.ground.First(a.Point) < 0 {
			return false
		}
		for i := range 8 {
			if a.RadiusM > 0 && k.ground.First(geo.Offset(a.Point, a.RadiusM, float64(i)*45)) < 0 {
				return false
			}
		}
		return true
	}
	if c.Empty() {
		return false
	}
	address := civic.ToPIDF(c)
	return slices.ContainsFunc(k.civics, func(b pidflo.Civic) bool { return matches(&b, address) })
}

// matches reports that every field of a boundary is so in the address, and that
// it has one at all.
func matches(b, address *pidflo.Civic) bool {
	n := 0
	for _, field := range e911.CivicFieldNames() {
		v := b.Get(field)
		if v == "" {
			continue
		}
		if n++; !strings.EqualFold(strings.TrimSpace(v), strings.TrimSpace(address.Get(field))) {
			return false
		}
	}
	// A field that we do not know may cut the region down.
	return n > 0 && n == len(b.Fields)
}

// answer makes the answer of a query from memory.
func (m *memory) answer(q *lost.FindService, now time.Time) (*lost.FindServiceResponse, bool) {
	if q.ValidateLocation || len(q.Extensions) > 0 {
		return nil, false // not what is kept
	}
	for i := range q.Locations {
		l := &q.Locations[i]
		if l.Err != nil || l.Civic == nil && l.Shape == nil {
			continue
		}
		key, _ := keyOf(q, l.ID)
		k, ok := m.find(key, areaOf(l.Shape), now)
		if !ok {
			return nil, false
		}
		resp := &lost.FindServiceResponse{Mappings: []lost.Mapping{k.mapping}, Warnings: k.warned, Path: k.path, LocationUsed: l.ID}
		return resp, len(resp.Path) > 0
	}
	return nil, false
}

// keyOf is the location of a query that was used, as a place; exact for a point
// or an address, not for the middle of an area.
func keyOf(q *lost.FindService, used string) (key place, exact bool) {
	for i := range q.Locations {
		l := &q.Locations[i]
		if used != "" && l.ID != used {
			continue
		}
		key = place{service: strings.ToLower(q.Service)}
		switch {
		case l.Civic != nil:
			key.civic = civic.FromPIDF(l.Civic)
			return key, !key.civic.Empty()
		case l.Shape != nil:
			_, exact = l.Shape.(pidflo.Point)
			c := l.Shape.Enclose().Center
			key.point = e911.Point{Lat: c.Lat, Lon: c.Lon}
			return key, exact
		}
	}
	return place{}, false
}

// areaOf is the circle around a shape.
func areaOf(s pidflo.Shape) *e911.Area {
	if s == nil {
		return nil
	}
	c := s.Enclose()
	return &e911.Area{Point: e911.Point{Lat: c.Center.Lat, Lon: c.Center.Lon}, RadiusM: c.Radius}
}

// skew is how far the clock of another server may be ahead.
const skew = time.Hour

// push stores mappings of a synchronization, newer ones over older (RFC 6739,
// section 5.1), at a rank or that of the ones they replace.
func (m *memory) push(list []lost.Mapping, rank int, now time.Time) (missing []lost.Mapping) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range list {
		mp := &list[i]
		var newest time.Time
		var had []*known
		for _, k := range m.order {
			if k.mapping.Source == mp.Source && k.mapping.SourceID == mp.SourceID {
				had = append(had, k)
				if newest.Before(k.mapping.LastUpdated) {
					newest = k.mapping.LastUpdated
				}
			}
		}
		switch {
		case mp.Deletes() && len(had) == 0:
			missing = append(missing, *mp)
			continue
		case mp.LastUpdated.After(now.Add(skew)): // nothing could ever replace it
			continue
		case !mp.Deletes() && (!keepable(mp, now) || len(had) > 0 && !newest.Before(mp.LastUpdated)):
			continue
		}
		at := rank
		for _, k := range had {
			at = min(at, k.rank)
			m.forget(k)
		}
		if !mp.Deletes() {
			k := newKnown(mp, "", []lost.Via{{Source: mp.Source}}, now)
			k.rank = at
			m.put(k)
		}
	}
	return missing
}

// toAnswer is a mapping as the decision of a route takes it.
func (k *known) toAnswer(o ecrf.Origin) ecrf.Answer {
	mp := &k.mapping
	a := ecrf.Answer{Origin: o, Source: mp.Source, SourceID: mp.SourceID, Service: mp.Service, URIs: mp.URIs, Number: mp.ServiceNumber}
	if len(mp.DisplayNames) > 0 {
		a.Name = strings.TrimSpace(mp.DisplayNames[0].Text)
	}
	if mp.Expires.Caching == lost.Until {
		a.Expires = mp.Expires.At
	}
	return a
}
