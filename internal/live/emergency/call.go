package emergency

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// call is one call; everything in it belongs to the goroutine of Serve.
type call struct {
	inquiry
	h   *Handler
	ctx context.Context // of the legs; never that of the server, which must not end them
	leg Caller

	id  e911.CallID
	uid string // emergency call id, urn:emergency:uid:callid:...
	// incident is the id of the incident, reference our location URI for the call.
	incident, reference string
	minted              bool // reference was asked for
	// madeUID and madeIncident: uid and incident are ours, nobody else has them but by
	// a leg of this call. sentBy are the trunks of its legs; it belongs to Handler.mu.
	madeUID, madeIncident bool
	sentBy                map[e911.TrunkID]bool

	m        machine
	clock    *alarmClock
	changes  changes
	legs     map[int]*attempt
	full     map[int]bool   // rungs that were given the full INVITE
	slimWhy  map[int]string // of rungs whose slim INVITE goes first
	last     int            // number of the last attempt
	events   chan legEvent
	queue    []callflow.Event // from ourselves, before anything else
	done     chan struct{}
	pumps    sync.WaitGroup
	arriving bool // the machine's first step: its timers count from the arrival
	receipt  journal.Receipt
	early    []legEvent // of the caller, before the first leg
	place    relocation
	now      legEvent  // the event in hand
	talk     time.Time // since the caller was answered
	callerIs []byte    // the caller's SDP that the PSAP knows
	told     map[string]bool
	gone     bool // the end is recorded
	first    firstWay
	// owner is whose call it is on record; empty: that of org.
	owner      e911.OrgID
	handedOver bool // the next process goes on with it
	keptAnswer int  // the attempt whose answer was written down before the caller had it
	// letCallerGo ends the caller's leg of a call that was taken up again.
	letCallerGo context.CancelFunc
}

// attempt is one leg that we dialled.
type attempt struct {
	n      int
	rung   int
	slim   bool
	after  bool // slim, after the full INVITE was refused in this call
	took   bool // its INVITE was taken
	leg    Callee
	cancel context.CancelFunc
	sent   conveyed
	place  e911.Place // that its PSAP was given, with sent.pidf
	sdp    []byte     // last SDP from the other side
	answer sipedge.Event
	target string // of the redirect that it brought, when that may be followed
	keep   bool   // not to be ended with us
	known  bool   // its fact was written by the process before
}

type legEvent struct {
	n  int // 0 is the caller
	ev sipedge.Event
}

// writeWait is how long the first leg waits for "arrived" to reach the page
// cache (E5).
const writeWait = 5 * time.Millisecond

// Serve is Handle for any leg.
func (h *Handler) Serve(ctx context.Context, leg Caller) {
	req := leg.Request()
	c := &call{
		inquiry: h.inquire(h.cfg.Snapshot.Load(), req),
		h:       h, ctx: context.WithoutCancel(ctx), leg: leg, id: e911.NewID[e911.CallID](), told: map[string]bool{},
	}
	c.log = h.cfg.Log.With(slog.String(obs.KeyCall, string(c.id)))
	c.alarm, c.loan = c.raise, c.id
	if !c.begin() {
		if h.cfg.Ordinary != nil {
			h.cfg.Ordinary(ctx, leg)
			return
		}
		c.say("refuse a call that is no emergency", leg.Reject(404, "Not Found", nil))
		return
	}
	if c.class == e911.ClassTestURN {
		c.testURN(ctx)
		return
	}
	c.name()
	if !h.enter(c) {
		c.alarm(AlarmLoop, "an emergency call came back to us; it is on its way already")
		c.say("refuse a call in a loop", leg.Reject(482, "Loop Detected", nil))
		return
	}
	defer h.leave(c)
	defer c.broken()
	c.receipt = c.record(journal.CallArrived, c.at, c.arrived())
	c.keepInvite()
	defer c.stopAsking()
	if !c.guard("decision", func() { c.decideAll(ctx) }) && len(c.dec.rungs) == 0 {
		c.guard("relay", c.routeToRelay)
	}
	if c.class == e911.ClassTest933 {
		c.test(ctx)
		return
	}
	c.awaitWritten()
	h.watchDevices(c)
	c.run(ctx)
}

