package lost

import (
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Media types of the requests and of all their answers (RFC 5222, section 14;
// RFC 6739, section 6).
const (
	MediaType     = "application/lost+xml"
	MediaTypeSync = "application/lostsync+xml"
)

// Namespaces of LoST and of the extensions that this package knows.
const (
	Space     = "urn:ietf:params:xml:ns:lost1"
	SpaceList = "urn:ietf:params:xml:ns:lost1:slb"          // service list boundaries, RFC 6197
	SpaceSync = "urn:ietf:params:xml:ns:lostsync1"          // synchronization, RFC 6739
	SpaceIDs  = "urn:emergency:xml:ns:lostExt:Ids"          // call and incident identifiers, NENA-STA-010.3
	SpacePlan = "urn:ietf:params:xml:ns:lostPlannedChange1" // draft: foreign here
	SpaceRLI  = "urn:ietf:params:xml:ns:lost-rli1"          // draft, similar locations: foreign here
)

// Location profiles (RFC 5222, section 12). A server implements both.
const (
	ProfileGeodetic = "geodetic-2d"
	ProfileCivic    = "civic"
)

// Message is one of the documents of LoST: *FindService, *ListServices,
// *ListServicesByLocation, *GetServiceBoundary, *GetServiceListBoundary,
// *GetMappingsRequest, *PushMappings, what answers each of them, *Errors and
// *Redirect.
type Message interface {
	// Root returns the name of the document element.
	Root() Name
	message() // seals the interface
}

// Name is the name of an element in a namespace.
type Name struct{ Space, Local string }

// Text is a text for people in a language (RFC 5646). A text without language
// is written as "und", which says that nobody knows.
type Text struct{ Text, Lang string }

// Via is one server that a query went through, by its application unique
// string, such as "lost.example.org" (RFC 5222, section 6).
type Via struct {
	Source     string
	Extensions []foreign.Element
}

// Location is where somebody is, once in each of one or more profiles (RFC
// 5222, section 12). It holds a Shape, a Civic or, in profiles that this
// package does not know, foreign elements alone.
type Location struct {
	ID         string // echoed in LocationUsed; Append makes one when it is empty
	Profile    string // Append names that of the content when it is empty
	Shape      pidflo.Shape
	Civic      *pidflo.Civic
	Extensions []foreign.Element
	// Err says that a civic address or a shape stood there that this package
	// cannot use, and why; the element is in Extensions. A server answers
	// LocationInvalid. It is nothing to send.
	Err error
}

// Boundary is a region in one profile (RFC 5222, section 5.5). Several
// boundaries of one mapping that have the same profile add up when they are
// civic (section 12.3); in different profiles they describe the same region.
// Section 5.5 calls several shapes inside one boundary additive, section 12.2
// calls them alternatives; to take their union is right either way.
type Boundary struct {
	Profile    string
	Shapes     []pidflo.Shape // also pidflo.Region, a polygon with holes (RFC 5964)
	Civics     []pidflo.Civic // whose fields all match; what is absent matches all
	Extensions []foreign.Element
	// Err says that something stood there that this package cannot use, and
	// why; the element is in Extensions. Who caches must not take what is left
	// for the whole region. It is nothing to send.
	Err error
}

// BoundaryReference says where a boundary can be asked for (RFC 5222, section
// 5.6). A key stands for the same boundary for ever.
type BoundaryReference struct {
	Source     string
	Key        string
	Extensions []foreign.Element
}

// BoundaryForm says how a boundary shall be told.
type BoundaryForm uint8

// The forms of a boundary. NoBoundary is a wish in ListServicesByLocation
// alone; a findService that says nothing asks for a reference.
const (
	ByReference BoundaryForm = iota
	ByValue
)

// Caching says how long an answer may be kept.
type Caching uint8

// The values of the attribute expires (RFC 5222, section 5.2).
const (
	Until        Caching = iota // until Expires.At
	NoCache                     // use it once
	NoExpiration                // until told otherwise
)

// Expires is the end of an answer's validity. The zero value means absent.
type Expires struct {
	Caching Caching
	At      time.Time // for Until; written in whole seconds, rounded down
}

// IsZero reports whether nothing is said.
func (e Expires) IsZero() bool { return e.Caching == Until && e.At.IsZero() }

// Fresh reports whether a stored answer may be used at that time.
func (e Expires) Fresh(now time.Time) bool {
	switch e.Caching {
	case NoCache:
		return false
	case NoExpiration:
		return true
	}
	return now.Before(e.At)
}

// CallIDs are the identifiers that an i3 network gives to a call and to its
// incident. Who answers a query logs them, who passes it on passes them on
// (NENA-STA-010.3). The zero value means absent.
type CallIDs struct {
	CallID     string // urn:emergency:uid:callid:...
	IncidentID string // urn:emergency:uid:incidentid:...
}

// Mapping says who answers for a service in a region (RFC 5222, section 5).
type Mapping struct {
	Source      string // who made it, an application unique string
	SourceID    string // which of his
	LastUpdated time.Time
	Expires     Expires
	Message     Text // the grammar has one, the prose says nothing about it

	DisplayNames  []Text
	Service       string     // URN; differs from the one asked for after a ServiceSubstitution
	Boundaries    []Boundary // by value, or
	Reference     BoundaryReference
	URIs          []string // one for a scheme; an empty one stands in coverage regions (RFC 6739, section 3)
	ServiceNumber string   // what is dialled for it: digits, * and #
	Extensions    []foreign.Element

	// Encoded is what Prepare made of the fields: Append writes it in place of
	// all but Expires. Who changes a field sets it to nil. Parse leaves it nil.
	Encoded []byte
}

// Deletes reports whether the mapping has no content, which asks the receiver
// of a PushMappings to delete his (RFC 6739, section 5.1).
func (m *Mapping) Deletes() bool {
	return len(m.DisplayNames) == 0 && m.Service == "" && len(m.Boundaries) == 0 && m.Reference.isZero() &&
		len(m.URIs) == 0 && m.ServiceNumber == "" && len(m.Extensions) == 0
}

func (r *BoundaryReference) isZero() bool {
	return r.Source == "" && r.Key == "" && len(r.Extensions) == 0
}

// Fingerprint returns what tells this version of the mapping from all others.
func (m *Mapping) Fingerprint() Fingerprint {
	return Fingerprint{Source: m.Source, SourceID: m.SourceID, LastUpdated: m.LastUpdated}
}

// Validation says what a server knows about the fields of a civic address (RFC
// 5222, section 8.4.2). Fields in none of the lists are unchecked.
type Validation struct {
	Valid, Invalid, Unchecked []Name // a field of RFC 5139 stands in pidflo.SpaceCivic
	Extensions                []foreign.Element
}
