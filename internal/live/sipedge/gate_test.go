package sipedge_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// Proves: E1, F-10, D-02
func TestAnUnknownSourceGets403AndRaisesAnAlarm(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p := newPeer(t, network, "127.0.0.66", r.addr(network))
		inv := newInvite("sip:911@callbox.example;user=phone")
		start := time.Now()
		p.send(inv.text(p))
		refused := p.recv()
		if refused.code() != 403 || refused.tag("To") == "" {
			t.Errorf("answer:\n%s", refused.raw)
		}
		a := r.alarm()
		if d := time.Since(start); d > time.Second {
			t.Errorf("alarm after %v, want within 1 s", d)
		}
		want := sipedge.Alarm{
			Code: sipedge.AlarmUnknownSource, At: a.At, Source: netip.MustParseAddr("127.0.0.66"), Transport: network,
			Dialled: "911", Emergency: true, Detail: a.Detail, Count: 1,
		}
		if a != want {
			t.Errorf("alarm = %+v, want %+v", a, want)
		}
		p.send(inv.text(p))
		if again := p.recv(); again.raw != refused.raw {
			t.Error("the answer to the same INVITE differs: it is not stateless")
		}
		if len(r.legs) != 0 || r.edge.Live() != 0 {
			t.Error("a call was delivered")
		}
	})
}

// Proves: D-02 (silence for everything else)
func TestAnUnknownSourceHearsNothingElse(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.66", r.udp)
	for _, method := range []string{"OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "SUBSCRIBE", "MESSAGE"} {
		o := newInvite("sip:callbox.example")
		o.method = method
		p.send(o.text(p))
	}
	for _, junk := range []string{"\r\n\r\n", "\x00\x01\x02", "hello", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("A", 60000), "INVITE", "INVITE \r\n\r\n"} {
		p.send(junk)
	}
	// Whatever was answered would stand before the answer to this.
	p.send(newInvite("sip:100@callbox.example").text(p))
	if m := p.recv(); m.code() != 403 {
		t.Errorf("first answer = %s, want the 403 to the INVITE", m.start)
	}
}

// Proves: D-02
func TestForbiddenIsLimitedAndTheAlarmFolded(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	r := newRig(t, func(c *sipedge.Config) {
		c.Now = func() time.Time { return time.Unix(0, now.Load()) }
	})
	// A known source's OPTIONS is answered after all that came before it on
	// this socket was handled.
	friend := newPeer(t, "udp", "127.0.0.11", r.udp)
	barrier := func() {
		t.Helper()
		o := newInvite("sip:callbox.example")
		o.method = "OPTIONS"
		friend.send(o.text(friend))
		friend.status(200)
	}
	count := func(p *peer) int {
		n := 0
		for {
			if _, err := p.try(time.Millisecond); err != nil {
				return n
			}
			n++
		}
	}
	var strangers []*peer
	total := 0
	for i := range 12 {
		p := newPeer(t, "udp", fmt.Sprintf("127.0.0.%d", 66+i), r.udp)
		strangers = append(strangers, p)
		for range 15 {
			p.send(newInvite("sip:911@callbox.example").text(p))
		}
		barrier()
		got := count(p)
		total += got
		if i < 10 && got != 10 {
			t.Errorf("source %d got %d answers in one second, want 10", i, got)
		}
	}
	if total != 100 {
		t.Errorf("all sources got %d answers in one second, want 100", total)
	}
	alarms := map[netip.Addr]int{}
	for range strangers {
		a := r.alarm()
		alarms[a.Source] += a.Count
	}
	if len(alarms) != 12 || len(r.alarms) != 0 {
		t.Errorf("%d sources raised an alarm at once, %d alarms more; want 12 and 0", len(alarms), len(r.alarms))
	}
	now.Add(int64(61 * time.Second))
	for range strangers {
		if a := r.alarm(); a.Count != 14 {
			t.Errorf("folded alarm of %s counts %d, want the 14 others", a.Source, a.Count)
		}
	}
	strangers[0].send(newInvite("sip:911@callbox.example").text(strangers[0]))
	barrier()
	if count(strangers[0]) != 1 {
		t.Error("no answer in a later second")
	}
}

