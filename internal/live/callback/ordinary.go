package callback

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callbackflow"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/snapshot"
)

// asked is an INVITE that is no emergency call.
type asked struct {
	req      *sipedge.Request
	snap     *snapshot.Snapshot
	trunk    e911.Trunk
	known    bool // by a trunk
	org      e911.OrgID
	number   e911.Number
	verified bool // a trunk that may brings it as a PSAP's callback (F-11)
	now      time.Time
}

// mine reports whether the caller may speak of an organisation: tenants are walls
// (E14). Carriers serve them all.
func (a *asked) mine(org e911.OrgID) bool {
	return a.org == "" || a.org == org || a.known && a.trunk.Marked(e911.MarkManyOrgs)
}

// Serve owns an INVITE that is no emergency call until it is over.
func (s *Service) Serve(ctx context.Context, leg emergency.Caller) {
	req := leg.Request()
	if fw, ok := s.forwarded(req); ok {
		s.serveForwarded(ctx, leg, fw)
		return
	}
	a := asked{req: req, snap: s.cfg.Snapshot.Load(), now: s.cfg.Now()}
	if !s.admit(&a, leg) {
		return
	}
	if dialplan.Crisis(req.URI) && s.crisis(ctx, leg, &a) {
		return
	}
	refuse := func(code int, reason string) { _ = leg.Reject(code, reason, nil) }
	number, ok := identify.LineOf(req.URI)
	if !ok {
		refuse(404, "Not Found: only emergency calls are carried here, and calls back from PSAPs")
		return
	}
	a.number = number
	if strings.TrimSpace(req.Headers.Get("Max-Forwards")) == "0" {
		refuse(483, "Too Many Hops")
		return
	}
	s.awaitRestored(ctx)
	all := s.bounds(&a)
	if len(all) == 0 && s.cfg.Nodes != nil && s.cfg.Nodes.Ask(ctx, number) {
		all = s.bounds(&a)
	}
	p, found := s.plan(&a, all)
	switch {
	case found:
		s.carry(ctx, leg, &a, p)
	case s.table.busy(number, a.mine):
		// F-12: the telephone is in an emergency call; only the number that the PSAP
		// has gets through.
		refuse(486, "Busy Here")
	default:
		refuse(404, "Not Found: only emergency calls are carried here, and calls back from PSAPs")
	}
}

// admit finds who calls; false: it was answered.
func (s *Service) admit(a *asked, leg emergency.Caller) bool {
	a.trunk, a.known = a.snap.Trunk(e911.TrunkID(a.req.Who.Who))
	if !a.known {
		a.trunk, a.known = a.snap.TrunkByCertificate(a.req.Peer)
	}
	if !a.known {
		a.trunk, a.known = a.snap.TrunkBySource(a.req.Source.Addr().Unmap())
	}
	if a.known {
		a.org = a.trunk.Org
		a.verified = strings.EqualFold(strings.TrimSpace(a.req.Headers.Get("Priority")), "psap-callback") &&
			(a.trunk.Marked(e911.MarkPSAPCallbacks) || s.signed(a))
		return true
	}
	if s.cfg.Phones != nil {
		p, challenge, ok := s.cfg.Phones.Prove(a.req)
		if ok {
			a.org = p.Org
			return true
		}
		if len(challenge) > 0 {
			_ = leg.Reject(407, "Proxy Authentication Required", challenge)
			return false
		}
	}
	_ = leg.Reject(404, "Not Found", nil)
	return false
}

// signed reports a signature that vouches for a PSAP's callback to the number. A
// fault in it costs the proof, not the call.
func (s *Service) signed(a *asked) (proved bool) {
	identity := a.req.Headers.All("Identity")
	if s.cfg.Passports == nil || len(identity) == 0 {
		return false
	}
	defer func() {
		if recover() != nil {
			proved = false
		}
	}()
	to, _ := identify.LineOf(a.req.URI)
	for _, v := range s.cfg.Passports.Check(identity, string(identify.Asserted(a.req.Headers)), string(to), "", a.now) {
		proved = proved || v.PSAPCallback()
	}
	return proved
}

