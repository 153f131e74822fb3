package snapshot

import (
	"iter"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Overrides lists an organisation's own choices of a PSAP that hold for a
// place, the closest first: of its location, its building, its site. It does
// not look at when they expire.
func (o *Org) Overrides(p e911.Place) []e911.PSAPOverride {
	if o.overrides.n == 0 {
		return nil
	}
	var out []e911.PSAPOverride
	for _, t := range []target{
		{e911.KindLocation, string(p.Location)}, {e911.KindBuilding, string(p.Building)}, {e911.KindSite, string(p.Site)},
	} {
		if v, ok := o.overriding.get(t); ok && t.id != "" {
			out = append(out, *v)
		}
	}
	return out
}

// Override returns the closest unexpired one.
func (o *Org) Override(p e911.Place, now time.Time) (e911.PSAPOverride, bool) {
	for _, v := range o.Overrides(p) {
		if v.Expires.IsZero() || now.Before(v.Expires) {
			return v, true
		}
	}
	return e911.PSAPOverride{}, false
}

// AllOverrides lists the organisation's own choices of PSAPs, in no order.
func (o *Org) AllOverrides() iter.Seq[e911.PSAPOverride] { return deref(o.overrides.values()) }

// scopes is what an override holds for: one of the three.
func scopes(v *e911.PSAPOverride) []target {
	var out []target
	for _, t := range []target{
		{e911.KindSite, string(v.Site)}, {e911.KindBuilding, string(v.Building)}, {e911.KindLocation, string(v.Location)},
	} {
		if t.id != "" {
			out = append(out, t)
		}
	}
	return out
}

func (e *orgEdit) putOverride(o Object, v *e911.PSAPOverride) {
	e.overrides.set(v.ID, v)
	if v.Agreement == "" {
		e.world.fault(o, "agreement", "required", "an agreement with the PSAP must be recorded (F-23)", "")
	}
	of := scopes(v)
	if len(of) != 1 {
		e.world.fault(o, "", "required", "an override holds for one site, building or location", "")
		return
	}
	claim(e, e.overriding, of[0], v, o, string(of[0].kind), "another override holds for the same "+string(of[0].kind))
}
