package storetest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
)

// testDirectory: directories, what they told, and reports come back as they went in,
// to their own organisation alone; a name is one person's; entries are saved all or
// none, and by who knows their version.
func testDirectory(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(directory.Store), t.Context()
	org, other := e911.NewID[e911.OrgID](), e911.NewID[e911.OrgID]()
	src := directory.Source{
		ID: e911.NewID[string](), Org: org, Key: "ad", Protocol: directory.LDAP, Map: map[directory.Field]string{directory.FieldKey: "uid"},
		Places: map[string]string{"HQ 3": "hq-3"}, Action: directory.ActionApply, GraceDays: 7,
		Server: &directory.Tree{URL: "ldaps://dc.example", Base: "dc=example", BindDN: "cn=a", Password: "a secret"},
	}
	saved, err := st.SaveDirectory(ctx, "test", src)
	src.Version = 1
	if err != nil || !cmp.Equal(saved, src) {
		t.Fatalf("%v: %s", err, cmp.Diff(src, saved))
	}
	twin := src
	twin.ID, twin.Version = e911.NewID[string](), 0
	if _, err := st.SaveDirectory(ctx, "test", twin); e911.KindOf(err) != e911.Conflict {
		t.Errorf("two directories of one key: %v", err)
	}
	stale := src
	stale.Version = 7
	if _, err := st.SaveDirectory(ctx, "test", stale); e911.KindOf(err) != e911.Conflict {
		t.Errorf("an unknown version was replaced: %v", err)
	}
	if all, err := st.Directories(ctx, org); err != nil || !cmp.Equal(all, []directory.Source{src}) {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := st.Directories(ctx, other); err != nil || len(all) != 0 {
		t.Errorf("another organisation reads it: %v, %v", all, err)
	}
	if all, err := st.Directories(ctx, ""); err != nil || len(all) != 1 {
		t.Errorf("all of all: %v, %v", all, err)
	}

	person := func(name string) directory.Entry {
		return directory.Entry{
			ID: e911.NewID[string](), Kind: directory.User, Name: name, External: "x-" + name, Active: true,
			Attributes: directory.Attributes{"mail": {name + "@example.com", "é\u2028"}}, Resource: json.RawMessage(`{"a":1}`),
			Made: Epoch.UTC(), Changed: Epoch.UTC(),
		}
	}
	list, err := st.SaveDirectoryEntries(ctx, org, src.ID, []directory.Entry{person("Ann"), person("Bob")})
	if err != nil || list[0].Version != 1 {
		t.Fatal(list, err)
	}
	if got, err := st.DirectoryEntry(ctx, org, src.ID, list[0].ID); err != nil || !cmp.Equal(got, list[0]) {
		t.Errorf("%v: %s", err, cmp.Diff(list[0], got))
	}
	if _, err := st.DirectoryEntry(ctx, other, src.ID, list[0].ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation reads a person: %v", err)
	}
	_, err = st.SaveDirectoryEntries(ctx, org, src.ID, []directory.Entry{person("Cyd"), person("aNN")})
	if e911.KindOf(err) != e911.Conflict {
		t.Errorf("a name was taken twice: %v", err)
	}
	if got, err := st.DirectoryEntries(ctx, org, src.ID, directory.Query{}); err != nil || len(got) != 2 {
		t.Errorf("half of a list was saved: %v, %v", got, err)
	}
	// Two people change names.
	list[0].Name, list[1].Name = "Bob", "Ann"
	if list, err = st.SaveDirectoryEntries(ctx, org, src.ID, list); err != nil || list[1].Version != 2 {
		t.Fatal(list, err)
	}
	for _, c := range []struct {
		q    directory.Query
		want int
	}{
		{directory.Query{Kind: directory.User, Name: "ann"}, 1},
		{directory.Query{Kind: directory.User, Name: "x' OR '1'='1"}, 0},
		{directory.Query{External: "x-Bob"}, 1},
		{directory.Query{Kind: directory.Group}, 0},
		{directory.Query{Limit: 1}, 1},
		{directory.Query{After: list[0].ID}, 1},
	} {
		if got, err := st.DirectoryEntries(ctx, org, src.ID, c.q); err != nil || len(got) != c.want {
			t.Errorf("%+v: %v, %v", c.q, got, err)
		}
	}
	old := list[0]
	old.Version = 1
	if _, err := st.SaveDirectoryEntries(ctx, org, src.ID, []directory.Entry{old}); e911.KindOf(err) != e911.Conflict {
		t.Errorf("an old version was written: %v", err)
	}
	list[1].User = "u-ann"
	if list1, err := st.SaveDirectoryEntries(ctx, org, src.ID, list[1:2]); err != nil {
		t.Fatal(err)
	} else if got, err := st.DirectoryEntries(ctx, org, src.ID, directory.Query{Users: []e911.UserID{"nobody", "u-ann"}}); err != nil || !cmp.Equal(got, list1) {
		t.Errorf("who is a user here: %v, %v", got, err)
	}
	list[0].Deleted = true
	if _, err := st.SaveDirectoryEntries(ctx, org, src.ID, list[:1]); err != nil {
		t.Fatal(err)
	}
	if _, err := st.SaveDirectoryEntries(ctx, org, src.ID, []directory.Entry{person("bob")}); err != nil {
		t.Errorf("the name of who is deleted is not free: %v", err)
	}
	if got, err := st.DirectoryEntries(ctx, org, src.ID, directory.Query{Deleted: true}); err != nil || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if err := st.DropDirectoryEntries(ctx, org, src.ID, []string{list[0].ID}); err != nil {
		t.Error(err)
	}
	if _, err := st.SaveDirectoryEntries(ctx, org, "no source", []directory.Entry{person("dan")}); e911.KindOf(err) != e911.NotFound {
		t.Errorf("an entry of no directory: %v", err)
	}

	if _, err := st.LastDirectoryReport(ctx, org, src.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("there is no report: %v", err)
	}
	report := directory.Report{ID: "r", Org: org, Source: "ad", By: "test", Started: Epoch.UTC(), Ended: Epoch.UTC(), State: directory.StateSame, Counts: directory.Counts{People: 2}}
	if err := st.SaveDirectoryReport(ctx, org, src.ID, report); err != nil {
		t.Fatal(err)
	}
	if got, err := st.LastDirectoryReport(ctx, org, src.ID); err != nil || !cmp.Equal(got, report) {
		t.Errorf("%v: %s", err, cmp.Diff(report, got))
	}
	if err := st.DeleteDirectory(ctx, "test", other, src.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation deletes it: %v", err)
	}
	if err := st.DeleteDirectory(ctx, "test", org, src.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := st.DirectoryEntries(ctx, org, src.ID, directory.Query{Deleted: true}); err != nil || len(got) != 0 {
		t.Errorf("what it told is still there: %v, %v", got, err)
	}
}
