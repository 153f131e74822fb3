// Package ecrf answers which PSAP serves a place, and which service boundary
// says so, from our own reference layers (design 2.3, F-23). It is the last of
// three sources: an unexpired mapping of the authority and the authority itself
// come before it.
package ecrf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// Index finds the PSAP of a place. Immutable; safe for concurrent use. A nil
// Index knows no PSAP.
type Index struct {
	psaps    []e911.PSAP // with an area of their own, by key
	rows     []row       // all boundaries, best first
	services map[string]*service
	sos      *service // that of ServiceSOS
	urns     []string // of all services, sorted
	named    named
}

// Options of one question.
type Options struct {
	// DemonstrationAllowed lets a demonstration layer decide: true only for a
	// call of an organisation marked demonstration (F-23).
	DemonstrationAllowed bool
	// Service is the URN that is asked for; ServiceSOS when it is empty. A child
	// that has no boundary at the place falls to its parent.
	Service string
	// Now leaves out boundaries that do not hold yet or no longer. Zero: all count.
	Now time.Time
}

// Rules that a Finding of this package names.
const (
	RuleBoundary = "psap_boundary" // the place lies inside
	RuleCounty   = "psap_county"   // the address names its county
	RuleAddress  = "psap_address"  // the boundary names a part of the address
)

// New makes an Index over the service boundaries of the layers and the areas
// that PSAPs have of their own; the relay centre has none. A boundary is the
// PSAP's whose Features name it, else of the only one that has its Agency, else
// nobody's: then it stands for itself. Layers and PSAPs are shared: they must
// not be changed. The order of the arguments means nothing.
func New(psaps []e911.PSAP, layers []gis.Layer) *Index { return (*Index)(nil).Replace(psaps, layers) }

// Replace makes an Index over other PSAPs and layers. Services whose boundaries
// stay (those of the same *gis.Content, PSAPs with the same Area) keep their
// part, so that a snapshot with another PSAP does not lay millions of corners
// out again. A nil Index has nothing to keep.
func (x *Index) Replace(psaps []e911.PSAP, layers []gis.Layer) *Index {
	next := build(psaps, layers)
	var before map[string]*service
	if x != nil {
		before = x.services
	}
	next.serve(before)
	return next
}

// build lists the boundaries.
func build(psaps []e911.PSAP, layers []gis.Layer) *Index {
	x := &Index{named: newNamed(psaps)}
	for _, p := range psaps {
		if !p.Relay && len(p.Area) > 0 {
			x.psaps = append(x.psaps, p)
		}
	}
	slices.SortFunc(x.psaps, byKey)
	for i := range x.psaps {
		x.rows = append(x.rows, ownRow(&x.psaps[i]))
	}
	owners := newOwners(psaps)
	for i := range layers {
		list := layers[i].Content.Boundaries()
		for j := range list {
			if b := &list[j]; len(b.Area) > 0 || b.Civic != (e911.Civic{}) {
				x.rows = append(x.rows, layerRow(&layers[i].Layer, b, owners))
			}
		}
	}
	slices.SortFunc(x.rows, func(a, b row) int { return a.compare(&b) })
	return x
}

func byKey(a, b e911.PSAP) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(string(a.ID), string(b.ID)))
}

// Find returns the PSAP that serves the place and how that was found. A point
// with its uncertainty decides; a place that no area holds is found by the
// boundaries that have no area and name a part of its address, and an address
// without a point by all that name one. A boundary that is nobody's of ours
// gives a PSAP without ID, whose Key is the boundary's NGUID. The Boundary and
// the Area of what is returned are those that decided. Without a PSAP, outside
// every boundary, ok is false and the call is the relay centre's.
func (x *Index) Find(place e911.Place, o Options) (psap e911.PSAP, ok bool, findings []e911.Finding) {
	hit, ok, findings := x.Resolve(place, o)
	if !ok {
		return psap, false, findings
	}
	return *hit.PSAP, true, findings
}

