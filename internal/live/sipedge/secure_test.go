package sipedge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/callbox911/callbox/internal/live/sipedge"
)

// authority issues certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	a.cert = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}, nil, &key.PublicKey)
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, public any) *x509.Certificate {
	a.t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

func (a *authority) issue(name string, until time.Time) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// secureRig knows whoever shows a certificate of pbx.example, from anywhere.
func secureRig(t *testing.T, a *authority, network string, change func(*sipedge.Config)) *rig {
	t.Helper()
	return newRig(t, func(cfg *sipedge.Config) {
		loop := netip.MustParseAddrPort("127.0.0.2:0")
		cfg.Listen = []sipedge.Listener{{Network: "udp", Addr: loop}, {Network: network, Addr: loop}}
		cfg.TLS = &tls.Config{
			Certificates: []tls.Certificate{a.issue("callbox.example", time.Now().Add(time.Hour))}, MinVersion: tls.VersionTLS12,
			ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: a.pool(),
		}
		cfg.DialTLS = &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS12}
		cfg.Known = func(s sipedge.Source) bool {
			return slices.Contains(s.Names, "pbx.example") || (s.Transport == "udp" && known(s))
		}
		if change != nil {
			change(cfg)
		}
	})
}

func (r *rig) dialTLS(ip string, cfg *tls.Config) net.Conn {
	r.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: patience}
	c, err := tls.DialWithDialer(&d, "tcp", r.tcp.String(), cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// Proves: C-71, F-10, D-02
func TestAClientCertificateMakesATrunkKnownFromAnyAddress(t *testing.T) {
	a := newAuthority(t)
	r := secureRig(t, a, "tls", nil)
	cfg := &tls.Config{RootCAs: a.pool(), ServerName: "callbox.example", MinVersion: tls.VersionTLS12}

	cfg.Certificates = []tls.Certificate{a.issue("pbx.example", time.Now().Add(time.Hour))}
	p := (&peer{t: t, dest: r.tcp}).over(r.dialTLS("127.0.0.77", cfg))
	o := newInvite("sip:911@callbox.example")
	p.send(o.text(p))
	leg := r.leg()
	if req := leg.Request(); req.Transport != "tls" || !slices.Contains(req.Peer, "pbx.example") || !strings.HasPrefix(req.Peer[0], "sha256:") {
		t.Errorf("transport %q, certificate %v", req.Transport, req.Peer)
	}
	if err := leg.Answer(1, sipedge.Message{Body: []byte(sdp), ContentType: "application/sdp"}); err != nil {
		t.Fatal(err)
	}
	ok := p.status(200)
	if !strings.Contains(ok.get("Contact"), ";transport=tls") {
		t.Errorf("Contact %q does not say TLS", ok.get("Contact"))
	}
	p.send(o.with("ACK", ok.tag("To"), 1).text(p))
	event(t, leg, sipedge.Acked)
	leg.Bye("")
	p.respond(p.request("BYE"), 200, "", "")

	cfg.Certificates = nil
	stranger := (&peer{t: t, dest: r.tcp}).over(r.dialTLS("127.0.0.78", cfg))
	stranger.send(newInvite("sip:911@callbox.example").text(stranger))
	stranger.status(403)
	if got := r.alarm(); got.Code != sipedge.AlarmUnknownSource || got.Transport != "tls" {
		t.Errorf("alarm %+v", got)
	}
}

// Proves: F-16, C-71 (a certificate that has expired, or names somebody else, is no way to a PSAP)
func TestADialledPeerMustHaveTheName(t *testing.T) {
	a := newAuthority(t)
	r := secureRig(t, a, "tls", nil)
	for name, c := range map[string]struct {
		cert tls.Certificate
		want sipedge.EventKind
	}{
		"its own name":        {a.issue("psap.example", time.Now().Add(time.Hour)), sipedge.Sent},
		"another name":        {a.issue("other.example", time.Now().Add(time.Hour)), sipedge.SendFailed},
		"expired":             {a.issue("psap.example", time.Now().Add(-time.Hour)), sipedge.SendFailed},
		"another's authority": {newAuthority(t).issue("psap.example", time.Now().Add(time.Hour)), sipedge.SendFailed},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.21:0", &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan *peer, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil || conn.(*tls.Conn).Handshake() != nil {
					close(got)
					return
				}
				got <- (&peer{t: t}).over(conn)
			}()
			in := call(&peer{t: t, local: l.Addr().(*net.TCPAddr).AddrPort()}, "tls")
			in.ServerName = "psap.example"
			leg := r.edge.Dial(t.Context(), in)
			ev := event(t, leg, c.want)
			if c.want == sipedge.SendFailed {
				if ev.Err == nil || !strings.Contains(ev.Err.Error(), "TLS") {
					t.Errorf("error %v does not tell what failed", ev.Err)
				}
			} else if p := <-got; p == nil || !strings.Contains(p.request("INVITE").get("Via"), "SIP/2.0/TLS") {
				t.Error("the INVITE did not go by TLS")
			}
			_ = l.Close()
		})
	}
}

