package journal

// CallChanged is the kind of what was asked for in the middle of a call, and what
// became of it (F-15).
const CallChanged Kind = "call.changed"

// What a Changed tells of.
const (
	ChangedReferred    = "referred"    // N asked to hand the call on to To; Code is our answer
	ChangedHeld        = "held"        // the caller's hold was answered and not passed on
	ChangedTurnedAway  = "turned_away" // somebody came for the place of N and got Code
	ChangedTransferred = "transferred" // N has the call now, to whom it was handed on
	ChangedReplaced    = "replaced"    // N has the call now, who came for the place of another
	ChangedReturned    = "returned"    // N has the call again: who it was handed on to is gone
	ChangedMoved       = "moved"       // the caller's telephone is at To now
	ChangedLeft        = "left"        // the server was stopped while the caller waited for an answer
	ChangedResumed     = "resumed"     // the next process goes on with a caller who waits; N attempts were out
)

// Changed is the body of CallChanged. N is an attempt, 0 the caller.
type Changed struct {
	What string `json:"what"`
	N    int    `json:"n"`
	Code int    `json:"code,omitempty"`
	To   string `json:"to,omitempty"`
	Why  string `json:"why,omitempty"` // for a person
}
