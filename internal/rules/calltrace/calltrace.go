// Package calltrace turns what a test call did into something that a person can
// read: a ladder of messages with what each carried and what was decided between
// them, and a verdict that says what to do. It is pure; live/trial gathers what
// it is given.
//
// Nothing secret comes out: credentials, nonces and the part of a location
// reference that gives access are left out. Numbers and places do come out, and
// so this is shown to an operator who asked for it, and written nowhere else.
package calltrace

import "time"

// Kind says which test it was (F-28). Kinds are never mixed.
type Kind string

// The kinds of test that go out over a trunk.
const (
	Through933 Kind = "through_933" // to the carrier's own 933
	TestURN    Kind = "test_urn"    // urn:service:test.sos
	Other      Kind = "other"       // to a number or URI that the operator named
	Options    Kind = "options"     // no call at all
	Inbound    Kind = "inbound"     // nothing was sent: calls only come from this trunk
)

// Words names the kind for a person.
func (k Kind) Words() string {
	switch k {
	case Through933:
		return "through 933"
	case TestURN:
		return "test URN"
	case Options:
		return "OPTIONS"
	case Inbound:
		return "nothing to call"
	}
	return "test call"
}

// Report is one test, from beginning to end.
type Report struct {
	Trunk   string    `json:"trunk"`
	Org     string    `json:"org,omitempty"` // key
	Side    string    `json:"side"`
	Profile string    `json:"profile,omitempty"`
	Kind    Kind      `json:"kind"`
	Dialled string    `json:"dialled,omitempty"`
	Number  string    `json:"number,omitempty"` // that went out as the caller's
	Place   string    `json:"place,omitempty"`
	By      string    `json:"by,omitempty"` // who started it
	At      time.Time `json:"at"`

	Steps   []Step  `json:"steps"`
	Tries   []Try   `json:"tries,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Heard is how many packets of sound came while the call was up, Talk how long
	// it was.
	Heard uint64        `json:"heard,omitempty"`
	Talk  time.Duration `json:"talk_ns,omitempty"`
}

// StepKind is what a Step is.
type StepKind string

// The kinds of Step.
const (
	Decided   StepKind = "decided"   // by us; What says it
	Connected StepKind = "connected" // What says what the other side showed
	Message   StepKind = "message"
)

// Step is one line of the ladder with what belongs to it.
type Step struct {
	After     time.Duration `json:"after_ns"` // since Report.At
	Kind      StepKind      `json:"kind"`
	Out       bool          `json:"out,omitempty"`
	What      string        `json:"what"` // "INVITE sip:933@192.0.2.1", "200 OK", or a sentence
	Transport string        `json:"transport,omitempty"`
	Remote    string        `json:"remote,omitempty"`
	Again     bool          `json:"again,omitempty"` // a repetition
	Carries   []string      `json:"carries,omitempty"`
}

// Try is one attempt: one INVITE, with its repetition for a challenge.
type Try struct {
	Target    string `json:"target"` // "tcp:192.0.2.1:5060"
	Bodies    int    `json:"bodies"` // beside SDP
	Slim      bool   `json:"slim,omitempty"`
	Sent      bool   `json:"sent"`
	Rang      bool   `json:"rang,omitempty"`
	Code      int    `json:"code,omitempty"` // final; 0: none
	Reason    string `json:"reason,omitempty"`
	Fault     Fault  `json:"fault,omitempty"` // why there is no final answer
	Detail    string `json:"detail,omitempty"`
	Proved    bool   `json:"proved,omitempty"` // credentials were sent
	Warning   string `json:"warning,omitempty"`
	Accept    string `json:"accept,omitempty"`
	Unwilling string `json:"unsupported,omitempty"` // Unsupported of a 420
	// NoTCP is why TCP did not connect, of an attempt that then went by UDP.
	NoTCP string        `json:"no_tcp,omitempty"`
	Took  time.Duration `json:"took_ns"`
}

// Fault is why an attempt has no final answer.
type Fault string

// The faults of an attempt.
const (
	NoConnection Fault = "no_connection" // refused, no route
	NoHandshake  Fault = "no_handshake"  // TLS
	Silent       Fault = "silent"        // sent, and nothing was heard
	Rings        Fault = "rings"         // it rang, and nobody answered
	Lost         Fault = "lost"          // the connection broke
)

// Verdict is what it comes to.
type Verdict struct {
	OK   bool     `json:"ok"`
	Text string   `json:"text"`
	Do   []string `json:"do,omitempty"`
}
