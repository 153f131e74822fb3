package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
)

const (
	phoneSecret = "only-for-the-telephones-1"
	phoneDomain = "phones.works.example"
)

// telephones gives the world telephones of its own.
func (s *site) telephones(domain string) {
	s.world = strings.Replace(s.world, "    name: Works\n", "    name: Works\n    sip_domain: "+domain+"\n", 1)
	sip := func(key, user, more string) string {
		return fmt.Sprintf("{key: %s, model: plain-phone, sip: {user: %q, secret: %q, line: \"+16175550111\"%s}}", key, user, phoneSecret, more)
	}
	list := []string{
		strings.Replace(sip("t1", "2001", ""), "{key: t1,", "{key: t1, user: u1,", 1),
		sip("t2", "2002", ""), sip("t3", "2003", ", guest: true"), sip("t4", "2004", ""), sip("t5", "2005", ""), sip("t6", "2006", ""),
	}
	s.world = strings.Replace(s.world, "devices: [", "devices: ["+strings.Join(list, ", ")+", ", 1)
}

// telephone is a small SIP client of the test's own (RFC 3261, RFC 7118).
type telephone struct {
	s       *site
	user    string
	domain  string
	network string
	c       net.Conn
	r       *bufio.Reader
	n       int
}

func (s *site) telephone(user, network, from, to string, roots *x509.CertPool) *telephone {
	s.t.Helper()
	conf := &tls.Config{RootCAs: roots, ServerName: phoneDomain, MinVersion: tls.VersionTLS12}
	d := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	var c net.Conn
	var err error
	switch network {
	case "udp":
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
		c, err = d.DialContext(s.ctx, "udp", to)
	case "tcp":
		c, err = d.DialContext(s.ctx, "tcp", to)
	case "ws", "wss":
		client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, TLSClientConfig: conf}}
		var ws *websocket.Conn
		if ws, _, err = websocket.Dial(s.ctx, network+"://"+to+"/", &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"}}); err == nil {
			c = websocket.NetConn(context.Background(), ws, websocket.MessageText)
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(100 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	return &telephone{s: s, user: user, domain: phoneDomain, network: network, c: c, r: bufio.NewReaderSize(c, 65536)}
}

// ask sends a request; body is SDP or none.
func (p *telephone) ask(method, uri, to, callID, body string, more ...string) {
	p.s.t.Helper()
	p.n++
	lines := append([]string{
		method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s 10.0.0.5:5060;branch=z9hG4bK%s;rport", strings.ToUpper(p.network), rand.Text()),
		"Max-Forwards: 70", "From: <sip:" + p.user + "@" + p.domain + ">;tag=" + p.user, "To: " + to,
		"Call-ID: " + callID, fmt.Sprintf("CSeq: %d %s", p.n, method), "Content-Length: " + strconv.Itoa(len(body)),
	}, more...)
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	if _, err := io.WriteString(p.c, strings.Join(lines, "\r\n")+"\r\n\r\n"+body); err != nil {
		p.s.t.Fatal(err)
	}
}

// answer reads the next final answer to a method; requests of the server are
// answered 200.
func (p *telephone) answer(method string) (code int, h http.Header) {
	p.s.t.Helper()
	for {
		start, h, err := p.read()
		if err != nil {
			p.s.t.Fatalf("read an answer to %s: %v; the server's log:\n%s", method, err, p.s.tail())
		}
		f := strings.Fields(start)
		if f[0] != "SIP/2.0" {
			text := "SIP/2.0 200 OK\r\n"
			for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq"} {
				for _, v := range h.Values(name) {
					text += name + ": " + v + "\r\n"
				}
			}
			_, _ = io.WriteString(p.c, text+"Content-Length: 0\r\n\r\n")
			continue
		}
		code, _ = strconv.Atoi(f[1])
		if code >= 200 && strings.HasSuffix(h.Get("Cseq"), method) {
			return code, h
		}
	}
}

func (p *telephone) read() (start string, h http.Header, err error) {
	r := p.r
	if p.network == "udp" {
		b := make([]byte, 65536)
		n, err := p.c.Read(b)
		if err != nil {
			return "", nil, err
		}
		r = bufio.NewReader(strings.NewReader(string(b[:n])))
	}
	h = http.Header{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", nil, err
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case start == "" && line == "":
		case start == "":
			start = line
		case line == "":
			n, _ := strconv.Atoi(h.Get("Content-Length"))
			_, err := io.CopyN(io.Discard, r, int64(n))
			return start, h, err
		default:
			h.Add(name, strings.TrimSpace(value))
		}
	}
}

