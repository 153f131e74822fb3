package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// place stores one designation from inside a building in the field that is its
// own: "Fl 2" is FLR 2, "Rm 5" ROOM 5, "Bldg C" BLD Building C, "Ste 7" UNIT
// Suite 7, "# 7" UNIT 7. What is there already is kept and the new text added.
func place(c *e911.Civic, text string) {
	t := tokens(text)
	if len(t) == 1 { // "Suite100", "Unit508"
		if i := strings.IndexAny(t[0].text, "0123456789"); i > 2 {
			if _, ok := unitTypes.find(strings.TrimSuffix(t[0].text[:i], "-")); ok {
				t = []token{{text: strings.TrimSuffix(t[0].text[:i], "-")}, {text: t[0].text[i:]}}
			}
		}
	}
	if len(t) == 0 {
		return
	}
	if len(t) > 2 && t[0].hasUnitType() && t[1].text == "#" { // "Suite # 5"
		t = append([]token{t[0]}, t[2:]...)
	}
	if len(t) > 1 && t[0].text == "#" && t[1].hasUnitType() { // "# Apt 5"
		t = t[1:]
	}
	if n := unitAt(t, true); n > 0 && n < len(t) && unitAt(t[n:], true) == len(t)-n { // "9th Floor Room 905"
		place(c, join(t[:n]))
		place(c, join(t[n:]))
		return
	}
	if n := len(t); n >= 2 && floorType(t[n-1].text) && !t[0].hasUnitType() { // "2nd Floor", "Lower level"
		store(&c.FLR, floor(join(t[:n-1])))
		return
	}
	if wing(t) && len(t) == 2 {
		if t[1].key() == "WING" {
			store(&c.WING, t[0].text)
		} else {
			store(&c.BLD, expandOnly(unitTypes, join(t)))
		}
		return
	}
	full, ok := unitTypes.of(t[0])
	if len(t) > 2 && ok && full != "Number" && (t[1].key() == "NO" || t[1].key() == "NUM" || t[1].key() == "NUMBER") && t[2].hasDigit() { // "Apt No. 4"
		t = append([]token{t[0]}, t[2:]...)
	}
	value := join(t[1:])
	switch {
	case t[0].text == "#" && len(t) > 1:
		store(&c.UNIT, value)
	case !ok:
		store(&c.UNIT, join(t))
	case floorType(t[0].text) && value != "":
		store(&c.FLR, floor(value))
	case full == "Basement" || full == "Lobby" || full == "Penthouse" && value == "":
		store(&c.FLR, words(full, value))
	case full == "Room" && value != "":
		store(&c.ROOM, value)
	case full == "Seat" && value != "":
		store(&c.SEAT, value)
	case full == "Wing" && value != "":
		store(&c.WING, value)
	case full == "Building" || full == "Tower":
		store(&c.BLD, words(full, value))
	case full == "Number":
		store(&c.UNIT, value)
	default:
		store(&c.UNIT, words(full, value))
	}
}

// plainUnit is what place makes of the commonest designations: a number alone,
// or a word of a unit and a number. Here only because they are so common.
func plainUnit(s string) (string, bool) {
	word, value, two := strings.Cut(s, " ")
	if !two {
		return s, allDigits(s)
	}
	if value == "" || value[0] < '0' || value[0] > '9' || !alnum(value) {
		return "", false
	}
	switch full, _ := unitTypes.find(word); full {
	case "Suite", "Apartment", "Unit", "Office":
		if full == word {
			return s, true
		}
		return full + " " + value, true
	}
	return "", false
}

func (t token) hasUnitType() bool {
	_, ok := unitTypes.of(t)
	return ok
}

func floorType(w string) bool {
	full, _ := unitTypes.find(w)
	return full == "Floor" || full == "Level"
}

// store sets a field, or adds to it what it does not have.
func store(field *string, v string) {
	switch {
	case v == "" || *field == v:
	case *field == "":
		*field = v
	default:
		*field += " " + v
	}
}

// floor is the canonical value of a floor: "2nd Floor", "Fl. 2" and "second" are "2".
func floor(s string) string {
	if s == "" || allDigits(s) {
		return s
	}
	t := tokens(s)
	for len(t) > 1 && floorType(t[0].text) {
		t = t[1:]
	}
	for len(t) > 1 && floorType(t[len(t)-1].text) {
		t = t[:len(t)-1]
	}
	if len(t) != 1 {
		return join(t)
	}
	k := t[0].key()
	if n := ordinalWords[k]; n > 0 {
		return itoa(n)
	}
	if t[0].ordinal() || t[0].frenchOrdinal() && len(k) < 7 {
		return k[:len(k)-len(strings.TrimLeft(k, "0123456789"))]
	}
	return t[0].text
}

// bare drops the field's own word from its value: "Rm 210" in ROOM is "210".
func bare(own, s string) string {
	if alnum(s) || s == "" {
		return s
	}
	t := tokens(s)
	if len(t) < 2 {
		return s
	}
	if full, ok := unitTypes.of(t[0]); ok && full == own {
		return join(t[1:])
	}
	return s
}

