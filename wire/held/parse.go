package held

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// MaxBytes is the longest message that is read.
const MaxBytes = xmltok.MaxBytes

// Bounds of what is kept of one message.
const (
	maxIdentifiers  = 16
	maxMeasurements = 8
	maxLLDPs        = 32
	maxAPs          = 128
	maxExtras       = 32
	maxURIs         = 8
	maxValue        = 1024 // octets of one identifier or extra
)

// longestWait caps responseTime; nobody waits longer for an answer by HTTP.
const longestWait = 10 * time.Minute

// ParseRequest reads a locationRequest. The error is always an *Error with the
// code that the answer shall carry: XMLError, UnsupportedMessage, RequestError.
func ParseRequest(b []byte) (*Request, error) {
	root, err := xmltok.Parse(b, xmltok.Limits{})
	switch {
	case errors.Is(err, xmltok.ErrTooLarge):
		return nil, &Error{Code: RequestError, Message: "The request is too large.", Err: err}
	case err != nil:
		return nil, &Error{Code: XMLError, Message: "The request is not well-formed XML.", Err: err}
	case root.Local() != "locationRequest" || (root.Space() != Space && root.Space() != ""):
		return nil, &Error{Code: UnsupportedMessage, Message: "Only locationRequest is answered here."}
	}
	r := &Request{}
	r.responseTime(root.Attr("responseTime"))
	seenType := false
	for c := range root.Children() {
		switch c.Local() {
		case "locationType":
			if !seenType {
				seenType = true
				if err := r.locationType(c); err != nil {
					return nil, err
				}
			}
		case "device":
			r.identity(c)
		case "measurements":
			if len(r.Measurements) < maxMeasurements {
				r.Measurements = append(r.Measurements, readMeasurement(c))
			}
		case "requestRoutingInformation":
			if r.Routing = strings.TrimSpace(c.Attr("service")); r.Routing == "" {
				r.Routing = "urn:service:sos"
			}
		default:
			r.extra(c, 3)
		}
	}
	return r, nil
}

// responseTime takes a purpose or milliseconds. What is neither is ignored,
// which means no hurry.
func (r *Request) responseTime(s string) {
	switch s = strings.TrimSpace(s); Purpose(s) {
	case EmergencyRouting, EmergencyDispatch:
		r.For = Purpose(s)
		return
	}
	ms, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return
	}
	r.HasWithin = true
	r.Within = longestWait
	if err == nil && ms < uint64(longestWait/time.Millisecond) {
		r.Within = time.Duration(ms) * time.Millisecond
	}
}

func (r *Request) locationType(n xmltok.Node) error {
	exact := strings.TrimSpace(n.Attr("exact"))
	r.Exact = exact == "true" || exact == "1"
	anyType := false
	for _, w := range strings.Fields(n.Text()) {
		switch t := LocationType(w); t {
		case Civic, Geodetic, LocationURI:
			if len(r.Types) == 0 || !r.Wants(t) {
				r.Types = append(r.Types, t)
			}
		case "any":
			anyType = true
		default:
			if r.Exact {
				return &Error{Code: RequestError, Message: "An unknown type of location was asked for exactly."}
			}
		}
	}
	if anyType || len(r.Types) == 0 {
		// RFC 5985, section 5.2: "any" with exact is as without exact.
		r.Types, r.Exact = nil, false
	}
	return nil
}

func (r *Request) identity(n xmltok.Node) {
	for c := range n.Children() {
		switch c.Local() {
		case IDIP, IDMAC, IDURI, IDNAI, IDFQDN, IDDUID, IDMSISDN, IDIMSI, IDIMEI, IDMIN, IDMDN,
			"udpport", "tcpport", "sctpport", "dccpport", "flow":
			if v := c.DeepToken(); v != "" && len(v) <= maxValue && len(r.Identity) < maxIdentifiers {
				r.Identity = append(r.Identity, Identifier{Kind: c.Local(), Value: v})
			}
		default:
			r.extra(c, 3)
		}
	}
}

