package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
)

// Proves: E14, E15, D-07, D-09, D-10, F-31
func TestConformance(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t testing.TB, o storetest.Options) storetest.Store {
		st, err := sqlite.Open(filepath.Join(dir, o.Name+".db"), o.Ring, o.Now)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return st
	})
}

func now() time.Time { return storetest.Epoch }

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(path, storetest.Ring(t), now)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func createOrg(ctx context.Context, st *sqlite.Store, key string) (e911.Org, error) {
	o := e911.Org{
		ID: e911.NewID[e911.OrgID](), Key: key, Name: "Organisation " + key,
		HELD: e911.HELDAccess{
			CompanyID: "c-" + key, Secrets: []e911.Secret{"a secret in clear text"},
			Platforms: []e911.HELDPlatform{{Name: "pbx", Secrets: []e911.Secret{"a platform's secret in clear text"}}},
		},
	}
	err := st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, o); return err })
	return o, err
}

func orgs(t *testing.T, st *sqlite.Store) int {
	t.Helper()
	n := 0
	err := st.Read(t.Context(), func(r admin.Reader) error {
		list, err := r.Orgs(t.Context())
		n = len(list)
		return err
	})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return n
}

// The files of the database are the owner's alone, and what is secret in them
// is sealed, in the write-ahead log too.
// Proves: D-09
func TestFilesHoldNoSecretInTheClear(t *testing.T) {
	dir := t.TempDir()
	st := open(t, filepath.Join(dir, "callbox.db"))
	if _, err := createOrg(t.Context(), st, "harbor"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "callbox.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files = %v, %v; want the database and its log", files, err)
	}
	found := false
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(b, []byte("Organisation harbor"))
		if bytes.Contains(b, []byte("secret in clear text")) {
			t.Errorf("%s holds the secret", filepath.Base(name))
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", filepath.Base(name), info.Mode().Perm())
		}
	}
	if !found {
		t.Error("the organisation's name is in no file: the test looks in the wrong place")
	}
}

// Proves: D-07
func TestTheDatabaseIsDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?with #odd%20signs", "callbox.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	st := open(t, path)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		for _, db := range st.Databases() {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
			}
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the database is not where it was asked for: %v", err)
	}
	if _, err := st.Databases()[0].ExecContext(t.Context(), "DELETE FROM organisations"); err == nil {
		t.Error("a connection that reads can write")
	}
}

// Proves: D-14
func TestADatabaseOfANewerCallboxIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callbox.db")
	open(t, path).Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(path, storetest.Ring(t), now)
	if e911.KindOf(err) != e911.Unavailable || !strings.Contains(err.Error(), "newer Callbox") {
		t.Errorf("error = %v, want it refused with the reason", err)
	}
}

// Proves: D-14
func TestWhatIsNoDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.db")
	if err := os.WriteFile(junk, bytes.Repeat([]byte("this is a letter "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a text file": junk, "a folder": dir, "a path that does not exist": filepath.Join(dir, "no", "such", "folder.db"),
	} {
		st, err := sqlite.Open(path, storetest.Ring(t), now)
		if err == nil {
			st.Close()
			t.Errorf("%s was opened", name)
			continue
		}
		if e911.KindOf(err) != e911.Unavailable {
			t.Errorf("%s: %v, want kind unavailable", name, err)
		}
	}
	if b, _ := os.ReadFile(junk); !bytes.HasPrefix(b, []byte("this is a letter")) {
		t.Error("the text file was written over")
	}
	if _, err := sqlite.New(t.Context(), sqlite.Config{Path: filepath.Join(dir, "x.db")}); e911.KindOf(err) != e911.Invalid {
		t.Errorf("without ring and clock: %v, want kind invalid", err)
	}
}

// Questions about an organisation go by an index that ends in what is asked
// for: a list of 500 ids must not read a million elements.
// Proves: D-07
func TestQuestionsGoByAnIndex(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "callbox.db"))
	tables := []string{"trunks", "sites", "buildings", "locations", "network_elements", "users", "devices", "numbers", "alerts"}
	for _, table := range tables {
		for _, where := range []string{"org_id = 'o' AND id IN ('a', 'b')", "org_id = 'o' AND id > 'a' ORDER BY id LIMIT 10"} {
			plan := queryPlan(t, st, "SELECT * FROM "+table+" WHERE "+where)
			if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "org_id=? AND id") {
				t.Errorf("%s where %s: %s", table, where, plan)
			}
		}
	}
	for query, index := range map[string]string{
		"SELECT * FROM numbers WHERE org_id = 'o' AND (elin = TRUE OR ali <> '') ORDER BY id":                "numbers_ali",
		"SELECT device FROM seen_devices WHERE org_id = 'o' AND known = FALSE ORDER BY last_at DESC, device": "seen_devices_unknown",
	} {
		if plan := queryPlan(t, st, query); !strings.Contains(plan, index) {
			t.Errorf("%s: %s", query, plan)
		}
	}
	for _, where := range []string{
		"element_key = 'bssid ' || 'x'", "element_key >= 'bssid ' || 'x' AND element_key < 'bssid ' || 'x' || 'g'",
	} {
		plan := queryPlan(t, st, "SELECT * FROM network_elements WHERE org_id = 'o' AND "+where)
		if !strings.Contains(plan, "org_id=? AND element_key") {
			t.Errorf("elements where %s: %s", where, plan)
		}
	}
}

func queryPlan(t *testing.T, st *sqlite.Store, query string) string {
	t.Helper()
	rows, err := st.Databases()[0].QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	plan := ""
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "; "
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
