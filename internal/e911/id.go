package e911

import "github.com/google/uuid"

// Ids are UUIDv7 in text form (RFC 9562, section 5.7), each with a type of its
// own so that one cannot be passed for another. The zero value means "none".
type (
	// OrgID names an organisation; none means the world part.
	OrgID string
	// SiteID names a site: numbers, PSTN route, emergency mode and alerts.
	SiteID string
	// BuildingID names a building with one validated street address.
	BuildingID string
	// LocationID names a place inside a building that finds a caller.
	LocationID string
	// ElementID names a network element that maps to a location.
	ElementID string
	// UserID names a person who calls.
	UserID string
	// DeviceID names a device that calls.
	DeviceID string
	// NumberID names an E.164 number that is ours.
	NumberID string
	// TrunkID names a SIP trunk of either side.
	TrunkID string
	// PSAPID names a PSAP or the relay centre.
	PSAPID string
	// AlertID names an alert rule.
	AlertID string
	// ModelID names a device model.
	ModelID string
	// LayerID names a reference layer of the world part.
	LayerID string
	// OverrideID names an organisation's own choice of a PSAP.
	OverrideID string
	// CallID names one emergency or test call from its arrival on.
	CallID string
	// NoticeID names one notice to one destination; it is the Message-ID of
	// the mail and the id of the webhook, the same on every repetition.
	NoticeID string
)

// NewID mints an id that sorts by the time it was made.
func NewID[T ~string]() T {
	return T(uuid.Must(uuid.NewV7()).String())
}
