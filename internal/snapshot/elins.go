package snapshot

import (
	"cmp"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// ELINs returns the numbers that are marked to stand for a location in a
// carrier's ALI database, in order; rules/alirecord says which of them may be
// sent. It looks at all numbers of the organisation.
func (o *Org) ELINs(at e911.LocationID) (list []e911.NumberRec) {
	for n := range o.Numbers() {
		if n.ELIN && n.Location == at {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b e911.NumberRec) int { return cmp.Compare(a.Number, b.Number) })
	return list
}
