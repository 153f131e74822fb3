package passkey_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/signon/passkey"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

const (
	host   = "callbox.example.com"
	origin = "https://callbox.example.com"
	good   = "ferry lamp under nine"
)

var home = netip.MustParseAddr("198.51.100.7")

// node is one Callbox of those that share a database.
type node struct {
	*signon.Desk
	t     *testing.T
	ctx   context.Context
	store *sqlite.Store
	ring  *seal.Ring
	now   *time.Time
	mails *[]string
}

func newNode(t *testing.T) *node {
	t.Helper()
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	n := &node{t: t, ctx: t.Context(), now: &now, mails: &[]string{}}
	var err error
	if n.ring, err = seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()}); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return *n.now }
	if n.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), n.ring, clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.store.Close() })
	n.Desk = n.desk(origin)
	err = n.store.WriteSignOn(n.ctx, "test", func(tx signon.Tx) error {
		return errors.Join(tx.CreateIdentity(n.ctx, member.Identity{ID: "ann", Email: "ann@example.com", Name: "Ann Harbor", Made: now}),
			tx.CreateIdentity(n.ctx, member.Identity{ID: "bob", Email: "bob@example.com", Made: now}))
	})
	for _, who := range []string{"ann", "bob"} {
		if err == nil {
			err = n.SetPassword(n.ctx, who, "", good, "", true)
		}
	}
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return n
}

