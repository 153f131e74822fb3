package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/storetest/dump"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// A database of any earlier version, from the first on PostgreSQL on, holding
// what SQLite held in that version, is brought up to date with all of it.
// Proves: D-09, D-10, D-14, E15
func TestDatabasesOfEveryVersionAreBroughtUpToDate(t *testing.T) {
	cluster := pgtest.Shared(t)
	for _, version := range dump.Versions(t) {
		if version < 11 {
			continue
		}
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			dsn := pgtest.Database(t, cluster)
			theirs, err := postgres.UpTo(t.Context(), dsn, version)
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			lite := dump.Lite(t, filepath.Join(t.TempDir(), "callbox.db"), version)
			copyRows(t, lite, theirs)
			st, err := postgres.New(t.Context(), postgres.Config{DSN: dsn, Ring: dump.Ring(t), Now: now})
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			defer st.Close()
			dump.Check(t, st, dump.Count(t, lite))
			if version >= 21 {
				dump.CheckPeople(t, st)
			}
		})
	}
}

// copyRows copies every table of a SQLite database.
func copyRows(t *testing.T, from, to *sql.DB) {
	t.Helper()
	kinds := map[string]string{}
	err := eachRow(t.Context(), to, `SELECT table_name || '.' || column_name, data_type || is_identity FROM information_schema.columns
		WHERE table_schema = current_schema()`, func(r *sql.Rows) error {
		var column, kind string
		err := r.Scan(&column, &kind)
		kinds[column] = kind
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	err = eachRow(t.Context(), from, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite_%'", func(r *sql.Rows) error {
		tables = append(tables, "")
		return r.Scan(&tables[len(tables)-1])
	})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := to.BeginTx(t.Context(), nil) // references are looked at when it is over
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, table := range tables {
		if err := copyTable(t.Context(), from, tx, table, kinds); err != nil {
			t.Fatalf("copy %s: %v", table, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func copyTable(ctx context.Context, from *sql.DB, to *sql.Tx, table string, kinds map[string]string) error {
	return eachRow(ctx, from, "SELECT * FROM "+table, func(r *sql.Rows) error {
		columns, err := r.Columns()
		if err != nil {
			return err
		}
		values, into, marks := make([]any, len(columns)), make([]any, len(columns)), make([]string, len(columns))
		for i := range values {
			into[i], marks[i] = &values[i], fmt.Sprintf("$%d", i+1)
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		for i, column := range columns {
			if n, ok := values[i].(int64); ok && strings.HasPrefix(kinds[table+"."+column], "boolean") {
				values[i] = n != 0
			}
			if strings.HasSuffix(kinds[table+"."+column], "YES") { // counts on from what is there
				if _, err := to.ExecContext(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', '%s'), %d)", table, column, values[i])); err != nil {
					return err
				}
			}
		}
		_, err = to.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s ("%s") VALUES (%s)`, table, strings.Join(columns, `", "`), strings.Join(marks, ", ")), values...)
		return err
	})
}
