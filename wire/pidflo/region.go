package pidflo

import (
	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// Region is a polygon with holes, as a service boundary of LoST may be (RFC
// 5964). A location of PIDF-LO is never one: RFC 5491 has no holes.
type Region struct {
	Exterior []Pos   // counter-clockwise; the first corner is not repeated at the end
	Holes    [][]Pos // each clockwise, otherwise as Exterior
}

// Enclose returns the circle around the exterior.
func (r Region) Enclose() Circle { return Polygon{Exterior: r.Exterior}.Enclose() }

// RegionFromNode reads a polygon with its holes. Whether the holes lie inside
// and apart from each other is not looked at.
func RegionFromNode(n xmltok.Node) (Region, error) {
	r := shapeReader{n: n}
	r.reference()
	var out Region
	for c := range n.Children() {
		switch {
		case !of(c).geometry():
		case c.Local() == "exterior" && out.Exterior == nil:
			out.Exterior = r.ring(c)
		case c.Local() == "interior":
			hole := r.ring(c)
			reverse(hole)
			out.Holes = append(out.Holes, hole)
		}
	}
	if out.Exterior == nil {
		r.fail(n, "no exterior")
	}
	if r.err != nil {
		return Region{}, r.err
	}
	return out, nil
}

// AppendForwarded is AppendShape for a shape that somebody else has drawn and
// that is only passed on, as in LoST: whether the sides of a polygon cross each
// other is not looked at, and a Region is written too.
func AppendForwarded(dst []byte, s Shape) ([]byte, error) {
	var region Region
	switch s := s.(type) {
	case Polygon:
		region.Exterior = s.Exterior
	case Region:
		region = s
	default:
		return AppendShape(dst, s)
	}
	w := writer{dst: dst}
	w.str("<gml:Polygon" + gmlTag)
	w.srs(!flat(region.Exterior))
	err := w.corners("exterior", region.Exterior)
	for i, hole := range region.Holes {
		if err == nil && flat(hole) != flat(region.Exterior) {
			err = refuse(xmltok.Nth("interior", i), "the exterior and a hole differ in whether they have an altitude")
		}
		if err == nil {
			err = w.corners("interior", hole)
		}
	}
	if err != nil {
		return dst, xmltok.Within("Polygon", err)
	}
	w.str("</gml:Polygon>")
	return w.dst, nil
}
