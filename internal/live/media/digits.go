package media

import "encoding/binary"

// digitNames are the events 0 to 15 of RFC 4733, section 3.2.
const digitNames = "0123456789*#ABCD"

// digits reads telephone events. A key press is many packets with one timestamp
// and growing duration, the last of them sent three times with the end bit; it
// counts once, when its first packet comes, so that lost ends do no harm.
type digits struct {
	started  bool
	ssrc     uint32
	at       uint32 // timestamp of the event
	code     byte
	duration uint32 // the longest seen, in timestamp units
	ended    bool
}

// slack is how far after the reported end of an event its next segment may
// begin: 50 ms.
const slack = 50 * samplesPerMs

// read returns the key of a new event.
func (d *digits) read(ssrc, timestamp uint32, payload []byte) (rune, bool) {
	if len(payload) < 4 || int(payload[0]) >= len(digitNames) {
		return 0, false
	}
	code, end, duration := payload[0], payload[1]&0x80 != 0, uint32(binary.BigEndian.Uint16(payload[2:]))
	if d.started && ssrc == d.ssrc {
		ahead := int32(timestamp - d.at)
		switch {
		case ahead == 0:
			d.duration, d.ended = max(d.duration, duration), d.ended || end
			return 0, false
		case ahead < 0: // of an event before this one, late
			return 0, false
		case code == d.code && !d.ended && uint32(ahead) <= d.duration+slack:
			// The next segment of a long press (RFC 4733, section 2.5.1.3), or a
			// sender that moves the timestamp with every packet.
			d.at, d.duration, d.ended = timestamp, duration, end
			return 0, false
		}
	}
	*d = digits{started: true, ssrc: ssrc, at: timestamp, code: code, duration: duration, ended: end}
	return rune(digitNames[code]), true
}
