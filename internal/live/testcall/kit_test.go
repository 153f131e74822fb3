package testcall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/voice"
)

var (
	_ Leg   = (*sipedge.Leg)(nil)
	_ Voice = (*voice.Speaker)(nil)
)

// leg is the caller's leg as the edge would drive it.
type leg struct {
	req      *sipedge.Request
	events   chan sipedge.Event
	answered chan sipedge.Message // of Answer
	again    chan reply           // of AnswerReInvite
	gone     bool                 // the caller cancelled before the answer

	mu       sync.Mutex
	rejected *reply
	bye      string
}

type reply struct {
	code int
	m    sipedge.Message
}

func newLeg(source, kind string, body []byte) *leg {
	return &leg{
		req:    &sipedge.Request{Method: "INVITE", URI: "sip:933@callbox", Body: body, ContentType: kind, Source: netip.MustParseAddrPort(source)},
		events: make(chan sipedge.Event, 64), answered: make(chan sipedge.Message, 1), again: make(chan reply, 1),
	}
}

func (l *leg) Request() *sipedge.Request    { return l.req }
func (l *leg) Events() <-chan sipedge.Event { return l.events }

func (l *leg) Answer(attempt int, m sipedge.Message) error {
	if l.gone {
		return sipedge.ErrOver
	}
	if attempt != 1 {
		return sipedge.ErrState
	}
	l.answered <- m
	return nil
}

func (l *leg) Reject(code int, _ string, h sipedge.Headers) error {
	if l.gone {
		return sipedge.ErrOver
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejected = &reply{code, sipedge.Message{Headers: h}}
	return nil
}

func (l *leg) AnswerReInvite(code int, _ string, m sipedge.Message) error {
	l.again <- reply{code, m}
	return nil
}

func (l *leg) Bye(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bye = reason
}

// hungUp is the reason of our BYE, empty when none was sent.
func (l *leg) hungUp() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bye
}

// markers is a voice whose every sentence is 60 ms of one level, so that the
// phone hears which sentence it is.
type markers struct {
	mu    sync.Mutex
	names []string
	kept  []string // what was made at start
	fails error    // all that was not made at start fails with it
}

var errNoVoice = errors.New("no voice")

func (v *markers) Say(_ context.Context, s string) (voice.Audio, error) {
	if a, ok := v.Kept(s); ok {
		return a, nil
	}
	if v.fails != nil {
		return nil, v.fails
	}
	return v.mark(s), nil
}

func (v *markers) Kept(s string) (voice.Audio, bool) {
	if !slices.Contains(v.kept, s) {
		return nil, false
	}
	return v.mark(s), true
}

// mark gives the sentence the level of a u-law code of its own: 0x80 is the
// loudest positive one.
func (v *markers) mark(s string) voice.Audio {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.Index(v.names, s)
	if i < 0 {
		i = len(v.names)
		v.names = append(v.names, s)
	}
	a := voice.Silence(60 * time.Millisecond)
	for k := range a {
		a[k] = int16((int(^byte(0x80+i)&0x0f)<<3+0x84)<<(^byte(0x80+i)>>4&7) - 0x84)
	}
	return a
}

func (v *markers) name(code byte) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := int(code) - 0x80; i >= 0 && i < len(v.names) {
		return v.names[i]
	}
	return ""
}

// phone is the caller's media, on a real socket.
type phone struct {
	t    *testing.T
	conn *net.UDPConn
	seq  uint16
	to   netip.AddrPort
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn}
}

func (p *phone) source() string { return "127.0.0.9:5060" }

func (p *phone) sdp(lines ...string) []byte {
	a := p.conn.LocalAddr().(*net.UDPAddr)
	b := fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d ", a.IP, a.Port)
	for _, l := range lines {
		b = append(b, l+"\r\n"...)
	}
	return b
}

// common is the offer of a phone that can send keys.
func (p *phone) common() []byte {
	return p.sdp("RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")
}

// follow learns where to send from our SDP.
func (p *phone) follow(m sipedge.Message) {
	p.t.Helper()
	var port int
	for line := range slices.Values(lines(m.Body)) {
		if n, _ := fmt.Sscanf(line, "m=audio %d", &port); n == 1 && port != 0 {
			p.to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
			return
		}
	}
	p.t.Fatalf("no audio in\n%s", m.Body)
}

func lines(b []byte) []string {
	var all []string
	start := 0
	for i, c := range b {
		if c == '\n' {
			all = append(all, string(b[start:i]))
			start = i + 1
		}
	}
	return all
}

// packet waits for the next one.
func (p *phone) packet() rtp.Packet {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, _, err := p.conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		p.t.Fatalf("no packet: %v", err)
	}
	var r rtp.Packet
	if err := r.Unmarshal(buf[:n]); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// hears waits until the sentence begins and returns what was heard before it,
// without what was still sounding.
func (p *phone) hears(v *markers, sentence string) (before []string) {
	p.t.Helper()
	last := "?"
	for range 3000 { // a minute
		name := v.name(p.packet().Payload[80])
		if name == sentence {
			return before
		}
		if name != "" && name != last {
			before = append(before, name)
		}
		last = name
	}
	p.t.Fatalf("never heard %q, but %q", sentence, before)
	return nil
}

// press sends a key as RFC 4733 does.
func (p *phone) press(key byte) {
	p.t.Helper()
	at := uint32(p.seq)*1600 + 8000
	for i := range 6 {
		e := []byte{key, 10, 0, 0}
		binary.BigEndian.PutUint16(e[2:], uint16(min(i+1, 4)*160))
		if i >= 3 {
			e[1] |= 0x80
		}
		p.seq++
		b, err := (&rtp.Packet{
			Header: rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: p.seq, Timestamp: at, SSRC: 9, Marker: i == 0}, Payload: e,
		}).Marshal()
		if err != nil {
			p.t.Fatal(err)
		}
		if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
			p.t.Fatal(err)
		}
	}
}

type result struct {
	spoken journal.Spoken
	err    error
}

// service on loopback, with a short wait for keys.
func service(t *testing.T, cfg Config) *Service {
	t.Helper()
	if cfg.Media == nil {
		m, err := media.New(media.Config{Addr: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Media = m
	}
	if cfg.Wait == 0 {
		cfg.Wait = 100 * time.Millisecond
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer lets the service answer the leg.
func answer(t *testing.T, s *Service, l *leg, r Readback) <-chan result {
	done := make(chan result, 1)
	go func() {
		spoken, err := s.Answer(t.Context(), l, r)
		done <- result{spoken, err}
	}()
	return done
}
