package pidflo

import (
	"math"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// AppendShape appends one shape alone, for LoST too. Its reference system stands
// on it (RFC 5491, section 5): EPSG 4979 when it has altitudes, else 4326.
func AppendShape(dst []byte, s Shape) ([]byte, error) {
	w := writer{dst: dst}
	if err := w.shape(s); err != nil {
		return dst, err
	}
	return w.dst, nil
}

const (
	flatSRS  = ` srsName="urn:ogc:def:crs:EPSG::4326">`
	solidSRS = ` srsName="urn:ogc:def:crs:EPSG::4979">`
	gmlTag   = ` xmlns:gml="` + SpaceGML + `"`
	gsTag    = gmlTag + ` xmlns:gs="` + SpaceShape + `"`
)

func (w *writer) shape(s Shape) error {
	name := ""
	var err error
	switch s := s.(type) {
	case Point:
		name, err = "Point", w.point(s)
	case Circle:
		name, err = "Circle", w.circle(s)
	case Ellipse:
		name, err = "Ellipse", w.ellipse(s)
	case ArcBand:
		name, err = "ArcBand", w.arcBand(s)
	case Sphere:
		name, err = "Sphere", w.sphere(s)
	case Ellipsoid:
		name, err = "Ellipsoid", w.ellipsoid(s)
	case Polygon:
		name, err = "Polygon", w.polygon(s)
	case Prism:
		name, err = "Prism", w.prism(s)
	default:
		return &ParseError{Reason: "no shape that can be written"}
	}
	if err != nil {
		return xmltok.Within(name, err)
	}
	return nil
}

func (w *writer) point(s Point) error {
	w.str("<gml:Point" + gmlTag)
	w.srs(s.Pos.HasAlt)
	if err := w.pos(s.Pos); err != nil {
		return err
	}
	w.str("</gml:Point>")
	return nil
}

func (w *writer) circle(s Circle) error {
	w.str("<gs:Circle" + gsTag + flatSRS)
	if err := w.flatPos(s.Center); err != nil {
		return err
	}
	if err := w.length("radius", s.Radius); err != nil {
		return err
	}
	w.str("</gs:Circle>")
	return nil
}

func (w *writer) ellipse(s Ellipse) error {
	w.str("<gs:Ellipse" + gsTag + flatSRS)
	if err := w.flatPos(s.Center); err != nil {
		return err
	}
	if err := w.length("semiMajorAxis", s.SemiMajor); err != nil {
		return err
	}
	if err := w.length("semiMinorAxis", s.SemiMinor); err != nil {
		return err
	}
	if err := w.angle("orientation", s.Orientation); err != nil {
		return err
	}
	w.str("</gs:Ellipse>")
	return nil
}

func (w *writer) arcBand(s ArcBand) error {
	w.str("<gs:ArcBand" + gsTag + flatSRS)
	if err := w.flatPos(s.Center); err != nil {
		return err
	}
	if err := w.length("innerRadius", s.Inner); err != nil {
		return err
	}
	if err := w.length("outerRadius", s.Outer); err != nil {
		return err
	}
	if err := w.angle("startAngle", s.Start); err != nil {
		return err
	}
	if err := w.angle("openingAngle", s.Opens); err != nil {
		return err
	}
	w.str("</gs:ArcBand>")
	return nil
}

func (w *writer) sphere(s Sphere) error {
	w.str("<gs:Sphere" + gsTag + solidSRS)
	if err := w.solidPos(s.Center); err != nil {
		return err
	}
	if err := w.length("radius", s.Radius); err != nil {
		return err
	}
	w.str("</gs:Sphere>")
	return nil
}

func (w *writer) ellipsoid(s Ellipsoid) error {
	w.str("<gs:Ellipsoid" + gsTag + solidSRS)
	if err := w.solidPos(s.Center); err != nil {
		return err
	}
	if err := w.length("semiMajorAxis", s.SemiMajor); err != nil {
		return err
	}
	if err := w.length("semiMinorAxis", s.SemiMinor); err != nil {
		return err
	}
	if err := w.length("verticalAxis", s.Vertical); err != nil {
		return err
	}
	if err := w.angle("orientation", s.Orientation); err != nil {
		return err
	}
	w.str("</gs:Ellipsoid>")
	return nil
}

func (w *writer) polygon(s Polygon) error {
	w.str("<gml:Polygon" + gmlTag)
	w.srs(!flat(s.Exterior))
	if err := w.ring(s.Exterior); err != nil {
		return err
	}
	w.str("</gml:Polygon>")
	return nil
}

func (w *writer) prism(s Prism) error {
	if flat(s.Base) {
		return refuse("base", "every corner needs its altitude (EPSG 4979)")
	}
	if !(s.Height > 0) {
		return refuse("height", "not above zero (RFC 5491, section 5.2.8)")
	}
	w.str("<gs:Prism" + gsTag + solidSRS + "<gs:base><gml:Polygon>")
	if err := w.ring(s.Base); err != nil {
		return xmltok.Within("base", xmltok.Within("Polygon", err))
	}
	w.str("</gml:Polygon></gs:base>")
	if err := w.length("height", s.Height); err != nil {
		return err
	}
	w.str("</gs:Prism>")
	return nil
}

func (w *writer) srs(altitude bool) {
	if altitude {
		w.str(solidSRS)
	} else {
		w.str(flatSRS)
	}
}

func (w *writer) flatPos(p Pos) error {
	if p.HasAlt {
		return refuse("pos", "this shape has no altitude (RFC 5491, section 5.2)")
	}
	return w.pos(p)
}

func (w *writer) solidPos(p Pos) error {
	if !p.HasAlt {
		return refuse("pos", "this shape needs an altitude (EPSG 4979)")
	}
	return w.pos(p)
}

func (w *writer) pos(p Pos) error {
	if !onEarth(p) || (p.Alt != 0 && !p.HasAlt) {
		return refuse("pos", "not a position on the earth")
	}
	b := number(append(w.dst, "<gml:pos>"...), p.Lat)
	b = number(append(b, ' '), p.Lon)
	if p.HasAlt {
		b = number(append(b, ' '), p.Alt)
	}
	w.dst = append(b, "</gml:pos>"...)
	return nil
}

func (w *writer) ring(ring []Pos) error {
	if crosses(ring) {
		return refuse("exterior", "its sides cross each other (RFC 5491, section 5.2.2)")
	}
	return w.corners("exterior", ring)
}

// corners writes a ring closed, as the exterior of a polygon counter-clockwise
// (RFC 5491, section 5.2.2), as an interior clockwise (RFC 5964, section 3).
func (w *writer) corners(side string, ring []Pos) error {
	n := len(ring)
	switch {
	case n < 3:
		return refuse(side, "fewer than three corners")
	case !flat(ring) && !solid(ring):
		return refuse(side, "some corners have an altitude and some have none")
	}
	w.str("<gml:")
	w.str(side)
	w.str("><gml:LinearRing>")
	back := clockwise(ring) == (side == "exterior")
	for i := range n + 1 {
		at := i % n
		if back {
			at = (n - i) % n
		}
		if p := ring[at]; p.Alt != ring[0].Alt {
			return refuse(side, "its corners are not at one altitude (RFC 5491, section 5.2.2)")
		}
		if err := w.pos(ring[at]); err != nil {
			return xmltok.Within(side, xmltok.Within("LinearRing", err))
		}
	}
	w.str("</gml:LinearRing></gml:")
	w.str(side)
	w.str(">")
	return nil
}

func (w *writer) length(name string, v float64) error {
	if !(v >= 0 && v <= mostNumber) {
		return refuse(name, "not a length in metres")
	}
	w.measure(name, `uom="urn:ogc:def:uom:EPSG::9001">`, v)
	return nil
}

func (w *writer) angle(name string, v float64) error {
	if !(math.Abs(v) <= mostNumber) {
		return refuse(name, "not an angle in degrees")
	}
	w.measure(name, `uom="urn:ogc:def:uom:EPSG::9102">`, v)
	return nil
}

func (w *writer) measure(name, uom string, v float64) {
	b := append(append(w.dst, "<gs:"...), name...)
	b = number(append(append(b, ' '), uom...), v)
	w.dst = append(append(append(b, "</gs:"...), name...), '>')
}
