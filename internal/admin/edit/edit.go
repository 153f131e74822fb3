// Package edit holds the use cases of one object at a time: create, change,
// delete, look. What check says against an object is refused, and what is
// committed is published by package publish within a second.
//
// Every call says for whom it acts; the organisation of an object is part of
// every question, so that no organisation reaches another's (E14).
package edit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// Config is what an Editor needs.
type Config struct {
	Store admin.Store
	Layer check.Layer // layers.USCountyBoundary
	// Layers validate the addresses of buildings; nil: nobody looks at them.
	Layers check.Layers
	Now    func() time.Time
	// Feeds knows what directories feed of users; nil: there are none.
	Feeds admin.Feeds
	// Stages guard stage 911 of sites; nil: nobody does, for who has asked himself.
	Stages admin.Stages

	unroute string // why places may lose their way; none: they may not
}

// Editor has the use cases, one field a kind of object. Safe for concurrent use.
type Editor struct {
	cfg Config

	Models    Objects[e911.Model]
	Trunks    Objects[e911.Trunk]
	PSAPs     Objects[e911.PSAP]
	Orgs      Objects[e911.Org]
	Sites     Objects[e911.Site]
	Buildings Objects[e911.Building]
	Locations Objects[e911.Location]
	Elements  Objects[e911.Element]
	Users     Objects[e911.User]
	Devices   Objects[e911.Device]
	Numbers   Objects[e911.NumberRec]
	Alerts    Objects[e911.Alert]
	Overrides Objects[e911.PSAPOverride]
	Layers    Objects[e911.Layer] // to look at; package layer imports them
}

// New checks the configuration.
func New(cfg Config) (*Editor, error) {
	if cfg.Store == nil || cfg.Layer == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "an editor needs a store, a layer and a clock")
	}
	e := &Editor{cfg: cfg}
	e.Models.bind(e, e911.KindModel)
	e.Trunks.bind(e, e911.KindTrunk)
	e.PSAPs.bind(e, e911.KindPSAP)
	e.Orgs.bind(e, e911.KindOrg)
	e.Sites.bind(e, e911.KindSite)
	e.Buildings.bind(e, e911.KindBuilding)
	e.Locations.bind(e, e911.KindLocation)
	e.Elements.bind(e, e911.KindElement)
	e.Users.bind(e, e911.KindUser)
	e.Devices.bind(e, e911.KindDevice)
	e.Numbers.bind(e, e911.KindNumber)
	e.Alerts.bind(e, e911.KindAlert)
	e.Overrides.bind(e, e911.KindOverride)
	e.Layers.bind(e, e911.KindLayer)
	return e, nil
}

// AllOrgs lists every organisation, for the operator alone.
func (e *Editor) AllOrgs(ctx context.Context) ([]e911.Org, error) {
	var orgs []e911.Org
	err := e.cfg.Store.Read(ctx, func(r admin.Reader) (err error) {
		orgs, err = r.Orgs(ctx)
		return err
	})
	return orgs, err
}

// EnsureTokenKey makes the first key for location tokens when there is an
// organisation and no key: without one its devices get no reference to where they
// are.
func (e *Editor) EnsureTokenKey(ctx context.Context, who admin.Actor) error {
	orgs, err := e.AllOrgs(ctx)
	if err != nil || len(orgs) == 0 {
		return err
	}
	return e.cfg.Store.Write(ctx, who, func(w admin.Writer) error {
		_, err := admin.FirstTokenKey(ctx, w, e.cfg.Now())
		return err
	})
}

// Stored is an object with the version that a change of it must name.
type Stored[T any] struct {
	Value   T      `json:"value"`
	Version int64  `json:"version"`
	Place   string `json:"-"` // admin.Object.Place
}

// Objects are the use cases of one kind of object.
type Objects[T any] struct {
	editor *Editor
	kind   e911.ObjectKind
}

func (o *Objects[T]) bind(e *Editor, kind e911.ObjectKind) { o.editor, o.kind = e, kind }

