package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
)

// shelf is a store in memory that can be down.
type shelf struct {
	mu    sync.Mutex
	keys  map[string]Key
	down  error
	reads int
}

func (s *shelf) CreateAPIKey(_ context.Context, k Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.keys[k.ID] = k
	}
	return s.down
}

func (s *shelf) APIKey(_ context.Context, id string) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	k, ok := s.keys[id]
	switch {
	case s.down != nil:
		return Key{}, s.down
	case !ok:
		return Key{}, e911.Errorf(e911.NotFound, "there is no such key")
	}
	return k, nil
}

func (s *shelf) APIKeys(context.Context, e911.OrgID, string, int) ([]Key, error) { return nil, s.down }

func (s *shelf) LiveAPIKeys(_ context.Context, after string, limit int) (out []Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.keys)) {
		if id > after && s.keys[id].Revoked.IsZero() && len(out) < limit {
			out = append(out, s.keys[id])
		}
	}
	return out, s.down
}

func (s *shelf) RevokeAPIKey(_ context.Context, _ admin.Actor, org e911.OrgID, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keys[id]
	switch {
	case s.down != nil:
		return s.down
	case !ok || k.Org != org:
		return e911.Errorf(e911.NotFound, "there is no such key")
	}
	k.Revoked = at
	k.Version++
	s.keys[id] = k
	return nil
}

func (s *shelf) ChangeAPIKey(_ context.Context, _ admin.Actor, k Key, _ admin.Verb) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down != nil:
		return k, s.down
	case s.keys[k.ID].Version != k.Version:
		return k, e911.Errorf(e911.Conflict, "it was changed meanwhile")
	}
	k.Version++
	s.keys[k.ID] = k
	return k, nil
}

func (s *shelf) TouchAPIKeys(_ context.Context, used map[string]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range used {
		k := s.keys[id]
		k.LastUsed = at
		s.keys[id] = k
	}
	return s.down
}

// lastUsed is when a key was last used, as it is kept.
func (s *shelf) lastUsed(id string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[id].LastUsed
}

// desk is a keeper whose clock the test moves.
type desk struct {
	*Keeper
	*shelf
	ring *seal.Ring
	now  time.Time
	log  strings.Builder
	town map[string]Standing // who is known
}

// standing is how somebody of the town stands, at the mill of the partner North.
func (d *desk) standing(_ context.Context, identity string, org e911.OrgID) (Standing, error) {
	s, ok := d.town[identity]
	if !ok {
		return s, e911.Errorf(e911.NotFound, "nobody")
	}
	if org != "" {
		s.At = access.Node{Partner: "north", Org: string(org)}
	}
	return s, nil
}

