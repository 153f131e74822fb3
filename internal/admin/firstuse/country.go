package firstuse

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// Abroad is a place in which this service does not carry emergency calls (N-36).
type Abroad struct {
	Country string   // two letters; empty: the user is where it does
	Numbers []string // for help there, as far as they are known
}

// Abroad says whether a user is in a country without service, by the addresses of his
// numbers, or else by the buildings of his site. Nobody's country is known until one of
// them has an address.
func (d *Desk) Abroad(org e911.OrgID, email string) Abroad {
	o, u, err := d.find(org, email)
	if err != nil {
		return Abroad{}
	}
	var countries []string
	for _, n := range o.NumbersOf(u.ID) {
		if p, ok := o.Place(n.Location); ok {
			countries = append(countries, strings.ToUpper(p.Civic.Country))
		}
	}
	if len(countries) == 0 {
		for _, p := range o.BuildingPlaces(u.Site) {
			countries = append(countries, strings.ToUpper(p.Civic.Country))
		}
	}
	for _, c := range countries {
		if c == "" || slices.Contains(rules.Served(), c) {
			continue
		}
		a := Abroad{Country: c}
		for _, n := range dialplan.NumbersOf(c) {
			if !slices.Contains(a.Numbers, n.Digits) {
				a.Numbers = append(a.Numbers, n.Digits)
			}
		}
		return a
	}
	return Abroad{}
}
