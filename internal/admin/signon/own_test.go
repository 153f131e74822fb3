package signon_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

func kinds(all []signon.Shown) (out string) {
	for _, s := range all {
		out += string(s.Kind) + " "
	}
	return out
}

// Proves: C-60a, E14
func TestOnesOwnCredentialsAreListedRenewedAndTakenAway(t *testing.T) {
	d := newDoor(t)
	in := d.in(good, "")
	list := func(want string) []signon.Shown {
		t.Helper()
		all, err := d.Own(d.ctx, "ann")
		if err != nil || kinds(all) != want {
			t.Fatalf("she has %q, %v, want %q", kinds(all), err, want)
		}
		return all
	}
	if all := list("password "); !all[0].Used.Equal(d.clock()) {
		t.Errorf("the password was used at %s", all[0].Used)
	}
	if _, err := d.NewRecoveryCodes(d.ctx, in); e911.KindOf(err) != e911.Conflict {
		t.Errorf("recovery codes that stand in for nothing: %v", err)
	}
	setUp := func() []string {
		t.Helper()
		e, err := d.BeginTOTP(d.ctx, "ann")
		if err != nil {
			t.Fatal(err)
		}
		code, err := totp.GenerateCode(e.Secret, d.clock())
		if err != nil {
			t.Fatal(err)
		}
		codes, err := d.ConfirmTOTP(d.ctx, in, e.Secret, code)
		if err != nil {
			t.Fatal(err)
		}
		return codes
	}
	old := setUp()
	if all := list("password totp recovery "); all[2].Left != 10 || all[2].ID != signon.AllRecovery {
		t.Errorf("recovery codes: %+v", all[2])
	}
	fresh, err := d.NewRecoveryCodes(d.ctx, in)
	if err != nil || len(fresh) != 10 {
		t.Fatal(fresh, err)
	}
	if _, err := d.try("ann.harbor@example.com", good, old[0], home); !errors.Is(err, signon.ErrCode) {
		t.Errorf("an old recovery code: %v", err)
	}
	if _, err := d.try("ann.harbor@example.com", good, fresh[0], home); err != nil {
		t.Errorf("a new one: %v", err)
	}
	if all := list("password totp recovery "); all[2].Left != 9 {
		t.Errorf("%d recovery codes are left", all[2].Left)
	}
	if err := d.Drop(d.ctx, in, signon.AllRecovery); err != nil {
		t.Error(err)
	}
	list("password totp ")
	setUp()
	all := list("password totp recovery ")
	if err := d.Drop(d.ctx, in, all[1].ID); err != nil {
		t.Error(err)
	}
	list("password ") // the recovery codes went with the app
	if err := d.Drop(d.ctx, in, all[1].ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("taken away twice: %v", err)
	}
	if err := d.Drop(d.ctx, in, all[0].ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the last way in: %v", err)
	}
	bound := in
	bound.Bound = "harbor"
	for what, try := range map[string]func(signon.Session) error{
		"codes":          func(s signon.Session) error { _, err := d.ConfirmTOTP(d.ctx, s, "", ""); return err },
		"recovery codes": func(s signon.Session) error { _, err := d.NewRecoveryCodes(d.ctx, s); return err },
		"a drop":         func(s signon.Session) error { return d.Drop(d.ctx, s, all[0].ID) },
	} {
		if err := try(bound); !errors.Is(err, signon.ErrBound) {
			t.Errorf("%s in a bound session: %v", what, err)
		}
		if err := try(signon.Session{}); !errors.Is(err, signon.ErrSession) {
			t.Errorf("%s of nobody: %v", what, err)
		}
	}
	d.later(signon.ProofLife)
	if err := d.MayChange(in); !errors.Is(err, signon.ErrProve) {
		t.Errorf("ten minutes later: %v", err)
	}
	if _, err := d.BeginPasskeySignIn(); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("passkeys where there are none: %v", err)
	}
}

// keeper says that somebody needs what he has.
type keeper struct{ err error }

func (keeper) Own(context.Context, string, []string) (signon.Verdict, error) {
	return signon.Verdict{}, nil
}
func (keeper) Passed(context.Context, e911.OrgID, string) {}

func (k keeper) Drops(context.Context, string, []signon.Credential) error { return k.err }

// Proves: E14
func TestAGateKeepsWhatSomebodyNeeds(t *testing.T) {
	d := newDoor(t)
	needed := e911.Errorf(e911.Conflict, "you need it")
	desk, err := signon.New(signon.Config{Store: func() signon.Store { return d.store }, Now: d.clock, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox", Gate: keeper{needed}})
	if err != nil {
		t.Fatal(err)
	}
	in := d.in(good, "")
	e, err := d.BeginTOTP(d.ctx, "ann")
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(e.Secret, d.clock())
	if err == nil {
		_, err = d.ConfirmTOTP(d.ctx, in, e.Secret, code)
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := desk.Own(d.ctx, "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.Drop(d.ctx, in, all[1].ID); !errors.Is(err, needed) {
		t.Errorf("her second proof was taken away: %v", err)
	}
	d.later(time.Minute)
	if err := desk.DropFor(d.ctx, "operator", "ann", all[1].ID); err != nil {
		t.Errorf("the operator, for a telephone that is lost: %v", err)
	}
}
