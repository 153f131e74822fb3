// Package admission decides which calls are taken when more come than there is
// room for. Emergency calls never ask here (E1): they have room of their own.
//
// Ordinary calls are shared out fairly: who offers little is served while
// another floods. The decision costs the same whatever is offered.
package admission

import (
	"slices"
	"time"
)

// window is the time over which calls are counted: short, so that a second's
// flood does not use up the whole second's room at its beginning.
const window = 100 * time.Millisecond

// open is the part of the room that whoever comes first may take, in tenths.
// The last tenth is for sources below their fair share, and for newcomers: one
// source alone does not get it.
const open = 9

// MaxSources bounds the table. Beyond it new sources are counted as one.
const MaxSources = 4096

// Verdict is the answer to one call that asks.
type Verdict struct {
	OK         bool
	RetryAfter time.Duration // of a refusal
	Why        string        // of a refusal, for a person
}

// Shares counts the calls of each source. S is what tells sources apart: an
// address, a trunk. Not safe for concurrent use.
//
// What a source may have follows from what all of them offered in the window
// before: the room is shared out so that nobody who wants less than an equal
// part gets less than he wants (max-min fairness).
type Shares[S comparable] struct {
	rate  int // calls a window; 0: no bound
	begun time.Time
	all   int // taken in this window
	by    map[S]demand
	level int // what one source may have in this window; 0: no bound but the rate
}

// demand is what one source asked for in a window, and what it got.
type demand struct{ offered, taken int }

// NewShares takes a rate in calls a second; zero bounds nothing, and no rate is
// below ten calls a second.
func NewShares[S comparable](perSecond int) *Shares[S] {
	s := &Shares[S]{by: map[S]demand{}}
	if perSecond > 0 {
		s.rate = max(1, int(int64(perSecond)*int64(window)/int64(time.Second)))
	}
	return s
}

// Take asks for room for one call of a source.
func (s *Shares[S]) Take(source S, now time.Time) Verdict {
	if s.rate == 0 {
		return Verdict{OK: true}
	}
	s.turn(now)
	d, known := s.by[source]
	if !known && len(s.by) >= MaxSources {
		var others S // counted as one
		source, d = others, s.by[others]
	}
	d.offered++
	v := s.judge(d)
	if v.OK {
		d.taken++
		s.all++
	}
	s.by[source] = d
	return v
}

func (s *Shares[S]) judge(d demand) Verdict {
	switch {
	case s.all >= s.rate:
		return refused("there is no room for more ordinary calls now")
	case s.level > 0 && d.taken >= s.level:
		return refused("the source has had its share of the room for ordinary calls")
	case s.level == 0 && s.all*10 >= s.rate*open && d.taken > 0 && d.taken >= s.rate/(1+len(s.by)):
		return refused("the source has had its share of the room for ordinary calls")
	}
	return Verdict{OK: true}
}

func refused(why string) Verdict { return Verdict{RetryAfter: time.Second, Why: why} }

// turn begins a new window when the old one is over. A clock that was set back
// begins one too.
func (s *Shares[S]) turn(now time.Time) {
	d := now.Sub(s.begun)
	if d >= 0 && d < window {
		return
	}
	s.level = 0
	if d >= window && d < 2*window {
		s.level = s.share()
	}
	s.begun, s.all = now, 0
	clear(s.by)
}

// share is the equal part of those who want more than it; zero when there is
// room for all.
func (s *Shares[S]) share() int {
	wanted := make([]int, 0, len(s.by))
	sum := 0
	for _, d := range s.by {
		wanted = append(wanted, d.offered)
		sum += d.offered
	}
	room := s.rate * open / 10
	if sum <= room {
		return 0
	}
	slices.Sort(wanted)
	for i, w := range wanted {
		equal := room / (len(wanted) - i)
		if w > equal {
			return max(1, equal)
		}
		room -= w
	}
	return 0
}
