package member

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
)

// What the audit trail calls the kinds and verbs of this package.
const (
	kindMember   e911.ObjectKind = "member"
	kindPartner  e911.ObjectKind = "partner"
	kindTransfer e911.ObjectKind = "transfer"

	verbGiven    admin.Verb = "given"
	verbTaken    admin.Verb = "taken"
	verbInvited  admin.Verb = "invited"
	verbAccepted admin.Verb = "accepted"
	verbUsed     admin.Verb = "used"
	verbAgreed   admin.Verb = "agreed"
	verbMoved    admin.Verb = "moved"
)

// InvitationLife is how long the link of an invitation works.
const InvitationLife = 7 * 24 * time.Hour

// Wish is a role for somebody, who may not be known yet.
type Wish struct {
	Email string
	Name  string // of one who is new
	Role  access.Role
	At    access.Node
	// Until ends it; zero: until it is taken away.
	Until   time.Time
	Support bool
	Reason  string
	quiet   bool // no invitation: he has one
}

// Given is what became of a Wish. Secret is what the mailed link carries for
// somebody who is new, told once; empty for one who can sign in already.
type Given struct {
	Identity Identity
	Grant    Grant
	Secret   string
	// MailOnly keeps the secret from who invites: links are mailed, or somebody else
	// invited this person too, and whoever held the link would get in there as well.
	MailOnly bool
	// Had says that the role was there before.
	Had bool
}

// First makes the first administrator of the provider, for the operator at the
// machine alone. Conflict when there is one.
func (d *Desk) First(ctx context.Context, who admin.Actor, email, name string) (Given, error) {
	var out Given
	err := d.write(ctx, who, func(tx Tx) error {
		there, err := tx.GrantsAt(ctx, access.Node{})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(there, func(g Grant) bool { return g.Role == access.Provider }) {
			return e911.Errorf(e911.Conflict, "there is an administrator already: ask to be invited (callbox member list), or take a new link (callbox member link ADDRESS)")
		}
		out, err = d.place(ctx, tx, who, Wish{Email: email, Name: name, Role: access.Provider})
		return err
	})
	return out, err
}

// Give gives a role (invites, when the address is new). By is the identity that
// asks. An Invalid error has every fault.
func (d *Desk) Give(ctx context.Context, by string, w Wish) (Given, error) {
	var out Given
	err := d.write(ctx, admin.Actor(by), func(tx Tx) (err error) {
		out, err = d.give(ctx, tx, by, w)
		return err
	})
	return out, err
}

// give is Give inside a transaction.
func (d *Desk) give(ctx context.Context, tx Tx, by string, w Wish) (Given, error) {
	roll, at, err := d.roll(ctx, tx, by, w.At)
	if err != nil {
		return Given{}, err
	}
	w.At = at
	if w.At.Level() == access.AtPartner {
		var p Partner
		if p, err = partnerOf(ctx, tx, w.At.Partner); err == nil {
			w.At.Partner = p.ID
		} else if e911.KindOf(err) != e911.NotFound {
			return Given{}, err
		}
	}
	faults := access.Give(access.Grant{
		Identity: FoldEmail(w.Email), Role: w.Role, At: w.At, Until: w.Until, Support: w.Support, Reason: w.Reason,
	}, roll)
	switch {
	case len(faults) > 0: // who may not look learns nothing of which partners there are
		return Given{}, refused(faults)
	case err != nil:
		return Given{}, err
	}
	return d.place(ctx, tx, admin.Actor(by), w)
}

// place finds or makes the identity and adds the grant.
func (d *Desk) place(ctx context.Context, tx Tx, who admin.Actor, w Wish) (Given, error) {
	email, faults := readEmail(w.Email)
	if len(faults) > 0 {
		return Given{}, refused(faults)
	}
	out := Given{}
	var err error
	out.Identity, err = tx.IdentityByEmail(ctx, FoldEmail(email))
	if e911.KindOf(err) == e911.NotFound {
		out.Identity = Identity{ID: e911.NewID[string](), Email: email, Name: w.Name, Made: d.now()}
		err = tx.CreateIdentity(ctx, out.Identity)
	}
	if err != nil {
		return Given{}, err
	}
	if !out.Identity.Disabled.IsZero() {
		return Given{}, refused([]e911.Fault{{Path: "email", Code: "disabled", Msg: "this address may not sign in any more", Fix: "enable it first, or take another"}})
	}
	had, err := tx.GrantsOf(ctx, out.Identity.ID)
	if err != nil {
		return Given{}, err
	}
	out.Grant = Grant{
		Grant: access.Grant{
			ID: e911.NewID[string](), Identity: out.Identity.ID, Role: w.Role, At: w.At, Until: w.Until.UTC().Truncate(time.Millisecond),
			Support: w.Support, Reason: w.Reason,
		},
		Made: d.now(), By: who,
	}
	for _, g := range had {
		if g.Role == w.Role && sameNode(g.At, w.At) && g.Support == w.Support && g.Grant.Holds(d.now()) && g.Until.Equal(out.Grant.Until) {
			out.Had = true // giving it again changes nothing
			out.Grant, err = d.byHand(ctx, tx, who, g)
			return out, err
		}
	}
	if err := tx.AddGrant(ctx, out.Grant); err != nil {
		return Given{}, err
	}
	if (out.Identity.LastSeen.IsZero() || out.Identity.waits(w.At, Scope{})) && !w.quiet {
		if out.Secret, out.MailOnly, err = d.invitation(ctx, tx, who, &out.Identity, w.At); err != nil {
			return Given{}, err
		}
	}
	verb := verbGiven
	if out.Secret != "" {
		verb = verbInvited
	}
	return out, tx.Note(ctx, note(verb, out.Identity, out.Grant))
}

