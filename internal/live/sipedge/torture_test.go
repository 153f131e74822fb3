package sipedge_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// What the edge does with a message: the status codes that it may answer with,
// or one of these.
const (
	aCall   = "call"    // handed to the owner of calls
	nothing = "nothing" // a response that belongs to no request of ours
)

// torture lists the messages of RFC 4475 with what the RFC says of them and
// what the edge must do: as an ordinary request of a known source, and, for an
// INVITE, as the same message with 911 in its Request-URI.
var torture = []struct{ file, section, says, want, emergency string }{
	{"wsinv", "3.1.1.1", "valid, a short tortuous INVITE; its To has a tag", "481", aCall},
	{"intmeth", "3.1.1.2", "valid, unknown method", "501", ""},
	{"esc01", "3.1.1.3", "valid, escapes in the Request-URI", aCall, aCall},
	{"escnull", "3.1.1.4", "valid REGISTER, escaped nulls", "200", ""},
	{"esc02", "3.1.1.5", "valid, % in a method", "501", ""},
	{"lwsdisp", "3.1.1.6", "valid, no space before <", "200", ""},
	{"longreq", "3.1.1.7", "valid INVITE, long values", aCall, aCall},
	{"dblreq", "3.1.1.8", "valid REGISTER, a second request behind it is ignored", "200", ""},
	{"semiuri", "3.1.1.9", "valid, semicolon in the user part", "200", ""},
	{"transports", "3.1.1.10", "valid, transports in Via", "200", ""},
	{"mpart01", "3.1.1.11", "valid MESSAGE, multipart", "405", ""},
	{"unreason", "3.1.1.12", "valid response", nothing, ""},
	{"noreason", "3.1.1.13", "valid response", nothing, ""},
	{"badinv01", "3.1.2.1", "invalid separators: 400, or read all the same", "400 " + aCall, aCall},
	{"clerr", "3.1.2.2", "Content-Length larger than the message: 400", "400 " + aCall, aCall},
	{"ncl", "3.1.2.3", "negative Content-Length: 400", "400 " + aCall, aCall},
	{"scalar02", "3.1.2.4", "scalar fields overflow: 400", "400", ""},
	{"scalarlg", "3.1.2.5", "scalar fields overflow in a response: discarded", nothing, ""},
	{"quotbal", "3.1.2.6", "quotes do not match: 400, or read all the same", "400 " + aCall, aCall},
	{"ltgtruri", "3.1.2.7", "Request-URI in <>: 400, or read all the same", "400 " + aCall, aCall},
	{"lwsruri", "3.1.2.8", "space in the Request-URI: 400; its To has a tag", "400 481", aCall},
	{"lwsstart", "3.1.2.9", "spaces in the request line: 400, or read all the same", "400 " + aCall, aCall},
	{"trws", "3.1.2.10", "space after the version: 400, or read all the same", "400 200", ""},
	{"escruri", "3.1.2.11", "headers in the Request-URI: 400, or ignored", "400 " + aCall, aCall},
	{"baddate", "3.1.2.12", "Date not in GMT: ignored or 400", "400 " + aCall, aCall},
	{"regbadct", "3.1.2.13", "Contact with ? outside <>: 400", "400 200", ""},
	{"badaspec", "3.1.2.14", "spaces in an addr-spec: 400, or read all the same", "400 200", ""},
	{"baddn", "3.1.2.15", "display name without quotes: 400, or read all the same", "400 200", ""},
	{"badvers", "3.1.2.16", "unknown version: 505", "505", ""},
	{"mismatch01", "3.1.2.17", "CSeq names another method: 400", "400", ""},
	{"mismatch02", "3.1.2.18", "CSeq names another unknown method: 400 or 501", "400 501", ""},
	{"bigcode", "3.1.2.19", "status code overflows: discarded", nothing, ""},
	{"badbranch", "3.2.1", "the branch is nothing but its magic: answered", "200", ""},
	{"insuf", "3.3.1", "no Call-ID, From and To: 400", "400", "400"},
	{"unkscm", "3.3.2", "unknown scheme in the Request-URI: 416", "416", ""},
	{"novelsc", "3.3.3", "unknown scheme in the Request-URI: 416", "416", ""},
	{"unksm2", "3.3.4", "unknown schemes in From, To and Contact of a REGISTER: as the registrar decides", "200 400 404 416", ""},
	{"bext01", "3.3.5", "unknown extensions required: 420", "420", ""},
	{"invut", "3.3.6", "unknown content type: 415, as the owner of the call decides", aCall, aCall},
	{"regaut01", "3.3.7", "unknown scheme of credentials: as the registrar decides", "200", ""},
	{"multi01", "3.3.8", "single fields several times: 400, or read all the same", "400 " + aCall, aCall},
	{"mcl01", "3.3.9", "two Content-Lengths: 400", "400", ""},
	{"bcast", "3.3.10", "response with a broadcast Via: discarded", nothing, ""},
	{"zeromf", "3.3.11", "Max-Forwards 0: 483, or answered by whom it reaches", "200 483", ""},
	{"cparam01", "3.3.12", "parameter behind a bare Contact: the registrar's", "200", ""},
	{"cparam02", "3.3.13", "parameter inside a Contact: the registrar's", "200", ""},
	{"regescrt", "3.3.14", "escaped headers in a Contact: the registrar's", "200", ""},
	{"sdp01", "3.3.15", "Accept of unknown types: as the owner of the call decides", aCall, aCall},
	{"inv2543", "3.4.1", "valid INVITE of RFC 2543", aCall, aCall},
}

