package admin

import (
	"context"
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
)

// Actor is who makes a change, as the audit trail names him: a user's id, or
// the command that ran ("import world.yaml").
type Actor string

// Object is one configured object as it is stored. Value is the e911 value of
// its kind (e911.Site, e911.Trunk ...), never a pointer.
type Object struct {
	Ref     Ref
	Version int64 // 1 when created, one more with every change
	Value   any
	// Place is where the page after this object begins, in a list with an Order.
	Place string
}

// Order is how a list is ordered; none: by id, as they were made.
type Order string

// The orders. Objects that are equal in it come by id.
const (
	OrderKey     Order = "key"     // as KeyOf has it, octet by octet
	OrderChanged Order = "changed" // when they were last changed
)

// Field is what a Query may look for, beside organisation and kind.
type Field string

// The fields of a Query, with the kinds that have them.
const (
	ByKey          Field = "key"            // every kind that has an external key
	BySite         Field = "site"           // building, user, device, number, alert
	ByBuilding     Field = "building"       // location
	ByLocation     Field = "location"       // network_element, number
	ByUser         Field = "user"           // device, number
	ByModel        Field = "model"          // device
	ByTrunk        Field = "trunk"          // psap: one of its routes
	ByPSAP         Field = "psap"           // psap_override
	ByMAC          Field = "mac"            // network_element of kind mac, device
	ByBSSID        Field = "bssid"          // network_element of kind bssid
	ByBSSIDPrefix  Field = "bssid_prefix"   // network_element of kind bssid: starts with
	ByLLDP         Field = "lldp"           // network_element: ElementKey
	ByRange        Field = "range"          // network_element of kind ip: the very prefix
	ByLowHigh      Field = "low_high"       // network_element of kind ip: a range that is no prefix; value "1"
	ByKeyPrefix    Field = "key_prefix"     // network_element: its ElementKey begins with
	ByElementKind  Field = "element_kind"   // network_element of kind bssid, mac or ip
	ByNumber       Field = "number"         // number
	ByALI          Field = "ali"            // number that is an ELIN or has an ALI record; value "1"
	ByDeviceUserID Field = "device_user_id" // user
	ByEmail        Field = "email"          // user, in any case
	BySIPUser      Field = "sip_user"       // device
	ByMember       Field = "ecbn_member"    // user, device, number: whose number it chose (W-03)
)

// MaxPage is the largest number of objects that one List returns.
const MaxPage = 1000

// Query asks for the objects of one kind and one organisation ("" is the world
// part); it never crosses the wall between organisations (E14). Without a Field
// it asks for all of them.
type Query struct {
	Kind  e911.ObjectKind
	Org   e911.OrgID
	Field Field
	Value string
	After string // id of the last object of the page before; with an Order its Place
	Order Order
	Down  bool // the last first; with an Order alone
	Limit int  // 0 or more than MaxPage: MaxPage
}

// View answers what a check asks about other objects. A view is of one moment:
// two questions never see two states.
type View interface {
	// Get returns the object, or NotFound, also when it is another organisation's.
	Get(ctx context.Context, ref Ref) (Object, error)
	// List returns a page in order of id.
	List(ctx context.Context, q Query) ([]Object, error)
	// Orgs lists every organisation, for the operator and for checks of what
	// must be unique over all of them.
	Orgs(ctx context.Context) ([]e911.Org, error)
	// TrunksFrom lists the trunks of all organisations that send from an
	// address in p, as usual or in a disaster: a call's organisation follows
	// from its source address, so no two trunks may share one (D-07).
	TrunksFrom(ctx context.Context, p netip.Prefix) ([]e911.Trunk, error)
}

// Reader is a View that also knows what hangs on an object.
type Reader interface {
	View
	// Pointing lists up to limit objects that name ref.
	Pointing(ctx context.Context, ref Ref, limit int) ([]Ref, error)
}

// Writer changes objects inside one transaction. Each change leaves a change
// row for publish and an audit row.
type Writer interface {
	Reader
	// Create stores a value whose id is set. Conflict when id or key is taken.
	Create(ctx context.Context, value any) (Object, error)
	// CreateAll is Create for many values of one kind at once, for imports that
	// bring a million. With an error the transaction must be given up.
	CreateAll(ctx context.Context, values []any) error
	// DeleteAll is Delete for many objects of one kind and organisation that
	// were read in this transaction.
	DeleteAll(ctx context.Context, objects []Object) error
	// Update replaces the value. Conflict when version is not the stored one,
	// NotFound when it is gone or another organisation's.
	Update(ctx context.Context, value any, version int64) (Object, error)
	// Delete removes the object under the same conditions.
	Delete(ctx context.Context, ref Ref, version int64) error
}

// Store keeps the objects. Its errors are e911.Errors: NotFound, Conflict,
// Invalid, or Unavailable when the database cannot answer now.
type Store interface {
	// Read runs do over one state of the database.
	Read(ctx context.Context, do func(Reader) error) error
	// Write runs do in a transaction that is committed when do returns nil and
	// leaves nothing behind otherwise (E15). Transactions run one after the
	// other, so what do has checked still holds when it is committed.
	Write(ctx context.Context, who Actor, do func(Writer) error) error
}

// Verb is what was done to an object.
type Verb string

// The verbs of the audit trail.
const (
	Created Verb = "created"
	Changed Verb = "changed"
	Deleted Verb = "deleted"
)
