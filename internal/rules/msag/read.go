package msag

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// inside are the details of a location in the order in which they stand in the
// record, what finds the caller first: many screens show 20 characters alone.
// A value runs from its word to the next one; LOC is what follows a dash.
var inside = []struct{ field, word string }{
	{"FLR", "FLR"}, {"ROOM", "RM"}, {"UNIT", "UNIT"}, {"WING", "WING"}, {"SEAT", "SEAT"}, {"BLD", "BLDG"},
}

var insideFields = []string{"FLR", "ROOM", "UNIT", "WING", "SEAT", "BLD", "LOC"}

const dash = "-"

// location writes the detail of a location.
func (w *writer) location() string {
	var parts []string
	for _, x := range inside {
		if v := w.text(x.field, w.c.Get(x.field)); v != "" {
			parts = append(parts, x.word, v)
		}
	}
	if v := w.text("LOC", w.c.LOC); v != "" {
		if len(parts) > 0 {
			parts = append(parts, dash)
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, " ")
}

// readLocation takes the detail apart again.
func readLocation(s string, c *e911.Civic) {
	head, loc, found := strings.Cut(s, " "+dash+" ")
	field := ""
	var value []string
	put := func() {
		if field != "" {
			c.Set(field, strings.Join(value, " "))
		}
		value = nil
	}
	for _, word := range strings.Fields(head) {
		if next := fieldOf(word); next != "" && c.Get(next) == "" && next != field {
			put()
			field = next
			continue
		}
		value = append(value, word)
		if field == "" {
			field = "LOC" // a text that begins with none of our words
		}
	}
	put()
	if found {
		c.LOC = join(c.LOC, loc)
	}
}

func fieldOf(word string) string {
	for _, x := range inside {
		if x.word == word {
			return x.field
		}
	}
	return ""
}

// Civic reads the form: directionals and types are spelled out as CLDXF-US has
// them. Letters stay capital, and what stood in the street's name stays there.
func (f Form) Civic() e911.Civic {
	c := e911.Civic{
		HNO: f.House, HNS: f.HouseSuffix, RD: f.Street, A3: f.Community, A1: f.State, PC: f.ZIP, PCE: f.ZIP4,
		PRD: directionWord(f.PreDir), POD: directionWord(f.PostDir), STS: f.Suffix,
	}
	if full, ok := suffixWords[f.Suffix]; ok {
		c.STS = full
	}
	if s, ok := civic.StateOf(f.State); ok {
		c.Country = "US"
		if s.FIPS == "" {
			c.Country = "CA"
		}
		if c.Country == "CA" && len(f.ZIP) == WidthZIP && f.ZIP4 != "" {
			c.PC, c.PCE = f.ZIP[:3]+" "+f.ZIP[3:]+f.ZIP4, ""
		}
	}
	readLocation(f.Location, &c)
	return c
}

func directionWord(abbr string) string {
	if full, ok := directionWords[abbr]; ok {
		return full
	}
	return abbr
}
