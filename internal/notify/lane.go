package notify

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

const (
	// maxWaiting bounds the notices that wait for one destination; the oldest
	// is given up for a newer one.
	maxWaiting = 20_000
	// manyWaiting notices for one destination are told without waiting for a disk
	// between them: a kill then repeats those of the last milliseconds.
	manyWaiting = 64
	// maxRefusals is how often a destination that works may refuse one notice
	// until it is given up: some 20 minutes.
	maxRefusals = 12
	// minGap lies between two tries on a destination that is down.
	minGap = time.Second
)

// share is how many notices of a channel are on their way at once: in all, and
// for one organisation, so that none fills the way for others (E14).
// Destinations that are down have shares of their own, so that many dead ones
// do not delay the first word to a good one.
var (
	share = map[string][2]int{Mail: {8, 4}, Webhook: {128, 16}, Mail + again: {4, 2}, Webhook + again: {32, 8}, Mail + aside: {1, 1}, Mail + aside + again: {1, 1}}
	other = [2]int{32, 8}
)

const again = " again"

// aside marks the way of notices that are about no call: they go one after the other,
// beside those that are, and hold none of them up, not even to the same person.
const aside = " aside"

// wayOf is the lane of a notice.
func wayOf(n Notice) destination {
	if n.Due.FirstUse != nil {
		return destination{n.Channel + aside, n.To}
	}
	return destination{n.Channel, n.To}
}

// entry is a notice that is still to be told. While it is in a lane, that
// lane's goroutine alone touches it.
type entry struct {
	Notice
	tries    int
	refusals int
	next     time.Time // not before; zero: at once
}

type destination struct{ channel, to string }

// sender owns the lanes. Safe for concurrent use.
type sender struct {
	now      func() time.Time
	first    time.Duration
	long     time.Duration
	maxAge   time.Duration
	deliver  func(ctx context.Context, e *entry) error
	outcome  func(e *entry, err error, gaveUp bool) // after each try, and when given up; may wait a little
	stopped  context.Context                        // no new try begins after it
	hard     context.Context                        // tries are cut off
	lanes    sync.WaitGroup
	orgSlots map[string]map[e911.OrgID]chan struct{}
	slots    map[string]chan struct{}

	mu    sync.Mutex
	by    map[destination]*lane
	held  bool // notices are queued and none is sent
	ended bool
}

// lane is one destination. Its goroutine lives while something waits.
type lane struct {
	queue     []*entry // guarded by sender.mu
	news      chan struct{}
	downUntil time.Time
	fails     int
	lastTry   time.Time
	early     bool // the next try is one that news brought forward
}

// add queues e. It returns the entry that was pushed out, if any.
func (s *sender) add(e *entry) (out *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil // it stays pending in the outbox
	}
	d := wayOf(e.Notice)
	l := s.by[d]
	fresh := l == nil
	if fresh {
		l = &lane{news: make(chan struct{}, 1)}
		s.by[d] = l
	}
	// A backlog that is found later goes before what came meanwhile.
	at := len(l.queue)
	for at > 0 && l.queue[at-1].At.After(e.At) {
		at--
	}
	l.queue = slices.Insert(l.queue, at, e)
	if len(l.queue) > maxWaiting {
		i := 0
		if !fresh && !s.held {
			i = 1 // the first may be on its way
		}
		out = l.queue[i]
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	switch {
	case s.held:
	case fresh:
		s.begin(d, l)
	default:
		poke(l.news)
	}
	return out
}

// begin starts a lane's goroutine; called with mu held.
func (s *sender) begin(d destination, l *lane) {
	s.lanes.Add(1)
	go func() { defer s.lanes.Done(); s.run(d, l) }()
}

// release lets what was held be sent.
func (s *sender) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held {
		return
	}
	s.held = false
	for d, l := range s.by {
		s.begin(d, l)
	}
}

// forget takes a notice that is held out of its queue.
func (s *sender) forget(id e911.NoticeID) (*entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.by {
		if i := slices.IndexFunc(l.queue, func(e *entry) bool { return e.ID == id }); i >= 0 && s.held {
			e := l.queue[i]
			l.queue = slices.Delete(l.queue, i, i+1)
			return e, true
		}
	}
	return nil, false
}

// lowest returns the smallest number of a fact with a pending notice.
func (s *sender) lowest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var low uint64
	for _, l := range s.by {
		for _, e := range l.queue {
			if e.Seq > 0 && (low == 0 || e.Seq < low) {
				low = e.Seq
			}
		}
	}
	return low
}

