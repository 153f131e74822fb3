package sheet

import (
	"encoding/xml"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cell is one cell while it is read.
type cell struct {
	col     int // from 0
	kind    string
	style   int
	formula bool
	text    strings.Builder // of v or t
	in      bool
}

// readSheet reads one sheet; ok is false when there is nothing in it, or it is the
// help that a template brings.
func (w *workbook) readSheet(s sheetPart) (Table, bool, error) {
	r := &reading{l: w.l, left: w.room, t: Table{Name: w.name + "#" + s.name}}
	line, next, stop := 0, 0, false
	var row []string
	var odd map[int]oddity
	c := &cell{}
	phonetic := 0
	err := w.walk(s.part, func(e xml.StartElement) error {
		switch e.Name.Local {
		case "row":
			line++
			if n, err := strconv.Atoi(attr(e, "r")); err == nil && n >= line && n <= 1<<20 {
				line = n
			}
			row, odd, next = nil, nil, 0
		case "c":
			*c = cell{col: next, kind: attr(e, "t")}
			if col, ok := columnIndex(attr(e, "r")); ok {
				c.col = col
			}
			c.style, _ = strconv.Atoi(attr(e, "s"))
			next = c.col + 1
		case "f":
			c.formula = true
		case "v", "t":
			c.in = phonetic == 0
		case "rPh":
			phonetic++
		}
		return nil
	}, func(name string) error {
		switch name {
		case "v", "t":
			c.in = false
		case "rPh":
			phonetic--
		case "c":
			text, what := w.cell(c)
			if text == "" && what == 0 {
				return nil
			}
			c.col = min(c.col, w.l.Columns) // one too far: add says so
			for len(row) <= c.col {
				row = append(row, "")
			}
			row[c.col] = text
			if what != 0 {
				if odd == nil {
					odd = map[int]oddity{}
				}
				odd[c.col] = what
			}
		case "row":
			if !stop && len(row) > 0 {
				stop = !r.add(line, slices.Clone(row), odd)
			}
		}
		return nil
	}, func(p []byte) {
		if c.in && c.text.Len() <= w.l.Cell+64 {
			c.text.Write(p)
		}
	})
	if err == nil {
		err = r.err
	}
	if err != nil {
		return Table{}, false, err
	}
	if r.t.HeaderRow == 0 && len(r.t.Faults) == 0 || slices.Equal(r.t.Header, helpHeader()) {
		return Table{}, false, nil
	}
	t, err := r.done()
	return t, err == nil, err
}

// cell is the text of a cell and what it is beside.
func (w *workbook) cell(c *cell) (string, oddity) {
	text := c.text.String()
	what := oddity(0)
	if c.formula {
		what = oddFormula
		if text == "" {
			return "", oddError
		}
	}
	switch c.kind {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || i < 0 || i >= len(w.strings) {
			return "", oddError
		}
		return w.strings[i], keptAs(w.strings[i], what)
	case "b":
		if text == "1" || text == "true" {
			return "TRUE", what
		}
		return "FALSE", what
	case "e":
		return text, oddError
	case "str", "inlineStr":
		text = unescape(text)
		return text, keptAs(text, what)
	case "d":
		return text, oddDate
	}
	text = strings.TrimSpace(text)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || math.Abs(f) > 1e15 {
		return text, what
	}
	if c.style >= 0 && c.style < len(w.dates) && w.dates[c.style] && f >= 0 && f < 3e6 {
		return w.day(f), oddDate
	}
	return strconv.FormatFloat(f, 'f', -1, 64), what
}

// keptAs marks a cell of text that would be spoiled as anything else.
func keptAs(s string, what oddity) oddity {
	if what == 0 && guarded(s) {
		return oddText
	}
	return what
}

// day writes the serial number of a day as spreadsheets show it.
func (w *workbook) day(serial float64) string {
	first := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if w.since04 {
		first = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return first.AddDate(0, 0, int(serial)).Format("2-Jan")
}

// columnIndex reads the letters of B3, from 0.
func columnIndex(ref string) (int, bool) {
	n, i := 0, 0
	for ; i < len(ref) && ref[i] >= 'A' && ref[i] <= 'Z'; i++ {
		if n = n*26 + int(ref[i]-'A') + 1; n > 1<<14 {
			return 1 << 14, true
		}
	}
	return n - 1, i > 0
}
