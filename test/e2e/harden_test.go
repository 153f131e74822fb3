package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/ua"
)

// reload asks the server to look at its certificates.
func (s *site) reload() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

// A scanner of the trade, with each of its methods, and the same by hand from
// an address that nobody knows.
//
// Proves: issue 6 (scanners see nothing), E14, F-10
func TestScannersSeeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.telephones(phoneDomain)
	s.start()
	t.Run("svmap", func(t *testing.T) {
		svmap, err := exec.LookPath("svmap")
		if err != nil {
			t.Skip("skipped: svmap is not installed (Debian package sipvicious)")
		}
		dir := t.TempDir()
		scan := func(method, host, port string) string {
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/usr/bin/python3", svmap, "-b", "127.0.0.67", "-x", "127.0.0.67", "-m", method, "-p", port, host)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("svmap -m %s: %v\n%s", method, err, out)
			}
			return string(out)
		}
		for _, method := range []string{"OPTIONS", "REGISTER"} {
			if out := scan(method, s.sip.Addr().String(), fmt.Sprint(s.sip.Port())); !strings.Contains(out, "found nothing") {
				t.Errorf("svmap -m %s found:\n%s", method, out)
			}
		}
		// It does see a SIP server that answers: without that the above says nothing.
		answers, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(s.ip(95))})
		if err != nil {
			t.Fatal(err)
		}
		defer answers.Close()
		go answerAll(answers)
		if out := scan("OPTIONS", s.ip(95), fmt.Sprint(answers.LocalAddr().(*net.UDPAddr).Port)); strings.Contains(out, "found nothing") {
			t.Errorf("svmap does not find a server that answers:\n%s", out)
		}
	})
	t.Run("by hand", func(t *testing.T) {
		p := s.telephone("2001", "udp", "127.0.0.68", s.sip.String(), nil)
		p.domain = s.sip.Addr().String() // a scanner does not know our name
		for _, user := range []string{"100", "2001", "911"} {
			for _, method := range []string{"OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "NOTIFY", "INFO", "BYE", "CANCEL"} {
				p.ask(method, "sip:"+user+"@"+p.domain, "<sip:"+user+"@"+p.domain+">", method+user, "")
			}
		}
		p.ask("INVITE", "sip:100@"+p.domain, "<sip:100@"+p.domain+">", "last", phoneOffer)
		start, h, err := p.read()
		if err != nil || !strings.HasPrefix(start, "SIP/2.0 403 ") || h.Get("Call-Id") != "last" || h.Get("Server")+h.Get("User-Agent")+h.Get("Allow") != "" {
			t.Errorf("the scanner sees %s %v %v", start, h, err)
		}
	})
}

// answerAll answers every request as a careless server does.
func answerAll(c *net.UDPConn) {
	buf := make([]byte, 65536)
	for {
		n, from, err := c.ReadFromUDP(buf)
		if err != nil {
			return
		}
		lines := strings.Split(string(buf[:n]), "\r\n")
		out := "SIP/2.0 200 OK\r\nUser-Agent: careless\r\n"
		for _, l := range lines[1:] {
			name, _, _ := strings.Cut(l, ":")
			switch strings.ToLower(name) {
			case "via", "from", "to", "call-id", "cseq":
				out += l + "\r\n"
			}
		}
		_, _ = c.WriteToUDP([]byte(out+"Content-Length: 0\r\n\r\n"), from)
	}
}

