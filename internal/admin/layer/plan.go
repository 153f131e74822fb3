package layer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// MaxSize bounds the encoded content of a layer: some 20 million addresses.
const MaxSize = 1 << 30

// maxEffects bounds the list of a plan; all are counted.
const maxEffects = 1000

// Store keeps objects and the contents of layers.
type Store interface {
	admin.Store
	admin.LayerBlobs
}

// Config is what a Planner needs.
type Config struct {
	Store Store
	Shelf *Shelf
	Now   func() time.Time
	// Authority is what is known of the authority's own word; nil: nothing.
	Authority Authority
	// Own lists the places that users have set themselves; nil: they are not
	// known here, and a plan says that it did not look at them.
	Own func() iter.Seq[OwnPlace]
}

// Planner plans and applies changes of layers. Safe for concurrent use; the last
// few plans are kept for an hour.
type Planner struct {
	cfg Config

	mu    sync.Mutex
	plans []*planned // the newest last
}

// How much is kept of plans that were not applied.
const (
	maxPlans     = 4
	maxPlanBytes = 256 << 20
	planAge      = time.Hour
)

// New checks the configuration.
func New(cfg Config) (*Planner, error) {
	if cfg.Store == nil || cfg.Shelf == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "a planner of layers needs a store, a shelf and a clock")
	}
	return &Planner{cfg: cfg}, nil
}

// Request asks for a layer of the content of files.
type Request struct {
	Key, Name, Source string
	Grade             e911.LayerGrade
	AsOf              time.Time
	Files             []string // paths, as this process sees them
	Defaults          e911.Civic
	// AcceptRefused takes an authoritative layer although service boundaries in
	// it were refused.
	AcceptRefused bool
}

// Plan is what a change would do. Two plans of one request over the same world
// have the same Hash.
type Plan struct {
	Hash     string          `json:"hash"`
	Remove   bool            `json:"remove,omitempty"`
	Layer    e911.Layer      `json:"layer"`
	Before   *e911.Layer     `json:"before,omitempty"` // the version that goes
	Same     bool            `json:"same,omitempty"`   // nothing would change
	Report   *gisread.Report `json:"report,omitempty"`
	Counts   Counts          `json:"counts"`
	Effects  []Effect        `json:"effects,omitempty"`
	Unlisted int             `json:"unlisted,omitempty"`
	// Own counts what it does to places that users set themselves; nil: they were
	// not looked at, because no server runs.
	Own *OwnCounts `json:"own,omitempty"`
	// Coverage is how the boundaries of the services that the layer has, or had,
	// fit together afterwards, with those of all other layers.
	Coverage []Coverage `json:"coverage,omitempty"`
	// Refused says why the plan cannot be applied; empty: it can.
	Refused string `json:"refused,omitempty"`
}

// planned is a plan with what it stands on.
type planned struct {
	plan    Plan
	base    []e911.Layer // all layers as they were
	version int64        // of the stored object that changes; 0: a new one
	content *gis.Content // over bytes
	bytes   []byte
	at      time.Time
}

