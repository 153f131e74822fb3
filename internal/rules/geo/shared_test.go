package geo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/callbox911/callbox/internal/rules/geo"
)

// atlas reads the counties of us-atlas from the shared reference material.
func atlas(t testing.TB) []geo.County {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sharedDir(t), "data", "boundaries-us", "us-atlas-3.0.1-2017-counties-10m.json"))
	if err != nil {
		t.Skipf("no reference material: %v", err)
	}
	counties, err := geo.DecodeCounties(b)
	if err != nil {
		t.Fatal(err)
	}
	return counties
}

// sharedDir is the folder of the reference material: CALLBOX_SHARED, or shared
// beside the repository.
func sharedDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("CALLBOX_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared")
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no go.mod above the test")
		}
		dir = up
	}
}
