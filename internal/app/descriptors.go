package app

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

const (
	// fewFiles is the limit of open files below which a start is warned of: a
	// thousand telephones on connections, and those who ask for their location.
	fewFiles = 8192
	// keptFiles stay free for what calls for help open: a connection to a PSAP,
	// the journal's next file.
	keptFiles = 1024
	// shareOfOne is the part of a listener's connections, as its divisor, that one
	// address may hold.
	shareOfOne = 4
)

// descriptors is how the open files that the system lets us have are shared
// out, so that neither location requests nor pages nor ordinary telephones can
// take the last one from a call for help.
type descriptors struct {
	Limit          int // of the process
	Kept           int // for calls for help
	SIP, HELD, Web int // connections
}

// shareDescriptors gives half of what is not kept to SIP, a quarter to the
// location server, an eighth to the pages; the rest is for the database, the
// journal and notices.
func shareDescriptors(limit int) descriptors {
	d := descriptors{Limit: limit, Kept: min(keptFiles, limit/4)}
	rest := limit - d.Kept
	d.SIP, d.HELD, d.Web = max(16, min(4096, rest/2)), max(16, min(8192, rest/4)), max(8, min(2048, rest/8))
	return d
}

// openDescriptors raises the limit of open files to what the system allows and
// shares it out.
func openDescriptors(log *slog.Logger) descriptors {
	limit, err := raiseOpenFiles()
	if err != nil {
		log.Warn("the limit of open files is not known; a thousand are assumed", obs.Err(err))
		limit = 1024
	}
	if limit < fewFiles {
		log.Warn("few files may be open at a time: raise the limit of the service (systemd: LimitNOFILE=65536)", "limit", limit, "wanted", fewFiles)
	}
	return shareDescriptors(limit)
}

// boundedListener closes connections beyond its number, and beyond a share of
// it those of one address, as soon as they come. Proxies may hold all.
type boundedListener struct {
	net.Listener
	most    int
	proxies []netip.Prefix
	log     *slog.Logger
	now     func() time.Time

	mu   sync.Mutex
	all  int
	by   map[netip.Addr]int
	told time.Time
}

func (s *Server) bounded(l net.Listener, most int) net.Listener {
	return &boundedListener{Listener: l, most: most, proxies: s.cfg.TrustedProxies, log: s.cfg.Log, now: s.cfg.Now, by: map[netip.Addr]int{}}
}

// Accept implements net.Listener.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http tells its errors apart
		}
		a := addrOf(c)
		if l.enter(a) {
			return &countedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(a) })}, nil
		}
		_ = c.Close() // it is refused
	}
}

func addrOf(c net.Conn) netip.Addr {
	ap, _ := netip.ParseAddrPort(c.RemoteAddr().String()) // zero: all such share
	return ap.Addr().Unmap()
}

func (l *boundedListener) enter(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	share := max(4, l.most/shareOfOne)
	for _, p := range l.proxies {
		if p.Contains(a) {
			share = l.most
		}
	}
	if l.all >= l.most || l.by[a] >= share {
		if now := l.now(); now.Sub(l.told) >= time.Minute {
			l.told = now
			l.log.Warn("connections are refused: there are too many", "listener", l.Addr().String(), obs.KeySrc, a, "open", l.all, "of_this_source", l.by[a])
		}
		return false
	}
	l.all++
	l.by[a]++
	return true
}

func (l *boundedListener) leave(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.by[a]--; l.by[a] <= 0 {
		delete(l.by, a)
	}
}

// countedConn gives its place back when it is closed.
type countedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
