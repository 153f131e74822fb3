package sipedge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// hop is one way to a peer: where bytes go, on which socket.
type hop struct {
	network string
	addr    netip.AddrPort
	local   netip.AddrPort
	conn    *stream        // all but udp
	sock    *udpSock       // udp
	back    netip.AddrPort // tcp, tls, of a request: where its sender listens
	tap     *tap           // of a call that is traced
}

func (h hop) send(b []byte) error {
	err := h.put(b)
	if err == nil && h.tap != nil {
		h.tap.out(h, b)
	}
	return err
}

func (h hop) put(b []byte) error {
	if h.conn != nil {
		return h.conn.send(b)
	}
	if h.sock == nil {
		return errNoSocket
	}
	_, err := h.sock.c.WriteToUDPAddrPort(b, h.addr)
	if icmpError(err) { // of an earlier datagram; it is reported once
		_, err = h.sock.c.WriteToUDPAddrPort(b, h.addr)
	}
	if err != nil {
		return fmt.Errorf("write datagram: %w", withoutAddresses(err))
	}
	return nil
}

var errNoSocket = errors.New("no listener for this transport and address family")

// udpSock is one UDP listener. All datagrams leave from a listener, so that
// the other side sees the source address and port that it knows.
type udpSock struct {
	e    *Edge
	c    *net.UDPConn
	addr netip.AddrPort
}

// receiveBuffer rides out bursts of INVITEs; the kernel may grant less.
const receiveBuffer = 4 << 20

func (e *Edge) bind(l Listener) error {
	switch l.Network {
	case "udp":
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(l.Addr))
		if err != nil {
			return fmt.Errorf("listen for SIP: %w", err)
		}
		_ = c.SetReadBuffer(receiveBuffer)
		_ = c.SetWriteBuffer(receiveBuffer)
		reportUnreachable(c)
		e.udp = append(e.udp, &udpSock{e: e, c: c, addr: addrPort(c.LocalAddr())})
	default:
		t, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(l.Addr))
		if err != nil {
			return fmt.Errorf("listen for SIP: %w", err)
		}
		e.streams = append(e.streams, &streamSock{e: e, network: l.Network, l: t, addr: addrPort(t.Addr())})
	}
	return nil
}

// read runs until the socket is closed.
func (s *udpSock) read() {
	in, ok := s.newInbox()
	if !ok {
		return
	}
	defer in.close()
	buf := make([]byte, 64<<10)
	for {
		n, src, err := s.c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if icmpError(err) {
			for _, b := range unreachable(s.c) {
				s.e.undelivered(b)
			}
			continue
		}
		if err != nil {
			s.e.log.limited("udp_read", "sip datagram could not be read", "error", err)
			continue
		}
		src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
		in.put(buf[:n], src)
	}
}

// undelivered takes the beginning of a datagram of ours that did not arrive.
// The branch in it proves that the report is about what we sent.
func (e *Edge) undelivered(b []byte) {
	m, err := parseDatagram(b)
	if err != nil || !m.request() {
		return
	}
	for _, c := range e.table.get(m.callID) {
		c.undelivered(m)
	}
}

// datagram takes one datagram. From unknown sources nothing is parsed but an
// INVITE within the limit of 403s, and what names a call that is up.
func (e *Edge) datagram(data []byte, src netip.AddrPort, s *udpSock) {
	known := e.cfg.Known(Source{Addr: src.Addr(), Transport: "udp"})
	if !known && !e.welcome(data) && !looksLikeInvite(data) && len(e.table.get(peekCallID(data))) == 0 {
		return
	}
	m, err := parseDatagram(data)
	if err != nil {
		if known {
			e.counts.junk.Add(1)
			e.log.limited("udp_junk", "datagram is not SIP")
		}
		return
	}
	h := hop{network: "udp", addr: src, local: e.localFor(s.addr, src.Addr()), sock: s}
	e.receive(m, h, src)
}

// streamSock is one listener for connections.
type streamSock struct {
	e       *Edge
	network string
	l       *net.TCPListener
	addr    netip.AddrPort
}

