package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Note tells what Parse or Normalize changed beyond spelling out, or could not
// place. Text is a whole sentence in English without any part of the address.
type Note struct {
	Field string // PIDF-LO name; empty when it is about the whole
	Text  string
}

// Normalize writes a structured address in canonical form: single spaces,
// country and state as two letters, the postal code in its country's form,
// directionals and types spelled out as CLDXF-US wants them ("N Main St" is
// North, Main, Street), the house number split into prefix, number and suffix,
// units, floors and rooms in fields of their own. A street that stands whole in
// RD is taken apart. Normalize of its own result changes nothing.
//
// It changes the text of an address, never its letter case, and never guesses a
// field that the address does not name, but for the country of a state.
func Normalize(c e911.Civic) (e911.Civic, []Note) {
	for name, v := range c.All() {
		if len(v) > 4*254 { // not an address; the checks refuse it
			return c, []Note{{Field: name, Text: "The text is too long to be read."}}
		}
		if !spaced(v) {
			c.Set(name, strings.Trim(words(plainWidth(v)), ",; "))
		}
	}
	n := normalizer{c: c}
	n.pass()
	for range 3 { // what one pass takes apart may hold a part that another spells out
		before := n.c
		if n.pass(); n.c == before {
			break
		}
	}
	return n.c, n.notes
}

