package lis

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// serveHELD answers POST /held and /held/{companyID}.
func (s *Server) serveHELD(w http.ResponseWriter, r *http.Request, company string) {
	if r.Method != http.MethodPost {
		http.NotFound(w, r) // RFC 5985, section 8: tell a browser nothing
		return
	}
	if !s.acceptable(w, r, held.MediaType) {
		return
	}
	snap := s.cfg.Snapshot.Load()
	now := s.cfg.Now().UTC().Truncate(time.Millisecond)
	req, err := readRequest(w, r)
	if err != nil {
		// A Digest client may ask with an empty body first, to be challenged.
		if company != "" && r.ContentLength == 0 && r.Header.Get("Authorization") == "" {
			s.challenge(w, s.source(r), false, now)
			s.answerError(w, http.StatusUnauthorized, err)
			return
		}
		s.answerError(w, http.StatusOK, err)
		return
	}
	a := s.who(snap, r, req, company)
	if a.org == nil {
		err := &held.Error{Code: held.NotLocatable, Message: "This network is not served here."}
		if a.bare || a.stale {
			s.challenge(w, a.addr, a.stale, now)
			s.answerError(w, http.StatusUnauthorized, err)
			return
		}
		s.answerError(w, http.StatusOK, err)
		return
	}
	resp, err := s.locate(snap, a, req, now)
	if err != nil {
		s.answerError(w, http.StatusOK, err)
		return
	}
	s.answer(w, resp)
}

func (s *Server) answer(w http.ResponseWriter, resp *held.Response) {
	body, err := held.AppendResponse(make([]byte, 0, 4096), resp)
	if err != nil {
		s.answerError(w, http.StatusOK, err)
		return
	}
	write(w, http.StatusOK, held.ContentType, body)
}

// serveLocation dereferences a location URI (RFC 6753).
func (s *Server) serveLocation(w http.ResponseWriter, r *http.Request, token string) {
	req := &held.Request{Types: []held.LocationType{held.Geodetic, held.Civic}} // RFC 6753, section 3.2
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if !accepts(r, held.MediaType) && !accepts(r, pidflo.MediaType) {
			http.Error(w, "not acceptable", http.StatusNotAcceptable)
			return
		}
	case http.MethodPost:
		if !s.acceptable(w, r, held.MediaType, pidflo.MediaType) {
			return
		}
		var err error
		if req, err = readRequest(w, r); err != nil {
			s.answerError(w, http.StatusOK, err)
			return
		}
		if req.Identified() {
			// RFC 6753, section 3.1: never valid here.
			s.answerError(w, http.StatusOK, &held.Error{Code: held.BadIdentifier, Message: "A location URI names its device itself."})
			return
		}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	doc, err := s.dereference(token, req)
	if err != nil {
		s.answerError(w, http.StatusOK, err)
		return
	}
	if prefersPresence(r) {
		body, err := pidflo.Append(make([]byte, 0, 4096), doc)
		if err != nil {
			s.answerError(w, http.StatusOK, &held.Error{Code: held.GeneralLISError, Message: "The location cannot be written."})
			return
		}
		write(w, http.StatusOK, pidflo.MediaType, body)
		return
	}
	s.answer(w, &held.Response{Presence: doc})
}

// dereference returns where the device of a token is now.
func (s *Server) dereference(token string, req *held.Request) (*pidflo.Document, error) {
	snap := s.cfg.Snapshot.Load()
	now := s.cfg.Now().UTC().Truncate(time.Millisecond)
	if req.Exact && !req.Wants(held.Civic) && !req.Wants(held.Geodetic) {
		return nil, &held.Error{Code: held.CannotProvideLIType, Message: "A location URI gives no location URI."}
	}
	unknown := &held.Error{Code: held.LocationUnknown, Message: "The location is not known."}
	c, err := s.open(snap, token)
	if err != nil {
		unknown.Err = err
		return nil, unknown
	}
	if now.After(c.Expires) {
		unknown.Err = ErrExpired
		return nil, unknown
	}
	r := s.update(snap, c)
	if !r.Located {
		return nil, unknown
	}
	found := decide(r.Evidence, now)
	if found.By == e911.ByNothing {
		return nil, unknown
	}
	return s.document(found, req, now)
}

// readRequest reads at most held.MaxBytes and one more. The error is a
// *held.Error.
func readRequest(w http.ResponseWriter, r *http.Request) (*held.Request, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, held.MaxBytes))
	if err != nil {
		msg := "The request could not be read."
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			msg = "The request is too large."
		}
		return nil, &held.Error{Code: held.RequestError, Message: msg, Err: err}
	}
	return held.ParseRequest(b)
}

// acceptable answers what cannot be a HELD request by its headers (RFC 5985,
// section 8): 412 to conditions, 406 to another Content-Type or Accept. The two
// general names of XML are taken too.
func (s *Server) acceptable(w http.ResponseWriter, r *http.Request, answers ...string) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "If-") {
			http.Error(w, "conditions have no meaning here", http.StatusPreconditionFailed)
			return false
		}
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	ok := err == nil && (media == held.MediaType || media == "application/xml" || media == "text/xml") &&
		(charset == "" || charset == "utf-8" || charset == "us-ascii")
	for _, a := range answers {
		if ok && accepts(r, a) {
			return true
		}
	}
	http.Error(w, "send and accept "+held.MediaType, http.StatusNotAcceptable)
	return false
}

// accepts reports whether the Accept header allows the media type; none allows
// all.
func accepts(r *http.Request, media string) bool { return quality(r, media) > 0 }

// quality is the weight that Accept gives a media type by its most specific
// range (RFC 9110, section 12.5.1).
func quality(r *http.Request, media string) float64 {
	values := r.Header.Values("Accept")
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
// challenge.
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
	write(w, status, held.ContentType, body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone when it fails, and nothing is lost
}
