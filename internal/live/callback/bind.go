package callback

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/rules/elinpool"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Service gives emergency calls their numbers.
var _ emergency.Callbacks = (*Service)(nil)

// Lend implements emergency.Callbacks. Alarms go on the call's record.
func (s *Service) Lend(q emergency.ELINLoan) elinpool.Answer {
	o := s.cfg.Snapshot.Load().Org(q.Org)
	window := s.window(o, siteOf(o, q.Location))
	a, crowded := s.table.lend(
		elinpool.Question{Pool: q.Pool, Node: s.cfg.Node, Window: window, Line: q.Line, Now: q.Now},
		bound{org: q.Org, call: q.Call, at: q.Now, given: journal.Given{
			Kind: journal.NumberELIN, Location: q.Location, Minutes: int(window / time.Minute),
		}})
	if q.Call == "" {
		return a
	}
	for _, b := range crowded {
		s.record(b) // so that both are marked (F-08)
	}
	switch {
	case a.Shared:
		s.alarm(q.Org, q.Call, journal.Alarm{Code: AlarmShared, Count: a.Size, Detail: fmt.Sprintf(
			"%s; a call back rings both callers and the security desk. The location needs more ELINs than %d", a.Why, a.Size)})
	case a.Low && s.tellLow(q.Location, q.Now):
		s.alarm(q.Org, q.Call, journal.Alarm{Code: AlarmLow, Count: a.Used, Detail: fmt.Sprintf(
			"%d of the %d ELINs of a location are lent to calls: give it more", a.Used, a.Size)})
	}
	return a
}

// lowEvery is how often a location that needs more ELINs is told of.
const lowEvery = time.Hour

func (s *Service) tellLow(at e911.LocationID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told, ok := s.low[at]; ok && now.Sub(told) < lowEvery {
		return false
	}
	if len(s.low) >= 10_000 {
		clear(s.low)
	}
	s.low[at] = now
	return true
}

// window is how long after a call its numbers lead back: the site's, else that of
// this node (F-08).
func (s *Service) window(o *snapshot.Org, site e911.SiteID) time.Duration {
	if o == nil {
		return s.cfg.Window
	}
	if st, ok := o.Site(site); ok && st.CallbackWindow > 0 {
		return elinpool.Window(time.Duration(st.CallbackWindow) * time.Minute)
	}
	return s.cfg.Window
}

// siteOf is the site of a location.
func siteOf(o *snapshot.Org, at e911.LocationID) e911.SiteID {
	if o == nil {
		return ""
	}
	if l, ok := o.Location(at); ok {
		if b, ok := o.Building(l.Building); ok {
			return b.Site
		}
	}
	return ""
}

func (s *Service) record(b bound) {
	b.given.Node = b.node
	s.cfg.Journal.Record(journal.New(journal.CallbackBound, s.cfg.Now(), b.org, b.call, b.given))
}

// Bind implements emergency.Callbacks.
func (s *Service) Bind(g emergency.GivenNumber) {
	o := s.cfg.Snapshot.Load().Org(g.Org)
	b := bound{org: g.Org, call: g.Call, sent: true, at: g.At, flow: g.Request.Flow}
	b.given = journal.Given{
		Number: g.Number, Kind: journal.NumberShared, Minutes: int(s.window(o, g.Site) / time.Minute), Line: g.Line, User: g.User, Own: g.Own, Desk: g.Desk,
		Site: g.Site, Device: g.Device, Trunk: g.Trunk.ID, Source: g.Request.Source.String(), Local: g.Request.Local.String(),
		Network: g.Request.Transport, Contact: contactOf(g.Request.Headers), People: g.People,
	}
	switch lent, ok := s.table.lent(g.Call, g.Number); {
	case ok:
		b.given.Kind, b.given.Location, b.given.Crowded, b.at = lent.given.Kind, lent.given.Location, lent.given.Crowded, lent.at
		b.given.Minutes = lent.given.Minutes // for so long nobody else is lent it
	case g.Number == g.Line || g.Number == g.Own:
		b.given.Kind = journal.NumberDirect
	}
	if g.Trunk.ID == "" && s.cfg.Phones != nil {
		if r, ok := s.cfg.Phones.Caller(g.Request); ok && r.Org == g.Org {
			b.given.Account, b.given.Instance, b.given.Contact = r.User, r.Instance, r.Contact
			b.given.Device = cmp.Or(r.Device, b.given.Device)
		}
	} else {
		b.given.Extern = externOf(g)
	}
	b.lines = s.linesOf(o, b.given)
	s.table.put(b, g.At)
	s.record(b)
}

