// Package station says what a station of a multi-line telephone system must have
// before the law, and since when (47 CFR 9.15 to 9.17, F-39 (4) and (5)). It never
// decides whether a call goes: a station with gaps is called for help from like any
// other (E1).
//
// It is no legal advice: each rule names the text that it follows, and when that
// text was read.
package station

import (
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// The days from which the rules hold, UTC midnight.
var (
	// appliesAfter: systems installed, sold or leased after that day (Pub. L. 115-127;
	// 47 CFR 9.17(b)).
	appliesAfter = day(2020, 2, 16)
	fixedSince   = day(2021, 1, 6) // 9.16(b)(3)(i)
	othersSince  = day(2022, 1, 6) // 9.16(b)(3)(ii) and (iii)
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// Means is a way in which the PSAP comes to know where a station is.
type Means string

// The means.
const (
	Automated   Means = "automated"   // a dispatchable location, without the caller's doing
	Manual      Means = "manual"      // the caller updates his dispatchable location himself
	Alternative Means = "alternative" // coordinates with an approximate place in the building (47 CFR 9.3)
	Enhanced    Means = "enhanced"    // the best that can be had of any source at reasonable cost
)

// Duty is what the law asks of a class.
type Duty struct {
	Class e911.StationClass `json:"class"`
	Cite  string            `json:"cite"`
	Since time.Time         `json:"since"`
	// Else are the means that do where an automated dispatchable location is not
	// technically feasible; none: nothing else does.
	Else []Means `json:"else,omitempty"`
	Says string  `json:"says"`
}

// DutyOf returns what is asked of a class; false for no class.
func DutyOf(c e911.StationClass) (Duty, bool) {
	d := Duty{Class: c, Cite: c.Line(), Since: othersSince}
	switch c {
	case e911.StationFixed:
		d.Since = fixedSince
		d.Says = "an automated dispatchable location with each 911 call"
	case e911.StationNonFixed:
		d.Else = []Means{Manual, Alternative}
		d.Says = "an automated dispatchable location where technically feasible; else one that its user updates, or alternative location information"
	case e911.StationOffPremises:
		d.Else = []Means{Manual, Enhanced}
		d.Says = "an automated dispatchable location where technically feasible; else one that its user updates, or enhanced location information"
	default:
		return Duty{}, false
	}
	return d, true
}

// Applicability says whether the federal rules hold for a system.
type Applicability string

// The applicabilities.
const (
	Applies    Applicability = "applies"
	Before     Applicability = "before"  // installed on or before 16 February 2020
	NotKnown   Applicability = "unknown" // no install date: taken as applying
	OutsideUSA Applicability = "other_country"
)

// AppliesTo says whether the rules hold for what was installed on a day in a
// country ("" is not known, and taken for the United States).
func AppliesTo(installed time.Time, country string) Applicability {
	switch {
	case country != "" && country != "US":
		return OutsideUSA
	case installed.IsZero():
		return NotKnown
	case installed.After(appliesAfter):
		return Applies
	}
	return Before
}

// The codes of a Gap.
const (
	NoClass        = "class_missing"
	NoInstallDate  = "install_date_missing"
	NotAutomated   = "location_not_automated"
	NoDetail       = "location_without_detail"
	NoReason       = "reason_missing"
	ReasonPartial  = "reason_incomplete"
	ReasonNoHelp   = "reason_not_foreseen"
	ReasonNeedless = "reason_contradicted"
	TNMode         = "moves_in_tn_mode"
	ClassDoubted   = "class_doubted"
	NoConsent      = "consent_missing"
	ConsentPartial = "consent_incomplete"
	NotConfirmed   = "address_not_confirmed"
	NoFloorArea    = "floor_area_missing"
	FewLocations   = "locations_too_few"
	StateUnknown   = "state_not_looked_up"
)

// Gap is one thing that is missing. Since is from when it is asked for; zero:
// always.
type Gap struct {
	Code  string    `json:"code"`
	Cite  string    `json:"cite,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Msg   string    `json:"msg"`
	Fix   string    `json:"fix"`
}

// Subject is what is known of one station.
type Subject struct {
	Station   e911.Station
	Automated bool // its place is found without its user's doing
	Detail    bool // and has what finds the caller inside the building (N-38)
	// Asks: it asks for its own location, as devices that move do.
	Asks bool
	// TN: its site is in TN mode; Acknowledged: somebody accepted that (F-20).
	TN, Acknowledged bool
	Consent          e911.Consent
	Country          string // two letters, of its site; none: not known
}

// Review lists what is missing of a station on a day, the worst first.
func Review(s Subject, now time.Time) []Gap {
	r := reviewer{s: s, now: now}
	class := s.Station.Class
	duty, known := DutyOf(class)
	if !known {
		r.add(Gap{
			Code: NoClass, Cite: "47 CFR 9.16(b)(3)", Since: fixedSince, Msg: "nobody has said whether it is fixed, non-fixed or off the premises",
			Fix: "state its class",
		})
	}
	if class.Moves() && s.TN && !s.Acknowledged {
		r.add(Gap{
			Code: TNMode, Cite: "F-20", Msg: "it moves, and calls of its site go to the address of the number",
			Fix: "use mode dynamic, or record who accepts it",
		})
	}
	if known && AppliesTo(s.Station.Installed, s.Country) != OutsideUSA {
		r.location(duty)
	}
	if class == e911.StationOffPremises {
		r.consent()
	}
	if s.Station.Installed.IsZero() && (s.Country == "" || s.Country == "US") {
		r.add(Gap{
			Code: NoInstallDate, Cite: "47 CFR 9.17(b)", Msg: "its install date is not known: the rules are taken to hold for it",
			Fix: "write the day on which the system that it is part of was installed, bought or leased",
		})
	}
	if class == e911.StationFixed && s.Asks {
		r.add(Gap{
			Code: ClassDoubted, Cite: duty.Cite, Msg: "it is stated as fixed, and its model asks for its own location as devices that move do",
			Fix: "state non_fixed if its user can take it to another place",
		})
	}
	return r.gaps
}

type reviewer struct {
	s    Subject
	now  time.Time
	gaps []Gap
}

func (r *reviewer) add(g Gap) { r.gaps = append(r.gaps, g) }

// location checks the dispatchable location of a class.
func (r *reviewer) location(d Duty) {
	why := r.s.Station.NotFeasible
	// What was installed before is not bound, and told of nothing but doubts.
	bound := AppliesTo(r.s.Station.Installed, r.s.Country) != Before && !r.now.Before(d.Since)
	gap := func(code, msg, fix string) { r.add(Gap{Code: code, Cite: d.Cite, Since: d.Since, Msg: msg, Fix: fix}) }
	switch {
	case !why.Zero() && !why.Whole():
		gap(ReasonPartial, "why an automatic location is not technically feasible is not said with reason, day and who said so",
			"write not_feasible: {reason, by, at}")
	case !why.Zero() && d.Class == e911.StationFixed && bound:
		gap(ReasonNoHelp, "a fixed station is given an automated location whatever is feasible: the reason does not excuse it",
			"map its port, or give its number an address")
	case !why.Zero() && r.s.Automated && r.s.Detail:
		gap(ReasonNeedless, "an automatic location is said not to be feasible, and there is one", "take the reason back")
	}
	if !bound || r.s.Automated && r.s.Detail {
		return
	}
	switch {
	case r.s.Automated:
		gap(NoDetail, "what a PSAP is told has no floor, room or other detail that finds the caller", "give its location a floor, a room or another detail")
	case d.Class == e911.StationFixed:
		gap(NotAutomated, "no location of it is found without its user", "map its port or hardware address, or give its number an address")
	case why.Zero():
		gap(NoReason, "no location of it is found without its user, and nobody has said that this is not technically feasible",
			"map the network that it uses, or write not_feasible: {reason, by, at}")
	}
}

// consent checks what somebody off the premises was told. Canada asks for it
// expressly, of nomadic service (Telecom Decision CRTC 2005-21; 2011-619 for whom
// it does not hold); the United States of interconnected VoIP (47 CFR 9.11).
func (r *reviewer) consent() {
	cite := "47 CFR 9.11(b)(5)"
	if r.s.Country == "CA" {
		cite = "Telecom Decision CRTC 2005-21"
	}
	c := r.s.Consent
	switch {
	case c.Zero():
		r.add(Gap{
			Code: NoConsent, Cite: cite, Msg: "nobody has recorded that its user was told how 911 works off the premises, and agreed",
			Fix: "write off_premises: {by, at, text} at the user or at the device's station",
		})
	case !c.Whole():
		r.add(Gap{
			Code: ConsentPartial, Cite: cite, Msg: "of the consent, who, when or the version of the text is missing",
			Fix: "write by, at and text",
		})
	}
	if c.Confirmed.IsZero() && r.s.Country == "CA" {
		r.add(Gap{
			Code: NotConfirmed, Cite: cite, Msg: "its user has not confirmed the address that he calls from",
			Fix: "ask him, and write confirmed: with the day",
		})
	}
}

// Needed is how many distinct locations a rule asks for in a building; 0: it does
// not hold there, or that is not known. Known is false where the floor area
// decides and is not known.
func (r StateRule) Needed(b Building) (n int, known bool) {
	over := r.Over
	switch {
	case b.Floors > 1 && r.OverFloors > 0:
		over = r.OverFloors - 1 // "any" is 1
	case b.Floors <= 1 && r.OneFloorFew > 0 && b.Stations < r.FewStations:
		over = r.OneFloorFew
	}
	if over == 0 && r.Each == 0 {
		if r.PerFloor {
			return max(b.Floors, 1), true
		}
		return 1, true
	}
	if b.SquareFeet == 0 && over > 0 {
		return 0, false
	}
	if b.SquareFeet <= over {
		return 0, true
	}
	n = 1
	if r.Each > 0 {
		n = (b.SquareFeet + r.Each - 1) / r.Each
	}
	if r.PerFloor {
		n = max(n, b.Floors)
	}
	return n, true
}

// Building is what is known of a building for the rules of its state.
type Building struct {
	State      string // two letters
	SquareFeet int    // 0: not known
	Floors     int    // on which there are locations
	Locations  int    // distinct ones, with detail
	Stations   int    // devices of its site
	// Oldest is the install date of the oldest system there; zero: not known.
	Oldest time.Time
}

// ReviewBuilding lists what the rules of the building's state ask for and is not
// there. A state whose rules nobody read is said to be one.
func ReviewBuilding(b Building) []Gap {
	rules, read := RulesOf(b.State)
	if !read {
		if b.State == "" {
			return nil
		}
		return []Gap{{Code: StateUnknown, Msg: "the rules of " + b.State + " were not looked up", Fix: "ask counsel what the state asks of multi-line telephone systems"}}
	}
	var gaps []Gap
	for _, r := range rules {
		if r.Class == Residential || r.Grandfathered && b.Oldest.After(appliesAfter) {
			continue
		}
		n, known := r.Needed(b)
		switch {
		case !known:
			gaps = append(gaps, Gap{Code: NoFloorArea, Cite: r.Cite, Msg: "the rule goes by floor area, which is not known", Fix: "write the building's square_feet"})
		case n > 0 && b.Locations < n:
			gaps = append(gaps, Gap{
				Code: FewLocations, Cite: r.Cite, Msg: fmt.Sprintf("%s; there are %d of %d", r.Says, b.Locations, n),
				Fix: "add locations, such as a floor or a wing, and map the network to them",
			})
		}
	}
	return gaps
}
