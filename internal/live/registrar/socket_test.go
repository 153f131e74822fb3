package registrar_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/snapshot"
)

const patience = 10 * time.Second

type noJournal struct{}

func (noJournal) Record(journal.Fact) journal.Receipt { return journal.Receipt{} }

// rig is an edge with a registrar behind it; nobody but telephones is known.
type rig struct {
	edge   *sipedge.Edge
	reg    *registrar.Registrar
	roots  *x509.CertPool
	legs   chan *sipedge.Leg
	alarms chan sipedge.Alarm
	closed chan sipedge.Flow
}

func newRig(t *testing.T, network string) *rig {
	t.Helper()
	return newRigAt(t, network, "127.0.0.2:0")
}

func newRigAt(t *testing.T, network, addr string) *rig {
	t.Helper()
	holder := &snapshot.Holder{}
	world, err := snapshot.Build([]snapshot.Change{
		{Kind: e911.KindOrg, Org: "harbor", ID: "harbor", Object: e911.Org{ID: "harbor", Key: "harbor", Name: "Harbor", SIPDomain: "harbor.example"}},
		{Kind: e911.KindDevice, Org: "harbor", ID: "phone", Object: e911.Device{ID: "phone", Org: "harbor", Key: "phone", SIP: &e911.SIPAccount{User: "2001", Secret: "telephone-secret-1"}}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	holder.Store(world)
	r := &rig{legs: make(chan *sipedge.Leg, 16), alarms: make(chan sipedge.Alarm, 1024), closed: make(chan sipedge.Flow, 16)}
	if r.reg, err = registrar.New(registrar.Config{Snapshot: holder, Journal: noJournal{}}); err != nil {
		t.Fatal(err)
	}
	cert, roots := certificate(t)
	r.roots = roots
	r.edge, err = sipedge.New(sipedge.Config{
		Listen: []sipedge.Listener{{Network: network, Addr: netip.MustParseAddrPort(addr)}},
		Known:  func(s sipedge.Source) bool { return r.reg.Known(s.Addr) },
		Emergency: func(uri string) bool {
			class, _, ok := dialplan.Detect(uri)
			return ok && class == e911.ClassEmergency
		},
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		Handle: func(ctx context.Context, l *sipedge.Leg) {
			r.legs <- l
			<-ctx.Done()
		},
		Serve: r.reg.Serve, Registers: r.reg.Registers,
		Closed: func(f sipedge.Flow) { r.reg.Closed(f); r.closed <- f },
		Alarm:  func(a sipedge.Alarm) { r.alarms <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.edge.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"harbor.example"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// phone is a telephone at one of our transports.
type phone struct {
	t       *testing.T
	c       net.Conn
	r       *bufio.Reader // streams
	network string
	n       int
}

func (r *rig) dial(t *testing.T, network, from string) *phone {
	t.Helper()
	to := r.edge.Listeners()[0].Addr
	conf := &tls.Config{RootCAs: r.roots, ServerName: "harbor.example", MinVersion: tls.VersionTLS12}
	kind := "tcp"
	if network == "udp" {
		kind = "udp"
	}
	d := &net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	if kind == "udp" {
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	var c net.Conn
	var err error
	switch network {
	case "udp", "tcp":
		c, err = d.Dial(kind, to.String())
	case "tls":
		c, err = tls.DialWithDialer(d, kind, to.String(), conf)
	case "ws", "wss":
		client := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, TLSClientConfig: conf}}
		var ws *websocket.Conn
		if ws, _, err = websocket.Dial(t.Context(), network+"://"+to.String()+"/", &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"}}); err == nil {
			c = websocket.NetConn(context.Background(), ws, websocket.MessageText)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &phone{t: t, c: c, r: bufio.NewReaderSize(c, 65536), network: network}
}

// ask sends a request.
func (p *phone) ask(method, uri string, headers ...string) {
	p.t.Helper()
	p.n++
	lines := append([]string{
		method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s 10.0.0.5:5060;branch=z9hG4bK%s%d;rport", strings.ToUpper(p.network), rand.Text(), p.n),
		"Max-Forwards: 70", "From: <sip:2001@harbor.example>;tag=t1", "To: <sip:2001@harbor.example>",
		"Call-ID: call-" + method, fmt.Sprintf("CSeq: %d %s", p.n, method), "User-Agent: test 001122aabbcc", "Content-Length: 0",
	}, headers...)
	if _, err := io.WriteString(p.c, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

// answer reads one message without a body.
func (p *phone) answer() (start string, h http.Header) {
	p.t.Helper()
	r := p.r
	if p.network == "udp" {
		b := make([]byte, 65536)
		n, err := p.c.Read(b)
		if err != nil {
			p.t.Fatal(err)
		}
		r = bufio.NewReader(strings.NewReader(string(b[:n])))
	}
	h = http.Header{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("read an answer: %v", err)
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case start == "":
			start = line
		case line == "":
			return start, h
		default:
			h.Add(name, strings.TrimSpace(value))
		}
	}
}

func (p *phone) register(expires string) (string, http.Header) {
	p.t.Helper()
	contact := `Contact: <sip:2001@10.0.0.5:5060;ob>;+sip.instance="<urn:uuid:1>";reg-id=1`
	extra := []string{contact, "Expires: " + expires, "Supported: outbound, gruu"}
	p.ask("REGISTER", "sip:harbor.example", extra...)
	start, h := p.answer()
	if !strings.HasPrefix(start, "SIP/2.0 401 ") {
		p.t.Fatalf("first answer %s", start)
	}
	value, err := digest.NewClient("2001", "harbor.example", "telephone-secret-1").Answer(digest.Question{Challenges: h.Values("Www-Authenticate"), Method: "REGISTER", URI: "sip:harbor.example"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.ask("REGISTER", "sip:harbor.example", append(extra, "Authorization: "+value)...)
	return p.answer()
}

// Proves: C-70, F-10, F-13, RFC 3261 section 10, RFC 5626, RFC 7118
func TestATelephoneRegistersAndCallsForHelpByEveryTransport(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "tls", "ws", "wss"} {
		t.Run(network, func(t *testing.T) {
			r := newRig(t, network)
			p := r.dial(t, network, "127.0.0.71")
			start, h := p.register("600")
			if start != "SIP/2.0 200 OK" || !strings.Contains(h.Get("Contact"), ";expires=600") || !strings.Contains(h.Get("Contact"), `;pub-gruu="sip:2001@harbor.example;gr=urn:uuid:1"`) {
				t.Fatalf("answer %s, Contact %q", start, h.Get("Contact"))
			}
			if got := h.Get("Require") == "outbound"; got != (network != "udp") {
				t.Errorf("Require: %q", h.Get("Require"))
			}
			list := r.reg.Bindings("harbor", "2001")
			if len(list) != 1 || list[0].Source.Addr() != netip.MustParseAddr("127.0.0.71") || list[0].MAC != "00:11:22:aa:bb:cc" || !strings.HasPrefix(list[0].Flow.String(), network+":") {
				t.Fatalf("registered %+v", list)
			}
			p.ask("INVITE", "sip:911@harbor.example", "Contact: <sip:2001@10.0.0.5>")
			var leg *sipedge.Leg
			select {
			case leg = <-r.legs:
			case <-time.After(patience):
				t.Fatal("the call did not come")
			}
			who, ok := r.reg.Phone(leg.Request())
			if !ok || who.Device != "phone" || !who.Registered {
				t.Errorf("the call is of %+v %v", who, ok)
			}
			if err := leg.Reject(486, "", nil); err != nil {
				t.Fatal(err)
			}
			if network == "udp" {
				return
			}
			p.c.Close()
			select {
			case <-r.closed:
			case <-time.After(patience):
				t.Fatal("nobody was told of the end of the connection")
			}
			if len(r.reg.Bindings("harbor", "2001")) != 0 || !r.reg.Known(netip.MustParseAddr("127.0.0.71")) {
				t.Error("a registration outlived its connection, or the address is forgotten")
			}
		})
	}
}

// A scanner of the kind of svmap sends OPTIONS, REGISTER and INVITE with the
// usual extensions to the address that it found, not to our name.
// Proves: E14, issue 6 (scanners see nothing), F-10
func TestAScanSeesNothing(t *testing.T) {
	r := newRig(t, "udp")
	p := r.dial(t, "udp", "127.0.0.72")
	address := r.edge.Listeners()[0].Addr.String()
	for _, user := range []string{"100", "101", "1000", "2001", "admin", "911"} {
		for _, method := range []string{"OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "NOTIFY"} {
			p.ask(method, "sip:"+user+"@"+address, "Contact: <sip:100@1.1.1.1>")
		}
	}
	// The one thing that is answered is a call, and that is refused. It is the
	// first answer at all.
	p.ask("INVITE", "sip:911@"+address, "Contact: <sip:100@1.1.1.1>")
	start, h := p.answer()
	if !strings.HasPrefix(start, "SIP/2.0 403 ") || h.Get("Cseq") != fmt.Sprintf("%d INVITE", p.n) {
		t.Errorf("the scanner sees %s of %s", start, h.Get("Cseq"))
	}
	if h.Get("Server")+h.Get("User-Agent")+h.Get("Allow") != "" {
		t.Errorf("the answer tells who we are: %v", h)
	}
	select {
	case a := <-r.alarms:
		if a.Code != sipedge.AlarmUnknownSource || !a.Emergency {
			t.Errorf("alarm %+v", a)
		}
	case <-time.After(patience):
		t.Error("no alarm")
	}
	if len(r.legs) != 0 || r.reg.Known(netip.MustParseAddr("127.0.0.72")) {
		t.Error("the scanner got a call through, or is known")
	}
	// Even with our name it learns nothing of who there is.
	var seen []string
	for _, user := range []string{"2001", "2999"} {
		p.ask("REGISTER", "sip:harbor.example", "Authorization: Digest username=\""+user+"\", realm=\"harbor.example\", nonce=\"x\", uri=\"sip:harbor.example\", response=\"0123\"")
		start, _ := p.answer()
		seen = append(seen, start)
	}
	if seen[0] != seen[1] {
		t.Errorf("users are told apart: %v", seen)
	}
}
