package gisread

import (
	"context"
	"hash/maphash"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// table is a table while it is read.
type table struct {
	r        *reader
	m        meaning
	rep      *Table
	known    map[string]column
	byName   map[string]column
	defaults e911.Civic
	index    int // of its kind in reader.kinds
	rec      record
}

// record is one row as text.
type record struct {
	row   int
	vals  [columns]string
	bad   *problem // the row itself cannot be read
	nguid string
}

// prepare sets what rows take that name no area. The name of a TIGER/Line file
// has its state, which nobody knows better: tl_2021_30059_addrfeat.
func (t *table) prepare(names ...string) {
	t.defaults = t.r.opt.Defaults
	if t.m.kind != kindTIGER {
		return
	}
	for _, name := range names {
		for _, part := range strings.Split(strings.TrimSuffix(name, path.Ext(name)), "_") {
			s, ok := civic.StateByFIPS(part[:min(2, len(part))])
			if !ok || len(part) != 5 && len(part) != 2 || s.Code == t.defaults.A1 {
				continue
			}
			if t.defaults.A1 != "" {
				t.warn(problem{code: CodeState, reason: "The name of the file tells another state than the one given for the layer; the name counts."})
			}
			t.defaults = e911.Civic{Country: s.Country(), A1: s.Code}
		}
	}
}

func (t *table) columns(names []string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i] = t.column(n)
	}
	return out
}

// column finds a column by name; what nobody knows is listed.
func (t *table) column(name string) column {
	if c, ok := t.byName[name]; ok {
		return c
	}
	c, ok := t.known[fold(name)]
	if len(t.byName) < t.r.opt.Limits.Columns {
		t.byName[name] = c
		if !ok {
			t.rep.Unknown = append(t.rep.Unknown, printable(name, 60))
		}
	}
	return c
}

func (t *table) begin(ctx context.Context) error {
	if t.rep.Read&1023 == 0 && ctx.Err() != nil {
		return ctx.Err()
	}
	t.rec = record{row: t.rec.row + 1}
	return nil
}

// set keeps the text of a column. Of two columns with one meaning the first
// that has text counts.
func (t *table) set(c column, v string) {
	if c <= colKnown || v == "" || t.rec.vals[c] != "" {
		return
	}
	if len(v) > t.r.opt.Limits.Text && c != colWKT {
		t.rec.bad = &problem{code: CodeTextLength, reason: "A value of the row is longer than any text of GIS data."}
		return
	}
	if v = strings.TrimSpace(v); v == "<Null>" || strings.EqualFold(v, "null") && c != colName {
		return
	}
	t.rec.vals[c] = v
}

// end judges the row and hands it to the sink.
func (t *table) end(s shape) error {
	r := t.r
	t.rep.Read++
	if r.rows++; r.rows > r.opt.Limits.Rows {
		return broken(CodeTooLarge, "Cut the data into several layers.", "The files have more than %d rows.", r.opt.Limits.Rows)
	}
	p := t.rec.bad
	if p == nil {
		p = t.identify()
	}
	if p == nil {
		p = s.placed()
	}
	if p != nil && p.code == CodeSwapped {
		r.swapped++
	}
	if p == nil {
		switch t.m.kind {
		case kindBoundary:
			p = t.boundary(s)
		case kindProvisioning:
			p = t.provisioning(s)
		case kindAddress, kindOpenAddresses:
			p = t.address(s)
		default:
			p = t.street(s)
		}
	}
	if p != nil {
		t.rep.Refused++
		r.note(t.finding(LevelRefused, *p))
		return nil
	}
	t.rep.Kept++
	return nil
}

func (t *table) finding(l Level, p problem) Finding {
	return Finding{
		File: t.rep.File, Table: t.rep.Name, Row: t.rec.row, NGUID: t.rec.nguid, Column: p.column,
		Level: l, Code: p.code, Reason: p.reason, Fix: p.fix,
	}
}

func (t *table) warn(p problem) {
	t.rep.Warned++
	t.r.note(t.finding(LevelWarning, p))
}

// identify finds the NGUID and remembers it.
func (t *table) identify() *problem {
	v := &t.rec.vals
	switch t.m.kind {
	case kindTIGER:
		if v[colTLID] == "" {
			return &problem{code: CodeNGUIDMissing, column: "TLID", reason: "The row has no TLID."}
		}
		t.rec.nguid = "tiger:" + strings.Join([]string{v[colTLID], v[colLineID], v[colARIDL], v[colARIDR]}, ":")
	case kindOpenAddresses:
		t.rec.nguid = t.openNGUID()
	default:
		t.rec.nguid = v[colNGUID]
		if t.rec.nguid == "" {
			return &problem{code: CodeNGUIDMissing, column: "NGUID", reason: "The row has no NGUID.", fix: "Every feature needs one that never changes."}
		}
	}
	if !fit(t.rec.nguid) || len(t.rec.nguid) > 254 {
		return &problem{code: CodeText, column: "NGUID", reason: "The NGUID has control characters or is longer than 254 bytes."}
	}
	h := maphash.String(t.r.seed, t.rec.nguid)
	before, twice := t.r.seen[h]
	if !twice {
		t.r.seen[h] = uint8(t.index)
		return nil
	}
	if before == uint8(t.index) {
		return &problem{code: CodeNGUIDTwice, column: "NGUID", reason: "An earlier row has the same NGUID; that one counts.", fix: "Give every feature an NGUID of its own."}
	}
	t.warn(problem{code: CodeNGUIDShared, column: "NGUID", reason: "A row of another table has the same NGUID."})
	return nil
}

