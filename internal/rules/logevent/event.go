// Package logevent writes what happened in a call as LogEvents of the i3 logging
// service (NENA-STA-010.3, section 4.12.3). It makes the objects alone: they are
// neither signed nor sent.
//
// What is not known stays out: an event that would need it is not made, and a
// text that was not kept is empty and said to be so in the event's extension.
package logevent

import "time"

// Type is the kind of a LogEvent, logEventType.
type Type string

// The types that a call of ours has.
const (
	CallStart            Type = "CallStartLogEvent"
	CallEnd              Type = "CallEndLogEvent"
	CallSignalingMessage Type = "CallSignalingMessageLogEvent"
	CallStateChange      Type = "CallStateChangeLogEvent"
	RouteTaken           Type = "RouteLogEvent"
	LocationQuery        Type = "LocationQueryLogEvent"
	LocationResponse     Type = "LocationResponseLogEvent"
)

// Direction is that of a message or call as the element sees it.
type Direction string

// The directions.
const (
	Incoming Direction = "incoming"
	Outgoing Direction = "outgoing"
)

// State is of the registry "Call States" (NENA-STA-010.3, section 10.24).
type State string

// The states that a call of ours comes to.
const (
	Alerting  State = "callAlerting"
	Answered  State = "callAnswered"
	Cancelled State = "callCancel" // the caller gave up
)

// CallType is of the registry "LogEvent CallTypes" (NENA-STA-010.3, section 10.23).
type CallType string

// The types of call that come to us.
const (
	Emergency    CallType = "emergency"
	NonEmergency CallType = "nonEmergency"
)

// Values of LogEvents that are the same in all of ours.
const (
	protocolSIP = "SIP"
	// otherPolicy says that the rules of a route are named by policyId: ours are no
	// policy of an ESRP (NENA-STA-010.3, section 10.33).
	otherPolicy = "OtherRoutePolicy"
	ladderID    = "callbox-routes"
	unspecified = "454" // Unspecified Error, of the registry "Status Codes"
)

// stamp is the form of timestamps: RFC 3339 with fractions and the offset in
// digits, in UTC too (NENA-STA-010.3, section 2.3).
const stamp = "2006-01-02T15:04:05.000-07:00"

// Event is one LogEvent: the members that all have, then those of its type.
type Event struct {
	ClientAssigned string         `json:"clientAssignedIdentifier,omitempty"`
	Type           Type           `json:"logEventType"`
	Timestamp      string         `json:"timestamp"`
	Element        string         `json:"elementId"`
	Agency         string         `json:"agencyId"`
	Call           string         `json:"callId,omitempty"`
	Incident       string         `json:"incidentId,omitempty"`
	CallIDSIP      string         `json:"callIdSip,omitempty"`
	AddressPort    string         `json:"ipAddressPort,omitempty"`
	Direction      Direction      `json:"direction,omitempty"`
	CallType       CallType       `json:"standardPrimaryCallType,omitempty"`
	LocalCallType  string         `json:"localCallType,omitempty"`
	To             string         `json:"to,omitempty"`
	From           string         `json:"from,omitempty"`
	LocalUse       map[string]any `json:"localUse,omitempty"`
	Protocol       string         `json:"protocol,omitempty"`
	Recipient      string         `json:"recipientUri,omitempty"`
	Rule           string         `json:"ruleId,omitempty"`
	PolicyOwner    string         `json:"policyOwner,omitempty"`
	PolicyType     string         `json:"policyType,omitempty"`
	Policy         string         `json:"policyId,omitempty"`
	State          State          `json:"state,omitempty"`
	LegCallID      string         `json:"legCallId,omitempty"`
	Target         string         `json:"targetId,omitempty"`
	ChangeReason   string         `json:"changeReason,omitempty"`
	URI            string         `json:"uri,omitempty"`
	Query          string         `json:"queryId,omitempty"`
	Response       string         `json:"responseId,omitempty"`
	ResponseStatus string         `json:"responseStatus,omitempty"`
	Text           *string        `json:"text,omitempty"`
	Extension      map[string]any `json:"extension,omitempty"`

	at time.Time
}
