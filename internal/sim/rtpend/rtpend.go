// Package rtpend is the sound of a simulated phone or PSAP: RTP in PCMU over a
// UDP socket (RFC 3550, RFC 3551), telephone events (RFC 4733), and what was
// heard.
package rtpend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/zaf/g711"
)

const (
	frame     = 160 // samples in 20 ms at 8 kHz
	eventType = 101 // telephone-event
	maxHeard  = 8000 * 600
)

// End is one RTP endpoint. Safe for concurrent use.
type End struct {
	conn *net.UDPConn

	mu     sync.Mutex
	remote netip.AddrPort
	echo   bool
	heard  []byte // payload as it came, PCMU
	got    int    // packets
	digits chan byte
	seq    uint16
	ts     uint32
}

// Listen binds a port of the address.
func Listen(addr netip.Addr) (*End, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return nil, fmt.Errorf("listen for rtp: %w", err)
	}
	return &End{conn: conn, digits: make(chan byte, 16), seq: 1, ts: 8000}, nil
}

// SDP describes this end (RFC 4566); direction is sendrecv, sendonly ...
func (e *End) SDP(direction string) []byte {
	a := e.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	family := "IP4"
	if a.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=sim 1 1 IN %[5]s %[1]s\r\ns=-\r\nc=IN %[5]s %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0 %[3]d\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:%[3]d telephone-event/8000\r\na=fmtp:%[3]d 0-15\r\na=%[4]s\r\n", a.Addr(), a.Port(), eventType, direction, family)
}

var (
	connLine  = regexp.MustCompile(`(?m)^c=IN (?:IP4 ([0-9.]+)|IP6 ([0-9a-fA-F:.]+))`)
	audioLine = regexp.MustCompile(`(?m)^m=audio (\d+)`)
)

// Connect sends to where the other side's SDP says.
func (e *End) Connect(sdp []byte) error {
	c, m := connLine.FindSubmatch(sdp), audioLine.FindSubmatch(sdp)
	if c == nil || m == nil {
		return fmt.Errorf("session description without audio")
	}
	addr, err := netip.ParseAddr(string(c[1]) + string(c[2]))
	if err != nil {
		return fmt.Errorf("session description: %w", err)
	}
	port, err := strconv.ParseUint(string(m[1]), 10, 16)
	if err != nil {
		return fmt.Errorf("session description: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remote = netip.AddrPortFrom(addr, uint16(port))
	return nil
}

// Echo makes the end send back what it hears.
func (e *End) Echo() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.echo = true
}

// Heard returns the samples heard so far, 8 kHz linear, and the packets.
func (e *End) Heard() ([]byte, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return g711.DecodeUlaw(e.heard), e.got
}

// Close gives the port back of an end that was never run.
func (e *End) Close() { e.conn.Close() }

// Digits brings the telephone events heard.
func (e *End) Digits() <-chan byte { return e.digits }

// Run sends a quiet 400 Hz tone every 20 ms and takes what comes until ctx ends.
func (e *End) Run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { e.conn.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(e.receive)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	tone := ulawTone()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			e.mu.Lock()
			if !e.echo {
				e.send(0, tone, false)
			}
			e.ts += frame
			e.mu.Unlock()
		}
	}
	e.conn.Close()
	wg.Wait()
}

// send writes one packet; the caller holds the lock.
func (e *End) send(payloadType uint8, payload []byte, marker bool) {
	if !e.remote.IsValid() {
		return
	}
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: payloadType, SequenceNumber: e.seq, Timestamp: e.ts, SSRC: 0x51e, Marker: marker,
	}, Payload: payload}
	e.seq++
	if b, err := p.Marshal(); err == nil {
		_, _ = e.conn.WriteToUDPAddrPort(b, e.remote) // a lost packet is what networks do
	}
}

// Press sends one digit as a telephone event of 100 ms.
func (e *End) Press(ctx context.Context, digit byte) {
	event := byte(strings.IndexByte("0123456789*#", digit))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	e.mu.Lock()
	start := e.ts
	e.mu.Unlock()
	for i := 1; i <= 7; i++ {
		e.mu.Lock()
		now := e.ts
		e.ts = start // one event, one timestamp
		duration := uint16(min(i, 5)) * frame
		var end byte
		if i >= 5 { // the last packet is sent three times
			end = 0x80
		}
		e.send(eventType, []byte{event, end | 10, byte(duration >> 8), byte(duration)}, i == 1)
		e.ts = now
		e.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (e *End) receive() {
	buf := make([]byte, 2048)
	var lastEvent uint32
	for {
		n, _, err := e.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		e.mu.Lock()
		e.got++
		switch {
		case p.PayloadType == eventType && len(p.Payload) >= 4 && p.Payload[0] < 12:
			if p.Timestamp != lastEvent {
				lastEvent = p.Timestamp
				select {
				case e.digits <- "0123456789*#"[p.Payload[0]]:
				default:
				}
			}
		case p.PayloadType == 0:
			if len(e.heard) < maxHeard {
				e.heard = append(e.heard, p.Payload...)
			}
			if e.echo {
				e.send(0, p.Payload, false)
			}
		}
		e.mu.Unlock()
	}
}

// ulawTone is 20 ms of a quiet square wave of 400 Hz, 20 samples a period.
func ulawTone() []byte {
	pcm := make([]byte, 0, 2*frame)
	for i := range frame {
		v := int16(800)
		if i/10%2 == 1 {
			v = -800
		}
		pcm = append(pcm, byte(v), byte(uint16(v)>>8))
	}
	return g711.EncodeUlaw(pcm)
}
