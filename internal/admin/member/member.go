// Package member keeps who may do what: identities (people and programs that sign
// in), the roles that they were given in the tree of provider, partners,
// organisations and sites, invitations, support that a customer lets in, and the
// move of an organisation from one partner to another. rules/access decides; this
// package asks it inside one transaction and writes down what happened.
//
// One identity may have roles in many organisations; an address is an identity
// once, however it is written.
package member

import (
	"context"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Identity is somebody who can sign in. Users of an organisation, who make calls,
// need none.
type Identity struct {
	ID       string    `json:"id"`
	Email    string    `json:"email"`
	Name     string    `json:"name"`
	Language string    `json:"language,omitempty"` // of pages and mails; none: English
	Made     time.Time `json:"made"`
	Disabled time.Time `json:"disabled,omitzero"` // since when it may not sign in; zero: it may
	// LastSeen is when it last signed in; zero: never.
	LastSeen time.Time `json:"last_seen,omitzero"`
	// Held names the place whose inviter was handed the link of the first sign-in, and
	// outside which roles do not count until the address is proved; see heldAt. Empty:
	// nobody but the owner of the address, or the operator, had a link.
	Held string `json:"held,omitempty"`
}

// FoldEmail writes an address in the form in which it is compared.
func FoldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Grant is a role that was given, with who gave it and when.
type Grant struct {
	access.Grant
	Made time.Time   `json:"made"`
	By   admin.Actor `json:"by"`
	// Used is when a support grant was last used; zero: never.
	Used time.Time `json:"used,omitzero"`
}

// Partner is an account between the provider and its customers.
type Partner struct {
	ID   string    `json:"id"`
	Key  string    `json:"key"`
	Name string    `json:"name"`
	Made time.Time `json:"made"`
}

// LinkPurpose is what a one-time link does.
type LinkPurpose string

// The purposes.
const (
	LinkInvitation LinkPurpose = "invitation" // the first sign-in, W-27, C-54, C-56
	LinkReset      LinkPurpose = "reset"
	LinkSignIn     LinkPurpose = "sign_in"
)

// Link is a one-time link as it is kept: the hash of what was mailed.
type Link struct {
	Hash     []byte // SHA-256 of the secret in the link
	Purpose  LinkPurpose
	Identity string
	Made     time.Time
	Expires  time.Time
	// Proves: it was told to nobody but the address itself, or the operator, so that who
	// follows it has the address.
	Proves bool
}

// People reads and writes identities. Identities are of no organisation.
type People interface {
	Identity(ctx context.Context, id string) (Identity, error)
	IdentityByEmail(ctx context.Context, email string) (Identity, error)
	CreateIdentity(ctx context.Context, i Identity) error
	ChangeIdentity(ctx context.Context, i Identity) error
}

// Grants reads and writes roles.
type Grants interface {
	// GrantsOf lists the grants of an identity, by id.
	GrantsOf(ctx context.Context, identity string) ([]Grant, error)
	// GrantsAt lists the grants at exactly that node; of an organisation, whatever
	// partner it is under.
	GrantsAt(ctx context.Context, at access.Node) ([]Grant, error)
	AddGrant(ctx context.Context, g Grant) error
	// RemoveGrant is NotFound when it is gone.
	RemoveGrant(ctx context.Context, id string) error
	// GrantsIn lists the grants in an organisation: at it and at its sites, by id.
	GrantsIn(ctx context.Context, org e911.OrgID) ([]Grant, error)
	// RolesBeyond reports whether an identity has roles that are not at that node,
	// nor at sites of its organisation: everybody's, whoever asks.
	RolesBeyond(ctx context.Context, identity string, at access.Node) (bool, error)
	// UseGrant writes when a grant was last used.
	UseGrant(ctx context.Context, id string, at time.Time) error
}

// Tenancy reads and writes the upper part of the tree.
type Tenancy interface {
	Partners(ctx context.Context) ([]Partner, error)
	CreatePartner(ctx context.Context, p Partner) error
	// RemovePartner is NotFound when it is gone.
	RemovePartner(ctx context.Context, id string) error
	// Customers is the partner of each organisation that has one.
	Customers(ctx context.Context) (map[e911.OrgID]string, error)
	// PartnerOf is "" for an organisation that the provider looks after himself.
	PartnerOf(ctx context.Context, org e911.OrgID) (string, error)
	SetPartner(ctx context.Context, org e911.OrgID, partner string) error
}

// Transfers reads and writes moves of organisations.
type Transfers interface {
	Transfer(ctx context.Context, id string) (access.Transfer, error)
	TransfersOf(ctx context.Context, org e911.OrgID) ([]access.Transfer, error)
	// OpenTransfers lists those of all organisations that are not over.
	OpenTransfers(ctx context.Context) ([]access.Transfer, error)
	PutTransfer(ctx context.Context, t access.Transfer) error
	// RevokeKeysOf revokes the API keys of an organisation that these identities
	// made, and says which.
	RevokeKeysOf(ctx context.Context, org e911.OrgID, by []string, at time.Time) ([]string, error)
}

// Requests reads and writes what people ask for who have no account.
type Requests interface {
	AccountRequest(ctx context.Context, id string) (AccountRequest, error)
	// AccountRequests lists them, the newest first.
	AccountRequests(ctx context.Context) ([]AccountRequest, error)
	PutAccountRequest(ctx context.Context, r AccountRequest) error
}

// Links keeps one-time links.
type Links interface {
	PutLink(ctx context.Context, l Link) error
	// LinkOf returns a link of an identity without taking it; NotFound when there is
	// none for that purpose.
	LinkOf(ctx context.Context, identity string, p LinkPurpose) (Link, error)
	// TakeLink returns a link and forgets it, so that it works once; NotFound when
	// there is none of that hash and purpose.
	TakeLink(ctx context.Context, hash []byte, p LinkPurpose) (Link, error)
	// DropLinks forgets the links of an identity, and all that expired before.
	DropLinks(ctx context.Context, identity string, before time.Time) error
	// DropProofs forgets the credentials of an identity and ends its sessions.
	DropProofs(ctx context.Context, identity string, at time.Time) error
}

// Tx is one transaction over all of it. Transactions that write run one after the
// other, so that what was asked in one still holds when it is committed.
type Tx interface {
	People
	Grants
	Tenancy
	Transfers
	Requests
	Links
	// Note writes a line of the audit trail with the change.
	Note(ctx context.Context, n admin.AuditNote) error
	// UseOnce remembers a hash until then; Conflict when it was used before.
	UseOnce(ctx context.Context, hash []byte, until, now time.Time) error
}

// Store keeps members. Its errors are e911.Errors.
type Store interface {
	ReadMembers(ctx context.Context, do func(Tx) error) error
	WriteMembers(ctx context.Context, who admin.Actor, do func(Tx) error) error
}

// Config is what a Desk needs.
type Config struct {
	// Store returns the store, nil while there is none.
	Store func() Store
	Now   func() time.Time
	// Stays says why somebody cannot lose a role at a node; nil: nothing keeps him. It is
	// asked inside the transaction that writes, and sees what was committed before.
	Stays func(ctx context.Context, identity string, at access.Node) error
	// Mails says that links are mailed: then nobody is handed the link of somebody else.
	Mails bool
}

// Desk has the use cases. Safe for concurrent use.
type Desk struct {
	cfg   Config
	still struct {
		mu   sync.Mutex
		held map[stillKey]stillAnswer
	}
}

// New checks the configuration.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "members need a store and a clock")
	}
	d := &Desk{cfg: cfg}
	d.still.held = map[stillKey]stillAnswer{}
	return d, nil
}

var errNoStore = e911.Errorf(e911.Unavailable, "the database does not answer now; members cannot be looked at or changed")

func (d *Desk) read(ctx context.Context, do func(Tx) error) error {
	st := d.cfg.Store()
	if st == nil {
		return errNoStore
	}
	return st.ReadMembers(ctx, scoped(ctx, do))
}

func (d *Desk) write(ctx context.Context, who admin.Actor, do func(Tx) error) error {
	st := d.cfg.Store()
	if st == nil {
		return errNoStore
	}
	return st.WriteMembers(ctx, who, scoped(ctx, do))
}

// now is the time as it is stored.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Truncate(time.Millisecond) }

// readEmail returns the address as it is kept, or what is wrong with it.
func readEmail(email string) (string, []e911.Fault) {
	a, err := mail.ParseAddress(strings.TrimSpace(email))
	if err != nil || a.Name != "" || len(a.Address) > 254 {
		return "", []e911.Fault{{Path: "email", Code: "email", Msg: "this is no mail address", Fix: "write it like name@example.com"}}
	}
	return a.Address, nil
}

func refused(faults []e911.Fault) error {
	return &e911.Error{Kind: e911.Invalid, Msg: "the change of members is refused", Faults: faults}
}
