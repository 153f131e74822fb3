package app

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Proves: issue 6 (emergency has reserved file descriptors)
func TestNobodyGetsTheLastOpenFile(t *testing.T) {
	for _, limit := range []int{256, 1024, 4096, 20_000, 1 << 20} {
		d := shareDescriptors(limit)
		if d.Kept < limit/4 && d.Kept < keptFiles {
			t.Errorf("of %d files %d are kept for calls for help", limit, d.Kept)
		}
		if used := d.Kept + d.SIP + d.HELD + d.Web; used > limit-limit/16 && used > limit-1024 {
			t.Errorf("of %d files the database, the journal and notices get %d", limit, limit-used)
		}
	}
	var log bytes.Buffer
	if d := openDescriptors(slog.New(slog.NewTextHandler(&log, nil))); d.Limit < 64 || (d.Limit < fewFiles) != strings.Contains(log.String(), "LimitNOFILE") {
		t.Errorf("%+v, said %q", d, log.String())
	}
}

// Proves: issue 6 (a flood from one address does not touch the others)
func TestConnectionsBeyondTheBoundAreRefused(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.90.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := netip.MustParsePrefix("127.0.90.4/32")
	s := &Server{cfg: Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, TrustedProxies: []netip.Prefix{proxy}}}
	l := s.bounded(tcp, 32)
	defer l.Close()
	accepted := make(chan net.Conn, 64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	// open tells how many of n connections from an address are let in.
	open := func(from string, n int) (in []net.Conn) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		for range n {
			c, err := d.Dial("tcp", tcp.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			gone := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, c); close(gone) }()
			select {
			case a := <-accepted:
				t.Cleanup(func() { a.Close() })
				in = append(in, a)
			case <-gone:
			case <-time.After(5 * time.Second):
				t.Fatal("neither accepted nor refused")
			}
		}
		return in
	}
	first := open("127.0.90.2", 12)
	if len(first) != 8 {
		t.Errorf("one address has %d connections of 32, want 8", len(first))
	}
	if n := len(open("127.0.90.3", 1)); n != 1 {
		t.Error("another address is refused")
	}
	if n := len(open("127.0.90.4", 30)); n != 23 {
		t.Errorf("a proxy has %d connections, want the 23 that are left", n)
	}
	for _, c := range first {
		c.Close()
		c.Close() // twice counts once
	}
	if n := len(open("127.0.90.2", 9)); n != 8 {
		t.Errorf("after they were closed: %d, want 8", n)
	}
}
