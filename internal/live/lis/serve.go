package lis

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// readWithin bounds how long a body may take to come, where the http.Server
// bounds nothing itself.
const readWithin = 10 * time.Second

// room is what one request reads and writes in.
type room struct {
	in, out []byte
}

var rooms = sync.Pool{New: func() any { return &room{in: make([]byte, 0, 4096), out: make([]byte, 0, 4096)} }}

// maxKept bounds the room that is kept for the next request.
const maxKept = 64 << 10

func (m *room) free() {
	if cap(m.in)+cap(m.out) <= maxKept {
		rooms.Put(m)
	}
}

// serveHELD answers POST /held and /held/{companyID}.
func (s *Server) serveHELD(w http.ResponseWriter, r *http.Request, company string) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		http.NotFound(w, r) // RFC 5985, section 8: tell a browser nothing
		return
	default:
		notAllowed(w, "POST")
		return
	}
	if !s.acceptable(w, r, held.MediaType) {
		return
	}
	mem := rooms.Get().(*room)
	defer mem.free()
	now := s.now()
	req, status, err := mem.read(w, r)
	if err != nil {
		// A Digest client may ask with an empty body first, to be challenged.
		if company != "" && r.ContentLength == 0 && r.Header.Get("Authorization") == "" {
			s.challenge(w, s.source(r), false, now)
			s.answerError(w, http.StatusUnauthorized, err)
			return
		}
		s.answerError(w, status, err)
		return
	}
	snap := s.cfg.Snapshot.Load()
	a := s.who(snap, r, req, company, now)
	if a.org == nil {
		s.refuse(w, &a, now)
		return
	}
	out, err := s.locate(mem.out[:0], snap, &a, req, now)
	if err != nil {
		if errors.Is(err, errAuthenticate) {
			s.challenge(w, a.addr, a.stale, now)
			s.answerError(w, http.StatusUnauthorized, err)
			return
		}
		s.answerError(w, http.StatusOK, err)
		return
	}
	mem.out = out
	write(w, http.StatusOK, heldType, out)
}

// refuse answers who is nobody's.
func (s *Server) refuse(w http.ResponseWriter, a *asker, now time.Time) {
	err := &held.Error{Code: held.NotLocatable, Message: "This network is not served here."}
	switch {
	case a.limited:
		w.Header().Set("Retry-After", strconv.Itoa(int(guessPause/time.Second)))
		s.answerError(w, http.StatusTooManyRequests, err)
	case a.bare || a.stale:
		s.challenge(w, a.addr, a.stale, now)
		s.answerError(w, http.StatusUnauthorized, err)
	default:
		s.answerError(w, http.StatusOK, err)
	}
}

// serveLocation dereferences a location URI (RFC 6753).
func (s *Server) serveLocation(w http.ResponseWriter, r *http.Request, token string) {
	mem := rooms.Get().(*room)
	defer mem.free()
	req := &held.Request{Types: []held.LocationType{held.Geodetic, held.Civic}} // RFC 6753, section 3.2
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if conditional(w, r) {
			return
		}
		if !accepts(r, held.MediaType) && !accepts(r, pidflo.MediaType) {
			http.Error(w, "not acceptable", http.StatusNotAcceptable)
			return
		}
	case http.MethodPost:
		if !s.acceptable(w, r, held.MediaType, pidflo.MediaType) {
			return
		}
		var status int
		var err error
		if req, status, err = mem.read(w, r); err != nil {
			s.answerError(w, status, err)
			return
		}
		if req.Identified() {
			// RFC 6753, section 3.1: never valid here.
			s.answerError(w, http.StatusOK, &held.Error{Code: held.BadIdentifier, Message: "A location URI names its device itself."})
			return
		}
	default:
		notAllowed(w, "GET, HEAD, POST")
		return
	}
	doc, err := s.dereference(r, token, req)
	if err != nil {
		s.answerError(w, http.StatusOK, err)
		return
	}
	contentType, out := heldType, []byte(nil)
	if prefersPresence(r) {
		contentType = presenceType
		out, err = pidflo.Append(mem.out[:0], doc)
	} else {
		out, err = held.AppendResponse(mem.out[:0], &held.Response{Presence: doc})
	}
	if err != nil {
		s.answerError(w, http.StatusOK, err)
		return
	}
	mem.out = out
	write(w, http.StatusOK, contentType, out)
}

