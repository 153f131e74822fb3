package report

import (
	"strings"

	"github.com/callbox911/callbox/internal/journal"
)

// tellsCallback reports whether facts of the kind tell something about a call
// back from a PSAP.
func tellsCallback(kind journal.Kind) bool {
	switch kind {
	case journal.CallbackBound, journal.CallbackCame, journal.CallbackRang, journal.CallbackAnswered, journal.CallbackEnded:
		return true
	}
	return false
}

// foldCallback tells of a call back; the record's own state is that of the
// emergency call and stays.
func foldCallback(f journal.Fact) Entry {
	switch f.Kind {
	case journal.CallbackBound:
		return read(f, func(b journal.Given) Entry {
			if !b.Crowded {
				return Entry{} // the attempt has the number
			}
			return Entry{Tone: ToneWarn, Title: "Shared callback", Detail: "Another call has the same ELIN: a call back rings both callers and the security desk."}
		})
	case journal.CallbackCame:
		return read(f, func(b journal.Came) Entry {
			return Entry{Title: "Call back to " + string(b.Number), Detail: capital(b.Why) + "."}
		})
	case journal.CallbackRang:
		return read(f, func(b journal.Rang) Entry { return Entry{Title: "Rings " + whoRings(b.What), Detail: b.To} })
	case journal.CallbackAnswered:
		return read(f, func(b journal.Back) Entry {
			return Entry{Tone: ToneGood, Title: "The call back was answered by " + whoRings(b.What)}
		})
	case journal.CallbackEnded:
		return read(f, func(b journal.Back) Entry {
			e := Entry{Title: "The call back ended", Detail: capital(b.Reason) + "."}
			if b.N == 0 {
				e.Tone = ToneWarn
			}
			return e
		})
	}
	return Entry{}
}

func whoRings(what string) string {
	switch what {
	case "device", "line":
		return "the telephone that called"
	case "user":
		return "the caller's own callback number"
	case "desk":
		return "the security desk"
	}
	return "the number's usual way"
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
