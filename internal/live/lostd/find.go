package lostd

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// besideOwn is how long an upstream is waited for where our own layer has an
// answer (E3).
const besideOwn = 100 * time.Millisecond

// mostMappings bounds the mappings for an area that several boundaries share.
const mostMappings = 4

// find answers findService: an unexpired mapping of the authority, then the
// authority, then our own layer (F-23).
func (s *Server) find(q *question, m *lost.FindService) lost.Message {
	s.logIDs("findService", m.Service, m.CallIDs)
	if s.looped(m.Path) {
		return s.errors(lost.Loop, "This server is in the path already.")
	}
	if m.Service == "" {
		return s.errors(lost.BadRequest, "No service is named.")
	}
	loc, refused := s.choose(m.Locations)
	if refused != nil {
		return refused
	}
	planned, at, err := plannedFor(m.Extensions, q.now)
	if err != nil {
		return s.errors(lost.BadRequest, err.Error())
	}
	q.at, q.similar = at, wantsSimilar(m)
	if s.cfg.Upstream != nil && planned.IsZero() {
		if resp, ok := s.cfg.Upstream.Cached(m); ok && writable(resp) {
			return resp
		}
	}
	own := s.findOwn(q, m, loc, planned)
	resp, served := own.(*lost.FindServiceResponse)
	if s.cfg.Upstream == nil {
		return own
	}
	if !m.Recursive {
		if target := s.cfg.Upstream.Target(); !served && target != "" && !passed(m.Path, target) {
			return s.redirect(target)
		}
		return own
	}
	wait := s.cfg.UpstreamWithin
	if served {
		wait = min(besideOwn, wait)
	}
	ctx, cancel := context.WithTimeout(q.ctx, wait)
	defer cancel()
	ask := *m
	// The one that we chose: two baseline profiles cannot be asked at once
	// (RFC 5222, section 12.1).
	ask.Locations = []lost.Location{*loc}
	ask.Path = s.pathAfter(m.Path)
	theirs, err := s.cfg.Upstream.Find(ctx, &ask)
	if err == nil && !writable(theirs) {
		err = errors.New("the answer of the upstream is incomplete")
	}
	switch {
	case err == nil:
		return s.passedOn(theirs, ask.Path, loc.ID)
	case served:
		s.cfg.Log.Warn("LoST upstream gave no answer; our own layer decides", obs.Err(brief(err)))
		return resp
	}
	return s.upstreamError(err)
}

// findOwn answers from our own layers.
func (s *Server) findOwn(q *question, m *lost.FindService, loc *lost.Location, planned foreign.Element) lost.Message {
	service, ok := serviceOf(q.cat.index, m.Service)
	if !ok {
		return s.errors(lost.ServiceNotImplemented, "This server maps "+ecrf.ServiceSOS+" and what is below it.")
	}
	served, err := s.served(q, loc, service.urn)
	if err != nil {
		return s.errors(lost.LocationInvalid, sentence(err))
	}
	profile := profileOf(loc)
	resp := &lost.FindServiceResponse{Path: s.pathAfter(m.Path), LocationUsed: loc.ID}
	resp.Mappings = s.mappingsOf(q, &served, service, wanted{profile: profile, form: m.Boundary})
	var warnings []lost.Exception
	warn := func(k lost.Kind, text string) {
		warnings = append(warnings, lost.Exception{Kind: k, Message: lost.Text{Text: text, Lang: "en"}})
	}
	switch {
	case len(resp.Mappings) > 0:
		if strings.HasPrefix(resp.Mappings[0].Source, demonstrationSource) {
			warn(lost.DefaultMappingReturned, "The boundary is that of a demonstration layer, not a PSAP's.")
		}
		if q.coarse {
			warn(lost.DefaultMappingReturned, "No boundary was found for this house; the mapping is that of its street or town.")
		}
		if served.Substituted && !service.internal {
			warn(lost.ServiceSubstitution, "The service is not mapped by itself here; its parent is.")
		}
	case s.cfg.DefaultMapping && s.relay(q, resp, m.Service, civic.FromPIDF(loc.Civic).Country):
		warn(lost.DefaultMappingReturned, "No boundary holds the location; calls go to the relay centre.")
	case served.Withheld:
		return s.errors(lost.NotFound, "Only a demonstration layer covers the location, and it decides nothing here.")
	default:
		return s.errors(lost.NotFound, "No boundary holds the location.")
	}
	if len(warnings) > 0 {
		resp.Warnings = []lost.Exceptions{{Source: s.cfg.Name, List: warnings}}
	}
	if profile == lost.ProfileCivic {
		s.addAddress(q, m, loc.Civic, resp)
	}
	if !planned.IsZero() {
		resp.Extensions = append(resp.Extensions, planned)
	}
	return resp
}

