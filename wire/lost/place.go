package lost

import (
	"strings"

	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/pidflo"
)

// placeKind is what an element tells about a place.
type placeKind uint8

const (
	foreignElement placeKind = iota
	civicElement
	shapeElement  // one of the shapes of geodetic-2d
	volumeElement // of GML or its PIDF-LO profile, and no such shape
)

// kindOf goes by the local name in the namespaces of GML, which are met in
// several wrong forms: figures 16 and 18 of RFC 5222 bind another one, figure
// 10 none at all, and the i3 test suite takes Circle for a shape of GML.
func kindOf(n xmltok.Node) placeKind {
	if n.Is(pidflo.SpaceCivic, "civicAddress") {
		return civicElement
	}
	switch space := n.Space(); {
	case space == pidflo.SpaceGML || space == pidflo.SpaceShape:
	case strings.HasPrefix(space, "http://www.opengis.net/"), strings.HasPrefix(space, "http://opengis.net/"):
	case space != "" && !strings.Contains(space, ":"): // a prefix that is bound to nothing
	default:
		return foreignElement
	}
	switch n.Local() {
	case "Point", "Circle", "Ellipse", "ArcBand":
		return shapeElement
	case "Polygon":
		for c := range n.Children() {
			if c.Local() == "interior" { // without its holes it would be another region
				return volumeElement
			}
		}
		return shapeElement
	}
	return volumeElement
}

func (d *decoder) civic(n xmltok.Node) (*pidflo.Civic, error) {
	return pidflo.CivicFromNode(n)
}

func (d *decoder) shape(n xmltok.Node) (pidflo.Shape, error) {
	s, err := pidflo.ShapeFromNode(n)
	if err != nil {
		return nil, err
	}
	if p, ok := s.(pidflo.Polygon); ok {
		if d.vertices += len(p.Exterior); d.vertices > d.lim.Vertices {
			d.fail(n, "more than %d vertices: %w", d.lim.Vertices, ErrTooLarge)
		}
	}
	return s, nil
}

// profileOf names the profile of a content.
func profileOf(civic, shape bool) string {
	switch {
	case civic && !shape:
		return ProfileCivic
	case shape && !civic:
		return ProfileGeodetic
	}
	return ""
}

func flat(s pidflo.Shape) bool {
	switch s.(type) {
	case pidflo.Point, pidflo.Circle, pidflo.Polygon, pidflo.Ellipse, pidflo.ArcBand:
		return true
	}
	return false
}

// place writes what is inside a location or a boundary, and what it is
// called. It refuses a content that is not that of the profile.
func (e *encoder) place(profile string, civics []*pidflo.Civic, shapes []pidflo.Shape) {
	switch {
	case profile == ProfileCivic && len(shapes) > 0, profile == ProfileGeodetic && len(civics) > 0:
		e.fail("content that is not of the profile %s", profile)
	}
	for _, c := range civics {
		if e.err != nil {
			return
		}
		dst, err := pidflo.AppendCivic(e.dst, c)
		e.dst = dst
		e.within(err)
	}
	for _, s := range shapes {
		if e.err != nil {
			return
		}
		if p, ok := s.(pidflo.Polygon); !flat(s) || ok && len(p.Exterior) < 3 {
			e.fail("%T is not one of the shapes of geodetic-2d, or has fewer than three corners", s)
			return
		}
		dst, err := pidflo.AppendForwarded(e.dst, s)
		e.dst = dst
		e.within(err)
	}
}
