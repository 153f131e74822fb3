package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a server may have no zone files of its own

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ecrf"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

func (c *checker) org(v e911.Org) {
	c.key(v.Key)
	c.text("name", v.Name, true)
	c.held(v)
	c.prefixes("public_ranges", v.PublicRanges, widest4, widest6)
	c.masks(v)
	c.carriers(v)
	c.psali(v)
	c.sipDomain(v)
	c.orgState(v)
	if len(v.PublicRanges) == 0 {
		c.noHomes(v)
	}
	if v.Demonstration {
		c.demonstrationStaysHere(v)
	} else {
		c.noDemonstrationLayer(v)
	}
}

// noHomes refuses to take the public ranges away while ranges are mapped that
// stand in very many homes (F-06).
func (c *checker) noHomes(v e911.Org) {
	q := admin.Query{Kind: e911.KindElement, Org: v.ID, Field: admin.ByElementKind, Value: string(e911.ElementIP)}
	c.each(q, func(x any) bool {
		e := x.(e911.Element)
		r, ok := netmap.SpanOf(e)
		if !ok || !inHomes(r) {
			return true
		}
		c.add("public_ranges", Required, fmt.Sprintf("%s is mapped and in use in many homes (F-06)", r), "list the organisation's public addresses, or take the mapping out")
		return false
	})
}

// demonstrationStaysHere: the trunks of a demonstration organisation go to
// loopback alone, and so does the relay centre that takes its unlocated calls
// (F-23).
func (c *checker) demonstrationStaysHere(v e911.Org) {
	c.each(admin.Query{Kind: e911.KindTrunk, Org: v.ID}, func(o any) bool {
		t := o.(e911.Trunk)
		if (t.To != "" || len(t.Targets) > 0) && !ladder.StaysHere(t) {
			c.add("demonstration", Forbidden, fmt.Sprintf("calls of a demonstration organisation stay on this machine, and its trunk %s leaves it (F-23)", t.Key),
				"lead the trunk to 127.0.0.0/8, or take the mark away")
			return false
		}
		if slices.ContainsFunc(slices.Concat(t.From, t.DRFrom), func(p netip.Prefix) bool { return p.IsValid() && !p.Addr().IsLoopback() }) {
			c.add("demonstration", Forbidden, fmt.Sprintf("a demonstration organisation is called over loopback only, and its trunk %s is not (F-23)", t.Key),
				"give the trunk addresses of 127.0.0.0/8, or take the mark away")
			return false
		}
		return true
	})
	c.each(admin.Query{Kind: e911.KindPSAP}, func(o any) bool {
		p := o.(e911.PSAP)
		if !p.Relay {
			return true
		}
		for _, id := range p.Routes {
			t, ok := lookup[e911.Trunk](c, e911.KindTrunk, "", string(id))
			if ok && !ladder.StaysHere(t) {
				c.add("demonstration", Forbidden, "its calls without a place would reach a real relay centre by the trunk "+t.Key+" (F-23)",
					"run the demonstration on a server of its own")
			}
		}
		return false
	})
}

// noDemonstrationLayer: outside a demonstration, no site may send 911 here
// while a demonstration layer would decide for a place of it (F-23).
func (c *checker) noDemonstrationLayer(v e911.Org) {
	c.each(admin.Query{Kind: e911.KindSite, Org: v.ID}, func(o any) bool {
		s := o.(e911.Site)
		if s.Stage != e911.Stage911 {
			return true
		}
		if b, decides := c.countyDecides(s); decides {
			c.add("demonstration", Forbidden, fmt.Sprintf("the site %s sends its 911 calls here, and for its building %s a demonstration layer alone names a PSAP (F-23)", s.Key, b.Key),
				"keep the mark, import the authority's PSAP boundaries, or set the site's stage to none or 933")
			return false
		}
		return true
	})
}

// countyDecides finds a building of the site for which a demonstration layer has a
// PSAP and nothing better has: no other boundary, and no choice of the
// organisation's with an agreement.
func (c *checker) countyDecides(s e911.Site) (found e911.Building, decides bool) {
	var psaps []e911.PSAP
	county := false
	c.each(admin.Query{Kind: e911.KindPSAP}, func(o any) bool {
		p := o.(e911.PSAP)
		if county = county || p.Boundary.Demonstration(); len(p.Area) > 0 || len(p.Features) > 0 || p.Agency != "" {
			psaps = append(psaps, p)
		}
		return true
	})
	if !county || c.chosen(s.Org, admin.BySite, string(s.ID)) {
		return found, false
	}
	var layers []gis.Layer
	if c.layers != nil && c.err == nil {
		layers, c.err = c.layers.Layers(c.ctx, c.view)
	}
	index := ecrf.New(psaps, layers)
	c.each(admin.Query{Kind: e911.KindBuilding, Org: s.Org, Field: admin.BySite, Value: string(s.ID)}, func(o any) bool {
		b := o.(e911.Building)
		place := e911.Place{Civic: b.Address, Area: b.Validation.Point}
		if b.Point != nil {
			place.Area = &e911.Area{Point: *b.Point}
		}
		if _, served, _ := index.Find(place, ecrf.Options{}); served || c.chosen(s.Org, admin.ByBuilding, string(b.ID)) {
			return true
		}
		_, decides, _ = index.Find(place, ecrf.Options{DemonstrationAllowed: true})
		found = b
		return !decides
	})
	return found, decides
}

