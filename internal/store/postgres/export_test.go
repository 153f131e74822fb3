package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

// UpTo brings an empty database to a version, as a Callbox of that version did,
// and leaves it open with the right to see all rows.
func UpTo(ctx context.Context, dsn string, version int64) (*sql.DB, error) {
	conn, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	settings(conn, map[string]string{"callbox.org": "*"})
	db := sql.OpenDB(connector(conn, 0))
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return nil, fmt.Errorf("up to %d: %w", version, err)
	}
	return db, secure(ctx, db)
}

// DefaultPoll is how often changes are asked for unless somebody says otherwise.
func DefaultPoll() time.Duration { return Config{}.withDefaults().Poll }
