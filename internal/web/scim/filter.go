package scim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// maxFilter bounds a filter or a path, in octets; the parser recurses.
const maxFilter = 2000

// parseFilter reads a filter of RFC 7644, section 3.4.2.2.
func parseFilter(s string) (e filter.Expression, err error) {
	if len(s) > maxFilter {
		return nil, invalid(badFilter, "the filter has more than %d octets", maxFilter)
	}
	defer func() {
		if recover() != nil { // the parser's fault costs one request
			e, err = nil, invalid(badFilter, "the filter cannot be read")
		}
	}()
	if e, err = filter.ParseFilter([]byte(inBrackets(s))); err != nil {
		return nil, invalid(badFilter, "the filter cannot be read: it is written like userName eq \"ann\"")
	}
	return e, nil
}

// inBrackets writes a comparison behind brackets into them. Entra ID asks so for the
// work address, which the grammar of filters does not have and that of paths has:
//
//	emails[type eq "work"].value eq "ann@example.com"
//	emails[type eq "work" and value eq "ann@example.com"]
func inBrackets(s string) string {
	var out strings.Builder
	for s != "" {
		n := next(s)
		m := behind.FindStringSubmatch(s[n:])
		if m == nil {
			n = min(n+1, len(s))
			out.WriteString(s[:n])
		} else {
			out.WriteString(s[:n] + " and " + m[1] + "]")
			n += len(m[0])
		}
		s = s[n:]
	}
	return out.String()
}

// behind is a bracket that closes, and a comparison of a part of what it is about.
var behind = regexp.MustCompile(`^\]\.([A-Za-z$][\w$-]*(?: +(?i:pr)| +[A-Za-z]{2} +(?:"(?:[^"\\]|\\.)*"|[^\s"()\[\]]+)))`)

// next is where the first bracket closes that is not in a text; else the length.
func next(s string) int {
	text := false
	for i := 0; i < len(s); i++ {
		switch {
		case text && s[i] == '\\':
			i++
		case s[i] == '"':
			text = !text
		case s[i] == ']' && !text:
			return i
		}
	}
	return len(s)
}

// parsePath reads the path of a patch (RFC 7644, section 3.5.2).
func parsePath(s string) (p filter.Path, err error) {
	if len(s) > maxFilter {
		return p, invalid(badPath, "the path has more than %d octets", maxFilter)
	}
	defer func() {
		if recover() != nil {
			p, err = filter.Path{}, invalid(badPath, "the path cannot be read")
		}
	}()
	if p, err = filter.ParsePath([]byte(s)); err != nil {
		return p, invalid(badPath, "the path %q cannot be read", short(s))
	}
	return p, nil
}

