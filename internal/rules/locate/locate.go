// Package locate decides where a caller is, from all evidence there is (design
// 2.2; F-01, F-04, F-05, F-06, F-14, F-18, F-19). Decisions are a pure function
// of candidates, situation and time, and each candidate that lost says why.
package locate

import (
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

func (c Class) order() int {
	switch c {
	case Fresh:
		return 0
	case Aged:
		return 1
	case FallBack:
		return 2
	}
	return 3
}

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
	Unchecked  Verdict = "" // nobody validated it, as for all addresses while there is no validator
	Unverified Verdict = "unverified"
	Verified   Verdict = "verified"
	Invalid    Verdict = "invalid"
)

// Candidate is evidence with the source that it came by. All candidates of one
// decision are about the one device that calls.
type Candidate struct {
	Evidence
	Rank    Rank
	Via     string // "invite", "token", "held", "source", "user", "number", "site"
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

// Lost is a candidate that was not chosen. Old radio evidence stands here, as
// in a Result, with its building for a place.
type Lost struct {
	Candidate
	Class  Class
	Usable bool // may travel as a further Geolocation value (F-05)
	Why    string
}

// Flags that a Result may carry.
const (
	FlagAged         = "aged_evidence"
	FlagCoarse       = "building_only"    // old evidence that tells no more than the building
	FlagContradicted = "contradicted"     // better evidence fell because fresher contradicts it
	FlagUnverified   = "unverified"       // validation could not say that the address exists
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
	At       time.Time // of the evidence; zero with ByNothing and where it has no time
	Flags    []string
	Lost     []Lost // best first
	Findings []e911.Finding
}

// How long evidence is fresh (design 2.2, F-01, F-14, F-18).
const (
	wiredAge     = 24 * time.Hour
	bssidAge     = 30 * time.Minute
	neighbourAge = 10 * time.Minute
	addressAge   = 4 * time.Hour
	confirmedAge = 30 * 24 * time.Hour
	userSetAge   = 12 * time.Hour
)

// DefaultInviteLimit is how old a location by value may be (F-14).
const DefaultInviteLimit = 15 * time.Minute

// MaxAge returns how long evidence of a kind is fresh; zero for what has no age:
// a number's address, a site's building.
func MaxAge(by e911.LocatedBy) time.Duration {
	switch by {
	case e911.ByLLDPPort, e911.ByLLDPChassis, e911.ByMAC:
		return wiredAge
	case e911.ByBSSID:
		return bssidAge
	case e911.ByNeighbours:
		return neighbourAge
	case e911.ByPrivateIP, e911.ByPublicIP:
		return addressAge
	case e911.ByConfirmed:
		return confirmedAge
	case e911.ByUserSet:
		return userSetAge
	case e911.ByNumber, e911.BySiteDefault, e911.ByNothing:
		return 0
	}
	return DefaultInviteLimit // a PIDF-LO, or a kind of a newer version
}

// MethodOf returns the PIDF-LO method token of a kind of evidence (F-26).
func MethodOf(by e911.LocatedBy) string {
	switch by {
	case e911.ByLLDPPort, e911.ByLLDPChassis, e911.ByMAC:
		return "Wiremap"
	case e911.ByBSSID, e911.ByNeighbours:
		return "802.11"
	case e911.ByPrivateIP, e911.ByPublicIP:
		return "DHCP"
	case e911.ByConfirmed, e911.ByUserSet, e911.ByNumber:
		return "Manual"
	}
	return "Default"
}

// order is the order of network evidence in design 2.2. A foreign reference's
// own location, whose evidence nobody told us, stands before mere addresses.
func order(by e911.LocatedBy) int {
	switch by {
	case e911.ByLLDPPort:
		return 0
	case e911.ByBSSID:
		return 1
	case e911.ByNeighbours:
		return 2
	case e911.ByLLDPChassis:
		return 3
	case e911.ByMAC:
		return 4
	case e911.ByPrivateIP:
		return 6
	case e911.ByPublicIP:
		return 7
	}
	return 5
}

// words says a kind of evidence to a person.
func words(by e911.LocatedBy) string {
	switch by {
	case e911.ByPIDFLO:
		return "location in the INVITE"
	case e911.ByLLDPPort:
		return "switch port"
	case e911.ByBSSID:
		return "access point"
	case e911.ByNeighbours:
		return "access points nearby"
	case e911.ByLLDPChassis:
		return "switch"
	case e911.ByMAC:
		return "hardware address"
	case e911.ByPrivateIP:
		return "private address range"
	case e911.ByPublicIP:
		return "public address range"
	case e911.ByConfirmed:
		return "address the user confirmed"
	case e911.ByUserSet:
		return "location the user set"
	case e911.ByNumber:
		return "address of the number"
	case e911.BySiteDefault:
		return "the site's only building"
	}
	return string(by)
}
