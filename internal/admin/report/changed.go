package report

import "github.com/callbox911/callbox/internal/journal"

// changed tells what was asked for in the middle of a call (F-15). The record's
// own state stays: the call is up.
func changed(b journal.Changed) Entry {
	who := "The PSAP"
	if b.N == 0 {
		who = "The caller"
	}
	switch b.What {
	case journal.ChangedReferred:
		e := Entry{Title: who + " hands the call on", Detail: b.To}
		if b.Code >= 300 {
			e.Title, e.Tone = who+" wanted to hand the call on: refused", ToneWarn
			if b.Why != "" {
				e.Detail = capital(b.Why) + "."
			}
		}
		return e
	case journal.ChangedHeld:
		return Entry{Title: "The caller pressed hold", Detail: "The PSAP was not told: it goes on hearing the line."}
	case journal.ChangedTurnedAway:
		return Entry{Tone: ToneWarn, Title: "Somebody wanted a place in the call: refused", Detail: b.To}
	case journal.ChangedTransferred:
		return Entry{Title: "The call was handed on", Detail: b.To}
	case journal.ChangedReplaced:
		return Entry{Title: "Another telephone of the PSAP took the call over", Detail: b.To}
	case journal.ChangedReturned:
		return Entry{Title: "The call is back with the PSAP", Detail: "Who it was handed on to is gone."}
	case journal.ChangedMoved:
		return Entry{Title: "The caller's telephone is at another address", Detail: b.To}
	case journal.ChangedLeft:
		return Entry{Tone: ToneWarn, Title: "Callbox was stopped while the caller waited", Detail: "Nothing was cancelled; the next start goes on with the call."}
	case journal.ChangedResumed:
		return Entry{Tone: ToneWarn, Title: "Callbox was restarted while the caller waited: it goes on", Detail: capital(b.Why) + "."}
	}
	return Entry{}
}
