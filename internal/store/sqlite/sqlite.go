// Package sqlite opens the embedded database: one file, WAL, synchronous=FULL,
// one writer. It is what a single machine runs on; nothing on the call path
// knows that it exists (E3).
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/rows"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config is what New needs. Ring seals the secrets in the database (D-09).
type Config struct {
	Path string // made with mode 0600 when absent
	Ring *seal.Ring
	Now  func() time.Time
	// Busy is how long a write waits for another process to let go of the
	// database before it fails as Unavailable; default 5 s.
	Busy time.Duration
	// Readers bounds the connections that read; default 4.
	Readers int
	// Wrap, when set, stands between the store and the engine, so that a test
	// can make the disk fail (F-38 a).
	Wrap func(driver.Connector) driver.Connector
}

// Store is an open database. Safe for concurrent use.
type Store struct {
	*rows.Store
	reads, writes *sql.DB
}

// Open opens the database with the defaults of Config.
func Open(path string, ring *seal.Ring, now func() time.Time) (*Store, error) {
	return New(context.Background(), Config{Path: path, Ring: ring, Now: now})
}

// New opens or makes the database and brings its tables up to date. A database
// that a newer Callbox has migrated is refused. Errors are Unavailable, or
// Invalid for the configuration.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Path == "" || cfg.Ring == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "a database needs a path, a key ring and a clock")
	}
	if cfg.Busy <= 0 {
		cfg.Busy = 5 * time.Second
	}
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.Store, err = rows.New(ctx, rows.Config{
		Reads: bun.NewDB(s.reads, sqlitedialect.New()), Writes: bun.NewDB(s.writes, sqlitedialect.New()),
		Ring: cfg.Ring, Now: cfg.Now, KindOf: kindOf, Catalog: catalog,
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// catalog tells of the tables. A column that counts goes on after the highest
// number that was ever written.
var catalog = rows.Catalog{
	Columns: `SELECT m.name, c.name, FALSE, FALSE FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid`,
	Defer: "PRAGMA defer_foreign_keys = ON",
}

func open(ctx context.Context, cfg Config) (*Store, error) {
	// SQLite would make the file readable for everybody.
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unavailable("open the database file", err)
	}
	f.Close()
	s := &Store{}
	if s.writes, err = connect(cfg, "immediate"); err != nil {
		return nil, err
	}
	// One connection: SQLite has one writer, and waiting in the pool is fair
	// where its own busy wait is not (up to 2 s for the unlucky one).
	s.writes.SetMaxOpenConns(1)
	if s.reads, err = connect(cfg, "deferred", "query_only(1)"); err != nil {
		s.Close()
		return nil, err
	}
	s.reads.SetMaxOpenConns(cfg.Readers)
	s.reads.SetMaxIdleConns(cfg.Readers)
	if err := migrate(ctx, s.writes); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func connect(cfg Config, lock string, more ...string) (*sql.DB, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, unavailable("find the database file", err)
	}
	pragmas := append([]string{
		fmt.Sprintf("busy_timeout(%d)", cfg.Busy.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
	}, more...)
	q := url.Values{"_txlock": {lock}, "_dqs": {"0"}, "_pragma": pragmas}
	c, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, unavailable("name the database", err)
	}
	if cfg.Wrap != nil {
		c = cfg.Wrap(c)
	}
	return sql.OpenDB(c), nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return unavailable("read the migrations", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true), goose.WithVerbose(false))
	if err != nil {
		return unavailable("read the migrations", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return unavailable("read the version of the database", err)
	}
	if have > want {
		return e911.Errorf(e911.Unavailable, "the database was made by a newer Callbox (version %d, this one knows %d)", have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return unavailable("bring the database up to date", err)
	}
	return nil
}

// Close ends all connections. It may be called twice.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reads, s.writes} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return unavailable("close the database", err)
	}
	return nil
}

// unavailable drops the driver's type and keeps its text for the log.
func unavailable(doing string, err error) error {
	return &e911.Error{
		Kind: e911.Unavailable, Msg: "the database cannot be opened",
		Err: fmt.Errorf("%s: %s", doing, err), //nolint:errorlint // the driver's type must not leave the store
	}
}

// kindOf reads SQLite's result codes (https://www.sqlite.org/rescode.html).
func kindOf(err error) e911.Kind {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return ""
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return e911.Conflict
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return e911.Invalid
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE:
		return e911.Internal
	}
	return e911.Unavailable
}
