package archtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// readSources opens every source, so that the test cache depends on them: a
// forbidden import must not pass as "ok (cached)".
func readSources(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"cmd", "internal", "wire"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			_, err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Proves: E3, E14
func TestNoRoomReachesWhatItMustNot(t *testing.T) {
	readSources(t)
	pkgs, err := List(root, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range Check(pkgs, Rules) {
		t.Error(line)
	}
	// What is let off because it is for tests stays out of the product.
	for _, line := range ForTests(pkgs, "cmd/callbox") {
		t.Error(line)
	}
	// A decoder may keep memory for the next document in a sync.Pool: that
	// decides nothing.
	for room, allowed := range map[string][]string{"internal/rules": nil, "wire": {"sync"}} {
		bad, err := Impure(root, room, allowed...)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range bad {
			t.Errorf("%s is not pure: %s", room, line)
		}
	}
}

// A rule that cannot fail proves nothing: each is broken once in an overlay of
// the real tree, and must be named.
//
// Proves: E3
func TestABrokenRuleIsFound(t *testing.T) {
	breaks := []struct{ room, imports, want string }{
		{"wire/zzbroken", "github.com/google/uuid", "wire/zzbroken reaches github.com/google/uuid"},
		{"internal/rules/zzbroken", Module + "/internal/journal", "internal/rules/zzbroken reaches " + Module + "/internal/journal"},
		{"internal/snapshot/zzbroken", Module + "/internal/journal", "internal/snapshot/zzbroken reaches"},
		{"internal/live/zzbroken", "database/sql", "internal/live/zzbroken reaches database/sql"},
		{"internal/live/zzdisk", Module + "/internal/journal/disk", "internal/live/zzdisk reaches " + Module + "/internal/journal/disk"},
		{"internal/admin/zzbroken", Module + "/internal/store/sqlite", "internal/admin/zzbroken reaches " + Module + "/internal/store/sqlite"},
		{"internal/store/zzbroken", Module + "/internal/notify", "internal/store/zzbroken reaches " + Module + "/internal/notify"},
		{"internal/notify/zzbroken", Module + "/internal/store/sqlite", "internal/notify/zzbroken reaches " + Module + "/internal/store/sqlite"},
		{"internal/web/zzbroken", Module + "/internal/live/sipedge", "internal/web/zzbroken reaches " + Module + "/internal/live/sipedge"},
		{"internal/journal/zzbroken", "github.com/emiago/sipgo/sip", "internal/journal/zzbroken imports github.com/emiago/sipgo/sip"},
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for i, b := range breaks {
		file := filepath.Join(dir, strings.ReplaceAll(b.room, "/", "_")+".go")
		src := "package zz\n\nimport _ \"" + b.imports + "\"\n"
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(abs, breaks[i].room, "zz.go")] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	pkgs, err := List(abs, file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(Check(pkgs, Rules), "\n")
	for _, b := range breaks {
		if !strings.Contains(got, b.want) {
			t.Errorf("%s imports %s and nobody noticed; the check said:\n%s", b.room, b.imports, got)
		}
	}
}

// Proves: E3
func TestImpureCodeIsFound(t *testing.T) {
	dir := t.TempDir()
	src := "package p\n\nimport (\n\t\"os\"\n\t\"sync\"\n\t\"time\"\n)\n\nvar mu sync.Mutex\n\nfunc f() { go f(); _ = time.Now(); _ = os.Args }\n"
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	bad, err := Impure(dir, ".", "sync")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(bad, "\n")
	for _, want := range []string{"imports os", "starts a goroutine", "reads the clock", "uses sync.Mutex"} {
		if !strings.Contains(got, want) {
			t.Errorf("impure source: got %q, want it to say %q", got, want)
		}
	}
}

// Proves: E14
func TestAProgramThatReachesTestsIsFound(t *testing.T) {
	pkgs := map[string]Package{Module + "/cmd/x": {Deps: []string{"fmt", "testing", Module + "/internal/rules/xtest", Module + "/internal/rules/x"}}}
	if bad := ForTests(pkgs, "cmd/x"); len(bad) != 2 {
		t.Errorf("got %q", bad)
	}
}

// Outside of wire/ nobody reads or writes its formats by hand.
//
// Proves: E14
func TestNobodyElseSpeaksTheFormats(t *testing.T) {
	readSources(t)
	bad, err := Handmade(root, "cmd", "internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bad {
		t.Error(line)
	}
}

// Proves: E14
func TestHandmadeFormatsAreFound(t *testing.T) {
	dir := t.TempDir()
	src := "package p\n\nimport _ \"encoding/xml\"\n\nconst a = `<x xmlns=\"urn:ietf:params:xml:ns:pidf\"/>`\n\nconst b = \"http://www.opengis.net/gml\"\n"
	for _, name := range []string{"p.go", "p_test.go"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad, err := Handmade(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(bad, "\n")
	for _, want := range []string{"p.go:3: imports encoding/xml", "p.go:5: has a namespace urn:ietf", "p.go:7: has a namespace http://www.opengis.net/"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to say %q", got, want)
		}
	}
	if strings.Contains(got, "p_test.go") {
		t.Errorf("a test may: got %q", got)
	}
}
