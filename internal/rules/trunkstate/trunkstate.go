// Package trunkstate decides from what was heard of a trunk's target whether it
// is up. It is pure: events go in with their times, states come out.
//
// Promises: one lost probe takes nothing down and one good answer after an outage
// brings nothing back (hysteresis), so that calls do not follow a flapping
// target; a call that got an answer is better proof than any probe, and one that
// heard nothing at all is too.
package trunkstate

import "time"

// State is how a target or a trunk is.
type State string

// The states.
const (
	Unknown  State = "unknown"  // nothing was heard yet: it is tried as if it were up
	Up       State = "up"       //
	Degraded State = "degraded" // a target missed a probe; of a trunk: some of its targets are down
	Down     State = "down"     // skipped on the first pass of a call
)

// How often something must happen before the state follows.
const (
	MissesToDown = 2
	GoodToUp     = 3
	// SilentFor is how long a target that no probe asks is skipped after a call
	// heard nothing from it.
	SilentFor = 30 * time.Second
)

// Kind is what happened.
type Kind string

// The kinds of event.
const (
	Answered Kind = "answered" // a probe had an answer that shows life
	Missed   Kind = "missed"   // a probe had none, or the target says that it is out of service
	Heard    Kind = "heard"    // a call had a response
	Silent   Kind = "silent"   // a call heard nothing
)

// Event is something that happened to a target. Why is for a person.
type Event struct {
	Kind Kind
	At   time.Time
	Why  string
}

// Target is what is known of one target. The zero Target is unknown.
type Target struct {
	State  State
	Since  time.Time // of State
	Misses int       // probes in a row without an answer
	Good   int       // good answers in a row, while it is down
	Why    string    // of the last miss; empty when the last thing heard was good
	Until  time.Time // end of a silence, of a target that no probe asks
}

// Step returns the target after an event. Probed says that probes ask it, so
// that they will find out when it is back.
func (t Target) Step(e Event, probed bool) Target {
	if t.State == "" {
		t.State = Unknown
	}
	next := t.State
	switch e.Kind {
	case Answered:
		t.Misses, t.Why = 0, ""
		if next = Up; t.State == Down {
			if t.Good++; t.Good < GoodToUp {
				next = Down
			}
		}
	case Missed:
		t.Good, t.Why = 0, e.Why
		if t.Misses++; t.State != Down {
			if next = Degraded; t.Misses >= MissesToDown {
				next = Down
			}
		}
	case Heard:
		t.Misses, t.Why, next = 0, "", Up
	case Silent:
		t.Good, t.Misses, t.Why, next = 0, max(t.Misses, MissesToDown), e.Why, Down
	}
	t.Until = time.Time{}
	if next == Down && !probed {
		t.Until = e.At.Add(SilentFor)
	}
	if next != Down {
		t.Good = 0
	}
	if next != t.State {
		t.State, t.Since = next, e.At
	}
	return t
}

// Skip reports that a call leaves the target out on its first pass (F-03).
func (t Target) Skip(now time.Time) bool {
	return t.State == Down && (t.Until.IsZero() || now.Before(t.Until))
}

// Of is the state of a trunk with these targets: up or down when all of them
// are, degraded when some are down.
func Of(targets []Target) State {
	count := map[State]int{}
	for _, t := range targets {
		count[t.State]++
	}
	down := count[Down]
	switch {
	case len(targets) > 0 && down == len(targets):
		return Down
	case down > 0:
		return Degraded
	case count[Up]+count[Degraded] > 0 && count[Unknown]+count[""] == 0:
		return Up
	}
	return Unknown
}

// Next is how long after a probe the next one follows: a target that missed is
// asked more often, so that its end and its return are seen early.
func (t Target) Next(every time.Duration) time.Duration {
	if t.Misses > 0 || t.State == Down {
		return min(every, 10*time.Second)
	}
	return every
}
