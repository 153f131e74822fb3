// Package world imports world.yaml: carriers, PSAPs and whole organisations in
// one file. A file is validated whole and applied whole; what is wrong with it
// is said all at once, each fault with file, line, path and how to mend it.
//
// The file is the whole truth for the organisations in it, and for the world
// part when it has one: what it does not name is deleted, and the report lists
// that (docs/adr/0010). Importing it again changes nothing: objects are known
// by the customer's own keys.
package world

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/e911"
)

// MaxSize bounds a world file. A network of more than some 300,000 elements
// comes through the bulk importers.
const MaxSize = 32 << 20

// Config is what an Importer needs.
type Config struct {
	Store admin.Store
	Layer check.Layer // layers.USCountyBoundary
	// Layers validate the addresses of buildings; nil: nobody looks at them.
	Layers check.Layers
	Now    func() time.Time
	// Stages are told which sites the file raises to stage 911; nil: nobody is.
	Stages admin.Stages
}

// Importer imports world files. Safe for concurrent use.
type Importer struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Importer, error) {
	if cfg.Store == nil || cfg.Layer == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "an importer needs a store, a layer and a clock")
	}
	return &Importer{cfg: cfg}, nil
}

// Options of one import.
type Options struct {
	// DryRun checks the file and says what it would change.
	DryRun bool
	// Unroute is why places may lose every way to their PSAP; without a reason that
	// is refused. The audit trail keeps it.
	Unroute string
}

// Count says what an import did to one kind of object.
type Count struct {
	Kind      e911.ObjectKind `json:"kind"`
	Created   int             `json:"created"`
	Changed   int             `json:"changed"`
	Deleted   int             `json:"deleted"`
	Unchanged int             `json:"unchanged"`
}

// Named is an object by the customer's keys.
type Named struct {
	Kind e911.ObjectKind `json:"kind"`
	Org  string          `json:"org,omitempty"`
	Key  string          `json:"key"`
}

// Report says what an import did, or would do.
type Report struct {
	File     string       `json:"file"`
	DryRun   bool         `json:"dry_run,omitempty"`
	Counts   []Count      `json:"counts"`
	Deleted  []Named      `json:"deleted,omitempty"`
	Warnings []e911.Fault `json:"warnings,omitempty"`
	// Applied names the change set that was kept, so that the import can be undone.
	Applied string `json:"applied,omitempty"`
	// Unrouted are the places that lose every way to their PSAP, for a reason given.
	Unrouted []e911.Fault `json:"unrouted,omitempty"`
}

// Changes counts all that is not as it was before.
func (r Report) Changes() int {
	n := 0
	for _, c := range r.Counts {
		n += c.Created + c.Changed + c.Deleted
	}
	return n
}

// Import reads the text of the file and makes the stored world what it says,
// in one transaction. An Invalid error has all faults, and then nothing was
// changed; other errors are the store's.
func (im *Importer) Import(ctx context.Context, who admin.Actor, file string, text []byte, opt Options) (Report, error) {
	if len(text) > MaxSize {
		return Report{}, &e911.Error{Kind: e911.Invalid, Msg: "the world file is refused", Faults: []e911.Fault{{
			File: file, Row: 1, Col: 1, Code: codeSize, Msg: fmt.Sprintf("the file has more than %d MiB", MaxSize>>20),
			Fix: "leave out the network elements and load them in bulk",
		}}}
	}
	actor, err := layer.Reason(who, opt.Unroute)
	if err != nil {
		return Report{}, err
	}
	in := input{who: who, file: file, text: text, forced: actor != who}
	var report Report
	if opt.DryRun {
		err = im.cfg.Store.Read(ctx, func(r admin.Reader) error {
			p, err := im.plan(ctx, r, in)
			if err != nil {
				return err
			}
			report = p.report
			report.DryRun = true
			return nil
		})
	} else {
		id := e911.NewID[string]()
		ctx := admin.WithTrail(ctx, admin.Trail{Set: id})
		err = im.cfg.Store.Write(ctx, actor, func(w admin.Writer) error {
			p, err := im.plan(ctx, w, in)
			if err != nil {
				return err
			}
			report = p.report
			made, err := admin.FirstTokenKey(ctx, w, im.cfg.Now())
			if err != nil {
				return err
			}
			if made {
				report.Counts = append([]Count{{Kind: e911.KindTokenKey, Created: 1}}, report.Counts...)
			}
			if err := p.apply(ctx, w); err != nil {
				return err
			}
			if err := im.declare(ctx, w, in, p); err != nil {
				return err
			}
			report.Applied = id
			if len(p.done()) == 0 {
				report.Applied = ""
			}
			return change.Record(ctx, w, change.Applied{
				ID: id, Title: "import " + filepath.Base(file), Source: file, Who: who, At: im.cfg.Now().UTC().Truncate(time.Millisecond), Unroute: opt.Unroute,
			}, p.done())
		})
	}
	if err != nil {
		return Report{}, err
	}
	return report, nil
}

