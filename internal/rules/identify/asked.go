package identify

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// FlagUnanswered says that the caller was asked where he is before first use, and
// that nobody knows his place yet (N-07). It says so beside the location that other
// evidence gives, and changes nothing about the call (E1, F-24).
const FlagUnanswered = "asked_not_answered"

// Placed reports that it is known where a user is: one of his numbers has an address of
// its own, or he said it, for a device or as his own, which said tells.
func Placed(user e911.UserID, numbers []e911.NumberRec, said string) bool {
	return said != "" || slices.ContainsFunc(numbers, func(n e911.NumberRec) bool { return n.User == user && n.Location != "" })
}

// Unanswered is when a user was asked where he is and did not answer; zero: he was
// not asked, or his place is known. nil: there is no user.
func Unanswered(u *e911.User, numbers []e911.NumberRec, said string) time.Time {
	if u == nil || Placed(u.ID, numbers, said) {
		return time.Time{}
	}
	return u.Asked
}
