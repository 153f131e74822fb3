package signon

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// ErrWrong is said for an address that is not known, a wrong password and somebody
// who may not sign in: which of them is not said.
var ErrWrong = e911.Errorf(e911.Denied, "address or password is wrong")

// ErrCode means that the password is right, and a one-time code is wrong or missing.
var ErrCode = e911.Errorf(e911.Denied, "a code of your app is needed, or a recovery code")

// Attempt is a sign-in that somebody tries.
type Attempt struct {
	Email    string
	Password string
	Code     string // of the app, or a recovery code; empty at first
	Address  netip.Addr
	Agent    string
}

// SignIn proves an attempt and makes a session; secret goes into the cookie and is
// known to nobody else.
func (d *Desk) SignIn(ctx context.Context, a Attempt) (s Session, secret string, err error) {
	account := member.FoldEmail(a.Email)
	if wait := d.limit.wait(a.Address, account, d.now()); wait > 0 {
		return s, "", tooMany(wait)
	}
	if len(a.Password) > maxPassword || len(a.Email) > 254 {
		return s, "", ErrWrong
	}
	who, creds, err := d.known(ctx, account)
	if err != nil {
		return s, "", err
	}
	stored, used := nobody, ""
	if i := slices.IndexFunc(creds, func(c Credential) bool { return c.Kind == Password }); i >= 0 && who.Disabled.IsZero() {
		stored, used = string(creds[i].Data), creds[i].ID
	}
	ok, err := d.hasher.matches(ctx, a.Password, stored)
	if err != nil {
		return s, "", err
	}
	if !ok || stored == nobody {
		d.limit.failed(a.Address, account, d.now())
		return s, "", ErrWrong
	}
	by := []string{string(Password)}
	if slices.ContainsFunc(creds, func(c Credential) bool { return c.Kind == TOTP }) {
		kind, err := d.second(ctx, who, a.Code)
		if err != nil {
			if a.Code != "" {
				d.limit.failed(a.Address, account, d.now())
			}
			return s, "", err
		}
		by = append(by, string(kind))
	}
	d.limit.succeeded(a.Address, account)
	return d.Admit(ctx, who.ID, Admission{By: by, Address: a.Address, Agent: a.Agent, used: used})
}

// known finds somebody and his credentials; nobody is no error.
func (d *Desk) known(ctx context.Context, account string) (member.Identity, []Credential, error) {
	var who member.Identity
	var creds []Credential
	err := d.read(ctx, func(tx Tx) (err error) {
		who, err = tx.IdentityByEmail(ctx, account)
		if err != nil && e911.KindOf(err) != e911.NotFound {
			return err
		}
		creds, err = tx.CredentialsOf(ctx, who.ID) // also nobody's: it takes as long
		return err
	})
	return who, creds, err
}

// second proves a one-time code or a recovery code. Both work once: a code of the
// app is refused when it or a later one was used (RFC 6238, section 5.2).
func (d *Desk) second(ctx context.Context, who member.Identity, code string) (Kind, error) {
	code = strings.ToUpper(strings.Join(strings.Fields(strings.ReplaceAll(code, "-", " ")), ""))
	if code == "" {
		return "", ErrCode
	}
	kind := Kind("")
	err := d.write(ctx, admin.Actor(who.ID), func(tx Tx) error {
		creds, err := tx.CredentialsOf(ctx, who.ID)
		if err != nil {
			return err
		}
		for _, c := range creds {
			switch c.Kind {
			case TOTP:
				step, ok := stepOf(string(c.Data), code, d.now())
				if !ok || !step.After(c.Used) {
					continue
				}
				c.Used, kind = step, TOTP
				return tx.PutCredential(ctx, c)
			case Recovery:
				if string(c.Data) != string(hashOf(code)) {
					continue
				}
				kind = Recovery
				if err := tx.DropCredential(ctx, who.ID, c.ID); err != nil {
					return err
				}
				return tx.Note(ctx, admin.AuditNote{Verb: "used", Kind: kindCredential, ID: c.ID, Key: who.Email, Detail: map[string]any{"kind": Recovery}})
			case Password, Passkey:
			}
		}
		return ErrCode
	})
	return kind, err
}

const totpPeriod = 30 * time.Second

// stepOf returns the step that a code is of: this one, or the one before, because
// people type slowly.
func stepOf(secret, code string, now time.Time) (time.Time, bool) {
	for _, at := range []time.Time{now, now.Add(-totpPeriod)} {
		if validNow(secret, code, at) {
			return at.Truncate(totpPeriod), true
		}
	}
	return time.Time{}, false
}

func validNow(secret, code string, at time.Time) bool {
	want, err := totp.GenerateCode(secret, at)
	return err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1
}

