package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/storetest/pgtest"
)

// A stopped server's database goes to PostgreSQL and back by the command's own
// function; refused while a server or another node is there, without a source,
// onto itself and into what is not empty. A refusal leaves nothing behind, and no
// password is told.
//
// Proves: E15, D-09, D-14, W-55
func TestADatabaseIsCarriedToTheOtherEngine(t *testing.T) {
	cluster := pgtest.Own(t)
	dsn := pgtest.Database(t, cluster)
	dir := t.TempDir()
	ring, err := seal.LoadMaster(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(dir, where string) *database {
		t.Helper()
		st, err := openDatabase(t.Context(), databaseConfig{Dir: dir, Where: where, Ring: ring, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		return st
	}
	copies := func(from, to string) (StoreCopied, error) {
		return CopyStore(t.Context(), StoreCopy{Dir: dir, From: from, To: to})
	}
	refused := func(what string, err error, kind e911.Kind, says string) {
		t.Helper()
		if err == nil || e911.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want kind %s and %q", what, err, kind, says)
		}
	}
	_, err = copies("", dsn)
	refused("without a database", err, e911.NotFound, "callbox.db")
	if _, err := os.Stat(filepath.Join(dir, embeddedFile)); err == nil {
		t.Error("a refused copy made a database")
	}
	first := open(dir, EmbeddedStore)
	err = first.Write(t.Context(), "ann@harbor.example", func(w admin.Writer) error {
		_, err := w.Create(t.Context(), e911.Org{ID: "o1", Key: "harbor", Name: "Harbor", HELD: e911.HELDAccess{CompanyID: "c", Secrets: []e911.Secret{"told to nobody"}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := first.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	_, err = copies("", EmbeddedStore)
	refused("onto itself", err, e911.Invalid, "the same")
	node := open(t.TempDir(), dsn)
	_, err = copies("", dsn)
	refused("while another node is there", err, e911.Conflict, "stop all nodes")
	node.Close()
	done, err := copies("", dsn)
	if err != nil || done.Rows == 0 || done.Audit.Entries != 1 || done.Audit.Broken != nil {
		t.Fatalf("to PostgreSQL: %+v, %v", done, err)
	}
	if b, err := json.Marshal(done); err != nil || !strings.Contains(string(b), "PostgreSQL database") || strings.Contains(string(b), "postgres://") {
		t.Errorf("it says %s, %v", b, err)
	}
	_, err = copies("", dsn)
	refused("a second time", err, e911.Conflict, "not empty")
	_, err = copies(dsn, EmbeddedStore)
	refused("back onto what is there", err, e911.Conflict, "not empty")
	if err := os.Rename(filepath.Join(dir, embeddedFile), filepath.Join(dir, "before.db")); err != nil {
		t.Fatal(err)
	}
	if done, err = copies(dsn, EmbeddedStore); err != nil || done.Audit.Entries != 1 {
		t.Fatalf("back: %+v, %v", done, err)
	}
	back := open(dir, EmbeddedStore)
	if h, err := back.Head(t.Context()); err != nil || h != head {
		t.Errorf("the head is %+v, %v; want %+v", h, err, head)
	}
	err = back.Read(t.Context(), func(r admin.Reader) error {
		o, err := r.Get(t.Context(), admin.Ref{Kind: e911.KindOrg, Org: "o1", ID: "o1"})
		if err == nil && o.Value.(e911.Org).HELD.Secrets[0] != "told to nobody" {
			t.Errorf("the secret came back as %+v", o.Value)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
