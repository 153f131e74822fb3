package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// Both engines have the same tables, columns and uniqueness after all
// migrations, and from the baseline on a migration of each number.
// Proves: D-07, D-10, W-55
func TestBothEnginesHaveTheSameTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callbox.db")
	lite, err := sqlite.Open(path, storetest.Ring(t), now)
	if err != nil {
		t.Fatal(err)
	}
	lite.Close()
	dsn := pgtest.Database(t, pgtest.Shared(t))
	open(t, dsn).Close()
	conn := pgtest.Connect(t, dsn)
	if diff := cmp.Diff(liteSchema(t, path), schema(t, conn)); diff != "" {
		t.Errorf("tables of SQLite (-) and PostgreSQL (+):\n%s", diff)
	}
	for _, line := range lines(t, conn, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' ORDER BY 1`) {
		t.Errorf("%s is not COLLATE \"C\": it would be in another order than in SQLite and in Go", line)
	}
	for _, line := range lines(t, conn, `SELECT table_name || '.' || column_name || ' is ' || data_type FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%' AND data_type NOT IN ('text', 'bigint', 'boolean', 'bytea', 'double precision') ORDER BY 1`) {
		t.Errorf("%s: internal/store/rows/doc.go says which types there are", line)
	}
	var numbers [2][]string
	for i, dir := range []string{"../sqlite/migrations", "migrations"} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if number := f.Name()[:5]; number > "00011" {
				numbers[i] = append(numbers[i], number)
			}
		}
	}
	if diff := cmp.Diff(numbers[0], numbers[1]); diff != "" {
		t.Errorf("numbers of migrations of SQLite (-) and PostgreSQL (+):\n%s", diff)
	}
}

func lines(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	found, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	return list
}

// schema lists "table.column type null" and "table unique (columns)".
func schema(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	all := lines(t, conn, `SELECT table_name || '.' || column_name || ' '
		|| CASE data_type WHEN 'bigint' THEN 'integer' WHEN 'boolean' THEN 'integer' WHEN 'bytea' THEN 'blob' WHEN 'double precision' THEN 'real' ELSE data_type END
		|| CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%'
		UNION ALL SELECT c.relname || ' unique (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n)
			FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(col, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.col) || ')'
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		WHERE i.indisunique AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE 'goose%'`)
	slices.Sort(all)
	return slices.Compact(all)
}

// liteSchema is schema for SQLite.
func liteSchema(t *testing.T, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all []string
	ask := func(query string, row func(*sql.Rows) error) {
		t.Helper()
		if err := eachRow(t.Context(), db, query, row); err != nil {
			t.Fatalf("%v in %s", err, query)
		}
	}
	ask(`SELECT m.name, c.name, c.type, c."notnull" OR c.pk > 0 FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite_%'`, func(r *sql.Rows) error {
		var table, column, kind string
		var set bool
		err := r.Scan(&table, &column, &kind, &set)
		line := fmt.Sprintf("%s.%s %s", table, column, strings.ToLower(kind))
		if !set {
			line += " null"
		}
		all = append(all, line)
		return err
	})
	ask(`SELECT m.name, (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
		FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i."unique" AND m.name NOT LIKE 'goose%'`, func(r *sql.Rows) error {
		var table, columns string
		err := r.Scan(&table, &columns)
		all = append(all, table+" unique ("+columns+")")
		return err
	})
	// A key of one integer is the row's own number and has no index.
	ask(`SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.pk = 1 AND c.type = 'INTEGER' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite_%'
		AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) i WHERE i.origin = 'pk')`, func(r *sql.Rows) error {
		var table, column string
		err := r.Scan(&table, &column)
		all = append(all, table+" unique ("+column+")")
		return err
	})
	slices.Sort(all)
	return slices.Compact(all)
}

func eachRow(ctx context.Context, db *sql.DB, query string, do func(*sql.Rows) error) error {
	found, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		if err := do(found); err != nil {
			return err
		}
	}
	return found.Err()
}
