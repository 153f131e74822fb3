package callback

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Who is rung, as the record says it.
const (
	rungDevice = "device" // the telephone that called, by its registration or its call
	rungLine   = "line"   // the same by the platform that it called by
	rungUser   = "user"   // the user's own callback number
	rungDesk   = "desk"   // the site's security desk
	rungUsual  = "usual"  // where the number leads without an emergency
)

// way is one way to somebody.
type way struct {
	uri    string
	to     ladder.Target // by a trunk
	flow   sipedge.Flow  // to a telephone, instead
	trunk  e911.Trunk
	target bool // to is one of the trunk's own targets, whose state is kept
	// forward: to is another node, and this tells it whom to ring.
	forward string
}

// party is somebody who is rung, and by which ways in turn.
type party struct {
	what string
	name string // number or address, for the record and to tell two apart
	ways []way
}

// finder collects whom a callback rings.
type finder struct {
	s    *Service
	snap *snapshot.Snapshot
	org  *snapshot.Org
	came e911.TrunkID // by which the callback came
	to   e911.Number  // that it called
	here bool         // no other node is asked to ring anybody
}

// device is the telephone that called: its registered contact, other contacts of
// the same telephone where that one is gone (F-30), the way that its call came,
// or its line at the platform.
func (f *finder) device(b bound) (out []party) {
	g := b.given
	if g.Trunk != "" {
		return f.line(b)
	}
	for _, c := range f.contacts(g) {
		out = append(out, party{what: rungDevice, name: c.Contact, ways: []way{{uri: c.Contact, flow: c.Flow}}})
	}
	if out == nil && b.flow.Valid() && g.Contact != "" {
		out = append(out, party{what: rungDevice, name: g.Contact, ways: []way{{uri: g.Contact, flow: b.flow}}})
	}
	return append(out, f.away(b, out == nil)...)
}

// account is the registered telephone's user part.
func (f *finder) account(g journal.Given) string {
	if g.Account != "" {
		return g.Account
	}
	if d, ok := f.org.Device(g.Device); ok && d.SIP != nil {
		return d.SIP.User
	}
	return ""
}

func (f *finder) contacts(g journal.Given) []registrar.Binding {
	if f.s.cfg.Phones == nil {
		return nil
	}
	account := f.account(g)
	if account == "" {
		return nil
	}
	all := slices.DeleteFunc(f.s.cfg.Phones.Bindings(f.org.ID(), account), func(b registrar.Binding) bool { return !b.Flow.Valid() })
	same := slices.DeleteFunc(slices.Clone(all), func(b registrar.Binding) bool {
		if g.Instance != "" {
			return b.Instance != g.Instance
		}
		return b.Contact != g.Contact
	})
	if len(same) > 0 {
		return same
	}
	return all
}

// line is the caller's line at the platform that the call came by.
func (f *finder) line(b bound) []party {
	t, ok := f.snap.Trunk(b.given.Trunk)
	user := b.given.Extern
	if !ok || user == "" {
		return nil
	}
	if n, err := e911.ParseNumber(user); err == nil && f.loops(t, n) {
		return nil
	}
	p := party{what: rungLine, name: user, ways: f.platform(t, user, &b)}
	if w, ok := f.connected(b); ok {
		// What leads to the platform wherever it is asked comes before it.
		at := slices.IndexFunc(p.ways, func(w way) bool { return !w.target })
		if at < 0 {
			at = len(p.ways)
		}
		p.ways = slices.Insert(p.ways, at, w)
		p.name += " at " + b.given.Contact // two telephones may be rung by that one way
	}
	if len(p.ways) == 0 {
		return nil
	}
	return []party{p}
}

// loops: the same number by the trunk that it came by would come back.
func (f *finder) loops(t e911.Trunk, n e911.Number) bool { return t.ID == f.came && n == f.to }

// platform lists the ways to a user of a platform: its targets where it has
// some; by the connection that the call came on; by its Contact, when that is an
// address of the platform's; by the address that it called from.
func (f *finder) platform(t e911.Trunk, user string, b *bound) (out []way) {
	for _, to := range f.targets(t) {
		out = append(out, way{uri: withUser(to.URI, user), to: to, trunk: t, target: true})
	}
	add := func(addr netip.AddrPort, transport string) {
		uri := "sip:" + user + "@" + addr.String()
		if transport != "udp" {
			uri += ";transport=" + transport
		}
		w := way{uri: uri, trunk: t, to: ladder.Target{URI: uri, Addr: addr, Transport: transport}}
		if transport == "tls" {
			w.to.ServerName = serverName(t, addr)
		}
		if !slices.ContainsFunc(out, func(o way) bool { return o.to.Addr == addr }) {
			out = append(out, w)
		}
	}
	if b == nil || b.given.Trunk != t.ID {
		for _, p := range t.From {
			if p.IsSingleIP() {
				add(netip.AddrPortFrom(p.Addr(), sipPort), "tcp")
			}
		}
		return out
	}
	g := b.given
	source, err := netip.ParseAddrPort(g.Source)
	if err != nil {
		return out
	}
	if b.flow.Valid() && g.Network != "udp" {
		out = append(out, way{uri: "sip:" + user + "@" + source.Addr().String(), flow: b.flow, trunk: t})
	}
	network := g.Network
	if network == "ws" || network == "wss" {
		return out // such a platform is reached by its connection alone
	}
	if a, ok := hostOf(g.Contact); ok && slices.ContainsFunc(slices.Concat(t.From, t.DRFrom), func(p netip.Prefix) bool { return p.Contains(a.Addr()) }) {
		add(a, network)
	}
	if network == "udp" {
		add(source, network)
	}
	add(netip.AddrPortFrom(source.Addr(), sipPort), network)
	return out
}

