package callback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/callbackflow"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// back is one callback; everything in it belongs to the goroutine of carry.
type back struct {
	s    *Service
	ctx  context.Context // of the legs; never that of the server
	leg  emergency.Caller
	a    *asked
	p    plan
	call e911.CallID // whose record has it: the newest call's; none: nobody's
	log  *slog.Logger

	m       *callbackflow.Machine
	parties []party // by leg number - 1
	legs    map[int]*rung
	events  chan happening
	queue   []callbackflow.Event // from ourselves, before anything else
	timers  map[callbackflow.Timer]*time.Timer
	done    chan struct{}
	pumps   sync.WaitGroup
	now     happening
	talk    time.Time
}

// rung is a leg that was dialled.
type rung struct {
	leg    emergency.Callee
	way    int
	heard  bool
	cancel context.CancelFunc
	sdp    sipedge.Message // last body of the other side
}

type happening struct {
	n     int
	leg   emergency.Callee // of the way that it happened on; nil: the PSAP
	ev    sipedge.Event
	timer callbackflow.Timer
}

// carry rings, connects, and stays with the call until it is over.
func (s *Service) carry(ctx context.Context, leg emergency.Caller, a *asked, p plan) {
	s.enter()
	defer s.leave()
	b := &back{
		s: s, ctx: context.WithoutCancel(ctx), leg: leg, a: a, p: p, legs: map[int]*rung{}, events: make(chan happening, 32),
		timers: map[callbackflow.Timer]*time.Timer{}, done: make(chan struct{}),
	}
	if len(p.calls) > 0 {
		b.call = p.calls[0].call
	}
	b.log = s.cfg.Log.With(slog.String(obs.KeyCall, string(b.call)))
	cfg := callbackflow.Config{Policy: s.cfg.Policy, LateOffer: len(a.req.Body) == 0}
	if p.private {
		cfg.Policy = p.policy
	}
	for _, g := range p.groups {
		cfg.Groups = append(cfg.Groups, len(g))
		b.parties = append(b.parties, g...)
	}
	b.m = callbackflow.New(cfg)
	b.record(journal.CallbackCame, b.came())
	if p.people {
		b.tell(journal.DueCallback)
	}
	defer b.broken()
	defer b.end()
	b.pump(0, nil, leg.Events())
	b.step(callbackflow.Event{Kind: callbackflow.Arrived})
	stopped := ctx.Done()
	for !b.m.Ended() {
		select {
		case h := <-b.events:
			b.happened(h)
		case <-stopped:
			stopped = nil
			b.stopped()
		}
	}
}

// broken is deferred by who owns a callback: a fault of ours ends it, and people are
// told that somebody called back and was not connected.
func (b *back) broken() {
	v := recover()
	if v == nil {
		return
	}
	b.log.Error("a fault ended a callback", "fault", fmt.Sprint(v), "stack", string(debug.Stack()))
	defer func() { _ = recover() }() // its record broke, too: the log has it
	if b.talk.IsZero() {
		b.missed(callbackflow.Action{Reason: "a fault of Callbox"})
	}
	b.record(journal.CallbackEnded, journal.Back{SIPCallID: b.a.req.CallID, By: "callbox", Reason: "a fault of Callbox"})
}

// stopped leaves the call because the server stops.
func (b *back) stopped() {
	if w := b.legs[b.m.Winner()]; w != nil {
		w.cancel = func() {} // the two go on talking without us
	}
	b.step(callbackflow.Event{Kind: callbackflow.Stopped})
}

// end lets go of every leg.
func (b *back) end() {
	for _, t := range b.timers {
		t.Stop()
	}
	for _, l := range b.legs {
		l.cancel()
	}
	close(b.done)
	b.pumps.Wait()
}

func (b *back) send(h happening) bool {
	select {
	case b.events <- h:
		return true
	case <-b.done:
		return false
	}
}

