package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest/dump"
)

// A database that any earlier version left is brought up to date with all that
// it held, secrets too, and can be changed afterwards.
// Proves: D-09, D-10, D-14, E15
func TestDatabasesOfEveryVersionAreBroughtUpToDate(t *testing.T) {
	for _, version := range dump.Versions(t) {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "callbox.db")
			db := dump.Lite(t, path, version)
			counts := dump.Count(t, db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			st, err := sqlite.Open(path, dump.Ring(t), now)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			defer st.Close()
			dump.Check(t, st, counts)
			if version >= 21 {
				dump.CheckPeople(t, st)
			}
		})
	}
}
