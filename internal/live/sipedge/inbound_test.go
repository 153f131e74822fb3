package sipedge_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

var transports = []string{"udp", "tcp"}

func both(t *testing.T, f func(t *testing.T, network string)) {
	for _, n := range transports {
		t.Run(n, func(t *testing.T) { f(t, n) })
	}
}

// A fault of ours in reading a message costs that message: calls that are up stay,
// and the next one is carried.
//
// Proves: E1
func TestAFaultInReadingAMessageCostsTheMessageAlone(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, func(c *sipedge.Config) {
			c.Emergency = func(uri string) bool {
				if strings.Contains(uri, "boom") {
					panic("a fault")
				}
				return emergency(uri)
			}
		})
		p, _, leg, _ := answeredCall(t, r, "udp")
		bad := newPeer(t, network, "127.0.0.12", r.addr(network))
		bad.send(newInvite("sip:boom@callbox.example").text(bad))
		answeredCall(t, r, network)
		leg.Bye("")
		p.request("BYE")
		limit, look := time.NewTimer(patience), time.NewTicker(time.Millisecond)
		defer limit.Stop()
		defer look.Stop()
		for !strings.Contains(r.log.String(), "panicked") {
			select {
			case <-look.C:
			case <-limit.C:
				t.Fatal("nobody is told of the fault")
			}
		}
	})
}

// answeredCall brings an inbound call up.
func answeredCall(t *testing.T, r *rig, network string) (*peer, out, *sipedge.Leg, msg) {
	t.Helper()
	p := newPeer(t, network, "127.0.0.11", r.addr(network))
	inv := newInvite("sip:911@callbox.example")
	inv.body, inv.ctype = sdp, "application/sdp"
	p.send(inv.text(p))
	leg := r.leg()
	if err := leg.Answer(1, sipedge.Message{Body: []byte("v=0\r\n"), ContentType: "application/sdp"}); err != nil {
		t.Fatal(err)
	}
	ok := p.status(200)
	ack := inv.with("ACK", ok.tag("To"), 1)
	p.send(ack.text(p))
	event(t, leg, sipedge.Acked)
	return p, inv, leg, ok
}

// Proves: D-02, D-04, E2
func TestAnInviteIsDeliveredAsItCame(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p := newPeer(t, network, "127.0.0.11", r.addr(network))
		inv := newInvite("tel:911")
		inv.extra = []string{"Geolocation: <http://127.0.0.2/loc/abc>, <cid:x@y>", "E911-User-ID: agent4711", "Geolocation: <http://other>"}
		inv.body, inv.ctype = sdp, "application/sdp"
		p.send(inv.text(p))
		if got := p.recv().code(); got != 100 {
			t.Errorf("first answer = %d, want 100", got)
		}
		req := r.leg().Request()
		if req.URI != "tel:911" || req.Method != "INVITE" || string(req.Body) != sdp || req.ContentType != "application/sdp" {
			t.Errorf("request = %s %s %q %q", req.Method, req.URI, req.ContentType, req.Body)
		}
		if got := req.Headers.All("geolocation"); len(got) != 2 || got[0] != "<http://127.0.0.2/loc/abc>, <cid:x@y>" {
			t.Errorf("Geolocation = %q", got)
		}
		if got := req.Headers.Get("E911-User-ID"); got != "agent4711" {
			t.Errorf("E911-User-ID = %q", got)
		}
		if req.Source != p.local || req.Transport != network || req.Local != r.addr(network) || req.CallID != inv.callID {
			t.Errorf("source %v transport %s local %v call-id %s", req.Source, req.Transport, req.Local, req.CallID)
		}
		if len(req.Repaired) != 0 {
			t.Errorf("repaired = %q, want none", req.Repaired)
		}
	})
}

