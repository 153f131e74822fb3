package check

import (
	"fmt"
	"net/netip"
	"net/url"
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
			if !ok || s.Mode != e911.ModeTN {
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
	case e911.SideCarrier, e911.SideRelay:
		c.worldTrunk(v)
	case e911.SideLocal:
		c.add("side", NotOffered, "a site's own PSTN trunk is not offered by this version", "use platform, carrier or relay")
	case "":
		c.add("side", Required, "a trunk leads somewhere", "write platform, carrier or relay")
	default:
		c.add("side", Syntax, fmt.Sprintf("%q is no side of a trunk", v.Side), "write platform, carrier or relay")
	}
	c.trunkRanges(v)
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

func (c *checker) worldTrunk(v e911.Trunk) {
	if v.Org != "" {
		c.add("side", Forbidden, "a trunk to a 911 carrier or a relay centre belongs to nobody alone", "put it under world.trunks")
		return
	}
	switch v.Kind {
	case e911.RouteProvider:
	case "":
		c.add("kind", Required, "somebody chooses the PSAP (F-23)", "write provider")
	case e911.RouteESInet, e911.RouteLocal:
		c.add("kind", NotOffered, fmt.Sprintf("routes of kind %s are not offered by this version", v.Kind), "use provider")
	default:
		c.add("kind", Syntax, fmt.Sprintf("%q is no kind of route", v.Kind), "write provider")
	}
	switch v.Profile {
	case e911.ProfileCarrier:
	case "":
		c.add("profile", Required, "the leg must be written in some way", "write carrier")
	case "i3", "elin", "plain":
		c.add("profile", NotOffered, fmt.Sprintf("the header profile %s is not offered by this version", v.Profile), "use carrier")
	default:
		c.add("profile", Syntax, fmt.Sprintf("%q is no header profile", v.Profile), "write carrier")
	}
	if v.IdentityHeader != "" {
		c.add("identity_header", Forbidden, "only a platform says who calls", "remove identity_header")
	}
	c.destination(v.To)
	if _, err := TrunkAddr(v.To); err == nil {
		c.staysOnLoopback(v)
	}
}

// TrunkAddr reads where a trunk leads: a SIP URI of which the host is an
// address, because a call cannot wait for a name server (E3).
func TrunkAddr(to string) (netip.AddrPort, error) {
	rest, ok := strings.CutPrefix(to, "sip:")
	if !ok {
		return netip.AddrPort{}, e911.Errorf(e911.Invalid, "it does not begin with sip:")
	}
	rest, params, _ := strings.Cut(rest, ";")
	user, host, ok := strings.Cut(rest, "@")
	if !ok || user == "" || strings.ContainsAny(user, " \t\r\n<>\"@?") {
		return netip.AddrPort{}, e911.Errorf(e911.Invalid, "it has no user part")
	}
	if params != "" && params != "transport=tcp" && params != "transport=udp" {
		return netip.AddrPort{}, e911.Errorf(e911.Invalid, "its only parameter is transport, tcp or udp")
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return netip.AddrPortFrom(a, 5060), nil
	}
	a, err := netip.ParseAddrPort(host)
	if err != nil || a.Port() == 0 {
		return netip.AddrPort{}, e911.Errorf(e911.Invalid, "its host is no address with a port")
	}
	return a, nil
}

func (c *checker) destination(to string) {
	const fix = "write sip:psap@192.0.2.10:5060;transport=tcp"
	if to == "" {
		c.add("to", Required, "calls must go somewhere", fix)
		return
	}
	a, err := TrunkAddr(to)
	if err != nil {
		msg := err.Error()
		if u, perr := url.Parse(to); perr == nil && u.Scheme == "sips" {
			msg = "SIP over TLS is not offered by this version"
		}
		c.add("to", Syntax, "this is no destination of a trunk: "+msg, fix)
		return
	}
	if a.Addr().IsUnspecified() || a.Addr().IsMulticast() {
		c.add("to", Range, "nobody answers at this address", fix)
	}
}

// trunkRanges checks the source addresses: a call's organisation follows from
// them, so no two trunks may share one (D-07).
func (c *checker) trunkRanges(v e911.Trunk) {
	if len(v.From) == 0 {
		c.add("from", Required, "a trunk is known by the addresses that it sends from", "list them, as [192.0.2.10/32]")
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
	a, _ := TrunkAddr(v.To)
	if a.Addr().IsLoopback() {
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
}

func (c *checker) relay(v e911.PSAP) {
	if v.Boundary != (e911.Boundary{}) || len(v.Area) > 0 {
		c.add("boundary", Forbidden, "the relay centre takes calls from everywhere", "remove boundary")
	}
	c.each(admin.Query{Kind: e911.KindPSAP}, func(o any) bool {
		if p := o.(e911.PSAP); p.Relay {
			c.add("relay", Duplicate, "there is a relay centre already: "+p.Key, "change that one")
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
		want := e911.SideCarrier
		if v.Relay {
			want = e911.SideRelay
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
