package media

import (
	"encoding/binary"
	"math/rand/v2"
)

// sender numbers the packets of one stream (RFC 3550, section 5.1). All three
// numbers start at random.
type sender struct {
	ssrc      uint32
	seq       uint16
	timestamp uint32
	marker    bool // the next packet begins a talkspurt
	buf       [12 + frameSamples]byte
}

func newSender() sender {
	return sender{ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), timestamp: rand.Uint32(), marker: true}
}

// skip leaves frames out: time passes, nothing is sent, and what comes then is
// marked (RFC 3551, section 4.1).
func (s *sender) skip(frames uint32) {
	if frames > 0 {
		s.timestamp += frames * frameSamples
		s.marker = true
	}
}

// packet returns the next packet; it is valid until the next call.
func (s *sender) packet(l law, payloadType uint8, frame []int16) []byte {
	s.buf[0] = 2 << 6 // version 2; no padding, extension or sources
	s.buf[1] = payloadType
	if s.marker {
		s.buf[1] |= 0x80
	}
	binary.BigEndian.PutUint16(s.buf[2:], s.seq)
	binary.BigEndian.PutUint32(s.buf[4:], s.timestamp)
	binary.BigEndian.PutUint32(s.buf[8:], s.ssrc)
	l.encode(s.buf[12:], frame)
	s.seq++
	s.timestamp += frameSamples
	s.marker = false
	return s.buf[:]
}