// dereference returns where the device of a token is now, or the caller of a
// call.
func (s *Server) dereference(r *http.Request, token string, req *held.Request) (*pidflo.Document, error) {
	snap := s.cfg.Snapshot.Load()
	now := s.now()
	if req.Exact && !req.Wants(held.Civic) && !req.Wants(held.Geodetic) {
		return nil, &held.Error{Code: held.CannotProvideLIType, Message: "A location URI gives no location URI."}
	}
	unknown := &held.Error{Code: held.LocationUnknown, Message: "The location is not known."}
	c, err := s.open(snap, token)
	if err != nil {
		unknown.Err = err
		return nil, unknown
	}
	if snap.Org(c.Org) == nil {
		return nil, unknown
	}
	q := question{snap: snap, org: snap.Org(c.Org), shape: shapeOf(req), proved: true, now: now}
	if c.Call != "" {
		ev, newer, ok := s.atCall(snap, c, now)
		if !ok {
			unknown.Err = ErrExpired
			return nil, unknown
		}
		s.tellUse(r, c, ev, newer, now)
		return s.document(atTheCall(ev), &q)
	}
	switch {
	case now.After(c.Expires):
		unknown.Err = ErrExpired
	case s.revoked.covers(c.Org, c.Device, c.Issued):
		unknown.Err = ErrRevoked
	}
	if unknown.Err != nil {
		return nil, unknown
	}
	u := s.update(snap, c)
	if !u.Located {
		return nil, unknown
	}
	found := decide(u.Evidence, now)
	if found.By == e911.ByNothing {
		return nil, unknown
	}
	return s.document(&found, &q)
}

// atTheCall is a place as it was told of a call: it does not grow old, because
// what counts is where the caller was then.
func atTheCall(ev locate.Evidence) *locate.Result {
	return &locate.Result{By: ev.By, Method: locate.MethodOf(ev.By), Place: ev.Place, At: ev.At, Who: ev.Who}
}

// decide puts one piece of evidence through the rule of location: what is too
// old becomes its building, or nothing (F-01, F-18).
func decide(ev locate.Evidence, now time.Time) locate.Result {
	c := locate.Candidate{Evidence: ev, Rank: locate.RankNetwork, Via: "token"}
	switch ev.By {
	case e911.ByNumber, e911.ByRegistered: // the reference was given out under the conditions of F-04
		c.Rank = locate.RankNumber
	case e911.BySiteDefault:
		c.Rank = locate.RankSite
	case e911.ByConfirmed:
		c.Rank = locate.RankConfirmed
	case e911.ByUserSet:
		c.Rank = locate.RankUserSet
	}
	return locate.Decide([]locate.Candidate{c}, locate.Situation{HELD: c.Rank < locate.RankNumber}, now)
}

// building starts the reference of a place that is a whole building.
const building = "building/"

// reference names a place of ours in tokens and in the table; empty for a place
// that is not on the map.
func reference(p e911.Place) e911.LocationID {
	if p.Location == "" && p.Building != "" {
		return building + e911.LocationID(p.Building)
	}
	return p.Location
}

// evidenceAt makes evidence of a reference.
func evidenceAt(o *snapshot.Org, ref e911.LocationID, by e911.LocatedBy, at time.Time) (locate.Evidence, bool) {
	id, whole := strings.CutPrefix(string(ref), building)
	if !whole {
		return locate.FromLocation(o, ref, by, at)
	}
	b, ok := o.Building(e911.BuildingID(id))
	if !ok {
		return locate.Evidence{}, false
	}
	for _, p := range o.BuildingPlaces(b.Site) {
		if p.Building == b.ID {
			return locate.Evidence{By: by, At: at, Place: p, Said: "building " + b.Key}, true
		}
	}
	return locate.Evidence{}, false
}

// read reads a request of at most held.MaxBytes. The error is a *held.Error, and
// status is what goes with it: what is no HELD message at all is HTTP's to refuse.
func (m *room) read(w http.ResponseWriter, r *http.Request) (req *held.Request, status int, err error) {
	fault := func(status int, msg string, err error) (*held.Request, int, error) {
		w.Header()["Connection"] = []string{"close"} // the rest of the body is not waited for
		return nil, status, &held.Error{Code: held.RequestError, Message: msg, Err: err}
	}
	if r.ContentLength > held.MaxBytes {
		return fault(http.StatusRequestEntityTooLarge, "The request is too large.", nil)
	}
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && srv.ReadTimeout == 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin)) // a test's recorder has none
	}
	b := m.in[:0]
	for {
		if len(b) > held.MaxBytes {
			return fault(http.StatusRequestEntityTooLarge, "The request is too large.", nil)
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return fault(http.StatusBadRequest, "The request did not come whole.", err)
		}
	}
	m.in = b
	req, err = held.ParseRequest(b)
	return req, http.StatusOK, err
}

