package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: issue 8 (readers and writers): from the command line, without a server:
// another product's files come in as one set, the same files again change nothing,
// and what is written for that product reads back without a change.
func TestForeignFilesComeInAndGoOut(t *testing.T) {
	dir, exported := t.TempDir(), t.TempDir()
	world, err := os.ReadFile("../../examples/harbor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ImportFile(t.Context(), ImportRequest{DataDir: dir, File: "harbor.yaml", Text: world, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob("../admin/foreign/testdata/teams/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	req := ForeignRequest{DataDir: dir, Origin: "teams", Paths: samples, Options: intake.Options{Site: "hq"}, ForeignTarget: ForeignTarget{Org: "harbor"}}
	if _, err := ImportForeign(t.Context(), req); e911.KindOf(err) != e911.Invalid {
		t.Fatalf("files with bad rows give %v, want Invalid", err)
	}
	req.Partial = true
	first, err := ImportForeign(t.Context(), req)
	if err != nil || first.Applied == nil {
		t.Fatalf("nothing came in: %v", err)
	}
	if again, err := ImportForeign(t.Context(), req); err != nil || again.Plan != nil {
		t.Fatalf("the same files again: %v %+v", err, again.Plan)
	}
	out, err := ExportForeign(t.Context(), dir, "teams", "harbor")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.Files {
		if err := os.WriteFile(filepath.Join(exported, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	req.Paths, req.Partial = []string{exported}, false
	if back, err := ImportForeign(t.Context(), req); err != nil || back.Plan != nil {
		t.Fatalf("what was written for Teams: %v, plan %+v", err, back.Plan)
	}
	req.Org = "nobody"
	if _, err := ImportForeign(t.Context(), req); e911.KindOf(err) != e911.NotFound {
		t.Errorf("an organisation that is not there gives %v", err)
	}
	if _, err := ExportForeign(t.Context(), dir, "psali", "harbor"); e911.KindOf(err) != e911.Invalid {
		t.Errorf("a format that is written elsewhere gives %v", err)
	}
}
