package change

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
)

// Apply does what the plan says, in one transaction. Hash is the plan's: who applies
// has seen it. Conflict, with the difference, when what it rests on has moved; what
// has nothing to do with it may move.
func (p *Planner) Apply(ctx context.Context, who admin.Actor, org e911.OrgID, id, hash string) (Applied, error) {
	plan, err := p.Get(ctx, org, id)
	if err != nil {
		return Applied{}, err
	}
	switch {
	case plan.Hash != hash:
		return Applied{}, e911.Errorf(e911.Conflict, "this is not the hash of the plan: look at it again, and apply it with the hash that it has then")
	case !plan.Applicable:
		return Applied{}, &e911.Error{Kind: e911.Conflict, Msg: "the plan cannot be applied: " + plan.Why, Faults: append(slices.Clone(plan.Faults), plan.Effects.Lost...)}
	}
	actor, err := layer.Reason(who, plan.Unroute)
	if err != nil {
		return Applied{}, err
	}
	ops, err := p.ops(ctx, org, id)
	if err != nil {
		return Applied{}, err
	}
	if err := p.raising(ctx, &plan, ops); err != nil {
		return Applied{}, err
	}
	if err := p.stillFree(ctx, &plan, ops); err != nil {
		return Applied{}, err
	}
	var done Applied
	ctx = admin.WithTrail(ctx, admin.Trail{Set: id})
	err = p.cfg.Store.Write(ctx, actor, func(w admin.Writer) error {
		sw, ok := w.(admin.SetWriter)
		if !ok {
			return e911.Errorf(e911.Internal, "this store keeps no change sets")
		}
		head, err := sw.Head(ctx)
		if err != nil {
			return err
		}
		if head != plan.Base {
			if err := p.still(ctx, w, &plan, ops, head); err != nil {
				return err
			}
		}
		if err := do(ctx, sw, ops); err != nil {
			return err
		}
		if err := p.declare(ctx, w, &plan, ops); err != nil {
			return err
		}
		done = Applied{
			ID: id, Plan: id, Org: org, Title: plan.Title, Source: plan.Source, Who: who, At: p.cfg.Now().UTC().Truncate(time.Millisecond),
			Head: head, Counts: plan.Counts, Undoes: plan.Undoes, Unroute: plan.Unroute,
		}
		summary, err := json.Marshal(done)
		if err != nil {
			return fmt.Errorf("encode an applied set: %w", err)
		}
		return sw.ApplyChangeSet(ctx, admin.SetRecord{
			ID: id, Org: org, Hash: plan.Hash, Who: plan.Who, Made: plan.Made, Expires: plan.Expires,
			Applied: done.At, AppliedBy: who, Undoes: plan.Undoes, Summary: summary,
		})
	})
	if err != nil {
		return Applied{}, err
	}
	return done, nil
}

// still plans once more over what is stored now, and says what is another than then.
func (p *Planner) still(ctx context.Context, w admin.Writer, plan *Plan, ops []op, head admin.Head) error {
	set := Set{Org: plan.Org, Title: plan.Title, Unroute: plan.Unroute, Settled: true, Steps: make([]Step, len(ops))}
	for i := range ops {
		set.Steps[i] = ops[i].again()
	}
	d, err := p.draft(ctx, w, set, plan.Who, plan.Made)
	if err != nil {
		return err
	}
	now := *plan
	now.Base, now.Changes, now.Faults, now.Effects, now.Applicable, now.Why = head, nil, nil, Effects{}, false, ""
	fresh, err := p.judge(ctx, d, &now)
	if err != nil {
		return err
	}
	if now.Hash == plan.Hash {
		return nil
	}
	e := &e911.Error{Kind: e911.Conflict, Msg: "the world has moved since the plan was made: look at the difference and plan again"}
	e.Faults = append(e.Faults, now.Faults...)
	e.Faults = append(e.Faults, differences(plan, &now, ops, fresh)...)
	return e
}

// CodeMoved is the code of what is another than when the plan was made.
const CodeMoved = "moved"

