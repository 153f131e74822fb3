package admin

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// SetRecord is a change set as a store keeps it. Summary and pieces are package
// change's own; the store seals them.
type SetRecord struct {
	ID        string
	Org       e911.OrgID // "" is the operator's
	Hash      string
	Who       Actor
	Made      time.Time
	Expires   time.Time
	Applied   time.Time // zero: it is a plan
	AppliedBy Actor
	Undoes    string // id of the applied set that this puts back
	Undone    string // id of the applied set that put this back
	Summary   []byte
}

// ChangeSets keeps change sets. The errors are those of Store.
type ChangeSets interface {
	// SaveChangeSet keeps a plan with its pieces, and drops plans that expired
	// before its time, and one of the same id. Conflict when that was applied.
	SaveChangeSet(ctx context.Context, r SetRecord, pieces [][]byte) error
	// ChangeSet returns one of the organisation's, or NotFound.
	ChangeSet(ctx context.Context, org e911.OrgID, id string) (SetRecord, error)
	// ChangePieces returns pieces from one on, up to limit.
	ChangePieces(ctx context.Context, org e911.OrgID, id string, from, limit int) ([][]byte, error)
	// ListChangeSets lists plans, or applied sets, newest first; before excludes
	// itself and all that is newer.
	ListChangeSets(ctx context.Context, org e911.OrgID, applied bool, before string, limit int) ([]SetRecord, error)
}

// SetWriter is a Writer that also knows change sets, in its own transaction.
type SetWriter interface {
	Writer
	// Head tells where the database is, as the transaction sees it.
	Head(ctx context.Context) (Head, error)
	// ApplyChangeSet marks a plan as applied, and what it undoes as undone.
	// Conflict when either was done already, NotFound when the plan is gone.
	ApplyChangeSet(ctx context.Context, r SetRecord) error
	// AddChangeSet keeps a set that is applied in this transaction.
	AddChangeSet(ctx context.Context, r SetRecord, pieces [][]byte) error
	// ParkKeys frees the keys of objects that UpdateAll gives other ones in the same
	// transaction: until then they have none that could be found.
	ParkKeys(ctx context.Context, kind e911.ObjectKind, org e911.OrgID, ids []string) error
	// UpdateAll is Update for many objects: before has what is stored, which the
	// caller has read, and after what replaces it. With an error the transaction must
	// be given up.
	UpdateAll(ctx context.Context, before []Object, after []any) error
}
