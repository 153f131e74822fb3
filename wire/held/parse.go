package held

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// MaxBytes is the longest message that is read.
const MaxBytes = xmltok.MaxBytes

// Bounds of what is kept of one message; what is beyond them is left out.
const (
	maxIdentifiers  = 16
	maxMeasurements = 8
	maxLLDPs        = 32
	maxDHCPs        = 8
	maxAPs          = 128
	maxCells        = 64
	maxWanted       = 16
	maxExtras       = 32
	maxExtensions   = 16
	maxURIs         = 8
	maxTexts        = 8
	maxValue        = 1024 // octets of one identifier or extra
)

// longestWait caps responseTime; nobody waits longer for an answer by HTTP.
const longestWait = 10 * time.Minute

// ParseRequest reads a locationRequest. The error is always an *Error with the
// code that the answer shall carry, and wraps what was wrong where, often a
// *ParseError: XMLError, UnsupportedMessage, RequestError, and BadIdentifier
// for a flow that cannot be read, because without it the request would be about
// somebody else.
func ParseRequest(b []byte) (*Request, error) {
	doc := readers.Get().(*xmltok.Reader)
	defer forget(doc)
	root, err := doc.Parse(b, xmltok.Limits{})
	switch {
	case errors.Is(err, xmltok.ErrTooLarge):
		return nil, &Error{Code: RequestError, Message: "The request is too large.", Err: err}
	case err != nil:
		return nil, &Error{Code: XMLError, Message: "The request is not well-formed XML.", Err: err}
	case root.Local() != "locationRequest" || (root.Space() != Space && root.Space() != ""):
		return nil, &Error{
			Code: UnsupportedMessage, Message: "Only locationRequest is answered here.",
			Err: root.Errorf("not a {%s}locationRequest", Space),
		}
	}
	r := &reader{}
	if err := r.request(root); err != nil {
		return nil, err
	}
	if len(r.inside) > 0 {
		r.req.Extras = append(r.req.Extras, r.inside...)
	}
	return &r.req, nil
}

// readers are for messages of which no Node outlives the function that reads
// them.
var readers = sync.Pool{New: func() any { return new(xmltok.Reader) }}

func forget(doc *xmltok.Reader) {
	if doc.Forget() {
		readers.Put(doc)
	}
}

// reader reads a request, into one piece of memory for what a common one has.
type reader struct {
	req    Request
	inside []Extra // to stand behind the others, as when they are written again

	types  [3]LocationType
	ids    [4]Identifier
	extras [2]Extra
	one    [1]Measurement
	lldp   [1]LLDP
}

// ours reports whether c is an element of a namespace of ours: by that, by
// none, or by that of the element around it.
func ours(c, around xmltok.Node, space string) bool {
	s := c.Space()
	return s == space || s == "" || s == around.Space()
}

func (r *reader) request(root xmltok.Node) error {
	r.req.responseTime(root.Attr("responseTime"))
	seenType := false
	for c := range root.Children() {
		known := false
		var err error
		switch c.Local() {
		case "locationType":
			if known = ours(c, root, Space); known && !seenType {
				seenType = true
				err = r.locationType(c)
			}
		case "device":
			if known = ours(c, root, SpaceID); known {
				err = r.device(c)
			}
		case "flow":
			if known = ours(c, root, SpaceFlow); known {
				err = r.flow(c)
			}
		case "measurements":
			if known = ours(c, root, SpaceLM); known {
				r.measurements(c)
			}
		case "requestRoutingInformation":
			if known = ours(c, root, SpaceRouting); known {
				if r.req.Routing = xmltok.Collapse(c.Attr("service")); r.req.Routing == "" {
					r.req.Routing = ServiceSOS
				}
			}
		}
		if err != nil {
			return err
		}
		if !known {
			r.unknown(c)
		}
	}
	return nil
}

func (r *reader) measurements(n xmltok.Node) {
	switch {
	case len(r.req.Measurements) >= maxMeasurements:
	case r.req.Measurements == nil:
		r.req.Measurements = r.one[:]
		r.one[0].read(n, r.lldp[:0])
	default:
		r.req.Measurements = append(r.req.Measurements, Measurement{})
		r.req.Measurements[len(r.req.Measurements)-1].read(n, nil)
	}
}

