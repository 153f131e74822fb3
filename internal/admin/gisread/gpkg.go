package gisread

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// geopackage is an opened GeoPackage (OGC 12-128r19). It is opened immutable
// and read-only, nothing that its schema says is trusted, and only real tables
// are read: a view or a virtual table could run what its author likes.
type geopackage struct {
	db     *sql.DB
	conn   *sql.Conn
	tables []gpkgTable
}

type gpkgTable struct {
	name    string
	geom    string // its column
	srs     int32
	columns []string // the others
}

const sqliteMagic = "SQLite format 3\x00"

// The application ids of a GeoPackage: "GPKG", and "GP10" and "GP11" of the
// first two versions.
var gpkgIDs = map[uint32]bool{0x47504B47: true, 0x47503130: true, 0x47503131: true}

// geographic reports the EPSG codes of degrees of WGS 84 (two and three
// dimensions); NAD 83 is within two metres of it.
func geographic(epsg int32) bool { return epsg == 4326 || epsg == 4979 || epsg == 4269 }

func openGeoPackage(ctx context.Context, path string, lim Limits) (*geopackage, error) {
	if err := gpkgHeader(path); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", path, err)
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{
		"mode": {"ro"}, "immutable": {"1"},
		"_pragma": {"trusted_schema(0)", "query_only(1)", "cell_size_check(1)"},
	}.Encode()}
	g := &geopackage{}
	if g.db, err = sql.Open("sqlite", dsn.String()); err != nil {
		return nil, fmt.Errorf("open the GeoPackage: %w", err)
	}
	g.db.SetMaxOpenConns(1)
	if g.conn, err = g.db.Conn(ctx); err != nil {
		g.close()
		return nil, sqlFault(err)
	}
	most := lim.Coordinates*32 + 1<<16
	for id, n := range map[int]int{
		sqlite3.SQLITE_LIMIT_LENGTH: min(most, 1<<30), sqlite3.SQLITE_LIMIT_COLUMN: min(lim.Columns, 2000),
		sqlite3.SQLITE_LIMIT_ATTACHED: 0, sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
	} {
		if _, err := sqlite.Limit(g.conn, id, n); err != nil {
			g.close()
			return nil, fmt.Errorf("bound the GeoPackage: %w", err)
		}
	}
	if err := g.contents(ctx, lim); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *geopackage) close() {
	if g.conn != nil {
		_ = g.conn.Close()
	}
	_ = g.db.Close()
}

// gpkgHeader refuses what is no SQLite file, and one whose last writes are in a
// log beside it, which an immutable reader does not see.
func gpkgHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the GeoPackage: %w", err)
	}
	defer f.Close()
	var head [100]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return err
	}
	if string(head[:16]) != sqliteMagic {
		return broken(CodeFormat, "", "The file is not a GeoPackage.")
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return broken(CodeOpenWAL, "Close the GeoPackage in the program that wrote it, then import it.", "The GeoPackage is still being written.")
	}
	return nil
}

// sqlFault tells a damaged file from a fault of the machine.
func sqlFault(err error) error {
	if se, ok := errors.AsType[*sqlite.Error](err); ok {
		switch se.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
			return broken(CodeTruncated, "Fetch the file again.", "The GeoPackage is damaged.")
		case sqlite3.SQLITE_TOOBIG:
			return broken(CodeTooLarge, "", "A value in the GeoPackage is larger than a feature may be.")
		case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
			return broken(CodeFormat, "", "The GeoPackage cannot be read: %s.", printable(se.Error(), 200))
		}
	}
	return fmt.Errorf("read the GeoPackage: %w", err)
}

