package sheet

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// What a spreadsheet does to values, and what is done about it. Certain means that
// there is one thing only that it can have been.

var (
	exponent = regexp.MustCompile(`^([0-9])(?:[.,]([0-9]+))?E\+?([0-9]{1,2})$`)
	whole    = regexp.MustCompile(`^[0-9]+$`)
	pointed  = regexp.MustCompile(`^\+?[0-9]+[.,]0+$`) // 16175550100.0
)

const asText = "set the column to the type text before the values are typed or pasted, and fill it again; or use the .xlsx template"

// value reads one cell by the form of its column: trimmed, mended where that is
// certain. It reports whether there is a value that can be used.
func (r *row) value(c *Column, col int, s string) (string, bool) {
	s = clean(s)
	if t := unquote(s); t != s {
		r.notice(col, "quotes", "typographic quotation marks around the cell were taken off")
		s = t
	}
	if c.Form != Verbatim {
		s = strings.TrimSpace(s)
	}
	switch r.im.t.odd[[2]int{r.i, col}] {
	case oddError:
		r.fault(c.Name, check.Syntax, fmt.Sprintf("%q is a formula or an error, not a value", short(s)), "replace the formula by its value: copy, paste special, values")
		return "", false
	case oddDate:
		r.fault(c.Name, check.Syntax, fmt.Sprintf("a spreadsheet has made the date %s of it", s), asText)
		return "", false
	case oddFormula:
		r.notice(col, "formula", "the cell is a formula; its last result was taken")
	}
	sure := r.im.t.odd[[2]int{r.i, col}] == oddText && c.Form != Phone
	if c.Form != Text && !sure && dated.MatchString(s) {
		r.fault(c.Name, check.Syntax, fmt.Sprintf("a spreadsheet has made the date %s of it", s), asText)
		return "", false
	}
	if c.Form == Text || c.Form == Degrees || c.Form == Truth || c.List {
		return s, true
	}
	if !sure && exponent.MatchString(s) {
		return r.expanded(c, col, s)
	}
	return r.mend(c, col, s)
}

// expanded writes 1.6175550100E+10 out, when no digit of it is lost.
func (r *row) expanded(c *Column, col int, s string) (string, bool) {
	m := exponent.FindStringSubmatch(s)
	n, _ := strconv.Atoi(m[3])
	f, ok := new(big.Float).SetPrec(128).SetString(strings.Replace(s, ",", ".", 1))
	// A number in which no digit but trailing zeros is missing: all were written.
	if !ok || c.Form != Phone || n != len(m[2]) {
		r.fault(c.Name, check.Syntax, fmt.Sprintf("a spreadsheet has made the number %s of it, and digits are lost", s), asText)
		return "", false
	}
	text := f.Text('f', 0)
	r.notice(col, "scientific", fmt.Sprintf("%s was read as %s digits written out", m[0][:1]+"…E+"+m[3], strconv.Itoa(len(text))))
	return r.mend(c, col, text)
}

func (r *row) mend(c *Column, col int, s string) (string, bool) {
	switch c.Form {
	case Phone:
		return r.phone(c, col, s)
	case Postal:
		return r.postal(col, s), true
	case Hardware:
		if whole.MatchString(s) && len(s) < 12 {
			r.fault(c.Name, check.Syntax, fmt.Sprintf("%s has %d digits instead of 12: a spreadsheet has cut off leading zeros", s, len(s)), asText)
			return "", false
		}
		if m, err := e911.ParseMAC(s); err == nil {
			return string(m), true
		}
	case Choice:
		for _, v := range c.Values {
			if strings.EqualFold(v, s) {
				return v, true
			}
		}
		r.fault(c.Name, check.Syntax, fmt.Sprintf("%q is not one of the words of this column", short(s)), "write "+strings.Join(c.Values, ", "))
		return "", false
	}
	return s, true
}

// phone reads a telephone number. What cannot be read stays as it is, for check to
// refuse: it knows emergency strings from slips.
func (r *row) phone(c *Column, col int, s string) (string, bool) {
	// The apostrophe that keeps a spreadsheet's hands off stays when the plus sign
	// behind it is deleted.
	s = strings.TrimPrefix(s, "'")
	if pointed.MatchString(s) {
		r.notice(col, "decimal", "the .0 behind a number was taken off")
		s = s[:strings.IndexAny(s, ".,")]
	}
	n, err := e911.ParseNumber(s)
	switch {
	case err == nil:
		if !strings.HasPrefix(s, "+") {
			r.notice(col, "plus", "the number has no plus sign and was read as North American")
		}
		return string(n), true
	case whole.MatchString(s) && len(s) > 11:
		r.fault(c.Name, check.Syntax, "the number has no plus sign and is not North American", "write the plus sign and the country code; a spreadsheet takes the sign away unless the column is text")
		return "", false
	}
	return s, true
}

