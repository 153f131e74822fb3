package postgres

import (
	"context"

	"github.com/callbox911/callbox/internal/store/rows"
)

// catalog tells of the tables. References that are not deferrable are looked at
// with each statement.
var catalog = rows.Catalog{
	Columns: `SELECT table_name, column_name, data_type = 'boolean', is_identity = 'YES' FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%' ORDER BY table_name, ordinal_position`,
	Parents: `SELECT c.relname, p.relname FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid
		WHERE f.contype = 'f' AND NOT f.condeferrable AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())`,
	Count: "SELECT setval(pg_get_serial_sequence(?, ?), ?)",
}

// Others counts the connections of other Callbox processes to the database, this
// one excepted: those that use another application name than ours.
func (s *Store) Others(ctx context.Context) (int, error) {
	var n int
	err := s.reads.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'callbox%'
		AND application_name NOT LIKE current_setting('application_name') || '%'`).Scan(&n)
	return n, unavailableOrNil("look who else is connected", err)
}
