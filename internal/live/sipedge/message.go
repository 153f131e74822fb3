package sipedge

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// message is a SIP request or response as read. The reader is tolerant on
// purpose: what it had to overlook stands in repaired, what makes the message
// unusable in missing. Header values are the sender's own text, because the
// answer must repeat it.
type message struct {
	method string // of a request, in capitals; empty for a response
	uri    string // raw Request-URI
	code   int    // of a response
	reason string

	headers Headers
	body    []byte

	via         via // topmost
	from, to    address
	callID      string
	cseq        uint32
	cseqMethod  string
	contentType string

	repaired []string
	missing  string // a field without which no answer can be matched; empty when usable
	broken   string // what makes a request other than INVITE a bad one (RFC 4475)
	version  string // when it is not SIP/2.0

	asked *Request  // that Config.Identify was asked about
	who   *Identity // what it said
}

var errNotSIP = errors.New("not a SIP message")

// maxHeaders bounds the fields of one message. RFC 3261 has no number; real
// INVITEs have about 30.
const maxHeaders = 512

func (m *message) request() bool { return m.method != "" }

func (m *message) repair(format string, args ...any) {
	if len(m.repaired) < 16 {
		m.repaired = append(m.repaired, fmt.Sprintf(format, args...))
	}
}

// headEnd returns the length of the head with its empty line, and the number
// of bytes of that empty line's separators; -1 when there is no empty line.
func headEnd(data []byte) int {
	from := 0
	for {
		i := bytes.IndexByte(data[from:], '\n')
		if i < 0 {
			return -1
		}
		i += from + 1
		switch {
		case i < len(data) && data[i] == '\n':
			return i + 1
		case i+1 < len(data) && data[i] == '\r' && data[i+1] == '\n':
			return i + 2
		}
		from = i
	}
}

// parseDatagram reads one UDP datagram. The body ends with the datagram
// (RFC 3261, section 18.3), whatever Content-Length says.
func parseDatagram(data []byte) (*message, error) {
	data = trimLeadingLines(data)
	head, body := data, []byte(nil)
	if n := headEnd(data); n >= 0 {
		head, body = data[:n], data[n:]
	}
	m, err := parseHead(head)
	if err != nil {
		return nil, err
	}
	switch n, stated := m.contentLength(); {
	case !stated:
	case n < 0:
		m.repair("Content-Length is not a number")
	case n > len(body):
		m.repair("Content-Length %d is larger than the %d bytes that came", n, len(body))
	case n < len(body):
		body = body[:n]
	}
	m.setBody(body)
	return m, nil
}

func (m *message) setBody(body []byte) {
	if len(body) > 0 {
		m.body = bytes.Clone(body)
	}
}

// trimLeadingLines drops what RFC 3261, section 7.5, lets stand before the
// start line.
func trimLeadingLines(data []byte) []byte {
	for len(data) > 0 && (data[0] == '\r' || data[0] == '\n' || data[0] == ' ' || data[0] == '\t') {
		data = data[1:]
	}
	return data
}

// contentLength returns the field's value, -1 when it is no number; stated is
// false when there is no such field.
func (m *message) contentLength() (n int, stated bool) {
	v, ok := m.headers.find("Content-Length")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < 0 {
		return -1, true
	}
	return n, true
}

func (h Headers) find(name string) (string, bool) {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value, true
		}
	}
	return "", false
}

// parseHead reads start line and fields. The error is errNotSIP.
func parseHead(data []byte) (*message, error) {
	head := string(data)
	line, rest := cutLine(head)
	m := &message{}
	if err := m.startLine(line); err != nil {
		return nil, err
	}
	m.headers = make(Headers, 0, 24)
	bareLF := !strings.Contains(head, "\r\n")
	for rest != "" && len(m.headers) < maxHeaders {
		line, rest = cutLine(rest)
		if line == "" {
			break
		}
		for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
			var more string
			more, rest = cutLine(rest)
			line = strings.TrimRight(line, " \t") + " " + strings.Trim(more, " \t")
		}
		m.field(line)
	}
	if bareLF {
		m.repair("lines end without CR")
	}
	m.complete()
	return m, nil
}

func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// field takes one unfolded header line.
func (m *message) field(line string) {
	name, value, ok := strings.Cut(line, ":")
	name = strings.Trim(name, " \t")
	if !ok || !isToken(name) {
		m.repair("a header line is not a field")
		return
	}
	name = fullName(name)
	value = strings.Trim(value, " \t")
	switch name {
	case "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type":
		if _, twice := m.headers.find(name); twice {
			m.repair("second %s", name)
			m.broken = "second " + name
			return
		}
	}
	m.headers = append(m.headers, Header{Name: name, Value: value})
}

