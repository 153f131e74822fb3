package signon

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// Admission is how somebody was proved whom another way brought: a passkey, an
// identity provider, a link that was followed.
type Admission struct {
	By      []string
	Address netip.Addr
	Agent   string
	// Provider and Bound are those of the Session; Provider is empty where no identity
	// provider brought him, and then Config.Gate is asked.
	Provider string
	Bound    e911.OrgID

	used string // id of a credential that notes when it was used
}

// Admit makes a session for an identity that was proved. Each sign-in has a secret
// of its own, so that one planted before it is worth nothing (session fixation).
func (d *Desk) Admit(ctx context.Context, identity string, a Admission) (Session, string, error) {
	secret, now := newSecret(), d.now()
	s := Session{
		ID: e911.NewID[string](), Identity: identity, Made: now, Seen: now, Expires: now.Add(d.cfg.Life),
		Address: a.Address, Agent: a.Agent[:min(len(a.Agent), 200)], By: a.By, Hash: hashOf(secret),
		Provider: a.Provider, Bound: a.Bound,
	}
	var past []e911.OrgID
	if a.Provider == "" && d.cfg.Gate != nil {
		v, err := d.cfg.Gate.Own(ctx, identity, a.By)
		if err != nil {
			return Session{}, "", err
		}
		s.Without, past = v.Without, v.Past
	}
	err := d.write(ctx, admin.Actor(identity), func(tx Tx) error {
		who, err := tx.Identity(ctx, identity)
		if e911.KindOf(err) == e911.NotFound || err == nil && !who.Disabled.IsZero() {
			return ErrWrong
		}
		if err != nil {
			return err
		}
		who.LastSeen = now
		if err := tx.ChangeIdentity(ctx, who); err != nil {
			return err
		}
		if err := tx.AddSession(ctx, s); err != nil {
			return err
		}
		if err := noteUse(ctx, tx, a.used, now); err != nil {
			return err
		}
		for _, org := range past {
			if err := tx.Note(ctx, admin.AuditNote{Org: org, Verb: "used_break_glass", Kind: KindPolicy, ID: string(org), Key: who.Email, Detail: map[string]any{"identity": who.ID}}); err != nil {
				return err
			}
		}
		return tx.Note(ctx, admin.AuditNote{Verb: "began", Kind: kindSession, ID: s.ID, Key: who.Email, Detail: map[string]any{"by": s.By, "provider": s.Provider, "bound": s.Bound}})
	})
	if err != nil {
		return Session{}, "", err
	}
	for _, org := range past {
		d.cfg.Gate.Passed(ctx, org, identity)
	}
	return s, secret, nil
}

// ErrSession means that nobody is signed in with that secret.
var ErrSession = e911.Errorf(e911.Denied, "nobody is signed in here; sign in again")

const (
	// fresh is how long a session that was read is believed: one that was ended on
	// another node works here no longer than that.
	fresh = 10 * time.Second
	// maxHeld bounds the sessions in memory.
	maxHeld = 20_000
)

// sessions remembers sessions that were read, so that who is signed in stays so
// while the database is down (D-12). Safe for concurrent use.
type sessions struct {
	mu   sync.Mutex
	held map[string]heldSession // by hash
	seen map[string]time.Time   // by id, since the last write
}

type heldSession struct {
	session Session
	who     member.Identity
	read    time.Time
}

func newSessions() *sessions {
	return &sessions{held: map[string]heldSession{}, seen: map[string]time.Time{}}
}

func (s *sessions) get(hash string) (heldSession, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.held[hash]
	return h, ok
}

func (s *sessions) put(hash string, h heldSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) >= maxHeld {
		clear(s.held) // read again as they come
	}
	s.held[hash] = h
}

func (s *sessions) drop(hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, hash)
}

// forget drops the sessions of an identity but the one named.
func (s *sessions) forget(identity, keep string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, h := range s.held {
		if h.session.Identity == identity && h.session.ID != keep {
			delete(s.held, k)
		}
	}
}

func (s *sessions) saw(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[id] = at
}

func (s *sessions) take() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = map[string]time.Time{}
	return seen
}

// Check says who is signed in with a secret. While the database is down, sessions
// that this node has seen go on until they expire.
func (d *Desk) Check(ctx context.Context, secret string) (Session, member.Identity, error) {
	hash, now := string(hashOf(secret)), d.now()
	h, ok := d.held.get(hash)
	if !ok || now.Sub(h.read) >= fresh || now.Before(h.read) {
		next, err := d.readSession(ctx, hash)
		switch {
		case err == nil:
			if ok && h.session.Seen.After(next.session.Seen) {
				next.session.Seen = h.session.Seen // not written yet
			}
			h = next
		case ok && e911.KindOf(err) == e911.Unavailable:
		case e911.KindOf(err) == e911.NotFound:
			d.held.drop(hash)
			return Session{}, member.Identity{}, ErrSession
		default:
			return Session{}, member.Identity{}, err
		}
	}
	if !h.session.Live(now) || now.Sub(h.session.Seen) >= d.cfg.Idle || !h.who.Disabled.IsZero() {
		d.held.drop(hash)
		return Session{}, member.Identity{}, ErrSession
	}
	if now.Sub(h.session.Seen) >= time.Minute {
		h.session.Seen = now
		d.held.saw(h.session.ID, now)
	}
	d.held.put(hash, h)
	return h.session, h.who, nil
}

func (d *Desk) readSession(ctx context.Context, hash string) (heldSession, error) {
	h := heldSession{read: d.now()}
	err := d.read(ctx, func(tx Tx) (err error) {
		if h.session, err = tx.Session(ctx, []byte(hash)); err != nil {
			return err
		}
		h.who, err = tx.Identity(ctx, h.session.Identity)
		return err
	})
	return h, err
}

// Keep writes when sessions were last seen, once a minute, until ctx ends. Tick
// receives each minute.
func (d *Desk) Keep(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		seen := d.held.take()
		if len(seen) == 0 {
			continue
		}
		if err := d.write(ctx, "server", func(tx Tx) error { return tx.SeeSessions(ctx, seen) }); err != nil {
			d.cfg.Log.WarnContext(ctx, "sessions: when they were last seen could not be written", "error", err)
		}
	}
}

// Sessions lists where an identity is signed in.
func (d *Desk) Sessions(ctx context.Context, identity string) ([]Session, error) {
	var out []Session
	err := d.read(ctx, func(tx Tx) (err error) {
		out, err = tx.SessionsOf(ctx, identity, d.now())
		return err
	})
	return slices.DeleteFunc(out, func(s Session) bool { return !s.Live(d.now()) }), err
}

// End ends sessions of an identity: those named, or all but those named when others
// is true. At once here, within ten seconds on other nodes.
func (d *Desk) End(ctx context.Context, identity string, ids []string, others bool) error {
	err := d.write(ctx, admin.Actor(identity), func(tx Tx) error {
		if err := tx.EndSessions(ctx, identity, ids, others, d.now()); err != nil {
			return err
		}
		return tx.Note(ctx, admin.AuditNote{Verb: "ended", Kind: kindSession, ID: identity, Detail: map[string]any{"sessions": ids, "others": others}})
	})
	d.held.mu.Lock()
	defer d.held.mu.Unlock()
	for k, h := range d.held.held {
		if h.session.Identity == identity && slices.Contains(ids, h.session.ID) != others {
			delete(d.held.held, k)
		}
	}
	return err
}
