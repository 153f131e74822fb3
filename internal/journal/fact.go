// Package journal states the facts that the hot path reports and how they are
// read again. It holds types only; journal/disk keeps the facts.
//
// Live code writes facts and nothing else (D-06). Records, notices, the audit
// trail and the live board are all derived from them, so a fact is never
// changed, and its body only ever gains fields.
package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Version is the envelope's version, Fact.V.
const Version = 1

// Kind says what a fact tells; each has one body type in body.go.
type Kind string

// The kinds of fact.
const (
	CallArrived    Kind = "call.arrived"
	CallIdentified Kind = "call.identified"
	CallLocated    Kind = "call.located"
	CallRouted     Kind = "call.routed"
	CallAttempt    Kind = "call.attempt"
	CallProgress   Kind = "call.progress"
	CallAnswered   Kind = "call.answered"
	CallFailed     Kind = "call.failed"
	CallSpoken     Kind = "call.spoken" // 933: what was read out
	CallEnded      Kind = "call.ended"
	// The INVITE as it came, so that the decision can be made again (E11).
	CallInvite Kind = "call.invite"
	// How the next process goes on with a call that is up (D-17).
	CallDialog Kind = "call.dialog"
	// The location reference of a call was made, and was used (F-27).
	CallReferenced   Kind = "call.referenced"
	CallDereferenced Kind = "call.dereferenced"

	DeviceLocated  Kind = "device.located"
	DevicePresent  Kind = "device.seen"     // it asked again, and nothing changed; coalesced
	DeviceSignedIn Kind = "device.signed"   // who uses it now, or that nobody does
	DeviceRevoked  Kind = "device.revoked"  // location references given out so far are void
	BindingMade    Kind = "binding.made"    // a telephone registered
	BindingGone    Kind = "binding.gone"    // it signed off, or its registration is over
	NetworkUnknown Kind = "network.unknown" // a network element that is not on the map; folded
	NotifyDue      Kind = "notify.due"      // live: people are to be told now
	NotifySent     Kind = "notify.sent"     // notify: handed over
	NotifyFailed   Kind = "notify.failed"   // notify: one try failed, or given up
	NotifyStarted  Kind = "notify.started"  // notify: reads on from an earlier fact
	AlarmRaised    Kind = "alarm.raised"
)

// Fact is one thing that happened. Node and Seq name it for ever: projections
// use them to stay idempotent. Seq starts at 1 and has no gaps on one node.
type Fact struct {
	V    int             `json:"v"`
	Node string          `json:"node"`
	Seq  uint64          `json:"seq"`
	Org  e911.OrgID      `json:"org,omitempty"`
	Call e911.CallID     `json:"call,omitempty"`
	At   time.Time       `json:"at"` // UTC, millisecond precision
	Kind Kind            `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// New makes a fact without Node and Seq, which the Recorder gives. The time is
// cut to milliseconds. A body that cannot be encoded is a bug and panics: all
// bodies are the plain structs of this package.
func New(kind Kind, at time.Time, org e911.OrgID, call e911.CallID, body any) Fact {
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("journal: encode %s: %v", kind, err))
	}
	return Fact{V: Version, Org: org, Call: call, At: at.UTC().Truncate(time.Millisecond), Kind: kind, Body: b}
}

// Decode reads the fact's body into one of the body types.
func Decode[T any](f Fact) (T, error) {
	var body T
	if err := json.Unmarshal(f.Body, &body); err != nil {
		return body, fmt.Errorf("decode fact %s %d %s: %w", f.Node, f.Seq, f.Kind, err)
	}
	return body, nil
}

// Receipt tells what became of a recorded fact. Each channel is closed when
// its promise holds or can no longer be kept; Err tells which, once closed.
type Receipt struct {
	Seq     uint64
	Written <-chan struct{} // handed to the page cache by write(2)
	Synced  <-chan struct{} // fsync returned
	Err     func() error    // nil while all went well
}

// Recorder takes facts. Record never waits for a disk: it numbers the fact,
// queues it and returns (E5). Safe for concurrent use.
type Recorder interface {
	Record(f Fact) Receipt
}

// Feed reads facts from sequence from on (1 is the first), in order, old ones
// from disk and then new ones as they are written. The channel is closed when
// ctx ends or the journal closes. A slow reader never delays the writer.
type Feed interface {
	Subscribe(ctx context.Context, from uint64) <-chan Fact
}
