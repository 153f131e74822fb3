package locate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Explain says a decision to a telecom administrator, a line each: the answer,
// how far to rely on it, what to watch, and each piece of evidence with the
// reason for which it won or lost (E11), best first. Keys are findings of the
// keys that were looked up (of Measured or a Recollection); those that a line
// speaks of already are left out.
func Explain(r Result, keys ...e911.Finding) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.By == e911.ByNothing || r.By == "" {
		add("Location: not known. A call would go to the relay centre, where somebody asks the caller.")
	} else {
		add("Location: %s", orNone(r.Place.Display))
		when := ""
		if !r.At.IsZero() {
			when = " of " + r.At.UTC().Format("2006-01-02 15:04:05Z")
		}
		add("Found by: %s%s (rank %d, %s)", words(r.By), when, r.Rank, say(r.Class))
	}
	add("Confidence: %s: %s", r.Confidence, orNone(r.Because))
	for _, f := range r.Flags {
		add("Note: %s", flagText(f))
	}
	for _, f := range r.Findings {
		add("%s", findingLine(f))
	}
	for _, k := range keys {
		if !slices.ContainsFunc(r.Findings, func(f e911.Finding) bool { return f.Rule == k.Rule && f.Said == k.Said }) {
			add("%s", findingLine(k))
		}
	}
	return out
}

func findingLine(f e911.Finding) string {
	var b strings.Builder
	switch {
	case f.Chosen:
		b.WriteString("  won:  ")
	case f.Place == "":
		b.WriteString("  none: ")
	default:
		b.WriteString("  lost: ")
	}
	b.WriteString(words(e911.LocatedBy(f.Rule)))
	if f.Said != "" {
		b.WriteString(", " + f.Said)
	}
	if f.At != nil && !f.At.IsZero() {
		b.WriteString(", " + f.At.UTC().Format("2006-01-02 15:04:05Z"))
	}
	if f.Place != "" {
		b.WriteString(" -> " + f.Place)
	}
	b.WriteString(": " + f.Why)
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "(without a text)"
	}
	return s
}

func flagText(flag string) string {
	switch flag {
	case FlagAged:
		return "the evidence is older than it should be; the device should ask again"
	case FlagCoarse:
		return "only the building is known"
	case FlagContradicted:
		return "better evidence fell because something fresher puts the device elsewhere"
	case FlagUnverified:
		return "nobody could say that the address exists"
	case FlagNotDispatch:
		return "no floor, room or other detail that finds the caller"
	case FlagClock:
		return "the device's clock is ahead of ours"
	case FlagUnlocated:
		return "no evidence can be used"
	case FlagFloor:
		return "floor unknown: no base or access point told where the handset is"
	case FlagWeak:
		return "the device may have changed its network since the evidence was taken"
	case FlagFar:
		return "the device says that it is here, but the network saw it elsewhere"
	case FlagAbroad:
		return "outside the countries that are served"
	}
	return flag
}
