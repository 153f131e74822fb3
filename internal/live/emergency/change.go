package emergency

import (
	"bytes"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/callflow"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/ladder"
)

// Alarms of calls that change while they are up.
const (
	// AlarmTransferLost: the PSAP handed the call on and hung up, and nobody took it.
	AlarmTransferLost AlarmCode = callflow.AlarmTransferLost
	// AlarmUnrefreshed: a session timer ran out (RFC 4028). The call goes on.
	AlarmUnrefreshed AlarmCode = "session_unrefreshed"
)

const transferLost = "the PSAP handed the call on and hung up, and its target did not take the call; the PSAP is called again"

// leftSide is the number of a leg whose events mean nothing any more.
const leftSide = -1 << 20

// changes is what a call knows of who comes into it.
type changes struct {
	referral referral
	// names says who a leg is now, by the number under which its events come.
	names  map[int]int
	pumped int // the caller's such number
	serial int // the last number given to a caller who comes again
	comer  Caller
	sdp    []byte // of comer
}

// referral is where the PSAP wants the call to be (RFC 3515).
type referral struct {
	to         string
	dest       netip.AddrPort // invalid: where the route leads
	transport  string
	replaces   string
	referredBy string
}

// honours is a leg that can bring REFER and Replaces; *sipedge.Leg is one.
type honours interface{ Honour() }

func honour(l any) {
	if h, ok := l.(honours); ok {
		h.Honour()
	}
}

// refers is a leg whose REFER can be answered.
type refers interface {
	AnswerRefer(code int, reason string) error
	TellRefer(code int, reason string) error
}

// nameOf is who a leg is now.
func (c *call) nameOf(n int) int {
	if now, ok := c.changes.names[n]; ok {
		return now
	}
	return n
}

func (c *call) rename(n, now int) {
	if c.changes.names == nil {
		c.changes.names = map[int]int{}
	}
	c.changes.names[n] = now
}

// change carries out what callflow wants of calls that are up; false for what is
// not about who is in them.
func (c *call) change(a callflow.Action) bool {
	switch a.Do {
	case callflow.AnswerRefer:
		c.answerRefer(a)
	case callflow.TellRefer:
		if d, ok := c.dialog(a.N).(refers); ok {
			c.say("tell the psap how its referral goes", d.TellRefer(a.Code, ""))
		}
	case callflow.Transfer:
		c.transfer(a)
	case callflow.Take:
		c.take(a.N)
	case callflow.TurnAway:
		c.turnAway(a.Code)
	case callflow.Decline:
		c.decline(a)
	case callflow.Connect:
		if l := c.legs[a.N]; l != nil {
			c.leg.ReInvite(sdpMessage(l.sdp))
		}
	case callflow.Move:
		c.move(a.N)
	case callflow.Accept:
		c.accept(a.N)
	case callflow.Joined:
		c.joined(a)
	default:
		return false
	}
	return true
}

func (c *call) answerRefer(a callflow.Action) {
	reason := ""
	what := journal.Changed{What: journal.ChangedReferred, N: a.N, Code: a.Code, To: clip(c.changes.referral.to, 256)}
	if a.N == 0 {
		reason, what.Why = "No Transfer Of An Emergency Call", "a caller cannot hand an emergency call on"
		what.To = clip(identify.AddrSpec(c.now.ev.Headers.Get("Refer-To")), 256)
	} else if a.Code == 403 {
		what.Why = "the target is no address of the trunk"
	}
	c.record(journal.CallChanged, c.now.ev.At, what)
	if d, ok := c.dialog(a.N).(refers); ok {
		c.say("answer a referral", d.AnswerRefer(a.Code, reason))
	}
}

