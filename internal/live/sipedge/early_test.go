package sipedge_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// keptCall dials a PSAP and returns the leg, what its keeper was told, and the
// INVITE that the PSAP got.
func keptCall(t *testing.T, r *rig, network string) (leg *sipedge.Leg, s sipedge.DialledState, p *peer, inv msg, listens func() *peer) {
	t.Helper()
	server := newTCPPSAP(t, "127.0.0.21")
	p = server.peer
	if network == "udp" {
		p = newPeer(t, "udp", "127.0.0.21", r.udp)
	}
	in := call(p, network)
	in.Body, in.ContentType = []byte(sdp), "application/sdp"
	kept := make(chan []byte, 4)
	in.Keep = func(s sipedge.DialledState) {
		b, err := json.Marshal(s)
		if err != nil {
			t.Error(err)
		}
		kept <- b
	}
	leg = r.edge.Dial(t.Context(), in)
	if err := json.Unmarshal(<-kept, &s); err != nil {
		t.Fatal(err)
	}
	listens = func() *peer { return p }
	if network == "tcp" {
		listens = server.accept
		p = server.accept()
	}
	inv = p.request("INVITE")
	sent(t, leg, network)
	return leg, s, p, inv, listens
}

// The INVITE that rings goes out once more, by its branch and by nothing else; an
// edge that stops has not cancelled it.
//
// Proves: F-02, F-29, D-17, RFC 3261 sections 17.1.1.2, 17.2.1
func TestADialledLegThatRingsGoesOnAfterARestart(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		leg, s, p, inv, listens := keptCall(t, r, network)
		p.respond(inv, 180, "psap", "")
		event(t, leg, sipedge.Provisional)
		r = r.next(t, nil)
		if ev := event(t, leg, sipedge.Lost); !errors.Is(ev.Err, sipedge.ErrStopped) {
			t.Errorf("lost by %v", ev.Err)
		}
		up, err := r.edge.RestoreDialled(t.Context(), s, sipedge.Redialled{})
		if err != nil {
			t.Fatal(err)
		}
		p = listens()
		again := p.request("INVITE")
		if again.raw != inv.raw {
			t.Errorf("not the same INVITE:\n%s\nafter\n%s", again.raw, inv.raw)
		}
		event(t, up, sipedge.Sent)
		if _, err := r.edge.RestoreDialled(t.Context(), s, sipedge.Redialled{}); !errors.Is(err, sipedge.ErrState) {
			t.Errorf("taken up twice: %v", err)
		}
		p.respond(again, 180, "psap", "")
		event(t, up, sipedge.Provisional)
		contact := "Contact: <sip:psap@" + p.local.String() + ";transport=" + network + ">"
		p.respond(again, 200, "psap", sdp, contact)
		event(t, up, sipedge.Answered)
		if ack := p.request("ACK"); ack.tag("To") != "psap" {
			t.Errorf("acknowledged:\n%s", ack.raw)
		}
		up.Bye("done")
		p.respond(p.request("BYE"), 200, "psap", "")
		isOver(t, up)
	})
}

// Nobody listens any more where it rang: it is lost, and does not go by UDP.
//
// Proves: F-02, F-16, D-17
func TestARingingLegWhosePSAPIsGoneIsLost(t *testing.T) {
	r := newRig(t, nil)
	_, s, _, _, _ := keptCall(t, r, "tcp")
	r = r.next(t, nil)
	s.Dest = newPeer(t, "udp", "127.0.0.21", r.udp).local // no TCP there
	up, err := r.edge.RestoreDialled(t.Context(), s, sipedge.Redialled{})
	if err != nil {
		t.Fatal(err)
	}
	event(t, up, sipedge.Lost)
	isOver(t, up)
}

// The caller's repeated INVITE and his CANCEL find the leg; what is sent on it has
// the To-tags of before.
//
// Proves: F-29, D-04, D-17, RFC 3261 sections 9.2, 17.2.1, 18.2.2
func TestACallerWhoWaitsGoesOnAfterARestart(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p := newPeer(t, network, "127.0.0.11", r.addr(network))
		listens := newTCPPSAP(t, "127.0.0.11")
		inv := newInvite("sip:911@callbox.example")
		text := inv.text(p)
		if network == "tcp" { // its Via says where it listens
			text = strings.ReplaceAll(text, p.local.String(), listens.local.String())
		}
		p.send(text)
		p.status(100)
		leg := r.leg()
		leg.KeepWaiting()
		if err := leg.Provisional(1, 180, "", sipedge.Message{}); err != nil {
			t.Fatal(err)
		}
		rings := p.status(180)
		req, tag := leg.Request(), leg.Tag()
		r = r.next(t, func(c *sipedge.Config) { c.Resuming = true })
		up, err := r.edge.RestoreInvite(t.Context(), req, tag)
		if err != nil {
			t.Fatal(err)
		}
		r.edge.Resumed()
		if _, err := r.edge.RestoreInvite(t.Context(), req, tag); !errors.Is(err, sipedge.ErrState) {
			t.Errorf("taken up twice: %v", err)
		}
		if err := up.Provisional(1, 180, "", sipedge.Message{}); err != nil {
			t.Fatal(err)
		}
		if network == "tcp" {
			p = listens.accept()
		}
		if again := p.status(180); again.tag("To") != rings.tag("To") || again.get("Via") != rings.get("Via") {
			t.Errorf("another early dialog:\n%s\nafter\n%s", again.raw, rings.raw)
		}
		if network == "udp" {
			p.send(text)
			p.status(180)
		} else {
			p = newPeer(t, "tcp", "127.0.0.11", r.tcp)
		}
		p.send(strings.Replace(strings.Replace(text, "INVITE sip", "CANCEL sip", 1), " INVITE\r\n", " CANCEL\r\n", 1))
		event(t, up, sipedge.Cancelled)
		p.status(200)
	})
}

// Proves: D-17
func TestLegsWithoutAnAnswerThatCannotBeTakenUp(t *testing.T) {
	r := newRig(t, nil)
	_, s, _, _, _ := keptCall(t, r, "udp")
	r = r.next(t, nil)
	for name, spoil := range map[string]func(*sipedge.DialledState){
		"without a branch":    func(s *sipedge.DialledState) { s.Branch = "" },
		"with a line end":     func(s *sipedge.DialledState) { s.LocalTag += "\r\nVia: x" },
		"without a number":    func(s *sipedge.DialledState) { s.Seq = 0 },
		"without a transport": func(s *sipedge.DialledState) { s.Transport = "" },
	} {
		bad := s
		spoil(&bad)
		if _, err := r.edge.RestoreDialled(t.Context(), bad, sipedge.Redialled{}); err == nil {
			t.Errorf("a leg %s is taken up", name)
		}
	}
	if _, err := r.edge.RestoreInvite(t.Context(), &sipedge.Request{URI: "sip:911@x", Transport: "udp"}, "tag"); err == nil {
		t.Error("an INVITE without anything is taken up")
	}
}
