package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
)

// node is one peer.
type node struct {
	name, base string
	http       *http.Client

	mu    sync.Mutex
	heard bool
	last  place      // of its facts that was taken up, or needed not be
	sip   []SIP      // where it takes calls
	at    netip.Addr // where we reach it
	from  netip.Addr // from where it reaches us
}

func newNode(p Peer, c *tls.Config) *node {
	d := net.Dialer{Timeout: dialWithin}
	return &node{name: p.Name, base: p.URL, http: &http.Client{
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSClientConfig: c, TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: dialWithin,
			MaxIdleConnsPerHost: 4, MaxConnsPerHost: maxAsking, IdleConnTimeout: time.Minute, DisableCompression: true, MaxResponseHeaderBytes: 8 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a node sends nobody elsewhere") },
	}}
}

// follow hears a peer until ctx ends, again after each break.
func (m *Mesh) follow(ctx context.Context, p *node) {
	wait, since := firstWait, m.cfg.Now()
	for {
		heard, err := m.stream(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if heard {
			wait, since = firstWait, m.cfg.Now()
			m.cfg.Log.Warn("a peer is not heard any more", obs.KeyNode, p.name, obs.Err(err))
		} else {
			m.cfg.Log.Debug("a peer is not reached", obs.KeyNode, p.name, obs.Err(err))
		}
		if m.cfg.Now().Sub(since) >= alarmAfter {
			m.alarm(AlarmSilent, p.name, "not reached for half a minute: "+err.Error())
		}
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return
		}
		wait = min(2*wait, longestWait)
	}
}

// stream hears a peer until it is silent; heard tells whether it spoke at all.
func (m *Mesh) stream(ctx context.Context, p *node) (heard bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(silentAfter, func() { cancel(errors.New("it is silent")) })
	defer silent.Stop()
	var at netip.Addr
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { at = remoteOf(i.Conn.RemoteAddr().String()) }})
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	q := url.Values{"node": {m.cfg.Node}, "seq": {strconv.FormatUint(last.seq, 10)}, "at": {strconv.FormatInt(last.at, 10)}}
	res, err := p.get(ctx, factsPath, q)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 4<<10), maxLine)
	pace := newPace(m.cfg.Rate)
	defer pace.stop()
	for lines.Scan() {
		silent.Reset(silentAfter)
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return heard, m.refuse(p, fmt.Errorf("what it says is unreadable: %w", err))
		}
		switch {
		case !heard:
			if err := m.greet(p, l.Hello, at); err != nil {
				return false, m.refuse(p, err)
			}
			heard = true
			defer p.lost()
		case l.Fact != nil:
			if err := m.fact(p, *l.Fact); err != nil {
				return true, m.refuse(p, err)
			}
			if err := pace.one(ctx); err != nil {
				return true, err
			}
		case l.Mark != nil:
			m.mark(p, *l.Mark)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return heard, err
	}
	if err := lines.Err(); err != nil {
		return heard, fmt.Errorf("hear %s: %w", p.name, err)
	}
	return heard, io.ErrUnexpectedEOF
}

func (m *Mesh) refuse(p *node, err error) error {
	m.alarm(AlarmRefused, p.name, err.Error())
	return err
}

// get asks a peer; the answer is 200.
func (p *node) get(ctx context.Context, path string, q url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", p.name, err)
	}
	res, err := p.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", p.name, err)
	}
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // for people
		res.Body.Close()
		return nil, fmt.Errorf("ask %s: it answers %s: %s", p.name, res.Status, bytes.TrimSpace(why))
	}
	return res, nil
}

// greet takes up who speaks.
func (m *Mesh) greet(p *node, h *hello, at netip.Addr) error {
	if h == nil || h.Node != p.name {
		return errors.New("another node answers at its address")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.Anew {
		p.last = place{}
	}
	p.heard, p.at, p.sip = true, at, reach(h.SIP, at)
	m.cfg.Log.Info("a peer is heard", obs.KeyNode, p.name, "from", p.last.seq+1)
	return nil
}

func (p *node) lost() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = false
}

// fact takes up one fact. Its time is the peer's, and never later than ours. One of
// a kind that is not told here is passed over: the peer may run a later version, and
// what else it tells counts (D-06).
func (m *Mesh) fact(p *node, f journal.Fact) error {
	p.mu.Lock()
	ok := f.Node == p.name && f.Seq > p.last.seq
	if ok {
		p.last = place{f.Seq, f.At.UnixMilli()}
	}
	p.mu.Unlock()
	switch {
	case !ok:
		return fmt.Errorf("fact %d of %q, %s, is none that it may tell now", f.Seq, f.Node, f.Kind)
	case !kinds[f.Kind]:
		m.alarm(AlarmRefused, p.name, fmt.Sprintf("it tells of %.60q, which this node does not take up; have all nodes run one version", f.Kind))
		return nil
	}
	m.hear(p, f)
	return nil
}

// hear gives a fact on. One that cannot be read costs only itself (F-31).
func (m *Mesh) hear(p *node, f journal.Fact) {
	defer func() {
		if v := recover(); v != nil {
			m.cfg.Log.Error("a fault while a peer's fact was taken up", obs.KeyNode, p.name, "kind", f.Kind, "fault", fmt.Sprint(v))
		}
	}()
	if now := m.cfg.Now(); f.At.After(now) {
		f.At = now.UTC().Truncate(time.Millisecond)
	}
	if err := m.cfg.Hear(p.name, f); err != nil {
		m.cfg.Log.Warn("a peer's fact is unreadable", obs.KeyNode, p.name, obs.Err(err))
	}
}

func (m *Mesh) mark(p *node, k mark) {
	p.mu.Lock()
	if k.Seq > p.last.seq {
		p.last = place{k.Seq, k.At}
	}
	p.mu.Unlock()
	if d := m.cfg.Now().Sub(time.UnixMilli(k.Now)).Abs(); d > clockWithin {
		m.alarm(AlarmClock, p.name, "its clock and ours differ by "+d.Round(time.Second).String()+": have both set by NTP; what is newer is told by them")
	}
}

// pace lets so many through in a second, without a clock.
type pace struct {
	tick *time.Ticker
	each int
	left int
}

func newPace(rate int) *pace {
	return &pace{tick: time.NewTicker(time.Second / ticks), each: rate / ticks, left: rate / ticks}
}

func (p *pace) stop() { p.tick.Stop() }

func (p *pace) one(ctx context.Context) error {
	if p.left--; p.left > 0 {
		return nil
	}
	select {
	case <-p.tick.C:
		p.left = p.each
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func remoteOf(s string) netip.Addr {
	ap, _ := netip.ParseAddrPort(s) // zero: it is not known
	return ap.Addr().Unmap()
}
