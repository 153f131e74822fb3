package callflow

import "time"

// EventKind is the closed list of what can happen to a call.
type EventKind string

// The events. N tells whom: 0 is the caller, others are attempts.
const (
	Arrived          EventKind = "arrived"
	Recorded         EventKind = "recorded" // the arrival is on disk, or cannot be
	Fired            EventKind = "fired"    // Timer ran out
	Sent             EventKind = "sent"     // an attempt's INVITE was handed to the transport
	SendFailed       EventKind = "send failed"
	Progress         EventKind = "progress" // provisional response in Code; SDP: it has a body
	Answered         EventKind = "answered"
	Failed           EventKind = "failed" // final response in Code; Follow: a redirect to an allowed target
	Lost             EventKind = "lost"   // the connection to that party
	Cancelled        EventKind = "cancelled"
	Bye              EventKind = "bye"
	ReInvite         EventKind = "re-invite"          // Media tells what it asks for
	ReInviteAnswered EventKind = "re-invite answered" // N answered ours with Code
	Acked            EventKind = "acked"              // the caller's ACK; Media tells what its body asks for
	Stopped          EventKind = "stopped"            // the server stops
	Refer            EventKind = "refer"              // N wants to hand the call on; Follow: its target may be dialled
	Replace          EventKind = "replace"            // somebody comes for the place of N; Follow: he may have it; SDP: he makes an offer
	Probed           EventKind = "probed"             // N was asked whether it is there; Code, 408 when it says nothing
)

// Media is what the SDP of a re-INVITE or ACK asks for.
type Media string

// What SDP of the caller can ask for in a call.
const (
	MediaNone Media = ""     // no SDP
	MediaTalk Media = "talk" // sendrecv
	MediaHold Media = "hold" // anything else
	MediaSame Media = "same" // in an ACK: what the PSAP knows already
)

// Event is one thing that happened.
type Event struct {
	Kind   EventKind
	N      int
	Code   int
	SDP    bool
	Follow bool
	Media  Media
	Timer  Timer
}

// TimerName is the closed list of timers.
type TimerName string

// The timers.
const (
	TimerRecorded     TimerName = "recorded"
	TimerTold         TimerName = "told"
	TimerNotConnected TimerName = "not connected"
	TimerNoProgress   TimerName = "no progress" // one for each attempt
	TimerRetry        TimerName = "retry"
	TimerSecondLeg    TimerName = "second leg" // one for each ringing attempt
	TimerCallerLost   TimerName = "caller lost"
	TimerDrain        TimerName = "drain"
	TimerParting      TimerName = "parting" // of who handed the call on and did not hang up
	TimerAsk          TimerName = "ask"     // of a call that was gone on with
	TimerLongest      TimerName = "longest" // likewise
)

// Timer names one timer; N is the attempt that it belongs to, else 0.
type Timer struct {
	Name TimerName
	N    int
}

// Verb is the closed list of what an Action asks for.
type Verb string

// The verbs.
const (
	Dial           Verb = "dial"             // attempt N by Route; Slim: SDP only; Follow: to the target of the redirect
	Cancel         Verb = "cancel"           // attempt N
	ByeLeg         Verb = "bye"              // hang up N
	Ringback       Verb = "ringback"         // 180 without SDP to the caller, with the To-tag of N
	Relay          Verb = "relay"            // the provisional response of this event to the caller, with the To-tag of N
	Answer         Verb = "answer"           // the caller, with what attempt N answered
	Reject         Verb = "reject"           // the caller, with Code
	Notify         Verb = "notify"           // people, for Reason
	GiveUp         Verb = "give up"          // record that attempt N is over for Reason; Silent: nothing was heard
	Alarm          Verb = "alarm"            // Reason is one of the Alarm words
	AnswerHold     Verb = "answer hold"      // the caller's re-INVITE, without passing it on
	OfferCaller    Verb = "offer"            // answer the caller's re-INVITE without SDP by the PSAP's SDP as offer
	PassReInvite   Verb = "pass re-invite"   // of N to the other side
	PassAnswer     Verb = "pass answer"      // of N to a re-INVITE to the other side
	PassAck        Verb = "pass ack"         // the SDP of the caller's ACK to attempt N in its ACK
	UpdatePSAP     Verb = "update"           // re-INVITE attempt N with the SDP of the caller's ACK
	RefuseReInvite Verb = "refuse re-invite" // of N with Code
	EndCall        Verb = "ended"            // record the end: By, Reason, Abandoned
	Probe          Verb = "probe"            // ask N whether it is there
	AnswerRefer    Verb = "answer refer"     // of N with Code
	TellRefer      Verb = "tell referrer"    // N of what its target said: Code
	Transfer       Verb = "transfer"         // attempt N by Route, to the target of the referral
	Take           Verb = "take"             // who came for a place is N from now on
	TurnAway       Verb = "turn away"        // who comes with this event, with Code
	Decline        Verb = "decline"          // N, who was taken, with Code
	Connect        Verb = "connect"          // re-INVITE the caller with the SDP of N
	Move           Verb = "move"             // re-INVITE the PSAP with the SDP of N: the caller at another place, or 0 where he was
	Accept         Verb = "accept"           // answer N, who was taken, with what the other side said; Newcomer is the caller then
	Joined         Verb = "joined"           // N has the call now, for Reason
	HandOver       Verb = "hand over"        // the two go on; another owner resumes the call
	Finish         Verb = "finish"           // nothing follows
	SetTimer       Verb = "set"
	StopTimer      Verb = "stop"
)

// Why people are told; the values of journal.Due.Reason.
const (
	LegOut       = "leg_out"
	LegFailed    = "leg_failed"
	Late         = "late"
	NotConnected = "not_connected"
	Abandoned    = "abandoned"
)

// The alarms of a call.
const (
	AlarmJournalSlow = "journal_slow" // a final response went before the arrival was on disk
	AlarmCallerLost  = "caller_lost"  // the caller's connection was lost
	AlarmPSAPLost    = "psap_lost"    // the answering leg's connection was lost; media may go on
	// Who handed the call on hung up, and the target did not take it: the PSAP is
	// called again.
	AlarmTransferLost = "transfer_lost"
)

// Who ended a call; the values of journal.Ended.By.
const (
	ByCaller  = "caller"
	ByPSAP    = "psap"
	ByCallbox = "callbox"
)

// Action is one thing to do.
type Action struct {
	Do        Verb
	N         int
	Route     int
	Code      int
	Slim      bool
	Follow    bool
	Silent    bool
	Abandoned bool
	By        string
	Reason    string
	Timer     Timer
	After     time.Duration
}

func set(name TimerName, n int, after time.Duration) Action {
	return Action{Do: SetTimer, Timer: Timer{Name: name, N: n}, After: after}
}

func stop(name TimerName, n int) Action {
	return Action{Do: StopTimer, Timer: Timer{Name: name, N: n}}
}