// Proves: RFC 4475, D-02, E1, W-43
func TestTheTortureMessages(t *testing.T) {
	dir := shared(t, "data", "sip-torture", "rfc4475")
	files, err := filepath.Glob(filepath.Join(dir, "*.dat"))
	if err != nil || len(files) != len(torture) {
		t.Fatalf("%d files for %d lines of the table (%v)", len(files), len(torture), err)
	}
	r := newRig(t, func(cfg *sipedge.Config) {
		cfg.Listen = []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.2:0")}}
		cfg.Serve = func(_ context.Context, q *sipedge.Request) sipedge.Response {
			if q.Method == "REGISTER" {
				return sipedge.Response{Code: 200}
			}
			return sipedge.Response{Code: sipedge.RefusalOf(q.Method)}
		}
	})
	var list strings.Builder
	fmt.Fprintf(&list, "%-11s %-9s %-20s %-20s %-10s %-10s %s\n", "message", "RFC 4475", "wanted", "seen", "911", "seen", "the RFC says")
	for _, c := range torture {
		raw, err := os.ReadFile(filepath.Join(dir, c.file+".dat"))
		if err != nil {
			t.Fatal(err)
		}
		seen, seen911 := r.outcome(raw), ""
		if c.emergency != "" {
			seen911 = r.outcome(help(raw))
		}
		if c.emergency == "400" {
			if a := r.alarm(); a.Code != sipedge.AlarmMalformed {
				t.Errorf("%s: alarm %s", c.file, a.Code)
			}
		}
		fmt.Fprintf(&list, "%-11s %-9s %-20s %-20s %-10s %-10s %s\n", c.file, c.section, c.want, seen, c.emergency, seen911, c.says)
		if !strings.Contains(" "+c.want+" ", " "+seen+" ") || seen911 != c.emergency {
			t.Errorf("%s: seen %q and %q, want %q and %q", c.file, seen, seen911, c.want, c.emergency)
		}
	}
	t.Logf("the 49 messages of RFC 4475:\n%s", list.String())
}

var (
	requestLine = regexp.MustCompile(`^INVITE(\s+<?)sip:[^\s>;?]*`)
	callIDLine  = regexp.MustCompile(`(?im)^(call-id|i)(\s*:\s*)`)
)

// help makes a message another call, for help, all else left as it is.
func help(raw []byte) []byte {
	return callIDLine.ReplaceAll(requestLine.ReplaceAll(raw, []byte("INVITE${1}sip:911@example.com")), []byte("${1}${2}911-"))
}

// outcome sends one message by UDP, from the port at which its sender expects
// the answer, and tells what became of it: a probe sent behind it is answered
// when the edge is done with it.
func (r *rig) outcome(raw []byte) string {
	r.t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 13), Port: answerPort(raw)})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	p := &peer{t: r.t, network: "udp", udp: c, local: c.LocalAddr().(*net.UDPAddr).AddrPort(), dest: r.udp}
	p.send(string(raw))
	probe := newInvite("sip:callbox.example")
	probe.method, probe.callID = "OPTIONS", unique("probe")
	sent := false
	for {
		select {
		case l := <-r.legs:
			_ = l.Reject(486, "", nil)
			for range l.Events() { // over
			}
			return aCall
		default:
		}
		m, err := p.try(50 * time.Millisecond)
		switch {
		case err != nil && !sent:
			sent = true
			p.send(probe.text(p))
		case err != nil:
			r.t.Fatalf("the edge answers nobody any more: %v", err)
		case m.get("Call-ID") == probe.callID:
			return nothing
		case m.code() >= 200 && m.code() != 486 && strings.Contains(string(raw), m.get("Call-ID")): // not of the message before
			return strconv.Itoa(m.code())
		}
	}
}

var viaPort = regexp.MustCompile(`(?im)^(?:via|v)\s*:\s*SIP\s*/\s*2\.0\s*/\s*\S+\s+[^;,\s:]+\s*:\s*(\d+)`)

func answerPort(raw []byte) int {
	first := raw
	if i := strings.Index(strings.ToLower(string(raw)), "via"); i > 0 {
		first = raw[i:]
	}
	if j := strings.IndexByte(string(first), '\n'); j > 0 {
		first = first[:j]
	}
	if m := viaPort.FindSubmatch(first); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	return 5060
}
