package sipedge

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"net/netip"
	"strconv"
	"strings"
)

const (
	product = "Callbox"
	allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE"
)

// own are the fields that the edge writes itself.
var own = []string{
	"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Record-Route",
	"Content-Type", "Content-Length", "Allow", "User-Agent", "Server",
}

// check refuses what would break a message or contradict the edge.
func (m Message) check() error {
	for _, f := range m.Headers {
		if !isToken(f.Name) || strings.ContainsAny(f.Value, "\r\n\x00") {
			return fmt.Errorf("%w: field %q", ErrMessage, limit(f.Name, 32))
		}
		full := fullName(f.Name)
		for _, o := range own {
			if strings.EqualFold(full, o) {
				return fmt.Errorf("%w: field %s is written by the edge", ErrMessage, o)
			}
		}
	}
	if strings.ContainsAny(m.ContentType, "\r\n\x00") || (len(m.Body) > 0) != (m.ContentType != "") {
		return fmt.Errorf("%w: a body has a content type", ErrMessage)
	}
	return nil
}

// writer builds one message.
type writer struct{ b []byte }

func (w *writer) line(parts ...string) {
	for _, p := range parts {
		w.b = append(w.b, p...)
	}
	w.b = append(w.b, '\r', '\n')
}

func (w *writer) field(name, value string) { w.line(name, ": ", value) }

func (w *writer) seq(n uint32, method string) {
	w.b = append(w.b, "CSeq: "...)
	w.b = strconv.AppendUint(w.b, uint64(n), 10)
	w.line(" ", method)
}

// end writes the owner's fields, the length and the body.
func (w *writer) end(m Message) []byte {
	for _, f := range m.Headers {
		w.field(f.Name, f.Value)
	}
	if m.ContentType != "" {
		w.field("Content-Type", m.ContentType)
	}
	w.b = append(w.b, "Content-Length: "...)
	w.b = strconv.AppendInt(w.b, int64(len(m.Body)), 10)
	w.b = append(w.b, "\r\n\r\n"...)
	return append(w.b, m.Body...)
}

// response is what makes one response to a request.
type response struct {
	code    int
	reason  string
	tag     string // To-tag, where the request had none
	contact string // empty: none
	rr      bool   // repeat Record-Route: the response makes a dialog
	m       Message
	// contacts are those of a registrar's answer.
	contacts []string
	bare     bool // to a stranger, who learns nothing of us
}

// reasonOf gives the words of RFC 3261, section 21, for a code without words.
func reasonOf(code int) string {
	if s, ok := reasons[code]; ok {
		return s
	}
	switch code / 100 {
	case 1:
		return "Progress"
	case 2:
		return "OK"
	case 3:
		return "Redirected"
	case 5:
		return "Server Error"
	case 6:
		return "Global Failure"
	}
	return "Request Failure"
}

var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	408: "Request Timeout", 413: "Request Entity Too Large", 416: "Unsupported URI Scheme", 420: "Bad Extension",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error",
	501: "Not Implemented", 503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large",
}

// respond writes a response to req (RFC 3261, section 8.2.6).
func respond(req *message, r response) []byte {
	w := writer{b: make([]byte, 0, 768+len(r.m.Body))}
	reason := r.reason
	if reason == "" || strings.ContainsAny(reason, "\r\n") {
		reason = reasonOf(r.code)
	}
	w.line("SIP/2.0 ", strconv.Itoa(r.code), " ", reason)
	for _, f := range req.headers {
		switch f.Name {
		case "Via", "From", "Call-ID", "CSeq":
			w.field(f.Name, f.Value)
		case "To":
			if r.tag != "" && req.to.tag == "" {
				w.field("To", f.Value+";tag="+r.tag)
			} else {
				w.field("To", f.Value)
			}
		case "Record-Route":
			if r.rr {
				w.field(f.Name, f.Value)
			}
		}
	}
	if r.contact != "" {
		w.field("Contact", r.contact)
	}
	for _, v := range r.contacts {
		w.field("Contact", v)
	}
	if r.code != 100 && !r.bare {
		w.field("Allow", allowed)
		w.field("Server", product)
	}
	return w.end(r.m)
}

// origin is what a request says about where it comes from: the transport and
// our address on it.
type origin struct {
	network string
	local   netip.AddrPort // where we listen, on the address that the peer sees
}

func (o origin) viaValue(branch string) string {
	return "SIP/2.0/" + strings.ToUpper(o.network) + " " + o.local.String() + ";branch=" + branch + ";rport"
}

func (o origin) contact(user string) string {
	if user == "" {
		user = "callbox"
	}
	c := "<sip:" + user + "@" + o.local.String()
	if o.network != "udp" {
		c += ";transport=" + o.network
	}
	return c + ">"
}

// outgoing is what makes one request.
type outgoing struct {
	method   string
	uri      string
	branch   string
	from, to string // whole header values, tags and all
	callID   string
	seq      uint32
	routes   []string // Route values
	contact  bool
	honours  bool   // says that REFER is taken
	user     string // of the Contact; none: "callbox"
	params   string // after the Contact
	m        Message
}

// write builds the request as it goes over o (RFC 3261, section 8.1.1).
func (r outgoing) write(o origin) []byte {
	w := writer{b: make([]byte, 0, 1024+len(r.m.Body))}
	w.line(r.method, " ", r.uri, " SIP/2.0")
	// Via and Call-ID first: an ICMP error quotes no more than the beginning.
	w.field("Via", o.viaValue(r.branch))
	w.field("Call-ID", r.callID)
	if _, given := r.m.Headers.find("Max-Forwards"); !given {
		w.field("Max-Forwards", "70")
	}
	for _, route := range r.routes {
		w.field("Route", route)
	}
	w.field("From", r.from)
	w.field("To", r.to)
	w.seq(r.seq, r.method)
	if r.contact {
		w.field("Contact", o.contact(r.user)+r.params)
		if r.honours {
			w.field("Allow", allowed+", REFER")
		} else {
			w.field("Allow", allowed)
		}
	}
	w.field("User-Agent", product)
	return w.end(r.m)
}

// random returns n random bytes in hexadecimal.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return hex.EncodeToString(b)
}

// statelessTag is the To-tag of answers that keep no state: the same for each
// repetition of a request (RFC 3261, section 8.2.7), and not to be guessed.
func statelessTag(seed maphash.Seed, m *message) string {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, s := range []string{m.callID, m.from.tag, m.via.key()} {
		_, _ = h.WriteString(s) // never fails: maphash
		_ = h.WriteByte(0)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// reasonField is the Reason header (RFC 3326) for a CANCEL or BYE; words that
// name a protocol ("SIP;cause=200") are taken as they are.
func reasonField(reason string) Headers {
	reason = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, reason)
	switch {
	case reason == "":
		return nil
	case strings.Contains(reason, ";cause="):
		return Headers{{"Reason", reason}}
	}
	return Headers{{"Reason", `SIP;text="` + reason + `"`}}
}