// awaitWritten lets the leg wait for the write of "arrived" (E5).
func (c *call) awaitWritten() {
	limit := time.NewTimer(writeWait)
	defer limit.Stop()
	select {
	case <-c.receipt.Written:
		if err := c.journalErr(); err != nil {
			c.alarm(AlarmJournalFailed, "the arrival of a call could not be written; the call goes on")
			c.log.Error("write the arrival of a call", obs.Err(err))
		}
	case <-limit.C:
		// Said in the log as well, and before the leg: the alarm waits for the
		// same disk.
		c.h.cfg.Log.Warn("the arrival of a call was not written within 5 ms; the call goes on", obs.KeyCall, c.id)
		c.alarm(AlarmJournalLate, "the arrival of a call was not written within 5 ms; the call goes on")
	}
}

func (c *call) journalErr() error {
	if c.receipt.Err == nil {
		return nil
	}
	return c.receipt.Err()
}

// run carries the call from its first leg to its end.
func (c *call) run(ctx context.Context) {
	c.clock = newAlarmClock(c.h.cfg.Now)
	c.legs, c.full, c.slimWhy = map[int]*attempt{}, map[int]bool{}, map[int]string{}
	c.listen()
	defer c.end()
	c.callerIs = c.dec.sdp
	if len(c.dec.rungs) > 0 {
		c.first = firstWay{c.org.ID(), c.dec.rungs[0].Trunk.ID}
	}
	c.m = c.h.newMachine(callflow.Config{Routes: c.routes(), Policy: c.h.cfg.Policy, LateOffer: c.dec.sdp == nil})
	c.arriving = true
	c.h.turns.inTurn(func() { c.step(callflow.Event{Kind: callflow.Arrived}) })
	c.arriving = false
	c.sinceItWaited()
	for _, t := range c.early {
		c.h.turns.inTurn(func() { c.happened(t) })
	}
	c.carry(ctx)
}

// carry owns the call from event to event until it is over. A fault in what one of
// them brings about costs that one, not the call.
func (c *call) carry(ctx context.Context) {
	synced, stopped := c.receipt.Synced, ctx.Done()
	for !c.m.Ended() {
		c.guard("what happened", func() {
			select {
			case t := <-c.events:
				c.h.turns.inTurn(func() { c.happened(t) })
			case <-synced:
				synced = nil
				c.step(callflow.Event{Kind: callflow.Recorded})
			case <-c.clock.ring():
				c.catchUp()
				for t, ok := c.clock.due(); ok && !c.m.Ended(); t, ok = c.clock.due() {
					c.step(callflow.Event{Kind: callflow.Fired, Timer: t})
				}
			case n := <-c.others.news:
				c.answered(n, true)
				c.look("another location server answered")
			case <-c.place.signal:
				c.look("a device of the caller showed where it is")
			case <-c.woken():
				c.awoke()
			case <-stopped:
				stopped = nil
				c.step(callflow.Event{Kind: callflow.Stopped})
			}
		})
	}
}

// catchUp takes what came before a timer ran out: on a machine that is behind, an
// answer that waits to be read is no silence.
func (c *call) catchUp() {
	for range cap(c.events) { // a leg that never stops talking must not stop the clock
		if c.m.Ended() {
			return
		}
		select {
		case t := <-c.events:
			c.h.turns.inTurn(func() { c.happened(t) })
		default:
			return
		}
	}
}

// listen begins to hear the caller's side, once.
func (c *call) listen() {
	if c.events != nil {
		return
	}
	c.events, c.done = make(chan legEvent, 32), make(chan struct{})
	c.pump(0, c.leg.Events())
}

// end lets go of every leg: what still rings is cancelled, what answers from
// now on is hung up by the edge.
func (c *call) end() {
	c.clock.stopAll()
	if c.place.wake != nil {
		c.place.wake.Stop()
	}
	if !c.handedOver {
		c.letGo()
	}
	for _, a := range c.legs {
		if !a.keep {
			a.cancel()
		}
	}
	close(c.done)
	c.pumps.Wait()
	c.letNobodyIn()
}

// pump brings the events of a leg to the goroutine of the call.
func (c *call) pump(n int, in <-chan sipedge.Event) {
	c.pumps.Go(func() {
		for {
			select {
			case ev, ok := <-in:
				if !ok {
					return
				}
				select {
				case c.events <- legEvent{n: n, ev: ev}:
				case <-c.done:
					return
				}
			case <-c.done:
				return
			}
		}
	})
}