// Proves: E1 (a call is ended from another address of the PSAP)
func TestARequestOfACallIsHeardFromAnUnknownAddress(t *testing.T) {
	r := newRig(t, nil)
	p, inv, leg, ok := answeredCall(t, r, "udp")
	other := newPeer(t, "udp", "127.0.0.66", r.udp)
	wrong := inv.with("BYE", ok.tag("To"), 2)
	wrong.fromTag = "guess"
	other.send(wrong.text(other))
	other.send(inv.with("BYE", ok.tag("To"), 2).text(other))
	if m := other.recv(); m.code() != 200 {
		t.Errorf("BYE got %s", m.start)
	}
	event(t, leg, sipedge.ByeReceived)
	_ = p
}

// Proves: D-02 (strangers cannot crowd out trunks)
func TestStrangersKeepFewConnections(t *testing.T) {
	r := newRig(t, nil)
	var open []*peer
	for range 8 {
		open = append(open, newPeer(t, "tcp", "127.0.0.66", r.tcp))
	}
	closed := 0
	for _, p := range open {
		if _, err := p.try(50 * time.Millisecond); err != nil && !strings.Contains(err.Error(), "timeout") {
			closed++
		}
	}
	if closed != 4 {
		t.Errorf("%d of 8 connections of one stranger were closed, want 4", closed)
	}
	p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
	p.send(newInvite("sip:911@callbox.example").text(p))
	r.leg()
}

// Proves: D-02, E1 (emergency calls are never shed for others)
func TestOrdinaryCallsAreShedFirst(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Limits.OrdinaryCalls, c.Limits.EmergencyCalls = 2, 3 })
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	place := func(uri string) (out, *sipedge.Leg, int) {
		t.Helper()
		inv := newInvite(uri)
		p.send(inv.text(p))
		m := p.until("answer", func(m msg) bool { return m.get("Call-ID") == inv.callID })
		if m.code() == 100 {
			return inv, r.leg(), 100
		}
		if m.get("Retry-After") == "" {
			t.Errorf("%d has no Retry-After", m.code())
		}
		return inv, nil, m.code()
	}
	_, first, _ := place("sip:100@callbox.example")
	place("sip:101@callbox.example")
	if _, _, code := place("sip:102@callbox.example"); code != 503 {
		t.Errorf("third ordinary call = %d, want 503", code)
	}
	for i := range 3 {
		if _, _, code := place("sip:911@callbox.example"); code != 100 {
			t.Errorf("emergency call %d = %d, want it taken", i+1, code)
		}
	}
	if len(r.alarms) != 0 {
		t.Error("an alarm before an emergency call was shed")
	}
	if _, _, code := place("sip:911@callbox.example"); code != 503 {
		t.Errorf("emergency call beyond all places = %d, want 503", code)
	}
	if a := r.alarm(); a.Code != sipedge.AlarmOverload || !a.Emergency || a.Dialled != "911" {
		t.Errorf("alarm = %+v", a)
	}
	if err := first.Reject(404, "", nil); err != nil {
		t.Fatal(err)
	}
	if _, _, code := place("sip:103@callbox.example"); code != 100 {
		t.Errorf("after a place was freed = %d, want it taken", code)
	}
	r.edge.Drain()
	if _, _, code := place("sip:104@callbox.example"); code != 503 {
		t.Errorf("ordinary call while draining = %d", code)
	}
}

