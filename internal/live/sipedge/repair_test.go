package sipedge_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// fault is one way in which a PBX writes an INVITE wrong.
type fault struct {
	old, new string // replaced in the text of a good INVITE
	repaired string // part of what Request.Repaired says; empty: refused with 400
	udp      bool   // on a stream it cannot be told where the message ends
}

var faults = map[string]fault{
	"Contact is no address":                 {"Contact: <sip:2101@", "Contact: @@@<<", "-", false},
	"no Contact":                            {"Contact: ", "X-Contact: ", "-", false},
	"Contact has an unbalanced quote":       {"Contact: <", "Contact: \"Desk <", "-", false},
	"To is no address":                      {"To: <sip:911@callbox.example>", "To: 911", "To: no URI", false},
	"no To":                                 {"To: ", "X-To: ", "no To", false},
	"From has an unbalanced quote":          {"From: \"Desk\"", "From: \"Desk", "From: quotes", false},
	"From has an open bracket":              {"<sip:2101@harbor.example>;tag", "<sip:2101@harbor.example;tag", "From: angle", false},
	"From has no tag (RFC 2543)":            {";tag=", ";x=", "-", false},
	"CSeq is beyond 32 bits":                {"CSeq: 1 ", "CSeq: 36893488147419103232 ", "CSeq number", false},
	"CSeq is beyond 31 bits":                {"CSeq: 1 ", "CSeq: 4294967295 ", "CSeq number", false},
	"CSeq has no number":                    {"CSeq: 1 INVITE", "CSeq: one INVITE", "CSeq has no number", false},
	"CSeq names another method":             {"CSeq: 1 INVITE", "CSeq: 1 BYE", "CSeq names", false},
	"Max-Forwards is junk":                  {"Max-Forwards: 70", "Max-Forwards: many", "Max-Forwards", false},
	"Max-Forwards is beyond 255":            {"Max-Forwards: 70", "Max-Forwards: 300", "Max-Forwards", false},
	"space in the Request-URI":              {"INVITE sip:911@", "INVITE sip:9 11 @", "space", false},
	"tabs and spaces in the request line":   {"INVITE sip", "INVITE \t sip", "space", false},
	"space after the request line":          {" SIP/2.0\r\nVia", " SIP/2.0  \r\nVia", "space", false},
	"Request-URI in angle brackets":         {"INVITE sip:911@callbox.example", "INVITE <sip:911@callbox.example>", "angle", false},
	"no version":                            {"callbox.example SIP/2.0", "callbox.example", "no SIP version", true},
	"another version":                       {"example SIP/2.0\r\nVia", "example SIP/7.0\r\nVia", "version", false},
	"method in small letters":               {"INVITE sip", "invite sip", "capitals", false},
	"line feeds alone":                      {"\r\n", "\n", "without CR", false},
	"a line without colon":                  {"Max-Forwards: 70", "Max-Forwards", "not a field", false},
	"two From":                              {"Max-Forwards: 70", "From: <sip:x@y>;tag=z", "second From", false},
	"two Call-ID":                           {"CSeq: 1", "Call-ID: other\r\nCSeq: 1", "second Call-ID", false},
	"Content-Length too large":              {"Content-Length: ", "Content-Length: 9", "larger than", true},
	"Content-Length negative":               {"Content-Length: ", "Content-Length: -", "not a number", true},
	"Content-Length is junk":                {"Content-Length: ", "Content-Length: x", "not a number", true},
	"no Via":                                {"Via: ", "X-Via: ", "", false},
	"no Call-ID":                            {"Call-ID: ", "X-Call-ID: ", "", false},
	"no CSeq":                               {"CSeq: ", "X-CSeq: ", "", false},
	"no From":                               {"From: ", "X-From: ", "", false},
	"bad Referred-By":                       {"Max-Forwards: 70", "Referred-By: \"<<>", "-", false},
	"bad Record-Route and Route":            {"Max-Forwards: 70", "Record-Route: \"<\r\nRoute: >>", "-", false},
	"bytes that are not UTF-8":              {"\"Desk\"", "\"\xff\xfe\x00\"", "-", false},
	"blank lines before":                    {"INVITE sip", "\r\n\r\n\r\nINVITE sip", "-", false},
	"folded fields":                         {"CSeq: 1 INVITE", "CSeq: 1\r\n INVITE", "-", false},
	"compact forms and spaces before colon": {"From:", "f \t:", "-", false},
}

