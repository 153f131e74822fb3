// Package report turns the facts of the journal into call records: what a
// person reads after a 911 call, and a lawyer years later (E11).
//
// Apply is the whole projection, pure and idempotent. Projector runs it into
// SQL at its own pace, Board into memory for the live page; the two never wait
// for each other, and neither is ever waited for by a call (E3, E4).
package report

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// State is how far a call is. It only ever moves down this list.
type State string

// The states of a call.
const (
	Ringing   State = "ringing"   // arrived, nobody has answered yet
	Connected State = "connected" // a PSAP, or for 933 Callbox itself, answered
	Ended     State = "ended"
)

// Silence is how long a call may go without any fact before it counts as over:
// a node that was killed cannot report the end of its calls. Six hours is far
// beyond any emergency call that was talked to its end.
const Silence = 6 * time.Hour

// CallRecord is all that is known of one call. It is a value that only Apply
// changes; its JSON is what the API gives and what SQL keeps. Times are UTC
// with milliseconds; MS fields count from the arrival of the INVITE.
type CallRecord struct {
	ID            e911.CallID    `json:"id"`
	Org           e911.OrgID     `json:"org"`
	OrgName       string         `json:"org_name,omitempty"` // at the time of the call
	Class         e911.CallClass `json:"class"`
	Demonstration bool           `json:"demonstration,omitempty"` // the organisation, or the layer that chose the PSAP (E12)
	Dialled       string         `json:"dialled"`                 // raw Request-URI
	State         State          `json:"state"`
	ArrivedAt     time.Time      `json:"arrived_at"`
	AnsweredAt    *time.Time     `json:"answered_at,omitempty"`
	EndedAt       *time.Time     `json:"ended_at,omitempty"`
	LastAt        time.Time      `json:"last_at"`        // of the newest fact
	Zone          string         `json:"zone,omitempty"` // IANA zone of the site (D-10)

	Trunk           journal.Ref `json:"trunk,omitzero"`
	Source          string      `json:"source,omitempty"`
	Transport       string      `json:"transport,omitempty"`
	SIPCallID       string      `json:"sip_call_id,omitempty"`
	EmergencyCallID string      `json:"emergency_call_id,omitempty"`
	From            string      `json:"from,omitempty"`
	AssertedID      string      `json:"asserted_id,omitempty"`

	Who          string            `json:"who,omitempty"` // name, else number, else trunk
	IdentifiedBy e911.IdentifiedBy `json:"identified_by,omitempty"`
	User         *journal.Ref      `json:"user,omitempty"`
	Device       *journal.Ref      `json:"device,omitempty"`
	Site         journal.Ref       `json:"site,omitzero"`
	Line         e911.Number       `json:"line,omitempty"`
	Callback     e911.Number       `json:"callback,omitempty"`
	CallbackWhy  string            `json:"callback_why,omitempty"`

	// Place is the one location of the call (E10). Sent is set only when what
	// the PSAP was given says something else, as on a number-only route (F-36).
	Place      *e911.Place    `json:"place,omitempty"`
	Sent       *e911.Place    `json:"sent,omitempty"`
	LocatedBy  e911.LocatedBy `json:"located_by,omitempty"`
	Via        string         `json:"via,omitempty"`
	Freshness  string         `json:"freshness,omitempty"` // fresh, aged, fall_back, none
	EvidenceAt *time.Time     `json:"evidence_at,omitempty"`
	Method     string         `json:"method,omitempty"`
	// AskedAt is when the caller was asked where he is, which he did not answer; nil:
	// he was not asked, or his place is known (N-07).
	AskedAt *time.Time `json:"asked_at,omitempty"`

	PSAP     journal.Ref `json:"psap,omitzero"`       // who answered, else who serves the place
	PSAPLine e911.Number `json:"psap_line,omitempty"` // its 24x7 ten-digit line, when known (F-09)
	Relay    bool        `json:"relay,omitempty"`
	// PSAPExpected: a carrier chooses the PSAP, and this one is expected (F-23).
	PSAPExpected bool              `json:"psap_expected,omitempty"`
	RoutedBy     *journal.RoutedBy `json:"routed_by,omitempty"` // what chose the PSAP
	Rungs        []journal.Rung    `json:"rungs,omitempty"`
	Attempts     []Attempt         `json:"attempts,omitempty"`
	// Tried counts all attempts; of very many the middle ones are not kept.
	Tried int `json:"tried,omitempty"`
	// Documents are the PIDF-LO bodies as sent, each once (E10).
	Documents []string `json:"documents,omitempty"`

	Spoken    *journal.Spoken `json:"spoken,omitempty"` // 933
	Due       []Due           `json:"due,omitempty"`
	Notices   []Notice        `json:"notices,omitempty"`
	Flags     []string        `json:"flags,omitempty"`
	EndedBy   string          `json:"ended_by,omitempty"` // caller, psap, callbox
	EndReason string          `json:"end_reason,omitempty"`
	Abandoned bool            `json:"abandoned,omitempty"`
	TalkMS    int64           `json:"talk_ms,omitempty"`

	Timeline []Entry `json:"timeline"`
	// Applied is the highest sequence applied of each node's journal.
	Applied map[string]uint64 `json:"applied"`
}