// Proves: D-04
func TestEachAttemptHasItsOwnToTag(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	inv := newInvite("sip:911@callbox.example")
	p.send(inv.text(p))
	leg := r.leg()
	ring := func(attempt, code int) msg {
		t.Helper()
		if err := leg.Provisional(attempt, code, "", sipedge.Message{}); err != nil {
			t.Fatal(err)
		}
		return p.status(code)
	}
	one, two, again := ring(1, 180), ring(2, 183), ring(1, 181)
	if one.tag("To") == "" || one.tag("To") == two.tag("To") || one.tag("To") != again.tag("To") {
		t.Errorf("tags = %q %q %q", one.tag("To"), two.tag("To"), again.tag("To"))
	}
	if one.get("Contact") == "" {
		t.Error("180 has no Contact")
	}
	if err := leg.Answer(2, sipedge.Message{}); err != nil {
		t.Fatal(err)
	}
	if got := p.status(200).tag("To"); got != two.tag("To") {
		t.Errorf("200 has tag %q, want that of attempt 2, %q", got, two.tag("To"))
	}
	if err := leg.Provisional(3, 180, "", sipedge.Message{}); !errors.Is(err, sipedge.ErrOver) {
		t.Errorf("180 after 200 = %v, want ErrOver", err)
	}
	// The dialog of attempt 1 is none any more.
	p.send(inv.with("BYE", one.tag("To"), 2).text(p))
	p.status(481)
}

// Proves: D-03 (RFC 3261, section 13.3.1.4)
func TestA200IsRepeatedUntilItsACK(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p := newPeer(t, network, "127.0.0.11", r.addr(network))
		inv := newInvite("sip:911@callbox.example")
		p.send(inv.text(p))
		leg := r.leg()
		if err := leg.Answer(1, sipedge.Message{}); err != nil {
			t.Fatal(err)
		}
		first, second, third := p.status(200), p.status(200), p.status(200)
		if first.raw != second.raw || second.raw != third.raw {
			t.Error("repetitions differ")
		}
		ack := inv.with("ACK", first.tag("To"), 1)
		ack.body, ack.ctype = "v=0\r\n", "application/sdp"
		p.send(ack.text(p))
		if ev := event(t, leg, sipedge.Acked); string(ev.Body) != "v=0\r\n" {
			t.Errorf("body of the ACK = %q", ev.Body)
		}
		leg.Bye("done")
		bye := p.request("BYE") // skips a 200 that crossed the ACK
		p.respond(bye, 200, "", "")
		isOver(t, leg)
	})
}

// Proves: E1 (a lost ACK ends no call)
func TestAMissingACKIsReportedAndEndsNothing(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	p.send(newInvite("sip:911@callbox.example").text(p))
	leg := r.leg()
	if err := leg.Answer(1, sipedge.Message{}); err != nil {
		t.Fatal(err)
	}
	event(t, leg, sipedge.AckMissing)
	leg.Bye("")
	bye := p.request("BYE")
	p.respond(bye, 200, "", "")
	isOver(t, leg)
}

// Proves: E1
func TestTheCallersCANCELEndsAnUnansweredCall(t *testing.T) {
	for name, branch := range map[string]func(out) out{
		"with the branch of the INVITE": func(o out) out { return o },
		"with another branch": func(o out) out {
			o.branch = unique("z9hG4bK")
			return o
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				r := newRig(t, nil)
				p := newPeer(t, network, "127.0.0.11", r.addr(network))
				inv := newInvite("sip:911@callbox.example")
				p.send(inv.text(p))
				leg := r.leg()
				cancel := branch(inv)
				cancel.method, cancel.extra = "CANCEL", []string{"Reason: SIP;cause=200;text=\"elsewhere\""}
				p.send(cancel.text(p))
				m := p.until("answer to CANCEL", func(m msg) bool { return strings.HasSuffix(m.get("CSeq"), "CANCEL") })
				if m.code() != 200 {
					t.Errorf("CANCEL got %d", m.code())
				}
				refused := p.status(487)
				ack := inv
				ack.method, ack.toTag = "ACK", refused.tag("To")
				p.send(ack.text(p))
				if ev := event(t, leg, sipedge.Cancelled); ev.Headers.Get("Reason") == "" {
					t.Error("Reason of the CANCEL is lost")
				}
				isOver(t, leg)
				if err := leg.Answer(1, sipedge.Message{}); !errors.Is(err, sipedge.ErrOver) {
					t.Errorf("Answer after CANCEL = %v, want ErrOver", err)
				}
			})
		})
	}
}

