package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// Workbooks are read here and not by a library that opens all of it: nothing but
// the workbook's list, its strings, its number formats and the cells of its sheets
// is unpacked, one after the other, each within a bound (ECMA-376, part 1, 18.3).

const (
	maxParts   = 4096    // of the package
	maxStrings = 4 << 20 // shared strings
	maxDepth   = 64      // of elements
)

var (
	errBomb  = errors.New("a part of the workbook is larger than it may be")
	errDepth = errors.New("elements stand inside each other too deep, or there is a document type")
)

type workbook struct {
	l       Limits
	name    string
	parts   map[string]*zip.File
	left    int64 // octets that may still be unpacked
	room    *int64
	strings []string
	dates   []bool // by cell style
	since04 bool
	notices []e911.Fault
}

func readWorkbook(l Limits, name string, data []byte) ([]Table, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, refused(name, CodeTable, "the workbook is cut off or damaged", "save it again and send the new file")
	}
	w := &workbook{l: l, name: name, parts: map[string]*zip.File{}, left: l.Unpacked, room: l.room()}
	if len(z.File) > maxParts {
		return nil, refused(name, check.Range, fmt.Sprintf("the file has more than %d parts", maxParts), "save the sheet alone as .xlsx")
	}
	for _, f := range z.File {
		w.parts[strings.TrimPrefix(path.Clean("/"+f.Name), "/")] = f
	}
	tables, err := w.read()
	if err == nil {
		return tables, nil
	}
	if _, ours := errors.AsType[*e911.Error](err); ours {
		return nil, err
	}
	if errors.Is(err, errBomb) {
		return nil, refused(name, check.Range, "the workbook unpacks to more than it may", "save the sheet alone, or as CSV UTF-8")
	}
	return nil, refused(name, CodeTable, "the workbook is damaged", "open it, save it again and send the new file")
}

func (w *workbook) read() ([]Table, error) {
	if _, ok := w.parts["xl/workbook.xml"]; !ok {
		return nil, refused(w.name, CodeTable, "this is a packed file and no .xlsx workbook", "save the sheet as .xlsx or as CSV UTF-8")
	}
	for part := range w.parts {
		switch {
		case strings.HasSuffix(part, "vbaProject.bin"):
			w.note("the workbook has macros; they were not looked at")
		case part == "xl/externalLinks/externalLink1.xml":
			w.note("the workbook refers to other files; what it last showed of them is taken")
		}
	}
	sheets, err := w.sheets()
	if err != nil {
		return nil, err
	}
	if err := w.readStrings(); err != nil {
		return nil, err
	}
	if err := w.readStyles(); err != nil {
		return nil, err
	}
	var tables []Table
	for _, s := range sheets {
		t, ok, err := w.readSheet(s)
		if err != nil {
			return nil, err
		}
		if ok {
			tables = append(tables, t)
		}
	}
	if len(tables) == 0 {
		return nil, refused(w.name, CodeTable, "the workbook has no sheet with a header", "begin with the names of the columns, as in the template")
	}
	tables[0].Notices = append(w.notices, tables[0].Notices...)
	return tables, nil
}

func (w *workbook) note(msg string) {
	w.notices = append(w.notices, e911.Fault{File: w.name, Row: 1, Col: 1, Code: "workbook", Msg: msg})
}

// counted gives up when a part is larger than the bounds.
type counted struct {
	r    io.Reader
	left int64
	all  *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.left -= int64(n)
	*c.all -= int64(n)
	if c.left < 0 || *c.all < 0 {
		return n, errBomb
	}
	return n, err
}

