package media

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/zaf/g711"
)

// phone is the other side, on a real socket.
type phone struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort
	seq  uint16
}

func newPhone(t *testing.T, host string) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn}
}

func (p *phone) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// offer is the phone's SDP.
func (p *phone) offer(lines ...string) []byte {
	a := p.addr()
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %d %s\r\n",
		a.Addr(), a.Port(), strings.Join(lines, "\r\n"))
}

type received struct {
	rtp.Packet
	at   time.Time
	from netip.AddrPort
}

// receive waits for a packet.
func (p *phone) receive() received {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	buf := make([]byte, 2048)
	n, from, err := p.conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		p.t.Fatalf("no packet: %v", err)
	}
	r := received{at: time.Now(), from: from}
	if err := r.Unmarshal(buf[:n]); err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *phone) send(payloadType uint8, timestamp uint32, payload []byte) {
	p.t.Helper()
	p.seq++
	b, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: p.seq, Timestamp: timestamp, SSRC: 7},
		Payload: payload,
	}).Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
		p.t.Fatal(err)
	}
}

// answered is a session on loopback that answers the phone's offer.
func answered(t *testing.T, p *phone, lines ...string) *Session {
	t.Helper()
	all, err := New(Config{Addr: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := all.Answer(p.offer(lines...), p.addr().Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	p.to = s.public
	return s
}

// ramp is a sound in which every frame differs.
func ramp(frames int) []int16 {
	out := make([]int16, frames*frameSamples)
	for i := range out {
		out[i] = int16(8000 * math.Sin(float64(i)*float64(1+i/frameSamples)/50))
	}
	return out
}

// Proves: W-50, F-32
func TestSoundOverRealSockets(t *testing.T) {
	t.Parallel()
	const frames = 100
	for name, tt := range map[string]struct {
		formats string
		pt      uint8
		decode  func([]byte) []byte
		encode  func(int16) uint8
	}{
		"PCMU": {"RTP/AVP 0", 0, g711.DecodeUlaw, g711.EncodeUlawFrame},
		"PCMA": {"RTP/AVP 8", 8, g711.DecodeAlaw, g711.EncodeAlawFrame},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPhone(t, "127.0.0.9")
			s := answered(t, p, tt.formats)
			s.Start()
			s.Start() // once is enough
			want := ramp(frames)
			played := make(chan error, 1)
			go func() { played <- s.Play(t.Context(), want) }()
			var got []received
			var sound []byte
			for len(sound) < len(want) {
				r := p.receive()
				silent := !slices.ContainsFunc(r.Payload, func(b byte) bool { return b != tt.encode(0) })
				if len(sound) > 0 || !silent {
					sound = append(sound, r.Payload...)
				}
				got = append(got, r)
			}
			if err := <-played; err != nil {
				t.Fatal(err)
			}
			for i, v := range want {
				if sound[i] != tt.encode(v) {
					t.Fatalf("sample %d came out as %#x, want %#x", i, sound[i], tt.encode(v))
				}
			}
			checkStream(t, got, tt.pt)
			if n := s.Stats().Sent; n < frames {
				t.Errorf("%d packets counted, want %d", n, frames)
			}
		})
	}
}

// checkStream looks at the packets as a receiver does.
func checkStream(t *testing.T, got []received, pt uint8) {
	t.Helper()
	first := got[0]
	var late []float64 // against the clock that the first packets give, in ms
	for i, r := range got {
		h := r.Header
		if h.SequenceNumber != first.SequenceNumber+uint16(i) || h.SSRC != first.SSRC || h.PayloadType != pt ||
			len(r.Payload) != frameSamples || h.Marker != (i == 0) || r.from != first.from {
			t.Fatalf("packet %d: %+v after %+v", i, h, first.Header)
		}
		elapsed := r.at.Sub(first.at).Seconds() * 1000
		late = append(late, elapsed-float64(h.Timestamp-first.Timestamp)/samplesPerMs)
	}
	// A busy machine delays single packets; it must not add up, and the stream
	// must not run ahead.
	begin, end := slices.Sorted(slices.Values(late[:25])), slices.Sorted(slices.Values(late[len(late)-25:]))
	if drift := end[12] - begin[12]; math.Abs(drift) > 25 {
		t.Errorf("after %d packets the stream is off by %.1f ms, want 25 at most", len(got), drift)
	}
	all := slices.Sorted(slices.Values(late))
	t.Logf("lateness: median %.2f ms, 95 %% %.2f ms, most %.2f ms", all[len(all)/2], all[len(all)*95/100], all[len(all)-1])
}

// Proves: W-50
func TestKeysComeThroughOnce(t *testing.T) {
	t.Parallel()
	p := newPhone(t, "127.0.0.9")
	s := answered(t, p, "RTP/AVP 0 97", "a=rtpmap:97 telephone-event/8000")
	if !s.HasDigits() {
		t.Fatal("no digits agreed")
	}
	for i, key := range []byte{9, 3, 3} {
		for _, e := range press(uint32(1000+3000*i), key) {
			p.send(97, e.at, e.payload())
		}
	}
	p.send(101, 90000, press(1, 5)[0].payload()) // not the payload type agreed
	got := ""
	for range 3 {
		got += string(<-s.Digits())
	}
	p.send(97, 100_000, press(1, 11)[0].payload())
	if got += string(<-s.Digits()); got != "933#" {
		t.Errorf("keys %q, want 933#", got)
	}
	if n := s.Stats(); n.Received != 25 || n.Ignored != 1 {
		t.Errorf("%+v, want 25 received, 1 ignored", n)
	}
}

// Proves: E7, W-50
func TestSoundFollowsTheCallerThroughATranslator(t *testing.T) {
	t.Parallel()
	signalled, real, stranger := newPhone(t, "127.0.0.9"), newPhone(t, "127.0.0.9"), newPhone(t, "127.0.0.66")
	s := answered(t, signalled, "RTP/AVP 0")
	real.to, stranger.to = signalled.to, signalled.to
	s.Start()
	signalled.receive()
	stranger.send(0, 0, make([]byte, frameSamples))
	real.send(0, 0, make([]byte, frameSamples))
	real.receive()
	if n := s.Stats(); n.Ignored != 1 || n.Received != 1 {
		t.Errorf("%+v, want the stranger ignored", n)
	}
	if err := stranger.conn.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := stranger.conn.ReadFromUDPAddrPort(make([]byte, 2048)); err == nil {
		t.Errorf("a stranger got %d bytes", n)
	}
}

// Proves: E8
func TestPlayingWaitsWhileTheCallIsHeld(t *testing.T) {
	t.Parallel()
	p := newPhone(t, "127.0.0.9")
	s := answered(t, p, "RTP/AVP 0", "a=sendonly")
	s.Start()
	played := make(chan error, 1)
	go func() { played <- s.Play(t.Context(), ramp(3)) }()
	select {
	case err := <-played:
		t.Fatalf("played to a caller on hold: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if n := s.Stats().Sent; n != 0 {
		t.Errorf("%d packets to a caller on hold", n)
	}
	if _, err := s.Renegotiate(p.offer("RTP/AVP 0")); err != nil {
		t.Fatal(err)
	}
	if err := <-played; err != nil {
		t.Fatal(err)
	}
	if r := p.receive(); !r.Marker {
		t.Error("the first packet after the hold is not marked")
	}
}

// Proves: W-50
func TestPlayEnds(t *testing.T) {
	t.Parallel()
	p := newPhone(t, "127.0.0.9")
	s := answered(t, p, "RTP/AVP 0", "a=sendonly") // nothing moves
	s.Start()
	ctx, stop := context.WithCancel(t.Context())
	played := make(chan error, 1)
	go func() { played <- s.Play(ctx, ramp(3)) }()
	for begun := false; !begun; runtime.Gosched() {
		s.mu.Lock()
		begun = s.playing != nil
		s.mu.Unlock()
	}
	if err := s.Play(t.Context(), ramp(1)); !errors.Is(err, ErrPlaying) {
		t.Errorf("playing two things: %v, want ErrPlaying", err)
	}
	stop()
	if err := <-played; !errors.Is(err, context.Canceled) {
		t.Errorf("Play = %v, want canceled", err)
	}
	if err := s.Play(t.Context(), nil); err != nil {
		t.Errorf("playing nothing: %v", err)
	}
	go func() { played <- s.Play(t.Context(), ramp(3)) }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-played; !errors.Is(err, ErrClosed) {
		t.Errorf("Play = %v, want ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
