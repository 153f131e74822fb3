package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/wire/internal/schemacheck"
)

// example is a line of a VALIDATION.tsv: what the schemas say of a document as
// it was published.
type example struct {
	file    string // below schemas/
	grammar string // "xsd/all.xsd", "rng/lost.rng"
	valid   bool
	doc     []byte

	codec    codec
	value    any
	err      error // of the first step that failed
	written  []byte
	rejected string // by the schema, of what was written
	equal    bool
}

// examples reads the two tables and the HELD and ADR messages of i3, for which
// there is no table: the schema is asked.
func examples(t *testing.T) []*example {
	t.Helper()
	dir := filepath.Join(schemacheck.Shared(t), "schemas")
	var list []*example
	for _, table := range []string{"examples/VALIDATION.tsv", "i3/VALIDATION.tsv"} {
		b, err := os.ReadFile(filepath.Join(dir, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) >= 3 {
				list = append(list, &example{file: f[0], grammar: f[1], valid: f[2] == "VALID"})
			}
		}
	}
	more := map[string][]byte{}
	for _, folder := range []string{"HTTP_HELD", "HTTP_ADR"} {
		files, err := filepath.Glob(filepath.Join(dir, "i3", "messages", folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			rel, _ := filepath.Rel(dir, file)
			list = append(list, &example{file: rel, grammar: "xsd/all.xsd"})
			more[rel] = nil
		}
	}
	for _, e := range list {
		var err error
		if e.doc, err = os.ReadFile(filepath.Join(dir, e.file)); err != nil {
			t.Fatal(err)
		}
		if _, ask := more[e.file]; ask {
			more[e.file] = e.doc
		}
	}
	verdicts := schemacheck.XSD(t, more)
	for _, e := range list {
		if verdict, asked := verdicts[e.file]; asked {
			e.valid = verdict == ""
		}
	}
	return list
}

// same compares values with all that is in them; errors by their text.
var same = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Exporter(func(reflect.Type) bool { return true }),
	cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
}

// run takes the example through reading and writing; validate sets rejected.
func (e *example) run() {
	if e.value, e.err = e.codec.read(e.doc); e.err != nil {
		return
	}
	e.written, e.err = e.codec.write(e.value)
}

// again reads what was written.
func (e *example) again() string {
	v, err := e.codec.read(e.written)
	if err != nil {
		e.err = fmt.Errorf("what was written: %w", err)
		return ""
	}
	diff := cmp.Diff(e.value, v, same)
	e.equal = diff == ""
	return diff
}

// validate asks each grammar once for all that was written.
func validate(t *testing.T, list []*example) {
	t.Helper()
	docs := map[string]map[string][]byte{}
	for _, e := range list {
		if e.written == nil || e.err != nil {
			continue
		}
		g := e.grammarOf()
		if docs[g] == nil {
			docs[g] = map[string][]byte{}
		}
		docs[g][e.file] = e.written
	}
	for g, some := range docs {
		var verdicts map[string]string
		if g == "all.xsd" {
			verdicts = schemacheck.XSD(t, some)
		} else {
			verdicts = schemacheck.RNG(t, g, some)
		}
		for _, e := range list {
			if v, ok := verdicts[e.file]; ok {
				e.rejected = v
			}
		}
	}
}

func (e *example) grammarOf() string { return filepath.Base(e.grammar) }

func mark(ok bool) string {
	if ok {
		return "yes"
	}
	return "NO"
}

