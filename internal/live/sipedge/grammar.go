package sipedge

import (
	"net/netip"
	"strconv"
	"strings"
)

// address is a From, To, Contact or Route value, read as far as it can be.
type address struct {
	raw    string
	uri    string
	params string // after the URI: ";tag=..."
	tag    string
	fault  string // what was wrong, for a person; empty when nothing
}

// parseAddress reads name-addr and addr-spec (RFC 3261, section 25.1). With a
// display name whose quotes do not match it takes what stands in the last pair
// of angle brackets, because the tag behind it is what matters.
func parseAddress(v string) address {
	a := address{raw: v}
	open, balanced := indexUnquoted(v, '<')
	if !balanced {
		a.fault = "quotes do not match"
		open = strings.LastIndexByte(v, '<')
	}
	if open < 0 {
		a.uri, a.params = v, ""
		if i := strings.IndexByte(v, ';'); i >= 0 {
			a.uri, a.params = v[:i], v[i:]
		}
	} else {
		rest := v[open+1:]
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			a.fault = "angle bracket is not closed"
			a.uri = rest
			if i := strings.IndexByte(rest, ';'); i >= 0 {
				a.uri, a.params = rest[:i], rest[i:]
			}
		} else {
			a.uri, a.params = rest[:end], rest[end+1:]
		}
	}
	a.uri = strings.TrimSpace(a.uri)
	if a.fault == "" && !strings.Contains(a.uri, ":") && a.uri != "*" {
		a.fault = "no URI"
	}
	a.tag, _ = param(a.params, "tag")
	return a
}

// indexUnquoted finds c outside quoted strings; balanced is false when a
// quoted string is not closed.
func indexUnquoted(s string, c byte) (i int, balanced bool) {
	quoted, found := false, -1
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == c && found < 0:
			found = i
			if c == '<' {
				// What follows the bracket is a URI, in which a quote means nothing.
				return found, true
			}
		}
	}
	return found, !quoted
}

