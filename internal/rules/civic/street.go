package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// number reads a house number with its prefix and suffix from the front and
// returns what follows. Without a house number it returns toks.
func (p *parser) number(toks []token, c *e911.Civic) []token {
	t := toks
	if len(t) > 1 && t[0].text == "#" && t[1].hasDigit() {
		t = t[1:]
	}
	if len(t) == 0 {
		return toks
	}
	w := strings.ToUpper(t[0].text)
	switch n := numberWords[w]; {
	case n > 0:
		if len(t) > 1 && t[1].kind() && !t[1].ordinal() && len(t) < 3 {
			return toks // "One Way"
		}
		c.HNO = itoa(n)
	case allDigits(w):
		c.HNO = w
	case strings.HasPrefix(w, "-") && allDigits(w[1:]):
		c.HNO = w
	case t[0].ordinal():
		return toks
	case len(t) > 2 && splitGrid(w) && t[1].digits() && !t[0].comma: // "N6W2 3001 Bluemound Road", the example of CLDXF-US
		c.HNP, c.HNO = w, t[1].text
		return t[2:]
	case twoGrid(t):
		c.HNP, c.HNO = strings.ToUpper(t[0].text+" "+t[1].text[:1]), t[1].text[1:]
		return t[2:]
	case !numbered(w, c):
		return toks
	}
	if c.HNP != "" && p.canadian() && strings.HasSuffix(c.HNP, "-") && allDigits(c.HNP[:len(c.HNP)-1]) { // "123-4567 rue": the unit stands first
		store(&c.UNIT, c.HNP[:len(c.HNP)-1])
		c.HNP = ""
	} else if p.canadian() && len(c.HNS) > 1 && c.HNS[0] == '-' && allDigits(c.HNS[1:]) {
		store(&c.UNIT, c.HNO)
		c.HNO, c.HNS = c.HNS[1:], ""
	}
	if len(t) > 2 && t[0].comma && t[0].dash && t[1].digits() && allDigits(c.HNO) { // "100 - 10 Wellington": a unit in Canada, a range elsewhere
		if p.canadian() {
			store(&c.UNIT, c.HNO)
			c.HNO = t[1].text
		} else {
			c.HNS = "-" + t[1].text
		}
		return t[2:]
	}
	if len(t) > 3 && t[1].text == "&" && p.kind == KindNone && t[2].digits() && allDigits(c.HNO) && !t[0].comma && !t[3].ordinal() { // "123 & 125 Main St"
		c.HNS = "-" + t[2].text
		return t[3:]
	}
	end := t[0].comma
	t = t[1:]
	if end || len(t) == 0 {
		return t
	}
	if len(t) > 2 && c.HNS == "" && c.HNP == "" && t[0].digits() && len(t[0].text) == len(c.HNO) && t[0].text > c.HNO && t[1].direction(p.dirs()) {
		c.HNS = "-" + t[0].text // "358 370 E 71st"
		return t[1:]
	}
	if t[0].fraction() {
		c.HNS = fractions.Replace(t[0].text)
		return t[1:]
	}
	if c.HNS == "" && p.suffixLetter(t) {
		c.HNS = strings.ToUpper(t[0].text)
		t = t[1:]
	}
	return t
}

// fractions writes a fraction of one character with its digits.
var fractions = strings.NewReplacer("½", "1/2", "¼", "1/4", "¾", "3/4", "⅓", "1/3", "⅔", "2/3")

// suffixLetter reports a lone letter between number and street ("1809 C Cross
// Beam Drive"), which is no directional and not the name itself ("1800 M Street").
func (p *parser) suffixLetter(t []token) bool {
	if len(t) < 2 || !t[0].letter() || t[0].comma || t[0].direction(p.dirs()) {
		return false
	}
	if t[0].key() == "U" && t[1].key() == "S" {
		return false
	}
	if _, n := highwayType(t[1:]); n > 0 && n+1 < len(t) && routeName(t[n+1]) {
		return true // "1670 F Highway 17"
	}
	return !t[1].kind() && !t[1].digits() && t[1].key() != "AND" && t[1].text != "&" && t[1].text != "#"
}

// numbered splits a house number of digits and letters: "109-A", "94-210",
// "1600B", "N6W23001", "W2340".
func numbered(w string, c *e911.Civic) bool {
	i := 0
	for i < len(w) && w[i] >= '0' && w[i] <= '9' {
		i++
	}
	if i == 0 {
		return grid(w, c)
	}
	head, tail := w[:i], w[i:]
	if tail[0] == '-' {
		after := tail[1:]
		if (token{text: after}).fraction() { // "123-1/2"
			c.HNO, c.HNS = head, fractions.Replace(after)
			return true
		}
		switch {
		case after == "" || len(after) > 6:
			return false
		case allDigits(after) && len(head) <= 3 && len(after) >= 2: // Queens, Hawaii
			c.HNP, c.HNO = head+"-", after
		default: // a range, or a letter
			c.HNO, c.HNS = head, tail
		}
		return alnum(after)
	}
	if i := strings.IndexAny(tail, "NSEW"); i == 0 && len(tail) > 2 && allDigits(tail[1:]) && len(head) < 3 { // "26W171" (DuPage County)
		c.HNP, c.HNO = w[:len(head)+1], tail[1:]
		return true
	}
	if tail[0] == '/' && allDigits(tail[1:]) && len(tail) > 2 && len(tail) <= 6 && tail[1:] != "2" { // "123/125"
		c.HNO, c.HNS = head, "-"+tail[1:]
		return true
	}
	if (token{text: tail}).fraction() || len(tail) <= 2 && alnum(tail) {
		c.HNO, c.HNS = head, fractions.Replace(tail)
		return true
	}
	return false
}

