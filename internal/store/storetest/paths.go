package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// testPaths: the trunks of a site's own and who acknowledged its mode, an
// organisation's state, a PSAP's alternates, and whose callers a relay centre
// takes are kept; what they point at cannot be deleted.
func testPaths(t *testing.T, open Open) {
	st := fresh(t, open)
	w, x := newWorld(), newTenant("harbor", 1)
	gateway := e911.Trunk{
		ID: e911.NewID[e911.TrunkID](), Org: x.org.ID, Key: "gateway", Side: e911.SideLocal, Kind: e911.RouteLocal, Profile: e911.ProfileELIN,
		To: "sip:911@127.0.0.27", From: prefixes("127.0.0.27/32"), DRFrom: []netip.Prefix{},
	}
	second := gateway
	second.ID, second.Key, second.From = e911.NewID[e911.TrunkID](), "second", prefixes("127.0.0.28/32")
	x.org.State = e911.OrgOptedOut
	x.site.Local = []e911.TrunkID{second.ID, gateway.ID}
	x.site.Mode, x.site.ModeAcknowledged = e911.ModeTN, e911.ModeAcknowledgement{By: "Ana Reyes", At: Epoch}
	other := w.psap
	other.ID, other.Key, other.Area, other.Boundary = e911.NewID[e911.PSAPID](), "suffolk", nil, e911.Boundary{}
	w.psap.Alternates = []e911.PSAPAlternate{{PSAP: other.ID, Agreement: "letter of 2026-01-02", Expires: Epoch.Add(24 * time.Hour)}}
	w.relay.Countries, w.relay.Languages = []string{"US"}, []string{"en", "es"}
	canada := e911.PSAP{
		ID: e911.NewID[e911.PSAPID](), Key: "centre-ca", Name: "Centre", Relay: true, Routes: []e911.TrunkID{w.carrier.ID}, Countries: []string{"CA"}, Languages: []string{"fr", "en"},
	}
	put(t, st, append(append(w.values(), x.values()...), gateway, second, other, canada)...)
	for _, want := range []any{x.org, x.site, w.psap, other, w.relay, canada} {
		o, err := get(t, st, admin.RefOf(want))
		if err != nil || !admin.Same(o.Value, want) {
			t.Errorf("%s came back otherwise, %v: %s", admin.RefOf(want), err, cmp.Diff(want, o.Value, byValue...))
		}
	}
	for _, c := range []struct {
		of   admin.Ref
		want int
	}{
		{admin.RefOf(gateway), 1},
		{admin.RefOf(other), 1},
	} {
		var refs []admin.Ref
		err := st.Read(t.Context(), func(r admin.Reader) (err error) {
			refs, err = r.Pointing(t.Context(), c.of, 100)
			return err
		})
		if err != nil || len(refs) != c.want {
			t.Errorf("%d objects name %s, want %d: %v %v", len(refs), c.of, c.want, refs, err)
		}
		if err := st.Write(t.Context(), "test", func(wr admin.Writer) error { return wr.Delete(t.Context(), c.of, 1) }); err == nil {
			t.Errorf("%s was deleted although it is named", c.of)
		}
	}
	x.site.Local, x.site.ModeAcknowledged, w.psap.Alternates, w.relay.Countries, w.relay.Languages = nil, e911.ModeAcknowledgement{}, nil, nil, nil
	for _, v := range []any{x.site, w.psap, w.relay} {
		if err := st.Write(t.Context(), "test", func(wr admin.Writer) error { _, err := wr.Update(t.Context(), v, 1); return err }); err != nil {
			t.Fatal(err)
		}
		if o, err := get(t, st, admin.RefOf(v)); err != nil || !admin.Same(o.Value, v) {
			t.Errorf("%s kept what was taken away, %v: %s", admin.RefOf(v), err, cmp.Diff(v, o.Value, byValue...))
		}
	}
	if err := st.Write(t.Context(), "test", func(wr admin.Writer) error { return wr.Delete(t.Context(), admin.RefOf(gateway), 1) }); err != nil {
		t.Errorf("a trunk that nobody names was not deleted: %v", err)
	}
}
