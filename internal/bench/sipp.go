package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The two SIPp scenarios: a caller as a PBX would send it, and a PSAP that
// answers at once. Retransmission is on, as SIPp counts a lost call only then.
const uacScenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="PBX dials 911">
  <send retrans="500" start_rtd="1"><![CDATA[
INVITE sip:@DIALLED@@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+16175550111@[local_ip]>;tag=[pid]c[call_number]
To: <sip:@DIALLED@@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:pbx@[local_ip]:[local_port]>
Max-Forwards: 70
P-Asserted-Identity: <sip:+16175550111@[local_ip]>
E911-User-ID: agent4711
@GEOLOCATION@Content-Type: application/sdp
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
  <recv response="200" rtd="1" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:+16175550111@[local_ip]>;tag=[pid]c[call_number]
To: <sip:@DIALLED@@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause milliseconds="@TALK@"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:+16175550111@[local_ip]>;tag=[pid]c[call_number]
To: <sip:@DIALLED@@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
`

// nobodyScenario is what follows the INVITE of an ordinary call: there is no
// such extension, and the edge either says so or sheds the call.
const nobodyScenario = `  <recv response="100" optional="true"/>
  <recv response="404" rtd="1"/>
  <send><![CDATA[
ACK sip:@DIALLED@@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-2]
From: <sip:+16175550111@[local_ip]>;tag=[pid]c[call_number]
To: <sip:@DIALLED@@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
</scenario>
`

const uasScenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="PSAP answers">
  <recv request="INVITE"/>
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

// talk is how long a call of the load lasts.
const talk = 200 * time.Millisecond

// load is one SIPp run: rate calls a second for a time, from one address to
// another, with a SIPp PSAP of its own behind it.
type load struct {
	dir         string // scenarios and statistics
	from        netip.Addr
	to          netip.AddrPort // Callbox, or the PSAP itself
	psap        netip.AddrPort
	psapMode    string // SIPp transport mode: u1, t1
	geolocation string // header value, empty for none
	rate        int
	seconds     int
	dialled     string // none: 911
	port        int    // of the caller; none: 5066
	noPSAP      bool   // ordinary calls, to nobody
}

// outcome is what SIPp counted. Of those lost, Refused had an answer that was
// not waited for, such as 503; the others had none.
type outcome struct {
	Calls   int
	Lost    int
	Refused int
	Stderr  string
}

// run places the calls and returns when the last one is over.
func (l load) run(ctx context.Context) (outcome, error) {
	geo := ""
	if l.geolocation != "" {
		geo = "Geolocation: " + l.geolocation + "\r\n"
	}
	if l.dialled == "" {
		l.dialled = "911"
	}
	if l.port == 0 {
		l.port = uacPort
	}
	scenario := uacScenario
	if l.noPSAP {
		at := strings.Index(scenario, "  <recv")
		scenario = scenario[:at] + nobodyScenario
	}
	uac := strings.NewReplacer("@GEOLOCATION@", geo, "@TALK@", strconv.Itoa(int(talk.Milliseconds())), "@DIALLED@", l.dialled).Replace(scenario)
	for name, text := range map[string]string{"uac.xml": uac, "uas.xml": uasScenario} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			return outcome{}, fmt.Errorf("write a SIPp scenario: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.seconds+40)*time.Second)
	defer cancel()
	if !l.noPSAP {
		stop, err := l.answer(ctx)
		if err != nil {
			return outcome{}, err
		}
		defer stop()
	}
	calls := l.rate * l.seconds
	var out, errs strings.Builder
	caller := exec.CommandContext(ctx, "sipp", l.to.String(), "-sf", "uac.xml", "-i", l.from.String(), "-mi", l.from.String(),
		"-p", strconv.Itoa(l.port), "-r", strconv.Itoa(l.rate), "-m", strconv.Itoa(calls), "-l", strconv.Itoa(4*l.rate), "-nostdin",
		"-timeout", fmt.Sprintf("%ds", l.seconds+30), "-trace_stat", "-stf", "stat.csv", "-fd", "1")
	caller.Dir = l.dir
	caller.Stdout, caller.Stderr = &out, &errs
	runErr := caller.Run()
	n, err := finalCounts(filepath.Join(l.dir, "stat.csv"), "SuccessfulCall(C)", "FailedCall(C)", "FailedUnexpectedMessage(C)")
	if err != nil {
		return outcome{}, fmt.Errorf("SIPp caller (%w): %s", err, errs.String())
	}
	o := outcome{Calls: n[0] + n[1], Lost: calls - n[0], Refused: n[2], Stderr: errs.String()}
	if runErr != nil && o.Lost == 0 {
		return o, fmt.Errorf("SIPp caller: %w: %s", runErr, errs.String())
	}
	return o, nil
}

// answer starts a SIPp PSAP that answers at once.
func (l load) answer(ctx context.Context) (stop func(), err error) {
	uas := exec.CommandContext(ctx, "sipp", "-sf", "uas.xml", "-i", l.psap.Addr().String(), "-p", strconv.Itoa(int(l.psap.Port())),
		"-t", l.psapMode, "-nostdin", "-aa", "-mi", l.psap.Addr().String())
	uas.Dir = l.dir
	if err := uas.Start(); err != nil {
		return nil, fmt.Errorf("start the SIPp PSAP: %w", err)
	}
	stop = func() {
		_ = uas.Process.Kill()
		_ = uas.Wait()
	}
	if err := waitBound(ctx, l.psap, l.psapMode == "t1"); err != nil {
		stop()
		return nil, fmt.Errorf("wait for the SIPp PSAP: %w", err)
	}
	return stop, nil
}

// finalCounts reads columns of the last line of SIPp's statistics file.
func finalCounts(file string, columns ...string) ([]int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read SIPp's statistics: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 2 {
		return nil, errors.New("SIPp's statistics have no line")
	}
	head, last := strings.Split(lines[0], ";"), strings.Split(lines[len(lines)-1], ";")
	out := make([]int, len(columns))
	for i, name := range columns {
		at := slices.Index(head, name)
		if at < 0 || at >= len(last) {
			return nil, fmt.Errorf("SIPp's statistics lack %s", name)
		}
		if out[i], err = strconv.Atoi(last[at]); err != nil {
			return nil, fmt.Errorf("SIPp's statistics, %s: %w", name, err)
		}
	}
	return out, nil
}
