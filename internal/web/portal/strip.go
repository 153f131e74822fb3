package portal

import (
	"fmt"
	"time"
)

// Strip is the band at the top that is always there: calm, or red with the
// newest emergency call in progress.
type Strip struct {
	Alert   bool
	Call    Row // the newest emergency call in progress
	Others  string
	Title   string
	Detail  string
	Demo    bool
	Message string // said to screen readers
}

// NewStrip makes the band from the calls in progress and the past days.
func NewStrip(l Lists, demonstration bool, now time.Time) Strip {
	s := Strip{Demo: demonstration}
	n := 0
	for _, r := range l.Live {
		if r.Emergency {
			s.Call = r // oldest first: the last is the newest
			n++
		}
	}
	if n > 0 {
		s.Alert = true
		s.Title = "911 call from " + s.Call.Who
		s.Detail = or(s.Call.Where, "Finding out where")
		if n > 1 {
			s.Others = fmt.Sprintf("and %d more", n-1)
		}
		s.Message = s.Title + ". " + s.Detail + ". " + s.Call.Status
		return s
	}
	s.Title = "No 911 call in progress"
	s.Detail = "A new call shows here the moment it arrives."
	for _, d := range l.Past {
		for _, r := range d.Rows {
			if r.Emergency {
				s.Detail = fmt.Sprintf("Last one: %s at %s, %s", d.Label, r.Clock, r.Who)
				return s
			}
		}
	}
	return s
}