// Proves: C-70, RFC 7118 section 5
func TestAWebSocketClientCallsAndIsCalled(t *testing.T) {
	a := newAuthority(t)
	for _, network := range []string{"ws", "wss"} {
		t.Run(network, func(t *testing.T) {
			closed := make(chan sipedge.Flow, 4)
			r := secureRig(t, a, network, func(cfg *sipedge.Config) {
				cfg.Known = known
				cfg.Closed = func(f sipedge.Flow) { closed <- f }
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool(), ServerName: "callbox.example", MinVersion: tls.VersionTLS12}}}
			ws, res, err := websocket.Dial(ctx, network+"://"+r.tcp.String()+"/", &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"}})
			if err != nil {
				t.Fatal(err)
			}
			if res.Header.Get("Sec-WebSocket-Protocol") != "sip" {
				t.Errorf("subprotocol %q", res.Header.Get("Sec-WebSocket-Protocol"))
			}
			p := wsPeer(t, r, ws)
			o := newInvite("sip:911@callbox.example")
			p.send(o.text(p))
			leg := r.leg()
			if leg.Request().Transport != network {
				t.Errorf("transport %q", leg.Request().Transport)
			}
			if err := leg.Reject(486, "", nil); err != nil {
				t.Fatal(err)
			}
			p.status(486)

			in := call(p, "udp")
			in.Flow = leg.Request().Flow
			back := r.edge.Dial(t.Context(), in)
			inv := p.request("INVITE")
			if !strings.HasPrefix(inv.get("Via"), "SIP/2.0/"+strings.ToUpper(network)) {
				t.Errorf("Via %q", inv.get("Via"))
			}
			event(t, back, sipedge.Sent)
			p.respond(inv, 486, "x", "")
			p.request("ACK")

			if err := ws.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Fatal(err)
			}
			select {
			case f := <-closed:
				if f != leg.Request().Flow {
					t.Errorf("flow %v ended, want %v", f, leg.Request().Flow)
				}
			case <-time.After(patience):
				t.Fatal("nobody was told of the end of the flow")
			}
			if ev := event(t, r.edge.Dial(t.Context(), in), sipedge.SendFailed); ev.Err == nil {
				t.Error("a flow that ended took a call")
			}
		})
	}
}

// wsPeer reads and writes one message a frame.
func wsPeer(t *testing.T, r *rig, ws *websocket.Conn) *peer {
	t.Helper()
	p := (&peer{t: t}).over(&wsAddr{websocket.NetConn(t.Context(), ws, websocket.MessageText), r.tcp})
	p.local = netip.MustParseAddrPort("127.0.0.33:5060")
	p.network = "ws"
	return p
}

// wsAddr gives a WebSocket the addresses that the test's reader asks for.
type wsAddr struct {
	net.Conn
	remote netip.AddrPort
}

func (w *wsAddr) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 33)} }
func (w *wsAddr) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(w.remote) }

// Proves: E14, D-02 (what is no SIP client's is shown the door)
func TestAWebSocketWithoutTheSubprotocolIsClosed(t *testing.T) {
	r := secureRig(t, newAuthority(t), "ws", func(cfg *sipedge.Config) { cfg.Known = known })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+r.tcp.String()+"/", nil)
	if err != nil {
		return // refused already
	}
	if _, _, err := ws.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("read ended with %v", err)
	}
}
