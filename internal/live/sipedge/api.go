package sipedge

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Listener is one socket to listen on, or, from Edge.Listeners, one that is
// bound. Network is "udp", "tcp", "tls", "ws" (RFC 7118) or "wss".
type Listener struct {
	Network string
	Addr    netip.AddrPort
}

var networks = []string{"udp", "tcp", "tls", "ws", "wss"}

func secure(network string) bool { return network == "tls" || network == "wss" }

// Source is who sent a message.
type Source struct {
	Addr      netip.Addr
	Transport string // a Listener's Network
	// Names are what its client certificate says, when one was verified: first
	// "sha256:" and the hexadecimal hash of the certificate, then its DNS names and
	// URIs.
	Names []string
	// Lapsed is the same of a certificate that expired a short while ago: it says
	// who that was, and proves nothing (F-10). From Config.Vouch alone.
	Lapsed []string
}

// Flow is the way by which a request came, for calls back to a phone that
// registered by it (RFC 5626). The zero Flow is none. It is comparable.
type Flow struct{ h hop }

// Valid reports whether there is a way.
func (f Flow) Valid() bool { return f.h.network != "" }

// String names the flow for a log or a page: transport and address.
func (f Flow) String() string {
	if !f.Valid() {
		return "none"
	}
	return f.h.network + ":" + f.h.addr.String()
}

// Config is what an Edge needs. Known, Emergency, Handle, Alarm and at least
// one Listen are required.
type Config struct {
	Listen []Listener

	// Known reports whether somebody is a known source (F-10). It is asked for
	// every datagram and every message of a connection, so it must answer from
	// memory.
	Known func(Source) bool

	// TLS is what listeners of networks tls and wss show; required with them.
	// Where it asks for client certificates, their names are in Source.
	TLS *tls.Config
	// Vouch says what the certificates that a client showed prove, its own first in
	// the chain. None: what TLS verified, and of all others the hash.
	Vouch vouch
	// DialTLS is used towards others by TLS: roots, and a certificate where they
	// ask for ours. None: the system's roots. The name that the other side must
	// have comes with each request.
	DialTLS *tls.Config

	// Identify tells who sent an INVITE outside of dialogs: by credentials in it, or
	// by what else is known. It runs on the goroutine of a socket and must answer
	// from memory. Known is what Known said. A stranger's INVITE is taken when
	// Identify proves it, gets its Refusal, or else 403. None: nobody is asked.
	Identify func(q *Request, known, emergency bool) Identity

	// Emergency reports whether the raw Request-URI is an emergency call (E2).
	// It decides who is admitted, repaired and alarmed, not how a call goes.
	Emergency func(rawURI string) bool

	// Handle owns one inbound call: it is called on a goroutine of its own for
	// each new INVITE that was admitted, and the call is over when it returns:
	// a leg still unanswered then is answered 503, one still up gets a BYE. The
	// context ends when the edge stops.
	Handle func(ctx context.Context, l *Leg)

	// Serve answers requests outside of dialogs other than INVITE, ACK, CANCEL and
	// OPTIONS from known sources, and the REGISTERs that Registers lets in. It runs
	// on a few goroutines of the edge; what cannot be served in time is answered
	// 503. A repetition of a request never reaches it. None: all get 405 or 501.
	Serve func(ctx context.Context, r *Request) Response
	// Registers reports whether a stranger's REGISTER for a domain (the host of its
	// Request-URI) is handed to Serve; all others meet silence. None: no stranger's.
	Registers func(domain string) bool
	// Closed is told of the end of an accepted connection, by which Flow was had.
	// It must not wait.
	Closed func(Flow)

	// Way is asked for the way to a telephone whose connection was lost while its
	// call is up: the one by which it is registered now, where its Contact, its
	// address and its IP address are these. None: only what the dialog names.
	Way func(contact, address string, from netip.Addr) (Flow, bool)
	// Resuming: legs of a process before this one will be taken up again by
	// Restore, and Edge.Resumed is called when they were.
	Resuming bool

	// Alarm receives alarms, one at a time, in order, from a goroutine of the
	// edge. At most 256 wait for it; more are counted into those.
	Alarm func(Alarm)

	// Tight reports that memory is short: calls that are no emergency are shed then.
	// None: it never is.
	Tight func() bool

	Log *slog.Logger     // none: discarded
	Now func() time.Time // none: time.Now

	Limits Limits // zero values: the defaults beside the fields
	Timers Timers // zero values: RFC 3261
}

// Limits bound what the edge keeps. Emergency calls have room of their own, so
// that they are never shed before others, nor because of others.
type Limits struct {
	OrdinaryCalls  int // inbound calls that are not emergency, at one time; 2,000
	EmergencyCalls int // inbound emergency calls at one time; 30,000
	OrdinaryRate   int // new calls a second that are not emergency, shared out fairly; 0: no limit
	Connections    int // accepted connections from known sources; 4,096
	MessageBytes   int // largest message on a connection; 65,536
	Requests       int // requests for Serve that wait or are served; 1,024
	Replies        int // answers of Serve kept for repetitions; 65,536
}

