package lostd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/wire/lost"
)

// list answers listServices (RFC 5222, section 10).
func (s *Server) list(q *question, m *lost.ListServices) lost.Message {
	s.logIDs("listServices", m.Service, m.CallIDs)
	services, ok := below(q.cat.index, m.Service)
	if !ok {
		return s.errors(lost.ServiceNotImplemented, "The service is not mapped here.")
	}
	return &lost.ListServicesResponse{Services: services, Path: s.pathAfter(m.Path)}
}

// listAt answers listServicesByLocation (section 11).
func (s *Server) listAt(q *question, m *lost.ListServicesByLocation) lost.Message {
	s.logIDs("listServicesByLocation", m.Service, m.CallIDs)
	if s.looped(m.Path) {
		return s.errors(lost.Loop, "This server is in the path already.")
	}
	loc, refused := s.choose(m.Locations)
	if refused != nil {
		return refused
	}
	services, ok := below(q.cat.index, m.Service)
	if ok {
		here, found, err := s.servicesAt(q, loc, m.Service, services)
		if err != nil {
			return s.errors(lost.LocationInvalid, sentence(err))
		}
		if found {
			return &lost.ListServicesByLocationResponse{Services: here, Path: s.pathAfter(m.Path), LocationUsed: loc.ID}
		}
	}
	switch {
	case s.cfg.Upstream == nil:
	case m.Recursive:
		return s.listUpstream(q, m, loc)
	default:
		if target := s.cfg.Upstream.Target(); target != "" && !passed(m.Path, target) {
			return s.redirect(target)
		}
	}
	if !ok {
		return s.errors(lost.ServiceNotImplemented, "The service is not mapped here.")
	}
	return s.errors(lost.NotFound, "No boundary holds the location.")
}

func (s *Server) listUpstream(q *question, m *lost.ListServicesByLocation, loc *lost.Location) lost.Message {
	ctx, cancel := context.WithTimeout(q.ctx, s.cfg.UpstreamWithin)
	defer cancel()
	ask := *m
	ask.Locations = []lost.Location{*loc}
	ask.Path = s.pathAfter(m.Path)
	resp, err := s.cfg.Upstream.List(ctx, &ask)
	if err == nil && !writable(resp) {
		err = errors.New("the answer of the upstream is incomplete")
	}
	if err != nil {
		return s.upstreamError(err)
	}
	return resp
}

// servicesAt leaves of some services those that there are at a place. The ones
// that every PSAP answers for are there where it is.
func (s *Server) servicesAt(q *question, loc *lost.Location, asked string, list []string) (here []string, found bool, err error) {
	probe := ecrf.ServiceSOS
	if service, ok := serviceOf(q.cat.index, asked); ok && asked != "" {
		probe = service.urn
	}
	served, err := s.served(q, loc, probe)
	if err != nil {
		return nil, false, err
	}
	found = len(served.Hits) > 0
	for _, urn := range list {
		service, ok := serviceOf(q.cat.index, urn)
		if !ok {
			continue
		}
		at, err := s.served(q, loc, service.urn)
		if err == nil && len(at.Hits) > 0 && (!at.Substituted || service.internal || slices.Contains(everywhere, urn)) {
			here, found = append(here, urn), true
		}
	}
	return here, found, nil
}

// everywhere are the services that a PSAP answers for without a boundary of
// their own.
var everywhere = []string{ecrf.ServiceAmbulance, ecrf.ServiceFire, ecrf.ServicePolice}

// boundary answers getServiceBoundary (section 9) for the keys that we gave
// out. A key of a boundary that has changed since is not found: ask again for
// the mapping.
func (s *Server) boundary(q *question, m *lost.GetServiceBoundary) lost.Message {
	s.logIDs("getServiceBoundary", "", m.CallIDs)
	e, ok := q.cat.byKey()[m.Key]
	if !ok || e.hit.Demonstration() && !q.demo {
		return s.errors(lost.NotFound, "There is no boundary with this key.")
	}
	profile := lost.ProfileGeodetic
	if m.Key[0] == 'c' {
		profile = lost.ProfileCivic
	}
	_, b := e.boundaryOf(profile)
	return &lost.GetServiceBoundaryResponse{Boundaries: []lost.Boundary{b}, Path: s.pathAfter(nil)}
}

