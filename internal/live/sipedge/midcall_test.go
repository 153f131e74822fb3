package sipedge_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

func offer(o out, body string) out {
	o.body, o.ctype = body, "application/sdp"
	return o
}

func withSDP(body string) sipedge.Message {
	return sipedge.Message{Body: []byte(body), ContentType: "application/sdp"}
}

// psapSays is a request of the side that answered inv with the tag "psap".
func psapSays(inv msg, method string, seq int) out {
	return out{
		method: method, uri: "sip:callbox@127.0.0.2", branch: unique("z9hG4bK"), fromTag: "psap", toTag: inv.tag("From"),
		callID: inv.get("Call-ID"), seq: seq,
	}
}

// psapLeg is a dialled leg that is up.
func psapLeg(t *testing.T, r *rig, change func(*sipedge.Invite), headers ...string) (*sipedge.Leg, *peer, msg) {
	t.Helper()
	p := newPeer(t, "udp", "127.0.0.21", r.udp)
	in := call(p, "udp")
	if change != nil {
		change(&in)
	}
	leg := r.edge.Dial(t.Context(), in)
	inv := p.request("INVITE")
	sent(t, leg, "udp")
	p.respond(inv, 200, "psap", sdp, append(headers, p.contact())...)
	event(t, leg, sipedge.Answered)
	p.request("ACK")
	return leg, p, inv
}

// Proves: F-15, D-04 (RFC 3311, section 5.2; RFC 3261, section 14.2)
func TestAnUPDATEWithAnOfferIsAReInviteWithoutACK(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p, inv, leg, ok := answeredCall(t, r, network)
		up := offer(inv.with("UPDATE", ok.tag("To"), 2), sdp+"a=x-2\r\n")
		p.send(up.text(p))
		if ev := event(t, leg, sipedge.ReInvite); ev.Method != "UPDATE" || string(ev.Body) != up.body {
			t.Errorf("event = %s %q", ev.Method, ev.Body)
		}
		p.send(offer(inv.with("UPDATE", ok.tag("To"), 3), sdp).text(p))
		if got := p.status(500); got.get("Retry-After") == "" {
			t.Errorf("a second one at the same time:\n%s", got.raw)
		}
		if err := leg.AnswerReInvite(200, "", withSDP(sdp+"a=x-answer\r\n")); err != nil {
			t.Fatal(err)
		}
		one := p.status(200)
		p.send(up.text(p))
		if two := p.status(200); one.raw != two.raw || !strings.HasSuffix(one.body, "a=x-answer\r\n") || one.get("Contact") == "" {
			t.Errorf("answers:\n%s\n%s", one.raw, two.raw)
		}
		leg.ReInvite(withSDP(sdp))
		ours := p.request("INVITE")
		p.send(offer(inv.with("UPDATE", ok.tag("To"), 4), sdp).text(p))
		p.status(491)
		p.respond(ours, 200, "", sdp)
		event(t, leg, sipedge.ReInviteAnswered)
		p.request("ACK")
		p.send(inv.with("UPDATE", ok.tag("To"), 5).text(p))
		if got := p.status(200); got.body != "" || got.get("Contact") == "" {
			t.Errorf("without an offer:\n%s", got.raw)
		}
	})
}

// Proves: F-32 (RFC 3262, section 4)
func TestReliableProvisionalResponsesAreAcknowledged(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.21", r.udp)
	leg := r.edge.Dial(t.Context(), call(p, "udp"))
	inv := p.request("INVITE")
	sent(t, leg, "udp")
	if got := strings.Join(inv.all("Supported"), ", "); !strings.Contains(got, "100rel") || strings.Contains(got, "replaces") {
		t.Errorf("Supported = %q", got)
	}
	if inv.get("Require") != "" {
		t.Errorf("Require = %q", inv.get("Require"))
	}
	p.respond(inv, 183, "psap", sdp, p.contact(), "Require: 100rel", "RSeq: 7")
	prack := p.request("PRACK")
	if prack.get("RAck") != "7 1 INVITE" || prack.tag("To") != "psap" || seqOf(t, prack) != 2 || !strings.Contains(prack.start, p.local.String()) {
		t.Errorf("PRACK:\n%s", prack.raw)
	}
	p.respond(prack, 200, "", "")
	if ev := event(t, leg, sipedge.Provisional); ev.Code != 183 || string(ev.Body) != sdp {
		t.Errorf("early media = %d %q", ev.Code, ev.Body)
	}
	p.respond(inv, 183, "psap", sdp, p.contact(), "Require: 100rel", "RSeq: 7") // again
	p.respond(inv, 182, "psap", "", p.contact(), "Require: 100rel", "RSeq: 9")  // 8 is missing
	p.respond(inv, 180, "psap", "", p.contact(), "Require: 100rel", "RSeq: 8")
	prack = p.until("PRACK of 8", func(m msg) bool { return m.code() == 0 && m.method() == "PRACK" && m.get("RAck") == "8 1 INVITE" })
	p.respond(prack, 200, "", "")
	if ev := event(t, leg, sipedge.Provisional); ev.Code != 180 {
		t.Errorf("the next = %d, want 180", ev.Code)
	}
	p.respond(inv, 200, "psap", "", p.contact())
	event(t, leg, sipedge.Answered)
	if ack := p.request("ACK"); seqOf(t, ack) != 1 {
		t.Errorf("ACK:\n%s", ack.raw)
	}
	leg.Bye("")
	if bye := p.request("BYE"); seqOf(t, bye) != 4 {
		t.Errorf("BYE:\n%s", bye.raw)
	}
}

