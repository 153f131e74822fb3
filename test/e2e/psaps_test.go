package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/sim/phone"
)

// Steps of a PSAP that is a SIPp; %s stands for what differs.
const (
	sippInvite = `<recv request="INVITE"/>`
	sippAck    = `<recv request="ACK"/>`
	sippBye    = `<recv request="BYE"/>` + sippOK
	sippOK     = `<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>`
)

// sippSends is a response without a body; to fields are added.
func sippSends(status string, fields ...string) string {
	return fmt.Sprintf(`<send><![CDATA[
SIP/2.0 %s
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
%sContent-Length: 0

]]></send>`, status, strings.Join(append(fields, ""), "\n"))
}

// sippSDP is a response with the PSAP's SDP.
func sippSDP(status string) string {
	return fmt.Sprintf(`<send><![CDATA[
SIP/2.0 %s
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
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
a=rtpmap:0 PCMU/8000
]]></send>`, status)
}

func sippScenario(steps ...string) string {
	return `<?xml version="1.0" encoding="ISO-8859-1" ?>` + "\n<scenario name=\"a PSAP\">\n" + strings.Join(steps, "\n") + "\n</scenario>\n"
}

// sippTalks answers, and waits for the end of the call.
var sippTalks = []string{sippInvite, sippSDP("200 OK"), sippAck, sippBye}

// sippCancelled rings no more: the CANCEL is answered, and the INVITE 487.
var sippCancelled = `<recv request="CANCEL" timeout="20000"/>` + sippOK + `<send><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
CSeq: 1 INVITE
Content-Length: 0

]]></send>` + sippAck

// One program of others that fails in each way, and what becomes of the call: the
// exit code of SIPp says that it met what its scenario expects, the ACK, the
// CANCEL, the second INVITE.
//
// Proves: E1, F-02, F-03, F-09, F-16, F-38
func TestPSAPsThatFailInEachWay(t *testing.T) {
	needSIPp(t)
	type case_ struct {
		name  string
		steps []string
		calls int    // that SIPp gets; 0: one
		by    string // the trunk whose PSAP answers
		min   time.Duration
		more  func(*site, netip.AddrPort)
		check func(*testing.T, report.CallRecord)
	}
	var cases []case_
	for _, status := range []string{"404 Not Found", "480 Temporarily Unavailable", "486 Busy Here", "500 Server Internal Error", "503 Service Unavailable", "603 Decline"} {
		cases = append(cases, case_{name: status, steps: []string{sippInvite, sippSends(status), sippAck}, by: "carrier-b"})
	}
	cases = append(
		cases,
		case_{name: "100 and nothing after it", steps: []string{sippInvite, sippSends("100 Trying"), sippCancelled}, by: "carrier-b", min: 4 * time.Second},
		case_{
			name: "rings for six seconds and answers", by: "carrier-a", min: 6 * time.Second,
			steps: []string{sippInvite, sippSends("180 Ringing"), `<pause milliseconds="6000"/>`, sippSDP("200 OK"), sippAck, sippBye},
		},
		case_{name: "early media, and then a fault", steps: []string{sippInvite, sippSDP("183 Session Progress"), sippSends("500 Fault"), sippAck}, by: "carrier-b"},
		case_{
			name: "refuses the body, and takes the same call without it", by: "carrier-a", calls: 2,
			steps: []string{
				`<recv request="INVITE" next="1" test="1"><action><ereg regexp="multipart/mixed" search_in="hdr" header="Content-Type:" assign_to="1"/></action></recv>`,
				sippSDP("200 OK"), sippAck, `<recv request="BYE" next="2"/>`,
				`<label id="1"/>`, sippSends("415 Unsupported Media Type"), `<recv request="ACK" next="3"/>`,
				`<label id="2"/>`, sippOK, `<label id="3"/>`,
			},
			check: func(t *testing.T, r report.CallRecord) {
				if len(r.Attempts) != 2 || !r.Attempts[1].Slim {
					t.Errorf("attempts %+v, want the second one slim", r.Attempts)
				}
			},
		},
		case_{
			name: "redirects inside its own trunk", by: "carrier-a",
			steps: []string{sippInvite, sippSends("302 Moved Temporarily", "Contact: <sip:psap@[local_ip]:5073;transport=tcp>"), sippAck},
			more: func(s *site, at netip.AddrPort) {
				other := netip.AddrPortFrom(at.Addr(), 5073)
				run := s.sipp(sippScenario(sippTalks...), other, "t1", 1)
				s.t.Cleanup(func() {
					if code := run.wait(); code != 0 {
						s.t.Errorf("the SIPp that was redirected to ended with %d: %s", code, run.said())
					}
				})
				s.listens(other)
			},
		},
		case_{name: "redirects to a stranger", by: "carrier-b", steps: []string{sippInvite, sippSends("302 Moved Temporarily", "Contact: <sip:psap@127.9.9.9:5071;transport=tcp>"), sippAck}},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			at := s.sippAt()
			s.start()
			run := s.sipp(sippScenario(c.steps...), at, "t1", max(c.calls, 1))
			s.listens(at)
			if c.more != nil {
				c.more(s, at)
			}
			p := s.phone()
			start := time.Now()
			call := s.dial(p, phone.Dialling{Location: s.located(p)})
			s.answered(call)
			if took := time.Since(start); took < c.min {
				t.Errorf("answered after %v, want %v at least", took, c.min)
			}
			s.hangup(call)
			if code := run.wait(); code != 0 {
				t.Errorf("SIPp ended with %d: %s", code, run.said())
			}
			rec := s.record("the record", ended)
			last := rec.Attempts[len(rec.Attempts)-1]
			if last.Trunk.Key != c.by {
				t.Errorf("answered by %s, want %s: %+v", last.Trunk.Key, c.by, rec.Attempts)
			}
			if len(rec.Documents) == 0 && c.by == "carrier-b" {
				t.Error("the next PSAP got no location")
			}
			if c.check != nil {
				c.check(t, rec)
			}
		})
	}
}

// A connection that is reset in the middle of the INVITE: the next route.
//
// Proves: E1, F-02
func TestAPSAPWhoseConnectionBreaks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	at := s.sippAt()
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1500))
			_ = c.(*net.TCPConn).SetLinger(0) // a reset, no goodbye
			c.Close()
		}
	}()
	s.start()
	p := s.phone()
	call := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(call)
	s.received(s.b)
	s.hangup(call)
}
