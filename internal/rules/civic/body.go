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
	if !t[0].digits() {
		return 0
	}
	for i := 2; i < len(t)-2; i++ {
		if t[i].comma {
			return 0
		}
		if buildingWords[t[i].key()] && t[i+1].digits() && !t[i+1].comma && !t[i+2].hasUnitType() && anyStrong(t[i+2:]) {
			return i + 1
		}
	}
	return 0
}

// numberedBuilding reports a building's name and nothing else: "5400 Renaissance Tower".
func (p *parser) numberedBuilding(t []token) bool {
	if p.tailed || len(t) < 3 || !t[0].digits() {
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
		if t[0].text == "#" && len(t) > 2 && !t[1].comma { // "# 2 Turner Rd"
			return t
		}
		n := 0
		if t[0].hasUnitType() || len(t) > 1 && floorType(t[1].text) || glued(t[0]) > 0 {
			n = unitAt(t, true)
		}
		if n == 0 || n > len(t) || !t[n-1].hasDigit() && !t[n-1].comma && n < len(t) && !t[n-1].letter() && !floorType(t[n-1].text) {
			return t
		}
		if _, ok := streetTypes.find(t[0].text); ok && !t[n-1].comma && n < len(t) && !t[n].digits() {
			return t
		}
		place(&p.c, join(t[:n]))
		t = t[n:]
	}
	return t
}

// box reads "PO Box 5", "RR 2 Box 7", "Rural Route 4", "HC 3", "PSC 4 Box 9",
// "CP 120", "General Delivery", and counts its tokens.
func (p *parser) box(t []token) int {
	n := boxWords(t)
	route := 0
	if n == 0 {
		route = routeWords(t)
		if route == 0 {
			return 0
		}
		n = route
	}
	for n < len(t) && (t[n].text == "#" || t[n].key() == "NO") && !t[n-1].comma {
		n++
	}
	if n < len(t) && !t[n-1].comma && (t[n].hasDigit() || t[n].letter() || len(t[n].text) <= 2) {
		n++
		if n < len(t) && !t[n-1].comma && (t[n].letter() || route > 0 && t[n].digits()) {
			n++
		}
	} else if route > 0 {
		return 0
	}
	if p.c.POBOX != "" && t[0].key()[0] == 'P' && p.c.POBOX[0]|0x20 != 'p' && routeWords(tokens(p.c.POBOX)) == 0 {
		store(&p.c.UNIT, p.c.POBOX) // "Drawer 5, PO Box 12": the drawer is inside
		p.c.POBOX = ""
	}
	store(&p.c.POBOX, join(t[:n]))
	if p.kind == KindNone {
		p.kind = KindMailbox
	}
	return n
}

// boxWords counts the words that begin a post office box.
func boxWords(t []token) int {
	at := func(i int) string {
		if i < len(t) {
			return t[i].key()
		}
		return ""
	}
	switch at(0) {
	case "BOX", "LB", "LBX", "DRAWER":
		if len(t) > 1 && !t[0].comma && (t[1].hasDigit() || t[1].text == "#" || t[1].letter()) {
			return 1
		}
		if at(0) == "DRAWER" && len(at(1)) == 2 {
			return 1
		}
	case "R":
		if at(1) == "R" && len(t) > 2 && (t[2].hasDigit() || t[2].text == "#") {
			return 2
		}
	case "LOCK", "CALLER":
		if at(1) == "BOX" && len(t) > 2 && t[2].hasDigit() {
			return 2
		}
	case "POBOX", "PO-BOX", "POB", "LOCKBOX", "CASIER":
		if at(0) == "CASIER" && at(1) != "POSTAL" {
			return 0
		}
		if at(0) == "CASIER" {
			return 2
		}
		return 1
	case "CP":
		if len(t) > 1 && t[1].digits() {
			return 1
		}
	case "PO":
		switch at(1) {
		case "BOX", "BX", "BOXES", "B", "DRAWER":
			return 2
		case "#":
			return 1
		}
		if len(t) > 1 && t[1].digits() {
			return 1
		}
	case "P":
		if at(1) == "O" && (at(2) == "BOX" || at(2) == "DRAWER" || at(2) == "B") {
			return 3
		}
	case "POST":
		if at(1) == "OFFICE" && (at(2) == "BOX" || at(2) == "DRAWER") {
			return 3
		}
		if at(1) == "BOX" {
			return 2
		}
	case "GENERAL":
		if at(1) == "DELIVERY" {
			return 2
		}
	case "PSC", "CMR":
		if len(t) > 2 && t[1].digits() && at(2) == "BOX" {
			return 3
		}
	case "UNIT":
		if len(t) > 2 && digits(t[1].text, 4) || digits(at(1), 5) && at(2) == "BOX" {
			if at(2) == "BOX" {
				return 3
			}
		}
	}
	return 0
}

