// Package held reads and writes HTTP-Enabled Location Delivery messages (RFC
// 5985) for both sides: a device that asks where it is, and the location
// server that answers. It knows device identity (RFC 6155), dereferencing (RFC
// 6753) and the LLDP and Wi-Fi measurements of RFC 7105.
//
// It is strict in what it sends and tolerant in what it takes: any order and
// prefix, unknown elements, vendors' own elements and name/value pairs, which
// are kept as Extras. Sizes and counts are bounded.
package held

import (
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/pidflo"
)

// MediaType of HELD messages; RFC 5985, section 11.3, wants the charset said.
const (
	MediaType   = "application/held+xml"
	ContentType = MediaType + ";charset=utf-8"
)

// Namespaces of HELD messages.
const (
	Space        = "urn:ietf:params:xml:ns:geopriv:held"
	SpaceID      = "urn:ietf:params:xml:ns:geopriv:held:id"
	SpaceRouting = "urn:ietf:params:xml:ns:geopriv:held:ri"
	SpaceLM      = "urn:ietf:params:xml:ns:geopriv:lm"
	SpaceLLDP    = "urn:ietf:params:xml:ns:geopriv:lm:lldp"
	SpaceWiFi    = "urn:ietf:params:xml:ns:geopriv:lm:wifi"
)

// LocationType is a form of location that can be asked for.
type LocationType string

// The forms of location (RFC 5985, section 5.2).
const (
	Civic       LocationType = "civic"
	Geodetic    LocationType = "geodetic"
	LocationURI LocationType = "locationURI"
)

// Purpose is what a client is in a hurry for, in place of a time.
type Purpose string

// The purposes (RFC 5985, section 5.1).
const (
	EmergencyRouting  Purpose = "emergencyRouting"
	EmergencyDispatch Purpose = "emergencyDispatch"
)

// Request is a locationRequest. The zero Request asks for anything, with no
// hurry, of the device at the source address.
type Request struct {
	Types []LocationType // in order of preference; none means any
	Exact bool           // exactly these types or an error; never set without Types
	// Within is how long the client waits; zero with HasWithin false means that
	// it did not say.
	Within    time.Duration
	HasWithin bool
	For       Purpose // instead of Within; empty when not said

	Identity     []Identifier // children of device (RFC 6155), nil when there is none
	Measurements []Measurement
	Routing      string  // service of requestRoutingInformation (RFC 7840), empty when not asked
	Extras       []Extra // what vendors add
}

// Wants reports whether the type was asked for by name, or anything was.
func (r *Request) Wants(t LocationType) bool {
	if len(r.Types) == 0 {
		return true
	}
	for _, have := range r.Types {
		if have == t {
			return true
		}
	}
	return false
}

// Identifier is one child of the device element.
type Identifier struct {
	Kind  string // local name: "ip", "mac", "uri", "nai" ...
	Value string // white space trimmed
}

// Identifier kinds that this package names (RFC 6155, section 3).
const (
	IDIP     = "ip"
	IDMAC    = "mac"
	IDURI    = "uri"
	IDNAI    = "nai"
	IDFQDN   = "fqdn"
	IDDUID   = "duid"
	IDMSISDN = "msisdn"
	IDIMSI   = "imsi"
	IDIMEI   = "imei"
	IDMIN    = "min"
	IDMDN    = "mdn"
)

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

// URI returns the bare URI of a value that may be a whole name-addr, as some
// call servers send it: `"Desk 5" <tel:+4312345>` gives "tel:+4312345".
func URI(value string) string {
	value = strings.TrimSpace(value)
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		value = value[i+1:]
		if j := strings.IndexByte(value, '>'); j >= 0 {
			value = value[:j]
		}
	}
	return strings.TrimSpace(value)
}

// Extra is an element that no standard has, or a name/value pair.
type Extra struct {
	Name, Value string
}

// Extra returns the first non-empty value under the name. Case, hyphens and
// underscores do not count: "companyID" finds "company-id".
func (r *Request) Extra(name string) string {
	for _, e := range r.Extras {
		if e.Value != "" && sameName(e.Name, name) {
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

// Measurement is one measurements element (RFC 7105, section 4).
type Measurement struct {
	Time    time.Time // zero when not said
	Expires time.Time // zero when not said
	LLDP    []LLDP
	WiFi    []AccessPoint
	Other   []string // kinds that this package does not read, by local name
}

// LLDP is a neighbour as its frame named it (RFC 7105, section 5.1).
type LLDP struct {
	Chassis, Port LLDPID
}

// AccessPoint is a Wi-Fi access point that the device hears (RFC 7105, section
// 5.3).
type AccessPoint struct {
	BSSID   string // as sent: "00-12-F0-A0-80-EF"
	SSID    string
	Serving bool // the device is associated with it
}

// Response is a locationResponse, or the presence document that dereferencing
// may give instead (RFC 6753, section 4).
type Response struct {
	URIs     []string         // location URIs; none when there is no locationUriSet
	Expires  time.Time        // of the URIs
	Presence *pidflo.Document // nil when there is none
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

// Error is a HELD error.
type Error struct {
	Code     Code
	Message  string   // English, for a person
	Required []string // with BadIdentifier: kinds of identifier that would help
	Err      error    // what led to it on this side; never sent
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
