package psali

import (
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Size is the length of a record, header and trailer without the line's end.
const Size = 512

// Record is one record of NENA 02-010 version 2.1, field by field as text
// without its filling. What is always blank in our files is kept too, so that a
// file of others reads whole.
type Record struct {
	Function    string
	Number      string // NPA and calling number, ten digits
	House       string
	HouseSuffix string
	PreDir      string
	Street      string
	Suffix      string
	PostDir     string
	Community   string
	State       string
	Location    string
	Customer    string
	Class       string
	Type        string
	Exchange    string
	ESN         string
	Main        string // main NPA and number, ten digits
	Order       string
	Extract     string // MMDDYY
	County      string
	Company     string
	Source      string
	ZIP         string
	ZIP4        string
	General     string
	Code        string
	Comments    string
	X, Y, Z     string
	Cell        string
	Sector      string
	TAR         string
	Alt         string
	Expanded    string // YYYYMMDD
	Provider    string
}

// field is where a value stands. Filled with blanks on the right, or, when
// digits, with zeros on the left; empty is blanks in both.
type field struct {
	name     string
	at, size int // at counts from 1, as the standard does
	digits   bool
	required bool
	address  bool // of the place; a deletion needs none
	ref      func(*Record) *string
}

// fields are all that are not reserved: 356 to 376, 395 to 475 and 481 to 511
// are always blank.
var fields = []field{
	{"function code", 1, 1, false, true, false, func(r *Record) *string { return &r.Function }},
	{"calling number", 2, 10, true, true, false, func(r *Record) *string { return &r.Number }},
	{"house number", 12, 10, false, false, false, func(r *Record) *string { return &r.House }},
	{"house number suffix", 22, 4, false, false, false, func(r *Record) *string { return &r.HouseSuffix }},
	{"prefix directional", 26, 2, false, false, false, func(r *Record) *string { return &r.PreDir }},
	{"street name", 28, 60, false, true, true, func(r *Record) *string { return &r.Street }},
	{"street suffix", 88, 4, false, false, false, func(r *Record) *string { return &r.Suffix }},
	{"post directional", 92, 2, false, false, false, func(r *Record) *string { return &r.PostDir }},
	{"community name", 94, 32, false, true, true, func(r *Record) *string { return &r.Community }},
	{"state", 126, 2, false, true, true, func(r *Record) *string { return &r.State }},
	{"location", 128, 60, false, false, false, func(r *Record) *string { return &r.Location }},
	{"customer name", 188, 32, false, true, true, func(r *Record) *string { return &r.Customer }},
	{"class of service", 220, 1, false, true, true, func(r *Record) *string { return &r.Class }},
	{"type of service", 221, 1, false, true, true, func(r *Record) *string { return &r.Type }},
	{"exchange", 222, 4, false, false, false, func(r *Record) *string { return &r.Exchange }},
	{"ESN", 226, 5, true, false, false, func(r *Record) *string { return &r.ESN }},
	{"main number", 231, 10, true, false, false, func(r *Record) *string { return &r.Main }},
	{"order number", 241, 10, false, false, false, func(r *Record) *string { return &r.Order }},
	{"extract date", 251, 6, true, true, false, func(r *Record) *string { return &r.Extract }},
	{"county id", 257, 4, true, false, false, func(r *Record) *string { return &r.County }},
	{"company id", 261, 5, false, true, false, func(r *Record) *string { return &r.Company }},
	{"source id", 266, 1, false, false, false, func(r *Record) *string { return &r.Source }},
	{"postal code", 267, 5, false, false, false, func(r *Record) *string { return &r.ZIP }},
	{"postal code extension", 272, 4, false, false, false, func(r *Record) *string { return &r.ZIP4 }},
	{"general use", 276, 11, false, false, false, func(r *Record) *string { return &r.General }},
	{"customer code", 287, 3, false, false, false, func(r *Record) *string { return &r.Code }},
	{"comments", 290, 30, false, false, false, func(r *Record) *string { return &r.Comments }},
	{"X coordinate", 320, 9, false, false, false, func(r *Record) *string { return &r.X }},
	{"Y coordinate", 329, 9, false, false, false, func(r *Record) *string { return &r.Y }},
	{"Z coordinate", 338, 5, false, false, false, func(r *Record) *string { return &r.Z }},
	{"cell id", 343, 6, false, false, false, func(r *Record) *string { return &r.Cell }},
	{"sector id", 349, 1, false, false, false, func(r *Record) *string { return &r.Sector }},
	{"TAR code", 350, 6, false, false, false, func(r *Record) *string { return &r.TAR }},
	{"alternate number", 377, 10, false, false, false, func(r *Record) *string { return &r.Alt }},
	{"expanded extract date", 387, 8, true, true, false, func(r *Record) *string { return &r.Expanded }},
	{"company id 2", 476, 5, false, false, false, func(r *Record) *string { return &r.Provider }},
}

// functions are the function codes of the standard; we send I, C and D.
const functions = "ICDUMEP"

// Append adds the record's 512 characters to dst. What does not fit, is missing
// or is no plain capital text is refused, all of it in one Invalid Error: a
// record is never cut, because half an address is another address.
func (r Record) Append(dst []byte) ([]byte, error) {
	var faults []e911.Fault
	line := make([]byte, Size)
	for i := range line {
		line[i] = ' '
	}
	line[Size-1] = '*'
	for _, f := range fields {
		v := *f.ref(&r)
		if f.address && r.Function == "D" {
			f.required = false // a number is deleted, wherever it was
		}
		if why := f.fault(v); why != "" {
			faults = append(faults, e911.Fault{
				Path: f.name, Code: "syntax", Msg: fmt.Sprintf("%s: %s: %s", r.Number, f.name, why), Fix: "mend it where the location, the number or the organisation says it",
			})
			continue
		}
		f.put(line, v)
	}
	if len(r.Function) == 1 && !strings.Contains(functions, r.Function) {
		faults = append(faults, e911.Fault{Path: "function code", Code: "syntax", Msg: fmt.Sprintf("%s: there is no function code %q", r.Number, r.Function), Fix: "send I, C or D"})
	}
	if len(faults) > 0 {
		return dst, &e911.Error{Kind: e911.Invalid, Msg: "a record of " + r.Number + " cannot be written", Faults: faults}
	}
	return append(dst, line...), nil
}

func (f field) fault(v string) string {
	switch {
	case v == "" && f.required:
		return "it is missing"
	case len(v) > f.size:
		return fmt.Sprintf("%q has %d characters, and there is room for %d", v, len(v), f.size)
	case strings.TrimSpace(v) != v:
		return fmt.Sprintf("%q begins or ends with a blank", v)
	case f.digits && strings.Trim(v, "0123456789") != "":
		return fmt.Sprintf("%q is not digits", v)
	case f.digits && f.required && len(v) != f.size:
		return fmt.Sprintf("%q has not %d digits", v, f.size)
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' || v[i] >= 'a' && v[i] <= 'z' {
			return fmt.Sprintf("%q is not in capital letters of ASCII", v)
		}
	}
	return ""
}

