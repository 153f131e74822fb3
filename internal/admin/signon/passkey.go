package signon

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Bounds of passkeys.
const (
	maxPasskeys = 20
	maxKeyName  = 64
	// minKeyID and maxKeyID bound the id that an authenticator gives (Web
	// Authentication, section 4, "credential ID").
	minKeyID = 16
	maxKeyID = 1023
)

var (
	// ErrPasskey is said for a passkey that is not known, one of somebody who may not
	// sign in, and an answer that does not hold: which of them is not said.
	ErrPasskey = e911.Errorf(e911.Denied, "this passkey does not sign in here; it may have been taken away. Sign in another way")
	// ErrUnlock means that the passkey is right, that its authenticator did not make
	// sure of the person, and that this person needs a second proof.
	ErrUnlock = e911.Errorf(e911.Denied, "this passkey was not unlocked by a PIN, finger or face, which your account asks for; unlock it, or sign in with your password and a code")
	// ErrCopied means that the passkey's counter went back (Web Authentication,
	// section 6.1.1): its private key may be in two places.
	ErrCopied = e911.Errorf(e911.Denied, "this passkey was refused because somebody may have a copy of it; sign in another way, take it away on your profile, and make a new one")
)

// Passkeys tells why there are none here; nil: there are.
func (d *Desk) Passkeys() error { return d.party.why() }

// BeginPasskey asks the browser to make a passkey for who is signed in. It excludes
// the authenticators that hold one of his.
func (d *Desk) BeginPasskey(ctx context.Context, in Session) (Ceremony, error) {
	if err := d.mayChangeNow(in); err != nil {
		return Ceremony{}, err
	}
	if err := d.party.why(); err != nil {
		return Ceremony{}, err
	}
	who, creds, err := d.heldBy(ctx, in.Identity)
	if err != nil {
		return Ceremony{}, err
	}
	o := Owner{Handle: seal.NewSecret(), Name: who.Email, Shown: cmp.Or(who.Name, who.Email)}
	have, err := d.party.here(creds)
	if err != nil {
		return Ceremony{}, err
	}
	if len(have) > 0 {
		o.Handle = have[0].Handle // an authenticator keeps one passkey of a handle
	}
	options, challenge, err := d.party.Make(o, have)
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a new passkey: %w", err)
	}
	return d.party.ask(purposeMake, options, ceremony{Challenge: challenge, Handle: o.Handle, Identity: in.Identity, Session: in.ID}, d.now())
}

// heldBy reads an identity and its credentials.
func (d *Desk) heldBy(ctx context.Context, identity string) (who member.Identity, creds []Credential, err error) {
	err = d.read(ctx, func(tx Tx) (err error) {
		if who, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		creds, err = tx.CredentialsOf(ctx, identity)
		return err
	})
	return who, creds, err
}

