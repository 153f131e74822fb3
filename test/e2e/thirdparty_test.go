package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/sim/phone"
)

// sippPBX is a PBX that dials; the names between @ are replaced.
const sippPBX = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="PBX dials an emergency number">
  <send retrans="500"><![CDATA[
INVITE @URI@ SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Front desk" <sip:@NUMBER@@[local_ip]>;tag=[pid]c[call_number]
To: <@URI@>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:pbx@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
P-Asserted-Identity: "Front desk" <sip:@NUMBER@@[local_ip]>
@HEADERS@
Content-Type: application/sdp
Content-Length: [len]

v=0
o=pbx 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=sendrecv
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Front desk" <sip:@NUMBER@@[local_ip]>;tag=[pid]c[call_number]
To: <@URI@>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause milliseconds="300"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Front desk" <sip:@NUMBER@@[local_ip]>;tag=[pid]c[call_number]
To: <@URI@>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
`

// sippPSAP answers a call only when everything that a PSAP needs is in it.
const sippPSAP = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="PSAP that reads the call and answers">
  <recv request="INVITE">
    <action>
      <ereg regexp="&lt;cid:[^&gt;]+&gt;" search_in="hdr" header="Geolocation:" check_it="true" assign_to="1"/>
      <ereg regexp="yes" search_in="hdr" header="Geolocation-Routing:" check_it="true" assign_to="2"/>
      <ereg regexp="multipart/mixed" search_in="hdr" header="Content-Type:" check_it="true" assign_to="3"/>
      <ereg regexp="application/pidf\+xml" search_in="body" check_it="true" assign_to="4"/>
      <ereg regexp="application/sdp" search_in="body" check_it="true" assign_to="5"/>
      <ereg regexp="HNO&gt;795&lt;" search_in="body" check_it="true" assign_to="6"/>
      <ereg regexp="ROOM&gt;210&lt;" search_in="body" check_it="true" assign_to="7"/>
      <ereg regexp="sip:\+16175550111@" search_in="hdr" header="From:" check_it="true" assign_to="8"/>
      <ereg regexp="sip:\+16175550111@" search_in="hdr" header="P-Asserted-Identity:" check_it="true" assign_to="9"/>
      <ereg regexp="Call-Info: *&lt;urn:emergency:uid:callid:[^&gt;]+&gt;; *purpose=emergency-CallId" search_in="msg" check_it="true" assign_to="10"/>
      <ereg regexp="SIP/2.0/TCP" search_in="hdr" header="Via:" check_it="true" assign_to="11"/>
    </action>
  </recv>
  <Reference variables="1,2,3,4,5,6,7,8,9,10,11"/>
  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:psap@[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
  <pause milliseconds="50"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
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
]]></send>
  <recv request="ACK"/>
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

// sippRun is a SIPp that runs.
type sippRun struct {
	dir    string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
}

// sipp starts SIPp with a scenario; it ends by itself after its calls.
func (s *site) sipp(scenario string, at netip.AddrPort, transport string, calls int, args ...string) *sippRun {
	s.t.Helper()
	r := &sippRun{dir: s.t.TempDir(), done: make(chan struct{})}
	if err := os.WriteFile(filepath.Join(r.dir, "scenario.xml"), []byte(scenario), 0o600); err != nil {
		s.t.Fatal(err)
	}
	const limit = 60 // seconds
	ctx, cancel := context.WithTimeout(s.ctx, (limit+10)*time.Second)
	r.cancel = cancel
	r.cmd = exec.CommandContext(ctx, "sipp", append([]string{
		"-sf", "scenario.xml", "-i", at.Addr().String(), "-mi", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "-t", transport,
		"-m", strconv.Itoa(calls), "-nostdin", "-timeout", fmt.Sprintf("%ds", limit), "-timeout_error", "-trace_err", "-error_file", "errors.log",
	}, args...)...)
	r.cmd.Dir = r.dir
	if err := r.cmd.Start(); err != nil {
		cancel()
		s.t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		r.err = r.cmd.Wait()
	}()
	s.t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// said is what SIPp complained of so far.
func (r *sippRun) said() string {
	log, _ := os.ReadFile(filepath.Join(r.dir, "errors.log")) // absent when there was no error
	return string(log)
}

// wait returns the exit code, 0 only when every call went as the scenario says.
func (r *sippRun) wait() int {
	<-r.done
	r.cancel()
	var exit *exec.ExitError
	switch {
	case errors.As(r.err, &exit):
		return exit.ExitCode()
	case r.err != nil:
		return -1
	}
	return 0
}

// sippAt makes carrier-a a SIPp PSAP's address.
func (s *site) sippAt() netip.AddrPort {
	at := s.addr(41, 5071)
	s.world = strings.Replace(s.world, s.a.Addr().String(), at.String(), 1)
	// SIPp counts a probe by OPTIONS as a call that went wrong.
	s.world = strings.Replace(s.world, s.a.Addr().Addr().String()+"/32], dr_from: []", at.Addr().String()+"/32], dr_from: [], probe: {off: true}", 1)
	return at
}

// listens waits until somebody takes TCP connections at the address.
func (s *site) listens(at netip.AddrPort) {
	s.t.Helper()
	s.await("SIPp to listen", func() bool {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
}

// bound waits until somebody has the UDP address: what is sent there before is
// refused by the machine, and the call goes by the next route. It looks instead of
// sending, for SIPp takes whatever comes for the first message of a call.
func (s *site) bound(at netip.AddrPort) {
	s.t.Helper()
	a := at.Addr().As4()
	want := fmt.Sprintf("%02X%02X%02X%02X:%04X", a[3], a[2], a[1], a[0], at.Port())
	s.await("SIPp to have its UDP port", func() bool {
		list, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			s.t.Fatal(err)
		}
		return strings.Contains(string(list), want)
	})
}

func needSIPp(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("sipp"); err != nil {
		t.Skip("sipp is not installed (Debian package sip-tester): nobody else's SIP to prove ours with")
	}
}

// Both ends are programs of others: the PSAP's exit code says whether each call
// came with everything that a PSAP needs.
//
// Proves: E2, E10, W-09, W-10, W-31, W-36, N-04, F-16, F-21, F-26, F-38, D-04
func TestSIPpOnBothEndsGetsEveryCallWithPlaceAndCallback(t *testing.T) {
	t.Parallel()
	needSIPp(t)
	s := newSite(t)
	at := s.sippAt()
	s.start()
	token := s.located(s.phone())
	runs := []struct {
		name, uri, transport string
		calls                int
	}{
		{"urn:service:sos over UDP", "urn:service:sos", "u1", 20},
		{"urn:service:sos over TCP", "urn:service:sos", "t1", 1},
		{"tel:911 over UDP", "tel:911", "u1", 1},
		{"sip:911 over UDP", "sip:911@" + s.sip.String(), "u1", 1},
	}
	total := 0
	for _, r := range runs {
		total += r.calls
	}
	answered := s.sipp(sippPSAP, at, "t1", total)
	s.listens(at)
	for i, r := range runs {
		scenario := strings.NewReplacer("@URI@", r.uri, "@NUMBER@", "+16175550111", "@HEADERS@",
			"E911-User-ID: agent4711\nGeolocation: <"+token+">\nGeolocation-Routing: yes").Replace(sippPBX)
		dialled := s.sipp(scenario, s.addr(11, uint16(5066+2*i)), r.transport, r.calls, "-r", "10", "-l", "5", s.sip.String())
		if code := dialled.wait(); code != 0 {
			t.Errorf("%s: the caller's SIPp ended with %d: %s", r.name, code, dialled.said())
		}
	}
	if code := answered.wait(); code != 0 {
		t.Fatalf("the PSAP's SIPp ended with %d, want 0 after %d whole calls: %s\nthe server's log:\n%s", code, total, answered.said(), s.tail())
	}
	if n := len(s.b.Calls()) + len(s.relay.Calls()); n > 0 {
		t.Errorf("%d calls went to another answering point", n)
	}
}

// The same scenario refuses a call from another room: its checks can fail.
//
// Proves: F-38
func TestTheSIPpPSAPRefusesACallFromAnotherRoom(t *testing.T) {
	t.Parallel()
	needSIPp(t)
	s := newSite(t)
	at := s.sippAt()
	s.start()
	answered := s.sipp(sippPSAP, at, "t1", 1)
	s.listens(at)
	c := s.dial(s.phone(func(c *phone.Config) { c.Number, c.UserID = "+16175550112", "" }), phone.Dialling{})
	s.answered(c) // by the next route
	s.hangup(c)
	s.await("SIPp to say why", func() bool { return strings.Contains(answered.said(), "Failed regexp match") })
	if err := answered.cmd.Process.Signal(syscall.SIGUSR1); err != nil { // SIPp waits on after a call that failed
		t.Fatal(err)
	}
	if code := answered.wait(); code == 0 {
		t.Errorf("SIPp was content with a call from room 310: %s", answered.said())
	}
}

// What the PSAP gets is valid by the schemas of the RFCs, wherever the place
// came from.
//
// Proves: E10, F-26, F-38, N-04
func TestThePIDFLOAtThePSAPIsValidByTheSchemas(t *testing.T) {
	t.Parallel()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	xsd := filepath.Join(sharedDir(t), "schemas", "xsd", "all.xsd")
	if _, err := os.Stat(xsd); err != nil {
		t.Skipf("no schemas at %s: set CALLBOX_SHARED", xsd)
	}
	s := newSite(t)
	s.start()
	desk := s.phone()
	inside := `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:gml="http://www.opengis.net/gml" entity="pres:x@y"><dm:device id="d"><gp:geopriv><gp:location-info><gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>42.3735 -71.1190</gml:pos></gml:Point></gp:location-info><gp:usage-rules/><gp:method>GPS</gp:method></gp:geopriv><dm:timestamp>` + time.Now().UTC().Format(time.RFC3339) + `</dm:timestamp></dm:device></presence>`
	cases := []struct {
		name  string
		phone *phone.Phone
		d     phone.Dialling
	}{
		{"a token", desk, phone.Dialling{Location: s.located(desk)}},
		{"the line's own address", s.phone(func(c *phone.Config) { c.Number, c.UserID = "+16175550112", "" }), phone.Dialling{}},
		{"a point sent by value", desk, phone.Dialling{PIDFLO: []byte(inside)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			call := s.dial(c.phone, c.d)
			s.answered(call)
			got := s.received(s.a)
			s.hangup(call)
			if len(got.PIDFLO) == 0 {
				t.Fatal("no PIDF-LO came")
			}
			file := filepath.Join(t.TempDir(), "received.xml")
			if err := os.WriteFile(file, got.PIDFLO, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(lint, "--nonet", "--noout", "--schema", xsd, file).CombinedOutput(); err != nil {
				t.Errorf("xmllint: %v: %s\n%s", err, out, got.PIDFLO)
			}
		})
	}
}

// sharedDir is the folder of the reference material; it need not be there.
func sharedDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("CALLBOX_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared")
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above this folder")
		}
		dir = filepath.Dir(dir)
	}
}
