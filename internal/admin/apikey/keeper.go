package apikey

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/seal"
)

// Store keeps the records. Its errors are e911.Errors.
type Store interface {
	// CreateAPIKey stores a new record, with a line in the audit trail.
	CreateAPIKey(ctx context.Context, k Key) error
	// APIKey finds a record by id alone: whose it is follows from it. That of an
	// organisation that is gone is NotFound.
	APIKey(ctx context.Context, id string) (Key, error)
	// APIKeys lists the records of an organisation ("" the operator's), by id.
	APIKeys(ctx context.Context, org e911.OrgID, after string, limit int) ([]Key, error)
	// LiveAPIKeys lists those that were not revoked, of every organisation that is
	// there and of the operator, by id.
	LiveAPIKeys(ctx context.Context, after string, limit int) ([]Key, error)
	// RevokeAPIKey ends a key of the organisation, with a line in the audit trail;
	// NotFound when it is another's. Ending it twice changes nothing.
	RevokeAPIKey(ctx context.Context, who admin.Actor, org e911.OrgID, id string, at time.Time) error
	// ChangeAPIKey writes Secrets and EndedTokens of a key that still has the version,
	// with a line in the audit trail unless verb is empty, and returns it with its next
	// version; Conflict when it has another.
	ChangeAPIKey(ctx context.Context, who admin.Actor, k Key, verb admin.Verb) (Key, error)
	// TouchAPIKeys writes when keys were last used; never backwards.
	TouchAPIKeys(ctx context.Context, used map[string]time.Time) error
}

// Config is what a Keeper needs.
type Config struct {
	// Store returns the store, nil while there is none.
	Store func() Store
	// Standing is how an identity stands now, for keys of an organisation; NotFound for
	// none. It does not ask how far the session of who asks reaches. Nil: nobody is
	// found to hold a key.
	Standing func(ctx context.Context, identity string, org e911.OrgID) (Standing, error)
	// Once reports the first time that anybody, on any node, asks for a name until then.
	// Nil: no statements of clients are taken (IssueAsserted).
	Once func(ctx context.Context, name string, until time.Time) (bool, error)
	// Ring seals access tokens: all nodes have the same one. Nil: none are issued.
	Ring *seal.Ring
	Now  func() time.Time
	Log  *slog.Logger
}

const (
	// fresh is how long a record that was read is believed: a key that was revoked
	// on another node works here no longer than that.
	fresh = 10 * time.Second
	// stale is how long a record that was read counts while the database is down.
	stale = 24 * time.Hour
	// maxHeld bounds the records in memory.
	maxHeld = 10_000
	// touchEvery is how often last uses are written.
	touchEvery = time.Minute
	// maxWrong is how many wrong keys an address may show in wrongFor; then it is
	// told to wait. A right key is let in all the same: who shares the address is
	// not locked out.
	maxWrong = 20
	wrongFor = time.Minute
	// maxAddresses bounds how many addresses are remembered for wrong keys.
	maxAddresses = 10_000
)

// ErrWrong means that a key is unknown, wrong, expired or revoked: which of
// them is not said to who shows it.
var ErrWrong = e911.Errorf(e911.Denied, "the key is not valid")

// ErrTooMany means that an address showed too many wrong keys.
var ErrTooMany = e911.Errorf(e911.Denied, "too many wrong keys came from this address; wait a minute")

// Keeper makes, checks and ends keys. Safe for concurrent use.
type Keeper struct {
	cfg Config

	mu     sync.Mutex
	held   map[string]heldKey
	used   map[string]time.Time // since the last write
	wrong  map[netip.Addr]wrongs
	issued map[issuedTo]wrongs
}

type heldKey struct {
	key  Key
	read time.Time
}

type wrongs struct {
	since time.Time
	count int
}

// New checks the configuration.
func New(cfg Config) (*Keeper, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, e911.Errorf(e911.Invalid, "a keeper of keys needs a store, a clock and a log")
	}
	return &Keeper{cfg: cfg, held: map[string]heldKey{}, used: map[string]time.Time{}, wrong: map[netip.Addr]wrongs{}, issued: map[issuedTo]wrongs{}}, nil
}

var errNoStore = e911.Errorf(e911.Unavailable, "the database does not answer now; keys cannot be changed")

func (k *Keeper) store() (Store, error) {
	if st := k.cfg.Store(); st != nil {
		return st, nil
	}
	return nil, errNoStore
}

// Create makes a key; text is the key itself, which is never told again. One with a
// public key has none: its program signs statements.
func (k *Keeper) Create(ctx context.Context, who admin.Actor, w Wish) (made Key, text string, err error) {
	now := k.cfg.Now()
	if faults := w.faults(now); len(faults) > 0 {
		return Key{}, "", &e911.Error{Kind: e911.Invalid, Msg: "the key is refused", Faults: faults}
	}
	st, err := k.store()
	if err != nil {
		return Key{}, "", err
	}
	made = Key{
		ID: newID(), Org: w.Org, Name: w.Name, Scopes: slices.Clone(w.Scopes), Made: now.UTC().Truncate(time.Millisecond), By: who,
		Expires: w.Expires.UTC().Truncate(time.Millisecond), Version: 1,
	}
	var public []byte
	if w.PublicKey != "" {
		public, _ = publicKey(w.PublicKey)
	}
	first, text := made.secretOf(who, now, public)
	made.Secrets = []Secret{first}
	if err := st.CreateAPIKey(ctx, made); err != nil {
		return Key{}, "", err
	}
	return made, text, nil
}

