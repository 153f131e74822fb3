package journal

import (
	"encoding/json"
	"time"
)

// Dialogs is the body of CallDialog: what the next process needs to go on with a
// call that is up (D-17). The last one of a call counts. It is no part of a
// record, and like a leg's location it leaves the node by no log: media may be
// described in it with their keys.
type Dialogs struct {
	N          int       `json:"n"` // the attempt that answered
	Rung       Rung      `json:"rung"`
	AnsweredAt time.Time `json:"answered_at"`
	// Caller and PSAP are the two legs as the SIP edge writes them.
	Caller json.RawMessage `json:"caller"`
	PSAP   json.RawMessage `json:"psap"`
	// CallerSDP and PSAPSDP are what either side said last of its media.
	CallerSDP []byte `json:"caller_sdp,omitempty"`
	PSAPSDP   []byte `json:"psap_sdp,omitempty"`
	// Incident is the id of the incident, Reference the call's own location URI.
	Incident  string `json:"incident,omitempty"`
	Reference string `json:"reference,omitempty"`
	// HandedOver: the process was stopped, not killed.
	HandedOver bool `json:"handed_over,omitempty"`
}
