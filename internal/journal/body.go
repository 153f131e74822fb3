package journal

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Ref names a configured object as it was at the time of the call, so that a
// record can be read after the object is gone.
type Ref struct {
	ID   string `json:"id,omitempty"`
	Key  string `json:"key,omitempty"`
	Name string `json:"name,omitempty"`
}

// Arrived is the body of CallArrived: an INVITE to 911 or 933 came in.
type Arrived struct {
	Class           e911.CallClass `json:"class"`
	Dialled         string         `json:"dialled"` // raw Request-URI
	Trunk           Ref            `json:"trunk"`
	Source          string         `json:"source"` // address and port
	Transport       string         `json:"transport"`
	SIPCallID       string         `json:"sip_call_id"`
	EmergencyCallID string         `json:"emergency_call_id"` // urn:emergency:uid:callid:...
	From            string         `json:"from,omitempty"`
	AssertedID      string         `json:"asserted_id,omitempty"`
	Demonstration   bool           `json:"demonstration,omitempty"`
}

// Identified is the body of CallIdentified: who calls (F-13) and which number
// calls back (F-21).
type Identified struct {
	By          e911.IdentifiedBy `json:"by"`
	Device      *Ref              `json:"device,omitempty"`
	User        *Ref              `json:"user,omitempty"`
	Line        e911.Number       `json:"line,omitempty"`
	Site        *Ref              `json:"site,omitempty"`
	Callback    e911.Number       `json:"callback,omitempty"`
	CallbackWhy string            `json:"callback_why,omitempty"`
	Language    string            `json:"language,omitempty"` // that the caller speaks, "en"; none: not known
	Flags       []string          `json:"flags,omitempty"`    // "unknown_number", "disagreement" ...
	Evidence    []e911.Finding    `json:"evidence"`
}

// Located is the body of CallLocated: where the caller is.
type Located struct {
	By       e911.LocatedBy `json:"by"`
	Via      string         `json:"via,omitempty"` // "token", "invite", "held", "number" ...
	Place    e911.Place     `json:"place"`
	At       *time.Time     `json:"at,omitempty"` // time of the evidence
	Class    string         `json:"class"`
	Method   string         `json:"method,omitempty"` // PIDF-LO method token
	Flags    []string       `json:"flags,omitempty"`
	Evidence []e911.Finding `json:"evidence"`
	// Asked is when the caller was asked where he is, which he did not answer; nil: he
	// was not asked, or his place is known (N-07).
	Asked *time.Time `json:"asked,omitempty"`
}

// Rung is one step of the ladder.
type Rung struct {
	Kind  string `json:"kind"` // "psap", "carrier", "alternate", "local", "relay", "other"
	Trunk Ref    `json:"trunk"`
	PSAP  Ref    `json:"psap"`
	To    string `json:"to"`
	// Expected: the trunk's carrier chooses the PSAP; ours is the expected one (F-23).
	Expected bool `json:"expected,omitempty"`
	// Site is whose trunk it is, Carries which number goes out by it, Bare that no
	// location does; only of kind "local".
	Site    *Ref     `json:"site,omitempty"`
	Carries string   `json:"carries,omitempty"`
	Bare    bool     `json:"bare,omitempty"`
	Flags   []string `json:"flags,omitempty"`
}

// Routed is the body of CallRouted: which PSAP, by which routes.
type Routed struct {
	PSAP          Ref            `json:"psap"`
	Relay         bool           `json:"relay,omitempty"`
	Demonstration bool           `json:"demonstration,omitempty"` // a demonstration layer chose
	Expected      bool           `json:"expected,omitempty"`      // a carrier chooses; this PSAP is expected
	By            *RoutedBy      `json:"by,omitempty"`            // what chose the PSAP
	Rungs         []Rung         `json:"rungs"`
	Flags         []string       `json:"flags,omitempty"`
	Evidence      []e911.Finding `json:"evidence"`
}

