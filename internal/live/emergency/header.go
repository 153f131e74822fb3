package emergency

import (
	"net/url"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// geoValue is one value of a Geolocation header (RFC 6442, section 4.1).
type geoValue struct {
	uri string
	raw string // with its parameters, as it travels on
}

// cid is the Content-ID that a cid URI points to, empty for other URIs (RFC
// 2392: the URI is percent-escaped).
func (v geoValue) cid() string {
	if len(v.uri) < 4 || !strings.EqualFold(v.uri[:4], "cid:") {
		return ""
	}
	if id, err := url.PathUnescape(v.uri[4:]); err == nil {
		return id
	}
	return v.uri[4:]
}

func geolocationValues(h sipedge.Headers) []geoValue {
	var out []geoValue
	for _, line := range h.All("Geolocation") {
		for _, raw := range splitList(line) {
			if uri := addrSpec(raw); uri != "" {
				out = append(out, geoValue{uri: uri, raw: raw})
			}
		}
	}
	return out
}

// splitList cuts a header field at the commas that part its values: those
// outside quotes and angle brackets.
func splitList(s string) []string {
	var out []string
	quoted, angle, start := false, false, 0
	add := func(end int) {
		if v := strings.TrimSpace(s[start:end]); v != "" {
			out = append(out, v)
		}
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case quoted && ch == '\\':
			i++
		case ch == '"' && !angle:
			quoted = !quoted
		case quoted:
		case ch == '<':
			angle = true
		case ch == '>':
			angle = false
		case ch == ',' && !angle:
			add(i)
		}
	}
	add(len(s))
	return out
}

// addrSpec is the URI of a name-addr or bare URI.
func addrSpec(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return strings.TrimSpace(uri)
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// emergencyCallID is the one that came in, i3's or its older form, so that one
// call keeps one id through all elements (NENA-STA-010, 2.1.6); else a new one.
func emergencyCallID(h sipedge.Headers, id e911.CallID, domain string) string {
	for _, line := range h.All("Call-Info") {
		for _, v := range splitList(line) {
			uri := addrSpec(v)
			lower := strings.ToLower(uri)
			if len(uri) <= 256 && (strings.HasPrefix(lower, "urn:emergency:uid:callid:") || strings.HasPrefix(lower, "urn:nena:uid:callid:")) {
				return uri
			}
		}
	}
	return "urn:emergency:uid:callid:" + strings.ReplaceAll(string(id), "-", "") + ":" + domain
}
