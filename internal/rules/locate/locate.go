// Package locate decides where a caller is, from all evidence there is (design
// 2.2; F-01, F-04, F-05, F-06, F-14, F-18, F-19). Decisions are a pure function
// of candidates, situation and time, and each candidate that lost says why.
package locate

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Evidence is one thing known about where a device is.
type Evidence struct {
	By    e911.LocatedBy
	At    time.Time // when it was measured or observed
	Place e911.Place
	Said  string // the key that matched, for a person: "port Gi1/0/7 of 0c:75:bd:00:00:01"
}

// Class is how fresh evidence is.
type Class string

// The classes, best first.
const (
	Fresh    Class = "fresh"     // ranks 1 to 6 inside their age
	Aged     Class = "aged"      // network evidence past its age, not contradicted
	FallBack Class = "fall_back" // numbers, site default, a doubted PIDF-LO
	None     Class = "none"
)

// Rank orders the sources (design 2.2).
type Rank int

// The ranks.
const (
	RankInvite       Rank = 1 // PIDF-LO by value in the INVITE
	RankToken        Rank = 2 // our token, or a foreign reference
	RankNetwork      Rank = 3 // the device's network evidence by HELD
	RankRegistration Rank = 4 // network address of the registration
	RankConfirmed    Rank = 5 // address the user confirmed for this network
	RankUserSet      Rank = 6 // location the user set by hand
	RankNumber       Rank = 7 // the number's address
	RankSite         Rank = 8 // the site's only building
	RankNothing      Rank = 9
)

// Verdict is what validation said about an address.
type Verdict string

// The verdicts. Only Invalid makes an address unusable (F-05).
const (
	Unverified Verdict = ""
	Verified   Verdict = "verified"
	Invalid    Verdict = "invalid"
)

// Candidate is evidence with the source that it came by. All candidates of one
// decision are about the one device that calls.
type Candidate struct {
	Evidence
	Rank    Rank
	Via     string // "invite", "token", "held", "user", "number", "site"
	Method  string // PIDF-LO method; empty: MethodOf(By)
	Verdict Verdict
	// Doubt says why a PIDF-LO in the INVITE is not believed (F-14); it then
	// ranks below 6.
	Doubt string
}

// Situation is what the decision depends on besides the evidence (F-04).
type Situation struct {
	// HELD: the device can ask HELD (or has). False for a line behind a trunk
	// of which nothing else is known: its number is all there is (W-39).
	HELD bool
	// DIDFallback is the organisation's switch W-51.
	DIDFallback bool
	// SourceInSite: the device's own source address at call time lies in the
	// site's ranges. The address of a trunk in front of it proves nothing.
	SourceInSite bool
	// SeenOffSite: the device was last seen away from its site.
	SeenOffSite bool
}

// Lost is a candidate that was not chosen.
type Lost struct {
	Candidate
	Class  Class
	Usable bool // may travel as a further Geolocation value (F-05)
	Why    string
}

// Flags that a Result may carry.
const (
	FlagAged         = "aged_evidence"
	FlagCoarse       = "building_only"    // old radio evidence, as its building
	FlagContradicted = "contradicted"     // some evidence was contradicted by fresher
	FlagUnverified   = "unverified"       // the address was not validated
	FlagNotDispatch  = "not_dispatchable" // no detail that finds the caller
	FlagClock        = "clock_ahead"      // evidence from the future, taken as of now
	FlagUnlocated    = "unlocated"
)

// Result says where the caller is.
type Result struct {
	By       e911.LocatedBy
	Via      string
	Method   string
	Rank     Rank
	Class    Class
	Place    e911.Place
	At       time.Time // of the evidence; zero with ByNothing
	Flags    []string
	Lost     []Lost // best first
	Findings []e911.Finding
}

// Decide chooses where the caller is. Without usable evidence By is ByNothing.
func Decide(candidates []Candidate, s Situation, now time.Time) Result {
	return Result{By: e911.ByNothing, Class: None, Rank: RankNothing}
}

// MethodOf returns the PIDF-LO method token of a kind of evidence (F-26).
func MethodOf(by e911.LocatedBy) string { return "" }

