package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// maxFeatures bounds the service boundaries of one PSAP.
const maxFeatures = 256

// directory checks what is known of a PSAP beside its routes.
func (c *checker) directory(v e911.PSAP) {
	if len(v.Features) > maxFeatures {
		c.add("features", Range, fmt.Sprintf("a PSAP has up to %d service boundaries", maxFeatures), "name its agency instead")
	}
	for i, f := range v.Features {
		at := fmt.Sprintf("features[%d]", i)
		c.text(at, f, true)
		if slices.Contains(v.Features[:i], f) {
			c.add(at, Duplicate, "the boundary stands here twice", "remove one")
		}
	}
	if v.Agency != "" && (len(v.Agency) > 253 || !strings.Contains(v.Agency, ".") || strings.ContainsAny(v.Agency, " @/:")) {
		c.add("agency", Syntax, "this is no domain of an agency", "write it as the layer's Agency_ID has it, psap.example.gov")
	}
	c.listing(v.Listing)
	if v.Relay && (len(v.Features) > 0 || v.Agency != "") {
		c.add("features", Forbidden, "the relay centre takes calls from everywhere", "remove features and agency")
	}
	if len(v.Features) > 0 || v.Listing.Registry != "" {
		c.alone(v)
	}
}

func (c *checker) listing(v e911.PSAPListing) {
	if v.Registry != "" && (len(v.Registry) > 8 || strings.Trim(v.Registry, "0123456789") != "" || v.Registry[0] == '0') {
		c.add("listing.registry", Syntax, "this is no PSAP ID of the FCC's registry", "write its digits, as 3170")
	}
	switch v.Kind {
	case "", e911.ListedPrimary, e911.ListedSecondary, e911.ListedOrphaned, e911.ListedGone:
	default:
		c.add("listing.kind", Syntax, fmt.Sprintf("%q is no kind of PSAP", v.Kind), "write primary, secondary or orphaned")
	}
	c.text("listing.city", v.City, false)
	c.text("listing.county", v.County, false)
	if s, ok := civic.StateOf(v.State); v.State != "" && (!ok || s.Code != v.State) {
		c.add("listing.state", Unknown, "this is no state", "write its two letters, as MA")
	}
}

// alone: a boundary and a line of the registry are one PSAP's.
func (c *checker) alone(v e911.PSAP) {
	c.each(admin.Query{Kind: e911.KindPSAP}, func(o any) bool {
		p := o.(e911.PSAP)
		if v.Listing.Registry != "" && p.Listing.Registry == v.Listing.Registry {
			c.add("listing.registry", Duplicate, p.Key+" has this PSAP ID too", "one PSAP has one: change the one or the other")
		}
		for i, f := range v.Features {
			if slices.Contains(p.Features, f) {
				c.add(fmt.Sprintf("features[%d]", i), Duplicate, p.Key+" has this boundary too", "one boundary is one PSAP's")
			}
		}
		return true
	})
}

// carriers checks the trunks that take an organisation's calls for any place.
func (c *checker) carriers(v e911.Org) {
	for i, id := range v.Carriers {
		at := fmt.Sprintf("carriers[%d]", i)
		if slices.Contains(v.Carriers[:i], id) {
			c.add(at, Duplicate, "the same trunk stands here twice", "the ladder tries every route again by itself: remove it")
			continue
		}
		c.trunkOut(at, id, []e911.TrunkSide{e911.SideCarrier}, v.Demonstration)
	}
}

// trunkOut checks a trunk that calls shall leave by.
func (c *checker) trunkOut(at string, id e911.TrunkID, sides []e911.TrunkSide, loopbackOnly bool) {
	t, ok := lookup[e911.Trunk](c, e911.KindTrunk, "", string(id))
	if !ok {
		if c.err == nil {
			c.add(at, Unknown, "there is no such trunk", "name one of world.trunks")
		}
		return
	}
	if !slices.Contains(sides, t.Side) {
		c.add(at, Forbidden, fmt.Sprintf("the trunk %s leads to a %s, not to a %s", t.Key, t.Side, sides[0]), "name a trunk of side "+string(sides[0]))
	}
	if loopbackOnly && !ladder.StaysHere(t) {
		c.add(at, Forbidden, fmt.Sprintf("calls of a demonstration come here, and the trunk %s leaves this machine (F-23)", t.Key), "use a trunk to 127.0.0.0/8")
	}
}

// override checks an organisation's own choice of a PSAP (F-23).
func (c *checker) override(v e911.PSAPOverride) {
	c.key(v.Key)
	c.inOrg(v.Org)
	scopes := []struct {
		path  string
		kind  e911.ObjectKind
		field admin.Field
		id    string
	}{
		{"site", e911.KindSite, admin.BySite, string(v.Site)},
		{"building", e911.KindBuilding, admin.ByBuilding, string(v.Building)},
		{"location", e911.KindLocation, admin.ByLocation, string(v.Location)},
	}
	named := 0
	for _, s := range scopes {
		if s.id == "" {
			continue
		}
		if named++; named > 1 {
			c.add(s.path, Forbidden, "an override holds for one site, building or location", "make one for each")
			continue
		}
		c.refers(s.path, s.kind, v.Org, s.id, true)
		if o, taken := c.other(e911.KindOverride, v.Org, s.field, s.id); taken {
			c.add(s.path, Duplicate, fmt.Sprintf("the override %s holds for the same %s", o.(e911.PSAPOverride).Key, s.kind), "one place has one PSAP: keep one of the two")
		}
	}
	if named == 0 {
		c.add("site", Required, "an override holds for a place", "name a site, a building or a location")
	}
	c.agreed(v)
}

func (c *checker) agreed(v e911.PSAPOverride) {
	if v.Agreement == "" {
		c.add("agreement", Required, "calls go to another PSAP than the serving one only by an agreement with it (F-23)", "write who agreed to it, when, and where the paper is")
	} else {
		c.text("agreement", v.Agreement, true)
	}
	if v.PSAP == "" {
		c.add("psap", Required, "somebody answers", "name a PSAP")
		return
	}
	p, ok := lookup[e911.PSAP](c, e911.KindPSAP, "", string(v.PSAP))
	switch {
	case !ok && c.err == nil:
		c.add("psap", Unknown, "there is no such PSAP", "name one of world.psaps, or of the directory: callbox psaps --search NAME")
	case p.Relay:
		c.add("psap", Forbidden, "the relay centre takes what no PSAP takes, after all others", "name a PSAP")
	}
	if !ok || !c.demonstration(v.Org) {
		return
	}
	for _, id := range p.Routes {
		t, ok := lookup[e911.Trunk](c, e911.KindTrunk, "", string(id))
		if ok && !ladder.StaysHere(t) {
			c.add("psap", Forbidden, fmt.Sprintf("calls of a demonstration would reach a real PSAP by the trunk %s (F-23)", t.Key), "choose a PSAP on this machine, or take the mark of a demonstration away")
		}
	}
}
