package emergency

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/route"
)

// AlarmCode is the closed list of what a call raises alarms for.
type AlarmCode string

// The alarms of a call.
const (
	AlarmJournalLate   AlarmCode = "journal_late"   // "arrived" was not written within 5 ms
	AlarmJournalFailed AlarmCode = "journal_failed" // "arrived" could not be written
	AlarmJournalSlow   AlarmCode = callflow.AlarmJournalSlow
	AlarmCallerLost    AlarmCode = callflow.AlarmCallerLost
	AlarmPSAPLost      AlarmCode = callflow.AlarmPSAPLost
	AlarmNoAck         AlarmCode = "no_ack"                // the caller's side did not acknowledge our answer
	AlarmSlim          AlarmCode = "sent_without_location" // F-16
	AlarmRoute         AlarmCode = "route_unusable"        // a trunk cannot be dialled at all
	AlarmNoRoute       AlarmCode = "no_route"              // nothing to try: the caller got 503
	AlarmLoop          AlarmCode = "loop"                  // the call came back to us
	AlarmPanic         AlarmCode = "panic"                 // a fault of ours was recovered
	AlarmLocator       AlarmCode = "locator_slow"          // our location server did not answer in 100 ms
	AlarmUnreadable    AlarmCode = "location_unreadable"   // a location came with the call and cannot be read
	AlarmStatic        AlarmCode = "static_location"       // a trunk sends one location for more than 20 callers (F-14)
	AlarmPSAPDisputed  AlarmCode = "psap_disagreement"     // the authority names another PSAP than our layer (F-23)
)

var alarmText = map[AlarmCode]string{
	AlarmJournalSlow:  "the arrival of a call was not on disk 200 ms after it; the call was answered all the same",
	AlarmCallerLost:   "the connection to the caller was lost; the call goes on",
	AlarmLocator:      "the location server did not answer within 100 ms; the call goes on without it",
	AlarmTransferLost: transferLost,
	AlarmPSAPLost:     "the connection to the answering side was lost; the media may go on",
}

// Flags of a call, beside those of identify and locate.
const (
	FlagUnauthenticated = "unauthenticated"      // known by its address alone, no trunk (F-10)
	FlagPrefixed        = "prefixed"             // 9911 and the like (N-35)
	FlagUnknownOrg      = "unknown_organisation" // a platform named another organisation than it may, or none that is known
	FlagSiteNotSetUp    = "site_not_set_up"      // the site's stage does not include this class (F-24)
	FlagOutside         = "outside_coverage"     // the place is in no PSAP's boundary
	FlagNoRelay         = "no_relay"             // no relay centre is configured
	FlagNoRoute         = "no_route"             // nothing to try at all
	FlagPSAPDisputed    = "psap_disputed"        // the authority and our own layer name two PSAPs (F-23)
)

// record writes a fact. A journal that fails, or panics, never stops a call.
func (c *call) record(kind journal.Kind, at time.Time, body any) (r journal.Receipt) {
	defer func() {
		if recover() != nil {
			c.log.Error("recovered in the journal")
		}
	}()
	if at.IsZero() {
		at = c.h.cfg.Now()
	}
	return c.h.cfg.Journal.Record(journal.New(kind, at, cmp.Or(c.owner, c.org.ID()), c.id, body))
}

func (c *call) raise(code AlarmCode, detail string) {
	if code == AlarmPSAPDisputed && !c.h.disputes.first(c.org.ID(), detail, c.h.cfg.Now()) {
		return // its record has it, as a flag and in its evidence
	}
	c.record(journal.AlarmRaised, time.Time{}, journal.Alarm{Code: string(code), Detail: detail, Source: c.req.Source.Addr().String()})
}

// arrived is the first fact of the call.
func (c *call) arrived() journal.Arrived {
	a := journal.Arrived{
		Class: c.class, Dialled: clip(c.req.URI, 256), Source: c.req.Source.String(), Transport: c.req.Transport,
		SIPCallID: clip(c.req.CallID, 256), EmergencyCallID: c.uid, Demonstration: c.org.Config().Demonstration,
		From: clip(c.req.Headers.Get("From"), 256), AssertedID: clip(c.req.Headers.Get("P-Asserted-Identity"), 256),
	}
	if c.known {
		a.Trunk = trunkRef(c.trunk)
	}
	return a
}

