package pgtest

import (
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/callbox911/callbox/internal/store/pgcluster"
)

// Proxy stands between a client and a server, and may swallow all that they say,
// as a network or a machine does that went silent: nobody is told of an end.
type Proxy struct {
	to   string
	in   net.Listener
	done chan struct{}
	wg   sync.WaitGroup

	mu    sync.Mutex
	gate  chan struct{} // closed: octets pass
	conns []net.Conn
}

// Through makes a proxy before the server of dsn, and says how one gets there.
func Through(t testing.TB, dsn string) (string, *Proxy) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	in, err := net.Listen("tcp", pgcluster.Host+":0") //nolint:noctx // a listener of a test
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{to: u.Host, in: in, done: make(chan struct{}), gate: make(chan struct{})}
	close(p.gate)
	u.Host = in.Addr().String()
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return u.String(), p
}

// Silence holds back every octet from now on; connections can be made and stay.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = make(chan struct{})
}

// Heal lets all pass, what was held back too.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.gate)
}

func (p *Proxy) close() {
	close(p.done)
	p.in.Close()
	p.mu.Lock()
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		from, err := p.in.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.to) //nolint:noctx // ends with the proxy
		if err != nil {
			from.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, from, to)
		p.mu.Unlock()
		p.wg.Go(func() { p.pass(from, to) })
		p.wg.Go(func() { p.pass(to, from) })
	}
}

func (p *Proxy) pass(from, to net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		gate := p.gate
		p.mu.Unlock()
		select {
		case <-gate:
		case <-p.done:
			return
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
