package publish_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// counted counts how often the content of a layer is read.
type counted struct {
	*sqlite.Store
	reads int
	fail  error
}

func (c *counted) LayerBlob(ctx context.Context, digest string) ([]byte, error) {
	c.reads++
	if c.fail != nil {
		return nil, c.fail
	}
	return c.Store.LayerBlob(ctx, digest)
}

// city makes a content of one street of so many numbers.
func city(t testing.TB, to int) *gis.Content {
	t.Helper()
	b := gis.NewBuilder()
	side := gis.Side{
		From: 1, To: to, Parity: gis.ParityOdd, Validate: true, Civic: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", PC: "02139"},
	}
	err := b.Street(gis.Street{
		NGUID: "RCL1@example.gov", Name: e911.Civic{RD: "Massachusetts", STS: "Avenue"}, Left: side,
		Right: gis.Side{Parity: gis.ParityNone, Civic: side.Civic},
		Line:  []e911.Point{{Lat: 42.3650, Lon: -71.1040}, {Lat: 42.3670, Lon: -71.1060}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Build()
}

func layerOf(content *gis.Content, version int) (e911.Layer, []byte) {
	b := content.Append(nil)
	sum := sha256.Sum256(b)
	return e911.Layer{
		ID: "layer-1", Key: "cambridge-ma", Name: "Cambridge", Grade: e911.GradeReference, Source: "a test", Version: version,
		Digest: hex.EncodeToString(sum[:]), Size: int64(len(b)), Streets: content.Streets(),
	}, b
}

func (h *house) putLayer(l e911.Layer, content []byte) {
	h.t.Helper()
	if err := h.store.PutLayerBlob(h.t.Context(), l.Digest, content); err != nil {
		h.t.Fatal(err)
	}
	if l.Version > 1 {
		h.update(l)
		return
	}
	h.write(func(w admin.Writer) error { _, err := w.Create(h.t.Context(), l); return err })
}

func (h *house) publishFrom(src publish.Source) publish.Result {
	h.t.Helper()
	res, err := h.pub.Publish(h.t.Context(), src)
	if err != nil {
		h.t.Fatalf("publish: %v", err)
	}
	return res
}

// A layer comes to calls with what it holds, which is read once; other changes
// leave the index alone; a start without a database has the layer.
//
// Proves: E3, E15, D-07
func TestALayerComesToCalls(t *testing.T) {
	h := newHouse(t)
	dir := filepath.Join(h.dir, "snapshot")
	h.real = snapshot.OpenFile(dir, h.ring)
	h.start()
	src := &counted{Store: h.store}
	h.publishFrom(src)
	l, content := layerOf(city(t, 99), 1)
	h.putLayer(l, content)
	h.publishFrom(src)
	got := h.holder.Load().Layers()
	if len(got) != 1 || got[0].Content.Streets() != 1 || src.reads != 1 {
		t.Fatalf("%d layers after %d reads", len(got), src.reads)
	}
	index := h.holder.Load().LVF()
	psaps := h.holder.Load().PSAPs()
	s := h.site("hq")
	s.Name = "renamed"
	h.update(s)
	h.publishFrom(src)
	if h.holder.Load().LVF() != index || h.holder.Load().PSAPs() != psaps || src.reads != 1 {
		t.Errorf("an ordinary change built the indexes again, or read the content again (%d reads)", src.reads)
	}
	// Another name, the same content.
	l.Name, l.Version = "City of Cambridge", 2
	h.putLayer(l, content)
	h.publishFrom(src)
	if got := h.holder.Load().Layers(); src.reads != 1 || got[0].Layer.Name != l.Name {
		t.Errorf("after %d reads the layer is %+v", src.reads, got[0].Layer)
	}
	next, content := layerOf(city(t, 199), 3)
	h.putLayer(next, content)
	h.publishFrom(src)
	if same, err := h.pub.Verify(t.Context(), src); err != nil || !same {
		t.Errorf("the published world differs from the stored one: %v", err)
	}
	if src.reads != 2 {
		t.Errorf("%d reads for two contents", src.reads)
	}
	want := h.holder.Load().Digest()
	h.real = snapshot.OpenFile(dir, h.ring)
	h.start()
	if !h.pub.Restore() || h.holder.Load().Digest() != want || h.holder.Load().LVF() == nil {
		t.Error("a start without the database has not the layer")
	}
	h.wantAlarms()

	// Deleted again.
	h.write(func(w admin.Writer) error { return w.Delete(t.Context(), admin.RefOf(next), 3) })
	h.publishFrom(src)
	if n := len(h.holder.Load().Layers()); n != 0 {
		t.Errorf("%d layers after the deletion", n)
	}
}

// A content that is lost beside the snapshot file leaves its layer out, says so,
// and comes back from the database; nothing else waits for it.
//
// Proves: E1, F-31, D-07
func TestALostContentIsFetchedAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		hurt func(path string) error
	}{
		{"removed", os.Remove},
		{"damaged", func(path string) error { return os.WriteFile(path, []byte("CBOX"), 0o600) }},
		{"empty", func(path string) error { return os.Truncate(path, 0) }},
		{"cut in the middle", func(path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.Truncate(path, int64(len(b)/2)))
		}},
		{"of another octet", func(path string) error {
			b, err := os.ReadFile(path)
			b[len(b)/2] ^= 1
			return errors.Join(err, os.WriteFile(path, b, 0o600))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			dir := filepath.Join(h.dir, "snapshot")
			h.real = snapshot.OpenFile(dir, h.ring)
			h.start()
			l, content := layerOf(city(t, 99), 1)
			h.putLayer(l, content)
			h.publish()
			if err := c.hurt(filepath.Join(dir, "layers", l.Digest)); err != nil {
				t.Fatal(err)
			}
			h.real = snapshot.OpenFile(dir, h.ring)
			h.start()
			if !h.pub.Restore() {
				t.Fatal("nothing was restored")
			}
			if n := len(h.holder.Load().Layers()); n != 0 || h.site("hq").Key != "hq" {
				t.Errorf("%d layers, want the world without the one", n)
			}
			h.wantAlarms(publish.AlarmFile)
			h.publish()
			if got := h.holder.Load().Layers(); len(got) != 1 || got[0].Content.Streets() != 1 {
				t.Errorf("the layer did not come back: %d", len(got))
			}
			h.real = snapshot.OpenFile(dir, h.ring)
			h.start()
			if h.pub.Restore(); len(h.holder.Load().Layers()) != 1 {
				t.Error("the file does not have the layer again")
			}
			h.wantAlarms()
		})
	}
}