// Every example that the schemas accept is read, written to something they
// accept, and read again as an equal value.
//
// Proves: W-31, F-26, E10
func TestPublishedExamplesThatAreValid(t *testing.T) {
	var ours []*example
	others, table := 0, &strings.Builder{}
	fmt.Fprintf(table, "%-80s %-7s %-6s %-6s %s\n", "file", "parsed", "valid", "equal", "by")
	for _, e := range examples(t) {
		if !e.valid {
			continue
		}
		root := rootOf(e.doc)
		if why, ok := notOurs[root]; ok {
			others++
			fmt.Fprintf(table, "%-80s not ours: %s\n", e.file, why)
			continue
		}
		c, ok := codecOf(root)
		if !ok {
			t.Errorf("%s: nobody reads {%s}%s", e.file, root.space, root.local)
			continue
		}
		e.codec = c
		e.run()
		ours = append(ours, e)
	}
	validate(t, ours)
	for _, e := range ours {
		diff, wrote := "", e.written != nil && e.err == nil
		if wrote {
			diff = e.again()
		}
		fmt.Fprintf(table, "%-80s %-7s %-6s %-6s %s\n", e.file, mark(e.value != nil && wrote), mark(wrote && e.rejected == ""), mark(e.equal), e.codec.by)
		switch {
		case e.err != nil:
			t.Errorf("%s: %v", e.file, e.err)
		case e.rejected != "":
			t.Errorf("%s: written, and rejected: %s\n%s", e.file, e.rejected, e.written)
		case diff != "":
			t.Errorf("%s (-read +read again):\n%s", e.file, diff)
		}
	}
	fmt.Fprintf(table, "%d documents, and %d that are not ours", len(ours), others)
	t.Log("\n" + table.String())
	if len(ours) != wantOurs || others != wantOthers {
		t.Errorf("%d documents and %d that are not ours, want %d and %d", len(ours), others, wantOurs, wantOthers)
	}
}

// Each example that the schemas reject is expected to be read all the same or
// to be refused; the list says which, and why.
//
// Proves: W-31, E10, E13
func TestPublishedExamplesThatAreNotValid(t *testing.T) {
	got := map[string]string{}
	var read []*example
	errs := map[string]string{}
	for _, e := range examples(t) {
		if e.valid {
			continue
		}
		root := rootOf(e.doc)
		if _, ok := notOurs[root]; ok {
			got[e.file] = other
			continue
		}
		c, ok := codecOf(root)
		if !ok {
			c = messages // any decoder will do: it must say what is wrong
		}
		e.codec = c
		if e.run(); e.value == nil || reflect.ValueOf(e.value).IsZero() || (e.err != nil && e.written == nil && isRefusal(e)) {
			got[e.file], errs[e.file] = refused, fmt.Sprint(e.err)
			continue
		}
		got[e.file] = tolerated
		if e.err != nil {
			got[e.file], errs[e.file] = readOnly, e.err.Error()
			continue
		}
		if !bytes.HasPrefix(e.written, []byte("<mapping")) { // no root of the grammar
			read = append(read, e)
		}
	}
	validate(t, read)
	for _, e := range read {
		// What was made valid may differ from what came; the list says in what.
		diff := e.again()
		if (diff != "") != (expected[e.file].changed != "") {
			t.Errorf("%s: comes back changed in %q, and is:\n%s", e.file, expected[e.file].changed, diff)
		}
		if e.err != nil {
			t.Errorf("%s: what was written of it is not read: %v\n%s", e.file, e.err, e.written)
		}
		if e.rejected != "" {
			got[e.file], errs[e.file] = carried, e.rejected
		}
	}
	report(t, got, errs)
}

// isRefusal reports whether the decoder, not the encoder, gave the error.
func isRefusal(e *example) bool {
	_, err := e.codec.read(e.doc)
	return err != nil
}

// report holds what happened against the list.
func report(t *testing.T, got, errs map[string]string) {
	t.Helper()
	var files []string
	for file := range got {
		files = append(files, file)
	}
	slices.Sort(files)
	table, counts := &strings.Builder{}, map[string]int{}
	for _, file := range files {
		want, listed := expected[file]
		counts[got[file]]++
		if !listed || want.outcome != got[file] {
			t.Errorf("%s is %s (%s), want %s", file, got[file], errs[file], want.outcome)
		}
		fmt.Fprintf(table, "%-80s %-10s %s\n", file, got[file], want.why)
		if want.changed != "" {
			fmt.Fprintf(table, "%-80s %-10s   comes back changed: %s\n", "", "", want.changed)
		}
		if errs[file] != "" {
			fmt.Fprintf(table, "%-80s %-10s   %s\n", "", "", errs[file])
		}
	}
	for file := range expected {
		if got[file] == "" {
			t.Errorf("%s is on the list and is no longer rejected by the schemas", file)
		}
	}
	fmt.Fprint(table, counts)
	t.Log("\n" + table.String())
	if diff := cmp.Diff(wantCounts, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
