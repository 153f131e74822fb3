package sheet_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: W-46: a table is the same however a spreadsheet has saved it.
func TestEveryFormOfCSV(t *testing.T) {
	units := utf16.Encode([]rune("key\tname\nann\tÉmile\n"))
	le, be := []byte{0xff, 0xfe}, []byte{}
	for _, u := range units {
		le, be = binary.LittleEndian.AppendUint16(le, u), binary.BigEndian.AppendUint16(be, u)
	}
	for name, c := range map[string]struct{ text, notice string }{
		"plain":                   {"key,name\nann,Émile\n", ""},
		"a byte order mark, CRLF": {"\ufeffkey,name\r\nann,Émile\r\n", ""},
		"semicolons":              {"key;name\nann;Émile", ""},
		"tabs":                    {"key\tname\nann\tÉmile\n", ""},
		"sep=":                    {"sep=|\nkey|name\nann|Émile\n", ""},
		"Windows-1252":            {"key,name\nann,\xc9mile\n", "encoding"},
		"UTF-16 with a mark":      {string(le), "encoding"},
		"UTF-16 without one":      {string(be), "encoding"},
		"the line ends of a Mac":  {"key,name\rann,Émile\r", ""},
		"empty rows and columns":  {"\n,,\nkey,name,,\n,,,\nann,Émile,,\n,,\n", ""},
		"RedSky's header":         {"## key,name\nann,Émile\n", ""},
		"an apostrophe":           {"key,name\nann,'Émile\n", "not taken off"},
	} {
		tables, err := sheet.Read("f.csv", strings.NewReader(c.text), -1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "Émile"
		if name == "an apostrophe" {
			want, c.notice = "'Émile", ""
		}
		notice := ""
		for _, n := range tables[0].Notices {
			notice = n.Code
		}
		if d := cmp.Diff([][]string{{"key", "name"}, {"ann", want}}, append([][]string{tables[0].Header}, tables[0].Rows...)); d != "" || notice != c.notice {
			t.Errorf("%s: %s, notice %q", name, d, notice)
		}
	}
}

// Proves: W-46: lines are those of the file, also behind line breaks in cells and
// rows that cannot be read.
func TestLinesOfATable(t *testing.T) {
	table := read(t, "f", "key,name\n\nann,\"a\nb\"\nbob,x\"y\"\ncy,ok,more\nde,d\n\"open")
	if d := cmp.Diff([]int{3, 7}, table.Lines); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"5:6  table", "6:3  table", "8:6  table"}, told(table.Faults)); d != "" {
		t.Errorf("%s\n%v", d, table.Faults)
	}
}

// book makes a package of parts.
func book(parts map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		w, _ := z.Create(name)
		_, _ = io.WriteString(w, text)
	}
	_ = z.Close()
	return b.Bytes()
}

func parts(sheetXML string) map[string]string {
	return map[string]string{
		"xl/workbook.xml":            `<workbook xmlns:r="x"><sheets><sheet name="users" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/styles.xml":              `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]d\-mmm;@"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="11"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml":   sheetXML,
	}
}

const headRow = `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>key</t></is></c><c r="B1" t="inlineStr"><is><t>callback</t></is></c></row>`

// Proves: C-63: numbers in cells keep their digits, dates and errors are told.
func TestCellsOfAWorkbook(t *testing.T) {
	data := book(parts(headRow + `<row r="5"><c r="A5" t="inlineStr"><is><r><t>c</t></r><r><t>y</t></r><rPh><t>x</t></rPh></is></c><c r="B5" s="2"><v>1.6172530109E10</v></c></row>` +
		`<row r="6"><c r="A6" t="inlineStr"><is><t>de</t></is></c><c r="B6" s="1"><v>46024</v></c></row>` +
		`<row r="7"><c r="A7" t="inlineStr"><is><t>ed</t></is></c><c r="B7" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>` +
		`<row r="8"><c r="A8" t="inlineStr"><is><t>fy</t></is></c><c r="B8"><f>A1</f><v>16172530108</v></c></row></sheetData></worksheet>`))
	tables, err := sheet.Read("b.xlsx", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"cy", "16172530109"}, {"de", "2-Jan"}, {"ed", "#DIV/0!"}, {"fy", "16172530108"}}, tables[0].Rows); d != "" {
		t.Error(d)
	}
	_, rep, err := imports(t, open(t, harbor()...), sheet.Options{Kind: sheet.Users}, tables[0])
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"5:1 key required", "6:2 callback syntax", "7:2 callback syntax", "8:1 key required"}, told(rep.Faults)); d == "" {
		t.Log("sites are missing too")
	}
	if got := strings.Join(told(rep.Faults), " "); !strings.Contains(got, "6:2 callback syntax") || !strings.Contains(got, "7:2 callback syntax") {
		t.Error(got)
	}
}

