package civic

import "strings"

// after reads what stands behind the street: directionals, units, boxes, a
// second street, names of buildings and the city.
func (p *parser) after(t []token, comma bool) {
	if len(t) > 0 && comma { // "412 First St., SE, Ste 100"
		n := 0
		for n < len(t) && n < 2 && t[n].direction(p.dirs()) && (n == 0 || !t[n-1].comma) {
			n++
		}
		if n > 0 && p.c.POD == "" && (len(t) == n || t[n-1].comma || len(t[0].key()) <= 2 || unitAt(t[n:], false) > 0) && !directedCity(t) {
			p.c.POD = direction(p.dirs(), join(t[:n]))
			t = t[n:]
		}
	}
	var parts [][]token
	first := true
	for len(t) > 0 {
		n := p.piece(t, comma, first)
		if n == 0 {
			n = p.partLength(t)
			parts = append(parts, t[:n])
		}
		comma = t[n-1].comma
		t = t[n:]
		first = false
	}
	p.places(parts)
}

// piece reads one unit, box or crossing at the front of t and counts it.
func (p *parser) piece(t []token, comma, first bool) int {
	switch t[0].key() {
	case "&", "@", "AT", "AND":
		if first && len(t) > 1 && !comma {
			return p.second(t)
		}
	}
	if t[0].text == "/" || t[0].text == "|" {
		return 1
	}
	if n := p.milepost(t); n > 0 {
		return n
	}
	if first && !comma && mailRoute(t) {
		n := 2
		if t[1].text == "#" {
			n = 3
		}
		store(&p.c.POBOX, join(t[:n]))
		return n
	}
	if n := looseUnit(t); n > 0 {
		store(&p.c.UNIT, join(t[:n]))
		return n
	}
	if boxWords(t) > 0 || p.route(t) {
		if n := p.box(t); n > 0 {
			return n
		}
	}
	if t[0].key() == "PMB" || t[0].key() == "MS" {
		if len(t) > 1 && t[1].hasDigit() {
			place(&p.c, join(t[:2]))
			return 2
		}
	}
	if isName(t[0].key()) {
		return 0
	}
	n := min(unitAt(t, true), len(t))
	if n > 0 {
		place(&p.c, join(t[:n]))
		return n
	}
	if first && !comma && len(t) > 1 && code(t) {
		place(&p.c, join(t[:2]))
		return 2
	}
	if p.bareUnit(t, comma) {
		n := identifier(t)
		store(&p.c.UNIT, join(t[:n]))
		return n
	}
	return 0
}

// code reports "TPN 13A", "AF 1025": a short word and a number behind a street.
func code(t []token) bool {
	return !t[0].comma && len(t[0].text) <= 4 && alnum(t[0].text) && !t[0].hasDigit() && t[1].hasDigit() && !t[1].ordinal() && !t[0].direction(directions)
}

// bareUnit reports an identifier without a designator: "212 W Washington, 1506".
func (p *parser) bareUnit(t []token, comma bool) bool {
	w := t[0]
	if w.ordinal() || p.c.UNIT != "" && !w.comma && len(t) > 1 {
		return false
	}
	if w.hasDigit() {
		if len(t) > 1 && t[1].letter() && t[1].comma {
			return true
		}
		if !w.comma && !p.tailedPart(t) {
			return false
		}
		return len(t) == 1 || w.comma || !comma && len(w.text) <= 6
	}
	return w.letter() && !w.direction(p.dirs()) && (len(t) == 1 || w.comma || !comma && !p.tailed || !comma && len(t) > 1)
}

// tailedPart reports that the words behind a number are no building's name that
// begins with it ("400 Colony Square, # 1001").
func (p *parser) tailedPart(t []token) bool {
	for i, w := range t {
		if w.comma {
			return i == 0 || !buildingWords[w.key()]
		}
	}
	return true
}

// second reads the crossing street of an address with a house number.
func (p *parser) second(t []token) int {
	n := 1
	for n < len(t) && !t[n-1].comma {
		n++
	}
	end := n
	if p.tailed && !p.split && end == len(t) {
		end = 1 + p.streetEnd(t[1:])
	}
	p.name(t[1:end], &p.cross)
	p.cross = streetFields(p.cross)
	p.note("RD", "A second street is named; it is kept apart.")
	return end
}