// Proves: F-15 (RFC 3515, section 2.4; RFC 4488)
func TestAREFERIsTheOwnersToAnswer(t *testing.T) {
	r := newRig(t, nil)
	leg, p, inv := psapLeg(t, r, func(in *sipedge.Invite) { in.Honours = true })
	if !strings.Contains(inv.get("Allow"), "REFER") {
		t.Errorf("Allow = %q", inv.get("Allow"))
	}
	ask := psapSays(inv, "REFER", 10)
	ask.extra = []string{"Refer-To: <sip:fire@127.0.0.21>"}
	p.send(ask.text(p))
	p.send(ask.text(p))
	if ev := event(t, leg, sipedge.Referred); ev.Headers.Get("Refer-To") != "<sip:fire@127.0.0.21>" {
		t.Errorf("Refer-To = %q", ev.Headers.Get("Refer-To"))
	}
	if err := leg.AnswerRefer(202, "Accepted"); err != nil {
		t.Fatal(err)
	}
	p.status(202)
	tell := func(code int, state, event, frag string) {
		t.Helper()
		if err := leg.TellRefer(code, ""); err != nil {
			t.Fatal(err)
		}
		n := p.until("NOTIFY "+frag, func(m msg) bool { return m.code() == 0 && m.method() == "NOTIFY" && strings.HasPrefix(m.body, frag) })
		if n.get("Subscription-State") != state || n.get("Event") != event || n.get("Content-Type") != "message/sipfrag;version=2.0" || n.get("Contact") == "" {
			t.Errorf("NOTIFY:\n%s", n.raw)
		}
		p.respond(n, 200, "", "")
	}
	tell(100, "active;expires=180", "refer", "SIP/2.0 100 Trying\r\n")
	next := psapSays(inv, "REFER", 11)
	next.extra = ask.extra
	p.send(next.text(p))
	p.status(491)
	tell(486, "terminated;reason=noresource", "refer", "SIP/2.0 486 Busy Here\r\n")
	if leg.TellRefer(200, "") == nil {
		t.Error("told after the end")
	}
	mute := psapSays(inv, "REFER", 12)
	mute.extra = append(mute.extra, "Refer-To: <sip:fire@127.0.0.21>", "Refer-Sub: false")
	p.send(mute.text(p))
	event(t, leg, sipedge.Referred)
	if err := leg.AnswerRefer(202, ""); err != nil {
		t.Fatal(err)
	}
	if got := p.status(202); got.get("Refer-Sub") != "false" {
		t.Errorf("answer:\n%s", got.raw)
	}
	if leg.TellRefer(100, "") == nil {
		t.Error("told who wants to hear nothing")
	}
	t.Run("a leg whose owner takes none", func(t *testing.T) {
		_, p, inv := psapLeg(t, r, nil)
		ask := psapSays(inv, "REFER", 10)
		p.send(ask.text(p))
		p.status(501)
	})
}

// A telephone that changed its network is not known at its new address; both
// tags prove whose request it is.
//
// Proves: E6, F-15 (RFC 3261, section 12.2.2)
func TestATelephoneThatMovesKeepsItsCall(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE"} {
		t.Run(method, func(t *testing.T) {
			r := newRig(t, nil)
			_, inv, leg, ok := answeredCall(t, r, "udp")
			q := newPeer(t, "udp", "127.0.0.71", r.udp)
			re := offer(inv.with(method, ok.tag("To"), 2), sdp)
			if method == "UPDATE" {
				re.extra = []string{"Contact: <sip:2101@10.9.8.7>"} // behind an address translator
			}
			q.send(re.text(q))
			if ev := event(t, leg, sipedge.ReInvite); ev.Moved != q.local {
				t.Errorf("moved to %s, want %s", ev.Moved, q.local)
			}
			if err := leg.AnswerReInvite(200, "", withSDP(sdp)); err != nil {
				t.Fatal(err)
			}
			q.status(200)
			if method == "INVITE" {
				q.send(inv.with("ACK", ok.tag("To"), 2).text(q))
				event(t, leg, sipedge.Acked)
			}
			leg.Bye("")
			q.request("BYE")
		})
	}
}

