package heldplus

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Parse reads an address on one line as people of the United States and Canada
// write it: "12 Elm Street, Unit 3, Cambridge, MA 02139". It never fails: what
// cannot be told apart is missing, which a Validator says.
func Parse(line string) e911.Civic {
	var a e911.Civic
	var parts []string
	for p := range strings.SplitSeq(strings.ReplaceAll(line, "\n", ","), ",") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			parts = append(parts, p)
		}
	}
	if n := len(parts); n > 1 && country(parts[n-1]) != "" {
		a.Country, parts = country(parts[n-1]), parts[:n-1]
	}
	parts = region(parts, &a)
	if n := len(parts); n > 1 {
		a.A3, parts = parts[n-1], parts[:n-1]
	}
	for i, p := range parts {
		switch {
		case i == 0:
			street(p, &a)
		case strings.HasPrefix(strings.ToLower(p), "floor "):
			a.FLR = p[len("floor "):]
		case strings.HasPrefix(strings.ToLower(p), "room "):
			a.ROOM = p[len("room "):]
		case a.UNIT == "":
			a.UNIT = p
		default:
			a.LOC = strings.TrimSpace(a.LOC + " " + p)
		}
	}
	return a
}

func country(s string) string {
	switch strings.ToUpper(strings.ReplaceAll(s, ".", "")) {
	case "US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA":
		return "US"
	case "CANADA":
		return "CA"
	}
	if _, state := civic.StateOf(s); !state && len(s) > 3 && !strings.ContainsAny(s, "0123456789") && foreign[strings.ToUpper(s)] {
		return s
	}
	return ""
}

// foreign are names of countries that people write; others show by what is
// missing.
var foreign = map[string]bool{
	"MEXICO": true, "MÉXICO": true, "GERMANY": true, "FRANCE": true, "UNITED KINGDOM": true, "ENGLAND": true, "INDIA": true, "IRELAND": true,
	"SPAIN": true, "ITALY": true, "BRAZIL": true, "AUSTRALIA": true, "JAPAN": true, "CHINA": true, "PHILIPPINES": true, "NETHERLANDS": true,
}

// region takes state and postal code off the end: in one part, "MA 02139", or in
// two.
func region(parts []string, a *e911.Civic) []string {
	for range 2 {
		n := len(parts)
		if n < 2 {
			return parts
		}
		rest := parts[n-1]
		words := strings.Fields(rest)
		for take := min(2, len(words)); take > 0 && a.PC == ""; take-- {
			pc := strings.ToUpper(strings.Join(words[len(words)-take:], " "))
			if zipCode.MatchString(pc) || canadaCode.MatchString(pc) {
				a.PC, words = pc, words[:len(words)-take]
			}
		}
		rest = strings.Join(words, " ")
		if s, ok := civic.StateOf(rest); ok && a.A1 == "" {
			a.A1, rest = s.Code, ""
		} else if len(words) > 1 && a.A1 == "" {
			// "Cambridge MA"
			if s, ok := civic.StateOf(words[len(words)-1]); ok {
				a.A1, rest = s.Code, strings.Join(words[:len(words)-1], " ")
			}
		}
		if rest != "" {
			parts[n-1] = rest
			return parts
		}
		parts = parts[:n-1]
		if a.A1 != "" {
			return parts
		}
	}
	return parts
}

// street takes a street line apart: number, its suffix, direction, name, type,
// direction, and a unit behind it.
func street(s string, a *e911.Civic) {
	words := strings.Fields(s)
	if len(words) > 1 && strings.ContainsAny(words[0][:1], "0123456789") {
		digits := strings.TrimRight(words[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
		a.HNO, a.HNS = digits, words[0][len(digits):]
		words = words[1:]
		if len(words) > 1 && strings.Contains(words[0], "/") {
			a.HNS, words = words[0], words[1:]
		}
	}
	for i, w := range words {
		if i > 0 && units[strings.ToLower(strings.Trim(w, ".#"))] || (i > 0 && strings.HasPrefix(w, "#")) {
			a.UNIT, words = strings.Join(words[i:], " "), words[:i]
			break
		}
	}
	if len(words) > 1 && directions[strings.ToUpper(words[0])] != "" {
		a.PRD, words = directions[strings.ToUpper(words[0])], words[1:]
	}
	if n := len(words); n > 1 && directions[strings.ToUpper(words[n-1])] != "" {
		a.POD, words = directions[strings.ToUpper(words[n-1])], words[:n-1]
	}
	if n := len(words); n > 1 {
		if full := types[strings.ToUpper(strings.TrimSuffix(words[n-1], "."))]; full != "" {
			a.STS, words = full, words[:n-1]
		}
	}
	a.RD = strings.Join(words, " ")
}

var units = map[string]bool{"apt": true, "apartment": true, "unit": true, "suite": true, "ste": true}

// Directions and street types with their common abbreviations (USPS Publication
// 28, appendices B and C1), in full as CLDXF-US wants them.
var (
	directions = map[string]string{
		"N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast", "SW": "Southwest",
		"NORTH": "North", "SOUTH": "South", "EAST": "East", "WEST": "West",
	}
	types = map[string]string{
		"AVE": "Avenue", "AVENUE": "Avenue", "BLVD": "Boulevard", "BOULEVARD": "Boulevard", "CIR": "Circle", "CIRCLE": "Circle", "CT": "Court",
		"COURT": "Court", "DR": "Drive", "DRIVE": "Drive", "HWY": "Highway", "HIGHWAY": "Highway", "LN": "Lane", "LANE": "Lane",
		"PKWY": "Parkway", "PARKWAY": "Parkway", "PL": "Place", "PLACE": "Place", "RD": "Road", "ROAD": "Road", "SQ": "Square",
		"SQUARE": "Square", "ST": "Street", "STREET": "Street", "TER": "Terrace", "TERRACE": "Terrace", "WAY": "Way",
	}
)
