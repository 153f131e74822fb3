package intake

import (
	"slices"
	"strings"
)

// Sheet is a foreign table: its columns in its own names.
type Sheet struct {
	File       string
	Header     []string
	HeaderLine int
	Rows       []Row
	Text       string // of a text file, as it came

	fold []string // headings as they are compared
	use  []use
}

type use struct {
	taken bool
	why   string
}

// Row is a row of a Sheet; Line is that of the file, from 1.
type Row struct {
	Sheet *Sheet
	Line  int
	Cells []string
}

// Col is a column of a Sheet, from 1; 0 is a column that it has not.
type Col int

func (s *Sheet) begin() {
	s.fold, s.use = make([]string, len(s.Header)), make([]use, len(s.Header))
	for i, h := range s.Header {
		s.fold[i] = fold(h)
	}
}

// fold leaves letters and digits: products and their versions differ in blanks,
// hyphens and capitals ("User ID/Email (Required)", "UserID/Email").
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 0x7f:
			return r
		}
		return -1
	}, s)
}

// Has reports whether the sheet has a column of one of the names.
func (s *Sheet) Has(names ...string) bool { return s.find(names) > 0 }

func (s *Sheet) find(names []string) Col {
	for _, n := range names {
		if i := slices.Index(s.fold, fold(n)); i >= 0 {
			return Col(i + 1)
		}
	}
	return 0
}

// Col finds a column by its names, the best first, and notes that it is read.
func (s *Sheet) Col(names ...string) Col {
	c := s.find(names)
	if c > 0 {
		s.use[c-1].taken = true
	}
	return c
}

// NoPlace notes columns that are known and have no place with us, and why.
func (s *Sheet) NoPlace(why string, names ...string) {
	for _, n := range names {
		if c := s.find([]string{n}); c > 0 && !s.use[c-1].taken {
			s.use[c-1].why = why
		}
	}
}

// unused lists the columns that nothing was taken from.
func (s *Sheet) unused() []Unused {
	var out []Unused
	for i, u := range s.use {
		if u.taken || s.Header[i] == "" {
			continue
		}
		n := 0
		for _, r := range s.Rows {
			if i < len(r.Cells) && strings.TrimSpace(r.Cells[i]) != "" {
				n++
			}
		}
		out = append(out, Unused{File: s.File, Column: s.Header[i], Col: i + 1, Filled: n, Why: u.why})
	}
	return out
}

// Get returns a cell without spaces around it; "" for a column that is not there.
// What PowerShell and databases write for nothing is nothing.
func (r Row) Get(c Col) string {
	if c <= 0 || int(c) > len(r.Cells) {
		return ""
	}
	v := strings.TrimSpace(r.Cells[c-1])
	if len(v) > 1 && v[0] == '\'' && strings.ContainsRune("=+-@", rune(v[1])) {
		v = v[1:] // the guard against formulas that spreadsheets and our exports write
	}
	switch strings.ToLower(v) {
	case "null", "n/a", "(null)", "#n/a":
		return ""
	}
	return v
}

// Verbatim returns a cell letter by letter: port ids and the like.
func (r Row) Verbatim(c Col) string {
	if c <= 0 || int(c) > len(r.Cells) {
		return ""
	}
	return r.Cells[c-1]
}
