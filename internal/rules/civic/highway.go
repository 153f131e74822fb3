package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

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
			pod, _ = p.dirs().of(t[0])
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
			t[i] = token{text: full}
		}
	}
	return join(t)
}