// SetPassword gives an identity a new password. Its other sessions end: keep is the
// one that asks. Who has a password proves it by the old one, unless reset says that
// a link was followed.
func (d *Desk) SetPassword(ctx context.Context, identity, old, fresh, keep string, reset bool) error {
	who, had, err := d.heldBy(ctx, identity)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(had, func(c Credential) bool { return c.Kind == Password })
	// Who found an open browser guesses the old password here: his guesses are counted
	// apart from those of signing in, so that they shut nobody out.
	var from netip.Addr
	account := "own " + identity
	if !reset {
		in, err := d.maySetPassword(ctx, identity, keep, i >= 0)
		if err != nil {
			return err
		}
		from = in.Address
		if wait := d.limit.wait(from, account, d.now()); wait > 0 {
			return tooMany(wait)
		}
	}
	c := Credential{ID: e911.NewID[string](), Identity: identity, Kind: Password, Made: d.now()}
	if i >= 0 {
		c.ID = had[i].ID
		if !reset {
			ok, err := d.hasher.matches(ctx, old, string(had[i].Data))
			if err != nil {
				return err
			}
			if !ok {
				d.limit.failed(from, account, d.now())
				return &e911.Error{Kind: e911.Invalid, Msg: "the password was not changed", Faults: []e911.Fault{{Path: "old", Code: "wrong", Msg: "the old password is wrong", Fix: "ask for a link if you do not know it"}}}
			}
		}
	}
	if faults := PasswordFaults(fresh, who.Email, who.Name); len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the password was not changed", Faults: faults}
	}
	hash, err := d.hasher.hash(ctx, fresh)
	if err != nil {
		return err
	}
	c.Data = []byte(hash)
	err = d.write(ctx, admin.Actor(identity), func(tx Tx) error {
		if err := tx.PutCredential(ctx, c); err != nil {
			return err
		}
		if err := tx.EndSessions(ctx, identity, []string{keep}, true, d.now()); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: "set", Kind: kindCredential, ID: c.ID, Key: who.Email, Detail: map[string]any{"kind": Password, "by_link": reset}})
	})
	if err != nil {
		return err
	}
	d.limit.succeeded(from, account)
	d.held.forget(identity, keep)
	if len(had) > 0 {
		d.tell(who, "The password was changed.")
	}
	return nil
}

// maySetPassword returns the session that changes the password: who has none yet
// proves himself by what he has.
func (d *Desk) maySetPassword(ctx context.Context, identity, session string, has bool) (Session, error) {
	all, err := d.Sessions(ctx, identity)
	if err != nil {
		return Session{}, err
	}
	i := slices.IndexFunc(all, func(s Session) bool { return s.ID == session })
	switch {
	case i < 0:
		return Session{}, ErrSession
	case has:
		return all[i], d.mayChangeCredentials(all[i])
	}
	return all[i], d.mayChangeNow(all[i])
}

// Enrolment is a secret of one-time codes that is not in force yet.
type Enrolment struct {
	Secret string // base32, for typing
	URI    string // otpauth URI, for a picture
}

// BeginTOTP makes a secret. Nothing is kept until ConfirmTOTP.
func (d *Desk) BeginTOTP(ctx context.Context, identity string) (Enrolment, error) {
	var who member.Identity
	if member.ScopeOf(ctx).Only != "" {
		return Enrolment{}, ErrBound
	}
	err := d.read(ctx, func(tx Tx) (err error) {
		who, err = tx.Identity(ctx, identity)
		return err
	})
	if err != nil {
		return Enrolment{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: d.cfg.Issuer, AccountName: who.Email})
	if err != nil {
		return Enrolment{}, fmt.Errorf("make a secret of one-time codes: %w", err)
	}
	return Enrolment{Secret: key.Secret(), URI: key.URL()}, nil
}

// recoveryCodes is how many are made.
const recoveryCodes = 10

// ConfirmTOTP puts a secret in force once a code shows that the app has it, and
// returns recovery codes, which are told once. Older ones end.
func (d *Desk) ConfirmTOTP(ctx context.Context, in Session, secret, code string) ([]string, error) {
	if err := d.mayChangeNow(in); err != nil {
		return nil, err
	}
	identity := in.Identity
	_, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	_, fits := stepOf(secret, strings.TrimSpace(code), d.now())
	if err != nil || len(secret) < 16 || len(secret) > 128 || !fits {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "the code does not fit", Faults: []e911.Fault{{Path: "code", Code: "wrong", Msg: "this is not the code that the app should show now", Fix: "look whether the clock of the telephone is right, and type the next code"}}}
	}
	var codes []string
	var who member.Identity
	err = d.write(ctx, admin.Actor(identity), func(tx Tx) (err error) {
		if who, err = tx.Identity(ctx, identity); err != nil {
			return err
		}
		if err := dropKinds(ctx, tx, identity, TOTP, Recovery); err != nil {
			return err
		}
		if err := tx.PutCredential(ctx, Credential{ID: e911.NewID[string](), Identity: identity, Kind: TOTP, Data: []byte(secret), Made: d.now()}); err != nil {
			return err
		}
		if codes, err = d.addRecovery(ctx, tx, identity); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: "set", Kind: kindCredential, ID: identity, Key: who.Email, Detail: map[string]any{"kind": TOTP}})
	})
	if err != nil {
		return nil, err
	}
	d.tell(who, "One-time codes of an app were set up.")
	return codes, nil
}

// recoveryCode returns a code as it is compared and as it is written down.
func recoveryCode() (plain, text string) {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	plain = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
	return plain, strings.Join([]string{plain[:4], plain[4:8], plain[8:12], plain[12:]}, "-")
}

// Of lists the credentials of an identity without their data; to a bound session
// none.
func (d *Desk) Of(ctx context.Context, identity string) ([]Credential, error) {
	var all []Credential
	if member.ScopeOf(ctx).Only != "" {
		return nil, nil
	}
	err := d.read(ctx, func(tx Tx) (err error) {
		all, err = tx.CredentialsOf(ctx, identity)
		return err
	})
	for i := range all {
		all[i].Data = nil
	}
	return all, err
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

func newSecret() string { return base64.RawURLEncoding.EncodeToString(seal.NewSecret()) }