// Proves: D-02, E1 (libraries.md, pitfall 13)
func TestAnEmergencyInviteWithFaultsIsRepairedOrRefused(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				if network == "tcp" && f.udp {
					t.Skip("a message without end on a stream is another test's")
				}
				r := newRig(t, nil)
				p := newPeer(t, network, "127.0.0.11", r.addr(network))
				inv := newInvite("sip:911@callbox.example")
				inv.body, inv.ctype = sdp, "application/sdp"
				text := inv.text(p)
				broken := strings.Replace(text, f.old, f.new, 1)
				if f.old == "\r\n" {
					head, _, _ := strings.Cut(text, "\r\n\r\n")
					broken = strings.ReplaceAll(head, "\r\n", "\n") + "\n\n" + sdp
				}
				if broken == text && f.old != f.new {
					t.Fatal("the fault is not in the text")
				}
				p.send(broken)
				if f.repaired == "" {
					if m := mustTry(t, p); m.code() != 400 {
						t.Errorf("answer = %s, want 400", m.start)
					}
					if a := r.alarm(); a.Code != sipedge.AlarmMalformed || !a.Emergency || a.Dialled != "911" {
						t.Errorf("alarm = %+v", a)
					}
					return
				}
				leg := r.leg()
				req := leg.Request()
				if f.repaired == "-" {
					if len(req.Repaired) != 0 && !strings.Contains(name, "UTF-8") {
						t.Errorf("repaired = %q, want nothing", req.Repaired)
					}
				} else if !slices.ContainsFunc(req.Repaired, func(s string) bool { return strings.Contains(s, f.repaired) }) {
					t.Errorf("repaired = %q, want it to say %q", req.Repaired, f.repaired)
				}
				if req.URI != "sip:911@callbox.example" || string(req.Body) != sdp {
					t.Errorf("URI %q, body %q", req.URI, req.Body)
				}
				// The call works to its end.
				if err := leg.Answer(1, sipedge.Message{}); err != nil {
					t.Fatal(err)
				}
				ok := mustTry(t, p)
				for ok.code() != 200 {
					ok = mustTry(t, p)
				}
				if got, want := ok.get("CSeq"), field(broken, "CSeq"); got != want {
					t.Errorf("CSeq comes back as %q, want %q", got, want)
				}
				ack := broken
				ack = strings.Replace(ack, "\r\nTo: ", "\r\nX-Old-To: ", 1)
				ack = strings.Replace(ack, "\nTo: ", "\nX-Old-To: ", 1)
				ack = strings.Replace(ack, "INVITE", "ACK", 1)
				ack = strings.Replace(ack, "invite", "ACK", 1)
				ack = strings.Replace(ack, "Max-Forwards", "To: "+ok.get("To")+"\r\nMax-Forwards", 1)
				if strings.Contains(ack, "\nTo: ") && !strings.Contains(name, "version") {
					p.send(ack)
					event(t, leg, sipedge.Acked)
				}
			})
		})
	}
}

// mustTry reads a message that need not be readable by others: answers repeat
// the sender's faults.
func mustTry(t *testing.T, p *peer) msg {
	t.Helper()
	m, err := p.try(patience)
	if err != nil {
		t.Fatalf("nothing was received: %v", err)
	}
	return m
}

