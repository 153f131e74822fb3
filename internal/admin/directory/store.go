package directory

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Query asks for entries of a source, in order of id. Empty fields ask for all.
type Query struct {
	Kind     Kind
	Name     string // in any case
	External string
	Users    []e911.UserID // who they are here; at most admin.MaxPage
	// Deleted asks also for entries that the directory has no longer.
	Deleted bool
	After   string // id of the last of the page before
	Limit   int    // 0 or more than admin.MaxPage: admin.MaxPage
}

// Store keeps directories and what they told last. The organisation comes first
// everywhere (E14). Errors are those of admin.Store.
type Store interface {
	Read(ctx context.Context, do func(admin.Reader) error) error
	// Directories lists those of an organisation by key; "" lists all of all.
	// Passwords are in the clear.
	Directories(ctx context.Context, org e911.OrgID) ([]Source, error)
	// SaveDirectory creates one (Version 0) or replaces it; it is kept sealed.
	// Conflict when the key is taken or the version is not the stored one.
	SaveDirectory(ctx context.Context, who admin.Actor, s Source) (Source, error)
	// DeleteDirectory removes it with its entries and reports; the users stay.
	DeleteDirectory(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error
	// DirectoryEntries returns a page.
	DirectoryEntries(ctx context.Context, org e911.OrgID, source string, q Query) ([]Entry, error)
	// DirectoryEntry is NotFound when there is none of that id in the source.
	DirectoryEntry(ctx context.Context, org e911.OrgID, source, id string) (Entry, error)
	// SaveDirectoryEntries makes entries (Version 0) or replaces them, all or none,
	// and returns them with their new versions. Conflict when another person that is
	// not deleted has the name, or a version is not the stored one.
	SaveDirectoryEntries(ctx context.Context, org e911.OrgID, source string, list []Entry) ([]Entry, error)
	// DropDirectoryEntries forgets entries.
	DropDirectoryEntries(ctx context.Context, org e911.OrgID, source string, ids []string) error
	// SaveDirectoryReport keeps the newest report of a source.
	SaveDirectoryReport(ctx context.Context, org e911.OrgID, source string, r Report) error
	// LastDirectoryReport is NotFound when there was none.
	LastDirectoryReport(ctx context.Context, org e911.OrgID, source string) (Report, error)
}
