package lost

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Marshal returns a message as a document with its XML declaration. See
// Append.
func Marshal(m Message) ([]byte, error) { return xmltok.Marshal(m, Append) }

// Append appends a message as a document with its XML declaration. The result
// is valid by the grammars of RFC 5222, RFC 6197 and RFC 6739, and keeps those
// rules of their prose that one message can keep. What cannot be written so is
// a *ParseError with the path of the element, and dst comes back as it was.
//
// Filled in where it is empty: the ID of a location, the profile of a content
// that has only one, the language of a text ("und"). Written shorter: times,
// as whole seconds of UTC.
func Append(dst []byte, m Message) ([]byte, error) {
	e := encoder{dst: append(dst, declaration...)}
	e.message(m)
	if e.err != nil {
		return dst, fmt.Errorf("write LoST: %w", xmltok.Within(m.Root().Local, e.err))
	}
	return e.dst, nil
}

// message does not call a method of m: the encoder would move to the heap, and
// every append with it pass the write barrier of the garbage collector.
func (e *encoder) message(m Message) {
	switch m := m.(type) {
	case *FindService:
		e.encodeFindService(m)
	case *ListServices:
		e.encodeListServices(m)
	case *ListServicesByLocation:
		e.encodeListServicesByLocation(m)
	case *GetServiceBoundary:
		e.encodeGetServiceBoundary(m)
	case *GetServiceListBoundary:
		e.encodeGetServiceListBoundary(m)
	case *FindServiceResponse:
		e.encodeFindServiceResponse(m)
	case *ListServicesResponse:
		e.encodeListServicesResponse(m)
	case *ListServicesByLocationResponse:
		e.encodeListServicesByLocationResponse(m)
	case *GetServiceBoundaryResponse:
		e.encodeGetServiceBoundaryResponse(m)
	case *GetServiceListBoundaryResponse:
		e.encodeGetServiceListBoundaryResponse(m)
	case *Errors:
		e.encodeErrors(m)
	case *Redirect:
		e.encodeRedirect(m)
	case *GetMappingsRequest:
		e.encodeGetMappingsRequest(m)
	case *GetMappingsResponse:
		e.encodeGetMappingsResponse(m)
	case *PushMappings:
		e.encodePushMappings(m)
	case *PushMappingsResponse:
		e.encodePushMappingsResponse(m)
	}
}

// AppendMapping appends a mapping that stands alone, without declaration.
func AppendMapping(dst []byte, m *Mapping) ([]byte, error) {
	e := encoder{dst: dst}
	e.mapping(m, ` xmlns="`+Space+`"`)
	if e.err != nil {
		return dst, fmt.Errorf("write LoST mapping: %w", xmltok.Within("mapping", e.err))
	}
	return e.dst, nil
}

// encoder appends, and keeps the first thing that was wrong.
type encoder struct {
	dst []byte
	err error // its path begins below the element that is being written
}

func (e *encoder) str(s string) { e.dst = append(e.dst, s...) }

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = &ParseError{Reason: fmt.Sprintf(format, args...)}
	}
}

func (e *encoder) within(err error) {
	if e.err == nil && err != nil {
		e.err = err
	}
}

// in writes one of several elements with path for what is wrong in it.
func (e *encoder) in(element string, i int, write func()) {
	if e.err != nil {
		return
	}
	write()
	if e.err == nil {
		return
	}
	if i >= 0 {
		element = xmltok.Nth(element, i)
	}
	e.err = xmltok.Within(element, e.err)
}

// attr writes an attribute that is an xs:token.
func (e *encoder) attr(name, s string) {
	e.holds(name, s)
	e.dst = xmltok.AppendAttr(e.dst, name, s)
}

// holds refuses a text that XML cannot hold. To replace a character would make
// another key or id of it.
func (e *encoder) holds(name, s string) {
	if !xmltok.ValidText(s) {
		e.fail("%s has a character that XML does not have", name)
	}
}

// need writes an attribute that must not be empty.
func (e *encoder) need(name, s string) {
	if xmltok.Collapse(s) == "" {
		e.fail("no %s", name)
	}
	e.attr(name, s)
}

// host writes an application unique string (RFC 5222, section 4).
func (e *encoder) host(name, s string) {
	if !isUniqueString(s) {
		e.fail("%s %q is no name of a server, as lost.example.org is", name, clip(s))
	}
	e.attr(name, s)
}

// isUniqueString is appUniqueString of the grammar: labels of letters, digits
// and hyphens with dots between them, two at least, no hyphen in the last.
func isUniqueString(s string) bool {
	label, dots := 0, 0
	hyphen := false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.':
			if label == 0 {
				return false
			}
			label, hyphen = 0, false
			dots++
			continue
		case c == '-':
			hyphen = true
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		default:
			return false
		}
		label++
	}
	return dots > 0 && label > 0 && !hyphen
}

func (e *encoder) lang(s string) {
	switch {
	case s == "":
		s = "und" // RFC 5646: a text whose language is not known
	case !xmltok.IsLanguage(s):
		e.fail("%q is no language", clip(s))
	}
	e.attr("xml:lang", s)
}

func (e *encoder) text(t Text) {
	if t.Text == "" {
		return
	}
	e.attr("message", t.Text)
	e.lang(t.Lang)
}

