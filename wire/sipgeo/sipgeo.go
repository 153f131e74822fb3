// Package sipgeo reads and writes the SIP header values that carry location
// and the names of an emergency call: Geolocation and Geolocation-Routing (RFC
// 6442), and the Call-Info values of NENA i3 and RFC 7852.
//
// Reading is tolerant and bounded: a value that cannot be understood is left
// out and the others are kept, because one broken reference must not cost a
// call the good one beside it.
package sipgeo

import (
	"net/url"
	"strings"
)

// Bounds of what is read of one message.
const (
	maxValues = 16
	maxURI    = 2048
	maxHeader = 16 << 10
)

// Location is one value of Geolocation.
type Location struct {
	URI    string
	Params string // as it came, without the first semicolon; unknown ones are to be kept
}

// Scheme returns the URI's scheme in lower case: "cid", "https" ...
func (l Location) Scheme() string {
	scheme, _, ok := strings.Cut(l.URI, ":")
	scheme = strings.ToLower(scheme)
	for i, c := range scheme {
		if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && !strings.ContainsRune("+-.", c)) {
			return ""
		}
	}
	if !ok {
		return ""
	}
	return scheme
}

// ContentID returns the Content-ID of the body part that a cid URI names,
// without angle brackets (RFC 2392); it is compared with case.
func (l Location) ContentID() (string, bool) {
	if l.Scheme() != "cid" {
		return "", false
	}
	id, err := url.PathUnescape(l.URI[len("cid:"):])
	if err != nil || id == "" {
		return "", false
	}
	return id, true
}

// FromContentID makes the value that points to a body part.
func FromContentID(id string) Location {
	id = strings.Trim(id, "<> \t")
	return Location{URI: "cid:" + escape(id, `%<>" `)}
}

// ParseGeolocation reads all Geolocation headers of a message in order. A geo
// URI is not allowed there (RFC 6442, section 4.1) and left out.
func ParseGeolocation(headers []string) []Location {
	var out []Location
	for _, v := range values(headers) {
		uri, params, ok := bracketed(v)
		l := Location{URI: uri, Params: params}
		if !ok || l.Scheme() == "" || l.Scheme() == "geo" {
			continue
		}
		out = append(out, l)
	}
	return out
}

// FormatGeolocation writes one header value for all locations.
func FormatGeolocation(locations ...Location) string {
	var b strings.Builder
	for _, l := range locations {
		b.WriteString(sep(&b))
		b.WriteString("<" + inBrackets(l.URI) + ">")
		if p := oneLine(l.Params); p != "" {
			b.WriteString(";" + p)
		}
	}
	return b.String()
}

// Routing is what Geolocation-Routing says.
type Routing int

// The values of Geolocation-Routing; an unknown one counts as no (RFC 6442,
// section 4.2).
const (
	RoutingAbsent Routing = iota
	RoutingNo
	RoutingYes
)

// ParseRouting reads Geolocation-Routing. It may stand once only; of several
// one "no" counts.
func ParseRouting(headers []string) Routing {
	r := RoutingAbsent
	for _, h := range headers {
		word, _, _ := strings.Cut(h, ";")
		if !strings.EqualFold(strings.TrimSpace(word), "yes") {
			return RoutingNo
		}
		r = RoutingYes
	}
	return r
}

func (r Routing) String() string {
	switch r {
	case RoutingYes:
		return "yes"
	case RoutingNo:
		return "no"
	}
	return ""
}

// values splits headers at commas that stand outside brackets and quotes.
func values(headers []string) []string {
	var out []string
	for _, h := range headers {
		if len(h) > maxHeader {
			continue
		}
		start, quoted, inside := 0, false, false
		for i := 0; i <= len(h) && len(out) < maxValues; i++ {
			switch {
			case i == len(h) || (h[i] == ',' && !quoted && !inside):
				if v := strings.TrimSpace(h[start:i]); v != "" {
					out = append(out, v)
				}
				start = i + 1
			case quoted && h[i] == '\\':
				i++
			case h[i] == '"' && !inside:
				quoted = !quoted
			case h[i] == '<' && !quoted:
				inside = true
			case h[i] == '>':
				inside = false
			}
		}
	}
	return out
}

// bracketed takes `<uri>;params` apart. A bare URI without parameters is taken
// too.
func bracketed(v string) (uri, params string, ok bool) {
	if open := strings.IndexByte(v, '<'); open >= 0 {
		rest := v[open+1:]
		uri, params, ok = strings.Cut(rest, ">")
		params = strings.TrimSpace(params)
		if !ok || (params != "" && params[0] != ';') {
			return "", "", false
		}
		params = strings.TrimSpace(strings.TrimPrefix(params, ";"))
	} else {
		uri, params, _ = strings.Cut(v, ";")
		ok = true
	}
	uri = strings.TrimSpace(uri)
	return uri, params, ok && uri != "" && len(uri) <= maxURI && strings.IndexFunc(uri, notInURI) < 0
}

// notInURI reports what no URI holds (RFC 3986): white space, controls, and
// what is not ASCII.
func notInURI(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' || r == '"' }

func sep(b *strings.Builder) string {
	if b.Len() == 0 {
		return ""
	}
	return ", "
}

// inBrackets keeps a URI from ending its brackets or its line.
func inBrackets(s string) string { return escape(s, `<>" `) }

// escape writes the octets of set as %hh and drops controls.
func escape(s, set string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(set, r) }) < 0 {
		return s
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
		case strings.IndexByte(set, c) >= 0:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// oneLine returns parameters that keep to their value and their line, or none.
func oneLine(s string) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f:
			return ""
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte("<>,", s[i]) >= 0:
			return ""
		}
	}
	if quoted {
		return ""
	}
	return strings.TrimSpace(s)
}
