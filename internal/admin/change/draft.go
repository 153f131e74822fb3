package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// CodeStale is the code of a fault of a step whose object was changed since.
const CodeStale = "changed_since"

// draft is a plan while it is made over one state of the store.
type draft struct {
	p    *Planner
	ctx  context.Context //nolint:containedctx // lives inside one call
	base admin.Reader
	pre  *overlay.View // the state as it is
	post *overlay.View // and as it will be
	set  Set
	who  admin.Actor
	at   time.Time // when the plan was made

	ops       []op // by step; those of no effect and refused ones have no verb
	bad       map[int]bool
	faults    []e911.Fault
	warnings  []e911.Fault
	unchanged map[e911.ObjectKind]int
	refused   map[e911.ObjectKind]int
	lost      []e911.Fault
	orphans   []Orphan
	addresses check.Addresses
}

// large is from how many steps on the parts that a set touches are read into
// memory: questions about each row would take longer.
const large = 300

func (p *Planner) draft(ctx context.Context, base admin.Reader, s Set, who admin.Actor, at time.Time) (*draft, error) {
	d := &draft{
		p: p, ctx: ctx, base: base, pre: overlay.New(base), set: s, who: who, at: at,
		bad: map[int]bool{}, unchanged: map[e911.ObjectKind]int{}, refused: map[e911.ObjectKind]int{},
	}
	if err := d.load(); err != nil {
		return nil, fmt.Errorf("read what a change set touches: %w", err)
	}
	for _, f := range s.Faults {
		d.faults = append(d.faults, f)
		d.refused[""]++
	}
	if err := d.resolve(); err != nil {
		return nil, err
	}
	// Without a bad row another may have nothing to stand on any more.
	const rounds = 8
	for i := 0; ; i++ {
		before := len(d.bad)
		d.lay()
		if err := d.check(); err != nil {
			return nil, err
		}
		if len(d.bad) == before || !s.Partial {
			break
		}
		if i == rounds {
			return nil, e911.Errorf(e911.Invalid, "the rows of the set hang on each other too deeply to leave bad ones out: mend them first")
		}
	}
	if err := d.ways(); err != nil {
		return nil, err
	}
	return d, d.orphaned()
}