func (b *back) pump(n int, leg emergency.Callee, in <-chan sipedge.Event) {
	b.pumps.Go(func() {
		for {
			select {
			case ev, ok := <-in:
				if !ok || !b.send(happening{n: n, leg: leg, ev: ev}) {
					return
				}
			case <-b.done:
				return
			}
		}
	})
}

var kinds = map[sipedge.EventKind]callbackflow.EventKind{
	sipedge.SendFailed: callbackflow.Failed, sipedge.Provisional: callbackflow.Ringing, sipedge.Answered: callbackflow.Answered,
	sipedge.Failed: callbackflow.Failed, sipedge.Acked: callbackflow.Acked, sipedge.Cancelled: callbackflow.Cancelled,
	sipedge.ByeReceived: callbackflow.Bye, sipedge.ReInvite: callbackflow.ReInvite,
	sipedge.ReInviteAnswered: callbackflow.ReInviteAnswered, sipedge.Lost: callbackflow.Lost,
}

func (b *back) happened(h happening) {
	b.now = h
	if h.timer != "" {
		b.step(callbackflow.Event{Kind: callbackflow.Fired, Timer: h.timer})
		return
	}
	if h.ev.Kind == sipedge.Lost && errors.Is(h.ev.Err, sipedge.ErrStopped) {
		b.stopped() // we went, not they
		return
	}
	l := b.legs[h.n]
	if h.n > 0 && (l == nil || l.leg != h.leg) {
		return // of a way that was left
	}
	if l != nil && len(h.ev.Body) > 0 && (h.ev.Kind == sipedge.Provisional || h.ev.Kind == sipedge.Answered) {
		l.sdp = bodyOf(h.ev)
	}
	kind, ok := kinds[h.ev.Kind]
	if !ok || h.ev.Kind == sipedge.Provisional && h.ev.Code <= 100 {
		return
	}
	if l != nil {
		b.heard(h.n, l, h.ev)
		if b.otherWay(h.n, l, h.ev) {
			return
		}
	}
	b.step(callbackflow.Event{Kind: kind, N: h.n, Code: h.ev.Code, SDP: len(h.ev.Body) > 0})
}

// heard keeps the state of the trunk that a leg goes by.
func (b *back) heard(n int, l *rung, ev sipedge.Event) {
	w := b.parties[n-1].ways[l.way]
	quiet := ev.Err != nil
	l.heard = l.heard || !quiet
	if b.s.cfg.Trunks == nil || !w.target {
		return
	}
	switch {
	case ev.Kind != sipedge.Provisional && ev.Kind != sipedge.Answered && ev.Kind != sipedge.Failed && ev.Kind != sipedge.SendFailed:
	case quiet:
		b.s.cfg.Trunks.Silent(w.trunk.ID, w.to)
	default:
		b.s.cfg.Trunks.Heard(w.trunk.ID, w.to)
	}
}

// otherWay dials the next way to the same party when this one cannot carry the
// call; the flow does not hear of it.
func (b *back) otherWay(n int, l *rung, ev sipedge.Event) bool {
	failed := ev.Kind == sipedge.SendFailed || ev.Kind == sipedge.Lost || ev.Kind == sipedge.Failed && (ev.Code == 408 || ev.Code >= 500 && ev.Code < 600)
	if !failed || b.m.Winner() != 0 || b.m.Ended() || l.way+1 >= len(b.parties[n-1].ways) {
		return false
	}
	l.cancel()
	b.dial(n, l.way+1)
	return true
}

// step gives the machine an event and carries out what it wants.
func (b *back) step(ev callbackflow.Event) {
	b.queue = append(b.queue, ev)
	for len(b.queue) > 0 {
		ev := b.queue[0]
		b.queue = b.queue[1:]
		for _, a := range b.m.Step(ev) {
			b.do(a)
		}
	}
}

