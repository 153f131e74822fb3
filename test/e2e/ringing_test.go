package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/rtpend"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// ringing dials and waits until the caller hears that the PSAP rings.
func ringing(s *site, transport string) (*phone.Call, psap.Received) {
	s.t.Helper()
	s.a.Behave(psap.RingForEver)
	p := s.phone(func(c *phone.Config) { c.Transport = transport })
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	got := s.received(s.a)
	s.reaches(c.Call, ua.Ringing)
	s.ringsOnRecord()
	return c, got
}

// ringsOnRecord waits until it is written down that somebody is rung. The caller
// hears it before (E5: no later fact is waited for), and a kill between the two
// leaves a leg that the next process does not know (adr/0018, Price).
func (s *site) ringsOnRecord() {
	s.t.Helper()
	s.await("the 180 on record", func() bool {
		list, _ := s.calls()
		return slices.ContainsFunc(list, func(r report.CallRecord) bool { return len(r.Attempts) > 0 && r.State == report.Ringing })
	})
}

// picksUp answers a call that rings at the PSAP.
func picksUp(s *site, got psap.Received) {
	s.t.Helper()
	media, err := rtpend.Listen(s.a.Addr().Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(media.Close)
	if err := got.Call.Accept(s.ctx, media.SDP("sendrecv")); err != nil {
		s.t.Errorf("the PSAP picks up: %v", err)
	}
}

// The server is killed, or stopped, while the PSAP rings. The next process goes on
// with it: the PSAP picks up, the two talk, either one hangs up, and the call has
// one record and one notice.
//
// Proves: F-02, F-29, D-17, E1, E5
func TestACallThatRingsGoesOnAfterARestart(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		for _, end := range ends {
			for _, how := range []string{"a kill", "a stop"} {
				t.Run(end.name+" after "+how+" by "+transport, func(t *testing.T) {
					t.Parallel()
					s := crashSite(t, transport)
					c, got := ringing(s, transport)
					if how == "a kill" {
						s.kill()
					} else {
						s.stopsWhileItRings()
					}
					s.launch()
					s.signIn()
					picksUp(s, got)
					s.answered(c)
					end.hangUp(s, c, got)
					r := s.record("the record", ended)
					if r.EndedBy != end.by || len(r.Attempts) != 1 {
						t.Errorf("ended by %s, %q, after %d ms of talk and %d attempts; want by %s", r.EndedBy, r.EndReason, r.TalkMS, len(r.Attempts), end.by)
					}
					if list, _ := s.calls(); len(list) != 1 {
						t.Errorf("%d records of one call", len(list))
					}
					select {
					case again := <-s.a.Calls():
						t.Errorf("the PSAP was called twice: %s", again.Invite.Start)
					default:
					}
				})
			}
		}
	}
}

// stopsWhileItRings stops the server, which waits for the caller until it is told
// to stop once more, and takes emergency calls meanwhile.
func (s *site) stopsWhileItRings() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.await("the drain", func() bool { return strings.Contains(s.log.String(), "calls that are up go on") })
	s.stop()
}

// The caller gives up while no server is there, or after the next one is.
//
// Proves: F-02, F-29, D-17
func TestACallerGivesUpOverARestart(t *testing.T) {
	t.Parallel()
	s := crashSite(t, "udp")
	c, got := ringing(s, "udp")
	s.kill()
	s.launch()
	s.signIn()
	if err := c.Cancel(); err != nil {
		t.Fatal(err)
	}
	waitEnded(t, got.Call)
	r := s.record("the record", ended)
	if r.EndedBy != "caller" || !strings.Contains(r.EndReason, "gave up") {
		t.Errorf("ended by %s, %q", r.EndedBy, r.EndReason)
	}
}
