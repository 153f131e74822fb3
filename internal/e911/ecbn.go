package e911

import "slices"

// ECBNChoice is what a member or a site chose as its emergency callback number
// (W-03). The words are those of the calling platforms.
type ECBNChoice string

// The choices. None, the zero value and the platforms' NONE: nothing is chosen,
// and the number of the area or the site counts.
const (
	ECBNNone     ECBNChoice = ""
	ECBNDirect   ECBNChoice = "DIRECT_LINE"            // members: the line itself
	ECBNLocation ECBNChoice = "LOCATION_ECBN"          // members: that of the area or the site
	ECBNMember   ECBNChoice = "LOCATION_MEMBER_NUMBER" // the number of somebody of the same site
	ECBNMain     ECBNChoice = "LOCATION_NUMBER"        // sites: the main number
)

// ECBN is the choice of a user, a device without one, or a line without one.
type ECBN struct {
	Choice ECBNChoice `json:"choice,omitempty"`
	// Member is a number of the same site; with ECBNMember alone.
	Member Number `json:"member,omitempty"`
}

// NumberStatus says whether a number is in service.
type NumberStatus string

// The states of a number. None: active.
const (
	NumberActive   NumberStatus = "active"
	NumberInactive NumberStatus = "inactive" // not in service: nobody can be called on it
)

// OwnerKind is what answers a number (W-05).
type OwnerKind string

// The owners of a number. None: a person when the number has a user, else not
// known.
const (
	OwnerPerson        OwnerKind = "person"
	OwnerWorkspace     OwnerKind = "workspace"
	OwnerVirtualLine   OwnerKind = "virtual_line"
	OwnerAutoAttendant OwnerKind = "auto_attendant"
	OwnerHuntGroup     OwnerKind = "hunt_group"
	OwnerOther         OwnerKind = "other"
)

// SiteArea is a part of a site with a callback number of its own (W-56):
// buildings as a whole, and locations. It is where the device is, not whose line
// it has. What it points to is never changed.
type SiteArea struct {
	Key       string       `json:"key"` // unique in the site
	Name      string       `json:"name,omitempty"`
	Buildings []BuildingID `json:"buildings,omitempty"`
	Locations []LocationID `json:"locations,omitempty"` // before the buildings that they are in
	ECBN      Number       `json:"ecbn"`
}

// AreaOf returns the area of the site that a place lies in.
func (s *Site) AreaOf(p Place) (SiteArea, bool) {
	for _, a := range s.Areas {
		if p.Location != "" && slices.Contains(a.Locations, p.Location) {
			return a, true
		}
	}
	for _, a := range s.Areas {
		if p.Building != "" && slices.Contains(a.Buildings, p.Building) {
			return a, true
		}
	}
	return SiteArea{}, false
}

// Callback is the site's own emergency callback number, none when it has none.
func (s *Site) Callback() Number {
	if s.ECBN == "" && s.ECBNChoice == ECBNMain {
		return s.MainNumber
	}
	return s.ECBN
}

// InService reports whether the number can be called.
func (n *NumberRec) InService() bool { return n.Status != NumberInactive }

// Answers is what answers the number; none when nobody said.
func (n *NumberRec) Answers() OwnerKind {
	if n.Owner == "" && n.User != "" {
		return OwnerPerson
	}
	return n.Owner
}
