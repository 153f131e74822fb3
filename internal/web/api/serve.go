package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// call is one request that may be done.
type call struct {
	*http.Request
	h     *Handler
	op    *operation
	who   caller
	org   e911.OrgID
	query url.Values
	body  []byte // of operations that take JSON
	w     http.ResponseWriter
	// sites are those at which a person has a role, where no role of his at the
	// organisation allows what he asks; nil: one does.
	sites []string
}

// param is a part of the path, unescaped.
func (c *call) param(name string) string { return pathParam(c.Request, name) }

func pathParam(r *http.Request, name string) string {
	s := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return s
	}
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// reply is a finished answer.
type reply struct {
	status int
	header map[string]string
	body   []byte
	stream func(w io.Writer) error // instead of body
}

// answer makes a reply of a value.
func answer(status int, v any) (reply, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return reply{}, fmt.Errorf("encode the answer: %w", err)
	}
	return reply{status: status, header: map[string]string{"Content-Type": "application/json"}, body: b.Bytes()}, nil
}

func routeOf(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		return c.RoutePattern()
	}
	return ""
}

// callTimeout bounds one request, its body aside.
const callTimeout = 60 * time.Second

// serve makes the handler of an operation.
func (h *Handler) serve(op *operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
				h.write(w, r, h.problem(r, fmt.Errorf("panic: %v", p)))
			}
		}()
		out, err := h.try(op, w, r)
		if err != nil {
			out = h.problem(r, err)
		}
		h.write(w, r, out)
	}
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, out reply) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	for k, v := range out.header {
		head.Set(k, v)
	}
	w.WriteHeader(out.status)
	if r.Method == http.MethodHead {
		return
	}
	if out.stream != nil {
		if err := out.stream(w); err != nil {
			panic(http.ErrAbortHandler) // the caller must not take half for the whole
		}
		return
	}
	_, _ = w.Write(out.body)
}

func (h *Handler) try(op *operation, w http.ResponseWriter, r *http.Request) (reply, error) {
	c := &call{Request: r, h: h, op: op, w: w}
	if !op.open {
		who, err := h.authenticate(r)
		if err != nil {
			return reply{}, err
		}
		c.who = who
		trail := admin.Trail{Address: address(r).Unmap().String(), Session: who.id}
		if !address(r).IsValid() {
			trail.Address = "" // over a socket of this machine
		}
		c.Request = r.WithContext(member.Within(admin.WithTrail(r.Context(), trail), who.scope))
		if err := h.wall(c); err != nil {
			return reply{}, err
		}
		if err := h.allowed(c); err != nil {
			return reply{}, err
		}
	}
	if err := c.readQuery(); err != nil {
		return reply{}, err
	}
	if err := c.readBody(); err != nil {
		return reply{}, err
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" && op.once {
		return h.once(c, key)
	}
	return op.do(h, c)
}

// allowed lets a key do what its scopes say, and a person what his roles do.
func (h *Handler) allowed(c *call) error {
	if c.who.isPerson() {
		return h.permit(c)
	}
	for _, s := range c.op.scopes {
		if !c.who.has(s) {
			return &statusError{
				status: http.StatusForbidden, err: e911.Errorf(e911.Denied, "this needs a key with the scope %s", s),
				header: map[string]string{"WWW-Authenticate": fmt.Sprintf(`Bearer realm="callbox", error="insufficient_scope", scope=%q`, s)}, // RFC 6750, section 3.1
			}
		}
	}
	if c.op.operator && !c.who.provider() {
		return denied("this is the operator's: it needs a key with the scope provider")
	}
	return nil
}

// wall finds the organisation of the path. Another's is one that is not there (E14).
func (h *Handler) wall(c *call) error {
	if !strings.Contains(c.op.path, "{org}") {
		return nil
	}
	none := e911.Errorf(e911.NotFound, "there is no such organisation")
	name := c.param("org")
	if c.who.isPerson() {
		return h.findOrg(c, name)
	}
	if key, named := strings.CutPrefix(name, byKey); named {
		own := c.who.org
		found, err := h.cfg.Objects[e911.KindOrg].Find(c.Context(), admin.Query{Org: own, Field: admin.ByKey, Value: key})
		if err != nil {
			return err
		}
		if own == "" {
			found, err = h.allOrgs(c.Context())
		}
		for _, o := range found {
			if v, ok := o.Value.(e911.Org); ok && v.Key == key {
				c.org = v.ID
			}
		}
		if c.org == "" || err != nil {
			return errors.Join(err, none)
		}
		return nil
	}
	id := e911.OrgID(name)
	if id == "" || (c.who.org != "" && c.who.org != id) {
		return none
	}
	if c.who.org == "" {
		if !c.who.provider() {
			return none
		}
		if _, err := h.cfg.Objects[e911.KindOrg].Get(c.Context(), "", name); err != nil {
			if e911.KindOf(err) == e911.NotFound {
				return none
			}
			return err
		}
	}
	c.org = id
	return nil
}

