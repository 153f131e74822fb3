package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// The PSAP hangs up and calls the number that it was given, by a PSTN trunk and
// without a word that it is a PSAP: the telephone that called rings, and the two
// talk. So it does after the server was killed and started again. Another number
// leads nowhere.
//
// Proves: F-11, F-12, F-29, W-54, E6
func TestThePSAPCallsBackFromThePSTN(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	p := s.phone()
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(c)
	got := s.received(s.a)
	if err := got.Call.Hangup(); err != nil {
		t.Fatal(err)
	}
	s.record("the end of the call", ended)
	s.callsBack(p, s.a, got.From)

	s.kill()
	s.launch()
	s.callsBack(p, s.b, got.From)

	other, err := s.a.Place(s.ctx, "+16175550112", s.sip)
	if err != nil {
		t.Fatal(err)
	}
	if e := s.reaches(other, ua.Ended); e.Code != 404 {
		t.Errorf("another number is answered %d", e.Code)
	}
}

// The server was killed in the middle of a call; the call went on and ended. The
// number leads back to who called, also after the server was killed once more.
//
// Proves: F-12, F-29, D-17, W-54, E6
func TestThePSAPCallsBackAfterACallThatWentOverARestart(t *testing.T) {
	t.Parallel()
	s := crashSite(t, "udp")
	p := s.phone()
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(c)
	got := s.received(s.a)
	s.again(true)
	if err := got.Call.Hangup(); err != nil {
		t.Fatal(err)
	}
	waitEnded(t, c.Call)
	s.record("the end of the call", ended)
	s.callsBack(p, s.a, got.From)
	s.again(true)
	s.callsBack(p, s.a, got.From)
	r := s.record("the call", ended)
	if r.EndedBy != "psap" || strings.Contains(r.EndReason, "restart") {
		t.Errorf("ended by %s, %q", r.EndedBy, r.EndReason)
	}
}

// callsBack lets a PSAP call a number that the phone must answer.
func (s *site) callsBack(p *phone.Phone, from *psap.PSAP, number string) {
	s.t.Helper()
	back, err := from.Place(s.ctx, number, s.sip)
	if err != nil {
		s.t.Fatal(err)
	}
	var in *ua.Call
	select {
	case in = <-p.Incoming():
	case <-time.After(30 * time.Second):
		s.t.Fatalf("the phone did not ring; the server's log:\n%s", s.tail())
	}
	if v := in.Invite.Get("Priority"); v != "psap-callback" {
		s.t.Errorf("Priority = %q", v)
	}
	if v := in.Invite.Get("Resource-Priority"); v != "esnet.0" {
		s.t.Errorf("Resource-Priority = %q", v)
	}
	if err := in.Accept(s.ctx, in.RemoteSDP()); err != nil {
		s.t.Fatal(err)
	}
	s.reaches(back, ua.Answered)
	if err := back.Hangup(); err != nil {
		s.t.Fatal(err)
	}
	s.reaches(in, ua.Ended)
}

// reaches waits until a call is in a state.
func (s *site) reaches(c *ua.Call, state ua.State) ua.Event {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	for {
		select {
		case e := <-c.Events():
			if e.State == state {
				return e
			}
			if e.State == ua.Ended {
				s.t.Fatalf("the call ended with %d; the server's log:\n%s", e.Code, s.tail())
			}
		case <-ctx.Done():
			s.t.Fatalf("a call did not come to be %s; the server's log:\n%s", state, s.tail())
		}
	}
}
