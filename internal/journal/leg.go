package journal

import "encoding/json"

// CallLeg is the kind of how the next process goes on with an attempt of a call
// whose caller still waits (F-02, D-17).
const CallLeg Kind = "call.leg"

// Leg is the body of CallLeg: an attempt as it is about to go out, written before
// its bytes go. The last one of an attempt counts. Like Dialogs it is no part of a
// record and leaves the node by no log.
type Leg struct {
	N int `json:"n"`
	// Attempt is what its CallAttempt says, but for the document and what became of
	// sending it.
	Attempt Attempt `json:"attempt"`
	// After: slim, because the full INVITE was refused in this call.
	After bool `json:"after,omitempty"`
	// SIP is the leg as the SIP edge writes it, with its INVITE.
	SIP json.RawMessage `json:"sip"`
	// Reference is the call's own location URI.
	Reference string `json:"reference,omitempty"`
}
