// Package convey decides what a leg of an emergency call carries (design 2.4):
// Request-URI, numbers, headers, location object and blocks of additional data,
// by the header profile of the trunk. It makes values; who sends them joins the
// parts with the caller's SDP and writes them.
package convey

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// URN is what an i3 leg is addressed to (NENA-STA-010.3; RFC 5031).
const URN = "urn:service:sos"

// Flags of a leg.
const (
	FlagNoELIN      = "no_confirmed_elin"   // an elin trunk got the callback number: the location has no confirmed ELIN
	FlagNoLocation  = "sent_without_place"  // the place cannot be written, or there is none
	FlagNoReference = "no_reference"        // an i3 leg without a location reference of ours
	FlagNoProvider  = "no_provider_contact" // an i3 leg without ProviderInfo: nobody said who answers for us round the clock
)

// Rules that a Finding of this package names.
const (
	RuleNumber   = "number_sent"
	RulePriority = "resource_priority"
	RuleBlocks   = "additional_data"
	RuleFurther  = "further_location"
)

// Header is one header field.
type Header struct{ Name, Value string }

// Headers gives the fields of an INVITE.
type Headers interface {
	// All returns the values of every header with that name, in order.
	All(name string) []string
}

// Part is a body part that we add.
type Part struct {
	Type        string
	ID          string // Content-ID without brackets
	Disposition string // Content-Disposition, mostly empty
	Body        []byte
}

// Target is where a trunk's calls go.
type Target struct {
	URI   string // "sip:psap@192.0.2.10:5060;transport=tcp"
	Plain string // the same without parameters
}

// Provider is who operates this Callbox, as a PSAP is told (RFC 7852, F-26).
type Provider struct {
	Name      string // for a person
	CompanyID string // NENA company id, may be empty
	Contact   string // URI that is answered round the clock, "tel:+16175550100"
}

// Subscriber is whose call it is.
type Subscriber struct {
	Name string      // of the person, may be empty
	Org  string      // the organisation
	Desk e911.Number // of the caller's site (F-30), none where there is none
}

// Came is what the caller's INVITE brought and what travels on.
type Came struct {
	Headers  Headers
	Values   []sipgeo.Location // of its Geolocation headers
	Priority bool              // from a trunk whose Resource-Priority is believed (F-25)
}

// Call is what is known of a call when a leg of it is written.
type Call struct {
	ID     e911.CallID
	Domain string // ours
	Now    time.Time
	// Name and Incident are those of the emergency call, which came in or were
	// made (NENA-STA-010.3, sections 2.1.6 and 2.1.7).
	Name, Incident string

	Callback e911.Number
	Line     e911.Number // as asserted
	HELD     identify.HELDClass
	Where    locate.Result
	// ELIN is the confirmed one of the place; none: ELINWhy says why.
	ELIN    e911.Number
	ELINWhy string
	// Reference is a location URI of ours for this call (F-27), none without one.
	Reference string

	Provider   Provider
	Subscriber Subscriber
	Came       Came
}

// Leg is what one attempt carries.
type Leg struct {
	URI      string   // Request-URI
	Routes   []string // Route values
	From, To string   // name-addr
	Headers  []Header
	// Parts are ours, the location object first. Forward says that body parts
	// which came in beside the SDP follow them.
	Parts   []Part
	Forward bool

	Number      e911.Number // that went out as the caller's; none: there was none
	Object      []byte      // the location object in Parts
	Geolocation string      // the header
	Flags       []string
	Findings    []e911.Finding
}

func (l *Leg) flag(name string) {
	if !slices.Contains(l.Flags, name) {
		l.Flags = append(l.Flags, name)
	}
}

func (l *Leg) find(f e911.Finding) { l.Findings = append(l.Findings, f) }

func (l *Leg) add(name, value string) {
	if value != "" {
		l.Headers = append(l.Headers, Header{name, value})
	}
}

// Carries reports whether legs by a profile carry a location.
func Carries(p e911.HeaderProfile) bool {
	return p != e911.ProfileELIN && p != e911.ProfilePlain
}

// Write decides a leg by the trunk's profile; one without a profile is carrier.
// Slim leaves out every body but SDP, and leaves references (F-16).
func Write(c Call, t e911.Trunk, to Target, slim bool) Leg {
	w := writer{Call: c, trunk: t, slim: slim}
	w.URI, w.To = to.URI, "<"+to.Plain+">"
	if t.Profile == e911.ProfileI3 {
		w.URI, w.To = URN, "<"+URN+">"
		w.Routes = []string{"<" + loose(to.URI) + ">"}
	}
	w.number()
	w.add("Max-Forwards", w.maxForwards())
	w.add("P-Asserted-Identity", w.From)
	w.location()
	w.names()
	w.blocks()
	w.priority()
	w.passedOn()
	return w.Leg
}

// Update decides what a request inside the call carries when the caller's place
// is known anew (F-17, E10): Parts and the headers of the location alone. The
// location object is nil on trunks that carry none.
func Update(c Call, t e911.Trunk) Leg {
	w := writer{Call: c, trunk: t, update: true}
	w.number()
	w.location()
	return w.Leg
}

// writer is one Write or Update on its way.
type writer struct {
	Call
	Leg
	trunk  e911.Trunk
	slim   bool
	update bool // inside the call: what came in with the INVITE is there already
}