func testRing(t *testing.T) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{shelf: &shelf{keys: map[string]Key{}}, now: time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC)}
	var err error
	d.ring = testRing(t)
	d.Keeper, err = New(Config{Store: func() Store { return d.shelf }, Ring: d.ring, Standing: d.standing, Now: d.clock, Log: slog.New(slog.NewTextHandler(&d.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) clock() time.Time {
	d.shelf.mu.Lock()
	defer d.shelf.mu.Unlock()
	return d.now
}

func (d *desk) make(t *testing.T, w Wish) (Key, string) {
	t.Helper()
	w.Name = "nightly import"
	if w.Scopes == nil {
		w.Scopes = []Scope{ScopeRead}
	}
	k, text, err := d.Create(t.Context(), "ann", w)
	if err != nil {
		t.Fatal(err)
	}
	return k, text
}

var home = netip.MustParseAddr("203.0.113.9")

// Proves: N-17, N-42
func TestAKeyIsGoodUntilItEnds(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1", Expires: d.now.Add(time.Hour)})
	if got, err := d.Check(t.Context(), text, home); err != nil || got.Org != "o1" {
		t.Fatalf("a new key: %+v, %v", got, err)
	}
	for name, wrong := range map[string]string{
		"another secret": text[:len(text)-1] + map[bool]string{true: "B", false: "A"}[text[len(text)-1] == 'A'], "capitals in the id": strings.ToUpper(text[:20]) + text[20:],
		"half a key": text[:30], "nothing": "", "another id": Prefix + strings.Repeat("0", 16) + text[20:],
	} {
		if _, err := d.Check(t.Context(), wrong, home); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.now = d.now.Add(time.Hour) // to the second of its end, though memory has it
	if _, err := d.Check(t.Context(), text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("a key that ended: %v", err)
	}
	if strings.Contains(fmt.Sprintf("%+v", k), text[20:]) || strings.Contains(d.log.String(), text[20:]) {
		t.Error("the secret is in the record or the log")
	}
	if _, _, err := d.Create(t.Context(), "ann", Wish{Name: "late", Scopes: []Scope{ScopeRead}, Expires: d.now}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a key that ends before it begins: %v", err)
	}
}

// Proves: N-17, N-42
func TestARevokedKeyEndsAtOnceHereAndWithinTenSecondsElsewhere(t *testing.T) {
	d := newDesk(t)
	k, text := d.make(t, Wish{Org: "o1"})
	other, err := New(Config{Store: func() Store { return d.shelf }, Now: func() time.Time { return d.now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []*Keeper{d.Keeper, other} {
		if _, err := node.Check(t.Context(), text, home); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Revoke(t.Context(), "ann", "o2", k.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation's key is revoked: %v", err)
	}
	if err := d.Revoke(t.Context(), "ann", "o1", k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Check(t.Context(), text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("here: %v", err)
	}
	d.now = d.now.Add(10*time.Second - time.Millisecond)
	if _, err := other.Check(t.Context(), text, home); err != nil {
		t.Errorf("elsewhere, within ten seconds: %v", err)
	}
	d.now = d.now.Add(time.Millisecond)
	if _, err := other.Check(t.Context(), text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("elsewhere, after ten seconds: %v", err)
	}
}

// Proves: D-12, N-17
func TestAKeyThatWasSeenOutlivesTheDatabaseForADay(t *testing.T) {
	d := newDesk(t)
	_, text := d.make(t, Wish{Org: "o1", Expires: d.now.Add(30 * time.Hour)})
	_, unseen := d.make(t, Wish{Org: "o1"})
	if _, err := d.Check(t.Context(), text, home); err != nil {
		t.Fatal(err)
	}
	d.down = e911.Errorf(e911.Unavailable, "the disk is gone")
	d.now = d.now.Add(24*time.Hour - time.Millisecond)
	if _, err := d.Check(t.Context(), text, home); err != nil {
		t.Errorf("a key that was seen a day ago: %v", err)
	}
	if _, err := d.Check(t.Context(), unseen, home); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("a key that was never seen: %v", err)
	}
	if _, err := d.Check(t.Context(), text[:len(text)-3]+"AAA", home); !errors.Is(err, ErrWrong) {
		t.Errorf("a wrong secret of a key that was seen: %v", err)
	}
	d.now = d.now.Add(time.Millisecond)
	if _, err := d.Check(t.Context(), text, home); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("a key that was seen more than a day ago: %v", err)
	}
	d.down = nil
	if _, err := d.Check(t.Context(), text, home); err != nil {
		t.Errorf("when the database is back: %v", err)
	}
	d.now = d.now.Add(7 * time.Hour)
	if _, err := d.Check(t.Context(), text, home); !errors.Is(err, ErrWrong) {
		t.Errorf("after its end: %v", err)
	}
	// One that is faulty, and not only away, is no reason to believe memory.
	_, text = d.make(t, Wish{Org: "o1"})
	if _, err := d.Check(t.Context(), text, home); err != nil {
		t.Fatal(err)
	}
	d.down, d.now = e911.Errorf(e911.Internal, "the table is broken"), d.now.Add(time.Minute)
	if _, err := d.Check(t.Context(), text, home); e911.KindOf(err) != e911.Internal {
		t.Errorf("a broken table: %v", err)
	}
}

// Proves: N-42
func TestWrongKeysFromOneAddressAreToldToWait(t *testing.T) {
	d := newDesk(t)
	_, text := d.make(t, Wish{Org: "o1"})
	try := func(from string) error {
		_, err := d.Check(t.Context(), "cbk_x", netip.MustParseAddr(from))
		return err
	}
	for i := range 20 {
		if err := try("203.0.113.9"); !errors.Is(err, ErrWrong) {
			t.Fatalf("wrong key %d: %v", i+1, err)
		}
	}
	if err := try("203.0.113.9"); !errors.Is(err, ErrTooMany) {
		t.Errorf("the twenty-first: %v", err)
	}
	if err := try("::ffff:203.0.113.9"); !errors.Is(err, ErrTooMany) {
		t.Errorf("the same address, written as IPv6: %v", err)
	}
	if err := try("203.0.113.10"); !errors.Is(err, ErrWrong) {
		t.Errorf("the neighbour: %v", err)
	}
	if _, err := d.Check(t.Context(), text, home); err != nil {
		t.Errorf("a right key from that address: %v", err)
	}
	if n := strings.Count(d.log.String(), "many wrong API keys"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
	d.now = d.now.Add(time.Minute)
	if err := try("203.0.113.9"); !errors.Is(err, ErrWrong) {
		t.Errorf("a minute later: %v", err)
	}
	// One customer of IPv6 has a whole /64.
	for i := range 21 {
		_ = try(fmt.Sprintf("2001:db8:1:2::%x", i+1))
	}
	if err := try("2001:db8:1:2:ffff::1"); !errors.Is(err, ErrTooMany) {
		t.Errorf("another address of the same network: %v", err)
	}
	if err := try("2001:db8:1:3::1"); !errors.Is(err, ErrWrong) {
		t.Errorf("the next network: %v", err)
	}
}

// Memory is bounded whatever is shown to it.
//
// Proves: E15
func TestManyAddressesAndKeysTakeBoundedMemory(t *testing.T) {
	d := newDesk(t)
	for i := range maxAddresses + 10 {
		_, _ = d.Check(t.Context(), "cbk_x", netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if n := len(d.wrong); n > maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
	_, text := d.make(t, Wish{Org: "o1"})
	for range 5 {
		if _, err := d.Check(t.Context(), text, home); err != nil {
			t.Fatal(err)
		}
	}
	if d.reads != 1 {
		t.Errorf("five uses read the record %d times", d.reads)
	}
}

// Proves: N-17
func TestTheLastUseIsWrittenOnceAMinuteAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		k, text := d.make(t, Wish{Org: "o1"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		use := func() {
			if _, err := d.Check(t.Context(), text, home); err != nil {
				t.Error(err)
			}
		}
		use()
		synctest.Wait()
		if !d.lastUsed(k.ID).IsZero() {
			t.Error("it is written with every use")
		}
		<-time.After(touchEvery + time.Second)
		synctest.Wait()
		if !d.lastUsed(k.ID).Equal(d.now) {
			t.Errorf("after a minute: %v", d.lastUsed(k.ID))
		}
		d.shelf.mu.Lock()
		d.now = d.now.Add(5 * time.Second)
		d.shelf.mu.Unlock()
		use()
		cancel()
		if err := <-done; err != nil || !d.lastUsed(k.ID).Equal(d.now) {
			t.Errorf("at the end: %v, %v", d.lastUsed(k.ID), err)
		}
	})
}