// register signs on, or off with 0, and returns the final code.
func (p *telephone) register(secret, expires string) int {
	p.s.t.Helper()
	uri, self := "sip:"+p.domain, "<sip:"+p.user+"@"+p.domain+">"
	more := []string{"Contact: <sip:" + p.user + "@10.0.0.5>;+sip.instance=\"<urn:uuid:" + p.user + ">\"", "Expires: " + expires}
	p.ask("REGISTER", uri, self, "reg-"+p.user, "", more...)
	code, h := p.answer("REGISTER")
	if code != 401 {
		return code
	}
	value, err := digest.NewClient(p.user, p.domain, e911.Secret(secret)).Answer(digest.Question{Challenges: h.Values("Www-Authenticate"), Method: "REGISTER", URI: uri})
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.ask("REGISTER", uri, self, "reg-"+p.user, "", append(more, "Authorization: "+value)...)
	code, _ = p.answer("REGISTER")
	return code
}

const phoneOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"

// calls dials, and hangs up when it was answered. It returns the final code.
func (p *telephone) calls(number string, more ...string) int {
	p.s.t.Helper()
	uri, id := "sip:"+number+"@"+p.domain, number+"-"+rand.Text()
	p.ask("INVITE", uri, "<"+uri+">", id, phoneOffer, append(more, "Contact: <sip:"+p.user+"@10.0.0.5>")...)
	seq := p.n
	code, h := p.answer("INVITE")
	contact := strings.Trim(strings.Split(h.Get("Contact"), ">")[0], "<")
	p.n = seq - 1
	if code < 300 {
		p.ask("ACK", contact, h.Get("To"), id, "")
		p.ask("BYE", contact, h.Get("To"), id, "")
		p.answer("BYE")
		return code
	}
	p.ask("ACK", uri, h.Get("To"), id, "")
	return code
}

// Proves: F-34, F-10, F-37, W-50, C-70, E1
func TestATelephoneInEveryStateCallsForHelp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.telephones(phoneDomain)
	s.start()
	world := s.world
	reworld := func(from, to string) {
		s.t.Helper()
		if !strings.Contains(s.world, from) {
			t.Fatalf("the world has no %q", from)
		}
		s.world = strings.Replace(s.world, from, to, 1)
		s.importWorld()
	}
	states := []struct {
		name, user string
		then       func(p *telephone) // after it registered
		registered bool
	}{
		{"of a user", "2001", nil, true},
		{"without a user", "2002", nil, true},
		{"on a guest profile", "2003", nil, true},
		{"signed out", "2004", func(p *telephone) {
			if code := p.register(phoneSecret, "0"); code != 200 {
				t.Fatalf("signing out was answered %d", code)
			}
		}, false},
		{"with an old password", "2005", func(p *telephone) {
			reworld(`sip: {user: "2005", secret: "`+phoneSecret, `sip: {user: "2005", secret: "another-for-the-telephones`)
			if code := p.register(phoneSecret, "0"); code != 401 {
				t.Fatalf("the old password was answered %d", code)
			}
		}, true}, // its registration goes on until it expires
		{"locked: it may not register any more", "2006", func(p *telephone) {
			reworld(fmt.Sprintf(`{key: t6, model: plain-phone, sip: {user: "2006", secret: %q, line: "+16175550111"}}`, phoneSecret), "{key: t6, model: plain-phone}")
			if code := p.register(phoneSecret, "600"); code != 401 {
				t.Fatalf("a locked telephone's REGISTER was answered %d", code)
			}
		}, true},
	}
	for i, c := range states {
		p := s.telephone(c.user, "udp", s.ip(1+i), s.sip.String(), nil)
		if code := p.register(phoneSecret, "600"); code != 200 {
			t.Fatalf("%s: REGISTER was answered %d; log:\n%s", c.name, code, s.tail())
		}
		if c.then != nil {
			c.then(p)
		}
		if code := p.calls("933"); code != 200 {
			t.Errorf("933 from a telephone %s was answered %d", c.name, code)
		}
		if code := p.calls("911"); code != 200 {
			t.Errorf("911 from a telephone %s was answered %d", c.name, code)
		}
		got := s.received(s.a)
		xmllint(t, got.PIDFLO, map[string]string{"HNO": "795", "ROOM": "210"})
		for _, class := range []e911.CallClass{e911.ClassEmergency, e911.ClassTest933} {
			rec := s.record(fmt.Sprintf("the %s of a telephone %s", class, c.name), func(r report.CallRecord) bool {
				return ended(r) && r.Class == class && r.Device != nil && r.Device.Key == "t"+strconv.Itoa(i+1)
			})
			if said := strings.Contains(strings.Join(rec.Flags, " "), "unauthenticated"); said == c.registered {
				t.Errorf("%s of a telephone %s: flags %v", class, c.name, rec.Flags)
			}
		}
	}
	if n := len(s.a.Calls()) + len(s.b.Calls()) + len(s.relay.Calls()); n > 0 {
		t.Errorf("a test reached %d answering points", n)
	}
	// Nobody is named like what is dialled for help.
	for _, c := range []struct{ from, to string }{
		{`user: "2001"`, `user: "911"`}, {`user: "2002"`, `user: "9911"`}, {`user: "2003"`, `user: "933"`}, {`user: "2004"`, `user: "112"`},
	} {
		file := filepath.Join(t.TempDir(), "world.yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(world, c.from, c.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := s.command("import", "--data", s.data, file); err == nil || !strings.Contains(out, "dialled for help") {
			t.Errorf("%s was imported: %s", c.to, out)
		}
	}
}

