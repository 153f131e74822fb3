package trial

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// number is the one that goes out as the caller's.
func (r *run) number() e911.Number {
	if r.trunk.Profile == e911.ProfileELIN && r.order.Caller.ELIN != "" {
		return r.order.Caller.ELIN
	}
	return r.order.Caller.Callback
}

// invite writes the INVITE as that of a 911 call over the trunk, but for what is
// dialled, and without priority (E12).
func (r *run) invite(t ladder.Target, slim bool, sdp []byte) (in sipedge.Invite, parts int) {
	c, id := r.order.Caller, string(e911.NewID[e911.CallID]())
	plain, _, _ := strings.Cut(t.URI, ";")
	leg := convey.Write(convey.Call{
		ID: e911.CallID(id), Domain: r.s.cfg.Domain, Now: r.s.cfg.Now(), Name: sipgeo.CallID(id, r.s.cfg.Domain), Incident: sipgeo.IncidentID(id, r.s.cfg.Domain),
		Callback: c.Callback, Line: c.Line, Where: c.Where, ELIN: c.ELIN, ELINWhy: "the test names no place with one",
		Provider: r.s.cfg.Provider, Subscriber: convey.Subscriber{Name: c.Name, Org: c.OrgName},
	}, r.trunk, convey.Target{URI: t.URI, Plain: plain}, slim)
	in = sipedge.Invite{
		Dest: t.Addr, Transport: t.Transport, ServerName: t.ServerName, From: leg.From, Authorize: r.s.cfg.Trunks.Authorize(r.trunk.ID), Trace: r.traced,
	}
	switch {
	case r.report.Kind == calltrace.TestURN:
		in.URI, in.Routes = r.order.URI, leg.Routes
		if len(in.Routes) == 0 {
			in.Routes = []string{"<" + plain + ";lr>"}
		}
	case r.order.URI != "":
		in.URI = r.order.URI
	default:
		in.URI = withUser(t.URI, r.order.Number)
	}
	to, _, _ := strings.Cut(in.URI, ";")
	in.To = "<" + to + ">"
	for _, h := range leg.Headers {
		if !strings.EqualFold(h.Name, "Resource-Priority") {
			in.Headers = append(in.Headers, sipedge.Header(h))
		}
	}
	in.ContentType, in.Body = convey.Join("callbox-"+id, sdp, leg.Parts)
	return in, len(leg.Parts)
}

