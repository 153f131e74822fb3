package member_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// An administrator who may not sign in administers nothing.
//
// Proves: N-16
func TestTheLastAdministratorWhoCanSignInStays(t *testing.T) {
	h := newHouse(t)
	root, mill := h.first(), access.Node{Org: "mill"}
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill})
	bob := h.give(ann.Identity.ID, member.Wish{Email: "bob@mill.example", Role: access.Organisation, At: mill})
	if err := h.Disable(h.ctx, root, bob.Identity.ID, true); err != nil {
		t.Fatal(err)
	}
	err := h.Take(h.ctx, ann.Identity.ID, ann.Grant.ID, ann.Identity.ID)
	if f := e911.FaultsOf(err); len(f) != 1 || f[0].Code != "last_administrator" {
		t.Errorf("Ann goes, and Bob may not sign in: %v %v", err, f)
	}
	if err := h.Take(h.ctx, ann.Identity.ID, bob.Grant.ID, bob.Identity.ID); err != nil {
		t.Errorf("Bob's role cannot be taken: %v", err)
	}
	// The provider who shuts her out does not take her place.
	if err := h.Disable(h.ctx, root, ann.Identity.ID, true); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Give(h.ctx, root, member.Wish{Email: "root@example.com", Role: access.Organisation, At: mill}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("the provider shut the administrator out and took her place: %v", err)
	}
}

// A stranger who knows somebody's address asks for links of a forgotten password.
//
// Proves: D-12, C-54
func TestAStrangerEndsNobodysInvitation(t *testing.T) {
	h := newHouse(t)
	ann := h.give(h.first(), member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}})
	_, asked, err := h.AskedLink(h.ctx, "ann@mill.example", time.Hour)
	if err != nil || asked == "" {
		t.Fatalf("a link of a forgotten password: %q, %v", asked, err)
	}
	if _, err := h.Follow(h.ctx, ann.Secret, member.LinkInvitation); err != nil {
		t.Errorf("somebody asked for a link in Ann's name, and her invitation has ended: %v", err)
	}
	if _, err := h.Follow(h.ctx, asked, member.LinkReset); err == nil {
		t.Error("Ann came in, and the other link still works")
	}
}

// Proves: N-16, W-21
func TestNobodyGetsARoleAtAPartnerThatIsNotThere(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	north, err := h.AddPartner(h.ctx, root, "north", "North Telecom")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Give(h.ctx, root, member.Wish{Email: "pat@north.example", Role: access.Partner, At: access.Node{Partner: "noth"}}); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a partner that is not there: %v", err)
	}
	pat := h.give(root, member.Wish{Email: "pat@north.example", Role: access.Partner, At: access.Node{Partner: "north"}})
	if pat.Grant.At.Partner != north.ID || !h.may(pat.Identity.ID, access.Node{Partner: north.ID}, access.Tenants, access.Write) {
		t.Errorf("the role is at %+v, the partner named by its key is %s", pat.Grant.At, north.ID)
	}
	if _, err := h.Give(h.ctx, pat.Identity.ID, member.Wish{Email: "x@north.example", Role: access.Partner, At: access.Node{Partner: "south"}}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a partner learns which others there are: %v", err)
	}
}
