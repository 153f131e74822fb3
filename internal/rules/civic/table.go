package civic

import "github.com/callbox911/callbox/internal/e911"

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

// Check is the function Check with the table.
func (k Checker) Check(c e911.Civic) Report { return Check(c) }

// Candidates is the function Candidates with the table; it proposes changes also
// where a doubt has one answer, such as a city that is not of its postal code.
func (k Checker) Candidates(c e911.Civic) []Candidate { return Candidates(c) }
