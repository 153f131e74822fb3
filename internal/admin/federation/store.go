package federation

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

// Link is an account of a provider and the identity here that it is.
type Link struct {
	Provider string    `json:"provider"` // id
	Subject  string    `json:"subject"`
	Identity string    `json:"identity"`
	Made     time.Time `json:"made"`
	Used     time.Time `json:"used"`
}

// Policy is what an organisation asks of its members' sign-in.
type Policy struct {
	Org     e911.OrgID `json:"org"`
	Version int64      `json:"version"`
	// Force takes nothing in the organisation but its providers' word.
	Force bool `json:"force"`
	// BreakGlass are identities that may use a password with a second proof, or a
	// passkey, all the same.
	BreakGlass []string `json:"break_glass,omitempty"`
}

// Providers reads and writes identity providers, with their secrets in the clear.
type Providers interface {
	// ProvidersOf lists those of an organisation, of the operator for "", by key.
	ProvidersOf(ctx context.Context, org e911.OrgID) ([]Provider, error)
	// Provider finds one by id; NotFound.
	Provider(ctx context.Context, id string) (Provider, error)
	// ProviderOfDomain is NotFound when no confirmed domain leads to one.
	ProviderOfDomain(ctx context.Context, domain string) (Provider, error)
	// PutProvider creates it (Version 0) or replaces that version. Conflict when it has
	// moved on, or key or confirmed domain are another's.
	PutProvider(ctx context.Context, p Provider) (Provider, error)
	// DropProvider forgets it, with its links.
	DropProvider(ctx context.Context, id string) error
	// Prove writes when somebody last signed in by it.
	Prove(ctx context.Context, id string, at time.Time) error
}

// Links reads and writes links.
type Links interface {
	// LinksOf lists those of a provider; an identity or a subject that is not empty
	// narrows it down.
	LinksOf(ctx context.Context, provider, identity, subject string) ([]Link, error)
	PutIdentityLink(ctx context.Context, l Link) error
	// DropIdentityLinks forgets those of an identity, of all for "".
	DropIdentityLinks(ctx context.Context, provider, identity string) error
}

// Tx is one transaction. Those that write run one after the other.
type Tx interface {
	member.Tx
	signon.Credentials
	signon.Sessions
	Providers
	Links
	// Policy is the zero one where none was written.
	Policy(ctx context.Context, org e911.OrgID) (Policy, error)
	// PutPolicy is a Conflict when the version is not the stored one.
	PutPolicy(ctx context.Context, p Policy) (Policy, error)
}

// Store keeps identity providers and whom they brought. Its errors are e911.Errors.
type Store interface {
	ReadFederation(ctx context.Context, do func(Tx) error) error
	WriteFederation(ctx context.Context, who admin.Actor, do func(Tx) error) error
}