// walk reads the elements of a part. Start gets each with the path of local names
// above it, text what is between.
func (w *workbook) walk(part string, start func(e xml.StartElement) error, end func(name string) error, text func([]byte)) error {
	f, ok := w.parts[part]
	if !ok {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", part, err)
	}
	defer r.Close()
	bound := max(16<<20, int64(f.CompressedSize64)*w.l.Ratio) //nolint:gosec // the size of a file in memory
	d := xml.NewDecoder(&counted{r: r, left: bound, all: &w.left})
	depth := 0
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if depth != 0 {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", part, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errDepth
			}
			err = start(tok)
		case xml.EndElement:
			depth--
			err = end(tok.Name.Local)
		case xml.CharData:
			text(tok)
		case xml.Directive:
			return errDepth
		}
		if err != nil {
			return err
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func nothing(string) error { return nil }

type sheetPart struct{ name, part string }

// sheets lists the sheets that are shown.
func (w *workbook) sheets() ([]sheetPart, error) {
	target := map[string]string{}
	err := w.walk("xl/_rels/workbook.xml.rels", func(e xml.StartElement) error {
		if e.Name.Local == "Relationship" && !strings.EqualFold(attr(e, "TargetMode"), "External") {
			t := attr(e, "Target")
			if !strings.HasPrefix(t, "/") {
				t = "/xl/" + t
			}
			target[attr(e, "Id")] = strings.TrimPrefix(path.Clean(t), "/")
		}
		return nil
	}, nothing, func([]byte) {})
	if err != nil {
		return nil, err
	}
	var found []sheetPart
	err = w.walk("xl/workbook.xml", func(e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			v := attr(e, "date1904")
			w.since04 = v == "1" || v == "true"
		case "sheet":
			if state := attr(e, "state"); state == "hidden" || state == "veryHidden" {
				w.note(fmt.Sprintf("the hidden sheet %q was passed over", short(attr(e, "name"))))
				return nil
			}
			for _, a := range e.Attr {
				if a.Name.Local == "id" && a.Name.Space != "" {
					found = append(found, sheetPart{attr(e, "name"), target[a.Value]})
				}
			}
		}
		return nil
	}, nothing, func([]byte) {})
	if err == nil && len(found) > w.l.Sheets {
		return nil, refused(w.name, check.Range, fmt.Sprintf("the workbook has more than %d sheets", w.l.Sheets), "save the sheet alone")
	}
	return found, err
}

// readStrings reads the shared strings. All together are not longer than what may
// be unpacked.
func (w *workbook) readStrings() error {
	var b strings.Builder
	in, phonetic := false, 0
	return w.walk("xl/sharedStrings.xml", func(e xml.StartElement) error {
		switch e.Name.Local {
		case "si":
			b.Reset()
		case "t":
			in = phonetic == 0
		case "rPh":
			phonetic++
		}
		return nil
	}, func(name string) error {
		switch name {
		case "si":
			if len(w.strings) >= maxStrings {
				return errBomb
			}
			w.strings = append(w.strings, unescape(strings.Clone(b.String())))
		case "t":
			in = false
		case "rPh":
			phonetic--
		}
		return nil
	}, func(p []byte) {
		if in && b.Len() <= w.l.Cell+64 { // a longer cell is refused anyway
			b.Write(p)
		}
	})
}

// readStyles finds the cell styles that show numbers as dates.
func (w *workbook) readStyles() error {
	custom := map[string]bool{}
	inXfs := false
	return w.walk("xl/styles.xml", func(e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			custom[attr(e, "numFmtId")] = dateFormat(attr(e, "formatCode"))
		case "cellXfs":
			inXfs = true
		case "xf":
			if inXfs && len(w.dates) < 1<<16 {
				id := attr(e, "numFmtId")
				is, own := custom[id]
				w.dates = append(w.dates, own && is || !own && builtinDate(id))
			}
		}
		return nil
	}, func(name string) error {
		if name == "cellXfs" {
			inXfs = false
		}
		return nil
	}, func([]byte) {})
}

// builtinDate knows the formats of ECMA-376, part 1, 18.8.30.
func builtinDate(id string) bool {
	switch id {
	case "14", "15", "16", "17", "18", "19", "20", "21", "22", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36",
		"45", "46", "47", "50", "51", "52", "53", "54", "55", "56", "57", "58":
		return true
	}
	return false
}

// dateFormat reports whether a format code shows days, months, years or hours.
func dateFormat(code string) bool {
	quoted, bracket := false, false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '\\' || c == '_' || c == '*':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			bracket = true
		case c == ']':
			bracket = false
		case bracket:
		case strings.IndexByte("dmyhsDMYHS", c) >= 0:
			return true
		}
	}
	return false
}

// unescape reads the _x000D_ of ST_Xstring (ECMA-376, part 1, 22.9.2.19).
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if i+7 <= len(s) && s[i] == '_' && s[i+1] == 'x' && s[i+6] == '_' {
			var r rune
			if _, err := fmt.Sscanf(s[i+2:i+6], "%04x", &r); err == nil && hex4(s[i+2:i+6]) {
				b.WriteRune(r)
				i += 7
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

func hex4(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
