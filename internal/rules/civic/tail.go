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
	return p.knownCity(t)
}

// manyCodes is the number of postal codes by which a city is known without its
// state: the name is hardly another's then.
const manyCodes = 10

// knownCity takes a city off the end that the table of postal codes has: a name
// of the postal code, else the longest of the state, else a large city of any.
func (p *parser) knownCity(t []token) []token {
	if p.hint.Postal == nil || len(t) == 0 || p.kind == KindMilitary {
		return t
	}
	code := p.c.PC
	if len(code) == 7 {
		code = code[:3]
	}
	var names []string
	if code != "" {
		for _, at := range p.hint.Postal.Places(code) {
			names = append(names, PlaceKey(at.Name))
		}
	}
	best := 0
	for words := 1; words <= 5 && words <= len(t); words++ {
		at := len(t) - words
		if words > 1 && t[at].comma {
			break
		}
		if !p.mayEnd(t[:at], t[at:]) {
			continue
		}
		key := PlaceKey(join(t[at:]))
		switch {
		case has(names, key):
			names, best = names[:0:0], words
			for _, other := range p.hint.Postal.Places(code) {
				if k := PlaceKey(other.Name); len(k) > len(key) {
					names = append(names, k)
				}
			}
		case best > 0 && len(names) == 0 && code != "":
		case p.c.A1 != "" && p.hint.Postal.Count(p.c.A1, key) > 0:
			if best > 0 && t[at].direction(p.dirs()) && (at > 0 && t[at-1].kind() && !t[at-1].comma || at == 0) && 5*p.hint.Postal.Count(p.c.A1, key) < p.hint.Postal.Count(p.c.A1, PlaceKey(join(t[len(t)-best:]))) {
				continue // "Sam Houston Pkwy S Houston"
			}
			if code == "" || best == 0 || !p.namedByCode(t[len(t)-best:], code) {
				best = words
			}
		case !p.tailed && p.hint.Postal.Count("", key) >= manyCodes:
			best = words
		}
	}
	if best == 0 {
		return t
	}
	if at := len(t) - best; at > 2 && t[at-1].direction(p.dirs()) && !t[at-1].comma && t[at-2].direction(p.dirs()) && !t[at-2].comma && t[at-1].key() == t[at-2].key()[len(t[at-2].key())-1:] {
		best++ // "St SE E Grand Rapids"
	}
	at := len(t) - best
	p.c.A3 = join(t[at:])
	p.placed, p.tailed, p.split = true, false, false
	if at > 0 {
		t = append(t[:at-1:at-1], token{text: t[at-1].text})
	}
	return t[:at]
}

// namedByCode reports a name that the postal code has.
func (p *parser) namedByCode(t []token, code string) bool {
	key := PlaceKey(join(t))
	for _, at := range p.hint.Postal.Places(code) {
		if PlaceKey(at.Name) == key {
			return true
		}
	}
	return false
}

// mayEnd reports that what is left before a city can be without it: nothing, or
// more than a house number and a directional.
func (p *parser) mayEnd(before, city []token) bool {
	n := len(before)
	if n == 0 {
		return true
	}
	last := before[n-1]
	if last.comma {
		return true
	}
	switch last.key() {
	case "&", "AND", "AT", "@", "#", "OF", "THE", "DE", "LA", "EL", "LOS", "DU", "DES", "NO", "OLD", "SAN", "SANTA", "SAINT", "NEW", "FORT", "MOUNT":
		return false
	}
	if last.hasUnitType() && !last.kind() && !buildingWords[last.key()] && !alone[unitTypes[last.key()]] || city[0].direction(p.dirs()) && len(city) == 1 {
		return false
	}
	if before[0].hasDigit() && !before[0].ordinal() {
		return n > 2 || n == 2 && !before[1].direction(p.dirs()) && !highwayAlone[before[1].key()]
	}
	return n > 1 || !last.direction(p.dirs())
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
	if p.hint.Postal != nil {
		for words := 1; words <= 3 && words < n; words++ {
			if p.hint.Postal.Count(code, PlaceKey(join(t[n-1-words:n-1]))) > 0 {
				return n-1-words == 0 || p.mayEnd(t[:n-1-words], t[n-1-words:n-1])
			}
		}
	}
	for i := range n - 2 { // "PO Box 123 Erie PA"
		if boxWords(t[i:]) > 0 || routeWords(t[i:]) > 0 {
			return t[n-2].letters()
		}
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
