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

// grid reads numbers that begin with letters: "N6W23001" is prefix N6W2 and
// number 3001, as CLDXF-US has it, and "W2340" is W and 2340.
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
		if len(w)-split > 4 && w[len(w)-4] != '0' {
			split = len(w) - 4
		}
	} else if len(w)-split < 2 {
		return false
	}
	c.HNP, c.HNO = w[:split], w[split:]
	return true
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
		c.STS, _ = streetTypes.find(t[n-1].text)
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
	full, _ := dirs.find(t[0].text)
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
		c.POD, _ = dirs.find(t[n-1].text)
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

// highwayWords are the words that a numbered road is called by.
var highwayWords = map[string]bool{
	"HIGHWAY": true, "HWY": true, "HIWAY": true, "HIGHWY": true, "HWAY": true, "HGHWY": true, "HGHWAY": true, "HIWY": true,
	"ROUTE": true, "RTE": true, "RT": true, "ROAD": true, "RD": true, "INTERSTATE": true, "FREEWAY": true, "AUTOROUTE": true, "HGWY": true,
	"TRUNK": true, "LOOP": true, "SPUR": true,
}

// highwayFull spells the words of a highway's type out.
var highwayFull = map[string]string{
	"HGWY": "Highway", "HIGHWAY": "Highway", "HWY": "Highway", "HIWAY": "Highway", "HIGHWY": "Highway", "HWAY": "Highway", "HGHWY": "Highway",
	"HGHWAY": "Highway", "HIWY": "Highway", "ROUTE": "Route", "RTE": "Route", "RT": "Route", "ROAD": "Road", "RD": "Road",
	"INTERSTATE": "Interstate", "I": "Interstate", "IH": "Interstate", "US": "US", "STATE": "State", "ST": "State", "COUNTY": "County", "CNTY": "County",
	"CO": "County", "CTY": "County", "SR": "State Route", "CR": "County Road", "FM": "Farm to Market Road", "RM": "Ranch to Market Road",
	"CH": "County Highway", "SH": "State Highway", "CTH": "County Trunk Highway", "STH": "State Trunk Highway", "TRUNK": "Trunk",
	"FARM": "Farm", "TO": "to", "MARKET": "Market", "RANCH": "Ranch", "TOWNSHIP": "Township", "TWP": "Township", "FEDERAL": "Federal",
	"PROVINCIAL": "Provincial", "REGIONAL": "Regional", "OLD": "Old", "SCENIC": "Scenic", "FOREST": "Forest", "SERVICE": "Service",
	"FREEWAY": "Freeway", "FWY": "Freeway", "RURAL": "Rural", "BUSINESS": "Business", "NATIONAL": "National", "TR": "Township Road",
	"LOOP": "Loop", "BELTWAY": "Beltway", "SPUR": "Spur", "INDIAN": "Indian", "AUTOROUTE": "Autoroute", "RR": "Ranch Road",
	"CONCESSION": "Concession", "CONC": "Concession", "LINE": "Line", "SIDEROAD": "Sideroad", "PARISH": "Parish", "PRIVATE": "Private", "BUREAU": "Bureau",
}

// highwayAlone need no further word before the number: "SR 20", "CR 850".
var highwayAlone = map[string]bool{
	"SR": true, "CR": true, "FM": true, "SH": true, "CTH": true, "STH": true, "I": true, "IH": true, "US": true, "INTERSTATE": true,
	"HIGHWAY": true, "HWY": true, "HIWAY": true, "HIGHWY": true, "HWAY": true, "HGHWY": true, "HGHWAY": true, "HIWY": true,
	"ROUTE": true, "RTE": true, "RT": true, "RM": true, "AUTOROUTE": true, "CONCESSION": true, "CONC": true, "TR": true, "LOOP": true, "SIDEROAD": true, "RR": true, "BELTWAY": true,
}

// highwayFirst begin a highway's type: "State Highway", "County Road", "US".
var highwayFirst = map[string]bool{
	"US": true, "STATE": true, "ST": true, "COUNTY": true, "CNTY": true, "CO": true, "CTY": true, "FARM": true, "RANCH": true,
	"TOWNSHIP": true, "TWP": true, "FEDERAL": true, "PROVINCIAL": true, "REGIONAL": true, "SCENIC": true, "FOREST": true,
	"RURAL": true, "INDIAN": true, "NATIONAL": true, "PARISH": true, "PRIVATE": true,
}

