package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Trail is from where a change comes. It travels in the context of a Write, so
// that the audit trail can say it; all of it may be empty.
type Trail struct {
	Address string // of the client, without a port
	Session string // id of a sign-in or an API key, never the secret
	Set     string // id of the applied change set that the change belongs to
	// As says in what role, where that is not one's own: "support for mill". It is
	// written behind the session.
	As string
}

type trailKey struct{}

// WithTrail says from where changes under the context come. Fields that are empty
// stay as they were.
func WithTrail(ctx context.Context, t Trail) context.Context {
	was := TrailOf(ctx)
	if t.Address == "" {
		t.Address = was.Address
	}
	if t.Session == "" {
		t.Session = was.Session
	}
	if t.Set == "" {
		t.Set = was.Set
	}
	if t.As == "" {
		t.As = was.As
	}
	return context.WithValue(ctx, trailKey{}, t)
}

// TrailOf is the zero Trail where nothing was said.
func TrailOf(ctx context.Context) Trail {
	t, _ := ctx.Value(trailKey{}).(Trail)
	return t
}

// AuditEntry is one line of the audit trail. Secrets are never in it: in their
// place stands "[secret]". Before and After are JSON objects with what was
// changed; of what was created or deleted, with all of it.
type AuditEntry struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Who     Actor           `json:"who"`
	Verb    Verb            `json:"verb"`
	Ref     Ref             `json:"ref"`
	Key     string          `json:"key,omitempty"`
	Fields  []string        `json:"fields,omitempty"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Address string          `json:"address,omitempty"`
	Session string          `json:"session,omitempty"`
	Set     string          `json:"set,omitempty"`
	// N counts the entries of the organisation, Hash is the end of its chain with
	// this one; none: the entry is older than the chain (docs/adr/0016).
	N    int64  `json:"n,omitempty"`
	Hash string `json:"hash,omitempty"`
}

// AuditNote is something done that is no change of a configured object: a key made,
// a sign-in, a job. Kind and Verb are the writer's: "api_key", "revoked".
type AuditNote struct {
	Org    e911.OrgID
	Verb   Verb
	Kind   e911.ObjectKind
	ID     string
	Key    string
	Detail any // becomes After; secrets of it are not kept
}

// AuditQuery asks for entries. Empty fields ask for anything.
type AuditQuery struct {
	Org e911.OrgID // "" is the world part
	// All asks for every organisation; for the operator alone.
	All      bool
	From, To time.Time // from From on, before To
	Who      string    // part of it, capitals do not matter
	Verb     Verb
	Kind     e911.ObjectKind
	ID       string
	Key      string // part of it
	Set      string
	Text     string // part of who, key, fields, before or after
	Before   int64  // sequence: older than this one
	After    int64  // newer than this one, and then oldest first
	Limit    int    // 0 or more than MaxPage: MaxPage
}

// AuditProof says whether the chains hold.
type AuditProof struct {
	Entries int64 `json:"entries"` // in chains
	Older   int64 `json:"older"`   // from before there were chains
	Chains  int   `json:"chains"`
	// Heads is the end of each chain: who keeps them elsewhere can tell that
	// nobody wrote the whole chain again.
	Heads  map[string]string `json:"heads,omitempty"`
	Broken *AuditBreak       `json:"broken,omitempty"` // nil: they hold
}

// AuditBreak is the first entry at which a chain breaks.
type AuditBreak struct {
	Org e911.OrgID `json:"org,omitempty"`
	Seq int64      `json:"seq,omitempty"` // 0: behind the last one
	N   int64      `json:"n"`
	Why string     `json:"why"`
}

// AuditTrail is what is asked of a store about the audit trail.
type AuditTrail interface {
	// FindAudit returns a page, newest first unless the query says After.
	FindAudit(ctx context.Context, q AuditQuery) ([]AuditEntry, error)
	// NoteAudit adds entries about what is no configured object.
	NoteAudit(ctx context.Context, who Actor, notes ...AuditNote) error
	// VerifyAudit proves the chains, of one organisation or of all.
	VerifyAudit(ctx context.Context, org e911.OrgID, all bool) (AuditProof, error)
}
