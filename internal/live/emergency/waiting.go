package emergency

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// Waiting is what the facts tell of a call that nobody had answered when its
// process ended (F-02). Fill it by Note, in the order of the facts.
type Waiting struct {
	Invite  *journal.Invite // nil: the call cannot be gone on with
	Who     *journal.Identified
	Located *journal.Located
	Routed  *journal.Routed // nil: it was not decided yet
	Last    time.Time       // of its newest fact

	legs map[int]*leftLeg
	made int
	told map[string]bool // reasons of notices
}

// leftLeg is one attempt.
type leftLeg struct {
	leg         *journal.Leg
	sent        *journal.Attempt
	rung        int
	rang, early bool
	over        bool
}

// Note takes a fact of the call in.
func (w *Waiting) Note(f journal.Fact) error {
	w.Last = f.At
	if w.legs == nil {
		w.legs, w.told = map[int]*leftLeg{}, map[string]bool{}
	}
	switch f.Kind {
	case journal.CallInvite:
		return note(f, func(b journal.Invite) { w.Invite = &b })
	case journal.CallIdentified:
		return note(f, func(b journal.Identified) { w.Who = &b })
	case journal.CallLocated:
		return note(f, func(b journal.Located) { w.Located = &b })
	case journal.CallRouted:
		return note(f, func(b journal.Routed) { w.Routed = &b })
	case journal.CallLeg:
		return note(f, func(b journal.Leg) { l := w.attempt(b.N); l.leg, l.rung = &b, b.Attempt.Rung })
	case journal.CallAttempt:
		return note(f, func(b journal.Attempt) { l := w.attempt(b.N); l.sent, l.rung = &b, b.Rung })
	case journal.CallProgress:
		return note(f, func(b journal.Progress) { l := w.attempt(b.N); l.rang, l.early = true, l.early || b.EarlyMedia })
	case journal.CallFailed:
		return note(f, func(b journal.Failed) { w.attempt(b.N).over = true })
	case journal.NotifyDue:
		return note(f, func(b journal.Due) { w.told[b.Reason] = true })
	}
	return nil
}

func note[T any](f journal.Fact, use func(T)) error {
	b, err := journal.Decode[T](f)
	if err == nil {
		use(b)
	}
	return err
}

func (w *Waiting) attempt(n int) *leftLeg {
	w.made = max(w.made, n)
	if w.legs[n] == nil {
		w.legs[n] = &leftLeg{}
	}
	return w.legs[n]
}

// Told reports that people were told of the call.
func (w *Waiting) Told() bool {
	return w.told[journal.DueLegOut] || w.told[journal.DueLegFailed] || w.told[journal.DueLate]
}

