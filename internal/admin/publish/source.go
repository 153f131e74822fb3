package publish

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
)

// Source is the committed state that is published.
type Source interface {
	// Head tells where the database is, cheaply.
	Head(ctx context.Context) (Head, error)
	// Since returns every object that was changed after a sequence, and those of
	// also, in their present form: one moment, each object once.
	Since(ctx context.Context, after uint64, also []admin.Ref) (Batch, error)
	// All returns every object there is, of one moment.
	All(ctx context.Context) (Batch, error)
	// Wake receives after a commit in this process.
	Wake() <-chan struct{}
}

// Head names a database and its last change. Sequences of two databases say
// nothing about each other.
type Head struct {
	Store string `json:"store"`
	Seq   uint64 `json:"seq"`
}

// Batch is a set of objects up to Head.
type Batch struct {
	Head   Head
	Oldest time.Time // when the oldest change in it was committed; zero when none
	Rows   []Row
}

// Row is one object: its value, or nothing when it is gone, or why it cannot be
// read.
type Row struct {
	Ref   admin.Ref
	Value any
	Err   error
}
