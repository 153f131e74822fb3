package sheet

import (
	"encoding/binary"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func readCSV(l Limits, name string, data []byte) (Table, error) {
	r := &reading{l: l, left: l.room(), t: Table{Name: name}}
	text, how, ok := toUTF8(data)
	if !ok {
		return Table{}, refused(name, CodeTable, "this is neither a spreadsheet nor text", "save the sheet as .xlsx or as CSV UTF-8")
	}
	if how != "" {
		r.notice(1, 1, "encoding", "the file was read as "+how+"; look at letters with accents, or save it as CSV UTF-8")
	}
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	sep, skip := separator(text)
	text = text[skip:]
	c := csv.NewReader(strings.NewReader(text))
	c.FieldsPerRecord, c.Comma = -1, sep
	shift := 0
	if skip > 0 {
		shift = 1
	}
	for {
		cells, err := c.Read()
		if err == io.EOF {
			break
		}
		if p, bad := errors.AsType[*csv.ParseError](err); bad {
			if errors.Is(err, csv.ErrQuote) {
				r.fault(p.StartLine+shift, p.Column, CodeTable, "a quotation mark is opened and not closed, or something stands behind it: nothing below can be read", `write "" for a quotation mark inside quotes`)
				break
			}
			r.fault(p.StartLine+shift, p.Column, CodeTable, "a quotation mark stands inside a cell that does not begin with one", `put the whole cell in quotes, and write "" for the mark`)
			if r.full {
				break
			}
			continue
		}
		if err != nil {
			return Table{}, refused(name, CodeTable, "this is no CSV: "+err.Error(), "save the sheet as CSV UTF-8")
		}
		line, _ := c.FieldPos(0)
		odd := formulas(cells)
		if !r.add(line+shift, cells, odd) {
			break
		}
	}
	return r.done()
}

// formulas finds what would be run by a spreadsheet; ="02139", which people write
// so that the zero stays, is its text.
func formulas(cells []string) (odd map[int]oddity) {
	for i, s := range cells {
		if !strings.HasPrefix(s, "=") {
			continue
		}
		if inner, ok := strings.CutPrefix(s, `="`); ok && strings.HasSuffix(inner, `"`) && strings.Count(inner, `"`) == 1 {
			// The apostrophe is taken off again where it stands for nothing.
			cells[i] = encodeText(strings.TrimSuffix(inner, `"`))
			continue
		}
		if odd == nil {
			odd = map[int]oddity{}
		}
		odd[i] = oddError
	}
	return odd
}

// separator finds what stands between the cells of the first line: spreadsheets
// write a semicolon where the comma is the decimal sign. Skip is the length of a
// line "sep=;", which says it.
func separator(text string) (sep rune, skip int) {
	if rest, ok := strings.CutPrefix(text, "sep="); ok {
		if line, _, more := strings.Cut(rest, "\n"); more {
			if s := []rune(strings.TrimSuffix(line, "\r")); len(s) == 1 && strings.ContainsRune(",;\t|", s[0]) {
				return s[0], len("sep=") + len(line) + 1
			}
		}
	}
	head := strings.TrimLeft(text[:min(len(text), 64<<10)], "\r\n")
	counts, quoted := map[rune]int{}, false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			head = ""
		case strings.ContainsRune(",;\t|", c):
			counts[c]++
		}
		if head == "" {
			break
		}
	}
	sep = ','
	for _, c := range ";\t|" {
		if counts[c] > counts[sep] {
			sep = c
		}
	}
	return sep, 0
}

// toUTF8 finds out in what the text is written. How is empty for UTF-8.
func toUTF8(data []byte) (text, how string, ok bool) {
	switch {
	case len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf":
		data = data[3:]
	case len(data) >= 2 && data[0] == 0xff && data[1] == 0xfe:
		return fromUTF16(data[2:], binary.LittleEndian), "UTF-16", true
	case len(data) >= 2 && data[0] == 0xfe && data[1] == 0xff:
		return fromUTF16(data[2:], binary.BigEndian), "UTF-16", true
	case len(data) >= 4 && data[1] == 0 && data[3] == 0 && data[0] != 0:
		return fromUTF16(data, binary.LittleEndian), "UTF-16", true
	case len(data) >= 4 && data[0] == 0 && data[2] == 0 && data[1] != 0:
		return fromUTF16(data, binary.BigEndian), "UTF-16", true
	}
	for _, b := range data[:min(len(data), 64<<10)] {
		if b < ' ' && b != '\t' && b != '\r' && b != '\n' && b != '\f' {
			return "", "", false
		}
	}
	if utf8.Valid(data) {
		return string(data), "", true
	}
	var b strings.Builder
	for _, c := range data {
		if c >= 0x80 && c < 0xa0 {
			b.WriteRune(windows1252[c-0x80])
			continue
		}
		b.WriteRune(rune(c))
	}
	return b.String(), "Windows-1252", true
}

func fromUTF16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

// windows1252 are the characters 0x80 to 0x9f; five places are empty.
var windows1252 = [32]rune{
	'€', '\ufffd', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\ufffd', 'Ž', '\ufffd',
	'\ufffd', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\ufffd', 'ž', 'Ÿ',
}

// unquote takes off the typographic quotation marks that word processors put in the
// place of a cell's own.
func unquote(s string) string {
	t := strings.TrimSpace(s)
	for _, pair := range [][2]string{{"“", "”"}, {"„", "“"}, {"”", "”"}, {"‘", "’"}} {
		if len(t) > len(pair[0]) && strings.HasPrefix(t, pair[0]) && strings.HasSuffix(t, pair[1]) {
			return t[len(pair[0]) : len(t)-len(pair[1])]
		}
	}
	return s
}

// clean takes out what cannot be seen: no-break spaces become spaces, marks of no
// width go.
func clean(s string) string {
	if !strings.ContainsAny(s, "\u00a0\u202f\u2007\u200b\u200c\u200d\u200e\u200f\ufeff\u2060") {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '\u00a0', '\u202f', '\u2007':
			return ' '
		case '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\ufeff', '\u2060':
			return -1
		}
		return r
	}, s)
}