// chosen reports an agreement of the organisation's for a whole site or building.
func (c *checker) chosen(org e911.OrgID, field admin.Field, id string) bool {
	o, ok := c.other(e911.KindOverride, org, field, id)
	if !ok {
		return false
	}
	v := o.(e911.PSAPOverride)
	return v.Agreement != "" && v.Expires.IsZero()
}

func (c *checker) site(v e911.Site) {
	c.key(v.Key)
	c.inOrg(v.Org)
	c.text("name", v.Name, true)
	c.zone(v.Zone)
	demonstration := c.demonstration(v.Org)
	switch v.Mode {
	case e911.ModeDynamic:
	case e911.ModeTN:
		if v.ModeAcknowledged.Zero() {
			c.nobodyMoves(v)
		}
	case "":
		c.add("mode", Required, "a site has an emergency mode", "write dynamic")
	default:
		c.add("mode", Syntax, fmt.Sprintf("%q is no emergency mode", v.Mode), "write dynamic or tn")
	}
	switch v.Stage {
	case e911.StageNone, e911.Stage933:
	case e911.Stage911:
		if demonstration {
			break
		}
		if b, decides := c.countyDecides(v); decides {
			c.add("stage", Forbidden, fmt.Sprintf("for its building %s a demonstration layer alone names a PSAP (F-23)", b.Key),
				"import the authority's PSAP boundaries, mark the organisation as a demonstration, or set the stage to none or 933")
		}
	case "":
		c.add("stage", Required, "a site has a stage", "write none")
	default:
		c.add("stage", Syntax, fmt.Sprintf("%q is no stage", v.Stage), `write none, 933 or 911`)
	}
	c.callbacks(v, demonstration)
	c.local(v)
	c.acknowledged(v)
}

func (c *checker) zone(zone string) {
	const fix = "write it as America/New_York"
	if zone == "" {
		c.add("zone", Required, "people read the times of the site", fix)
		return
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" || len(zone) > 64 {
		c.add("zone", Unknown, fmt.Sprintf("%q is no IANA time zone", zone), fix)
	}
}

// nobodyMoves: TN mode sends the address of the number, so it is for devices
// that stay where they are (F-20).
func (c *checker) nobodyMoves(v e911.Site) {
	c.each(admin.Query{Kind: e911.KindDevice, Org: v.Org, Field: admin.BySite, Value: string(v.ID)}, func(o any) bool {
		d := o.(e911.Device)
		if !c.moves(d) {
			return true
		}
		why := "asks for its own location"
		if d.Class() != "" {
			why = "is stated as one that moves"
		}
		c.add("mode", Forbidden, fmt.Sprintf("TN mode is for devices that do not move, and %s %s (F-20)", d.Key, why),
			`use dynamic, move the device to another site, or record who accepts it: mode_acknowledged: {by: "...", at: 2026-01-31}`)
		return false
	})
	c.noHandsets(v)
}

func (c *checker) locatesItself(d e911.Device) bool {
	m, ok := lookup[e911.Model](c, e911.KindModel, "", string(d.Model))
	return ok && m.HELD
}

func (c *checker) alert(v e911.Alert) {
	c.key(v.Key)
	c.refers("site", e911.KindSite, v.Org, string(v.Site), true)
	demonstration := c.demonstration(v.Org)
	if len(v.On) == 0 {
		c.add("on", Required, "an alert rule listens to something", "write [emergency], or [emergency, test, unknown_network]")
	}
	for i, on := range v.On {
		at := fmt.Sprintf("on[%d]", i)
		if on != e911.AlertEmergency && on != e911.AlertTest && on != e911.AlertUnknownNetwork {
			c.add(at, Syntax, fmt.Sprintf("%q is nothing that an alert rule listens to", on), "write emergency, test or unknown_network")
		} else if slices.Contains(v.On[:i], on) {
			c.add(at, Duplicate, fmt.Sprintf("%s stands here twice", on), "remove one")
		}
	}
	if len(v.Mail) == 0 && len(v.Webhook) == 0 {
		c.add("mail", Required, "an alert rule tells somebody", "give a mail address or a webhook")
	}
	for i, m := range v.Mail {
		at := fmt.Sprintf("mail[%d]", i)
		c.mail(at, m)
		if slices.ContainsFunc(v.Mail[:i], func(o string) bool { return strings.EqualFold(o, m) }) {
			c.add(at, Duplicate, "the address stands here twice", "remove one")
		}
	}
	for i, w := range v.Webhook {
		at := fmt.Sprintf("webhook[%d]", i)
		c.webhook(at+".url", w.URL)
		c.secret(at+".secret", w.Secret, demonstration)
		if slices.ContainsFunc(v.Webhook[:i], func(o e911.Webhook) bool { return o.URL == w.URL }) {
			c.add(at+".url", Duplicate, "the webhook stands here twice", "remove one")
		}
	}
}