// attempt makes one attempt and waits for its end.
func (r *run) attempt(ctx context.Context, t ladder.Target, slim bool) calltrace.Try {
	try := calltrace.Try{Target: targetName(t), Slim: slim}
	began := r.s.cfg.Now()
	session, err := r.s.cfg.Media.Offer(t.Addr.Addr())
	if err != nil {
		try.Fault, try.Detail = calltrace.NoConnection, "no port for the sound is free: "+err.Error()
		r.report.Tries = append(r.report.Tries, try)
		return try
	}
	defer session.Close()
	in, parts := r.invite(t, slim, session.SDP())
	try.Bodies, r.report.Dialled = parts, in.URI
	if authorize := in.Authorize; authorize != nil {
		in.Authorize = func(c sipedge.Challenge) sipedge.Headers {
			h := authorize(c)
			r.mu.Lock()
			try.Proved = h != nil
			r.mu.Unlock()
			return h
		}
	}
	r.mu.Lock()
	r.noTCP = ""
	r.mu.Unlock()
	legCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	leg := r.s.cfg.Dial(legCtx, in)
	l := &listener{r: r, try: &try, leg: leg, session: session, began: began}
	l.listen(ctx)
	r.settle(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if try.Sent {
		try.NoTCP = r.noTCP
	}
	r.report.Tries = append(r.report.Tries, try)
	return try
}

// fault says why nothing came.
func (r *run) fault(try *calltrace.Try, err error) {
	try.Detail = reasonOf(err)
	switch {
	case strings.Contains(err.Error(), "shake hands"):
		try.Fault = calltrace.NoHandshake
	case errors.Is(err, sipedge.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		try.Fault = calltrace.Silent
	default:
		try.Fault = calltrace.NoConnection
	}
}

// settle waits until the last request of ours has its answer, so that the ladder
// does not end in the middle.
func (r *run) settle(ctx context.Context) {
	limit := time.NewTimer(r.s.cfg.Settle)
	defer limit.Stop()
	for {
		r.mu.Lock()
		waits := r.last.Out && (r.last.Method == "BYE" || r.last.Method == "CANCEL")
		r.mu.Unlock()
		if !waits {
			return
		}
		select {
		case <-r.moved:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// listener minds one leg.
type listener struct {
	r       *run
	try     *calltrace.Try
	leg     Leg
	session *media.Session
	began   time.Time
	talk    time.Time // since it was answered
	gaveUp  calltrace.Fault
}

// listen returns when the leg is over. Nothing keeps it longer than ring and
// talk allow.
func (l *listener) listen(ctx context.Context) {
	cfg := &l.r.s.cfg
	limit := time.NewTimer(cfg.NoProgress)
	defer limit.Stop()
	stopped := ctx.Done()
	for {
		select {
		case ev, ok := <-l.leg.Events():
			if !ok {
				l.over()
				return
			}
			if l.event(ev) {
				limit.Reset(l.next())
			}
		case <-limit.C:
			if l.expired() {
				l.over()
				return
			}
			limit.Reset(cfg.Settle)
		case <-stopped:
			stopped = nil
			l.leg.Bye("the test was stopped")
		}
	}
}

// next is how long may pass from now on.
func (l *listener) next() time.Duration {
	switch {
	case !l.talk.IsZero():
		return time.Duration(l.r.order.Seconds) * time.Second
	case l.try.Rang:
		return l.r.s.cfg.Ring
	}
	return l.r.s.cfg.NoProgress
}

// event reports whether the time that may pass begins anew.
func (l *listener) event(ev sipedge.Event) bool {
	switch ev.Kind {
	case sipedge.Sent:
		l.try.Sent = true
	case sipedge.SendFailed:
		l.r.fault(l.try, ev.Err)
	case sipedge.Provisional:
		if ev.Code > 100 && !l.try.Rang {
			l.try.Rang = true
			return true
		}
	case sipedge.Answered:
		if l.gaveUp != "" { // it crossed our CANCEL
			l.leg.Bye("the test is over")
			return false
		}
		l.answered(ev)
		return true
	case sipedge.Failed:
		l.failed(ev)
	case sipedge.Lost:
		l.lost(ev.Err)
	case sipedge.ReInvite:
		l.reInvite(ev)
	}
	return false
}

// lost tells a call that never came through from one whose connection broke.
func (l *listener) lost(err error) {
	if !l.talk.IsZero() {
		return
	}
	l.try.Fault, l.try.Detail = calltrace.Lost, reasonOf(err)
	if errors.Is(err, sipedge.ErrUnreachable) {
		l.try.Fault = calltrace.NoConnection
		l.r.decided("by UDP nothing listens there: its system says so (ICMP)")
	}
}

func (l *listener) answered(ev sipedge.Event) {
	l.talk = l.r.s.cfg.Now()
	l.try.Code, l.try.Reason, l.try.Took = ev.Code, ev.Reason, l.talk.Sub(l.began)
	if err := l.session.Accept(convey.SDP(ev.ContentType, ev.Body)); err != nil {
		l.r.decided("its answer has no sound that we can take part in: %s", reasonOf(err))
		return
	}
	l.session.Start()
}

func (l *listener) failed(ev sipedge.Event) {
	if ev.Err != nil || l.gaveUp != "" {
		l.try.Fault = calltrace.Silent
		if l.gaveUp != "" {
			l.try.Fault = l.gaveUp
		}
		return
	}
	t := l.try
	t.Code, t.Reason = ev.Code, ev.Reason
	t.Warning, t.Accept, t.Unwilling = ev.Headers.Get("Warning"), ev.Headers.Get("Accept"), ev.Headers.Get("Unsupported")
}

func (l *listener) reInvite(ev sipedge.Event) {
	if offer := convey.SDP(ev.ContentType, ev.Body); offer != nil {
		if sdp, err := l.session.Renegotiate(offer); err == nil {
			_ = l.leg.AnswerReInvite(200, "OK", sipedge.Message{Body: sdp, ContentType: "application/sdp"}) // its end comes as an event
			return
		}
	}
	_ = l.leg.AnswerReInvite(488, "Not Acceptable Here", sipedge.Message{})
}

// expired ends what took long enough; it reports true when not even that was
// heard.
func (l *listener) expired() bool {
	switch {
	case !l.talk.IsZero() && l.gaveUp == "":
		l.gaveUp = calltrace.Lost
		l.leg.Bye("the test is over")
		return false
	case l.gaveUp != "":
		return true
	case l.try.Rang:
		l.gaveUp = calltrace.Rings
		l.r.decided("it rings and nobody answers: given up")
	default:
		l.gaveUp = calltrace.Silent
		l.r.decided("nothing was heard: given up, as a 911 call would go on now")
	}
	l.leg.Cancel("the test is over")
	return false
}

// over fills in what is known at the end.
func (l *listener) over() {
	now := l.r.s.cfg.Now()
	if l.talk.IsZero() {
		l.try.Took = now.Sub(l.began)
		if l.try.Code == 0 && l.try.Fault == "" {
			l.try.Fault = l.gaveUp
		}
		return
	}
	l.r.report.Talk, l.r.report.Heard = now.Sub(l.talk), l.session.Stats().Received
}