// spaced reports text of ASCII with single spaces and nothing to trim.
func spaced(s string) bool {
	before := byte(' ')
	for _, c := range []byte(s) {
		if c >= 0x80 || c < ' ' || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return before != ' ' && before != ',' && before != ';' && s[0] != ',' && s[0] != ';'
}

func (n *normalizer) pass() {
	n.where()
	n.postal()
	n.wholeStreet()
	n.street()
	n.number()
	n.inside()
}

type normalizer struct {
	c     e911.Civic
	notes []Note
}

func (n *normalizer) note(field, text string) {
	n.notes = append(n.notes, Note{Field: field, Text: text})
}

// french reports an address whose directionals and types are French words.
func french(c *e911.Civic) bool {
	if c.Country != "CA" && c.Country != "" {
		return false
	}
	if c.A1 == "QC" {
		return true
	}
	_, ok := frenchTypes.find(c.STP)
	return ok && c.STS == "" && c.STP != "" && c.Country == "CA" && !highwayWords[key(c.STP)]
}

func (n *normalizer) where() {
	c := &n.c
	switch key(c.Country) {
	case "USA", "US", "UNITED STATES", "UNITED STATES OF AMERICA", "ETATS-UNIS":
		c.Country = "US"
	case "CA", "CAN", "CANADA":
		c.Country = "CA"
	default:
		if code := strings.ToUpper(c.Country); territories[code] { // they have codes of their own
			if c.Country = "US"; c.A1 == "" {
				c.A1 = code
			}
		} else if code, ok := countryCode(c.Country); ok {
			c.Country = code
		} else {
			c.Country = strings.ToUpper(c.Country)
		}
	}
	if code, ok := stateCode(c.A1); ok {
		c.A1 = code
	}
	if c.Country != "" {
		return
	}
	if s, ok := StateOf(c.A1); ok {
		c.Country = s.Country()
	}
}

// stateCode finds the two letters of a state or province by code, name or an
// older abbreviation.
func stateCode(s string) (string, bool) {
	s = strings.Trim(s, " .,")
	if s == "" || len(s) > 40 {
		return "", false
	}
	if st, ok := StateOf(s); ok {
		return st.Code, true
	}
	if code, ok := stateForms.find(s); ok {
		return code, true
	}
	st, ok := StateOf(strings.ReplaceAll(unaccent(s), ".", ""))
	return st.Code, ok
}

func (n *normalizer) postal() {
	c := &n.c
	pc, ext := splitPostal(c.PC)
	if pc == "" {
		return
	}
	c.PC = pc
	if ext != "" && c.PCE == "" {
		c.PCE = ext
	}
	if digits(pc, 4) { // a spreadsheet took the leading zero away
		if homes, near := PostalStates("0" + pc); has(homes, c.A1) || has(near, c.A1) {
			c.PC = "0" + pc
			n.note("PC", "The postal code lacks its leading zero; it was put back.")
		}
	}
	if c.Country == "" && c.A1 == "" {
		c.Country = PostalForm(c.PC)
	}
}

// compactor drops what people write into postal codes.
var compactor = strings.NewReplacer(" ", "", "-", "")

// splitPostal writes a postal code in canonical form and takes the extension of
// a ZIP code off. It is empty for what has no form of a postal code.
func splitPostal(s string) (pc, ext string) {
	s = strings.ToUpper(strings.Trim(s, " .,"))
	compact := compactor.Replace(s)
	if len(compact) == 6 && canadianHalf(compact[:3], true) && canadianHalf(compact[3:], false) {
		return compact[:3] + " " + compact[3:], ""
	}
	if !allDigits(compact) {
		return "", ""
	}
	switch len(compact) {
	case 9:
		if compact[5:] == "0000" {
			return compact[:5], ""
		}
		return compact[:5], compact[5:]
	case 4, 5:
		return compact, ""
	}
	return "", ""
}

// wholeStreet takes a street line apart that stands in RD as a whole.
func (n *normalizer) wholeStreet() {
	c := &n.c
	if c.RD == "" || c.PRD != "" || c.STP != "" || c.STS != "" || c.POD != "" || c.PRM != "" || c.POM != "" {
		return
	}
	toks := unglue(tokens(c.RD))
	p := parser{hint: Hint{Country: c.Country}, inCanada: c.Country == "CA", french: french(c)}
	var s e911.Civic
	if c.HNO == "" && c.MP == "" && c.PN == "" && len(toks) > 2 {
		if rest := p.number(toks, &s); len(rest) < len(toks) {
			toks = rest
		} else {
			s = e911.Civic{}
		}
	}
	p.name(toks, &s)
	if s.RD == "" {
		return
	}
	if s.HNO != "" {
		c.HNP, c.HNO, c.HNS = s.HNP, s.HNO, s.HNS
		n.note("RD", "The house number stood in the street name.")
	}
	c.PRM, c.PRD, c.STP, c.STPS, c.RD, c.STS, c.POD, c.POM = s.PRM, s.PRD, s.STP, s.STPS, s.RD, s.STS, s.POD, s.POM
}

func (n *normalizer) street() {
	c := &n.c
	dirs := directions
	if french(c) {
		dirs = frenchDirections
	}
	c.PRD = direction(dirs, c.PRD)
	c.POD = direction(dirs, c.POD)
	if french(c) {
		c.STP = expand(frenchTypes, c.STP)
		c.STS = expand(frenchTypes, expandOnly(streetTypes, c.STS))
	} else {
		c.STP = preType(c.STP)
		c.STS = expand(streetTypes, c.STS)
	}
	if full := postModifiers[key(c.POM)]; full != "" {
		c.POM = full
	}
	if highway(c.STP) {
		c.RD = routeNumber(c.RD)
	}
	if c.STP != "" && c.STPS == "" {
		low := strings.ToLower(c.RD)
		for _, sep := range separators {
			if strings.HasPrefix(low, sep.form+" ") {
				c.STPS, c.RD = sep.full, c.RD[len(sep.form)+1:]
				break
			}
		}
	}
}

// expandOnly expands s when it is an abbreviation that is not French too.
func expandOnly(t wordTable, s string) string {
	if _, ok := frenchTypes.find(s); ok {
		return s
	}
	return expand(t, s)
}

// direction spells a directional out, also one of two words ("N. E.").
func direction(dirs wordTable, s string) string {
	if s == "" {
		return ""
	}
	if full, ok := dirs.find(s); ok {
		return full
	}
	if a, b, two := strings.Cut(s, " "); two {
		if full, ok := joined(dirs, a, b); ok {
			return full
		}
	}
	if full, ok := directions.find(s); ok {
		return full
	}
	if full, ok := frenchDirections.find(s); ok && len(s) > 2 {
		return full
	}
	return s
}

// joined finds the directional of two words: "N" "E", "South" "West".
func joined(dirs wordTable, a, b string) (string, bool) {
	first, ok := dirs.find(a)
	if !ok {
		return "", false
	}
	second, ok := dirs.find(b)
	if !ok {
		return "", false
	}
	for _, form := range []string{first + strings.ToLower(second), first + "-" + second} {
		if full, ok := dirs.find(form); ok {
			return full, true
		}
	}
	return "", false
}

// number splits what the house number field holds.
func (n *normalizer) number() {
	c := &n.c
	if c.HNS != "" {
		c.HNS = fractions.Replace(c.HNS)
	}
	if allDigits(c.HNO) || c.HNO == "" || c.HNP != "" || c.HNS != "" {
		return
	}
	var s e911.Civic
	if rest := (&parser{}).number(tokens(c.HNO), &s); len(rest) == 0 && s.HNO != "" {
		c.HNP, c.HNO, c.HNS = s.HNP, s.HNO, s.HNS
	}
}

// inside puts units, floors and rooms into the fields that are theirs.
func (n *normalizer) inside() {
	c := &n.c
	c.FLR = floor(c.FLR)
	c.ROOM = bare("Room", c.ROOM)
	c.SEAT = bare("Seat", c.SEAT)
	c.WING = bare("Wing", c.WING)
	if unit, ok := plainUnit(c.UNIT); ok {
		c.UNIT = unit
	} else if c.UNIT != "" {
		unit := c.UNIT
		c.UNIT = ""
		place(c, unit)
		if c.UNIT == "" && c.Get("FLR")+c.ROOM+c.BLD+c.SEAT+c.WING+c.LOC == "" {
			c.UNIT = unit
		}
	}
	if t := tokens(c.BLD); len(t) == 2 {
		if full, ok := unitTypes.of(t[0]); ok && (full == "Building" || full == "Tower") {
			c.BLD = full + " " + t[1].text
		}
	}
}
