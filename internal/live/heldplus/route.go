package heldplus

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

// readWithin bounds how long a body may take to come, where the http.Server
// bounds nothing itself.
const readWithin = 10 * time.Second

// request is one request on its way.
type request struct {
	http     *http.Request
	caller   *caller // with a session
	source   netip.Addr
	now      time.Time
	id       string // last part of the path, where the route has one
	warnings []Fault
}

// route is one method of one path; the OpenAPI document is made from it.
type route struct {
	method, path string // path below Prefix; {id} as its last part
	name         string // operationId
	summary      string
	open         bool    // no session is needed
	in, out      any     // examples of body and answer; nil: none
	query        []param // of the query
	serve        func(r *request, body []byte) (any, *failure)
}

type param struct{ name, doc string }

// ServeHTTP answers what is below Prefix; 404 for the rest. Pages of other sites
// cannot use it: it answers no preflight, and takes JSON only.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	path, ok := strings.CutPrefix(r.URL.Path, Prefix)
	if !ok {
		notFound("page").write(w)
		return
	}
	if path == "/openapi.json" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		h.Set("Content-Type", "application/openapi+json;version=3.1")
		h.Set("Content-Length", strconv.Itoa(len(s.spec)))
		w.Write(s.spec)
		return
	}
	rt, id, fail := s.find(r.Method, path, h)
	if fail == nil {
		fail = s.answer(w, r, rt, id)
	}
	if fail != nil {
		fail.write(w)
	}
}

// find matches method and path.
func (s *Server) find(method, path string, h http.Header) (rt *route, id string, fail *failure) {
	var allowed []string
	for i := range s.routes {
		rt := &s.routes[i]
		id := ""
		if base, ok := strings.CutSuffix(rt.path, "{id}"); ok {
			rest, below := strings.CutPrefix(path, base)
			if !below || rest == "" || strings.Contains(rest, "/") || len(rest) > 128 {
				continue
			}
			id = rest
		} else if rt.path != path {
			continue
		}
		if rt.method == method {
			return rt, id, nil
		}
		allowed = append(allowed, rt.method)
	}
	if len(allowed) == 0 {
		return nil, "", notFound("page")
	}
	h.Set("Allow", strings.Join(allowed, ", "))
	return nil, "", &failure{status: http.StatusMethodNotAllowed, code: "method", title: "This method is not served here."}
}

// answer serves one request, or says why not.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, rt *route, id string) *failure {
	q := &request{http: r, source: s.cfg.LIS.Source(r), now: s.now(), id: id}
	if wait, ok := s.limits.source.take(network(q.source), q.now); !ok {
		return tooMany(wait)
	}
	c, fail := s.session(r, q.now)
	if fail != nil && !rt.open {
		return fail
	}
	if q.caller = c; c != nil {
		if wait, ok := s.limits.device.take(string(c.Org)+"|"+c.Device, q.now); !ok {
			return tooMany(wait)
		}
	}
	var body []byte
	if rt.in != nil {
		if body, fail = s.body(w, r); fail != nil {
			return fail
		}
	}
	out, fail := rt.serve(q, body)
	if fail != nil {
		return fail
	}
	text, err := json.Marshal(out)
	if err != nil {
		s.cfg.Log.Error("HELD+ cannot write an answer", "operation", rt.name, obs.Err(err))
		return &failure{status: http.StatusInternalServerError, code: "internal", title: "The answer could not be written."}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text)
	return nil
}

// body reads a JSON body of at most maxBody octets.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, *failure) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &failure{status: http.StatusUnsupportedMediaType, code: "content_type", title: "Send application/json."}
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, &failure{status: http.StatusUnsupportedMediaType, code: "content_encoding", title: "Send the body as it is, without compression."}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin)) // an own server bounds it too
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return nil, &failure{status: http.StatusRequestEntityTooLarge, code: "too_large", title: "The body is too large.", detail: "At most 65536 octets are read."}
	}
	if err != nil {
		return nil, &failure{status: http.StatusBadRequest, code: "body", title: "The body could not be read to its end."}
	}
	return body, nil
}

// read decodes a body; its warnings go to the answer.
func read[T any](q *request, body []byte) (T, *failure) {
	var v T
	warnings, faults := decode(body, &v)
	q.warnings = append(q.warnings, warnings...)
	if len(faults) > 0 {
		return v, badRequest(faults...)
	}
	return v, nil
}

// left tells of one part of a request that was left out.
func (q *request) left(field, rule, msg, fix string) {
	if len(q.warnings) < maxWarnings {
		q.warnings = append(q.warnings, Fault{Field: field, Rule: rule, Msg: msg, Fix: fix})
	}
}