// responseTime takes a purpose or milliseconds. What is neither is ignored,
// which means no hurry.
func (r *Request) responseTime(s string) {
	if s == "" {
		return
	}
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

func (r *reader) locationType(n xmltok.Node) error {
	q := &r.req
	q.Exact = isTrue(n.Attr("exact"))
	anyType := false
	for w := range strings.FieldsSeq(n.Text()) {
		switch t := LocationType(w); t {
		case Civic, Geodetic, LocationURI:
			if q.Types == nil {
				q.Types = r.types[:0]
			}
			if len(q.Types) == 0 || !q.Wants(t) {
				q.Types = append(q.Types, t)
			}
		case "any":
			anyType = true
		default:
			if q.Exact {
				return &Error{
					Code: RequestError, Message: "An unknown type of location was asked for exactly.",
					Err: n.Errorf("%.32q is no type of location", w),
				}
			}
		}
	}
	if anyType || len(q.Types) == 0 {
		// RFC 5985, section 6.2.1: "any" with exact is as without exact.
		q.Types, q.Exact = nil, false
	}
	return nil
}

func isTrue(s string) bool {
	if s == "true" {
		return true
	}
	s = strings.TrimSpace(s)
	return s == "true" || s == "1"
}

func (r *reader) device(n xmltok.Node) error {
	for c := range n.Children() {
		switch {
		case c.Local() == IDFlow && ours(c, n, SpaceFlow):
			if err := r.flow(c); err != nil {
				return err
			}
		case !ours(c, n, SpaceID):
			r.unknown(c)
		case knownKind(c.Local()):
			v := c.DeepToken() // <uri> may hold a whole name-addr, not escaped
			if v == "" || len(v) > maxValue || len(r.req.Identity) >= maxIdentifiers {
				continue
			}
			if c.Local() == IDMAC {
				v = canonicalMAC(v)
			}
			if r.req.Identity == nil {
				r.req.Identity = r.ids[:0]
			}
			r.req.Identity = append(r.req.Identity, Identifier{Kind: c.Local(), Value: v})
		default:
			r.unknown(c)
		}
	}
	return nil
}

func (r *reader) flow(n xmltok.Node) error {
	f, err := readFlow(n)
	if err != nil {
		return &Error{Code: BadIdentifier, Message: "The flow cannot be read.", Err: err}
	}
	r.req.Flow = f
	return nil
}

// unknown keeps what vendors add, in each form that is met: an element with
// text (<companyID>x</companyID>), attributes (<p name="companyID"
// value="x"/>, <p name="companyID">x</p>), or children (<p><name>companyID
// </name><value>x</value></p>). What says more than that is kept whole and
// searched three levels down; in HELD's own namespace, where it could not be
// written again, only what is found stays.
func (r *reader) unknown(c xmltok.Node) {
	space := c.Space()
	own := space == "" || space == Space || space == SpaceID || space == SpaceExtra
	e, plain := pair(c)
	switch {
	case plain && (own || vendorSpace(space)):
		r.extra(e, false)
	case own:
		r.search(c, 3, false)
	default:
		keep(&r.req.Extensions, c)
		r.search(c, 4, true)
	}
}

func (r *reader) search(n xmltok.Node, depth int, inside bool) {
	if e, plain := pair(n); plain {
		if e.Value != "" || !inside {
			r.extra(e, inside)
		}
		return
	}
	leaf := true
	for c := range n.Children() {
		leaf = false
		if depth > 1 {
			r.search(c, depth-1, inside)
		}
	}
	if leaf && (n.Token() != "" || !inside) {
		r.extra(Extra{Space: n.Space(), Name: n.Local(), Value: n.Token()}, inside)
	}
}

func (r *reader) extra(e Extra, inside bool) {
	if e.Name == "" || len(e.Name) > maxValue || len(e.Value) > maxValue || len(r.req.Extras)+len(r.inside) >= maxExtras {
		return
	}
	if !vendorSpace(e.Space) {
		e.Space = ""
	}
	if e.Inside = inside; inside {
		r.inside = append(r.inside, e)
		return
	}
	if r.req.Extras == nil {
		r.req.Extras = r.extras[:0]
	}
	r.req.Extras = append(r.req.Extras, e)
}

// pair reads an element that says one name and one value and nothing else.
func pair(n xmltok.Node) (Extra, bool) {
	e := Extra{Space: n.Space(), Name: n.Local()}
	name, value, children := "", "", 0
	for c := range n.Children() {
		children++
		switch strings.ToLower(c.Local()) {
		case "name":
			name = c.Token()
		case "value":
			value = c.Token()
		}
	}
	attrs := n.Attrs()
	switch {
	case children == 0 && len(attrs) == 0:
		e.Value = n.Token()
		return e, true
	case children > 0:
		e.Name, e.Value = name, value
		return e, len(attrs) == 0 && children == 2 && name != "" && value != ""
	}
	for _, a := range attrs {
		switch {
		case a.Space == "" && a.Local == "name":
			name = xmltok.Collapse(a.Value)
		case a.Space == "" && a.Local == "value":
			value = xmltok.Collapse(a.Value)
		default:
			return e, false
		}
	}
	if e.Name, e.Value = name, value; value == "" {
		e.Value = n.Token()
	}
	return e, name != ""
}

// vendorSpace reports whether a namespace is one that this package may write
// Extras in: a URI, and not of a standard, whose schema would have to be followed.
func vendorSpace(s string) bool {
	if s == "" || s == SpaceExtra || !isSpace(s) {
		return false
	}
	for _, prefix := range [...]string{"urn:ietf:", "urn:nena:", "urn:emergency:", "http://www.w3.org/", "http://www.opengis.net/"} {
		if strings.HasPrefix(s, prefix) {
			return false
		}
	}
	return true
}

// isSpace reports whether s can be written as a namespace: a URI in which
// nothing must be escaped.
func isSpace(s string) bool { return isURI(s) || (s != "" && cleanURI(s) == s) }

// keep adds a foreign element.
func keep(list *[]foreign.Element, c xmltok.Node) {
	if len(*list) < maxExtensions {
		*list = append(*list, xmltok.Foreign(c))
	}
}

// keepOther keeps c when it is foreign to the element around it; what is not
// could not be written again.
func keepOther(list *[]foreign.Element, c, around xmltok.Node) {
	if s := c.Space(); s != "" && s != around.Space() {
		keep(list, c)
	}
}

// ParseReply reads what a location server answered: a locationResponse, or a
// presence document alone. A HELD error comes back as an *Error.
func ParseReply(b []byte) (*Response, error) {
	doc := readers.Get().(*xmltok.Reader)
	defer forget(doc)
	root, err := doc.Parse(b, xmltok.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read HELD answer: %w", err)
	}
	switch space, held := root.Space(), root.Space() == Space || root.Space() == ""; {
	case root.Local() == "presence" && (space == pidflo.SpacePIDF || space == ""):
		return &Response{Presence: pidflo.FromNode(root)}, nil
	case root.Local() == "error" && held:
		return nil, readError(root)
	case root.Local() != "locationResponse" || !held:
		return nil, root.Errorf("neither locationResponse nor error nor presence")
	}
	r := &Response{}
	for c := range root.Children() {
		switch {
		case c.Local() == "locationUriSet" && ours(c, root, Space):
			r.uriSet(c)
		case c.Local() == "presence" && ours(c, root, pidflo.SpacePIDF):
			if r.Presence == nil {
				r.Presence = pidflo.FromNode(c)
			}
		case c.Local() == "routingInformation" && ours(c, root, SpaceRouting):
			r.Routing = readRouting(c)
		default:
			keepOther(&r.Extensions, c, root)
		}
	}
	return r, nil
}

func (r *Response) uriSet(n xmltok.Node) {
	r.Expires = readTime(n.Attr("expires"))
	for u := range n.Children() {
		if u.Local() == "locationURI" && ours(u, n, Space) {
			r.URIs = appendToken(r.URIs, u, maxURIs)
		}
	}
}

func appendToken(list []string, n xmltok.Node, most int) []string {
	if s := n.Token(); s != "" && len(list) < most {
		list = append(list, s)
	}
	return list
}

func readTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, _ := pidflo.ParseTime(s)
	return t
}