// postal gives US ZIP codes their leading zeros back: they have five digits, or
// nine.
func (r *row) postal(col int, s string) string {
	country := strings.ToUpper(strings.TrimSpace(r.raw("country")))
	if country == "CA" || !whole.MatchString(s) || len(s) == 5 {
		return s
	}
	switch len(s) {
	case 3, 4:
		out := strings.Repeat("0", 5-len(s)) + s
		r.notice(col, "zeros", fmt.Sprintf("the postal code %s was read as %s", s, out))
		return out
	case 7, 8, 9:
		out := strings.Repeat("0", 9-len(s)) + s
		out = out[:5] + "-" + out[5:]
		r.notice(col, "zeros", fmt.Sprintf("the postal code %s was read as %s", s, out))
		return out
	}
	return s
}

// truths are how spreadsheets in English, French and Spanish show it.
var (
	yes = []string{"true", "yes", "y", "1", "x", "on", "vrai", "oui", "verdadero"}
	no  = []string{"false", "no", "n", "0", "off", "faux", "non", "falso"}
)

// truth reads TRUE and FALSE. Set is false where nothing is to be done: FALSE, when
// the import only adds.
func (r *row) truth(col, s string) (v, set bool) {
	switch l := strings.ToLower(s); {
	case slices.Contains(yes, l):
		if r.im.suspended[col] {
			r.fault(col, check.Forbidden, "the service is suspended and cannot be given", "write FALSE, or leave the cell empty")
			return false, false
		}
		return true, true
	case l == "" || slices.Contains(no, l):
		return false, r.im.o.Mode == Replace
	}
	r.fault(col, check.Syntax, fmt.Sprintf("%q is neither TRUE nor FALSE", short(s)), "write TRUE or FALSE")
	return false, false
}

// Remove before a value takes it out.
const Remove = "REMOVE|"

// split parts the values of a list.
func split(c *Column, s string) []string {
	var out []string
	cut := func(r rune) bool { return r == ';' || r == ',' || r == '\n' }
	if c.Form == Verbatim { // web addresses: no space is in them
		cut = func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }
	}
	for _, v := range strings.FieldsFunc(s, cut) {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func join(c *Column, list []string) string {
	if c.Form == Verbatim {
		return strings.Join(list, " ")
	}
	return strings.Join(list, "; ")
}

// list says what becomes of the values of a list cell. One with REMOVE| in it is a
// list of changes; otherwise it is the whole list, or what is added to it, as the
// mode has it.
func (r *row) list(c *Column, have []string, s string) (out []string, ok bool) {
	col := r.im.at[c.Name] - 1
	var plus, minus []string
	for _, v := range split(c, s) {
		rest, gone := strings.CutPrefix(v, Remove)
		if rest = strings.TrimSpace(rest); rest == "" {
			minus = append(minus, have...)
			continue
		}
		m := rest
		if c.Form != Verbatim {
			if m, ok = r.mend(c, col, rest); !ok {
				return nil, false
			}
		}
		if gone {
			minus = append(minus, m)
		} else if !slices.Contains(plus, m) {
			plus = append(plus, m)
		}
	}
	if len(minus) > 0 && r.im.o.Mode != Replace {
		r.fault(c.Name, check.Forbidden, "this import only adds, and "+Remove+" takes out", "import it in the mode that adds and removes")
		return nil, false
	}
	if len(minus) == 0 && r.im.o.Mode == Replace {
		if sameSet(plus, have) {
			return have, true
		}
		return plus, true
	}
	out = slices.DeleteFunc(slices.Clone(have), func(v string) bool { return slices.Contains(minus, v) })
	for _, v := range plus {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out, true
}

func sameSet(a, b []string) bool {
	has := func(list []string) func(string) bool {
		return func(s string) bool { return !slices.Contains(list, s) }
	}
	return !slices.ContainsFunc(a, has(b)) && !slices.ContainsFunc(b, has(a))
}
