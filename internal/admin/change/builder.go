package change

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/e911"
)

// Builder makes a Set from rows that name each other by keys: it knows the keys of
// the store and of the set itself, so that one file may create a building and its
// locations. Not safe for concurrent use.
type Builder struct {
	ctx  context.Context //nolint:containedctx // a builder lives inside one call
	view *overlay.View
	asks map[e911.ObjectKind]int // how often a kind was asked for
	set  Set
	keys map[keyed]string       // id of what the set puts
	have map[keyed]admin.Object // what the store answered
	none map[keyed]bool
}

type keyed struct {
	kind e911.ObjectKind
	key  string
}

// NewBuilder begins a set of the organisation; "" is the world part.
func NewBuilder(ctx context.Context, view admin.View, org e911.OrgID, title string) *Builder {
	return &Builder{
		ctx: ctx, view: overlay.New(view), asks: map[e911.ObjectKind]int{}, set: Set{Org: org, Title: title},
		keys: map[keyed]string{}, have: map[keyed]admin.Object{}, none: map[keyed]bool{},
	}
}

// ID finds the id of an object by the customer's key (admin.KeyOf): of one that the
// set puts, or else of a stored one. World kinds (model, psap) are looked for in the
// world.
func (b *Builder) ID(kind e911.ObjectKind, key string) (id string, ok bool, err error) {
	if id, ok := b.keys[keyed{kind, key}]; ok {
		return id, true, nil
	}
	o, ok, err := b.Stored(kind, key)
	return o.Ref.ID, ok, err
}

// Stored finds a stored object by the customer's key.
func (b *Builder) Stored(kind e911.ObjectKind, key string) (admin.Object, bool, error) {
	k := keyed{kind, key}
	if o, ok := b.have[k]; ok || b.none[k] {
		return o, ok, nil
	}
	// Who asks so often asks for all of them.
	if b.asks[kind]++; b.asks[kind] == large {
		if err := b.view.Load(b.ctx, kind, b.orgOf(kind)); err != nil {
			return admin.Object{}, false, err
		}
	}
	o, ok, err := find(b.ctx, b.view, b.orgOf(kind), kind, key)
	switch {
	case err != nil:
	case ok:
		b.have[k] = o
	default:
		b.none[k] = true
	}
	return o, ok, err
}

// orgOf is where objects of the kind stand.
func (b *Builder) orgOf(kind e911.ObjectKind) e911.OrgID {
	if ofWorld(kind) {
		return ""
	}
	return b.set.Org
}

func ofWorld(kind e911.ObjectKind) bool {
	switch kind {
	case e911.KindModel, e911.KindPSAP, e911.KindLayer, e911.KindTokenKey:
		return true
	}
	return false
}

// find looks for an object by its key.
func find(ctx context.Context, view admin.View, org e911.OrgID, kind e911.ObjectKind, key string) (admin.Object, bool, error) {
	if key == "" {
		return admin.Object{}, false, nil
	}
	q := admin.Query{Kind: kind, Org: org, Field: admin.ByKey, Value: key, Limit: 2}
	switch kind {
	case e911.KindNumber:
		q.Field = admin.ByNumber
	case e911.KindElement:
		q.Field = admin.ByKeyPrefix
	case e911.KindOrg:
		orgs, err := view.Orgs(ctx)
		for _, o := range orgs {
			if o.Key == key && (org == "" || o.ID == org) {
				x, err := view.Get(ctx, admin.RefOf(o))
				return x, err == nil, err
			}
		}
		return admin.Object{}, false, err
	case e911.KindTokenKey:
		q.Field, q.Value = "", ""
	}
	for {
		page, err := view.List(ctx, q)
		if err != nil {
			return admin.Object{}, false, err
		}
		for _, o := range page {
			if admin.KeyOf(o.Value) == key {
				return o, true, nil
			}
		}
		if len(page) < q.Limit {
			return admin.Object{}, false, nil
		}
		q.After, q.Limit = page[len(page)-1].Ref.ID, admin.MaxPage
	}
}

// Put adds an object. One without an id gets that of the stored object of the same
// key, or a new one.
func (b *Builder) Put(value any, from Origin) {
	ref, key := admin.RefOf(value), admin.KeyOf(value)
	if ref.ID == "" {
		id, ok, err := b.ID(ref.Kind, key)
		if err != nil {
			b.Fault(e911.Fault{Code: "unavailable", Msg: err.Error()}, from)
			return
		}
		if !ok {
			id = e911.NewID[string]()
		}
		value = admin.WithID(value, id)
	}
	b.keys[keyed{ref.Kind, key}] = admin.RefOf(value).ID
	b.set.Steps = append(b.set.Steps, Step{Verb: Put, Value: value, Ref: admin.RefOf(value), Key: key, From: from})
}

// Delete adds the wish that the object of this key goes.
func (b *Builder) Delete(kind e911.ObjectKind, key string, from Origin) {
	b.set.Steps = append(b.set.Steps, Step{
		Verb: admin.Deleted, Ref: admin.Ref{Kind: kind, Org: b.orgOf(kind)}, Key: key, From: from,
	})
}

// Fault adds what is wrong with a row that gives no step.
func (b *Builder) Fault(f e911.Fault, from Origin) {
	b.set.Faults = append(b.set.Faults, placed(f, from))
}

// placed gives a fault the place it came from where it has none.
func placed(f e911.Fault, from Origin) e911.Fault {
	if f.File == "" {
		f.File = from.File
		if from.Sheet != "" {
			f.File += "#" + from.Sheet
		}
	}
	if f.Row == 0 {
		f.Row, f.Col = from.Row, from.Col
	}
	return f
}

// Set returns what was built; its Source, Partial and Unroute are the caller's to
// set.
func (b *Builder) Set() Set { return b.set }
