package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// The shortest prefixes that are believed: a slip such as 0.0.0.0/0 in a
// trunk's sources would make an open relay of us (E1).
const (
	widest4 = 8 // address ranges of an organisation
	widest6 = 20
	trunk4  = 16 // the sources of a trunk
	trunk6  = 32
)

func (c *checker) trunk(v e911.Trunk) {
	c.key(v.Key)
	switch v.Side {
	case e911.SidePlatform:
		c.platformTrunk(v)
	case e911.SideCarrier, e911.SideRelay, e911.SideESInet:
		if v.Org != "" {
			c.add("side", Forbidden, fmt.Sprintf("a trunk of side %s belongs to nobody alone", v.Side), "put it under world.trunks")
			return
		}
		c.trunkOutward(v)
	case e911.SideLocal:
		if v.Org == "" {
			c.add("side", Forbidden, "a site's own PSTN trunk belongs to an organisation", "put it under the organisation's trunks")
			return
		}
		c.inOrg(v.Org)
		c.trunkOutward(v)
	case "":
		c.add("side", Required, "a trunk leads somewhere", "write platform, carrier, esinet, relay or local")
	default:
		c.add("side", Syntax, fmt.Sprintf("%q is no side of a trunk", v.Side), "write platform, carrier, esinet, relay or local")
	}
	c.trunkRanges(v)
	c.trunkProofs(v)
	c.registration(v)
	c.probeAndRoom(v)
	c.marks(v)
}

func (c *checker) platformTrunk(v e911.Trunk) {
	if v.Org == "" {
		c.add("side", Forbidden, "a platform's trunk belongs to an organisation: its calls are that organisation's", "put it under the organisation's trunks")
		return
	}
	c.inOrg(v.Org)
	for _, f := range []struct{ path, value string }{{"to", v.To}, {"kind", string(v.Kind)}, {"profile", string(v.Profile)}} {
		if f.value != "" {
			c.add(f.path, Forbidden, "calls come in from a platform; none goes out to it", "remove "+f.path)
		}
	}
	if len(v.Targets) > 0 {
		c.add("targets", Forbidden, "calls come in from a platform; none goes out to it", "remove targets")
	}
	if v.National {
		c.add("national", Forbidden, "calls come in from a platform; no number goes out to it", "remove national")
	}
	switch v.Inbound {
	case "", e911.InboundPlain, e911.InboundWebex, e911.InboundCUCM, e911.InboundTeamsSBC, e911.InboundAsterisk, e911.InboundFreeSWITCH:
	case e911.InboundGenesys:
		if v.IdentityHeader == "" {
			c.add("identity_header", Required, "Genesys sends the employee's id in a header of your choice", "write the header's name, such as X-Employee-ID")
		}
	default:
		c.add("inbound", Syntax, fmt.Sprintf("%q is no inbound profile", v.Inbound), "write plain, webex, cucm, genesys, teams_sbc, asterisk or freeswitch")
	}
	if v.IdentityHeader != "" {
		c.identityHeader(v.IdentityHeader)
	}
}

// sipHeaders may not name a caller: each platform fills them for its own ends,
// and some of them for every caller alike.
var sipHeaders = []string{
	"from", "f", "to", "t", "via", "v", "contact", "m", "call-id", "i", "cseq", "max-forwards", "content-length", "l",
	"content-type", "c", "route", "record-route", "require", "supported", "k", "allow", "user-agent", "authorization",
	"proxy-authorization", "geolocation", "geolocation-routing", "p-asserted-identity",
}

func (c *checker) identityHeader(name string) {
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}) {
		c.add("identity_header", Syntax, "a header's name is letters, digits and dashes", "write it as E911-User-ID")
		return
	}
	if slices.Contains(sipHeaders, strings.ToLower(name)) {
		c.add("identity_header", Forbidden, name+" has a meaning of its own in SIP", "use a header that holds the user's id alone, such as E911-User-ID")
	}
}

// routeKinds are the kinds of route by the side of their trunk: who chooses the
// PSAP follows from where it leads (F-23).
var routeKinds = map[e911.TrunkSide]e911.RouteKind{
	e911.SideCarrier: e911.RouteProvider, e911.SideRelay: e911.RouteProvider,
	e911.SideESInet: e911.RouteESInet, e911.SideLocal: e911.RouteLocal,
}

