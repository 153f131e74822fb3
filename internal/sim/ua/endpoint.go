package ua

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Timers of RFC 3261, section 17.
const (
	t1      = 500 * time.Millisecond
	t2      = 4 * time.Second
	giveUp  = 64 * t1
	maxBody = 1 << 20
)

// Endpoint is one address with UDP and TCP. Safe for concurrent use.
type Endpoint struct {
	addr netip.AddrPort
	udp  *net.UDPConn
	tcp  *net.TCPListener

	mu      sync.Mutex
	pending map[string]chan *Message // responses wanted, by branch and method
	conns   map[netip.AddrPort]net.Conn
	wg      sync.WaitGroup
	closed  bool
	done    chan struct{}
}

// Listen binds UDP and TCP on one port; port 0 takes a free one.
func Listen(addr netip.AddrPort) (*Endpoint, error) {
	var lastErr error
	for range 20 { // a free UDP port may be taken on TCP
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
		if err != nil {
			return nil, fmt.Errorf("listen on tcp %s: %w", addr, err)
		}
		bound := tcp.Addr().(*net.TCPAddr).AddrPort()
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(bound))
		if err == nil {
			return &Endpoint{
				addr: bound, udp: udp, tcp: tcp,
				pending: map[string]chan *Message{}, conns: map[netip.AddrPort]net.Conn{}, done: make(chan struct{}),
			}, nil
		}
		tcp.Close()
		lastErr = fmt.Errorf("listen on udp %s: %w", bound, err)
		if addr.Port() != 0 {
			break
		}
	}
	return nil, lastErr
}

// Addr is the bound address.
func (e *Endpoint) Addr() netip.AddrPort { return e.addr }

// Run reads until ctx ends; handle gets each request on the reader's
// goroutine and must not block.
func (e *Endpoint) Run(ctx context.Context, handle func(*Message)) error {
	stop := context.AfterFunc(ctx, e.close)
	defer stop()
	e.wg.Go(func() { e.accept(handle) })
	buf := make([]byte, 65536)
	for {
		n, from, err := e.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			e.close()
			e.wg.Wait()
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read sip from udp: %w", err)
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		e.take(bytes.Clone(buf[:n]), "udp", from, func(b []byte) error {
			_, err := e.udp.WriteToUDPAddrPort(b, from)
			return err
		}, handle)
	}
}

func (e *Endpoint) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.closed = true
	close(e.done)
	e.udp.Close()
	e.tcp.Close()
	for _, c := range e.conns {
		c.Close()
	}
}

func (e *Endpoint) accept(handle func(*Message)) {
	for {
		c, err := e.tcp.Accept()
		if err != nil {
			return
		}
		e.serve(c, handle)
	}
}

// serve reads a TCP connection, accepted or dialled, on a goroutine of its own.
func (e *Endpoint) serve(c net.Conn, handle func(*Message)) {
	peer := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		c.Close()
		return
	}
	e.conns[peer] = c
	e.mu.Unlock()
	var wmu sync.Mutex
	write := func(b []byte) error {
		wmu.Lock()
		defer wmu.Unlock()
		_, err := c.Write(b)
		return err
	}
	e.wg.Go(func() {
		defer func() {
			c.Close()
			e.mu.Lock()
			if e.conns[peer] == c {
				delete(e.conns, peer)
			}
			e.mu.Unlock()
		}()
		r := bufio.NewReaderSize(c, 65536)
		for {
			data, err := readFrame(r)
			if err != nil {
				return
			}
			e.take(data, "tcp", peer, write, handle)
		}
	})
}

// readFrame reads one message of a stream: headers, then Content-Length octets
// (RFC 3261, section 18.3).
func readFrame(r *bufio.Reader) ([]byte, error) {
	var head bytes.Buffer
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if head.Len() == 0 && strings.TrimSpace(line) == "" {
			continue // keep-alive between messages
		}
		head.WriteString(line)
		if head.Len() > maxBody {
			return nil, errors.New("sip head too large")
		}
		if name, value, ok := strings.Cut(line, ":"); ok && (strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "l")) {
			length, err = strconv.Atoi(strings.TrimSpace(value))
			if err != nil || length < 0 || length > maxBody {
				return nil, errors.New("sip Content-Length out of range")
			}
		}
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return append(head.Bytes(), body...), nil
}

