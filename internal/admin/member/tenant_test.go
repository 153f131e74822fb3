package member_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Proves: D-12, E14, W-28
func TestSupportEndsAtItsTimeWhileTheDatabaseIsDown(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	mill := access.Node{Org: "mill"}
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill})
	down := false
	desk, err := member.New(member.Config{Now: h.clock, Store: func() member.Store {
		if down {
			return nil
		}
		return h.store
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.give(ann.Identity.ID, member.Wish{Email: "root@example.com", Role: access.Desk, At: mill, Support: true, Until: h.clock().Add(time.Hour), Reason: "trunk"})
	look := func() bool {
		a, err := desk.AskStill(h.ctx, root, access.Question{At: mill, Area: access.Calls, Verb: access.Read})
		return err == nil && a.Allowed
	}
	if !look() {
		t.Fatal("support does not see calls")
	}
	down = true
	h.later(59 * time.Minute)
	if !look() {
		t.Error("support is sent away before its time because the database is down")
	}
	h.later(time.Minute)
	if look() {
		t.Error("support goes on looking after its time while the database is down")
	}
}

// Proves: W-21, W-26, N-16
func TestWhatEndsWithAMove(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	north, err1 := h.AddPartner(h.ctx, root, "north", "North")
	south, err2 := h.AddPartner(h.ctx, root, "south", "South")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	mill := access.Node{Org: "mill"}
	if err := h.store.WriteMembers(h.ctx, "test", func(tx member.Tx) error { return tx.SetPartner(h.ctx, "mill", north.ID) }); err != nil {
		t.Fatal(err)
	}
	ned := h.give(root, member.Wish{Email: "ned@north.example", Role: access.Partner, At: access.Node{Partner: north.ID}}).Identity.ID
	sue := h.give(root, member.Wish{Email: "sue@south.example", Role: access.Partner, At: access.Node{Partner: south.ID}}).Identity.ID
	ann := h.give(ned, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill}).Identity.ID
	h.give(ann, member.Wish{Email: "ned@north.example", Role: access.Auditor, At: access.Node{Org: "mill", Site: "hq"}, Support: true, Until: h.clock().Add(48 * time.Hour), Reason: "map"})
	if _, err := h.AskTransfer(h.ctx, ann, "mill", "nowhere"); e911.KindOf(err) != e911.Invalid {
		t.Errorf("to a partner that is not there: %v", err)
	}
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		both.Go(func() { _, errs[i] = h.AskTransfer(h.ctx, ann, "mill", "south") })
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("two moves at once: %v, %v", errs[0], errs[1])
	}
	all, err := h.MovesFor(h.ctx, sue)
	if err != nil || len(all) != 1 {
		t.Fatalf("what Sue has a say in: %v, %v", all, err)
	}
	if _, err := h.Agree(h.ctx, ned, all[0].ID); err != nil {
		t.Fatal(err)
	}
	if !h.may(ned, mill, access.Settings, access.Write) {
		t.Error("the old partner is out before all have said yes")
	}
	if _, err := h.Agree(h.ctx, sue, all[0].ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want bool
	}{
		{"the new partner looks after it", h.may(sue, mill, access.Settings, access.Write), true},
		{"the old one does not", h.may(ned, mill, access.Settings, access.Read), false},
		{"nor as support", h.may(ned, access.Node{Org: "mill", Site: "hq"}, access.Calls, access.Read), false},
		{"the organisation's own stay", h.may(ann, mill, access.Calls, access.Read), true},
	} {
		if c.got != c.want {
			t.Errorf("%s: %t", c.what, c.got)
		}
	}

	// A partner that goes meanwhile takes the move with it.
	if _, err := h.AskTransfer(h.ctx, ann, "mill", "north"); err != nil {
		t.Fatal(err)
	}
	if err := h.RemovePartner(h.ctx, root, south.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a partner with organisations goes: %v", err)
	}
	if err := h.RemovePartner(h.ctx, root, north.ID); err != nil {
		t.Fatal(err)
	}
	moves, err := h.Transfers(h.ctx, "mill")
	if err != nil || moves[len(moves)-1].Ended.IsZero() {
		t.Errorf("a move to a partner that is gone: %+v, %v", moves, err)
	}
	if _, err := h.Agree(h.ctx, sue, moves[len(moves)-1].ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("somebody agrees to it: %v", err)
	}
}