// externOf is how a platform names the caller's line: its number, else the user
// part that it asserts, an extension perhaps.
func externOf(g emergency.GivenNumber) string {
	for _, name := range []string{"P-Asserted-Identity", "From"} {
		for _, v := range g.Request.Headers.All(name) {
			user := userOf(identify.AddrSpec(v))
			if n, err := e911.ParseNumber(user); err == nil && g.Line != "" && n != g.Line {
				continue
			}
			if user != "" {
				return user
			}
		}
	}
	return string(g.Line)
}

// linesOf lists all numbers of the telephone that called.
func (s *Service) linesOf(o *snapshot.Org, g journal.Given) []e911.Number {
	out := []e911.Number{g.Line}
	if o != nil {
		if d, ok := o.Device(g.Device); ok && d.SIP != nil {
			out = append(out, d.SIP.Line)
		}
		if g.User != "" {
			for _, n := range o.NumbersOf(g.User) {
				out = append(out, n.Number)
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(n e911.Number) bool { return n == "" })
}

// End implements emergency.Callbacks.
func (s *Service) End(call e911.CallID, at time.Time) {
	s.mu.Lock()
	if s.early != nil && len(s.early) < s.cfg.Bound {
		s.early[call] = at // what it was given may yet be restored
	}
	s.mu.Unlock()
	s.table.end(call, at)
}

// restoreWait is how long a call waits at most for the facts of an earlier run.
// PSAPs let a call back ring for longer, and a wrong "not found" loses it.
const restoreWait = 10 * time.Second

// Restored says that Restore was given all facts of an earlier run. Calls of
// that run that ended meanwhile, after they were gone on with, have their windows
// from then. A second call does nothing.
func (s *Service) Restored() {
	s.mu.Lock()
	early := s.early
	s.early = nil
	s.mu.Unlock()
	if early == nil {
		return
	}
	for call, at := range early {
		s.table.end(call, at)
	}
	close(s.restored)
}

func (s *Service) awaitRestored(ctx context.Context) {
	select {
	case <-s.restored:
		return
	default:
	}
	limit := time.NewTimer(restoreWait)
	defer limit.Stop()
	select {
	case <-s.restored:
	case <-ctx.Done():
	case <-limit.C:
	}
}

// Restore takes up a fact of an earlier run, in order (F-29). Restored follows
// the last.
func (s *Service) Restore(f journal.Fact) error {
	switch f.Kind {
	case journal.CallbackBound:
		g, err := journal.Decode[journal.Given](f)
		if err != nil {
			return err
		}
		b := bound{org: f.Org, call: f.Call, given: g, sent: true, at: f.At, node: g.Node}
		b.lines = s.linesOf(s.cfg.Snapshot.Load().Org(f.Org), g)
		if local, err := netip.ParseAddrPort(g.Local); err == nil && g.Network == "udp" && s.cfg.UDPFlow != nil {
			if remote, err := netip.ParseAddrPort(g.Source); err == nil {
				b.flow, _ = s.cfg.UDPFlow(local, remote)
			}
		}
		s.table.put(b, s.cfg.Now())
	case journal.CallEnded:
		s.table.end(f.Call, f.At)
	}
	return nil
}

func contactOf(h interface{ Get(string) string }) string {
	uri := identify.AddrSpec(h.Get("Contact"))
	const longest = 512
	if len(uri) > longest || strings.ContainsAny(uri, " \t<>\"\r\n\x00") {
		return ""
	}
	return uri
}

// userOf is the user part of a SIP or tel URI without parameters, as it is
// written.
func userOf(uri string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips":
		user, _, has := strings.Cut(rest, "@")
		if !has {
			return ""
		}
		user, _, _ = strings.Cut(user, ";")
		user, _, _ = strings.Cut(user, ":")
		return user
	case "tel":
		user, _, _ := strings.Cut(rest, ";")
		return user
	}
	return ""
}