// mappingsOf are the mappings of who serves, best first.
func (s *Server) mappingsOf(q *question, served *ecrf.Served, service asked, w wanted) []lost.Mapping {
	w.service = served.Service
	if service.answer != "" {
		w.service = service.answer
	}
	out := make([]lost.Mapping, 0, min(len(served.Hits), mostMappings))
	for i := range served.Hits {
		if len(out) == mostMappings {
			break
		}
		if e := q.cat.entries[served.Hits[i].PSAP]; e != nil {
			out = append(out, s.mapping(q, e, w))
		}
	}
	return out
}

// relay makes the relay centre of a country (F-22; empty: not known) the default;
// false when there is none.
func (s *Server) relay(q *question, resp *lost.FindServiceResponse, service, country string) bool {
	relay, ok := ladder.RelayFor(q.snap.Relays(), country, "")
	if !ok {
		return false
	}
	e := &entry{hit: ecrf.Hit{PSAP: &relay, Service: ecrf.ServiceSOS}, id: string(relay.ID), updated: q.snap.At.UTC().Truncate(time.Second)}
	d := s.make(e, wanted{service: strings.ToLower(service)})
	d.Expires = lost.Expires{Caching: lost.NoCache}
	resp.Mappings = []lost.Mapping{d}
	return true
}

// addAddress adds what is known of the address: its validation where that was
// asked for and, where the boundary is an area alone, the address itself as the
// boundary in the profile of the query.
func (s *Server) addAddress(q *question, m *lost.FindService, c *pidflo.Civic, resp *lost.FindServiceResponse) {
	if m.ValidateLocation {
		resp.Validation = s.validation(q, m, c, q.address(c))
	}
	mp := &resp.Mappings[0]
	if m.Boundary != lost.ByValue || len(mp.Boundaries) > 0 || q.judged == nil || q.judged.Verdict != e911.VerdictValid {
		return
	}
	if here, ok := streetAddress(*q.fields(c)); ok {
		mp.Boundaries, mp.Encoded = []lost.Boundary{{Profile: lost.ProfileCivic, Civics: []pidflo.Civic{*here}}}, nil
	}
}

// choose returns the first location whose profile is understood and that can be
// used (RFC 5222, section 8.3.1), or the answer when there is none.
func (s *Server) choose(list []lost.Location) (*lost.Location, lost.Message) {
	var unknown []string
	invalid := ""
	for i := range list {
		l := &list[i]
		if l.Profile != lost.ProfileGeodetic && l.Profile != lost.ProfileCivic && (l.Profile != "" || l.Shape == nil && l.Civic == nil) {
			unknown = append(unknown, l.Profile)
			continue
		}
		switch {
		case l.Err != nil:
			invalid = "The location cannot be used: " + clip(l.Err.Error(), 200)
		case profileOf(l) == lost.ProfileGeodetic && l.Shape == nil, profileOf(l) == lost.ProfileCivic && l.Civic == nil:
			invalid = "The location has no content of its profile."
		default:
			return l, nil
		}
	}
	switch {
	case invalid != "":
		return nil, s.errors(lost.LocationInvalid, invalid)
	case len(list) == 0:
		return nil, s.errors(lost.BadRequest, "There is no location.")
	}
	e := s.errors(lost.LocationProfileUnrecognized, "This server understands "+lost.ProfileGeodetic+" and "+lost.ProfileCivic+".")
	e.List[0].Unsupported = slices.DeleteFunc(unknown, func(p string) bool { return p == "" })
	if !writable(e) { // it must name them, and they are no names
		return nil, s.errors(lost.BadRequest, "A location has no profile, or one that is no name.")
	}
	return nil, e
}

func profileOf(l *lost.Location) string {
	if l.Profile != "" {
		return l.Profile
	}
	if l.Civic != nil {
		return lost.ProfileCivic
	}
	return lost.ProfileGeodetic
}

