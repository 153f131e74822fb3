package sheet_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/sheet"
)

var update = flag.Bool("update", false, "write docs/spreadsheets.md anew")

// The columns in the documentation are those of the importer: go test
// ./internal/admin/sheet -run Documentation -update writes them.
//
// Proves: N-18
func TestTheDocumentationHasTheColumnsOfTheImporter(t *testing.T) {
	const file, heading = "../../../docs/spreadsheets.md", "## Columns\n\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(text), heading)
	if !found {
		t.Fatalf("%s has no heading %q", file, strings.TrimSpace(heading))
	}
	want := before + heading + columnTables()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/spreadsheets.md is not as the columns are; run with -update:\n%s", diff)
	}
	for _, k := range sheet.Kinds() {
		for _, c := range sheet.Columns(k) {
			if c.Help == "" && len(c.Values) == 0 {
				t.Errorf("%s, %s: nobody says what it is", k, c.Name)
			}
		}
	}
}

// columnTables is the list of all columns, a table for each kind, as it stands in
// docs/spreadsheets.md.
func columnTables() string {
	var w strings.Builder
	for i, k := range sheet.Kinds() {
		if i > 0 {
			w.WriteString("\n")
		}
		fmt.Fprintf(&w, "### %s\n\n| column | | also understood |\n|---|---|---|\n", k)
		for _, c := range sheet.Columns(k) {
			fmt.Fprintf(&w, "| `%s` | %s | %s |\n", columnShown(c), columnTold(c), strings.Join(c.Aliases, ", "))
		}
	}
	return w.String()
}

func columnShown(c sheet.Column) string {
	if strings.HasSuffix(c.Name, ":") {
		return c.Name + "KEY"
	}
	return c.Name
}

// told says what a cell of the column is, with the words that it may have.
func columnTold(c sheet.Column) string {
	var marks []string
	for _, m := range []struct {
		on   bool
		word string
	}{{c.Required, "**required**"}, {c.ReadOnly, "only exported"}, {c.Input, "only imported"}, {c.List, "several, with semicolons"}} {
		if m.on {
			marks = append(marks, m.word)
		}
	}
	text := strings.ReplaceAll(c.Help, "|", `\|`)
	if len(c.Values) > 0 {
		values := slices.Clone(c.Values)
		for i, v := range values {
			values[i] = "`" + v + "`"
		}
		text += ": " + strings.Join(values, " ")
	}
	if len(marks) > 0 {
		text += " (" + strings.Join(marks, "; ") + ")"
	}
	return strings.TrimSpace(text)
}
