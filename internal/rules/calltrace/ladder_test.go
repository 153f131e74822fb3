package calltrace_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/rules/calltrace"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt; review the diff as specification")

const (
	remote = "192.0.2.10:5060"
	offer  = "v=0\r\no=callbox 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\na=sendrecv\r\n"
	answer = "v=0\r\no=carrier 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"
	object = `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="pres:c1@callbox.example">` +
		`<tuple id="t"><status><gp:geopriv><gp:location-info><ca:civicAddress><ca:country>US</ca:country><ca:A1>MA</ca:A1><ca:A3>Cambridge</ca:A3><ca:RD>Massachusetts</ca:RD>` +
		`<ca:STS>Avenue</ca:STS><ca:HNO>795</ca:HNO><ca:FLR>2</ca:FLR><ca:ROOM>210</ca:ROOM></ca:civicAddress></gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple></presence>`
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// drawing is a ladder in the making. Its clock stands still but for wait.
type drawing struct {
	calltrace.Report
	clock     time.Duration
	transport string
	slim      bool
	began     time.Duration // of the attempt
}

func newDrawing() *drawing {
	return &drawing{transport: "tcp", Report: calltrace.Report{
		Trunk: "carrier-a", Side: "carrier", Profile: "carrier", Kind: calltrace.Through933, Dialled: "sip:933@192.0.2.10:5060;transport=tcp",
		Number: "+16175550111", Place: "795 Massachusetts Avenue, Cambridge, MA", By: "ann", At: at,
	}}
}

func (d *drawing) wait(ms int) { d.clock += time.Duration(ms) * time.Millisecond }

func (d *drawing) step(kind calltrace.StepKind, carries []string, format string, args ...any) {
	d.Steps = append(d.Steps, calltrace.Step{After: d.clock, Kind: kind, What: fmt.Sprintf(format, args...), Carries: carries})
}

func (d *drawing) decided(format string, args ...any) {
	d.step(calltrace.Decided, nil, format, args...)
}

func (d *drawing) target(n, of int, where string) {
	d.decided("target %d of %d: %s for sip:psap@192.0.2.10:5060", n, of, where)
}

func (d *drawing) connected(carries ...string) {
	d.step(calltrace.Connected, carries, "by %s from 192.0.2.1:41000 to %s", d.transport, remote)
}

func (d *drawing) message(out, again bool, m calltrace.Msg) {
	s := calltrace.Step{After: d.clock, Kind: calltrace.Message, Out: out, Again: again, What: m.What(), Transport: d.transport, Remote: remote}
	if !again {
		s.Carries = m.Carries()
	}
	d.Steps = append(d.Steps, s)
}

func (d *drawing) ask(method string) {
	d.message(true, false, calltrace.Msg{Method: method, URI: "sip:933@192.0.2.10:5060"})
}

// invite sends the INVITE with the location in its body, or slim.
func (d *drawing) invite(again bool, more ...calltrace.Field) {
	m := calltrace.Msg{Method: "INVITE", URI: "sip:933@192.0.2.10:5060;transport=tcp", ContentType: "application/sdp", Body: []byte(offer)}
	m.Fields = []calltrace.Field{
		{Name: "Via", Value: "SIP/2.0/TCP 192.0.2.1"},
		{Name: "From", Value: "<sip:+16175550111@callbox.example;user=phone>;tag=1"},
		{Name: "P-Asserted-Identity", Value: "<sip:+16175550111@callbox.example;user=phone>"},
		{Name: "Geolocation", Value: "<https://lis.callbox.example/loc/secret-of-this-call>"},
		{Name: "Geolocation-Routing", Value: "yes"},
		{Name: "Call-Info", Value: "<urn:emergency:uid:callid:c1:callbox.example>;purpose=emergency-CallId"},
	}
	if !d.slim {
		m.Fields[3].Value = "<cid:loc-c1@callbox.example>, " + m.Fields[3].Value
		m.ContentType = "multipart/mixed; boundary=b"
		m.Body = []byte("--b\r\nContent-Type: application/sdp\r\n\r\n" + offer + "\r\n--b\r\nContent-Type: application/pidf+xml\r\n\r\n" + object + "\r\n--b--\r\n")
	}
	m.Fields = append(m.Fields, more...)
	d.began = d.clock
	d.message(true, again, m)
}

func (d *drawing) reply(code int, reason string, fields ...calltrace.Field) {
	d.message(false, false, calltrace.Msg{Code: code, Reason: reason, Fields: fields})
}

func (d *drawing) answered() {
	d.message(false, false, calltrace.Msg{
		Code: 200, Reason: "OK", Fields: []calltrace.Field{{Name: "Server", Value: "Carrier SBC 4.2"}}, ContentType: "application/sdp", Body: []byte(answer),
	})
}

// talk is the rest of a call that was answered.
func (d *drawing) talk() {
	d.ask("ACK")
	d.wait(5000)
	d.ask("BYE")
	d.wait(20)
	d.reply(200, "OK")
	d.Talk, d.Heard = 5*time.Second, 248
}

// tried adds the attempt that is over.
func (d *drawing) tried(t calltrace.Try) {
	if t.Target == "" {
		t.Target = "tcp:" + remote
	}
	t.Slim, t.Bodies = d.slim, 4
	if d.slim {
		t.Bodies = 0
	}
	if t.Took == 0 {
		t.Took = d.clock - d.began
	}
	d.Tries = append(d.Tries, t)
}

var ladders = []struct {
	name string
	draw func(d *drawing)
	ok   bool
	do   string // must be among what is to be done
}{
	{"the carrier answers", func(d *drawing) {
		d.target(1, 1, "tcp:"+remote)
		d.wait(3)
		d.connected()
		d.invite(false)
		d.wait(12)
		d.reply(100, "Trying")
		d.wait(210)
		d.reply(180, "Ringing")
		d.wait(900)
		d.answered()
		d.tried(calltrace.Try{Sent: true, Rang: true, Code: 200, Reason: "OK"})
		d.talk()
	}, true, "listen to it from a telephone"},
	{"415 and then 200 without the location", func(d *drawing) {
		d.target(1, 1, "tcp:"+remote)
		d.connected()
		d.invite(false)
		d.wait(40)
		d.reply(415, "Unsupported Media Type", calltrace.Field{Name: "Accept", Value: "application/sdp"})
		d.ask("ACK")
		d.tried(calltrace.Try{Sent: true, Code: 415, Reason: "Unsupported Media Type", Accept: "application/sdp"})
		d.decided("415 can come from the bodies beside SDP: once more without them, as a 911 call would (F-16)")
		d.slim = true
		d.wait(1)
		d.invite(false)
		d.wait(300)
		d.answered()
		d.tried(calltrace.Try{Sent: true, Code: 200, Reason: "OK"})
		d.talk()
	}, true, "set the trunk's profile to elin or plain"},
	{"a challenge that our password answers", func(d *drawing) {
		challenge := calltrace.Field{Name: "Proxy-Authenticate", Value: `Digest realm="carrier.example", nonce="9f3c-secret", algorithm=SHA-256, qop="auth", opaque="o-secret"`}
		d.target(1, 1, "tcp:"+remote)
		d.connected()
		d.invite(false)
		d.wait(15)
		d.reply(407, "Proxy Authentication Required", challenge)
		d.ask("ACK")
		d.wait(1)
		d.invite(false, calltrace.Field{Name: "Proxy-Authorization", Value: `Digest username="works-secret", realm="carrier.example", nonce="9f3c-secret", uri="sip:933@192.0.2.10", response="r-secret", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c-secret"`})
		d.wait(300)
		d.answered()
		d.tried(calltrace.Try{Sent: true, Code: 200, Reason: "OK", Proved: true})
		d.talk()
	}, true, "listen to it from a telephone"},
	{"the number is busy", func(d *drawing) {
		d.target(1, 1, "tcp:"+remote)
		d.connected()
		d.invite(false)
		d.wait(80)
		d.reply(486, "Busy Here", calltrace.Field{Name: "Retry-After", Value: "30"})
		d.ask("ACK")
		d.tried(calltrace.Try{Sent: true, Code: 486, Reason: "Busy Here"})
	}, false, "try again later"},
	{"the first target is silent and the second answers", func(d *drawing) {
		d.target(1, 2, "udp:"+remote)
		d.target(2, 2, "tcp:"+remote)
		d.transport = "udp"
		d.invite(false)
		for _, ms := range []int{500, 1000, 2000} {
			d.wait(ms)
			d.invite(true)
		}
		d.wait(500)
		d.decided("nothing was heard: given up, as a 911 call would go on now")
		d.tried(calltrace.Try{Target: "udp:" + remote, Sent: true, Fault: calltrace.Silent, Took: 4 * time.Second})
		d.transport = "tcp"
		d.connected()
		d.invite(false)
		d.wait(100)
		d.answered()
		d.tried(calltrace.Try{Sent: true, Code: 200, Reason: "OK"})
		d.talk()
	}, true, "nothing was heard in 4.00 s, so the next target was tried"},
	{"a silent carrier", func(d *drawing) {
		d.target(1, 1, "udp:"+remote)
		d.transport = "udp"
		d.invite(false)
		for _, ms := range []int{500, 1000, 2000} {
			d.wait(ms)
			d.invite(true)
		}
		d.wait(500)
		d.decided("nothing was heard: given up, as a 911 call would go on now")
		d.tried(calltrace.Try{Target: "udp:" + remote, Sent: true, Fault: calltrace.Silent, Took: 4 * time.Second})
	}, false, "knows the address that we send from"},
	{"TCP is refused and UDP answers", func(d *drawing) {
		d.target(1, 1, "tcp:"+remote)
		d.wait(1)
		d.step(calltrace.Connected, nil, "no connection by tcp to %s: connect: connection refused", remote)
		d.transport = "udp"
		d.invite(false)
		d.wait(100)
		d.answered()
		d.tried(calltrace.Try{Sent: true, Code: 200, Reason: "OK", NoTCP: "connect: connection refused"})
		d.talk()
	}, true, "ask the carrier to take TCP"},
	{"nothing listens by TCP nor by UDP", func(d *drawing) {
		d.target(1, 1, "tcp:"+remote)
		d.wait(1)
		d.step(calltrace.Connected, nil, "no connection by tcp to %s: connect: connection refused", remote)
		d.transport = "udp"
		d.invite(false)
		d.wait(2)
		d.decided("by UDP nothing listens there: its system says so (ICMP)")
		d.tried(calltrace.Try{Sent: true, Fault: calltrace.NoConnection, Detail: "the other side's host is down or does not listen", NoTCP: "connect: connection refused"})
	}, false, "check address and port"},
	{"the certificate names another host", func(d *drawing) {
		d.target(1, 1, "tls:192.0.2.10:5061")
		d.wait(20)
		d.step(calltrace.Connected, nil, "no connection by tls to 192.0.2.10:5061: x509: certificate is valid for other.example, not sip.carrier.example")
		d.tried(calltrace.Try{Target: "tls:192.0.2.10:5061", Fault: calltrace.NoHandshake, Detail: "x509: certificate is valid for other.example, not sip.carrier.example"})
	}, false, "openssl s_client -connect 192.0.2.10:5061"},
	{"no name server has answered", func(d *drawing) {
		d.Dialled, d.Number = "", ""
		d.decided("no address of the trunk is known: its names were never answered for")
	}, false, "callbox trunks"},
	{"it rings and nobody answers", func(d *drawing) {
		d.Kind, d.Dialled = calltrace.Other, "sip:+16175550150@192.0.2.10:5060"
		d.target(1, 1, "tcp:"+remote)
		d.connected()
		d.invite(false)
		d.wait(200)
		d.reply(180, "Ringing")
		d.wait(30000)
		d.decided("it rings and nobody answers: given up")
		d.ask("CANCEL")
		d.wait(10)
		d.reply(200, "OK")
		d.reply(487, "Request Terminated")
		d.ask("ACK")
		d.tried(calltrace.Try{Sent: true, Rang: true, Fault: calltrace.Rings, Took: 30 * time.Second})
	}, false, "--number"},
	{"the connection breaks after the INVITE", func(d *drawing) {
		d.target(1, 1, "tcp:"+remote)
		d.connected()
		d.invite(false)
		d.wait(5)
		d.tried(calltrace.Try{Sent: true, Fault: calltrace.Lost, Detail: "connection to the other side was lost"})
	}, false, "proxy or firewall"},
}

// Proves: F-28, E12, F-16, W-32
func TestTheLadderOfATestAndItsVerdict(t *testing.T) {
	for _, c := range ladders {
		t.Run(c.name, func(t *testing.T) {
			d := newDrawing()
			c.draw(d)
			d.Verdict = d.Judge(false)
			got := d.Text()
			if strings.Contains(got, "secret") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			if d.Verdict.OK != c.ok {
				t.Errorf("well: %v, want %v", d.Verdict.OK, c.ok)
			}
			if !slices.ContainsFunc(d.Verdict.Do, func(s string) bool { return strings.Contains(s, c.do) }) {
				t.Errorf("nothing says %q: %q", c.do, d.Verdict.Do)
			}
			file := filepath.Join("testdata", strings.ReplaceAll(c.name, " ", "_")+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// Proves: F-28, W-32
func TestWhatToDoAboutARefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		try    calltrace.Try
		kind   calltrace.Kind
		digest bool
		do     string
	}{
		{"a redirect", calltrace.Try{Code: 302}, calltrace.Through933, false, "give the trunk the address that it names"},
		{"a challenge without credentials", calltrace.Try{Code: 407}, calltrace.Through933, false, "set digest user, realm and secret"},
		{"a challenge that credentials did not answer", calltrace.Try{Code: 401, Proved: true}, calltrace.Through933, true, "check user, realm and secret"},
		{"forbidden", calltrace.Try{Code: 403}, calltrace.Through933, false, "knows the address we send from"},
		{"no 933 there", calltrace.Try{Code: 404}, calltrace.Through933, false, "has no 933 on this trunk"},
		{"no such number", calltrace.Try{Code: 404}, calltrace.Other, false, "nobody has that number"},
		{"415 also without bodies", calltrace.Try{Code: 415}, calltrace.Through933, false, "does not even take SDP alone"},
		{"415 with bodies", calltrace.Try{Code: 415, Bodies: 2}, calltrace.Through933, false, "set its profile to elin or plain"},
		{"420", calltrace.Try{Code: 420, Unwilling: "geolocation"}, calltrace.Through933, false, "does not know geolocation"},
		{"no codec", calltrace.Try{Code: 488}, calltrace.Through933, false, "codecs"},
		{"out of service", calltrace.Try{Code: 503}, calltrace.Through933, false, "out of service"},
		{"a fault", calltrace.Try{Code: 500}, calltrace.Through933, false, "a fault in the carrier's system"},
		{"something else", calltrace.Try{Code: 499}, calltrace.Through933, false, "its log"},
	} {
		v := calltrace.Report{Trunk: "carrier-a", Kind: c.kind, Tries: []calltrace.Try{c.try}}.Judge(c.digest)
		if v.OK || !strings.Contains(strings.Join(v.Do, "\n"), c.do) {
			t.Errorf("%s: %+v, want %q to be done", c.name, v, c.do)
		}
	}
}

// Whatever the other side sends, no line of ours breaks, is without end, or
// shows what gives access.
//
// Proves: F-28
func FuzzCarries(f *testing.F) {
	f.Add("Proxy-Authorization", `Digest username="u", realm="r, x", nonce="KEY", response="KEY"`, "multipart/mixed; boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\n\r\n"+offer+"\r\n--b--\r\n"))
	f.Add("Geolocation", "<https://lis.example/loc/KEY>, <cid:KEY@x>;a=b, <sip:KEY@lis.example>", "application/pidf+xml", []byte("<presence/>"))
	f.Add("Call-Info", "<https://u:KEY@host/KEY>; purpose=x", "text/plain", []byte("\x1b[31mred\r\n"))
	f.Add("Warning", "399 x \"\u0085\x7f\xff\"", "multipart/mixed", []byte("x"))
	f.Fuzz(func(t *testing.T, name, value, kind string, body []byte) {
		m := calltrace.Msg{Method: "INVITE", URI: value, Fields: []calltrace.Field{{name, value}, {"Identity", value}}, ContentType: kind, Body: body}
		lines := append(m.Carries(), m.What())
		if len(lines) > 5000 {
			t.Errorf("%d lines", len(lines))
		}
		for _, l := range lines {
			if strings.ContainsAny(l, "\r\n\x00\x1b") || len(l) > 700 {
				t.Errorf("a line of %d bytes: %q", len(l), l)
			}
			if strings.HasPrefix(l, "Identity: ") && value != "" && !strings.HasPrefix(l, "Identity: a PASSporT of ") {
				t.Errorf("a PASSporT is shown: %q", l)
			}
		}
	})
}

// Proves: F-28
func TestWhatGivesAccessIsNotShown(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"Authorization", `Digest username="KEY", realm="a, b", nonce="KEY", qop=auth, response="KEY"`, `Authorization: Digest realm=a, b qop=auth (the rest is not shown)`},
		{"Proxy-Authorization", `Basic KEY`, `Proxy-Authorization: Basic (the rest is not shown)`},
		{"WWW-Authenticate", `Bearer KEY`, `WWW-Authenticate: Bearer (the rest is not shown)`},
		{"Authorization", `KEY`, `Authorization: credentials of no scheme (not shown)`},
		{"Geolocation", `<https://lis.example/loc/KEY>;x=1, <cid:KEY@callbox.example>`, `Geolocation: <https://lis.example/...>;x=1, <cid of a body part>`},
		{"Geolocation", `<HTTPS://u:KEY@lis.example:8443/KEY?k=KEY#KEY>`, `Geolocation: <https://lis.example:8443/...>`},
		{"Geolocation", `<sip:KEY@lis.example;k=KEY>`, `Geolocation: <sip:...@lis.example>`},
		{"Geolocation", `<sips:KEY>`, `Geolocation: <sips:...>`},
		{"Geolocation", `<ftp://u:KEY@x/KEY>`, `Geolocation: <ftp:...>`},
		{"Geolocation", `https://lis.example/loc/KEY`, `Geolocation: (not in brackets, not shown)`},
		{"Call-Info", `<urn:emergency:uid:callid:c1:callbox.example>; purpose=emergency-CallId`, `Call-Info: <urn:emergency:uid:callid:c1:callbox.example>; purpose=emergency-CallId`},
		{"Identity", `KEY.KEY.KEY`, `Identity: a PASSporT of 11 bytes`},
	} {
		got := calltrace.Msg{Method: "INVITE", URI: "sip:933@x", Fields: []calltrace.Field{{c.name, c.value}}}.Carries()
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s %s:\n got %q\nwant %q", c.name, c.value, got, c.want)
		}
	}
}