// numbers are those of the attempts, in order.
func (w *Waiting) numbers() []int {
	out := make([]int, 0, len(w.legs))
	for n := range w.legs {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// keepLeg writes an attempt down before its INVITE goes out. Nothing waits for it
// (E5): the facts are written in their order, and the write into the page cache
// takes no longer than the INVITE's.
func (c *call) keepLeg(att *attempt) func(sipedge.DialledState) {
	return c.keepAs(journal.Leg{N: att.n, Attempt: c.attemptFact(att), After: att.after, Reference: c.reference})
}

func (c *call) keepAs(fact journal.Leg) func(sipedge.DialledState) {
	fact.Attempt.PIDFLO = "" // it is in the INVITE
	return func(s sipedge.DialledState) {
		b, err := json.Marshal(s)
		if err != nil {
			return // plain data, which cannot fail
		}
		f := fact
		f.SIP = b
		c.record(journal.CallLeg, time.Time{}, f)
	}
}

// keepAnswer writes the dialogs down as soon as somebody answered, while the
// caller's 200 still waits for the disk: a kill in that time takes neither.
func (c *call) keepAnswer() {
	n := c.m.Winner()
	if n == 0 || !c.talk.IsZero() || c.keptAnswer == n || c.legs[n] == nil {
		return
	}
	c.keptAnswer = n
	m := sdpMessage(c.legs[n].sdp)
	c.keepDialogs(n, &m)
}

// leaveWaiting leaves a caller who waits, and what rings for him, to the next
// process.
func (c *call) leaveWaiting() {
	c.record(journal.CallChanged, time.Time{}, journal.Changed{What: journal.ChangedLeft, Why: "the server was stopped while the caller waited"})
	for _, l := range c.legs {
		l.keep = true
	}
}

// resumeWaiting takes up a call whose caller still waited. When it returns, both
// sides are heard; what is decided anew is Carry's to do.
func (h *Handler) resumeWaiting(l Left) (*Resumed, error) {
	w := l.Waiting
	a, err := journal.Decode[journal.Arrived](l.Arrived)
	switch {
	case err != nil:
		return nil, err
	case h.cfg.Reopen == nil || h.cfg.Redial == nil || w == nil:
		return nil, errCannotResume
	case w.Invite == nil || w.Invite.Tag == "":
		return nil, errors.New("the call was not written down yet when its process ended")
	case a.Class != e911.ClassEmergency:
		return nil, errors.New("a test call is not gone on with")
	}
	req, phones := Again(*w.Invite, l.Arrived.At)
	c := &call{
		inquiry: h.inquire(h.cfg.Snapshot.Load(), req), h: h, ctx: context.Background(), id: l.Arrived.Call,
		told: map[string]bool{}, owner: l.Arrived.Org, legs: map[int]*attempt{}, full: map[int]bool{}, slimWhy: map[int]string{}, last: w.made,
	}
	c.log = h.cfg.Log.With(slog.String(obs.KeyCall, string(c.id)))
	c.alarm, c.loan, c.phones, c.before = c.raise, c.id, phones, w.Located
	c.begin()
	c.class = a.Class
	c.name()
	c.uid = cmp.Or(a.EmergencyCallID, c.uid)
	if !h.enter(c) {
		return nil, fmt.Errorf("resume a call: %w", sipedge.ErrState)
	}
	var ctx context.Context
	ctx, c.letCallerGo = context.WithCancel(c.ctx)
	if c.leg, err = h.cfg.Reopen(ctx, req, w.Invite.Tag); err != nil {
		c.letCallerGo()
		h.leave(c)
		return nil, fmt.Errorf("resume a call whose caller waits: %w", err)
	}
	for _, n := range w.numbers() {
		c.redial(n, w.legs[n])
	}
	return &Resumed{c: c, waiting: w}, nil
}

// name gives the call its ids: those that came with it, else new ones made of its
// own (NENA-STA-010, 2.1.6).
func (c *call) name() {
	if c.uid, c.incident = sipgeo.EmergencyIDs(c.req.Headers.All("Call-Info")); c.uid == "" {
		c.uid, c.madeUID = sipgeo.CallID(string(c.id), c.h.cfg.Domain), true
	}
	if c.incident == "" {
		c.madeIncident = true
		c.incident = sipgeo.IncidentID(string(c.id), c.h.cfg.Domain)
	}
}

// redial takes an attempt up again. One that cannot be is lost.
func (c *call) redial(n int, l *leftLeg) {
	if l.leg == nil || l.over {
		return
	}
	f := l.leg.Attempt
	if l.sent != nil {
		f = *l.sent
	}
	var s sipedge.DialledState
	err := json.Unmarshal(l.leg.SIP, &s)
	att := &attempt{
		n: n, rung: l.rung, slim: f.Slim, after: l.leg.After, known: l.sent != nil, cancel: func() {},
		sent: conveyed{to: f.To, pidf: f.PIDFLO, geolocation: f.Geo, profile: f.Profile, number: f.Number, flags: f.Flags, findings: f.Evidence},
	}
	if att.sent.pidf == "" && err == nil {
		if o := openBody(s.ContentType, s.Body); len(o.locations) > 0 {
			att.sent.pidf = string(o.locations[0].body)
		}
	}
	if l.leg.Reference != "" {
		c.reference, c.minted = l.leg.Reference, true
	}
	c.legs[n] = att
	if err != nil {
		return
	}
	s.Plain = s.Plain || f.Transport == "udp" && s.Transport == "tcp"
	with := sipedge.Redialled{Keep: c.keepAs(*l.leg)}
	trunk := e911.TrunkID(f.Trunk.ID)
	c.guard("trunk credentials", func() { with.Authorize = c.h.cfg.Trunks.Authorize(trunk) })
	ctx, cancel := context.WithCancel(c.ctx)
	leg, err := c.h.cfg.Redial(ctx, s, with)
	if err != nil {
		cancel()
		c.log.Error("an attempt that was out cannot be gone on with", "n", n, obs.Err(err))
		return
	}
	c.h.sent(c, trunk)
	done := c.occupy(trunk)
	att.leg, att.cancel = leg, func() { cancel(); done() }
}

// carryWaiting owns a call whose caller waits until it is over.
func (r *Resumed) carryWaiting(ctx context.Context) {
	c, w := r.c, r.waiting
	defer c.h.leave(c)
	defer c.broken()
	defer c.letCallerGo()
	c.clock = newAlarmClock(c.h.cfg.Now)
	c.listen()
	for n, l := range c.legs {
		if l.leg != nil {
			c.pump(n, l.leg.Events())
		}
	}
	defer c.end()
	defer c.stopAsking()
	c.decideAgain(ctx, w)
	c.before = nil // what is learned from now on counts
	c.callerIs = c.dec.sdp
	c.first = firstWay{c.org.ID(), ""}
	if len(c.dec.rungs) > 0 {
		c.first.trunk = c.dec.rungs[0].Trunk.ID
	}
	c.h.watchDevices(c)
	c.h.turns.inTurn(func() {
		if !c.guard("going on", func() { c.goOn(w) }) && c.m == nil {
			c.fromTheTop()
			c.queue = nil
			c.step(callflow.Event{Kind: callflow.Arrived})
			c.step(callflow.Event{Kind: callflow.Recorded})
		}
	})
	c.carry(ctx)
}

// goOn begins with the machine of a call that was left.
func (c *call) goOn(w *Waiting) {
	left := &callflow.Waits{Since: max(c.h.cfg.Now().Sub(c.at), 0), Made: w.made, Told: w.Told(), NotConnected: w.told[journal.DueNotConnected]}
	var lost []int
	for _, n := range w.numbers() {
		l := w.legs[n]
		att := c.legs[n]
		if att == nil {
			if l.rung >= 0 && l.rung < len(c.dec.rungs) {
				left.Tried = append(left.Tried, l.rung)
			}
			continue
		}
		if att.rung < 0 || att.rung >= len(c.dec.rungs) { // the fact with its routes is not there, or not whole
			f := l.leg.Attempt
			c.dec.rungs = append(c.dec.rungs, rungOf(journal.Rung{Kind: string(ladder.KindCarrier), Trunk: f.Trunk, PSAP: f.PSAP, To: f.To}))
			att.rung = len(c.dec.rungs) - 1
		}
		c.full[att.rung] = c.full[att.rung] || !att.slim
		left.Out = append(left.Out, callflow.Out{N: n, Route: att.rung, Slim: att.slim, Rings: l.rang, Early: l.early})
		if att.leg == nil {
			lost = append(lost, n)
		}
	}
	for reason := range w.told {
		c.told[reason] = true
	}
	if c.told["first"] = w.Told(); w.Told() {
		c.place.told = saidOf(c.dueNow(journal.DueLegOut))
	}
	c.record(journal.CallChanged, time.Time{}, journal.Changed{What: journal.ChangedResumed, N: len(left.Out), Why: resumedWhy(left.Out)})
	m, acts := callflow.Resume(callflow.Config{Routes: c.routes(), Policy: c.h.cfg.Policy, LateOffer: c.dec.sdp == nil}, callflow.Standing{Waits: left})
	c.m = m
	c.doAll(acts)
	for _, n := range lost {
		c.queue = append(c.queue, callflow.Event{Kind: callflow.Lost, N: n})
	}
	c.step(callflow.Event{Kind: callflow.Recorded}) // and what the first acts brought about
}

// resumedWhy says for a person what of the call was out.
func resumedWhy(out []callflow.Out) string {
	rings := 0
	for _, o := range out {
		if o.Rings {
			rings++
		}
	}
	switch {
	case rings == 1:
		return "a PSAP rang and goes on ringing"
	case rings > 1:
		return fmt.Sprintf("%d PSAPs rang and go on ringing", rings)
	case len(out) > 0:
		return "no PSAP had said that it rings; the one that was dialled is asked again"
	}
	return "no PSAP was dialled at that moment; the search goes on"
}

// decideAgain makes the decision of before once more, by the world of today. Facts
// and alarms of it are there already; rungs keep their numbers.
func (c *call) decideAgain(ctx context.Context, w *Waiting) {
	if w.Routed == nil {
		if !c.guard("decision", func() { c.decideAll(ctx) }) && len(c.dec.rungs) == 0 {
			c.guard("relay", c.routeToRelay)
		}
		return
	}
	raise := c.alarm
	c.alarm = func(AlarmCode, string) {}
	c.foreign = nil // asked before: what counted is in the place on record
	c.h.newcomers.inTurn(func() {
		if !c.guard("decision", c.decide) && len(c.dec.rungs) == 0 {
			c.guard("relay", c.routeToRelay)
		}
	})
	c.alarm = raise
	if w.Who != nil && w.Who.Callback != "" {
		c.dec.who.Callback = w.Who.Callback // the one that was given to whom it rings
	}
	was := len(w.Routed.Rungs)
	c.dec.rungs = rungsAsBefore(w.Routed.Rungs, c.dec.rungs)
	if len(c.dec.rungs) > was {
		c.record(journal.CallRouted, time.Time{}, c.routed())
	}
}

// rungsAsBefore puts the routes of before first, each as it is today or, where it
// is no more, by its facts, so that their numbers still hold; new ones follow.
func rungsAsBefore(before []journal.Rung, today []ladder.Rung) []ladder.Rung {
	var out []ladder.Rung
	used := make([]bool, len(today))
	for _, f := range before {
		i := slices.IndexFunc(today, func(r ladder.Rung) bool {
			return string(r.Kind) == f.Kind && string(r.Trunk.ID) == f.Trunk.ID && string(r.PSAP) == f.PSAP.ID && uriOf(r) == f.To
		})
		if i < 0 || used[i] {
			out = append(out, rungOf(f))
			continue
		}
		used[i] = true
		out = append(out, today[i])
	}
	for i, r := range today {
		if !used[i] {
			out = append(out, r)
		}
	}
	return out
}

// placedBefore is where the call was located when it was decided first, which
// holds for it: what a telephone told may be forgotten by the restart.
func placedBefore(f journal.Located, now locate.Result) locate.Result {
	if f.By == now.By && f.Place.Display == now.Place.Display {
		return now
	}
	r := locate.Result{
		By: f.By, Via: f.Via, Method: f.Method, Class: locate.Class(f.Class), Place: f.Place, Flags: f.Flags, Rank: rankOfReference(f.By),
	}
	if f.At != nil {
		r.At = *f.At
	}
	return r
}
