package sipedge_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// A neighbour brings back what we sent him, each time with less of what it is
// known by.
//
// Proves: C-80, issue 6 (loops cut by Max-Forwards, Via and call id; a call for help in a loop is alarmed)
func TestACallInALoopIsCut(t *testing.T) {
	for _, network := range transports {
		r := newRig(t, nil)
		_, _, sent := dialled(t, r, network)
		via := sent.get("Via")
		_, branch, _ := strings.Cut(via, ";branch=")
		for _, c := range []struct {
			name string
			uri  string
			make func(o *out)
			hops string
			want int
		}{
			{name: "a proxy sends it back", uri: "sip:911@callbox.example", make: func(o *out) {
				o.extra = []string{"Via: " + via}
				o.callID, o.fromTag = sent.get("Call-ID"), sent.tag("From")
			}, want: 482},
			{name: "behind another proxy's Via in one line", uri: "sip:911@callbox.example", make: func(o *out) {
				o.extra = []string{"Via: SIP/2.0/UDP proxy.example;branch=z9hG4bKx, " + via}
			}, want: 482},
			{name: "an ordinary call", uri: "sip:100@callbox.example", make: func(o *out) { o.extra = []string{"Via: " + via} }, want: 482},
			{name: "Via is hidden, Call-ID and tag are kept", uri: "sip:911@callbox.example", make: func(o *out) {
				o.callID, o.fromTag = sent.get("Call-ID"), sent.tag("From")
			}, want: 482},
			{name: "no hops are left", uri: "sip:911@callbox.example", hops: "0", want: 483},
			{name: "no hops are left, an ordinary call", uri: "sip:100@callbox.example", hops: "00", want: 483},
			{name: "a Via that only looks like ours is no loop", uri: "sip:911@callbox.example", make: func(o *out) {
				o.extra = []string{"Via: SIP/2.0/UDP " + r.udp.String() + ";branch=" + strings.Repeat("0", 5) + branch[5:], "Via: SIP/2.0/UDP " + r.udp.String() + ";branch=z9hG4bK" + strings.Repeat("0", 36)}
			}, want: 100},
			{name: "the same Call-ID with another tag is no loop", uri: "sip:911@callbox.example", make: func(o *out) { o.callID = sent.get("Call-ID") }, want: 100},
			{name: "the last hop", uri: "sip:911@callbox.example", hops: "1", want: 100},
		} {
			t.Run(network+": "+c.name, func(t *testing.T) {
				p := newPeer(t, network, "127.0.0.12", r.addr(network))
				o := newInvite(c.uri)
				if c.make != nil {
					c.make(&o)
				}
				text := o.text(p)
				if c.hops != "" {
					text = strings.Replace(text, "Max-Forwards: 70", "Max-Forwards: "+c.hops, 1)
				}
				p.send(text)
				if m := p.recv(); m.code() != c.want {
					t.Fatalf("answered %s, want %d", m.start, c.want)
				}
				if c.want == 100 {
					_ = r.leg().Reject(486, "", nil)
				}
			})
		}
		a := r.alarm() // at once; those that followed are folded into it
		if a.Code != sipedge.AlarmLoop || !a.Emergency || a.Dialled != "911" || len(r.alarms) != 0 {
			t.Errorf("alarm %+v and %d more", a, len(r.alarms))
		}
		if n := r.edge.Stats().Looped; n != 6 {
			t.Errorf("%d loops were counted, want 6", n)
		}
		r.stop()
	}
}

// Two edges between which a call would go round for ever: trunk, us, the same
// trunk. The one who meets it again refuses, so the first tries its next way.
//
// Proves: C-80 (a call may not hairpin)
func TestAHairpinEndsAtTheFirstTurn(t *testing.T) {
	r := newRig(t, nil)
	phone := newPeer(t, "udp", "127.0.0.13", r.udp)
	phone.send(newInvite("sip:911@callbox.example").text(phone))
	leg := r.leg()
	// The trunk turns every call round, with all that it carries.
	turn := newPeer(t, "udp", "127.0.0.14", r.udp)
	outbound := r.edge.Dial(t.Context(), sipedge.Invite{
		URI: "sip:911@" + turn.local.String(), Dest: turn.local, Transport: "udp", From: "sip:a@b", To: "sip:911@d",
		Headers: sipedge.Headers{{Name: "Max-Forwards", Value: "69"}},
	})
	event(t, outbound, sipedge.Sent)
	m := turn.request("INVITE")
	top := "Via: SIP/2.0/UDP " + turn.local.String() + ";branch=z9hG4bKturn;rport\r\n"
	turn.dest = m.from
	turn.send(strings.Replace(m.raw, "Via: ", top+"Via: ", 1))
	back := turn.until("an answer", func(m msg) bool { return m.code() >= 200 })
	if back.code() != 482 {
		t.Fatalf("the call that came back was answered %s", back.start)
	}
	turn.respond(m, back.code(), "t", "")
	if ev := event(t, outbound, sipedge.Failed); ev.Code != 482 {
		t.Errorf("the first leg ended with %d", ev.Code)
	}
	_ = leg.Reject(486, "", nil)
	if len(r.legs) != 0 {
		t.Error("the call came to its owner twice")
	}
}
