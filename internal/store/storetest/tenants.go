package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// testTenants: requests for accounts come back as they went in; roles in an
// organisation are found at it and its sites; keys that a partner's people made end.
func testTenants(t *testing.T, open Open) {
	st, ctx := fresh(t, open), t.Context()
	members, ok := st.(member.Store)
	keys, is := st.(apikey.Store)
	if !ok || !is {
		t.Fatal("the store keeps no members or keys")
	}
	org := e911.NewID[e911.OrgID]()
	ann := member.Identity{ID: "i-ann", Email: "ann@example.com", Name: "Ann", Made: Epoch}
	asked := member.AccountRequest{ID: "r-1", Organisation: "Mill; --", Email: "mia@example.com", Name: "Mia", Message: "two\nlines", State: member.AccountRequested, Asked: Epoch, Changed: Epoch}
	answered := asked
	answered.State, answered.Reason, answered.Changed, answered.ChangedBy, answered.Org = member.AccountDone, "why", Epoch.Add(time.Hour), "i-ann", org
	write := func(do func(member.Tx) error) {
		t.Helper()
		if err := members.WriteMembers(ctx, "test", do); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx member.Tx) error { return tx.CreateIdentity(ctx, ann) })
	write(func(tx member.Tx) error {
		return tx.CreatePartner(ctx, member.Partner{ID: "p-1", Key: "north", Name: "North", Made: Epoch})
	})
	write(func(tx member.Tx) error { return tx.SetPartner(ctx, org, "p-1") })
	write(func(tx member.Tx) error {
		return tx.PutLink(ctx, member.Link{Hash: []byte{1}, Purpose: member.LinkInvitation, Identity: ann.ID, Made: Epoch, Expires: Epoch.Add(time.Hour)})
	})
	for id, at := range map[string]access.Node{"g-1": {Org: string(org)}, "g-2": {Org: string(org), Site: "hq"}} {
		write(func(tx member.Tx) error {
			return tx.AddGrant(ctx, member.Grant{Grant: access.Grant{ID: id, Identity: ann.ID, Role: access.Desk, At: at}, Made: Epoch, By: "test"})
		})
	}
	write(func(tx member.Tx) error { return tx.PutAccountRequest(ctx, asked) })
	write(func(tx member.Tx) error { return tx.PutAccountRequest(ctx, answered) })
	for id, by := range map[string]string{"k-1": "i-ann", "k-2": "i-bob"} {
		k := apikey.Key{ID: id, Org: org, Name: id, Scopes: []apikey.Scope{apikey.ScopeRead}, Made: Epoch, By: "i-bob", Version: 1, Secrets: []apikey.Secret{{ID: "1", Made: Epoch, By: "test", Hash: []byte(id)}}}
		if by == "i-ann" {
			k.By = "i-ann"
		}
		if err := keys.CreateAPIKey(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx member.Tx) error {
		all, err := tx.AccountRequests(ctx)
		if err != nil || len(all) != 1 || !cmp.Equal(all[0], answered) {
			t.Errorf("requests, %v: %s", err, cmp.Diff([]member.AccountRequest{answered}, all))
		}
		if in, err := tx.GrantsIn(ctx, org); err != nil || len(in) != 2 {
			t.Errorf("roles in the organisation: %v, %v", in, err)
		}
		for at, want := range map[access.Node]bool{{Org: string(org)}: false, {Org: "another"}: true, {}: true} {
			if beyond, err := tx.RolesBeyond(ctx, ann.ID, at); err != nil || beyond != want {
				t.Errorf("roles beyond %+v: %t, %v", at, beyond, err)
			}
		}
		if l, err := tx.LinkOf(ctx, ann.ID, member.LinkInvitation); err != nil || !l.Expires.Equal(Epoch.Add(time.Hour)) {
			t.Errorf("her link: %+v, %v", l, err)
		}
		if _, err := tx.LinkOf(ctx, ann.ID, member.LinkReset); e911.KindOf(err) != e911.NotFound {
			t.Errorf("a link that is not there: %v", err)
		}
		if of, err := tx.Customers(ctx); err != nil || of[org] != "p-1" || len(of) != 1 {
			t.Errorf("customers: %v, %v", of, err)
		}
		if ended, err := tx.RevokeKeysOf(ctx, org, []string{"i-ann"}, Epoch.Add(time.Hour)); err != nil || !cmp.Equal(ended, []string{"k-1"}) {
			t.Errorf("keys that ended: %v, %v", ended, err)
		}
		if err := tx.SetPartner(ctx, org, ""); err != nil {
			return err
		}
		return tx.RemovePartner(ctx, "p-1")
	})
}

// testLastAdministrator: two administrators who take each other's role away at the
// same moment, many times over: one stays (N-16).
func testLastAdministrator(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(member.Store), t.Context()
	desk, err := member.New(member.Config{Store: func() member.Store { return st }, Now: func() time.Time { return Epoch }})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		at := access.Node{Org: string(e911.NewID[e911.OrgID]())}
		ann, err := desk.Give(ctx, member.Operator, member.Wish{Email: "ann@example.com", Role: access.Organisation, At: at})
		if err != nil {
			t.Fatal(err)
		}
		bob, err := desk.Give(ctx, ann.Identity.ID, member.Wish{Email: "bob@example.com", Role: access.Organisation, At: at})
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		errs := make([]error, 2)
		both.Go(func() { errs[0] = desk.Take(ctx, ann.Identity.ID, bob.Grant.ID, bob.Identity.ID) })
		both.Go(func() { errs[1] = desk.Take(ctx, bob.Identity.ID, ann.Grant.ID, ann.Identity.ID) })
		both.Wait()
		left, err := desk.At(ctx, at)
		if err != nil || len(left) != 1 || (errs[0] == nil) == (errs[1] == nil) {
			t.Errorf("round %d: %d administrators stay, %v; the two were told %v and %v", round, len(left), err, errs[0], errs[1])
		}
	}
}