// trunkOutward checks a trunk that calls leave by.
func (c *checker) trunkOutward(v e911.Trunk) {
	switch want := routeKinds[v.Side]; v.Kind {
	case want:
	case "":
		c.add("kind", Required, "somebody chooses the PSAP (F-23)", "write "+string(want))
	case e911.RouteProvider, e911.RouteESInet, e911.RouteLocal:
		c.add("kind", Forbidden, fmt.Sprintf("a trunk of side %s is a route of kind %s (F-23)", v.Side, want), "write "+string(want))
	default:
		c.add("kind", Syntax, fmt.Sprintf("%q is no kind of route", v.Kind), "write "+string(want))
	}
	switch v.Profile {
	case e911.ProfileI3, e911.ProfileCarrier, e911.ProfileELIN, e911.ProfilePlain:
	case "":
		c.add("profile", Required, "the leg must be written in some way", "write carrier, i3, elin or plain")
	default:
		c.add("profile", Syntax, fmt.Sprintf("%q is no header profile", v.Profile), "write carrier, i3, elin or plain")
	}
	for _, f := range []struct{ path, value string }{{"identity_header", v.IdentityHeader}, {"inbound", string(v.Inbound)}} {
		if f.value != "" {
			c.add(f.path, Forbidden, "only a platform says who calls", "remove "+f.path)
		}
	}
	c.destination(v.To)
	c.targets(v)
	if ladder.StaysHere(v) {
		return
	}
	c.staysOnLoopback(v)
	if v.Org != "" && c.demonstration(v.Org) {
		c.add("to", Forbidden, "calls of a demonstration organisation must stay on this machine (F-23)", "use an address of 127.0.0.0/8")
	}
}

// trunkRanges checks the source addresses: a call's organisation follows from
// them, so no two trunks may share one (D-07).
func (c *checker) trunkRanges(v e911.Trunk) {
	if len(v.From) == 0 && (v.Side != e911.SidePlatform || len(v.Certificates) == 0 && v.Admit.User == "") {
		c.add("from", Required, "a trunk is known by the addresses that it sends from", "list them, as [192.0.2.10/32], or give a platform a certificate or a user")
	}
	if v.DRFrom == nil {
		c.add("dr_from", Required, "a trunk must say from where it sends after a disaster (F-10)", "list the addresses of the other site, or write [] when there is none")
	}
	c.prefixes("from", v.From, trunk4, trunk6)
	c.prefixes("dr_from", v.DRFrom, trunk4, trunk6)
	loopbackOnly := v.Org != "" && c.demonstration(v.Org)
	check := func(path string, list []netip.Prefix) {
		for i, p := range list {
			at := fmt.Sprintf("%s[%d]", path, i)
			if !p.IsValid() {
				continue
			}
			if loopbackOnly && !p.Addr().IsLoopback() {
				c.add(at, Forbidden, "a demonstration organisation is called over loopback only (F-23)", "use an address of 127.0.0.0/8")
			}
			c.shared(at, p, v)
		}
	}
	check("from", v.From)
	check("dr_from", v.DRFrom)
	for i, p := range v.DRFrom {
		for _, q := range v.From {
			if p.IsValid() && q.IsValid() && p.Overlaps(q) {
				c.add(fmt.Sprintf("dr_from[%d]", i), Duplicate, fmt.Sprintf("%s is one of the usual addresses already", p), "list only those that are used after a disaster")
			}
		}
	}
}

func (c *checker) shared(path string, p netip.Prefix, v e911.Trunk) {
	if c.err != nil {
		return
	}
	trunks, err := c.view.TrunksFrom(c.ctx, p)
	if err != nil {
		c.err = fmt.Errorf("check trunk sources: %w", err)
		return
	}
	for _, t := range trunks {
		if t.ID == v.ID {
			continue
		}
		whose := "the trunk " + t.Key
		if t.Org != v.Org {
			whose = "a trunk of somebody else" // tenants are walls (E14)
		}
		c.add(path, Duplicate, fmt.Sprintf("%s sends from %s too: a call from there could be either's", whose, p), "give each trunk addresses of its own")
		return
	}
}

// staysOnLoopback keeps the calls of a demonstration away from real carriers:
// what a demonstration layer or a demonstration organisation's relay leads to
// is on this machine (F-23, E12).
func (c *checker) staysOnLoopback(v e911.Trunk) {
	if ladder.StaysHere(v) {
		return
	}
	c.each(admin.Query{Kind: e911.KindPSAP, Field: admin.ByTrunk, Value: string(v.ID)}, func(o any) bool {
		p := o.(e911.PSAP)
		if p.Boundary.Demonstration() || p.Relay && c.anyDemonstration() {
			c.add("to", Forbidden, fmt.Sprintf("calls of a demonstration come here through %s, and they must stay on this machine (F-23)", p.Key),
				"use an address of 127.0.0.0/8, or take the demonstration out")
			return false
		}
		return true
	})
	for _, o := range c.orgs() {
		if o.Demonstration && slices.Contains(o.Carriers, v.ID) {
			c.add("to", Forbidden, fmt.Sprintf("it is a carrier of the demonstration organisation %s, whose calls must stay on this machine (F-23)", o.Key),
				"use an address of 127.0.0.0/8, or take the demonstration out")
			return
		}
	}
}
