// Package dialplan tells emergency and test calls from all others on the raw
// Request-URI, before anything else looks at it (law E2, C-99). It is pure and
// asks no configuration: no dial plan can make it miss 911 (F-37).
package dialplan

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// ServiceSOS is the service URN of a plain emergency call (RFC 5031).
const ServiceSOS = "urn:service:sos"

// ServiceTestSOS is the service URN of a plain test call (RFC 6881, section 15).
const ServiceTestSOS = "urn:service:test.sos"

// Match is what a dialled string asks for.
type Match struct {
	Class e911.CallClass
	// Service is the service URN in lower case, "urn:service:sos" for 911;
	// empty for 933.
	Service string
	// Prefixed holds the digits as dialled when 911 came with a prefix
	// (9911, 1911, 8911, +911, +1911): a warning, the call goes all the same
	// (N-35).
	Prefixed string
	// Number is what was dialled where a Plan knows it as the emergency number of
	// Country; none for 911.
	Number, Country string
}

// Detect reports whether rawURI asks for an emergency service, for 933 or for a
// test of an emergency service, and which. It never fails: what it does not
// understand is not an emergency call.
func Detect(rawURI string) (class e911.CallClass, service string, ok bool) {
	m, ok := Find(rawURI)
	return m.Class, m.Service, ok
}

// Find is Detect with the warning beside it. The digits must be the whole
// string that was dialled: visual separators, percent escapes, parameters,
// a password, a host and a closing # around them mean nothing, a further digit
// means another number.
func Find(rawURI string) (Match, bool) {
	if m, ok := serviceIn(rawURI); ok {
		return m, true
	}
	part, ok := dialledPart(rawURI)
	if !ok {
		return Match{}, false
	}
	return dialled(part)
}

// bare takes the URI out of a name-addr.
func bare(rawURI string) string {
	uri := strings.TrimSpace(rawURI)
	if rest, ok := strings.CutPrefix(uri, "<"); ok {
		uri, _, _ = strings.Cut(rest, ">")
	}
	return uri
}

// serviceIn finds a service URN: as the URI, or as the user of one, because some
// PBXs cannot put a URN into the Request-URI.
func serviceIn(rawURI string) (Match, bool) {
	uri := bare(rawURI)
	if scheme, rest, ok := strings.Cut(uri, ":"); ok {
		switch scheme = strings.TrimSpace(scheme); {
		case strings.EqualFold(scheme, "urn"):
			return service(uri)
		case strings.EqualFold(scheme, "sip"), strings.EqualFold(scheme, "sips"):
			uri = rest
		case strings.EqualFold(scheme, "tel"):
			return Match{}, false
		}
	}
	user, _, _ := strings.Cut(uri, "@")
	return service(user)
}

// dialledPart is the part of a URI that somebody dialled, with its separators
// and escapes: the user part, or the host where there is no user part (phones
// write "sip:911"), or the whole of what has no scheme, from a PBX that writes
// the bare number.
func dialledPart(rawURI string) (string, bool) {
	uri := bare(rawURI)
	if scheme, rest, ok := strings.Cut(uri, ":"); ok {
		switch scheme = strings.TrimSpace(scheme); {
		case strings.EqualFold(scheme, "tel"):
			return upTo(rest, ";?"), true
		case strings.EqualFold(scheme, "urn"):
			return "", false
		case strings.EqualFold(scheme, "sip"), strings.EqualFold(scheme, "sips"):
			uri = rest
		}
	}
	user, _, _ := strings.Cut(uri, "@")
	return upTo(user, ";:?"), true
}

