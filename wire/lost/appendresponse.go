package lost

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Root is findServiceResponse.
func (*FindServiceResponse) Root() Name { return Name{Space, "findServiceResponse"} }

// Root is listServicesResponse.
func (*ListServicesResponse) Root() Name { return Name{Space, "listServicesResponse"} }

// Root is listServicesByLocationResponse.
func (*ListServicesByLocationResponse) Root() Name {
	return Name{Space, "listServicesByLocationResponse"}
}

// Root is getServiceBoundaryResponse.
func (*GetServiceBoundaryResponse) Root() Name { return Name{Space, "getServiceBoundaryResponse"} }

// Root is getServiceListBoundaryResponse.
func (*GetServiceListBoundaryResponse) Root() Name {
	return Name{SpaceList, "getServiceListBoundaryResponse"}
}

// Root is errors.
func (*Errors) Root() Name { return Name{Space, "errors"} }

// Root is redirect.
func (*Redirect) Root() Name { return Name{Space, "redirect"} }

func (*FindServiceResponse) message()            {}
func (*ListServicesResponse) message()           {}
func (*ListServicesByLocationResponse) message() {}
func (*GetServiceBoundaryResponse) message()     {}
func (*GetServiceListBoundaryResponse) message() {}
func (*Errors) message()                         {}
func (*Redirect) message()                       {}

func (e *encoder) encodeFindServiceResponse(m *FindServiceResponse) {
	e.str(`<findServiceResponse xmlns="` + Space + `">`)
	e.mappings(m.Mappings, "")
	if m.Validation != nil {
		e.in("locationValidation", -1, func() { e.validation(m.Validation) })
	}
	e.warnings(m.Warnings)
	e.path(m.Path)
	e.extensions(m.Extensions)
	e.used(m.LocationUsed)
	e.str("</findServiceResponse>")
}

func (e *encoder) encodeListServicesResponse(m *ListServicesResponse) {
	e.str(`<listServicesResponse xmlns="` + Space + `">`)
	e.serviceList(m.Services)
	e.warnings(m.Warnings)
	e.path(m.Path)
	e.extensions(m.Extensions)
	e.str("</listServicesResponse>")
}

func (e *encoder) encodeListServicesByLocationResponse(m *ListServicesByLocationResponse) {
	e.str(`<listServicesByLocationResponse xmlns="` + Space + `">`)
	e.serviceList(m.Services)
	e.warnings(m.Warnings)
	e.path(m.Path)
	e.extensions(m.Extensions)
	e.used(m.LocationUsed)
	const declare = ` xmlns:slb="` + SpaceList + `"`
	switch byReference := !m.Reference.isZero(); {
	case byReference && len(m.Boundaries) > 0:
		e.fail("a boundary by value and by reference")
	case byReference:
		e.in("serviceListBoundaryReference", -1, func() {
			e.reference("slb:serviceListBoundaryReference", declare, "serviceListKey", &m.Reference)
		})
	}
	e.listBoundaries(m.Boundaries, declare)
	e.str("</listServicesByLocationResponse>")
}

func (e *encoder) encodeGetServiceBoundaryResponse(m *GetServiceBoundaryResponse) {
	e.str(`<getServiceBoundaryResponse xmlns="` + Space + `">`)
	if len(m.Boundaries) == 0 {
		e.fail("no serviceBoundary")
	}
	e.boundaries(m.Boundaries)
	e.warnings(m.Warnings)
	e.path(m.Path)
	e.extensions(m.Extensions)
	e.str("</getServiceBoundaryResponse>")
}

func (e *encoder) encodeGetServiceListBoundaryResponse(m *GetServiceListBoundaryResponse) {
	e.str(`<slb:getServiceListBoundaryResponse xmlns:slb="` + SpaceList + `">`)
	if len(m.Boundaries) == 0 {
		e.fail("no serviceListBoundary")
	}
	e.listBoundaries(m.Boundaries, "")
	e.str("<path")
	e.pathIn(m.Path, ` xmlns="`+Space+`"`)
	e.extensions(m.Extensions)
	e.str("</slb:getServiceListBoundaryResponse>")
}

func (e *encoder) encodeErrors(m *Errors) {
	e.str(`<errors xmlns="` + Space + `"`)
	e.exceptions(&m.Exceptions)
	for i := range m.NotDeleted {
		e.in("notDeleted", i, func() { e.notDeleted(&m.NotDeleted[i]) })
	}
	if len(m.List) == 0 && len(m.NotDeleted) == 0 && len(m.Extensions) == 0 {
		e.fail("no error")
	}
	e.str("</errors>")
}

