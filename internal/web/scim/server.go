// Package scim answers SCIM 2.0 (RFC 7643, RFC 7644): Entra ID, Okta and others tell
// through it who joins, changes and leaves. What they tell is kept by
// admin/directory, which makes users of it; a request never waits for that.
//
// The patches and filters of real senders differ from the RFCs: operations in
// capitals, "False" for false, paths without a target, ids in values. They are
// understood. Every request carries an API key with the scope directory.
package scim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// Prefix is where the paths of the protocol begin.
const Prefix = "/scim/v2"

// Bounds of requests and answers.
const (
	maxBody     = 8 << 20 // a group of 50 000
	maxPage     = 1000
	defaultPage = 100
	maxTries    = 5 // of a patch, when others change the resource at the same time
)

// Directories keeps what is told. *directory.Service is one.
type Directories interface {
	SCIM(ctx context.Context, org e911.OrgID) (directory.Source, error)
	List(ctx context.Context, src directory.Source, q directory.Query) ([]directory.Entry, error)
	Entry(ctx context.Context, src directory.Source, kind directory.Kind, id string) (directory.Entry, error)
	Put(ctx context.Context, src directory.Source, e directory.Entry) (directory.Entry, error)
}

// Config is what a Handler needs.
type Config struct {
	// Directories returns what keeps them, nil while the database is away.
	Directories func() Directories
	// Keys checks API keys.
	Keys interface {
		Check(ctx context.Context, text string, from netip.Addr) (apikey.Key, error)
	}
	// BaseURL is how clients reach the server, "https://callbox.example.com".
	BaseURL string
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Handler answers what is below Prefix. Safe for concurrent use.
type Handler struct {
	cfg   Config
	base  string
	mux   *http.ServeMux
	rolls rolls
}

// New checks the configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.Directories == nil || cfg.Keys == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "SCIM needs directories, keys and a log")
	}
	h := &Handler{cfg: cfg, base: strings.TrimRight(cfg.BaseURL, "/") + Prefix, mux: http.NewServeMux(), rolls: rolls{now: cfg.Now}}
	if h.rolls.now == nil {
		h.rolls.now = time.Now
	}
	for _, t := range []*resourceType{users, groups} {
		h.on("POST /"+t.path, func(q *query) error { return h.create(q, t) })
		h.on("GET /"+t.path, func(q *query) error { return h.list(q, t) })
		h.on("GET /"+t.path+"/{id}", func(q *query) error { return h.get(q, t) })
		h.on("PUT /"+t.path+"/{id}", func(q *query) error { return h.change(q, t, false) })
		h.on("PATCH /"+t.path+"/{id}", func(q *query) error { return h.change(q, t, true) })
		h.on("DELETE /"+t.path+"/{id}", func(q *query) error { return h.remove(q, t) })
	}
	h.on("GET /ServiceProviderConfig", func(q *query) error { return q.answer(http.StatusOK, providerConfig(h.base)) })
	h.on("GET /Schemas", func(q *query) error { return q.all(schemas(h.base)) })
	h.on("GET /Schemas/{id}", func(q *query) error { return q.one(schemas(h.base)) })
	h.on("GET /ResourceTypes", func(q *query) error { return q.all(resourceTypes(h.base)) })
	h.on("GET /ResourceTypes/{id}", func(q *query) error { return q.one(resourceTypes(h.base)) })
	h.on("/", func(q *query) error {
		for _, p := range []string{"/Me", "/Bulk"} {
			if strings.HasPrefix(strings.TrimPrefix(q.r.URL.Path, Prefix), p) {
				return &fault{status: http.StatusNotImplemented, detail: p + " is not offered"}
			}
		}
		return &fault{status: http.StatusNotFound, detail: "there is nothing here"}
	})
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mux.ServeHTTP(w, withoutSlashes(r))
}

// withoutSlashes is a request whose path has no slash twice and none at its end. Who
// writes the base URL with a slash asks for /scim/v2//Users, and a redirection would
// lose the body.
func withoutSlashes(r *http.Request) *http.Request {
	p := r.URL.Path
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	if p = strings.TrimSuffix(p, "/"); p == r.URL.Path || p == Prefix {
		return r
	}
	u, clean := *r.URL, *r
	u.Path, u.RawPath = p, ""
	clean.URL = &u
	return &clean
}

// query is one request.
type query struct {
	w   http.ResponseWriter
	r   *http.Request
	dir Directories
	src directory.Source
}

