package sipedge_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

func call(p *peer, transport string) sipedge.Invite {
	return sipedge.Invite{
		URI: "sip:psap@" + p.local.String(), Dest: p.local, Transport: transport,
		From: "\"Front desk\" <sip:+16175550111@callbox.example>", To: "sip:911@callbox.example",
		Headers: sipedge.Headers{{Name: "Geolocation", Value: "<cid:loc@callbox>"}, {Name: "Geolocation-Routing", Value: "yes"}},
		Body:    []byte(sdp), ContentType: "application/sdp",
	}
}

// tcpPSAP listens and gives the connection that the edge opens.
type tcpPSAP struct {
	*peer
	l net.Listener
}

func newTCPPSAP(t *testing.T, ip string) *tcpPSAP {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &tcpPSAP{peer: &peer{t: t, network: "tcp", local: l.Addr().(*net.TCPAddr).AddrPort()}, l: l}
}

func (p *tcpPSAP) accept() *peer {
	p.t.Helper()
	_ = p.l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := p.l.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	at := p.local
	q := (&peer{t: p.t}).over(c)
	q.local = at
	return q
}

// dialled makes an outbound call; accept gives the peer that got the INVITE.
func dialled(t *testing.T, r *rig, network string) (*sipedge.Leg, *peer, msg) {
	t.Helper()
	if network == "udp" {
		p := newPeer(t, "udp", "127.0.0.21", r.udp)
		leg := r.edge.Dial(t.Context(), call(p, "udp"))
		inv := p.request("INVITE")
		sent(t, leg, "udp")
		return leg, p, inv
	}
	l := newTCPPSAP(t, "127.0.0.21")
	leg := r.edge.Dial(t.Context(), call(l.peer, "tcp"))
	p := l.accept()
	inv := p.request("INVITE")
	sent(t, leg, "tcp")
	return leg, p, inv
}

func sent(t *testing.T, l *sipedge.Leg, transport string) {
	t.Helper()
	if ev := event(t, l, sipedge.Sent); ev.Transport != transport {
		t.Errorf("sent by %s, want %s", ev.Transport, transport)
	}
}

// Proves: D-01, D-03
func TestAnOutboundCall(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		leg, p, inv := dialled(t, r, network)
		if inv.get("Geolocation-Routing") != "yes" || inv.body != sdp || inv.get("Max-Forwards") != "70" ||
			inv.get("To") != "<sip:911@callbox.example>" || inv.get("CSeq") != "1 INVITE" || inv.tag("From") == "" {
			t.Errorf("INVITE:\n%s", inv.raw)
		}
		if want := r.addr(network).String(); !strings.Contains(inv.get("Contact"), want) || !strings.Contains(inv.get("Via"), want) {
			t.Errorf("Contact %q, Via %q: want our listener %s", inv.get("Contact"), inv.get("Via"), want)
		}
		if network == "udp" && inv.from != r.udp {
			t.Errorf("INVITE came from %v, want the listener", inv.from)
		}
		if network == "udp" {
			if again := p.request("INVITE"); again.raw != inv.raw {
				t.Error("repetition differs")
			}
		}
		p.respond(inv, 100, "", "")
		p.respond(inv, 183, "early", "v=0\r\n")
		if ev := event(t, leg, sipedge.Provisional); ev.Code != 100 {
			t.Errorf("code = %d", ev.Code)
		}
		if ev := event(t, leg, sipedge.Provisional); ev.Code != 183 || string(ev.Body) != "v=0\r\n" {
			t.Errorf("provisional = %d %q", ev.Code, ev.Body)
		}
		p.respond(inv, 200, "psap", sdp, p.contact())
		if ev := event(t, leg, sipedge.Answered); ev.Code != 200 || string(ev.Body) != sdp || ev.ContentType != "application/sdp" {
			t.Errorf("answered = %+v", ev)
		}
		ack := p.request("ACK")
		if ack.get("CSeq") != "1 ACK" || ack.tag("To") != "psap" || ack.branch() == inv.branch() || ack.body != "" {
			t.Errorf("ACK:\n%s", ack.raw)
		}
		p.respond(inv, 200, "psap", sdp, p.contact())
		if again := p.request("ACK"); again.raw != ack.raw {
			t.Error("the ACK to a repeated 200 differs")
		}
		leg.ReInvite(sipedge.Message{Body: []byte("v=9\r\n"), ContentType: "application/sdp"})
		re := p.request("INVITE")
		if re.get("CSeq") != "2 INVITE" || re.tag("To") != "psap" {
			t.Errorf("re-INVITE: %q %q", re.get("CSeq"), re.get("To"))
		}
		p.respond(re, 200, "", sdp, p.contact())
		event(t, leg, sipedge.ReInviteAnswered)
		p.request("ACK")

		// The PSAP's re-INVITE, then its BYE.
		theirs := func(method string, seq string) msg {
			return msg{lines: []string{
				"Via: SIP/2.0/" + strings.ToUpper(network) + " " + p.local.String() + ";branch=" + unique("z9hG4bK"),
				"From: " + inv.get("To") + ";tag=psap", "To: " + inv.get("From"), "Call-ID: " + inv.get("Call-ID"), "CSeq: " + seq + " " + method,
			}}
		}
		send := func(method, seq string) {
			m := theirs(method, seq)
			p.send(method + " sip:callbox@x SIP/2.0\r\n" + strings.Join(m.lines, "\r\n") + "\r\nContact: <sip:psap@" + p.local.String() + ">\r\nContent-Length: 0\r\n\r\n")
		}
		send("INVITE", "7")
		event(t, leg, sipedge.ReInvite)
		if err := leg.AnswerReInvite(488, "", sipedge.Message{}); err != nil {
			t.Fatal(err)
		}
		p.status(488)
		send("BYE", "8")
		p.status(200)
		event(t, leg, sipedge.ByeReceived)
		isOver(t, leg)
	})
}

