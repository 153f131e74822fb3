package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
)

// The database refuses to change the trail. Who gets round that, with the file in
// hand, is found: the first entry that is not as it was is named.
// Proves: N-39, D-09
func TestWhoWritesInTheAuditTrailIsFound(t *testing.T) {
	for _, c := range []struct {
		name, tamper, why string
		n                 int64
	}{
		{"an entry that was changed", `UPDATE audit SET who = 'nobody' WHERE n = 3`, "not as it was written", 3},
		{"an entry that was moved in time", `UPDATE audit SET at = at - 1000 WHERE n = 1`, "not as it was written", 1},
		{"an entry that was taken out", `DELETE FROM audit WHERE n = 3`, "what was between is gone", 4},
		{"the end that was cut off", `DELETE FROM audit WHERE n > 3`, "ends with entry 3", 3},
		{"all of it gone", `DELETE FROM audit`, "ends with entry 0", 0},
		{"a hash taken away", `UPDATE audit SET hash = '', n = 0 WHERE n = 4`, "what was between is gone", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "callbox.db")
			ring := storetest.Ring(t)
			st, err := sqlite.Open(path, ring, func() time.Time { return storetest.Epoch })
			if err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				err := st.Write(t.Context(), "ann", func(w admin.Writer) error {
					_, err := w.Create(t.Context(), e911.Model{ID: e911.ModelID(rune('a' + i)), Key: "m" + string(rune('a'+i))})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), c.tamper); err == nil || !strings.Contains(err.Error(), "never changed") {
				t.Errorf("the database let it happen: %v", err)
			}
			for _, q := range []string{`DROP TRIGGER audit_no_update`, `DROP TRIGGER audit_no_delete`, c.tamper} {
				if _, err := db.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			st, err = sqlite.Open(path, ring, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			p, err := st.VerifyAudit(t.Context(), "", true)
			if err != nil || p.Broken == nil || p.Broken.N != c.n || !strings.Contains(p.Broken.Why, c.why) {
				t.Errorf("got %+v, %v", p.Broken, err)
			}
		})
	}
}