// Set reads the text of the file as a change set over what view shows, to be
// planned. What is wrong with the file is in the set's faults; the error is that of
// the store.
func (im *Importer) Set(ctx context.Context, view admin.Reader, who admin.Actor, file string, text []byte) (change.Set, error) {
	set := change.Set{Title: "import " + filepath.Base(file), Source: file, Settled: true, Declared: filepath.Base(file)}
	if len(text) > MaxSize {
		return set, e911.Errorf(e911.Invalid, "the world file has more than %d MiB", MaxSize>>20)
	}
	// Places that lose their way are told by the plan.
	p, err := im.plan(ctx, view, input{who: who, file: file, text: text, forced: true})
	if faults := e911.FaultsOf(err); e911.KindOf(err) == e911.Invalid && len(faults) > 0 {
		set.Faults = faults
		return set, nil
	}
	if err != nil {
		return set, err
	}
	at := change.Origin{File: file}
	for _, v := range p.create {
		set.Steps = append(set.Steps, change.Step{Verb: admin.Created, Value: v, From: at})
	}
	for _, c := range p.update {
		set.Steps = append(set.Steps, change.Step{Verb: admin.Changed, Value: c.value, Version: c.version, From: at})
	}
	for _, o := range p.remove {
		set.Steps = append(set.Steps, change.Step{Verb: admin.Deleted, Ref: o.Ref, Version: o.Version, From: at})
	}
	return set, nil
}

// plan is what to do to the store, in order.
type plan struct {
	create []any
	update []update
	remove []admin.Object
	report Report
}

type update struct {
	value, before any
	version       int64
}

// input is what is imported, and who does it.
type input struct {
	who  admin.Actor
	file string
	text []byte
	// forced: a reason was given for places that lose their way.
	forced bool
}

func (im *Importer) plan(ctx context.Context, base admin.Reader, in input) (*plan, error) {
	file := in.file
	s := &source{file: file, at: map[string]place{}}
	d := s.decode(in.text)
	r := &resolver{
		s: s, d: d, orgIDs: map[string]e911.OrgID{}, stored: map[name]admin.Object{}, ids: map[name]string{}, first: map[name]int{},
	}
	if err := r.load(ctx, base); err != nil {
		return nil, err
	}
	r.assign()
	r.link()
	im.survey(r)
	if err := im.check(ctx, r, base); err != nil {
		return nil, err
	}
	if err := im.settle(ctx, r, base, in.who); err != nil {
		return nil, err
	}
	if err := r.inUse(ctx, base); err != nil {
		return nil, err
	}
	r.withdrawn()
	unrouted, err := im.unrouted(ctx, r, base, in.forced)
	if err != nil {
		return nil, err
	}
	if len(s.faults) > 0 {
		slices.SortStableFunc(s.faults, func(a, b e911.Fault) int { return (a.Row-b.Row)*1000 + a.Col - b.Col })
		if s.beyond > 0 {
			last := s.faults[len(s.faults)-1]
			s.faults = append(s.faults, e911.Fault{
				File: file, Path: "", Row: last.Row, Col: last.Col, Code: codeMore,
				Msg: fmt.Sprintf("there are %d faults more", s.beyond), Fix: "mend these first",
			})
		}
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the world file is refused, nothing was changed", Faults: s.faults}
	}
	p := r.diff()
	p.report.Unrouted = unrouted
	return p, nil
}

