package psapdir

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Form is which kind of file it is; the header says so.
type Form string

// The forms.
const (
	// Registry is the FCC's Master PSAP Registry, saved as CSV: psap_id, psap_name,
	// state, county, city, and, when there, change_type and date_last_modified.
	Registry Form = "registry"
	// Lines is a file of the operator's own: key or registry, and any of line,
	// line_checked, agency, features.
	Lines Form = "lines"
)

// RegistryColumns and LineColumns are the columns that are read, in any order
// and case; others of a registry are left alone.
func RegistryColumns() []string {
	return []string{"psap_id", "psap_name", "state", "county", "city", "change_type", "date_last_modified"}
}

// LineColumns are those of the operator's own file. Features are separated by
// semicolons.
func LineColumns() []string {
	return []string{"key", "registry", "line", "line_checked", "agency", "features"}
}

const (
	// maxRows bounds a file: the registry has nine thousand.
	maxRows   = 50_000
	maxFaults = 1000
	maxText   = 200 // as package check has it
	codeCSV   = "csv"
	codeMore  = "more"
)

// row is one line of the file.
type row struct {
	line           int
	registry, name string
	kind           string
	city, county   string
	state          string
	key, agency    string
	number         e911.Number
	checked        time.Time
	features       []string
	has            map[string]bool // columns that the file has
}

// table is a file that was read.
type table struct {
	file   string
	form   Form
	column map[string]int // position, from 1
	has    map[string]bool
	rows   []row
	count  int
	ids    map[string]bool // PSAP IDs of the registry, also of rows that are refused
	twice  map[string]int  // line in which a PSAP stood first
	latest time.Time
	now    time.Time
	faults []e911.Fault
	beyond int
}

func (t *table) fault(line int, column, code, msg, fix string) {
	if len(t.faults) >= maxFaults {
		t.beyond++
		return
	}
	t.faults = append(t.faults, e911.Fault{File: t.file, Path: column, Row: line, Col: max(t.column[column], 1), Code: code, Msg: msg, Fix: fix})
}

// refused is the error of a file that is not taken; nil when it is in order.
func (t *table) refused() error {
	if len(t.faults) == 0 && t.count > 0 {
		return nil
	}
	if t.count == 0 && len(t.faults) == 0 {
		t.fault(1, "", check.Required, "the file has no rows", "give it at least one below the header")
	}
	if t.beyond > 0 {
		t.faults = append(t.faults, e911.Fault{File: t.file, Row: 1, Col: 1, Code: codeMore, Msg: fmt.Sprintf("there are %d faults more", t.beyond), Fix: "mend these first"})
	}
	return &e911.Error{Kind: e911.Invalid, Msg: "the file is refused, nothing was changed", Faults: t.faults}
}

// read reads a whole file. A file that is no table, or of neither form, is an
// Invalid error; faults of rows are kept in the table.
func read(f File, now time.Time) (*table, error) {
	t := &table{file: f.Name, now: now, column: map[string]int{}, has: map[string]bool{}, ids: map[string]bool{}, twice: map[string]int{}}
	b := bufio.NewReader(f.Text)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3) // spreadsheets write it before UTF-8
	}
	c := csv.NewReader(b)
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	head, err := c.Read()
	if err != nil {
		if _, ok := errors.AsType[*csv.ParseError](err); !ok && err != io.EOF {
			return nil, fmt.Errorf("read %s: %w", f.Name, err)
		}
		t.fault(1, "", codeCSV, "this is no CSV file with a header", "save the first sheet as CSV, UTF-8")
		return nil, t.refused()
	}
	if !t.header(head) {
		return nil, t.refused()
	}
	for {
		fields, err := c.Read()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			if p, ok := errors.AsType[*csv.ParseError](err); ok {
				t.fault(p.Line, "", codeCSV, "from here on this is no CSV: "+p.Err.Error(), "look for a quotation mark that is not closed")
				return nil, t.refused()
			}
			return nil, fmt.Errorf("read %s: %w", f.Name, err)
		}
		line, _ := c.FieldPos(0)
		if t.count++; t.count > maxRows {
			t.fault(line, "", check.Range, fmt.Sprintf("the file has more than %d rows", maxRows), "is it the right file?")
			return nil, t.refused()
		}
		t.row(line, fields)
	}
}

func (t *table) header(head []string) bool {
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if t.has[name] {
			t.column[name] = i + 1
			t.fault(1, name, check.Duplicate, "the column "+clip(name)+" stands here twice", "keep one of the two")
			return false
		}
		t.column[name], t.has[name] = i+1, true
	}
	switch {
	case t.has["psap_id"] && t.has["psap_name"] && t.has["state"]:
		t.form = Registry
	case t.has["key"] || t.has["registry"]:
		t.form = Lines
		return t.ownHeader(head)
	default:
		t.fault(1, "", check.Required, "the header is neither that of the FCC's registry nor that of a file of lines",
			"begin with psap_id,psap_name,state,county,city,change_type or with key,line,line_checked")
		return false
	}
	return true
}

// ownHeader refuses columns that would be lost without a word.
func (t *table) ownHeader(head []string) bool {
	known := map[string]bool{}
	for _, c := range LineColumns() {
		known[c] = true
	}
	something := false
	for _, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if !known[name] {
			t.fault(1, name, "unknown_key", fmt.Sprintf("%q is no column here", clip(name)), "the columns are "+strings.Join(LineColumns(), ", "))
			return false
		}
		something = something || name != "key" && name != "registry"
	}
	if !something {
		t.fault(1, "line", check.Required, "the file says nothing of the PSAPs", "add a column line")
	}
	return something
}

