// Package gis is what a reference layer holds: address points, road centre
// lines and service boundaries in the words of NENA-STA-006, frozen in a compact
// form that can be written to a file and searched without unpacking.
//
// It decides nothing: rules/lvf validates addresses against it, rules/ecrf finds
// the service boundary of a place. admin/layer reads published files into it.
package gis

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Span is when a feature holds: from Effective up to, not including, Expire
// (NENA-STA-006.3). Zero times leave an end open.
type Span struct{ Effective, Expire time.Time }

// Active reports whether the feature holds at a moment.
func (s Span) Active(at time.Time) bool {
	return (s.Effective.IsZero() || !at.Before(s.Effective)) && (s.Expire.IsZero() || at.Before(s.Expire))
}

// MSAG is what the legacy records of a place say beside its civic address.
type MSAG struct {
	Community string // MSAGComm
	ESN       string
}

// AddressPoint is one SiteStructureAddressPoint. Civic is in CLDXF form, spelled
// out ("North", "Street"), with its sub-address (BLD, FLR, UNIT, ROOM) when the
// point is one.
type AddressPoint struct {
	NGUID     string
	Civic     e911.Civic
	Point     e911.Point
	Placement string // as published: "Structure", "Parcel", "Geocoding" ...
	MSAG      MSAG
	Updated   time.Time
	Span
}

// Parity says which numbers of a range exist (NENA-STA-006.3, Parity_L).
type Parity byte

// The parities.
const (
	ParityNone Parity = 'Z' // no addresses on this side
	ParityOdd  Parity = 'O'
	ParityEven Parity = 'E'
	ParityBoth Parity = 'B'
)

// Side is one side of a road. From and To are inclusive and may descend. Civic
// has the areas of that side alone: country, A1 to A5, PC, PCN.
type Side struct {
	Prefix   string // AdNumPre
	From, To int
	Parity   Parity
	Validate bool // Valid_L, Valid_R: numbers of this side may be validated
	Civic    e911.Civic
	MSAG     MSAG
}

// Street is one segment of a RoadCenterLine. Name has the street's own fields
// alone: PRM, PRD, STP, STPS, RD, STS, POD, POM. Left and Right are seen along
// Line, which has two points or more.
type Street struct {
	NGUID       string
	Name        e911.Civic
	Left, Right Side
	Line        []e911.Point
	Updated     time.Time
	Span
}

// Boundary is one service boundary: PsapPolygon, PolicePolygon and their kin.
// Service is a URN ("urn:service:sos.police"). A boundary may hold for an area
// on the map, for the addresses that Civic names, or for both.
type Boundary struct {
	NGUID   string
	Service string
	Name    string   // DsplayName
	Agency  string   // Agency_ID, a domain
	URIs    []string // ServiceURI
	Number  string   // ServiceNum, digits
	VCard   string   // AVcard_URI
	Area    e911.MultiPolygon
	Civic   e911.Civic // country, A1 to A5: everything that agrees with all that is set
	Updated time.Time
	Span
}

// Sink takes the features of a layer, one at a time, in any order. An error says
// why the feature cannot be kept; the ones before it stay.
type Sink interface {
	Address(AddressPoint) error
	Street(Street) error
	Boundary(Boundary) error
}

// Layer is a reference layer with what it holds: the value of e911.KindLayer in
// a snapshot's change set.
type Layer struct {
	e911.Layer
	*Content
}
