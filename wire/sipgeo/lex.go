package sipgeo

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Bounds of what is read of one message.
const (
	maxValues = 16
	maxURI    = 2048
	maxHeader = 16 << 10
)

// values splits headers at commas that stand outside brackets and quotes.
func values(headers []string) []string {
	var out []string
	for _, h := range headers {
		if len(h) > maxHeader {
			continue
		}
		start, quoted, inside := 0, false, false
		for i := 0; i <= len(h) && len(out) < maxValues; i++ {
			switch {
			case i == len(h) || (h[i] == ',' && !quoted && !inside):
				if v := strings.Trim(h[start:i], " \t\r\n"); v != "" {
					out = append(out, v)
				}
				start = i + 1
			case quoted && h[i] == '\\':
				i++
			case h[i] == '"' && !inside:
				quoted = !quoted
			case h[i] == '<' && !quoted:
				inside = true
			case h[i] == '>':
				inside = false
			}
		}
	}
	return out
}

// bracketed takes `<uri>;params` apart. A bare URI is taken too; what follows
// its first semicolon are then parameters.
func bracketed(v string) (uri, params string, ok bool) {
	if open := strings.IndexByte(v, '<'); open >= 0 {
		rest := v[open+1:]
		uri, params, ok = strings.Cut(rest, ">")
		params = strings.Trim(params, " \t")
		if !ok || (params != "" && params[0] != ';') {
			return "", "", false
		}
		params = strings.TrimPrefix(params, ";")
	} else {
		uri, params, _ = strings.Cut(v, ";")
	}
	uri = strings.Trim(uri, " \t")
	return uri, oneLine(params), checkURI(uri) == nil
}

// oneLine returns parameters that keep to the grammar, the others left out.
func oneLine(s string) string {
	var kept []string
	for name, value := range params(s) {
		if p, err := parameter(name, value); err == nil {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}

// params goes over parameters separated by semicolons outside of quotes; the
// value stands as written, quotes included.
func params(s string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for s != "" {
			end, quoted := 0, false
			for ; end < len(s) && (quoted || s[end] != ';'); end++ {
				switch {
				case quoted && s[end] == '\\':
					end++
				case s[end] == '"':
					quoted = !quoted
				}
			}
			end = min(end, len(s))
			name, value, _ := strings.Cut(s[:end], "=")
			name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
			if name != "" && !yield(name, value) {
				return
			}
			s = strings.TrimPrefix(s[end:], ";")
		}
	}
}

// param finds a parameter, case of the name aside, and takes its quotes off.
func param(s, name string) (string, bool) {
	for n, v := range params(s) {
		if strings.EqualFold(n, name) {
			return unquote(v), true
		}
	}
	return "", false
}

// without returns the parameters that have none of the names.
func without(s string, names ...string) string {
	var kept []string
next:
	for n, v := range params(s) {
		for _, name := range names {
			if strings.EqualFold(n, name) {
				continue next
			}
		}
		if p, err := parameter(n, v); err == nil {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}

// parameter writes one generic-param (RFC 3261, section 25.1).
func parameter(name, value string) (string, error) {
	if !isToken(name) {
		return "", fmt.Errorf("%q is no name of a parameter", clip(name))
	}
	if value == "" {
		return name, nil
	}
	if !isToken(value) && !isQuoted(value) && !isHost(value) {
		return "", fmt.Errorf("parameter %s: %q is neither token, host nor quoted", name, clip(value))
	}
	return name + "=" + value, nil
}

// checkParams reports what in "a=b;c" is no parameter.
func checkParams(s string) error {
	for part := range splitParams(s) {
		name, value, equals := strings.Cut(part, "=")
		name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
		if equals && value == "" {
			return fmt.Errorf("parameter %s has no value", clip(name))
		}
		if _, err := parameter(name, value); err != nil {
			return err
		}
	}
	return nil
}

// splitParams is params without leniency: also empty ones.
func splitParams(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for start, i, quoted := 0, 0, false; s != "" && i <= len(s); i++ {
			switch {
			case i == len(s) || (s[i] == ';' && !quoted):
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			case quoted && s[i] == '\\':
				i = min(i+1, len(s)-1)
			case s[i] == '"':
				quoted = !quoted
			}
		}
	}
}

// isToken is RFC 3261's token.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte("-.!%*_+`'~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isHost takes an IPv6 literal; names and IPv4 addresses are tokens anyway.
func isHost(s string) bool {
	inside, ok := strings.CutPrefix(s, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	return ok && closed && inside != "" && strings.Trim(inside, "0123456789abcdefABCDEF:.") == ""
}

// isQuoted is RFC 3261's quoted-string; bytes beyond ASCII may be any.
func isQuoted(s string) bool {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) || s[i] == '\r' || s[i] == '\n' || s[i] >= 0x80 {
				return false
			}
		case c == '"', c < ' ' && c != '\t', c == 0x7f:
			return false
		}
	}
	return true
}

// quote writes a quoted-string, and fails where text has controls.
func quote(s string) (string, error) {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		if (c < ' ' && c != '\t') || c == 0x7f {
			return "", errors.New("a control character in a quoted text")
		}
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String(), nil
}

// unquote takes the quotes and escapes off, if there are any.
func unquote(s string) string {
	if !isQuoted(s) {
		return strings.Trim(s, `"`)
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// checkURI reports why s is no absolute URI that may stand in angle brackets
// (RFC 3986).
func checkURI(s string) error {
	scheme := schemeOf(s)
	switch {
	case scheme == "" || len(s) == len(scheme)+1:
		return fmt.Errorf("%q is no absolute URI", clip(s))
	case len(s) > maxURI:
		return fmt.Errorf("a URI of %d bytes", len(s))
	}
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"\\^`{|}", c) >= 0 {
			return fmt.Errorf("%q holds what a URI cannot", clip(s))
		}
		if c == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			return fmt.Errorf("%q has a broken escape", clip(s))
		}
	}
	return nil
}

// schemeOf returns the scheme in lower case, empty when there is none.
func schemeOf(s string) string {
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || scheme == "" {
		return ""
	}
	for i := range len(scheme) {
		c := scheme[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || (scheme[i] < '0' || scheme[i] > '9') && strings.IndexByte("+-.", scheme[i]) < 0) {
			return ""
		}
	}
	return strings.ToLower(scheme)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// clip keeps what a stranger sent from filling an error text.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// list joins values that format can write and the errors of the others.
func list[T any](vs []T, format func(T) (string, error)) (string, error) {
	var (
		b    strings.Builder
		errs []error
	)
	for i, v := range vs {
		s, err := format(v)
		if err != nil {
			errs = append(errs, fmt.Errorf("value %d: %w", i+1, err))
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(s)
	}
	return b.String(), errors.Join(errs...)
}