// Proves: D-03 (RFC 3261, sections 9.2, 17.2.1)
func TestRequestsForNoCallGet481(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	for _, method := range []string{"CANCEL", "BYE", "INVITE", "UPDATE", "INFO"} {
		o := newInvite("sip:callbox@127.0.0.2") // our Contact, as inside a dialog
		o.method = method
		if method != "CANCEL" {
			o.toTag = "nobody"
		}
		p.send(o.text(p))
		if got := p.recv().code(); got != 481 {
			t.Errorf("%s outside any call = %d, want 481", method, got)
		}
	}
	if len(r.legs) != 0 {
		t.Error("a call was delivered")
	}
}

// Proves: E1, D-02 (an emergency number is never the target of a dialog: this is a call)
func TestACallForHelpWithATagTooManyIsACall(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	o := newInvite("sip:911@callbox.example")
	o.toTag = "nobody"
	p.send(o.text(p))
	leg := r.leg()
	if said := strings.Join(leg.Request().Repaired, ", "); !strings.Contains(said, "To has a tag") {
		t.Errorf("repaired: %q", said)
	}
	if err := leg.Answer(1, sipedge.Message{Body: []byte(sdp), ContentType: "application/sdp"}); err != nil {
		t.Fatal(err)
	}
	ok := p.status(200)
	if ok.tag("To") == "nobody" || ok.tag("To") == "" {
		t.Errorf("To-tag %q is not ours", ok.tag("To"))
	}
	p.send(o.with("ACK", ok.tag("To"), 1).text(p))
	event(t, leg, sipedge.Acked)
	p.send(o.with("INVITE", ok.tag("To"), 2).text(p))
	event(t, leg, sipedge.ReInvite)
}

// Proves: D-02, F-15
func TestMethodsThatAreNotServed(t *testing.T) {
	for method, want := range map[string]int{
		"OPTIONS": 200, "REFER": 501, "REGISTER": 405, "SUBSCRIBE": 405, "MESSAGE": 405, "FROBNICATE": 501, "BYE": 481,
	} {
		t.Run(method, func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				r := newRig(t, nil)
				p := newPeer(t, network, "127.0.0.11", r.addr(network))
				o := newInvite("sip:callbox.example")
				o.method = method
				p.send(o.text(p))
				one := p.recv()
				p.send(o.text(p))
				two := p.recv()
				if one.code() != want || one.raw != two.raw {
					t.Errorf("answers = %d and %d, same %v, want %d twice", one.code(), two.code(), one.raw == two.raw, want)
				}
			})
		})
	}
	t.Run("INVITE with Replaces", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "udp", "127.0.0.11", r.udp)
		o := newInvite("sip:2101@callbox.example")
		o.extra = []string{"Replaces: a;to-tag=b;from-tag=c"}
		p.send(o.text(p))
		p.status(481) // RFC 3891, section 3: there is no such dialog
	})
	t.Run("INVITE to 911 with Replaces and Require goes through", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "udp", "127.0.0.11", r.udp)
		o := newInvite("sip:911@callbox.example")
		o.extra = []string{"Replaces: a;to-tag=b;from-tag=c", "Require: precondition", "Proxy-Require: x"}
		p.send(o.text(p))
		if got := r.leg().Request().Repaired; len(got) != 3 {
			t.Errorf("repaired = %q", got)
		}
	})
	t.Run("ordinary INVITE with Require", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "udp", "127.0.0.11", r.udp)
		o := newInvite("sip:2101@callbox.example")
		o.extra = []string{"Require: precondition"}
		p.send(o.text(p))
		if got := p.status(420).get("Unsupported"); got != "precondition" {
			t.Errorf("Unsupported = %q", got)
		}
	})
}

