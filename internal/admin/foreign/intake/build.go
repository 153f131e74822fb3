package intake

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// Cell is a value of one of our columns and the foreign column that it was
// taken from; 0: it is not in the file.
type Cell struct {
	Column string
	Value  string
	From   Col
}

// Out collects what the files of one reading hold.
type Out struct {
	opt      Options
	tables   []*table
	byFile   map[tableID]*table
	seen     map[seenID]seen
	faults   faultList
	warnings faultList
	notes    []Note
	noteAt   map[Note]int
}

type tableID struct {
	kind sheet.Kind
	file string
}

type seenID struct {
	kind sheet.Kind
	key  string
}

type seen struct {
	cells []Cell
	row   Row
	table *table
	at    int // in the table's rows
}

type table struct {
	tableID
	rows []outRow
}

type outRow struct {
	line  int
	cells []Cell
	gone  bool // another row contradicts it
}

func newOut(opt Options) *Out {
	if opt.Rows <= 0 {
		opt.Rows = defaultRows
	}
	return &Out{opt: opt, byFile: map[tableID]*table{}, seen: map[seenID]seen{}, noteAt: map[Note]int{}}
}

// Options returns those of the reading.
func (o *Out) Options() Options { return o.opt }

// faultList bounds what is told one by one.
type faultList struct {
	list   []e911.Fault
	beyond int
}

func (l *faultList) add(faults ...e911.Fault) {
	for _, f := range faults {
		if n := len(l.list); n > 0 && l.list[n-1] == f {
			continue
		}
		if len(l.list) == maxFaults {
			l.beyond++
			continue
		}
		l.list = append(l.list, f)
	}
}

func (l *faultList) sorted() []e911.Fault {
	slices.SortStableFunc(l.list, func(a, b e911.Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
	})
	if l.beyond > 0 {
		l.list = append(l.list, e911.Fault{Code: "more", Msg: fmt.Sprintf("there are %d more like these", l.beyond), Fix: "see to these first"})
	}
	return l.list
}

// Fault tells of a row that is left out.
func (o *Out) Fault(r Row, c Col, code, msg, fix string) {
	o.faults.add(fault(r, c, code, msg, fix))
}

// Warn tells of a row that comes over and should be looked at.
func (o *Out) Warn(r Row, c Col, code, msg, fix string) {
	o.warnings.add(fault(r, c, code, msg, fix))
}

func fault(r Row, c Col, code, msg, fix string) e911.Fault {
	f := e911.Fault{File: r.Sheet.File, Row: r.Line, Col: max(int(c), 1), Code: code, Msg: msg, Fix: fix}
	if c > 0 && int(c) <= len(r.Sheet.Header) {
		f.Path = r.Sheet.Header[c-1]
	}
	return f
}

// FileFault tells of a whole file that is left out.
func (o *Out) FileFault(file, code, msg, fix string) {
	o.faults.add(e911.Fault{File: file, Row: 1, Col: 1, Code: code, Msg: msg, Fix: fix})
}

// Note tells what has no place here, or must be done by hand; rows of the same
// text are counted.
func (o *Out) Note(file, text string, rows int) {
	n := Note{File: file, Text: text}
	i, ok := o.noteAt[n]
	if !ok {
		i = len(o.notes)
		o.noteAt[n] = i
		o.notes = append(o.notes, n)
	}
	o.notes[i].Count += rows
}

// Put adds a row to the table of the kind. Key is what the object is known by:
// the same key with the same values is the same object, and told once; with
// others it is a fault. Of a network element or a number that stands at two places
// neither comes over: which one is true, nobody here knows (F-19). It reports
// whether the object is in the tables.
func (o *Out) Put(kind sheet.Kind, key string, r Row, cells ...Cell) bool {
	cells = slices.DeleteFunc(cells, func(c Cell) bool { return c.Value == "" })
	id := seenID{kind, key}
	if have, ok := o.seen[id]; ok {
		for _, c := range cells {
			i := slices.IndexFunc(have.cells, func(h Cell) bool { return h.Column == c.Column })
			if i >= 0 && have.cells[i].Value == c.Value {
				continue
			}
			o.twice(r, have, cells, c, kind)
			return false
		}
		return true
	}
	tid := tableID{kind, r.Sheet.File}
	t := o.byFile[tid]
	if t == nil {
		t = &table{tableID: tid}
		o.byFile[tid] = t
		o.tables = append(o.tables, t)
	}
	o.seen[id] = seen{cells, r, t, len(t.rows)}
	t.rows = append(t.rows, outRow{line: r.Line, cells: cells})
	return true
}