func (t *table) row(line int, fields []string) {
	get := func(name string) string {
		i := t.column[name]
		if i == 0 || i > len(fields) {
			return ""
		}
		return strings.Join(strings.Fields(fields[i-1]), " ")
	}
	before := len(t.faults) + t.beyond
	columns := LineColumns()
	if t.form == Registry {
		columns = RegistryColumns()
	}
	for _, name := range columns {
		t.clean(line, name, get(name))
	}
	r := row{line: line, has: t.has}
	if t.form == Registry {
		t.registryRow(&r, get)
	} else {
		t.lineRow(&r, get)
	}
	if len(t.faults)+t.beyond == before {
		t.rows = append(t.rows, r)
	}
}

// clean checks the text of a field that is kept.
func (t *table) clean(line int, name, s string) {
	switch {
	case !utf8.ValidString(s):
		t.fault(line, name, check.Syntax, "this is no UTF-8 text", "save the file as CSV, UTF-8")
	case utf8.RuneCountInString(s) > maxText && name != "features":
		t.fault(line, name, check.Range, fmt.Sprintf("this has more than %d characters", maxText), "shorten it")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		t.fault(line, name, check.Syntax, "this holds a control character", "take it out")
	}
}

func (t *table) registryRow(r *row, get func(string) string) {
	r.registry, r.name, r.city, r.county = get("psap_id"), get("psap_name"), get("city"), get("county")
	if r.registry == "" {
		t.fault(r.line, "psap_id", check.Required, "a PSAP has an id of the registry", "write its digits")
		return
	}
	if first, twice := t.twice[r.registry]; twice {
		t.fault(r.line, "psap_id", check.Duplicate, fmt.Sprintf("the PSAP %s stands in line %d already", clip(r.registry), first), "keep the newer row")
		return
	}
	t.twice[r.registry], t.ids[r.registry] = r.line, true
	if r.name == "" {
		t.fault(r.line, "psap_name", check.Required, "a PSAP has a name", "write it")
	}
	if s, ok := civic.StateOf(get("state")); ok {
		r.state = s.Code
	} else {
		t.fault(r.line, "state", check.Unknown, fmt.Sprintf("%q is no state", clip(get("state"))), "write its two letters")
	}
	r.kind = kindOf(get("change_type"))
	if d, ok := dateOf(get("date_last_modified")); ok { // what cannot be read dates nothing
		t.see(d)
	}
}

// kindOf reads what the registry says of a change: O orphaned, S secondary or
// listed twice; several stand together, as in "M, S". Whatever else, it is
// primary: an unknown letter must not hide a PSAP.
func kindOf(change string) string {
	kind := e911.ListedPrimary
	for word := range strings.FieldsFuncSeq(strings.ToUpper(change), func(r rune) bool { return !unicode.IsLetter(r) }) {
		switch word {
		case "O":
			return e911.ListedOrphaned
		case "S":
			kind = e911.ListedSecondary
		}
	}
	return kind
}

func (t *table) lineRow(r *row, get func(string) string) {
	r.key, r.registry, r.agency = get("key"), get("registry"), get("agency")
	name := r.key
	if name == "" {
		name = "registry " + r.registry
	}
	if r.key == "" && r.registry == "" {
		t.fault(r.line, "key", check.Required, "a row names a PSAP", "write its key, or its PSAP ID of the registry")
		return
	}
	if first, twice := t.twice[name]; twice {
		t.fault(r.line, "key", check.Duplicate, fmt.Sprintf("%s stands in line %d already", clip(name), first), "keep one of the two")
		return
	}
	t.twice[name] = r.line
	if s := get("line"); s != "" {
		n, err := e911.ParseNumber(s)
		if err != nil {
			t.fault(r.line, "line", check.Syntax, "this is no telephone number", "write it as +16175550160")
		}
		r.number = n
	}
	for f := range strings.SplitSeq(get("features"), ";") {
		if f = strings.TrimSpace(f); f != "" {
			r.features = append(r.features, f)
		}
	}
	r.checked = t.date(r.line, "line_checked", get("line_checked"))
	if !r.checked.IsZero() && get("line") == "" && t.has["line"] {
		t.fault(r.line, "line_checked", check.Forbidden, "there is no line that was checked", "write the line, or leave the date empty")
	}
	t.see(r.checked)
}

func (t *table) date(line int, column, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	if d, ok := dateOf(s); ok {
		if t.now.IsZero() || !d.After(t.now.Add(24*time.Hour)) {
			return d
		}
		t.fault(line, column, check.Range, "this day has not come yet", "write the day on which somebody called")
		return time.Time{}
	}
	t.fault(line, column, check.Syntax, fmt.Sprintf("%q is no date", clip(s)), "write it as 2026-01-31")
	return time.Time{}
}

// dateOf reads a day as ISO 8601 or as spreadsheets in the United States have it.
func dateOf(s string) (time.Time, bool) {
	for _, form := range []string{time.DateOnly, "1/2/2006", "1/2/06"} {
		if d, err := time.Parse(form, s); err == nil {
			return d, true
		}
	}
	return time.Time{}, false
}

func (t *table) see(d time.Time) {
	if d.After(t.latest) {
		t.latest = d
	}
}

// clip bounds what is repeated of a file.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return s
}