// RoutedBy is what chose the PSAP of a call (F-23).
type RoutedBy struct {
	Source    string    `json:"source"`         // "override", "authority", "own_layer", "demonstration"
	Name      string    `json:"name,omitempty"` // key of override or layer, name of the authority's server
	Version   int       `json:"version,omitempty"`
	Feature   string    `json:"feature,omitempty"`
	AsOf      time.Time `json:"as_of,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	Agreement string    `json:"agreement,omitempty"`
}

// Attempt is the body of CallAttempt: a leg was handed to the transport, or
// could not be.
type Attempt struct {
	N         int    `json:"n"` // 1-based over the whole call
	Rung      int    `json:"rung"`
	Trunk     Ref    `json:"trunk"`
	PSAP      Ref    `json:"psap"`
	To        string `json:"to"`
	Transport string `json:"transport,omitempty"`
	SIPCallID string `json:"sip_call_id,omitempty"`
	Slim      bool   `json:"slim,omitempty"`
	Sent      bool   `json:"sent"`
	Error     string `json:"error,omitempty"`
	PIDFLO    string `json:"pidf_lo,omitempty"` // the document as sent (E10)
	Geo       string `json:"geolocation,omitempty"`
	// Profile is how the leg was written, Number what went out as the caller's
	// number (F-21), Flags and Evidence what else was decided about the leg.
	Profile  e911.HeaderProfile `json:"profile,omitempty"`
	Number   e911.Number        `json:"number,omitempty"`
	Flags    []string           `json:"flags,omitempty"`
	Evidence []e911.Finding     `json:"evidence,omitempty"`
}

// Progress is the body of CallProgress: an 18x.
type Progress struct {
	N          int  `json:"n"`
	Code       int  `json:"code"`
	EarlyMedia bool `json:"early_media,omitempty"`
}

// Answered is the body of CallAnswered.
type Answered struct {
	N     int `json:"n"`
	Trunk Ref `json:"trunk"`
	PSAP  Ref `json:"psap"`
	// Without names what who answered was not given: location, callback.
	Without []string `json:"without,omitempty"`
}

// Failed is the body of CallFailed: one attempt ended without an answer.
type Failed struct {
	N      int    `json:"n"`
	Code   int    `json:"code,omitempty"`
	Reason string `json:"reason"`
}

// Spoken is the body of CallSpoken.
type Spoken struct {
	Text     string  `json:"text"`               // word for word, once however often it was read
	Seconds  float64 `json:"seconds"`            // of speech sent, of all readings
	Readings int     `json:"readings,omitempty"` // begun
	Whole    bool    `json:"whole,omitempty"`    // every sentence was said to its end, none put together or replaced
}

// Ended is the body of CallEnded.
type Ended struct {
	By         string `json:"by"` // caller, psap, callbox
	Reason     string `json:"reason"`
	Abandoned  bool   `json:"abandoned,omitempty"` // the caller gave up before an answer
	DurationMS int64  `json:"duration_ms"`         // from arrival
	TalkMS     int64  `json:"talk_ms,omitempty"`
}

// DeviceSeen is the body of DeviceLocated: HELD located a device. It is written
// when the deciding element or the location changed (D-11).
type DeviceSeen struct {
	Device     string         `json:"device"` // device id, or a stable name for an unknown one
	Known      bool           `json:"known"`
	By         e911.LocatedBy `json:"by"`
	Place      e911.Place     `json:"place"`
	EvidenceAt time.Time      `json:"evidence_at"`
	Source     string         `json:"source"`
	Generation uint64         `json:"generation"`
	Evidence   []e911.Finding `json:"evidence"`
	Proved     bool           `json:"proved,omitempty"` // the device, or who told of it, showed a secret
	Via        string         `json:"via,omitempty"`    // "held", "heldplus", or who observed it
	Says       []Named        `json:"says,omitempty"`
	// Memory is the evidence that the location server keeps of the device, as
	// rules/locate writes it, so that a restart knows what was known.
	Memory json.RawMessage `json:"memory,omitempty"`
}

// Named is one thing that a device says of itself: its model, its firmware.
type Named struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Presence is the body of DevicePresent.
type Presence struct {
	Device     string         `json:"device"`
	Known      bool           `json:"known"`
	Proved     bool           `json:"proved,omitempty"`
	Via        string         `json:"via,omitempty"`
	By         e911.LocatedBy `json:"by,omitempty"`
	EvidenceAt time.Time      `json:"evidence_at,omitzero"`
	// Location is where By found it, as the location server names places; older
	// facts have none.
	Location e911.LocationID `json:"location,omitempty"`
	Source   string          `json:"source,omitempty"`
	Says     []Named         `json:"says,omitempty"`
}

// SignedIn is the body of DeviceSignedIn.
type SignedIn struct {
	Device string      `json:"device"`
	User   e911.UserID `json:"user,omitempty"` // none: signed out
}

// Revoked is the body of DeviceRevoked: references made until the fact's time
// are void.
type Revoked struct {
	Device string `json:"device,omitempty"` // none: those of the whole organisation
	By     string `json:"by"`
	Why    string `json:"why"`
}

// UnknownElement is the body of NetworkUnknown: a key that devices showed and
// the map does not know. Facts of one key replace each other.
type UnknownElement struct {
	UnknownKey
	Devices  int          `json:"devices"`            // different ones that showed it
	Stranded int          `json:"stranded,omitempty"` // of them, those that nothing else located
	First    time.Time    `json:"first"`
	Last     time.Time    `json:"last"`
	Siblings []UnknownKey `json:"siblings,omitempty"` // what was shown with it
	Source   string       `json:"source,omitempty"`   // address of the last request
	Device   string       `json:"device,omitempty"`   // one of the devices
	// Seen are the places where other evidence put devices that showed it.
	Seen []SeenAt `json:"seen,omitempty"`
}

// SeenAt is a place, and how many devices were there.
type SeenAt struct {
	Location e911.LocationID `json:"location"`
	Devices  int             `json:"devices"`
}

// UnknownKey is the key of a network element that is not configured: the
// fields of an e911.Element that its kind has.
type UnknownKey struct {
	Kind e911.ElementKind `json:"kind"`
	MAC  e911.MAC         `json:"mac,omitempty"`
	LLDP e911.LLDPPort    `json:"lldp,omitzero"`
	Addr netip.Addr       `json:"addr,omitzero"`
	Name string           `json:"name,omitempty"`
}

// Referenced is the body of CallReferenced: a call was given its own location
// reference (F-27).
type Referenced struct {
	Device     string         `json:"device,omitempty"`
	By         e911.LocatedBy `json:"by"`
	Place      e911.Place     `json:"place"`
	EvidenceAt time.Time      `json:"evidence_at,omitzero"`
}

// Dereferenced is the body of CallDereferenced: somebody used it.
type Dereferenced struct {
	Source     string         `json:"source"`           // address
	Client     string         `json:"client,omitempty"` // name in the client's certificate
	By         e911.LocatedBy `json:"by"`               // what was answered
	Place      string         `json:"place,omitempty"`
	EvidenceAt time.Time      `json:"evidence_at,omitzero"`
	Newer      bool           `json:"newer,omitempty"`  // evidence newer than that of the call's start
	Folded     int            `json:"folded,omitempty"` // uses since the last fact that have none of their own
}

// Why people are told.
const (
	DueLegOut       = "leg_out"       // the first attempt was handed to the transport
	DueLegFailed    = "leg_failed"    // the first attempt failed at once
	DueLate         = "late"          // 250 ms passed after arrival
	DueNotConnected = "not_connected" // no leg after 4 s (F-09)
	DueAbandoned    = "abandoned"     // the caller gave up before an answer
	DueTest         = "test"          // 933

	// A network element that is not on the map strands devices. Such a fact has
	// no call: what is to be told stands in Due.Network.
	DueUnknownNetwork = "unknown_network"
)

// Due is the body of NotifyDue. It carries all that a notice says, so that a
// notice can be made from this fact alone, after a crash too.
type Due struct {
	Reason       string            `json:"reason"`
	Class        e911.CallClass    `json:"class"`
	Site         e911.SiteID       `json:"site,omitempty"`
	SiteName     string            `json:"site_name,omitempty"`
	OrgName      string            `json:"org_name,omitempty"`
	Zone         string            `json:"zone,omitempty"`
	Dialled      string            `json:"dialled"`
	Who          string            `json:"who"` // for a person: name, else number, else trunk
	IdentifiedBy e911.IdentifiedBy `json:"identified_by,omitempty"`
	Line         e911.Number       `json:"line,omitempty"`
	Callback     e911.Number       `json:"callback,omitempty"`
	Place        e911.Place        `json:"place"` // where we believe the caller to be
	// Sent is the place that the PSAP sees where that differs: the address of the
	// number on a route that carries no location (F-36).
	Sent          *e911.Place    `json:"sent,omitempty"`
	LocatedBy     e911.LocatedBy `json:"located_by,omitempty"`
	PSAP          Ref            `json:"psap,omitzero"`
	PSAPLine      e911.Number    `json:"psap_line,omitempty"`     // its 24x7 ten-digit line, when known (F-09)
	PSAPExpected  bool           `json:"psap_expected,omitempty"` // a carrier chooses; this PSAP is expected (F-23)
	ArrivedAt     time.Time      `json:"arrived_at"`
	Demonstration bool           `json:"demonstration,omitempty"`
	Flags         []string       `json:"flags,omitempty"`
	Asked         *time.Time     `json:"asked,omitempty"`     // as Located.Asked
	Network       *StrandedBy    `json:"network,omitempty"`   // of DueUnknownNetwork
	Drill         *Drill         `json:"drill,omitempty"`     // of a test of who is told; it is in no fact
	FirstUse      *FirstUse      `json:"first_use,omitempty"` // of DueFirstUse
}

// DueFirstUse is the reason of a notice to a user who was asked where he is, and did
// not answer (N-07). It is no call, and nobody but he is told.
const DueFirstUse = "first_use"

// FirstUse is what such a user is told.
type FirstUse struct {
	To       string      `json:"to"` // mail address
	User     e911.UserID `json:"user"`
	Name     string      `json:"name,omitempty"`
	Link     string      `json:"link,omitempty"` // page of his own
	Times    int         `json:"times"`          // how often he was told, with this
	Placed   bool        `json:"placed,omitempty"`
	Accepted bool        `json:"accepted,omitempty"`
}

// Drill is a test of somebody who is told of calls (F-36). It is no call.
type Drill struct {
	Destination string `json:"destination"` // key
	Name        string `json:"name"`        // "guard's desk"
	Code        string `json:"code"`        // that shows that a person saw it
	OrgKey      string `json:"org_key"`
	Link        string `json:"link,omitempty"` // page on which one press says that somebody saw it; it works once
}

// StrandedBy is the network element that strands devices, as people are told of
// it; of many at once only their number.
type StrandedBy struct {
	ID       string           `json:"id,omitempty"` // of the queue; none: a summary
	Kind     e911.ElementKind `json:"kind,omitempty"`
	Element  string           `json:"element,omitempty"` // for a person
	Device   string           `json:"device,omitempty"`  // for a person
	Stranded int              `json:"stranded"`          // devices that nothing else locates
	Source   string           `json:"source,omitempty"`  // address of the last request
	// Location is the key of the likely place and Why the reason; none: nothing
	// on the map is near.
	Location string `json:"location,omitempty"`
	Place    string `json:"place,omitempty"`
	Why      string `json:"why,omitempty"`
	OrgKey   string `json:"org_key,omitempty"`
	Open     int    `json:"open"`           // elements in the queue
	More     int    `json:"more,omitempty"` // a summary: elements since the last notice
}

// Notice is the body of NotifySent and NotifyFailed.
type Notice struct {
	ID      e911.NoticeID `json:"id"`
	Channel string        `json:"channel"` // mail, webhook
	To      string        `json:"to"`
	Reason  string        `json:"reason"` // of the Due that it tells
	Try     int           `json:"try"`
	Error   string        `json:"error,omitempty"`
	GaveUp  bool          `json:"gave_up,omitempty"`
}

// Reading is the body of NotifyStarted.
type Reading struct {
	From uint64 `json:"from"` // the first fact that is read again
}

// Alarm is the body of AlarmRaised.
type Alarm struct {
	Code   string `json:"code"`             // closed list beside who raises it: "unknown_source" ...
	Detail string `json:"detail"`           // for a person
	Source string `json:"source,omitempty"` // address
	Count  int    `json:"count,omitempty"`  // folded repetitions
}