func differences(then, now *Plan, old, fresh []op) (out []e911.Fault) {
	moved := func(path, format string, args ...any) {
		out = append(out, e911.Fault{Path: path, Code: CodeMoved, Msg: fmt.Sprintf(format, args...), Fix: "plan again and look at it"})
	}
	if len(now.Faults) == 0 {
		have := map[admin.Ref]*op{}
		for i := range fresh {
			have[fresh[i].ref] = &fresh[i]
		}
		for i := range old {
			o := &old[i]
			x, ok := have[o.ref]
			switch {
			case !ok:
				moved(string(o.ref.Kind), "%s %s is already as the plan would make it", o.ref.Kind, o.key)
			case !admin.Same(o.after, x.after) || !admin.Same(o.before, x.before):
				var names []string
				for _, f := range append(admin.Diff(o.before, x.before), admin.Diff(o.after, x.after)...) {
					names = append(names, f.Name)
				}
				moved(string(o.ref.Kind), "%s %s would become another than planned: %s", o.ref.Kind, o.key, strings.Join(names, ", "))
			}
		}
	}
	a, b := &then.Effects, &now.Effects
	for _, c := range []struct {
		what     string
		was, now int
	}{{"devices", a.Devices, b.Devices}, {"users", a.Users, b.Users}, {"numbers", a.Numbers, b.Numbers}, {"network elements", a.Elements, b.Elements}} {
		if c.was != c.now && len(now.Faults) == 0 {
			moved("effects", "the calls of %d %s would change; planned were %d", c.now, c.what, c.was)
		}
	}
	was := map[groupKey]int{}
	for _, g := range a.Groups {
		was[groupKey{g.Aspect, g.Org, g.Before, g.After}] = g.Count
	}
	for _, g := range b.Groups {
		if n := was[groupKey{g.Aspect, g.Org, g.Before, g.After}]; n != g.Count {
			moved("effects", "%s: %d would go from %s to %s; planned were %d", g.Aspect, g.Count, g.Before, g.After, n)
		}
	}
	for _, f := range b.Lost {
		if !slices.Contains(a.Lost, f) {
			out = append(out, f)
		}
	}
	if len(out) == 0 && len(now.Faults) == 0 {
		moved("effects", "who is concerned is not the same any more")
	}
	return out
}