// AttemptState is how far one attempt is.
type AttemptState string

// The states of an attempt.
const (
	AttemptUnsent   AttemptState = "unsent" // could not be handed to the transport
	AttemptSent     AttemptState = "sent"
	AttemptProgress AttemptState = "progress" // an 18x came
	AttemptAnswered AttemptState = "answered"
	AttemptFailed   AttemptState = "failed"
)

// Attempt is one try to reach an answering point.
type Attempt struct {
	N         int          `json:"n"`
	Rung      int          `json:"rung"`
	Trunk     journal.Ref  `json:"trunk"`
	PSAP      journal.Ref  `json:"psap"`
	To        string       `json:"to"`
	Transport string       `json:"transport,omitempty"`
	SIPCallID string       `json:"sip_call_id,omitempty"`
	Slim      bool         `json:"slim,omitempty"`
	State     AttemptState `json:"state"`
	MS        int64        `json:"ms"`
	DoneMS    int64        `json:"done_ms,omitempty"` // of the answer or failure
	Code      int          `json:"code,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	Geo       string       `json:"geolocation,omitempty"`
	Document  int          `json:"document,omitempty"` // 1-based into Documents, 0 is none
	// Profile is how the leg was written, Number what went out as the caller's
	// number, Flags what else was decided about it (F-36).
	Profile e911.HeaderProfile `json:"profile,omitempty"`
	Number  e911.Number        `json:"number,omitempty"`
	Flags   []string           `json:"flags,omitempty"`
}

// Due says that people were to be told, and when.
type Due struct {
	Reason string `json:"reason"`
	MS     int64  `json:"ms"`
}

// NoticeState is how far one notice is.
type NoticeState string

// The states of a notice.
const (
	NoticeSent    NoticeState = "sent"
	NoticeTrying  NoticeState = "trying"
	NoticeGivenUp NoticeState = "given_up"
)

// Notice is one message to one destination, with what became of it.
type Notice struct {
	ID      e911.NoticeID `json:"id"`
	Channel string        `json:"channel"` // mail, webhook
	To      string        `json:"to"`
	Reason  string        `json:"reason"`
	State   NoticeState   `json:"state"`
	Tries   int           `json:"tries"`
	MS      int64         `json:"ms"` // of the last try
	At      time.Time     `json:"at"`
	Error   string        `json:"error,omitempty"`
}

// Tone tells a page how to colour an entry.
type Tone string

// The tones.
const (
	ToneInfo Tone = "info"
	ToneGood Tone = "good"
	ToneWarn Tone = "warn"
	ToneBad  Tone = "bad"
)

// Entry is one line of the timeline: a fact in a person's words, with the
// evidence that won and the evidence that lost (E11).
type Entry struct {
	MS       int64          `json:"ms"`
	At       time.Time      `json:"at"`
	Kind     journal.Kind   `json:"kind"`
	Node     string         `json:"node"`
	Seq      uint64         `json:"seq"`
	Attempt  int            `json:"attempt,omitempty"`
	Tone     Tone           `json:"tone"`
	Title    string         `json:"title"`
	Detail   string         `json:"detail,omitempty"`
	Flags    []string       `json:"flags,omitempty"`
	Evidence []e911.Finding `json:"evidence,omitempty"`
}

// Alarm is one alarm that belongs to an organisation.
type Alarm struct {
	Node   string     `json:"node"`
	Seq    uint64     `json:"seq"`
	Org    e911.OrgID `json:"org"`
	At     time.Time  `json:"at"`
	Code   string     `json:"code"`
	Detail string     `json:"detail"`
	Source string     `json:"source,omitempty"`
	Count  int        `json:"count,omitempty"`
}

// Live reports whether the call is going on at the time now: it has not ended,
// and something was heard of it within Silence.
func (r *CallRecord) Live(now time.Time) bool {
	return r.State != Ended && now.Sub(r.LastAt) < Silence
}

// Evidence returns the newest findings of one kind of decision:
// journal.CallIdentified, CallLocated or CallRouted.
func (r *CallRecord) Evidence(kind journal.Kind) []e911.Finding {
	for i := len(r.Timeline) - 1; i >= 0; i-- {
		if r.Timeline[i].Kind == kind && len(r.Timeline[i].Evidence) > 0 {
			return r.Timeline[i].Evidence
		}
	}
	return nil
}

// Document returns the PIDF-LO of the attempt that was answered, else of the
// last one that carried any; empty when none was sent.
func (r *CallRecord) Document() string {
	last := 0
	for _, a := range r.Attempts {
		if a.Document > 0 && a.State != AttemptUnsent {
			last = a.Document
		}
		if a.State == AttemptAnswered {
			last = a.Document
			break
		}
	}
	if last < 1 || last > len(r.Documents) {
		return ""
	}
	return r.Documents[last-1]
}
