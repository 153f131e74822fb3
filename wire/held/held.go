// Package held reads and writes HTTP-Enabled Location Delivery messages for
// both sides: a device or call server that asks where something is, and the
// location server that answers. It needs the standard library only.
//
// # Which document each type follows
//
//   - Request, Response, Error: RFC 5985; dereferencing (RFC 6753) uses the
//     same three, and ParseReply reads the bare presence document it may give.
//   - Identifier: device identity, RFC 6155. Flow: RFC 6915.
//   - Measurement, LLDP, DHCPRelay, WiFi, AccessPoint, Cell,
//     MeasurementRequest: RFC 7105. GNSS and DSL measurements are kept as they
//     came, as Extensions.
//   - Request.Routing, Routing: RFC 7840. PolicyURI elements (RFC 7199) are
//     kept as they came, as Extensions.
//   - The document in a Response is a pidflo.Document.
//
// # What is sent
//
// The Append functions write what the published schemas accept and what the
// RFCs demand beyond them, or return a *ParseError that names the field and the
// reason. What can be made right without a guess is: notations of hardware
// addresses, characters that a URI or XML cannot hold, the order of elements.
// Times go out in UTC with "Z", to the millisecond, always with a fraction (RFC
// 5985, section 6.5.2).
//
// # What is taken
//
// Any order and prefix. An element is known by its namespace and its name; one
// of ours is also taken without namespace or in that of the element around it,
// because devices forget xmlns. Whatever is not understood is kept (Extras,
// Extensions) or left out, never a reason to refuse: RFC 5985, section 5.1,
// demands that of a location server. What is kept is bounded, and so are size
// and depth; document type definitions are refused; the encoding is UTF-8.
//
// # Where it differs
//
//   - A message stands in an element, as RFC 5985's schema has it; its prose
//     speaks of an attribute, which is read too.
//   - "band" of an access point is in the text of RFC 7105 and not in its
//     schema: it is read and never written.
//   - Times without zone, as in RFC 7105's examples, are taken as UTC.
//   - Foreign attributes are not kept.
package held

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Namespaces of HELD messages.
const (
	Space        = "urn:ietf:params:xml:ns:geopriv:held"
	SpaceID      = "urn:ietf:params:xml:ns:geopriv:held:id"
	SpaceFlow    = "urn:ietf:params:xml:ns:geopriv:held:flow"
	SpacePolicy  = "urn:ietf:params:xml:ns:geopriv:held:policy"
	SpaceRouting = "urn:ietf:params:xml:ns:geopriv:held:ri"
	SpaceLM      = "urn:ietf:params:xml:ns:geopriv:lm"
	SpaceLLDP    = "urn:ietf:params:xml:ns:geopriv:lm:lldp"
	SpaceDHCP    = "urn:ietf:params:xml:ns:geopriv:lm:dhcp"
	SpaceWiFi    = "urn:ietf:params:xml:ns:geopriv:lm:wifi"
	SpaceCell    = "urn:ietf:params:xml:ns:geopriv:lm:cell"
)

// SpaceExtra is the namespace in which an Extra without Space is written: HELD
// allows foreign elements only (RFC 5985, section 7).
const SpaceExtra = "urn:callbox:held:extra"

// ServiceSOS is the service of a request for routing that names none (RFC 7840,
// section 3).
const ServiceSOS = "urn:service:sos"

// ParseError says which element of a message or field of a value is wrong, and
// why. Path has local names, counted where there are several:
// "/locationRequest/measurements[1]/lldp[2]/chassis".
type ParseError = xmltok.PathError

// LocationType is a form of location that can be asked for.
type LocationType string

// The forms of location (RFC 5985, section 6.2).
const (
	Civic       LocationType = "civic"
	Geodetic    LocationType = "geodetic"
	LocationURI LocationType = "locationURI"
)

// Purpose is what a client is in a hurry for, in place of a time.
type Purpose string

// The purposes (RFC 5985, section 6.1).
const (
	EmergencyRouting  Purpose = "emergencyRouting"
	EmergencyDispatch Purpose = "emergencyDispatch"
)

// Request is a locationRequest (RFC 5985, section 5.1). The zero Request asks
// for anything, with no hurry, of the device at the source address.
type Request struct {
	Types []LocationType // in order of preference; none means any
	Exact bool           // exactly these types or an error; never set without Types
	// Within is how long the client waits, to the millisecond; zero with
	// HasWithin false means that it did not say.
	Within    time.Duration
	HasWithin bool
	For       Purpose // instead of Within; empty when not said

	Identity     []Identifier // children of device (RFC 6155), nil when there is none
	Flow         Flow         // RFC 6915; the zero Flow when there is none
	Measurements []Measurement
	Routing      string  // service of requestRoutingInformation (RFC 7840), empty when not asked
	Extras       []Extra // what vendors add, as names and values
	// Extensions are other foreign elements, whole. Those that hold names and
	// values are searched for Extras too.
	Extensions []foreign.Element
}

