// Package civic reads, compares, checks and writes civic addresses of the
// United States and Canada. Parse reads what people type; Normalize brings a
// structured address into canonical form; Compare tells how far two are the
// same; Check tells what can be told without a reference layer; Display and
// Speak write one for a dispatcher and for a speech synthesiser; Dispatchable
// tests whether an address finds a caller (N-38, F-05). It also translates them
// to and from PIDF-LO.
package civic

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Display writes c on one line as a dispatcher reads it: "795 Massachusetts
// Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139". The county is left
// out, and so is the country where it is the United States.
func Display(c e911.Civic) string {
	var l line
	l.add(Street(c))
	l.add(c.SITE)
	l.add(c.SUBSITE)
	l.add(c.BLD)
	l.add(labelled("Wing", c.WING))
	l.add(labelled("Floor", c.FLR))
	l.add(unit(c.UNIT))
	l.add(labelled("Room", c.ROOM))
	l.add(labelled("Seat", c.SEAT))
	l.add(c.LOC)
	l.add(c.LMK)
	l.add(c.NAM)
	l.add(city(c))
	l.add(words(strings.TrimSpace(c.A1), postal(c)))
	if country := strings.TrimSpace(c.Country); !strings.EqualFold(country, "US") {
		l.add(country)
	}
	return l.String()
}

// Street writes the street line alone, "795 Massachusetts Avenue", in the order
// of CLDXF-US; empty without a street.
func Street(c e911.Civic) string {
	number := c.HNP + c.HNO
	if c.HNS != "" {
		if c.HNS[0] >= '0' && c.HNS[0] <= '9' {
			number += " " // "12 1/2"
		}
		number += c.HNS
	}
	if number == "" && c.MP != "" {
		number = labelled("Milepost", c.MP)
	}
	if number == "" && c.PN != "" {
		number = labelled("Post", c.PN)
	}
	return words(number, c.PRM, c.PRD, c.STP, c.STPS, c.RD, c.STS, c.POD, c.POM)
}

// HasStreet reports a street address: somewhere in a state, a street and a
// house number, or what stands for one (a milepost, a numbered post, a
// landmark). A post office box is none.
func HasStreet(c e911.Civic) bool {
	where := set(c.A1) && (set(c.A2) || set(c.A3) || set(c.A4) || set(c.PCN) || set(c.PC))
	street := set(c.RD) && (set(c.HNO) || set(c.MP) || set(c.PN))
	return where && (street || set(c.LMK))
}

// HasDetail reports the detail that finds a caller inside a building: a suite,
// floor, room, wing, seat or a description (N-38, F-40). The name of the
// building alone is none.
func HasDetail(c e911.Civic) bool {
	return set(c.FLR) || set(c.ROOM) || set(c.UNIT) || set(c.WING) || set(c.SEAT) || set(c.LOC)
}

// Dispatchable reports a street address with the detail that finds the caller.
// Whether the street address is valid is not its question.
func Dispatchable(c e911.Civic) bool { return HasStreet(c) && HasDetail(c) }

// Outdoors returns c without what is inside a building: its street address and
// the building's name. Old radio evidence tells no more than that (F-18).
func Outdoors(c e911.Civic) e911.Civic {
	c.FLR, c.ROOM, c.UNIT, c.WING, c.SEAT, c.LOC, c.NAM = "", "", "", "", "", "", ""
	return c
}

// labelled writes "Floor 2", and "2nd floor" as it is.
func labelled(label, value string) string {
	value = strings.TrimSpace(value)
	if value == "" || strings.Contains(strings.ToLower(value), strings.ToLower(label)) {
		return value
	}
	return label + " " + value
}

// unit writes "Unit 5", and "Suite 5" as it is.
func unit(value string) string {
	value = strings.TrimSpace(value)
	if strings.ContainsAny(value, " ") || value == "" {
		return value
	}
	return labelled("Unit", value)
}

func city(c e911.Civic) string {
	for _, v := range []string{c.A3, c.PCN, c.A4, c.A2} {
		if set(v) {
			return v
		}
	}
	return ""
}

func postal(c e911.Civic) string {
	pc := strings.TrimSpace(c.PC)
	if pc != "" && set(c.PCE) {
		pc += "-" + strings.TrimSpace(c.PCE)
	}
	return pc
}

func set(s string) bool { return strings.TrimSpace(s) != "" }

// words joins what is set with single spaces.
func words(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		for w := range strings.FieldsSeq(p) {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(w)
		}
	}
	return b.String()
}

// line joins parts with commas; control characters and line breaks never come
// through, because the line goes into mail subjects and SIP headers too.
type line struct{ b strings.Builder }

func (l *line) add(s string) {
	s = words(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s))
	if s == "" {
		return
	}
	if l.b.Len() > 0 {
		l.b.WriteString(", ")
	}
	l.b.WriteString(s)
}

func (l *line) String() string { return l.b.String() }
