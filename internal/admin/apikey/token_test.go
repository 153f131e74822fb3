package apikey

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// node is another node over the same database.
func (d *desk) node(t *testing.T) *Keeper {
	t.Helper()
	k, err := New(Config{Store: func() Store { return d.shelf }, Ring: d.ring, Now: d.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) token(t *testing.T, id, text string, scopes ...Scope) Token {
	t.Helper()
	tok, err := d.Issue(t.Context(), id, text, scopes, home)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// Proves: N-17, RFC 6749 section 4.4
func TestAKeyIsExchangedForATokenWithNoMoreThanItsScopes(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1", Scopes: []Scope{ScopeRead, ScopeImports}})
	all, some := d.token(t, k.ID, text), d.token(t, k.ID, text, ScopeRead)
	if got := all.Expires.Sub(d.now); got != TokenLife || len(all.Text) > 500 {
		t.Errorf("a token lives %v and has %d bytes", got, len(all.Text))
	}
	for tok, want := range map[string][]Scope{all.Text: {ScopeRead, ScopeImports}, some.Text: {ScopeRead}, text: {ScopeRead, ScopeImports}} {
		got, err := d.Check(t.Context(), tok, home)
		if err != nil || !slices.Equal(got.Scopes, want) || got.ID != k.ID || got.Org != "o1" {
			t.Errorf("%.8s: %+v, %v, want %v", tok, got, err, want)
		}
	}
	if _, err := d.Issue(t.Context(), k.ID, text, []Scope{ScopeRead, ScopeWrite}, home); !errors.Is(err, ErrScope) {
		t.Errorf("a scope that the key does not have: %v", err)
	}
	other, otherText := d.make(t, Wish{Org: "o2"})
	for name, c := range map[string][2]string{
		"another client's secret": {k.ID, otherText}, "no client": {"", text}, "no secret": {k.ID, ""}, "a token as the secret": {k.ID, all.Text},
		"a client that is not there": {strings.Repeat("0", 16), Prefix + strings.Repeat("0", 16) + text[20:]}, "the id of another": {other.ID, text},
	} {
		if _, err := d.Issue(t.Context(), c[0], c[1], nil, home); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(d.log.String(), text[20:]) || strings.Contains(d.log.String(), all.Text[4:]) {
		t.Error("a secret is in the log")
	}
	d.now = d.now.Add(TokenLife)
	if _, err := d.Check(t.Context(), all.Text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("to the second of its end: %v", err)
	}
}

// Proves: N-17, D-09
func TestATokenIsNothingElseThatWeSealAndNothingElseIsAToken(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1"})
	good := d.token(t, k.ID, text).Text
	other, err := d.ring.Seal("session", []byte(`{"k":"`+k.ID+`","s":"1","c":["read"],"o":"o1","e":99999999999999}`))
	if err != nil {
		t.Fatal(err)
	}
	foreign := newDesk(t)
	fk, ftext := foreign.make(t, Wish{Org: "o1"})
	for name, wrong := range map[string]string{
		"sealed for a session": TokenPrefix + other, "of another installation": foreign.token(t, fk.ID, ftext).Text, "cut short": good[:len(good)-1],
		"nothing": TokenPrefix, "too long": TokenPrefix + strings.Repeat("A", 5000), "a letter changed": good[:40] + "." + good[41:],
	} {
		if _, err := d.Check(t.Context(), wrong, home); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Proves: N-17, N-42, E14
func TestATokenEndsWithWhatItWasExchangedFor(t *testing.T) {
	for name, c := range map[string]struct {
		end       func(t *testing.T, d *desk, k Key, tok Token) error
		otherKept bool // another token of the client lives on
	}{
		"the key": {func(t *testing.T, d *desk, k Key, _ Token) error { return d.Revoke(t.Context(), "ann", "o1", k.ID) }, false},
		"its secret": {func(t *testing.T, d *desk, k Key, _ Token) error {
			if _, _, err := d.Rotate(t.Context(), "ann", "o1", k.ID, time.Hour); err != nil {
				return err
			}
			_, err := d.EndSecret(t.Context(), "ann", "o1", k.ID, "1")
			return err
		}, false},
		"a rotation that keeps nothing": {func(t *testing.T, d *desk, k Key, _ Token) error {
			_, _, err := d.Rotate(t.Context(), "ann", "o1", k.ID, 0)
			return err
		}, false},
		"the token": {func(t *testing.T, d *desk, k Key, tok Token) error { return d.EndToken(t.Context(), k, tok.Text) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			elsewhere := d.node(t)
			k, text := d.make(t, Wish{Org: "o1"})
			tok, second := d.token(t, k.ID, text), d.token(t, k.ID, text)
			check := func(where string, node *Keeper, token Token, good bool) {
				t.Helper()
				if _, err := node.Check(t.Context(), token.Text, home); (err == nil) != good || err != nil && !errors.Is(err, ErrWrong) {
					t.Errorf("%s: %v", where, err)
				}
			}
			check("before, here", d.Keeper, tok, true)
			check("before, elsewhere", elsewhere, tok, true)
			if err := c.end(t, d, k, tok); err != nil {
				t.Fatal(err)
			}
			check("at once, here", d.Keeper, tok, false)
			check("another one, here", d.Keeper, second, c.otherKept)
			d.now = d.now.Add(fresh)
			check("after ten seconds, elsewhere", elsewhere, tok, false)
			check("another one, elsewhere", elsewhere, second, c.otherKept)
			d.down = e911.Errorf(e911.Unavailable, "the disk is gone")
			d.now = d.now.Add(fresh)
			check("with the database gone, here", d.Keeper, tok, false)
			check("with the database gone, elsewhere", elsewhere, tok, false)
		})
	}
}

// A key is as gone as its organisation.
//
// Proves: E14, N-17
func TestATokenOfAKeyThatIsGoneIsRefused(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1"})
	tok := d.token(t, k.ID, text)
	d.shelf.mu.Lock()
	delete(d.keys, k.ID) // as a store answers of an organisation that is gone
	d.shelf.mu.Unlock()
	d.now = d.now.Add(fresh)
	for _, shown := range []string{tok.Text, text} {
		if _, err := d.Check(t.Context(), shown, home); !errors.Is(err, ErrWrong) {
			t.Errorf("%.4s: %v", shown, err)
		}
	}
	d.down = e911.Errorf(e911.Unavailable, "the disk is gone")
	d.now = d.now.Add(fresh)
	if _, err := d.Check(t.Context(), tok.Text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("when the database is gone after that: %v", err)
	}
}

// Proves: D-12, N-17
func TestATokenIsGoodOnEveryNodeWhileTheDatabaseIsDown(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1", Scopes: []Scope{ScopeRead, ScopeCalls}})
	tok := d.token(t, k.ID, text, ScopeCalls)
	d.down = e911.Errorf(e911.Unavailable, "the disk is gone")
	node := d.node(t) // has never seen the key
	got, err := node.Check(t.Context(), tok.Text, home)
	if err != nil || got.Org != "o1" || !slices.Equal(got.Scopes, []Scope{ScopeCalls}) || got.Actor() != k.Actor() {
		t.Errorf("a node that has never seen the key: %+v, %v", got, err)
	}
	if fresh := d.token(t, k.ID, text); fresh.Text == tok.Text {
		t.Error("two tokens are the same")
	}
	if err := d.EndToken(t.Context(), k, tok.Text); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("a token is ended while that cannot be kept: %v", err)
	}
	d.now = d.now.Add(TokenLife)
	if _, err := node.Check(t.Context(), tok.Text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("after its time: %v", err)
	}
}

// Proves: N-17, N-42
func TestAKeyHasSeveralSecretsWhileTheyAreChanged(t *testing.T) {
	d := newDesk(t)
	k, old := d.make(t, Wish{Org: "o1"})
	works := func(text string) bool { _, err := d.Check(t.Context(), text, home); return err == nil }
	rotated, next, err := d.Rotate(t.Context(), "bob", "o1", k.ID, 24*time.Hour)
	if err != nil || len(rotated.Secrets) != 2 || rotated.Secrets[1].By != "bob" || !strings.HasSuffix(next, rotated.Secrets[1].Mark) || next == old {
		t.Fatalf("a rotation: %+v, %v", rotated, err)
	}
	tok := d.token(t, k.ID, old)
	if !works(old) || !works(next) {
		t.Error("one of two secrets does not work")
	}
	d.now = d.now.Add(24*time.Hour - time.Second)
	if late := d.token(t, k.ID, old); !late.Expires.Equal(d.now.Add(time.Second)) || tok.Text == "" {
		t.Errorf("a token outlives its secret: %v", late.Expires)
	}
	d.now = d.now.Add(time.Second)
	if works(old) || !works(next) {
		t.Error("the old secret counts after its time, or the new one does not")
	}
	if _, err := d.EndSecret(t.Context(), "bob", "o1", k.ID, "2"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the only secret is ended: %v", err)
	}
	if _, err := d.EndSecret(t.Context(), "bob", "o1", k.ID, "7"); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a secret that is not there: %v", err)
	}
	if _, _, err := d.Rotate(t.Context(), "bob", "o2", k.ID, 0); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation's key is rotated: %v", err)
	}
	for _, keep := range []time.Duration{-time.Second, MaxKeep + 1} {
		if _, _, err := d.Rotate(t.Context(), "bob", "o1", k.ID, keep); e911.KindOf(err) != e911.Invalid {
			t.Errorf("old secrets go on for %v: %v", keep, err)
		}
	}
	for n := 1; n < MaxSecrets; n++ {
		if _, _, err := d.Rotate(t.Context(), "bob", "o1", k.ID, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.Rotate(t.Context(), "bob", "o1", k.ID, time.Hour); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a sixth secret: %v", err)
	}
	if last, _, err := d.Rotate(t.Context(), "bob", "o1", k.ID, 0); err != nil || last.LiveSecrets(d.now) != 1 {
		t.Errorf("a rotation that keeps nothing, when there are many: %v, %v", last.LiveSecrets(d.now), err)
	}
	if err := d.Revoke(t.Context(), "bob", "o1", k.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Rotate(t.Context(), "bob", "o1", k.ID, 0); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a key that ended is rotated: %v", err)
	}
}

// Proves: N-42
func TestWhoTakesTooManyTokensKeepsNobodyElseFromThem(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1"})
	o, otherText := d.make(t, Wish{Org: "o2"})
	for range maxIssued {
		d.token(t, k.ID, text)
	}
	if _, err := d.Issue(t.Context(), k.ID, text, nil, home); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	if _, err := d.Issue(t.Context(), o.ID, otherText, nil, home); err != nil {
		t.Errorf("another client at that address: %v", err)
	}
	if _, err := d.Issue(t.Context(), k.ID, text, nil, netip.MustParseAddr("198.51.100.7")); err != nil {
		t.Errorf("the client elsewhere: %v", err)
	}
	for range maxWrong + 5 { // of somebody who guesses at the client's secret
		_, _ = d.Issue(t.Context(), o.ID, Prefix+o.ID+"_"+strings.Repeat("A", secretLength), nil, home)
	}
	if _, err := d.Issue(t.Context(), o.ID, otherText, nil, home); err != nil {
		t.Errorf("the client itself, after many wrong secrets from its address: %v", err)
	}
	d.now = d.now.Add(issuedFor)
	if _, err := d.Issue(t.Context(), k.ID, text, nil, home); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	for range maxEnded { // what a client ends is bounded
		tok, err := d.Keeper.Issue(t.Context(), k.ID, text, nil, netip.AddrFrom4([4]byte{10, 0, 0, byte(len(d.issued))}))
		if err == nil {
			err = d.EndToken(t.Context(), k, tok.Text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d.now = d.now.Add(issuedFor)
	if err := d.EndToken(t.Context(), k, d.token(t, k.ID, text).Text); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("one more token is ended: %v", err)
	}
}

// Proves: E14, N-16
func TestEveryScopeCanBeGivenBySomebody(t *testing.T) {
	for _, r := range Scopes() {
		needs, known := Needs(r.Scope)
		if !known || len(needs) == 0 {
			t.Errorf("nobody can give the scope %s", r.Scope)
		}
		err := MayGive("o1", r.Scope, func(access.Node, access.Area, access.Verb) (access.Answer, error) {
			return access.Answer{Why: "no"}, nil
		})
		if e911.KindOf(err) != e911.Denied {
			t.Errorf("who may nothing gives %s: %v", r.Scope, err)
		}
	}
	if err := MayGive("o1", "all", func(access.Node, access.Area, access.Verb) (access.Answer, error) {
		return access.Answer{Allowed: true}, nil
	}); e911.KindOf(err) != e911.Denied {
		t.Errorf("a scope that does not exist: %v", err)
	}
}
