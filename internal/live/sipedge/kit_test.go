package sipedge_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// patience bounds every wait of a test; nothing waits for it when all is well.
const patience = 10 * time.Second

// quick are timers for tests: T1 of 20 ms makes 64*T1 1.28 s.
var quick = sipedge.Timers{T1: 20 * time.Millisecond, T2: 160 * time.Millisecond, T4: 200 * time.Millisecond, Partial: 200 * time.Millisecond}

// rig is an edge under test. Addresses from 127.0.0.60 on are strangers.
type rig struct {
	t      *testing.T
	edge   *sipedge.Edge
	udp    netip.AddrPort
	tcp    netip.AddrPort
	legs   chan *sipedge.Leg
	alarms chan sipedge.Alarm
	log    *lockedBuffer
	stop   func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func emergency(uri string) bool {
	return strings.Contains(uri, "911") || strings.HasPrefix(uri, "urn:service:sos")
}

func known(s sipedge.Source) bool { return s.Addr.IsLoopback() && s.Addr.As4()[3] < 60 }

func newRig(t *testing.T, change func(*sipedge.Config)) *rig {
	t.Helper()
	r := &rig{t: t, legs: make(chan *sipedge.Leg, 1024), alarms: make(chan sipedge.Alarm, 1024), log: &lockedBuffer{}}
	loop := netip.MustParseAddrPort("127.0.0.2:0")
	cfg := sipedge.Config{
		Listen:    []sipedge.Listener{{Network: "udp", Addr: loop}, {Network: "tcp", Addr: loop}},
		Known:     known,
		Emergency: emergency,
		Handle: func(ctx context.Context, l *sipedge.Leg) {
			r.legs <- l
			<-ctx.Done()
		},
		Alarm:  func(a sipedge.Alarm) { r.alarms <- a },
		Log:    slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Timers: quick,
	}
	if change != nil {
		change(&cfg)
	}
	e, err := sipedge.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.edge = e
	for _, l := range e.Listeners() {
		if l.Network == "udp" {
			r.udp = l.Addr
		} else {
			r.tcp = l.Addr
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run returned %v", err)
			}
		case <-time.After(patience):
			var b bytes.Buffer
			_ = pprof.Lookup("goroutine").WriteTo(&b, 2)
			t.Fatalf("Run did not return:\n%s", b.String())
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *rig) addr(network string) netip.AddrPort {
	if network == "tcp" {
		return r.tcp
	}
	return r.udp
}

func (r *rig) leg() *sipedge.Leg {
	r.t.Helper()
	select {
	case l := <-r.legs:
		return l
	case <-time.After(patience):
		r.t.Fatal("no call was delivered")
		return nil
	}
}

func (r *rig) alarm() sipedge.Alarm {
	r.t.Helper()
	select {
	case a := <-r.alarms:
		return a
	case <-time.After(patience):
		r.t.Fatal("no alarm was raised")
		return sipedge.Alarm{}
	}
}

// event returns the next event, which must be of the kind.
func event(t *testing.T, l *sipedge.Leg, kind sipedge.EventKind) sipedge.Event {
	t.Helper()
	select {
	case ev, ok := <-l.Events():
		if !ok {
			t.Fatalf("events ended, want %s", kind)
		}
		if ev.Kind != kind {
			t.Fatalf("event = %s %d %v, want %s", ev.Kind, ev.Code, ev.Err, kind)
		}
		return ev
	case <-time.After(patience):
		t.Fatalf("no event, want %s", kind)
		return sipedge.Event{}
	}
}

// isOver wants no further event.
func isOver(t *testing.T, l *sipedge.Leg) {
	t.Helper()
	select {
	case ev, ok := <-l.Events():
		if ok {
			t.Fatalf("event %s %d after the end", ev.Kind, ev.Code)
		}
	case <-time.After(patience):
		t.Fatal("leg is not over")
	}
}

// msg is a message as the test's own reader sees it: lines, nothing more.
type msg struct {
	raw   string
	start string
	lines []string
	body  string
	from  netip.AddrPort
}

func (m msg) all(name string) []string {
	var vs []string
	for _, l := range m.lines {
		if k, v, ok := strings.Cut(l, ": "); ok && k == name {
			vs = append(vs, v)
		}
	}
	return vs
}

func (m msg) get(name string) string {
	if vs := m.all(name); len(vs) > 0 {
		return vs[0]
	}
	return ""
}

func (m msg) code() int {
	f := strings.Fields(m.start)
	if len(f) < 2 || f[0] != "SIP/2.0" {
		return 0
	}
	n, _ := strconv.Atoi(f[1])
	return n
}

func (m msg) method() string { return strings.Fields(m.start)[0] }

func (m msg) tag(name string) string {
	_, v, _ := strings.Cut(m.get(name), ";tag=")
	v, _, _ = strings.Cut(v, ";")
	return v
}

func (m msg) branch() string {
	_, v, _ := strings.Cut(m.get("Via"), ";branch=")
	v, _, _ = strings.Cut(v, ";")
	return v
}

func readMsg(raw string) msg {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	return msg{raw: raw, start: lines[0], lines: lines[1:], body: body}
}

// peer is the test's own SIP end: it sends text and reads text.
type peer struct {
	t       *testing.T
	network string
	local   netip.AddrPort
	udp     *net.UDPConn
	tcp     net.Conn
	rd      *bufio.Reader
	dest    netip.AddrPort
}

// newPeer opens a socket at ip; over TCP it connects to the edge.
func newPeer(t *testing.T, network, ip string, dest netip.AddrPort) *peer {
	t.Helper()
	p := &peer{t: t, network: network, dest: dest}
	if network == "udp" {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(ip+":0")))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		p.udp, p.local = c, c.LocalAddr().(*net.UDPAddr).AddrPort()
		return p
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: patience}
	c, err := d.Dial("tcp", dest.String())
	if err != nil {
		t.Fatal(err)
	}
	return p.over(c)
}