// literal is the value that an expression compares with. The parser leaves escapes in
// texts as they are written.
func literal(v any) any {
	s, ok := v.(string)
	if !ok || !strings.Contains(s, `\`) {
		return v
	}
	var out string
	if json.Unmarshal([]byte(`"`+s+`"`), &out) != nil {
		return v
	}
	return out
}

// home is where an attribute path begins: in the resource, or in an extension.
func home(t *resourceType, o object, p filter.AttributePath) (object, []attribute) {
	urn := p.URI()
	switch {
	case urn == "" || t != nil && strings.EqualFold(urn, t.urn):
		if t == nil {
			return o, nil
		}
		return o, t.attributes
	case strings.EqualFold(urn, enterpriseURN):
		x, _ := lookup(o, enterpriseURN)
		inner, _ := x.(object)
		return inner, enterpriseAttributes
	}
	x, _ := lookup(o, urn)
	inner, _ := x.(object)
	return inner, nil
}

// values are those that a path leads to, each as it is compared, and whether letters
// count.
func values(t *resourceType, list []attribute, o object, p filter.AttributePath) (out []any, exact bool) {
	if t == users && p.URI() == "" && find(t.attributes, p.AttributeName) == nil && find(enterpriseAttributes, p.AttributeName) != nil {
		urn := enterpriseURN // Entra ID asks for the manager without it
		p.URIPrefix = &urn
	}
	in, known := home(t, o, p)
	if list != nil {
		known = list
	}
	a := find(known, p.AttributeName)
	v, ok := lookup(in, p.AttributeName)
	if !ok {
		return nil, false
	}
	sub := p.SubAttributeName()
	if a != nil {
		exact = a.exact
		if s := find(a.subs, sub); s != nil {
			exact = s.exact
		}
	}
	if strings.EqualFold(p.AttributeName, "id") {
		exact = true
	}
	all, isList := v.([]any)
	if !isList {
		all = []any{v}
	}
	for _, x := range all {
		if inner, ok := x.(object); ok {
			name := sub
			if name == "" {
				name = "value"
			}
			if y, ok := lookup(inner, name); ok {
				out = append(out, y)
			} else if sub == "" {
				out = append(out, inner)
			}
			continue
		}
		if sub == "" {
			out = append(out, x)
		}
	}
	return out, exact
}

// matches reports whether an object is one that a filter asks for. In the brackets of
// a path t is nil and list has the sub-attributes.
func matches(e filter.Expression, t *resourceType, list []attribute, o object) bool {
	switch x := e.(type) {
	case *filter.AttributeExpression:
		return compare(x, t, list, o)
	case *filter.LogicalExpression:
		if x.Operator == filter.AND {
			return matches(x.Left, t, list, o) && matches(x.Right, t, list, o)
		}
		return matches(x.Left, t, list, o) || matches(x.Right, t, list, o)
	case *filter.NotExpression:
		return !matches(x.Expression, t, list, o)
	case *filter.ValuePath:
		in, known := home(t, o, x.AttributePath)
		var subs []attribute
		if a := find(known, x.AttributePath.AttributeName); a != nil {
			subs = a.subs
		}
		v, _ := lookup(in, x.AttributePath.AttributeName)
		all, isList := v.([]any)
		if !isList {
			all = []any{v}
		}
		for _, y := range all {
			if inner, ok := y.(object); ok && matches(x.ValueFilter, nil, subs, inner) {
				return true
			}
		}
	}
	return false
}

func compare(x *filter.AttributeExpression, t *resourceType, list []attribute, o object) bool {
	vals, exact := values(t, list, o, x.AttributePath)
	want := literal(x.CompareValue)
	switch {
	case x.Operator == filter.PR:
		return len(vals) > 0
	case want == nil: // eq null: there is no value
		return (len(vals) == 0) == (x.Operator == filter.EQ)
	case x.Operator == filter.NE:
		for _, v := range vals {
			if one(filter.EQ, v, want, exact) {
				return false
			}
		}
		return true
	}
	for _, v := range vals {
		if one(x.Operator, v, want, exact) {
			return true
		}
	}
	return false
}

func one(op filter.CompareOperator, v, want any, exact bool) bool {
	if b, ok := v.(bool); ok {
		w, isBool := want.(bool)
		if s, isText := want.(string); isText { // Entra ID asks active eq "true" at times
			w, isBool = strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
		}
		return op == filter.EQ && isBool && b == w
	}
	switch v.(type) {
	case string, json.Number:
	default:
		return false
	}
	a, b := fmt.Sprint(v), fmt.Sprint(want)
	if !exact {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	switch op {
	case filter.EQ:
		return a == b
	case filter.CO:
		return strings.Contains(a, b)
	case filter.SW:
		return strings.HasPrefix(a, b)
	case filter.EW:
		return strings.HasSuffix(a, b)
	case filter.GT:
		return a > b
	case filter.GE:
		return a >= b
	case filter.LT:
		return a < b
	case filter.LE:
		return a <= b
	}
	return false
}

// sole is what a filter asks when it asks for one value of one attribute.
func sole(e filter.Expression, name string) (string, bool) {
	x, ok := e.(*filter.AttributeExpression)
	if !ok || x.Operator != filter.EQ || !strings.EqualFold(x.AttributePath.AttributeName, name) || x.AttributePath.SubAttribute != nil || x.AttributePath.URI() != "" {
		return "", false
	}
	s, ok := literal(x.CompareValue).(string)
	return s, ok && s != "" && !strings.ContainsRune(s, 0) // no database takes a NUL
}
