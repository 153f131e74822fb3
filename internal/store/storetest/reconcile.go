package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/reconcile"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// testReconcile: sources, lists and runs come back as they went in, to their own
// organisation alone; a source is changed by who knows its version; old runs are
// forgotten, and the differences of all but the newest.
func testReconcile(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(reconcile.Store), t.Context()
	org, other := e911.NewID[e911.OrgID](), e911.NewID[e911.OrgID]()
	src := reconcile.Source{
		ID: e911.NewID[string](), Org: org, Key: "webex", Kind: sheet.Users, File: "users.csv", KeyColumn: "User ID", KeyField: "email",
		Columns: map[string]string{"name": "Display Name"}, Site: "hq", EveryMinutes: 60, Action: reconcile.ActionPlan, DeleteExtra: true,
		MaxShrink: 30, OldAfterDays: 3, Paused: true,
	}
	saved, err := st.SaveSource(ctx, "test", src)
	src.Version = 1
	if err != nil || !cmp.Equal(saved, src) {
		t.Fatalf("%v: %s", err, cmp.Diff(src, saved))
	}
	twin := src
	twin.ID, twin.Version = e911.NewID[string](), 0
	if _, err := st.SaveSource(ctx, "test", twin); e911.KindOf(err) != e911.Conflict {
		t.Errorf("two sources of one key: %v", err)
	}
	twin.Org = other
	if _, err := st.SaveSource(ctx, "test", twin); err != nil {
		t.Errorf("the same key of another organisation: %v", err)
	}
	src.Site = "depot"
	if saved, err = st.SaveSource(ctx, "test", src); err != nil || saved.Version != 2 {
		t.Fatal(err, saved.Version)
	}
	if _, err := st.SaveSource(ctx, "test", src); e911.KindOf(err) != e911.Conflict {
		t.Errorf("an old version was written: %v", err)
	}
	if list, err := st.Sources(ctx, org); err != nil || len(list) != 1 || !cmp.Equal(list[0], saved) {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := st.Sources(ctx, ""); err != nil || len(list) != 2 {
		t.Errorf("all of all: %v, %v", list, err)
	}

	if _, err := st.LastList(ctx, org, src.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("no list came: %v", err)
	}
	list := reconcile.List{Name: "users.csv", At: Epoch, Digest: "00ff", Body: []byte("a,b\x00\xff\n")}
	for _, body := range []string{"first", string(list.Body)} {
		list.Body = []byte(body)
		if err := st.SaveList(ctx, org, src.ID, list); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := st.LastList(ctx, org, src.ID); err != nil || !cmp.Equal(got, list) {
		t.Errorf("%v: %s", err, cmp.Diff(list, got))
	}
	if _, err := st.LastList(ctx, other, src.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation reads the list: %v", err)
	}

	var last reconcile.Run
	for i := range reconcile.KeptRuns + 3 {
		last = reconcile.Run{
			ID: e911.NewID[string](), Org: org, Source: src.Key, By: "schedule", Started: Epoch.Add(time.Duration(i) * time.Hour).UTC(), Ended: Epoch.UTC(),
			State: reconcile.StateDrift, Rows: i, Counts: reconcile.Counts{Missing: 1, Unregistered: 1},
			Differences: []reconcile.Difference{{Class: reconcile.Missing, Key: "ana", Unregistered: true, Why: "nobody"}},
		}
		if err := st.SaveRun(ctx, org, src.ID, last); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := st.LastRun(ctx, org, src.ID); err != nil || !cmp.Equal(got, last) {
		t.Errorf("%v: %s", err, cmp.Diff(last, got))
	}
	runs, err := st.Runs(ctx, org, src.ID, 1000)
	if err != nil || len(runs) != reconcile.KeptRuns || runs[0].ID != last.ID || runs[1].Differences != nil {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if _, err := st.LastRun(ctx, other, src.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation reads the runs: %v", err)
	}

	if err := st.DeleteSource(ctx, "test", other, src.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation deletes it: %v", err)
	}
	if err := st.DeleteSource(ctx, "test", org, src.ID); err != nil {
		t.Fatal(err)
	}
	_, noList := st.LastList(ctx, org, src.ID)
	_, noRun := st.LastRun(ctx, org, src.ID)
	if e911.KindOf(noList) != e911.NotFound || e911.KindOf(noRun) != e911.NotFound {
		t.Errorf("what belonged to it is still there: %v, %v", noList, noRun)
	}
}