// served is who serves a location by our own layers. An address that a layer
// knows is where the layer has it; others are found by the boundaries that name
// a part of them.
func (s *Server) served(q *question, l *lost.Location, service string) (ecrf.Served, error) {
	opt := ecrf.Options{DemonstrationAllowed: q.demo, Service: service, Now: q.at}
	if profileOf(l) != lost.ProfileCivic {
		return q.cat.index.ByShape(l.Shape, opt)
	}
	if len(q.snap.Layers()) > 0 {
		r := q.address(l.Civic)
		if r.Point != nil && (r.Method == e911.GeocodeAddressPoint || r.Method == e911.GeocodeRange) {
			at := pidflo.Point{Pos: pidflo.Pos{Lat: r.Point.Lat, Lon: r.Point.Lon}}
			if served, err := q.cat.index.ByShape(at, opt); err == nil && len(served.Hits) > 0 {
				return served, nil
			}
			// A number on a range at the edge of a city may be set across it.
			if served, err := q.cat.index.ByShape(around(r.Point), opt); err == nil && len(served.Hits) > 0 {
				return served, nil
			}
		}
	}
	served := q.cat.index.ByCivic(*q.fields(l.Civic), opt)
	if r := q.judged; len(served.Hits) == 0 && r != nil && r.Point != nil {
		// Somewhere in its street or town: who asks for validation must hear what
		// is wrong with the address, and an error has no room for that.
		if coarse, err := q.cat.index.ByShape(around(r.Point), opt); err == nil && len(coarse.Hits) > 0 {
			q.coarse = true
			return coarse, nil
		}
	}
	return served, nil
}

// around is the circle that a geocode lies in.
func around(a *e911.Area) pidflo.Circle {
	return pidflo.Circle{Center: pidflo.Pos{Lat: a.Lat, Lon: a.Lon}, Radius: max(a.RadiusM, 1)}
}

// upstreamError tells why recursion gave nothing.
func (s *Server) upstreamError(err error) lost.Message {
	if e, ok := errors.AsType[*lost.Errors](err); ok && writable(e) {
		return e
	}
	if r, ok := errors.AsType[*lost.Redirect](err); ok && writable(r) {
		return r
	}
	if _, network := errors.AsType[net.Error](err); network || errors.Is(err, context.DeadlineExceeded) {
		return s.errors(lost.ServerTimeout, "The next server did not answer in time.")
	}
	return s.errors(lost.ServerError, "The answer of the next server was not understood.")
}

// passedOn is an answer of the upstream: we are in its path, whether or not that
// server read the path of the query, and it names the location.
func (s *Server) passedOn(theirs *lost.FindServiceResponse, path []lost.Via, used string) *lost.FindServiceResponse {
	if s.looped(theirs.Path) && theirs.LocationUsed != "" {
		return theirs
	}
	out := *theirs
	if !s.looped(out.Path) {
		out.Path = append(slices.Clone(path), out.Path...)
	}
	out.LocationUsed = used
	return &out
}

func (s *Server) redirect(target string) lost.Message {
	return &lost.Redirect{Target: target, Source: s.cfg.Name, Message: lost.Text{Text: "Another server knows the location.", Lang: "en"}}
}

// writable reports that a message of somebody else can be passed on.
func writable(m lost.Message) bool {
	_, err := lost.Marshal(m)
	return err == nil
}

func (s *Server) looped(path []lost.Via) bool { return passed(path, s.cfg.Name) }

func passed(path []lost.Via, name string) bool {
	return slices.ContainsFunc(path, func(v lost.Via) bool { return strings.EqualFold(v.Source, name) })
}

// pathAfter is the path of an answer of ours: that of the query and us (RFC
// 5222, section 6).
func (s *Server) pathAfter(path []lost.Via) []lost.Via {
	return append(slices.Clip(path), lost.Via{Source: s.cfg.Name})
}

// logIDs keeps the trace of a call through an i3 network; the location is not
// logged.
func (s *Server) logIDs(what, service string, ids lost.CallIDs) {
	if ids == (lost.CallIDs{}) {
		return
	}
	s.cfg.Log.Info("LoST query of a call", "query", what, "service", clip(service, 80), obs.KeyCall, uid(ids.CallID), "incident", uid(ids.IncidentID))
}

// uid is an i3 identifier, if it is one.
func uid(s string) string {
	if !strings.HasPrefix(s, "urn:emergency:uid:") || len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "[no i3 identifier]"
	}
	return s
}

// brief is an error without what an upstream wrote into it.
func brief(err error) error {
	if e, ok := errors.AsType[*lost.Errors](err); ok && len(e.List) > 0 {
		return errors.New("upstream answers " + string(e.List[0].Kind))
	}
	if _, ok := errors.AsType[*lost.Redirect](err); ok {
		return errors.New("upstream redirects")
	}
	return err
}

func sentence(err error) string {
	if e, ok := errors.AsType[*e911.Error](err); ok {
		return clip(e.Msg, 200)
	}
	return "The location cannot be used."
}
