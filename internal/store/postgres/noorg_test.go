package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// What has no org_id is seen by those alone who asked for all rows: identities,
// what proves them, where they are signed in, answers to API requests. A new table
// is so without anybody having thought of it; those that all see are named here.
// Proves: E14
func TestTablesOfNoOrganisationAreNotForOrganisations(t *testing.T) {
	dsn := pgtest.Migrated(t)
	app := pgtest.Connect(t, dsn)
	above := pgtest.Connect(t, pgtest.Shared(t).DSN(app.Config().Database))
	open := lines(t, above, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY 1`)
	if diff := cmp.Diff([]string{"call_cursors", "goose_db_version", "inventory_cursors", "layer_blobs", "psap_alternates", "psap_routes", "store_meta"}, open); diff != "" {
		t.Errorf("tables without a wall (-want +got):\n%s", diff)
	}
	closed := lines(t, above, `SELECT relname FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relrowsecurity AND relname <> 'trunk_ranges'
		AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id') ORDER BY 1`)
	if text := strings.Join(closed, " "); !strings.Contains(text, "identities") || !strings.Contains(text, "sessions") {
		t.Fatalf("only %s", text)
	}
	for _, table := range closed {
		t.Run(table, func(t *testing.T) {
			put(t, above, insertion(t, above, table, "", "row"))
			wantRows(t, app, table, map[string]int{"": 0, "-": 0, "harbor": 0, "*": 1})
			wantNoChange(t, app, above, table, insertion(t, above, table, "", "third"))
		})
	}
	t.Run("trunk_ranges", func(t *testing.T) {
		for _, org := range []string{"harbor", "quay", ""} {
			put(t, above, insertion(t, above, "trunks", org, "of-"+org))
			put(t, above, insertion(t, above, "trunk_ranges", "", "of-"+org))
		}
		wantRows(t, app, "trunk_ranges", map[string]int{"": 0, "-": 1, "harbor": 1, "nobody": 0, "*": 3})
		wantNoChange(t, app, above, "trunk_ranges", strings.Replace(insertion(t, above, "trunk_ranges", "", "of-quay"), "(1,", "(2,", 1))
	})
}

// put writes a row without its references.
func put(t *testing.T, above *pgx.Conn, insert string) {
	t.Helper()
	if _, err := above.Exec(t.Context(), "SET session_replication_role = replica; "+insert); err != nil {
		t.Fatalf("%v in %s", err, insert)
	}
}

func wantRows(t *testing.T, app *pgx.Conn, table string, want map[string]int) {
	t.Helper()
	for scope, want := range want {
		n := -1
		err := within(t, app, scope, func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT count(*) FROM "+pgx.Identifier{table}.Sanitize()).Scan(&n)
		})
		if err != nil || n != want {
			t.Errorf("as %q %d rows are seen, %v; want %d", scope, n, err, want)
		}
	}
}

// wantNoChange wants an organisation that has nothing there to change nothing.
func wantNoChange(t *testing.T, app, above *pgx.Conn, table, insert string) {
	t.Helper()
	column := lines(t, above, `SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position LIMIT 1`, table)[0]
	for _, change := range []string{"UPDATE %[1]s SET %[2]s = %[2]s", "DELETE FROM %[1]s"} {
		var tag pgconn.CommandTag
		err := within(t, app, "nobody", func(tx pgx.Tx) (err error) {
			tag, err = tx.Exec(t.Context(), fmt.Sprintf(change, pgx.Identifier{table}.Sanitize(), pgx.Identifier{column}.Sanitize()))
			return err
		})
		if err != nil || tag.RowsAffected() != 0 {
			t.Errorf("%s as an organisation: %d rows, %v; want none", change, tag.RowsAffected(), err)
		}
	}
	err := within(t, app, "nobody", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), insert)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("a row was written as an organisation: %v", err)
	}
}