func (e *encoder) encodeRedirect(m *Redirect) {
	e.str(`<redirect xmlns="` + Space + `"`)
	e.host("target", m.Target)
	e.host("source", m.Source)
	e.text(m.Message)
	e.end("redirect", m.Extensions)
}

func (e *encoder) used(id string) {
	if id != "" {
		e.str("<locationUsed")
		e.attr("id", id)
		e.str("/>")
	}
}

func (e *encoder) serviceList(list []string) {
	e.str("<serviceList>")
	for i, s := range list {
		u := s
		if !isPlainURI(s) {
			if u = xmltok.CleanURI(s); u == "" {
				e.fail("service %q is no absolute URI", clip(s))
			}
		}
		if i > 0 {
			e.str(" ")
		}
		e.dst = xmltok.AppendText(e.dst, u)
	}
	e.str("</serviceList>")
}

func (e *encoder) mappings(list []Mapping, declare string) {
	if len(list) == 0 {
		e.fail("no mapping")
	}
	for i := range list {
		e.in("mapping", i, func() { e.mapping(&list[i], declare) })
	}
}

// Prepare encodes all of a mapping but Expires into Encoded, once for the many
// answers that it stands in: a boundary by value is long. The error is that of
// Append.
func (m *Mapping) Prepare() error {
	var e encoder
	e.mappingAfterExpires(m)
	if e.err != nil {
		return fmt.Errorf("write LoST mapping: %w", xmltok.Within("mapping", e.err))
	}
	m.Encoded = e.dst
	return nil
}

func (e *encoder) mapping(m *Mapping, declare string) {
	e.open("mapping", declare)
	e.expires(m.Expires)
	if len(m.Encoded) > 0 {
		e.dst = append(e.dst, m.Encoded...)
		return
	}
	e.mappingAfterExpires(m)
}

func (e *encoder) mappingAfterExpires(m *Mapping) {
	e.time("lastUpdated", m.LastUpdated)
	e.host("source", m.Source)
	e.need("sourceId", m.SourceID)
	e.text(m.Message)
	if m.Deletes() {
		e.str("/>")
		return
	}
	e.str(">")
	for _, t := range m.DisplayNames {
		e.str("<displayName")
		e.lang(t.Lang)
		e.str(">")
		e.holds("displayName", t.Text)
		e.dst = xmltok.AppendText(e.dst, t.Text)
		e.str("</displayName>")
	}
	e.service(m.Service)
	e.boundaries(m.Boundaries)
	if !m.Reference.isZero() {
		if len(m.Boundaries) > 0 {
			e.fail("a boundary by value and by reference")
		}
		e.in("serviceBoundaryReference", -1, func() {
			e.reference("serviceBoundaryReference", "", "key", &m.Reference)
		})
	}
	e.uris(m.URIs)
	if m.ServiceNumber != "" {
		if strings.Trim(m.ServiceNumber, "0123456789*#") != "" {
			e.fail("serviceNumber %q has more than digits, * and #", clip(m.ServiceNumber))
		}
		e.dst = xmltok.AppendElement(e.dst, "serviceNumber", m.ServiceNumber)
	}
	e.extensions(m.Extensions)
	e.str("</mapping>")
}

// uris writes absolute URIs, one for a scheme (RFC 5222, section 5.8).
func (e *encoder) uris(list []string) {
	for i, u := range list {
		if u == "" {
			e.str("<uri/>")
			continue
		}
		scheme, _, _ := strings.Cut(u, ":")
		for _, before := range list[:i] {
			if other, _, _ := strings.Cut(before, ":"); before != "" && strings.EqualFold(scheme, other) {
				e.fail("two uri of the scheme %s", clip(scheme))
			}
		}
		e.uri("uri", u)
	}
}

func (e *encoder) boundaries(list []Boundary) {
	for i := range list {
		e.in("serviceBoundary", i, func() { e.boundary("serviceBoundary", "", &list[i], Expires{}) })
	}
}

func (e *encoder) listBoundaries(list []ListBoundary, declare string) {
	for i := range list {
		e.in("serviceListBoundary", i, func() {
			e.boundary("slb:serviceListBoundary", declare, &list[i].Boundary, list[i].Expires)
		})
	}
}

