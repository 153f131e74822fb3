package gisread_test

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/gisread"
	"github.com/callbox911/callbox/internal/e911"
)

// feature is a feature of GeoJSON as the tests write it into other formats.
type feature struct {
	Properties map[string]any
	Geometry   struct {
		Type        string
		Coordinates json.RawMessage
	}
}

func readFeatures(tb testing.TB, path string) []feature {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var c struct{ Features []feature }
	if err := json.Unmarshal(b, &c); err != nil {
		tb.Fatal(err)
	}
	return c.Features
}

// blob writes a geometry as a GeoPackage has it.
func blob(tb testing.TB, f feature, srs int32) []byte {
	tb.Helper()
	var b bytes.Buffer
	b.WriteString("GP\x00\x01")
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			tb.Fatal(err)
		}
	}
	put(srs)
	decode := func(into any) {
		if err := json.Unmarshal(f.Geometry.Coordinates, into); err != nil {
			tb.Fatal(err)
		}
	}
	head := func(typ uint32, n ...int) {
		b.WriteByte(1)
		put(typ)
		for _, n := range n {
			put(uint32(n))
		}
	}
	line := func(pts [][2]float64) {
		put(uint32(len(pts)))
		put(pts)
	}
	polygon := func(rings [][][2]float64) {
		head(3, len(rings))
		for _, r := range rings {
			line(r)
		}
	}
	switch f.Geometry.Type {
	case "Point":
		var p [2]float64
		decode(&p)
		head(1)
		put(p)
	case "LineString":
		var l [][2]float64
		decode(&l)
		head(2)
		line(l)
	case "MultiLineString":
		var m [][][2]float64
		decode(&m)
		head(5, len(m))
		for _, l := range m {
			head(2)
			line(l)
		}
	case "Polygon":
		var rings [][][2]float64
		decode(&rings)
		polygon(rings)
	case "MultiPolygon":
		var m [][][][2]float64
		decode(&m)
		head(6, len(m))
		for _, rings := range m {
			polygon(rings)
		}
	default:
		tb.Fatalf("a %s", f.Geometry.Type)
	}
	return b.Bytes()
}

// newGeoPackage makes an empty GeoPackage (OGC 12-128r19, annex C).
func newGeoPackage(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	dsn := url.URL{Scheme: "file", Path: path}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	exec(tb, db, `PRAGMA application_id = 0x47504B47; PRAGMA user_version = 10300;
		CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
		INSERT INTO gpkg_spatial_ref_sys VALUES ('WGS 84', 4326, 'EPSG', 4326, '', NULL), ('NAD83 / Massachusetts Mainland', 26986, 'EPSG', 26986, '', NULL);
		CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT, description TEXT, last_change DATETIME, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
		CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL);`)
	return db
}

