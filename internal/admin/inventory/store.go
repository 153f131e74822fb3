package inventory

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
)

// Bounds of what is kept. Strangers can make names and keys up, so both have an
// end in each organisation: what was not seen for longest, or strands fewest
// devices, falls out.
const (
	MaxStrangers = 50_000 // devices that are not configured
	MaxOpen      = 4096   // unknown elements that are open
	MaxClosed    = 4096   // assigned or mapped; what people ignored is never dropped
)

// Batch is what some facts changed.
type Batch struct {
	Devices []Device
	Unknown []Unknown
}

// Writer is what a Projector needs of a store.
type Writer interface {
	// InventoryCursor returns the highest sequence of the node that
	// SaveInventory has kept, 0 when there is none.
	InventoryCursor(ctx context.Context, node string) (uint64, error)
	// SeenDevices returns those of the devices that are kept, in any order.
	SeenDevices(ctx context.Context, ids []ID) ([]Device, error)
	// UnknownElements returns those of the organisation that are kept and have
	// one of the ids, in any order.
	UnknownElements(ctx context.Context, org e911.OrgID, ids []string) ([]Unknown, error)
	// SaveInventory replaces devices and elements and sets the node's cursor to
	// upTo, all or nothing, and drops what is beyond the bounds. Of an element
	// that is kept already the Decision stays as it is kept, unless it was made
	// before the element was shown last and says assigned or mapped, and the
	// batch says open: then it is open. A cursor never goes back: Conflict.
	SaveInventory(ctx context.Context, node string, upTo uint64, b Batch) error
}

// Store is what a Queue and a report need.
type Store interface {
	// AllSeenDevices lists the devices of the organisation that were ever seen.
	AllSeenDevices(ctx context.Context, org e911.OrgID) ([]Device, error)
	// ListUnknown lists the organisation's elements in a state, or in any ("").
	ListUnknown(ctx context.Context, org e911.OrgID, state State) ([]Unknown, error)
	// Unknown returns one of them, or an e911.NotFound Error.
	Unknown(ctx context.Context, org e911.OrgID, id string) (Unknown, error)
	// Decide sets the Decision of an element that is in one of the states from.
	// Conflict when it is in another one: the element as it is then is returned
	// beside the error.
	Decide(ctx context.Context, org e911.OrgID, id string, from []State, d Decision) (Unknown, error)
}
