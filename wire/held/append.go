package held

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// MarshalRequest returns a locationRequest as a document. See AppendRequest.
func MarshalRequest(r *Request) ([]byte, error) { return xmltok.Marshal(r, AppendRequest) }

// MarshalResponse returns a locationResponse as a document. See AppendResponse.
func MarshalResponse(r *Response) ([]byte, error) { return xmltok.Marshal(r, AppendResponse) }

// MarshalError returns an error as a document. See AppendError.
func MarshalError(e *Error) ([]byte, error) { return xmltok.Marshal(e, AppendError) }

// AppendRequest appends a locationRequest with its XML declaration, or returns
// a *ParseError for what the schemas do not allow: a hardware address that is
// none, an Exact without Types. When it returns an error, as with all Append
// functions here, dst is as it was.
func AppendRequest(dst []byte, r *Request) ([]byte, error) {
	out, err := appendRequest(append(dst, pidflo.Declaration+`<locationRequest xmlns="`+Space+`"`...), r)
	if err != nil {
		return dst, xmltok.Within("locationRequest", err)
	}
	return append(out, "</locationRequest>"...), nil
}

func appendRequest(dst []byte, r *Request) ([]byte, error) {
	dst, err := appendHurry(dst, r)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '>')
	if dst, err = appendTypes(dst, r); err != nil {
		return dst, err
	}
	if len(r.Identity) > 0 {
		if dst, err = AppendDevice(dst, r.Identity); err != nil {
			return dst, err
		}
	}
	if r.Flow != (Flow{}) {
		if dst, err = AppendFlow(dst, r.Flow); err != nil {
			return dst, err
		}
	}
	for i := range r.Measurements {
		if dst, err = appendMeasurements(dst, &r.Measurements[i]); err != nil {
			return dst, xmltok.Within(xmltok.Nth("measurements", i), err)
		}
	}
	if r.Routing != "" {
		dst = append(dst, `<requestRoutingInformation xmlns="`+SpaceRouting+`" service="`...)
		ok := false
		if dst, ok = appendURI(dst, r.Routing); !ok {
			return dst, wrong("requestRoutingInformation", "service is not a URI")
		}
		dst = append(dst, `"/>`...)
	}
	for i := range r.Extras {
		if r.Extras[i].Inside {
			continue
		}
		if dst, err = appendExtra(dst, &r.Extras[i]); err != nil {
			return dst, err
		}
	}
	return appendForeign(dst, Space, r.Extensions)
}

func wrong(element, reason string) error { return &ParseError{Path: "/" + element, Reason: reason} }

func appendHurry(dst []byte, r *Request) ([]byte, error) {
	switch {
	case r.For != "" && r.HasWithin:
		return dst, &ParseError{Reason: "responseTime is a purpose or a time, not both"}
	case r.For != "":
		if r.For != EmergencyRouting && r.For != EmergencyDispatch {
			return dst, &ParseError{Reason: fmt.Sprintf("responseTime %.32q is no purpose", r.For)}
		}
		dst = append(dst, ` responseTime="`...)
		dst = append(dst, r.For...)
	case r.HasWithin:
		if r.Within < 0 {
			return dst, &ParseError{Reason: "responseTime is below zero"}
		}
		dst = append(dst, ` responseTime="`...)
		dst = strconv.AppendInt(dst, r.Within.Milliseconds(), 10)
	default:
		return dst, nil
	}
	return append(dst, '"'), nil
}

func appendTypes(dst []byte, r *Request) ([]byte, error) {
	if len(r.Types) == 0 {
		if r.Exact {
			return dst, wrong("locationType", "exact without types")
		}
		return dst, nil
	}
	dst = append(dst, `<locationType exact="`...)
	dst = strconv.AppendBool(dst, r.Exact)
	dst = append(dst, '"')
	sep := byte('>')
	for i, t := range r.Types {
		if t != Civic && t != Geodetic && t != LocationURI {
			return dst, wrong("locationType", fmt.Sprintf("%.32q is no type of location", t))
		}
		if slices.Contains(r.Types[:i], t) {
			continue
		}
		dst = append(dst, sep)
		dst = append(dst, t...)
		sep = ' '
	}
	return append(dst, "</locationType>"...), nil
}

