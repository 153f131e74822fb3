package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The two SIPp scenarios: a caller as a PBX would send it, and a PSAP that
// answers at once. Retransmission is on, as SIPp counts a lost call only then.
// The transactions are named, for SIPp would else take a 200 to the INVITE that
// comes again for the one to its BYE.
const uacScenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="PBX dials 911">
  <send retrans="500" start_rtd="1" start_txn="invite"><![CDATA[
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
  <recv response="100" optional="true" response_txn="invite"/>
  <recv response="180" optional="true" response_txn="invite"/>
  <recv response="183" optional="true" response_txn="invite"/>
  <recv response="200" rtd="1" rrs="true" response_txn="invite"/>
  <send ack_txn="invite"><![CDATA[
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
  <send retrans="500" start_txn="bye"><![CDATA[
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
  <recv response="200" response_txn="bye"/>
</scenario>
`

// nobodyScenario is what follows the INVITE of an ordinary call: there is no
// such extension, and the edge either says so or sheds the call.
const nobodyScenario = `  <recv response="100" optional="true" response_txn="invite"/>
  <recv response="404" rtd="1" response_txn="invite"/>
  <send ack_txn="invite"><![CDATA[
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

// ringing is a PSAP that rings for a time before it answers.
const ringing = `  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:psap@[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
  <pause milliseconds="@RING@"/>
`

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
	ring, talk  time.Duration
	// tokens are references for the Geolocation of the calls, in turn; none:
	// geolocation. logged: the PSAP notes each INVITE in psapLog.
	tokens []string
	logged bool
}

// outcome is what SIPp counted. Of those lost, Refused had an answer that was
// not waited for, such as 503; the others had none.
type outcome struct {
	Calls   int
	Lost    int
	Refused int
	Why     map[string]int // what else SIPp and the kernel counted that explains a loss
	Stderr  string
}

// reasons are the columns of SIPp's statistics that say why calls were lost.
var reasons = map[string]string{
	"FailedUnexpectedMessage(C)": "unexpected_message", "FailedMaxUDPRetrans(C)": "udp_retransmissions", "FailedTcpConnect(C)": "tcp_connect",
	"FailedTcpClosed(C)": "tcp_closed", "FailedCannotSendMessage(C)": "cannot_send", "FailedTimeoutOnRecv(C)": "timeout_on_receive",
	"FailedTimeoutOnSend(C)": "timeout_on_send", "FailedOutboundCongestion(C)": "congestion", "FailedCallRejected(C)": "rejected",
	"OutOfCallMsgs(C)": "out_of_call", "DeadCallMsgs(C)": "dead_call", "Retransmissions(C)": "retransmissions",
	"WatchdogMajor(C)": "watchdog_major", "WatchdogMinor(C)": "watchdog_minor",
}

// write makes the two scenarios.
func (l *load) write() error {
	geo := ""
	if len(l.tokens) > 0 {
		l.geolocation = "<[field0]>"
		list := "SEQUENTIAL\n" + strings.Join(l.tokens, ";\n") + ";\n"
		if err := os.WriteFile(filepath.Join(l.dir, "tokens.csv"), []byte(list), 0o600); err != nil {
			return fmt.Errorf("write the references of the calls: %w", err)
		}
	}
	if l.geolocation != "" {
		geo = "Geolocation: " + l.geolocation + "\r\n"
	}
	if l.dialled == "" {
		l.dialled = "911"
	}
	if l.port == 0 {
		l.port = uacPort
	}
	if l.talk == 0 {
		l.talk = talk
	}
	caller, psap := uacScenario, uasScenario
	if l.noPSAP {
		caller = caller[:strings.Index(caller, "  <recv")] + nobodyScenario
	}
	if l.ring > 0 {
		psap = strings.Replace(psap, `"INVITE"/>`+"\n", `"INVITE"/>`+"\n"+ringing, 1)
	}
	if l.logged {
		psap = strings.Replace(psap, `  <recv request="INVITE"/>`+"\n", inviteNoted, 1)
	}
	fill := strings.NewReplacer("@GEOLOCATION@", geo, "@TALK@", strconv.Itoa(int(l.talk.Milliseconds())), "@RING@", strconv.Itoa(int(l.ring.Milliseconds())), "@DIALLED@", l.dialled)
	for name, text := range map[string]string{"uac.xml": caller, "uas.xml": psap} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(fill.Replace(text)), 0o600); err != nil {
			return fmt.Errorf("write a SIPp scenario: %w", err)
		}
	}
	return nil
}

// run places the calls and returns when the last one is over.
func (l load) run(ctx context.Context) (outcome, error) {
	if err := l.write(); err != nil {
		return outcome{}, err
	}
	whole := time.Duration(l.seconds)*time.Second + l.ring + l.talk // of the run, when nothing is late
	ctx, cancel := context.WithTimeout(ctx, whole+patience+10*time.Second)
	defer cancel()
	if !l.noPSAP {
		stop, err := l.answer(ctx)
		if err != nil {
			return outcome{}, err
		}
		defer stop()
	}
	calls := l.rate * l.seconds
	dropsBefore := udpDrops()
	var out, errs strings.Builder
	caller := exec.CommandContext(ctx, "sipp", l.to.String(), "-sf", "uac.xml", "-i", l.from.String(), "-mi", l.from.String(),
		"-p", strconv.Itoa(l.port), "-r", strconv.Itoa(l.rate), "-m", strconv.Itoa(calls), "-l", strconv.Itoa(2*calls), "-nostdin",
		"-buff_size", strconv.Itoa(sippBuffer), "-watchdog_minor_maxtriggers", "100000", "-watchdog_major_maxtriggers", "1000",
		"-timeout", fmt.Sprintf("%ds", int((whole+patience).Seconds())), "-trace_stat", "-stf", "stat.csv", "-fd", "1",
		"-trace_err", "-error_file", "caller.err")
	if len(l.tokens) > 0 {
		caller.Args = append(caller.Args, "-inf", "tokens.csv")
	}
	caller.Dir = l.dir
	caller.Stdout, caller.Stderr = &out, &errs
	runErr := caller.Run()
	counts, err := finalCounts(filepath.Join(l.dir, "stat.csv"))
	if err != nil {
		return outcome{}, fmt.Errorf("SIPp caller (%w): %s", err, errs.String())
	}
	done, failed := counts["SuccessfulCall(C)"], counts["FailedCall(C)"]
	o := outcome{Calls: done + failed, Lost: calls - done, Refused: counts["FailedUnexpectedMessage(C)"], Why: map[string]int{}, Stderr: errs.String()}
	for column, name := range reasons {
		if n := counts[column]; n > 0 {
			o.Why[name] = n
		}
	}
	for socket, n := range udpDrops() {
		if n -= dropsBefore[socket]; n > 0 {
			o.Why["udp_dropped_at_"+socket] = n
		}
	}
	if notPlaced := calls - o.Calls; notPlaced > 0 {
		o.Why["not_over_in_time"] = notPlaced
	}
	if runErr != nil && o.Lost == 0 {
		return o, fmt.Errorf("SIPp caller: %w: %s", runErr, errs.String())
	}
	return o, nil
}

const (
	// patience is how long after its time a load may last: longer than 64*T1.
	patience = 40 * time.Second
	// sippBuffer is what SIPp asks of the kernel for its socket. Its own 64 KiB
	// drop answers in a burst.
	sippBuffer = 4 << 20
)

// answer starts a SIPp PSAP that answers at once.
func (l load) answer(ctx context.Context) (stop func(), err error) {
	uas := exec.CommandContext(ctx, "sipp", "-sf", "uas.xml", "-i", l.psap.Addr().String(), "-p", strconv.Itoa(int(l.psap.Port())),
		"-t", l.psapMode, "-nostdin", "-aa", "-mi", l.psap.Addr().String(), "-buff_size", strconv.Itoa(sippBuffer),
		"-watchdog_minor_maxtriggers", "100000", "-watchdog_major_maxtriggers", "1000", "-trace_err", "-error_file", "psap.err")
	if l.logged {
		uas.Args = append(uas.Args, "-trace_logs", "-log_file", psapLog)
	}
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

// finalCounts reads the last line of SIPp's statistics file, by column.
func finalCounts(file string) (map[string]int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read SIPp's statistics: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) < 2 {
		return nil, errors.New("SIPp's statistics have no line")
	}
	head, last := strings.Split(lines[0], ";"), strings.Split(lines[len(lines)-1], ";")
	out := map[string]int{}
	for i, name := range head[:min(len(head), len(last))] {
		if n, err := strconv.Atoi(last[i]); err == nil {
			out[name] = n
		}
	}
	for _, name := range []string{"SuccessfulCall(C)", "FailedCall(C)", "FailedUnexpectedMessage(C)"} {
		if _, ok := out[name]; !ok {
			return nil, fmt.Errorf("SIPp's statistics lack %s", name)
		}
	}
	return out, nil
}

// udpDrops counts the datagrams that the kernel threw away for want of room, by
// the address and port of the socket.
func udpDrops() map[string]int {
	text, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return nil
	}
	drops := map[string]int{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 13 {
			continue
		}
		addr, port, ok := strings.Cut(f[1], ":")
		ip, err1 := strconv.ParseUint(addr, 16, 32)
		n, err2 := strconv.ParseUint(port, 16, 16)
		lost, err3 := strconv.Atoi(f[12])
		if !ok || errors.Join(err1, err2, err3) != nil {
			continue
		}
		drops[fmt.Sprintf("%d.%d.%d.%d:%d", byte(ip), byte(ip>>8), byte(ip>>16), byte(ip>>24), n)] = lost
	}
	return drops
}
