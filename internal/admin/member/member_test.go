package member_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

type house struct {
	*member.Desk
	t     *testing.T
	ctx   context.Context
	store *sqlite.Store
	mu    sync.Mutex
	now   time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, ctx: t.Context(), now: time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	if h.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, h.clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.store.Close() })
	if h.Desk, err = member.New(member.Config{Store: func() member.Store { return h.store }, Now: h.clock}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) give(by string, w member.Wish) member.Given {
	h.t.Helper()
	g, err := h.Give(h.ctx, by, w)
	if err != nil {
		h.t.Fatalf("%s as %s: %v %v", w.Email, w.Role, err, e911.FaultsOf(err))
	}
	return g
}

func (h *house) first() string {
	h.t.Helper()
	g, err := h.First(h.ctx, "operator", "root@example.com", "Root")
	if err != nil {
		h.t.Fatal(err)
	}
	return g.Identity.ID
}

func (h *house) may(who string, at access.Node, area access.Area, verb access.Verb) bool {
	h.t.Helper()
	a, err := h.Ask(h.ctx, who, access.Question{At: at, Area: area, Verb: verb})
	if err != nil {
		h.t.Fatal(err)
	}
	return a.Allowed
}

// Proves: N-16, W-21, W-27, C-54, C-56, E14
func TestFromTheOperatorToAGuardAndOneIdentityWithTwoCustomers(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	if _, err := h.First(h.ctx, "operator", "other@example.com", ""); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a second first administrator: %v", err)
	}
	north, err := h.AddPartner(h.ctx, root, "north", "North Telecom")
	if err != nil {
		t.Fatal(err)
	}
	mill, port := access.Node{Org: "mill"}, access.Node{Org: "port"}
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Name: "Ann", Role: access.Organisation, At: mill})
	if ann.Secret == "" {
		t.Error("nobody can let Ann in: there is no link")
	}
	if _, err := h.Give(h.ctx, root, member.Wish{Email: "spy@example.com", Role: access.Organisation, At: mill}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("the provider let himself in to a customer who has an administrator: %v", err)
	}
	guard := h.give(ann.Identity.ID, member.Wish{Email: "guard@site.example", Role: access.Desk, At: access.Node{Org: "mill", Site: "hq"}})
	bob := h.give(root, member.Wish{Email: "bob@port.example", Role: access.Organisation, At: port})
	again := h.give(bob.Identity.ID, member.Wish{Email: " GUARD@site.example", Role: access.Desk, At: port})
	if again.Identity.ID != guard.Identity.ID {
		t.Error("one address became two identities")
	}
	for _, c := range []struct {
		what string
		got  bool
		want bool
	}{
		{"the guard sees calls of his site", h.may(guard.Identity.ID, access.Node{Org: "mill", Site: "hq"}, access.Calls, access.Read), true},
		{"and of no other site", h.may(guard.Identity.ID, access.Node{Org: "mill", Site: "yard"}, access.Calls, access.Read), false},
		{"and of the other customer not before he has his address", h.may(guard.Identity.ID, port, access.Calls, access.Read), false},
		{"Ann does not see that customer", h.may(ann.Identity.ID, port, access.Sites, access.Read), false},
		{"nobody unknown does", h.may("nobody", mill, access.Sites, access.Read), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.what, c.got)
		}
	}
	if partner := h.give(root, member.Wish{Email: "pat@north.example", Role: access.Partner, At: access.Node{Partner: north.ID}}); h.may(partner.Identity.ID, mill, access.Sites, access.Write) {
		t.Error("a partner looks after a customer that is not his")
	}
	members, err := h.At(h.ctx, mill)
	if err != nil || len(members) != 1 || members[0].Identity.Email != "ann@mill.example" {
		t.Errorf("members of the mill: %v, %v", members, err)
	}
}

