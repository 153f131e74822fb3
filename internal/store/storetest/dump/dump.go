// Package dump makes databases as earlier versions of Callbox left them: each
// version's migration, and after it the rows in testdata that only that version
// could write. A migration with new tables or columns gets a file there.
package dump

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/storetest"
)

//go:embed testdata/*.sql
var files embed.FS

// masterKey sealed the secrets in the dumps.
const masterKey = "the master key of the test dumps"

// Migrations are SQLite's, seen from a package beside it.
const Migrations = "../sqlite/migrations"

// Ring opens the secrets of a dump.
func Ring(t testing.TB) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(seal.Key{ID: "m1", Secret: []byte(masterKey)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Versions are those that there are migrations to.
func Versions(t testing.TB) (list []int64) {
	t.Helper()
	p, err := goose.NewProvider(goose.DialectSQLite3, open(t, ":memory:"), os.DirFS(Migrations), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.ListSources() {
		list = append(list, s.Version)
	}
	return list
}

func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	return db
}

// Lite makes the SQLite database of a version at path and leaves it open.
func Lite(t testing.TB, path string, version int64) *sql.DB {
	t.Helper()
	db := open(t, path)
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS(Migrations), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.ListSources() {
		if s.Version > version {
			break
		}
		if _, err := p.UpTo(t.Context(), s.Version); err != nil {
			t.Fatalf("bring the database to version %d: %v", s.Version, err)
		}
		rows, err := files.ReadFile(fmt.Sprintf("testdata/%05d.sql", s.Version))
		if errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("storetest/dump/testdata/%05d.sql is missing: write rows as only that version could", s.Version)
		}
		if err == nil {
			_, err = db.ExecContext(t.Context(), string(rows))
		}
		if err != nil {
			t.Fatalf("put the rows of version %d: %v", s.Version, err)
		}
	}
	var fault string
	if err := db.QueryRowContext(t.Context(), "SELECT 'in ' || \"table\" || ' to ' || parent FROM pragma_foreign_key_check").Scan(&fault); !errors.Is(err, sql.ErrNoRows) {
		t.Fatalf("the rows point at nothing: %s %v", fault, err)
	}
	return db
}

// tables keep the objects of each kind.
var tables = map[e911.ObjectKind]string{
	e911.KindTokenKey: "token_keys", e911.KindModel: "models", e911.KindLayer: "layers", e911.KindOrg: "organisations",
	e911.KindTrunk: "trunks", e911.KindPSAP: "psaps", e911.KindSite: "sites", e911.KindBuilding: "buildings",
	e911.KindLocation: "locations", e911.KindOverride: "psap_overrides", e911.KindElement: "network_elements", e911.KindUser: "users",
	e911.KindDevice: "devices", e911.KindNumber: "numbers", e911.KindAlert: "alerts",
}

// Count says how many rows each table has, those that a version lacks 0.
func Count(t testing.TB, db *sql.DB) map[string]int {
	t.Helper()
	names := []string{"call_records", "audit", "seen_devices", "unknown_elements", "layer_blobs"}
	for _, kind := range admin.Kinds() {
		names = append(names, tables[kind])
	}
	counts := map[string]int{}
	for _, name := range names {
		var there, n int
		err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_master WHERE name = ?", name).Scan(&there)
		if err == nil && there > 0 {
			err = db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+name).Scan(&n)
		}
		if err != nil {
			t.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

// Check reads all that the store keeps, wants as many as were counted before, and
// writes every object again.
func Check(t testing.TB, st storetest.Store, counts map[string]int) {
	t.Helper()
	all, err := st.All(t.Context())
	if err != nil {
		t.Fatalf("read all: %v", err)
	}
	if all.Head.Store != "a database of long ago" || all.Head.Seq != 7 {
		t.Errorf("the database says it is %+v", all.Head)
	}
	found := map[string]int{}
	var refs []admin.Ref
	for _, r := range all.Rows {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Ref, r.Err)
			continue
		}
		found[tables[r.Ref.Kind]]++
		refs = append(refs, r.Ref)
	}
	again(t, st, refs)
	const org = "o1" // of all that has an organisation and is no object
	calls, err := st.ListCalls(t.Context(), org, "", 100)
	found["call_records"] = len(calls)
	seen, err2 := st.AllSeenDevices(t.Context(), org)
	found["seen_devices"] = len(seen)
	unknown, err3 := st.ListUnknown(t.Context(), org, "")
	found["unknown_elements"] = len(unknown)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Error(err)
	}
	for name, want := range counts {
		if name != "audit" && name != "layer_blobs" && found[name] != want {
			t.Errorf("%d rows of %s are read, want %d", found[name], name, want)
		}
	}
	checkTrail(t, st, counts["audit"])
	if counts["layer_blobs"] > 0 {
		if content, err := st.LayerBlob(t.Context(), "dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85"); err != nil || string(content) != "layer" {
			t.Errorf("what the layer holds is %q, %v", content, err)
		}
	}
	if head, err := st.Head(t.Context()); err != nil || head.Seq <= 7 {
		t.Errorf("after changes the head is %+v, %v", head, err)
	}
}

// CheckPeople wants who may do what in the databases of versions from 21 on.
func CheckPeople(t testing.TB, st member.Store) {
	t.Helper()
	err := st.ReadMembers(t.Context(), func(tx member.Tx) error {
		i, err := tx.IdentityByEmail(t.Context(), "ann@harbor.example")
		if err != nil {
			return err
		}
		has, err := tx.GrantsOf(t.Context(), i.ID)
		if err != nil {
			return err
		}
		of, err := tx.PartnerOf(t.Context(), "o1")
		if i.Name != "Ann" || len(has) != 1 || !has[0].Support || of != "pa1" {
			t.Errorf("%+v has the roles %+v, the organisation is a customer of %q", i, has, of)
		}
		return err
	})
	if err != nil {
		t.Errorf("read members: %v", err)
	}
}

// again writes objects as they are.
func again(t testing.TB, st storetest.Store, refs []admin.Ref) {
	t.Helper()
	err := st.Write(t.Context(), "test", func(w admin.Writer) error {
		for _, ref := range refs {
			o, err := w.Get(t.Context(), ref)
			if err == nil {
				_, err = w.Update(t.Context(), o.Value, o.Version)
			}
			if err != nil {
				return fmt.Errorf("write %s again: %w", ref, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// checkTrail wants the audit entries of before among those of now.
func checkTrail(t testing.TB, st storetest.Store, want int) {
	t.Helper()
	entries, err := st.Audit(t.Context(), "o1", 0, 0)
	old := 0
	for _, e := range entries {
		if e.Who == "ann@harbor.example" {
			old++
		}
	}
	if err != nil || old != want {
		t.Errorf("%d audit entries of before, %v; want %d", old, err, want)
	}
}
