package calldata

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Bounds of what is kept; what is beyond is an error to Parse functions.
const (
	maxBlocks = 32 // of one list
	maxValues = 64 // of one property; properties of one card
)

// ParseError says which element is wrong and why.
type ParseError = xmltok.PathError

// ParseProviderInfo reads a ProviderInfo block. As with all Parse functions
// here, the value holds what could be read even when there is an error.
func ParseProviderInfo(b []byte) (ProviderInfo, error) {
	return parse(b, SpaceProviderInfo, PurposeProviderInfo, (*reader).provider)
}

// ParseServiceInfo reads a ServiceInfo block.
func ParseServiceInfo(b []byte) (ServiceInfo, error) {
	return parse(b, SpaceServiceInfo, PurposeServiceInfo, (*reader).service)
}

// ParseDeviceInfo reads a DeviceInfo block.
func ParseDeviceInfo(b []byte) (DeviceInfo, error) {
	return parse(b, SpaceDeviceInfo, PurposeDeviceInfo, (*reader).device)
}

// ParseSubscriberInfo reads a SubscriberInfo block.
func ParseSubscriberInfo(b []byte) (SubscriberInfo, error) {
	return parse(b, SpaceSubscriberInfo, PurposeSubscriberInfo, (*reader).subscriber)
}

// ParseComment reads a Comment block.
func ParseComment(b []byte) (Comment, error) {
	return parse(b, SpaceComment, PurposeComment, (*reader).comment)
}

// ParseVCards reads an xCard document (RFC 6351): vcards, or one vcard alone.
func ParseVCards(b []byte) ([]VCard, error) {
	root, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return nil, err
	}
	var r reader
	switch {
	case root.Is(SpaceVCard, "vcard"):
		return []VCard{r.card(root)}, r.err
	case root.Is(SpaceVCard, "vcards"):
		return r.cards(root), r.err
	}
	return nil, root.Errorf("not vcards of %s", SpaceVCard)
}

// Parse reads whichever block stands in b, or an EmergencyCallDataValue, an
// EmergencyCallDataReference or a provided-by with several. A document of
// another kind is kept in Others, and is an error.
func Parse(b []byte) (ProvidedBy, error) {
	root, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return ProvidedBy{}, err
	}
	var (
		r reader
		p ProvidedBy
	)
	switch {
	case root.Local() == "provided-by":
		r.content(&p, root)
	case root.Space() == Space:
		r.child(&p, root)
	default:
		if !r.block(&p, root) {
			p.Others = append(p.Others, xmltok.Foreign(root))
			r.fail(root, "not a block of additional data")
		}
	}
	return p, r.err
}

func parse[T any](b []byte, space, local string, read func(*reader, xmltok.Node) T) (T, error) {
	var none T
	root, err := xmltok.Parse(b, xmltok.Limits{})
	if err != nil {
		return none, err
	}
	if !root.Is(space, local) {
		return none, root.Errorf("not a %s of %s", local, space)
	}
	var r reader
	v := read(&r, root)
	return v, r.err
}

// FromNode reads a provided-by element and never fails: what cannot be read is
// left out. It is for the packages beside this one: nobody else can name the
// type.
func FromNode(n xmltok.Node) ProvidedBy {
	var (
		r reader
		p ProvidedBy
	)
	r.content(&p, n)
	return p
}

// CheckNode reads a provided-by element as FromNode does, and returns the
// first error as well.
func CheckNode(n xmltok.Node) (ProvidedBy, error) {
	var (
		r reader
		p ProvidedBy
	)
	r.content(&p, n)
	return p, r.err
}

// reader keeps the first error and goes on.
type reader struct{ err error }

func (r *reader) fail(n xmltok.Node, format string, args ...any) {
	if r.err == nil {
		r.err = n.Errorf(format, args...)
	}
}

// room reports whether a list of n may grow.
func (r *reader) room(at xmltok.Node, n, most int) bool {
	if n >= most {
		r.fail(at, "more than %d", most)
		return false
	}
	return true
}

// once sets what may stand once.
func (r *reader) once(n xmltok.Node, dst *string, v string) {
	if *dst != "" {
		r.fail(n, "more than one")
		return
	}
	*dst = v
}

// need notes what is mandatory and absent.
func (r *reader) need(n xmltok.Node, what string, have bool) {
	if !have {
		r.fail(n, "%s is missing", what)
	}
}

// other keeps an element that the block's own schema does not have.
func (r *reader) other(n xmltok.Node, own string, list *[]foreign.Element) {
	if n.Space() == own {
		r.fail(n, "unknown element")
		return
	}
	if r.room(n, len(*list), maxBlocks) {
		*list = append(*list, xmltok.Foreign(n))
	}
}

// trimmed is the text of an xs:string that people write: line ends inside stay.
func trimmed(n xmltok.Node) string { return xmltok.Trim(n.Text()) }

// content reads the children of provided-by.
func (r *reader) content(p *ProvidedBy, n xmltok.Node) {
	for c := range n.Children() {
		r.child(p, c)
	}
}

