package layers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// Proves: F-23
func TestWithoutTheLayerItSaysWhatToDo(t *testing.T) {
	_, err := read(fstest.MapFS{"dist/README.md": {Data: []byte("x")}})
	if e911.KindOf(err) != e911.Unavailable || !strings.Contains(err.Error(), "run make") {
		t.Errorf("error %v, want Unavailable that says run make", err)
	}
	_, err = read(fstest.MapFS{"dist/counties-10m.json": {Data: []byte("<html>")}})
	if err == nil || e911.KindOf(err) == e911.Unavailable {
		t.Errorf("error %v, want one about a layer that cannot be read", err)
	}
}

// Proves: F-23
func TestCountiesHaveAreaAndName(t *testing.T) {
	all := fromShared(t)
	b, area, err := find(all, "25017")
	if err != nil {
		t.Fatal(err)
	}
	if want := (e911.Boundary{USCounty: "25017", State: "MA", County: "Middlesex"}); b != want {
		t.Errorf("boundary %+v, want %+v", b, want)
	}
	if !b.Demonstration() {
		t.Error("a county is not marked as a demonstration layer")
	}
	if !geo.Contains(area, e911.Point{Lat: 42.36684, Lon: -71.10565}) || geo.Contains(area, e911.Point{Lat: 42.3601, Lon: -71.0589}) {
		t.Error("Middlesex does not hold Cambridge, or holds Boston")
	}
	for _, c := range []struct {
		name, fips string
		kind       e911.Kind
	}{
		{"too short", "2501", e911.Invalid},
		{"letters", "2501x", e911.Invalid},
		{"no such county", "99999", e911.NotFound},
		{"collapsed at this scale", "51610", e911.NotFound},
	} {
		if _, _, err := find(all, c.fips); e911.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %s", c.name, err, c.kind)
		}
	}
	// Fairfax County and the City of Fairfax.
	for _, fips := range []string{"51059", "51600"} {
		if b, _, err := find(all, fips); err != nil || b.County != "" || b.State != "" {
			t.Errorf("%s: %+v, %v, want no name: two have it", fips, b, err)
		}
	}
}

// Proves: F-23
func TestBuiltInLayer(t *testing.T) {
	if _, err := dist.ReadFile("dist/counties-10m.json"); err != nil {
		if _, err := USCounty("25017"); e911.KindOf(err) != e911.Unavailable {
			t.Errorf("error %v, want Unavailable", err)
		}
		t.Skip("the layer is not built in: make puts it there")
	}
	m, err := USCounty("25017")
	if err != nil || len(m) == 0 {
		t.Fatalf("USCounty = %v, %v", m, err)
	}
}

func fromShared(t *testing.T) map[string]county {
	t.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared") // beside the repository
	}
	b, err := os.ReadFile(filepath.Join(dir, "data", "boundaries-us", "us-atlas-3.0.1-2017-counties-10m.json"))
	if err != nil {
		t.Skipf("no reference material: %v", err)
	}
	all, err := read(fstest.MapFS{"dist/counties-10m.json": {Data: b}})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