// recordDecision writes who, where and which PSAP, with all that lost (E11).
func (c *call) recordDecision() {
	now := c.h.cfg.Now()
	c.record(journal.CallIdentified, now, c.identified())
	c.record(journal.CallLocated, now, c.located())
	c.record(journal.CallRouted, now, c.routed())
}

// identified says who calls, as a fact.
func (c *inquiry) identified() journal.Identified {
	d := &c.dec
	ident := journal.Identified{
		By: d.who.By, Line: d.who.Line, Callback: d.who.Callback, CallbackWhy: d.who.CallbackWhy,
		Flags: d.whoFlags(), Evidence: slices.Concat(d.messageFindings, d.who.Findings), Language: c.language(),
	}
	if v := d.who.Device; v != nil {
		ident.Device = &journal.Ref{ID: string(v.ID), Key: v.Key}
	}
	if u := d.who.User; u != nil {
		ident.User = &journal.Ref{ID: string(u.ID), Key: u.Key, Name: u.Name}
	}
	if s := d.who.Site; s != nil {
		ident.Site = &journal.Ref{ID: string(s.ID), Key: s.Key, Name: s.Name}
	}
	return ident
}

// located says where the caller is, as a fact.
func (c *inquiry) located() journal.Located {
	d := &c.dec
	loc := journal.Located{
		By: d.where.By, Via: d.where.Via, Place: d.where.Place, Class: string(d.where.Class), Method: d.where.Method,
		Flags: d.whereFlags(), Evidence: d.whereFindings, Asked: d.askedAt(),
	}
	if !d.where.At.IsZero() {
		at := d.where.At
		loc.At = &at
	}
	return loc
}

// routed says which PSAP, and by which routes, as a fact.
func (c *inquiry) routed() journal.Routed {
	d := &c.dec
	routed := journal.Routed{
		PSAP: d.psapRef(), Relay: d.relay, Demonstration: d.demonstration, Expected: d.expected, Flags: d.routeFlags,
		Rungs: make([]journal.Rung, len(d.rungs)), Evidence: d.routeFindings,
	}
	for i, r := range d.rungs {
		routed.Rungs[i] = journal.Rung{Kind: string(r.Kind), Trunk: trunkRef(r.Trunk), PSAP: psapRef(r), To: uriOf(r), Expected: r.Expected(), Flags: r.Flags}
		if r.Kind == ladder.KindLocal {
			routed.Rungs[i].Site, routed.Rungs[i].Carries, routed.Rungs[i].Bare = c.siteRef(r.Site), r.Carry.String(), r.Bare
		}
	}
	if b := d.basis; b.Source != "" && b.Source != route.SourceNone {
		routed.By = &journal.RoutedBy{
			Source: string(b.Source), Name: b.Name, Version: b.Version, Feature: b.Feature, AsOf: b.AsOf, Expires: b.Expires, Agreement: b.Agreement,
		}
	}
	return routed
}

func (c *call) recordAttempt(a *attempt, ev sipedge.Event) {
	if a.known { // by the process before: this is its INVITE once more
		a.known = false
		return
	}
	f := c.attemptFact(a)
	f.Transport, f.Sent = ev.Transport, ev.Kind == sipedge.Sent
	if a.leg != nil {
		f.SIPCallID = a.leg.CallID()
	}
	if ev.Err != nil {
		f.Error = ev.Err.Error()
	}
	if f.Sent {
		c.give(f.Number, ev.At)
	}
	c.record(journal.CallAttempt, ev.At, f)
}

// attemptFact is an attempt as a fact, but for what became of sending it.
func (c *call) attemptFact(a *attempt) journal.Attempt {
	f := journal.Attempt{
		N: a.n, Rung: a.rung, To: a.sent.to, Slim: a.slim, PIDFLO: a.sent.pidf, Geo: a.sent.geolocation,
		Profile: a.sent.profile, Number: a.sent.number, Flags: a.sent.flags, Evidence: a.sent.findings,
	}
	if a.rung < len(c.dec.rungs) {
		rung := c.dec.rungs[a.rung]
		f.Trunk, f.PSAP = trunkRef(rung.Trunk), psapRef(rung)
	}
	return f
}

