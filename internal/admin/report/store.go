package report

import (
	"context"

	"github.com/callbox911/callbox/internal/e911"
)

// Writer is what a Projector needs of a store.
type Writer interface {
	// Cursor returns the highest sequence of the node that SaveCalls has kept,
	// 0 when there is none.
	Cursor(ctx context.Context, node string) (uint64, error)
	// SaveCalls replaces the calls by id and sets the node's cursor to upTo,
	// both or neither. A call's id belongs to one organisation for ever.
	SaveCalls(ctx context.Context, node string, upTo uint64, calls []CallRecord) error
	// Call returns one call of the organisation, or an e911.NotFound Error.
	Call(ctx context.Context, org e911.OrgID, id e911.CallID) (CallRecord, error)
}

// Reader is what a page needs of a store.
type Reader interface {
	// ListCalls returns the organisation's calls, newest first by id (ids are
	// UUIDv7, minted at arrival). Before, when not empty, excludes itself and
	// all that is newer.
	ListCalls(ctx context.Context, org e911.OrgID, before e911.CallID, limit int) ([]CallRecord, error)
	// Call returns one call of the organisation, or an e911.NotFound Error.
	Call(ctx context.Context, org e911.OrgID, id e911.CallID) (CallRecord, error)
}
