package callbackflow

import "time"

// EventKind is the closed list of what can happen to a callback.
type EventKind string

// The events. N tells whom: 0 is the PSAP, others are legs, counted from 1 over
// all groups.
const (
	Arrived          EventKind = "arrived"
	Ringing          EventKind = "ringing"  // a provisional response from 101 on
	Answered         EventKind = "answered" // 2xx
	Failed           EventKind = "failed"   // final response in Code; 0: it was never sent
	Lost             EventKind = "lost"     // the connection to that party
	Cancelled        EventKind = "cancelled"
	Bye              EventKind = "bye"
	ReInvite         EventKind = "re-invite"
	ReInviteAnswered EventKind = "re-invite answered" // N answered ours with Code
	Acked            EventKind = "acked"              // SDP: the PSAP's ACK has a body, for its INVITE had none
	Fired            EventKind = "fired"              // Timer ran out
	Stopped          EventKind = "stopped"            // the server stops
)

// Event is one thing that happened.
type Event struct {
	Kind  EventKind
	N     int
	Code  int
	SDP   bool
	Timer Timer
}

// Timer is the closed list of timers.
type Timer string

// The timers.
const (
	TimerNext   Timer = "next"    // the next group rings too
	TimerGiveUp Timer = "give up" // nobody answers
)

// Verb is the closed list of what an Action asks for.
type Verb string

// The verbs.
const (
	Dial         Verb = "dial"           // leg N
	Cancel       Verb = "cancel"         // leg N
	ByeLeg       Verb = "bye"            // hang up N
	Ringback     Verb = "ringback"       // 180 to the PSAP, with the To-tag of N
	Answer       Verb = "answer"         // the PSAP, with what leg N answered
	Reject       Verb = "reject"         // the PSAP, with Code
	PassReInvite Verb = "pass re-invite" // of N to the other side
	PassAnswer   Verb = "pass answer"    // of N to a re-INVITE of the other side
	PassAck      Verb = "pass ack"       // the PSAP's SDP to leg N in its ACK
	Missed       Verb = "missed"         // nobody was reached: Reason; people are told
	End          Verb = "ended"          // record the end: By, Reason, Code; nothing follows
	SetTimer     Verb = "set"
	StopTimer    Verb = "stop"
)

// Who ended a callback.
const (
	ByPSAP    = "psap"
	ByCaller  = "caller" // who answered
	ByCallbox = "callbox"
)

// Action is one thing to do.
type Action struct {
	Do     Verb
	N      int
	Code   int
	By     string
	Reason string
	Timer  Timer
	After  time.Duration
}