// Proves: D-03 (RFC 3261, sections 17.2.1, 8.2.2.2)
func TestARepeatedInviteIsNoSecondCall(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	inv := newInvite("sip:911@callbox.example")
	p.send(inv.text(p))
	p.status(100)
	leg := r.leg()
	p.send(inv.text(p))
	p.status(100)
	if err := leg.Provisional(1, 180, "", sipedge.Message{}); err != nil {
		t.Fatal(err)
	}
	p.status(180)
	p.send(inv.text(p))
	p.status(180)
	merged := inv
	merged.branch = unique("z9hG4bK")
	p.send(merged.text(p))
	p.status(482)
	if err := leg.Reject(486, "", nil); err != nil {
		t.Fatal(err)
	}
	one, two := p.status(486), p.status(486)
	if one.raw != two.raw {
		t.Error("repetitions of 486 differ")
	}
	ack := inv
	ack.method, ack.toTag = "ACK", one.tag("To")
	p.send(ack.text(p))
	isOver(t, leg)
	if len(r.legs) != 0 {
		t.Error("a second call was delivered")
	}
}

// Proves: E6, D-03 (RFC 3261, section 15)
func TestEitherSideHangsUp(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		t.Run("caller", func(t *testing.T) {
			r := newRig(t, nil)
			p, inv, leg, ok := answeredCall(t, r, network)
			bye := inv.with("BYE", ok.tag("To"), 2)
			p.send(bye.text(p))
			p.until("200 to BYE", func(m msg) bool { return m.code() == 200 && strings.HasSuffix(m.get("CSeq"), "BYE") })
			event(t, leg, sipedge.ByeReceived)
			isOver(t, leg)
			p.send(bye.text(p)) // repeated: the same answer
			p.until("200 to BYE", func(m msg) bool { return m.code() == 200 && strings.HasSuffix(m.get("CSeq"), "BYE") })
		})
		t.Run("we", func(t *testing.T) {
			r := newRig(t, nil)
			p, inv, leg, ok := answeredCall(t, r, network)
			leg.Bye("call completed")
			bye := p.request("BYE")
			if got := bye.get("To"); !strings.HasSuffix(got, ";tag="+inv.fromTag) {
				t.Errorf("To = %q", got)
			}
			if got := bye.tag("From"); got != ok.tag("To") {
				t.Errorf("From tag = %q, want %q", got, ok.tag("To"))
			}
			if !strings.HasPrefix(bye.start, "BYE sip:2101@"+p.local.String()) || bye.get("Reason") == "" {
				t.Errorf("BYE = %s, Reason %q", bye.start, bye.get("Reason"))
			}
			if network == "udp" {
				if again := p.request("BYE"); again.raw != bye.raw {
					t.Error("repetition of BYE differs")
				}
			}
			p.respond(bye, 200, "", "")
			isOver(t, leg)
		})
		t.Run("we, before the ACK", func(t *testing.T) {
			r := newRig(t, nil)
			p := newPeer(t, network, "127.0.0.11", r.addr(network))
			inv := newInvite("sip:911@callbox.example")
			p.send(inv.text(p))
			leg := r.leg()
			if err := leg.Answer(1, sipedge.Message{}); err != nil {
				t.Fatal(err)
			}
			ok := p.status(200)
			leg.Bye("")
			if m := p.recv(); m.code() != 200 {
				t.Fatalf("before the ACK came %q, want the 200 again", m.start)
			}
			p.send(inv.with("ACK", ok.tag("To"), 1).text(p))
			event(t, leg, sipedge.Acked)
			p.respond(p.request("BYE"), 200, "", "")
			isOver(t, leg)
		})
	})
	t.Run("the caller, in an early dialog", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "udp", "127.0.0.11", r.udp)
		inv := newInvite("sip:911@callbox.example")
		p.send(inv.text(p))
		leg := r.leg()
		if err := leg.Provisional(1, 180, "", sipedge.Message{}); err != nil {
			t.Fatal(err)
		}
		p.send(inv.with("BYE", p.status(180).tag("To"), 2).text(p))
		p.status(200)
		p.status(487)
		event(t, leg, sipedge.ByeReceived)
		isOver(t, leg)
	})
	t.Run("both at once", func(t *testing.T) {
		r := newRig(t, nil)
		p, inv, leg, ok := answeredCall(t, r, "udp")
		leg.Bye("")
		bye := p.request("BYE")
		p.send(inv.with("BYE", ok.tag("To"), 2).text(p))
		p.status(200)
		p.respond(bye, 200, "", "")
		event(t, leg, sipedge.ByeReceived)
		isOver(t, leg)
	})
}