// service reads a service URN (RFC 5031, section 4.2); its labels do not
// distinguish case. Every service below sos is an emergency, also one that is
// not registered; with "test." before it, it is a test call (RFC 6881, section
// 15).
func service(urn string) (Match, bool) {
	if !hasServicePrefix(urn) {
		return Match{}, false
	}
	text := strings.ToLower(unescape(upTo(urn, ";?#@")))
	m := Match{Class: e911.ClassEmergency, Service: ServiceSOS}
	labels, ok := strings.CutPrefix(text, ServiceSOS)
	if !ok {
		if labels, ok = strings.CutPrefix(text, ServiceTestSOS); !ok {
			return Match{}, false
		}
		m = Match{Class: e911.ClassTestURN, Service: ServiceTestSOS}
	}
	if labels == "" {
		return m, true
	}
	if labels[0] != '.' {
		return Match{}, false
	}
	// What cannot be sent on as a URN is sent on as plain sos.
	for label := range strings.SplitSeq(labels[1:], ".") {
		if !validLabel(label) {
			return m, true
		}
	}
	m.Service = text
	return m, true
}

// hasServicePrefix keeps ordinary numbers away from the copying in service.
func hasServicePrefix(s string) bool {
	return len(s) >= len(ServiceSOS) && (s[0] == 'u' || s[0] == 'U' || s[0] == '%')
}

// validLabel follows the let-dig-hyphen of RFC 5031, section 4.2: at most 27
// characters.
func validLabel(l string) bool {
	if l == "" || len(l) > 27 {
		return false
	}
	for _, c := range []byte(l) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// mostDigits is the length of the longest match: +1911.
const mostDigits = 5

// digitsOf writes what is left of s without visual separators; nothing when that
// is longer than any match.
func digitsOf(s string) (digits [mostDigits]byte, n int) {
	for i := 0; i < len(s); {
		c, size := octet(s[i:])
		i += size
		if strings.IndexByte("-.() \t", c) >= 0 {
			continue
		}
		if c == '#' && n > 0 && strings.Trim(unescape(s[i:]), "-.() \t#") == "" {
			break // the key that ends dialling on many phones
		}
		if n == len(digits) {
			return digits, 0
		}
		digits[n] = c
		n++
	}
	return digits, n
}

// dialled matches the digits that were dialled.
func dialled(s string) (Match, bool) {
	digits, n := digitsOf(s)
	switch d := string(digits[:n]); d {
	case "911":
		return Match{Class: e911.ClassEmergency, Service: ServiceSOS}, true
	case "9911", "1911", "8911", "+911", "+1911":
		// +1911 is what a PBX makes of 911 when it writes every number as
		// E.164; no number of that form exists.
		return Match{Class: e911.ClassEmergency, Service: ServiceSOS, Prefixed: d}, true
	case "933":
		return Match{Class: e911.ClassTest933}, true
	}
	return Match{}, false
}

// upTo cuts s before the first of the characters.
func upTo(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}

// octet reads the first octet of s, which is not empty, and how much of s it
// took. A percent sign without two digits stands for itself.
func octet(s string) (byte, int) {
	if s[0] == '%' && len(s) >= 3 {
		hi, ok1 := hexDigit(s[1])
		lo, ok2 := hexDigit(s[2])
		if ok1 && ok2 {
			return hi<<4 | lo, 3
		}
	}
	return s[0], 1
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c, size := octet(s[i:])
		out = append(out, c)
		i += size
	}
	return string(out)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// Crisis reports a call to 988, the suicide and crisis lifeline, with or without
// an outside digit. It is an ordinary call: no alert is raised for it, and Find
// never takes it for an emergency (W-12, F-22).
func Crisis(rawURI string) bool {
	uri := strings.TrimSpace(rawURI)
	if rest, ok := strings.CutPrefix(uri, "<"); ok {
		uri, _, _ = strings.Cut(rest, ">")
	}
	if scheme, rest, ok := strings.Cut(uri, ":"); ok && slices.Contains([]string{"sip", "sips", "tel"}, strings.ToLower(scheme)) {
		uri = rest
	}
	user, _, _ := strings.Cut(uri, "@")
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() \t#", r) {
			return -1
		}
		return r
	}, unescape(upTo(user, ";:?")))
	return slices.Contains([]string{"988", "9988", "8988", "1988", "+988", "+1988"}, digits)
}