// highway reads a numbered road: "US Highway 50", "County Road Y", "SR 20 East".
func (p *parser) highway(t []token, c *e911.Civic) bool {
	stp, n := highwayType(t)
	if n == 0 || n >= len(t) {
		return false
	}
	t = t[n:]
	for len(t) > 1 && (t[0].text == "#" || t[0].key() == "NO" || t[0].key() == "NUMBER" || t[0].key() == "NUM") {
		t = t[1:]
	}
	if !routeName(t[0]) || t[0].direction(p.dirs()) && (len(t) > 1 || !lettered(stp)) {
		return false
	}
	name := t[:1]
	t = t[1:]
	for len(t) > 0 && (t[0].letter() && !t[0].direction(p.dirs()) || t[0].digits()) { // "F 41", "76 37"
		name = name[:len(name)+1]
		t = t[1:]
	}
	if len(t) > 1 && (t[0].text == "&" || t[0].key() == "AND") && t[1].hasDigit() { // "Highway 12 & 18"
		name = name[:len(name)+2]
		t = t[2:]
	}
	var pod, pom string
	for range 2 { // in either order
		if len(t) > 0 && pod == "" && t[0].direction(p.dirs()) {
			pod, _ = p.dirs().find(t[0].text)
			t = t[1:]
		}
		if len(t) > 0 && pom == "" && postModifiers[t[0].key()] != "" {
			pom = postModifiers[t[0].key()]
			t = t[1:]
		}
	}
	if len(t) > 0 {
		return false
	}
	c.STP, c.RD, c.POD, c.POM = stp, join(name), pod, pom
	return true
}

// highwayType reads the words before the number and counts them.
func highwayType(t []token) (string, int) {
	if len(t) == 0 {
		return "", 0
	}
	k := t[0].key()
	switch {
	case (k == "C" || k == "S") && len(t) > 2 && t[1].key() == "R": // "C R 850"
		return highwayFull[k+"R"], 2
	case k == "UNITED" && len(t) > 2 && t[1].key() == "STATES":
		stp, n := highwayType(append([]token{{text: "US"}}, t[2:]...))
		if n == 0 {
			return "", 0
		}
		return stp, n + 1
	case k == "U" && len(t) > 2 && t[1].key() == "S":
		stp, n := highwayType(append([]token{{text: "US"}}, t[2:]...))
		return stp, n + 1
	case highwayFirst[k] && len(t) > 1:
		first := highwayFull[k]
		if (k == "FARM" || k == "RANCH") && len(t) > 3 && t[1].key() == "TO" && t[2].key() == "MARKET" {
			if highwayWords[t[3].key()] {
				return first + " to Market Road", 4
			}
			return first + " to Market Road", 3
		}
		for i := 1; i < len(t) && i < 3; i++ {
			w := t[i].key()
			if !highwayWords[w] {
				break
			}
			first += " " + highwayFull[w]
			if i+1 >= len(t) || !highwayWords[t[i+1].key()] {
				return first, i + 1
			}
		}
	case len(t) > 2 && highwayWords[t[1].key()] && highwayAlone[t[1].key()]: // "Alabama Highway 157"
		if code, ok := stateCode(t[0].text); ok {
			if s, ok := StateOf(code); ok && !directions.has(k) {
				return s.Name + " " + highwayFull[t[1].key()], 2
			}
		}
	}
	if highwayAlone[k] && len(t) > 2 && highwayWords[t[1].key()] && t[1].key() != k && routeName(t[2]) && t[2].hasDigit() {
		if full := highwayFull[k]; strings.HasSuffix(full, " "+highwayFull[t[1].key()]) {
			return full, 2
		}
		return highwayFull[k] + " " + highwayFull[t[1].key()], 2
	}
	if k == "BUSINESS" && len(t) > 2 && highwayAlone[t[1].key()] {
		return "Business " + highwayFull[t[1].key()], 2
	}
	if highwayAlone[k] || k == "STATE" && len(t) > 1 && t[1].digits() || (k == "ROAD" || k == "RD" || k == "SPUR" || k == "BUSINESS") && len(t) > 1 && t[1].digits() {
		return highwayFull[k], 1
	}
	if len(t) > 1 && len(k) == 2 && t[1].digits() && len(t[1].text) < 4 && !directions.has(k) && !streetTypes.has(k) {
		if s, ok := StateOf(k); ok && s.FIPS != "" {
			return s.Name, 1
		}
	}
	if len(t) > 1 && len(k) > 3 && k != "WASHINGTON" && t[1].digits() && len(t[1].text) < 4 && (len(t) == 2 || t[1].comma || t[2].direction(directions)) { // "Ohio 4"
		if s, ok := StateOf(k); ok && s.FIPS != "" {
			return s.Name, 1
		}
	}
	if n := alternate(t); n > 0 {
		return full(t[:n]), n
	}
	if len(t) > 3 && (t[1].key() == "COUNTY" || t[1].key() == "CNTY") && highwayWords[t[2].key()] && t[3].digits() && !t[0].hasDigit() {
		return t[0].text + " County " + highwayFull[t[2].key()], 3
	}
	return "", 0
}