func exec(tb testing.TB, db *sql.DB, query string, args ...any) {
	tb.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// addLayer writes features into a table, under other names of columns.
func addLayer(tb testing.TB, db *sql.DB, table string, srs int32, fs []feature, rename func(string) string) {
	tb.Helper()
	names := map[string]bool{}
	for _, f := range fs {
		for n := range f.Properties {
			names[n] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	quoted := make([]string, len(columns))
	for i, c := range columns {
		kind := "TEXT"
		if strings.HasPrefix(c, "FromAddr") || strings.HasPrefix(c, "ToAddr") {
			kind = "INTEGER"
		}
		if c == "DateUpdate" {
			kind = "DATETIME"
		}
		quoted[i] = fmt.Sprintf("%q %s", rename(c), kind)
	}
	exec(tb, db, fmt.Sprintf(`CREATE TABLE %q (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom BLOB, %s)`, table, strings.Join(quoted, ", ")))
	exec(tb, db, `INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES (?, 'features', ?)`, table, srs)
	exec(tb, db, `INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'GEOMETRY', ?, 0, 0)`, table, srs)
	tx, err := db.Begin()
	if err != nil {
		tb.Fatal(err)
	}
	insert, err := tx.Prepare(fmt.Sprintf(`INSERT INTO %q VALUES (NULL%s)`, table, strings.Repeat(", ?", len(columns)+1)))
	if err != nil {
		tb.Fatal(err)
	}
	defer insert.Close()
	for _, f := range fs {
		args := []any{blob(tb, f, srs)}
		for _, c := range columns {
			v := f.Properties[c]
			if n, ok := v.(float64); ok && n == math.Trunc(n) {
				v = int64(n)
			}
			args = append(args, v)
		}
		if _, err := insert.Exec(args...); err != nil {
			tb.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// newNames are the columns of NENA-STA-006.2 in version 3.
var newNames = map[string]string{
	"State": "A1", "State_L": "A1_L", "State_R": "A1_R", "County_L": "A2_L", "County_R": "A2_R", "IncMuni_L": "A3_L", "IncMuni_R": "A3_R",
	"LSt_Typ": "LSt_Typ", "UnincCom_L": "A4_L",
}

var newTables = map[string]string{
	"RoadCenterLine": "RoadCenterLine", "PsapBoundary": "PsapPolygon", "PoliceBoundary": "PolicePolygon", "FireBoundary": "FirePolygon", "EmsBoundary": "EmsPolygon",
}

// Proves: W-09
func TestCambridgeAsGeoPackageInBothVersionsSaysTheSame(t *testing.T) {
	dir := shared(t, "ng911-gis-cambridge-ma")
	want := newKept()
	wantRep, err := gisread.Read(t.Context(), []gisread.File{{Path: dir}}, gisread.Options{}, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{gisread.StandardNENA2, gisread.StandardNENA3} {
		path := filepath.Join(t.TempDir(), "cambridge ma?#.gpkg") // as people name files
		db := newGeoPackage(t, path)
		for old, name := range newTables {
			rename := func(s string) string { return s }
			table := strings.ToLower(old)
			if version == gisread.StandardNENA3 {
				table = name
				rename = func(s string) string {
					if n, ok := newNames[s]; ok {
						return n
					}
					return s
				}
			}
			addLayer(t, db, table, 4326, readFeatures(t, filepath.Join(dir, old+".geojson")), rename)
		}
		db.Close()
		got := newKept()
		rep, err := gisread.Read(t.Context(), []gisread.File{{Path: path}}, gisread.Options{}, got)
		if err != nil {
			t.Fatal(err)
		}
		if version == gisread.StandardNENA2 && rep.Standard != version || !strings.Contains(rep.Standard, version) {
			t.Errorf("%s is taken for %s", version, rep.Standard)
		}
		if d := cmp.Diff(want.streets, got.streets); d != "" {
			t.Errorf("%s: streets (-geojson +gpkg):\n%s", version, d)
		}
		if d := cmp.Diff(want.boundaries, got.boundaries); d != "" {
			t.Errorf("%s: boundaries (-geojson +gpkg):\n%s", version, d)
		}
		if d := cmp.Diff(wantRep.Counts, rep.Counts); d != "" {
			t.Errorf("%s: findings (-geojson +gpkg):\n%s", version, d)
		}
	}
}

// Proves: W-09
func TestAGeoPackageThatIsNoneIsRefusedByName(t *testing.T) {
	point := feature{Properties: map[string]any{"NGUID": "a"}}
	point.Geometry.Type, point.Geometry.Coordinates = "Point", json.RawMessage("[-71.1, 42.3]")
	same := func(s string) string { return s }
	for _, tt := range []struct {
		name string
		make func(t *testing.T, path string)
		code gisread.Code
		says string
	}{
		{"a plain SQLite file", func(t *testing.T, path string) {
			db, _ := sql.Open("sqlite", path)
			exec(t, db, `CREATE TABLE SiteStructureAddressPoint (NGUID TEXT)`)
			db.Close()
		}, gisread.CodePlainSQLite, "no GeoPackage"},
		{"the database of another program", func(t *testing.T, path string) {
			db := newGeoPackage(t, path)
			exec(t, db, `PRAGMA application_id = 0x42414441`)
			db.Close()
		}, gisread.CodePlainSQLite, "BADA"},
		{"a projection", func(t *testing.T, path string) {
			db := newGeoPackage(t, path)
			addLayer(t, db, "SiteStructureAddressPoint", 26986, []feature{point}, same)
			db.Close()
		}, gisread.CodeCRS, "NAD83 / Massachusetts Mainland"},
		{"a view in place of a table", func(t *testing.T, path string) {
			db := newGeoPackage(t, path)
			addLayer(t, db, "real", 4326, []feature{point}, same)
			exec(t, db, `CREATE VIEW RoadCenterLine AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i AS fid, NULL AS geom FROM n`)
			exec(t, db, `UPDATE gpkg_contents SET table_name = 'RoadCenterLine'; UPDATE gpkg_geometry_columns SET table_name = 'RoadCenterLine'`)
			db.Close()
		}, gisread.CodeFormat, "views are not read"},
		{"a catalogue that is a view", func(t *testing.T, path string) {
			db := newGeoPackage(t, path)
			exec(t, db, `DROP TABLE gpkg_contents; CREATE VIEW gpkg_contents AS SELECT randomblob(1000000000) AS table_name`)
			db.Close()
		}, gisread.CodePlainSQLite, "no GeoPackage"},
		{"writes in a log beside it", func(t *testing.T, path string) {
			newGeoPackage(t, path).Close()
			if err := os.WriteFile(path+"-wal", []byte("frames"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, gisread.CodeOpenWAL, "still being written"},
		{"half of one", func(t *testing.T, path string) {
			db := newGeoPackage(t, path)
			addLayer(t, db, "SiteStructureAddressPoint", 4326, slices.Repeat([]feature{point}, 2000), same)
			db.Close()
			b, _ := os.ReadFile(path)
			if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
				t.Fatal(err)
			}
		}, gisread.CodeTruncated, ""},
		{"text", func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("no"), 100), 0o600); err != nil {
				t.Fatal(err)
			}
		}, gisread.CodeFormat, ""},
		{"nothing", func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, gisread.CodeTruncated, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.gpkg")
			tt.make(t, path)
			rep, err := gisread.Read(t.Context(), []gisread.File{{Path: path}}, gisread.Options{}, newKept())
			wantFile(t, rep, err, tt.code, tt.says)
		})
	}
}

// wantFile tests that a file was refused as a whole, with a code and words.
func wantFile(t *testing.T, rep gisread.Report, err error, code gisread.Code, says string) {
	t.Helper()
	if e911.KindOf(err) != e911.Invalid {
		t.Errorf("got %v, want an Invalid error", err)
	}
	for _, f := range rep.Findings {
		if f.Level == gisread.LevelFile && f.Code == code && strings.Contains(f.Reason, says) {
			return
		}
	}
	t.Errorf("want a file refused for %s with %q, got %v", code, says, rep.Findings)
}
