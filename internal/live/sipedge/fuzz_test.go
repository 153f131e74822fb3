package sipedge

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var seeds = []string{
	"INVITE sip:911@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:911@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nContent-Length: 2\r\n\r\nhi",
	"INVITE <sip:9 11@h> sip/2.0\nv: SIP / 2.0 / UDP h : 5060;;branch=x,SIP/2.0/TCP y\nf: \"a <b>;tag=1\nt:x\ni:c\nCSeq: 99999999999999999999 INVITE\n\n",
	"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:x;lr>, <sip:y>\r\nContent-Length: 0\r\n\r\n",
	"BYE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP [::1]:5060;branch=z9hG4bK;received=\"a;b\"\r\nCall-ID: c\r\n l: 5\r\n\r\n",
	"INVITE tel:911 SIP/2.0\r\n\r\n",
	"\r\n\r\n\r\nACK urn:service:sos SIP/2.0\r\nContent-Length: -1\r\n\r\n",
}

func addSeeds(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	files, _ := filepath.Glob("../../../../shared/data/sip-torture/rfc4475/*.dat")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
}

// FuzzMessage: whatever is read can be answered, and the answer is one message
// that reads back with the same identity.
//
// Proves: D-02
func FuzzMessage(f *testing.F) {
	addSeeds(f)
	src := netip.MustParseAddrPort("127.0.0.11:5060")
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseDatagram(data)
		if err != nil {
			return
		}
		if len(m.headers) > maxHeaders+1 || len(m.repaired) > 16 || len(m.body) > len(data) {
			t.Fatalf("%d headers, %d repairs, body of %d", len(m.headers), len(m.repaired), len(m.body))
		}
		if strings.ContainsAny(m.uri, " \r\n\t") {
			t.Fatalf("Request-URI %q", m.uri)
		}
		if !m.request() {
			return
		}
		m.stamp(src)
		if to := m.via.replyTo(src); to.Addr() != src.Addr() {
			t.Fatalf("the answer would go to %v", to)
		}
		b := respond(m, response{code: 400, tag: "t", rr: true})
		back, err := parseDatagram(b)
		if err != nil {
			t.Fatalf("the answer does not read back: %v\n%q", err, b)
		}
		if back.code != 400 || len(back.body) != 0 || back.callID != m.callID || back.cseq != m.cseq {
			t.Fatalf("the answer reads back as %d %q %d with %d bytes of body", back.code, back.callID, back.cseq, len(back.body))
		}
		for _, v := range append(m.headers.values("Contact"), m.headers.values("Record-Route")...) {
			_ = parseTarget(parseAddress(v).uri)
		}
		_ = dialled(m.uri)
	})
}

// FuzzFramer: however a stream is cut, the same messages come out, and the
// framer holds no more than its limit and one read.
//
// Proves: D-02
func FuzzFramer(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s+s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		run := func(size int) []string {
			fr := &framer{max: 4096}
			var out []string
			for i := 0; i < len(data); i += size {
				fr.buf = append(fr.buf, data[i:min(i+size, len(data))]...)
				for {
					m, err := fr.next()
					if err != nil {
						return append(out, "error")
					}
					if m == nil {
						break
					}
					out = append(out, m.method+m.uri+string(m.body))
				}
				if len(fr.buf) > 4096+size {
					t.Fatalf("holds %d bytes", len(fr.buf))
				}
			}
			return out
		}
		size := int(step) + 1
		if len(data) > 4096 {
			_, _ = run(size), run(1)
			return // beyond the limit the cut decides where the limit is met
		}
		whole, pieces := run(len(data)+1), run(size)
		if strings.Join(whole, "|") != strings.Join(pieces, "|") {
			t.Fatalf("whole %q\npieces %q", whole, pieces)
		}
	})
}

