package signon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

const (
	good  = "ferry lamp under nine"
	other = "quiet mill and a harbour"
)

var (
	home   = netip.MustParseAddr("198.51.100.7")
	attack = netip.MustParseAddr("2001:db8:bad::1")
)

type door struct {
	*signon.Desk
	t     *testing.T
	ctx   context.Context
	store *sqlite.Store
	down  bool
	mu    sync.Mutex
	now   time.Time
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, ctx: t.Context(), now: time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	if d.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, d.clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	d.Desk, err = signon.New(signon.Config{
		Store: func() signon.Store {
			if d.down {
				return nil
			}
			return d.store
		},
		Now: d.clock, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox",
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.store.WriteSignOn(d.ctx, "test", func(tx signon.Tx) error {
		return errors.Join(tx.CreateIdentity(d.ctx, member.Identity{ID: "ann", Email: "Ann.Harbor@example.com", Name: "Ann Harbor", Made: d.now}),
			tx.CreateIdentity(d.ctx, member.Identity{ID: "bob", Email: "bob@example.com", Made: d.now}))
	})
	if err == nil {
		err = d.SetPassword(d.ctx, "ann", "", good, "", true)
	}
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return d
}

func (d *door) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *door) later(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *door) try(email, password, code string, from netip.Addr) (string, error) {
	_, secret, err := d.SignIn(d.ctx, signon.Attempt{Email: email, Password: password, Code: code, Address: from, Agent: "test"})
	return secret, err
}

// in is Ann's new session.
func (d *door) in(password, code string) signon.Session {
	d.t.Helper()
	secret, err := d.try("ann.harbor@example.com", password, code, home)
	if err != nil {
		d.t.Fatal(err)
	}
	s, _, err := d.Check(d.ctx, secret)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// Proves: C-60a, E14, RFC 9106
func TestWhoSignsInIsKnownUntilHeIsNot(t *testing.T) {
	d := newDoor(t)
	for _, c := range []struct{ what, email, password string }{
		{"a wrong password", "ann.harbor@example.com", "ferry lamp under ten"},
		{"nobody of that address", "eve@example.com", good},
		{"one without a password", "bob@example.com", good},
		{"an empty password of one without", "bob@example.com", ""},
		{"a password of a megabyte", "ann.harbor@example.com", strings.Repeat("x", 1<<20)},
	} {
		if _, err := d.try(c.email, c.password, "", home); !errors.Is(err, signon.ErrWrong) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	secret, err := d.try(" ANN.harbor@Example.com", good, "", home)
	if err != nil {
		t.Fatal(err)
	}
	if s, who, err := d.Check(d.ctx, secret); err != nil || who.ID != "ann" || s.By[0] != "password" {
		t.Errorf("signed in as %s by %v, %v", who.ID, s.By, err)
	}
	if _, _, err := d.Check(d.ctx, secret+"x"); !errors.Is(err, signon.ErrSession) {
		t.Errorf("another secret: %v", err)
	}
	for range 5 {
		d.later(90 * time.Minute)
		if _, _, err := d.Check(d.ctx, secret); err != nil {
			t.Fatalf("used within two hours, and signed out: %v", err)
		}
	}
	d.later(2 * time.Hour)
	if _, _, err := d.Check(d.ctx, secret); !errors.Is(err, signon.ErrSession) {
		t.Errorf("not used for two hours: %v", err)
	}
	secret, _ = d.try("ann.harbor@example.com", good, "", home)
	for range 13 {
		d.later(time.Hour)
		_, _, err = d.Check(d.ctx, secret)
	}
	if !errors.Is(err, signon.ErrSession) {
		t.Errorf("signed in for more than twelve hours: %v", err)
	}
}

// A stranger who tries shuts nobody out but himself.
//
// Proves: D-12
func TestAStrangerShutsNobodyOut(t *testing.T) {
	d := newDoor(t)
	signedIn, err := d.try("ann.harbor@example.com", good, "", home)
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for i := range 12 {
		// One who owns a /64 has all its addresses.
		from := netip.MustParseAddr(fmt.Sprintf("2001:db8:bad::%x", i+1))
		_, last = d.try("ann.harbor@example.com", "guess", "", from)
	}
	if errors.Is(last, signon.ErrWrong) || e911.KindOf(last) != e911.Denied {
		t.Errorf("after a dozen guesses he is told %v", last)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", attack); err == nil {
		t.Error("the right password within the pause of who guesses is taken: he learns it")
	}
	if _, _, err := d.Check(d.ctx, signedIn); err != nil {
		t.Errorf("who was signed in is shut out: %v", err)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); err != nil {
		t.Errorf("Ann cannot sign in from where she is: %v", err)
	}
	d.later(15 * time.Minute)
	if _, err := d.try("ann.harbor@example.com", good, "", attack); err != nil {
		t.Errorf("after a quarter of an hour: %v", err)
	}
}

// Proves: C-60a, RFC 6238
func TestCodesOfAnAppWorkOnceEach(t *testing.T) {
	d := newDoor(t)
	e, err := d.BeginTOTP(d.ctx, "ann")
	if err != nil || !strings.HasPrefix(e.URI, "otpauth://totp/Callbox:") {
		t.Fatalf("%s, %v", e.URI, err)
	}
	code := func() string {
		c, err := totp.GenerateCode(e.Secret, d.clock())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	in := d.in(good, "")
	if _, err := d.ConfirmTOTP(d.ctx, in, e.Secret, "000000"); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a wrong code confirms: %v", err)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); err != nil {
		t.Fatalf("an app that was not confirmed is asked for: %v", err)
	}
	codes, err := d.ConfirmTOTP(d.ctx, in, e.Secret, code())
	if err != nil || len(codes) != 10 {
		t.Fatalf("%d recovery codes, %v", len(codes), err)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); !errors.Is(err, signon.ErrCode) {
		t.Errorf("without a code: %v", err)
	}
	if _, err := d.try("ann.harbor@example.com", "guess", code(), home); !errors.Is(err, signon.ErrWrong) {
		t.Errorf("a code without the password: %v", err)
	}
	used := code()
	if _, err := d.try("ann.harbor@example.com", good, used, home); err != nil {
		t.Fatal(err)
	}
	if _, err := d.try("ann.harbor@example.com", good, used, home); !errors.Is(err, signon.ErrCode) {
		t.Errorf("a code works twice: %v", err)
	}
	d.later(30 * time.Second)
	if _, err := d.try("ann.harbor@example.com", good, used, home); !errors.Is(err, signon.ErrCode) {
		t.Errorf("a used code works a step later: %v", err)
	}
	late := code()
	d.later(30 * time.Second)
	if _, err := d.try("ann.harbor@example.com", good, late, home); err != nil {
		t.Errorf("a code typed slowly: %v", err)
	}
	for i, want := range []error{nil, signon.ErrCode} {
		if _, err := d.try("ann.harbor@example.com", good, strings.ToLower(codes[3]), home); !errors.Is(err, want) {
			t.Errorf("recovery code, use %d: %v", i+1, err)
		}
	}
	var wg sync.WaitGroup
	worked := make(chan bool, 4)
	for range 4 {
		wg.Go(func() {
			_, err := d.try("ann.harbor@example.com", good, codes[4], home)
			worked <- err == nil
		})
	}
	wg.Wait()
	close(worked)
	n := 0
	for ok := range worked {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Errorf("a recovery code worked %d times at once", n)
	}
}

// Proves: C-60a
func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	d := newDoor(t)
	here, err := d.try("ann.harbor@example.com", good, "", home)
	if err != nil {
		t.Fatal(err)
	}
	there, err := d.try("ann.harbor@example.com", good, "", home)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := d.Check(d.ctx, here)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Check(d.ctx, there); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, old, fresh, code string }{
		{"a wrong old one", "guess", other, "wrong"},
		{"a short one", good, "tiny", "short"},
		{"a word with a year", good, "password2026", "weak"},
		{"her own address", good, "ann.harbor and more words", "own"},
		{"a huge one", good, strings.Repeat("long words ", 40), "long"},
	} {
		err := d.SetPassword(d.ctx, "ann", c.old, c.fresh, s.ID, false)
		if f := e911.FaultsOf(err); len(f) != 1 || f[0].Code != c.code || f[0].Fix == "" {
			t.Errorf("%s: %v %v, want %s", c.what, err, f, c.code)
		}
	}
	if err := d.SetPassword(d.ctx, "ann", good, other, s.ID, false); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	if _, _, err := d.Check(d.ctx, here); err != nil {
		t.Errorf("who changed it is signed out: %v", err)
	}
	if _, _, err := d.Check(d.ctx, there); !errors.Is(err, signon.ErrSession) {
		t.Errorf("the other session goes on: %v", err)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); !errors.Is(err, signon.ErrWrong) {
		t.Errorf("the old password: %v", err)
	}
	if list, err := d.Sessions(d.ctx, "ann"); err != nil || len(list) != 1 || list[0].ID != s.ID {
		t.Errorf("sessions %v, %v", list, err)
	}
	if err := d.End(d.ctx, "ann", []string{s.ID}, false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Check(d.ctx, here); !errors.Is(err, signon.ErrSession) {
		t.Errorf("ended, and it goes on: %v", err)
	}
	creds, err := d.Of(d.ctx, "ann")
	if err != nil || len(creds) != 1 || creds[0].Data != nil {
		t.Fatalf("credentials %v, %v", creds, err)
	}
	if err := d.Drop(d.ctx, d.in(other, ""), creds[0].ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the last way in was taken away: %v", err)
	}
}

// Proves: D-12, E3; issue 9 "Bad input" (token of a deleted user)
func TestWhoIsSignedInStaysSoWhileTheDatabaseIsDown(t *testing.T) {
	d := newDoor(t)
	secret, err := d.try("ann.harbor@example.com", good, "", home)
	if err == nil {
		_, _, err = d.Check(d.ctx, secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.down = true
	for range 4 {
		d.later(time.Hour)
		if _, who, err := d.Check(d.ctx, secret); err != nil || who.ID != "ann" {
			t.Fatalf("the database is down: %s, %v", who.ID, err)
		}
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("a new sign-in without a database: %v", err)
	}
	d.down = false
	if err := d.store.WriteSignOn(d.ctx, "test", func(tx signon.Tx) error {
		return tx.ChangeIdentity(d.ctx, member.Identity{ID: "ann", Email: "ann.harbor@example.com", Disabled: d.clock()})
	}); err != nil {
		t.Fatal(err)
	}
	d.later(11 * time.Second)
	if _, _, err := d.Check(d.ctx, secret); !errors.Is(err, signon.ErrSession) {
		t.Errorf("one who may not sign in any more: %v", err)
	}
}