// Proves: E8 (RFC 4028, sections 7 to 10)
func TestSessionTimers(t *testing.T) {
	asking := func(t *testing.T, r *rig, headers ...string) (*peer, out, *sipedge.Leg, msg) {
		t.Helper()
		p := newPeer(t, "udp", "127.0.0.11", r.udp)
		inv := offer(newInvite("sip:911@callbox.example"), sdp)
		inv.extra = headers
		p.send(inv.text(p))
		leg := r.leg()
		if err := leg.Answer(1, withSDP(sdp)); err != nil {
			t.Fatal(err)
		}
		ok := p.status(200)
		p.send(inv.with("ACK", ok.tag("To"), 1).text(p))
		event(t, leg, sipedge.Acked)
		return p, inv, leg, ok
	}
	t.Run("the caller's side refreshes, and does not", func(t *testing.T) {
		p, inv, leg, ok := asking(t, newRig(t, nil), "Supported: timer", "Session-Expires: 1")
		if ok.get("Session-Expires") != "1;refresher=uac" || ok.get("Require") != "timer" {
			t.Errorf("200:\n%s", ok.raw)
		}
		up := inv.with("UPDATE", ok.tag("To"), 2)
		up.extra = []string{"Supported: timer", "Session-Expires: 1;refresher=uac"}
		p.send(up.text(p))
		if got := p.status(200); got.get("Session-Expires") != "1;refresher=uac" {
			t.Errorf("200 to the refresh:\n%s", got.raw)
		}
		event(t, leg, sipedge.Unrefreshed)
		leg.Bye("") // it was up all the same
		p.request("BYE")
	})
	t.Run("we refresh by UPDATE", func(t *testing.T) {
		p, _, leg, ok := asking(t, newRig(t, nil), "Session-Expires: 1;refresher=uas", "Supported: timer", "Allow: INVITE, UPDATE")
		if ok.get("Session-Expires") != "1;refresher=uas" || ok.get("Require") != "" {
			t.Errorf("200:\n%s", ok.raw)
		}
		for range 2 {
			up := p.request("UPDATE")
			if up.get("Session-Expires") != "1;refresher=uac" || up.body != "" {
				t.Errorf("refresh:\n%s", up.raw)
			}
			p.respond(up, 200, "", "", "Session-Expires: 1;refresher=uac", p.contact())
		}
		p.respond(p.request("UPDATE"), 481, "", "")
		if ev := event(t, leg, sipedge.Unrefreshed); ev.Code != 481 {
			t.Errorf("unrefreshed = %d, want 481", ev.Code)
		}
		p.respond(p.request("UPDATE"), 200, "", "", "Session-Expires: 1;refresher=uac")
		leg.Bye("")
		p.request("BYE")
	})
	t.Run("the next process refreshes", func(t *testing.T) {
		r := newRig(t, nil)
		p, _, leg, _ := asking(t, r, "Session-Expires: 1;refresher=uas", "Supported: timer", "Allow: INVITE, UPDATE")
		s := stateOf(t, leg)
		r = r.next(t, nil)
		again := restored(t, r, s)
		p.respond(p.request("UPDATE"), 200, "", "", "Session-Expires: 1;refresher=uac")
		again.Bye("")
		p.request("BYE")
	})
	t.Run("a refresh that cannot be sent is no answer to the owner, and is tried again", func(t *testing.T) {
		r := newRig(t, func(c *sipedge.Config) {
			c.Known = func(s sipedge.Source) bool { return s.Addr == netip.MustParseAddr("192.0.2.1") || known(s) }
		})
		leg, p, inv := psapLeg(t, r, nil, "Session-Expires: 1;refresher=uac")
		away := psapSays(inv, "UPDATE", 1)
		away.extra = []string{"Supported: timer", "Session-Expires: 1;refresher=uas", "Contact: <sip:psap@192.0.2.1>"} // no socket of ours leads there
		p.send(away.text(p))
		p.status(200)
		for range 2 {
			if ev := event(t, leg, sipedge.Unrefreshed); ev.Code != 503 {
				t.Errorf("unrefreshed = %d, want 503", ev.Code)
			}
		}
	})
	t.Run("we refresh by re-INVITE a PSAP that knows no UPDATE", func(t *testing.T) {
		leg, p, _ := psapLeg(t, newRig(t, nil), nil, "Session-Expires: 1;refresher=uac")
		re := p.request("INVITE")
		if re.body != sdp || re.get("Session-Expires") != "1;refresher=uac" {
			t.Errorf("refresh:\n%s", re.raw)
		}
		p.respond(re, 200, "", sdp, "Session-Expires: 1;refresher=uac", p.contact())
		p.request("ACK")
		s := stateOf(t, leg)
		if s.Session == nil || !s.Session.Ours || s.Session.Update || string(s.Session.SDP) != sdp {
			t.Errorf("for the next process: %+v", s.Session)
		}
		leg.Bye("")
		p.request("BYE")
		if ev, more := <-leg.Events(); more && ev.Kind != sipedge.ByeReceived {
			t.Errorf("the owner was told %s", ev.Kind)
		}
	})
}
