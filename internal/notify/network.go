package notify

import (
	"fmt"

	"github.com/callbox911/callbox/internal/journal"
)

// networkHeadline says in one line which network element strands whom.
func networkHeadline(d journal.Due) string {
	n := d.Network
	line := fmt.Sprintf("%s: %s, %s", Happened(d), Who(d), Element(d))
	if n.ID == "" {
		line = fmt.Sprintf("Undefined network locations: %d more network elements strand devices, %d are open", n.More, n.Open)
	}
	line = cut(OneLine(line), maxHeadline)
	if d.Demonstration {
		line += " (demonstration)"
	}
	return line
}

// Element names the network element that strands devices, never nothing.
func Element(d journal.Due) string {
	if d.Network != nil {
		if s := OneLine(d.Network.Element); s != "" {
			return s
		}
	}
	return "an unknown network element"
}

// Likely says where such an element probably stands and why, or that nothing is
// near.
func Likely(d journal.Due) string {
	n := d.Network
	switch {
	case n == nil:
		return ""
	case n.Location == "":
		return "nothing on the network map is near it"
	case n.Place == "":
		return OneLine(n.Location + ": " + n.Why)
	}
	return OneLine(fmt.Sprintf("%s (%s): %s", n.Location, n.Place, n.Why))
}

// AssignCommand is what puts the element on the map; the id and the keys hold no
// character that a shell reads.
func AssignCommand(d journal.Due) string {
	n := d.Network
	if n == nil || n.ID == "" {
		return "callbox unknown list"
	}
	location := n.Location
	if location == "" {
		location = "LOCATION"
	}
	return fmt.Sprintf("callbox unknown assign %s %s --org %s", n.ID, location, n.OrgKey)
}
