package journal

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Bound is the body of BindingMade: a telephone registered, or did so again.
type Bound struct {
	Device    e911.DeviceID  `json:"device"`
	User      string         `json:"user"`    // user part of its address
	Contact   string         `json:"contact"` // URI
	Params    string         `json:"params,omitempty"`
	Instance  string         `json:"instance,omitempty"`
	RegID     string         `json:"reg_id,omitempty"`
	GRUU      bool           `json:"gruu,omitempty"`
	CallID    string         `json:"sip_call_id"`
	CSeq      uint32         `json:"cseq"`
	Source    netip.AddrPort `json:"source"` // observed
	Local     netip.AddrPort `json:"local"`
	Transport string         `json:"transport"`
	Agent     string         `json:"agent,omitempty"`
	MAC       e911.MAC       `json:"mac,omitempty"` // that it says it has
	Until     time.Time      `json:"until"`
}

// Unbound is the body of BindingGone.
type Unbound struct {
	Device  e911.DeviceID `json:"device"`
	User    string        `json:"user"`
	Contact string        `json:"contact"`
	Why     string        `json:"why"`
}

// The kinds of fact of calls back from PSAPs. Facts of a callback name the
// emergency call that it belongs to, where there is one.
const (
	CallbackBound    Kind = "binding.callback" // a number was given to a PSAP for a call
	CallbackCame     Kind = "callback.arrived" // somebody calls such a number
	CallbackRang     Kind = "callback.ring"    // somebody is rung for it, or cannot be
	CallbackAnswered Kind = "callback.answered"
	CallbackEnded    Kind = "callback.ended"
)

// The kinds of number that a PSAP can be given (F-11).
const (
	NumberELIN   = "elin"   // lent to this call
	NumberDirect = "direct" // the caller's own
	NumberShared = "shared" // one for many: an ECBN
)

// Given is the body of CallbackBound: who is rung when the number is called back
// (E6, F-30). A later fact of the same call and number takes its place. It holds
// until the call has ended (CallEnded) and Minutes more.
type Given struct {
	Number  e911.Number `json:"number"`
	Kind    string      `json:"kind"`
	Minutes int         `json:"minutes"`
	// Location is whose ELIN it is. Crowded: another call has the same ELIN, for
	// there was no free one (F-08).
	Location e911.LocationID `json:"location,omitempty"`
	Crowded  bool            `json:"crowded,omitempty"`
	// Node has the call, when it is not the fact's own.
	Node string      `json:"node,omitempty"`
	Line e911.Number `json:"line,omitempty"`
	User e911.UserID `json:"user,omitempty"`
	// Own is the callback number of the user, Desk that of the site's security desk.
	Own    e911.Number   `json:"own,omitempty"`
	Desk   e911.Number   `json:"desk,omitempty"`
	Site   e911.SiteID   `json:"site,omitempty"`
	Device e911.DeviceID `json:"device,omitempty"`
	// Account is the registered telephone's user part; Instance and Contact name
	// the one of its contacts that called. Contact is that of the call without a
	// registration.
	Account  string `json:"account,omitempty"`
	Instance string `json:"instance,omitempty"`
	Contact  string `json:"contact,omitempty"`
	// Trunk is the platform that the call came by, with the name that it has for
	// the caller's line.
	Trunk   e911.TrunkID `json:"trunk,omitempty"`
	Extern  string       `json:"extern,omitempty"`
	Source  string       `json:"source"` // address and port of the call
	Local   string       `json:"local"`
	Network string       `json:"network"` // transport
	People  Due          `json:"people"`  // what people are told of the call
}

// Came is the body of CallbackCame.
type Came struct {
	Number    e911.Number `json:"number"`
	Kind      string      `json:"kind,omitempty"` // none: it was given to nobody, or too long ago
	Trunk     Ref         `json:"trunk"`
	Source    string      `json:"source"`
	Transport string      `json:"transport"`
	SIPCallID string      `json:"sip_call_id"`
	From      string      `json:"from,omitempty"`
	Priority  string      `json:"priority,omitempty"` // as it came
	// Verified: the trunk may bring calls of PSAPs, and said that this is one
	// (F-11).
	Verified bool `json:"verified,omitempty"`
	// Window is until when the number leads to the caller; zero: his call is up.
	Window time.Time `json:"window,omitzero"`
	// Calls are all that had the number, when they were several.
	Calls []e911.CallID `json:"calls,omitempty"`
	Why   string        `json:"why"` // for a person
}

// Rang is the body of CallbackRang. Facts of callbacks with one SIPCallID belong
// together.
type Rang struct {
	SIPCallID string `json:"sip_call_id"` // of the callback
	N         int    `json:"n"`
	What      string `json:"what"` // "device", "line", "user", "desk", "usual"
	To        string `json:"to"`
	Trunk     Ref    `json:"trunk,omitzero"`
	Error     string `json:"error,omitempty"` // it could not be rung
}

// Back is the body of CallbackAnswered and CallbackEnded.
type Back struct {
	SIPCallID string `json:"sip_call_id"`
	N         int    `json:"n,omitempty"` // who answered; 0: nobody
	What      string `json:"what,omitempty"`
	By        string `json:"by,omitempty"` // who ended it: "psap", "caller", "callbox"
	Reason    string `json:"reason,omitempty"`
	Code      int    `json:"code,omitempty"` // that the PSAP was answered
	TalkMS    int64  `json:"talk_ms,omitempty"`
}

// Why people are told of a callback.
const (
	DueCallback       = "callback"        // the PSAP is calling back
	DueCallbackMissed = "callback_missed" // and reached nobody
)