// startLine reads the request or status line.
func (m *message) startLine(line string) error {
	if len(line) > 4 && strings.EqualFold(line[:4], "SIP/") {
		return m.statusLine(line)
	}
	method, rest, ok := cutSpace(line)
	if !ok || !isToken(method) {
		return errNotSIP
	}
	m.method = strings.ToUpper(method)
	if m.method != method {
		m.repair("method is not in capitals")
	}
	trimmed := strings.Trim(rest, " \t")
	uri, version := trimmed, ""
	if i := strings.LastIndexAny(trimmed, " \t"); i >= 0 && isVersion(trimmed[i+1:]) {
		uri, version = trimmed[:i], trimmed[i+1:]
	}
	switch {
	case version == "" && m.method != "INVITE":
		return errNotSIP
	case version == "":
		m.repair("no SIP version in the request line")
	case version != "SIP/2.0":
		m.version = version
		m.repair("version is %q", limit(version, 16))
	}
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, uri)
	if clean != uri || trimmed != rest {
		m.repair("space in the request line")
	}
	if len(clean) > 2 && clean[0] == '<' && clean[len(clean)-1] == '>' {
		m.repair("Request-URI in angle brackets")
		clean = clean[1 : len(clean)-1]
	}
	if clean == "" {
		return errNotSIP
	}
	m.uri = clean
	return nil
}

func isVersion(s string) bool { return len(s) > 4 && strings.EqualFold(s[:4], "SIP/") }

func (m *message) statusLine(line string) error {
	_, rest, ok := cutSpace(line)
	if !ok {
		return errNotSIP
	}
	code, reason, _ := cutSpace(strings.TrimLeft(rest, " \t"))
	n, err := strconv.Atoi(code)
	if err != nil || n < 100 || n > 699 {
		return errNotSIP
	}
	m.code, m.reason = n, strings.Trim(reason, " \t")
	return nil
}

func cutSpace(s string) (before, after string, ok bool) {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", s != ""
}

// complete reads the fields by which the message is matched.
func (m *message) complete() {
	for _, f := range m.headers {
		switch f.Name {
		case "Via":
			if m.via.raw == "" {
				m.via = parseVia(firstOf(f.Value))
				if m.via.fault != "" {
					m.repair("Via: %s", m.via.fault)
				}
			}
		case "From":
			m.from = m.address("From", f.Value)
		case "To":
			m.to = m.address("To", f.Value)
		case "Call-ID":
			m.callID = f.Value
		case "CSeq":
			m.sequence(f.Value)
		case "Content-Type":
			m.contentType = f.Value
		case "Max-Forwards":
			if _, err := strconv.ParseUint(f.Value, 10, 8); err != nil {
				m.repair("Max-Forwards is not a number up to 255")
			}
		}
	}
	has := func(name string) bool { _, ok := m.headers.find(name); return ok }
	if m.request() && !has("To") {
		m.repair("no To")
		m.to = address{raw: "<" + m.uri + ">", uri: m.uri}
		m.headers = append(m.headers, Header{"To", m.to.raw})
	}
	switch {
	case m.via.raw == "":
		m.missing = "Via"
	case !has("From"):
		m.missing = "From"
	case m.callID == "":
		m.missing = "Call-ID"
	case !has("CSeq"):
		m.missing = "CSeq"
	}
}

func (m *message) address(name, value string) address {
	a := parseAddress(value)
	if a.fault != "" {
		m.repair("%s: %s", name, a.fault)
	}
	return a
}

// sequence reads CSeq. Its number is compared only inside one dialog; a number
// beyond 2^31 (RFC 3261, section 8.1.1.5) is read as far as it goes, since the
// answer repeats the sender's text.
func (m *message) sequence(v string) {
	digits, method, _ := cutSpace(v)
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || n > math.MaxUint32:
		m.cseq = math.MaxUint32
		m.repair("CSeq number is too large")
		m.broken = "CSeq number is too large"
	case err != nil:
		m.repair("CSeq has no number")
		m.broken = "CSeq has no number"
	default:
		m.cseq = uint32(n)
		if n > math.MaxInt32 {
			m.repair("CSeq number is too large")
		}
	}
	m.cseqMethod = strings.ToUpper(strings.Trim(method, " \t"))
	if m.request() && m.cseqMethod != m.method {
		m.repair("CSeq names another method")
		m.broken = "CSeq names another method"
		m.cseqMethod = m.method
	}
}

// fullName expands compact forms (RFC 3261, section 20) and writes the fields
// that this package asks for in one spelling.
func fullName(name string) string {
	if len(name) == 1 {
		if full, ok := compact[name[0]|0x20]; ok {
			return full
		}
		return name
	}
	for _, known := range spelled {
		if len(known) == len(name) && strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

var compact = map[byte]string{
	'a': "Accept-Contact", 'b': "Referred-By", 'c': "Content-Type", 'd': "Request-Disposition",
	'e': "Content-Encoding", 'f': "From", 'i': "Call-ID", 'j': "Reject-Contact", 'k': "Supported",
	'l': "Content-Length", 'm': "Contact", 'n': "Identity-Info", 'o': "Event", 'r': "Refer-To",
	's': "Subject", 't': "To", 'u': "Allow-Events", 'v': "Via", 'x': "Session-Expires", 'y': "Identity",
}

var spelled = []string{
	"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length",
	"Content-Type", "Record-Route", "Route", "Require", "Proxy-Require", "Replaces",
}

// isToken tells a token of RFC 3261, section 25.1.
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		case strings.IndexByte("-.!%*_+`'~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

func limit(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
