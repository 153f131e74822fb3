package sipedge

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"strings"
	"testing"
)

func inviteBytes(user, callID string) []byte {
	return []byte("INVITE sip:" + user + "@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nCall-ID: " + callID + "\r\n\r\n")
}

// A flood that is not read in time leaves ordinary calls out, whose senders repeat
// them, and no call for help; what comes of one call is read in its order.
//
// Proves: E1, E14, N-20
func TestACrowdedInboxLeavesOutOrdinaryCallsAlone(t *testing.T) {
	e := &Edge{seed: maphash.MakeSeed(), cfg: Config{
		Emergency: func(uri string) bool { return strings.Contains(uri, ":911@") },
		Known:     func(s Source) bool { return s.Addr == netip.MustParseAddr("127.0.0.9") },
	}}
	lane := make(chan datagram, inboxEach)
	b := &inbox{e: e, lanes: []chan datagram{lane}}
	src := netip.MustParseAddrPort("127.0.0.9:5060")
	for i := range inboxShed {
		b.put(inviteBytes("2102", fmt.Sprint("call", i)), src)
	}
	for range 100 {
		b.put(inviteBytes("2102", "one too many"), src)
	}
	b.put(inviteBytes("911", "help"), src)
	b.put([]byte("BYE sip:911@127.0.0.1 SIP/2.0\r\nCall-ID: help\r\n\r\n"), src)
	if shed := e.Stats().Shed; shed != 100 {
		t.Errorf("%d calls were left out, want 100", shed)
	}
	b.close()
	var last []string
	for d := range lane {
		last = append(last, string(d.data[:4])+peekCallID(d.data))
	}
	if n := len(last); n != inboxShed+2 || last[n-2] != "INVIhelp" || last[n-1] != "BYE help" {
		t.Errorf("%d datagrams, at the end %v", n, last[max(0, n-2):])
	}
}

// A flood of anything never stops the socket: what is no call for help is left out
// when there is no room, a stranger's earlier; a call for help waits for its place.
//
// Proves: E1, E14, N-20
func TestAFloodOfAnythingLeavesRoomForHelp(t *testing.T) {
	e := &Edge{seed: maphash.MakeSeed(), cfg: Config{
		Emergency: func(uri string) bool { return strings.Contains(uri, ":911@") },
		Known:     func(s Source) bool { return s.Addr == netip.MustParseAddr("127.0.0.9") },
	}}
	lane := make(chan datagram, inboxEach)
	b := &inbox{e: e, lanes: []chan datagram{lane}}
	known, stranger := netip.MustParseAddrPort("127.0.0.9:5060"), netip.MustParseAddrPort("127.0.0.8:5060")
	junk := []byte("OPTIONS sip:x SIP/2.0\r\nCall-ID: one\r\n\r\n")
	for range inboxEach {
		b.put(junk, stranger)
	}
	if n := len(lane); n != inboxShed {
		t.Errorf("a stranger got %d places of %d", n, inboxShed)
	}
	for range inboxEach {
		b.put(junk, known)
	}
	if n := len(lane); n != inboxEach {
		t.Errorf("%d places are taken of %d", n, inboxEach)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.put(inviteBytes("911", "help"), stranger) // waits
	}()
	var last string
	for range inboxEach + 1 {
		last = peekCallID((<-lane).data)
	}
	<-done
	if last != "help" {
		t.Errorf("the last one is %q", last)
	}
	if shed := e.Stats().Shed; shed != inboxEach {
		t.Errorf("%d were left out, want %d", shed, inboxEach)
	}
}

func BenchmarkReadInvite(b *testing.B) {
	raw := []byte("INVITE sip:911@127.0.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.11:5066;branch=z9hG4bK-1-2-0\r\n" +
		"From: <sip:+16175550111@127.0.0.11>;tag=1c2\r\nTo: <sip:911@127.0.0.10>\r\nCall-ID: 2-1@127.0.0.11\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:pbx@127.0.0.11:5066>\r\nMax-Forwards: 70\r\nP-Asserted-Identity: <sip:+16175550111@127.0.0.11>\r\n" +
		"E911-User-ID: agent4711\r\nGeolocation: <http://127.0.0.10:8080/loc/abcdefghijklmnopqrstuvwxyz0123456789>\r\n" +
		"Content-Type: application/sdp\r\nContent-Length: 20\r\n\r\nv=0\r\no=pbx 1 1 IN IP4")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseDatagram(raw); err != nil {
			b.Fatal(err)
		}
	}
}
