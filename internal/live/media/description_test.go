package media

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/sdp/v3"
)

// offer writes an offer from 192.0.2.1 with these lines after the session's.
func offer(lines ...string) []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n")
}

// ports on loopback; the address of the SDP is another, as behind a translator.
func ports(t testing.TB) *Ports {
	t.Helper()
	p, err := New(Config{Addr: netip.MustParseAddr("127.0.0.1"), Public: netip.MustParseAddr("198.51.100.7")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var caller = netip.MustParseAddr("127.0.0.9")

// body drops what differs from run to run: origin and port.
func body(s *Session) []string {
	var lines []string
	for l := range strings.Lines(string(s.SDP())) {
		l = strings.TrimSpace(l)
		if f := strings.Fields(l); strings.HasPrefix(l, "m=") && f[1] != "0" {
			f[1] = "PORT"
			l = strings.Join(f, " ")
		}
		if strings.HasPrefix(l, "m=") || strings.HasPrefix(l, "a=") || strings.HasPrefix(l, "c=") {
			lines = append(lines, l)
		}
	}
	return lines
}

// Proves: W-50, F-32
func TestAnswers(t *testing.T) {
	const conn = "c=IN IP4 198.51.100.7"
	tests := []struct {
		name  string
		offer []string
		want  []string
	}{
		{
			"a common phone",
			[]string{"m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=sendrecv"},
			[]string{conn, "m=audio PORT RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv"},
		},
		{
			"the caller's first codec that we know, without rtpmap",
			[]string{"m=audio 4000 RTP/AVP 9 8 0"},
			[]string{conn, "m=audio PORT RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=sendrecv"},
		},
		{
			"payload types of the caller's own choice",
			[]string{"m=audio 4000 RTP/AVP 111 97 96", "a=rtpmap:111 opus/48000/2", "a=rtpmap:97 telephone-event/8000", "a=rtpmap:96 pcmu/8000/1"},
			[]string{conn, "m=audio PORT RTP/AVP 96 97", "a=rtpmap:96 PCMU/8000", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-15", "a=ptime:20", "a=sendrecv"},
		},
		{
			"fax and video beside the audio",
			[]string{"m=image 5000 udptl t38", "m=audio 4000 RTP/AVP 0", "m=video 6000 RTP/AVP 96 97", "a=rtpmap:96 H264/90000"},
			[]string{conn, "m=image 0 udptl t38", "m=audio PORT RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv", "m=video 0 RTP/AVP 96 97"},
		},
		{
			"encrypted first, plain second (best effort)",
			[]string{"m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0"},
			[]string{conn, "m=audio 0 RTP/SAVP 0", "m=audio PORT RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv"},
		},
		{
			"a caller that only listens, said for the session",
			[]string{"a=recvonly", "m=audio 4000 RTP/AVP 0"},
			[]string{conn, "m=audio PORT RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendonly"},
		},
		{
			"a caller on hold",
			[]string{"m=audio 4000 RTP/AVP 0", "a=sendonly"},
			[]string{conn, "m=audio PORT RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=recvonly"},
		},
		{
			"a host name and two ports",
			[]string{"m=audio 4000/2 RTP/AVP 0", "c=IN IP4 phone.example.com"},
			[]string{conn, "m=audio PORT RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=sendrecv"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ports(t).Answer(offer(tt.offer...), caller)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if diff := cmp.Diff(tt.want, body(s)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if !strings.Contains(string(s.SDP()), "t38") {
				var d sdp.SessionDescription
				if err := d.Unmarshal(s.SDP()); err != nil {
					t.Errorf("another reader refuses the answer: %v", err)
				}
			}
		})
	}
}

// Proves: W-50
func TestOffersThatCannotBeAnswered(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = "m=audio 4000 RTP/AVP 0"
	}
	tests := map[string][]byte{
		"neither PCMU nor PCMA":  offer("m=audio 4000 RTP/AVP 9 18", "a=rtpmap:9 G722/8000"),
		"0 means something else": offer("m=audio 4000 RTP/AVP 0", "a=rtpmap:0 opus/48000/2"),
		"encrypted only":         offer("m=audio 4000 RTP/SAVP 0"),
		"no audio":               offer("m=video 4000 RTP/AVP 0"),
		"audio switched off":     offer("m=audio 0 RTP/AVP 0"),
		"IPv6":                   offer("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"),
		"forty streams":          offer(many...),
		"a bad port":             offer("m=audio 99999 RTP/AVP 0"),
		"a short media line":     offer("m=audio 4000 RTP/AVP"),
		"nothing":                nil,
		"something else":         []byte("<?xml version='1.0'?>\n<presence/>"),
		"too long":               bytes.Repeat([]byte("a=x\n"), maxDescription),
	}
	for name, in := range tests {
		s, err := ports(t).Answer(in, caller)
		if !errors.Is(err, ErrNotAcceptable) {
			t.Errorf("%s: %v, want ErrNotAcceptable", name, err)
		}
		if s != nil {
			s.Close()
		}
	}
}

// Proves: W-50
func TestOfferAndItsAnswer(t *testing.T) {
	s, err := ports(t).Offer(caller)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := []string{
		"c=IN IP4 198.51.100.7", "m=audio PORT RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv",
	}
	if diff := cmp.Diff(want, body(s)); diff != "" {
		t.Errorf("offer (-want +got):\n%s", diff)
	}
	if s.HasDigits() {
		t.Error("digits are agreed before the answer")
	}
	if err := s.Accept(offer("m=audio 4000 RTP/AVP 18")); !errors.Is(err, ErrNotAcceptable) {
		t.Errorf("an answer of G.729: %v, want ErrNotAcceptable", err)
	}
	if err := s.Accept(offer("m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000")); err != nil || !s.HasDigits() || s.with.law != aLaw {
		t.Errorf("an answer of PCMA: %v, digits %v, law %v", err, s.HasDigits(), s.with.law)
	}
}

// Proves: W-50
func TestIPv6(t *testing.T) {
	p, err := New(Config{Addr: netip.IPv6Loopback()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Answer([]byte("v=0\nc=IN IP6 ::1\nm=audio 4000 RTP/AVP 0\n"), netip.IPv6Loopback())
	if errors.Is(err, ErrNoPort) {
		t.Skipf("no IPv6 here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := string(s.SDP()); !strings.Contains(got, "c=IN IP6 ::1\r\n") || !strings.Contains(got, " IN IP6 ::1\r\ns=") {
		t.Errorf("answer:\n%s", got)
	}
	if _, err := p.Answer(offer("m=audio 4000 RTP/AVP 0"), caller); !errors.Is(err, ErrNotAcceptable) {
		t.Errorf("an offer of IPv4: %v, want ErrNotAcceptable", err)
	}
}

// Proves: W-50
func TestRenegotiationKeepsTheSessionAndCountsItsVersion(t *testing.T) {
	s, err := ports(t).Answer(offer("m=audio 4000 RTP/AVP 0"), caller)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	read := func(b []byte) (d sdp.SessionDescription) {
		if err := d.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := read(s.SDP())
	if _, err := s.Renegotiate(offer("m=audio 4000 RTP/AVP 18")); !errors.Is(err, ErrNotAcceptable) {
		t.Errorf("a re-INVITE to G.729: %v, want ErrNotAcceptable", err)
	}
	if !s.with.send || s.with.law != muLaw {
		t.Error("a refused re-INVITE changed the session")
	}
	for i, tt := range []struct {
		lines []string
		send  bool
	}{
		{[]string{"m=audio 4000 RTP/AVP 0", "a=sendonly"}, false},
		{[]string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"}, false},
		{[]string{"m=audio 4000 RTP/AVP 0", "a=inactive"}, false},
		{[]string{"m=audio 4000 RTP/AVP 0"}, true},
	} {
		b, err := s.Renegotiate(offer(tt.lines...))
		if err != nil {
			t.Fatal(err)
		}
		d := read(b)
		if d.Origin.SessionID != first.Origin.SessionID || d.Origin.SessionVersion != first.Origin.SessionVersion+uint64(i)+1 {
			t.Errorf("origin %+v after %+v", d.Origin, first.Origin)
		}
		if s.with.send != tt.send {
			t.Errorf("%q: we send %v, want %v", tt.lines, s.with.send, tt.send)
		}
	}
}

// Proves: W-50
func TestConfigSaysAllThatIsWrong(t *testing.T) {
	_, err := New(Config{Addr: netip.MustParseAddr("0.0.0.0"), Public: netip.MustParseAddr("2001:db8::1"), MinPort: 20, MaxPort: 10})
	for _, want := range []string{"media address", "family", "no even port"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %q", err, want)
		}
	}
	if _, err := New(Config{Addr: caller, MinPort: 4001, MaxPort: 4001}); err == nil {
		t.Error("a range of one odd port was accepted")
	}
}

// Proves: W-50
func TestARangeThatIsTaken(t *testing.T) {
	any, err := ports(t).Offer(caller)
	if err != nil {
		t.Fatal(err)
	}
	port := any.public.Port() &^ 1
	any.Close()
	p, err := New(Config{Addr: netip.MustParseAddr("127.0.0.1"), MinPort: port, MaxPort: port + 1})
	if err != nil {
		t.Fatal(err)
	}
	one, err := p.Offer(caller)
	if err != nil {
		t.Skipf("somebody else has port %d: %v", port, err)
	}
	if got := one.public.Port(); got != port {
		t.Errorf("port %d, want the even one, %d", got, port)
	}
	if _, err := p.Offer(caller); !errors.Is(err, ErrNoPort) {
		t.Errorf("a second session: %v, want ErrNoPort", err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	two, err := p.Offer(caller)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	two.Close()
}

// Proves: W-50
func FuzzDescription(f *testing.F) {
	f.Add(offer("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=sendonly"))
	f.Add(offer("m=image 5000 udptl t38", "m=audio 4000/2 RTP/AVP 8", "c=IN IP6 ff02::1/127"))
	f.Add([]byte("m=audio 1 RTP/AVP 0\nc=IN IP4 \xff\na=rtpmap:0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parse(b)
		if err != nil {
			if !errors.Is(err, ErrNotAcceptable) {
				t.Errorf("parse = %v", err)
			}
			return
		}
		if len(d.streams) == 0 || len(d.streams) > maxStreams {
			t.Fatalf("%d streams", len(d.streams))
		}
		a, err := d.pick(true)
		if err != nil {
			return
		}
		s := &Session{public: netip.MustParseAddrPort("192.0.2.1:4000"), with: a}
		back, err := parse(s.describe(d, a))
		if err != nil || len(back.streams) != len(d.streams) {
			t.Fatalf("our answer reads as %+v, %v", back, err)
		}
		on := 0
		for _, st := range back.streams {
			if st.port != 0 {
				on++
			}
		}
		if on != 1 || back.streams[a.index].port != 4000 {
			t.Errorf("%d streams are accepted in %+v", on, back)
		}
	})
}