func note(v admin.Verb, i Identity, g Grant) admin.AuditNote {
	return admin.AuditNote{Org: e911.OrgID(g.At.Org), Verb: v, Kind: kindMember, ID: g.ID, Key: i.Email, Detail: map[string]any{
		"identity": i.ID, "role": g.Role, "at": g.At, "until": g.Until, "support": g.Support, "reason": g.Reason,
	}}
}

func sameNode(a, b access.Node) bool { return a.Level() == b.Level() && a.Holds(b) }

// link makes a one-time link. Older ones of the same person end, unless it is one
// beside them.
func (d *Desk) link(ctx context.Context, tx Tx, l Link, life time.Duration, beside bool) (string, error) {
	now := d.now()
	if !beside {
		if err := tx.DropLinks(ctx, l.Identity, now); err != nil {
			return "", err
		}
	}
	secret := base64.RawURLEncoding.EncodeToString(seal.NewSecret())
	l.Hash, l.Made, l.Expires = hashOf(secret), now, now.Add(life)
	return secret, tx.PutLink(ctx, l)
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// ErrLink means that a link is wrong, was used, or has expired: which of them is
// not said.
var ErrLink = e911.Errorf(e911.Denied, "this link does not work any more; ask for a new one")

// Follow takes a one-time link and says whose it is. It works once, also when two
// follow it at the same time.
func (d *Desk) Follow(ctx context.Context, secret string, p LinkPurpose) (Identity, error) {
	var i Identity
	err := d.write(ctx, "link", func(tx Tx) error {
		l, err := tx.TakeLink(ctx, hashOf(secret), p)
		if e911.KindOf(err) == e911.NotFound || err == nil && !d.now().Before(l.Expires) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		if i, err = tx.Identity(ctx, l.Identity); e911.KindOf(err) == e911.NotFound || err == nil && !i.Disabled.IsZero() {
			return ErrLink
		}
		if err != nil {
			return err
		}
		if l.Proves {
			if err := d.prove(ctx, tx, &i); err != nil {
				return err
			}
		}
		i.LastSeen = d.now()
		if err := tx.ChangeIdentity(ctx, i); err != nil {
			return err
		}
		if err := tx.DropLinks(ctx, i.ID, d.now()); err != nil { // who was invited twice comes in once
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: verbAccepted, Kind: kindMember, ID: i.ID, Key: i.Email, Detail: map[string]any{"link": p}})
	})
	return i, err
}

// NewLink makes a link for somebody who asks for one by his address; it is mailed to it,
// or the operator's, and handed to nobody else. Secret is ""
// without an error when nobody of that address may sign in: the answer to who
// asks is the same in both cases, so that nobody learns who is known.
func (d *Desk) NewLink(ctx context.Context, email string, p LinkPurpose, life time.Duration) (i Identity, secret string, err error) {
	return d.newLink(ctx, email, p, life, false)
}

// AskedLink is NewLink for a page that anybody may ask. Links that the person has
// already go on working: else a stranger who knows his address ends his invitation.
func (d *Desk) AskedLink(ctx context.Context, email string, life time.Duration) (i Identity, secret string, err error) {
	return d.newLink(ctx, email, LinkReset, life, true)
}

func (d *Desk) newLink(ctx context.Context, email string, p LinkPurpose, life time.Duration, beside bool) (i Identity, secret string, err error) {
	err = d.write(ctx, "link", func(tx Tx) error {
		i, err = tx.IdentityByEmail(ctx, FoldEmail(email))
		if e911.KindOf(err) == e911.NotFound || err == nil && !i.Disabled.IsZero() {
			i = Identity{}
			if !beside {
				return nil
			}
			// As much is written as for a link: else the time that it takes says who is known.
			return tx.UseOnce(ctx, seal.NewSecret(), d.now().Add(life), d.now())
		}
		if err != nil {
			return err
		}
		secret, err = d.link(ctx, tx, Link{Identity: i.ID, Purpose: p, Proves: true}, life, beside)
		return err
	})
	return i, secret, err
}

// Take takes a role away. The last administrator's stays (N-16).
func (d *Desk) Take(ctx context.Context, by, grant, identity string) error {
	return d.write(ctx, admin.Actor(by), func(tx Tx) error { return d.take(ctx, tx, by, grant, identity) })
}

