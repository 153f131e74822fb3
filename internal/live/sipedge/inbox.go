package sipedge

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"runtime"
	"runtime/debug"
)

const (
	// inboxEach datagrams wait in one lane of an inbox. The kernel's buffer before it
	// is counted in packets of two kilobytes, whatever is in them.
	inboxEach = 2048
	// inboxShed is how full a lane is when calls that are no emergency are left out
	// unread: their sender repeats them (RFC 3261, section 17.1.1.2).
	inboxShed = inboxEach * 3 / 4
)

// inbox takes datagrams from a socket as fast as they come and reads them on a few
// goroutines, so that a burst waits here and not in the kernel, which throws away
// what has no room, calls for help too. What belongs to one call keeps its order.
type inbox struct {
	e     *Edge
	lanes []chan datagram
}

type datagram struct {
	data []byte
	src  netip.AddrPort
}

// newInbox begins to read; false after the stop.
func (s *udpSock) newInbox() (*inbox, bool) {
	b := &inbox{e: s.e, lanes: make([]chan datagram, 2*runtime.GOMAXPROCS(0))}
	for i := range b.lanes {
		lane := make(chan datagram, inboxEach)
		b.lanes[i] = lane
		if !s.e.spawn(func() {
			for d := range lane {
				s.e.spared(func() { s.e.datagram(d.data, d.src, s) })
			}
		}) {
			b.lanes = b.lanes[:i]
			b.close()
			return nil, false
		}
	}
	return b, true
}

// close ends it when all that came is read.
func (b *inbox) close() {
	for _, lane := range b.lanes {
		close(lane)
	}
}

// put takes a copy of a datagram. Where there is little room, calls that are no
// emergency and all that strangers send are left out; where there is none, all but
// calls for help, which their senders repeat. For those the socket is not read on
// meanwhile.
func (b *inbox) put(data []byte, src netip.AddrPort) {
	lane := b.lanes[maphash.Bytes(b.e.seed, peekID(data))%uint64(len(b.lanes))]
	help := true // what cannot be told apart waits
	if len(lane) >= inboxShed {
		shed := false
		b.e.spared(func() {
			var invite bool
			invite, help = b.kind(data)
			shed = !help && (invite || !b.e.cfg.Known(Source{Addr: src.Addr(), Transport: "udp"}))
		})
		if shed || !help && len(lane) == cap(lane) {
			b.e.counts.shed.Add(1)
			return
		}
	}
	lane <- datagram{bytes.Clone(data), src} // one socket fills it, so that the room is still there
}

// spared runs what reads messages: a fault of ours in it costs what is being read,
// never the node with all its calls (E1).
func (e *Edge) spared(read func()) {
	defer func() {
		if r := recover(); r != nil {
			e.log.log.Error("the reader of a SIP message panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	read()
}

// kind reports a call, and one that is an emergency, from its first line alone.
func (b *inbox) kind(data []byte) (invite, help bool) {
	if !looksLikeInvite(data) {
		return false, false
	}
	line, _, _ := bytes.Cut(trimLeadingLines(data), []byte("\n"))
	m := &message{}
	return true, m.startLine(string(bytes.TrimRight(line, "\r"))) != nil || b.e.cfg.Emergency(m.uri)
}