// alternate counts "Alt", "Bus Hwy", "US Hwy Alt" before a number.
func alternate(t []token) int {
	for i := 0; i < len(t)-1 && i < 3; i++ {
		switch k := t[i].key(); k {
		case "ALT", "ALTERNATE", "BUS", "BUSINESS", "BYPASS":
			if t[i+1].digits() {
				return i + 1
			}
			if i == 0 && i+2 < len(t) && highwayAlone[t[1].key()] && t[2].digits() {
				return 2
			}
			return 0
		default:
			if !highwayAlone[k] && !(i == 0 && highwayFirst[k]) {
				return 0
			}
		}
	}
	return 0
}

// full spells the words of a highway's type out.
func full(t []token) string {
	words := make([]string, len(t))
	for i, w := range t {
		words[i] = w.text
		if f, ok := highwayFull[w.key()]; ok {
			words[i] = f
		} else if f, ok := postModifiers[w.key()]; ok {
			words[i] = f
		}
	}
	return strings.Join(words, " ")
}

func (t wordTable) has(k string) bool {
	_, ok := t[k]
	return ok
}

// routeName reports what a numbered road can be called: "20", "A1A", "60E", "Y", "EE".
func routeName(t token) bool {
	if t.ordinal() {
		return false
	}
	if t.hasDigit() {
		return len(t.text) <= 7
	}
	switch k := t.key(); {
	case len(k) == 1:
		return true
	case len(k) != 2:
		return false
	default: // the lettered county roads of Wisconsin and Missouri
		return k[0] == k[1] || !strings.ContainsAny(k, "AEIOUY") && !t.strong() && !directions.has(k)
	}
}

// lettered reports a type whose roads are named by any letter, "County Road E".
func lettered(stp string) bool {
	return strings.HasPrefix(stp, "County") || strings.HasPrefix(stp, "State") || stp == "Highway"
}

func highway(stp string) bool {
	for w := range strings.FieldsSeq(stp) {
		if highwayWords[strings.ToUpper(w)] {
			return true
		}
	}
	return false
}

// routeNumber drops "No." and "#" before a route's number.
func routeNumber(rd string) string {
	t := tokens(rd)
	for len(t) > 1 && (t[0].text == "#" || t[0].key() == "NO" || t[0].key() == "NUMBER") {
		t = t[1:]
	}
	return join(t)
}

// preType spells a pre-type out, word by word for a highway.
func preType(stp string) string {
	if stp == "" {
		return ""
	}
	t := tokens(stp)
	if len(t) == 1 {
		if full, ok := highwayFull[t[0].key()]; ok && highwayAlone[t[0].key()] {
			return full
		}
		if full, ok := preTypes.find(stp); ok {
			return full
		}
		if s, ok := StateOf(t[0].key()); ok && len(stp) == 2 {
			return s.Name
		}
		return expand(streetTypes, stp)
	}
	if full, n := highwayType(append(t, token{text: "1"})); n == len(t) {
		return full
	}
	for i, w := range t {
		if full, ok := highwayFull[w.key()]; ok {
			t[i].text = full
		}
	}
	return join(t)
}

// preTyped reads names whose type stands first: "Avenue of the Americas",
// "Avenue H", "Via de Ventura".
func (p *parser) preTyped(t []token, c *e911.Civic) bool {
	if len(t) < 2 {
		return false
	}
	k := t[0].key()
	full, spanish := preTypes.find(t[0].text)
	english, ok := streetTypes.find(t[0].text)
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
	if !p.onlyDirections(rest) && !spanish {
		rest = p.postDirection(rest, c)
	}
	c.RD = join(rest)
	p.separator(c)
	return true
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
	stp, ok := frenchTypes.find(rest[0].text)
	if ok && len(rest) >= 2 {
		c.STP, c.RD = stp, join(rest[1:])
		if rest[1].key() == "NO" || rest[1].text == "#" {
			c.RD = routeNumber(c.RD)
		}
		p.separator(c)
		return true
	}
	if n := len(rest); n >= 2 && rest[n-2].frenchOrdinal() {
		if sts, ok := frenchTypes.find(rest[n-1].text); ok {
			c.STS, c.RD = sts, join(rest[:n-1])
			return true
		}
	}
	c.POD = ""
	return false
}
