package journal

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// What is learned of a place after its call began to be decided (F-17, E10).
const (
	// CallAsked: another location server was asked about a reference of the INVITE.
	CallAsked Kind = "call.asked"
	// CallRelocated: we believe that the caller is somewhere else than at the call's
	// start, or now know where.
	CallRelocated Kind = "call.relocated"
	// CallUpdated: the PSAP was sent it.
	CallUpdated Kind = "call.updated"
)

// DueLocation tells the people who were told of a call where the caller is now.
const DueLocation = "location_update"

// Asked is the body of CallAsked. The reference itself stands in the INVITE.
type Asked struct {
	Host       string     `json:"host,omitempty"` // none: it was not asked
	Method     string     `json:"method,omitempty"`
	At         time.Time  `json:"asked_at"`
	TookMS     int64      `json:"took_ms"`
	Place      string     `json:"place,omitempty"` // what came, for a person
	Finding    string     `json:"says,omitempty"`  // how it was found, or what keeps it from being believed
	EvidenceAt *time.Time `json:"evidence_at,omitempty"`
	Error      string     `json:"error,omitempty"` // why nothing came
	Ahead      bool       `json:"ahead,omitempty"` // known from the telephone's registration
	Late       bool       `json:"late,omitempty"`  // the call had gone on without it
}

// Relocated is the body of CallRelocated.
type Relocated struct {
	Located
	Why string `json:"why"` // what brought it
	// Was is where the caller was believed to be.
	Was string `json:"was,omitempty"`
}

// Updated is the body of CallUpdated: what the PSAP was sent in the call, and
// what it answered.
type Updated struct {
	N       int        `json:"n"` // attempt
	Place   e911.Place `json:"place"`
	PIDFLO  string     `json:"pidf_lo,omitempty"`
	Geo     string     `json:"geolocation,omitempty"`
	Request string     `json:"request"` // re-INVITE, UPDATE
	Code    int        `json:"code"`
	Error   string     `json:"error,omitempty"`
}