// mappings answers getMappings (RFC 6739, section 4) with ours that the asker
// does not have.
func (s *Server) mappings(q *question, m *lost.GetMappingsRequest) lost.Message {
	type id struct{ source, id string }
	has := make(map[id]lost.Fingerprint, len(m.Exists))
	for _, f := range m.Exists {
		has[id{f.Source, f.SourceID}] = f
	}
	out := &lost.GetMappingsResponse{}
	for _, next := range s.all(q.cat, q.now, q.demo) {
		if f, ok := has[id{next.Source, next.SourceID}]; ok && !f.LastUpdated.Before(next.LastUpdated) {
			continue
		}
		out.Mappings = append(out.Mappings, next)
	}
	if len(out.Mappings) == 0 {
		// The grammar has no answer without a mapping.
		return s.errors(lost.NotFound, "There is no other mapping.")
	}
	return out
}

// all are the mappings of the boundaries that hold now, each with its boundary
// by value: by its shape, or by the address where it has none. They hold until
// told otherwise: who synchronizes is told.
func (s *Server) all(cat *catalog, now time.Time, demo bool) []lost.Mapping {
	out := make([]lost.Mapping, 0, len(cat.order))
	last := ""
	for _, e := range cat.order {
		h := &e.hit
		if h.Demonstration() && !demo || h.Boundary != nil && !h.Boundary.Active(now) || e.id == last {
			continue // of two with one id the better comes first
		}
		last = e.id
		w := wanted{service: h.Service, profile: lost.ProfileGeodetic, form: lost.ByValue}
		if e.key() == "" {
			w.profile = lost.ProfileCivic
		}
		m := s.make(e, w)
		m.Expires = lost.Expires{Caching: lost.NoExpiration}
		if end := h.Expires(); !end.IsZero() {
			m.Expires = lost.Expires{Caching: lost.Until, At: end}
		}
		out = append(out, m)
	}
	return out
}

// Mappings are ours of this moment for those that we push to (RFC 6739, section
// 5), without those of demonstration layers. It returns the same slice until
// something changed; it must not be changed.
func (s *Server) Mappings() []lost.Mapping {
	cat, now := s.catalogOf(s.cfg.Snapshot.Load()), s.cfg.Now().UTC()
	turn, _ := slices.BinarySearchFunc(cat.turns, now, func(t, now time.Time) int {
		if t.After(now) {
			return 1
		}
		return -1
	})
	if had := s.pushed.Load(); had != nil && had.of == cat && had.turn == turn {
		return had.list
	}
	list := s.all(cat, now, false)
	s.pushed.Store(&pushedMappings{cat, turn, list})
	return list
}

// pushedMappings are what Mappings returned, of a catalog between two turns.
type pushedMappings struct {
	of   *catalog
	turn int
	list []lost.Mapping
}

// push answers pushMappings (section 5).
func (s *Server) push(q *question, m *lost.PushMappings) lost.Message {
	if !q.pushes {
		return s.errors(lost.Forbidden, "This server takes no mappings from you.")
	}
	for i := range m.Mappings {
		if m.Mappings[i].Source == s.cfg.Name || m.Mappings[i].Source == demonstrationSource+s.cfg.Name {
			return s.errors(lost.Forbidden, "A mapping of ours comes from nobody else.")
		}
	}
	if missing := s.cfg.Receiver.Push(m.Mappings); len(missing) > 0 {
		return &lost.Errors{
			Exceptions: lost.Exceptions{Source: s.cfg.Name},
			NotDeleted: []lost.NotDeleted{{Message: lost.Text{Text: "There is no such mapping.", Lang: "en"}, Mappings: missing}},
		}
	}
	return &lost.PushMappingsResponse{}
}
