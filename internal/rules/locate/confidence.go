package locate

import (
	"slices"
	"strings"
)

// Confidence grades an answer for people and programs that must choose whether
// to ask the caller again. It never changes which evidence wins.
//
//   - High: fresh, and either of a kind that names one spot by itself (switch or
//     adapter port, serving access point, DECT base, fixed hardware address, a
//     believed location in the INVITE) or borne out by fresh evidence of another
//     family (cable, radio, address, person, ...).
//   - Medium: fresh evidence of any other kind; aged wired evidence that fresh
//     evidence of another family bears out; and what would be high but for one
//     mark.
//   - Low: other aged evidence, all fall-backs, and medium with a mark.
//   - None: there is no location.
//
// A mark, each lowering by one grade: better evidence was contradicted;
// validation could not say that the address exists; the network saw the device
// elsewhere; the floor of a handset is not known; its clock is ahead.
type Confidence string

// The grades, best first.
const (
	High         Confidence = "high"
	Medium       Confidence = "medium"
	Low          Confidence = "low"
	NoConfidence Confidence = "none"
)

var grades = []Confidence{High, Medium, Low}

// confidence grades the chosen candidate of a decision.
func confidence(all []*standing, chosen *standing, flags []string) (grade Confidence, because string) {
	if chosen == nil {
		return NoConfidence, "nothing is known"
	}
	var why []string
	borneOut := chosen.borneOut(all)
	level := 2
	switch {
	case chosen.class == Fresh && exact(chosen.By):
		level = 0
		why = append(why, "fresh evidence that names one spot")
	case chosen.class == Fresh && borneOut != "":
		level = 0
		why = append(why, "fresh evidence")
	case chosen.class == Fresh:
		level = 1
		why = append(why, "fresh evidence of a coarse kind, alone")
	case chosen.class == Aged && wired(chosen.By) && borneOut != "":
		level = 1
		why = append(why, "old evidence of a cable")
	case chosen.class == Aged:
		why = append(why, "old evidence")
	default:
		why = append(why, "a fall-back")
	}
	if borneOut != "" {
		why = append(why, "borne out by "+borneOut)
	}
	for _, mark := range []struct{ flag, why string }{
		{FlagContradicted, "better evidence was contradicted"},
		{FlagUnverified, "nobody could say that the address exists"},
		{FlagFar, "the network saw the device elsewhere"},
		{FlagFloor, "the floor is not known"},
		{FlagClock, "its clock is ahead"},
		{FlagWeak, "the device may have changed its network since"},
	} {
		if slices.Contains(flags, mark.flag) {
			level++
			why = append(why, mark.why)
		}
	}
	return grades[min(level, len(grades)-1)], strings.Join(why, "; ")
}

// borneOut names fresh evidence of another family that agrees, "" when there is
// none.
func (st *standing) borneOut(all []*standing) string {
	for _, c := range all {
		if c == st || c.out != "" || c.class != Fresh || family(c.By) == family(st.By) {
			continue
		}
		if relate(st.Evidence, c.Evidence) == agree {
			return words(c.By)
		}
	}
	return ""
}