// partLength counts the tokens up to the next comma, unit or box.
func (p *parser) partLength(t []token) int {
	for i := range t {
		if i > 0 && (boxWords(t[i:]) > 0 || looseUnit(t[i:]) > 0) {
			return i
		}
		if n := unitAt(t[i:], false); i > 0 && n > 0 && !t[i].kind() && !(n == 1 && buildingWords[t[i].key()]) {
			return i
		}
		if t[i].comma && !(i+1 < len(t) && companyEnds[t[i+1].key()]) {
			return i + 1
		}
	}
	return len(t)
}

// looseUnits number a part of a building only where a number or a letter
// follows them behind the street.
var looseUnits = set1("DOCK DOOR STALL BOOTH STORE SHOP KIOSK SECTION SECT MODULE ENTRANCE CABIN BERTH POD ZONE PHASE TERMINAL CONCOURSE BAY PAD BLK BLOCK")

// looseUnit counts "Store 5", "Concourse B".
func looseUnit(t []token) int {
	if len(t) < 2 || t[0].comma || !looseUnits[t[0].key()] || !t[1].letter() && !t[1].hasDigit() || t[1].ordinal() {
		return 0
	}
	if len(t) > 2 && !t[1].comma && t[2].strong() { // "Store 5 Street"
		return 0
	}
	return 2
}

// mailRoute reports the rural delivery behind a street: "Elm Road R.D. #2".
func mailRoute(t []token) bool {
	if len(t) < 2 || t[0].comma {
		return false
	}
	switch t[0].key() {
	case "RD", "RT", "RTE", "RFD":
		return t[1].digits() && len(t[1].text) == 1 || t[1].text == "#" && len(t) > 2 && t[2].digits()
	}
	return false
}

// wing reports "West Wing", "North Tower": a directional that is no street's.
func wing(t []token) bool {
	if len(t) < 2 || t[0].comma || !t[0].direction(directions) && t[0].key() != "MAIN" && t[0].key() != "CENTER" {
		return false
	}
	switch t[1].key() {
	case "WING", "TOWER", "TWR", "BUILDING", "BLDG", "SIDE", "ENTRANCE":
		return len(t) == 2 || t[1].comma || !t[2].strong() && !identifies(t[2])
	}
	return false
}

// companyEnds follow a company's name behind a comma.
var companyEnds = set1("INC LLC LTD LLP LP CORP CO PC PA INCORPORATED")

// places tells city from building among the parts behind the street.
func (p *parser) places(parts [][]token) {
	end := len(parts) - 1
	if end > 0 && county(parts[end]) {
		end--
	}
	for i, part := range parts {
		last := i == end
		switch {
		case last && (p.tailed || (i > 0 || !buildingName(part)) && !part[len(part)-1].hasDigit()) && p.c.A3 == "":
			p.city(part)
		case county(part):
			p.c.A2 = join(part)
		case isName(part[0].key()):
			store(&p.c.NAM, join(part))
		case numberedPart(part):
			store(&p.c.UNIT, join(part))
		default:
			store(&p.c.BLD, join(part))
		}
	}
}

// numberedPart reports a designation that is none of the known ones: it ends in
// a number, or in a number and a letter.
func numberedPart(part []token) bool {
	n := len(part)
	for _, w := range part {
		if buildingWords[w.key()] || w.strong() {
			return false
		}
	}
	if n > 1 && part[n-1].hasDigit() && !part[n-1].ordinal() {
		return n < 4 && (len(part[0].text) < 5 || part[n-2].key() == "CODE" || part[0].hasDigit())
	}
	return n == 2 && part[0].hasDigit() && part[1].letter()
}

// city stores the city, without "City of" and with a county recognised.
func (p *parser) city(part []token) {
	if county(part) {
		p.c.A2 = join(part)
		return
	}
	if isName(part[0].key()) {
		store(&p.c.NAM, join(part))
		return
	}
	for k := len(part) - 2; k > 0; k-- { // "Reference Division Miramar"
		if behindStreet[part[k].key()] {
			store(&p.c.NAM, join(part[:k+1]))
			part = part[k+1:]
			break
		}
	}
	p.c.A3 = join(part)
}

