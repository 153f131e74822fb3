package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/e911"
)

// Lists compares platforms' lists with what is stored; reconcile.Service does.
type Lists interface {
	Status(ctx context.Context, org e911.OrgID) ([]reconcile.Status, error)
	Sources(ctx context.Context, org e911.OrgID) ([]reconcile.Source, error)
	Source(ctx context.Context, org e911.OrgID, key string) (reconcile.Source, error)
	Save(ctx context.Context, who admin.Actor, s reconcile.Source) (reconcile.Source, error)
	Delete(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error
	Last(ctx context.Context, org e911.OrgID, key string) (reconcile.Run, error)
	Runs(ctx context.Context, org e911.OrgID, key string, limit int) ([]reconcile.Run, error)
	Compare(ctx context.Context, org e911.OrgID, key string) (reconcile.Run, error)
	RunNow(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (reconcile.Run, error)
	Push(ctx context.Context, who admin.Actor, org e911.OrgID, key, name string, list io.Reader) (reconcile.Run, error)
	Plan(ctx context.Context, who admin.Actor, org e911.OrgID, key string) (change.Plan, error)
}

// exampleList is a list of a platform's users.
var exampleList = map[string]any{
	"key": "webex", "kind": "users", "key_column": "User ID/Email", "key_field": "email", "site": "mill", "action": "plan",
	"columns": map[string]any{"name": "Display Name"},
}

func listOperations() []operation {
	const all, one = "/organisations/{org}/lists", "/organisations/{org}/lists/{id}"
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeWrite}
	source, run := reflect.TypeFor[client.List](), reflect.TypeFor[reconcile.Run]()
	op := func(method, path, id, summary string, scopes []apikey.Scope, result reflect.Type, do func(*Handler, *call) (reply, error)) operation {
		return operation{method: method, path: path, id: id, tag: "lists", scopes: scopes, summary: summary, result: result, do: do}
	}
	ops := []operation{
		op(http.MethodGet, all, "list_lists", "List the platforms' lists that are compared", read, listOf(source), (*Handler).listLists),
		op(http.MethodGet, all+":status", "get_lists_status", "How each list stands: state, age, what is wrong", read, listOf(reflect.TypeFor[reconcile.Status]()), (*Handler).listsStatus),
		op(http.MethodPost, all, "create_lists", "Say what a platform's list is", write, source, (*Handler).createList),
		op(http.MethodGet, one, "get_lists", "Read what a list is", read, source, (*Handler).getList),
		op(http.MethodPut, one, "replace_lists", "Say it otherwise", write, source, (*Handler).replaceList),
		op(http.MethodDelete, one, "delete_lists", "Forget a list and its runs", write, nil, (*Handler).deleteList),
		op(http.MethodGet, one+"/runs", "list_lists_runs", "List its comparisons, newest first, without differences", read, listOf(run), (*Handler).listRuns),
		op(http.MethodPost, one+"/runs", "run_lists", "Compare it now", write, run, (*Handler).runList),
		op(http.MethodGet, one+"/last", "get_lists_last", "Read the last comparison, with its differences", read, run, (*Handler).lastRun),
		op(http.MethodGet, one+"/differences", "get_lists_differences", "Compare what came last with what is stored now, every difference; nothing is kept", read, run, (*Handler).differences),
		op(http.MethodPost, one+"/push", "push_lists", "Send the platform's list, and compare it", []apikey.Scope{apikey.ScopeImports, apikey.ScopeWrite}, run, (*Handler).pushList),
		op(http.MethodPost, one+"/plan", "plan_lists", "Plan what mends the differences", write, reflect.TypeFor[change.Plan](), (*Handler).planList),
	}
	for i := range ops {
		o := &ops[i]
		switch o.id {
		case "list_lists":
			o.params = []parameter{limitParam, cursorParam}
		case "list_lists_runs":
			o.params = []parameter{limitParam}
		case "get_lists":
			o.params = []parameter{ifNoneMatch}
		case "create_lists", "replace_lists":
			o.body, o.example = source, exampleList
			o.about = "Its file, where it is read from a file of the server's, is the operator's to say."
			o.status, o.once, o.errors = http.StatusCreated, true, []int{409}
			if o.method == http.MethodPut {
				o.status, o.once, o.params, o.errors = 0, false, []parameter{ifMatch}, []int{409, 412, 428}
			}
		case "delete_lists":
			o.params, o.status, o.errors = []parameter{ifMatch}, http.StatusNoContent, []int{412, 428}
		case "push_lists":
			o.upload, o.maxBody, o.params = true, reconcile.MaxList, []parameter{inQuery("file", "Its name, for faults")}
			o.about = "The file is the body: CSV or XLSX. One that cannot be read is a run that failed; the last good one is kept."
		case "plan_lists":
			o.about, o.errors = "The answer is a plan; applying it mends them. 409: there is nothing to mend.", []int{409}
		}
	}
	return ops
}

// listKey is the key of the list of the path, which key:NAME may name too.
func (c *call) listKey() string { return strings.TrimPrefix(c.param("id"), byKey) }

// withList answers with what the comparison of lists says.
func withList[T any](h *Handler, c *call, ask func(ctx context.Context, l Lists, org e911.OrgID, key string) (T, error)) (reply, error) {
	if h.cfg.Lists == nil {
		return reply{}, errNotHere
	}
	v, err := ask(c.Context(), h.cfg.Lists, c.org, c.listKey())
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, v)
}

