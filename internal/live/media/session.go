package media

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// What Play refuses with.
var (
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("media session is closed")
	// ErrPlaying: something else is being played.
	ErrPlaying = errors.New("media session is playing")
)

// Stats counts packets since the session was opened.
type Stats struct {
	Sent     uint64
	Received uint64 // audio and events, of the other side
	Ignored  uint64 // from elsewhere, malformed, or of a payload type not agreed
}

// Session is one audio stream. Safe for concurrent use. Close it.
type Session struct {
	conn    *net.UDPConn
	public  netip.AddrPort // as written in SDP
	from    netip.Addr     // where SIP came from
	id      uint64         // of the session in SDP
	digits  chan rune
	stop    context.CancelFunc
	ctx     context.Context // of the sender; ends with Close
	running sync.WaitGroup
	start   sync.Once

	mu      sync.Mutex
	version uint64 // of the description
	local   []byte
	agreed  bool
	with    agreement
	latch   latch
	event   digits
	out     sender
	playing *play
	mirror  *mirror // nil: nothing is sent back
	stats   Stats
}

// play is sound on its way out.
type play struct {
	left []int16
	done chan struct{}
}

func newSession(cfg Config, conn *net.UDPConn, from netip.Addr) *Session {
	bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Session{
		conn: conn, public: netip.AddrPortFrom(cfg.Public, bound.Port()), from: from.Unmap(),
		id: rand.Uint64N(1 << 62), digits: make(chan rune, 16), stop: cancel, ctx: ctx, out: newSender(),
	}
	s.running.Go(s.receive)
	return s
}

// SDP is our present description: answer or offer.
func (s *Session) SDP() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.local
}

// Accept takes the answer to our offer.
func (s *Session) Accept(answer []byte) error {
	d, err := parse(answer)
	if err != nil {
		return err
	}
	a, err := d.pick(s.public.Addr().Is4())
	if err != nil {
		return err
	}
	s.agree(a)
	return nil
}

// Renegotiate takes the offer of a re-INVITE and returns the answer. When it
// refuses, all stays as it was (RFC 3264, section 8).
func (s *Session) Renegotiate(offer []byte) ([]byte, error) {
	d, err := parse(offer)
	if err != nil {
		return nil, err
	}
	a, err := d.pick(s.public.Addr().Is4())
	if err != nil {
		return nil, err
	}
	s.agree(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.local = s.describe(d, a)
	return s.local, nil
}

// Reoffer returns the offer for a re-INVITE without SDP; Accept takes its answer.
func (s *Session) Reoffer() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.local = s.describeOffer()
	return s.local
}

func (s *Session) agree(a agreement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.agreed || a.to != s.with.to {
		s.latch = latch{signalled: a.to, sip: s.from}
	}
	s.with, s.agreed = a, true
}

// HasDigits reports whether the other side can send telephone events.
func (s *Session) HasDigits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agreed && s.with.events >= 0
}

// Digits brings each key pressed once: 0 to 9, * # A B C D. Sixteen are kept for
// a slow reader, later ones dropped. It is never closed.
func (s *Session) Digits() <-chan rune { return s.digits }

// Stats counts packets.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Start begins to send: silence until there is something to play. Further calls
// do nothing.
func (s *Session) Start() {
	s.start.Do(func() {
		s.running.Go(func() { pace(s.ctx, s.tick) })
	})
}

// Play sends 8 kHz samples and returns when the last of them was handed to the
// socket, when ctx ends, or when the session is closed; what is left then is not
// sent. While the other side holds the call, Play waits.
func (s *Session) Play(ctx context.Context, pcm []int16) error {
	if len(pcm) == 0 {
		return nil
	}
	p := &play{left: pcm, done: make(chan struct{})}
	s.mu.Lock()
	if s.playing != nil {
		s.mu.Unlock()
		return ErrPlaying
	}
	s.playing = p
	s.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.playing == p {
		s.playing = nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("play: %w", err)
	}
	return ErrClosed
}

// Close ends the session and waits for its goroutines.
func (s *Session) Close() error {
	s.stop()
	err := s.conn.Close()
	s.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close media: %w", err)
	}
	return nil
}

// tick sends the frame that is due.
func (s *Session) tick(skipped uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.skip(skipped)
	to := s.latch.to()
	if !s.agreed || !s.with.send || !to.IsValid() {
		s.out.skip(1)
		return
	}
	var frame [frameSamples]int16 // silence
	var ended chan struct{}
	if p := s.playing; p != nil {
		p.left = p.left[copy(frame[:], p.left):]
		if len(p.left) == 0 {
			s.playing, ended = nil, p.done
		}
	}
	packet := s.out.packet(s.with.law, s.with.audio, frame[:])
	// The socket's buffer takes it or it is lost, as on any network; a stream in
	// real time has no use for a second try.
	if _, err := s.conn.WriteToUDPAddrPort(packet, to); err == nil {
		s.stats.Sent++
	}
	if ended != nil {
		close(ended)
	}
}

// receive reads until the socket is closed.
func (s *Session) receive() {
	buf := make([]byte, 2048)
	for failures := 0; failures < 100; {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failures++ // of the network, such as an ICMP error; never for ever
			continue
		}
		failures = 0
		s.packet(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), time.Now())
	}
}

// packet takes what came in: an event is read, audio is dropped.
func (s *Session) packet(b []byte, from netip.AddrPort, at time.Time) {
	var p rtp.Packet
	err := p.Unmarshal(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	event := int(p.PayloadType) == s.with.events
	if err != nil || p.Version != 2 || !s.agreed || (p.PayloadType != s.with.audio && !event) || !s.latch.accept(from, at) {
		s.stats.Ignored++
		return
	}
	s.stats.Received++
	if !event {
		s.sendBack(&p)
		return
	}
	if key, ok := s.event.read(p.SSRC, p.Timestamp, p.Payload); ok {
		select {
		case s.digits <- key:
		default:
		}
	}
}