// Proves: C-54, C-56; issue 9 "Bad input" (invitation accepted twice, token of a deleted user)
func TestALinkWorksOnceAndNotForEver(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}})
	if _, err := h.Follow(h.ctx, ann.Secret, member.LinkReset); !errors.Is(err, member.ErrLink) {
		t.Errorf("an invitation was taken for another kind of link: %v", err)
	}
	var wg sync.WaitGroup
	worked := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			_, err := h.Follow(h.ctx, ann.Secret, member.LinkInvitation)
			worked <- err
		})
	}
	wg.Wait()
	close(worked)
	n := 0
	for err := range worked {
		if err == nil {
			n++
		} else if !errors.Is(err, member.ErrLink) {
			t.Errorf("a second use says %v", err)
		}
	}
	if n != 1 {
		t.Errorf("the invitation was accepted %d times", n)
	}
	_, secret, err := h.NewLink(h.ctx, "Ann@Mill.example", member.LinkSignIn, time.Hour)
	if err != nil || secret == "" {
		t.Fatalf("no link for Ann: %v", err)
	}
	h.later(time.Hour)
	if _, err := h.Follow(h.ctx, secret, member.LinkSignIn); !errors.Is(err, member.ErrLink) {
		t.Errorf("a link of an hour ago works: %v", err)
	}
	if _, secret, err := h.NewLink(h.ctx, "stranger@example.com", member.LinkSignIn, time.Hour); err != nil || secret != "" {
		t.Errorf("who asks learns that a stranger is one: %q, %v", secret, err)
	}
	_, secret, err = h.NewLink(h.ctx, "ann@mill.example", member.LinkSignIn, time.Hour)
	if err == nil {
		err = h.Disable(h.ctx, root, ann.Identity.ID, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Follow(h.ctx, secret, member.LinkSignIn); !errors.Is(err, member.ErrLink) {
		t.Errorf("the link of one who may not sign in works: %v", err)
	}
	if h.may(ann.Identity.ID, access.Node{Org: "mill"}, access.Sites, access.Read) {
		t.Error("one who may not sign in still has his role")
	}
	if err := h.Disable(h.ctx, root, ann.Identity.ID, false); err != nil || !h.may(ann.Identity.ID, access.Node{Org: "mill"}, access.Sites, access.Read) {
		t.Errorf("let in again, and the role is gone: %v", err)
	}
}

// Proves: N-16; issue 9 "Bad input" (two administrators removing each other)
func TestTwoAdministratorsWhoRemoveEachOtherLeaveOne(t *testing.T) {
	for range 3 {
		h := newHouse(t)
		mill := access.Node{Org: "mill"}
		ann := h.give(h.first(), member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill})
		bob := h.give(ann.Identity.ID, member.Wish{Email: "bob@mill.example", Role: access.Organisation, At: mill})
		var wg sync.WaitGroup
		wg.Go(func() { _ = h.Take(h.ctx, ann.Identity.ID, bob.Grant.ID, bob.Identity.ID) })
		wg.Go(func() { _ = h.Take(h.ctx, bob.Identity.ID, ann.Grant.ID, ann.Identity.ID) })
		wg.Wait()
		if members, err := h.At(h.ctx, mill); err != nil || len(members) != 1 {
			t.Fatalf("%d administrators are left, %v", len(members), err)
		}
	}
}

// Proves: E14
func TestSupportIsLetInForATimeAndSeenUsed(t *testing.T) {
	h := newHouse(t)
	mill := access.Node{Org: "mill"}
	root := h.first()
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill})
	if h.may(root, mill, access.Calls, access.Read) {
		t.Fatal("the provider sees a customer's calls")
	}
	h.give(ann.Identity.ID, member.Wish{Email: "root@example.com", Role: access.Desk, At: mill, Support: true, Reason: "the trunk is down", Until: h.clock().Add(time.Hour)})
	for range 3 {
		if !h.may(root, mill, access.Calls, access.Read) {
			t.Fatal("support was let in and sees nothing")
		}
		h.later(20 * time.Second)
	}
	trail, err := h.store.FindAudit(h.ctx, admin.AuditQuery{Org: "mill", Kind: "member", Verb: "used"})
	if err != nil || len(trail) != 1 || trail[0].Who != admin.Actor(root) {
		t.Errorf("the customer reads %v, %v; want one use within a minute", trail, err)
	}
	h.later(time.Hour)
	if h.may(root, mill, access.Calls, access.Read) {
		t.Error("support sees calls after its time")
	}
}

