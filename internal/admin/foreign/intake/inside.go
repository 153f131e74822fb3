package intake

import (
	"regexp"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

var insideForms = []struct {
	field string
	form  *regexp.Regexp
}{
	{"FLR", regexp.MustCompile(`(?i)^(?:floor|flr|fl|level)\.? +(\S{1,20})$`)},
	{"FLR", regexp.MustCompile(`(?i)^([0-9]{1,3})(?:st|nd|rd|th) +(?:floor|flr|fl)\.?$`)},
	{"ROOM", regexp.MustCompile(`(?i)^(?:room|rm)\.? +(\S{1,20})$`)},
	{"SEAT", regexp.MustCompile(`(?i)^(?:seat|desk|cube|cubicle) +(\S{1,20})$`)},
	{"WING", regexp.MustCompile(`(?i)^wing +(\S{1,20})$`)},
	{"UNIT", regexp.MustCompile(`(?i)^((?:suite|unit|apt|apartment)\.? +\S{1,20})$`)},
}

// Inside reads what other products keep in one text of where somebody is inside
// a building: "Floor 2, Room 214". What is not floor, room, suite, seat or wing in
// plain words stays a text, whole.
func Inside(text string) e911.Civic {
	var c e911.Civic
	var rest []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.Join(strings.Fields(part), " ")
		if part == "" {
			continue
		}
		if !known(&c, part) {
			rest = append(rest, part)
		}
	}
	c.LOC = strings.Join(rest, ", ")
	return c
}

func known(c *e911.Civic, part string) bool {
	for _, f := range insideForms {
		if m := f.form.FindStringSubmatch(part); m != nil && c.Get(f.field) == "" {
			c.Set(f.field, m[1])
			return true
		}
	}
	return false
}

// InsideText writes a location's fields as one text, of which Inside makes the
// same fields where it can; whole is false where it cannot. Short writes Fl and Rm.
func InsideText(c e911.Civic, short bool) (text string, whole bool) {
	floor, room := "Floor", "Room"
	if short {
		floor, room = "Fl", "Rm"
	}
	var parts []string
	add := func(word, v string) {
		if v != "" {
			parts = append(parts, strings.TrimSpace(word+" "+v))
		}
	}
	add(floor, c.FLR)
	add(room, c.ROOM)
	add("", c.UNIT)
	add("Seat", c.SEAT)
	add("Wing", c.WING)
	add("", c.LOC)
	text = strings.Join(parts, ", ")
	return text, Inside(text) == c
}
