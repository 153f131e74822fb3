package sqlite_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// layerOf names a content.
func layerOf(content []byte) e911.Layer {
	sum := sha256.Sum256(content)
	return e911.Layer{
		ID: e911.NewID[e911.LayerID](), Key: "town", Name: "Town", Grade: e911.GradeReference, Source: "a test", Version: 1,
		Digest: hex.EncodeToString(sum[:]), Size: int64(len(content)),
	}
}

func createLayer(t *testing.T, st *sqlite.Store, l e911.Layer) error {
	t.Helper()
	return st.Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Create(t.Context(), l); return err })
}

// A content whose writing was cut off between two pieces makes no layer, is
// written whole the next time, and goes when nobody names it.
//
// Proves: E15, F-38
func TestAContentThatWasWrittenByHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callbox.db")
	st := open(t, path)
	content := bytes.Repeat([]byte("0123456789abcdef"), 17<<16) // 17 MiB: two transactions
	l := layerOf(content)
	half(t, st, path, content)
	if _, err := st.LayerBlob(t.Context(), l.Digest); e911.KindOf(err) == e911.Unavailable || err == nil {
		t.Errorf("half a content is read: %v", err)
	}
	if err := createLayer(t, st, l); e911.KindOf(err) != e911.Conflict || err == nil {
		t.Errorf("a layer of half a content: %v", err)
	}
	if err := st.PutLayerBlob(t.Context(), l.Digest, content); err != nil {
		t.Fatal(err)
	}
	if got, err := st.LayerBlob(t.Context(), l.Digest); err != nil || !bytes.Equal(got, content) {
		t.Errorf("written again: %d octets, %v", len(got), err)
	}
	if err := createLayer(t, st, l); err != nil {
		t.Error(err)
	}
	other := append([]byte("another "), content...)
	half(t, st, path, other)
	if err := st.SweepLayerBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := st.LayerBlob(t.Context(), layerOf(other).Digest); e911.KindOf(err) != e911.NotFound || err == nil {
		t.Errorf("after a sweep: %v", err)
	}
	if _, err := st.LayerBlob(t.Context(), l.Digest); err != nil {
		t.Errorf("the sweep took what a layer names: %v", err)
	}
}

// half leaves what a process that was killed after its first transaction does.
func half(t *testing.T, st *sqlite.Store, path string, content []byte) {
	t.Helper()
	if err := st.PutLayerBlob(t.Context(), layerOf(content).Digest, content); err != nil {
		t.Fatal(err)
	}
	if n := behind(t, path, "DELETE FROM layer_blobs WHERE seq >= 16 AND digest = ?", layerOf(content).Digest); n == 0 {
		t.Fatal("the content has one transaction alone")
	}
}

// behind changes the database behind the store's back.
func behind(t *testing.T, path, statement string, args ...any) int64 {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A content that was changed behind our back is told from what was stored.
//
// Proves: E15
func TestAContentThatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "callbox.db")
	st := open(t, path)
	content := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
	l := layerOf(content)
	for name, change := range map[string]string{
		"one octet": "UPDATE layer_blobs SET chunk = CAST(x'00' || substr(chunk, 2) AS BLOB) WHERE seq = 1",
		"cut short": "UPDATE layer_blobs SET chunk = substr(chunk, 1, 100) WHERE seq = 2",
		"one piece": "DELETE FROM layer_blobs WHERE seq = 2",
	} {
		if err := st.PutLayerBlob(t.Context(), l.Digest, content); err != nil {
			t.Fatal(err)
		}
		if n := behind(t, path, change+" AND digest = ?", l.Digest); n != 1 {
			t.Fatalf("%s: %d rows changed", name, n)
		}
		if _, err := st.LayerBlob(t.Context(), l.Digest); e911.KindOf(err) != e911.Internal || err == nil {
			t.Errorf("%s: %v, want the kind internal", name, err)
		}
		// The operator imports it again.
		if err := st.PutLayerBlob(t.Context(), l.Digest, content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := st.LayerBlob(t.Context(), l.Digest); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s, imported again: %d octets, %v", name, len(got), err)
		}
	}
}

// contentOnSmallDisk writes a layer that has no room, in the name space of
// onSmallDisk, and then one that has.
func contentOnSmallDisk(t *testing.T, st *sqlite.Store, room *os.File) {
	t.Helper()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	l := layerOf(content)
	if err := st.PutLayerBlob(t.Context(), l.Digest, content); e911.KindOf(err) != e911.Unavailable || err == nil {
		t.Errorf("a layer on the full disk: %v, want kind unavailable", err)
	}
	if _, err := st.LayerBlob(t.Context(), l.Digest); e911.KindOf(err) != e911.NotFound || err == nil {
		t.Errorf("the layer that had no room: %v", err)
	}
	if err := errors.Join(room.Close(), os.Remove(room.Name())); err != nil {
		t.Fatal(err)
	}
	small := layerOf(content[:64<<10])
	if err := st.PutLayerBlob(t.Context(), small.Digest, content[:64<<10]); err != nil {
		t.Errorf("a layer when there is room again: %v", err)
	}
	if err := createLayer(t, st, small); err != nil {
		t.Error(err)
	}
}
