package media

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

// mediaLoopback is the kind of loopback that we take part in: what comes is sent
// back as a stream of our own (RFC 6849, section 5.1). Packets inside packets
// (rtp-pkt-loopback) are not.
const mediaLoopback = "rtp-media-loopback"

// mirror is our part in a loopback.
type mirror struct {
	left int // packets that are still sent back
	sent int
	over chan struct{} // closed when left is 0
}

// offersLoopback reports a stream whose sender wants to hear it again.
func (s *stream) offersLoopback() bool { return s.source && slices.Contains(s.loops, mediaLoopback) }

// Loop answers an offer as Answer does; when it asks for a loopback (RFC 6849),
// the first packets of sound, most at most, are sent back, and looped is closed
// after the last of them. Looped is nil where nothing of that kind was offered.
// Start is not to be called then: nothing else is sent.
func (p *Ports) Loop(offer []byte, from netip.Addr, most int) (s *Session, looped <-chan struct{}, err error) {
	d, err := parse(offer)
	if err != nil {
		return nil, nil, err
	}
	a, err := d.pick(p.cfg.Public.Is4())
	if err != nil {
		return nil, nil, err
	}
	if s, err = p.open(from); err != nil {
		return nil, nil, err
	}
	a.loop = d.streams[a.index].offersLoopback() && most > 0
	s.agree(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.loop {
		s.mirror = &mirror{left: most, over: make(chan struct{})}
		looped = s.mirror.over
	}
	s.local = s.describe(d, a)
	return s, looped, nil
}

// Mirrored is how many packets were sent back.
func (s *Session) Mirrored() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mirror == nil {
		return 0
	}
	return s.mirror.sent
}

// attributes of a stream whose sound we send back.
func loopAttributes() []sdp.Attribute {
	return []sdp.Attribute{sdp.NewAttribute("loopback", mediaLoopback), sdp.NewPropertyAttribute("loopback-mirror")}
}

// sendBack sends a packet of sound back. The caller has the lock.
func (s *Session) sendBack(p *rtp.Packet) {
	m := s.mirror
	to := s.latch.to()
	if m == nil || m.left == 0 || !to.IsValid() || !s.with.send {
		return
	}
	if _, err := s.conn.WriteToUDPAddrPort(s.out.same(p), to); err == nil {
		s.stats.Sent++
		m.sent++
	}
	if m.left--; m.left == 0 {
		close(m.over)
	}
}

// same is the other side's sound as the next packet of ours: the timestamps keep
// their distance, number and source are our own.
func (s *sender) same(p *rtp.Packet) []byte {
	b := make([]byte, 12, 12+len(p.Payload))
	b[0], b[1] = 2<<6, p.PayloadType
	if p.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], s.timestamp+p.Timestamp)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.seq++
	return append(b, p.Payload...)
}
