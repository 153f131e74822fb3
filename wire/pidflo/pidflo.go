// Package pidflo reads and writes location objects, PIDF-LO.
//
// What each part follows, and what differs:
//
//   - [Document], [Element], [Note]: presence, tuple, device and person of PIDF
//     (RFC 3863) and of its data model (RFC 4479).
//   - [Geopriv]: RFC 4119, sections 2.2.1 to 2.2.5. Its prose and its schema name
//     two usage rules differently; both are read, the schema's are written.
//   - [Civic]: RFC 5139, with the extension elements of RFC 6848 and of CLDXF-US
//     (NENA-STA-004.2). The civicLoc namespace of RFC 4119 is read as RFC 5139.
//   - [Shape]: the GML shapes of RFC 5491, section 5, and of the PIDF-LO shape
//     profile of OGC. A polygon has no holes: that profile has none.
//   - Geopriv.Confidence, [Centroid], [ToSphere], [Scale], [Overlap]: RFC 7459.
//   - [Document.Locations], [Document.Faults]: the rules of RFC 5491, section 3.
//   - Geopriv.ProvidedBy: RFC 7852, by package calldata. Geopriv.Source: RFC 7105.
//   - Dynamic (RFC 5962), relative-location and map (RFC 7035) and whatever else
//     a schema lets stand somewhere are kept as [foreign.Element] and written
//     back unharmed. They are not checked against schemas of their own.
//
// It is strict in what it sends: what the published schemas refuse is an error
// with the path of the element. What can be made valid without a guess is: the
// order of elements, ids, escapes, the direction of a polygon.
//
// It is tolerant in what it takes: any order, any prefix, unknown elements, the
// defects seen in the field. What a caller's location must not be lost for is
// not an error of [Parse]: one bad part is named in [Chunk].Err or left out, and
// the others are there. Elements count by namespace; an element without one, or
// with a prefix that nothing declares, counts as the one it is named like.
//
// Two of its checks end somewhere: sides of a polygon that cross are searched
// for up to 128 corners, and elements of other vocabularies are well-formed, and
// not held against schemas of their own.
//
// Times are kept to the millisecond.
package pidflo