func field(text, name string) string {
	text = strings.ReplaceAll(text, "\r\n ", " ")
	for _, l := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if v, ok := strings.CutPrefix(l, name+": "); ok {
			return v
		}
	}
	return ""
}

// Proves: D-02, E1
func TestMessagesWithoutEndOnAStream(t *testing.T) {
	send := func(t *testing.T, length string) (*rig, *peer) {
		r := newRig(t, nil)
		p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
		inv := newInvite("sip:911@callbox.example")
		inv.body, inv.ctype = sdp, "application/sdp"
		p.send(regexp.MustCompile(`Content-Length: \d+\r\n`).ReplaceAllString(inv.text(p), length))
		return r, p
	}
	t.Run("Content-Length too large: goes on with what came", func(t *testing.T) {
		r, p := send(t, "Content-Length: 4000\r\n")
		leg := r.leg()
		if req := leg.Request(); string(req.Body) != sdp || len(req.Repaired) != 1 {
			t.Errorf("body %q, repaired %q", req.Body, req.Repaired)
		}
		// The stream is found again at the next message.
		p.send("a=late:rest of a body\r\n")
		o := newInvite("sip:callbox.example")
		o.method = "OPTIONS"
		p.send(o.text(p))
		p.until("200 to OPTIONS", func(m msg) bool { return strings.HasSuffix(m.get("CSeq"), "OPTIONS") && m.code() == 200 })
	})
	for name, c := range map[string]struct {
		length string
		code   int
	}{
		"no Content-Length":           {"", 400},
		"Content-Length is junk":      {"Content-Length: x\r\n", 400},
		"Content-Length beyond limit": {"Content-Length: 70000\r\n", 513},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := send(t, c.length)
			p.status(c.code)
			if a := r.alarm(); a.Code != sipedge.AlarmMalformed {
				t.Errorf("alarm = %+v", a)
			}
			if _, err := p.try(patience); err == nil {
				t.Error("the connection is still open")
			}
		})
	}
	t.Run("a head beyond the limit", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
		inv := newInvite("sip:911@callbox.example")
		inv.extra = []string{"X: " + strings.Repeat("x", 70000)}
		p.send(inv.text(p))
		p.status(513)
		r.alarm()
	})
	t.Run("something else than SIP ends the connection", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
		p.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
		if m, err := p.try(patience); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("got %q, %v", m.start, err)
		}
	})
	t.Run("a ping is answered (RFC 5626, section 4.4.1)", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
		p.send("\r\n\r\n")
		_ = p.tcp.SetReadDeadline(time.Now().Add(patience))
		if line, err := p.rd.ReadString('\n'); line != "\r\n" {
			t.Errorf("pong = %q, %v", line, err)
		}
	})
	t.Run("messages in pieces and together", func(t *testing.T) {
		r := newRig(t, nil)
		p := newPeer(t, "tcp", "127.0.0.11", r.tcp)
		var all strings.Builder
		for range 5 {
			inv := newInvite("sip:911@callbox.example")
			inv.body, inv.ctype = sdp, "application/sdp"
			all.WriteString(inv.text(p))
		}
		for i := 0; i < all.Len(); i += 7 {
			p.send(all.String()[i:min(i+7, all.Len())])
		}
		for range 5 {
			if got := string(r.leg().Request().Body); got != sdp {
				t.Errorf("body = %q", got)
			}
		}
	})
}