// survey gives the PSAPs their geometry.
func (im *Importer) survey(r *resolver) {
	for i := range r.d.items {
		it := &r.d.items[i]
		if p, ok := it.value.(e911.PSAP); ok {
			resolved, faults := im.cfg.Layer.Resolve(p)
			it.value = resolved
			r.report(it, faults)
		}
	}
}

// after is the state as it will be.
func (r *resolver) after(base admin.View) *overlay.View {
	view := overlay.New(base)
	if r.d.world {
		view.Replace("")
	}
	for _, id := range r.orgIDs {
		view.Replace(id)
	}
	for _, it := range r.d.items {
		if ref := admin.RefOf(it.value); !view.Has(ref) {
			view.Put(admin.Object{Ref: ref, Value: it.value})
		}
	}
	for n, o := range r.stored {
		if _, named := r.first[n]; !named && listed(o.Value) {
			view.Put(o)
		}
	}
	return view
}

// check asks package check about every object, over the state as it will be.
func (im *Importer) check(ctx context.Context, r *resolver, base admin.View) error {
	view := r.after(base)
	for i := range r.d.items {
		it := &r.d.items[i]
		faults, err := check.ObjectBy(ctx, view, im.cfg.Layers, it.value)
		if err != nil {
			return err
		}
		r.report(it, faults)
	}
	return r.callbacks(ctx, view)
}

// report adds the faults of one object with their places. A field that has a
// fault already gets no second one: it would follow from the first.
func (r *resolver) report(it *item, faults []e911.Fault) {
	for _, f := range faults {
		path := it.pathOf(f.Path)
		if path == nested || r.s.faulty(path) {
			continue
		}
		r.s.add(path, r.s.where(path), f.Code, f.Msg, f.Fix)
	}
}

func (s *source) faulty(path string) bool {
	return slices.ContainsFunc(s.faults, func(f e911.Fault) bool {
		return f.Path == path || strings.HasPrefix(f.Path, path+".")
	})
}

// namedByOthers are the world objects that organisations name.
var namedByOthers = map[e911.ObjectKind]struct{ path, what, by string }{
	e911.KindModel: {"world.models", "the model", "devices"},
	e911.KindTrunk: {"world.trunks", "the trunk", "carriers"},
	e911.KindPSAP:  {"world.psaps", "the PSAP", "overrides"},
}

// inUse refuses to delete world objects that organisations outside the file
// still name.
func (r *resolver) inUse(ctx context.Context, base admin.Reader) error {
	if !r.d.world {
		return nil
	}
	for n, o := range r.stored {
		where, named := namedByOthers[n.kind]
		if _, stays := r.ids[n]; stays || n.org != "" || !named {
			continue
		}
		refs, err := base.Pointing(ctx, o.Ref, admin.MaxPage)
		if err != nil {
			return fmt.Errorf("look for what names %s: %w", o.Ref, err)
		}
		refs = slices.DeleteFunc(refs, func(p admin.Ref) bool {
			if p.Org == "" {
				return true // it is in the file, or goes too
			}
			for _, id := range r.orgIDs {
				if id == p.Org {
					return true
				}
			}
			return false
		})
		if len(refs) > 0 {
			r.s.add(where.path, r.s.where(where.path), check.Forbidden,
				fmt.Sprintf("%s %s is not in the file, and %s of other organisations name it", where.what, short(n.key), where.by), "keep it")
		}
	}
	return nil
}

// withdrawn refuses to drop numbers of which a carrier holds a record.
func (r *resolver) withdrawn() {
	for n, o := range r.stored {
		v, is := o.Value.(e911.NumberRec)
		if _, stays := r.ids[n]; stays || !is {
			continue
		}
		for _, f := range check.Withdrawn(v) {
			path := "organisations"
			r.s.add(path, r.s.where(path), f.Code, f.Msg+", and the number is not in the file", f.Fix)
		}
	}
}

