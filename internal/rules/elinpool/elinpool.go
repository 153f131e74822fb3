// Package elinpool decides which ELIN of a location a call is lent, so that a
// call back to the number finds the one who called (F-08). A location's numbers
// are divided among the nodes, so that two nodes never lend one number; a number
// is taken from the start of a call until a window after its end; a live call's
// never expires. When none is free the one whose call ended longest ago is lent
// a second time, and both calls share their callback. It is pure.
package elinpool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// The window runs from the end of a call (F-08; the usual one is that of Cisco
// Emergency Responder).
const (
	DefaultWindow = 180 * time.Minute
	MinWindow     = 10 * time.Minute
	MaxWindow     = 1440 * time.Minute
)

// Window bounds a window that somebody configured; zero: the default.
func Window(d time.Duration) time.Duration {
	if d == 0 {
		return DefaultWindow
	}
	return min(max(d, MinWindow), MaxWindow)
}

// Loan is the use of one number by one call. A number may have several.
type Loan struct {
	Number e911.Number
	Began  time.Time
	Ended  time.Time // of the call; zero: it is live
	// Elsewhere: another node lent it, before the nodes were divided as they are now.
	Elsewhere bool
}

// held reports whether the number is taken by the loan. The end of the window
// does not belong to it.
func (l Loan) held(window time.Duration, now time.Time) bool {
	return l.Ended.IsZero() || now.Before(l.Ended.Add(window))
}

// Node is one of the nodes that lend numbers; the zero Node is the only one.
type Node struct {
	Index int // from 0
	Of    int // how many there are; 0 counts as 1
}

// NodeOf finds a node's place among all by name. One that is not listed lends
// like the first: it is better than lending nothing.
func NodeOf(name string, all []string) Node {
	sorted := slices.Compact(slices.Sorted(slices.Values(all)))
	i := max(slices.Index(sorted, name), 0)
	return Node{Index: i, Of: len(sorted)}
}

// Question is a call that needs a number.
type Question struct {
	// Pool are the confirmed ELINs of the very location where the caller is, in any
	// order. An ELIN of another location has no place here.
	Pool   []e911.Number
	Node   Node
	Loans  []Loan        // of numbers in the pool; those of others do not matter
	Window time.Duration // as Window returns it
	// Line is the caller's own; where it is one of the node's it comes first, for
	// it is nobody else's.
	Line e911.Number
	Now  time.Time
}

// Answer is what a call is lent.
type Answer struct {
	Number e911.Number // none: the location has no confirmed ELIN
	// Shared: another call still holds the number; both lead to both callers.
	Shared bool
	// Used of Size of the node's numbers are taken, this one counted. Low: these
	// are 80 % or more (F-08).
	Used, Size int
	Low        bool
	Why        string // for a person
}

// lowAt is the part of a pool in use that is told of, in per cent (F-08).
const lowAt = 80

// Share is a node's part of a pool, sorted: every node has at least one number
// of a pool, so that each can lend.
func Share(pool []e911.Number, n Node) []e911.Number {
	all := slices.Compact(slices.Sorted(slices.Values(pool)))
	if n.Of <= 1 || len(all) == 0 {
		return all
	}
	var own []e911.Number
	for i, number := range all {
		if i%n.Of == n.Index {
			own = append(own, number)
		}
	}
	if own == nil {
		own = []e911.Number{all[n.Index%len(all)]}
	}
	return own
}

// use is what is known of one number.
type use struct {
	number e911.Number
	held   bool
	live   bool
	away   bool      // held by a loan of another node
	began  time.Time // of the newest live call
	ended  time.Time // latest end
}

func uses(q Question, share []e911.Number) []use {
	out := make([]use, len(share))
	for i, n := range share {
		u := use{number: n}
		for _, l := range q.Loans {
			if l.Number != n {
				continue
			}
			if l.held(q.Window, q.Now) {
				u.held, u.away = true, u.away || l.Elsewhere
			}
			if l.Ended.IsZero() {
				u.live = true
				if l.Began.After(u.began) {
					u.began = l.Began
				}
			} else if l.Ended.After(u.ended) {
				u.ended = l.Ended
			}
		}
		out[i] = u
	}
	return out
}

// Choose lends a number.
func Choose(q Question) Answer {
	q.Window = Window(q.Window)
	all := uses(q, Share(q.Pool, q.Node))
	a := Answer{Size: len(all)}
	if a.Size == 0 {
		a.Why = "the location has no confirmed ELIN"
		return a
	}
	var free []use
	for _, u := range all {
		if u.held {
			a.Used++
		} else {
			free = append(free, u)
		}
	}
	if len(free) > 0 {
		u := slices.MinFunc(free, q.byRest)
		a.Number, a.Why = u.number, "free, and unused for longest"
		if u.number == q.Line {
			a.Why = "the caller's own line"
		} else if a.Size == 1 {
			a.Why = "the only one of the location"
		}
		a.Used++
	} else {
		u := slices.MinFunc(all, longestEnded)
		a.Number, a.Shared = u.number, true
		a.Why = fmt.Sprintf("none of %d is free: that of the call that ended longest ago, shared with it", a.Size)
		if u.live {
			a.Why = fmt.Sprintf("all of %d are in live calls: that of the oldest, shared with it", a.Size)
		}
	}
	a.Low = a.Used*100 >= a.Size*lowAt
	return a
}

// byRest puts the caller's own line first, then what was never lent, then what
// rests for longest; of equal ones the lowest.
func (q Question) byRest(x, y use) int {
	own := func(u use) int {
		if q.Line != "" && u.number == q.Line {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(own(x), own(y)), x.ended.Compare(y.ended), cmp.Compare(x.number, y.number))
}

// longestEnded puts numbers without a live call first, by the end of their last
// call; then those in live calls, the oldest first. Of both, those that no other
// node lent come before the others.
func longestEnded(x, y use) int {
	order := func(u use) (n int) {
		if u.live {
			n = 2
		}
		if u.away {
			n++
		}
		return n
	}
	if d := cmp.Compare(order(x), order(y)); d != 0 {
		return d
	}
	if x.live {
		return cmp.Or(x.began.Compare(y.began), cmp.Compare(x.number, y.number))
	}
	return cmp.Or(x.ended.Compare(y.ended), cmp.Compare(x.number, y.number))
}