func (h *Handler) listLists(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Lists == nil {
		return reply{}, orNotHere(err)
	}
	all, err := h.cfg.Lists.Sources(c.Context(), c.org)
	if err != nil {
		return reply{}, err
	}
	all = slices.DeleteFunc(all, func(s reconcile.Source) bool { return s.Key <= after })
	slices.SortFunc(all, func(a, b reconcile.Source) int { return strings.Compare(a.Key, b.Key) })
	return paged(h, c, all[:min(limit, len(all))], limit, func(s reconcile.Source) string { return s.Key })
}

func (h *Handler) listsStatus(c *call) (reply, error) {
	return withList(h, c, func(ctx context.Context, l Lists, org e911.OrgID, _ string) (any, error) {
		all, err := l.Status(ctx, org)
		if all == nil {
			all = []reconcile.Status{}
		}
		return struct {
			Items []reconcile.Status `json:"items"`
		}{all}, err
	})
}

func (h *Handler) getList(c *call) (reply, error) {
	if h.cfg.Lists == nil {
		return reply{}, errNotHere
	}
	s, err := h.cfg.Lists.Source(c.Context(), c.org, c.listKey())
	if err != nil {
		return reply{}, err
	}
	if matches(c.Header.Get("If-None-Match"), s.Version) {
		return reply{status: http.StatusNotModified, header: map[string]string{"ETag": etag(s.Version)}}, nil
	}
	return shownList(http.StatusOK, s)
}

func shownList(status int, s reconcile.Source) (reply, error) {
	out, err := answer(status, s)
	if err != nil {
		return reply{}, err
	}
	out.header["ETag"] = etag(s.Version)
	if status == http.StatusCreated {
		out.header["Location"] = Base + "/organisations/" + string(s.Org) + "/lists/" + s.Key
	}
	return out, nil
}

// listBody reads a list of the body; was is what it replaces. A file of the
// server's folder may be another organisation's, so that it is the operator's to
// name one.
func (c *call) listBody(was reconcile.Source) (reconcile.Source, error) {
	m, err := c.object()
	if err != nil {
		return reconcile.Source{}, err
	}
	for _, name := range []string{"id", "org", "version"} {
		delete(m, name)
	}
	var d decoder
	var s reconcile.Source
	d.into(m, &s)
	if s.File != was.File && s.File != "" && !c.who.provider() {
		d.fault("/file", "forbidden", "files of the server are the operator's", "push the list, or ask the operator")
	}
	if s.Action == "" {
		s.Action = reconcile.ActionReport
	}
	if len(d.faults) > 0 {
		return reconcile.Source{}, &e911.Error{Kind: e911.Invalid, Msg: "the list is refused", Faults: d.faults}
	}
	s.ID, s.Org, s.Version = was.ID, c.org, was.Version
	return s, nil
}

func (h *Handler) createList(c *call) (reply, error) {
	if h.cfg.Lists == nil {
		return reply{}, errNotHere
	}
	s, err := c.listBody(reconcile.Source{})
	if err != nil {
		return reply{}, err
	}
	if s, err = h.cfg.Lists.Save(c.Context(), c.who.who, s); err != nil {
		return reply{}, mapped(kindRow{}, err)
	}
	return shownList(http.StatusCreated, s)
}

