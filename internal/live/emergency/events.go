package emergency

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// happened translates what happened to a leg for the machine. Facts about
// attempts are written here, others with the machine's actions.
func (c *call) happened(t legEvent) {
	if t.n = c.nameOf(t.n); t.n == leftSide {
		return
	}
	c.now = t
	var ev callflow.Event
	ok := true
	if !c.guard("event", func() { ev, ok = c.translate(t) }) {
		// The bare event: better than none for the machine.
		ev, ok = plainEvent(t)
	}
	if ok {
		c.step(ev)
		c.guard("answer", c.keepAnswer)
	}
	c.guard("location in the call", func() { c.placeAnswered(t) })
	c.moved(t)
	c.forget(t)
}

// plainEvent is the event without what must be read out of bodies.
func plainEvent(t legEvent) (callflow.Event, bool) {
	kinds := map[sipedge.EventKind]callflow.EventKind{
		sipedge.Sent: callflow.Sent, sipedge.SendFailed: callflow.SendFailed, sipedge.Provisional: callflow.Progress,
		sipedge.Answered: callflow.Answered, sipedge.Failed: callflow.Failed, sipedge.Acked: callflow.Acked,
		sipedge.Cancelled: callflow.Cancelled, sipedge.ByeReceived: callflow.Bye, sipedge.ReInvite: callflow.ReInvite,
		sipedge.ReInviteAnswered: callflow.ReInviteAnswered, sipedge.Lost: callflow.Lost, sipedge.Probed: callflow.Probed,
		sipedge.Referred: callflow.Refer, sipedge.Replaced: callflow.Replace,
	}
	kind, ok := kinds[t.ev.Kind]
	if t.ev.Kind == sipedge.Lost && errors.Is(t.ev.Err, sipedge.ErrStopped) {
		return callflow.Event{Kind: callflow.Stopped}, true // we went, not they
	}
	return callflow.Event{Kind: kind, N: t.n, Code: t.ev.Code}, ok
}

func (c *call) translate(t legEvent) (callflow.Event, bool) {
	ev, ok := plainEvent(t)
	if !ok {
		if t.ev.Kind == sipedge.Unrefreshed {
			c.unrefreshed(t)
		}
		if t.ev.Kind == sipedge.AckMissing && t.n == 0 {
			c.alarm(AlarmNoAck, "the caller's side did not acknowledge the answer; the call goes on")
		}
		return ev, false
	}
	a := c.legs[t.n]
	trunk := func() {
		if a != nil {
			rung := c.dec.rungs[a.rung]
			c.h.cfg.Trunks.Heard(rung.Trunk.ID, rung.Target)
		}
	}
	switch t.ev.Kind {
	case sipedge.Sent, sipedge.SendFailed:
		if a != nil {
			c.recordAttempt(a, t.ev)
		}
	case sipedge.Provisional:
		trunk()
		if t.ev.Code > 100 {
			c.took(a)
		}
		ev.SDP = c.keepSDP(a, t.ev)
	case sipedge.Answered:
		trunk()
		c.took(a)
		ev.SDP = c.keepSDP(a, t.ev)
		if a != nil {
			a.answer = t.ev
		}
	case sipedge.Failed:
		if t.ev.Err == nil {
			trunk()
		}
		ev.Follow = c.mayFollow(a, t.ev)
	case sipedge.Referred:
		ev.Follow = c.mayRefer(t)
	case sipedge.Replaced:
		ev.Follow, ev.SDP = c.mayReplace(t), sdpOf(t.ev.ContentType, t.ev.Body) != nil
	case sipedge.ReInvite, sipedge.Acked:
		c.movedBy(t)
		ev.Media = c.mediaOf(t)
	case sipedge.ReInviteAnswered:
		if t.ev.Code < 300 {
			c.keepSDP(a, t.ev)
			ev.Media = c.mediaAnswered(t)
		}
	}
	return ev, true
}

// keepSDP remembers what the other side of an attempt said last.
func (c *call) keepSDP(a *attempt, ev sipedge.Event) bool {
	sdp := sdpOf(ev.ContentType, ev.Body)
	if a != nil && sdp != nil {
		a.sdp = sdp
	}
	return sdp != nil
}

// mediaOf says what a re-INVITE or ACK asks for.
func (c *call) mediaOf(t legEvent) callflow.Media {
	sdp := sdpOf(t.ev.ContentType, t.ev.Body)
	switch {
	case sdp == nil:
		return callflow.MediaNone
	case t.n > 0:
		if a := c.legs[t.n]; a != nil {
			a.sdp = sdp
		}
		return callflow.MediaTalk
	case !keepsTalking(sdp):
		return callflow.MediaHold
	case t.ev.Kind == sipedge.Acked && bytes.Equal(sdp, c.callerIs):
		return callflow.MediaSame
	}
	return callflow.MediaTalk
}

// mayFollow reports a redirect to an address of the trunk itself (F-02).
func (c *call) mayFollow(a *attempt, ev sipedge.Event) bool {
	if a == nil || ev.Code < 300 || ev.Code > 399 {
		return false
	}
	trunk := c.dec.rungs[a.rung].Trunk
	for _, contact := range ev.Headers.All("Contact") {
		uri := identify.AddrSpec(contact)
		to, err := parseTarget(uri)
		if err != nil {
			continue
		}
		for _, p := range slices.Concat(trunk.From, trunk.DRFrom) {
			if p.Contains(to.dest.Addr()) && c.mayGoTo(to.dest.Addr()) {
				a.target = uri
				return true
			}
		}
	}
	return false
}

// mayGoTo reports that nothing keeps the call from an address to which somebody
// else sends it: calls of a demonstration stay on this machine (F-23).
func (c *call) mayGoTo(a netip.Addr) bool {
	return !c.org.Config().Demonstration || a.Unmap().IsLoopback()
}

// forget drops an attempt that is over, so that a caller who waits for hours
// costs no memory.
func (c *call) forget(t legEvent) {
	a := c.legs[t.n]
	if a == nil || c.m.Winner() == t.n {
		return
	}
	switch t.ev.Kind {
	case sipedge.SendFailed, sipedge.Failed, sipedge.Lost, sipedge.ByeReceived:
		a.cancel()
		delete(c.legs, t.n)
	}
}
