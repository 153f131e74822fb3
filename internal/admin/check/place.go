package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

func (c *checker) building(v e911.Building) {
	c.key(v.Key)
	c.refers("site", e911.KindSite, v.Org, string(v.Site), true)
	c.text("name", v.Name, true)
	c.fields("address", v.Address, insideFields, "it finds somebody inside the building", "put it on a location")
	c.address(v.Address)
	if v.Point != nil {
		c.point("point", *v.Point, v.Address.Country)
	}
	c.area("square_feet", v.SquareFeet)
}

func (c *checker) location(v e911.Location) {
	c.key(v.Key)
	c.refers("building", e911.KindBuilding, v.Org, string(v.Building), true)
	c.fields("", v.Detail, streetFields, "it belongs to the street address, which is the building's", "put it on the building")
}

// insideFields find somebody inside a building; BLD is the building's name.
var insideFields = []string{"FLR", "ROOM", "SEAT", "BLD", "POBOX"}

// streetFields make the street address. What is laid over a building's address
// must not move it to another street.
var streetFields = []string{
	"country", "A1", "A2", "A3", "A4", "A5", "PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM", "HNP", "HNO", "HNS",
	"PC", "PCN", "PCE", "POBOX", "MP", "BLD",
}

// fields checks the text of every field and that none is there that belongs
// elsewhere.
func (c *checker) fields(path string, v e911.Civic, elsewhere []string, why, fix string) {
	at := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	for _, name := range e911.CivicFieldNames() {
		c.text(at(name), v.Get(name), false)
	}
	for _, name := range elsewhere {
		if v.Get(name) != "" {
			c.add(at(name), Forbidden, name+" does not belong here: "+why, fix)
		}
	}
}

// address checks that a PSAP could send somebody there: country, state, city,
// street and number (N-38). Whether the address exists is for the authority's
// validation to say.
func (c *checker) address(a e911.Civic) {
	if len(a.Country) != 2 || strings.ToUpper(a.Country) != a.Country {
		c.add("address.country", Required, "an address has a country, in two capital letters", "write US")
		return
	}
	need := func(name, what, fix string) {
		if a.Get(name) == "" {
			c.add("address."+name, Required, "the address has no "+what, fix)
		}
	}
	need("A3", "city", "A3: Cambridge")
	need("RD", "street", "RD: Massachusetts, and STS: Avenue")
	if a.HNO == "" && a.MP == "" && a.LMK == "" {
		c.add("address.HNO", Required, "the address has no house number", `HNO: "795"; or MP or LMK where there is none`)
	}
	if a.Country != "US" && a.Country != "CA" {
		return
	}
	c.state(a)
	if a.A2 != "" && (strings.EqualFold(a.A2, a.A1) || digitsOnly(a.A2)) {
		c.add("address.A2", Syntax, fmt.Sprintf("%q is no county", a.A2), "A2: Middlesex County")
	}
	if digitsOnly(a.A3) && a.A3 != "" {
		c.add("address.A3", Syntax, fmt.Sprintf("%q is no city", a.A3), "A3: Cambridge")
	}
	c.postal(a)
}

func (c *checker) state(a e911.Civic) {
	what, fix := "state", "A1: MA"
	if a.Country == "CA" {
		what, fix = "province", "A1: ON"
	}
	s, ok := civic.StateOf(a.A1)
	switch {
	case a.A1 == "":
		c.add("address.A1", Required, "the address has no "+what, fix)
	case !ok || (s.FIPS == "") != (a.Country == "CA"):
		c.add("address.A1", Unknown, fmt.Sprintf("%q is no %s of %s", a.A1, what, a.Country), fix)
	case a.A1 != s.Code:
		c.add("address.A1", Syntax, fmt.Sprintf("a %s is written in two capital letters", what), "A1: "+s.Code)
	}
}

func (c *checker) postal(a e911.Civic) {
	switch {
	case a.PC == "":
		c.add("address.PC", Required, "the address has no postal code", `PC: "02139"`)
	case a.Country == "US" && !zipCode(a.PC):
		c.add("address.PC", Syntax, fmt.Sprintf("%q is no ZIP code", a.PC), `write five digits, or "02139-4307"`)
	case a.Country == "CA" && civic.PostalForm(a.PC) != "CA":
		c.add("address.PC", Syntax, fmt.Sprintf("%q is no Canadian postal code", a.PC), "write it as K1A 0B1")
	case a.Country == "CA":
		provinces, _ := civic.PostalStates(a.PC)
		if s, known := civic.StateOf(a.A1); known && s.Country() == "CA" && !slices.Contains(provinces, a.A1) {
			c.add("address.PC", Range, fmt.Sprintf("no postal code of %s begins with %s", a.A1, a.PC[:3]), "compare province and postal code")
		}
	}
}

func (c *checker) adviseAddress(a e911.Civic) {
	if a.Country == "US" && a.PC != "" && a.A2 == "" {
		c.add("address.A2", Required, "without its county an address finds its PSAP by the point alone", "A2: Middlesex County")
	}
}

func digitsOnly(s string) bool { return strings.Trim(s, "0123456789") == "" }

// zipCode reports five digits, or nine with a dash.
func zipCode(s string) bool {
	five, four, plus := strings.Cut(s, "-")
	return civic.PostalForm(five) == "US" && five != "00000" && (!plus || len(four) == 4 && digitsOnly(four))
}

// point checks a position in degrees. The boxes are wide: they find swapped
// and mistyped values, not wrong streets.
func (c *checker) point(path string, p e911.Point, country string) {
	inside := func(lat, lon float64) bool {
		switch country {
		case "US": // with Alaska, Hawaii, Samoa, Guam and Puerto Rico
			return lat >= -15 && lat <= 72 && (lon >= -180 && lon <= -64 || lon >= 144 && lon <= 180)
		case "CA":
			return lat >= 41 && lat <= 84 && lon >= -142 && lon <= -52
		}
		return math.Abs(lat) <= 90 && math.Abs(lon) <= 180
	}
	switch {
	case math.IsNaN(p.Lat) || math.IsNaN(p.Lon) || math.Abs(p.Lat) > 180 || math.Abs(p.Lon) > 180:
		c.add(path, Range, "this is no position in degrees", "write latitude and longitude, as [42.36684, -71.10565]")
	case p.Lat == 0 && p.Lon == 0:
		c.add(path, Range, "this is in the sea off Africa", "leave the point out when it is not known")
	case inside(p.Lat, p.Lon):
	case inside(p.Lon, p.Lat):
		c.add(path, Range, "latitude and longitude are swapped", fmt.Sprintf("write [%v, %v]", p.Lon, p.Lat))
	default:
		c.add(path, Range, fmt.Sprintf("[%v, %v] is not in the address's country", p.Lat, p.Lon), "write latitude and longitude, west is negative")
	}
}
