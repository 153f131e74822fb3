package testcall

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

const loopLines = "a=loopback:rtp-pkt-loopback rtp-media-loopback"

func urnLeg(p *phone, accept string, sdp []byte) *leg {
	l := newLeg(p.source(), "application/sdp", sdp)
	l.req.URI = "urn:service:test.sos"
	if accept != "" {
		l.req.Headers = append(l.req.Headers, sipedge.Header{Name: "Accept", Value: accept})
	}
	return l
}

// answerURN lets the service answer the leg.
func askURN(t *testing.T, s *Service, l *leg, test URNTest) <-chan URNResult {
	done := make(chan URNResult, 1)
	go func() { done <- s.AnswerURN(t.Context(), l, test) }()
	return done
}

// The phone's own packets come back, three of them, and the call is over.
//
// Proves: F-28, E12, RFC 6881 section 15, RFC 6849 sections 4 and 5
func TestACallToATestURNHearsItselfAndReadsWhatCame(t *testing.T) {
	t.Parallel()
	p, s := newPhone(t), service(t, Config{Voice: &markers{}})
	l := urnLeg(p, "application/sdp, multipart/mixed, text/plain", p.sdp("RTP/AVP 0", loopLines, "a=loopback-source"))
	done := askURN(t, s, l, URNTest{Caller: "device 1", Text: "Service: urn:service:test.sos\r\n"})
	m := <-l.answered
	for _, want := range []string{"a=loopback:rtp-media-loopback\r\n", "a=loopback-mirror\r\n", "Content-Type: text/plain", "Service: urn:service:test.sos"} {
		if !strings.Contains(string(m.Body), want) {
			t.Errorf("the answer lacks %q:\n%s", want, m.Body)
		}
	}
	if !strings.HasPrefix(m.ContentType, "multipart/mixed") || strings.Contains(string(m.Body), "rtp-pkt-loopback") {
		t.Errorf("the answer is %s\n%s", m.ContentType, m.Body)
	}
	p.follow(m)
	var first rtp.Packet
	for i := range 3 {
		sound := bytes.Repeat([]byte{byte(0x90 + i)}, 160)
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 0, SequenceNumber: uint16(40 + i), Timestamp: uint32(160 * i), SSRC: 9}, Payload: sound}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
			t.Fatal(err)
		}
		got := p.packet()
		if i == 0 {
			first = got
		}
		if !bytes.Equal(got.Payload, sound) || got.SSRC == 9 || got.SSRC != first.SSRC || got.SequenceNumber != first.SequenceNumber+uint16(i) || got.Timestamp-first.Timestamp != uint32(160*i) {
			t.Errorf("packet %d came back as %+v", i, got.Header)
		}
	}
	if r := <-done; r != (URNResult{Code: 200, Why: "the sound was sent back", Loopback: true, Mirrored: 3}) {
		t.Errorf("%+v", r)
	}
	if l.hungUp() == "" {
		t.Error("no BYE was sent")
	}
}

// Proves: F-28, E9, RFC 6881 section 15
func TestTestURNsWithoutLoopback(t *testing.T) {
	t.Parallel()
	p := newPhone(t)
	for _, c := range []struct {
		name, accept string
		sdp          []byte
		text         bool // the answer holds it
		code         int
	}{
		{"a phone that reads SDP alone gets SDP alone", "", p.common(), false, 200},
		{"a phone that reads everything gets the text", "*/*", p.common(), true, 200},
		{"packets inside packets are not sent back", "", p.sdp("RTP/AVP 0", "a=loopback:rtp-pkt-loopback", "a=loopback-source"), false, 200},
		{"a phone without a codec of ours", "", p.sdp("RTP/AVP 18"), false, 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := urnLeg(p, c.accept, c.sdp)
			done := askURN(t, service(t, Config{Voice: &markers{}}), l, URNTest{Caller: "device 1", Text: "PSAP: somebody\r\n"})
			if c.code == 200 {
				m := <-l.answered
				if strings.Contains(string(m.Body), "PSAP: somebody") != c.text || strings.Contains(string(m.Body), "loopback") {
					t.Errorf("answered with %s\n%s", m.ContentType, m.Body)
				}
				l.events <- sipedge.Event{Kind: sipedge.ByeReceived}
			}
			if r := <-done; r.Code != c.code || r.Loopback || r.Mirrored != 0 || r.Why == "" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Proves: F-28, E12, RFC 6881 section 15
func TestTestURNsOfOneDeviceAreLimited(t *testing.T) {
	t.Parallel()
	p, s := newPhone(t), service(t, Config{Voice: &markers{}, PerCaller: 1})
	l := urnLeg(p, "", p.common())
	close(l.events)
	if r := <-askURN(t, s, l, URNTest{Caller: "device 1"}); r.Code != 200 {
		t.Errorf("the first: %+v", r)
	}
	l = urnLeg(p, "", p.common())
	if r := <-askURN(t, s, l, URNTest{Caller: "device 1"}); r.Code != 486 || l.rejected.m.Headers.Get("Retry-After") == "" {
		t.Errorf("the second: %+v", r)
	}
	l = urnLeg(p, "", p.common())
	close(l.events)
	if r := <-askURN(t, s, l, URNTest{Caller: "device 2"}); r.Code != 200 {
		t.Errorf("another device: %+v", r)
	}
}
