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
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// AlarmCrisis says that a call to 988 was connected by no trunk. It names no caller:
// who dials 988 is nobody's business (W-12).
const AlarmCrisis = "crisis_line_unreachable"

// crisisNumber is what a trunk is dialled with, whatever prefix came in.
const crisisNumber = "988"

// crisisPolicy: the next trunk is tried when one fails or says nothing for as long as
// TDM may take (F-02). One that rings is left to ring: two calls to the lifeline at
// once help nobody.
var crisisPolicy = callbackflow.Policy{Next: time.Hour, Silent: 10 * time.Second, GiveUp: 10 * time.Minute}

// crisis carries a call to 988, the suicide and crisis lifeline of the United States
// and Canada, from a telephone or platform of an organisation's: an ordinary call by
// the trunks of the caller's site, then of others, then by another platform (F-22).
// Nobody is alerted and nothing is recorded of it (W-12). False: it is no such call.
func (s *Service) crisis(ctx context.Context, leg emergency.Caller, a *asked) bool {
	if a.known && a.trunk.Side != e911.SidePlatform {
		return false // from the telephone network: not ours to pass on
	}
	who, ok := s.crisisCaller(a)
	if !ok {
		return false
	}
	if strings.TrimSpace(a.req.Headers.Get("Max-Forwards")) == "0" {
		_ = leg.Reject(483, "Too Many Hops", nil)
		return true
	}
	p := plan{org: who.f.org.ID(), private: true, policy: crisisPolicy, from: who.line, why: "988"}
	for _, t := range who.trunks() {
		var ways []way
		if t.Side == e911.SidePlatform {
			ways = who.f.platform(t, crisisNumber, nil)
		}
		for _, to := range who.f.targets(t) {
			if t.Side != e911.SidePlatform {
				ways = append(ways, way{uri: withUser(to.URI, crisisNumber), to: to, trunk: t, target: true})
			}
		}
		if len(ways) > 0 {
			p.groups = append(p.groups, []party{{what: rungUsual, name: t.Key, ways: ways}})
		}
	}
	if len(p.groups) == 0 {
		s.alarm(p.org, "", journal.Alarm{Code: AlarmCrisis, Detail: "988 was dialled, and no trunk leads to the telephone network: give a site a trunk of side local"})
		_ = leg.Reject(503, "Service Unavailable: no trunk leads to the telephone network", nil)
		return true
	}
	s.carry(ctx, leg, a, p)
	return true
}

// crisisFrom is who dials 988, as far as the way of the call depends on it.
type crisisFrom struct {
	f    *finder
	site e911.SiteID // none: not known
	line e911.Number // that goes out; none: as the call says
}

// crisisCaller finds the organisation, the site and the line of a caller; false in a
// country where 988 is another number.
func (s *Service) crisisCaller(a *asked) (crisisFrom, bool) {
	line := identify.Asserted(a.req.Headers)
	org := a.snap.Org(a.org)
	if org == nil {
		for o := range a.snap.Orgs() { // a platform of many organisations
			if _, ok := o.Number(line); ok && line != "" {
				org = o
				break
			}
		}
	}
	if org == nil {
		return crisisFrom{}, false
	}
	who := crisisFrom{f: &finder{s: s, snap: a.snap, org: org, came: a.trunk.ID}, line: line}
	if !a.known && s.cfg.Phones != nil {
		who.line = ""
		if b, ok := s.cfg.Phones.Caller(a.req); ok {
			if d, ok := org.DeviceBySIPUser(b.User); ok {
				who.site, who.line = d.Site, d.SIP.Line
			}
		}
	}
	if n, ok := org.Number(who.line); ok {
		who.site = n.Site
	}
	if st, ok := org.Site(who.site); ok {
		who.line = cmp.Or(who.line, st.MainNumber, st.Callback())
	}
	for _, p := range org.BuildingPlaces(who.site) {
		if !ladder.Served(p.Civic.Country) {
			return who, false
		}
	}
	return who, true
}

// trunks are those of the caller's site, of other sites, others of side local, and
// platforms that the call did not come from.
func (w *crisisFrom) trunks() (out []e911.Trunk) {
	here := w.f.org.Config().Demonstration
	add := func(t e911.Trunk, ok bool) {
		same := func(o e911.Trunk) bool { return o.ID == t.ID }
		if ok && t.ID != w.f.came && (!here || ladder.StaysHere(t)) && !slices.ContainsFunc(out, same) {
			out = append(out, t)
		}
	}
	var sites []e911.Site
	for st := range w.f.org.Sites() {
		sites = append(sites, st)
	}
	mine := func(st e911.Site) int {
		if st.ID == w.site {
			return 0
		}
		return 1
	}
	slices.SortFunc(sites, func(x, y e911.Site) int { return cmp.Or(cmp.Compare(mine(x), mine(y)), cmp.Compare(x.Key, y.Key)) })
	for _, st := range sites {
		for _, id := range st.Local {
			add(w.f.snap.Trunk(id))
		}
	}
	var rest []e911.Trunk
	for t := range w.f.org.Trunks() {
		if t.Side == e911.SideLocal || t.Side == e911.SidePlatform {
			rest = append(rest, t)
		}
	}
	slices.SortFunc(rest, func(x, y e911.Trunk) int { return cmp.Or(cmp.Compare(x.Side, y.Side), cmp.Compare(x.Key, y.Key)) })
	for _, t := range rest {
		add(t, true)
	}
	return out
}

// ordinaryInvite is what a leg of a private call is sent: nothing of an emergency.
// The caller's wish for privacy goes with it.
func (b *back) ordinaryInvite(w way) sipedge.Invite {
	req := b.a.req
	user := userOf(identify.AddrSpec(req.Headers.Get("From")))
	if b.p.from != "" {
		user = convey.Format(b.p.from, w.trunk)
	}
	if user == "" || strings.ContainsAny(user, "<>\"@ \t") {
		user = "anonymous"
	}
	in := sipedge.Invite{
		URI: w.uri, Dest: w.to.Addr, Transport: w.to.Transport, ServerName: w.to.ServerName, Flow: w.flow,
		From: "<sip:" + user + "@" + b.s.cfg.Domain + ">", To: "<" + w.uri + ">", Body: req.Body, ContentType: req.ContentType,
		Headers: sipedge.Headers{{Name: "Max-Forwards", Value: b.maxForwards()}},
	}
	if user != "anonymous" {
		in.Headers = append(in.Headers, sipedge.Header{Name: "P-Asserted-Identity", Value: "<sip:" + user + "@" + b.s.cfg.Domain + ">"})
	}
	if v := req.Headers.Get("Privacy"); v != "" {
		in.Headers = append(in.Headers, sipedge.Header{Name: "Privacy", Value: clip(v)})
	}
	return in
}