// extra keeps what vendors add, in each form that is met: an element with text
// (<companyID>x</companyID>), attributes (<p name="companyID" value="x"/>,
// <p name="companyID">x</p>), or children (<p><name>companyID</name><value>x
// </value></p>). Anything deeper is searched depth levels down.
func (r *Request) extra(n xmltok.Node, depth int) {
	name, value := "", ""
	var inside []xmltok.Node
	for c := range n.Children() {
		switch strings.ToLower(c.Local()) {
		case "name":
			name = c.Token()
		case "value":
			value = c.Token()
		}
		inside = append(inside, c)
	}
	switch {
	case name != "" && value != "":
	case n.Attr("name") != "":
		name = strings.TrimSpace(n.Attr("name"))
		if value = strings.TrimSpace(n.Attr("value")); value == "" {
			value = n.DeepToken()
		}
	case len(inside) == 0:
		name, value = n.Local(), n.Token()
	default:
		if depth > 1 {
			for _, c := range inside {
				r.extra(c, depth-1)
			}
		}
		return
	}
	if len(name) <= maxValue && len(value) <= maxValue && len(r.Extras) < maxExtras {
		r.Extras = append(r.Extras, Extra{Name: name, Value: value})
	}
}

func readMeasurement(n xmltok.Node) Measurement {
	var m Measurement
	m.Time, _ = pidflo.ParseTime(n.Attr("time"))
	m.Expires, _ = pidflo.ParseTime(n.Attr("expires"))
	for c := range n.Children() {
		switch c.Local() {
		case "lldp":
			if len(m.LLDP) < maxLLDPs {
				m.LLDP = append(m.LLDP, LLDP{Chassis: readID(c, "chassis"), Port: readID(c, "port")})
			}
		case "wifi":
			for ap := range c.Children() {
				if ap.Local() == "ap" && len(m.WiFi) < maxAPs {
					m.WiFi = append(m.WiFi, readAP(ap))
				}
			}
		default:
			if len(m.Other) < maxExtras {
				m.Other = append(m.Other, c.Local())
			}
		}
	}
	return m
}

func readID(n xmltok.Node, local string) LLDPID {
	for c := range n.Children() {
		if c.Local() == local {
			subtype, err := strconv.Atoi(strings.TrimSpace(c.Attr("type")))
			if err != nil || subtype < 0 || subtype > 255 {
				subtype = -1
			}
			return readLLDPID(subtype, c.Token())
		}
	}
	return LLDPID{Type: -1}
}

func readAP(n xmltok.Node) AccessPoint {
	serving := strings.TrimSpace(n.Attr("serving"))
	ap := AccessPoint{Serving: serving == "true" || serving == "1"}
	for c := range n.Children() {
		switch c.Local() {
		case "bssid":
			ap.BSSID = c.Token()
		case "ssid":
			ap.SSID = c.Token()
		}
	}
	return ap
}

// ParseReply reads what a location server answered: a locationResponse, or a
// presence document alone. A HELD error comes back as an *Error.
func ParseReply(b []byte) (*Response, error) {
	root, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read HELD answer: %w", err)
	}
	switch root.Local() {
	case "presence":
		return &Response{Presence: pidflo.FromNode(root)}, nil
	case "error":
		return nil, readError(root)
	case "locationResponse":
	default:
		return nil, errors.New("read HELD answer: neither locationResponse nor error")
	}
	r := &Response{}
	for c := range root.Children() {
		switch c.Local() {
		case "locationUriSet":
			r.Expires, _ = pidflo.ParseTime(c.Attr("expires"))
			for u := range c.Children() {
				if s := strings.TrimSpace(u.Text()); u.Local() == "locationURI" && s != "" && len(r.URIs) < maxURIs {
					r.URIs = append(r.URIs, s)
				}
			}
		case "presence":
			if r.Presence == nil {
				r.Presence = pidflo.FromNode(c)
			}
		}
	}
	return r, nil
}

func readError(n xmltok.Node) *Error {
	e := &Error{Code: Code(strings.TrimSpace(n.Attr("code"))), Message: strings.TrimSpace(n.Attr("message"))}
	for c := range n.Children() {
		switch c.Local() {
		case "message":
			if m := c.Token(); e.Message == "" && len(m) <= maxValue {
				e.Message = m
			}
		case "requiredIdentifiers":
			for _, q := range strings.Fields(c.Text()) {
				if _, local, ok := strings.Cut(q, ":"); ok {
					q = local
				}
				if len(e.Required) < maxIdentifiers {
					e.Required = append(e.Required, q)
				}
			}
		}
	}
	return e
}
