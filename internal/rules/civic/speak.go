package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Speak writes c in words that a speech synthesiser says well, in the order of
// Display, with commas where it shall pause: "seven nine five Massachusetts
// Avenue, Mill one, floor two, room two one zero, Cambridge, Massachusetts,
// zip code zero two one three nine". Every digit outside a street name's
// ordinal is said by itself, because "twenty-one" and "twenty, one" sound alike.
func Speak(c e911.Civic) string {
	var l line
	l.add(spokenStreet(c))
	l.add(say(c.SITE))
	l.add(say(c.SUBSITE))
	l.add(say(c.BLD))
	l.add(say(labelled("wing", c.WING)))
	l.add(say(labelled("floor", c.FLR)))
	l.add(say(unit(c.UNIT)))
	l.add(say(labelled("room", c.ROOM)))
	l.add(say(labelled("seat", c.SEAT)))
	l.add(say(c.LOC))
	l.add(say(c.LMK))
	l.add(say(c.NAM))
	l.add(say(city(c)))
	if s, ok := StateOf(c.A1); ok {
		l.add(s.Name)
	} else {
		l.add(say(c.A1))
	}
	if pc := postal(c); pc != "" {
		label := "zip code "
		if country := strings.TrimSpace(c.Country); country != "" && !strings.EqualFold(country, "US") {
			label = "postal code "
		}
		l.add(label + say(strings.ReplaceAll(pc, "-", ", ")))
	}
	return l.String()
}

// SpeakNumber writes a number digit by digit in groups: "six one seven, five
// five five, zero one one one". A leading +1 is not said; other numbers start
// with "plus" and come in groups of three. No number is no words.
func SpeakNumber(n e911.Number) string {
	digits, plus := strings.CutPrefix(string(n), "+")
	var groups []string
	switch {
	case digits == "":
		return ""
	case plus && len(digits) == 11 && digits[0] == '1':
		groups = []string{digits[1:4], digits[4:7], digits[7:]}
	default:
		for len(digits) > 4 {
			groups = append(groups, digits[:3])
			digits = digits[3:]
		}
		groups = append(groups, digits)
		if plus {
			groups[0] = "plus " + groups[0]
		}
	}
	for i, g := range groups {
		groups[i] = say(g)
	}
	return strings.Join(groups, ", ")
}

// spokenStreet is Street with abbreviations said in full and ordinals kept for
// the synthesiser ("42nd Street").
func spokenStreet(c e911.Civic) string {
	number := say(Street(e911.Civic{HNP: c.HNP, HNO: c.HNO, HNS: c.HNS, MP: c.MP, PN: c.PN}))
	return words(number, say(c.PRM), say(expand(directions, c.PRD)), say(expand(streetTypes, c.STP)), say(c.STPS),
		say(c.RD), say(expand(streetTypes, c.STS)), say(expand(directions, c.POD)), say(c.POM))
}

var digitWords = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// say turns text into plain words: digits one by one, signs that a synthesiser
// stumbles over into words or silence, accents dropped.
func say(text string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(plain.Replace(text)) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if ordinal(word) {
			b.WriteString(word)
			continue
		}
		sayWord(&b, word)
	}
	return strings.Trim(strings.ReplaceAll(words(b.String()), " ,", ","), ", ")
}

func sayWord(b *strings.Builder, word string) {
	for i, r := range word {
		switch {
		case r >= '0' && r <= '9':
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(digitWords[r-'0'])
			b.WriteByte(' ')
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '\'':
			b.WriteRune(r)
		case r == ',':
			b.WriteByte(',')
		case r == '.' && i == len(word)-1: // an abbreviation
		default:
			b.WriteByte(' ')
		}
	}
}

// ordinal reports words such as "42nd", which a synthesiser says as one number.
func ordinal(w string) bool {
	digits := strings.TrimRight(w, "stndrhSTNDRH")
	if digits == "" || len(digits) > 3 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	switch strings.ToLower(w[len(digits):]) {
	case "st", "nd", "rd", "th":
		return true
	}
	return false
}

func expand(t wordTable, s string) string {
	if full, ok := t.find(strings.TrimSpace(s)); ok {
		return full
	}
	return s
}

var plain = strings.NewReplacer(append([]string{
	"&", " and ", "#", " number ", "½", " one half ", "¼", " one quarter ",
}, letters...)...)

// letters maps Latin letters with accents to those without, and ligatures to
// two letters.
var letters = []string{
	"’", "'", "ß", "ss", "æ", "ae", "Æ", "Ae", "œ", "oe", "Œ", "Oe",
	"á", "a", "à", "a", "â", "a", "ä", "a", "ã", "a", "å", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ñ", "n", "ó", "o", "ò", "o", "ô", "o", "ö", "o", "õ", "o", "ø", "o",
	"ú", "u", "ù", "u", "û", "u", "ü", "u", "ý", "y", "ÿ", "y",
	"Á", "A", "À", "A", "Â", "A", "Ä", "A", "Ã", "A", "Å", "A", "Ç", "C", "É", "E", "È", "E", "Ê", "E", "Ë", "E",
	"Í", "I", "Ì", "I", "Î", "I", "Ï", "I", "Ñ", "N", "Ó", "O", "Ò", "O", "Ô", "O", "Ö", "O", "Õ", "O", "Ø", "O",
	"Ú", "U", "Ù", "U", "Û", "U", "Ü", "U", "Ý", "Y",
}