func notAllowed(w http.ResponseWriter, methods string) {
	w.Header().Set("Allow", methods)
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
}

// conditional refuses conditions (RFC 5985, section 8).
func conditional(w http.ResponseWriter, r *http.Request) bool {
	for name := range r.Header {
		if len(name) > 3 && name[:3] == "If-" {
			http.Error(w, "conditions have no meaning here", http.StatusPreconditionFailed)
			return true
		}
	}
	return false
}

// acceptable answers what cannot be a HELD request by its headers (RFC 5985,
// section 8): 412 to conditions, 406 to another Content-Type or Accept; 415 to a
// body that is packed (RFC 9110, section 15.5.16), 411 to one of unknown length
// that is not chunked. Types that clients are known to write in place of the
// right one are taken too: the body tells what it is.
func (s *Server) acceptable(w http.ResponseWriter, r *http.Request, answers ...string) bool {
	if conditional(w, r) {
		return false
	}
	if coding := r.Header["Content-Encoding"]; len(coding) > 0 && !strings.EqualFold(coding[0], "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		http.Error(w, "send the request as it is", http.StatusUnsupportedMediaType)
		return false
	}
	if r.ContentLength < 0 && len(r.TransferEncoding) == 0 && r.ProtoMajor < 2 { // HTTP/2 frames its bodies
		http.Error(w, "say how long the request is", http.StatusLengthRequired)
		return false
	}
	types := r.Header["Content-Type"]
	if len(types) == 1 && held.IsMediaType(types[0]) {
		for _, a := range answers {
			if accepts(r, a) {
				return true
			}
		}
	}
	http.Error(w, "send and accept "+held.MediaType, http.StatusNotAcceptable)
	return false
}

// accepts reports whether the Accept header allows the media type; none allows
// all.
func accepts(r *http.Request, media string) bool {
	values := r.Header["Accept"]
	if len(values) == 1 && (values[0] == media || values[0] == "*/*") {
		return true
	}
	return quality(r, media) > 0
}

// quality is the weight that Accept gives a media type by its most specific
// range (RFC 9110, section 12.5.1).
func quality(r *http.Request, media string) float64 {
	values := r.Header["Accept"]
	if len(values) == 0 {
		return 1
	}
	major, _, _ := strings.Cut(media, "/")
	best, q := -1, 0.0
	for _, part := range strings.Split(strings.Join(values, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		specific := -1
		switch strings.ToLower(strings.TrimSpace(name)) {
		case media:
			specific = 2
		case major + "/*":
			specific = 1
		case "*/*":
			specific = 0
		}
		if specific <= best {
			continue
		}
		best, q = specific, 1
		for _, p := range strings.Split(params, ";") {
			if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok && strings.EqualFold(k, "q") {
				if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f <= 1 {
					q = f
				}
			}
		}
	}
	return q
}

// prefersPresence reports whether a presence document is to be sent alone: only
// where it is named, and not weighted below the HELD answer (RFC 6753, section
// 3.3).
func prefersPresence(r *http.Request) bool {
	named := strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Accept"), ",")), pidflo.MediaType)
	p := quality(r, pidflo.MediaType)
	return named && p > 0 && p >= quality(r, held.MediaType)
}

// answerError sends a HELD error: in HTTP 200 (RFC 5985, section 8), but for a
// challenge and for what is no HELD request.
func (s *Server) answerError(w http.ResponseWriter, status int, err error) {
	e, ok := errors.AsType[*held.Error](err)
	if !ok {
		s.cfg.Log.Error("answer HELD", obs.Err(err))
		e = &held.Error{Code: held.GeneralLISError, Message: "The location server failed."}
	}
	s.cfg.Log.Debug("no location given", obs.KeyCode, string(e.Code), obs.KeyErr, e.Err)
	body, err := held.AppendError(make([]byte, 0, 512), e)
	if err != nil {
		s.cfg.Log.Error("write a HELD error", obs.Err(err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	write(w, status, heldType, body)
}

// The content types of answers; shared, never changed.
var (
	heldType     = []string{held.ContentType}
	presenceType = []string{pidflo.MediaType}
)

func write(w http.ResponseWriter, status int, contentType []string, body []byte) {
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone when it fails, and nothing is lost
}
