package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// Whoever has the server's own role and connection sees, in every table that has
// org_id, the rows of the organisation that the transaction named, whatever the
// query says; no row before one is named and none after the transaction. The
// table's rows are made up here, so that a new table is looked at without a new
// test.
// Proves: E14
func TestRowLevelSecurityIsASecondWall(t *testing.T) {
	cluster := pgtest.Shared(t)
	dsn := pgtest.Migrated(t)
	app := pgtest.Connect(t, dsn)
	database := app.Config().Database
	above := pgtest.Connect(t, cluster.DSN(database))
	tables := lines(t, app, `SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'org_id' ORDER BY 1`)
	if len(tables) < 18 {
		t.Fatalf("only %d tables have org_id: %v", len(tables), tables)
	}
	for _, table := range tables {
		t.Run(table, func(t *testing.T) {
			owners := fill(t, above, table)
			wantOwners(t, app, "", table, nil)
			wantOwners(t, app, "*", table, owners)
			wantOwners(t, app, "nobody", table, nil)
			for _, owner := range owners {
				scope := owner
				if owner == "" {
					scope = "-"
				}
				wantOwners(t, app, scope, table, []string{owner})
			}
			wantOwners(t, app, "", table, nil) // SET LOCAL left nothing behind
			for _, change := range []string{"UPDATE %s SET org_id = 'nobody'", "DELETE FROM %s"} {
				var tag pgconn.CommandTag
				err := within(t, app, "nobody", func(tx pgx.Tx) (err error) {
					tag, err = tx.Exec(t.Context(), fmt.Sprintf(change, pgx.Identifier{table}.Sanitize()))
					return err
				})
				if err != nil || tag.RowsAffected() != 0 {
					t.Errorf("%s as another organisation: %d rows, %v; want none", change, tag.RowsAffected(), err)
				}
			}
			err := within(t, app, "nobody", func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), insertion(t, above, table, "harbor", "third"))
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "row-level security") {
				t.Errorf("a row of another organisation was written: %v", err)
			}
		})
	}
}

// fill puts a row of each of two organisations into the table, or one of the
// world part where no other is taken, and returns whose they are.
func fill(t *testing.T, above *pgx.Conn, table string) (owners []string) {
	t.Helper()
	for _, org := range []string{"harbor", "quay", ""} {
		if org == "" && len(owners) > 0 {
			continue
		}
		tx, err := above.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Without its references.
		if _, err := tx.Exec(t.Context(), "SET LOCAL session_replication_role = replica"); err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), insertion(t, above, table, org, "row-"+org))
		if err == nil {
			owners = append(owners, org)
			err = tx.Commit(t.Context())
		} else if strings.Contains(err.Error(), "check constraint") {
			err = tx.Rollback(t.Context())
		}
		if err != nil {
			t.Fatalf("fill %s: %v", table, err)
		}
	}
	if len(owners) == 0 {
		t.Fatalf("no row was put into %s", table)
	}
	return owners
}

// insertion makes a statement that fills the columns that need something.
func insertion(t *testing.T, conn *pgx.Conn, table, org, id string) string {
	t.Helper()
	var names, values []string
	for _, column := range lines(t, conn, `SELECT column_name || ' ' || data_type FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = $1 AND is_nullable = 'NO' AND is_identity = 'NO' ORDER BY ordinal_position`, table) {
		name, kind, _ := strings.Cut(column, " ")
		value := "'" + id + "'"
		switch {
		case name == "org_id", name == "id" && table == "organisations":
			value = "'" + org + "'"
		case kind == "bigint":
			value = "1"
		case kind == "boolean":
			value = "FALSE"
		case kind == "double precision":
			value = "0"
		}
		names, values = append(names, pgx.Identifier{name}.Sanitize()), append(values, value)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", pgx.Identifier{table}.Sanitize(), strings.Join(names, ", "), strings.Join(values, ", "))
}

// within runs do in a transaction that names an organisation and is rolled back.
func within(t *testing.T, conn *pgx.Conn, scope string, do func(pgx.Tx) error) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if scope != "" {
		if _, err := tx.Exec(t.Context(), "SELECT set_config('callbox.org', $1, true)", scope); err != nil {
			t.Fatal(err)
		}
	}
	return do(tx)
}

// wantOwners asks for everything in the table, as a query does that forgot its
// WHERE.
func wantOwners(t *testing.T, app *pgx.Conn, scope, table string, want []string) {
	t.Helper()
	err := within(t, app, scope, func(tx pgx.Tx) error {
		found, err := tx.Query(t.Context(), "SELECT org_id FROM "+pgx.Identifier{table}.Sanitize()+" ORDER BY org_id")
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(found, pgx.RowTo[string])
		if err == nil && !slices.Equal(list, want) {
			t.Errorf("as %q the rows of %q are seen, want %q", scope, list, want)
		}
		return err
	})
	if err != nil {
		t.Errorf("as %q: %v", scope, err)
	}
}