func (p *peer) over(c net.Conn) *peer {
	p.t.Cleanup(func() { _ = c.Close() })
	p.network, p.tcp, p.rd = "tcp", c, bufio.NewReader(c)
	p.local = c.LocalAddr().(*net.TCPAddr).AddrPort()
	return p
}

func (p *peer) send(raw string) {
	p.t.Helper()
	var err error
	if p.udp != nil {
		_, err = p.udp.WriteToUDPAddrPort([]byte(raw), p.dest)
	} else {
		_, err = io.WriteString(p.tcp, raw)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// recv returns the next message. What the edge writes must also be readable by
// a parser that is not ours.
func (p *peer) recv() msg {
	p.t.Helper()
	m, err := p.try(patience)
	if err != nil {
		p.t.Fatalf("nothing was received: %v", err)
	}
	if _, err := sip.ParseMessage([]byte(m.raw)); err != nil {
		p.t.Fatalf("sipgo cannot read what was sent: %v\n%s", err, m.raw)
	}
	return m
}

func (p *peer) try(d time.Duration) (msg, error) {
	if p.udp != nil {
		buf := make([]byte, 65536)
		_ = p.udp.SetReadDeadline(time.Now().Add(d))
		n, from, err := p.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return msg{}, err
		}
		m := readMsg(string(buf[:n]))
		m.from = from
		return m, nil
	}
	_ = p.tcp.SetReadDeadline(time.Now().Add(d))
	var b strings.Builder
	length := 0
	for {
		line, err := p.rd.ReadString('\n')
		if err != nil {
			return msg{}, err
		}
		if b.Len() == 0 && line == "\r\n" {
			continue
		}
		b.WriteString(line)
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(p.rd, body); err != nil {
		return msg{}, err
	}
	m := readMsg(b.String() + string(body))
	m.from = p.tcp.RemoteAddr().(*net.TCPAddr).AddrPort()
	return m, nil
}

// until skips repetitions and returns the first message that fits.
func (p *peer) until(what string, fits func(msg) bool) msg {
	p.t.Helper()
	for range 200 {
		if m := p.recv(); fits(m) {
			return m
		}
	}
	p.t.Fatalf("no %s came", what)
	return msg{}
}

func (p *peer) status(code int) msg {
	p.t.Helper()
	return p.until(strconv.Itoa(code), func(m msg) bool { return m.code() == code })
}

func (p *peer) request(method string) msg {
	p.t.Helper()
	return p.until(method, func(m msg) bool { return m.code() == 0 && m.method() == method })
}

// out makes a request by hand.
type out struct {
	method, uri, branch, fromTag, toTag, callID string
	seq                                         int
	extra                                       []string
	body, ctype                                 string
}

var serial = struct {
	sync.Mutex
	n int
}{}

func unique(prefix string) string {
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	return fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), serial.n)
}

func newInvite(uri string) out {
	return out{method: "INVITE", uri: uri, branch: unique("z9hG4bK"), fromTag: unique("f"), callID: unique("c"), seq: 1}
}

const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.11\r\ns=-\r\nc=IN IP4 127.0.0.11\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

func (o out) text(p *peer) string {
	var b strings.Builder
	line := func(f string, args ...any) { fmt.Fprintf(&b, f+"\r\n", args...) }
	line("%s %s SIP/2.0", o.method, o.uri)
	line("Via: SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(p.network), p.local, o.branch)
	line("Max-Forwards: 70")
	line("From: \"Desk\" <sip:2101@harbor.example>;tag=%s", o.fromTag)
	if o.toTag != "" {
		line("To: <sip:911@callbox.example>;tag=%s", o.toTag)
	} else {
		line("To: <sip:911@callbox.example>")
	}
	line("Call-ID: %s", o.callID)
	line("CSeq: %d %s", o.seq, o.method)
	if o.method == "INVITE" {
		line("Contact: <sip:2101@%s;transport=%s>", p.local, p.network)
	}
	for _, e := range o.extra {
		line("%s", e)
	}
	if o.body != "" {
		line("Content-Type: %s", o.ctype)
	}
	line("Content-Length: %d", len(o.body))
	return b.String() + "\r\n" + o.body
}

// with returns the next request of the same dialog.
func (o out) with(method, toTag string, seq int) out {
	o.method, o.toTag, o.seq, o.branch = method, toTag, seq, unique("z9hG4bK")
	o.body, o.ctype, o.extra = "", "", nil
	return o
}

// respond answers a request of the edge by hand.
func (p *peer) respond(m msg, code int, tag string, body string, extra ...string) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Because\r\n", code)
	for _, v := range m.all("Via") {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	to := m.get("To")
	if tag != "" && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", m.get("From"), to, m.get("Call-ID"), m.get("CSeq"))
	for _, e := range extra {
		b.WriteString(e + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.dest = m.from
	p.send(b.String())
}

func (p *peer) contact() string { return fmt.Sprintf("Contact: <sip:psap@%s>", p.local) }

// shared finds the project's reference material, which is not in the
// repository.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	base := os.Getenv("CALLBOX_SHARED")
	if base == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for dir != "/" {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			dir = filepath.Dir(dir)
		}
		base = filepath.Join(dir, "..", "shared")
	}
	full := filepath.Join(append([]string{base}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("reference material is not here (set CALLBOX_SHARED): %v", err)
	}
	return full
}
