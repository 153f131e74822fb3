package media

import (
	"context"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp"
)

type event struct {
	ssrc, at uint32
	code     byte
	duration uint16
	end      bool
}

func (e event) payload() []byte {
	b := []byte{e.code, 10, 0, 0}
	if e.end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], e.duration)
	return b
}

// press is a key held for 100 ms: five packets, then the end three times.
func press(at uint32, code byte) []event {
	var all []event
	for d := uint16(160); d <= 800; d += 160 {
		all = append(all, event{7, at, code, d, false})
	}
	e := event{7, at, code, 960, true}
	return append(all, e, e, e)
}

// Proves: W-50, F-32
func TestKeysCountOnce(t *testing.T) {
	long := press(1000, 1)[:5]
	tests := []struct {
		name string
		in   []event
		want string
	}{
		{"one press", press(1000, 1), "1"},
		{"two presses of one key", slices.Concat(press(1000, 1), press(4000, 1)), "11"},
		{"two presses close to each other", slices.Concat(press(1000, 1), press(2060, 1)), "11"},
		{"all keys", slices.Concat(press(0, 0), press(2000, 9), press(4000, 10), press(6000, 11), press(8000, 12), press(9900, 15)), "09*#AD"},
		{"every end lost", slices.Concat(long, press(4000, 2)), "12"},
		{"only an end comes through", press(1000, 5)[7:], "5"},
		{"late packets of the key before", slices.Concat(press(1000, 1), press(4000, 2), press(1000, 1)[5:]), "12"},
		{"a long press in segments", []event{{7, 1000, 1, 65535, false}, {7, 1000 + 65535, 1, 800, false}, {7, 1000 + 65535, 1, 900, true}}, "1"},
		{"a sender that moves the timestamp", []event{{7, 1000, 1, 160, false}, {7, 1160, 1, 320, false}, {7, 1320, 1, 480, true}, {7, 1320, 1, 480, true}}, "1"},
		{"timestamps that wrap round", slices.Concat(press(1<<32-100, 1), press(5000, 2)), "12"},
		{"another source", slices.Concat(press(1000, 1), []event{{8, 900, 1, 160, true}}), "11"},
		{"flash and tones are no keys", []event{{7, 1, 16, 100, true}, {7, 2, 32, 100, true}, {7, 3, 255, 100, true}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d digits
			got := ""
			for _, e := range tt.in {
				if key, ok := d.read(e.ssrc, e.at, e.payload()); ok {
					got += string(key)
				}
			}
			if got != tt.want {
				t.Errorf("keys %q, want %q", got, tt.want)
			}
		})
	}
	var d digits
	if _, ok := d.read(1, 1, []byte{1, 0, 0}); ok {
		t.Error("three bytes are a key")
	}
}

