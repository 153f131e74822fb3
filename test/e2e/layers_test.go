package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// streetsOf writes a road centre line of so many streets, with Massachusetts
// Avenue as the last when it has one.
func streetsOf(t *testing.T, n int, avenue bool) string {
	t.Helper()
	var features []any
	add := func(name, kind string, lat float64) {
		p := map[string]any{
			"RCL_NGUID": fmt.Sprintf("RCL%d@test.gov", len(features)), "St_Name": name, "St_PosTyp": kind,
			"FromAddr_L": 701, "ToAddr_L": 899, "Parity_L": "O", "FromAddr_R": 0, "ToAddr_R": 0, "Parity_R": "Z",
		}
		for _, side := range []string{"_L", "_R"} {
			p["Country"+side], p["State"+side], p["County"+side], p["IncMuni"+side], p["PostCode"+side] = "US", "MA", "Middlesex County", "Cambridge", "02139"
		}
		features = append(features, map[string]any{
			"type": "Feature", "properties": p, "geometry": map[string]any{"type": "LineString", "coordinates": [][2]float64{{-71.11, lat}, {-71.10, lat}}},
		})
	}
	for i := range n {
		add(fmt.Sprintf("Street%d", i), "Street", 42.30+float64(i)/1e6)
	}
	if avenue {
		add("Massachusetts", "Avenue", 42.3668)
	}
	b, err := json.Marshal(map[string]any{"type": "FeatureCollection", "name": "RoadCenterLine", "features": features})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "RoadCenterLine.geojson")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The server is killed while it applies a layer: afterwards the layer and every
// building are those of before, or all those of after.
//
// Proves: E15, E1
func TestAKillWhileALayerIsApplied(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.launch()
	s.importWorld()
	with, without := streetsOf(t, 20_000, true), streetsOf(t, 20_001, false)
	args := func(file string) []string {
		return []string{"import", "layer", "--data", s.data, "--key", "town", "--grade", "authoritative", "--source", "a test", "--yes", file}
	}
	if out, errs, code := callbox(t, args(with)...); code != 0 {
		t.Fatalf("import layer: exit %d, %s%s", code, out, errs)
	}
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if out, errs, code := callbox(t, args(without)...); code != 0 {
		t.Fatalf("import layer: exit %d, %s%s", code, out, errs)
	}
	took := time.Since(begin)
	version, was := 2, "invalid"
	for k := range 4 {
		file, becomes := with, "valid"
		if was == "valid" {
			file, becomes = without, "invalid"
		}
		cmd := exec.Command(bin, args(file)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Planning takes most of the time, applying the last part of it.
		<-time.After(took/2 + rand.N(took/2))
		s.kill()
		_ = cmd.Wait()
		s.launch()
		var layers []struct {
			Key     string
			Version int
		}
		s.await("the database to be open", func() bool {
			out, _, code := callbox(t, "layers", "--data", s.data, "--json")
			return code == 0 && json.Unmarshal([]byte(out), &layers) == nil
		})
		var list []struct {
			Stale      bool
			Validation struct {
				Verdict string
				Version int
			}
		}
		out, errs, code := callbox(t, "check", "addresses", "--data", s.data, "--json")
		if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list) != 1 || len(layers) != 2 {
			t.Fatalf("kill %d: %v, exit %d, %s%s", k, err, code, out, errs)
		}
		v, got := list[0].Validation, layers[1].Version
		switch {
		case list[0].Stale || v.Version != got:
			t.Errorf("kill %d: version %d of the layer is stored, and the building has %+v (stale: %t)", k, got, v, list[0].Stale)
		case got == version && v.Verdict == was:
		case got == version+1 && v.Verdict == becomes:
			version, was = got, becomes
		default:
			t.Errorf("kill %d: version %d and %s, after %d and %s", k, got, v.Verdict, version, was)
		}
	}
	if out, errs, code := callbox(t, args(streetsOf(t, 3, true))...); code != 0 || !strings.Contains(out, "applied: town version") {
		t.Errorf("afterwards: exit %d, %s%s", code, out, errs)
	}
}
