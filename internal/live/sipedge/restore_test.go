package sipedge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// next is the edge of the next process, on the ports of the one before, which
// has ended. The state of a leg went through JSON.
func (r *rig) next(t *testing.T, change func(*sipedge.Config)) *rig {
	t.Helper()
	r.stop()
	return newRig(t, func(c *sipedge.Config) {
		c.Listen = []sipedge.Listener{{Network: "udp", Addr: r.udp}, {Network: "tcp", Addr: r.tcp}}
		if change != nil {
			change(c)
		}
	})
}

func stateOf(t *testing.T, l *sipedge.Leg) sipedge.DialogState {
	t.Helper()
	s, err := l.Dialog()
	if err != nil {
		t.Fatal(err)
	}
	return throughJSON(t, s)
}

func throughJSON(t *testing.T, s sipedge.DialogState) (again sipedge.DialogState) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

func restored(t *testing.T, r *rig, s sipedge.DialogState) *sipedge.Leg {
	t.Helper()
	l, err := r.edge.Restore(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// again is the caller's side after the restart: over UDP the same socket, over
// TCP a new connection.
func again(t *testing.T, p *peer, r *rig) *peer {
	if p.network == "udp" {
		return p
	}
	return newPeer(t, "tcp", "127.0.0.11", r.tcp)
}

func seqOf(t *testing.T, m msg) int {
	t.Helper()
	digits, _, _ := strings.Cut(m.get("CSeq"), " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Proves: F-29, D-17, RFC 3261 section 12.2.2
func TestTheCallersBYEIsHeardAfterARestart(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p, inv, leg, ok := answeredCall(t, r, network)
		s := stateOf(t, leg)
		if len(s.Answer) > 0 {
			t.Error("the 200 is kept although its ACK came")
		}
		r = r.next(t, nil)
		l := restored(t, r, s)
		p = again(t, p, r)
		p.send(inv.with("BYE", ok.tag("To"), 2).text(p))
		p.status(200)
		event(t, l, sipedge.ByeReceived)
		if _, err := r.edge.Restore(t.Context(), sipedge.DialogState{}); err == nil {
			t.Error("a state without a dialog is taken up")
		}
	})
}

// Proves: F-29, D-17, RFC 3261 section 12.2.1.1
func TestADialledLegGoesOnAfterARestart(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		listens := newTCPPSAP(t, "127.0.0.21")
		p := listens.peer
		if network == "udp" {
			p = newPeer(t, "udp", "127.0.0.21", r.udp)
		}
		leg := r.edge.Dial(t.Context(), call(p, network))
		if network == "tcp" {
			p = listens.accept()
		}
		inv := p.request("INVITE")
		sent(t, leg, network)
		contact := "Contact: <sip:psap@" + p.local.String() + ";transport=" + network + ">"
		p.respond(inv, 200, "psap", sdp, contact)
		event(t, leg, sipedge.Answered)
		p.request("ACK")
		s := stateOf(t, leg)
		r = r.next(t, nil)
		up := restored(t, r, s)

		up.ReInvite(sipedge.Message{Body: []byte(sdp), ContentType: "application/sdp"})
		if network == "tcp" {
			p = listens.accept()
		}
		re := p.request("INVITE")
		if re.tag("To") != "psap" || re.tag("From") != inv.tag("From") || re.get("Call-ID") != inv.get("Call-ID") || re.get("From") != inv.get("From") {
			t.Errorf("not the same dialog:\n%s\nafter\n%s", re.raw, inv.raw)
		}
		if n := seqOf(t, re); n <= seqOf(t, inv)+10 {
			t.Errorf("CSeq %d is not safely above what the process before may have sent", n)
		}
		p.respond(re, 200, "psap", sdp, contact)
		event(t, up, sipedge.ReInviteAnswered)
		p.request("ACK")

		up.Probe()
		ask := p.request("OPTIONS")
		p.respond(ask, 481, "psap", "")
		if ev := event(t, up, sipedge.Probed); ev.Code != 481 {
			t.Errorf("probed %d, want 481", ev.Code)
		}
		up.Bye("done")
		bye := p.request("BYE")
		if seqOf(t, bye) <= seqOf(t, re) {
			t.Errorf("CSeq of the BYE is %s after %s", bye.get("CSeq"), re.get("CSeq"))
		}
		p.respond(bye, 200, "psap", "")
		isOver(t, up)
	})
}

// The process before ended between writing the call down and its 200, or before
// its ACK came.
//
// Proves: F-29, RFC 3261 section 13.3.1.4
func TestA200ThatWasNotAcknowledgedIsSentAgainAfterARestart(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p := newPeer(t, network, "127.0.0.11", r.addr(network))
		inv := newInvite("sip:911@callbox.example")
		inv.body, inv.ctype = sdp, "application/sdp"
		listens := newTCPPSAP(t, "127.0.0.11")
		text := inv.text(p)
		if network == "tcp" { // its Via says where it listens
			text = strings.ReplaceAll(text, p.local.String(), listens.local.String())
		}
		p.send(text)
		leg := r.leg()
		answer := sipedge.Message{Body: []byte("v=0\r\n"), ContentType: "application/sdp"}
		s, err := leg.DialogIf(2, answer)
		if err != nil {
			t.Fatal(err)
		}
		s = throughJSON(t, s)
		r = r.next(t, nil)
		l := restored(t, r, s)
		if network == "tcp" {
			p = listens.accept()
		}
		ok := p.status(200)
		if ok.body != "v=0\r\n" || ok.get("Call-ID") != inv.callID || ok.tag("To") != s.LocalTag || ok.get("Contact") == "" {
			t.Errorf("the 200 after the restart:\n%s", ok.raw)
		}
		p.dest = r.addr(network)
		p.send(inv.with("ACK", ok.tag("To"), 1).text(p))
		event(t, l, sipedge.Acked)
		l.Bye("done")
		bye := p.request("BYE")
		if bye.tag("From") != ok.tag("To") || bye.tag("To") != inv.fromTag {
			t.Errorf("not the dialog of the 200:\n%s", bye.raw)
		}
	})
}