// gaveUp records the end of an attempt without an answer.
func (c *call) gaveUp(a callflow.Action) {
	reason := a.Reason
	if a.Code > 0 && c.now.n == a.N && c.now.ev.Reason != "" {
		reason += ": " + clip(c.now.ev.Reason, 128)
	}
	if l := c.legs[a.N]; l != nil && a.Silent {
		rung := c.dec.rungs[l.rung]
		c.h.cfg.Trunks.Silent(rung.Trunk.ID, rung.Target)
	}
	c.record(journal.CallFailed, time.Time{}, journal.Failed{N: a.N, Code: a.Code, Reason: reason})
}

func (c *call) recordEnd(by, reason string, abandoned bool) {
	now := c.h.cfg.Now()
	c.gone = true
	e := journal.Ended{By: by, Reason: reason, Abandoned: abandoned, DurationMS: now.Sub(c.at).Milliseconds()}
	if !c.talk.IsZero() {
		e.TalkMS = now.Sub(c.talk).Milliseconds()
	}
	c.record(journal.CallEnded, now, e)
	c.over(now)
	c.h.ended(c)
}

// notify says that people are to be told, with all that a notice needs. A
// reason is given once, also when a machine had to be replaced.
func (c *call) notify(reason string) {
	key := reason
	switch reason {
	case journal.DueLegOut, journal.DueLegFailed, journal.DueLate:
		key = "first"
	}
	if c.told[key] {
		return
	}
	c.told[key] = true
	due := c.dueNow(reason)
	c.place.told = saidOf(due)
	c.record(journal.NotifyDue, time.Time{}, due)
}

// due is what people are told of the call, as a fact.
func (c *inquiry) due(reason string) journal.Due {
	d := &c.dec
	due := journal.Due{
		Reason: reason, Class: c.class, OrgName: c.org.Config().Name, Dialled: clip(c.req.URI, 256), Who: c.who(),
		IdentifiedBy: d.who.By, Line: d.who.Line, Callback: d.who.Callback, Place: d.where.Place, LocatedBy: d.where.By,
		PSAP: d.psapRef(), PSAPLine: d.line, PSAPExpected: d.expected, ArrivedAt: c.at, Demonstration: c.org.Config().Demonstration, Flags: d.allFlags(), Asked: d.askedAt(),
	}
	if sent := c.sentPlace(); sent.Display != d.where.Place.Display {
		due.Sent = &sent
	}
	if s := c.alertSite(); s != nil {
		due.Site, due.SiteName, due.Zone = s.ID, s.Name, s.Zone
	}
	return due
}

// alertSite is the site whose people are told: that of the place, because they
// are near; else that of the caller.
func (c *inquiry) alertSite() *e911.Site {
	if id := c.dec.where.Place.Site; id != "" {
		if s, ok := c.org.Site(id); ok {
			return &s
		}
	}
	return c.dec.who.Site
}

// who names the caller for a person: name, else number, else trunk.
func (c *inquiry) who() string {
	switch w := c.dec.who; {
	case w.User != nil && w.User.Name != "":
		return w.User.Name
	case w.Line != "":
		return string(w.Line)
	case c.known:
		return "unknown caller on trunk " + c.trunk.Key
	}
	return "unknown caller at " + c.req.Source.Addr().String()
}

func trunkRef(t e911.Trunk) journal.Ref { return journal.Ref{ID: string(t.ID), Key: t.Key} }

func psapRef(r ladder.Rung) journal.Ref {
	return journal.Ref{ID: string(r.PSAP), Key: r.PSAPKey, Name: r.PSAPName}
}

// clip bounds text that came in.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

func (c *inquiry) siteRef(id e911.SiteID) *journal.Ref {
	s, _ := c.org.Site(id)
	return &journal.Ref{ID: string(id), Key: s.Key, Name: s.Name}
}
