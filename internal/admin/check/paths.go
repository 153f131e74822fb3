package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// mostLocal bounds the PSTN trunks of one site: a caller waits 10 s for each.
const mostLocal = 8

// mostAlternates bounds the agreements of one PSAP.
const mostAlternates = 8

func (c *checker) orgState(v e911.Org) {
	if v.State != "" && !slices.Contains(e911.OrgStates(), v.State) {
		c.add("state", Syntax, fmt.Sprintf("%q is no state of an organisation", v.State), "write live, trial, suspended, opted_out, byoc or unlicensed")
	}
}

// local checks the PSTN trunks that a site has of its own.
func (c *checker) local(v e911.Site) {
	if len(v.Local) > mostLocal {
		c.add("local", Range, fmt.Sprintf("a site has up to %d trunks of its own", mostLocal), "name several gateways by one trunk with targets")
	}
	for i, id := range v.Local {
		at := fmt.Sprintf("local[%d]", i)
		if slices.Contains(v.Local[:i], id) {
			c.add(at, Duplicate, "the same trunk stands here twice", "the ladder tries every route again by itself: remove it")
			continue
		}
		t, ok := lookup[e911.Trunk](c, e911.KindTrunk, v.Org, string(id))
		switch {
		case !ok && c.err == nil:
			c.add(at, Unknown, "there is no such trunk", "name one of the organisation's own trunks of side local")
		case ok && t.Side != e911.SideLocal:
			c.add(at, Forbidden, fmt.Sprintf("the trunk %s leads to a %s, not to the telephone network at the site", t.Key, t.Side), "name a trunk of side local")
		}
	}
}

func (c *checker) acknowledged(v e911.Site) {
	m := v.ModeAcknowledged
	switch {
	case m.Zero():
	case v.Mode != e911.ModeTN:
		c.add("mode_acknowledged", Forbidden, "only TN mode is acknowledged (F-20)", "remove it")
	case m.By == "":
		c.add("mode_acknowledged.by", Required, "somebody accepts that calls go to the address of the number (F-20)", "write a person's name")
	case m.At.IsZero():
		c.add("mode_acknowledged.at", Required, "the day on which it was accepted is part of the record (F-20)", "write it as 2026-01-31")
	default:
		c.text("mode_acknowledged.by", m.By, true)
	}
}

// noHandsets: a site with DECT bases or access points has handsets that move,
// and TN mode sends the address of the number (F-20).
func (c *checker) noHandsets(v e911.Site) {
	found := false
	c.each(admin.Query{Kind: e911.KindBuilding, Org: v.Org, Field: admin.BySite, Value: string(v.ID)}, func(b any) bool {
		c.each(admin.Query{Kind: e911.KindLocation, Org: v.Org, Field: admin.ByBuilding, Value: string(b.(e911.Building).ID)}, func(l any) bool {
			c.each(admin.Query{Kind: e911.KindElement, Org: v.Org, Field: admin.ByLocation, Value: string(l.(e911.Location).ID)}, func(x any) bool {
				kind := x.(e911.Element).Kind
				found = kind == e911.ElementBSSID || kind == e911.ElementDECTBase || kind == e911.ElementAP
				return !found
			})
			return !found
		})
		return !found
	})
	if found {
		c.add("mode", Forbidden, "TN mode is for devices that do not move, and the site has radio that handsets and laptops use (F-20)",
			`use dynamic, or record who accepts it: mode_acknowledged: {by: "...", at: 2026-01-31}`)
	}
}

// alternates checks the PSAPs that take another's calls (F-23).
func (c *checker) alternates(v e911.PSAP) {
	if len(v.Alternates) > 0 && v.Relay {
		c.add("alternates", Forbidden, "a relay centre has no alternates", "add another relay centre")
		return
	}
	if len(v.Alternates) > mostAlternates {
		c.add("alternates", Range, fmt.Sprintf("a PSAP has up to %d alternates", mostAlternates), "keep those that would answer")
	}
	for i, a := range v.Alternates {
		at := fmt.Sprintf("alternates[%d]", i)
		same := func(o e911.PSAPAlternate) bool { return o.PSAP == a.PSAP }
		p, ok := lookup[e911.PSAP](c, e911.KindPSAP, "", string(a.PSAP))
		switch {
		case a.PSAP == v.ID || slices.ContainsFunc(v.Alternates[:i], same):
			c.add(at+".psap", Duplicate, "the PSAP takes these calls already", "remove one")
		case a.PSAP == "":
			c.add(at+".psap", Required, "somebody answers", "name a PSAP")
		case !ok && c.err == nil:
			c.add(at+".psap", Unknown, "there is no such PSAP", "name one of world.psaps")
		case ok && p.Relay:
			c.add(at+".psap", Forbidden, "the relay centre takes what no PSAP takes, after all others", "name a PSAP")
		case ok && v.Boundary.Demonstration():
			c.staysHere(at+".psap", p)
		}
		if a.Agreement == "" {
			c.add(at+".agreement", Required, "calls go to another PSAP only by an agreement with it (F-23)", "write who agreed to it, when, and where the paper is")
		} else {
			c.text(at+".agreement", a.Agreement, true)
		}
	}
}

func (c *checker) staysHere(at string, p e911.PSAP) {
	for _, id := range p.Routes {
		if t, ok := lookup[e911.Trunk](c, e911.KindTrunk, "", string(id)); ok && !ladder.StaysHere(t) {
			c.add(at, Forbidden, fmt.Sprintf("calls of a demonstration would reach a real PSAP by the trunk %s (F-23)", t.Key), "name a PSAP on this machine")
		}
	}
}

// reach checks whose callers a relay centre takes, and in which languages.
func (c *checker) reach(v e911.PSAP) {
	if !v.Relay && len(v.Countries)+len(v.Languages) > 0 {
		c.add("countries", Forbidden, "only a relay centre takes callers by their country", "remove countries and languages")
		return
	}
	for i, s := range v.Countries {
		at := fmt.Sprintf("countries[%d]", i)
		if len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			c.add(at, Syntax, fmt.Sprintf("%q is no country", s), "write its two letters of ISO 3166, as US or CA")
		} else if slices.Contains(v.Countries[:i], s) {
			c.add(at, Duplicate, "the country stands here twice", "remove one")
		}
	}
	for i, s := range v.Languages {
		at := fmt.Sprintf("languages[%d]", i)
		if len(s) < 2 || len(s) > 3 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
			c.add(at, Syntax, fmt.Sprintf("%q is no language", s), "write its letters of RFC 5646, as en or fr")
		} else if slices.Contains(v.Languages[:i], s) {
			c.add(at, Duplicate, "the language stands here twice", "remove one")
		}
	}
}