// Proves: F-02, D-03 (RFC 3261, section 17.1.1.3)
func TestARefusedCall(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		leg, p, inv := dialled(t, r, network)
		p.respond(inv, 486, "busy", "", "Retry-After: 3")
		ack := p.request("ACK")
		if ack.branch() != inv.branch() || ack.tag("To") != "busy" || !strings.HasPrefix(ack.start, "ACK "+strings.Fields(inv.start)[1]) {
			t.Errorf("ACK:\n%s", ack.raw)
		}
		ev := event(t, leg, sipedge.Failed)
		if ev.Code != 486 || ev.Headers.Get("Retry-After") != "3" {
			t.Errorf("failed = %d, %q", ev.Code, ev.Headers.Get("Retry-After"))
		}
		isOver(t, leg)
		p.respond(inv, 486, "busy", "")
		p.request("ACK")
		// A 200 from another branch behind the PSAP's proxy comes late.
		p.respond(inv, 200, "late", "", p.contact())
		if got := p.request("ACK"); got.tag("To") != "late" {
			t.Errorf("ACK to %q", got.get("To"))
		}
		bye := p.request("BYE")
		if bye.tag("To") != "late" {
			t.Errorf("BYE to %q", bye.get("To"))
		}
		p.respond(bye, 200, "", "")
	})
}

// Proves: F-02
func TestSilenceAndRingingForEver(t *testing.T) {
	t.Run("no response at all ends after 64*T1", func(t *testing.T) {
		r := newRig(t, nil)
		leg, _, _ := dialled(t, r, "udp")
		if ev := event(t, leg, sipedge.Failed); ev.Code != 408 || !errors.Is(ev.Err, sipedge.ErrTimeout) {
			t.Errorf("failed = %d %v", ev.Code, ev.Err)
		}
		isOver(t, leg)
	})
	t.Run("a ringing PSAP is not given up", func(t *testing.T) {
		r := newRig(t, func(c *sipedge.Config) { c.Timers.T1 = 2 * time.Millisecond })
		leg, p, inv := dialled(t, r, "udp")
		p.respond(inv, 180, "ring", "")
		event(t, leg, sipedge.Provisional)
		select {
		case ev := <-leg.Events():
			t.Fatalf("event %s %d while it rings", ev.Kind, ev.Code)
		case <-time.After(4 * 64 * 2 * time.Millisecond):
		}
		p.respond(inv, 200, "ring", "", p.contact())
		event(t, leg, sipedge.Answered)
	})
}