// Proves: C-70, RFC 7118, RFC 5626, issue 6 (a WebSocket client; TLS 1.2 and later)
func TestAWebSocketClientRegistersAndCallsForHelp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.telephones(phoneDomain)
	cert, key, roots := s.certificate(phoneDomain)
	ws, wss := s.ip(10)+":8060", s.ip(10)+":8061"
	s.start("--sip", "ws:"+ws, "--sip", "wss:"+wss, "--sip-cert", cert, "--sip-key", key)
	for i, c := range []struct{ network, to string }{{"ws", ws}, {"wss", wss}} {
		p := s.telephone("200"+strconv.Itoa(i+1), c.network, s.ip(2+i), c.to, roots)
		if code := p.register(phoneSecret, "600"); code != 200 {
			t.Fatalf("%s: REGISTER was answered %d", c.network, code)
		}
		if code := p.calls("911"); code != 200 {
			t.Errorf("%s: 911 was answered %d", c.network, code)
		}
		got := s.received(s.a)
		xmllint(t, got.PIDFLO, map[string]string{"ROOM": "210"})
		if code := p.calls("933"); code != 200 {
			t.Errorf("%s: 933 was answered %d", c.network, code)
		}
		rec := s.record("the call by "+c.network, func(r report.CallRecord) bool {
			return ended(r) && r.Class == e911.ClassEmergency && r.Device != nil && r.Device.Key == "t"+strconv.Itoa(i+1)
		})
		if strings.Contains(strings.Join(rec.Flags, " "), "unauthenticated") {
			t.Errorf("%s: flags %v", c.network, rec.Flags)
		}
	}
	if c, err := tls.Dial("tcp", wss, &tls.Config{RootCAs: roots, ServerName: phoneDomain, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil { //nolint:gosec // what must be refused
		c.Close()
		t.Error("TLS 1.1 is spoken")
	}
	// A new certificate is shown without a restart; a call that is up goes on.
	p := s.telephone("2003", "wss", s.ip(4), wss, roots)
	if code := p.register(phoneSecret, "600"); code != 200 {
		t.Fatalf("REGISTER was answered %d", code)
	}
	newCert, newKey, newRoots := s.certificate(phoneDomain)
	for from, to := range map[string]string{newCert: cert, newKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	s.reload()
	s.await("the new certificate", func() bool {
		c, err := tls.Dial("tcp", wss, &tls.Config{RootCAs: newRoots, ServerName: phoneDomain, MinVersion: tls.VersionTLS12})
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	if code := p.calls("911"); code != 200 {
		t.Errorf("a connection from before the new certificate: 911 was answered %d", code)
	}
	s.received(s.a)
}

// certificate writes a certificate and its key, each its own authority.
func (s *site) certificate(name string) (cert, key string, roots *x509.CertPool) {
	s.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		s.t.Fatal(err)
	}
	dir := s.t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return cert, key, roots
}
