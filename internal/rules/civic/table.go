package civic

import (
	"cmp"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// Postal is a table of postal codes and the places that they serve. Rules do no
// I/O, so whoever has one hands it in (package postal has one built in); nil
// stands for none. It never changes and is safe for concurrent use.
type Postal interface {
	// Places returns the places of a code: five digits of a ZIP code, or the
	// three characters of a Canadian forward sortation area ("K1A"). None: the
	// table does not have the code.
	Places(code string) []PostalPlace
	// Codes returns the codes of a place in ascending order, for the name as
	// PlaceKey writes it; an empty state stands for any.
	Codes(a1, key string) []string
	// Count is the number of codes that Codes would return.
	Count(a1, key string) int
}

// PostalPlace is one place that a postal code serves, by the name that mail
// uses. Other names are acceptable besides: a table has few of them.
type PostalPlace struct {
	A1   string // state or province, two letters
	Name string // "Cambridge"
}

// PlaceKey is the form in which names of places are compared: no accents, lower
// case, "St" for "Saint", without "City of".
func PlaceKey(name string) string { return cityKey(name) }

// Checker is Check and Candidates with what a table of postal codes knows
// besides: whether a code exists, its state, and its places. The zero value
// knows no table.
type Checker struct{ Postal Postal }

// Check is the function Check with the table. That a table lacks a code or
// has another city for it is a doubt and no fault: codes are new, and many names
// are acceptable beside the few that a table has.
func (k Checker) Check(c e911.Civic) Report {
	var room [16]FieldVerdict
	r := checker{c: c, verdicts: room[:0], table: k.Postal}
	return r.check()
}

// Candidates proposes addresses where c is invalid, or where the table makes a
// doubt that has an answer: with the state, the city or the postal code that the
// others name. The one with the fewest changes stands first. It never invents a
// street or a number; often there is none.
func (k Checker) Candidates(c e911.Civic) []Candidate {
	before := k.Check(c)
	if before.Verdict != Invalid && len(before.Faults) == 0 {
		return nil
	}
	n := before.Address
	var out []Candidate
	tries := k.byTable(n)
	if before.Verdict == Invalid {
		tries = append(structural(n), tries...)
	}
	for _, t := range tries {
		after := k.Check(t)
		if after.Verdict == Invalid || before.Verdict != Invalid && len(after.Faults) >= len(before.Faults) || hasCandidate(out, t) {
			continue
		}
		out = append(out, Candidate{Address: t, Changed: Changed(c, t)})
	}
	slices.SortStableFunc(out, func(a, b Candidate) int { return cmp.Compare(changes(n, a.Address), changes(n, b.Address)) })
	return out
}

// changes counts the fields that differ beyond spelling.
func changes(from, to e911.Civic) int { return len(Changed(from, to)) }

// maxCodes is the number of codes of a city up to which each is proposed.
const maxCodes = 3

// byTable proposes the city and state of the code, and the codes of the city.
func (k Checker) byTable(c e911.Civic) []e911.Civic {
	if k.Postal == nil {
		return nil
	}
	var out []e911.Civic
	for _, at := range k.Postal.Places(tableCode(c.PC)) {
		t := c
		t.A1 = at.A1
		t.Country = countryOf(at.A1, c.Country)
		out = append(out, t)
		if PostalForm(c.PC) == "US" { // Canadian areas are named for quarters
			t.A3, t.A4, t.PCN = at.Name, "", ""
			out = append(out, t)
		}
	}
	if codes := k.Postal.Codes(c.A1, PlaceKey(city(c))); set(city(c)) && c.A1 != "" && len(codes) <= maxCodes {
		for _, code := range codes {
			if len(code) == 5 {
				t := c
				t.PC, t.PCE = code, ""
				out = append(out, t)
			}
		}
	}
	return out
}

func countryOf(a1, otherwise string) string {
	if s, ok := StateOf(a1); ok {
		return s.Country()
	}
	return otherwise
}

// tableCode is the part of a postal code that a table goes by.
func tableCode(pc string) string {
	if PostalForm(pc) == "CA" {
		return pc[:3]
	}
	return pc
}

// byTable asks the table about code, state and city.
func (k *checker) byTable() {
	pc := k.c.PC
	form := PostalForm(pc)
	if k.table == nil || form == "" || k.verdict("PC") == Invalid {
		return
	}
	places := k.table.Places(tableCode(pc))
	if len(places) == 0 {
		k.set("PC", Unchecked)
		k.doubt("PC", FaultUnknown, "No such postal code is known; it may be a new one.")
		return
	}
	if k.verdict("A1") == Valid && !slices.ContainsFunc(places, func(p PostalPlace) bool { return p.A1 == k.c.A1 }) {
		k.set("PC", Unchecked)
		if !slices.ContainsFunc(k.faults, func(f Fault) bool { return f.Field == "PC" }) {
			k.doubt("PC", FaultDisagrees, "The postal code is one of another state or province.")
		}
		return
	}
	if form == "US" {
		k.cityByTable(places)
	}
}

// cityByTable compares the city with the places of its ZIP code.
func (k *checker) cityByTable(places []PostalPlace) {
	named := false
	for _, field := range []string{"PCN", "A3", "A4"} {
		name := k.c.Get(field)
		if !set(name) {
			continue
		}
		named = true
		if key := PlaceKey(name); slices.ContainsFunc(places, func(p PostalPlace) bool { return PlaceKey(p.Name) == key }) {
			k.set(field, Valid)
			return
		}
	}
	field := "A3"
	if !set(k.c.A3) {
		field = "PCN"
	}
	key := PlaceKey(k.c.Get(field))
	switch codes := k.table.Codes(k.c.A1, key); {
	case !named || key == "" || k.verdict("A1") != Valid:
	case len(codes) == 0:
		k.doubt(field, FaultUnknown, "The post has no place of this name in the state; the name may be one that few use.")
	case !slices.ContainsFunc(codes, func(c string) bool { return len(c) == 5 && c[:3] == k.c.PC[:3] }):
		k.doubt(field, FaultDisagrees, "The postal code is one of another city.")
	}
}
