// Package ua is the small SIP user agent that the simulators speak with. It is
// independent of live/sipedge, so that each tests the other; it knows what a
// phone and a PSAP need of RFC 3261 and nothing more. Simulators and tests use
// it; no call of a real person does.
package ua

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Header is one header field.
type Header struct{ Name, Value string }

// Message is a SIP request or response.
type Message struct {
	Start   string // request line or status line
	Headers []Header
	Body    []byte
	// Of a received message: the bytes as they came, from where and when.
	Raw       []byte
	Source    netip.AddrPort
	Transport string
	At        time.Time

	reply func([]byte) error
}

var compact = map[string]string{
	"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "c": "Content-Type", "l": "Content-Length",
	"k": "Supported", "e": "Content-Encoding", "s": "Subject", "r": "Refer-To",
}

// Parse reads one message; data must hold it whole.
func Parse(data []byte) (*Message, error) {
	head, body, ok := bytes.Cut(data, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("sip message without an empty line")
	}
	lines := strings.Split(string(head), "\r\n")
	m := &Message{Start: lines[0], Raw: data}
	for _, line := range lines[1:] {
		if len(m.Headers) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			m.Headers[len(m.Headers)-1].Value += " " + strings.TrimSpace(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("sip header line without a colon: %q", line)
		}
		name = strings.TrimSpace(name)
		if full, short := compact[strings.ToLower(name)]; short {
			name = full
		}
		m.Headers = append(m.Headers, Header{name, strings.TrimSpace(value)})
	}
	m.Body = body
	if n, err := strconv.Atoi(m.Get("Content-Length")); err == nil && n >= 0 && n <= len(body) {
		m.Body = body[:n]
	}
	return m, nil
}

// Get returns the first field of that name.
func (m *Message) Get(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// All returns all fields of that name.
func (m *Message) All(name string) []string {
	var all []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, h.Value)
		}
	}
	return all
}

// Status returns the status code of a response, 0 for a request.
func (m *Message) Status() int {
	rest, ok := strings.CutPrefix(m.Start, "SIP/2.0 ")
	if !ok || len(rest) < 3 {
		return 0
	}
	n, err := strconv.Atoi(rest[:3])
	if err != nil {
		return 0
	}
	return n
}

// Method returns the method of a request, or that of a response's CSeq.
func (m *Message) Method() string {
	if m.Status() > 0 {
		_, method, _ := strings.Cut(m.Get("CSeq"), " ")
		return strings.TrimSpace(method)
	}
	method, _, _ := strings.Cut(m.Start, " ")
	return method
}

// URI returns the Request-URI.
func (m *Message) URI() string {
	parts := strings.Split(m.Start, " ")
	if len(parts) < 3 || m.Status() > 0 {
		return ""
	}
	return strings.Join(parts[1:len(parts)-1], " ")
}

// Bytes writes the message, with its Content-Length.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString(m.Start + "\r\n")
	for _, h := range m.Headers {
		if !strings.EqualFold(h.Name, "Content-Length") {
			b.WriteString(h.Name + ": " + h.Value + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(m.Body))
	b.Write(m.Body)
	return b.Bytes()
}

// Response makes the response to a request; tag is put on To where it has none.
func (m *Message) Response(code int, reason, tag string) *Message {
	r := &Message{Start: fmt.Sprintf("SIP/2.0 %d %s", code, reason)}
	for _, h := range m.Headers {
		switch strings.ToLower(h.Name) {
		case "to":
			if tag != "" && !strings.Contains(h.Value, ";tag=") {
				h.Value += ";tag=" + tag
			}
			r.Headers = append(r.Headers, h)
		case "via", "from", "call-id", "cseq", "record-route":
			r.Headers = append(r.Headers, h)
		}
	}
	return r
}

// Reply sends a response the way that the request came.
func (m *Message) Reply(r *Message) error {
	if m.reply == nil {
		return errors.New("sip reply to a message that was not received")
	}
	return m.reply(r.Bytes())
}

// Part returns the body part of the media type, of a single or multipart body
// (RFC 2046, section 5.1), and its Content-ID.
func (m *Message) Part(mediaType string) (body []byte, contentID string) {
	ct := m.Get("Content-Type")
	if !strings.HasPrefix(strings.ToLower(ct), "multipart/") {
		if strings.HasPrefix(strings.ToLower(ct), mediaType) {
			return m.Body, strings.Trim(m.Get("Content-ID"), "<>")
		}
		return nil, ""
	}
	boundary := param(ct, "boundary")
	for _, part := range bytes.Split(m.Body, []byte("--"+boundary)) {
		sub, err := Parse(append([]byte("PART\r\n"), bytes.TrimPrefix(part, []byte("\r\n"))...))
		if err != nil || !strings.HasPrefix(strings.ToLower(sub.Get("Content-Type")), mediaType) {
			continue
		}
		return bytes.TrimSuffix(sub.Body, []byte("\r\n")), strings.Trim(sub.Get("Content-ID"), "<>")
	}
	return nil, ""
}

// Tag returns the tag parameter of a From or To value.
func Tag(value string) string {
	if _, rest, ok := strings.Cut(value, ">"); ok {
		return param(rest, "tag")
	}
	return param(value, "tag")
}

// Address returns the URI in a name-addr or addr-spec.
func Address(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// User returns the user part of a SIP URI or the number of a tel URI.
func User(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, at := strings.Cut(rest, "@")
	if !at {
		user, _, _ = strings.Cut(rest, ";")
	}
	return user
}

// HostPort returns where a SIP URI leads, port 5060 where it names none.
func HostPort(uri string) (netip.AddrPort, string, error) {
	_, rest, _ := strings.Cut(uri, ":")
	if _, after, ok := strings.Cut(rest, "@"); ok {
		rest = after
	}
	host, params, _ := strings.Cut(rest, ";")
	transport := strings.ToLower(param(";"+params, "transport"))
	if transport == "" {
		transport = "udp"
	}
	if !strings.Contains(host, ":") {
		host += ":5060"
	}
	ap, err := netip.ParseAddrPort(host)
	if err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("sip uri %q: %w", uri, err)
	}
	return ap, transport, nil
}

func param(s, name string) string {
	for p := range strings.SplitSeq(s, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(k, name) {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}