func appendExtra(dst []byte, e *Extra) ([]byte, error) {
	space := e.Space
	switch {
	case space == "" || space == SpaceExtra:
		space = SpaceExtra
	case !vendorSpace(space):
		return dst, wrong("extra", fmt.Sprintf("%.64q is not a namespace of a vendor", space))
	}
	if e.Name == "" || e.Name != xmltok.Collapse(e.Name) {
		return dst, wrong("extra", "no name, or one with white space that cannot be kept")
	}
	name, plain := e.Name, xmltok.IsNCName(e.Name)
	if !plain {
		name = "extra"
	}
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = xmltok.AppendAttr(dst, "xmlns", space)
	if !plain {
		dst = xmltok.AppendAttr(dst, "name", e.Name)
	}
	dst = append(dst, '>')
	dst = xmltok.AppendText(dst, xmltok.Collapse(e.Value))
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>'), nil
}

// appendForeign writes what the schema lets stand inside an element of the
// namespace around: elements of other namespaces.
func appendForeign(dst []byte, around string, list []foreign.Element) ([]byte, error) {
	for i := range list {
		e := &list[i]
		if e.Space == "" || e.Space == around {
			return dst, wrong(e.Local, "an extension is of a namespace of its own")
		}
		var err error
		if dst, err = xmltok.AppendForeign(dst, *e); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// AppendResponse appends a locationResponse with its XML declaration: the URI
// set first, as the schema has it, then the presence document. It returns a
// *ParseError when there is neither (RFC 5985, section 5.2), and for URIs
// without expiry.
func AppendResponse(dst []byte, r *Response) ([]byte, error) {
	out, err := appendResponse(append(dst, pidflo.Declaration+`<locationResponse xmlns="`+Space+`">`...), r)
	if err != nil {
		return dst, xmltok.Within("locationResponse", err)
	}
	return append(out, "</locationResponse>"...), nil
}

func appendResponse(dst []byte, r *Response) ([]byte, error) {
	if len(r.URIs) == 0 && r.Presence == nil {
		return dst, &ParseError{Reason: "neither a location nor a URI"}
	}
	if len(r.URIs) > 0 {
		dst = append(dst, "<locationUriSet"...)
		n := len(dst)
		if dst = appendTime(dst, ` expires="`, r.Expires); len(dst) == n {
			return dst, wrong("locationUriSet", "no time of expiry")
		}
		dst = append(dst, '>')
		for i, u := range r.URIs {
			var ok bool
			dst = append(dst, "<locationURI>"...)
			if dst, ok = appendURI(dst, u); !ok {
				return dst, wrong("locationUriSet/"+xmltok.Nth("locationURI", i), "not a URI")
			}
			dst = append(dst, "</locationURI>"...)
		}
		dst = append(dst, "</locationUriSet>"...)
	}
	var err error
	if r.Presence != nil {
		if dst, err = pidflo.AppendPresence(dst, r.Presence); err != nil {
			return dst, err
		}
	}
	if !r.Routing.none() {
		if dst, err = appendRouting(dst, &r.Routing); err != nil {
			return dst, xmltok.Within("routingInformation", err)
		}
	}
	return appendForeign(dst, Space, r.Extensions)
}

func appendRouting(dst []byte, r *Routing) ([]byte, error) {
	if len(r.Dest) == 0 {
		return dst, wrong("service", "no destination")
	}
	var ok bool
	dst = append(dst, `<routingInformation xmlns="`+SpaceRouting+`"><service serviceUri="`...)
	if dst, ok = appendURI(dst, r.Service); !ok {
		return dst, wrong("service", "serviceUri is not a URI")
	}
	if r.Default {
		dst = append(dst, `" defaultRoute="true`...)
	}
	dst = append(dst, `">`...)
	for i, u := range r.Dest {
		dst = append(dst, "<dest>"...)
		if dst, ok = appendURI(dst, u); !ok {
			return dst, wrong("service/"+xmltok.Nth("dest", i), "not a URI")
		}
		dst = append(dst, "</dest>"...)
	}
	dst, err := appendForeign(dst, SpaceRouting, r.ServiceExtensions)
	if err != nil {
		return dst, err
	}
	dst = append(dst, "</service>"...)
	if dst, err = appendForeign(dst, SpaceRouting, r.Extensions); err != nil {
		return dst, err
	}
	return append(dst, "</routingInformation>"...), nil
}

// appendTime appends prefix, the time in UTC to the millisecond and a quote; a
// time that is not said, or that XML cannot say, appends nothing.
func appendTime(dst []byte, prefix string, t time.Time) []byte {
	t = t.UTC()
	if year := t.Year(); t.IsZero() || year < 1 || year > 9999 {
		return dst
	}
	dst = xmltok.AppendSeconds(append(dst, prefix...), t)
	dst = xmltok.AppendDigits(append(dst, '.'), t.Nanosecond()/int(time.Millisecond), 3)
	return append(dst, 'Z', '"')
}

// AppendError appends an error with its XML declaration. Its texts are written
// whatever they hold; a *ParseError is returned for an error without code, and
// for kinds of identifier that no RFC has.
func AppendError(dst []byte, e *Error) ([]byte, error) {
	out, err := appendError(append(dst, pidflo.Declaration+`<error xmlns="`+Space+`"`...), e)
	if err != nil {
		return dst, xmltok.Within("error", err)
	}
	return append(out, "</error>"...), nil
}

func appendError(dst []byte, e *Error) ([]byte, error) {
	if !xmltok.IsNCName(string(e.Code)) {
		return dst, &ParseError{Reason: fmt.Sprintf("%.32q is no error code", e.Code)}
	}
	dst = xmltok.AppendAttr(dst, "code", string(e.Code))
	dst = append(dst, '>')
	dst = appendMessage(dst, Text{e.Lang, e.Message})
	for _, t := range e.More {
		dst = appendMessage(dst, t)
	}
	if len(e.Required) > 0 {
		var err error
		if dst, err = appendRequired(dst, e.Required); err != nil {
			return dst, err
		}
	}
	if e.Measure != nil {
		var err error
		if dst, err = AppendMeasurementRequest(dst, e.Measure); err != nil {
			return dst, err
		}
	}
	return appendForeign(dst, Space, e.Extensions)
}

func appendMessage(dst []byte, t Text) []byte {
	if t.Text = xmltok.Collapse(t.Text); t.Text == "" {
		return dst
	}
	if t.Lang == "" || !xmltok.IsLanguage(t.Lang) {
		t.Lang = "en"
	}
	dst = append(dst, `<message xml:lang="`...)
	dst = append(dst, t.Lang...)
	dst = append(dst, `">`...)
	dst = xmltok.AppendText(dst, t.Text)
	return append(dst, "</message>"...)
}

func appendRequired(dst []byte, kinds []string) ([]byte, error) {
	dst = append(dst, `<id:requiredIdentifiers xmlns:id="`+SpaceID+`"`...)
	if slices.Contains(kinds, IDFlow) {
		dst = append(dst, ` xmlns:flow="`+SpaceFlow+`"`...)
	}
	sep := byte('>')
	for _, k := range kinds {
		dst = append(dst, sep)
		switch {
		case k == IDFlow:
			dst = append(dst, "flow:"...)
		case knownKind(k):
			dst = append(dst, "id:"...)
		default:
			return dst, wrong("requiredIdentifiers", fmt.Sprintf("%.32q is no kind of identifier", k))
		}
		dst = append(dst, k...)
		sep = ' '
	}
	return append(dst, "</id:requiredIdentifiers>"...), nil
}
