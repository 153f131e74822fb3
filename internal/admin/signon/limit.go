package signon

import (
	"net/netip"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
)

// How failures are counted. A source is an address of version 4, or a /64 of
// version 6.
const (
	// maxPairWrong is how often one source may fail for one account in failFor.
	maxPairWrong = 8
	// maxSourceWrong is how often it may fail for all accounts together.
	maxSourceWrong = 60
	failFor        = 15 * time.Minute
	// maxCounted bounds what is remembered; when it is full the oldest goes.
	maxCounted = 50_000
)

// limiter counts failures. There is no count of an account alone: with one, anybody
// could shut an administrator out. Safe for concurrent use.
type limiter struct {
	mu    sync.Mutex
	wrong map[attempt]*count
}

type attempt struct {
	source  netip.Addr
	account string // "": all
}

type count struct {
	n     int
	since time.Time
}

func newLimiter() *limiter { return &limiter{wrong: map[attempt]*count{}} }

func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.Addr()
		}
	}
	return a
}

// wait is how long the source has to wait before it may try the account; zero: not
// at all.
func (l *limiter) wait(from netip.Addr, account string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var longest time.Duration
	for a, most := range map[attempt]int{{sourceOf(from), account}: maxPairWrong, {sourceOf(from), ""}: maxSourceWrong} {
		c := l.wrong[a]
		if c == nil || c.n < most || now.Before(c.since) { // the clock was set back: nobody waits for the time until then
			continue
		}
		if left := failFor - now.Sub(c.since); left > longest {
			longest = left
		}
	}
	return longest
}

// failed counts a failure.
func (l *limiter) failed(from netip.Addr, account string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range []attempt{{sourceOf(from), account}, {sourceOf(from), ""}} {
		c := l.wrong[a]
		if c == nil || now.Sub(c.since) >= failFor || now.Before(c.since) {
			if c == nil && len(l.wrong) >= maxCounted {
				l.forget(now)
			}
			c = &count{since: now}
			l.wrong[a] = c
		}
		c.n++
	}
}

// succeeded forgives the failures of this source for this account.
func (l *limiter) succeeded(from netip.Addr, account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wrong, attempt{sourceOf(from), account})
}

// forget makes room: what has ended goes, and when nothing has, the oldest.
func (l *limiter) forget(now time.Time) {
	var oldest attempt
	var at time.Time
	for a, c := range l.wrong {
		if now.Sub(c.since) >= failFor {
			delete(l.wrong, a)
		} else if at.IsZero() || c.since.Before(at) {
			oldest, at = a, c.since
		}
	}
	if len(l.wrong) >= maxCounted {
		delete(l.wrong, oldest)
	}
}

// AskedForLink counts that a source asked for the link of a forgotten password, and
// refuses it when it did so too often: nobody fills another's mailbox, or tries
// addresses out.
func (d *Desk) AskedForLink(from netip.Addr, email string) error {
	account := "link " + member.FoldEmail(email[:min(len(email), 254)])
	if d.limit.wait(from, account, d.now()) > 0 {
		return e911.Errorf(e911.Denied, "too many links were asked for from here; wait a quarter of an hour")
	}
	d.limit.failed(from, account, d.now())
	return nil
}
