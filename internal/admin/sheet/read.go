package sheet

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// CodeTable is the code of a fault of the file itself: it is no table, or one that
// cannot be read to its end. The other codes are those of package check.
const CodeTable = "table"

// Read reads CSV or XLSX, whichever it is, into one table a sheet, within the
// default Limits. Size is what the sender says, or -1; it is not believed. An
// Invalid error says what cannot be read at all; faults of rows are in the tables.
// Other errors are r's.
func Read(name string, r io.Reader, size int64) ([]Table, error) {
	return ReadWithin(Limits{}, name, r, size)
}

// ReadWithin is Read within other limits. It holds the file and its tables in
// memory, never more than Limits.Bytes and four times that: a file of a few
// octets a cell has more in memory than on disk.
func ReadWithin(l Limits, name string, r io.Reader, size int64) ([]Table, error) {
	l = l.filled()
	tooLarge := refused(name, check.Range, fmt.Sprintf("the file has more than %d MiB", l.Bytes>>20), "split it, by site for instance")
	if size > l.Bytes {
		return nil, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(r, l.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > l.Bytes {
		return nil, tooLarge
	}
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return readWorkbook(l, name, data)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return nil, refused(name, CodeTable, "the workbook is encrypted, or of a kind before 2007", "save it without a password as .xlsx, or as CSV UTF-8")
	case bytes.HasPrefix(data, []byte("%PDF")), bytes.HasPrefix(bytes.ToLower(data[:min(len(data), 64)]), []byte("<")):
		return nil, refused(name, CodeTable, "this is a document, not a table", "save the table as .xlsx or as CSV UTF-8")
	}
	t, err := readCSV(l, name, data)
	if err != nil {
		return nil, err
	}
	return []Table{t}, nil
}

// Pick returns the table of a kind: the sheet of that name, else the only one.
func Pick(tables []Table, kind Kind) (Table, error) {
	if len(tables) == 1 {
		return tables[0], nil
	}
	var names []string
	for _, t := range tables {
		_, sheet, _ := strings.Cut(t.Name, "#")
		if strings.EqualFold(sheet, string(kind)) {
			return t, nil
		}
		names = append(names, sheet)
	}
	file := ""
	if len(tables) > 0 {
		file, _, _ = strings.Cut(tables[0].Name, "#")
	}
	return Table{}, refused(file, CodeTable, fmt.Sprintf("none of the sheets %q is called %s", names, kind), "name the sheet "+string(kind)+", or send it alone")
}

func refused(file, code, msg, fix string) error {
	return &e911.Error{Kind: e911.Invalid, Msg: "the table cannot be read", Faults: []e911.Fault{{File: file, Row: 1, Col: 1, Code: code, Msg: msg, Fix: fix}}}
}

// reading collects the rows of one table.
type reading struct {
	l    Limits
	t    Table
	left *int64 // octets of memory that the tables of the file may still take
	full bool
	err  error // why nothing of the file is taken
}

// What is held in memory beside the text of a cell, in octets.
const (
	cellCost = 16
	oddCost  = 64
)

// room is the memory for the tables of one file.
func (l Limits) room() *int64 {
	n := 3 * l.Bytes
	return &n
}

func (r *reading) fault(line, col int, code, msg, fix string) {
	if len(r.t.Faults) >= r.l.Faults {
		file, _, _ := strings.Cut(r.t.Name, "#")
		r.full, r.err = true, refused(file, check.Range, fmt.Sprintf("more than %d rows cannot be read; the last is row %d", r.l.Faults, line), "look at the first rows and how the file was saved; it is the same fault in most of them")
		return
	}
	r.t.Faults = append(r.t.Faults, e911.Fault{File: r.t.Name, Row: line, Col: max(col, 1), Code: code, Msg: msg, Fix: fix})
}

func (r *reading) notice(line, col int, code, msg string) {
	r.t.Notices = append(r.t.Notices, e911.Fault{File: r.t.Name, Row: line, Col: max(col, 1), Code: code, Msg: msg})
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// add takes one row; the first with anything in it is the header. It reports
// whether there may be more. The cells are kept.
func (r *reading) add(line int, cells []string, odd map[int]oddity) bool {
	for len(cells) > 0 && blank(cells[len(cells)-1]) {
		cells = cells[:len(cells)-1]
	}
	switch {
	case r.full:
		return false
	case len(cells) == 0:
		return true // spreadsheets leave empty rows
	case len(cells) > r.l.Columns:
		r.fault(line, r.l.Columns+1, check.Range, fmt.Sprintf("the row has more than %d cells", r.l.Columns), "remove what does not belong to the table")
		return r.t.HeaderRow > 0 && !r.full
	case r.t.HeaderRow == 0:
		r.t.HeaderRow = line
		for i, h := range cells {
			cells[i] = strings.TrimSpace(strings.TrimLeft(unquote(clean(decode(h))), "#"))
		}
		r.t.Header = cells
		return true
	case len(r.t.Rows) >= r.l.Rows:
		r.fault(line, 1, check.Range, fmt.Sprintf("the table has more than %d rows", r.l.Rows), "split it, or import it from the command line")
		r.full = true
		return false
	}
	for i, s := range cells {
		if len(s) > r.l.Cell {
			r.fault(line, i+1, check.Range, fmt.Sprintf("the cell has more than %d octets", r.l.Cell), "look for a quotation mark that is missing")
			return !r.full
		}
		if cells[i] = decode(s); cells[i] != s && odd[i] == 0 {
			if odd == nil {
				odd = map[int]oddity{}
			}
			odd[i] = oddText
		}
	}
	if len(cells) > len(r.t.Header) {
		r.fault(line, len(r.t.Header)+1, CodeTable, fmt.Sprintf("the row has %d cells, the header %d", len(cells), len(r.t.Header)), "put a cell that holds the separator in quotes")
		return !r.full
	}
	if !r.held(line, cells, odd) {
		return false
	}
	at := len(r.t.Rows)
	for col, what := range odd {
		if r.t.odd == nil {
			r.t.odd = map[[2]int]oddity{}
		}
		r.t.odd[[2]int{at, col}] = what
	}
	r.t.Rows = append(r.t.Rows, cells)
	r.t.Lines = append(r.t.Lines, line)
	return true
}

// held counts what a row takes of the memory.
func (r *reading) held(line int, cells []string, odd map[int]oddity) bool {
	n := int64(len(cells)*cellCost + len(odd)*oddCost)
	for _, s := range cells {
		n += int64(len(s))
	}
	if *r.left -= n; *r.left >= 0 {
		return true
	}
	file, _, _ := strings.Cut(r.t.Name, "#")
	r.full, r.err = true, refused(file, check.Range, fmt.Sprintf("the tables of the file take more memory than they may; row %d is the first that has no room", line), "split it, and remove columns that belong to nothing")
	return false
}

// done is the table that was read.
func (r *reading) done() (Table, error) {
	if r.err != nil {
		return Table{}, r.err
	}
	if r.t.HeaderRow == 0 {
		file, _, _ := strings.Cut(r.t.Name, "#")
		if len(r.t.Faults) > 0 {
			return Table{}, &e911.Error{Kind: e911.Invalid, Msg: "the table cannot be read", Faults: r.t.Faults}
		}
		return Table{}, refused(file, CodeTable, "there is no header", "begin with the names of the columns, as in the template")
	}
	r.t.FirstRow = r.t.HeaderRow + 1
	if len(r.t.Lines) > 0 {
		r.t.FirstRow = r.t.Lines[0]
	}
	r.t.Rows, r.t.Lines = slices.Clip(r.t.Rows), slices.Clip(r.t.Lines)
	return r.t, nil
}
