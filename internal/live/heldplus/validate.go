package heldplus

import (
	"regexp"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// Validator judges an address that a user gives. It answers from memory.
type Validator interface {
	Validate(e911.Civic) Validated
}

// Validated is what a Validator says.
type Validated struct {
	Verdict locate.Verdict
	Address e911.Civic // in its validated form
	Area    *e911.Area // where it is, when that is known
	Why     string     // of the verdict, for a person; holds no part of the address
	Faults  []Fault    // with Invalid; Field is the PIDF-LO name
	// Candidates are addresses that may be meant, with Invalid.
	Candidates []e911.Civic
}

// place makes a place of it. A house needs no further detail to be found.
func (v *Validated) place(house bool) e911.Place {
	return e911.Place{
		Civic: v.Address, Area: v.Area, Display: civic.Display(v.Address),
		Dispatchable: civic.HasStreet(v.Address) && (house || civic.HasDetail(v.Address)),
	}
}

// Structure judges what can be told without a reference layer: country, state,
// form of the postal code and its state, street and house number. It never says
// more than Unverified.
type Structure struct{}

const maxField = 100

// Validate implements Validator.
func (Structure) Validate(a e911.Civic) Validated {
	k := judge{a: a}
	k.text()
	if len(k.faults) == 0 {
		k.country()
		k.region()
		k.postal()
		k.street()
	}
	v := Validated{Verdict: locate.Unverified, Address: k.a, Why: "its structure is right; nobody looked it up"}
	if len(k.faults) > 0 {
		v.Verdict, v.Why, v.Faults, v.Candidates = locate.Invalid, "its structure is wrong", k.faults, k.others
	}
	return v
}

type judge struct {
	a      e911.Civic
	state  civic.State
	faults []Fault
	others []e911.Civic
}

func (k *judge) fault(field, rule, msg, fix string) {
	k.faults = append(k.faults, Fault{Field: field, Rule: rule, Msg: msg, Fix: fix})
}

// text looks at each field alone.
func (k *judge) text() {
	for _, name := range e911.CivicFieldNames() {
		v := strings.Join(strings.Fields(k.a.Get(name)), " ")
		if len(v) > maxField || clip(v, maxField) != v {
			k.fault(name, "length", "a field has at most 100 octets, without control characters", "")
			continue
		}
		k.a.Set(name, v)
	}
	if strings.TrimSpace(k.a.POBOX) != "" {
		k.fault("POBOX", "not_dispatchable", "nobody can be sent to a post office box", "give street and house number")
	}
}

// country finds out the country, from the state when it is not told.
func (k *judge) country() {
	s, known := civic.StateOf(k.a.A1)
	k.state = s
	of := "US"
	if known && s.FIPS == "" {
		of = "CA"
	}
	c := strings.ToUpper(strings.ReplaceAll(k.a.Country, ".", ""))
	switch c {
	case "USA", "UNITED STATES", "UNITED STATES OF AMERICA":
		c = "US"
	case "CAN", "CANADA":
		c = "CA"
	case "PR", "GU", "VI", "AS", "MP", "UM": // ISO 3166-1 has codes of their own for territories
		c = "US"
	case "":
		if known {
			c = of
		}
	}
	switch {
	case c == "":
		k.fault("country", "required", "the country is missing", "US or CA")
	case c != "US" && c != "CA":
		k.fault("country", "outside_served_countries", "calls are located in the United States and Canada only", "an address there; elsewhere dial the local emergency number")
	case known && c != of:
		k.fault("A1", "disagrees", "there is no such state or province in that country", "")
		other := k.a
		other.Country = of
		k.others = append(k.others, other)
	default:
		k.a.Country = c
	}
}

func (k *judge) region() {
	switch {
	case k.a.A1 == "":
		k.fault("A1", "required", "the state or province is missing", "its two letters")
		if s, ok := civic.StateOf(onlyStateOf(k.a.PC)); ok {
			other := k.a
			other.A1 = s.Code
			k.others = append(k.others, other)
		}
	case k.state.Code == "":
		if k.a.Country == "US" || k.a.Country == "CA" {
			k.fault("A1", "unknown", "there is no such state or province", "its two letters")
		}
	default:
		k.a.A1 = k.state.Code
	}
}

var (
	zipCode    = regexp.MustCompile(`^\d{5}(-?\d{4})?$`)
	canadaCode = regexp.MustCompile(`^[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d$`)
)

// zones are the states that the first digit of a ZIP code stands for (USPS
// Publication 65); of Canada the provinces of the first letter.
var zones = map[byte]string{
	'0': "CT MA ME NH NJ PR RI VT VI NY", '1': "DE NY PA", '2': "DC MD NC SC VA WV", '3': "AL FL GA MS TN", '4': "IN KY MI OH",
	'5': "IA MN MT ND SD WI DC", '6': "IL KS MO NE", '7': "AR LA OK TX", '8': "AZ CO ID NM NV UT WY TX", '9': "AK AS CA GU HI MP OR WA",
	'A': "NL", 'B': "NS", 'C': "PE", 'E': "NB", 'G': "QC", 'H': "QC", 'J': "QC", 'K': "ON", 'L': "ON", 'M': "ON", 'N': "ON", 'P': "ON",
	'R': "MB", 'S': "SK", 'T': "AB", 'V': "BC", 'X': "NT NU", 'Y': "YT",
}

func onlyStateOf(postal string) string {
	if postal == "" {
		return ""
	}
	if z := zones[strings.ToUpper(postal)[0]]; len(z) == 2 {
		return z
	}
	return ""
}

func (k *judge) postal() {
	pc := strings.ToUpper(k.a.PC)
	switch {
	case pc == "":
		if k.a.A3 == "" && k.a.PCN == "" {
			k.fault("A3", "required", "town and postal code are missing", "one of them is needed, both are better")
		}
		return
	case k.a.Country == "US" && !zipCode.MatchString(pc):
		k.fault("PC", "format", "this is no ZIP code", "five digits, or nine")
		return
	case k.a.Country == "CA" && !canadaCode.MatchString(pc):
		k.fault("PC", "format", "this is no postal code", "written K1A 0B1")
		return
	}
	if k.state.Code != "" && !strings.Contains(zones[pc[0]], k.state.Code) {
		k.fault("PC", "disagrees", "the postal code is of another state or province", "look at both")
		if s, ok := civic.StateOf(onlyStateOf(pc)); ok {
			other := k.a
			other.A1 = s.Code
			k.others = append(k.others, other)
		}
		return
	}
	if len(pc) == 6 {
		pc = pc[:3] + " " + pc[3:]
	}
	if len(pc) == 9 {
		pc = pc[:5] + "-" + pc[5:]
	}
	if before, after, ok := strings.Cut(pc, "-"); ok {
		pc, k.a.PCE = before, after
	}
	k.a.PC = pc
}

func (k *judge) street() {
	switch {
	case k.a.RD == "" && k.a.LMK == "":
		k.fault("RD", "required", "the street is missing", "")
	case k.a.HNO == "" && k.a.MP == "" && k.a.PN == "" && k.a.LMK == "":
		k.fault("HNO", "required", "the house number is missing", "")
	case k.a.HNO != "" && !strings.ContainsAny(k.a.HNO, "0123456789"):
		k.fault("HNO", "format", "a house number has digits", "letters before it go into HNP, behind it into HNS")
	}
}
