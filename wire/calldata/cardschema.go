package calldata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// rule says what the schema lets stand in a property or in a parameter. A
// pattern of values is a list of kinds in their order; a kind that ends in *
// may stand any number of times, in ? once or not at all, in + at least once,
// and kinds with | between exclude each other.
type rule struct {
	name   string
	params string // names, in their order
	values string
	once   bool
}

const (
	anyDate   = "date|time|date-time|text"
	usual     = "altid pid pref type mediatype"
	spoken    = "language altid pid pref type"
	dateParts = "altid calscale"
)

// cardRules are the properties in the order of the schema (RFC 7852, appendix
// A): it is the only order it takes.
var cardRules = [...]rule{
	{"adr", spoken + " geo tz label", "pobox* ext* street* locality* region* code* country*", false},
	{"anniversary", dateParts, anyDate, true},
	{"bday", dateParts, anyDate, true},
	{"caladruri", usual, "uri", false},
	{"caluri", usual, "uri", false},
	{"categories", "altid pid pref type", "text+", false},
	{"clientpidmap", "", "sourceid uri", false},
	{"email", "altid pid pref type", "text", false},
	{"fburl", usual, "uri", false},
	{"fn", spoken, "text", false},
	{"geo", usual, "uri", false},
	{"impp", usual, "uri", false},
	{"key", usual, "uri|text", false},
	{"kind", "", "text", true},
	{"lang", "altid pid pref type", "language-tag", false},
	{"logo", spoken + " mediatype", "uri", false},
	{"member", "altid pid pref mediatype", "uri", false},
	{"n", "language sort-as altid", "surname* given* additional* prefix* suffix*", true},
	{"nickname", spoken, "text+", false},
	{"note", spoken, "text", false},
	{"org", spoken + " sort-as", "text+", false},
	{"photo", usual, "uri", false},
	{"prodid", "", "text", true},
	{"related", usual, "uri|text", false},
	{"rev", "", "timestamp", true},
	{"role", spoken, "text", false},
	{"gender", "", "sex identity?", true},
	{"sound", spoken + " mediatype", "uri", false},
	{"source", "altid pid pref mediatype", "uri", false},
	{"tel", usual, "text|uri", false},
	{"title", spoken, "text", false},
	{"tz", usual, "text|uri|utc-offset", false},
	{"uid", "", "uri", true},
	{"url", usual, "uri", false},
}

var paramRules = [...]rule{
	{name: "altid", values: "text"},
	{name: "calscale", values: "text"},
	{name: "geo", values: "uri"},
	{name: "label", values: "text"},
	{name: "language", values: "language-tag"},
	{name: "mediatype", values: "text"},
	{name: "pid", values: "text+"},
	{name: "pref", values: "integer"},
	{name: "sort-as", values: "text+"},
	{name: "type", values: "text+"},
	{name: "tz", values: "text|uri"},
}

// order is where a property stands in the schema; those it does not have stand
// last.
func order(name string) int {
	i := slices.IndexFunc(cardRules[:], func(r rule) bool { return r.name == name })
	if i < 0 {
		return len(cardRules)
	}
	return i
}

func (c VCard) check() error {
	if err := checkProperties(c.Properties); err != nil {
		return xmltok.Within("vcard", err)
	}
	for i, g := range c.Groups {
		if err := g.check(); err != nil {
			return xmltok.Within("vcard", xmltok.Within(xmltok.Nth("group", i), err))
		}
	}
	return nil
}

func (g Group) check() error {
	if !xmltok.ValidText(g.Name) || xmltok.Trim(g.Name) == "" {
		return &ParseError{Reason: "a group needs a name"}
	}
	return checkProperties(g.Properties)
}

// checkProperties checks one sequence of properties: an "fn" is needed in
// every one, also in a group.
func checkProperties(ps []Property) error {
	named := false
	for i, p := range ps {
		named = named || p.Name == "fn"
		at := order(p.Name)
		if at == len(cardRules) {
			return &ParseError{Path: "/" + p.Name, Reason: "the schema of RFC 7852 has no such property"}
		}
		r := cardRules[at]
		if r.once && slices.IndexFunc(ps, func(q Property) bool { return q.Name == p.Name }) < i {
			return &ParseError{Path: "/" + p.Name, Reason: "more than one"}
		}
		if err := p.check(r); err != nil {
			return xmltok.Within(p.Name, err)
		}
	}
	if !named {
		return &ParseError{Reason: "an fn is needed"}
	}
	return nil
}

func (p Property) check(r rule) error {
	allowed := strings.Fields(r.params)
	for i, param := range p.Params {
		if !slices.Contains(allowed, param.Name) {
			return &ParseError{Path: "/parameters/" + param.Name, Reason: "not a parameter of this property"}
		}
		if slices.IndexFunc(p.Params, func(q Param) bool { return q.Name == param.Name }) < i {
			return &ParseError{Path: "/parameters/" + param.Name, Reason: "more than one"}
		}
		at := slices.IndexFunc(paramRules[:], func(r rule) bool { return r.name == param.Name })
		if err := checkValues(param.Values, paramRules[at].values); err != nil {
			return xmltok.Within("parameters", xmltok.Within(param.Name, err))
		}
		for _, v := range param.Values {
			if reason := param.wrong(p.Name, v.Text); reason != "" {
				return &ParseError{Path: "/parameters/" + param.Name, Reason: reason}
			}
		}
	}
	return checkValues(p.Values, r.values)
}

// related are the types that "related" may have beside work and home.
var related = [...]string{
	"contact", "acquaintance", "friend", "met", "co-worker", "colleague", "co-resident", "neighbor", "child", "parent",
	"sibling", "spouse", "kin", "muse", "crush", "date", "sweetheart", "me", "agent", "emergency",
}