// desk is another node, or the same one with pages at another address.
func (n *node) desk(base string) *signon.Desk {
	n.t.Helper()
	p, err := passkey.New(base, "Callbox")
	if err != nil {
		n.t.Fatal(err)
	}
	d, err := signon.New(signon.Config{
		Store: func() signon.Store { return n.store }, Now: func() time.Time { return *n.now }, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox",
		Passkeys: p, Ring: n.ring, Mail: func(_, _, text string) bool { *n.mails = append(*n.mails, text); return true },
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

func (n *node) later(by time.Duration) { *n.now = n.now.Add(by) }

func (n *node) in(who string) signon.Session {
	n.t.Helper()
	s, _, err := n.SignIn(n.ctx, signon.Attempt{Email: who + "@example.com", Password: good, Address: home})
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

// add gives somebody a passkey.
func (n *node) add(who string, s *soft) signon.Shown {
	n.t.Helper()
	in := n.in(who)
	c, err := n.BeginPasskey(n.ctx, in)
	if err != nil {
		n.t.Fatal(err)
	}
	shown, err := n.FinishPasskey(n.ctx, in, "Key of "+who, signon.Answer{State: c.State, Response: s.make(c.Options), Address: home})
	if err != nil {
		n.t.Fatal(err, errors.Unwrap(err))
	}
	return shown
}

func (n *node) ask() signon.Ceremony {
	n.t.Helper()
	c, err := n.BeginPasskeySignIn()
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func answerOf(c signon.Ceremony, response []byte) signon.Answer {
	return signon.Answer{State: c.State, Response: response, Address: home, Agent: "test"}
}

func (n *node) try(s *soft) (signon.Session, error) {
	n.t.Helper()
	c := n.ask()
	in, _, err := n.SignInByPasskey(n.ctx, answerOf(c, s.get(c.Options)))
	return in, err
}

// Proves: C-60a, E14, W3C Web Authentication 5.4, 7.1, 7.2
func TestAPasskeySignsItsOwnerInAndNobodyElse(t *testing.T) {
	n := newNode(t)
	s := newSoft(t)
	in := n.in("ann")
	c, err := n.BeginPasskey(n.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	q := s.read(c.Options).PublicKey
	if q.Attestation != "none" || q.Selection.ResidentKey != "required" || q.Selection.UserVerification != "preferred" || len(q.Exclude) != 0 {
		t.Errorf("asked for %+v", q)
	}
	if handle, err := b64.DecodeString(q.User.ID); err != nil || len(handle) != 32 || strings.Contains(string(handle), "ann") {
		t.Errorf("handle %q, %v", q.User.ID, err)
	}
	shown, err := n.FinishPasskey(n.ctx, in, " Laptop ", answerOf(c, s.make(c.Options)))
	if err != nil || shown.Name != "Laptop" || shown.Host != host || !shown.Used.IsZero() {
		t.Fatalf("%+v, %v %v", shown, err, errors.Unwrap(err))
	}
	// Ten at once would find the same question: it names nobody.
	if q := s.read(n.ask().Options).PublicKey; len(q.Allow) != 0 || q.Host != host || q.UserVerification != "preferred" {
		t.Errorf("the question to everybody: %+v", q)
	}
	got, err := n.try(s)
	if err != nil || got.Identity != "ann" || !slices.Equal(got.By, []string{"passkey", "uv"}) {
		t.Fatalf("signed in as %s by %v, %v", got.Identity, got.By, err)
	}
	s.flags = present
	if got, err = n.try(s); err != nil || !slices.Equal(got.By, []string{"passkey"}) {
		t.Errorf("not unlocked: %v, %v", got.By, err)
	}
	second := newSoft(t)
	c, err = n.BeginPasskey(n.ctx, n.in("ann"))
	if err != nil {
		t.Fatal(err)
	}
	again := second.read(c.Options).PublicKey
	if len(again.Exclude) != 1 || again.Exclude[0].ID != b64.EncodeToString(s.id) || again.User.ID != q.User.ID {
		t.Errorf("the second time: excluded %+v, handle %s, before %s", again.Exclude, again.User.ID, q.User.ID)
	}
	all, err := n.Own(n.ctx, "ann")
	if err != nil || len(all) != 2 || all[0].Kind != signon.Password || !all[0].Used.Equal(*n.now) || all[1].Name != "Laptop" || !all[1].Used.Equal(*n.now) {
		t.Errorf("%+v, %v", all, err)
	}
}

// Proves: C-60a, E14, W3C Web Authentication 7.2
func TestAnAnswerThatDoesNotHoldIsRefused(t *testing.T) {
	n := newNode(t)
	s, bobs := newSoft(t), newSoft(t)
	s.flags |= eligible
	n.add("ann", s)
	n.add("bob", bobs)
	state := n.ask() // of another browser, or another tab
	for _, c := range []struct {
		what string
		with func(s *soft)
		want error
	}{
		{"the origin of another site", func(s *soft) { s.origin = "https://callbox.example.com.evil.example" }, signon.ErrPasskey},
		{"http instead of https", func(s *soft) { s.origin = "http://callbox.example.com" }, signon.ErrPasskey},
		{"another port", func(s *soft) { s.origin += ":8443" }, signon.ErrPasskey},
		{"the host of another site", func(s *soft) { s.host = "example.com" }, signon.ErrPasskey},
		{"nobody touched it", func(s *soft) { s.flags &^= present }, signon.ErrPasskey},
		{"a passkey of one device that is on several now", func(s *soft) { s.flags &^= eligible }, signon.ErrPasskey},
		{"another key", func(s *soft) { s.key = newSoft(s.t).key }, signon.ErrPasskey},
		{"a passkey that nobody knows", func(s *soft) { s.id = newSoft(s.t).id }, signon.ErrPasskey},
		{"Bob's handle", func(s *soft) { s.handle = bobs.handle }, signon.ErrPasskey},
		{"Bob's id", func(s *soft) { s.id = bobs.id }, signon.ErrPasskey},
		{"Bob's id and handle", func(s *soft) { s.id, s.handle = bobs.id, bobs.handle }, signon.ErrPasskey},
		{"the answer of a registration", func(s *soft) { s.also = func(d map[string]any) { d["type"] = "webauthn.create" } }, signon.ErrPasskey},
		{"in a frame of another site", func(s *soft) {
			s.also = func(d map[string]any) { d["crossOrigin"], d["topOrigin"] = true, "https://evil.example" }
		}, signon.ErrPasskey},
		{"another challenge", func(s *soft) {
			s.also = func(d map[string]any) { d["challenge"] = s.read(state.Options).PublicKey.Challenge }
		}, signon.ErrPasskey},
	} {
		with := *s
		c.with(&with)
		if _, err := n.try(&with); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
		n.later(15 * time.Minute) // not too many at once
	}
	if _, err := n.try(s); err != nil {
		t.Errorf("the right one after all that: %v", err)
	}
}

// Proves: C-60a, E14
func TestAQuestionIsAnsweredOnceInTimeAndInItsBrowser(t *testing.T) {
	n := newNode(t)
	s := newSoft(t)
	n.add("ann", s)
	c := n.ask()
	answer := answerOf(c, s.get(c.Options))
	tryAt := func(d *signon.Desk, a signon.Answer) error {
		_, _, err := d.SignInByPasskey(n.ctx, a)
		return err
	}
	other := n.desk(origin) // another node, which has not seen it used here
	if err := tryAt(n.Desk, answer); err != nil {
		t.Fatal(err)
	}
	if err := tryAt(n.Desk, answer); e911.KindOf(err) != e911.Denied {
		t.Errorf("replayed: %v", err)
	}
	if err := tryAt(other, answer); e911.KindOf(err) != e911.Denied {
		t.Errorf("replayed at another node: %v", err)
	}
	c = n.ask()
	if err := tryAt(other, answerOf(c, s.get(c.Options))); err != nil {
		t.Errorf("asked at one node, answered at another: %v", err)
	}
	c = n.ask()
	wrong := answerOf(c, s.get(c.Options))
	wrong.Response = []byte(strings.Replace(string(wrong.Response), `"signature":"M`, `"signature":"N`, 1))
	right := answerOf(c, s.get(c.Options))
	if err := tryAt(n.Desk, wrong); e911.KindOf(err) != e911.Denied {
		t.Errorf("a broken signature: %v", err)
	}
	for _, at := range []*signon.Desk{other, n.Desk, n.desk(origin)} { // wherever it is tried next
		if err := tryAt(at, right); e911.KindOf(err) != e911.Denied {
			t.Errorf("a second answer to one question: %v", err)
		}
	}
	c = n.ask()
	if err := tryAt(n.Desk, answerOf(c, []byte("{}"))); e911.KindOf(err) != e911.Denied {
		t.Errorf("no answer at all: %v", err)
	}
	if err := tryAt(other, answerOf(c, s.get(c.Options))); e911.KindOf(err) != e911.Denied {
		t.Errorf("a second answer after one that cannot be read: %v", err)
	}
	mine, theirs := n.ask(), n.ask()
	if err := tryAt(n.Desk, answerOf(mine, s.get(theirs.Options))); e911.KindOf(err) != e911.Denied {
		t.Errorf("the question of another browser: %v", err)
	}
	if err := tryAt(n.Desk, signon.Answer{Response: s.get(theirs.Options), Address: home}); e911.KindOf(err) != e911.Denied {
		t.Errorf("without the cookie: %v", err)
	}
	c = n.ask()
	n.later(signon.CeremonyLife)
	if err := tryAt(n.Desk, answerOf(c, s.get(c.Options))); e911.KindOf(err) != e911.Denied {
		t.Errorf("five minutes later: %v", err)
	}
	in := n.in("ann")
	made, err := n.BeginPasskey(n.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	second := newSoft(t)
	kept := signon.Answer{State: made.State, Response: second.make(made.Options), Address: home}
	if _, err := n.FinishPasskey(n.ctx, in, "", signon.Answer{State: made.State, Response: []byte("{}"), Address: home}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a passkey that was not made: %v", err)
	}
	if _, err := other.FinishPasskey(n.ctx, in, "", kept); e911.KindOf(err) != e911.Denied {
		t.Errorf("a second passkey for one question, at another node: %v", err)
	}
	if made, err = n.BeginPasskey(n.ctx, in); err != nil {
		t.Fatal(err)
	}
	if err := tryAt(n.Desk, answerOf(made, s.answer(s.read(made.Options).PublicKey.Challenge))); e911.KindOf(err) != e911.Denied {
		t.Errorf("the challenge of a registration signs in: %v", err)
	}
	for _, junk := range []string{"", "null", "{}", `{"id":"AA"}`, strings.Repeat("[", 10_000)} {
		c := n.ask()
		if err := tryAt(n.Desk, answerOf(c, []byte(junk))); e911.KindOf(err) != e911.Denied {
			t.Errorf("%.20q: %v", junk, err)
		}
	}
}

// Proves: C-60a, W3C Web Authentication 6.1.1
func TestACounterThatGoesBackIsRefusedAndTold(t *testing.T) {
	n := newNode(t)
	s := newSoft(t)
	s.count = 7
	n.add("ann", s)
	if _, err := n.try(s); err != nil {
		t.Fatal(err)
	}
	copied := *s
	if _, err := n.try(s); err != nil {
		t.Fatal(err)
	}
	for what, count := range map[string]uint32{"a copy that counts for itself": copied.count, "a counter of zero": 0} {
		copied.count = count
		if _, err := n.try(&copied); !errors.Is(err, signon.ErrCopied) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !strings.Contains(strings.Join(*n.mails, "\n"), "may have a copy") {
		t.Errorf("mails: %q", *n.mails)
	}
	all, err := n.Own(n.ctx, "ann")
	if err != nil || all[1].Copied.IsZero() {
		t.Errorf("the profile does not say so: %+v, %v", all, err)
	}
	if _, err := n.try(s); err != nil {
		t.Errorf("the one that counted on: %v", err)
	}
	synced := newSoft(t)
	n.add("ann", synced)
	for range 2 {
		if _, err := n.try(synced); err != nil {
			t.Errorf("one that does not count: %v", err)
		}
	}
}

// Proves: C-60a, E14, D-12
func TestWhoMayNotSignInDoesNotByAPasskey(t *testing.T) {
	n := newNode(t)
	s := newSoft(t)
	n.add("ann", s)
	in := n.in("ann")
	e, err := n.BeginTOTP(n.ctx, "ann")
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(e.Secret, *n.now)
	if err == nil {
		_, err = n.ConfirmTOTP(n.ctx, in, e.Secret, code)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.flags = present
	if _, err := n.try(s); !errors.Is(err, signon.ErrUnlock) {
		t.Errorf("not unlocked, by one who has one-time codes: %v", err)
	}
	s.flags = present | verified
	if got, err := n.try(s); err != nil || !slices.Contains(got.By, "uv") {
		t.Errorf("unlocked, it is two proofs: %v, %v", got.By, err)
	}
	disable := func(at time.Time) {
		if err := n.store.WriteSignOn(n.ctx, "test", func(tx signon.Tx) error {
			return tx.ChangeIdentity(n.ctx, member.Identity{ID: "ann", Email: "ann@example.com", Disabled: at})
		}); err != nil {
			t.Fatal(err)
		}
	}
	disable(*n.now)
	if _, err := n.try(s); !errors.Is(err, signon.ErrPasskey) {
		t.Errorf("disabled: %v", err)
	}
	disable(time.Time{})
	moved := n.desk("https://911.example.com")
	c, err := moved.BeginPasskeySignIn()
	if err != nil {
		t.Fatal(err)
	}
	there := *s
	there.origin, there.host = "https://911.example.com", "911.example.com"
	if _, _, err := moved.SignInByPasskey(n.ctx, answerOf(c, there.get(c.Options))); !errors.Is(err, signon.ErrPasskey) {
		t.Errorf("a passkey of the address that was: %v", err)
	}
	if all, err := moved.Own(n.ctx, "ann"); err != nil || !all[len(all)-1].Elsewhere {
		t.Errorf("%+v, %v", all, err)
	}
	n.later(15 * time.Minute)
	wrong := *s
	wrong.key = newSoft(t).key
	for i := range 9 {
		_, err = n.try(&wrong)
		if i < 8 && !errors.Is(err, signon.ErrPasskey) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("the ninth wrong answer: %v", err)
	}
	c = n.ask()
	elsewhere := answerOf(c, s.get(c.Options))
	elsewhere.Address = netip.MustParseAddr("203.0.113.4")
	if _, _, err := n.SignInByPasskey(n.ctx, elsewhere); err != nil {
		t.Errorf("Ann, from where she is: %v", err)
	}
}

// Proves: C-60a, E14, W3C Web Authentication 7.1
func TestAPasskeyIsMadeByWhoAskedForIt(t *testing.T) {
	n := newNode(t)
	s := newSoft(t)
	in, bob := n.in("ann"), n.in("bob")
	begin := func() signon.Ceremony {
		c, err := n.BeginPasskey(n.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for what, by := range map[string]signon.Session{"Bob": bob, "another session of Ann's": n.in("ann"), "nobody": {}} {
		c := begin()
		if _, err := n.FinishPasskey(n.ctx, by, "", answerOf(c, s.make(c.Options))); e911.KindOf(err) != e911.Denied {
			t.Errorf("finished by %s: %v", what, err)
		}
	}
	for _, w := range []struct {
		what string
		with func(s *soft)
	}{
		{"another origin", func(s *soft) { s.origin = "https://evil.example" }},
		{"another host", func(s *soft) { s.host = "evil.example" }},
		{"nobody touched it", func(s *soft) { s.flags = 0 }},
		{"an id that could be anybody's", func(s *soft) { s.id = s.id[:15] }},
		{"another challenge", func(s *soft) {
			s.also = func(d map[string]any) { d["challenge"] = b64.EncodeToString(make([]byte, 32)) }
		}},
		{"a sign-in", func(s *soft) { s.also = func(d map[string]any) { d["type"] = "webauthn.get" } }},
	} {
		with, c := *s, begin()
		w.with(&with)
		if _, err := n.FinishPasskey(n.ctx, in, "", answerOf(c, with.make(c.Options))); e911.KindOf(err) != e911.Invalid || len(e911.FaultsOf(err)) != 1 {
			t.Errorf("%s: %v", w.what, err)
		}
	}
	c := begin()
	a := answerOf(c, s.make(c.Options))
	if shown, err := n.FinishPasskey(n.ctx, in, "", a); err != nil || shown.Name != "Passkey of 2026-03-09" {
		t.Fatalf("%+v, %v", shown, err)
	}
	if _, err := n.FinishPasskey(n.ctx, in, "", a); err == nil {
		t.Error("made twice")
	}
	c, err := n.BeginPasskey(n.ctx, bob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.FinishPasskey(n.ctx, bob, "", answerOf(c, s.make(c.Options))); e911.KindOf(err) != e911.Conflict {
		t.Errorf("Bob takes Ann's passkey over: %v", err)
	}
	taken := newSoft(t)
	if all, err := n.Own(n.ctx, "ann"); err != nil {
		t.Fatal(err)
	} else if taken.id, err = b64.DecodeString(all[0].ID); err != nil { // her password's id, read as one of a passkey
		t.Fatal(err)
	}
	c, err = n.BeginPasskey(n.ctx, bob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.FinishPasskey(n.ctx, bob, "", answerOf(c, taken.make(c.Options))); e911.KindOf(err) != e911.Conflict {
		t.Errorf("Bob takes the place of Ann's password: %v", err)
	}
	if _, err := n.FinishPasskey(n.ctx, in, strings.Repeat("x", 65), answerOf(begin(), nil)); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a name of 65 characters: %v", err)
	}
}

// Proves: C-60a, E14
func TestCredentialsChangeAfterAProofOfAMomentAgo(t *testing.T) {
	n := newNode(t)
	s, bobs := newSoft(t), newSoft(t)
	key := n.add("ann", s)
	n.add("bob", bobs)
	in := n.in("ann")
	n.later(signon.ProofLife)
	if err := n.Drop(n.ctx, in, key.ID); !errors.Is(err, signon.ErrProve) {
		t.Errorf("dropped ten minutes after the proof: %v", err)
	}
	if _, err := n.BeginPasskey(n.ctx, in); !errors.Is(err, signon.ErrProve) {
		t.Errorf("a new passkey: %v", err)
	}
	if _, err := n.NewRecoveryCodes(n.ctx, in); !errors.Is(err, signon.ErrProve) {
		t.Errorf("new recovery codes: %v", err)
	}
	if _, _, err := n.ProveByPassword(n.ctx, in, "guess", home); e911.KindOf(err) != e911.Denied {
		t.Errorf("a wrong password: %v", err)
	}
	prove := func(s *soft, by signon.Session) (signon.Session, string, error) {
		c, err := n.BeginProof(n.ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		if q := s.read(c.Options).PublicKey; len(q.Allow) != 1 || q.Allow[0].ID != key.ID {
			t.Errorf("asked for %+v", q.Allow)
		}
		return n.ProveByPasskey(n.ctx, by, answerOf(c, s.get(c.Options)))
	}
	if _, _, err := prove(bobs, in); e911.KindOf(err) != e911.Denied {
		t.Errorf("Bob's passkey proves Ann: %v", err)
	}
	if _, _, err := prove(s, n.in("ann")); e911.KindOf(err) != e911.Denied {
		t.Errorf("a proof for another session: %v", err)
	}
	c := n.ask()
	if _, _, err := n.ProveByPasskey(n.ctx, in, answerOf(c, s.get(c.Options))); e911.KindOf(err) != e911.Denied {
		t.Errorf("the answer of a sign-in proves again: %v", err)
	}
	s.noOwner = true // asked for by id, it need not say whose it is
	now, secret, err := prove(s, in)
	if err != nil {
		t.Fatal(err)
	}
	if !now.Expires.Equal(in.Expires) || now.ID == in.ID || !slices.Equal(now.By, []string{"password", "passkey", "uv"}) {
		t.Errorf("the session that follows: %+v", now)
	}
	if _, _, err := n.ProveByPassword(n.ctx, in, good, home); !errors.Is(err, signon.ErrSession) {
		t.Errorf("the session before goes on: %v", err)
	}
	if got, _, err := n.Check(n.ctx, secret); err != nil || got.ID != now.ID {
		t.Errorf("%+v, %v", got, err)
	}
	other := n.in("ann")
	bound := now
	bound.Bound = "org"
	if err := n.Drop(n.ctx, bound, key.ID); !errors.Is(err, signon.ErrBound) {
		t.Errorf("a session of an organisation's provider: %v", err)
	}
	if err := n.Drop(n.ctx, now, mustOwn(n, "bob")[1].ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("Bob's passkey: %v", err)
	}
	if err := n.Drop(n.ctx, now, mustOwn(n, "ann")[0].ID); err != nil {
		t.Errorf("the password, while there is a passkey: %v", err)
	}
	if err := n.Drop(n.ctx, now, key.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the last way in: %v", err)
	}
	if all, err := n.Sessions(n.ctx, "ann"); err != nil || slices.ContainsFunc(all, func(s signon.Session) bool { return s.ID == other.ID }) {
		t.Errorf("her other session goes on: %v, %v", all, err)
	}
	if err := n.SetPassword(n.ctx, "ann", "", "quiet mill and a harbour", now.ID, false); err != nil {
		t.Errorf("a password again: %v", err)
	}
	if err := n.DropFor(n.ctx, "operator", "ann", key.ID); err != nil {
		t.Errorf("the operator: %v", err)
	}
	if _, err := n.try(s); !errors.Is(err, signon.ErrPasskey) {
		t.Errorf("a passkey that was taken away: %v", err)
	}
	for _, want := range []string{"A passkey was added: Key of ann.", "The password was taken away.", "The password was changed.", "A passkey was taken away: Key of ann."} {
		if !strings.Contains(strings.Join(*n.mails, "\n"), want) {
			t.Errorf("no mail says %q", want)
		}
	}
}

func mustOwn(n *node, who string) []signon.Shown {
	n.t.Helper()
	all, err := n.Own(n.ctx, who)
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

// Proves: D-16
func TestPasskeysNeedAName(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://callbox.example.com": true, "https://callbox.example.com:443/": true, "http://localhost:8088": true, "https://callbox.example.com:8443": true,
		"http://127.0.0.1:8088": false, "https://192.0.2.7": false, "https://[2001:db8::1]": false, "http://callbox.example.com": false, "": false, "ftp://localhost": false,
	} {
		if _, err := passkey.New(base, "Callbox"); (err == nil) != ok {
			t.Errorf("%s: %v", base, err)
		}
	}
}
