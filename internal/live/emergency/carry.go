package emergency

import (
	"context"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/convey"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// do carries out one action of the machine.
func (c *call) do(a callflow.Action) {
	switch a.Do {
	case callflow.SetTimer:
		from := c.h.cfg.Now()
		if c.arriving && a.Timer.Name != callflow.TimerNoProgress {
			from = c.at
		}
		c.clock.start(a.Timer, from.Add(a.After))
	case callflow.StopTimer:
		c.clock.stop(a.Timer)
	case callflow.Dial:
		c.dial(a)
	case callflow.Cancel:
		if l := c.legs[a.N]; l != nil && l.leg != nil {
			l.leg.Cancel(a.Reason)
		}
	case callflow.ByeLeg:
		c.bye(a)
	case callflow.Ringback:
		c.say("send ringback", c.leg.Provisional(a.N, 180, "Ringing", sipedge.Message{}))
	case callflow.Relay:
		c.relay(a)
	case callflow.Answer:
		c.answer(a)
	case callflow.Reject:
		c.say("refuse the caller", c.leg.Reject(a.Code, "Service Unavailable", nil))
	case callflow.Notify:
		c.notify(a.Reason)
	case callflow.GiveUp:
		c.gaveUp(a)
	case callflow.Alarm:
		c.alarm(AlarmCode(a.Reason), alarmText[AlarmCode(a.Reason)])
	case callflow.Probe:
		c.probe(a.N)
	case callflow.HandOver:
		c.handOver()
	case callflow.SendLocation:
		c.sendPlace(a.N)
	case callflow.EndCall:
		c.recordEnd(a.By, a.Reason, a.Abandoned)
	default:
		if !c.change(a) {
			c.media(a)
		}
	}
}

// dial makes an attempt. What cannot be dialled is a failed attempt.
func (c *call) dial(a callflow.Action) {
	rung := c.dec.rungs[a.Route]
	target := uriOf(rung)
	if a.Follow {
		if from := c.redirect(a.Route); from != "" {
			target, rung.Target = from, ladder.Target{}
		}
	}
	att := &attempt{n: a.N, rung: a.Route, slim: a.Slim, after: a.Slim && c.full[a.Route], cancel: func() {}}
	c.full[a.Route] = c.full[a.Route] || !a.Slim
	c.legs[a.N], c.last = att, a.N
	var in sipedge.Invite
	var err error
	if !c.guard("convey", func() { in, att.sent, err = c.convey(rung, target, a.Slim) }) {
		// Without the location body then: the PSAP can ask, an open line is
		// better than none.
		in, att.sent, err = c.convey(rung, target, true)
		att.slim = true
	}
	if err == nil {
		err = c.aim(&in, rung)
	}
	if err != nil {
		c.alarm(AlarmRoute, "the trunk "+rung.Trunk.Key+" cannot be dialled: its address is no IP address")
		c.recordAttempt(att, sipedge.Event{Kind: sipedge.SendFailed, At: c.h.cfg.Now(), Err: err})
		delete(c.legs, a.N)
		c.queue = append(c.queue, callflow.Event{Kind: callflow.SendFailed, N: a.N})
		return
	}
	if a.Slim && convey.Carries(rung.Trunk.Profile) {
		why := c.slimWhy[a.Route]
		if att.after || why == "" {
			why = "it refused it"
		}
		c.alarm(AlarmSlim, "sent without location body to the trunk "+rung.Trunk.Key+": "+why)
	}
	if att.sent.pidf != "" {
		att.place = c.dec.where.Place
	}
	c.sendOut(att, in, rung)
}

// sendOut dials a leg that is written.
func (c *call) sendOut(att *attempt, in sipedge.Invite, rung ladder.Rung) {
	in.Honours = true
	if c.m != nil && c.m.Waiting() {
		in.Keep = c.keepLeg(att)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.h.sent(c, rung.Trunk.ID)
	done := c.occupy(rung.Trunk.ID)
	att.cancel = func() { cancel(); done() }
	att.leg = c.h.cfg.Dial(ctx, in)
	c.pump(att.n, att.leg.Events())
}

// redirect is where the last redirect by this route pointed.
func (c *call) redirect(route int) string {
	target, n := "", 0
	for _, l := range c.legs {
		if l.rung == route && l.target != "" && l.n > n {
			target, n = l.target, l.n
		}
	}
	return target
}

func (c *call) bye(a callflow.Action) {
	if a.N == 0 {
		c.leg.Bye(a.Reason)
		return
	}
	if l := c.legs[a.N]; l != nil && l.leg != nil {
		l.leg.Bye(a.Reason)
	}
}

// relay passes a provisional response with its SDP, unchanged (D-04, D-05).
func (c *call) relay(a callflow.Action) {
	ev := c.now.ev
	sdp := sdpOf(ev.ContentType, ev.Body)
	c.record(journal.CallProgress, ev.At, journal.Progress{N: a.N, Code: a.Code, EarlyMedia: sdp != nil})
	c.say("relay progress", c.leg.Provisional(a.N, a.Code, ev.Reason, sdpMessage(sdp)))
}

// answer connects the caller with what the attempt answered.
func (c *call) answer(a callflow.Action) {
	l := c.legs[a.N]
	rung := c.dec.rungs[l.rung]
	c.talk = c.h.cfg.Now()
	c.h.answered(c)
	c.record(journal.CallAnswered, c.talk, journal.Answered{N: a.N, Trunk: trunkRef(rung.Trunk), PSAP: psapRef(rung), Without: c.without(l)})
	// A 200 without SDP follows early media: that SDP is the answer.
	m := sdpMessage(l.sdp)
	c.awaitKept(c.keepDialogs(a.N, &m))
	honour(c.leg)
	// If the caller's side is over already, its own event ends the call.
	c.say("answer the caller", c.leg.Answer(a.N, m))
	c.guard("watch the answer", func() { c.watchAnswer(l) })
}

// media handles re-INVITEs and ACKs with SDP.
func (c *call) media(a callflow.Action) {
	winner := c.legs[c.m.Winner()]
	ev := c.now.ev
	body := sdpOf(ev.ContentType, ev.Body)
	switch {
	case a.Do == callflow.RefuseReInvite:
		if d := c.dialog(a.N); d != nil {
			c.say("refuse a re-INVITE", d.AnswerReInvite(a.Code, reasonPhrase(a.Code), sipedge.Message{}))
		}
	case winner == nil || winner.leg == nil:
	case a.Do == callflow.AnswerHold:
		c.record(journal.CallChanged, ev.At, journal.Changed{What: journal.ChangedHeld})
		c.say("answer hold", c.leg.AnswerReInvite(200, "OK", sdpMessage(withDirection(winner.sdp, answerTo(body)))))
	case a.Do == callflow.OfferCaller:
		c.say("offer to the caller", c.leg.AnswerReInvite(200, "OK", sdpMessage(winner.sdp)))
	case a.Do == callflow.PassReInvite && a.N == 0:
		c.callerIs = body
		winner.leg.ReInvite(sdpMessage(body))
	case a.Do == callflow.PassReInvite:
		c.leg.ReInvite(sdpMessage(body))
	case a.Do == callflow.UpdatePSAP:
		c.callerIs = body
		winner.leg.ReInvite(sdpMessage(body))
	case a.Do == callflow.PassAnswer && a.N == 0:
		if a.Code < 300 && body != nil {
			c.callerIs = body
		}
		c.say("pass an answer to the psap", winner.leg.AnswerReInvite(a.Code, phraseOf(ev, a.Code), sdpMessage(body)))
	case a.Do == callflow.PassAnswer:
		c.say("pass an answer to the caller", c.leg.AnswerReInvite(a.Code, phraseOf(ev, a.Code), sdpMessage(body)))
	case a.Do == callflow.PassAck && a.N == 0:
		c.say("pass an acknowledgement to the caller", c.leg.Ack(sdpMessage(body)))
	case a.Do == callflow.PassAck:
		c.callerIs = body
		c.say("pass an acknowledgement to the psap", winner.leg.Ack(sdpMessage(body)))
	}
}

func (c *call) dialog(n int) Dialog {
	if n == 0 {
		return c.leg
	}
	if l := c.legs[n]; l != nil && l.leg != nil {
		return l.leg
	}
	return nil
}

func sdpMessage(sdp []byte) sipedge.Message {
	if sdp == nil {
		return sipedge.Message{}
	}
	return sipedge.Message{Body: sdp, ContentType: typeSDP}
}

func phraseOf(ev sipedge.Event, code int) string {
	if ev.Reason != "" {
		return ev.Reason
	}
	return reasonPhrase(code)
}

// reasonPhrase is that of RFC 3261, section 21, for the codes that are ours.
func reasonPhrase(code int) string {
	switch code {
	case 200:
		return "OK"
	case 408:
		return "Request Timeout"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 491:
		return "Request Pending"
	case 503:
		return "Service Unavailable"
	}
	return "Refused"
}
