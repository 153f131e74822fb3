package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
)

// Plans makes and applies plans; change.Planner does.
type Plans interface {
	Plan(ctx context.Context, who admin.Actor, s change.Set) (change.Plan, error)
	Get(ctx context.Context, org e911.OrgID, id string) (change.Plan, error)
	List(ctx context.Context, org e911.OrgID, after string, limit int) ([]change.Plan, error)
	Changes(ctx context.Context, org e911.OrgID, id string, offset, limit int) ([]change.Change, error)
	Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, hash string) (change.Applied, error)
}

// Applied tells what was applied, and takes it back; change.Planner does.
type Applied interface {
	GetApplied(ctx context.Context, org e911.OrgID, id string) (change.Applied, error)
	ListApplied(ctx context.Context, org e911.OrgID, before string, limit int) ([]change.Applied, error)
	Undo(ctx context.Context, who admin.Actor, org e911.OrgID, appliedID string) (change.Plan, error)
}

var errNotHere = e911.Errorf(e911.Unavailable, "this is not offered here now")

// Outcome is what a bulk did: its plan and, unless it was a dry run, what was
// applied.
type Outcome struct {
	Plan    change.Plan     `json:"plan"`
	Applied *change.Applied `json:"applied,omitempty"`
}

func planOperations() (ops []operation) {
	read, write := []apikey.Scope{apikey.ScopeRead}, []apikey.Scope{apikey.ScopeWrite}
	dry := parameter{in: "query", name: "dry_run", about: "true: only plan it, and say what it would do", enum: []any{"true", "false"}}
	example := map[string]any{"title": "a new user", "mode": "all", "steps": []any{}}
	plan, applied := reflect.TypeFor[change.Plan](), reflect.TypeFor[change.Applied]()
	for _, base := range []string{"/organisations/{org}", ""} {
		world, tag, of := base == "", "changes", ""
		if world {
			of = "world_"
		}
		bulk := func(path, id, summary string, k kindRow) operation {
			return operation{
				method: http.MethodPost, path: path, id: id, tag: tag, scopes: write, operator: world || k.kind == e911.KindTrunk, once: true, summary: summary,
				about: "The steps are planned together, so that one may name what another makes, and applied in one transaction.", params: []parameter{dry},
				body: reflect.TypeFor[client.Bulk](), example: example, maxBody: maxBulk, result: reflect.TypeFor[Outcome](), errors: []int{409},
				do: func(h *Handler, c *call) (reply, error) { return h.bulk(c, k) },
			}
		}
		ops = append(ops, bulk(base+"/changes", of+"changes", "Change many objects of any kind", kindRow{}))
		for _, k := range kinds() {
			if !k.fixed && (world && k.world || !world && k.org) {
				ops = append(ops, bulk(base+"/"+k.path+":bulk", of+"bulk_"+k.path, "Change many: "+k.one, k))
			}
		}
		ops = append(ops,
			operation{
				method: http.MethodGet, path: base + "/plans", id: "list_" + of + "plans", tag: tag, scopes: read, operator: world, summary: "List plans that may still be applied",
				params: []parameter{limitParam, cursorParam}, result: listOf(plan), do: (*Handler).listPlans,
			},
			operation{
				method: http.MethodGet, path: base + "/plans/{id}", id: "get_" + of + "plans", tag: tag, scopes: read, operator: world, summary: "Read a plan: what it would do, also to emergency calls",
				result: plan, do: (*Handler).getPlan,
			},
			operation{
				method: http.MethodGet, path: base + "/plans/{id}/changes", id: "list_" + of + "plan_changes", tag: tag, scopes: read, operator: world, summary: "Page the changes of a large plan",
				params: []parameter{limitParam, cursorParam}, result: listOf(reflect.TypeFor[change.Change]()), do: (*Handler).planChanges,
			},
			operation{
				method: http.MethodPost, path: base + "/plans/{id}/apply", id: "apply_" + of + "plans", tag: tag, scopes: write, operator: world, once: true, summary: "Apply a plan",
				about: "Refused, with the difference, when the world has moved on since.", body: reflect.TypeFor[client.Apply](), example: map[string]any{"hash": "the plan's"},
				result: applied, errors: []int{409}, do: (*Handler).applyPlan,
			},
			operation{
				method: http.MethodGet, path: base + "/applied", id: "list_" + of + "applied", tag: tag, scopes: read, operator: world, summary: "List what was applied, newest first",
				params: []parameter{limitParam, cursorParam}, result: listOf(applied), do: (*Handler).listApplied,
			},
			operation{
				method: http.MethodGet, path: base + "/applied/{id}", id: "get_" + of + "applied", tag: tag, scopes: read, operator: world, summary: "Read what was applied",
				result: applied, do: (*Handler).getApplied,
			},
			operation{
				method: http.MethodPost, path: base + "/applied/{id}/undo", id: "undo_" + of + "applied", tag: tag, scopes: write, operator: world, once: true, summary: "Plan to take back what was applied",
				about: "The answer is a plan that puts everything back; applying it does so.", result: plan, errors: []int{409}, do: (*Handler).undo,
			},
		)
	}
	return ops
}

