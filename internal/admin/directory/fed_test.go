package directory_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
)

func faultsOf(err error) (out []string) {
	for _, f := range e911.FaultsOf(err) {
		out = append(out, f.Path+" "+f.Code)
	}
	return out
}

// Proves: C-59: what a directory feeds is changed by the directory alone, until its
// user is released, and a released user is not taken back.
func TestFedFieldsAreTheDirectorysUntilRelease(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.list.People = []directory.Entry{person("zoe", "cn", "Zoe", "mail", "zoe@example.test", "employeenumber", "E-1")}
	b.sync()
	zoe, _ := stored[e911.User](b, e911.KindUser, "zoe")
	editor, err := edit.New(edit.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: b.clock, Feeds: b.Service})
	if err != nil {
		t.Fatal(err)
	}
	planner, err := change.New(change.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: b.clock, World: b.world, Feeds: b.Service})
	if err != nil {
		t.Fatal(err)
	}
	get := func() edit.Stored[e911.User] {
		t.Helper()
		v, err := editor.Users.Get(t.Context(), b.org, string(zoe.ID))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	other := func(mail string) e911.User {
		v := get().Value
		v.Email, v.Name = mail, "Zoë"
		return v
	}
	_, err = editor.Users.Update(t.Context(), "ann", other("z@example.test"), get().Version)
	if d := cmp.Diff([]string{"name synced", "email synced"}, faultsOf(err)); d != "" {
		t.Error(d)
	}
	set := change.Set{Org: b.org, Title: "x", Source: "directory ad", Steps: []change.Step{{Verb: change.Put, Value: other("z@example.test")}}}
	p, err := planner.Plan(t.Context(), "ann", set)
	if err != nil || p.Applicable || len(p.Faults) != 2 || p.Faults[0].Code != "synced" {
		t.Errorf("a set that looks like a directory's: %v %+v", err, p.Faults)
	}
	language := get().Value
	language.Language = "fr"
	if _, err := editor.Users.Update(t.Context(), "ann", language, get().Version); err != nil {
		t.Errorf("what it does not feed: %v", err)
	}

	b.list.People[0].Attributes["mail"] = []string{"zoe2@example.test"}
	if r := b.sync(); r.State != directory.StateApplied || get().Value.Email != "zoe2@example.test" {
		t.Errorf("the directory's own change: %+v", r)
	}

	if err := b.Release(t.Context(), "ann", b.org, "zoe", false); err != nil {
		t.Fatal(err)
	}
	if _, err := editor.Users.Update(t.Context(), "ann", other("z@example.test"), get().Version); err != nil {
		t.Errorf("after the release: %v", err)
	}
	if r := b.sync(); r.State != directory.StateSame || r.Counts.Released != 1 || get().Value.Email != "z@example.test" {
		t.Errorf("the directory took him back: %+v", r)
	}
	if err := b.Release(t.Context(), "ann", b.org, "zoe", false); e911.KindOf(err) != e911.NotFound {
		t.Errorf("released twice: %v", err)
	}
	if err := b.Release(t.Context(), "ann", e911.NewID[e911.OrgID](), string(zoe.ID), true); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation gives him back: %v", err)
	}
	if err := b.Release(t.Context(), "ann", b.org, "zoe", true); err != nil {
		t.Fatal(err)
	}
	if r := b.sync(); r.State != directory.StateApplied || get().Value.Email != "zoe2@example.test" {
		t.Errorf("given back: %+v", r)
	}
	if err := b.Delete(t.Context(), "ann", b.org, "ad"); err != nil {
		t.Fatal(err)
	}
	if fed, err := b.Fed(t.Context(), b.org); err != nil || len(fed) > 0 {
		t.Errorf("a directory that is deleted feeds: %v %v", fed, err)
	}
	if slices.Contains(b.alarms, directory.AlarmFailed) {
		t.Error("a run failed")
	}
}

// Proves: C-59: a plan that was made before a directory fed what it changes is not
// applied any more.
func TestAPlanIsHeldToTheDirectoryWhenItIsApplied(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.list.People = []directory.Entry{person("zoe", "cn", "Zoe", "mail", "zoe@example.test", "employeenumber", "E-1")}
	b.sync()
	zoe, _ := stored[e911.User](b, e911.KindUser, "zoe")
	if err := b.Release(t.Context(), "ann", b.org, "zoe", false); err != nil {
		t.Fatal(err)
	}
	zoe.Email = "other@example.test"
	p, err := b.planner.Plan(t.Context(), "ann", change.Set{Org: b.org, Title: "x", Steps: []change.Step{{Verb: change.Put, Value: zoe}}})
	if err != nil || !p.Applicable {
		t.Fatalf("%v %+v", err, p)
	}
	if err := b.Release(t.Context(), "ann", b.org, "zoe", true); err != nil {
		t.Fatal(err)
	}
	_, err = b.planner.Apply(t.Context(), "ann", b.org, p.ID, p.Hash)
	if d := cmp.Diff([]string{"zoe.email synced"}, faultsOf(err)); d != "" || e911.KindOf(err) != e911.Conflict {
		t.Errorf("%v %s", err, d)
	}
	if now, _ := stored[e911.User](b, e911.KindUser, "zoe"); now.Email != "zoe@example.test" {
		t.Errorf("it was applied: %+v", now)
	}
	b.list.People[0].Attributes["mail"] = []string{"zoe.z@example.test"}
	if r := b.sync(); !r.Applied {
		t.Errorf("the directory's own plan is held: %+v", r)
	}
	if err := b.Release(t.Context(), "ann", b.org, "zoe", false); err != nil {
		t.Fatal(err)
	}
	if p, err = b.planner.Plan(t.Context(), "ann", change.Set{Org: b.org, Title: "x", Steps: []change.Step{{Verb: change.Put, Value: zoe}}}); err != nil {
		t.Fatal(err)
	}
	if _, err = b.planner.Apply(t.Context(), "ann", b.org, p.ID, p.Hash); err != nil {
		t.Errorf("released: %v", err)
	}
}

// Proves: C-54, C-59, N-16: the roles that a directory gave end with it, and the last
// administrator's keeps it.
func TestADirectoryGoesWithItsRoles(t *testing.T) {
	b := newBench(t)
	b.ldap(nil)
	b.roles = []directory.RoleWish{{Email: "ann@example.test"}}
	b.stay = []e911.Fault{{Path: "roles.role", Code: "last_administrator", Msg: "this is the last administrator here"}}
	err := b.Delete(t.Context(), "ann", b.org, "ad")
	if d := cmp.Diff([]string{"roles.role last_administrator"}, faultsOf(err)); d != "" {
		t.Error(d)
	}
	if _, err := b.Source(t.Context(), b.org, "ad"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	b.stay, b.roles = nil, []directory.RoleWish{{Email: "ann@example.test"}}
	if err := b.Delete(t.Context(), "ann", b.org, "ad"); err != nil || len(b.roles) > 0 {
		t.Errorf("%v, roles that stay: %+v", err, b.roles)
	}
	if _, err := b.Source(t.Context(), b.org, "ad"); e911.KindOf(err) != e911.NotFound {
		t.Errorf("%v", err)
	}
}
