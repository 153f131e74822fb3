package federation

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// ErrNobody is said for an address that is not known here, one without a role in the
// provider's organisation, and somebody who may not sign in: which of them is not
// said, so that no provider finds out who has a role elsewhere.
var ErrNobody = e911.Errorf(e911.Denied, "your provider knows you, and you have no role here: ask an administrator of your organisation to invite your address")

// admit finds out whose identity it is that a provider brought, in one transaction.
func (d *Desk) admit(ctx context.Context, p Provider, c Claims) (Proved, error) {
	if c.Subject == "" || len(c.Subject) > 255 {
		return Proved{}, e911.Errorf(e911.Denied, "the provider does not say who signs in: it has to send a subject of at most 255 characters")
	}
	var who member.Identity
	err := d.write(ctx, by(p), func(tx Tx) error {
		if err := d.once(ctx, tx, p, c); err != nil {
			return err
		}
		link, fresh, err := d.find(ctx, tx, p, c)
		if err != nil {
			return err
		}
		if who, err = tx.Identity(ctx, link.Identity); err != nil {
			return err
		}
		if !who.Disabled.IsZero() {
			return ErrNobody
		}
		if err := d.syncRoles(ctx, tx, p, who, c.Groups); err != nil {
			return err
		}
		if in, err := d.hasRole(ctx, tx, p.Org, who.ID); err != nil || !in {
			if err == nil {
				err = ErrNobody
			}
			return err
		}
		link.Used = d.now()
		if err := tx.PutIdentityLink(ctx, link); err != nil {
			return err
		}
		if fresh {
			if err := tx.Note(ctx, admin.AuditNote{Org: p.Org, Verb: verbLinked, Kind: kindProvider, ID: p.ID, Key: p.Key, Detail: map[string]any{"identity": who.ID}}); err != nil {
				return err
			}
		}
		return tx.Prove(ctx, p.ID, d.now())
	})
	if err != nil {
		return Proved{}, err
	}
	return Proved{Identity: who.ID, Admission: signon.Admission{By: []string{string(p.Via)}, Provider: p.ID, Bound: p.Org}}, nil
}

