package postgres_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/rows"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest/dump"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// Everything goes from SQLite to PostgreSQL and back again: each table has its
// rows, objects can be read and written, the audit trail holds with the same ends,
// sequences go on where they were. Who is signed in is not carried.
// Proves: D-07, D-10, W-55, E15
func TestAStoreIsCopiedToTheOtherEngineAndBack(t *testing.T) {
	dir := t.TempDir()
	versions := dump.Versions(t)
	path := filepath.Join(dir, "first.db")
	db := dump.Lite(t, path, versions[len(versions)-1])
	counts := dump.Count(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ring := dump.Ring(t)
	lite := func(name string) *sqlite.Store {
		t.Helper()
		st, err := sqlite.Open(filepath.Join(dir, name), ring, now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		return st
	}
	first, there, back := lite("first.db"), open(t, pgtest.Migrated(t), func(c *postgres.Config) { c.Ring = ring }), lite("back.db")
	for _, key := range []string{"pier-one", "pier-two"} { // entries with hashes
		if err := first.Write(t.Context(), "test", func(w admin.Writer) error {
			_, err := w.Create(t.Context(), e911.Org{ID: e911.OrgID("org-" + key), Key: key, Name: "O'Hara; --\n\\"})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	want, err := first.VerifyAudit(t.Context(), "", true)
	if err != nil || want.Broken != nil || want.Entries < 2 {
		t.Fatalf("before: %+v, %v", want, err)
	}
	head, err := first.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	carried := map[string]rows.Copied{}
	for _, c := range []struct {
		name     string
		from, to *rows.Store
	}{{"to PostgreSQL", first.Store, there.Store}, {"back", there.Store, back.Store}} {
		done, err := c.from.CopyTo(t.Context(), c.to)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		carried[c.name] = done
		proof, err := c.to.VerifyAudit(t.Context(), "", true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, proof); diff != "" {
			t.Errorf("%s: the audit trail (-want +got):\n%s", c.name, diff)
		}
		if h, err := c.to.Head(t.Context()); err != nil || h != head {
			t.Errorf("%s: head %+v, %v; want %+v", c.name, h, err, head)
		}
		if _, err := c.from.CopyTo(t.Context(), c.to); e911.KindOf(err) != e911.Conflict || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("%s: a second copy: %v, want it refused", c.name, err)
		}
	}
	if diff := cmp.Diff(carried["to PostgreSQL"], carried["back"]); diff != "" {
		t.Errorf("there (-) and back (+):\n%s", diff)
	}
	for _, c := range carried["back"].Tables {
		if c.Name == "sessions" || c.Rows == 0 {
			t.Errorf("%+v was carried", c)
		}
	}
	if n := len(carried["back"].Tables); n < 35 {
		t.Errorf("only %d tables had rows: the dumps of storetest lack some", n)
	}
	for name, st := range map[string]*rows.Store{"PostgreSQL": there.Store, "SQLite": back.Store} {
		o := e911.Org{ID: e911.OrgID("org-new"), Key: "pier-new", Name: "New"}
		if err := st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Create(t.Context(), o); return err }); err != nil {
			t.Errorf("%s: a change afterwards: %v", name, err)
		}
		if h, err := st.Head(t.Context()); err != nil || h.Seq <= head.Seq {
			t.Errorf("%s: head %+v, %v after a change; want more than %d", name, h, err, head.Seq)
		}
		if proof, err := st.VerifyAudit(t.Context(), "", true); err != nil || proof.Broken != nil || proof.Entries != want.Entries+1 {
			t.Errorf("%s: the audit trail afterwards: %+v, %v", name, proof, err)
		}
		dump.CheckPeople(t, st)
	}
	if counts["call_records"] == 0 {
		t.Fatal("there were no call records")
	}
}

// What cannot be carried whole is not carried at all.
// Proves: E15
func TestACopyIsWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	versions := dump.Versions(t)
	db := dump.Lite(t, filepath.Join(dir, "first.db"), versions[len(versions)-1])
	// PostgreSQL takes no text with such an octet; it comes late in the order.
	if _, err := db.ExecContext(t.Context(), "UPDATE users SET name = 'a' || x'00' || 'b'"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	first, err := sqlite.Open(filepath.Join(dir, "first.db"), dump.Ring(t), now)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	there := open(t, pgtest.Migrated(t))
	before, err := there.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.CopyTo(t.Context(), there.Store); err == nil {
		t.Fatal("it was carried")
	}
	if n, err := orgs(t.Context(), there); err != nil || n != 0 {
		t.Errorf("%d organisations are there, %v", n, err)
	}
	if after, err := there.Head(t.Context()); err != nil || after != before {
		t.Errorf("the database says %+v, %v; before %+v", after, err, before)
	}
}