// openNGUID names an address of OpenAddresses by the publisher's hash, else by
// its content: the same data has the same names tomorrow.
func (t *table) openNGUID() string {
	v := &t.rec.vals
	if v[colHash] != "" {
		return "oa:" + v[colHash]
	}
	h := fnv64(v[colNumAll], v[colFullName], v[colUnit], v[colA3], v[colA2], v[colA1], v[colPostCode], v[colID], v[colLon], v[colLat])
	return "oa:" + h
}

// areas reads country to A5, PC and PCN beginning at given columns.
type areaColumns struct{ country, a1, a2, a3, a4, a5, pc, pcn, addCode, ext column }

var (
	pointAreas = areaColumns{colCountry, colA1, colA2, colA3, colA4, colA5, colPostCode, colPostComm, colAddCode, colPostExt}
	leftAreas  = areaColumns{colCountryL, colA1L, colA2L, colA3L, colA4L, colA5L, colPostCodeL, colPostCommL, colAddCodeL, colPostExtL}
	rightAreas = areaColumns{colCountryR, colA1R, colA2R, colA3R, colA4R, colA5R, colPostCodeR, colPostCommR, colAddCodeR, colPostExtR}
)

// areas returns the areas of a row in canonical form, with the defaults of the
// layer where the row has none.
func (t *table) areas(a areaColumns) (e911.Civic, *problem) {
	v := &t.rec.vals
	c := e911.Civic{
		Country: v[a.country], A1: v[a.a1], A2: v[a.a2], A3: v[a.a3], A4: v[a.a4], A5: v[a.a5],
		PC: v[a.pc], PCN: v[a.pcn], ADDCODE: v[a.addCode], PCE: v[a.ext],
	}
	d := t.defaults
	if c.A1 != "" && !strings.EqualFold(c.A1, d.A1) { // its county is not in another state
		d = e911.Civic{Country: d.Country}
	}
	for _, f := range []struct {
		to   *string
		take string
	}{{&c.A1, d.A1}, {&c.A2, d.A2}, {&c.A3, d.A3}, {&c.A4, d.A4}, {&c.A5, d.A5}, {&c.PC, d.PC}, {&c.PCN, d.PCN}} {
		if *f.to == "" {
			*f.to = f.take
		}
	}
	c = t.r.names.areas(c, t.m.kind == kindOpenAddresses)
	if c.Country == "" {
		c.Country = t.defaults.Country
	}
	if c.Country != "US" && c.Country != "CA" {
		if c.Country != "" {
			return c, &problem{code: CodeCountry, column: "Country", reason: "The row is of another country than the United States and Canada."}
		}
		return c, &problem{code: CodeState, column: "A1", reason: "The row names no state or province.", fix: "Give the state of the layer."}
	}
	s, known := civic.StateOf(c.A1)
	switch {
	case c.A1 == "":
		return c, &problem{code: CodeState, column: "A1", reason: "The row names no state or province.", fix: "Give the state of the layer."}
	case !known:
		return c, &problem{code: CodeState, column: "A1", reason: "No such state, province or territory."}
	case s.Country() != c.Country:
		return c, &problem{code: CodeState, column: "A1", reason: "The state or province is not in this country."}
	}
	return c, nil
}

// span reads when the row holds; it is kept whenever that is.
func (t *table) span() (gis.Span, time.Time) {
	var s gis.Span
	var updated time.Time
	for _, d := range []struct {
		to   *time.Time
		from column
		name string
	}{{&s.Effective, colEffective, "Effective"}, {&s.Expire, colExpire, "Expire"}, {&updated, colUpdated, "DateUpdate"}} {
		text := t.rec.vals[d.from]
		if text == "" {
			continue
		}
		at, ok := parseTime(text)
		if !ok {
			t.warn(problem{code: CodeDate, column: d.name, reason: "The date cannot be read; it counts as absent.", fix: "Write it as 2026-01-31T00:00:00-05:00."})
			continue
		}
		*d.to = at
	}
	if !s.Effective.IsZero() && !s.Expire.IsZero() && !s.Effective.Before(s.Expire) {
		t.warn(problem{code: CodeSpan, column: "Expire", reason: "The row expires before it takes effect, so it never holds."})
	}
	if now := t.r.opt.Now; !now.IsZero() {
		switch {
		case !s.Expire.IsZero() && !now.Before(s.Expire):
			t.rep.Expired++
		case now.Before(s.Effective):
			t.rep.Future++
		}
	}
	return s, updated
}

// maxText is the width of the widest fields of NENA-STA-006 in characters.
const maxText = 254

// texts tests what the row says.
func (t *table) texts() *problem {
	for c, v := range t.rec.vals {
		if v == "" || column(c) == colWKT {
			continue
		}
		if !fit(v) {
			return &problem{code: CodeText, column: t.nameOf(column(c)), reason: "The text has control characters, direction marks or is not UTF-8."}
		}
		if len(v) > maxText && utf8.RuneCountInString(v) > maxText {
			return &problem{code: CodeTextLength, column: t.nameOf(column(c)), reason: "The text is longer than a field of NENA-STA-006 can be (254 characters)."}
		}
	}
	return nil
}

// nameOf is the name that the file gives a column.
func (t *table) nameOf(c column) string {
	best := ""
	for name, is := range t.byName {
		if is == c && (best == "" || name < best) {
			best = name
		}
	}
	return printable(best, 60)
}

// fit reports text without control characters, direction marks, line ends and
// broken UTF-8.
func fit(s string) bool {
	ascii := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
		ascii = ascii && s[i] < 0x80
	}
	return ascii || utf8.ValidString(s) && strings.IndexFunc(s, unfit) < 0
}

func unfit(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}
