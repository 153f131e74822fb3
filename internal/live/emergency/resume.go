package emergency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// keeper is a leg that can be written down for the next process.
type keeper interface {
	Dialog() (sipedge.DialogState, error)
}

// Leg is a leg that was taken up again, of either side; *sipedge.Leg is one.
type Leg interface {
	Caller
	CallID() string
	Cancel(reason string)
}

// keepDialogs writes down how the call that is up is gone on with (D-17).
// Answer is what the caller is about to be answered with, nil later.
func (c *call) keepDialogs(n int, answer *sipedge.Message) (r journal.Receipt, kept bool) {
	l := c.legs[n]
	if l == nil {
		return r, false
	}
	c.guard("dialogs", func() {
		var caller, psap sipedge.DialogState
		var err error
		first, ok := c.leg.(interface {
			DialogIf(attempt int, m sipedge.Message) (sipedge.DialogState, error)
		})
		switch k, up := c.leg.(keeper); {
		case answer != nil && ok:
			caller, err = first.DialogIf(n, *answer)
		case answer == nil && up:
			caller, err = k.Dialog()
		default:
			return
		}
		k, ok := l.leg.(keeper)
		if !ok || err != nil {
			return
		}
		if psap, err = k.Dialog(); err != nil {
			return
		}
		r = c.record(journal.CallDialog, time.Time{}, journal.Dialogs{
			N: n, Rung: c.rungOf(l), AnsweredAt: c.talk, Caller: encoded(caller), PSAP: encoded(psap), CallerSDP: c.callerIs, PSAPSDP: l.sdp,
			Incident: c.incident, Reference: c.reference, HandedOver: c.handedOver,
		})
		kept = r.Written != nil
	})
	return r, kept
}

// rungOf is the route of an attempt, as facts name routes.
func (c *call) rungOf(a *attempt) journal.Rung {
	r := c.dec.rungs[a.rung]
	return journal.Rung{Kind: string(r.Kind), Trunk: trunkRef(r.Trunk), PSAP: psapRef(r), To: uriOf(r), Expected: r.Expected()}
}

// encoded is plain data as JSON, which cannot fail.
func encoded(s sipedge.DialogState) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return b
}

// awaitKept lets the caller's 200 wait for the write of the dialogs, as the
// first leg waits for that of the arrival: from the moment in which he believes
// that he is connected, no kill of this process takes the call from him (F-29).
// A disk that hangs costs him the same 5 ms at most.
func (c *call) awaitKept(r journal.Receipt, kept bool) {
	if !kept {
		return
	}
	limit := time.NewTimer(writeWait)
	defer limit.Stop()
	select {
	case <-r.Written:
	case <-limit.C:
	}
}

// moved writes the dialogs down again after what may have changed them.
func (c *call) moved(t legEvent) {
	switch t.ev.Kind {
	case sipedge.ReInvite, sipedge.ReInviteAnswered:
		if !c.talk.IsZero() && !c.gone && !c.m.Ended() {
			c.keepDialogs(c.m.Winner(), nil)
		}
	}
}

// handOver leaves the two to their media, or the caller to his waiting, and the
// call to the next process.
func (c *call) handOver() {
	c.handedOver = true
	if c.m.Winner() == 0 {
		c.leaveWaiting()
		return
	}
	c.keepDialogs(c.m.Winner(), nil)
	if l := c.legs[c.m.Winner()]; l != nil {
		l.keep = true
	}
}

// Left is a call that was up when its process ended, or whose caller still waited,
// as its facts tell it.
type Left struct {
	Arrived journal.Fact
	Who     journal.Identified
	Where   journal.Located
	Dialogs journal.Dialogs
	Waiting *Waiting // counts when nobody had answered: Dialogs are empty
}

// Resumed is a call that is gone on with. Its Carry must be called.
type Resumed struct {
	c       *call
	waiting *Waiting // nil: it was up
}

// errCannotResume: this handler was not told how legs are taken up again.
var errCannotResume = errors.New("no legs can be taken up again here")

// errFault: a fault of ours was recovered.
var errFault = errors.New("a fault of Callbox")

