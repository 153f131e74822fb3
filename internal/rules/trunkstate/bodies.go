package trunkstate

import "time"

// How long a trunk is spared the full INVITE after it refused one and took the
// slim one (F-16): the first time, and at most. In between it doubles.
const (
	SlimFirst = time.Hour
	SlimMost  = 24 * time.Hour
)

// Bodies is what is known of which INVITEs a target takes: the full one, with a
// location body, or the slim one. What a call saw is better proof than what the
// target says of itself. The zero Bodies knows nothing.
type Bodies struct {
	Until   time.Time // the slim INVITE goes first until then
	Refused int       // how often in a row the full one was refused and the slim one taken
	Took    time.Time // when the full one was last taken; zero: not since the last refusal
	No, Yes int       // answers in a row that do not list, and that list, the bodies
	Why     string    // of Until, for a person
}

// Slim reports whether the slim INVITE goes first, and why. After Until the full
// one is tried again, once, to see.
func (b Bodies) Slim(now time.Time) (why string, slim bool) {
	if now.Before(b.Until) {
		return b.Why, true
	}
	return "", false
}

// TookFull is after a call whose full INVITE had an answer that was no refusal.
func (b Bodies) TookFull(at time.Time) Bodies {
	return Bodies{Took: at, No: b.No, Yes: b.Yes}
}

// TookSlim is after a call whose full INVITE was refused and whose slim one was
// not: the body was the reason.
func (b Bodies) TookSlim(at time.Time) Bodies {
	wait := SlimMost
	if b.Refused < 5 {
		wait = min(SlimFirst<<b.Refused, SlimMost)
	}
	b.Refused++
	b.Until, b.Took, b.Why = at.Add(wait), time.Time{}, "it refused the full INVITE on "+at.UTC().Format("2006-01-02 15:04 UTC")
	return b
}

// Says is after an answer to OPTIONS with an Accept field, which lists what a
// location needs or does not. One answer changes nothing (hysteresis).
func (b Bodies) Says(lists bool, at time.Time) Bodies {
	if lists {
		b.No = 0
		if b.Yes++; b.Yes >= GoodToUp && b.Refused == 0 {
			b.Until, b.Why = time.Time{}, ""
		}
		return b
	}
	b.Yes = 0
	if b.No++; b.No == MissesToDown && b.Took.IsZero() && b.Refused == 0 {
		b.Until, b.Why = at.Add(SlimFirst), "its answer to OPTIONS does not list multipart/mixed and application/pidf+xml"
	}
	return b
}
