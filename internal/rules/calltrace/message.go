package calltrace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Field is one header field.
type Field struct{ Name, Value string }

// Msg is a message as it went over the wire.
type Msg struct {
	Method, URI string // of a request
	Code        int    // of a response
	Reason      string
	Fields      []Field
	Body        []byte
	ContentType string
}

// What is the first line, as people speak of it.
func (m Msg) What() string {
	if m.Method != "" {
		return m.Method + " " + plain(m.URI, 80)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", m.Code, plain(m.Reason, 60)))
}

// said are the fields that tell something on the way of a call. All others, and
// those that every message has, are left out.
var said = []string{
	"From", "P-Asserted-Identity", "Route", "Geolocation", "Geolocation-Routing", "Call-Info", "Resource-Priority",
	"Identity", "Require", "Proxy-Require", "Supported", "Accept", "Allow", "Unsupported", "Authorization",
	"Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate", "Contact", "Retry-After", "Warning", "Reason",
	"Geolocation-Error", "Server",
}

// Carries lists what a message carried that matters: fields, then bodies by name.
func (m Msg) Carries() []string {
	var out []string
	for _, f := range m.Fields {
		if i := slices.IndexFunc(said, func(n string) bool { return strings.EqualFold(n, f.Name) }); i >= 0 && m.tells(said[i]) {
			out = append(out, said[i]+": "+value(said[i], f.Value))
		}
	}
	return append(out, bodies(m.ContentType, m.Body, 0)...)
}

// tells reports whether a field says anything new in such a message.
func (m Msg) tells(name string) bool {
	answer := m.Code > 0
	switch name {
	case "From":
		return m.Method == "INVITE"
	case "Contact": // of a redirect it is the point
		return answer && m.Code >= 300 && m.Code < 400
	case "Allow":
		return m.Code == 405
	case "Supported":
		return m.Method == "INVITE"
	case "Accept":
		return answer
	}
	return true
}

// value is a field's value without what is secret.
func value(name, v string) string {
	switch name {
	case "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate":
		return credentials(v)
	case "Identity":
		return fmt.Sprintf("a PASSporT of %d bytes", len(v))
	case "Geolocation", "Call-Info":
		return references(v)
	}
	return plain(v, 160)
}

// credentials keeps of a challenge, or an answer to one, what helps to find out
// why it is not liked.
func credentials(v string) string {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(v), " ")
	if !ok {
		return "credentials of no scheme (not shown)"
	}
	var kept []string
	for _, p := range splitQuoted(rest) {
		name, val, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(name) {
		case "realm", "algorithm", "qop", "stale":
			kept = append(kept, strings.ToLower(name)+"="+plain(strings.Trim(val, `"`), 60))
		}
	}
	return strings.Join(append([]string{plain(scheme, 20)}, append(kept, "(the rest is not shown)")...), " ")
}

// splitQuoted splits at commas outside of quotes.
func splitQuoted(s string) []string {
	var out []string
	from, quoted := 0, false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}

// references shows where location references lead, not how they are opened. What
// is not written as the RFCs have it is not shown.
func references(v string) string {
	if !strings.Contains(v, "<") {
		return "(not in brackets, not shown)"
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(v, "<")
		b.WriteString(before)
		if !ok {
			break
		}
		uri, after, _ := strings.Cut(rest, ">")
		b.WriteString("<" + reference(uri) + ">")
		v = after
	}
	return plain(b.String(), 240)
}

func reference(uri string) string {
	scheme, _, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		if u, err := url.Parse(uri); err == nil {
			return u.Scheme + "://" + u.Host + "/..."
		}
		return scheme + ":..."
	case "cid":
		return "cid of a body part"
	case "sip", "sips", "pres":
		if _, host, ok := strings.Cut(uri, "@"); ok {
			host, _, _ = strings.Cut(host, ";")
			host, _, _ = strings.Cut(host, "?")
			return scheme + ":...@" + host
		}
	case "urn": // names, no keys
		return uri
	}
	return plain(scheme, 20) + ":..."
}

// maxDepth and maxBodies bound what is named of a body.
const (
	maxDepth  = 3
	maxBodies = 16
)

// bodies names the bodies of a message.
func bodies(contentType string, body []byte, depth int) []string {
	if len(body) == 0 {
		return nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return []string{fmt.Sprintf("body of a type that cannot be read, %d bytes", len(body))}
	}
	if !strings.HasPrefix(kind, "multipart/") || depth == maxDepth {
		return []string{"body " + body1(kind, body)}
	}
	out := []string{fmt.Sprintf("body %s, %d bytes:", kind, len(body))}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for range maxBodies {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			return append(out, "  its parts cannot be read: "+plain(err.Error(), 80))
		}
		part, err := io.ReadAll(p)
		if err != nil {
			return append(out, "  a part cannot be read: "+plain(err.Error(), 80))
		}
		for _, line := range bodies(p.Header.Get("Content-Type"), part, depth+1) {
			out = append(out, "  "+line)
		}
	}
	return append(out, "  and more")
}

// body1 names a body that is not made of parts.
func body1(kind string, body []byte) string {
	name := fmt.Sprintf("%s, %d bytes", plain(kind, 60), len(body))
	switch kind {
	case "application/sdp":
		if s := sound(body); s != "" {
			name += ": " + s
		}
	case "application/pidf+xml":
		if s := place(body); s != "" {
			name += ": " + s
		}
	case "text/plain":
		for line := range strings.Lines(string(body)) {
			if line = strings.TrimSpace(line); line != "" {
				name += ": " + plain(line, 120)
				break
			}
		}
	}
	return name
}

// sound says what an SDP offers or takes.
func sound(sdp []byte) string {
	var out []string
	addr := ""
	for line := range strings.Lines(string(sdp)) {
		kind, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch f := strings.Fields(v); {
		case kind == "c" && len(f) == 3:
			addr = f[2]
		case kind == "m" && len(f) >= 4:
			out = append(out, fmt.Sprintf("%s by %s at port %s, formats %s", f[0], f[2], f[1], strings.Join(f[3:], " ")))
		case kind == "a" && (v == "sendonly" || v == "recvonly" || v == "inactive" || strings.HasPrefix(v, "loopback")):
			out = append(out, v)
		}
	}
	if addr != "" && len(out) > 0 {
		out[0] += " of " + addr
	}
	return plain(strings.Join(out, ", "), 200)
}

// place says where a location object says that the caller is.
func place(body []byte) string {
	doc, err := pidflo.Parse(body)
	if err != nil {
		return "cannot be read: " + plain(err.Error(), 100)
	}
	for _, l := range doc.Locations() {
		if c := l.Geopriv.Civic(); c != nil {
			if s := civic.Display(civic.FromPIDF(c)); s != "" {
				return plain(s, 160)
			}
		}
		if c, ok := l.Geopriv.Circle(); ok {
			return fmt.Sprintf("%.5f, %.5f within %.0f m", c.Center.Lat, c.Center.Lon, c.Radius)
		}
	}
	return "no place in it"
}

// plain is text of the other side on one line, at most n bytes long.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
