// Package signon proves who somebody is: passwords, one-time codes, recovery codes,
// passkeys, and the sessions that follow. Other people's identity providers come to
// the same sessions by Desk.Admit.
//
// Nothing here stands before a call, and nobody who is signed in is shut out by
// what a stranger tries (D-12): failures are counted by address and account
// together, never by account alone.
package signon

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
)

// Kind is a kind of credential.
type Kind string

// The kinds.
const (
	Password Kind = "password" // at most one
	TOTP     Kind = "totp"     // RFC 6238; at most one
	Recovery Kind = "recovery" // codes that work once, when the telephone is lost
	Passkey  Kind = "passkey"  // W3C Web Authentication; several
)

// Credential is how an identity proves itself. Data is the kind's own and is kept
// sealed: the hash of a password, the secret of one-time codes.
type Credential struct {
	ID       string // unique; of a passkey its own id
	Identity string
	Kind     Kind
	Name     string // that its owner gave it
	Data     []byte
	Made     time.Time
	Used     time.Time // zero: never
}

// Session is somebody who is signed in, in one browser or program.
type Session struct {
	ID       string     `json:"id"`
	Identity string     `json:"identity"`
	Made     time.Time  `json:"made"` // when its owner last proved himself
	Seen     time.Time  `json:"seen"` // within a minute
	Expires  time.Time  `json:"expires"`
	Ended    time.Time  `json:"ended,omitzero"`
	Address  netip.Addr `json:"address"` // of the sign-in
	Agent    string     `json:"agent,omitempty"`
	// By are the proofs that it rests on: "password", "totp", "passkey", "oidc". A
	// passkey whose authenticator made sure of the person is "passkey" and "uv".
	By   []string `json:"by"`
	Hash []byte   `json:"-"` // SHA-256 of what the cookie carries
	// Provider is the id of the identity provider that brought the person; none: he
	// proved himself here.
	Provider string `json:"provider,omitempty"`
	// Bound is the organisation whose provider that is, and the only one in which the
	// session counts. Without are organisations in which it does not.
	Bound   e911.OrgID   `json:"bound,omitempty"`
	Without []e911.OrgID `json:"without,omitempty"`
}

// Live reports a session that counts.
func (s Session) Live(now time.Time) bool { return s.Ended.IsZero() && now.Before(s.Expires) }

// Credentials reads and writes credentials.
type Credentials interface {
	CredentialsOf(ctx context.Context, identity string) ([]Credential, error)
	// Credential finds one by id; NotFound.
	Credential(ctx context.Context, id string) (Credential, error)
	// PutCredential creates it or replaces the one of the same id.
	PutCredential(ctx context.Context, c Credential) error
	// DropCredential is NotFound when it is gone.
	DropCredential(ctx context.Context, identity, id string) error
}

// Sessions reads and writes sessions.
type Sessions interface {
	AddSession(ctx context.Context, s Session) error
	// Session finds one by the hash of its secret; NotFound.
	Session(ctx context.Context, hash []byte) (Session, error)
	// SessionsOf lists those of an identity that have not ended, newest first.
	SessionsOf(ctx context.Context, identity string, now time.Time) ([]Session, error)
	// EndSessions ends those named of the identity, or all but those named when
	// others is true.
	EndSessions(ctx context.Context, identity string, ids []string, others bool, at time.Time) error
	// SeeSessions writes when sessions were last seen.
	SeeSessions(ctx context.Context, seen map[string]time.Time) error
}

// Tx is one transaction.
type Tx interface {
	member.People
	Credentials
	Sessions
	Note(ctx context.Context, n admin.AuditNote) error
	// UseOnce remembers a hash until then; Conflict when it was used before.
	UseOnce(ctx context.Context, hash []byte, until, now time.Time) error
}

// Store keeps credentials and sessions. Its errors are e911.Errors.
type Store interface {
	ReadSignOn(ctx context.Context, do func(Tx) error) error
	WriteSignOn(ctx context.Context, who admin.Actor, do func(Tx) error) error
}

// Config is what a Desk needs.
type Config struct {
	// Store returns the store, nil while there is none.
	Store func() Store
	Now   func() time.Time
	Log   *slog.Logger
	// Issuer names this Callbox in an app of one-time codes.
	Issuer string
	// Life is how long a session lasts, Idle how long without being used; zero:
	// twelve hours, two hours.
	Life, Idle time.Duration
	// Passkeys speaks with authenticators, and Ring seals what a browser keeps while
	// it asks its own. Nil: there are no passkeys.
	Passkeys Authenticators
	Ring     *seal.Ring
	// Mail tells people that how they prove themselves was changed; false: no mail is
	// sent. It does not wait. Nil: nobody is told.
	Mail func(to, subject, text string) bool
	// Gate says where credentials of ours are not enough; nil: nowhere.
	Gate Gate
	// Derive makes a key of a password (RFC 9106); nil: argon2.IDKey. Every password that
	// somebody tries goes through it once, whether he is known or not.
	Derive func(password, salt []byte, passes, memory uint32, lanes uint8, length uint32) []byte
}

// Desk has the use cases. Safe for concurrent use.
type Desk struct {
	cfg    Config
	hasher hasher
	limit  *limiter
	held   *sessions
	party  *party
}

// New checks the configuration.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.Log == nil || cfg.Issuer == "" {
		return nil, e911.Errorf(e911.Invalid, "sign-on needs a store, a clock, a log and a name")
	}
	if cfg.Life <= 0 {
		cfg.Life = 12 * time.Hour
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 2 * time.Hour
	}
	return &Desk{cfg: cfg, hasher: newHasher(cfg), limit: newLimiter(), held: newSessions(), party: newParty(cfg)}, nil
}

var errNoStore = e911.Errorf(e911.Unavailable, "the database does not answer now; who is signed in stays so, nobody new can sign in")

func (d *Desk) read(ctx context.Context, do func(Tx) error) error {
	st := d.cfg.Store()
	if st == nil {
		return errNoStore
	}
	return st.ReadSignOn(ctx, scoped(ctx, do))
}

func (d *Desk) write(ctx context.Context, who admin.Actor, do func(Tx) error) error {
	st := d.cfg.Store()
	if st == nil {
		return errNoStore
	}
	return st.WriteSignOn(ctx, who, scoped(ctx, do))
}

func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Truncate(time.Millisecond) }

// What the audit trail calls what is done here.
const (
	kindSession    e911.ObjectKind = "session"
	kindCredential e911.ObjectKind = "credential"
	// KindPolicy is how an organisation's members sign in.
	KindPolicy e911.ObjectKind = "sign_on_policy"
)
