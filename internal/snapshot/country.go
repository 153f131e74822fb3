package snapshot

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

// kindCountry counts the buildings in a country among what is pointed at.
const kindCountry e911.ObjectKind = "country"

// home lists the countries with emergency numbers of their own, in order.
var home = slices.DeleteFunc(dialplan.Countries(), func(c string) bool { return len(dialplan.NumbersOf(c)) == 0 })

// Countries lists the countries in which the organisation has buildings and where
// help is called by another number than 911, in order.
func (o *Org) Countries() []string {
	var out []string
	for _, c := range home {
		if n, _ := o.refs.get(target{kindCountry, c}); n > 0 {
			out = append(out, c)
		}
	}
	return out
}
