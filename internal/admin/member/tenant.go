package member

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// partnerKey is what a partner is called in commands, and in requests for accounts.
var partnerKey = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// AddPartner makes a partner; by is an administrator of the provider.
func (d *Desk) AddPartner(ctx context.Context, by string, key, name string) (Partner, error) {
	p := Partner{ID: e911.NewID[string](), Key: key, Name: name, Made: d.now()}
	if !partnerKey.MatchString(key) || strings.TrimSpace(name) == "" || len(name) > maxName {
		return Partner{}, refused([]e911.Fault{{Path: "key", Code: "syntax", Msg: "a partner needs a key of small letters, digits and hyphens, and a name", Fix: "give both, like north and North Telecom"}})
	}
	err := d.write(ctx, admin.Actor(by), func(tx Tx) error {
		if err := d.must(ctx, tx, by, access.Question{Area: access.Tenants, Verb: access.Write}); err != nil {
			return err
		}
		switch _, err := partnerOf(ctx, tx, key); {
		case err == nil:
			return refused([]e911.Fault{{Path: "key", Code: "taken", Msg: "a partner has this key already", Fix: "take another, or use that one"}})
		case e911.KindOf(err) != e911.NotFound:
			return err
		}
		if err := tx.CreatePartner(ctx, p); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: admin.Created, Kind: kindPartner, ID: p.ID, Key: p.Key, Detail: p})
	})
	return p, err
}

// must is Denied unless the identity may.
func (d *Desk) must(ctx context.Context, tx Tx, by string, q access.Question) error {
	own, err := ownOf(ctx, tx, by)
	if err != nil {
		return err
	}
	q.Identity, q.Grants, q.Now = by, own, d.now()
	if a := access.May(q); !a.Allowed {
		return e911.Errorf(e911.Denied, "%s", a.Why)
	}
	return nil
}

// AskTransfer begins the move of an organisation to another partner, by its id or
// key; to is "" for the provider himself. Who asks agrees for every side that he speaks for.
func (d *Desk) AskTransfer(ctx context.Context, by string, org e911.OrgID, to string) (access.Transfer, error) {
	var t access.Transfer
	err := d.write(ctx, admin.Actor(by), func(tx Tx) error {
		from, err := tx.PartnerOf(ctx, org)
		if err != nil {
			return err
		}
		p, err := partnerOf(ctx, tx, to)
		if e911.KindOf(err) == e911.NotFound {
			return refused([]e911.Fault{{Path: "to", Code: "unknown", Msg: "there is no such partner", Fix: "ask the partner for its key or id"}})
		}
		if err != nil {
			return err
		}
		to = p.ID
		if from == to {
			return refused([]e911.Fault{{Path: "to", Code: "same", Msg: "the organisation is with that partner already", Fix: "name another"}})
		}
		others, err := tx.TransfersOf(ctx, org)
		if err != nil {
			return err
		}
		for _, o := range others {
			if o.Ended.IsZero() && d.now().Sub(o.Asked) <= access.TransferLife {
				return e911.Errorf(e911.Conflict, "a move of this organisation is under way: agree to it, or end it first")
			}
		}
		t = access.Transfer{ID: e911.NewID[string](), Org: string(org), From: from, To: to, Asked: d.now(), Agreed: map[access.Side]access.Consent{}}
		return d.agree(ctx, tx, by, &t, access.SideFrom, access.SideTo, access.SideCustomer)
	})
	return t, err
}

// Agree says yes for the sides that the identity speaks for. With the last yes the
// organisation moves.
func (d *Desk) Agree(ctx context.Context, by, id string) (access.Transfer, error) {
	var t access.Transfer
	err := d.write(ctx, admin.Actor(by), func(tx Tx) (err error) {
		if t, err = tx.Transfer(ctx, id); err != nil {
			return err
		}
		if !t.Ended.IsZero() || d.now().Sub(t.Asked) > access.TransferLife {
			return e911.Errorf(e911.Conflict, "this move is over; ask for a new one")
		}
		return d.agree(ctx, tx, by, &t, access.SideFrom, access.SideTo, access.SideCustomer)
	})
	return t, err
}

