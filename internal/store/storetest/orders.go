package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// testOrders: a list by key or by change comes in that order in both directions,
// and its pages join without gap or repetition, also when the last object of a page
// is gone.
func testOrders(t *testing.T, open Open) {
	now := Epoch
	o := options(t)
	o.Now = func() time.Time { return now }
	st := open(t, o)
	t.Cleanup(func() { st.Close() })
	x := newTenant("harbor", 1)
	put(t, st, x.values()...)
	keys := []string{"zebra", "Zoe", "a b", "étage", "a", "10", "9"}
	for _, k := range keys {
		now = now.Add(time.Second)
		put(t, st, e911.User{ID: e911.NewID[e911.UserID](), Org: x.org.ID, Site: x.site.ID, Key: k, Name: "U"})
	}
	q := admin.Query{Kind: e911.KindUser, Org: x.org.ID, Field: admin.BySite, Value: string(x.site.ID), Limit: 2}
	names := func(q admin.Query) (out []string) {
		for {
			page := list(t, st, q)
			for _, o := range page {
				if k := admin.KeyOf(o.Value); slices.Contains(keys, k) {
					out = append(out, k)
				}
				q.After = o.Place
			}
			if len(page) < q.Limit {
				return out
			}
		}
	}
	byKey := slices.Sorted(slices.Values(keys))
	for _, down := range []bool{false, true} {
		for order, want := range map[admin.Order][]string{admin.OrderKey: byKey, admin.OrderChanged: keys} {
			q.Order, q.Down, q.After = order, down, ""
			want = slices.Clone(want)
			if down {
				slices.Reverse(want)
			}
			if got := names(q); !cmp.Equal(got, want) {
				t.Errorf("by %s, down %v: %s", order, down, cmp.Diff(want, got))
			}
		}
	}

	q.Order, q.Down, q.After = admin.OrderKey, false, ""
	first := list(t, st, q)
	if err := st.Write(t.Context(), "test", func(w admin.Writer) error { return w.Delete(t.Context(), first[1].Ref, first[1].Version) }); err != nil {
		t.Fatal(err)
	}
	q.After = first[1].Place
	if next := list(t, st, q); len(next) != 2 || admin.KeyOf(next[0].Value) <= admin.KeyOf(first[1].Value) {
		t.Errorf("behind an object that is gone: %v", next)
	}
	for _, bad := range []admin.Query{
		{Kind: e911.KindUser, Org: x.org.ID, Order: "colour"},
		{Kind: e911.KindUser, Org: x.org.ID, Order: admin.OrderKey, After: "x"},
		{Kind: e911.KindUser, Org: x.org.ID, Order: admin.OrderChanged, After: "x\x00y"},
	} {
		err := st.Read(t.Context(), func(r admin.Reader) error {
			_, err := r.List(t.Context(), bad)
			return err
		})
		if e911.KindOf(err) != e911.Invalid {
			t.Errorf("order %q behind %q: %v", bad.Order, bad.After, err)
		}
	}
}