// Proves: W-22, E14
func TestAnOrganisationMovesWhenBothPartnersAndItselfAgree(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	partner := func(key string) (string, string) {
		p, err := h.AddPartner(h.ctx, root, key, key)
		if err != nil {
			t.Fatal(err)
		}
		return p.ID, h.give(root, member.Wish{Email: key + "@example.com", Role: access.Partner, At: access.Node{Partner: p.ID}}).Identity.ID
	}
	northID, north := partner("north")
	southID, south := partner("south")
	if err := h.store.WriteMembers(h.ctx, "test", func(tx member.Tx) error { return tx.SetPartner(h.ctx, "mill", northID) }); err != nil {
		t.Fatal(err)
	}
	ann := h.give(north, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}})
	stranger := h.give(root, member.Wish{Email: "eve@port.example", Role: access.Organisation, At: access.Node{Org: "port"}})
	if _, err := h.AskTransfer(h.ctx, stranger.Identity.ID, "mill", southID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a stranger asks to move the mill: %v", err)
	}
	move, err := h.AskTransfer(h.ctx, ann.Identity.ID, "mill", southID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.AskTransfer(h.ctx, ann.Identity.ID, "mill", ""); e911.KindOf(err) != e911.Conflict {
		t.Errorf("two moves at once: %v", err)
	}
	if !h.may(north, access.Node{Org: "mill"}, access.Sites, access.Write) || h.may(south, access.Node{Org: "mill"}, access.Sites, access.Read) {
		t.Error("the mill moved before all agreed")
	}
	for _, who := range []string{south, north} {
		if move, err = h.Agree(h.ctx, who, move.ID); err != nil {
			t.Fatal(err)
		}
	}
	if h.may(north, access.Node{Org: "mill"}, access.Sites, access.Read) || !h.may(south, access.Node{Org: "mill"}, access.Sites, access.Write) {
		t.Error("all agreed, and the mill did not move")
	}
	if !h.may(ann.Identity.ID, access.Node{Org: "mill"}, access.People, access.Write) {
		t.Error("the mill's own administrator lost her role by the move")
	}
	if _, err := h.Agree(h.ctx, north, move.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("agreed to a move that is over: %v", err)
	}
	trail, err := h.store.FindAudit(h.ctx, admin.AuditQuery{Org: "mill", Kind: "transfer"})
	if err != nil || len(trail) != 3 || !slices.ContainsFunc(trail, func(e admin.AuditEntry) bool { return e.Verb == "moved" }) {
		t.Errorf("the trail of the move: %v, %v", trail, err)
	}
}

// Proves: N-16, C-54
func TestBadWishesNameTheirFaults(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	for _, c := range []struct {
		name string
		wish member.Wish
		code string
	}{
		{"no address", member.Wish{Email: "ann", Role: access.Auditor}, "email"},
		{"a name in the address", member.Wish{Email: "Ann <ann@example.com>", Role: access.Auditor}, "email"},
		{"nobody", member.Wish{Role: access.Auditor}, "missing"},
		{"no such role", member.Wish{Email: "ann@example.com", Role: "king"}, "unknown"},
		{"a role of the past", member.Wish{Email: "ann@example.com", Role: access.Auditor, Until: h.clock().Add(-time.Hour)}, "past"},
	} {
		_, err := h.Give(h.ctx, root, c.wish)
		if f := e911.FaultsOf(err); len(f) == 0 || f[0].Code != c.code {
			t.Errorf("%s: %v %v, want %s", c.name, err, f, c.code)
		}
	}
	if _, err := member.New(member.Config{}); err == nil {
		t.Error("a desk without a store")
	}
}
