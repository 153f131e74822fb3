// Package check says what is wrong with a configured object, all of it at once,
// with the path of the fault and how to mend it. It is asked by every way in:
// the use cases of package edit and the import of whole worlds, so that no way
// lets through what another refuses.
//
// A check only reads: the object, and through admin.View the others it must
// agree with. Sources of the rules stand beside them (F-, W-, D- numbers).
package check

import (
	"context"
	"fmt"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// The closed list of codes of a fault.
const (
	Required   = "required"    // a field that must be there is not
	Syntax     = "syntax"      // not of the form that it must have
	Range      = "range"       // of the form, beyond what makes sense
	Unknown    = "unknown"     // names something that does not exist
	Duplicate  = "duplicate"   // taken by another object
	Ambiguous  = "ambiguous"   // would match more than one place (F-19)
	Reserved   = "reserved"    // an emergency string or an alias of one (F-37)
	NotOffered = "not_offered" // of the design, but not in this version
	Forbidden  = "forbidden"   // a rule of emergency calling forbids it
)

// Object returns every fault of value, given the others in view. Paths are
// relative to the object and follow its JSON names. The error is that of the
// view, when it could not answer.
func Object(ctx context.Context, view admin.View, value any) ([]e911.Fault, error) {
	return ObjectBy(ctx, view, nil, value)
}

// ObjectBy is Object with the reference layers at hand: they say who serves the
// places of a site. Without them a demonstration layer is taken to decide wherever
// it has an area.
func ObjectBy(ctx context.Context, view admin.View, layers Layers, value any) ([]e911.Fault, error) {
	c := &checker{ctx: ctx, view: view, layers: layers, ref: admin.RefOf(value)}
	switch v := value.(type) {
	case e911.TokenKey:
		c.tokenKey(v)
	case e911.Model:
		c.model(v)
	case e911.Trunk:
		c.trunk(v)
	case e911.PSAP:
		c.psap(v)
	case e911.Layer:
		c.layer(v)
	case e911.Org:
		c.org(v)
	case e911.Site:
		c.site(v)
	case e911.Building:
		c.building(v)
	case e911.Location:
		c.location(v)
	case e911.Element:
		c.element(v)
	case e911.User:
		c.user(v)
	case e911.Device:
		c.device(v)
	case e911.NumberRec:
		c.number(v)
	case e911.Alert:
		c.alert(v)
	case e911.PSAPOverride:
		c.override(v)
	}
	return c.faults, c.err
}

// Advice returns what is allowed and still worth a word, in the form of faults.
func Advice(value any, demonstration bool) []e911.Fault {
	c := &checker{ref: admin.RefOf(value)}
	switch v := value.(type) {
	case e911.Org:
		c.adviseOrg(v)
	case e911.Site:
		if v.Callback() == "" {
			c.add("ecbn", Required, "without an emergency callback number a PSAP that is cut off cannot reach this site",
				"give the number of a phone that a live person answers")
		}
	case e911.Building:
		c.adviseAddress(v.Address)
	case e911.Alert:
		for i, w := range v.Webhook {
			if demonstration && len(w.Secret) < minSecret {
				c.add(fmt.Sprintf("webhook[%d].secret", i), Range, "the secret is short enough to be guessed", secretFix)
			}
		}
	}
	return c.faults
}

// checker collects the faults of one object.
type checker struct {
	ctx    context.Context
	view   admin.View
	layers Layers // nil: nobody knows what they hold
	ref    admin.Ref
	faults []e911.Fault
	err    error // the first of the view
}

func (c *checker) add(path, code, msg, fix string) {
	c.faults = append(c.faults, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
}

// get reads another object. Nothing is found when it does not exist.
func (c *checker) get(kind e911.ObjectKind, org e911.OrgID, id string) (any, bool) {
	if c.err != nil || id == "" {
		return nil, false
	}
	o, err := c.view.Get(c.ctx, admin.Ref{Kind: kind, Org: org, ID: id})
	if e911.KindOf(err) == e911.NotFound && err != nil {
		return nil, false
	}
	if err != nil {
		c.err = fmt.Errorf("check against %s: %w", kind, err)
		return nil, false
	}
	return o.Value, true
}

// lookup reads another object as its type.
func lookup[T any](c *checker, kind e911.ObjectKind, org e911.OrgID, id string) (T, bool) {
	v, ok := c.get(kind, org, id)
	t, is := v.(T)
	return t, ok && is
}

// each calls do with the other objects that match, until it returns false.
func (c *checker) each(q admin.Query, do func(value any) bool) {
	for c.err == nil {
		page, err := c.view.List(c.ctx, q)
		if err != nil {
			c.err = fmt.Errorf("check against %s: %w", q.Kind, err)
			return
		}
		for _, o := range page {
			if o.Ref == c.ref {
				continue
			}
			if !do(o.Value) {
				return
			}
		}
		if len(page) < admin.MaxPage {
			return
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// other returns the first other object that matches.
func (c *checker) other(kind e911.ObjectKind, org e911.OrgID, field admin.Field, value string) (found any, ok bool) {
	if value == "" {
		return nil, false
	}
	c.each(admin.Query{Kind: kind, Org: org, Field: field, Value: value}, func(v any) bool {
		found, ok = v, true
		return false
	})
	return found, ok
}

// orgs lists all organisations.
func (c *checker) orgs() []e911.Org {
	if c.err != nil {
		return nil
	}
	list, err := c.view.Orgs(c.ctx)
	if err != nil {
		c.err = fmt.Errorf("check against the organisations: %w", err)
	}
	return list
}

// demonstration reports whether the organisation is marked so.
func (c *checker) demonstration(id e911.OrgID) bool {
	o, ok := lookup[e911.Org](c, e911.KindOrg, id, string(id))
	return ok && o.Demonstration
}

// inOrg checks that the object says whose it is and that this one exists.
func (c *checker) inOrg(id e911.OrgID) {
	if _, ok := lookup[e911.Org](c, e911.KindOrg, id, string(id)); !ok && c.err == nil {
		c.add("org", Unknown, "there is no such organisation", "create the organisation first")
	}
}

// refers checks a reference inside an organisation. An empty one passes unless
// it is required.
func (c *checker) refers(path string, kind e911.ObjectKind, org e911.OrgID, id string, required bool) {
	if id == "" {
		if required {
			c.add(path, Required, "a "+noun(kind)+" must be named", "name one of the organisation's own")
		}
		return
	}
	if _, ok := c.get(kind, org, id); !ok && c.err == nil {
		c.add(path, Unknown, "there is no such "+noun(kind), "name one that exists in the same organisation")
	}
}

func noun(kind e911.ObjectKind) string {
	switch kind {
	case e911.KindElement:
		return "network element"
	case e911.KindPSAP:
		return "PSAP"
	case e911.KindLayer:
		return "reference layer"
	case e911.KindAlert:
		return "alert rule"
	case e911.KindOverride:
		return "PSAP override"
	case e911.KindTokenKey:
		return "token key"
	}
	return string(kind)
}

// key checks an external key and that no other object of the kind has it.
func (c *checker) key(key string) {
	switch {
	case key == "":
		c.add("key", Required, "an object needs a key of your own to be named by", "write a short name, such as hq or mill-1")
	case !wellFormedKey(key):
		c.add("key", Syntax, "a key is up to 128 letters, digits and . _ : / -, and starts with a letter or digit", "leave out spaces and other signs")
	default:
		if c.keyTaken(key) {
			c.add("key", Duplicate, fmt.Sprintf("another %s has the key %q", noun(c.ref.Kind), key), "keys are unique among those of one kind: choose another")
		}
	}
}

// keyTaken looks among the objects of the kind: organisations among all others,
// the rest inside their organisation.
func (c *checker) keyTaken(key string) bool {
	if c.ref.Kind == e911.KindOrg {
		return slices.ContainsFunc(c.orgs(), func(o e911.Org) bool { return o.Key == key && string(o.ID) != c.ref.ID })
	}
	_, taken := c.other(c.ref.Kind, c.ref.Org, admin.ByKey, key)
	return taken
}

func wellFormedKey(s string) bool {
	if len(s) > 128 {
		return false
	}
	for i, r := range []byte(s) {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || (r != '.' && r != '_' && r != ':' && r != '/' && r != '-')) {
			return false
		}
	}
	return s != ""
}
