package intake

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// The bounds of what is unpacked.
const (
	maxFiles    = 200
	maxUnpacked = 512 << 20
	maxRatio    = 200 // unpacked to packed, counted from 1 MiB on
	maxColumns  = 400
	maxCell     = 8 << 10
	defaultRows = 2_000_000
)

// Unpack returns the files themselves and, in place of each ZIP, what is in it.
// Spreadsheets are ZIPs too, and stay as they are.
func Unpack(files []File) ([]File, error) {
	var out []File
	left := int64(maxUnpacked)
	for _, f := range files {
		if !bytes.HasPrefix(f.Data, []byte("PK\x03\x04")) || spreadsheet(f) {
			out = append(out, f)
			continue
		}
		inside, err := unzip(f, &left)
		if err != nil {
			return nil, err
		}
		out = append(out, inside...)
	}
	if len(out) > maxFiles {
		return nil, e911.Errorf(e911.Invalid, "these are %d files; give at most %d at a time", len(out), maxFiles)
	}
	return out, nil
}

func spreadsheet(f File) bool {
	return strings.EqualFold(path.Ext(f.Name), ".xlsx") || bytes.Contains(f.Data[:min(len(f.Data), 4096)], []byte("[Content_Types].xml"))
}

func unzip(f File, left *int64) ([]File, error) {
	z, err := zip.NewReader(bytes.NewReader(f.Data), int64(len(f.Data)))
	if err != nil {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: f.Name + " is no ZIP that can be read", Err: err}
	}
	if len(z.File) > maxFiles {
		return nil, e911.Errorf(e911.Invalid, "%s holds %d files; a ZIP may hold %d", f.Name, len(z.File), maxFiles)
	}
	var out []File
	for _, e := range z.File {
		base := path.Base(e.Name)
		if e.FileInfo().IsDir() || strings.HasPrefix(base, ".") || strings.HasPrefix(e.Name, "__MACOSX/") {
			continue
		}
		data, err := unpackOne(f.Name, e, left)
		if err != nil {
			return nil, err
		}
		out = append(out, File{Name: f.Name + "/" + base, Data: data})
	}
	return out, nil
}

func unpackOne(name string, e *zip.File, left *int64) ([]byte, error) {
	most := *left
	if r := int64(min(e.CompressedSize64, maxUnpacked))*maxRatio + 1<<20; r < most {
		most = r
	}
	r, err := e.Open()
	if err != nil {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: fmt.Sprintf("%s: %s cannot be unpacked", name, path.Base(e.Name)), Err: err}
	}
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: fmt.Sprintf("%s: %s cannot be unpacked", name, path.Base(e.Name)), Err: err}
	}
	if int64(len(data)) > most {
		return nil, e911.Errorf(e911.Invalid, "%s: %s unpacks to far more than an export has", name, path.Base(e.Name))
	}
	*left -= int64(len(data))
	return data, nil
}

// text decodes UTF-8 and UTF-16, with or without a byte order mark, as
// PowerShell and spreadsheets write them.
func text(data []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return wide(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return wide(data[2:], binary.BigEndian)
	case len(data) >= 4 && data[1] == 0 && data[3] == 0:
		return wide(data, binary.LittleEndian)
	case len(data) >= 4 && data[0] == 0 && data[2] == 0:
		return wide(data, binary.BigEndian)
	}
	if utf8.Valid(data) {
		return string(data), true
	}
	return latin(data), true
}

func wide(data []byte, order binary.ByteOrder) (string, bool) {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units)), len(data)%2 == 0
}