func (h *Handler) replaceList(c *call) (reply, error) {
	if h.cfg.Lists == nil {
		return reply{}, errNotHere
	}
	was, err := h.cfg.Lists.Source(c.Context(), c.org, c.listKey())
	if err != nil {
		return reply{}, err
	}
	if err := ifMatches(c, was.Version); err != nil {
		return reply{}, err
	}
	s, err := c.listBody(was)
	if err != nil {
		return reply{}, err
	}
	if s, err = h.cfg.Lists.Save(c.Context(), c.who.who, s); err != nil {
		now, e := h.cfg.Lists.Source(c.Context(), c.org, was.Key)
		if e == nil && e911.KindOf(err) == e911.Conflict && now.Version != was.Version {
			return reply{}, stale(now.Version)
		}
		return reply{}, mapped(kindRow{}, err)
	}
	return shownList(http.StatusOK, s)
}

func (h *Handler) deleteList(c *call) (reply, error) {
	if h.cfg.Lists == nil {
		return reply{}, errNotHere
	}
	was, err := h.cfg.Lists.Source(c.Context(), c.org, c.listKey())
	if err != nil {
		return reply{}, err
	}
	if err := ifMatches(c, was.Version); err != nil {
		return reply{}, err
	}
	if err := h.cfg.Lists.Delete(c.Context(), c.who.who, c.org, was.Key); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (h *Handler) listRuns(c *call) (reply, error) {
	_, limit, err := h.page(c)
	if err != nil || h.cfg.Lists == nil {
		return reply{}, orNotHere(err)
	}
	return withList(h, c, func(ctx context.Context, l Lists, org e911.OrgID, key string) (any, error) {
		all, err := l.Runs(ctx, org, key, min(limit, reconcile.KeptRuns))
		if all == nil {
			all = []reconcile.Run{}
		}
		return struct {
			Items []reconcile.Run `json:"items"`
		}{all}, err
	})
}

func (h *Handler) lastRun(c *call) (reply, error) {
	return withList(h, c, func(ctx context.Context, l Lists, org e911.OrgID, key string) (reconcile.Run, error) {
		return l.Last(ctx, org, key)
	})
}

func (h *Handler) differences(c *call) (reply, error) {
	return withList(h, c, func(ctx context.Context, l Lists, org e911.OrgID, key string) (reconcile.Run, error) {
		return l.Compare(ctx, org, key)
	})
}

func (h *Handler) runList(c *call) (reply, error) {
	return withList(h, c, func(ctx context.Context, l Lists, org e911.OrgID, key string) (reconcile.Run, error) {
		return l.RunNow(ctx, c.who.who, org, key)
	})
}

func (h *Handler) planList(c *call) (reply, error) {
	return withList(h, c, func(ctx context.Context, l Lists, org e911.OrgID, key string) (change.Plan, error) {
		return l.Plan(ctx, c.who.who, org, key)
	})
}

func (h *Handler) pushList(c *call) (reply, error) {
	if h.cfg.Lists == nil {
		return reply{}, errNotHere
	}
	if c.ContentLength > reconcile.MaxList {
		return reply{}, tooLargeFor(reconcile.MaxList)
	}
	ctx, cancel := c.patiently()
	defer cancel()
	name := orElse(c.query.Get("file"), c.listKey())
	r, err := h.cfg.Lists.Push(ctx, c.who.who, c.org, c.listKey(), name, http.MaxBytesReader(c.w, c.Body, reconcile.MaxList))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return reply{}, tooLargeFor(reconcile.MaxList)
	}
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, r)
}

// patiently gives a file the time to arrive and to be read, and its answer that to
// leave.
func (c *call) patiently() (context.Context, context.CancelFunc) {
	w := http.NewResponseController(c.w)
	_ = w.SetReadDeadline(time.Now().Add(uploadTimeout)) // not every server has one
	_ = w.SetWriteDeadline(time.Now().Add(2 * uploadTimeout))
	return context.WithTimeout(context.WithoutCancel(c.Context()), uploadTimeout)
}

func tooLargeFor(limit int64) error {
	return refused(http.StatusRequestEntityTooLarge, e911.Invalid, "the file is larger than "+strconv.FormatInt(limit>>20, 10)+" MiB: send it in parts")
}
