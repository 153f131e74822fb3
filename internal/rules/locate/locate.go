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
	// Since is when this key began to be seen without a break; zero: at At.
	// What was so already when better evidence was taken does not contradict
	// it: a branch keeps its public address at headquarters all day.
	Since time.Time
	Who   Witness
}

// news is the time from which evidence can contradict other evidence.
func (e *Evidence) news() time.Time {
	if e.Since.IsZero() || e.Since.After(e.At) {
		return e.At
	}
	return e.Since
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
	// Over says why the evidence is not to be believed any more although
	// nothing that is on the map contradicts it: the device was seen in an
	// unknown network since (E13). Its place remains as a hint.
	Over string
	// Weak says why network evidence is no longer fresh, whatever its age: the
	// device came through a tunnel since. It then counts as aged.
	Weak string
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
	// Handset: a DECT or Wi-Fi handset. Only what it hears itself tells its
	// floor; all else is its charger's or its base's (F-33).
	Handset bool
	// Countries are those that are served, in the form of Civic.Country; none:
	// nobody asks (F-35).
	Countries []string
	// ConfirmedAge and UserSetAge are the organisation's policy for ranks 5 and
	// 6; zero: 30 days and 12 hours.
	ConfirmedAge, UserSetAge time.Duration
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
	FlagFloor        = "floor_unknown"    // a handset whose base nobody told (F-33)
	FlagWeak         = "network_unclear"  // the device may have changed its network since
	FlagFar          = "far_from_network" // the device's word, and the network saw it elsewhere
	FlagAbroad       = "abroad"           // outside the countries that are served (F-35)
)

// Result says where the caller is.
type Result struct {
	By     e911.LocatedBy
	Via    string
	Method string
	Rank   Rank
	Class  Class
	Place  e911.Place
	At     time.Time // of the evidence; zero with ByNothing and where it has no time
	Who    Witness
	// Confidence is how far the answer can be relied on.
	Confidence Confidence
	Because    string // what Confidence stands on, for a person
	Flags      []string
	Lost       []Lost // best first
	Findings   []e911.Finding
}
