package change

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Config is what a Planner needs.
type Config struct {
	Store Store
	Layer check.Layer // layers.USCountyBoundary
	// Layers validate the addresses of buildings; nil: nobody looks at them.
	Layers check.Layers
	// World is what calls use now, and which change it has reached; the effects
	// bring it up to the store.
	World func() (*snapshot.Snapshot, admin.Head)
	// Memory is what a device showed of its network; nil: nothing is known.
	Memory func(org e911.OrgID, device string) locate.Memory
	Now    func() time.Time
	// Feeds knows what directories feed of users; nil: there are none.
	Feeds admin.Feeds
	// Stages guard stage 911 of sites; nil: nobody does.
	Stages admin.Stages
}

// Store keeps the objects, the plans and the applied sets. The errors are those of
// admin.Store.
type Store interface {
	admin.Store
	admin.ChangeSets
	// Since is that of publish.Source.
	Since(ctx context.Context, after uint64, also []admin.Ref) (admin.Batch, error)
	// Head tells where the database is.
	Head(ctx context.Context) (admin.Head, error)
	LayerBlob(ctx context.Context, digest string) ([]byte, error)
}

// Planner plans, applies and undoes change sets. Safe for concurrent use.
type Planner struct{ cfg Config }

// New checks the configuration and reports all its faults.
func New(cfg Config) (*Planner, error) {
	var missing []string
	for name, bad := range map[string]bool{"Store": cfg.Store == nil, "Layer": cfg.Layer == nil, "World": cfg.World == nil, "Now": cfg.Now == nil} {
		if bad {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, e911.Errorf(e911.Invalid, "a planner needs %s", strings.Join(missing, ", "))
	}
	return &Planner{cfg: cfg}, nil
}

// MaxSteps bounds a set: a million elements and what they hang on.
const MaxSteps = 2_000_000

// Plan says what the set would do and keeps that for Life. Faults of steps are in
// the plan; the error is Invalid for a set that is no set, or the store's.
func (p *Planner) Plan(ctx context.Context, who admin.Actor, s Set) (Plan, error) {
	return p.plan(ctx, who, s, "")
}

func (p *Planner) plan(ctx context.Context, who admin.Actor, s Set, undoes string) (Plan, error) {
	if _, err := layer.Reason(who, s.Unroute); err != nil {
		return Plan{}, err
	}
	if len(s.Steps) > MaxSteps {
		return Plan{}, e911.Errorf(e911.Invalid, "a change set has up to %d steps: make several of it", MaxSteps)
	}
	head, err := p.cfg.Store.Head(ctx)
	if err != nil {
		return Plan{}, err
	}
	if s.stages, err = p.stages(ctx, s, undoes); err != nil {
		return Plan{}, err
	}
	if s.fed, err = p.fed(ctx, &s); err != nil {
		return Plan{}, err
	}
	now := p.cfg.Now().UTC().Truncate(time.Millisecond)
	plan := Plan{
		ID: cmp.Or(s.ID, e911.NewID[string]()), Org: s.Org, Title: s.Title, Source: s.Source, Who: who, Made: now, Expires: now.Add(Life),
		Base: head, Undoes: undoes, Unroute: strings.TrimSpace(s.Unroute), Partial: s.Partial, Declared: s.Declared, Directory: s.Directory,
	}
	var ops []op
	err = p.cfg.Store.Read(ctx, func(r admin.Reader) error {
		d, err := p.draft(ctx, r, s, who, now)
		if err != nil {
			return err
		}
		ops, err = p.judge(ctx, d, &plan)
		return err
	})
	if err != nil {
		return Plan{}, err
	}
	if after, err := p.cfg.Store.Head(ctx); err != nil || after != head {
		// Somebody committed while it was made: what it rests on is looked at when
		// it is applied.
		plan.Base.Seq = 0
	}
	return plan, p.keep(ctx, &plan, ops)
}

// judge fills the plan with what the draft found.
func (p *Planner) judge(ctx context.Context, d *draft, plan *Plan) ([]op, error) {
	ops := order(d.live())
	refused := len(d.faults) > 0 && !d.set.Partial
	d.summary(plan, ops)
	if len(ops) > 0 && !refused {
		before, after, err := p.worlds(ctx, plan.Base, ops)
		switch {
		case e911.KindOf(err) == e911.Unavailable && err != nil:
			return nil, err
		case err != nil:
			// The call path would hold it back (F-31): so must we.
			plan.Faults = append(plan.Faults, e911.FaultsOf(err)...)
			plan.Effects.Unknown = "calls could not use the change: " + err.Error()
		default:
			plan.Effects = p.effects(before, after, ops)
		}
	}
	plan.Effects.Lost = d.lost
	if refused {
		plan.Effects.Unknown = "nobody looks while rows are refused"
	}
	switch {
	case refused:
		plan.Why = "rows are refused: mend them, or let the bad rows be left out"
	case plan.Effects.Unknown != "":
		plan.Why = plan.Effects.Unknown
	case len(ops) == 0:
		plan.Why = "there is nothing to do"
	case len(d.lost) > 0 && plan.Unroute == "":
		plan.Why = "places would lose every way to their PSAP: leave them one, or give a reason"
	default:
		plan.Applicable = true
	}
	var err error
	plan.Hash, err = hash(plan, ops)
	return ops, err
}

// summary counts and lists.
func (d *draft) summary(plan *Plan, ops []op) {
	counts := map[e911.ObjectKind]*Count{}
	of := func(kind e911.ObjectKind) *Count {
		if counts[kind] == nil {
			counts[kind] = &Count{Kind: kind}
		}
		return counts[kind]
	}
	for i := range ops {
		switch c := of(ops[i].ref.Kind); ops[i].verb {
		case admin.Created:
			c.Created++
		case admin.Changed:
			c.Changed++
		case admin.Deleted:
			c.Deleted++
		}
		if i < MaxListed {
			plan.Changes = append(plan.Changes, ops[i].told())
		}
	}
	plan.Keys = d.names(plan.Changes)
	plan.More = max(0, len(ops)-MaxListed)
	for kind, n := range d.unchanged {
		of(kind).Unchanged = n
	}
	for kind, n := range d.refused {
		of(kind).Refused = n
	}
	plan.Counts = []Count{}
	for _, kind := range append(admin.Kinds(), "") {
		if c := counts[kind]; c != nil {
			plan.Counts = append(plan.Counts, *c)
		}
	}
	slices.SortStableFunc(d.faults, func(a, b e911.Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Row-b.Row, a.Col-b.Col)
	})
	plan.Faults = slices.Clone(d.faults[:min(len(d.faults), MaxListed)])
	plan.MoreFaults = max(0, len(d.faults)-MaxListed)
	plan.Warnings = d.warnings[:min(len(d.warnings), MaxListed)]
	plan.Orphans = d.orphans[:min(len(d.orphans), MaxListed)]
}