// Proves: F-02, D-03 (RFC 3261, section 9.1)
func TestCancellingACall(t *testing.T) {
	t.Run("after a provisional response", func(t *testing.T) {
		both(t, func(t *testing.T, network string) {
			r := newRig(t, nil)
			leg, p, inv := dialled(t, r, network)
			p.respond(inv, 180, "ring", "")
			event(t, leg, sipedge.Provisional)
			leg.Cancel("caller hung up")
			cancel := p.request("CANCEL")
			if cancel.branch() != inv.branch() || cancel.get("CSeq") != "1 CANCEL" || cancel.get("To") != inv.get("To") ||
				strings.Fields(cancel.start)[1] != strings.Fields(inv.start)[1] || len(cancel.all("Via")) != 1 || cancel.get("Reason") == "" {
				t.Errorf("CANCEL:\n%s", cancel.raw)
			}
			p.respond(cancel, 200, "ring", "")
			p.respond(inv, 487, "ring", "")
			p.request("ACK")
			if ev := event(t, leg, sipedge.Failed); ev.Code != 487 {
				t.Errorf("failed = %d", ev.Code)
			}
			isOver(t, leg)
		})
	})
	t.Run("before any response: the CANCEL waits for one, the INVITE is not repeated", func(t *testing.T) {
		r := newRig(t, nil)
		leg, p, inv := dialled(t, r, "udp")
		leg.Cancel("")
		for { // repetitions that were under way
			if _, err := p.try(5 * quick.T1); err != nil {
				break
			}
		}
		p.respond(inv, 100, "", "")
		if m := p.recv(); m.method() != "CANCEL" {
			t.Fatalf("after the 100 came %s, want CANCEL", m.start)
		}
		event(t, leg, sipedge.Provisional)
		// The other side never ends the INVITE.
		if ev := event(t, leg, sipedge.Failed); ev.Code != 408 {
			t.Errorf("failed = %d", ev.Code)
		}
	})
	for _, keep := range []bool{true, false} {
		t.Run(map[bool]string{true: "a 200 that crosses it can be kept", false: "a 200 that crosses it can be hung up"}[keep], func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				r := newRig(t, nil)
				leg, p, inv := dialled(t, r, network)
				p.respond(inv, 180, "ring", "")
				event(t, leg, sipedge.Provisional)
				leg.Cancel("")
				cancel := p.request("CANCEL")
				p.respond(inv, 200, "ring", sdp, p.contact())
				p.respond(cancel, 481, "ring", "")
				event(t, leg, sipedge.Answered)
				p.request("ACK")
				if keep {
					leg.ReInvite(sipedge.Message{Body: []byte(sdp), ContentType: "application/sdp"})
					p.request("INVITE")
					return
				}
				leg.Bye("")
				p.respond(p.request("BYE"), 200, "", "")
				isOver(t, leg)
			})
		})
	}
	t.Run("the end of the context cancels, and hangs up what answers all the same", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "udp", "127.0.0.21", r.udp)
		ctx, cancel := context.WithCancel(context.Background())
		leg := r.edge.Dial(ctx, call(p, "udp"))
		inv := p.request("INVITE")
		p.respond(inv, 180, "ring", "")
		sent(t, leg, "udp")
		event(t, leg, sipedge.Provisional)
		cancel()
		p.request("CANCEL")
		p.respond(inv, 200, "ring", "", p.contact())
		event(t, leg, sipedge.Answered)
		p.request("ACK")
		p.respond(p.request("BYE"), 200, "", "")
		isOver(t, leg)
	})
}

// Proves: F-02 (the first 200 wins)
func TestASecond200IsHungUp(t *testing.T) {
	r := newRig(t, nil)
	leg, p, inv := dialled(t, r, "udp")
	p.respond(inv, 200, "one", "", p.contact())
	p.respond(inv, 200, "two", "", p.contact())
	event(t, leg, sipedge.Answered)
	bye := p.request("BYE")
	if bye.tag("To") != "two" {
		t.Errorf("BYE went to %q", bye.get("To"))
	}
	p.respond(bye, 200, "", "")
	leg.Bye("")
	if bye := p.until("BYE to one", func(m msg) bool { return m.code() == 0 && m.method() == "BYE" && m.tag("To") == "one" }); bye.start == "" {
		t.Error("no BYE")
	}
}

// Proves: E1 (a caller without an offer)
func TestTheOfferInA200IsAnsweredByTheOwner(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.21", r.udp)
	in := call(p, "udp")
	in.Body, in.ContentType = nil, ""
	leg := r.edge.Dial(t.Context(), in)
	inv := p.request("INVITE")
	sent(t, leg, "udp")
	p.respond(inv, 200, "one", sdp, p.contact())
	event(t, leg, sipedge.Answered)
	if err := leg.Ack(sipedge.Message{Body: []byte("v=5\r\n"), ContentType: "application/sdp"}); err != nil {
		t.Fatal(err)
	}
	if ack := p.request("ACK"); ack.body != "v=5\r\n" {
		t.Errorf("ACK carries %q", ack.body)
	}
	if err := leg.Ack(sipedge.Message{}); !errors.Is(err, sipedge.ErrState) {
		t.Errorf("second Ack = %v, want ErrState", err)
	}
}

