package snapshot

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

// pointed is one reference of an object.
type pointed struct {
	target
	field    string
	world    bool // the target is the world's, not the organisation's
	required bool
}

// pointsAt lists the references of an object, empty ones too.
func pointsAt(obj any) iter.Seq[pointed] {
	return func(yield func(pointed) bool) {
		in := func(kind e911.ObjectKind, id, field string, required bool) bool {
			return yield(pointed{target{kind, id}, field, false, required})
		}
		switch v := obj.(type) {
		case *e911.Building:
			in(e911.KindSite, string(v.Site), "site", true)
		case *e911.Location:
			in(e911.KindBuilding, string(v.Building), "building", true)
		case *e911.User:
			in(e911.KindSite, string(v.Site), "site", false)
		case *e911.Device:
			_ = in(e911.KindSite, string(v.Site), "site", false) && in(e911.KindUser, string(v.User), "user", false) &&
				yield(pointed{target{e911.KindModel, string(v.Model)}, "model", true, false})
		case *e911.NumberRec:
			_ = in(e911.KindSite, string(v.Site), "site", false) && in(e911.KindUser, string(v.User), "user", false) &&
				in(e911.KindLocation, string(v.Location), "location", false)
		case *e911.Alert:
			in(e911.KindSite, string(v.Site), "site", true)
		case *e911.PSAP:
			_ = pointsAtTrunks("routes", v.Routes, yield) && pointsAtAlternates(v.Alternates, yield)
		case *e911.Site:
			pointsAtTrunks("local", v.Local, yield)
		case *e911.Org:
			pointsAtTrunks("carriers", v.Carriers, yield)
		case *e911.PSAPOverride:
			_ = in(e911.KindSite, string(v.Site), "site", false) && in(e911.KindBuilding, string(v.Building), "building", false) &&
				in(e911.KindLocation, string(v.Location), "location", false) &&
				yield(pointed{target{e911.KindPSAP, string(v.PSAP)}, "psap", true, true})
		}
	}
}

func pointsAtTrunks(field string, ids []e911.TrunkID, yield func(pointed) bool) bool {
	for i, id := range ids {
		if !yield(pointed{target{e911.KindTrunk, string(id)}, fmt.Sprintf("%s[%d]", field, i), true, true}) {
			return false
		}
	}
	return true
}

func pointsAtAlternates(list []e911.PSAPAlternate, yield func(pointed) bool) bool {
	for i, a := range list {
		if !yield(pointed{target{e911.KindPSAP, string(a.PSAP)}, fmt.Sprintf("alternates[%d].psap", i), true, true}) {
			return false
		}
	}
	return true
}

func (e *edit) checkPSAP(o Object, p *e911.PSAP) {
	if p.Relay {
		for other := range e.psaps.t.values() {
			if other.Relay && other.ID != p.ID && len(other.Countries)+len(p.Countries) == 0 {
				e.fault(o, "relay", "duplicate", "there is a relay centre for any country already", "say whose callers each of them takes")
				return
			}
		}
		return
	}
	if p.Boundary.Demonstration() && len(p.Area) == 0 {
		e.fault(o, "boundary", "required", "a boundary needs an area", "")
		return
	}
	if len(p.Area) == 0 {
		return // of the directory: its boundaries stand in layers
	}
	for _, f := range geo.Check(p.Area) {
		e.fault(o, "area"+f.Path, f.Code, f.Msg, f.Fix)
	}
}

// lookTrunks checks that trunks that calls are to leave by lead out, and belong
// to nobody alone.
func (e *edit) lookTrunks(o Object, field string, ids []e911.TrunkID) {
	for i, id := range ids {
		t, ok := e.trunks.get(id)
		if !ok {
			continue // told as dangling
		}
		if t.Side == e911.SidePlatform || t.To == "" && len(t.Targets) == 0 {
			e.fault(o, fmt.Sprintf("%s[%d]", field, i), "invalid", "this trunk leads nowhere: it has no address to call", "take a trunk to a carrier or the relay centre")
		}
	}
}