// tortures reads the messages of RFC 4475 and of NIST's collection.
func tortures(t *testing.T) map[string]string {
	t.Helper()
	dir := shared(t, "data", "sip-torture")
	files, err := filepath.Glob(filepath.Join(dir, "rfc4475", "*.dat"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	all := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all["rfc4475 "+filepath.Base(f)] = string(b)
	}
	b, err := os.ReadFile(filepath.Join(dir, "nist-jsip", "torture.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range regexp.MustCompile(`(?s)<message>\s*<!\[CDATA\[(.*?)\]\]>`).FindAllStringSubmatch(string(b), -1) {
		all["nist "+strconv.Itoa(i+1)] = strings.ReplaceAll(m[1], "\n", "\r\n")
	}
	return all
}

var (
	sipUser    = regexp.MustCompile(`sip:[^@ <>;]*@`)
	requestURI = regexp.MustCompile(`^(\w+\s+)(.*?)(\s*SIP/)`)
	aMethod    = regexp.MustCompile(`^[A-Za-z]+(\s)`)
	cseqMethod = regexp.MustCompile(`(?im)^(CSeq\s*:\s*\d+\s+)\w+`)
	callID     = regexp.MustCompile(`(?im)^((?:call-id|i)\s*:\s*)`)
	sentByPort = regexp.MustCompile(`(?is)SIP\s*/\s*2\.0\s*/\s*\w+\s+[^;,\s]+?:\s*(\d+)`)
)

// variants makes emergency calls of a message.
func variants(m string) []string {
	first, rest, ok := strings.Cut(m, "\r\n")
	if !ok || strings.HasPrefix(first, "SIP/") {
		return nil
	}
	as := func(line string) string {
		return aMethod.ReplaceAllString(line, "INVITE$1") + "\r\n" + cseqMethod.ReplaceAllString(rest, "${1}INVITE")
	}
	return []string{
		as(sipUser.ReplaceAllString(first, "sip:911@")),
		as(requestURI.ReplaceAllString(first, "${1}urn:service:sos$3")),
		as(requestURI.ReplaceAllString(first, "${1}tel:911$3")),
	}
}

// Proves: D-02, E1, E2 (RFC 4475)
func TestTortureMessages(t *testing.T) {
	const ip = "127.0.0.49"
	for name, text := range tortures(t) {
		t.Run(name, func(t *testing.T) {
			answers := make(chan string, 1024)
			if !strings.HasPrefix(text, "SIP/") {
				listenWhereAnswersGo(t, ip, text, answers)
			}
			for i, v := range append([]string{text}, variants(text)...) {
				for _, network := range transports {
					mark := "v" + strconv.Itoa(i) + network + "-"
					v := callID.ReplaceAllString(v, "${1}"+mark)
					marked := strings.Contains(v, mark)
					r := newRig(t, func(c *sipedge.Config) { c.Timers.Partial = 30 * time.Millisecond })
					p := newPeer(t, network, ip, r.addr(network))
					p.send(v)
					first, _, _ := strings.Cut(v, "\r\n")
					if i == 0 || !strings.HasPrefix(strings.TrimSpace(first), "INVITE") || !emergency(first) {
						continue // no panic and no hang is all that is asked
					}
					go func() {
						if m, err := p.try(patience); err == nil {
							answers <- m.raw
						}
					}()
					giveUp := time.After(patience)
				wait:
					for {
						select {
						case <-r.legs:
							break wait
						case a := <-answers: // of an earlier variant, perhaps
							if strings.HasPrefix(a, "SIP/2.0 403") {
								t.Errorf("variant %d by %s: %s", i, network, a)
							}
							if !marked || strings.Contains(a, mark) {
								break wait
							}
						case <-giveUp:
							t.Errorf("variant %d by %s met silence:\n%s", i, network, v)
							break wait
						}
					}
					r.stop()
				}
			}
		})
	}
}

// listenWhereAnswersGo opens the ports that the message's Via values name.
func listenWhereAnswersGo(t *testing.T, ip, text string, answers chan<- string) {
	t.Helper()
	ports := map[int]bool{5060: true}
	for _, m := range sentByPort.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		ports[n] = true
	}
	for port := range ports {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip), Port: port})
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = c.Close() })
		go func() {
			buf := make([]byte, 65536)
			for {
				n, _, err := c.ReadFromUDP(buf)
				if err != nil {
					return
				}
				select {
				case answers <- string(buf[:n]):
				default:
				}
			}
		}()
	}
}
