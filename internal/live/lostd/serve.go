package lostd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/lvf"
	"github.com/callbox911/callbox/internal/rules/source"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/lost"
)

// readWithin bounds how long a body may take to come.
const readWithin = 10 * time.Second

// maxPush bounds a body of pushed mappings, from those that may push.
const maxPush = 64 << 20

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 8192); return &b }}

// maxKept bounds the buffer that is kept for the next request.
const maxKept = 256 << 10

// question is one request with what it is answered from.
type question struct {
	snap    *snapshot.Snapshot
	cat     *catalog
	from    netip.Addr
	demo    bool // a demonstration layer may answer (F-23)
	now     time.Time
	at      time.Time // the moment that is asked about: now, or one ahead
	postal  civic.Postal
	coarse  bool            // the mapping is that of a street or a town
	similar bool            // addresses are asked for that may have been meant
	entered *e911.Civic     // the address of the request, when it was looked at
	judged  *lvf.Result     // of the address, when it was looked at
	ctx     context.Context //nolint:containedctx // of the one request
	pushes  bool
}

// refusal is what was wrong with the HTTP request; no LoST is answered (RFC
// 5222, section 14).
type refusal struct {
	status int
	why    string
}

func (e *refusal) Error() string { return e.why }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		http.Error(w, "LoST is asked by POST", http.StatusMethodNotAllowed)
		return
	}
	sync, ok := contentType(r)
	if !ok {
		http.Error(w, "want "+lost.MediaType, http.StatusUnsupportedMediaType)
		return
	}
	from := s.source(r)
	if !s.trusted(from) {
		// Before its body is read.
		s.write(w, sync, s.errors(lost.Forbidden, "This server does not answer you."))
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests", http.StatusServiceUnavailable)
		return
	}
	now := s.cfg.Now().UTC()
	q := &question{snap: s.cfg.Snapshot.Load(), from: from, now: now, at: now, postal: s.cfg.Postal, ctx: r.Context(), pushes: source.Within(s.cfg.PushFrom, from)}
	msg, err := s.read(w, r, q, sync)
	if err != nil {
		if refused, ok := errors.AsType[*refusal](err); ok {
			http.Error(w, refused.why, refused.status)
			return
		}
		s.write(w, sync, s.errors(lost.BadRequest, clip(err.Error(), 300)))
		return
	}
	q.cat = s.catalogOf(q.snap)
	q.demo = demonstrationAllowed(q.snap, from)
	s.write(w, sync, s.answer(q, msg))
}

// plannedType is what the i3 test suite sends questions about planned changes
// as; the documents are those of LoST.
const plannedType = "application/lost+plannedchange"

// contentType reports whether the body can be LoST, and whether it is of the
// synchronization. A missing or general type of XML is taken too.
func contentType(r *http.Request) (sync, ok bool) {
	ct := r.Header.Get("Content-Type")
	switch ct {
	case "", lost.MediaType, lostType[0]: // nearly all
		return false, true
	}
	mt, _, err := mime.ParseMediaType(ct)
	if err != nil {
		mt, _, _ = strings.Cut(ct, ";")
		mt = strings.ToLower(strings.TrimSpace(mt))
	}
	switch mt {
	case lost.MediaType, "application/xml", "text/xml", plannedType:
		return false, true
	case lost.MediaTypeSync:
		return true, true
	}
	return false, false
}

// read reads the request within the limits.
func (s *Server) read(w http.ResponseWriter, r *http.Request, q *question, sync bool) (lost.Message, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, &refusal{http.StatusUnsupportedMediaType, "send the body as it is"}
	}
	lim := lost.RequestLimits()
	if sync { // a list of what the asker has
		lim.Bytes, lim.Elements, lim.Mappings = 1<<20, 16<<10, 8<<10
	}
	if q.pushes {
		lim = lost.SyncLimits()
		lim.Bytes = maxPush
	}
	if r.ContentLength > int64(lim.Bytes) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("larger than %d bytes", lim.Bytes)}
	}
	// Not every ResponseWriter has a deadline; the server's own holds then.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin))
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= maxKept {
			buffers.Put(buf)
		}
	}()
	b, err := readAll((*buf)[:0], http.MaxBytesReader(w, r.Body, int64(lim.Bytes)))
	*buf = b
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("larger than %d bytes", lim.Bytes)}
		}
		return nil, &refusal{http.StatusRequestTimeout, "the body did not come whole"}
	}
	return lim.Parse(b) // its strings are parts of a copy
}

func readAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// answer never returns nil.
func (s *Server) answer(q *question, msg lost.Message) lost.Message {
	switch m := msg.(type) {
	case *lost.FindService:
		return s.find(q, m)
	case *lost.ListServices:
		return s.list(q, m)
	case *lost.ListServicesByLocation:
		return s.listAt(q, m)
	case *lost.GetServiceBoundary:
		return s.boundary(q, m)
	case *lost.GetServiceListBoundary:
		return s.errors(lost.NotFound, "No list of services of ours has a boundary.")
	case *lost.GetMappingsRequest:
		return s.mappings(q, m)
	case *lost.PushMappings:
		return s.push(q, m)
	}
	return s.errors(lost.BadRequest, msg.Root().Local+" is no request.")
}

// errors is the answer with one error. Messages hold nothing of the request.
func (s *Server) errors(k lost.Kind, message string) *lost.Errors {
	return &lost.Errors{Exceptions: s.exceptions(k, message)}
}

func (s *Server) exceptions(k lost.Kind, message string) lost.Exceptions {
	return lost.Exceptions{Source: s.cfg.Name, List: []lost.Exception{{Kind: k, Message: lost.Text{Text: message, Lang: "en"}}}}
}

var (
	lostType = []string{lost.MediaType + ";charset=utf-8"}
	syncType = []string{lost.MediaTypeSync + ";charset=utf-8"}
)

// write answers with status 200, errors too (RFC 5222, section 14).
func (s *Server) write(w http.ResponseWriter, sync bool, msg lost.Message) {
	buf := buffers.Get().(*[]byte)
	b, err := lost.Append((*buf)[:0], msg)
	if err != nil {
		s.cfg.Log.Error("write a LoST answer", "root", msg.Root().Local, obs.Err(err))
		if b, err = lost.Append((*buf)[:0], s.errors(lost.InternalError, "The answer cannot be written.")); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
	}
	*buf = b
	h := w.Header()
	if h["Content-Type"] = lostType; sync {
		h["Content-Type"] = syncType
	}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	_, _ = w.Write(b) // the client is gone when it fails, and nothing is lost
	if cap(*buf) <= maxKept {
		buffers.Put(buf)
	}
}

// source returns the address of who asks; invalid when there is none.
func (s *Server) source(r *http.Request) netip.Addr {
	return source.Of(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), s.cfg.TrustedProxies)
}

func (s *Server) trusted(a netip.Addr) bool {
	return a.IsValid() && (source.Within(s.cfg.Trusted, a) || source.Within(s.cfg.PushFrom, a) || s.cfg.Known(a))
}

// demonstrationAllowed reports whether a demonstration layer may answer: every
// organisation that the asker can be of is marked demonstration. Of an address
// that is nobody's the asker can be anybody (F-23).
func demonstrationAllowed(snap *snapshot.Snapshot, a netip.Addr) bool {
	orgs := snap.OrgsByAddress(a)
	if t, ok := snap.TrunkBySource(a); ok {
		if o := snap.Org(t.Org); o != nil {
			orgs = append(slices.Clip(orgs), o)
		}
	}
	if len(orgs) == 0 {
		for o := range snap.Orgs() {
			orgs = append(orgs, o)
		}
	}
	return len(orgs) > 0 && !slices.ContainsFunc(orgs, func(o *snapshot.Org) bool { return !o.Config().Demonstration })
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
