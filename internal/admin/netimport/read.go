package netimport

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// Columns lists the columns of the file, in the order of the documents. The
// header names those that a file has, in any order and case.
func Columns() []string {
	return []string{"kind", "mac", "mac_to", "chassis", "port", "range", "name", "mobility", "location"}
}

const (
	// MaxRows bounds a file.
	MaxRows = 2_000_000
	// maxFaults is how many faults are told one by one.
	maxFaults = 1000
	// maxField bounds one field: nothing that names a network element is longer.
	maxField = 1024
	// codeCSV is the code of what is no table at all; codeMore of the rest of
	// very many faults.
	codeCSV  = "csv"
	codeMore = "more"
)

// row is one network element of the file, not yet compared with anything. Its
// Location is the key of the customer's.
type row struct {
	line    int
	element e911.Element
}

// table is a file that was read.
type table struct {
	file   string
	column map[string]int // position of each column, from 1
	rows   []row
	faults []e911.Fault
	beyond int // faults that are not told
}

func (t *table) fault(line int, column, code, msg, fix string) {
	if len(t.faults) >= maxFaults {
		t.beyond++
		return
	}
	t.faults = append(t.faults, e911.Fault{File: t.file, Path: column, Row: line, Col: max(t.column[column], 1), Code: code, Msg: msg, Fix: fix})
}

// read reads the whole file. What is wrong with it is in the faults of the
// table, also when nothing of it can be read. The error is that of r.
func read(file string, r io.Reader, progress func(rows int)) (*table, error) {
	t := &table{file: file, column: map[string]int{}}
	in := &errorKeeper{r: r}
	b := bufio.NewReaderSize(in, 64<<10)
	c := csv.NewReader(b)
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	if !t.begin(b, c) || !t.header(c) {
		return t, in.err
	}
	for {
		fields, err := c.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			if in.err != nil {
				return nil, fmt.Errorf("read %s: %w", file, in.err)
			}
			if !t.broken(err) {
				break
			}
			continue
		}
		line, _ := c.FieldPos(0)
		if len(t.rows) == MaxRows {
			t.fault(line, "", check.Range, fmt.Sprintf("the file has more than %d rows", MaxRows), "split it, by site for instance")
			break
		}
		t.row(line, fields)
		if n := len(t.rows); n%100_000 == 0 && n > 0 {
			progress(n)
		}
	}
	return t, in.err
}

// errorKeeper remembers why a reader ended early.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}

// begin passes over a byte order mark and finds what separates the columns:
// spreadsheets write a semicolon where the comma is the decimal sign.
func (t *table) begin(b *bufio.Reader, c *csv.Reader) bool {
	head, _ := b.Peek(4096)
	if len(head) > 1 && (head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff) {
		t.fault(1, "", codeCSV, "the file is in UTF-16", "save it as CSV UTF-8")
		return false
	}
	if strings.HasPrefix(string(head), "PK\x03\x04") {
		t.fault(1, "", codeCSV, "this is a spreadsheet, or another packed file", "save the sheet as CSV UTF-8")
		return false
	}
	if strings.HasPrefix(string(head), "\ufeff") {
		_, _ = b.Discard(len("\ufeff")) // was peeked at
		head = head[len("\ufeff"):]
	}
	line, _, _ := strings.Cut(string(head), "\n")
	most := strings.Count(line, ",")
	for _, sep := range ";\t" {
		if n := strings.Count(line, string(sep)); n > most {
			most, c.Comma = n, sep
		}
	}
	return true
}

func (t *table) header(c *csv.Reader) bool {
	fields, err := c.Read()
	if err != nil {
		t.fault(1, "", codeCSV, "the file has no header line that can be read", "begin with "+strings.Join(Columns(), ","))
		return false
	}
	for i, name := range fields {
		name = strings.ToLower(strings.TrimSpace(name))
		switch _, twice := t.column[name]; {
		case name == "" && i == len(fields)-1:
		case !slices.Contains(Columns(), name):
			t.faults = append(t.faults, e911.Fault{
				File: t.file, Path: name, Row: 1, Col: i + 1, Code: check.Unknown,
				Msg: fmt.Sprintf("there is no column %q", short(name)), Fix: "the columns are " + strings.Join(Columns(), ", "),
			})
		case twice:
			t.faults = append(t.faults, e911.Fault{File: t.file, Path: name, Row: 1, Col: i + 1, Code: check.Duplicate, Msg: "the column " + name + " stands here twice", Fix: "remove one"})
		default:
			t.column[name] = i + 1
		}
	}
	if t.column["kind"] == 0 && len(t.faults) == 0 {
		t.fault(1, "kind", check.Required, "there is no column kind", "begin with "+strings.Join(Columns(), ","))
	}
	return len(t.faults) == 0
}