const sipPort = 5060

// serverName is what a platform's certificate must name.
func serverName(t e911.Trunk, addr netip.AddrPort) string {
	for _, c := range t.Certificates {
		if !strings.HasPrefix(c, "sha256:") {
			return c
		}
	}
	return addr.Addr().String()
}

// hostOf is the address in a SIP URI, where its host is one.
func hostOf(uri string) (netip.AddrPort, bool) {
	_, rest, _ := strings.Cut(uri, ":")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "?")
	if a, err := netip.ParseAddrPort(rest); err == nil {
		return a, true
	}
	a, err := netip.ParseAddr(strings.Trim(rest, "[]"))
	return netip.AddrPortFrom(a, sipPort), err == nil
}

// withUser gives a SIP URI another user part.
func withUser(uri, user string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri
	}
	if _, host, has := strings.Cut(rest, "@"); has {
		rest = host
	}
	return scheme + ":" + user + "@" + rest
}

// targets are where a trunk's calls go, as far as an address is known.
func (f *finder) targets(t e911.Trunk) []ladder.Target {
	if f.s.cfg.Trunks != nil {
		return slices.DeleteFunc(f.s.cfg.Trunks.Targets(t), func(to ladder.Target) bool { return !to.Addr.IsValid() })
	}
	if a, ok := hostOf(t.To); ok && t.To != "" {
		transport := "tcp"
		if strings.Contains(strings.ToLower(t.To), "transport=udp") {
			transport = "udp"
		}
		return []ladder.Target{{URI: t.To, Addr: a, Transport: transport}}
	}
	return nil
}

// number is somebody by his number: telephones of that line that registered
// here; the platform, for a number of the organisation; the site's own trunks.
func (f *finder) number(what string, n e911.Number, site e911.SiteID, b *bound) (out []party) {
	if n == "" {
		return nil
	}
	if f.s.cfg.Phones != nil {
		for d := range f.org.Devices() {
			if d.SIP == nil || d.SIP.Line != n {
				continue
			}
			for _, c := range f.s.cfg.Phones.Bindings(f.org.ID(), d.SIP.User) {
				if c.Flow.Valid() {
					out = append(out, party{what: what, name: c.Contact, ways: []way{{uri: c.Contact, flow: c.Flow}}})
				}
			}
		}
	}
	if out != nil {
		return out
	}
	var ways []way
	for _, t := range f.trunksFor(n, site, b) {
		if f.loops(t, n) {
			continue
		}
		user := convey.Format(n, t)
		if t.Side == e911.SidePlatform {
			ways = append(ways, f.platform(t, user, b)...)
			continue
		}
		for _, to := range f.targets(t) {
			ways = append(ways, way{uri: withUser(to.URI, user), to: to, trunk: t, target: true})
		}
	}
	if len(ways) == 0 {
		return nil
	}
	return []party{{what: what, name: string(n), ways: ways}}
}

// trunksFor orders the organisation's trunks for a number: for one of its own the
// platform first, that of the call before others; else the site's PSTN trunks.
func (f *finder) trunksFor(n e911.Number, site e911.SiteID, b *bound) []e911.Trunk {
	var platforms, local []e911.Trunk
	if st, ok := f.org.Site(site); ok {
		for _, id := range st.Local {
			if t, ok := f.snap.Trunk(id); ok {
				local = append(local, t)
			}
		}
	}
	for t := range f.org.Trunks() {
		switch t.Side {
		case e911.SidePlatform:
			platforms = append(platforms, t)
		case e911.SideLocal:
			if len(local) == 0 {
				local = append(local, t)
			}
		}
	}
	first := func(t e911.Trunk) int {
		if b != nil && t.ID == b.given.Trunk {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(platforms, func(x, y e911.Trunk) int { return cmp.Or(cmp.Compare(first(x), first(y)), cmp.Compare(x.Key, y.Key)) })
	if f.ours(n) {
		return append(platforms, local...)
	}
	return append(local, platforms...)
}

// ours reports a number of the organisation.
func (f *finder) ours(n e911.Number) bool {
	if _, ok := f.org.Number(n); ok {
		return true
	}
	for st := range f.org.Sites() {
		if st.ECBN == n || st.MainNumber == n {
			return true
		}
	}
	return false
}

// distinct leaves out who is in an earlier group already, or twice in one.
func distinct(groups [][]party) (out [][]party) {
	seen := map[string]bool{}
	for _, g := range groups {
		var kept []party
		for _, p := range g {
			key := p.name + " " + p.ways[0].uri
			if !seen[key] {
				seen[key] = true
				kept = append(kept, p)
			}
		}
		if len(kept) > 0 {
			out = append(out, kept)
		}
	}
	return out
}