// wrong says what is wrong with a parameter's value beyond its kind.
func (param Param) wrong(property, text string) string {
	switch param.Name {
	case "pref":
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 100 {
			return "not from 1 to 100"
		}
	case "type":
		text = xmltok.Collapse(text)
		if property != "tel" && text != "work" && text != "home" && (property != "related" || !slices.Contains(related[:], text)) {
			return strconv.Quote(text) + " is no type of this property"
		}
	case "calscale":
		if xmltok.Collapse(text) != "gregorian" {
			return "only gregorian is known"
		}
	case "pid":
		major, minor, dotted := strings.Cut(text, ".")
		if !digits(major, len(major)) || major == "" || (dotted && (minor == "" || !digits(minor, len(minor)))) {
			return "not a number such as 1 or 1.2"
		}
	}
	return ""
}

// checkValues holds values against a pattern of rule.values.
func checkValues(vs []Value, pattern string) error {
	i := 0
	for part := range strings.FieldsSeq(pattern) {
		kinds, count := part, 0
		least, most := 1, 1
		if last := part[len(part)-1]; strings.IndexByte("*+?", last) >= 0 {
			kinds = part[:len(part)-1]
			least, most = map[byte]int{'*': 0, '+': 1, '?': 0}[last], map[byte]int{'*': maxValues, '+': maxValues, '?': 1}[last]
		}
		for ; i < len(vs) && count < most && slices.Contains(strings.Split(kinds, "|"), vs[i].Kind); count++ {
			if reason := vs[i].wrong(); reason != "" {
				return &ParseError{Path: "/" + vs[i].Kind, Reason: reason}
			}
			i++
		}
		if count < least {
			return &ParseError{Reason: "a value of kind " + kinds + " is missing"}
		}
	}
	if i < len(vs) {
		return &ParseError{Path: "/" + vs[i].Kind, Reason: "not a value that may stand there"}
	}
	return nil
}

// wrong says what is wrong with a value of its kind.
func (v Value) wrong() string {
	if !xmltok.ValidText(v.Text) {
		return "a character that XML does not have"
	}
	ok := true
	switch v.Kind {
	case "uri":
		ok = xmltok.ValidURI(xmltok.Collapse(v.Text))
	case "language-tag":
		ok = isLanguage(v.Text)
	case "integer":
		_, err := strconv.Atoi(v.Text)
		ok = err == nil
	case "sourceid":
		n, err := strconv.Atoi(v.Text)
		ok = err == nil && n > 0
	case "sex":
		ok = v.Text == "" || (len(v.Text) == 1 && strings.Contains("MFONU", v.Text))
	case "date":
		ok = isDate(v.Text)
	case "time":
		ok = isTime(v.Text)
	case "date-time":
		ok = isDateTime(v.Text)
	case "timestamp":
		date, clock, _ := strings.Cut(v.Text, "T")
		ok = digits(date, 8) && len(clock) >= 6 && digits(clock[:6], 6) && isZone(clock[6:])
	case "utc-offset":
		ok = v.Text != "" && v.Text != "Z" && isZone(v.Text)
	}
	if !ok {
		return fmt.Sprintf("%q is no %s", v.Text, v.Kind)
	}
	return ""
}

func digits(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789") == ""
}

// isDate is \d{8}|\d{4}-\d\d|--\d\d(\d\d)?|---\d\d.
func isDate(s string) bool {
	if rest, ok := strings.CutPrefix(s, "---"); ok {
		return digits(rest, 2)
	}
	if rest, ok := strings.CutPrefix(s, "--"); ok {
		return digits(rest, 2) || digits(rest, 4)
	}
	year, month, dashed := strings.Cut(s, "-")
	return digits(s, 8) || (dashed && digits(year, 4) && digits(month, 2))
}

// isTime is (\d\d(\d\d(\d\d)?)?|-\d\d(\d\d?)|--\d\d)(Z|[+\-]\d\d(\d\d)?)?; the
// third digit after one dash is a slip of the schema that it insists on.
func isTime(s string) bool {
	dashes := len(s) - len(strings.TrimLeft(s, "-"))
	n := 0
	for rest := s[dashes:]; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
	}
	ok := false
	switch dashes {
	case 0:
		ok = n == 2 || n == 4 || n == 6
	case 1:
		ok = n == 3 || n == 4
	case 2:
		ok = n == 2
	}
	return ok && isZone(s[dashes+n:])
}

// isDateTime is (\d{8}|--\d{4}|---\d\d)T\d\d(\d\d(\d\d)?)?(Z|[+\-]\d\d(\d\d)?)?.
func isDateTime(s string) bool {
	date, clock, ok := strings.Cut(s, "T")
	if !ok || strings.HasPrefix(clock, "-") {
		return false
	}
	ok = digits(date, 8) || (len(date) == 6 && isDate(date) && !strings.HasPrefix(date, "---")) || (len(date) == 5 && isDate(date) && strings.HasPrefix(date, "---"))
	return ok && isTime(clock)
}

// isZone is (Z|[+\-]\d\d(\d\d)?)?.
func isZone(s string) bool {
	if s == "" || s == "Z" {
		return true
	}
	return (s[0] == '+' || s[0] == '-') && (digits(s[1:], 2) || digits(s[1:], 4))
}

// Timestamp makes the property "rev".
func Timestamp(at time.Time) Property {
	return Property{Name: "rev", Values: []Value{{"timestamp", at.UTC().Format("20060102T150405Z")}}}
}
