package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// The benchmark of imports itself works: every row is stored by both ways in, and
// the numbers add up. It says nothing of how fast.
//
// Proves: W-44, N-18
func TestImportBenchmarkBringsEveryRowIn(t *testing.T) {
	var out bytes.Buffer
	err := RunImport(t.Context(), ImportConfig{Users: 60, Elements: 70, Network: 80, Engines: []string{engineSQLite}, JSON: true, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	var r ImportResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Engines) != 1 || len(r.Engines[0].Tables) != 2 || r.Engines[0].Network == nil {
		t.Fatalf("%+v", r)
	}
	for _, x := range append(r.Engines[0].Tables, *r.Engines[0].Network) {
		if x.RowsPerS <= 0 || x.TotalS <= 0 || x.ApplyS <= 0 || x.PeakMiB <= 0 || x.ReadS+x.CompareS+x.PlanS+x.ApplyS > x.TotalS*1.01 {
			t.Errorf("%+v", x)
		}
	}
	if err := RunImport(t.Context(), ImportConfig{Engines: []string{"paper"}, Stdout: &out}); err == nil {
		t.Error("an engine that there is not")
	}
}

// Proves: W-44
func TestTheTableOfImportsSaysWhatWasNotMeasured(t *testing.T) {
	text := ImportResult{Engines: []EngineImport{
		{Engine: engineSQLite, Tables: []TableImport{{Kind: "users", Rows: 100000, PlanS: 3.21, RowsPerS: 9000, PeakMiB: 700}}, Network: &TableImport{Kind: "network map", Rows: 1000000}},
		{Engine: enginePostgreSQL, Missing: "PostgreSQL is missing"},
	}}.Table()
	for _, want := range []string{"| sqlite | users | 100000 |", "| 3.2 s |", "| sqlite | network map | 1000000 |", "| postgres | not measured: PostgreSQL is missing |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}