func (e *encoder) reference(element, declare, key string, r *BoundaryReference) {
	e.open(element, declare)
	e.host("source", r.Source)
	e.need(key, r.Key)
	e.end(element, r.Extensions)
}

// validationPrefixes are declared on locationValidation for the names of civic
// fields in the lists.
var validationPrefixes = [...]struct{ prefix, space string }{
	{"ca", pidflo.SpaceCivic}, {"cae", pidflo.SpaceCivicExt}, {"cdx1", pidflo.SpaceNENA1}, {"cdx2", pidflo.SpaceNENA2},
}

func (e *encoder) validation(v *Validation) {
	e.str("<locationValidation")
	lists := [...]struct {
		name string
		list []Name
	}{{"valid", v.Valid}, {"invalid", v.Invalid}, {"unchecked", v.Unchecked}}
	prefixes := make([]string, 0, 8) // prefix, space in turn
	for _, l := range lists {
		for _, n := range l.list {
			prefixes = e.declare(prefixes, n)
		}
	}
	e.str(">")
	for _, l := range lists {
		if len(l.list) == 0 {
			continue
		}
		e.open(l.name, ">")
		for i, n := range l.list {
			if i > 0 {
				e.str(" ")
			}
			e.str(prefixIn(prefixes, n.Space))
			e.str(":")
			e.str(n.Local)
		}
		e.close(l.name)
	}
	e.extensions(v.Extensions)
	e.str("</locationValidation>")
}

func prefixIn(prefixes []string, space string) string {
	for i := 0; i < len(prefixes); i += 2 {
		if prefixes[i+1] == space {
			return prefixes[i]
		}
	}
	return ""
}

func (e *encoder) declare(prefixes []string, n Name) []string {
	if n.Space == "" || n.Space == Space || n.Space == xmltok.SpaceXML || !xmltok.IsNCName(n.Local) ||
		xmltok.CleanURI(n.Space) != n.Space {
		e.fail("{%s}%s is not the name of a civic field", clip(n.Space), clip(n.Local))
		return prefixes
	}
	if prefixIn(prefixes, n.Space) != "" {
		return prefixes
	}
	prefix := "n" + strconv.Itoa(len(prefixes)/2+1)
	for _, p := range validationPrefixes {
		if p.space == n.Space {
			prefix = p.prefix
		}
	}
	e.attr("xmlns:"+prefix, n.Space)
	return append(prefixes, prefix, n.Space)
}

func (e *encoder) warnings(list []Exceptions) {
	for i := range list {
		e.in("warnings", i, func() {
			e.str("<warnings")
			e.exceptions(&list[i])
			e.str("</warnings>")
		})
	}
}

// exceptions writes the rest of the start tag and the content.
func (e *encoder) exceptions(x *Exceptions) {
	e.host("source", x.Source)
	e.str(">")
	for i := range x.List {
		k := x.List[i].Kind
		for _, before := range x.List[:i] {
			if before.Kind == k {
				e.fail("%s twice", clip(string(k)))
			}
		}
		e.in(string(k), -1, func() { e.exception(&x.List[i]) })
	}
	e.extensions(x.Extensions)
}

func (e *encoder) exception(x *Exception) {
	if !x.Kind.Sendable() {
		e.fail("the grammar of RFC 5222 has no place for it")
		return
	}
	e.open(string(x.Kind), "")
	switch {
	case x.Kind != LocationProfileUnrecognized && len(x.Unsupported) > 0:
		e.fail("unsupported profiles")
	case x.Kind == LocationProfileUnrecognized:
		if len(x.Unsupported) == 0 {
			e.fail("no unsupported profiles")
		}
		for _, p := range x.Unsupported {
			if !isNMTOKEN(p) {
				e.fail("%q is no name of a profile", clip(p))
			}
		}
		e.attr("unsupportedProfiles", strings.Join(x.Unsupported, " "))
	}
	e.text(x.Message)
	e.end(string(x.Kind), x.Extensions)
}

func (e *encoder) notDeleted(x *NotDeleted) {
	e.str(`<sync:notDeleted xmlns:sync="` + SpaceSync + `"`)
	e.text(x.Message)
	e.str(">")
	e.extensions(x.Extensions)
	e.mappings(x.Mappings, "")
	e.str("</sync:notDeleted>")
}
