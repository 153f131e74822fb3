package xmltok

import "unicode/utf8"

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// isChar reports whether XML 1.0 has the character (production 2).
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || (r >= 0x20 && r <= 0xD7FF) ||
		(r >= 0xE000 && r <= 0xFFFD) || (r >= 0x10000 && r <= utf8.MaxRune)
}

// Classes of ASCII characters.
const (
	startsName  = 1 << iota // may begin a Name, colon included
	inName                  // may stand in one
	escapeText              // is not written as it is in character data
	escapeValue             // ... in an attribute value
)

var class = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
			t[c] = startsName | inName
		case c >= '0' && c <= '9', c == '-', c == '.':
			t[c] = inName
		case c == '&', c == '<', c == '>', c == '\r', c >= utf8.RuneSelf, c < ' ' && c != '\t' && c != '\n':
			t[c] = escapeText | escapeValue
		case c == '"', c == '\t', c == '\n':
			t[c] = escapeValue
		}
	}
	return t
}()

// nameStart is production 4 of XML 1.0, fifth edition, without the colon.
func nameStart(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		return true
	case r < 0xC0, r == 0xD7, r == 0xF7:
		return false
	}
	return r <= 0x2FF || within(r, 0x370, 0x37D) || within(r, 0x37F, 0x1FFF) || within(r, 0x200C, 0x200D) ||
		within(r, 0x2070, 0x218F) || within(r, 0x2C00, 0x2FEF) || within(r, 0x3001, 0xD7FF) ||
		within(r, 0xF900, 0xFDCF) || within(r, 0xFDF0, 0xFFFD) || within(r, 0x10000, 0xEFFFF)
}

// nameRest is what production 4a adds beyond ASCII.
func nameRest(r rune) bool {
	return r == 0xB7 || within(r, 0x300, 0x36F) || within(r, 0x203F, 0x2040)
}

func within(r, lo, hi rune) bool { return r >= lo && r <= hi }

// AppendText appends s as character data. What XML cannot hold becomes U+FFFD,
// so that the result is well-formed whatever s is.
func AppendText(dst []byte, s string) []byte { return escape(dst, s, false) }

// AppendAttr appends ` name="s"`, escaped.
func AppendAttr(dst []byte, name, s string) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, '=', '"')
	dst = escape(dst, s, true)
	return append(dst, '"')
}

// AppendElement appends <name>s</name>; nothing when s is empty.
func AppendElement(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, '>')
	dst = escape(dst, s, false)
	dst = append(dst, '<', '/')
	dst = append(dst, name...)
	return append(dst, '>')
}

func escape(dst []byte, s string, attr bool) []byte {
	stop := byte(escapeText)
	if attr {
		stop = escapeValue
	}
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if class[c]&stop == 0 {
			i++
			continue
		}
		n, with := 1, "\ufffd"
		switch c {
		case '&':
			with = "&amp;"
		case '<':
			with = "&lt;"
		case '>':
			with = "&gt;"
		case '"':
			with = "&quot;"
		case '\r':
			with = "&#13;"
		case '\t':
			with = "&#9;"
		case '\n':
			with = "&#10;"
		default:
			if c < utf8.RuneSelf {
				break
			}
			var r rune
			if r, n = utf8.DecodeRuneInString(s[i:]); (r != utf8.RuneError || n > 1) && isChar(r) {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = append(dst, with...)
		i += n
		start = i
	}
	return append(dst, s[start:]...)
}

// ValidText reports whether XML can hold every character of s: what it cannot,
// AppendText replaces, and an encoder that must not guess refuses.
func ValidText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || (c < ' ' && !isSpace(c)) {
			return validRunes(s)
		}
	}
	return true
}

func validRunes(s string) bool {
	for _, r := range s {
		if !isChar(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// IsNCName reports whether s can be a name without prefix, and so an xs:ID.
func IsNCName(s string) bool {
	for i, r := range s {
		if nameStart(r) {
			continue
		}
		rest := r == '-' || r == '.' || (r >= '0' && r <= '9') || nameRest(r)
		if i == 0 || !rest {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// IsLanguage reports whether s is an xs:language.
func IsLanguage(s string) bool {
	if s == "" {
		return false
	}
	n, first := 0, true
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-' && n > 0:
			n, first = 0, false
			continue
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', !first && c >= '0' && c <= '9':
			n++
		default:
			return false
		}
		if n > 8 {
			return false
		}
	}
	return n > 0
}
