package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// testOverrides: a PSAP's listing, an organisation's carriers and its own
// choices are kept; what they point at cannot be deleted, and one place has one
// choice.
func testOverrides(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x, y := newWorld(), newTenant("harbor", 1), newTenant("quay", 2)
	w.psap.Features = []string{"PSAP1@example.gov", "PSAP2@example.gov"}
	w.psap.Agency = "psap.example.gov"
	w.psap.Listing = e911.PSAPListing{
		Registry: "3170", Kind: "primary", City: "Cambridge", County: "Middlesex", State: "MA", LineChecked: Epoch, AsOf: Epoch.Truncate(24 * time.Hour),
	}
	x.org.Carriers = []e911.TrunkID{w.carrier.ID}
	choice := func(key string) e911.PSAPOverride {
		return e911.PSAPOverride{
			ID: e911.NewID[e911.OverrideID](), Org: x.org.ID, Key: key, PSAP: w.psap.ID, Agreement: "letter of 2026-01-02", Expires: Epoch.Add(24 * time.Hour),
		}
	}
	site, building, location := choice("campus"), choice("mill"), choice("lab")
	site.Site, building.Building, location.Location = x.site.ID, x.building.ID, x.location.ID
	building.Expires = time.Time{}
	put(t, st, append(append(append(w.values(), x.values()...), y.values()...), site, building, location)...)
	for _, want := range []any{w.psap, x.org, y.org, site, building, location} {
		o, err := get(t, st, admin.RefOf(want))
		if err != nil || !admin.Same(o.Value, want) {
			t.Errorf("%s came back otherwise, %v: %s", admin.RefOf(want), err, cmp.Diff(want, o.Value, byValue...))
		}
	}
	for _, q := range []struct {
		field admin.Field
		value string
		want  int
	}{
		{admin.ByKey, "mill", 1},
		{admin.BySite, string(x.site.ID), 1},
		{admin.ByBuilding, string(x.building.ID), 1},
		{admin.ByLocation, string(x.location.ID), 1},
		{admin.ByPSAP, string(w.psap.ID), 3},
	} {
		if found := list(t, st, admin.Query{Kind: e911.KindOverride, Org: x.org.ID, Field: q.field, Value: q.value}); len(found) != q.want {
			t.Errorf("by %s %d choices were found, want %d", q.field, len(found), q.want)
		}
		if found := list(t, st, admin.Query{Kind: e911.KindOverride, Org: y.org.ID, Field: q.field, Value: q.value}); len(found) != 0 {
			t.Errorf("by %s the other organisation sees %d choices", q.field, len(found))
		}
	}
	for _, c := range []struct {
		of   admin.Ref
		want int
	}{
		{admin.RefOf(w.psap), 3},
		{admin.RefOf(w.carrier), 3}, // two PSAPs and the organisation
		{admin.RefOf(x.site), 6},
	} {
		var refs []admin.Ref
		err := st.Read(t.Context(), func(r admin.Reader) (err error) {
			refs, err = r.Pointing(t.Context(), c.of, 100)
			return err
		})
		if err != nil || len(refs) != c.want {
			t.Errorf("%d objects name %s, want %d: %v %v", len(refs), c.of, c.want, refs, err)
		}
	}
	again := choice("other")
	again.Site = x.site.ID
	stranger := choice("stranger")
	stranger.Org, stranger.Site = y.org.ID, x.site.ID
	for _, v := range []e911.PSAPOverride{again, stranger} {
		if err := st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Create(t.Context(), v); return err }); err == nil {
			t.Errorf("the choice %s was stored", v.Key)
		}
	}
	err := st.Write(t.Context(), "test", func(wr admin.Writer) error { return wr.Delete(t.Context(), admin.RefOf(w.psap), 1) })
	if err == nil {
		t.Error("a PSAP that is chosen was deleted")
	}
	bare := x.org
	bare.Carriers = nil
	if err := st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Update(t.Context(), bare, 1); return err }); err != nil {
		t.Fatal(err)
	}
	if o, err := get(t, st, admin.RefOf(bare)); err != nil || len(o.Value.(e911.Org).Carriers) != 0 {
		t.Errorf("the carriers stayed: %+v, %v", o.Value, err)
	}
}