// Create checks the value, gives it an id and stores it. An Invalid error has
// every fault.
func (o *Objects[T]) Create(ctx context.Context, who admin.Actor, value T) (Stored[T], error) {
	var made admin.Object
	if _, err := o.raise(ctx, value); err != nil {
		return Stored[T]{}, err
	}
	err := o.editor.cfg.Store.Write(ctx, who, func(w admin.Writer) error {
		v, err := o.accept(ctx, w, who, admin.WithID(value, e911.NewID[string]()))
		if err != nil {
			return err
		}
		if o.kind == e911.KindOrg { // its devices will ask for location tokens
			if _, err := admin.FirstTokenKey(ctx, w, o.editor.cfg.Now()); err != nil {
				return err
			}
		}
		made, err = w.Create(ctx, v)
		return err
	})
	return stored[T](made), err
}

// Update checks the value and replaces the one that has its id, if that still
// has the version; otherwise the error is a Conflict, and nobody's change is
// lost. A value that changes nothing keeps its version.
func (o *Objects[T]) Update(ctx context.Context, who admin.Actor, value T, version int64) (Stored[T], error) {
	var made admin.Object
	leave, err := o.raise(ctx, value)
	if err == nil {
		err = o.unfed(ctx, value)
	}
	if err != nil {
		return Stored[T]{}, err
	}
	err = o.write(ctx, who, admin.RefOf(value).Org, func(w admin.Writer) error {
		v, err := o.accept(ctx, w, who, value)
		if err != nil {
			return err
		}
		before, err := w.Get(ctx, admin.RefOf(v))
		if err == nil {
			v = admin.Keep(v, before.Value)
			if err := leave(before.Value, v); err != nil {
				return err
			}
		}
		if err == nil && before.Version == version && admin.Same(before.Value, v) {
			made = before
			return nil
		}
		made, err = w.Update(ctx, v, version)
		return err
	})
	return stored[T](made), err
}

func (o *Objects[T]) accept(ctx context.Context, w admin.Writer, who admin.Actor, value any) (any, error) {
	var faults []e911.Fault
	if p, ok := value.(e911.PSAP); ok {
		value, faults = o.editor.cfg.Layer.Resolve(p)
	}
	more, err := check.ObjectBy(ctx, w, o.editor.cfg.Layers, value)
	if err != nil {
		return nil, err
	}
	for _, f := range more {
		if !slices.ContainsFunc(faults, func(g e911.Fault) bool { return g.Path == f.Path }) {
			faults = append(faults, f)
		}
	}
	if b, ok := value.(e911.Building); ok && len(faults) == 0 && o.editor.cfg.Layers != nil {
		if value, faults, err = o.editor.settle(ctx, w, who, b); err != nil {
			return nil, err
		}
	}
	if len(faults) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: fmt.Sprintf("the %s is refused", o.kind), Faults: faults}
	}
	return value, nil
}

// settle validates the address of a building by the layers of the transaction.
func (e *Editor) settle(ctx context.Context, w admin.Writer, who admin.Actor, b e911.Building) (any, []e911.Fault, error) {
	x, err := e.cfg.Layers.Addresses(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	entry := check.Entry{By: string(who), Now: e.cfg.Now()}
	if o, err := w.Get(ctx, admin.Ref{Kind: e911.KindOrg, Org: b.Org, ID: string(b.Org)}); err == nil {
		entry.Demonstration = o.Value.(e911.Org).Demonstration
	}
	var before *e911.Building
	if o, err := w.Get(ctx, admin.RefOf(b)); err == nil {
		stored := o.Value.(e911.Building)
		before = &stored
	}
	settled, faults, _ := check.Settle(x, b, before, entry)
	return settled, faults, nil
}

// Delete removes the object if it has the version and nothing names it; what
// does is said.
func (o *Objects[T]) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, id string, version int64) error {
	ref := o.ref(org, id)
	return o.write(ctx, who, ref.Org, func(w admin.Writer) error {
		now, err := w.Get(ctx, ref)
		if err != nil {
			return err
		}
		if p, ok := now.Value.(e911.PSAP); ok && p.Relay && !anotherRelay(ctx, w, p.ID) {
			return e911.Errorf(e911.Conflict, "without a relay centre a caller who cannot be located reaches nobody: change it instead")
		}
		if n, ok := now.Value.(e911.NumberRec); ok {
			if faults := check.Withdrawn(n); len(faults) > 0 {
				return &e911.Error{Kind: e911.Conflict, Msg: "the number is not withdrawn", Faults: faults}
			}
		}
		if err := kept(ctx, w, now.Value); err != nil {
			return err
		}
		if err := nothingNames(ctx, w, ref); err != nil {
			return err
		}
		return w.Delete(ctx, ref, version)
	})
}