func (s *streamSock) accept() {
	for {
		c, err := s.l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of file descriptors: wait, for otherwise this loop would spin.
			s.e.log.limited("tcp_accept", "sip connection could not be accepted", "error", err)
			if !s.e.pause(50 * time.Millisecond) {
				return
			}
			continue
		}
		t := s.e.newStream(s.network, c, false)
		if !s.e.doors.enter(t) {
			t.close()
			continue
		}
		if !s.start(t) {
			t.close()
			s.e.doors.leave(t)
		}
	}
}

// start reads from an accepted connection, after the handshakes that its
// network asks for; those run off the accept loop.
func (s *streamSock) start(t *stream) bool {
	if s.network == "tcp" {
		return s.e.remember(t)
	}
	return s.e.hold(t) && s.e.spawn(func() {
		if err := t.welcome(); err != nil {
			s.e.counts.junk.Add(1)
			s.e.log.limited("handshake", "sip connection ended in its handshake", "network", s.network, "error", err)
			t.close()
			s.e.forget(t)
			return
		}
		t.read()
	})
}

func (e *Edge) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// localFor is the address and port that a peer reaches the listener bound to
// bound at: the listener's own, or for a listener on any address the one that
// the kernel would send from.
func (e *Edge) localFor(bound netip.AddrPort, peer netip.Addr) netip.AddrPort {
	if !bound.Addr().IsUnspecified() {
		return bound
	}
	e.mu.Lock()
	local, ok := e.routes[peer]
	e.mu.Unlock()
	if !ok {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9)))
		if err != nil {
			return bound
		}
		local = addrPort(c.LocalAddr()).Addr()
		_ = c.Close() // nothing was sent
		e.mu.Lock()
		if len(e.routes) >= 1024 {
			clear(e.routes)
		}
		e.routes[peer] = local
		e.mu.Unlock()
	}
	return netip.AddrPortFrom(local, bound.Port())
}

// suits reports whether a socket bound to a can reach peer.
func suits(a, peer netip.Addr) bool {
	if a.IsUnspecified() {
		return true
	}
	return a.Is4() == peer.Is4() && a.IsLoopback() == peer.IsLoopback()
}

// udpHop is the way to dest by UDP.
func (e *Edge) udpHop(dest netip.AddrPort) (hop, error) {
	for _, s := range e.udp {
		if suits(s.addr.Addr(), dest.Addr()) {
			return hop{network: "udp", addr: dest, local: e.localFor(s.addr, dest.Addr()), sock: s}, nil
		}
	}
	return hop{}, errNoSocket
}

// streamHop is the way by an open connection. What we say of ourselves is the
// address of our listener: the peer may open a connection of its own to it.
func (e *Edge) streamHop(t *stream) hop {
	local := t.local
	for _, s := range e.streams {
		if s.network == t.network && suits(s.addr.Addr(), t.remote.Addr()) {
			local = netip.AddrPortFrom(t.local.Addr(), s.addr.Port())
			break
		}
	}
	return hop{network: t.network, addr: t.remote, local: local, conn: t}
}

func (h hop) origin() origin { return origin{network: h.network, local: h.local} }

// source is who is at the other end of the way, for a message from src.
func (h hop) source(src netip.AddrPort) Source {
	if h.conn != nil {
		return h.conn.source()
	}
	return Source{Addr: src.Addr(), Transport: h.network}
}

// FlowTo is the flow by UDP from one of our addresses to a remote one, for a
// telephone that registered before a restart; false when we do not listen there.
func (e *Edge) FlowTo(local, remote netip.AddrPort) (Flow, bool) {
	for _, s := range e.udp {
		if s.addr == local || s.addr.Addr().IsUnspecified() && s.addr.Port() == local.Port() {
			return Flow{h: hop{network: "udp", addr: remote, local: local, sock: s}}, remote.IsValid()
		}
	}
	return Flow{}, false
}

// withoutAddresses is an error of the network without the two ends that it names: a
// caller's address is not for the log.
func withoutAddresses(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
