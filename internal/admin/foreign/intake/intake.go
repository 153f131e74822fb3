package intake

import (
	"fmt"
	"slices"

	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// File is one file as it came. A ZIP holds several.
type File struct {
	Name string
	Data []byte
}

// Options of one reading.
type Options struct {
	// Site is the key of the site of all that comes from a product that has none.
	Site string
	// Zone is the IANA time zone of sites that the files name; none: the sites are
	// made here first.
	Zone string
	// Country is that of addresses that do not say it: US or CA.
	Country string
	// SubnetBits is the size of subnets of which a product tells the first address
	// alone; 0: such rows are left out.
	SubnetBits int
	// Mobility of hardware addresses, where a product does not say whether what
	// they name stays; none: such rows are left out.
	Mobility e911.Mobility
	// As names the format of files whose header does not settle it; by the file's
	// name, or "" for all.
	As map[string]string
	// Rows bounds each file; 0: 2,000,000.
	Rows int
}

// Format is one kind of file of a product.
type Format struct {
	Name  string // "subnets"
	Title string // what it is called there: "Get-CsOnlineLisSubnet"
	// Must are columns that its header has; each is a list of names for one.
	Must [][]string
	// Not are columns that it never has: they would make it another format.
	Not []string
	// Fixed tells a file without columns by its text, instead of Must.
	Fixed func(text string) bool
}

// Origin is a product that people come from.
type Origin struct {
	Key     string // "teams"
	Title   string // "Microsoft Teams"
	Formats []Format
	// Read takes what was recognised, by the name of the format. Sheets of a
	// format come in the order of the files.
	Read func(o *Out, sheets map[string][]*Sheet)
}

// Placed is a table in our columns that knows where each cell came from. Its
// lines are lines of the foreign file.
type Placed struct {
	Kind  sheet.Kind
	Table sheet.Table
	// Cols are, by row, the foreign file's columns, from 1, of the table's; 0: the
	// value is not in the file. Rows may share one list.
	Cols [][]int
}

// Origin returns where a cell of a row came from; col is from 0.
func (p *Placed) Origin(row, col int) change.Origin {
	o := change.Origin{File: p.Table.Name}
	if row < 0 {
		return o
	}
	o.Row = p.Table.Line(row)
	if col >= 0 && row < len(p.Cols) && col < len(p.Cols[row]) {
		o.Col = p.Cols[row][col]
	}
	return o
}

// Row is the index of the row that came from a line of the foreign file; -1 when
// none did.
func (p *Placed) Row(line int) int {
	i, ok := slices.BinarySearch(p.Table.Lines, line)
	if !ok {
		return -1
	}
	return i
}

// Back gives a fault of the table the column of the foreign file: lines are the
// foreign file's already.
func (p *Placed) Back(f e911.Fault) e911.Fault {
	f.File = p.Table.Name
	i := p.Row(f.Row)
	if i < 0 {
		return f
	}
	if f.Col = p.Origin(i, f.Col-1).Col; f.Col > 0 {
		return f
	}
	// It is about a field that the file does not have: a part of the address stands
	// with the others.
	about := slices.Contains(e911.CivicFieldNames(), f.Path)
	for j, h := range p.Table.Header {
		if c := p.Origin(i, j).Col; c > 0 && (f.Col == 0 || about && e911.CivicFieldNames()[0] == h) {
			f.Col = c
		}
	}
	return f
}

// FileReport says what a file was taken for.
type FileReport struct {
	File   string `json:"file"`
	Format string `json:"format"` // "" where it was not recognised
	Title  string `json:"title,omitempty"`
	Rows   int    `json:"rows"`
}

// Unused is a column that nothing was taken from.
type Unused struct {
	File   string `json:"file"`
	Column string `json:"column"`
	Col    int    `json:"col"` // from 1
	Filled int    `json:"filled"`
	// Why is empty for a column that is not known.
	Why string `json:"why,omitempty"`
}

// Note is something that the product has and Callbox has not, or that a person
// must do by hand.
type Note struct {
	File  string `json:"file,omitempty"`
	Text  string `json:"text"`
	Count int    `json:"count,omitempty"` // rows that it is about
}

// Result is what files held.
type Result struct {
	Origin string       `json:"origin"`
	Files  []FileReport `json:"files"`
	Tables []Placed     `json:"-"`
	// Faults are of rows that were left out, Warnings of rows that come over and
	// should be looked at.
	Faults   []e911.Fault `json:"faults,omitempty"`
	Warnings []e911.Fault `json:"warnings,omitempty"`
	Unused   []Unused     `json:"unused,omitempty"`
	Notes    []Note       `json:"notes,omitempty"`
}

// Rows counts the rows of a kind.
func (r *Result) Rows(kind sheet.Kind) int {
	n := 0
	for i := range r.Tables {
		if r.Tables[i].Kind == kind {
			n += len(r.Tables[i].Table.Rows)
		}
	}
	return n
}

// The codes of faults and warnings beside those of package check.
const (
	CodeFile      = "file"          // cannot be read at all
	CodeFormat    = "format"        // no format fits, or several do
	CodeAddress   = "check_address" // an address that a person should look at
	CodeNoPlace   = "no_place"      // a value that has no place here
	CodeUncertain = "uncertain"     // the product does not say what we must know
)

// maxFaults is how many faults, and how many warnings, are told one by one.
const maxFaults = 1000

func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