// Plan reads the files and says what the layer would change. An Invalid error
// has what is wrong with the request or the files.
func (p *Planner) Plan(ctx context.Context, r Request) (Plan, error) {
	next := &planned{plan: Plan{Layer: e911.Layer{
		ID: e911.NewID[e911.LayerID](), Key: r.Key, Name: r.Name, Grade: r.Grade, Source: r.Source, AsOf: r.AsOf.UTC(), Version: 1,
	}}}
	if err := p.check(ctx, next.plan.Layer); err != nil {
		return Plan{}, err
	}
	if len(r.Files) == 0 {
		return Plan{}, e911.Errorf(e911.Invalid, "name the files of the layer")
	}
	files := make([]gisread.File, len(r.Files))
	for i, path := range r.Files {
		files[i] = gisread.File{Path: path}
	}
	b := gis.NewBuilder()
	report, err := gisread.Read(ctx, files, gisread.Options{Defaults: r.Defaults, Now: p.cfg.Now()}, b)
	if err != nil {
		return Plan{}, err
	}
	next.bytes = b.Build().Append(nil)
	if next.content, err = gis.Decode(next.bytes); err != nil {
		return Plan{}, &e911.Error{Kind: e911.Internal, Msg: "what was read of the files cannot be written", Err: err}
	}
	if len(next.bytes) > MaxSize {
		return Plan{}, e911.Errorf(e911.Invalid, "the layer would have %d MiB, and at most %d are taken: import it in parts", len(next.bytes)>>20, MaxSize>>20)
	}
	sum := sha256.Sum256(next.bytes)
	l := &next.plan.Layer
	l.Standard, l.Digest, l.Size = report.Standard, hex.EncodeToString(sum[:]), int64(len(next.bytes))
	l.Addresses, l.Streets, l.Boundaries = next.content.Addresses(), next.content.Streets(), len(next.content.Boundaries())
	next.plan.Report = &report
	if n := refusedBoundaries(report); n > 0 && l.Grade == e911.GradeAuthoritative && !r.AcceptRefused {
		next.plan.Refused = fmt.Sprintf("%d service boundaries were refused, and an authoritative layer decides where calls go: mend them, or say --accept-refused", n)
	}
	return p.finish(ctx, next)
}

// PlanRemoval says what would change without a layer.
func (p *Planner) PlanRemoval(ctx context.Context, key string) (Plan, error) {
	return p.finish(ctx, &planned{plan: Plan{Remove: true, Layer: e911.Layer{Key: key}}})
}

func (p *Planner) check(ctx context.Context, l e911.Layer) error {
	var faults []e911.Fault
	err := p.cfg.Store.Read(ctx, func(r admin.Reader) (err error) {
		faults, err = check.Object(ctx, r, l)
		return err
	})
	if err != nil {
		return err
	}
	// The key of a layer that is there means its next version.
	faults = slices.DeleteFunc(faults, func(f e911.Fault) bool { return f.Path == "key" && f.Code == check.Duplicate })
	if len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the layer is refused", Faults: faults}
	}
	return nil
}

func refusedBoundaries(r gisread.Report) int {
	n := 0
	for _, t := range r.Tables {
		if t.Used && strings.HasSuffix(t.Kind, "Polygon") {
			n += t.Refused
		}
	}
	return n
}

// finish compares the world with and without the change.
func (p *Planner) finish(ctx context.Context, next *planned) (Plan, error) {
	next.at = p.cfg.Now()
	err := p.cfg.Store.Read(ctx, func(r admin.Reader) error {
		before, err := p.cfg.Shelf.Layers(ctx, r)
		if err != nil {
			return err
		}
		if err := next.found(ctx, r); err != nil {
			return err
		}
		after := next.after(before)
		e, err := p.evaluation(ctx, r, before, after)
		if err != nil {
			return err
		}
		next.plan.Coverage = coverage(e.after, next.services(before, after))
		if next.plan.Own, err = p.own(ctx, r, e); err != nil {
			return err
		}
		return e.run(ctx, r, func(c change) error {
			next.plan.Counts.add(c.effect)
			switch {
			case !c.effect.matters():
			case len(next.plan.Effects) == maxEffects:
				next.plan.Unlisted++
			default:
				next.plan.Effects = append(next.plan.Effects, c.effect)
			}
			return nil
		})
	})
	if err != nil {
		return Plan{}, err
	}
	next.plan.Hash = next.hash()
	p.remember(next)
	return next.plan, nil
}

// evaluation compares two sets of layers now.
func (p *Planner) evaluation(ctx context.Context, r admin.View, before, after []gis.Layer) (*evaluation, error) {
	d, err := p.directory(ctx, r)
	if err != nil {
		return nil, err
	}
	now := p.cfg.Now()
	return &evaluation{
		before: d.world(before, p.cfg.Shelf.judges(before), now), after: d.world(after, p.cfg.Shelf.judges(after), now),
	}, nil
}

