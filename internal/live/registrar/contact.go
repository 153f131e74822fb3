package registrar

import (
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// contact is one value of Contact.
type contact struct {
	uri      string // "*": all
	params   string // as they came, without expires
	instance string // +sip.instance, without quotes and brackets
	regID    string
	expires  string        // as it came; empty: the header's
	until    time.Duration // granted; 0: to be taken away
	fault    string
}

const (
	maxContacts = 16 // of one REGISTER; more are not read
	maxURI      = 512
	maxParams   = 512
)

func readContacts(lines []string) (out []contact) {
	for _, v := range splitAll(lines) {
		if len(out) == maxContacts {
			break
		}
		out = append(out, readContact(v))
	}
	return out
}

func readContact(v string) (c contact) {
	if v == "*" {
		return contact{uri: "*"}
	}
	params := ""
	if i := unquoted(v, "<"); i >= 0 {
		end := strings.IndexByte(v[i:], '>')
		if end < 0 {
			return contact{fault: "a Contact is not closed"}
		}
		c.uri, params = strings.TrimSpace(v[i+1:i+end]), v[i+end+1:]
	} else {
		c.uri, params, _ = strings.Cut(v, ";")
		c.uri = strings.TrimSpace(c.uri)
	}
	scheme, rest, _ := strings.Cut(c.uri, ":")
	scheme = strings.ToLower(scheme)
	if scheme != "sip" && scheme != "sips" || rest == "" || len(c.uri) > maxURI || strings.ContainsAny(c.uri, "<>\"\r\n\x00 ") {
		return contact{fault: "a Contact is no SIP address"}
	}
	var kept strings.Builder
	for params != "" {
		var p string
		p, params = cutAt(params, ";")
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(p, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "expires":
			c.expires = value
			continue
		case "+sip.instance":
			c.instance = strings.Trim(value, "<>")
		case "reg-id":
			c.regID = value
		case "pub-gruu", "temp-gruu":
			continue // ours to say (RFC 5627, section 5.1)
		}
		kept.WriteString(";" + p)
	}
	c.params = kept.String()
	if len(c.params) > maxParams || strings.ContainsAny(c.params, "\r\n\x00") {
		return contact{fault: "a Contact says too much"}
	}
	return c
}

// expires reads seconds; what is no number means the usual (RFC 3261, section
// 10.2.1.1).
func expires(s string, usual time.Duration) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil {
		return usual
	}
	return time.Duration(n) * time.Second
}

// splitAll lists the comma-separated values of all lines.
func splitAll(lines []string) (out []string) {
	for _, l := range lines {
		for l != "" {
			var v string
			v, l = cutAt(l, ",")
			if v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// cutAt cuts at the first separator outside of quotes and angle brackets.
func cutAt(s, sep string) (first, rest string) {
	i := unquoted(s, sep)
	if i < 0 {
		return strings.TrimSpace(s), ""
	}
	return strings.TrimSpace(s[:i]), s[i+1:]
}

// unquoted finds one character outside of quotes and angle brackets.
func unquoted(s, c string) int {
	quoted, inURI := false, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"' && !inURI:
			quoted = !quoted
		case quoted:
		case !inURI && s[i] == c[0]:
			return i
		case s[i] == '<':
			inURI = true
		case s[i] == '>':
			inURI = false
		}
	}
	return -1
}

// uriOf takes the URI out of a name-addr or addr-spec.
func uriOf(v string) string {
	if i := unquoted(v, "<"); i >= 0 {
		uri, _, _ := strings.Cut(v[i+1:], ">")
		return strings.TrimSpace(uri)
	}
	uri, _, _ := strings.Cut(v, ";")
	return strings.TrimSpace(uri)
}

// userHost reads the user and the host, in lower case and without port, of a
// SIP URI.
func userHost(uri string) (user, host string, ok bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return "", "", false
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = rest[:i], rest[i+1:]
		user, _, _ = strings.Cut(user, ";")
		user, _, _ = strings.Cut(user, ":")
	}
	if i := strings.IndexAny(rest, ";?>"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		rest = rest[:i]
	}
	host = strings.ToLower(strings.TrimSpace(rest))
	return unescape(user), host, host != ""
}

// unescape resolves percent escapes; a sign without two digits stands for
// itself.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// sameURI compares addresses of telephones: scheme, user, host and port, and the
// transport (RFC 3261, section 19.1.4, with what of it tells telephones apart).
func sameURI(a, b string) bool {
	if a == b {
		return true
	}
	return canonical(a) == canonical(b)
}

func canonical(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	user := ""
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = rest[:i], rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	host, params, _ := strings.Cut(rest, ";")
	transport := ""
	for params != "" {
		var p string
		p, params = cutAt(params, ";")
		if n, v, _ := strings.Cut(strings.ToLower(p), "="); n == "transport" && v != "udp" {
			transport = v
		}
	}
	return strings.ToLower(scheme) + ":" + unescape(user) + "@" + strings.ToLower(host) + ";" + transport
}

// escapeGR writes an instance id as a parameter of a URI.
func escapeGR(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.!~*'():[]/&+$", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)+0x100, 16)[1:]))
		}
	}
	return b.String()
}

// macOf finds the hardware address that a telephone tells: at the end of an
// instance id that is made of it, or as a word of its User-Agent.
func macOf(instance, agent string) e911.MAC {
	const made = "00000000-0000-" // Cisco, Poly, Yealink: the rest of the UUID is version and address
	if id, ok := strings.CutPrefix(strings.ToLower(instance), "urn:uuid:"); ok && strings.HasPrefix(id, made) && len(id) == 36 {
		if m, err := e911.ParseMAC(id[24:]); err == nil && !m.Group() {
			return m
		}
	}
	words := strings.Fields(agent)
	for _, w := range words {
		if len(w) != 12 && len(w) != 17 {
			continue
		}
		if m, err := e911.ParseMAC(w); err == nil && !m.Group() {
			return m
		}
	}
	return ""
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// unsupported lists what a Require asks for and is not there.
func unsupported(lines []string) string {
	var bad []string
	for _, v := range splitAll(lines) {
		switch strings.ToLower(v) {
		case "outbound", "gruu":
		default:
			bad = append(bad, clip(v, 32))
		}
	}
	return strings.Join(bad, ", ")
}
