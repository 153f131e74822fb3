// Command proofs lists every requirement, field rule, law and decision with
// the tests that show it, from the lines "// Proves: W-50, F-02, E5" above
// tests; and, where the documents are at hand, those that have no test yet.
package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	provesLine = regexp.MustCompile(`^\s*// Proves: (.+)$`)
	testLine   = regexp.MustCompile(`^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	idForm     = regexp.MustCompile(`\b(?:[WCGPNFD]-\d{2,3}[a-z]?|E(?:1[0-5]|[1-9]))\b`)
	rowID      = regexp.MustCompile(`(?m)^\|\s*([WCGPN]-\d{2,3}[a-z]?)\s*\|`)
	ruleID     = regexp.MustCompile(`(?m)^\*\*(F-\d{2})\b`)
)

func main() {
	proofs, err := collect(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "proofs:", err)
		os.Exit(1)
	}
	ids := slices.SortedFunc(mapKeys(proofs), byID)
	for _, id := range ids {
		fmt.Println(id)
		for _, t := range proofs[id] {
			fmt.Println("    " + t)
		}
	}
	shared := cmp.Or(os.Getenv("CALLBOX_SHARED"), "../shared")
	for _, doc := range []struct {
		file string
		form *regexp.Regexp
	}{{"requirements.md", rowID}, {"field-rules.md", ruleID}} {
		text, err := os.ReadFile(filepath.Join(shared, doc.file))
		if err != nil {
			fmt.Printf("\n%s: not at hand (CALLBOX_SHARED), its ids without a test are not listed\n", doc.file)
			continue
		}
		var none []string
		all := 0
		for _, m := range doc.form.FindAllStringSubmatch(string(text), -1) {
			all++
			if len(proofs[m[1]]) == 0 {
				none = append(none, m[1])
			}
		}
		fmt.Printf("\n%s: %d of %d have a test; without one:\n  %s\n", doc.file, all-len(none), all, strings.Join(none, " "))
	}
}

// collect reads every test file below root.
func collect(root string) (map[string][]string, error) {
	proofs := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		for name, ids := range inFile(string(text)) {
			for _, id := range ids {
				proofs[id] = append(proofs[id], filepath.ToSlash(path)+" "+name)
			}
		}
		return nil
	})
	for _, tests := range proofs {
		slices.Sort(tests)
	}
	return proofs, err
}

// inFile returns the ids that each test of one file claims to prove: a Proves
// line counts for the next test below it.
func inFile(text string) map[string][]string {
	found := map[string][]string{}
	var pending []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := provesLine.FindStringSubmatch(line); m != nil {
			pending = append(pending, idForm.FindAllString(m[1], -1)...)
		} else if m := testLine.FindStringSubmatch(line); m != nil {
			if len(pending) > 0 {
				found[m[1]] = pending
			}
			pending = nil
		}
	}
	return found
}

func mapKeys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// byID sorts laws first, then by letter and number.
func byID(a, b string) int {
	la, na := split(a)
	lb, nb := split(b)
	return cmp.Or(cmp.Compare(la, lb), cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb))
}

func split(id string) (string, string) {
	i := strings.IndexAny(id, "0123456789")
	return id[:i], id[i:]
}