// twice tells of two rows that contradict each other.
func (o *Out) twice(r Row, have seen, cells []Cell, c Cell, kind sheet.Kind) {
	say := func(at, other Row, col Col) {
		where := fmt.Sprintf("line %d", other.Line)
		if other.Sheet.File != at.Sheet.File {
			where += " of " + other.Sheet.File
		}
		o.Fault(at, col, check.Duplicate, fmt.Sprintf("the same stands in %s, with another %s", where, c.Column), "keep one of the two there, and export again")
	}
	say(r, have.row, max(c.From, cells[0].From))
	if kind != sheet.Elements && kind != sheet.Numbers {
		return
	}
	if first := &have.table.rows[have.at]; !first.gone {
		first.gone = true
		say(have.row, r, have.cells[0].From)
	}
}

// Seen reports whether an object of the key came.
func (o *Out) Seen(kind sheet.Kind, key string) bool {
	_, ok := o.seen[seenID{kind, key}]
	return ok
}

// result makes the tables, in the order in which they can be imported.
func (o *Out) result() Result {
	res := Result{Faults: o.faults.sorted(), Warnings: o.warnings.sorted(), Notes: o.notes}
	kinds := sheet.Kinds()
	slices.SortStableFunc(o.tables, func(a, b *table) int {
		return cmp.Compare(slices.Index(kinds, a.kind), slices.Index(kinds, b.kind))
	})
	for _, t := range o.tables {
		t.rows = slices.DeleteFunc(t.rows, func(r outRow) bool { return r.gone })
		slices.SortStableFunc(t.rows, func(a, b outRow) int { return cmp.Compare(a.line, b.line) })
		if len(t.rows) > 0 {
			res.Tables = append(res.Tables, t.placed())
		}
	}
	return res
}

func (t *table) placed() Placed {
	at := map[string]int{}
	for _, r := range t.rows {
		for _, c := range r.cells {
			at[c.Column] = 0
		}
	}
	header := ordered(t.kind, slices.Collect(maps.Keys(at)))
	for i, h := range header {
		at[h] = i
	}
	p := Placed{Kind: t.kind, Table: sheet.Table{Name: t.file, Header: header, Rows: make([][]string, len(t.rows)), Lines: make([]int, len(t.rows))}}
	p.Cols = make([][]int, len(t.rows))
	for i, r := range t.rows {
		cells, cols := make([]string, len(header)), make([]int, len(header))
		for _, c := range r.cells {
			cells[at[c.Column]], cols[at[c.Column]] = c.Value, int(c.From)
		}
		p.Table.Rows[i], p.Table.Lines[i] = cells, r.line
		if i > 0 && slices.Equal(cols, p.Cols[i-1]) {
			cols = p.Cols[i-1]
		}
		p.Cols[i] = cols
	}
	if len(t.rows) > 0 {
		p.Table.FirstRow, p.Table.HeaderRow = t.rows[0].line, 1
	}
	return p
}

// ordered brings columns into the order of the kind's; the key first, what is
// unknown there last.
func ordered(kind sheet.Kind, names []string) []string {
	rank := map[string]int{}
	for i, c := range sheet.Columns(kind) {
		rank[c.Name] = i + 1
	}
	for i, c := range e911.CivicFieldNames() {
		if rank[c] == 0 {
			rank[c] = 1000 + i
		}
	}
	place := func(n string) int {
		switch r, ok := rank[n]; {
		case n == "key":
			return 0
		case ok:
			return r
		}
		return 900
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) })
	return names
}
