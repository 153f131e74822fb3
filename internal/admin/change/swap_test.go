package change_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
)

// Objects of one set may swap their keys, pass them on, and a new one may take a
// key that another gives up; all of it can be undone.
// Proves: N-19, E15
func TestKeysChangeHandsInOneSet(t *testing.T) {
	d := newDesk(t)
	site, _ := stored[e911.Site](d, e911.KindSite, "hq")
	d.apply(d.plan(change.Set{Org: d.org, Title: "three users", Steps: []change.Step{
		{Verb: admin.Created, Value: e911.User{ID: "ua", Org: d.org, Site: site.ID, Key: "a", Name: "A"}},
		{Verb: admin.Created, Value: e911.User{ID: "ub", Org: d.org, Site: site.ID, Key: "b", Name: "B"}},
		{Verb: admin.Created, Value: e911.User{ID: "uc", Org: d.org, Site: site.ID, Key: "c", Name: "C"}},
	}}))
	was := d.content()
	user := func(id, key, name string) change.Step {
		return change.Step{Verb: change.Put, Value: e911.User{ID: e911.UserID(id), Org: d.org, Site: site.ID, Key: key, Name: name}}
	}
	for _, c := range []struct {
		name  string
		steps []change.Step
	}{
		{"two swap", []change.Step{user("ua", "b", "A"), user("ub", "a", "B")}},
		{"three in a ring", []change.Step{user("ua", "b", "A"), user("ub", "c", "B"), user("uc", "a", "C")}},
		{"a new one takes what is given up", []change.Step{user("ua", "z", "A"), user("ud", "a", "D")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := d.plan(change.Set{Org: d.org, Title: c.name, Steps: c.steps})
			if !p.Applicable {
				t.Fatalf("it cannot be applied: %s\n%s", p.Why, p.Text())
			}
			a := d.apply(p)
			for _, s := range c.steps {
				v := s.Value.(e911.User)
				if got, _ := stored[e911.User](d, e911.KindUser, v.Key); got.ID != v.ID {
					t.Errorf("%s is now %s, want %s", v.Key, got.ID, v.ID)
				}
			}
			trail, err := d.store.FindAudit(t.Context(), admin.AuditQuery{Org: d.org, Set: a.ID})
			if err != nil || len(trail) != len(c.steps) {
				t.Errorf("the trail has %d entries, %v; want %d", len(trail), err, len(c.steps))
			}
			undo, err := d.Undo(t.Context(), "ann", d.org, a.ID)
			if err != nil {
				t.Fatal(err)
			}
			d.apply(undo)
			same(t, was, d.content())
		})
	}
}

// The very first import can be undone: nothing is left that a relay centre would
// have to answer for.
// Proves: N-19, E15
func TestTheFirstImportCanBeUndone(t *testing.T) {
	d := newDesk(t)
	list, err := d.ListApplied(t.Context(), "", "", 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("applied: %d, %v", len(list), err)
	}
	undo, err := d.Undo(t.Context(), "ann", "", list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if !undo.Applicable {
		t.Fatalf("it cannot be undone: %s\n%s", undo.Why, undo.Text())
	}
	d.apply(undo)
	for ref := range d.content() {
		if ref.Kind != e911.KindTokenKey {
			t.Errorf("%s is left", ref)
		}
	}
}

// Who is begun again with the id of his plan replaces one that was not applied, and
// finds one that was.
// Proves: E15
func TestASetHasTheIDThatItAsksFor(t *testing.T) {
	d := newDesk(t)
	site, _ := stored[e911.Site](d, e911.KindSite, "hq")
	set := change.Set{ID: e911.NewID[string](), Org: d.org, Title: "one", Steps: []change.Step{
		{Verb: change.Put, Value: e911.User{Org: d.org, Site: site.ID, Key: "mark", Name: "M"}},
	}}
	first := d.plan(set)
	set.Title = "once more"
	again := d.plan(set)
	if first.ID != set.ID || again.ID != set.ID {
		t.Errorf("the plans are %s and %s, want %s", first.ID, again.ID, set.ID)
	}
	if got, err := d.Get(t.Context(), d.org, set.ID); err != nil || got.Title != "once more" {
		t.Errorf("kept is %q, %v", got.Title, err)
	}
	if _, err := d.GetApplied(t.Context(), d.org, set.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a plan as an applied set: %v", err)
	}
	d.apply(again)
	if a, err := d.GetApplied(t.Context(), d.org, set.ID); err != nil || a.ID != set.ID {
		t.Errorf("applied: %s, %v", a.ID, err)
	}
	if _, err := d.Plan(t.Context(), "ann", set); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a plan in the place of an applied set: %v", err)
	}
}

// A person reads of another site by its key, not by its id.
// Proves: N-18
func TestAPlanNamesReferencesByKey(t *testing.T) {
	d := newDesk(t)
	u, o := stored[e911.User](d, e911.KindUser, "agent-4711")
	was, stood := "", u.Site
	for ref, v := range d.content() {
		if s, ok := v.(e911.Site); ok && s.ID != stood && ref.Org == d.org {
			u.Site, was = s.ID, s.Key
		}
	}
	p := d.plan(change.Set{Org: d.org, Unroute: "a test", Steps: []change.Step{{Verb: admin.Changed, Value: u, Version: o.Version}}})
	if text := p.Text(); !strings.Contains(text, "-> \""+was+"\"") || strings.Contains(text, string(u.Site)) {
		t.Errorf("the plan reads\n%s", text)
	}
}