// take is Take inside a transaction.
func (d *Desk) take(ctx context.Context, tx Tx, by, grant, identity string) error {
	has, err := tx.GrantsOf(ctx, identity)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(has, func(g Grant) bool { return g.ID == grant })
	if i < 0 {
		return e911.Errorf(e911.NotFound, "there is no such role")
	}
	g := has[i]
	roll, at, err := d.roll(ctx, tx, by, g.At)
	if err != nil {
		return err
	}
	g.At = at
	if roll.At, err = working(ctx, tx, roll.At); err != nil {
		return err
	}
	if faults := access.Take(g.Grant, roll); len(faults) > 0 {
		return refused(faults)
	}
	who, err := tx.Identity(ctx, identity)
	if err != nil {
		return err
	}
	if d.cfg.Stays != nil {
		if err := d.cfg.Stays(ctx, identity, g.At); err != nil {
			return err
		}
	}
	if err := tx.RemoveGrant(ctx, grant); err != nil {
		return err
	}
	return tx.Note(ctx, note(verbTaken, who, g))
}

// roll gathers what a change at a node is judged by; the node comes back with the
// partner that it is under now.
func (d *Desk) roll(ctx context.Context, tx Tx, by string, at access.Node) (access.Roll, access.Node, error) {
	at, err := complete(ctx, tx, at)
	if err != nil {
		return access.Roll{}, at, err
	}
	own, err := ownOf(ctx, tx, by)
	if err != nil {
		return access.Roll{}, at, err
	}
	there, err := tx.GrantsAt(ctx, at)
	if err != nil {
		return access.Roll{}, at, err
	}
	return access.Roll{By: by, Own: own, At: plain(there), Now: d.now()}, at, nil
}

// working are the administrators among the roles who may sign in: a role that is taken
// must leave one who can do something. Giving one looks at all: who shuts an
// administrator out must not take his place.
func working(ctx context.Context, tx Tx, all []access.Grant) ([]access.Grant, error) {
	var out []access.Grant
	for _, g := range all {
		if !slices.Contains([]access.Role{access.Provider, access.Partner, access.Organisation}, g.Role) {
			continue
		}
		i, err := tx.Identity(ctx, g.Identity)
		if err != nil && e911.KindOf(err) != e911.NotFound {
			return nil, err
		}
		if err == nil && i.Disabled.IsZero() {
			out = append(out, g)
		}
	}
	return out, nil
}

func plain(all []Grant) []access.Grant {
	out := make([]access.Grant, len(all))
	for i, g := range all {
		out[i] = g.Grant
	}
	return out
}

// complete fills in the partner of an organisation's node.
func complete(ctx context.Context, tx Tx, at access.Node) (access.Node, error) {
	if at.Org == "" {
		return at, nil
	}
	p, err := tx.PartnerOf(ctx, e911.OrgID(at.Org))
	at.Partner = p
	return at, err
}

// Ask says whether an identity may do something, with the role that lets it. The
// use of a support grant is written down, at most once in a minute.
func (d *Desk) Ask(ctx context.Context, identity string, q access.Question) (access.Answer, error) {
	var a access.Answer
	var by Grant
	err := d.read(ctx, func(tx Tx) error {
		i, err := tx.Identity(ctx, identity)
		if e911.KindOf(err) == e911.NotFound || err == nil && !i.Disabled.IsZero() {
			a = access.May(access.Question{Area: q.Area, Verb: q.Verb}) // the same words as for one without a role
			return nil
		}
		if err != nil {
			return err
		}
		has, err := counting(ctx, tx, i)
		if err != nil {
			return err
		}
		if q.At, err = complete(ctx, tx, q.At); err != nil {
			return err
		}
		q.Identity, q.Grants, q.Now = identity, plain(has), d.now()
		a = access.May(q)
		if n := slices.IndexFunc(has, func(g Grant) bool { return g.ID == a.By.ID }); a.Allowed && n >= 0 {
			by = has[n]
		}
		return nil
	})
	if err == nil && a.Allowed && by.Support && d.now().Sub(by.Used) >= time.Minute {
		err = d.used(ctx, identity, by, q)
	}
	return a, err
}

// used writes that support was let in: the customer sees it (redsky.md, part 3).
func (d *Desk) used(ctx context.Context, identity string, g Grant, q access.Question) error {
	return d.write(ctx, admin.Actor(identity), func(tx Tx) error {
		if err := tx.UseGrant(ctx, g.ID, d.now()); err != nil {
			return err
		}
		who, err := tx.Identity(ctx, identity)
		if err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Org: e911.OrgID(g.At.Org), Verb: verbUsed, Kind: kindMember, ID: g.ID, Key: who.Email, Detail: map[string]any{
			"area": q.Area, "verb": q.Verb, "reason": g.Reason,
		}})
	})
}

// Of returns an identity and its roles that count.
func (d *Desk) Of(ctx context.Context, identity string) (Identity, []Grant, error) {
	var i Identity
	var has []Grant
	err := d.read(ctx, func(tx Tx) (err error) {
		if i, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		has, err = counting(ctx, tx, i)
		return err
	})
	return i, has, err
}