// uri writes an element that holds an absolute URI.
func (e *encoder) uri(element, s string) {
	u := s
	if !isPlainURI(s) {
		if u = xmltok.CleanURI(s); u == "" {
			e.fail("%s %q is no absolute URI", element, clip(s))
		}
	}
	e.dst = xmltok.AppendElement(e.dst, element, u)
}

// isPlainURI reports whether s is a urn:, sip:, tel: or the like that needs no
// closer look: letters, digits and a few marks.
func isPlainURI(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || colon+1 == len(s) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		switch {
		case letter, i > 0 && c >= '0' && c <= '9', i == colon:
		case i > colon && (c == ':' || c == '.' || c == '-' || c == '_' || c == '@' || c == '+' || c == ';' || c == '='):
		default:
			return false
		}
	}
	return true
}

// service writes a service URN, nothing when it is empty.
func (e *encoder) service(s string) {
	if s != "" {
		e.uri("service", s)
	}
}

// time writes an attribute as whole seconds of UTC with Z: the canonical form
// that sections 5.1 and 5.2 of RFC 5222 ask for.
func (e *encoder) time(name string, t time.Time) {
	t = t.UTC()
	if y := t.Year(); t.IsZero() || y < 1 || y > 9999 {
		e.fail("no %s that can be written", name)
		return
	}
	e.str(" ")
	e.str(name)
	e.str(`="`)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	e.digits(year/100, '0')
	e.digits(year%100, '-')
	e.digits(int(month), '-')
	e.digits(day, 'T')
	e.digits(hour, ':')
	e.digits(minute, ':')
	e.digits(second, 'Z')
	e.str(`"`)
}

// digits writes two digits and what stands after them, nothing for '0'.
func (e *encoder) digits(n int, after byte) {
	e.dst = append(e.dst, byte('0'+n/10), byte('0'+n%10))
	if after != '0' {
		e.dst = append(e.dst, after)
	}
}

func (e *encoder) expires(x Expires) {
	switch x.Caching {
	case NoCache:
		e.str(` expires="NO-CACHE"`)
	case NoExpiration:
		e.str(` expires="NO-EXPIRATION"`)
	case Until:
		e.time("expires", x.At)
	default:
		e.fail("expires with the caching %d", x.Caching)
	}
}

// open writes a start tag up to its attributes, and declarations.
func (e *encoder) open(element, declare string) {
	e.str("<")
	e.str(element)
	e.str(declare)
}

func (e *encoder) close(element string) {
	e.str("</")
	e.str(element)
	e.str(">")
}

// extensions writes elements of other namespaces.
func (e *encoder) extensions(list []foreign.Element) {
	for i := range list {
		if e.err != nil {
			return
		}
		if list[i].Space == Space {
			e.fail("the extension %s is in the namespace of LoST", clip(list[i].Local))
			return
		}
		dst, err := xmltok.AppendForeign(e.dst, list[i])
		e.dst = dst
		e.within(err)
	}
}

func (e *encoder) path(list []Via) {
	e.str("<path")
	e.pathIn(list, "")
}

// pathIn writes the vias of a path whose start tag is open, and its end.
func (e *encoder) pathIn(list []Via, declare string) {
	e.str(declare + ">")
	if len(list) == 0 {
		e.fail("a path without via")
	}
	for i := range list {
		e.in("path/via", i, func() {
			e.str("<via")
			e.host("source", list[i].Source)
			e.end("via", list[i].Extensions)
		})
	}
	e.str("</path>")
}

// end closes a start tag that is open, writes the extensions and ends the
// element.
func (e *encoder) end(element string, list []foreign.Element) {
	if len(list) == 0 {
		e.str("/>")
		return
	}
	e.str(">")
	e.extensions(list)
	e.close(element)
}

func (e *encoder) form(name string, f BoundaryForm) {
	switch f {
	case ByReference:
		e.str(" " + name + `="reference"`)
	case ByValue:
		e.str(" " + name + `="value"`)
	default:
		e.fail("%s with the form %d", name, f)
	}
}

func (e *encoder) boolean(name string, v bool) {
	e.str(" " + name + `="` + strconv.FormatBool(v) + `"`)
}

// profile writes the attribute, or that of the content.
func (e *encoder) profile(p, content string) string {
	if p == "" {
		p = content
	}
	if p == "" {
		return p
	}
	if !isNMTOKEN(p) {
		e.fail("%q is no name of a profile", clip(p))
	}
	e.attr("profile", p)
	return p
}

// isNMTOKEN is xs:NMTOKEN within ASCII, which is all that the registry of
// profiles has.
func isNMTOKEN(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._:", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func (e *encoder) boundary(element, declare string, b *Boundary, x Expires) {
	e.open(element, declare)
	profile := e.profile(b.Profile, profileOf(len(b.Civics) > 0, len(b.Shapes) > 0))
	if !x.IsZero() {
		e.expires(x)
	}
	e.str(">")
	if known(profile) && len(b.Civics)+len(b.Shapes) == 0 && len(b.Extensions) == 0 {
		e.fail("neither a civic address nor a shape")
	}
	for i := range b.Shapes {
		if _, point := b.Shapes[i].(pidflo.Point); point { // RFC 5222, section 12.2
			e.fail("a point is no boundary")
		}
	}
	civics := make([]*pidflo.Civic, 0, 4)
	for i := range b.Civics {
		civics = append(civics, &b.Civics[i])
	}
	e.place(profile, civics, b.Shapes)
	e.extensions(b.Extensions)
	e.close(element)
}

func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
