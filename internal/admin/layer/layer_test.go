package layer_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
)

func now() time.Time { return storetest.Epoch }

func noCounty(string) (e911.Boundary, e911.MultiPolygon, error) {
	return e911.Boundary{}, nil, e911.Errorf(e911.NotFound, "no county in this test")
}

// cambridge is the published data of the city.
func cambridge(t *testing.T, files ...string) []string {
	t.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	for i, f := range files {
		files[i] = filepath.Join(dir, "data", "ng911-gis-cambridge-ma", f)
		if _, err := os.Stat(files[i]); err != nil {
			t.Skipf("no reference material: %v", err)
		}
	}
	return files
}

// From the city's files to a validated building, and back: the plan shows what
// changes, it is applied whole, and a disk that fails half-way leaves the old.
//
// Proves: E15, W-09, N-38
func TestALayerFromFileToBuilding(t *testing.T) {
	files := cambridge(t, "RoadCenterLine.geojson", "PsapBoundary.geojson")
	disk := &faultdriver.Disk{}
	st, err := sqlite.New(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "callbox.db"), Ring: storetest.Ring(t), Now: now, Wrap: disk.Wrap})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	shelf := layer.NewShelf(st, nil, nil)
	p, err := layer.New(layer.Config{Store: st, Shelf: shelf, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ed, err := edit.New(edit.Config{Store: st, Layer: noCounty, Layers: shelf, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	org, err := ed.Orgs.Create(t.Context(), "test", e911.Org{Key: "harbor", Name: "Harbor"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := ed.Sites.Create(t.Context(), "test", e911.Site{
		Org: org.Value.ID, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone,
	})
	if err != nil {
		t.Fatal(err)
	}
	house := func(key, number string) e911.Building {
		return e911.Building{Org: org.Value.ID, Site: site.Value.ID, Key: key, Name: "Hall " + key, Address: e911.Civic{
			Country: "US", A1: "MA", A3: "Cambridge", RD: "Massachusetts", STS: "Ave", HNO: number, PC: "02139",
		}}
	}
	b, err := ed.Buildings.Create(t.Context(), "test", house("hall", "795"))
	if err != nil || b.Value.Validation.Verdict != e911.VerdictUnverified || b.Value.Point != nil {
		t.Fatalf("without a layer: %+v, %v", b.Value.Validation, err)
	}
	req := layer.Request{Key: "cambridge-ma", Name: "Cambridge", Source: "the city", Grade: e911.GradeReference, Files: files}
	plan, err := p.Plan(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Counts.Verdicts != 1 || plan.Counts.Valid != 1 || len(plan.Effects) != 1 || plan.Layer.Streets == 0 {
		t.Errorf("the plan says %+v, %+v", plan.Counts, plan.Effects)
	}
	if again, err := p.Plan(t.Context(), req); err != nil || again.Hash != plan.Hash {
		t.Errorf("a second plan has the hash %s, %v, want %s", again.Hash, err, plan.Hash)
	}
	// Half-way the disk fails: nothing is changed.
	disk.Fail(syscall.EIO, faultdriver.Commit)
	if _, err := p.Apply(t.Context(), "test", plan.Hash); e911.KindOf(err) != e911.Unavailable || err == nil {
		t.Errorf("on a disk that fails: %v", err)
	}
	disk.Heal()
	if all, err := p.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d layers after a disk that failed, %v", len(all), err)
	}
	if _, err := p.Apply(t.Context(), "test", "0123456789abcdef"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("another hash: %v", err)
	}
	if res, err := p.Apply(t.Context(), "test", plan.Hash); err != nil || res.Buildings != 1 {
		t.Fatalf("apply: %+v, %v", res, err)
	}
	b, err = ed.Buildings.Get(t.Context(), org.Value.ID, string(b.Value.ID))
	if v := b.Value.Validation; err != nil || v.Verdict != e911.VerdictValid || v.Layer != "cambridge-ma" || v.Entered.STS != "Ave" || b.Value.Point == nil {
		t.Errorf("with the layer: %+v, %v", b.Value, err)
	}
	_, err = ed.Buildings.Create(t.Context(), "test", house("wrong", "99795"))
	faults := e911.FaultsOf(err)
	if len(faults) != 1 || faults[0].Path != "address.HNO" || !strings.Contains(faults[0].Fix, "did you mean") {
		t.Errorf("a number that does not exist: %+v", faults)
	}
	// Without the layer the building is what it was.
	plan, err = p.PlanRemoval(t.Context(), "cambridge-ma")
	if err != nil || plan.Counts.Unverified != 1 || plan.Counts.Verdicts != 1 || !plan.Effects[0].PointLost {
		t.Fatalf("the plan of a removal: %+v, %v", plan.Effects, err)
	}
	if _, err := p.Apply(t.Context(), "test", plan.Hash); err != nil {
		t.Fatal(err)
	}
	b, _ = ed.Buildings.Get(t.Context(), org.Value.ID, string(b.Value.ID))
	if b.Value.Address.STS != "Ave" || b.Value.Point != nil || b.Value.Validation.Verdict != e911.VerdictUnverified {
		t.Errorf("after the removal: %+v", b.Value)
	}
	if _, err := st.LayerBlob(t.Context(), plan.Layer.Digest); e911.KindOf(err) != e911.NotFound {
		t.Errorf("what the layer held is still there: %v", err)
	}
}
