package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// layerContent stands for what a layer holds: a store looks at its digest alone.
var layerContent = bytes.Repeat([]byte("a street and its numbers\x00"), 100)

func newLayer(key string, content []byte) e911.Layer {
	sum := sha256.Sum256(content)
	return e911.Layer{
		ID: e911.NewID[e911.LayerID](), Key: key, Name: "City of " + key, Grade: e911.GradeAuthoritative, Source: "the city", Standard: "NENA-STA-006.2",
		AsOf: Epoch.Truncate(24 * time.Hour), Version: 4, Digest: hex.EncodeToString(sum[:]), Size: int64(len(content)),
		Addresses: 13_000, Streets: 2_000, Boundaries: 3, ImportedAt: Epoch, ImportedBy: "import layer",
	}
}

// testLayerBlobs: a layer is never stored without its content, and content that
// no layer names goes.
func testLayerBlobs(t *testing.T, open Open) {
	st := fresh(t, open)
	ctx := t.Context()
	large := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // three pieces
	l, other := newLayer("large", large), newLayer("other", []byte("other"))
	create := func(v e911.Layer) error {
		return st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, v); return err })
	}
	wantKind(t, create(l), e911.Conflict)
	wantKind(t, st.PutLayerBlob(ctx, l.Digest, large[1:]), e911.Invalid)
	wantKind(t, st.PutLayerBlob(ctx, l.Digest, nil), e911.Invalid)
	_, err := st.LayerBlob(ctx, l.Digest)
	wantKind(t, err, e911.NotFound)
	for range 2 { // a second time changes nothing
		if err := st.PutLayerBlob(ctx, l.Digest, large); err != nil {
			t.Fatal(err)
		}
	}
	short := l
	short.Size--
	wantKind(t, create(short), e911.Conflict)
	if err := create(l); err != nil {
		t.Fatal(err)
	}
	if err := st.PutLayerBlob(ctx, other.Digest, []byte("other")); err != nil {
		t.Fatal(err)
	}
	moved := l
	moved.Digest, moved.Size = other.Digest, other.Size+1
	err = st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Update(ctx, moved, 1); return err })
	wantKind(t, err, e911.Conflict)
	if err := st.SweepLayerBlobs(ctx); err != nil {
		t.Fatal(err)
	}
	if b, err := st.LayerBlob(ctx, l.Digest); err != nil || !bytes.Equal(b, large) {
		t.Errorf("after a sweep the content has %d octets, %v, want %d", len(b), err, len(large))
	}
	_, err = st.LayerBlob(ctx, other.Digest)
	wantKind(t, err, e911.NotFound)
	if o, err := get(t, st, admin.RefOf(l)); err != nil || !admin.Same(o.Value, l) {
		t.Errorf("the layer came back as %+v, %v", o.Value, err)
	}
}