// unitAt counts the tokens at the front of t that name a place inside a
// building; 0 when they do not. start is true at the beginning of a part.
func unitAt(t []token, start bool) int {
	if len(t) == 0 {
		return 0
	}
	if t[0].text == "#" {
		if len(t) < 2 {
			return 1
		}
		if t[1].hasUnitType() && len(t) > 2 {
			return 1 + unitAt(t[1:], start)
		}
		return 1 + identifier(t[1:])
	}
	if n := levelAt(t); n > 0 {
		return n
	}
	if wing(t) {
		return 2
	}
	if t[0].key() == "MAIL" && len(t) > 2 && (t[1].key() == "STOP" || t[1].key() == "CODE") && !t[0].comma {
		return 2 + identifier(t[2:])
	}
	full, ok := unitTypes.of(t[0])
	if !ok {
		return glued(t[0])
	}
	return designated(t, full, start)
}

// levelAt counts "2nd Floor", "Second Fl", "Lower level", "Mezzanine level".
func levelAt(t []token) int {
	if len(t) > 3 && t[0].ordinal() && !t[0].comma && (t[1].text == "&" || t[1].key() == "AND") && t[2].ordinal() && floorType(t[3].text) {
		return 4
	}
	if len(t) < 2 || !floorType(t[1].text) || t[0].comma {
		return 0
	}
	switch t[0].key() {
	case "LOWER", "UPPER", "GROUND", "MAIN", "MEZZANINE", "TOP", "GRND", "CONCOURSE":
		return 2
	}
	if t[0].ordinal() || t[0].frenchOrdinal() {
		return 2
	}
	if t[0].digits() && (len(t) == 2 || t[1].comma || len(t[0].text) < 3 && !identifies(t[2]) && !strings.HasPrefix(t[1].key(), "L")) {
		return 2
	}
	return 0
}

// glued reports "Suite100" as one token.
func glued(t token) int {
	i := strings.IndexAny(t.text, "0123456789")
	if i < 3 {
		return 0
	}
	if full, ok := unitTypes.find(strings.TrimSuffix(t.text[:i], "-")); ok && full != "Box" {
		return 1
	}
	return 0
}

// designated counts a designator and its identifier.
func designated(t []token, full string, start bool) int {
	if len(t) == 1 || t[0].comma {
		switch {
		case alone[full], full == "Unit", full == "Suite":
			return 1
		}
		return 0
	}
	next := t[1]
	if next.text == "#" || next.key() == "NO" {
		if len(t) < 3 {
			return 2
		}
		return 2 + identifier(t[2:])
	}
	switch full {
	case "Number", "Bay", "Box", "Cottage", "Villa", "Hut", "Stop", "Side", "Pier", "Office", "Front", "Upper", "Lower", "Wards", "Flat", "Mailstop", "Mailbox", "File", "Bin":
		if !next.hasDigit() {
			if alone[full] && start {
				return 1
			}
			return 0
		}
	case "Tower", "Wing", "Lot", "Space", "Slip", "Level", "Hangar", "Desk", "Department", "Drawer", "Rear":
		if !next.hasDigit() && len(next.text) > 2 {
			if alone[full] && start {
				return 1
			}
			return 0
		}
	case "Basement", "Lobby", "Penthouse":
		if !next.hasDigit() && len(next.text) > 1 {
			return 1
		}
	}
	if !identifies(next) {
		if full == "Suite" || full == "Unit" || full == "Apartment" || full == "Room" || full == "Building" || full == "Floor" {
			if next.hasUnitType() {
				return 1
			}
			if full != "Floor" && t[0].key() != "STE" && (numberWords[next.key()] > 0 || next.comma) {
				return 2
			}
			if (full == "Unit" || full == "Suite" || full == "Apartment") && t[0].key() != "STE" {
				return 1 // its number was forgotten
			}
		}
		return 0
	}
	return 1 + identifier(t[1:])
}

// identifies reports a token that can number a unit: with a digit, or of one
// or two letters.
func identifies(t token) bool { return t.hasDigit() || len(t.text) <= 2 || numberWords[t.key()] > 0 }

// identifier counts the tokens of an identifier: "2510", "13 C", "2 East", "C - 5".
func identifier(t []token) int {
	if len(t) < 2 || t[0].comma {
		return 1
	}
	if boxWords(t[1:]) > 0 {
		return 1
	}
	next := t[1]
	last := len(t) == 2 || next.comma
	if last && (next.letter() || next.direction(directions)) || next.letter() && !next.direction(directions) && t[0].hasDigit() {
		return 2
	}
	if t[0].text == "&" || next.text == "&" || strings.EqualFold(next.text, "and") && len(t) > 2 && t[2].digits() {
		return min(3, len(t))
	}
	if next.digits() && len(t[0].text) <= 2 && !t[0].hasDigit() {
		return 2
	}
	return 1
}
