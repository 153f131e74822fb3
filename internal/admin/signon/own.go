package signon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// Shown is a credential as its owner sees it.
type Shown struct {
	ID   string    `json:"id"`
	Kind Kind      `json:"kind"`
	Name string    `json:"name,omitempty"` // of a passkey
	Made time.Time `json:"made"`
	Used time.Time `json:"used,omitzero"` // zero: never
	// Left is how many recovery codes there are; they are one entry.
	Left int `json:"left,omitempty"`
	// Host is what a passkey was made for. Elsewhere: the pages have another host
	// now, so that no browser offers it.
	Host      string `json:"host,omitempty"`
	Elsewhere bool   `json:"elsewhere,omitempty"`
	// Synced: the passkey may be on several devices of its owner.
	Synced bool `json:"synced,omitempty"`
	// Copied is when the passkey was refused because its counter went back.
	Copied time.Time `json:"copied,omitzero"`
}

// AllRecovery is the id that stands for all recovery codes together.
const AllRecovery = "recovery"

// Own lists the credentials of an identity: password, one-time codes, recovery codes,
// passkeys from the oldest.
func (d *Desk) Own(ctx context.Context, identity string) ([]Shown, error) {
	_, all, err := d.heldBy(ctx, identity)
	if err != nil {
		return nil, err
	}
	out := []Shown{}
	codes := Shown{ID: AllRecovery, Kind: Recovery}
	for _, c := range all {
		if c.Kind == Recovery {
			codes.Left++
			codes.Made = c.Made
			continue
		}
		s, err := d.shown(c)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if codes.Left > 0 {
		out = append(out, codes)
	}
	order := []Kind{Password, TOTP, Recovery, Passkey}
	slices.SortFunc(out, func(a, b Shown) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), a.Made.Compare(b.Made), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (d *Desk) shown(c Credential) (Shown, error) {
	s := Shown{ID: c.ID, Kind: c.Kind, Name: c.Name, Made: c.Made, Used: c.Used}
	if c.Kind != Passkey {
		return s, nil
	}
	k, err := passkeyOf(c)
	if err != nil {
		return s, err
	}
	s.Host, s.Synced, s.Copied = k.Party, k.Synced, k.Copied
	s.Elsewhere = d.party.host() != "" && k.Party != d.party.host()
	return s, nil
}

// NewRecoveryCodes puts new recovery codes in the place of those there are, and
// returns them, once.
func (d *Desk) NewRecoveryCodes(ctx context.Context, in Session) ([]string, error) {
	if err := d.mayChangeNow(in); err != nil {
		return nil, err
	}
	var codes []string
	var who member.Identity
	err := d.write(ctx, admin.Actor(in.Identity), func(tx Tx) (err error) {
		if who, err = tx.Identity(ctx, in.Identity); err != nil {
			return err
		}
		had, err := tx.CredentialsOf(ctx, in.Identity)
		if err != nil {
			return err
		}
		if !has(had, TOTP) {
			return e911.Errorf(e911.Conflict, "recovery codes stand in for the codes of an app; set those up first")
		}
		if err := dropKinds(ctx, tx, in.Identity, Recovery); err != nil {
			return err
		}
		if codes, err = d.addRecovery(ctx, tx, in.Identity); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: "set", Kind: kindCredential, ID: in.Identity, Key: who.Email, Detail: map[string]any{"kind": Recovery}})
	})
	if err != nil {
		return nil, err
	}
	d.tell(who, "New recovery codes were made; the old ones have ended.")
	return codes, nil
}

