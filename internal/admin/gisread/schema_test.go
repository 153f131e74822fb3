package gisread

import (
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Every table and every column that NENA publishes for version 3 is known, used
// or not.
//
// Proves: W-09
func TestTheSchemaOfNENAIsKnown(t *testing.T) {
	root := os.Getenv("CALLBOX_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(root, "schemas", "gis", "nena-sta-006.3_flatfile_schema_v3.yaml"))
	if err != nil {
		t.Skipf("the reference material is not here: %v", err)
	}
	var schema struct {
		Fields map[string]any `yaml:"fields"`
		Layers []struct {
			Name string `yaml:"layer_name"`
		} `yaml:"gis_data_layers_registry"`
	}
	if err := yaml.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	// Of tables that are not used (railroads, hydrology, markers).
	idle := map[string]bool{}
	for _, n := range []string{"DM_Ind", "DM_Label", "DM_Rte", "DM_Type", "DM_Unit", "DM_Value", "HP_Name", "HP_Type", "HS_Name", "HS_Type", "LM_Ind", "LM_Label", "LM_Type", "RLName", "RLOp", "RLOwn", "RMPH", "RMPL"} {
		idle[n] = true
	}
	if len(schema.Fields) < 90 {
		t.Fatalf("%d fields in the schema", len(schema.Fields))
	}
	if len(schema.Layers) < 40 {
		t.Fatalf("%d tables in the schema", len(schema.Layers))
	}
	for _, l := range schema.Layers {
		if m, ok := tableMeaning(l.Name); !ok || m.name != l.Name {
			t.Errorf("the table %s is taken for %+v", l.Name, m)
		}
	}
	for name := range schema.Fields {
		if nenaColumns[fold(name)] == colNone && !idle[name] {
			t.Errorf("the column %s is not known", name)
		}
	}
}
