package psali

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// File is a file that was written for the ALI provider of an organisation.
type File struct {
	Org     e911.OrgID `json:"-"`
	Cycle   int        `json:"cycle"` // 1, one more with every file
	At      time.Time  `json:"at"`
	By      string     `json:"by"`
	Records int        `json:"records"`
	Digest  string     `json:"digest"` // SHA-256 of Text, 64 hex digits
	Text    string     `json:"text,omitempty"`
}

// Files is the list of the files that were written.
type Files interface {
	// LastALIFile returns the newest file of the organisation; cycle 0 when there
	// is none.
	LastALIFile(ctx context.Context, org e911.OrgID) (File, error)
	// ALIFile returns the file of a cycle, or a NotFound Error.
	ALIFile(ctx context.Context, org e911.OrgID, cycle int) (File, error)
}

// Reader is a view of one moment.
type Reader interface {
	admin.Reader
	Files
}

// Writer changes objects and adds files, all in one transaction.
type Writer interface {
	admin.Writer
	Files
	// SaveALIFile adds a file; Conflict when its cycle has one.
	SaveALIFile(ctx context.Context, f File) error
}

// Store is what a Desk needs; see admin.Store for what its functions promise.
type Store interface {
	ReadALI(ctx context.Context, do func(Reader) error) error
	WriteALI(ctx context.Context, who admin.Actor, do func(Writer) error) error
}