func (d *Desk) addRecovery(ctx context.Context, tx Tx, identity string) ([]string, error) {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		plain, text := recoveryCode()
		codes[i] = text
		if err := tx.PutCredential(ctx, Credential{ID: e911.NewID[string](), Identity: identity, Kind: Recovery, Data: hashOf(plain), Made: d.now()}); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

func dropKinds(ctx context.Context, tx Tx, identity string, kinds ...Kind) error {
	had, err := tx.CredentialsOf(ctx, identity)
	if err != nil {
		return err
	}
	for _, c := range had {
		if slices.Contains(kinds, c.Kind) {
			if err := tx.DropCredential(ctx, identity, c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteUse writes when a credential was used; one that is gone meanwhile is not.
func noteUse(ctx context.Context, tx Tx, id string, at time.Time) error {
	if id == "" {
		return nil
	}
	c, err := tx.Credential(ctx, id)
	if err != nil {
		if e911.KindOf(err) == e911.NotFound {
			return ErrWrong // dropped between the proof and here
		}
		return err
	}
	c.Used = at
	return tx.PutCredential(ctx, c)
}

func has(all []Credential, k Kind) bool {
	return slices.ContainsFunc(all, func(c Credential) bool { return c.Kind == k })
}

// Drop takes a credential of who is signed in away, with AllRecovery all recovery
// codes; these go with the codes of the app too. The last way in stays, and what
// Config.Gate says somebody needs. His other sessions end.
func (d *Desk) Drop(ctx context.Context, in Session, id string) error {
	if err := d.mayChangeNow(in); err != nil {
		return err
	}
	return d.drop(ctx, admin.Actor(in.Identity), in.Identity, id, func(rest []Credential) error {
		if !d.wayIn(rest) {
			return e911.Errorf(e911.Conflict, "this is the last way to sign in; add another one first")
		}
		if d.cfg.Gate == nil {
			return nil
		}
		return d.cfg.Gate.Drops(ctx, in.Identity, rest)
	}, in.ID)
}

// DropFor takes a credential of somebody away for the operator, who can make a link by
// which that person comes back: it may be the last one. All sessions of the person end.
func (d *Desk) DropFor(ctx context.Context, by admin.Actor, identity, id string) error {
	return d.drop(ctx, by, identity, id, func([]Credential) error { return nil }, "")
}

func (d *Desk) wayIn(rest []Credential) bool {
	return slices.ContainsFunc(rest, func(c Credential) bool {
		if c.Kind == Passkey {
			k, err := passkeyOf(c)
			return err == nil && k.Party == d.party.host()
		}
		return c.Kind == Password
	})
}

func (d *Desk) drop(ctx context.Context, by admin.Actor, identity, id string, may func(rest []Credential) error, keep string) error {
	var who member.Identity
	var gone []Credential
	err := d.write(ctx, by, func(tx Tx) (err error) {
		if who, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		had, err := tx.CredentialsOf(ctx, identity)
		if err != nil {
			return err
		}
		var rest []Credential
		if gone, rest = parted(had, id); len(gone) == 0 {
			return e911.Errorf(e911.NotFound, "there is no such credential")
		}
		if err := may(rest); err != nil {
			return err
		}
		for _, c := range gone {
			if err := tx.DropCredential(ctx, identity, c.ID); err != nil {
				return err
			}
		}
		if err := tx.EndSessions(ctx, identity, []string{keep}, true, d.now()); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: admin.Deleted, Kind: kindCredential, ID: id, Key: who.Email, Detail: map[string]any{"kind": gone[0].Kind, "name": gone[0].Name}})
	})
	if err != nil {
		return err
	}
	d.held.forget(identity, keep)
	what := map[Kind]string{Password: "The password was taken away.", TOTP: "One-time codes were switched off.", Recovery: "The recovery codes were taken away."}[gone[0].Kind]
	if gone[0].Kind == Passkey {
		what = "A passkey was taken away: " + gone[0].Name + "."
	}
	d.tell(who, what)
	return nil
}

// parted is what goes with an id, that itself first, and what stays.
func parted(had []Credential, id string) (gone, rest []Credential) {
	codes := id == AllRecovery
	for _, c := range had {
		if c.ID == id && c.Kind != Recovery {
			gone = append(gone, c)
			codes = c.Kind == TOTP
		}
	}
	for _, c := range had {
		switch {
		case codes && c.Kind == Recovery:
			gone = append(gone, c)
		case c.ID != id:
			rest = append(rest, c)
		}
	}
	return gone, rest
}

// tell mails somebody that how he proves himself was changed, so that he knows when
// it was not he.
func (d *Desk) tell(who member.Identity, what string) {
	if d.cfg.Mail == nil {
		return
	}
	d.cfg.Mail(who.Email, "How you sign in to Callbox", what+"\n\nWhen: "+d.now().Format("2006-01-02 15:04")+
		" UTC\n\nIf this was not you, end your sessions on your profile, change your password, and tell who runs this Callbox.\n")
}
