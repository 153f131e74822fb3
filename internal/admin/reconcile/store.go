package reconcile

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// List is a list of the platform's as it came last.
type List struct {
	Name   string // of the file
	At     time.Time
	Digest string // SHA-256, hexadecimal
	Body   []byte
}

// Store keeps the sources, the lists as they came last, and what runs found. The
// organisation comes first everywhere (E14). Errors are those of admin.Store.
type Store interface {
	Read(ctx context.Context, do func(admin.Reader) error) error
	// Sources lists those of an organisation by key; "" lists all of all.
	Sources(ctx context.Context, org e911.OrgID) ([]Source, error)
	// SaveSource creates a source (Version 0) or replaces it. Conflict when the key is
	// taken or the version is not the stored one.
	SaveSource(ctx context.Context, who admin.Actor, s Source) (Source, error)
	// DeleteSource removes it with its list and runs; NotFound when it is not there.
	DeleteSource(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error
	// SaveList replaces the list of a source.
	SaveList(ctx context.Context, org e911.OrgID, source string, l List) error
	// LastList returns it; NotFound when none came.
	LastList(ctx context.Context, org e911.OrgID, source string) (List, error)
	// SaveRun keeps a run of the source with that id, and forgets all but the newest
	// KeptRuns. The differences are kept of the newest alone.
	SaveRun(ctx context.Context, org e911.OrgID, source string, r Run) error
	// Runs lists those of a source, newest first, without differences; LastRun has
	// them, and is NotFound when there was none.
	Runs(ctx context.Context, org e911.OrgID, source string, limit int) ([]Run, error)
	LastRun(ctx context.Context, org e911.OrgID, source string) (Run, error)
}

// KeptRuns is how many runs of a source are kept.
const KeptRuns = 60
