package lost

import (
	"strconv"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Root is findService.
func (*FindService) Root() Name { return Name{Space, "findService"} }

// Root is listServices.
func (*ListServices) Root() Name { return Name{Space, "listServices"} }

// Root is listServicesByLocation.
func (*ListServicesByLocation) Root() Name { return Name{Space, "listServicesByLocation"} }

// Root is getServiceBoundary.
func (*GetServiceBoundary) Root() Name { return Name{Space, "getServiceBoundary"} }

// Root is getServiceListBoundary.
func (*GetServiceListBoundary) Root() Name { return Name{SpaceList, "getServiceListBoundary"} }

func (*FindService) message()            {}
func (*ListServices) message()           {}
func (*ListServicesByLocation) message() {}
func (*GetServiceBoundary) message()     {}
func (*GetServiceListBoundary) message() {}

func (e *encoder) encodeFindService(m *FindService) {
	e.str(`<findService xmlns="` + Space + `"`)
	e.form("serviceBoundary", m.Boundary)
	e.boolean("recursive", m.Recursive)
	if m.ValidateLocation {
		e.boolean("validateLocation", true)
	}
	e.str(">")
	e.locations(m.Locations)
	e.query(m.Service, m.Path, m.CallIDs, m.Extensions)
	e.str("</findService>")
}

func (e *encoder) encodeListServices(m *ListServices) {
	e.str(`<listServices xmlns="` + Space + `">`)
	e.query(m.Service, m.Path, m.CallIDs, m.Extensions)
	e.str("</listServices>")
}

func (e *encoder) encodeListServicesByLocation(m *ListServicesByLocation) {
	e.str(`<listServicesByLocation xmlns="` + Space + `"`)
	e.boolean("recursive", m.Recursive)
	e.str(">")
	e.locations(m.Locations)
	e.query(m.Service, m.Path, m.CallIDs, m.Extensions)
	if m.WantBoundary {
		e.str(`<slb:serviceListBoundaryRequest xmlns:slb="` + SpaceList + `"`)
		e.form("type", m.Boundary)
		e.str("/>")
	}
	e.str("</listServicesByLocation>")
}

func (e *encoder) encodeGetServiceBoundary(m *GetServiceBoundary) {
	e.str(`<getServiceBoundary xmlns="` + Space + `"`)
	e.need("key", m.Key)
	e.str(">")
	e.query("", nil, m.CallIDs, m.Extensions)
	e.str("</getServiceBoundary>")
}

func (e *encoder) encodeGetServiceListBoundary(m *GetServiceListBoundary) {
	e.str(`<slb:getServiceListBoundary xmlns:slb="` + SpaceList + `"`)
	e.need("serviceListKey", m.Key)
	e.end("slb:getServiceListBoundary", m.Extensions)
}

func (e *encoder) query(service string, path []Via, ids CallIDs, ext []foreign.Element) {
	e.service(service)
	if len(path) > 0 {
		e.path(path)
	}
	if ids != (CallIDs{}) {
		e.str(`<nena:emergencyCallIncidentId xmlns:nena="` + SpaceIDs + `"`)
		e.need("callId", ids.CallID)
		e.need("incidentTrackingId", ids.IncidentID)
		e.str("/>")
	}
	e.extensions(ext)
}

// locations writes one location for a profile, and one baseline profile (RFC
// 5222, section 12.1).
func (e *encoder) locations(list []Location) {
	if len(list) == 0 {
		e.fail("no location")
	}
	civic, geodetic := false, false
	for i := range list {
		l := &list[i]
		for j := range i {
			if list[j].Profile == l.Profile && l.Profile != "" || list[j].ID == l.ID && l.ID != "" {
				e.fail("two locations with the profile %q or the id %q", clip(l.Profile), clip(l.ID))
			}
		}
		civic, geodetic = civic || l.Civic != nil, geodetic || l.Shape != nil
		e.in("location", i, func() { e.location(l, freeID(list, i)) })
	}
	if civic && geodetic {
		e.fail("a civic address and a shape in one query: they are asked for apart")
	}
}

// freeID returns the id of a location, or one that no other has.
func freeID(list []Location, i int) string {
	if list[i].ID != "" {
		return list[i].ID
	}
	id := "l" + strconv.Itoa(i+1)
	for j := 0; j < len(list); j++ {
		if list[j].ID == id {
			id += "x"
			j = -1
		}
	}
	return id
}

func (e *encoder) location(l *Location, id string) {
	e.str("<location")
	e.attr("id", id)
	profile := e.profile(l.Profile, profileOf(l.Civic != nil, l.Shape != nil))
	e.str(">")
	switch {
	case l.Civic != nil && l.Shape != nil:
		e.fail("a civic address and a shape in one location")
	case known(profile) && l.Civic == nil && l.Shape == nil && len(l.Extensions) == 0:
		e.fail("neither a civic address nor a shape")
	case l.Civic != nil:
		one := [1]*pidflo.Civic{l.Civic}
		e.place(profile, one[:], nil)
	case l.Shape != nil:
		if _, ok := l.Shape.(pidflo.Region); ok {
			e.fail("a polygon with holes is no location")
		}
		one := [1]pidflo.Shape{l.Shape}
		e.place(profile, nil, one[:])
	}
	e.extensions(l.Extensions)
	e.str("</location>")
}