// diff compares the file with what is stored.
func (r *resolver) diff() *plan {
	p := &plan{report: Report{File: r.s.file}}
	counts := map[e911.ObjectKind]*Count{}
	for _, kind := range admin.Kinds() {
		counts[kind] = &Count{Kind: kind}
	}
	demonstration := map[string]bool{}
	for _, it := range r.d.items {
		if o, ok := it.value.(e911.Org); ok {
			demonstration[it.org] = o.Demonstration
		}
	}
	for i := range r.d.items {
		it := &r.d.items[i]
		n := name{admin.RefOf(it.value).Kind, it.org, admin.KeyOf(it.value)}
		switch o, have := r.stored[n]; {
		case !have:
			counts[n.kind].Created++
			p.create = append(p.create, it.value)
		case admin.Same(o.Value, it.value):
			counts[n.kind].Unchanged++
		default:
			counts[n.kind].Changed++
			p.update = append(p.update, update{it.value, o.Value, o.Version})
		}
		for _, f := range append(check.Advice(it.value, demonstration[it.org]), r.notes[i]...) {
			path := it.pathOf(f.Path)
			at := r.s.where(path)
			f.File, f.Path, f.Row, f.Col = r.s.file, path, at.row, at.col
			p.report.Warnings = append(p.report.Warnings, f)
		}
	}
	r.leftovers(p, counts)
	for _, kind := range admin.Kinds() {
		if *counts[kind] != (Count{Kind: kind}) {
			p.report.Counts = append(p.report.Counts, *counts[kind])
		}
	}
	order := admin.Kinds()
	rank := func(kind e911.ObjectKind) int { return slices.Index(order, kind) }
	slices.SortStableFunc(p.create, func(a, b any) int { return rank(admin.RefOf(a).Kind) - rank(admin.RefOf(b).Kind) })
	slices.SortStableFunc(p.remove, func(a, b admin.Object) int { return rank(b.Ref.Kind) - rank(a.Ref.Kind) })
	return p
}

// leftovers are stored objects that the file does not name.
func (r *resolver) leftovers(p *plan, counts map[e911.ObjectKind]*Count) {
	own := r.ownPhones()
	for n, o := range r.stored {
		if _, stays := r.first[n]; stays || n.org == "" && !r.d.world || listed(o.Value) || own(o) {
			continue
		}
		counts[n.kind].Deleted++
		p.remove = append(p.remove, o)
		p.report.Deleted = append(p.report.Deleted, Named{n.kind, n.org, n.key})
	}
	slices.SortFunc(p.report.Deleted, func(a, b Named) int {
		return strings.Compare(a.Org+" "+string(a.Kind)+" "+a.Key, b.Org+" "+string(b.Kind)+" "+b.Key)
	})
}

// done is what apply does, with what was before.
func (p *plan) done() []change.Done {
	out := make([]change.Done, 0, len(p.create)+len(p.update)+len(p.remove))
	for _, v := range p.create {
		out = append(out, change.Done{After: v})
	}
	for _, c := range p.update {
		out = append(out, change.Done{Before: c.before, After: c.value, Version: c.version})
	}
	for _, o := range p.remove {
		out = append(out, change.Done{Before: o.Value, Version: o.Version})
	}
	return out
}

func (p *plan) apply(ctx context.Context, w admin.Writer) error {
	for _, v := range p.create {
		if _, err := w.Create(ctx, v); err != nil {
			return fmt.Errorf("create %s: %w", admin.RefOf(v), err)
		}
	}
	for _, c := range p.update {
		if _, err := w.Update(ctx, c.value, c.version); err != nil {
			return fmt.Errorf("change %s: %w", admin.RefOf(c.value), err)
		}
	}
	for _, o := range p.remove {
		if err := w.Delete(ctx, o.Ref, o.Version); err != nil {
			return fmt.Errorf("delete %s: %w", o.Ref, err)
		}
	}
	return nil
}