func (r *reader) child(p *ProvidedBy, n xmltok.Node) {
	switch {
	case n.Is(Space, "EmergencyCallDataValue"):
		for c := range n.Children() {
			if !r.block(p, c) && r.room(c, len(p.Others), maxBlocks) {
				p.Others = append(p.Others, xmltok.Foreign(c))
			}
		}
	case n.Is(Space, "EmergencyCallDataReference"):
		ref := Reference{Purpose: xmltok.Collapse(n.Attr("purpose")), URI: xmltok.Collapse(n.Attr("ref"))}
		r.need(n, "purpose", ref.Purpose != "")
		r.need(n, "ref", ref.URI != "")
		for c := range n.Children() {
			r.other(c, Space, &ref.Extensions)
		}
		if ref.URI != "" && r.room(n, len(p.References), maxBlocks) {
			p.References = append(p.References, ref)
		}
	case r.room(n, len(p.Extensions), maxBlocks):
		p.Extensions = append(p.Extensions, xmltok.Foreign(n))
	}
}

// block reads one block, or reports that it is none.
func (r *reader) block(p *ProvidedBy, n xmltok.Node) bool {
	switch {
	case n.Is(SpaceProviderInfo, PurposeProviderInfo):
		if r.room(n, len(p.Providers), maxBlocks) {
			p.Providers = append(p.Providers, r.provider(n))
		}
	case n.Is(SpaceServiceInfo, PurposeServiceInfo):
		if r.room(n, len(p.Services), maxBlocks) {
			p.Services = append(p.Services, r.service(n))
		}
	case n.Is(SpaceDeviceInfo, PurposeDeviceInfo):
		if r.room(n, len(p.Devices), maxBlocks) {
			p.Devices = append(p.Devices, r.device(n))
		}
	case n.Is(SpaceSubscriberInfo, PurposeSubscriberInfo):
		if r.room(n, len(p.Subscribers), maxBlocks) {
			p.Subscribers = append(p.Subscribers, r.subscriber(n))
		}
	case n.Is(SpaceComment, PurposeComment):
		if r.room(n, len(p.Comments), maxBlocks) {
			p.Comments = append(p.Comments, r.comment(n))
		}
	default:
		return false
	}
	return true
}

func (r *reader) provider(n xmltok.Node) ProviderInfo {
	var p ProviderInfo
	for c := range n.Children() {
		if c.Space() != SpaceProviderInfo {
			r.other(c, SpaceProviderInfo, &p.Extensions)
			continue
		}
		switch c.Local() {
		case "DataProviderReference":
			r.once(c, &p.Reference, c.Token())
		case "DataProviderString":
			r.once(c, &p.Name, trimmed(c))
		case "ProviderID":
			r.once(c, &p.ID, trimmed(c))
		case "ProviderIDSeries":
			r.once(c, &p.Series, trimmed(c))
		case "TypeOfProvider":
			r.once(c, &p.Type, c.Token())
		case "ContactURI":
			r.once(c, &p.ContactURI, c.Token())
		case "Language":
			if l := strings.ToLower(c.Token()); !isLanguage(l) {
				r.fail(c, "%q is no language", l)
			} else if r.room(c, len(p.Languages), maxBlocks) {
				p.Languages = append(p.Languages, l)
			}
		case "DataProviderContact":
			p.Contacts = append(p.Contacts, r.cards(c)...)
		case "SubcontractorPrincipal":
			r.once(c, &p.SubcontractorPrincipal, trimmed(c))
		case "SubcontractorPriority":
			r.once(c, &p.SubcontractorPriority, trimmed(c))
		default:
			r.fail(c, "unknown element")
		}
	}
	r.need(n, "DataProviderReference", p.Reference != "")
	r.need(n, "TypeOfProvider", p.Type != "")
	r.need(n, "ContactURI", p.ContactURI != "")
	r.need(n, "Language", len(p.Languages) > 0)
	return p
}

func (r *reader) service(n xmltok.Node) ServiceInfo {
	var s ServiceInfo
	for c := range n.Children() {
		if c.Space() != SpaceServiceInfo {
			r.other(c, SpaceServiceInfo, &s.Extensions)
			continue
		}
		switch c.Local() {
		case "DataProviderReference":
			r.once(c, &s.Reference, c.Token())
		case "ServiceEnvironment":
			r.once(c, &s.Environment, trimmed(c))
		case "ServiceType":
			if v := trimmed(c); v == "" {
				r.fail(c, "empty")
			} else if r.room(c, len(s.Types), maxBlocks) {
				s.Types = append(s.Types, v)
			}
		case "ServiceMobility":
			r.once(c, &s.Mobility, trimmed(c))
		default:
			r.fail(c, "unknown element")
		}
	}
	r.need(n, "DataProviderReference", s.Reference != "")
	r.need(n, "ServiceType", len(s.Types) > 0)
	r.need(n, "ServiceMobility", s.Mobility != "")
	return s
}