// Resume takes up a call that was up when its process ended: when it returns,
// both legs hear their other sides. The world of today changes nothing of it:
// its trunk, its site and its organisation may be gone (D-04).
//
// Of a call that nobody had answered the caller goes on waiting and what rang for
// him goes on ringing (F-02); where that is at its end the ladder goes on, by the
// world of today.
func (h *Handler) Resume(l Left) (r *Resumed, err error) {
	defer func() { // the journal is read again at each start: one call must not keep the node down
		if v := recover(); v != nil {
			h.forget(l.Arrived.Call)
			r, err = nil, fmt.Errorf("resume a call: %w: %v", errFault, v)
		}
	}()
	if l.Dialogs.N == 0 {
		return h.resumeWaiting(l)
	}
	if h.cfg.Restore == nil {
		return nil, errCannotResume
	}
	c, err := h.recall(l)
	if err != nil {
		return nil, err
	}
	var caller, psap sipedge.DialogState
	if err := errors.Join(json.Unmarshal(l.Dialogs.Caller, &caller), json.Unmarshal(l.Dialogs.PSAP, &psap)); err != nil {
		return nil, fmt.Errorf("read the dialogs of a call: %w", err)
	}
	if !h.enter(c) {
		return nil, fmt.Errorf("resume a call: %w", sipedge.ErrState)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	att := &attempt{n: l.Dialogs.N, sdp: l.Dialogs.PSAPSDP}
	err = errors.Join(
		h.take(ctx, caller, func(leg Leg) { c.leg = leg }),
		h.take(ctx, psap, func(leg Leg) { att.leg = leg }),
	)
	if err != nil {
		h.leave(c)
		h.leaveAlone(cancel, c.leg, att.leg)
		return nil, fmt.Errorf("resume a call: %w", err)
	}
	done := c.occupy(c.dec.rungs[0].Trunk.ID)
	att.cancel = func() { cancel(); done() }
	c.legs[att.n] = att
	c.full, c.slimWhy = map[int]bool{}, map[int]string{}
	honour(c.leg)
	honour(att.leg)
	h.answered(c)
	return &Resumed{c: c}, nil
}

// leaveAlone hears the leg to its end whose other side cannot be taken up again:
// the two may talk on past us, so nobody is hung up on.
func (h *Handler) leaveAlone(cancel func(), caller Caller, psap Callee) {
	var ends []<-chan sipedge.Event
	if caller != nil {
		ends = append(ends, caller.Events())
	}
	if psap != nil {
		ends = append(ends, psap.Events())
	}
	limit := time.AfterFunc(h.cfg.Policy.Longest, cancel)
	go func() {
		defer cancel()
		defer limit.Stop()
		for _, events := range ends {
			for range events { // a hang-up is answered by the edge
			}
		}
	}()
}

func (h *Handler) take(ctx context.Context, s sipedge.DialogState, put func(Leg)) error {
	leg, err := h.cfg.Restore(ctx, s)
	if err == nil {
		put(leg)
	}
	return err
}

// recall makes the call of what its facts say, without its legs.
func (h *Handler) recall(l Left) (*call, error) {
	a, err := journal.Decode[journal.Arrived](l.Arrived)
	if err != nil {
		return nil, err
	}
	source, err := netip.ParseAddrPort(a.Source)
	if err != nil {
		return nil, fmt.Errorf("read where a call came from: %w", err)
	}
	req := &sipedge.Request{
		Method: "INVITE", URI: a.Dialled, Source: source, Transport: a.Transport, CallID: a.SIPCallID, At: l.Arrived.At,
		Headers: sipedge.Headers{{Name: "From", Value: a.From}}, Body: l.Dialogs.CallerSDP, ContentType: typeSDP,
	}
	c := &call{
		inquiry: h.inquire(h.cfg.Snapshot.Load(), req), h: h, ctx: context.Background(), id: l.Arrived.Call, told: map[string]bool{},
		uid: a.EmergencyCallID, incident: l.Dialogs.Incident, reference: l.Dialogs.Reference, minted: true,
		owner: l.Arrived.Org, legs: map[int]*attempt{}, last: l.Dialogs.N, talk: l.Dialogs.AnsweredAt, callerIs: l.Dialogs.CallerSDP,
	}
	c.log = h.cfg.Log.With(slog.String(obs.KeyCall, string(c.id)))
	c.alarm, c.class = c.raise, a.Class
	if o := c.snap.Org(l.Arrived.Org); o != nil {
		c.org = o
	}
	c.trunk, c.known = e911.Trunk{ID: e911.TrunkID(a.Trunk.ID), Key: a.Trunk.Key}, a.Trunk.ID != ""
	c.dec.sdp = l.Dialogs.CallerSDP
	c.dec.where.By, c.dec.where.Place = l.Where.By, l.Where.Place
	c.dec.who.By, c.dec.who.Line, c.dec.who.Callback = l.Who.By, l.Who.Line, l.Who.Callback
	c.dec.rungs = []ladder.Rung{rungAgain(l.Dialogs)}
	return c, nil
}

// rungAgain is the route by which the call was answered, by the names in its
// facts: the trunk may be another one today, or none.
func rungAgain(d journal.Dialogs) ladder.Rung {
	return rungOf(d.Rung)
}

func rungOf(f journal.Rung) ladder.Rung {
	return ladder.Rung{
		Kind: ladder.Kind(f.Kind), PSAP: e911.PSAPID(f.PSAP.ID), PSAPKey: f.PSAP.Key, PSAPName: f.PSAP.Name,
		Trunk: e911.Trunk{ID: e911.TrunkID(f.Trunk.ID), Key: f.Trunk.Key, To: f.To},
	}
}

// Carry owns the call until it is over. When ctx ends the server stops, and the
// call is handed over once more.
func (r *Resumed) Carry(ctx context.Context) {
	if r.waiting != nil {
		r.carryWaiting(ctx)
		return
	}
	c := r.c
	defer c.h.leave(c)
	defer c.broken()
	c.clock = newAlarmClock(c.h.cfg.Now)
	if c.talk.IsZero() { // killed before the caller was connected with who answered
		c.talk = c.h.cfg.Now()
		rung := c.dec.rungs[0]
		c.record(journal.CallAnswered, c.talk, journal.Answered{N: c.last, Trunk: trunkRef(rung.Trunk), PSAP: psapRef(rung)})
	}
	c.events = make(chan legEvent, 32)
	c.done = make(chan struct{})
	defer c.end()
	m, acts := callflow.Resume(callflow.Config{Policy: c.h.cfg.Policy}, callflow.Standing{
		Winner: c.last, Talked: c.h.cfg.Now().Sub(c.talk),
	})
	c.m = m
	c.pump(0, c.leg.Events())
	c.pump(c.last, c.legs[c.last].leg.Events())
	c.doAll(acts)
	c.keepDialogs(c.last, nil) // its CSeq numbers went ahead
	c.carry(ctx)
}

// probe asks a side whether it is there.
func (c *call) probe(n int) {
	if p, ok := c.dialog(n).(interface{ Probe() }); ok {
		p.Probe()
	}
}
