package civic

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is the number of characters that a field can have: the widths of
// NENA-STA-006 for the GIS data that an LVF compares with, doubled for the
// names that were abbreviated there, and 254 for the rest.
func width(field string) int {
	switch field {
	case "country":
		return 30
	case "A1", "PRD", "POD", "PCE", "ADDCODE", "PC":
		return 40
	case "PRM", "POM", "STPS", "HNP", "HNO", "HNS":
		return 50
	case "STP", "STS", "PLC":
		return 60
	case "FLR", "WING", "ROOM", "SEAT", "UNIT":
		return 100
	}
	return 254
}

// clean reports text without control characters, direction marks, line
// separators, invisible characters and broken UTF-8.
func clean(s string) bool {
	for i, r := range s {
		if r < 0x80 {
			if r < ' ' || r == 0x7f {
				return false
			}
			continue
		}
		if unfit(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// plainWidth writes full-width letters and digits, as East Asian keyboards give
// them, as the plain ones, and every kind of space as a space.
func plainWidth(s string) string {
	if !strings.ContainsFunc(s, wide) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == 0xa0 || r >= 0x2000 && r <= 0x200a || r == 0x202f || r == 0x205f || r == 0x3000:
			return ' '
		case wide(r):
			return r - 0xfee0
		}
		return r
	}, s)
}

func wide(r rune) bool {
	return r >= 0xff01 && r <= 0xff5e || r >= 0x2000 && r <= 0x200a || r == 0xa0 || r == 0x202f || r == 0x205f || r == 0x3000
}

// unfit reports a character that must not be in an address at all.
func unfit(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs)
}

// pictures reports emoji, private and unassigned characters.
func pictures(s string) bool {
	for _, r := range s {
		if r < 0x80 {
			continue
		}
		if unicode.In(r, unicode.So, unicode.Co, unicode.Sk) && r != '°' || !unicode.IsPrint(r) && r != '\u00a0' {
			return true
		}
	}
	return false
}

// unaccent drops the accents of Latin letters and makes quotes and dashes plain.
func unaccent(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return accents.Replace(s)
		}
	}
	return s
}

// accents is plain (see say) without the words that a synthesiser wants.
var accents = strings.NewReplacer(append([]string{
	"‘", "'", "´", "'", "–", "-", "—", "-", "‐", "-", "‑", "-", "\u00a0", " ",
	"Č", "C", "č", "c", "Š", "S", "š", "s", "Ž", "Z", "ž", "z", "ō", "o", "Ō", "O", "ā", "a", "Ā", "A", "ū", "u", "Ū", "U",
	"ē", "e", "Ē", "E", "ī", "i", "Ī", "I", "ʻ", "'", "Ł", "L", "ł", "l",
	"\u0300", "", "\u0301", "", "\u0302", "", "\u0303", "", "\u0308", "", "\u0327", "", "\u030a", "", "\u0304", "",
}, letters...)...)

// fold is the form that texts are compared in: no accents, lower case, "&" is
// "and", apostrophes and dots dropped, other signs a space.
func fold(s string) string {
	var b strings.Builder
	space := false
	for _, r := range unaccent(s) {
		switch {
		case r == '\'' || r == '.':
			continue
		case r == '&':
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString("and")
			space = true
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 0x80 && !unicode.IsSpace(r) && !unicode.IsPunct(r) || r == '/':
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(unicode.ToLower(r))
		default:
			space = true
		}
	}
	return b.String()
}