func (d *Desk) agree(ctx context.Context, tx Tx, by string, t *access.Transfer, sides ...access.Side) error {
	own, err := ownOf(ctx, tx, by)
	if err != nil {
		return err
	}
	spoke := false
	for _, s := range sides {
		if t.Speaks(s, by, own, d.now()) {
			t.Agreed[s] = access.Consent{Who: by, At: d.now()}
			spoke = true
		}
	}
	if !spoke {
		return e911.Errorf(e911.NotFound, "there is no such move") // who has no part in it learns nothing of it
	}
	verb := verbAgreed
	if ok, _ := t.Ready(d.now()); ok {
		t.Ended, verb = d.now(), verbMoved
		if err := d.move(ctx, tx, *t); err != nil {
			return err
		}
	}
	if err := tx.PutTransfer(ctx, *t); err != nil {
		return err
	}
	return tx.Note(ctx, admin.AuditNote{Org: e911.OrgID(t.Org), Verb: verb, Kind: kindTransfer, ID: t.ID, Detail: t})
}

// move puts the organisation under its new partner. With the old one's roles, which
// end by that, go the support roles of his people and the API keys that they made.
func (d *Desk) move(ctx context.Context, tx Tx, t access.Transfer) error {
	org := e911.OrgID(t.Org)
	from, err := tx.PartnerOf(ctx, org)
	if err != nil {
		return err
	}
	if from != t.From {
		return e911.Errorf(e911.Conflict, "the organisation is no longer with the partner that it was to leave; ask for a new move")
	}
	if _, err := partnerOf(ctx, tx, t.To); err != nil {
		return err
	}
	if err := tx.SetPartner(ctx, org, t.To); err != nil || t.From == "" {
		return err
	}
	old, err := tx.GrantsAt(ctx, access.Node{Partner: t.From})
	if err != nil {
		return err
	}
	has, err := tx.GrantsIn(ctx, org)
	if err != nil {
		return err
	}
	var keysOf []string
	for _, g := range old {
		// Who is a member of the organisation by himself keeps what he made there.
		if !slices.ContainsFunc(has, func(m Grant) bool { return m.Identity == g.Identity && !m.Support }) {
			keysOf = append(keysOf, g.Identity)
		}
	}
	for _, g := range has {
		if !g.Support || !slices.ContainsFunc(old, func(o Grant) bool { return o.Identity == g.Identity }) {
			continue
		}
		who, err := tx.Identity(ctx, g.Identity)
		if err == nil {
			err = tx.RemoveGrant(ctx, g.ID)
		}
		if err == nil {
			err = tx.Note(ctx, note(verbTaken, who, g))
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.RevokeKeysOf(ctx, org, keysOf, d.now())
	return err
}

// partnerOf finds a partner by its id or key; "" is the provider himself.
func partnerOf(ctx context.Context, tx Tx, name string) (Partner, error) {
	if name == "" {
		return Partner{}, nil
	}
	all, err := tx.Partners(ctx)
	if err != nil {
		return Partner{}, err
	}
	i := slices.IndexFunc(all, func(p Partner) bool { return p.ID == name || p.Key == name })
	if i < 0 {
		return Partner{}, e911.Errorf(e911.NotFound, "there is no partner %q: give its key, or its id", name)
	}
	return all[i], nil
}

// RemovePartner ends a partner that has no organisations any more, with the roles at
// it and the moves to it.
func (d *Desk) RemovePartner(ctx context.Context, by, id string) error {
	return d.write(ctx, admin.Actor(by), func(tx Tx) error {
		if err := d.must(ctx, tx, by, access.Question{Area: access.Tenants, Verb: access.Write}); err != nil {
			return err
		}
		p, err := partnerOf(ctx, tx, id)
		if err != nil {
			return err
		}
		customers, err := tx.Customers(ctx)
		if err != nil {
			return err
		}
		for _, of := range customers {
			if of == p.ID {
				return e911.Errorf(e911.Conflict, "this partner has organisations: move them first")
			}
		}
		moves, err := tx.OpenTransfers(ctx)
		if err != nil {
			return err
		}
		for _, t := range moves {
			if t.To != p.ID && t.From != p.ID {
				continue
			}
			t.Ended = d.now()
			if err := tx.PutTransfer(ctx, t); err != nil {
				return err
			}
			if err := tx.Note(ctx, admin.AuditNote{Org: e911.OrgID(t.Org), Verb: "refused", Kind: kindTransfer, ID: t.ID, Detail: map[string]any{"why": "the partner is no more"}}); err != nil {
				return err
			}
		}
		roles, err := tx.GrantsAt(ctx, access.Node{Partner: p.ID})
		if err != nil {
			return err
		}
		for _, g := range roles {
			if err := tx.RemoveGrant(ctx, g.ID); err != nil {
				return err
			}
		}
		if err := tx.RemovePartner(ctx, p.ID); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: admin.Deleted, Kind: kindPartner, ID: p.ID, Key: p.Key, Detail: map[string]any{"name": p.Name, "roles": len(roles)}})
	})
}