// Proves: D-04 (RFC 3261, section 14)
func TestReInvitesBothWays(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		r := newRig(t, nil)
		p, inv, leg, ok := answeredCall(t, r, network)

		// Theirs.
		re := inv.with("INVITE", ok.tag("To"), 2)
		re.body, re.ctype = sdp, "application/sdp"
		p.send(re.text(p))
		if ev := event(t, leg, sipedge.ReInvite); string(ev.Body) != sdp {
			t.Errorf("offer = %q", ev.Body)
		}
		// A second one before the first is answered.
		early := inv.with("INVITE", ok.tag("To"), 3)
		p.send(early.text(p))
		if m := p.status(500); m.get("Retry-After") == "" {
			t.Error("500 has no Retry-After")
		}
		ack := early
		ack.method = "ACK"
		p.send(ack.text(p))
		if err := leg.AnswerReInvite(200, "", sipedge.Message{Body: []byte("v=1\r\n"), ContentType: "application/sdp"}); err != nil {
			t.Fatal(err)
		}
		m := p.until("200 to re-INVITE", func(m msg) bool { return m.code() == 200 && m.get("CSeq") == "2 INVITE" })
		if m.body != "v=1\r\n" || m.get("Contact") == "" {
			t.Errorf("answer = %q, Contact %q", m.body, m.get("Contact"))
		}
		p.until("its repetition", func(m msg) bool { return m.code() == 200 && m.get("CSeq") == "2 INVITE" })
		p.send(inv.with("ACK", ok.tag("To"), 2).text(p))
		event(t, leg, sipedge.Acked)

		// Ours.
		leg.ReInvite(sipedge.Message{Body: []byte("v=2\r\n"), ContentType: "application/sdp"})
		ours := p.request("INVITE")
		if ours.tag("To") != inv.fromTag || ours.tag("From") != ok.tag("To") || ours.body != "v=2\r\n" {
			t.Errorf("re-INVITE: To %q From %q body %q", ours.get("To"), ours.get("From"), ours.body)
		}
		// Glare: theirs meets ours.
		glare := inv.with("INVITE", ok.tag("To"), 4)
		p.send(glare.text(p))
		p.status(491)
		ack = glare
		ack.method = "ACK"
		p.send(ack.text(p))
		p.respond(ours, 200, "", "v=3\r\n", "Contact: <sip:moved@"+p.local.String()+">")
		if got := p.request("ACK"); got.get("CSeq") != strings.TrimSuffix(ours.get("CSeq"), "INVITE")+"ACK" {
			t.Errorf("ACK has CSeq %q for %q", got.get("CSeq"), ours.get("CSeq"))
		}
		if ev := event(t, leg, sipedge.ReInviteAnswered); ev.Code != 200 || string(ev.Body) != "v=3\r\n" {
			t.Errorf("answered = %d %q", ev.Code, ev.Body)
		}
		// A repeated 200 gets its ACK again.
		p.respond(ours, 200, "", "v=3\r\n")
		p.request("ACK")
		// The target moved.
		leg.Bye("")
		if bye := p.request("BYE"); !strings.HasPrefix(bye.start, "BYE sip:moved@") {
			t.Errorf("BYE = %s", bye.start)
		}
	})
}

