package calldata

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// language is the pattern of the schema (RFC 7852, section 8.1).
var language = regexp.MustCompile(`^(([a-z]{2,3}((-[a-z]{3}){0,3})?|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|\d{3}))?` +
	`(-([0-9a-z]{5,8}|\d[0-9a-z]{3}))*(-[0-9a-wyz](-[0-9a-z]{2,8})+)*(-x(-[0-9a-z]{1,8})+)?` +
	`|x(-[0-9a-z]{1,8})+|[a-z]{1,3}(-[0-9a-z]{2,8}){1,2})$`)

func isLanguage(s string) bool {
	// The usual "en" and "fr-ca" without the pattern.
	if short := len(s) == 2 || (len(s) == 5 && s[2] == '-' && letter(s[3]) && letter(s[4])); short && letter(s[0]) && letter(s[1]) {
		return true
	}
	return language.MatchString(s)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' }

// writer keeps the first error and writes nothing after it.
type writer struct {
	dst []byte
	err error
}

func (w *writer) fail(element, reason string) {
	if w.err == nil {
		w.err = &ParseError{Path: "/" + element, Reason: reason}
	}
}

// elem writes an element of a block; optional ones that are empty are left out.
func (w *writer) elem(name, s string, mandatory bool) {
	switch s = xmltok.Trim(s); {
	case s == "" && mandatory:
		w.fail(local(name), "missing")
	case s == "":
	case !xmltok.ValidText(s):
		w.fail(local(name), "a character that XML does not have")
	default:
		w.dst = xmltok.AppendElement(w.dst, name, s)
	}
}

func (w *writer) uri(name, s string, mandatory bool) {
	if s = xmltok.Collapse(s); s != "" && !xmltok.ValidURI(s) {
		w.fail(local(name), "not a URI")
		return
	}
	w.elem(name, s, mandatory)
}

func (w *writer) foreign(own string, list []foreign.Element) {
	for i, e := range list {
		if err := e.Check(); err != nil {
			if w.err == nil {
				w.err = xmltok.Within(xmltok.Nth("extension", i), err)
			}
			return
		}
		if e.Space == own || e.Space == "" {
			w.fail(e.Local, "an extension needs a namespace of its own")
			return
		}
		w.dst = append(w.dst, e.XML...)
	}
}

func local(name string) string {
	_, after, _ := strings.Cut(name, ":")
	return after
}

// begin writes the start tag of a block.
func begin(dst []byte, prefix, space, name, attrs string) writer {
	dst = append(append(append(append(dst, '<'), prefix...), ':'), name...)
	dst = append(append(append(dst, " xmlns:"...), prefix...), `="`...)
	return writer{dst: append(append(append(append(dst, space...), '"'), attrs...), '>')}
}

// end writes the end tag and returns the block behind dst; when there was an
// error, dst alone.
func (w *writer) end(dst []byte, prefix, name string) ([]byte, error) {
	if w.err != nil {
		return dst, xmltok.Within(name, w.err)
	}
	w.dst = append(append(append(append(w.dst, "</"...), prefix...), ':'), name...)
	return append(w.dst, '>'), nil
}

// AppendProviderInfo appends a ProviderInfo block with its namespace, without
// XML declaration. When it returns an error, as with all Append functions
// here, dst is as it was.
func AppendProviderInfo(dst []byte, p ProviderInfo) ([]byte, error) {
	w := begin(dst, "pi", SpaceProviderInfo, PurposeProviderInfo, "")
	w.elem("pi:DataProviderReference", xmltok.Collapse(p.Reference), true)
	w.elem("pi:DataProviderString", p.Name, true)
	w.elem("pi:ProviderID", p.ID, false)
	w.elem("pi:ProviderIDSeries", p.Series, false)
	w.elem("pi:TypeOfProvider", xmltok.Collapse(p.Type), true)
	w.uri("pi:ContactURI", p.ContactURI, true)
	if len(p.Languages) == 0 {
		w.fail("Language", "missing")
	}
	for _, l := range p.Languages {
		if l = strings.ToLower(l); !isLanguage(l) {
			w.fail("Language", "not a language tag")
		}
		w.elem("pi:Language", l, true)
	}
	if len(p.Contacts) > 0 {
		w.dst = append(w.dst, "<pi:DataProviderContact>"...)
		w.cards(p.Contacts)
		w.dst = append(w.dst, "</pi:DataProviderContact>"...)
	}
	w.elem("pi:SubcontractorPrincipal", p.SubcontractorPrincipal, false)
	if s := p.SubcontractorPriority; s != "" && s != SubcontractorPrincipal && s != SubcontractorMain {
		w.fail("SubcontractorPriority", "neither sub nor main")
	}
	w.elem("pi:SubcontractorPriority", p.SubcontractorPriority, false)
	w.foreign(SpaceProviderInfo, p.Extensions)
	return w.end(dst, "pi", PurposeProviderInfo)
}

// AppendServiceInfo appends a ServiceInfo block with its namespace.
func AppendServiceInfo(dst []byte, s ServiceInfo) ([]byte, error) {
	w := begin(dst, "svc", SpaceServiceInfo, PurposeServiceInfo, "")
	w.elem("svc:DataProviderReference", xmltok.Collapse(s.Reference), true)
	w.elem("svc:ServiceEnvironment", s.Environment, false)
	if len(s.Types) == 0 {
		w.fail("ServiceType", "missing")
	}
	for _, t := range s.Types {
		w.elem("svc:ServiceType", t, true)
	}
	w.elem("svc:ServiceMobility", s.Mobility, true)
	w.foreign(SpaceServiceInfo, s.Extensions)
	return w.end(dst, "svc", PurposeServiceInfo)
}

// AppendDeviceInfo appends a DeviceInfo block with its namespace.
func AppendDeviceInfo(dst []byte, d DeviceInfo) ([]byte, error) {
	w := begin(dst, "dev", SpaceDeviceInfo, PurposeDeviceInfo, "")
	w.elem("dev:DataProviderReference", xmltok.Collapse(d.Reference), true)
	w.elem("dev:DeviceClassification", d.Classification, false)
	w.elem("dev:DeviceMfgr", d.Manufacturer, false)
	w.elem("dev:DeviceModelNr", d.Model, false)
	for i, id := range d.IDs {
		if xmltok.Trim(id.Type) == "" || !xmltok.ValidText(id.Type) || !xmltok.ValidText(id.Value) {
			w.fail(xmltok.Nth("UniqueDeviceID", i), "no TypeOfDeviceID, or a character that XML does not have")
		}
		w.dst = append(w.dst, "<dev:UniqueDeviceID"...)
		w.dst = xmltok.AppendAttr(w.dst, "TypeOfDeviceID", xmltok.Trim(id.Type))
		w.dst = append(w.dst, '>')
		w.dst = xmltok.AppendText(w.dst, xmltok.Trim(id.Value))
		w.dst = append(w.dst, "</dev:UniqueDeviceID>"...)
	}
	w.uri("dev:DeviceSpecificData", d.SpecificData, false)
	w.elem("dev:DeviceSpecificType", d.SpecificType, false)
	w.foreign(SpaceDeviceInfo, d.Extensions)
	return w.end(dst, "dev", PurposeDeviceInfo)
}

// AppendSubscriberInfo appends a SubscriberInfo block with its namespace.
func AppendSubscriberInfo(dst []byte, s SubscriberInfo) ([]byte, error) {
	attrs := ` privacyRequested="false"`
	if s.PrivacyRequested {
		attrs = ` privacyRequested="true"`
	}
	w := begin(dst, "sub", SpaceSubscriberInfo, PurposeSubscriberInfo, attrs)
	w.elem("sub:DataProviderReference", xmltok.Collapse(s.Reference), true)
	if len(s.Cards) == 0 {
		w.fail("SubscriberData", "no card")
	}
	w.dst = append(w.dst, "<sub:SubscriberData>"...)
	w.cards(s.Cards)
	w.dst = append(w.dst, "</sub:SubscriberData>"...)
	w.foreign(SpaceSubscriberInfo, s.Extensions)
	return w.end(dst, "sub", PurposeSubscriberInfo)
}

// AppendComment appends a Comment block with its namespace.
func AppendComment(dst []byte, c Comment) ([]byte, error) {
	w := begin(dst, "com", SpaceComment, PurposeComment, "")
	w.elem("com:DataProviderReference", xmltok.Collapse(c.Reference), true)
	for i, t := range c.Comments {
		if !xmltok.ValidText(t.Text) || (t.Lang != "" && !xmltok.IsLanguage(t.Lang)) {
			w.fail(xmltok.Nth("Comment", i), "not a language tag, or a character that XML does not have")
		}
		w.dst = append(w.dst, "<com:Comment"...)
		if t.Lang != "" {
			w.dst = xmltok.AppendAttr(w.dst, "xml:lang", t.Lang)
		}
		w.dst = append(w.dst, '>')
		w.dst = xmltok.AppendText(w.dst, xmltok.Trim(t.Text))
		w.dst = append(w.dst, "</com:Comment>"...)
	}
	w.foreign(SpaceComment, c.Extensions)
	return w.end(dst, "com", PurposeComment)
}

// cards writes vcard elements.
func (w *writer) cards(cards []VCard) {
	for i, c := range cards {
		if err := c.check(); err != nil {
			if w.err == nil {
				w.err = err
				if len(cards) > 1 {
					w.err = xmltok.Within(xmltok.Nth("card", i), err)
				}
			}
			return
		}
		w.dst = append(w.dst, `<vcard xmlns="`+SpaceVCard+`">`...)
		w.properties(c.Properties)
		for _, g := range c.Groups {
			w.dst = xmltok.AppendAttr(append(w.dst, "<group"...), "name", xmltok.Trim(g.Name))
			w.dst = append(w.dst, '>')
			w.properties(g.Properties)
			w.dst = append(w.dst, "</group>"...)
		}
		w.foreign(SpaceVCard, c.Extensions)
		w.dst = append(w.dst, "</vcard>"...)
	}
}

// properties writes properties that were checked, in the order of the schema.
func (w *writer) properties(ps []Property) {
	if !slices.IsSortedFunc(ps, func(a, b Property) int { return order(a.Name) - order(b.Name) }) {
		ps = slices.Clone(ps)
		sortProperties(ps)
	}
	for _, p := range ps {
		w.open(p.Name)
		if len(p.Params) > 0 || p.Name == "source" { // the schema wants it there
			w.open("parameters")
			for name := range strings.FieldsSeq(cardRules[order(p.Name)].params) {
				for _, param := range p.Params {
					if param.Name == name {
						w.open(name)
						w.values(param.Values)
						w.shut(name)
					}
				}
			}
			w.shut("parameters")
		}
		w.values(p.Values)
		w.shut(p.Name)
	}
}

func (w *writer) values(vs []Value) {
	for _, v := range vs {
		w.open(v.Kind)
		w.dst = xmltok.AppendText(w.dst, xmltok.Trim(v.Text))
		w.shut(v.Kind)
	}
}

func (w *writer) open(name string) { w.dst = append(append(append(w.dst, '<'), name...), '>') }

func (w *writer) shut(name string) { w.dst = append(append(append(w.dst, "</"...), name...), '>') }

// AppendVCards appends an xCard document (RFC 6351) without XML declaration;
// it needs a card.
func AppendVCards(dst []byte, cards []VCard) ([]byte, error) {
	if len(cards) == 0 {
		return dst, &ParseError{Path: "/vcards", Reason: "no card"}
	}
	w := writer{dst: append(dst, `<vcards xmlns="`+SpaceVCard+`">`...)}
	w.cards(cards)
	if w.err != nil {
		return dst, xmltok.Within("vcards", w.err)
	}
	return append(w.dst, "</vcards>"...), nil
}

// AppendProvidedBy appends references and blocks as the content of a PIDF-LO's
// provided-by, nothing when there are none. The blocks stand in one
// EmergencyCallDataValue in the order of its schema.
func AppendProvidedBy(dst []byte, p ProvidedBy) ([]byte, error) {
	const spaceGeopriv = "urn:ietf:params:xml:ns:pidf:geopriv10"
	w := writer{dst: dst}
	for i, r := range p.References {
		out, err := appendReference(w.dst, r)
		if err != nil {
			return dst, xmltok.Within(xmltok.Nth("EmergencyCallDataReference", i), err)
		}
		w.dst = out
	}
	if len(p.Providers)+len(p.Services)+len(p.Devices)+len(p.Subscribers)+len(p.Comments)+len(p.Others) > 0 {
		w.dst = append(w.dst, `<ad:EmergencyCallDataValue xmlns:ad="`+Space+`">`...)
		each(&w, p.Providers, AppendProviderInfo)
		each(&w, p.Services, AppendServiceInfo)
		each(&w, p.Devices, AppendDeviceInfo)
		each(&w, p.Subscribers, AppendSubscriberInfo)
		each(&w, p.Comments, AppendComment)
		w.foreign(Space, p.Others)
		if w.err != nil {
			return dst, xmltok.Within("EmergencyCallDataValue", w.err)
		}
		w.dst = append(w.dst, "</ad:EmergencyCallDataValue>"...)
	}
	if w.foreign(spaceGeopriv, p.Extensions); w.err != nil {
		return dst, w.err
	}
	return w.dst, nil
}

func each[T any](w *writer, blocks []T, add func([]byte, T) ([]byte, error)) {
	for _, b := range blocks {
		if w.err == nil {
			w.dst, w.err = add(w.dst, b)
		}
	}
}

func appendReference(dst []byte, r Reference) ([]byte, error) {
	purpose, uri := xmltok.Collapse(r.Purpose), xmltok.Collapse(r.URI)
	switch {
	case purpose == "" || !xmltok.ValidText(purpose):
		return dst, &ParseError{Reason: "no purpose"}
	case !xmltok.ValidURI(uri):
		return dst, &ParseError{Reason: "ref is no URI"}
	}
	w := writer{dst: append(dst, `<ad:EmergencyCallDataReference xmlns:ad="`+Space+`"`...)}
	w.dst = xmltok.AppendAttr(w.dst, "purpose", purpose)
	w.dst = xmltok.AppendAttr(w.dst, "ref", uri)
	if len(r.Extensions) == 0 {
		return append(w.dst, "/>"...), nil
	}
	w.dst = append(w.dst, '>')
	w.foreign(Space, r.Extensions)
	return append(w.dst, "</ad:EmergencyCallDataReference>"...), w.err
}

// Writable returns what of p can be written, and the errors of what cannot:
// one bad block must not cost a call the others.
func (p ProvidedBy) Writable() (ProvidedBy, error) {
	var errs []error
	ok := ProvidedBy{
		Providers:   keep(&errs, p.Providers, AppendProviderInfo),
		Services:    keep(&errs, p.Services, AppendServiceInfo),
		Devices:     keep(&errs, p.Devices, AppendDeviceInfo),
		Subscribers: keep(&errs, p.Subscribers, AppendSubscriberInfo),
		Comments:    keep(&errs, p.Comments, AppendComment),
		References:  keep(&errs, p.References, appendReference),
		Others: keep(&errs, p.Others, func(dst []byte, e foreign.Element) ([]byte, error) {
			return AppendProvidedBy(dst, ProvidedBy{Others: []foreign.Element{e}})
		}),
		Extensions: keep(&errs, p.Extensions, func(dst []byte, e foreign.Element) ([]byte, error) {
			return AppendProvidedBy(dst, ProvidedBy{Extensions: []foreign.Element{e}})
		}),
	}
	return ok, errors.Join(errs...)
}

func keep[T any](errs *[]error, blocks []T, add func([]byte, T) ([]byte, error)) []T {
	var kept []T
	for _, b := range blocks {
		if _, err := add(nil, b); err != nil {
			*errs = append(*errs, err)
			continue
		}
		kept = append(kept, b)
	}
	return kept
}