// MovesFor lists the moves that are under way and that an identity has a say in.
func (d *Desk) MovesFor(ctx context.Context, by string) ([]access.Transfer, error) {
	var out []access.Transfer
	err := d.read(ctx, func(tx Tx) error {
		own, err := ownOf(ctx, tx, by)
		if err != nil {
			return err
		}
		all, err := tx.OpenTransfers(ctx)
		for _, t := range all {
			if d.now().Sub(t.Asked) <= access.TransferLife && speaks(t, by, own, d.now()) {
				out = append(out, t)
			}
		}
		return err
	})
	return out, err
}

func speaks(t access.Transfer, by string, own []access.Grant, now time.Time) bool {
	return slices.ContainsFunc([]access.Side{access.SideFrom, access.SideTo, access.SideCustomer}, func(s access.Side) bool {
		return t.Speaks(s, by, own, now)
	})
}

// Refuse ends a move that is under way; anyone who speaks for a side may.
func (d *Desk) Refuse(ctx context.Context, by, id string) error {
	return d.write(ctx, admin.Actor(by), func(tx Tx) error {
		t, err := tx.Transfer(ctx, id)
		if err != nil {
			return err
		}
		own, err := ownOf(ctx, tx, by)
		if err != nil {
			return err
		}
		if !speaks(t, by, own, d.now()) {
			return e911.Errorf(e911.NotFound, "there is no such move")
		}
		if !t.Ended.IsZero() {
			return e911.Errorf(e911.Conflict, "this move is over")
		}
		t.Ended = d.now()
		if err := tx.PutTransfer(ctx, t); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Org: e911.OrgID(t.Org), Verb: "refused", Kind: kindTransfer, ID: t.ID})
	})
}

// Disable keeps an identity from signing in, or lets it again. Only the provider's
// administrators may: it may have roles with many customers, who take theirs away.
func (d *Desk) Disable(ctx context.Context, by, identity string, off bool) error {
	return d.write(ctx, admin.Actor(by), func(tx Tx) error {
		if err := d.must(ctx, tx, by, access.Question{Area: access.Tenants, Verb: access.Write}); err != nil {
			return err
		}
		if by == identity && off {
			return refused([]e911.Fault{{Path: "identity", Code: "self", Msg: "you cannot shut yourself out", Fix: "ask another administrator"}})
		}
		i, err := tx.Identity(ctx, identity)
		if err != nil {
			return err
		}
		verb := admin.Verb("enabled")
		i.Disabled = time.Time{}
		if off {
			i.Disabled, verb = d.now(), "disabled"
			if err := tx.DropLinks(ctx, i.ID, d.now()); err != nil {
				return err
			}
		}
		if err := tx.ChangeIdentity(ctx, i); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: verb, Kind: kindMember, ID: i.ID, Key: i.Email})
	})
}