func (d *Desk) once(ctx context.Context, tx Tx, p Provider, c Claims) error {
	for name, until := range c.Once {
		err := tx.UseOnce(ctx, hashOf("once", p.ID, name), until, d.now())
		if e911.KindOf(err) == e911.Conflict {
			return e911.Errorf(e911.Denied, "this answer of the provider was used before: begin the sign-in again")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// by is who gives the roles that a provider's groups give.
func by(p Provider) admin.Actor { return admin.Actor("sign-on " + p.ID) }

// find returns the link of the account, a fresh one where it signs in for the first
// time.
func (d *Desk) find(ctx context.Context, tx Tx, p Provider, c Claims) (Link, bool, error) {
	had, err := tx.LinksOf(ctx, p.ID, "", c.Subject)
	if err != nil || len(had) == 1 {
		if err == nil {
			return had[0], false, nil
		}
		return Link{}, false, err
	}
	email, err := believed(p, c)
	if err != nil {
		return Link{}, false, err
	}
	roles := rolesBy(p, c.Groups)
	who, err := tx.IdentityByEmail(ctx, email)
	switch {
	case e911.KindOf(err) == e911.NotFound:
		if !p.Create || len(roles) == 0 {
			return Link{}, false, ErrNobody
		}
		who = member.Identity{ID: e911.NewID[string](), Email: email, Name: nameOf(c), Made: d.now()}
		if err := tx.CreateIdentity(ctx, who); err != nil {
			return Link{}, false, err
		}
	case err != nil:
		return Link{}, false, err
	default:
		in, err := d.hasRole(ctx, tx, p.Org, who.ID)
		if err != nil {
			return Link{}, false, err
		}
		if !in && (!p.Create || len(roles) == 0) {
			return Link{}, false, ErrNobody
		}
	}
	// One who changes his address at the provider does not become somebody else here.
	if others, err := tx.LinksOf(ctx, p.ID, who.ID, ""); err != nil || len(others) > 0 {
		if err == nil {
			err = e911.Errorf(e911.Denied, "another account of your provider signed in with this address before: ask an administrator to unlink it, if it was made anew")
		}
		return Link{}, false, err
	}
	return Link{Provider: p.ID, Subject: c.Subject, Identity: who.ID, Made: d.now()}, true, nil
}

// believed is the address by which an account is first known here: one that the
// provider says was proved, or one of the domains that it speaks for. The operator's
// provider, who signs in to everything, is believed in its domains alone.
func believed(p Provider, c Claims) (string, error) {
	a, err := mail.ParseAddress(c.Email)
	if err != nil || a.Name != "" || a.Address != c.Email || len(c.Email) > 254 {
		return "", e911.Errorf(e911.Denied, "the provider does not say your mail address: its administrator has to let it send the address to Callbox")
	}
	_, domain, _ := strings.Cut(member.FoldEmail(c.Email), "@")
	ours := slices.Contains(p.Domains, domain)
	switch {
	case c.EmailVerified == No:
		return "", e911.Errorf(e911.Denied, "your provider says that your mail address was not proved: prove it there first")
	case p.Org == "" && !ours, c.EmailVerified == Unsaid && !ours:
		return "", e911.Errorf(e911.Denied, "your provider does not speak for the domain of your address: an administrator can add the domain to it")
	}
	return c.Email, nil
}

func nameOf(c Claims) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, strings.TrimSpace(c.Name))
	if name == "" || len(name) > 200 {
		name = c.Email
	}
	return name
}

// hasRole reports whether an identity has a role in the organisation itself, in
// anything at all for "".
func (d *Desk) hasRole(ctx context.Context, tx Tx, org e911.OrgID, identity string) (bool, error) {
	has, err := tx.GrantsOf(ctx, identity)
	return slices.ContainsFunc(has, func(g member.Grant) bool {
		return g.Grant.Holds(d.now()) && (org == "" || g.At.Org == string(org))
	}), err
}

type placed struct {
	role access.Role
	site string
}

// rolesBy are the roles that groups give, each once.
func rolesBy(p Provider, groups []string) []placed {
	var out []placed
	for _, r := range p.Roles {
		if x := (placed{r.Role, r.Site}); slices.Contains(groups, r.Group) && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// syncRoles gives and takes the roles that groups give. Roles that a person gave
// stay, and the last administrator's (N-16). A provider that does not say groups at
// all changes nothing.
func (d *Desk) syncRoles(ctx context.Context, tx Tx, p Provider, who member.Identity, groups []string) error {
	if p.Org == "" || len(p.Roles) == 0 || groups == nil {
		return nil
	}
	want := rolesBy(p, groups)
	has, err := tx.GrantsOf(ctx, who.ID)
	if err != nil {
		return err
	}
	for _, g := range has {
		if g.By != by(p) || g.At.Org != string(p.Org) {
			continue
		}
		if i := slices.Index(want, placed{g.Role, g.At.Site}); i >= 0 {
			want = slices.Delete(want, i, i+1)
			continue
		}
		if err := d.takeRole(ctx, tx, who, g); err != nil {
			return err
		}
	}
	for _, w := range want {
		g := member.Grant{
			Grant: access.Grant{ID: e911.NewID[string](), Identity: who.ID, Role: w.role, At: access.Node{Org: string(p.Org), Site: w.site}, Reason: "group at " + p.Name},
			Made:  d.now(), By: by(p),
		}
		if err := tx.AddGrant(ctx, g); err != nil {
			return err
		}
		if err := tx.Note(ctx, noteRole("given", who, g)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) takeRole(ctx context.Context, tx Tx, who member.Identity, g member.Grant) error {
	there, err := tx.GrantsAt(ctx, g.At)
	if err != nil {
		return err
	}
	roll := access.Roll{By: who.ID, Now: d.now()}
	for _, x := range there {
		roll.At = append(roll.At, x.Grant)
	}
	if len(access.Take(g.Grant, roll)) > 0 {
		d.cfg.Log.WarnContext(ctx, "a group that was left keeps its role: it is the last administrator's", "org", g.At.Org)
		return nil
	}
	if err := tx.RemoveGrant(ctx, g.ID); err != nil {
		return err
	}
	return tx.Note(ctx, noteRole("taken", who, g))
}

func noteRole(v admin.Verb, who member.Identity, g member.Grant) admin.AuditNote {
	return admin.AuditNote{Org: e911.OrgID(g.At.Org), Verb: v, Kind: "member", ID: g.ID, Key: who.Email, Detail: map[string]any{
		"identity": who.ID, "role": g.Role, "at": g.At, "until": time.Time{}, "reason": g.Reason,
	}}
}
