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
