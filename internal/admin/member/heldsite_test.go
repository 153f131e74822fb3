package member_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/rules/access"
)

// The administrator of a site is handed links of those whom he invites to it. By none of
// them he becomes more than he is.
//
// Proves: N-16, W-27, C-54
func TestAnAdministratorOfASiteBecomesNobodyElseByALink(t *testing.T) {
	h := newHouse(t)
	mill, hq, yard := access.Node{Org: "mill"}, access.Node{Org: "mill", Site: "hq"}, access.Node{Org: "mill", Site: "yard"}
	ann := h.give(h.first(), member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill}).Identity.ID
	sam := h.give(ann, member.Wish{Email: "sam@mill.example", Role: access.Site, At: hq}).Identity.ID
	sees := func(who string, at access.Node) bool { return h.may(who, at, access.Sites, access.Write) }

	// Whom Ann invited to more, and who has not come in yet.
	bob := h.give(ann, member.Wish{Email: "bob@mill.example", Role: access.Organisation, At: mill})
	for _, what := range []string{"the first time", "again"} {
		got := h.give(sam, member.Wish{Email: "bob@mill.example", Role: access.Desk, At: hq})
		if !got.MailOnly && got.Secret != "" {
			t.Errorf("%s: Sam is handed a link that makes him an administrator of the organisation", what)
		}
	}
	if _, err := h.Follow(h.ctx, bob.Secret, member.LinkInvitation); err != nil || !sees(bob.Identity.ID, mill) {
		t.Errorf("Bob cannot come in by the link that Ann handed over: %v", err)
	}

	// Who came in by Sam's link is not Cy before the address is proved.
	cy := h.give(sam, member.Wish{Email: "cy@mill.example", Role: access.Site, At: hq})
	if cy.MailOnly || cy.Secret == "" {
		t.Fatal("Sam cannot hand over the link of his own people")
	}
	if _, err := h.Follow(h.ctx, cy.Secret, member.LinkInvitation); err != nil {
		t.Fatal(err)
	}
	h.later(time.Minute)
	for _, at := range []access.Node{mill, yard} {
		if got := h.give(ann, member.Wish{Email: "cy@mill.example", Role: map[string]access.Role{"": access.Organisation, "yard": access.Site}[at.Site], At: at}); !got.MailOnly {
			t.Errorf("Ann is handed a link of somebody who signed in: %+v", got)
		}
		if sees(cy.Identity.ID, at) {
			t.Errorf("who came in by Sam's link has the role at %+v", at)
		}
	}
	if !sees(cy.Identity.ID, hq) {
		t.Error("the role that Sam gave does not count")
	}
	if own, err := h.Owns(h.ctx, cy.Identity.ID, "mill"); err != nil || own {
		t.Errorf("what is Cy's is his who came in by Sam's link: %v", err)
	}
	_, link, err := h.NewLink(h.ctx, "cy@mill.example", member.LinkReset, time.Hour)
	if err == nil {
		_, err = h.Follow(h.ctx, link, member.LinkReset)
	}
	if own, owns := h.Owns(h.ctx, cy.Identity.ID, "mill"); err != nil || owns != nil || !own || !sees(cy.Identity.ID, mill) || !sees(cy.Identity.ID, yard) {
		t.Errorf("Cy proved his address, and his roles wait: %v %v", err, owns)
	}

	// What Ann hands over counts at her sites.
	di := h.give(ann, member.Wish{Email: "di@mill.example", Role: access.Site, At: yard})
	if _, err := h.Follow(h.ctx, di.Secret, member.LinkInvitation); err != nil || !sees(di.Identity.ID, yard) {
		t.Errorf("Di is not in at her site: %v", err)
	}
	if got := h.give(ann, member.Wish{Email: "di@mill.example", Role: access.User, At: mill}); got.Secret != "" || got.MailOnly {
		t.Errorf("a second role of the same organisation waits: %+v", got)
	}
}