func (h *Handler) on(pattern string, do func(*query) error) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "", pattern
	} else {
		method += " "
	}
	h.mux.HandleFunc(method+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
		q := &query{w: w, r: r}
		err := h.admit(q)
		if err == nil {
			err = do(q)
		}
		if err != nil {
			h.refuse(q, err)
		}
	})
}

// admit finds out whose directory speaks.
func (h *Handler) admit(q *query) error {
	ctx := q.r.Context()
	scheme, key, _ := strings.Cut(q.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return &fault{status: http.StatusUnauthorized, detail: "show an API key as a bearer token"}
	}
	from, err := netip.ParseAddrPort(q.r.RemoteAddr)
	if err != nil {
		from = netip.AddrPort{}
	}
	k, err := h.cfg.Keys.Check(ctx, strings.TrimSpace(key), from.Addr())
	switch {
	case errors.Is(err, apikey.ErrTooMany):
		return &fault{status: http.StatusTooManyRequests, detail: err.Error()}
	case e911.KindOf(err) == e911.Denied && err != nil:
		return &fault{status: http.StatusUnauthorized, detail: "the key is not valid"}
	case err != nil:
		return err
	case !k.Has(apikey.ScopeDirectory) || k.Org == "":
		return &fault{status: http.StatusForbidden, detail: "the key is not one of an organisation with the scope directory"}
	}
	if q.dir = h.cfg.Directories(); q.dir == nil {
		return &fault{status: http.StatusServiceUnavailable, detail: "the database does not answer now"}
	}
	q.src, err = q.dir.SCIM(ctx, k.Org)
	if e911.KindOf(err) == e911.NotFound && err != nil {
		return &fault{status: http.StatusForbidden, detail: "the organisation has no directory that speaks SCIM: callbox directory save makes one"}
	}
	return err
}