// each calls do with every notice that waits; none of them is settled before
// do returns.
func (s *sender) each(do func(Notice)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.by {
		for _, e := range l.queue {
			do(e.Notice)
		}
	}
}

// waiting returns how many notices wait, for tests and metrics.
func (s *sender) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, l := range s.by {
		n += len(l.queue)
	}
	return n
}

// crowded reports that many notices wait for the destination of e.
func (s *sender) crowded(e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.by[wayOf(e.Notice)]
	return l != nil && len(l.queue) > manyWaiting
}

// end lets no further lane begin, and waits for all of them.
func (s *sender) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.lanes.Wait()
}

// run tells one destination everything, in order, until nothing is left.
func (s *sender) run(d destination, l *lane) {
	for {
		e, wait, ok := s.pick(d, l)
		if !ok {
			return
		}
		if e == nil {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-l.news:
				// Something new to tell: the destination may be up again.
				if soon := l.lastTry.Add(minGap); soon.Before(l.downUntil) {
					l.downUntil, l.early = soon, true
				}
			case <-s.stopped.Done():
				t.Stop()
				return
			}
			t.Stop()
			continue
		}
		if s.now().Sub(e.At) > s.maxAge {
			s.drop(l, e)
			s.outcome(e, errTooOld, true)
			continue
		}
		way := d.channel
		if l.fails > 0 {
			way += again
		}
		release, ok := s.acquire(way, e.Org)
		if !ok {
			return
		}
		err := s.deliver(s.hard, e)
		release()
		if s.hard.Err() != nil && err != nil {
			return // cut off by the stop: it stays pending
		}
		s.judge(l, e, err)
	}
}

var errTooOld = errors.New("too old to be told")

// judge decides what follows from one try.
func (s *sender) judge(l *lane, e *entry, err error) {
	now := s.now()
	e.tries++
	l.lastTry = now
	defer func() { l.early = false }()
	switch {
	case err == nil:
		l.fails, l.downUntil = 0, time.Time{}
		s.drop(l, e)
		s.outcome(e, nil, false)
	case errors.Is(err, ErrGone):
		s.drop(l, e)
		s.outcome(e, err, true)
	case errors.Is(err, ErrRefused):
		l.fails, l.downUntil = 0, time.Time{}
		e.refusals++
		e.next = now.Add(s.pause(e.refusals))
		gaveUp := e.refusals >= maxRefusals
		if gaveUp {
			s.drop(l, e)
		}
		s.outcome(e, err, gaveUp)
	default:
		if !l.early { // such a try says nothing of how long the outage lasts
			l.fails++
		}
		l.downUntil = now.Add(s.pause(l.fails))
		s.outcome(e, err, false)
	}
}

// pause grows from the first to the longest.
func (s *sender) pause(fails int) time.Duration {
	p := s.first
	for range fails - 1 {
		if p *= 2; p >= s.long {
			return s.long
		}
	}
	return min(p, s.long)
}

// pick returns the next notice to try, or how long to wait for one. ok is
// false when the lane is over, because nothing waits or the sender stops.
func (s *sender) pick(d destination, l *lane) (e *entry, wait time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Err() != nil {
		return nil, 0, false
	}
	if len(l.queue) == 0 {
		delete(s.by, d)
		return nil, 0, false
	}
	now := s.now()
	if l.downUntil.After(now) {
		return nil, l.downUntil.Sub(now), true
	}
	var soonest time.Time
	for _, e := range l.queue {
		if !e.next.After(now) {
			return e, 0, true
		}
		if soonest.IsZero() || e.next.Before(soonest) {
			soonest = e.next
		}
	}
	return nil, soonest.Sub(now), true
}

// drop takes e out of the queue.
func (s *sender) drop(l *lane, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(l.queue, e); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

// acquire takes a place on a way, the organisation's own first.
func (s *sender) acquire(way string, org e911.OrgID) (release func(), ok bool) {
	s.mu.Lock()
	limits, known := share[way]
	if !known {
		limits = other
	}
	all := s.slots[way]
	if all == nil {
		all = make(chan struct{}, limits[0])
		s.slots[way] = all
		s.orgSlots[way] = map[e911.OrgID]chan struct{}{}
	}
	own := s.orgSlots[way][org]
	if own == nil {
		own = make(chan struct{}, limits[1])
		s.orgSlots[way][org] = own
	}
	s.mu.Unlock()
	select {
	case own <- struct{}{}:
	case <-s.stopped.Done():
		return nil, false
	}
	select {
	case all <- struct{}{}:
	case <-s.stopped.Done():
		<-own
		return nil, false
	}
	return func() { <-all; <-own }, true
}