// mayRefer reads where the PSAP wants the call to be, and reports whether its
// trunk may send us there: to an address of its own.
func (c *call) mayRefer(t legEvent) bool {
	a := c.legs[t.n]
	if t.n == 0 || a == nil || c.callerIs == nil {
		return false
	}
	uri, params, _ := strings.Cut(identify.AddrSpec(t.ev.Headers.Get("Refer-To")), "?")
	r := referral{to: uri, referredBy: t.ev.Headers.Get("Referred-By")}
	if m, ok := uriParam(uri, "method"); ok && !strings.EqualFold(m, "INVITE") {
		return false
	}
	for p := range strings.SplitSeq(params, "&") {
		if k, v, _ := strings.Cut(p, "="); strings.EqualFold(k, "Replaces") {
			v, err := url.PathUnescape(v)
			if err != nil {
				return false
			}
			r.replaces = v
		}
	}
	c.changes.referral = r
	rung := c.rungNow(a.rung)
	if to, err := parseTarget(uri); err == nil {
		r.dest, r.transport = to.dest, to.transport
		c.changes.referral = r
		return c.ownOf(rung, to.dest.Addr())
	}
	_, named := plainName(uri)
	host := hostOf(uri)
	return named && (strings.EqualFold(host, hostOf(uriOf(rung))) || strings.EqualFold(host, hostOf(rung.Trunk.To)))
}

// rungNow is the route with its trunk as it is known today, where all that is
// left of it is its name: in a call that was gone on with.
func (c *call) rungNow(i int) ladder.Rung {
	r := &c.dec.rungs[i]
	if r.Trunk.From == nil && r.Trunk.DRFrom == nil {
		if t, ok := c.snap.Trunk(r.Trunk.ID); ok {
			t.To = r.Trunk.To
			r.Trunk = t
		}
	}
	return *r
}

// ownOf reports an address of the trunk's own side.
func (c *call) ownOf(r ladder.Rung, a netip.Addr) bool {
	a = a.Unmap()
	if !c.mayGoTo(a) {
		return false
	}
	if t, err := parseTarget(uriOf(r)); err == nil && t.dest.Addr() == a {
		return true
	}
	return r.Target.Addr.Addr() == a ||
		slices.ContainsFunc(slices.Concat(r.Trunk.From, r.Trunk.DRFrom), func(p netip.Prefix) bool { return p.Contains(a) })
}

func hostOf(uri string) string {
	plain, _ := plainName(uri)
	_, host, ok := strings.Cut(plain, "@")
	if !ok {
		_, host, _ = strings.Cut(plain, ":")
	}
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return host
}

func uriParam(uri, name string) (string, bool) {
	for p := range strings.SplitSeq(uri, ";") {
		if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), name) {
			return v, true
		}
	}
	return "", false
}

// transfer dials the target of the referral, with all that the PSAP was given.
func (c *call) transfer(a callflow.Action) {
	rung, r := c.rungNow(a.Route), c.changes.referral
	att := &attempt{n: a.N, rung: a.Route, cancel: func() {}}
	if w := c.legs[c.m.Winner()]; w != nil {
		att.slim = w.slim
	}
	c.legs[a.N], c.last = att, a.N
	c.dec.sdp = c.callerIs
	var in sipedge.Invite
	var err error
	if !c.guard("convey", func() { in, att.sent, err = c.convey(rung, r.to, att.slim) }) {
		in, att.sent, err = c.convey(rung, r.to, true)
		att.slim = true
	}
	if err == nil {
		in.URI, in.Routes = r.to, nil
		if r.replaces != "" {
			in.Headers = append(in.Headers, sipedge.Header{Name: "Replaces", Value: r.replaces})
		}
		if r.referredBy != "" {
			in.Headers = append(in.Headers, sipedge.Header{Name: "Referred-By", Value: r.referredBy})
		}
		err = c.aim(&in, rung)
		if r.dest.IsValid() {
			err = nil
			in.Dest = r.dest
			if in.Transport != "tls" {
				in.Transport = r.transport
			}
		}
	}
	if err != nil {
		c.recordAttempt(att, sipedge.Event{Kind: sipedge.SendFailed, At: c.h.cfg.Now(), Err: err})
		delete(c.legs, a.N)
		c.queue = append(c.queue, callflow.Event{Kind: callflow.SendFailed, N: a.N})
		return
	}
	c.sendOut(att, in, rung)
}

