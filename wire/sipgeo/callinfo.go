package sipgeo

import "strings"

// Purposes of Call-Info (NENA-STA-010.3; RFC 7852, section 11.1.9).
const (
	PurposeCallID       = "emergency-CallId"
	PurposeIncidentID   = "emergency-IncidentId"
	PurposeProviderInfo = "EmergencyCallData.ProviderInfo"
	PurposeServiceInfo  = "EmergencyCallData.ServiceInfo"
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
}

// ParseCallInfo reads all Call-Info headers of a message in order.
func ParseCallInfo(headers []string) []CallInfo {
	var out []CallInfo
	for _, v := range values(headers) {
		uri, params, ok := bracketed(v)
		if !ok {
			continue
		}
		c := CallInfo{URI: uri}
		for p := range strings.SplitSeq(params, ";") {
			if name, value, ok := strings.Cut(p, "="); ok && strings.EqualFold(strings.TrimSpace(name), "purpose") {
				c.Purpose = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		out = append(out, c)
	}
	return out
}

// Format writes one header value.
func (c CallInfo) Format() string {
	return "<" + inBrackets(c.URI) + ">;purpose=" + token(c.Purpose)
}

// EmergencyIDs returns the names of the call and of the incident that a message
// carries, empty when it has none. The first element on the way gives them and
// nobody replaces them.
func EmergencyIDs(headers []string) (call, incident string) {
	for _, c := range ParseCallInfo(headers) {
		lower := strings.ToLower(c.URI)
		switch {
		case call == "" && (strings.HasPrefix(lower, prefixCall) || strings.HasPrefix(lower, prefixCallOld)):
			call = c.URI
		case incident == "" && (strings.HasPrefix(lower, prefixIncident) || strings.HasPrefix(lower, prefixIncidentOld)):
			incident = c.URI
		}
	}
	return call, incident
}

// CallID makes the name of an emergency call from something unique and our
// domain: "urn:emergency:uid:callid:01936f2e...:callbox.example". What is no
// letter or digit is dropped from unique; i3 asks for 10 to 32 of them.
func CallID(unique, domain string) string { return uid(prefixCall, unique, domain) }

// IncidentID makes the name of an incident.
func IncidentID(unique, domain string) string { return uid(prefixIncident, unique, domain) }

func uid(prefix, unique, domain string) string {
	const most = 32
	var b strings.Builder
	for i := 0; i < len(unique) && b.Len() < most; i++ {
		if c := unique[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
		}
	}
	return prefix + b.String() + ":" + domain
}

// token keeps what may stand in a SIP token (RFC 3261, section 25.1).
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-.!%*_+`'~", r) {
			return r
		}
		return -1
	}, s)
}
