package sheet

import (
	"github.com/callbox911/callbox/internal/e911"
)

// Table is one sheet as text: a header and rows, of which each may have fewer or
// more cells than the header.
type Table struct {
	Name   string // of the file, with "#" and the sheet's name where it has several
	Header []string
	Rows   [][]string
	// FirstRow is the line of Rows[0] in the file, from 1, the header's line plus
	// one as a rule. HeaderRow is the header's; 0: FirstRow-1.
	FirstRow, HeaderRow int
	// Lines are the lines of the rows where they do not follow one another: after
	// empty rows and cells with line breaks. Empty: FirstRow and on.
	Lines []int
	// Notices say what was mended in reading; Faults what could not be read. Rows
	// with a fault are not in Rows.
	Notices, Faults []e911.Fault

	// odd marks cells of a spreadsheet that are more than their text, by index of
	// row and column.
	odd map[[2]int]oddity
}

// Line returns the line of Rows[i] in the file.
func (t *Table) Line(i int) int {
	if i < len(t.Lines) {
		return t.Lines[i]
	}
	return max(t.FirstRow, 1) + i
}

// oddity is what a cell is beside its text.
type oddity uint8

const (
	oddDate    oddity = iota + 1 // a date, shown in Table.Rows as 2-Jan
	oddFormula                   // the result of a formula
	oddError                     // #N/A and the like
	oddText                      // looks spoiled, and was kept as text: it is what was meant
)