// Proves: D-03 (no body, number or address reaches the log)
func TestTheLogTellsNothingOfACall(t *testing.T) {
	r := newRig(t, nil)
	const secret = "SECRETPLACE"
	lo := "<presence><civicAddress><RD>" + secret + "</RD></civicAddress></presence>"
	for _, network := range transports {
		p := newPeer(t, network, "127.0.0.11", r.addr(network))
		good := newInvite("sip:911@callbox.example")
		good.body, good.ctype = lo, "application/pidf+xml"
		good.extra = []string{"P-Asserted-Identity: <sip:" + secret + "@x>"}
		p.send(good.text(p))
		leg := r.leg()
		_ = leg.Reject(486, secret, nil)
		for _, bad := range []string{
			strings.Replace(good.text(p), "CSeq: 1 INVITE", "CSeq: "+secret, 1),
			strings.Replace(good.text(p), "From:", secret+" :", 1),
			strings.Replace(good.text(p), "Content-Length: ", "Content-Length: 9", 1),
			secret + " junk\r\n\r\n" + lo,
		} {
			p.send(bad)
			if network == "tcp" {
				p = newPeer(t, network, "127.0.0.11", r.tcp)
			}
		}
	}
	stranger := newPeer(t, "udp", "127.0.0.66", r.udp)
	stranger.send(newInvite("sip:" + secret + "@x").text(stranger))
	stranger.recv()
	// A response that cannot be sent, and a dial that fails.
	dead := r.edge.Dial(t.Context(), sipedge.Invite{
		URI: "sip:" + secret + "@x", Dest: netip.MustParseAddrPort("255.255.255.255:1"),
		Transport: "udp", From: "sip:a@b", To: "sip:c@d", Body: []byte(lo), ContentType: "application/pidf+xml",
	})
	for range dead.Events() {
	}
	r.stop()
	if log := r.log.String(); strings.Contains(log, secret) || strings.Contains(log, "civicAddress") || strings.Contains(log, "127.0.0.11") {
		t.Errorf("the log tells:\n%s", log)
	}
}

// Proves: D-02 (one peer cannot fill the disk with log lines)
func TestTheLogIsLimited(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	for range 500 {
		p.send("this is not SIP\r\n\r\n")
	}
	o := newInvite("sip:callbox.example")
	o.method = "OPTIONS"
	p.send(o.text(p))
	p.status(200)
	if n := strings.Count(r.log.String(), "\n"); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
}

// Proves: D-02 (nothing is left behind)
func TestNothingIsLeftAfterRun(t *testing.T) {
	r := newRig(t, nil)
	for range 20 {
		p, _, leg, _ := answeredCall(t, r, "tcp")
		leg.Bye("")
		p.respond(p.request("BYE"), 200, "", "")
		isOver(t, leg)
		answeredCall(t, r, "udp")
		dialled(t, r, "tcp")
	}
	r.stop()
	deadline := time.Now().Add(patience)
	for {
		var b bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&b, 2)
		if !strings.Contains(b.String(), "sipedge.(*") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", b.String())
		}
	}
}

// Proves: E15 (a configuration is refused whole, with all its faults)
func TestConfigurationFaultsComeTogether(t *testing.T) {
	_, err := sipedge.New(sipedge.Config{Listen: []sipedge.Listener{{Network: "sctp"}}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, path := range []string{"listen[0].network", "listen[0].addr", "known", "emergency", "handle", "alarm"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%q does not name %s", err, path)
		}
	}
	taken, lerr := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if lerr != nil {
		t.Fatal(lerr)
	}
	defer taken.Close()
	_, err = sipedge.New(sipedge.Config{
		Listen: []sipedge.Listener{{Network: "tcp", Addr: netip.MustParseAddrPort("127.0.0.2:0")}, {Network: "udp", Addr: taken.LocalAddr().(*net.UDPAddr).AddrPort()}},
		Known:  known, Emergency: emergency, Handle: func(context.Context, *sipedge.Leg) {}, Alarm: func(sipedge.Alarm) {},
		Log: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		t.Error("an address that is taken was bound")
	}
}