func readRouting(n xmltok.Node) Routing {
	var r Routing
	for c := range n.Children() {
		if c.Local() != "service" || !ours(c, n, SpaceRouting) {
			keepOther(&r.Extensions, c, n)
			continue
		}
		if r.Service != "" {
			continue // the schema has one
		}
		if r.Service = xmltok.Collapse(c.Attr("serviceUri")); r.Service == "" {
			r.Service = ServiceSOS
		}
		r.Default = isTrue(c.Attr("defaultRoute"))
		for d := range c.Children() {
			if d.Local() == "dest" && ours(d, c, SpaceRouting) {
				r.Dest = appendToken(r.Dest, d, maxURIs)
			} else {
				keepOther(&r.ServiceExtensions, d, c)
			}
		}
	}
	return r
}

func readError(n xmltok.Node) *Error {
	e := &Error{Code: Code(xmltok.Collapse(n.Attr("code"))), Message: xmltok.Collapse(n.Attr("message"))}
	for c := range n.Children() {
		switch {
		case c.Local() == "message" && ours(c, n, Space):
			e.message(c)
		case c.Local() == "requiredIdentifiers" && ours(c, n, SpaceID):
			e.Required = readRequired(c, e.Required)
		case c.Local() == "measurementRequest" && ours(c, n, SpaceLM):
			if e.Measure == nil {
				m := readMeasurementRequest(c)
				e.Measure = &m
			}
		default:
			keepOther(&e.Extensions, c, n)
		}
	}
	return e
}

func (e *Error) message(n xmltok.Node) {
	t := Text{Lang: n.Lang(), Text: n.Token()}
	if t.Text == "" || len(t.Text) > maxValue {
		return
	}
	if strings.EqualFold(t.Lang, "en") || !xmltok.IsLanguage(t.Lang) {
		t.Lang = "" // RFC 5985, section 6.4: English when not said
	}
	switch {
	case e.Message == "":
		e.Message, e.Lang = t.Text, t.Lang
	case len(e.More) < maxTexts:
		e.More = append(e.More, t)
	}
}

// readRequired reads names of identifiers: "id:mac", "flow:flow". One whose
// prefix is not bound is taken by its name.
func readRequired(n xmltok.Node, list []string) []string {
	for q := range strings.FieldsSeq(n.Text()) {
		space, local, ok := n.ResolveQName(q)
		if !ok {
			_, local, ok = strings.Cut(q, ":")
			if !ok {
				local = q
			}
			space = SpaceID
		}
		known := knownKind(local) && (space == SpaceID || space == Space || space == "") ||
			local == IDFlow && (space == SpaceFlow || space == SpaceID)
		if known && len(list) < maxIdentifiers {
			list = append(list, local)
		}
	}
	return list
}
