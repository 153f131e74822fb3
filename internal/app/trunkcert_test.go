package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// sipTLSServer is a server that speaks SIP by TLS, with more platforms.
func sipTLSServer(t *testing.T, f TLSFiles, platforms ...string) (*Server, netip.AddrPort) {
	t.Helper()
	cfg := Default()
	cfg.DataDir, cfg.HELD, cfg.Web, cfg.SIPTLS = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", f
	cfg.SIP = []sipedge.Listener{{Network: "tls", Addr: netip.MustParseAddrPort("127.0.0.61:0")}}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	if err := waitFor(ctx, 20*time.Second, "the database", func() bool { return s.store.get() != nil }); err != nil {
		t.Fatal(err)
	}
	const pbx = "      - {key: pbx, side: platform"
	text := string(examples.Harbor())
	if !strings.Contains(text, pbx) {
		t.Fatal("the example world has no trunk pbx any more")
	}
	text = strings.Replace(text, pbx, strings.Join(platforms, "")+pbx, 1)
	if _, err := s.Import(ctx, "harbor.yaml", []byte(text), world.Options{}); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	return s, s.Addresses().SIP[0].Addr
}

// sipByTLS sends an INVITE from an address and gives the first answer, and the
// serial number of the certificate that we were shown.
func sipByTLS(t *testing.T, to netip.AddrPort, from string, cert *tls.Certificate, roots *authority, number, callID string) (status, serial string) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(roots.cert)
	cfg := &tls.Config{RootCAs: pool, ServerName: "sip.callbox.example", MinVersion: tls.VersionTLS12}
	if cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	c, err := tls.DialWithDialer(&d, "tcp", to.String(), cfg)
	if err != nil {
		t.Fatalf("a bad certificate ended the connection: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	local := c.LocalAddr().String()
	_, err = fmt.Fprintf(c, "INVITE sip:%s@callbox.example SIP/2.0\r\nVia: SIP/2.0/TLS %s;branch=z9hG4bK%s\r\nFrom: <sip:+16175550111@pbx.example>;tag=1\r\n"+
		"To: <sip:%s@callbox.example>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:x@%s;transport=tls>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		number, local, callID, number, callID, local)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		if v, ok := strings.CutPrefix(line, "SIP/2.0 "); ok && !strings.HasPrefix(v, "100") || ok && number == "911" {
			return v[:3], c.ConnectionState().PeerCertificates[0].SerialNumber.String()
		}
	}
}

// What a client's certificate says of whose a call is, over real sockets: an
// expired or unknown one never ends the connection, for a call may come on it.
// Proves: C-71, W-43, F-10, E1, D-02
func TestWhoseACallIsByItsClientCertificate(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	f := tlsFiles(t, a)
	writePair(t, f, a.issue("sip.callbox.example", time.Now().Add(365*24*time.Hour)))
	hour := time.Now().Add(time.Hour)
	named, pinned := a.issue("pbx.name.example", hour), stranger.issue("self", hour)
	forged, lapsed := stranger.issue("pbx.name.example", hour), a.issue("pbx.lapsed.example", time.Now().Add(-time.Minute))
	platform := func(key, more string) string {
		return "      - {key: " + key + ", side: platform, dr_from: [], " + more + "}\n"
	}
	s, at := sipTLSServer(t, f,
		platform("by-name", "certificates: [pbx.name.example]"),
		platform("by-hash", `certificates: ["sha256:`+fingerprint(pinned)+`"]`),
		platform("lapsed", "certificates: [pbx.lapsed.example]"),
		platform("lapsed-known", "from: [127.0.0.73/32]"))
	for i, c := range []struct {
		name, from string
		cert       *tls.Certificate
		ordinary   bool   // is an ordinary call heard
		trunk      string // of an emergency call; none: 403
		flagged    bool
	}{
		{"a name that our authority vouches for", "127.0.0.71", &named, true, "by-name", false},
		{"a pinned hash that nobody vouches for, beside an authority", "127.0.0.71", &pinned, true, "by-hash", false},
		{"the right name, from an authority that is not ours", "127.0.0.71", &forged, false, "", false},
		{"no certificate", "127.0.0.71", nil, false, "", false},
		{"one that expired: emergency calls go on, flagged", "127.0.0.72", &lapsed, false, "lapsed", true},
		{"one that expired, from a known address: its trunk", "127.0.0.73", &lapsed, true, "lapsed-known", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _ := sipByTLS(t, at, c.from, c.cert, a, "16175550199", fmt.Sprint("ordinary-", i))
			if heard := status != "403"; heard != c.ordinary {
				t.Errorf("an ordinary call was answered %s", status)
			}
			id := fmt.Sprint("sos-", i)
			status, _ = sipByTLS(t, at, c.from, c.cert, a, "911", id)
			if c.trunk == "" {
				if status != "403" {
					t.Errorf("a stranger's emergency call was answered %s", status)
				}
				return
			}
			arrived, who := factsOf(t, s, id)
			if arrived.Trunk.Key != c.trunk || slices.Contains(who.Flags, "unauthenticated") != c.flagged {
				t.Errorf("answered %s; the call is of %q with flags %v, want %q", status, arrived.Trunk.Key, who.Flags, c.trunk)
			}
		})
	}
}

// factsOf waits for what is on record of a call.
func factsOf(t *testing.T, s *Server, callID string) (a journal.Arrived, who journal.Identified) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var call e911.CallID
	for f := range s.journal.Subscribe(ctx, 1) {
		var err error
		switch f.Kind {
		case journal.CallArrived:
			var v journal.Arrived
			if v, err = journal.Decode[journal.Arrived](f); v.SIPCallID == callID {
				a, call = v, f.Call
			}
		case journal.CallIdentified:
			if call != "" && f.Call == call {
				who, err = journal.Decode[journal.Identified](f)
				if err != nil {
					t.Fatal(err)
				}
				return a, who
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("nothing is on record of the call %s", callID)
	return a, who
}

// Proves: C-71, W-43 (SIP's certificate is exchanged while it runs, and its end is told of)
func TestTheCertificateOfSIPIsExchangedWhileItRuns(t *testing.T) {
	a := newAuthority(t)
	f := tlsFiles(t, a)
	soon := a.issue("sip.callbox.example", time.Now().Add(20*24*time.Hour))
	writePair(t, f, soon)
	s, at := sipTLSServer(t, f)
	if _, serial := sipByTLS(t, at, "127.0.0.71", nil, a, "16175550199", "before"); serial != soon.Leaf.SerialNumber.String() {
		t.Errorf("we were shown %s", serial)
	}
	s.Reload()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for f := range s.journal.Subscribe(ctx, 1) {
		if f.Kind != journal.AlarmRaised {
			continue
		}
		if v, err := journal.Decode[journal.Alarm](f); err == nil && v.Code == "certificate_expires" {
			if !strings.HasPrefix(v.Detail, "SIP: ") {
				t.Errorf("alarm %q", v.Detail)
			}
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("nobody was told that the certificate expires in 20 days")
	}
	next := a.issue("sip.callbox.example", time.Now().Add(365*24*time.Hour))
	writePair(t, f, next)
	s.Reload()
	if _, serial := sipByTLS(t, at, "127.0.0.71", nil, a, "16175550199", "after"); serial != next.Leaf.SerialNumber.String() {
		t.Errorf("after the exchange we were shown %s", serial)
	}
}
