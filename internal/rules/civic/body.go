package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// body reads what is left when the end (city excepted) is gone.
func (p *parser) body(t []token) {
	t = p.leadingUnits(t)
	if len(t) == 0 {
		return
	}
	if p.crossing(t) {
		return
	}
	if p.posted && !t[0].digits() {
		n := p.streetEnd(t)
		p.name(t[:n], &p.c)
		p.after(t[n:], t[n-1].comma)
		return
	}
	if n := p.secondHouse(t); n > 0 {
		store(&p.c.BLD, join(t[:n]))
		t = t[n:]
	} else if n := p.houseAt(t); n > 0 {
		p.lead(t[:n])
		t = t[n:]
	} else if n < 0 {
		p.numberless(t)
		return
	}
	if p.numberedBuilding(t) {
		store(&p.c.BLD, join(t))
		return
	}
	rest := p.number(t, &p.c)
	if n := len(rest); n > 3 && rest[0].text == "#" && !rest[1].comma { // "6910 # G Mary Caroline Cir"
		place(&p.c, join(rest[:2]))
		rest = rest[2:]
	}
	if len(rest) == len(t) {
		p.numberless(t)
		return
	}
	if len(rest) == 0 {
		return
	}
	n := p.streetEnd(rest)
	p.name(rest[:n], &p.c)
	p.after(rest[n:], rest[n-1].comma)
}

// secondHouse finds the house number behind a building whose name begins with a
// number ("1015 Financial Center 505 20th St N"); 0 when there is none.
func (p *parser) secondHouse(t []token) int {
	if !t[0].digits() && numberWords[t[0].key()] == 0 {
		return 0
	}
	for i := 2; i < len(t)-2; i++ {
		if t[i].comma {
			return 0
		}
		if (buildingWords[t[i].key()] || t[i].key() == "PLACE") && t[i+1].digits() && !t[i+1].comma && !t[i+2].hasUnitType() && anyStrong(t[i+2:]) {
			return i + 1
		}
	}
	return 0
}

// numberedBuilding reports a building's name and nothing else: "5400 Renaissance Tower".
func (p *parser) numberedBuilding(t []token) bool {
	if p.tailed || p.placed || len(t) < 3 || !t[0].digits() {
		return false
	}
	for _, w := range t {
		if w.comma {
			return false
		}
	}
	switch t[len(t)-1].key() {
	case "TOWER", "BLDG", "BUILDING", "TOWERS":
		return true
	}
	return false
}

// leadingUnits reads "Suite 200, ..." and "Unit 5, 10 Main St" before the number,
// and mail boxes that stand first.
func (p *parser) leadingUnits(t []token) []token {
	for len(t) > 0 {
		if n := p.box(t); n > 0 {
			t = t[n:]
			continue
		}
		if t[0].text == "#" && len(t) > 4 && !t[1].comma && t[2].digits() && t[1].hasDigit() { // "#5 12 Elm St"
			place(&p.c, join(t[:2]))
			t = t[2:]
			continue
		}
		if t[0].text == "#" && len(t) > 2 && !t[1].comma { // "# 2 Turner Rd"
			return t
		}
		if n := p.milepost(t); n > 0 && n < len(t) {
			t = t[n:]
			p.posted = true
			continue
		}
		n := 0
		if t[0].hasUnitType() || t[0].key() == "MAIL" || len(t) > 1 && floorType(t[1].text) || glued(t[0]) > 0 {
			n = unitAt(t, true)
		}
		if n == 0 || n > len(t) || !t[n-1].hasDigit() && !t[n-1].comma && n < len(t) && !t[n-1].letter() && !floorType(t[n-1].text) {
			return t
		}
		if _, ok := streetTypes.of(t[0]); ok && !t[n-1].comma && n < len(t) && !t[n].digits() {
			return t
		}
		place(&p.c, join(t[:n]))
		t = t[n:]
	}
	return t
}

// milepost reads "Milepost 98", "MM 98.8", "Mile Marker 12" and counts its tokens.
func (p *parser) milepost(t []token) int {
	n := 0
	switch t[0].key() {
	case "MILEPOST", "MILEPOINT", "MM", "MILEMARKER":
		n = 1
	case "MILE":
		if len(t) > 1 && (t[1].key() == "MARKER" || t[1].key() == "POST") {
			n = 2
		}
	}
	if n == 0 || n >= len(t) || t[n-1].comma || strings.Trim(t[n].text, "0123456789.") != "" {
		return 0
	}
	if p.c.MP == "" {
		p.c.MP = t[n].text
	}
	return n + 1
}