// Timers are those of RFC 3261, table 4, and F-16. Tests shorten them.
type Timers struct {
	T1         time.Duration // round trip estimate; 500 ms
	T2         time.Duration // longest retransmission interval; 4 s
	T4         time.Duration // longest life of a message in the network; 5 s
	TCPConnect time.Duration // outbound TCP must connect in; 500 ms (F-16)
	Partial    time.Duration // a message begun on TCP must be complete in; 5 s
	Handshake  time.Duration // outbound TLS must shake hands in; 2 s
	Stranger   time.Duration // an unknown peer's connection lives for; 10 s
}

// AlarmCode is the closed list of what the edge raises alarms for.
type AlarmCode string

// The alarms of the edge.
const (
	AlarmUnknownSource AlarmCode = "unknown_source" // an INVITE from an address that is not known: 403 (E1)
	AlarmMalformed     AlarmCode = "malformed"      // an emergency INVITE beyond repair: 400
	AlarmLoop          AlarmCode = "loop"           // an emergency call that went through us before, or has no hops left: 482, 483 (C-80)
	AlarmOverload      AlarmCode = "overload"       // an emergency INVITE beyond Limits.EmergencyCalls: 503
	AlarmHandler       AlarmCode = "handler"        // the owner of an emergency call panicked, or left without an answer
)

// Alarm is raised at once for the first event of a code and source, then at
// most once a minute with the number of events since.
type Alarm struct {
	Code      AlarmCode
	At        time.Time
	Source    netip.Addr // invalid: more sources than can be told apart
	Transport string
	Dialled   string // user part of the Request-URI, or the URI, at most 64 bytes
	Emergency bool   // Dialled is an emergency number
	Detail    string // for a person
	Count     int    // events folded into this alarm, at least 1
}

// Header is one header field, its name in full form, as it came or as it goes.
type Header struct {
	Name  string
	Value string
}

// Headers are header fields in their order on the wire.
type Headers []Header

// Get returns the first value of the field, empty when absent. Names are
// compared without case.
func (h Headers) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// All returns the values of every field of that name, one for each field line;
// values that a sender joined with commas are not split.
func (h Headers) All(name string) []string {
	var vs []string
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			vs = append(vs, f.Value)
		}
	}
	return vs
}

// Request is an INVITE as it came. It is never changed after it was handed out.
type Request struct {
	Method      string
	URI         string // raw Request-URI
	Headers     Headers
	Body        []byte
	ContentType string
	Source      netip.AddrPort
	Local       netip.AddrPort
	Transport   string   // a Listener's Network
	Peer        []string // Source.Names
	Lapsed      []string // Source.Lapsed
	Who         Identity // of an INVITE, from Config.Identify
	Flow        Flow     // the way back
	CallID      string
	At          time.Time
	// Repaired says what was wrong with the message and was read all the same,
	// in short phrases for a person; empty for a message without fault.
	Repaired []string
}

// Message is what an owner adds to a request or response: fields beside those
// that the edge writes itself, and a body. The edge refuses (ErrMessage) field
// names and values that would break the message, and the fields that are its
// own: Via, From, To, Call-ID, CSeq, Contact, Route, Record-Route,
// Content-Type, Content-Length.
type Message struct {
	Headers     Headers
	Body        []byte
	ContentType string // needed with a body
}

// Invite is a call to make.
type Invite struct {
	URI        string         // Request-URI
	Dest       netip.AddrPort // where the INVITE goes, whatever the URI says
	Transport  string         // "tcp": TCP, by UDP when it does not connect in time (F-16); "udp"; "tls"
	ServerName string         // what the certificate must name, for "tls"
	// Flow is the way to a registered phone, instead of Dest and Transport.
	Flow Flow
	// Authorize answers a challenge (401, 407) to the INVITE or to a request inside
	// its dialog, once for each; nil Headers: it cannot, and the challenge is the
	// answer. None: likewise.
	Authorize func(Challenge) Headers
	From, To  string // name-addr or addr-spec, without tag
	// Routes are the Route values of the INVITE, for a Request-URI that is no
	// address (RFC 3261, section 8.1.1.2). They do not change where it goes.
	Routes      []string
	Headers     Headers // as Message.Headers; Max-Forwards may be given, else 70
	Body        []byte
	ContentType string
	CallID      string // none: the edge makes one
	// Honours is Leg.Honour from the beginning, and says so to the other side.
	Honours bool
	// NoOffer: the body holds no SDP (a location alone, say), so the 2xx makes
	// the offer and waits for Leg.Ack, as it does without a body.
	NoOffer bool
	// Keep is told how another process goes on with the leg while it has no final
	// response, before each INVITE of it goes out; it must not wait for long, nor
	// call the leg. A stop of the edge then leaves the leg as it is: it is not
	// cancelled. None: it is.
	Keep func(DialledState)
	// Trace is told of everything on the wire of this call, in order, at most 256
	// times; it must not wait, nor call the leg. None: nothing is kept.
	Trace func(Traced)
}

