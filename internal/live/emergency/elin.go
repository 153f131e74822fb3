package emergency

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// elin finds the number that stands for the caller's place in the carrier's ALI
// database, where a rung needs one: confirmed, and of that very location (F-08,
// F-21, F-39 (1)). Of several it is the caller's own line, else the lowest.
func (c *inquiry) elin() {
	d := &c.dec
	if !slices.ContainsFunc(d.rungs, func(r ladder.Rung) bool { return r.Trunk.Profile == e911.ProfileELIN }) {
		return
	}
	place := d.where.Place
	if place.Location == "" {
		d.elinWhy = "the caller is at no location of the map"
		return
	}
	d.elinWhy = "the location has none"
	for _, n := range c.org.ELINs(place.Location) {
		use := alirecord.Usable(n, place.Civic)
		f := e911.Finding{Rule: "elin", Said: string(n.Number), Why: use.Why}
		switch {
		case !use.OK:
			d.elinWhy = "that of the location may not be used: " + use.Why
		case d.elin == "" || n.Number == d.who.Line:
			d.elin = n.Number
		}
		d.routeFindings = append(d.routeFindings, f)
	}
	for i := range d.routeFindings {
		if f := &d.routeFindings[i]; f.Rule == "elin" && f.Said == string(d.elin) {
			f.Chosen, f.Why = true, "the number that stands for the caller's location"
		}
	}
}
