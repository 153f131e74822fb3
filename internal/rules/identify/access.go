package identify

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// HeaderAccessNetwork says through what the telephone reached its platform (RFC
// 7315, section 5.4).
const HeaderAccessNetwork = "P-Access-Network-Info"

// Access is what an INVITE tells of the radio that its telephone is on (F-33).
type Access struct {
	// Handset: the access is DECT or Wi-Fi, which one carries about.
	Handset  bool
	BSSID    e911.MAC // serving access point
	DECTBase string   // RFPI, ten lower-case hexadecimal digits
}

// AccessOf reads P-Access-Network-Info of an INVITE from a telephone or a
// platform trunk; carriers and relay centres say nothing of our telephones. Of
// several values the first with a key counts. The access point is the parameter
// i-wlan-node-id (3GPP TS 24.229, section 7.2A.4); no standard has one for a
// DECT base, vendors write its RFPI as rfpi, dect-rfpi or dect-base.
func AccessOf(t e911.Trunk, h Headers) Access {
	var a Access
	if h == nil || t.Side == e911.SideCarrier || t.Side == e911.SideRelay {
		return a
	}
	for _, header := range h.All(HeaderAccessNetwork) {
		if len(header) > maxIdentitySize {
			continue
		}
		for _, value := range splitValues(header) {
			a.read(value)
		}
	}
	return a
}

func (a *Access) read(value string) {
	kind, params, _ := strings.Cut(value, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if strings.HasPrefix(kind, "ieee-802.11") || strings.HasPrefix(kind, "dect") {
		a.Handset = true
	}
	for param := range strings.SplitSeq(params, ";") {
		name, v, _ := strings.Cut(param, "=")
		v = strings.Trim(strings.TrimSpace(v), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "i-wlan-node-id":
			if mac, err := e911.ParseMAC(v); err == nil && a.BSSID == "" {
				a.BSSID, a.Handset = mac, true
			}
		case "rfpi", "dect-rfpi", "dect-base":
			if base, ok := rfpi(v); ok && a.DECTBase == "" {
				a.DECTBase, a.Handset = base, true
			}
		}
	}
}

// rfpi writes the identity of a DECT base, 40 bits, in its one form.
func rfpi(s string) (string, bool) {
	s = strings.ToLower(strings.NewReplacer(":", "", "-", "", " ", "").Replace(s))
	const digits = 10
	return s, len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}