func (h *Handler) refuse(q *query, err error) {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		f = &fault{status: http.StatusInternalServerError, detail: "this went wrong here; it was written down"}
		switch e911.KindOf(err) {
		case e911.NotFound:
			f = &fault{status: http.StatusNotFound, detail: "there is no such resource"}
		case e911.Unavailable:
			f = &fault{status: http.StatusServiceUnavailable, detail: "the database does not answer now"}
		case e911.Conflict:
			f = &fault{status: http.StatusConflict, detail: "somebody else changed it at the same time: try again"}
		}
		if f.status >= http.StatusInternalServerError {
			h.cfg.Log.Warn("a SCIM request failed", "method", q.r.Method, obs.Err(err))
		}
	}
	switch f.status {
	case http.StatusUnauthorized:
		q.w.Header().Set("WWW-Authenticate", `Bearer realm="callbox"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		q.w.Header().Set("Retry-After", "60")
	}
	body := object{"schemas": []string{errorURN}, "status": strconv.Itoa(f.status), "detail": f.detail}
	if f.kind != "" {
		body["scimType"] = f.kind
	}
	_ = q.answer(f.status, body) // the client is gone
}

func (q *query) answer(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	q.w.Header().Set("Content-Type", "application/scim+json")
	q.w.Header().Set("Cache-Control", "no-store")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(b) // the client is gone
	return nil
}

func (q *query) all(list []map[string]any) error {
	return q.answer(http.StatusOK, object{"schemas": []string{listURN}, "totalResults": len(list), "itemsPerPage": len(list), "startIndex": 1, "Resources": list})
}

func (q *query) one(list []map[string]any) error {
	for _, x := range list {
		if id, _ := x["id"].(string); strings.EqualFold(id, q.r.PathValue("id")) {
			return q.answer(http.StatusOK, x)
		}
	}
	return &fault{status: http.StatusNotFound, detail: "there is no such resource"}
}

func (q *query) body() (object, error) {
	if ct := q.r.Header.Get("Content-Type"); ct != "" {
		if m, _, err := mime.ParseMediaType(ct); err != nil || m != "application/scim+json" && m != "application/json" {
			return nil, &fault{status: http.StatusUnsupportedMediaType, detail: "send application/scim+json"}
		}
	}
	b, err := io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &fault{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("a body has at most %d octets", maxBody)}
	}
	if err != nil {
		return nil, invalid(badSyntax, "the body did not come whole")
	}
	return decode(b)
}

func kindOf(t *resourceType) directory.Kind {
	if t == users {
		return directory.User
	}
	return directory.Group
}

func (h *Handler) create(q *query, t *resourceType) error {
	o, err := q.body()
	if err != nil {
		return err
	}
	if o, err = tidy(t, o); err != nil {
		return err
	}
	e, err := entry(t, o, directory.Entry{})
	if err != nil {
		return err
	}
	if err := h.twice(q, e); err != nil {
		return err
	}
	saved, err := h.put(q, e)
	if e911.KindOf(err) == e911.Conflict && err != nil {
		return &fault{http.StatusConflict, uniqueness, "another has this userName"}
	}
	if err != nil {
		return err
	}
	return h.show(q, t, saved, http.StatusCreated)
}

// twice refuses a group that is there already: the answer to the first request was
// lost. Two groups of one name that the sender tells apart are two.
func (h *Handler) twice(q *query, e directory.Entry) error {
	if e.Kind != directory.Group {
		return nil
	}
	list, err := q.dir.List(q.r.Context(), q.src, directory.Query{Kind: directory.Group})
	if err != nil {
		return err
	}
	for i := range list {
		if g := &list[i]; directory.Fold(g.Name) == directory.Fold(e.Name) && (g.External == e.External || g.External == "" || e.External == "") {
			return &fault{http.StatusConflict, uniqueness, "another group has this displayName"}
		}
	}
	return nil
}

func (h *Handler) get(q *query, t *resourceType) error {
	e, err := q.dir.Entry(q.r.Context(), q.src, kindOf(t), q.r.PathValue("id"))
	if err != nil {
		return err
	}
	if etagIn(q.r.Header.Get("If-None-Match"), e) {
		q.w.Header().Set("ETag", etag(e))
		q.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return h.show(q, t, e, http.StatusOK)
}

// change is PUT and PATCH.
func (h *Handler) change(q *query, t *resourceType, isPatch bool) error {
	body, err := q.body()
	if err != nil {
		return err
	}
	var ops []operation
	if isPatch {
		if ops, err = readPatch(body); err != nil {
			return err
		}
	} else if body, err = tidy(t, body); err != nil {
		return err
	}
	ctx, id := q.r.Context(), q.r.PathValue("id")
	for try := 1; ; try++ {
		e, err := q.dir.Entry(ctx, q.src, kindOf(t), id)
		if err != nil {
			return err
		}
		if m := q.r.Header.Get("If-Match"); m != "" && !etagIn(m, e) {
			return &fault{status: http.StatusPreconditionFailed, detail: "the resource is not of that version any more"}
		}
		if isPatch && len(ops) == 0 {
			return h.show(q, t, e, http.StatusOK)
		}
		o := body
		if isPatch {
			had, err := decode(e.Resource)
			if err != nil {
				return fmt.Errorf("read a resource: %w", err)
			}
			if o, err = patch(t, had, ops); err != nil {
				return err
			}
		}
		was := e.Version
		if e, err = entry(t, o, e); err != nil {
			return err
		}
		saved, err := h.put(q, e)
		if err == nil {
			return h.show(q, t, saved, http.StatusOK)
		}
		if e911.KindOf(err) != e911.Conflict {
			return err
		}
		now, gone := q.dir.Entry(ctx, q.src, kindOf(t), id)
		switch {
		case gone != nil:
			return gone
		case now.Version == was:
			return &fault{http.StatusConflict, uniqueness, "another has this userName"}
		case try == maxTries:
			return err
		}
	}
}

func (h *Handler) remove(q *query, t *resourceType) error {
	e, err := q.dir.Entry(q.r.Context(), q.src, kindOf(t), q.r.PathValue("id"))
	if err != nil {
		return err
	}
	if m := q.r.Header.Get("If-Match"); m != "" && !etagIn(m, e) {
		return &fault{status: http.StatusPreconditionFailed, detail: "the resource is not of that version any more"}
	}
	e.Deleted = true
	if _, err = h.put(q, e); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

func etag(e directory.Entry) string { return `W/"` + strconv.FormatInt(e.Version, 10) + `"` }

// etagIn compares weakly (RFC 9110, section 8.8.3.2).
func etagIn(header string, e directory.Entry) bool {
	for x := range strings.SplitSeq(header, ",") {
		x = strings.TrimSpace(x)
		if x == "*" || strings.TrimPrefix(x, "W/") == strings.TrimPrefix(etag(e), "W/") {
			return true
		}
	}
	return false
}
