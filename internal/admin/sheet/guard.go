package sheet

import (
	"regexp"
	"strings"
)

// A spreadsheet that opens a CSV file runs what begins with = + - @, and makes
// numbers and dates of what looks like them: the plus sign of +16175550111, the zero
// of 02139 and the port 1/2 are lost. The exporter puts an apostrophe before such a
// cell, which makes it text; it is shown, stays, and is taken off again here.

var (
	// spoils is what a spreadsheet would read as a number with other digits, or as a
	// date: leading zeros, more digits than it keeps, exponents, 1/2, 1-2, 2-Jan, 3:15.
	spoils  = regexp.MustCompile(`^(0[0-9]+|[0-9]{12,}|[0-9]+([.,][0-9]*)?[eE][+-]?[0-9]+|[0-9]{1,4}[-/.][0-9]{1,2}([-/.][0-9]{1,4})?|[0-9]+:[0-9]{2}.*)$`)
	dated   = regexp.MustCompile(`(?i)^([0-9]{1,2}[-. ](jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?([-. ][0-9]{2,4})?|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-. ][0-9]{2,4})$`)
	decimal = regexp.MustCompile(`^-?[0-9]+\.[0-9]+$`)
)

// runs reports whether a spreadsheet would take the text for a formula.
func runs(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return !decimal.MatchString(s) // -71.10565 is a number to everybody
	}
	// Full-width forms are run too by some.
	for _, p := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// Inert writes a cell of a report that is read by people and not imported again:
// what a spreadsheet would run begins with an apostrophe, everything else stays.
func Inert(s string) string {
	if runs(s) {
		return "'" + s
	}
	return s
}

// guarded reports whether a spreadsheet would not leave the text as it is.
func guarded(s string) bool {
	return runs(s) || strings.HasPrefix(s, "'") || len(s) <= 64 && !decimal.MatchString(s) && (spoils.MatchString(s) || dated.MatchString(s))
}

// encode writes a cell of a CSV file; decode(encode(s)) is s.
func encode(s string) string {
	if guarded(s) {
		return "'" + s
	}
	return s
}

// encodeText does it for a cell that the format itself keeps as text.
func encodeText(s string) string {
	if decode(s) != s {
		return "'" + s
	}
	return s
}

// decode takes the apostrophe off, and the ="02139" that people write to the same
// end.
func decode(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && guarded(rest) {
		return rest
	}
	return s
}