// Wants reports whether the type was asked for by name, or anything was.
func (r *Request) Wants(t LocationType) bool {
	return len(r.Types) == 0 || slices.Contains(r.Types, t)
}

// Identified reports whether the request names a device, by an identifier or a
// flow: then it is not about whoever sent it, until that is proved (RFC 6155,
// section 4), and never valid for a location URI (RFC 6753, section 3.1).
func (r *Request) Identified() bool { return len(r.Identity) > 0 || r.Flow != Flow{} }

// Identifiers returns the values of one kind, in order.
func (r *Request) Identifiers(kind string) []string {
	var out []string
	for _, id := range r.Identity {
		if id.Kind == kind {
			out = append(out, id.Value)
		}
	}
	return out
}

// Extra is an element of a vendor with a text, or a name/value pair.
type Extra struct {
	Space string // namespace of a vendor; empty for none, for HELD's own and for SpaceExtra
	Name  string
	Value string // white space collapsed
	// Inside says that it was found inside one of Extensions, with which it is
	// written.
	Inside bool
}

// Extra returns the first non-empty value under the name. Case, hyphens and
// underscores do not count: "companyID" finds "company-id".
func (r *Request) Extra(name string) string {
	for i := range r.Extras {
		if e := &r.Extras[i]; e.Value != "" && sameName(e.Name, name) {
			return e.Value
		}
	}
	return ""
}

// sameName compares letters and digits without case.
func sameName(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && nameFill(a[i]) {
			i++
		}
		for j < len(b) && nameFill(b[j]) {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func nameFill(c byte) bool { return c == '-' || c == '_' || c == ' ' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// Response is a locationResponse (RFC 5985, section 5.2), or the presence
// document that dereferencing may give instead (RFC 6753, section 3.3).
type Response struct {
	URIs     []string         // location URIs; none when there is no locationUriSet
	Expires  time.Time        // of the URIs; must be there when they are
	Presence *pidflo.Document // nil when there is none
	Routing  Routing          // RFC 7840; the zero Routing when there is none
	// Extensions are other foreign elements, such as policyUri (RFC 7199).
	Extensions []foreign.Element
}

// Routing is a routingInformation (RFC 7840, section 3): where a call to a
// service goes from the place that the response tells. It must not be kept for
// another call. The zero value means that there is none.
type Routing struct {
	Service string   // "urn:service:sos"
	Dest    []string // URIs, each scheme once
	Default bool     // the place is unknown to the router: a default route; ask LoST too
	// ServiceExtensions stand in the service element beside the URIs,
	// Extensions beside the service element, such as a LoST mapping.
	ServiceExtensions, Extensions []foreign.Element
}

func (r *Routing) none() bool {
	return r.Service == "" && !r.Default && len(r.Dest) == 0 && len(r.ServiceExtensions) == 0 && len(r.Extensions) == 0
}

// Code is why there is no location.
type Code string

// The error codes (RFC 5985, section 6.3; RFC 6155, section 5).
const (
	RequestError        Code = "requestError"
	XMLError            Code = "xmlError"
	GeneralLISError     Code = "generalLisError"
	LocationUnknown     Code = "locationUnknown"
	UnsupportedMessage  Code = "unsupportedMessage"
	Timeout             Code = "timeout"
	CannotProvideLIType Code = "cannotProvideLiType"
	NotLocatable        Code = "notLocatable"
	BadIdentifier       Code = "badIdentifier"
)

// Error is a HELD error (RFC 5985, section 5.3).
type Error struct {
	Code     Code
	Message  string   // for a person, white space collapsed
	Lang     string   // of Message; empty means English
	More     []Text   // the message in other languages
	Required []string // with BadIdentifier: kinds of identifier that would help
	// Measure asks for measurements (RFC 7105, section 4.3); it has a meaning
	// with LocationUnknown only. nil when there is none.
	Measure    *MeasurementRequest
	Extensions []foreign.Element
	Err        error // what led to it on this side; never sent
}

// Text is a text in a language (RFC 5646).
type Text struct {
	Lang, Text string
}

func (e *Error) Error() string {
	s := "HELD " + string(e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