// mayReplace reports whether who comes is of the side whose place he wants.
func (c *call) mayReplace(t legEvent) bool {
	if t.ev.Leg == nil {
		return false
	}
	q := t.ev.Leg.Request()
	if t.n == 0 {
		return c.sameCaller(q)
	}
	a := c.legs[t.n]
	if a == nil {
		return false
	}
	rung := c.rungNow(a.rung)
	same := func(tr e911.Trunk, ok bool) bool { return ok && tr.ID == rung.Trunk.ID }
	return c.ownOf(rung, q.Source.Addr()) || same(c.snap.TrunkBySource(q.Source.Addr())) || same(c.snap.TrunkByCertificate(q.Peer))
}

// sameCaller reports a request of the telephone, or by the trunk, that the call
// came from.
func (c *call) sameCaller(q *sipedge.Request) bool {
	if c.known {
		tr, ok := c.snap.TrunkBySource(q.Source.Addr())
		return ok && tr.ID == c.trunk.ID
	}
	if q.Who.Proved && q.Who.Who != "" && q.Who.Who == c.req.Who.Who {
		return true
	}
	if c.h.cfg.Phones != nil && c.phone.Device != "" {
		p, ok := c.h.cfg.Phones.Phone(q)
		return ok && p.Org == c.phone.Org && p.Device == c.phone.Device
	}
	return q.Source.Addr() == c.req.Source.Addr()
}

func (c *call) turnAway(code int) {
	leg := c.now.ev.Leg
	if leg == nil {
		return
	}
	c.record(journal.CallChanged, c.now.ev.At, journal.Changed{
		What: journal.ChangedTurnedAway, N: c.now.n, Code: code, To: leg.Request().Source.String(),
	})
	c.say("turn away who wants a place in the call", leg.TurnAway(code))
}

// take keeps who comes until it is known whether he gets a place.
func (c *call) take(n int) {
	leg := c.now.ev.Leg
	if leg == nil {
		return
	}
	sdp := sdpOf(c.now.ev.ContentType, c.now.ev.Body)
	if n == callflow.Newcomer {
		x := &c.changes
		x.serial--
		x.comer, x.sdp = leg, sdp
		k := x.serial + callflow.Newcomer
		c.rename(k, callflow.Newcomer)
		c.pump(k, leg.Events())
		return
	}
	rung := 0
	if w := c.legs[c.m.Winner()]; w != nil {
		rung = w.rung
	}
	done := c.occupy(c.dec.rungs[rung].Trunk.ID)
	c.legs[n], c.last = &attempt{n: n, rung: rung, leg: leg, sdp: sdp, took: true, cancel: func() { leg.Bye(""); done() }}, n
	c.pump(n, leg.Events())
}

func (c *call) decline(a callflow.Action) {
	if a.N == callflow.Newcomer {
		c.say("turn the caller's new place away", c.changes.comer.Reject(a.Code, reasonPhrase(a.Code), nil))
		c.rename(c.changes.serial+callflow.Newcomer, leftSide)
		return
	}
	if l := c.legs[a.N]; l != nil {
		if leg, ok := l.leg.(Caller); ok {
			c.say("turn away who wanted a place in the call", leg.Reject(a.Code, reasonPhrase(a.Code), nil))
		}
		l.cancel()
		delete(c.legs, a.N)
	}
}

// move tells the PSAP where the caller is heard and spoken to.
func (c *call) move(n int) {
	sdp := c.callerIs
	if n == callflow.Newcomer {
		sdp = c.changes.sdp
	}
	if l := c.legs[c.m.Winner()]; l != nil && l.leg != nil {
		l.leg.ReInvite(sdpMessage(sdp))
	}
}

