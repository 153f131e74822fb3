package journal

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// The kinds of fact about tests (F-28). Local 933 is a call with a record of its
// own, and none of these.
const (
	TestPlaced   Kind = "test.placed"   // a test went out over a trunk
	TestArranged Kind = "test.arranged" // an arranged 911 was agreed with a PSAP
	TestResult   Kind = "test.result"   // what came of it
	TestReceived Kind = "test.received" // somebody called a test URN, and we answered
	TestOverdue  Kind = "test.overdue"  // people were told that a trunk's monthly test is due
)

// PlacedTest is the body of TestPlaced.
type PlacedTest struct {
	Kind       string `json:"kind"` // as calltrace.Kind
	Trunk      Ref    `json:"trunk"`
	Dialled    string `json:"dialled"`
	By         string `json:"by,omitempty"` // who started it
	Target     string `json:"target,omitempty"`
	Code       int    `json:"code,omitempty"` // final; 0: none
	Answered   bool   `json:"answered"`
	DurationMS int64  `json:"duration_ms,omitempty"` // of the talk
	Heard      uint64 `json:"heard,omitempty"`       // packets of sound
	Slim       bool   `json:"slim,omitempty"`
	Verdict    string `json:"verdict"`
}

// Arranged is the body of TestArranged.
type Arranged struct {
	ID      string    `json:"id"`
	PSAP    string    `json:"psap"`    // key or name
	Contact string    `json:"contact"` // whom it was agreed with, at the PSAP
	For     time.Time `json:"for"`     // when 911 is to be called
	Trunk   string    `json:"trunk,omitempty"`
	Place   string    `json:"place,omitempty"` // where from
	Script  string    `json:"script,omitempty"`
	By      string    `json:"by,omitempty"`
}

// ArrangedResult is the body of TestResult. A later one of the same ID counts.
type ArrangedResult struct {
	ID       string      `json:"id"`
	Outcome  string      `json:"outcome"` // passed, failed, cancelled
	ReadBack string      `json:"read_back,omitempty"`
	Call     e911.CallID `json:"call,omitempty"` // its record
	// Evidence is a file that stays where it is: its name and what its bytes were.
	Evidence string `json:"evidence,omitempty"`
	SHA256   string `json:"sha256,omitempty"` // hexadecimal
	Bytes    int64  `json:"bytes,omitempty"`
	By       string `json:"by,omitempty"`
}

// ReceivedTest is the body of TestReceived.
type ReceivedTest struct {
	Service  string `json:"service"` // urn:service:test.sos...
	Trunk    Ref    `json:"trunk,omitzero"`
	Source   string `json:"source"`
	Device   *Ref   `json:"device,omitempty"`
	User     *Ref   `json:"user,omitempty"`
	Site     *Ref   `json:"site,omitempty"`
	Code     int    `json:"code"` // that we answered with
	Why      string `json:"why,omitempty"`
	ByValue  int    `json:"by_value"`
	ByRef    int    `json:"by_reference"`
	Located  bool   `json:"located"`
	PSAP     Ref    `json:"psap,omitzero"` // that a call would have gone to
	Loopback bool   `json:"loopback,omitempty"`
	Mirrored int    `json:"mirrored,omitempty"` // packets sent back
}

// OverdueTest is the body of TestOverdue.
type OverdueTest struct {
	Trunk Ref       `json:"trunk"`
	Last  time.Time `json:"last,omitzero"` // good through 933; zero: never
}