// MaxAge returns how long evidence of a kind is fresh; zero for what does not age.
func MaxAge(by e911.LocatedBy) time.Duration { return 0 }

// Network is the network map of an organisation; *snapshot.Org is one.
type Network interface {
	ByLLDPPort(e911.LLDPPort) (e911.LocationID, bool)
	ByLLDPChassis(chassis string) (e911.LocationID, bool)
	ByBSSID(e911.MAC) (e911.LocationID, bool)
	ByMAC(e911.MAC) (e911.LocationID, bool)
	ByIP(netip.Addr) (e911.LocationID, bool)
}

// Places knows the places of an organisation; *snapshot.Org is one.
type Places interface {
	Place(e911.LocationID) (e911.Place, bool)
	InPublicRange(netip.Addr) bool
}

// Map is both.
type Map interface {
	Network
	Places
}

// Neighbour is one LLDP neighbour. Chassis is the canonical MAC where the id
// is one, else the text as it came.
type Neighbour struct {
	Chassis        string
	ChassisSubtype int // IEEE 802.1AB, table 8-2; 0 when unknown
	Port           string
}

// Measurement is what a device says about its network, and the source address
// that we saw. Evidence of an interface without link is left out by whoever
// fills it (F-19).
type Measurement struct {
	At         time.Time // of the measurement, at the latest that of the request
	LLDP       []Neighbour
	Serving    e911.MAC     // BSSID
	Neighbours []e911.MAC   // BSSIDs heard
	MAC        e911.MAC     // the device's own
	Addrs      []netip.Addr // the device's own, as it says
	Source     netip.Addr   // observed
	SourceAt   time.Time    // when Source was observed; zero: At
	Tunnel     bool         // the client says that a VPN is up
	// PhoneAt tells where a known phone is, for a PC that sees the phone as its
	// LLDP neighbour (F-19); may be nil.
	PhoneAt func(e911.MAC) (Evidence, bool)
}

// Measured looks a measurement up in the map: what it proves, best first in
// the order of network evidence, and a finding for every key, also those that
// matched nothing.
func Measured(n Map, m Measurement) ([]Evidence, []e911.Finding) { return nil, nil }

// FromLocation makes evidence of a location of ours: what a token names, or a
// stored location of a device.
func FromLocation(p Places, id e911.LocationID, by e911.LocatedBy, at time.Time) (Evidence, bool) {
	return Evidence{}, false
}

// Numbers is what rank 7 asks an organisation; *snapshot.Org is one.
type Numbers interface {
	Number(e911.Number) (e911.NumberRec, bool)
	NumbersOf(e911.UserID) []e911.NumberRec
	Place(e911.LocationID) (e911.Place, bool)
}

// FromNumbers returns the rank 7 candidates: addresses of the user's numbers,
// then of the line (W-39). Either may be none.
func FromNumbers(n Numbers, user e911.UserID, line e911.Number) []Candidate { return nil }

// Sites is what rank 8 asks an organisation; *snapshot.Org is one.
type Sites interface {
	BuildingPlaces(e911.SiteID) []e911.Place
}

// FromSite returns the rank 8 candidate: the site's only building.
func FromSite(s Sites, site e911.SiteID) (Candidate, bool) { return Candidate{}, false }

// Invite is a location that came by value in an INVITE.
type Invite struct {
	Place           e911.Place
	Method          string
	Timestamp       time.Time // zero: none
	RetentionExpiry time.Time // zero: none
}

// FromInvite makes a candidate of a location by value and says in Doubt what
// keeps it from being believed (F-14). Limit is the trunk's, 0 means
// DefaultInviteLimit.
func FromInvite(i Invite, received time.Time, limit time.Duration) Candidate { return Candidate{} }

// DefaultInviteLimit is how old a location by value may be (F-14).
const DefaultInviteLimit = 15 * time.Minute

// KeyFault says why an element's key finds nobody alone, "" when it is unique
// (F-19): import refuses it with this reason.
func KeyFault(e e911.Element) string { return "" }