// Proves: E7, W-50
func TestSoundGoesToTheCallerAndNoStranger(t *testing.T) {
	ap := netip.MustParseAddrPort
	type packet struct {
		from string
		at   time.Duration
		want bool   // accepted
		to   string // where sound goes after it
	}
	tests := []struct {
		name      string
		signalled string
		packets   []packet
	}{
		{"as the SDP says", "192.0.2.1:4000", []packet{{"192.0.2.1:4000", 0, true, "192.0.2.1:4000"}}},
		{"another port of the same host", "192.0.2.1:4000", []packet{{"192.0.2.1:5000", 0, true, "192.0.2.1:5000"}}},
		{"a stranger first", "192.0.2.1:4000", []packet{
			{"203.0.113.66:4000", 0, false, "192.0.2.1:4000"},
			{"192.0.2.1:4000", 20 * time.Millisecond, true, "192.0.2.1:4000"},
			{"203.0.113.66:4000", time.Minute, false, "192.0.2.1:4000"},
		}},
		{"the host of SIP", "192.0.2.1:4000", []packet{{"198.51.100.9:6000", 0, true, "198.51.100.9:6000"}}},
		{"behind a translator", "10.1.2.3:4000", []packet{
			{"203.0.113.5:40000", 0, true, "203.0.113.5:40000"},
			{"203.0.113.66:4000", 20 * time.Millisecond, false, "203.0.113.5:40000"},
			{"10.9.9.9:4000", 20 * time.Millisecond, false, "203.0.113.5:40000"},
			{"10.1.2.3:4000", 40 * time.Millisecond, true, "10.1.2.3:4000"}, // the address of the SDP wins
		}},
		{"a translator that binds anew", "10.1.2.3:4000", []packet{
			{"203.0.113.5:40000", 0, true, "203.0.113.5:40000"},
			{"203.0.113.5:50000", time.Second, false, "203.0.113.5:40000"},
			{"203.0.113.5:50000", 2 * time.Second, true, "203.0.113.5:50000"},
		}},
		{"no address in the SDP", "", []packet{
			{"203.0.113.66:4000", 0, false, ""},
			{"198.51.100.9:6000", 0, true, "198.51.100.9:6000"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := latch{sip: netip.MustParseAddr("198.51.100.9")}
			if tt.signalled != "" {
				l.signalled = ap(tt.signalled)
			}
			start := time.Now()
			for i, p := range tt.packets {
				if got := l.accept(ap(p.from), start.Add(p.at)); got != p.want {
					t.Errorf("packet %d from %s: accepted %v, want %v", i, p.from, got, p.want)
				}
				var want netip.AddrPort
				if p.to != "" {
					want = ap(p.to)
				}
				if l.to() != want {
					t.Errorf("after packet %d sound goes to %v, want %v", i, l.to(), want)
				}
			}
		})
	}
}

// Proves: F-32
func TestPaceIsKeptByOneClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type tick struct {
			At      time.Duration
			Skipped uint32
		}
		var got []tick
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 390*time.Millisecond)
		defer cancel()
		pace(ctx, func(skipped uint32) {
			got = append(got, tick{time.Since(start), skipped})
			switch len(got) {
			case 3:
				<-time.After(50 * time.Millisecond) // late: caught up with, none left out
			case 8:
				<-time.After(130 * time.Millisecond) // stopped: a gap, no burst
			}
		})
		ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		want := []tick{
			{ms(0), 0},
			{ms(20), 0},
			{ms(40), 0},
			{ms(90), 0},
			{ms(90), 0},
			{ms(100), 0},
			{ms(120), 0},
			{ms(140), 0},
			{ms(270), 5},
			{ms(280), 0},
			{ms(300), 0},
			{ms(320), 0},
			{ms(340), 0},
			{ms(360), 0},
			{ms(380), 0},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("frames (-want +got):\n%s", diff)
		}
	})
}

// Proves: F-32
func TestPacketsAreNumbered(t *testing.T) {
	s := newSender()
	s.seq, s.timestamp = 0xffff, 0xffffffff // both wrap round
	first := s.timestamp
	frame := make([]int16, frameSamples)
	read := func(b []byte) rtp.Packet {
		var p rtp.Packet
		if err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct {
		skip   uint32
		seq    uint16
		after  uint32 // of timestamp
		marker bool
	}{
		{0, 0xffff, 0, true}, {0, 0, 160, false}, {0, 1, 320, false}, {5, 2, 320 + 6*160, true}, {0, 3, 320 + 7*160, false},
	}
	for i, tt := range tests {
		s.skip(tt.skip)
		p := read(s.packet(aLaw, 8, frame))
		if p.SequenceNumber != tt.seq || p.Timestamp-first != tt.after || p.Marker != tt.marker || p.SSRC != s.ssrc ||
			p.Version != 2 || p.PayloadType != 8 || len(p.Payload) != 160 || p.Payload[0] != 0xd5 {
			t.Errorf("packet %d: %+v, want %+v", i, p.Header, tt)
		}
	}
}

// Proves: W-50
func FuzzPacket(f *testing.F) {
	s := newSender()
	f.Add(slices.Clone(s.packet(muLaw, 0, make([]int16, frameSamples))))
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0x80, 0, 160})
	f.Add([]byte{0xbf, 0xff, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		from := netip.MustParseAddrPort("192.0.2.1:4000")
		s := &Session{digits: make(chan rune, 16), agreed: true, with: agreement{audio: 0, events: 101}, latch: latch{signalled: from}}
		s.packet(b, from, time.Time{})
		if s.stats.Received+s.stats.Ignored != 1 || len(s.digits) > 1 {
			t.Errorf("one packet counts as %+v with %d keys", s.stats, len(s.digits))
		}
	})
}
