package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// testMembers: identities, roles, partners, moves and links come back as they went
// in; an address is one identity however it is written; a link works once; a
// transaction that fails leaves nothing.
func testMembers(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(member.Store), t.Context()
	org := e911.NewID[e911.OrgID]()
	ann := member.Identity{ID: "i-ann", Email: "Ann@Example.com", Name: "Ann O'Hara; --", Language: "fr", Made: Epoch, LastSeen: Epoch.Add(time.Second), Held: "provider"}
	north := member.Partner{ID: "p-north", Key: "north", Name: "North", Made: Epoch}
	grants := []member.Grant{
		{Grant: access.Grant{ID: "g-1", Identity: ann.ID, Role: access.Organisation, At: access.Node{Org: string(org)}}, Made: Epoch, By: "test"},
		{Grant: access.Grant{ID: "g-2", Identity: ann.ID, Role: access.Desk, At: access.Node{Org: string(org), Site: "hq"}, Until: Epoch.Add(time.Hour), Support: true, Reason: "trunk"}, Made: Epoch, By: "test"},
		{Grant: access.Grant{ID: "g-3", Identity: ann.ID, Role: access.Partner, At: access.Node{Partner: north.ID}}, Made: Epoch, By: "test"},
		{Grant: access.Grant{ID: "g-4", Identity: ann.ID, Role: access.Provider}, Made: Epoch, By: "test"},
	}
	move := access.Transfer{ID: "t-1", Org: string(org), From: north.ID, Asked: Epoch, Agreed: map[access.Side]access.Consent{access.SideFrom: {Who: "i-ann", At: Epoch}}}
	link := member.Link{Hash: []byte{0, 255, 1}, Purpose: member.LinkReset, Identity: ann.ID, Made: Epoch, Expires: Epoch.Add(time.Hour), Proves: true}
	write := func(do func(member.Tx) error) error { return st.WriteMembers(ctx, "test", do) }
	if err := write(func(tx member.Tx) error { return whole(ctx, tx, ann, north, org, grants, move, link) }); err != nil {
		t.Fatal(err)
	}

	err := st.ReadMembers(ctx, func(tx member.Tx) error {
		got, err := tx.IdentityByEmail(ctx, " ann@EXAMPLE.com ")
		if err != nil || !cmp.Equal(got, ann) {
			t.Errorf("by address, %v: %s", err, cmp.Diff(ann, got))
		}
		has, err := tx.GrantsOf(ctx, ann.ID)
		if err != nil || !cmp.Equal(has, grants) {
			t.Errorf("her roles, %v: %s", err, cmp.Diff(grants, has))
		}
		for i, at := range []access.Node{{Partner: "whoever", Org: string(org)}, {Org: string(org), Site: "hq"}, {Partner: north.ID}, {}} {
			if there, err := tx.GrantsAt(ctx, at); err != nil || len(there) != 1 || there[0].ID != grants[i].ID {
				t.Errorf("at %+v: %v, %v; want %s alone", at, there, err, grants[i].ID)
			}
		}
		if p, err := tx.PartnerOf(ctx, org); err != nil || p != north.ID {
			t.Errorf("the organisation is a customer of %q, %v", p, err)
		}
		if p, err := tx.PartnerOf(ctx, "another"); err != nil || p != "" {
			t.Errorf("an organisation of the provider's own is a customer of %q, %v", p, err)
		}
		if m, err := tx.TransfersOf(ctx, org); err != nil || len(m) != 1 || !cmp.Equal(m[0], move) {
			t.Errorf("moves %v, %v", m, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	second := member.Identity{ID: "i-2", Email: "ANN@example.COM", Made: Epoch}
	if err := write(func(tx member.Tx) error { return tx.CreateIdentity(ctx, second) }); e911.KindOf(err) != e911.Conflict {
		t.Errorf("one address became two identities: %v", err)
	}
	take := func() error {
		return write(func(tx member.Tx) error {
			_, err := tx.TakeLink(ctx, link.Hash, member.LinkReset)
			return err
		})
	}
	if err := take(); err != nil {
		t.Errorf("the link does not work: %v", err)
	}
	if err := take(); e911.KindOf(err) != e911.NotFound {
		t.Errorf("the link works twice: %v", err)
	}
	lost := e911.Errorf(e911.Internal, "lost its nerve")
	if err := write(func(tx member.Tx) error {
		if err := tx.RemoveGrant(ctx, "g-1"); err != nil {
			return err
		}
		return lost
	}); e911.KindOf(err) != e911.Internal {
		t.Errorf("a transaction that failed: %v", err)
	}
	if err := write(func(tx member.Tx) error { return tx.RemoveGrant(ctx, "g-1") }); err != nil {
		t.Errorf("the role is gone although nothing was committed: %v", err)
	}
	if err := write(func(tx member.Tx) error { return tx.RemoveGrant(ctx, "g-1") }); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a role was taken twice: %v", err)
	}
}

func whole(ctx context.Context, tx member.Tx, i member.Identity, p member.Partner, org e911.OrgID, grants []member.Grant, move access.Transfer, link member.Link) error {
	steps := []func() error{
		func() error { return tx.CreateIdentity(ctx, i) },
		func() error { return tx.CreatePartner(ctx, p) },
		func() error { return tx.SetPartner(ctx, org, p.ID) },
		func() error { return tx.PutTransfer(ctx, move) },
		func() error { return tx.PutTransfer(ctx, move) },
		func() error { return tx.PutLink(ctx, link) },
		func() error { return tx.Note(ctx, admin.AuditNote{Org: org, Verb: "given", Kind: "member", ID: i.ID}) },
	}
	for _, g := range grants {
		steps = append(steps, func() error { return tx.AddGrant(ctx, g) })
	}
	for _, do := range steps {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}