// readQuery refuses parameters that the operation does not have: a filter that is
// not looked at would answer too much.
func (c *call) readQuery() error {
	q, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return refused(http.StatusBadRequest, e911.Invalid, "the query cannot be read")
	}
	var faults []e911.Fault
	for _, name := range slices.Sorted(maps.Keys(q)) {
		i := slices.IndexFunc(c.op.params, func(p parameter) bool { return p.in == "query" && p.name == name })
		switch {
		case i < 0:
			faults = append(faults, e911.Fault{Path: name, Code: "unknown_key", Msg: "there is no such parameter", Fix: "it is one of " + strings.Join(c.op.queryNames(), ", ")})
		case len(q[name]) > 1:
			faults = append(faults, e911.Fault{Path: name, Code: check.Duplicate, Msg: "the parameter is there twice", Fix: "leave one out"})
		case len(q[name][0]) > 1024 || strings.ContainsRune(q[name][0], 0) || !validText(q[name][0]):
			faults = append(faults, e911.Fault{Path: name, Code: check.Syntax, Msg: "this is no text of at most 1024 bytes"})
		}
	}
	if len(faults) > 0 {
		return &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the query is refused", Faults: faults}}
	}
	c.query = q
	return nil
}

// readBody reads the JSON of operations that take it; an upload is left to its
// operation.
func (c *call) readBody() error {
	if c.op.body == nil {
		return nil
	}
	media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(c.op.media(), media) {
		return &statusError{
			status: http.StatusUnsupportedMediaType, header: map[string]string{"Accept": strings.Join(c.op.media(), ", ")},
			err: e911.Errorf(e911.Invalid, "send the body as %s", strings.Join(c.op.media(), " or ")),
		}
	}
	c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.Body, c.op.limit()))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &statusError{status: http.StatusRequestEntityTooLarge, err: e911.Errorf(e911.Invalid, "the body is larger than %d KiB", tooLarge.Limit>>10)}
	}
	if err != nil {
		return &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the body did not arrive whole"}}
	}
	return nil
}

// cutShort is after what time a request without an answer is taken for one that
// died with its server.
const cutShort = 2 * callTimeout

// once does a request that may be sent twice once: who sends it again has the
// first answer. What failed for us, or for the moment, may be tried again.
func (h *Handler) once(c *call, key string) (reply, error) {
	if len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return reply{}, refused(http.StatusBadRequest, e911.Invalid, "an Idempotency-Key has up to 200 printable characters of ASCII")
	}
	store := h.cfg.Replays()
	if store == nil {
		return reply{}, e911.Errorf(e911.Unavailable, "the database does not answer now")
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s %s %d\n", c.Method, c.URL.EscapedPath(), c.query.Encode(), c.ContentLength)
	sum.Write(c.body)
	now := h.cfg.Now().Truncate(time.Millisecond)
	claim := apikey.Claim{Caller: c.who.id, Key: key, Hash: sum.Sum(nil), At: now}
	died := cutShort
	if c.op.upload {
		died += uploadTimeout
	}
	first, kept, taken, err := store.ClaimRequest(c.Context(), claim, now.Add(-died))
	switch {
	case err != nil:
		return reply{}, err
	case !taken && !bytes.Equal(first.Hash, claim.Hash):
		return reply{}, refused(http.StatusUnprocessableEntity, e911.Conflict, "another request had this Idempotency-Key: take a new one")
	case !taken && kept == nil:
		return reply{}, &statusError{status: http.StatusConflict, header: map[string]string{"Retry-After": "2"}, err: e911.Errorf(e911.Conflict, "the first request with this Idempotency-Key is still under way")}
	case !taken:
		if err := sameUpload(c, kept.Header[uploadDigest]); err != nil {
			return reply{}, err
		}
		out := reply{status: kept.Status, header: maps.Clone(kept.Header), body: kept.Body}
		out.header["Idempotency-Replayed"] = "true"
		return out, nil
	}
	out, err := c.op.do(h, c)
	if err != nil {
		out = h.problem(c.Request, err)
	}
	// The caller may be gone; its answer must be there when it comes back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 5*time.Second)
	defer cancel()
	if out.status >= 500 || out.status == http.StatusTooManyRequests {
		err = store.ForgetRequest(ctx, claim)
	} else {
		err = store.AnswerRequest(ctx, claim, apikey.Answer{Status: out.status, Header: out.header, Body: out.body})
	}
	if err != nil {
		h.cfg.Log.Warn("the answer to a request with an Idempotency-Key is not kept", "err", err.Error())
	}
	return out, nil
}
