package identify

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// FlagUnanswered says that the caller was asked where he is before first use, and
// that nobody knows his place yet (N-07). It says so beside the location that other
// evidence gives, and changes nothing about the call (E1, F-24).
const FlagUnanswered = "asked_not_answered"

// Unanswered is when a user was asked where he is and did not answer; zero: he was
// not asked, or his place is known: one of his numbers has an address of its own, or
// he said it for a device, which said tells. nil: there is no user.
func Unanswered(u *e911.User, numbers []e911.NumberRec, said string) time.Time {
	if u == nil || said != "" {
		return time.Time{}
	}
	for _, n := range numbers {
		if n.User == u.ID && n.Location != "" {
			return time.Time{}
		}
	}
	return u.Asked
}