// houseAt finds the house number: 0 when it stands first, its place when a name
// stands before it, -1 when there is none.
func (p *parser) houseAt(t []token) int {
	if p.startsHouse(t, 0) {
		return 0
	}
	inside := 0 // the first token behind the unit that was seen last
	for i := 1; i < len(t); i++ {
		if n := unitAt(t[i:], false); n > 1 && i >= inside && (levelAt(t[i:]) > 0 || t[i].hasUnitType() && !t[i].kind() && !buildingWords[t[i].key()]) {
			inside = i + n
		}
		if i < inside || !p.startsHouse(t, i) || i+1 >= len(t) {
			continue
		}
		prev := t[i-1]
		if !prev.comma {
			k := prev.key()
			if prev.hasUnitType() && !(i > 1 && (t[i-2].ordinal() || buildingWords[k])) || prev.text == "#" || highwayWords[k] || highwayAlone[k] || k == "NO" || k == "OF" || k == "NUMBER" || k == "BOX" || k == "LOCKBOX" || k == "LBX" || k == "LB" || k == "DRAWER" || k == "CODE" || k == "ACCT" || prev.strong() {
				continue
			}
		}
		if unitAt(t[i:], false) > 0 {
			continue
		}
		rest := t[i+1:]
		if !prev.comma && rest[0].comma { // "Highland 5, Boston"
			continue
		}
		if t[i].comma || !p.streetish(rest) {
			continue
		}
		return i
	}
	return -1
}

// streetish reports that a street may begin: a directional, a type further on,
// or a word.
func (p *parser) streetish(t []token) bool {
	if len(t) == 0 || t[0].text == "&" || boxWords(t) > 0 {
		return false
	}
	return t[0].direction(p.dirs()) || !t[0].hasUnitType() || len(t) > 1 && t[1].strong()
}

// startsHouse reports a house number at i that something follows.
func (p *parser) startsHouse(t []token, i int) bool {
	w := t[i]
	if w.text == "#" && i == 0 && len(t) > 2 && t[1].hasDigit() {
		return true
	}
	if w.comma && i > 0 {
		return false
	}
	if numberWords[w.key()] > 0 {
		if i+1 >= len(t) {
			return false
		}
		if i == 0 && t[1].direction(p.dirs()) && len(t) > 2 {
			return true
		}
		for j := i + 1; j < len(t) && j < i+6; j++ {
			if t[j].strong() && j > i+1 {
				return true
			}
			if t[j].comma {
				break
			}
		}
		return false
	}
	if !w.hasDigit() || w.ordinal() {
		return false
	}
	var c e911.Civic
	if w.digits() {
		return len(t) == 1 || i+1 < len(t)
	}
	k := strings.ToUpper(w.text)
	if k[0] >= '0' && k[0] <= '9' {
		return numbered(k, &c)
	}
	if strings.HasPrefix(k, "-") {
		return allDigits(k[1:])
	}
	return i == 0 && len(t) > 2 && numbered(k, &c) && !w.comma
}

// streetEnd counts the tokens of the street at the front of t, which is not empty.
func (p *parser) streetEnd(t []token) int {
	end := len(t)
	for i := range t {
		if t[i].comma {
			end = i + 1
			break
		}
	}
	if n := p.highwayEnd(t[:end]); n > 0 {
		return n
	}
	end = len(t)
	for i := range t {
		if i > 1 && t[i-1].strong() && (t[i].key() == "AT" || t[i].key() == "AND") && i+1 < len(t) {
			end = i
			break
		}
		if i > 0 && (p.route(t[i:]) || t[i-1].strong() && (mailRoute(t[i:]) || wing(t[i:]) || looseUnit(t[i:]) > 0 || t[i].key() == "MM" || t[i].key() == "MILE")) {
			end = i
			break
		}
		if i > 0 && (unitAt(t[i:], t[i-1].comma) > 0 && !p.partOfName(t, i) || boxWords(t[i:]) > 0 || t[i].text == "@" || t[i].text == "&" && (t[i-1].strong() || t[i-1].ordinal())) {
			end = i
			break
		}
		if t[i].comma {
			end = i + 1
			break
		}
	}
	bounded := end < len(t) || p.split || !p.tailed && !p.cityFollows(t)
	if end < len(t) && t[end-1].comma || end == len(t) {
		return p.typeEnd(t[:end], bounded && p.lastPart(t, end))
	}
	return p.typeEnd(t[:end], true)
}

// partOfName reports a designator inside a name ("Upper Mill Road"): a strong
// type follows in the same part.
func (p *parser) partOfName(t []token, i int) bool {
	if t[i].text == "#" || i > 1 && t[i-1].strong() {
		return false
	}
	for j := i + 1; j < len(t); j++ {
		if t[j].strong() && j-i <= 2 && !t[j-1].hasDigit() {
			return true
		}
		if t[j].comma {
			return false
		}
	}
	return false
}