// FuzzEdge: any datagrams, from a known and an unknown source, in the middle
// of a call: no panic, and an INVITE to 911 from the known source is delivered
// or answered.
//
// Proves: D-02, E1
func FuzzEdge(f *testing.F) {
	addSeeds(f)
	known := netip.MustParseAddrPort("127.0.0.11:9")
	stranger := netip.MustParseAddrPort("127.0.0.66:9")
	at := netip.MustParseAddrPort("127.0.0.2:0")
	e, err := New(Config{
		Listen:    []Listener{{"udp", at}},
		Known:     func(s Source) bool { return s.Addr == known.Addr() },
		Emergency: func(uri string) bool { return strings.Contains(uri, "911") },
		Handle:    func(_ context.Context, l *Leg) { _ = l.Provisional(1, 183, "", Message{}) },
		Alarm:     func(Alarm) {},
		Timers:    Timers{T1: time.Millisecond},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	f.Fuzz(func(t *testing.T, data []byte) {
		before := e.counts.answers.Load()
		e.datagram(data, stranger, e.udp[0])
		e.datagram(data, known, e.udp[0])
		m, err := parseDatagram(data)
		if err == nil && m.method == "INVITE" && strings.Contains(m.uri, "911") && e.counts.answers.Load() == before && e.table.size.Load() == 0 {
			t.Fatalf("silence for %q", data)
		}
	})
}

// Proves: D-02
func TestAddressesAreReadAsFarAsTheyGo(t *testing.T) {
	for text, want := range map[string]address{
		`"Doe, John \" <x>" <sip:a@b;x=1>;tag=t;y`: {uri: "sip:a@b;x=1", tag: "t"},
		`<sip:a@b>`:                    {uri: "sip:a@b"},
		`sip:a@b;tag=t`:                {uri: "sip:a@b", tag: "t"},
		`"open <sip:a@b>;tag=t`:        {uri: "sip:a@b", tag: "t", fault: "quotes do not match"},
		`<sip:a@b;tag=t`:               {uri: "sip:a@b", tag: "t", fault: "angle bracket is not closed"},
		`Desk <tel:911>;Tag="q;r"`:     {uri: "tel:911", tag: "q;r"},
		`sip:a@b ; tag = t ;z`:         {uri: "sip:a@b", tag: "t"},
		``:                             {fault: "no URI"},
		`<sip:a"b@c>;tag=t`:            {uri: `sip:a"b@c`, tag: "t"},
		`<sip:a@b>;x="1;tag=no";tag=t`: {uri: "sip:a@b", tag: "t"},
	} {
		got := parseAddress(text)
		if got.uri != want.uri || got.tag != want.tag || got.fault != want.fault {
			t.Errorf("%s: uri %q tag %q fault %q, want %q %q %q", text, got.uri, got.tag, got.fault, want.uri, want.tag, want.fault)
		}
	}
}

// Proves: D-01 (RFC 3261, section 18.2.2; RFC 3581)
func TestWhereAnswersGo(t *testing.T) {
	src := netip.MustParseAddrPort("10.0.0.1:4000")
	for text, want := range map[string][2]string{
		"SIP/2.0/UDP 10.0.0.1:5061;branch=z9hG4bKx":          {"10.0.0.1:5061", "SIP/2.0/UDP 10.0.0.1:5061;branch=z9hG4bKx"},
		"SIP/2.0/UDP pbx.example;branch=z9hG4bKx":            {"10.0.0.1:5060", "SIP/2.0/UDP pbx.example;branch=z9hG4bKx;received=10.0.0.1"},
		"SIP/2.0/UDP 192.168.1.1:5061;rport;branch=z9hG4bKx": {"10.0.0.1:4000", "SIP/2.0/UDP 192.168.1.1:5061;rport=4000;branch=z9hG4bKx;received=10.0.0.1"},
		"SIP / 2.0 / UDP  pbx : 5070 ;received=6.6.6.6":      {"10.0.0.1:5070", "SIP / 2.0 / UDP  pbx : 5070;received=10.0.0.1"},
		"SIP/2.0/UDP h;maddr=6.6.6.6;branch=z9hG4bKx;ttl=1":  {"10.0.0.1:5060", "SIP/2.0/UDP h;maddr=6.6.6.6;branch=z9hG4bKx;ttl=1;received=10.0.0.1"},
		"SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx":     {"10.0.0.1:5070", "SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx;received=10.0.0.1"},
		"nonsense":                           {"10.0.0.1:4000", "nonsense"},
		"SIP/2.0/UDP h:notaport;branch=z9hG": {"10.0.0.1:5060", "SIP/2.0/UDP h:notaport;branch=z9hG;received=10.0.0.1"},
	} {
		v := parseVia(text)
		if got := v.replyTo(src).String(); got != want[0] {
			t.Errorf("%s: answer goes to %s, want %s", text, got, want[0])
		}
		if got := v.stamp(src); got != want[1] {
			t.Errorf("%s: stamped %s, want %s", text, got, want[1])
		}
	}
}

// Proves: D-01 (no name is looked up, nothing but sip is followed)
func TestTargets(t *testing.T) {
	for uri, want := range map[string]target{
		"sip:a@10.0.0.1:5070;transport=TCP;lr": {netip.MustParseAddrPort("10.0.0.1:5070"), "tcp", true},
		"sip:10.0.0.1":                         {netip.MustParseAddrPort("10.0.0.1:5060"), "", false},
		"sip:a@[::1]:5070;transport=ws":        {netip.MustParseAddrPort("[::1]:5070"), "", false},
		"sip:a@host.example;lr":                {netip.AddrPort{}, "", true},
		"tel:911":                              {},
		"sip:a@10.0.0.1:99999":                 {},
		"sip:10.0.0.1:6.6.6.6@10.0.0.2?x=@6":   {netip.MustParseAddrPort("10.0.0.2:5060"), "", false},
	} {
		if got := parseTarget(uri); got != want {
			t.Errorf("%s = %+v, want %+v", uri, got, want)
		}
	}
}

// Proves: D-02
func TestPeekingAtACallID(t *testing.T) {
	for text, want := range map[string]string{
		"BYE x SIP/2.0\r\nI : abc \r\n\r\n": "abc", "BYE x SIP/2.0\nCALL-ID:abc\n": "abc",
		"BYE x SIP/2.0\r\n\r\nCall-ID: body": "", "": "", "\n\n\n": "",
	} {
		if got := peekCallID([]byte(text)); got != want {
			t.Errorf("%q = %q, want %q", text, got, want)
		}
	}
	if looksLikeInvite([]byte("INVITES x")) || !looksLikeInvite([]byte("\r\n invite\tx")) || looksLikeInvite(bytes.Repeat([]byte("\r\n"), 99)) {
		t.Error("looksLikeInvite is wrong")
	}
}
