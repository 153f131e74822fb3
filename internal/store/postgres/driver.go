package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connector makes pgx connections for database/sql. pgx's own adapter would
// bring a pool of connections along beside that of database/sql.
type connector struct{ cfg *pgx.ConnConfig }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, c.cfg)
	if err != nil {
		return nil, err
	}
	return &link{conn: conn}, nil
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return noDriver{} }

// noDriver is there because a connector has to name one.
type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) {
	return nil, errors.New("a connection is made by its connector")
}

// goodbye bounds what is said to a server that may be gone.
const goodbye = 5 * time.Second

// link is one connection.
type link struct {
	conn     *pgx.Conn
	prepared int
}

var (
	_ driver.ConnBeginTx        = (*link)(nil)
	_ driver.ConnPrepareContext = (*link)(nil)
	_ driver.ExecerContext      = (*link)(nil)
	_ driver.QueryerContext     = (*link)(nil)
	_ driver.SessionResetter    = (*link)(nil)
	_ driver.Validator          = (*link)(nil)
	_ driver.Pinger             = (*link)(nil)
)

// lost tells database/sql to take another connection when nothing was sent on
// this one.
func lost(err error) error {
	if pgconn.SafeToRetry(err) {
		return driver.ErrBadConn
	}
	return err
}

func (l *link) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return l.conn.Close(ctx)
}

// ResetSession asks whether the server is still there before the connection is
// used again: what was sent to one that restarted would fail half-way.
func (l *link) ResetSession(ctx context.Context) error {
	if l.conn.IsClosed() || l.conn.Ping(ctx) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// IsValid keeps a connection out of the pool that is lost or inside a
// transaction.
func (l *link) IsValid() bool { return !l.conn.IsClosed() && l.conn.PgConn().TxStatus() == 'I' }

func (l *link) Ping(ctx context.Context) error { return lost(l.conn.Ping(ctx)) }

func (l *link) Begin() (driver.Tx, error) {
	return l.BeginTx(context.Background(), driver.TxOptions{})
}

func (l *link) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	var options pgx.TxOptions
	switch sql.IsolationLevel(o.Isolation) {
	case sql.LevelDefault, sql.LevelReadCommitted:
	case sql.LevelRepeatableRead:
		options.IsoLevel = pgx.RepeatableRead
	default:
		return nil, fmt.Errorf("isolation %s is not used", sql.IsolationLevel(o.Isolation))
	}
	if o.ReadOnly {
		options.AccessMode = pgx.ReadOnly
	}
	tx, err := l.conn.BeginTx(ctx, options)
	if err != nil {
		return nil, lost(err)
	}
	return transaction{ctx, tx}, nil
}

type transaction struct {
	ctx context.Context //nolint:containedctx // driver.Tx has no other way
	tx  pgx.Tx
}

func (t transaction) Commit() error { return t.tx.Commit(t.ctx) }

// Rollback goes on when the context is over, so that the connection stays good.
func (t transaction) Rollback() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), goodbye)
	defer cancel()
	return t.tx.Rollback(ctx)
}

func values(args []driver.NamedValue) []any {
	out := make([]any, len(args))
	for i := range args {
		out[i] = args[i].Value
	}
	return out
}

func (l *link) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	tag, err := l.conn.Exec(ctx, query, values(args)...)
	if err != nil {
		return nil, lost(err)
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (l *link) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	found, err := l.conn.Query(ctx, query, values(args)...)
	if err != nil {
		return nil, lost(err)
	}
	// The first row comes with what the rows look like.
	a := &answer{rows: found, first: found.Next()}
	if err := found.Err(); err != nil {
		found.Close()
		return nil, lost(err)
	}
	return a, nil
}

func (l *link) Prepare(query string) (driver.Stmt, error) {
	return l.PrepareContext(context.Background(), query)
}

func (l *link) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	l.prepared++
	name := "callbox_" + strconv.Itoa(l.prepared)
	sd, err := l.conn.Prepare(ctx, name, query)
	if err != nil {
		return nil, lost(err)
	}
	return &statement{link: l, name: name, inputs: len(sd.ParamOIDs)}, nil
}

// statement is known to the server by its name.
type statement struct {
	link   *link
	name   string
	inputs int
}

var (
	_ driver.StmtExecContext  = (*statement)(nil)
	_ driver.StmtQueryContext = (*statement)(nil)
)

func (s *statement) NumInput() int { return s.inputs }

func (s *statement) Close() error {
	if s.link.conn.IsClosed() || s.link.conn.PgConn().TxStatus() == 'E' {
		return nil // it goes with the connection; a failed transaction takes no more
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	return s.link.conn.Deallocate(ctx, s.name)
}

func (s *statement) Exec([]driver.Value) (driver.Result, error) {
	return nil, errors.New("a statement is executed with a context")
}

func (s *statement) Query([]driver.Value) (driver.Rows, error) {
	return nil, errors.New("a statement is asked with a context")
}

func (s *statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.link.ExecContext(ctx, s.name, args)
}

func (s *statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.link.QueryContext(ctx, s.name, args)
}

// answer is the rows of a question.
type answer struct {
	rows  pgx.Rows
	first bool // a row is there that was not handed on yet
}

func (a *answer) Columns() []string {
	fields := a.rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

func (a *answer) Close() error {
	a.rows.Close()
	return a.rows.Err()
}

func (a *answer) Next(dest []driver.Value) error {
	if !a.first && !a.rows.Next() {
		if err := a.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	a.first = false
	found, err := a.rows.Values()
	if err != nil {
		return fmt.Errorf("read a row: %w", err)
	}
	for i, v := range found {
		if dest[i], err = value(v); err != nil {
			return fmt.Errorf("read column %d: %w", i+1, err)
		}
	}
	return nil
}

// value is what pgx made of a column as database/sql knows it.
func value(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil, int64, float64, bool, string, []byte, time.Time:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case driver.Valuer:
		return v.Value()
	}
	return nil, fmt.Errorf("a column of type %T is not read", v)
}