// Proves: F-16
func TestTCPFallsBackToUDP(t *testing.T) {
	t.Run("when the connection is refused", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "udp", "127.0.0.21", r.udp)
		in := call(p, "tcp")
		in.Body = []byte(sdp + strings.Repeat("a=x:0123456789\r\n", 1500)) // 24 kB: fragments
		leg := r.edge.Dial(t.Context(), in)
		inv := p.request("INVITE")
		sent(t, leg, "udp")
		if inv.body != string(in.Body) || !strings.HasPrefix(inv.get("Via"), "SIP/2.0/UDP ") {
			t.Errorf("body of %d bytes, Via %q", len(inv.body), inv.get("Via"))
		}
		p.respond(inv, 200, "x", "", p.contact())
		event(t, leg, sipedge.Answered)
		p.request("ACK")
	})
	t.Run("when it does not come about in time", func(t *testing.T) {
		r := newRig(t, func(c *sipedge.Config) { c.Timers.TCPConnect = 150 * time.Millisecond })
		dest := blackHole(t)
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(dest))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		p := &peer{t: t, network: "udp", udp: c, local: dest, dest: r.udp}
		start := time.Now()
		leg := r.edge.Dial(t.Context(), call(p, "tcp"))
		if d := time.Since(start); d > 100*time.Millisecond {
			t.Errorf("Dial took %v", d)
		}
		p.request("INVITE")
		sent(t, leg, "udp")
		if d := time.Since(start); d < 150*time.Millisecond {
			t.Errorf("UDP after %v: TCP was not given its time", d)
		}
	})
	t.Run("and a call given up meanwhile never leaves", func(t *testing.T) {
		r := newRig(t, func(c *sipedge.Config) { c.Timers.TCPConnect = 150 * time.Millisecond })
		leg := r.edge.Dial(t.Context(), call(&peer{local: blackHole(t)}, "tcp"))
		leg.Cancel("")
		if ev := event(t, leg, sipedge.Failed); ev.Code != 487 {
			t.Errorf("failed = %d", ev.Code)
		}
		isOver(t, leg)
	})
}

// Proves: F-16, E1 (RFC 3261, section 18.4)
func TestAHostThatDoesNotListenFailsAtOnce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ICMP errors are read on Linux only")
	}
	r := newRig(t, func(c *sipedge.Config) { c.Timers = sipedge.Timers{} }) // 64*T1 is 32 s
	closed := newPeer(t, "udp", "127.0.0.21", r.udp)
	_ = closed.udp.Close()
	healthy, psap, inv := dialled(t, r, "udp")
	for range 5 {
		leg := r.edge.Dial(t.Context(), call(closed, "tcp")) // refused, then UDP
		sent(t, leg, "udp")
		event(t, leg, sipedge.Lost)
		isOver(t, leg)
	}
	// Others do not suffer from it.
	psap.respond(inv, 180, "ring", "")
	event(t, healthy, sipedge.Provisional)
	psap.respond(inv, 200, "ring", "", psap.contact())
	event(t, healthy, sipedge.Answered)
	psap.request("ACK")
}

