package media

import (
	"net/netip"
	"time"
)

// moveAfter is how long the address in use must be silent before another may
// take its place: a translator that binds anew.
const moveAfter = 2 * time.Second

// latch decides where sound goes and whom we listen to: to where the SDP says
// until packets come, then back to where they come from (symmetric RTP). To
// hear a 933 is to hear somebody's address, so not any sender is followed:
// only the host of the SDP, the host that SIP came from, and, where the SDP
// names an address behind a translator, a public one.
type latch struct {
	signalled netip.AddrPort // of the SDP; invalid when it gave a host name
	sip       netip.Addr
	used      netip.AddrPort
	last      time.Time // of the last packet from used
}

func (l *latch) to() netip.AddrPort {
	if l.used.IsValid() {
		return l.used
	}
	return l.signalled
}

// accept reports whether a packet from there is the other side's.
func (l *latch) accept(from netip.AddrPort, at time.Time) bool {
	switch {
	case from == l.used:
	case !l.plausible(from.Addr()):
		return false
	case !l.used.IsValid(), from == l.signalled, at.Sub(l.last) >= moveAfter:
		l.used = from
	default:
		return false
	}
	l.last = at
	return true
}

func (l *latch) plausible(a netip.Addr) bool {
	s := l.signalled.Addr()
	return a == s || a == l.sip || (s.IsValid() && inside(s) && !inside(a))
}

// shared is RFC 6598, used by carriers behind their own translators.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// inside reports an address that only means something inside a network.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}
