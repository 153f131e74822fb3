package member

import (
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Where no mail is sent, whoever invites is handed the link, and can be the first to
// sign in with an address that is not his (adr/0024). What he gets by it must be no
// more than what he could give anyway: until the address is proved, an identity has
// only roles of the place that invited it.

// heldAt is how Identity.Held names a place; a site is of its organisation.
func heldAt(at access.Node) string {
	switch {
	case at.Org != "":
		return "organisation " + at.Org
	case at.Partner != "":
		return "partner " + at.Partner
	}
	return "provider"
}

// waits reports a role that does not count before the address is proved. An
// organisation's own identity provider proves somebody to the organisation, and the
// operator's to all.
func (i Identity) waits(at access.Node, s Scope) bool {
	return i.Held != "" && i.Held != heldAt(at) && !s.Proved && (s.Only == "" || string(s.Only) != at.Org)
}

// counting are the roles of an identity that count now.
func counting(ctx context.Context, tx Tx, i Identity) ([]Grant, error) {
	all, err := tx.GrantsOf(ctx, i.ID)
	s := ScopeOf(ctx)
	return slices.DeleteFunc(all, func(g Grant) bool { return i.waits(g.At, s) }), err
}

// invitation makes the link of an invitation. It is mailed, and who invites is not
// told it, where others invited the person too, or somebody signed in as him already:
// who held the link would get in there as well. What others sent keeps working.
func (d *Desk) invitation(ctx context.Context, tx Tx, who admin.Actor, i *Identity, at access.Node) (secret string, mailOnly bool, err error) {
	beyond, err := tx.RolesBeyond(ctx, i.ID, at)
	if err != nil {
		return "", false, err
	}
	mailOnly = beyond || d.cfg.Mails || !i.LastSeen.IsZero()
	handed := !mailOnly && who != Operator
	if handed && i.Held != heldAt(at) {
		i.Held = heldAt(at)
		if err := tx.ChangeIdentity(ctx, *i); err != nil {
			return "", false, err
		}
	}
	secret, err = d.link(ctx, tx, Link{Identity: i.ID, Purpose: LinkInvitation, Proves: !handed}, InvitationLife, beyond)
	return secret, mailOnly, err
}

// prove writes that somebody has his address. What could have been made by another
// before goes: passwords, one-time codes, passkeys and sessions.
func (d *Desk) prove(ctx context.Context, tx Tx, i *Identity) error {
	if i.Held == "" {
		return nil
	}
	if err := tx.DropProofs(ctx, i.ID, d.now()); err != nil {
		return err
	}
	was := i.Held
	i.Held = ""
	return tx.Note(ctx, admin.AuditNote{Verb: verbProved, Kind: kindMember, ID: i.ID, Key: i.Email, Detail: map[string]any{"invited_by": was}})
}

const verbProved admin.Verb = "proved"

// Unproved is an Invitation: he signed in by a link that somebody else was handed, and
// the role counts when he follows one that was mailed to him, or the operator's.
const Unproved Invitation = "unproved"

// invited is how far somebody has come who has the role.
func (d *Desk) invited(ctx context.Context, tx Tx, i Identity, g Grant) (Invitation, error) {
	switch {
	case !i.LastSeen.IsZero() && i.waits(g.At, Scope{}):
		return Unproved, nil
	case !i.LastSeen.IsZero():
		return "", nil
	}
	l, err := tx.LinkOf(ctx, i.ID, LinkInvitation)
	if err != nil && e911.KindOf(err) != e911.NotFound {
		return "", err
	}
	if err == nil && d.now().Before(l.Expires) {
		return Waiting, nil
	}
	return Lapsed, nil
}
