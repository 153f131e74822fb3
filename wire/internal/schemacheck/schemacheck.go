// Package schemacheck asks xmllint and jing, for the tests of the packages
// beside it, whether documents are valid by the published schemas. Each tool
// runs once for all documents of a call: a Java machine for every document
// would eat the time of the tests.
package schemacheck

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Grammars of RNG.
const (
	LoST     = "lost.rng"              // RFC 5222
	LoSTSLB  = "lost-slb-rfc6197.rng"  // with the service list boundary of RFC 6197
	LoSTSync = "lostsync1-rfc6739.rng" // with the sync of RFC 6739
)

// Shared returns the folder of the reference material, schemas/ in it:
// CALLBOX_SHARED, or ../shared beside the repository. Without it the test is
// skipped and says so.
func Shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above this folder")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "schemas", "xsd", "all.xsd")); err != nil {
		t.Skipf("the reference material is not at %s: set CALLBOX_SHARED", dir)
	}
	return dir
}

// XSD validates documents with all XML schemas of the RFCs together (PIDF-LO,
// HELD, measurements, additional data ...) and returns for each name the first
// error, or "" when the document is valid. Every name of docs is in the result.
func XSD(t testing.TB, docs map[string][]byte) map[string]string {
	t.Helper()
	schema := filepath.Join(Shared(t), "schemas", "xsd", "all.xsd")
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	return run(t, docs, lint, "--nonet", "--noout", "--huge", "--schema", schema)
}

// RNG validates documents with one grammar (LoST, LoSTSLB, LoSTSync) and
// returns what XSD returns.
func RNG(t testing.TB, grammar string, docs map[string][]byte) map[string]string {
	t.Helper()
	schema := filepath.Join(Shared(t), "schemas", "rng", grammar)
	jing, err := exec.LookPath("jing")
	if err != nil {
		t.Skip("jing is not installed (Debian package jing)")
	}
	// jing ends at the first document that is not well-formed.
	result, formed := map[string]string{}, map[string][]byte{}
	for name, doc := range docs {
		if _, err := xmltok.Parse(doc, xmltok.Limits{Bytes: 16 << 20, Nodes: 1 << 20, Depth: 64, Attr: 1 << 20, Bound: true}); err != nil {
			result[name] = err.Error()
			continue
		}
		formed[name] = doc
	}
	maps.Copy(result, run(t, formed, jing, schema))
	return result
}

// Check fails the test for every document that is not valid in a result.
func Check(t testing.TB, result map[string]string, docs map[string][]byte) {
	t.Helper()
	for _, name := range names(docs) {
		if e := result[name]; e != "" {
			t.Errorf("%s is not valid: %s\n%s", name, e, docs[name])
		}
	}
}

func names(docs map[string][]byte) []string {
	var list []string
	for name := range docs {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// verdict finds the number of the document and the message in a line such as
// "/tmp/x/d0003.xml:5: element b: Schemas validity error : ...".
var verdict = regexp.MustCompile(`d(\d{5})\.xml[: ](.*)$`)

func run(t testing.TB, docs map[string][]byte, tool string, args ...string) map[string]string {
	t.Helper()
	result := map[string]string{}
	if len(docs) == 0 {
		return result
	}
	list, dir := names(docs), t.TempDir()
	for i, name := range list {
		file := filepath.Join(dir, fmt.Sprintf("d%05d.xml", i))
		if err := os.WriteFile(file, docs[name], 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
		result[name] = ""
	}
	out, err := exec.Command(tool, args...).CombinedOutput()
	said := 0
	for line := range strings.Lines(string(out)) {
		m := verdict.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[2] == "validates" || strings.Contains(m[2], "namespace warning") {
			continue
		}
		var i int
		if _, err := fmt.Sscanf(m[1], "%d", &i); err != nil || i >= len(list) {
			continue
		}
		if said++; result[list[i]] == "" {
			result[list[i]] = m[2]
		}
	}
	if err != nil && said == 0 {
		t.Fatalf("%s: %v\n%s", filepath.Base(tool), err, out)
	}
	return result
}