// Proves: D-04 (RFC 3261, section 14.1)
func TestOurReInviteIsTriedAgainAfterGlare(t *testing.T) {
	r := newRig(t, nil)
	p, _, leg, _ := answeredCall(t, r, "udp")
	leg.ReInvite(sipedge.Message{Body: []byte("v=2\r\n"), ContentType: "application/sdp"})
	one := p.request("INVITE")
	p.respond(one, 491, "", "")
	if ack := p.request("ACK"); ack.branch() != one.branch() {
		t.Errorf("ACK has branch %q, want that of the INVITE", ack.branch())
	}
	two := p.until("new INVITE", func(m msg) bool { return m.method() == "INVITE" && m.get("CSeq") != one.get("CSeq") })
	if two.body != one.body || two.branch() == one.branch() {
		t.Errorf("second INVITE: body %q, same branch %v", two.body, two.branch() == one.branch())
	}
	p.respond(two, 488, "", "")
	p.request("ACK")
	if ev := event(t, leg, sipedge.ReInviteAnswered); ev.Code != 488 {
		t.Errorf("answered = %d, want 488", ev.Code)
	}
	// The call is still up.
	leg.Bye("")
	p.request("BYE")
}

// Proves: D-04
func TestACancelledReInviteIsReported(t *testing.T) {
	r := newRig(t, nil)
	p, inv, leg, ok := answeredCall(t, r, "udp")
	re := inv.with("INVITE", ok.tag("To"), 2)
	p.send(re.text(p))
	event(t, leg, sipedge.ReInvite)
	cancel := re
	cancel.method = "CANCEL"
	p.send(cancel.text(p))
	p.status(487)
	event(t, leg, sipedge.ReInviteGone)
	if err := leg.AnswerReInvite(200, "", sipedge.Message{}); !errors.Is(err, sipedge.ErrOver) {
		t.Errorf("AnswerReInvite = %v, want ErrOver", err)
	}
}

// Proves: D-04 (RFC 3261, section 12.2.1.1)
func TestRouteSetsAreFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		record []string
		uri    string
		routes []string
	}{
		"loose":  {[]string{"<sip:P;lr>", "<sip:10.9.9.9;lr>"}, "sip:2101@", []string{"<sip:P;lr>", "<sip:10.9.9.9;lr>"}},
		"strict": {[]string{"<sip:P>, <sip:10.9.9.9;lr>"}, "sip:P", []string{"<sip:10.9.9.9;lr>", "<sip:2101@"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			p := newPeer(t, "udp", "127.0.0.11", r.udp)
			proxy := newPeer(t, "udp", "127.0.0.12", r.udp)
			at := func(s string) string { return strings.ReplaceAll(s, "P", proxy.local.String()) }
			inv := newInvite("sip:911@callbox.example")
			for _, rr := range c.record {
				inv.extra = append(inv.extra, "Record-Route: "+at(rr))
			}
			p.send(inv.text(p))
			leg := r.leg()
			if err := leg.Answer(1, sipedge.Message{}); err != nil {
				t.Fatal(err)
			}
			ok := p.status(200)
			if got := ok.all("Record-Route"); len(got) != len(c.record) {
				t.Errorf("Record-Route of the 200 = %q", got)
			}
			p.send(inv.with("ACK", ok.tag("To"), 1).text(p))
			event(t, leg, sipedge.Acked)
			leg.Bye("")
			bye := proxy.request("BYE")
			if !strings.HasPrefix(bye.start, "BYE "+at(c.uri)) {
				t.Errorf("BYE = %s, want %s", bye.start, at(c.uri))
			}
			got := bye.all("Route")
			if len(got) != 2 || got[0] != at(c.routes[0]) || !strings.HasPrefix(got[1], at(c.routes[1])) {
				t.Errorf("Route = %q, want %q", got, c.routes)
			}
		})
	}
}