// steps bounds one bulk; what is larger comes as a file, in a job.
const maxSteps = 10_000

func (h *Handler) bulk(c *call, k kindRow) (reply, error) {
	if h.cfg.Plans == nil {
		return reply{}, errNotHere
	}
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	var d decoder
	var b client.Bulk
	d.into(m, &b)
	if b.Mode != "" && b.Mode != "all" && b.Mode != "partial" {
		d.fault("/mode", "unknown", "there is no such mode", "all or partial")
	}
	if len(b.Steps) == 0 || len(b.Steps) > maxSteps {
		d.fault("/steps", "range", fmt.Sprintf("a bulk has 1 to %d steps", maxSteps), "send more in several, or as a file")
	}
	if len(d.faults) > 0 {
		return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the change set is refused", Faults: d.faults}
	}
	var set change.Set
	err = h.cfg.Views.Read(c.Context(), func(r admin.Reader) error {
		s := &setting{h: h, c: c, kind: k, builder: change.NewBuilder(c.Context(), r, c.org, b.Title)}
		for i := range b.Steps {
			if err := s.step(i, &b.Steps[i]); err != nil {
				return err
			}
		}
		set = s.set()
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	set.Source, set.Partial, set.Unroute = "api", b.Mode == "partial", b.Unroute
	return h.planned(c, set)
}

// planned plans a set and, unless the caller asked for a dry run, applies it.
func (h *Handler) planned(c *call, set change.Set) (reply, error) {
	plan, err := h.cfg.Plans.Plan(c.Context(), c.who.who, set)
	if err != nil {
		return reply{}, err
	}
	out := Outcome{Plan: plan}
	if c.query.Get("dry_run") == "true" {
		return answer(http.StatusOK, out)
	}
	if plan.Idle() {
		return answer(http.StatusOK, out) // all is as it is wanted
	}
	if !plan.Applicable {
		return reply{}, &e911.Error{
			Kind: e911.Invalid, Msg: "nothing was changed: " + orElse(plan.Why, "the change set has faults"), Faults: slices.Concat(plan.Faults, plan.Effects.Lost),
		}
	}
	applied, err := h.cfg.Plans.Apply(c.Context(), c.who.who, c.org, plan.ID, plan.Hash)
	if err != nil {
		return reply{}, err
	}
	out.Applied = &applied
	return answer(http.StatusOK, out)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// setting is a change set that is being built of the steps of a body.
type setting struct {
	h       *Handler
	c       *call
	kind    kindRow // of all steps; none: each says its own
	builder *change.Builder
	mended  map[int]func(*change.Step)
}

func (s *setting) set() change.Set {
	set := s.builder.Set()
	for i, mend := range s.mended {
		mend(&set.Steps[i])
	}
	return set
}

// last says what becomes of the step that the builder got last.
func (s *setting) last(before int, mend func(*change.Step)) {
	if n := len(s.builder.Set().Steps); n > before {
		if s.mended == nil {
			s.mended = map[int]func(*change.Step){}
		}
		s.mended[n-1] = mend
	}
}

func (s *setting) step(i int, step *client.Step) error {
	from := change.Origin{Row: i + 1}
	fault := func(at, code, msg, fix string) {
		s.builder.Fault(e911.Fault{Path: at, Code: code, Msg: msg, Fix: fix}, from)
	}
	k, ok := s.kindOf(step)
	if !ok {
		fault("/kind", "unknown", "there is no such collection here", "as users or locations")
		return nil
	}
	if err := s.h.mayKind(s.c, k.kind); err != nil {
		return err
	}
	if k.kind == e911.KindTrunk && !s.c.who.provider() && !s.c.who.isPerson() {
		fault("/kind", "forbidden", "trunks are the operator's to change", "ask the operator")
		return nil
	}
	var stored admin.Object
	if step.ID != "" || step.Key != "" {
		var err error
		if stored, err = s.stored(k, step); err != nil {
			return err
		}
		if stored.Value == nil && step.Verb != "put" && step.Verb != "create" {
			fault("/key", "unknown", "there is no such "+k.one, "mend the id or key")
			return nil
		}
	}
	before := len(s.builder.Set().Steps)
	switch step.Verb {
	case "delete":
		if stored.Value == nil {
			fault("/key", "required", "say what is deleted", "give id or key")
			return nil
		}
		s.builder.Delete(k.kind, admin.KeyOf(stored.Value), from)
		s.last(before, func(x *change.Step) { x.Ref, x.Version = stored.Ref, step.Version })
		return nil
	case "put", "create", "change":
		return s.put(k, step, stored, from, before)
	}
	fault("/verb", "unknown", "there is no such verb", "put, create, change or delete")
	return nil
}

func (s *setting) put(k kindRow, step *client.Step, stored admin.Object, from change.Origin, before int) error {
	value := step.Value
	if value == nil {
		value = map[string]any{}
	}
	if step.Verb == "change" {
		if stored.Value == nil {
			s.builder.Fault(e911.Fault{Path: "/key", Code: "required", Msg: "say what is changed", Fix: "give id or key"}, from)
			return nil
		}
		var err error
		if value, err = s.h.patched(k, stored, value); err != nil {
			return err
		}
	}
	if key, ok := value["key"].(string); ok && stored.Value == nil && step.Verb == "put" { // for its secrets
		if o, found, err := s.builder.Stored(k.kind, key); err != nil {
			return err
		} else if found {
			stored = o
		}
	}
	ref := stored.Ref
	ref.Kind, ref.Org = k.kind, s.c.org
	find := func(ctx context.Context, kind e911.ObjectKind, key string) (string, bool, error) {
		id, ok, err := s.builder.ID(kind, key)
		if err == nil && !ok && kind == e911.KindTrunk {
			return s.h.find("")(ctx, kind, key)
		}
		return id, ok, err
	}
	v, err := decode(s.c.Context(), k, value, ref, stored.Value, find)
	if err != nil {
		if e911.KindOf(err) != e911.Invalid {
			return err
		}
		for _, f := range e911.FaultsOf(err) {
			s.builder.Fault(f, from)
		}
		return nil
	}
	s.builder.Put(v, from)
	verbs := map[string]admin.Verb{"put": change.Put, "create": admin.Created, "change": admin.Changed}
	version := step.Version
	if version == 0 && stored.Value != nil && step.Verb != "create" {
		version = stored.Version // the value was laid over this one: what somebody changes meanwhile is not lost
	}
	s.last(before, func(x *change.Step) { x.Verb, x.Version = verbs[step.Verb], version })
	return nil
}

func (s *setting) kindOf(step *client.Step) (kindRow, bool) {
	if s.kind.kind != "" {
		return s.kind, step.Kind == "" || step.Kind == s.kind.path
	}
	all := kinds()
	i := slices.IndexFunc(all, func(k kindRow) bool {
		return k.path == strings.TrimSpace(step.Kind) && !k.fixed && (s.c.org == "" && k.world || s.c.org != "" && k.org)
	})
	if i < 0 {
		return kindRow{}, false
	}
	return all[i], true
}

func (s *setting) stored(k kindRow, step *client.Step) (admin.Object, error) {
	if step.ID != "" {
		o, err := s.h.cfg.Objects[k.kind].Get(s.c.Context(), s.c.org, step.ID)
		if e911.KindOf(err) == e911.NotFound && err != nil {
			return admin.Object{}, nil
		}
		return o, err
	}
	o, _, err := s.builder.Stored(k.kind, step.Key)
	return o, err
}

// paged answers with a page of a list; last is what the next page begins behind.
func paged[T any](h *Handler, c *call, items []T, limit int, last func(T) string) (reply, error) {
	if items == nil {
		items = []T{}
	}
	out := client.Page[T]{Items: items}
	if len(items) == limit {
		var err error
		if out.Next, err = h.next(c, last(items[limit-1])); err != nil {
			return reply{}, err
		}
	}
	return answer(http.StatusOK, out)
}

func (h *Handler) listPlans(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Plans == nil {
		return reply{}, orNotHere(err)
	}
	list, err := h.cfg.Plans.List(c.Context(), c.org, after, limit)
	if err != nil {
		return reply{}, err
	}
	return paged(h, c, list, limit, func(p change.Plan) string { return p.ID })
}

func orNotHere(err error) error {
	if err == nil {
		return errNotHere
	}
	return err
}

func (h *Handler) getPlan(c *call) (reply, error) {
	if h.cfg.Plans == nil {
		return reply{}, errNotHere
	}
	p, err := h.cfg.Plans.Get(c.Context(), c.org, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, p)
}

func (h *Handler) planChanges(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Plans == nil {
		return reply{}, orNotHere(err)
	}
	offset := 0
	if after != "" {
		if _, err := fmt.Sscanf(after, "%d", &offset); err != nil {
			return reply{}, refused(http.StatusBadRequest, e911.Invalid, "this cursor is not of this list")
		}
	}
	list, err := h.cfg.Plans.Changes(c.Context(), c.org, c.param("id"), offset, limit)
	if err != nil {
		return reply{}, err
	}
	return paged(h, c, list, limit, func(change.Change) string { return fmt.Sprint(offset + limit) })
}

func (h *Handler) applyPlan(c *call) (reply, error) {
	if h.cfg.Plans == nil {
		return reply{}, errNotHere
	}
	m, err := c.object()
	if err != nil {
		return reply{}, err
	}
	var d decoder
	var a client.Apply
	d.into(m, &a)
	if len(d.faults) > 0 {
		return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: d.faults}
	}
	if err := h.mayApply(c, c.param("id")); err != nil {
		return reply{}, err
	}
	if !c.who.provider() && !c.who.isPerson() {
		p, err := h.cfg.Plans.Get(c.Context(), c.org, c.param("id"))
		if err == nil {
			err = h.mayTouch(c, p.Counts)
		}
		if err != nil {
			return reply{}, err
		}
	}
	done, err := h.cfg.Plans.Apply(c.Context(), c.who.who, c.org, c.param("id"), a.Hash)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, done)
}

func (h *Handler) listApplied(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil || h.cfg.Applied == nil {
		return reply{}, orNotHere(err)
	}
	list, err := h.cfg.Applied.ListApplied(c.Context(), c.org, after, limit)
	if err != nil {
		return reply{}, err
	}
	return paged(h, c, list, limit, func(a change.Applied) string { return a.ID })
}

func (h *Handler) getApplied(c *call) (reply, error) {
	if h.cfg.Applied == nil {
		return reply{}, errNotHere
	}
	a, err := h.cfg.Applied.GetApplied(c.Context(), c.org, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, a)
}

// mayTouch keeps what is the operator's out of sets that an organisation applies or
// takes back itself: the operator may have made them for it.
func (h *Handler) mayTouch(c *call, counts []change.Count) error {
	for _, n := range counts {
		if c.who.isPerson() && n.Kind != "" {
			if err := h.mayKind(c, n.Kind); err != nil {
				return err
			}
			continue
		}
		if (n.Kind == e911.KindTrunk || n.Kind == e911.KindOrg) && n.Created+n.Changed+n.Deleted > 0 {
			return refused(http.StatusForbidden, e911.Denied, "the set changes trunks or the organisation itself, which are the operator's to change: ask the operator")
		}
	}
	return nil
}

func (h *Handler) undo(c *call) (reply, error) {
	if h.cfg.Applied == nil {
		return reply{}, errNotHere
	}
	if !c.who.provider() || c.who.isPerson() {
		a, err := h.cfg.Applied.GetApplied(c.Context(), c.org, c.param("id"))
		if err == nil {
			err = h.mayTouch(c, a.Counts)
		}
		if err != nil {
			return reply{}, err
		}
	}
	p, err := h.cfg.Applied.Undo(c.Context(), c.who.who, c.org, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, p)
}
