package civic

import "strings"

// tail takes country, postal code and state off the end.
func (p *parser) tail(t []token) []token {
	t = p.countryName(t)
	t = p.postalCode(t)
	t = p.stateName(t)
	if p.c.PC == "" { // "Paris ON, K1A 0A9" and "City 12345 IL"
		before := len(t)
		if t = p.postalCode(t); len(t) < before && p.c.A1 == "" {
			t = p.stateName(t)
		}
	}
	if n := len(t); n > 0 && p.tailed {
		p.split = t[n-1].comma || t[n-1].text == ""
		t = append(t[:n-1:n-1], token{text: t[n-1].text})
	}
	return t
}

func (p *parser) countryName(t []token) []token {
	n := len(t)
	if n == 0 {
		return t
	}
	switch t[n-1].key() {
	case "USA", "US":
		p.c.Country = "US"
		return t[:n-1]
	case "CANADA":
		p.c.Country = "CA"
		return t[:n-1]
	case "STATES":
		if n > 1 && t[n-2].key() == "UNITED" {
			p.c.Country = "US"
			return t[:n-2]
		}
	case "AMERICA":
		if n > 3 && t[n-2].key() == "OF" && t[n-3].key() == "STATES" {
			p.c.Country = "US"
			return t[:n-4]
		}
	}
	return t
}

// postalCode reads a ZIP code (five digits, nine, ZIP+4) or a Canadian code of
// one or two tokens at the end.
func (p *parser) postalCode(t []token) []token {
	n := len(t)
	if n == 0 {
		return t
	}
	last := t[n-1]
	if pc, ext := splitPostal(last.text); pc != "" && (len(pc) != 4 || p.stateBefore(t[:n-1])) && p.ends(t, last.text) {
		if n > 1 && len(pc) == 4 && digits(t[n-2].text, 5) {
			p.c.PCE = pc
			pc = t[n-2].text
			n--
		}
		p.c.PC, p.tailed = pc, true
		if ext != "" {
			p.c.PCE = ext
		}
		return t[:n-1]
	}
	if n > 1 && len(last.text) == 3 && len(t[n-2].text) == 3 {
		if pc, _ := splitPostal(t[n-2].text + last.text); len(pc) == 7 {
			p.c.PC, p.tailed = pc, true
			return t[:n-2]
		}
	}
	if n > 1 && digits(last.text, 4) && digits(t[n-2].text, 5) && n > 2 {
		p.c.PC, p.c.PCE, p.tailed = t[n-2].text, last.text, true
		return t[:n-2]
	}
	return t
}

// ends tells a postal code from a house number, a box or a unit: it follows a
// comma, a state or a city, never "#", a designator or a box.
func (p *parser) ends(t []token, text string) bool {
	n := len(t)
	if n == 1 {
		return len(text) >= 5 && strings.ContainsAny(text, "-") || len(text) == 7
	}
	prev := t[n-2]
	if prev.text == "#" || prev.text == "&" {
		return false
	}
	if prev.comma {
		return true
	}
	if _, state := stateCode(prev.text); state && len(text) >= 5 {
		return true // FL and MS are units too
	}
	if full, ok := unitTypes.find(prev.text); ok && alone[full] {
		return true
	}
	if prev.hasUnitType() || prev.key() == "BOX" || highwayAlone[prev.key()] {
		return false
	}
	if highwayWords[prev.key()] && n > 2 && highwayFirst[t[n-3].key()] {
		return false
	}
	return true
}

// stateBefore reports a state as the last word.
func (p *parser) stateBefore(t []token) bool {
	n := len(t)
	if n == 0 {
		return false
	}
	code, ok := stateCode(t[n-1].text)
	if !ok {
		return false
	}
	switch code {
	case "MA", "RI", "NH", "ME", "VT", "CT", "NJ", "PR":
		return true
	}
	return !riskyStates[code] || code == "FL" // no floor has four digits
}

// riskyStates are codes that are as often the end of a street.
var riskyStates = set1("CT NE LA FL PR MT AL CO DE IN IS ME OR HI OK PA VI PE MS SK ND")

// stateName reads a state of one to three words at the end.
func (p *parser) stateName(t []token) []token {
	n := len(t)
	if n == 0 {
		return t
	}
	switch t[n-1].key() {
	case "AE", "AP", "AA":
		if p.c.PC != "" || n > 1 && military(t[:n-1]) {
			p.c.A1, p.kind, p.tailed = t[n-1].key(), KindMilitary, true
			return t[:n-1]
		}
	}
	for words := 4; words >= 1; words-- {
		if n < words {
			continue
		}
		code, ok := stateCode(join(t[n-words:]))
		if !ok || words == 1 && !p.stateAlone(t, code) {
			continue
		}
		if words > 1 && !p.stateLong(t, words) {
			continue
		}
		p.c.A1, p.tailed = code, true
		p.asCity = join(t[n-words:])
		t = t[:n-words]
		if m := len(t); m > 0 && m > 2 { // "Georgia, GA"
			if again, ok := stateCode(t[m-1].text); ok && again == code && t[m-1].comma {
				t = t[:m-1]
			}
		}
		return t
	}
	return t
}

// stateLong guards names of several words that are cities too: "New York" is
// the city where no state follows but the street is right before it.
func (p *parser) stateLong(t []token, words int) bool {
	n := len(t) - words
	return n == 0 || t[n-1].comma || p.c.PC != "" || !t[n-1].strong() || !strings.EqualFold(join(t[n:]), "new york")
}

// stateAlone tells a state's code from a street type, a directional or a word.
func (p *parser) stateAlone(t []token, code string) bool {
	n := len(t)
	last := t[n-1]
	if len(last.text) > 3 {
		return n > 1 || p.c.PC != "" // "Washington", "Oregon"
	}
	if p.c.PC != "" {
		return true
	}
	if n == 1 {
		return false
	}
	prev := t[n-2]
	if prev.comma {
		return !last.direction(directions)
	}
	k := last.key()
	if !riskyStates[k] {
		return !prev.strong() || n > 3
	}
	if last.direction(directions) {
		return false
	}
	if prev.ordinal() || prev.digits() {
		return false
	}
	for i := 1; i < n-2; i++ { // a street ended before, and a city stands between
		if t[i].strong() || t[i].comma {
			return true
		}
	}
	return false
}

func military(t []token) bool {
	for _, w := range t {
		switch w.key() {
		case "APO", "FPO", "DPO":
			return true
		}
	}
	return false
}