func (r *reader) device(n xmltok.Node) DeviceInfo {
	var d DeviceInfo
	for c := range n.Children() {
		if c.Space() != SpaceDeviceInfo {
			r.other(c, SpaceDeviceInfo, &d.Extensions)
			continue
		}
		switch c.Local() {
		case "DataProviderReference":
			r.once(c, &d.Reference, c.Token())
		case "DeviceClassification":
			r.once(c, &d.Classification, trimmed(c))
		case "DeviceMfgr":
			r.once(c, &d.Manufacturer, trimmed(c))
		case "DeviceModelNr":
			r.once(c, &d.Model, trimmed(c))
		case "UniqueDeviceID":
			id := DeviceID{Type: strings.Trim(c.Attr("TypeOfDeviceID"), " \t\r\n"), Value: trimmed(c)}
			r.need(c, "TypeOfDeviceID", id.Type != "")
			if r.room(c, len(d.IDs), maxBlocks) {
				d.IDs = append(d.IDs, id)
			}
		case "DeviceSpecificData":
			r.once(c, &d.SpecificData, c.Token())
		case "DeviceSpecificType":
			r.once(c, &d.SpecificType, trimmed(c))
		default:
			r.fail(c, "unknown element")
		}
	}
	r.need(n, "DataProviderReference", d.Reference != "")
	return d
}

func (r *reader) subscriber(n xmltok.Node) SubscriberInfo {
	var s SubscriberInfo
	switch v := xmltok.Collapse(n.Attr("privacyRequested")); v {
	case "true", "1":
		s.PrivacyRequested = true
	case "false", "0":
	default:
		r.fail(n, "privacyRequested is %q, not a boolean", v)
	}
	for c := range n.Children() {
		switch {
		case c.Is(SpaceSubscriberInfo, "DataProviderReference"):
			r.once(c, &s.Reference, c.Token())
		case c.Is(SpaceSubscriberInfo, "SubscriberData"):
			s.Cards = append(s.Cards, r.cards(c)...)
		default:
			r.other(c, SpaceSubscriberInfo, &s.Extensions)
		}
	}
	r.need(n, "DataProviderReference", s.Reference != "")
	r.need(n, "SubscriberData with a vcard", len(s.Cards) > 0)
	return s
}

func (r *reader) comment(n xmltok.Node) Comment {
	var k Comment
	for c := range n.Children() {
		switch {
		case c.Is(SpaceComment, "DataProviderReference"):
			r.once(c, &k.Reference, c.Token())
		case c.Is(SpaceComment, "Comment"):
			if r.room(c, len(k.Comments), maxBlocks) {
				k.Comments = append(k.Comments, Text{Lang: xmltok.Collapse(c.Lang()), Text: trimmed(c)})
			}
		default:
			r.other(c, SpaceComment, &k.Extensions)
		}
	}
	r.need(n, "DataProviderReference", k.Reference != "")
	return k
}

func (r *reader) cards(n xmltok.Node) []VCard {
	var cards []VCard
	for c := range n.Children() {
		if !c.Is(SpaceVCard, "vcard") {
			r.fail(c, "not a vcard")
		} else if r.room(c, len(cards), maxBlocks) {
			cards = append(cards, r.card(c))
		}
	}
	return cards
}

func (r *reader) card(n xmltok.Node) VCard {
	var card VCard
	for c := range n.Children() {
		switch {
		case c.Is(SpaceVCard, "group"):
			g := Group{Name: xmltok.Trim(c.Attr("name"))}
			for p := range c.Children() {
				g.Properties = r.property(g.Properties, p)
			}
			sortProperties(g.Properties)
			if r.room(c, len(card.Groups), maxBlocks) {
				card.Groups = append(card.Groups, g)
			}
		case c.Space() == SpaceVCard:
			card.Properties = r.property(card.Properties, c)
		default:
			r.other(c, SpaceVCard, &card.Extensions)
		}
	}
	sortProperties(card.Properties)
	return card
}

// sortProperties puts properties in the order in which they are written, so
// that what is read, written and read again is equal.
func sortProperties(ps []Property) {
	slices.SortStableFunc(ps, func(a, b Property) int { return order(a.Name) - order(b.Name) })
}

func (r *reader) property(ps []Property, n xmltok.Node) []Property {
	if !r.room(n, len(ps), maxValues) {
		return ps
	}
	p := Property{Name: n.Local()}
	for c := range n.Children() {
		if c.Is(SpaceVCard, "parameters") {
			for k := range c.Children() {
				if r.room(k, len(p.Params), maxBlocks) {
					p.Params = append(p.Params, Param{Name: k.Local(), Values: r.values(nil, k)})
				}
			}
			continue
		}
		p.Values = r.value(p.Values, c)
	}
	return append(ps, p)
}

func (r *reader) values(vs []Value, n xmltok.Node) []Value {
	for c := range n.Children() {
		vs = r.value(vs, c)
	}
	return vs
}

func (r *reader) value(vs []Value, n xmltok.Node) []Value {
	if !r.room(n, len(vs), maxValues) {
		return vs
	}
	v := Value{Kind: n.Local()}
	switch v.Kind {
	case "uri", "date", "time", "date-time", "timestamp", "boolean", "integer", "float", "utc-offset", "language-tag", "sex", "sourceid":
		v.Text = n.Token()
	default:
		v.Text = trimmed(n)
	}
	return append(vs, v)
}
