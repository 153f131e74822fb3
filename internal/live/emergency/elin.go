package emergency

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// FlagSharedCallback says that no ELIN of the location was free: a call back reaches this
// caller and another one (F-08).
const FlagSharedCallback = "shared_callback"

// elin is lent the number that stands for the caller's place in the carrier's
// ALI database, where a rung needs one: confirmed, and of that very location
// (F-08, F-21, F-39 (1)).
func (c *inquiry) elin() {
	d := &c.dec
	if !slices.ContainsFunc(d.rungs, func(r ladder.Rung) bool {
		return r.Trunk.Profile == e911.ProfileELIN || r.Carry == ladder.CarryELIN && r.Trunk.Profile == e911.ProfilePlain
	}) {
		return
	}
	place := d.where.Place
	if place.Location == "" {
		d.elinWhy = "the caller is at no location of the map"
		return
	}
	d.elinWhy = "the location has none"
	var pool []e911.Number
	var findings []e911.Finding
	for _, n := range c.org.ELINs(place.Location) {
		use := alirecord.Usable(n, place.Civic)
		if use.OK {
			pool = append(pool, n.Number)
		} else {
			d.elinWhy = "that of the location may not be used: " + use.Why
		}
		findings = append(findings, e911.Finding{Rule: "elin", Said: string(n.Number), Why: use.Why})
	}
	if len(pool) > 0 {
		lent := c.lend(ELINLoan{Org: c.org.ID(), Location: place.Location, Pool: pool, Line: d.who.Line, Now: c.at})
		d.elin = lent.Number
		if lent.Shared {
			d.routeFlags = append(d.routeFlags, FlagSharedCallback)
		}
		for i := range findings {
			f := &findings[i]
			switch {
			case f.Said == string(d.elin):
				f.Chosen, f.Why = true, "it stands for the caller's location: "+lent.Why
			case f.Why == "":
				f.Why = "another one of the location is lent"
			}
		}
	}
	d.routeFindings = append(d.routeFindings, findings...)
}

// lend asks for an ELIN of the pool. Only an emergency call takes one: a test, or
// a call that is only supposed, is told which it would be.
func (c *inquiry) lend(q ELINLoan) (lent elinpool.Answer) {
	if c.class == e911.ClassEmergency {
		q.Call = c.loan
	}
	if c.callbacks == nil || !c.guard("elin pool", func() { lent = c.callbacks.Lend(q) }) {
		return elinpool.Choose(elinpool.Question{Pool: q.Pool, Line: q.Line, Now: q.Now})
	}
	return lent
}