// A content that the database cannot give now, or has damaged, holds back its
// layer alone.
//
// Proves: F-31
func TestAContentThatCannotBeReadHoldsItsLayerAlone(t *testing.T) {
	h := newHouse(t)
	src := &counted{Store: h.store}
	h.publishFrom(src)
	l, content := layerOf(city(t, 99), 1)
	h.putLayer(l, content)
	s := h.site("hq")
	s.Name = "renamed meanwhile"
	h.update(s)
	src.fail = e911.Errorf(e911.Unavailable, "the disk is gone")
	res := h.publishFrom(src)
	if len(res.Held) != 1 || res.Held[0].Ref.Kind != e911.KindLayer || h.site("hq").Name != s.Name {
		t.Errorf("held %+v, and the site is called %s", res.Held, h.site("hq").Name)
	}
	h.wantAlarms(publish.AlarmHeld)
	src.fail = nil
	if res := h.publishFrom(src); len(res.Held) != 0 || len(h.holder.Load().Layers()) != 1 {
		t.Errorf("without any commit: held %+v, %d layers", res.Held, len(h.holder.Load().Layers()))
	}
	h.raised()

	next, content := layerOf(city(t, 199), 2)
	h.putLayer(next, content)
	src.fail = e911.Errorf(e911.Internal, "damaged")
	reads := src.reads
	h.publishFrom(src)
	h.publishFrom(src)
	if got := h.holder.Load().Layers(); src.reads != reads+1 || got[0].Layer.Version != 1 {
		t.Errorf("a damaged content was read %d times, and calls use version %d", src.reads-reads, got[0].Layer.Version)
	}
}