// do writes the ops, in their order, many at a time where the store can.
func do(ctx context.Context, w admin.SetWriter, ops []op) error {
	if err := park(ctx, w, ops); err != nil {
		return err
	}
	for len(ops) > 0 {
		n := 1
		for n < len(ops) && ops[n].verb == ops[0].verb && ops[n].ref.Kind == ops[0].ref.Kind && ops[n].ref.Org == ops[0].ref.Org {
			n++
		}
		if err := run(ctx, w, ops[:n]); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// park frees the keys of objects that get another one: somebody else of the set may
// take it before they have it, as two that swap theirs do.
func park(ctx context.Context, w admin.SetWriter, ops []op) error {
	type part struct {
		kind e911.ObjectKind
		org  e911.OrgID
	}
	moved := map[part][]string{}
	for i := range ops {
		o := &ops[i]
		if o.verb == admin.Changed && admin.KeyOf(o.before) != admin.KeyOf(o.after) {
			p := part{o.ref.Kind, o.ref.Org}
			moved[p] = append(moved[p], o.ref.ID)
		}
	}
	for p, ids := range moved {
		if err := w.ParkKeys(ctx, p.kind, p.org, ids); err != nil {
			return fmt.Errorf("free the keys of objects of kind %s: %w", p.kind, err)
		}
	}
	return nil
}

// run writes ops of one verb, kind and organisation.
func run(ctx context.Context, w admin.SetWriter, ops []op) error {
	switch ops[0].verb {
	case admin.Created:
		values := make([]any, len(ops))
		for i := range ops {
			values[i] = ops[i].after
		}
		if err := w.CreateAll(ctx, values); err != nil {
			return fmt.Errorf("create objects of kind %s: %w", ops[0].ref.Kind, err)
		}
	case admin.Deleted:
		objects := make([]admin.Object, len(ops))
		for i := range ops {
			objects[i] = admin.Object{Ref: ops[i].ref, Version: ops[i].version, Value: ops[i].before}
		}
		if err := w.DeleteAll(ctx, objects); err != nil {
			return fmt.Errorf("delete objects of kind %s: %w", ops[0].ref.Kind, err)
		}
	default:
		before, after := make([]admin.Object, len(ops)), make([]any, len(ops))
		for i := range ops {
			before[i] = admin.Object{Ref: ops[i].ref, Version: ops[i].version, Value: ops[i].before}
			after[i] = ops[i].after
		}
		if err := w.UpdateAll(ctx, before, after); err != nil {
			return fmt.Errorf("change objects of kind %s: %w", ops[0].ref.Kind, err)
		}
	}
	return nil
}

// GetApplied returns a set that was applied.
func (p *Planner) GetApplied(ctx context.Context, org e911.OrgID, id string) (Applied, error) {
	r, err := p.cfg.Store.ChangeSet(ctx, org, id)
	if err != nil {
		return Applied{}, err
	}
	if r.Applied.IsZero() {
		return Applied{}, e911.Errorf(e911.NotFound, "there is no such applied set: it is a plan")
	}
	return appliedOf(r)
}

func appliedOf(r admin.SetRecord) (Applied, error) {
	var a Applied
	if err := json.Unmarshal(r.Summary, &a); err != nil {
		return Applied{}, fmt.Errorf("decode an applied set: %w", err)
	}
	a.Undone = r.Undone
	return a, nil
}

// ListApplied returns a page of what was applied, newest first; before is the id of
// the last one of the page before.
func (p *Planner) ListApplied(ctx context.Context, org e911.OrgID, before string, limit int) ([]Applied, error) {
	list, err := p.cfg.Store.ListChangeSets(ctx, org, true, before, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Applied, len(list))
	for i, r := range list {
		if out[i], err = appliedOf(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Undo plans to put everything back that the applied set did. Conflict, with the
// difference, when something of it was changed since, or it was undone already.
func (p *Planner) Undo(ctx context.Context, who admin.Actor, org e911.OrgID, appliedID string) (Plan, error) {
	a, err := p.GetApplied(ctx, org, appliedID)
	if err != nil {
		return Plan{}, err
	}
	if a.Undone != "" {
		return Plan{}, e911.Errorf(e911.Conflict, "it was undone already, by %s: undo that one", a.Undone)
	}
	ops, err := p.ops(ctx, org, appliedID)
	if err != nil {
		return Plan{}, err
	}
	set := Set{Org: org, Title: "undo: " + a.Title, Source: "undo " + appliedID, Unroute: a.Unroute, Settled: true, Steps: make([]Step, len(ops))}
	for i := range ops {
		set.Steps[i] = ops[i].inverse()
	}
	plan, err := p.plan(ctx, who, set, appliedID)
	if err != nil {
		return Plan{}, err
	}
	if slices.ContainsFunc(plan.Faults, func(f e911.Fault) bool { return f.Code == CodeStale }) {
		return Plan{}, &e911.Error{Kind: e911.Conflict, Msg: "something of the set was changed since it was applied: it is not undone", Faults: plan.Faults}
	}
	return plan, nil
}

// Record keeps a set that w has just applied, whoever made it, so that it can be
// undone: created, changed and deleted are the very values. It is for ways in that
// have a plan of their own.
func Record(ctx context.Context, w admin.Writer, a Applied, done []Done) error {
	sw, ok := w.(admin.SetWriter)
	if !ok || len(done) == 0 {
		return nil
	}
	ops := make([]op, len(done))
	counts := map[e911.ObjectKind]*Count{}
	for i, x := range done {
		v := x.After
		if v == nil {
			v = x.Before
		}
		o := op{ref: admin.RefOf(v), key: admin.KeyOf(v), version: x.Version, before: x.Before, after: x.After}
		if counts[o.ref.Kind] == nil {
			counts[o.ref.Kind] = &Count{Kind: o.ref.Kind}
		}
		switch c := counts[o.ref.Kind]; {
		case x.Before == nil:
			o.verb = admin.Created
			c.Created++
		case x.After == nil:
			o.verb = admin.Deleted
			c.Deleted++
		default:
			o.verb = admin.Changed
			c.Changed++
		}
		ops[i] = o
	}
	for _, kind := range admin.Kinds() {
		if c := counts[kind]; c != nil {
			a.Counts = append(a.Counts, *c)
		}
	}
	head, err := sw.Head(ctx)
	if err != nil {
		return err
	}
	a.Plan, a.Head = a.ID, head
	pieces, err := pack(order(ops))
	if err != nil {
		return err
	}
	summary, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode an applied set: %w", err)
	}
	return sw.AddChangeSet(ctx, admin.SetRecord{
		ID: a.ID, Org: a.Org, Who: a.Who, Made: a.At, Expires: a.At, Applied: a.At, AppliedBy: a.Who, Summary: summary,
	}, pieces)
}

// Done is one change that was made. Before nil: created; After nil: deleted.
type Done struct {
	Before, After any
	Version       int64 // of Before
}