// behindStreet are words that a name behind the street ends in before the city.
var behindStreet = set1(`TOWER TOWERS BUILDING BLDG PLAZA DIVISION DEPT DEPARTMENT SECTION BANK INC LLC HOSPITAL ADMINISTRATION OFFICE COURTHOUSE AIRPORT
TERMINAL PAVILION ANNEX COMPLEX CENTER CTR SERVICES UNIT SUITE FLOOR ROOM`)

func county(part []token) bool {
	n := len(part)
	if n < 2 {
		return false
	}
	switch part[n-1].key() {
	case "COUNTY", "PARISH", "BOROUGH":
		return true
	}
	return false
}

// isName reports a word before a person's or a department's name.
func isName(k string) bool { return k == "ATTN" || k == "C/O" || k == "ATTENTION" || k == "CARE" }

// buildingWords are words that a building's or a site's name has.
var buildingWords = set1(`TOWER TOWERS BUILDING BLDG PLAZA CENTER CENTRE CTR HALL HOUSE TERMINAL AIRPORT ARPT HOSPITAL SCHOOL COLLEGE UNIVERSITY
CAMPUS LIBRARY MALL APARTMENTS CONDOMINIUMS INN HOTEL STADIUM ARENA CHURCH PENTAGON PAVILION COURTHOUSE ATRIUM COMPLEX SHOPPING SQUARE
STATION LODGE VILLAGE PARK MARINA MUSEUM THEATRE THEATER CLINIC`)

func buildingName(part []token) bool {
	for _, w := range part {
		if buildingWords[w.key()] {
			return true
		}
	}
	return false
}

// lead stores what stands before the house number: a company, a person, a
// building.
func (p *parser) lead(t []token) {
	for len(t) > 0 {
		if n := p.box(t); n > 0 {
			t = t[n:]
			continue
		}
		n := min(unitAt(t, true), len(t))
		if n == 0 || t[0].kind() || !t[n-1].hasDigit() && !floorType(t[n-1].text) && !t[n-1].letter() {
			n = p.partLength(t)
		}
		part := t[:n]
		t = t[n:]
		switch u := min(unitAt(part, true), len(part)); {
		case u == len(part):
			place(&p.c, join(part))
		case buildingName(part) && !company(part):
			store(&p.c.BLD, join(part))
		default:
			store(&p.c.NAM, join(part))
		}
	}
}

func company(part []token) bool {
	for _, w := range part {
		switch w.key() {
		case "INC", "LLC", "CO", "CORP", "LTD", "COMPANY", "LP", "LLP", "OFFICE", "DEPARTMENT", "DEPT", "BANK", "MGMT", "MANAGEMENT", "REALTY",
			"PROPERTIES", "ASSOCIATES", "ASSOC", "TRUST", "GROUP", "SERVICES", "PARTNERS", "PARTNERSHIP", "INVESTMENTS", "CORPORATION", "INCORPORATED",
			"C/O", "ATTN", "ATTENTION", "ASSOCIATION", "AUTHORITY", "AGENCY", "INSURANCE", "FOUNDATION", "ENTERPRISES", "COMMISSION", "SYSTEMS":
			return true
		}
	}
	return false
}

// crossing reads an intersection: two streets and no house number.
func (p *parser) crossing(t []token) bool {
	corner := false
	if len(t) > 3 && t[0].direction(directions) && (t[1].key() == "CORNER" || t[1].key() == "COR") {
		t = t[1:]
	}
	switch t[0].key() {
	case "CORNER", "INTERSECTION", "JUNCTION", "COIN", "JCT", "COR":
		corner = true
		t = t[1:]
		if len(t) > 0 && (t[0].key() == "OF" || t[0].key() == "DE") {
			t = t[1:]
		}
	}
	if len(t) < 3 || !corner && (p.houseFirst(t) || p.houseAt(t) > 0) {
		return false
	}
	for i := 1; i < len(t)-1; i++ {
		switch t[i].key() {
		case "&", "@", "AND", "AT", "/", "ET":
			if !corner && (company(t) || !p.roadish(t[:i]) && !p.roadish(t[i+1:])) {
				return false
			}
			p.first(t, i)
			return true
		}
		if t[i].comma {
			return false
		}
	}
	return false
}