// bounds are the calls that the number leads back to.
func (s *Service) bounds(a *asked) []bound {
	others := func(b bound) bool { return !a.mine(b.org) }
	all := slices.DeleteFunc(s.table.held(a.number, a.now), others)
	if len(all) == 0 && a.verified {
		all = slices.DeleteFunc(s.table.heldLine(a.number, a.now), others)
	}
	return all
}

// plan is whom a callback rings, in groups.
type plan struct {
	org    e911.OrgID
	calls  []bound // the newest first; none: at the default point
	kind   string
	groups [][]party
	why    string
	people bool // are told: it is likely that a PSAP calls
	// private: it is no callback, and no fact is kept of it. Its legs are ordinary, by
	// a policy of its own, from the number in from.
	private bool
	policy  callbackflow.Policy
	from    e911.Number
	// forwarded: the PSAP called another node, which has all but the telephone.
	forwarded bool
}

// plan decides whether a call is a callback, and whom it rings (F-11, F-12).
func (s *Service) plan(a *asked, all []bound) (plan, bool) {
	if len(all) == 0 {
		return s.defaultPoint(a)
	}
	b := all[0]
	o := a.snap.Org(b.org)
	if o == nil {
		return plan{}, false
	}
	f := &finder{s: s, snap: a.snap, org: o, came: a.trunk.ID, to: a.number}
	p := plan{org: b.org, calls: all, kind: b.given.Kind, people: true, why: "in the window of the call, whatever its headers"}
	var devices, users, desks []party
	for i := range all {
		x := &all[i]
		devices = append(devices, f.device(*x)...)
		users = append(users, f.number(rungUser, x.given.Own, x.given.Site, x)...)
		desks = append(desks, f.number(rungDesk, x.given.Desk, x.given.Site, x)...)
	}
	switch {
	case p.kind == journal.NumberShared && !a.verified:
		p.why = "a number of many, and nothing says that a PSAP calls: its usual way, and who called and the desk with it"
		p.people = s.fromPSAP(a, b)
		usual := f.number(rungUsual, a.number, b.given.Site, &b)
		p.groups = [][]party{slices.Concat(usual, devices, desks), users}
	case len(all) > 1 || b.given.Crowded:
		p.why = "several callers have the number: all ring together, and the desk"
		p.groups = [][]party{slices.Concat(devices, desks), users}
	default:
		p.groups = [][]party{devices, users, desks}
	}
	p.groups = distinct(p.groups)
	return p, true
}

// fromPSAP reports that the caller's number is the line of the PSAP that had the
// call.
func (s *Service) fromPSAP(a *asked, b bound) bool {
	line := b.given.People.PSAPLine
	for _, name := range []string{"P-Asserted-Identity", "From"} {
		for _, v := range a.req.Headers.All(name) {
			if n, ok := identify.LineOf(v); ok && line != "" && n == line {
				return true
			}
		}
	}
	return false
}

// defaultPoint is for an ELIN that leads to nobody any more, and for a verified
// callback to any of our numbers: the number's usual way, and the security desk.
func (s *Service) defaultPoint(a *asked) (plan, bool) {
	for o := range a.snap.Orgs() {
		if !a.mine(o.ID()) {
			continue
		}
		n, ok := o.Number(a.number)
		if !ok || !n.ELIN && !a.verified {
			continue
		}
		f := &finder{s: s, snap: a.snap, org: o, came: a.trunk.ID, to: a.number}
		p := plan{org: o.ID(), people: a.verified, why: "no call of this window had the number: the default point"}
		var usual, desk []party
		if !n.ELIN {
			usual = f.number(rungUsual, n.Number, n.Site, nil)
		}
		if st, ok := o.Site(n.Site); ok {
			desk = f.number(rungDesk, deskOf(st), st.ID, nil)
		}
		p.groups = distinct([][]party{slices.Concat(usual, desk)})
		return p, true
	}
	return plan{}, false
}

// deskOf is the number that a site's security desk answers.
func deskOf(st e911.Site) e911.Number {
	return cmp.Or(st.Callback(), st.MainNumber)
}
