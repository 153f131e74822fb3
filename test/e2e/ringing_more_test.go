package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// once fails when a call has more than one record, or told the desk more than once.
func (s *site) once() {
	s.t.Helper()
	list, _ := s.calls()
	if len(list) != 1 {
		s.t.Fatalf("%d records of one call", len(list))
	}
	first := map[string]int{}
	for _, n := range list[0].Notices {
		first[n.Channel+" "+n.To+" "+n.Reason]++
	}
	for what, n := range first {
		if n > 1 {
			s.t.Errorf("%d notices %s", n, what)
		}
	}
	if len(first) == 0 {
		s.t.Error("nobody was told")
	}
}

// The PSAP picks up while no server is there: the next process hears it, connects the
// two, and the number that the PSAP was given leads back to the caller.
//
// Proves: F-02, F-12, F-29, D-17, E1, E5, E6
func TestThePSAPPicksUpWhileNoServerIsThere(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := crashSite(t, transport)
			s.a.Behave(psap.RingForEver)
			p := s.phone(func(c *phone.Config) { c.Transport = transport })
			c := s.dial(p, phone.Dialling{Location: s.located(p)})
			got := s.received(s.a)
			s.reaches(c.Call, ua.Ringing)
			s.ringsOnRecord()
			s.kill()
			up := make(chan struct{})
			go func() {
				defer close(up)
				picksUp(s, got)
			}()
			s.reaches(got.Call, ua.Answered)
			s.launch()
			s.signIn()
			s.answered(c)
			<-up
			if err := got.Call.Hangup(); err != nil {
				t.Fatal(err)
			}
			waitEnded(t, c.Call)
			if r := s.record("the record", ended); r.EndedBy != "psap" || len(r.Attempts) != 1 {
				t.Errorf("ended by %s, %q, %d attempts", r.EndedBy, r.EndReason, len(r.Attempts))
			}
			s.once()
			s.callsBack(p, s.b, got.From)
		})
	}
}

// The PSAP that rang is not there any more when the next process starts: the next
// route has the call.
//
// Proves: F-02, F-29, D-17, E1
func TestThePSAPThatRangIsGoneAfterTheRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	gone, stop := s.carrier(s.addr(31, 0))
	s.a = gone
	s.world = s.worldText()
	s.start()
	c, _ := ringing(s, "tcp")
	s.kill()
	stop()
	s.launch()
	s.signIn()
	s.answered(c)
	s.received(s.b)
	s.hangup(c)
	if r := s.record("the record", ended); r.EndedBy != "caller" || len(r.Attempts) < 2 {
		t.Errorf("ended by %s, %q, %d attempts", r.EndedBy, r.EndReason, len(r.Attempts))
	}
	s.once()
}

// A server that was told to stop waits for callers who wait; who calls for help then
// is served.
//
// Proves: E1, F-29
func TestACallForHelpDuringTheDrainIsServed(t *testing.T) {
	t.Parallel()
	s := crashSite(t, "udp")
	_, _ = ringing(s, "udp")
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.await("the drain", func() bool { return strings.Contains(s.log.String(), "calls that are up go on") })
	s.a.Behave(psap.Answer)
	p := s.phone(func(c *phone.Config) { c.Transport = "udp" })
	c := s.dial(p, phone.Dialling{})
	s.answered(c)
	s.hangup(c)
	s.stop()
}

// sippRings is a PSAP that rings, and picks up when the server was started anew.
const sippRings = `<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="a PSAP that rings for long">
  <recv request="INVITE" crlf="true"/>
  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:psap@[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
  <pause milliseconds="%d"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:psap@[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=psap 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
]]></send>
  <recv request="ACK" crlf="true"/>
  <recv request="BYE"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
`

// A PSAP that is not ours rings when the server is killed, gets the same INVITE once
// more, takes it for the repetition that it is, and is connected.
//
// Proves: F-02, F-29, D-17, RFC 3261 section 17.2.1
func TestSIPpGoesOnRingingOverARestart(t *testing.T) {
	t.Parallel()
	needSIPp(t)
	s := newSite(t)
	s.world = strings.ReplaceAll(s.world, ";transport=tcp", ";transport=udp")
	at := s.sippAt()
	s.start()
	const rings = 8000 // milliseconds: the server is started anew meanwhile
	run := s.sipp(fmt.Sprintf(sippRings, rings), at, "u1", 1)
	s.bound(at)
	p := s.phone(func(c *phone.Config) { c.Transport = "udp" })
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.reaches(c.Call, ua.Ringing)
	s.ringsOnRecord()
	s.kill()
	s.launch()
	s.signIn()
	s.answered(c)
	s.hangup(c)
	if code := run.wait(); code != 0 {
		t.Errorf("SIPp ends with %d:\n%s", code, run.said())
	}
	if r := s.record("the record", ended); len(r.Attempts) != 1 {
		t.Errorf("%d attempts", len(r.Attempts))
	}
	s.once()
}
