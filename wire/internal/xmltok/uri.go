package xmltok

import (
	"net/url"
	"strings"
)

// CleanURI escapes what a URI cannot hold (RFC 3986) and returns "" for what is
// no absolute URI even then.
func CleanURI(s string) string {
	s = strings.TrimSpace(s)
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) || rest == "" {
		return ""
	}
	authority := 0 // brackets may stand before it alone
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if authority = strings.IndexAny(after, "/?#"); authority < 0 {
			authority = len(after)
		}
		authority += 2
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(scheme + ":")
	fragment := false
	for i := range len(rest) {
		c := rest[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~:/?@!$&'()*+,;=", c) >= 0
		switch c {
		case '[', ']':
			plain = i < authority
		case '#':
			plain = !fragment
			fragment = true
		case '%':
			plain = i+2 < len(rest) && isHex(rest[i+1]) && isHex(rest[i+2])
		}
		if plain {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	if _, err := url.Parse(b.String()); err != nil {
		return ""
	}
	return b.String()
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || (s[i] < '0' || s[i] > '9') && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// ValidURI reports whether s is an absolute URI that may be written as
// xs:anyURI just as it is. That type takes more than RFC 3986 does: characters
// that a URI cannot hold, a space between two others among them, stand for
// their escapes.
func ValidURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) || rest == "" || s != Collapse(s) || !ValidText(s) {
		return false
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		authority := after
		if i := strings.IndexAny(after, "/?#"); i >= 0 {
			authority = after[:i]
		}
		if !validAuthority(authority) {
			return false
		}
		rest = after[len(authority):]
		if authority == "" && rest == "" {
			return false
		}
	}
	return validEscapes(rest)
}

func validAuthority(s string) bool {
	if i := strings.IndexByte(s, '@'); i >= 0 {
		if !validEscapes(s[:i]) {
			return false
		}
		s = s[i+1:]
	}
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 2 || strings.Trim(s[1:end], "0123456789abcdefABCDEF:.") != "" {
			return false
		}
		host, port = "", s[end+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i:]
	}
	if strings.IndexByte(host, '@') >= 0 || !validEscapes(host) {
		return false
	}
	if port == "" {
		return true
	}
	// More digits than these are no port, and overflow some readers.
	return port[0] == ':' && len(port) >= 2 && len(port) <= 6 && strings.Trim(port[1:], "0123456789") == ""
}

// validEscapes is about what follows the authority, too: no brackets, and one
// fragment.
func validEscapes(s string) bool {
	fragment := false
	for i := range len(s) {
		switch s[i] {
		case '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
		case '[', ']':
			return false
		case '#':
			if fragment {
				return false
			}
			fragment = true
		}
	}
	return true
}