// Get returns a key of the organisation, NotFound when it is another's.
func (k *Keeper) Get(ctx context.Context, org e911.OrgID, id string) (Key, error) {
	st, err := k.store()
	if err != nil {
		return Key{}, err
	}
	key, err := st.APIKey(ctx, id)
	if err == nil && key.Org != org {
		return Key{}, e911.Errorf(e911.NotFound, "there is no such key")
	}
	return key, err
}

// List returns a page of the organisation's keys ("" the operator's) in order of id.
func (k *Keeper) List(ctx context.Context, org e911.OrgID, after string, limit int) ([]Key, error) {
	st, err := k.store()
	if err != nil {
		return nil, err
	}
	return st.APIKeys(ctx, org, after, limit)
}

// Revoke ends a key, at once on this node and within ten seconds on others.
func (k *Keeper) Revoke(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error {
	st, err := k.store()
	if err != nil {
		return err
	}
	if err := st.RevokeAPIKey(ctx, who, org, id, k.cfg.Now()); err != nil {
		return err
	}
	key, err := st.APIKey(ctx, id)
	if err != nil || key.Revoked.IsZero() {
		key = tombstone(id, k.cfg.Now())
	}
	k.hold(key)
	return nil
}

// tombstone stands for a key that has ended and of which no more is known.
func tombstone(id string, at time.Time) Key { return Key{ID: id, Revoked: at, Version: math.MaxInt64} }

// Check returns the record of a key or of an access token that somebody shows from
// an address, or ErrWrong, ErrTooMany, or Unavailable when the database is down and
// the key was not seen in the last 24 hours. With the database down a key that was
// seen goes on working, and its revocation elsewhere does not come through. The
// record of a token has the token's scopes.
func (k *Keeper) Check(ctx context.Context, text string, from netip.Addr) (Key, error) {
	if strings.HasPrefix(text, TokenPrefix) {
		return k.checkToken(ctx, text, from)
	}
	key, _, err := k.checkKey(ctx, text, from)
	return key, err
}

// checkKey also returns the id of the secret that was shown.
func (k *Keeper) checkKey(ctx context.Context, text string, from netip.Addr) (Key, string, error) {
	id, secret, ok := split(text)
	if !ok {
		return Key{}, "", k.refuse(from)
	}
	key, err := k.record(ctx, id)
	if err != nil && e911.KindOf(err) != e911.NotFound {
		return Key{}, "", err
	}
	now := k.cfg.Now()
	which := key.match(secret, now)
	if err != nil || which == nil || !key.Valid(now) {
		return Key{}, "", k.refuse(from)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used[id] = now
	return key, which.ID, nil
}

func (k *Keeper) record(ctx context.Context, id string) (Key, error) {
	now := k.cfg.Now()
	k.mu.Lock()
	h, seen := k.held[id]
	k.mu.Unlock()
	if seen && now.Sub(h.read) < fresh {
		return h.key, nil
	}
	st, err := k.store()
	if err == nil {
		h.key, err = st.APIKey(ctx, id)
	}
	switch {
	case err == nil:
		h.key.Scopes = within(h.key)
		return k.hold(h.key), nil
	case seen && e911.KindOf(err) == e911.Unavailable:
		return k.heldNow(id, now)
	case seen && e911.KindOf(err) == e911.NotFound:
		k.hold(tombstone(id, now)) // nor does it come back when the database goes
	}
	return Key{}, err
}

// hold keeps what is known of a key, unless more is known already: a reading that
// began before a change may end after it.
func (k *Keeper) hold(key Key) Key {
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if h, ok := k.held[key.ID]; ok && h.key.Version > key.Version {
		key = h.key
	}
	if len(k.held) >= maxHeld {
		maps.DeleteFunc(k.held, func(_ string, h heldKey) bool { return h.key.Revoked.IsZero() })
	}
	if len(k.held) >= maxHeld {
		clear(k.held)
	}
	k.held[key.ID] = heldKey{key, now}
	return key
}

// heldNow returns what memory has of a key, unless it was revoked meanwhile.
func (k *Keeper) heldNow(id string, now time.Time) (Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.held[id]
	if !ok || now.Sub(h.read) >= stale {
		return Key{}, errNoStore
	}
	return h.key, nil
}

// refuse counts a wrong key against its address.
func (k *Keeper) refuse(from netip.Addr) error {
	from = network(from)
	now := k.cfg.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.wrong[from]
	if now.Sub(w.since) >= wrongFor {
		w = wrongs{since: now}
	}
	w.count++
	if len(k.wrong) >= maxAddresses {
		clear(k.wrong)
	}
	k.wrong[from] = w
	if w.count == maxWrong {
		k.cfg.Log.Warn("many wrong API keys come from one address", obs.KeySrc, from)
	}
	if w.count > maxWrong {
		return ErrTooMany
	}
	return ErrWrong
}

// Run writes last uses each minute until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.touch(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			k.touch(last)
			return nil
		}
	}
}

// touch writes last uses. What cannot be written is forgotten: it is not worth
// holding memory for while the database is down.
func (k *Keeper) touch(ctx context.Context) {
	k.mu.Lock()
	used := k.used
	k.used = map[string]time.Time{}
	k.mu.Unlock()
	if len(used) == 0 {
		return
	}
	st, err := k.store()
	if err == nil {
		err = st.TouchAPIKeys(ctx, used)
	}
	if err != nil && !errors.Is(err, errNoStore) {
		k.cfg.Log.Warn("when API keys were last used is not written", obs.Err(err))
	}
}

func itoa(i int) string { return strconv.Itoa(i) }
