package member

import (
	"context"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Where no mail is sent, whoever invites is handed the link, and can be the first to
// sign in with an address that is not his (adr/0024). What he gets by it must be no
// more than what he could give anyway: until the address is proved, an identity has
// only roles of the place that invited it.

// heldAt is how Identity.Held names a place.
func heldAt(at access.Node) string {
	switch {
	case at.Site != "":
		return "site " + at.Org + " " + at.Site
	case at.Org != "":
		return "organisation " + at.Org
	case at.Partner != "":
		return "partner " + at.Partner
	}
	return "provider"
}

// waits reports a role that does not count before the address is proved. What an
// organisation's administrators handed over counts at its sites too. An organisation's
// own identity provider proves somebody to the organisation, and the operator's to all.
func (i Identity) waits(at access.Node, s Scope) bool {
	if i.Held == "" || s.Proved || s.Only != "" && string(s.Only) == at.Org {
		return false
	}
	return i.Held != heldAt(at) && (at.Site == "" || i.Held != heldAt(access.Node{Org: at.Org}))
}

// Owns reports whether what is under somebody's address in an organisation is his own:
// his place, and the number by which he is called back. It is not where an administrator
// of a site was handed the link, who could have named anybody of the organisation.
func (d *Desk) Owns(ctx context.Context, identity string, org e911.OrgID) (bool, error) {
	i, _, err := d.Of(ctx, identity)
	return err == nil && !i.waits(access.Node{Org: string(org)}, ScopeOf(ctx)), err
}

// over is what who gives a role at a place looks after: the place itself or, where it is
// a site, the whole organisation.
func (d *Desk) over(ctx context.Context, tx Tx, who admin.Actor, at access.Node) (access.Node, error) {
	whole := access.Node{Partner: at.Partner, Org: at.Org}
	if at.Site == "" || strings.HasPrefix(string(who), ByDirectory) {
		return whole, nil
	}
	own, err := ownOf(ctx, tx, string(who))
	if slices.ContainsFunc(own, func(g access.Grant) bool {
		return g.Role == access.Organisation && !g.Support && g.At.Org == at.Org && g.Holds(d.now())
	}) {
		return whole, nil
	}
	return at, err
}

// beyond reports roles of an identity outside what somebody looks after.
func beyond(ctx context.Context, tx Tx, identity string, over access.Node) (bool, error) {
	out, err := tx.RolesBeyond(ctx, identity, over)
	if err != nil || out || over.Site == "" {
		return out, err
	}
	has, err := tx.GrantsIn(ctx, e911.OrgID(over.Org))
	return slices.ContainsFunc(has, func(g Grant) bool { return g.Identity == identity && g.At.Site != over.Site }), err
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
	over, err := d.over(ctx, tx, who, at)
	if err != nil {
		return "", false, err
	}
	beside, err := beyond(ctx, tx, i.ID, over)
	if err != nil {
		return "", false, err
	}
	mailOnly = beside || d.cfg.Mails || !i.LastSeen.IsZero()
	handed := !mailOnly && who != Operator
	if handed && i.Held != heldAt(over) {
		i.Held = heldAt(over)
		if err := tx.ChangeIdentity(ctx, *i); err != nil {
			return "", false, err
		}
	}
	secret, err = d.link(ctx, tx, Link{Identity: i.ID, Purpose: LinkInvitation, Proves: !handed}, InvitationLife, beside)
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
