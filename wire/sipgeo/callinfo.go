package sipgeo

import (
	"errors"
	"fmt"
	"strings"
)

// Purposes of Call-Info (NENA-STA-010.3, sections 2.1.6 and 2.1.7; RFC 7852,
// section 6.1).
const (
	PurposeCallID         = "emergency-CallId"
	PurposeIncidentID     = "emergency-IncidentId"
	PurposeProviderInfo   = "EmergencyCallData.ProviderInfo"
	PurposeServiceInfo    = "EmergencyCallData.ServiceInfo"
	PurposeDeviceInfo     = "EmergencyCallData.DeviceInfo"
	PurposeSubscriberInfo = "EmergencyCallData.SubscriberInfo"
	PurposeComment        = "EmergencyCallData.Comment"
)

// Prefixes of the names of an emergency call and of an incident; those of i3
// version 2 are still met.
const (
	prefixCall        = "urn:emergency:uid:callid:"
	prefixIncident    = "urn:emergency:uid:incidentid:"
	prefixCallOld     = "urn:nena:uid:callid:"
	prefixIncidentOld = "urn:nena:uid:incidentid:"
)

// CallInfo is one value of a Call-Info header.
type CallInfo struct {
	URI     string
	Purpose string // without quotes; compared without case
	Params  string // others, "a=b;c": kept
}

// Is reports whether the value has that purpose.
func (c CallInfo) Is(purpose string) bool { return strings.EqualFold(c.Purpose, purpose) }

// ContentID returns the Content-ID of the body part that a cid URI names.
func (c CallInfo) ContentID() (string, bool) { return contentID(c.URI) }

// CallInfoTo makes the value that points to a block of additional data in a
// body part.
func CallInfoTo(contentID, purpose string) CallInfo {
	return CallInfo{URI: cidURI(contentID), Purpose: purpose}
}

// CallInfoAt makes the value that points to a block of additional data on a
// server. Only https may lead there (RFC 7852, section 6.1); values of others
// are written as they came.
func CallInfoAt(uri, purpose string) (CallInfo, error) {
	if err := checkURI(uri); err != nil {
		return CallInfo{}, err
	}
	if schemeOf(uri) != "https" {
		return CallInfo{}, fmt.Errorf("%q: additional data by reference is fetched by https", clip(uri))
	}
	return CallInfo{URI: uri, Purpose: purpose}, nil
}

// ParseCallInfo reads all Call-Info headers of a message in order.
func ParseCallInfo(headers []string) []CallInfo {
	var out []CallInfo
	for _, v := range values(headers) {
		uri, params, ok := bracketed(v)
		if !ok {
			continue
		}
		purpose, _ := param(params, "purpose")
		out = append(out, CallInfo{URI: uri, Purpose: purpose, Params: without(params, "purpose")})
	}
	return out
}

// Format writes one header value.
func (c CallInfo) Format() (string, error) {
	if err := checkURI(c.URI); err != nil {
		return "", err
	}
	s := "<" + c.URI + ">"
	if c.Purpose != "" {
		if !isToken(c.Purpose) {
			return "", fmt.Errorf("%q is no purpose", clip(c.Purpose))
		}
		s += ";purpose=" + c.Purpose
	}
	if _, twice := param(c.Params, "purpose"); twice {
		return "", errors.New("purpose stands among the parameters")
	}
	return withParams(s, c.Params)
}

// FormatCallInfo writes one header value for all.
func FormatCallInfo(cs ...CallInfo) (string, error) { return list(cs, CallInfo.Format) }

// EmergencyIDs returns the names of the call and of the incident that a message
// carries, empty when it has none. The first element on the way gives them and
// nobody replaces them.
func EmergencyIDs(headers []string) (call, incident string) {
	for _, c := range ParseCallInfo(headers) {
		switch {
		case call == "" && (hasPrefix(c.URI, prefixCall) || hasPrefix(c.URI, prefixCallOld)):
			call = c.URI
		case incident == "" && (hasPrefix(c.URI, prefixIncident) || hasPrefix(c.URI, prefixIncidentOld)):
			incident = c.URI
		}
	}
	return call, incident
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// CallID makes the name of an emergency call from something unique and our
// domain: "urn:emergency:uid:callid:01936f2e...:callbox.example". What is no
// letter or digit is dropped from unique; i3 asks for 10 to 32 of them.
func CallID(unique, domain string) string { return uid(prefixCall, unique, domain) }

// IncidentID makes the name of an incident.
func IncidentID(unique, domain string) string { return uid(prefixIncident, unique, domain) }

// Bounds of the unique part of a name in i3.
const (
	leastUnique = 10
	mostUnique  = 32
)

func uid(prefix, unique, domain string) string {
	var b strings.Builder
	for i := 0; i < len(unique) && b.Len() < mostUnique; i++ {
		if c := unique[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
		}
	}
	return prefix + b.String() + ":" + domain
}

// CheckID reports what i3 does not allow in the name of a call or an incident
// (NENA-STA-010.3, section 2.1.6): it is for those who make one, names that
// came with a call are passed on as they are.
func CheckID(name string) error {
	rest := ""
	switch {
	case hasPrefix(name, prefixCall):
		rest = name[len(prefixCall):]
	case hasPrefix(name, prefixIncident):
		rest = name[len(prefixIncident):]
	default:
		return fmt.Errorf("%q is no name of an emergency call or incident", clip(name))
	}
	unique, domain, ok := strings.Cut(rest, ":")
	for i := range len(unique) {
		if c := unique[i] | 0x20; (c < 'a' || c > 'z') && (unique[i] < '0' || unique[i] > '9') {
			return fmt.Errorf("%q: the unique part has more than letters and digits", clip(name))
		}
	}
	if len(unique) < leastUnique || len(unique) > mostUnique {
		return fmt.Errorf("%q: the unique part has %d characters, not %d to %d", clip(name), len(unique), leastUnique, mostUnique)
	}
	if !ok || domain == "" || strings.ContainsAny(domain, ":/@") {
		return fmt.Errorf("%q has no domain", clip(name))
	}
	return checkURI(name)
}
