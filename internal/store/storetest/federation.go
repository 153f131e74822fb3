package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// testFederation: identity providers come back with their secrets and are changed by
// version; a domain leads to one; accounts are linked once; what may be used once is;
// how an organisation signs in is kept by version.
func testFederation(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(federation.Store), t.Context()
	p := federation.Provider{
		ID: "fp-1", Org: "o1", Key: "corp", Via: federation.ViaOIDC, Name: "Corp", Domains: []string{"a.example", "b.example"}, Confirmed: []string{"a.example"},
		OIDC: &federation.OIDC{Issuer: "https://idp.example", ClientID: "c", ClientSecret: "s3cret"}, Create: true,
	}
	write := func(do func(tx federation.Tx) error) error { return st.WriteFederation(ctx, "test", do) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	kind := func(want e911.Kind, err error) {
		t.Helper()
		if e911.KindOf(err) != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	must(write(func(tx federation.Tx) (err error) {
		if err := tx.CreateIdentity(ctx, member.Identity{ID: "i-ann", Email: "ann@a.example", Made: Epoch}); err != nil {
			return err
		}
		p, err = tx.PutProvider(ctx, p)
		return err
	}))
	other := federation.Provider{ID: "fp-2", Key: "corp", Via: federation.ViaOIDC, Confirmed: []string{"a.example"}}
	kind(e911.Conflict, write(func(tx federation.Tx) error { _, err := tx.PutProvider(ctx, other); return err }))
	twin := federation.Provider{ID: "fp-3", Org: "o1", Key: "corp", Via: federation.ViaOIDC}
	kind(e911.Conflict, write(func(tx federation.Tx) error { _, err := tx.PutProvider(ctx, twin); return err }))
	stale := p
	p.Name, p.Confirmed = "Corporation", []string{"b.example"}
	must(write(func(tx federation.Tx) (err error) { p, err = tx.PutProvider(ctx, p); return err }))
	kind(e911.Conflict, write(func(tx federation.Tx) error { _, err := tx.PutProvider(ctx, stale); return err }))

	link := federation.Link{Provider: p.ID, Subject: "s1", Identity: "i-ann", Made: Epoch, Used: Epoch}
	must(write(func(tx federation.Tx) error { return tx.PutIdentityLink(ctx, link) }))
	link.Used = Epoch.Add(time.Hour)
	must(write(func(tx federation.Tx) error { return tx.PutIdentityLink(ctx, link) }))
	twice := link
	twice.Subject = "s2"
	kind(e911.Conflict, write(func(tx federation.Tx) error { return tx.PutIdentityLink(ctx, twice) }))
	p.Proved = Epoch.Add(time.Minute)
	must(write(func(tx federation.Tx) error { return tx.Prove(ctx, p.ID, p.Proved) }))

	use := func(now time.Time) error {
		return write(func(tx federation.Tx) error { return tx.UseOnce(ctx, []byte{0, 255}, now.Add(time.Minute), now) })
	}
	must(use(Epoch))
	kind(e911.Conflict, use(Epoch.Add(time.Minute)))
	must(use(Epoch.Add(time.Minute + time.Second))) // nobody can bring it any more

	policy := federation.Policy{Org: "o1", Force: true, BreakGlass: []string{"i-ann"}}
	must(write(func(tx federation.Tx) (err error) { policy, err = tx.PutPolicy(ctx, policy); return err }))
	kind(e911.Conflict, write(func(tx federation.Tx) error {
		_, err := tx.PutPolicy(ctx, federation.Policy{Org: "o1", Version: 7})
		return err
	}))
	must(st.ReadFederation(ctx, func(tx federation.Tx) error {
		if got, err := tx.ProvidersOf(ctx, "o1"); err != nil || !cmp.Equal(got, []federation.Provider{p}) {
			t.Errorf("providers, %v: %s", err, cmp.Diff([]federation.Provider{p}, got))
		}
		if got, err := tx.ProviderOfDomain(ctx, "b.example"); err != nil || got.ID != p.ID {
			t.Errorf("the domain leads to %+v, %v", got, err)
		}
		_, err := tx.ProviderOfDomain(ctx, "a.example")
		kind(e911.NotFound, err)
		if got, err := tx.LinksOf(ctx, p.ID, "", "s1"); err != nil || !cmp.Equal(got, []federation.Link{link}) {
			t.Errorf("links, %v: %s", err, cmp.Diff([]federation.Link{link}, got))
		}
		if got, err := tx.LinksOf(ctx, p.ID, "i-bob", ""); err != nil || len(got) != 0 {
			t.Errorf("links of Bob: %v, %v", got, err)
		}
		if got, err := tx.Policy(ctx, "o1"); err != nil || !cmp.Equal(got, policy) {
			t.Errorf("policy, %v: %s", err, cmp.Diff(policy, got))
		}
		got, err := tx.Policy(ctx, "o2")
		if err != nil || !cmp.Equal(got, federation.Policy{Org: "o2"}) {
			t.Errorf("policy of another: %+v, %v", got, err)
		}
		return nil
	}))
	must(write(func(tx federation.Tx) error { return tx.DropProvider(ctx, p.ID) }))
	kind(e911.NotFound, write(func(tx federation.Tx) error { return tx.DropProvider(ctx, p.ID) }))
}
