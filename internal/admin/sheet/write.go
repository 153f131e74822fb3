package sheet

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Format is a file format.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// Export reads what is stored as a table that an import takes back unchanged, in
// order of the first column. Secrets are left out.
func Export(ctx context.Context, view admin.View, org e911.OrgID, kind Kind) (Table, error) {
	return ExportFed(ctx, view, org, kind, nil)
}

// ExportFed is Export with the cells left blank that a directory feeds (C-59): who
// sends the table back changes none of them.
func ExportFed(ctx context.Context, view admin.View, org e911.OrgID, kind Kind, fed map[e911.UserID]admin.Fed) (Table, error) {
	kt := tableOf(kind)
	if kt == nil || org == "" {
		return Table{}, e911.Errorf(e911.Invalid, "an export needs an organisation and a kind of table; %q is none", kind)
	}
	s := newState(ctx, view, org)
	columns := exported(s, kt.columns())
	t := Table{Name: string(kind), Header: names(columns), FirstRow: 2, HeaderRow: 1}
	for _, o := range s.group(kind.Object()).stored {
		t.Rows = append(t.Rows, withoutFed(kt.write(s, o, columns), columns, o.Value, fed))
	}
	if s.err != nil {
		return Table{}, s.err
	}
	slices.SortFunc(t.Rows, slices.Compare[[]string])
	return t, ctx.Err()
}

// withoutFed leaves the cells of a row blank that a directory feeds.
func withoutFed(row []string, columns []Column, value any, fed map[e911.UserID]admin.Fed) []string {
	f, ok := fed[admin.UserOf(value)]
	if !ok {
		return row
	}
	fields := f.Fields
	if n, is := value.(e911.NumberRec); is {
		fields = nil
		if f.Location {
			fields = append(fields, "location")
		}
		if slices.Contains(f.Numbers, n.Number) {
			fields = append(fields, "user")
		}
	}
	for i, c := range columns {
		if i > 0 && slices.Contains(fields, c.Name) {
			row[i] = ""
		}
	}
	return row
}

// exported are the columns of an export: a user has one for each alert rule.
func exported(s *state, all []Column) []Column {
	var out []Column
	for _, c := range all {
		switch {
		case c.Input:
		case c.Name == alertColumn:
			var keys []string
			for key := range s.group(e911.KindAlert).keys {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			for _, key := range keys {
				out = append(out, Column{Name: alertColumn + key, Form: Truth, Help: c.Help})
			}
		default:
			out = append(out, c)
		}
	}
	return out
}

// Write writes a table of our own columns. In CSV, cells that a spreadsheet would
// run or spoil begin with an apostrophe, which Read takes off; XLSX has text cells,
// help on each heading and lists to choose from.
func Write(w io.Writer, f Format, kind Kind, t Table) error {
	switch f {
	case CSV:
		return writeCSV(w, t)
	case XLSX:
		return writeWorkbook(w, kind, t)
	}
	return e911.Errorf(e911.Invalid, "%q is no format: write csv or xlsx", f)
}

// Template writes an empty table with one row of examples, which begins with # and
// is passed over by an import.
func Template(w io.Writer, f Format, kind Kind) error {
	columns := columnsOf(kind)
	if columns == nil {
		return e911.Errorf(e911.Invalid, "%q is no kind of table", kind)
	}
	t := Table{Name: string(kind), Rows: [][]string{nil}}
	for _, c := range columns {
		if c.ReadOnly || c.Name == alertColumn {
			continue
		}
		t.Header = append(t.Header, c.Name)
		t.Rows[0] = append(t.Rows[0], c.Example)
	}
	t.Rows[0][0] = "# " + t.Rows[0][0]
	return Write(w, f, kind, t)
}

func writeCSV(w io.Writer, t Table) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil { // or spreadsheets take UTF-8 for something else
		return fmt.Errorf("write the table: %w", err)
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	cells := make([]string, 0, len(t.Header))
	for i := -1; i < len(t.Rows); i++ {
		row := t.Header
		if i >= 0 {
			row = t.Rows[i]
		}
		cells = cells[:0]
		for _, s := range row {
			cells = append(cells, encode(s))
		}
		if err := c.Write(cells); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// Mend writes, as CSV, the rows of t that have faults, with these in a last column
// "error", so that they can be mended and sent again.
func Mend(w io.Writer, t Table, faults []e911.Fault) error {
	byRow := map[int][]string{}
	for _, f := range faults {
		s := f.Path + ": " + f.Msg
		if f.Path == "" {
			s = f.Msg
		}
		if f.Fix != "" {
			s += " (" + f.Fix + ")"
		}
		byRow[f.Row] = append(byRow[f.Row], s)
	}
	out := Table{Name: t.Name, Header: append(slices.Clone(t.Header), "error")}
	for i, cells := range t.Rows {
		why := byRow[t.Line(i)]
		if len(why) == 0 {
			continue
		}
		row := make([]string, len(out.Header))
		copy(row, cells)
		row[len(row)-1] = strings.Join(why, "; ")
		out.Rows = append(out.Rows, row)
	}
	return writeCSV(w, out)
}

// describe is what a column is, for the help of a workbook and the documents.
func describe(c Column) []string {
	needed, form := "", string(c.Form)
	switch {
	case c.Required:
		needed = "to make one"
	case c.ReadOnly:
		needed = "only shown"
	}
	if len(c.Values) > 0 {
		form = strings.Join(c.Values, ", ")
	} else if c.Form == Truth {
		form = "TRUE, FALSE"
	}
	if c.List {
		form += ", several"
	}
	name := c.Name
	if name == alertColumn {
		name += "KEY"
	}
	return []string{name, needed, form, strings.Join(c.Aliases, ", "), c.Help}
}

func cellName(col, row int) string {
	name := ""
	for n := col; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return fmt.Sprint(name, cmp.Or(row, 1))
}