func (e *Endpoint) take(data []byte, transport string, from netip.AddrPort, reply func([]byte) error, handle func(*Message)) {
	m, err := Parse(data)
	if err != nil {
		return
	}
	m.Source, m.Transport, m.At, m.reply = from, transport, time.Now(), reply
	if m.Status() == 0 {
		handle(m)
		return
	}
	e.mu.Lock()
	ch := e.pending[key(m)]
	e.mu.Unlock()
	if ch != nil {
		select {
		case ch <- m:
		default: // a flood of provisional responses; the reader is behind
		}
	}
}

func key(m *Message) string { return param(m.Get("Via"), "branch") + " " + m.Method() }

// NewBranch makes a branch (RFC 3261, section 8.1.1.7).
func NewBranch() string { return "z9hG4bK" + rand.Text() }

func (e *Endpoint) addVia(m *Message, transport string) {
	if m.Get("Via") == "" {
		via := Header{"Via", fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(transport), e.addr, NewBranch())}
		m.Headers = append([]Header{via}, m.Headers...)
	}
}

// Send writes a request or ACK without waiting for a response; it adds the Via
// where there is none.
func (e *Endpoint) Send(ctx context.Context, m *Message, dest netip.AddrPort, transport string, handle func(*Message)) error {
	e.addVia(m, transport)
	if transport != "tcp" {
		_, err := e.udp.WriteToUDPAddrPort(m.Bytes(), dest)
		return err
	}
	e.mu.Lock()
	c := e.conns[dest]
	e.mu.Unlock()
	if c == nil {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.addr.Addr(), 0)), Timeout: 2 * time.Second}
		var err error
		if c, err = d.DialContext(ctx, "tcp", dest.String()); err != nil {
			return fmt.Errorf("connect to %s: %w", dest, err)
		}
		e.serve(c, handle)
	}
	_, err := c.Write(m.Bytes())
	return err
}

// Request runs a client transaction: the request is repeated over UDP until a
// response comes, and all responses arrive on the channel, which is closed
// after the final one (an INVITE's stays open for more 2xx until ctx ends) or
// when none came in 32 s.
func (e *Endpoint) Request(ctx context.Context, m *Message, dest netip.AddrPort, transport string, handle func(*Message)) (<-chan *Message, error) {
	e.addVia(m, transport)
	in := make(chan *Message, 32)
	k := key(m)
	e.mu.Lock()
	e.pending[k] = in
	e.mu.Unlock()
	if err := e.Send(ctx, m, dest, transport, handle); err != nil {
		e.mu.Lock()
		delete(e.pending, k)
		e.mu.Unlock()
		return nil, err
	}
	out := make(chan *Message, 32)
	e.wg.Go(func() {
		defer close(out)
		defer func() {
			e.mu.Lock()
			delete(e.pending, k)
			e.mu.Unlock()
		}()
		wait := t1
		again := time.NewTimer(wait)
		defer again.Stop()
		end := time.NewTimer(giveUp)
		defer end.Stop()
		if transport == "tcp" {
			again.Stop()
		}
		for {
			select {
			case r := <-in:
				again.Stop()
				if m.Method() == "INVITE" {
					end.Stop() // a ringing call may ring for long
				}
				select {
				case out <- r:
				case <-ctx.Done():
					return
				case <-e.done:
					return
				}
				if r.Status() >= 300 || (r.Status() >= 200 && m.Method() != "INVITE") {
					return
				}
			case <-again.C:
				_ = e.Send(ctx, m, dest, transport, handle) // the next repetition or the end will tell
				if wait *= 2; m.Method() != "INVITE" {
					wait = min(wait, t2)
				}
				again.Reset(wait)
			case <-end.C:
				return
			case <-e.done:
				return
			case <-ctx.Done():
				return
			}
		}
	})
	return out, nil
}
