package bench

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// The benchmark of boundaries itself works without a peer: every question is
// answered and every number is there. It says nothing of how fast.
//
// Proves: W-10
func TestLostBenchmarkMeasuresWithoutPostGIS(t *testing.T) {
	var out bytes.Buffer
	if err := RunLost(t.Context(), LostConfig{Polygons: 60, Corners: 80, Addresses: 500, Round: 50 * time.Millisecond, NoPeer: true, JSON: true, Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"point_ns", "point_allocs", "lost_rps", "null_rps", "ratio", "validate_per_s", "rss_mib"} {
		v, ok := fields[name].(float64)
		if !ok || v <= 0 && name != "point_allocs" {
			t.Errorf("%s is %v", name, fields[name])
		}
	}
	for _, name := range []string{"postgis_ns", "postgis_ratio"} {
		if v, ok := fields[name]; ok {
			t.Errorf("%s is %v without a peer", name, v)
		}
	}
	var r LostResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.PointAllocs != 0 || r.Synthetic.PointAllocs != 0 || r.Synthetic.Polygons != 60 || r.Synthetic.PointNS <= 0 || r.Table() == "" {
		t.Errorf("%+v", r)
	}
	if err := RunLost(t.Context(), LostConfig{Polygons: 1}); err == nil {
		t.Error("one polygon, and nowhere to write")
	}
}