// broken tells of a row that is no CSV. It reports whether what follows can be
// read.
func (t *table) broken(err error) bool {
	line := 1
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		line = p.StartLine
	}
	if errors.Is(err, csv.ErrQuote) {
		t.fault(line, "", codeCSV, "a quotation mark is opened and not closed, or something stands behind it", `write "" for a quotation mark inside quotes`)
		return false
	}
	t.fault(line, "", codeCSV, "a quotation mark stands inside a field that does not begin with one", `put the whole field in quotes, and write "" for the mark`)
	return true
}

func (t *table) row(line int, fields []string) {
	if !slices.ContainsFunc(fields, func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return // an empty line, as spreadsheets leave them
	}
	before := len(t.faults) + t.beyond
	get := func(column string) string {
		i := t.column[column]
		if i == 0 || i > len(fields) {
			return ""
		}
		return t.field(line, column, fields[i-1])
	}
	e := e911.Element{
		Kind: e911.ElementKind(strings.ToLower(get("kind"))), MAC: e911.MAC(get("mac")), MACTo: e911.MAC(get("mac_to")),
		LLDP: e911.LLDPPort{Chassis: get("chassis"), Port: get("port")}, Name: get("name"),
		Mobility: e911.Mobility(strings.ToLower(get("mobility"))), Location: e911.LocationID(get("location")),
	}
	if len(fields) > len(t.column) && slices.ContainsFunc(fields[len(t.column):], func(s string) bool { return strings.TrimSpace(s) != "" }) {
		t.fault(line, "", codeCSV, fmt.Sprintf("the row has %d fields, the header %d", len(fields), len(t.column)), "put a field that holds the separator in quotes")
	}
	if s := get("range"); s != "" {
		var err error
		if e.Range, e.From, e.To, err = netmap.ParseRange(s); err != nil {
			t.fault(line, "range", check.Syntax, fmt.Sprintf("%q: %s", short(s), err), "write 203.0.113.0/24, or 203.0.113.7-203.0.113.40")
		}
	}
	t.spoiled(line, e)
	if len(t.faults)+t.beyond > before {
		return
	}
	e = netmap.Canonical(e)
	for _, f := range netmap.Faults(e) {
		t.fault(line, columnOf(f.Path), f.Code, f.Msg, f.Fix)
	}
	if len(t.faults)+t.beyond == before {
		t.rows = append(t.rows, row{line, e})
	}
}

// field takes one field. Port ids and names stay as they are, but for the
// copies that keep csv's buffers from living on.
func (t *table) field(line int, column, s string) string {
	switch {
	case len(s) > maxField:
		t.fault(line, column, check.Range, fmt.Sprintf("the field has more than %d octets", maxField), "look for a quotation mark that is missing")
		return ""
	case !utf8.ValidString(s):
		t.fault(line, column, check.Syntax, "this is no UTF-8 text", "save the file as CSV UTF-8")
		return ""
	}
	if column != "port" && column != "name" {
		s = strings.TrimSpace(s)
	}
	return strings.Clone(s)
}

var (
	exponent = regexp.MustCompile(`^[0-9]([.,][0-9]+)?E\+?[0-9]+$`)
	dated    = regexp.MustCompile(`(?i)^([0-9]{1,2}[-. ](jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-. ][0-9]{2,4})$`)
	onlyNums = regexp.MustCompile(`^[0-9]+$`)
)

// spoiled finds what a spreadsheet made of keys that look like numbers or
// dates: 001122334450 becomes 1122334450 or 1.12233E+09, port 1/2 becomes
// 2-Jan. What was lost cannot be known, so it is never guessed.
func (t *table) spoiled(line int, e e911.Element) {
	const fix = "set the column to the type text before the values are typed or pasted, and fill it again"
	for _, f := range []struct {
		column, value string
		digits        int
	}{{"mac", string(e.MAC), 12}, {"mac_to", string(e.MACTo), 12}, {"chassis", e.LLDP.Chassis, 12}, {"port", e.LLDP.Port, 0}, {"name", e.Name, 0}} {
		digits := f.digits
		if f.column == "name" && e.Kind == e911.ElementDECTBase {
			digits = 10
		}
		switch {
		case exponent.MatchString(f.value) && (digits > 0 || strings.ContainsAny(f.value, ".,+")):
			t.fault(line, f.column, check.Syntax, fmt.Sprintf("a spreadsheet has made the number %s of it", f.value), fix)
		case digits > 0 && len(f.value) < digits && onlyNums.MatchString(f.value):
			t.fault(line, f.column, check.Syntax, fmt.Sprintf("%s has %d digits instead of %d: a spreadsheet has cut off leading zeros", f.value, len(f.value), digits), fix)
		case digits == 0 && f.column == "port" && dated.MatchString(f.value):
			t.fault(line, f.column, check.Syntax, fmt.Sprintf("a spreadsheet has made the date %s of a port", f.value), fix)
		}
	}
}

// columnOf is the column of a field of an element.
func columnOf(path string) string {
	switch path {
	case "lldp", "lldp.chassis":
		return "chassis"
	case "lldp.port":
		return "port"
	case "":
		return "kind"
	}
	return path
}

func short(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}