// blackHole is an address whose TCP listener takes no connections: its queue
// is full.
func blackHole(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 22}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 22}), uint16(sa.(*syscall.SockaddrInet4).Port))
	for range 8 {
		c, err := net.DialTimeout("tcp", at.String(), 50*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this kernel takes connections beyond the listener's queue")
	return at
}

// Proves: D-01
func TestACallNeverLeavesOnSomebodyElsesConnection(t *testing.T) {
	r := newRig(t, nil)
	// A stranger, a known peer that merely connected, and a connection from the
	// very address and port that the call goes to.
	stranger := newPeer(t, "tcp", "127.0.0.66", r.tcp)
	acquaintance := newPeer(t, "tcp", "127.0.0.11", r.tcp)
	o := newInvite("sip:callbox.example")
	o.method = "OPTIONS"
	acquaintance.send(o.text(acquaintance))
	acquaintance.status(200)

	l := newTCPPSAP(t, "127.0.0.21")
	// The PSAP also has a connection open to us.
	fromPSAP := newPeer(t, "tcp", "127.0.0.21", r.tcp)
	p := newInvite("sip:callbox.example")
	p.method = "OPTIONS"
	fromPSAP.send(p.text(fromPSAP))
	fromPSAP.status(200)

	leg := r.edge.Dial(t.Context(), call(l.peer, "tcp"))
	psap := l.accept()
	inv := psap.request("INVITE")
	sent(t, leg, "tcp")
	psap.respond(inv, 200, "x", "", l.contact()+";transport=tcp")
	event(t, leg, sipedge.Answered)
	psap.request("ACK")
	leg.Bye("")
	psap.respond(psap.request("BYE"), 200, "", "")
	isOver(t, leg)

	r.stop() // closes all connections: what was sent on them has come by then
	for name, q := range map[string]*peer{"stranger": stranger, "known peer": acquaintance, "PSAP's own": fromPSAP} {
		if m, err := q.try(patience); err == nil {
			t.Errorf("%s connection received %s", name, m.start)
		}
	}
}

// Proves: F-02, F-16 (loss of the transport)
func TestALostConnection(t *testing.T) {
	t.Run("before anything was heard: the same INVITE once more on a new one", func(t *testing.T) {
		r := newRig(t, nil)
		l := newTCPPSAP(t, "127.0.0.21")
		leg := r.edge.Dial(t.Context(), call(l.peer, "tcp"))
		p := l.accept()
		inv := p.request("INVITE")
		_ = p.tcp.Close()
		p = l.accept()
		again := p.request("INVITE")
		if again.raw != inv.raw {
			t.Errorf("not the same INVITE:\n%s\n%s", inv.raw, again.raw)
		}
		sent(t, leg, "tcp")
		_ = p.tcp.Close()
		event(t, leg, sipedge.Lost)
		isOver(t, leg)
	})
	t.Run("while it rings: lost, and what answers later is hung up", func(t *testing.T) {
		r := newRig(t, nil)
		l := newTCPPSAP(t, "127.0.0.21")
		leg := r.edge.Dial(t.Context(), call(l.peer, "tcp"))
		p := l.accept()
		inv := p.request("INVITE")
		p.respond(inv, 180, "ring", "")
		sent(t, leg, "tcp")
		event(t, leg, sipedge.Provisional)
		_ = p.tcp.Close()
		event(t, leg, sipedge.Lost)
		isOver(t, leg)
		back := newPeer(t, "tcp", "127.0.0.21", r.tcp) // as RFC 3261, section 18.2.2, lets it
		back.local = l.local
		back.respond(inv, 200, "ring", "", back.contact())
		p = l.accept()
		p.request("ACK")
		p.respond(p.request("BYE"), 200, "", "")
	})
	t.Run("while people talk: the call goes on, the BYE finds a new connection", func(t *testing.T) {
		r := newRig(t, nil)
		l := newTCPPSAP(t, "127.0.0.21")
		leg := r.edge.Dial(t.Context(), call(l.peer, "tcp"))
		p := l.accept()
		inv := p.request("INVITE")
		p.respond(inv, 200, "x", "", l.contact())
		sent(t, leg, "tcp")
		event(t, leg, sipedge.Answered)
		p.request("ACK")
		_ = p.tcp.Close()
		leg.Bye("")
		var bye msg
		for bye.start == "" { // the first write may still meet the old connection
			q := l.accept()
			if m, err := q.try(patience); err == nil {
				bye = m
				q.respond(m, 200, "", "")
			}
		}
		if bye.method() != "BYE" {
			t.Errorf("got %s", bye.start)
		}
		isOver(t, leg)
	})
}

// Proves: D-02 (the owner cannot break a message)
func TestWhatAnOwnerMayNotSend(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.21", r.udp)
	for name, change := range map[string]func(*sipedge.Invite){
		"a line break in a value": func(i *sipedge.Invite) { i.Headers = sipedge.Headers{{Name: "X", Value: "a\r\nVia: b"}} },
		"a field of the edge":     func(i *sipedge.Invite) { i.Headers = sipedge.Headers{{Name: "v", Value: "SIP/2.0/UDP x"}} },
		"a name that is none":     func(i *sipedge.Invite) { i.Headers = sipedge.Headers{{Name: "a b", Value: "c"}} },
		"a line break in the URI": func(i *sipedge.Invite) { i.URI = "sip:a\r\nb" },
		"no destination":          func(i *sipedge.Invite) { i.Dest = netip.AddrPort{} },
		"an unknown transport":    func(i *sipedge.Invite) { i.Transport = "sctp" },
		"a body without a type":   func(i *sipedge.Invite) { i.ContentType = "" },
	} {
		t.Run(name, func(t *testing.T) {
			in := call(p, "udp")
			change(&in)
			leg := r.edge.Dial(t.Context(), in)
			if ev := event(t, leg, sipedge.SendFailed); !errors.Is(ev.Err, sipedge.ErrMessage) {
				t.Errorf("err = %v, want ErrMessage", ev.Err)
			}
			isOver(t, leg)
		})
	}
}
