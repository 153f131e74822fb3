package sipedge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// noLeg fails when a further call came to the handler.
func (r *rig) noLeg() {
	r.t.Helper()
	select {
	case l := <-r.legs:
		r.t.Errorf("a second call of %s", l.Request().CallID)
	default:
	}
}

// A caller who heard nothing sends his INVITE again while the next process still
// reads which calls were left: it waits, and is found to be the call that was
// taken up.
//
// Proves: E1, F-29, D-17, RFC 3261 section 17.1.1.2
func TestACallForHelpThatIsRepeatedBeforeItIsTakenUpIsNoSecondCall(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	inv := newInvite("sip:911@callbox.example")
	p.send(inv.text(p))
	p.status(100)
	leg := r.leg()
	leg.KeepWaiting()
	req, tag := leg.Request(), leg.Tag()
	r = r.next(t, func(c *sipedge.Config) { c.Resuming = true })
	p.send(inv.text(p))
	p.status(100) // it was read, and waits
	up, err := r.edge.RestoreInvite(t.Context(), req, tag)
	if err != nil {
		t.Fatal(err)
	}
	r.edge.Resumed()
	if err := up.Provisional(1, 180, "", sipedge.Message{}); err != nil {
		t.Fatal(err)
	}
	p.status(180)
	r.noLeg()
	p.send(newInvite("sip:911@callbox.example").text(p))
	p.status(100)
	if l := r.leg(); l.Request().CallID == inv.callID {
		t.Error("the repetition became a second call")
	}
}

// What the node before left may take long to read: nobody who calls for help waits
// longer than half a second for it, and who gave up meanwhile is heard.
//
// Proves: E1, E4
func TestACallForHelpWaitsForThoseOfBeforeForHalfASecondAtMost(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Resuming = true })
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	began := time.Now()
	p.send(newInvite("sip:911@callbox.example").text(p))
	gone := newInvite("sip:911@callbox.example")
	p.send(gone.text(p))
	p.send(strings.Replace(strings.Replace(gone.text(p), "INVITE sip", "CANCEL sip", 1), " INVITE\r\n", " CANCEL\r\n", 1))
	l, other := r.leg(), r.leg()
	if took := time.Since(began); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("they waited %v", took)
	}
	if l.Request().CallID != gone.callID {
		l = other
	}
	event(t, l, sipedge.Cancelled)
	p.status(487)
	p.send(newInvite("sip:911@callbox.example").text(p))
	began = time.Now()
	r.leg()
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("a later one waited too: %v", took)
	}
}

// Once it is known which calls come back, no other waits for them.
//
// Proves: E1, E4
func TestACallForHelpThatIsNoneOfBeforeDoesNotWait(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Resuming = true })
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	back, first, second := newInvite("sip:911@callbox.example"), newInvite("sip:911@callbox.example"), newInvite("sip:911@callbox.example")
	began := time.Now()
	for _, inv := range []out{back, first} {
		p.send(inv.text(p))
		p.status(100)
	}
	r.edge.Returning([]string{back.callID})
	if l := r.leg(); l.Request().CallID != first.callID {
		t.Errorf("let through: %s, want the one that was here before it was known", l.Request().CallID)
	}
	p.send(second.text(p))
	if l := r.leg(); l.Request().CallID != second.callID {
		t.Errorf("let through: %s, want the one that came later", l.Request().CallID)
	}
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("they waited %v", took)
	}
	if l := r.leg(); l.Request().CallID != back.callID || time.Since(began) < 400*time.Millisecond {
		t.Errorf("the one that comes back did not wait: %s after %v", l.Request().CallID, time.Since(began))
	}
}

// A platform whose connection broke tries its INVITE once more by another one, as
// a new transaction: the call is the same, and hears at once how far it is.
//
// Proves: E1, RFC 3263 section 4.3
func TestAnInviteThatIsTriedAgainByAnotherConnectionIsTheSameCall(t *testing.T) {
	r := newRig(t, nil)
	p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
	inv := newInvite("sip:911@callbox.example")
	p.send(inv.text(p))
	p.status(100)
	leg := r.leg()
	if err := leg.Provisional(1, 180, "", sipedge.Message{}); err != nil {
		t.Fatal(err)
	}
	p.status(180)
	second := inv
	second.branch = unique("z9hG4bK")
	other := newPeer(t, "tcp", "127.0.0.11", r.tcp)
	other.send(second.text(other))
	other.status(482) // the first connection is there: it came by two ways
	if err := p.tcp.Close(); err != nil {
		t.Fatal(err)
	}
	third := inv
	var rings msg
	for range 100 { // until the edge has seen the end of the first
		third.branch = unique("z9hG4bK")
		other.send(third.text(other))
		if rings = other.recv(); rings.code() != 482 {
			break
		}
	}
	if rings.code() != 180 || !strings.Contains(rings.get("Via"), third.branch) {
		t.Fatalf("answered:\n%s", rings.raw)
	}
	if err := leg.Answer(1, sipedge.Message{Body: []byte(sdp), ContentType: "application/sdp"}); err != nil {
		t.Fatal(err)
	}
	if ok := other.status(200); !strings.Contains(ok.get("Via"), third.branch) {
		t.Errorf("answered:\n%s", ok.raw)
	}
	r.noLeg()
}

// A telephone that changed its network asks for its place in a call that is being
// taken up again: it is not told that there is no such call.
//
// Proves: F-29, D-17, RFC 3891 section 3
func TestWhoTakesAPlaceInACallWaitsUntilTheCallsWereTakenUpAgain(t *testing.T) {
	r := newRig(t, func(c *sipedge.Config) { c.Resuming = true })
	p := newPeer(t, "udp", "127.0.0.11", r.udp)
	inv := newInvite("sip:callbox@127.0.0.2")
	inv.extra = append(inv.extra, "Replaces: another@127.0.0.11;to-tag=a;from-tag=b")
	p.send(inv.text(p))
	p.send(newInvite("sip:127.0.0.2").with("OPTIONS", "", 1).text(p))
	if m := p.recv(); !strings.HasSuffix(m.get("CSeq"), "OPTIONS") {
		t.Fatalf("answered before the calls were taken up again:\n%s", m.raw)
	}
	r.edge.Resumed()
	if m := p.recv(); m.code() != 481 || m.get("Call-ID") != inv.callID {
		t.Errorf("answered:\n%s", m.raw)
	}
}
