package member

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// ByDirectory begins what Grant.By says of a role that a group of a directory gave:
// what remembers where it came from. No identity has such an id.
const ByDirectory = "directory "

// DirectoryRole is a role that a group of a directory gives to somebody.
type DirectoryRole struct {
	Email string
	Name  string // of one who is new
	Role  access.Role
	Site  e911.SiteID // none: at the organisation
	Group string
	// Ends: he has left the directory; what it gave him goes, and his sessions end.
	Ends bool
}

// DirectoryChange is what ApplyDirectory did.
type DirectoryChange struct {
	Given []Given // new ones; those with a Secret wait for their invitation
	Taken []Member
	// Left are the identities that left and have no role outside the organisation:
	// their sessions are to end.
	Left []string
	// Faults say what was not done, and why; nothing else hangs on it.
	Faults []e911.Fault
}

// ApplyDirectory makes the roles that a directory gave in an organisation those that
// it gives now. A role that a person gave stays, and so does the last administrator's
// (N-16). Applied again it changes nothing.
func (d *Desk) ApplyDirectory(ctx context.Context, org e911.OrgID, source string, roles []DirectoryRole) (DirectoryChange, error) {
	who := admin.Actor(ByDirectory + source)
	var out DirectoryChange
	err := d.write(ctx, who, func(tx Tx) error {
		out = DirectoryChange{}
		has, err := tx.GrantsIn(ctx, org)
		if err != nil {
			return err
		}
		wanted := map[string]bool{}
		for _, r := range roles {
			if r.Ends {
				continue
			}
			id, err := d.fromDirectory(ctx, tx, who, org, r, has, &out)
			if err != nil {
				return err
			}
			wanted[roleKey(id, r.Role, string(r.Site))] = true
		}
		for _, g := range has {
			if g.By == who && !wanted[roleKey(g.Identity, g.Role, g.At.Site)] {
				if err := d.endDirectory(ctx, tx, g, &out); err != nil {
					return err
				}
			}
		}
		return d.leavers(ctx, tx, org, roles, &out)
	})
	if err != nil {
		return DirectoryChange{}, err
	}
	return out, nil
}

func roleKey(identity string, r access.Role, site string) string {
	return identity + "\x00" + string(r) + "\x00" + site
}

// fromDirectory gives one role, and returns whose it is. What cannot be given is a
// fault.
func (d *Desk) fromDirectory(ctx context.Context, tx Tx, who admin.Actor, org e911.OrgID, r DirectoryRole, has []Grant, out *DirectoryChange) (string, error) {
	at, err := complete(ctx, tx, access.Node{Org: string(org), Site: string(r.Site)})
	if err != nil {
		return "", err
	}
	// A directory gives what the administrators of its organisation may give.
	own := access.Grant{ID: string(who), Identity: string(who), Role: access.Organisation, At: access.Node{Partner: at.Partner, Org: at.Org}}
	g := access.Grant{Identity: FoldEmail(r.Email), Role: r.Role, At: at}
	if faults := access.Give(g, access.Roll{By: string(who), Own: []access.Grant{own}, At: plain(has), Now: d.now()}); len(faults) > 0 {
		out.refuse(r, faults...)
		return "", nil
	}
	given, err := d.place(ctx, tx, who, Wish{Email: r.Email, Name: cmp.Or(r.Name, r.Email), Role: r.Role, At: at})
	if faults := e911.FaultsOf(err); len(faults) > 0 {
		out.refuse(r, faults...)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !given.Had {
		out.Given = append(out.Given, given)
	}
	return given.Identity.ID, nil
}

func (c *DirectoryChange) refuse(r DirectoryRole, faults ...e911.Fault) {
	for _, f := range faults {
		f.Path = "roles." + r.Group + "." + f.Path
		c.Faults = append(c.Faults, f)
	}
}

// endDirectory takes one role away that a directory gave.
func (d *Desk) endDirectory(ctx context.Context, tx Tx, g Grant, out *DirectoryChange) error {
	now, err := tx.GrantsAt(ctx, access.Node{Org: g.At.Org, Site: g.At.Site})
	if err != nil {
		return err
	}
	i, err := tx.Identity(ctx, g.Identity)
	if err != nil {
		return err
	}
	left, err := working(ctx, tx, plain(now))
	if err != nil {
		return err
	}
	if faults := access.Take(g.Grant, access.Roll{By: g.Identity, At: left, Now: d.now()}); len(faults) > 0 {
		for _, f := range faults {
			f.Path = "roles." + f.Path
			f.Msg += ": the directory does not give the role any more, and it stays"
			out.Faults = append(out.Faults, f)
		}
		return nil
	}
	if err := tx.RemoveGrant(ctx, g.ID); err != nil {
		return err
	}
	out.Taken = append(out.Taken, Member{Identity: i, Grant: g})
	return tx.Note(ctx, note(verbTaken, i, g))
}

// leavers finds whose sessions end: those of identities that have to do with others
// too are not this organisation's to end (E14).
func (d *Desk) leavers(ctx context.Context, tx Tx, org e911.OrgID, roles []DirectoryRole, out *DirectoryChange) error {
	gone := map[string]bool{}
	for _, r := range roles {
		if r.Ends {
			gone[FoldEmail(r.Email)] = true
		}
	}
	for _, m := range out.Taken {
		if !gone[FoldEmail(m.Identity.Email)] || slices.Contains(out.Left, m.Identity.ID) {
			continue
		}
		left, err := tx.GrantsOf(ctx, m.Identity.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(left, func(g Grant) bool { return g.At.Org != string(org) }) {
			out.Left = append(out.Left, m.Identity.ID)
		}
	}
	return nil
}

// byHand makes a role that a directory gave one that a person gave too: it stays when
// the directory gives it no longer.
func (d *Desk) byHand(ctx context.Context, tx Tx, who admin.Actor, g Grant) (Grant, error) {
	if !strings.HasPrefix(string(g.By), ByDirectory) || strings.HasPrefix(string(who), ByDirectory) {
		return g, nil
	}
	if err := tx.RemoveGrant(ctx, g.ID); err != nil {
		return g, err
	}
	g.ID, g.By, g.Made = e911.NewID[string](), who, d.now()
	return g, tx.AddGrant(ctx, g)
}