// param returns the value of a parameter in ";a=b;c", without quotes.
func param(params, name string) (value string, ok bool) {
	for params != "" {
		var p string
		p, params = cutParam(params)
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`), true
		}
	}
	return "", false
}

// cutParam takes the first parameter, quoted strings kept whole.
func cutParam(params string) (first, rest string) {
	params = strings.TrimLeft(params, "; \t")
	i, _ := indexUnquoted(params, ';')
	if i < 0 {
		return strings.TrimSpace(params), ""
	}
	return strings.TrimSpace(params[:i]), params[i+1:]
}

// firstOf returns the first of comma-separated values.
func firstOf(v string) string {
	first, _ := cutValue(v)
	return first
}

// cutValue takes the first of comma-separated values; commas in quotes and in
// angle brackets do not separate.
func cutValue(v string) (first, rest string) {
	quoted, bracket := false, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !bracket:
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == ',' && !bracket:
			return strings.TrimSpace(v[:i]), v[i+1:]
		}
	}
	return strings.TrimSpace(v), ""
}

// values lists all values of a field, over all its lines.
func (h Headers) values(name string) []string {
	var out []string
	for _, f := range h {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		for rest := f.Value; rest != ""; {
			var v string
			if v, rest = cutValue(rest); v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// via is the topmost Via value.
type via struct {
	raw       string
	transport string
	host      string // sent-by without port, brackets kept
	port      uint16 // 0: none stated
	params    string
	branch    string
	rport     bool
	fault     string
}

// parseVia reads one via-parm (RFC 3261, section 25.1).
func parseVia(v string) via {
	x := via{raw: v}
	proto, params := v, ""
	if i, _ := indexUnquoted(v, ';'); i >= 0 {
		proto, params = v[:i], v[i:]
	}
	x.params = params
	x.branch, _ = param(params, "branch")
	_, x.rport = param(params, "rport")
	parts := strings.SplitN(proto, "/", 3)
	if len(parts) < 3 {
		x.fault = "no protocol"
		return x
	}
	transport, sentBy, ok := cutSpace(strings.TrimLeft(parts[2], " \t"))
	if !ok || strings.TrimSpace(sentBy) == "" {
		x.fault = "no host"
		return x
	}
	x.transport = strings.ToUpper(transport)
	var okPort bool
	x.host, x.port, okPort = hostPort(strings.Join(strings.Fields(sentBy), ""))
	if !okPort {
		x.fault = "port is not a number"
	}
	return x
}

// magic begins every branch that is unique by itself (RFC 3261, 8.1.1.7).
const magic = "z9hG4bK"

// key tells transactions apart: the branch where it is unique, else the whole
// Via (RFC 3261, section 17.2.3, second half).
func (v via) key() string {
	if len(v.branch) > len(magic) && strings.EqualFold(v.branch[:len(magic)], magic) {
		return v.branch
	}
	return v.raw
}

// stamp returns the Via with received and rport filled in as the transport of
// a server must (RFC 3261, section 18.2.1; RFC 3581, section 4).
func (v via) stamp(src netip.AddrPort) string {
	if v.fault != "" && v.host == "" {
		return v.raw
	}
	var b strings.Builder
	head, _, _ := strings.Cut(v.raw, ";")
	b.WriteString(strings.TrimRight(head, " \t"))
	for rest := v.params; rest != ""; {
		var p string
		p, rest = cutParam(rest)
		name, _, _ := strings.Cut(p, "=")
		name = strings.TrimSpace(name)
		switch {
		case p == "" || strings.EqualFold(name, "received"):
		case strings.EqualFold(name, "rport"):
			b.WriteString(";rport=" + strconv.Itoa(int(src.Port())))
		default:
			b.WriteString(";" + p)
		}
	}
	if v.rport || strings.Trim(v.host, "[]") != src.Addr().String() {
		b.WriteString(";received=" + src.Addr().String())
	}
	return b.String()
}

// replyTo is where a response over UDP goes. A maddr parameter is not obeyed:
// it would let a sender aim our answers at others.
func (v via) replyTo(src netip.AddrPort) netip.AddrPort {
	switch {
	case v.rport || v.host == "":
		return src
	case v.port != 0:
		return netip.AddrPortFrom(src.Addr(), v.port)
	}
	return netip.AddrPortFrom(src.Addr(), 5060)
}

// hostPort splits host and port; ok is false when the port is not one.
func hostPort(s string) (host string, port uint16, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.LastIndexByte(s, ']') > i || (strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[")) {
		return s, 0, true
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	return s[:i], uint16(n), err == nil
}

// target is what a SIP URI says about where to send a request.
type target struct {
	addr      netip.AddrPort // invalid: the host is a name
	transport string         // "udp", "tcp" or empty
	loose     bool           // lr
}

// parseTarget reads a sip URI. Names are not looked up: no question to the
// network stands between a call and its next request (E3).
func parseTarget(uri string) target {
	var t target
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") {
		return t
	}
	rest, _, _ = strings.Cut(rest, "?")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	params := ""
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		rest, params = rest[:i], rest[i:]
	}
	_, t.loose = param(params, "lr")
	tr, _ := param(params, "transport")
	if tr = strings.ToLower(tr); tr == "udp" || tr == "tcp" {
		t.transport = tr
	}
	host, port, ok := hostPort(strings.TrimSpace(rest))
	if !ok {
		return t
	}
	if port == 0 {
		port = 5060
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && ip.Zone() == "" {
		t.addr = netip.AddrPortFrom(ip.Unmap(), port)
	}
	return t
}

// dialled is what a person would call the number in a URI, for an alarm.
func dialled(uri string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return printable(uri)
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips":
		if user, _, found := strings.Cut(rest, "@"); found && user != "" {
			return printable(user)
		}
	case "tel":
		number, _, _ := strings.Cut(rest, ";")
		return printable(number)
	}
	return printable(uri)
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, limit(s, 64))
}
