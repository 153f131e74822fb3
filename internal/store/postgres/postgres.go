// Package postgres opens a PostgreSQL database: what several nodes share, with
// the same tables and queries as the embedded one. Nothing on the call path
// knows that it exists (E3).
//
// Writes of all nodes run one after the other, by an advisory lock, so that the
// sequence of changes rises in the order of commits. A commit tells the other
// nodes by NOTIFY; who cannot listen asks once a second. Row-level security
// shows a transaction the rows of the organisation that it named (E14,
// docs/adr/0015-two-sql-engines.md).
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/rows"
)

// Config is what New needs. Ring seals the secrets in the database (D-09).
type Config struct {
	// DSN is "postgres://user:password@host:port/database?sslmode=verify-full" or
	// another form that libpq knows; what it leaves out comes from the PG*
	// variables and the password file.
	DSN  string
	Ring *seal.Ring
	Now  func() time.Time
	Log  *slog.Logger // nil: nothing is logged
	// Readers bounds the connections that read; default 8.
	Readers int
	// Statement bounds one statement and Wait how long a change waits for those of
	// other nodes before it fails as Unavailable; default 60 s and 30 s. Silent
	// bounds how long a server that says nothing at all is waited for while it owes
	// an answer; default 5 s more than the longer of the two.
	Statement, Wait, Silent time.Duration
	// Poll is how often changes of others are looked for behind the notifications,
	// default 1 s; Relisten is how long after a loss the next connection for
	// notifications is tried, default 5 s. Quiet is how long no notification comes
	// until that connection is tried out, default 30 s.
	Poll, Relisten, Quiet time.Duration
	// Application is the connections' application_name, default "callbox"; the
	// one that listens adds " listen".
	Application string
	// Wrap, when set, stands between the store and the engine, so that a test can
	// make it fail (F-38 a).
	Wrap func(driver.Connector) driver.Connector
}

const (
	// writeLock and setupLock are advisory locks of the database: "callbox" and a
	// number.
	writeLock = 0x63616c6c626f7801
	setupLock = 0x63616c6c626f7802
	// channel is what nodes listen on.
	channel = "callbox_changes"
	// idle bounds how long a node that froze in a change holds up the others.
	idle = 2 * time.Minute
	// connectWithin bounds the start of a connection unless the DSN does, and
	// whether one in the pool still answers.
	connectWithin = 5 * time.Second
	// late is how much later than its limit the server may tell that a statement
	// ended by it.
	late = 5 * time.Second
	// setupWithin bounds one statement of a migration.
	setupWithin = time.Hour
)

// Store is an open database. Safe for concurrent use.
type Store struct {
	*rows.Store
	reads, writes *sql.DB
	feed          *feed
}

// New opens the database and brings its tables up to date. A database that a
// newer Callbox has migrated is refused. Errors are Unavailable, or Invalid for
// what the operator has to mend; none holds the password.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Ring == nil || cfg.Now == nil {
		return nil, e911.Errorf(e911.Invalid, "a database needs a key ring and a clock")
	}
	cfg = cfg.withDefaults()
	conn, err := parse(cfg.DSN)
	if err != nil {
		return nil, err
	}
	if err := setUp(ctx, cfg, conn); err != nil {
		return nil, err
	}
	s := &Store{reads: connect(cfg, conn), writes: connect(cfg, conn)}
	// One connection: writes run one after the other anyway, and waiting in the
	// pool is fair.
	s.writes.SetMaxOpenConns(1)
	s.reads.SetMaxOpenConns(cfg.Readers)
	s.reads.SetMaxIdleConns(cfg.Readers)
	us := uuid.NewString()
	dialect := pgdialect.New(pgdialect.WithAppendUintAsInt(true))
	s.Store, err = rows.New(ctx, rows.Config{
		Reads: bun.NewDB(s.reads, dialect), Writes: bun.NewDB(s.writes, dialect),
		Isolation: sql.LevelRepeatableRead,
		Lock:      "SELECT pg_advisory_xact_lock(" + strconv.FormatInt(writeLock, 10) + ")",
		Scope:     "SELECT set_config('callbox.org', ?, true)",
		Notify:    "NOTIFY " + channel + ", '" + us + "'",
		Ring:      cfg.Ring, Now: cfg.Now, KindOf: kindOf, Catalog: catalog,
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	head, err := s.Head(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.feed = listen(cfg, conn, s.Store, head.Seq, us)
	return s, nil
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		of   *time.Duration
		unit time.Duration
	}{{&c.Statement, time.Minute}, {&c.Wait, 30 * time.Second}, {&c.Poll, time.Second}, {&c.Relisten, 5 * time.Second}, {&c.Quiet, 30 * time.Second}} {
		if *d.of <= 0 {
			*d.of = d.unit
		}
	}
	if c.Silent <= 0 {
		c.Silent = max(c.Statement, c.Wait) + late
	}
	if c.Readers <= 0 {
		c.Readers = 8
	}
	if c.Application == "" {
		c.Application = "callbox"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// parse reads a DSN. The fault says nothing of what is written in it: that is
// where the password is.
func parse(dsn string) (*pgx.ConnConfig, error) {
	conn, err := pgx.ParseConfig(dsn)
	if err != nil || dsn == "" {
		return nil, e911.Errorf(e911.Invalid, "the address of the database cannot be read: write postgres://user:password@host:5432/database, with %%XX for special signs in the password")
	}
	// Queries come with their values written out: to prepare each would cost twice.
	conn.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn.RuntimeParams["client_encoding"] = "UTF8"
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectWithin
	}
	return conn, nil
}

// Place says where a DSN leads, for a person: no password is in it.
func Place(dsn string) (string, error) {
	conn, err := parse(dsn)
	if err != nil {
		return "", err
	}
	host := net.JoinHostPort(conn.Host, strconv.Itoa(int(conn.Port)))
	if strings.HasPrefix(conn.Host, "/") {
		host = conn.Host
	}
	return fmt.Sprintf("PostgreSQL database %s at %s as %s", conn.Database, host, conn.User), nil
}

func connect(cfg Config, conn *pgx.ConnConfig) *sql.DB {
	conn = conn.Copy()
	settings(conn, map[string]string{
		"application_name": cfg.Application, "statement_timeout": ms(cfg.Statement), "lock_timeout": ms(cfg.Wait),
		"idle_in_transaction_session_timeout": ms(idle),
	})
	c := connector(conn, cfg.Silent)
	if cfg.Wrap != nil {
		c = cfg.Wrap(c)
	}
	db := sql.OpenDB(c)
	// After a failover the old server's connections go away.
	db.SetConnMaxLifetime(time.Hour)
	db.SetConnMaxIdleTime(10 * time.Minute)
	return db
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// settings are what a connection starts with; those of the DSN stay.
func settings(conn *pgx.ConnConfig, with map[string]string) {
	for name, value := range with {
		if _, given := conn.RuntimeParams[name]; !given {
			conn.RuntimeParams[name] = value
		}
	}
}

// Close ends all connections. It may be called twice.
func (s *Store) Close() error {
	if s.feed != nil {
		s.feed.stop()
	}
	if err := errors.Join(s.reads.Close(), s.writes.Close()); err != nil {
		return unavailable("close the database", err)
	}
	return nil
}