// Whoever holds the link of an invitation comes in with all roles of that address: an
// administrator elsewhere must not get one by inviting it too.
//
// Proves: E14, W-27, C-54
func TestWhoInvitesSomebodyInvitedElsewhereGetsNoWayIn(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}})
	eve := h.give(root, member.Wish{Email: "eve@port.example", Role: access.Organisation, At: access.Node{Org: "port"}})
	got := h.give(eve.Identity.ID, member.Wish{Email: "ann@mill.example", Role: access.User, At: access.Node{Org: "port"}})
	if !got.MailOnly {
		t.Error("Eve is told a link by which she becomes Ann")
	}
	if _, err := h.Peek(h.ctx, ann.Secret, member.LinkInvitation); err != nil {
		t.Errorf("Ann's link ended because Eve invited her: %v", err)
	}
	again, err := h.Reinvite(h.ctx, eve.Identity.ID, got.Grant.ID, got.Identity.ID)
	if err != nil || !again.MailOnly {
		t.Errorf("a second time: %+v, %v", again.MailOnly, err)
	}
	if _, err := h.Follow(h.ctx, ann.Secret, member.LinkInvitation); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Peek(h.ctx, got.Secret, member.LinkInvitation); err == nil {
		t.Error("a second invitation works after the first was accepted")
	}
	again, err = h.Reinvite(h.ctx, eve.Identity.ID, got.Grant.ID, got.Identity.ID)
	if err != nil || !again.MailOnly {
		t.Errorf("an invitation for one who has signed in by another's link: %+v, %v", again.MailOnly, err)
	}
	if _, err := h.Follow(h.ctx, again.Secret, member.LinkInvitation); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reinvite(h.ctx, eve.Identity.ID, got.Grant.ID, got.Identity.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("an invitation for one who has his address: %v", err)
	}
}

// Proves: C-54, W-22
func TestInvitationsLapseAndRequestsHaveTwoWorkingDays(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}})
	state := func() member.Invitation {
		all, err := h.Roster(h.ctx, "mill")
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0].Invitation
	}
	if s := state(); s != member.Waiting {
		t.Errorf("a fresh invitation is %q", s)
	}
	h.later(member.InvitationLife)
	if s := state(); s != member.Lapsed {
		t.Errorf("an old invitation is %q", s)
	}
	if _, err := h.Reinvite(h.ctx, root, ann.Grant.ID, ann.Identity.ID); err != nil || state() != member.Waiting {
		t.Errorf("sent again: %v, %s", err, state())
	}
	friday := member.AccountRequest{Asked: time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)}
	if due := friday.Due(); due.Weekday() != time.Tuesday || due.Day() != 24 {
		t.Errorf("asked on Friday, due %s", due)
	}
}

// Proves: W-28, N-17
func TestTheOperatorLetsSupportInOnlyForAnAdministratorOfTheCustomer(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	mill := access.Node{Org: "mill"}
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill}).Identity
	h.give(ann.ID, member.Wish{Email: "gus@mill.example", Role: access.Desk, At: mill})
	wish := member.Wish{Email: "root@example.com", Role: access.Auditor, At: mill, Until: h.clock().Add(time.Hour), Reason: "trunk"}
	for asked, ok := range map[string]bool{"gus@mill.example": false, "nobody@example.com": false, "root@example.com": false, "ann@mill.example": true} {
		g, err := h.LetInFor(h.ctx, asked, wish)
		if (err == nil) != ok {
			t.Errorf("asked for by %s: %v", asked, err)
		}
		if ok && !strings.Contains(g.Grant.Reason, "ann@mill.example asked") {
			t.Errorf("the reason does not say who asked: %s", g.Grant.Reason)
		}
	}
}

// An organisation whose partner is refused at the last step is taken away again.
//
// Proves: W-21, E15
func TestAnOrganisationThatCannotGetItsAdministratorIsNotMade(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	off := h.give(root, member.Wish{Email: "off@example.com", Role: access.Auditor})
	if err := h.Disable(h.ctx, root, off.Identity.ID, true); err != nil {
		t.Fatal(err)
	}
	undone := ""
	a, err := member.NewAccounts(member.AccountsConfig{
		Members: h.Desk, Mail: func(string, string, string) bool { return false },
		Orgs: func(context.Context) ([]e911.Org, error) { return nil, nil },
		Make: func(_ context.Context, _ admin.Actor, o e911.Org) (e911.Org, error) { o.ID = "forge"; return o, nil },
		Unmake: func(_ context.Context, _ admin.Actor, id e911.OrgID) error {
			undone = string(id)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Create(h.ctx, root, member.NewOrg{Key: "forge", Email: "off@example.com"}); e911.KindOf(err) != e911.Invalid || undone != "forge" {
		t.Errorf("made for one who may not sign in: %v, undone %q", err, undone)
	}
}