// Challenge is a demand for credentials (RFC 3261, section 22).
type Challenge struct {
	Method  string
	URI     string // Request-URI of the request that was challenged
	Body    []byte
	Code    int     // 401 or 407
	Headers Headers // of the response
}

// Outgoing is a request outside of dialogs other than INVITE: OPTIONS to a
// trunk, REGISTER to a carrier.
type Outgoing struct {
	Method     string
	URI        string
	Dest       netip.AddrPort
	Transport  string // "udp", "tcp" (without falling back), "tls"
	ServerName string // for "tls"
	Flow       Flow   // instead of Dest and Transport
	From, To   string // name-addr or addr-spec, without tag
	CallID     string // none: the edge makes one
	CSeq       uint32 // none: 1
	// Contact asks for our Contact; ContactParams go after it (";expires=300").
	Contact       bool
	ContactUser   string // none: "callbox"
	ContactParams string
	Message       Message
	// Trace as that of an Invite.
	Trace func(Traced)
}

// Response is the final response to a request.
type Response struct {
	Code      int
	Reason    string // none: the words of RFC 3261
	Message   Message
	Transport string         // of a response that came: what the request went by
	Local     netip.AddrPort // our address that the request went out from
	// Contacts of an answer of Serve: written as Contact fields (RFC 3261,
	// section 10.3).
	Contacts []string
}

// EventKind is the closed list of what happens to a Leg.
type EventKind string

// The events of a leg. On dialled legs: Sent or SendFailed first, then
// Provisional any number of times, then Answered, Failed or Lost. On inbound
// legs: Acked after Answer, or Cancelled. On both, once answered: ByeReceived,
// ReInvite, ReInviteAnswered, Lost. After SendFailed, Failed, Cancelled,
// ByeReceived and Lost nothing follows and the channel is closed. A dialled leg
// that was cancelled ends with Failed (487, or 408 when the other side stays
// silent), or brings Answered where the 2xx crossed the CANCEL.
const (
	Sent             EventKind = "sent"               // the INVITE was handed to the transport; Transport says which
	SendFailed       EventKind = "send_failed"        // it could not be; Err says why
	Provisional      EventKind = "provisional"        // 101 to 199; Code, Body. Code 100 comes once
	Answered         EventKind = "answered"           // 2xx; acknowledged by the edge, or see Leg.Ack
	Failed           EventKind = "failed"             // final response from 300 on, in Code; 408 and Err when none came
	Acked            EventKind = "acked"              // the ACK for our 2xx came; Body where the ACK had one
	AckMissing       EventKind = "ack_missing"        // no ACK for our 2xx in 64*T1; the owner decides, the leg is still up
	Cancelled        EventKind = "cancelled"          // the caller gave up before an answer; 487 was sent
	ByeReceived      EventKind = "bye_received"       // the other side hung up
	ReInvite         EventKind = "re_invite"          // to be answered by AnswerReInvite
	ReInviteGone     EventKind = "re_invite_gone"     // it was cancelled by its sender; 487 was sent
	ReInviteAnswered EventKind = "re_invite_answered" // final response to our ReInvite in Code; 408 and Err when none came
	Referred         EventKind = "referred"           // a REFER, to be answered by AnswerRefer; on legs that honour it alone
	Replaced         EventKind = "replaced"           // an INVITE with Replaces names this leg: it is in Leg, to be answered; likewise
	Unrefreshed      EventKind = "unrefreshed"        // the session timer ran out, or our refresh got Code; the leg is still up
	Probed           EventKind = "probed"             // final response to our Probe in Code; 408 and Err when none came
	Lost             EventKind = "lost"               // transport lost or refused before an answer, or the edge stopped; Err says why
)

// Event is one thing that happened to a Leg.
type Event struct {
	Kind        EventKind
	At          time.Time
	Code        int
	Reason      string
	Transport   string
	Headers     Headers
	Body        []byte
	ContentType string
	Err         error
	// Method of a ReInvite: "INVITE" or "UPDATE" (RFC 3311). Moved: it came from
	// another address than the leg had, which goes there from now on.
	Method string
	Moved  netip.AddrPort
	Leg    *Leg // of Replaced
}

// What the methods of a Leg refuse with.
var (
	// ErrOver: the leg is over, or the step is no longer possible.
	ErrOver = errors.New("sip leg is over")
	// ErrState: the step does not belong to this leg or to this moment.
	ErrState = errors.New("sip leg cannot do this now")
	// ErrMessage: a header field or body that must not be sent.
	ErrMessage = errors.New("sip message part is not allowed")
	// ErrStopped: the edge has stopped.
	ErrStopped = errors.New("sip edge has stopped")
	// ErrTimeout: no response came.
	ErrTimeout = errors.New("no sip response came")
	// ErrUnreachable: the other side's system said that nothing listens there
	// (ICMP), after an INVITE went out by UDP.
	ErrUnreachable = errors.New("the other side's host is down or does not listen")
)
