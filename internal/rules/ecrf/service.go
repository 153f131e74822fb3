package ecrf

import "strings"

// The services that this platform maps (RFC 5031). The children go to the PSAP
// of their parent: in North America it dispatches all three.
const (
	ServiceSOS       = "urn:service:sos"
	ServicePolice    = "urn:service:sos.police"
	ServiceFire      = "urn:service:sos.fire"
	ServiceAmbulance = "urn:service:sos.ambulance"
)

// Number is what is dialled for every service of the list in the United States
// and Canada.
const Number = "911"

var services = []string{ServiceSOS, ServiceAmbulance, ServiceFire, ServicePolice}

// Services lists the services that are mapped, the parent first.
func Services() []string { return append([]string(nil), services...) }

// Children lists the services immediately below one; the top-level services for
// an empty one. ok is false for a service that is not implemented.
func Children(urn string) (list []string, ok bool) {
	urn = strings.ToLower(urn)
	switch urn {
	case "":
		return []string{ServiceSOS}, true
	case ServiceSOS:
		return append(list, services[1:]...), true
	}
	_, substituted, ok := Service(urn)
	return nil, ok && !substituted
}

// Service returns the mapped service that stands for one that is asked for:
// itself, or, substituted, the nearest parent (RFC 5222, section 8.4.1). ok is
// false when there is none: another branch, test calls, a URN that is none.
func Service(urn string) (mapped string, substituted, ok bool) {
	urn = strings.ToLower(urn)
	for s := urn; s != ""; {
		for _, known := range services {
			if s == known {
				return known, s != urn, true
			}
		}
		dot := strings.LastIndexByte(s, '.')
		if dot < 0 || dot == len(s)-1 {
			return "", false, false
		}
		s = s[:dot]
	}
	return "", false, false
}