// lastPart reports whether a city stands behind the part that ends at end, so
// that this one holds the street only.
func (p *parser) lastPart(t []token, end int) bool {
	if end < len(t) {
		rest := t[end:]
		for len(rest) > 0 { // nothing but units: the city is missing or before them
			n := unitAt(rest, true)
			if n == 0 {
				return !p.onlyDirections(rest)
			}
			rest = rest[min(n, len(rest)):]
		}
		return !p.tailed
	}
	return !p.tailed && !p.cityFollows(t)
}

// cityFollows reports words after a strong type and its directional although
// nothing tells where the street ends.
func (p *parser) cityFollows(t []token) bool {
	if p.placed {
		return false
	}
	for i := 1; i < len(t)-1; i++ {
		if t[i].strong() {
			return true
		}
	}
	return false
}

// highwayEnd counts a numbered highway at the front with its directionals.
func (p *parser) highwayEnd(t []token) int {
	start := 0
	if len(t) > 1 && t[0].direction(p.dirs()) {
		start = 1
	}
	if len(t) > start+1 && t[start].key() == "OLD" {
		start++
		if start == 1 && t[start].direction(p.dirs()) {
			start++
		}
	}
	stp, n := highwayType(t[start:])
	if n == 0 || start+n >= len(t) {
		return 0
	}
	i := start + n
	for i < len(t) && (t[i].text == "#" || t[i].key() == "NO" || t[i].key() == "NUMBER") {
		i++
	}
	if i >= len(t) || !routeName(t[i]) || t[i].direction(p.dirs()) && (i+1 < len(t) && !t[i].comma || !lettered(stp)) {
		return 0
	}
	i++
	for i < len(t) && !t[i-1].comma && (t[i].letter() || t[i].digits() && len(t[i].text) < 4) && !t[i].direction(p.dirs()) {
		i++
	}
	if i+1 < len(t) && p.c.HNO != "" && !t[i-1].comma && (t[i].text == "&" || t[i].key() == "AND") && t[i+1].hasDigit() {
		i += 2
	}
	if i < len(t) && highwayWords[t[i].key()] && !t[i-1].comma { // "US 401 Hwy"
		i++
	}
	if i < len(t) && t[i].direction(p.dirs()) && !t[i-1].comma && !directedCity(t[i:]) {
		i++
	}
	for _, w := range t[i:min(len(t), i+2)] {
		switch w.key() {
		case "SERVICE", "FRONTAGE", "ACCESS", "FEEDER":
			return 0
		}
	}
	if i < len(t) && !t[i-1].comma && postModifiers[t[i].key()] != "" && t[i].key() != "CONNECTOR" {
		i++
		if i < len(t) && !t[i-1].comma && t[i].direction(p.dirs()) && !directedCity(t[i:]) {
			i++
		}
	}
	return i
}

// typeEnd finds the end of the street in one part: after the type and its
// directional. whole says that no city can stand in the part.
func (p *parser) typeEnd(t []token, whole bool) int {
	if whole && !p.trailing(t) {
		return len(t)
	}
	if p.french {
		return p.frenchEnd(t)
	}
	last := p.lastType(t, whole)
	if last == 0 {
		return p.typeless(t, whole)
	}
	end := p.directionsAfter(t, last+1)
	if end < len(t) && end > last+1 && t[end].strong() && !p.saint(t, end) && t[end].key() != "LA" { // "Park Circle East Rd"
		end = p.directionsAfter(t, end+1)
	}
	return end
}

// trailing reports tokens behind the type and directional of a whole part,
// such as a bare unit number.
func (p *parser) trailing(t []token) bool {
	last := p.lastType(t, true)
	n := len(t)
	if last == 0 {
		return n > 1 && t[n-1].hasDigit() && !t[n-1].ordinal() && !t[n-2].direction(p.dirs()) && !(n == 2 && (t[0].letter() || numberedTypes[t[0].key()]))
	}
	end := p.directionsAfter(t, last+1)
	return end < n && (t[end].hasDigit() || n-end >= 1 && last > 0 && !p.onlyDirections(t[end:])) && !(end < n && t[end].kind())
}

// lastType finds the type that ends the street: the first strong type behind a
// word, moved on over the strong types that follow it at once ("19th Street
// Ct"); 0 when there is none.
func (p *parser) lastType(t []token, whole bool) int {
	from := 1
	if len(t) > 1 && t[0].direction(p.dirs()) && (!t[1].strong() || len(t) > 3 && anyStrong(t[3:])) {
		from = 2
	}
	for i := from; i < len(t); i++ {
		if !t[i].strong() || p.saint(t, i) || t[i].key() == "LA" && i+1 < len(t) {
			continue
		}
		j := i
		for j+1 < len(t) && t[j+1].strong() && !t[j].comma && !p.saint(t, j+1) {
			j++
		}
		if whole {
			if more := p.further(t, j); more > 0 {
				return more
			}
		}
		return j
	}
	return p.weakType(t, from, whole)
}

