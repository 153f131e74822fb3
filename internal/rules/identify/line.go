package identify

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// LineOf reads the number out of a name-addr, addr-spec or tel URI as it
// stands in From and P-Asserted-Identity (RFC 3261, section 20.10; RFC 3966).
func LineOf(value string) (e911.Number, bool) {
	user := UserOf(value)
	if user == "" {
		return "", false
	}
	n, err := e911.ParseNumber(user)
	return n, err == nil
}

// Asserted is the number that a request says it comes from: the first that can be
// read in P-Asserted-Identity, then From; empty without one. It proves nothing.
func Asserted(h Headers) e911.Number {
	for _, name := range []string{"P-Asserted-Identity", "From"} {
		for _, v := range h.All(name) {
			if n, ok := LineOf(v); ok {
				return n
			}
		}
	}
	return ""
}

// UserOf returns the user part of the URI in value without parameters and
// percent escapes; empty when there is none. Its length is bounded.
func UserOf(value string) string {
	uri := URIOf(value)
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	switch strings.ToLower(strings.TrimSpace(scheme)) {
	case "sip", "sips":
		user, _, has := strings.Cut(rest, "@")
		if !has {
			return ""
		}
		rest = user
	case "tel":
	default:
		return ""
	}
	if i := strings.IndexAny(rest, ";:?"); i >= 0 {
		rest = rest[:i]
	}
	const longest = 64 // no number, and no text that a finding should carry
	if len(rest) > longest {
		return ""
	}
	return unescape(rest)
}

// URIOf takes the URI out of a name-addr; a display name may hold anything in
// its quotes.
func URIOf(value string) string {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			uri, _, _ := strings.Cut(value[i+1:], ">")
			return strings.TrimSpace(uri)
		}
	}
	return strings.TrimSpace(value)
}

// AddrSpec is URIOf without what belongs to the header: the parameters behind a
// URI that stands without brackets (RFC 3261, section 20).
func AddrSpec(value string) string {
	uri := URIOf(value)
	if uri == strings.TrimSpace(value) {
		uri, _, _ = strings.Cut(uri, ";")
	}
	return strings.TrimSpace(uri)
}

// splitValues splits a header that holds several values at the commas that
// stand neither in quotes nor in angle brackets.
func splitValues(header string) []string {
	var out []string
	quoted, inURI, start := false, false, 0
	for i := 0; i < len(header); i++ {
		switch c := header[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !inURI:
			quoted = !quoted
		case quoted:
		case c == '<':
			inURI = true
		case c == '>':
			inURI = false
		case c == ',' && !inURI:
			out = append(out, header[start:i])
			start = i + 1
		}
	}
	return append(out, header[start:])
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexDigit(c byte) int {
	return strings.IndexByte("0123456789abcdef", c|0x20)
}