// load reads large parts into memory.
func (d *draft) load() error {
	if len(d.set.Steps) < large {
		return nil
	}
	touched := map[e911.OrgID]map[e911.ObjectKind]int{}
	for _, s := range d.set.Steps {
		ref := s.ref()
		if touched[ref.Org] == nil {
			touched[ref.Org] = map[e911.ObjectKind]int{}
		}
		touched[ref.Org][ref.Kind]++
	}
	for org, kinds := range touched {
		for _, kind := range admin.Kinds() {
			heavy := kind == e911.KindElement || kind == e911.KindPSAP
			if heavy && kinds[kind] < large || (org == "") != ofWorld(kind) && kind != e911.KindTrunk {
				continue
			}
			if err := d.pre.Load(d.ctx, kind, org); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Step) ref() admin.Ref {
	if s.Value != nil && s.Ref.Kind == "" {
		return admin.RefOf(s.Value)
	}
	return s.Ref
}

// fault refuses a step.
func (d *draft) fault(o *op, f e911.Fault) {
	if o.from == (Origin{}) {
		f.Path = strings.TrimSuffix(fmt.Sprintf("steps[%d].%s", o.step, f.Path), ".")
	}
	d.faults = append(d.faults, placed(f, o.from))
	if !d.bad[o.step] {
		d.bad[o.step] = true
		d.refused[o.ref.Kind]++
	}
}

// resolve finds what each step is about.
func (d *draft) resolve() error {
	d.ops = make([]op, len(d.set.Steps))
	named := map[admin.Ref]int{}
	for i := range d.set.Steps {
		s := &d.set.Steps[i]
		o := &d.ops[i]
		*o = op{ref: s.ref(), key: s.Key, from: s.From, step: i}
		if s.Value != nil {
			o.after, o.key = s.Value, admin.KeyOf(s.Value)
			o.ref = admin.RefOf(s.Value)
		}
		if !d.ours(o) {
			continue
		}
		now, have, err := d.find(o.ref, o.key)
		if err != nil {
			return fmt.Errorf("look for what a change set names: %w", err)
		}
		d.settle(o, s, now, have)
		if d.bad[i] {
			continue
		}
		if first, twice := named[o.ref]; twice {
			d.fault(o, e911.Fault{Path: "key", Code: check.Duplicate, Msg: fmt.Sprintf("%s %s stands in the set twice, first in %s",
				o.ref.Kind, o.key, d.set.Steps[first].From.text(first)), Fix: "keep one of the two"})
			continue
		}
		named[o.ref] = i
		if o.after != nil && o.verb != admin.Deleted {
			if err := d.complete(o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o Origin) text(step int) string {
	if o.Row > 0 {
		return fmt.Sprintf("row %d", o.Row)
	}
	return fmt.Sprintf("step %d", step)
}

// ours refuses what the set's organisation may not touch (E14).
func (d *draft) ours(o *op) bool {
	switch {
	case o.ref.Kind == "" || types[o.ref.Kind] == nil:
		d.fault(o, e911.Fault{Code: check.Unknown, Msg: "the step says no kind of object", Fix: "give a value, or kind and key"})
	case o.ref.Kind == e911.KindTokenKey || o.ref.Kind == e911.KindLayer:
		d.fault(o, e911.Fault{Code: check.Forbidden, Msg: "objects of this kind are not made by change sets", Fix: "leave it out"})
	case d.set.Org != "" && o.ref.Org != d.set.Org:
		d.fault(o, e911.Fault{Path: "org", Code: check.Forbidden, Msg: "the object is not the organisation's own", Fix: "leave it out, or let the operator do it"})
	default:
		return true
	}
	return false
}

func (d *draft) find(ref admin.Ref, key string) (admin.Object, bool, error) {
	if ref.ID == "" {
		return find(d.ctx, d.pre, ref.Org, ref.Kind, key)
	}
	o, err := d.pre.Get(d.ctx, ref)
	if err != nil && e911.KindOf(err) == e911.NotFound {
		return admin.Object{}, false, nil
	}
	return o, err == nil, err
}

// settle says what the step does to what is stored.
func (d *draft) settle(o *op, s *Step, now admin.Object, have bool) {
	missing := e911.Fault{Path: "key", Code: check.Unknown, Msg: fmt.Sprintf("there is no %s %s", o.ref.Kind, o.key), Fix: "name one that exists, or create it"}
	if have {
		o.before, o.version = now.Value, now.Version
		if o.ref.ID == "" {
			o.ref.ID = now.Ref.ID
		}
	}
	switch {
	case s.Verb == admin.Deleted && !have, s.Verb == admin.Changed && !have:
		if s.Version > 0 {
			missing.Code, missing.Msg, missing.Fix = CodeStale, fmt.Sprintf("%s %s was deleted since", o.ref.Kind, o.key), "plan again"
		}
		d.fault(o, missing)
		return
	case s.Verb == admin.Created && have:
		d.fault(o, e911.Fault{Path: "key", Code: check.Duplicate, Msg: fmt.Sprintf("there is a %s %s already", o.ref.Kind, o.key), Fix: "change that one, or choose another key"})
		return
	case s.Version > 0 && have && s.Version != now.Version:
		d.fault(o, e911.Fault{Path: "version", Code: CodeStale, Fix: "look at it and plan again", Msg: fmt.Sprintf(
			"%s %s was changed since: it is at version %d and this rests on version %d", o.ref.Kind, admin.KeyOf(now.Value), now.Version, s.Version)})
		return
	case s.Verb != admin.Deleted && s.Value == nil:
		d.fault(o, e911.Fault{Code: check.Required, Msg: "the step has no value", Fix: "give one"})
		return
	}
	switch {
	case s.Verb == admin.Deleted:
		o.verb, o.after, o.key = admin.Deleted, nil, admin.KeyOf(now.Value)
	case have:
		o.verb, o.after = admin.Changed, admin.WithID(o.after, o.ref.ID)
	default:
		if o.ref.ID == "" {
			o.ref.ID = e911.NewID[string]()
		}
		o.verb, o.after = admin.Created, admin.WithID(o.after, o.ref.ID)
	}
	if o.ref.Kind == e911.KindOrg {
		o.ref.Org = e911.OrgID(o.ref.ID)
	}
}

// complete fills in what others know better than who made the set: the geometry of
// a county, what a carrier holds of a number.
func (d *draft) complete(o *op) error {
	switch v := o.after.(type) {
	case e911.PSAP:
		if d.set.Settled {
			break
		}
		resolved, faults := d.p.cfg.Layer.Resolve(v)
		o.after = resolved
		for _, f := range faults {
			d.fault(o, f)
		}
	case e911.NumberRec, e911.User, e911.Device:
		o.after = admin.Keep(v, o.before)
	case e911.Building:
		if !d.set.Settled {
			return d.address(o, v)
		}
	}
	if o.verb == admin.Changed && admin.Same(o.before, o.after) {
		o.verb = ""
		d.unchanged[o.ref.Kind]++
	}
	return nil
}

// address validates that of a building by the layers that hold.
func (d *draft) address(o *op, v e911.Building) error {
	was, changed := o.before.(e911.Building)
	if changed && admin.Same(was, v) {
		o.verb = ""
		d.unchanged[o.ref.Kind]++
		return nil
	}
	if d.p.cfg.Layers == nil {
		return nil
	}
	if d.addresses == nil {
		var err error
		if d.addresses, err = d.p.cfg.Layers.Addresses(d.ctx, d.base); err != nil {
			return err
		}
	}
	entry := check.Entry{By: string(d.who), Now: d.at}
	if org, err := d.pre.Get(d.ctx, admin.Ref{Kind: e911.KindOrg, Org: v.Org, ID: string(v.Org)}); err == nil {
		entry.Demonstration = org.Value.(e911.Org).Demonstration
	}
	var before *e911.Building
	if changed {
		before = &was
	}
	settled, faults, notes := check.Settle(d.addresses, v, before, entry)
	for _, f := range faults {
		d.fault(o, f)
	}
	for _, f := range notes {
		d.warnings = append(d.warnings, placed(f, o.from))
	}
	o.after = settled
	if changed && admin.Same(was, settled) {
		o.verb = ""
		d.unchanged[o.ref.Kind]++
	}
	return nil
}

// live lists what would be done.
func (d *draft) live() []op {
	out := make([]op, 0, len(d.ops))
	for _, o := range d.ops {
		if o.verb != "" && !d.bad[o.step] {
			out = append(out, o)
		}
	}
	return out
}

// lay makes the state as it will be, without what is refused.
func (d *draft) lay() {
	d.post = overlay.New(d.pre)
	for _, o := range d.ops {
		switch {
		case o.verb == "" || d.bad[o.step] && d.set.Partial:
		case o.verb == admin.Deleted:
			d.post.Delete(o.ref)
		case o.after != nil:
			d.post.Put(admin.Object{Ref: o.ref, Version: o.version, Value: o.after})
		}
	}
}

// check asks package check about each object, over the state as it will be.
func (d *draft) check() error {
	for i := range d.ops {
		o := &d.ops[i]
		if o.verb == "" || d.bad[i] {
			continue
		}
		var faults []e911.Fault
		var err error
		if o.verb == admin.Deleted {
			faults, err = d.deletion(o)
		} else {
			faults, err = check.ObjectBy(d.ctx, d.post, d.p.cfg.Layers, o.after)
			faults = append(faults, d.set.stages[i]...)
			faults = append(faults, d.overrides(o)...)
		}
		if err != nil {
			return fmt.Errorf("check a change set: %w", err)
		}
		for _, f := range faults {
			d.fault(o, f)
		}
	}
	return nil
}

// dependants is how many of the objects in the way of a deletion are said.
const dependants = 10

// deletion says what is against it: who needs the object and stays.
func (d *draft) deletion(o *op) ([]e911.Fault, error) {
	var faults []e911.Fault
	switch v := o.before.(type) {
	case e911.NumberRec:
		faults = check.Withdrawn(v)
		more, err := check.Kept(d.ctx, d.post, v)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	case e911.PSAP:
		if v.Relay {
			orgs, err := d.post.Orgs(d.ctx)
			if err != nil {
				return nil, err
			}
			if len(orgs) == 0 {
				break // nobody calls any more
			}
			rest, err := d.post.List(d.ctx, admin.Query{Kind: e911.KindPSAP})
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(rest, func(x admin.Object) bool { return x.Value.(e911.PSAP).Relay }) {
				faults = append(faults, e911.Fault{Code: check.Forbidden, Msg: "without a relay centre a caller who cannot be located reaches nobody", Fix: "change it instead"})
			}
		}
	}
	if more, err := check.KeptPlace(d.ctx, d.post, o.before); err != nil {
		return nil, err
	} else if len(more) > 0 {
		faults = append(faults, more...)
	}
	refs, err := d.base.Pointing(d.ctx, o.ref, admin.MaxPage)
	if err != nil {
		return nil, err
	}
	more := 0
	for _, ref := range refs {
		// What is changed as well says for itself what it names that is gone.
		if d.post.Gone(ref) || d.post.Has(ref) {
			continue
		}
		if more++; more > dependants {
			continue
		}
		key := ref.ID
		if x, err := d.pre.Get(d.ctx, ref); err == nil {
			key = admin.KeyOf(x.Value)
		}
		faults = append(faults, e911.Fault{
			Path: string(ref.Kind), Code: check.Forbidden, Msg: fmt.Sprintf("%s %s needs the %s %s", ref.Kind, key, o.ref.Kind, o.key),
			Fix: "delete that one in the same set, or give it another",
		})
	}
	if more > dependants {
		faults = append(faults, e911.Fault{
			Code: check.Forbidden, Msg: fmt.Sprintf("%d more need the %s %s", more-dependants, o.ref.Kind, o.key), Fix: "delete those in the same set, or give them another",
		})
	}
	return faults, nil
}

// leads are the kinds of objects that a call's way hangs on.
var leads = []e911.ObjectKind{e911.KindTrunk, e911.KindPSAP, e911.KindOrg, e911.KindSite, e911.KindBuilding, e911.KindOverride}

// ways looks for places that lose every way to their PSAP.
func (d *draft) ways() error {
	touched := map[e911.OrgID]bool{}
	for _, o := range d.live() {
		if slices.Contains(leads, o.ref.Kind) {
			touched[o.ref.Org] = true
		}
	}
	if len(touched) == 0 || len(d.faults) > 0 && !d.set.Partial {
		return nil
	}
	var orgs []e911.OrgID // none: all, since all go by the world part
	if !touched[""] {
		for org := range touched {
			orgs = append(orgs, org)
		}
	}
	var layers []gis.Layer
	var err error
	if d.p.cfg.Layers != nil {
		if layers, err = d.p.cfg.Layers.Layers(d.ctx, d.base); err != nil {
			return err
		}
	}
	before, err := layer.WaysOf(d.ctx, d.pre, layers, d.at, orgs...)
	if err != nil || before.Empty() {
		return err
	}
	after, err := layer.WaysOf(d.ctx, d.post, layers, d.at, orgs...)
	if err != nil {
		return err
	}
	d.lost = before.Lost(after)
	return nil
}

// orphaned finds what is left with nothing by deletions.
func (d *draft) orphaned() error {
	asked := map[admin.Ref]bool{}
	for _, o := range d.live() {
		if o.verb != admin.Deleted {
			continue
		}
		for _, h := range holders(o.before) {
			if h.ref.ID == "" || asked[h.ref] {
				continue
			}
			asked[h.ref] = true
			if err := d.left(&o, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// holder is what would be left with nothing when the last of kinds is gone.
type holder struct {
	ref   admin.Ref
	field admin.Field
	kinds []e911.ObjectKind
	why   string
}

func holders(value any) []holder {
	at := func(kind e911.ObjectKind, org e911.OrgID, id string, field admin.Field, why string, kinds ...e911.ObjectKind) holder {
		return holder{admin.Ref{Kind: kind, Org: org, ID: id}, field, kinds, why}
	}
	switch v := value.(type) {
	case e911.Element:
		return []holder{at(e911.KindLocation, v.Org, string(v.Location), admin.ByLocation, "no network element leads there any more", e911.KindElement)}
	case e911.Location:
		return []holder{at(e911.KindBuilding, v.Org, string(v.Building), admin.ByBuilding, "the building has no location any more", e911.KindLocation)}
	case e911.Building:
		return []holder{at(e911.KindSite, v.Org, string(v.Site), admin.BySite, "the site has no building any more", e911.KindBuilding)}
	case e911.Device:
		return []holder{at(e911.KindUser, v.Org, string(v.User), admin.ByUser, "the user has neither a device nor a number any more", e911.KindDevice, e911.KindNumber)}
	case e911.NumberRec:
		return []holder{at(e911.KindUser, v.Org, string(v.User), admin.ByUser, "the user has neither a device nor a number any more", e911.KindDevice, e911.KindNumber)}
	}
	return nil
}

func (d *draft) left(o *op, h holder) error {
	x, err := d.post.Get(d.ctx, h.ref)
	if err != nil {
		if e911.KindOf(err) == e911.NotFound {
			return nil // it goes too
		}
		return err
	}
	for _, kind := range h.kinds {
		rest, err := d.post.List(d.ctx, admin.Query{Kind: kind, Org: h.ref.Org, Field: h.field, Value: h.ref.ID, Limit: 1})
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			return nil
		}
	}
	d.orphans = append(d.orphans, Orphan{Ref: h.ref, Key: admin.KeyOf(x.Value), Lost: o.ref, LostKey: o.key, Why: h.why})
	return nil
}
