package notify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/callbox911/callbox/internal/e911"
)

// The outbox's file, and what its rows say.
const (
	outboxFile  = "outbox.db"
	keepSettled = 48 * time.Hour // settled notices are kept for repetitions
)

type state int

const (
	pending state = iota
	sent
	givenUp
)

// schema is applied in order; user_version counts what was.
var schema = []string{
	`CREATE TABLE notice (
		id         TEXT PRIMARY KEY,
		at         INTEGER NOT NULL, -- of the fact, Unix milliseconds
		seq        INTEGER NOT NULL, -- of the fact
		content    TEXT NOT NULL,    -- Notice as JSON; empty for one that was settled before it was noted
		state      INTEGER NOT NULL, -- 0 pending, 1 sent, 2 given up
		tries      INTEGER NOT NULL,
		refusals   INTEGER NOT NULL,
		due        INTEGER NOT NULL, -- next try, Unix milliseconds
		changed_at INTEGER NOT NULL
	) STRICT;
	CREATE INDEX notice_pending ON notice (at, seq) WHERE state = 0;
	CREATE INDEX notice_settled ON notice (changed_at) WHERE state <> 0;
	CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;`,
}

// OpenSQLite opens the outbox's database with its one writer connection: each
// commit is synced (design 4), so that a notice that was noted as sent is not
// sent again after a power failure.
func OpenSQLite(path string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// migrate brings the database to the newest schema.
func migrate(ctx context.Context, db *sql.DB) error {
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return fmt.Errorf("read version of the outbox: %w", err)
	}
	if have > len(schema) {
		return fmt.Errorf("outbox of version %d is newer than this program (%d)", have, len(schema))
	}
	for i := have; i < len(schema); i++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("begin migration of the outbox: %w", err)
		}
		if _, err = tx.ExecContext(ctx, schema[i]); err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("migrate outbox to version %d: %w", i+1, err), tx.Rollback())
		}
	}
	return nil
}

// loadCursor returns the last fact that was handled, false when none ever was.
func loadCursor(ctx context.Context, db *sql.DB) (seq uint64, known bool, err error) {
	var n int64
	err = db.QueryRowContext(ctx, "SELECT seq FROM cursor").Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read cursor of the outbox: %w", err)
	}
	return uint64(n), true, nil
}

// loadKnown returns the newest settled notices, so that none is told again.
func loadKnown(ctx context.Context, db *sql.DB) ([]e911.NoticeID, error) {
	rows, err := db.QueryContext(ctx, "SELECT id FROM notice WHERE state <> 0 ORDER BY changed_at DESC LIMIT ?", maxKnown/2)
	if err != nil {
		return nil, fmt.Errorf("read settled notices: %w", err)
	}
	defer rows.Close()
	var ids []e911.NoticeID
	for rows.Next() {
		var id e911.NoticeID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read settled notices: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read settled notices: %w", err)
	}
	return ids, nil
}

// loadPending returns what is still to be sent, oldest first.
func loadPending(ctx context.Context, db *sql.DB) ([]*entry, error) {
	rows, err := db.QueryContext(ctx, "SELECT content, tries, refusals, due FROM notice WHERE state = 0 ORDER BY at, seq, id")
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	defer rows.Close()
	var out []*entry
	for rows.Next() {
		var content []byte
		e := &entry{}
		var due int64
		if err := rows.Scan(&content, &e.tries, &e.refusals, &due); err != nil {
			return nil, fmt.Errorf("read outbox: %w", err)
		}
		if err := json.Unmarshal(content, &e.Notice); err != nil {
			return nil, fmt.Errorf("decode notice of the outbox: %w", err)
		}
		if e.refusals > 0 {
			e.next = time.UnixMilli(due).UTC()
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return out, nil
}

// save writes rows and cursor in one transaction.
func save(ctx context.Context, db *sql.DB, rows []row, cursor uint64, now time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin outbox transaction: %w", err)
	}
	defer tx.Rollback()
	if len(rows) > 0 {
		// A settled notice is never made pending again.
		put, err := tx.PrepareContext(ctx, `INSERT INTO notice (id, at, seq, content, state, tries, refusals, due, changed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET state = excluded.state, tries = excluded.tries, refusals = excluded.refusals,
				due = excluded.due, changed_at = excluded.changed_at, seq = max(seq, excluded.seq)
			WHERE notice.state = 0`)
		if err != nil {
			return fmt.Errorf("prepare outbox: %w", err)
		}
		defer put.Close()
		// The engine watches each statement's context with a goroutine; here it is
		// looked at between them.
		quick := context.WithoutCancel(ctx)
		for _, r := range rows {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("write notices: %w", err)
			}
			var content []byte // of one that is settled nobody asks any more
			if r.state == pending {
				if content, err = json.Marshal(r.Notice); err != nil {
					return fmt.Errorf("encode notice %s: %w", r.ID, err)
				}
			}
			if _, err := put.ExecContext(quick, string(r.ID), r.At.UnixMilli(), int64(r.Seq), string(content), int(r.state), r.tries,
				r.refusals, r.next.UnixMilli(), now.UnixMilli()); err != nil {
				return fmt.Errorf("write notice %s: %w", r.ID, err)
			}
		}
	}
	if cursor > 0 {
		if _, err := tx.ExecContext(ctx, "INSERT INTO cursor (one, seq) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq", int64(cursor)); err != nil {
			return fmt.Errorf("write cursor of the outbox: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit outbox: %w", err)
	}
	return nil
}

// purge forgets notices that were settled long ago.
func purge(ctx context.Context, db *sql.DB, now time.Time) error {
	if _, err := db.ExecContext(ctx, "DELETE FROM notice WHERE state <> 0 AND changed_at < ?", now.Add(-keepSettled).UnixMilli()); err != nil {
		return fmt.Errorf("purge outbox: %w", err)
	}
	return nil
}

// damaged reports an error that no waiting mends: the file is not a database
// any more.
func damaged(err error) bool {
	se, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	primary := se.Code() & 0xFF
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}