// latin reads ISO 8859-1, in which older Windows PowerShell and Cisco Emergency
// Responder write what is no ASCII.
func latin(data []byte) string {
	var b strings.Builder
	b.Grow(len(data) + len(data)/8)
	for _, c := range data {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// sheets decodes a file into its sheets: one of a CSV, those of a workbook.
func (o *Out) sheets(f File) []*Sheet {
	if spreadsheet(f) && bytes.HasPrefix(f.Data, []byte("PK\x03\x04")) {
		return o.workbook(f)
	}
	body, whole := text(f.Data)
	if !whole || strings.ContainsRune(body, 0) {
		o.FileFault(f.Name, CodeFile, "this is no text file, or it is cut off", "export it again as CSV")
		return nil
	}
	s := &Sheet{File: f.Name, Text: body}
	if !o.csv(s, body) {
		return nil
	}
	return []*Sheet{s}
}

func (o *Out) workbook(f File) []*Sheet {
	l := sheet.AnyRows()
	l.Rows = o.opt.Rows
	tables, err := sheet.ReadWithin(l, f.Name, bytes.NewReader(f.Data), int64(len(f.Data)))
	if err != nil {
		o.FileFault(f.Name, CodeFile, "this workbook cannot be read: "+err.Error(), "save it again, or export CSV")
		return nil
	}
	var out []*Sheet
	for i := range tables {
		t := &tables[i]
		o.faults.add(t.Faults...)
		o.warnings.add(t.Notices...)
		s := &Sheet{File: t.Name, Header: t.Header, HeaderLine: max(t.HeaderRow, 1)}
		for j, cells := range t.Rows {
			s.Rows = append(s.Rows, Row{Sheet: s, Line: t.Line(j), Cells: cells})
		}
		s.begin()
		out = append(out, s)
	}
	return out
}

// csv reads the rows of s. PowerShell 5 begins with a line "#TYPE ...", RedSky
// writes "## " before its first heading.
func (o *Out) csv(s *Sheet, body string) bool {
	before := 0
	for strings.HasPrefix(body, "#TYPE") || strings.HasPrefix(body, "\r\n") || strings.HasPrefix(body, "\n") || strings.HasPrefix(strings.ToLower(body), "sep=") {
		_, rest, ok := strings.Cut(body, "\n")
		if !ok {
			rest = ""
		}
		body = rest
		before++
	}
	c := csv.NewReader(strings.NewReader(body))
	c.FieldsPerRecord, c.LazyQuotes, c.ReuseRecord = -1, false, false
	c.Comma = separator(body)
	header, err := c.Read()
	if err != nil {
		o.FileFault(s.File, CodeFile, "the file has no header line", "export it again, with its headings")
		return false
	}
	if len(header) > maxColumns {
		o.FileFault(s.File, CodeFile, fmt.Sprintf("the file has %d columns; that is no export", len(header)), "export it again")
		return false
	}
	s.HeaderLine = before + 1
	for _, h := range header {
		s.Header = append(s.Header, strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(h), "#")))
	}
	s.begin()
	return o.rows(s, c, before)
}

func (o *Out) rows(s *Sheet, c *csv.Reader, before int) bool {
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			line := before + 1
			if p, ok := errors.AsType[*csv.ParseError](err); ok {
				line += p.StartLine - 1
			}
			o.faults.add(e911.Fault{File: s.File, Row: line, Col: 1, Code: CodeFile, Msg: "a quotation mark is opened and not closed, or stands inside a field", Fix: "export the file again; what follows was not read"})
			return true
		}
		line, _ := c.FieldPos(0)
		line += before
		if len(s.Rows) >= o.opt.Rows {
			o.faults.add(e911.Fault{File: s.File, Row: line, Col: 1, Code: check.Range, Msg: fmt.Sprintf("the file has more than %d rows", o.opt.Rows), Fix: "split it"})
			return true
		}
		if long := slices.IndexFunc(cells, func(v string) bool { return len(v) > maxCell }); long >= 0 {
			o.faults.add(e911.Fault{File: s.File, Row: line, Col: long + 1, Code: check.Range, Msg: fmt.Sprintf("the field has more than %d octets", maxCell), Fix: "look for a quotation mark that is missing"})
			continue
		}
		if slices.ContainsFunc(cells, func(v string) bool { return strings.TrimSpace(v) != "" }) {
			s.Rows = append(s.Rows, Row{Sheet: s, Line: line, Cells: cells})
		}
	}
}

// separator is what stands most often in the header, outside quotes.
func separator(body string) rune {
	line, _, _ := strings.Cut(body, "\n")
	best, most := ',', strings.Count(line, ",")
	for _, sep := range ";\t|" {
		if n := strings.Count(line, string(sep)); n > most {
			best, most = sep, n
		}
	}
	return best
}
