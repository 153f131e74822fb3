package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"github.com/callbox911/callbox/internal/e911"
)

//go:embed migrations/*.sql
var migrations embed.FS

// setUp brings the tables up to date; nodes that start together do it one after
// the other.
func setUp(ctx context.Context, cfg Config, conn *pgx.ConnConfig) (err error) {
	conn = conn.Copy()
	// A migration may take as long as it needs and sees all rows.
	settings(conn, map[string]string{"application_name": cfg.Application + " setup", "callbox.org": "*", "statement_timeout": "0", "lock_timeout": "0"})
	c := connector(conn, setupWithin)
	if cfg.Wrap != nil {
		c = cfg.Wrap(c)
	}
	db := sql.OpenDB(c)
	defer func() { err = errors.Join(err, db.Close()) }()
	held, err := db.Conn(ctx)
	if err != nil {
		return unavailable("connect to the database", err)
	}
	defer held.Close()
	if err := fit(ctx, held); err != nil {
		return err
	}
	// The connection's end gives the lock back.
	if _, err := held.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_lock(%d)", setupLock)); err != nil {
		return unavailable("wait for other nodes", err)
	}
	if err := migrate(ctx, db); err != nil {
		return err
	}
	return secure(ctx, db)
}

// fit refuses a database in which the store could not keep its promises.
func fit(ctx context.Context, db *sql.Conn) error {
	var encoding, role, schema string
	var above bool
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_encoding'), current_user, coalesce(current_schema(), ''),
		(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)`).Scan(&encoding, &role, &schema, &above)
	switch {
	case err != nil:
		return unavailable("look at the database", err)
	case encoding != "UTF8":
		return e911.Errorf(e911.Invalid, "the database has the encoding %s: make one with ENCODING 'UTF8'", encoding)
	case above:
		return e911.Errorf(e911.Invalid, "the database role %s is above row-level security (SUPERUSER or BYPASSRLS): make a role of its own for Callbox and let it own the database, see docs/operations.md", role)
	case schema == "":
		return e911.Errorf(e911.Invalid, "the database role %s has no schema to put tables in: let it own the database", role)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return unavailable("read the migrations", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithVerbose(false))
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

// worldTables have no org_id and nothing of an organisation or a person: the
// database's name, how far nodes have read their journals, and what belongs to the
// world part. All transactions see them.
var worldTables = []string{
	"goose_db_version", "store_meta", "call_cursors", "inventory_cursors", "layer_blobs", "psap_routes", "psap_alternates",
}

// Who is let through a wall.
const (
	// ofAll is for those who asked for all rows (rows.Store's every).
	ofAll = `(SELECT coalesce(current_setting('callbox.org', true), '')) = '*'`
	// ofOwner is for those of the organisation in callbox.org as well; "-" is the
	// world part, nothing shows nothing.
	ofOwner = ofAll + ` OR org_id = (SELECT CASE current_setting('callbox.org', true)
		WHEN '' THEN NULL WHEN '-' THEN '' ELSE current_setting('callbox.org', true) END)`
	// ofTrunk is for those who see the trunk.
	ofTrunk = ofAll + ` OR EXISTS (SELECT FROM trunks WHERE trunks.id = trunk_id)`
)

// openTables are the tables without the wall that they should have, and which it
// is: callbox_org for those with org_id, callbox_trunk for what is a part of
// trunks, and callbox_every for all others, such as identities and what proves
// them, which are of no organisation.
const openTables = `SELECT * FROM (SELECT c.oid, c.relname,
	CASE WHEN c.relname = 'trunk_ranges' THEN 'callbox_trunk' WHEN a.attname IS NULL THEN 'callbox_every' ELSE 'callbox_org' END AS wall
	FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
	WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
	AND NOT c.relname = ANY(string_to_array($1, ' '))) t
WHERE NOT EXISTS (SELECT FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
	WHERE c.oid = t.oid AND p.polname = t.wall AND c.relrowsecurity AND c.relforcerowsecurity)
ORDER BY 2`

// guard puts a wall up. The questions in brackets are answered once a statement.
// FORCE: the server's role owns the tables.
const guard = `ALTER TABLE %[1]s ENABLE ROW LEVEL SECURITY;
ALTER TABLE %[1]s FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS callbox_org ON %[1]s;
DROP POLICY IF EXISTS callbox_every ON %[1]s;
CREATE POLICY %[2]s ON %[1]s USING (%[3]s)`

// secure puts the wall of row-level security around every table that is not in
// worldTables, so that no migration can forget it.
func secure(ctx context.Context, db *sql.DB) error {
	found, err := db.QueryContext(ctx, openTables, strings.Join(worldTables, " "))
	if err != nil {
		return unavailable("look for tables without row-level security", err)
	}
	defer found.Close()
	who := map[string]string{"callbox_org": ofOwner, "callbox_every": ofAll, "callbox_trunk": ofTrunk}
	var text []string
	for found.Next() {
		var oid int64
		var table, wall string
		if err := found.Scan(&oid, &table, &wall); err != nil {
			return unavailable("look for tables without row-level security", err)
		}
		text = append(text, fmt.Sprintf(guard, pgx.Identifier{table}.Sanitize(), wall, who[wall]))
	}
	if err := found.Err(); err != nil || len(text) == 0 {
		return unavailableOrNil("look for tables without row-level security", err)
	}
	// Several statements in one message are one transaction.
	_, err = db.ExecContext(ctx, strings.Join(text, ";\n"))
	return unavailableOrNil("turn on row-level security", err)
}

func unavailableOrNil(doing string, err error) error {
	if err == nil {
		return nil
	}
	return unavailable(doing, err)
}
