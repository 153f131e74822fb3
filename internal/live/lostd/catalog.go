package lostd

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// catalog is what one set of PSAPs means in LoST.
type catalog struct {
	index *ecrf.Index
	psaps map[e911.PSAPID]*entry
	order []*entry // by id
	byKey func() map[string]*entry
}

// entry is one PSAP. Its updated is when it last changed while we looked, so
// that other changes of the world make no mapping newer.
type entry struct {
	psap    e911.PSAP
	updated time.Time
	key     func() string // of its boundary by shape, and the same for ever
}

// catalogOf returns the catalog of a snapshot, made anew when its PSAPs changed.
func (s *Server) catalogOf(snap *snapshot.Snapshot) *catalog {
	old := s.catalog.Load()
	index := snap.PSAPs()
	if old != nil && old.index == index {
		return old
	}
	c := &catalog{index: index, psaps: map[e911.PSAPID]*entry{}}
	for _, p := range index.All() {
		e := &entry{psap: p, updated: snap.At.UTC().Truncate(time.Second)}
		e.key = sync.OnceValue(func() string { return areaKey(p.Area) })
		if old != nil {
			if was, ok := old.psaps[p.ID]; ok && same(&was.psap, &p) {
				e = was
			}
		}
		c.psaps[p.ID] = e
		c.order = append(c.order, e)
	}
	slices.SortFunc(c.order, func(a, b *entry) int { return cmp.Compare(a.psap.ID, b.psap.ID) })
	c.byKey = sync.OnceValue(func() map[string]*entry {
		m := map[string]*entry{}
		for _, e := range c.order {
			m[e.key()] = e
			if k, _ := e.civicBoundary(); k != "" {
				m[k] = e
			}
		}
		return m
	})
	s.catalog.Store(c)
	return c
}

// same reports that a PSAP did not change. Snapshots share what did not.
func same(a, b *e911.PSAP) bool {
	if a.Name != b.Name || a.Boundary != b.Boundary || len(a.Area) != len(b.Area) {
		return false
	}
	return len(a.Area) == 0 || &a.Area[0] == &b.Area[0] || reflect.DeepEqual(a.Area, b.Area)
}

func areaKey(m e911.MultiPolygon) string {
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

// civicBoundary is the county, when the PSAP is found by its name; its key
// names it.
func (e *entry) civicBoundary() (key string, b lost.Boundary) {
	area := e.psap.Boundary
	if area.State == "" || area.County == "" {
		return "", b
	}
	sum := sha256.Sum256([]byte(area.State + "/" + area.County))
	c := civic.ToPIDF(e911.Civic{Country: "US", A1: area.State, A2: area.County})
	return "c" + hex.EncodeToString(sum[:16]), lost.Boundary{Profile: lost.ProfileCivic, Civics: []pidflo.Civic{*c}}
}

// boundaryOf is the boundary in a profile with its key; the key is empty when
// there is none.
func (e *entry) boundaryOf(profile string) (string, lost.Boundary) {
	if profile == lost.ProfileCivic {
		return e.civicBoundary()
	}
	b := lost.Boundary{Profile: lost.ProfileGeodetic}
	for _, poly := range e.psap.Area {
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

// mapping is what LoST says of a PSAP for one of its services.
func (s *Server) mapping(q *question, e *entry, service, profile string, form lost.BoundaryForm) lost.Mapping {
	m := lost.Mapping{
		Source: s.cfg.Name, SourceID: sourceID(&e.psap, service), LastUpdated: e.updated,
		Expires:      lost.Expires{Caching: lost.Until, At: q.now.Add(s.cfg.TTL)},
		DisplayNames: []lost.Text{{Text: e.psap.Name, Lang: "en"}},
		Service:      service, URIs: []string{s.cfg.URI}, ServiceNumber: ecrf.Number,
	}
	if e.psap.Boundary.Demonstration() {
		m.Source = demonstrationSource + s.cfg.Name
		m.Expires = lost.Expires{Caching: lost.NoCache}
		m.DisplayNames[0].Text += " (demonstration: a county, not a PSAP's boundary)"
	}
	if e.psap.Relay {
		return m
	}
	key, b := e.boundaryOf(profile)
	switch {
	case key == "": // found by name alone
	case form == lost.ByValue:
		m.Boundaries = []lost.Boundary{b}
	default:
		m.Reference = lost.BoundaryReference{Source: s.cfg.Name, Key: key}
	}
	return m
}

// demonstrationSource begins the source of mappings from a demonstration layer.
const demonstrationSource = "demonstration."

// sourceID is the same for a PSAP and a service as long as the PSAP is there.
func sourceID(p *e911.PSAP, service string) string {
	if child, ok := strings.CutPrefix(service, ecrf.ServiceSOS+"."); ok {
		return string(p.ID) + "." + child
	}
	return string(p.ID)
}
