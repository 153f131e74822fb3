package emergency

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/snapshot"
)

// inquiry is one INVITE as it is decided, before its first leg: whose call it
// is, who calls, from where, and by which routes it would go. Calls and Foresee
// decide by it, so that what is foretold of a call is what it does.
type inquiry struct {
	snap  *snapshot.Snapshot
	org   *snapshot.Org
	req   *sipedge.Request
	at    time.Time
	class e911.CallClass
	trunk e911.Trunk // zero: the source is known by its address alone
	known bool       // trunk is set

	locator Locator         // none: nobody to ask
	people  People          // none: nobody said anything
	phones  Phones          // none: none registers
	phone   registrar.Phone // that the call comes from; zero: none of ours
	// authority is what an authority said of places; none: nothing.
	authority Authority
	checks    Passports   // none: signatures are not looked at
	callbacks Callbacks   // none: nobody is called back
	loan      e911.CallID // whom an ELIN is lent to; none: nobody
	now       func() time.Time
	targets   func(e911.Trunk) []ladder.Target
	log       *slog.Logger
	alarm     func(code AlarmCode, detail string)

	before  *journal.Located // where a call was that is gone on with; nil: it is new
	foreign Foreign          // none: other location servers are not asked
	others  foreigners
	asOf    time.Time // of a look after the start; zero: at
	devices []string  // that evidence of where the caller is may come from

	dec decision
}

// inquire begins an inquiry by a snapshot, with all that the handler knows. Its
// log and alarm are the asker's to set.
func (h *Handler) inquire(snap *snapshot.Snapshot, req *sipedge.Request) inquiry {
	c := inquiry{
		snap: snap, org: new(snapshot.Org), req: req, at: req.At,
		locator: h.cfg.Locator, people: h.cfg.People, phones: h.cfg.Phones, authority: h.cfg.Authority, checks: h.cfg.Passports, callbacks: h.cfg.Callbacks, foreign: h.cfg.Foreign, now: h.cfg.Now, targets: func(t e911.Trunk) []ladder.Target { return h.cfg.Trunks.Targets(t) }, log: h.cfg.Log,
	}
	if c.at.IsZero() {
		c.at = h.cfg.Now()
	}
	return c
}

// begin finds what is dialled, and whose call it is. It reports false for a
// call that is no emergency.
func (c *inquiry) begin() bool {
	found, ok := dialplan.Find(c.req.URI)
	c.guard("source", c.source)
	c.guard("registration", c.registration)
	if !ok {
		c.guard("home numbers", func() { found, ok = c.homeNumber() })
	}
	if !ok {
		return false
	}
	c.class = found.Class
	c.dec.flag(found.Prefixed != "", FlagPrefixed)
	return true
}

// homeNumber finds 112, 999 and the like: for callers of an organisation that
// has buildings where help is called so (RFC 6881, section 5). For all others it
// is an extension like any other (F-37).
func (c *inquiry) homeNumber() (dialplan.Match, bool) {
	countries := c.org.Countries()
	if len(countries) == 0 {
		return dialplan.Match{}, false
	}
	m, ok := dialplan.NewPlan(countries...).Find(c.req.URI)
	if ok {
		c.dec.messageFindings = append(c.dec.messageFindings, e911.Finding{
			Rule: "home_number", Said: m.Number, Chosen: true, Why: "an emergency number of " + m.Country + ", where the organisation has buildings",
		})
	}
	return m, ok
}

// source finds whose call it is.
func (c *inquiry) source() {
	from := c.req.Source.Addr().Unmap()
	t, proved, ok := c.fromTrunk(from)
	if ok {
		c.trunk, c.known = t, true
		c.dec.flag(!proved, FlagUnauthenticated)
		if o := c.snap.Org(t.Org); o != nil {
			c.org = o
		}
		c.namedOrg()
		return
	}
	c.dec.flag(true, FlagUnauthenticated)
	if orgs := c.snap.OrgsByAddress(from); len(orgs) == 1 {
		c.org = orgs[0]
	}
}

// fromTrunk is the trunk that the call comes by: the one that the edge made out,
// by a proof or a claim, else that of the certificate or the address. A call is
// not proved when its trunk has credentials and showed none that are good.
func (c *inquiry) fromTrunk(from netip.Addr) (t e911.Trunk, proved, ok bool) {
	who := c.req.Who
	if t, ok = c.snap.Trunk(e911.TrunkID(who.Who)); ok {
		inRanges, byAddress := c.snap.TrunkBySource(from)
		proved = who.Proved || byAddress && inRanges.ID == t.ID && t.Admit.User == ""
		c.knownBy(t, who.How)
		return t, proved, true
	}
	if t, ok = c.snap.TrunkByCertificate(c.req.Peer); ok { // a proof, where an address is a claim
		c.knownBy(t, "its client certificate")
		return t, true, true
	}
	if t, ok = c.snap.TrunkBySource(from); ok {
		c.knownBy(t, "its address")
	}
	return t, t.Admit.User == "", ok
}

func (c *inquiry) knownBy(t e911.Trunk, how string) {
	c.dec.messageFindings = append(c.dec.messageFindings, e911.Finding{Rule: "trunk", Chosen: true, Said: t.Key, Why: "known by " + how})
}

// namedOrg follows the header in which a platform names the organisation, from
// trunks that are marked as serving many; from others it is compared and said.
// Tenants are walls: a trunk that is not marked speaks for its own one (E14).
func (c *inquiry) namedOrg() {
	ids := identify.OrgIDs(c.req.Headers)
	if c.trunk.Side != e911.SidePlatform || len(ids) == 0 {
		return
	}
	f := e911.Finding{Rule: "organisation_header", Said: clip(ids[0], 64)}
	o := c.snap.OrgByCompanyID(ids[0])
	switch {
	case len(ids) > 1:
		f.Why = "several organisations are named: the call is the trunk's own organisation's"
	case o != nil && o.ID() == c.org.ID():
		f.Chosen, f.Why = true, "the trunk's own organisation"
	case !c.trunk.Marked(e911.MarkManyOrgs):
		f.Why = "it is not the trunk's organisation, and the trunk is not marked as serving many: not followed"
	case o == nil:
		f.Why = "no organisation has this id; it must match as a whole: the call is the trunk's own organisation's"
	default:
		c.org = o
		f.Chosen, f.Why = true, "the organisation that the platform names"
	}
	c.dec.flag(!f.Chosen, FlagUnknownOrg)
	c.dec.messageFindings = append(c.dec.messageFindings, f)
}

// registration finds the telephone that the call comes from. It is no other
// organisation's than that of the trunk in front of it.
func (c *inquiry) registration() {
	if c.phones == nil {
		return
	}
	p, ok := c.phones.Phone(c.req)
	if !ok || c.known && p.Org != c.org.ID() {
		return
	}
	o := c.snap.Org(p.Org)
	if o == nil {
		return
	}
	c.org, c.phone = o, p
	if p.Registered && !c.known {
		c.dec.flags = slices.DeleteFunc(c.dec.flags, func(f string) bool { return f == FlagUnauthenticated })
	}
}

// guard runs f and reports false when it panicked, after raising an alarm.
func (c *inquiry) guard(what string, f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			ok = false
			// The value of a panic may hold a caller's data; where it happened
			// does not.
			c.log.Error("recovered in a call", slog.String("in", what), slog.String("stack", string(debug.Stack())))
			c.alarm(AlarmPanic, fmt.Sprintf("a fault in %q was recovered; the call goes on without it", what))
		}
	}()
	f()
	return true
}