// routeWords counts the words that begin a rural or highway contract route.
func routeWords(t []token) int {
	if len(t) < 2 {
		return 0
	}
	n := 0
	switch t[0].key() {
	case "RR", "RFD", "HC", "HCR", "RD", "SRA", "STAR", "RTE", "RT", "ROUTE":
		n = 1
		switch t[1].key() {
		case "RTE", "ROUTE", "RT":
			n = 2
		}
		if t[0].key() == "STAR" {
			n = 2
		}
	case "RURAL":
		if t[1].key() == "ROUTE" || t[1].key() == "RT" || t[1].key() == "RTE" {
			n = 2
		}
	case "HIGHWAY", "HWY":
		if t[1].key() == "CONTRACT" {
			n = 2
			if len(t) > 2 && (t[2].key() == "ROUTE" || t[2].key() == "RTE" || t[2].key() == "BOX") {
				n = 3
			}
		}
	}
	switch t[0].key() {
	case "RTE", "RT", "ROUTE", "RD", "STAR", "SRA": // a mail route only before a box
		for i := n; i < len(t) && i < n+4; i++ {
			if t[i].key() == "BOX" || t[i].key() == "RR" {
				return n
			}
		}
		return 0
	}
	return n
}

// houseAt finds the house number: 0 when it stands first, its place when a name
// stands before it, -1 when there is none.
func (p *parser) houseAt(t []token) int {
	if p.startsHouse(t, 0) {
		return 0
	}
	for i := 1; i < len(t); i++ {
		if !p.startsHouse(t, i) || i+1 >= len(t) {
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
		if i > 0 && i+1 < len(t) && (t[i].key() == "RR" || t[i].key() == "RFD") && t[i+1].hasDigit() {
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
	_, n := highwayType(t[start:])
	if n == 0 || start+n >= len(t) {
		return 0
	}
	i := start + n
	for i < len(t) && (t[i].text == "#" || t[i].key() == "NO" || t[i].key() == "NUMBER") {
		i++
	}
	if i >= len(t) || !routeName(t[i]) || t[i].direction(p.dirs()) && i+1 < len(t) && !t[i].comma {
		return 0
	}
	i++
	for i < len(t) && !t[i-1].comma && (t[i].letter() || t[i].digits() && len(t[i].text) < 4) && !t[i].direction(p.dirs()) {
		i++
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
	if i < len(t) && (t[i].key() == "BUSINESS" || t[i].key() == "BYPASS") {
		i++
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
		return n > 1 && t[n-1].hasDigit() && !t[n-1].ordinal() && !t[n-2].direction(p.dirs())
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
	if i < len(t) && postModifiers[t[i].key()] != "" && (i+1 == len(t) || t[i].comma) {
		i++
	}
	for n := 0; n < 2 && i < len(t) && t[i].direction(p.dirs()) && !t[i-1].comma; n++ {
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
		for n > 1 && t[n-1].hasDigit() && !t[n-1].ordinal() {
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

// cityWords guesses how many words at the end are the city; the street keeps one.
func (p *parser) cityWords(t []token) int {
	n := len(t)
	keep := 1
	if n > 1 && t[0].direction(p.dirs()) {
		keep = 2
	}
	words := 1
	if n-words > keep && cityEnds[t[n-1].key()] {
		words++
	}
	for words < 3 && n-words > keep && cityStarts[t[n-words-1].key()] {
		words++
	}
	return max(0, min(words, n-keep))
}

// cityEnds are last words that a city's name of two words has.
var cityEnds = set1(`CITY PARK BEACH SPRINGS FALLS HEIGHTS HILLS HILL ISLAND RAPIDS GROVE VILLAGE LAKE LAKES VALLEY FOREST RANCH OAKS
OAK PRAIRIE PLAINES PLAINS POINT BLUFF BLUFFS ROCK SHORES WOODS BAY HARBOR LANDING CREEK RIVER TOWNSHIP TWP JUNCTION SPRING RIDGE
CENTER CHURCH ANGELES VEGAS DIEGO FRANCISCO JOSE ANTONIO LOUIS PAUL ORLEANS YORK HAVEN LONDON WORTH WAYNE ROUGE`)

// directedCities are well-known cities whose names begin with a directional,
// without it.
var directedCities = set1(`PALM HOLLYWOOD BLOOMFIELD BLOOMFLD CHICAGO BEND MIAMI VEGAS LANSING ORANGE HARTFORD JORDAN VALLEY COVINA PLATTE CHARLESTON
ORLEANS SACRAMENTO MEMPHIS RICHLAND OLMSTED ROYALTON TONAWANDA SENECA HEMPSTEAD BABYLON ISLIP BRUNSWICK WINDSOR HAVEN PROVIDENCE KINGSTOWN
PORTLAND PASADENA GATE OGDEN LAFAYETTE MOINES ALLIS ALLIES AUGUSTINE MONROE HADLEY SPRINGFIELD ANDOVER ATTLEBORO READING BOSTON BRIDGEWATER
WEYMOUTH YORK VANCOUVER FARGO ELGIN AURORA DUNDEE BARRINGTON HOLLAND PLAINFIELD BURLINGTON LINN CANTON WARWICK NYACK HAMPTON SETAUKET
ROCKAWAY MEADOW POINT LIBERTY TEXAS BELLMORE HILLS HILL`)

// directedCity reports a directional that begins a city's name: "West Palm
// Beach", "North Hollywood", "South San Francisco".
func directedCity(t []token) bool {
	if len(t) < 2 || t[0].comma {
		return false
	}
	if full, ok := directions.find(t[0].text); !ok || len(full) > len("North") {
		return false
	}
	next := t[1].key()
	if directedCities[next] {
		return !(next == "PALM" && len(t) > 3 && t[3].key() == "GARDENS") && !(next == "PALM" && len(t) > 2 && t[2].key() == "HARBOR")
	}
	if len(t) < 3 {
		return false
	}
	switch next + " " + t[2].key() {
	case "SAN FRANCISCO", "SAN FRAN", "LAS VEGAS", "LITTLE ROCK", "GRAND RAPIDS", "SALT LAKE", "ST LOUIS", "ST PAUL", "SAINT PAUL", "LAKE TAHOE", "LOS ANGELES", "EL MONTE", "BAY VILLAGE":
		return true
	}
	return false
}

// saintNames are the saints that American cities and streets are named after.
var saintNames = set1(`LOUIS PAUL PETERSBURG CHARLES JOSEPH AUGUSTINE CLOUD SIMONS GEORGE GEORGES HELENA ALBANS JOHN JOHNS CLAIR MARYS MARY
PETERS PETER FRANCIS ANN ANNE ANNS JAMES ALBERT CATHARINES CATHERINE THOMAS ROSE MARTIN ANTHONY MICHAEL MICHAELS LEONARD NICHOLAS BERNARD ANDREWS
DAVIDS MATTHEWS CROIX JEAN HYACINTHE JEROME LAURENT LAMBERT EUSTACHE HUBERT LUCIE STEPHENS`)

// cityStarts are first words that a city's name goes on after.
var cityStarts = set1(`SAN SANTA LOS LAS SAINT ST NEW NORTH SOUTH EAST WEST FORT FT MOUNT MT EL LA DES PALM GRAND SALT PORT CAPE
N S E W LAKE LITTLE BATON CORAL BOCA CEDAR COLORADO OKLAHOMA KANSAS JERSEY IOWA LONG VIRGINIA CAROL HIGHLAND ROCK TERRE SIOUX
COUNCIL GREEN UPPER LOWER OLD GLEN COLLEGE BIG BOWLING DEL CHAPEL`)
