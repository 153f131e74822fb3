package publish

import (
	"context"

	"github.com/callbox911/callbox/internal/admin"
)

// Source is the committed state that is published.
type Source interface {
	// Head tells where the database is, cheaply.
	Head(ctx context.Context) (admin.Head, error)
	// Since returns every object that was changed after a sequence, and those of
	// also, in their present form: one moment, each object once.
	Since(ctx context.Context, after uint64, also []admin.Ref) (admin.Batch, error)
	// All returns every object there is, of one moment.
	All(ctx context.Context) (admin.Batch, error)
	// LayerBlob returns the content of a reference layer (admin.LayerBlobs).
	LayerBlob(ctx context.Context, digest string) ([]byte, error)
	// Wake receives after a commit in this process.
	Wake() <-chan struct{}
}
