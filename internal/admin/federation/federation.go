// Package federation lets people sign in by an identity provider of their own
// organisation, or of the operator: which providers there are, whom they bring, and
// where a password is not enough any more (C-60a).
//
// What the identity provider of an organisation says is worth something in that
// organisation alone. Its administrator can make it say anything, also the address
// of another customer's administrator; so the session that follows is bound to the
// organisation (member.Scope), however many roles the identity has elsewhere. A
// provider of the operator makes sessions that are not bound. See docs/adr/0019.
//
// How a protocol talks is not here: internal/signon/oidc and internal/signon/saml
// implement Protocol. Nothing of it stands before a call.
package federation

import (
	"context"
	"net/url"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Via is the protocol that a provider speaks.
type Via string

// The protocols.
const (
	ViaOIDC Via = "oidc" // OpenID Connect Core 1.0
	ViaSAML Via = "saml" // SAML 2.0, web browser SSO profile
)

// Provider is an identity provider as it is configured.
type Provider struct {
	ID      string     `json:"id"`
	Org     e911.OrgID `json:"org,omitempty"` // none: the operator's, who signs in to everything
	Key     string     `json:"key"`           // short name, unique in the organisation
	Version int64      `json:"version"`
	Via     Via        `json:"protocol"`
	Name    string     `json:"name"` // on the button
	// Domains of mail addresses whose owners it signs in, in lower case.
	Domains []string `json:"domains,omitempty"`
	// Confirmed are those of Domains of which the operator said that they belong to the
	// organisation. Only these lead from an address to the provider.
	Confirmed []string `json:"confirmed,omitempty"`
	OIDC      *OIDC    `json:"oidc,omitempty"`
	SAML      *SAML    `json:"saml,omitempty"`
	Names     Names    `json:"claims,omitzero"`
	// Roles are given, and taken again, by the groups that the provider tells.
	Roles []GroupRole `json:"roles,omitempty"`
	// Create makes a member of somebody new to whom a group gives a role.
	Create   bool `json:"create,omitempty"`
	Disabled bool `json:"disabled,omitempty"`
	// Proved is when somebody last signed in by it; zero: never.
	Proved time.Time `json:"proved,omitzero"`
}

// OIDC is what OpenID Connect needs.
type OIDC struct {
	Issuer       string      `json:"issuer"` // https://..., as the provider writes it
	ClientID     string      `json:"client_id"`
	ClientSecret e911.Secret `json:"client_secret,omitempty"` // sealed at rest, never shown; none: a public client
	Scopes       []string    `json:"scopes,omitempty"`        // beside openid; none: email profile
}

// SAML is what SAML needs.
type SAML struct {
	// Metadata is the identity provider's, XML. It is how its certificates are known. It
	// stays as it is until an administrator gives another, or has it fetched again.
	Metadata string `json:"metadata"`
	// MetadataURL is where it is fetched from when the provider is saved without
	// Metadata; nothing else fetches it. Fetched is when that was.
	MetadataURL string    `json:"metadata_url,omitempty"`
	Fetched     time.Time `json:"fetched,omitzero"`
	// EntityID is the identity provider's own name, where Metadata has several.
	EntityID string `json:"entity_id,omitempty"`
	// NameID is the kind of name that is asked for: "email", "persistent", or none: as
	// the provider likes.
	NameID string `json:"name_id,omitempty"`
	// Certificate and SigningKey are our own key pair at this provider, PEM; made when
	// it is saved without one. The key is sealed at rest and never shown.
	Certificate string      `json:"certificate,omitempty"`
	SigningKey  e911.Secret `json:"signing_key,omitempty"`
}

// Names are what a provider calls the things that it tells; none: the usual names
// of its protocol.
type Names struct {
	Subject string `json:"subject,omitempty"`
	Email   string `json:"email,omitempty"`
	Name    string `json:"name,omitempty"`
	Groups  string `json:"groups,omitempty"`
}

// GroupRole gives a role in the provider's organisation to who is in a group.
type GroupRole struct {
	Group string      `json:"group"`
	Role  access.Role `json:"role"`
	Site  string      `json:"site,omitempty"` // id; none: the organisation
}

// Said is whether a provider said something.
type Said int8

// What can be said.
const (
	Unsaid Said = iota
	Yes
	No
)

// Claims is what a provider said of somebody, once its word was proved: signature,
// issuer, audience, times, and that it answers the very question that was asked.
type Claims struct {
	Subject       string // stable, unique at the provider
	Email         string
	EmailVerified Said
	Name          string
	Groups        []string
	// AuthTime is when he proved himself there; zero: not said.
	AuthTime time.Time
	// Once are names of what may be used one time only, such as the id of an assertion,
	// with how long it could be used again. Desk refuses what was used before.
	Once map[string]time.Time
}

// Start is a sign-in that begins.
type Start struct {
	// State comes back with the answer and ties it to the browser: OAuth's state, SAML's
	// RelayState. 43 letters of base64url.
	State string
	// Callback is our address that the answer goes to.
	Callback string
	// Hint is the address that the person typed, if he did.
	Hint string
}

// Callback is the answer as the browser brought it.
type Callback struct {
	// Values are the query of a GET or the form of a POST, one value each: a parameter
	// that comes twice is refused before.
	Values url.Values
	// URL is our address that it came to, as in Start.
	URL string
}

// Protocol speaks with identity providers. Safe for concurrent use. What goes wrong
// is an e911.Error that an administrator can act on: Invalid for what the provider
// did or is configured wrongly, Denied for an answer that is not believed,
// Unavailable for a provider that cannot be reached. None has a secret in it.
type Protocol interface {
	// Faults says what is wrong with the configuration, without asking anybody.
	Faults(p Provider) []e911.Fault
	// Probe asks the provider whether a sign-in could begin; it signs nobody in.
	Probe(ctx context.Context, p Provider) error
	// Begin returns where the browser goes, and what Finish needs to judge the answer:
	// nonce, verifier, id of the request. It travels sealed in a cookie of that browser.
	Begin(ctx context.Context, p Provider, s Start) (redirect string, state []byte, err error)
	// Finish proves the answer. That State is right, that the answer came in time and
	// that it is the first with that state was looked at before.
	Finish(ctx context.Context, p Provider, c Callback, state []byte) (Claims, error)
}

// Preparer is a Protocol that completes a provider when it is saved: key pairs that
// are made, documents that are fetched. Desk calls it before Faults.
type Preparer interface {
	Prepare(ctx context.Context, p *Provider) error
}
