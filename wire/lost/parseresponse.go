package lost

import (
	"strings"
	"time"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// answer is what the responses have in common; what one of them does not have
// is nil.
type answer struct {
	mappings   *[]Mapping
	validation **Validation
	services   *[]string
	boundaries *[]Boundary
	list       *ListServicesByLocationResponse
	warnings   *[]Exceptions
	path       *[]Via
	used       *string
	extensions *[]foreign.Element
}

func (d *decoder) response(n xmltok.Node) Message {
	switch n.Local() {
	case "findServiceResponse":
		m := &FindServiceResponse{}
		d.answer(n, answer{
			mappings: &m.Mappings, validation: &m.Validation, warnings: &m.Warnings, path: &m.Path, used: &m.LocationUsed,
			extensions: &m.Extensions,
		})
		if len(m.Mappings) == 0 {
			d.fail(n, "no mapping")
		}
		return m
	case "listServicesResponse":
		m := &ListServicesResponse{}
		d.answer(n, answer{services: &m.Services, warnings: &m.Warnings, path: &m.Path, extensions: &m.Extensions})
		return m
	case "listServicesByLocationResponse":
		m := &ListServicesByLocationResponse{}
		d.answer(n, answer{
			services: &m.Services, list: m, warnings: &m.Warnings, path: &m.Path, used: &m.LocationUsed,
			extensions: &m.Extensions,
		})
		return m
	case "getServiceBoundaryResponse":
		m := &GetServiceBoundaryResponse{}
		d.answer(n, answer{boundaries: &m.Boundaries, warnings: &m.Warnings, path: &m.Path, extensions: &m.Extensions})
		if len(m.Boundaries) == 0 {
			d.fail(n, "no serviceBoundary")
		}
		return m
	case "errors":
		m := &Errors{}
		d.exceptions(&m.Exceptions, n, &m.NotDeleted)
		return m
	case "redirect":
		m := &Redirect{Target: d.key(n, "target"), Source: attr(n, "source"), Message: message(n)}
		d.others(n, &m.Extensions, func(xmltok.Node, string) {})
		return m
	}
	return nil
}

func (d *decoder) answer(n xmltok.Node, a answer) {
	for c := range n.Children() {
		switch {
		case c.Space() == Space:
			d.answerElement(c, a)
		case a.list != nil && c.Is(SpaceList, "serviceListBoundary"):
			a.list.Boundaries = append(a.list.Boundaries, d.listBoundary(c))
		case a.list != nil && c.Is(SpaceList, "serviceListBoundaryReference") && a.list.Reference.isZero():
			a.list.Reference = d.reference(c, "serviceListKey")
		default:
			*a.extensions = append(*a.extensions, xmltok.Foreign(c))
		}
	}
}

func (d *decoder) answerElement(c xmltok.Node, a answer) {
	switch name := c.Local(); {
	case name == "mapping" && a.mappings != nil:
		d.appendMapping(a.mappings, c)
	case name == "locationValidation" && a.validation != nil && *a.validation == nil:
		*a.validation = d.validation(c)
	case name == "serviceList" && a.services != nil:
		*a.services = append(*a.services, strings.Fields(c.Text())...)
	case name == "serviceBoundary" && a.boundaries != nil:
		*a.boundaries = append(*a.boundaries, d.boundary(c))
	case name == "warnings":
		*a.warnings = append(*a.warnings, Exceptions{})
		d.exceptions(&(*a.warnings)[len(*a.warnings)-1], c, nil)
	case name == "path":
		*a.path = d.path(c)
	case name == "locationUsed" && a.used != nil:
		*a.used = attr(c, "id")
	case name == "asOf" || name == "revalidateAfter":
		*a.extensions = append(*a.extensions, planned(c))
	}
}

func (d *decoder) appendMapping(to *[]Mapping, n xmltok.Node) {
	if d.mappings++; d.mappings > d.lim.Mappings {
		d.fail(n, "more than %d mappings: %w", d.lim.Mappings, ErrTooLarge)
		return
	}
	*to = append(*to, Mapping{})
	d.mapping(&(*to)[len(*to)-1], n)
}

// mapping reads what is there. What is missing or unreadable stays zero: an
// emergency call can be routed by a mapping whose expires is broken, and a
// zero Expires is not Fresh at any time.
func (d *decoder) mapping(m *Mapping, n xmltok.Node) {
	m.Source, m.SourceID = attr(n, "source"), attr(n, "sourceId")
	m.LastUpdated = dateTime(n.Attr("lastUpdated"))
	m.Expires = expires(n)
	m.Message = message(n)
	d.others(n, &m.Extensions, func(c xmltok.Node, name string) {
		switch name {
		case "displayName":
			m.DisplayNames = append(m.DisplayNames, Text{Text: c.Token(), Lang: lang(c)})
		case "service":
			m.Service = c.Token()
		case "serviceBoundary":
			m.Boundaries = append(m.Boundaries, d.boundary(c))
		case "serviceBoundaryReference":
			m.Reference = d.reference(c, "key")
		case "uri":
			m.URIs = append(m.URIs, c.Token())
		case "serviceNumber":
			m.ServiceNumber = c.Token()
		}
	})
}

func (d *decoder) reference(n xmltok.Node, key string) BoundaryReference {
	r := BoundaryReference{Source: attr(n, "source"), Key: attr(n, key)}
	d.others(n, &r.Extensions, func(xmltok.Node, string) {})
	return r
}

func (d *decoder) validation(n xmltok.Node) *Validation {
	v := &Validation{}
	d.others(n, &v.Extensions, func(c xmltok.Node, name string) {
		switch name {
		case "valid":
			v.Valid = names(v.Valid, c)
		case "invalid":
			v.Invalid = names(v.Invalid, c)
		case "unchecked":
			v.Unchecked = names(v.Unchecked, c)
		case "revalidateAfter":
			v.Extensions = append(v.Extensions, planned(c))
		}
	})
	return v
}

// names reads a list of QNames. A name without prefix is a field of RFC 5139,
// as in figure 6 of RFC 5222, although the default namespace there is that of
// LoST. So is one whose prefix nobody declared.
func names(to []Name, n xmltok.Node) []Name {
	for word := range strings.FieldsSeq(n.Text()) {
		space, local, ok := n.ResolveQName(word)
		if !ok {
			_, after, prefixed := strings.Cut(word, ":")
			if local = word; prefixed {
				local = after
			}
			if !xmltok.IsNCName(local) {
				continue
			}
			space = ""
		}
		if space == "" || space == Space {
			space = pidflo.SpaceCivic
			if s, ok := pidflo.CivicSpace(local); ok {
				space = s
			}
		}
		to = append(to, Name{Space: space, Local: local})
	}
	return to
}

func (d *decoder) exceptions(e *Exceptions, n xmltok.Node, notDeleted *[]NotDeleted) {
	e.Source = attr(n, "source")
	for c := range n.Children() {
		switch {
		case c.Space() == Space:
			x := Exception{Kind: Kind(c.Local()), Message: message(c), Unsupported: strings.Fields(c.Attr("unsupportedProfiles"))}
			if len(x.Unsupported) == 0 {
				x.Unsupported = nil
			}
			d.others(c, &x.Extensions, func(xmltok.Node, string) {})
			e.List = append(e.List, x)
		case notDeleted != nil && c.Is(SpaceSync, "notDeleted"):
			x := NotDeleted{Message: message(c)}
			d.others(c, &x.Extensions, func(c xmltok.Node, name string) {
				if name == "mapping" {
					d.appendMapping(&x.Mappings, c)
				}
			})
			*notDeleted = append(*notDeleted, x)
		default:
			e.Extensions = append(e.Extensions, xmltok.Foreign(c))
		}
	}
}

func message(n xmltok.Node) Text {
	t := attr(n, "message")
	if t == "" {
		return Text{}
	}
	return Text{Text: t, Lang: lang(n)}
}

func lang(n xmltok.Node) string { return xmltok.Collapse(n.Lang()) }

func expires(n xmltok.Node) Expires {
	switch v := attr(n, "expires"); v {
	case "NO-CACHE":
		return Expires{Caching: NoCache}
	case "NO-EXPIRATION":
		return Expires{Caching: NoExpiration}
	default:
		return Expires{At: dateTime(v)}
	}
}

// dateTime reads an xs:dateTime; the zero time when it is none.
func dateTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := pidflo.ParseTime(s)
	if err != nil {
		return time.Time{}
	}
	return t
}
