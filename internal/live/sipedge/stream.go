package sipedge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	writeQueue    = 1 << 20         // bytes that wait for a slow peer before it is given up
	trunkQueue    = 16 << 20        // the same on a connection that we opened: calls for help share it
	writeDeadline = 5 * time.Second // for one write to a slow peer
	freshFor      = 5 * time.Second // a dialled connection is used again when it was heard from since
)

var (
	errPeerSlow    = errors.New("peer does not read")
	errClientOpens = errors.New("only the client opens a WebSocket")
)

// stream is one connection: TCP, TLS on it, or WebSocket. Accepted ones carry
// the answers to what came on them, the requests of dialogs that came on them
// and calls to the flow of a phone that registered on them; only connections
// that we dialled carry anything else (D-01).
type stream struct {
	e       *Edge
	network string // "tcp", "tls", "ws", "wss"
	c       net.Conn
	raw     *net.TCPConn    // network tcp: written without waiting
	ws      *websocket.Conn // network ws, wss: a message each
	remote  netip.AddrPort
	local   netip.AddrPort
	name    string   // dialled TLS: the server name that was verified
	peer    []string // names in the certificate that was verified, fingerprint first
	lapsed  []string // the same of one that expired a short while ago
	dialled bool
	opened  time.Time
	heard   atomic.Int64 // time of the last bytes read, Unix nanoseconds

	mu       sync.Mutex
	queue    [][]byte
	queued   int
	draining bool
	closed   bool
	users    map[*call]struct{} // dialled calls that wait for an answer on it
}

func (e *Edge) newStream(network string, c net.Conn, dialled bool) *stream {
	t := &stream{e: e, network: network, c: c, dialled: dialled, opened: time.Now(), users: map[*call]struct{}{}}
	if network == "tcp" { // all else writes through what wraps the socket
		t.raw, _ = c.(*net.TCPConn)
	}
	t.remote = addrPort(c.RemoteAddr())
	t.local = addrPort(c.LocalAddr())
	t.heard.Store(time.Now().UnixNano())
	return t
}

// source is who is at the other end.
func (t *stream) source() Source {
	return Source{Addr: t.remote.Addr(), Transport: t.network, Names: t.peer, Lapsed: t.lapsed}
}

func (t *stream) known() bool { return t.e.cfg.Known(t.source()) }

// hop is the way back to whoever wrote on the stream.
func (t *stream) hop() hop { return hop{network: t.network, addr: t.remote, local: t.local, conn: t} }

func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// send hands b to the socket without waiting; what the socket does not take at
// once is written by a goroutine that lives as long as there is something.
func (t *stream) send(b []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return net.ErrClosed
	}
	if !t.draining && t.raw != nil {
		n, err := tryWrite(t.raw, b)
		if err != nil {
			t.closeLocked()
			return fmt.Errorf("write to a peer by %s: %w", t.network, err)
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
	room := writeQueue
	if t.dialled {
		room = trunkQueue
	}
	if t.queued+len(b) > room {
		t.closeLocked()
		return errPeerSlow
	}
	t.queue = append(t.queue, b)
	t.queued += len(b)
	if !t.draining {
		t.draining = true
		if !t.e.spawn(t.drain) {
			t.closeLocked()
			return ErrStopped
		}
	}
	return nil
}

func (t *stream) drain() {
	for {
		t.mu.Lock()
		if len(t.queue) == 0 || t.closed {
			t.draining, t.queue = false, nil
			t.mu.Unlock()
			return
		}
		b := t.queue[0]
		t.queue = t.queue[1:]
		t.queued -= len(b)
		t.mu.Unlock()
		if err := t.write(b); err != nil {
			t.close()
		}
	}
}

// write waits until the socket took b, writeDeadline at most.
func (t *stream) write(b []byte) error {
	if t.ws != nil {
		return t.writeMessage(b)
	}
	_ = t.c.SetWriteDeadline(time.Now().Add(writeDeadline)) // fails only when closed: Write tells
	_, err := t.c.Write(b)
	return err
}

func (t *stream) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeLocked()
}

// closeLocked closes the socket. The reader notices and tells the users, so
// that no lock of a call is taken here.
func (t *stream) closeLocked() {
	if !t.closed {
		t.closed = true
		if t.ws != nil {
			_ = t.ws.CloseNow()
			return
		}
		_ = t.c.Close() // nothing to do about it
	}
}

func (t *stream) alive() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.closed
}

// fresh reports whether the connection may carry a new call: one that was
// silent for long may be dead without our knowing, and a new one tells within
// Timers.TCPConnect (F-16).
func (t *stream) fresh() bool {
	return t.alive() && time.Since(time.Unix(0, t.heard.Load())) < freshFor
}

func (t *stream) watch(c *call) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.users[c] = struct{}{}
	return true
}

func (t *stream) unwatch(c *call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.users, c)
}