// putTrunk puts a trunk into the world, into its organisation, and into the
// index by source address.
func (e *edit) putTrunk(o Object, t *e911.Trunk) {
	if t.Side == e911.SidePlatform && t.Org == "" {
		e.fault(o, "org", "required", "a platform trunk belongs to an organisation", "")
	}
	if t.Side == e911.SidePlatform && len(t.From) == 0 && len(proofsOf(t)) == 0 {
		e.fault(o, "from", "required", "a platform is known by its source addresses, or by a certificate or user", "")
	}
	if _, ok := e.trunks.get(t.ID); ok {
		// Two organisations cannot have one trunk; ids are never given twice.
		e.fault(o, "id", "duplicate", "another organisation has a trunk of this id", "")
		return
	}
	e.trunks.set(t.ID, t)
	if t.Org != "" {
		e.orgs[t.Org].trunks.set(t.ID, t)
	}
	for _, p := range proofsOf(t) {
		if id, taken := e.proofs.get(p.key); taken && id != t.ID {
			e.fault(o, p.field, "duplicate", "another trunk is known by it", "every certificate and user belongs to one trunk, over all organisations")
			continue
		}
		e.proofs.set(p.key, t.ID)
	}
	for i, p := range unique(t.From) {
		field := fmt.Sprintf("from[%d]", i)
		if e.checkPrefix(o, field, p) && e.free(o, field, t, p, false) {
			e.sources.modify(p, func(e911.TrunkID, bool) (e911.TrunkID, bool) { return t.ID, false })
		}
	}
	for i, p := range unique(t.DRFrom) {
		field := fmt.Sprintf("dr_from[%d]", i)
		if e.checkPrefix(o, field, p) && e.free(o, field, t, p, true) {
			e.recovery.modify(p, func(ids []e911.TrunkID, _ bool) ([]e911.TrunkID, bool) {
				next := append(slices.Clone(ids), t.ID)
				slices.SortFunc(next, e.byTrunkKey)
				return next, false
			})
		}
	}
}

func (e *edit) takeTrunk(t *e911.Trunk) {
	if t.Org != "" {
		e.org(t.Org).trunks.del(t.ID)
	}
	for _, p := range proofsOf(t) {
		if id, ok := e.proofs.get(p.key); ok && id == t.ID {
			e.proofs.del(p.key)
		}
	}
	for _, p := range unique(t.From) {
		e.sources.modify(p, func(id e911.TrunkID, ok bool) (e911.TrunkID, bool) { return id, !ok || id == t.ID })
	}
	for _, p := range unique(t.DRFrom) {
		e.recovery.modify(p, func(ids []e911.TrunkID, _ bool) ([]e911.TrunkID, bool) {
			next := slices.DeleteFunc(slices.Clone(ids), func(id e911.TrunkID) bool { return id == t.ID })
			return next, len(next) == 0
		})
	}
}

func (e *edit) byTrunkKey(a, b e911.TrunkID) int {
	key := func(id e911.TrunkID) string {
		t, ok := e.trunks.get(id)
		if !ok {
			return ""
		}
		return t.Key
	}
	return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a, b))
}

func (e *edit) checkPrefix(o Object, field string, p netip.Prefix) bool {
	switch {
	case !p.IsValid() || p != p.Masked() || p.Addr().Is4In6():
		e.fault(o, field, "invalid", "an address range needs its network address and length", "write it as 203.0.113.0/24")
	case p.Bits() == 0:
		e.fault(o, field, "invalid", "the whole internet is nobody's source address", "")
	default:
		return true
	}
	return false
}

// free checks that nobody else has the range, or part of it: a call that comes
// from there must belong to one trunk. Inside one organisation a disaster-
// recovery range may be another trunk's own, as two PBXs stand in for each
// other; the owner comes first then.
func (e *edit) free(o Object, field string, t *e911.Trunk, p netip.Prefix, recovery bool) bool {
	clash := func(id e911.TrunkID, otherRecovery bool) bool {
		other, ok := e.trunks.get(id)
		if !ok || other.ID == t.ID || (other.Org == t.Org && (recovery || otherRecovery)) {
			return false
		}
		whose := "another organisation's trunk" // not named: tenants are walls (E14)
		if other.Org == t.Org {
			whose = "the trunk " + other.Key
		}
		e.fault(o, field, "duplicate", "source addresses of this range belong to "+whose+" already", "every source address belongs to one trunk, over all organisations")
		return true
	}
	for _, seq := range []iter.Seq2[netip.Prefix, e911.TrunkID]{e.sources.t.Supernets(p), e.sources.t.Subnets(p)} {
		for _, id := range seq {
			if clash(id, false) {
				return false
			}
		}
	}
	for _, seq := range []iter.Seq2[netip.Prefix, []e911.TrunkID]{e.recovery.t.Supernets(p), e.recovery.t.Subnets(p)} {
		for _, ids := range seq {
			for _, id := range ids {
				if clash(id, true) {
					return false
				}
			}
		}
	}
	return true
}

// unique leaves out repetitions, which would count as a clash with itself.
func unique(list []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// lookOwn checks that a site's own trunks are its organisation's.
func (e *edit) lookOwn(o Object, field string, ids []e911.TrunkID) {
	for i, id := range ids {
		if t, ok := e.trunks.get(id); ok && (t.Org != o.Org || t.Side != e911.SideLocal) {
			e.fault(o, fmt.Sprintf("%s[%d]", field, i), "invalid", "this trunk is no PSTN trunk of the organisation's own", "take a trunk of side local that belongs to it")
		}
	}
}
