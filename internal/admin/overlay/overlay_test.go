package overlay_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/e911"
)

// empty is a store without objects.
type empty struct{ admin.View }

func (empty) Get(context.Context, admin.Ref) (admin.Object, error) {
	return admin.Object{}, e911.Errorf(e911.NotFound, "there is nothing")
}
func (empty) List(context.Context, admin.Query) ([]admin.Object, error) { return nil, nil }
func (empty) Orgs(context.Context) ([]e911.Org, error)                  { return nil, nil }

// Whatever is laid over a view, questions are answered as by a store in which all
// of it was done, page by page.
// Proves: E15
func TestAnOverlayAnswersAsTheStoreWill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := func(id, site int) admin.Object {
			v := e911.User{ID: e911.UserID(fmt.Sprintf("u%02d", id)), Org: "o", Key: fmt.Sprintf("key-%d", id), Site: e911.SiteID(fmt.Sprint(site))}
			return admin.Object{Ref: admin.RefOf(v), Value: v}
		}
		base, want := overlay.New(empty{}), overlay.New(empty{})
		base.Replace("o")
		want.Replace("o")
		for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 40), 0, 30, rapid.ID).Draw(t, "stored") {
			o := object(id, id%3)
			base.Put(o)
			want.Put(o)
		}
		over := overlay.New(base)
		if rapid.Bool().Draw(t, "loaded") {
			if err := over.Load(t.Context(), e911.KindUser, "o"); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := 0, rapid.IntRange(0, 30).Draw(t, "changes"); i < n; i++ {
			o := object(rapid.IntRange(0, 40).Draw(t, "id"), rapid.IntRange(0, 2).Draw(t, "site"))
			if rapid.Bool().Draw(t, "delete") {
				over.Delete(o.Ref)
				want.Delete(o.Ref)
			} else {
				over.Put(o)
				want.Put(o)
			}
		}
		for _, q := range []admin.Query{{}, {Field: admin.BySite, Value: "1"}, {Field: admin.ByKey, Value: "key-7"}} {
			q.Kind, q.Org = e911.KindUser, "o"
			q.Limit = rapid.IntRange(1, 7).Draw(t, "limit")
			for {
				x, err1 := want.List(t.Context(), q)
				y, err2 := over.List(t.Context(), q)
				if err1 != nil || err2 != nil {
					t.Fatal(err1, err2)
				}
				if diff := cmp.Diff(refs(x), refs(y)); diff != "" {
					t.Fatalf("%+v (-want +got):\n%s", q, diff)
				}
				if len(x) < q.Limit {
					break
				}
				q.After = x[len(x)-1].Ref.ID
			}
		}
		for id := range 41 {
			ref := object(id, 0).Ref
			x, err1 := want.Get(t.Context(), ref)
			y, err2 := over.Get(t.Context(), ref)
			if (err1 == nil) != (err2 == nil) || err1 == nil && !admin.Same(x.Value, y.Value) {
				t.Fatalf("%s: %v, %v", ref, err1, err2)
			}
		}
	})
}

func refs(list []admin.Object) []string {
	out := []string{}
	for _, o := range list {
		out = append(out, fmt.Sprint(o.Ref.ID, o.Value.(e911.User).Site))
	}
	return out
}
