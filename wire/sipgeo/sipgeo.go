package sipgeo

import (
	"fmt"
	"net/url"
	"strings"
)

// Location is one value of Geolocation.
type Location struct {
	URI    string
	Params string // "a=b;c", without the first semicolon; unknown ones are to be kept
}

// Scheme returns the URI's scheme in lower case: "cid", "https" ...
func (l Location) Scheme() string { return schemeOf(l.URI) }

// Param returns a parameter's value without its quotes.
func (l Location) Param(name string) (string, bool) { return param(l.Params, name) }

// ContentID returns the Content-ID of the body part that a cid URI names,
// without angle brackets (RFC 2392); it is compared with case.
func (l Location) ContentID() (string, bool) { return contentID(l.URI) }

func contentID(uri string) (string, bool) {
	if schemeOf(uri) != "cid" {
		return "", false
	}
	id, err := url.PathUnescape(uri[len("cid:"):])
	if err != nil || id == "" {
		return "", false
	}
	return id, true
}

// FromContentID makes the value that points to a body part.
func FromContentID(id string) Location { return Location{URI: cidURI(id)} }

func cidURI(id string) string {
	id = strings.Trim(id, "<> \t")
	var b strings.Builder
	b.WriteString("cid:")
	for i := range len(id) {
		c := id[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("%<>\"\\^`{|}[]#?/;,", c) >= 0 {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// OptionTag is what a sender of the value puts into Supported (RFC 6442,
// section 4.6): "geolocation-sip", "geolocation-http", or nothing for a cid.
func (l Location) OptionTag() string {
	switch l.Scheme() {
	case "sip", "sips", "pres":
		return "geolocation-sip"
	case "http", "https":
		return "geolocation-http"
	}
	return ""
}

// ParseGeolocation reads all Geolocation headers of a message in order. A geo
// URI is not allowed there (RFC 6442, section 4.1) and left out.
func ParseGeolocation(headers []string) []Location {
	var out []Location
	for _, v := range values(headers) {
		uri, params, ok := bracketed(v)
		l := Location{URI: uri, Params: params}
		if !ok || l.Scheme() == "geo" {
			continue
		}
		out = append(out, l)
	}
	return out
}

// FormatGeolocation writes one header value for all locations.
func FormatGeolocation(locations ...Location) (string, error) {
	return list(locations, Location.format)
}

func (l Location) format() (string, error) {
	if err := checkURI(l.URI); err != nil {
		return "", err
	}
	if l.Scheme() == "geo" {
		return "", fmt.Errorf("a geo URI may not stand in Geolocation (RFC 6442, section 4.1)")
	}
	return withParams("<"+l.URI+">", l.Params)
}

func withParams(s, params string) (string, error) {
	if params = strings.Trim(params, " \t"); params == "" {
		return s, nil
	}
	if err := checkParams(params); err != nil {
		return "", err
	}
	return s + ";" + params, nil
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

// String is the header's value; empty for an absent one, which is not written.
func (r Routing) String() string {
	switch r {
	case RoutingYes:
		return "yes"
	case RoutingNo:
		return "no"
	}
	return ""
}

// Forward is what an intermediary that wants w writes where r came in: "no" is
// never changed or removed, "yes" may become "no" (RFC 6442, section 4.2).
func (r Routing) Forward(w Routing) Routing {
	switch {
	case r == RoutingNo:
		return RoutingNo
	case r == RoutingYes && w == RoutingAbsent:
		return RoutingYes
	}
	return w
}