func (b *back) do(a callbackflow.Action) {
	l := b.legs[a.N]
	switch a.Do {
	case callbackflow.Dial:
		b.dial(a.N, 0)
	case callbackflow.Cancel:
		if l != nil {
			l.leg.Cancel("")
		}
	case callbackflow.ByeLeg:
		if a.N == 0 {
			b.leg.Bye(a.Reason)
		} else if l != nil {
			l.leg.Bye(a.Reason)
		}
	case callbackflow.Ringback:
		b.say("send ringback", b.leg.Provisional(a.N, 180, "Ringing", sipedge.Message{}))
	case callbackflow.Answer:
		b.talk = b.s.cfg.Now()
		b.say("answer the psap", b.leg.Answer(a.N, l.sdp))
		b.record(journal.CallbackAnswered, journal.Back{SIPCallID: b.a.req.CallID, N: a.N, What: b.parties[a.N-1].what})
	case callbackflow.Reject:
		b.say("refuse a callback", b.leg.Reject(a.Code, "", nil))
	case callbackflow.Missed:
		b.missed(a)
	case callbackflow.End:
		b.ended(a)
	case callbackflow.SetTimer:
		b.stop(a.Timer)
		b.timers[a.Timer] = time.AfterFunc(a.After, func() { b.send(happening{timer: a.Timer}) })
	case callbackflow.StopTimer:
		b.stop(a.Timer)
	default:
		b.media(a)
	}
}

func (b *back) stop(t callbackflow.Timer) {
	if x := b.timers[t]; x != nil {
		x.Stop()
	}
}

// media passes re-INVITEs and their answers, unchanged.
func (b *back) media(a callbackflow.Action) {
	w := b.legs[b.m.Winner()]
	if w == nil {
		return
	}
	from, to := emergency.Dialog(b.leg), emergency.Dialog(w.leg)
	if a.N != 0 {
		from, to = to, from
	}
	m := bodyOf(b.now.ev)
	switch a.Do {
	case callbackflow.PassReInvite:
		to.ReInvite(m)
	case callbackflow.PassAnswer:
		b.say("pass the answer to a re-INVITE", to.AnswerReInvite(a.Code, b.now.ev.Reason, m))
	case callbackflow.PassAck: // N says to whom
		_ = from.Ack(m) // the edge has acknowledged what it could itself
	}
}

func bodyOf(ev sipedge.Event) sipedge.Message {
	if len(ev.Body) == 0 {
		return sipedge.Message{}
	}
	return sipedge.Message{Body: ev.Body, ContentType: ev.ContentType}
}

