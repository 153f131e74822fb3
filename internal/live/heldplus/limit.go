package heldplus

import (
	"net/netip"
	"sync"
	"time"
)

// Limits bound what one asker may do. The zero value of a field is its default.
type Limits struct {
	// Source bounds the requests of one address, behind which may be a whole
	// office; of IPv6, of one /64.
	Source Rate
	Device Rate // of one device
	Wrong  Rate // wrong secrets of one address against one company
	New    Rate // devices of one organisation that were never seen before
}

// Rate is how many at once, and then one in each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

func (l *Limits) fill() {
	set := func(r *Rate, burst int, every time.Duration) {
		if r.Burst <= 0 || r.Every <= 0 {
			*r = Rate{burst, every}
		}
	}
	set(&l.Source, 2000, 5*time.Millisecond)
	set(&l.Device, 30, 2*time.Second)
	set(&l.Wrong, 10, 6*time.Second)
	set(&l.New, 2000, 20*time.Millisecond)
}

// limits are the buckets of all of them.
type limits struct {
	source, device, wrong, fresh *bucket
}

func newLimits(l Limits) limits {
	return limits{source: newBucket(l.Source), device: newBucket(l.Device), wrong: newBucket(l.Wrong), fresh: newBucket(l.New)}
}

// maxBuckets bounds each table.
const maxBuckets = 65536

// bucket counts per key. Who is turned out of a full table begins anew. Safe for
// concurrent use.
type bucket struct {
	rate Rate
	mu   sync.Mutex
	till map[string]time.Time // when the last of those counted is forgotten
}

func newBucket(r Rate) *bucket { return &bucket{rate: r, till: map[string]time.Time{}} }

// open reports whether one more would be let through; wait is how long not.
func (b *bucket) open(key string, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	till, there := b.till[key]
	if !there || till.Before(now) {
		return 0, true
	}
	over := till.Sub(now) - time.Duration(b.rate.Burst-1)*b.rate.Every
	return over, over <= 0
}

// take counts one, and reports whether it is let through.
func (b *bucket) take(key string, now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = b.open(key, now); !ok {
		return wait, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	till, there := b.till[key]
	if !there && len(b.till) >= maxBuckets {
		b.drop(now)
	}
	if till.Before(now) {
		till = now
	}
	b.till[key] = till.Add(b.rate.Every)
	return 0, true
}

// drop makes room: those that are forgotten anyway, else whichever of a few is
// forgotten first.
func (b *bucket) drop(now time.Time) {
	const look = 64
	first, n := "", 0
	for key, till := range b.till {
		if till.Before(now) {
			delete(b.till, key)
		} else if n == 0 || till.Before(b.till[first]) {
			first = key
		}
		if n++; n == look {
			break
		}
	}
	if len(b.till) >= maxBuckets {
		delete(b.till, first)
	}
}

// network is the address as limits count it.
func network(a netip.Addr) string {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "?"
	}
	return p.String()
}