// FinishPasskey keeps the passkey that a browser made. An empty name gets one.
func (d *Desk) FinishPasskey(ctx context.Context, in Session, name string, a Answer) (Shown, error) {
	if err := d.mayChangeNow(in); err != nil {
		return Shown{}, err
	}
	if err := d.party.why(); err != nil {
		return Shown{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" {
		name = "Passkey of " + d.now().Format(time.DateOnly)
	}
	if utf8.RuneCountInString(name) > maxKeyName || !utf8.ValidString(name) {
		return Shown{}, &e911.Error{Kind: e911.Invalid, Msg: "the passkey was not kept", Faults: []e911.Fault{{Path: "name", Code: "long", Msg: fmt.Sprintf("a name has at most %d characters", maxKeyName), Fix: "take a shorter one"}}}
	}
	c, err := d.take(ctx, purposeMake, a.State)
	if err != nil {
		return Shown{}, err
	}
	if c.Session != in.ID || c.Identity != in.Identity {
		return Shown{}, errCeremony
	}
	made, err := d.made(c, a.Response)
	if err != nil {
		return Shown{}, err
	}
	made.Identity, made.Name, made.Made = in.Identity, name, d.now()
	who, err := d.keep(ctx, in, made)
	if err != nil {
		return Shown{}, err
	}
	d.tell(who, "A passkey was added: "+name+".")
	return d.shown(made)
}

// made checks what the browser made.
func (d *Desk) made(c ceremony, response []byte) (Credential, error) {
	wrong := func(err error) error {
		return &e911.Error{Kind: e911.Invalid, Msg: "the passkey was not kept", Err: err, Faults: []e911.Fault{{
			Path: "credential", Code: "wrong", Msg: "the browser's answer does not fit what it was asked", Fix: "load the page again, and try once more",
		}}}
	}
	made, err := d.party.Made(c.Challenge, c.Handle, response)
	if err != nil {
		return Credential{}, wrong(err)
	}
	if len(made.ID) < minKeyID || len(made.ID) > maxKeyID {
		return Credential{}, wrong(fmt.Errorf("an id of %d octets", len(made.ID)))
	}
	made.Handle = c.Handle
	out := Credential{ID: passkeyID(made.ID), Kind: Passkey}
	out.Data, err = json.Marshal(passkey{PublicKey: made, Party: d.party.Host()})
	return out, err
}

// keep writes a new passkey. One that is known already is refused, whosever it is
// (Web Authentication, section 7.1, step 26).
func (d *Desk) keep(ctx context.Context, in Session, c Credential) (who member.Identity, err error) {
	err = d.write(ctx, admin.Actor(in.Identity), func(tx Tx) error {
		if who, err = tx.Identity(ctx, in.Identity); err != nil {
			return err
		}
		if _, err := tx.Credential(ctx, c.ID); e911.KindOf(err) != e911.NotFound {
			if err == nil {
				err = e911.Errorf(e911.Conflict, "this passkey is known here already")
			}
			return err
		}
		all, err := tx.CredentialsOf(ctx, in.Identity)
		if err != nil {
			return err
		}
		n := 0
		for _, o := range all {
			if o.Kind == Passkey {
				n++
			}
		}
		if n >= maxPasskeys {
			return e911.Errorf(e911.Conflict, "you have %d passkeys; take one away that you do not use", n)
		}
		if err := tx.PutCredential(ctx, c); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: admin.Created, Kind: kindCredential, ID: c.ID, Key: who.Email, Detail: map[string]any{"kind": Passkey, "name": c.Name}})
	})
	return who, err
}

// BeginPasskeySignIn asks the browser for any passkey of this Callbox: it is the same
// question for everybody, and tells nobody who is known.
func (d *Desk) BeginPasskeySignIn() (Ceremony, error) {
	if err := d.party.why(); err != nil {
		return Ceremony{}, err
	}
	options, challenge, err := d.party.Ask(nil)
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return d.party.ask(purposeSignIn, options, ceremony{Challenge: challenge}, d.now())
}

// SignInByPasskey proves an answer and makes a session, as SignIn does.
func (d *Desk) SignInByPasskey(ctx context.Context, a Answer) (Session, string, error) {
	p, err := d.proved(ctx, purposeSignIn, a, Session{})
	if err != nil {
		return Session{}, "", err
	}
	return d.Admit(ctx, p.who.ID, Admission{By: p.by(), Address: a.Address, Agent: a.Agent})
}

// proof is an answer that holds.
type proof struct {
	who      member.Identity
	key      Credential
	verified bool // that the authenticator made sure of the person
	codes    bool // he has one-time codes
	copied   bool
}

func (p *proof) by() []string {
	if p.verified {
		return []string{string(Passkey), "uv"}
	}
	return []string{string(Passkey)}
}