// contents lists the feature tables.
func (g *geopackage) contents(ctx context.Context, lim Limits) error {
	real, err := g.realTables(ctx)
	if err != nil {
		return err
	}
	var id uint32
	if err := g.conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return sqlFault(err)
	}
	if !real["gpkg_contents"] || !real["gpkg_geometry_columns"] {
		return broken(CodePlainSQLite, "Export the data as a GeoPackage (for example with ogr2ogr -f GPKG).", "The file is a SQLite database, but no GeoPackage: it has no table gpkg_contents with feature tables.")
	}
	if !gpkgIDs[id] && id != 0 { // some writers leave it out, none sets another
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], id)
		return broken(CodePlainSQLite, "", "The file is the database of another program (%q), not a GeoPackage.", printable(string(b[:]), 10))
	}
	rows, err := g.conn.QueryContext(ctx, `SELECT c.table_name, g.column_name, g.srs_id FROM gpkg_contents c
		JOIN gpkg_geometry_columns g ON g.table_name = c.table_name WHERE c.data_type = 'features' ORDER BY c.table_name LIMIT 1000`)
	if err != nil {
		return sqlFault(err)
	}
	defer rows.Close()
	for rows.Next() {
		var t gpkgTable
		if err := rows.Scan(&t.name, &t.geom, &t.srs); err != nil {
			return broken(CodeFormat, "", "The list of tables in the GeoPackage is damaged.")
		}
		if !real[strings.ToLower(t.name)] {
			return broken(CodeFormat, "Export it as a table.", "%q is not a table of the GeoPackage; views are not read.", printable(t.name, 80))
		}
		g.tables = append(g.tables, t)
	}
	if err := rows.Err(); err != nil {
		return sqlFault(err)
	}
	for i := range g.tables {
		if err := g.describe(ctx, &g.tables[i], lim); err != nil {
			return err
		}
	}
	return nil
}

// realTables are the names, in lower case, of tables that are stored.
func (g *geopackage) realTables(ctx context.Context) (map[string]bool, error) {
	rows, err := g.conn.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 LIMIT 10000`)
	if err != nil {
		return nil, sqlFault(err)
	}
	defer rows.Close()
	real := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, sqlFault(err)
		}
		real[strings.ToLower(name)] = true
	}
	if err := rows.Err(); err != nil {
		return nil, sqlFault(err)
	}
	return real, nil
}

// describe lists the columns of a table; generated ones are left out, as they
// are expressions.
func (g *geopackage) describe(ctx context.Context, t *gpkgTable, lim Limits) error {
	rows, err := g.conn.QueryContext(ctx, `SELECT name, hidden FROM pragma_table_xinfo(?)`, t.name)
	if err != nil {
		return sqlFault(err)
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		var name string
		var hidden int
		if err := rows.Scan(&name, &hidden); err != nil {
			return sqlFault(err)
		}
		switch {
		case hidden != 0:
		case strings.EqualFold(name, t.geom):
			t.geom, found = name, true
		default:
			t.columns = append(t.columns, name)
		}
	}
	if err := rows.Err(); err != nil {
		return sqlFault(err)
	}
	if !found || len(t.columns) >= lim.Columns {
		return broken(CodeFormat, "", "The table %q of the GeoPackage lacks its geometry or has too many columns.", printable(t.name, 80))
	}
	return nil
}

// crs names the reference system of a table when it is none that is read.
func (g *geopackage) crs(ctx context.Context, t gpkgTable) error {
	if geographic(t.srs) {
		return nil
	}
	var name, org string
	var code int32
	err := g.conn.QueryRowContext(ctx, `SELECT substr(srs_name, 1, 100), substr(organization, 1, 20), organization_coordsys_id FROM gpkg_spatial_ref_sys WHERE srs_id = ?`, t.srs).Scan(&name, &org, &code)
	if err == nil && strings.EqualFold(org, "EPSG") && geographic(code) {
		return nil
	}
	if err != nil {
		name = fmt.Sprintf("srs_id %d", t.srs)
	}
	return otherCRS(printable(fmt.Sprintf("%s (%s:%d)", name, org, code), 120))
}

// rows calls each with the values of a row, geometry first.
func (g *geopackage) rows(ctx context.Context, t gpkgTable, each func(geom []byte, values []any) error) error {
	quoted := make([]string, 0, len(t.columns)+1)
	for _, c := range append([]string{t.geom}, t.columns...) {
		quoted = append(quoted, `"`+strings.ReplaceAll(c, `"`, `""`)+`"`)
	}
	rows, err := g.conn.QueryContext(ctx, "SELECT "+strings.Join(quoted, ", ")+` FROM "`+strings.ReplaceAll(t.name, `"`, `""`)+`"`)
	if err != nil {
		return sqlFault(err)
	}
	defer rows.Close()
	var geom sql.RawBytes
	values, into := make([]any, len(t.columns)), make([]any, len(t.columns)+1)
	into[0] = &geom
	for i := range values {
		into[i+1] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return sqlFault(err)
		}
		if err := each(geom, values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return sqlFault(err)
	}
	return nil
}

// cell writes a value of SQLite as text.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}
