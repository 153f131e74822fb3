package member

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Operator stands, as the one who asks, for the operator of the machine, who needs
// no identity: he may what the provider's administrators may. No identity has it
// for an id.
const Operator = "operator"

// operatorGrant is the role of Operator.
func operatorGrant() access.Grant {
	return access.Grant{ID: Operator, Identity: Operator, Role: access.Provider}
}

// ownOf are the roles of the one who asks. Of a disabled identity none counts.
func ownOf(ctx context.Context, tx Tx, by string) ([]access.Grant, error) {
	if by == Operator {
		return []access.Grant{operatorGrant()}, nil
	}
	i, err := tx.Identity(ctx, by)
	if e911.KindOf(err) == e911.NotFound || err == nil && !i.Disabled.IsZero() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	has, err := counting(ctx, tx, i)
	return plain(has), err
}

// Belongs reports whether an identity has any role that has to do with a node: one
// at it, above it, or at the same organisation. Who has none learns nothing of
// what is there, not even that it is (E14).
func (d *Desk) Belongs(ctx context.Context, identity string, at access.Node) (bool, error) {
	in := false
	err := d.read(ctx, func(tx Tx) error {
		own, err := ownOf(ctx, tx, identity)
		if err != nil {
			return err
		}
		if at, err = complete(ctx, tx, at); err != nil {
			return err
		}
		in = slices.ContainsFunc(own, func(g access.Grant) bool {
			return g.Holds(d.now()) && (g.At.Holds(at) || g.At.Org != "" && g.At.Org == at.Org)
		})
		return nil
	})
	return in, err
}

// Peek says whose a one-time link is and leaves it working: programs that look at
// links in mails fetch them, and must not use them up.
func (d *Desk) Peek(ctx context.Context, secret string, p LinkPurpose) (Identity, error) {
	peeked := errors.New("undo")
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
		return peeked
	})
	if errors.Is(err, peeked) {
		return i, nil
	}
	return Identity{}, err
}

// Find returns the identity of an address, NotFound when there is none. It is for
// the operator: everybody else would learn from it who is known.
func (d *Desk) Find(ctx context.Context, email string) (i Identity, err error) {
	err = d.read(ctx, func(tx Tx) error {
		i, err = tx.IdentityByEmail(ctx, FoldEmail(email))
		return err
	})
	return i, err
}

// maxName bounds a name, in bytes.
const maxName = 200

// SetProfile changes what an identity says of itself.
func (d *Desk) SetProfile(ctx context.Context, identity, name, language string) (Identity, error) {
	name = strings.TrimSpace(name)
	var faults []e911.Fault
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		faults = append(faults, e911.Fault{Path: "name", Code: "syntax", Msg: "a name has 1 to 200 characters on one line", Fix: "write it as others know you"})
	}
	if !slices.Contains([]string{"", "en", "fr"}, language) {
		faults = append(faults, e911.Fault{Path: "language", Code: "unknown", Msg: "there is no such language", Fix: "en or fr"})
	}
	if len(faults) > 0 {
		return Identity{}, refused(faults)
	}
	var i Identity
	err := d.write(ctx, admin.Actor(identity), func(tx Tx) (err error) {
		if i, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		i.Name, i.Language = name, language
		if err := tx.ChangeIdentity(ctx, i); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: admin.Changed, Kind: kindMember, ID: i.ID, Key: i.Email, Detail: map[string]any{"name": name, "language": language}})
	})
	return i, err
}

// Partners lists the partners that an identity has to do with: all for the
// provider's, his own for a partner's.
func (d *Desk) Partners(ctx context.Context, by string) ([]Partner, error) {
	var out []Partner
	err := d.read(ctx, func(tx Tx) error {
		own, err := ownOf(ctx, tx, by)
		if err != nil {
			return err
		}
		all, err := tx.Partners(ctx)
		for _, p := range all {
			q := access.Question{Identity: by, Grants: own, At: access.Node{Partner: p.ID}, Area: access.Tenants, Verb: access.Read, Now: d.now()}
			if access.May(q).Allowed {
				out = append(out, p)
			}
		}
		return err
	})
	return out, err
}

// Transfers lists the moves of an organisation, also those that are over.
func (d *Desk) Transfers(ctx context.Context, org e911.OrgID) ([]access.Transfer, error) {
	var out []access.Transfer
	err := d.read(ctx, func(tx Tx) (err error) {
		out, err = tx.TransfersOf(ctx, org)
		return err
	})
	return out, err
}

// stillFor is how long an answer that was given is believed while the database is
// down: as long as a session lasts.
const stillFor = 12 * time.Hour

// freshFor is how long it is believed in any case: a role that was taken away works
// here no longer than that.
const freshFor = 5 * time.Second

// maxStill bounds the answers in memory.
const maxStill = 20_000

type stillKey struct {
	identity string
	at       access.Node
	area     access.Area
	verb     access.Verb
	scope    string
}

type stillAnswer struct {
	answer access.Answer
	at     time.Time
}

// AskStill asks as Ask does, for what somebody watches all the time, such as the
// live board: an answer is believed for some seconds, and what was allowed while
// the database was there stays so while it is down (D-12).
func (d *Desk) AskStill(ctx context.Context, identity string, q access.Question) (access.Answer, error) {
	k, now := stillKey{identity, q.At, q.Area, q.Verb, ScopeOf(ctx).Key()}, d.now()
	d.still.mu.Lock()
	h, ok := d.still.held[k]
	d.still.mu.Unlock()
	if ok && h.answer.Allowed && !h.answer.By.Holds(now) {
		ok = false // the role is over now, whether the database is there to say it or not
	}
	if ok && now.Sub(h.at) < freshFor && !now.Before(h.at) {
		return h.answer, nil
	}
	a, err := d.Ask(ctx, identity, q)
	if err != nil {
		if ok && h.answer.Allowed && e911.KindOf(err) == e911.Unavailable && now.Sub(h.at) < stillFor {
			return h.answer, nil
		}
		return access.Answer{}, err
	}
	d.still.mu.Lock()
	defer d.still.mu.Unlock()
	if len(d.still.held) >= maxStill {
		clear(d.still.held)
	}
	d.still.held[k] = stillAnswer{a, now}
	return a, nil
}
