package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

func testChangeSets(t *testing.T, open Open) {
	st := fresh(t, open)
	x := newTenant("harbor", 1)
	put(t, st, x.values()...)
	ctx := t.Context()
	plan := func(id string, made time.Time) admin.SetRecord {
		return admin.SetRecord{ID: id, Org: x.org.ID, Hash: "h-" + id, Who: "ann", Made: made, Expires: made.Add(time.Hour), Summary: []byte("summary " + id)}
	}
	a, b, c := plan("a", Epoch), plan("b", Epoch.Add(time.Minute)), plan("c", Epoch.Add(90*time.Minute))
	for _, r := range []admin.SetRecord{a, b} {
		if err := st.SaveChangeSet(ctx, r, [][]byte{[]byte("one"), []byte("two"), []byte("three")}); err != nil {
			t.Fatalf("save: %v", err)
		}
	}
	got, err := st.ChangeSet(ctx, x.org.ID, "a")
	if diff := cmp.Diff(a, got); err != nil || diff != "" {
		t.Errorf("a plan comes back as (-want +got):\n%s%v", diff, err)
	}
	pieces, err := st.ChangePieces(ctx, x.org.ID, "a", 1, 1)
	if err != nil || len(pieces) != 1 || string(pieces[0]) != "two" {
		t.Errorf("pieces: %q, %v", pieces, err)
	}
	if _, err := st.ChangeSet(ctx, "other", "a"); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation's plan: %v", err)
	}
	if pieces, err := st.ChangePieces(ctx, "other", "a", 0, 10); err != nil || len(pieces) != 0 {
		t.Errorf("another organisation's pieces: %q, %v", pieces, err)
	}
	apply := func(r admin.SetRecord) error {
		r.Applied, r.AppliedBy = Epoch.Add(time.Hour), "bob"
		return st.Write(ctx, "bob", func(w admin.Writer) error { return w.(admin.SetWriter).ApplyChangeSet(ctx, r) })
	}
	if err := apply(a); err != nil {
		t.Fatalf("apply: %v", err)
	}
	if err := apply(a); e911.KindOf(err) != e911.Conflict {
		t.Errorf("applied twice: %v", err)
	}
	c.Undoes = "a"
	if err := st.SaveChangeSet(ctx, c, nil); err != nil {
		t.Fatalf("save: %v", err)
	}
	// b expired before c was made; a was applied and stays.
	if _, err := st.ChangeSet(ctx, x.org.ID, "b"); e911.KindOf(err) != e911.NotFound {
		t.Errorf("an expired plan: %v", err)
	}
	if err := apply(c); err != nil {
		t.Fatalf("apply the undo: %v", err)
	}
	if got, err := st.ChangeSet(ctx, x.org.ID, "a"); err != nil || got.Undone != "c" || got.AppliedBy != "bob" {
		t.Errorf("what was undone: %+v, %v", got, err)
	}
	list, err := st.ListChangeSets(ctx, x.org.ID, true, "", 10)
	if err != nil || len(list) != 2 || list[0].ID != "c" || list[1].ID != "a" {
		t.Errorf("applied sets: %+v, %v", list, err)
	}
	d := plan("d", Epoch.Add(2*time.Hour))
	d.Undoes = "a"
	if err := st.SaveChangeSet(ctx, d, nil); err != nil {
		t.Fatal(err)
	}
	if err := apply(d); e911.KindOf(err) != e911.Conflict {
		t.Errorf("undone twice: %v", err)
	}
	// An object that was deleted may come back under its id in a change set.
	back := admin.WithTrail(ctx, admin.Trail{Set: "x"})
	for _, do := range []func(admin.Writer) error{
		func(w admin.Writer) error { return w.Delete(back, admin.RefOf(x.alert), 1) },
		func(w admin.Writer) error { _, err := w.Create(back, x.alert); return err },
	} {
		if err := st.Write(back, "bob", do); err != nil {
			t.Fatalf("delete and create again: %v", err)
		}
	}
}
