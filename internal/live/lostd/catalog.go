package lostd

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// catalog is what one set of boundaries means in LoST.
type catalog struct {
	index   *ecrf.Index
	entries map[*e911.PSAP]*entry // by what a hit points to, which is one boundary
	order   []*entry              // by sourceId
	turns   []time.Time           // when a boundary begins or ends, sorted
	byKey   func() map[string]*entry
	room    *atomic.Int64 // bytes that may still be prepared
}

// mostPrepared bounds the answers that are kept written.
const mostPrepared = 64 << 20

// entry is one boundary: of a layer, or a PSAP's own.
type entry struct {
	hit     ecrf.Hit
	id      string // sourceId
	updated time.Time
	key     func() string                    // of its shape, and the same for ever
	written atomic.Pointer[[]writtenMapping] // replaced, never changed
}

// writtenMapping is a mapping of an entry that is prepared for answers.
type writtenMapping struct {
	form    wanted
	mapping lost.Mapping
}

// wanted is how a mapping shall be told.
type wanted struct {
	service, profile string
	form             lost.BoundaryForm
}

// catalogOf returns the catalog of a snapshot, made anew when its boundaries
// changed.
func (s *Server) catalogOf(snap *snapshot.Snapshot) *catalog {
	old := s.catalog.Load()
	index := snap.PSAPs()
	if old != nil && old.index == index {
		return old
	}
	was := map[string]*entry{}
	if old != nil {
		for _, e := range old.order {
			was[e.id] = e
		}
	}
	c := &catalog{index: index, entries: map[*e911.PSAP]*entry{}, room: &atomic.Int64{}}
	c.room.Store(mostPrepared)
	index.Each(func(h ecrf.Hit) bool {
		e := newEntry(h, was[h.SourceID()], snap.At)
		c.entries[h.PSAP] = e
		c.order = append(c.order, e)
		if b := h.Boundary; b != nil {
			for _, at := range []time.Time{b.Effective, b.Expire} {
				if !at.IsZero() {
					c.turns = append(c.turns, at)
				}
			}
		}
		return true
	})
	slices.SortStableFunc(c.order, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(c.turns, time.Time.Compare)
	c.byKey = sync.OnceValue(func() map[string]*entry {
		m := map[string]*entry{}
		for _, e := range c.order {
			if k := e.key(); k != "" {
				m[k] = e
			}
			if k, _ := e.civicBoundary(); k != "" {
				m[k] = e
			}
		}
		return m
	})
	s.catalog.Store(c)
	return c
}

// newEntry dates a boundary: as its publisher does, or by when we first saw it
// so, whichever is later, so that a mapping that says something else is newer.
func newEntry(h ecrf.Hit, was *entry, seen time.Time) *entry {
	e := &entry{hit: h, id: h.SourceID(), updated: h.LastUpdated().UTC().Truncate(time.Second)}
	area := h.PSAP.Area
	e.key = sync.OnceValue(func() string { return areaKey(area) })
	switch seen = seen.UTC().Truncate(time.Second); {
	case was != nil && same(&was.hit, &h):
		e.key = was.key
		if e.updated.Before(was.updated) {
			e.updated = was.updated
		}
	case was != nil && e.updated.Before(seen), h.LastUpdated().IsZero():
		e.updated = seen
	}
	return e
}

// same reports that a boundary says the same. Snapshots share what did not
// change.
func same(a, b *ecrf.Hit) bool {
	if a.Name() != b.Name() || a.PSAP.ID != b.PSAP.ID || a.PSAP.Boundary != b.PSAP.Boundary || a.Service != b.Service || a.Number() != b.Number() || !slices.Equal(a.URIs(), b.URIs()) {
		return false
	}
	if a.Boundary != nil && b.Boundary != nil && a.Boundary.Civic != b.Boundary.Civic {
		return false
	}
	x, y := a.PSAP.Area, b.PSAP.Area
	return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0] || reflect.DeepEqual(x, y))
}

// areaKey is made of the corners alone: it names this shape for ever, also after
// a restart, and a layer that is replaced keeps the keys of what did not change.
func areaKey(m e911.MultiPolygon) string {
	if len(m) == 0 {
		return ""
	}
	h := sha256.New()
	var b [16]byte
	for _, poly := range m {
		for _, ring := range poly {
			for _, p := range ring {
				binary.BigEndian.PutUint64(b[:8], math.Float64bits(p.Lat))
				binary.BigEndian.PutUint64(b[8:], math.Float64bits(p.Lon))
				h.Write(b[:])
			}
			h.Write([]byte{1})
		}
		h.Write([]byte{2})
	}
	return "g" + hex.EncodeToString(h.Sum(nil)[:16])
}

// civicBoundary is what an address must have to be inside, where the boundary
// says so; its key names it.
func (e *entry) civicBoundary() (key string, b lost.Boundary) {
	var in e911.Civic
	switch own := e.hit.PSAP.Boundary; {
	case e.hit.Boundary != nil:
		in = e.hit.Boundary.Civic
	case own.State != "" && own.County != "":
		in = e911.Civic{Country: "US", A1: own.State, A2: own.County}
	}
	c := civic.ToPIDF(in)
	if c == nil {
		return "", b
	}
	h := sha256.New()
	for i := range c.Fields {
		h.Write([]byte(c.Fields[i].Name + "\x00" + c.Fields[i].Value + "\x01"))
	}
	return "c" + hex.EncodeToString(h.Sum(nil)[:16]), lost.Boundary{Profile: lost.ProfileCivic, Civics: []pidflo.Civic{*c}}
}

