package signon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// ProofLife is how long after a proof somebody may change how he proves himself: who
// finds a browser that was left open does not.
const ProofLife = 10 * time.Minute

// ErrProve asks for a new proof: ProveByPassword or ProveByPasskey.
var ErrProve = e911.Errorf(e911.Denied, "prove once more that it is you: your last proof is older than ten minutes")

// MayChange tells whether a session may change credentials now: nil, ErrProve, or why
// it never may.
func (d *Desk) MayChange(in Session) error { return d.mayChangeNow(in) }

func (d *Desk) mayChangeNow(in Session) error {
	if err := d.mayChangeCredentials(in); err != nil {
		return err
	}
	if age := d.now().Sub(in.Made); age < 0 || age >= ProofLife {
		return ErrProve
	}
	return nil
}

func tooMany(wait time.Duration) error {
	return e911.Errorf(e911.Denied, "too many wrong tries from here; wait %d minutes, or sign in from where you usually do", int(wait.Minutes())+1)
}

// ProveByPassword is a new proof of who is signed in. It returns the session that
// takes the place of the one before, with a secret of its own.
func (d *Desk) ProveByPassword(ctx context.Context, in Session, password string, from netip.Addr) (Session, string, error) {
	who, creds, err := d.heldBy(ctx, in.Identity)
	if err != nil {
		return Session{}, "", err
	}
	account := who.Email
	if wait := d.limit.wait(from, account, d.now()); wait > 0 {
		return Session{}, "", tooMany(wait)
	}
	i := slices.IndexFunc(creds, func(c Credential) bool { return c.Kind == Password })
	ok := false
	if i >= 0 && len(password) <= maxPassword {
		if ok, err = d.hasher.matches(ctx, password, string(creds[i].Data)); err != nil {
			return Session{}, "", err
		}
	}
	if !ok {
		return Session{}, "", d.failed(from, account, e911.Errorf(e911.Denied, "the password is wrong"))
	}
	d.limit.succeeded(from, account)
	return d.renew(ctx, in, []string{string(Password)})
}

// BeginProof asks the browser for one of the passkeys of who is signed in.
func (d *Desk) BeginProof(ctx context.Context, in Session) (Ceremony, error) {
	if err := d.party.why(); err != nil {
		return Ceremony{}, err
	}
	_, creds, err := d.heldBy(ctx, in.Identity)
	if err != nil {
		return Ceremony{}, err
	}
	mine, err := d.party.here(creds)
	if err != nil {
		return Ceremony{}, err
	}
	if len(mine) == 0 {
		return Ceremony{}, e911.Errorf(e911.NotFound, "you have no passkey here")
	}
	options, challenge, err := d.party.Ask(mine)
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return d.party.ask(purposeProve, options, ceremony{Challenge: challenge, Identity: in.Identity, Session: in.ID}, d.now())
}

// ProveByPasskey is a new proof of who is signed in, as ProveByPassword.
func (d *Desk) ProveByPasskey(ctx context.Context, in Session, a Answer) (Session, string, error) {
	if in.ID == "" || in.Identity == "" {
		return Session{}, "", ErrSession
	}
	p, err := d.proved(ctx, purposeProve, a, in)
	if err != nil {
		return Session{}, "", err
	}
	return d.renew(ctx, in, p.by())
}

// renew puts a session in the place of another: it is as old as its proof, ends when
// the other would have ended, and has a secret that nobody saw before the proof.
func (d *Desk) renew(ctx context.Context, in Session, by []string) (Session, string, error) {
	secret, now := newSecret(), d.now()
	s := in
	s.ID, s.Made, s.Seen, s.Hash = e911.NewID[string](), now, now, hashOf(secret)
	s.By = slices.Clone(in.By)
	for _, b := range by {
		if !slices.Contains(s.By, b) {
			s.By = append(s.By, b)
		}
	}
	err := d.write(ctx, admin.Actor(in.Identity), func(tx Tx) error {
		was, err := tx.Session(ctx, in.Hash)
		if e911.KindOf(err) == e911.NotFound || err == nil && !was.Live(now) {
			return ErrSession
		}
		if err != nil {
			return err
		}
		who, err := tx.Identity(ctx, in.Identity)
		if err != nil {
			return err
		}
		if !who.Disabled.IsZero() {
			return ErrSession
		}
		if err := tx.EndSessions(ctx, in.Identity, []string{in.ID}, false, now); err != nil {
			return err
		}
		if err := tx.AddSession(ctx, s); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: "renewed", Kind: kindSession, ID: s.ID, Key: who.Email, Detail: map[string]any{"by": by, "was": in.ID}})
	})
	if err != nil {
		return Session{}, "", err
	}
	d.held.drop(string(in.Hash))
	return s, secret, nil
}