// remember keeps a plan for Apply, and lets go of old ones.
func (p *Planner) remember(next *planned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept, size := []*planned{next}, 0
	for _, n := range slices.Backward(p.plans) {
		size += len(n.bytes)
		if n.plan.Hash != next.plan.Hash && len(kept) < maxPlans && size <= maxPlanBytes && next.at.Sub(n.at) < planAge {
			kept = append(kept, n)
		}
	}
	slices.Reverse(kept)
	p.plans = kept
}

// recall finds a plan by its hash; nil: it is not known, or no longer.
func (p *Planner) recall(hash string) *planned {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.plans {
		if n.plan.Hash == hash {
			return n
		}
	}
	return nil
}

func (p *Planner) forget(n *planned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plans = slices.DeleteFunc(p.plans, func(x *planned) bool { return x == n })
}

// found looks up the version that goes, and all layers as they are.
func (n *planned) found(ctx context.Context, r admin.Reader) error {
	objects, err := listObjects(ctx, r, e911.KindLayer, "")
	if err != nil {
		return err
	}
	n.base = nil
	for _, o := range objects {
		l := o.Value.(e911.Layer)
		n.base = append(n.base, l)
		if l.Key != n.plan.Layer.Key {
			continue
		}
		n.plan.Before, n.version = &l, o.Version
		if n.plan.Remove {
			n.plan.Layer = l
			continue
		}
		n.plan.Layer.ID, n.plan.Layer.Version = l.ID, l.Version+1
		as := l
		as.Version, as.ImportedAt, as.ImportedBy = n.plan.Layer.Version, time.Time{}, ""
		n.plan.Same = admin.Same(as, n.plan.Layer)
	}
	if n.plan.Remove && n.plan.Before == nil {
		return e911.Errorf(e911.NotFound, "there is no layer %q", n.plan.Layer.Key)
	}
	return nil
}

// after is the layers as they would be.
func (n *planned) after(before []gis.Layer) []gis.Layer {
	after := slices.DeleteFunc(slices.Clone(before), func(l gis.Layer) bool { return l.Layer.ID == n.plan.Layer.ID })
	if !n.plan.Remove {
		after = append(after, gis.Layer{Layer: n.plan.Layer, Content: n.content})
	}
	return after
}

// hash names the plan: what would be stored, over which layers, to what effect.
func (n *planned) hash() string {
	l := n.plan.Layer
	if n.plan.Before == nil {
		l.ID = "" // made up anew each time
	}
	h := sha256.New()
	// A hash never fails to be written to, and these values encode.
	_ = json.NewEncoder(h).Encode([]any{n.plan.Remove, l, n.base, n.plan.Counts, n.plan.Effects, n.plan.Refused})
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// differs tells how the stored layers are not those of the plan; empty: they are.
func (n *planned) differs(stored []e911.Layer) string {
	var out []string
	for _, l := range stored {
		i := slices.IndexFunc(n.base, func(b e911.Layer) bool { return b.ID == l.ID })
		by := fmt.Sprintf("by %s at %s", cmp.Or(l.ImportedBy, "somebody"), l.ImportedAt.UTC().Format(time.DateTime))
		switch {
		case i < 0:
			out = append(out, fmt.Sprintf("the layer %s was added %s", l.Key, by))
		case n.base[i] != l:
			out = append(out, fmt.Sprintf("the layer %s was version %d and is version %d, changed %s", l.Key, n.base[i].Version, l.Version, by))
		}
	}
	for _, b := range n.base {
		if !slices.ContainsFunc(stored, func(l e911.Layer) bool { return l.ID == b.ID }) {
			out = append(out, fmt.Sprintf("the layer %s was removed", b.Key))
		}
	}
	return strings.Join(out, "; ")
}

// Changed says why the plan with a hash cannot be applied any more: which layers
// are others since. Empty: the layers are the same, or nobody knows the plan.
func (p *Planner) Changed(ctx context.Context, hash string) (string, error) {
	n := p.recall(hash)
	if n == nil {
		return "", nil
	}
	stored, err := p.List(ctx)
	return n.differs(stored), err
}