// dial rings a party by one of its ways.
func (b *back) dial(n, index int) {
	p := b.parties[n-1]
	w := p.ways[index]
	in := b.invite(w)
	if b.p.private {
		in = b.ordinaryInvite(w)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	done := func() {}
	if b.s.cfg.Trunks != nil && w.trunk.ID != "" {
		done = b.s.cfg.Trunks.Occupy(w.trunk.ID)
		in.Authorize = b.s.cfg.Trunks.Authorize(w.trunk.ID)
	}
	leg := b.s.cfg.Dial(ctx, in)
	b.legs[n] = &rung{leg: leg, way: index, cancel: func() { cancel(); done() }}
	f := journal.Rang{SIPCallID: b.a.req.CallID, N: n, What: p.what, To: w.uri}
	if w.trunk.ID != "" {
		f.Trunk = journal.Ref{ID: string(w.trunk.ID), Key: w.trunk.Key}
	}
	b.record(journal.CallbackRang, f)
	b.pump(n, leg, leg.Events())
}

// invite is what a leg is sent: the PSAP's SDP untouched, and what lets a
// telephone and a platform know that no setting of theirs is in its way (RFC
// 7090; W-54). Resource-Priority is that of PSAP callbacks (F-25).
func (b *back) invite(w way) sipedge.Invite {
	req := b.a.req
	user := userOf(identify.AddrSpec(req.Headers.Get("From")))
	if user == "" || strings.ContainsAny(user, "<>\"@ \t") {
		user = "anonymous"
	}
	in := sipedge.Invite{
		URI: w.uri, Dest: w.to.Addr, Transport: w.to.Transport, ServerName: w.to.ServerName, Flow: w.flow,
		From: "<sip:" + user + "@" + b.s.cfg.Domain + ">", To: "<" + w.uri + ">", Body: req.Body, ContentType: req.ContentType,
		Headers: sipedge.Headers{
			{Name: "Max-Forwards", Value: b.maxForwards()},
			{Name: "Priority", Value: "psap-callback"},
			{Name: "Alert-Info", Value: "<urn:alert:priority:high>"},
		},
	}
	if w.forward != "" {
		in.Headers = append(in.Headers, sipedge.Header{Name: headerForward, Value: w.forward})
	}
	if b.a.known || b.p.forwarded {
		for _, v := range req.Headers.All("P-Asserted-Identity") {
			in.Headers = append(in.Headers, sipedge.Header{Name: "P-Asserted-Identity", Value: v})
		}
	}
	if v, err := sipgeo.FormatPriorities(sipgeo.ESNet(0)); err == nil {
		in.Headers = append(in.Headers, sipedge.Header{Name: "Resource-Priority", Value: v})
	}
	return in
}

func (b *back) maxForwards() string {
	const start = 70
	n, err := strconv.Atoi(strings.TrimSpace(b.a.req.Headers.Get("Max-Forwards")))
	if err != nil || n < 1 || n > start {
		n = start
	}
	return strconv.Itoa(n - 1)
}

func (b *back) record(kind journal.Kind, body any) {
	if b.p.private {
		return
	}
	b.s.cfg.Journal.Record(journal.New(kind, b.s.cfg.Now(), b.p.org, b.call, body))
}

// came is the fact that somebody calls back.
func (b *back) came() journal.Came {
	req := b.a.req
	f := journal.Came{
		Number: b.a.number, Kind: b.p.kind, Source: req.Source.String(), Transport: req.Transport, SIPCallID: req.CallID,
		From: clip(req.Headers.Get("From")), Priority: clip(req.Headers.Get("Priority")), Verified: b.a.verified, Why: b.p.why,
	}
	if b.a.known {
		f.Trunk = journal.Ref{ID: string(b.a.trunk.ID), Key: b.a.trunk.Key}
	}
	for i := range b.p.calls {
		if u := b.p.calls[i].until(); u.After(f.Window) {
			f.Window = u
		}
		if len(b.p.calls) > 1 {
			f.Calls = append(f.Calls, b.p.calls[i].call)
		}
	}
	return f
}

func clip(s string) string {
	const longest = 256
	return s[:min(len(s), longest)]
}

// tell lets the people of every call that the number leads back to know.
func (b *back) tell(reason string) {
	for _, x := range b.p.calls {
		due := x.given.People
		due.Reason = reason
		due.Flags = slices.Clone(due.Flags)
		b.s.cfg.Journal.Record(journal.New(journal.NotifyDue, b.s.cfg.Now(), x.org, x.call, due))
	}
}

func (b *back) missed(a callbackflow.Action) {
	if b.p.forwarded {
		return // the node that the PSAP called says so
	}
	if b.p.private {
		b.s.alarm(b.p.org, "", journal.Alarm{Code: AlarmCrisis, Detail: "988 was dialled, and no trunk connected the call: " + a.Reason})
		return
	}
	b.s.alarm(b.p.org, b.call, journal.Alarm{
		Code: AlarmMissed, Source: b.a.req.Source.String(),
		Detail: "a call back to a number that a PSAP was given reached nobody: " + a.Reason + ". Call the PSAP",
	})
	if b.p.people {
		b.tell(journal.DueCallbackMissed)
	}
}

func (b *back) ended(a callbackflow.Action) {
	f := journal.Back{SIPCallID: b.a.req.CallID, N: b.m.Winner(), By: a.By, Reason: a.Reason, Code: a.Code}
	if !b.talk.IsZero() {
		f.What = b.parties[f.N-1].what
		f.TalkMS = b.s.cfg.Now().Sub(b.talk).Milliseconds()
	}
	b.record(journal.CallbackEnded, f)
}

func (b *back) say(doing string, err error) {
	if err != nil {
		b.log.Warn(doing, obs.Err(err))
	}
}