// read runs until the connection ends.
func (t *stream) read() {
	t.e.spared(func() {
		if t.ws != nil {
			t.readMessages()
		} else {
			t.readBytes()
		}
	})
	t.close()
	t.e.forget(t)
	t.mu.Lock()
	users := t.users
	t.users = nil
	t.mu.Unlock()
	for c := range users {
		c.connLost(t)
	}
	if t.e.cfg.Closed != nil && !t.dialled {
		t.e.cfg.Closed(Flow{h: t.hop()})
	}
}

func (t *stream) readBytes() {
	f := &framer{max: t.e.cfg.Limits.MessageBytes}
	chunk := make([]byte, 16<<10)
	err := error(nil)
	begun := time.Time{} // when the message that is not complete began
	for err == nil {
		switch {
		case len(f.buf) == 0:
			begun = time.Time{}
		case begun.IsZero():
			begun = time.Now()
		}
		t.deadline(begun)
		var n int
		n, err = t.c.Read(chunk)
		if n > 0 {
			t.heard.Store(time.Now().UnixNano())
			f.buf = append(f.buf, chunk[:n]...)
			before := f.taken
			if !t.take(f) {
				break
			}
			if f.taken > before {
				begun = time.Time{}
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && t.partial(f) {
			err = nil
		}
	}
}

// deadline gives a begun message Timers.Partial to be complete, and an unknown
// peer a short life.
func (t *stream) deadline(begun time.Time) {
	var at time.Time
	if !begun.IsZero() {
		at = begun.Add(t.e.cfg.Timers.Partial)
	}
	if !t.dialled && !t.known() && (at.IsZero() || t.lifeOfStranger().Before(at)) {
		at = t.lifeOfStranger()
	}
	_ = t.c.SetReadDeadline(at) // fails only when closed: Read tells
}

// take hands on every whole message; false ends the connection.
func (t *stream) take(f *framer) bool {
	for {
		m, err := f.next()
		if err != nil {
			t.unreadable(m, err)
			return false
		}
		if m == nil {
			break
		}
		if !t.e.receive(m, t.hop(), t.remote) {
			return false
		}
	}
	if f.pings > 0 && (t.dialled || t.known()) {
		f.pings = 0
		return t.send([]byte("\r\n")) == nil
	}
	return true
}

// partial is called when a message did not become whole in time. An emergency
// INVITE goes on with what there is of it; anything else ends the connection.
func (t *stream) partial(f *framer) bool {
	if len(f.buf) == 0 || (!t.dialled && !t.known()) {
		return false
	}
	m := f.cut()
	switch {
	case m == nil:
		return false
	case m.method == "INVITE" && t.e.cfg.Emergency(m.uri):
		return t.e.receive(m, t.hop(), t.remote)
	}
	t.unreadable(m, errUnframed)
	return false
}

// unreadable answers the message after which the stream cannot be read on.
func (t *stream) unreadable(m *message, err error) {
	h := t.hop()
	known := t.known()
	t.e.counts.junk.Add(1)
	t.e.log.limited("tcp_unreadable", "sip stream ended", "error", err, "known", known)
	if m == nil || !m.request() || m.method == "ACK" || !known {
		return
	}
	code := 400
	if errors.Is(err, errTooLarge) {
		code = 513
	}
	t.e.refuse(m, h, t.remote, code, err.Error())
	t.flush()
}

// flush waits until what was queued is written, so that an answer leaves
// before the connection closes. The writer's deadline bounds the wait.
func (t *stream) flush() {
	t.mu.Lock()
	rest := t.queue
	t.queue, t.queued = nil, 0
	t.mu.Unlock()
	for _, b := range rest {
		if t.write(b) != nil {
			return
		}
	}
}

// connect opens a connection on the way w, or gives one that we opened before
// and that was heard from just now. TCP must connect within Timers.TCPConnect,
// TLS shake hands within Timers.Handshake. It never gives an accepted one.
func (e *Edge) connect(ctx context.Context, w way) (*stream, error) {
	if t := e.pooled(w); t != nil {
		return t, nil
	}
	if w.network != "tcp" && w.network != "tls" {
		return nil, errClientOpens
	}
	dialling, cancel := context.WithTimeout(ctx, e.cfg.Timers.TCPConnect)
	defer cancel()
	d := net.Dialer{LocalAddr: e.dialFrom(w)}
	c, err := d.DialContext(dialling, "tcp", w.dest.String())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	t := e.newStream(w.network, c, true)
	if w.network == "tls" {
		if err := t.shakeHands(ctx, w.name); err != nil {
			_ = c.Close() // the handshake's error tells more
			return nil, err
		}
	}
	if !e.remember(t) {
		t.close()
		return nil, ErrStopped
	}
	return t, nil
}

// dialFrom is the address that our listener has, so that the other side sees
// the source that it knows; nil lets the kernel choose.
func (e *Edge) dialFrom(w way) net.Addr {
	for _, l := range e.streams {
		a := l.addr.Addr()
		if l.network == w.network && !a.IsUnspecified() && a.Is4() == w.dest.Addr().Is4() && a.IsLoopback() == w.dest.Addr().IsLoopback() {
			return &net.TCPAddr{IP: a.AsSlice(), Zone: a.Zone()}
		}
	}
	return nil
}
