// Package setup decides how far a site and its organisation have come on the way
// to "911 works here" (W-13 to W-30), what is still to do, and whether the next
// stage may be taken. It is asked while somebody administers, never by a call: a
// gate keeps a site from the E911 path, and its calls go all the same (F-24).
package setup

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// SiteState is how far a site has come, after the states that the platforms'
// compliance interface knows (W-25).
type SiteState string

// The states, the least advanced first; the last two are outside the order.
const (
	SiteLocation  SiteState = "location_setup"   // no building with a usable address
	SiteAlerts    SiteState = "alerts"           // nobody on site would see or hear of a call
	SiteNetwork   SiteState = "network_elements" // devices could not be located
	SiteRouting   SiteState = "routing_enable"   // everything is there but 911 does not take the path
	SiteCompliant SiteState = "compliant"
	SiteOptedOut  SiteState = "opted_out"
	SiteExempt    SiteState = "exempted" // outside the countries that are served: 911 goes by the PSTN (W-45)
)

// Compliance is what an organisation's sites make of it (W-25).
type Compliance string

// The compliances.
const (
	Compliant    Compliance = "compliant"
	NonCompliant Compliance = "non_compliant"
	OptedOut     Compliance = "opted_out"
	Exempted     Compliance = "exempted" // no site is in a country that is served
)

// Acknowledgement is something that an administrator must have read and accepted.
type Acknowledgement string

// The acknowledgements that a site needs before it leaves its first stage.
const (
	AckRelayCharge Acknowledgement = "relay_charge" // who is not located goes by the relay centre, at a price (W-17)
	AckLimits      Acknowledgement = "limits"       // power, network and PSAP are out of our hands (N-08)
	AckUsersTold   Acknowledgement = "users_told"   // users know the policy and how to say where they are (N-07)
)

// Acknowledgements lists those that a site needs.
func Acknowledgements() []Acknowledgement {
	return []Acknowledgement{AckRelayCharge, AckLimits, AckUsersTold}
}

// Accepted is who accepted which version of a text, and when.
type Accepted struct {
	By      string
	At      time.Time
	Version string
}

// Proof is a good 933 of a device of a class in a building.
type Proof struct {
	Building string // key
	Class    e911.StationClass
	At       time.Time
}

// Building is what is known of a building of the site.
type Building struct {
	Key string
	// Usable says that its address is valid, or unverified with a place on the map.
	Usable bool
	// Dispatchable says that it has a location that finds a person inside, or that
	// the building alone does.
	Dispatchable bool
	// Classes are those of the devices that belong to it; it needs a 933 of each.
	Classes []e911.StationClass
}

// Site is what is known of a site.
type Site struct {
	Key       string
	Countries []string // of its buildings, two letters
	Stage     e911.Stage
	OptedOut  bool
	Buildings []Building
	Alerts    []Destination
	// Elements is how many network elements map to its locations, Located how many
	// of its devices ask for their location, Numbers how many are located by number.
	Elements, Located int
	// ECBN says that its emergency callback number is one that a person answers.
	ECBN     bool
	Accepted map[Acknowledgement]Accepted
	Proofs   []Proof
	// Override is why stage 2 was taken without all proofs.
	Override Override
}

// Override is a reason for which a guard is passed, with who and when.
type Override struct {
	Reason, By string
	At         time.Time
	// Declared is the world file by which the operator put the site into stage 2
	// (docs/adr/0021); the proofs stay open then.
	Declared string
}

// Organisation is what is known beside its sites.
type Organisation struct {
	State e911.OrgState
	// CompanyID says that its devices can ask the location server.
	CompanyID bool
	// Licensed are the countries in which it may use the E911 path (W-20), two letters.
	Licensed []string
	// OutboundPSTN and HumanAgent decide whether it needs emergency calling at all:
	// not where no person can dial out (N-37).
	OutboundPSTN, HumanAgent bool
	// NoWayIn says that neither a PBX nor a telephone of it can call here.
	NoWayIn bool
	// Versions are the texts that must be accepted now (N-08).
	Versions map[Acknowledgement]string
}

// Served are the countries where the E911 path is offered; elsewhere emergency
// calls go by the PSTN (W-45).
func Served() []string { return []string{"US", "CA"} }

// Required reports whether an organisation must be able to call for help: where a
// person can dial out (N-37).
func (o Organisation) Required() bool { return o.OutboundPSTN && o.HumanAgent }

// State returns how far the site has come.
func (s Site) State(o Organisation, now time.Time) SiteState {
	switch {
	case s.OptedOut || o.State == e911.OrgOptedOut:
		return SiteOptedOut
	case s.exempt():
		return SiteExempt
	}
	least := SiteCompliant
	for _, i := range Checklist(o, s, now) {
		if !i.Done && slices.Index(order, i.State) < slices.Index(order, least) {
			least = i.State
		}
	}
	return least
}

func (s Site) exempt() bool {
	return len(s.Countries) > 0 && !slices.ContainsFunc(s.Countries, func(c string) bool { return slices.Contains(Served(), c) })
}

var order = []SiteState{SiteLocation, SiteAlerts, SiteNetwork, SiteRouting, SiteCompliant}

// Aggregate makes one word of the states of all sites: the least advanced one
// decides (W-25).
func Aggregate(o Organisation, sites []SiteState) Compliance {
	if o.State == e911.OrgOptedOut {
		return OptedOut
	}
	inside := slices.DeleteFunc(slices.Clone(sites), func(s SiteState) bool { return s == SiteExempt })
	switch {
	case len(sites) > 0 && len(inside) == 0:
		return Exempted
	case len(inside) == 0:
		return NonCompliant
	case !slices.ContainsFunc(inside, func(s SiteState) bool { return s != SiteOptedOut }):
		return OptedOut
	case slices.ContainsFunc(inside, func(s SiteState) bool { return slices.Index(order, s) >= 0 && s != SiteCompliant }):
		return NonCompliant
	}
	return Compliant
}

// FellBack reports a site that was further than it is, by what was in the way of none of
// its calls. Who opted out, or is outside, did not fall back.
func FellBack(was, is SiteState) bool {
	before, now := slices.Index(order, was), slices.Index(order, is)
	return before >= 0 && now >= 0 && now < before
}

// Banner reports whether the overview warns: while a site in a country that is
// served is neither compliant nor opted out (W-23).
func Banner(sites []SiteState) bool {
	return slices.ContainsFunc(sites, func(s SiteState) bool { return s != SiteCompliant && s != SiteOptedOut && s != SiteExempt })
}
