package lost

import "github.com/callbox911/callbox/wire/internal/xmltok"

func (d *decoder) listBoundaryMessage(n xmltok.Node) Message {
	switch n.Local() {
	case "getServiceListBoundary":
		m := &GetServiceListBoundary{Key: d.key(n, "serviceListKey")}
		d.others(n, &m.Extensions, func(xmltok.Node, string) {})
		return m
	case "getServiceListBoundaryResponse":
		m := &GetServiceListBoundaryResponse{}
		for c := range n.Children() {
			switch {
			case c.Is(SpaceList, "serviceListBoundary"):
				m.Boundaries = append(m.Boundaries, d.listBoundary(c))
			case c.Is(Space, "path"):
				m.Path = d.path(c)
			case c.Space() != Space:
				m.Extensions = append(m.Extensions, xmltok.Foreign(c))
			}
		}
		if len(m.Boundaries) == 0 {
			d.fail(n, "no serviceListBoundary")
		}
		return m
	}
	return nil
}

func (d *decoder) listBoundary(n xmltok.Node) ListBoundary {
	return ListBoundary{Boundary: d.boundary(n), Expires: expires(n)}
}

func (d *decoder) syncMessage(n xmltok.Node) Message {
	switch n.Local() {
	case "getMappingsRequest":
		m := &GetMappingsRequest{}
		for c := range n.Children() {
			switch {
			case c.Is(SpaceSync, "exists"):
				d.exists(m, c)
			case c.Space() != Space:
				m.Extensions = append(m.Extensions, xmltok.Foreign(c))
			}
		}
		return m
	case "getMappingsResponse":
		m := &GetMappingsResponse{}
		d.others(n, &m.Extensions, d.mappingsTo(&m.Mappings))
		return m
	case "pushMappings":
		m := &PushMappings{}
		d.others(n, &m.Extensions, d.mappingsTo(&m.Mappings))
		if len(m.Mappings) == 0 {
			d.fail(n, "no mapping")
		}
		return m
	case "pushMappingsResponse":
		m := &PushMappingsResponse{}
		d.others(n, &m.Extensions, func(xmltok.Node, string) {})
		return m
	}
	return nil
}

func (d *decoder) mappingsTo(to *[]Mapping) func(xmltok.Node, string) {
	return func(c xmltok.Node, name string) {
		if name == "mapping" {
			d.appendMapping(to, c)
		}
	}
}

// exists reads one of the lists of fingerprints: the prose of RFC 6739 allows
// several, its grammar one.
func (d *decoder) exists(m *GetMappingsRequest, n xmltok.Node) {
	for c := range n.Children() {
		if !c.Is(SpaceSync, "mapping-fingerprint") {
			continue
		}
		if d.mappings++; d.mappings > d.lim.Mappings {
			d.fail(c, "more than %d mappings: %w", d.lim.Mappings, ErrTooLarge)
			return
		}
		f := Fingerprint{Source: attr(c, "source"), SourceID: attr(c, "sourceId"), LastUpdated: dateTime(c.Attr("lastUpdated"))}
		d.others(c, &f.Extensions, func(xmltok.Node, string) {})
		m.Exists = append(m.Exists, f)
	}
}