func (f field) put(line []byte, v string) {
	at := f.at - 1
	if v == "" {
		return
	}
	if f.digits {
		for i := range f.size - len(v) {
			line[at+i] = '0'
		}
		at += f.size - len(v)
	}
	copy(line[at:], v)
}

// ParseRecord reads the 512 characters of a record, however its fields are
// filled. The Invalid Error says what is not of the form.
func ParseRecord(line []byte) (Record, error) {
	var r Record
	if len(line) != Size {
		return r, e911.Errorf(e911.Invalid, "a record has %d characters, and this has %d", Size, len(line))
	}
	if line[Size-1] != '*' {
		return r, e911.Errorf(e911.Invalid, "a record ends with *, and this with %q", line[Size-1])
	}
	for _, f := range fields {
		v := strings.Trim(string(line[f.at-1:f.at-1+f.size]), " ")
		if f.name == "ESN" || f.name == "county id" {
			v = unfilled(v)
		}
		*f.ref(&r) = v
	}
	switch {
	case len(r.Function) != 1 || !strings.Contains(functions, r.Function):
		return r, e911.Errorf(e911.Invalid, "there is no function code %q", r.Function)
	case len(r.Number) != 10 || strings.Trim(r.Number, "0123456789") != "":
		return r, e911.Errorf(e911.Invalid, "%q is no number of ten digits", r.Number)
	}
	return r, nil
}

// unfilled takes the zeros off the left of a number, but for the last.
func unfilled(v string) string {
	if t := strings.TrimLeft(v, "0"); t != "" {
		return t
	}
	return v[:min(1, len(v))]
}

// essence is what the carrier would have to hold: the record without what
// differs from file to file. House numbers may come back filled with zeros.
func (r Record) essence() string {
	var b strings.Builder
	for _, f := range fields {
		switch f.name {
		case "function code", "order number", "extract date", "expanded extract date", "source id", "comments", "general use":
			continue
		case "house number", "ESN", "county id":
			b.WriteString(unfilled(*f.ref(&r)))
		default:
			b.WriteString(*f.ref(&r))
		}
		b.WriteByte('|')
	}
	return b.String()
}