func (p *parser) houseFirst(t []token) bool {
	if t[0].digits() && t[1].text == "&" && len(t) > 3 && t[2].digits() { // "123 & 125 Main St"
		return true
	}
	if t[0].digits() && p.highwayEnd(t[1:]) > 0 { // "12 Highway 12 & 18"
		return true
	}
	return t[0].hasDigit() && !t[0].ordinal() && t[1].text != "&" && !t[1].kind()
}

// roadish reports a name that can only be a road's: an ordinal, a type or a
// highway in it.
func (p *parser) roadish(t []token) bool {
	if len(t) > 1 && t[0].direction(p.dirs()) && len(t[0].key()) <= 2 {
		return true
	}
	for i, w := range t {
		if w.ordinal() || w.strong() && i > 0 {
			return true
		}
		if w.comma {
			break
		}
	}
	_, n := highwayType(t)
	return n > 0 && n < len(t)
}

// first stores the two streets of an intersection that is joined at token i.
func (p *parser) first(t []token, i int) {
	p.kind = KindIntersection
	p.name(t[:i], &p.c)
	rest := t[i+1:]
	n := p.streetEnd(rest)
	p.name(rest[:n], &p.cross)
	p.cross = streetFields(p.cross)
	p.after(rest[n:], rest[n-1].comma)
}

// numberless reads text without a house number: a street, a place, a name.
func (p *parser) numberless(t []token) {
	var parts [][]token
	for len(t) > 0 {
		if n := p.box(t); n > 0 {
			t = t[n:]
			continue
		}
		if n := min(unitAt(t, true), len(t)); n > 0 && (len(parts) > 0 || t[0].hasUnitType() && !t[0].kind()) {
			place(&p.c, join(t[:n]))
			t = t[n:]
			continue
		}
		n := p.partLength(t)
		parts = append(parts, t[:n])
		t = t[n:]
	}
	switch {
	case len(parts) == 0:
	case len(parts) == 1 && p.tailed:
		p.streetOrCity(parts[0])
	case len(parts) == 1:
		p.street1(parts[0])
	default:
		p.street1(parts[0])
		p.places(parts[1:])
	}
}

// streetOrCity reads one part before the state: the city, or street and city.
func (p *parser) streetOrCity(t []token) {
	n := p.highwayEnd(t)
	if n == 0 {
		last := p.lastType(t, false)
		if last == 0 || last == len(t)-1 || !t[last].strong() {
			p.city(t)
			return
		}
		n = p.directionsAfter(t, last+1)
	}
	p.name(t[:n], &p.c)
	if n < len(t) {
		p.city(t[n:])
	}
}

// street1 reads a part that is a street if its form says so, else a name.
func (p *parser) street1(t []token) {
	n := len(t)
	switch {
	case company(t) && p.highwayEnd(t) == 0:
		store(&p.c.NAM, join(t))
	case p.highwayEnd(t) > 0, p.typed(t), n == 1 && (p.tailed || p.placed), t[0].ordinal() && n <= 3 && !buildingName(t):
		end := p.highwayEnd(t)
		if end == 0 {
			end = n
			if p.tailed {
				end = p.typeEnd(t, true)
			}
		}
		p.name(t[:end], &p.c)
		if end < n {
			p.after(t[end:], false)
		}
	case (p.tailed || p.placed) && !company(t):
		store(&p.c.LMK, join(t))
	case buildingName(t) && !company(t):
		store(&p.c.BLD, join(t))
	default:
		store(&p.c.NAM, join(t))
	}
}

// typed reports a part that ends in a street type of its own.
func (p *parser) typed(t []token) bool {
	last := p.lastType(t, true)
	if last == 0 || !t[last].strong() {
		return false
	}
	full, _ := streetTypes.of(t[last])
	if buildingWords[strings.ToUpper(full)] || company(t) {
		return false
	}
	return p.directionsAfter(t, last+1) >= len(t)-1
}
