package member

import (
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// AddPartner makes a partner; by is an administrator of the provider.
func (d *Desk) AddPartner(ctx context.Context, by string, key, name string) (Partner, error) {
	p := Partner{ID: e911.NewID[string](), Key: key, Name: name, Made: d.now()}
	if key == "" || name == "" {
		return Partner{}, refused([]e911.Fault{{Path: "key", Code: "missing", Msg: "a partner needs a key and a name", Fix: "give both"}})
	}
	err := d.write(ctx, admin.Actor(by), func(tx Tx) error {
		if err := d.must(ctx, tx, by, access.Question{Area: access.Tenants, Verb: access.Write}); err != nil {
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

// AskTransfer begins the move of an organisation to another partner; to is "" for
// the provider himself. Who asks agrees for every side that he speaks for.
func (d *Desk) AskTransfer(ctx context.Context, by string, org e911.OrgID, to string) (access.Transfer, error) {
	var t access.Transfer
	err := d.write(ctx, admin.Actor(by), func(tx Tx) error {
		from, err := tx.PartnerOf(ctx, org)
		if err != nil {
			return err
		}
		if from == to {
			return refused([]e911.Fault{{Path: "to", Code: "same", Msg: "the organisation is with that partner already", Fix: "name another"}})
		}
		partners, err := tx.Partners(ctx)
		if err != nil {
			return err
		}
		if to != "" && !slices.ContainsFunc(partners, func(p Partner) bool { return p.ID == to }) {
			return refused([]e911.Fault{{Path: "to", Code: "unknown", Msg: "there is no such partner", Fix: "name one of the list of partners"}})
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
		if err := tx.SetPartner(ctx, e911.OrgID(t.Org), t.To); err != nil {
			return err
		}
	}
	if err := tx.PutTransfer(ctx, *t); err != nil {
		return err
	}
	return tx.Note(ctx, admin.AuditNote{Org: e911.OrgID(t.Org), Verb: verb, Kind: kindTransfer, ID: t.ID, Detail: t})
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
		if !slices.ContainsFunc([]access.Side{access.SideFrom, access.SideTo, access.SideCustomer}, func(s access.Side) bool {
			return t.Speaks(s, by, own, d.now())
		}) {
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