// accept lets who came in.
func (c *call) accept(n int) {
	if n != callflow.Newcomer {
		l := c.legs[n]
		if l == nil {
			return
		}
		if sdp := sdpOf(c.now.ev.ContentType, c.now.ev.Body); sdp != nil {
			c.callerIs = sdp
		}
		if leg, ok := l.leg.(Caller); ok {
			c.say("answer who takes the call", leg.Answer(1, sdpMessage(c.callerIs)))
		}
		return
	}
	w := c.legs[c.m.Winner()]
	if w == nil {
		return
	}
	x, old := &c.changes, c.leg
	c.say("answer the caller at his new place", x.comer.Answer(1, sdpMessage(w.sdp)))
	c.rename(x.pumped, leftSide)
	x.pumped = x.serial + callflow.Newcomer
	c.rename(x.pumped, 0)
	c.leg, c.callerIs, x.comer = x.comer, x.sdp, nil
	old.Bye("the caller is at another place")
}

// joined writes down who has the call now.
func (c *call) joined(a callflow.Action) {
	what := map[string]string{
		"transferred": journal.ChangedTransferred, "replaced": journal.ChangedReplaced, "returned": journal.ChangedReturned, "caller moved": journal.ChangedMoved,
	}[a.Reason]
	f := journal.Changed{What: what, N: a.N}
	switch l := c.legs[a.N]; {
	case a.N == 0:
		f.To = c.leg.Request().Source.String()
	case what == journal.ChangedReplaced && l != nil:
		if leg, ok := l.leg.(Caller); ok {
			f.To = leg.Request().Source.String()
		}
	case l != nil:
		f.To = clip(l.sent.to, 256)
	}
	c.record(journal.CallChanged, c.now.ev.At, f)
	c.keepDialogs(c.m.Winner(), nil)
}

// movedBy notes a caller whose request came from another address than before.
func (c *call) movedBy(t legEvent) {
	if t.n == 0 && t.ev.Moved.IsValid() {
		c.record(journal.CallChanged, t.ev.At, journal.Changed{What: journal.ChangedMoved, To: t.ev.Moved.String()})
	}
}

// mediaAnswered says whether the caller answered with SDP that the PSAP does not
// know.
func (c *call) mediaAnswered(t legEvent) callflow.Media {
	sdp := sdpOf(t.ev.ContentType, t.ev.Body)
	switch {
	case t.n != 0 || sdp == nil:
		return callflow.MediaNone
	case bytes.Equal(sdp, c.callerIs):
		return callflow.MediaSame
	}
	return callflow.MediaTalk
}

func (c *call) unrefreshed(t legEvent) {
	side := "the PSAP's"
	if t.n == 0 {
		side = "the caller's"
	}
	c.alarm(AlarmUnrefreshed, side+" side did not refresh its session; the call goes on")
}

// letNobodyIn answers who wanted a place in a call that is over: it is read when
// no leg brings anything any more.
func (c *call) letNobodyIn() {
	legs := []<-chan sipedge.Event{c.leg.Events()}
	for _, l := range c.legs {
		if l.leg != nil {
			legs = append(legs, l.leg.Events())
		}
	}
	if c.changes.comer != nil {
		_ = c.changes.comer.Reject(481, reasonPhrase(481), nil) // over already, mostly
	}
	away := func(ev sipedge.Event) {
		if ev.Kind == sipedge.Replaced && ev.Leg != nil {
			_ = ev.Leg.TurnAway(481) // it waits, or has gone
		}
	}
	for _, in := range legs {
		drain(in, away)
	}
	for {
		select {
		case t := <-c.events:
			away(t.ev)
		default:
			return
		}
	}
}

func drain(in <-chan sipedge.Event, see func(sipedge.Event)) {
	for {
		select {
		case ev, ok := <-in:
			if !ok {
				return
			}
			see(ev)
		default:
			return
		}
	}
}