// Proves: F-29, RFC 3261 section 13.2.2.4
func TestThePSAPsRepeated200IsAcknowledgedAfterARestart(t *testing.T) {
	r := newRig(t, nil)
	leg, p, inv := dialled(t, r, "udp")
	p.respond(inv, 200, "psap", sdp, p.contact())
	event(t, leg, sipedge.Answered)
	s := stateOf(t, leg)
	r = r.next(t, nil)
	restored(t, r, s)
	p.request("ACK")
	p.respond(inv, 200, "psap", sdp, p.contact())
	if ack := p.request("ACK"); seqOf(t, ack) != seqOf(t, inv) || ack.tag("To") != "psap" {
		t.Errorf("the second ACK:\n%s", ack.raw)
	}
}

// Proves: F-29, D-17
func TestRequestsWaitUntilTheirCallsWereTakenUpAgain(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p, inv, leg, ok := answeredCall(t, r, network)
		s := stateOf(t, leg)
		r = r.next(t, func(c *sipedge.Config) { c.Resuming = true })
		p = again(t, p, r)
		p.send(inv.with("BYE", ok.tag("To"), 2).text(p))
		other := newInvite("sip:callbox@127.0.0.2").with("BYE", "nobody", 3)
		p.send(other.text(p))
		// Its answer says that both were read.
		p.send(newInvite("sip:127.0.0.2").with("OPTIONS", "", 1).text(p))
		if m := p.recv(); !strings.HasSuffix(m.get("CSeq"), "OPTIONS") {
			t.Fatalf("answered before the calls were taken up again:\n%s", m.raw)
		}
		l := restored(t, r, s)
		r.edge.Resumed()
		// Those of different calls are answered in no order.
		for range 2 {
			m, want := p.recv(), "SIP/2.0 481"
			if m.get("Call-ID") == inv.callID {
				want = "SIP/2.0 200"
			}
			if !strings.HasPrefix(m.raw, want) || m.get("Call-ID") != inv.callID && m.get("Call-ID") != other.callID {
				t.Errorf("answered:\n%s", m.raw)
			}
		}
		event(t, l, sipedge.ByeReceived)
	})
}

// A telephone behind a NAT is reached by nothing but the connection that it
// opens itself: the one by which it is registered now.
//
// Proves: F-29, D-17
func TestATelephoneIsReachedByItsNewRegistration(t *testing.T) {
	r := newRig(t, nil)
	_, inv, leg, ok := answeredCall(t, r, "tcp")
	s := stateOf(t, leg)
	s.Transport = "wss" // nobody but the telephone can open one
	var way sipedge.Flow
	r = r.next(t, func(c *sipedge.Config) {
		c.Way = func(contact, address string, from netip.Addr) (sipedge.Flow, bool) {
			if address != "sip:2101@harbor.example" || from != netip.MustParseAddr("127.0.0.11") || !strings.Contains(contact, "2101@") {
				t.Errorf("asked for the way to %s, %s at %s", contact, address, from)
			}
			return way, true
		}
		c.Serve = func(_ context.Context, q *sipedge.Request) sipedge.Response {
			way = q.Flow
			return sipedge.Response{Code: 200}
		}
	})
	l := restored(t, r, s)
	p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
	p.send(newInvite("sip:harbor.example").with("REGISTER", "", 1).text(p))
	p.status(200)
	l.Bye("the other side hung up")
	if bye := p.request("BYE"); bye.get("Call-ID") != inv.callID || bye.tag("From") != ok.tag("To") {
		t.Errorf("the telephone got:\n%s", bye.raw)
	}
}

// Proves: D-17
func TestStatesThatCannotBeTakenUp(t *testing.T) {
	r := newRig(t, nil)
	_, _, leg, _ := answeredCall(t, r, "udp")
	good := stateOf(t, leg)
	if _, err := r.edge.Restore(t.Context(), good); !errors.Is(err, sipedge.ErrState) {
		t.Errorf("a leg that is here already: %v", err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*sipedge.DialogState)
	}{
		{"without a tag of ours", func(s *sipedge.DialogState) { s.LocalTag = "" }},
		{"without a target", func(s *sipedge.DialogState) { s.Target = "" }},
		{"with a line end in it", func(s *sipedge.DialogState) { s.Local += "\r\nVia: x" }},
		{"with a space in the target", func(s *sipedge.DialogState) { s.Target = "sip:a b" }},
		{"by an unknown transport", func(s *sipedge.DialogState) { s.Transport = "sctp" }},
		{"without a destination", func(s *sipedge.DialogState) { s.Dest = netip.AddrPort{} }},
		{"with a CSeq at its end", func(s *sipedge.DialogState) { s.LocalSeq = 1<<31 - 1 }},
	} {
		s := good
		s.CallID = unique("c")
		c.spoil(&s)
		if _, err := r.edge.Restore(t.Context(), s); err == nil {
			t.Errorf("a state %s is taken up", c.name)
		}
	}
	if _, err := leg.DialogIf(1, sipedge.Message{}); !errors.Is(err, sipedge.ErrOver) {
		t.Errorf("what an answered leg would be: %v", err)
	}
	leg.Bye("done")
}
