package member_test

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

const (
	evesPassword = "seventeen quiet lanterns"
	xaviers      = "purple harbour ladder 41"
)

type heldHouse struct {
	*house
	signs     *signon.Desk
	root, eve string // eve administers A
	bob       string // administers B
	x         string
	a, b      access.Node
}

// newHeld is a house without mail in which Eve, of A, invited Xavier, of B, to her own
// organisation, and was the first to sign in by the link that she was handed.
func newHeld(t *testing.T) *heldHouse {
	h := &heldHouse{house: newHouse(t), a: access.Node{Org: "a"}, b: access.Node{Org: "b"}}
	var err error
	if h.signs, err = signon.New(signon.Config{Store: func() signon.Store { return h.store }, Now: h.clock, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox"}); err != nil {
		t.Fatal(err)
	}
	h.root = h.first()
	h.eve = h.give(h.root, member.Wish{Email: "eve@a.example", Role: access.Organisation, At: h.a}).Identity.ID
	h.bob = h.give(h.root, member.Wish{Email: "bob@b.example", Role: access.Organisation, At: h.b}).Identity.ID
	x := h.give(h.eve, member.Wish{Email: "x@b.example", Role: access.Organisation, At: h.a})
	if x.MailOnly || x.Secret == "" {
		t.Fatal("where no mail is sent, who invites hands the link over")
	}
	h.x = x.Identity.ID
	h.follow(x.Secret, member.LinkInvitation, evesPassword)
	h.later(time.Hour)
	return h
}

func (h *heldHouse) follow(secret string, p member.LinkPurpose, password string) {
	h.t.Helper()
	who, err := h.Follow(h.ctx, secret, p)
	if err == nil {
		err = h.signs.SetPassword(h.ctx, who.ID, "", password, "", true)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *heldHouse) in(password string) (signon.Session, string, error) {
	return h.signs.SignIn(h.ctx, signon.Attempt{Email: "x@b.example", Password: password, Address: netip.MustParseAddr("192.0.2.7")})
}

func (h *heldHouse) sees(at access.Node) bool { return h.may(h.x, at, access.Sites, access.Read) }

// Whoever is handed the link of an address that is not his gets by it what he could
// give himself, and nothing of another organisation that invites the address.
//
// Proves: E14, W-27, C-54
func TestWhoSignedInAsSomebodyElseGetsNothingOfAnotherOrganisation(t *testing.T) {
	h := newHeld(t)
	session, cookie, err := h.in(evesPassword)
	if err != nil || !h.sees(h.a) {
		t.Fatalf("the role that Eve gave does not count: %v", err)
	}
	got := h.give(h.bob, member.Wish{Email: "x@b.example", Role: access.Organisation, At: h.b})
	if h.sees(h.b) {
		t.Error("Eve is in B, by the address that B invited")
	}
	if !got.MailOnly {
		t.Error("Bob is handed a link by which he would be in A")
	}
	if _, err := h.Give(h.ctx, h.x, member.Wish{Email: "more@a.example", Role: access.Organisation, At: h.b}); err == nil {
		t.Error("Eve invites somebody to B")
	}
	if _, has, err := h.Of(h.ctx, h.x); err != nil || len(has) != 1 {
		t.Errorf("roles that count: %+v, %v", has, err)
	}
	in, err := h.Belongs(h.ctx, h.x, h.b)
	if err != nil || in {
		t.Errorf("Eve has to do with B: %v", err)
	}
	roster, err := h.Roster(h.ctx, "b")
	if err != nil || len(roster) != 2 || roster[1].Invitation != member.Unproved {
		t.Errorf("Bob does not see that the role waits: %+v, %v", roster, err)
	}
	_, link, err := h.NewLink(h.ctx, "x@b.example", member.LinkReset, time.Hour) // mailed, or the operator's
	if err != nil {
		t.Fatal(err)
	}
	h.follow(link, member.LinkReset, xaviers)
	h.later(time.Minute)
	if !h.sees(h.a) || !h.sees(h.b) {
		t.Error("Xavier, who has the address, has not both roles")
	}
	if _, _, err := h.in(evesPassword); err == nil {
		t.Error("Eve's password still opens Xavier's account")
	}
	if _, _, err := h.signs.Check(h.ctx, cookie); err == nil {
		t.Errorf("Eve's session %s goes on", session.ID)
	}
	if creds, err := h.signs.Of(h.ctx, h.x); err != nil || len(creds) != 1 {
		t.Errorf("credentials: %+v, %v", creds, err)
	}
	if _, _, err := h.in(xaviers); err != nil {
		t.Errorf("Xavier cannot sign in: %v", err)
	}
}

// Proves: E14
func TestOneTimeCodesThatAnotherSetUpEndWhenTheAddressIsProved(t *testing.T) {
	h := newHeld(t)
	err := h.store.WriteSignOn(h.ctx, "test", func(tx signon.Tx) error {
		for _, k := range []signon.Kind{signon.TOTP, signon.Recovery, signon.Passkey} {
			if err := tx.PutCredential(h.ctx, signon.Credential{ID: "eve-" + string(k), Identity: h.x, Kind: k, Data: []byte("{}"), Made: h.clock()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := h.give(h.bob, member.Wish{Email: "x@b.example", Role: access.Organisation, At: h.b})
	h.follow(got.Secret, member.LinkInvitation, xaviers) // as if it had been mailed
	if creds, err := h.signs.Of(h.ctx, h.x); err != nil || len(creds) != 1 || creds[0].Kind != signon.Password {
		t.Errorf("Xavier has %+v, %v; want his password alone", creds, err)
	}
	h.follow(second(h, "x@b.example"), member.LinkReset, xaviers+" 2")
	if i, _, err := h.Of(h.ctx, h.x); err != nil || i.Held != "" {
		t.Errorf("held by %q, %v", i.Held, err)
	}
}

func second(h *heldHouse, email string) string {
	h.t.Helper()
	_, link, err := h.NewLink(h.ctx, email, member.LinkReset, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return link
}

// Proves: E14
func TestTheSecondInviterIsNotHandedTheAccountWhenTheFirstTookTheRoleAway(t *testing.T) {
	h := newHeld(t)
	_, has, err := h.Of(h.ctx, h.x)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Take(h.ctx, h.eve, has[0].ID, h.x); err != nil {
		t.Fatal(err)
	}
	got := h.give(h.bob, member.Wish{Email: "x@b.example", Role: access.Organisation, At: h.b})
	if !got.MailOnly || h.sees(h.b) {
		t.Errorf("Eve, who knows the password, is in B; mail only: %v", got.MailOnly)
	}
	if err := h.Take(h.ctx, h.bob, got.Grant.ID, h.x); err != nil {
		t.Errorf("Bob cannot take back a role that waits: %v", err)
	}
}

// Whom nobody followed yet is whose who hands the link over last.
//
// Proves: C-54
func TestAnInvitationThatNobodyFollowedLeavesNoTrace(t *testing.T) {
	h := newHeld(t)
	first := h.give(h.eve, member.Wish{Email: "y@b.example", Role: access.User, At: h.a})
	if err := h.Take(h.ctx, h.eve, first.Grant.ID, first.Identity.ID); err != nil {
		t.Fatal(err)
	}
	next := h.give(h.bob, member.Wish{Email: "y@b.example", Role: access.Organisation, At: h.b})
	if next.MailOnly {
		t.Error("Bob is not handed the link")
	}
	if _, err := h.Follow(h.ctx, first.Secret, member.LinkInvitation); err == nil {
		t.Error("Eve's link still works")
	}
	h.follow(next.Secret, member.LinkInvitation, xaviers)
	if !h.may(next.Identity.ID, h.b, access.Sites, access.Read) {
		t.Error("the role in B does not count")
	}
}

// Proves: C-54, W-27
func TestWhereMailIsSentNobodyIsHandedALink(t *testing.T) {
	h := newHouse(t)
	desk, err := member.New(member.Config{Store: func() member.Store { return h.store }, Now: h.clock, Mails: true})
	if err != nil {
		t.Fatal(err)
	}
	root := h.first()
	a, b := access.Node{Org: "a"}, access.Node{Org: "b"}
	eve := h.give(root, member.Wish{Email: "eve@a.example", Role: access.Organisation, At: a})
	x, err := desk.Give(h.ctx, eve.Identity.ID, member.Wish{Email: "x@b.example", Role: access.User, At: a})
	if err != nil || !x.MailOnly || x.Identity.Held != "" {
		t.Fatalf("%+v, %v", x, err)
	}
	if _, err := desk.Give(h.ctx, root, member.Wish{Email: "x@b.example", Role: access.Organisation, At: b}); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Follow(h.ctx, x.Secret, member.LinkInvitation); err != nil {
		t.Fatal(err)
	}
	if !h.may(x.Identity.ID, b, access.Sites, access.Read) {
		t.Error("who was proved by a mail has not all his roles")
	}
	if a, err := desk.Ask(h.ctx, "nobody", access.Question{At: b, Area: access.Sites, Verb: access.Read}); err != nil || a.Allowed {
		t.Errorf("nobody: %v, %v", a.Allowed, err)
	}
}

// What an organisation's own provider, or the operator's, proves is proved.
//
// Proves: E14
func TestAProviderProvesToItsOwnOrganisationWhoSomebodyIs(t *testing.T) {
	h := newHeld(t)
	h.give(h.bob, member.Wish{Email: "x@b.example", Role: access.Organisation, At: h.b})
	for name, c := range map[string]struct {
		scope member.Scope
		a, b  bool
	}{
		"a password":             {member.Scope{}, true, false},
		"B's provider":           {member.Scope{Only: "b"}, false, true},
		"A's provider":           {member.Scope{Only: "a"}, true, false},
		"the operator's":         {member.Scope{Proved: true}, true, true},
		"a password, A forces":   {member.Scope{Without: []e911.OrgID{"a"}}, false, false},
		"the session of Session": {signon.Session{Provider: "p"}.Scope(), true, true},
	} {
		ctx := member.Within(h.ctx, c.scope)
		for at, want := range map[access.Node]bool{h.a: c.a, h.b: c.b} {
			got, err := h.AskStill(ctx, h.x, access.Question{At: at, Area: access.Sites, Verb: access.Read})
			if err != nil || got.Allowed != want {
				t.Errorf("by %s in %s: %v, %v; want %v", name, at.Org, got.Allowed, err, want)
			}
		}
	}
}
