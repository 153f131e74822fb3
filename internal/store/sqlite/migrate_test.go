package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// A database of the first version is brought up to date with its elements.
// Proves: D-10, E15
func TestElementsOfTheFirstVersionStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callbox.db")
	first, err := os.ReadFile("migrations/00001_first_call.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, up, _ := strings.Cut(string(first), "-- +goose Up")
	for _, q := range []string{
		up,
		`CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`,
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1)`,
		`INSERT INTO organisations VALUES ('o', 'o', 1, 0, 0, 'harbor', 'Harbor', 0, '', '', '[]', '[]', '[]', 0)`,
		`INSERT INTO sites VALUES ('s', 'o', 1, 0, 0, 'hq', 'HQ', 'America/New_York', 'dynamic', 'none', '')`,
		`INSERT INTO buildings (id, org_id, version, created_at, updated_at, site_id, key, name) VALUES ('b', 'o', 1, 0, 0, 's', 'mill', 'Mill')`,
		`INSERT INTO locations (id, org_id, version, created_at, updated_at, building_id, key) VALUES ('l', 'o', 1, 0, 0, 'b', 'f1')`,
		`INSERT INTO network_elements VALUES ('x', 'o', 3, 1, 2, 'l', 'lldp_port', '', '', '0c:75:bd:00:00:01', 'Gi1/0/7', '', 'lldp "0c:75:bd:00:00:01" Gi1/0/7')`,
		`INSERT INTO network_elements VALUES ('y', 'o', 1, 1, 2, 'l', 'ip', '', '', '', '', '10.9.0.0/16', 'ip 10.9.0.0/16')`,
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%v in %.60s", err, q)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(path, ring, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	err = st.Write(t.Context(), "test", func(w admin.Writer) error {
		if o, err := w.Get(t.Context(), admin.Ref{Kind: e911.KindOrg, Org: "o", ID: "o"}); err == nil && o.Value.(e911.Org).HELD.Platforms != nil {
			t.Errorf("platforms out of nowhere: %+v", o.Value)
		}
		list, err := w.List(t.Context(), admin.Query{Kind: e911.KindElement, Org: "o"})
		if err != nil {
			return err
		}
		want := e911.Element{ID: "x", Org: "o", Location: "l", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/7"}}
		if len(list) != 2 || list[0].Value != want || list[0].Version != 3 {
			t.Errorf("after the migration: %+v", list)
		}
		// What the first version could not keep.
		_, err = w.Create(t.Context(), e911.Element{ID: "z", Org: "o", Kind: e911.ElementVPN, Range: list[1].Value.(e911.Element).Range})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