// Everything that a call, a test, a telephone and a stranger can bring or learn
// is looked for in what the process wrote, with the most verbose log.
//
// Proves: issue 6 (no location or number in a log), D-03, E14
func TestTheLogTellsNothingOfACaller(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.telephones(phoneDomain)
	cert, key, roots := s.certificate(phoneDomain)
	wss := s.ip(10) + ":8061"
	s.wrap = func(line []string) []string { // to the shell, so that stdout is kept too
		line = append([]string{line[0], "--debug"}, line[1:]...)
		return append([]string{"sh", "-c", `exec "$0" "$@" 1>&2`}, line...)
	}
	s.start("--sip", "wss:"+wss, "--sip-cert", cert, "--sip-key", key)
	const marker = "LEAKMARKER"
	p := s.phone()
	token := s.located(p)
	value := strings.ReplaceAll(located, "Massachusetts", marker)

	// Calls that go well.
	for _, number := range []string{"911", "933"} {
		c := s.dial(p, phone.Dialling{Number: number, Location: token, PIDFLO: []byte(value), Headers: []ua.Header{{Name: "X-Note", Value: marker}, {Name: "Subject", Value: marker}}})
		s.answered(c)
		if number == "911" {
			s.received(s.a)
		}
		s.hangup(c)
	}
	// Refused, failing and malformed ones.
	s.a.Behave("busy")
	c := s.dial(p, phone.Dialling{Location: token, PIDFLO: []byte("<presence>" + marker + "<oops")})
	s.answered(c)
	s.received(s.b)
	s.hangup(c)
	if e, err := s.dial(p, phone.Dialling{Number: "+12125550147"}).WaitEnd(s.ctx); err != nil || e.Code < 400 {
		t.Errorf("an ordinary call was answered %d %v", e.Code, err)
	}
	stranger := s.phone(func(c *phone.Config) { c.Listen, c.Number = ua0("127.0.0.69"), "+12125550148" })
	if e, err := s.dial(stranger, phone.Dialling{PIDFLO: []byte(value)}).WaitEnd(s.ctx); err != nil || e.Code != 403 {
		t.Errorf("a stranger was answered %d %v", e.Code, err)
	}
	pbx, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(s.ip(11))}, net.UDPAddrFromAddrPort(s.sip))
	if err != nil {
		t.Fatal(err)
	}
	defer pbx.Close()
	for _, text := range []string{
		"INVITE sip:911@x SIP/2.0\r\nFrom: \"" + marker + " <sip:+12125550149@x>\r\nX " + marker + "\r\n\r\n" + value,
		"INVITE sip:9 1 1@x\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK" + marker + "\r\nFrom: <sip:+12125550149@x>;tag=" + marker + "\r\nCall-ID: " + marker + "\r\nCSeq: " + marker + "\r\n\r\n" + value,
		"OPTIONS sip:" + marker + "@x SIP/2.0\r\nCSeq: x\r\n\r\n", marker + "\r\n\r\n", value,
	} {
		if _, err := io.WriteString(pbx, text); err != nil {
			t.Fatal(err)
		}
	}
	// Telephones: well, with a wrong password, of nobody; TLS that fails.
	tel := s.telephone("2001", "wss", s.ip(3), wss, roots)
	if code := tel.register(phoneSecret, "600"); code != 200 {
		t.Errorf("REGISTER was answered %d", code)
	}
	if code := s.telephone("2002", "udp", s.ip(4), s.sip.String(), nil).register("wrong-"+marker+"-1", "600"); code != 401 {
		t.Errorf("a wrong password was answered %d", code)
	}
	if code := s.telephone("29"+marker, "udp", s.ip(5), s.sip.String(), nil).register("wrong-"+marker+"-2", "600"); code != 401 {
		t.Errorf("nobody was answered %d", code)
	}
	if c, err := tls.Dial("tcp", wss, &tls.Config{ServerName: marker + ".example", MinVersion: tls.VersionTLS12}); err == nil {
		c.Close()
		t.Error("a certificate that nobody vouches for was believed")
	}
	// The location server, with a wrong secret and junk.
	for _, body := range []string{value, "<locationRequest>" + marker, ""} {
		req, _ := http.NewRequestWithContext(s.ctx, http.MethodPost, "http://"+s.held+"/held", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/held+xml")
		req.SetBasicAuth(companyID, "wrong-"+marker)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}
	s.record("the emergency calls", func(r report.CallRecord) bool { return ended(r) && r.Class == e911.ClassEmergency })
	s.record("the test call", func(r report.CallRecord) bool { return ended(r) && r.Class == e911.ClassTest933 })
	s.stop()

	text := s.log.String()
	if !strings.Contains(text, `"level":"DEBUG"`) && !strings.Contains(text, "callbox serves") {
		t.Fatalf("the log is not there:\n%s", text)
	}
	digits := func(n string) string { return strings.TrimPrefix(n, "+1") }
	for what, leak := range map[string]string{
		"something that came in": marker, "the line": digits("+16175550111"), "the callback number": digits("+16175550100"), "what was dialled": digits("+12125550147"),
		"a stranger's number": digits("+12125550148"), "a broken caller's number": digits("+12125550149"), "a telephone's password": phoneSecret,
		"a secret of the location server": secret, "a secret of a webhook": hookSecret, "a street": "Massachusetts", "a room's key": "room-210", "a location URI": token[strings.LastIndex(token, "/")+1:],
		"a location object": "civicAddress", "SDP": "m=audio", "a point": "42.3668", "a hardware address": "00:11:22:aa:bb:cc", "an access point": "00:11:22:33:44:50", "a mail address": "security@works.example",
		"a user": "agent4711", "an Authorization": "Digest username",
	} {
		if i := strings.Index(text, leak); i >= 0 {
			t.Errorf("the log tells %s: %s", what, around(text, i))
		}
	}
	// What is left of the log is JSON, a line each.
	for line := range strings.Lines(text) {
		if !json.Valid(bytes.TrimSpace([]byte(line))) {
			t.Errorf("a line of the log is no JSON: %s", line)
			break
		}
	}
}

func around(text string, i int) string { return text[max(0, i-200):min(len(text), i+100)] }

const located = `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" entity="pres:desk@works.example"><tuple id="t"><status><gp:geopriv><gp:location-info>` +
	`<ca:civicAddress xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"><ca:country>US</ca:country><ca:A1>MA</ca:A1><ca:A3>Cambridge</ca:A3><ca:RD>Massachusetts</ca:RD><ca:STS>Avenue</ca:STS><ca:HNO>795</ca:HNO></ca:civicAddress>` +
	`</gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple></presence>`