// Proves: D-01, D-02 (a Contact cannot aim our requests at others)
func TestAContactAtAnUnknownAddressIsNotFollowed(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	victim := newPeer(t, "udp", "127.0.0.66", r.udp)
	inv := newInvite("sip:911@callbox.example")
	text := strings.Replace(inv.text(p), "Contact: <sip:2101@"+p.local.String(), "Contact: <sip:2101@"+victim.local.String(), 1)
	p.send(text)
	leg := r.leg()
	if err := leg.Answer(1, sipedge.Message{}); err != nil {
		t.Fatal(err)
	}
	p.send(inv.with("ACK", p.status(200).tag("To"), 1).text(p))
	event(t, leg, sipedge.Acked)
	leg.Bye("")
	if bye := p.request("BYE"); !strings.Contains(bye.start, victim.local.String()) {
		t.Errorf("BYE = %s: the Request-URI is the Contact all the same", bye.start)
	}
}

// Proves: E1 (a handler that fails is not the caller's end without a word)
func TestAnOwnerThatFailsLeavesAnAnswerAndAnAlarm(t *testing.T) {
	for name, handle := range map[string]func(context.Context, *sipedge.Leg){
		"panics":  func(context.Context, *sipedge.Leg) { panic("a bug") },
		"returns": func(context.Context, *sipedge.Leg) {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *sipedge.Config) { c.Handle = handle })
			p := newPeer(t, "udp", "127.0.0.11", r.udp)
			p.send(newInvite("sip:911@callbox.example").text(p))
			p.status(503)
			if a := r.alarm(); a.Code != sipedge.AlarmHandler || !a.Emergency {
				t.Errorf("alarm = %+v", a)
			}
		})
	}
}

// Proves: D-17 (what is up goes on), E1 (who is unanswered hears it)
func TestStopping(t *testing.T) {
	r := newRig(t, nil)
	up, _, upLeg, _ := answeredCall(t, r, "udp")
	p := newPeer(t, "udp", "127.0.0.12", r.udp)
	p.send(newInvite("sip:911@callbox.example").text(p))
	waiting := r.leg()
	psap := newPeer(t, "udp", "127.0.0.21", r.udp)
	ringing := r.edge.Dial(t.Context(), call(psap, "udp"))
	inv := psap.request("INVITE")
	psap.respond(inv, 180, "t", "")
	event(t, ringing, sipedge.Sent)
	event(t, ringing, sipedge.Provisional)
	r.stop()
	if m := p.status(503); m.get("Retry-After") == "" {
		t.Error("503 has no Retry-After")
	}
	psap.request("CANCEL")
	for _, l := range []*sipedge.Leg{upLeg, waiting, ringing} {
		if ev := event(t, l, sipedge.Lost); !errors.Is(ev.Err, sipedge.ErrStopped) {
			t.Errorf("lost with %v", ev.Err)
		}
		isOver(t, l)
	}
	if m, err := up.try(0); err == nil && m.method() == "BYE" {
		t.Error("a call that was up got a BYE")
	}
	after := r.edge.Dial(context.Background(), call(psap, "udp"))
	if ev := event(t, after, sipedge.SendFailed); !errors.Is(ev.Err, sipedge.ErrStopped) {
		t.Errorf("Dial after the stop = %v", ev.Err)
	}
	if n := r.edge.Live(); n != 0 {
		t.Errorf("live legs = %d", n)
	}
}
