package lostd

import (
	"context"
	"errors"

	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/wire/lost"
)

// list answers listServices (RFC 5222, section 10).
func (s *Server) list(q *question, m *lost.ListServices) lost.Message {
	s.logIDs("listServices", m.Service, m.CallIDs)
	services, ok := q.snap.PSAPs().Children(m.Service)
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
	services, ok := q.snap.PSAPs().Children(m.Service)
	if ok {
		served, err := s.served(q, loc)
		if err != nil {
			return s.errors(lost.LocationInvalid, sentence(err))
		}
		if len(served.Hits) > 0 {
			return &lost.ListServicesByLocationResponse{Services: services, Path: s.pathAfter(m.Path), LocationUsed: loc.ID}
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

// boundary answers getServiceBoundary (section 9) for the keys that we gave
// out. A key of a boundary that has changed since is not found: ask again for
// the mapping.
func (s *Server) boundary(q *question, m *lost.GetServiceBoundary) lost.Message {
	s.logIDs("getServiceBoundary", "", m.CallIDs)
	e, ok := q.cat.byKey()[m.Key]
	if !ok || e.psap.Boundary.Demonstration() && !q.demo {
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
// does not have. The children of a service have their boundary by reference: it
// is that of the parent.
func (s *Server) mappings(q *question, m *lost.GetMappingsRequest) lost.Message {
	type id struct{ source, id string }
	has := make(map[id]lost.Fingerprint, len(m.Exists))
	for _, f := range m.Exists {
		has[id{f.Source, f.SourceID}] = f
	}
	out := &lost.GetMappingsResponse{}
	for _, e := range q.cat.order {
		if e.psap.Boundary.Demonstration() && !q.demo {
			continue
		}
		for _, service := range q.snap.PSAPs().Services() {
			form := lost.ByReference
			if service == ecrf.ServiceSOS {
				form = lost.ByValue
			}
			next := s.mapping(q, e, service, lost.ProfileGeodetic, form)
			if f, ok := has[id{next.Source, next.SourceID}]; ok && !f.LastUpdated.Before(next.LastUpdated) {
				continue
			}
			out.Mappings = append(out.Mappings, next)
		}
	}
	if len(out.Mappings) == 0 {
		// The grammar has no answer without a mapping.
		return s.errors(lost.NotFound, "There is no other mapping.")
	}
	return out
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