// Resolve is Find with the boundary that decided.
func (x *Index) Resolve(place e911.Place, o Options) (Hit, bool, []e911.Finding) {
	if x == nil || len(x.rows) == 0 {
		return Hit{}, false, []e911.Finding{{Rule: RuleBoundary, Why: "no PSAP with a boundary is configured"}}
	}
	chain := x.chain(o.Service)
	if len(chain) == 0 {
		return Hit{}, false, []e911.Finding{{Rule: RuleBoundary, Said: o.Service, Place: place.Display, Why: "no boundary is known for this service or one above it"}}
	}
	if place.Area == nil {
		return byAddress(chain, place, o, false)
	}
	hit, ok, findings := byArea(chain, place, o)
	if ok {
		return hit, ok, findings
	}
	if hit, ok, more := byAddress(chain, place, o, true); ok {
		return hit, ok, append(more, findings...)
	}
	return Hit{}, false, findings
}

// byArea asks each service of the chain until one serves the place.
func byArea(chain []*service, place e911.Place, o Options) (Hit, bool, []e911.Finding) {
	var all []e911.Finding
	for _, s := range chain {
		cands, err := s.around(place.Area)
		if err != nil {
			return Hit{}, false, []e911.Finding{{Rule: RuleBoundary, Place: place.Display, Why: err.Error()}}
		}
		hit, ok, findings := choose(cands, place, o)
		all = append(all, findings...)
		if ok {
			return hit, true, all
		}
	}
	if len(all) == 0 {
		all = []e911.Finding{{Rule: RuleBoundary, Place: place.Display, Why: "the place lies outside every boundary"}}
	}
	return Hit{}, false, all
}

// choose takes the best candidate that may decide and tells of the others.
func choose(cands []candidate, place e911.Place, o Options) (Hit, bool, []e911.Finding) {
	slices.SortFunc(cands, candidate.compare)
	var chosen *candidate
	var findings []e911.Finding
	for i := range cands {
		c := &cands[i]
		f := e911.Finding{Rule: RuleBoundary, Said: c.row.hit.Name(), Place: place.Display}
		switch {
		case !c.row.active(o):
			f.Why = "the boundary does not hold at this time"
		case !c.row.allowed(o):
			f.Why = demonstrationOnly
		case chosen == nil:
			chosen = c
			f.Chosen, f.Why = true, "the place lies inside the boundary"
			if c.share < 1 {
				f.Why = fmt.Sprintf("the boundary holds %.0f %% of where the caller may be", 100*c.share)
			}
		default:
			f.Why = c.against(chosen, place.Area)
		}
		findings = append(findings, f)
	}
	if chosen == nil {
		return Hit{}, false, findings
	}
	hit := chosen.row.hit
	hit.Share = chosen.share
	return hit, true, findings
}

// against says why c lost to the one that was chosen.
func (c *candidate) against(chosen *candidate, area *e911.Area) string {
	name := chosen.row.hit.Name()
	switch {
	case c.row.grade != chosen.row.grade:
		return "it holds the place too; the boundary of " + name + " is of a better grade"
	case c.share < 1 && c.share <= chosen.share:
		return fmt.Sprintf("it holds %.0f %% of where the caller may be; the boundary of %s holds %.0f %%", 100*c.share, name, 100*chosen.share)
	case geo.OnEdge(c.row.area(), area.Point) || geo.OnEdge(chosen.row.area(), area.Point):
		return "the place lies on the edge to this boundary; that of " + name + " comes first in the order of keys"
	}
	return "the two boundaries overlap here; that of " + name + " comes first in the order of keys"
}

const demonstrationOnly = "its boundary is a demonstration layer, which decides only for organisations marked demonstration (F-23)"

// At returns the boundary that serves a point, edges included, without telling
// why: the bare question. It does not allocate.
func (x *Index) At(p e911.Point, o Options) (Hit, bool) {
	if x == nil {
		return Hit{}, false
	}
	for s := x.service(o.Service); s != nil; s = s.parent {
		if i := s.first(p, o); i >= 0 {
			return s.hits[i], true
		}
	}
	return Hit{}, false
}

// All returns the PSAPs that have an area of their own, by key. They must not
// be changed.
func (x *Index) All() []e911.PSAP {
	if x == nil {
		return nil
	}
	return x.psaps
}

// Each visits every boundary, best grade first and then by key, until visit
// returns false: those of layers and those that PSAPs have of their own, also
// those that do not hold now.
func (x *Index) Each(visit func(Hit) bool) {
	if x == nil {
		return
	}
	for i := range x.rows {
		if !visit(x.rows[i].hit) {
			return
		}
	}
}