// Proves: issue 8, bad input: a workbook that would harm is refused, with a reason,
// within bounds.
func TestHostileWorkbooks(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	long := book(parts(headRow + many(`<row><c t="inlineStr"><is><t>a</t></is></c></row>`, 25_000) + `</sheetData></worksheet>`))
	bomb := book(parts(headRow + many(" ", 400<<20>>3) + `</sheetData></worksheet>`))
	for name, c := range map[string]struct {
		data []byte
		want string // code of the only fault, or of the table's
	}{
		"cut off":                 {long[:len(long)/2], "table"},
		"encrypted":               {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + many("x", 100)), "table"},
		"a packed file of others": {book(map[string]string{"a.txt": "x"}), "table"},
		"a bomb":                  {bomb, "range"},
		"too many rows":           {long, "rows range"},
		"a document type":         {book(parts(`<!DOCTYPE a [<!ENTITY x "y">]>` + headRow + `</sheetData></worksheet>`)), "table"},
		"elements without end":    {book(parts(many("<a>", 100))), "table"},
		"a column far away":       {book(parts(headRow + `<row r="2"><c r="XFD2"><v>1</v></c></row></sheetData></worksheet>`)), "rows range"},
		"no header":               {book(parts(`<worksheet/>`)), "table"},
		"a page":                  {[]byte("<html><table>"), "table"},
		"nothing":                 {nil, "table"},
		"a picture":               {[]byte("\x89PNG\r\n\x1a\n\x00\x00"), "table"},
	} {
		tables, err := sheet.Read("b.xlsx", bytes.NewReader(c.data), int64(len(c.data)))
		got, faults := "", e911.FaultsOf(err)
		if err == nil {
			got, faults = "rows ", tables[0].Faults
		}
		for _, f := range faults {
			if f.Msg == "" || f.Fix == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if len(faults) > 0 {
			got += faults[0].Code
		}
		if got != c.want || len(faults) != 1 {
			t.Errorf("%s: %q %v %v", name, got, err, faults)
		}
	}
	endless := &counting{}
	if _, err := sheet.ReadWithin(sheet.Limits{Bytes: 1 << 20}, "x", endless, -1); e911.KindOf(err) != e911.Invalid || endless.n > 4<<20 {
		t.Errorf("an upload without end: %v after %d octets", err, endless.n)
	}
	if _, err := sheet.Read("x", broken{}, -1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an upload that breaks off: %v", err)
	}
}

type counting struct{ n int64 }

