package held

import "strings"

// MediaType of HELD messages; RFC 5985, section 5, wants the charset said.
const (
	MediaType   = "application/held+xml"
	ContentType = MediaType + ";charset=utf-8"
)

// IsMediaType reports whether a body with that Content-Type may be read as a
// HELD message: the type that RFC 5985, section 8, demands, the general names
// of XML, application/json as conformance suites mislabel it, or none at all;
// with any parameters, but with no charset beside UTF-8 and its part ASCII.
// Whether a server takes more than the first is its choice.
func IsMediaType(contentType string) bool {
	if contentType == ContentType || contentType == MediaType {
		return true
	}
	media, params, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case MediaType, "application/xml", "text/xml", "application/json", "":
	default:
		return false
	}
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "charset") {
			continue
		}
		switch strings.ToLower(strings.Trim(strings.TrimSpace(value), `"'`)) {
		case "", "utf-8", "utf8", "us-ascii", "ascii":
		default:
			return false
		}
	}
	return true
}