// boundaryOf is the boundary in a profile with its key; the key is empty when
// there is none.
func (e *entry) boundaryOf(profile string) (string, lost.Boundary) {
	if profile == lost.ProfileCivic {
		return e.civicBoundary()
	}
	b := lost.Boundary{Profile: lost.ProfileGeodetic}
	for _, poly := range e.hit.PSAP.Area {
		if len(poly) == 0 {
			continue
		}
		if len(poly) == 1 {
			b.Shapes = append(b.Shapes, pidflo.Polygon{Exterior: positions(poly[0], false)})
			continue
		}
		r := pidflo.Region{Exterior: positions(poly[0], false)}
		for _, hole := range poly[1:] {
			r.Holes = append(r.Holes, positions(hole, true))
		}
		b.Shapes = append(b.Shapes, r)
	}
	return e.key(), b
}

// positions is a ring counter-clockwise, or clockwise.
func positions(ring []e911.Point, clockwise bool) []pidflo.Pos {
	var sum float64
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += (p.Lon-ring[0].Lon)*(q.Lat-ring[0].Lat) - (q.Lon-ring[0].Lon)*(p.Lat-ring[0].Lat)
	}
	out := make([]pidflo.Pos, len(ring))
	for i, p := range ring {
		out[i] = pidflo.Pos{Lat: p.Lat, Lon: p.Lon}
	}
	if (sum < 0) != clockwise {
		slices.Reverse(out)
	}
	return out
}

// mapping is what LoST says of a boundary, prepared. It holds until the next
// boundary begins or ends, and a TTL at most.
func (s *Server) mapping(q *question, e *entry, w wanted) lost.Mapping {
	m := s.prepared(q.cat, e, w)
	m.Expires = s.expires(q, e)
	return m
}

func (s *Server) expires(q *question, e *entry) lost.Expires {
	if e.hit.Demonstration() || q.ahead() {
		return lost.Expires{Caching: lost.NoCache}
	}
	at := soonest(q.now.Add(s.cfg.TTL), e.hit.Expires())
	i, _ := slices.BinarySearchFunc(q.cat.turns, q.now, func(t, now time.Time) int {
		if t.After(now) {
			return 1
		}
		return -1
	})
	if i < len(q.cat.turns) {
		at = soonest(at, q.cat.turns[i])
	}
	return lost.Expires{Caching: lost.Until, At: at}
}

// prepared returns the mapping without its Expires, from those that were
// prepared before where it is one.
func (s *Server) prepared(cat *catalog, e *entry, w wanted) lost.Mapping {
	list := e.written.Load()
	if list != nil {
		for i := range *list {
			if (*list)[i].form == w {
				return (*list)[i].mapping
			}
		}
	}
	m := s.make(e, w)
	if len(m.Encoded) == 0 || cat == nil || cat.room.Add(int64(-len(m.Encoded))) < 0 {
		return m
	}
	var next []writtenMapping
	if list != nil {
		next = slices.Clone(*list)
	}
	next = append(next, writtenMapping{w, m})
	e.written.CompareAndSwap(list, &next) // who loses writes it again
	return m
}

// make writes a mapping. What a layer says and LoST cannot is left out: first
// its addresses of calls, then its boundary.
func (s *Server) make(e *entry, w wanted) lost.Mapping {
	m := lost.Mapping{
		Source: s.cfg.Name, SourceID: e.id, LastUpdated: e.updated, Service: w.service,
		DisplayNames: []lost.Text{{Text: name(e), Lang: "en"}},
		URIs:         s.uris(&e.hit), ServiceNumber: digits(e.hit.Number()),
	}
	if e.hit.Demonstration() {
		m.Source = demonstrationSource + s.cfg.Name
		m.DisplayNames[0].Text += " (demonstration: not a PSAP's boundary)"
	}
	if !e.hit.PSAP.Relay {
		key, b := e.boundaryOf(w.profile)
		switch {
		case key == "": // found by another profile
		case w.form == lost.ByValue:
			m.Boundaries = []lost.Boundary{b}
		default:
			m.Reference = lost.BoundaryReference{Source: s.cfg.Name, Key: key}
		}
	}
	err := m.Prepare()
	if err == nil {
		return m
	}
	s.cfg.Log.Error("a boundary of a layer cannot be told whole", "id", clip(e.id, 120), "err", clip(err.Error(), 200))
	for _, leave := range []func(){func() { m.URIs = []string{s.cfg.URI} }, func() { m.Boundaries, m.Reference = nil, lost.BoundaryReference{} }} {
		leave()
		if m.Prepare() == nil {
			break
		}
	}
	return m
}

// uris are where calls go. For a PSAP of our directory that is us: its ladder is
// walked here. For a boundary that is nobody's of ours it is what the boundary
// says.
func (s *Server) uris(h *ecrf.Hit) []string {
	var out []string
	schemes := map[string]bool{}
	if h.PSAP.ID == "" || s.cfg.BoundaryURIs {
		for _, u := range h.URIs() {
			u = strings.TrimSpace(u)
			p, err := url.Parse(u)
			if err != nil || p.Scheme == "" || p.Opaque == "" && p.Host == "" || strings.ContainsAny(u, " \t\r\n<>\"") || schemes[p.Scheme] {
				continue
			}
			schemes[p.Scheme] = true // one of a kind (RFC 5222, section 5.5)
			out = append(out, u)
		}
	}
	if len(out) == 0 {
		return []string{s.cfg.URI}
	}
	return out
}

// name is never empty: Kamailio 5.6 ends at a mapping without.
func name(e *entry) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xFFFD || r == 0xFFFE || r == 0xFFFF {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(e.hit.Name(), " "))
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		return e.id
	}
	return text
}

func digits(s string) string {
	if s == "" || strings.Trim(s, "0123456789*#") != "" {
		return ecrf.Number
	}
	return s
}

// demonstrationSource begins the source of mappings from a demonstration layer.
const demonstrationSource = "demonstration."
