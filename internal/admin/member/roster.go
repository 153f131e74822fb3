package member

import (
	"context"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Invitation is how far one has come who never signed in.
type Invitation string

// The states of an invitation; none: he has signed in.
const (
	Waiting Invitation = "waiting" // the link works
	Lapsed  Invitation = "lapsed"  // it works no more: send another
)

// Member is an identity with a role of it.
type Member struct {
	Identity   Identity   `json:"identity"`
	Grant      Grant      `json:"grant"`
	Invitation Invitation `json:"invitation,omitempty"`
}

// At lists who has a role at exactly that node, by address.
func (d *Desk) At(ctx context.Context, at access.Node) ([]Member, error) {
	return d.members(ctx, func(tx Tx) ([]Grant, error) { return tx.GrantsAt(ctx, at) })
}

// Roster lists who has a role in an organisation, at it or at one of its sites, by
// address.
func (d *Desk) Roster(ctx context.Context, org e911.OrgID) ([]Member, error) {
	return d.members(ctx, func(tx Tx) ([]Grant, error) { return tx.GrantsIn(ctx, org) })
}

func (d *Desk) members(ctx context.Context, which func(Tx) ([]Grant, error)) ([]Member, error) {
	var out []Member
	err := d.read(ctx, func(tx Tx) error {
		grants, err := which(tx)
		if err != nil {
			return err
		}
		for _, g := range grants {
			m := Member{Grant: g}
			if m.Identity, err = tx.Identity(ctx, g.Identity); err != nil {
				return err
			}
			if m.Invitation, err = d.invited(ctx, tx, m.Identity, g); err != nil {
				return err
			}
			out = append(out, m)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Member) int {
		return slices.Compare([]string{FoldEmail(a.Identity.Email), a.Grant.ID}, []string{FoldEmail(b.Identity.Email), b.Grant.ID})
	})
	return out, err
}

// Reinvite makes another link for somebody who never signed in; the old one ends.
// Who may give the role may, and who gave it.
func (d *Desk) Reinvite(ctx context.Context, by, grant, identity string) (Given, error) {
	var out Given
	err := d.write(ctx, admin.Actor(by), func(tx Tx) error {
		g, err := d.grantOf(ctx, tx, grant, identity)
		if err != nil {
			return err
		}
		roll, at, err := d.roll(ctx, tx, by, g.At)
		if err != nil {
			return err
		}
		if err := d.must(ctx, tx, by, access.Question{At: at, Area: access.Members, Verb: access.Write}); err != nil {
			return err
		}
		ask := g.Grant
		ask.At = at
		if faults := access.Give(ask, roll); len(faults) > 0 && g.By != admin.Actor(by) {
			return refused(faults)
		}
		if out.Identity, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		out.Grant = g
		switch {
		case !out.Identity.Disabled.IsZero():
			return refused([]e911.Fault{{Path: "email", Code: "disabled", Msg: "this address may not sign in any more", Fix: "enable it first"}})
		case !out.Identity.LastSeen.IsZero() && !out.Identity.waits(g.At, Scope{}):
			return e911.Errorf(e911.Conflict, "this person has signed in already: who forgot his password asks for a link on the page of sign-in")
		}
		if out.Secret, out.MailOnly, err = d.invitation(ctx, tx, admin.Actor(by), &out.Identity, g.At); err != nil {
			return err
		}
		return tx.Note(ctx, note(verbInvited, out.Identity, g))
	})
	return out, err
}

func (d *Desk) grantOf(ctx context.Context, tx Tx, grant, identity string) (Grant, error) {
	has, err := tx.GrantsOf(ctx, identity)
	if err != nil {
		return Grant{}, err
	}
	i := slices.IndexFunc(has, func(g Grant) bool { return g.ID == grant })
	if i < 0 {
		return Grant{}, e911.Errorf(e911.NotFound, "there is no such role")
	}
	return has[i], nil
}

// Change gives somebody another role of the same organisation in place of one that
// he has, both or neither. The last administrator stays one.
func (d *Desk) Change(ctx context.Context, by, grant, identity string, w Wish) (Given, error) {
	var out Given
	err := d.write(ctx, admin.Actor(by), func(tx Tx) error {
		old, err := d.grantOf(ctx, tx, grant, identity)
		if err != nil {
			return err
		}
		who, err := tx.Identity(ctx, identity)
		if err != nil {
			return err
		}
		if old.At.Org != w.At.Org || old.Support || w.Support {
			return refused([]e911.Fault{{Path: "at", Code: "other", Msg: "a role is changed inside its organisation, and support is none", Fix: "take the old one away and give the new one"}})
		}
		w.Email, w.quiet = who.Email, true
		if out, err = d.give(ctx, tx, by, w); err != nil || out.Grant.ID == grant {
			return err
		}
		return d.take(ctx, tx, by, grant, identity)
	})
	return out, err
}

// LetInFor lets support in where an administrator of the organisation asked the
// operator of the machine for it in another way, such as by telephone. Asked is the
// address of that administrator: it is judged as if he had done it, and kept with
// the reason.
func (d *Desk) LetInFor(ctx context.Context, asked string, w Wish) (Given, error) {
	var out Given
	w.Support = true
	err := d.write(ctx, Operator, func(tx Tx) error {
		i, err := tx.IdentityByEmail(ctx, FoldEmail(asked))
		if e911.KindOf(err) == e911.NotFound {
			return refused([]e911.Fault{{Path: "asked", Code: "unknown", Msg: "nobody of this address administers the organisation", Fix: "name the administrator who asked for it"}})
		}
		if err != nil {
			return err
		}
		roll, at, err := d.roll(ctx, tx, i.ID, w.At)
		if err != nil {
			return err
		}
		w.At = at
		g := access.Grant{Identity: FoldEmail(w.Email), Role: w.Role, At: w.At, Until: w.Until, Support: true, Reason: w.Reason}
		if faults := access.Give(g, roll); len(faults) > 0 {
			return refused(faults)
		}
		w.Reason += " (" + i.Email + " asked the operator for it)"
		out, err = d.place(ctx, tx, Operator, w)
		return err
	})
	return out, err
}

// AsSupport marks what is written under the context as done by support, where the
// grant that allowed it is one: the audit trail says so.
func AsSupport(ctx context.Context, g access.Grant) context.Context {
	if !g.Support {
		return ctx
	}
	return admin.WithTrail(ctx, admin.Trail{As: "support for " + g.At.Org + ": " + g.Reason})
}