// kept refuses to let go of what is named by value: an emergency callback number
// (W-06), a place of an area.
func kept(ctx context.Context, w admin.Writer, value any) error {
	faults, err := check.KeptPlace(ctx, w, value)
	if n, ok := value.(e911.NumberRec); ok && err == nil {
		faults, err = check.Kept(ctx, w, n)
	}
	if err != nil || len(faults) == 0 {
		return err
	}
	return &e911.Error{Kind: e911.Conflict, Msg: "it is in use", Faults: faults}
}

// anotherRelay reports that a relay centre would be left.
func anotherRelay(ctx context.Context, r admin.Reader, without e911.PSAPID) bool {
	q := admin.Query{Kind: e911.KindPSAP}
	for {
		page, err := r.List(ctx, q)
		if err != nil {
			return false
		}
		for _, o := range page {
			if p, ok := o.Value.(e911.PSAP); ok && p.Relay && p.ID != without {
				return true
			}
		}
		if len(page) < admin.MaxPage {
			return false
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// namedBy is how many of the objects in the way are said.
const namedBy = 10

func nothingNames(ctx context.Context, w admin.Writer, ref admin.Ref) error {
	refs, err := w.Pointing(ctx, ref, namedBy)
	if err != nil || len(refs) == 0 {
		return err
	}
	e := e911.Errorf(e911.Conflict, "other objects still name this one")
	for _, r := range refs {
		key := r.ID
		if o, err := w.Get(ctx, r); err == nil && o.Value != nil {
			key = admin.KeyOf(o.Value)
		}
		e.Faults = append(e.Faults, e911.Fault{
			Path: string(r.Kind), Code: check.Forbidden, Msg: fmt.Sprintf("%s names it", key), Fix: "change or delete that one first",
		})
	}
	return e
}

// ref names an object. The operator, who has no organisation, may name any
// organisation itself.
func (o *Objects[T]) ref(org e911.OrgID, id string) admin.Ref {
	if o.kind == e911.KindOrg && org == "" {
		org = e911.OrgID(id)
	}
	return admin.Ref{Kind: o.kind, Org: org, ID: id}
}

// Get returns one object of the organisation ("" for the world part and, with
// an organisation's id, for the operator).
func (o *Objects[T]) Get(ctx context.Context, org e911.OrgID, id string) (Stored[T], error) {
	var found admin.Object
	err := o.editor.cfg.Store.Read(ctx, func(r admin.Reader) (err error) {
		found, err = r.Get(ctx, o.ref(org, id))
		return err
	})
	return stored[T](found), err
}

// List returns a page of the organisation's objects in order of id; after is
// the id of the last one of the page before, limit at most admin.MaxPage.
func (o *Objects[T]) List(ctx context.Context, org e911.OrgID, after string, limit int) ([]Stored[T], error) {
	return o.Find(ctx, admin.Query{Org: org, After: after, Limit: limit})
}

// Find is List with a condition. The kind of the query is that of the objects.
func (o *Objects[T]) Find(ctx context.Context, q admin.Query) ([]Stored[T], error) {
	q.Kind = o.kind
	var found []admin.Object
	err := o.editor.cfg.Store.Read(ctx, func(r admin.Reader) (err error) {
		found, err = r.List(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]Stored[T], len(found))
	for i, f := range found {
		list[i] = stored[T](f)
	}
	return list, nil
}

func stored[T any](o admin.Object) Stored[T] {
	v, _ := o.Value.(T)
	return Stored[T]{Value: v, Version: o.Version, Place: o.Place}
}