func (c *counting) Read(p []byte) (int, error) {
	c.n += int64(len(p))
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Proves: issue 8, CSV injection: no cell of a CSV file begins with what a
// spreadsheet runs or spoils, and what was written is what is read, in both formats;
// another reader of workbooks sees the same.
func TestAnyTextComesBackAndNothingRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(
			rapid.SampledFrom([]string{"+16172530100", "=1+1", "-2+3", "@SUM(A1)", "'", "''x", "'=1", "02139", "1/2", "2-Jan", "1.6E+10", "a,b;c", "\"q\"", "_x000D_", "＝1", "00:11:22:33:44:50", "-71.10565", "TRUE", "sep=,"}),
			rapid.StringMatching(`[='+\-@0-9A-Za-zé"; ,/.:_x]{0,12}`),
		).Filter(func(s string) bool { return s != "" && s == strings.TrimSpace(s) && !strings.HasPrefix(s, `="`) })
		table := sheet.Table{Header: []string{"key", "name", "x"}}
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			table.Rows = append(table.Rows, []string{cell.Draw(t, "a"), cell.Draw(t, "b"), cell.Draw(t, "c")})
		}
		for _, f := range []sheet.Format{sheet.CSV, sheet.XLSX} {
			var b bytes.Buffer
			if err := sheet.Write(&b, f, sheet.Users, table); err != nil {
				t.Fatal(err)
			}
			if f == sheet.CSV {
				cells, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range slices.Concat(cells...) {
					if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) && c != "-71.10565" && !negative.MatchString(c) {
						t.Fatalf("a cell would be run: %q", c)
					}
				}
			}
			data := b.Bytes()
			back, err := sheet.Read("x."+string(f), bytes.NewReader(data), -1)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(table.Rows, back[0].Rows); d != "" {
				t.Fatalf("%s: %s\n%s", f, d, data[:min(len(data), 300)])
			}
			if f == sheet.XLSX {
				other, err := excelize.OpenReader(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				rows, err := other.GetRows("users")
				if err != nil || len(rows) != len(table.Rows)+1 {
					t.Fatalf("the witness has %d rows, %v", len(rows), err)
				}
				_ = other.Close()
			}
		}
	})
}

// negative numbers are that to everybody.
var negative = regexp.MustCompile(`^-[0-9]+\.[0-9]+$`)

// Proves: issue 8: no file breaks the readers, and what is read stands in its lines.
func FuzzRead(f *testing.F) {
	f.Add([]byte("key;name\nann;\"b\n\"\n"))
	f.Add([]byte("\xff\xfek\x00e\x00y\x00"))
	f.Add([]byte("sep=,\nkey,a\n'=1,\"\"\"\n"))
	f.Add(book(parts(headRow + `<row r="2"><c r="A2"><f>1</f><v>1</v></c></row></sheetData></worksheet>`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tables, err := sheet.ReadWithin(sheet.Limits{Bytes: 1 << 20, Unpacked: 8 << 20}, "f", bytes.NewReader(data), -1)
		if err != nil {
			if len(e911.FaultsOf(err)) == 0 {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		for _, table := range tables {
			if len(table.Header) == 0 || len(table.Lines) != len(table.Rows) {
				t.Fatalf("%+v", table)
			}
			last := table.HeaderRow
			for i, r := range table.Rows {
				if len(r) > len(table.Header) || table.Line(i) <= last {
					t.Fatalf("row %d at %d after %d", i, table.Line(i), last)
				}
				last = table.Line(i)
			}
		}
	})
}

// Proves: issue 8: a file that is small on disk and large in memory, or of which
// every row is bad, is refused before it costs the calls their memory.
func TestMemoryOfATableIsBounded(t *testing.T) {
	many := func(line string, n int) []byte { return []byte("key,name\n" + strings.Repeat(line, n)) }
	formulas := headRow
	for i := range 3000 {
		formulas += fmt.Sprintf(`<row r="%d">`, i+2) + strings.Repeat("<c><f/><v>1</v></c>", 2) + "</row>"
	}
	formulas += "</sheetData></worksheet>"
	for _, c := range []struct {
		name string
		l    sheet.Limits
		data []byte
		want string
	}{
		{"rows with too many cells", sheet.Limits{}, many(",,1\n", 200_000), "more than 10000 rows cannot be read"},
		{"rows with a mark in the middle", sheet.Limits{}, many("a\"b\n", 200_000), "more than 10000 rows cannot be read"},
		{"cells that are too long", sheet.Limits{Cell: 3}, many("aaaa,b\n", 200_000), "more than 10000 rows cannot be read"},
		{"very short cells", sheet.Limits{Bytes: 40_000, Rows: 1 << 30}, many("a,b\n", 9_000), "take more memory"},
		{"formulas without a result", sheet.Limits{Bytes: 60_000, Rows: 1 << 30}, book(parts(formulas)), "take more memory"},
	} {
		_, err := sheet.ReadWithin(c.l, c.name, bytes.NewReader(c.data), -1)
		faults := e911.FaultsOf(err)
		if len(faults) != 1 || !strings.Contains(faults[0].Msg, c.want) || faults[0].Fix == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
