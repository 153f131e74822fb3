package sipedge

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// handshakeWithin bounds the handshakes of an accepted connection (D-02).
const handshakeWithin = 5 * time.Second

// welcome shakes hands with whoever connected: TLS, WebSocket or both.
func (t *stream) welcome() error {
	ctx, cancel := context.WithTimeout(t.e.ctx, handshakeWithin)
	defer cancel()
	if secure(t.network) {
		c := tls.Server(t.c, t.e.cfg.TLS)
		if err := c.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("shake hands with a TLS client: %w", err)
		}
		t.c = c
		t.peer, t.lapsed = t.e.peerNames(c.ConnectionState())
	}
	if t.network == "ws" || t.network == "wss" {
		return t.upgrade(ctx)
	}
	return nil
}

// shakeHands makes a dialled connection a TLS one, with a peer that has the
// name.
func (t *stream) shakeHands(ctx context.Context, name string) error {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.e.cfg.DialTLS != nil {
		cfg = t.e.cfg.DialTLS.Clone()
	}
	cfg.ServerName, t.name = name, name
	ctx, cancel := context.WithTimeout(ctx, t.e.cfg.Timers.Handshake)
	defer cancel()
	c := tls.Client(t.c, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("shake hands with %q by TLS: %w", limit(name, 64), err)
	}
	t.c, t.peer = c, namesOf(c.ConnectionState())
	return nil
}

// namesOf lists what the certificate of the other side says. Of one that nobody
// vouches for only its hash counts, for the handshake proved its key; nil when
// there is none.
func namesOf(s tls.ConnectionState) []string {
	switch {
	case len(s.PeerCertificates) == 0:
		return nil
	case len(s.VerifiedChains) == 0:
		return certificateNames(s.PeerCertificates[0])[:1]
	}
	return certificateNames(s.PeerCertificates[0])
}

func certificateNames(c *x509.Certificate) []string {
	sum := sha256.Sum256(c.Raw)
	names := append([]string{"sha256:" + hex.EncodeToString(sum[:])}, c.DNSNames...)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	return names
}

// subprotocol is that of SIP over WebSocket (RFC 7118, section 4.1).
const subprotocol = "sip"

// upgrade reads the HTTP request of a WebSocket client and answers it. Whatever
// page the client comes from may connect: who it is says the digest.
func (t *stream) upgrade(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	if err := t.c.SetDeadline(deadline); err != nil {
		return fmt.Errorf("read a WebSocket request: %w", err)
	}
	done := make(chan error, 1)
	srv := &http.Server{
		ReadHeaderTimeout: handshakeWithin, MaxHeaderBytes: 16 << 10,
		ErrorLog: nil,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
				Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled,
			})
			switch {
			case err != nil:
			case ws.Subprotocol() != subprotocol:
				err = errors.Join(errors.New("the client does not speak the subprotocol sip"), ws.Close(websocket.StatusPolicyViolation, "subprotocol sip"))
			default:
				ws.SetReadLimit(int64(t.e.cfg.Limits.MessageBytes))
				t.ws = ws
			}
			select {
			case done <- err:
			default:
			}
		}),
	}
	one := &oneConn{c: t.c, addr: t.c.LocalAddr(), gone: make(chan struct{})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(one) // ends with the listener below
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = fmt.Errorf("wait for a WebSocket request: %w", ctx.Err())
		_ = t.c.Close()
	}
	_ = one.Close()
	<-served
	if err == nil {
		err = t.c.SetDeadline(time.Time{})
	}
	return err
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	mu   sync.Mutex
	c    net.Conn
	addr net.Addr
	once sync.Once
	gone chan struct{}
}

func (o *oneConn) Accept() (net.Conn, error) {
	o.mu.Lock()
	c := o.c
	o.c = nil
	o.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-o.gone
	return nil, net.ErrClosed
}

func (o *oneConn) Close() error {
	o.once.Do(func() { close(o.gone) })
	return nil
}

func (o *oneConn) Addr() net.Addr { return o.addr }

func (t *stream) writeMessage(b []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeDeadline)
	defer cancel()
	return t.ws.Write(ctx, websocket.MessageText, b)
}

// readMessages runs until the WebSocket ends. Each of its messages is one SIP
// message (RFC 7118, section 5), or a keep-alive.
func (t *stream) readMessages() {
	for {
		ctx, cancel := t.e.ctx, context.CancelFunc(func() {})
		if !t.known() {
			ctx, cancel = context.WithDeadline(t.e.ctx, t.lifeOfStranger())
		}
		b, err := t.readMessage(ctx)
		cancel()
		if err != nil {
			return
		}
		t.heard.Store(time.Now().UnixNano())
		if len(trimLeadingLines(b)) == 0 {
			if len(b) >= 4 && t.send([]byte("\r\n")) != nil {
				return
			}
			continue
		}
		m, err := parseDatagram(b)
		if err != nil {
			t.unreadable(nil, err)
			return
		}
		if !t.e.receive(m, t.hop(), t.remote) {
			return
		}
	}
}

// readMessage waits for a message, however long, and takes it whole within
// Timers.Partial, in as many frames as it comes.
func (t *stream) readMessage(ctx context.Context) ([]byte, error) {
	_, r, err := t.ws.Reader(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait for a message: %w", err)
	}
	late := time.AfterFunc(t.e.cfg.Timers.Partial, t.close)
	defer late.Stop()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	return b, nil
}

// way is what a connection that we dialled leads to.
func (t *stream) way() way { return way{network: t.network, dest: t.remote, name: t.name} }

// welcome reports whether a stranger's datagram is worth reading: a REGISTER
// for a domain of ours.
func (e *Edge) welcome(data []byte) bool {
	if e.cfg.Registers == nil {
		return false
	}
	line, _ := cutLine(string(trimLeadingLines(data[:min(len(data), 512)])))
	method, rest, _ := cutSpace(line)
	if method != "REGISTER" {
		return false
	}
	uri, _, _ := cutSpace(rest)
	return e.cfg.Registers(hostOf(uri))
}

// hostOf is the host of a SIP URI in lower case, without port.
func hostOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	if _, after, ok := strings.Cut(rest, "@"); ok {
		rest = after
	}
	for i := range len(rest) {
		if rest[i] == ';' || rest[i] == '?' || rest[i] == '>' {
			rest = rest[:i]
			break
		}
	}
	host, _, _ := hostPort(rest)
	return strings.ToLower(host)
}