// grid reads numbers that begin with letters: "N6W23001" is prefix N6W and
// number 23001, a house on the west axis, and "W2340" is W and 2340.
func grid(w string, c *e911.Civic) bool {
	last := strings.LastIndexAny(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if last < 0 || last+1 >= len(w) || len(w) > 15 || !alnum(w) {
		return false
	}
	letters := strings.Trim(w[:last+1], "0123456789")
	split := last + 1
	if last > 0 { // a grid of two axes
		if w[0] < 'A' || strings.Trim(w, "NSEW0123456789") != "" || len(letters) < 2 {
			return false
		}
	} else if len(w)-split < 2 {
		return false
	}
	c.HNP, c.HNO = w[:split], w[split:]
	return true
}

// splitGrid reports two axes as the prefix of a number behind a space: "N6W2".
func splitGrid(w string) bool {
	var c e911.Civic
	return strings.IndexByte("NSEW", w[0]) >= 0 && strings.ContainsAny(w[1:], "NSEW") && grid(w, &c) && len(c.HNO) == 1
}

// twoGrid reports a grid number of two words, "W148 N9748".
func twoGrid(t []token) bool {
	if len(t) < 3 || t[0].comma {
		return false
	}
	axis := func(w string) bool {
		return len(w) > 2 && strings.ContainsRune("NSEWnsew", rune(w[0])) && allDigits(w[1:])
	}
	return axis(strings.TrimRight(t[0].text, "NSEWnsew")) && axis(t[1].text)
}

func alnum(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}

func itoa(n int) string {
	if n >= 10 {
		return string(rune('0'+n/10)) + string(rune('0'+n%10))
	}
	return string(rune('0' + n))
}

// canadian reports an address that is in Canada as far as it is known.
func (p *parser) canadian() bool { return p.french || p.c.Country == "CA" || p.inCanada }

func (p *parser) dirs() wordTable {
	if p.french {
		return frenchDirections
	}
	return directions
}

// separators join a pre-type and a name in CLDXF-US ("of the"), with the forms
// that mail lists abbreviate them to.
var separators = []struct{ form, full string }{
	{"of the", "of the"},
	{"of th", "of the"},
	{"of", "of"},
	{"de la", "de la"},
	{"de las", "de las"},
	{"de los", "de los"},
	{"de l'", "de l'"},
	{"du", "du"},
	{"des", "des"},
	{"del", "del"},
	{"de", "de"},
}

// name takes a street apart that has nothing else beside it.
func (p *parser) name(t []token, c *e911.Civic) {
	if len(t) == 0 {
		return
	}
	if p.french && p.frenchName(t, c) {
		return
	}
	if n := p.oldHighway(t); n > 0 {
		c.PRM = join(t[:n])
		t = t[n:]
	}
	t = p.preDirection(t, c)
	if n := p.oldHighway(t); n > 0 && c.PRM == "" {
		c.PRM = join(t[:n])
		t = p.preDirection(t[n:], c)
	}
	if p.highway(t, c) || p.preTyped(t, c) {
		return
	}
	t = p.postDirection(t, c)
	if n := len(t); n >= 3 && postModifiers[t[n-1].key()] != "" && t[n-2].strong() {
		c.POM = postModifiers[t[n-1].key()]
		t = t[:n-1]
	}
	if n := len(t); n >= 2 && t[n-1].kind() && !(n == 2 && lead(t[0])) && !t[n-1].named() {
		c.STS, _ = streetTypes.of(t[n-1])
		t = t[:n-1]
	}
	if name := join(t); fold(name) != "" { // signs alone are no name
		c.RD = name
	}
}

// lead reports a word that a name begins with and does not consist of.
func lead(t token) bool {
	switch t.key() {
	case "THE", "SAN", "LOS", "LAS", "EL", "LA":
		return true
	}
	return false
}

// postModifiers follow a type: "Avon Street Extension".
var postModifiers = map[string]string{
	"EXT": "Extension", "EXTENSION": "Extension", "EXTN": "Extension", "BYPASS": "Bypass", "BYP": "Bypass",
	"BUSINESS": "Business", "BUS": "Business", "ALTERNATE": "Alternate", "ALT": "Alternate",
	"CONNECTOR": "Connector", "OVERPASS": "Overpass", "UNDERPASS": "Underpass",
}

// oldHighway counts the words before a highway that modify it ("Old", "Scenic").
func (p *parser) oldHighway(t []token) int {
	if len(t) < 3 {
		return 0
	}
	switch t[0].key() {
	case "OLD", "NEW", "HISTORIC":
		rest := t[1:]
		if rest[0].direction(p.dirs()) {
			rest = rest[1:]
		}
		if p.highway(rest, &e911.Civic{}) {
			return 1
		}
	}
	return 0
}

// preDirection takes a directional off the front unless it is the name itself
// ("South Boulevard", "West Street").
func (p *parser) preDirection(t []token, c *e911.Civic) []token {
	dirs := p.dirs()
	if len(t) < 2 || !t[0].direction(dirs) || t[0].comma {
		return t
	}
	rest := t[1:]
	full, _ := dirs.of(t[0])
	if len(rest) > 1 {
		if two, ok := joined(dirs, t[0].text, rest[0].text); ok && !(rest[1].strong() && len(rest) == 2) {
			full, rest = two, rest[1:]
		}
	}
	if rest[0].strong() && !p.highway(rest, &e911.Civic{}) && p.onlyDirections(rest[1:]) {
		if !(rest[0].key() == "AVENUE" && len(rest) > 1) {
			return t
		}
	}
	if p.onlyDirections(rest) && len(rest) == 1 && !rest[0].direction(dirs) {
		return t
	}
	c.PRD = full
	return rest
}

func (p *parser) onlyDirections(t []token) bool {
	for _, w := range t {
		if !w.direction(p.dirs()) {
			return false
		}
	}
	return true
}

// postDirection takes a directional of one or two words off the end.
func (p *parser) postDirection(t []token, c *e911.Civic) []token {
	dirs := p.dirs()
	n := len(t)
	if n >= 3 && t[n-1].direction(dirs) && t[n-2].direction(dirs) {
		if full, ok := joined(dirs, t[n-2].text, t[n-1].text); ok {
			c.POD = full
			return t[:n-2]
		}
	}
	if n >= 2 && t[n-1].direction(dirs) {
		c.POD, _ = dirs.of(t[n-1])
		return t[:n-1]
	}
	if n == 1 { // "400E"
		w := t[0].key()
		if i := strings.TrimLeft(w, "0123456789"); i != w && len(w)-len(i) >= 3 {
			if full, ok := dirs.find(i); ok {
				c.POD = full
				return []token{{text: w[:len(w)-len(i)]}}
			}
		}
	}
	return t
}

// preTyped reads names whose type stands first: "Avenue of the Americas",
// "Avenue H", "Via de Ventura".
func (p *parser) preTyped(t []token, c *e911.Civic) bool {
	if len(t) < 2 {
		return false
	}
	k := t[0].key()
	full, spanish := preTypes.of(t[0])
	english, ok := streetTypes.of(t[0])
	switch {
	case spanish && !anyStrong(t[1:]):
		c.STP = full
	case ok && !weakTypes[english] && k != "ST" && t[1].key() == "OF" && len(t) > 2 && !t[len(t)-1].strong():
		c.STP = english
	case (k == "AVENUE" || k == "AVE" || k == "AVENIDA" || k == "PARKWAY") && len(t) == 2 && (t[1].letter() || t[1].digits()):
		c.STP = english
	case k == "BOULEVARD" && len(t) == 2 && t[1].direction(p.dirs()):
		c.STP = english
	default:
		return false
	}
	rest := t[1:]
	if !p.onlyDirections(rest) && (!spanish || len(rest) > 1 && !joins(rest[len(rest)-2])) {
		rest = p.postDirection(rest, c)
	}
	c.RD = join(rest)
	p.separator(c)
	return true
}

// joins reports a word of what joins a Spanish type and its name: "Via de Este".
func joins(t token) bool {
	switch t.key() {
	case "DE", "DEL", "LA", "LAS", "LOS", "EL":
		return true
	}
	return false
}

func anyStrong(t []token) bool {
	for _, w := range t {
		if w.strong() && w.key() != "LA" {
			return true
		}
	}
	return false
}

// separator moves "of the", "de la" from the name to its own field.
func (p *parser) separator(c *e911.Civic) {
	low := strings.ToLower(c.RD)
	for _, sep := range separators {
		if strings.HasPrefix(low, sep.form+" ") {
			c.STPS, c.RD = sep.full, c.RD[len(sep.form)+1:]
			return
		}
	}
}

// frenchName reads "rue de la Commune Ouest", "boulevard René-Lévesque E",
// "12e Avenue Nord" and "chemin du Golf".
func (p *parser) frenchName(t []token, c *e911.Civic) bool {
	rest := p.postDirection(t, c)
	stp, ok := frenchTypes.of(rest[0])
	if ok && len(rest) >= 2 {
		c.STP, c.RD = stp, join(rest[1:])
		if rest[1].key() == "NO" || rest[1].text == "#" {
			c.RD = routeNumber(c.RD)
		}
		p.separator(c)
		return true
	}
	if n := len(rest); n >= 2 && rest[n-2].frenchOrdinal() {
		if sts, ok := frenchTypes.of(rest[n-1]); ok {
			c.STS, c.RD = sts, join(rest[:n-1])
			return true
		}
	}
	c.POD = ""
	return false
}