// step gives the machine an event and carries out what it wants. What that
// brings about at once follows before any other event.
func (c *call) step(ev callflow.Event) {
	c.queue = append(c.queue, ev)
	for len(c.queue) > 0 {
		ev := c.queue[0]
		c.queue = c.queue[1:]
		var acts []callflow.Action
		if !c.guard("call flow", func() { acts = c.m.Step(ev) }) {
			acts = c.lastResort(ev)
		}
		c.doAll(acts)
	}
}

// doAll carries out what the machine wants. What breaks costs itself alone.
func (c *call) doAll(acts []callflow.Action) {
	for _, a := range acts {
		if !c.guard(string(a.Do), func() { c.do(a) }) && a.Do == callflow.Dial {
			c.queue = append(c.queue, callflow.Event{Kind: callflow.SendFailed, N: a.N})
		}
	}
}

// lastResort is for a machine that broke at ev, so that a bug does not leave a
// caller alone. Who hung up has hung up. A caller who waits gets a new machine
// that starts over with the relay centre first. A call that is up goes on with
// the old one, which keeps the state it had.
func (c *call) lastResort(ev callflow.Event) []callflow.Action {
	waits := c.talk.IsZero() && !c.gone
	gaveUp := ev.N == 0 && (ev.Kind == callflow.Cancelled || ev.Kind == callflow.Bye)
	switch {
	case c.gone:
		c.m = over{}
		return nil
	case gaveUp || !waits && ev.Kind == callflow.Bye:
		c.m = over{}
		c.leg.Bye("hung up")
		by := callflow.ByPSAP
		if gaveUp {
			by = callflow.ByCaller
		}
		if waits {
			c.notify(journal.DueAbandoned)
		}
		c.recordEnd(by, "hung up", waits)
		return nil
	case !waits || ev.Kind == callflow.Stopped:
		return nil
	}
	c.fromTheTop()
	return append(c.m.Step(callflow.Event{Kind: callflow.Arrived}), c.m.Step(callflow.Event{Kind: callflow.Recorded})...)
}

// fromTheTop gives a caller who waits a new machine, which asks the relay centre
// first.
func (c *call) fromTheTop() {
	for _, a := range c.legs {
		a.cancel()
	}
	c.legs = map[int]*attempt{}
	c.clock.stopAll()
	c.dec.rungs = relayFirst(c.dec.rungs)
	c.m = callflow.New(callflow.Config{
		Routes: c.routes(), Policy: c.h.cfg.Policy, LateOffer: c.dec.sdp == nil, First: c.last,
	})
}

// broken is deferred by who owns a call. A fault that nothing else caught ends the
// call; people are told of it, its end is on record, and its numbers are free again.
func (c *call) broken() {
	v := recover()
	if v == nil {
		return
	}
	c.log.Error("a fault ended a call", "fault", fmt.Sprint(v), "stack", string(debug.Stack()))
	c.guard("end of a broken call", func() {
		if c.gone {
			return
		}
		c.alarm(AlarmPanic, "a fault of ours ended the call; call back at once")
		if c.class == e911.ClassEmergency {
			c.notify(journal.DueLegFailed)
		}
		c.recordEnd("callbox", "a fault of Callbox", c.talk.IsZero())
	})
}

// over is the machine of a call that is over.
type over struct{}

func (over) Step(callflow.Event) []callflow.Action { return nil }
func (over) Ended() bool                           { return true }
func (over) Waiting() bool                         { return false }
func (over) Winner() int                           { return 0 }

func relayFirst(rungs []ladder.Rung) []ladder.Rung {
	out := make([]ladder.Rung, 0, len(rungs))
	for _, relay := range []bool{true, false} {
		for _, r := range rungs {
			if (r.Kind == ladder.KindRelay) == relay {
				r.Down = false
				out = append(out, r)
			}
		}
	}
	return out
}

func routesOf(rungs []ladder.Rung) []callflow.Route {
	out := make([]callflow.Route, len(rungs))
	for i, r := range rungs {
		out[i] = callflow.Route{Slow: r.Slow(), Down: r.Down}
	}
	return out
}

// say logs what a leg refused; the call goes on.
func (c *call) say(doing string, err error) {
	if err != nil {
		c.log.Warn(doing, obs.Err(err))
	}
}