import (
	"time"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// MediaType of a PIDF document (RFC 3863).
const MediaType = "application/pidf+xml"

// Declaration starts a document of its own (RFC 3863, section 4.1).
const Declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Namespaces of a PIDF-LO.
const (
	SpacePIDF      = "urn:ietf:params:xml:ns:pidf"
	SpaceDataModel = "urn:ietf:params:xml:ns:pidf:data-model"
	SpaceGeopriv   = "urn:ietf:params:xml:ns:pidf:geopriv10"
	SpacePolicy    = "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy"
	SpaceSource    = "urn:ietf:params:xml:ns:pidf:geopriv10:lmsrc"
	SpaceConf      = "urn:ietf:params:xml:ns:geopriv:conf"
	SpaceGML       = "http://www.opengis.net/gml"
	SpaceShape     = "http://www.opengis.net/pidflo/1.0"
	SpaceDynamic   = "urn:ietf:params:xml:ns:pidf:geopriv10:dynamic"
	SpaceRelative  = "urn:ietf:params:xml:ns:pidf:geopriv10:relative"
)

// Kind says of what an Element tells the location. The values stand in the
// order in which they are read (RFC 5491, rule 8).
type Kind uint8

// The elements of a presence document that carry a location.
const (
	Device Kind = iota // where a device is: what an emergency call is about
	Tuple              // a service, as older writers use it
	Person             // read only when nothing else has a location
)

// ParseError says which element is wrong and why. Decoders and encoders return
// it; Path is "/presence/device[1]/geopriv/location-info/Circle/radius".
type ParseError = xmltok.PathError

// Document is a presence document with its locations in document order.
type Document struct {
	Entity     string    // URI of whom the document is about, often a pseudonym; mandatory
	Elements   []Element // written tuples first, as the schema has it
	Notes      []Note    // for people
	Extensions []foreign.Element
}

// Element is a device, tuple or person.
type Element struct {
	Kind       Kind
	ID         string // xs:ID; Append makes one when it is missing or not one
	Basic      string // of a tuple: "open", "closed" or empty
	Geopriv    []Geopriv
	Status     []foreign.Element // of a tuple: what stands in its status beside geopriv
	Extensions []foreign.Element
	DeviceID   string    // URN of a device; Append writes the nil UUID for a device that has none
	Contact    string    // URI, of a tuple
	Priority   string    // of the contact, "0.8"; empty when absent
	Notes      []Note    // for people
	Timestamp  time.Time // zero when absent; a time without zone is taken as UTC
}

// Note is a text for people.
type Note struct{ Text, Lang string }

// UnknownConfidence is the Geopriv.Confidence of <confidence>unknown</confidence>.
const UnknownConfidence = -1

// Geopriv is one place with what may be done with it (RFC 4119, section 2.2).
type Geopriv struct {
	Info           []Chunk             // location-info, in document order
	Confidence     float64             // percent (RFC 7459), 0 when not stated: 95 then
	Distribution   string              // of the confidence: normal, rectangular, unknown or empty
	Retransmission bool                // retransmission-allowed; absent means no
	Retention      time.Time           // retention-expiry, zero when absent
	Ruleset        string              // external-ruleset, a URI
	NoteWell       string              // for a person
	NoteWellLang   string              // xml:lang of NoteWell
	Rules          []foreign.Element   // further usage rules
	Method         string              // "Wiremap", "802.11" ..., empty when absent
	ProvidedBy     calldata.ProvidedBy // RFC 7852
	Source         []string            // who measured: lis, device, other (RFC 7105, section 4.6)
	Extensions     []foreign.Element
}

// Chunk is one description of the place: exactly one of Civic, Shape and
// Foreign is set, or Err, which says that something stood there that this
// package should know but cannot use, and what.
type Chunk struct {
	Civic   *Civic
	Shape   Shape
	Foreign foreign.Element // Dynamic (RFC 5962), relative-location (RFC 7035) and what is not known
	Err     error
}

// Civic returns the first civic address, nil when there is none.
func (g *Geopriv) Civic() *Civic {
	for _, c := range g.Info {
		if c.Civic != nil {
			return c.Civic
		}
	}
	return nil
}

// Shape returns the first geodetic shape, nil when there is none.
func (g *Geopriv) Shape() Shape {
	for _, c := range g.Info {
		if c.Shape != nil {
			return c.Shape
		}
	}
	return nil
}

// Located reports whether there is a civic address with at least one field, or
// a shape.
func (g *Geopriv) Located() bool {
	for _, c := range g.Info {
		if c.Shape != nil || (c.Civic != nil && len(c.Civic.Fields) > 0) {
			return true
		}
	}
	return false
}

// Locations returns every geopriv that has a location, with the element that
// carries it, in the order in which a receiver shall consider them (RFC 5491,
// section 3, rule 8): devices, then tuples, then persons; document order
// within each.
func (d *Document) Locations() []Located {
	var out []Located
	for kind := Device; kind <= Person; kind++ {
		for i := range d.Elements {
			e := &d.Elements[i]
			if e.Kind != kind {
				continue
			}
			for j := range e.Geopriv {
				if e.Geopriv[j].Located() {
					out = append(out, Located{Element: e, Geopriv: &e.Geopriv[j]})
				}
			}
		}
	}
	return out
}

// First returns the location that a receiver shall take, nil when there is
// none: of several documents that came together, the first one's that has any
// (RFC 5491, section 3, rules 8 and 9).
func First(docs ...*Document) *Located {
	for _, d := range docs {
		if l := d.Locations(); len(l) > 0 {
			return &l[0]
		}
	}
	return nil
}

// Located is a geopriv that has a location, and the element that carries it.
type Located struct {
	Element *Element
	Geopriv *Geopriv
}

// KeepUntil returns when a receiver has to forget the location: as
// retention-expiry says, else a day after the timestamp of the element, else a
// day after it was received (RFC 4119, section 2.2.2).
func (l Located) KeepUntil(received time.Time) time.Time {
	const day = 24 * time.Hour
	switch {
	case !l.Geopriv.Retention.IsZero():
		return l.Geopriv.Retention
	case !l.Element.Timestamp.IsZero():
		return l.Element.Timestamp.Add(day)
	}
	return received.Add(day)
}