// weakType finds the last of the first weak types; where a city may follow
// there is none behind a directional and none that ends the part.
func (p *parser) weakType(t []token, from int, whole bool) int {
	for i := from; i < len(t); i++ {
		if !whole && t[i].direction(p.dirs()) && len(t[i].text) <= 2 {
			return 0
		}
		if !t[i].kind() || p.saint(t, i) || !whole && (i+1 == len(t) || cityStarts[t[i-1].key()]) || t[i].key() == "LA" {
			continue
		}
		for i+1 < len(t) && t[i+1].kind() && !p.saint(t, i+1) && (whole || i+2 < len(t)) {
			i++
		}
		return i
	}
	return 0
}

// further looks for a second strong type that ends the same name, one word on
// and at the end of the part: "Court House Rd", "Lane Park Drive".
func (p *parser) further(t []token, j int) int {
	for k := j + 1; k < len(t) && k <= j+3; k++ {
		if t[k].strong() && !p.saint(t, k) && !(t[j].key() == "ST" || t[j].key() == "AVE" || t[j].key() == "RD" || t[j].key() == "DR") {
			if k+1 == len(t) || p.onlyDirections(t[k+1:]) {
				return k
			}
		}
	}
	return 0
}

// saint tells "St" (Saint), "Ft" and "Mt" before a name from a type.
func (p *parser) saint(t []token, i int) bool {
	k := t[i].key()
	if i+1 >= len(t) || t[i].comma {
		return false
	}
	next := t[i+1]
	if next.direction(p.dirs()) || next.hasUnitType() || next.text == "#" || next.hasDigit() {
		return false
	}
	switch k {
	case "FT", "FORT", "MT", "MOUNT":
		return !next.strong() || next.key() == "PT"
	case "ST", "STE", "SAINT":
	default:
		return false
	}
	if i == 0 || i == 1 && t[0].direction(p.dirs()) {
		return !next.strong() || i+2 < len(t)
	}
	return saintNames[next.key()] && (i > 1 || i+2 < len(t) && t[i+2].strong())
}

// directionsAfter moves over directionals behind a type. One that is spelled
// out and followed by a word begins a city ("West Palm Beach").
func (p *parser) directionsAfter(t []token, i int) int {
	if i < len(t) && postModifiers[t[i].key()] != "" && (i+1 == len(t) || t[i].comma || postModifiers[t[i].key()] == "Extension") {
		i++
	}
	for n := 0; n < 2 && i < len(t) && t[i].direction(p.dirs()) && !t[i-1].comma; n++ {
		if wing(t[i:]) {
			break
		}
		if two := n == 1 && len(t[i].key()) == 1 && len(t[i-1].key()) == 1; !two && directedCity(t[i:]) && !splitDirection(t[i:]) {
			break
		}
		if n == 1 {
			if _, ok := joined(p.dirs(), t[i-1].text, t[i].text); !ok {
				break
			}
		}
		i++
	}
	return i
}

// splitDirection reports "S E" before a city that "E" could begin too.
func splitDirection(t []token) bool {
	if len(t) < 3 || t[0].comma || len(t[0].key()) != 1 || len(t[1].key()) != 1 {
		return false
	}
	_, ok := joined(directions, t[0].text, t[1].text)
	return ok
}

// frenchEnd finds the end of a French street in a part that a city may follow:
// behind the directional, else all.
func (p *parser) frenchEnd(t []token) int {
	for i := 2; i < len(t); i++ {
		if t[i].direction(frenchDirections) {
			return i + 1
		}
	}
	if p.split || len(t) < 4 {
		return len(t)
	}
	return len(t) - 1
}

// numberedTypes are types that a number follows as the name: "Avenue 280".
var numberedTypes = set1("AVENUE AVENIDA PARKWAY CALLE ROAD")

// typeless splits street and city without a type between them.
func (p *parser) typeless(t []token, whole bool) int {
	n := len(t)
	if n > 1 && t[0].direction(p.dirs()) && n > 2 || n > 1 {
		for i := 1; i < n; i++ { // "2901 East 3300 South", "Orchard Knob SE"
			if t[i].direction(p.dirs()) && (len(t[i].text) <= 2 || t[i-1].digits()) {
				return p.directionsAfter(t, i)
			}
		}
	}
	if !p.tailed {
		whole = true // nothing tells of a city
	}
	if whole {
		for n > 1 && t[n-1].hasDigit() && !t[n-1].ordinal() && !(n == 2 && (t[0].letter() || numberedTypes[t[0].key()])) {
			n--
		}
		return n
	}
	if p.split { // the part before the state's comma: street and city in one
		if n == 1 {
			return 1
		}
	}
	return n - p.cityWords(t)
}
