package examples_test

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// The demonstration world, imported over the real layer, published, and
// restored from its file without a database: each location finds its own PSAP.
// Proves: D-07, E3, E15, F-23, W-16
func TestHarborFromFileToPSAP(t *testing.T) {
	if _, err := layers.USCounty("25017"); e911.KindOf(err) == e911.Unavailable && err != nil {
		t.Skipf("no layer: %v", err)
	}
	dir := t.TempDir()
	ring, err := seal.LoadMaster(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(dir, "callbox.db"), ring, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	im, err := world.New(world.Config{Store: st, Layer: layers.USCountyBoundary, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := im.Import(t.Context(), "test", "harbor.yaml", examples.Harbor(), world.Options{})
	if err != nil || len(rep.Warnings) > 0 {
		t.Fatalf("import: %v %v", err, rep.Warnings)
	}
	start := func() (*snapshot.Holder, *publish.Publisher) {
		holder := &snapshot.Holder{}
		pub, err := publish.New(publish.Config{
			Holder: holder, File: snapshot.OpenFile(filepath.Join(dir, "snapshot"), ring), Dir: filepath.Join(dir, "snapshot"), Now: time.Now,
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Alarm: func(a journal.Alarm) { t.Errorf("alarm %s: %s", a.Code, a.Detail) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return holder, pub
	}
	holder, pub := start()
	if pub.Restore() {
		t.Error("there was a file before the first publish")
	}
	if res, err := pub.Publish(t.Context(), st); err != nil || len(res.Held) > 0 {
		t.Fatalf("publish: %+v, %v", res, err)
	}
	digest := holder.Load().Digest()
	st.Close()

	holder, pub = start()
	if !pub.Restore() {
		t.Fatal("nothing was restored")
	}
	s := holder.Load()
	if s.Digest() != digest {
		t.Error("the file holds another world than was published")
	}
	want := map[string]string{
		"mill-1-f1": "psap-middlesex", "mill-1-f2-210": "psap-middlesex", "mill-1-f2-220": "psap-middlesex",
		"mill-1-f3": "psap-middlesex", "mill-2-dock": "psap-middlesex", "pier-4-f5": "psap-suffolk",
	}
	seen := 0
	for o := range s.Orgs() {
		for l := range o.Locations() {
			place, ok := o.Place(l.ID)
			if !ok || !place.Dispatchable {
				t.Errorf("%s is no dispatchable place: %+v", l.Key, place)
			}
			p, ok, _ := s.PSAPs().Find(place, ecrf.Options{DemonstrationAllowed: o.Config().Demonstration})
			if !ok || p.Key != want[l.Key] {
				t.Errorf("%s finds %q, want %q", l.Key, p.Key, want[l.Key])
			}
			if _, ok, _ := s.PSAPs().Find(place, ecrf.Options{}); ok {
				t.Errorf("%s finds a county outside a demonstration", l.Key)
			}
			seen++
		}
	}
	if seen != len(want) {
		t.Errorf("%d locations, want %d", seen, len(want))
	}
	if relay, ok := s.Relay(); !ok || relay.Key != "ecrc" {
		t.Errorf("relay centre = %+v", relay.Key)
	}
}