// proved checks an answer: of anybody, or of who is signed in.
func (d *Desk) proved(ctx context.Context, aim purpose, a Answer, in Session) (*proof, error) {
	if err := d.party.why(); err != nil {
		return nil, err
	}
	id, unread := d.party.Named(a.Response)
	account := "passkey"
	if unread == nil {
		account += " " + passkeyID(id)
	}
	if wait := d.limit.wait(a.Address, account, d.now()); wait > 0 {
		return nil, tooMany(wait)
	}
	c, err := d.take(ctx, aim, a.State)
	switch {
	case err == nil && (c.Session != in.ID || c.Identity != in.Identity):
		err = errCeremony
	case err == nil && (unread != nil || len(id) < minKeyID || len(id) > maxKeyID):
		err = ErrPasskey
	case err != nil && e911.KindOf(err) != e911.Denied:
		return nil, err
	}
	if err != nil {
		return nil, d.failed(a.Address, account, err)
	}
	var p *proof
	err = d.write(ctx, admin.Actor("sign-in"), func(tx Tx) (err error) {
		p, err = d.prove(ctx, tx, c, id, a.Response)
		return err
	})
	switch {
	case err != nil && e911.KindOf(err) == e911.Denied:
		return nil, d.failed(a.Address, account, err)
	case err != nil:
		return nil, err
	case p.copied:
		d.tell(p.who, "A sign-in with the passkey "+p.key.Name+" was refused: its counter went back, so somebody may have a copy of it. Take it away on your profile, and make a new one.")
		return nil, d.failed(a.Address, account, ErrCopied)
	case in.Identity != "" && p.who.ID != in.Identity:
		return nil, d.failed(a.Address, account, ErrPasskey)
	}
	d.limit.succeeded(a.Address, account)
	if p.codes && !p.verified {
		return nil, ErrUnlock // a password alone would not do either
	}
	return p, nil
}

func (d *Desk) failed(from netip.Addr, account string, err error) error {
	d.limit.failed(from, account, d.now())
	return err
}

// prove checks an answer against the passkey that it names, and writes the counter and
// the time with it.
func (d *Desk) prove(ctx context.Context, tx Tx, c ceremony, id, response []byte) (*proof, error) {
	p := &proof{}
	var err error
	if p.key, err = tx.Credential(ctx, passkeyID(id)); e911.KindOf(err) == e911.NotFound {
		return nil, ErrPasskey
	}
	if err == nil && p.key.Kind != Passkey {
		return nil, ErrPasskey
	}
	if err == nil {
		p.who, err = tx.Identity(ctx, p.key.Identity)
	}
	if err != nil {
		return nil, err
	}
	k, err := passkeyOf(p.key)
	if err != nil {
		return nil, err
	}
	if !p.who.Disabled.IsZero() || k.Party != d.party.Host() {
		return nil, ErrPasskey
	}
	use, err := d.party.Check(c.Challenge, k.PublicKey, response)
	if err != nil {
		d.cfg.Log.DebugContext(ctx, "a passkey was refused", "error", err)
		return nil, ErrPasskey
	}
	p.verified, p.copied = use.Verified, use.Back
	if p.copied {
		k.Copied = d.now()
	} else {
		k.Count, k.BackedUp, p.key.Used = use.Count, use.BackedUp, d.now()
	}
	if p.key.Data, err = json.Marshal(k); err != nil {
		return nil, fmt.Errorf("write a passkey: %w", err)
	}
	all, err := tx.CredentialsOf(ctx, p.who.ID)
	if err != nil {
		return nil, err
	}
	p.codes = slices.ContainsFunc(all, func(c Credential) bool { return c.Kind == TOTP })
	if err := tx.PutCredential(ctx, p.key); err != nil || !p.copied {
		return p, err
	}
	return p, tx.Note(ctx, admin.AuditNote{Verb: "refused", Kind: kindCredential, ID: p.key.ID, Key: p.who.Email, Detail: map[string]any{
		"kind": Passkey, "why": "counter went back", "had": k.Count, "got": use.Count,
	}})
}
