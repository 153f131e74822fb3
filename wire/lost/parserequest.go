package lost

import (
	"strings"

	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// query is what the requests have in common; what one of them does not have
// is nil.
type query struct {
	locations  *[]Location
	service    *string
	path       *[]Via
	ids        *CallIDs
	list       *ListServicesByLocation
	extensions *[]foreign.Element
}

func (d *decoder) request(n xmltok.Node) Message {
	switch n.Local() {
	case "findService":
		m := &FindService{
			Recursive: d.boolean(n, "recursive"), ValidateLocation: d.boolean(n, "validateLocation"),
			Boundary: d.form(n, "serviceBoundary"),
		}
		if v, ok := n.LookupAttr(SpaceRLI, "returnAdditionalLocation"); ok {
			m.AdditionalLocation = xmltok.Collapse(v)
		}
		d.query(n, query{locations: &m.Locations, service: &m.Service, path: &m.Path, ids: &m.CallIDs, extensions: &m.Extensions})
		return m
	case "listServices":
		// The grammar has no attribute; the i3 test suite sends recursive.
		m := &ListServices{}
		d.query(n, query{service: &m.Service, path: &m.Path, ids: &m.CallIDs, extensions: &m.Extensions})
		return m
	case "listServicesByLocation":
		m := &ListServicesByLocation{Recursive: d.boolean(n, "recursive")}
		d.query(n, query{
			locations: &m.Locations, service: &m.Service, path: &m.Path, ids: &m.CallIDs, list: m, extensions: &m.Extensions,
		})
		return m
	case "getServiceBoundary":
		m := &GetServiceBoundary{Key: d.key(n, "key")}
		d.query(n, query{ids: &m.CallIDs, extensions: &m.Extensions})
		return m
	}
	return nil
}

func (d *decoder) key(n xmltok.Node, name string) string {
	key := attr(n, name)
	if key == "" {
		d.fail(n, "no %s", name)
	}
	return key
}

func (d *decoder) query(n xmltok.Node, q query) {
	for c := range n.Children() {
		switch c.Space() {
		case Space:
			d.queryElement(c, q)
		case SpaceIDs:
			ids, ok := callIDs(c)
			if ok && *q.ids == (CallIDs{}) {
				*q.ids = ids
				continue
			}
			*q.extensions = append(*q.extensions, xmltok.Foreign(c))
		case SpaceList:
			if q.list != nil && c.Local() == "serviceListBoundaryRequest" {
				q.list.WantBoundary, q.list.Boundary = true, d.form(c, "type")
				continue
			}
			*q.extensions = append(*q.extensions, xmltok.Foreign(c))
		default:
			*q.extensions = append(*q.extensions, xmltok.Foreign(c))
		}
	}
	if q.locations != nil && len(*q.locations) == 0 {
		d.fail(n, "no location")
	}
}

func (d *decoder) queryElement(c xmltok.Node, q query) {
	switch c.Local() {
	case "location":
		if q.locations == nil {
			return
		}
		if len(*q.locations) >= d.lim.Locations {
			d.fail(c, "more than %d locations: %w", d.lim.Locations, ErrTooLarge)
			return
		}
		*q.locations = append(*q.locations, d.location(c))
	case "service":
		if q.service != nil {
			*q.service = c.Token()
		}
	case "path":
		if q.path != nil {
			*q.path = d.path(c)
		}
	case "asOf", "revalidateAfter":
		*q.extensions = append(*q.extensions, planned(c))
	}
}

// planned puts an element of the planned-changes draft where it belongs: the
// i3 test suite sends it in the namespace of LoST itself.
func planned(n xmltok.Node) foreign.Element {
	b := []byte("<" + n.Local() + ` xmlns="` + SpacePlan + `">`)
	b = xmltok.AppendText(b, n.Token())
	b = append(b, "</"+n.Local()+">"...)
	return foreign.Element{Space: SpacePlan, Local: n.Local(), XML: string(b)}
}

// callIDs reads emergencyCallIncidentId. One that is not as its schema says is
// kept as a foreign element, so that it is passed on as it came.
func callIDs(n xmltok.Node) (CallIDs, bool) {
	if n.Local() != "emergencyCallIncidentId" || len(n.Attrs()) != 2 || strings.TrimSpace(n.Text()) != "" {
		return CallIDs{}, false
	}
	for range n.Children() {
		return CallIDs{}, false
	}
	ids := CallIDs{CallID: attr(n, "callId"), IncidentID: attr(n, "incidentTrackingId")}
	return ids, ids.CallID != "" && ids.IncidentID != ""
}

// location never fails: a server answers locationInvalid to what it cannot
// use, and may find another location beside it.
func (d *decoder) location(n xmltok.Node) Location {
	l := Location{ID: attr(n, "id"), Profile: attr(n, "profile")}
	for c := range n.Children() {
		var bad error
		switch kind := kindOf(c); {
		case kind == civicElement && l.Civic == nil:
			if l.Civic, bad = d.civic(c); bad == nil {
				continue
			}
		case kind == shapeElement && l.Shape == nil:
			if l.Shape, bad = d.shape(c); bad == nil {
				continue
			}
		case kind >= regionElement && known(l.Profile):
			bad = d.noPlace(c, "not one of the shapes of geodetic-2d")
		}
		if l.Err == nil {
			l.Err = bad
		}
		if c.Space() != Space {
			l.Extensions = append(l.Extensions, xmltok.Foreign(c))
		}
	}
	if l.Err == nil && known(l.Profile) && l.Civic == nil && l.Shape == nil {
		l.Err = d.noPlace(n, "neither a civic address nor a shape")
	}
	return l
}

// known reports whether this package knows what a profile contains. Without
// one a server does the best it can (RFC 5222, section 12.1).
func known(profile string) bool {
	return profile == "" || profile == ProfileCivic || profile == ProfileGeodetic
}

func (d *decoder) boundary(n xmltok.Node) Boundary {
	b := Boundary{Profile: attr(n, "profile")}
	for c := range n.Children() {
		var bad error
		kind, read := kindOf(c), d.shape
		if kind == regionElement {
			read = d.region
		}
		switch kind {
		case civicElement:
			civic, err := d.civic(c)
			if err == nil {
				b.Civics = append(b.Civics, *civic)
				continue
			}
			bad = err
		case shapeElement, regionElement:
			s, err := read(c)
			if err == nil {
				b.Shapes = append(b.Shapes, s)
				continue
			}
			bad = err
		case volumeElement:
			if known(b.Profile) {
				bad = d.noPlace(c, "not one of the shapes of geodetic-2d")
			}
		}
		if b.Err == nil {
			b.Err = bad
		}
		if c.Space() != Space {
			b.Extensions = append(b.Extensions, xmltok.Foreign(c))
		}
	}
	if b.Err == nil && known(b.Profile) && len(b.Civics)+len(b.Shapes) == 0 {
		b.Err = d.noPlace(n, "neither a civic address nor a shape")
	}
	return b
}