// hash covers what is done, on which versions, and what it does to calls. It says
// nothing of the time: the same set on the same objects has the same hash.
func hash(plan *Plan, ops []op) (string, error) {
	h := sha256.New()
	e := json.NewEncoder(h)
	if err := e.Encode([]any{plan.Org, plan.Unroute, plan.Undoes, plan.Effects, plan.Applicable}); err != nil {
		return "", fmt.Errorf("hash a plan: %w", err)
	}
	for i := range ops {
		o := &ops[i]
		if err := e.Encode([]any{o.verb, o.ref, o.version, o.before, o.after}); err != nil {
			return "", fmt.Errorf("hash a plan: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (p *Planner) keep(ctx context.Context, plan *Plan, ops []op) error {
	pieces, err := pack(ops)
	if err != nil {
		return err
	}
	summary, err := json.Marshal(plan)
	if err != nil {
		return fmt.Errorf("encode a plan: %w", err)
	}
	return p.cfg.Store.SaveChangeSet(ctx, admin.SetRecord{
		ID: plan.ID, Org: plan.Org, Hash: plan.Hash, Who: plan.Who, Made: plan.Made, Expires: plan.Expires, Undoes: plan.Undoes, Summary: summary,
	}, pieces)
}

// Get returns a plan that has not expired; NotFound, also when it is another
// organisation's or was applied.
func (p *Planner) Get(ctx context.Context, org e911.OrgID, id string) (Plan, error) {
	r, err := p.cfg.Store.ChangeSet(ctx, org, id)
	if err != nil {
		return Plan{}, err
	}
	if !r.Applied.IsZero() || p.cfg.Now().After(r.Expires) {
		return Plan{}, e911.Errorf(e911.NotFound, "there is no such plan: it was applied, or is older than a day")
	}
	return planOf(r)
}

func planOf(r admin.SetRecord) (Plan, error) {
	var plan Plan
	if err := json.Unmarshal(r.Summary, &plan); err != nil {
		return Plan{}, fmt.Errorf("decode a plan: %w", err)
	}
	return plan, nil
}

// List returns a page of the organisation's plans, newest first; after is the id of
// the last one of the page before.
func (p *Planner) List(ctx context.Context, org e911.OrgID, after string, limit int) ([]Plan, error) {
	list, err := p.cfg.Store.ListChangeSets(ctx, org, false, after, limit)
	if err != nil {
		return nil, err
	}
	out := []Plan{}
	for _, r := range list {
		if p.cfg.Now().After(r.Expires) {
			continue
		}
		plan, err := planOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, plan)
	}
	return out, nil
}

// Changes returns a page of the changes of a plan or of an applied set: from offset,
// up to limit (at most admin.MaxPage).
func (p *Planner) Changes(ctx context.Context, org e911.OrgID, id string, offset, limit int) ([]Change, error) {
	if limit <= 0 || limit > admin.MaxPage {
		limit = admin.MaxPage
	}
	if _, err := p.cfg.Store.ChangeSet(ctx, org, id); err != nil {
		return nil, err
	}
	out := []Change{}
	offset = max(0, offset)
	pieces, err := p.cfg.Store.ChangePieces(ctx, org, id, offset/perPiece, 2)
	if err != nil {
		return nil, err
	}
	skip := offset % perPiece
	for _, piece := range pieces {
		ops, err := unpack(piece)
		if err != nil {
			return nil, err
		}
		for i := min(skip, len(ops)); i < len(ops) && len(out) < limit; i++ {
			out = append(out, ops[i].told())
		}
		skip = max(0, skip-len(ops))
	}
	return out, nil
}

// ops reads all that a set does.
func (p *Planner) ops(ctx context.Context, org e911.OrgID, id string) ([]op, error) {
	var out []op
	for from := 0; ; {
		const some = 20
		pieces, err := p.cfg.Store.ChangePieces(ctx, org, id, from, some)
		if err != nil {
			return nil, err
		}
		for _, piece := range pieces {
			ops, err := unpack(piece)
			if err != nil {
				return nil, err
			}
			for i := range ops {
				ops[i].step = len(out)
				out = append(out, ops[i])
			}
		}
		if from += len(pieces); len(pieces) < some {
			return out, nil
		}
	}
}
