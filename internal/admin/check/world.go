package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/geo"
)

func (c *checker) tokenKey(v e911.TokenKey) {
	if v.ID == "" || strings.ContainsFunc(v.ID, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) {
		c.add("id", Syntax, "the id of a key is letters and digits", "leave out other signs")
	}
	if len(v.Secret) != 32 {
		c.add("secret", Range, "a key has 32 octets", "let Callbox make it")
	}
}

// maxModelList bounds the names and firmware rules of a model.
const maxModelList = 64

func (c *checker) model(v e911.Model) {
	c.key(v.Key)
	c.text("maker", v.Maker, false)
	if len(v.Names) > maxModelList {
		c.add("names", Range, fmt.Sprintf("a model has up to %d names", maxModelList), "make several models of it")
	}
	for i, n := range v.Names {
		c.text(fmt.Sprintf("names[%d]", i), n, true)
	}
	if len(v.Firmware) > maxModelList {
		c.add("firmware", Range, fmt.Sprintf("a model has up to %d rules", maxModelList), "join ranges that say the same")
	}
	for i, r := range v.Firmware {
		c.firmware(fmt.Sprintf("firmware[%d]", i), r)
	}
	if !v.HELD {
		return
	}
	for _, o := range c.orgs() {
		c.each(admin.Query{Kind: e911.KindDevice, Org: o.ID, Field: admin.ByModel, Value: string(v.ID)}, func(x any) bool {
			s, ok := lookup[e911.Site](c, e911.KindSite, o.ID, string(x.(e911.Device).Site))
			if !ok || s.Mode != e911.ModeTN || !s.ModeAcknowledged.Zero() {
				return true
			}
			c.add("held", Forbidden, "there are such devices on a site in TN mode, which is for devices that do not move (F-20)", "take the site out of TN mode first")
			return false
		})
	}
}

func (c *checker) firmware(at string, r e911.FirmwareRule) {
	switch r.Capability {
	case e911.CapabilityNone, e911.CapabilityHELD, e911.CapabilityHELDPlus:
	default:
		c.add(at+".capability", Syntax, fmt.Sprintf("%q is no capability", r.Capability), "write none, held or held+")
	}
	c.text(at+".from", r.From, false)
	c.text(at+".to", r.To, false)
	switch {
	case r.From == "" && r.To == "":
		c.add(at+".from", Required, "a rule holds for a range of versions", "give from, to or both; held says what all others do")
	case r.From != "" && r.To != "" && e911.CompareFirmware(r.From, r.To) > 0:
		c.add(at+".to", Range, "the last version comes before the first", "swap the two")
	}
}

func (c *checker) anyDemonstration() bool {
	return slices.ContainsFunc(c.orgs(), func(o e911.Org) bool { return o.Demonstration })
}

func (c *checker) psap(v e911.PSAP) {
	c.key(v.Key)
	c.text("name", v.Name, true)
	if v.Line != "" {
		c.callback("line", v.Line, true)
	}
	if v.Relay {
		c.relay(v)
	} else if v.Boundary.USCounty != "" {
		c.boundary(v)
	}
	c.directory(v)
	c.routes(v)
	c.alternates(v)
	c.reach(v)
}

func (c *checker) relay(v e911.PSAP) {
	if v.Boundary != (e911.Boundary{}) || len(v.Area) > 0 {
		c.add("boundary", Forbidden, "the relay centre takes calls from everywhere", "remove boundary")
	}
	c.each(admin.Query{Kind: e911.KindPSAP}, func(o any) bool {
		if p := o.(e911.PSAP); p.Relay && len(p.Countries)+len(v.Countries) == 0 {
			c.add("relay", Duplicate, "there is a relay centre for any country already: "+p.Key, "change that one, or say whose callers each of them takes: countries: [CA]")
			return false
		}
		return true
	})
}

func (c *checker) boundary(v e911.PSAP) {
	if len(v.Area) == 0 {
		c.add("boundary.us_county", Unknown, "the county has no area", "write the five digits of another county")
	}
	for _, f := range geo.Check(v.Area) {
		c.add("boundary.us_county", Range, "its area is not usable: "+f.Msg, "use another county, or another version of the layer")
	}
	c.each(admin.Query{Kind: e911.KindPSAP}, func(o any) bool {
		if p := o.(e911.PSAP); p.Boundary.USCounty == v.Boundary.USCounty {
			c.add("boundary.us_county", Duplicate, p.Key+" serves the same county", "one place has one PSAP")
			return false
		}
		return true
	})
	c.noLayerDecidesElsewhere()
}

// noLayerDecidesElsewhere refuses a demonstration layer while a site that is no
// demonstration sends its 911 calls here (F-23).
func (c *checker) noLayerDecidesElsewhere() {
	for _, o := range c.orgs() {
		if o.Demonstration {
			continue
		}
		c.each(admin.Query{Kind: e911.KindSite, Org: o.ID}, func(s any) bool {
			if s.(e911.Site).Stage != e911.Stage911 {
				return true
			}
			c.add("boundary.us_county", Forbidden, "a county is not a PSAP, and an organisation that is no demonstration sends its 911 calls here (F-23)",
				"set the stage of its sites to none or 933 first")
			return false
		})
	}
}

func (c *checker) routes(v e911.PSAP) {
	// Others may be one of a directory alone, or reached by a carrier of the
	// caller's organisation.
	if len(v.Routes) == 0 && (v.Relay || v.Boundary.Demonstration()) {
		c.add("routes", Required, "calls must reach the PSAP by at least one trunk", "name a trunk")
	}
	loopbackOnly := v.Boundary.Demonstration() || v.Relay && c.anyDemonstration()
	for i, id := range v.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		if slices.Contains(v.Routes[:i], id) {
			c.add(at, Duplicate, "the same trunk stands here twice", "the ladder tries every route again by itself: remove it")
			continue
		}
		want := []e911.TrunkSide{e911.SideCarrier, e911.SideESInet}
		if v.Relay {
			want = []e911.TrunkSide{e911.SideRelay}
		}
		c.trunkOut(at, id, want, loopbackOnly)
	}
}

// Layer resolves a county of the demonstration layer: layers.USCountyBoundary.
type Layer func(fips string) (e911.Boundary, e911.MultiPolygon, error)

// Resolve gives a PSAP the geometry of its boundary, so that the call path
// needs no layer (docs/adr/0003). It reports what the layer says against it.
func (l Layer) Resolve(v e911.PSAP) (e911.PSAP, []e911.Fault) {
	v.Area = nil
	if v.Relay || v.Boundary.USCounty == "" {
		return v, nil
	}
	b, area, err := l(v.Boundary.USCounty)
	if err != nil {
		f := e911.Fault{Path: "boundary.us_county", Code: Unknown, Msg: err.Error(), Fix: "write the five digits of a county, as 25017"}
		if e911.KindOf(err) == e911.Unavailable {
			f.Fix = "build Callbox with make"
		}
		return v, []e911.Fault{f}
	}
	v.Boundary, v.Area = b, area
	return v, nil
}
