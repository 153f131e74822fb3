// Package ecrf answers which PSAP serves a place, from our own layer (design
// 2.3, F-23). It is the last of three sources and the only one so far.
package ecrf

import "github.com/callbox911/callbox/internal/e911"

// Index finds the PSAP of a place. Immutable; safe for concurrent use. A nil
// Index knows no PSAP.
type Index struct{}

// Options of one question.
type Options struct {
	// DemonstrationAllowed lets a demonstration layer decide: true only for a
	// call of an organisation marked demonstration (F-23).
	DemonstrationAllowed bool
}

// New makes an Index over all PSAPs that have a boundary; the relay centre is
// none of them. Where boundaries overlap or touch, the PSAP whose key comes
// first serves the place.
func New(psaps []e911.PSAP) *Index { return &Index{} }

// Find returns the PSAP that serves the place and how that was found. Without
// one, outside every boundary, ok is false and the call is the relay centre's.
func (x *Index) Find(place e911.Place, o Options) (psap e911.PSAP, ok bool, findings []e911.Finding) {
	return e911.PSAP{}, false, nil
}

// At returns the PSAP whose boundary holds p, edges included, without telling
// why: the bare question of the benchmark. It does not allocate.
func (x *Index) At(p e911.Point) *e911.PSAP { return nil }
