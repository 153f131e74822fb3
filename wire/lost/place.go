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
	regionElement // a polygon with holes
	volumeElement // of GML or its PIDF-LO profile, and none of these
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
			if c.Local() == "interior" {
				return regionElement
			}
		}
		return shapeElement
	}
	return volumeElement
}

// mostUnusable bounds how many errors with paths one document can cause.
const mostUnusable = 64

// errMoreUnusable is the Err of all further ones.
var errMoreUnusable error = &ParseError{Reason: "too many places before it that cannot be used"}

// noPlace is the Err of what this package cannot use.
func (d *decoder) noPlace(n xmltok.Node, reason string) error {
	if d.unusable >= mostUnusable {
		return errMoreUnusable
	}
	d.unusable++
	return n.Errorf("%s", reason)
}

func (d *decoder) civic(n xmltok.Node) (*pidflo.Civic, error) {
	return pidflo.CivicFromNode(n)
}

func (d *decoder) shape(n xmltok.Node) (pidflo.Shape, error) {
	if d.unusable >= mostUnusable {
		return nil, errMoreUnusable
	}
	s, err := pidflo.ShapeFromNode(n)
	if err != nil {
		d.unusable++
		return nil, err
	}
	if p, ok := s.(pidflo.Polygon); ok {
		d.count(n, p.Exterior)
	}
	return s, nil
}

// region reads a polygon with holes (RFC 5964).
func (d *decoder) region(n xmltok.Node) (pidflo.Shape, error) {
	if d.unusable >= mostUnusable {
		return nil, errMoreUnusable
	}
	r, err := pidflo.RegionFromNode(n)
	if err != nil {
		d.unusable++
		return nil, err
	}
	d.count(n, r.Exterior)
	for _, hole := range r.Holes {
		d.count(n, hole)
	}
	return r, nil
}

func (d *decoder) count(n xmltok.Node, ring []pidflo.Pos) {
	if d.vertices += len(ring); d.vertices > d.lim.Vertices {
		d.fail(n, "more than %d vertices: %w", d.lim.Vertices, ErrTooLarge)
	}
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
	case pidflo.Point, pidflo.Circle, pidflo.Polygon, pidflo.Region, pidflo.Ellipse, pidflo.ArcBand:
		return true
	}
	return false
}

// place writes what is inside a location or a boundary. It refuses a content
// that is not that of the profile.
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
		if !flat(s) {
			e.fail("%T is not one of the shapes of geodetic-2d", s)
			return
		}
		dst, err := pidflo.AppendForwarded(e.dst, s)
		e.dst = dst
		e.within(err)
	}
}
