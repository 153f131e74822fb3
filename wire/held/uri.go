package held

import (
	"strings"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// isURI reports, without work on the heap, whether s is a URI of the plain sort
// that nothing must be escaped in. False says nothing: cleanURI decides then.
func isURI(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon < 1 || colon+1 == len(s) {
		return false
	}
	for i := range colon {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (i == 0 || (s[i] < '0' || s[i] > '9') && s[i] != '+' && s[i] != '-' && s[i] != '.') {
			return false
		}
	}
	rest := s[colon+1:]
	if strings.HasPrefix(rest, "//") {
		host := rest[2:]
		if end := strings.IndexAny(host, "/?#"); end >= 0 {
			host = host[:end]
		}
		if !isHostPort(host) {
			return false
		}
	}
	for i := range len(rest) {
		if !uriByte[rest[i]] {
			return false
		}
	}
	return true
}

func isHostPort(s string) bool {
	if i := strings.IndexByte(s, ':'); i >= 0 {
		port := s[i+1:]
		if len(port) == 0 || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
		s = s[:i]
	}
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// uriByte has what may stand in a URI after its scheme, but for the percent
// sign, brackets and the fragment, which have rules of their own, and for what
// XML would escape.
var uriByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for _, c := range []byte("-._~:/?@!$()*+,;=") {
		t[c] = true
	}
	return t
}()

// cleanURI escapes what a URI cannot hold; empty when s is none even then. A
// relative reference of plain characters, such as a bare name, is taken too:
// the schemas of HELD have xs:anyURI.
func cleanURI(s string) string {
	if u := xmltok.CleanURI(s); u != "" {
		return u
	}
	if s == "" {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; c == ':' || !uriByte[c] {
			return ""
		}
	}
	return s
}

// appendURI appends s as the text of an element or attribute, which is not ok
// when s is no URI.
func appendURI(dst []byte, s string) ([]byte, bool) {
	if isURI(s) {
		return append(dst, s...), true
	}
	if s = cleanURI(s); s == "" {
		return dst, false
	}
	return xmltok.AppendText(dst, s), true
}
